"""Comparing two snapshots of one subscription: what changed, why, what the counts show of it, and what is to come.

    head, delta = compare(head, snapshot)

is the whole of it: a chain of deltas, each from the head to a new head. The head remembers what can't be seen in two
snapshots: pending marks, the context of the last 48 hours, and the reading of Mitigated in force.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from drift.engine import wording
from drift.engine.causes import Scene, classify
from drift.engine.changes import Side, before_first, carry, changed, touched, within, without
from drift.engine.context import Happened, ended, happened, level, recalled, remembered
from drift.engine.exemptions import Exemptions
from drift.engine.scoring import (
    Membership,
    Standing,
    cells,
    counted_resources,
    disagreement,
    membership,
    reported,
    standing,
)
from drift.engine.settling import settle, unseen
from drift.engine.shapley import parts
from drift.engine.units import Cells, Units, join, none
from drift.model import DAY, Cause, Change, Counts, Delta, Effect, Flags, Kind, Longs, Point, Snapshot


@dataclass(frozen=True, slots=True)
class Pending:
    """Changed marks that the counts did not show yet, with the controls and causes that their columns point to."""

    units: Units
    controls: tuple[str, ...]
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """The last snapshot of a chain and what the chain remembers. `pending` is None if it has no predecessor."""

    snapshot: Snapshot
    pending: Pending | None = None
    memory: tuple[Happened, ...] = ()
    healthy_reading: bool = False
    """Whether a Mitigated exemption counts as healthy, as last measured."""


def point(snapshot: Snapshot) -> Point:
    """Where a snapshot stands."""
    order = [control.name.lower() for control in snapshot.controls]
    counts = membership(snapshot.controls, order, snapshot.context, len(snapshot.recommendations)).counts
    effective = Standing(snapshot.marks, counts, *2 * (np.zeros(len(snapshot.marks), np.bool_),)).effective(False)
    return Point(
        taken_at=snapshot.taken_at,
        subscription=snapshot.subscription,
        counts={c.name: Counts(c.maximum, c.healthy, c.counted) for c in snapshot.controls},
        weight=snapshot.score.weight if snapshot.score else 0.0,
        reported=snapshot.score,
        unscored=snapshot.unscored,
        ancestors=snapshot.context.ancestors,
        resources=counted_resources(snapshot.marks, effective),
    )


def compare(head: Head, after: Snapshot) -> tuple[Head, Delta]:
    """The delta from a chain's head to a new snapshot of the same subscription, and the new head.

    An unscored end makes a delta without causes and starts a new chain.
    """
    if head.snapshot.unscored is not None or after.unscored is not None:
        return Head(after, healthy_reading=head.healthy_reading), Delta(point(head.snapshot), point(after))
    return _Comparison(head, after).run()


class _Comparison:
    def __init__(self, head: Head, after: Snapshot) -> None:
        self.head, self.given = head, after
        contexts = level(head.snapshot.context, after.context)
        self.before = replace(head.snapshot, context=contexts[0])
        self.after = replace(after, context=contexts[1])
        controls = (*self.before.controls, *self.after.controls)
        carried = head.pending.controls if head.pending else ()
        self.order = tuple(sorted({control.name.lower() for control in controls} | set(carried)))
        self.names = {control.name.lower(): control.name for control in controls}
        self.members = self._membership(self.before), self._membership(self.after)

    def run(self) -> tuple[Head, Delta]:
        """What happened, whose the changed marks are, which of them the counts show, and what they did."""
        before, after = self.before, self.after
        memory = self.head.memory if self.head.pending else tuple(recalled(before, self.members[0]))
        earlier = remembered(memory, before.taken_at)
        now = happened(before.context, after.context, self.members, after.taken_at) + ended(before, after)
        exemptions = self._exemptions(before, earlier), self._exemptions(after, (*now, *earlier))
        standings = (
            standing(before, before.context, self.members[0].counts, exemptions[0]),
            standing(after, after.context, self.members[1].counts, exemptions[1]),
        )
        healthy = self._healthy_reading(standings)
        sides = self._side(standings[0], self.members[0], healthy), self._side(standings[1], self.members[1], healthy)

        pending = self.head.pending
        if pending is None:
            pending, told_first = self._before_first(sides[0], standings[0], exemptions[0], earlier)
            earlier = (*earlier, *told_first)
        waiting = self._in_order(pending)
        carried, again = carry(waiting, *sides, after.taken_at, healthy)
        fresh = join([without(changed(*sides, after.taken_at), waiting), carried.take(again)])
        scene = self._scene(exemptions, now, earlier, sides, waiting)
        causes, owners, told = classify(fresh, scene)
        units, ordered = _merge(fresh.having(cause=owners), causes, carried.take(~again), pending.causes)

        touched_cells = touched(units, sides[1])
        counts = [np.concatenate(reported(end.controls, self.order)) for end in (before, after)]
        target = counts[1] - counts[0]
        shown = settle(units, touched_cells, target, after.taken_at - DAY)
        settled = self._changes(units, touched_cells, shown, units.effective_from, ordered)
        to_come = self._changes(units, touched_cells, ~shown, units.effective_to, ordered)
        unexplained = self._unexplained(target, settled)

        facts = wording.Facts(self.before, self.after, [h.exemption for h in (*now, *earlier) if h.exemption])
        delta = Delta(
            before=point(self.head.snapshot),
            after=point(self.given),
            changes=tuple(facts.told(change) for change in (*settled, *self._reweighted(), *unexplained)),
            pending=tuple(facts.told(change) for change in to_come),
            notes=wording.notes(standings, healthy, bool((units.since[shown] < after.taken_at - DAY).any() and unexplained)),
            missing=_missing(self.head.snapshot, self.given),
            controls={control.name: control.title for control in (*before.controls, *after.controls)},
        )
        left = Pending(units.take(~shown), self.order, tuple(ordered))
        return Head(self.given, left, (*earlier, *now, *told), healthy), delta

    def _membership(self, snapshot: Snapshot) -> Membership:
        return membership(snapshot.controls, self.order, snapshot.context, len(self.given.recommendations))

    def _exemptions(self, end: Snapshot, around: Iterable[Happened]) -> Exemptions:
        gone = [one.exemption for one in around if one.exemption is not None]
        known = [self.before.context.assignments, self.after.context.assignments]
        either = None if None in known else {**known[0], **known[1]}  # an exemption outlives its assignment's end
        context = replace(end.context, assignments=either)
        return Exemptions(context, end.taken_at, gone, end.resources, end.recommendations)

    def _side(self, standing: Standing, members: Membership, healthy: bool) -> Side:
        effective = standing.effective(healthy)
        return Side(standing.marks, effective, standing.shielded, standing.mitigated, members.member)

    def _healthy_reading(self, standings: tuple[Standing, Standing]) -> bool:
        """Whether Mitigated counts as healthy: the reading that agrees better with the counts of both ends."""
        in_force = self.head.healthy_reading
        if not any((s.mitigated & s.counts[s.marks.recommendation]).any() for s in standings):
            return in_force
        wrong = {reading: 0 for reading in (in_force, not in_force)}
        for reading in wrong:
            for one, members, end in zip(standings, self.members, (self.before, self.after), strict=True):
                counted = cells(one.marks, one.effective(reading), members.member, len(end.resources))
                wrong[reading] += disagreement(counted, reported(end.controls, self.order))
        return min(wrong, key=wrong.__getitem__)

    def _before_first(
        self, side: Side, standing: Standing, exemptions: Exemptions, earlier: tuple[Happened, ...]
    ) -> tuple[Pending, list[Happened]]:
        """What a chain's first snapshot has in its marks and, by all signs, not yet in its counts."""
        units = before_first(side, standing, self.before.taken_at)
        if not len(units):
            return Pending(none(), self.order, ()), []
        near = touched(units, side)
        counted = cells(side.marks, side.effective, side.member, len(self.before.resources))
        excess = np.concatenate(reported(self.before.controls, self.order)) - np.concatenate(counted)
        everything = np.ones(len(units), np.bool_)
        waiting = units.take(unseen(units, near, excess + near.change(units, everything, len(self.order))))
        ends = (exemptions, exemptions)
        scene = self._scene(ends, [], earlier, (side, side), waiting, self.before)
        causes, owners, told = classify(waiting, scene)
        return Pending(waiting.having(cause=owners), self.order, tuple(causes)), told

    def _in_order(self, pending: Pending) -> Units:
        """Pending units with their controls numbered as in this comparison."""
        place = {name: at for at, name in enumerate(self.order)}
        renumbered = np.array([place[name] for name in pending.controls], np.int32)
        return pending.units.having(control=renumbered[pending.units.control])

    def _scene(
        self,
        exemptions: tuple[Exemptions, Exemptions],
        now: list[Happened],
        earlier: tuple[Happened, ...],
        sides: tuple[Side, Side],
        waiting: Units,
        only: Snapshot | None = None,
    ) -> Scene:
        """What the rules look at; `only` where both ends are one snapshot."""
        first, second = (only, only) if only else (self.before, self.after)
        members = (self.members[0], self.members[0]) if only else self.members
        return Scene(
            subscription=self.given.subscription.id,
            taken_to=second.taken_at,
            now=now,
            earlier=earlier,
            context_from=first.context,
            context_to=second.context,
            members_from=members[0],
            members_to=members[1],
            exemptions_from=exemptions[0],
            exemptions_to=exemptions[1],
            had_marks=_having_marks(sides[0], waiting, len(self.given.resources)),
            has_marks=_having_marks(sides[1], none(), len(self.given.resources)),
            resources=self.given.resources,
            recommendations=self.given.recommendations,
        )

    def _changes(
        self, units: Units, near: Cells, chosen: Flags, others: object, causes: list[Cause]
    ) -> list[Change]:
        """What the chosen units did, cause by cause; the others are as given."""
        some = units.take(chosen)
        if not len(some):
            return []
        effects: dict[int, dict[int, Effect]] = {}
        came: dict[int, Fraction] = {}
        went: dict[int, Fraction] = {}
        for cause, control, number, healthy, counted in parts(some, within(near, units, chosen, others)):
            known = effects.setdefault(cause, {}).get(control, Effect(Fraction(0), Fraction(0)))
            effects[cause][control] = Effect(known.healthy + number * healthy, known.counted + number * counted)
            side = came if counted > 0 else went
            side[cause] = side.get(cause, Fraction(0)) + abs(number * counted)
        order = np.argsort(some.cause, kind="stable")
        starts = np.flatnonzero(np.diff(some.cause[order], prepend=-1))
        found = []
        for rows in np.split(order, starts[1:]):
            cause = int(some.cause[rows[0]])
            marks = np.unique(some.resource[rows].astype(np.int64) << 32 | some.recommendation[rows])
            found.append(
                Change(
                    cause=causes[cause],
                    effects={self._name(control): effect for control, effect in sorted(effects[cause].items())},
                    came=came.get(cause, Fraction(0)),
                    went=went.get(cause, Fraction(0)),
                    marks=len(marks),
                    resources=frozenset(self.given.resources[place] for place in np.unique(some.resource[rows])),
                    since=int(some.since[rows].min()),
                )
            )
        return found

    def _name(self, control: int) -> str:
        return self.names.get(self.order[control], self.order[control])

    def _unexplained(self, target: Longs, settled: list[Change]) -> list[Change]:
        """What the counts moved by and no settled mark explains, a cause a control."""
        size = len(self.order)
        found = []
        for at in range(size):
            name = self._name(at)
            own = [change.effects[name] for change in settled if name in change.effects]
            healthy = int(target[at]) - sum((e.healthy for e in own), Fraction(0))
            counted = int(target[size + at]) - sum((e.counted for e in own), Fraction(0))
            if healthy or counted:
                cause = Cause(Kind.UNEXPLAINED, name, self.given.subscription.id)
                effects = {name: Effect(healthy, counted)}
                zero = Fraction(0)
                found.append(Change(cause, effects, max(counted, zero), max(-counted, zero)))
        return found

    def _reweighted(self) -> list[Change]:
        """The controls whose maximum changed while they counted at both ends."""
        old = {c.name.lower(): c for c in self.before.controls}
        return [
            Change(Cause(Kind.CONTROL_REWEIGHTED, control.name, self.given.subscription.id), {})
            for control in self.after.controls
            if (known := old.get(control.name.lower()))
            and known.maximum != control.maximum
            and known.counted
            and control.counted
        ]


def _having_marks(side: Side, waiting: Units, resources: int) -> Flags:
    """Which resources have marks, as the counts show it: pending marks are taken back."""
    number = np.bincount(side.marks.resource, minlength=resources)
    if len(waiting):
        _, first = np.unique(waiting.resource.astype(np.int64) << 32 | waiting.recommendation, return_index=True)
        one = waiting.take(first)
        there = side.rows(one.resource, one.recommendation) >= 0
        was = one.status_from != 0
        np.add.at(number, one.resource[was & ~there], 1)
        np.add.at(number, one.resource[~was & there], -1)
    return number > 0


def _merge(
    fresh: Units, causes: list[Cause], carried: Units, known: tuple[Cause, ...]
) -> tuple[Units, list[Cause]]:
    """Both tables as one, over one list of causes in the order of the table."""
    ordered = sorted({*causes, *(known[at] for at in np.unique(carried.cause))}, key=lambda cause: cause.key)
    place = {cause: at for at, cause in enumerate(ordered)}
    renumbered = [
        units.having(cause=np.array([place.get(cause, -1) for cause in own], np.int64)[units.cause] if len(units) else units.cause)
        for units, own in ((fresh, causes), (carried, known))
    ]
    return join(renumbered), ordered


_FILES = {
    "recommendations": "assessment-metadata.json",
    "inventory": "resources.json",
    "plans": "pricings.json",
    "connectors": "security-connectors.json",
    "assignments": "policy-assignments.json",
    "policy_exemptions": "policy-exemptions.json",
    "standard_exemptions": "standard-assignments.json",
    "graces": "governance-assignments.json",
    "initiatives": "policy-set-definitions.json",
}


def _missing(*ends: Snapshot) -> tuple[str, ...]:
    """The optional answers that are not at hand at one end or the other."""
    return tuple(f for field, f in _FILES.items() if any(getattr(end.context, field) is None for end in ends))

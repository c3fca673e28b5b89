"""Comparing two snapshots of one subscription: what changed, why, what the counts show of it, and what is to come.

    head, delta = compare(head, snapshot)

is the whole of it: a chain of deltas, each from the head to a new head. The head remembers what can't be seen in two
snapshots: pending marks, the context of the last 48 hours, and the reading of Mitigated in force.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from drift.actors import Happening
from drift.engine import wording
from drift.engine.ahead.foretelling import foretell, noticed
from drift.engine.ahead.outlook import Outlook
from drift.engine.causes import Scene, classify
from drift.engine.changes import Side, before_first, carry, changed, touched, without
from drift.engine.context import Happened, ended, happened, level, recalled, remembered
from drift.engine.effects import Tally, by_cell, columns, tallied, unexplained
from drift.engine.evidence.flips import flips
from drift.engine.evidence.records import HEARD, heard_between
from drift.engine.evidence.revisions import revised
from drift.engine.evidence.surroundings import Surroundings
from drift.engine.evidence.witnesses import amended, scoring
from drift.engine.exemptions import Exemptions
from drift.engine.head import Head, Pending, begin, point
from drift.engine.owners import Owners
from drift.engine.scoring import (
    Membership,
    Standing,
    cells,
    disagreement,
    membership,
    reported,
    standing,
)
from drift.engine.settling import settle, unseen
from drift.engine.shapley import Divided
from drift.engine.units import Units, join, none
from drift.kinds import Kind
from drift.model import (
    DAY,
    NEVER,
    Cause,
    CellEffects,
    Change,
    Delta,
    Flags,
    Ints,
    Longs,
    Snapshot,
    no_cells,
)

type Events = Sequence[Happening] | Callable[[], Sequence[Happening]]
"""Events, or who gets them."""


def compare(head: Head, after: Snapshot, *, cells: bool = False, events: Events = ()) -> tuple[Head, Delta]:
    """The delta from a chain's head to a new snapshot of the same subscription, and the new head.

    An unscored end makes a delta without causes and starts a new chain. `cells`: with the effects cell by cell.
    `events`: of the subscription; only those of the time that is looked back on count: see `heard_between`.
    """
    if head.snapshot.unscored is not None or after.unscored is not None:
        start, turned = begin(after, head.healthy_reading), head.at.turned
        if (head.snapshot.unscored is None) != (after.unscored is None):
            known = _within(events, head, after)
            back = HEARD if after.unscored is None else DAY // 2  # a score goes at once, and comes a day later
            turned = scoring(after, known, head.snapshot.taken_at - back)
        start = replace(start, at=replace(start.at, turned=turned))
        return start, Delta(head.at, start.at)
    return _Comparison(head, after, cells, _within(events, head, after)).run()


def _within(events: Events, head: Head, after: Snapshot) -> Sequence[Happening]:
    since, until = heard_between(head.snapshot.taken_at, after.taken_at)
    return [one for one in (events() if callable(events) else events) if since < one.time <= until]


class _Comparison:
    def __init__(self, head: Head, after: Snapshot, cells: bool, events: Sequence[Happening]) -> None:
        self.head, self.given, self.cells, self.events = head, after, cells, events
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
        times = before.taken_at, after.taken_at
        now = happened(before.context, after.context, self.members, *times) + ended(before, after)
        now += [*noticed(before, after), *revised(before.context, after.context, *times)]
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
        around = Surroundings(before, after, (*earlier, *now))
        fresh = fresh.having(cause=owners)
        units, ordered = _merge(fresh, causes, carried.take(~again), pending.causes)

        near = touched(units, sides[1])
        counts = [np.concatenate(reported(end.controls, self.order)) for end in (before, after)]
        target = counts[1] - counts[0]
        shown, late = settle(units, near, target, after.taken_at - DAY)
        done = shown | late
        settled, moved = tallied(units, near, done, units.effective_from, ordered, after.resources)
        to_come, _ = tallied(units, near, ~done, units.effective_to, ordered, after.resources)
        names = [self.names.get(key, key) for key in self.order]
        rest = list(unexplained(target, settled, names, after.subscription.id))
        everything = (*settled, *self._reweighted(), *rest)

        facts = wording.Facts(before, after, around.exemptions)

        def tell(change: Change, tally: Tally) -> Change:
            return around.told(facts.told(change, tally))

        def told_of(tallies: Iterable[Tally]) -> tuple[Change, ...]:
            return tuple(tell(tally.change(self.order), tally) for tally in tallies)

        outlook = Outlook(after, sides[1], standings[1], exemptions[1], (*now, *earlier), healthy, self.events)
        foretold, expected = foretell(outlook, tell, self.order)

        flipped = flips(units.take(done), ordered, before, self.given, (*earlier, *now))
        delta = Delta(
            before=self.head.at,
            after=replace(point(self.given), turned=self.head.at.turned),
            changes=tuple(
                replace(one, flips=own) if (own := flipped.get(one.cause)) else one for one in told_of(everything)
            ),
            effects=columns(everything, self.order),
            pending=told_of(to_come),
            pending_effects=columns(to_come, self.order),
            foretold=foretold,
            foretold_effects=expected,
            notes=wording.notes(standings, healthy, overdue=bool(late.any())),
            missing=_missing(self.head.snapshot, self.given),
            controls=self.names,
            cells=self._cells(moved, settled, ordered, units.take(done)) if self.cells or self.events else no_cells(),
        )
        delta = amended(delta, self.events)
        left = Pending(units.take(~done), self.order, tuple(ordered))
        return Head(self.given, delta.after, left, (*earlier, *now, *told), healthy), delta

    def _cells(
        self, moved: Divided | None, settled: Sequence[Tally], causes: Sequence[Cause], units: Units
    ) -> CellEffects:
        """The effects cell by cell, with who owns each resource, and when its marks changed."""
        change, control, resource, healthy, counted = by_cell(moved, settled, causes)
        places, own = np.unique(resource, return_inverse=True)
        found = tuple(self.given.resources[place] for place in places.tolist())
        owners = Owners(self.given.resources, self.given.context.inventory, self.head.snapshot.context.inventory)
        place = {tally.cause: at for at, tally in enumerate(settled)}
        changes = np.array([place.get(cause, -1) for cause in causes], np.int64)
        times = _latest(changes[units.cause], units, change, resource) if len(units) else np.zeros(0, np.int64)
        who = tuple(map(owners.of, found))
        return CellEffects(change, control, own.astype(np.int32), healthy, counted, found, who, times)

    def _membership(self, snapshot: Snapshot) -> Membership:
        return membership(snapshot.controls, self.order, snapshot.context, len(self.given.recommendations))

    def _exemptions(self, end: Snapshot, around: Iterable[Happened]) -> Exemptions:
        gone = [one.exemption for one in around if one.exemption and one.kind is Kind.EXEMPTION_REMOVED]
        known = end.context.assignments
        if known is not None:  # a mark stays exempt for a while when exemption and assignment are gone
            former = {one.assignment.id.lower(): one.assignment for one in around if one.assignment is not None}
            both = (self.before.context.assignments or {}, self.after.context.assignments or {})
            known = former | {key: value for one in both for key, value in one.items()}
        context = replace(end.context, assignments=known)
        return Exemptions(context, end.taken_at, gone, end.resources, end.recommendations)

    def _side(self, standing: Standing, members: Membership, healthy: bool) -> Side:
        effective = standing.effective(healthy)
        return Side(standing.marks, effective, standing.shielded, standing.mitigated, members.member)

    def _healthy_reading(self, standings: tuple[Standing, Standing]) -> bool:
        """Whether Mitigated counts as healthy: the reading that agrees better with the counts of both ends."""
        in_force = self.head.healthy_reading
        if not any(s.mitigated.any() for s in standings):
            return in_force
        wrong = dict.fromkeys((in_force, not in_force), 0)
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
        if len(waiting):
            unborn = _unborn(side, int(waiting.time.min()), self.before.taken_at)
            scene = replace(scene, had_marks=_having_marks(unborn, none(), len(self.given.resources)))
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
            controls=self.order,
        )

    def _reweighted(self) -> list[Tally]:
        """The controls whose maximum changed while they counted at both ends."""
        old = {c.name.lower(): c for c in self.before.controls}
        return [
            Tally(Cause(Kind.CONTROL_REWEIGHTED, control.name, self.given.subscription.id))
            for control in self.after.controls
            if (known := old.get(control.name.lower()))
            and known.maximum != control.maximum
            and known.counted
            and control.counted
        ]


def _latest(changes: Longs, units: Units, change: Ints, resource: Ints) -> Longs:
    """For each (change, resource) when the last of its marks changed, by its own date; NEVER where none has one."""
    size = int(max(units.resource.max(initial=0), resource.max(initial=0))) + 1
    known, of = np.unique(changes * size + units.resource, return_inverse=True)
    times = np.full(len(known), NEVER, np.int64)
    np.maximum.at(times, of, units.time)
    return times[np.searchsorted(known, change.astype(np.int64) * size + resource)]


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


def _unborn(side: Side, since: int, upto: int) -> Side:
    """The side without the marks that were new in that time, whether they count or not."""
    marks = side.marks
    new = (marks.first != NEVER) & (marks.first >= marks.changed) & (marks.changed >= since) & (marks.changed <= upto)
    return replace(side, marks=replace(marks, resource=marks.resource[~new]))


def _merge(fresh: Units, causes: list[Cause], carried: Units, known: tuple[Cause, ...]) -> tuple[Units, list[Cause]]:
    """Both tables as one, over one list of causes in the order of the table."""
    ordered = sorted({*causes, *(known[at] for at in np.unique(carried.cause))}, key=lambda cause: cause.key)
    place = {cause: at for at, cause in enumerate(ordered)}
    renumbered = [
        units.having(
            cause=np.array([place.get(cause, -1) for cause in own], np.int64)[units.cause]
            if len(units)
            else units.cause
        )
        for units, own in ((fresh, causes), (carried, known))
    ]
    return join(renumbered), ordered


def _missing(*ends: Snapshot) -> tuple[str, ...]:
    """The optional answers that are not at hand at one end or the other."""
    return tuple(
        file for field, file in wording.FILES.items() if any(getattr(end.context, field) is None for end in ends)
    )

"""Giving part of a change to another cause: what is divided sums to what was there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from drift import ids
from drift.actors import PLATFORM, By, Confidence, Evidence
from drift.engine import wording
from drift.kinds import Kind
from drift.model import CellEffects, Change, Delta, Effects, Flips, Longs

_FINEST = 10**6
"""Parts of a cell are fractions with small denominators (Shapley values of few causes): below this they are exact."""


@dataclass(frozen=True, slots=True)
class Part:
    """Resources of a change that the platform's doing is shown of, and how."""

    resources: frozenset[str]
    evidence: Evidence
    confidence: Confidence
    reason: str


def parted(delta: Delta, parts: Mapping[int, Sequence[Part]]) -> Delta:
    """The delta with parts of its changes, by their position, as `recommendation_reevaluated`.

    A change that is all in one part stays in its place, the others come last. One whose cells are not at hand is only
    taken as a whole. The delta itself, if there is nothing to do.
    """
    work = _Work(delta)
    for at, some in sorted(parts.items()):
        for part in sorted(some, key=lambda one: (one.evidence.at, sorted(one.resources))):
            work.give(at, part)
    return work.done()


class _Work:
    """A delta that is being divided."""

    def __init__(self, delta: Delta) -> None:
        self._delta, self._changes = delta, list(delta.changes)
        cells = delta.cells
        self._owner: Longs = cells.change.astype(np.int64)
        self._lower = [one.lower() for one in cells.resources]
        effects = delta.effects
        columns = (
            effects.change.tolist(),
            effects.control.tolist(),
            effects.healthy.tolist(),
            effects.counted.tolist(),
        )
        self._effects = {(change, control): (h, n) for change, control, h, n in zip(*columns, strict=True)}

    def give(self, at: int, part: Part) -> None:
        """Makes a part of a change the platform's."""
        change = self._changes[at]
        theirs = part.resources & change.resources
        if not theirs:
            return
        if theirs == change.resources:
            self._changes[at] = _platforms(change, change.resources, part)
            return
        rows = np.flatnonzero(self._owner == at)
        if not self._agree(at, rows):
            return
        names = {one.lower() for one in theirs}
        hit = np.array([self._lower[place] in names for place in self._delta.cells.resource[rows].tolist()], np.bool_)
        moved, left = rows[hit], rows[~hit]
        new = len(self._changes)
        came, went = self._brought(moved)
        self._changes[at] = _rest(change, theirs, _less(change.came, came), _less(change.went, went))
        self._changes.append(replace(_platforms(change, theirs, part), came=came, went=went))
        self._owner[moved] = new
        sums = self._sums(moved), self._sums(left)
        for control in {control for some in sums for control in some}:
            was = self._effects.pop((at, control))
            for owner, own in ((at, sums[1]), (new, sums[0])):
                if control in own:
                    h, n = own[control]
                    self._effects[owner, control] = float(h), float(n)
            if control not in sums[0]:
                self._effects[at, control] = was

    def done(self) -> Delta:
        """The delta, divided."""
        if all(one is other for one, other in zip(self._changes, self._delta.changes, strict=False)):
            return self._delta
        rows = [(*key, *value) for key, value in sorted(self._effects.items())]
        change, control, healthy, counted = zip(*rows, strict=True) if rows else ((), (), (), ())
        effects = Effects(
            np.array(change, np.int32),
            np.array(control, np.int32),
            np.array(healthy, float),
            np.array(counted, float),
            self._delta.effects.controls,
        )
        return replace(self._delta, changes=tuple(self._changes), effects=effects, cells=self._cells())

    def _cells(self) -> CellEffects:
        cells = self._delta.cells
        order = np.argsort(self._owner, kind="stable")
        return replace(
            cells,
            change=self._owner[order].astype(np.int32),
            control=cells.control[order],
            resource=cells.resource[order],
            healthy=cells.healthy[order],
            counted=cells.counted[order],
            times=cells.times[order] if cells.times is not None else None,
        )

    def _agree(self, at: int, rows: Longs) -> bool:
        """Whether the cells of a change are at hand: they make up its effects."""
        sums = self._sums(rows)
        controls = {control for change, control in self._effects if change == at}
        told = {control: self._effects[at, control] for control in controls}
        return all(
            abs(float(sums.get(control, (0, 0))[side]) - told[control][side]) < 1 / _FINEST
            for control in controls
            for side in (0, 1)
        )

    def _sums(self, rows: Longs) -> dict[int, tuple[Fraction, Fraction]]:
        found: dict[int, tuple[Fraction, Fraction]] = {}
        cells = self._delta.cells
        columns = (cells.control[rows].tolist(), cells.healthy[rows].tolist(), cells.counted[rows].tolist())
        for control, healthy, counted in zip(*columns, strict=True):
            h, n = found.get(control, (Fraction(0), Fraction(0)))
            found[control] = h + _exact(healthy), n + _exact(counted)
        return found

    def _brought(self, rows: Longs) -> tuple[dict[str, Fraction], dict[str, Fraction]]:
        """The counted cells that some rows brought, and took, by control."""
        came: dict[str, Fraction] = {}
        went: dict[str, Fraction] = {}
        cells = self._delta.cells
        for control, counted in zip(cells.control[rows].tolist(), cells.counted[rows].tolist(), strict=True):
            if counted:
                side, name = (came if counted > 0 else went), self._delta.effects.controls[control]
                side[name] = side.get(name, Fraction(0)) + abs(_exact(counted))
        return came, went


def _exact(part: float) -> Fraction:
    return Fraction(part).limit_denominator(_FINEST)


def _less(whole: Mapping[str, Fraction], part: Mapping[str, Fraction]) -> dict[str, Fraction]:
    left = {name: number - part.get(name, Fraction(0)) for name, number in whole.items()}
    return {name: number for name, number in left.items() if number}


def _platforms(change: Change, resources: frozenset[str], part: Part) -> Change:
    """The part of a change that the platform's doing is."""
    return replace(
        change,
        cause=replace(change.cause, kind=Kind.RECOMMENDATION_REEVALUATED),
        marks=len(resources) if resources != change.resources else change.marks,
        resources=resources,
        since=min(
            (at for one in change.flips for name, at in one.times.items() if name in resources), default=change.since
        ),
        title=wording.reassessed(change.title, change.cause.kind),
        evidence=(part.evidence,),
        by=(By(PLATFORM),),
        confidence=part.confidence,
        reason=part.reason,
        flips=(),
    )


def _rest(
    change: Change, without: frozenset[str], came: Mapping[str, Fraction], went: Mapping[str, Fraction]
) -> Change:
    """What is left of a change."""
    left = change.resources - without
    flips = tuple(one for one in (_flips(one, left) for one in change.flips) if one.times)
    gone = {one.lower() for one in without}
    evidence = tuple(
        one for one in change.evidence if one.subject is None or gone.isdisjoint(ids.scopes(one.subject.lower()))
    )
    by, confidence, reason = _by(change, left)
    return replace(
        change,
        came=came,
        went=went,
        marks=change.marks - len(without),
        resources=left,
        since=min((at for one in flips for at in one.times.values()), default=change.since),
        evidence=evidence,
        by=by,
        confidence=confidence,
        reason=reason,
        flips=flips,
    )


def _flips(one: Flips, left: frozenset[str]) -> Flips:
    times = {name: at for name, at in one.times.items() if name in left}
    return replace(one, times=times, written=one.written & left, unwritten=one.unwritten & left)


_OPEN = re.compile(r"^on \d+ of \d+ resources")


def _by(change: Change, left: frozenset[str]) -> tuple[tuple[By, ...], Confidence, str]:
    """Whose doing the rest is; who is named for resources is named for those of them that are left."""
    named = [
        replace(one, resources=one.resources & left) for one in change.by if one.resources and one.resources & left
    ]
    known = frozenset[str]().union(*(one.resources for one in named))
    if named and known == left:
        only = (By(named[0].actor),) if len(named) == 1 else tuple(named)
        return only, "confirmed", ""
    others = [one for one in change.by if not one.resources]
    reason = _OPEN.sub(f"on {len(left - known)} of {len(left)} resources", change.reason)
    return (*named, *others), change.confidence, reason

"""What a comparison notes of marks that flipped, for who is to judge later whether the platform did it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drift import ids
from drift.engine.context import Happened
from drift.engine.evidence.records import LOOK_BACK
from drift.engine.exemptions import initiative
from drift.engine.units import Units
from drift.kinds import Kind
from drift.model import DAY, NEVER, Assignment, Cause, Context, Flips, Inventory, Revision, Snapshot, Status
from drift.names import Names

KINDS = frozenset({Kind.REMEDIATION, Kind.REGRESSION, Kind.APPLICABILITY_CHANGED})
"""The kinds that a verdict can turn into `recommendation_reevaluated`: nothing but the mark itself shows a reason."""

_PLANS = (Kind.PLAN_ENABLED, Kind.PLAN_DISABLED)
_POLICIES = (Kind.POLICY_ENABLED, Kind.POLICY_DISABLED)


def flips(
    units: Units, causes: Sequence[Cause], before: Snapshot, after: Snapshot, around: Sequence[Happened]
) -> dict[Cause, tuple[Flips, ...]]:
    """The flips of the settled units, by cause: those of each way apart. `causes` are what the units' column points to.

    `around`: what changed of the context between the two snapshots and in the time that is remembered.
    """
    wanted = np.array([cause.kind in KINDS for cause in causes], np.bool_)
    rows = np.flatnonzero(wanted[units.cause]) if len(units) else np.zeros(0, np.int64)
    if not len(rows):
        return {}
    some = units.take(rows)
    key = ((some.cause * 4 + some.status_from) * 4 + some.status_to) << 32 | some.resource
    _, first = np.unique(key, return_index=True)  # a mark in two controls is one mark
    some = some.take(first)
    seen = _Seen(some, before, after, around)
    found: dict[Cause, list[Flips]] = {}
    starts = np.flatnonzero(np.diff(key[first] >> 32, prepend=-1))
    for group in np.split(np.arange(len(some)), starts[1:]):
        found.setdefault(causes[int(some.cause[group[0]])], []).append(seen.told(some.take(group)))
    return {cause: tuple(own) for cause, own in found.items()}


class _Seen:
    """What both ends show of the flipped marks' surroundings."""

    def __init__(self, some: Units, before: Snapshot, after: Snapshot, around: Sequence[Happened]) -> None:
        self._begin, self._names = before.taken_at, after.resources
        self._inventory, self._around = after.context.inventory, around
        self._contexts = before.context, after.context
        concerned = np.zeros(len(after.recommendations), np.bool_)
        concerned[some.recommendation] = True
        near = np.flatnonzero(concerned[before.marks.recommendation])
        marks = before.marks
        near = near[np.lexsort((marks.status[near], marks.recommendation[near]))]
        self._stood = marks.recommendation[near].astype(np.int64) * 4 + marks.status[near], marks.resource[near]
        self._plans = {one.name.lower() for one in around if one.kind in _PLANS}

    def told(self, own: Units) -> Flips:
        """Of some flips of one recommendation, all the same way."""
        place, was = int(own.recommendation[0]), int(own.status_from[0])
        key, resource = self._stood
        first, last = np.searchsorted(key, [place * 4 + was, place * 4 + was + 1])
        stood = np.union1d(resource[first:last], own.resource)
        dated = own.time != NEVER
        earliest = np.where(dated, own.time, np.minimum(own.since - DAY, self._begin)) - LOOK_BACK
        reset = self._reset(int(earliest.min()))
        times: dict[str, int] = {}
        written: set[str] = set()
        unwritten: set[str] = set()
        for at, since, low in zip(own.resource.tolist(), own.since.tolist(), earliest.tolist(), strict=True):
            name = self._names[at]
            times[name] = since
            wrote = last_written(name, self._inventory, self._names)
            if reset or wrote >= low or (self._plans and ids.plan_of(name) in self._plans):
                written.add(name)
            elif wrote != NEVER:
                unwritten.add(name)
        return Flips(
            Status(was),
            Status(int(own.status_to[0])),
            times,
            len(stood),
            frozenset(written),
            frozenset(unwritten),
            tuple(
                Revision(one.since, one.at, one.name, one.recommendation == place)
                for one in self._around
                if one.kind is Kind.RECOMMENDATION_REEVALUATED and one.recommendation in (place, -1)
            ),
        )

    def _reset(self, since: int) -> bool:
        """Whether somebody changed an assignment of the benchmark: its parameters decide what is healthy."""
        before, after = self._contexts
        moved = [one for one in self._around if one.kind in _POLICIES]
        if any(one.assignment is not None and initiative(after, one.assignment.definition) for one in moved):
            return True
        for key, new in (after.assignments or {}).items():
            if not initiative(after, new.definition):
                continue
            old = (before.assignments or {}).get(key)
            if old is not None and _values(after, old) != _values(after, new):
                return True
            if since <= new.modified.at <= self._begin:  # then the snapshots don't show what was changed
                known = any(one.name.lower() == key and one.since <= new.modified.at <= one.at for one in moved)
                if not known:
                    return True
        return False


def _values(context: Context, assignment: Assignment) -> set[tuple[str, str]]:
    """The parameters of an assignment that switch no policy: those decide what is healthy."""
    switches = {*(context.switches or {}).get(assignment.definition, {}).values()}
    return {(name, value) for name, value in assignment.parameters.items() if name not in switches}


def last_written(resource: str, inventory: Inventory | None, names: Names) -> int:
    """When a resource, or one that it lies in, was last written; NEVER where none of them tells."""
    latest = NEVER
    if inventory is None or inventory.written is None:
        return latest
    for scope in ids.scopes(resource.lower()):
        if ids.resource_group(scope) in (None, scope):
            break
        place = names.find(scope)
        if place is None:
            continue
        at = int(np.searchsorted(inventory.resource, place))
        if at < len(inventory.resource) and inventory.resource[at] == place:
            latest = max(latest, int(inventory.written[at]))
    return latest

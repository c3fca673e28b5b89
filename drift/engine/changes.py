"""Which marks changed between two ends, as units, and the cells they touch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from drift.engine.scoring import Standing, exempt, find, layers
from drift.engine.units import Cells, Units, join
from drift.model import DAY, NEVER, Because, Bytes, Flags, Ints, Longs, Marks, Status


@dataclass(frozen=True, slots=True)
class Side:
    """The marks of one end and what they contribute."""

    marks: Marks
    effective: Bytes
    shielded: Flags
    mitigated: Flags
    member: Flags
    """[control, recommendation]"""

    def rows(self, resource: Ints, recommendation: Ints) -> Longs:
        """The rows of some marks; -1 where there is none."""
        return find(self.marks, resource, recommendation, self.member.shape[1])

    def contribution(self, control: Ints, recommendation: Ints, rows: Longs) -> Bytes:
        """What marks contribute to controls; NONE where there is no mark or the control does not list it."""
        value = (
            np.where(rows >= 0, self.effective[rows], np.int8(0)) if len(self.marks) else np.zeros(len(rows), np.int8)
        )
        return np.where(self.member[control, recommendation], value, np.int8(0))


def changed(one: Side, other: Side, taken_to: int) -> Units:
    """The units whose contribution differs. Dated by the later mark's own date where that is a new one."""
    at = other.rows(one.marks.resource, one.marks.recommendation)
    in_one = np.arange(len(one.marks))
    new = np.ones(len(other.marks), np.bool_)
    new[at[at >= 0]] = False
    both = at >= 0
    moved = (one.member != other.member).any(axis=0)
    differs = np.ones(len(in_one), np.bool_)
    differs[both] = one.effective[both] != other.effective[at[both]]
    differs[both] |= moved[one.marks.recommendation[both]]
    only_new = np.flatnonzero(new)
    rows_one = np.concatenate([in_one[differs], np.full(len(only_new), -1)])
    rows_other = np.concatenate([at[differs], only_new])
    resource = np.concatenate([one.marks.resource[differs], other.marks.resource[only_new]])
    recommendation = np.concatenate([one.marks.recommendation[differs], other.marks.recommendation[only_new]])
    return _expand(one, other, resource, recommendation, rows_one, rows_other, taken_to)


def _expand(
    one: Side, other: Side, resource: Ints, recommendation: Ints, rows_one: Longs, rows_other: Longs, taken_to: int
) -> Units:
    """The units of some marks, in every control that lists their recommendation at either end."""
    return join(
        [
            _units(one, other, layer[recommendation], resource, recommendation, rows_one, rows_other, taken_to)
            for layer in layers(one.member | other.member)
        ]
    )


def _units(
    one: Side,
    other: Side,
    control: Ints,
    resource: Ints,
    recommendation: Ints,
    rows_one: Longs,
    rows_other: Longs,
    taken_to: int,
) -> Units:
    keep = control >= 0
    control, resource, recommendation = control[keep], resource[keep], recommendation[keep]
    rows_one, rows_other = rows_one[keep], rows_other[keep]
    before = one.contribution(control, recommendation, rows_one)
    after = other.contribution(control, recommendation, rows_other)
    time = date(one, other, rows_one, rows_other, taken_to)
    units = Units(
        control=control,
        resource=resource,
        recommendation=recommendation,
        effective_from=before,
        effective_to=after,
        status_from=pick(one.marks.status, rows_one),
        status_to=pick(other.marks.status, rows_other),
        because_from=pick(one.marks.because, rows_one),
        because_to=pick(other.marks.because, rows_other),
        shielded_from=pick(one.shielded, rows_one),
        shielded_to=pick(other.shielded, rows_other),
        mitigated_from=pick(one.mitigated, rows_one) & one.member[control, recommendation],
        mitigated_to=pick(other.mitigated, rows_other),
        time=time,
        since=np.where(time == NEVER, taken_to, time),
        cause=np.full(len(control), -1, np.int64),
    )
    return units.take(before != after)


def pick[Column: (Bytes, Flags, Longs)](column: Column, rows: Longs) -> Column:
    """A column at some rows; 0 (or false) where the row is -1."""
    if not len(column):
        return np.zeros(len(rows), column.dtype)
    return np.where(rows >= 0, column[rows], column.dtype.type(0))


def date(one: Side, other: Side, rows_one: Longs, rows_other: Longs, taken_to: int) -> Longs:
    """When a mark changed, by the later one's `statusChangeDate` if that is another than before; else NEVER."""
    dates = np.where(rows_other >= 0, pick(other.marks.changed, rows_other), NEVER)
    earlier = np.where(rows_one >= 0, pick(one.marks.changed, rows_one), NEVER)
    return np.where(dates == earlier, NEVER, np.minimum(dates, taken_to))


def touched(units: Units, other: Side) -> Cells:
    """The cells of the units, with the marks in them that did not change, taken from the later end."""
    resources = int(max(units.resource.max(initial=0), other.marks.resource.max(initial=0))) + 1
    own = units.control.astype(np.int64) * resources + units.resource
    key, of = np.unique(own, return_inverse=True)
    near = np.zeros(resources, np.bool_)
    near[units.resource] = True
    rows = np.flatnonzero(near[other.marks.resource] & (other.effective != 0))
    bad, good = (
        np.zeros(len(key), np.int64) - np.bincount(of[units.effective_to == status], minlength=len(key))
        for status in (Status.UNHEALTHY, Status.HEALTHY)
    )
    for layer in layers(other.member):
        control = layer[other.marks.recommendation[rows]]
        inside = rows[control >= 0]
        cell = control[control >= 0].astype(np.int64) * resources + other.marks.resource[inside]
        at = np.minimum(np.searchsorted(key, cell), len(key) - 1)
        hit = key[at] == cell if len(key) else np.zeros(0, np.bool_)
        at, value = at[hit], other.effective[inside[hit]]
        bad += np.bincount(at[value == Status.UNHEALTHY], minlength=len(key))
        good += np.bincount(at[value == Status.HEALTHY], minlength=len(key))
    return Cells((key // resources).astype(np.int32), (key % resources).astype(np.int32), of, bad, good)


def within(cells: Cells, chosen: Flags, rest: Bytes) -> Cells:
    """The cells as the chosen units find them, with the other units as they are in `rest`."""
    others = ~chosen
    size = len(cells.control)
    bad, good = (
        np.bincount(cells.of[others & (rest == status)], minlength=size)
        for status in (Status.UNHEALTHY, Status.HEALTHY)
    )
    return Cells(cells.control, cells.resource, cells.of[chosen], cells.unhealthy + bad, cells.healthy + good)


def carry(pending: Units, one: Side, other: Side, taken_to: int, healthy_reading: bool) -> tuple[Units, Flags]:
    """Pending units seen from a new end: those that still differ from what the counts show, and which changed again.

    One that did not change again keeps its cause and time; one that did is classified anew, from what the counts show.
    """
    rows_one = one.rows(pending.resource, pending.recommendation)
    rows_other = other.rows(pending.resource, pending.recommendation)
    shown = np.where(pending.mitigated_from, np.int8(Status.HEALTHY if healthy_reading else 0), pending.effective_from)
    was = one.contribution(pending.control, pending.recommendation, rows_one)
    now = other.contribution(pending.control, pending.recommendation, rows_other)
    again = was != now
    time = date(one, other, rows_one, rows_other, taken_to)
    since = np.where(time == NEVER, taken_to, time)
    units = pending.having(
        effective_from=shown,
        effective_to=now,
        status_to=pick(other.marks.status, rows_other),
        because_to=pick(other.marks.because, rows_other),
        shielded_to=pick(other.shielded, rows_other),
        mitigated_to=pick(other.mitigated, rows_other),
        time=np.where(again, time, pending.time),
        since=np.where(again, since, pending.since),
    )
    return units.take(shown != now), again[shown != now]


def without(units: Units, others: Units) -> Units:
    """The units that are not among the others."""
    resources = int(max(units.resource.max(initial=0), others.resource.max(initial=0)))
    recommendations = int(max(units.recommendation.max(initial=0), others.recommendation.max(initial=0)))
    sizes = recommendations, resources
    return units.take(~np.isin(units.key(*sizes), others.key(*sizes)))


def before_first(side: Side, standing: Standing, taken_at: int) -> Units:
    """For a chain's first snapshot: the marks that changed in the 24 hours before it, from what they must have been.

    From the opposite status, from Unhealthy if they are Exempt, from no mark if they were first evaluated no earlier
    than they changed. Others (NotApplicable for a reason of their own) can't be told and are not among them.
    """
    marks = side.marks
    rows = np.flatnonzero((marks.changed > taken_at - DAY) & (marks.changed <= taken_at))
    status = marks.status[rows]
    new = (marks.first[rows] != NEVER) & (marks.first[rows] >= marks.changed[rows])
    unhealthy = (status == Status.HEALTHY) | exempt(status, marks.because[rows])
    known = new | unhealthy | (status == Status.UNHEALTHY)
    was = np.where(new, Status.NONE, np.where(unhealthy, Status.UNHEALTHY, Status.HEALTHY)).astype(np.int8)
    rows, was = rows[known], was[known]
    status, because = _with(marks.status, rows, was), _with(marks.because, rows, Because.OTHER)
    then = replace(
        standing,
        marks=replace(marks, status=status, because=because, changed=_with(marks.changed, rows, NEVER)),
        mitigated=_with(side.mitigated, rows, False),
    )
    effective = _with(side.effective, rows, then.effective(False)[rows])
    then_side = Side(then.marks, effective, then.shielded, then.mitigated, side.member)
    return _expand(then_side, side, marks.resource[rows], marks.recommendation[rows], rows, rows, taken_at)


def _with[Column: (Bytes, Flags, Longs)](column: Column, rows: Longs, values: Any) -> Column:
    copy = column.copy()
    copy[rows] = values
    return copy

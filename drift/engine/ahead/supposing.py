"""What would become of the counts, and the score, if some marks contributed something else.

    here = stand(head)                                      where a subscription stands
    one = Supposed(cause, rows, Status.HEALTHY)             some of its marks, and what they would contribute
    (tally,) = each(here.side, [one], resources)            what that does to the counts, whatever else is supposed
    gain(here, columns([tally], here.controls))             and to the score

`together` supposes several things at once and divides each cell among them, as a comparison does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from drift.engine.attribution import End, rates
from drift.engine.changes import Side, changed, touched
from drift.engine.effects import Tally, tallied
from drift.engine.exemptions import Exemptions
from drift.engine.head import Head
from drift.engine.scoring import Standing, layers, membership, reported, standing
from drift.kinds import Kind
from drift.model import NEVER, Bytes, Cause, Counts, Effects, Floats, Ints, Longs, Marks, Point, Status
from drift.names import Names


@dataclass(frozen=True, slots=True)
class Supposed:
    """Some marks of a side, by their rows, and what they would contribute: HEALTHY, UNHEALTHY or NONE."""

    cause: Cause
    rows: Longs
    to: Bytes | Status
    """Of each row, or of all."""
    since: int = NEVER


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a subscription stands: what its marks contribute, and its counts once what is pending has come."""

    point: Point
    controls: tuple[str, ...]
    """In lower case, in the order of the side's."""
    side: Side
    standing: Standing
    exemptions: Exemptions


def stand(head: Head) -> Stand:
    """Where a chain stands, which must have a score there."""
    snapshot, pending = head.snapshot, head.pending
    order = sorted({c.name.lower() for c in snapshot.controls} | set(pending.controls if pending else ()))
    members = membership(snapshot.controls, order, snapshot.context, len(snapshot.recommendations))
    gone = [one.exemption for one in head.memory if one.exemption and one.kind is Kind.EXEMPTION_REMOVED]
    names = snapshot.resources, snapshot.recommendations
    exemptions = Exemptions(snapshot.context, snapshot.taken_at, gone, *names)
    own = standing(snapshot, snapshot.context, members.counts, exemptions)
    side = Side(own.marks, own.effective(head.healthy_reading), own.shielded, own.mitigated, members.member)
    counts = np.stack(reported(snapshot.controls, order))
    if pending is not None and len(pending.units):
        place = np.array([order.index(name) for name in pending.controls], np.int32)
        units = pending.units.having(control=place[pending.units.control])
        everything = np.ones(len(units), np.bool_)
        counts = counts + touched(units, side).change(units, everything, len(order)).reshape(2, -1)
    maxima = {c.name.lower(): c.maximum for c in snapshot.controls}
    columns = zip(order, *counts.tolist(), strict=True)
    point = replace(head.at, counts={name: _counts(maxima[name], h, n) for name, h, n in columns if name in maxima})
    return Stand(point, tuple(order), side, own, exemptions)


def together(side: Side, supposed: Sequence[Supposed], resources: Names) -> list[Tally]:
    """What all of it does to the counts, cause by cause in their order. A mark belongs to the first that names it."""
    owner = np.full(len(side.marks), -1, np.int64)
    then = side.effective.copy()
    causes = sorted({one.cause for one in supposed}, key=lambda cause: cause.key)
    place = {cause: at for at, cause in enumerate(causes)}
    since = np.full(len(side.marks), NEVER, np.int64)
    for one in supposed:
        free = owner[one.rows] < 0
        rows = one.rows[free]
        owner[rows], since[rows] = place[one.cause], one.since
        then[rows] = one.to[free] if isinstance(one.to, np.ndarray) else one.to
    rows = np.flatnonzero(then != side.effective)
    few = _only(side, rows)
    units = changed(few, replace(few, effective=then[rows]), 0)
    at = rows[few.rows(units.resource, units.recommendation)] if len(units) else rows
    units = units.having(cause=owner[at], since=since[at])
    near = touched(units, replace(side, effective=then))
    found, _ = tallied(units, near, np.ones(len(units), np.bool_), units.effective_from, causes, resources)
    return found


def each(side: Side, supposed: Sequence[Supposed], resources: Names) -> list[Tally]:
    """What each of it, alone, does to the counts: one tally for each, in the order given, also where it is nothing."""
    marks, size, columns = side.marks, len(resources), layers(side.member)
    rows, cells = cells_of(columns, marks, np.arange(len(marks)), size)
    key, of = np.unique(cells, return_inverse=True)
    now = _statuses(of, side.effective[rows], len(key))
    then = side.effective.copy()
    found: list[Tally] = []
    for one in supposed:
        then[one.rows] = one.to
        moved = one.rows[then[one.rows] != side.effective[one.rows]]
        rows, cells = cells_of(columns, marks, moved, size)
        touched_cells, of = np.unique(cells, return_inverse=True)
        before = now[:, np.searchsorted(key, touched_cells)]
        less, more = (_statuses(of, effective[rows], len(touched_cells)) for effective in (side.effective, then))
        (h0, n0), (h1, n1) = _state(before), _state(before - less + more)
        tally = Tally(one.cause, since=one.since, marks=len(moved))
        tally.resources = frozenset(resources[place] for place in np.unique(marks.resource[moved]).tolist())
        alike = np.unique(np.stack([touched_cells // size, h1 - h0, n1 - n0], axis=1), axis=0, return_counts=True)
        for (control, healthy, counted), number in zip(alike[0].tolist(), alike[1].tolist(), strict=True):
            if healthy or counted:
                tally.add(control, number * healthy, number * counted)
        found.append(tally)
        then[one.rows] = side.effective[one.rows]
    return found


def gain(stand: Stand, effects: Effects) -> float | None:
    """By how many pp the score moves where the counts move so; None if there is no score then, or now."""
    before, after = stand.point.score, replace(stand.point, counts=ahead(stand.point.counts, effects)).score
    return None if before is None or after is None else 100 * (after - before)


def worth(counts: Mapping[str, Counts], effects: Effects, changes: int) -> Floats:
    """The share in pp of each of so many changes, as the score moves from the counts to those with all the effects.

    All 0 where there is no score at one end.
    """
    then = ahead(counts, effects)
    if not all(any(c.counted and c.maximum for c in end.values()) for end in (counts, then)):
        return np.zeros(changes)
    return rates([(End(counts), End(then))])[0].shares(effects, changes)


def ahead(now: Mapping[str, Counts], effects: Effects) -> dict[str, Counts]:
    """The counts once all the effects have come; never beyond what a control can have."""
    size = len(effects.controls)
    healthy, counted = (
        np.rint(np.bincount(effects.control, column, minlength=size)).astype(int).tolist()
        for column in (effects.healthy, effects.counted)
    )
    then = dict(now)
    for name, more_healthy, more_counted in zip(effects.controls, healthy, counted, strict=True):
        if name in now and (more_healthy or more_counted):
            own = now[name]
            then[name] = _counts(own.maximum, own.healthy + more_healthy, own.counted + more_counted)
    return then


def _counts(maximum: float, healthy: int, counted: int) -> Counts:
    n = max(0, counted)
    return Counts(maximum, min(max(0, healthy), n), n)


def _only(side: Side, rows: Longs) -> Side:
    marks = Marks(*(getattr(side.marks, f.name)[rows] for f in fields(Marks)))
    return replace(
        side,
        marks=marks,
        effective=side.effective[rows],
        shielded=side.shielded[rows],
        mitigated=side.mitigated[rows],
    )


def cells_of(columns: Sequence[Ints], marks: Marks, rows: Longs, size: int) -> tuple[Longs, Longs]:
    """Of some rows the cells that they are in, by number: a row for each control that lists the recommendation."""
    parts = [(rows[:0], rows[:0])]
    for controls in columns:
        control = controls[marks.recommendation[rows]]
        inside = rows[control >= 0]
        parts.append((inside, control[control >= 0].astype(np.int64) * size + marks.resource[inside]))
    first, second = zip(*parts, strict=True)
    return np.concatenate(first), np.concatenate(second)


def _statuses(cell: Longs, effective: Bytes, size: int) -> Longs:
    """[2, cell] how many marks are Unhealthy, and how many Healthy."""
    return np.stack(
        [np.bincount(cell[effective == status], minlength=size) for status in (Status.UNHEALTHY, Status.HEALTHY)]
    )


def _state(statuses: Longs) -> tuple[Longs, Longs]:
    """(healthy, counted), 0 or 1 a cell."""
    bad, good = statuses > 0
    return (good & ~bad).astype(np.int64), (good | bad).astype(np.int64)

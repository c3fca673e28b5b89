"""What the Unhealthy marks of a subscription keep from its score, as columns: what a plan is made from.

A fix makes an Unhealthy mark Healthy. It never changes how many cells a control counts, so that a cell that becomes
healthy is always worth the same: 100·M/(n·X) pp of the subscription's score. It becomes so once all its marks are
fixed. Cells of one resource that share a mark are one knot: what is fixed for one helps the others too. Most knots are
one cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drift.engine.ahead.supposing import Stand, stand
from drift.engine.head import Head
from drift.engine.planning.tags import critical, owners
from drift.engine.scoring import layers
from drift.engine.wording import clean
from drift.model import Bytes, Counts, Flags, Floats, Ints, Longs, Point, Snapshot, Status
from drift.names import Names

LOOKED_AT = ("recommendations", "inventory")
"""The fields of the context that a plan is better for."""


@dataclass(frozen=True, slots=True)
class Check:
    """A recommendation, as far as a plan is concerned."""

    key: str
    title: str
    severity: str | None = None
    effort: str | None = None
    impact: str | None = None


@dataclass(frozen=True, slots=True)
class Needs:
    """What is Unhealthy in a subscription that has a score, and counts."""

    point: Point
    """Where it stands once what is pending has come."""
    now: float
    """Its score by the counts as they are, as a fraction of 1."""
    controls: tuple[str, ...]
    """In lower case, in order."""
    titles: tuple[str, ...]
    """Of the controls."""
    values: Floats
    """[control] What one more healthy cell brings, in pp; 0 where the control has no points."""
    room: Longs
    """[control] How many cells the counts have as unhealthy: no more can become healthy."""
    checks: tuple[Check, ...]
    """The recommendations with Unhealthy marks, in order of their keys."""
    listed: Flags
    """[control, check]"""
    marks: Longs
    """[check] How many marks of it are Unhealthy."""
    open: Longs
    """[control] How many cells are Unhealthy by their marks."""
    lone: Longs
    """[check, control] How many cells have no other Unhealthy mark."""
    parts: Floats
    """[check, control] The same cells and all others, each divided among its Unhealthy marks."""
    resources: tuple[str, ...]
    """The ids of those that have Unhealthy marks, in order."""
    owners: tuple[str, ...]
    """[resource] Who owns it; "" for nobody."""
    critical: Bytes
    """[resource] From 0 to 3: see `tags.CRITICALITY`."""
    worth: Floats
    """[resource] What it brings if all its marks are fixed, in pp."""
    fixes: Longs
    """[resource] How many marks that are."""
    patterns: tuple[tuple[int, ...], ...]
    """Sets of checks that are Unhealthy together in a knot, each in order."""
    knot_pattern: Longs
    """[knot] The knots are in order of (pattern, resource)."""
    knot_resource: Longs
    missing: tuple[str, ...]
    """Of the fields of the context that a plan looks at, those that are not at hand."""

    @property
    def taken_at(self) -> int:
        """When it was looked at."""
        return self.point.taken_at


def needs(head: Head) -> Needs | None:
    """What the Unhealthy marks keep from the score; None where there is no score."""
    if head.at.score is None:
        return None
    here, snapshot = stand(head), head.snapshot
    if here.point.score is None:
        return None
    marks, size = here.side.marks, len(here.controls)
    bad = np.flatnonzero(here.side.effective == Status.UNHEALTHY)
    places, resource = _numbered(marks.resource[bad], snapshot.resources)
    found, check = _numbered(marks.recommendation[bad], snapshot.recommendations)
    names = tuple(snapshot.resources[place] for place in places)
    listed = here.side.member[:, found]
    mark, control = _listings(listed, check)

    cells, cell = np.unique(control * max(1, len(names)) + resource[mark], return_inverse=True)
    of_control, of_resource = np.divmod(cells, max(1, len(names)))
    size_of = np.bincount(cell, minlength=len(cells))
    values, room = _values(here)
    alike = check[mark] * size + control
    shape = (len(found), size)
    single = size_of[cell] == 1
    lone = np.bincount(alike[single], minlength=len(found) * size).reshape(shape)
    parts = np.bincount(alike, weights=1 / size_of[cell], minlength=len(found) * size).reshape(shape)

    knot = _knots(mark, cell, values[of_control] > 0, len(bad))
    tied = np.flatnonzero(knot >= 0)
    patterns, knot_pattern, knot_resource = _patterns(knot[tied], check[tied], resource[tied], len(found))
    open_ = np.bincount(of_control, minlength=size)
    shown = {one.name.lower(): clean(one.title) for one in snapshot.controls}
    return Needs(
        point=here.point,
        now=head.at.score,
        controls=here.controls,
        titles=tuple(shown.get(name, name) for name in here.controls),
        values=values,
        room=room,
        checks=tuple(_check(snapshot, place) for place in found),
        listed=listed,
        marks=np.bincount(check, minlength=len(found)),
        open=open_,
        lone=lone,
        parts=parts,
        resources=names,
        owners=owners(snapshot, places),
        critical=critical(snapshot, places),
        worth=np.bincount(of_resource, weights=values[of_control], minlength=len(names)),
        fixes=np.bincount(resource, minlength=len(names)),
        patterns=patterns,
        knot_pattern=knot_pattern,
        knot_resource=knot_resource,
        missing=tuple(name for name in LOOKED_AT if getattr(snapshot.context, name) is None),
    )


def _numbered(column: Ints, names: Names) -> tuple[list[int], Longs]:
    """The positions that occur, in order of their names, and each row's place among them."""
    known, of = np.unique(column, return_inverse=True)
    folded = [names[place].lower() for place in known.tolist()]
    order = np.array(sorted(range(len(folded)), key=folded.__getitem__), np.int64)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return known[order].tolist(), place[of]


def _listings(listed: Flags, check: Longs) -> tuple[Longs, Longs]:
    """(mark, control) for each control that lists a mark's recommendation."""
    parts = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for layer in layers(listed):
        control = layer[check]
        inside = np.flatnonzero(control >= 0)
        parts.append((inside, control[inside].astype(np.int64)))
    first, second = zip(*parts, strict=True)
    return np.concatenate(first), np.concatenate(second)


def _values(here: Stand) -> tuple[Floats, Longs]:
    """What a healthy cell of each control brings, in pp, and how many more the counts have room for."""
    counts = [here.point.counts.get(name, Counts(0.0, 0, 0)) for name in here.controls]
    maximum = sum(one.maximum for one in counts if one.counted)
    worth = [100 * one.maximum / (one.counted * maximum) if one.counted else 0.0 for one in counts]
    return np.array(worth, float), np.array([one.counted - one.healthy for one in counts], np.int64)


def _knots(mark: Longs, cell: Longs, paying: Flags, marks: int) -> Longs:
    """[mark] The knot that it is in: a number that its cells, and those that share marks with them, have in common.

    -1 for a mark in no cell that brings points.
    """
    kept = paying[cell]
    mark, cell = mark[kept], cell[kept]
    of_cell = np.arange(len(paying))
    while True:
        of_mark = np.full(marks, len(paying), np.int64)
        np.minimum.at(of_mark, mark, of_cell[cell])
        now = of_cell.copy()
        np.minimum.at(now, cell, of_mark[mark])
        if np.array_equal(now, of_cell):
            return np.where(of_mark == len(paying), -1, of_mark)
        of_cell = now


def _patterns(
    knot: Longs, check: Longs, resource: Longs, checks: int
) -> tuple[tuple[tuple[int, ...], ...], Longs, Longs]:
    """The sets of checks that occur in knots, and of each knot the number of its set and its resource."""
    order = np.lexsort((check, knot))
    knot, check, resource = knot[order], check[order], resource[order]
    starts = np.flatnonzero(np.diff(knot, prepend=-1))
    sizes = np.diff(starts, append=len(knot))
    label, used = np.zeros(len(starts), np.int64), 1
    for depth in range(int(sizes.max(initial=0))):  # one more check of each set at a time, exact
        live = np.flatnonzero(sizes > depth)
        code = label[live] * checks + check[starts[live] + depth]
        distinct, of = np.unique(code, return_inverse=True)
        label[live], used = of + used, used + len(distinct)
    _, first, of = np.unique(label, return_index=True, return_inverse=True)
    sets = [tuple(check[starts[at] : starts[at] + sizes[at]].tolist()) for at in first.tolist()]
    ranked = sorted(range(len(sets)), key=sets.__getitem__)
    place = np.empty(len(ranked), np.int64)
    place[ranked] = np.arange(len(ranked))
    pattern, own = place[of], resource[starts]
    sorted_ = np.lexsort((own, pattern))
    return tuple(sets[at] for at in ranked), pattern[sorted_], own[sorted_]


def _check(snapshot: Snapshot, place: int) -> Check:
    key = snapshot.recommendations[place]
    one = (snapshot.context.recommendations or {}).get(place)
    if one is None:
        return Check(key, clean(key))
    return Check(key, clean(one.title), one.severity, one.effort, one.impact)

"""What causes did to the counts of controls: exact while it is added up, columns when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from drift.engine.changes import within
from drift.engine.shapley import Divided, divided
from drift.engine.units import Cells, Units
from drift.kinds import Kind
from drift.model import Bytes, Cause, Change, Effects, Exact, Flags, Longs, no_cells
from drift.names import Names


@dataclass(slots=True)
class Tally:
    """One cause with what it did, by position of the control."""

    cause: Cause
    effects: dict[int, tuple[Exact, Exact]] = field(default_factory=dict)
    """Δh, Δn"""
    came: dict[int, Exact] = field(default_factory=dict)
    went: dict[int, Exact] = field(default_factory=dict)
    """Counted cells brought, and taken"""
    marks: int = 0
    resources: frozenset[str] = frozenset()
    since: int = 0

    def add(self, control: int, healthy: Exact, counted: Exact) -> None:
        """One more effect."""
        before: tuple[Exact, Exact] = self.effects.get(control, (0, 0))
        self.effects[control] = before[0] + healthy, before[1] + counted
        if counted:
            side, number = (self.came, counted) if counted > 0 else (self.went, -counted)
            side[control] = side.get(control, 0) + number

    def change(self, controls: Sequence[str]) -> Change:
        """The same as a value."""
        return Change(
            cause=self.cause,
            came={controls[at]: Fraction(number) for at, number in sorted(self.came.items())},
            went={controls[at]: Fraction(number) for at, number in sorted(self.went.items())},
            marks=self.marks,
            resources=self.resources,
            since=self.since,
        )


def tallied(
    units: Units, near: Cells, chosen: Flags, rest: Bytes, causes: Sequence[Cause], resources: Names
) -> tuple[list[Tally], Divided | None]:
    """What the chosen units did, cause by cause in their order; the other units of their cells are as in `rest`.

    And the cells as they were divided, None if there are none: their causes are positions in `causes`.
    """
    some = units.take(chosen)
    if not len(some):
        return [], None
    found: dict[int, Tally] = {}
    cells = divided(some, within(near, chosen, rest))
    for cause, control, number, healthy, counted in cells.totals():
        if cause not in found:
            found[cause] = Tally(causes[cause])
        found[cause].add(control, number * healthy, number * counted)
    marks = some.resource.astype(np.int64) << 32 | some.recommendation
    order = np.lexsort((marks, some.cause))
    starts = np.flatnonzero(np.diff(some.cause[order], prepend=-1))
    for rows in np.split(order, starts[1:]):
        tally = found[int(some.cause[rows[0]])]
        tally.marks = 1 + int(np.count_nonzero(np.diff(marks[rows])))
        tally.resources = frozenset(resources[place] for place in set(some.resource[rows].tolist()))
        tally.since = int(some.since[rows].min())
    return [found[cause] for cause in sorted(found)], cells


def unexplained(target: Longs, settled: Sequence[Tally], names: Sequence[str], scope: str) -> Iterator[Tally]:
    """What the counts moved by (`target`: Δh by control, then Δn) and the settled causes leave over."""
    size = len(names)
    rest: list[tuple[Exact, Exact]] = [(int(target[at]), int(target[size + at])) for at in range(size)]
    for tally in settled:
        for at, (healthy, counted) in tally.effects.items():
            rest[at] = rest[at][0] - healthy, rest[at][1] - counted
    for at, (healthy, counted) in enumerate(rest):
        if healthy or counted:
            tally = Tally(Cause(Kind.UNEXPLAINED, names[at], scope))
            tally.add(at, healthy, counted)
            yield tally


def columns(tallies: Sequence[Tally], controls: tuple[str, ...]) -> Effects:
    """The effects of all, a row for each pair of cause and control."""
    rows = [
        (at, control, float(healthy), float(counted))
        for at, tally in enumerate(tallies)
        for control, (healthy, counted) in sorted(tally.effects.items())
    ]
    change, control, healthy, counted = zip(*rows, strict=True) if rows else ((), (), (), ())
    integers = np.array(change, np.int32), np.array(control, np.int32)
    return Effects(*integers, np.array(healthy, float), np.array(counted, float), controls)


def by_cell(cells: Divided | None, tallies: Sequence[Tally], causes: Sequence[Cause]) -> tuple[Any, ...]:
    """(change, control, resource, Δh, Δn) of every cell that moved; the changes are positions in `tallies`."""
    if cells is None:
        none = no_cells()
        return none.change, none.control, none.resource, none.healthy, none.counted
    place = {tally.cause: at for at, tally in enumerate(tallies)}
    cause, control, resource, healthy, counted = cells.rows()
    change = np.array([place.get(one, -1) for one in causes], np.int32)[cause]
    return change, control.astype(np.int32), resource.astype(np.int32), healthy, counted

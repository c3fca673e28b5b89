"""Dividing the change of a cell between the causes that changed its marks.

The Shapley value of the game "the marks of these causes are as now, the rest as before", in closed form. Let each
cause arrive with probability t. The chance that no mark of the cell is Unhealthy is then a product over the causes of
1, t, 1 − t or 0, and so is the chance that no mark counts; h is the first less the second, n one less the second. The
value is the integral over t of the derivative by the cause's own factor (Owen's multilinear extension), and
∫ tᵃ(1 − t)ᵇ dt = a! b! / (a + b + 1)!: exact fractions, for any number of causes in a cell.

Sources: Shapley, A value for n-person games (1953); Owen, Multilinear Extensions of Games (1972).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import factorial
from typing import Any

import numpy as np

from drift.engine.units import Cells, Units
from drift.model import Exact, Floats, Ints, Longs, Status

type Part = tuple[Fraction, Fraction]
"""Change of healthy and of counted cells."""

type Player = tuple[bool, bool, bool, bool]
"""A cause in a cell: any of its marks unhealthy before, any healthy before; the same now."""


@lru_cache(maxsize=65536)
def divide(bad: bool, good: bool, players: tuple[Player, ...]) -> tuple[Part, ...]:
    """Each player's part. `bad`, `good`: whether other marks of the cell are unhealthy, or healthy, at both ends."""
    nothing = [Fraction(0)] * len(players)
    no_bad = nothing if bad else _slopes([(not b0, not b1) for b0, _, b1, _ in players])
    none = nothing if bad or good else _slopes([(not (b0 or g0), not (b1 or g1)) for b0, g0, b1, g1 in players])
    return tuple((clean - empty, -empty) for clean, empty in zip(no_bad, none, strict=True))


def _slopes(clear: Sequence[tuple[bool, bool]]) -> list[Fraction]:
    """What each player adds to the chance that all are clear, given whether it is clear before and now."""
    if (False, False) in clear:
        return [Fraction(0)] * len(clear)
    later, earlier = clear.count((False, True)), clear.count((True, False))
    slopes = {(True, True): Fraction(0)}
    if later:
        slopes[False, True] = _integral(later - 1, earlier)
    if earlier:
        slopes[True, False] = -_integral(later, earlier - 1)
    return [slopes[one] for one in clear]


def _integral(a: int, b: int) -> Fraction:
    """∫ tᵃ(1 − t)ᵇ dt from 0 to 1."""
    return Fraction(factorial(a) * factorial(b), factorial(a + b + 1))


@dataclass(frozen=True, slots=True)
class Divided:
    """Cells with what each cause did to them: (cause, control, resource, Δh, Δn)."""

    alone: tuple[Longs, Ints, Ints, Longs, Longs]
    """Of the cells that one cause changed alone, as columns: it owns the change."""
    shared: list[tuple[int, int, int, Fraction, Fraction]]
    """Of the others, one by one."""

    def totals(self) -> Iterator[tuple[int, int, int, Exact, Exact]]:
        """(cause, control, number of cells, change of h a cell, change of n a cell); equal cells counted together."""
        cause, control, _, healthy, counted = self.alone
        columns: Longs = np.stack([cause, control.astype(np.int64), healthy, counted], axis=1)
        rows, counts = np.unique(columns, axis=0, return_counts=True)
        for (c, k, h, n), number in zip(rows.tolist(), counts.tolist(), strict=True):
            yield c, k, number, h, n
        for c, k, _, more_healthy, more_counted in self.shared:
            yield c, k, 1, more_healthy, more_counted

    def rows(self) -> tuple[Longs, Ints, Ints, Floats, Floats]:
        """Every cell that moved, as columns."""
        some = [(c, k, r, float(h), float(n)) for c, k, r, h, n in self.shared]
        more: Any = np.array(some, np.float64).reshape(-1, 5).T
        keys: list[Any] = list(self.alone[:3])
        columns = [np.concatenate([own, add.astype(own.dtype)]) for own, add in zip(keys, more[:3], strict=True)]
        columns += [np.concatenate([own, add]) for own, add in zip(self.alone[3:], more[3:], strict=True)]
        moved = (columns[3] != 0) | (columns[4] != 0)
        cause, control, resource, healthy, counted = (column[moved] for column in columns)
        return cause, control, resource, healthy, counted


def divided(units: Units, cells: Cells) -> Divided:
    """The cells of the units, all of which are taken to arrive, divided between their causes."""
    size = len(cells.control)
    there = np.ones(len(units), np.bool_)
    (h0, n0), (h1, n1) = cells.state(units, ~there), cells.state(units, there)
    many = int(units.cause.max(initial=0)) + 1
    pair, of = np.unique(cells.of * many + units.cause, return_inverse=True)
    cell, cause = pair // many, pair % many
    alone = np.bincount(cell, minlength=size)[cell] == 1
    one = np.flatnonzero(alone)
    here = cell[one]
    columns = (cause[one], cells.control[here], cells.resource[here], (h1 - h0)[here], (n1 - n0)[here])
    flags = np.zeros((len(pair), 4), np.bool_)
    for place, (column, status) in enumerate(
        (column, status)
        for column in (units.effective_from, units.effective_to)
        for status in (Status.UNHEALTHY, Status.HEALTHY)
    ):
        flags[of[column == status], place] = True
    shared: list[tuple[int, int, int, Fraction, Fraction]] = []
    rest = np.flatnonzero(~alone)
    for rows in np.split(rest, np.flatnonzero(np.diff(cell[rest])) + 1) if len(rest) else ():
        at = int(cell[rows[0]])
        players = tuple((bool(a), bool(b), bool(c), bool(d)) for a, b, c, d in flags[rows])
        parts = divide(bool(cells.unhealthy[at]), bool(cells.healthy[at]), players)
        control, resource = int(cells.control[at]), int(cells.resource[at])
        shared += [(int(cause[row]), control, resource, *part) for row, part in zip(rows, parts, strict=True)]
    return Divided(columns, shared)

"""Dividing the change of a cell between the causes that changed its marks.

The Shapley value of the game "the marks of these causes are as now, the rest as before". Causes that do the same to a
cell are interchangeable, so coalitions are counted by how many of each sort they hold: exact fractions, and fast with
twenty causes in one cell. Source: Shapley, "A value for n-person games" (1953).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import comb, factorial

import numpy as np

from drift.engine.units import Cells, Units
from drift.model import Ints, Longs, Status

type Part = tuple[Fraction, Fraction]
"""Change of healthy and of counted cells."""

type Player = tuple[bool, bool, bool, bool]
"""A cause in a cell: any of its marks unhealthy before, any healthy before; the same now."""


@lru_cache(maxsize=65536)
def divide(bad: bool, good: bool, players: tuple[Player, ...]) -> tuple[Part, ...]:
    """Each player's part. `bad`, `good`: whether other marks of the cell are unhealthy, or healthy, at both ends."""
    sorts = sorted(Counter(players).items())
    parts = {player: _part(bad, good, sorts, at) for at, (player, _) in enumerate(sorts)}
    return tuple(parts[player] for player in players)


def _part(bad: bool, good: bool, sorts: list[tuple[Player, int]], at: int) -> Part:
    total = sum(count for _, count in sorts)
    healthy = counted = Fraction(0)
    ranges = [range(count + (0 if place == at else 1)) for place, (_, count) in enumerate(sorts)]
    for coalition in product(*ranges):
        ways = 1
        for place, (_, count) in enumerate(sorts):
            ways *= comb(count - (place == at), coalition[place])
        size = sum(coalition)
        weight = Fraction(ways * factorial(size) * factorial(total - size - 1), factorial(total))
        with_it = tuple(n + (place == at) for place, n in enumerate(coalition))
        before, after = _value(bad, good, sorts, coalition), _value(bad, good, sorts, with_it)
        healthy += weight * (after[0] - before[0])
        counted += weight * (after[1] - before[1])
    return healthy, counted


def _value(bad: bool, good: bool, sorts: list[tuple[Player, int]], arrived: tuple[int, ...]) -> tuple[int, int]:
    for (player, count), here in zip(sorts, arrived, strict=True):
        bad = bad or (here < count and player[0]) or (here > 0 and player[2])
        good = good or (here < count and player[1]) or (here > 0 and player[3])
    return int(good and not bad), int(good or bad)


def parts(units: Units, cells: Cells) -> Iterator[tuple[int, int, int, Fraction, Fraction]]:
    """What each cause did: (cause, control, number of cells, change of h a cell, change of n a cell).

    All units are taken to arrive; cells with the same parts for a cause are counted together.
    """
    size = len(cells.control)
    there = np.ones(len(units), np.bool_)
    (h0, n0), (h1, n1) = cells.state(units, ~there), cells.state(units, there)
    many = int(units.cause.max(initial=0)) + 1
    pair, of = np.unique(cells.of * many + units.cause, return_inverse=True)
    cell, cause = pair // many, pair % many
    alone = np.bincount(cell, minlength=size)[cell] == 1
    one = np.flatnonzero(alone)
    yield from _single(cause[one], cells.control[cell[one]], (h1 - h0)[cell[one]], (n1 - n0)[cell[one]])
    flags = np.zeros((len(pair), 4), np.bool_)
    for place, (column, status) in enumerate(
        (column, status)
        for column in (units.effective_from, units.effective_to)
        for status in (Status.UNHEALTHY, Status.HEALTHY)
    ):
        flags[of[column == status], place] = True
    shared = np.flatnonzero(~alone)
    for rows in np.split(shared, np.flatnonzero(np.diff(cell[shared])) + 1) if len(shared) else ():
        here = int(cell[rows[0]])
        players = tuple((bool(a), bool(b), bool(c), bool(d)) for a, b, c, d in flags[rows])
        divided = divide(bool(cells.unhealthy[here]), bool(cells.healthy[here]), players)
        for row, (healthy, counted) in zip(rows, divided, strict=True):
            yield int(cause[row]), int(cells.control[here]), 1, healthy, counted


def _single(
    cause: Longs, control: Ints, healthy: Longs, counted: Longs
) -> Iterator[tuple[int, int, int, Fraction, Fraction]]:
    """Cells with one cause: it owns the change."""
    columns: Longs = np.stack([cause, control.astype(np.int64), healthy, counted], axis=1)
    rows, counts = np.unique(columns, axis=0, return_counts=True)
    for (c, k, h, n), number in zip(rows.tolist(), counts.tolist(), strict=True):
        yield c, k, number, Fraction(h), Fraction(n)

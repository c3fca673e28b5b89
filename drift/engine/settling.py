"""What the counts show already, and what is still to come.

Azure recomputes controls every 8 hours and assessments more often, so a changed mark is often seen before the score
has moved. Of the changed marks, in groups, those are settled that together come nearest to the reported change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from drift.engine.units import Cells, Units
from drift.model import NEVER, Flags, Longs

FEW = 8
"""Up to this many undated groups every subset is tried; beyond it they are left out one by one."""


@dataclass(frozen=True, slots=True)
class _Problem:
    """Units in groups, and the change of the counts that the chosen ones should make.

    Dated groups are 1 … `dates` in order of time, undated ones 0 … `undated` − 1 in order of their causes.
    """

    units: Units
    cells: Cells
    target: Longs
    """[2 × control] reported change of h, then of n"""
    date: Longs
    """[unit] its dated group, 0 if it is undated"""
    group: Longs
    """[unit] its undated group, -1 if it is dated"""
    dates: int
    undated: int

    def change(self, arrived: Flags) -> Longs:
        """[2 × control] what the counts change by when the marked units arrive."""
        return self.cells.change(self.units, arrived, len(self.target) // 2)

    def arrived(self, prefix: int, chosen: Flags) -> Flags:
        """The units of the first dated groups and of some undated ones."""
        undated = self.group >= 0
        picked = np.zeros(len(self.units), np.bool_)
        picked[undated] = chosen[self.group[undated]]
        return picked | (~undated & (self.date <= prefix))

    def prefixes(self, chosen: Flags) -> tuple[Longs, Longs]:
        """For each number of dated groups: the mismatch, and how many units have arrived."""
        start = self.arrived(0, chosen)
        base = self.change(start)
        rows = np.flatnonzero(self.date > 0)
        size = len(self.target) // 2
        steps = np.zeros((self.dates + 1, 2 * size), np.int64)
        steps[0] = base
        if len(rows):
            self._steps(rows, start, steps, size)
        mismatch = np.abs(self.target - steps.cumsum(axis=0)).sum(axis=1)
        counts = np.bincount(self.date[rows], minlength=self.dates + 1)
        counts[0] = start.sum()
        return mismatch, counts.cumsum()

    def _steps(self, rows: Longs, start: Flags, steps: Longs, size: int) -> None:
        """Adds to each date what its arrivals change: the cells' states as running sums in order of (cell, date)."""
        units, cells = self.units, self.cells
        rows = rows[np.lexsort((self.date[rows], cells.of[rows]))]
        cell, date = cells.of[rows], self.date[rows]
        value = np.where(start, units.effective_to, units.effective_from)
        bad = cells.unhealthy + np.bincount(cells.of[value == 2], minlength=len(cells.control))
        good = cells.healthy + np.bincount(cells.of[value == 1], minlength=len(cells.control))

        def running(status: int, initial: Longs) -> tuple[Longs, Longs]:
            """Marks of a status in the cell before and after each arrival."""
            delta = (units.effective_to[rows] == status).astype(np.int64) - (units.effective_from[rows] == status)
            total = delta.cumsum()
            first = np.concatenate(([True], cell[1:] != cell[:-1]))
            offset = np.maximum.accumulate(np.where(first, np.arange(len(rows)), 0))
            within = total - (total - delta)[offset]
            return initial[cell] + within - delta, initial[cell] + within

        (bad0, bad1), (good0, good1) = running(2, bad), running(1, good)
        healthy = ((bad1 == 0) & (good1 > 0)).astype(np.int64) - ((bad0 == 0) & (good0 > 0))
        counted = ((bad1 > 0) | (good1 > 0)).astype(np.int64) - ((bad0 > 0) | (good0 > 0))
        control = cells.control[cell]
        np.add.at(steps, (date, control), healthy)
        np.add.at(steps, (date, size + control), counted)


def settle(units: Units, cells: Cells, target: Longs, overdue: int) -> tuple[Flags, Flags]:
    """Which units the counts show, and which of the others are settled all the same. `target`: reported changes of h by control, then of n.

    `overdue`: changes first seen or dated before this tick are settled whatever the counts show. Units with a time are
    grouped by it, the others by cause; causes must be numbered in their order.
    """
    shown = _shown(_problem(units, cells, target))
    return shown, ~shown & (units.since < overdue)


def _shown(problem: _Problem) -> Flags:
    everything = np.ones(len(problem.units), np.bool_)
    if not np.abs(problem.target - problem.change(everything)).any():
        return everything
    if problem.undated <= FEW:
        best = min(_all_subsets(problem), key=lambda found: found[0])
        return problem.arrived(best[1], best[2])
    return _one_by_one(problem)


def unseen(units: Units, cells: Cells, target: Longs) -> Flags:
    """For a chain's first snapshot: the latest units, by date, that its counts do not show.

    As few as make the mismatch least, and none unless that is less than with all of them shown. All units have a time.
    """
    problem = _problem(units, cells, target)
    mismatch, _ = problem.prefixes(np.zeros(0, np.bool_))
    best = problem.dates - int(np.argmin(mismatch[::-1]))
    return problem.date > best


def _problem(units: Units, cells: Cells, target: Longs) -> _Problem:
    is_dated = units.time != NEVER
    times, date = np.unique(units.time[is_dated], return_inverse=True)
    causes, group = np.unique(units.cause[~is_dated], return_inverse=True)
    of_date, of_group = np.zeros(len(units), np.int64), np.full(len(units), -1, np.int64)
    of_date[is_dated] = date + 1
    of_group[~is_dated] = group
    return _Problem(units, cells, target, of_date, of_group, len(times), len(causes))


type _Found = tuple[tuple[int, int, int, tuple[int, ...]], int, Flags]
"""How good a choice is (the least is best), its number of dated groups, its undated groups."""


def _best_prefix(problem: _Problem, chosen: Flags) -> _Found:
    mismatch, arrived = problem.prefixes(chosen)
    ranked = [(int(mismatch[p]), -int(arrived[p]), -p) for p in range(problem.dates + 1)]
    best = min(ranked)
    left_out = tuple(-int(at) for at in reversed(np.flatnonzero(~chosen)))
    return (*best, left_out), -best[2], chosen


def _all_subsets(problem: _Problem) -> Iterator[_Found]:
    for size in range(problem.undated + 1):
        for left_out in combinations(range(problem.undated), size):
            chosen = np.ones(problem.undated, np.bool_)
            chosen[list(left_out)] = False
            yield _best_prefix(problem, chosen)


def _one_by_one(problem: _Problem) -> Flags:
    chosen = _leave_out(problem, problem.dates)
    prefix = _best_prefix(problem, chosen)[1]
    chosen = _leave_out(problem, prefix)
    return problem.arrived(prefix, chosen)


def _leave_out(problem: _Problem, prefix: int) -> Flags:
    """From all undated groups, leaves out the one that lessens the mismatch most, and again, until none does."""
    chosen = np.ones(problem.undated, np.bool_)
    rest = problem.target - problem.change(problem.arrived(prefix, chosen))
    size = np.bincount(problem.group[problem.group >= 0], minlength=problem.undated)
    gains = _Departures(problem, prefix)
    while True:
        better = np.abs(rest + gains.taken).sum(axis=1)
        better[~chosen] = np.iinfo(np.int64).max
        least = better.min(initial=np.iinfo(np.int64).max)
        if least >= np.abs(rest).sum():
            return chosen
        ties = np.flatnonzero(better == least)
        at = int(max(ties, key=lambda group: (-size[group], group)))
        rest = rest + gains.taken[at]
        chosen[at] = False
        gains.leave(at)


class _Departures:
    """What each undated group would take from the counts by leaving; kept up to date as groups leave."""

    def __init__(self, problem: _Problem, prefix: int) -> None:
        p = problem
        self.size = len(p.target) // 2
        rows = np.flatnonzero(p.group >= 0)
        there = p.arrived(prefix, np.ones(p.undated, np.bool_))
        value = np.where(there, p.units.effective_to, p.units.effective_from)
        self.control = p.cells.control
        self.bad = p.cells.unhealthy + np.bincount(p.cells.of[value == 2], minlength=len(self.control))
        self.good = p.cells.healthy + np.bincount(p.cells.of[value == 1], minlength=len(self.control))
        pairs, of = np.unique(p.cells.of[rows] * p.undated + p.group[rows], return_inverse=True)
        self.cell, self.group = pairs // p.undated, pairs % p.undated
        self.pairs = np.argsort(self.group, kind="stable")
        self.starts = np.searchsorted(self.group[self.pairs], np.arange(p.undated + 1))
        self.by_cell = np.argsort(self.cell, kind="stable")
        to, was = p.units.effective_to[rows], p.units.effective_from[rows]
        self.d_bad, self.d_good = (
            np.bincount(of, weights=(to == s).astype(np.int64) - (was == s), minlength=len(pairs)).astype(np.int64)
            for s in (2, 1)
        )
        self.gone = np.zeros(len(pairs), np.bool_)
        self.taken = np.zeros((p.undated, 2 * self.size), np.int64)
        self._add(np.arange(len(pairs)), 1)

    def leave(self, group: int) -> None:
        """A group leaves: its cells change, and with them what the other groups in them would take."""
        pairs = self.pairs[self.starts[group] : self.starts[group + 1]]
        cells = self.cell[pairs]
        order = self.cell[self.by_cell]
        lows, highs = np.searchsorted(order, cells, "left"), np.searchsorted(order, cells, "right")
        touched = np.concatenate([self.by_cell[low:high] for low, high in zip(lows, highs, strict=True)])
        touched = touched[~self.gone[touched]]
        self._add(touched, -1)
        self.bad[cells] -= self.d_bad[pairs]
        self.good[cells] -= self.d_good[pairs]
        self.gone[pairs] = True
        self._add(touched[~self.gone[touched]], 1)

    def _add(self, pairs: Any, sign: int) -> None:
        cell = self.cell[pairs]
        bad, good = self.bad[cell], self.good[cell]
        bad_without, good_without = bad - self.d_bad[pairs], good - self.d_good[pairs]
        healthy = ((bad == 0) & (good > 0)).astype(np.int64) - ((bad_without == 0) & (good_without > 0))
        counted = ((bad > 0) | (good > 0)).astype(np.int64) - ((bad_without > 0) | (good_without > 0))
        control, group = self.control[cell], self.group[pairs]
        np.add.at(self.taken, (group, control), sign * healthy)
        np.add.at(self.taken, (group, self.size + control), sign * counted)

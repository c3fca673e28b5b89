"""What the counts show already, and what is still to come.

Azure recomputes controls every 8 hours and assessments more often, so a changed mark is often seen before the score
has moved. Of the changed marks, in groups, those are settled that together come nearest to the reported change.

A choice is evaluated from the one before it: when a group comes or leaves, only the cells that it touches change.
Tables have two rows: for unhealthy and healthy marks of cells, or for h (healthy cells) and n (counted cells).
"""

from __future__ import annotations

import numpy as np

from drift.engine.units import Cells, Units
from drift.model import NEVER, Bytes, Flags, Ints, Longs, Status

FEW = 8
"""Up to this many undated groups every subset is tried; beyond it they are left out one by one."""


def settle(units: Units, cells: Cells, target: Longs, overdue: int) -> tuple[Flags, Flags]:
    """Which units are settled: (shown, late), two masks that exclude each other. What is in neither is pending.

    Shown are those that the counts show: the choice nearest to `target`, the reported changes of h by control, then
    of n. Late are the others that were first seen or dated before the tick `overdue`: settled whatever the counts
    show. Units with a time are grouped by it, the others by cause; causes must be numbered in their order.
    """
    problem = _Problem(units, cells, target)
    choice = problem.dates, np.ones(problem.undated, np.bool_)
    if problem.rest(problem.state(*choice)).any():
        choice = _every_subset(problem) if problem.undated <= FEW else _one_by_one(problem)
    shown = problem.arrived(*choice)
    return shown, ~shown & (units.since < overdue)


def unseen(units: Units, cells: Cells, target: Longs) -> Flags:
    """For a chain's first snapshot: the latest units, by date, that its counts do not show.

    As few as make the mismatch least, and none unless that is less than with all of them shown. All units have a time.
    """
    problem = _Problem(units, cells, target)
    return problem.date > _Prefixes(problem, np.zeros(0, np.bool_)).best()[1]


def _every_subset(problem: _Problem) -> tuple[int, Flags]:
    """The best (number of dated groups, undated groups). One group comes or leaves at a time, as in a Gray code."""
    chosen = np.zeros(problem.undated, np.bool_)
    prefixes = _Prefixes(problem, chosen)
    found = [(*prefixes.best(), chosen.copy())]
    for step in range(1, 1 << problem.undated):
        group = (step & -step).bit_length() - 1
        chosen[group] ^= True
        prefixes.turn(group, 1 if chosen[group] else -1)
        found.append((*prefixes.best(), chosen.copy()))
    least = min(mismatch for mismatch, _, _ in found)
    equals = [(prefix, chosen) for mismatch, prefix, chosen in found if mismatch == least]
    return max(equals, key=lambda one: (problem.marks(*one), one[0], (~one[1][::-1]).tolist()))


def _one_by_one(problem: _Problem) -> tuple[int, Flags]:
    """A good choice where they are too many: the undated groups, the best prefix, the undated groups once more."""
    chosen = _Departures(problem, problem.dates).run()
    _, prefix = _Prefixes(problem, chosen).best()
    return prefix, chosen if prefix == problem.dates else _Departures(problem, prefix).run()


class _Problem:
    """Units in groups, and the change of the counts that the chosen ones should make.

    Dated groups are 1 … `dates` in order of time, undated ones 0 … `undated` − 1 in order of their causes.
    """

    def __init__(self, units: Units, cells: Cells, target: Longs) -> None:
        is_dated = units.time != NEVER
        times, causes = np.unique(units.time[is_dated]), np.unique(units.cause[~is_dated])
        self.dates, self.undated = len(times), len(causes)
        self.date = np.searchsorted(times, units.time, "right")
        self.group = np.where(is_dated, -1, np.searchsorted(causes, units.cause))
        _, self.mark = np.unique(units.resource.astype(np.int64) << 32 | units.recommendation, return_inverse=True)
        """[unit] its dated group or 0, its undated group or -1, its mark (which has a unit in each control)"""
        self.control, self.controls = cells.control.astype(np.int64), len(target) // 2
        self.moves = _Moves(units, cells, is_dated, self.date), _Moves(units, cells, ~is_dated, self.group)
        at = self.moves[1].at
        self.rows = np.split(np.argsort(at, kind="stable"), np.bincount(at, minlength=self.undated).cumsum())
        """[undated group] its moves"""
        self.before = _sums(cells.of, _marks(units.effective_from), len(cells.control))
        self.before += np.stack((cells.unhealthy, cells.healthy))
        """[2, cell] its marks when nothing has arrived"""
        self.goal = target.reshape(2, -1) + _sums(self.control, _seen(self.before), self.controls)

    def arrived(self, prefix: int, chosen: Flags) -> Flags:
        """The units of a choice."""
        return np.where(self.group < 0, self.date <= prefix, np.append(chosen, False)[self.group])

    def marks(self, prefix: int, chosen: Flags) -> int:
        """How many changed marks are in a choice."""
        return int(np.count_nonzero(np.bincount(self.mark[self.arrived(prefix, chosen)])))

    def sizes(self) -> Longs:
        """[undated group] how many marks it has."""
        of = np.unique(self.group * len(self.mark) + self.mark) // max(len(self.mark), 1)
        return np.bincount(of[of >= 0], minlength=self.undated)

    def state(self, prefix: int, chosen: Flags) -> Longs:
        """[2, cell] its marks with a choice."""
        (dated, undated), size = self.moves, len(self.control)
        arrived = _sums(dated.cell, dated.change * (dated.at <= prefix), size)
        return self.before + arrived + _sums(undated.cell, undated.change * chosen[undated.at], size)

    def rest(self, state: Longs) -> Longs:
        """[2, control] what the counts have more than cells with these marks."""
        return self.goal - _sums(self.control, _seen(state), self.controls)


class _Moves:
    """What groups change in the marks of cells: a row for each cell and group that touches it, in this order."""

    def __init__(self, units: Units, cells: Cells, some: Flags, at: Longs) -> None:
        groups = int(at.max(initial=0)) + 1
        key, row = np.unique(cells.of[some] * groups + at[some], return_inverse=True)
        self.cell, self.at = key // groups, key % groups
        self.change = _sums(row, (_marks(units.effective_to) - _marks(units.effective_from))[:, some], len(key))
        self.in_cell = np.searchsorted(self.cell, np.arange(len(cells.control) + 1))

    def near(self, cells: Longs) -> Longs:
        """The rows in some cells."""
        first = self.in_cell[cells]
        number = self.in_cell[cells + 1] - first
        return np.repeat(first - number.cumsum() + number, number) + np.arange(number.sum())


class _Prefixes:
    """The mismatch of every number of dated groups, beside undated groups that come and leave.

    Kept as steps by count (h or n of a control) and date, without those that are always 0: work is as the dated marks.
    """

    def __init__(self, problem: _Problem, chosen: Flags) -> None:
        self.problem, (dated, undated) = problem, problem.moves
        ahead = dated.change.cumsum(axis=1) - dated.change
        self.ahead = ahead - ahead[:, dated.in_cell[dated.cell]]
        """[2, dated move] what the moves before it change in its cell"""
        self.state = problem.state(0, chosen)
        self.rest = problem.rest(self.state)
        steps = self._steps(np.arange(len(dated.cell)))
        used = (steps != 0) | (np.diff(undated.in_cell)[dated.cell] > 0)
        days = problem.dates + 1
        key = (problem.control[dated.cell] + [[0], [problem.controls]]) * days + dated.at
        keys, slot = np.unique(np.concatenate((np.arange(self.rest.size) * days, key[used])), return_inverse=True)
        self.count, self.date, self.origin = keys // days, keys % days, slot[: self.rest.size]
        self.slot = np.zeros(steps.shape, np.int64)
        self.slot[used] = slot[self.rest.size :]
        self.steps = np.bincount(self.slot[used], weights=steps[used], minlength=len(keys)).astype(np.int64)

    def best(self) -> tuple[int, int]:
        """The least mismatch, and the longest prefix that has it, which has the most marks."""
        total = self.steps.cumsum()
        off = np.abs((self.rest.ravel() + total[self.origin])[self.count] - total)
        change = np.diff(off, prepend=0)
        change[self.origin] = off[self.origin]
        mismatch = np.bincount(self.date, weights=change, minlength=self.problem.dates + 1).cumsum()
        prefix = self.problem.dates - int(np.argmin(mismatch[::-1]))
        return int(mismatch[prefix]), prefix

    def turn(self, group: int, sign: int) -> None:
        """An undated group comes (1) or leaves (-1)."""
        (dated, undated), rows = self.problem.moves, self.problem.rows[group]
        cells = undated.cell[rows]
        near = dated.near(cells)
        seen, steps = _seen(self.state[:, cells]), self._steps(near)
        self.state[:, cells] += sign * undated.change[:, rows]
        seen, steps = _seen(self.state[:, cells]) - seen, self._steps(near) - steps
        self.rest -= _sums(self.problem.control[cells], seen, self.problem.controls)
        np.add.at(self.steps, self.slot[:, near], steps)

    def _steps(self, rows: Longs) -> Longs:
        """[2, row] how dated moves change h and n of their cells."""
        dated = self.problem.moves[0]
        state = self.state[:, dated.cell[rows]] + self.ahead[:, rows]
        return _seen(state + dated.change[:, rows]) - _seen(state)


class _Departures:
    """Leaves out undated groups one by one, whichever lessens the mismatch most, and again, until none does.

    Of equals the one with the fewest marks, then the last. A group's part in a control is what it takes by leaving, at
    most its cells there. How a part changes the mismatch depends on the control's rest only where that is less than
    the part: so most departures change nothing for the other groups.
    """

    def __init__(self, problem: _Problem, prefix: int) -> None:
        self.moves, self.rows = problem.moves[1], problem.rows
        self.chosen = np.ones(problem.undated, np.bool_)
        self.state = problem.state(prefix, self.chosen)
        self.rest = problem.rest(self.state)
        self.order = np.lexsort((-np.arange(problem.undated), problem.sizes()))
        key = problem.control[self.moves.cell] * problem.undated + self.moves.at
        key, part, most = np.unique(key, return_inverse=True, return_counts=True)
        order = np.lexsort((-most, key // problem.undated))
        self.part = np.argsort(order)[part]
        """[undated move] the part that it belongs to"""
        self.control, self.group, self.most = key[order] // problem.undated, key[order] % problem.undated, most[order]
        self.own = np.split(np.argsort(self.group), np.bincount(self.group).cumsum())
        """[part] its control, its group, the most it can be: in each control the largest first; [group] its parts"""
        self.starts = np.searchsorted(self.control, np.arange(problem.controls + 1))
        self.parts = np.zeros((2, len(key)), np.int64)
        self.effect = np.zeros(problem.undated, np.int64)
        """[group] what its leaving adds to the mismatch; 0 if it has left"""
        self._alter(np.arange(len(part)), self._takes(np.arange(len(part))))

    def run(self) -> Flags:
        """The groups that stay."""
        while (least := self.effect.min(initial=0)) < 0:
            for group in self.order[self.effect[self.order] == least]:
                if self._leave(group):
                    break
        return self.chosen

    def _leave(self, group: int) -> bool:
        """A group leaves. Whether that may have changed the effect of others."""
        rows = self.rows[group]
        own, cells = self.own[group], self.moves.cell[rows]
        changed = self._take(self.control[own], self.parts[:, own])
        self.chosen[group], self.parts[:, own], self.effect[group] = False, 0, 0
        near = self.moves.near(cells)
        others = near[self.chosen[self.moves.at[near]]]
        if not len(others):
            return changed
        before = self._takes(others)
        self.state[:, cells] -= self.moves.change[:, rows]
        return self._alter(others, self._takes(others) - before) or changed

    def _take(self, control: Longs, part: Longs) -> bool:
        """Takes parts from controls, and says whether that may have changed an effect."""
        before = self.rest[:, control]
        self.rest[:, control] = after = before + part
        lack = np.where(before * after > 0, np.minimum(np.abs(before), np.abs(after)), 0)
        bent = (part != 0) & (lack < self.most[self.starts[control]])
        for of, at in zip(*np.nonzero(bent), strict=True):
            start, end = self.starts[control[at]], self.starts[control[at] + 1]
            some = slice(start, start + np.searchsorted(-self.most[start:end], -lack[of, at]))
            parts = self.parts[of, some]
            self.effect[self.group[some]] += _adds(after[of, at], parts) - _adds(before[of, at], parts)
        return bool(bent.any())

    def _alter(self, rows: Longs, change: Longs) -> bool:
        """Changes what undated moves take, and says whether anything did."""
        parts = np.unique(self.part[rows[change.any(axis=0)]])
        rest, before = self.rest[:, self.control[parts]], self.parts[:, parts]
        np.add.at(self.parts.T, self.part[rows], change.T)
        adds = _adds(rest, self.parts[:, parts]) - _adds(rest, before)
        np.add.at(self.effect, self.group[parts], adds.sum(axis=0))
        return len(parts) > 0

    def _takes(self, rows: Longs) -> Longs:
        """[2, row] what undated moves take from h and n when they leave."""
        state = self.state[:, self.moves.cell[rows]]
        return _seen(state) - _seen(state - self.moves.change[:, rows])


def _marks(effective: Bytes) -> Longs:
    """[2, unit] whether it counts as an unhealthy mark, as a healthy one."""
    return np.stack((effective == Status.UNHEALTHY, effective == Status.HEALTHY)).astype(np.int64)


def _seen(marks: Longs) -> Longs:
    """[2, cell] whether cells with so many marks are healthy, whether they count."""
    bad, good = marks
    return np.stack(((bad == 0) & (good > 0), (bad > 0) | (good > 0))).astype(np.int64)


def _adds(rest: Longs, part: Longs) -> Longs:
    """What taking parts adds to the mismatch where the counts have so much more than the choice."""
    return np.abs(rest + part) - np.abs(rest)


def _sums(at: Longs | Ints, values: Longs, size: int) -> Longs:
    """[2, size] the sums of two rows of values by place."""
    return np.stack([np.bincount(at, weights=row, minlength=size) for row in values]).astype(np.int64)

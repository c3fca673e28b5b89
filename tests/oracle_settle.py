"""Which changed marks the counts show already: every prefix of the dated ones with every set of the undated."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations

from tests.oracle_arithmetic import cell
from tests.oracle_table import TABLE, Cause, Pair, State, Unit

DAY = timedelta(hours=24)
Counts = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Change:
    """A changed unit: from what the counts showed (`origin`, effectively `base`) to `now`."""

    cause: Cause
    time: datetime
    dated: bool
    origin: State
    base: str
    now: str


def reported_changes(pair: Pair) -> Counts:
    return {name: (a.healthy - b.healthy, a.counted - b.counted) for name, (b, a) in pair.controls().items()}


def settle(
    changes: dict[Unit, Change],
    cells: dict[tuple[str, str], list[Unit]],
    bases: dict[Unit, str],
    reported: Counts,
    taken: datetime,
) -> set[Unit]:
    """The units that the counts show, and those that they should have shown for more than a day."""
    dated, undated = defaultdict(set), defaultdict(set)
    for unit, change in changes.items():
        (dated[change.time] if change.dated else undated[_order(change.cause)]).add(unit)
    in_time, in_order = [dated[t] for t in sorted(dated)], [undated[o] for o in sorted(undated)]
    choice = _Choice(changes, cells, bases, reported, in_time, in_order)
    overdue = {u for u, change in changes.items() if taken - change.time > DAY}
    return choice.best() | overdue


def _order(cause: Cause) -> tuple[int, str, int]:
    row = next(row for row, kinds in TABLE.items() if cause[0] in kinds)
    return row, cause[1], TABLE[row].index(cause[0])


class _Choice:
    def __init__(self, changes, cells, bases, reported, dated, undated) -> None:
        self.changes, self.bases, self.reported, self.dated, self.undated = changes, bases, reported, dated, undated
        self.cells = {at: units for at, units in cells.items() if any(u in changes for u in units)}
        self.group = {unit: i for i, group in enumerate([*dated, *undated]) for unit in group}
        self.groups = {at: {self.group[u] for u in units if u in self.group} for at, units in self.cells.items()}
        self.known: dict = {}

    def best(self) -> set[Unit]:
        everything = len(self.dated), frozenset()
        if self.mismatch(*everything) == 0:
            return self.chosen(*everything)
        prefixes, groups = range(len(self.dated) + 1), range(len(self.undated))
        if len(self.undated) <= 8:
            left_out = [frozenset(s) for k in range(len(self.undated) + 1) for s in combinations(groups, k)]
            return self.chosen(*min(((p, out) for p in prefixes for out in left_out), key=lambda c: self.rank(*c)))
        out = self.leave_out(len(self.dated))
        prefix = min(prefixes, key=lambda p: self.rank(p, out))
        return self.chosen(prefix, self.leave_out(prefix))

    def rank(self, prefix: int, out: frozenset[int]) -> tuple:
        """Least mismatch, most marks, longest prefix; then what is left out comes later, from the end."""
        later = [-i for i in sorted(out, reverse=True)]
        return self.mismatch(prefix, out), -_marks(self.chosen(prefix, out)), -prefix, _Latest(later)

    def leave_out(self, prefix: int) -> frozenset[int]:
        out: frozenset[int] = frozenset()
        while True:
            options = [i for i in range(len(self.undated)) if i not in out]
            ranked = sorted((self.mismatch(prefix, out | {i}), _marks(self.undated[i]), -i) for i in options)
            if not ranked or ranked[0][0] >= self.mismatch(prefix, out):
                return out
            out |= {-ranked[0][2]}

    def chosen(self, prefix: int, out: frozenset[int]) -> set[Unit]:
        groups = [*self.dated[:prefix], *(g for i, g in enumerate(self.undated) if i not in out)]
        return {unit for group in groups for unit in group}

    def mismatch(self, prefix: int, out: frozenset[int]) -> int:
        total = {control: list(change) for control, change in self.reported.items()}
        for at, groups in self.groups.items():
            skipped = {len(self.dated) + i for i in out} | set(range(prefix, len(self.dated)))
            shown = frozenset(groups - skipped)
            if (at, shown) not in self.known:
                units = self.cells[at]
                h, n = cell(self.changes[u].now if self.group.get(u) in shown else self.bases[u] for u in units)
                h0, n0 = cell(self.bases[u] for u in units)
                self.known[at, shown] = h - h0, n - n0
            total[at[0]][0] -= self.known[at, shown][0]
            total[at[0]][1] -= self.known[at, shown][1]
        return sum(abs(h) + abs(n) for h, n in total.values())


def _marks(units: set[Unit]) -> int:
    """How many marks: one that stands in two controls has two units."""
    return len({(resource, recommendation) for _, resource, recommendation in units})


class _Latest(list):
    """Index lists, negated: the one that comes later is the smaller, also where one starts the other."""

    def __lt__(self, other: list) -> bool:
        return [-i for i in self] > [-i for i in other]

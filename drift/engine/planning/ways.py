"""The ways to deal with a knot: which of its cells to make healthy, what that takes, and what it brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from drift.engine.planning.needs import Check, Needs
from drift.model import Flags, Longs

EFFORTS = {"low": 1, "moderate": 3, "high": 9}
"""What one fix takes by Azure's rating, in units of effort."""

UNRATED = EFFORTS["moderate"]

SEVERITIES = {"critical": 3, "high": 3, "medium": 2, "low": 1}

CELLS = 6
"""Cells of one knot of which all choices are looked at; of more they are added one by one."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to deal with a knot."""

    cost: int
    gain: float
    """In pp of the subscription's score."""
    checks: tuple[int, ...]
    """What has to be fixed, in order."""
    controls: tuple[int, ...]
    """Where a cell becomes healthy by it."""


def effort(check: Check) -> int:
    """What one fix takes."""
    return EFFORTS.get((check.effort or "").lower(), UNRATED)


def severity(check: Check) -> int:
    """From 0, not told, to 3."""
    return SEVERITIES.get((check.severity or "").lower(), 0)


class Ways:
    """The ways in a subscription, each dearer than the last and bringing more.

    `most`: what takes more effort is left alone, and so are the cells that need it.
    """

    def __init__(self, needs: Needs, most: int) -> None:
        self._costs = [effort(check) for check in needs.checks]
        self._allowed = [cost <= most for cost in self._costs]
        self._values: list[float] = needs.values.tolist()
        paying: Flags = needs.listed & (needs.values > 0)[:, None]
        self._known: dict[tuple[int, ...], tuple[Way, ...]] = {}
        self._controls = [tuple(np.flatnonzero(paying[:, check]).tolist()) for check in range(len(needs.checks))]

    def of(self, pattern: tuple[int, ...]) -> tuple[Way, ...]:
        """The ways to deal with a knot in which these checks are Unhealthy; none if nothing can be gained."""
        if pattern not in self._known:
            self._known[pattern] = self._of(pattern)
        return self._known[pattern]

    def _of(self, pattern: tuple[int, ...]) -> tuple[Way, ...]:
        cells: dict[int, list[int]] = {}
        for check in pattern:
            for control in self._controls[check]:
                cells.setdefault(control, []).append(check)
        some = {control: own for control, own in cells.items() if all(self._allowed[check] for check in own)}
        if len(some) == 1:
            ((control, own),) = some.items()
            cost = sum(self._costs[check] for check in own)
            return (Way(cost, self._values[control], tuple(own), (control,)),)
        return _rising(self._all(some) if len(some) <= CELLS else self._one_by_one(some))

    def _all(self, cells: Mapping[int, list[int]]) -> list[Way]:
        controls = list(cells)
        choices = range(1, 1 << len(controls))
        return [self._way(cells, [one for at, one in enumerate(controls) if bits >> at & 1]) for bits in choices]

    def _one_by_one(self, cells: Mapping[int, list[int]]) -> list[Way]:
        found: list[Way] = []
        chosen: list[int] = []
        while len(chosen) < len(cells):
            more = [self._way(cells, [*chosen, one]) for one in cells if one not in chosen]
            best = max(more, key=lambda way: (way.gain / way.cost, way.controls))
            found.append(best)
            chosen = list(best.controls)
        return found

    def _way(self, cells: Mapping[int, list[int]], wanted: list[int]) -> Way:
        checks = {check for control in wanted for check in cells[control]}
        healthy = tuple(sorted(control for control, own in cells.items() if checks.issuperset(own)))
        gain = sum(self._values[control] for control in healthy)
        return Way(sum(self._costs[check] for check in checks), gain, tuple(sorted(checks)), healthy)


def _rising(ways: list[Way]) -> tuple[Way, ...]:
    """Those that bring more than all cheaper ones, by effort."""
    found: list[Way] = []
    for way in sorted(ways, key=lambda way: (way.cost, -way.gain, way.checks)):
        if not found or way.gain > found[-1].gain:
            found.append(way)
    return tuple(found)


def healed(needs: Needs, ways: Ways) -> Longs:
    """[control] How many cells can be made healthy, in all."""
    numbers = np.bincount(needs.knot_pattern, minlength=len(needs.patterns))
    found = np.zeros(len(needs.controls), np.int64)
    for pattern, number in zip(needs.patterns, numbers.tolist(), strict=True):
        if own := ways.of(pattern):
            found[list(own[-1].controls)] += number
    return found

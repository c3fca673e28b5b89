"""Dividing a movement of the score: the integral of each cause's own changes along the straight line.

Every primitive (h, n, M of each control, w of each subscription) moves from before to after at the same pace, t from 0
to 1. A cause's share is the integral of the score's derivative in the direction of that cause's changes (the
Aumann-Shapley value). It is linear in those changes, so the integrals are taken once a control and once a subscription,
and a share is a sum of products, however many causes there are.

The integrands are rational in t, and their poles lie on the real line outside [0, 1], near an end where a count changes
by a large factor. Panels that halve towards both ends keep every pole at least a panel's length away, and Gauss's rule
then converges as fast on each, whatever the factor: shares are right to rounding.

Sources: Aumann & Shapley, Values of Non-Atomic Games (1974); Sun & Sundararajan, Axiomatic Attribution for Multilinear
Functions (2011).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log2
from typing import Any

import numpy as np

from drift.model import CellEffects, Counts, Effects, Floats

_NODES = 16
"""Points of Gauss's rule a panel: a pole one panel's length away leaves (3 + √8)^-32, about 1e-24."""


@dataclass(frozen=True, slots=True)
class End:
    """One end of a member's line: its controls' counts by name, and its weight."""

    counts: Mapping[str, Counts]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Rates:
    """What one unit of each change is worth, in pp, along a member's line. The columns are its controls in order."""

    controls: Mapping[str, int]
    """Column by control name; a control that never counts has none."""
    healthy: Floats
    counted: Floats
    """A healthy cell, a counted cell. One column more than there are controls, worth nothing."""
    reweighted: Floats
    """The whole change of the control's maximum, if it is present at both ends."""
    weight: float
    """One unit of weight. Of a member at one end only: the whole of its coming or going."""
    coming: Floats
    """Of a member at one end only: that whole, by control."""

    def parts(self, effects: Effects) -> Floats:
        """The share of each row of effects, in pp."""
        return self._worth(effects.controls, effects)

    def of_cells(self, controls: Sequence[str], cells: CellEffects) -> Floats:
        """The share of each row of cells, in pp; `controls` are those of the effects."""
        return self._worth(controls, cells)

    def _worth(self, controls: Sequence[str], rows: Effects | CellEffects) -> Floats:
        nowhere = len(self.controls)
        column = np.array([self.controls.get(name, nowhere) for name in controls], np.int64)
        at = column[rows.control] if len(column) else rows.control
        return rows.healthy * self.healthy[at] + rows.counted * self.counted[at]

    def shares(self, effects: Effects, changes: int) -> Floats:
        """The share of each of so many changes, in pp."""
        return np.bincount(effects.change, self.parts(effects), minlength=changes)


def rates(lines: Sequence[tuple[End | None, End | None]]) -> list[Rates]:
    """The rates of the members of a group whose lines these are; a subscription alone is a group of one.

    Each end must have a member with positive weight, and each member a control with positive maximum and n > 0.
    """
    prepared = [_Line(before, after) for before, after in lines]
    weights = [sum(line.weight[end] for line in prepared) for end in (0, 1)]
    steepest = max([_ratio(*weights), *(line.steepest() for line in prepared)], default=1.0)
    t, q = _grid(ceil(log2(steepest)) + 2)
    total = weights[0] * (1 - t) + weights[1] * t
    group = sum((line.weight_at(t) * line.course(t)[0] for line in prepared), np.zeros_like(t)) / total
    return [line.rates(t, q, total, group) for line in prepared]


@lru_cache(maxsize=64)
def _grid(depth: int) -> tuple[Floats, Floats]:
    """Nodes and weights on [0, 1]: panels that halve towards both ends, `depth` times."""
    half = [0.0, *(2.0**-k for k in range(depth, 0, -1))]
    edges = np.array([*half, *(1 - edge for edge in reversed(half[:-1]))])
    x, w = np.polynomial.legendre.leggauss(_NODES)
    low, width = edges[:-1, None], np.diff(edges)[:, None]
    return (low + width * (x + 1) / 2).ravel(), (width * w / 2).ravel()


def _ratio(one: float, other: float) -> float:
    small, large = sorted((abs(one), abs(other)))
    return large / small if small > 0 else 2.0


class _Line:
    """One member's straight line, its controls as rows."""

    def __init__(self, before: End | None, after: End | None) -> None:
        self.ends = before, after
        first, last = (before or after), (after or before)
        if first is None or last is None:
            raise ValueError("a member must be scored at one end at least")
        self.weight = (before.weight if before else 0.0, after.weight if after else 0.0)
        live = {name for end in (first, last) for name, c in end.counts.items() if c.counted > 0}
        self.names = sorted(live)
        zero = Counts(0.0, 0, 0)
        rows = [[end.counts.get(name, zero) for name in self.names] for end in (first, last)]
        self.M = np.array([[c.maximum for c in row] for row in rows], float).reshape(2, -1)
        self.h = np.array([[c.healthy for c in row] for row in rows], float).reshape(2, -1)
        self.n = np.array([[c.counted for c in row] for row in rows], float).reshape(2, -1)
        self.enters, self.leaves = self.n[0] == 0, self.n[1] == 0
        self.stays = ~self.enters & ~self.leaves

    def steepest(self) -> float:
        """The largest factor by which a denominator changes."""
        n = self.n[:, self.stays]
        factors = n.max(axis=0) / n.min(axis=0)
        ends = [float(self.M[end][self.n[end] > 0].sum()) for end in (0, 1)]
        return max(float(factors.max(initial=1.0)), _ratio(*ends))

    def weight_at(self, t: Floats) -> Floats:
        """w(t)."""
        return self.weight[0] * (1 - t) + self.weight[1] * t

    def course(self, t: Floats) -> tuple[Floats, Floats, Any]:
        """P(t), X(t), and M, h, n of each control as rows over t."""
        M, h, n = (a[0][:, None] * (1 - t) + a[1][:, None] * t for a in (self.M, self.h, self.n))
        for only, end, ramp in ((self.enters, 1, t), (self.leaves, 0, 1 - t)):
            M[only], h[only], n[only] = (a[end][only][:, None] + 0 * t for a in (self.M, self.h, self.n))
            M[only] *= ramp
        maximum = M.sum(axis=0)
        return (M * h / n).sum(axis=0) / maximum, maximum, (M, h, n)

    def rates(self, t: Floats, q: Floats, total: Floats, group: Floats) -> Rates:
        """What changes of this member are worth to the group; `total` is W(t), `group` the group's score."""
        score, maximum, (M, h, n) = self.course(t)
        before, after = self.ends
        if before is None or after is None:
            pull = 100 * (self.weight[1] - self.weight[0]) * q / total
            coming = (M / maximum * (h / n - group)) @ pull
            nothing = np.zeros(len(self.names) + 1)
            return Rates(self._columns(), nothing, nothing, nothing, float((score - group) @ pull), coming)
        pull = 100 * q * self.weight_at(t) / total / maximum
        stays, ramped = self.stays[:, None], np.where(self.enters, self.M[1], self.M[0])[:, None]
        healthy = np.where(stays, M, ramped) / n @ pull
        counted = np.where(stays, -M * h / n**2, -ramped / n * score) @ pull
        reweighted = np.where(self.stays, (self.M[1] - self.M[0]) * ((h / n - score) @ pull), 0.0)
        return Rates(
            self._columns(),
            np.append(healthy, 0.0),
            np.append(counted, 0.0),
            np.append(reweighted, 0.0),
            100 * float(q @ ((score - group) / total)),
            np.zeros(len(self.names)),
        )

    def _columns(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(self.names)}

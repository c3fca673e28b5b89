"""The arithmetic of the contract by brute force: Shapley by all subsets, Aumann-Shapley by numeric integration."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations, pairwise
from math import cos, factorial, pi

Value = tuple[int, int]
Parts = dict[Hashable, tuple[Fraction, Fraction]]  # cause -> its (Δh, Δn)


def cell(statuses: Iterable[str]) -> Value:
    statuses = list(statuses)
    return (0, 1) if "U" in statuses else (1, 1) if "H" in statuses else (0, 0)


def shapley(players: list[Hashable], value: Callable[[frozenset], Value]) -> Parts:
    worth = {frozenset(s): value(frozenset(s)) for k in range(len(players) + 1) for s in combinations(players, k)}
    parts: Parts = {}
    for player in players:
        total = [Fraction(0), Fraction(0)]
        for without in (s for s in worth if player not in s):
            orders = factorial(len(without)) * factorial(len(players) - len(without) - 1)
            weight = Fraction(orders, factorial(len(players)))
            for i in (0, 1):
                total[i] += weight * (worth[without | {player}][i] - worth[without][i])
        parts[player] = (total[0], total[1])
    return parts


@dataclass
class ControlLine:
    """One control on the way from before to after, with what each cause brings."""

    m0: float
    h0: float
    n0: float
    m1: float
    h1: float
    n1: float
    parts: dict[Hashable, tuple[float, float]] = field(default_factory=dict)


@dataclass
class Line:
    """One subscription's straight line; `weights` are w before, w after and each cause's part of the difference."""

    controls: dict[str, ControlLine]
    w0: float = 1.0
    w1: float = 1.0
    weights: dict[Hashable, float] = field(default_factory=dict)

    def at(self, t: float) -> tuple[float, float, dict[Hashable, tuple[float, float]]]:
        """S, X and of every cause (S', X')."""
        S = X = 0.0
        rates: dict[Hashable, list[float]] = {}

        def add(cause: Hashable, s: float, x: float) -> None:
            rate = rates.setdefault(cause, [0.0, 0.0])
            rate[0] += s
            rate[1] += x

        for name, c in self.controls.items():
            if c.n0 > 0 and c.n1 > 0:
                M, h, n = (a + t * (b - a) for a, b in ((c.m0, c.m1), (c.h0, c.h1), (c.n0, c.n1)))
                S, X = S + M * h / n, X + M
                for cause, (dh, dn) in c.parts.items():
                    add(cause, M * (dh * n - h * dn) / n**2, 0.0)
                if c.m1 != c.m0:
                    add(("control_reweighted", name), (c.m1 - c.m0) * h / n, c.m1 - c.m0)
            elif c.n0 > 0 or c.n1 > 0:
                entering = c.n1 > 0
                M, h, n = (c.m1, c.h1, c.n1) if entering else (c.m0, c.h0, c.n0)
                ramp = t if entering else 1 - t
                S, X = S + ramp * M * h / n, X + ramp * M
                for cause, (dh, dn) in c.parts.items():
                    add(cause, M * dh / n, M * dn / n)
        return S, X, {cause: (s, x) for cause, (s, x) in rates.items()}


def shares(line: Line) -> dict[Hashable, float]:
    """Each cause's share of the movement of one subscription, in pp."""

    def derivative(t: float) -> dict[Hashable, float]:
        S, X, rates = line.at(t)
        return {cause: (s * X - S * x) / X**2 for cause, (s, x) in rates.items()}

    return _integrate(derivative)


def group_shares(lines: dict[str, Line], joining: dict[str, Line], leaving: dict[str, Line]) -> dict[Hashable, float]:
    """The same for a group, causes as (sub, cause); who joins or leaves has its weight ramped, its P constant."""

    def derivative(t: float) -> dict[Hashable, float]:
        N = W = 0.0
        rates: dict[Hashable, list[float]] = {}
        for sub, line in lines.items():
            S, X, causes = line.at(t)
            P, w = S / X, line.w0 + t * (line.w1 - line.w0)
            N, W = N + w * P, W + w
            for cause, (s, x) in causes.items():
                rates.setdefault((sub, cause), [0.0, 0.0])[0] += w * (s * X - S * x) / X**2
            for cause, dw in line.weights.items():
                rate = rates.setdefault((sub, cause), [0.0, 0.0])
                rate[0] += dw * P
                rate[1] += dw
        for kind, ends, side in (("subscription_added", joining, 1), ("subscription_removed", leaving, 0)):
            for sub, line in ends.items():
                S, X, _ = line.at(side)
                dw = line.w1 if side else -line.w0
                w = t * line.w1 if side else (1 - t) * line.w0
                N, W = N + w * S / X, W + w
                rates[sub, (kind, sub)] = [dw * S / X, dw]
        return {cause: (n * W - N * w) / W**2 for cause, (n, w) in rates.items()}

    return _integrate(derivative)


def _legendre(order: int) -> list[tuple[float, float]]:
    points = []
    for i in range(order):
        x = cos(pi * (i + 0.75) / (order + 0.5))
        for _ in range(50):
            p0, p1 = 1.0, x
            for k in range(2, order + 1):
                p0, p1 = p1, ((2 * k - 1) * x * p1 - (k - 1) * p0) / k
            slope = order * (x * p1 - p0) / (x * x - 1)
            x -= p1 / slope
        points.append((x, 2 / ((1 - x * x) * slope**2)))
    return points


NODES = _legendre(8)
# Every pole of the integrand is real and outside 0..1, so panels that halve towards both ends meet any of them.
EDGES = [0.0, *(2.0**-k for k in range(16, 0, -1)), *(1 - 2.0**-k for k in range(2, 17)), 1.0]


def _integrate(derivative: Callable[[float], dict[Hashable, float]]) -> dict[Hashable, float]:
    total: dict[Hashable, float] = {}
    for a, b in pairwise(EDGES):
        for x, weight in NODES:
            for cause, rate in derivative((a + b) / 2 + x * (b - a) / 2).items():
                total[cause] = total.get(cause, 0.0) + 100 * rate * weight * (b - a) / 2
    return total

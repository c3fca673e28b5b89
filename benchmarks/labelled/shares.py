"""The true shares of a movement: the contract's integral along the straight line, taken numerically."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.labelled.game import Cause, Game, Member, Owned, coming, owned, reweighted, still

type Floats = NDArray[np.float64]

_HALVES = 24
"""The integrand's poles are real and outside [0, 1]: panels that halve towards both ends meet any of them."""


def _nodes() -> tuple[Floats, Floats]:
    """Points of [0, 1] and their weights: Gauss's rule on each panel."""
    x, w = np.polynomial.legendre.leggauss(16)
    inner = [2.0**-k for k in range(_HALVES, 0, -1)]
    edges = np.array([0.0, *inner, *(1 - one for one in reversed(inner[:-1])), 1.0])
    low, width = edges[:-1, None], np.diff(edges)[:, None]
    return (low + width * (x + 1) / 2).ravel(), (width * w / 2).ravel()


T, WEIGHT = _nodes()


def shares(game: Game, own: Owned | None = None) -> dict[Cause, float]:
    """Each player's share, in pp; they sum to the movement. {} where either end has no score."""
    own = own or owned(game)
    if not _scored(game):
        return {}
    N, W = np.zeros_like(T), np.zeros_like(T)
    slopes: dict[Cause, tuple[Floats, Floats]] = {}

    def add(cause: Cause, up: Any, down: Any) -> None:
        known = slopes.get(cause, (0.0, 0.0))
        slopes[cause] = (known[0] + up, known[1] + down)

    for name, member in game.members.items():
        w0, w1 = (1.0, 1.0) if game.single else member.weights
        if member.before is None or member.after is None:
            P, change = np.full_like(T, still(member)), w1 if member.before is None else -w0
            w = T * w1 if member.before is None else (1 - T) * w0
            add(coming(name, member), change * P, change)
        else:
            P, rates = _line(name, member, own)
            w = w0 + T * (w1 - w0)
            for cause, rate in rates.items():
                add(cause, w * rate, 0.0)
            for cause, change in own.weights.get(name, {}).items():
                add(cause, change * P, change)
        N, W = N + w * P, W + w
    found = {cause: float(100 * WEIGHT @ ((up * W - N * down) / W**2)) for cause, (up, down) in slopes.items()}
    return {cause: found.get(cause, 0.0) for cause in own.players}


def _scored(game: Game) -> bool:
    """Whether there is a score at both ends."""
    members = game.members.values()
    if game.single:
        return all(one.before is not None and one.after is not None for one in members)
    before = any(one.before is not None and one.weights[0] > 0 for one in members)
    return before and any(one.after is not None and one.weights[1] > 0 for one in members)


def _line(name: str, member: Member, own: Owned) -> tuple[Floats, dict[Cause, Floats]]:
    """P along the line of a subscription scored at both ends, and the slope of P that each cause brings."""
    S, X = np.zeros_like(T), np.zeros_like(T)
    rates: dict[Cause, tuple[Any, Any]] = {}

    def add(cause: Cause, s: Any, x: Any) -> None:
        known = rates.get(cause, (0.0, 0.0))
        rates[cause] = (known[0] + s, known[1] + x)

    for control, (old, new) in member.controls().items():
        parts = {cause: (float(h), float(n)) for cause, (h, n) in own.parts.get((name, control), {}).items()}
        if old.counted and new.counted:
            M = old.maximum + T * (new.maximum - old.maximum)
            h = old.healthy + T * (new.healthy - old.healthy)
            n = old.counted + T * (new.counted - old.counted)
            S, X = S + M * h / n, X + M
            for cause, (more_h, more_n) in parts.items():
                add(cause, M * (more_h * n - h * more_n) / n**2, 0.0)
            if reweighted(old, new):
                change = new.maximum - old.maximum
                add(Cause("control_reweighted", control, name), change * h / n, change)
        elif old.counted or new.counted:
            whole, ramp = (new, T) if new.counted else (old, 1 - T)
            S = S + ramp * whole.maximum * whole.healthy / whole.counted
            X = X + ramp * whole.maximum
            for cause, (more_h, more_n) in parts.items():
                add(cause, whole.maximum * more_h / whole.counted, whole.maximum * more_n / whole.counted)
    return S / X, {cause: (s * X - S * x) / X**2 for cause, (s, x) in rates.items()}

"""What the number of causes costs the engine, and how far its shares are from numeric integration.

    python -m benchmarks.causes

One movement over 50 controls (one enters, one leaves), its changed cells dealt among 10 causes or among 1,000. Prints
`{"few": seconds, "many": seconds, "ratio": many/few, "difference": pp}`. The numeric integral is Simpson's rule with
10,000 steps on the formula of the contract, a cause at a time: nothing is shared with the engine but the formula.
"""

import gc
import time
from fractions import Fraction
from statistics import median

import msgspec
import numpy as np
from numpy.typing import NDArray

from drift.engine.attribution import End, rates
from drift.model import Counts, Effect

type Floats = NDArray[np.float64]
type Cause = dict[str, Effect]

CONTROLS = 50
FEW, MANY = 10, 1_000
ROUNDS = 101
STEPS = 10_000


def movement(rng: np.random.Generator) -> tuple[End, End, list[tuple[str, Effect]]]:
    """Both ends, and the change of every control in 20 parts, fractions of cells as shared cells give them."""
    before: dict[str, Counts] = {}
    after: dict[str, Counts] = {}
    parts: list[tuple[str, Effect]] = []
    for number in range(CONTROLS):
        name, maximum = f"control-{number:02d}", float(rng.integers(1, 11))
        n = 0 if number == 0 else int(rng.integers(40, 20_000))
        h = round(n * float(rng.uniform(0.3, 0.9)))
        pieces = MANY // CONTROLS
        changes = [
            Effect(Fraction(int(a), 6), Fraction(int(b), 6))
            for a, b in zip(rng.integers(-60, 90, pieces), rng.integers(-60, 120, pieces), strict=True)
        ]
        # The last piece makes whole cells of the rest; a control that enters or leaves does so whole.
        wanted_h, wanted_n = round(sum(c.healthy for c in changes[:-1])), round(sum(c.counted for c in changes[:-1]))
        if number == 0:
            wanted_h, wanted_n = 30, 80
        if number == 1:
            wanted_h, wanted_n = -h, -n
        rest_h = wanted_h - sum((c.healthy for c in changes[:-1]), Fraction(0))
        rest_n = wanted_n - sum((c.counted for c in changes[:-1]), Fraction(0))
        changes[-1] = Effect(rest_h, rest_n)
        before[name] = Counts(maximum, h, n)
        after[name] = Counts(maximum, h + wanted_h, n + wanted_n)
        parts += [(name, change) for change in changes]
    return End(before), End(after), parts


def dealt(parts: list[tuple[str, Effect]], causes: int) -> list[Cause]:
    """The parts among so many causes; several parts of a control that one cause gets are one effect."""
    hands: list[Cause] = [{} for _ in range(causes)]
    for turn, (name, part) in enumerate(parts):
        hand = hands[turn * causes // len(parts)]
        had = hand.get(name, Effect(Fraction(0), Fraction(0)))
        hand[name] = Effect(had.healthy + part.healthy, had.counted + part.counted)
    return hands


def attributed(before: End, after: End, causes: list[Cause]) -> list[float]:
    """The share of every cause, by the engine."""
    (worth,) = rates([(before, after)])
    return [worth.share(cause) for cause in causes]


def integrated(before: End, after: End, causes: list[Cause]) -> list[float]:
    """The same by Simpson's rule."""
    t = np.linspace(0.0, 1.0, STEPS + 1)
    simpson = np.ones(STEPS + 1)
    simpson[1:-1:2], simpson[2:-1:2] = 4.0, 2.0
    simpson /= 3 * STEPS
    lines: dict[str, tuple[Floats, Floats, Floats, Floats]] = {}  # M, h, n and the ramp of a control
    for name, first in before.counts.items():
        last = after.counts[name]
        enters, leaves = first.counted == 0, last.counted == 0
        a, b = (last if enters else first), (first if leaves else last)
        ramp = t if enters else 1 - t if leaves else np.ones_like(t)
        ends = ((a.maximum, b.maximum), (a.healthy, b.healthy), (a.counted, b.counted))
        M, h, n = ((1 - t) * low + t * high for low, high in ends)
        lines[name] = (M, h, n, ramp)
    S = np.sum([M * ramp * h / n for M, h, n, ramp in lines.values()], axis=0)
    X = np.sum([M * ramp for M, _, _, ramp in lines.values()], axis=0)
    shares = []
    for cause in causes:
        numerator = np.zeros_like(t)
        for name, effect in cause.items():
            M, h, n, _ = lines[name]
            dh, dn = float(effect.healthy), float(effect.counted)
            if 0 in (before.counts[name].counted, after.counts[name].counted):
                numerator += M * dh / n * X - S * M * dn / n
            else:
                numerator += M * (dh * n - h * dn) / n**2 * X
        shares.append(100 * float(simpson @ (numerator / X**2)))
    return shares


def timed(before: End, after: End, few: list[Cause], many: list[Cause]) -> tuple[float, float]:
    """Median seconds of either, in turns."""
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for which, causes in enumerate((few, many)):
            start = time.perf_counter()
            attributed(before, after, causes)
            spent[which].append(time.perf_counter() - start)
    return median(spent[0]), median(spent[1])


def main() -> None:
    before, after, parts = movement(np.random.default_rng(5))
    few, many = dealt(parts, FEW), dealt(parts, MANY)
    gc.disable()
    short, long = timed(before, after, few, many)
    difference = max(
        abs(ours - theirs)
        for causes in (few, many)
        for ours, theirs in zip(attributed(before, after, causes), integrated(before, after, causes), strict=True)
    )
    found = {"few": short, "many": long, "ratio": long / short, "difference": difference}
    print(msgspec.json.encode(found).decode())


if __name__ == "__main__":
    main()

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
from drift.model import Counts, Effects

type Floats = NDArray[np.float64]
type Part = tuple[int, Fraction, Fraction]
"""What one cause did to one control: its number, Δh, Δn."""

CONTROLS = 50
FEW, MANY = 10, 1_000
ROUNDS = 400
STEPS = 10_000


def name_of(number: int) -> str:
    return f"control-{number:02d}"


def movement(rng: np.random.Generator) -> tuple[End, End, list[Part]]:
    """Both ends, and the change of every control in 20 parts, fractions of cells as shared cells give them."""
    before: dict[str, Counts] = {}
    after: dict[str, Counts] = {}
    parts: list[Part] = []
    for number in range(CONTROLS):
        maximum = float(rng.integers(1, 11))
        n = 0 if number == 0 else int(rng.integers(40, 20_000))
        h = round(n * float(rng.uniform(0.3, 0.9)))
        pieces = MANY // CONTROLS
        changes = [
            (Fraction(int(a), 6), Fraction(int(b), 6))
            for a, b in zip(rng.integers(-60, 90, pieces - 1), rng.integers(-60, 120, pieces - 1), strict=True)
        ]
        done_h, done_n = (sum((change[which] for change in changes), Fraction(0)) for which in (0, 1))
        # The last piece makes whole cells of the rest; a control that enters or leaves does so whole.
        wanted_h, wanted_n = {0: (30, 80), 1: (-h, -n)}.get(number, (round(done_h), round(done_n)))
        changes.append((wanted_h - done_h, wanted_n - done_n))
        before[name_of(number)] = Counts(maximum, h, n)
        after[name_of(number)] = Counts(maximum, h + wanted_h, n + wanted_n)
        parts += [(number, *change) for change in changes]
    return End(before), End(after), parts


def dealt(parts: list[Part], causes: int) -> Effects:
    """The parts among so many causes; several parts of a control that one cause gets are one effect."""
    hands: dict[tuple[int, int], tuple[Fraction, Fraction]] = {}
    for turn, (number, healthy, counted) in enumerate(parts):
        row = turn * causes // len(parts), number
        had = hands.get(row, (Fraction(0), Fraction(0)))
        hands[row] = had[0] + healthy, had[1] + counted
    rows = sorted(hands)
    return Effects(
        np.array([cause for cause, _ in rows], np.int32),
        np.array([number for _, number in rows], np.int32),
        np.array([float(hands[row][0]) for row in rows]),
        np.array([float(hands[row][1]) for row in rows]),
        tuple(map(name_of, range(CONTROLS))),
    )


def attributed(before: End, after: End, effects: Effects, causes: int) -> Floats:
    """The share of every cause, by the engine."""
    (worth,) = rates([(before, after)])
    return worth.shares(effects, causes)


def integrated(before: End, after: End, effects: Effects, causes: int) -> list[float]:
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
    for cause in range(causes):
        numerator = np.zeros_like(t)
        for row in np.flatnonzero(effects.change == cause):
            name = effects.controls[effects.control[row]]
            M, h, n, _ = lines[name]
            dh, dn = effects.healthy[row], effects.counted[row]
            if 0 in (before.counts[name].counted, after.counts[name].counted):
                numerator += M * dh / n * X - S * M * dn / n
            else:
                numerator += M * (dh * n - h * dn) / n**2 * X
        shares.append(100 * float(simpson @ (numerator / X**2)))
    return shares


def timed(before: End, after: End, hands: dict[int, Effects]) -> tuple[float, float, float]:
    """Median seconds of few causes and of many, and the median of their ratios, round by round in turns."""
    rounds: list[dict[int, float]] = []
    for number in range(ROUNDS):
        spent: dict[int, float] = {}
        for causes in sorted(hands, reverse=bool(number % 2)):
            start = time.perf_counter()
            attributed(before, after, hands[causes], causes)
            spent[causes] = time.perf_counter() - start
        rounds.append(spent)
    few, many = (median(spent[causes] for spent in rounds) for causes in (FEW, MANY))
    return few, many, median(spent[MANY] / spent[FEW] for spent in rounds)


def main() -> None:
    before, after, parts = movement(np.random.default_rng(5))
    hands = {causes: dealt(parts, causes) for causes in (FEW, MANY)}
    gc.disable()
    short, long, ratio = timed(before, after, hands)
    difference = max(
        float(np.abs(attributed(before, after, effects, causes) - integrated(before, after, effects, causes)).max())
        for causes, effects in hands.items()
    )
    found = {"few": short, "many": long, "ratio": ratio, "difference": difference}
    print(msgspec.json.encode(found).decode())


if __name__ == "__main__":
    main()

"""Which knots to fix so that enough is gained for the least effort: a knapsack that has to be filled.

Lots are alike knots; each can be dealt with in one of several ways, each dearer than the last and bringing more. They
are taken by return on effort, the last only as far as it is needed. No choice of fractions of knots does better, so
that it takes less than one knot's effort more than the least possible. Then knots are dealt with in other ways, where
that saves effort. It is the least where it comes down to the bound that no choice can undercut, or where all was tried
that could save any.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, fsum, gcd

import numpy as np

from drift.model import Floats, Longs

NOTHING = 1e-9
"""pp that nobody misses: what rounding leaves of a target."""

WIDEST = 512
"""How far exchanges go, in units of effort,"""
COPIES = 64
"""how many alike knots they take,"""
WORK = 20_000
"""and how many are tried: steps over all states."""


@dataclass(frozen=True, slots=True)
class Lot:
    """So many alike knots, and the ways to deal with one: effort and gain, both rising."""

    number: int
    costs: tuple[int, ...]
    gains: tuple[float, ...]
    favour: float = 0.0
    """Of equal returns the larger comes first."""
    whole: bool = True
    """Whether these are all ways that there are."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How many knots of each lot are dealt with in each way."""

    taken: tuple[tuple[int, ...], ...]
    cost: int
    least: int | None
    """No choice that gains as much takes less; None where that is not known. Where all that there is does not gain
    enough, the cost of all."""


def everything(lots: Sequence[Lot]) -> Choice:
    """All knots of all lots, each in the way that brings most."""
    taken = tuple((*(0 for _ in one.costs[1:]), one.number) for one in lots)
    cost = sum(one.number * one.costs[-1] for one in lots)
    return Choice(taken, cost, cost)


def enough(lots: Sequence[Lot], need: float) -> Choice:
    """A choice that gains so many pp, as far as there are, for little effort."""
    need -= NOTHING
    if need <= 0 or not lots:
        return Choice(tuple((0,) * len(one.costs) for one in lots), 0, 0)
    if sum(one.number * one.gains[-1] for one in lots) <= need:
        return everything(lots)
    taken, price, bound = _greedy(lots, need)
    kinds = _kinds(lots, taken)
    unit = gcd(*(cost for one in lots for cost in one.costs))
    least: int = ceil(bound / unit - 1e-9) * unit
    if sum(kind.cost for kind in kinds) > least and _exchange(kinds, sum(kind.gain for kind in kinds) - need, price):
        least = sum(kind.cost for kind in kinds)
    known = all(one.whole for one in lots)
    return Choice(_spread(lots, kinds), sum(kind.cost for kind in kinds), least if known else None)


def _greedy(lots: Sequence[Lot], need: float) -> tuple[list[list[int]], float, float]:
    """How many knots of each lot are dealt with in each way (none, the first, …), by return on effort.

    With the return on effort of the last, and the effort if only as large a fraction of it were taken as is needed.
    """
    rows: list[tuple[float, float, int, int, int]] = []
    for at, lot in enumerate(lots):
        best = [0, *hull(lot.costs, lot.gains)]
        for step, (way, upto) in enumerate(pairwise(best)):
            more, extra = _cost(lot, upto) - _cost(lot, way), _gain(lot, upto) - _gain(lot, way)
            rows.append((-extra / more, -lot.favour, at, step, upto))
    rows.sort()
    taken = [[lot.number, *(0 for _ in lot.costs)] for lot in lots]
    stand = [0] * len(lots)
    cost, gain = 0.0, 0.0
    for returns, _, at, _, upto in rows:
        lot, way = lots[at], stand[at]
        more, extra = _cost(lot, upto) - _cost(lot, way), _gain(lot, upto) - _gain(lot, way)
        left = need - gain
        number = min(lot.number, max(0, ceil(left / extra)))
        taken[at][way], taken[at][upto], stand[at] = lot.number - number, number, upto
        if number < lot.number or number * extra >= left:
            return taken, -returns, cost + left / -returns
        cost, gain = cost + number * more, gain + number * extra
    return taken, -rows[-1][0], cost


def hull(costs: Sequence[int], gains: Sequence[float]) -> list[int]:
    """The ways, from 1 on, that no mixture of others beats: their returns on effort fall from each to the next."""
    found = [0]
    points = [(0, 0.0), *zip(costs, gains, strict=True)]
    for way in range(1, len(points)):
        while len(found) > 1 and _returns(points, found[-2], found[-1]) <= _returns(points, found[-1], way):
            found.pop()
        found.append(way)
    return found[1:]


def _returns(points: Sequence[tuple[int, float]], one: int, other: int) -> float:
    return (points[other][1] - points[one][1]) / (points[other][0] - points[one][0])


def _cost(lot: Lot, way: int) -> int:
    return lot.costs[way - 1] if way else 0


def _gain(lot: Lot, way: int) -> float:
    return lot.gains[way - 1] if way else 0.0


# Exchanges


@dataclass(slots=True)
class _Kind:
    """Lots whose knots cost and bring the same."""

    costs: tuple[int, ...]
    gains: tuple[float, ...]
    """Of each way, from none on."""
    lots: list[int]
    taken: list[int]
    """How many knots are dealt with in each way."""

    @property
    def cost(self) -> int:
        return sum(number * cost for number, cost in zip(self.taken, self.costs, strict=True))

    @property
    def gain(self) -> float:
        return fsum(number * gain for number, gain in zip(self.taken, self.gains, strict=True))


def _kinds(lots: Sequence[Lot], taken: Sequence[Sequence[int]]) -> list[_Kind]:
    found: dict[tuple[tuple[int, ...], tuple[float, ...]], _Kind] = {}
    for at, (lot, own) in enumerate(zip(lots, taken, strict=True)):
        key = (0, *lot.costs), (0.0, *lot.gains)
        kind = found.setdefault(key, _Kind(*key, [], [0] * len(own)))
        kind.lots.append(at)
        kind.taken = [one + other for one, other in zip(kind.taken, own, strict=True)]
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Moves:
    """Knots of a kind that stand in one way, and the other ways that they could be dealt with in."""

    kind: _Kind
    way: int
    limit: int
    """How many can move, before what is lost is more than there is to lose."""
    to: tuple[tuple[int, int, float], ...]
    """Way, effort and gain more."""


def _exchange(kinds: Sequence[_Kind], surplus: float, price: float) -> bool:
    """Moves knots to other ways, where that saves effort; whether all was tried.

    Against the fractional best every move loses a little of the surplus. What alone would lose all of it is left out;
    of the others every combination is tried, by the effort that has been saved so far.
    """
    slack = surplus - price
    every = [one for kind in kinds for one in _moves(kind, slack, price)]
    total = sum(sum(kind.taken) * kind.costs[-1] for kind in kinds)
    width = min(WIDEST, total)  # no exchange goes beyond all that there is
    best: Floats = np.full(2 * width + 1, -np.inf)
    best[width] = 0.0
    tried: list[tuple[_Moves, Longs]] = []
    all_tried, farthest, work = True, 0, 0
    for one in sorted(every, key=lambda one: -one.limit):
        work += min(one.limit, COPIES) * len(one.to)
        if work > WORK:
            all_tried = False
            break
        all_tried &= one.limit <= COPIES
        farthest += one.limit * max(abs(cost) for _, cost, _ in one.to)
        for _ in range(min(one.limit, COPIES)):
            best, how = _tried(best, one)
            tried.append((one, how))
    good = np.flatnonzero(best[:width] + surplus >= 0)
    state = int(good[0]) if len(good) else width
    for one, how in reversed(tried):
        if chosen := int(how[state]):
            way, cost, _ = one.to[chosen - 1]
            one.kind.taken[one.way] -= 1
            one.kind.taken[way] += 1
            state -= cost
    return all_tried and (farthest <= width or width == total)


def _moves(kind: _Kind, slack: float, price: float) -> Iterator[_Moves]:
    for way, number in enumerate(kind.taken):
        found: list[tuple[int, int, float]] = []
        losses: list[float] = []
        for other in range(len(kind.costs)):
            cost, gain = kind.costs[other] - kind.costs[way], kind.gains[other] - kind.gains[way]
            loss = max(0.0, price * cost - gain)
            if other != way and loss <= slack:
                found.append((other, cost, gain))
                losses.append(loss)
        if number and found:
            least = min(losses)
            limit = number if least * number <= slack else floor(slack / least)
            yield _Moves(kind, way, limit, tuple(found))


def _tried(best: Floats, one: _Moves) -> tuple[Floats, Longs]:
    """The most that can be gained at each effort if one more knot may move, and where to: 0 is nowhere."""
    then, how = best.copy(), np.zeros(len(best), np.int64)
    for number, (_, cost, gain) in enumerate(one.to, 1):
        moved = np.full(len(best), -np.inf)
        if abs(cost) < len(best):
            moved[max(0, cost) : len(best) + min(0, cost)] = best[max(0, -cost) : len(best) - max(0, cost)]
        moved += gain
        better = moved > then
        then[better], how[better] = moved[better], number
    return then, how


def _spread(lots: Sequence[Lot], kinds: Sequence[_Kind]) -> tuple[tuple[int, ...], ...]:
    """As many of each kind in as few lots: those in favour first, the last the one that fits best."""
    told = [[0] * len(lot.costs) for lot in lots]
    for kind in kinds:
        rooms = {at: lots[at].number for at in sorted(kind.lots, key=lambda at: (-lots[at].favour, at))}
        for way in range(len(kind.costs) - 1, 0, -1):
            left = kind.taken[way]
            while left:
                fits = [at for at, room in rooms.items() if room >= left]
                at = min(fits, key=rooms.__getitem__) if fits else next(at for at, room in rooms.items() if room)
                number = min(left, rooms[at])
                told[at][way - 1] += number
                rooms[at] -= number
                left -= number
    return tuple(map(tuple, told))

"""The least effort that gains enough, against enumeration."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from drift.engine.planning.choosing import Lot, enough


@pytest.mark.parametrize("seed", range(40))
def test_what_is_chosen_of_several_ways_is_the_least(seed):
    rng = Random(seed)
    lots = []
    for _ in range(4):
        costs = sorted(rng.sample(range(1, 15), 3))
        gains = sorted(rng.sample([0.3, 0.7, 1.0, 1.6, 2.1, 2.9], 3))
        lots.append(Lot(rng.randint(1, 2), tuple(costs), tuple(gains)))
    ways = {(0.0, 0)}
    for lot in lots:
        options = [(0.0, 0), *zip(lot.gains, lot.costs, strict=True)]
        for _ in range(lot.number):
            ways = {(g + more, c + cost) for g, c in ways for more, cost in options}
    need = rng.uniform(0.1, 0.95) * max(g for g, _ in ways)
    choice = enough(lots, need)
    assert choice.least == choice.cost == min(c for g, c in ways if g >= need - 1e-9)
    assert all(sum(row) <= lot.number for row, lot in zip(choice.taken, lots, strict=True))


def test_where_not_all_ways_are_known_no_bound_is_claimed():
    assert enough([Lot(3, (2,), (1.0,), whole=False), Lot(1, (1,), (0.1,))], 2.0).least is None


@pytest.mark.parametrize("seed", range(60))
def test_exchanges_find_the_least_that_enumeration_finds(seed):
    rng = Random(seed)
    lots = [Lot(rng.randint(1, 3), (rng.randint(1, 9),), (rng.choice([0.5, 1.0, 1.7, 2.2, 3.1]),)) for _ in range(6)]
    total = sum(lot.number * lot.gains[0] for lot in lots)
    need = rng.uniform(0.1, 0.95) * total
    ways = {(0.0, 0)}
    for lot in lots:
        ways = {(g + k * lot.gains[0], c + k * lot.costs[0]) for g, c in ways for k in range(lot.number + 1)}
    choice = enough(lots, need)
    assert choice.cost == min(c for g, c in ways if g >= need - 1e-9)
    assert choice.least == choice.cost
    assert sum(taken[0] * lot.gains[0] for taken, lot in zip(choice.taken, lots, strict=True)) >= need - 1e-8


def test_many_different_needs_are_planned_quickly():
    rng = np.random.default_rng(1)
    lots = [
        Lot(int(number), (int(cost),), (float(worth),))
        for number, cost, worth in zip(
            rng.integers(1, 5, 20_000), rng.integers(1, 60, 20_000), rng.random(20_000), strict=True
        )
    ]
    choice = enough(lots, 0.5 * sum(lot.number * lot.gains[0] for lot in lots))
    assert choice.least is not None
    assert choice.cost <= choice.least + 1

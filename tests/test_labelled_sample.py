"""What the product makes of a few chains of the labelled set, of which `benchmarks.labelled` measures many."""

from __future__ import annotations

from functools import cache

from benchmarks.labelled.generate import generate
from benchmarks.labelled.measuring import truths
from benchmarks.labelled.ours import predictions
from benchmarks.labelled.scoring import Scores, scored
from benchmarks.labelled.truth import acts_of

SEEDS = range(1, 5)


@cache
def sample() -> Scores:
    found = Scores()
    for seed in SEEDS:
        chain = generate(seed)
        found.join(scored(truths(chain), predictions(chain), acts_of(chain)))
    return found


def test_every_movement_of_the_sample_is_answered() -> None:
    assert sample().movements > 150
    assert sample().unanswered == 0


def test_the_kinds_of_causes_are_told_apart() -> None:
    assert len(sample().true) >= 24
    assert sample().macro_f1 >= 0.95


def test_little_is_left_unexplained_or_misplaced() -> None:
    found = sample()
    assert found.unexplained < 0.02 * found.points
    assert found.overlooked < 0.05 * found.points
    assert found.invented < 0.05 * found.points


def test_nobody_is_named_who_did_not_do_it() -> None:
    actors = sample().actors
    assert {name: actors[name] for name in ("wrong", "accused", "misplaced", "ambiguousWrong")} == {
        "wrong": 0,
        "accused": 0,
        "misplaced": 0,
        "ambiguousWrong": 0,
    }


def test_who_did_it_is_told_where_a_record_says_so() -> None:
    actors = sample().actors
    known = sum(actors[name] for name in ("named", "notRecorded", "platform"))
    assert actors["named"] > 300
    assert actors["missed"] < 0.05 * known

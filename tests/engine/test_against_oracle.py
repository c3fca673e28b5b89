"""The engine agrees with an attribution by brute force on random stories, which know nothing of each other."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests import oracle
from tests.estates import Story, make
from tests.explained import by_subscription, explained, shares

PRECISION = 1e-7
OPTIONAL = (
    *("assessment-metadata.json", "policy-assignments.json", "resources.json", "pricings.json"),
    *("policy-set-definitions.json", "security-connectors.json", "policy-exemptions.json"),
    *("standard-assignments.json", "governance-assignments.json"),
)
CHUNKS, SIZE = 6, 20


def agree(story: Story, scope: str = "all", *, noise: bool = False) -> None:
    """In movement, causes and pending of the scope and of each subscription. Where noise is, only what is settled."""
    wanted, found = oracle.explain(story, scope), explained(story, scope)
    own = by_subscription(found)
    assert own.keys() == {one["scope"].lower() for one in wanted["subscriptions"]}
    pairs = [(wanted, found), *((one, own[one["scope"].lower()]) for one in wanted["subscriptions"])]
    for theirs, ours in pairs:
        assert (theirs["movement"] is None) == (ours["movement"] is None)
        if theirs["movement"] is not None:
            assert ours["movement"] == pytest.approx(theirs["movement"], abs=1e-9)
        for what in ("causes",) if noise else ("causes", "pending"):
            expected, got = shares(theirs, what), shares(ours, what)
            every = {cause: (expected.get(cause, 0.0), got.get(cause, 0.0)) for cause in {*expected, *got}}
            assert {cause: both for cause, both in every.items() if abs(both[0] - both[1]) > PRECISION} == {}


def options(seed: int) -> dict[str, Any]:
    rng = Random(seed)
    return {
        "kinds": rng.randint(1, 8),
        "lag": rng.random() < 0.5,
        "steps": rng.choice([2, 2, 2, 3, 3, 4]),
        "early": rng.random() < 0.3,
        "ahead": rng.random() < 0.3,
        "mass": rng.random() < 0.08,
        "without": tuple(rng.sample(OPTIONAL, rng.randint(1, 2))) if rng.random() < 0.2 else (),
    }


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_stories(chunk):
    for seed in range(chunk * SIZE, (chunk + 1) * SIZE):
        with_options = options(seed)
        print(f"make({seed}, **{with_options})")  # shown with a failure: the last line is the story
        agree(make(seed, **with_options))


@pytest.mark.parametrize("scope", ["tag:environment=prod", "mg:mg-0"])
def test_groups(scope):
    """Three subscriptions, of which the random tags may leave none in the tag's group."""
    for seed in range(5):
        story = make(seed, 6, lag=bool(seed % 2), steps=3, subscriptions=3)
        if any("prod" in str(folder["subscriptions.json"]) for folder in story):
            agree(story, scope)


def test_counts_that_move_for_no_visible_reason():
    for seed in range(8):
        agree(make(seed, 4, noise=True), noise=True)


ONCE_DIFFERENT = {
    "a resource with uncounted new marks at a first snapshot": (267, 4, {"lag": True, "early": True, "steps": 4}),
    "the same without a connector": (505, 3, {"lag": True, "steps": 3, "early": True}),
    "an assignment that came and went": (796, 5, {"ahead": True, "lag": True, "early": True, "steps": 5}),
    "a pending mitigated mark whose recommendation moved": (903, 8, {"mass": True, "lag": True, "steps": 3}),
    "no metadata and no assignments": (
        *(830, 7),
        {"lag": True, "steps": 3, "without": ("assessment-metadata.json", "policy-assignments.json")},
    ),
    "an exemption whose assignment went a folder ago": (432, 8, {"lag": True, "steps": 3}),
    "a mitigated one told twice": (1135, 8, {"lag": True, "steps": 4, "ahead": True}),
}


@pytest.mark.parametrize(("seed", "kinds", "with_options"), ONCE_DIFFERENT.values(), ids=ONCE_DIFFERENT)
def test_a_story_that_was_once_told_differently(seed, kinds, with_options):
    agree(make(seed, kinds, **with_options))

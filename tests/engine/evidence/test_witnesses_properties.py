"""Whatever happened and whatever events tell: the parts of all actors sum to what moved, in every scope."""

from __future__ import annotations

from collections.abc import Iterator
from math import fsum
from random import Random

import pytest

from drift.actors import Happening
from tests.build import Folder, at
from tests.estates import make
from tests.explained import explained
from tests.happenings import ANA, BEN, OTHER_ANA, PIPELINE, event

PEOPLE = (ANA, BEN, OTHER_ANA, PIPELINE, None)


def _subjects(folder: Folder) -> Iterator[str]:
    for path, answer in folder.items():
        if path.endswith(("/policy-exemptions.json", "/policy-assignments.json", "/resources.json")):
            yield from (row["id"] for row in answer["value"])


def random_events(folders: list[Folder], seed: int) -> list[Happening]:
    """Writes and deletions by anybody on anything that the folders tell of, more than once on some."""
    rng = Random(seed)
    subjects = sorted({subject for folder in folders for subject in _subjects(folder)})
    found = []
    for subject in rng.choices(subjects, k=60):
        subscription = subject.split("/")[2].lower() if subject.lower().startswith("/subscriptions/") else ""
        when, verb = at(rng.uniform(-30, 70)), rng.choice(["write", "write", "delete"])
        found.append(event(subject, when, verb, by=rng.choice(PEOPLE), subscription=subscription))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_the_parts_of_all_actors_sum_to_what_moved(seed):
    folders = make(seed, kinds=6, lag=seed % 2 == 0, steps=3)
    events = random_events(list(folders), seed)
    answer = explained(folders, events=events)
    for one in (answer, *answer["subscriptions"]):
        if one["movement"] is not None:
            assert fsum(row["share"] for row in one["actors"]) == pytest.approx(one["movement"], abs=1e-9)
        for cause in one["causes"]:
            assert fsum(row["share"] for row in cause["actors"]) == pytest.approx(cause["share"], abs=1e-9)
    Random(seed).shuffle(events)
    assert explained(folders, events=[*events, *events[:10]]) == answer


@pytest.mark.parametrize("seed", range(4))
def test_events_do_not_change_what_is_attributed_where_every_mark_bears_its_date(seed):
    folders = make(seed, kinds=4, only=("remediation", "regression", "applicability_changed", "exemption_created"))
    bare, told = explained(folders), explained(folders, events=random_events(list(folders), seed))
    assert [(c["kind"], c["subject"], c["share"]) for c in bare["causes"]] == [
        (c["kind"], c["subject"], c["share"]) for c in told["causes"]
    ]

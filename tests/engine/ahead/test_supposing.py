"""Supposing that marks contributed something else: alone or together, the counts and the score follow exactly."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from drift.engine.ahead.supposing import Stand, Supposed, ahead, each, gain, stand, together, worth
from drift.engine.effects import columns
from drift.kinds import Kind
from drift.model import Cause, Counts, Effects, Status
from drift.names import Names
from tests.build import SUB, Estate, control, estate, key
from tests.engine.ahead.test_calendar import head
from tests.explained import own

CONTROLS = {"one": (10, ["a", "b"]), "two": (4, ["b", "c"])}
WORDS = {Status.HEALTHY: "Healthy", Status.UNHEALTHY: "Unhealthy", Status.NONE: "OffByPolicy"}


def random_estate(seed: int) -> Estate:
    rng = Random(seed)
    statuses = {(f"vm{at}", rec): rng.choice(list(WORDS.values())) for at in range(6) for rec in "abc"}
    return estate(controls=CONTROLS, marks={("vm9", "a"): "Healthy", ("vm9", "c"): "Healthy", **statuses})


def standing(folder: Estate) -> tuple[Stand, Names, dict[tuple[str, str], int]]:
    """Where it stands, the names of its resources, and the row of each mark."""
    chain = head(folder)
    here, (resources, recommendations) = stand(chain), (chain.snapshot.resources, chain.snapshot.recommendations)
    places = zip(here.side.marks.resource.tolist(), here.side.marks.recommendation.tolist(), strict=True)
    rows = {(resources[r].rpartition("/")[2], recommendations[k]): at for at, (r, k) in enumerate(places)}
    return here, resources, {(vm, rec): rows[vm, key(rec)] for vm, rec in folder.world.marks}


def cause(rec: str) -> Cause:
    return Cause(Kind.REMEDIATION, key(rec), SUB)


def suppositions(folder: Estate, rng: Random) -> tuple[list[Supposed], list[dict[tuple[str, str], str]]]:
    """What some marks of each recommendation would be, and the same as marks of a folder."""
    _, _, rows = standing(folder)
    supposed, marks = [], []
    for rec in "abc":
        chosen = [place for place in rows if place[1] == rec and place[0] != "vm9" and rng.random() < 0.6]
        to = [rng.choice(list(WORDS)) for _ in chosen]
        at = np.array([rows[place] for place in chosen], np.int64)
        supposed.append(Supposed(cause(rec), at, np.array(to, np.int8)))
        marks.append({place: WORDS[status] for place, status in zip(chosen, to, strict=True)})
    return supposed, marks


@pytest.mark.parametrize("seed", range(8))
def test_each_alone_is_the_counterfactual(seed):
    folder = random_estate(seed)
    here, resources, _ = standing(folder)
    supposed, marks = suppositions(folder, Random(seed))
    for tally, changed in zip(each(here.side, supposed, resources), marks, strict=True):
        movement = own([folder, folder.but(marks=changed)])["movement"]
        assert gain(here, columns([tally], here.controls)) == pytest.approx(movement, abs=1e-9)
        assert tally.marks == sum(folder.world.marks[place].status != status for place, status in changed.items())


@pytest.mark.parametrize("seed", range(8))
def test_together_they_share_what_a_comparison_attributes(seed):
    folder, rng = random_estate(seed), Random(seed)
    here, resources, rows = standing(folder)
    supposed, changed = [], {}
    for rec, was, to in (
        ("a", "Unhealthy", Status.HEALTHY),
        ("b", "Healthy", Status.UNHEALTHY),
        ("c", "", Status.NONE),
    ):
        marks = [place for place, m in folder.world.marks.items() if place[1] == rec and was in ("", m.status)]
        marks = [place for place in marks if place[0] != "vm9" and rng.random() < 0.8]
        supposed.append(Supposed(cause(rec), np.array([rows[place] for place in marks], np.int64), to))
        changed |= dict.fromkeys(marks, WORDS[to])
    tallies = together(here.side, supposed, resources)
    shares = worth(here.point.counts, columns(tallies, here.controls), len(tallies))
    answer = own([folder, folder.but(marks=changed)])
    assert answer["movement"]
    assert {tally.cause.subject: share for tally, share in zip(tallies, shares.tolist(), strict=True)} == {
        one["subject"]: pytest.approx(one["share"], abs=1e-9) for one in answer["causes"]
    }


def test_a_mark_belongs_to_the_first_that_names_it():
    folder = estate(controls=CONTROLS, marks={("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy"})
    here, resources, rows = standing(folder)
    row = np.array([rows["vm1", "a"]], np.int64)
    first, second = Supposed(cause("a"), row, Status.HEALTHY, since=5), Supposed(cause("b"), row, Status.NONE)
    (tally,) = together(here.side, [first, second], resources)
    assert (tally.cause, tally.marks, tally.since) == (cause("a"), 1, 5)
    assert tally.effects == {here.controls.index(control("one")): (1, 0)}


def test_two_suppositions_of_one_cause_are_one():
    folder = estate(controls=CONTROLS, marks={("vm1", "a"): "Unhealthy", ("vm1", "b"): "Unhealthy"})
    here, resources, rows = standing(folder)
    some = [Supposed(cause("a"), np.array([row], np.int64), Status.HEALTHY) for row in rows.values()]
    (tally,) = together(here.side, some, resources)
    assert (tally.marks, len(tally.resources)) == (2, 1)


def test_what_is_as_it_was_does_nothing():
    folder = random_estate(1)
    here, resources, rows = standing(folder)
    at = np.array(list(rows.values()), np.int64)
    same = Supposed(cause("a"), at, here.side.effective[at])
    assert together(here.side, [same], resources) == []
    (tally,) = each(here.side, [same], resources)
    assert (tally.effects, tally.marks) == ({}, 0)
    assert gain(here, columns([tally], here.controls)) == 0


def test_without_a_score_at_the_end_nothing_is_gained():
    folder = estate(controls=CONTROLS, marks={("vm1", "a"): "Unhealthy"})
    here, resources, rows = standing(folder)
    gone = Supposed(cause("a"), np.array(list(rows.values()), np.int64), Status.NONE)
    (tally,) = each(here.side, [gone], resources)
    assert gain(here, columns([tally], here.controls)) is None
    assert worth(here.point.counts, columns([tally], here.controls), 1).tolist() == [0]


def test_counts_never_leave_what_a_control_can_have():
    now = {"c": Counts(10, 1, 2)}
    one = np.zeros(1, np.int32)
    for healthy, counted, then in ((-5, 0, (0, 2)), (5, 0, (2, 2)), (0, -5, (0, 0))):
        effects = Effects(one, one, np.array([float(healthy)]), np.array([float(counted)]), ("c",))
        assert ahead(now, effects) == {"c": Counts(10, *then)}

"""What was once wrong, or nearly, and is not visible in small random estates."""

from __future__ import annotations

import time
from fractions import Fraction
from itertools import permutations

import pytest

from drift.engine.shapley import divide
from tests.build import at, control, estate, key, resource, tenant
from tests.explained import by_subscription, explained, only, own, shares, told

BASE = estate(
    controls={"c": (10, ["a", "b"]), "e": (4, ["g"])},
    marks={("vm1", "a"): "Unhealthy", ("vm2", "b"): "Healthy", ("kv1", "g"): "Unhealthy"},
)


def brute_force(bad, good, players):
    """The Shapley value of a cell by all orders of arrival."""

    def value(arrived):
        now = [(p[2], p[3]) if number in arrived else (p[0], p[1]) for number, p in enumerate(players)]
        any_bad, any_good = bad or any(b for b, _ in now), good or any(g for _, g in now)
        return int(any_good and not any_bad), int(any_good or any_bad)

    parts = [[Fraction(0), Fraction(0)] for _ in players]
    orders = list(permutations(range(len(players))))
    for order in orders:
        arrived = set()
        for one in order:
            before = value(arrived)
            arrived.add(one)
            after = value(arrived)
            for which in (0, 1):
                parts[one][which] += Fraction(after[which] - before[which], len(orders))
    return [tuple(part) for part in parts]


@pytest.mark.parametrize("seed", range(40))
def test_a_cell_is_divided_as_by_all_orders_of_arrival(seed):
    import random

    chance = random.Random(seed)
    players = tuple(tuple(chance.random() < 0.4 for _ in range(4)) for _ in range(chance.randint(1, 5)))
    bad, good = chance.random() < 0.2, chance.random() < 0.3
    assert list(divide(bad, good, players)) == brute_force(bad, good, players)


def test_sixty_causes_in_one_cell_are_divided_at_once():
    sorts = [
        (True, False, False, True),
        (False, True, True, False),
        (True, True, False, False),
        (False, False, False, True),
    ]
    players = tuple(sorts[at % 4] for at in range(60))
    start = time.perf_counter()
    parts = divide(False, False, players)
    assert time.perf_counter() - start < 1
    assert sum(n for _, n in parts) == 0
    assert sum(h for h, _ in parts) == 0


def test_what_waits_in_a_control_that_has_vanished_is_told_when_it_is_overdue():
    """Its counts still show the old state, then the control leaves the answer for good."""
    first = BASE.but(counts={"c": (1, 2)})
    second = first.but(hours=8, marks={("vm1", "a"): "Healthy"})
    third = second.but(hours=48, controls={"c": None}, counts={"c": None})
    answer = explained([first, second, third])
    assert sum(shares(answer).values()) == pytest.approx(answer["movement"])


def test_a_fix_that_the_counts_show_is_not_called_late_because_something_else_is_unexplained():
    after = BASE.but(hours=24 * 7, marks={("kv1", "g"): "Healthy"}, counts={"c": (0, 2)})
    notes = " ".join(explained([BASE, after])["notes"])
    assert "older than 24 hours" not in notes


def test_a_fix_that_the_counts_do_not_show_after_a_day_is_said():
    first = BASE.but(hours=0, counts={"e": (0, 1)})
    second = first.but(hours=8, marks={("kv1", "g"): "Healthy"}, counts={"e": (0, 1)})
    third = second.but(hours=30)
    answer = explained([first, second, third])
    assert any("older than 24 hours" in note for note in answer["notes"])
    assert ("unexplained", control("e")) in told(answer)


def test_a_subscription_that_comes_has_its_share_by_control_and_its_resources():
    other = estate(
        subscription="22222222-2222-2222-2222-222222222222",
        controls={"c": (10, ["a"]), "e": (4, ["g"])},
        marks={("vm7", "a"): "Healthy", ("vm8", "a"): "Unhealthy", ("kv9", "g"): "Unhealthy"},
    )
    cause = only(explained([tenant(BASE), tenant(BASE.but(), other)]), "subscription_added")
    assert (cause["marks"], cause["resources"]) == (3, 3)
    assert set(cause["controls"]) == {control("c"), control("e")}
    assert sum(cause["controls"].values()) == pytest.approx(cause["share"])


def test_the_figures_of_what_is_unexplained_are_those_of_the_whole_window():
    second = BASE.but(counts={"c": (2, 3)})
    third = second.but(counts={"c": (2, 4)})
    (cause,) = own([BASE, second, third])["causes"]
    assert "+1 healthy" in cause["title"]
    assert "+2 counted" in cause["title"]


def test_the_figures_of_a_reweighted_control_are_the_first_and_the_last():
    second = BASE.but(controls={"c": (8, ["a", "b"])})
    third = second.but(controls={"c": (6, ["a", "b"])})
    assert "6 points instead of 10" in only(own([BASE, second, third]), "control_reweighted")["title"]


def test_a_group_is_told_the_sum_of_what_is_unexplained_in_its_subscriptions():
    there = "22222222-2222-2222-2222-222222222222"
    ends = [
        tenant(BASE.but(hours=8, **changed), BASE.but(hours=8, subscription=there, **changed))
        for changed in ({}, {"counts": {"c": (2, 3)}})
    ]
    (line,) = explained(ends)["summary"]
    assert "+2 healthy" in line["title"]
    assert "in 2 subscriptions" in line["title"]


def test_management_groups_that_are_missing_in_one_folder_tell_of_no_change():
    before = BASE.but(hours=0, ancestors=("team", "root"))
    after = before.but(marks={("vm1", "a"): "Healthy"})
    bare = {path: answer for path, answer in after.items() if path != "management-groups.json"}
    answer = explained([before, bare], "mg:root")
    assert {kind for kind, _ in told(answer)} == {"remediation"}
    assert any("management-groups.json is missing" in note for note in answer["notes"])


def test_the_spelling_of_one_subscription_does_not_show_in_another():
    shouting = estate(
        subscription="00000000-0000-0000-0000-000000000001",
        controls={"c": (10, [key("a").upper()])},
        marks={("vm1", key("a").upper()): "Unhealthy", ("vm2", key("a").upper()): "Healthy"},
        without=("assessment-metadata.json",),
    )
    quiet = estate(
        controls={"c": (10, ["a"])},
        marks={("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy"},
        without=("assessment-metadata.json",),
    )
    fixed = quiet.but(marks={("vm1", "a"): "Healthy"})
    answer = explained([tenant(shouting, quiet), tenant(shouting.but(), fixed)])
    (cause,) = by_subscription(answer)["11111111-1111-1111-1111-111111111111"]["causes"]
    assert cause["subject"] == key("a")


def test_a_resource_that_was_added_bears_the_time_it_was_created():
    after = BASE.but(marks={("vm3", "a"): "Healthy"}, resources={"vm3": {"createdTime": at(4)}})
    cause = only(own([BASE, after]), "resource_added")
    assert cause["subject"] == resource("vm3")
    assert cause["confidence"] == "confirmed"
    assert [one["source"] for one in cause["evidence"]] == ["createdTime"]

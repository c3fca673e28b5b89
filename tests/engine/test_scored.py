"""Subscriptions that come, go, or have no score; and the groups that see it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.build import Estate, Folder, estate, guid, key, tenant
from tests.explained import by_subscription, explained, only, shares, told

HERE, THERE = guid("here"), guid("there")


def one(subscription: str, healthy: int, of: int, **settings: Any) -> Estate:
    marks = {(f"vm{i}", "a"): "Healthy" if i < healthy else "Unhealthy" for i in range(of)}
    return estate(subscription=subscription, controls={"c": (10, ["a"])}, marks=marks, **settings)


PROD, DEV = {"environment": "prod"}, {"environment": "dev"}
STAYS = one(HERE, 3, 4, tags=PROD, ancestors=["mg-a", "root"])
OTHER = one(THERE, 0, 4, tags=PROD, ancestors=["mg-a", "root"])
SHARE = 100 * (3 / 8 - 3 / 4)


def disabled(folder: Estate) -> Folder:
    """As Azure tells of a subscription that was disabled: the state changes and the score is gone."""
    without = folder.but(0, record=False)
    without["subscriptions.json"]["value"][0]["state"] = "Disabled"
    return without


UNSCORED = {
    "it is not there": None,
    "it has no score record": OTHER.but(0, record=False),
    "foundational CSPM is off": OTHER.but(0, plans={"FoundationalCspm": "Free"}),
    "it is disabled": disabled(OTHER),
    "it has no counted resource": one(THERE, 0, 0, tags=PROD),
}
each = pytest.mark.parametrize("away", UNSCORED.values(), ids=UNSCORED)


def both(away: Folder | None, hours: float = 0) -> Folder:
    stays = STAYS.but(hours)
    return tenant(stays, away) if away else stays


@each
def test_a_subscription_that_becomes_scored_is_the_tenants_movement(away):
    answer = explained([both(away), tenant(STAYS.but(), OTHER.but())])
    assert shares(answer) == {("subscription_added", THERE, THERE): pytest.approx(SHARE)}
    assert by_subscription(answer).keys() == {HERE}


@each
def test_a_subscription_that_is_scored_no_more_is_the_tenants_movement(away):
    answer = explained([tenant(STAYS, OTHER), both(away, 8)])
    assert shares(answer) == {("subscription_removed", THERE, THERE): pytest.approx(-SHARE)}


REASONS = {
    "it has no score record": "score",
    "foundational CSPM is off": "cspm",
    "it is disabled": "disabled",
    "it has no counted resource": "control",
}


@pytest.mark.parametrize(("why", "word"), REASONS.items(), ids=REASONS)
def test_the_reason_is_told(why, word):
    answer = explained([tenant(STAYS, OTHER), both(UNSCORED[why], 8)])
    ((name, reason),) = [(row["subscription"], row["reason"]) for row in answer["unscored"]]
    assert name == THERE
    assert word in reason.lower()
    assert reason in only(answer, "subscription_removed")["title"]


@each
def test_an_unscored_subscription_has_no_movement_and_no_causes(away):
    answer = explained([tenant(STAYS, OTHER), both(away, 8)], THERE)
    assert answer["movement"] is None
    assert answer["causes"] == []
    assert answer["before"]["percentage"] == pytest.approx(0)
    assert answer["after"]["percentage"] is None


def test_a_tenant_of_which_nothing_is_scored_has_no_movement():
    answer = explained([OTHER, OTHER.but(record=False)])
    assert answer["movement"] is None
    assert answer["causes"] == []


def test_what_happens_in_a_new_subscription_is_the_new_subscriptions_doing():
    """Though its resources, plans and connectors are new too."""
    new = OTHER.but(connectors={"conn": {}}, marks={("aws1", "a"): "Unhealthy"}, resources={"vm9": {}})
    assert told(explained([STAYS, tenant(STAYS.but(), new)])) == {("subscription_added", THERE)}


def test_a_gap_starts_a_new_chain_and_the_group_sees_it_leave_and_return():
    """What changed over the gap is nobody's cause: its own movement over it is null."""
    gone = OTHER.but(8, record=False)
    back = OTHER.but(16, marks={("vm0", "a"): "Healthy"})
    folders = [tenant(STAYS, OTHER), tenant(STAYS.but(8), gone), tenant(STAYS.but(16), back)]
    answer = explained(folders)
    assert told(answer) == {("subscription_removed", THERE), ("subscription_added", THERE)}
    assert sum(shares(answer).values()) == pytest.approx(answer["movement"], abs=1e-9)
    assert explained(folders, THERE)["movement"] is None
    assert explained(folders, THERE)["causes"] == []


# Groups


def test_a_subscription_joins_and_leaves_a_tags_group_with_its_tag():
    dev = OTHER.but(0, tags=DEV)
    folders = [tenant(STAYS, dev), tenant(STAYS.but(), OTHER.but())]
    assert told(explained(folders, "tag:environment=prod")) == {("subscription_added", THERE)}
    assert told(explained(folders, "tag:Environment=prod")) == {("subscription_added", THERE)}
    assert told(explained(folders)) == set()
    back = [OTHER, STAYS.but(0)]
    assert explained([tenant(*back), tenant(STAYS.but(), dev.but())], "tag:environment=prod")["movement"] == (
        pytest.approx(-SHARE)
    )


def test_a_subscription_moves_between_management_groups():
    moved = OTHER.but(ancestors=["mg-b", "root"])
    folders = [tenant(STAYS, OTHER), tenant(STAYS.but(), moved)]
    assert told(explained(folders, "mg:mg-a")) == {("subscription_removed", THERE)}
    assert told(explained(folders, "mg:root")) == set()


def test_what_changes_in_a_subscription_outside_the_group_is_not_the_groups():
    dev = OTHER.but(0, tags=DEV)
    fixed = dev.but(marks={("vm0", "a"): "Healthy"})
    answer = explained([tenant(STAYS, dev), tenant(STAYS.but(), fixed)], "tag:environment=prod")
    assert answer["movement"] == 0
    assert told(answer) == set()
    assert by_subscription(answer).keys() == {HERE}


def test_a_weight_that_no_cell_explains_is_its_own_cause():
    answer = explained([tenant(STAYS, OTHER), tenant(STAYS.but(), OTHER.but(weight=12))])
    assert shares(answer) == {("weight_changed", THERE, THERE): pytest.approx(100 * (3 / 16 - 3 / 8))}
    assert by_subscription(answer)[THERE]["causes"] == []


def test_a_weight_that_grew_with_new_cells_is_theirs():
    """Two resources come: what each pulls as weight and what it does in its own score is one cause."""
    grown = OTHER.but(marks={("vm8", "a"): "Healthy", ("vm9", "a"): "Unhealthy"})
    answer = explained([tenant(STAYS, OTHER), tenant(STAYS.but(), grown)])
    assert {kind for kind, _ in told(answer)} == {"resource_added"}
    assert sum(shares(answer).values()) == pytest.approx(100 * (4 / 10 - 3 / 8))
    assert all(sum(row["controls"].values()) == pytest.approx(row["share"]) for row in answer["causes"])


def test_a_weight_that_falls_is_not_shared_by_who_brought_cells():
    changed = OTHER.but(weight=2, marks={("vm9", "a"): "Healthy"})
    assert ("weight_changed", THERE) in told(explained([tenant(STAYS, OTHER), tenant(STAYS.but(), changed)]))


def test_a_subscription_without_weight_moves_nothing():
    light = OTHER.but(0, weight=0)
    answer = explained([tenant(STAYS, light), tenant(STAYS.but(), light.but(marks={("vm0", "a"): "Healthy"}))])
    assert answer["movement"] == 0
    assert shares(answer) == {}
    assert shares(by_subscription(answer)[THERE]) == {("remediation", key("a"), THERE): pytest.approx(25)}


def test_a_group_whose_weights_are_all_zero_has_no_score():
    light = [one(HERE, 1, 2, weight=0), one(THERE, 1, 2, weight=0)]
    answer = explained([tenant(*light), tenant(*(folder.but() for folder in light))])
    assert answer["before"]["percentage"] is answer["movement"] is None

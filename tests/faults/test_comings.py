"""Subscriptions that come, go and change while they are looked at."""

from __future__ import annotations

from typing import Any

import pytest

from demo.azure import Azure
from drift.pipeline import GONE
from tests.faults.stage import Stage, once
from tests.faults.town import Town

MIDDLE = {
    "between the timer and its message": r"/subscriptions/{}$",
    "before its counts": r"{}/.*/secureScores",
    "before its marks": r"{}/.*/assessments$",
    "after its marks": r"{}/resources$",
}


def kinds(stage: Stage, scope: str) -> list[set[str]]:
    """What moved a scope, movement by movement."""
    return [{cause["kind"] for cause in row.told["causes"]} for row in stage.rows(scope)]


GOING = [(when, {"gone": True}) for when in MIDDLE] + [("before its marks", {"state": "Disabled"})]


@pytest.mark.parametrize(("when", "condition"), GOING, ids=lambda one: one if isinstance(one, str) else str(*one))
def test_a_subscription_that_goes_while_it_is_looked_at_leaves_whole_and_comes_back_whole(
    stage: Stage, azure: Azure, when: str, condition: dict[str, Any]
) -> None:
    town = Town(size=2)
    stays, goes = town.ids
    with stage.host() as host:
        stage.serve(town)
        stage.live(host)
        stage.serve(town.step())
        azure.on(MIDDLE[when].format(goes), once(lambda: azure.condition(goes, **condition)))
        stage.live(host)
        stage.serve(town.step(stays))
        stage.live(host)
        left = stage.rows(goes)
        azure.condition(goes)
        stage.serve(town.step())
        stage.live(host)
        stage.serve(town.step())
        stage.live(host)
    assert stage.depth("snapshots-poison") == 0
    last = left[-1]
    assert last.movement is None
    reason = GONE if "gone" in condition else "subscription is Disabled"
    assert last.told["unscored"][0]["reason"] == reason
    assert [row.movement is None for row in stage.rows(goes)[len(left) :]] == [True, False]
    assert "subscription_removed" in set().union(*kinds(stage, "all"))
    assert "subscription_added" in set().union(*kinds(stage, "all"))
    stage.check(town, stays, goes, "all")


def test_a_subscription_that_is_new_between_the_timer_and_its_messages_is_looked_at_in_the_next_pass(
    stage: Stage, azure: Azure
) -> None:
    town = Town(size=3)
    new = town.ids[2]
    azure.condition(new, gone=True)
    with stage.host() as host:
        stage.serve(town)
        stage.live(host)
        stage.serve(town.step())
        azure.on(f"/subscriptions/{town.ids[0]}$", once(lambda: azure.condition(new)))
        stage.live(host)
        assert new not in stage.store.chains()
        for _ in range(2):
            stage.serve(town.step())
            stage.live(host)
    assert len(stage.rows(new)) == 1
    assert {"subscription_added"} in [found - {"remediation"} for found in kinds(stage, "all")]
    stage.check(town)


def test_a_subscription_without_registration_or_without_foundational_cspm_has_no_score_for_that_reason(
    stage: Stage, azure: Azure
) -> None:
    town = Town(size=2)
    stays, other = town.ids
    with stage.host() as host:
        for condition, plan in (({}, "Standard"), ({"unregistered": True}, "Standard"), ({}, "Standard"), ({}, "Free")):
            azure.condition(other, **condition)
            stage.serve(town.step(stays).step(other, plans={"FoundationalCspm": plan}))
            stage.live(host)
        azure.condition(other)
        stage.serve(town.step(stays).step(other, plans={"FoundationalCspm": "Standard"}))
        stage.live(host)
        stage.serve(town.step())
        stage.live(host)
    rows = stage.rows(other)
    assert [row.movement is None for row in rows] == [True, True, True, True, False]
    reasons = [row.told["unscored"][0]["reason"] if row.told["unscored"] else None for row in rows]
    assert "registered" in str(reasons[0])
    assert "Foundational CSPM is off" in str(reasons[2])
    stage.check(town, stays, other, "all")


def test_a_subscription_that_moves_to_another_management_group_while_it_is_looked_at_moves_both_groups(
    azure: Azure, storage: str
) -> None:
    stage = Stage(azure, storage, DRIFT_GROUPS="left=mg:left;right=mg:right")
    town = Town(size=3)
    first, second, third = town.ids
    town.step(first, second, ancestors=["left"]).step(third, ancestors=["right"])
    with stage.host() as host:
        stage.serve(town)
        stage.live(host)
        town.step(second, ancestors=["right"])
        before = town.folder
        town.step(second)
        after = town.folder
        azure.serve(before, town.now)
        azure.on(f"{second}/.*/assessments$", once(lambda: azure.serve(after, town.now)))
        stage.live(host)
        for _ in range(2):
            stage.serve(town.step())
            stage.live(host)
    assert "subscription_removed" in set().union(*kinds(stage, "left"))
    assert "subscription_added" in set().union(*kinds(stage, "right"))
    assert stage.rows("left")[-1].told["after"]["percentage"] == pytest.approx(town.score(first))
    assert stage.rows("right")[-1].told["after"]["percentage"] == pytest.approx(town.score(second, third))
    stage.check(town, *town.ids, "all")

"""Reasons in the resources themselves: gone, written in vain, refused."""

from __future__ import annotations

from typing import Any

import pytest

from drift.actors import Happening
from tests.build import SUB, Estate, assignment_id, at, estate, iso, policy_id, resource
from tests.engine.diagnosis.asking import reasons, why
from tests.explained import own
from tests.happenings import ANA, BEN, event

BASE = estate(
    controls={"c": (10, ["a", "b"])},
    marks={
        ("vm1", "a"): "Unhealthy",
        ("vm2", "a"): "Unhealthy",
        ("vm3", "a"): "Healthy",
        ("vm4", "b"): "Unhealthy",
        ("st1", "b"): "Healthy",
        ("subnet1", "a"): "Unhealthy",
        ("sub", "a"): "Unhealthy",
    },
)


def moves(folder: Estate, **changes: Any) -> float:
    movement = own([folder, folder.but(**changes)])["movement"]
    assert isinstance(movement, float)
    return movement


# ghost_resource


def test_what_is_still_assessed_and_no_longer_there():
    ghost = BASE.but(0, resources={"vm2": None})
    found = reasons(ghost, rec="a")["ghost_resource"]
    assert (found["resources"], found["count"], found["confidence"]) == ([resource("vm2")], 1, "inferred")
    assert found["effect"] == pytest.approx(moves(BASE, marks={("vm2", "a"): None}))
    assert found["confirm"] == f'az resource show --ids "{resource("vm2")}"'
    assert found["movesBy"] is None
    assert "ghost_resource" in reasons(ghost)


def test_what_the_inventory_does_not_list_by_its_nature_is_no_ghost():
    assert "ghost_resource" not in reasons(BASE)
    assert "ghost_resource" not in reasons(BASE.but(0, resources={"vm2": None}), res="vm1")
    assert "ghost_resource" not in reasons(BASE.but(0, resources={"st1": None}))  # the last of its type


def test_what_was_deleted_lately_is_about_to_go():
    ghost = BASE.but(resources={"vm2": None})
    gone = event("vm2", at(5), "delete")
    found = reasons(BASE, ghost, rec="a", res="vm2", events=[gone])["ghost_resource"]
    assert found["confidence"] == "confirmed"
    assert any("gone since 2026-03-02 11:00 UTC" in line for line in found["evidence"])
    assert found["movesBy"] == {"earliest": iso(at(8)), "latest": iso(at(5 + 32))}
    assert "wait" in found["action"]
    back = reasons(BASE, BASE.but(), rec="a", res="vm2", events=[gone])
    assert "ghost_resource" not in back


def test_without_an_inventory_nobody_knows_what_is_gone():
    hidden = why(BASE.but(0, without=("resources.json",)))["undecided"]
    assert {"reason": "ghost_resource", "needs": "resources.json"} in hidden


# fix_not_recognised

LATER = BASE.but(hours=48)


def test_a_write_of_more_than_a_day_ago_that_the_check_does_not_see():
    found = reasons(BASE, LATER, rec="a", events=[event("vm1/extensions/x", at(10))])["fix_not_recognised"]
    assert (found["resources"], found["confidence"]) == ([resource("vm1")], "inferred")
    assert found["title"].startswith("“Recommendation a” on virtual machine vm1: written more than a day ago")
    assert found["effect"] == pytest.approx(moves(LATER, marks={("vm1", "a"): "Healthy"}))
    assert "written 2026-03-02 16:00 UTC" in found["evidence"][0]


def test_the_inventory_tells_of_a_write_as_well():
    written = LATER.but(0, resources={"vm1": {"changedTime": at(10)}})
    assert "fix_not_recognised" in reasons(BASE, written, rec="a", res="vm1")
    assert "fix_not_recognised" in reasons(written, rec="a", res="vm1")


@pytest.mark.parametrize(
    "one",
    [
        event("vm1", at(30)),  # less than a day ago
        event("vm1", at(10), succeeded=False),
        event("vm3", at(10)),  # healthy
        event("vm4", at(10)),  # another recommendation
        event(resource("rg"), at(10)),
    ],
)
def test_other_writes_are_no_fix_in_vain(one: Happening):
    assert "fix_not_recognised" not in reasons(BASE, LATER, rec="a", events=[one])


def test_a_mark_that_changed_after_the_write_was_looked_at_since():
    after = LATER.but(0, marks={("vm3", "a"): "Unhealthy"})
    assert "fix_not_recognised" not in reasons(BASE, after, rec="a", res="vm3", events=[event("vm3", at(10))])


def test_of_a_whole_scope_one_write_says_nothing_and_several_do():
    first, second = event("vm1", at(10)), event("vm1", at(15))
    assert "fix_not_recognised" not in reasons(BASE, LATER, events=[first])
    assert "fix_not_recognised" in reasons(BASE, LATER, events=[first, second])


def state(found: str, hours: float) -> Happening:
    detail = {"complianceState": found, "policyDefinitionId": policy_id("a"), "policyAssignmentId": assignment_id()}
    return event("vm1", at(hours), "state", by=None, category="policy_state", detail=detail)


def test_policy_that_finds_it_again_confirms_it():
    written = event("vm1", at(10))
    found = reasons(BASE, LATER, rec="a", events=[written, state("NonCompliant", 12)])["fix_not_recognised"]
    assert found["confidence"] == "confirmed"
    assert any("NonCompliant after the write" in line for line in found["evidence"])


def test_policy_that_finds_it_fixed_makes_it_a_matter_of_waiting():
    events = [event("vm1", at(10)), state("Compliant", 40)]
    found = reasons(BASE, LATER, rec="a", res="vm1", events=events)
    assert "fix_not_recognised" not in found
    assert next(iter(found)) == "refresh_pending"


def test_a_deletion_is_no_fix():
    ghost = LATER.but(0, resources={"vm1": None})
    gone = [event("vm1", at(5)), event("vm1", at(10), "delete")]
    assert "fix_not_recognised" not in reasons(BASE, ghost, rec="a", res="vm1", events=gone)


# remediation_blocked


def refused(subject: str, hours: float, **options: Any) -> Happening:
    return event(subject, at(hours), succeeded=False, **options)


def test_a_write_that_was_refused():
    after = BASE.but()
    failed = refused("vm1", 4, by=BEN, detail={"status": "Failed"})
    found = reasons(BASE, after, rec="a", events=[failed])["remediation_blocked"]
    assert found["title"] == "“Recommendation a” on virtual machine vm1: writes of Ben Ito failed"
    assert (found["confidence"], found["count"]) == ("confirmed", 1)
    assert found["effect"] == pytest.approx(moves(after, marks={("vm1", "a"): "Healthy"}))
    assert "by Ben Ito failed (Failed)" in found["evidence"][0]
    assert found["confirm"] == (
        f'az monitor activity-log list --resource-id "{resource("vm1")}" --status Failed --offset 7d'
    )
    assert next(iter(reasons(BASE, after, rec="a", res="vm1", events=[failed]))) == "remediation_blocked"


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("AuthorizationFailed", "failed: the caller lacks rights"),
        ("RequestDisallowedByPolicy", "failed: a policy disallows it"),
        ("Conflict", "failed"),
    ],
)
def test_why_is_told_where_the_event_tells(status, told):
    failed = refused("vm1", 4, detail={"status": status})
    assert reasons(BASE, BASE.but(), rec="a", events=[failed])["remediation_blocked"]["title"].endswith(told)


def test_what_succeeded_after_all_or_concerns_others_is_not_blocked():
    again = event("vm1", at(5), by=ANA)
    assert "remediation_blocked" not in reasons(BASE, BASE.but(), rec="a", events=[refused("vm1", 4), again])
    for other in ("vm3", "vm4"):
        assert "remediation_blocked" not in reasons(BASE, BASE.but(), rec="a", events=[refused(other, 4)])
    assert "remediation_blocked" not in reasons(BASE, BASE.but(), rec="a", events=[event("vm1", at(4))])


def test_a_deployment_that_failed_is_of_its_group_where_something_is_asked():
    failed = refused(f"{resource('rg')}/providers/Microsoft.Resources/deployments/fix", 4)
    found = reasons(BASE, BASE.but(), rec="a", res="vm1", events=[failed])["remediation_blocked"]
    assert (found["confidence"], "deployments of Ana Lopez failed" in found["title"]) == ("inferred", True)
    elsewhere = refused(f"/subscriptions/{SUB}/resourceGroups/other/providers/Microsoft.Resources/deployments/fix", 4)
    assert "remediation_blocked" not in reasons(BASE, BASE.but(), rec="a", res="vm1", events=[elsewhere])
    assert "remediation_blocked" not in reasons(BASE, BASE.but(), events=[failed])


def test_a_deployment_whose_writes_were_refused_is_of_these():
    failed = [refused(f"{resource('rg')}/providers/Microsoft.Resources/deployments/fix", 4), refused("vm1", 4)]
    found = reasons(BASE, BASE.but(), rec="a", events=failed)["remediation_blocked"]
    assert (found["resources"], found["confidence"]) == ([resource("vm1")], "confirmed")

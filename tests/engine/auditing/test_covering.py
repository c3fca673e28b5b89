"""What is looked at and what not: what must be shown, and what must not be taken for a gap."""

from __future__ import annotations

from typing import Any

import pytest

from drift.adapters.evidence import open_folders
from drift.engine.auditing.covering import Covered, absent, blind, covering
from drift.engine.head import begin
from drift.model import Json
from drift.names import Names
from tests.build import SUB, TYPES, Estate, at, connector, estate, guid, iso, key, resource, tenant
from tests.explained import written

OTHER = guid("other")
SQL = TYPES["sql"].lower()


def covered(*estates: Estate) -> list[Covered]:
    with written([tenant(*estates)]) as paths:
        (folder,) = open_folders(paths)
        found = []
        for one in estates:
            snapshot = folder.snapshot(one.world.subscription, Names(), folder.recommendations.copy())
            assert snapshot is not None
            found.append(covering(begin(snapshot)))
    return found


def shown(folder: Estate) -> Json:
    return covered(folder)[0].shown


def machines(marks: dict[str, str], **changes: Any) -> Estate:
    """An estate of machines: each with the recommendations that have a mark on it, a letter each."""
    every = {(vm, rec): "NotApplicable" if rec == "z" else "Healthy" for vm, recs in marks.items() for rec in recs}
    listed: dict[str, dict | None] = {vm: {} for vm in marks}
    listed |= changes.pop("resources", {})
    return estate(controls={"c": (10, list("abcdxyz"))}, marks=every, resources=listed, **changes)


def silent(folder: Estate) -> dict[str, set[str]]:
    """The machines that are not assessed, with what they lack."""
    letters = {key(rec): rec for rec in "abcdxyz"}
    rows = shown(folder)["machines"]["notAssessed"]
    return {row["id"].rpartition("/")[2]: {letters[one["key"]] for one in row["lacks"]} for row in rows}


# Machines


@pytest.mark.parametrize(
    ("marks", "found"),
    [
        ({"vm1": "ab", "vm2": "abcd", "vm3": "abcd"}, {"vm1": "cd"}),
        (
            {"vm1": "ab", "vm2": "ab", "vm3": "ab", "vm4": "abcd", "vm5": "abcd"},
            {"vm1": "cd", "vm2": "cd", "vm3": "cd"},
        ),
        ({"vm1": "ab", "vm2": "abcdx", "vm3": "abcdy"}, {"vm1": "cd"}),
        ({"vm1": "", "vm2": "ab"}, {"vm1": ""}),
        ({"vm1": "a", **{f"vm{at}": "ab" for at in range(2, 9)}}, {"vm1": "b"}),
    ],
)
def test_machines_that_must_be_found_not_assessed(marks, found):
    assert silent(machines(marks)) == {vm: set(letters) for vm, letters in found.items()}


@pytest.mark.parametrize(
    "marks",
    [
        {"vm1": "ab", "vm2": "ab"},
        {"vm1": "abx", "vm2": "abx", "vm3": "aby", "vm4": "aby"},
        {"vm1": "ab", "vm2": "abcd"},
        {"vm1": "ab", "vm2": "abc", "vm3": "abc"},
        {"vm1": "abcz", "vm2": "abcz", "vm3": "abcz"},
        {**{f"vm{at}": "ab" for at in range(9)}, "vm10": "abcd", "vm11": "abcd"},
        {"vm1": "ab", "web1": "abcd", "web2": "abcd", "web3": "abcd", "web4": "abcd"},
    ],
)
def test_machines_that_must_not_be_found_not_assessed(marks):
    assert silent(machines(marks)) == {}


def test_a_machine_that_was_just_made_need_not_be_assessed():
    marks = {"vm1": "", "vm2": "abcd", "vm3": "abcd"}
    for hours, found in ((-3, set()), (-30, {"vm1"})):
        folder = machines(marks, resources={"vm1": {"createdTime": at(hours)}})
        assert silent(folder).keys() == found


def test_machines_are_counted():
    folder = machines({"vm1": "ab", "vm2": "abcd", "vm3": "abcd", "vm4": ""})
    assert shown(folder)["machines"]["assessed"] == 2
    assert [row["noMark"] for row in shown(folder)["machines"]["notAssessed"]] == [True, False]


def test_without_an_inventory_machines_are_not_known():
    assert shown(machines({"vm1": "ab"}, without=("resources.json",)))["machines"] is None


# Plans, types and what is absent


def test_plans_are_told_with_the_resources_of_their_types():
    plans: dict[str, str | dict] = {
        "SqlServers": "Free",
        "StorageAccounts": {"tier": "Standard", "since": at(-9)},
        "X": "Free",
    }
    folder = estate(
        controls={"c": (10, ["a"])},
        marks={("st1", "a"): "Healthy"},
        plans=plans,
        resources={"sql1": {}, "sql2": {}, f"{resource('sql1')}/databases/d": {"type": f"{TYPES['sql']}/databases"}},
    )
    found = {one["name"]: one for one in shown(folder)["plans"]}
    assert found["SqlServers"] == {"name": "SqlServers", "on": False, "since": None, "resources": 3}
    assert found["StorageAccounts"] == {"name": "StorageAccounts", "on": True, "since": iso(at(-9)), "resources": 1}
    assert found["X"]["resources"] is None


def test_what_lies_in_a_machine_is_no_machine_of_its_plan():
    vm = estate().world.id("vm1")
    inside = {f"{vm}/extensions/Monitor": {"type": "Microsoft.Compute/virtualMachines/extensions"}}
    folder = machines({"vm1": "a"}, resources=inside, plans={"VirtualMachines": "Free"})
    (plan,) = [one for one in shown(folder)["plans"] if one["name"] == "VirtualMachines"]
    assert plan["resources"] == 1


def test_types_that_nothing_assesses_are_told():
    folder = estate(
        controls={"c": (10, ["a"])},
        marks={("vm1", "a"): "Healthy", ("subnet1", "a"): "Healthy"},
        resources={"vm2": {}, "kv1": {}, "kv2": {}, "web1": {}},
        plans={"KeyVaults": "Free"},
    )
    assert shown(folder)["unassessedTypes"] == [
        {"type": "microsoft.keyvault/vaults", "resources": 2, "plan": "KeyVaults"},
        {"type": "microsoft.web/sites", "resources": 1, "plan": "appservices"},
    ]
    other = estate(subscription=OTHER, controls={"c": (10, ["a"])}, marks={("kv1", "a"): "Healthy"})
    assert [one["type"] for one in blind(covered(folder, other))] == ["microsoft.web/sites"]


def sql(subscription: str, plan: str | None, recs: str, **changes: Any) -> Estate:
    return estate(
        subscription=subscription,
        controls={"c": (10, ["a", "b", "f"])},
        marks={(name, rec): "Unhealthy" for name in ("sql1", "sql2") for rec in recs} | {("vm1", "a"): "Healthy"},
        resources={"sql1": {}, "sql2": {}},
        plans={"FoundationalCspm": "Standard"} | ({"SqlServers": plan} if plan else {}),
        **changes,
    )


def test_what_others_have_by_a_plan_is_absent_where_it_is_off():
    found = covered(sql(SUB, "Free", "f"), sql(OTHER, "Standard", "fb"))
    assert absent(found, found) == [
        {
            "recommendation": key("b"),
            "title": "Recommendation b",
            "type": SQL,
            "plan": "SqlServers",
            "resources": 2,
            "subscriptions": [{"id": SUB, "resources": 2}],
        }
    ]
    assert absent(found[1:], found) == []
    assert len(absent(found[:1], found)) == 1


@pytest.mark.parametrize(
    "estates",
    [
        (sql(SUB, "Standard", "f"), sql(OTHER, "Standard", "fb")),
        (sql(SUB, "Free", "fb"), sql(OTHER, "Standard", "fb")),
        (sql(SUB, "Free", "f"), sql(OTHER, "Free", "fb")),
        (sql(SUB, "Free", "f"), sql(OTHER, None, "fb")),
        (sql(SUB, None, "f"), sql(OTHER, "Standard", "fb")),
        (sql(SUB, "Free", "f"), sql(OTHER, "Standard", "fb"), sql(guid("third"), "Free", "b")),
        (sql(SUB, "Free", "f", record=False), sql(OTHER, "Standard", "fb")),
    ],
)
def test_what_a_plan_does_not_explain_is_not_said_to_be_absent_by_it(estates):
    found = covered(*estates)
    assert absent(found[:1], found) == []


# Connectors, sources, scores


def reports(folder: Estate, *rows: tuple[str, str]) -> Estate:
    """The same with health reports: of what, and how it does."""
    new = folder.but(0)
    new[f"{folder.world.subscription}/health-reports.json"] = {
        "value": [
            {
                "id": f"{scope}/providers/Microsoft.Security/healthReports/{guid(scope + status)}",
                "properties": {
                    "status": {"code": status},
                    "affectedDefendersPlans": ["CloudPosture"],
                    "issues": [{"issueKey": "k", "issueName": "role is missing"}],
                },
            }
            for scope, status in rows
        ]
    }
    return new


AWS = estate(
    controls={"c": (10, ["a"])},
    marks={("aws1", "a"): "Healthy", ("aws2", "a"): "Healthy", ("vm1", "a"): "Healthy"},
    connectors={"conn": {}, "quiet": {}},
)


def test_connectors_are_told_with_their_health_and_their_resources():
    conn, quiet = shown(reports(AWS, (connector(), "NotHealthy"), (connector(), "Healthy")))["connectors"]
    assert conn == {
        "id": connector(),
        "name": "conn",
        "health": "NotHealthy",
        "plans": ["CloudPosture"],
        "issues": ["role is missing"],
        "resources": 2,
    }
    assert (quiet["health"], quiet["resources"], quiet["issues"]) == (None, 0, [])


def test_what_does_well_has_no_issue_and_what_else_does_not_is_told_apart():
    found = shown(reports(AWS, (connector(), "Healthy"), (f"/subscriptions/{SUB}", "NotHealthy")))
    assert [one["health"] for one in found["connectors"]] == ["Healthy", None]
    assert [one["issues"] for one in found["sources"]] == [["role is missing"]]
    assert shown(reports(AWS, (f"/subscriptions/{SUB}", "Healthy")))["sources"] == []
    assert shown(AWS)["sources"] is None


def test_auto_provisioning_is_told_where_it_is_known():
    new = AWS.but(0)
    new[f"{SUB}/auto-provisioning-settings.json"] = {
        "value": [{"id": "x", "name": "default", "properties": {"autoProvision": "Off"}}]
    }
    assert shown(new)["autoProvisioning"] == [{"name": "default", "on": False}]
    assert shown(AWS)["autoProvisioning"] is None


def test_a_subscription_without_a_score_says_why():
    found = shown(AWS.but(0, plans={"FoundationalCspm": "Free"}))
    assert found["scored"] is False
    assert "Foundational CSPM" in found["reason"]
    assert shown(AWS)["reason"] is None

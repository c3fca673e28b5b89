"""Reasons in what is assessed at all: plans, agents, connectors, assignments."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from drift.engine.diagnosis.machines import machines, unassessed
from tests.build import SUB, Estate, at, connector, estate, key, resource
from tests.engine.ahead.test_calendar import head
from tests.engine.diagnosis.asking import reasons, why
from tests.explained import own

CONTROLS = {"c": (10, ["a", "b"]), "d": (6, ["s"])}
VMS = [f"vm{n}" for n in range(1, 7)]
MARKS = {
    **{(vm, rec): "Healthy" for vm in VMS for rec in "ab"},
    ("vm1", "b"): "Unhealthy",
    ("st1", "s"): "Unhealthy",
    ("st2", "s"): "Healthy",
}
PLANS = {"FoundationalCspm": "Standard", "VirtualMachines": "Standard", "StorageAccounts": "Standard"}
BASE = estate(controls=CONTROLS, marks=MARKS, plans=PLANS)
WITHOUT_VM6 = {"SecurityCenterBuiltIn": {"excluded": [resource("vm6")]}}


def told(folder: Estate, name: str, rows: list[dict[str, Any]]) -> Estate:
    """The folder with one more answer about its subscription."""
    new = deepcopy(folder)
    new[f"{SUB}/{name}.json"] = {"value": rows}
    return new


def without(folder: Estate, *marks: tuple[str, str]) -> Estate:
    return folder.but(0, marks=dict.fromkeys(marks), resources={name: {} for name, _ in marks})


def undecided(*folders: Any, **asked: Any) -> dict[str, str]:
    return {one["reason"]: one["needs"] for one in why(*folders, **asked)["undecided"]}


# plan_off


def test_a_plan_that_is_off_assesses_none_of_its_resources():
    off = estate(
        controls=CONTROLS,
        marks={place: m for place, m in MARKS.items() if place[0][:2] == "vm"},
        plans=PLANS | {"StorageAccounts": "Free"},
        resources={"st1": {}, "st2": {}},
        recommendations={"s": {}},
    )
    found = reasons(off, rec="s", res="st1")["plan_off"]
    assert (
        found["title"] == "Defender plan StorageAccounts off: what comes with it assesses none of storage account st1"
    )
    assert (found["confidence"], found["resources"]) == ("inferred", [resource("st1")])
    assert found["confirm"] == f'az security pricing show --name "StorageAccounts" --subscription "{SUB}"'
    assert reasons(off, rec="s")["plan_off"]["count"] == 2
    assert reasons(off)["plan_off"]["count"] == 2
    assert "plan_off" not in reasons(off, rec="a")
    assert "plan_off" not in reasons(off, rec="s", res="vm1")


def test_a_plan_that_took_its_marks_along_is_confirmed():
    after = BASE.but(plans={"StorageAccounts": "Free"}, marks={("st1", "s"): None, ("st2", "s"): None})
    after = after.but(0, resources={"st1": {}, "st2": {}})
    found = reasons(BASE, after, rec="s")["plan_off"]
    assert (found["confidence"], found["count"]) == ("confirmed", 2)
    assert "marks went when StorageAccounts was switched off" in found["evidence"]


def test_a_plan_that_is_on_or_has_nothing_to_assess_is_no_reason():
    assert "plan_off" not in reasons(BASE)
    assert "plan_off" not in reasons(BASE.but(0, plans={"CosmosDbs": "Free"}))


def test_what_others_of_the_type_have_does_not_come_with_the_plan():
    off = without(BASE.but(0, plans={"VirtualMachines": "Free"}), ("vm6", "a"))
    assert "plan_off" not in reasons(off, rec="a", res="vm6")


def test_without_the_plans_nobody_knows():
    assert undecided(BASE.but(0, without=("pricings.json",)))["plan_off"] == "pricings.json"


# foundational_cspm_off


def test_without_foundational_cspm_there_is_no_score():
    after = BASE.but(plans={"FoundationalCspm": "Free"}, record=False)
    found = reasons(BASE, after)
    assert next(iter(found)) == "foundational_cspm_off"
    assert found["foundational_cspm_off"]["confidence"] == "confirmed"
    assert "foundational_cspm_off" not in reasons(BASE)
    assert "foundational_cspm_off" not in undecided(BASE.but(0, without=("pricings.json",)))


# not_assessed, auto_provisioning_off


def test_a_machine_that_lacks_what_the_others_have():
    silent = without(BASE, ("vm6", "a"), ("vm6", "b"))
    found = reasons(silent)["not_assessed"]
    assert (found["count"], found["resources"], found["confidence"]) == (1, [resource("vm6")], "inferred")
    assert "2 recommendations" in found["title"]
    assert "1 machine without any mark" in found["evidence"]
    assert found["confirm"] == f'az vm extension list --ids "{resource("vm6")}" --output table'
    assert reasons(silent, rec="a", res="vm6")["not_assessed"]["evidence"][0].startswith(
        "virtual machine vm6: no mark of “Recommendation a”, which at least 5 others"
    )


def test_half_of_the_machines_without_an_agent():
    rest = [(vm, rec) for vm in VMS[3:] for rec in "ab"]
    marks = MARKS | {(vm, rec): "Healthy" for vm in VMS for rec in "pqr"}
    half = without(estate(controls=CONTROLS | {"e": (4, list("pqr"))}, marks=marks), *rest)
    assert reasons(half)["not_assessed"]["count"] == 3


def test_machines_of_two_systems_lack_nothing():
    windows = {(vm, rec): "Healthy" for vm in VMS[:3] for rec in "wx"}
    linux = {(vm, rec): "Healthy" for vm in VMS[3:] for rec in "yz"}
    both = estate(controls=CONTROLS | {"e": (4, list("wxyz"))}, marks=MARKS | windows | linux)
    assert "not_assessed" not in reasons(both)


def test_one_that_is_new_is_still_to_be_assessed():
    new = BASE.but(0, resources={"vm9": {"createdTime": at(-3)}})
    assert "not_assessed" not in reasons(new)
    old = BASE.but(0, resources={"vm9": {"createdTime": at(-50)}})
    assert reasons(old)["not_assessed"]["resources"] == [resource("vm9")]


def test_what_is_no_machine_needs_no_agent():
    assert "not_assessed" not in reasons(BASE.but(0, resources={"st9": {}}))


def test_what_no_assignment_covers_is_not_said_to_lack_an_agent():
    outside = without(BASE, ("vm6", "a"), ("vm6", "b")).but(0, assignments=WITHOUT_VM6)
    found = reasons(outside, rec="a", res="vm6")
    assert "not_assessed" not in found
    assert found["benchmark_unassigned"]["resources"] == [resource("vm6")]


def test_auto_provisioning_is_a_reason_only_with_machines_that_are_not_assessed():
    def provisioning(folder: Estate, state: str) -> Estate:
        path = f"/subscriptions/{SUB}/providers/Microsoft.Security/autoProvisioningSettings/default"
        return told(
            folder,
            "auto-provisioning-settings",
            [{"id": path, "name": "default", "properties": {"autoProvision": state}}],
        )

    silent = without(BASE, ("vm6", "a"), ("vm6", "b"))
    found = reasons(provisioning(silent, "Off"))["auto_provisioning_off"]
    assert found["title"] == "auto provisioning (default) is off, and 1 machine not assessed"
    assert "auto_provisioning_off" not in reasons(provisioning(silent, "On"))
    assert "auto_provisioning_off" not in reasons(provisioning(BASE, "Off"))
    assert undecided(silent)["auto_provisioning_off"] == "auto-provisioning-settings.json"
    assert "auto_provisioning_off" not in undecided(BASE)


def test_without_an_inventory_nobody_knows():
    assert undecided(BASE.but(0, without=("resources.json",)))["not_assessed"] == "resources.json"


def test_machines_are_found_by_kind():
    silent = without(BASE, ("vm6", "a"), ("vm6", "b"))
    snapshot = head(silent).snapshot
    (one,) = unassessed(snapshot) or ()
    names = snapshot.resources, snapshot.recommendations
    assert (names[0][one.resource], one.blank, one.others) == (resource("vm6"), True, 5)
    assert {names[1][place] for place in one.missing} == {key("a"), key("b")}
    assert {names[0][place] for place in machines(snapshot).tolist()} == {resource(vm) for vm in VMS}


# connector_unhealthy


def health(code: str, scope: str = "", plans: tuple[str, ...] = ("CloudPosture",)) -> dict[str, Any]:
    above = scope or connector()
    p = {"status": {"code": code}, "affectedDefendersPlans": list(plans), "issues": [{"issueName": "role\nis gone"}]}
    return {"id": f"{above}/providers/Microsoft.Security/healthReports/h1", "name": "h1", "properties": p}


CLOUD = estate(
    controls=CONTROLS | {"x": (8, ["x"])},
    marks=MARKS | {("aws-1", "x"): "Unhealthy", ("aws-2", "x"): "Healthy"},
    connectors={"conn": {}},
)


def test_a_connector_that_is_not_healthy():
    bad = told(CLOUD, "health-reports", [health("NotHealthy")])
    found = reasons(bad, rec="x")["connector_unhealthy"]
    assert found["title"] == "connector conn is not healthy (role is gone): what it feeds is not read anew"
    assert found["effect"] == pytest.approx(own([CLOUD, CLOUD.but(marks={("aws-1", "x"): "Healthy"})])["movement"])
    assert f"{connector()}/providers/Microsoft.Security/healthReports/h1".lower() in found["confirm"]
    assert "plans: CloudPosture" in found["evidence"][0]


def test_a_connector_is_no_reason_for_what_it_does_not_feed_or_when_it_is_well():
    bad = told(CLOUD, "health-reports", [health("NotHealthy")])
    assert "connector_unhealthy" not in reasons(bad, rec="b")
    assert "connector_unhealthy" in reasons(bad)
    assert "connector_unhealthy" not in reasons(told(CLOUD, "health-reports", [health("Healthy")]), rec="x")


def test_a_report_on_a_plan_is_about_its_resources():
    root = f"/subscriptions/{SUB}"
    bad = told(BASE, "health-reports", [health("NotHealthy", root, ("StorageAccounts",))])
    assert reasons(bad, res="st1")["connector_unhealthy"]["count"] == 1
    assert "connector_unhealthy" not in reasons(bad, res="vm1")


def test_without_health_reports_nobody_knows_of_connectors():
    assert undecided(CLOUD)["connector_unhealthy"] == "health-reports.json"
    assert "connector_unhealthy" not in undecided(BASE)


# not_arc_connected

EC2 = [f"{connector()}/securityentitydata/aws-ec2-instance-i-0{n}ab-eu-west-1" for n in (1, 2, 3)]


def cloud(*arc: str) -> Estate:
    group = resource("rg")
    machines_of = {f"{group}/providers/Microsoft.HybridCompute/machines/{name}": {} for name in arc}
    return estate(
        controls=CONTROLS,
        marks=MARKS | {(one, "b"): "Healthy" for one in EC2},
        connectors={"conn": {}},
        resources=machines_of,
    )


def test_machines_of_another_cloud_without_arc():
    found = reasons(cloud())["not_arc_connected"]
    assert (found["count"], found["confidence"], found["effect"]) == (3, "inferred", None)
    assert found["title"].startswith("3 machines of other clouds without Azure Arc")
    assert "Microsoft.HybridCompute/machines" in found["confirm"]


def test_arc_machines_by_name_and_those_that_may_be_any():
    assert reasons(cloud("i-01ab"))["not_arc_connected"]["resources"] == EC2[1:]
    assert reasons(cloud("i-01ab", "web-server"))["not_arc_connected"]["title"].startswith("at least 1 machine")
    assert "not_arc_connected" not in reasons(cloud("i-01ab", "i-02ab", "web-server"))


def test_what_is_no_machine_of_another_cloud_needs_no_arc():
    assert "not_arc_connected" not in reasons(CLOUD)
    assert "not_arc_connected" not in reasons(cloud(), rec="b")
    assert undecided(cloud().but(0, without=("resources.json",)))["not_arc_connected"] == "resources.json"

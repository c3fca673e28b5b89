"""Row by row of the table: what owns a changed mark, and what nearly does but must not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.build import (
    BUILT_IN,
    SUB,
    TYPES,
    Estate,
    at,
    connector,
    control,
    estate,
    guid,
    key,
    mark,
    resource,
    tenant,
)
from tests.explained import explained, own, told

THERE = guid("another subscription")
BASE = estate(
    controls={"c": (10, ["a", "b"]), "d": (5, ["e"])},
    marks={("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy", ("vm2", "b"): "Healthy", ("vm1", "e"): "Healthy"},
    resources={"vm1": {}, "vm2": {}},
)


def owners(before: Estate, **changes: Any) -> set[tuple[str, str]]:
    """The causes of what changed within the 8 hours after `before`."""
    return told(own([before, before.but(**changes)]))


def of(kind: str, subject: str) -> set[tuple[str, str]]:
    return {(kind, subject.lower())}


# Rows 13 to 16, and what is no change at all

REMEDIATED, REGRESSED = of("remediation", key("a")), of("regression", key("a"))
OF_THE_MARK = {
    "an unhealthy mark that is healthy was remediated": ("vm1", "a", "Healthy", REMEDIATED),
    "a healthy mark that is unhealthy regressed": ("vm2", "a", "Unhealthy", REGRESSED),
    "an unhealthy mark left": ("vm1", "a", "NotApplicable", of("applicability_changed", key("a"))),
    "a healthy mark left": ("vm2", "a", "NotApplicable", of("applicability_changed", key("a"))),
    "a mark that appears is a data source's": ("vm1", "b", "Unhealthy", of("data_source_gained", resource("vm1"))),
    "a mark that vanishes is a data source's": ("vm2", "b", None, of("data_source_lost", resource("vm2"))),
    "a mark that appears without counting is nobody's": ("vm1", "b", "NotApplicable", set()),
    "a mark of a recommendation in no control is nobody's": ("vm1", "elsewhere", "Unhealthy", set()),
}


@pytest.mark.parametrize(("res", "rec", "status", "expected"), OF_THE_MARK.values(), ids=OF_THE_MARK)
def test_a_mark_that_changed_alone(res, rec, status, expected):
    assert owners(BASE, marks={(res, rec): status}) == expected


def test_a_mark_that_returns_to_the_score_became_applicable():
    before = BASE.but(marks={("vm1", "b"): "NotApplicable"})
    assert owners(before, marks={("vm1", "b"): "Unhealthy"}) == of("applicability_changed", key("b"))


def test_a_mark_that_was_not_applicable_and_vanished_is_nobodys():
    before = BASE.but(marks={("vm1", "b"): "NotApplicable"})
    assert owners(before, marks={("vm1", "b"): None}) == set()


def test_a_recommendation_of_which_every_mark_flips_is_not_taken_to_be_reevaluated():
    before = BASE.but(marks={(f"st{i}", "b"): "Unhealthy" for i in range(9)} | {("vm2", "b"): "Unhealthy"})
    flipped = {(f"st{i}", "b"): "Healthy" for i in range(9)} | {("vm2", "b"): "Healthy"}
    assert owners(before, marks=flipped) == of("remediation", key("b"))


# Row 2

AWS = {("aws1", "a"): "Unhealthy"}
CONN = connector("conn")


def test_marks_under_a_new_connector_are_its():
    assert owners(BASE, connectors={"conn": {}}, marks=AWS) == of("connector_added", CONN)


def test_marks_under_a_connector_that_is_gone_were_its():
    before = BASE.but(connectors={"conn": {}}, marks=AWS)
    assert owners(before, connectors={"conn": None}, marks={("aws1", "a"): None}) == of("connector_removed", CONN)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"conn": {}}, {}, id="it was there before"),
        pytest.param({}, {"con": {}}, id="another one, whose name the id only begins with, is new"),
        pytest.param({}, {}, id="there is none"),
    ],
)
def test_marks_under_a_connector_are_not_its_if(before, after):
    added = of("resource_added", resource("aws1"))
    assert owners(BASE.but(connectors=before), connectors=after, marks=AWS) == added


# Row 3

ADDED, DELETED = "resource_added", "resource_deleted"
GONE = {("vm2", "a"): None, ("vm2", "b"): None}


def test_the_inventory_tells_that_a_resource_was_added():
    assert owners(BASE, marks={("vm3", "a"): "Unhealthy", ("vm3", "e"): "Healthy"}) == of(ADDED, resource("vm3"))


def test_the_inventory_tells_that_a_resource_was_deleted():
    assert owners(BASE, resources={"vm2": None}, marks=GONE) == of(DELETED, resource("vm2"))


def test_the_inventory_tells_of_a_type_that_it_lists_at_one_end_only():
    """The last of a type is deleted: its type is still one that the inventory lists."""
    before = BASE.but(marks={("kv1", "a"): "Unhealthy"})
    assert owners(before, marks={("kv1", "a"): None}) == of(DELETED, resource("kv1"))


def test_a_resource_that_the_inventory_still_lists_was_not_deleted():
    assert owners(BASE, marks=GONE) == of("data_source_lost", resource("vm2"))


def test_a_resource_that_the_inventory_listed_before_was_not_added():
    before = BASE.but(resources={"vm3": {}}, hours=100)
    later = before.but(hours=100)
    assert told(own([before, later, later.but(marks={("vm3", "a"): "Unhealthy"})])) == of(
        "data_source_gained", resource("vm3")
    )


@pytest.mark.parametrize("name", ["subnet1", "aws1"])
def test_a_resource_of_a_type_that_the_inventory_does_not_list_comes_and_goes_with_its_marks(name):
    before = BASE.but(connectors={"conn": {}})
    with_it = before.but(marks={(name, "a"): "Unhealthy"})
    assert told(own([before, with_it])) == of(ADDED, resource(name))
    assert owners(with_it, marks={(name, "a"): None}) == of(DELETED, resource(name))


def test_an_unlisted_resource_that_keeps_a_mark_has_not_gone():
    before = BASE.but(marks={("subnet1", "a"): "Unhealthy", ("subnet1", "e"): "Healthy"})
    assert owners(before, marks={("subnet1", "a"): None}) == of("data_source_lost", resource("subnet1"))


def test_an_unlisted_resource_did_not_come_if_a_new_recommendation_explains_its_first_mark():
    yardstick = {"controls": {"c": (10, ["a", "b", "new"])}, "recommendations": {"new": {}}}
    before = BASE.but(recommendations={"new": None})
    assert owners(before, marks={("subnet1", "new"): "Unhealthy"}, **yardstick) == of(
        "recommendation_added", key("new")
    )


def test_without_an_inventory_at_one_end_all_resources_are_told_by_their_marks():
    after = BASE.but(marks={("vm3", "a"): "Unhealthy", **GONE})
    answer = explained([BASE, after.but(0, without=("resources.json",))])
    assert told(answer) == of(ADDED, resource("vm3")) | of(DELETED, resource("vm2"))
    assert [note for note in answer["notes"] if "resources.json" in note]


@pytest.mark.parametrize("listed", [{}, {"sub": {"type": "Microsoft.Resources/subscriptions"}}], ids=["", "listed"])
def test_a_subscription_is_never_a_resource(listed):
    with_it = BASE.but(marks={("sub", "a"): "Unhealthy"}, resources=listed)
    assert told(own([BASE, with_it])) == of("data_source_gained", resource("sub"))
    without_it = {"marks": {("sub", "a"): None}, "resources": {"sub": None}}
    assert owners(with_it, **without_it) == of("data_source_lost", resource("sub"))


# Rows 4 to 7

IN_C = {"c": (10, ["a", "b", "new"])}
NEW_ON_VM1 = BASE.but(marks={("vm1", "new"): "Unhealthy"}, recommendations={"new": {}})
YARDSTICK = {
    "it did not exist": ({"recommendations": {"new": None}}, {"controls": IN_C}, "recommendation_added"),
    "it was in no control": ({}, {"controls": IN_C}, "recommendation_added"),
    "it was in preview": (
        {"controls": IN_C, "recommendations": {"new": {"preview": True}}},
        {},
        "recommendation_left_preview",
    ),
    "it was in preview and in no control": (
        {"recommendations": {"new": {"preview": True}}},
        {"controls": IN_C},
        "recommendation_left_preview",
    ),
}


@pytest.mark.parametrize(("before", "after", "kind"), YARDSTICK.values(), ids=YARDSTICK)
def test_a_recommendation_counts_now_and_before(before, after, kind):
    after = {"recommendations": {"new": {}}, **after}
    assert owners(NEW_ON_VM1.but(0, **before), **after) == of(kind, key("new"))


RETIRED = {
    "it does not exist": {"recommendations": {"b": None}},
    "it is in preview": {"recommendations": {"b": {"preview": True}}},
    "it is in no control": {"controls": {"c": (10, ["a"])}},
}


@pytest.mark.parametrize("after", RETIRED.values(), ids=RETIRED)
def test_a_recommendation_counted_and_now(after):
    assert owners(BASE, **after) == of("recommendation_retired", key("b"))


def test_without_metadata_what_a_control_lists_exists():
    bare = BASE.but(0, without=("assessment-metadata.json",))
    assert owners(bare, marks={("vm1", "a"): "Healthy"}) == REMEDIATED
    assert owners(bare, controls={"c": (10, ["a"])}) == of("recommendation_retired", key("b"))


def test_a_mark_that_leaves_as_its_recommendation_stays_is_not_a_retirement():
    assert owners(BASE, marks=GONE) == of("data_source_lost", resource("vm2"))


def test_a_recommendation_that_counts_in_another_control_moved():
    before = BASE.but(marks={("vm1", "b"): "Unhealthy", ("vm1", "a"): "Healthy"})
    moved = {"controls": {"c": (10, ["a"]), "d": (5, ["e", "b"])}}
    (cause,) = own([before, before.but(**moved)])["causes"]
    assert (cause["kind"], cause["subject"]) == ("recommendation_moved", key("b"))
    assert cause["controls"].keys() == {control("c"), control("d")}


def test_a_recommendation_that_a_second_control_lists_too_moved_into_that_one():
    both = {"controls": {"d": (5, ["e", "b"])}}
    (cause,) = own([BASE, BASE.but(**both)])["causes"]
    assert (cause["kind"], cause["subject"], *cause["controls"]) == ("recommendation_moved", key("b"), control("d"))


# Row 8

PLANS = {
    "VirtualMachines": (
        "Microsoft.Compute/virtualMachines",
        "Microsoft.Compute/virtualMachines/extensions",
        "Microsoft.Compute/virtualMachineScaleSets",
        "Microsoft.HybridCompute/machines",
    ),
    "SqlServers": ("Microsoft.Sql/servers", "Microsoft.Sql/servers/databases"),
    "SqlServerVirtualMachines": ("Microsoft.SqlVirtualMachine/sqlVirtualMachines",),
    "StorageAccounts": ("Microsoft.Storage/storageAccounts",),
    "AppServices": ("Microsoft.Web/sites", "Microsoft.Web/hostingEnvironments"),
    "KeyVaults": ("Microsoft.KeyVault/vaults",),
    "Containers": (
        "Microsoft.ContainerService/managedClusters",
        "Microsoft.ContainerRegistry/registries",
        "Microsoft.Kubernetes/connectedClusters",
    ),
    "OpenSourceRelationalDatabases": (
        "Microsoft.DBforPostgreSQL/flexibleServers",
        "Microsoft.DBforMySQL/servers",
        "Microsoft.DBforMariaDB/servers",
    ),
    "CosmosDbs": ("Microsoft.DocumentDB/databaseAccounts",),
    "Api": ("Microsoft.ApiManagement/service",),
    "AI": ("Microsoft.CognitiveServices/accounts", "Microsoft.MachineLearningServices/workspaces"),
    "Dns": ("Microsoft.Network/dnsZones",),
    "Arm": ("sub",),
}
COVERED = [(plan, kind) for plan, kinds in PLANS.items() for kind in kinds]


def of_type(kind: str) -> str:
    """A resource of a type, under its parents."""
    if kind == "sub":
        return resource(kind)
    namespace, *levels = kind.split("/")
    return f"{resource('rg')}/providers/{namespace}/" + "/".join(f"{level}/x{i}" for i, level in enumerate(levels))


def fed(kind: str) -> Estate:
    """One resource of a type that is known for long and has one mark of two, all plans being off."""
    return BASE.but(0, resources={of_type(kind): {"type": kind}}, plans=dict.fromkeys(PLANS, "Free"))


@pytest.mark.parametrize(("plan", "kind"), COVERED)
def test_marks_come_with_the_plan_of_the_resource_type_and_go_with_it(plan, kind):
    off = fed(kind)
    on = off.but(plans={plan: "Standard"}, marks={(of_type(kind), "a"): "Unhealthy"})
    assert told(own([off, on])) == of("plan_enabled", plan)
    assert owners(on, plans={plan: "Free"}, marks={(of_type(kind), "a"): None}) == of("plan_disabled", plan)


@pytest.mark.parametrize(("plan", "kind"), COVERED)
def test_marks_that_come_are_not_another_plans(plan, kind):
    off = fed(kind)
    others = {name: "Standard" for name in PLANS if name != plan}
    gained = of("data_source_gained", of_type(kind))
    assert owners(off, plans=others, marks={(of_type(kind), "a"): "Unhealthy"}) == gained


@pytest.mark.parametrize(
    "kind",
    ["Microsoft.Compute/disks", "Microsoft.StorageSync/storageSyncServices", "Microsoft.Network/virtualNetworks"],
)
def test_a_type_that_only_looks_like_a_plans_has_none(kind):
    every = dict.fromkeys(PLANS, "Standard")
    gained = of("data_source_gained", of_type(kind))
    assert owners(fed(kind), plans=every, marks={(of_type(kind), "a"): "Unhealthy"}) == gained


NOT_THE_PLANS = {
    "a mark that flips": ({"VirtualMachines": "Standard"}, ("vm1", "a"), "Healthy", REMEDIATED),
    "a mark that turns not applicable": (
        {"VirtualMachines": "Free"},
        ("vm2", "a"),
        "NotApplicable",
        of("applicability_changed", key("a")),
    ),
    "a mark that appears as the plan goes off": (
        {"VirtualMachines": "Free"},
        ("vm1", "b"),
        "Unhealthy",
        of("data_source_gained", resource("vm1")),
    ),
    "a mark that vanishes as the plan comes on": (
        {"VirtualMachines": "Standard"},
        ("vm2", "b"),
        None,
        of("data_source_lost", resource("vm2")),
    ),
}


@pytest.mark.parametrize(("plans", "of_mark", "status", "expected"), NOT_THE_PLANS.values(), ids=NOT_THE_PLANS)
def test_a_plan_does_not_own(plans, of_mark, status, expected):
    (name, now) = next(iter(plans.items()))
    before = BASE.but(0, plans={name: "Free" if now == "Standard" else "Standard"})
    assert owners(before, plans=plans, marks={of_mark: status}) == expected


def test_a_plan_of_another_subscription_owns_nothing_here():
    here = BASE.but(0, plans={"VirtualMachines": "Free"})
    there = estate(subscription=THERE, controls={"c": (10, ["a"])}, marks={("vm1", "a"): "Healthy"})
    there = there.but(0, plans={"VirtualMachines": "Free"})
    after = tenant(here.but(marks={("vm1", "b"): "Unhealthy"}), there.but(plans={"VirtualMachines": "Standard"}))
    assert told(explained([tenant(here, there), after])) == of("data_source_gained", resource("vm1"))


# Row 9

OFF, ON = of("policy_disabled", key("b")), of("policy_enabled", key("b"))
OTHER_INITIATIVE = {"initiative": "/providers/Microsoft.Authorization/policySetDefinitions/" + guid("cost")}
OTHER_GROUP = {"scope": f"/subscriptions/{SUB}/resourceGroups/elsewhere"}
WITHOUT_B = {("vm2", "b"): None}


def test_a_mark_that_policy_switched_off_and_on_again():
    off = BASE.but(marks={("vm2", "b"): "OffByPolicy"})
    assert told(own([BASE, off])) == OFF
    assert owners(off, marks={("vm2", "b"): "Unhealthy"}) == ON


def test_marks_go_with_the_assignment_that_covers_them_and_return_with_it():
    off = BASE.but(assignments={BUILT_IN: None}, marks=WITHOUT_B)
    assert told(own([BASE, off])) == OFF
    assert owners(off, assignments={BUILT_IN: {}}, marks={("vm2", "b"): "Healthy"}) == ON


ASSIGNMENTS = {
    "it is of another initiative": OTHER_INITIATIVE,
    "it covers another resource group": OTHER_GROUP,
    "it leaves the resource out": {"excluded": [resource("rg")]},
}


@pytest.mark.parametrize("options", ASSIGNMENTS.values(), ids=ASSIGNMENTS)
def test_an_assignment_does_not_own_a_mark_if(options):
    without = BASE.but(0, assignments={BUILT_IN: None})
    with_it = without.but(0, assignments={"one": options})
    lost, gained = of("data_source_lost", resource("vm2")), of("data_source_gained", resource("vm1"))
    assert owners(with_it, assignments={"one": None}, marks=WITHOUT_B) == lost
    assert owners(without, assignments={"one": options}, marks={("vm1", "b"): "Unhealthy"}) == gained


def test_an_assignment_that_goes_or_comes_beside_another_that_covers_the_mark_owns_nothing():
    two = BASE.but(0, assignments={"second": {"scope": resource("rg")}})
    assert owners(two, assignments={"second": None}, marks=WITHOUT_B) == of("data_source_lost", resource("vm2"))
    new = {("vm1", "b"): "Unhealthy"}
    assert owners(BASE, assignments={"second": {"scope": resource("rg")}}, marks=new) == of(
        "data_source_gained", resource("vm1")
    )


def test_an_assignment_that_came_beside_another_that_covers_the_mark_owns_nothing_later_either():
    two = BASE.but(assignments={"second": {"scope": resource("rg")}})
    assert told(own([BASE, two, two.but(marks={("vm1", "b"): "Unhealthy"})])) == of(
        "data_source_gained", resource("vm1")
    )


def test_an_assignment_that_goes_owns_no_flip():
    assert owners(BASE, assignments={BUILT_IN: None}, marks={("vm1", "a"): "Healthy"}) == REMEDIATED


# Row 12

FAR, PASSED = {"due": at(900)}, {"due": at(4)}
GRACED = BASE.but(0, governance={("vm1", "a"): FAR})


def test_a_grace_period_that_starts_shields_and_one_that_ends_does_not():
    assert owners(BASE, governance={("vm1", "a"): FAR}) == of("grace_period_started", key("a"))
    assert owners(GRACED, governance={("vm1", "a"): None}) == of("grace_period_ended", key("a"))


def test_a_grace_period_ends_when_its_due_date_passes():
    before = BASE.but(0, governance={("vm1", "a"): PASSED})
    assert owners(before) == of("grace_period_ended", key("a"))


NO_SHIELD = {
    "an assignment that gives none": {("vm1", "a"): {"due": at(900), "grace": False}},
    "a due date that has passed": {("vm1", "a"): {"due": at(-4)}},
    "a healthy mark": {("vm2", "a"): FAR},
    "another recommendation": {("vm1", "b"): FAR},
}


@pytest.mark.parametrize("governance", NO_SHIELD.values(), ids=NO_SHIELD)
def test_no_grace_period_shields(governance):
    assert owners(BASE, governance=governance) == set()


@pytest.mark.parametrize("left", [None, FAR], ids=["and its assignment is gone", "and its assignment stays"])
def test_what_is_fixed_within_its_grace_period_was_remediated(left):
    assert owners(GRACED, marks={("vm1", "a"): "Healthy"}, governance={("vm1", "a"): left}) == REMEDIATED


def test_what_turns_unhealthy_under_a_grace_period_is_shielded_by_it():
    changes = {"marks": {("vm2", "a"): "Unhealthy"}, "governance": {("vm2", "a"): FAR}}
    assert owners(BASE, **changes) == of("grace_period_started", key("a"))


# Not about marks


def test_a_control_with_another_maximum_was_reweighted():
    assert owners(BASE, controls={"c": (4, ["a", "b"])}) == of("control_reweighted", control("c"))


def test_a_maximum_that_changed_while_the_control_counted_nothing_is_nobodys():
    before = BASE.but(0, controls={"empty": (3, ["z"])})
    assert owners(before, controls={"empty": (7, ["z"])}) == set()


def test_what_the_counts_do_beside_the_marks_is_unexplained():
    assert owners(BASE, counts={"c": (2, 3)}) == of("unexplained", control("c"))


def test_a_mismatch_that_was_there_before_is_nobodys():
    assert owners(BASE.but(0, counts={"c": (5, 7)}), counts={"c": (5, 7)}) == set()


def test_the_first_row_that_holds_owns_a_mark():
    """All at once: a new connector, a new resource, a new recommendation, a new plan."""
    before = BASE.but(recommendations={"new": None}, plans={"VirtualMachines": "Free"})
    changes = {"recommendations": {"new": {}}, "plans": {"VirtualMachines": "Standard"}, "controls": IN_C}
    marks = {("aws1", "new"): "Unhealthy", ("vm3", "new"): "Unhealthy", ("vm1", "new"): "Unhealthy"}
    expected = of("connector_added", CONN) | of(ADDED, resource("vm3")) | of("recommendation_added", key("new"))
    assert owners(before, connectors={"conn": {}}, marks=marks, **changes) == expected


def test_ids_and_words_in_any_case_are_the_same():
    """Azure spells ids in several ways, also within one answer."""
    shouted = BASE.but(marks={("vm1", "a"): "Healthy"})
    for row in shouted[f"{SUB}/assessments.json"]["value"]:
        row["properties"]["resourceDetails"]["id"] = row["properties"]["resourceDetails"]["id"].upper()
        row["name"] = row["name"].upper()
    assert told(own([BASE, shouted])) == REMEDIATED


def test_a_mark_that_only_changed_its_date_is_no_change():
    assert owners(BASE, marks={("vm1", "a"): mark("Unhealthy", at(3), at(-99))}) == set()


def test_every_type_of_the_inventory_is_covered_by_its_plan_or_none():
    """The builders' types are those of the table, so that other tests mean what they say."""
    assert set(TYPES.values()) - {kind for kinds in PLANS.values() for kind in kinds} == {
        "Microsoft.Network/virtualNetworks"
    }

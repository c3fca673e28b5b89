"""Context runs hours ahead of the marks that follow from it: remembered for 48 hours, by a chain or by dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests.build import BUILT_IN, T0, Estate, at, connector, estate, exemption, exemption_id, key, mark, resource
from tests.explained import own, told

BASE = estate(
    controls={"c": (10, ["a", "b"])},
    marks={("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy", ("vm2", "b"): "Healthy"},
    resources={"vm1": {}, "vm2": {}},
)
RG_ONLY = {"one": {"scope": resource("rg")}}


@dataclass(frozen=True)
class Ahead:
    """A change of context, the marks that follow from it, and who owns them: it, or, too late, `otherwise`."""

    before: Estate
    context: dict[str, Any]
    marks: dict[tuple[str, str], str | None]
    owner: tuple[str, str]
    otherwise: tuple[str, str]

    def chain(self, *gaps: float) -> list[Estate]:
        """Before, the context, and after each gap a folder; the marks come in the last of them."""
        folders = [self.before, self.before.but(**self.context)]
        for gap in gaps[:-1]:
            folders.append(folders[-1].but(hours=gap))
        return [*folders, folders[-1].but(hours=gaps[-1], marks=self.marks)]


GAINED, LOST = ("data_source_gained", resource("vm1")), ("data_source_lost", resource("vm2"))
NEW, GONE = {("vm1", "b"): "Unhealthy"}, {("vm2", "a"): None, ("vm2", "b"): None}
OFF = BASE.but(0, plans={"VirtualMachines": "Free"})
AWS = BASE.but(0, connectors={"conn": {}}, marks={("aws1", "a"): "Unhealthy"})
EXEMPT = BASE.but(0, marks={("vm1", "a"): "Exempt"}, exemptions={"waived": exemption("vm1", ("a",))})
AHEAD = {
    "a connector that came": Ahead(
        BASE,
        {"connectors": {"conn": {}}},
        {("aws1", "a"): "Unhealthy"},
        ("connector_added", connector()),
        ("resource_added", resource("aws1")),
    ),
    "a connector that went": Ahead(
        AWS,
        {"connectors": {"conn": None}},
        {("aws1", "a"): None},
        ("connector_removed", connector()),
        ("resource_deleted", resource("aws1")),
    ),
    "a resource that came": Ahead(
        BASE,
        {"resources": {"vm3": {}}},
        {("vm3", "a"): "Unhealthy"},
        ("resource_added", resource("vm3")),
        ("data_source_gained", resource("vm3")),
    ),
    "a resource that went": Ahead(
        BASE, {"resources": {"vm2": None}}, GONE, ("resource_deleted", resource("vm2")), LOST
    ),
    "a recommendation that came": Ahead(
        BASE.but(0, recommendations={"new": None}),
        {"recommendations": {"new": {}}, "controls": {"c": (10, ["a", "b", "new"])}},
        {("vm1", "new"): "Unhealthy"},
        ("recommendation_added", key("new")),
        GAINED,
    ),
    "a recommendation that left preview": Ahead(
        BASE.but(0, recommendations={"new": {"preview": True}}, controls={"c": (10, ["a", "b", "new"])}),
        {"recommendations": {"new": {}}},
        {("vm1", "new"): "Unhealthy"},
        ("recommendation_left_preview", key("new")),
        GAINED,
    ),
    "a plan that came on": Ahead(
        OFF, {"plans": {"VirtualMachines": "Standard"}}, NEW, ("plan_enabled", "virtualmachines"), GAINED
    ),
    "a plan that went off": Ahead(
        BASE.but(0, plans={"VirtualMachines": "Standard"}),
        {"plans": {"VirtualMachines": "Free"}},
        {("vm2", "b"): None},
        ("plan_disabled", "virtualmachines"),
        LOST,
    ),
    "an assignment that came": Ahead(
        BASE.but(0, assignments={BUILT_IN: None}), {"assignments": RG_ONLY}, NEW, ("policy_enabled", key("b")), GAINED
    ),
    "an assignment that went": Ahead(
        BASE, {"assignments": {BUILT_IN: None}}, {("vm2", "b"): None}, ("policy_disabled", key("b")), LOST
    ),
    "an exemption that was removed": Ahead(
        EXEMPT,
        {"exemptions": {"waived": None}},
        {("vm1", "a"): "Unhealthy"},
        ("exemption_removed", exemption_id("waived", "vm1")),
        ("exemption_removed", key("a")),
    ),
    "an exemption that ran out": Ahead(
        EXEMPT.but(0, exemptions={"waived": exemption("vm1", ("a",), expires=at(3))}),
        {},
        {("vm1", "a"): "Unhealthy"},
        ("exemption_expired", exemption_id("waived", "vm1")),
        ("exemption_removed", key("a")),
    ),
}
each = pytest.mark.parametrize("case", AHEAD.values(), ids=AHEAD)


def owner(folders: list[Estate]) -> tuple[str, str]:
    (cause,) = told(own(folders))
    return cause


def lower(cause: tuple[str, str]) -> tuple[str, str]:
    return cause[0], cause[1].lower()


@each
def test_in_the_same_interval(case):
    assert owner([case.before, case.before.but(**case.context, marks=case.marks)]) == lower(case.owner)


@each
def test_in_the_interval_before(case):
    assert owner(case.chain(8)) == lower(case.owner)


@each
def test_remembered_for_48_hours(case):
    assert owner(case.chain(24, 24, 4)) == lower(case.owner)


@each
def test_not_remembered_for_49_hours(case):
    assert owner(case.chain(24, 25, 4)) == lower(case.otherwise)


def test_an_exemption_ahead_of_its_marks_is_in_force_whenever_they_come():
    there = BASE.but(exemptions={"waived": exemption("vm1", ("a",))})
    late = there.but(hours=90)
    created = ("exemption_created", exemption_id("waived", "vm1").lower())
    assert owner([BASE, there, late, late.but(marks={("vm1", "a"): "Exempt"})]) == created


COMING = {name: case for name, case in AHEAD.items() if name.endswith(("came", "on", "preview"))}


@pytest.mark.parametrize("case", COMING.values(), ids=COMING)
def test_what_is_remembered_owns_no_later_flip(case):
    """The marks come unhealthy with their context, and are fixed in the next interval."""
    came = case.before.but(**case.context, marks=case.marks)
    fixed = came.but(marks=dict.fromkeys(case.marks, "Healthy"))
    ((_, rec),) = case.marks
    assert told(own([case.before, came, fixed])) == {lower(case.owner), ("remediation", key(rec))}


@pytest.mark.parametrize("case", COMING.values(), ids=COMING)
def test_what_came_and_is_remembered_owns_no_mark_that_leaves(case):
    came = case.before.but(**case.context, marks=case.marks)
    left = came.but(marks=dict.fromkeys(case.marks, "NotApplicable"))
    ((_, rec),) = case.marks
    assert told(own([case.before, came, left])) == {lower(case.owner), ("applicability_changed", key(rec))}


def test_what_was_taken_back_is_remembered_too():
    """A plan goes on and off again; the marks that appear in between the answers are still its."""
    on = OFF.but(plans={"VirtualMachines": "Standard"})
    off = on.but(plans={"VirtualMachines": "Free"})
    assert owner([OFF, on, off, off.but(marks=NEW)]) == ("plan_enabled", "virtualmachines")


# What dates in the answers of a chain's first snapshot tell

SINCE = {
    "createdTime of a resource": (
        lambda when: {"resources": {"vm3": {"createdTime": when}}},
        {("vm3", "a"): "Unhealthy"},
        ("resource_added", resource("vm3")),
    ),
    "publishDates of a recommendation": (
        lambda when: {"recommendations": {"b": {"GA": when}}},
        NEW,
        ("recommendation_added", key("b")),
    ),
    "publishDates of one that was public before": (
        lambda when: {"recommendations": {"b": {"GA": when, "public": when - timedelta(days=9)}}},
        NEW,
        ("recommendation_left_preview", key("b")),
    ),
    "publishDates of one that was public with it": (
        lambda when: {"recommendations": {"b": {"GA": when, "public": when}}},
        NEW,
        ("recommendation_added", key("b")),
    ),
    "enablementTime of a plan": (
        lambda when: {"plans": {"VirtualMachines": {"tier": "Standard", "since": when}}},
        NEW,
        ("plan_enabled", "virtualmachines"),
    ),
    "systemData of an assignment": (
        lambda when: {"assignments": {BUILT_IN: None, "one": {"scope": resource("rg"), "created": when}}},
        NEW,
        ("policy_enabled", key("b")),
    ),
    "systemData of a connector": (
        lambda when: {"connectors": {"conn": {"created": when}}},
        {("aws1", "a"): "Unhealthy"},
        ("connector_added", connector()),
    ),
    "expiresOn of an exemption": (
        lambda when: {
            "exemptions": {"waived": exemption("vm1", ("a",), expires=when)},
            "marks": {("vm1", "a"): mark("Exempt", at(-900))},
        },
        {("vm1", "a"): "Unhealthy"},
        ("exemption_expired", exemption_id("waived", "vm1")),
    ),
}
dates = pytest.mark.parametrize(("context", "marks", "cause"), SINCE.values(), ids=SINCE)


@dates
@pytest.mark.parametrize("hours", [1, 48])
def test_a_date_within_48_hours_of_the_first_snapshot_is_remembered(context, marks, cause, hours):
    first = BASE.but(0, **context(at(-hours)))
    assert owner([first, first.but(marks=marks)]) == lower(cause)


@dates
def test_a_date_of_49_hours_before_the_first_snapshot_is_forgotten(context, marks, cause):
    first = BASE.but(0, **context(at(-49)))
    assert owner([first, first.but(marks=marks)]) != lower(cause)


@dates
def test_a_date_owns_no_flip(context, marks, cause):
    first = BASE.but(0, **context(at(-9)), taken=T0)
    assert owner([first, first.but(marks={("vm2", "a"): "Unhealthy"})]) == ("regression", key("a"))


@dates
def test_dates_of_later_snapshots_are_no_memory(context, marks, cause):
    """A chain that has a predecessor saw what came; a date that turns up in it tells nothing new."""
    told_late = BASE.but(0, **context(at(-9)))
    first = BASE.but(-100, **context(at(-900)))
    assert owner([first, told_late, told_late.but(marks=marks)]) != lower(cause)


def test_a_plan_that_is_off_was_not_switched_on_whatever_its_date():
    first = BASE.but(0, plans={"VirtualMachines": {"tier": "Free", "since": at(-5)}})
    assert owner([first, first.but(marks=NEW)]) == lower(GAINED)


# A file that is missing at one end tells of no change

MISSING = {
    "pricings.json": AHEAD["a plan that came on"],
    "security-connectors.json": AHEAD["a connector that went"],
    "policy-assignments.json": AHEAD["an assignment that came"],
    "assessment-metadata.json": AHEAD["a recommendation that left preview"],
}


@pytest.mark.parametrize("end", [0, 1], ids=["before", "after"])
@pytest.mark.parametrize(("file", "case"), MISSING.items(), ids=MISSING)
def test_no_change_is_told_without(file, case, end):
    folders = [case.before, case.before.but(**case.context, marks=case.marks)]
    del folders[end][file if file in folders[end] else f"{case.before.world.subscription}/{file}"]
    answer = own(folders)
    assert lower(case.owner) not in told(answer)
    assert [note for note in answer["notes"] if file in note]

"""Whose doing each change was: what must be named, and what must not."""

from __future__ import annotations

from math import fsum
from typing import Any

import pytest

from tests.build import (
    assignment_id,
    at,
    connector,
    estate,
    exemption,
    exemption_id,
    key,
    resource,
    standard_exemption,
    standard_id,
    tenant,
)
from tests.explained import explained, only, own
from tests.happenings import ANA, BEN, OTHER_ANA, PIPELINE, event, plan

BASE = estate(
    controls={"c": (10, ["a", "b"]), "d": (4, ["e"])},
    marks={
        ("st1", "a"): "Unhealthy",
        ("st2", "a"): "Unhealthy",
        ("st3", "a"): "Healthy",
        ("st10", "b"): "Healthy",
        ("vm1", "e"): "Healthy",
        ("vm2", "e"): "Unhealthy",
    },
    plans={"FoundationalCspm": "Standard", "StorageAccounts": "Free", "VirtualMachines": "Standard"},
    resources={"vm1": {}, "vm2": {}},
)
FIXED = BASE.but(marks={("st1", "a"): "Healthy"})  # its mark changed at 7
BOTH_FIXED = BASE.but(marks={("st1", "a"): "Healthy", ("st2", "a"): "Healthy"})


def who(cause: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(one["type"], one["actor"]) for one in cause["actors"]]


def test_a_write_before_the_mark_changed_names_who_fixed_it():
    cause = only(own([BASE, FIXED], event("st1", at(6))), "remediation")
    assert who(cause) == [("user", "Ana Lopez")]
    assert (cause["confidence"], cause["reason"]) == ("confirmed", "")
    (record,) = cause["evidence"]
    assert record["source"] == "event"
    assert record["time"] == "2026-03-02T12:00:00Z"
    assert record["subject"] == resource("st1")
    assert record["operation"] == "Microsoft.Storage/storageAccounts/write"
    assert record["from"] == "203.0.113.7"
    assert record["correlation"]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda: event("st1", at(7.5)), id="after the mark changed"),
        pytest.param(lambda: event("st1", at(-19)), id="more than 25 hours before"),
        pytest.param(lambda: event("st10", at(6)), id="on a resource whose name begins the same"),
        pytest.param(lambda: event("st2", at(6)), id="on another resource"),
        pytest.param(lambda: event("st1", at(6), succeeded=False), id="that failed"),
        pytest.param(lambda: event("rg", at(6)), id="on the group that it lies in"),
        pytest.param(lambda: event("st1", at(6), category="policy_state", action="state"), id="of policy's opinion"),
    ],
)
def test_nobody_is_named_for_a_write(wrong):
    cause = only(own([BASE, FIXED], wrong()), "remediation")
    assert who(cause) == [("notRecorded", None)]
    assert (cause["confidence"], cause["evidence"]) == ("inferred", [])
    assert cause["reason"]


def test_a_write_to_what_lies_in_a_resource_counts():
    cause = only(own([BASE, FIXED], event("st1/blobServices/default", at(6), by=PIPELINE)), "remediation")
    assert who(cause) == [("application", "deployments")]


def test_where_two_wrote_nobody_is_named_and_both_are_shown():
    cause = only(own([BASE, FIXED], event("st1", at(5), by=ANA), event("st1", at(6), by=BEN)), "remediation")
    assert who(cause) == [("notRecorded", None)]
    assert [one["actor"] for one in cause["evidence"]] == ["Ana Lopez", "Ben Ito"]
    assert cause["confidence"] == "inferred"
    assert "Ana Lopez and Ben Ito" in cause["reason"]


def test_a_cause_is_divided_among_those_who_fixed_its_resources():
    answer = own([BASE, BOTH_FIXED], event("st1", at(6), by=ANA), event("st2", at(6), by=BEN))
    cause = only(answer, "remediation")
    assert sorted(who(cause)) == [("user", "Ana Lopez"), ("user", "Ben Ito")]
    assert [one["share"] for one in cause["actors"]] == pytest.approx([cause["share"] / 2] * 2)
    assert fsum(one["share"] for one in cause["actors"]) == pytest.approx(cause["share"], abs=1e-12)
    assert cause["confidence"] == "confirmed"


def test_what_is_recorded_of_some_resources_is_not_said_of_all():
    cause = only(own([BASE, BOTH_FIXED], event("st1", at(6), by=ANA)), "remediation")
    assert sorted(who(cause)) == [("notRecorded", None), ("user", "Ana Lopez")]
    assert cause["confidence"] == "inferred"
    assert cause["reason"] == "on 1 of 2 resources no event tells who"


def test_two_people_of_one_name_are_two():
    cause = only(own([BASE, BOTH_FIXED], event("st1", at(6), by=ANA), event("st2", at(6), by=OTHER_ANA)), "remediation")
    assert who(cause) == [("user", "Ana Lopez"), ("user", "Ana Lopez")]
    assert len({one["id"] for one in cause["actors"]}) == 2


def test_the_actors_of_a_movement_sum_to_it():
    after = BASE.but(
        marks={("st1", "a"): "Healthy", ("st2", "a"): "Healthy", ("vm1", "e"): "Unhealthy", ("vm3", "e"): "Healthy"}
    )
    answer = own([BASE, after], event("st1", at(6)), event("vm1", at(6), by=BEN), event("vm3", at(6), by=PIPELINE))
    assert fsum(one["share"] for one in answer["actors"]) == pytest.approx(answer["movement"], abs=1e-9)
    assert {one["actor"] for one in answer["actors"]} == {"Ana Lopez", "Ben Ito", "deployments", None}


def test_events_in_any_case_order_and_number_give_the_same():
    events = [event("st1", at(6)), event("st1", at(4)), event("st2", at(6), by=BEN)]
    shouting = [*events, events[0]]
    shouting = [
        type(one)(**{f: getattr(one, f) for f in one.__slots__} | {"subject": one.subject.upper()}) for one in shouting
    ]
    one, other = (own([BASE, BOTH_FIXED], *some) for some in (events, shouting[::-1]))
    assert [who(cause) for cause in one["causes"]] == [who(cause) for cause in other["causes"]]
    assert one["actors"] == other["actors"]


# Exemptions

EXEMPT = BASE.but(
    marks={("st1", "a"): "Exempt"}, exemptions={"ex": exemption("st1", ("a",), created=at(2), by="ana@contoso.example")}
)
EX = exemption_id("ex", "st1")


def test_system_data_names_who_made_an_exemption_where_no_event_came():
    cause = only(own([BASE, EXEMPT]), "exemption_created")
    assert who(cause) == [("user", "ana@contoso.example")]
    assert cause["confidence"] == "confirmed"


def test_an_event_and_system_data_are_one_person():
    answer = own([BASE, EXEMPT], event(EX, at(2)))
    assert who(only(answer, "exemption_created")) == [("user", "Ana Lopez")]
    assert {one["source"] for one in only(answer, "exemption_created")["evidence"]} == {"event", "systemData"}


def test_who_wrote_an_exemption_later_did_not_make_it():
    cause = only(own([BASE, EXEMPT], event(EX, at(5), by=BEN)), "exemption_created")
    assert who(cause) == [("user", "ana@contoso.example")]


def test_an_exemption_at_a_management_group_is_known_from_the_list():
    made = exemption("mg:root", ("a",), created=at(2), by="ana@contoso.example")
    before = BASE.but(hours=0.1, ancestors=["root"])
    after = before.but(marks={("st1", "a"): "Exempt"}, exemptions={"ex": made})
    assert who(only(own([before, after]), "exemption_created")) == [("user", "ana@contoso.example")]


def test_a_standard_assignment_that_exempts_is_matched_too():
    made = standard_exemption("st1", "a", created=at(2), by="ana@contoso.example")
    after = BASE.but(marks={("st1", "a"): "Exempt"}, standards={"ex": made})
    cause = only(own([BASE, after], event(standard_id("ex", "st1"), at(2), by=ANA)), "exemption_created")
    assert who(cause) == [("user", "Ana Lopez")]


def test_who_deleted_an_exemption_is_named_and_who_made_it_is_not():
    before = EXEMPT.but()
    after = before.but(marks={("st1", "a"): "Unhealthy"}, exemptions={"ex": None})
    removed = only(own([before, after], event(EX, at(20), "delete", by=BEN)), "exemption_removed")
    assert who(removed) == [("user", "Ben Ito")]
    assert who(only(own([before, after]), "exemption_removed")) == [("notRecorded", None)]


def test_an_exemption_that_ran_out_is_nobodys_act():
    ending = exemption("st1", ("a",), created=at(-90), expires=at(12))
    before = BASE.but(marks={("st1", "a"): "Exempt"}, exemptions={"ex": ending})
    after = before.but(marks={("st1", "a"): "Unhealthy"})
    cause = only(own([before, after], event(EX, at(11), by=BEN)), "exemption_expired")
    assert who(cause) == [("platform", None)]
    assert cause["confidence"] == "confirmed"


# Plans, policies, connectors


def test_who_switched_a_plan_off_is_named():
    before = BASE.but()
    after = before.but(plans={"VirtualMachines": "Free"}, marks={("vm1", "e"): None, ("vm2", "e"): None})
    cause = only(own([before, after], event(plan("VirtualMachines").upper(), at(10), by=BEN)), "plan_disabled")
    assert who(cause) == [("user", "Ben Ito")]


@pytest.mark.parametrize(
    "subject", [plan("SqlServers"), plan("VirtualMachines", "22222222-2222-2222-2222-222222222222")]
)
def test_another_plan_or_subscription_tells_nothing(subject):
    before = BASE.but()
    after = before.but(plans={"VirtualMachines": "Free"}, marks={("vm1", "e"): None, ("vm2", "e"): None})
    assert who(only(own([before, after], event(subject, at(10))), "plan_disabled")) == [("notRecorded", None)]


def test_a_plan_is_switched_on_by_who_wrote_it_when_it_says_it_was_enabled():
    on = {"VirtualMachines": "Free"}
    before = BASE.but(plans=on, marks={("vm1", "e"): None, ("vm2", "e"): None})
    after = before.but(
        plans={"VirtualMachines": {"tier": "Standard", "since": at(10)}},
        marks={("vm1", "e"): "Unhealthy", ("vm2", "e"): "Unhealthy"},
    )
    subject = plan("VirtualMachines")
    cause = only(own([before, after], event(subject, at(10)), event(subject, at(12), by=BEN)), "plan_enabled")
    assert who(cause) == [("user", "Ana Lopez")]


def test_who_changed_an_assignment_switched_its_policy_off():
    after = BASE.but(marks={("st1", "a"): "OffByPolicy", ("st2", "a"): "OffByPolicy", ("st3", "a"): "OffByPolicy"})
    subject = assignment_id("SecurityCenterBuiltIn")
    assert who(only(own([BASE, after], event(subject, at(5), by=BEN)), "policy_disabled")) == [("user", "Ben Ito")]
    late = event(subject, at(7.5), by=BEN)
    assert who(only(own([BASE, after], late), "policy_disabled")) == [("notRecorded", None)]


def test_an_assignment_at_a_management_group_is_known_by_who_changed_it_last():
    inherited = {"scope": "mg:root", "parameters": {"aEffect": "AuditIfNotExists"}}
    before = BASE.but(
        ancestors=["root"], assignments={"SecurityCenterBuiltIn": None, "mcsb": inherited}, switches={"a": "aEffect"}
    )
    changed = inherited | {
        "parameters": {"aEffect": "Disabled"},
        "modified": at(13),
        "modified_by": "ben@contoso.example",
    }
    marks = dict.fromkeys([("st1", "a"), ("st2", "a"), ("st3", "a")], "OffByPolicy")
    after = before.but(assignments={"mcsb": changed}, marks=marks)
    cause = only(own([before, after]), "policy_disabled")
    assert who(cause) == [("user", "ben@contoso.example")]
    assert [one["source"] for one in cause["evidence"]] == ["lastModified"]


def test_a_connector_is_added_by_who_made_it():
    after = BASE.but(
        connectors={"conn": {"created": at(3), "by": "ana@contoso.example"}},
        marks={("aws1", "a"): "Unhealthy"},
    )
    assert who(only(own([BASE, after]), "connector_added")) == [("user", "ana@contoso.example")]
    told = own([BASE, after], event(connector(), at(3)))
    assert who(only(told, "connector_added")) == [("user", "Ana Lopez")]


# Resources


def test_the_first_write_of_a_new_resource_made_it():
    after = BASE.but(marks={("st5", "a"): "Unhealthy"}, resources={"st5": {"createdTime": at(3)}})
    later = event("st5", at(5), by=BEN)
    assert who(only(own([BASE, after], later, event("st5", at(3.05))), "resource_added")) == [("user", "Ana Lopez")]
    alone = only(own([BASE, after], later), "resource_added")
    assert who(alone) == [("notRecorded", None)], "who wrote to it hours later did not make it"
    assert alone["reason"] == "the records tell when, not who"


@pytest.mark.parametrize("subject", ["st3", "rg"])
def test_who_deleted_a_resource_or_its_group_is_named(subject):
    after = BASE.but(marks={("st3", "a"): None}, resources={"st3": None})
    assert who(only(own([BASE, after], event(subject, at(4), "delete")), "resource_deleted")) == [("user", "Ana Lopez")]


def test_deleting_something_in_a_resource_does_not_delete_it():
    after = BASE.but(marks={("st3", "a"): None}, resources={"st3": None})
    inner = event("st3/blobServices/default", at(4), "delete")
    assert who(only(own([BASE, after], inner), "resource_deleted")) == [("notRecorded", None)]


@pytest.mark.parametrize(
    ("extension", "expected"), [("MDE.Linux", [("user", "Ana Lopez")]), ("backup", [("notRecorded", None)])]
)
def test_an_agent_that_was_removed_names_who_silenced_a_machine(extension, expected):
    after = BASE.but(marks={("vm1", "e"): None})
    gone = event(f"vm1/extensions/{extension}", at(4), "delete")
    assert who(only(own([BASE, after], gone), "data_source_lost")) == expected


# The platform, and nobody


def test_what_microsoft_counts_anew_is_the_platforms():
    after = BASE.but(controls={"c": (8, ["a", "b"])})
    cause = only(own([BASE, after], event("st1", at(6))), "control_reweighted")
    assert who(cause) == [("platform", None)]


def test_what_no_mark_explains_is_nobodys():
    after = BASE.but(counts={"c": (1, 4)})
    cause = only(own([BASE, after], event("st1", at(6))), "unexplained")
    assert who(cause) == [("notRecorded", None)]


def test_what_took_marks_away_is_named_also_while_the_counts_lag():
    """The event says when something was done, not when the marks followed: the counts decide whether they show it."""
    after = BASE.but(
        marks={("st1", "a"): "Healthy", ("st3", "a"): None}, resources={"st3": None}, counts={"c": (3, 4), "d": (1, 2)}
    )
    answer = own([BASE, after], event("st3", at(5), "delete"))
    assert [one["kind"] for one in answer["pending"]] == ["resource_deleted"]
    assert who(only(answer, "remediation")) == [("notRecorded", None)]
    (who_took,) = answer["pending"][0]["actors"]
    assert (who_took["actor"], who_took["id"], who_took["address"]) == ("Ana Lopez", ANA.id, ANA.address)


def test_an_event_that_names_nobody_leaves_it_open():
    cause = only(own([BASE, FIXED], event("st1", at(6), by=None)), "remediation")
    assert who(cause) == [("notRecorded", None)]


def test_a_key_of_a_recommendation_is_no_object_that_an_event_can_be_about():
    after = BASE.but(marks={("st1", "a"): "Exempt"})
    cause = only(own([BASE, after], event("st1", at(6))), "exemption_created")
    assert cause["subject"] == key("a")
    assert who(cause) == [("notRecorded", None)]


# Whole subscriptions


OFF = {"FoundationalCspm": "Free"}
OTHER_SUB = "22222222-2222-2222-2222-222222222222"


def test_who_switched_the_score_off_and_on_is_named_in_the_tenant():
    other = estate(subscription=OTHER_SUB, controls={"c": (10, ["a"])}, marks={("st1", "a"): "Unhealthy"})
    first, second, third = BASE, BASE.but(plans=OFF, record=False), BASE.but(hours=16)
    foundation = plan("FoundationalCspm")
    events = [
        event(foundation, at(4), by=BEN),
        event(foundation, at(12)),
        event(plan("FoundationalCspm", OTHER_SUB), at(13)),
    ]
    folders = [
        tenant(one, other.but(hours=8 * n)) if n else tenant(one, other) for n, one in enumerate((first, second, third))
    ]
    gone = only(explained(folders[:2], events=events), "subscription_removed")
    assert who(gone) == [("user", "Ben Ito")]
    assert [one["operation"] for one in gone["evidence"]] == ["Microsoft.Security/pricings/write"]
    back = only(explained(folders[1:], events=events[1:]), "subscription_added")
    assert who(back) == [("user", "Ana Lopez")]
    assert who(only(explained(folders[:2]), "subscription_removed")) == [("notRecorded", None)]


def test_who_moves_a_subscription_to_another_group_is_not_who_gave_it_a_score():
    moved = BASE.but(tags={"environment": "prod"})
    other = estate(
        subscription=OTHER_SUB,
        controls={"c": (10, ["a"])},
        marks={("st1", "a"): "Unhealthy"},
        tags={"environment": "prod"},
    )
    folders = [tenant(BASE, other), tenant(moved, other.but())]
    answer = explained(folders, "tag:environment=prod", events=[event(plan("FoundationalCspm"), at(4))])
    assert who(only(answer, "subscription_added")) == [("notRecorded", None)]


# Where a name would be a guess


def test_who_edits_an_exemption_minutes_after_it_was_made_did_not_make_it():
    cause = only(own([BASE, EXEMPT], event(EX, at(2.05), by=BEN)), "exemption_created")
    assert who(cause) == [("user", "ana@contoso.example")]


def test_an_event_that_names_nobody_does_not_silence_the_record():
    cause = only(own([BASE, EXEMPT], event(EX, at(2), by=None)), "exemption_created")
    assert who(cause) == [("user", "ana@contoso.example")]
    assert cause["confidence"] == "confirmed"


def test_who_widens_an_exemption_exempted_what_it_covers_more():
    made = {"scope": "rg", "created": at(2), "by": "ana@contoso.example"}
    first = BASE.but(marks={("st1", "a"): "Exempt"}, exemptions={"ex": made | {"recs": ("a",)}})
    wider = made | {"recs": ("a", "b"), "modified": at(12), "modified_by": "ben@contoso.example"}
    second = first.but(marks={("st10", "b"): "Exempt"}, exemptions={"ex": wider})
    chain = own([BASE, first, second], event(exemption_id("ex", "rg"), at(12), by=BEN))
    assert {name for _, name in who(only(chain, "exemption_created"))} == {"ana@contoso.example", "Ben Ito"}


def test_who_cuts_an_exemption_short_ended_it():
    made = exemption("st1", ("a",), created=at(-90), expires=at(500))
    before = BASE.but(marks={("st1", "a"): "Exempt"}, exemptions={"ex": made})
    cut = made | {"expires": at(11), "modified": at(11), "modified_by": "ben@contoso.example"}
    seen = before.but(hours=8, exemptions={"ex": cut})
    after = seen.but(hours=8, marks={("st1", "a"): "Unhealthy"})
    (cause,) = [one for one in own([before, seen, after])["causes"] if one["kind"].startswith("exemption")]
    assert who(cause) == [("user", "ben@contoso.example")]


def test_who_edited_what_is_gone_did_not_remove_it():
    before = EXEMPT.but()
    after = before.but(marks={("st1", "a"): "Unhealthy"}, exemptions={"ex": None})
    edited = only(own([before, after], event(EX, at(20), by=BEN)), "exemption_removed")
    assert who(edited) == [("notRecorded", None)]


def test_who_moved_something_out_of_a_group_did_not_delete_what_is_gone():
    after = BASE.but(marks={("st3", "a"): None}, resources={"st3": None})
    moving = "Microsoft.Resources/subscriptions/resourceGroups/moveResources/action"
    moved = event("rg", at(4), "action", operation=moving)
    assert who(only(own([BASE, after], moved), "resource_deleted")) == [("notRecorded", None)]


def test_the_nearest_deletion_counts_and_none_that_a_write_follows():
    after = BASE.but(marks={("st3", "a"): None}, resources={"st3": None})
    nearest = own([BASE, after], event("st3", at(3), "delete"), event("rg", at(5), "delete", by=BEN))
    assert who(only(nearest, "resource_deleted")) == [("user", "Ana Lopez")]
    again = own([BASE, after], event("st3", at(3), "delete", by=BEN), event("st3", at(4), by=BEN))
    assert who(only(again, "resource_deleted")) == [("notRecorded", None)]


def test_a_write_a_while_after_the_making_may_be_another():
    after = BASE.but(marks={("st5", "a"): "Unhealthy"}, resources={"st5": {"createdTime": at(3)}})
    assert who(only(own([BASE, after], event("st5", at(3.4), by=BEN)), "resource_added")) == [("notRecorded", None)]


def test_records_that_give_an_id_an_address_or_both_are_one_person():
    bare = event("st1", at(5), address=None)
    whole = own([BASE, BOTH_FIXED], bare, event("st1", at(6)), event("st2", at(6), actor_id=None))
    cause = only(whole, "remediation")
    assert who(cause) == [("user", "Ana Lopez")]
    assert len(whole["actors"]) == 1


def test_an_application_of_the_name_platform_is_not_the_platform():
    after = BASE.but(marks={("st1", "a"): "Healthy"}, controls={"d": (6, ["e"])})
    rogue = event("st1", at(6), actor="platform", actor_type="Application", actor_id=None, address=None)
    assert {one["type"] for one in own([BASE, after], rogue)["actors"]} == {"application", "platform"}


def test_a_setting_of_a_server_that_another_wrote_leaves_it_open_whose_fix_a_database_got():
    database, server = resource("sql1/databases/main"), resource("sql1")
    before = estate(controls={"c": (10, ["a"])}, marks={(database, "a"): "Unhealthy", ("st1", "a"): "Healthy"})
    after = before.but(marks={(database, "a"): "Healthy"})
    setting = event(f"{server}/auditingSettings/default", at(5))
    alone = own([before, after], event(database, at(6), by=BEN))
    assert who(only(alone, "remediation")) == [("user", "Ben Ito")]
    both = own([before, after], setting, event(database, at(6), by=BEN))
    assert who(only(both, "remediation")) == [("notRecorded", None)]


def test_who_wrote_to_a_machine_is_named_without_being_sure():
    after = BASE.but(marks={("vm2", "e"): "Healthy"})
    cause = only(own([BASE, after], event("vm2", at(6))), "remediation")
    assert who(cause) == [("user", "Ana Lopez")]
    assert cause["confidence"] == "inferred"
    assert "from within" in cause["reason"]


def test_an_event_seconds_after_the_date_of_the_mark_is_of_another_clock():
    assert who(only(own([BASE, FIXED], event("st1", at(7.005))), "remediation")) == [("user", "Ana Lopez")]


# Which record is about what, where several are near


def test_what_was_deleted_for_itself_was_not_deleted_with_its_group():
    after = BASE.but(marks={("st3", "a"): None}, resources={"st3": None})
    events = event("st3", at(4), "delete", by=BEN), event("rg", at(6), "delete")
    assert who(only(own([BASE, after], *events), "resource_deleted")) == [("user", "Ben Ito")]


def test_who_removed_a_connector_did_not_delete_what_went_before():
    cloud = BASE.but(hours=0.1, connectors={"conn": {}}, marks={("aws1", "a"): "Healthy", ("aws2", "a"): "Healthy"})
    after = cloud.but(marks={("aws1", "a"): None})
    told = own([cloud, after], event(connector(), at(7), "delete"))
    assert who(only(told, "resource_deleted")) == [("notRecorded", None)]


def test_what_no_inventory_lists_was_made_before_it_was_assessed():
    after = BASE.but(marks={("subnet1", "a"): "Healthy"})  # its mark came at 7
    assert who(only(own([BASE, after], event("subnet1", at(6))), "resource_added")) == [("user", "Ana Lopez")]
    assert who(only(own([BASE, after], event("subnet1", at(7.5))), "resource_added")) == [("notRecorded", None)]


def grace(name: str) -> str:
    return f"{resource(name)}/providers/Microsoft.Security/assessments/{key('a')}/governanceAssignments/{key('g')}"


GRACED = {"governance": {("st1", "a"): {"due": at(500)}}}
NO_LONGER = {"governance": {("st1", "a"): None}}


def test_a_grace_period_that_the_counts_show_later_is_known_by_who_gave_it():
    lagging = BASE.but(**GRACED, counts={"c": (2, 4)})
    after = BASE.but(hours=16, **GRACED)
    answer = own([BASE, lagging, after], event(grace("st1"), at(2)))
    assert who(only(answer, "grace_period_started")) == [("user", "Ana Lopez")]


def test_who_gave_a_grace_period_did_not_end_it():
    before = BASE.but(hours=0.1, **GRACED)
    lagging = before.but(**NO_LONGER, counts={"c": (2, 3)})
    after = before.but(hours=16, **NO_LONGER)
    start, end = event(grace("st1"), at(-2)), event(grace("st1"), at(4), "delete", by=BEN)
    assert who(only(own([before, lagging, after], start, end), "grace_period_ended")) == [("user", "Ben Ito")]
    assert who(only(own([before, lagging, after], start), "grace_period_ended")) == [("notRecorded", None)]


def test_a_cause_that_moved_no_cell_is_nobodys_by_a_write_after_its_mark():
    bad = BASE.but(hours=0.1, marks={("st1", "b"): "Unhealthy"})
    fixed = bad.but(marks={("st1", "a"): "Healthy"})  # the other keeps the cell as it is
    cause = only(own([bad, fixed], event("st1", at(7))), "remediation")
    assert cause["share"] == 0
    assert who(cause) == [("user", "Ana Lopez")]
    assert who(only(own([bad, fixed], event("st1", at(7.5))), "remediation")) == [("notRecorded", None)]


def test_where_two_assignments_were_changed_one_event_does_not_tell_of_both():
    scopes = {"one": {"scope": resource("st1")}, "two": {"scope": resource("st2")}}
    bare = {name: more | {"parameters": {"aEffect": "AuditIfNotExists"}} for name, more in scopes.items()}
    off = {name: more | {"parameters": {"aEffect": "Disabled"}} for name, more in scopes.items()}
    before = BASE.but(hours=0.1, assignments={"SecurityCenterBuiltIn": None} | bare, switches={"a": "aEffect"})
    after = before.but(assignments=off, marks=dict.fromkeys([("st1", "a"), ("st2", "a")], "OffByPolicy"))
    first, second = (event(assignment_id(name, scope), at(4)) for name, scope in (("one", "st1"), ("two", "st2")))
    assert who(only(own([before, after], first, second), "policy_disabled")) == [("user", "Ana Lopez")]
    assert who(only(own([before, after], first), "policy_disabled")) == [("notRecorded", None)]
    alone = before.but(assignments={"one": off["one"]}, marks={("st1", "a"): "OffByPolicy"})
    assert who(only(own([before, alone], second), "policy_disabled")) == [("notRecorded", None)]


def test_who_switched_the_score_off_did_not_switch_it_on_again():
    other = estate(subscription=OTHER_SUB, controls={"c": (10, ["a"])}, marks={("st1", "a"): "Unhealthy"})
    off = BASE.but(plans=OFF, record=False)
    on = BASE.but(hours=16, plans={"FoundationalCspm": {"tier": "Standard", "since": at(12)}})
    answer = explained([tenant(off, other), tenant(on, other.but())], events=[event(plan("FoundationalCspm"), at(4))])
    assert who(only(answer, "subscription_added")) == [("notRecorded", None)]

"""What surrounds the marks has changed and they have not followed: what they will do is foretold, and comes about."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from drift.actors import Happening
from drift.adapters.evidence import open_folders
from drift.engine.accounts import Course
from drift.engine.ahead.foretelling import foretell
from drift.engine.ahead.outlook import Outlook
from drift.engine.ahead.supposing import stand
from drift.engine.comparison import compare
from drift.engine.explanation import alone
from drift.engine.head import Head, begin
from drift.model import Delta, ticks
from drift.names import Names
from tests.build import (
    BUILT_IN,
    SUB,
    T0,
    Estate,
    assignment_id,
    at,
    connector,
    estate,
    exemption,
    exemption_id,
    iso,
    key,
    mark,
    policy_id,
    resource,
    standard_exemption,
    standard_id,
)
from tests.explained import Answer, own, shares, written

BASE = estate(
    controls={"c": (10, ["a", "b"]), "d": (4, ["b"])},
    marks={
        ("vm1", "a"): "Unhealthy",
        ("vm1", "b"): "Healthy",
        ("vm2", "a"): "Healthy",
        ("vm2", "b"): "Unhealthy",
        ("vm3", "a"): "Unhealthy",
        ("vm4", "b"): "Healthy",
    },
    resources={"vm1": {}, "vm2": {}, "vm3": {}, "vm4": {}},
)
EXEMPT = BASE.but(0, marks={("vm1", "a"): "Exempt"}, exemptions={"waived": exemption("vm1", ("a",))})
TIMED = {"waived": exemption("vm1", ("a",), expires=at(7))}
AWS = BASE.but(0, connectors={"conn": {}}, marks={("aws1", "a"): "Unhealthy", ("aws1", "b"): "Unhealthy"})
TWICE = {**BASE.world.assignments, "other": {"scope": resource("vm1")}}


def foretold(answer: Answer) -> dict[tuple[str, str], float | None]:
    found = {(one["kind"], one["subject"]): one["share"] for one in answer["foretold"]}
    assert len(found) == len(answer["foretold"])
    return found


def switched(folder: Estate, rec: str, value: str | None, assignment: str = BUILT_IN) -> Estate:
    """The folder with an initiative that has a switch for a recommendation, and what an assignment sets it to."""
    new = deepcopy(folder)
    for policy in new["policy-set-definitions.json"]["value"][0]["properties"]["policyDefinitions"]:
        if policy["policyDefinitionId"] == policy_id(rec):
            policy["parameters"] = {"effect": {"value": "[parameters('switchEffect')]"}}
    for row in new[f"{SUB}/policy-assignments.json"]["value"]:
        if row["name"] == assignment and value is not None:
            row["properties"]["parameters"] = {"switchEffect": {"value": value}}
    return new


def compared(folders: Sequence[Estate], *events: Happening) -> tuple[Head, Delta]:
    with written(folders) as paths:
        opened = open_folders(paths)
        names = Names(), opened[0].recommendations.copy()
        first, second = [folder.snapshot(SUB, *names) for folder in opened]
    assert first is not None
    assert second is not None
    return compare(begin(first), second, events=events)


@dataclass(frozen=True)
class Ahead:
    """A change of context, what is expected of it, and the marks as they follow."""

    before: Estate
    context: dict[str, Any]
    cause: tuple[str, str]
    marks: dict[tuple[str, str], Any]


AHEAD = {
    "an exemption of one resource": Ahead(
        BASE,
        {"exemptions": {"new": exemption("vm1", ("a",), created=at(6))}},
        ("exemption_created", exemption_id("new", "vm1")),
        {("vm1", "a"): "Exempt"},
    ),
    "an exemption of a whole recommendation": Ahead(
        BASE,
        {"exemptions": {"new": exemption("sub", ("b",), created=at(6))}},
        ("exemption_created", exemption_id("new", "sub")),
        {("vm1", "b"): "Exempt", ("vm2", "b"): "Exempt", ("vm4", "b"): "Exempt"},
    ),
    "an exemption whose making has no date near": Ahead(
        BASE,
        {"exemptions": {"new": exemption("vm1", ("a",))}},
        ("exemption_created", exemption_id("new", "vm1")),
        {("vm1", "a"): "Exempt"},
    ),
    "an exemption by a standard assignment": Ahead(
        BASE,
        {"standards": {"new": standard_exemption("vm2", "b", created=at(6))}},
        ("exemption_created", standard_id("new", "vm2")),
        {("vm2", "b"): "Exempt"},
    ),
    "an exemption that was renewed": Ahead(
        BASE.but(0, exemptions={"waived": exemption("vm1", ("a",), expires=at(-100))}),
        {"exemptions": {"waived": exemption("vm1", ("a",), expires=at(1000))}},
        ("exemption_created", exemption_id("waived", "vm1")),
        {("vm1", "a"): "Exempt"},
    ),
    "an exemption that is gone": Ahead(
        EXEMPT,
        {"exemptions": {"waived": None}},
        ("exemption_removed", exemption_id("waived", "vm1")),
        {("vm1", "a"): "Unhealthy"},
    ),
    "an exemption that ran out": Ahead(
        EXEMPT.but(0, exemptions=TIMED),
        {},
        ("exemption_expired", exemption_id("waived", "vm1")),
        {("vm1", "a"): "Unhealthy"},
    ),
    "a resource that is gone": Ahead(
        BASE,
        {"resources": {"vm2": {"type": "microsoft.compute/disks"}, "vm1": None}},
        ("resource_deleted", resource("vm1")),
        {("vm1", "a"): None, ("vm1", "b"): None},
    ),
    "a connector that is gone": Ahead(
        AWS,
        {"connectors": {"conn": None}},
        ("connector_removed", connector()),
        {("aws1", "a"): None, ("aws1", "b"): None},
    ),
}


@pytest.mark.parametrize("name", AHEAD)
def test_what_is_foretold_comes_about_with_the_same_share(name):
    story = AHEAD[name]
    context = story.before.but(**story.context)
    followed = context.but(marks=story.marks)
    told = foretold(own([story.before, context]))
    assert list(told) == [story.cause]
    came = own([story.before, context, followed])
    causes = {(one["kind"], one["subject"]): one["share"] for one in came["causes"]}
    assert causes[story.cause] == pytest.approx(told[story.cause], abs=1e-9)
    assert abs(causes[story.cause]) > 0.1
    assert foretold(came) == {}


@pytest.mark.parametrize("name", AHEAD)
def test_it_is_foretold_for_48_hours_and_no_longer(name):
    story = AHEAD[name]
    chain = [story.before, story.before.but(**story.context)]
    chain.append(chain[-1].but(hours=39))
    assert list(foretold(own(chain))) == [story.cause]
    assert foretold(own([*chain, chain[-1].but(hours=10)])) == {}


def test_no_cause_and_nothing_pending_changes_by_what_is_foretold():
    answer = own([BASE, BASE.but(exemptions={"new": exemption("vm1", ("a",), created=at(6))})])
    assert (answer["causes"], answer["pending"], answer["movement"]) == ([], [], 0)


def test_it_is_told_since_its_own_date_and_due_a_day_later():
    (one,) = own([BASE, BASE.but(exemptions={"new": exemption("vm1", ("a",), created=at(6))})])["foretold"]
    assert (one["since"], one["due"]) == (iso(at(6)), iso(at(30)))
    assert one["title"] == "exemption “new” was created: virtual machine vm1 (Waiver)"
    (one,) = own([BASE, BASE.but(exemptions={"new": exemption("vm1", ("a",))})])["foretold"]
    assert one["since"] == iso(at(8))


def test_an_exemption_made_before_a_first_snapshot_is_foretold_by_its_date():
    new = BASE.but(0, exemptions={"new": exemption("vm1", ("a",), created=at(-5))})
    assert list(foretold(own([new, new.but()]))) == [("exemption_created", exemption_id("new", "vm1"))]
    old = BASE.but(0, exemptions={"new": exemption("vm1", ("a",), created=at(-45))})
    assert foretold(own([old, old.but()])) == {}


def test_an_exemption_of_another_initiative_foretells_nothing():
    other = {"other": {"initiative": "/providers/Microsoft.Authorization/policySetDefinitions/other"}}
    context = {"exemptions": {"new": exemption("vm1", (), assignment="other")}, "assignments": other}
    told = foretold(own([BASE, BASE.but(**context)]))
    assert not any(kind == "exemption_created" for kind, _ in told)


def test_an_exemption_that_changes_no_count_is_left_out():
    healthy_anyway = {"new": exemption("vm2", ("a",), created=at(6))}
    assert foretold(own([BASE, BASE.but(exemptions=healthy_anyway)])) == {}


def test_a_mitigated_exemption_makes_healthy_where_it_counts_so():
    base = BASE.but(
        0,
        mitigated="healthy",
        exemptions={"old": exemption("vm3", ("a",), category="Mitigated")},
        marks={("vm3", "a"): mark("Exempt", T0 - timedelta(days=9), mitigated=True)},
    )
    new = {"new": exemption("vm1", ("a",), category="Mitigated", created=at(6))}
    answer = own([base, base.but(exemptions=new)])
    before = answer["after"]["percentage"]
    follows = base.but(exemptions=new, marks={("vm1", "a"): mark("Exempt", at(7), mitigated=True)})
    assert foretold(answer) == {
        ("exemption_created", exemption_id("new", "vm1")): pytest.approx(
            own([base, follows])["after"]["percentage"] - before, abs=1e-9
        )
    }


def reasons(*folders: Estate) -> list[str]:
    """Why the shares of what is foretold are as they are, before anybody says whose doing it is."""
    after, _ = compared(folders)
    here = stand(after)
    view = Outlook(after.snapshot, here.side, here.standing, here.exemptions, after.memory, healthy_reading=False)
    return [change.reason for change in foretell(view, lambda change, _: change, here.controls)[0]]


def test_what_was_exempt_is_assumed_unhealthy_and_that_is_said():
    assert reasons(EXEMPT, EXEMPT.but(exemptions={"waived": None})) == ["assumed Unhealthy, as before it was exempted"]
    assert reasons(BASE, BASE.but(exemptions={"new": exemption("vm1", ("a",))})) == [""]


def test_why_there_is_no_share_is_said():
    off = BASE.but(0, plans={"VirtualMachines": "Free"}, assignments={BUILT_IN: None})
    plan, assignment = reasons(off, off.but(plans={"VirtualMachines": "Standard"}, assignments={"new": {}}))
    assert (
        plan
        == "which recommendations a Defender plan feeds is published nowhere: the share shows once the marks follow"
    )
    assert assignment == "what the marks will say is not known before they are there"


def test_a_mark_that_another_exemption_holds_is_not_foretold_to_count_again():
    both = EXEMPT.but(0, exemptions={"wide": exemption("sub", ("a",))})
    assert foretold(own([both, both.but(exemptions={"waived": None})])) == {}


def test_what_a_grace_period_shields_does_not_count_again():
    shielded = EXEMPT.but(0, governance={("vm1", "a"): {"due": at(500)}})
    assert foretold(own([shielded, shielded.but(exemptions={"waived": None})])) == {}


def test_a_resource_that_came_back_is_not_foretold_to_go():
    gone = BASE.but(resources={"vm1": None})
    assert foretold(own([BASE, gone, gone.but(resources={"vm1": {}})])) == {}


def test_a_resource_told_by_its_marks_alone_that_came_back_is_not_foretold_to_go():
    subnet = BASE.but(0, marks={("subnet1", "a"): "Unhealthy"})
    gone = subnet.but(marks={("subnet1", "a"): None})
    assert foretold(own([subnet, gone, gone.but(marks={("subnet1", "a"): "Unhealthy"})])) == {}


def test_several_things_share_a_cell():
    both = {
        "one": exemption("vm1", ("a",), created=at(6)),
        "two": exemption("vm1", ("b",), created=at(6)),
    }
    told = foretold(own([BASE, BASE.but(exemptions=both)]))
    follows = BASE.but(exemptions=both, marks={("vm1", "a"): "Exempt", ("vm1", "b"): "Exempt"})
    came = shares(own([BASE, follows]))
    assert {cause[1].lower(): share for cause, share in told.items()} == {
        subject: pytest.approx(share, abs=1e-9) for (_, subject, _), share in came.items()
    }


def test_it_comes_on_top_of_what_is_pending():
    waits = BASE.but(
        marks={("vm2", "b"): mark("Healthy", at(7))},
        counts={"c": (1, 4), "d": (2, 3)},
        exemptions={"new": exemption("vm1", ("a",), created=at(6))},
    )
    answer = own([BASE, waits])
    assert [one["kind"] for one in answer["pending"]] == ["remediation"]
    end = BASE.but(marks={("vm2", "b"): "Healthy", ("vm1", "a"): "Exempt"})
    goal = own([BASE, end])["after"]["percentage"] - answer["after"]["percentage"]
    ((_, share),) = foretold(answer).items()
    assert answer["pending"][0]["share"] + share == pytest.approx(goal, abs=1e-9)


# Policies


def test_a_policy_that_was_switched_off_takes_its_marks_along():
    before, after = switched(BASE, "b", "AuditIfNotExists"), switched(BASE.but(), "b", "Disabled")
    told = foretold(own([before, after]))
    follows = {("vm1", "b"): "OffByPolicy", ("vm2", "b"): "OffByPolicy", ("vm4", "b"): "OffByPolicy"}
    came = own([before, after, switched(BASE.but(16, marks=follows), "b", "Disabled")])
    (cause,) = came["causes"]
    assert told == {("policy_disabled", key("b")): pytest.approx(cause["share"], abs=1e-9)}
    assert foretold(came) == {}


def test_a_policy_switched_off_is_remembered():
    chain = [switched(BASE.but(hours, marks={}), "b", value) for hours, value in ((0, None), (8, "disabled"))]
    chain += [switched(BASE.but(16), "b", "disabled")]
    assert list(foretold(own(chain))) == [("policy_disabled", key("b"))]
    assert foretold(own([*chain, switched(BASE.but(24), "b", None)])) == {}


def test_where_an_assignment_does_not_apply_its_switch_does_nothing():
    excluded = {BUILT_IN: {"excluded": [resource("vm2"), resource("vm4")]}}
    base = BASE.but(0, assignments=excluded)
    (one,) = own([switched(base, "b", None), switched(base.but(), "b", "Disabled")])["foretold"]
    assert (one["kind"], one["resources"]) == ("policy_disabled", 1)


def test_another_assignment_that_leaves_a_policy_on_keeps_the_marks():
    base = BASE.but(0, assignments={"other": {"scope": resource("vm2")}})
    (one,) = own([switched(base, "b", None), switched(base.but(), "b", "Disabled")])["foretold"]
    assert (one["kind"], one["resources"]) == ("policy_disabled", 2)


def test_a_policy_that_was_switched_on_has_no_share():
    off = {("vm1", "b"): "OffByPolicy", ("vm2", "b"): "OffByPolicy", ("vm4", "b"): "OffByPolicy"}
    base = BASE.but(0, marks=off)
    chain = [switched(base, "b", "Disabled"), switched(base.but(), "b", "AuditIfNotExists")]
    (one,) = own(chain)["foretold"]
    assert (one["kind"], one["subject"], one["share"]) == ("policy_enabled", key("b"), None)
    assert one["title"] == "“Recommendation b”: switched on by policy, on 3 resources"
    followed = switched(base.but(16, marks=BASE.world.marks), "b", "AuditIfNotExists")
    assert foretold(own([*chain, followed])) == {}


def test_an_assignment_that_is_gone_takes_what_no_other_covers():
    context = BASE.but(0, assignments=TWICE)
    told = foretold(own([context, context.but(assignments={BUILT_IN: None})]))
    assert told.keys() == {("policy_disabled", key("a")), ("policy_disabled", key("b"))}
    kept = {at: None for at in BASE.world.marks if at[0] != "vm1"}
    end = own([context, context.but(assignments={BUILT_IN: None}, marks=kept)])
    assert sum(told.values()) == pytest.approx(end["movement"], abs=1e-9)


def test_an_assignment_that_came_has_no_share():
    base = BASE.but(0, assignments={BUILT_IN: None})
    (one,) = own([base, base.but(assignments={"new": {"created": at(5)}})])["foretold"]
    assert (one["kind"], one["subject"], one["share"]) == ("policy_enabled", assignment_id("new"), None)
    assert (one["title"], one["since"]) == ("the benchmark was assigned (new)", iso(at(5)))
    assert foretold(own([BASE, BASE.but(assignments=TWICE)])) == {}  # it covers nothing more


# Plans


@pytest.mark.parametrize(
    ("was", "now", "kind"), [("Free", "Standard", "plan_enabled"), ("Standard", "Free", "plan_disabled")]
)
def test_a_plan_that_was_switched_has_no_share_and_is_told_for_a_day(was, now, kind):
    base = BASE.but(0, plans={"VirtualMachines": was})
    chain = [base, base.but(plans={"VirtualMachines": now})]
    (one,) = own(chain)["foretold"]
    assert (one["kind"], one["subject"], one["share"], one["resources"]) == (kind, "VirtualMachines", None, 4)
    assert "plan VirtualMachines" in one["title"]
    assert foretold(own([*chain, chain[-1].but(hours=25)])) == {}
    again = foretold(own([*chain, chain[-1].but(plans={"VirtualMachines": was})]))
    assert (kind, "VirtualMachines") not in again  # it is switched the other way
    assert list(again.values()) == [None]


def test_a_plan_without_a_resource_to_protect_is_not_foretold():
    base = BASE.but(0, plans={"SqlServers": "Standard", "CloudPosture": "Standard"})
    told = own([base, base.but(plans={"SqlServers": "Free", "CloudPosture": "Free"})])["foretold"]
    assert [(one["subject"], one["title"]) for one in told] == [
        ("CloudPosture", "Defender plan CloudPosture was switched off")
    ]


# What Azure Policy found


def state(res: str, rec: str, compliance: str, hours: float, **more: str) -> Happening:
    return Happening(
        key=f"{res}{rec}{hours}",
        id="id",
        source="policy",
        time=ticks(at(hours)),
        operation="Microsoft.PolicyInsights.PolicyStateChanged",
        category="policy_state",
        action="state",
        succeeded=True,
        subscription=SUB,
        subject=resource(res).upper(),
        detail={"complianceState": compliance, "policyDefinitionId": policy_id(rec).upper(), **more},
    )


def with_events(folders: Sequence[Estate], *events: Happening) -> Answer:
    head, delta = compared(folders, *events)
    ends = [delta.before.taken_at, delta.after.taken_at]
    return alone(Course(SUB, (delta.before, head.at), (delta,)), ends)


def test_a_policy_state_that_says_the_opposite_foretells_the_mark():
    later = BASE.but()
    answer = with_events(
        [BASE, later],
        state("vm1", "a", "Compliant", 7),
        state("vm4", "b", "NonCompliant", 6),
        state("vm9", "a", "x", 7),
    )
    told = foretold(answer)
    assert told.keys() == {("remediation", key("a")), ("regression", key("b"))}
    assert {one["since"] for one in answer["foretold"]} == {iso(at(7)), iso(at(6))}
    end = own([BASE, BASE.but(marks={("vm1", "a"): "Healthy", ("vm4", "b"): "Unhealthy"})])
    assert sum(told.values()) == pytest.approx(end["movement"], abs=1e-9)


def test_of_several_states_the_last_counts():
    events = [state("vm1", "a", "Compliant", 5), state("vm1", "a", "NonCompliant", 6)]
    assert foretold(with_events([BASE, BASE.but()], *events)) == {}
    assert foretold(with_events([BASE, BASE.but()], *reversed(events))) == {}


@pytest.mark.parametrize(
    ("event", "marks"),
    [
        (state("vm1", "a", "Compliant", -41), {}),
        (state("vm1", "a", "Compliant", 5), {("vm1", "a"): mark("Unhealthy", at(6))}),
        (state("vm1", "a", "NonCompliant", 5), {}),
        (state("vm1", "a", "Conflict", 5), {}),
        (state("vm1", "a", "Compliant", 5), {("vm1", "a"): "Exempt"}),
        (state("vm7", "a", "Compliant", 5), {}),
        (state("vm1", "z", "Compliant", 5), {}),
    ],
    ids=["too old", "assessed since", "says the same", "no verdict", "exempt", "another resource", "another policy"],
)
def test_a_policy_state_that_tells_nothing_new_foretells_nothing(event, marks):
    assert foretold(with_events([BASE, BASE.but(marks=marks)], event)) == {}


def test_a_policy_state_of_another_initiative_foretells_nothing():
    other = {"other": {"initiative": "/providers/Microsoft.Authorization/policySetDefinitions/other"}}
    base = BASE.but(0, assignments=other)
    event = state("vm1", "a", "Compliant", 5, policyAssignmentId=assignment_id("other"))
    assert foretold(with_events([base, base.but()], event)) == {}
    event = state("vm1", "a", "Compliant", 5, policyAssignmentId=assignment_id())
    assert list(foretold(with_events([base, base.but()], event))) == [("remediation", key("a"))]

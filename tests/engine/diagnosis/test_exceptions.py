"""Reasons in exceptions: exempt, without effect, only planned, shielded, not counted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.build import (
    SUB,
    Estate,
    at,
    estate,
    exemption,
    exemption_id,
    mark,
    resource,
    standard_exemption,
    standard_id,
)
from tests.engine.diagnosis.asking import reasons, why
from tests.explained import own
from tests.happenings import event

CONTROLS = {"c": (10, ["a", "b", "p"]), "d": (4, ["d"]), "zero": (0, ["z"])}
BASE = estate(
    controls=CONTROLS,
    marks={
        ("vm1", "a"): "Unhealthy",
        ("vm1", "b"): "Healthy",
        ("vm2", "a"): "Unhealthy",
        ("vm3", "a"): "Healthy",
        ("vm3", "d"): "Unhealthy",
        ("vm3", "p"): "Healthy",
        ("vm4", "d"): "Healthy",
        ("vm4", "z"): "Unhealthy",
        ("vm4", "u"): "Unhealthy",
    },
    recommendations={"p": {"preview": True}, "u": {}},
)


def moves(folder: Estate, **changes: Any) -> float:
    movement = own([folder, folder.but(**changes)])["movement"]
    assert isinstance(movement, float)
    return movement


def undecided(*folders: Any, **asked: Any) -> dict[str, str]:
    return {one["reason"]: one["needs"] for one in why(*folders, **asked)["undecided"]}


# exempted

EXEMPT = BASE.but(
    0,
    marks={("vm1", "a"): "Exempt"},
    exemptions={"waived": exemption("vm1", ("a",), expires=at(99), by="ben@contoso.example")},
)


def test_what_is_exempt_moves_nothing():
    found = reasons(EXEMPT, rec="a", res="vm1")["exempted"]
    assert found["confidence"] == "confirmed"
    assert found["title"] == (
        "“Recommendation a” on virtual machine vm1 exempt by “waived” (Waiver, until 2026-03-06, made by "
        "ben@contoso.example on 2026-01-31): fixing it does not move the score"
    )
    assert found["effect"] == pytest.approx(moves(EXEMPT, marks={("vm1", "a"): "Unhealthy"}))
    assert exemption_id("waived", "vm1").lower() in found["confirm"].lower()
    assert found["resources"] == [resource("vm1")]


def test_what_is_not_exempt_or_does_not_count_anyway_is_not_told_to_be():
    assert "exempted" not in reasons(EXEMPT, rec="a", res="vm2")
    assert "exempted" not in reasons(EXEMPT, rec="b")
    assert "exempted" not in reasons(BASE, rec="a")
    preview = BASE.but(0, marks={("vm3", "p"): "Exempt"}, exemptions={"waived": exemption("vm3", ("p",))})
    assert "exempted" not in reasons(preview, rec="p")


def test_a_scope_is_kept_back_by_what_was_exempted_lately_before_what_always_was():
    late = {"waived": exemption("vm1", ("a",), created=at(-30))}
    assert next(iter(reasons(EXEMPT.but(0, exemptions=late)))) == "exempted"
    assert "exempted" in reasons(EXEMPT)


def test_an_exempt_mark_without_an_exemption_is_inferred():
    bare = EXEMPT.but(0, exemptions={"waived": None})
    assert reasons(bare, rec="a")["exempted"]["confidence"] == "inferred"
    hidden = EXEMPT.but(0, without=("policy-exemptions.json",))
    assert any("policy-exemptions.json would tell" in line for line in reasons(hidden, rec="a")["exempted"]["evidence"])


def test_names_of_the_tenant_are_one_line_and_no_part_of_a_command():
    folder = BASE.but(
        0,
        marks={("vm1", "a"): "Exempt"},
        standards={"x": standard_exemption("vm1", "a", by="a\nb\u202e`rm`")},
    )
    found = reasons(folder, rec="a")["exempted"]
    assert "a b`rm`" in found["title"]
    assert "\n" not in found["title"]
    assert "rm" not in found["confirm"].replace("Microsoft.", "").replace("microsoft.", "")


# exemption_without_effect


def useless(scope: str = "vm1", recs: tuple[str, ...] = ("a",), **options: Any) -> Estate:
    return BASE.but(0, exemptions={"waived": exemption(scope, recs, **options)})


def test_an_exemption_that_ran_out():
    late = useless(expires=at(-90))
    found = reasons(late, rec="a")["exemption_without_effect"]
    assert found["title"] == "exemption “waived” has no effect: it ran out on 2026-02-26"
    assert found["effect"] == pytest.approx(moves(BASE, marks={("vm1", "a"): "NotApplicable"}))
    assert "exemption_without_effect" not in reasons(useless(expires=at(90), created=at(-3)), rec="a")
    assert "exemption_without_effect" not in reasons(late, rec="d")
    fixed = late.but(0, marks={("vm1", "a"): "Healthy"})
    assert "exemption_without_effect" not in reasons(fixed, rec="a")


def test_an_exemption_of_another_assignment():
    assignments = {"nist": {"initiative": "/providers/Microsoft.Authorization/policySetDefinitions/nist"}}
    folder = useless(assignment="nist").but(0, assignments=assignments)
    found = reasons(folder, rec="a")["exemption_without_effect"]
    assert "it is for an assignment of another initiative" in found["title"]
    gone = reasons(useless(assignment="nist"), rec="a")["exemption_without_effect"]
    assert (gone["confidence"], "is not there" in gone["title"]) == ("confirmed", True)
    assert "exemption_without_effect" not in reasons(useless(assignment="nist"), rec="d")


def test_an_exemption_of_what_the_benchmark_does_not_have():
    wrong = useless(references=("noSuchCheck",))
    assert "none of the policies that it names" in reasons(wrong, rec="a")["exemption_without_effect"]["title"]
    assert "exemption_without_effect" not in reasons(wrong, rec="d")


def test_an_exemption_at_the_wrong_place():
    wrong = useless("vm4")
    found = reasons(wrong, rec="a")["exemption_without_effect"]
    assert "nothing in its scope" in found["title"]
    assert found["count"] == 1
    assert "exemption_without_effect" not in reasons(wrong, rec="d")
    whole = useless("vm9", ())
    assert "exemption_without_effect" not in reasons(whole, rec="a")


def test_an_exemption_that_works_or_is_on_its_way():
    assert "exemption_without_effect" not in reasons(EXEMPT, rec="a")
    assert "exemption_without_effect" not in reasons(useless(created=at(-5)), rec="a")


def test_at_a_management_group_the_reader_may_be_missing_which_is_only_inferred():
    above = useless("mg:root").but(0, ancestors=["root"])
    found = reasons(above, rec="a")["exemption_without_effect"]
    assert found["confidence"] == "inferred"
    assert "“Microsoft Azure Security Resource Provider” may not be Reader" in found["title"]


def test_what_nothing_explains_is_said_to_be_so():
    found = reasons(useless(), rec="a")["exemption_without_effect"]
    assert (found["confidence"], "nothing in the files shows why" in found["title"]) == ("inferred", True)
    chosen = reasons(useless(selectors=[{"name": "x", "selectors": []}]), rec="a")["exemption_without_effect"]
    assert (chosen["confidence"], "resource selectors" in chosen["title"]) == ("inferred", True)


def test_a_standard_exemption_that_ran_out():
    folder = BASE.but(0, standards={"x": standard_exemption("vm1", "a", expires=at(-90))})
    found = reasons(folder, rec="a")["exemption_without_effect"]
    assert standard_id("x", "vm1").lower() in found["confirm"].lower()
    assert "api-version=2024-08-01" in found["confirm"]


def test_without_the_exemptions_nobody_knows():
    hidden = BASE.but(0, without=("policy-exemptions.json", "standard-assignments.json"))
    needs = "policy-exemptions.json and standard-assignments.json"
    assert undecided(hidden)["exemption_without_effect"] == needs
    assert "exemption_without_effect" not in undecided(BASE)


# governance_only

GOVERNED = BASE.but(
    0, governance={("vm1", "a"): {"due": at(-30), "grace": False}, ("vm2", "a"): {"due": at(30), "grace": False}}
)


def test_an_owner_and_a_date_fix_nothing():
    found = reasons(GOVERNED, rec="a")["governance_only"]
    assert found["title"] == (
        "“Recommendation a” on 2 resources: ada@contoso.example is to fix it by 2026-03-01 to 2026-03-03, and nothing "
        "is fixed; a date moves no score"
    )
    assert "1 due date passed" in found["evidence"]
    assert found["effect"] == pytest.approx(moves(BASE, marks={("vm1", "a"): "Healthy", ("vm2", "a"): "Healthy"}))
    assert "/governanceAssignments?api-version=2022-01-01-preview" in found["confirm"]


def test_where_something_is_fixed_or_nothing_assigned_it_is_no_reason():
    later = GOVERNED.but(marks={("vm2", "a"): "Healthy"})
    assert "governance_only" not in reasons(GOVERNED, later, rec="a")
    assert "governance_only" not in reasons(GOVERNED, rec="d")
    assert "governance_only" not in reasons(BASE, rec="a")
    assert undecided(BASE.but(0, without=("governance-assignments.json",)))["governance_only"]


# grace_period


def test_a_grace_period_shields_and_its_fix_brings_little():
    graced = BASE.but(0, governance={("vm1", "a"): {"due": at(30)}})
    found = reasons(graced, rec="a", res="vm1")
    assert next(iter(found)) == "grace_period"
    one = found["grace_period"]
    assert "in a grace period until 2026-03-03" in one["title"]
    assert one["effect"] == pytest.approx(moves(graced, marks={("vm1", "a"): "Healthy"}), abs=1e-9)
    assert "grace_period" not in reasons(graced, rec="d")


def test_a_grace_period_that_is_over_or_of_what_is_healthy_shields_nothing():
    assert "grace_period" not in reasons(BASE.but(0, governance={("vm1", "a"): {"due": at(-3)}}), rec="a")
    assert "grace_period" not in reasons(BASE.but(0, governance={("vm3", "a"): {"due": at(30)}}), rec="a", res="vm3")
    assert "grace_period" not in reasons(GOVERNED, rec="a")
    assert undecided(BASE.but(0, without=("governance-assignments.json",)))["grace_period"]


# not_scoring


@pytest.mark.parametrize(
    ("rec", "why_not"),
    [
        ("p", "it is in preview"),
        ("u", "no control of the score lists it: it is custom, or of another standard"),
        ("z", "its control is worth no points"),
    ],
)
def test_what_does_not_count(rec, why_not):
    found = reasons(BASE, rec=rec)["not_scoring"]
    assert found["title"].endswith(f"does not count in the score: {why_not}")
    assert (found["effect"], found["confidence"]) == (0, "confirmed")
    assert found["confirm"].startswith("az security assessment-metadata show --name")


def test_what_does_not_apply_does_not_count():
    apart = BASE.but(0, marks={("vm1", "a"): "NotApplicable"})
    found = reasons(apart, rec="a", res="vm1")["not_scoring"]
    assert found["title"].endswith("not applicable there")
    assert "az security assessment show" in found["confirm"]


def test_of_a_resource_what_is_left_may_not_count():
    found = reasons(BASE, res="vm4")["not_scoring"]
    assert found["title"].startswith("2 recommendations on virtual machine vm4 do not count")


def test_what_counts_is_not_told_not_to():
    assert "not_scoring" not in reasons(BASE, rec="a")
    assert "not_scoring" not in reasons(BASE, res="vm1")
    assert "not_scoring" not in reasons(BASE)
    assert "not_scoring" not in reasons(EXEMPT, rec="a", res="vm1")


def test_a_preview_that_was_fixed_lately_is_why_a_scope_stands_still():
    later = BASE.but(marks={("vm3", "p"): mark("Healthy", at(3), at(-300))})
    assert "not_scoring" in reasons(BASE, later)
    assert "not_scoring" in reasons(BASE, later, res="vm3")


def test_a_scope_with_nothing_of_it_has_no_such_reason():
    written = [event("vm2", at(-40))]
    found = reasons(BASE, events=written, scope=SUB)
    assert not {"exempted", "exemption_without_effect", "governance_only", "grace_period", "not_scoring"} & found.keys()

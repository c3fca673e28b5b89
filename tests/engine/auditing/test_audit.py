"""What exemptions hide and are worth, each against the folder in which it is not there."""

from __future__ import annotations

import time
from copy import deepcopy
from random import Random
from typing import Any

import pytest

from drift.engine.auditing.audit import Audit, Audited, audit
from drift.model import Status
from tests.build import (
    SUB,
    Estate,
    assignment_id,
    at,
    control,
    estate,
    exemption,
    exemption_id,
    guid,
    key,
    mark,
    standard_exemption,
    standard_id,
)
from tests.engine.ahead.test_calendar import head
from tests.explained import own

BASE = estate(
    controls={"one": (10, ["a", "b", "p"]), "two": (4, ["b", "c"])},
    marks={
        ("vm1", "a"): "Exempt",
        ("vm1", "b"): "Healthy",
        ("vm2", "a"): "Healthy",
        ("vm2", "b"): "Exempt",
        ("vm3", "b"): "Healthy",
        ("vm3", "c"): "Unhealthy",
        ("vm3", "p"): "Exempt",
    },
    recommendations={"p": {"preview": True}},
    exemptions={
        "one": exemption("vm1", ("a",), expires=at(100), reason="a firewall does it"),
        "two": exemption("vm2", ("b",), expires=at(100), reason="to be replaced"),
        "seen": exemption("vm3", ("p",), expires=at(100), reason="preview"),
    },
)


def audited(*folders: Estate) -> tuple[Audit, dict[str, Audited]]:
    found = audit(head(*folders))
    return found, {row.exemption.id.rpartition("/")[2]: row for row in found.rows}


def row(folder: Estate, name: str) -> Audited:
    return audited(folder)[1][name]


def flags(folder: Estate, name: str) -> set[str]:
    return set(row(folder, name).flags)


def with_one(scope: str = "vm1", recs: tuple[str, ...] = ("a",), **options: Any) -> Estate:
    """The base with another first exemption: `x`, with nothing wrong but what the options say."""
    options = {"reason": "because", "expires": at(100)} | options
    new = {"one": None, "two": None, "seen": None, "x": exemption(scope, recs, **options)}
    return BASE.but(0, exemptions=new)


def worth_of(folder: Estate, *marks: tuple[str, str]) -> float:
    """The score with some exempt marks less the score with them Unhealthy, in pp."""
    movement = own([folder, folder.but(marks=dict.fromkeys(marks, "Unhealthy"))])["movement"]
    assert isinstance(movement, float)
    return -movement


# Points


def test_the_points_of_one_are_the_score_as_it_is_less_the_score_without_it():
    assert row(BASE, "one").points == pytest.approx(worth_of(BASE, ("vm1", "a")), abs=1e-9)
    assert row(BASE, "two").points == pytest.approx(worth_of(BASE, ("vm2", "b")), abs=1e-9)
    assert row(BASE, "one").points > 1


def test_shares_of_all_add_up_to_the_score_less_the_score_without_any():
    found, rows = audited(BASE)
    assert found.score is not None
    assert found.without is not None
    difference = 100 * (found.score - found.without)
    assert difference == pytest.approx(worth_of(BASE, ("vm1", "a"), ("vm2", "b")), abs=1e-9)
    assert sum(one.share or 0 for one in rows.values()) == pytest.approx(difference, abs=1e-9)


def test_two_on_one_resource_share_what_each_would_cost_alone():
    folder = estate(
        controls={"one": (10, ["a", "b", "c"])},
        marks={("vm1", "a"): "Exempt", ("vm1", "b"): "Exempt", ("vm1", "c"): "Healthy", ("vm2", "a"): "Unhealthy"},
        exemptions={"x": exemption("vm1", ("a",)), "y": exemption("vm1", ("b",))},
    )
    found, rows = audited(folder)
    assert (found.score, found.without) == (0.5, 0)
    assert [(one.points, one.share) for one in rows.values()] == [(50, 25), (50, 25)]


@pytest.mark.parametrize("seed", range(12))
def test_points_and_shares_hold_for_any_estate(seed):
    rng = Random(seed)
    words = ["Healthy", "Unhealthy", "Exempt", "Exempt"]
    marks = {(f"vm{at}", rec): rng.choice(words) for at in range(7) for rec in "abc"}
    marks |= {("vm8", rec): "Healthy" for rec in "abc"}
    made = {
        f"e{at}": exemption(rng.choice(["sub", "rg", "vm1", "vm2", "vm3"]), tuple(rng.sample("abc", rng.randint(0, 2))))
        for at in range(5)
    }
    folder = estate(controls={"one": (10, ["a", "b"]), "two": (4, ["b", "c"])}, marks=marks, exemptions=made)
    found, rows = audited(folder)

    def hidden(names: set[str]) -> set[tuple[str, str]]:
        return {
            place
            for place, word in marks.items()
            if word == "Exempt"
            and any(e["scope"] in ("sub", "rg", place[0]) and (place[1] in e["recs"] or not e["recs"])
                    for name, e in made.items() if name in names)
        }  # fmt: skip

    for name, one in rows.items():
        bare = hidden(set(made)) - hidden(set(made) - {name})
        assert one.marks == len(hidden({name}))
        assert one.points == pytest.approx(worth_of(folder, *bare), abs=1e-9)
    all_of_them = [place for place, word in marks.items() if word == "Exempt"]
    assert found.unmatched == len(set(all_of_them) - hidden(set(made)))
    total = sum(one.share or 0 for one in rows.values()) + (found.unmatched_share or 0)
    assert total == pytest.approx(worth_of(folder, *all_of_them), abs=1e-9)


def test_of_two_that_hide_the_same_neither_is_worth_anything_alone():
    both = BASE.but(0, exemptions={"wide": exemption("sub", ("a",), expires=at(90))})
    _, rows = audited(both)
    assert (rows["one"].points, rows["wide"].points) == (0, 0)
    assert (rows["one"].marks, rows["wide"].marks) == (1, 1)
    assert rows["one"].share == pytest.approx(audited(BASE)[1]["one"].share)
    assert rows["wide"].share == 0


def test_one_that_has_ended_keeps_nothing_exempt():
    ended = BASE.but(0, exemptions={"wide": exemption("sub", ("a",), expires=at(-90))})
    assert row(ended, "one").points == pytest.approx(row(BASE, "one").points)
    assert (row(ended, "wide").points, row(ended, "wide").marks) == (0, 0)


def test_a_mark_that_is_still_exempt_by_one_that_has_ended_is_told_by_it():
    ended = with_one(expires=at(-3))
    found, rows = audited(ended)
    assert (rows["x"].marks, found.unmatched) == (1, 1)
    assert rows["x"].points == pytest.approx(worth_of(ended, ("vm1", "a")))


def test_a_mitigated_one_takes_a_healthy_resource_where_such_count():
    folder = estate(
        controls={"one": (10, ["a", "b"])},
        mitigated="healthy",
        marks={("vm1", "a"): mark("Exempt", at(-100), mitigated=True), ("vm2", "a"): "Unhealthy"},
        exemptions={"m": exemption("vm1", ("a",), category="Mitigated")},
    )
    found, rows = audited(folder, folder.but())
    assert (found.score, found.without, rows["m"].points) == (0.5, 0, 50)


def test_under_a_mitigated_one_a_waiver_takes_the_resource_out_of_the_score():
    """A waiver on the resource goes before the group's, so that without it the resource is healthy."""
    folder = estate(
        controls={"one": (10, ["a"])},
        mitigated="healthy",
        marks={
            ("vm1", "a"): mark("Exempt", at(-100)),
            ("vm3", "a"): mark("Exempt", at(-100), mitigated=True),
            ("vm2", "a"): "Unhealthy",
        },
        exemptions={"m": exemption("sub", ("a",), category="Mitigated"), "w": exemption("vm1", ("a",))},
    )
    _, rows = audited(folder, folder.but())
    assert rows["w"].points == pytest.approx(100 * (1 / 2 - 2 / 3))
    assert rows["m"].points == pytest.approx(50)


def test_a_grace_period_shields_what_is_no_longer_exempt():
    graced = BASE.but(0, governance={("vm1", "a"): {"due": at(500)}})
    assert row(graced, "one").points == 0


def test_what_does_not_count_is_hidden_and_carries_nothing():
    one = row(BASE, "seen")
    assert (one.marks, one.counted, one.points, one.share, one.controls) == (1, 0, 0, 0, {})
    assert one.recommendations == {key("p"): 1}


def test_without_a_score_there_are_no_points():
    found, rows = audited(BASE.but(0, plans={"FoundationalCspm": "Free"}))
    assert (found.score, found.without) == (None, None)
    assert {one.points for one in rows.values()} == {None}
    assert not any(one.flags & {"matches_nothing", "new"} for one in rows.values())


# What it hides


def test_what_one_hides_is_told_by_recommendation_and_control():
    wide = with_one("rg", ())
    one = row(wide, "x")
    assert (one.marks, one.counted, one.resources) == (3, 2, 3)
    assert one.recommendations == {key("a"): 1, key("b"): 1, key("p"): 1}
    assert one.controls == {control("one"): 2, control("two"): 1}
    assert row(with_one("vm1", ()), "x").marks == 1


def test_a_standard_assignment_that_exempts_is_one_too():
    folder = BASE.but(0, exemptions={"one": None}, standards={"s": standard_exemption("sub", "a", reason="why")})
    one = row(folder, "s")
    assert one.exemption.id == standard_id("s", "sub")
    assert one.points == pytest.approx(worth_of(folder, ("vm1", "a")))
    assert one.exemption.recommendation == key("a")


def test_what_an_exemption_excludes_it_does_not_hide():
    folder = BASE.but(0, exemptions={"one": None}, standards={"s": standard_exemption("sub", "a")})
    new = deepcopy(folder)
    (standard,) = new[f"{SUB}/standard-assignments.json"]["value"]
    standard["properties"]["excludedScopes"] = [folder.world.id("vm1")]
    assert row(folder, "s").marks == 1
    assert row(new, "s").marks == 0


def test_exempt_marks_that_none_explains_are_counted_apart():
    found, rows = audited(BASE.but(0, exemptions={"one": None, "two": None, "seen": None}))
    assert (rows, found.unmatched) == ({}, 2)
    assert found.unmatched_share == pytest.approx(worth_of(BASE, ("vm1", "a"), ("vm2", "b")))
    assert audited(BASE)[0].unmatched == 0


# Owners


@pytest.mark.parametrize(
    ("scope", "changes", "owner", "tagged"),
    [
        ("vm1", {}, "ada@contoso.example", False),
        ("vm1", {"resources": {"vm1": {"tags": {"Owner": "web team"}}}}, "web team", True),
        ("vm1", {"tags": {"owner": "platform"}}, "platform", True),
        ("vm1", {"resources": {"vm1": {"tags": {"owner": "web"}}}, "tags": {"owner": "platform"}}, "web", True),
        ("sub", {"tags": {"owner": "platform"}}, "platform", True),
        ("mg:root", {"tags": {"owner": "platform"}}, "ada@contoso.example", False),
    ],
)
def test_the_owner_is_who_the_tags_say_else_who_made_it(scope, changes, owner, tagged):
    one = row(with_one(scope).but(0, **changes), "x")
    assert (one.owner, one.tagged) == (owner, tagged)
    assert "no_owner" not in one.flags


def test_an_owner_is_one_clean_line():
    hostile = with_one().but(0, resources={"vm1": {"tags": {"owner": "a\x1b[31m\nb\u202e"}}})
    assert row(hostile, "x").owner == "a[31m b"


# Flags


def nobody(folder: Estate) -> Estate:
    new = deepcopy(folder)
    for one in new[f"{SUB}/policy-exemptions.json"]["value"]:
        del one["systemData"]
    return new


def test_one_with_all_that_it_needs_has_no_flag():
    assert flags(with_one(), "x") == set()


@pytest.mark.parametrize(
    ("folder", "flag"),
    [
        (with_one(expires=at(-1)), "expired"),
        (with_one(expires=None), "no_end"),
        (nobody(with_one()), "no_owner"),
        (with_one(reason=""), "no_reason"),
        (with_one(reason=" \t"), "no_reason"),
        (with_one("vm2"), "matches_nothing"),
        (with_one("vm2", created=at(-200), modified=at(-100)), "matches_nothing"),
        (with_one("vm1", references=("nothingMonitoring",)), "matches_nothing"),
        (with_one("vm2", created=at(-3)), "new"),
        (with_one("vm2", modified=at(-3)), "new"),
        (with_one(assignment="gone"), "assignment_gone"),
        (with_one("mg:root"), "at_management_group"),
        (with_one(selectors=[{"name": "x", "selectors": []}]), "selectors_not_evaluated"),
    ],
)
def test_a_flag_that_must_match(folder, flag):
    assert flags(folder, "x") == {flag}


@pytest.mark.parametrize(
    ("folder", "flag"),
    [
        (with_one(expires=at(1)), "expired"),
        (with_one("vm2", expires=at(-1)), "matches_nothing"),
        (with_one("vm2", created=at(-3)), "matches_nothing"),
        (with_one("vm1", created=at(-3)), "new"),
        (with_one("vm2", assignment="gone"), "matches_nothing"),
        (with_one(assignment="gone").but(0, without=("policy-assignments.json",)), "assignment_gone"),
        (with_one("rg"), "at_management_group"),
        (with_one(selectors=[]), "selectors_not_evaluated"),
    ],
)
def test_a_flag_that_must_not_match(folder, flag):
    assert flag not in flags(folder, "x")


def test_an_exemption_of_another_initiative_hides_nothing():
    other = {"other": {"initiative": "/providers/Microsoft.Authorization/policySetDefinitions/" + guid("other")}}
    one = row(with_one(assignment="other").but(0, assignments=other), "x")
    assert (one.flags, one.marks, one.points) == ({"not_of_benchmark"}, 0, 0)
    assert one.exemption.assignment == assignment_id("other").lower()


def test_a_policy_is_told_by_its_own_name_where_the_initiative_is_not_at_hand():
    bare = ("policy-set-definitions.json",)
    assert row(with_one().but(0, without=bare), "x").marks == 0
    named = with_one(references=(guid(f"policy of {key('a')}"),))
    assert row(named.but(0, without=bare), "x").marks == 1


# Size


def test_two_thousand_exemptions_over_a_hundred_thousand_marks_take_two_seconds():
    recs = [f"r{at}" for at in range(50)]
    resources = [f"vm{at}" for at in range(2000)]
    marks = {
        (vm, rec): "Exempt" if (at + of) % 3 == 0 else "Healthy" if (at * of) % 5 else "Unhealthy"
        for at, vm in enumerate(resources)
        for of, rec in enumerate(recs)
    }
    made = {f"e{at}": exemption(vm, tuple(recs[at % 50 : at % 50 + 5])) for at, vm in enumerate(resources[:1900])}
    made |= {f"s{at}": exemption("sub", (recs[at % 50],)) for at in range(100)}
    controls = {f"c{at}": (10, recs[5 * at : 5 * at + 6]) for at in range(10)}
    here = head(estate(controls=controls, marks=marks, exemptions=made))
    assert (len(here.snapshot.marks), len(made)) == (100_000, 2000)
    began = time.process_time()
    found = audit(here)
    took = time.process_time() - began
    assert took < 2
    assert len(found.rows) == 2000
    assert int((here.snapshot.marks.status == Status.NOT_APPLICABLE).sum()) > 30_000
    assert exemption_id("s0") in {one.exemption.id for one in found.rows}

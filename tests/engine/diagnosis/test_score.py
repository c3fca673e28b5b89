"""Reasons in the score itself: which score, what is left, what else moved it."""

from __future__ import annotations

import pytest

from drift.diagnosing import case
from drift.engine.diagnosis.case import Asked
from drift.engine.diagnosis.question import fixed
from tests.build import SUB, at, count, estate, exemption, guid, key, mark, resource, tenant
from tests.engine.ahead.test_calendar import head
from tests.engine.diagnosis.asking import reasons, why
from tests.explained import own
from tests.happenings import event

OTHER = guid("other")
CONTROLS = {"c": (10, ["a", "b"]), "d": (4, ["d"])}
BASE = estate(
    controls=CONTROLS,
    marks={
        **{(f"vm{n}", "a"): "Unhealthy" if n < 5 else "Healthy" for n in range(1, 9)},
        **{(f"vm{n}", "b"): "Unhealthy" if n == 1 else "Healthy" for n in range(1, 9)},
        **{(f"vm{n}", "d"): "Unhealthy" if n < 3 else "Healthy" for n in range(1, 9)},
    },
    tags={"environment": "prod"},
    ancestors=["mg-prod", "mg-root"],
)
ELSEWHERE = estate(
    subscription=OTHER,
    controls=CONTROLS,
    marks={("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy", ("vm1", "d"): "Unhealthy", ("vm2", "d"): "Healthy"},
    tags={"environment": "dev"},
    ancestors=["mg-dev", "mg-root"],
)
GROUPS = {
    "management-groups.json": [
        {"subscriptionId": SUB, "ancestors": ["mg-prod", "mg-root"]},
        {"subscriptionId": OTHER, "ancestors": ["mg-dev", "mg-root"]},
    ]
}


def moves(before, **changes):
    return own([before, before.but(**changes)])["movement"]


# partially_fixed


def test_some_of_a_recommendation_is_fixed():
    later = BASE.but(marks={("vm2", "a"): "Healthy"})
    (first, *_) = why(BASE, later, rec="a")["reasons"]
    rest = {(f"vm{n}", "a"): "Healthy" for n in (1, 3, 4)}
    assert (first["reason"], first["confidence"], first["count"]) == ("partially_fixed", "confirmed", 3)
    assert first["title"] == "“Recommendation a”: 3 of 8 resources are still unhealthy"
    assert first["resources"] == [resource(f"vm{n}") for n in (1, 3, 4)]
    assert f"worth {moves(later, marks=rest):.2f} pp" in first["evidence"][0]


def test_a_resource_that_another_recommendation_keeps_unhealthy():
    later = BASE.but(marks={("vm1", "a"): "Healthy"})
    (first, *_) = why(BASE, later, rec="a", res="vm1")["reasons"]
    assert first["reason"] == "partially_fixed"
    held = "“Recommendation a” on virtual machine vm1: fixed"
    assert first["title"] == f"{held}, but “Recommendation b” keeps the same control unhealthy there"
    assert first["effect"] == pytest.approx(moves(later, marks={("vm1", "b"): "Healthy"}))
    assert key("b") in first["confirm"]


def test_both_together_are_worth_what_both_bring():
    later = BASE.but(marks={("vm1", "a"): "Healthy"})
    found = reasons(BASE, later, rec="a")["partially_fixed"]
    every = {("vm1", "b"): "Healthy", **{(f"vm{n}", "a"): "Healthy" for n in (2, 3, 4)}}
    assert found["effect"] == pytest.approx(moves(later, marks=every))


def test_a_resource_of_which_some_is_fixed():
    found = reasons(BASE, BASE.but(marks={("vm1", "a"): "Healthy"}), res="vm1")["partially_fixed"]
    assert found["title"] == "2 of 3 recommendations on virtual machine vm1 are still unhealthy"


def test_all_fixed_is_not_partly_fixed():
    later = BASE.but(marks={(f"vm{n}", rec): "Healthy" for n in range(1, 5) for rec in "ab"})
    assert "partially_fixed" not in reasons(BASE, later, rec="a")


def test_nothing_fixed_is_not_partly_fixed():
    bare = estate(controls=CONTROLS, marks={(f"vm{n}", "a"): "Unhealthy" for n in range(1, 4)})
    assert "partially_fixed" not in reasons(bare, bare.but(), rec="a")


def test_of_a_whole_scope_only_what_was_worked_on_is_partly_fixed():
    assert "partially_fixed" not in reasons(BASE, BASE.but())
    found = reasons(BASE, BASE.but(marks={("vm2", "a"): "Healthy"}))["partially_fixed"]
    assert "“Recommendation a”" in found["title"]


# ceiling

PERFECT = estate(
    controls=CONTROLS,
    marks={("vm1", "a"): "Healthy", ("vm1", "d"): "Healthy", ("vm2", "d"): "NotApplicable"},
    plans={"FoundationalCspm": "Standard", "SqlServers": "Free"},
)


def test_nothing_is_left_to_fix():
    (first, *_) = why(PERFECT)["reasons"]
    assert (first["reason"], first["effect"], first["movesBy"]) == ("ceiling", None, None)
    assert "plans that are off, and bring no recommendations: SqlServers" in first["evidence"]
    assert "1 mark not applicable: outside the score" in first["evidence"]


def test_a_recommendation_that_has_brought_all_it_can():
    assert "it has brought all it can" in reasons(PERFECT, rec="a")["ceiling"]["title"]


@pytest.mark.parametrize("asked", [{}, {"rec": "a"}, {"rec": "b"}, {"res": "vm1"}])
def test_as_long_as_something_is_unhealthy_there_is_no_ceiling(asked):
    assert "ceiling" not in reasons(BASE, **asked)


# wrong_scope


def test_a_resource_of_another_subscription():
    theirs = resource("vm1", OTHER)
    (first, *_) = why(tenant(BASE, ELSEWHERE), scope=SUB, res=theirs)["reasons"]
    assert (first["reason"], first["confidence"]) == ("wrong_scope", "confirmed")
    assert f"lies in subscription sub {OTHER[:4]}" in first["title"]
    assert OTHER in first["confirm"]


@pytest.mark.parametrize("scope", ["all", OTHER, "tag:environment=dev"])
def test_a_resource_of_the_scope_is_not_elsewhere(scope):
    assert "wrong_scope" not in reasons(tenant(BASE, ELSEWHERE), scope=scope, res=resource("vm1", OTHER))


def test_a_recommendation_that_was_fixed_in_another_subscription():
    later = tenant(BASE.but(), ELSEWHERE.but(marks={("vm1", "a"): "Healthy"}))
    (first, *_) = why(tenant(BASE, ELSEWHERE), later, scope=SUB, rec="a")["reasons"]
    assert (first["reason"], first["confidence"]) == ("wrong_scope", "inferred")
    assert first["title"].startswith(f"“Recommendation a” was fixed in subscription sub {OTHER[:4]}")
    assert first["resources"] == [resource("vm1", OTHER)]


def test_a_recommendation_that_was_fixed_here_too_is_not_elsewhere():
    fixed = {("vm2", "a"): "Healthy"}
    later = tenant(BASE.but(marks=fixed), ELSEWHERE.but(marks={("vm1", "a"): "Healthy"}))
    assert "wrong_scope" not in reasons(tenant(BASE, ELSEWHERE), later, scope=SUB, rec="a")


def test_where_somebody_wrote_to_what_is_unhealthy_it_is_not_elsewhere():
    later = tenant(BASE.but(), ELSEWHERE.but(marks={("vm1", "a"): "Healthy"}))
    events = [event("vm2", at(2))]
    assert "wrong_scope" not in reasons(tenant(BASE, ELSEWHERE), later, scope=SUB, rec="a", events=events)


def score(folder):
    return own([folder, folder.but(0.1)])["after"]["percentage"]


def test_a_figure_of_another_subscription():
    figure = round(score(ELSEWHERE), 2)
    (first, *_) = why(tenant(BASE, ELSEWHERE), scope=SUB, figure=figure)["reasons"]
    assert first["reason"] == "wrong_scope"
    assert first["title"].startswith(f"{figure:g} % is the score of subscription sub {OTHER[:4]}")


def test_a_figure_of_a_group():
    both = tenant(BASE, ELSEWHERE) | GROUPS
    weights = 8, 2
    whole = (weights[0] * score(BASE) + weights[1] * score(ELSEWHERE)) / sum(weights)
    found = reasons(both, scope=SUB, figure=round(whole, 2))["wrong_scope"]
    assert "management group mg-root" in found["title"]
    assert any("all subscriptions" in line for line in found["evidence"])


@pytest.mark.parametrize("scope", [SUB, "tag:environment=prod"])
def test_the_figure_of_the_scope_itself_is_no_reason(scope):
    found = reasons(tenant(BASE, ELSEWHERE), scope=scope, figure=round(score(BASE), 2))
    assert not {"wrong_scope", "other_score"} & set(found)


# other_score


def test_a_figure_that_is_the_score_of_nothing():
    (first, *_) = why(tenant(BASE, ELSEWHERE), scope=SUB, figure=91.37)["reasons"]
    assert (first["reason"], first["confidence"]) == ("other_score", "inferred")
    assert f"{score(BASE):.2f} %" in first["title"]


@pytest.mark.parametrize("scope", [SUB, "all"])
def test_without_a_figure_no_other_score_is_claimed(scope):
    assert "other_score" not in reasons(tenant(BASE, ELSEWHERE), scope=scope)


def test_a_figure_of_an_earlier_look_is_not_another_products():
    later = tenant(BASE.but(marks={("vm2", "a"): "Healthy"}), ELSEWHERE.but())
    assert "other_score" not in reasons(tenant(BASE, ELSEWHERE), later, scope=SUB, figure=round(score(BASE), 2))


def test_a_figure_without_decimals_is_compared_without():
    assert "other_score" not in reasons(BASE, figure=float(round(score(BASE))))


# What else moved it


def test_microsoft_changed_what_counts():
    new = {(f"vm{n}", "e"): "Unhealthy" for n in range(5, 9)}
    fixed = {(f"vm{n}", "a"): "Healthy" for n in (2, 3, 4)}
    later = BASE.but(controls={"c": (10, ["a", "b", "e"])}, marks=new | fixed)
    (first, *_) = why(BASE, later)["reasons"]
    lost = own([BASE, later])["classes"]["yardstick"]
    assert first["reason"] == "yardstick_changed"
    assert f"{lost:+.2f} pp".replace("-", "−") in first["title"]
    assert "against +" in first["title"]
    assert first["effect"] > 0
    assert key("e") in first["confirm"]
    assert {"cancelled_out", "estate_grew"}.isdisjoint(reasons(BASE, later))


def test_a_change_of_what_counts_that_raised_the_score_is_no_reason():
    later = BASE.but(controls={"c": (10, ["b"])})
    assert own([BASE, later])["classes"]["yardstick"] > 0
    assert "yardstick_changed" not in reasons(BASE, later)


def test_of_one_recommendation_only_what_happened_in_its_controls_counts():
    new = {(f"vm{n}", "e"): "Unhealthy" for n in range(3, 9)}
    later = BASE.but(controls={"d": (4, ["d", "e"])}, marks=new | {("vm2", "a"): "Healthy"})
    assert "yardstick_changed" not in reasons(BASE, later, rec="a")
    assert "yardstick_changed" in reasons(BASE, later, rec="d")


def test_the_estate_grew():
    new = {(f"vm{n}", rec): "Unhealthy" for n in range(20, 24) for rec in "abd"}
    later = BASE.but(marks=new | {("vm2", "a"): "Healthy"})
    (first, *_) = why(BASE, later)["reasons"]
    assert (first["reason"], first["count"]) == ("estate_grew", 4)
    assert first["effect"] == pytest.approx(moves(later, marks=dict.fromkeys(new, "Healthy")))


def test_new_resources_that_are_healthy_are_no_reason():
    later = BASE.but(marks={(f"vm{n}", rec): "Healthy" for n in range(20, 24) for rec in "abd"})
    assert "estate_grew" not in reasons(BASE, later)


def test_a_subscription_came_that_is_less_healthy():
    messy = ELSEWHERE.but(0, marks={("vm2", "a"): "Unhealthy", ("vm2", "d"): "Unhealthy"})
    later = tenant(BASE.but(), messy.but())
    (first, *_) = why(BASE, later)["reasons"]
    whole = 8 * score(BASE) / 10
    assert first["reason"] == "subscription_onboarded"
    assert first["title"] == f"sub {OTHER[:4]} came into the score: −{score(BASE) - whole:.2f} pp"
    assert first["subscriptions"] == [OTHER]
    assert "subscription_onboarded" not in reasons(BASE, later, scope=SUB)
    assert "subscription_onboarded" not in reasons(tenant(BASE, messy), later)


def test_gains_and_losses_of_equal_size():
    later = BASE.but(marks={("vm2", "a"): "Healthy", ("vm5", "a"): "Unhealthy"})
    (first, *_) = why(BASE, later)["reasons"]
    assert first["reason"] == "cancelled_out"
    assert first["evidence"][0].startswith("earned +")
    assert "lost −" in first["evidence"][0]


@pytest.mark.parametrize(
    "marks",
    [
        {("vm2", "a"): "Healthy"},
        {("vm5", "a"): "Unhealthy"},
        {("vm2", "a"): "Healthy", ("vm3", "a"): "Healthy", ("vm5", "a"): "Unhealthy"},
    ],
    ids=["gains", "losses", "unequal"],
)
def test_what_does_not_cancel_out(marks):
    assert "cancelled_out" not in reasons(BASE, BASE.but(marks=marks))


MANY = estate(
    controls={"c": (10, ["a"]), "d": (90, ["d"])},
    marks={("st1", "d"): "Healthy", **{(f"vm{n}", "a"): "Unhealthy" if n < 50 else "Healthy" for n in range(2500)}},
)


def test_one_of_very_many_moves_it_by_less_than_is_shown():
    later = MANY.but(marks={("vm1", "a"): "Healthy"})
    (first, *_) = why(MANY, later, rec="a")["reasons"]
    assert (first["reason"], first["confidence"]) == ("rounding", "confirmed")
    assert next(iter(reasons(MANY, later))) == "rounding"


def test_what_can_be_seen_is_not_rounded_away():
    later = MANY.but(marks={(f"vm{n}", "a"): "Healthy" for n in range(5)})
    assert "rounding" not in reasons(MANY, later, rec="a")
    assert "rounding" not in reasons(MANY, MANY.but(), rec="a")


def test_an_exemption_brings_what_it_brings_and_earns_nothing():
    later = BASE.but(
        marks={("vm2", "a"): "Exempt", ("vm5", "a"): "Unhealthy"}, exemptions={"e": exemption("vm2", ("a",))}
    )
    assert count(later.world)["c"][1] == 8
    assert "yardstick_changed" not in reasons(BASE, later)


# What was fixed


def fixed_at_one_look(**changes) -> int:
    folder = BASE.but(0, **changes)
    start = head(folder)
    return len(fixed(case(start, [], [], start.snapshot.taken_at, Asked("all"), {})))


def test_at_one_look_a_mark_that_turned_lately_is_fixed():
    assert fixed_at_one_look() == 0
    assert fixed_at_one_look(marks={("vm2", "a"): mark("Healthy", at(-60), at(-300))}) == 1
    assert fixed_at_one_look(marks={("vm2", "a"): mark("Healthy", at(-10), at(-300))}) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"marks": {("vm2", "a"): mark("Healthy", at(-24 * 9), at(-999))}},
        {"marks": {("vm2", "a"): mark("Healthy", at(-10), at(-10))}},
        {
            "marks": {("vm30", "a"): mark("Healthy", at(-60), at(-60))},
            "resources": {"vm30": {"createdTime": at(-61)}},
        },
    ],
    ids=["long ago", "new", "on a new resource"],
)
def test_at_one_look_what_is_new_or_old_is_not_fixed(changes):
    assert fixed_at_one_look(**changes) == 0

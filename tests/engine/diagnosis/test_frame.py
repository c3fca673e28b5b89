"""The frame of a diagnosis: what the answer is made of, in which order, and of several subscriptions as one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from drift.adapters.evidence import open_folders
from drift.diagnosing import case
from drift.engine.comparison import compare
from drift.engine.diagnosis import PRECEDENCE, QUESTIONS, RULES, Rule, diagnose
from drift.engine.diagnosis.case import Answer, Asked, Case, Reason, Undecided
from drift.engine.head import begin
from drift.model import ticks
from drift.names import Names
from tests.build import SUB, T0, Estate, at, estate, guid, iso, key, resource, tenant
from tests.engine.ahead.test_calendar import head
from tests.engine.diagnosis.asking import reasons, why
from tests.explained import own, written

OTHER = guid("other")
MARKS = {("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy"}
BASE = estate(controls={"c": (10, ["a"])}, marks=MARKS, tags={"environment": "prod"}, weight=30)
SECOND = estate(subscription=OTHER, controls={"c": (10, ["a"])}, marks=MARKS, weight=10)


def one_case() -> Case:
    start = head(BASE)
    return case(start, [], [], start.snapshot.taken_at, Asked("all"), {})


def says(*answers: Answer) -> list[Rule]:
    def rule(answer: Answer) -> Callable[[Case], Answer]:
        return lambda _: answer

    return [rule(answer) for answer in answers]


def named(name: str, weight: float = 0.0, **options: Any) -> Reason:
    return Reason(name, "confirmed", f"title of {name}", weight, **options)


def answered(*answers: Answer, cases: Sequence[Case] | None = None, asked: Asked | None = None) -> dict[str, Any]:
    return diagnose(cases or [one_case()], asked or Asked("all"), says(*answers))


def test_every_field_of_the_answer():
    reason = named(
        "refresh_pending",
        1.0,
        evidence=("seen",),
        action="wait",
        confirm="az",
        effect=0.5,
        moves_by=(ticks(at(1)), ticks(at(9))),
        resources=(resource("vm1"),),
        count=3,
    )
    assert answered(reason, Undecided("plan_off", "pricings.json"), asked=Asked("all", key("a"))) == {
        "scope": "all",
        "takenAt": iso(T0),
        "asked": {"recommendation": key("a"), "resource": None, "figure": None},
        "reasons": [
            {
                "reason": "refresh_pending",
                "confidence": "confirmed",
                "title": "title of refresh_pending",
                "evidence": ["seen"],
                "action": "wait",
                "confirm": "az",
                "effect": 0.5,
                "movesBy": {"earliest": iso(at(1)), "latest": iso(at(9))},
                "subscriptions": [SUB],
                "resources": [resource("vm1")],
                "count": 3,
            }
        ],
        "undecided": [{"reason": "plan_off", "needs": "pricings.json"}],
    }


def test_what_explains_most_comes_first_then_what_is_checked_first():
    found = answered(named("ceiling", 0.2), named("rounding"), named("exempted"), named("plan_off", 1.5))
    assert [one["reason"] for one in found["reasons"]] == ["plan_off", "ceiling", "exempted", "rounding"]


def test_what_is_not_known_yet_by_name_comes_last():
    found = answered(named("aliens"), named("ceiling"))
    assert [one["reason"] for one in found["reasons"]] == ["ceiling", "aliens"]


def test_nothing_found_is_an_answer():
    assert answered(None)["reasons"] == []


def weighted(folder: Estate, subscription: str) -> Case:
    with written([folder]) as paths:
        (opened,) = open_folders(paths)
        snapshot = opened.snapshot(subscription, Names(), opened.recommendations.copy())
    assert snapshot is not None
    start, _ = compare(begin(snapshot), snapshot)
    return case(start, [], [], snapshot.taken_at, Asked("all"), {})


@pytest.fixture
def two() -> list[Case]:
    return [weighted(BASE, SUB), weighted(SECOND, OTHER)]


def test_one_reason_of_several_subscriptions_is_one_row(two):
    def rule(own: Case) -> Answer:
        heavy = own.snapshot.subscription.id == SUB
        return Reason(
            "exempted",
            "confirmed" if heavy else "inferred",
            "heavy" if heavy else "light",
            4.0,
            (f"of {own.snapshot.subscription.id[:4]}",),
            effect=2.0 if heavy else 6.0,
            moves_by=(5, 9) if heavy else (3, 20),
            resources=("x",) if heavy else ("y",),
            count=2 if heavy else 1,
        )

    (row,) = diagnose(two, Asked("all"), [rule])["reasons"]
    assert row["title"] == "heavy; and in 1 more subscription"
    assert row["subscriptions"] == [SUB, OTHER]
    assert row["evidence"] == [f"of {SUB[:4]}", f"of {OTHER[:4]}"]
    assert row["effect"] == pytest.approx(0.75 * 2 + 0.25 * 6)
    assert (row["confidence"], row["resources"], row["count"]) == ("inferred", ["x", "y"], 3)
    assert row["movesBy"] == {"earliest": "1970-01-01T00:00:00Z", "latest": "1970-01-01T00:00:00Z"}


def test_weights_are_those_of_the_scope(two):
    def rule(own: Case) -> Answer:
        return named("exempted", 1.0) if own.snapshot.subscription.id == SUB else named("plan_off", 2.0)

    assert [one["reason"] for one in diagnose(two, Asked("all"), [rule])["reasons"]] == ["exempted", "plan_off"]


def test_what_several_can_not_decide_is_said_once(two):
    found = diagnose(two, Asked("all"), says(Undecided("plan_off", "pricings.json")))
    assert found["undecided"] == [{"reason": "plan_off", "needs": "pricings.json"}]


@pytest.mark.parametrize("scope", [SUB, SUB.upper(), "tag:environment=prod"])
def test_cases_outside_the_scope_give_no_answers(two, scope):
    (row,) = diagnose(two, Asked(scope), says(named("exempted", 1.0)))["reasons"]
    assert row["subscriptions"] == [SUB]


def test_a_scope_with_a_name_of_its_own_is_all_its_cases(two):
    (row,) = diagnose(two, Asked("production"), says(named("exempted", 1.0)))["reasons"]
    assert len(row["subscriptions"]) == 2


def test_a_question_about_a_resource_is_one_of_its_subscription(two):
    asked = Asked("all", resource=resource("vm1", OTHER).lower())
    (row,) = diagnose(two, asked, says(named("exempted", 1.0)))["reasons"]
    assert row["subscriptions"] == [OTHER]


def test_a_subscription_without_a_score_is_asked_too():
    unscored = weighted(BASE.but(0, plans={"FoundationalCspm": "Free"}), SUB)
    assert unscored.stand is None
    (row,) = diagnose([unscored], Asked(SUB), says(named("foundational_cspm_off")))["reasons"]
    assert row["subscriptions"] == [SUB]
    assert isinstance(diagnose([unscored], Asked(SUB))["reasons"], list)


def test_all_rules_have_a_place_and_no_two_the_same_name():
    assert len(set(PRECEDENCE)) == len(PRECEDENCE)
    assert {rule.__name__ for rule in RULES} <= set(PRECEDENCE)


def test_a_group_weighs_what_happened_by_its_parts():
    later = tenant(BASE.but(), SECOND.but(marks={("vm3", "a"): "Unhealthy"}, weight=10))
    (reason,) = [one for one in why(tenant(BASE, SECOND), later)["reasons"] if one["reason"] == "estate_grew"]
    movement = own([SECOND, SECOND.but(marks={("vm3", "a"): "Unhealthy"}, weight=10)])["movement"]
    assert reason["title"].endswith(f"{0.25 * movement:+.2f} pp".replace("-", "−"))
    assert reason["subscriptions"] == [OTHER]


def test_the_case_knows_its_time_and_its_events():
    found = one_case()
    assert (found.now, found.since, list(found.deltas), list(found.segments)) == (ticks(T0), ticks(T0), [], [])


def test_a_subscription_that_is_gone_at_the_last_look_is_not_asked():
    assert "estate_grew" not in reasons(tenant(BASE, SECOND), BASE.but())


def test_the_page_on_reasons_has_all_that_can_be_given():
    page = (Path(__file__).parents[3] / "docs" / "reasons.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[`(\w+)`\]", page, re.MULTILINE)
    questions = {name for name in PRECEDENCE if any(rule.__name__ == name for rule in (*RULES, *QUESTIONS))}
    assert len(rows) == len(set(rows))
    assert questions <= set(rows) <= set(PRECEDENCE)

"""What the division of a movement must hold for any estate: exact, the same at every level, in any order, honest."""

from __future__ import annotations

import random
from math import fsum
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.build import SUB, Estate, Folder, connector, control, estate, exemption, exemption_id, guid, key, tenant
from tests.estates import Story, make
from tests.explained import Answer, by_subscription, explained, only, own, shares, told

EXACT = 1e-9
CLASSES = {
    "earned": {"remediation"},
    "lost": {"regression"},
    "estate": {
        *("subscription_added", "subscription_removed", "connector_added", "connector_removed"),
        *("resource_added", "resource_deleted", "weight_changed"),
    },
    "yardstick": {
        *("recommendation_added", "recommendation_left_preview", "recommendation_retired"),
        *("recommendation_moved", "recommendation_reevaluated", "control_reweighted"),
    },
    "coverage": {
        *("plan_enabled", "plan_disabled", "data_source_gained", "data_source_lost"),
        *("policy_enabled", "policy_disabled"),
    },
    "accounting": {
        *("exemption_created", "exemption_expired", "exemption_removed", "grace_period_started"),
        *("grace_period_ended", "applicability_changed"),
    },
    "unexplained": {"unexplained"},
}
SCOPES = ("all", "tag:environment=prod", "mg:mg-root", "mg:mg-0")


def quick(examples: int) -> settings:
    """The same examples on each run, as many as the suite has time for."""
    return settings(max_examples=examples, deadline=None, derandomize=True)


stories = st.builds(
    make,
    st.integers(0, 10**6),
    kinds=st.integers(1, 8),
    lag=st.booleans(),
    steps=st.integers(2, 3),
    ahead=st.booleans(),
    noise=st.booleans(),
    early=st.booleans(),
)


def every_object(answer: Answer) -> list[Answer]:
    return [answer, *answer["subscriptions"]]


def scoped(story: Story, scope: str) -> list[Answer]:
    """The answer for a scope that some subscription belongs to, with its subscriptions'."""
    tags = {(n, v) for f in story for s in f["subscriptions.json"]["value"] for n, v in s["tags"].items()}
    groups = {a for f in story for row in f["management-groups.json"] for a in row["ancestors"]}
    name, _, value = scope.removeprefix("tag:").partition("=")
    if scope == "all" or (name, value) in tags or scope.removeprefix("mg:") in groups:
        return every_object(explained(story, scope))
    return []


# Exact, and consistent at every level


@quick(30)
@given(story=stories, scope=st.sampled_from(SCOPES))
def test_the_shares_sum_to_the_movement(story, scope):
    for one in scoped(story, scope):
        if one["movement"] is not None:
            assert fsum(row["share"] for row in one["causes"]) == pytest.approx(one["movement"], abs=EXACT)
            assert one["movement"] == pytest.approx(one["after"]["percentage"] - one["before"]["percentage"], abs=EXACT)


@quick(25)
@given(story=stories, scope=st.sampled_from(SCOPES))
def test_tables_by_class_by_kind_and_by_control_have_the_same_total(story, scope):
    for one in scoped(story, scope):
        by_kind = {kind: fsum(r["share"] for r in one["causes"] if r["kind"] == kind) for kind, _ in told(one)}
        assert {row["kind"]: row["share"] for row in one["summary"]} == pytest.approx(by_kind, abs=EXACT)
        by_class = {name: fsum(by_kind.get(kind, 0) for kind in kinds) for name, kinds in CLASSES.items()}
        assert {**dict.fromkeys(CLASSES, 0), **one["classes"]} == pytest.approx(by_class, abs=EXACT)
        for row in one["causes"]:
            if row["kind"] != "weight_changed":
                assert fsum(row["controls"].values()) == pytest.approx(row["share"], abs=EXACT)


@quick(10)
@given(story=stories)
def test_causes_are_sorted_by_size_and_named_once(story):
    for one in every_object(explained(story)):
        sizes = [abs(row["share"]) for row in one["causes"]]
        assert sizes == sorted(sizes, reverse=True)
        assert len(shares(one, least=0)) == len(one["causes"])


@quick(10)
@given(seed=st.integers(0, 10**6), kinds=st.integers(1, 6), lag=st.booleans())
def test_a_window_is_the_sum_of_its_segments(seed, kinds, lag):
    """Of a chain of four folders: what three add to two is the third segment's, cause by cause."""
    story = make(seed, kinds, lag=lag, steps=4)
    for upto in (3, 4):
        shorter, longer = explained(story[: upto - 1]), explained(story[:upto])
        if longer["movement"] is None:
            continue
        step = longer["after"]["percentage"] - shorter["after"]["percentage"]
        added = shares(longer, least=0)
        for cause, share in shares(shorter, least=0).items():
            added[cause] = added.get(cause, 0) - share
        assert fsum(added.values()) == pytest.approx(step, abs=EXACT)
        assert longer["movement"] == pytest.approx(shorter["movement"] + step, abs=EXACT)


def test_segments_without_memory_add_up_cause_by_cause():
    """Nothing waits and nothing is remembered: each pair of neighbours explained alone gives the chain."""
    folders = make(5, 3, steps=4, only=("remediation", "regression", "applicability_changed", "weight_changed"))
    total: dict = {}
    for at in range(3):
        for cause, share in shares(explained(folders[at : at + 2]), least=0).items():
            total[cause] = total.get(cause, 0) + share
    assert shares(explained(folders), least=0) == pytest.approx(total, abs=EXACT)


# In any order, in any spelling


def encoded(answer: Answer) -> bytes:
    return msgspec.json.encode(answer)


def shuffled(folder: Folder, rng: random.Random) -> Folder:
    """The same rows in another order, in every file."""

    def mixed(content: Any) -> Any:
        rows = content["value"] if isinstance(content, dict) and "value" in content else content
        if not isinstance(rows, list):
            return content
        rows = rng.sample(rows, len(rows))
        return {"value": rows} if isinstance(content, dict) else rows

    paths = rng.sample(sorted(folder), len(folder))
    return {path: mixed(folder[path]) for path in paths}


@quick(15)
@given(story=stories, seed=st.integers(0, 99))
def test_the_answer_is_the_same_to_the_last_byte_for_any_order_of_rows(story, seed):
    rng = random.Random(seed)
    assert encoded(explained([shuffled(f, rng) for f in story])) == encoded(explained(story))


NAMED = {"id", "Id", "name", "scope", "policyAssignmentId", "policyDefinitionId", "subscriptionId"}


def shouting(content: Any, name: str = "") -> Any:
    """Ids in capitals, but for words that are not ids (the score's record is found by its name)."""
    if isinstance(content, dict):
        return {n: shouting(value, n) for n, value in content.items()}
    if isinstance(content, list):
        return [shouting(value, name) for value in content]
    return content.upper() if name in NAMED and isinstance(content, str) else content


@quick(12)
@given(story=stories, which=st.integers(0, 2))
def test_ids_in_another_case_are_the_same_ids(story, which):
    """All folders in capitals, or only some of them."""
    other = [shouting(f) if which in (0, at % 2 + 1) else f for at, f in enumerate(story)]
    assert shares(explained(other)) == pytest.approx(shares(explained(story)), abs=EXACT)


@pytest.mark.parametrize("loud", [0, 1], ids=["before", "after"])
def test_a_control_whose_name_is_spelled_in_another_case_is_the_same_control(loud):
    folders = [BASE, BASE.but(marks={("vm20", "a"): "Unhealthy"})]
    path = f"{SUB}/secure-score-controls.json"
    spelled = [{**f, path: shouting(f[path])} if at == loud else f for at, f in enumerate(folders)]
    answer = own(spelled)
    assert shares(answer) == pytest.approx(shares(own(folders)), abs=EXACT)
    assert fsum(shares(answer).values()) == pytest.approx(answer["movement"], abs=EXACT)


# Honest for one


BASE = estate(
    controls={"c": (10, ["a", "b"]), "d": (5, ["e"]), "f": (3, ["g"])},
    marks={(f"vm{i}", "a"): "Unhealthy" if i % 3 else "Healthy" for i in range(9)}
    | {(f"vm{i}", "b"): "Healthy" for i in range(4)}
    | {("kv1", "e"): "Unhealthy", ("kv2", "e"): "Healthy", ("st1", "g"): "Healthy"},
)
SINGLE = {
    "remediation": {"marks": {("vm4", "a"): "Healthy"}},
    "regression": {"marks": {("vm3", "a"): "Unhealthy", ("vm6", "a"): "Unhealthy"}},
    "connector_added": {"connectors": {"conn": {}}, "marks": {(f"aws{i}", "a"): "Unhealthy" for i in range(9000)}},
    "resource_added": {"marks": {("vm20", "a"): "Healthy", ("vm20", "e"): "Unhealthy"}},
    "recommendation_retired": {"recommendations": {"a": None}},
    "recommendation_moved": {"controls": {"c": (10, ["a"]), "d": (5, ["e", "b"])}},
    "applicability_changed": {"marks": {("st1", "g"): "NotApplicable"}},
    "control_reweighted": {"controls": {"c": (4, ["a", "b"])}},
    "exemption_created": {
        "marks": {("vm4", "a"): "Exempt"},
        "exemptions": {"it": exemption("vm4", ("a",))},
    },
    "grace_period_started": {"governance": {("vm4", "a"): {"due": BASE.world.taken.replace(year=2030)}}},
    "unexplained": {"counts": {"c": (5, 11)}},
}


def percentage(folder: Estate) -> float:
    """Counted from the controls' answer, by hand."""
    s = x = 0.0
    for row in folder[f"{SUB}/secure-score-controls.json"]["value"]:
        p = row["properties"]
        h, n = p["healthyResourceCount"], p["healthyResourceCount"] + p["unhealthyResourceCount"]
        if n:
            m = p["definition"]["properties"]["maxScore"]
            s, x = s + m * h / n, x + m
    return 100 * s / x


@pytest.mark.parametrize(("kind", "change"), SINGLE.items(), ids=SINGLE)
def test_a_single_cause_is_given_exactly_the_counterfactual_difference(kind, change):
    after = BASE.but(**change)
    answer = own([BASE, after])
    difference = percentage(after) - percentage(BASE)
    assert abs(difference) > 0.01
    assert answer["movement"] == pytest.approx(difference, abs=EXACT)
    assert {kind: fsum(row["share"] for row in answer["causes"])} == pytest.approx({kind: difference}, abs=EXACT)
    assert {row["kind"] for row in answer["causes"]} == {kind}
    assert len(answer["causes"]) == 1


def test_a_cause_that_changed_no_cell_has_no_share():
    """vm1 is unhealthy by another recommendation as well: exempting it from one changes nothing."""
    before = BASE.but(0, marks={("vm1", "b"): "Unhealthy"})
    after = before.but(
        marks={("vm1", "b"): "Exempt", ("vm4", "a"): "Healthy"}, exemptions={"it": exemption("vm1", ("b",))}
    )
    answer = own([before, after])
    assert only(answer, "exemption_created")["share"] == 0
    assert only(answer, "remediation")["share"] == pytest.approx(answer["movement"], abs=EXACT)


def test_two_causes_that_cancel_are_both_shown_with_their_full_shares():
    after = BASE.but(marks={("vm4", "a"): "Healthy", ("vm0", "b"): "Unhealthy"})
    answer = own([BASE, after])
    one = 100 * 10 / 9 / 18
    assert answer["movement"] == pytest.approx(0, abs=EXACT)
    assert {row["kind"]: row["share"] for row in answer["causes"]} == pytest.approx(
        {"remediation": one, "regression": -one}
    )


def test_splitting_a_cause_that_shares_no_cell_leaves_the_others_alone():
    """What came as one connector comes as two: the sum is the same, and so is everybody else's share."""
    elsewhere = {("vm4", "a"): "Healthy", ("kv1", "e"): "Healthy", ("vm8", "b"): "Healthy"}

    def came(*names: str) -> dict[str, float]:
        new = [f"{connector(names[i % len(names)])}/securityentitydata/r{i}" for i in range(6)]
        connectors: dict[str, dict] = {name: {} for name in names}
        after = BASE.but(connectors=connectors, marks={(at, "a"): "Unhealthy" for at in new} | elsewhere)
        answer = own([BASE, after])
        assert len([row for row in answer["causes"] if row["kind"] == "connector_added"]) == len(names)
        return {row["kind"]: row["share"] for row in answer["summary"]}

    assert came("one", "two") == pytest.approx(came("one"), abs=EXACT)


def test_a_cell_that_two_causes_were_needed_for_is_halved_and_one_that_either_would_do_too():
    before = estate(
        controls={"c": (10, ["a", "b"])},
        marks={("vm1", "a"): "Unhealthy", ("vm1", "b"): "Unhealthy", ("vm2", "a"): "Healthy", ("vm2", "b"): "Healthy"},
        exemptions={"it": exemption("sub", ("b",))},
    )
    fixed = before.but(marks={("vm1", "a"): "Healthy", ("vm1", "b"): "Exempt"})
    subjects = {"remediation": key("a"), "exemption_created": exemption_id("it").lower()}
    assert shares(own([before, fixed])) == {(k, s, SUB): pytest.approx(25) for k, s in subjects.items()}
    broken = before.but(marks={("vm2", "a"): "Unhealthy", ("vm2", "b"): "Unhealthy"})
    assert shares(own([before, broken])) == {("regression", key(r), SUB): pytest.approx(-25) for r in "ab"}


# The edges of the arithmetic


def test_controls_that_appear_and_vanish_are_ramped_as_a_whole():
    """f empties as h fills: 3 points full give way to 6 points empty, and d halves."""
    before = BASE.but(0, controls={"h": (6, ["i"])})
    after = before.but(
        marks={("st1", "g"): "NotApplicable", ("kv2", "e"): "Unhealthy", ("vnet1", "i"): "Unhealthy"},
    )
    answer = own([before, after])
    assert answer["movement"] == pytest.approx(percentage(after) - percentage(before), abs=EXACT)
    assert fsum(shares(answer).values()) == pytest.approx(answer["movement"], abs=EXACT)
    assert set(only(answer, "applicability_changed")["controls"]) == {control("f")}
    assert set(only(answer, "resource_added")["controls"]) == {control("h")}


def test_a_control_that_the_answer_no_longer_holds_has_left():
    after = BASE.but(controls={"f": None}, marks={("vm4", "a"): "Healthy"})
    answer = own([BASE, after])
    assert told(answer) == {("recommendation_retired", key("g")), ("remediation", key("a"))}
    assert fsum(shares(answer).values()) == pytest.approx(percentage(after) - percentage(BASE), abs=EXACT)


def test_a_control_without_points_moves_nothing():
    before = BASE.but(0, controls={"z": (0, ["y"])}, marks={("vm1", "y"): "Unhealthy"})
    answer = own([before, before.but(marks={("vm1", "y"): "Healthy"})])
    assert answer["movement"] == pytest.approx(0, abs=EXACT)
    assert shares(answer) == {}


THERE = guid("there")


@quick(15)
@given(seed=st.integers(0, 10**6), weights=st.tuples(*[st.sampled_from([0, 1, 7, 5000])] * 4))
def test_weights_of_nothing_and_of_thousands_add_up_in_a_group(seed, weights):
    rng = random.Random(seed)

    def world(subscription: str, weight: int) -> Estate:
        status = {(f"vm{i}", "a"): rng.choice(["Healthy", "Unhealthy"]) for i in range(5)}
        return estate(subscription=subscription, controls={"c": (10, ["a"])}, marks=status, weight=weight)

    ends = [world(SUB, weights[0]), world(THERE, weights[1])]
    later = [
        end.but(weight=weight, marks={(f"vm{rng.randrange(7)}", "a"): rng.choice(["Healthy", "Unhealthy", None])})
        for end, weight in zip(ends, weights[2:], strict=True)
    ]
    answer = explained([tenant(*ends), tenant(*later)])
    if not (weights[0] + weights[1] and weights[2] + weights[3]):
        assert answer["movement"] is None
        return
    assert fsum(row["share"] for row in answer["causes"]) == pytest.approx(answer["movement"], abs=EXACT)
    for one in answer["subscriptions"]:
        assert fsum(row["share"] for row in one["causes"]) == pytest.approx(one["movement"], abs=EXACT)


@pytest.mark.parametrize(("few", "many"), [(1, 1000), (2, 3000)])
def test_counts_that_grow_a_thousandfold_and_shrink_again(few, many):
    small = estate(
        controls={"c": (10, ["a"]), "d": (5, ["e"])},
        marks={(f"vm{i}", "a"): "Healthy" for i in range(few)} | {("kv1", "e"): "Healthy", ("kv2", "e"): "Unhealthy"},
        connectors={"conn": {}},
    )
    grown = {(f"aws{i}", "a"): "Unhealthy" for i in range(many)}
    large = small.but(connectors={"conn": {}}, marks={**grown, ("kv2", "e"): "Healthy"})
    up, down = own([small, large]), own([large, small.but(16)])
    for answer in (up, down):
        assert fsum(row["share"] for row in answer["causes"]) == pytest.approx(answer["movement"], abs=EXACT)
    assert up["movement"] == pytest.approx(-down["movement"], abs=EXACT)
    assert only(up, "remediation")["share"] == pytest.approx(-only(down, "regression")["share"], abs=1e-7)
    assert only(up, "remediation")["share"] == pytest.approx(100 * 2.5 / 15, abs=1e-7)


@quick(12)
@given(seed=st.integers(0, 10**6), scope=st.sampled_from(["tag:environment=prod", "mg:mg-0"]))
def test_groups_whose_members_change_add_up_over_a_chain(seed, scope):
    acts = ("tags_changed", "subscription_added", "subscription_removed", "subscription_unscored", "remediation")
    story = make(seed, 3, steps=4, subscriptions=3, only=acts)
    for one in scoped(story, scope):
        if one["movement"] is not None:
            assert fsum(row["share"] for row in one["causes"]) == pytest.approx(one["movement"], abs=EXACT)


def test_a_members_share_of_the_group_is_its_own_weighted():
    """Where weights stand still, the group's shares are the subscriptions' own by weight."""
    ends = [BASE, estate(subscription=THERE, controls={"c": (10, ["a"])}, marks={("vm1", "a"): "Healthy"}, weight=30)]
    later = [BASE.but(marks={("vm4", "a"): "Healthy"}), ends[1].but()]
    answer = explained([tenant(*ends), tenant(*later)])
    weights = {
        one: ends[at][f"{one}/secure-scores.json"]["value"][0]["properties"]["weight"]
        for at, one in enumerate((SUB, THERE))
    }
    mine = shares(by_subscription(answer)[SUB])
    assert shares(answer) == {
        cause: pytest.approx(share * weights[SUB] / sum(weights.values()), abs=EXACT) for cause, share in mine.items()
    }

"""The oracle is itself held to the worked cases, and to a few answers that can be told by hand."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.build import SUB, Folder, at, control, estate, exemption, exemption_id, key, mark, resource, tenant
from tests.estates import ACTS, make
from tests.oracle import explain

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())


def load(folder: Path) -> Folder:
    return {str(file.relative_to(folder)): json.loads(file.read_text()) for file in folder.rglob("*.json")}


def by_kind_and_subject(rows: list[dict]) -> dict:
    total: Counter = Counter()
    for row in rows:
        total[row["kind"], row["subject"].lower()] += row["share"]
    return {cause: share for cause, share in total.items() if abs(share) > 1e-9}


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_a_worked_case_comes_out_as_expected(case):
    folders = sorted((f for f in case.iterdir() if f.is_dir()), key=lambda f: (f / "snapshot.json").read_text())
    expected, answer = json.loads((case / "expected.json").read_text()), explain([load(f) for f in folders])
    assert answer["movement"] == pytest.approx(expected["movement"], abs=1e-6)
    assert by_kind_and_subject(answer["causes"]) == pytest.approx(by_kind_and_subject(expected["causes"]), abs=1e-6)
    own = {s["scope"].lower(): s for s in answer["subscriptions"]}
    assert own.keys() == {s["scope"].lower() for s in expected["subscriptions"]}
    for subscription in expected["subscriptions"]:
        found = own[subscription["scope"].lower()]
        assert found["movement"] == pytest.approx(subscription["movement"], abs=1e-6)
        for what in ("causes", "pending"):
            wanted = by_kind_and_subject(subscription.get(what, []))
            assert by_kind_and_subject(found[what]) == pytest.approx(wanted, abs=1e-6)


def own(folders: list[Folder], what: str = "causes") -> dict:
    (subscription,) = explain(folders)["subscriptions"]
    return {(row["kind"], row["subject"]): pytest.approx(row["share"], abs=1e-9) for row in subscription[what]}


def two_on_a_cell(a: str, b: str, other: str = "Healthy") -> Folder:
    return estate(
        controls={"c": (10, ["a", "b"])},
        marks={("vm1", "a"): a, ("vm1", "b"): b, ("vm2", "a"): other},
        exemptions={"waived": exemption("vm1", ("b",))},
    )


def test_the_remediation_owns_a_cell_whose_other_mark_was_healthy():
    before = two_on_a_cell("Unhealthy", "Healthy")
    after = before.but(marks={("vm1", "a"): "Healthy", ("vm1", "b"): "Exempt"})
    exempted = ("exemption_created", exemption_id("waived", resource("vm1")))
    assert own([before, after]) == {("remediation", key("a")): 50, exempted: 0}


def test_two_causes_that_were_both_needed_share_a_cell():
    before = two_on_a_cell("Unhealthy", "Unhealthy")
    after = before.but(marks={("vm1", "a"): "Healthy", ("vm1", "b"): "Exempt"})
    exempted = ("exemption_created", exemption_id("waived", resource("vm1")))
    assert own([before, after]) == {("remediation", key("a")): 25, exempted: 25}


def test_a_single_cause_owns_the_difference_also_where_a_thousand_resources_come():
    """One healthy of one becomes one of a thousand."""
    marks = {(resource("vm0"), "a"): "Healthy"}
    before = estate(controls={"c": (10, ["a"]), "d": (5, ["b"])}, marks=marks | {("kv1", "b"): "Healthy"})
    after = before.but(connectors={"conn": {}}, marks={(f"aws{i}", "a"): "Unhealthy" for i in range(999)})
    ((_, share),) = own([before.but(0), after]).items()
    assert share == pytest.approx((10 / 1000 + 5) / 15 * 100 - 100, abs=1e-9)


def test_what_the_counts_lack_is_pending_and_then_settled_when_they_show_it():
    before = two_on_a_cell("Unhealthy", "Healthy", other="Unhealthy")
    lagging = before.but(marks={("vm1", "a"): "Healthy"}, counts={"c": (0, 2)})
    caught_up = lagging.but(counts={"c": None})
    assert own([before, lagging]) == {}
    assert own([before, lagging], "pending") == {("remediation", key("a")): 50}
    assert own([before, lagging, caught_up]) == {("remediation", key("a")): 50}
    assert own([before, lagging, caught_up], "pending") == {}


def test_what_the_counts_lack_for_more_than_a_day_is_unexplained():
    before = two_on_a_cell("Unhealthy", "Healthy")
    lagging = before.but(marks={("vm1", "a"): "Healthy"}, counts={"c": (1, 2)})
    late = [before, lagging, lagging.but(hours=26)]
    assert own(late) == {("remediation", key("a")): 50, ("unexplained", control("c")): -50}


def test_a_mark_that_goes_back_while_it_is_pending_is_nobodys_cause():
    before = two_on_a_cell("Unhealthy", "Healthy")
    lagging = before.but(marks={("vm1", "a"): "Healthy"}, counts={"c": (1, 2)})
    back = lagging.but(marks={("vm1", "a"): "Unhealthy"})
    assert own([before, lagging, back]) == own([before, lagging, back], "pending") == {}


def test_a_first_snapshot_whose_counts_are_behind_has_its_latest_marks_pending():
    first = two_on_a_cell("Unhealthy", "Healthy").but(
        0, marks={("vm1", "a"): mark("Healthy", at(-2), at(-900))}, counts={"c": (1, 2)}
    )
    assert own([first, first.but(counts={"c": None})]) == {("remediation", key("a")): 50}


def test_a_resource_is_remembered_until_its_marks_come():
    before = two_on_a_cell("Healthy", "Healthy")
    there = before.but(resources={"kv1": {}})
    assessed = there.but(marks={("kv1", "a"): "Unhealthy"})
    late = there.but(hours=49).but(marks={("kv1", "a"): "Unhealthy"})
    fell = pytest.approx(200 / 3 - 100)
    assert own([before, there, assessed]) == {("resource_added", resource("kv1")): fell}
    assert own([before, there, there.but(hours=49), late]) == {("data_source_gained", resource("kv1")): fell}


def test_a_subscription_that_brings_weight_owns_its_pull_on_the_tenant():
    here = two_on_a_cell("Healthy", "Healthy")
    there = estate(subscription=SUB.replace("1", "2"), controls={"c": (10, ["a"])}, marks={("vm1", "a"): "Unhealthy"})
    answer = explain([here, tenant(here.but(), there.but())])
    (cause,) = answer["causes"]
    assert (cause["kind"], cause["share"]) == ("subscription_added", pytest.approx(200 / 3 - 100))


@pytest.mark.parametrize("options", [{}, {"lag": True}, {"noise": True}, {"ahead": True, "steps": 3}, {"mass": True}])
def test_shares_add_up_and_only_lag_or_noise_leaves_something_unexplained(options):
    for seed in range(8):
        folders = make(seed, kinds=6, **options)
        for scope in ("all", "tag:environment=prod"):
            answer = explain(folders, scope)
            for one in [answer, *answer["subscriptions"]]:
                if one["movement"] is not None:
                    assert sum(row["share"] for row in one["causes"]) == pytest.approx(one["movement"], abs=1e-9)
                if not options.keys() & {"lag", "noise"}:
                    assert not one["pending"]
                    assert "unexplained" not in {row["kind"] for row in one["causes"]}


def test_every_act_can_happen_and_every_kind_of_cause_comes_of_it():
    done, found = set(), set()
    for seed in range(30):
        folders = make(seed, kinds=9, noise=seed % 4 == 0)
        done |= {act.kind for act in folders.acts}
        found |= {row["kind"] for row in explain(folders)["causes"]}
    told_otherwise = {"subscription_unscored", "tags_changed"}
    assert done == set(ACTS)
    assert found >= set(ACTS) - told_otherwise | {"unexplained"}

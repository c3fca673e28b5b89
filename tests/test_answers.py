"""What is answered of where chains stand, over a real store: the same as of folders, however many there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from drift import answers
from drift.adapters.store import Store
from drift.auditing import coverage_in, exemptions_in
from drift.diagnosing import asked_for, diagnose_folders
from drift.engine.segments import iso
from drift.history import History, NothingKnownError, UnknownScopeError
from drift.model import HOUR, ticks
from drift.plans import plan_in
from tests.build import SUB, T0, Estate, Folder, at, count, estate, exemption, guid, key, resource, tenant, write
from tests.filled import SCOPES, Filled
from tests.happenings import event
from tests.watched import Watch

MARKS = {("vm1", "a"): "Unhealthy", ("vm2", "a"): "Unhealthy", ("vm3", "a"): "Healthy", ("st1", "b"): "Healthy"}
CONTROLS = {"c": (10, ["a"]), "d": (4, ["b"])}
OTHER, THIRD = guid("other"), guid("third")


@pytest.fixture
def watch(storage: str, tmp_path: Path) -> Watch:
    return Watch(storage, tmp_path)


def history(watch: Watch) -> History:
    return History(watch.store, watch.settings.groups)


def small(**more: Any) -> Estate:
    return estate(controls=CONTROLS, marks=MARKS, **more)


def plan(asked: History, scope: str, **more: Any) -> dict[str, Any]:
    """The plan to 90 %."""
    return answers.plan(asked, scope, 90.0, **more)


def names(found: dict[str, Any]) -> list[str]:
    return [one["reason"] for one in found["reasons"]]


def lagging() -> list[Folder]:
    """A fix that is counted, and one that is not."""
    first = small()
    second = first.but(marks={("vm1", "a"): "Healthy"})
    return [first, second, second.but(marks={("vm2", "a"): "Healthy"}, counts=count(second.world))]


def seen(watch: Watch, folders: list[Folder]) -> None:
    for folder in folders:
        watch.see(folder)


# The same as of folders


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"recommendation": key("a")},
        {"resource": resource("vm2").lower()},
        {"figure": 12.34},
        {"recommendation": key("a"), "resource": resource("vm1").lower()},
    ],
)
def test_a_diagnosis_is_that_of_the_folders(watch, tmp_path, asked):
    folders = lagging()
    seen(watch, folders)
    paths = [write(one, tmp_path / f"folder{number}") for number, one in enumerate(folders)]
    expected = diagnose_folders(paths, asked_for(SUB, **asked))
    found = answers.diagnosis(history(watch), SUB, since=ticks(T0), **asked)
    assert found.pop("notes") == []
    assert found == expected
    assert found["reasons"]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(
    ("ask", "of_folder", "wish"),
    [
        (answers.exemptions, exemptions_in, {}),
        (answers.coverage, coverage_in, {}),
        (answers.plan, plan_in, {"target": 90.0}),
        (answers.plan, plan_in, {"target": 80.0, "effort": "moderate", "by": "risk"}),
    ],
)
def test_exemptions_coverage_and_plans_are_those_of_the_folders(filled: Filled, scope, ask, of_folder, wish):
    asked = {"order" if name == "by" else name: value for name, value in wish.items()}
    found = ask(filled.history, scope, **asked)
    expected = of_folder(filled.folders[-1], SCOPES[scope], progress=lambda *_: None, **wish)
    assert rounded(found | {"scope": ""}) == rounded(expected | {"scope": ""})


def rounded(found: Any) -> Any:
    """Figures as far as the order of summation does not matter."""
    if isinstance(found, dict):
        return {name: rounded(one) for name, one in found.items()}
    if isinstance(found, list):
        return [rounded(one) for one in found]
    return round(found, 9) if isinstance(found, float) else found


def test_a_group_is_asked_about_by_its_name(watch):
    other = small(subscription=OTHER)
    watch.see(tenant(small(tags={"environment": "prod"}), other))
    watch.see(tenant(small(tags={"environment": "prod"}).but(8), other.but(8, marks={("vm1", "a"): "Healthy"})))
    for ask in (answers.diagnosis, plan, answers.exemptions, answers.coverage):
        assert ask(history(watch), "PROD")["scope"] == "prod"
    inside = answers.coverage(history(watch), "prod")["subscriptions"]
    assert [one["id"] for one in inside] == [SUB]
    assert answers.coverage(history(watch), "all")["total"]["subscriptions"] == 2


# Since when, and until when


def test_an_answer_is_of_the_last_look_though_nothing_changed_in_it(watch):
    folder = small()
    for hours in (0, 8, 30):
        watch.see(folder.but(hours) if hours else folder)
    for ask in (answers.diagnosis, plan, answers.exemptions, answers.coverage):
        assert ask(history(watch), SUB)["takenAt"] == iso(ticks(at(30)))


def test_what_happened_after_the_last_change_is_heard_of(watch):
    folder = small()
    watch.see(folder)
    watch.see(folder.but(8, marks={("vm3", "a"): "Unhealthy"}))
    watch.see(folder.but(8, marks={("vm3", "a"): "Unhealthy"}).but(2))
    before = answers.diagnosis(history(watch), SUB, resource=resource("vm1").lower())
    watch.store.record(event("vm1/extensions/AzureMonitorLinuxAgent", at(9)))
    after = answers.diagnosis(history(watch), SUB, resource=resource("vm1").lower())
    assert "refresh_pending" not in names(before)
    assert "refresh_pending" in names(after)


def test_what_moved_before_the_time_asked_about_is_no_reason(watch):
    first = small()
    second = first.but(marks={("vm1", "a"): "Healthy", ("vm3", "a"): "Unhealthy"})
    seen(watch, [first, second, second.but(200)])
    every = answers.diagnosis(history(watch), SUB, since=ticks(T0))
    lately = answers.diagnosis(history(watch), SUB)  # the seven days before the last look
    assert "cancelled_out" in names(every)
    assert "cancelled_out" not in names(lately)


def test_of_very_many_movements_the_newest_are_looked_at_and_that_is_said(watch, monkeypatch):
    first = small()
    second = first.but(marks={("vm1", "a"): "Healthy"})
    seen(watch, [first, second, second.but(marks={("vm3", "a"): "Unhealthy"})])
    assert "cancelled_out" in names(answers.diagnosis(history(watch), SUB))
    monkeypatch.setattr(answers, "LONGEST", 1)
    found = answers.diagnosis(history(watch), SUB)
    assert "cancelled_out" not in names(found)
    assert found["notes"] == ["in 1 subscription movements are left out: the newest 1 are looked at"]


# Elsewhere


def test_a_fix_in_a_subscription_outside_is_found(watch):
    other = small(subscription=OTHER)
    watch.see(tenant(small(), other))
    watch.see(tenant(small().but(8), other.but(8, marks={("vm1", "a"): "Healthy"})))
    found = answers.diagnosis(history(watch), SUB, recommendation=key("a"))
    (reason,) = [one for one in found["reasons"] if one["reason"] == "wrong_scope"]
    assert reason["subscriptions"] == [OTHER]
    assert "wrong_scope" not in names(answers.diagnosis(history(watch), "all", recommendation=key("a")))


def test_a_figure_that_is_the_score_of_another_subscription_is_found(watch):
    other = estate(subscription=OTHER, controls={"c": (10, ["a"])}, marks={("vm1", "a"): "Healthy"})
    watch.see(tenant(small(), other))
    found = answers.diagnosis(history(watch), SUB, figure=100.0)
    assert found["reasons"][0]["reason"] == "wrong_scope"


def test_what_is_absent_is_what_others_have(watch):
    marks = {("vm1", "a"): "Healthy", ("vm2", "a"): "Healthy"}
    bare = estate(controls={"c": (10, ["a", "b"])}, marks=marks, plans={"VirtualMachines": "Free"})
    rich = {**marks, ("vm1", "b"): "Unhealthy", ("vm2", "b"): "Healthy"}
    full = estate(
        subscription=OTHER, controls={"c": (10, ["a", "b"])}, marks=rich, plans={"VirtualMachines": "Standard"}
    )
    watch.see(tenant(bare, full))
    assert [one["recommendation"] for one in answers.coverage(history(watch), SUB)["absent"]] == [key("b")]
    assert answers.coverage(history(watch), OTHER)["absent"] == []


# How much is read


def three(hours: float | None = None) -> Folder:
    marks = {("vm1", "a"): "Unhealthy", ("st1", "b"): "Healthy"}
    every = [small(), small(subscription=OTHER), estate(subscription=THIRD, controls=CONTROLS, marks=marks)]
    return tenant(*(one if hours is None else one.but(hours) for one in every))


def test_of_a_large_group_the_heaviest_are_looked_at_and_that_is_said(watch):
    watch.see(three())
    points = answers.reach(history(watch), "all").points
    lightest = min(points, key=lambda one: points[one].weight)
    for ask in (answers.exemptions, answers.coverage, answers.diagnosis, plan):
        found = ask(history(watch), "all", most=2)
        assert found["notes"][-1] == "only the 2 heaviest subscriptions are looked at: 1 more is not"
        assert not any("heaviest" in note for note in ask(history(watch), "all")["notes"])
    shown = answers.coverage(history(watch), "all", most=2)["subscriptions"]
    assert {one["id"] for one in shown} == set(points) - {lightest}


def test_few_are_held_at_a_time(watch, monkeypatch):
    watch.see(three())
    loaded: list[str] = []

    class Counting(Store):
        def load(self, name: str, kind: Any) -> Any:
            loaded.append(name)
            return super().load(name, kind)

    monkeypatch.setattr(answers, "ABREAST", 1)
    found = answers.heads(Counting(watch.storage), [SUB, OTHER, THIRD])
    for number in (1, 2, 3):
        next(found)
        assert len(loaded) == number


def test_a_chain_that_is_no_more_is_left_out(watch):
    watch.see(small())
    assert [head.snapshot.subscription.id for head in answers.heads(watch.store, [OTHER, SUB])] == [SUB]


# Nothing to answer


def test_an_unknown_scope_is_unknown(watch):
    watch.see(small())
    for ask in (answers.diagnosis, plan, answers.exemptions, answers.coverage):
        for scope in ("nobody", OTHER):
            with pytest.raises(UnknownScopeError):
                ask(history(watch), scope)


def test_of_a_group_that_was_not_rolled_up_nothing_is_known(watch):
    watch.see(small(), roll_up=False)
    for ask in (answers.diagnosis, plan, answers.exemptions, answers.coverage):
        with pytest.raises(NothingKnownError):
            ask(history(watch), "prod")
        assert ask(history(watch), SUB)["takenAt"] == iso(ticks(T0))


def test_a_group_without_subscriptions_has_no_reasons(watch):
    watch.see(small())
    found = answers.diagnosis(history(watch), "prod", figure=50.0)
    assert (found["scope"], found["reasons"], found["takenAt"]) == ("prod", [], iso(ticks(T0)))
    assert found["asked"]["figure"] == 50.0
    assert answers.exemptions(history(watch), "prod")["value"] == []
    assert answers.coverage(history(watch), "prod")["subscriptions"] == []


def test_a_subscription_without_a_score_is_answered(watch):
    folder = small(exemptions={"waived": exemption("vm1", ("a",))})
    watch.see(folder)
    watch.see(folder.but(plans={"FoundationalCspm": "Free"}))
    (one,) = answers.coverage(history(watch), SUB)["subscriptions"]
    assert not one["scored"]
    assert answers.exemptions(history(watch), SUB)["score"] is None
    assert (plan(history(watch), SUB)["now"], plan(history(watch), SUB)["steps"]) == (None, [])
    assert answers.diagnosis(history(watch), SUB)["scope"] == SUB


# The digest


WHY = "Why it stands still"
NEW = {name: {"createdTime": at(4)} for name in ("vm7", "vm8")}


@pytest.fixture
def quiet(storage: str, tmp_path: Path) -> Watch:
    """One that leaves all to the digest."""
    return Watch(storage, tmp_path, DRIFT_ANNOUNCE_PP="99")


def test_the_digest_says_why_the_score_stands_still_though_people_worked(quiet):
    first = small()
    grown = {("vm1", "a"): "Healthy", ("vm7", "a"): "Unhealthy", ("vm8", "a"): "Unhealthy"}
    seen(quiet, [first, first.but(marks=grown, resources=NEW)])
    said = quiet.digest()
    at_ = said.index(WHY)
    assert said[at_ + 1].startswith("1. ")
    assert quiet.digest() == []


def test_the_digest_does_not_ask_why_where_work_shows(quiet):
    first = small()
    seen(quiet, [first, first.but(marks={("vm1", "a"): "Healthy"})])
    said = quiet.digest()
    assert said
    assert WHY not in said


def test_the_digest_does_not_ask_why_where_nobody_gained_anything(quiet):
    first = small()
    seen(quiet, [first, first.but(marks={("vm3", "a"): "Unhealthy"})])
    said = quiet.digest()
    assert said
    assert WHY not in said


def test_what_was_done_before_the_digests_time_is_no_question_of_it(quiet):
    first = small()
    second = first.but(marks={("vm1", "a"): "Healthy"})
    seen(quiet, [first, second])
    assert quiet.digest()
    seen(quiet, [second.but(marks={("vm3", "a"): "Unhealthy"})])
    said = quiet.digest()
    assert said
    assert WHY not in said


def test_reasons_on_the_digest_are_text(quiet):
    first = small()
    hostile = "[prod](http://evil.example) <at>all</at> **bold**"
    first["subscriptions.json"]["value"][0]["displayName"] = hostile
    grown = {("vm1", "a"): "Healthy", ("vm7", "a"): "Unhealthy", ("vm8", "a"): "Unhealthy"}
    second = first.but(marks=grown, resources=NEW)
    second["subscriptions.json"]["value"][0]["displayName"] = hostile
    seen(quiet, [first, second])
    said = quiet.digest()
    assert WHY in said
    assert not any(sign in " ".join(said) for sign in ("](", "<at>", "http://"))


def test_work_that_is_half_seen_is_seen(quiet):
    """The score has to move by less than half of it."""
    first = small()
    seen(quiet, [first, first.but(marks={("vm1", "a"): "Healthy", ("vm2", "a"): "Healthy", ("st1", "b"): "Healthy"})])
    rows = quiet.rows("all")
    assert rows[-1].own_work == pytest.approx(rows[-1].movement)
    assert answers.stuck(quiet.store, ticks(T0), ticks(T0) + 24 * HOUR) == []

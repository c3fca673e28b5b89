"""Forecasts over a real store: what is said to come is kept, announced once, followed, and lost by no kill."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from drift.engine.head import Head
from drift.engine.segments import iso
from drift.forecast import Forecast
from drift.history import History, UnknownScopeError
from drift.model import DAY, HOUR, ticks
from drift.retention import MONTH, Retention
from tests.build import SUB, T0, Estate, at, estate, exemption, exemption_id, guid, key, policy_id, tenant
from tests.happenings import ANA, BEN, event
from tests.test_history import walked
from tests.watched import KilledError, Watch

MARKS = {("vm1", "a"): "Unhealthy", ("vm2", "a"): "Unhealthy", ("vm3", "a"): "Healthy", ("st1", "b"): "Healthy"}
CONTROLS = {"c": (10, ["a"]), "d": (4, ["b"])}
OTHER = guid("other")


@pytest.fixture
def watch(storage: str, tmp_path: Path) -> Watch:
    return Watch(storage, tmp_path)


def first(**more: Any) -> Estate:
    return estate(controls=CONTROLS, marks=MARKS, resources={name: {} for name in ("vm1", "vm2", "vm3", "st1")}, **more)


def exempting(folder: Estate, hours: float = 1, name: str = "new", resource: str = "vm1") -> Estate:
    """The folder with an exemption whose mark has not followed."""
    made = folder.world.exemptions | {name: exemption(resource, ("a",))}
    return folder.but(hours, exemptions=made)


def followed(folder: Estate, hours: float = 1) -> Estate:
    return folder.but(hours, marks={("vm1", "a"): "Exempt"})


def history(watch: Watch) -> History:
    return History(watch.store, watch.settings.groups)


def rows(watch: Watch, partition: str = SUB) -> list[Forecast]:
    return [one for _, one in watch.store.ledger.forecasts(partition)]


def cards(watch: Watch) -> int:
    watch.teller.announce()
    return len(watch.webhook.messages)


def test_what_is_foretold_is_kept_and_announced_before_anything_moves(watch):
    folder = first()
    watch.see(folder)
    watch.see(exempting(folder))
    (one,) = rows(watch)
    assert one.key == ("exemption_created", exemption_id("new", "vm1").lower(), SUB)
    assert (one.state, one.opened) == ("open", ticks(at(1)))
    assert one.expected == pytest.approx(100 * (10 * (1 / 2 - 1 / 3) / 14))
    (row,) = watch.rows(SUB)
    assert row.movement == 0
    (opened,) = row.told["forecasts"]["opened"]
    assert opened["expected"] == one.expected
    assert watch.store.waiting(SUB)[0].destinations == {"teams"}
    assert cards(watch) == 1
    assert watch.topic.events == []


def test_what_is_foretold_settles_with_what_it_did(watch):
    folder = first()
    watch.see(folder)
    watch.see(ahead := exempting(folder))
    watch.see(followed(ahead))
    (one,) = rows(watch)
    assert (one.state, one.settled_at) == ("settled", ticks(at(2)))
    assert one.realised == pytest.approx(one.expected)
    assert one.realised == pytest.approx(watch.rows(SUB)[-1].movement)
    assert [entry["subject"] for entry in watch.rows(SUB)[-1].told["forecasts"]["settled"]] == [one.subject]
    assert history(watch).forecasts(SUB)["accuracy"] == {
        "settled": 1,
        "meanAbsoluteError": pytest.approx(0),
        "bias": pytest.approx(0),
        "inTime": 1,
        "withdrawn": 0,
        "overdue": 0,
    }


def test_what_only_the_counts_lack_is_a_forecast_too(watch):
    folder = first()
    watch.see(folder)
    lagging = folder.but(1, marks={("vm1", "a"): "Healthy"}, counts={"c": (1, 3)})
    watch.see(lagging)
    (one,) = rows(watch)
    assert (one.kind, one.subject, one.state) == ("remediation", key("a"), "open")
    watch.see(lagging.but(1, counts={"c": None}))
    (one,) = rows(watch)
    assert (one.state, one.realised) == ("settled", pytest.approx(one.expected))


def test_what_is_taken_back_is_withdrawn(watch):
    folder = first()
    watch.see(folder)
    watch.see(ahead := exempting(folder))
    watch.see(ahead.but(1, exemptions={"new": None}))
    states = {one.kind: one.state for one in rows(watch)}
    assert states["exemption_created"] == "withdrawn"


def test_what_stays_below_the_threshold_is_kept_and_not_announced(storage, tmp_path):
    watch = Watch(storage, tmp_path, DRIFT_ANNOUNCE_PP="99")
    folder = first()
    watch.see(folder)
    watch.see(exempting(folder))
    assert [one.state for one in rows(watch)] == ["open"]
    assert watch.store.waiting(SUB) == []
    assert cards(watch) == 0


def test_what_does_not_come_in_time_is_announced_once_more(watch):
    folder = first()
    watch.see(folder)
    watch.see(ahead := exempting(folder))
    assert cards(watch) == 1
    watch.see(ahead.but(12))
    watch.see(ahead.but(24))
    assert cards(watch) == 1
    watch.see(ahead.but(25))
    (one,) = rows(watch)
    assert (one.state, one.late) == ("open", True)
    assert cards(watch) == 2
    assert [entry["overdue"] for entry in watch.rows(SUB)[-1].told["forecasts"]["overdue"]] == [True]
    watch.see(ahead.but(26))
    assert cards(watch) == 2


def test_an_unchanged_look_costs_one_write_while_something_is_to_come(watch):
    folder = first()
    watch.see(folder)
    watch.see(ahead := exempting(folder))
    watch.storage.log.clear()
    watch.see(ahead.but(1), roll_up=False)
    assert watch.storage.log == ["put"]


def test_an_event_alone_foretells_what_no_list_shows_yet(watch):
    folder = first()
    watch.see(folder)
    detail = {"complianceState": "Compliant", "policyDefinitionId": policy_id("a")}
    found = event("vm1", at(0.5), by=None, category="policy_state", action="state", detail=detail)
    watch.store.record(found)
    watch.see(folder.but(1))
    (one,) = rows(watch)
    assert (one.kind, one.subject, one.opened) == ("remediation", key("a"), ticks(at(1)))


def test_a_forecast_says_who_did_it_by_the_event(watch):
    folder = first()
    watch.see(folder)
    watch.store.record(event(exemption_id("new", "vm1"), at(0.5), by=ANA))
    watch.store.record(event(exemption_id("new", "vm1"), at(0.5), by=BEN, subscription=OTHER))
    watch.see(exempting(folder))
    (one,) = rows(watch)
    assert [actor.name for actor in one.actors] == [ANA.name]
    (opened,) = watch.rows(SUB)[0].told["forecasts"]["opened"]
    assert [actor["actor"] for actor in opened["actors"]] == [ANA.name]


def test_a_subscription_that_loses_its_score_has_nothing_to_come(watch):
    folder = first()
    watch.see(folder)
    watch.see(ahead := exempting(folder))
    watch.see(ahead.but(1, plans={"FoundationalCspm": "Free"}))
    assert {one.state for one in rows(watch)} == {"withdrawn"}


# Kills and races


def kept(watch: Watch) -> Any:
    """All that is kept of what is to come, whatever our own clock said."""
    register = watch.store.load(watch.store.head(SUB).blob, Head).forecasts
    return rows(watch), rows(watch, "all"), register, watch.store.ledger.calendars()


def story() -> Iterator[Estate]:
    """Without end: exemptions are made and follow, one after the other, and are taken back; hours apart."""
    now = first(tags={"environment": "prod"})
    yield now
    while True:
        yield (now := exempting(now))
        yield (now := followed(now))
        yield (now := now.but(1, exemptions={"new": None}))
        yield (now := now.but(1, marks={("vm1", "a"): "Unhealthy"}))


@pytest.mark.parametrize("later", [False, True])
def test_a_worker_killed_at_any_write_and_run_again_leaves_what_an_undisturbed_one_does(
    azurite, unused_accounts, tmp_path, later
):
    calm, watch = (Watch(azurite.connection_string(next(unused_accounts)), tmp_path / name) for name in "cw")
    folders = story()
    folder = next(folders)
    for one in (calm, watch):
        one.see(folder)
    steps = 0
    for step in count(2, 3) if later else count(1, 2):
        killed = False
        for _ in range(4):  # all of a round
            folder = next(folders)
            watch.storage.log.clear()
            watch.storage.die_at = step
            try:
                watch.see(folder, roll_up=False)
            except KilledError:
                killed = True
                watch.storage.die_at, watch.sent = None, []
                if not later:
                    watch.see(folder, roll_up=False)  # the queue gives the message again
            watch.storage.die_at = None
            calm.see(folder, roll_up=False)
            if later:  # or the next pass comes first
                for one in (calm, watch):
                    one.see(folder.but(0.5), roll_up=False)
        if not later:
            assert kept(watch) == kept(calm), f"killed before operation {step}"
        else:
            unlike = [(one.kind, one.subject, one.state) for one in rows(calm)]
            assert [(one.kind, one.subject, one.state) for one in rows(watch)] == unlike, f"before operation {step}"
        steps = step
        if not killed:
            break
    assert steps > 9  # head, delta, mark, commit, blob, two partitions of forecasts, calendar, index


def test_the_worker_that_lost_a_race_leaves_no_forecast(watch):
    folder = first()
    watch.see(folder)
    ahead = exempting(folder)
    watch.azure.show(ahead)
    watch.azure.meanwhile = lambda: (watch.azure.show(ahead.but(0.5)), watch.look(SUB))
    watch.look(SUB)
    assert [(one.state, one.opened) for one in rows(watch)] == [("open", ticks(at(1.5)))]


# Questions


def several(watch: Watch) -> None:
    """One that settled, one that was withdrawn, one that is open, of two subscriptions."""
    folder, other = first(tags={"environment": "prod"}), estate(subscription=OTHER, controls=CONTROLS, marks=MARKS)
    watch.see(tenant(folder, other))
    watch.see(tenant(ahead := exempting(folder), other.but(1)))
    watch.see(tenant(done := followed(ahead), other.but(2)))
    fixed = other.but(3, marks={("vm1", "a"): "Healthy"}, counts={"c": (1, 3)})
    watch.see(tenant(done.but(1), fixed))
    watch.see(tenant(done.but(2), fixed.but(1, marks={("vm1", "a"): "Unhealthy"})))
    watch.see(tenant(exempting(done.but(2), 1, "second", "vm2"), other.but(5)))


def test_forecasts_are_asked_by_scope_window_and_state(watch):
    several(watch)
    asked = history(watch)
    everything = asked.forecasts("all")
    assert [(one["state"], one["scope"]) for one in everything["value"]] == [
        ("open", SUB),
        ("withdrawn", OTHER),
        ("settled", SUB),
    ]
    assert (everything["accuracy"]["settled"], everything["accuracy"]["withdrawn"]) == (1, 1)
    assert [one["scope"] for one in asked.forecasts("prod")["value"]] == [SUB, SUB]
    assert asked.forecasts(OTHER)["value"] == everything["value"][1:2]
    for state in ("open", "settled", "withdrawn", "overdue"):
        expected = [one for one in everything["value"] if one["state"] == state]
        found = asked.forecasts("all", state=state)
        assert (found["value"], found["accuracy"]) == (expected, everything["accuracy"])
    window = asked.forecasts("all", ticks(at(1)), ticks(at(3)))
    assert [one["opened"] for one in window["value"]] == [iso(ticks(at(3)))]
    assert window["accuracy"]["settled"] == 0
    with pytest.raises(UnknownScopeError):
        asked.forecasts(guid("nowhere"))


def test_forecasts_are_given_page_by_page(watch):
    several(watch)
    ask = history(watch).forecasts
    assert walked(ask, scope="all", limit=1) == ask("all")["value"]
    assert walked(ask, scope="all", state="settled", limit=1) == ask("all", state="settled")["value"]


def test_what_is_pending_says_what_lags(watch):
    folder = first(tags={"environment": "prod"})
    watch.see(folder)
    watch.see(exempting(folder).but(0, marks={("vm2", "a"): "Healthy"}, counts={"c": (1, 3)}))
    for scope in (SUB, "all", "prod"):
        found = {one["stage"]: one for one in history(watch).pending(scope)["value"]}
        assert {stage: one["kind"] for stage, one in found.items()} == {
            "counts": "remediation",
            "assessment": "exemption_created",
        }
        (expected,) = (one.expected for one in rows(watch) if one.kind == "exemption_created")
        assert found["assessment"]["share"] == pytest.approx(expected)


def test_old_forecasts_are_no_longer_kept(watch):
    folder = first()
    watch.see(folder)
    watch.see(ahead := exempting(folder))
    watch.see(followed(ahead))
    watch.time = ticks(T0) + HOUR
    Retention(watch.store, watch.storage, 25, lambda: ticks(T0) + 25 * MONTH).expire()
    assert len(rows(watch)) == 1
    Retention(watch.store, watch.storage, 25, lambda: ticks(T0) + 25 * MONTH + DAY).expire()
    assert rows(watch) == rows(watch, "all") == []


def test_hundreds_at_once_are_all_kept(watch):
    names = [f"vm{number}" for number in range(130)]
    folder = estate(
        controls=CONTROLS, marks={(name, "a"): "Unhealthy" for name in names}, resources={name: {} for name in names}
    )
    watch.see(folder)
    watch.see(folder.but(1, resources=dict.fromkeys(names[:120])))
    assert len(rows(watch)) == len(rows(watch, "all")) == 120
    (row,) = watch.rows(SUB)
    assert row.told["forecasts"]["left"]["opened"] == 115

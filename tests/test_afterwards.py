"""What becomes known of a movement after it was stored, on a real store: a delta stays, and reads with all there is."""

from __future__ import annotations

from math import fsum
from pathlib import Path
from typing import Any

import pytest

from drift.actors import Actor
from drift.history import History
from drift.model import ticks
from tests.build import SUB, Estate, at, estate, guid, resource, tenant
from tests.happenings import BEN, PIPELINE, event
from tests.watched import KilledError, Watch

BASE = estate(
    controls={"c": (10, ["a"]), "d": (4, ["b"])},
    marks={("st1", "a"): "Unhealthy", ("st2", "a"): "Unhealthy", ("st3", "a"): "Healthy", ("st1", "b"): "Healthy"},
    tags={"environment": "prod"},
)
FIXED = BASE.but(marks={("st1", "a"): "Healthy", ("st2", "a"): "Healthy"})


@pytest.fixture
def watch(storage: str, tmp_path: Path) -> Watch:
    found = Watch(storage, tmp_path)
    for folder in (BASE, FIXED):
        found.see(folder)
    return found


def history(watch: Watch) -> History:
    return History(watch.store, watch.settings.groups)


def actors(watch: Watch, scope: str) -> dict[str | None, float]:
    """Whose doing the last movement of a scope was, however it is asked for."""
    asked = history(watch)
    (last,) = asked.deltas(scope)["value"]
    whole, window = asked.delta(last["id"]), asked.explain(scope, 0, ticks(at(100)))
    shares = [
        {one["actor"]: pytest.approx(one["share"], abs=1e-12) for one in found["actors"]} for found in (whole, window)
    ]
    assert shares[0] == shares[1]
    assert fsum(one["share"] for one in whole["actors"]) == pytest.approx(whole["movement"], abs=1e-9)
    return {one["actor"]: one["share"] for one in whole["actors"]}


def test_an_event_in_time_names_who_did_it(storage, tmp_path):
    watch = Watch(storage, tmp_path)
    watch.see(BASE)
    watch.monitor.record(event("st1", at(5)))
    watch.monitor.record(event("st2", at(5)))
    watch.see(FIXED)
    assert list(actors(watch, SUB)) == ["Ana Lopez"]
    assert list(actors(watch, "all")) == ["Ana Lopez"]


def test_an_event_that_comes_late_is_added_beside_the_movement(watch):
    (row,) = watch.rows(SUB)
    stored = watch.storage.download(row.blob)
    assert list(actors(watch, SUB)) == [None]
    watch.monitor.record(event("st1", at(5)))
    found = actors(watch, SUB)
    assert found["Ana Lopez"] == pytest.approx(found[None])
    watch.monitor.record(event("st2", at(6), by=BEN))
    assert set(actors(watch, SUB)) == {"Ana Lopez", "Ben Ito"}
    assert watch.storage.download(row.blob) == stored, "a delta is never rewritten"


def test_a_group_shows_evidence_that_came_late_too(watch):
    watch.monitor.record(event("st1", at(5)))
    watch.monitor.record(event("st2", at(5)))
    for scope in ("all", "prod", SUB):
        assert list(actors(watch, scope)) == ["Ana Lopez"]
    (cause,) = history(watch).explain("prod", 0, ticks(at(100)))["causes"]
    assert cause["confidence"] == "confirmed"
    assert {one["source"] for one in cause["evidence"]} == {"event"}


@pytest.mark.parametrize(
    "late",
    [
        pytest.param(event("st9", at(5)), id="on another resource"),
        pytest.param(event("st1", at(7.5)), id="after the mark changed"),
        pytest.param(event("st1", at(5), succeeded=False), id="that failed"),
        pytest.param(event("st1", at(-80)), id="of long before"),
        pytest.param(event("st1", at(9)), id="of after the last look"),
    ],
)
def test_what_says_nothing_new_notes_nothing(watch, late):
    watch.monitor.record(late)
    assert watch.store.ledger.since(0, ticks(at(1000))) == {}
    assert list(actors(watch, SUB)) == [None]


def test_the_same_event_again_changes_nothing(watch):
    one = event("st1", at(5))
    for _ in range(3):
        watch.monitor.record(one)
    assert len(watch.store.ledger.since(0, ticks(at(1000)))) == 1
    assert set(actors(watch, SUB)) == {"Ana Lopez", None}


def test_names_that_were_known_when_it_was_stored_stay(storage, tmp_path):
    watch = Watch(storage, tmp_path)
    asked: list[set[str]] = []

    def names(identities: Any) -> dict[str, Actor]:
        asked.append(set(identities))
        return {PIPELINE.id: Actor("managedIdentity", "northwind deployments", PIPELINE.id)} if identities else {}

    object.__setattr__(watch.monitor, "names", names)
    watch.see(BASE)
    watch.monitor.record(event("st1", at(5), by=PIPELINE, actor=PIPELINE.id))
    watch.see(FIXED)
    assert {PIPELINE.id} in asked
    assert set(actors(watch, SUB)) == {"northwind deployments", None}
    watch.monitor.record(event("st2", at(5), by=BEN))
    assert set(actors(watch, SUB)) == {"northwind deployments", "Ben Ito"}


# Verdicts

SUBS = [SUB, guid("another subscription")]
CHECK = "check"


def world(subscription: str, turned: str, hours: float = 8) -> Estate:
    marks = {(resource(f"web{n}", subscription), CHECK): "Healthy" for n in range(8)}
    first = estate(
        subscription=subscription,
        controls={"c": (10, [CHECK])},
        marks=marks,
        resources={name: {"createdTime": at(-900), "changedTime": at(-900)} for name, _ in marks},
    )
    return first.but(hours=hours, marks=dict.fromkeys(marks, turned)) if turned else first


def test_what_the_platform_turned_in_several_subscriptions_is_its_own_in_groups_and_in_each(storage, tmp_path):
    watch = Watch(storage, tmp_path)
    watch.see(tenant(*(world(one, "") for one in SUBS)))
    watch.see(tenant(*(world(one, "Unhealthy") for one in SUBS)))
    for scope in ("all", *SUBS):
        (cause,) = (
            history(watch).explain(scope, 0, ticks(at(100)))["causes"]
            if scope != "all"
            else [one for one in history(watch).explain("all", 0, ticks(at(100)))["causes"] if one["scope"] == SUB]
        )
        assert cause["kind"] == "recommendation_reevaluated"
        assert [one["type"] for one in cause["actors"]] == ["platform"]
    (row,) = watch.rows(SUB)
    assert [one["kind"] for one in row.told["causes"]] == ["regression"], "a delta is never rewritten"


def test_a_verdict_that_needs_a_second_rollup_reaches_what_was_stored_before(storage, tmp_path):
    watch = Watch(storage, tmp_path)
    first, second = SUBS
    watch.see(tenant(*(world(one, "") for one in SUBS)))
    watch.see(tenant(world(first, "Unhealthy"), world(second, "").but(hours=8)))
    (cause,) = history(watch).explain(first, 0, ticks(at(100)))["causes"]
    assert cause["kind"] == "regression", "one subscription alone proves nothing"
    watch.see(tenant(world(first, "Unhealthy").but(hours=4), world(second, "Unhealthy", hours=12)))
    for scope in SUBS:
        (cause,) = history(watch).explain(scope, 0, ticks(at(100)))["causes"]
        assert cause["kind"] == "recommendation_reevaluated"


def test_a_killed_note_is_written_when_the_message_comes_again(watch):
    one = event("st1", at(5))
    for step in range(1, 12):
        watch.storage.log.clear()
        watch.storage.die_at = step
        try:
            watch.monitor.record(one)
        except KilledError:
            continue
        finally:
            watch.storage.die_at = None
        break
    watch.monitor.record(one)
    assert set(actors(watch, SUB)) == {"Ana Lopez", None}

"""What becomes known of a movement after it was stored, on a real store: a delta stays, and reads with all there is."""

from __future__ import annotations

from math import fsum
from pathlib import Path
from typing import Any

import pytest

from drift.actors import Actor
from drift.afterwards import heard
from drift.history import History
from drift.model import ticks
from drift.retention import MONTH, Retention
from tests.build import SUB, Estate, at, estate, guid, resource, tenant
from tests.explained import own
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


# Groups


def test_two_people_who_are_known_late_share_a_groups_cause_as_their_subscriptions(watch):
    watch.monitor.record(event("st1", at(5)))
    watch.monitor.record(event("st2", at(5), by=BEN))
    parts = {}
    for scope in (SUB, "all", "prod"):
        (cause,) = history(watch).explain(scope, 0, ticks(at(100)))["causes"]
        assert (cause["confidence"], cause["reason"]) == ("confirmed", "")
        parts[scope] = {one["actor"]: pytest.approx(one["share"] / cause["share"]) for one in cause["actors"]}
        assert fsum(one["share"] for one in cause["actors"]) == pytest.approx(cause["share"], abs=1e-12)
    assert parts["all"] == parts["prod"] == parts[SUB]
    assert set(parts[SUB]) == {"Ana Lopez", "Ben Ito"}


# Races


def test_an_event_that_comes_while_a_movement_is_being_stored_is_not_lost(storage, tmp_path):
    watch = Watch(storage, tmp_path)
    watch.see(BASE)
    late = [event("st1", at(5)), event("st2", at(5))]

    def names(_: Any) -> dict[str, Actor]:  # asked for once the events are read, before the movement is kept
        while late:
            watch.monitor.record(late.pop())
        return {}

    object.__setattr__(watch.monitor, "names", names)
    watch.see(FIXED)
    assert list(actors(watch, SUB)) == ["Ana Lopez"]


@pytest.mark.parametrize("after", [False, True])
def test_an_event_that_comes_when_a_worker_is_killed_is_not_lost(storage, tmp_path, after):
    watch = Watch(storage, tmp_path)
    watch.see(BASE)
    watch.storage.after = after
    folder, steps = BASE, 0
    for step in range(1, 30):
        folder = folder.but(hours=99, marks={("st1", "a"): "Healthy" if step % 2 else "Unhealthy"})
        watch.azure.show(folder)
        watch.storage.log.clear()
        watch.storage.die_at = step
        killed = False
        try:
            watch.look(SUB)
        except KilledError:
            killed = True
        watch.storage.die_at = None
        watch.monitor.record(event("st1", at(100 * step - 4)))
        folder = folder.but(hours=1)
        watch.see(folder, roll_up=False)
        last = history(watch).deltas(SUB)["value"][0]
        named = [one["actor"] for one in history(watch).delta(last["id"])["actors"]]
        assert named == ["Ana Lopez"], f"killed at write {step}"
        steps = step
        if not killed:
            break
    assert steps > 5


def test_what_a_killed_worker_read_too_early_is_read_again(storage, tmp_path):
    """The event came before the movement was kept, and the worker was killed before it could look again."""
    watch = Watch(storage, tmp_path)
    watch.see(BASE)
    late = [event("st1", at(5)), event("st2", at(5))]

    def names(_: Any) -> dict[str, Actor]:
        while late:
            watch.monitor.record(late.pop())
            watch.storage.log.clear()
            watch.storage.die_at, watch.storage.after = 6, True  # blobs, mark, commit, the old head's blob, calendar
        return {}

    object.__setattr__(watch.monitor, "names", names)
    with pytest.raises(KilledError):
        watch.see(FIXED)
    watch.storage.die_at = None
    assert watch.rows(SUB)
    assert not watch.store.ledger.since(0, ticks(at(1000)))
    watch.see(FIXED.but(hours=1))
    assert list(actors(watch, SUB)) == ["Ana Lopez"]


def test_folders_hear_the_same_of_a_look_as_a_monitor(storage, tmp_path):
    """A look takes a while: it shows what was done minutes after it began."""
    gone = BASE.but(marks={("st2", "a"): None})
    done = event("st2", at(8 + 1 / 30), verb="delete")
    watch = Watch(storage, tmp_path)
    watch.see(BASE)
    watch.monitor.record(done)
    watch.see(gone)
    for answer in (history(watch).explain(SUB, 0, ticks(at(100))), own([BASE, gone], done)):
        (cause,) = answer["causes"]
        assert [one["actor"] for one in cause["actors"]] == ["Ana Lopez"]


# What it costs


def test_an_event_of_no_concern_costs_the_same_however_much_moved(storage, tmp_path):
    watch = Watch(storage, tmp_path)
    watch.see(BASE)
    folder = BASE
    for number in range(6):
        folder = folder.but(hours=1, marks={("st1", "a"): "Unhealthy" if number % 2 else "Healthy"})
        watch.see(folder, roll_up=False)
    watch.storage.reads.clear()
    watch.monitor.record(event("st9", at(0.5)))
    assert watch.storage.reads.total() <= 6
    assert watch.store.ledger.since(0, ticks(at(1000))) == {}


def test_a_policy_state_reads_nothing(watch):
    state = event("st1", at(5), verb="state")
    watch.monitor.record(state)
    watch.storage.reads.clear()
    assert heard(watch.store, state) == 0
    assert not watch.storage.reads


def test_a_second_event_that_came_late_adds_no_note(watch):
    for hours in (5, 6):
        watch.monitor.record(event("st1", at(hours)))
    watch.storage.log.clear()
    assert heard(watch.store, event("st2", at(5))) == 0
    assert watch.storage.log == []


def test_a_rollup_reads_no_movements_in_which_something_else_turned(storage, tmp_path):
    watch = Watch(storage, tmp_path)
    worlds = [world(guid(f"subscription {number}"), "") for number in range(3)]
    marks = {(f"st{n}", "b"): "Healthy" for n in range(8)}
    other = estate(controls={"c": (10, ["b"])}, marks=marks)
    watch.see(tenant(*worlds, other))
    for hour in range(1, 6):
        worlds = [turned(one, "Unhealthy" if hour % 2 else "Healthy") for one in worlds]
        watch.see(tenant(*worlds, other.but(hour)))
    worlds = [one.but(hours=1) for one in worlds]
    watch.see(tenant(*worlds, other.but(6, marks=dict.fromkeys(marks, "Unhealthy"))), roll_up=False)
    watch.storage.reads.clear()
    watch.monitor.roll_up()
    assert watch.storage.reads.total() < 15, "the 15 movements of the others are of no concern"


def turned(folder: Estate, status: str) -> Estate:
    return folder.but(hours=1, marks=dict.fromkeys(list(folder.world.marks)[:4], status))


def test_a_question_about_one_subscription_reads_what_became_known_of_it_alone(watch):
    watch.monitor.record(event("st1", at(5)))
    ledger, other = watch.store.ledger, guid("other")
    ledger.note_since(other, ticks(at(8)), "late", {"late": True})
    assert {scope for scope, _ in ledger.since(0, ticks(at(100)))} == {SUB, other}
    assert {scope for scope, _ in ledger.since(0, ticks(at(100)), SUB)} == {SUB}


def test_what_became_known_goes_with_its_movement(watch):
    watch.monitor.record(event("st1", at(5)))
    watch.see(FIXED.but(hours=30, marks={("st1", "a"): "Unhealthy"}))
    watch.monitor.record(event("st1", at(36)))
    ledger, kept = watch.store.ledger, ticks(at(38))
    assert len(ledger.since(0, ticks(at(100)))) == 2
    Retention(watch.store, watch.storage, 1, lambda: kept + MONTH).expire()
    for scope in (None, SUB):
        assert set(ledger.since(0, ticks(at(100)), scope)) == {(SUB, kept)}
    Retention(watch.store, watch.storage, 1, lambda: kept + 2 * MONTH).expire()
    assert set(ledger.since(0, ticks(at(100)), SUB)) == {(SUB, kept)}, "the last movement stays"
    assert ledger.flipped(0, ticks(at(100)), ["a"]) == []

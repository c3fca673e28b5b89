"""Telling: every movement once, in order, to each destination; a repeat only after a kill, and recognisable."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from drift import card
from drift.errors import BusyError, ServiceError
from drift.model import HOUR
from drift.telling import Teller
from tests.build import SUB, Estate, estate, guid, tenant
from tests.test_pipeline import CONTROLS, MARKS, hours, story
from tests.watched import KilledError, Watch


@pytest.fixture
def watch(storage: str, tmp_path: Path) -> Watch:
    return Watch(storage, tmp_path)


def told(watch: Watch) -> list[str]:
    """The ids of the movements that the topic got, in order."""
    return [identity for identity, _ in watch.topic.events]


def wanted(watch: Watch, *scopes: str) -> list[str]:
    return [row.id for scope in scopes for row in watch.rows(scope)]


def test_the_movements_of_one_pass_are_one_card(watch):
    folders = story()
    watch.see(folders[0])
    watch.see(folders[1])
    watch.teller.announce()
    assert len(watch.webhook.messages) == 1
    assert sorted(told(watch)) == sorted(wanted(watch, SUB, "all", "prod"))


def test_nothing_is_told_twice(watch):
    for folder in story():
        watch.see(folder)
        watch.teller.announce()
        watch.teller.announce()
    assert len(watch.webhook.messages) == 3
    assert len({message for message, _ in watch.webhook.messages}) == 3
    assert sorted(told(watch)) == sorted(wanted(watch, SUB, "all", "prod"))
    assert watch.store.due() == []


def test_each_chain_is_told_in_order_of_time(watch):
    for folder in story():
        watch.see(folder)
    watch.teller.announce()
    for scope in (SUB, "all", "prod"):
        assert [one for one in told(watch) if one.startswith(scope)] == wanted(watch, scope)


def test_a_subscriptions_movement_waits_for_its_rollup_but_not_for_ever(watch):
    folders = story()
    watch.see(folders[0])
    watch.see(folders[1], roll_up=False)
    watch.time -= HOUR
    watch.teller.announce()
    assert watch.webhook.messages == []
    watch.time += HOUR // 2
    watch.teller.announce()
    assert told(watch) == wanted(watch, SUB)
    watch.monitor.roll_up()
    watch.teller.announce()
    assert sorted(told(watch)) == sorted(wanted(watch, SUB, "all", "prod"))


def test_what_is_below_the_threshold_waits_for_the_digest(storage, tmp_path):
    watch = Watch(storage, tmp_path, DRIFT_ANNOUNCE_PP="99")
    for folder in story():
        watch.see(folder)
        watch.teller.announce()
    assert watch.webhook.messages == []
    watch.teller.digest()
    watch.teller.digest()
    assert len(watch.webhook.messages) == 1
    assert watch.store.due(digest=True) == []


def test_a_movement_that_ends_or_begins_a_score_is_told_whatever_the_threshold(storage, tmp_path):
    watch = Watch(storage, tmp_path, DRIFT_ANNOUNCE_PP="99")
    first = estate(controls=CONTROLS, marks=MARKS)
    watch.see(first)
    watch.see(first.but(plans={"FoundationalCspm": "Free"}))
    watch.teller.announce()
    assert len(watch.webhook.messages) == 1
    assert "Foundational CSPM is off" in str(watch.webhook.messages[0][1])


@pytest.mark.parametrize("answer", [429, 500, 400])
def test_while_teams_is_down_movements_wait_in_order_and_the_topic_goes_on(watch, answer):
    def refuse() -> None:
        raise ServiceError(f"Teams answered {answer}")

    watch.webhook.refuse = refuse
    folders = story()
    watch.see(folders[0])
    for folder in folders[1:]:
        watch.see(folder)
        for _ in range(3):
            with pytest.raises(ServiceError, match=str(answer)):
                watch.teller.announce()
    assert sorted(told(watch)) == sorted(wanted(watch, SUB, "all", "prod"))
    watch.webhook.refuse = None
    watch.teller.announce()
    watch.teller.announce()
    assert len(watch.webhook.messages) == 2  # what was about to be sent when it went down, and all since
    assert watch.store.waiting(SUB) == []


def test_a_sweep_killed_at_any_step_repeats_at_most_one_message_under_its_id(watch):
    folders = hours()
    watch.see(next(folders))
    watch.teller.announce()
    for step in count(1):  # to be killed after an operation leaves the same as to be killed before the next
        watch.see(next(folders))
        watch.webhook.messages.clear()
        watch.topic.events.clear()
        watch.storage.log.clear()
        watch.storage.die_at = step
        killed = False
        try:
            watch.teller.announce()
        except KilledError:
            killed = True
        watch.storage.die_at = None
        watch.teller.announce()
        first, *again = watch.webhook.messages
        assert again in ([], [first]), f"killed before operation {step}"
        assert set(told(watch)) == {wanted(watch, scope)[-1] for scope in (SUB, "all", "prod")}
        assert len(told(watch)) in (3, 6)
        assert watch.store.due() == []
        if not killed:
            break
        assert not again or len(told(watch)) == 3, "more than one message was repeated"
    assert step > 12  # notes, marks of two destinations for three movements, and what is settled
    assert (again, len(told(watch))) == ([], 3)


def test_a_kill_between_the_mark_and_the_commit_is_not_forgotten(watch):
    folders = story()
    watch.see(folders[0])
    watch.teller.announce()
    watch.azure.show(folders[1])
    watch.storage.log.clear()
    watch.storage.die_at = watch_step = 4  # head blob, delta blob, mark, | commit
    with pytest.raises(KilledError):
        watch.look(SUB)
    assert watch.storage.log[: watch_step - 1] == ["upload", "upload", "put"]
    watch.storage.die_at = None
    watch.teller.announce()
    assert [mark.scope for mark in watch.store.due()] == [SUB]  # what was to come may still come
    watch.look(SUB)
    watch.monitor.roll_up()
    watch.teller.announce()
    assert set(told(watch)) == set(wanted(watch, SUB, "all", "prod"))
    assert watch.store.due() == []


def test_the_sweep_repairs_an_index_that_a_killed_worker_left_behind(watch):
    folders = story()
    watch.see(folders[0])
    watch.azure.show(folders[1])
    watch.storage.log.clear()
    watch.storage.die_at, watch.storage.after = 4, True
    with pytest.raises(KilledError):
        watch.look(SUB)
    watch.storage.die_at = None
    assert watch.store.looked(SUB).at < watch.store.head(SUB).at
    watch.teller.announce()
    assert watch.store.looked(SUB).at == watch.store.head(SUB).at


def test_without_a_destination_nothing_waits(storage, tmp_path):
    watch = Watch(storage, tmp_path, TEAMS_WEBHOOK_URL="", DRIFT_TOPIC_ENDPOINT="")
    for folder in story():
        watch.see(folder)
    assert watch.store.waiting(SUB) == []
    watch.teller.announce()
    assert watch.store.due() == []


def test_a_platform_change_that_moves_many_subscriptions_is_one_card(watch):
    first: list[Estate] = [
        estate(
            subscription=guid(f"s{at}"), controls=CONTROLS, marks={("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy"}
        )
        for at in range(36)
    ]
    watch.see(tenant(*first))
    watch.see(tenant(*(one.but(marks={("vm1", "a"): "Healthy"}) for one in first)))
    watch.teller.announce()
    assert len(watch.webhook.messages) == 1
    assert len(told(watch)) == 37


def test_after_days_in_which_nothing_could_be_told_a_scope_is_told_once(watch):
    folders = story()
    watch.see(folders[0])
    for folder in folders[1:]:
        watch.see(folder)
    watch.teller.announce()
    ((_, body),) = watch.webhook.messages
    shown = card.text(body["attachments"][0]["content"])
    assert shown.count("all subscriptions") == 2  # in the headline, and in one row
    first, last = watch.rows("all")[0].told["before"], watch.rows("all")[-1].told["after"]
    assert f"{first['percentage']:.2f} % → {last['percentage']:.2f} %" in shown


def test_a_pass_is_one_card_even_when_the_sweep_comes_between_two_groups(watch):
    folders = story()
    watch.see(folders[0])
    watch.see(folders[1], roll_up=False)
    own = watch.store.index
    swept = []

    def index(head: object, looked_at: int) -> None:
        own(head, looked_at)
        if not swept:
            swept.append(head.scope)
            watch.teller.announce()

    watch.time -= HOUR
    watch.store.index = index  # type: ignore[method-assign]
    watch.monitor.roll_up()
    assert swept == ["prod"]
    assert watch.webhook.messages == []
    watch.teller.announce()
    assert len(watch.webhook.messages) == 1
    assert sorted(told(watch)) == sorted(wanted(watch, SUB, "all", "prod"))


def test_a_storage_that_takes_nothing_does_not_make_the_same_card_come_every_minute(watch):
    folders = story()
    watch.see(folders[0])
    watch.see(folders[1])

    def full(*_: object, **__: object) -> None:
        raise ServiceError("write driftindex: storage answered 503")

    def post(body: object, message: str) -> None:
        watch.webhook.messages.append((message, body))
        for name in ("put", "replace", "delete"):
            setattr(watch.storage, name, full)

    watch.webhook.post = post  # type: ignore[method-assign]
    for _ in range(5):
        with pytest.raises(ServiceError):
            watch.teller.announce()
    assert len(watch.webhook.messages) == 1


def test_a_destination_that_is_not_set_for_a_while_gets_what_waited_for_it(storage, tmp_path):
    watch = Watch(storage, tmp_path)
    for folder in story():
        watch.see(folder)
    Teller(watch.store, None, None, lambda: watch.time).announce()
    Teller(watch.store, None, None, lambda: watch.time).digest()
    watch.teller.announce()
    assert len(watch.webhook.messages) == 1
    assert sorted(told(watch)) == sorted(wanted(watch, SUB, "all", "prod"))


def test_teams_is_left_alone_as_long_as_it_asks_for(watch):
    folders = story()
    watch.see(folders[0])
    watch.see(folders[1])
    asked = []

    def busy() -> None:
        asked.append(watch.time)
        raise BusyError("Teams: the webhook answered 429", 1800.0)

    watch.webhook.refuse = busy
    with pytest.raises(ServiceError):
        watch.teller.announce()
    watch.teller.announce()
    assert len(asked) == 1
    watch.webhook.refuse = None
    watch.time += HOUR
    watch.teller.announce()
    assert len(watch.webhook.messages) == 1

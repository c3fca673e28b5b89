"""The pipeline over a real store: what a pass does, and that no kill, race or repeat loses or doubles a movement."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, pairwise
from pathlib import Path

import pytest

from drift.engine.wording import GONE, UNWATCHED
from drift.errors import ServiceError
from drift.model import HOUR, ticks
from drift.pipeline import WAKE, MessageError
from drift.retention import Retention
from tests.adapters.test_store import change
from tests.build import SUB, T0, Estate, Folder, estate, guid, tenant
from tests.watched import KilledError, Watch

MARKS = {("vm1", "a"): "Unhealthy", ("vm2", "a"): "Unhealthy", ("vm3", "a"): "Healthy", ("st1", "b"): "Healthy"}
CONTROLS = {"c": (10, ["a"]), "d": (4, ["b"])}


@pytest.fixture
def watch(storage: str, tmp_path: Path) -> Watch:
    return Watch(storage, tmp_path)


def before(**more: object) -> Estate:
    return estate(controls=CONTROLS, marks=MARKS, **more)


def story() -> list[Folder]:
    """A fix, a fix undone and a fix elsewhere, each eight hours after the last."""
    first = before(tags={"environment": "prod"})
    second = first.but(marks={("vm1", "a"): "Healthy"})
    third = second.but(marks={("vm1", "a"): "Unhealthy", ("st1", "b"): "Unhealthy"})
    return [first, second, third, third.but(marks={("vm2", "a"): "Healthy"})]


def movements(watch: Watch, scope: str = SUB) -> list[float | None]:
    return [row.movement for row in watch.rows(scope)]


def test_a_pass_keeps_what_moved_and_why(watch):
    for folder in story():
        watch.see(folder)
    assert [len(movements(watch, scope)) for scope in (SUB, "all", "prod")] == [3, 3, 3]
    watch.check(SUB, "all", "prod")
    found = watch.explained(SUB)
    assert {cause["kind"] for cause in found["causes"]} == {"remediation", "regression"}
    assert sum(movements(watch)) == pytest.approx(found["after"]["percentage"] - found["before"]["percentage"])


def test_an_unchanged_subscription_costs_one_write(watch):
    folder = before()
    for hours in (0, 1):
        watch.see(folder.but(hours=hours) if hours else folder)
    looked = watch.store.looked(SUB).looked_at
    watch.storage.log.clear()
    watch.see(folder.but(hours=2), roll_up=False)
    assert watch.storage.log == ["put"]
    assert watch.store.looked(SUB).looked_at > looked
    assert movements(watch) == []


def test_the_time_of_a_movement_begins_at_the_last_look(watch):
    first = before()
    watch.see(first)
    watch.see(first.but(hours=1))
    watch.see(first.but(hours=2))
    watch.see(first.but(hours=3, marks={("vm1", "a"): "Healthy"}))
    (row,) = watch.rows(SUB)
    assert (row.since, row.at) == (ticks(T0) + 2 * HOUR, ticks(T0) + 3 * HOUR)


def test_a_message_handled_again_changes_nothing(watch):
    for folder in story():
        watch.see(folder)
        known = watch.store.head(SUB)
        watch.look(SUB)
        watch.look(SUB.upper())
        watch.monitor.roll_up()
        assert watch.store.head(SUB) == known
    assert len(movements(watch)) == 3
    watch.check(SUB, "all")


def test_what_a_slow_worker_read_earlier_does_not_move_the_chain_back(watch):
    folders = story()
    watch.see(folders[0])
    watch.azure.show(folders[1])
    watch.azure.meanwhile = lambda: (watch.azure.show(folders[2]), watch.look(SUB))
    watch.look(SUB)
    (row,) = watch.rows(SUB)
    assert row.at == ticks(T0) + 16 * HOUR
    watch.check(SUB)


def test_two_workers_on_one_subscription_at_once_make_one_movement(watch):
    folders = story()
    watch.see(folders[0])
    watch.azure.show(folders[1])
    watch.azure.meanwhile = lambda: watch.look(SUB)
    watch.look(SUB)
    assert len(movements(watch)) == 1
    assert len(watch.store.waiting(SUB)) == 1
    watch.check(SUB)


def test_the_worker_that_lost_a_race_leaves_no_blob(watch):
    folders = story()
    watch.see(folders[0])
    watch.azure.show(folders[1])
    watch.azure.meanwhile = lambda: watch.look(SUB)
    watch.look(SUB)
    names = [name for name, _ in watch.storage.names() if SUB in name]
    assert sorted(name.partition("/")[0] for name in names) == ["deltas", "deltas", "heads"]


def states(watch: Watch, last: int = 0) -> object:
    """All that is kept (or the last movements of each chain), but for names and times of our own clock."""
    chains = {scope: watch.store.head(scope) for scope in (SUB, "all", "prod")}
    rows = {scope: watch.store.movements(scope, limit=last).items if last else watch.rows(scope) for scope in chains}
    return (
        {scope: (head.at, head.taken_at, head.own_work) for scope, head in chains.items() if head},
        {scope: [(row.at, row.since, row.movement, row.own_work, row.told) for row in rows[scope]] for scope in chains},
        {scope: [(one.at, one.destinations) for one in watch.store.waiting(scope)] for scope in chains},
        {(group, scope): known for group in (False, True) for scope, known in watch.store.chains(group).items()},
    )


def hours() -> Iterator[Folder]:
    """Without end: two fixes, undone one after the other, eight hours apart."""
    now = before(tags={"environment": "prod"})
    yield now
    while True:
        for status in ("Healthy", "Unhealthy"):
            for name in ("vm1", "vm2"):
                now = now.but(marks={(name, "a"): status})
                yield now


def killed(watch: Watch, folder: Folder, step: int) -> bool:
    """A pass in which the worker is killed before its storage operation of this number, and which is begun anew.

    To be killed after an operation leaves the same as to be killed before the next.
    """
    watch.storage.log.clear()
    watch.storage.die_at = step
    try:
        watch.see(folder)
    except KilledError:
        watch.storage.die_at, watch.sent = None, []
        watch.see(folder)  # the queue gives the message again, the timer ticks again
        return True
    watch.storage.die_at = None
    return False


def test_a_worker_killed_at_any_step_of_a_movement_and_run_again_leaves_what_an_undisturbed_one_does(
    azurite, unused_accounts, tmp_path
):
    calm, watch = (Watch(azurite.connection_string(next(unused_accounts)), tmp_path / name) for name in "cw")
    folders = hours()
    first = next(folders)
    for one in (calm, watch):
        one.see(first)
    for step in count(1):
        folder = next(folders)
        calm.see(folder)
        again = killed(watch, folder, step)
        assert states(watch, 1) == states(calm, 1), f"killed before operation {step}"
        if not again:
            break
    assert step > 15  # blobs, mark, commit, index, of a subscription and two groups
    assert states(watch) == states(calm)
    watch.check(SUB, "all", "prod")


def test_a_worker_killed_at_any_step_of_a_beginning_and_run_again_leaves_what_an_undisturbed_one_does(
    azurite, unused_accounts, tmp_path
):
    def fresh(name: str) -> Watch:
        return Watch(azurite.connection_string(next(unused_accounts)), tmp_path / name)

    folder, calm = next(hours()), fresh("calm")
    calm.see(folder)
    for step in count(1):
        watch = fresh(str(step))
        again = killed(watch, folder, step)
        assert states(watch) == states(calm), f"killed before operation {step}"
        if not again:
            break
    assert step > 12


def test_a_storage_that_refuses_a_transaction_loses_nothing(watch, monkeypatch):
    folders = story()
    watch.see(folders[0])
    refused = []

    def refuse(table: str, operations: object) -> bool:
        refused.append(table)
        raise ServiceError("commit to drift: storage answered 503 ServerBusy")

    watch.azure.show(folders[1])
    watch.storage.transact = refuse  # type: ignore[method-assign]
    with pytest.raises(ServiceError):
        watch.look(SUB)
    del watch.storage.transact
    assert (movements(watch), refused) == ([], ["drift"])
    watch.look(SUB)
    assert len(movements(watch)) == 1


# Subscriptions that come and go


def other(**more: object) -> Estate:
    return estate(subscription=guid("other"), controls=CONTROLS, marks={("vm9", "a"): "Unhealthy"}, **more)


def test_a_subscription_that_disappears_leaves_the_group_and_is_not_a_movement_to_zero(watch):
    first = before()
    watch.see(tenant(first, other()))
    watch.see(tenant(first.but()))
    assert movements(watch, guid("other")) == [None]
    (row,) = watch.rows(guid("other"))
    assert GONE in str(row.told["unscored"])
    found = watch.explained("all")
    assert [(cause["kind"], cause["subject"]) for cause in found["causes"]] == [("subscription_removed", guid("other"))]
    watch.check("all")
    watch.see(tenant(first.but(hours=16)))
    assert movements(watch, guid("other")) == [None]  # it is told once


def test_a_subscription_that_comes_back_begins_anew(watch):
    first = before()
    watch.see(tenant(first, other()))
    watch.see(tenant(first.but()))
    watch.see(tenant(first.but(hours=16), other().but(hours=16)))
    assert movements(watch, guid("other")) == [None, None]
    watch.check("all", guid("other"))
    assert {cause["kind"] for cause in watch.explained("all")["causes"]} == {
        "subscription_removed",
        "subscription_added",
    }


@pytest.mark.parametrize("state", ["Disabled", "Deleted"])
def test_a_disabled_subscription_is_unscored_with_its_reason(watch, state):
    first = before()
    watch.see(tenant(first, other()))
    gone = {path: rows for path, rows in other().but().items() if not path.startswith(guid("other"))}
    gone["subscriptions.json"]["value"][0]["state"] = state
    watch.see(tenant(first.but(), gone))
    (row,) = watch.rows(guid("other"))
    assert row.movement is None
    assert row.told["unscored"][0]["reason"] == f"subscription is {state}"


def test_a_subscription_that_no_setting_asks_for_is_not_looked_at(storage, tmp_path):
    watch = Watch(storage, tmp_path, DRIFT_SCOPES=SUB)
    watch.see(tenant(before(), other()))
    assert list(watch.store.chains()) == [SUB]
    watch.look(guid("other"))
    assert list(watch.store.chains()) == [SUB]


def test_a_subscription_that_is_no_longer_watched_leaves_with_that_reason(storage, tmp_path):
    first = tenant(before(), other())
    Watch(storage, tmp_path / "1").see(first)
    watch = Watch(storage, tmp_path / "2", DRIFT_SCOPES=SUB)
    watch.see(tenant(before().but(), other().but()))
    (row,) = watch.rows(guid("other"))
    assert UNWATCHED in str(row.told["unscored"])


def test_a_subscription_that_moves_to_another_management_group_moves_the_groups(storage, tmp_path):
    watch = Watch(storage, tmp_path, DRIFT_GROUPS="left=mg:left;right=mg:right")
    first = before(ancestors=["left"])
    two = other(ancestors=["right"])
    watch.see(tenant(first, two))
    watch.see(tenant(first.but(ancestors=["right"]), two.but()))
    assert [cause["kind"] for cause in watch.explained("right")["causes"]] == ["subscription_added"]
    assert movements(watch, "left") == [None]
    assert movements(watch, "all") in ([], [0.0])
    watch.check("right", "all", SUB)


def test_a_tag_that_changes_moves_the_groups_and_not_the_subscription(watch):
    first, two = before(tags={"environment": "prod"}), other(tags={"environment": "prod"})
    watch.see(tenant(first, two))
    watch.see(tenant(first.but(), two.but(tags={"environment": "dev"})))
    assert [cause["kind"] for cause in watch.explained("prod")["causes"]] == ["subscription_removed"]
    assert movements(watch, guid("other")) == [0.0]
    watch.check("prod", "all")


def test_an_identity_that_sees_nothing_any_more_is_an_error_and_not_an_empty_tenant(watch):
    watch.see(before())
    nothing = before().but()
    nothing["subscriptions.json"]["value"] = []
    watch.azure.show({"subscriptions.json": {"value": []}, "snapshot.json": nothing["snapshot.json"]})
    with pytest.raises(ServiceError, match="role assignments"):
        watch.monitor.start_pass()
    assert watch.sent == []


def test_a_backlog_of_messages_costs_one_look(watch):
    folders = story()
    watch.see(folders[0])
    watch.azure.show(folders[1])
    for _ in range(3):
        watch.monitor.start_pass()
    looked = []
    watch.azure.meanwhile = lambda: looked.append(1)
    watch.monitor.snapshot(watch.sent[0][1])
    assert looked == [1]
    watch.azure.meanwhile = lambda: looked.append(2)
    watch.storage.log.clear()
    for _, text, _ in watch.sent[1:]:
        watch.monitor.snapshot(text)
    assert (looked, watch.storage.log) == ([1], [])


def test_groups_without_members_have_no_score_and_do_not_fail(storage, tmp_path):
    watch = Watch(storage, tmp_path, DRIFT_GROUPS="nobody=tag:a=b")
    for folder in story():
        watch.see(folder)
    assert movements(watch, "nobody") == []


# Events


def test_a_burst_of_events_wakes_a_subscription_once(watch):
    for number in range(20):
        watch.monitor.record(change(f"k{number}", ticks(T0) + number))
    assert [(queue, delay) for queue, _, delay in watch.sent] == [("snapshots", 900)]
    assert len(watch.store.changes(SUB_OF_CHANGE).items) == 20
    watch.time += WAKE + 1
    watch.monitor.record(change("later", ticks(T0) + 99))
    assert len(watch.sent) == 2


def test_a_worker_killed_before_it_sent_the_wake_sends_it_when_run_again(watch):
    sent, watch.sent = watch.sent, []

    def die(*_: object) -> None:
        raise KilledError

    object.__setattr__(watch.monitor, "send", die)
    with pytest.raises(KilledError):
        watch.monitor.record(change())
    object.__setattr__(watch.monitor, "send", watch._send)
    watch.monitor.record(change())
    watch.monitor.record(change("another"))
    assert len(watch.sent) == 1
    assert sent == []


def test_what_failed_in_azure_is_stored_and_wakes_nobody(watch):
    from dataclasses import replace

    watch.monitor.record(replace(change(), succeeded=False))
    assert watch.sent == []
    assert len(watch.store.changes("all").items) == 1


SUB_OF_CHANGE = change().subscription


# Messages, retention


@pytest.mark.parametrize("message", ["", "{", "[]", '{"subscription": 7}', '{"subscription": "../../x"}', "{}"])
def test_a_message_that_can_not_be_read_says_why(watch, message):
    with pytest.raises(MessageError, match="snapshots can't be read"):
        watch.monitor.snapshot(message)


def test_what_is_older_than_is_kept_goes_and_the_chain_goes_on(watch):
    folders = story()
    for folder in folders[:3]:
        watch.see(folder)
    watch.time = ticks(T0) + 30 * 366 * 24 * HOUR
    assert Retention(watch.store, watch.storage, 25, lambda: watch.time).expire() > 0
    assert [len(movements(watch, scope)) for scope in (SUB, "all")] == [1, 1]
    watch.see(folders[3])
    assert len(movements(watch)) == 2
    watch.check(SUB)


def test_the_head_alone_moves_on_when_only_what_surrounds_the_marks_changed(watch):
    first = before()
    watch.see(first)
    watch.see(first.but(hours=1))
    watch.see(first.but(hours=2, plans={"VirtualMachines": "Standard"}))
    blob = watch.store.head(SUB).blob
    assert movements(watch) == []
    watch.see(first.but(hours=3, plans={"VirtualMachines": "Standard"}))
    assert watch.store.head(SUB).blob == blob


def test_a_chain_is_contiguous_in_time(watch):
    for folder in story():
        watch.see(folder)
    for scope in (SUB, "all", "prod"):
        for earlier, later in pairwise(watch.rows(scope)):
            assert later.since >= earlier.at


# Management groups


@pytest.mark.parametrize("settings", [{"DRIFT_SCOPES": "contoso"}, {"DRIFT_GROUPS": "eu=mg:contoso"}])
def test_an_answer_without_any_management_group_is_an_error_and_nobody_leaves(storage, tmp_path, settings):
    watch = Watch(storage, tmp_path, **settings)
    first = before(ancestors=["contoso", "root"])
    watch.see(first)
    empty = first.but()
    del empty["management-groups.json"]
    watch.azure.show(empty)
    with pytest.raises(ServiceError, match="no management group"):
        watch.monitor.start_pass()
    assert (watch.sent, movements(watch)) == ([], [])


def test_a_subscription_that_is_missing_among_the_management_groups_stays_where_it_was(storage, tmp_path):
    watch = Watch(storage, tmp_path, DRIFT_SCOPES="contoso", DRIFT_GROUPS="eu=mg:contoso")
    first, two = before(ancestors=["contoso"]), other(ancestors=["contoso"])
    watch.see(tenant(first, two))
    partial = tenant(first.but(), two.but())
    partial["management-groups.json"] = [r for r in partial["management-groups.json"] if r["subscriptionId"] == SUB]
    watch.see(partial)
    assert [movements(watch, scope) for scope in (SUB, guid("other"), "all", "eu")] == [[], [], [], []]


def test_a_pass_that_would_watch_nothing_says_so(storage, tmp_path):
    watch = Watch(storage, tmp_path, DRIFT_SCOPES=guid("nowhere"))
    watch.azure.show(before())
    with pytest.raises(ServiceError, match="DRIFT_SCOPES"):
        watch.monitor.start_pass()


# Commits whose answer is lost


def lose_the_answer(watch: Watch, meanwhile: object = None) -> None:
    """The next commit goes through, its answer is lost, and it is sent again; in between something happens."""
    own = type(watch.storage).transact

    def once(table: str, operations: object) -> bool:
        del watch.storage.transact
        own(watch.storage, table, operations)
        if meanwhile is not None:
            meanwhile()
        return own(watch.storage, table, operations)

    watch.storage.transact = once  # type: ignore[method-assign]


def test_a_commit_whose_answer_was_lost_keeps_its_movement_whole(watch):
    folders = story()
    watch.see(folders[0])
    lose_the_answer(watch)
    watch.see(folders[1])
    assert len(movements(watch)) == 1
    watch.check(SUB, "all", "prod")


def test_so_it_does_when_another_worker_has_moved_the_chain_on_meanwhile(watch):
    folders = story()
    watch.see(folders[0])
    watch.azure.show(folders[1])
    lose_the_answer(watch, lambda: (watch.azure.show(folders[2]), watch.look(SUB)))
    watch.look(SUB)
    watch.monitor.roll_up()
    assert len(movements(watch)) == 2
    watch.check(SUB, "all", "prod")


def test_one_group_that_fails_does_not_stop_the_others(watch):
    folders = story()
    watch.see(folders[0])
    watch.see(folders[1], roll_up=False)
    broken = watch.store.head("prod").blob
    kept = watch.storage.download(broken)
    watch.storage.upload(broken, b"something else")
    with pytest.raises(ServiceError, match="stored"):
        watch.monitor.roll_up()
    assert [len(movements(watch, scope)) for scope in ("all", "prod")] == [1, 0]
    watch.storage.upload(broken, kept)
    watch.monitor.roll_up()
    assert len(movements(watch, "prod")) == 1
    watch.check("all", "prod")


# Groups that change


def again(storage: str, root: Path, groups: str) -> Watch:
    """A monitor on the same store whose settings were changed."""
    return Watch(storage, root / groups.replace("=", "-").replace(":", "-"), DRIFT_GROUPS=groups)


def test_a_group_that_is_defined_anew_tells_who_joined_and_who_left(storage, tmp_path):
    first, two = before(tags={"environment": "prod"}), other(tags={"tier": "gold"})
    again(storage, tmp_path, "prod=tag:environment=prod").see(tenant(first, two))
    watch = again(storage, tmp_path, "prod=tag:tier=gold")
    watch.see(tenant(first.but(), two.but()))
    watch.see(tenant(first.but(hours=16), two.but(hours=16, marks={("vm9", "a"): "Healthy"})))
    assert len(movements(watch, "prod")) == 2
    found = watch.explained("prod")
    assert {cause["kind"] for cause in found["causes"]} == {"subscription_added", "subscription_removed", "remediation"}
    assert sum(cause["share"] for cause in found["causes"]) == pytest.approx(found["movement"], abs=1e-9)
    assert "joined the group" in str(found["causes"])
    watch.check("prod", "all")


def test_a_group_is_the_same_in_any_case(storage, tmp_path):
    folders = story()
    again(storage, tmp_path, "Prod=tag:environment=prod").see(folders[0])
    watch = again(storage, tmp_path, "PROD=tag:environment=prod")
    watch.see(folders[1])
    assert len(movements(watch, "prod")) == 1


def test_a_group_that_comes_back_after_its_deltas_are_gone_still_adds_up(storage, tmp_path):
    folders = story()
    old = again(storage, tmp_path, "prod=tag:environment=prod")
    old.see(folders[0])
    between = again(storage, tmp_path, "")
    for folder in folders[1:3]:
        between.see(folder)
    between.time = ticks(T0) + 24 * HOUR
    Retention(between.store, between.storage, 0, lambda: between.time).expire()
    watch = again(storage, tmp_path, "prod=tag:environment=prod;x=tag:a=b")
    watch.see(folders[3])
    assert len(movements(watch, "prod")) == 1
    watch.check("prod")


def test_what_left_long_ago_is_no_longer_looked_at_until_it_returns(watch):
    first = before()
    watch.see(tenant(first, other()))
    watch.see(tenant(first.but()))
    watch.time = ticks(T0) + 20 * 24 * HOUR
    Retention(watch.store, watch.storage, 25, lambda: watch.time).expire()
    watch.azure.show(tenant(first.but(hours=16)))
    watch.monitor.start_pass()
    assert len(watch.sent) == 1
    watch.sent.clear()
    watch.see(tenant(first.but(hours=24, marks={("vm1", "a"): "Healthy"})))
    assert watch.rows("all")[-1].told["unscored"] == []
    watch.see(tenant(first.but(hours=32, marks={("vm1", "a"): "Healthy"}), other().but(hours=32)))
    watch.see(tenant(first.but(hours=40, marks={("vm1", "a"): "Healthy"}), other().but(hours=40)))
    assert "subscription_added" in {cause["kind"] for cause in watch.explained("all")["causes"]}
    watch.check("all", SUB)

"""Which news goes where and when: routes, quiet hours, the most cards of an hour, and what is told again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from drift import card, quiet
from drift.adapters.entities import Head, Waiting
from drift.errors import ServiceError
from drift.history import History
from drift.model import HOUR, ticks
from drift.pace import Pace
from drift.retold import takes_back, told_at_once
from tests.build import SUB, Estate, at, estate, guid, tenant
from tests.cards import faults
from tests.happenings import event
from tests.watched import KilledError, Watch, Webhook

OTHER = guid("other")
ROUTES = {
    "DRIFT_TEAMS_ROUTES": "prod=TEAMS_WEBHOOK_PROD;owner:Payments=TEAMS_WEBHOOK_PAY;owner:web=TEAMS_WEBHOOK_PAY",
    "TEAMS_WEBHOOK_PROD": "https://flows.example/prod?sig=secret",
    "TEAMS_WEBHOOK_PAY": "https://flows.example/pay?sig=secret",
}
CONTROLS = {"c": (10, ["a"]), "d": (4, ["b"])}


def owned(name: str) -> dict[str, Any]:
    return {"tags": {"Owner": name}}


def first(**more: object) -> Estate:
    """Two machines of payments, one of nobody, and one account of ops."""
    resources = {"vm1": owned("payments"), "vm2": owned("payments"), "vm3": owned(""), "st1": owned("ops")}
    marks = {("vm1", "a"): "Unhealthy", ("vm2", "a"): "Unhealthy", ("vm3", "a"): "Unhealthy", ("st1", "b"): "Unhealthy"}
    return estate(controls=CONTROLS, marks=marks, resources=resources, tags={"environment": "prod"}, **more)


def fixed(folder: Estate, *names: str, to: str = "Healthy", **more: Any) -> Estate:
    return folder.but(marks={(name, "b" if name == "st1" else "a"): to for name in names}, **more)


def said(webhook: Webhook) -> list[str]:
    return [card.text(body["attachments"][0]["content"]) for _, body in webhook.messages]


def pro(watch: Watch) -> list[str]:
    return said(watch.routes["TEAMS_WEBHOOK_PROD"])


def pay(watch: Watch) -> list[str]:
    return said(watch.routes["TEAMS_WEBHOOK_PAY"])


def seen(watch: Watch, *folders: Any) -> None:
    for folder in folders:
        watch.see(folder)
        watch.teller.announce()


@pytest.fixture
def routed(storage: str, tmp_path: Path) -> Watch:
    return Watch(storage, tmp_path, **ROUTES)


# Routes


def test_a_groups_webhook_gets_the_group_and_the_subscriptions_in_it(routed):
    one, other = first(), estate(subscription=OTHER, controls=CONTROLS, marks={("vm9", "a"): "Unhealthy"})
    seen(routed, tenant(one, other), tenant(fixed(one, "vm1"), other.but()))
    (shown,) = pro(routed)
    assert "group prod" in shown.splitlines()[0]
    assert "all subscriptions" not in shown
    (everything,) = said(routed.webhook)
    assert "all subscriptions" in everything.splitlines()[0]
    seen(routed, tenant(fixed(one, "vm1", hours=16), fixed(other, "vm9", hours=16)))
    assert len(said(routed.webhook)) == 2
    assert len(pro(routed)) == 1, "what moved elsewhere is not for it"


def test_an_owner_is_told_their_part_which_is_what_the_division_by_owner_says(routed):
    folder = first()
    seen(routed, folder, fixed(folder, "vm1", "vm3", "st1"))
    (shown,) = pay(routed)
    (row,) = routed.rows("all")
    found = History(routed.store, routed.settings.groups).explain("all", row.since, row.at, "owner")
    (part,) = [one["share"] for one in found["parts"] if one["key"] == "payments"]
    assert 0 < part < row.movement
    assert f"+{part:.2f} of +{row.movement:.2f} pp" in shown.splitlines()[0]
    assert "all subscriptions, the part of payments" in shown
    assert "ops" not in shown
    assert "prod" not in shown, "groups are not for an owner"


def test_an_owner_is_text_on_a_card_whatever_the_tag_says(routed):
    folder = first()
    seen(routed, folder, fixed(folder, "vm1"))
    (row,) = routed.rows("all")
    owners = ["**b** [x](https://evil.example) <at>all</at>\u202e\n" + "w" * 5000, "a", "b"]
    shown = card.movements([card.News(row.id, row.told | {"part": {"owners": owners, "movement": 1.0}})], "m")
    assert faults(shown) == []
    assert card.text(shown).count("https://") == 1, "the portal's"
    assert " and 1 more" in " ".join(card.text(shown).split())


def test_what_moves_nothing_of_theirs_is_not_told_to_an_owner(routed):
    folder = first()
    seen(routed, folder, fixed(folder, "st1"))
    assert (len(said(routed.webhook)), pay(routed)) == (1, [])


def test_by_size_their_part_decides_what_an_owner_is_told_at_once(storage, tmp_path):
    folder = first()
    watch = Watch(storage, tmp_path, **ROUTES, DRIFT_ANNOUNCE_PP="30")
    seen(watch, folder, fixed(folder, "vm1", "vm3", "st1"))
    assert len(said(watch.webhook)) == 1
    assert pay(watch) == []
    watch.teller.digest()
    assert "Digest" in pay(watch)[0] or "afterwards" in pay(watch)[0]
    assert len(said(watch.webhook)) == 1, "there it was told at once"


def test_a_webhook_that_is_down_stops_no_other_and_is_told_later(routed):
    def refuse() -> None:
        raise ServiceError("Teams answered 500")

    routed.routes["TEAMS_WEBHOOK_PROD"].refuse = refuse
    folder = first()
    routed.see(folder)
    routed.see(fixed(folder, "vm1"))
    with pytest.raises(ServiceError, match="500"):
        routed.teller.announce()
    assert (len(said(routed.webhook)), len(pro(routed)), len(pay(routed))) == (1, 0, 1)
    waits = History(routed.store, routed.settings.groups).status(routed.time)["waiting"]
    assert {name: one["count"] for name, one in waits.items()} == {"teams:PROD": 2}
    routed.routes["TEAMS_WEBHOOK_PROD"].refuse = None
    routed.teller = routed.tell()
    routed.teller.announce()
    assert (len(said(routed.webhook)), len(pro(routed)), len(pay(routed))) == (1, 1, 1)
    assert routed.store.due() == []


def test_a_sweep_killed_at_any_step_tells_each_webhook_and_repeats_at_most_one_card(storage, tmp_path):
    watch = Watch(storage, tmp_path, **ROUTES, DRIFT_CARDS_PER_HOUR="1000")
    folder = first()
    seen(watch, folder)
    state = False
    for step in count(1):
        state, folder = not state, fixed(folder, "vm1", to="Unhealthy" if state else "Healthy")
        watch.see(folder)
        hooks = [watch.webhook, *watch.routes.values()]
        for hook in hooks:
            hook.messages.clear()
        watch.storage.log.clear()
        watch.storage.die_at = 6 * step - 3  # some of the steps: the others are in test_telling
        killed = False
        try:
            watch.teller.announce()
        except KilledError:
            killed = True
        watch.storage.die_at = None
        watch.teller.announce()
        repeats = 0
        for hook in hooks:
            told, *again = hook.messages
            assert again in ([], [told]), f"killed before operation {6 * step - 3}"
            repeats += len(again)
        assert repeats <= 1
        assert watch.store.due() == []
        if not killed:
            break
    assert step > 3


# Quiet hours and the most cards of an hour


def moment(text: str) -> int:
    return ticks(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("hours", "holds", "does_not"),
    [
        ("20:00-07:00", ["2026-03-02T20:00", "2026-03-03T00:00", "2026-03-03T06:59"], ["2026-03-02T19:59:59"]),
        ("09:00-17:30", ["2026-03-02T09:00"], ["2026-03-02T17:30", "2026-03-02T08:59"]),
        (
            "20:00-07:00 Europe/Berlin",
            ["2026-03-02T19:00", "2026-07-02T18:00"],
            ["2026-03-02T18:59", "2026-07-02T05:00"],
        ),
        ("Sat,sun", ["2026-03-07T00:00", "2026-03-08T23:59"], ["2026-03-06T23:59", "2026-03-09T00:00"]),
        ("20:00-07:00 sat Asia/Tokyo", ["2026-03-06T15:00", "2026-03-07T14:59"], ["2026-03-08T02:00"]),
    ],
)
def test_quiet_hours_are_by_the_clocks_of_their_zone(hours, holds, does_not):
    found = quiet.read(hours)
    assert [found.holds(moment(one)) for one in holds] == [True] * len(holds)
    assert [found.holds(moment(one)) for one in does_not] == [False] * len(does_not)


@pytest.mark.parametrize(
    ("since", "now", "found"),
    [
        ("2026-03-02T21:00", "2026-03-03T07:00", ("2026-03-02T20:00", "2026-03-03T07:00")),
        ("2026-03-06T21:00", "2026-03-09T08:00", ("2026-03-06T20:00", "2026-03-09T07:00")),  # over a weekend
        ("2026-03-03T08:00", "2026-03-03T09:00", None),
        ("2026-03-02T21:00", "2026-03-03T06:00", None),
    ],
)
def test_the_quiet_time_that_is_over_is_known(since, now, found):
    times = quiet.read("20:00-07:00 Sat,Sun").over(moment(since), moment(now))
    assert times == (found if found is None else tuple(map(moment, found)))


def test_what_is_due_in_quiet_hours_is_one_card_at_their_end_and_the_topic_does_not_wait(storage, tmp_path):
    watch = Watch(storage, tmp_path, DRIFT_QUIET_HOURS="05:00-09:30")
    folder = first()
    one = fixed(folder, "vm1")
    seen(watch, folder, one, fixed(one, "vm2"))  # at six, seven and eight
    assert watch.webhook.messages == []
    assert len(watch.topic.events) == 6
    watch.time = moment("2026-03-02T09:30")
    watch.teller.announce()
    (shown,) = said(watch.webhook)
    assert "2 cards of quiet hours, in one" in shown
    watch.teller.announce()
    assert len(watch.webhook.messages) == 1


def test_a_digest_that_falls_into_quiet_hours_comes_at_their_end_once(storage, tmp_path):
    watch = Watch(storage, tmp_path, DRIFT_QUIET_HOURS="05:00-09:30", DRIFT_ANNOUNCE_PP="99")
    folder = first()
    seen(watch, folder, fixed(folder, "vm1"))
    watch.teller.digest()
    watch.teller.announce()
    assert watch.webhook.messages == []
    watch.time = moment("2026-03-02T09:31")
    watch.tell().announce()
    watch.tell().announce()
    assert len(watch.webhook.messages) == 1


def test_beyond_the_most_cards_of_an_hour_one_sums_up_even_by_a_new_worker(storage, tmp_path):
    watch = Watch(storage, tmp_path, DRIFT_CARDS_PER_HOUR="2")
    folder = first()
    seen(watch, folder)
    begin = watch.time
    for number in range(4):
        folder = fixed(folder, "vm1", to="Unhealthy" if number % 2 else "Healthy")
        watch.see(folder)
        watch.time = begin + (number + 1) * HOUR // 10
        watch.tell().announce()
    assert len(watch.webhook.messages) == 2
    assert len(watch.topic.events) == 12
    watch.time = begin + HOUR // 10 + HOUR - 1
    watch.tell().announce()
    assert len(watch.webhook.messages) == 2
    watch.time += 1
    watch.tell().announce()
    assert len(watch.webhook.messages) == 3
    assert "2 cards of the last hour, in one" in said(watch.webhook)[2]
    assert watch.store.due() == []


def test_where_there_are_few_cards_nothing_is_said_to_have_waited(storage, tmp_path):
    watch = Watch(storage, tmp_path, DRIFT_CARDS_PER_HOUR="2", DRIFT_QUIET_HOURS="01:00-02:00")
    folder = first()
    seen(watch, folder, one := fixed(folder, "vm1"), two := fixed(one, "vm2"), fixed(two, "vm3"))
    assert len(watch.webhook.messages) == 3
    assert not any("in one" in shown for shown in said(watch.webhook))


# Told again


def test_a_movement_that_takes_back_one_that_was_told_says_so(routed):
    folder = first()
    one = fixed(folder, "vm1", "vm3")
    seen(routed, folder, one, fixed(one, "vm1", "vm3", to="Unhealthy"))
    told, back = said(routed.webhook)
    assert "Takes back" not in told
    assert "Takes back what was told of" in back
    (earlier, _) = routed.rows("all")
    assert f"+{earlier.movement:.2f} pp" in back
    assert "Takes back what was told of" in pro(routed)[1]
    assert "Takes back what was told of" in pay(routed)[1]


def test_what_was_already_taken_back_is_not_taken_back_again(storage, tmp_path):
    watch = Watch(storage, tmp_path)
    folder = fixed(first(), "vm2", hours=0)
    one = fixed(folder, "vm1")
    two = fixed(one, "vm1", to="Unhealthy")
    seen(watch, folder, one, two, fixed(two, "vm2", to="Unhealthy"))
    assert ["Takes back" in shown for shown in said(watch.webhook)] == [False, True, False]


def test_what_is_told_together_with_what_it_takes_back_is_not_said_to_have_been_told(routed):
    folder = first()
    one = fixed(folder, "vm1")
    for each in (folder, one, fixed(one, "vm1", to="Unhealthy")):
        routed.see(each)
    routed.teller.announce()
    (shown,) = said(routed.webhook)
    assert "Takes back" not in shown


def movement(*causes: tuple[str, float], left: int = 0) -> dict[str, Any]:
    own = [{"subject": subject, "scope": SUB, "share": share} for subject, share in causes]
    return {"movement": sum(share for _, share in causes), "causes": own, "left": {"causes": left}}


@pytest.mark.parametrize(
    ("now", "then", "does"),
    [
        ([("a", 1.0)], [("A", -1.004)], True),
        ([("a", 1.0)], [("a", -1.02)], False),
        ([("a", 1.0)], [("b", -1.0)], False),
        ([("a", 1.0), ("b", -0.5)], [("a", -1.0), ("b", 0.5)], True),
        ([("a", 1.0), ("b", -0.5)], [("a", -0.5)], False),
        ([("a", 1.0)], [("a", 1.0)], False),
    ],
)
def test_a_movement_takes_back_its_opposite_to_a_hundredth(now, then, does):
    assert takes_back(movement(*now), movement(*then)) is does


def test_what_is_too_small_to_be_shown_takes_nothing_back():
    """No storage is asked: there is none."""
    head = Head("all", "all", 1, 1, "blob")
    assert told_at_once(None, head, movement(("a", 0.004)), {"teams", "topic"}) == {"to": ["teams"]}


def test_of_a_movement_with_many_causes_the_largest_decide():
    many = [(f"r{number}", 1.0) for number in range(12)]
    then = movement(*((name, -share) for name, share in many[:10]), left=2)
    then["movement"] = -12.0
    assert takes_back(movement(*many), then)
    assert not takes_back(movement(*many[:11], ("r11", 1.5)) | {"movement": 12.0}, then)


def test_what_becomes_known_of_a_told_movement_is_in_the_digest_once_and_not_told_anew(routed):
    folder = first()
    seen(routed, folder, fixed(folder, "vm1", "vm3"))
    assert (len(said(routed.webhook)), len(pay(routed))) == (1, 1)
    for _ in range(2):
        routed.monitor.record(event("vm1", at(5)))
    for _ in range(2):
        routed.teller.announce()
        routed.teller.digest()
    for told in (said(routed.webhook), pay(routed)):
        _, shown = told
        assert "Known better since it was told" in shown
        assert "Ana Lopez" in shown
    assert routed.store.due(digest=True) == []


def test_what_becomes_known_of_others_part_is_not_told_to_an_owner(routed):
    folder = first()
    seen(routed, folder, fixed(folder, "vm1", "vm3"))
    routed.monitor.record(event("vm3", at(5)))
    routed.teller.digest()
    assert (len(said(routed.webhook)), len(pay(routed))) == (2, 1)


def test_who_puts_a_movement_into_the_outbox_again_leaves_the_mark_of_a_later_one(routed):
    store = routed.store
    store.expect(SUB, 10**18, digest=True)
    (mark,) = store.due(digest=True)
    for _ in range(2):
        store.again(Waiting(SUB, 5, frozenset({"digest"}), 1))
    store.settle(mark, digest=True)
    assert [one.at for one in store.due(digest=True)] == [10**18]
    assert [one.destinations for one in store.waiting(SUB)] == [{"digest"}]


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
def test_a_kill_while_more_becomes_known_loses_no_word_of_it(storage, tmp_path, step):
    watch = Watch(storage, tmp_path)
    folder = first()
    seen(watch, folder, fixed(folder, "vm1"))
    watch.storage.log.clear()
    watch.storage.die_at = step + 2  # the event itself is written twice
    with pytest.raises(KilledError):
        watch.monitor.record(event("vm1", at(5)))
    watch.storage.die_at = None
    watch.monitor.record(event("vm1", at(5)))
    watch.teller.digest()
    assert "Known better" in said(watch.webhook)[1]


def test_of_what_is_still_to_be_told_nothing_is_told_twice(routed):
    folder = first()
    seen(routed, folder)
    routed.see(fixed(folder, "vm1"))
    routed.monitor.record(event("vm1", at(5)))
    routed.teller.announce()
    routed.teller.digest()
    assert len(said(routed.webhook)) == 1


# Notifications


NOTIFY = {"DRIFT_NOTIFY": SUB, "DRIFT_NOTIFY_LINK": "https://teams.microsoft.com/l/channel/x/y"}


def test_people_are_notified_of_what_is_told_at_once_in_one_line(storage, tmp_path):
    watch = Watch(storage, tmp_path, **NOTIFY)
    folder = first()
    seen(watch, folder, fixed(folder, "vm1"))
    ((_, words),) = watch.notified.messages
    assert words.startswith("Secure score +")
    assert "all subscriptions" in words
    assert "\n" not in words


def test_a_graph_that_is_down_stops_no_card_and_is_asked_again_under_the_same_id(storage, tmp_path):
    watch = Watch(storage, tmp_path, **NOTIFY)
    folder = first()
    asked: Sequence[int] = []

    def refuse() -> None:
        asked.append(1)
        raise ServiceError("Microsoft Graph answered 503")

    watch.notified.refuse = refuse
    watch.see(folder)
    watch.see(fixed(folder, "vm1"))
    for _ in range(2):
        with pytest.raises(ServiceError, match="503"):
            watch.teller.announce()
    assert (len(asked), len(watch.webhook.messages)) == (2, 1)
    watch.notified.refuse = None
    watch.teller.announce()
    watch.teller.announce()
    assert len(watch.notified.messages) == 1


def test_a_pace_remembers_no_more_than_counts(storage, tmp_path):
    watch = Watch(storage, tmp_path)
    pace = Pace(watch.store, 3)
    for number in range(10):
        pace.posted("teams", number)
    pace.posted("digest", 10)
    assert watch.store.note("posted", "teams") == {"at": [8, 9, 10]}

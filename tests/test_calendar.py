"""The calendar over a real store: kept with every head, answered by date, told before and after, each once."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from drift.adapters.ledger import INLINE
from drift.engine.segments import iso
from drift.errors import ServiceError
from drift.history import History, NothingKnownError, UnknownScopeError
from drift.model import DAY, HOUR, ticks
from drift.retention import Retention
from drift.telling import Teller
from drift.web.api import respond
from tests.build import SUB, T0, Estate, at, estate, exemption, exemption_id, guid, tenant
from tests.cards import markup, of_type
from tests.watched import KilledError, Watch
from tests.web.test_api import conforms

MARKS = {("vm1", "a"): "Exempt", ("vm2", "a"): "Unhealthy", ("vm3", "a"): "Healthy", ("st1", "b"): "Healthy"}
CONTROLS = {"c": (10, ["a"]), "d": (4, ["b"])}
OTHER = guid("other")
SHARE = 100 * 10 * (1 / 3 - 1 / 2) / 14


@pytest.fixture
def watch(storage: str, tmp_path: Path) -> Watch:
    return Watch(storage, tmp_path)


def first(ends: float = 48, title: str = "waived", **more: Any) -> Estate:
    return estate(
        controls=CONTROLS, marks=MARKS, exemptions={title: exemption("vm1", ("a",), expires=at(ends))}, **more
    )


def asked(watch: Watch, scope: str = SUB, until: int | None = None) -> list[Any]:
    found = History(watch.store, watch.settings.groups).calendar(scope, until)["value"]
    assert isinstance(found, list)
    return found


def test_what_is_due_is_known_from_the_first_look(watch):
    watch.see(first())
    (entry,) = asked(watch)
    assert (entry["kind"], entry["subject"]) == ("exemption_ends", exemption_id("waived", "vm1"))
    assert (entry["at"], entry["scope"], entry["subscription"]) == (iso(ticks(at(48))), SUB, "sub 1111")
    assert entry["share"] == pytest.approx(SHARE)


def test_the_calendar_follows_what_surrounds_the_marks(watch):
    folder = first()
    watch.see(folder)
    watch.see(folder.but(1, exemptions={"waived": exemption("vm1", ("a",), expires=at(72))}))
    assert [entry["at"] for entry in asked(watch)] == [iso(ticks(at(72)))]


def test_an_unchanged_look_leaves_the_calendar(watch):
    folder = first()
    watch.see(folder)
    watch.see(folder.but(1))
    watch.storage.log.clear()
    watch.see(folder.but(2), roll_up=False)
    assert watch.storage.log == ["put"]


def test_a_groups_calendar_is_its_subscriptions_weighted(watch):
    other = estate(subscription=OTHER, controls={"c": (10, ["a"])}, marks={("vm9", "a"): "Healthy"})
    watch.see(tenant(first(tags={"environment": "prod"}), other))
    weights = {scope: row.weight for scope in (SUB, OTHER) for row in [watch.store.standing(scope, 2**62)]}
    assert weights[OTHER]
    (entry,) = asked(watch, "all")
    assert entry["share"] == pytest.approx(SHARE * weights[SUB] / sum(weights.values()))
    (entry,) = asked(watch, "prod")
    assert entry["share"] == pytest.approx(SHARE)
    assert asked(watch, OTHER) == []


def test_entries_are_by_date_and_those_without_one_last(watch):
    more = {name: exemption("vm1", ("a",), expires=at(hours)) for name, hours in (("late", 90), ("soon", 20))}
    preview = {("vm1", "p"): "Unhealthy"}
    folder = estate(
        controls={"c": (10, ["a", "p"]), "d": (4, ["b"])},
        marks=MARKS | preview,
        exemptions=more,
        recommendations={"p": {"preview": True}},
    )
    watch.see(folder)
    dates = [entry["at"] for entry in asked(watch)]
    assert dates[-1] is None
    assert dates[:-1] == sorted(dates[:-1]) != []
    until = [entry["at"] for entry in asked(watch, until=ticks(at(50)))]
    assert until == [one for one in dates if one is None or one <= iso(ticks(at(50)))]
    assert len(until) < len(dates)


def test_a_subscription_without_a_score_has_nothing_due(watch):
    folder = first()
    watch.see(folder)
    watch.see(folder.but(1, plans={"FoundationalCspm": "Free"}))
    assert asked(watch) == []
    assert asked(watch, "all") == []


def test_what_is_not_watched_has_no_calendar(watch):
    watch.azure.show(first())
    watch.look(SUB)
    for scope, error in ((guid("nowhere"), UnknownScopeError), ("all", NothingKnownError)):
        with pytest.raises(error):
            asked(watch, scope)


def test_a_large_calendar_is_whole_and_stays_when_what_is_old_goes(watch):
    watch.see(first())
    large = watch.store.ledger.calendar(SUB) | {"name": Random(1).randbytes(2 * INLINE).hex()}
    watch.store.ledger.keep_calendar(SUB, large)
    assert watch.store.ledger.calendar(SUB) == watch.store.ledger.calendars()[SUB] == large
    entity = watch.storage.get("driftindex", "calendar", SUB)
    (written,) = [at for name, at in watch.storage.names() if name == entity["blob"]]
    Retention(watch.store, watch.storage, 25, lambda: written + 2 * HOUR).expire()
    assert watch.store.ledger.calendar(SUB) == large
    watch.see(first().but(1, exemptions={"waived": None}))
    assert [entry["kind"] for entry in asked(watch)] == ["exemption_ended"]


def test_where_nothing_moves_what_is_due_comes_ends_and_goes(watch):
    due = {"governance": {("vm2", "a"): {"due": at(30), "grace": False}}}
    folder = first(ends=20, title="for “a” ends: b", tags={"environment": "prod"}, **due)
    watch.see(folder)
    days: dict[float, list[str]] = {}
    for hours in (1, 25, 40, 20 + 6 * 24, 21 + 7 * 24):
        watch.see(folder.but(hours))
        for scope in (SUB, "prod"):
            days[hours] = [entry["kind"] for entry in asked(watch, scope)]
    assert list(days.values()) == [
        ["exemption_ends", "remediation_due"],
        ["exemption_ended", "remediation_due"],
        ["exemption_ended"],
        ["exemption_ended"],
        [],
    ]


def test_what_has_ended_is_said_to_have_ended(watch):
    folder = first(ends=20, title="for “a” ends: b")
    watch.see(folder)
    (before,) = asked(watch)
    watch.see(folder.but(21))
    (after,) = asked(watch)
    assert before["title"].replace("b” ends: ", "b” ended: ") == after["title"] != before["title"]
    assert after["share"] == before["share"]


def test_what_is_to_be_retired_waits_for_that(watch):
    folder = estate(controls=CONTROLS, marks=MARKS, recommendations={"a": {"deprecated": "04/2026"}})
    watch.see(folder)
    watch.see(folder.but(24 * 50))
    assert [entry["kind"] for entry in asked(watch)] == ["recommendation_deprecated"]


@pytest.mark.parametrize("route", ["calendar", "forecasts", "pending"])
@pytest.mark.parametrize("scope", ["all", SUB, "prod"])
def test_what_is_answered_is_what_the_document_says(watch, route, scope):
    folder = first(tags={"environment": "prod"})
    watch.see(folder)
    new = folder.world.exemptions | {"new": exemption("vm2", ("a",))}
    watch.see(folder.but(1, exemptions=new, marks={("vm3", "a"): "Unhealthy"}, counts={"c": (1, 2)}))
    answer = respond(lambda: History(watch.store, watch.settings.groups), route, {}, {"scope": scope})
    assert answer.status == 200
    assert conforms(route, answer)["value"]


@pytest.mark.parametrize(
    ("route", "query", "parameter"),
    [
        ("forecasts", {"state": "late"}, "state"),
        ("forecasts", {"continuation": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, "continuation"),
        ("calendar", {"from": "2026-03-02T06:00:00Z"}, "from"),
        ("calendar", {"to": "soon"}, "to"),
    ],
)
def test_what_is_asked_wrongly_is_named(watch, route, query, parameter):
    answer = respond(lambda: History(watch.store, watch.settings.groups), route, {}, query)
    assert conforms(route, answer)["parameter"] == parameter


# The digest


def test_what_ends_is_told_a_week_before_and_when_it_has_ended_each_once(watch):
    folder = first(ends=10 * 24)
    watch.see(folder)
    assert watch.digest() == []
    watch.time = ticks(T0) + 4 * DAY
    said = watch.digest()
    assert "Digest: what is due" in said
    assert "In the next 7 days" in said
    assert any("“waived”" in line for line in said)
    watch.time += DAY
    assert watch.digest() == []
    watch.time = ticks(T0) + 10 * DAY + HOUR  # it has ended, be it that nothing was read since
    said = watch.digest()
    assert "Ended" in said
    assert "In the next 7 days" not in said
    watch.see(folder.but(10 * 24 + 2, marks={("vm1", "a"): "Unhealthy"}))
    watch.time += DAY
    assert "Ended" not in watch.digest()


def test_an_exemption_that_is_renewed_is_told_by_its_new_end(watch):
    folder = first()
    watch.see(folder)
    assert watch.digest()
    watch.see(folder.but(1, exemptions={"waived": exemption("vm1", ("a",), expires=at(96))}))
    assert any("2026-03-06 06:00" in line for line in watch.digest())
    assert watch.digest() == []


def test_the_digest_tells_movements_and_what_is_due_on_one_card(storage, tmp_path):
    watch = Watch(storage, tmp_path, DRIFT_ANNOUNCE_PP="99")
    folder = first()
    watch.see(folder)
    watch.see(folder.but(8, marks={("vm2", "a"): "Healthy"}))
    said = watch.digest()
    assert len(watch.webhook.messages) == 1
    assert "In the next 7 days" in said
    assert any("below the threshold" in line for line in said)


def test_the_largest_are_told_and_the_rest_is_counted(watch):
    ends = {f"e{number}": exemption("vm1", ("a",), expires=at(24 + number)) for number in range(40)}
    watch.see(estate(controls=CONTROLS, marks=MARKS, exemptions=ends))
    due = len([entry for entry in asked(watch) if entry["kind"] == "exemption_ends"])
    said = watch.digest()
    assert f"and {due - 10:,} more" in said
    assert watch.digest() == []


def many_due(watch: Watch, number: int) -> None:
    watch.see(first())
    entry = watch.store.ledger.calendar(SUB)["value"][0]
    value = [entry | {"subject": f"/e/{one}", "share": -one / number} for one in range(number)]
    watch.store.ledger.keep_calendar(SUB, watch.store.ledger.calendar(SUB) | {"value": value})


def test_very_many_that_end_are_told_on_one_card_each_once(watch):
    many_due(watch, 7_000)
    assert "and 6,990 more" in watch.digest()
    assert len(watch.webhook.messages) == 1
    assert len(watch.store.ledger.agenda()[SUB]) == 7_000
    for _ in range(2):
        assert watch.digest() == []
    written = max(at for _, at in watch.storage.names())
    Retention(watch.store, watch.storage, 25, lambda: written + 2 * HOUR).expire()
    assert watch.digest() == []


def test_of_very_many_that_end_a_killed_digest_repeats_one_message(watch):
    many_due(watch, 3_000)
    watch.storage.log.clear()
    watch.storage.die_at = 2  # it is noted and sent, not what was told
    with pytest.raises(KilledError):
        watch.teller.digest()
    watch.storage.die_at = None
    watch.teller.digest()
    assert len(watch.webhook.messages) == 2
    assert watch.webhook.messages[0] == watch.webhook.messages[1]
    assert len(watch.store.ledger.agenda()[SUB]) == 3_000
    assert watch.digest() == []


def test_hostile_names_are_told_as_text(watch):
    hostile, folder = "[prod](http://evil.example) <at>all</at> **bold**", first()
    folder["subscriptions.json"]["value"][0]["displayName"] = hostile
    folder[f"{SUB}/policy-exemptions.json"]["value"][0]["properties"]["displayName"] = hostile
    watch.see(folder)
    said = " ".join(watch.digest())
    assert said.count("bold") == 2
    assert not any(sign in said for sign in ("](", "<at>", "http://"))
    (body,) = (body for _, body in watch.webhook.messages)
    (content,) = (one["content"] for one in body["attachments"])
    assert [one["text"] for one in of_type(content, "TextBlock") if markup(one["text"])] == []


def test_while_teams_is_down_what_is_due_waits(watch):
    def refuse() -> None:
        raise ServiceError("Teams answered 500")

    watch.see(first())
    watch.webhook.refuse = refuse
    with pytest.raises(ServiceError):
        watch.teller.digest()
    watch.webhook.refuse = None
    assert "In the next 7 days" in watch.digest()
    assert watch.digest() == []


def test_without_a_webhook_nothing_is_told(watch):
    watch.see(first())
    Teller(watch.store, None, None, lambda: watch.time).digest()
    assert watch.store.ledger.agenda() == {}


def test_a_digest_killed_at_any_step_repeats_at_most_one_message_under_its_id(watch):
    folder = first()
    watch.see(folder)
    steps = 0
    for step in count(1):
        ends = {f"e{step}": exemption("vm1", ("a",), expires=at(48 + step))}
        folder = folder.but(0.1, exemptions=ends)
        watch.see(folder)
        watch.webhook.messages.clear()
        watch.storage.log.clear()
        watch.storage.die_at = step
        killed = False
        try:
            watch.teller.digest()
        except KilledError:
            killed = True
        watch.storage.die_at = None
        watch.teller.digest()
        own, *again = watch.webhook.messages
        assert again in ([], [own]), f"killed before operation {step}"
        assert watch.digest() == []
        steps = step
        if not killed:
            break
    assert steps > 3

"""The demo's first days through all real parts: what it tells is what happened, each thing once, and it adds up."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from math import fsum
from typing import Any
from urllib.request import urlopen

import pytest

from demo.answers import write_folder
from demo.northwind import MONDAY, STORY, begin, on
from demo.weeks import DIARY, END, Weeks, moments, tell
from drift.card import text
from drift.folders import explain_folders
from tests.cards import scopes

Json = dict[str, Any]
UNTIL = on(2, "Wed", "18:00")
THRESHOLD = 0.5


@dataclass
class Seen:
    """What a run of the demo told, and what was asked of it while it served."""

    status: int = -1
    printed: str = ""
    answers: dict[str, tuple[int, Json]] = field(default_factory=dict)
    deltas: dict[str, list[Json]] = field(default_factory=dict)
    explained: Json = field(default_factory=dict)
    changes: list[Json] = field(default_factory=list)
    cards: list[Json] = field(default_factory=list)
    published: list[Json] = field(default_factory=list)
    writes: list[Any] = field(default_factory=list)

    def small(self, scope: str, until: str) -> list[Json]:
        return [one for one in self.deltas[scope] if one["causes"] and not large(one) and one["to"] <= until]


def large(delta: Json) -> bool:
    if delta["movement"] is None:  # a score that came or went is large, one that stayed away is nothing
        return delta["before"] != delta["after"]
    return abs(delta["movement"]) >= THRESHOLD


@pytest.fixture(scope="module")
def seen() -> Seen:
    found = Seen()
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")

    def ask(weeks: Weeks) -> None:
        out.flush()
        found.printed = out.buffer.getvalue().decode()  # type: ignore[attr-defined]
        for line in found.printed.splitlines():
            if line.strip().startswith("curl "):
                url = shlex.split(line)[-1]
                with urlopen(url) as answer:
                    found.answers[url] = answer.status, json.load(answer)
        for scope in ("all", "prod", "dev", *(account.id for account in weeks.world.accounts)):
            found.deltas[scope] = weeks.listed("deltas", scope=scope, limit="10")[::-1]
        found.explained = weeks.get("explain", scope="prod", **{"from": "2026-03-02T00:00:00Z"})
        found.changes = weeks.listed("changes", scope="all", **{"from": "2026-03-01T00:00:00Z"})
        found.cards = [body["attachments"][0]["content"] for _, body in weeks.azure.cards["/teams/security"]]
        found.published = list(weeks.azure.events)
        found.writes = list(weeks.azure.writes)

    with contextlib.redirect_stdout(out):
        found.status = tell(0, UNTIL, ask)
    return found


def test_it_ends_well(seen):
    assert seen.status == 0
    assert "0 writes to Azure" in seen.printed
    assert seen.writes == []


def test_every_large_movement_is_told_on_one_card_in_order(seen):
    told: dict[str, list[str]] = {}
    for card in seen.cards:
        for name, ends in scopes(card) if not text(card).startswith("Digest") else []:
            told.setdefault(name, []).append(ends)
    names = {own[-1]["scope"]: own[-1]["name"] for own in seen.deltas.values()} | {"all": "all subscriptions"}
    expected = {
        names[scope]: [f"{percent(one['before'])} → {percent(one['after'])}" for one in own if large(one)]
        for scope, own in seen.deltas.items()
    }
    assert told == expected
    assert sum(map(len, told.values())) >= 10


def percent(value: float | None) -> str:
    return "no score" if value is None else f"{value:.2f} %"


def test_what_is_small_is_counted_in_the_digest(seen):
    (digest,) = [card for card in seen.cards if text(card).startswith("Digest")]
    friday = "2026-03-06T18:00:00Z"
    assert {name: int(re.search(r"after (\d+) movement", ends)[1]) for name, ends in scopes(digest)} == {
        "all subscriptions": len(seen.small("all", friday)),
        "prod": len(seen.small("prod", friday)),
        "sub-prod": len(seen.small("prod", friday)),
    }


def test_every_message_and_every_event_comes_once(seen):
    refs = [re.search(r"ref (\w+)", text(card)) for card in seen.cards]
    assert len({found[1] for found in refs if found}) == len(seen.cards)
    ids = [event["id"] for event in seen.published]
    assert len(set(ids)) == len(ids) > 10
    assert set(ids) <= {one["id"] for own in seen.deltas.values() for one in own}


def test_the_movements_of_every_scope_add_up_to_what_its_score_did(seen):
    for own in seen.deltas.values():
        assert all(one["after"] == following["before"] for one, following in pairwise(own))
        scored = [one for one in own if one["movement"] is not None]
        moved = fsum(one["movement"] for one in scored)
        assert moved == pytest.approx(scored[-1]["after"] - scored[0]["before"] if scored else 0)
    assert sum(len(own) > 3 for own in seen.deltas.values()) >= 3


def test_the_summary_says_what_drift_explain_says_of_the_same_moments(seen, tmp_path):
    world, folders = begin(), []
    for moment in moments(UNTIL):
        world.advance(moment)
        folders.append(tmp_path / f"{moment:%m%d%H}")
        write_folder(world, folders[-1])
    found = explain_folders(folders, "tag:environment=prod", lambda *_: None)
    assert found["movement"] == pytest.approx(seen.explained["movement"])
    assert found["classes"] == pytest.approx(seen.explained["classes"])
    own = found["classes"]["earned"] + found["classes"].get("lost", 0.0)
    said = re.search(r"prod: ([\d.]+) % → ([\d.]+) %, (\S+) pp in (\d+) movements", seen.printed)
    assert said is not None
    assert [float(said[at]) for at in (1, 2, 3)] == [
        round(value, 2) for value in (found["before"]["percentage"], found["after"]["percentage"], found["movement"])
    ]
    assert int(said[4]) == len(seen.deltas["prod"])
    assert f"own work is {own:+.2f} pp of it" in seen.printed


def test_events_are_recorded_with_who_caused_them(seen):
    assert {"resource", "assignment"} <= {one["category"] for one in seen.changes}
    assert f"{len(seen.changes)} events from Event Grid" in seen.printed
    assert any(one["subject"].endswith("/web-loyalty-01") for one in seen.changes)


def test_the_printed_commands_work_while_it_serves(seen):
    assert [status for status, _ in seen.answers.values()] == [200] * 5
    answers = {url.partition("/api/")[2].partition("?")[0]: answer for url, (_, answer) in seen.answers.items()}
    assert all(answers[question]["value"] for question in ("deltas", "scores", "changes"))
    assert answers["explain"]["parts"]
    assert "value" in answers["pending"]


def test_what_is_printed_is_short_and_in_order(seen):
    assert max(map(len, seen.printed.splitlines())) <= 120
    days = [line.strip() for line in seen.printed.splitlines() if re.match(r"  (· )?\w+day \d\d:\d\d", line)]
    assert days[0].startswith("· Tuesday 09:00")
    for at, words in DIARY:
        assert (words in " ".join(seen.printed.split())) == (at <= UNTIL)
    assert "── Week 2" in seen.printed
    assert "── Week 3" not in seen.printed


def test_the_diary_tells_of_every_act_and_of_nothing_else():
    told = [at for at, _ in DIARY]
    acts = [at for at, _ in STORY if at >= MONDAY]
    assert told == sorted(told)
    assert set(told) - {on(6, "Tue", "12:00")} <= set(acts)  # when the waiver ends, nobody acts
    for act in acts:
        assert any(at <= act <= at + timedelta(hours=1) for at in told)


def test_the_whole_of_it_ends_with_the_last_digest():
    assert list(moments(END))[-1] == on(6, "Fri", "18:00")

"""What the fault tests share: a tenant that moves, the app over all its real parts, and what must hold afterwards.

stage.serve(town.step())         Azure shows the next hour
with stage.host() as host:       the app in Microsoft's worker library, over Azurite and a pretend Azure
    stage.live(host)             the timers tick
stage.check(town)                nothing lost, nothing doubled, all adds up, all was told in order
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient

from demo.azure import Azure
from demo.host import FunctionError, Host
from drift import bootstrap
from drift.adapters.defender import Defender
from drift.adapters.entities import Row
from drift.adapters.storage import Storage
from drift.adapters.store import Store
from drift.model import Json
from drift.record import Record
from drift.settings import Connection
from drift.words import percent
from tests.cards import scopes
from tests.faults.town import Town
from tests.services import forget_the_app

ROOT = Path(__file__).resolve().parents[2]
NEVER = "0 0 0 29 2 *"
"""A schedule that does not tick while a test runs."""

TIMERS = ("snapshot_timer", "rollup_timer", "announce_timer")


class Stage:
    """A pretend Azure and an account of Azurite's, with the settings of an app over them."""

    def __init__(self, azure: Azure, connection: str, **environment: str) -> None:
        self.azure, self.connection = azure, connection
        self.settings = {
            "AzureWebJobsStorage": connection,
            "DRIFT_STORAGE": "AzureWebJobsStorage",
            "DRIFT_ARM_ENDPOINT": azure.endpoint,
            "DRIFT_CREDENTIAL": "none",
            "DRIFT_GROUPS": "prod=tag:environment=prod",
            "DRIFT_ANNOUNCE_PP": "0",
            "DRIFT_CARDS_PER_HOUR": "1000",
            "DRIFT_TOPIC_ENDPOINT": azure.topic,
            "TEAMS_WEBHOOK_URL": azure.webhook("security"),
            "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:00",
            **{f"DRIFT_{name}_SCHEDULE": NEVER for name in ("SNAPSHOT", "ROLLUP", "ANNOUNCE", "CALENDAR", "DIGEST")},
            **environment,
        }
        self.store = Store(Storage(Connection("AzureWebJobsStorage", string=connection)))
        self.answer: Callable[[], int | None] = lambda: None
        """What Teams answers; None: it takes the card."""
        self.sent: list[tuple[str, list[str]]] = []
        """What Teams took: the id of each message, and the movements that it was noted to be about."""
        self.published: list[list[str]] = []
        """What the topic took: the ids of the events of each request."""
        azure.teams_answers, azure.topic_answers = self._answered, self._noted

    def _answered(self, _: str, body: Json) -> int | None:
        note, status = self.store.note("sending", "teams"), self.answer()
        assert note is not None, "a card was sent without a note of it"
        assert note["id"] == _id(_content(body))
        if status in (None, 202):
            self.sent.append((note["id"], [f"{scope}.{at}" for scope, at in note["rows"]]))
        return status

    def _noted(self, _: str, body: list[Json]) -> None:
        self.published.append([event["id"] for event in body])

    def serve(self, town: Town) -> None:
        self.azure.serve(town.folder, town.now)

    @contextmanager
    def host(self, **environment: str) -> Iterator[Host]:
        """The app in this process. It asks Azure again at once where in production it would pause."""
        kept = bootstrap.defender
        forget_the_app()
        bootstrap.defender = cache(lambda: Defender(self.azure.endpoint, None, backoff=0.005))
        try:
            with Host(ROOT, settings=self.settings | environment, lease=timedelta(seconds=30)) as host:
                yield host
        finally:
            bootstrap.defender = kept

    def live(self, host: Host) -> None:
        """A pass: the timers tick one after the other; what fails ticks again, as a timer does."""
        for timer in TIMERS:
            ticked(host, timer)
            host.idle()

    # Queues and events

    def queue(self, name: str) -> QueueClient:
        client = QueueClient.from_connection_string(self.connection, name)
        with suppress(ResourceExistsError):
            client.create_queue()
        return client

    def send(self, name: str, *messages: str) -> None:
        client = self.queue(name)
        for message in messages:
            client.send_message(base64.b64encode(message.encode()).decode())

    def depth(self, name: str) -> int:
        """How many messages a queue holds, those in hand and those to come among them."""
        return self.queue(name).get_queue_properties().approximate_message_count or 0

    # What holds

    def rows(self, scope: str) -> list[Row]:
        """The movements of a chain, oldest first."""
        return self.store.movements(scope, limit=1000).items[::-1]

    def check(self, town: Town, *scopes: str, repeats: int = 0) -> None:
        """Of each chain (all, if none are named): it adds up, ends where the town is, and was told once and in order.

        `repeats` is how many messages a destination may have got again, under the same id.
        """
        scopes = scopes or (*town.ids, "all", "prod")
        rows = {scope: self.rows(scope) for scope in scopes}
        for scope in scopes:
            self._adds_up(rows[scope])
            prod = [one for one in town.ids if town.estates[one].world.tags.get("environment") == "prod"]
            members = {"all": town.ids, "prod": prod}.get(scope, [scope])
            assert rows[scope][-1].told["after"]["percentage"] == near(town.score(*members)), scope
            assert self.store.waiting(scope) == [], scope
        self._published(rows, repeats)
        self._posted(rows, repeats)

    def _adds_up(self, rows: Sequence[Row]) -> None:
        for row in rows:
            found = self.store.load(row.blob, Record).explained()
            assert (found["movement"], found["after"]) == (row.movement, row.told["after"])
            if row.movement is not None:
                assert sum(cause["share"] for cause in found["causes"]) == near(row.movement)
                ends = found["before"]["percentage"], found["after"]["percentage"]
                assert ends[1] - ends[0] == near(row.movement)
        for earlier, later in pairwise(rows):
            assert later.since is not None
            assert later.since >= earlier.at
            before, after = later.told["before"]["percentage"], earlier.told["after"]["percentage"]
            assert before == (after if after is None else near(after))

    def _published(self, rows: dict[str, list[Row]], repeats: int) -> None:
        requests = list(dict.fromkeys(map(tuple, self.published)))
        assert len(self.published) - len(requests) <= repeats, "more was published again than there were kills"
        told = [one for request in requests for one in request]
        for scope, own in rows.items():
            assert [one for one in told if one.startswith(f"{scope}.")] == [row.id for row in own], scope

    def _posted(self, rows: dict[str, list[Row]], repeats: int) -> None:
        cards = [_content(body) for _, body in self.azure.cards["/teams/security"]]
        assert [_id(card) for card in cards] == [message for message, _ in self.sent]
        again = len(self.sent) - len({message for message, _ in self.sent})
        assert again <= repeats, "more was posted again than there were kills"
        once: dict[str, Json] = {}
        for (message, told), card in zip(self.sent, cards, strict=True):
            assert once.setdefault(message, card) == card, "a repeat says something else"
            known = [row for one in told if (row := self.store.movement(*_parts(one))) is not None]
            assert len(known) == len(told)
            shown = _shown(card)
            assert set(shown) <= set(_lines(known)), message
            assert shown or (len(told) == 1 and f"movement {told[0]}" in str(card)), message
        told = [one for ids in dict(self.sent).values() for one in ids]
        for scope, own in rows.items():
            assert [one for one in told if one.startswith(f"{scope}.")] == [row.id for row in own], scope


def _content(body: Json) -> Json:
    found: Json = body["attachments"][0]["content"]
    return found


def _id(card: Json) -> str:
    found: str = card["body"][-1]["id"]
    return found


def _parts(identity: str) -> tuple[str, int]:
    scope, _, at = identity.rpartition(".")
    return scope, int(at)


def _lines(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Movements as a card's table shows them: scope and its two scores, several of one scope as one."""
    scopes: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.at):
        scopes.setdefault(row.scope, []).append(row)
    for scope, own in scopes.items():
        name = "all subscriptions" if scope == "all" else own[-1].told["name"]
        joined = [(own[0], own[-1])] if all(row.movement is not None for row in own) else zip(own, own, strict=True)
        for first, last in joined:
            before, after = percent(first.told["before"]), percent(last.told["after"])
            inside = [row for row in own if first.at <= row.at <= last.at]
            whole = all(one.told["after"] == two.told["before"] for one, two in pairwise(inside))
            yield name, f"{before} → {after}" if whole else f"{after} afterwards"


def _shown(card: Json) -> list[tuple[str, str]]:
    """The movements in a card's table, if it has one."""
    return [(name.partition(" (")[0], ends) for name, ends in scopes(card)]


def ticked(host: Host, timer: str, tries: int = 10) -> int:
    """A timer that ticks until its function succeeds; how often it failed."""
    for failed in range(tries):
        with suppress(FunctionError):
            host.run_timer(timer)
            return failed
    raise AssertionError(f"{timer} failed {tries} times")


def near(number: float) -> Any:
    import pytest

    return pytest.approx(number, abs=1e-9)


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Waits for something that happens in another process."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def once(act: Callable[[], object]) -> Callable[[str], None]:
    """What does something the first time it is called."""
    done: list[bool] = []

    def acting(_: str) -> None:
        if not done:
            done.append(True)
            act()

    return acting


def get(url: str) -> Any:
    with urlopen(url) as answer:
        return json.loads(answer.read())


def post(url: str, body: Any, **headers: str) -> None:
    urlopen(Request(url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})).close()

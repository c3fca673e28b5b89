"""A monitor over folders that a test makes, on a real store: `watch.see(estate)` is a pass over the estate as it is.

Storage operations can be counted, and a worker killed at any one of them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drift.adapters.entities import Row
from drift.adapters.storage import Storage
from drift.adapters.store import Store
from drift.engine.explanation import told
from drift.importing import FolderSource
from drift.model import HOUR, Snapshot, Subscription, ticks
from drift.names import Names
from drift.pace import Pace
from drift.pipeline import Monitor, Order
from drift.record import Record
from drift.settings import Connection, Settings, read
from drift.telling import Teller
from tests.build import T0, Folder, write
from tests.cards import faults, of_type, words

WRITES = ("put", "replace", "delete", "transact", "upload", "remove", "send")
READS = ("get", "query", "download")


class KilledError(BaseException):
    """The worker's process ends here: nothing catches this."""


class Watched(Storage):
    """A storage account that counts what is written and read, and in which a worker can die."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.log: list[str] = []
        self.reads: Counter[str] = Counter()
        self.die_at: int | None = None
        self.after = False
        """Whether the operation at which the worker dies is still carried out."""


def _counted(name: str) -> Callable[..., Any]:
    def operation(self: Watched, *given: Any, **more: Any) -> Any:
        self.log.append(name)
        dies = self.die_at is not None and len(self.log) == self.die_at
        if dies and not self.after:
            raise KilledError(name)
        found = getattr(Storage, name)(self, *given, **more)
        if dies:
            raise KilledError(name)
        return found

    return operation


def _noticed(name: str) -> Callable[..., Any]:
    def operation(self: Watched, *given: Any, **more: Any) -> Any:
        self.reads[name] += 1
        return getattr(Storage, name)(self, *given, **more)

    return operation


for _name in WRITES:
    setattr(Watched, _name, _counted(_name))
for _name in READS:
    setattr(Watched, _name, _noticed(_name))


class Folders:
    """Azure, as folders tell it; `meanwhile` is called in the middle of reading a subscription."""

    def __init__(self, root: Path) -> None:
        self._root, self._count = root, 0
        self.source: FolderSource | None = None
        self.meanwhile: Callable[[], None] | None = None

    def show(self, folder: Folder) -> None:
        self._count += 1
        self.source = FolderSource(write(folder, self._root / str(self._count)))

    def subscriptions(self) -> list[Subscription]:
        assert self.source
        return self.source.subscriptions()

    def subscription(self, identity: str) -> Subscription | None:
        assert self.source
        return self.source.subscription(identity)

    def ancestors(self) -> dict[str, tuple[str, ...]]:
        assert self.source
        return self.source.ancestors()

    def now(self) -> int:
        assert self.source
        return self.source.now()

    def snapshot(
        self, subscription: Subscription, resources: Names, recommendations: Names, ancestors: Any = None
    ) -> Snapshot:
        assert self.source
        found = self.source.snapshot(subscription, resources, recommendations, ancestors)
        if (call := self.meanwhile) is not None:
            self.meanwhile = None
            call()
        return found


class Webhook:
    """Takes cards, or answers as it is told to."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, Any]] = []
        self.refuse: Callable[[], None] | None = None

    def post(self, body: Any, message: str) -> None:
        if self.refuse is not None:
            self.refuse()
        assert len(json.dumps(body).encode()) < 22_000
        self.messages.append((message, body))


class Topic:
    """Takes events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def publish(self, explained: Any) -> None:
        self.events += explained


class Notified:
    """Is notified."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []
        self.refuse: Callable[[], None] | None = None

    def notify(self, words: str, message: str) -> None:
        if self.refuse is not None:
            self.refuse()
        self.messages.append((message, words))


class Watch:
    """A monitor and a teller over one account."""

    def __init__(self, connection: str, root: Path, **environment: str) -> None:
        given = {
            "DRIFT_STORAGE": connection,
            "TEAMS_WEBHOOK_URL": "https://flows.example/hook?sig=secret",
            "DRIFT_TOPIC_ENDPOINT": "https://topic.example/api/events",
            "DRIFT_GROUPS": "prod=tag:environment=prod",
        }
        self.settings: Settings = read(given | environment)
        self.storage = Watched(Connection("AzureWebJobsStorage", string=connection))
        self.store = Store(self.storage)
        self.azure = Folders(root)
        self.sent: list[tuple[str, str, int]] = []
        self.time = ticks(T0)
        self.monitor = Monitor(self.settings, self.azure, self.store, self._send, lambda: self.time)
        self.webhook, self.topic = Webhook(), Topic()
        self.routes = {route.setting: Webhook() for route in self.settings.teams_routes}
        """Webhooks beside that one, by the setting that holds their address."""
        self.notified = Notified()
        self.teller = self.tell()

    def tell(self) -> Teller:
        """A teller of a new worker: by the settings, with all that it knows from the store."""
        return Teller(
            self.store,
            self.webhook,
            self.topic,
            lambda: self.time,
            [(route, self.routes[route.setting]) for route in self.settings.teams_routes],
            self.notified if self.settings.notified else None,
            pace=Pace(self.store, self.settings.cards_per_hour, self.settings.quiet),
        )

    def _send(self, queue: str, text: str, delay: int) -> None:
        self.sent.append((queue, text, delay))

    def see(self, folder: Folder, *, roll_up: bool = True) -> None:
        """A whole pass over the tenant as the folder tells it."""
        self.azure.show(folder)
        self.monitor.start_pass()
        sent, self.sent = self.sent, []
        for _, text, _ in sent:
            self.monitor.snapshot(text)
        if roll_up:
            self.monitor.roll_up()
        self.time += HOUR

    def look(self, identity: str) -> None:
        self.monitor.look(Order(identity))

    def rows(self, scope: str) -> list[Row]:
        """The movements of a chain, oldest first."""
        found, after = [], None
        while True:
            page = self.store.movements(scope, limit=1000, after=after)
            found += page.items
            after = page.after
            if after is None:
                return found[::-1]

    def explained(self, scope: str) -> Any:
        """All movements of a chain as one window."""
        segments = [self.store.load(row.blob, Record).segment for row in self.rows(scope)]
        return told(segments)

    def digest(self) -> list[str]:
        """What the digest says that is sent now; nothing if none is."""
        self.webhook.messages.clear()
        self.teller.digest()
        said = []
        for _, body in self.webhook.messages:
            (content,) = (one["content"] for one in body["attachments"])
            assert faults(content) == []
            said += [words(one) for one in of_type(content, "TextBlock", "RichTextBlock")]
        return said

    def check(self, *scopes: str) -> None:
        """Along each chain every movement begins where the last ended, and its causes sum to it."""
        for scope in scopes:
            last = None
            for row in self.rows(scope):
                record = self.store.load(row.blob, Record)
                found = record.explained()
                assert found["movement"] == row.movement
                if row.movement is not None:
                    total = sum(cause["share"] for cause in found["causes"])
                    assert abs(total - row.movement) < 1e-9
                    if last is not None:
                        assert abs(found["before"]["percentage"] - last) < 1e-9
                last = found["after"]["percentage"]

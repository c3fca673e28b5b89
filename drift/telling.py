"""Telling: the outbox swept to each destination, in order; a message is told when the destination has accepted it.

What is about to be sent is noted first, under an id. A sweep that was killed in between sends the same message again,
under the same id, before anything else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from drift import card
from drift.adapters.arm import is_subscription_id
from drift.adapters.store import Head, Mark, Row, Store, Waiting
from drift.engine.explanation import iso
from drift.engine.rollup import Place
from drift.errors import ServiceError
from drift.model import HOUR, NEVER, Json

log = logging.getLogger("drift")

PATIENCE = HOUR // 2
"""How long a movement of a subscription waits for the rollup that takes it in, so that both are one message."""

LIFETIME = HOUR
"""What a worker can't outlive (the function's time-out is half of it): what it was to commit will not come."""

MOST = 2000
"""Movements in one message: their names fit into one note."""


class Webhook(Protocol):
    """Where cards go."""

    def post(self, body: Json, message: str) -> None:
        """Returns when the card was accepted; raises ServiceError otherwise."""


class Publisher(Protocol):
    """Where events go."""

    def publish(self, explained: Sequence[tuple[str, Json]]) -> None:
        """Returns when the events were accepted; raises ServiceError otherwise."""


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells what is stored. `clock` is our own time in ticks."""

    store: Store
    webhook: Webhook | None
    topic: Publisher | None
    clock: Callable[[], int]

    def announce(self) -> None:
        """Tells Teams and the topic what is due; one that does not accept does not stop the other.

        Raises ServiceError at the end if any did not.
        """
        failed: list[ServiceError] = []
        for destination in ("teams", "topic"):
            try:
                while self._tell(destination):
                    pass
            except ServiceError as error:
                failed.append(error)
        if failed:
            raise ServiceError("; ".join(map(str, failed)))
        for mark in self.store.due():
            head = self.store.head(mark.scope)
            if head is not None:
                self._repair(head)
            self._settle(mark, head, {"teams", "topic"})

    def digest(self) -> None:
        """Tells Teams what stayed below the threshold since the last digest. Raises ServiceError."""
        while self._tell("digest"):
            pass
        for mark in self.store.due(digest=True):
            self._settle(mark, self.store.head(mark.scope), {"digest"})

    def _tell(self, destination: str) -> bool:
        """Sends one message to a destination; whether there was one to send."""
        note = self.store.note("sending", destination)
        if note is None:
            chosen = self._chosen(destination)
            if not chosen:
                return False
            note = {"id": uuid4().hex, "rows": [[one.scope, one.at] for one in chosen], "at": self.clock()}
            self.store.remember("sending", destination, note)
        rows = [row for scope, at in note["rows"] if (row := self.store.movement(scope, at)) is not None]
        if rows:
            self._send(destination, rows, note)
        asked = {(scope, at) for scope, at in note["rows"]}
        for scope in sorted({scope for scope, _ in asked}):
            some = [one for one in self.store.waiting(scope) if (scope, one.at) in asked]
            self.store.told([one for one in some if destination in one.destinations], destination)
        self.store.forget("sending", destination)
        return True

    def _send(self, destination: str, rows: Sequence[Row], note: Json) -> None:
        if destination == "topic":
            if self.topic is not None:
                self.topic.publish([(row.id, row.told) for row in rows])
            return
        if self.webhook is None:
            return
        news = [card.News(row.id, row.told) for row in rows]
        if destination == "digest":
            since = min(row.since for row in rows if row.since is not None)
            shown = card.digest(news, iso(since), iso(max(row.at for row in rows)), note["id"])
        else:
            shown = card.movements(news, note["id"])
        self.webhook.post(card.envelope(shown), note["id"])

    def _chosen(self, destination: str) -> list[Waiting]:
        """What is due for a destination, in order of time; of one chain never a later movement before an earlier."""
        found: list[Waiting] = []
        covered: dict[str, Place] | None = None
        for mark in self.store.due(digest=destination == "digest"):
            for one in self.store.waiting(mark.scope):
                if destination not in one.destinations:
                    continue
                if covered is None:
                    covered = self._covered()
                if not self._is_due(one, covered):
                    break
                found.append(one)
        return sorted(found, key=lambda one: (one.at, one.scope))[:MOST]

    def _is_due(self, one: Waiting, covered: dict[str, Place]) -> bool:
        """Whether a movement is a group's, is in the tenant's rollup, or has waited long enough for it."""
        place = covered.get(one.scope)
        rolled_up = place is not None and place.at >= one.at
        return rolled_up or not is_subscription_id(one.scope) or self.clock() - one.written >= PATIENCE

    def _covered(self) -> dict[str, Place]:
        head = self.store.head("all")
        return {} if head is None else self.store.load(head.blob, dict[str, Place])

    def _repair(self, head: Head) -> None:
        """Writes the index of a chain anew, where a worker was killed before it could."""
        known = self.store.looked(head.scope)
        if known is None or known.at != head.at:
            self.store.index(head, max(head.taken_at, known.looked_at if known else NEVER))

    def _settle(self, mark: Mark, head: Head | None, destinations: set[str]) -> None:
        """Takes a chain off the list when nothing of it waits, and nothing can still be on its way."""
        arrived = head is not None and head.at >= mark.at
        lost = self.clock() - mark.written >= LIFETIME
        if (arrived or lost) and not any(one.destinations & destinations for one in self.store.waiting(mark.scope)):
            self.store.settle(mark, digest="digest" in destinations)

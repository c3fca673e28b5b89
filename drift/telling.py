"""Telling: the outbox swept to each destination, in order; a message is told when the destination has accepted it.

What is about to be sent is noted first, under an id. A sweep that was killed in between sends the same message again,
under the same id, before anything else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from drift import answers, card, due
from drift.adapters.entities import Head, Row, Waiting
from drift.adapters.store import Store
from drift.engine.rollup import Cut, Place
from drift.engine.segments import iso
from drift.errors import BusyError, ServiceError
from drift.groups import TENANT
from drift.ids import is_guid
from drift.model import DAY, HOUR, NEVER, Json
from drift.record import Record

log = logging.getLogger("drift")

PATIENCE = HOUR // 2
"""How long a movement of a subscription waits for the rollup that takes it in, so that both are one message."""

SECOND = HOUR // 3600

LIFETIME = HOUR
"""What a worker can't outlive (the function's time-out is half of it): what it was to commit will not come."""

READERS = 8
"""Reads at a time: a change of the platform moves every chain, and of each there are some."""

MOST, DATES = 1500, 1000
"""Movements in one message, and entries of calendars in its note: their names fit into it."""


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
        outbox = _Outbox(self.store, digest=False)
        self._repair(outbox.heads)
        failed: list[ServiceError] = []
        for destination in self._destinations():
            try:
                while self._tell(destination, outbox):
                    pass
            except ServiceError as error:
                failed.append(error)
        self._settle(outbox, {"teams", "topic"})
        if failed:
            raise ServiceError("; ".join(map(str, failed)))

    def digest(self) -> None:
        """Tells Teams what stayed below the threshold since the last digest, and what is due. Raises ServiceError."""
        if self.webhook is None:
            return
        outbox = _Outbox(self.store, digest=True)
        while self._tell("digest", outbox):
            pass
        self._settle(outbox, {"digest"})

    def _destinations(self) -> list[str]:
        """Where something can be told. What waits for another goes on waiting."""
        found = {"teams": self.webhook, "topic": self.topic}
        return [name for name, client in found.items() if client is not None]

    def _tell(self, destination: str, outbox: _Outbox) -> bool:
        """Sends one message to a destination; whether there was one to send."""
        note = self.store.note("sending", destination)
        if note is not None:
            # What it does not name for want of room is as it was when it was written.
            soon = note.get("due", []) + (self._due(note["at"], note["due"]) if note.get("moreDue") else [])
            if note.get("later", NEVER) > self.clock():
                return False
            self.store.remember("sending", destination, note)  # where storage takes nothing, nothing is sent again
        else:
            now = self.clock()
            chosen, soon = self._chosen(destination, outbox), self._due(now) if destination == "digest" else []
            if not chosen and not soon:
                return False
            note = {"id": uuid4().hex, "rows": [[one.scope, one.at] for one in chosen], "at": now}
            if soon:
                note |= {"due": soon[:DATES], "moreDue": len(soon) > DATES}
            self.store.remember("sending", destination, note)
        asked = [(scope, at) for scope, at in note["rows"]]
        rows = outbox.rows(asked)
        if rows or soon:
            try:
                self._send(destination, rows, note, soon)
            except BusyError as error:
                if error.retry_after:
                    later = self.clock() + int(error.retry_after * SECOND)
                    self.store.remember("sending", destination, note | {"later": later})
                raise
        if len(rows) < len(asked):
            log.warning("%s: %d movements that waited are no longer kept", destination, len(asked) - len(rows))
        outbox.told(asked, destination)
        if soon:
            ledger = self.store.ledger
            ledger.note_agenda(due.noted(ledger.agenda(), soon, self.clock()))
        self.store.forget("sending", destination)
        return True

    def _send(self, destination: str, rows: Sequence[Row], note: Json, soon: Sequence[list[str]]) -> None:
        if destination == "topic":
            assert self.topic is not None
            wholes = _each(lambda row: self.store.load(row.blob, Record).explained(), rows)
            self.topic.publish(list(zip([row.id for row in rows], wholes, strict=True)))
            return
        assert self.webhook is not None
        news = [card.News(row.id, row.told) for row in rows]
        if destination == "digest":
            since = min((row.since for row in rows if row.since is not None), default=note["at"] - DAY)
            until = max((row.at for row in rows), default=note["at"])
            dated = due.again(self.store.ledger.calendars(), soon) if soon else []
            coming, ended = ([one.entry for one in dated if one.ended is was] for was in (False, True))
            still = answers.stuck(self.store, since, until)
            shown = card.digest(news, iso(since), iso(until), note["id"], coming, ended, still)
        else:
            shown = card.movements(news, note["id"])
        self.webhook.post(card.envelope(shown), note["id"])

    def _chosen(self, destination: str, outbox: _Outbox) -> list[Waiting]:
        """What is due for a destination, in order of time; of one chain never a later movement before an earlier."""
        found: list[Waiting] = []
        covered: tuple[int, Mapping[str, Place]] | None = None
        for waiting in outbox.waiting.values():
            for one in waiting:
                if destination not in one.destinations:
                    continue
                if covered is None:
                    covered = self._covered()
                if not self._is_due(one, covered):
                    break
                found.append(one)
        return sorted(found, key=lambda one: (one.at, one.scope))[:MOST]

    def _due(self, now: int, known: Sequence[list[str]] = ()) -> list[list[str]]:
        """What of the calendars is to be told at a time, by subscription and key, but for what is known."""
        ledger = self.store.ledger
        found = [[one.scope, one.key] for one in due.news(ledger.calendars(), ledger.agenda(), now)]
        names = {(scope, key) for scope, key in known}
        return [[scope, key] for scope, key in found if (scope, key) not in names]

    def _is_due(self, one: Waiting, covered: tuple[int, Mapping[str, Place]]) -> bool:
        """Whether the tenant's rollup, the last of all, has taken a movement in, or it has waited long enough."""
        taken_at, places = covered
        if is_guid(one.scope):
            place = places.get(one.scope)
            rolled_up = place is not None and place.at >= one.at
        else:
            rolled_up = taken_at >= one.at
        return rolled_up or self.clock() - one.written >= PATIENCE

    def _covered(self) -> tuple[int, Mapping[str, Place]]:
        """Up to when the tenant is rolled up, and where the chains stood then."""
        head = self.store.head(TENANT)
        return (NEVER, {}) if head is None else (head.taken_at, self.store.load(head.blob, Cut).places)

    def _repair(self, heads: Mapping[str, Head | None]) -> None:
        """Writes the index of chains anew, where a worker was killed before it could."""
        if not heads:
            return
        known = {scope: one for group in (False, True) for scope, one in self.store.chains(group).items()}
        for scope, head in heads.items():
            if head is not None and (scope not in known or known[scope].at < head.at):
                # A moment short of when it was written: what else is missing the next look at the chain writes.
                self.store.index(head, head.taken_at - is_guid(scope))

    def _settle(self, outbox: _Outbox, destinations: set[str]) -> None:
        """Takes chains off the list of which nothing waits, and nothing can still be on its way."""
        for mark in outbox.marks:
            head = outbox.heads[mark.scope]
            arrived = head is not None and head.at >= mark.at
            lost = self.clock() - mark.written >= LIFETIME
            if (arrived or lost) and not any(one.destinations & destinations for one in outbox.waiting[mark.scope]):
                self.store.settle(mark, digest="digest" in destinations)


class _Outbox:
    """What waits of the chains that are marked: as it was when the sweep began, without what it has told since.

    Heads are read first: a movement that a head shows is among what waits. What comes later has a mark of its own.
    """

    def __init__(self, store: Store, *, digest: bool) -> None:
        self._store = store
        self._rows: dict[tuple[str, int], Row | None] = {}
        self.marks = store.due(digest=digest)
        scopes = [mark.scope for mark in self.marks]
        self.heads = dict(zip(scopes, _each(store.head, scopes), strict=True))
        self.waiting = dict(zip(scopes, _each(store.waiting, scopes), strict=True))

    def rows(self, asked: Sequence[tuple[str, int]]) -> list[Row]:
        """Movements by scope and tick, as far as they are still kept; each is read once for all destinations."""
        new = [one for one in asked if one not in self._rows]
        self._rows |= zip(new, _each(lambda one: self._store.movement(*one), new), strict=True)
        return [row for one in asked if (row := self._rows[one]) is not None]

    def told(self, asked: Sequence[tuple[str, int]], destination: str) -> None:
        """Notes that a destination has accepted these."""
        wanted = set(asked)
        for scope in dict.fromkeys(scope for scope, _ in asked):
            kept = [
                self._store.told(one, destination) if (scope, one.at) in wanted else one
                for one in self.waiting.get(scope, ())
            ]
            self.waiting[scope] = [one for one in kept if one is not None]


def _each[A, B](read: Callable[[A], B], asked: Sequence[A]) -> list[B]:
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(read, asked))

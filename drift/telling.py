"""Telling: the outbox swept to each destination, in order; a message is told when the destination has accepted it.

What is about to be sent is noted first, under an id. A sweep that was killed in between sends the same message again,
under the same id, before anything else.

A destination is `topic`, `notify`, the default webhook (`teams` and, once a day, `digest`), or a route's webhook.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from drift.news import News
from drift.outbox import Outbox, each
from drift.pace import Pace
from drift.record import Record
from drift.routes import Route, is_digest

log = logging.getLogger("drift")

PATIENCE = HOUR // 2
"""How long a movement of a subscription waits for the rollup that takes it in, so that both are one message."""

SECOND = HOUR // 3600

LIFETIME = HOUR
"""What a worker can't outlive (the function's time-out is half of it): what it was to commit will not come."""

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


class Notifier(Protocol):
    """Who is notified."""

    def notify(self, words: str, message: str) -> None:
        """Returns when all were notified who can be; raises ServiceError where trying again may help."""


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells what is stored. `clock` is our own time in ticks. Without a pace cards are posted at any time."""

    store: Store
    webhook: Webhook | None
    topic: Publisher | None
    clock: Callable[[], int]
    routes: Sequence[tuple[Route, Webhook]] = ()
    notifier: Notifier | None = None
    links: card.Links | None = None
    pace: Pace | None = None

    def announce(self) -> None:
        """Tells each destination what is due; one that does not accept does not stop the others.

        A digest that quiet hours put off is told too. Raises ServiceError at the end if any did not.
        """
        outbox = Outbox(self.store, digest=False)
        self._repair(outbox.heads)
        failed = self._tell_all(self._destinations(), outbox)
        self._settle(outbox, digest=False)
        if self.pace is not None and self.pace.quiet is not None and not self.pace.is_quiet(self.clock()):
            failed += self._digest_put_off()
        if failed:
            raise ServiceError("; ".join(map(str, failed)))

    def digest(self) -> None:
        """Tells what stayed below the threshold since the last digest, and what is due; after quiet hours, if need be.

        Raises ServiceError as `announce` does.
        """
        destinations = ["digest"] if self.webhook is not None else []
        destinations += [route.digest for route, _ in self.routes]
        if not destinations:
            return
        if self.pace is not None and self.pace.is_quiet(self.clock()):
            self.store.remember("held", "digest", {"at": self.clock()})
            return
        outbox = Outbox(self.store, digest=True)
        failed = self._tell_all(destinations, outbox)
        self._settle(outbox, digest=True)
        if failed:
            raise ServiceError("; ".join(map(str, failed)))

    def _digest_put_off(self) -> list[ServiceError]:
        if self.store.note("held", "digest") is not None:
            try:
                self.digest()
            except ServiceError as error:
                return [error]
            self.store.forget("held", "digest")
        return []

    def _destinations(self) -> list[str]:
        """Where something can be told at once. What waits for another goes on waiting."""
        found = {"teams": self.webhook, "topic": self.topic, **{route.teams: hook for route, hook in self.routes}}
        return [name for name, client in (found | {"notify": self.notifier}).items() if client is not None]

    def _tell_all(self, destinations: Iterable[str], outbox: Outbox) -> list[ServiceError]:
        """All messages that are due, destination by destination; what went wrong."""
        failed: list[ServiceError] = []
        for destination in destinations:
            try:
                while self._tell(destination, outbox):
                    pass
            except ServiceError as error:
                failed.append(error)
        return failed

    def _tell(self, destination: str, outbox: Outbox) -> bool:
        """Sends one message to a destination; whether there was one to send."""
        note = self.store.note("sending", destination) or self._new(destination, outbox)
        if note is None or note.get("later", NEVER) > self.clock() or self._waits(destination):
            return False
        self.store.remember("sending", destination, note)  # where storage takes nothing, nothing is sent, or sent again
        # What it does not name for want of room is as it was when it was written.
        soon = note.get("due", []) + (self._due(note["at"], note["due"]) if note.get("moreDue") else [])
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

    def _waits(self, destination: str) -> bool:
        return destination != "topic" and self.pace is not None and self.pace.waits(destination, self.clock())

    def _new(self, destination: str, outbox: Outbox) -> Json | None:
        """What is to be sent to a destination next, as it is noted; None if nothing is due."""
        now = self.clock()
        chosen, soon = self._chosen(destination, outbox), self._due(now) if destination == "digest" else []
        if not chosen and not soon:
            return None
        note: Json = {"id": uuid4().hex, "rows": [[one.scope, one.at] for one in chosen], "at": now}
        if soon:
            note |= {"due": soon[:DATES], "moreDue": len(soon) > DATES}
        if self.pace is not None and destination.startswith("teams"):
            held = self.pace.held(destination, chosen, now)
            note |= {} if held is None else {"held": held}
        return note

    def _send(self, destination: str, rows: Sequence[Row], note: Json, soon: Sequence[list[str]]) -> None:
        if destination == "topic":
            assert self.topic is not None
            wholes = each(lambda row: self.store.load(row.blob, Record).explained(), rows)
            self.topic.publish(list(zip([row.id for row in rows], wholes, strict=True)))
            return
        webhook, route = self._webhook(destination)
        news = News(self.store, destination, route).of(rows)
        if not news and not soon:
            return  # a route that was defined anew, which none of it concerns
        if destination == "notify":
            assert self.notifier is not None
            words = card.text(card.movements(news, note["id"])).splitlines()[0]
            self.notifier.notify(words, note["id"])
        else:
            assert webhook is not None
            shown = self._digest(destination, news, rows, note, soon) if is_digest(destination) else None
            webhook.post(card.envelope(shown or self._card(news, note)), note["id"])
        if self.pace is not None:
            self.pace.posted(destination, self.clock())

    def _webhook(self, destination: str) -> tuple[Webhook | None, Route | None]:
        """Where a destination's cards go, and by which route, if by one."""
        for route, webhook in self.routes:
            if destination in (route.teams, route.digest):
                return webhook, route
        return self.webhook, None

    def _card(self, news: Sequence[card.News], note: Json) -> Json:
        held = None
        if "held" in note:
            reason, since, until, cards = note["held"]
            held = card.Held(reason, iso(since), iso(until), cards)
        return card.movements(news, note["id"], self.links, held)

    def _digest(
        self, destination: str, news: Sequence[card.News], rows: Sequence[Row], note: Json, soon: Sequence[list[str]]
    ) -> Json:
        """The card of a digest. What is due, and why the score stands still, is told in the default channel."""
        new = {one.id for one in news if one.earlier is None}
        since = min((row.since for row in rows if row.since is not None and row.id in new), default=note["at"] - DAY)
        until = max((row.at for row in rows if row.id in new), default=note["at"])
        dated = due.again(self.store.ledger.calendars(), soon) if soon else []
        coming, ended = ([one.entry for one in dated if one.ended is was] for was in (False, True))
        still = answers.stuck(self.store, since, until) if destination == "digest" else []
        return card.digest(news, iso(since), iso(until), note["id"], coming, ended, still, self.links)

    def _chosen(self, destination: str, outbox: Outbox) -> list[Waiting]:
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

    def _settle(self, outbox: Outbox, *, digest: bool) -> None:
        """Takes chains off the list of which nothing waits, and nothing can still be on its way."""
        for mark in outbox.marks:
            head = outbox.heads[mark.scope]
            arrived = head is not None and head.at >= mark.at
            lost = self.clock() - mark.written >= LIFETIME
            waits = any(is_digest(name) is digest for one in outbox.waiting[mark.scope] for name in one.destinations)
            if (arrived or lost) and not waits:
                self.store.settle(mark, digest=digest)

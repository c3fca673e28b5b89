"""Keeping a movement: its blobs, a mark for the sweep, one transaction, what follows from it, the index.

The order survives any kill: the index is last, so that of a head which it does not know yet some may be missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from drift import audience
from drift.adapters.entities import INLINE, Head, Row, Waiting
from drift.adapters.packing import pack
from drift.adapters.store import ConflictError, Store
from drift.engine.accounts import own_work
from drift.kinds import BY_NAME
from drift.model import Json
from drift.record import Record, shortened
from drift.retold import told_at_once
from drift.routes import is_digest
from drift.settings import Settings


@dataclass(frozen=True, slots=True)
class Beside:
    """What is kept with a movement of a subscription: the news of its forecasts, and whether they are announced."""

    news: Json
    loud: bool


@dataclass(frozen=True, slots=True)
class Keeper:
    """Moves chains on. `clock` is our own time in ticks."""

    settings: Settings
    store: Store
    clock: Callable[[], int]

    def keep(
        self,
        head: Head,
        known: Head | None,
        record: Record,
        since: int | None,
        weights: tuple[float | None, float | None],
        beside: Beside | None = None,
        then: Callable[[], None] | None = None,
    ) -> None:
        """Stores a movement and moves its chain on from `known`; without it the chain begins, which nobody is told.

        `since` is when the movement began, `weights` the maximum and the weight that Azure reports, `then` as in
        `exchange`. Raises ConflictError.
        """
        explained = record.explained()
        moved = explained["movement"] is not None
        own = (known.own_work if known else 0.0) + (own_work(record.segment.accounts) if moved else 0.0)
        body = pack(record.delta) if record.delta is not None else None
        destinations = frozenset[str]()
        more: Json = {"forecasts": beside.news} if beside else {}
        if known is not None:
            destinations = self._destinations(record, explained, loud=beside is not None and beside.loud)
            more |= told_at_once(self.store, head, explained, destinations)
        row = Row(
            scope=head.scope,
            at=head.at,
            since=since if known is not None else None,
            movement=explained["movement"],
            own_work=own,
            maximum=weights[0],
            weight=weights[1],
            told=shortened(explained) | more,
            blob=self.store.keep(record, f"deltas/{head.scope}/{head.at}"),
            kinds=frozenset(BY_NAME[cause["kind"]] for cause in explained["causes"]),
            body=body if body is not None and len(body) <= INLINE else None,
        )
        waiting = Waiting(head.scope, head.at, destinations, self.clock()) if destinations else None
        self.store.expect(head.scope, head.at, digest=any(map(is_digest, destinations)))
        self.exchange(replace(head, own_work=own), known, row, waiting, then)

    def exchange(
        self,
        head: Head,
        known: Head | None,
        row: Row | None = None,
        waiting: Waiting | None = None,
        then: Callable[[], None] | None = None,
    ) -> None:
        """Moves a chain from a head to the next, and writes the index. Raises ConflictError.

        `then` writes what follows from the new head, before the index says that all is written.
        """
        try:
            self.store.commit(head, known, row, waiting)
        except ConflictError:
            now = self.store.head(head.scope)
            if now is None or now.blob != head.blob:
                committed = row and self.store.movement(row.scope, row.at)
                if row is None or not committed or committed.blob != row.blob:
                    self.store.drop(head.blob, *([row.blob] if row else []))
                    raise
                return  # it was committed, and another worker has moved the chain on since
            # It was ourselves: the answer to the commit was lost, and it was sent again.
        if known is not None:
            self.store.drop(known.blob)
        if then is not None:
            then()
        self.store.index(head, head.taken_at)

    def _destinations(self, record: Record, explained: Json, *, loud: bool) -> frozenset[str]:
        """Who is to be told of a movement; `loud`: its forecasts are announced, be it that nothing moved yet."""
        asked = set[str]()
        moved, now = self._news(explained, loud=loud)
        if self.settings.topic_endpoint and moved:
            asked.add("topic")
        if self.settings.teams_webhook_url and (now or moved):
            asked.add("teams" if now else "digest")
        if self.settings.notified and now:
            asked.add("notify")
        for route in self.settings.teams_routes:
            own = audience.told(route, record, explained)
            moved, now = (False, False) if own is None else self._news(own, loud=loud and own is explained)
            if now or moved:
                asked.add(route.teams if now else route.digest)
        return frozenset(asked)

    def _news(self, told: Json, *, loud: bool) -> tuple[bool, bool]:
        """Whether anything moved, and whether it is to be told at once."""
        if told["movement"] is None:
            moved = told["before"]["percentage"] != told["after"]["percentage"]  # else none at both ends
            return moved, moved or loud
        moved = bool(told["movement"] or told["causes"])
        return moved, loud or (moved and abs(told["movement"]) >= self.settings.announce_pp)

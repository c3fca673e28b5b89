"""Keeping a movement: its blobs, a mark for the sweep, one transaction, what follows from it, the index.

The order survives any kill: the index is last, so that of a head which it does not know yet some may be missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from drift.adapters.entities import INLINE, Head, Row, Waiting
from drift.adapters.packing import pack
from drift.adapters.store import ConflictError, Store
from drift.engine.accounts import own_work
from drift.kinds import BY_NAME
from drift.model import Json
from drift.record import Record, shortened
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
        row = Row(
            scope=head.scope,
            at=head.at,
            since=since if known is not None else None,
            movement=explained["movement"],
            own_work=own,
            maximum=weights[0],
            weight=weights[1],
            told=shortened(explained) | ({"forecasts": beside.news} if beside else {}),
            blob=self.store.keep(record, f"deltas/{head.scope}/{head.at}"),
            kinds=frozenset(BY_NAME[cause["kind"]] for cause in explained["causes"]),
            body=body if body is not None and len(body) <= INLINE else None,
        )
        loud = beside is not None and beside.loud
        destinations = self._destinations(row, loud) if known is not None else frozenset[str]()
        waiting = Waiting(head.scope, head.at, destinations, self.clock()) if destinations else None
        self.store.expect(head.scope, head.at, digest="digest" in destinations)
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

    def _destinations(self, row: Row, loud: bool) -> frozenset[str]:
        """Who is to be told of a movement; `loud`: its forecasts are announced, be it that nothing moved yet."""
        if row.movement is None:
            moved = large = (
                row.told["before"]["percentage"] != row.told["after"]["percentage"]
            )  # else none at both ends
        else:
            moved, large = bool(row.movement or row.kinds), abs(row.movement) >= self.settings.announce_pp
        asked = {"topic"} if self.settings.topic_endpoint and moved else set[str]()
        if self.settings.teams_webhook_url and (moved or loud):
            asked.add("teams" if (large and moved) or loud else "digest")
        return frozenset(asked)

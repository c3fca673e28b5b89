"""Keeping a movement: its blobs, a mark for the sweep, one transaction, the index; the order survives any kill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from drift.adapters.entities import INLINE, Head, Row, Waiting
from drift.adapters.packing import pack
from drift.adapters.store import ConflictError, Store
from drift.engine.accounts import own_work
from drift.kinds import BY_NAME
from drift.record import Record, shortened
from drift.settings import Settings


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
    ) -> None:
        """Stores a movement and moves its chain on from `known`; without it the chain begins, which nobody is told.

        `since` is when the movement began, `weights` the maximum and the weight that Azure reports.
        Raises ConflictError.
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
            told=shortened(explained),
            blob=self.store.keep(record, f"deltas/{head.scope}/{head.at}"),
            kinds=frozenset(BY_NAME[cause["kind"]] for cause in explained["causes"]),
            body=body if body is not None and len(body) <= INLINE else None,
        )
        destinations = self._destinations(row) if known is not None else frozenset[str]()
        waiting = Waiting(head.scope, head.at, destinations, self.clock()) if destinations else None
        self.store.expect(head.scope, head.at, digest="digest" in destinations)
        self.exchange(replace(head, own_work=own), known, row, waiting)

    def exchange(self, head: Head, known: Head | None, row: Row | None = None, waiting: Waiting | None = None) -> None:
        """Moves a chain from a head to the next, and writes the index. Raises ConflictError."""
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
        self.store.index(head, head.taken_at)

    def _destinations(self, row: Row) -> frozenset[str]:
        """Who is to be told of a movement."""
        if row.movement is None:
            large = row.told["before"]["percentage"] != row.told["after"]["percentage"]
            if not large:
                return frozenset()  # no score before, none after
        elif not row.movement and not row.kinds:
            return frozenset()
        else:
            large = abs(row.movement) >= self.settings.announce_pp
        asked = {"topic"} if self.settings.topic_endpoint else set[str]()
        if self.settings.teams_webhook_url:
            asked.add("teams" if large else "digest")
        return frozenset(asked)

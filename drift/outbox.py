"""The outbox as a sweep sees it: what waits of the chains that are marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from drift.adapters.entities import Row
from drift.adapters.store import Store

READERS = 8
"""Reads at a time: a change of the platform moves every chain, and of each there are some."""


class Outbox:
    """What waits of the chains that are marked: as it was when the sweep began, without what it has told since.

    Heads are read first: a movement that a head shows is among what waits. What comes later has a mark of its own.
    """

    def __init__(self, store: Store, *, digest: bool) -> None:
        self._store = store
        self._rows: dict[tuple[str, int], Row | None] = {}
        self.marks = store.due(digest=digest)
        scopes = [mark.scope for mark in self.marks]
        self.heads = dict(zip(scopes, each(store.head, scopes), strict=True))
        self.waiting = dict(zip(scopes, each(store.waiting, scopes), strict=True))

    def rows(self, asked: Sequence[tuple[str, int]]) -> list[Row]:
        """Movements by scope and tick, as far as they are still kept; each is read once for all destinations."""
        new = [one for one in asked if one not in self._rows]
        self._rows |= zip(new, each(lambda one: self._store.movement(*one), new), strict=True)
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


def each[A, B](read: Callable[[A], B], asked: Sequence[A]) -> list[B]:
    """What is read for each, some at a time."""
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(read, asked))

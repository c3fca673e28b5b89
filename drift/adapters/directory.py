"""Who is behind an id: people and applications by name, from Microsoft Graph, remembered in Table Storage.

Graph's absence is no failure: where it refuses, fails or is slow, what is remembered is the answer, one warning says
so, and this worker leaves it alone for an hour.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from drift.actors import Actor
from drift.adapters.entities import long
from drift.adapters.graph import Graph
from drift.adapters.storage import Storage
from drift.ids import is_guid
from drift.model import DAY, HOUR

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

KEPT, UNKNOWN_KEPT, SILENCE = 30 * DAY, 7 * DAY, HOUR
"""How long a name is remembered, and that there is none; and how long Graph is left alone after a failure."""

PATIENCE = 20.0
"""Seconds that one asking may take, with all its requests, tries and pauses."""

_TABLE, _PARTITION = "driftindex", "person"
_IN_TRANSACTION = 100

log = logging.getLogger("drift")


@dataclass(frozen=True, slots=True)
class _Known:
    """What was learnt of an id, and when; no actor: Graph does not know it, or does not say its name."""

    actor: Actor | None
    at: int

    def holds(self, now: int) -> bool:
        return now - self.at < (UNKNOWN_KEPT if self.actor is None else KEPT)


class Directory:
    """Names by id. `clock` is our own time in ticks; `patience` is in seconds.

    Made at no cost: Graph and storage are asked when a name is first wanted. One thread asks at a time.
    """

    def __init__(
        self,
        endpoint: str,
        credential: TokenCredential | None,
        storage: Storage,
        clock: Callable[[], int],
        patience: float = PATIENCE,
    ) -> None:
        """Raises ValueError as `Graph` does."""
        self._graph, self._storage, self._clock = Graph(endpoint, credential, patience), storage, clock
        self._known: dict[str, _Known] = {}
        self._silent_until: int | None = None
        self._lock = threading.Lock()

    def names(self, identities: Collection[str]) -> dict[str, Actor]:
        """Who is behind object ids, or application ids: by the id in lower case, those that have a name.

        What is no GUID, and the id of a group, is left out. Raises ServiceError where storage fails; Graph may.
        """
        now = self._clock()
        wanted = {identity.lower() for identity in identities if is_guid(identity)}
        if self._missing(wanted, now):
            with self._lock:
                self._learn(wanted, now)
        known = self._known
        return {
            identity: one.actor
            for identity in wanted
            if (one := known.get(identity)) is not None and one.actor is not None and one.holds(now)
        }

    def _missing(self, wanted: Iterable[str], now: int) -> list[str]:
        known = self._known
        return sorted(one for one in wanted if one not in known or not known[one].holds(now))

    def _learn(self, wanted: Collection[str], now: int) -> None:
        if self._missing(wanted, now):  # another thread may have been faster
            self._known = self._read(now)
        missing = self._missing(wanted, now)
        if not missing or (self._silent_until is not None and now < self._silent_until):
            return
        found, failure = self._graph.who(missing)
        learnt = {identity: _Known(actor, now) for identity, actor in found.items()}
        self._known = self._known | learnt
        if failure is not None:
            self._silent_until = now + SILENCE
            log.warning("names are not asked for within the next hour: %s", failure)
        self._write(learnt)

    # What is remembered

    def _read(self, now: int) -> dict[str, _Known]:
        """All that is remembered; what is too old is removed."""
        found: dict[str, _Known] = {}
        old: list[Any] = []
        for row in self._storage.query(_TABLE, "PartitionKey eq @p", {"p": _PARTITION}, 1000):
            actor = Actor(row["type"], row["name"], row["id"], row["address"] or None) if row["type"] else None
            known = _Known(actor, row["at"].value)
            if known.holds(now):
                found[row["RowKey"]] = known
            else:
                old.append({"PartitionKey": _PARTITION, "RowKey": row["RowKey"]})
        for some in batched(old, _IN_TRANSACTION, strict=False):
            self._storage.transact(_TABLE, [("delete", entity) for entity in some])
        return found

    def _write(self, learnt: dict[str, _Known]) -> None:
        rows: list[Any] = []
        for identity, known in learnt.items():
            row = {"PartitionKey": _PARTITION, "RowKey": identity, "at": long(known.at)}
            actor = known.actor
            row |= {"type": actor.type if actor else "", "name": (actor and actor.name) or ""}
            row |= {"id": (actor and actor.id) or "", "address": (actor and actor.address) or ""}
            rows.append(row)
        for some in batched(rows, _IN_TRANSACTION, strict=False):
            self._storage.transact(_TABLE, [("upsert", row) for row in some])

"""Where chains are kept: heads, deltas, outbox and indexes in Table Storage, what is large in Blob Storage.

One partition of the table `drift` is one chain, of a subscription or of a group:

    head                 where the chain stands, under its ETag
    d<inverted tick>     its deltas, newest first
    o<tick>              its outbox: deltas that are still to be told, oldest first

so that a new head, its delta and its outbox row are one transaction. What serves other questions lies in the table
`driftindex` and is written after, idempotently; a mark in its partition `due`, written before, tells the sweep where
that may be missing. What is to come is the ledger's. Times are ticks (see model.py). A service that fails raises
ServiceError.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection
from dataclasses import replace
from typing import Any
from uuid import uuid4

import msgspec

from drift.actors import Happening
from drift.adapters.entities import (
    INVERTED,
    SHOWN,
    Head,
    Known,
    Mark,
    Page,
    Row,
    Waiting,
    known_of,
    long,
    row_entity,
    row_key,
    row_of,
    waiting_entity,
    waiting_of,
)
from drift.adapters.ledger import Ledger
from drift.adapters.packing import pack, unpack
from drift.adapters.storage import QUEUES, Storage
from drift.ids import is_guid
from drift.kinds import Kind
from drift.model import Json, ticks

_HAPPENING = msgspec.json.Decoder(Happening)
"""Made once, here: see packing.py on threads that make one at the same time."""

LOOKED_THROUGH = 10_000
"""Events that one page of a group looks through, and that a comparison is given, at the most."""


class ConflictError(Exception):
    """Another worker has moved the chain on: start over from its new head."""


class Store:
    """All that is kept. Clients are made on first use."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.ledger = Ledger(storage)

    # Chains

    def head(self, scope: str) -> Head | None:
        """The head of a chain; None if it has not begun."""
        entity = self._storage.get("drift", scope, "head")
        if entity is None:
            return None
        return Head(
            scope=scope,
            name=entity["name"],
            at=int(entity["at"].value),
            taken_at=int(entity["taken"].value),
            blob=entity["blob"],
            own_work=entity["own"],
            etag=entity.metadata["etag"],
        )

    def keep(self, value: Any, folder: str) -> str:
        """Stores a value of the model under a new name, which it gives back."""
        name = f"{folder}-{uuid4().hex}"
        self._storage.upload(name, pack(value))
        return name

    def load[T](self, name: str, kind: type[T]) -> T:
        """A value that `keep` stored."""
        return unpack(self._storage.download(name), kind)

    def drop(self, *names: str) -> None:
        """Removes values, whether or not they are there."""
        for name in names:
            self._storage.remove(name)

    def commit(self, new: Head, known: Head | None, row: Row | None, waiting: Waiting | None) -> None:
        """Moves a chain to a new head, with its delta and its outbox row: all of it or nothing.

        Raises ConflictError where the chain does not stand at `known` any more (None: it has not begun).
        """
        entity = {"PartitionKey": new.scope, "RowKey": "head", "name": new.name, "blob": new.blob, "own": new.own_work}
        entity |= {"at": long(new.at), "taken": long(new.taken_at)}
        operations: list[Any] = [("create", entity)]
        if known is not None:
            operations = [("update", entity, {"mode": "replace", "etag": known.etag})]
        if row is not None:
            operations.append(("create", row_entity(row)))
        if waiting is not None:
            operations.append(("create", waiting_entity(waiting)))
        if not self._storage.transact("drift", operations):
            raise ConflictError(f"{new.scope}: the chain was moved on by another worker")

    # Movements

    def movements(
        self,
        scope: str,
        since: int | None = None,
        until: int | None = None,
        *,
        kind: Kind | None = None,
        least: float | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Page[Row]:
        """The movements of a chain that end in (since, until], newest first, without what began it.

        `kind`: only those in which it took part. `least`: at least so many pp up or down, or into or out of a score.
        """
        conditions = ["PartitionKey eq @scope", "RowKey ge @low", "RowKey lt @high", "first eq false"]
        low = "d" if until is None else row_key(until)
        values: dict[str, Any] = {"scope": scope, "low": low, "high": "e" if since is None else row_key(since)}
        if after is not None:
            conditions.append("RowKey gt @after")
            values["after"] = after
        if kind is not None:
            conditions.append(f"k_{kind.value} eq true")
        if least is not None:
            conditions.append(f"size ge {least:.12f}")  # as a parameter, the SDK writes 1.0 as true and 0.0 as false
        found: list[Row] = []
        for entity in self._storage.query("drift", " and ".join(conditions), values, limit + 1, SHOWN):
            if len(found) == limit:
                return Page(found, row_key(found[-1].at))
            found.append(row_of(entity))
        return Page(found)

    def standing(self, scope: str, until: int) -> Row | None:
        """The last row of a chain that ends at or before a time, be it the first; None if the chain began later."""
        condition = "PartitionKey eq @scope and RowKey ge @low and RowKey lt @high"
        values = {"scope": scope, "low": row_key(until), "high": "e"}
        return next(map(row_of, self._storage.query("drift", condition, values, 1, SHOWN)), None)

    def movement(self, scope: str, at: int) -> Row | None:
        """One movement, or what began the chain; None if there is none of that name."""
        entity = self._storage.get("drift", scope, row_key(at))
        return None if entity is None else row_of(entity)

    def blob_of(self, scope: str, at: int) -> str | None:
        """The name of the blob of a movement, without reading the movement; None if there is none."""
        condition = "PartitionKey eq @scope and RowKey eq @key"
        found = self._storage.query("drift", condition, {"scope": scope, "key": row_key(at)}, 1, ["blob"])
        return next((entity["blob"] for entity in found), None)

    def between(self, scope: str, since: int, until: int, *, bodies: bool = True) -> list[Row]:
        """The rows of a chain in (since, until], oldest first, with their bodies or without."""
        condition = "PartitionKey eq @scope and RowKey ge @low and RowKey lt @high"
        values = {"scope": scope, "low": row_key(until), "high": row_key(since)}
        select = None if bodies else SHOWN
        return [row_of(entity) for entity in self._storage.query("drift", condition, values, 1000, select)][::-1]

    def series(self, scope: str, since: int, until: int, *, limit: int = 100) -> Page[Row]:
        """The rows of a chain in (since, until], oldest first, be it what began it; `after` is the `since` of the rest.

        Keys run from new to old: they are read alone first, to find where the oldest begin.
        """
        condition = "PartitionKey eq @scope and RowKey ge @low and RowKey lt @high"
        values = {"scope": scope, "low": row_key(until), "high": row_key(since)}
        keys = [one["RowKey"] for one in self._storage.query("drift", condition, values, 1000, ["RowKey"])]
        if not keys:
            return Page()
        rows = self._storage.query("drift", condition, values | {"low": keys[-limit:][0]}, limit, SHOWN)
        found = [row_of(entity) for entity in rows][::-1]
        return Page(found, str(found[-1].at) if len(keys) > limit else None)

    def oldest(self, scope: str) -> Row | None:
        """The oldest row of a chain that is kept; None if there is none."""
        condition = "PartitionKey eq @scope and RowKey ge @low and RowKey lt @high"
        values = {"scope": scope, "low": "d", "high": "e"}
        last: str | None = None
        for entity in self._storage.query("drift", condition, values, 1000, ["RowKey"]):
            last = entity["RowKey"]
        return None if last is None else self.movement(scope, INVERTED - int(last[1:]))

    # Outbox

    def expect(self, scope: str, at: int, *, digest: bool) -> None:
        """Marks a chain, before a movement is committed, as one that the sweep (and the digest) has to look at."""
        for kind in ("due", "digest") if digest else ("due",):
            self._storage.put("driftindex", {"PartitionKey": kind, "RowKey": scope, "at": long(at)})

    def due(self, *, digest: bool = False) -> list[Mark]:
        """The chains that the sweep (the digest) has to look at."""
        rows = self._storage.query("driftindex", "PartitionKey eq @p", {"p": "digest" if digest else "due"}, 1000)
        return [
            Mark(one["RowKey"], int(one["at"].value), ticks(one.metadata["timestamp"]), one.metadata["etag"])
            for one in rows
        ]

    def settle(self, mark: Mark, *, digest: bool = False) -> None:
        """Takes a mark away, unless another movement was expected since it was read."""
        self._storage.delete("driftindex", "digest" if digest else "due", mark.scope, mark.etag)

    def waiting(self, scope: str) -> list[Waiting]:
        """The outbox of a chain, oldest first."""
        condition = "PartitionKey eq @scope and RowKey ge @low and RowKey lt @high"
        rows = self._storage.query("drift", condition, {"scope": scope, "low": "o", "high": "p"}, 1000)
        return [waiting_of(entity) for entity in rows]

    def told(self, one: Waiting, destination: str) -> Waiting | None:
        """Notes that a destination has accepted a movement: what still waits of it, or None; then its row is gone.

        Two sweeps may note at the same time what two destinations have accepted.
        """
        known: Waiting | None = one
        while known is not None and destination in known.destinations:
            left = replace(known, destinations=known.destinations - {destination})
            if left.destinations:
                etag = self._storage.replace("drift", waiting_entity(left), known.etag)
                if etag is not None:
                    return replace(left, etag=etag)
            elif self._storage.delete("drift", one.scope, f"o{one.at:019d}", known.etag):
                return None
            entity = self._storage.get("drift", one.scope, f"o{one.at:019d}")
            known = None if entity is None else waiting_of(entity)
        return known

    def again(self, one: Waiting, unless: Collection[str] = ()) -> None:
        """Puts a movement that was told into the outbox once more, for a digest, and marks its chain.

        Where it still waits for any of `unless`, it is left alone.
        """
        while not self._storage.transact("drift", [("create", waiting_entity(one))]):
            entity = self._storage.get("drift", one.scope, f"o{one.at:019d}")
            if entity is None:
                continue
            known = waiting_of(entity)
            if not known.destinations.isdisjoint(unless):
                return
            more = replace(known, destinations=known.destinations | one.destinations)
            if self._storage.replace("drift", waiting_entity(more), known.etag) is not None:
                break
        mark: Json = {"PartitionKey": "digest", "RowKey": one.scope, "at": long(one.at)}
        while not self._storage.transact("driftindex", [("create", mark)]):
            # One of a later movement stays as it is, but under another ETag: who read it does not take it away.
            entity = self._storage.get("driftindex", "digest", one.scope)
            if entity is not None and self._storage.replace(
                "driftindex", mark | {"at": long(int(entity["at"].value))}, entity.metadata["etag"]
            ):
                break

    def depths(self) -> dict[str, int | None]:
        """About how many messages wait in each queue and its poison queue; None where there is none yet."""
        return {name: self._storage.depth(name) for queue in QUEUES for name in (queue, f"{queue}-poison")}

    # Index

    def chains(self, group: bool = False) -> dict[str, Known]:
        """All chains of subscriptions, or of groups, by scope."""
        rows = self._storage.query("driftindex", "PartitionKey eq @p", {"p": _index(group)}, 1000)
        return {entity["RowKey"]: known_of(entity) for entity in rows}

    def looked(self, scope: str) -> Known | None:
        """One of them."""
        entity = self._storage.get("driftindex", _index(not is_guid(scope)), scope)
        return None if entity is None else known_of(entity)

    def index(self, head: Head, looked_at: int) -> None:
        """Notes where a chain stands and when it was last looked at."""
        self._note_chain(head.scope, Known(head.at, looked_at, head.name))

    def retire(self, scope: str, known: Known) -> None:
        """Notes that a chain has ended: until it moves again nothing looks at it."""
        self._note_chain(scope, replace(known, retired=True))

    def _note_chain(self, scope: str, known: Known) -> None:
        own = {"at": long(known.at), "looked": long(known.looked_at), "name": known.name, "retired": known.retired}
        partition = _index(not is_guid(scope))
        self._storage.put("driftindex", {"PartitionKey": partition, "RowKey": scope, **own})

    def note(self, kind: str, key: str) -> Json | None:
        """A note of the sweep or of a wake: what `remember` wrote."""
        entity = self._storage.get("driftindex", kind, key)
        return None if entity is None else msgspec.json.decode(zlib.decompress(entity["note"]), type=Json)

    def remember(self, kind: str, key: str, note: Json) -> None:
        """Writes a note over what was there. At most INLINE bytes, compressed."""
        data = zlib.compress(msgspec.json.encode(note))
        self._storage.put("driftindex", {"PartitionKey": kind, "RowKey": key, "note": data})

    def forget(self, kind: str, key: str) -> None:
        """Removes a note."""
        self._storage.delete("driftindex", kind, key)

    # Changes

    def record(self, change: Happening) -> None:
        """Stores an event seen, by its subscription and among all; once, however often it comes."""
        for partition in (change.subscription, "all"):
            entity = {"PartitionKey": partition, "RowKey": f"{INVERTED - change.time:019d}-{change.key}"}
            body = zlib.compress(msgspec.json.encode(change))
            self._storage.put("driftchanges", entity | {"subscription": change.subscription, "body": body})

    def changes(
        self,
        partition: str,
        since: int | None = None,
        until: int | None = None,
        *,
        among: Collection[str] | None = None,
        limit: int = 100,
        after: str | None = None,
        most: int = LOOKED_THROUGH,
    ) -> Page[Happening]:
        """The events seen in (since, until], newest first, of a subscription or of `all`.

        `among`: only those of these subscriptions. A page then ends where `most` were looked through, full or not.
        """
        conditions = ["PartitionKey eq @partition", "RowKey gt @low", "RowKey lt @high"]
        low = "" if until is None else f"{INVERTED - until:019d}"
        high = "~" if since is None else f"{INVERTED - since:019d}"
        values = {"partition": partition, "low": max(low, after or ""), "high": high}
        found: list[Happening] = []
        last: str | None = None
        size = limit + 1 if among is None else 1000
        for seen, entity in enumerate(self._storage.query("driftchanges", " and ".join(conditions), values, size)):
            if len(found) == limit or seen == most:
                return Page(found, last)
            if among is None or entity["subscription"] in among:
                found.append(_HAPPENING.decode(zlib.decompress(entity["body"])))
            last = entity["RowKey"]
        return Page(found)

    def happened(self, subscription: str, since: int, until: int) -> list[Happening]:
        """The events of a subscription in (since, until], oldest first; of very many the newest."""
        return self.changes(subscription, since, until, limit=LOOKED_THROUGH).items[::-1]


def _index(group: bool) -> str:
    return "group" if group else "chain"

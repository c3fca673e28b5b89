"""Where chains are kept: heads, deltas, outbox and indexes in Table Storage, what is large in Blob Storage.

One partition of the table `drift` is one chain, of a subscription or of a group:

    head                 where the chain stands, under its ETag
    d<inverted tick>     its deltas, newest first
    o<tick>              its outbox: deltas that are still to be told, oldest first

so that a new head, its delta and its outbox row are one transaction. What serves other questions lies in the table
`driftindex` and is written after, idempotently; a mark in its partition `due`, written before, tells the sweep where
that may be missing. Times are ticks (see model.py). A service that fails raises ServiceError.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import msgspec

from drift.adapters.arm import is_subscription_id
from drift.adapters.packing import pack, unpack
from drift.adapters.storage import QUEUES, Storage
from drift.kinds import Kind
from drift.model import DAY, Happening, Json, ticks

INVERTED = 10**19 - 1
"""From which a tick is taken so that the newest key comes first."""

BATCH = 100
"""Operations in a transaction, at the most."""

LOOKED_THROUGH = 10_000
"""Events that one page of a group looks through, at the most."""

INLINE = 60_000
"""Bytes that a property of an entity holds, with a margin (its limit is 64 KiB); what is larger is only in the blob."""


class ConflictError(Exception):
    """Another worker has moved the chain on: start over from its new head."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain stands."""

    scope: str
    name: str
    at: int
    """The tick of its last delta."""
    taken_at: int
    """The tick of what it was last written from."""
    blob: str
    own_work: float = 0.0
    """Earned and lost since the chain began, in pp."""
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One movement as lists show it. `at` is the tick of its end, and names it; `since` that of its begin."""

    scope: str
    at: int
    since: int | None
    """None for the first of a chain."""
    movement: float | None
    own_work: float
    """Earned and lost since the chain began, in pp."""
    maximum: float | None
    weight: float | None
    told: Json
    """The explanation, shortened: enough for a list and for a card."""
    blob: str
    kinds: frozenset[Kind] = frozenset()
    body: bytes | None = None
    """The delta, packed, where it fits."""

    @property
    def id(self) -> str:
        """What names the delta everywhere."""
        return f"{self.scope}.{self.at}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An outbox row: a delta that is still to be told to some destinations."""

    scope: str
    at: int
    destinations: frozenset[str]
    written: int
    """The tick of our own clock when it was committed."""
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A chain that was about to move: to the tick `at`, noted at the tick `written` of storage's clock."""

    scope: str
    at: int
    written: int
    etag: str


@dataclass(frozen=True, slots=True)
class Known:
    """A chain as the index has it."""

    at: int
    looked_at: int
    name: str


@dataclass(frozen=True, slots=True)
class Page[T]:
    """Some of a list, and the key after which the rest begins."""

    items: list[T] = field(default_factory=list)
    after: str | None = None


class Store:
    """All that is kept. Clients are made on first use."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

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
        entity |= {"at": _long(new.at), "taken": _long(new.taken_at)}
        operations: list[Any] = [("create", entity)]
        if known is not None:
            operations = [("update", entity, {"mode": "replace", "etag": known.etag})]
        if row is not None:
            operations.append(("create", _row_entity(row)))
        if waiting is not None:
            operations.append(("create", _waiting_entity(waiting)))
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
        low = "d" if until is None else _row_key(until)
        values: dict[str, Any] = {"scope": scope, "low": low, "high": "e" if since is None else _row_key(since)}
        if after is not None:
            conditions.append("RowKey gt @after")
            values["after"] = after
        if kind is not None:
            conditions.append(f"k_{kind.value} eq true")
        if least is not None:
            conditions.append(f"size ge {least:.12f}")  # as a parameter, the SDK writes 1.0 as true and 0.0 as false
        found: list[Row] = []
        for entity in self._storage.query("drift", " and ".join(conditions), values, limit + 1, _SHOWN):
            if len(found) == limit:
                return Page(found, _row_key(found[-1].at))
            found.append(_row(entity))
        return Page(found)

    def standing(self, scope: str, until: int) -> Row | None:
        """The last row of a chain that ends at or before a time, be it the first; None if the chain began later."""
        condition = "PartitionKey eq @scope and RowKey ge @low and RowKey lt @high"
        values = {"scope": scope, "low": _row_key(until), "high": "e"}
        return next(map(_row, self._storage.query("drift", condition, values, 1, _SHOWN)), None)

    def movement(self, scope: str, at: int) -> Row | None:
        """One movement, or what began the chain; None if there is none of that name."""
        entity = self._storage.get("drift", scope, _row_key(at))
        return None if entity is None else _row(entity)

    def between(self, scope: str, since: int, until: int, *, bodies: bool = True) -> list[Row]:
        """The rows of a chain in (since, until], oldest first, with their bodies or without."""
        condition = "PartitionKey eq @scope and RowKey ge @low and RowKey lt @high"
        values = {"scope": scope, "low": _row_key(until), "high": _row_key(since)}
        select = None if bodies else _SHOWN
        return [_row(entity) for entity in self._storage.query("drift", condition, values, 1000, select)][::-1]

    def series(self, scope: str, since: int, until: int, *, limit: int = 100) -> Page[Row]:
        """The rows of a chain in (since, until], oldest first, be it what began it; `after` is the `since` of the rest.

        Keys run from new to old: they are read alone first, to find where the oldest begin.
        """
        condition = "PartitionKey eq @scope and RowKey ge @low and RowKey lt @high"
        values = {"scope": scope, "low": _row_key(until), "high": _row_key(since)}
        keys = [one["RowKey"] for one in self._storage.query("drift", condition, values, 1000, ["RowKey"])]
        if not keys:
            return Page()
        rows = self._storage.query("drift", condition, values | {"low": keys[-limit:][0]}, limit, _SHOWN)
        found = [_row(entity) for entity in rows][::-1]
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
            self._storage.put("driftindex", {"PartitionKey": kind, "RowKey": scope, "at": _long(at)})

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
        return [_waiting(entity) for entity in rows]

    def told(self, one: Waiting, destination: str) -> Waiting | None:
        """Notes that a destination has accepted a movement: what still waits of it, or None; then its row is gone.

        Two sweeps may note at the same time what two destinations have accepted.
        """
        known: Waiting | None = one
        while known is not None and destination in known.destinations:
            left = replace(known, destinations=known.destinations - {destination})
            if left.destinations:
                etag = self._storage.replace("drift", _waiting_entity(left), known.etag)
                if etag is not None:
                    return replace(left, etag=etag)
            elif self._storage.delete("drift", one.scope, f"o{one.at:019d}", known.etag):
                return None
            entity = self._storage.get("drift", one.scope, f"o{one.at:019d}")
            known = None if entity is None else _waiting(entity)
        return known

    def depths(self) -> dict[str, int | None]:
        """About how many messages wait in each queue and its poison queue; None where there is none yet."""
        return {name: self._storage.depth(name) for queue in QUEUES for name in (queue, f"{queue}-poison")}

    # Index

    def chains(self, group: bool = False) -> dict[str, Known]:
        """All chains of subscriptions, or of groups, by scope."""
        rows = self._storage.query("driftindex", "PartitionKey eq @p", {"p": _index(group)}, 1000)
        return {
            entity["RowKey"]: Known(int(entity["at"].value), int(entity["looked"].value), entity["name"])
            for entity in rows
        }

    def looked(self, scope: str) -> Known | None:
        """One of them."""
        entity = self._storage.get("driftindex", _index(not is_subscription_id(scope)), scope)
        if entity is None:
            return None
        return Known(int(entity["at"].value), int(entity["looked"].value), entity["name"])

    def index(self, head: Head, looked_at: int) -> None:
        """Notes where a chain stands and when it was last looked at."""
        own = {"at": _long(head.at), "looked": _long(looked_at), "name": head.name}
        partition = _index(not is_subscription_id(head.scope))
        self._storage.put("driftindex", {"PartitionKey": partition, "RowKey": head.scope, **own})

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
                found.append(msgspec.json.decode(zlib.decompress(entity["body"]), type=Happening))
            last = entity["RowKey"]
        return Page(found)

    # Retention

    def expire(self, scope: str, before: int) -> int:
        """Removes the movements of a chain that ended before a time, but never its last; how many."""
        condition = "PartitionKey eq @scope and RowKey gt @low and RowKey lt @high"
        values = {"scope": scope, "low": _row_key(before), "high": "e"}
        keys = ["PartitionKey", "RowKey", "blob"]
        old = list(self._storage.query("drift", condition, values, 1000, keys))
        head = self.head(scope)
        old = [entity for entity in old if head is None or entity["RowKey"] != _row_key(head.at)]
        for start in range(0, len(old), BATCH):
            some = old[start : start + BATCH]
            self._storage.transact("drift", [("delete", entity) for entity in some])
            self.drop(*(entity["blob"] for entity in some if entity["blob"]))
        return len(old)

    def expire_changes(self, partition: str, before: int) -> int:
        """Removes the events seen before a time; how many."""
        condition = "PartitionKey eq @partition and RowKey gt @low"
        values = {"partition": partition, "low": f"{INVERTED - before:019d}"}
        old = list(self._storage.query("driftchanges", condition, values, 1000, ["PartitionKey", "RowKey"]))
        for start in range(0, len(old), BATCH):
            self._storage.transact("driftchanges", [("delete", entity) for entity in old[start : start + BATCH]])
        return len(old)

    def sweep(self, older_than: int) -> int:
        """Removes what a killed worker left in Blob Storage before a time, and nothing refers to; how many."""
        heads = {scope: self.head(scope) for group in (False, True) for scope in self.chains(group)}
        gone = 0
        for name, written in self._storage.names():
            kind, scope, *rest = name.split("/")
            if written > older_than or written < older_than - WEEK:
                continue
            head = heads.get(scope)
            if kind == "heads":
                used = head is not None and head.blob == name
            else:
                row = self.movement(scope, int(rest[0].partition("-")[0]))
                used = row is not None and row.blob == name
            if not used:
                self.drop(name)
                gone += 1
        return gone


WEEK = 7 * DAY


def _index(group: bool) -> str:
    return "group" if group else "chain"


def _row_key(tick: int) -> str:
    return f"d{INVERTED - tick:019d}"


def _long(value: int) -> Any:
    from azure.data.tables import EdmType, EntityProperty

    return EntityProperty(value, EdmType.INT64)


def _row_entity(row: Row) -> Json:
    entity: Json = {"PartitionKey": row.scope, "RowKey": _row_key(row.at), "at": _long(row.at), "blob": row.blob}
    entity |= {"own": row.own_work, "first": row.since is None, "told": zlib.compress(msgspec.json.encode(row.told))}
    optional = {"movement": row.movement, "maximum": row.maximum, "weight": row.weight}
    entity |= {name: float(value) for name, value in optional.items() if value is not None}
    entity |= {f"k_{kind.value}": True for kind in row.kinds}
    entity["size"] = 100.0 if row.movement is None else abs(row.movement)
    if row.since is not None:
        entity["since"] = _long(row.since)
    if row.body is not None and len(row.body) <= INLINE:
        entity["body"] = row.body
    return entity


_SHOWN = ["PartitionKey", "RowKey", "at", "since", "blob", "own", "told", "movement", "maximum", "weight"]
"""What a list asks for: not the body."""


def _row(entity: Mapping[str, Any]) -> Row:
    since = entity.get("since")
    return Row(
        scope=entity["PartitionKey"],
        at=int(entity["at"].value),
        since=None if since is None else int(since.value),
        movement=entity.get("movement"),
        own_work=entity["own"],
        maximum=entity.get("maximum"),
        weight=entity.get("weight"),
        told=msgspec.json.decode(zlib.decompress(entity["told"]), type=Json),
        blob=entity["blob"],
        body=entity.get("body"),
    )


def _waiting(entity: Any) -> Waiting:
    destinations = frozenset(entity["destinations"].split(","))
    at, written = int(entity["RowKey"][1:]), int(entity["written"].value)
    return Waiting(entity["PartitionKey"], at, destinations, written, entity.metadata["etag"])


def _waiting_entity(one: Waiting) -> Json:
    entity = {"PartitionKey": one.scope, "RowKey": f"o{one.at:019d}", "written": _long(one.written)}
    return entity | {"destinations": ",".join(sorted(one.destinations))}

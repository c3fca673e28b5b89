"""What is kept in tables: as values of ours, and as the entities that hold them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from drift.kinds import Kind
from drift.model import Json

INVERTED = 10**19 - 1
"""From which a tick is taken so that the newest key comes first."""

INLINE = 60_000
"""Bytes that a property of an entity holds, with a margin (its limit is 64 KiB); what is larger is only in the blob."""

SHOWN = ["PartitionKey", "RowKey", "at", "since", "blob", "own", "told", "movement", "maximum", "weight"]
"""The properties of a movement that a list asks for: not the body."""


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
    retired: bool = False
    """It ended long ago: nothing looks at it any more, until it is found again."""


@dataclass(frozen=True, slots=True)
class Page[T]:
    """Some of a list, and the key after which the rest begins."""

    items: list[T] = field(default_factory=list)
    after: str | None = None


def row_key(tick: int) -> str:
    """The key of a movement that ends at a tick."""
    return f"d{INVERTED - tick:019d}"


def long(value: int) -> Any:
    """A whole number of 64 bits, as an entity takes it."""
    from azure.data.tables import EdmType, EntityProperty

    return EntityProperty(value, EdmType.INT64)


def row_entity(row: Row) -> Json:
    """The entity of a movement."""
    entity: Json = {"PartitionKey": row.scope, "RowKey": row_key(row.at), "at": long(row.at), "blob": row.blob}
    entity |= {"own": row.own_work, "first": row.since is None, "told": zlib.compress(msgspec.json.encode(row.told))}
    optional = {"movement": row.movement, "maximum": row.maximum, "weight": row.weight}
    entity |= {name: float(value) for name, value in optional.items() if value is not None}
    entity |= {f"k_{kind.value}": True for kind in row.kinds}
    entity["size"] = 100.0 if row.movement is None else abs(row.movement)
    if row.since is not None:
        entity["since"] = long(row.since)
    if row.body is not None and len(row.body) <= INLINE:
        entity["body"] = row.body
    return entity


def row_of(entity: Mapping[str, Any]) -> Row:
    """The movement in an entity."""
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


def known_of(entity: Mapping[str, Any]) -> Known:
    """The chain in an entity of the index."""
    at, looked_at = int(entity["at"].value), int(entity["looked"].value)
    return Known(at, looked_at, entity["name"], entity["retired"])


def waiting_of(entity: Any) -> Waiting:
    """The outbox row in an entity."""
    destinations = frozenset(entity["destinations"].split(","))
    at, written = int(entity["RowKey"][1:]), int(entity["written"].value)
    return Waiting(entity["PartitionKey"], at, destinations, written, entity.metadata["etag"])


def waiting_entity(one: Waiting) -> Json:
    """The entity of an outbox row."""
    entity = {"PartitionKey": one.scope, "RowKey": f"o{one.at:019d}", "written": long(one.written)}
    return entity | {"destinations": ",".join(sorted(one.destinations))}

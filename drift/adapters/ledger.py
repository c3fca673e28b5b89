"""What is kept of what is to come: forecasts and calendars, with what of a calendar was told.

What became known of a movement after it was stored lies in the table `driftindex`, newest first: in the partition
`since` of all, in `since <scope>` of one subscription. Its partition `flips` tells which recommendations' marks turned
in a movement.

The table `driftforecasts` has a row a forecast, by its subscription and among all, newest first. In the table
`driftindex` the partition `calendar` has one row a subscription, `agenda` what of it was told. All are written after
the head that they follow from, over what was there: doing it again changes nothing. A service that fails raises
ServiceError.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import blake2s
from itertools import batched, islice
from typing import Any

import msgspec

from drift.adapters.entities import INLINE, INVERTED, long
from drift.adapters.storage import Storage
from drift.forecast import Forecast
from drift.model import Json

BATCH = 100
"""Operations in a transaction, at the most."""

FLIPS, _SHORT = 2_000, 8
"""Recommendations that are noted of one movement, and letters for each: a property holds 32 Ki letters."""

LOOKED_THROUGH = 20_000
"""Forecasts of a window that an answer looks through, the newest, at the most."""

_FORECAST = msgspec.json.Decoder(Forecast)
"""Made once, here: see packing.py on threads that make one at the same time."""


class Ledger:
    """Forecasts and calendars."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    # Forecasts

    def write(self, forecasts: Sequence[Forecast]) -> None:
        """Stores forecasts of one subscription, by it and among all; each once, however often it comes."""
        for some in batched(forecasts, BATCH, strict=False):
            for partition in (some[0].scope.lower(), "all"):
                self._storage.transact("driftforecasts", [("upsert", _entity(partition, one)) for one in some])

    def forecasts(
        self,
        partition: str,
        since: int | None = None,
        until: int | None = None,
        *,
        among: Collection[str] | None = None,
    ) -> Iterator[tuple[str, Forecast]]:
        """Those opened in (since, until], newest first, of a subscription or of `all`, each with its key.

        `among`: only those of these subscriptions. At most LOOKED_THROUGH are looked through.
        """
        condition = "PartitionKey eq @partition and RowKey gt @low and RowKey lt @high"
        low = "" if until is None else f"{INVERTED - until:019d}"
        high = "~" if since is None else f"{INVERTED - since:019d}"
        values = {"partition": partition, "low": low, "high": high}
        found = self._storage.query("driftforecasts", condition, values, 1000)
        for entity in islice(found, LOOKED_THROUGH):
            if among is None or entity["subscription"] in among:
                yield entity["RowKey"], _FORECAST.decode(zlib.decompress(entity["body"]))

    # Calendars

    def keep_calendar(self, scope: str, calendar: Json) -> None:
        """Stores what is due in a subscription, over what was there."""
        self._put("calendar", scope, calendar)

    def calendar(self, scope: str) -> Json | None:
        """What is due in a subscription; None where that is not known yet."""
        entity = self._storage.get("driftindex", "calendar", scope)
        return None if entity is None else self._body(entity)

    def calendars(self) -> dict[str, Json]:
        """What is due, by subscription."""
        rows = self._storage.query("driftindex", "PartitionKey eq @p", {"p": "calendar"}, 1000)
        return {entity["RowKey"]: self._body(entity) for entity in rows}

    def agenda(self) -> dict[str, dict[str, int]]:
        """What of the calendars was told, by subscription: what names it, and the tick at which it was told."""
        rows = self._storage.query("driftindex", "PartitionKey eq @p", {"p": "agenda"}, 1000)
        return {entity["RowKey"]: self._body(entity) for entity in rows}

    def note_agenda(self, told: Mapping[str, Mapping[str, int]]) -> None:
        """Notes what was told, over what was noted before of these subscriptions."""
        for scope, own in told.items():
            self._put("agenda", scope, own)

    def _put(self, kind: str, scope: str, value: Any) -> None:
        """Writes what there is one of for a subscription; what is too large for a row goes to a blob of one name."""
        body = zlib.compress(msgspec.json.encode(value))
        entity: Json = {"PartitionKey": kind, "RowKey": scope}
        if len(body) > INLINE:
            entity["blob"] = f"{kind}s/{scope}/0"
            self._storage.upload(entity["blob"], body)
        else:
            entity["body"] = body
        self._storage.put("driftindex", entity)

    def _body(self, entity: Mapping[str, Any]) -> Json:
        return _unpacked(self._storage.download(entity["blob"]) if "blob" in entity else entity["body"])

    # Movements

    def note_since(self, scope: str, at: int, what: str, note: Json) -> None:
        """Notes something that became known of a movement after it was stored, over what was noted under that name."""
        body = zlib.compress(msgspec.json.encode(note))
        key = f"{INVERTED - at:019d}~{scope}~{what}"
        for partition in ("since", f"since {scope}"):  # who removes it goes by the first
            self._storage.put("driftindex", {"PartitionKey": partition, "RowKey": key, "scope": scope, "body": body})

    def since(self, since: int, until: int, scope: str | None = None) -> dict[tuple[str, int], list[Json]]:
        """What became known of movements that ended in (since, until], by scope and tick: of all, or of one scope."""
        found: dict[tuple[str, int], list[Json]] = {}
        for entity in self._of_movements("since" if scope is None else f"since {scope}", since, until):
            at = INVERTED - int(entity["RowKey"][:19])
            found.setdefault((entity["scope"], at), []).append(_unpacked(entity["body"]))
        return found

    def note_flips(self, scope: str, at: int, recommendations: Collection[str]) -> None:
        """Notes which recommendations' marks turned in a movement."""
        flips = "".join(sorted({_short(one) for one in recommendations})[:FLIPS])
        entity = {"PartitionKey": "flips", "RowKey": f"{INVERTED - at:019d}~{scope}", "scope": scope}
        whole = len(flips) < FLIPS * _SHORT
        self._storage.put("driftindex", entity | {"flips": flips if whole else ""})

    def flipped(self, since: int, until: int, recommendations: Collection[str]) -> list[tuple[str, int]]:
        """The movements that ended in (since, until] in which marks of any of these turned, by scope and tick.

        Oldest first. One in which very many did is always among them.
        """
        asked = {_short(one) for one in recommendations}
        found: list[tuple[str, int]] = []
        for entity in self._of_movements("flips", since, until):
            own = entity["flips"]
            if not own or any(own[at : at + _SHORT] in asked for at in range(0, len(own), _SHORT)):
                found.append((entity["scope"], INVERTED - int(entity["RowKey"][:19])))
        return found[::-1]

    def _of_movements(self, partition: str, since: int, until: int) -> Iterator[Any]:
        condition = "PartitionKey eq @p and RowKey ge @low and RowKey lt @high"
        values = {"p": partition, "low": f"{INVERTED - until:019d}", "high": f"{INVERTED - since:019d}"}
        return self._storage.query("driftindex", condition, values, 1000)

    def forget(self, before: int, flips_before: int, last: Mapping[str, int]) -> int:
        """Removes what is noted of movements that ended before a time, and of flips before another; how many.

        What is noted of the last movement of a scope stays.
        """
        gone = 0
        for partition, end in (("since", before), ("flips", flips_before)):
            values = {"p": partition, "low": f"{INVERTED - end:019d}~~"}
            condition, keys = "PartitionKey eq @p and RowKey gt @low", ["PartitionKey", "RowKey", "scope"]
            old = list(self._storage.query("driftindex", condition, values, 1000, keys))
            if partition == "since":
                old = [one for one in old if INVERTED - int(one["RowKey"][:19]) != last.get(one["scope"])]
                for one in old:
                    self._storage.delete("driftindex", f"since {one['scope']}", one["RowKey"])
            for some in batched(old, BATCH, strict=False):
                self._storage.transact("driftindex", [("delete", one) for one in some])
            gone += len(old)
        return gone


def _short(recommendation: str) -> str:
    """Eight letters for a recommendation: two that share them cost a read."""
    return blake2s(recommendation.lower().encode(), digest_size=_SHORT // 2).hexdigest()


def _entity(partition: str, one: Forecast) -> Json:
    name = blake2s("\0".join(one.key).encode(), digest_size=8).hexdigest()
    entity: Json = {"PartitionKey": partition, "RowKey": f"{INVERTED - one.opened:019d}-{name}"}
    body = zlib.compress(msgspec.json.encode(one))
    return entity | {"subscription": one.scope.lower(), "opened": long(one.opened), "body": body}


def _unpacked(data: bytes) -> Json:
    return msgspec.json.decode(zlib.decompress(data), type=Json)

"""Retention: what is older than is kept goes, and so does what a killed worker left behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import batched

from drift.adapters.entities import INVERTED, row_key
from drift.adapters.storage import Storage
from drift.adapters.store import Store
from drift.engine.wording import GONE, UNWATCHED
from drift.model import DAY, HOUR

BATCH = 100
"""Operations in a transaction, at the most."""

MONTH = 730 * HOUR + HOUR // 2
WEEK = 7 * DAY


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept for so many months. `clock` is our own time in ticks."""

    store: Store
    storage: Storage
    months: int
    clock: Callable[[], int]

    def expire(self) -> int:
        """Removes what is too old, and what nothing refers to; how many. Raises ServiceError.

        A subscription that left the score a week ago is no longer looked at.
        """
        now = self.clock()
        before = now - self.months * MONTH
        subscriptions = self.store.chains()
        for scope, known in subscriptions.items():
            if not known.retired and known.at < now - WEEK and self._has_left(scope, known.at):
                self.store.retire(scope, known)
        gone = sum(self.movements(scope, before) for scope in (*subscriptions, *self.store.chains(group=True)))
        dated = sum(self.dated(table, before) for table in ("driftchanges", "driftforecasts"))
        noted = self.store.ledger.forget(before, now - WEEK, {scope: one.at for scope, one in subscriptions.items()})
        return gone + dated + noted + self.blobs(now - HOUR)

    def _has_left(self, scope: str, at: int) -> bool:
        row = self.store.movement(scope, at)
        return row is not None and any(one["reason"] in (GONE, UNWATCHED) for one in row.told["unscored"])

    def movements(self, scope: str, before: int) -> int:
        """Removes the movements of a chain that ended before a time, but never its last; how many."""
        head = self.store.head(scope)
        gone = 0
        for low, high in ((row_key(before), "e"), ("o", f"o{before:019d}")):  # deltas, and what of them is untold
            condition = "PartitionKey eq @scope and RowKey gt @low and RowKey lt @high"
            values = {"scope": scope, "low": low, "high": high}
            old = list(self.storage.query("drift", condition, values, 1000, ["PartitionKey", "RowKey", "blob"]))
            old = [entity for entity in old if head is None or entity["RowKey"] != row_key(head.at)]
            for some in batched(old, BATCH, strict=False):
                # Blobs first: rows whose blobs are gone are found again, blobs whose rows are gone are not.
                self.store.drop(*(blob for entity in some if (blob := entity.get("blob"))))
                self.storage.transact("drift", [("delete", entity) for entity in some])
            gone += len(old)
        return gone

    def dated(self, table: str, before: int) -> int:
        """Removes the events seen, or the forecasts opened, before a time, of all subscriptions; how many."""
        condition = "PartitionKey eq @all and RowKey gt @low"
        values = {"all": "all", "low": f"{INVERTED - before:019d}"}
        keys = ["PartitionKey", "RowKey", "subscription"]
        old = list(self.storage.query(table, condition, values, 1000, keys))
        for entity in old:
            self.storage.delete(table, entity["subscription"], entity["RowKey"])
        for some in batched(old, BATCH, strict=False):
            self.storage.transact(table, [("delete", entity) for entity in some])
        return len(old)

    def blobs(self, older_than: int) -> int:
        """Removes what killed workers left in the two days before a time, and nothing refers to; how many."""
        heads = {scope: self.store.head(scope) for group in (False, True) for scope in self.store.chains(group)}
        gone = 0
        for name, written in self.storage.names():
            if not older_than - 2 * DAY <= written <= older_than:
                continue
            kind, scope, rest = name.split("/")
            if kind == "heads":
                head = heads.get(scope)
                used = head is not None and head.blob == name
            elif kind in ("calendars", "agendas"):  # written over under its one name
                used = scope in heads
            else:
                used = self.store.blob_of(scope, int(rest.partition("-")[0])) == name
            if not used:
                self.store.drop(name)
                gone += 1
        return gone

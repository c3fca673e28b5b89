"""What a card is told of movements: all of each or some owners' part, and whether it was told in another way before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from drift import afterwards, audience, card
from drift.adapters.entities import Row
from drift.adapters.store import Store
from drift.engine.segments import iso
from drift.model import Json
from drift.outbox import each
from drift.record import Record, shortened
from drift.retold import is_known_better
from drift.routes import Route


@dataclass(frozen=True, slots=True)
class News:
    """The news for one destination, along its route, if it has one."""

    store: Store
    destination: str
    route: Route | None

    def of(self, rows: Sequence[Row]) -> list[card.News]:
        """Of each movement that concerns the destination. Raises ServiceError."""
        names = {row.id for row in rows}
        return [news for news in each(lambda row: self._one(row, names), rows) if news is not None]

    def _one(self, row: Row, together: Collection[str]) -> card.News | None:
        better = is_known_better(row.told, self.destination)
        shown = self._shown(row, afterwards.read(self.store, row) if better else None)
        if shown is None:
            return None
        if better:
            if "part" in shown and all(actor["type"] == "notRecorded" for actor in shown["actors"]):
                return None  # what became known is of somebody else's part
            return card.News(row.id, shown, card.Earlier("refined", row.id, iso(row.at), shown["movement"]))
        return card.News(row.id, shown, self._taken_back(row, together))

    def _taken_back(self, row: Row, together: Collection[str]) -> card.Earlier | None:
        """The earlier movement that this one takes back, if it was told there, and not just now."""
        known = row.told.get("earlier")
        if known is None or known["id"] in together or self.destination not in known["to"]:
            return None
        earlier = self.store.movement(row.scope, known["at"])
        shown = None if earlier is None else self._shown(earlier)
        return None if shown is None else card.Earlier("reverted", known["id"], iso(known["at"]), shown["movement"])

    def _shown(self, row: Row, better: Record | None = None) -> Json | None:
        """A movement as the destination gets it; `better`: with what became known of it since."""
        told = row.told if better is None else row.told | shortened(better.explained())
        if self.route is None or not self.route.owners:
            return told
        record = better or self.store.load(row.blob, Record)
        explained = record.explained()
        own = audience.told(self.route, record, explained)
        if own is None or own is explained:
            return None if own is None else told
        return shortened(own) | {"part": own["part"]}

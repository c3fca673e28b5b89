"""The sentence of the product: collect a subscription whole, compare it with what was known, attribute, store, tell.

Every step may be killed and done again: nothing is acknowledged before it is kept, and what is kept is not done twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import msgspec

from drift import afterwards, groups
from drift.actors import Actor, Happening
from drift.adapters.entities import Head
from drift.adapters.packing import pack
from drift.adapters.store import ConflictError, Store
from drift.due import agenda
from drift.engine.ahead import forecasts
from drift.engine.compaction import compacted
from drift.engine.comparison import compare
from drift.engine.evidence.records import heard_between
from drift.engine.evidence.witnesses import named, nameless
from drift.engine.head import Head as ChainHead
from drift.engine.head import begin
from drift.engine.stillness import differs
from drift.engine.wording import GONE, UNWATCHED
from drift.errors import Refused, ServiceError
from drift.forecast import Forecast
from drift.keeping import Beside, Keeper
from drift.model import HOUR, NEVER, Delta, Snapshot
from drift.names import Names
from drift.record import Record, recorded
from drift.settings import Settings
from drift.source import Source

log = logging.getLogger("drift")

WAKE = HOUR // 4
"""An event wakes the snapshot of its subscription after this time, and no other event before it has passed."""

SECOND = HOUR // 3600

TRIES = 5
"""How often a worker that lost a race starts over before it leaves the message to the queue."""


class MessageError(Exception):
    """A message can't be read, now or ever: says why. The queue keeps it with the poison."""


class Order(msgspec.Struct, omit_defaults=True, frozen=True):
    """A message on the queue `snapshots`: look at a subscription."""

    subscription: Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F-]{36}$")]
    ancestors: tuple[str, ...] | None = None
    since: int | None = None
    """A tick; who has looked at it or after has done what is asked, so that a backlog costs one look."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """Watches a tenant. `clock` is our own time in ticks, `send` puts a message on a queue after so many seconds."""

    settings: Settings
    source: Source
    store: Store
    send: Callable[[str, str, int], None]
    clock: Callable[[], int]
    names: Callable[[Collection[str]], Mapping[str, Actor]] = lambda _: {}
    """Whose ids these are, by id in lower case, as far as is known."""

    # A pass: one message a subscription

    def start_pass(self) -> int:
        """Sends for every subscription that is watched, or was; how many are. Raises ServiceError."""
        found = {one.id.lower() for one in self.source.subscriptions()}
        if not found:  # it has lost its rights: that is no tenant without subscriptions
            raise ServiceError("Azure shows the identity no subscription: check its role assignments")
        since = self.source.now()
        above = self._ancestors(found)
        watched = {identity for identity in found if self._watched(identity, above)}
        if not watched:
            raise ServiceError(f"none of the {len(found)} subscriptions that the identity sees is in DRIFT_SCOPES")
        known = {identity for identity, one in self.store.chains().items() if not one.retired}
        for identity in sorted(watched | known):
            order = Order(identity, (above or {}).get(identity) or None, since)
            self.send("snapshots", msgspec.json.encode(order).decode(), 0)
        return len(watched)

    def _ancestors(self, found: Collection[str]) -> dict[str, tuple[str, ...]] | None:
        """The management groups above all subscriptions, where a setting asks for them and Azure tells.

        Every subscription lies below one, so an answer that has none for any of those found is no answer. Raises
        ServiceError for that, and for a refusal where the groups decide what is watched.
        """
        asked = self.settings.scopes.management_groups or any(
            scope.startswith("mg:") for scope in self.settings.groups.values()
        )
        if not asked:
            return None
        try:
            above = self.source.ancestors()
        except Refused as error:
            if self.settings.scopes.management_groups:
                raise
            log.warning("management groups are not known: %s", error)
            return None
        if not any(above.get(identity) for identity in found):
            raise ServiceError("Azure tells of no management group above any subscription that the identity sees")
        return above

    def _watched(self, identity: str, above: Mapping[str, tuple[str, ...]] | None) -> bool:
        scopes = self.settings.scopes
        if scopes.all or identity in scopes.subscriptions:
            return True
        return bool(above) and not scopes.management_groups.isdisjoint((above or {}).get(identity, ()))

    # One subscription

    def snapshot(self, message: bytes | str) -> None:
        """What a message on the queue `snapshots` asks for. Raises MessageError, or as `look` does."""
        try:
            order = msgspec.json.decode(message, type=Order)
        except msgspec.DecodeError as error:
            raise MessageError(f"a message on the queue snapshots can't be read: {error}") from None
        self.look(order)

    def look(self, order: Order) -> None:
        """Collects a subscription, compares it with the head of its chain, and moves the chain on.

        Raises ServiceError; ConflictError if other workers are always faster.
        """
        for _ in range(TRIES - 1):
            try:
                return self._look(order)
            except ConflictError:
                continue
        self._look(order)

    def _look(self, order: Order) -> None:
        identity = order.subscription.lower()
        seen = self.store.looked(identity)  # before the head: of two workers the index never seems to be ahead
        known = self.store.head(identity)
        whole = known is not None and seen is not None and seen.at == known.at and seen.looked_at >= known.taken_at
        if whole and seen and order.since is not None and seen.looked_at >= order.since:
            return
        old = self.store.load(known.blob, ChainHead) if known else None
        if known and old and not whole:  # a worker was killed after it had moved the chain on, or is still at it
            self._follow(old, old.forecasts)
            afterwards.repaired(self.store, identity, known.at)
            self.store.index(known, max(known.taken_at, seen.looked_at if seen else NEVER))
        now = self._collect(identity, order, old)
        if now is None:
            return
        if known is None or old is None:
            self._begin(begin(now))
            return
        before = _at(old, max(old.snapshot.taken_at, seen.looked_at if seen else NEVER))
        if now.taken_at <= before.snapshot.taken_at:  # another worker has looked since
            return
        heard: list[Happening] = []
        new, delta = compare(before, now, cells=True, events=lambda: self._heard(before, now, heard))
        record = recorded(named(delta, self.names(nameless(delta))))
        said = tuple(one for one in before.forecasts if one.state == "open")
        coming, news = forecasts.advance(said, record.segment, now.taken_at, self.settings.announce_pp)
        if _moved(before, new, delta) or coming != said:
            closed = tuple(one for one in news if one.state != "open")
            self._move(known, replace(new, forecasts=(*coming, *closed)), record, news, said, heard)
        elif differs(before, new):
            self._replace(known, replace(new, forecasts=said))
        else:
            self.store.index(known, now.taken_at)

    def _heard(self, before: ChainHead, now: Snapshot, heard: list[Happening]) -> list[Happening]:
        """The events that can tell of what happened up to a look, by clocks that differ a little; `heard` gets them."""
        heard += self.store.happened(
            now.subscription.id.lower(), *heard_between(before.snapshot.taken_at, now.taken_at)
        )
        return heard

    def _collect(self, identity: str, order: Order, old: ChainHead | None) -> Snapshot | None:
        """The subscription as it is; None for one that is not watched and never was."""
        names = (old.snapshot.resources, old.snapshot.recommendations) if old else (Names(), Names())
        above = order.ancestors if order.ancestors is not None or old is None else old.snapshot.context.ancestors
        subscription = self.source.subscription(identity)
        if subscription is not None and self._is_watched(identity, above):
            return self.source.snapshot(subscription, *names, above)
        if old is None:
            return None
        reason = GONE if subscription is None else UNWATCHED
        nothing = replace(old.snapshot.marks, **{name: getattr(old.snapshot.marks, name)[:0] for name in _MARKS})
        return replace(
            old.snapshot, taken_at=self.source.now(), score=None, unscored=reason, controls=(), marks=nothing
        )

    def _is_watched(self, identity: str, above: tuple[str, ...] | None) -> bool:
        if above is None and self.settings.scopes.management_groups:
            return self._watched(identity, self._ancestors({identity}))
        return self._watched(identity, {identity: above or ()})

    def _begin(self, new: ChainHead) -> None:
        self._commit(None, new, recorded(Delta(new.at, new.at)))

    def _move(
        self,
        known: Head,
        new: ChainHead,
        record: Record,
        news: Sequence[Forecast],
        said: Collection[Forecast],
        heard: Collection[Happening],
    ) -> None:
        at = new.at.taken_at
        beside = Beside(forecasts.news(news, at), forecasts.loud(news, at))
        changed = [one for one in new.forecasts if one not in said]
        self._commit(known, new, record, beside, changed, {event.key for event in heard})

    def _replace(self, known: Head, new: ChainHead) -> None:
        """Moves the head on without a delta: what surrounds the marks changed, and no mark."""
        blob = self.store.keep(compacted(new), f"heads/{known.scope}/0")
        later = replace(known, taken_at=new.snapshot.taken_at, blob=blob)
        self._keeper.exchange(later, known, then=lambda: self._follow(new, ()))

    def _commit(
        self,
        known: Head | None,
        new: ChainHead,
        record: Record,
        beside: Beside | None = None,
        changed: Sequence[Forecast] = (),
        heard: Collection[str] = (),
    ) -> None:
        point, reported = new.at, new.at.reported
        identity = point.subscription.id.lower()
        blob = self.store.keep(compacted(new), f"heads/{identity}/0")
        head = Head(identity, record.segment.name, point.taken_at, point.taken_at, blob)
        since = record.delta.before.taken_at if record.delta else None
        weights = (reported.maximum, point.weight) if reported else (None, None)

        def then() -> None:
            self._follow(new, changed)
            if record.delta is not None:
                afterwards.stored(self.store, record.delta, heard)

        self._keeper.keep(head, known, record, since, weights, beside, then)

    def _follow(self, new: ChainHead, changed: Sequence[Forecast]) -> None:
        """Writes what follows from a head: the forecasts that changed with it, and what is due."""
        self.store.ledger.write(changed)
        self.store.ledger.keep_calendar(new.at.subscription.id.lower(), agenda(new))

    # Groups

    def roll_up(self) -> None:
        """Moves the chains of all groups on to where their subscriptions stand now. Raises ServiceError."""
        groups.roll_up(self.settings.groups, self.store, self._keeper)

    @property
    def _keeper(self) -> Keeper:
        return Keeper(self.settings, self.store, self.clock)

    # Events

    def record(self, change: Happening) -> None:
        """Stores an event and wakes the snapshot of its subscription, unless one is to come anyway."""
        self.store.record(change)
        if not change.succeeded:
            return
        afterwards.heard(self.store, change, self.clock())
        now = self.clock()
        note = self.store.note("wake", change.subscription)
        if note is not None and note["until"] > now and (note.get("sent") or note["by"] != change.key):
            return
        note = {"until": now + WAKE, "by": change.key}
        self.store.remember("wake", change.subscription, note)
        order = Order(change.subscription, since=now + WAKE)
        self.send("snapshots", msgspec.json.encode(order).decode(), WAKE // SECOND)
        self.store.remember("wake", change.subscription, note | {"sent": True})  # the same event may come again


_MARKS = ("resource", "recommendation", "status", "because", "changed", "first")


def _at(head: ChainHead, taken_at: int) -> ChainHead:
    """A head as it still was at a later time."""
    snapshot, point = replace(head.snapshot, taken_at=taken_at), replace(head.at, taken_at=taken_at)
    return replace(head, snapshot=snapshot, at=point)


def _moved(before: ChainHead, new: ChainHead, delta: Delta) -> bool:
    """Whether there is anything to keep of a comparison but what surrounds the marks."""
    if delta.changes or replace(before.at, taken_at=0) != replace(new.at, taken_at=0):
        return True
    waiting = [
        None if one.pending is None or not len(one.pending.units) else pack(one.pending) for one in (before, new)
    ]
    return waiting[0] != waiting[1]

"""What becomes known of a movement after it was stored: events that came late, and verdicts that it was the platform.

A delta is never rewritten. That there is something new of it is noted beside it, and who reads it gets it looked at
again with all that is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import batched

import msgspec

from drift.actors import Actor, Happening
from drift.adapters.entities import Row
from drift.adapters.store import Store
from drift.engine.accounts import Account
from drift.engine.comparison import HEARD
from drift.engine.parting import Part, parted
from drift.engine.records import SLACK
from drift.engine.segments import Segment
from drift.engine.verdicts import Parts, shown
from drift.engine.witnesses import amended, named
from drift.ids import is_guid
from drift.model import DAY, Delta
from drift.record import Record, recorded

CHUNK = 1_000
"""Resources of a verdict in one note: a property of an entity holds 64 KiB."""

ENOUGH = 3
"""Marks of one recommendation that turned alike in a rollup, from which it can be the platform."""

LATEST = HEARD + 2 * DAY
"""How long after an event a movement that it tells of can end: it begins in the time that is looked back on."""

type Notes = Mapping[tuple[str, int], Sequence[dict[str, object]]]


def heard(store: Store, event: Happening) -> int:
    """Notes which stored movements an event that came late says something new of; how many. Raises ServiceError."""
    looked = store.looked(event.subscription)
    if looked is None or event.time > looked.looked_at:
        return 0  # the next look will find it
    found = 0
    for row in store.between(event.subscription, event.time - SLACK - 1, event.time + LATEST, bodies=False):
        if row.since is None or row.since - HEARD > event.time:
            continue
        delta = store.load(row.blob, Record).delta
        if delta is not None and _told(_with_events(store, row, delta)) != _told(delta):
            store.ledger.note_since(row.scope, row.at, "late", {"late": event.time})
            found += 1
    return found


def _told(delta: Delta) -> list[object]:
    """What records tell of a delta, whatever names are known."""
    return [(one.evidence, one.reason, [(by.actor.key, by.resources) for by in one.by]) for one in delta.changes]


def _with_events(store: Store, row: Row, delta: Delta) -> Delta:
    """The delta with all events that are kept; names that were known when it was stored stay."""
    assert row.since is not None
    known: dict[str, Actor] = {
        by.actor.id.lower(): by.actor for one in delta.changes for by in one.by if by.actor.id and by.actor.name
    }
    return named(amended(delta, store.happened(row.scope, row.since - HEARD, row.at + SLACK)), known)


# Verdicts


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges what the platform did, for rollups.

    `heard`: subscriptions, in lower case, whose events arrive. `chains`: of all of them, when they moved last.
    """

    store: Store
    heard: Container[str]
    chains: Mapping[str, int]

    def judged(self, deltas: Mapping[str, Sequence[Delta]]) -> dict[str, list[Delta]]:
        """The deltas of one stretch, by subscription id, as they are to be rolled up; each verdict is noted.

        A change of the platform reaches resources one after the other for a day: what moved in the day before is
        looked at too, and judged afterwards. Raises ServiceError.
        """
        found = {identity: list(own) for identity, own in deltas.items()}
        if not _many(delta for own in deltas.values() for delta in own):
            return found
        begin = min(own[0].before.taken_at for own in deltas.values() if own)
        near = {*deltas, *(identity for identity, at in self.chains.items() if at > begin - DAY)}
        earlier = {identity: self._earlier(identity, begin, deltas.get(identity, ())) for identity in sorted(near)}
        whole = {identity: [*own, *found.get(identity, ())] for identity, own in earlier.items()}
        for (identity, at), some in shown(whole, self.heard).items():
            self._note(identity, whole[identity][at].after.taken_at, some)
            if at >= len(earlier[identity]):
                found[identity][at - len(earlier[identity])] = parted(whole[identity][at], some)
        return found

    def _earlier(self, identity: str, begin: int, own: Sequence[Delta]) -> list[Delta]:
        """What a subscription did in the day before a rollup began, up to its own part of it."""
        end = own[0].before.taken_at if own else self.chains.get(identity, begin)
        rows = self.store.between(identity, begin - DAY, end, bodies=False)
        read = [self.store.load(row.blob, Record).delta for row in rows if row.since is not None]
        return [delta for delta in read if delta is not None]

    def _note(self, identity: str, at: int, parts: Parts) -> None:
        for change, some in parts.items():
            for number, part in enumerate(some):
                for piece, resources in enumerate(batched(sorted(part.resources), CHUNK, strict=False)):
                    one = replace(part, resources=frozenset(resources))
                    note = {"change": change, "part": number, "of": msgspec.to_builtins(one)}
                    self.store.ledger.note_since(identity, at, f"verdict-{change}-{number}-{piece}", note)


def _many(deltas: Iterable[Delta]) -> bool:
    """Whether enough marks turned alike to look closer: it means to read what moved in the day before."""
    sizes: Counter[tuple[str, int, int]] = Counter()
    for delta in deltas:
        for change in delta.changes:
            for one in change.flips:
                sizes[change.cause.subject.lower(), one.before, one.after] += len(one.times)
    return max(sizes.values(), default=0) >= ENOUGH


# Reading


def read(store: Store, row: Row, notes: Notes | None = None) -> Record:
    """A stored movement with all that became known of it since. `notes`, where they were read already.

    Raises ServiceError.
    """
    record = store.load(row.blob, Record)
    known = (store.ledger.since(row.at - 1, row.at) if notes is None else notes).get((row.scope, row.at))
    if not known or record.delta is None or row.since is None:
        return record
    delta = record.delta
    if any("late" in one for one in known):
        delta = _with_events(store, row, delta)
    parts: dict[int, dict[int, Part]] = {}
    for one in known:
        if "of" in one:
            part = msgspec.convert(one["of"], Part)
            own = parts.setdefault(msgspec.convert(one["change"], int), {})
            number = msgspec.convert(one["part"], int)
            own[number] = replace(part, resources=part.resources | own[number].resources) if number in own else part
    return recorded(parted(delta, {change: list(own.values()) for change, own in parts.items()}))


def completed(store: Store, row: Row, segment: Segment, notes: Notes) -> Segment:
    """The segment of a group with the evidence that came late of its subscriptions' movements.

    A cause that nobody was named for gets the actor that one movement is now known to be all of. Raises ServiceError.
    """
    begin = row.at - 1 if row.since is None else row.since
    late = [key for key, own in notes.items() if begin < key[1] <= row.at and any("late" in one for one in own)]
    if not late or is_guid(row.scope):
        return segment
    accounts = {account.cause.key: account for account in segment.accounts}
    for scope, at in late:
        found = store.movement(scope, at)
        for account in read(store, found, notes).segment.accounts if found is not None else ():
            known = accounts.get(account.cause.key)
            if known is not None and known.marks == account.marks:
                accounts[account.cause.key] = _completed(known, account)
    return replace(segment, accounts=tuple(accounts.values()))


def _completed(known: Account, account: Account) -> Account:
    actors = known.actors
    if len(actors) == len(account.actors) == 1:
        ((_, parts),) = actors.values()
        ((actor, _),) = account.actors.values()
        actors = {actor.key: (actor, parts)}
    found = replace(known, actors=actors, evidence=account.evidence)
    return replace(found, confidence=account.confidence, reason=account.reason)

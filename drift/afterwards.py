"""What becomes known of a movement after it was stored: events that came late, and verdicts that it was the platform.

A delta is never rewritten. That there is something new of it is noted beside it, and who reads it gets it looked at
again with all that is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import batched
from math import fsum

import msgspec

from drift.actors import Actor, Happening
from drift.adapters.entities import Row
from drift.adapters.packing import unpack
from drift.adapters.store import Store
from drift.engine.accounts import Account
from drift.engine.evidence.parting import Part, parted
from drift.engine.evidence.records import HEARD, SLACK, heard_between
from drift.engine.evidence.verdicts import Parts, shown
from drift.engine.evidence.witnesses import amended, named
from drift.engine.segments import Segment
from drift.ids import is_guid
from drift.kinds import BY_NAME, Class
from drift.model import DAY, NEVER, Delta
from drift.record import Record, recorded
from drift.retold import known_better

CHUNK = 1_000
"""Resources of a verdict in one note: a property of an entity holds 64 KiB."""

ENOUGH = 3
"""Marks of one recommendation that turned alike in a rollup, from which it can be the platform."""

READERS = 8
"""Reads at a time."""

LATEST = HEARD + 2 * DAY
"""How long after an event a movement that it tells of can end: it begins in the time that is looked back on."""

type Notes = Mapping[tuple[str, int], Sequence[dict[str, object]]]


def heard(store: Store, event: Happening, now: int | None = None) -> int:
    """Notes which stored movements an event that came late says something new of; how many. Raises ServiceError.

    A movement that is stored while this looks is left to who stores it: see `stored`. `now`, our own clock: the digest
    is to tell what is known better of what was told.
    """
    if event.action == "state":  # it tells what somebody's doing led to
        return 0
    head = store.head(event.subscription)
    if head is None or event.time > head.at + SLACK:
        return 0  # the next look will find it
    since, until = event.time - SLACK - 1, event.time + LATEST
    rows = [row for row in store.between(event.subscription, since, until) if _explicable(row, event)]
    if not rows:
        return 0
    known = store.ledger.since(since, until, event.subscription)
    rows = [row for row in rows if not _late(known.get((row.scope, row.at), ()))]
    begins = [row.since for row in rows if row.since is not None]
    events = store.happened(event.subscription, *heard_between(min(begins), rows[-1].at)) if rows else []
    return sum(_note_late(store, row.scope, _delta(store, row), events, now) for row in rows)


def stored(store: Store, delta: Delta, known: Collection[str] | None = None) -> None:
    """Notes what rollups ask of a movement that was just stored, and whether events say something new of it.

    Of an event that came after the events were read and before the movement was there, nobody else would. `known`:
    the keys of those that were read, if that is known. Raises ServiceError.
    """
    scope, turned = delta.after.subscription.id.lower(), {one.cause.subject for one in delta.changes if one.flips}
    if turned:
        store.ledger.note_flips(scope, delta.after.taken_at, turned)
    events = store.happened(scope, *heard_between(delta.before.taken_at, delta.after.taken_at)) if delta.changes else []
    if events and (known is None or any(event.key not in known for event in events)):
        _note_late(store, scope, delta, events)


def repaired(store: Store, scope: str, at: int) -> None:
    """The same for a movement whose worker may have been killed before it could. Raises ServiceError."""
    row = store.movement(scope, at)
    if row is not None and row.since is not None:
        stored(store, _delta(store, row))


def _explicable(row: Row, event: Happening) -> bool:
    """Whether a movement began early enough for an event, and has a cause that may be somebody's doing."""
    if row.since is None or row.since - HEARD > event.time:
        return False
    groups = {BY_NAME[cause["kind"]].group for cause in row.told["causes"]}
    return bool(row.told["left"]["causes"] or groups - {Class.YARDSTICK, Class.UNEXPLAINED})


def _note_late(store: Store, scope: str, delta: Delta, events: Sequence[Happening], now: int | None = None) -> bool:
    if _told(_with_events(delta, events)) == _told(delta):
        return False
    if now is not None:
        known_better(store, scope, delta.after.taken_at, now)
    store.ledger.note_since(scope, delta.after.taken_at, "late", {"late": True})
    return True


def _late(notes: Iterable[Mapping[str, object]]) -> bool:
    return any("late" in one for one in notes)


def _told(delta: Delta) -> list[object]:
    """What records tell of a delta, whatever names are known."""
    return [(one.evidence, one.reason, [(by.actor.key, by.resources) for by in one.by]) for one in delta.changes]


def _delta(store: Store, row: Row) -> Delta:
    """The delta of a row of a subscription."""
    found = unpack(row.body, Delta) if row.body is not None else store.load(row.blob, Record).delta
    assert found is not None
    return found


def _with_events(delta: Delta, events: Iterable[Happening]) -> Delta:
    """The delta with those of these events that can tell of it; names that were known when it was stored stay."""
    known: dict[str, Actor] = {
        by.actor.id.lower(): by.actor for one in delta.changes for by in one.by if by.actor.id and by.actor.name
    }
    since, until = heard_between(delta.before.taken_at, delta.after.taken_at)
    return named(amended(delta, [one for one in events if since < one.time <= until]), known)


# Verdicts


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges what the platform did, for rollups.

    `heard`: subscriptions, in lower case, whose events arrive. `chains`: of all of them, when they moved last.
    """

    store: Store
    heard: Container[str]
    chains: Mapping[str, int]
    now: int | None = None
    """Our own clock, where the digest is to tell what is known better of what was told."""

    def judged(self, deltas: Mapping[str, Sequence[Delta]]) -> dict[str, list[Delta]]:
        """The deltas of one stretch, by subscription id, as they are to be rolled up; each verdict is noted.

        A change of the platform reaches resources one after the other for a day: what moved in the day before is
        looked at too, and judged afterwards. Raises ServiceError.
        """
        found = {identity: list(own) for identity, own in deltas.items()}
        asked = _many(delta for own in deltas.values() for delta in own)
        if not asked:
            return found
        begin = min(own[0].before.taken_at for own in deltas.values() if own)
        earlier = self._earlier(begin, deltas, asked)
        whole = {identity: [*earlier.get(identity, ()), *found.get(identity, ())] for identity in {*earlier, *found}}
        for (identity, at), every in sorted(shown(dict(sorted(whole.items())), self.heard).items()):
            delta, before = whole[identity][at], len(earlier.get(identity, ()))
            # Of other recommendations not all was read.
            some = {key: own for key, own in every.items() if delta.changes[key].cause.subject.lower() in asked}
            self._note(identity, delta.after.taken_at, some, earlier=at < before)
            if some and at >= before:
                found[identity][at - before] = parted(delta, some)
        return found

    def _earlier(
        self, begin: int, deltas: Mapping[str, Sequence[Delta]], asked: Collection[str]
    ) -> dict[str, list[Delta]]:
        """In which movements of the day before marks of these recommendations turned, up to the rollup's own part."""
        ends = dict(self.chains) | {identity: own[0].before.taken_at for identity, own in deltas.items() if own}
        until = max(ends.values(), default=begin)
        flipped = self.store.ledger.flipped(begin - DAY, until, asked)
        wanted = [(identity, at) for identity, at in flipped if at <= ends.get(identity, NEVER)]

        def read(one: tuple[str, int]) -> Delta | None:
            row = self.store.movement(*one)
            return None if row is None or row.since is None else _delta(self.store, row)

        found: dict[str, list[Delta]] = {}
        with ThreadPoolExecutor(READERS) as pool:
            for (identity, _), delta in zip(wanted, pool.map(read, wanted), strict=True):
                if delta is not None:
                    found.setdefault(identity, []).append(delta)
        return found

    def _note(self, identity: str, at: int, parts: Parts, *, earlier: bool) -> None:
        if parts and earlier and self.now is not None and not self._judged_before(identity, at):
            known_better(self.store, identity, at, self.now)
        for change, some in parts.items():
            for number, part in enumerate(some):
                for piece, resources in enumerate(batched(sorted(part.resources), CHUNK, strict=False)):
                    one = replace(part, resources=frozenset(resources))
                    note = {"change": change, "part": number, "of": msgspec.to_builtins(one)}
                    self.store.ledger.note_since(identity, at, f"verdict-{change}-{number}-{piece}", note)

    def _judged_before(self, identity: str, at: int) -> bool:
        return any("of" in one for own in self.store.ledger.since(at - 1, at, identity).values() for one in own)


def _many(deltas: Iterable[Delta]) -> set[str]:
    """The recommendations, in lower case, of which enough marks turned alike to look closer.

    It means to read what moved in the day before.
    """
    sizes: Counter[tuple[str, int, int]] = Counter()
    for delta in deltas:
        for change in delta.changes:
            for one in change.flips:
                sizes[change.cause.subject.lower(), one.before, one.after] += len(one.times)
    return {subject for (subject, _, _), size in sizes.items() if size >= ENOUGH}


# Reading


def read(store: Store, row: Row, notes: Notes | None = None) -> Record:
    """A stored movement with all that became known of it since. `notes`, where they were read already.

    Raises ServiceError.
    """
    record = store.load(row.blob, Record)
    known = (store.ledger.since(row.at - 1, row.at, row.scope) if notes is None else notes).get((row.scope, row.at))
    if not known or record.delta is None or row.since is None:
        return record
    delta = record.delta
    if _late(known):
        delta = _with_events(
            delta, store.happened(row.scope, *heard_between(delta.before.taken_at, delta.after.taken_at))
        )
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

    A cause that one movement is all of is divided among actors as it is there. Raises ServiceError.
    """
    begin = row.at - 1 if row.since is None else row.since
    accounts = {account.cause.key: account for account in segment.accounts}
    within = {account.cause.scope.lower() for account in segment.accounts}
    late = [key for key, own in notes.items() if begin < key[1] <= row.at and key[0] in within and _late(own)]
    if not late or is_guid(row.scope):
        return segment
    for scope, at in late:
        found = store.movement(scope, at)
        for account in read(store, found, notes).segment.accounts if found is not None else ():
            known = accounts.get(account.cause.key)
            if known is not None and known.marks == account.marks:
                accounts[account.cause.key] = _completed(known, account)
    return replace(segment, accounts=tuple(accounts.values()))


def _completed(known: Account, account: Account) -> Account:
    """A group's account with what its subscription's own says of whose doing it was.

    In a group a share is another, and its actors' parts are in proportion; where they go both ways they may not be.
    Then nobody is named, and confidence and reason stay.
    """
    own = [(actor, fsum(parts)) for actor, parts in account.actors.values()]
    whole = fsum(share for _, share in own)
    if len(own) > 1 and (not whole or any(share * whole < 0 for _, share in own)):
        return replace(known, evidence=account.evidence)
    share = fsum(part for _, parts in known.actors.values() for part in parts)
    parts = [share * part / whole for _, part in own[1:]]
    owed = [share - fsum(parts), *parts]
    actors = {actor.key: (actor, [part]) for (actor, _), part in zip(own, owed, strict=True)}
    found = replace(known, actors=actors or known.actors, evidence=account.evidence)
    return replace(found, confidence=account.confidence, reason=account.reason)

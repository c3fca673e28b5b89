"""The read side: questions about what is stored, answered from it alone. Azure is never asked.

Scopes are `all`, the id of a subscription or the name of a group, in any case. Times are ticks, windows (since, until]:
what ended in them. Answers are ready for JSON, their shapes are in drift/web/schemas.py. Each question raises
ServiceError where storage does not answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from drift import afterwards
from drift.adapters.entities import Head, Known, Row
from drift.adapters.store import Store
from drift.due import listed, parts
from drift.engine.ahead.forecasts import answered
from drift.engine.explanation import told
from drift.engine.rollup import Cut
from drift.engine.scope import belongs
from drift.engine.segments import Segment, iso
from drift.engine.where import together
from drift.ids import is_guid
from drift.kinds import Kind
from drift.model import DAY, Json
from drift.shown import happened, movement, step
from drift.state import status

WINDOW = 7 * DAY
"""How long a window is when nobody says so: it ends with the last look at the chain, by Azure's clock."""

LONGEST = 5_000
"""Movements in one explanation: some 10 ms each, and an answer over HTTP has 230 seconds."""

READERS = 16
"""Blobs that are read at a time: a window of months has thousands of segments."""

type Tick = int | None

_ID = re.compile(r"(?P<scope>[A-Za-z0-9_-]+)\.(?P<at>[0-9]{1,18})")


class UnknownScopeError(Exception):
    """It is not watched, and no group has that name."""


class UnknownDeltaError(Exception):
    """There is no movement of that id."""


class WindowTooLongError(Exception):
    """There is more in a window than one answer can read in time: says how much."""


class NothingKnownError(Exception):
    """Nothing is known of a scope at that time: says since when it is."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Of a stored Record what a window is made of; the delta beside it is not decoded."""

    segment: Segment


class History:
    """Answers. `groups` are the groups by name, each with its scope expression; `all` is one of them."""

    def __init__(self, store: Store, groups: Mapping[str, str]) -> None:
        self.store = store
        self.groups = dict(groups)
        self._names = {name.lower(): name for name in groups}

    def deltas(
        self,
        scope: str,
        since: Tick = None,
        until: Tick = None,
        kind: Kind | None = None,
        least: float | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Json:
        """Movements that ended in a window, newest first; `after` is the `continuation` of an earlier answer.

        `least`: at least so many pp, up or down. Raises UnknownScopeError.
        """
        chain = self.chain(scope)
        page = self.store.movements(chain, since, until, kind=kind, least=least, limit=limit, after=after)
        if not page.items:  # one that has movements is known: only else it costs a look
            self.known(chain)
        return _list([movement(row) for row in page.items], page.after)

    def delta(self, identity: str) -> Json:
        """One movement whole, as `drift explain` prints it, with its id. Raises UnknownDeltaError."""
        parts = _ID.fullmatch(identity)
        row = None
        if parts is not None:
            try:
                row = self.store.movement(self.chain(parts["scope"]), int(parts["at"]))
            except UnknownScopeError:
                row = None
        if row is None:
            raise UnknownDeltaError("there is no movement of this id, or it is no longer kept")
        record = afterwards.read(self.store, row)
        if record.delta is None:
            begin = row.at - 1 if row.since is None else row.since
            notes = self.store.ledger.since(begin, row.at)
            record = replace(record, segment=afterwards.completed(self.store, row, record.segment, notes))
        return record.explained() | {"id": row.id}

    def explain(self, scope: str, since: Tick = None, until: Tick = None, by: str | None = None) -> Json:
        """One explanation of a window: the sum of its movements, or where the score stood if there were none.

        `by`: one of `where.BY`, which adds `parts`. Raises UnknownScopeError, NothingKnownError for a window before the
        scope was watched, or WindowTooLongError.
        """
        (found,) = self.divided(scope, since, until, (by,))
        return found

    def divided(self, scope: str, since: Tick, until: Tick, ways: Sequence[str | None]) -> list[Json]:
        """The explanation of a window in each of these ways: what it is made of is read once. Raises as `explain`."""
        chain = self.chain(scope)
        since, until = self.window(chain, since, until)
        rows = self.store.between(chain, since, until, bodies=False)
        moved = [row for row in rows if row.since is not None]
        if len(moved) > LONGEST:
            raise WindowTooLongError(
                f"the window holds {len(moved):,} movements and an answer {LONGEST:,} at most: ask for a shorter one"
            )
        if moved:
            segments, notes = self._segments(moved), self._cut(chain, rows[0], since)
            scored = next((at for at, one in enumerate(segments) if one.before["percentage"] is not None), 0)
            if scored:
                notes = [f"the window begins at {segments[scored].before['takenAt']}: there was no score before"]
            return [told(segments[scored:], notes, by) for by in ways]
        stood = rows[-1] if rows else self.store.standing(chain, since)
        if stood is None:
            raise self.nothing(chain, until)
        (segment,) = self._segments([stood])
        notes = self._cut(chain, rows[0], since) if rows else []
        still = [told([_still(segment)], notes, by) for by in ways]
        return [one | {"notes": list(dict.fromkeys(one["notes"]))} for one in still]  # both ends say the same

    def scores(
        self, scope: str, since: Tick = None, until: Tick = None, limit: int = 100, after: str | None = None
    ) -> Json:
        """The series of a window, oldest first, from where the score stood when it began.

        `ownWork` is the running sum of earned and lost since the chain began. Raises UnknownScopeError or
        NothingKnownError.
        """
        chain = self.chain(scope)
        since, until = self.window(chain, since, until)
        found: list[Row] = []
        if after is None:
            stood = self.store.standing(chain, since)
            found += [stood] if stood is not None else []
        begin = since if after is None else int(after)
        page = self.store.series(chain, begin, until, limit=max(1, limit - len(found)))
        found += page.items
        if len(found) > limit:  # a page of one, and it is where it stood
            found, page = found[:limit], replace(page, after=str(since))
        if not found and after is None:
            raise self.nothing(chain, until)
        return _list([step(row) for row in found], page.after)

    def changes(
        self, scope: str, since: Tick = None, until: Tick = None, limit: int = 100, after: str | None = None
    ) -> Json:
        """The events seen in a window, newest first; of a group those of the subscriptions in it at its last rollup.

        A group's page may hold fewer than `limit`, or none, and go on. Raises UnknownScopeError.
        """
        chain = self.chain(scope)
        among: frozenset[str] | None = None
        if chain in self.groups and self.groups[chain] != "all":
            among = self._members(chain)
        partition = "all" if chain in self.groups else chain
        page = self.store.changes(partition, since, until, among=among, limit=limit, after=after)
        if not page.items and after is None:
            self.known(chain)
        return _list([happened(one) for one in page.items], page.after)

    def pending(self, scope: str) -> Json:
        """What is still to come, the largest expected share first, what has none known last.

        `stage`: whether only the counts lag, or the assessments too. Raises UnknownScopeError, NothingKnownError.
        """
        chain = self.chain(scope)
        head = self.known(chain)
        row = None if head is None else self.store.movement(chain, head.at)
        if row is None:
            raise self.nothing(chain, None)
        (segment,) = self._segments([row])
        found = [one | {"settled": False, "stage": "counts"} for one in segment.pending]
        found += [one | {"settled": False, "stage": "assessment"} for one in segment.foretold]
        return _list(sorted(found, key=lambda one: (one["share"] is None, -abs(one["share"] or 0.0))), None)

    def forecasts(
        self,
        scope: str,
        since: Tick = None,
        until: Tick = None,
        state: str | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Json:
        """What was said to come in a window, newest first, what became of it, and how well all of the window was told.

        `state`: one of `forecast.STATES`. Of a group those of the subscriptions in it at its last rollup. Raises
        UnknownScopeError.
        """
        chain = self.chain(scope)
        self.known(chain)
        among = self._members(chain) if chain in self.groups and self.groups[chain] != "all" else None
        partition = "all" if chain in self.groups else chain
        found = self.store.ledger.forecasts(partition, since, until, among=among)
        return answered(found, state, limit, after)

    def calendar(self, scope: str, until: Tick = None) -> Json:
        """What is due, by date; what has no date last. Shares are pp of the scope's own score.

        Raises UnknownScopeError or NothingKnownError.
        """
        chain = self.chain(scope)
        head = self.known(chain)
        ledger = self.store.ledger
        if chain in self.groups:
            cut = None if head is None else self.store.load(head.blob, Cut)
            if cut is None:
                raise self.nothing(chain, None)
            calendars, weights = ledger.calendars(), parts(cut)
            looked = {key: one.looked_at for key, one in self.store.chains().items()}
        else:
            known = ledger.calendar(chain)
            if known is None:
                raise NothingKnownError("what is due in this subscription is not known yet")
            calendars, weights, index = {chain: known}, {chain: 1.0}, self.store.looked(chain)
            looked = {} if index is None else {chain: index.looked_at}
        own = {key: one for key, one in calendars.items() if key in weights}
        return _list(listed(own, weights, until, looked), None)

    def scopes(self) -> Json:
        """What can be asked about: the tenant, the other groups, then the subscriptions by name.

        Each with when it last moved and was last looked at; null before its first look.
        """
        rolled = self.store.chains(group=True)
        own = [(scope, one) for scope, one in self.store.chains().items() if not one.retired]
        groups = [_choice(name, name, "group", rolled.get(name)) for name in self.groups]
        ordered = sorted(own, key=lambda one: one[1].name.lower())
        return {"value": [*groups, *(_choice(scope, one.name, "subscription", one) for scope, one in ordered)]}

    def status(self, now: int) -> Json:
        """How old each chain is, what waits to be told, what waits in queues and what failed. `now`: our own clock."""
        return status(self.store, self.groups, now)

    # Scopes and windows

    def chain(self, scope: str) -> str:
        """The name of the chain of a scope; that there is one is not said yet."""
        folded = scope.lower()
        if folded in self._names:
            return self._names[folded]
        if is_guid(folded):
            return folded
        raise UnknownScopeError("no group has this name, and it is no subscription's id")

    def known(self, chain: str) -> Head | None:
        """The head of a chain; None of a group that was not rolled up yet. Raises UnknownScopeError."""
        head = self.store.head(chain)
        if head is None and chain not in self.groups:
            raise UnknownScopeError("this subscription is not watched")
        return head

    def window(self, chain: str, since: Tick, until: Tick) -> tuple[int, int]:
        """The window that is meant. Raises UnknownScopeError or NothingKnownError where there is no chain."""
        if until is None or since is None:
            looked = self.store.looked(chain)
            head = self.known(chain) if looked is None else None
            if looked is None and head is None:
                raise self.nothing(chain, None)
            last = looked.looked_at if looked is not None else head.taken_at if head is not None else 0
            until = max(last, since or 0) if until is None else until
            since = until - WINDOW if since is None else since
        return max(0, since), max(0, until)

    def nothing(self, chain: str, until: Tick) -> NothingKnownError:
        """Why there is no answer. Raises UnknownScopeError where there is no chain at all."""
        head, first = self.known(chain), self.store.oldest(chain)
        if head is None or first is None or until is None:
            return NothingKnownError("this group has not been rolled up yet: nothing is known of it")
        begun = iso(first.at if first.since is None else first.since)
        told_so = "it is watched since" if first.since is None else "what is still kept begins at"
        return NothingKnownError(f"nothing is known of this scope up to {iso(until)}: {told_so} {begun}")

    def _cut(self, chain: str, first: Row, since: int) -> list[str]:
        """What is to be said of a window that begins before what is known."""
        if first.since is None:
            return [f"the window begins at {iso(first.at)}: the scope is watched since then"]
        if first.since > since and self.store.standing(chain, since) is None:
            return [f"the window begins at {iso(first.since)}: what was before is no longer kept"]
        return []

    def _segments(self, rows: Sequence[Row]) -> list[Segment]:
        """The segments of rows, in their order."""
        begin = rows[0].at - 1 if rows[0].since is None else rows[0].since
        scope = rows[0].scope
        notes = self.store.ledger.since(begin, rows[-1].at, scope if is_guid(scope) else None)

        def segment(row: Row) -> Segment:
            if (row.scope, row.at) in notes:
                return afterwards.read(self.store, row, notes).segment
            return afterwards.completed(self.store, row, self.store.load(row.blob, Stretch).segment, notes)

        if len(rows) == 1:
            return [segment(rows[0])]
        with ThreadPoolExecutor(min(READERS, len(rows))) as pool:
            return list(pool.map(segment, rows))

    def _members(self, group: str) -> frozenset[str]:
        """The subscriptions of a group, as it was last rolled up."""
        head = self.store.head(group)
        if head is None:
            return frozenset()
        cut = self.store.load(head.blob, Cut)
        return frozenset(key for key, place in cut.places.items() if belongs(place.point, cut.scope))


def _choice(scope: str, name: str, kind: str, known: Known | None) -> Json:
    times = (None, None) if known is None else (iso(known.at), iso(known.looked_at))
    return {"scope": scope, "name": name, "kind": kind, "movedAt": times[0], "lookedAt": times[1]}


def _list(value: list[Json], after: str | None) -> Json:
    return {"value": value} if after is None else {"value": value, "continuation": after}


def _still(last: Segment) -> Segment:
    """The segment of a time in which nothing moved, after the last one that did."""
    return replace(
        last,
        before=last.after,
        accounts=(),
        where=together([]),
        remarks={},
        missing={},
        reasons=(last.reasons[1],) * 2,
    )

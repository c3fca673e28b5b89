"""Groups: the tenant, management groups and tags, each a chain of its own from rollup to rollup."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from drift.adapters.entities import Head, Known, Row
from drift.adapters.packing import unpack
from drift.adapters.store import ConflictError, Store
from drift.afterwards import Judge
from drift.engine.explanation import alone
from drift.engine.rollup import Cut, Place, courses, place
from drift.engine.scope import belongs
from drift.engine.segments import segment
from drift.errors import ServiceError
from drift.keeping import Keeper
from drift.model import DAY, NEVER, Delta, Point
from drift.record import Record

LATELY = 7 * DAY
"""A subscription of which no event came for so long may have none that reaches us."""

TENANT = "all"
"""The group that takes in everything. It is rolled up last: what it has taken in, the others have too."""


def roll_up(groups: Mapping[str, str], store: Store, keeper: Keeper) -> None:
    """Moves the chains of all groups (name to scope) on to where their subscriptions stand now.

    A group that another worker moves on meanwhile is left to it; one that fails does not stop the others. Raises
    ServiceError at the end if any did.
    """
    rollup = _Rollup(store, keeper)
    failed: list[ServiceError] = []
    for name, scope in sorted(groups.items(), key=lambda item: item[0] == TENANT):
        try:
            with suppress(ConflictError):
                rollup.roll(name, scope)
        except ServiceError as error:
            failed.append(error)
    if failed:
        raise ServiceError("; ".join(dict.fromkeys(map(str, failed))))


class _Rollup:
    """One rollup: all groups to where the index says that the chains stand."""

    def __init__(self, store: Store, keeper: Keeper) -> None:
        self._store, self._keeper = store, keeper
        known = store.chains()
        self._taken = max((one.looked_at for one in known.values()), default=NEVER)
        self._known: Mapping[str, Known] = {key: one for key, one in known.items() if not one.retired}
        self._read: dict[tuple[str, int, int], tuple[Delta, list[Delta]]] = {}
        chains = {key: one.at for key, one in self._known.items()}
        self._judge = Judge(store, _Heard(store, keeper.clock()), chains, keeper.clock())
        self._verdicts: dict[frozenset[tuple[str, int]], dict[str, list[Delta]]] = {}

    def roll(self, name: str, scope: str) -> None:
        """Moves one group on."""
        head = self._store.head(name)
        old = self._store.load(head.blob, Cut) if head else Cut(scope, {})
        places = {key: one for key, one in old.places.items() if key in self._known}
        moved = {key: one.at for key, one in self._known.items() if key not in places or one.at > places[key].at}
        if not moved and len(places) == len(old.places) and old.scope == scope:
            if head is not None:
                self._store.index(head, max(self._taken, head.taken_at))
            return
        deltas: dict[str, list[Delta]] = {}
        for identity, at in moved.items():
            since = places[identity].at if identity in places else at - 1  # of what is new only where it stands
            begun, deltas[identity] = self._between(identity, since, at)
            places[identity] = place(deltas[identity][-1] if deltas[identity] else begun)
        new = Cut(scope, places)
        if head is None:
            self._begin(name, new)
        else:
            self._move(head, old, new, deltas)

    def _begin(self, name: str, new: Cut) -> None:
        begun = segment(
            courses(new.places, new.places, {}), 0, (self._taken, self._taken), new.scope, name, single=False
        )
        head = Head(name, name, self._taken, self._taken, self._store.keep(new, f"heads/{name}/0"))
        self._keeper.keep(head, None, Record(replace(begun, scope=name)), None, (None, _weight(new)))

    def _move(self, head: Head, old: Cut, new: Cut, deltas: Mapping[str, list[Delta]]) -> None:
        taken = max(self._taken, head.taken_at + 1)
        later = replace(head, taken_at=taken, blob=self._store.keep(new, f"heads/{head.scope}/0"))
        if old.scope == new.scope and not any(_concerned(one, deltas, old.scope) for one in (old.places, new.places)):
            self._keeper.exchange(later, head)
            return
        times = head.taken_at, taken
        lines = courses(old.places, new.places, self._judged(deltas))
        moved = segment(lines, 0, times, new.scope, head.name, single=False, was=old.scope)
        inside = [line for line in lines if line.deltas[0] is not None and _in(line.points[1], new.scope)]
        record = Record(replace(moved, scope=head.scope), None, [alone(line, times) for line in inside])
        self._keeper.keep(replace(later, at=taken), head, record, head.taken_at, (None, _weight(new)))

    def _judged(self, deltas: Mapping[str, list[Delta]]) -> Mapping[str, list[Delta]]:
        """The deltas with what the platform is shown to have done; groups that ask the same are told the same."""
        key = frozenset((identity, own[0].before.taken_at) for identity, own in deltas.items() if own)
        if key not in self._verdicts:
            self._verdicts[key] = self._judge.judged({one: own for one, own in deltas.items() if own})
        return {one: [] for one in deltas} | self._verdicts[key]

    def _between(self, identity: str, since: int, until: int) -> tuple[Delta, list[Delta]]:
        """Where a chain was first seen of what lies in (since, until], and its deltas there, oldest first.

        Each is read once for all groups.
        """
        key = identity, since, until
        if key not in self._read:
            rows = self._store.between(identity, since, until)
            found = [(row.since is None, self._delta(row)) for row in rows]
            self._read[key] = found[0][1], [delta for first, delta in found if not first]
        return self._read[key]

    def _delta(self, row: Row) -> Delta:
        found = unpack(row.body, Delta) if row.body is not None else self._store.load(row.blob, Record).delta
        assert found is not None  # the row of a subscription
        return found


class _Heard:
    """The subscriptions of which an event came lately: whose events arrive. Each is asked for once."""

    def __init__(self, store: Store, now: int) -> None:
        self._store, self._since = store, now - LATELY
        self._known: dict[str, bool] = {}

    def __contains__(self, identity: object) -> bool:
        key = str(identity)
        if key not in self._known:
            note = self._store.note("wake", key)
            self._known[key] = note is not None and note["until"] > self._since
        return self._known[key]


def _concerned(places: Mapping[str, Place], deltas: Mapping[str, list[Delta]], scope: str) -> bool:
    """Whether any chain that moved belongs to a group at one end."""
    return any(belongs(places[identity].point, scope) for identity in deltas if identity in places)


def _in(point: Point | None, scope: str) -> bool:
    return point is not None and belongs(point, scope)


def _weight(cut: Cut) -> float:
    """What the scored subscriptions of a group weigh together."""
    points = (one.point for one in cut.places.values())
    return sum(point.weight for point in points if point.score is not None and belongs(point, cut.scope))

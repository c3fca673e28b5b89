"""Groups: the tenant, management groups and tags, each a chain of its own from rollup to rollup."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from drift.adapters.packing import unpack
from drift.adapters.store import ConflictError, Head, Known, Row, Store
from drift.engine.explanation import alone
from drift.engine.rollup import Cut, Place, courses, place
from drift.engine.scope import belongs
from drift.engine.segments import segment
from drift.keeping import Keeper
from drift.model import NEVER, Delta
from drift.record import Record


def roll_up(groups: Mapping[str, str], store: Store, keeper: Keeper) -> None:
    """Moves the chains of all groups (name to scope) on to where their subscriptions stand now. Raises ServiceError.

    A group that another worker moves on meanwhile is left to it.
    """
    known = store.chains()
    deltas = _Deltas(store)
    for name, scope in groups.items():
        with suppress(ConflictError):
            _roll(name, scope, known, deltas, store, keeper)


def _roll(name: str, scope: str, known: Mapping[str, Known], deltas: _Deltas, store: Store, keeper: Keeper) -> None:
    head = store.head(name)
    old: dict[str, Place] = store.load(head.blob, dict[str, Place]) if head else {}
    taken = max((one.looked_at for one in known.values()), default=NEVER)
    moved = {one: at.at for one, at in known.items() if one not in old or at.at > old[one].at}
    if not moved:
        if head is not None:
            store.index(head, max(taken, head.taken_at))
        return
    new, own = dict(old), dict[str, list[Delta]]()
    for identity, at in moved.items():
        begun, own[identity] = deltas.between(identity, old[identity].at if identity in old else at - 1, at)
        new[identity] = place(own[identity][-1] if own[identity] else begun)
    if head is None:
        _begin(name, scope, new, taken, store, keeper)
    else:
        _move(head, scope, (old, new), own, max(taken, head.taken_at + 1), store, keeper)


def _begin(name: str, scope: str, new: Cut, taken: int, store: Store, keeper: Keeper) -> None:
    begun = segment(courses(new, new, {}), 0, (taken, taken), scope, name, single=False)
    head = Head(name, name, taken, taken, store.keep(new, f"heads/{name}/0"))
    keeper.keep(head, None, Record(replace(begun, scope=name)), None, (None, _weight(new, scope)))


def _move(
    head: Head,
    scope: str,
    cuts: tuple[Cut, Cut],
    deltas: dict[str, list[Delta]],
    taken: int,
    store: Store,
    keeper: Keeper,
) -> None:
    later = replace(head, taken_at=taken, blob=store.keep(cuts[1], f"heads/{head.scope}/0"))
    points = [cut[identity].point for identity in deltas for cut in cuts if identity in cut]
    if not any(belongs(point, scope) for point in points):
        keeper.exchange(later, head)
        return
    times = head.taken_at, taken
    lines = courses(*cuts, deltas)
    moved = segment(lines, 0, times, scope, head.name, single=False)
    inside = [line for line in lines if line.deltas[0] is not None and _ends_in(line.deltas[0], scope)]
    record = Record(replace(moved, scope=head.scope), None, [alone(line, times) for line in inside])
    keeper.keep(replace(later, at=taken), head, record, head.taken_at, (None, _weight(cuts[1], scope)))


def _ends_in(delta: Delta, scope: str) -> bool:
    return belongs(delta.after, scope)


def _weight(cut: Cut, scope: str) -> float:
    """What the scored subscriptions of a group weigh together."""
    points = (one.point for one in cut.values())
    return sum(point.weight for point in points if point.score is not None and belongs(point, scope))


class _Deltas:
    """The deltas of chains, each read once for all groups."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: dict[tuple[str, int, int], tuple[Delta, list[Delta]]] = {}

    def between(self, identity: str, since: int, until: int) -> tuple[Delta, list[Delta]]:
        """Where a chain was first seen of what lies in (since, until], and its deltas there, oldest first."""
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

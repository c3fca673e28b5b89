"""The read side that looks at where chains stand: why a score stands still, what fixes are worth, exemptions, coverage.

Questions are asked as those of History: scopes, times, and ServiceError where storage does not answer. Where a chain
stands is a blob of up to some MB: of a group the heaviest subscriptions are read, a few at a time, and an answer tells
in `notes` what it leaves out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import batched, chain

from drift import afterwards, auditing, plans, standing
from drift.actors import Happening
from drift.adapters.entities import Row
from drift.adapters.store import Store
from drift.afterwards import Notes
from drift.diagnosing import case
from drift.engine.diagnosis import diagnose
from drift.engine.diagnosis.case import Asked, Case
from drift.engine.evidence.records import heard_between
from drift.engine.head import Head
from drift.engine.rollup import Cut
from drift.engine.scope import belongs
from drift.engine.segments import iso
from drift.engine.wording import count
from drift.groups import TENANT
from drift.history import LONGEST, History, Tick
from drift.kinds import Kind
from drift.model import DAY, Delta, Json, Point

MOST = 500
"""Subscriptions that one answer looks at: an answer over HTTP has 230 seconds."""

ABREAST = 50
"""Of these, how many are held at a time, at the most."""

OTHERS = 50
"""Subscriptions beside those asked about that show what these lack."""

NAMED = 100
"""Resources of one step of a plan that are named."""

FIRST = 3
"""Reasons that are told where there is little room."""

SHOWN = 0.005
"""pp. Less is not seen in a percentage of two decimals."""

READERS = 8
"""Reads at a time."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a question is about: the subscriptions of a scope that are looked at, the heaviest first."""

    chain: str
    expression: str
    """The scope as `drift.engine.scope` takes it."""
    taken_at: int
    members: tuple[str, ...]
    left: int
    """How many more belong to it."""
    points: Mapping[str, Point]
    """Where all subscriptions of the tenant stood at its last rollup, by id in lower case."""

    @property
    def others(self) -> list[str]:
        """The subscriptions of the tenant that are not looked at, the heaviest first."""
        own = set(self.members)
        return _heaviest({key: point for key, point in self.points.items() if key not in own})

    @property
    def notes(self) -> list[str]:
        """What is to be said of those that are left out."""
        if not self.left:
            return []
        seen = (
            f"{count(len(self.members), 'heaviest subscription')} {'is' if len(self.members) == 1 else 'are'} looked at"
        )
        return [f"only the {seen}: {self.left:,} more {'is' if self.left == 1 else 'are'} not"]


def diagnosis(
    history: History,
    scope: str,
    recommendation: str | None = None,
    resource: str | None = None,
    figure: float | None = None,
    since: Tick = None,
    most: int = MOST,
) -> Json:
    """Why a score stands still, as `drift diagnose` answers: how it came to stand so since a time, or in seven days.

    `recommendation` and `resource` in lower case. Raises UnknownScopeError or NothingKnownError.
    """
    found = reach(history, scope, most)
    begin, end = history.window(found.chain, since, None)
    course = _Course(history.store, begin, end, max(1, LONGEST // max(1, len(found.members))))
    asked = Asked(found.expression, recommendation, resource, figure)
    looked = [*found.members]
    if recommendation is not None:
        looked += course.fixed(found.others)[: max(0, most - len(looked))]

    def cases() -> Iterator[Case]:
        for one in _each(course.read, looked):
            others = {key: point for key, point in found.points.items() if key != one.identity}
            yield case(one.head, one.deltas, one.events, one.since, asked, others)

    every = cases()
    first = next(every, None)
    if first is None:  # nothing belongs to it
        told = {"recommendation": recommendation, "resource": resource, "figure": figure}
        answer: Json = {"takenAt": None, "asked": told, "reasons": [], "undecided": []}
    else:
        answer = diagnose(chain([first], every), asked)
    return _answered(answer | {"scope": found.chain, "notes": course.notes}, found)


def stuck(store: Store, since: int, until: int) -> list[Json]:
    """The first reasons why the tenant's score stands still, where people worked in (since, until] and it hardly moved.

    None where nobody gained anything, or the score moved by at least half of it. Raises ServiceError.
    """
    first, last = store.standing(TENANT, since) or store.oldest(TENANT), store.standing(TENANT, until)
    if first is None or last is None:
        return []
    before, after = (row.told["after"]["percentage"] for row in (first, last))
    work = last.own_work - first.own_work
    if before is None or after is None or work < SHOWN or after - before >= work / 2:
        return []
    return diagnosis(History(store, {TENANT: TENANT}), TENANT, since=since)["reasons"][:FIRST]


def plan(
    history: History, scope: str, target: float, effort: str = "high", order: str = "effort", most: int = MOST
) -> Json:
    """What fixes are worth and a way to a target, as `drift plan` answers. `order`: by `effort` or by `risk`.

    Raises UnknownScopeError or NothingKnownError.
    """
    found = reach(history, scope, most)
    stood = heads(history.store, found.members)
    return _answered(plans.plan(stood, found.chain, target, effort=effort, by=order, named=NAMED), found)


def exemptions(history: History, scope: str, most: int = MOST) -> Json:
    """What exemptions hide, as `drift exemptions` answers. Raises UnknownScopeError or NothingKnownError."""
    found = reach(history, scope, most)
    return _answered(auditing.exemptions(heads(history.store, found.members), found.chain), found)


def controls(history: History, scope: str, most: int = MOST) -> Json:
    """Where each control stands. Raises UnknownScopeError or NothingKnownError."""
    found = reach(history, scope, most)
    stood = standing.controls(heads(history.store, found.members), found.chain)
    return _answered(stood | {"takenAt": iso(found.taken_at), "notes": []}, found)


def overdue(history: History, scope: str, most: int = MOST) -> Json:
    """What is past its due date and not fixed. Raises UnknownScopeError or NothingKnownError."""
    found = reach(history, scope, most)
    return standing.overdue(heads(history.store, found.members), found.chain)


def coverage(history: History, scope: str, most: int = MOST) -> Json:
    """What is assessed and what is not, as `drift coverage` answers. Raises UnknownScopeError or NothingKnownError.

    What is absent is what the others have: the heaviest of them are looked at.
    """
    found = reach(history, scope, most)
    others = found.others[: min(OTHERS, max(0, most - len(found.members)))]
    store = history.store
    return _answered(auditing.coverage(heads(store, found.members), found.chain, heads(store, others)), found)


def reach(history: History, scope: str, most: int = MOST) -> Reach:
    """The subscriptions of a scope, of a group those in it at its last rollup.

    Raises UnknownScopeError, or NothingKnownError for a group that was not rolled up yet.
    """
    store, name = history.store, history.chain(scope)
    head = history.known(name)
    if head is None:
        raise history.nothing(name, None)
    group = store.load(head.blob, Cut) if name in history.groups else None
    tenant = group
    if name != TENANT:
        above = store.head(TENANT)
        tenant = store.load(above.blob, Cut) if above is not None else None
    points = {key: place.point for key, place in tenant.places.items()} if tenant is not None else {}
    if group is None:
        return Reach(name, name, head.taken_at, (name,), 0, points)
    own = {key: place.point for key, place in group.places.items() if belongs(place.point, group.scope)}
    ordered = _heaviest(own)
    return Reach(name, group.scope, head.taken_at, tuple(ordered[:most]), len(ordered[most:]), points)


def _heaviest(points: Mapping[str, Point]) -> list[str]:
    """Their ids, those that weigh most first and those without a score last."""
    return sorted(points, key=lambda key: (points[key].score is None, -points[key].weight, key))


def heads(store: Store, members: Sequence[str]) -> Iterator[Head]:
    """Where chains stand at their last look, in order; few are held at a time. Raises ServiceError."""
    return (head for _, head in _each(lambda identity: _stood(store, identity), members))


def _stood(store: Store, identity: str) -> tuple[int, Head] | None:
    """Where a chain stands, and the tick that names what led there; None of a chain that is no more.

    What is kept is the look at which it last changed: it was the same at each look since.
    """
    looked, known = store.looked(identity), store.head(identity)
    if known is None:
        return None
    head = store.load(known.blob, Head)
    if looked is None or looked.at != known.at or looked.looked_at <= head.snapshot.taken_at:
        return known.at, head
    at = looked.looked_at
    return known.at, replace(head, snapshot=replace(head.snapshot, taken_at=at), at=replace(head.at, taken_at=at))


@dataclass(frozen=True, slots=True)
class _Came:
    """Where a chain stands, and how it came there."""

    identity: str
    head: Head
    deltas: Sequence[Delta]
    events: Sequence[Happening]
    since: int


class _Course:
    """How chains came to stand where they do, since a time. Of each at most so many movements are read, the newest."""

    def __init__(self, store: Store, since: int, until: int, most: int) -> None:
        self.store, self._since, self._most = store, since, most
        self._until = until + DAY  # chains may have moved on since their group was rolled up
        self.known: Notes = store.ledger.since(since, self._until)
        self._cut: list[str] = []

    @property
    def notes(self) -> list[str]:
        """What is to be said of those of which not all was read."""
        if not self._cut:
            return []
        where = count(len(self._cut), "subscription")
        return [f"in {where} movements are left out: the newest {self._most:,} are looked at"]

    def fixed(self, scopes: Sequence[str]) -> list[str]:
        """Those of some chains in which findings were fixed."""
        known, kind = self.store.chains(), Kind.REMEDIATION

        def read(scope: str) -> str | None:
            found = self.store.movements(scope, self._since, self._until, kind=kind, limit=1)
            return scope if found.items else None

        return list(_each(read, [scope for scope in scopes if scope in known and known[scope].at > self._since]))

    def read(self, identity: str) -> _Came | None:
        """None of a chain that is no more."""
        stood = _stood(self.store, identity)
        if stood is None:
            return None
        (at, head), since = stood, self._since
        rows = [row for row in self.store.between(identity, since, at, bodies=False) if row.since is not None]
        if len(rows) > self._most:
            rows = rows[-self._most :]
            since = max(since, rows[0].since or since)
            self._cut.append(identity)
        if not rows:  # the one that led to the head tells what waits
            last = self.store.movement(identity, at)
            rows = [last] if last is not None and last.since is not None else []
        deltas = [delta for row in rows if (delta := self._delta(row)) is not None]
        events = self.store.happened(identity, *heard_between(since, head.snapshot.taken_at))
        return _Came(identity, head, deltas, events, since)

    def _delta(self, row: Row) -> Delta | None:
        return afterwards.read(self.store, row, self.known if row.at > self._since else None).delta


def _each[A, B](read: Callable[[A], B | None], asked: Sequence[A]) -> Iterator[B]:
    """What is found of each, in order: it is read ahead, and let go once it was given out."""
    for some in batched(asked, ABREAST, strict=False):
        with ThreadPoolExecutor(min(READERS, len(some))) as pool:
            yield from (one for one in pool.map(read, some) if one is not None)


def _answered(answer: Json, found: Reach) -> Json:
    """With what is left out; of a group without subscriptions as of its last rollup."""
    taken_at = answer["takenAt"] or iso(found.taken_at)
    return answer | {"takenAt": taken_at, "notes": [*answer["notes"], *found.notes]}

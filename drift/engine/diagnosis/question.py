"""A question over all its subscriptions: what is kept of each case, and which score belongs to which scope."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum

import numpy as np

from drift.engine import wording
from drift.engine.accounts import Account
from drift.engine.diagnosis import stakes
from drift.engine.diagnosis.case import Asked, Case, Reason
from drift.kinds import Kind
from drift.model import DAY, NEVER, Flags, Longs, Point, Status

WHOLE = 100.0
"""The weight of what answers the whole question, in pp: what is done moves another score, or there is nothing left."""

LOOKS = 200
"""Times at which the scores of all groups are looked at: hourly for a week, and some."""

LATELY = 7 * DAY
"""How long before the only look there is a fix is recent."""


@dataclass(frozen=True, slots=True)
class Member:
    """What is kept of a case, once its own answers are known: nothing of it is as large as its marks."""

    point: Point
    looks: tuple[Point, ...]
    """Where it stood since the time asked about, oldest first, the last one included."""
    accounts: tuple[Account, ...]
    """What happened since, with shares in pp of its own score."""
    controls: frozenset[str] | None
    """The controls that the question is about, in lower case; None: all."""
    came: bool
    """Whether it was first seen, or first had a score, since the time asked about."""
    at_work: bool
    """Whether there are signs that somebody works on what is asked here: fixed, still to come, or written to."""
    effects: Mapping[str, float] = field(default_factory=dict)
    """What it would bring to fix what some of the reasons are about, in pp of its own score."""

    @property
    def id(self) -> str:
        """The subscription's id, in lower case."""
        return self.point.subscription.id.lower()

    @property
    def name(self) -> str:
        """What to call it."""
        return wording.clean(self.point.subscription.name)

    def share(self, account: Account) -> float:
        """An account's share in the controls that the question is about, in pp of its own score."""
        if self.controls is None:
            return account.share
        return fsum(part for control in self.controls for part in account.controls.get(control, ()))

    def earned(self, asked: Asked) -> float:
        """What fixes of what is asked brought since, in pp of its own score."""
        return fsum(account.share for account in self.accounts if fixes(account, asked))


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the subscriptions that it is about, each with its part of the scope's score."""

    asked: Asked
    members: Sequence[Member]
    outside: Sequence[Member]
    """Others that were looked at too."""
    points: Mapping[str, Point]
    """Where all known subscriptions stand, by id in lower case."""
    parts: Mapping[str, float]
    """By id in lower case; they sum to 1. Those without a score have none."""

    @property
    def group(self) -> bool:
        """Whether it is about a group, and not one subscription."""
        return self.asked.scope.lower() not in self.points

    def part(self, member: Member) -> float:
        """What part of the scope's score that of a subscription is."""
        return self.parts.get(member.id, 0.0)

    def earned(self) -> float:
        """What fixes of what is asked brought since, in pp of the scope's score."""
        return fsum(self.part(one) * one.earned(self.asked) for one in self.members)

    def shares(self) -> Iterator[tuple[Member, Account, float]]:
        """What happened since in the controls asked about, with its share in pp of the scope's score."""
        for member in self.members:
            for account in member.accounts:
                yield member, account, self.part(member) * member.share(account)

    def score(self) -> float | None:
        """The scope's score, in percent."""
        own = [(self.part(one), one.point.score) for one in self.members]
        known = [part * score for part, score in own if score is not None]
        return 100 * fsum(known) if known and fsum(self.parts.values()) > 0 else None

    def looks(self) -> Iterator[dict[str, Point]]:
        """Where all known subscriptions stood at each look, the last one first; of many a part, spread over the time.

        Thousands of subscriptions are looked at thousands of times, each at its own, and a group has a score at all.
        """
        every = [(one, [point.taken_at for point in one.looks]) for one in (*self.members, *self.outside)]
        for at in _spread({at for _, times in every for at in times}):
            found = dict(self.points)
            for one, times in every:
                if before := bisect_right(times, at):
                    found[one.id] = one.looks[before - 1]
                else:
                    found.pop(one.id, None)
            yield found


def _spread(times: Collection[int]) -> list[int]:
    """All of some ticks, or LOOKS of them, each the last of a stretch of time; the last one first."""
    ordered = sorted(times, reverse=True)
    if len(ordered) <= LOOKS:
        return ordered
    stretch = (ordered[0] - ordered[-1]) // LOOKS + 1
    found: dict[int, int] = {}
    for at in ordered:
        found.setdefault((ordered[0] - at) // stretch, at)
    return list(found.values())


type Said = tuple[Reason, Sequence[str]] | None
"""What a rule for a whole question says: a reason that holds, and the ids of the subscriptions that it lies in."""


def member(case: Case, effects: Mapping[str, float]) -> Member:
    """What is kept of a case."""
    deltas = [delta for delta in case.deltas if delta.after.taken_at > case.since]
    looks = (*(deltas[0].before for _ in deltas[:1]), *(delta.after for delta in deltas), case.head.at)
    first = looks[0]
    turned = any(delta.before.score is None and delta.after.score is not None for delta in deltas)
    return Member(
        point=case.head.at,
        looks=looks,
        accounts=tuple(accounts(case)),
        controls=_controls(case),
        came=first.taken_at > case.since or turned,
        at_work=_at_work(case),
        effects=effects,
    )


def accounts(case: Case) -> Iterator[Account]:
    """What happened in a subscription since the time asked about."""
    for delta, segment in zip(case.deltas, case.segments, strict=True):
        if delta.after.taken_at > case.since:
            yield from segment.accounts


def fixes(account: Account, asked: Asked) -> bool:
    """Whether an account is of fixes of what is asked."""
    if account.cause.kind is not Kind.REMEDIATION:
        return False
    if asked.recommendation is not None and account.cause.subject.lower() != asked.recommendation:
        return False
    return asked.resource is None or asked.resource in account.resources


def fixed(case: Case) -> Longs:
    """The rows of the marks asked about that were fixed since the time asked about, in the counts or not yet."""
    marks, snapshot, pending = case.snapshot.marks, case.snapshot, case.head.pending
    rows = case.rows[marks.status[case.rows] == Status.HEALTHY]
    found = _by_date(case, rows) if case.since >= case.now else np.zeros(len(rows), np.bool_)
    if pending is not None and case.stand is not None:
        was = pending.units.take(pending.units.status_from == Status.UNHEALTHY)
        found |= np.isin(rows, case.stand.side.rows(was.resource, was.recommendation))
    for account in accounts(case):
        place = snapshot.recommendations.find(account.cause.subject)
        if place is not None and fixes(account, case.asked):
            known = [snapshot.resources.find(one) for one in account.resources]
            on = np.isin(marks.resource[rows], [one for one in known if one is not None])
            found |= on & (marks.recommendation[rows] == place)
    return rows[found]


def _by_date(case: Case, rows: Longs) -> Flags:
    """Which healthy marks changed lately, on resources that had been there before: where there is but one look."""
    marks, inventory = case.snapshot.marks, case.context.inventory
    changed, first = marks.changed[rows], marks.first[rows]
    created = np.full(len(case.snapshot.resources), case.now, np.int64)
    if inventory is not None:
        created[inventory.resource] = inventory.created
    turned = np.where(first == NEVER, created[marks.resource[rows]] + 2 * DAY < changed, first < changed)
    return (changed > case.now - LATELY) & turned


def _at_work(case: Case) -> bool:
    if len(fixed(case)):
        return True
    written = stakes.writes(case)
    return any(int(place) in written for place in np.unique(case.snapshot.marks.resource[case.unhealthy()]))


def _controls(case: Case) -> frozenset[str] | None:
    if not stakes.asks_one(case) or case.stand is None:
        return None
    places = np.unique(case.snapshot.marks.recommendation[case.rows])
    if not len(places) and case.asked.recommendation is not None:
        place = case.snapshot.recommendations.find(case.asked.recommendation)
        places = np.array([] if place is None else [place], np.int32)
    listing = case.stand.side.member[:, places].any(axis=1)
    return frozenset(case.stand.controls[at] for at in np.flatnonzero(listing).tolist())


def group_score(points: Iterable[Point]) -> float | None:
    """The score of some subscriptions together, in percent."""
    scored = [(point.weight, point.score) for point in points if point.score is not None]
    total = fsum(weight for weight, _ in scored)
    return 100 * fsum(weight * score for weight, score in scored) / total if total > 0 else None

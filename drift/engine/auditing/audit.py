"""What exemptions hide, what they are worth, and what is wrong with each.

What an exemption is worth is the score as it is less the score if it were not there, its marks Unhealthy: that is
assumed, for what they would say is not known. Alone, where the others stay; and all together, divided among them. The
score is the one of where a subscription stands once what is pending has come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np

from drift import ids
from drift.engine import wording
from drift.engine.ahead.supposing import Stand, Supposed, ahead, each, gain, stand, together, worth
from drift.engine.auditing.hiding import Hiding, of_another
from drift.engine.effects import columns
from drift.engine.exemptions import in_force, listed
from drift.engine.head import Head
from drift.engine.owners import TAG, Owners
from drift.kinds import Kind
from drift.model import DAY, NEVER, Bytes, Cause, Context, Exemption, Flags, Longs, Snapshot, Status, Subscription

FLAGS = {
    "expired": "has ended and is still there",
    "no_end": "has no end",
    "no_owner": "has no owner",
    "no_reason": "gives no reason",
    "matches_nothing": "no mark is exempt by it",
    "new": "is of the last 24 hours: its marks need not have followed",
    "assignment_gone": "its policy assignment is gone",
    "not_of_benchmark": "its policy assignment is not the benchmark's: it does nothing to the score",
    "at_management_group": "stands at a management group: it reaches all subscriptions below",
    "selectors_not_evaluated": "its resource selectors could not be evaluated: it may hide less",
}
"""What can be wrong with an exemption, or has to be known of it, in words."""


@dataclass(frozen=True, slots=True)
class Audited:
    """An exemption as it is in one subscription."""

    exemption: Exemption
    flags: frozenset[str] = frozenset()
    """Of FLAGS."""
    owner: str | None = None
    tagged: bool = False
    """Whether a tag names the owner; else it is who made it."""
    marks: int = 0
    """How many exempt marks it matches, whatever else does; one that has ended, those that none in force matches."""
    counted: int = 0
    """How many of them would count."""
    resources: int = 0
    recommendations: Mapping[str, int] = field(default_factory=dict)
    """The marks by key of their recommendation."""
    controls: Mapping[str, int] = field(default_factory=dict)
    """Those that would count by the name of their control, in lower case."""
    points: float | None = None
    """What it is worth alone, in pp of the subscription's own score; None without a score."""
    share: float | None = None
    """Its part of what all are worth together."""


@dataclass(frozen=True, slots=True)
class Audit:
    """The exemptions of one subscription, and its score with and without them, as fractions of 1."""

    subscription: Subscription
    taken_at: int
    weight: float
    score: float | None
    without: float | None
    rows: tuple[Audited, ...]
    unmatched: int
    """Exempt marks that would count and that no exemption of the lists explains,"""
    unmatched_share: float | None
    """and their part of what all are worth."""
    titles: Mapping[str, str]
    """Of the recommendations and controls in the rows, by their key and name in lower case."""
    missing: tuple[str, ...]
    """The fields of the context that are not at hand."""


def audit(head: Head) -> Audit:
    """The exemptions of a subscription. Without a score there are no marks, and no points."""
    snapshot = head.snapshot
    owners = Owners(snapshot.resources, snapshot.context.inventory)
    every = sorted(listed(snapshot.context).values(), key=lambda one: one.id.lower())
    missing = tuple(f.name for f in fields(Context) if getattr(snapshot.context, f.name) is None)
    if snapshot.unscored is not None:
        rows = tuple(_described(Audited(one), snapshot, owners) for one in every)
        return Audit(snapshot.subscription, snapshot.taken_at, 0.0, None, None, rows, 0, None, {}, missing)
    here, hiding = stand(head), Hiding(snapshot)
    every.sort(key=hiding.precedence)
    matched = [hiding.rows(one) for one in every]
    counts = here.standing.counts[here.side.marks.recommendation]
    worths = _Worth(here, hiding, every, matched, counts, mitigated_counts=head.healthy_reading)
    points, (shares, without, rest) = worths.alone(), worths.together()
    ended = [not in_force(one, snapshot.taken_at) for one in every]
    free = np.array([*ended, True])[worths.first]
    """[mark] Whether nothing that is in force makes it exempt: only then does what has ended hide it."""
    alike: dict[tuple[int, bool], Audited] = {}
    found: list[Audited] = []
    for at, (one, own) in enumerate(zip(every, matched, strict=True)):
        same = id(own), ended[at]
        if same not in alike:  # thousands at one scope can hide the same marks
            alike[same] = _hiding(Audited(one), own[free[own]] if ended[at] else own, counts, here, snapshot)
        row = replace(alike[same], exemption=one, points=points[at], share=shares[at])
        found.append(_described(row, snapshot, owners))
    return Audit(
        subscription=snapshot.subscription,
        taken_at=snapshot.taken_at,
        weight=head.at.weight,
        score=here.point.score,
        without=without,
        rows=tuple(found),
        unmatched=len(worths.rest),
        unmatched_share=rest,
        titles=_titles(snapshot, found),
        missing=missing,
    )


def _titles(snapshot: Snapshot, rows: Sequence[Audited]) -> dict[str, str]:
    known = snapshot.context.recommendations or {}
    found = {control.name.lower(): control.title for control in snapshot.controls}
    for key in {key for row in rows for key in row.recommendations}:
        place = snapshot.recommendations.find(key)
        if place is not None and place in known:
            found[key.lower()] = known[place].title
    return {key: wording.clean(title) for key, title in found.items()}


class _Worth:
    """What exemptions, in order of precedence, do to the score."""

    def __init__(
        self,
        here: Stand,
        hiding: Hiding,
        every: Sequence[Exemption],
        matched: Sequence[Longs],
        counts: Flags,
        *,
        mitigated_counts: bool,
    ) -> None:
        self.here, self.names, self.scope = here, hiding.snapshot.resources, hiding.snapshot.subscription.id
        self.every, self.first, self.second = every, *hiding.matched(every, matched)
        self.own = [rows[counts[rows]] for rows in _grouped(self.first, len(every))]
        rest = hiding.exempt[self.first[hiding.exempt] < 0]
        self.rest: Longs = rest[counts[rest]]
        """Exempt marks that would count and that none matches."""
        self.bare = np.where(here.standing.graced, np.int8(Status.NONE), np.int8(Status.UNHEALTHY))
        """[mark] What each would contribute with no exemption: a grace period still shields it."""
        self.healthy = np.array([*(one.mitigated and mitigated_counts for one in every), False])

    def _supposed(self, to: Bytes) -> list[Supposed]:
        causes = [Cause(Kind.EXEMPTION_REMOVED, one.id, self.scope) for one in self.every]
        return [Supposed(cause, rows, to[rows]) for cause, rows in zip(causes, self.own, strict=True)]

    def alone(self) -> list[float | None]:
        """The points of each where the others stay: a mark that another matches too stays exempt by that one."""
        kept = np.where(self.healthy[self.second], np.int8(Status.HEALTHY), np.int8(Status.NONE))
        supposed = self._supposed(np.where(self.second < 0, self.bare, kept))
        tallies = each(self.here.side, supposed, self.names)
        gains = [gain(self.here, columns([tally], self.here.controls)) for tally in tallies]
        return [None if one is None else 0.0 - one for one in gains]

    def together(self) -> tuple[list[float | None], float | None, float | None]:
        """Each one's part of what all are worth, the score without any, and the part of what none matches."""
        nobody = Supposed(Cause(Kind.EXEMPTION_REMOVED, "", self.scope), self.rest, self.bare[self.rest])
        tallies = together(self.here.side, [*self._supposed(self.bare), nobody], self.names)
        effects, now = columns(tallies, self.here.controls), self.here.point
        without = replace(now, counts=ahead(now.counts, effects)).score
        if now.score is None or without is None:
            return [None for _ in self.every], without, None
        values = worth(now.counts, effects, len(tallies)).tolist()
        shares = {tally.cause.subject: 0.0 - value for tally, value in zip(tallies, values, strict=True)}
        return [shares.get(one.id, 0.0) for one in self.every], without, shares.get("", 0.0)


def _described(row: Audited, snapshot: Snapshot, owners: Owners) -> Audited:
    """The same with its flags and its owner."""
    one, now, other = row.exemption, snapshot.taken_at, of_another(snapshot, row.exemption)
    tag = owners.of(one.scope)
    if not tag and ids.management_group(one.scope) is None:
        own = sorted(snapshot.subscription.tags.items())
        tag = next((value for name, value in own if name.lower() == TAG), "")
    owner = wording.clean(tag) or wording.clean(one.made.actor or "") or None
    late = max(one.made.at, one.modified.at) > now - DAY
    idle = not row.marks and snapshot.unscored is None and in_force(one, now) and not other
    flags = {
        "expired": not in_force(one, now),
        "no_end": one.expires == NEVER,
        "no_owner": owner is None,
        "no_reason": not one.reason.strip(),
        "matches_nothing": idle and not late,
        "new": idle and late,
        other: bool(other),
        "at_management_group": ids.management_group(one.scope) is not None,
        "selectors_not_evaluated": one.selectors,
    }
    held = frozenset(flag for flag, holds in flags.items() if holds)
    return replace(row, flags=held, owner=owner, tagged=bool(wording.clean(tag)))


def _hiding(row: Audited, own: Longs, counts: Flags, here: Stand, snapshot: Snapshot) -> Audited:
    """The same with what it hides."""
    marks, live = here.side.marks, own[counts[own]]
    number = np.bincount(marks.recommendation[own]).tolist()
    hidden = {snapshot.recommendations[place]: n for place, n in enumerate(number) if n}
    counted = np.bincount(marks.recommendation[live], minlength=here.side.member.shape[1])
    by_control = (here.side.member @ counted).tolist()
    return replace(
        row,
        marks=len(own),
        counted=len(live),
        resources=len(np.unique(marks.resource[own])),
        recommendations=hidden,
        controls={name: n for name, n in zip(here.controls, by_control, strict=True) if n},
    )


def _grouped(of: Longs, size: int) -> list[Longs]:
    """The rows by their group, from 0 on; -1 is none."""
    rows = np.flatnonzero(of >= 0)
    order = rows[np.argsort(of[rows], kind="stable")]
    return np.split(order, np.searchsorted(of[order], np.arange(1, size))) if size else []

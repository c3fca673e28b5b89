"""What is asked when a score stands still, what is at hand to answer it, and what an answer is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from drift.actors import Confidence, Happening
from drift.engine.ahead.supposing import Stand
from drift.engine.head import Head
from drift.engine.segments import Segment
from drift.model import Context, Delta, Longs, Point, Snapshot, Status


@dataclass(frozen=True, slots=True)
class Asked:
    """The question: why does this not move?"""

    scope: str
    """`all`, a subscription id, or a group."""
    recommendation: str | None = None
    """Its key, in lower case."""
    resource: str | None = None
    """Its id, in lower case."""
    figure: float | None = None
    """The percentage that somebody looks at and wonders about."""


@dataclass(frozen=True)
class Case:
    """One subscription that a question is about: as it stands, and how it came there since a time."""

    head: Head
    stand: Stand | None
    """None where it has no score."""
    deltas: Sequence[Delta]
    """Its comparisons since `since`, oldest first, with whose doing each change was; none of the first look."""
    segments: Sequence[Segment]
    """The same, with shares in pp of its own score."""
    events: Sequence[Happening]
    """Of that time and the three days before it, those that failed as well; none where none are heard."""
    since: int
    asked: Asked
    others: Mapping[str, Point] = field(default_factory=dict)
    """Where the other subscriptions stand, by id in lower case."""

    @property
    def snapshot(self) -> Snapshot:
        """The last look."""
        return self.head.snapshot

    @property
    def context(self) -> Context:
        """What surrounds the marks at the last look."""
        return self.head.snapshot.context

    @property
    def now(self) -> int:
        """When it was last looked at."""
        return self.head.snapshot.taken_at

    @property
    def root(self) -> str:
        """The id of the subscription, as it begins all others in it."""
        return f"/subscriptions/{self.snapshot.subscription.id}"

    @cached_property
    def rows(self) -> Longs:
        """The marks that the question is about: of the recommendation, on the resource; all if neither is given."""
        marks = self.snapshot.marks
        found = np.ones(len(marks), np.bool_)
        for asked, names, column in (
            (self.asked.recommendation, self.snapshot.recommendations, marks.recommendation),
            (self.asked.resource, self.snapshot.resources, marks.resource),
        ):
            if asked is not None:
                place = names.find(asked)
                found &= column == (-1 if place is None else place)
        return np.flatnonzero(found)

    def unhealthy(self) -> Longs:
        """Of these the ones that count as Unhealthy."""
        return self.rows if self.stand is None else self.rows[self.stand.side.effective[self.rows] == Status.UNHEALTHY]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why it stands still, or moved the wrong way."""

    reason: str
    """Its name, as in docs/reasons.md."""
    confidence: Confidence
    title: str
    """One line in plain words, with names and figures; names from the tenant cleaned by `wording.clean`."""
    weight: float
    """How much of the question it answers, in pp of the score, or of what was to be expected; orders the answers."""
    evidence: tuple[str, ...] = ()
    """How it knows: one line each."""
    action: str = ""
    """What to do, or that there is nothing to do but wait."""
    confirm: str = ""
    """A command that shows it: `az …`. Ids are quoted; text of the tenant is not in it."""
    effect: float | None = None
    """What the score will do once it is done or has come, in pp; None where that is not known."""
    moves_by: tuple[int, int] | None = None
    """Ticks: the score moves not before and not after; None where nobody can say, or nothing will move."""
    resources: tuple[str, ...] = ()
    """The largest few that it is about."""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Undecided:
    """A reason that what is at hand can't decide, and what would."""

    reason: str
    needs: str
    """The file, permission or setting."""


type Answer = Reason | Undecided | None
"""What a rule says: the reason holds, can't be decided, or does not hold."""

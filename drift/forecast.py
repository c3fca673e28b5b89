"""What was said to come of a cause, and what came of it. Shares are pp of the subscription's own score, times ticks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from drift.actors import NEVER, Actor
from drift.model import DAY

LATE = "overdue"
STATES = ("open", "settled", "withdrawn", LATE)
"""What can be asked for: overdue is what did not come in time, whatever became of it."""

type State = Literal["open", "settled", "withdrawn"]
type Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is said to come of one cause."""

    kind: str
    subject: str
    scope: str
    """The id of the subscription."""
    name: str
    """What to call the subscription."""
    title: str
    actors: tuple[Actor, ...]
    opened: int
    expected: float | None
    """Its share, as last seen before any of it came about; None where that is not known."""
    realised: float = 0.0
    """What of it the counts have shown so far."""
    came: bool = False
    """Whether it was among the causes of a movement, be it with a share of nothing."""
    state: State = "open"
    settled_at: int = NEVER
    """When it was found settled or withdrawn."""
    told_at: int = NEVER
    """When it was large enough to be announced."""
    overdue_at: int = NEVER
    """When it was found not to have come in time."""

    @property
    def key(self) -> Key:
        """What it is about."""
        return key(self.kind, self.subject, self.scope)

    @property
    def due(self) -> int:
        """By when Azure should have assessed and counted again."""
        return self.opened + DAY

    @property
    def late(self) -> bool:
        """Whether it did not come in time, whatever became of it."""
        return self.overdue_at != NEVER


def key(kind: str, subject: str, scope: str) -> Key:
    """What names a cause, in whatever case its ids come."""
    return kind, subject.lower(), scope.lower()

"""When a card may be posted: not in quiet hours, and not more than so many to one webhook within an hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from drift.adapters.entities import Waiting
from drift.adapters.store import Store
from drift.model import HOUR
from drift.quiet import Quiet
from drift.routes import is_digest

type Reason = tuple[str, int, int, int]
"""Why movements waited (`hour` or `quiet`), from when until when, and how many cards there would have been."""


@dataclass(frozen=True, slots=True)
class Pace:
    """`cards`: how many to one webhook within any hour, at the most; a digest counts, and does not wait for others.

    When cards were posted is in the store, so that a new worker goes on counting.
    """

    store: Store
    cards: int
    quiet: Quiet | None = None

    def is_quiet(self, now: int) -> bool:
        """Whether nothing is posted at all."""
        return self.quiet is not None and self.quiet.holds(now)

    def waits(self, destination: str, now: int) -> bool:
        """Whether a destination gets nothing now. Raises ServiceError."""
        if self.is_quiet(now):
            return True
        if is_digest(destination):
            return False
        posted = self._posted(destination)
        return len(posted) == self.cards and posted[0] + HOUR > now

    def posted(self, destination: str, now: int) -> None:
        """Notes that a card was posted. Raises ServiceError."""
        name = destination.replace("digest", "teams", 1)
        times = [*self._posted(name), now]
        self.store.remember("posted", name, {"at": times[-self.cards :]})

    def held(self, destination: str, waited: Sequence[Waiting], now: int) -> Reason | None:
        """Why movements that can be told now had to wait, if they had."""
        oldest = min(one.written for one in waited)
        cards = max(Counter(one.scope for one in waited).values())  # each pass moves a scope once at the most
        if self.quiet is not None and (night := self.quiet.over(oldest, now)) is not None:
            return ("quiet", *night, cards)
        posted = self._posted(destination)
        if len(posted) == self.cards and cards > 1 and posted[-1] < posted[0] + HOUR and oldest < posted[0] + HOUR:
            return ("hour", posted[-1], now, cards)
        return None

    def _posted(self, destination: str) -> list[int]:
        """When the last cards were posted, as many as count, oldest first."""
        note = self.store.note("posted", destination)
        return [] if note is None else [int(at) for at in note["at"]][-self.cards :]

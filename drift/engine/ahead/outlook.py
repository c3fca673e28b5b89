"""What a foretelling looks at: the later snapshot, and what happened around it in the last 48 hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drift.actors import Happening
from drift.engine.ahead.coverage import Coverage
from drift.engine.changes import Side
from drift.engine.context import MEMORY, Happened
from drift.engine.exemptions import Exemptions
from drift.engine.scoring import Standing
from drift.kinds import Kind
from drift.model import NEVER, Cause, Longs, Snapshot, Status


@dataclass(frozen=True)
class Outlook:
    """One end of a comparison, its context level with the other's."""

    snapshot: Snapshot
    side: Side
    standing: Standing
    exemptions: Exemptions
    around: Sequence[Happened]
    """What changed since the snapshot before, and what is remembered."""
    healthy_reading: bool
    events: Sequence[Happening] = ()

    @cached_property
    def coverage(self) -> Coverage:
        """Of the assignments."""
        return Coverage(self.snapshot.context, self.snapshot.resources, self.snapshot.recommendations)

    @cached_property
    def live(self) -> Longs:
        """The rows of the marks that contribute."""
        return np.flatnonzero(self.side.effective != Status.NONE)

    def cause(self, kind: Kind, subject: str) -> Cause:
        """A cause in this subscription."""
        return Cause(kind, subject, self.snapshot.subscription.id)

    def happened(self, *kinds: Kind) -> list[Happened]:
        """What happened of some kinds in the last 48 hours."""
        return [one for one in self.around if one.kind in kinds and self.snapshot.taken_at - one.at <= MEMORY]

    def date(self, own: int, seen: int) -> int:
        """A thing's own date if it is one of these 48 hours, else when it was first seen."""
        now = self.snapshot.taken_at
        return own if own != NEVER and now - MEMORY <= own <= now else seen

"""What is kept of one movement: all of it in a blob, and as much in its row as lists and cards tell."""

from __future__ import annotations

from dataclasses import dataclass, field

from drift.engine.explanation import told
from drift.engine.segments import Segment
from drift.model import Delta, Json

SUMMARY, CAUSES, PENDING, UNSCORED, EVIDENCE = 10, 10, 5, 5, 2
"""How many of each a row keeps. With names cut to 90 characters that is well below what a property holds."""


@dataclass(frozen=True, slots=True)
class Record:
    """One movement whole: of a subscription with its delta, of a group with the subscriptions that moved."""

    segment: Segment
    delta: Delta | None = None
    subscriptions: list[Json] = field(default_factory=list)

    def explained(self) -> Json:
        """The object that `drift explain --format json` prints."""
        found = told([self.segment])
        if self.delta is None:
            found["subscriptions"] = self.subscriptions
        return found


def shortened(explained: Json) -> Json:
    """The explanation for lists and cards: the largest of everything, and how much there was."""
    causes = [
        cause | {"evidence": cause["evidence"][:EVIDENCE], "controls": {}} for cause in explained["causes"][:CAUSES]
    ]
    return {
        **{key: explained[key] for key in ("scope", "name", "before", "after", "movement", "rounding", "classes")},
        "summary": explained["summary"][:SUMMARY],
        "causes": causes,
        "pending": explained["pending"][:PENDING],
        "unscored": explained["unscored"][:UNSCORED],
        "notes": [note[:200] for note in explained["notes"][:UNSCORED]],
        "series": explained["series"][-2:],
        "left": {
            "causes": len(explained["causes"]) - len(causes),
            "summary": max(0, len(explained["summary"]) - SUMMARY),
            "pending": max(0, len(explained["pending"]) - PENDING),
            "pendingShare": sum(one["share"] for one in explained["pending"]),
        },
    }

"""What is kept of one movement: all of it in a blob, and as much in its row as lists and cards tell."""

from __future__ import annotations

from dataclasses import dataclass, field

from drift import people
from drift.engine.accounts import Course
from drift.engine.explanation import told
from drift.engine.segments import Segment, segment
from drift.engine.wording import clean
from drift.model import Delta, Json

SUMMARY, CAUSES, PENDING, UNSCORED, EVIDENCE, ACTORS = 10, 10, 5, 5, 2, 5
"""How many of each a row keeps. With names cut to 90 characters that is well below what a property holds."""

RECORD = ("source", "time", "actor", "actorType", "actorId", "operation")
"""What a row keeps of a record: who and when; not from where."""


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


def recorded(delta: Delta) -> Record:
    """The record of one comparison of a subscription: one straight line of its own score."""
    points = delta.before, delta.after
    scored = all(point.score is not None for point in points)
    identity = delta.after.subscription.id.lower()
    line = Course(identity, points, (delta if scored else None,))
    times = tuple(point.taken_at for point in points)
    return Record(segment([line], 0, times, identity, clean(delta.after.subscription.name), single=True), delta)


def shortened(explained: Json) -> Json:
    """The explanation for lists and cards: the largest of everything, and how much there was."""
    causes = [_cause(cause) for cause in explained["causes"][:CAUSES]]
    actors = explained["actors"]
    kept = actors[:ACTORS] + [one for one in actors[ACTORS:] if one["type"] == "platform"]
    return {
        **{key: explained[key] for key in ("scope", "name", "before", "after", "movement", "rounding", "classes")},
        "summary": explained["summary"][:SUMMARY],
        "actors": [_cut(actor) for actor in kept],
        "causes": causes,
        "pending": [
            one | {"actors": [_cut(actor) for actor in one["actors"][:ACTORS]], "reason": clean(one["reason"], 200)}
            for one in explained["pending"][:PENDING]
        ],
        "unscored": explained["unscored"][:UNSCORED],
        "notes": [note[:200] for note in explained["notes"][:UNSCORED]],
        "series": explained["series"][-2:],
        "left": {
            "causes": len(explained["causes"]) - len(causes),
            "actors": len(actors) - len(kept),
            "summary": max(0, len(explained["summary"]) - SUMMARY),
            "pending": max(0, len(explained["pending"]) - PENDING),
            "pendingShare": sum(one["share"] for one in explained["pending"]),
        },
    }


def _cause(cause: Json) -> Json:
    records = people.records(cause)[:EVIDENCE]
    actors = cause["actors"][:ACTORS]
    more = len(cause["actors"]) - len(actors)
    short = {
        "reason": clean(cause["reason"], 200),
        "actors": [_cut(actor) for actor in actors],
        "controls": {},
        "evidence": [_cut({key: record[key] for key in RECORD if key in record}) for record in records],
    }
    return cause | short | ({"moreActors": more} if more else {})


def _cut(row: Json) -> Json:
    """The same with its texts cut."""
    return {key: clean(value) if isinstance(value, str) else value for key, value in row.items()}

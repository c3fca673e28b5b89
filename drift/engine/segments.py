"""One straight line of one scope, explained: what is kept of a movement, and what a window is the sum of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import fsum

from drift.actors import Actor
from drift.engine import wording
from drift.engine.accounts import Account, Accounts, Course, inside, nobody, of_segment, score, shown
from drift.engine.ahead.supposing import ahead, worth
from drift.engine.scope import belongs
from drift.engine.where import Where, together
from drift.model import DAY, Change, Json, moment


@dataclass(frozen=True, slots=True)
class Segment:
    """One straight line of one scope, explained: what a window of it is the sum of.

    `before` and `after` are ends as in the answer. Without a score at both ends there are no accounts.
    """

    scope: str
    name: str
    before: Json
    after: Json
    accounts: tuple[Account, ...]
    where: Where
    pending: list[Json]
    unscored: list[Json]
    remarks: dict[str, tuple[str, ...]]
    """What is to be known of the segment, and of which subscriptions, by name."""
    missing: dict[str, tuple[str, ...]]
    """Optional files that were not at hand, and in which subscriptions, by id."""
    reasons: tuple[str, str]
    """Why there is no score at either end."""
    controls: dict[str, str]
    """Control names as Azure writes them, by their lower case."""
    names: dict[str, str]
    """Names of the subscriptions, by id in lower case."""
    foretold: list[Json] = field(default_factory=list)


def segment(
    courses: Sequence[Course],
    at: int,
    times: Sequence[int],
    scope: str,
    name: str,
    *,
    single: bool,
    was: str | None = None,
) -> Segment:
    """The segment from one snapshot of a window to the next; `single`: by the one subscription's own score.

    `was`: the scope at the first end, where a group was defined otherwise: who joins and who leaves is told.
    """
    ends = _end(courses, at, times, was or scope, single), _end(courses, at + 1, times, scope, single)
    accounts: Accounts = {}
    where = together([])
    if ends[0]["percentage"] is not None and ends[1]["percentage"] is not None:
        accounts, where = of_segment(courses, at, scope, single=single, was=was)
    final = at == len(times) - 2
    remarks, missing, controls = _said(courses, at, scope)
    return Segment(
        scope=scope,
        name=name,
        before=ends[0],
        after=ends[1],
        accounts=tuple(accounts.values()),
        where=where,
        pending=_to_come(courses, scope, single, foretold=False) if final else [],
        foretold=_to_come(courses, scope, single, foretold=True) if final else [],
        unscored=_unscored(courses, scope) if final else [],
        remarks=remarks,
        missing=missing,
        reasons=(_why(courses, at), _why(courses, at + 1)),
        controls=controls,
        names={course.id.lower(): name_of(course) for course in courses},
    )


def iso(tick: int) -> str:
    """A tick as ISO 8601, UTC, to the second or as fine as it is."""
    return moment(tick).isoformat().replace("+00:00", "Z")


def name_of(course: Course) -> str:
    """The display name of a subscription, made harmless; its id where nothing is known of it."""
    known = [point.subscription.name for point in course.points if point is not None]
    return wording.clean(known[-1]) if known else course.id


def _end(courses: Sequence[Course], at: int, times: Sequence[int], scope: str, single: bool) -> Json:
    point = courses[0].points[at] if single else None
    record = point.reported if point is not None else None
    scored = [own for course in courses if (own := inside(course.points[at], scope)) is not None]
    return {
        "takenAt": iso(times[at]),
        "percentage": score(courses, at, scope, single=single),
        "reported": 100 * record.percentage if record else None,
        "current": record.current if record else None,
        "max": record.maximum if record else None,
        "resources": sum(own.resources for own in scored),
    }


def _to_come(courses: Sequence[Course], scope: str, single: bool, *, foretold: bool) -> list[Json]:
    """What is still to come after the last segment, each with the share it will have.

    Of what is pending once the counts catch up; of what is foretold once the marks have followed too, None where it is
    not known which marks will.
    """
    members = [(course, point) for course in courses if (point := inside(course.points[-1], scope)) is not None]
    total = fsum(1.0 if single else point.weight for _, point in members)
    found: list[Json] = []
    for course, now in members:
        delta = course.waiting
        changes = () if delta is None else delta.foretold if foretold else delta.pending
        if delta is None or not changes or not total > 0:
            continue
        counts, effects = now.counts, delta.pending_effects
        if foretold:
            counts, effects = ahead(counts, effects), delta.foretold_effects
        shares = (1.0 if single else now.weight / total) * worth(counts, effects, len(changes))
        for change, share in zip(changes, shares.tolist(), strict=True):
            found.append(
                {
                    "kind": change.cause.kind.value,
                    "class": change.cause.kind.group.value,
                    "subject": change.cause.subject,
                    "scope": change.cause.scope,
                    "share": share if change.marks else None,
                    "subscription": name_of(course),
                    "title": wording.filled(change.title, change.resources, change.numbers),
                    "since": iso(change.since),
                    "due": iso(change.since + DAY),
                    "marks": change.marks,
                    "resources": len(change.resources),
                    "actors": [shown(actor) for actor in _actors(change)],
                    "reason": change.reason,
                }
            )
    return sorted(found, key=lambda p: (-abs(p["share"] or 0.0), p["kind"], p["subject"].lower(), p["scope"].lower()))


def _actors(change: Change) -> list[Actor]:
    """Whose doing it is, each once."""
    by = [one.actor for one in change.by] or [nobody(change.cause.kind)]
    return list({actor.key: actor for actor in by}.values())


def _unscored(courses: Sequence[Course], scope: str) -> list[Json]:
    return [
        {"subscription": course.id, "name": name_of(course), "reason": point.unscored}
        for course in courses
        if (point := course.points[-1]) is not None and point.unscored is not None and belongs(point, scope)
    ]


type _Said = tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]], dict[str, str]]


def _said(courses: Sequence[Course], at: int, scope: str) -> _Said:
    """What the deltas of a segment say beside their causes: remarks, missing files, and control names."""
    remarks: dict[str, tuple[str, ...]] = {}
    missing: dict[str, tuple[str, ...]] = {}
    controls: dict[str, str] = {}
    for course in courses:
        delta = course.deltas[at]
        if delta is None:
            continue
        controls |= delta.controls
        if belongs(delta.before, scope) or belongs(delta.after, scope):
            for note in delta.notes:
                remarks[note] = (*remarks.get(note, ()), name_of(course))
            for file in delta.missing:
                missing[file] = (*missing.get(file, ()), course.id)
    return remarks, missing, controls


def _why(courses: Sequence[Course], at: int) -> str:
    """Why nothing is scored at a snapshot, if one subscription can say."""
    reasons = {point.unscored for course in courses if (point := course.points[at]) and point.unscored}
    return f" ({wording.clean(', '.join(sorted(reasons)))})" if reasons else ""

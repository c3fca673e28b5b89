"""One explanation of a window, for any scope: the object that `drift explain --format json` prints.

A window is the sum of its segments: for a subscription its deltas, for a group the straight lines from one snapshot of
all to the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum
from typing import Any

import numpy as np

from drift import ids
from drift.engine import wording
from drift.engine.accounts import Account, Accounts, Course, add_segment, inside, joined, own_work, score
from drift.engine.attribution import End, rates
from drift.engine.scope import belongs
from drift.kinds import Class
from drift.model import DAY, Counts, Delta, Effects, Evidence, Json, moment


def explain(
    courses: Sequence[Course],
    times: Sequence[int],
    scope: str,
    notes: Sequence[str] = (),
    known: Mapping[str, Any] | None = None,
) -> Json:
    """The explanation of a window. `times` are the ticks of its snapshots, at least two, in order.

    Shares are pp of the scope's own score. `notes`: what is to be said of the window beside what its deltas say.
    `known`: what `alone` gave for subscriptions, by id, in whatever form the caller wants it in the answer.
    """
    courses = sorted(courses, key=lambda course: course.id.lower())
    single = next((c for c in courses if c.id.lower() == scope.lower()), None)
    if single is not None:
        return _object([single], times, single.id, _name(single), notes, single=True)
    found = _object(courses, times, scope, scope, notes, single=False)
    both = [c for c in courses if inside(c.points[0], scope) is not None and inside(c.points[-1], scope) is not None]
    known = known or {}
    found["subscriptions"] = [known[c.id] if c.id in known else alone(c, times) for c in both]
    return found


def alone(course: Course, times: Sequence[int]) -> Json:
    """The explanation of one subscription by its own score."""
    return _object([course], times, course.id, _name(course), (), single=True)


def iso(tick: int) -> str:
    """A tick as ISO 8601, UTC, to the second or as fine as it is."""
    return moment(tick).isoformat().replace("+00:00", "Z")


def _name(course: Course) -> str:
    known = [point.subscription.name for point in course.points if point is not None]
    return wording.clean(known[-1]) if known else course.id


def _object(
    courses: Sequence[Course], times: Sequence[int], scope: str, name: str, notes: Sequence[str], *, single: bool
) -> Json:
    scores = [score(courses, at, scope, single=single) for at in range(len(times))]
    accounts: Accounts = {}
    series: list[Json] = [{"takenAt": iso(times[0]), "percentage": scores[0], "ownWork": 0.0}]
    for at in range(len(times) - 1):
        if None not in scores:
            add_segment(courses, at, scope, accounts, single=single)
        series.append({"takenAt": iso(times[at + 1]), "percentage": scores[at + 1], "ownWork": own_work(accounts)})
    movement = None if scores[-1] is None or scores[0] is None or None in scores else scores[-1] - scores[0]
    ends = [_end(courses, at, times, scores, single) for at in (0, len(times) - 1)]
    rounding = None
    if movement is not None and ends[0]["reported"] is not None and ends[1]["reported"] is not None:
        rounding = ends[1]["reported"] - ends[0]["reported"] - movement
    listed = sorted(accounts.values(), key=lambda a: (-abs(a.share), a.cause.key))
    names = {course.id.lower(): _name(course) for course in courses}
    deltas = [delta for course in courses for delta in course.deltas if delta is not None]
    controls = {key: shown for delta in deltas for key, shown in delta.controls.items()}
    return {
        "scope": scope,
        "name": name,
        "before": ends[0],
        "after": ends[1],
        "movement": movement,
        "rounding": rounding,
        "classes": _classes(listed),
        "summary": _summary(listed),
        "causes": [_cause(account, names[account.cause.scope.lower()], controls) for account in listed],
        "pending": _pending(courses, scope, single),
        "unscored": _unscored(courses, scope),
        "notes": [*notes, *_notes(courses, scope, scores, times)],
        "series": series,
    }


def _cause(account: Account, name: str, controls: Mapping[str, str]) -> Json:
    cause = account.cause
    return {
        "kind": cause.kind.value,
        "class": cause.kind.group.value,
        "subject": cause.subject,
        "scope": cause.scope,
        "share": account.share,
        "subscription": name,
        "title": wording.filled(account.title, account.resources.values(), account.numbers),
        "confidence": "confirmed" if account.evidence else "inferred",
        "marks": account.marks,
        "resources": len(account.resources) or account.counted,
        "controls": {controls.get(key, key): fsum(parts) for key, parts in sorted(account.controls.items())},
        "evidence": [_evidence(one) for one in account.evidence],
    }


def _evidence(one: Evidence) -> Json:
    return {"source": one.source, "time": iso(one.at), "actor": one.actor, "actorType": one.actor_type}


def _classes(accounts: Sequence[Account]) -> dict[str, float]:
    shares: dict[Class, list[float]] = {}
    for account in accounts:
        shares.setdefault(account.cause.kind.group, []).append(account.share)
    return {group.value: fsum(shares[group]) for group in Class if group in shares}


def _summary(accounts: Sequence[Account]) -> list[Json]:
    """Causes of one kind together, the largest first; one cause alone speaks for itself."""
    kinds: dict[int, list[Account]] = {}
    for account in accounts:
        kinds.setdefault(account.cause.kind.order, []).append(account)
    lines: list[Json] = []
    for _, own in sorted(kinds.items()):
        kind, share = own[0].cause.kind, fsum(account.share for account in own)
        line = {"kind": kind.value, "class": kind.group.value, "title": _headline(own), "share": share}
        lines.append(line | {"count": len(own)})
    return sorted(lines, key=lambda line: -abs(line["share"]))


def _headline(own: Sequence[Account]) -> str:
    kind = own[0].cause.kind
    subjects = {account.cause.subject.lower() for account in own}
    resources: dict[str, str] = {}
    groups: set[str] = set()
    for account in own:
        resources |= account.resources
        if (group := ids.resource_group(account.cause.subject)) is not None:
            groups.add(group.lower())
    scopes = len({account.cause.scope.lower() for account in own})
    if len(subjects) == 1:
        numbers = own[0].numbers
        for account in own[1:]:
            numbers = joined(kind, numbers, account.numbers)
        return wording.filled(own[0].title, resources.values(), numbers) + wording.across(scopes)
    return wording.summary(kind, len(subjects), len(resources), len(groups), scopes)


def _pending(courses: Sequence[Course], scope: str, single: bool) -> list[Json]:
    """What is still to come of the last segment, each with the share it will have once the counts catch up."""
    members = [(course, point) for course in courses if (point := inside(course.points[-1], scope)) is not None]
    total = fsum(1.0 if single else point.weight for _, point in members)
    found: list[Json] = []
    for course, now in members:
        delta = course.deltas[-1]
        if delta is None or not delta.pending or not total > 0:
            continue
        then = _ahead(now.counts, delta.pending_effects)
        shares = np.zeros(len(delta.pending))
        if any(c.counted and c.maximum for c in then.values()):  # else there will be no score to move
            factor = 1.0 if single else now.weight / total
            shares = factor * rates([(End(now.counts), End(then))])[0].shares(delta.pending_effects, len(shares))
        for change, share in zip(delta.pending, shares.tolist(), strict=True):
            found.append(
                {
                    "kind": change.cause.kind.value,
                    "class": change.cause.kind.group.value,
                    "subject": change.cause.subject,
                    "scope": change.cause.scope,
                    "share": share,
                    "subscription": _name(course),
                    "title": wording.filled(change.title, change.resources, change.numbers),
                    "since": iso(change.since),
                    "due": iso(change.since + DAY),
                    "marks": change.marks,
                    "resources": len(change.resources),
                }
            )
    return sorted(found, key=lambda p: (-abs(p["share"]), p["kind"], p["subject"].lower(), p["scope"].lower()))


def _ahead(now: Mapping[str, Counts], pending: Effects) -> dict[str, Counts]:
    """The counts once what is pending has come; never beyond what a control can have."""
    size = len(pending.controls)
    healthy, counted = (
        np.rint(np.bincount(pending.control, column, minlength=size)).astype(int).tolist()
        for column in (pending.healthy, pending.counted)
    )
    then = dict(now)
    for name, more_healthy, more_counted in zip(pending.controls, healthy, counted, strict=True):
        if name in now and (more_healthy or more_counted):
            n = max(0, now[name].counted + more_counted)
            then[name] = Counts(now[name].maximum, min(max(0, now[name].healthy + more_healthy), n), n)
    return then


def _end(
    courses: Sequence[Course], at: int, times: Sequence[int], scores: Sequence[float | None], single: bool
) -> Json:
    point = courses[0].points[at] if single else None
    record = point.reported if point is not None else None
    return {
        "takenAt": iso(times[at]),
        "percentage": scores[at],
        "reported": 100 * record.percentage if record else None,
        "current": record.current if record else None,
        "max": record.maximum if record else None,
    }


def _unscored(courses: Sequence[Course], scope: str) -> list[Json]:
    return [
        {"subscription": course.id, "name": _name(course), "reason": point.unscored}
        for course in courses
        if (point := course.points[-1]) is not None and point.unscored is not None and belongs(point, scope)
    ]


def _notes(courses: Sequence[Course], scope: str, scores: Sequence[float | None], times: Sequence[int]) -> list[str]:
    deltas: list[tuple[Course, Delta]] = []
    for course in courses:
        deltas += [(course, d) for d in course.deltas if d and (belongs(d.before, scope) or belongs(d.after, scope))]
    missing: dict[str, set[str]] = {}
    told: dict[str, dict[str, None]] = {}
    for course, delta in deltas:
        for file in delta.missing:
            missing.setdefault(file, set()).add(course.id)
        for note in delta.notes:
            told.setdefault(note, {})[_name(course)] = None
    found = wording.missing({file: len(own) for file, own in missing.items()})
    found += [f"{', '.join(names)}: {note}" for note, names in told.items()]
    for at, value in enumerate(scores):
        if value is None:
            found.append(f"the movement is not explained: there is no score at {iso(times[at])}{_why(courses, at)}")
    return found


def _why(courses: Sequence[Course], at: int) -> str:
    """Why nothing is scored at a snapshot, if one subscription can say."""
    reasons = {point.unscored for course in courses if (point := course.points[at]) and point.unscored}
    return f" ({wording.clean(', '.join(sorted(reasons)))})" if reasons else ""

"""One explanation of a window, for any scope: the object that `drift explain --format json` prints.

A window is the sum of its segments: for a subscription its deltas, for a group the straight lines from one snapshot of
all to the next. Shares of a cause add up over segments, controls and subscriptions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import fsum

import numpy as np

from drift import ids
from drift.engine import wording
from drift.engine.attribution import End, Rates, rates
from drift.model import (
    DAY,
    Cause,
    Change,
    Class,
    Counts,
    Delta,
    Effects,
    Evidence,
    Json,
    Kind,
    Point,
    belongs,
    moment,
)


@dataclass(frozen=True, slots=True)
class Course:
    """One subscription through a window: where it stood at each snapshot, and the delta of each segment.

    None where the subscription was not there. `deltas` is one shorter than `points`.
    """

    id: str
    points: Sequence[Point | None]
    deltas: Sequence[Delta | None]


@dataclass(slots=True)
class _Account:
    """What one cause amounts to over a window."""

    cause: Cause
    title: str = ""
    shares: list[float] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    controls: dict[str, list[float]] = field(default_factory=dict)
    marks: int = 0
    resources: dict[str, str] = field(default_factory=dict)
    """Ids by their lower case."""
    evidence: dict[Evidence, None] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """In pp: of its cells, and of the change of weight they brought."""
        return fsum((*self.shares, *self.weight))

    def add(self, change: Change) -> None:
        """What the change says of itself; the shares are added apart."""
        self.title = change.title
        self.marks += change.marks
        self.resources |= {identity.lower(): identity for identity in change.resources}
        self.evidence |= dict.fromkeys(change.evidence)


type _Accounts = dict[tuple[int, str, int, str], _Account]


def explain(courses: Sequence[Course], times: Sequence[int], scope: str, name: str | None = None) -> Json:
    """The explanation of a window. `times` are the ticks of its snapshots, at least two, in order.

    `scope`: `all`, a subscription id, `tag:NAME=VALUE` or `mg:NAME`. Shares are pp of the scope's own score.
    """
    courses = sorted(courses, key=lambda course: course.id.lower())
    single = next((c for c in courses if c.id.lower() == scope.lower()), None)
    if single is not None:
        return _object([single], times, single.id, name or _name(single), single=True)
    found = _object(courses, times, scope, name or scope, single=False)
    both = [c for c in courses if _in(c.points[0], scope) is not None and _in(c.points[-1], scope) is not None]
    found["subscriptions"] = [_object([c], times, c.id, _name(c), single=True) for c in both]
    return found


def _name(course: Course) -> str:
    known = [point.subscription.name for point in course.points if point is not None]
    return wording.clean(known[-1]) if known else course.id


def _in(point: Point | None, scope: str) -> Point | None:
    """The point if it is scored and a member."""
    return point if point is not None and point.score is not None and belongs(point, scope) else None


def _object(courses: Sequence[Course], times: Sequence[int], scope: str, name: str, *, single: bool) -> Json:
    accounts: _Accounts = {}
    scores = [_score(courses, at, scope, single) for at in range(len(times))]
    whole = all(score is not None for score in scores)
    series: list[Json] = [_step(times[0], scores[0], 0.0)]
    for at in range(len(times) - 1):
        if scores[at] is not None and scores[at + 1] is not None:
            _segment(courses, at, scope, single, accounts if whole else {})
        own = fsum(a.share for a in accounts.values() if a.cause.kind.group in (Class.EARNED, Class.LOST))
        series.append(_step(times[at + 1], scores[at + 1], own))
    first, last = scores[0], scores[-1]
    movement = last - first if whole and first is not None and last is not None else None
    listed = sorted(accounts.values(), key=lambda a: (-abs(a.share), a.cause.key))
    names = {course.id.lower(): _name(course) for course in courses}
    controls = {
        key: shown for course in courses for delta in course.deltas if delta for key, shown in delta.controls.items()
    }
    ends = [_end(courses, at, times, scores, single) for at in (0, len(times) - 1)]
    rounding = None
    if movement is not None and ends[0]["reported"] is not None and ends[1]["reported"] is not None:
        rounding = ends[1]["reported"] - ends[0]["reported"] - movement
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
        "notes": _notes(courses, scope, whole),
        "series": series,
    }


def _score(courses: Sequence[Course], at: int, scope: str, single: bool) -> float | None:
    """The scope's score at a snapshot, in percent."""
    points = [point for course in courses if (point := _in(course.points[at], scope)) is not None]
    weights = [1.0 if single else point.weight for point in points]
    total = fsum(weights)
    if not total > 0:
        return None
    return 100 * fsum(w * (point.score or 0.0) for w, point in zip(weights, points, strict=True)) / total


def _step(at: int, score: float | None, own: float) -> Json:
    return {"takenAt": iso(at), "percentage": score, "ownWork": own}


def _segment(courses: Sequence[Course], at: int, scope: str, single: bool, accounts: _Accounts) -> None:
    """Adds the shares of one segment to the accounts."""
    members = [(c, _in(c.points[at], scope), _in(c.points[at + 1], scope)) for c in courses]
    members = [(c, before, after) for c, before, after in members if before is not None or after is not None]
    lines = [(_line(before, single), _line(after, single)) for _, before, after in members]
    for (course, before, after), worth in zip(members, rates(lines), strict=True):
        delta = course.deltas[at]
        if before is None or after is None:
            _at_one_end(course, at, before, after, worth, accounts)
        elif delta is not None:
            _add(delta, worth, 0.0 if single else after.weight - before.weight, accounts)


def _at_one_end(
    course: Course, at: int, before: Point | None, after: Point | None, worth: Rates, accounts: _Accounts
) -> None:
    """A member that came or left: its whole share is its own."""
    if after is not None:
        kind, title = Kind.SUBSCRIPTION_ADDED, wording.arrived(after, 100 * (after.score or 0.0), _earlier(course, at))
    elif before is not None:
        kind = Kind.SUBSCRIPTION_REMOVED
        title = wording.departed(before, 100 * (before.score or 0.0), course.points[at + 1])
    account = _account(accounts, Change(Cause(kind, course.id, course.id), title=title))
    account.shares.append(worth.weight)


def _earlier(course: Course, at: int) -> Point | None:
    """How a subscription that came stood before: None if in this window it was not there, or not yet scored."""
    so_far = course.points[: at + 1]
    new = any(point is None for point in so_far) and all(point is None or point.unscored for point in so_far)
    return None if new else course.points[at]


def _add(delta: Delta, worth: Rates, gained: float, accounts: _Accounts) -> None:
    """The changes of a delta: their cells' shares, and their parts of the member's gain in weight."""
    own = [_account(accounts, change) for change in delta.changes]
    parts, effects = worth.parts(delta.effects), delta.effects
    for change, control, part in zip(effects.change.tolist(), effects.control.tolist(), parts.tolist(), strict=True):
        own[change].controls.setdefault(effects.controls[control], []).append(part)
    for account, share in zip(own, worth.shares(effects, len(own)).tolist(), strict=True):
        account.shares.append(share)
        if account.cause.kind is Kind.CONTROL_REWEIGHTED:
            name = account.cause.subject.lower()
            share = float(worth.reweighted[worth.controls[name]])
            account.shares.append(share)
            account.controls.setdefault(name, []).append(share)
    if gained:
        _weigh(delta, worth.weight * gained, gained > 0, own, accounts)


def _weigh(delta: Delta, share: float, rose: bool, own: Sequence[_Account], accounts: _Accounts) -> None:
    """Divides the share of a change of weight among those who brought, or took, counted cells."""
    cells = [change.came if rose else change.went for change in delta.changes]
    total = sum(cells, Fraction(0))
    for account, number in zip(own, cells, strict=True):
        if number:
            account.weight.append(share * float(number / total))
    if not total:
        identity = delta.after.subscription.id
        title = wording.reweighed(delta.after, delta.before.weight, delta.after.weight)
        _account(accounts, Change(Cause(Kind.WEIGHT_CHANGED, identity, identity), title=title)).weight.append(share)


def _account(accounts: _Accounts, change: Change) -> _Account:
    account = accounts.setdefault(change.cause.key, _Account(change.cause))
    account.add(change)
    return account


def _line(point: Point | None, single: bool) -> End | None:
    return End(point.counts, 1.0 if single else point.weight) if point is not None else None


def _cause(account: _Account, name: str, controls: Mapping[str, str]) -> Json:
    cause = account.cause
    found: Json = {
        "kind": cause.kind.value,
        "class": cause.kind.group.value,
        "subject": cause.subject,
        "scope": cause.scope,
        "share": account.share,
        "subscription": name,
        "title": wording.placed(account.title, account.resources.values()),
        "confidence": "confirmed" if account.evidence else "inferred",
        "marks": account.marks,
        "resources": len(account.resources),
        "controls": {controls.get(key, key): fsum(parts) for key, parts in sorted(account.controls.items())},
        "evidence": [_evidence(one) for one in account.evidence],
    }
    if account.weight:
        found["weight"] = fsum(account.weight)
    return found


def _evidence(one: Evidence) -> Json:
    return {"source": one.source, "time": iso(one.at), "actor": one.actor, "actorType": one.actor_type}


def iso(tick: int) -> str:
    """A tick as ISO 8601, UTC, to the second or as fine as it is."""
    return moment(tick).isoformat().replace("+00:00", "Z")


def _classes(accounts: Sequence[_Account]) -> dict[str, float]:
    return {
        group.value: fsum(a.share for a in accounts if a.cause.kind.group is group)
        for group in Class
        if any(a.cause.kind.group is group for a in accounts)
    }


def _summary(accounts: Sequence[_Account]) -> list[Json]:
    """Causes of one kind together, the largest first; one cause alone speaks for itself."""
    found: list[tuple[float, int, Json]] = []
    for kind in {account.cause.kind for account in accounts}:
        own = [account for account in accounts if account.cause.kind is kind]
        share = fsum(account.share for account in own)
        line = {
            "kind": kind.value,
            "class": kind.group.value,
            "title": _headline(own),
            "share": share,
            "count": len(own),
        }
        found.append((-abs(share), kind.order, line))
    return [line for *_, line in sorted(found, key=lambda item: item[:2])]


def _headline(own: Sequence[_Account]) -> str:
    kind = own[0].cause.kind
    subjects = {account.cause.subject.lower() for account in own}
    by_scope: dict[str, set[str]] = {}
    for account in own:
        by_scope.setdefault(account.cause.scope.lower(), set()).update(account.resources)
    groups = {group.lower() for account in own if (group := ids.resource_group(account.cause.subject))}
    if len(subjects) == 1:
        everywhere = {identity for account in own for identity in account.resources.values()}
        return wording.placed(own[0].title, everywhere) + wording.across(len(by_scope))
    resources = sum(map(len, by_scope.values()))
    return wording.summary(kind, len(subjects), resources, len(groups), len(by_scope))


def _pending(courses: Sequence[Course], scope: str, single: bool) -> list[Json]:
    """What is still to come of the last segment, each with the share it will have once the counts catch up."""
    members = [(c, point) for c in courses if (point := _in(c.points[-1], scope)) is not None]
    total = fsum(1.0 if single else point.weight for _, point in members)
    found: list[Json] = []
    for course, now in members:
        delta = course.deltas[-1]
        if delta is None or not delta.pending or not total > 0:
            continue
        then = _ahead(now.counts, delta.pending_effects)
        factor = 1.0 if single else now.weight / total
        shares = np.zeros(len(delta.pending))
        if any(c.counted and c.maximum for c in then.values()):  # else there will be no score to move
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
                    "title": wording.placed(change.title, change.resources),
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
    taken = point.taken_at if point is not None else times[at]
    return {
        "takenAt": iso(taken),
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


_LOST: dict[str, str] = {
    "assessment-metadata.json": "all recommendations that a control lists are taken to count, and have no names",
    "resources.json": "added and deleted resources are told by their marks",
    "pricings.json": "plans that were switched on or off can't be told from agents that came or went",
    "security-connectors.json": "connectors that were added or removed can't be told from their resources",
    "policy-assignments.json": "an exemption of another initiative can't be told from one of the benchmark",
    "policy-exemptions.json": "policy exemptions are not named, and Mitigated ones not known",
    "standard-assignments.json": "exemptions of newer recommendations are not named",
    "governance-assignments.json": "grace periods are not known",
    "policy-set-definitions.json": "an exemption of a single policy matches only by the policy's own name",
}


def _notes(courses: Sequence[Course], scope: str, whole: bool) -> list[str]:
    found: list[str] = []
    deltas = [(course, delta) for course in courses for delta in course.deltas if delta is not None]
    inside = [(c, d) for c, d in deltas if belongs(d.before, scope) or belongs(d.after, scope)]
    for file, lost in _LOST.items():
        number = len({course.id for course, delta in inside if file in delta.missing})
        if number:
            found.append(f"{file} is missing in {wording.count(number, 'subscription')}: {lost}")
    told: dict[str, dict[str, None]] = {}
    for course, delta in inside:
        for note in delta.notes:
            told.setdefault(note, {})[_name(course)] = None
    found += [f"{', '.join(names)}: {note}" for note, names in told.items()]
    if not whole:
        found.append("there is no score at some time of this window, so its movement is not explained")
    return found

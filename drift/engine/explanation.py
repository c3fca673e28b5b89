"""One explanation of a window, for any scope: the object that `drift explain --format json` prints.

A window is the sum of its segments: for a subscription its deltas, for a group the straight lines from one snapshot of
all to the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum
from typing import Any

from drift import ids
from drift.actors import Actor, Evidence, alike
from drift.engine import wording
from drift.engine.accounts import Account, Accounts, Course, inside, joined, own_work, shown
from drift.engine.segments import Segment, iso, name_of, segment
from drift.engine.where import divided_by, together
from drift.kinds import Class
from drift.model import Json


def explain(
    courses: Sequence[Course],
    times: Sequence[int],
    scope: str,
    notes: Sequence[str] = (),
    known: Mapping[str, Any] | None = None,
    by: str | None = None,
) -> Json:
    """The explanation of a window. `times` are the ticks of its snapshots, at least two, in order.

    Shares are pp of the scope's own score. `notes`: what is to be said of the window beside what its deltas say.
    `known`: what `alone` gave for subscriptions, by id, in whatever form the caller wants it in the answer. `by`: as in
    `told`.
    """
    courses = sorted(courses, key=lambda course: course.id.lower())
    single = next((c for c in courses if c.id.lower() == scope.lower()), None)
    if single is not None:
        return told(_segments([single], times, single.id, name_of(single), single=True), notes, by)
    found = told(_segments(courses, times, scope, scope, single=False), notes, by)
    both = [c for c in courses if inside(c.points[0], scope) is not None and inside(c.points[-1], scope) is not None]
    known = known or {}
    found["subscriptions"] = [known[c.id] if c.id in known else alone(c, times) for c in both]
    return found


def alone(course: Course, times: Sequence[int]) -> Json:
    """The explanation of one subscription by its own score."""
    return told(_segments([course], times, course.id, name_of(course), single=True))


def told(segments: Sequence[Segment], notes: Sequence[str] = (), by: str | None = None) -> Json:
    """The explanation of a window from its segments, at least one, in order, each beginning where the last ended.

    `by`: with `parts`, the shares by `owner`, `resourceGroup`, `resource` or `control`.
    """
    first, last = segments[0], segments[-1]
    percentages = [first.before["percentage"], *(one.after["percentage"] for one in segments)]
    scored = None not in percentages
    accounts: Accounts = {}
    series: list[Json] = [{"takenAt": first.before["takenAt"], "percentage": percentages[0], "ownWork": 0.0}]
    own = 0.0
    for one in segments if scored else ():
        _gather(one, accounts, only=len(segments) == 1)
    for one in segments:
        own = fsum((own, own_work(one.accounts))) if scored else 0.0
        series.append({"takenAt": one.after["takenAt"], "percentage": one.after["percentage"], "ownWork": own})
    movement = percentages[-1] - percentages[0] if scored else None
    rounding = None
    if movement is not None and first.before["reported"] is not None and last.after["reported"] is not None:
        rounding = last.after["reported"] - first.before["reported"] - movement
    listed = sorted(accounts.values(), key=lambda a: (-abs(a.share), a.cause.key))
    names = {key: name for one in segments for key, name in one.names.items()}
    controls = {key: shown for one in segments for key, shown in one.controls.items()}
    found = {
        "scope": last.scope,
        "name": last.name,
        "before": first.before,
        "after": last.after,
        "movement": movement,
        "rounding": rounding,
        "classes": _classes(listed),
        "summary": _summary(listed),
        "actors": _actors(listed),
        "causes": [_cause(account, names[account.cause.scope.lower()], controls) for account in listed],
        "pending": last.pending,
        "foretold": last.foretold,
        "unscored": last.unscored,
        "notes": [*notes, *_notes(segments)],
        "series": series,
    }
    if by is not None:
        shares = [(account.cause.kind, account.share, account.controls) for account in listed]
        where = together([one.where for one in segments] if scored else [])
        found["parts"] = divided_by(by, shares, where, controls)
    return found


def _segments(courses: Sequence[Course], times: Sequence[int], scope: str, name: str, *, single: bool) -> list[Segment]:
    return [segment(courses, at, times, scope, name, single=single) for at in range(len(times) - 1)]


def _gather(one: Segment, accounts: Accounts, *, only: bool) -> None:
    """Adds a segment's accounts to those of the window; the segment's own stay as they are."""
    for account in one.accounts:
        if only:
            accounts[account.cause.key] = account
            continue
        known = accounts.setdefault(account.cause.key, Account(account.cause))
        known.join(account)
        known.share = fsum(known.shares)


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
        "confidence": account.confidence,
        "reason": account.reason,
        "actors": _actors([account]),
        "marks": account.marks,
        "resources": len(account.resources) or account.counted,
        "controls": {controls.get(key, key): fsum(parts) for key, parts in sorted(account.controls.items())},
        "evidence": [_evidence(one) for one in account.evidence],
    }


def _evidence(one: Evidence) -> Json:
    found = {"source": one.source, "time": iso(one.at), "actor": one.actor, "actorType": one.actor_type}
    more = {
        "actorId": one.actor_id,
        "operation": one.operation,
        "subject": one.subject,
        "from": one.ip,
        "correlation": one.correlation,
        "told": one.told,
    }
    return found | {name: value for name, value in more.items() if value}


def _actors(accounts: Sequence[Account]) -> list[Json]:
    """Whose doing the shares are, the largest first; they sum to those of the accounts."""
    known = alike(actor for account in accounts for actor, _ in account.actors.values())
    found: dict[str, tuple[Actor, list[float]]] = {}
    for account in accounts:
        for key, (_, parts) in account.actors.items():
            found.setdefault(known[key].key, (known[key], []))[1].extend(parts)
    rows: list[Json] = [shown(actor) | {"share": fsum(parts)} for actor, parts in found.values()]
    return sorted(rows, key=lambda row: (-abs(row["share"]), row["type"], row["actor"] or "", row["id"] or ""))


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


def _notes(segments: Sequence[Segment]) -> list[str]:
    missing: dict[str, set[str]] = {}
    remarks: dict[str, dict[str, None]] = {}
    for one in segments:
        for file, own in one.missing.items():
            missing.setdefault(file, set()).update(own)
        for note, names in one.remarks.items():
            remarks.setdefault(note, {}).update(dict.fromkeys(names))
    found = wording.missing({file: len(own) for file, own in missing.items()})
    found += [f"{', '.join(sorted(names))}: {note}" for note, names in remarks.items()]
    ends = [(segments[0].before, segments[0].reasons[0]), *((one.after, one.reasons[1]) for one in segments)]
    for end, why in ends:
        if end["percentage"] is None:
            found.append(f"the movement is not explained: there is no score at {end['takenAt']}{why}")
    return found

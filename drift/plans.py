"""Plans: what fixes are worth and a short way to a target, of an evidence folder and of where chains stand."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from drift.adapters.evidence import Folder, open_folders
from drift.engine.comparison import compare
from drift.engine.head import Head, begin
from drift.engine.planning import Needs, Route, Step, Wish, needs, of_controls, of_recommendations, of_resources, route
from drift.engine.planning.ways import EFFORTS, effort
from drift.engine.segments import iso
from drift.engine.wording import FILES, count, resource
from drift.folders import LARGE, Progress, known_scope, members_of, no_collector
from drift.model import Json
from drift.names import Names

NAMED = 1000
"""Resources of one step that are named."""

LARGEST = 20
"""Resources that are listed by what they are worth."""

OWNERS = 5
"""Owners of one step that are named."""

CRITICALITIES = ("low", "medium", "high", "critical")
SEVERITIES = (None, "Low", "Medium", "High")

type Read = tuple[str, Needs | None]
"""A subscription's id, and what it needs; None where it has no score."""


def plan_in(
    path: Path, scope: str, target: float, progress: Progress, *, effort: str = "high", by: str = "effort"
) -> Json:
    """The plan for the subscriptions of a scope in an evidence folder. Raises EvidenceError.

    `target`: in percent. `effort`: the most that one fix may take: `low`, `moderate` or `high`. `by`: what comes first,
    `effort`, the most for the least, or `risk`.
    """
    (folder,) = open_folders([path])
    known_scope([folder], scope)
    members = members_of(folder, scope)
    found: list[Read] = []
    with no_collector():
        for identity, one in _each(folder, members):
            found.append((identity, one))
            progress(len(found), len(members), folder.subscriptions[identity].name)
        return _plan(found, scope, Wish(target, effort, by), NAMED) | {"takenAt": iso(folder.taken_at)}


def plan(
    heads: Iterable[Head],
    scope: str,
    target: float,
    *,
    effort: str = "high",
    by: str = "effort",
    named: int = NAMED,
) -> Json:
    """The same for the subscriptions of a scope, by where their chains stand: one is held at a time.

    `named`: how many resources of each step are named.
    """
    found = [(head.at.subscription.id.lower(), needs(head)) for head in heads]
    return _plan(found, scope, Wish(target, effort, by), named)


def _each(folder: Folder, members: Sequence[str]) -> Iterator[Read]:
    """What the subscriptions need, in order; of a large folder on all processors, a subscription at a time each."""
    workers = min(os.cpu_count() or 1, len(members))
    if workers < 2 or folder.size < LARGE:
        yield from (_needs(folder, identity) for identity in members)
        return
    with ProcessPoolExecutor(workers, initializer=_open_once, initargs=(folder.path,)) as pool:
        yield from pool.map(_needs_of, members)


_opened: list[Folder] = []


def _open_once(path: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it all
    gc.disable()
    _opened[:] = open_folders([path])


def _needs_of(identity: str) -> Read:
    return _needs(_opened[0], identity)


def _needs(folder: Folder, identity: str) -> Read:
    snapshot = folder.snapshot(identity, Names(), folder.recommendations.copy())
    if snapshot is None or snapshot.unscored is not None:
        return identity, None
    head, _ = compare(begin(snapshot), snapshot)  # measures how Mitigated counts, and what is pending
    return identity, needs(head)


def _plan(read: Sequence[Read], scope: str, wish: Wish, named: int) -> Json:
    every = [one for _, one in read if one is not None]
    parts = _parts([(identity, one) for identity, one in read if one is not None], scope)
    way = route(every, parts, wish) if any(parts) else None
    return {
        "scope": scope,
        "takenAt": iso(max(one.taken_at for one in every)) if every else None,
        "now": None if way is None else way.now,
        "pending": None if way is None else way.start - way.now,
        "target": wish.target,
        "effort": wish.most,
        "by": wish.by,
        "reachable": way is not None and way.reachable,
        "highest": None if way is None else way.highest,
        "total": _total(way),
        "steps": [_step(one, named) for one in way.steps] if way is not None else [],
        "left": _left(way),
        "controls": _controls(every, parts),
        "recommendations": _recommendations(every, parts),
        "resources": _resources(every, parts),
        "notes": _notes(every, len(read)),
    }


def _parts(read: Sequence[tuple[str, Needs]], scope: str) -> list[float]:
    """What part of the scope's score that of each subscription is."""
    if len(read) == 1 and read[0][0] == scope.lower():
        return [1.0]
    total = sum(one.point.weight for _, one in read)
    return [one.point.weight / total if total else 0.0 for _, one in read]


def _total(way: Route | None) -> Json:
    """All steps together; no choice of fixes that gets as far takes less than `leastEffort`, null where not known."""
    steps = way.steps if way is not None else ()
    return {
        "fixes": sum(one.fixes for one in steps),
        "effort": sum(one.effort for one in steps),
        "leastEffort": way.least if way is not None else 0,
        "gain": sum(one.gain for one in steps),
    }


def _step(one: Step, named: int) -> Json:
    keys = [check.key for check in one.checks]
    names = [name for name in one.owners if name]
    (first, *others) = one.owners
    return {
        "recommendation": keys[0] if len(keys) == 1 else None,
        "recommendations": keys,
        "title": _title(one),
        "control": one.controls[0],
        "controls": list(one.controls),
        "resources": list(one.resources[:named]),
        "count": len(one.resources),
        "subscriptions": one.subscriptions,
        "fixes": one.fixes,
        "effort": one.effort,
        "hardest": _rating(max(effort(check) for check in one.checks)),
        "severity": SEVERITIES[one.severity],
        "criticality": CRITICALITIES[one.critical],
        "owner": None if others else first or None,
        "owners": [{"owner": name, "resources": one.owners[name]} for name in names[:OWNERS]],
        "gain": one.gain,
        "scoreAfter": one.score,
    }


def _title(one: Step) -> str:
    """What to do, in one line: all names in it are clean."""
    many = len(one.resources)
    where = resource(one.resources[0]) if many == 1 else count(many, "resource")
    checks = [f"“{check.title}”" for check in one.checks]
    if len(checks) == 1:
        return f"{checks[0]} on {where}"
    need = "needs" if many == 1 else "need"
    controls = " and ".join(f"“{name}”" for name in one.controls)
    return f"all that {where} still {need} in {controls}: {', '.join(checks)}"


def _rating(cost: int) -> str:
    return next(name for name, one in EFFORTS.items() if one == cost).capitalize()


def _left(way: Route | None) -> list[Json]:
    """What stays Unhealthy at the highest score: what takes too much effort, and what no assessment tells of."""
    return [
        {
            "control": one.control,
            "title": one.title,
            "unhealthy": one.unhealthy,
            "tooMuchEffort": one.too_much,
            "notAssessed": one.unhealthy - one.too_much,
            "points": one.points,
        }
        for one in (way.left if way is not None else ())
    ]


def _controls(every: Sequence[Needs], parts: Sequence[float]) -> list[Json]:
    return [
        {
            "control": one.control,
            "title": one.title,
            "unhealthy": one.unhealthy,
            "alone": one.alone,
            "together": one.together,
            "each": one.together / one.unhealthy,
        }
        for one in of_controls(every, parts)
    ]


def _recommendations(every: Sequence[Needs], parts: Sequence[float]) -> list[Json]:
    return [
        {
            "key": one.check.key,
            "title": one.check.title,
            "severity": one.check.severity,
            "effort": one.check.effort,
            "impact": one.check.impact,
            "unhealthy": one.unhealthy,
            "alone": one.alone,
            "together": one.together,
            "controls": sorted(one.controls),
        }
        for one in of_recommendations(every, parts)
    ]


def _resources(every: Sequence[Needs], parts: Sequence[float]) -> list[Json]:
    return [
        {
            "resource": one.resource,
            "owner": one.owner or None,
            "criticality": CRITICALITIES[one.critical],
            "fixes": one.fixes,
            "worth": one.worth,
        }
        for one in of_resources(every, parts, LARGEST)
    ]


def _notes(every: Sequence[Needs], read: int) -> list[str]:
    found: list[str] = []
    if unscored := read - len(every):
        have = "has" if unscored == 1 else "have"
        found.append(f"{count(unscored, 'subscription')} {have} no score: what is fixed there moves nothing")
    for name, what in _LOST.items():
        if number := sum(name in one.missing for one in every):
            found.append(f"{FILES[name]} is missing in {count(number, 'subscription')}: {what}")
    keys = {c.key.lower() for one in every if "recommendations" not in one.missing for c in one.checks if not c.effort}
    if keys:
        have = "has" if len(keys) == 1 else "have"
        found.append(f"{count(len(keys), 'recommendation')} {have} no rating of effort: taken as Moderate")
    return found


_LOST = {
    "recommendations": "what fixes take and how severe findings are is not known; each is taken as Moderate",
    "inventory": "owners and criticality of resources are not known",
}

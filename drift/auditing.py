"""Exemptions audited and coverage shown: of an evidence folder, and of where chains stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from drift import ids
from drift.actors import NOTHING, Evidence
from drift.adapters.evidence import open_folders
from drift.engine import wording
from drift.engine.ahead.foretelling import AGAIN
from drift.engine.auditing.audit import FLAGS, Audit, Audited, audit
from drift.engine.auditing.covering import Covered, absent, blind, covering
from drift.engine.comparison import compare
from drift.engine.head import Head, begin
from drift.engine.segments import iso
from drift.folders import Progress, known_scope, members_of, no_collector
from drift.model import NEVER, Exemption, Json
from drift.names import Names

LARGEST = 10
"""Recommendations of one exemption that are listed."""

FILES = wording.FILES | {"provisioning": "auto-provisioning-settings.json", "health": "health-reports.json"}

_EVERYWHERE = ("matches_nothing", "new")
"""Flags that an exemption has only where it has them in all subscriptions that it reaches."""


def exemptions_in(path: Path, scope: str, progress: Progress) -> Json:
    """The exemptions of the subscriptions of a scope in an evidence folder. Raises EvidenceError."""
    with no_collector():
        return exemptions((head for head, inside in _heads(path, scope, progress, all_of_it=False) if inside), scope)


def coverage_in(path: Path, scope: str, progress: Progress) -> Json:
    """What is looked at in the subscriptions of a scope. Raises EvidenceError.

    All of the folder are read: they show what is absent in others.
    """
    with no_collector():
        found = [(covering(head), inside) for head, inside in _heads(path, scope, progress, all_of_it=True)]
    return _coverage([one for one, inside in found if inside], [one for one, _ in found], scope)


def exemptions(heads: Iterable[Head], scope: str) -> Json:
    """The exemptions of the subscriptions of a scope, all given, by where their chains stand: one is held at a time.

    `points` and `share` are pp of the scope's score, as it is weighted now.
    """
    audits = [audit(head) for head in heads]
    scored = [one for one in audits if one.score is not None]
    parts = _parts(scored, scope)
    score, without = _mean([one.score for one in scored], parts), _without(scored, scope)
    rows = list(_exemptions(audits, dict(zip((one.subscription.id for one in scored), parts, strict=True))))
    rest = [(one.unmatched_share or 0.0) * part for one, part in zip(scored, parts, strict=True)]
    return {
        "scope": scope,
        "takenAt": _latest([one.taken_at for one in audits]),
        "score": score,
        "scoreWithout": without,
        "difference": None if score is None or without is None else score - without,
        "assumes": AGAIN,
        "value": sorted(rows, key=lambda row: (-(row["points"] or 0.0), -(row["share"] or 0.0), row["id"].lower())),
        "unmatched": {"marks": sum(one.unmatched for one in audits), "share": sum(rest) if score is not None else None},
        "flags": {name: sum(name in row["flags"] for row in rows) for name in FLAGS},
        "notes": _notes([one.missing for one in audits], _AUDITED),
    }


def coverage(heads: Iterable[Head], scope: str, others: Iterable[Head] = ()) -> Json:
    """What is looked at in the subscriptions of a scope, all given, by where their chains stand.

    `others`: more of the tenant, which show what is absent in these.
    """
    own = [covering(head) for head in heads]
    return _coverage(own, [*own, *map(covering, others)], scope)


def heads_in(path: Path, scope: str, progress: Progress) -> Iterator[Head]:
    """Where the subscriptions of a scope stand in a folder, one at a time. Raises EvidenceError."""
    return (head for head, _ in _heads(path, scope, progress, all_of_it=False))


def _heads(path: Path, scope: str, progress: Progress, *, all_of_it: bool) -> Iterator[tuple[Head, bool]]:
    """Where the subscriptions of a folder stand, and whether each belongs to the scope; those that don't if asked."""
    (folder,) = open_folders([path])
    known_scope([folder], scope)
    inside = frozenset(members_of(folder, scope))
    chosen = sorted(folder.subscriptions if all_of_it else inside)
    for done, identity in enumerate(chosen):
        snapshot = folder.snapshot(identity, Names(), folder.recommendations.copy())
        if snapshot is not None:
            head = begin(snapshot)
            if snapshot.unscored is None:
                head, _ = compare(head, snapshot)  # measures how Mitigated counts, and what is pending
            yield head, identity in inside
        progress(done + 1, len(chosen), folder.subscriptions[identity].name)


# Exemptions


def _parts(scored: Sequence[Audit], scope: str) -> list[float]:
    """What part of the scope's score that of each subscription is."""
    if len(scored) == 1 and scored[0].subscription.id.lower() == scope.lower():
        return [1.0]
    total = sum(one.weight for one in scored)
    return [one.weight / total if total else 0.0 for one in scored]


def _mean(scores: Sequence[float | None], parts: Sequence[float]) -> float | None:
    """In percent."""
    found = [100 * score * part for score, part in zip(scores, parts, strict=True) if score is not None]
    return sum(found) if any(parts) else None


def _without(scored: Sequence[Audit], scope: str) -> float | None:
    """The score without any exemption: the same weights, of those that have a score then."""
    left = [one for one in scored if one.without is not None]
    return _mean([one.without for one in left], _parts(left, scope))


def _exemptions(audits: Sequence[Audit], parts: Mapping[str, float]) -> Iterator[Json]:
    """A row for each exemption, whatever number of subscriptions lists it."""
    found: dict[str, list[tuple[Audit, Audited]]] = {}
    for one in audits:
        for row in one.rows:
            found.setdefault(row.exemption.id.lower(), []).append((one, row))
    for own in found.values():
        _, first = own[0]
        flags = set[str]().union(*(row.flags for _, row in own))
        flags -= {name for name in _EVERYWHERE if not all(name in row.flags for _, row in own)}
        owned = next((row for _, row in own if row.owner is not None), first)
        yield _described(first.exemption) | {
            "owner": owned.owner,
            "ownerFrom": None if owned.owner is None else "tag" if owned.tagged else "made",
            "hides": _hides(own),
            "points": _summed([(row.points, parts.get(one.subscription.id)) for one, row in own]),
            "share": _summed([(row.share, parts.get(one.subscription.id)) for one, row in own]),
            "flags": [name for name in FLAGS if name in flags and (name != "no_owner" or owned.owner is None)],
            "subscriptions": [
                {"id": one.subscription.id, "name": wording.clean(one.subscription.name)} for one, _ in own
            ],
        }


def _summed(values: Sequence[tuple[float | None, float | None]]) -> float | None:
    """In pp of the scope's score."""
    known = [value * part for value, part in values if value is not None and part is not None]
    return sum(known) if known else None


def _described(one: Exemption) -> Json:
    scope = one.id[: len(one.scope)]  # as Azure writes it
    return {
        "id": one.id,
        "kind": "policyExemption" if one.recommendation is None else "standardAssignment",
        "title": wording.clean(one.title),
        "category": "Mitigated" if one.mitigated else "Waiver",
        "scope": {"kind": _kind_of_scope(one.scope), "id": scope},
        "made": _record(one.made),
        "modified": _record(one.modified),
        "expires": _time(one.expires),
        "reason": wording.clean(one.reason, 1000),
        "assignment": one.assignment,
    }


def _kind_of_scope(scope: str) -> str:
    if ids.management_group(scope) is not None:
        return "managementGroup"
    kinds = {"microsoft.resources/subscriptions": "subscription", "microsoft.resources/resourcegroups": "resourceGroup"}
    return kinds.get(ids.type_of(scope), "resource")


def _record(record: Evidence) -> Json | None:
    if record == NOTHING:
        return None
    return {"by": wording.clean(record.actor or "") or None, "at": _time(record.at)}


def _time(tick: int) -> str | None:
    return None if tick == NEVER else iso(tick)


def _hides(own: Sequence[tuple[Audit, Audited]]) -> Json:
    recommendations: dict[str, int] = {}
    controls: dict[str, int] = {}
    titles: dict[str, str] = {}
    for one, row in own:
        for total, marks in ((recommendations, row.recommendations), (controls, row.controls)):
            for key, number in marks.items():
                total[key] = total.get(key, 0) + number
                titles[key] = one.titles.get(key.lower(), key)
    listed = [
        [{name: key, "title": titles[key], "marks": n} for key, n in sorted(found.items(), key=lambda i: (-i[1], i[0]))]
        for name, found in (("key", recommendations), ("control", controls))
    ]
    return {
        "marks": sum(row.marks for _, row in own),
        "counted": sum(row.counted for _, row in own),
        "resources": sum(row.resources for _, row in own),
        "recommendations": len(recommendations),
        "byRecommendation": listed[0][:LARGEST],
        "byControl": listed[1],
    }


# Coverage


def _coverage(own: Sequence[Covered], known: Sequence[Covered], scope: str) -> Json:
    return {
        "scope": scope,
        "takenAt": _latest([one.taken_at for one in own]),
        "total": _total(own),
        "subscriptions": [one.shown for one in sorted(own, key=lambda one: one.shown["id"].lower())],
        "absent": absent(own, known),
        "unassessedTypes": blind(own),
        "notes": _notes([one.missing for one in own], _SHOWN),
    }


def _total(own: Sequence[Covered]) -> Json:
    """The subscriptions summed up. A plan's `resources` are those that it covers, `uncovered` those where it is off."""
    plans: dict[str, Json] = {}
    for one in own:
        for plan in one.shown["plans"] or ():
            empty = {"name": plan["name"], "on": 0, "off": 0, "resources": None, "uncovered": None}
            row = plans.setdefault(plan["name"].lower(), empty)
            row["on" if plan["on"] else "off"] += 1
            if plan["resources"] is not None:
                number = "resources" if plan["on"] else "uncovered"
                row |= {"resources": row["resources"] or 0, "uncovered": row["uncovered"] or 0}
                row[number] += plan["resources"]
    machines = [one.shown["machines"] for one in own if one.shown["machines"] is not None]
    health = [connector["health"] for one in own for connector in one.shown["connectors"] or ()]
    sick = [source for one in own for source in one.shown["sources"] or ()]
    return {
        "subscriptions": len(own),
        "scored": sum(one.scored for one in own),
        "plans": [plan for _, plan in sorted(plans.items())],
        "machines": {
            "assessed": sum(one["assessed"] for one in machines),
            "notAssessed": sum(len(one["notAssessed"]) + one["more"] for one in machines),
        },
        "connectors": {
            "number": len(health),
            "notHealthy": sum((one or "").lower() == "nothealthy" for one in health),
            "unknown": health.count(None),
        },
        "sources": len(sick),
    }


# Both


def _latest(times: Sequence[int]) -> str | None:
    return iso(max(times)) if times else None


def _notes(missing: Sequence[Sequence[str]], lost: Mapping[str, str]) -> list[str]:
    """What can't be told for want of an optional answer, in so many subscriptions."""
    numbers = {name: sum(name in one for one in missing) for name in lost}
    return [
        f"{FILES[name]} is missing in {wording.count(number, 'subscription')}: {lost[name]}"
        for name, number in numbers.items()
        if number
    ]


_AUDITED = {
    "policy_exemptions": "policy exemptions are not listed",
    "standard_exemptions": "exemptions of newer recommendations are not listed",
    "assignments": "it is not known which policy assignments are the benchmark's, or gone",
    "initiatives": "an exemption of a single policy matches only by the policy's own name",
    "inventory": "owners of resources are not known",
}

_SHOWN = {
    "plans": "it is not known which plans are on",
    "inventory": "only what is assessed is counted, and machines that are not are not known",
    "connectors": "connectors are not known",
    "health": "it is not known how connectors and other sources do",
    "provisioning": "auto provisioning is not known",
}

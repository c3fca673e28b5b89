"""What is looked at, and what is not: no finding is not a clean estate where nothing is assessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from drift import ids
from drift.engine import wording
from drift.engine.ahead.coverage import Coverage
from drift.engine.auditing.silent import silent
from drift.engine.diagnosis.machines import machines, unassessed
from drift.engine.head import Head
from drift.engine.segments import iso
from drift.model import NEVER, Context, Health, Json, Plan, Snapshot

NAMED = 200
"""How many machines of a subscription are named."""

_ASSESSED = dict(ids.PLAN_TYPES)
"""The plan by type, or by the provider of all its types."""


@dataclass(frozen=True, slots=True)
class Covered:
    """What is looked at in one subscription."""

    shown: Json
    """As it is answered."""
    taken_at: int
    types: Mapping[str, int]
    """How many resources there are of each type, in lower case."""
    seen: Mapping[str, Mapping[str, str]]
    """By type the recommendations that have marks on resources of it: title by key."""
    plans: Mapping[str, Plan] | None
    """By name in lower case; None where they are not known."""
    missing: tuple[str, ...]
    """The fields of the context that are not at hand."""

    @property
    def scored(self) -> bool:
        """Whether it has a score."""
        return bool(self.shown["scored"])


def covering(head: Head) -> Covered:
    """What is looked at in a subscription, scored or not."""
    snapshot, context = head.snapshot, head.snapshot.context
    types, seen = _types(snapshot)
    plans = None if context.plans is None else {name.lower(): plan for name, plan in context.plans.items()}
    connectors, sources = _connectors(snapshot)
    shown: Json = {
        "id": snapshot.subscription.id,
        "name": wording.clean(snapshot.subscription.name),
        "scored": head.at.score is not None,
        "reason": None if snapshot.unscored is None else wording.clean(snapshot.unscored),
        "plans": None if plans is None else _plans(plans, types),
        "machines": _machines(snapshot),
        "connectors": connectors,
        "sources": sources,
        "autoProvisioning": None
        if context.provisioning is None
        else [{"name": wording.clean(name), "on": on} for name, on in sorted(context.provisioning.items())],
        "unassessedTypes": [
            {"type": wording.clean(kind), "resources": number, "plan": _named(plans, _plan_of(kind))}
            for kind, number in sorted(types.items(), key=lambda one: (-one[1], one[0]))
            if kind not in seen
        ],
    }
    missing = tuple(f.name for f in fields(Context) if getattr(context, f.name) is None)
    return Covered(shown, snapshot.taken_at, types, seen, plans, missing)


def absent(covered: Sequence[Covered], known: Sequence[Covered]) -> list[Json]:
    """Recommendations that some subscriptions lack because a plan is off, those of the most resources first.

    Nothing tells which plan feeds a recommendation. It is taken to if subscriptions with the plan have marks of it on
    resources of a type that the plan assesses, and no scored one without the plan has. `known`: all subscriptions
    that can show it.
    """
    fed: dict[str, dict[str, str]] = {}
    free: dict[str, set[str]] = {}
    for one in known:
        for kind, recommendations in one.seen.items():
            if one.plans is not None and (plan := one.plans.get(_plan_of(kind) or "")) is not None:
                fed.setdefault(kind, {}).update(recommendations if plan.on else {})
                free.setdefault(kind, set()).update(() if plan.on else recommendations)
    found: dict[tuple[str, str], Json] = {}
    for one in covered:
        for kind, number in one.types.items():
            plan = (one.plans or {}).get(_plan_of(kind) or "")
            if plan is None or plan.on or not one.scored:  # without a score all is absent, and that is said
                continue
            for key, title in fed.get(kind, {}).items():
                if key not in free.get(kind, ()):
                    shown = {"recommendation": key, "title": title, "type": kind, "plan": wording.clean(plan.name)}
                    row = found.setdefault((key, kind), shown | {"resources": 0, "subscriptions": []})
                    row["resources"] += number
                    row["subscriptions"].append({"id": one.shown["id"], "resources": number})
    return sorted(found.values(), key=lambda row: (-row["resources"], row["recommendation"], row["type"]))


def blind(known: Sequence[Covered]) -> list[Json]:
    """The resource types of which no resource of these subscriptions is assessed, the most resources first."""
    total: dict[str, int] = {}
    for one in known:
        for kind, number in one.types.items():
            total[kind] = total.get(kind, 0) + number
    seen = {kind for one in known for kind in one.seen}
    rows = [{"type": wording.clean(kind), "resources": n} for kind, n in total.items() if kind not in seen]
    return sorted(rows, key=lambda row: (-int(row["resources"]), row["type"]))


def _types(snapshot: Snapshot) -> tuple[dict[str, int], dict[str, dict[str, str]]]:
    """By type how many resources there are, and the recommendations that have marks on them.

    Of the types that the inventory lists only what is in it; of others, such as a subnet, what is marked.
    """
    inventory, marks = snapshot.context.inventory, snapshot.marks
    marked = np.unique(marks.resource)
    places = marked if inventory is None else np.union1d(inventory.resource, marked)
    kinds = [ids.type_of(snapshot.resources[place]) for place in places.tolist()]
    there = np.ones(len(places), np.bool_)
    if inventory is not None:
        unlisted = np.array([kind not in inventory.types for kind in kinds], np.bool_)
        there = unlisted | np.isin(places, inventory.resource)
    order = sorted(set(kinds))
    place_of = {kind: at for at, kind in enumerate(order)}
    of = np.array([place_of[kind] for kind in kinds], np.int64)
    number = np.bincount(of[there], minlength=len(order)).tolist()

    kind_of, size = np.full(len(snapshot.resources), -1, np.int64), max(1, len(snapshot.recommendations))
    kind_of[places[there]] = of[there]
    on = kind_of[marks.resource]
    seen: dict[str, dict[str, str]] = {}
    for pair in np.unique(on[on >= 0] * size + marks.recommendation[on >= 0]).tolist():
        at, place = divmod(pair, size)
        key, title = _recommendation(snapshot, place)
        seen.setdefault(order[at], {})[key] = title
    return {kind: n for kind, n in zip(order, number, strict=True) if n}, seen


def _recommendation(snapshot: Snapshot, place: int) -> tuple[str, str]:
    """The key and the title, or the key again where there is no metadata."""
    key, known = snapshot.recommendations[place], (snapshot.context.recommendations or {}).get(place)
    return key.lower(), wording.clean(key if known is None else known.title)


def _plan_of(kind: str) -> str | None:
    """The plan that assesses resources of a type, in lower case; of what lies in a resource only if it says so."""
    return _ASSESSED.get(kind) or _ASSESSED.get(kind.partition("/")[0])


def _named(plans: Mapping[str, Plan] | None, plan: str | None) -> str | None:
    """The name of a plan as Azure writes it."""
    known = (plans or {}).get(plan or "")
    return plan if known is None else wording.clean(known.name)


def _plans(plans: Mapping[str, Plan], types: Mapping[str, int]) -> list[Json]:
    """Each plan, whether it is on, since when, and how many resources of its types there are, if these are known."""
    number: dict[str | None, int] = dict.fromkeys(_ASSESSED.values(), 0)
    for kind, resources in types.items():
        plan = _plan_of(kind)
        number[plan] = number.get(plan, 0) + resources
    return [
        {
            "name": wording.clean(one.name),
            "on": one.on,
            "since": None if one.enabled_at == NEVER else iso(one.enabled_at),
            "resources": number.get(name),
        }
        for name, one in sorted(plans.items())
    ]


def _machines(snapshot: Snapshot) -> Json | None:
    """How many machines are assessed, and which not, with what they lack: the worst first; None if not known.

    One that has no mark at all is not assessed, whatever the others have; nor one that lacks what nearly all have.
    """
    lacking = unassessed(snapshot)
    if lacking is None:
        return None
    every, marked = machines(snapshot), np.unique(snapshot.marks.resource)
    missing = silent(snapshot, every) | {one.resource: one.missing for one in lacking}
    bare = np.setdiff1d(every, marked)
    missing |= {place: missing.get(place, ()) for place in bare.tolist()}
    none = frozenset(bare.tolist())
    names = snapshot.resources
    rows = sorted(missing, key=lambda place: (place not in none, -len(missing[place]), names[place].lower()))

    def lacks(place: int) -> list[Json]:
        found = (_recommendation(snapshot, at) for at in missing[place])
        return [{"key": key, "title": title} for key, title in found]

    return {
        "assessed": len(every) - len(rows),
        "notAssessed": [{"id": names[place], "noMark": place in none, "lacks": lacks(place)} for place in rows[:NAMED]],
        "more": max(0, len(rows) - NAMED),
    }


def _connectors(snapshot: Snapshot) -> tuple[list[Json] | None, list[Json] | None]:
    """The connectors with their health, and what else reports that it is not well; None where that is not known."""
    context = snapshot.context
    reports = None if context.health is None else {key.lower(): one for key, one in context.health.items()}
    connectors: list[Json] | None = None
    taken: set[str] = set()
    if context.connectors is not None:
        coverage = Coverage(context, snapshot.resources, snapshot.recommendations)
        marked, connectors = np.unique(snapshot.marks.resource), []
        for key, one in sorted(context.connectors.items()):
            own = {at: report for at, report in (reports or {}).items() if ids.under(at, key.lower())}
            taken |= own.keys()
            inside = np.intersect1d(coverage.inside(key.lower()), marked)
            shown = {"id": one.id, "name": wording.clean(one.name), "health": _health(own.values())}
            connectors.append(shown | _affected(own.values()) | {"resources": len(inside)})
    if reports is None:
        return connectors, None
    others = [(at, one) for at, one in sorted(reports.items()) if at not in taken and _is(one, "nothealthy")]
    return connectors, [{"id": at, "health": _health([one])} | _affected([one]) for at, one in others]


def _is(report: Health, status: str) -> bool:
    return report.status.lower() == status


def _health(reports: Iterable[Health]) -> str | None:
    """The worst of some reports; None where there is none."""
    statuses = sorted({wording.clean(one.status) for one in reports}, key=lambda status: status.lower() != "nothealthy")
    return statuses[0] if statuses else None


def _affected(reports: Iterable[Health]) -> Json:
    """The plans and the issues of those that are not well."""
    bad = [one for one in reports if _is(one, "nothealthy")]
    plans, issues = {plan for one in bad for plan in one.plans}, {issue for one in bad for issue in one.issues}
    return {"plans": sorted(map(wording.clean, plans)), "issues": sorted(map(wording.clean, issues))}

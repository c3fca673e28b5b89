"""What happened around the marks: between two snapshots, or as dates in the answers tell of the time before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from drift.actors import NOTHING, Evidence
from drift.engine.exemptions import in_force, listed
from drift.engine.scoring import Membership
from drift.kinds import Kind
from drift.model import DAY, NEVER, Assignment, Context, Exemption, Ints, Longs, Recommendation, Snapshot

MEMORY = 2 * DAY
"""How long a change of context can own marks that follow it."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One change of context: what kind, when it was first seen, and to what."""

    kind: Kind
    at: int
    name: str = ""
    """Connector id, or plan name."""
    resources: Ints | None = None
    times: Longs | None = None
    """When each of the resources came, where that is not `at` for all: then `at` is the latest."""
    recommendation: int = -1
    assignment: Assignment | None = None
    exemption: Exemption | None = None
    former: Recommendation | None = None
    """Of a recommendation that no longer counts, what its metadata said,"""
    controls: tuple[str, ...] = ()
    """and which controls it was in, in lower case."""
    since: int = NEVER
    """When it was last seen to be as before; NEVER where only a date in the answers tells of it."""
    record: Evidence = NOTHING
    """Who changed it, by its own record when it was seen."""


def level(before: Context, after: Context) -> tuple[Context, Context]:
    """Both contexts with the same answers at hand: an answer that is missing at one end tells of no change.

    The missing end takes the other's. Not so the inventory: with one of two, what came and went is told by the marks.
    """
    filled = [
        replace(one, **{f.name: getattr(other, f.name) for f in fields(Context) if getattr(one, f.name) is None})
        for one, other in ((before, after), (after, before))
    ]
    if before.inventory is None or after.inventory is None:
        filled = [replace(one, inventory=None) for one in filled]
    return filled[0], filled[1]


def happened(
    before: Context, after: Context, members: tuple[Membership, Membership], since: int, at: int
) -> list[Happened]:
    """The changes of context between two snapshots whose contexts are level, taken at `since` and `at`."""
    found: list[Happened] = []
    for kind, one, other in (
        (Kind.CONNECTOR_ADDED, after, before),
        (Kind.CONNECTOR_REMOVED, before, after),
    ):
        found += [Happened(kind, at, name=connector.id) for connector in _only(one.connectors, other.connectors)]
    if before.inventory is not None and after.inventory is not None:
        old, new = before.inventory.resource, after.inventory.resource
        for kind, only in (
            (Kind.RESOURCE_ADDED, np.setdiff1d(new, old, assume_unique=True)),
            (Kind.RESOURCE_DELETED, np.setdiff1d(old, new, assume_unique=True)),
        ):
            if len(only):
                found.append(Happened(kind, at, resources=only))
    first, second = members
    added = second.counts & ~first.preview & ~(first.exists & first.listed)
    left = second.counts & first.preview
    for kind, flags in ((Kind.RECOMMENDATION_ADDED, added), (Kind.RECOMMENDATION_LEFT_PREVIEW, left)):
        found += [Happened(kind, at, recommendation=int(place)) for place in np.flatnonzero(flags)]
    for name, plan in (after.plans or {}).items():
        known = (before.plans or {}).get(name)
        if known is not None and known.on != plan.on:
            found.append(Happened(Kind.PLAN_ENABLED if plan.on else Kind.PLAN_DISABLED, at, name=plan.name))
    for kind, one, other in ((Kind.POLICY_ENABLED, after, before), (Kind.POLICY_DISABLED, before, after)):
        for assignment in _only(one.assignments, other.assignments):
            found.append(Happened(kind, at, assignment=assignment))
    return [replace(one, since=since) for one in found]


def ended(before: Snapshot, after: Snapshot) -> list[Happened]:
    """The exemptions that were in force at the first of two snapshots and are not at the second."""
    standing = listed(after.context)
    found: list[Happened] = []
    for identity, exemption in listed(before.context).items():
        now = standing.get(identity)
        if in_force(exemption, before.taken_at) and (now is None or not in_force(now, after.taken_at)):
            gone = exemption if now is None else now
            found.append(Happened(Kind.EXEMPTION_REMOVED, after.taken_at, exemption=gone, since=before.taken_at))
    return found


def recalled(snapshot: Snapshot, members: Membership) -> list[Happened]:
    """What dates in a chain's first snapshot tell of the 48 hours up to it."""
    context, upto = snapshot.context, snapshot.taken_at

    def recent(at: int) -> bool:
        return at != NEVER and upto - MEMORY <= at <= upto

    connectors = [c for c in (context.connectors or {}).values() if recent(c.made.at)]
    plans = [p for p in (context.plans or {}).values() if p.on and recent(p.enabled_at)]
    assignments = [a for a in (context.assignments or {}).values() if recent(a.made.at)]
    ran_out = [e for e in listed(context).values() if recent(e.expires)]
    found = [
        *(Happened(Kind.CONNECTOR_ADDED, one.made.at, name=one.id) for one in connectors),
        *(Happened(Kind.PLAN_ENABLED, one.enabled_at, name=one.name) for one in plans),
        *(Happened(Kind.POLICY_ENABLED, one.made.at, assignment=one) for one in assignments),
        *(Happened(Kind.EXEMPTION_REMOVED, one.expires, exemption=one) for one in ran_out),
    ]
    if context.inventory is not None:
        created = context.inventory.created
        new = (created >= upto - MEMORY) & (created <= upto)
        if new.any():
            times = created[new]
            added = context.inventory.resource[new]
            found.append(Happened(Kind.RESOURCE_ADDED, int(times.max()), resources=added, times=times))
    for place, recommendation in (context.recommendations or {}).items():
        if recent(recommendation.general) and members.counts[place]:
            earlier = recommendation.public != NEVER and recommendation.public < recommendation.general
            kind = Kind.RECOMMENDATION_LEFT_PREVIEW if earlier else Kind.RECOMMENDATION_ADDED
            found.append(Happened(kind, recommendation.general, recommendation=place))
    return found


def remembered(memory: tuple[Happened, ...], before: int) -> tuple[Happened, ...]:
    """What of the memory still counts for a comparison that starts at a time."""
    still = [one for one in memory if before - one.at <= MEMORY]
    return tuple(_still(one, before) if one.times is not None else one for one in still)


def _still(one: Happened, before: int) -> Happened:
    """Of resources that came at several times, those not longer ago than is remembered."""
    if one.resources is None or one.times is None:
        return one
    kept = before - one.times <= MEMORY
    return replace(one, resources=one.resources[kept], times=one.times[kept])


def _only[T](one: Mapping[str, T] | None, other: Mapping[str, T] | None) -> list[T]:
    """What is in one mapping and not in the other."""
    return [value for key, value in (one or {}).items() if key not in (other or {})]

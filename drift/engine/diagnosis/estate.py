"""Reasons that lie in the resources themselves: what is gone, what was written in vain, and what was refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from drift import ids
from drift.actors import Happening
from drift.engine import wording
from drift.engine.context import MEMORY
from drift.engine.diagnosis import stakes
from drift.engine.diagnosis.case import Answer, Case, Reason, Undecided
from drift.kinds import Kind
from drift.model import DAY, HOUR, NEVER, Longs, Status

FOLLOWS = DAY
"""How long after a write the marks follow at the latest."""

COUNTED = 8 * HOUR
"""How long after that the counts do."""

_RIGHTS = ("authorizationfailed", "linkedauthorizationfailed", "forbidden", "unauthorized")
_POLICY = ("requestdisallowedbypolicy", "disallowedbypolicy")


def ghost_resource(case: Case) -> Answer:
    """What is still assessed, and is no longer there."""
    inventory, snapshot = case.context.inventory, case.snapshot
    if inventory is None:
        return Undecided("ghost_resource", stakes.FILES["inventory"])
    deleted = _deleted(case)
    gone = _gone(case, deleted)
    rows = case.rows[np.isin(snapshot.marks.resource[case.rows], gone)]
    live = rows if case.stand is None else rows[case.stand.side.effective[rows] != Status.NONE]
    if not len(live):
        return None
    places = np.unique(snapshot.marks.resource[live]).tolist()
    known = {place: deleted[place] for place in places if deleted.get(place, NEVER) != NEVER}
    effect = stakes.gain(case, live, Status.NONE)
    evidence = [f"{wording.count(len(live), 'mark')} on {stakes.resources(case, places)}, which {_FILE} does not list"]
    evidence += [f"{wording.resource(snapshot.resources[place])}: gone since {stakes.at(known[place])}"
                 for place in sorted(known)[: stakes.FEW]]  # fmt: skip
    fresh = bool(known) and len(known) == len(places) and case.now - max(known.values()) <= FOLLOWS
    return Reason(
        reason="ghost_resource",
        confidence="confirmed" if known else "inferred",
        title=f"{stakes.resources(case, places)} still assessed, and no longer there",
        weight=abs(effect or 0.0),
        evidence=tuple(evidence),
        action="Nothing but to wait: its marks go within a day of the deletion."
        if fresh
        else "Its marks should have gone: ask Microsoft's support if they stay; to fix it is not possible.",
        confirm=f"az resource show --ids {stakes.shell(snapshot.resources[places[0]])}",
        effect=effect,
        moves_by=(case.now, max(known.values()) + FOLLOWS + COUNTED) if fresh else None,
        resources=stakes.named(case, places),
        count=len(places),
    )


_FILE = stakes.FILES["inventory"]


def _gone(case: Case, deleted: Mapping[int, int]) -> list[int]:
    """The resources with marks that are asked about and that the inventory no longer lists, of types that it lists."""
    inventory, snapshot = case.context.inventory, case.snapshot
    if inventory is None:
        return []
    missing = np.setdiff1d(np.unique(snapshot.marks.resource[case.rows]), inventory.resource).tolist()
    names = {place: snapshot.resources[place] for place in missing}
    return [place for place, name in names.items() if ids.type_of(name) in inventory.types or place in deleted]


def _deleted(case: Case) -> dict[int, int]:
    """The resources that were deleted of late, and are not back, with when that was or was seen."""
    found: dict[int, int] = {}
    for one in case.head.memory:
        if one.kind is Kind.RESOURCE_DELETED and one.resources is not None and case.now - one.at <= MEMORY:
            times = one.times.tolist() if one.times is not None else [one.at] * len(one.resources)
            found |= dict(zip(one.resources.tolist(), times, strict=True))
    for event in case.events:
        place = case.snapshot.resources.find(event.subject) if event.action == "delete" and event.succeeded else None
        if place is not None:
            found[place] = event.time
    inventory = case.context.inventory
    there = set() if inventory is None else set(inventory.resource.tolist())
    return {place: at for place, at in found.items() if place not in there}


def fix_not_recognised(case: Case) -> Answer:
    """It was written more than a day ago, and the check still finds what it found before."""
    if case.stand is None:
        return None
    marks = case.snapshot.marks
    written = {place: [at for at in times if at <= case.now - FOLLOWS] for place, times in stakes.writes(case).items()}
    if not stakes.asks_one(case):
        written = {place: times for place, times in written.items() if len(times) > 1}
    gone = set(_gone(case, _deleted(case)))
    last = {place: times[-1] for place, times in written.items() if times and place not in gone}
    rows = case.unhealthy()
    rows = rows[np.isin(marks.resource[rows], np.array(sorted(last), np.int64))]
    rows = _unchanged(case, rows, last)
    if not len(rows):
        return None
    places = np.unique(marks.resource[rows]).tolist()
    refuted = _found_again(case, rows, last)
    effect = stakes.gain(case, rows, Status.HEALTHY)
    evidence = [
        f"{wording.resource(case.snapshot.resources[place])}: written {stakes.at(last[place])}"
        + (f" ({wording.count(len(written[place]), 'write')} seen)" if len(written[place]) > 1 else "")
        + f", {_since(case, rows, place)}"
        for place in places[: stakes.FEW]
    ]
    evidence += [f"Azure Policy found {wording.count(refuted, 'mark')} NonCompliant after the write"] if refuted else []
    if case.context.inventory is None or case.context.inventory.written is None:
        evidence.append(f"by events alone: {_FILE} does not tell when resources were last written")
    return Reason(
        reason="fix_not_recognised",
        confidence="confirmed" if refuted else "inferred",
        title=f"{stakes.where(case, rows)}: written more than a day ago, and still Unhealthy: the write did not "
        "do what the check looks at",
        weight=max(0.0, effect or 0.0) if stakes.asks_one(case) else 0.0,
        evidence=tuple(evidence),
        action="Compare what was done with the remediation steps of the recommendation: it looks at one setting, or at "
        "what an agent reports.",
        confirm=stakes.show_mark(case, int(rows[0])),
        effect=effect,
        resources=stakes.named(case, places),
        count=len(places),
    )


def _unchanged(case: Case, rows: Longs, last: dict[int, int]) -> Longs:
    """Of some marks those that have not changed since their resource was written, and are not about to."""
    marks = case.snapshot.marks
    at = np.array([last[place] for place in marks.resource[rows].tolist()], np.int64)
    kept = rows[(marks.changed[rows] == NEVER) | (marks.changed[rows] < at)]
    coming: set[tuple[int, str]] = set()
    for change in case.deltas[-1].foretold if case.deltas else ():
        for resource in change.resources:
            place = case.snapshot.resources.find(resource)
            if place is not None:
                coming.add((place, change.cause.subject.lower() if change.cause.kind is Kind.REMEDIATION else ""))
    keys = case.snapshot.recommendations
    return np.array(
        [
            row
            for row in kept.tolist()
            if (int(marks.resource[row]), keys[marks.recommendation[row]].lower()) not in coming
            and (int(marks.resource[row]), "") not in coming
        ],
        np.int64,
    )


def _since(case: Case, rows: Longs, place: int) -> str:
    """Since when the marks of a resource are as they are."""
    changed = case.snapshot.marks.changed[rows[case.snapshot.marks.resource[rows] == place]]
    known = changed[changed != NEVER]
    return f"its mark last changed {stakes.at(int(known.max()))}" if len(known) else "its mark has no date"


def _found_again(case: Case, rows: Longs, last: dict[int, int]) -> int:
    """How many of some marks Azure Policy found NonCompliant after the write."""
    marks, known = case.snapshot.marks, case.context.recommendations or {}
    refuted: set[tuple[int, str]] = set()
    for event in case.events:
        if event.category == "policy_state" and event.detail.get("complianceState", "").lower() == "noncompliant":
            place = case.snapshot.resources.find(event.subject)
            if place is not None and event.time > last.get(place, event.time):
                refuted.add((place, event.detail.get("policyDefinitionId", "").lower()))
    policies = [known[at].policy if at in known else None for at in marks.recommendation[rows].tolist()]
    places = marks.resource[rows].tolist()
    return sum((place, policy) in refuted for place, policy in zip(places, policies, strict=True) if policy)


def remediation_blocked(case: Case) -> Answer:
    """What was tried was refused."""
    failed = _failures(case)
    if not failed:
        return None
    marks = case.snapshot.marks
    rows = case.unhealthy()
    rows = rows[np.isin(marks.resource[rows], np.array(sorted(failed), np.int64))]
    if not len(rows):
        return None
    places = np.unique(marks.resource[rows]).tolist()
    events = sorted({one.key: one for place in places for one in failed[place]}.values(), key=lambda one: -one.time)
    last = events[0]
    direct = [one for one in events if not _is_deployment(one)]
    effect = stakes.gain(case, rows, Status.HEALTHY)
    why, action = _why(events)
    who = sorted({wording.clean(one.actor) for one in events if one.actor})
    what = f"{'writes' if direct else 'deployments'} of {', '.join(who[: stakes.FEW]) or 'an unnamed caller'} failed"
    return Reason(
        reason="remediation_blocked",
        confidence="confirmed" if direct else "inferred",
        title=f"{stakes.where(case, rows)}: {what}{why}",
        weight=max(0.0, effect or 0.0),
        evidence=tuple(_told(one) for one in events[: stakes.FEW]),
        action=action,
        confirm=f"az monitor activity-log list --resource-id {stakes.shell(last.subject)} --status Failed --offset 7d",
        effect=effect,
        resources=stakes.named(case, places),
        count=len(events),
    )


def _failures(case: Case) -> dict[int, list[Happening]]:
    """Failed writes since the time asked about, by resource: those that nothing that was written later made good.

    A deployment that failed is of the resources of its group, where the question names something.
    """
    names, now = case.snapshot.resources, case.now
    made_good: dict[tuple[str, str], int] = {}
    for event in case.events:
        if event.succeeded and event.action in ("write", "delete", "action"):
            at = event.subject.lower(), event.operation.lower()
            made_good[at] = max(event.time, made_good.get(at, NEVER))
    found: dict[int, list[Happening]] = {}
    deployed: dict[str, list[Happening]] = {}
    for event in case.events:
        later = made_good.get((event.subject.lower(), event.operation.lower()), NEVER)
        if event.succeeded or event.time > now or later > event.time or event.category != "resource":
            continue
        if _is_deployment(event):
            group = ids.resource_group(event.subject.lower()) or case.root.lower()
            deployed.setdefault(group, []).append(event)
        elif (place := stakes.nearest(names, event.subject)) is not None:
            found.setdefault(place, []).append(event)
    direct = tuple(found)
    if deployed and stakes.asks_one(case):
        for place in np.unique(case.snapshot.marks.resource[case.rows]).tolist():
            group = ids.resource_group(names[place].lower()) or ""
            if not _alike(case, group, direct):
                own = deployed.get(group, []) + deployed.get(case.root.lower(), [])
                if own:
                    found.setdefault(place, []).extend(own)
    return found


def _alike(case: Case, group: str, found: Iterable[int]) -> list[int]:
    """Of some resources those of a group: where one of them was refused itself, the deployment was of that one."""
    return [place for place in found if ids.resource_group(case.snapshot.resources[place].lower()) == group]


def _is_deployment(event: Happening) -> bool:
    return "/providers/microsoft.resources/deployments/" in event.subject.lower()


def _why(events: Sequence[Happening]) -> tuple[str, str]:
    """Why they failed, as far as an event tells, and what to do about it."""
    said = {text.lower() for one in events for text in one.detail.values()}
    if any(word in text for text in said for word in _POLICY):
        return (
            ": a policy disallows it",
            "Find the policy that denies it in the activity log: change what is deployed, or exempt it there.",
        )
    if any(word in text for text in said for word in _RIGHTS):
        return ": the caller lacks rights", "Give the caller the role that the write needs, and try again."
    return "", "Read the error in the activity log: mostly it is missing rights, a policy that denies, or a lock."


def _told(event: Happening) -> str:
    who = wording.clean(event.actor) if event.actor else "an unnamed caller"
    said = [wording.clean(event.detail[name]) for name in ("status", "code") if event.detail.get(name)]
    status = f" ({', '.join(said)})" if said else ""
    subject = wording.resource(event.subject)
    return f"{stakes.at(event.time)}: {wording.clean(event.operation)} on {subject} by {who} failed{status}"


RULES = (remediation_blocked, fix_not_recognised, ghost_resource)

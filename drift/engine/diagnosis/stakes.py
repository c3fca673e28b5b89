"""What is at stake in a case: what some of its marks are worth, who was at work on them, and how they are named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from math import fsum
from shlex import quote

import numpy as np

from drift import ids
from drift.engine import wording
from drift.engine.ahead.supposing import Supposed, each
from drift.engine.ahead.supposing import gain as moved_by
from drift.engine.changes import Side
from drift.engine.diagnosis.case import Case
from drift.engine.effects import columns
from drift.kinds import Kind
from drift.model import DAY, NEVER, Cause, Counts, Exemption, Ints, Longs, Marks, Status, moment
from drift.names import Names

FILES = wording.FILES | {"provisioning": "auto-provisioning-settings.json", "health": "health-reports.json"}
"""The optional files, by the field of the context that holds them."""

FEW = 5
"""How many things of a kind are named."""

BEFORE = 3 * DAY
"""How long before the time asked about work on it can have begun: events are heard from then on."""


def asks_one(case: Case) -> bool:
    """Whether the question names a recommendation or a resource, and not a whole scope."""
    return case.asked.recommendation is not None or case.asked.resource is not None


def asked_recommendation(case: Case) -> int | None:
    """The position of the recommendation that the question names; None where it names none, or an unknown one."""
    return None if case.asked.recommendation is None else case.snapshot.recommendations.find(case.asked.recommendation)


def about(case: Case) -> Longs:
    """The positions of the resources that the question is about, assessed or not.

    Of a recommendation those of the types that have marks of it; all where nothing has.
    """
    snapshot, inventory = case.snapshot, case.context.inventory
    if case.asked.resource is not None:
        place = snapshot.resources.find(case.asked.resource)
        return np.array([] if place is None else [place], np.int64)
    marked = np.unique(snapshot.marks.resource[case.rows] if len(case.rows) else snapshot.marks.resource)
    if inventory is None:
        return marked.astype(np.int64)
    every: Longs = np.union1d(marked, inventory.resource).astype(np.int64)
    if case.asked.recommendation is None or not len(case.rows):
        return every
    types = {ids.type_of(snapshot.resources[place]) for place in marked.tolist()}
    alike = [ids.type_of(snapshot.resources[place]) in types for place in every.tolist()]
    return every[np.array(alike, np.bool_)]


def began(case: Case) -> int:
    """The tick from which on what was done can be what the question is about."""
    return min(case.since, case.now) - BEFORE


def gains(case: Case, supposed: Iterable[tuple[Longs, Status]]) -> list[float | None]:
    """By how many pp the score moves if some marks contributed something else, each alone.

    None where it has no score, or none then. Marks that do not count yet are taken to, where a control lists them.
    """
    wanted = list(supposed)
    here = case.stand
    if here is None:
        return [None] * len(wanted)
    side, places = _near(here.side, np.unique(np.concatenate([rows for rows, _ in wanted])))
    cause = Cause(Kind.REMEDIATION, "", case.snapshot.subscription.id)
    tallies = each(
        side, [Supposed(cause, np.searchsorted(places, rows), to) for rows, to in wanted], case.snapshot.resources
    )
    return [moved_by(here, columns([tally], here.controls)) for tally in tallies]


def gain(case: Case, rows: Longs, to: Status) -> float | None:
    """The same of one such thing."""
    return gains(case, [(rows, to)])[0]


def worth(case: Case, rows: Longs) -> float:
    """The pp between all of some marks Unhealthy and all of them Healthy: what to fix them would bring."""
    best, worst = gains(case, [(rows, Status.HEALTHY), (rows, Status.UNHEALTHY)])
    return 0.0 if best is None or worst is None else best - worst


def unseen(case: Case, recommendations: Iterable[int], places: Ints | Longs) -> float:
    """The pp that some resources would bring if they were assessed by some recommendations, and all healthy."""
    here = case.stand
    score = None if here is None else here.point.score
    if here is None or score is None:
        return 0.0
    side, counts = here.side, dict(here.point.counts)
    counting = [place for place in recommendations if here.standing.counts[place]]
    for at in np.flatnonzero(side.member[:, counting].any(axis=1)).tolist():
        live = (side.effective != Status.NONE) & side.member[at, side.marks.recommendation]
        more = len(np.setdiff1d(places, side.marks.resource[live]))
        if (own := counts.get(here.controls[at])) is not None:
            counts[here.controls[at]] = Counts(own.maximum, own.healthy + more, own.counted + more)
    then = replace(here.point, counts=counts).score
    return 0.0 if then is None else max(0.0, 100 * (then - score))


def lost(case: Case, *kinds: Kind) -> float:
    """The pp that causes of some kinds took since the time asked about; 0.0 if they brought more than they took."""
    every = [account for segment in case.segments for account in segment.accounts if account.cause.kind in kinds]
    return max(0.0, -fsum(share for account in every for share in account.shares))


def writes(case: Case) -> dict[int, list[int]]:
    """When resources were written through Azure Resource Manager, with success, by their position; oldest first.

    By events, and by the inventory's `changedTime`.
    """
    found: dict[int, set[int]] = {}
    for event in case.events:
        if event.succeeded and event.category == "resource" and event.action != "state" and event.time <= case.now:
            place = nearest(case.snapshot.resources, event.subject)
            gone = event.action == "delete" and place == case.snapshot.resources.find(event.subject)
            if place is not None and not gone:
                found.setdefault(place, set()).add(event.time)
    inventory = case.context.inventory
    if inventory is not None and inventory.written is not None:
        recent = (inventory.written != NEVER) & (inventory.written >= began(case)) & (inventory.written <= case.now)
        for place, at in zip(inventory.resource[recent].tolist(), inventory.written[recent].tolist(), strict=True):
            if not found.get(place) or at > max(found[place]) + DAY // 24:  # else it is the write that an event told
                found.setdefault(place, set()).add(at)
    return {place: sorted(times) for place, times in found.items()}


def nearest(resources: Names, subject: str) -> int | None:
    """The position of the known resource that an id names or lies in; None where that is a group or more."""
    for scope in ids.scopes(subject.lower().rstrip("/")):
        if ids.resource_group(scope) is None or ids.resource_group(scope) == scope:
            return None
        if (place := resources.find(scope)) is not None:
            return place
    return None


# Names


def named(case: Case, places: Iterable[int]) -> tuple[str, ...]:
    """The ids of a few of some resources, in order."""
    return tuple(sorted({case.snapshot.resources[place] for place in places}, key=str.lower)[:FEW])


def resources(case: Case, places: Iterable[int]) -> str:
    """`virtual machine vm-7`, or how many they are."""
    every = sorted(set(places))
    if len(every) == 1:
        return wording.resource(case.snapshot.resources[every[0]])
    return wording.count(len(every), "resource")


def where(case: Case, rows: Longs) -> str:
    """`“Title” on virtual machine vm-7`, `3 recommendations on 12 resources`: what some marks are of."""
    marks = case.snapshot.marks
    of, on = (np.unique(column[rows]).tolist() for column in (marks.recommendation, marks.resource))
    which = recommendation(case, of[0]) if len(of) == 1 else wording.count(len(of), "recommendation")
    return f"{which} on {resources(case, on)}"


def recommendation(case: Case, place: int) -> str:
    """Its title, quoted; its key where there is no metadata."""
    known = (case.context.recommendations or {}).get(place)
    key = wording.clean(case.snapshot.recommendations[place])
    return f"“{wording.clean(known.title)}”" if known is not None else f"recommendation {key}"


def exemption(one: Exemption) -> str:
    """What it is called, of which category, until when, and whose it is."""
    until = "without an end" if one.expires == NEVER else f"until {day(one.expires)}"
    made = f"made by {wording.clean(one.made.actor)}" if one.made.actor else "by whom is not known"
    made += f" on {day(one.made.at)}" if one.made.at != NEVER else ""
    return f"“{wording.clean(one.title)}” ({'Mitigated' if one.mitigated else 'Waiver'}, {until}, {made})"


def show_exemption(one: Exemption) -> str:
    """The command that shows it."""
    version = "2024-08-01" if one.recommendation is not None else "2022-07-01-preview"
    return f"az rest --method get --url {shell(f'https://management.azure.com{one.id}?api-version={version}')}"


def day(tick: int) -> str:
    """The date of a tick."""
    return moment(tick).date().isoformat()


def at(tick: int) -> str:
    """The time of a tick, to the minute."""
    return f"{moment(tick):%Y-%m-%d %H:%M} UTC"


def shell(text: str) -> str:
    """An id as one word of a command line, whatever is in it."""
    text = wording.clean(text, 1024)
    return f'"{text}"' if text and all(ch.isalnum() or ch in "/-_.()@:?=," for ch in text) else quote(text)


def subscription(case: Case) -> str:
    """`--subscription "<id>"`."""
    return f"--subscription {shell(case.snapshot.subscription.id)}"


def show_mark(case: Case, row: int) -> str:
    """The command that shows a mark."""
    marks, snapshot = case.snapshot.marks, case.snapshot
    key, resource = snapshot.recommendations[marks.recommendation[row]], snapshot.resources[marks.resource[row]]
    return f"az security assessment show --name {shell(key)} --assessed-resource-id {shell(resource)}"


def _near(side: Side, rows: Longs) -> tuple[Side, Longs]:
    """The marks of the resources of some marks, which is all that their cells depend on, and their rows."""
    marks = side.marks
    concerned = np.zeros(int(marks.resource.max(initial=-1)) + 1, np.bool_)
    concerned[marks.resource[rows]] = True
    kept = np.flatnonzero(concerned[marks.resource])
    few = Marks(*(getattr(marks, field.name)[kept] for field in fields(Marks)))
    columns_of = {name: getattr(side, name)[kept] for name in ("effective", "shielded", "mitigated")}
    return replace(side, marks=few, **columns_of), kept

"""What is going to move marks that nobody can name: which they are is published nowhere, or what they will say."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from drift import ids
from drift.engine import wording
from drift.engine.ahead.outlook import Outlook
from drift.kinds import Kind
from drift.model import DAY, Because, Cause, Change

_FEEDS = "which recommendations a Defender plan feeds is published nowhere: the share shows once the marks follow"
_NOT_YET = "what the marks will say is not known before they are there"


def unmeasured(view: Outlook) -> list[Change]:
    """What is expected and has no share: for a day, as long as it is due. Each with why; its title, if it has one."""
    found: dict[Cause, Change] = {}
    for change in (*_plans(view), *_new_assignments(view), *_switched_on(view)):
        if view.snapshot.taken_at - change.since <= DAY:
            found.setdefault(change.cause, change)
    return [found[cause] for cause in sorted(found, key=lambda cause: cause.key)]


def _plans(view: Outlook) -> Iterator[Change]:
    for one in view.happened(Kind.PLAN_ENABLED, Kind.PLAN_DISABLED):
        on, plan = one.kind is Kind.PLAN_ENABLED, (view.snapshot.context.plans or {}).get(one.name.lower())
        if plan is None or plan.on != on:
            continue
        resources = _of_plan(view, one.name.lower(), on)
        if resources is None or resources:
            since = view.date(plan.enabled_at, one.at) if on else one.at
            yield Change(view.cause(one.kind, one.name), resources=resources or frozenset(), since=since, reason=_FEEDS)


def _of_plan(view: Outlook, plan: str, on: bool) -> frozenset[str] | None:
    """The resources that a plan protects and that have marks, or will; None where that can't be told."""
    if plan not in {own for _, own in ids.PLAN_TYPES} or (on and view.snapshot.context.inventory is None):
        return None
    places = set(view.side.marks.resource[view.live].tolist())
    if on and view.snapshot.context.inventory is not None:
        places |= set(view.snapshot.context.inventory.resource.tolist())
    names = view.snapshot.resources
    return frozenset(names[place] for place in places if ids.plan_of(names[place]) == plan)


def _new_assignments(view: Outlook) -> Iterator[Change]:
    assignments = view.snapshot.context.assignments or {}
    for one in view.happened(Kind.POLICY_ENABLED):
        new = assignments.get(one.assignment.id.lower()) if one.assignment is not None else None
        if new is None or not view.coverage.adds(new):
            continue
        title = f"the benchmark was assigned ({wording.clean(ids.last(new.id))})"
        since = view.date(new.made.at, one.at)
        yield Change(view.cause(one.kind, new.id), since=since, title=title, reason=_NOT_YET)


def _switched_on(view: Outlook) -> Iterator[Change]:
    for one in view.happened(Kind.POLICY_ENABLED):
        assignment = (
            (view.snapshot.context.assignments or {}).get(one.name.lower()) if one.recommendation >= 0 else None
        )
        if assignment is None or view.coverage.off(assignment, one.recommendation):
            continue
        rows = np.flatnonzero(view.side.marks.recommendation == one.recommendation)
        rows = rows[view.coverage.reach(assignment)[view.side.marks.resource[rows]]]
        waiting = rows[view.side.marks.because[rows] == Because.OFF_BY_POLICY]
        if view.standing.counts[one.recommendation] and (len(waiting) or not len(rows)):
            resources = frozenset(
                view.snapshot.resources[place] for place in view.side.marks.resource[waiting].tolist()
            )
            cause = view.cause(one.kind, view.snapshot.recommendations[one.recommendation])
            yield Change(cause, resources=resources, since=one.at, reason=_NOT_YET)

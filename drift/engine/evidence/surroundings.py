"""What Azure's lists say of a change beside the marks: records of who and when, and what had to be touched for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from drift import ids
from drift.actors import Confidence, Evidence
from drift.engine.context import Happened
from drift.engine.evidence.records import LOOK_BACK, SLACK
from drift.engine.evidence.revisions import records
from drift.engine.exemptions import initiative, listed
from drift.kinds import Class, Kind
from drift.model import DAY, HOUR, NEVER, Assignment, Cause, Change, Exemption, Snapshot

_ENDS = {Kind.EXEMPTION_EXPIRED, Kind.EXEMPTION_REMOVED}
_OF_POLICY = {Kind.POLICY_DISABLED, Kind.POLICY_ENABLED}
_OF_PLANS = {Kind.PLAN_ENABLED, Kind.PLAN_DISABLED}
_OF_CONNECTORS = {Kind.CONNECTOR_ADDED, Kind.CONNECTOR_REMOVED}
_OF_RESOURCES = {Kind.RESOURCE_ADDED, Kind.RESOURCE_DELETED}


class Surroundings:
    """What surrounds the marks at both ends of a comparison; `around` is what changed of it, newest last."""

    def __init__(self, before: Snapshot, after: Snapshot, around: Sequence[Happened]) -> None:
        self._before, self._after = before, after
        self._around, self._ends = around, (after, before)
        gone = {one.exemption.id.lower(): one.exemption for one in around if one.exemption is not None}
        self.exemptions: dict[str, Exemption] = gone | listed(before.context) | listed(after.context)

    def told(self, change: Change) -> Change:
        """The change with its records, with what had to be touched for it, and between which looks that was."""
        about, between = self._about(change), self._between(change.cause, change)
        found = tuple(self._records(change, about))
        confidence: Confidence = "confirmed" if found else "inferred"
        return replace(change, evidence=found, confidence=confidence, about=about, between=between)

    # What had to be touched

    def _about(self, change: Change) -> tuple[str, ...]:
        kind, subject = change.cause.kind, change.cause.subject.lower()
        if kind in _OF_PLANS:
            return (f"/subscriptions/{change.cause.scope.lower()}/providers/microsoft.security/pricings/{subject}",)
        if kind in _OF_POLICY:
            return self._assignments(change)
        if kind in _OF_CONNECTORS or subject in self.exemptions:
            return (subject,)
        return ()

    def _assignments(self, change: Change) -> tuple[str, ...]:
        """The assignments that switched it: that came, went, or were seen to bear another parameter, else all."""
        seen = self._switched(change)
        if seen:
            return tuple(sorted({(one.assignment.id if one.assignment else one.name).lower() for one in seen}))
        old, new = (dict(end.context.assignments or {}) for end in (self._before, self._after))
        covering = {key: one for key, one in (old | new).items() if self._covers(one, change)}
        both = [key for key in covering if key in old and key in new]
        return tuple(sorted([key for key in both if old[key].parameters != new[key].parameters] or covering))

    def _switched(self, change: Change) -> list[Happened]:
        """The changes of assignments that switched a recommendation: of each the last."""
        place = self._after.recommendations.find(change.cause.subject)
        standing = dict(self._before.context.assignments or {}) | dict(self._after.context.assignments or {})
        found: dict[str, Happened] = {}
        for one in self._moved(change.cause.kind):
            its = one.assignment or standing.get(one.name.lower())
            if (one.assignment is not None or one.recommendation == place) and (
                its is None or self._covers(its, change)
            ):
                found[(one.assignment.id if one.assignment else one.name).lower()] = one
        return list(found.values())

    def _covers(self, assignment: Assignment, change: Change) -> bool:
        """Whether an assignment of the initiative covers something that a change is on."""
        context = self._after.context
        if not initiative(context, assignment.definition):
            return False
        resources = change.resources or {f"/subscriptions/{change.cause.scope}"}
        return any(ids.covers(assignment.scope, one.lower(), context.ancestors) for one in resources)

    # Between which looks

    def _between(self, cause: Cause, change: Change) -> tuple[int, int] | None:
        """The looks between which what surrounds the marks was changed; None if only a date tells of it."""
        subject = cause.subject.lower()
        found: list[Happened] = []
        if cause.kind in _OF_RESOURCES:
            place = self._after.resources.find(cause.subject)
            found = [one] if (one := self._placed.get((cause.kind, -1 if place is None else place))) else []
        elif cause.kind in _OF_POLICY:
            found = self._switched(change)
        else:
            wanted = Kind.EXEMPTION_REMOVED if cause.kind in _ENDS else cause.kind
            found = [one] if (one := self._named.get((wanted, subject))) else []
        known = [one for one in found if one.since != NEVER]
        return (min(one.since for one in known), max(one.at for one in known)) if known else None

    def _moved(self, kind: Kind) -> list[Happened]:
        return [one for one in self._around if one.kind is kind]

    @cached_property
    def _named(self) -> dict[tuple[Kind, str], Happened]:
        """The last change of each thing, by its name and, of an exemption, its id."""
        found: dict[tuple[Kind, str], Happened] = {}
        for one in self._around:
            found[one.kind, one.name.lower()] = one
            if one.exemption is not None:
                found[one.kind, one.exemption.id.lower()] = one
        return found

    @cached_property
    def _placed(self) -> dict[tuple[Kind, int], Happened]:
        """The last change of each resource that came or went."""
        found: dict[tuple[Kind, int], Happened] = {}
        for one in self._around:
            if one.kind in _OF_RESOURCES and one.resources is not None:
                found |= dict.fromkeys(((one.kind, place) for place in one.resources.tolist()), one)
        return found

    # What Azure's own records say

    def _records(self, change: Change, about: Sequence[str]) -> Iterable[Evidence]:
        """The records of who made or changed a thing, and when, in the time that the comparison looks at."""
        made, modified = self._of_objects(change, about)
        since = self._before.taken_at - 2 * DAY
        own = [one for one in made if one.source and since <= one.at <= self._after.taken_at]
        if own:
            return own
        recent = [one for one in modified if one.source and since <= one.at <= self._after.taken_at]
        return [replace(one, source="lastModified") for one in recent]

    def _of_objects(self, change: Change, about: Sequence[str]) -> tuple[list[Evidence], list[Evidence]]:
        """Records of the making of a thing, and of its last change."""
        kind, subject = change.cause.kind, change.cause.subject.lower()
        context = self._after.context
        exemption = self.exemptions.get(subject)
        if kind.group is Class.YARDSTICK:
            place = self._after.recommendations.find(subject)
            ends = ((end.context.recommendations or {}).get(-1 if place is None else place) for end in self._ends)
            return records(change.cause, next(filter(None, ends), None), self._around), []
        if kind is Kind.EXEMPTION_CREATED and exemption is not None:
            between = self._between(change.cause, change)
            old = between is not None and exemption.made.at < between[0] - SLACK  # it exempts more than it did
            return [] if old else [exemption.made], [exemption.modified]
        if kind is Kind.EXEMPTION_EXPIRED and exemption is not None:
            cut_short = exemption.modified.source and exemption.modified.at >= exemption.expires - HOUR
            return ([], [exemption.modified]) if cut_short else ([Evidence("expiresOn", exemption.expires)], [])
        if kind is Kind.EXEMPTION_REMOVED and exemption is not None and subject in listed(context):
            return [], [exemption.modified]
        if kind is Kind.CONNECTOR_ADDED:
            return [c.made for key, c in (context.connectors or {}).items() if key == subject], []
        if kind is Kind.PLAN_ENABLED:
            plan = (context.plans or {}).get(subject)
            return [Evidence("enablementTime", plan.enabled_at)] if plan else [], []
        if kind is Kind.RESOURCE_ADDED:
            return self._created(change.cause.subject), []
        if kind is Kind.GRACE_PERIOD_ENDED:
            return self._due(change), []
        if kind in _OF_POLICY:
            return self._of_policy(change, about)
        return [], []

    def _of_policy(self, change: Change, about: Sequence[str]) -> tuple[list[Evidence], list[Evidence]]:
        """Who made the assignments that came, and who had last changed the others when it was seen.

        Where no look saw it, who changed them last, if that was before the marks changed.
        """
        seen = self._switched(change)
        if seen:
            new = [one.assignment.made for one in seen if one.assignment and one.kind is Kind.POLICY_ENABLED]
            return new, [one.record for one in seen if one.assignment is None]
        standing = self._after.context.assignments or {}
        until = self._after.taken_at if change.since == NEVER else change.since
        last = [standing[key].modified for key in about if key in standing]
        return [], [one for one in last if until - LOOK_BACK <= one.at <= until]

    def _created(self, resource: str) -> list[Evidence]:
        inventory, place = self._after.context.inventory, self._after.resources.find(resource)
        if inventory is None or place is None:
            return []
        at = int(np.searchsorted(inventory.resource, place))
        there = at < len(inventory.resource) and inventory.resource[at] == place
        return [Evidence("createdTime", int(inventory.created[at]))] if there else []

    def _due(self, change: Change) -> list[Evidence]:
        """The due date of grace periods that ran out, if all of a change's did."""
        key = self._after.recommendations.find(change.cause.subject)
        places = {self._after.resources.find(one) for one in change.resources}
        graces = {g.resource: g.due for g in self._before.context.graces or () if g.recommendation == key}
        dues = [due for place in places if place is not None and (due := graces.get(place)) is not None]
        if len(dues) < len(places) or any(due > self._after.taken_at for due in dues):
            return []
        return [Evidence("remediationDueDate", max(dues))]

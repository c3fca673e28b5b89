"""What Azure's lists say of a change beside the marks: records of who and when, and what had to be touched for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from drift import ids
from drift.actors import Confidence, Evidence
from drift.engine.context import Happened
from drift.engine.exemptions import initiative, listed
from drift.engine.records import LOOK_BACK
from drift.kinds import Kind
from drift.model import DAY, NEVER, Assignment, Cause, Change, Exemption, Snapshot

_ENDS = {Kind.EXEMPTION_EXPIRED, Kind.EXEMPTION_REMOVED}
_OF_POLICY = {Kind.POLICY_DISABLED, Kind.POLICY_ENABLED}
_OF_PLANS = {Kind.PLAN_ENABLED, Kind.PLAN_DISABLED}
_OF_CONNECTORS = {Kind.CONNECTOR_ADDED, Kind.CONNECTOR_REMOVED}
_OF_RESOURCES = {Kind.RESOURCE_ADDED, Kind.RESOURCE_DELETED}


class Surroundings:
    """What surrounds the marks at both ends of a comparison; `around` is what changed of it, newest last."""

    def __init__(self, before: Snapshot, after: Snapshot, around: Sequence[Happened]) -> None:
        self._before, self._after = before, after
        self._around = around
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
        """The assignments that switched it: that came or went, or bear another parameter, else all that cover it."""
        moved = self._moved(change.cause.kind)
        came_or_went = [one.assignment for one in moved if one.assignment and self._covers(one.assignment, change)]
        if came_or_went:
            return tuple(sorted({one.id.lower() for one in came_or_went}))
        old, new = (dict(end.context.assignments or {}) for end in (self._before, self._after))
        covering = {key: one for key, one in (old | new).items() if self._covers(one, change)}
        switched = {
            key
            for key, one in covering.items()
            if key in old and key in new and self._switch(old[key], change) != self._switch(new[key], change)
        }
        return tuple(sorted(switched or covering))

    def _covers(self, assignment: Assignment, change: Change) -> bool:
        """Whether an assignment of the initiative covers what a change is on."""
        context = self._after.context
        if not initiative(context, assignment.definition):
            return False
        resource = next(iter(sorted(change.resources)), f"/subscriptions/{change.cause.scope}").lower()
        return ids.covers(assignment.scope, resource, context.ancestors)

    def _switch(self, assignment: Assignment, change: Change) -> object:
        """What an assignment sets for the policy of a recommendation; all it sets, where that can't be told."""
        place = self._after.recommendations.find(change.cause.subject)
        known = (self._after.context.recommendations or {}).get(-1 if place is None else place)
        switches = (self._after.context.switches or {}).get(assignment.definition, {})
        parameter = switches.get(known.policy or "") if known is not None else None
        return assignment.parameters if parameter is None else assignment.parameters.get(parameter)

    # Between which looks

    def _between(self, cause: Cause, change: Change) -> tuple[int, int] | None:
        """The looks between which what surrounds the marks was changed; None if only a date tells of it."""
        subject = cause.subject.lower()
        found: Happened | None = None
        if cause.kind in _OF_RESOURCES:
            place = self._after.resources.find(cause.subject)
            found = self._placed.get((cause.kind, -1 if place is None else place))
        else:
            wanted = Kind.EXEMPTION_REMOVED if cause.kind in _ENDS else cause.kind
            for one in self._moved(wanted):
                if one.assignment is not None:
                    hit = self._covers(one.assignment, change)
                else:
                    hit = subject in (one.name.lower(), one.exemption.id.lower() if one.exemption else None)
                found = one if hit else found
        return (found.since, found.at) if found is not None and found.since > 0 else None

    def _moved(self, kind: Kind) -> list[Happened]:
        return [one for one in self._around if one.kind is kind]

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
        if change.since != NEVER:
            since = min(since, change.since - LOOK_BACK)
        recent = [one for one in modified if one.source and since <= one.at <= self._after.taken_at]
        return [replace(one, source="lastModified") for one in recent]

    def _of_objects(self, change: Change, about: Sequence[str]) -> tuple[list[Evidence], list[Evidence]]:
        """Records of the making of a thing, and of its last change."""
        kind, subject = change.cause.kind, change.cause.subject.lower()
        context = self._after.context
        exemption = self.exemptions.get(subject)
        if kind is Kind.EXEMPTION_CREATED and exemption is not None:
            return [exemption.made], [exemption.modified]
        if kind is Kind.EXEMPTION_EXPIRED and exemption is not None:
            return [Evidence("expiresOn", exemption.expires)], []
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
            standing = [one for key in about if (one := (context.assignments or {}).get(key)) is not None]
            new = {one.assignment.id.lower() for one in self._moved(Kind.POLICY_ENABLED) if one.assignment}
            return [one.made for one in standing if one.id.lower() in new], [one.modified for one in standing]
        return [], []

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

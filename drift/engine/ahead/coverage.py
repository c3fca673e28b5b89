"""Which marks assignments of the initiative cover, and exemptions may, and which policies a parameter switches off."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

import numpy as np

from drift import ids
from drift.engine.exemptions import initiative
from drift.kinds import Kind
from drift.model import Assignment, Context, Exemption, Flags, Ints, Longs, Marks
from drift.names import Names

OFF = "disabled"


def switched(before: Context, after: Context) -> Iterator[tuple[Kind, Assignment, list[int]]]:
    """Assignments of the initiative that switch policies off, or on again, that they did not before: contexts level.

    With the recommendations that these policies feed. A parameter that is not set is taken to be on:
    the initiative's own value nearly always is.
    """
    fed: dict[str, list[int]] = {}
    for place, metadata in (after.recommendations or {}).items():
        if metadata.policy:
            fed.setdefault(metadata.policy, []).append(place)
    for identity, now in (after.assignments or {}).items():
        was = (before.assignments or {}).get(identity)
        if was is None or was.parameters == now.parameters or not initiative(after, now.definition):
            continue
        old, new = _off(before, was), _off(after, now)
        for kind, policies in ((Kind.POLICY_DISABLED, new - old), (Kind.POLICY_ENABLED, old - new)):
            places = sorted(place for policy in policies for place in fed.get(policy, ()))
            if places:
                yield kind, now, places


class Coverage:
    """What assignments cover at one end, by position of resource and recommendation."""

    def __init__(self, context: Context, resources: Names, recommendations: Names) -> None:
        self._context, self._resources, self._keys = context, resources, recommendations
        self._under: dict[str, Flags] = {}
        self._reach: dict[str, Flags] = {}

    @cached_property
    def _sorted(self) -> tuple[list[str], Ints]:
        """All ids in lower case, in order, so that what lies in a scope is a stretch of them, and their positions."""
        names = [self._resources[place].lower() for place in range(len(self._resources))]
        order = sorted(range(len(names)), key=names.__getitem__)
        return [names[place] for place in order], np.array(order, np.int32)

    def inside(self, scope: str) -> Ints:
        """Which resources lie in a scope, given in lower case: a subscription, resource group, resource, connector.

        A management group that the subscription's own answers name is above all of them.
        """
        names, places = self._sorted
        if ids.management_group(scope) is not None:
            return places if ids.covers(scope, "", self._context.ancestors) else places[:0]
        inner = scope.rstrip("/") + "/"
        first, last = bisect_left(names, inner), bisect_left(names, inner[:-1] + chr(ord("/") + 1))
        own = bisect_left(names, scope)
        itself = places[own : own + 1] if names[own : own + 1] == [scope] else places[:0]
        return np.concatenate([itself, places[first:last]])

    def under(self, scope: str) -> Flags:
        """[resource] the same, for a scope that is asked for often."""
        if scope not in self._under:
            found = np.zeros(len(self._resources), np.bool_)
            found[self.inside(scope)] = True
            self._under[scope] = found
        return self._under[scope]

    def reach(self, assignment: Assignment) -> Flags:
        """[resource] where an assignment applies."""
        if assignment.id not in self._reach:
            found = self.under(assignment.scope).copy()
            for scope in assignment.excluded:
                found &= ~self.under(scope)
            self._reach[assignment.id] = found
        return self._reach[assignment.id]

    def off(self, assignment: Assignment, recommendation: int) -> bool:
        """Whether an assignment switches off the policy that feeds a recommendation."""
        metadata = (self._context.recommendations or {}).get(recommendation)
        return metadata is not None and metadata.policy in _off(self._context, assignment)

    def of(self, assignments: Sequence[Assignment], marks: Marks, rows: Longs) -> Flags:
        """Which of some marks any of some assignments feeds; those of other initiatives feed none."""
        found = np.zeros(len(rows), np.bool_)
        for assignment in assignments:
            if len(rows) and initiative(self._context, assignment.definition):
                reached = self.reach(assignment)[marks.resource[rows]]
                found |= reached & self._feeds(assignment)[marks.recommendation[rows]]
        return found

    def _feeds(self, assignment: Assignment) -> Flags:
        """[recommendation] which an assignment feeds; all where it is not known what its initiative holds."""
        known = self._context.recommendations
        if known is None:
            return np.ones(len(self._keys), np.bool_)
        references = (self._context.initiatives or {}).get(assignment.definition)
        policies = None if references is None else set(references.values())
        off, found = _off(self._context, assignment), np.zeros(len(self._keys), np.bool_)
        for place, metadata in known.items():
            policy = metadata.policy
            found[place] = policy is not None and policy not in off and (policies is None or policy in policies)
        return found

    def recommendations(self, policies: Collection[str]) -> Ints:
        """The positions of the recommendations that some policies feed."""
        known = self._context.recommendations or {}
        return np.array(sorted(place for place, one in known.items() if one.policy in policies), np.int32)

    def named(self, exemption: Exemption) -> Flags:
        """[recommendation] which an exemption may be about, as far as can be told without its assignment."""
        found = np.zeros(len(self._keys), np.bool_)
        if exemption.recommendation is not None:
            place = self._keys.find(exemption.recommendation)
            found[[] if place is None else [place]] = True
        elif exemption.references and self._context.initiatives is not None:
            maps = self._context.initiatives.values()
            policies = {one[ref] for one in maps for ref in exemption.references if ref in one}
            found[self.recommendations(policies)] = True
        else:
            found[:] = True
        return found

    def adds(self, assignment: Assignment) -> bool:
        """Whether an assignment of the initiative covers anything that no other covers whole."""
        if not initiative(self._context, assignment.definition):
            return False
        above = self._context.ancestors
        return not any(
            other.id != assignment.id
            and initiative(self._context, other.definition)
            and not other.excluded
            and not _off(self._context, other)
            and ids.management_group(assignment.scope) is None
            and ids.covers(other.scope, assignment.scope, above)
            for other in (self._context.assignments or {}).values()
        )

    def trusted(self, assignment: str) -> bool:
        """Whether what was found for a policy assignment, given by id, is of the initiative, as far as is known."""
        known = (self._context.assignments or {}).get(assignment.lower())
        return known is None or initiative(self._context, known.definition)


def _off(context: Context, assignment: Assignment) -> set[str]:
    """The policies that an assignment switches off."""
    switches = (context.switches or {}).get(assignment.definition, {})
    return {policy for policy, name in switches.items() if assignment.parameters.get(name, "").lower() == OFF}

"""Which cause owns a changed mark: the contract's table, row by row, over columns.

A rule is a condition over the columns of the changed marks and over what happened around them; the first that holds
owns the mark. Rules say why, never how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from drift import ids
from drift.engine.context import Happened
from drift.engine.exemptions import Exemptions, initiative
from drift.engine.replaced import Check, partners
from drift.engine.scoring import Membership, exempt
from drift.engine.units import Units
from drift.kinds import KINDS, Kind
from drift.model import NEVER, Assignment, Because, Cause, Context, Flags, Longs, Status
from drift.names import Names


@dataclass(frozen=True, slots=True)
class Scene:
    """All that the rules look at, for the two ends of one comparison (their contexts level)."""

    subscription: str
    taken_to: int
    now: Sequence[Happened]
    """What happened between the two snapshots."""
    earlier: Sequence[Happened]
    """What happened in the 48 hours up to the first of them: it owns only marks that come or go."""
    context_from: Context
    context_to: Context
    members_from: Membership
    members_to: Membership
    exemptions_from: Exemptions
    exemptions_to: Exemptions
    had_marks: Flags
    has_marks: Flags
    """[resource] whether it has any mark: as the counts show it, and now."""
    resources: Names
    recommendations: Names
    controls: Sequence[str] = ()
    """Names in lower case, as memberships number them."""


_BY_RESOURCE = {Kind.RESOURCE_ADDED, Kind.RESOURCE_DELETED, Kind.DATA_SOURCE_GAINED, Kind.DATA_SOURCE_LOST}
_BY_NAME = {
    *(Kind.CONNECTOR_ADDED, Kind.CONNECTOR_REMOVED, Kind.PLAN_ENABLED, Kind.PLAN_DISABLED),
    *(Kind.EXEMPTION_CREATED, Kind.EXEMPTION_EXPIRED, Kind.EXEMPTION_REMOVED),
}


def classify(units: Units, scene: Scene) -> tuple[list[Cause], Longs, list[Happened]]:
    """The causes of the units, for each unit the position of its cause, and the resources that marks alone told of."""
    rules = _Rules(units, scene)
    rules.apply()
    keys = rules.kinds * (1 << 40) + rules.subjects
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return [rules.cause(int(row)) for row in first], inverse, rules.told


class _Rules:
    """The table over one set of units. Each method is a row, or a few that look at the same thing."""

    def __init__(self, units: Units, scene: Scene) -> None:
        self.units, self.scene = units, scene
        self.kinds = np.full(len(units), -1, np.int64)
        self.subjects = np.zeros(len(units), np.int64)
        self.names: dict[str, int] = {}
        self.shown: list[str] = []
        self.told: list[Happened] = []
        self.came = (units.effective_from == 0) & (units.effective_to != 0)
        self.went = (units.effective_from != 0) & (units.effective_to == 0)
        self.appeared = (units.status_from == 0) & (units.status_to != 0)
        self.vanished = (units.status_from != 0) & (units.status_to == 0)
        self.touched = np.unique(units.resource)
        self.id_of = {int(place): scene.resources[int(place)].lower() for place in self.touched}

    def apply(self) -> None:
        """Lets the rows claim what none before them claimed, from the outside in."""
        self._connectors()
        inner = (*self._recommendations(), *self._plans(), *self._policies())  # rows 4 to 9, which row 3 asks for
        self._resources(inner)
        for claim in inner:
            self._claim(*claim)
        self._exemptions()
        self._grace_periods()
        self._claim(self.appeared, Kind.DATA_SOURCE_GAINED, self.units.resource)
        self._claim(self.vanished, Kind.DATA_SOURCE_LOST, self.units.resource)
        before, after, key = self.units.status_from, self.units.status_to, self.units.recommendation
        fixed = (before == Status.UNHEALTHY) & (after == Status.HEALTHY)
        broken = (before == Status.HEALTHY) & (after == Status.UNHEALTHY)
        self._claim(fixed, Kind.REMEDIATION, key)
        self._claim(broken, Kind.REGRESSION, key)
        self._claim(np.ones(len(self.units), np.bool_), Kind.APPLICABILITY_CHANGED, key)

    def cause(self, row: int) -> Cause:
        """The cause that owns a row."""
        kind, subject = KINDS[int(self.kinds[row])], int(self.subjects[row])
        if kind in _BY_RESOURCE:
            name = self.scene.resources[subject]
        elif kind in _BY_NAME:
            name = self.shown[subject]
        else:
            name = self.scene.recommendations[subject]
        return Cause(kind, name, self.scene.subscription)

    def _claim(self, holds: Flags, kind: Kind, subjects: Any) -> None:
        free = holds & (self.kinds < 0)
        self.kinds[free] = kind.order
        self.subjects[free] = subjects[free] if isinstance(subjects, np.ndarray) else subjects

    def _named(self, name: str) -> int:
        place = self.names.setdefault(name, len(self.shown))
        if place == len(self.shown):
            self.shown.append(name)
        return place

    def _happened(self, *kinds: Kind) -> list[tuple[Happened, bool]]:
        """The changes of some kinds, newest knowledge first, and whether each is of now."""
        found = [(one, True) for one in self.scene.now if one.kind in kinds]
        return found + [(one, False) for one in self.scene.earlier if one.kind in kinds]

    def _where(self, holds: Flags, one: Happened, is_now: bool) -> Flags:
        """A change of now owns all it holds for; a remembered one only marks that come, or go, as it makes them."""
        if is_now:
            return holds
        return holds & (self.went if one.kind in _TAKES else self.came)

    def _on(self, resources: Any) -> Flags:
        """Which units are on some resources."""
        return np.isin(self.units.resource, resources)

    def _connectors(self) -> None:
        for one, is_now in self._happened(Kind.CONNECTOR_ADDED, Kind.CONNECTOR_REMOVED):
            inside = [place for place, name in self.id_of.items() if ids.under(name, one.name.lower())]
            self._claim(self._where(self._on(inside), one, is_now), one.kind, self._named(one.name))

    def _resources(self, inner: Sequence[Claim]) -> None:
        is_resource = self._on([place for place, name in self.id_of.items() if not ids.is_subscription(name)])
        for one, is_now in self._happened(Kind.RESOURCE_ADDED, Kind.RESOURCE_DELETED):
            holds = self._on(one.resources) & is_resource
            self._claim(self._where(holds, one, is_now), one.kind, self.units.resource)
        inventories = (self.scene.context_from.inventory, self.scene.context_to.inventory)
        listed = frozenset[str]().union(*(inventory.types for inventory in inventories if inventory is not None))
        explained = {int(place) for holds, _, _ in inner for place in self.units.resource[holds]}
        had, has = self.scene.had_marks, self.scene.has_marks
        for kind, flags in ((Kind.RESOURCE_ADDED, ~had & has), (Kind.RESOURCE_DELETED, had & ~has)):
            told = [
                place
                for place in map(int, np.flatnonzero(flags))
                if place not in explained and _is_unlisted(self.scene.resources[place], listed)
            ]
            if told:
                self._claim(self._on(told), kind, self.units.resource)
                self.told.append(Happened(kind, self.scene.taken_to, resources=np.array(told, np.int32)))

    def _recommendations(self) -> list[Claim]:
        key, control = self.units.recommendation, self.units.control
        before, after = self.scene.members_from, self.scene.members_to
        claims = self._replacements()
        for kind in (Kind.RECOMMENDATION_ADDED, Kind.RECOMMENDATION_LEFT_PREVIEW):
            for one, is_now in self._happened(kind):
                claims.append((self._where(key == one.recommendation, one, is_now), kind, key))
        retired = before.counts & ~after.counts
        claims.append((retired[key], Kind.RECOMMENDATION_RETIRED, key))
        both = (before.counts & after.counts)[key]
        moved = both & (before.member[control, key] != after.member[control, key])
        claims.append((moved, Kind.RECOMMENDATION_MOVED, key))
        return claims

    def _replacements(self) -> list[Claim]:
        """The marks of a recommendation that came for one that went: one cause of both."""
        scene, key, claims = self.scene, self.units.recommendation, list[Claim]()
        retired = scene.members_from.counts & ~scene.members_to.counts
        went = [one for one, _ in self._happened(Kind.RECOMMENDATION_RETIRED)]
        for place in np.flatnonzero(retired).tolist():
            former = (scene.context_from.recommendations or {}).get(place)
            one = Happened(Kind.RECOMMENDATION_RETIRED, scene.taken_to, recommendation=place)
            went.append(replace(one, former=former, controls=self._controls(scene.members_from, place)))
            self.told.append(went[-1])
        gone = {one.recommendation: Check(one.former, one.controls) for one in went}
        added = self._happened(Kind.RECOMMENDATION_ADDED)
        came = {
            place: Check((scene.context_to.recommendations or {}).get(place), self._controls(scene.members_to, place))
            for place in {one.recommendation for one, _ in added}
        }
        counts = scene.members_to.counts
        pairs = partners(
            {place: one for place, one in gone.items() if not counts[place]},
            {place: one for place, one in came.items() if counts[place]},
        )
        for old, new in pairs.items():
            claims.append(((key == old) & retired[key], Kind.RECOMMENDATION_REPLACED, new))
        for one, is_now in added:
            if one.recommendation in pairs.values():
                holds = self._where(key == one.recommendation, one, is_now)
                claims.append((holds, Kind.RECOMMENDATION_REPLACED, key))
        return claims

    def _controls(self, members: Membership, place: int) -> tuple[str, ...]:
        """The controls that list a recommendation at one end."""
        return tuple(self.scene.controls[at] for at in np.flatnonzero(members.member[:, place]).tolist())

    def _plans(self) -> list[Claim]:
        claims: list[Claim] = []
        happened = self._happened(Kind.PLAN_ENABLED, Kind.PLAN_DISABLED)
        plan_of = {place: ids.plan_of(name) for place, name in self.id_of.items()} if happened else {}
        for one, is_now in happened:
            covered = [place for place, plan in plan_of.items() if plan == one.name.lower()]
            followed = self.appeared if one.kind is Kind.PLAN_ENABLED else self.vanished
            holds = self._where(self._on(covered) & followed, one, is_now)
            claims.append((holds, one.kind, self._named(one.name)))
        return claims

    def _policies(self) -> list[Claim]:
        units, key = self.units, self.units.recommendation
        was, now = units.because_from == Because.OFF_BY_POLICY, units.because_to == Because.OFF_BY_POLICY
        claims: list[Claim] = [(now & ~was, Kind.POLICY_DISABLED, key), (was & ~now, Kind.POLICY_ENABLED, key)]
        for kind, followed, other in (
            (Kind.POLICY_DISABLED, self.vanished, self.scene.context_to),
            (Kind.POLICY_ENABLED, self.appeared, self.scene.context_from),
        ):
            happened = self._happened(kind)
            new = {one.assignment.id.lower() for one, _ in happened if one.assignment and kind is Kind.POLICY_ENABLED}
            others = [a for key, a in (other.assignments or {}).items() if key not in new]
            for one, is_now in happened:
                holds = self._where(followed, one, is_now).copy()
                holds[holds] = self._covered([one.assignment] if one.assignment else [], holds)
                holds[holds] = ~self._covered(others, holds)  # one that covers it besides makes no difference
                claims.append((holds, kind, key))
        return claims

    def _covered(self, assignments: Sequence[Assignment], rows: Flags) -> Flags:
        """Of some rows, which an assignment of the initiative covers."""
        context = self.scene.context_to
        rules = [(a, self._policies_of(a)) for a in assignments if initiative(context, a.definition)]
        known: dict[int, list[frozenset[str] | None]] = {}
        found = np.zeros(int(np.count_nonzero(rows)), np.bool_)
        for at, row in enumerate(np.flatnonzero(rows).tolist() if rules else ()):
            place = int(self.units.resource[row])
            if place not in known:
                known[place] = [policies for a, policies in rules if self._lies_in(place, a)]
            metadata = (context.recommendations or {}).get(int(self.units.recommendation[row]))
            found[at] = any(p is None or metadata is None or metadata.policy in p for p in known[place])
        return found

    def _policies_of(self, assignment: Assignment) -> frozenset[str] | None:
        """The policies that its initiative maps; None: not known."""
        references = (self.scene.context_to.initiatives or {}).get(assignment.definition)
        return None if references is None else frozenset(references.values())

    def _lies_in(self, place: int, assignment: Assignment) -> bool:
        resource = self.id_of[place]
        if not ids.covers(assignment.scope, resource, self.scene.context_to.ancestors):
            return False
        return not any(ids.under(resource, scope) for scope in assignment.excluded)

    def _exemptions(self) -> None:
        units = self.units
        was, now = exempt(units.status_from, units.because_from), exempt(units.status_to, units.because_to)
        for row in np.flatnonzero((was ^ now) & (self.kinds < 0)):
            at = int(units.resource[row]), int(units.recommendation[row])
            match = (self.scene.exemptions_to if now[row] else self.scene.exemptions_from).match(*at)
            if now[row]:
                kind = Kind.EXEMPTION_CREATED
            elif match is not None and match.expires != NEVER and match.expires <= self.scene.taken_to:
                kind = Kind.EXEMPTION_EXPIRED
            else:
                kind = Kind.EXEMPTION_REMOVED
            self.kinds[row] = kind.order
            self.subjects[row] = self._named(match.id if match is not None else self.scene.recommendations[at[1]])

    def _grace_periods(self) -> None:
        units, key = self.units, self.units.recommendation
        started = units.shielded_to & ~units.shielded_from
        ended = units.shielded_from & ~units.shielded_to & (units.status_to == Status.UNHEALTHY)
        self._claim(started, Kind.GRACE_PERIOD_STARTED, key)
        self._claim(ended, Kind.GRACE_PERIOD_ENDED, key)


def _is_unlisted(resource: str, listed: frozenset[str]) -> bool:
    """Whether a resource is of a type that the inventory does not list, and not a subscription."""
    return not ids.is_subscription(resource) and ids.type_of(resource) not in listed


type Claim = tuple[Flags, Kind, Any]
"""Where a row of the table holds, its kind, and the subject: a column, or one for all."""

_TAKES = {Kind.CONNECTOR_REMOVED, Kind.RESOURCE_DELETED, Kind.PLAN_DISABLED, Kind.POLICY_DISABLED}
"""The kinds of context changes whose marks go; after all others they come."""

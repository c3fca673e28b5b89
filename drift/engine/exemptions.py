"""Which exemption a mark is exempt by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from drift import ids
from drift.model import NEVER, Context, Exemption, Names

BENCHMARK = "/providers/microsoft.authorization/policysetdefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
"""The initiative behind the secure score: Microsoft cloud security benchmark."""


def initiative(context: Context, definition: str) -> bool:
    """Whether a policy assignment's definition is the initiative behind the score."""
    return definition in (context.initiatives if context.initiatives is not None else (BENCHMARK,))


def in_force(exemption: Exemption, at: int) -> bool:
    """Whether it applies at a time: it has no end, or one that is ahead."""
    return exemption.expires == NEVER or exemption.expires > at


def listed(context: Context) -> dict[str, Exemption]:
    """All exemptions of both kinds, by id."""
    return {**(context.policy_exemptions or {}), **(context.standard_exemptions or {})}


class Exemptions:
    """The exemptions that can explain an Exempt mark at one end: those in force, else those that just were."""

    def __init__(
        self, context: Context, at: int, gone: Iterable[Exemption], resources: Names, recommendations: Names
    ) -> None:
        self._context, self._resources, self._recommendations = context, resources, recommendations
        standing = [e for e in listed(context).values() if in_force(e, at) and self._of_benchmark(e)]
        ids_standing = {e.id.lower() for e in standing}
        former = [e for e in gone if e.id.lower() not in ids_standing and self._of_benchmark(e)]
        self.any_mitigated = any(e.mitigated for e in (*standing, *former))
        self._tiers = [_by_scope(standing), _by_scope(former)]
        self._groups = [self._above(tier) for tier in self._tiers]
        self._policies = {e.id: self._policies_of(e) for e in (*standing, *former)}
        self._near: dict[int, list[Exemption]] = {}

    def match(self, resource: int, recommendation: int) -> Exemption | None:
        """The exemption of a mark: of several the one with the most specific scope, then the newest."""
        if resource not in self._near:
            self._near[resource] = self._covering(self._resources[resource].lower())
        return next((e for e in self._near[resource] if self._names(e, recommendation)), None)

    def _above(self, tier: Mapping[str, Sequence[Exemption]]) -> list[Exemption]:
        """The exemptions made at management groups above the subscription, nearest first."""
        above = self._context.ancestors
        groups = [(ids.management_group(scope), scope) for scope in tier]
        near = [
            (above.index(name) if above else 0, s) for name, s in groups if name and (above is None or name in above)
        ]
        return [exemption for _, scope in sorted(near) for exemption in tier[scope]]

    def _covering(self, resource: str) -> list[Exemption]:
        found: list[Exemption] = []
        for tier, groups in zip(self._tiers, self._groups, strict=True):
            if tier:
                for scope in ids.scopes(resource):
                    found += tier.get(scope, ())
                found += groups
        return [e for e in found if not (e.excluded and any(ids.under(resource, scope) for scope in e.excluded))]

    def _of_benchmark(self, exemption: Exemption) -> bool:
        if exemption.assignment is None or self._context.assignments is None:
            return True
        assignment = self._context.assignments.get(exemption.assignment)
        return assignment is not None and initiative(self._context, assignment.definition)

    def _names(self, exemption: Exemption, recommendation: int) -> bool:
        if exemption.recommendation is not None:
            return exemption.recommendation == self._recommendations[recommendation].lower()
        policies = self._policies[exemption.id]
        if policies is None:
            return True
        metadata = (self._context.recommendations or {}).get(recommendation)
        return metadata is not None and metadata.policy in policies

    def _policies_of(self, exemption: Exemption) -> frozenset[str | None] | None:
        """The policies that an exemption's references name; None: all of its assignment."""
        if not exemption.references:
            return None
        if self._context.initiatives is None:  # only a reference that is the policy's own name can be told
            known = (self._context.recommendations or {}).values()
            return frozenset(r.policy for r in known if r.policy and ids.last(r.policy) in exemption.references)
        assignment = (self._context.assignments or {}).get(exemption.assignment or "")
        mapped = self._context.initiatives
        chosen = [mapped[assignment.definition]] if assignment else list(mapped.values())
        return frozenset(one[ref] for one in chosen for ref in exemption.references if ref in one)


def _by_scope(exemptions: Iterable[Exemption]) -> dict[str, list[Exemption]]:
    found: dict[str, list[Exemption]] = {}
    for exemption in sorted(exemptions, key=lambda e: (-e.made.at, e.id.lower())):
        found.setdefault(exemption.scope, []).append(exemption)
    return found

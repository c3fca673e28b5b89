"""Which exemption a mark is exempt by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from drift import ids
from drift.model import NEVER, Context, Exemption
from drift.names import Names


def initiative(context: Context, definition: str) -> bool:
    """Whether a policy assignment's definition is the initiative behind the score."""
    return definition in (context.initiatives if context.initiatives is not None else (ids.BENCHMARK,))


def in_force(exemption: Exemption, at: int) -> bool:
    """Whether it applies at a time: it has no end, or one that is ahead."""
    return exemption.expires == NEVER or exemption.expires > at


def listed(context: Context) -> dict[str, Exemption]:
    """All exemptions of both kinds, by id."""
    return {**(context.policy_exemptions or {}), **(context.standard_exemptions or {})}


class Exemptions:
    """The exemptions that can explain an Exempt mark at one end: those in force, else those that just were.

    Looked up by scope, then by what they exempt from, so that thousands at one scope cost no more than one.
    """

    def __init__(
        self, context: Context, at: int, gone: Iterable[Exemption], resources: Names, recommendations: Names
    ) -> None:
        self._context, self._resources, self._recommendations = context, resources, recommendations
        self._named = self._policies_by_name() if context.initiatives is None else {}
        standing = [e for e in listed(context).values() if in_force(e, at) and self._of_benchmark(e)]
        ids_standing = {e.id.lower() for e in standing}
        former = [e for e in gone if e.id.lower() not in ids_standing and self._of_benchmark(e)]
        self.any_mitigated = any(e.mitigated for e in (*standing, *former))
        self._tiers = [self._index(standing), self._index(former)]
        self._groups = [self._above(tier) for tier in self._tiers]
        self._near: dict[int, list[_Subjects]] = {}

    def match(self, resource: int, recommendation: int) -> Exemption | None:
        """The exemption of a mark: of several the one with the most specific scope, then the newest."""
        identity = self._resources[resource].lower()
        if resource not in self._near:
            self._near[resource] = [
                tier[scope]
                for tier, groups in zip(self._tiers, self._groups, strict=True)
                if tier
                for scope in (*ids.scopes(identity), *groups)
                if scope in tier
            ]
        metadata = (self._context.recommendations or {}).get(recommendation)
        policy = metadata.policy if metadata is not None else None
        subjects = (_ALL, policy or _ALL, self._recommendations[recommendation].lower())
        for here in self._near[resource]:
            found = [e for subject in subjects if (those := here.get(subject)) for e in _first(those, identity)]
            if found:
                return min(found, key=_newest) if len(found) > 1 else found[0]
        return None

    def _above(self, tier: Mapping[str, _Subjects]) -> list[str]:
        """The scopes of management groups above the subscription, nearest first."""
        above = self._context.ancestors
        groups = [(name, scope) for scope in tier if (name := ids.management_group(scope)) is not None]
        known = [(name, scope) for name, scope in groups if above is None or name in above]
        return [scope for _, scope in sorted((above.index(name) if above else 0, scope) for name, scope in known)]

    def _index(self, exemptions: Iterable[Exemption]) -> dict[str, _Subjects]:
        found: dict[str, _Subjects] = {}
        for exemption in sorted(exemptions, key=_newest):
            for subject in self._subjects(exemption):
                found.setdefault(exemption.scope, {}).setdefault(subject, []).append(exemption)
        return found

    def _subjects(self, exemption: Exemption) -> Iterable[str]:
        """What it exempts from: a recommendation's key, the policies that its references name, or all."""
        if exemption.recommendation is not None:
            return (exemption.recommendation,)
        if not exemption.references:
            return (_ALL,)
        if self._context.initiatives is None:  # only a reference that is the policy's own name can be told
            return {policy for ref in exemption.references for policy in self._named.get(ref, ())}
        assignment = (self._context.assignments or {}).get(exemption.assignment or "")
        mapped = self._context.initiatives
        chosen = [mapped[assignment.definition]] if assignment else list(mapped.values())
        return {one[ref] for one in chosen for ref in exemption.references if ref in one}

    def _policies_by_name(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for recommendation in (self._context.recommendations or {}).values():
            if recommendation.policy:
                found.setdefault(ids.last(recommendation.policy), set()).add(recommendation.policy)
        return found

    def _of_benchmark(self, exemption: Exemption) -> bool:
        if exemption.assignment is None or self._context.assignments is None:
            return True
        assignment = self._context.assignments.get(exemption.assignment)
        return assignment is not None and initiative(self._context, assignment.definition)


type _Subjects = dict[str, list[Exemption]]
"""Exemptions of one scope, by what they exempt from, the newest first."""

_ALL = "*"


def _newest(exemption: Exemption) -> tuple[int, str]:
    return -exemption.made.at, exemption.id.lower()


def _first(exemptions: Sequence[Exemption], resource: str) -> list[Exemption]:
    """The first that does not exclude the resource, as a list of one or none."""
    if not exemptions[0].excluded:
        return [exemptions[0]]
    kept = (e for e in exemptions if not any(ids.under(resource, scope) for scope in e.excluded))
    return [found] if (found := next(kept, None)) is not None else []

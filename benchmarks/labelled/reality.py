"""What is so, what it would be assessed as, and what a mark counts for: the rules of the estate, without time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from benchmarks.labelled.chain import Count, Counts
from benchmarks.labelled.land import Exemption, Mark, Pair, Place, Recommendation, Resource, Subscription

if TYPE_CHECKING:
    from benchmarks.labelled.estate import Estate


def reality(estate: Estate, resource: Resource, recommendation: Recommendation) -> str | None:
    """The status that a mark would have if it were assessed now; None: there would be no mark."""
    pair = resource.id, recommendation.key
    account = estate.subscriptions[resource.subscription]
    if resource.id not in estate.resources or not recommendation.exists:
        return None
    if resource.word not in recommendation.words or (recommendation.agent and not resource.agent):
        return None
    if recommendation.plan and account.plans.get(recommendation.plan) is None:
        return None
    above = [one for one in estate.assignments(account).values() if covers(one.scope, resource.id, account)]
    if not above:
        return None
    if all(recommendation.key in one.off for one in above):
        return "OffByPolicy"
    for one in estate.exemptions.values():
        if one.recommendation == recommendation.key and exempts(estate, one, resource):
            return "Mitigated" if one.mitigated else "Exempt"
    if pair in estate.moot:
        return "NotApplicable"
    return "Unhealthy" if pair in estate.faults else "Healthy"


def exempts(estate: Estate, exemption: Exemption, resource: Resource) -> bool:
    """Whether an exemption is in force for a resource."""
    if exemption.expires is not None and exemption.expires <= estate.now:
        return False
    account = estate.subscriptions[resource.subscription]
    if not covers(exemption.scope, resource.id, account):
        return False
    if exemption.assignment is None:
        return True
    above = estate.assignments(account).get(exemption.assignment)
    return above is not None and covers(above.scope, resource.id, account)


def contribution(estate: Estate, pair: Pair, mark: Mark) -> str | None:
    """What a mark adds to its cells, were they counted now."""
    recommendation = estate.recommendations[pair[1]]
    if recommendation.preview or not recommendation.exists:
        return None
    if mark.status == "Mitigated":
        return "Healthy" if estate.mitigated_counts else None
    if mark.status == "Unhealthy":
        grace = estate.governance.get(pair)
        return None if grace is not None and grace.grace and grace.due > estate.now else "Unhealthy"
    return mark.status if mark.status == "Healthy" else None


def contributions(estate: Estate, account: Subscription) -> dict[Place, str]:
    """What each mark of a subscription adds to the cells of the controls that list it, were they counted now."""
    lists: dict[str, list[str]] = {}
    for control in estate.controls.values():
        for key in control.listed:
            lists.setdefault(key, []).append(control.name)
    found: dict[Place, str] = {}
    for pair, mark in account.marks.items():
        says = contribution(estate, pair, mark) if pair[1] in lists else None
        if says is not None:
            found.update({(name, *pair): says for name in lists[pair[1]]})
    return found


def counts(estate: Estate, seen: dict[Place, str], unwatched: int) -> Counts:
    bad = {place[:2] for place, says in seen.items() if says == "Unhealthy"}
    cells = {place[:2] for place in seen}
    counted = Counter(control for control, _ in cells)
    unhealthy = Counter(control for control, _ in bad)
    found = {
        name: Count(one.maximum, counted[name] - unhealthy[name], counted[name])
        for name, one in estate.controls.items()
    }
    return Counts(found, len({resource for _, resource in cells}) + unwatched)


def covers(scope: str, resource: str, account: Subscription) -> bool:
    """Whether a scope, a management group as well, covers a resource."""
    if scope.startswith("/providers/"):
        return scope.rpartition("/")[2] in account.ancestors
    return (resource + "/").startswith(scope + "/")

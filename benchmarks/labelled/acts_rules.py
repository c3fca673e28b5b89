"""Acts on what decides whether a mark counts: exemptions, policy, grace periods."""

from __future__ import annotations

from datetime import timedelta

from benchmarks.labelled.apart import LONG, calm, disturbed
from benchmarks.labelled.cast import PLATFORM, Actor, guid
from benchmarks.labelled.estate import Estate
from benchmarks.labelled.land import (
    Assignment,
    Deed,
    Exemption,
    Pair,
    Recommendation,
    Resource,
    Subscription,
    Written,
)
from benchmarks.labelled.reality import covers, exempts

_MANAGEMENT = "/providers/Microsoft.Management/managementGroups/"
_ASSIGNMENTS = "/providers/Microsoft.Authorization/policyAssignments/"


def _tell(estate: Estate, by: Actor, verb: str, subject: str) -> bool:
    """Whether an event arrives: of what is done at a management group there is none."""
    return not subject.startswith(_MANAGEMENT) and estate.records.tell(estate.now, by, verb, subject)


def _concerned(estate: Estate, key: str, accounts: list[Subscription]) -> list[Pair]:
    """Where marks of a recommendation are or may be, in subscriptions with a score or without."""
    return [pair for account in accounts for pair in estate.pairs(account, key)]


# Exemptions


def exemption_created(estate: Estate) -> bool:
    """Somebody exempts a resource, a group, a subscription or a management group from a recommendation."""
    dice = estate.dice
    account = dice.choice(estate.scored())
    marked = [
        pair
        for pair, mark in sorted(account.marks.items())
        if mark.status in ("Unhealthy", "Healthy") and pair[0] in estate.resources and estate.free(pair)
        and pair not in estate.governance
    ]  # fmt: skip
    if dice.random() < 0.5:
        marked = [pair for pair in marked if pair[1] in estate.reserved] or marked
    if not marked:
        return False
    worse = [pair for pair in marked if account.marks[pair].status == "Unhealthy"]
    resource_id, key = dice.choice(worse if worse and dice.random() < 0.7 else marked)
    resource, recommendation = estate.resources[resource_id], estate.recommendations[key]
    scope = _scope(estate, account, resource)
    exemption = _exemption(estate, account, resource, recommendation, scope)
    if exemption is not None and exemption.expires and not calm(estate, (resource_id, key)):
        return False
    if exemption is None or _overlaps(estate, exemption):
        return False
    everywhere = list(estate.subscriptions.values()) if scope.startswith(_MANAGEMENT) else [account]
    pairs = [
        pair
        for pair in _concerned(estate, key, everywhere)
        if pair[0] in estate.resources and exempts(estate, exemption, estate.resources[pair[0]])
    ]
    if not all(estate.idle(pair) and pair not in estate.governance for pair in pairs):
        return False
    if any((mark := account.marks.get(pair)) is None or mark.status != "Unhealthy" for pair in pairs):
        exemption.mitigated = False  # nothing to mitigate
    estate.exemptions[exemption.id] = exemption
    by = exemption.written.by
    deed = Deed("exemption_created", exemption.id, estate.now, by, remembered=True)
    deed.heard = _tell(estate, by, "write", exemption.id)
    estate.touch(pairs, deed)
    if exemption.expires is not None:
        estate.plan(exemption.expires, lambda: _expire(estate, exemption))
    return True


def _scope(estate: Estate, account: Subscription, resource: Resource) -> str:
    scopes = [resource.id, resource.id, account.path]
    if resource.written:
        scopes += [resource.id, resource.group]
    return estate.dice.choice([*scopes, *(_MANAGEMENT + name for name in account.ancestors)])


def _exemption(
    estate: Estate, account: Subscription, resource: Resource, recommendation: Recommendation, scope: str
) -> Exemption | None:
    dice = estate.dice
    assignment: str | None = None
    if recommendation.newer:
        identity = f"{scope}/providers/Microsoft.Security/standardAssignments/{guid(dice)}"
    else:
        above = [one for one in estate.assignments(account).values() if covers(one.scope, resource.id, account)]
        if not above or not _within(scope, above[0].scope):
            return None  # an exemption lies within its assignment's scope
        assignment = above[0].id
        identity = f"{scope}/providers/Microsoft.Authorization/policyExemptions/{guid(dice)[:13]}"
    expires = estate.now + timedelta(hours=dice.uniform(44, 100)) if dice.random() < 0.55 else None
    by = dice.choice(estate.cast.people if dice.random() < 0.8 else estate.cast.pipelines)
    return Exemption(
        identity, scope, recommendation.key, dice.random() < 0.4, Written.new(by, estate.now), expires, assignment,
        dice.choice(("Accepted risk", "Compensating control", "Migration under way", "Test system")),
    )  # fmt: skip


def _overlaps(estate: Estate, exemption: Exemption) -> bool:
    """Whether another exemption of the recommendation is, or was not long ago, in force for some of the same marks."""
    for one in estate.exemptions.values():
        past = one.expires is not None and one.expires < estate.now - LONG
        if one.recommendation == exemption.recommendation and not past:
            shared = one.scope.startswith(_MANAGEMENT) or exemption.scope.startswith(_MANAGEMENT)
            if shared or _within(one.scope, exemption.scope) or _within(exemption.scope, one.scope):
                return True
    return False


def _within(scope: str, assigned: str) -> bool:
    """Whether a scope lies within that of an assignment; those at a management group are at the root."""
    return assigned.startswith(_MANAGEMENT) or (scope + "/").startswith(assigned + "/")


def _expire(estate: Estate, exemption: Exemption) -> None:
    if exemption.id in estate.exemptions:
        deed = Deed("exemption_expired", exemption.id, estate.now, PLATFORM, remembered=True, dated=True)
        pairs = _concerned(estate, exemption.recommendation, list(estate.subscriptions.values()))
        inside = [p for p in pairs if covers(exemption.scope, p[0], estate.subscriptions[p[0].split("/")[2]])]
        estate.touch([pair for pair in inside if pair[0] in estate.resources], deed)


def exemption_removed(estate: Estate) -> bool:
    """Somebody, not always who made it, removes an exemption."""
    dice = estate.dice
    known = [
        one
        for one in estate.exemptions.values()
        if one.expires is None or estate.now + timedelta(hours=36) < one.expires
    ]
    dice.shuffle(known)
    for one in known[:4]:
        pairs = [
            pair
            for pair in _concerned(estate, one.recommendation, list(estate.subscriptions.values()))
            if pair[0] in estate.resources and exempts(estate, one, estate.resources[pair[0]])
        ]
        if pairs and all(estate.idle(pair) and calm(estate, pair) for pair in pairs):
            del estate.exemptions[one.id]
            by = dice.choice(estate.cast.people)
            deed = Deed("exemption_removed", one.id, estate.now, by)
            deed.heard = _tell(estate, by, "delete", one.id)
            estate.touch(pairs, deed)
            return True
    return False


# Policy


def policy_disabled(estate: Estate) -> bool:
    """Somebody sets the effect of a policy to Disabled in an assignment."""
    return _switch(estate, True)


def policy_enabled(estate: Estate) -> bool:
    """Somebody sets it back."""
    return _switch(estate, False)


def _switch(estate: Estate, off: bool) -> bool:
    dice = estate.dice
    account = dice.choice(estate.scored())
    listed = {key for control in estate.controls.values() for key in control.listed}
    choices = [
        (one, key)
        for _, one in sorted(estate.assignments(account).items())
        if one.id not in estate.fresh
        for key in sorted(listed - one.off if off else listed & one.off)
    ]
    if not choices:
        return False
    one, key = dice.choice(choices)
    pairs = _covered(estate, account, one, key)
    if not pairs or not all(estate.idle(pair) and (off or calm(estate, pair)) for pair in pairs):
        return False
    by = dice.choice(estate.cast.people)
    (one.off.add if off else one.off.discard)(key)
    one.written = Written(one.written.by, one.written.at, by, estate.now)
    estate.fresh.add(one.id)
    deed = Deed("policy_disabled" if off else "policy_enabled", key, estate.now, by, remembered=True)
    deed.heard = _tell(estate, by, "write", one.id)
    estate.touch(pairs, deed)
    return True


def assignment_removed(estate: Estate) -> bool:
    """The initiative is no longer assigned to one of the groups of a subscription."""
    for account in estate.scored():
        for one in [*account.assignments.values()] if len(account.assignments) > 2 else []:
            pairs = [pair for key in estate.recommendations for pair in _covered(estate, account, one, key)]
            if pairs and len(pairs) < 0.4 * len(account.marks) and _undisturbed(estate, account, pairs):
                by = estate.dice.choice(estate.cast.people)
                del account.assignments[one.id]
                heard = _tell(estate, by, "delete", one.id)
                _each(estate, "policy_disabled", pairs, by, heard=heard, remembered=False)
                return True
    return False


def assignment_added(estate: Estate) -> bool:
    """The initiative is assigned to one more group of a subscription."""
    for account in estate.scored():
        groups = [f"{account.path}/resourceGroups/{name}" for name in account.groups]
        scopes = {one.scope for one in account.assignments.values()}
        bare = [group for group in groups if group not in scopes]
        if not scopes or account.path in scopes or not bare:
            continue
        scope = estate.dice.choice(bare)
        pairs = [
            pair for pair in estate.pairs(account, *estate.recommendations) if (pair[0] + "/").startswith(scope + "/")
        ]
        if not _undisturbed(estate, account, pairs):
            continue
        by = estate.dice.choice(estate.cast.people)
        identity = f"{scope}{_ASSIGNMENTS}mcsb-{estate.dice.randrange(10_000)}"
        account.assignments[identity] = Assignment(identity, scope, Written.new(by, estate.now))
        _each(estate, "policy_enabled", pairs, by, heard=_tell(estate, by, "write", identity), remembered=True)
        return True
    return False


def _undisturbed(estate: Estate, account: Subscription, pairs: list[Pair]) -> bool:
    """Whether an assignment may come or go: no other act that makes marks come or go is near; notes that it does."""
    if disturbed(estate, account) or not all(estate.idle(pair) and calm(estate, pair) for pair in pairs):
        return False
    estate.apart.note(estate.now, "assignment", account.id)
    return True


def _each(estate: Estate, kind: str, pairs: list[Pair], by: Actor, *, heard: bool, remembered: bool) -> None:
    """One act that is a cause for each recommendation."""
    for key in sorted({key for _, key in pairs}):
        deed = Deed(kind, key, estate.now, by, heard, remembered)
        estate.touch([pair for pair in pairs if pair[1] == key], deed)


def _covered(estate: Estate, account: Subscription, one: Assignment, key: str) -> list[Pair]:
    accounts = list(estate.subscriptions.values()) if one.id in estate.shared else [account]
    return [
        pair
        for other in accounts
        for pair in estate.pairs(other, key)
        if pair[0] in estate.resources and covers(one.scope, pair[0], other)
        and estate.resources[pair[0]].word in estate.recommendations[key].words
    ]  # fmt: skip

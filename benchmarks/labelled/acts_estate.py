"""Acts by which the estate grows and shrinks: resources, connectors, subscriptions, and the plans that assess them."""

from __future__ import annotations

from datetime import timedelta

from benchmarks.labelled.apart import calm, disturbed, running_out
from benchmarks.labelled.cast import Actor
from benchmarks.labelled.estate import Estate
from benchmarks.labelled.founding import WORDS, add_subscription, new_resource
from benchmarks.labelled.land import FOUNDATION, PLANS, Deed, Resource, Subscription, Written

LEAST = 10
"""Resources that are left of a subscription."""


def resource_added(estate: Estate) -> bool:
    """One resource is made, or a deployment makes several."""
    dice = estate.dice
    account = dice.choice(estate.scored())
    alone, words = dice.random() < 0.5, _bearable(estate)
    words = [word for word in words if word != "subnet" or _unruled(estate, account, word)]
    if not words:
        return False
    words = words if alone else dice.sample(words, min(2, len(words)))
    by = dice.choice(estate.cast.people if alone else estate.cast.pipelines)
    act = estate.records.correlation()
    if not alone and dice.random() < 0.3:
        account.groups.append(f"rg-app-{len(account.groups) + 1}")
    group = account.groups[-1] if not alone else dice.choice(account.groups)
    if not alone:
        where = f"{account.path}/resourceGroups/{group}/providers/Microsoft.Resources/deployments/main-{estate.born}"
        estate.records.tell(estate.now, by, "write", where, correlation=act)
    for _ in range(1 if alone else dice.randint(2, 9)):
        _arrive(estate, new_resource(estate, account, dice.choice(words), group), by, act)
    return True


def _unruled(estate: Estate, account: Subscription, word: str) -> bool:
    """Whether resources that no inventory lists may come: nothing else is near that would make their marks come."""
    keys = [one.key for one in estate.recommendations.values() if word in one.words]
    around = [*(("check", key) for key in keys), ("plan", account.id, word), ("assignment", account.id)]
    return not any(estate.apart.lately(estate.now, *what) for what in around)


def _bearable(estate: Estate) -> list[str]:
    """Kinds of resources of which no exemption will end before their coming is long past."""
    ending = [key for key in estate.recommendations if running_out(estate, key)]
    spoken = {word for key in ending for word in estate.recommendations[key].words}
    return [word for word in WORDS if word not in ("sub", "aws") and word not in spoken]


def cloud_resource_added(estate: Estate) -> bool:
    """Something new in another cloud, which no event tells of."""
    accounts = [one for one in estate.scored() if one.connectors]
    if not accounts:
        return False
    account = estate.dice.choice(accounts)
    connectors = [one for one in sorted(account.connectors) if not estate.apart.lately(estate.now, "connector", one)]
    if not connectors or not _unruled(estate, account, "aws"):
        return False
    for _ in range(estate.dice.randint(1, 3)):
        resource = new_resource(estate, account, "aws", estate.dice.choice(connectors))
        _arrive(estate, resource, None, "")
    return True


def _arrive(estate: Estate, resource: Resource, by: Actor | None, act: str) -> None:
    estate.resources[resource.id] = resource
    deed = Deed("resource_added", resource.id, estate.now, by)
    estate.arrivals[resource.id] = deed
    if by is not None:
        deed.heard = estate.write(resource, by, act=act)
    estate.touch(estate.pairs_of(resource), deed)


def resource_deleted(estate: Estate) -> bool:
    """A few resources are deleted, each for itself."""
    dice = estate.dice
    account = dice.choice(estate.scored())
    mine = [one for one in estate.resources.values() if one.subscription == account.id and one.word != "sub"]
    fit = [one for one in mine if estate.settled(one.id)]
    count = dice.choice((1, 1, 1, 2, 3))
    if len(mine) - count < LEAST or len(fit) < count:
        return False
    by, act = dice.choice(estate.cast.people + estate.cast.pipelines), estate.records.correlation()
    for resource in sorted(dice.sample(fit, count), key=lambda one: one.id):
        _leave(estate, resource, by, act, heard=False)
    return True


def resource_group_deleted(estate: Estate) -> bool:
    """A resource group is deleted with all that lies in it; the group and each resource have an event."""
    dice = estate.dice
    account = dice.choice(estate.scored())
    mine = [one for one in estate.resources.values() if one.subscription == account.id and one.written]
    anchors = [*account.connectors, *(one.scope for one in account.assignments.values())]
    groups: list[list[Resource]] = []
    for name in account.groups if len(account.groups) > 1 else ():
        path = f"{account.path}/resourceGroups/{name}"
        inside = [one for one in mine if one.group == path]
        anchored = any((one + "/").startswith(path + "/") for one in anchors)
        lately = estate.apart.lately(estate.now, "gone", path, within=timedelta(hours=14))
        if anchored or lately or len(mine) - len(inside) < LEAST:
            continue
        if inside and all(estate.settled(one.id) for one in inside):
            groups.append(inside)
    if not groups:
        return False
    inside = dice.choice(groups)
    by, act, path = dice.choice(estate.cast.people), estate.records.correlation(), inside[0].group
    account.groups.remove(path.rpartition("/")[2])
    heard = estate.records.tell(estate.now, by, "delete", path, correlation=act)
    for resource in sorted(inside, key=lambda one: one.id):
        _leave(estate, resource, by, act, heard)
    _drop_exemptions(estate, path)
    return True


def _drop_exemptions(estate: Estate, path: str) -> None:
    """What was written at or under an id goes with it."""
    for one in [one for one in estate.exemptions.values() if (one.scope + "/").startswith(path + "/")]:
        del estate.exemptions[one.id]


def _leave(estate: Estate, resource: Resource, by: Actor, act: str, heard: bool) -> None:
    del estate.resources[resource.id]
    estate.apart.note(estate.now, "gone", resource.group)
    _drop_exemptions(estate, resource.id)
    deed = Deed("resource_deleted", resource.id, estate.now, by, heard)
    if resource.written:
        deed.heard |= estate.records.tell(estate.now, by, "delete", resource.id, correlation=act)
    else:
        deed.by = None  # in another cloud
    estate.touch(estate.pairs_of(resource), deed)


def weight_changed(estate: Estate) -> bool:
    """Resources come or go that no recommendation looks at: the weight of the subscription in the tenant changes."""
    account = estate.dice.choice(estate.scored())
    account.unwatched = max(0, account.unwatched + estate.dice.choice((-3, -2, -1, 1, 2, 3, 4)))
    return True


def connector_added(estate: Estate) -> bool:
    """Another cloud is connected, with what is in it."""
    dice = estate.dice
    account = dice.choice(estate.scored())
    if len(account.connectors) > 1:
        return False
    by, number = dice.choice(estate.cast.people), estate.born + 1
    where = f"{account.path}/resourceGroups/{account.groups[0]}/providers/Microsoft.Security/securityConnectors"
    connector = f"{where}/aws-{number}"
    account.connectors[connector] = Written.new(by, estate.now)
    estate.apart.note(estate.now, "connector", connector)
    deed = Deed("connector_added", connector, estate.now, by, remembered=True)
    deed.heard = estate.records.tell(estate.now, by, "write", connector)
    for _ in range(dice.randint(3, 9)):
        resource = new_resource(estate, account, "aws", connector)
        estate.resources[resource.id] = resource
        estate.arrivals[resource.id] = deed
        estate.touch(estate.pairs_of(resource), deed)
    return True


def connector_removed(estate: Estate) -> bool:
    """Another cloud is disconnected."""
    for account in estate.scored():
        for connector in sorted(account.connectors):
            inside = [one for one in estate.resources.values() if one.id.startswith(connector + "/")]
            if inside and all(estate.settled(one.id) for one in inside):
                by = estate.dice.choice(estate.cast.people)
                del account.connectors[connector]
                deed = Deed("connector_removed", connector, estate.now, by)
                deed.heard = estate.records.tell(estate.now, by, "delete", connector)
                for resource in inside:
                    del estate.resources[resource.id]
                    estate.touch(estate.pairs_of(resource), deed)
                return True
    return False


def plan_enabled(estate: Estate) -> bool:
    """A Defender plan is turned on."""
    return _plan(estate, True)


def plan_disabled(estate: Estate) -> bool:
    """A Defender plan is turned off."""
    return _plan(estate, False)


def _plan(estate: Estate, on: bool) -> bool:
    dice = estate.dice
    choices = [
        (one, word, name)
        for one in estate.scored()
        for word, name in PLANS.items()
        if (one.plans[name] is not None) is not on and any(r.plan == name for r in estate.recommendations.values())
    ]
    dice.shuffle(choices)
    for account, word, name in choices:
        keys = [one.key for one in estate.recommendations.values() if one.plan == name]
        pairs = estate.pairs(account, *keys)
        if disturbed(estate, account):
            continue
        if not all(estate.idle(pair) and calm(estate, pair) for pair in pairs):
            continue
        by = dice.choice(estate.cast.people)
        estate.apart.note(estate.now, "plan", account.id, word)
        account.plans[name] = estate.now if on else None
        deed = Deed("plan_enabled" if on else "plan_disabled", name, estate.now, by)
        deed.heard = estate.records.tell(estate.now, by, "write", account.plan(name))
        estate.touch(pairs, deed)
        return True
    return False


# Whole subscriptions; only where another keeps the tenant's score


def subscription_onboarded(estate: Estate) -> bool:
    """A subscription joins the tenant; its score comes a day later."""
    if len(estate.subscriptions) > 3:
        return False
    account = add_subscription(estate, estate.now)
    estate.score_from(account, Deed("subscription_added", account.id, estate.now, None))
    return True


def subscription_removed(estate: Estate) -> bool:
    """A subscription leaves the tenant, or is disabled for not being paid; no event tells who."""
    account = _spare(estate)
    if account is None:
        return False
    if estate.dice.random() < 0.5:
        account.member = False
    else:
        account.state = "Disabled"
    estate.unscore(account, Deed("subscription_removed", account.id, estate.now, None))
    return True


def foundation_disabled(estate: Estate) -> bool:
    """Somebody turns off the plan that the score comes with."""
    account = _spare(estate)
    if account is None:
        return False
    by = estate.dice.choice(estate.cast.people)
    account.plans[FOUNDATION] = None
    deed = Deed("subscription_removed", account.id, estate.now, by)
    deed.heard = estate.records.tell(estate.now, by, "write", account.plan(FOUNDATION))
    estate.unscore(account, deed)
    back = estate.now + timedelta(hours=estate.dice.uniform(6, 60))
    estate.plan(back, lambda: _foundation_enabled(estate, account))
    return True


def _foundation_enabled(estate: Estate, account: Subscription) -> None:
    by = estate.dice.choice(estate.cast.people)
    account.plans[FOUNDATION] = estate.now
    deed = Deed("subscription_added", account.id, estate.now, by)
    deed.heard = estate.records.tell(estate.now, by, "write", account.plan(FOUNDATION))
    estate.score_from(account, deed)


def _spare(estate: Estate) -> Subscription | None:
    scored = estate.scored()
    calm = [one for one in scored if not estate.apart.lately(estate.now, "flips", one.id)]
    return estate.dice.choice(calm) if calm and len(scored) > 1 else None

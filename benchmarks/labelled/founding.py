"""How an estate begins: calm, with everything assessed and counted."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from benchmarks.labelled.cast import cast, guid
from benchmarks.labelled.estate import Estate
from benchmarks.labelled.land import (
    FOUNDATION,
    NOBODYS,
    PLANS,
    ROOT,
    TYPES,
    Assignment,
    Control,
    Recommendation,
    Resource,
    Subscription,
    Written,
)

WORDS = tuple(TYPES)
_TITLES = (
    "Machines should have vulnerability findings resolved",
    "Secure transfer to storage accounts should be enabled",
    "Audit logs should be kept",
    "Management ports should be closed",
    "Encryption at rest should be enabled",
    "Private endpoints should be used",
    "Public network access should be disabled",
    "TLS should be updated to the latest version",
    "Backup should be enabled",
    "Diagnostic settings should be sent to a workspace",
    "System updates should be installed",
    "Soft delete should be enabled",
    "Managed identities should be used",
    "Network security groups should be assigned",
)
_CONTROLS = (
    ("Remediate vulnerabilities", 6),
    ("Encrypt data in transit", 4),
    ("Enable auditing and logging", 1),
    ("Secure management ports", 8),
    ("Enable encryption at rest", 4),
    ("Restrict unauthorized network access", 4),
    ("Apply system updates", 6),
    ("Enable MFA", 10),
)


def found(seed: int, dice: Random, start: datetime) -> Estate:
    """An estate that is calm at its start: every mark is weeks old, and the counts show them all."""
    estate = Estate(dice, start, guid(dice), cast(dice))
    estate.mitigated_counts = dice.random() < 0.5
    for title, maximum in dice.sample(_CONTROLS, dice.randint(4, 8)):
        name = guid(dice)
        estate.controls[name] = Control(name, title, maximum, [])
    for place in range(dice.randint(8, 14)):
        _recommend(estate, place, start)
    for control in estate.controls.values():
        if not control.listed:
            control.listed.append(dice.choice(sorted(estate.recommendations)))
    by, long_ago = dice.choice(estate.cast.people), start - timedelta(days=200)
    if dice.random() < 0.4:
        scope = f"/providers/Microsoft.Management/managementGroups/{ROOT}"
        assignment = f"{scope}/providers/Microsoft.Authorization/policyAssignments/mcsb"
        estate.shared[assignment] = Assignment(assignment, scope, Written.new(by, long_ago))
    for _ in range(1 if seed % 5 == 0 else dice.choice((2, 2, 3))):
        account = add_subscription(estate, start)
        account.first_run = start
        _age(estate, account, start)
        estate.count(account)
    return estate


def _recommend(estate: Estate, place: int, start: datetime) -> None:
    dice = estate.dice
    words: tuple[str, ...] = tuple(sorted(dice.sample(("vm", "sql", "st", "kv", "web", "vnet", "subnet"), 3)))
    one = new_recommendation(estate, _TITLES[place % len(_TITLES)], words, start - timedelta(days=400))
    if place < 2:
        one.words, one.agent = ("vm",), True
    elif place < 4:
        word = dice.choice(sorted(PLANS))
        one.words, one.plan = (word,), PLANS[word]
    elif place == 4:
        one.words = ("sub",)
    elif place == 5:
        one.words = ("vm", "st", "kv", "sql", "web", "aws")
    one.preview = place == 7 or (place > 8 and dice.random() < 0.2)
    if one.preview:
        one.general = None
    if dice.random() < 0.15:
        one.deprecated = f"{start + timedelta(days=20):%m/%Y}"
    listed = sorted(estate.controls)
    for name in dice.sample(listed, 2 if place % 5 == 0 else 1):
        estate.controls[name].listed.append(one.key)


def new_recommendation(estate: Estate, title: str, words: tuple[str, ...], public: datetime) -> Recommendation:
    """One more recommendation, in no control yet."""
    dice = estate.dice
    key = guid(dice)
    one = Recommendation(key, title, guid(dice), words, dice.randrange(0, 600), newer=dice.random() < 0.4)
    one.public, one.general = public, public
    estate.recommendations[key] = one
    return one


def add_subscription(estate: Estate, since: datetime) -> Subscription:
    """One more subscription with its resources, assessed and not counted."""
    dice, number = estate.dice, len(estate.subscriptions)
    identity = guid(dice)
    groups = [f"rg-app-{place}" for place in range(1, dice.randint(3, 6))]
    tags = {"environment": dice.choice(("prod", "dev")), "owner": f"team-{number}"}
    above = (dice.choice(("mg-corp", "mg-online")), ROOT)
    account = Subscription(identity, f"sub-{number}", tags, above, dice.randrange(480), groups, {})
    estate.subscriptions[identity] = account
    by, long_ago = dice.choice(estate.cast.people), since - timedelta(days=100)
    if not estate.shared:
        scopes = [account.path]
        if dice.random() < 0.3:
            scopes = [f"{account.path}/resourceGroups/{group}" for group in groups]
        for scope in scopes:
            one = f"{scope}/providers/Microsoft.Authorization/policyAssignments/SecurityCenterBuiltIn"
            account.assignments[one] = Assignment(one, scope, Written.new(by, long_ago))
    account.plans = {name: long_ago if dice.random() < 0.5 else None for name in PLANS.values()}
    account.plans[FOUNDATION] = long_ago
    if dice.random() < 0.5:
        where = (
            f"{account.path}/resourceGroups/{groups[0]}/providers/Microsoft.Security/securityConnectors/aws-{number}"
        )
        account.connectors[where] = Written.new(by, long_ago)
    words = [word for word in (*WORDS, *PLANS, *PLANS) if word != "sub" and (word != "aws" or account.connectors)]
    for word in ("sub", *dice.choices(words, k=dice.randint(15, 55))):
        place = dice.choice(sorted(account.connectors)) if word == "aws" else dice.choice(groups)
        resource = new_resource(estate, account, word, place)
        resource.created = resource.changed = since - timedelta(days=dice.uniform(30, 300))
        estate.resources[resource.id] = resource
    estate.touch(estate.pairs(account, *estate.recommendations), NOBODYS)
    midnight = since.replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight + timedelta(minutes=account.phase)
    while first <= since:
        first += timedelta(hours=8)
    estate.count_from(account, first)
    return account


def new_resource(estate: Estate, account: Subscription, word: str, where: str) -> Resource:
    """A resource that is not in the estate yet, with its faults; `where`: group, or connector of a foreign one."""
    dice = estate.dice
    estate.born += 1
    if word == "sub":
        identity = account.path
    elif word == "aws":
        identity = f"{where}/securityentitydata/bucket-{estate.born}"
    else:
        group = f"{account.path}/resourceGroups/{where}"
        inner = f"{TYPES['vnet']}/net/subnets" if word == "subnet" else TYPES[word]
        identity = f"{group}/providers/{inner}/{word}-{estate.born}"
    now = estate.now
    resource = Resource(identity, account.id, word, dice.randrange(1440), now, now, dice.random() < 0.6)
    resource.owner = dice.choice(("", "", "ines", "chen"))
    for key in estate.recommendations:
        if dice.random() < 0.4:
            estate.faults.add((identity, key))
        elif dice.random() < 0.05:
            estate.moot.add((identity, key))
    return resource


def _age(estate: Estate, account: Subscription, start: datetime) -> None:
    """Its marks have been as they are for weeks."""
    for pair, mark in account.marks.items():
        changed = start - timedelta(days=estate.dice.uniform(4, 60))
        first = changed - timedelta(days=estate.dice.uniform(0, 100))
        account.marks[pair] = type(mark)(mark.status, changed, first)

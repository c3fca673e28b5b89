"""Acts on resources that are there: something gets better or worse, stops to apply, or is no longer seen.

An act is told the estate. It returns whether it could be done; where it returns False it has done nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from benchmarks.labelled.apart import calm
from benchmarks.labelled.cast import Actor
from benchmarks.labelled.estate import Estate
from benchmarks.labelled.land import Deed, Pair, Recommendation, Resource, Subscription

UNRELATED = 0.03
"""Part of the remediations with a write on the same resource by somebody else in the hours before the mark changes."""

_CHILDREN = {
    "vm": "/extensions/AzurePolicyforWindows",
    "st": "/blobServices/default",
    "sql": "/auditingSettings/default",
    "web": "/config/web",
}
_ACTIONS = {"vm": "restart", "st": "listKeys", "web": "restart", "sql": "import", "kv": "deploy"}
AGENTS = "/extensions/AzureMonitorLinuxAgent"


def remediation(estate: Estate) -> bool:
    """What a recommendation asks for is done, by whom and however."""
    return _flip(estate, "remediation")


def regression(estate: Estate) -> bool:
    """The opposite."""
    return _flip(estate, "regression")


def applicability_changed(estate: Estate) -> bool:
    """A recommendation stops to apply to resources, or applies again."""
    return _flip(estate, "applicability_changed")


def _flip(estate: Estate, kind: str) -> bool:
    dice = estate.dice
    was = {"remediation": ["Unhealthy"], "regression": ["Healthy"]}.get(kind) or dice.choice(
        (["Healthy", "Unhealthy"], ["NotApplicable"])
    )
    found = _marked(estate, was)
    if found is None:
        return False
    account, recommendation, pairs = found
    by = _somebody(estate, kind)
    if kind != "remediation":
        pairs = [pair for pair in pairs if pair not in estate.governance]
    pairs = [
        pair
        for pair in pairs
        if (was != ["NotApplicable"] and pair not in estate.governance) or calm(estate, pair)  # else it would come
    ]
    resources = [estate.resources[resource] for resource, _ in pairs]
    if by is not None:
        resources = [one for one in resources if one.written]
    resources = [one for one in resources if estate.quiet(one)]
    if not resources:
        return False
    most = 8 if by in estate.cast.pipelines + estate.cast.identities else 3
    chosen = sorted(dice.sample(resources, min(dice.randint(1, most), len(resources))), key=lambda one: one.id)
    act = estate.records.correlation()
    done: list[tuple[Resource, Pair, Deed]] = []
    for resource in chosen:
        pair = resource.id, recommendation.key
        deed = Deed(kind, recommendation.key, estate.now, by, written=resource.written)
        estate.apart.note(estate.now, "flipped", recommendation.key)
        _change(estate, pair, kind)
        unrelated = kind == "remediation" and resource.written and dice.random() < UNRELATED
        unrelated &= by is not None or estate.ragged  # else the one record there is would be of somebody else
        if by is not None:
            child = _CHILDREN.get(resource.word, "") if dice.random() < 0.25 else ""
            deed.heard = estate.write(resource, by, child, sure=unrelated, act=act)
        estate.touch([pair], deed)
        if unrelated:
            _write_beside(estate, resource, pair, deed)
        done.append((resource, pair, deed))
    for one in done:
        _distract(estate, account, *one)
    return True


def _marked(estate: Estate, statuses: Sequence[str]) -> tuple[Subscription, Recommendation, list[Pair]] | None:
    """The free marks of one recommendation with a status, in a subscription with a score."""
    dice = estate.dice
    account = dice.choice(estate.scored())
    counted = {key for control in estate.controls.values() for key in control.listed}
    wanted = [
        pair
        for pair, mark in sorted(account.marks.items())
        if mark.status in statuses
        and pair[0] in estate.resources
        and (pair[1] in counted or dice.random() < 0.1)
        and estate.loose(pair)
    ]
    if not wanted:
        return None
    key = dice.choice(wanted)[1]
    return account, estate.recommendations[key], [pair for pair in wanted if pair[1] == key]


def _somebody(estate: Estate, kind: str) -> Actor | None:
    """Who does it; nobody, where it happens in the guest, on the data plane, in another cloud."""
    dice, cast = estate.dice, estate.cast
    lot = dice.random()
    if lot < (0.25 if kind == "remediation" else 0.4):
        return None
    if kind == "remediation" and lot < 0.4:
        return dice.choice(cast.identities)
    return dice.choice(cast.pipelines if lot < 0.6 else cast.people)


def _change(estate: Estate, pair: Pair, kind: str) -> None:
    if kind == "remediation":
        estate.faults.discard(pair)
    elif kind == "regression":
        estate.faults.add(pair)
    elif pair in estate.moot:
        estate.moot.discard(pair)
    else:
        estate.moot.add(pair)


def _other(estate: Estate, by: Actor | None) -> Actor:
    return estate.dice.choice([one for one in estate.cast.everybody if one is not by])


def _write_beside(estate: Estate, resource: Resource, pair: Pair, deed: Deed) -> None:
    """Somebody else writes the same resource for another reason before its mark changes: nobody can tell who it was."""
    other, due = _other(estate, deed.by), estate.due.get(pair)
    if due is not None:
        deed.ambiguous = True
        at = estate.now + (due - estate.now) * estate.dice.uniform(0.05, 0.95)
        estate.plan(at, lambda: estate.write(resource, other, sure=True))


def _distract(estate: Estate, account: Subscription, resource: Resource, pair: Pair, deed: Deed) -> None:
    """What else is written around an act, and has nothing to do with it."""
    dice, tell = estate.dice, estate.records.tell
    if not resource.written:
        return
    if dice.random() < 0.1:  # tried and failed
        tell(estate.now - timedelta(minutes=dice.randint(1, 50)), _other(estate, deed.by), "write", resource.id,
             outcome="Failure")  # fmt: skip
    if dice.random() < 0.1 and resource.word in _ACTIONS:
        provider = resource.id.rpartition("/providers/")[2].split("/")
        operation = f"{provider[0]}/{provider[1]}/{_ACTIONS[resource.word]}/action"
        tell(estate.now, _other(estate, deed.by), "action", resource.id, operation=operation)
    if dice.random() < 0.1:  # a resource of the same name in a subscription that is nobody's here
        foreign = resource.id.replace(account.id, account.id[:-2] + ("0f" if account.id[-2:] != "0f" else "0e"))
        tell(estate.now, _other(estate, deed.by), "write", foreign)
    if dice.random() < 0.12:
        _write_neighbour(estate, resource, deed)
    if dice.random() < 0.12:
        estate.plan(estate.now + timedelta(minutes=30), lambda: _write_after(estate, resource, pair, deed))


def _write_neighbour(estate: Estate, resource: Resource, deed: Deed) -> None:
    """Somebody else writes a resource whose name is nearly the same."""
    other = _other(estate, deed.by)
    alike = [
        one
        for one in estate.resources.values()
        if one.group == resource.group and one.word == resource.word and one is not resource
        and estate.quiet(one) and estate.settled(one.id)
    ]  # fmt: skip
    if alike:
        closest = min(alike, key=lambda one: (not one.id.startswith(resource.id), one.id))
        estate.write(closest, other)


def _write_after(estate: Estate, resource: Resource, pair: Pair, deed: Deed) -> None:
    """Somebody else writes the same resource once its mark has changed, and not in the same minutes."""
    mark = estate.subscriptions[resource.subscription].marks.get(pair)
    if pair in estate.due or (mark is not None and estate.now - mark.changed < timedelta(minutes=10)):
        estate.plan(estate.now + timedelta(minutes=45), lambda: _write_after(estate, resource, pair, deed))
        return
    known = [estate.deeds.get(place) for place in estate.pairs_of(resource)]
    if resource.id in estate.resources and all(one is None or one is deed for one in known):
        estate.write(resource, _other(estate, deed.by))


# What feeds the assessments


def data_source_gained(estate: Estate) -> bool:
    """Agents are installed on machines."""
    return _agents(estate, True)


def data_source_lost(estate: Estate) -> bool:
    """Agents are removed from machines, or fall silent."""
    return _agents(estate, False)


def _agents(estate: Estate, gained: bool) -> bool:
    dice = estate.dice
    account, keys = dice.choice(estate.scored()), [r.key for r in estate.recommendations.values() if r.agent]
    by = dice.choice((None, *estate.cast.people, *estate.cast.pipelines)) if dice.random() < 0.5 else None
    machines = [
        one
        for one in estate.resources.values()
        if one.subscription == account.id and one.word == "vm" and one.agent is not gained
        and all(estate.loose((one.id, key)) and calm(estate, (one.id, key)) for key in keys) and estate.quiet(one)
    ]  # fmt: skip
    if not machines or not keys:
        return False
    estate.apart.note(estate.now, "agents", account.id)
    kind = "data_source_gained" if gained else "data_source_lost"
    for machine in sorted(dice.sample(machines, min(dice.randint(1, 4), len(machines))), key=lambda one: one.id):
        machine.agent = gained
        deed = Deed(kind, machine.id, estate.now, by, written=True)
        if by is not None:
            deed.heard = estate.write(machine, by, AGENTS, verb="write" if gained else "delete")
        estate.touch([(machine.id, key) for key in keys], deed)
    return True

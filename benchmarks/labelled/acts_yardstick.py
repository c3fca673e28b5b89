"""What Microsoft changes of the yardstick: recommendations, controls, the benchmark."""

from __future__ import annotations

from benchmarks.labelled.apart import assessed, running_out, young
from benchmarks.labelled.cast import PLATFORM
from benchmarks.labelled.estate import COMING, Estate
from benchmarks.labelled.founding import new_recommendation
from benchmarks.labelled.land import Deed, Pair, Recommendation

LEAST = 5
"""Recommendations that count and are left."""


def _everywhere(estate: Estate, *keys: str) -> list[Pair]:
    return [pair for account in estate.subscriptions.values() for pair in estate.pairs(account, *keys)]


def _deed(estate: Estate, kind: str, key: str) -> Deed:
    estate.apart.note(estate.now, "check", key)
    return Deed(kind, key, estate.now, PLATFORM, remembered=True)


def _listed(estate: Estate, *, preview: bool = False) -> list[Recommendation]:
    """The recommendations that controls list, of which no mark is under way."""
    keys = sorted({key for control in estate.controls.values() for key in control.listed})
    found = [estate.recommendations[key] for key in keys if estate.recommendations[key].preview is preview]
    return [
        one
        for one in found
        if one.exists and not running_out(estate, one.key) and not estate.apart.lately(estate.now, "check", one.key)
        and all(estate.idle(pair, *COMING) and _apart(estate, pair) for pair in _everywhere(estate, one.key))
    ]  # fmt: skip


def _apart(estate: Estate, pair: Pair) -> bool:
    """Whether a mark that comes would not be told to come with its resource."""
    return not (assessed(estate, pair) and young(estate, pair[0]))


def recommendation_added(estate: Estate) -> bool:
    """A recommendation is published and counts at once."""
    dice = estate.dice
    if len(estate.recommendations) > 22:
        return False
    words = tuple(sorted(dice.sample(("vm", "sql", "st", "kv", "web", "vnet"), dice.randint(1, 3))))
    fresh = any(one.word in words and young(estate, one.id) for one in estate.resources.values())
    if fresh or any(one.seen is not None and not one.begun for one in estate.subscriptions.values()):
        return False
    one = new_recommendation(estate, f"New finding {len(estate.recommendations)} should be resolved", words, estate.now)
    for resource in estate.resources:
        if dice.random() < 0.5:
            estate.faults.add((resource, one.key))
    estate.controls[dice.choice(sorted(estate.controls))].listed.append(one.key)
    estate.version += dice.random() < 0.7
    estate.touch(_everywhere(estate, one.key), _deed(estate, "recommendation_added", one.key))
    return True


def recommendation_left_preview(estate: Estate) -> bool:
    """A preview becomes generally available."""
    found = _listed(estate, preview=True)
    if not found:
        return False
    one = estate.dice.choice(found)
    one.preview, one.general = False, estate.now
    deed = _deed(estate, "recommendation_left_preview", one.key)
    estate.touch(_everywhere(estate, one.key), deed, defined=True)
    return True


def recommendation_retired(estate: Estate) -> bool:
    """A recommendation goes: its definition, its place in the controls, or back into preview."""
    dice, found = estate.dice, _listed(estate)
    if len(found) < LEAST + 1:
        return False
    one, way = dice.choice(found), dice.random()
    pairs = _everywhere(estate, one.key)
    if way < 0.2:
        one.preview, one.general = True, None
    else:
        one.exists = way < 0.4
        for control in estate.controls.values():
            if one.key in control.listed:
                control.listed.remove(one.key)
    estate.touch(pairs, _deed(estate, "recommendation_retired", one.key), defined=True)
    return True


def recommendation_moved(estate: Estate) -> bool:
    """A recommendation goes from one control to another."""
    dice, found = estate.dice, _listed(estate)
    single = [one for one in found if sum(one.key in control.listed for control in estate.controls.values()) == 1]
    if not single:
        return False
    one = dice.choice(single)
    old = next(control for control in estate.controls.values() if one.key in control.listed)
    old.listed.remove(one.key)
    estate.controls[dice.choice(sorted(name for name in estate.controls if name != old.name))].listed.append(one.key)
    estate.touch(_everywhere(estate, one.key), _deed(estate, "recommendation_moved", one.key), defined=True)
    return True


def recommendation_replaced(estate: Estate) -> bool:
    """A recommendation goes and comes again under a new key, with the same name, policy and place."""
    dice, found = estate.dice, _listed(estate)
    if not found:
        return False
    old = dice.choice(found)
    new = new_recommendation(estate, old.title, old.words, estate.now)
    new.policy, new.plan, new.agent, new.newer = old.policy, old.plan, old.agent, dice.random() < 0.8
    new.edition = old.edition + dice.randint(0, 1)
    for resource in estate.resources:
        fault = (resource, old.key) in estate.faults
        if fault is not (dice.random() < 0.1):
            estate.faults.add((resource, new.key))
        if (resource, old.key) in estate.moot:
            estate.moot.add((resource, new.key))
    old.exists = False
    for control in estate.controls.values():
        control.listed = [new.key if key == old.key else key for key in control.listed]
    for account in estate.subscriptions.values():
        for assignment in estate.assignments(account).values():
            if old.key in assignment.off:
                assignment.off.remove(old.key)
                assignment.off.add(new.key)
    for exemption in estate.exemptions.values():
        if exemption.recommendation == old.key and exemption.assignment is not None:
            exemption.recommendation = new.key  # it names the policy
    estate.apart.note(estate.now, "check", old.key)
    deed = _deed(estate, "recommendation_replaced", new.key)
    estate.touch(_everywhere(estate, old.key), deed, defined=True)
    estate.touch(_everywhere(estate, new.key), deed)
    return True


def control_reweighted(estate: Estate) -> bool:
    """A control is worth more or fewer points."""
    control = estate.controls[estate.dice.choice(sorted(estate.controls))]
    known = [one for one in estate.scored() if control.name in one.reweighted]
    if known:
        return False
    control.maximum += estate.dice.choice([more for more in (-3, -2, -1, 1, 2, 3, 4) if control.maximum + more > 0])
    for account in estate.scored():
        account.reweighted[control.name] = _deed(estate, "control_reweighted", control.name)
    return True


def benchmark_published(estate: Estate) -> bool:
    """A version of the benchmark in which nothing changes that is assessed here."""
    estate.version += 1
    return True

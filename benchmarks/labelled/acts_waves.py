"""Acts that flip many marks of a recommendation alike: Microsoft assesses otherwise, or it looks so."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from benchmarks.labelled.apart import calm
from benchmarks.labelled.cast import PLATFORM
from benchmarks.labelled.estate import CLOSE, Estate
from benchmarks.labelled.founding import WORDS
from benchmarks.labelled.land import Deed, Pair


def recommendation_reevaluated(estate: Estate) -> bool:
    """The platform assesses otherwise: marks on many resources in several subscriptions flip the same way in hours."""
    dice, was = estate.dice, estate.dice.choice(("Healthy", "Unhealthy"))
    record = dice.choice(("none", "none", "description", "description", "version"))
    own, told = record == "description", record != "none"
    found = _alike(estate, was, {*WORDS} if own else THROUGH_ARM, 0.6 if told else 0.85)
    if not found:
        return False
    key, at = dice.choice(found)
    _rest(estate, key, at)
    if own:
        estate.recommendations[key].edition += 1
    elif told:
        estate.version += 1
    for account in at:
        deed = Deed("recommendation_reevaluated", key, estate.now, PLATFORM, remembered=told, written=True)
        for pair in at[account]:
            (estate.faults.add if was == "Healthy" else estate.faults.discard)(pair)
        estate.touch(at[account], deed, timedelta(hours=4))
    return True


THROUGH_ARM = {"sql", "st", "web", "vnet", "subnet"}
"""What is changed through Azure Resource Manager only. That nothing was written to one of them says something; of a
machine it says nothing, and without a record of Microsoft's own nobody could tell a night of patching from it."""


def patch_night(estate: Estate) -> bool:
    """Machines in several subscriptions are patched from within: it looks as if the platform assessed otherwise."""
    found = _alike(estate, "Unhealthy", {"vm"}, 0)
    if not found:
        return False
    key, at = estate.dice.choice(found)
    _rest(estate, key, at)
    for account in at:
        deed = Deed("remediation", key, estate.now, None, written=True)
        estate.faults.difference_update(at[account])
        estate.touch(at[account], deed, timedelta(hours=5))
    return True


def _rest(estate: Estate, key: str, accounts: Iterable[str]) -> None:
    """Many flips of a recommendation are under way: others keep off it, and off what would make them look written."""
    estate.apart.note(estate.now, "check flips", key)
    for account in accounts:
        estate.apart.note(estate.now, "flips", account)


def _alike(estate: Estate, was: str, words: set[str], least: float) -> list[tuple[str, dict[str, list[Pair]]]]:
    """Recommendations with twelve marks or more that are alike, in two subscriptions, that nobody is at work on.

    `words`: on such resources. `least`: what part of all marks that are alike these must be at least.
    """
    found: list[tuple[str, dict[str, list[Pair]]]] = []
    for key in sorted({key for control in estate.controls.values() for key in control.listed}):
        if estate.recommendations[key].preview or estate.apart.lately(estate.now, "check", key):
            continue
        if estate.apart.lately(estate.now, "flipped", key, within=CLOSE) or estate.apart.lately(
            estate.now, "check flips", key
        ):
            continue
        alike = {
            one.id: [pair for pair in estate.pairs(one, key) if (mark := one.marks.get(pair)) and mark.status == was]
            for one in estate.scored()
        }
        at = {
            account: [
                pair
                for pair in pairs
                if (resource := estate.resources.get(pair[0])) and resource.word in words
                and estate.free(pair) and estate.quiet(resource)
                and calm(estate, pair) and pair not in estate.governance
            ]
            for account, pairs in alike.items()
        }  # fmt: skip
        at = {account: pairs for account, pairs in at.items() if len(pairs) >= 3}
        busy = sum(not estate.free(pair) for one in estate.scored() for pair in estate.pairs(one, key))
        some = sum(map(len, at.values())) if busy <= 1 else 0
        if len(at) >= 2 and some >= 12 and some >= least * sum(map(len, alike.values())):
            found.append((key, at))
    return found

"""Acts on governance: somebody gives the owner of a finding time, which runs out, or is taken back."""

from __future__ import annotations

from datetime import datetime, timedelta

from benchmarks.labelled.apart import calm, running_out, under_way
from benchmarks.labelled.cast import PLATFORM, guid
from benchmarks.labelled.estate import Estate
from benchmarks.labelled.land import Deed, Governance, Pair


def grace_period_started(estate: Estate) -> bool:
    """Somebody gives the owners of a few findings time until a date."""
    dice = estate.dice
    account = dice.choice(estate.scored())
    found = [
        pair
        for pair, mark in sorted(account.marks.items())
        if mark.status == "Unhealthy" and pair[0] in estate.resources and estate.loose(pair)
        and pair not in estate.governance
    ]  # fmt: skip
    if not found:
        return False
    key = dice.choice(found)[1]
    pairs = [pair for pair in found if pair[1] == key]
    if under_way(estate, account, "grace_period_started", key):
        return False
    by, due = dice.choice(estate.cast.people), estate.now + timedelta(hours=dice.uniform(90, 160))
    for pair in sorted(dice.sample(pairs, min(dice.randint(1, 4), len(pairs)))):
        above = f"{pair[0]}/providers/Microsoft.Security/assessments/{key}"
        one = Governance(f"{above}/governanceAssignments/{guid(dice)}", _owner(estate), due, dice.random() < 0.85)
        estate.governance[pair] = one
        heard = estate.records.tell(estate.now, by, "write", one.id)
        if one.grace:
            estate.touch([pair], Deed("grace_period_started", key, estate.now, by, heard), defined=True)
            estate.plan(due, lambda pair=pair, due=due: _run_out(estate, pair, due))  # type: ignore[misc]
    return True


def _owner(estate: Estate) -> str:
    return estate.dice.choice(estate.cast.people).address


def _run_out(estate: Estate, pair: Pair, due: datetime) -> None:
    one = estate.governance.get(pair)
    if one is not None and one.due == due and pair[0] in estate.resources:
        deed = Deed("grace_period_ended", pair[1], estate.now, PLATFORM, remembered=True, dated=True)
        estate.touch([pair], deed, defined=True)


def grace_period_ended(estate: Estate) -> bool:
    """Somebody takes the time back."""
    found = [
        pair for pair, one in sorted(estate.governance.items())
        if one.grace and one.due > estate.now and pair[0] in estate.resources
        and estate.free(pair) and calm(estate, pair)
    ]  # fmt: skip
    if not found:
        return False
    pair, by = estate.dice.choice(found), estate.dice.choice(estate.cast.people)
    account = estate.subscriptions[pair[0].split("/")[2]]
    if under_way(estate, account, "grace_period_ended", pair[1]) or running_out(estate, pair[1]):
        return False  # nothing dates these: who ended which could not be told
    one = estate.governance.pop(pair)
    deed = Deed("grace_period_ended", pair[1], estate.now, by)
    deed.heard = estate.records.tell(estate.now, by, "delete", one.id)
    estate.touch([pair], deed, defined=True)
    return True

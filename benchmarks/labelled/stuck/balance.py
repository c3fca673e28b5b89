"""Stories of work that counts, and of what counts against it; and of work that is too little to see, or the last."""

from __future__ import annotations

from math import ceil

from benchmarks.labelled.cast import PLATFORM
from benchmarks.labelled.estate import Estate
from benchmarks.labelled.founding import add_subscription, new_recommendation, new_resource
from benchmarks.labelled.land import Deed, Recommendation
from benchmarks.labelled.stuck.stage import HOUR, WORDS, Stage, UnfitError, percent
from benchmarks.labelled.stuck.told import Told

SHOWN = 0.005
"""Half of the last place that a page shows, in pp."""


def _work(stage: Stage) -> Recommendation:
    """All that is unhealthy by a recommendation is fixed, and counted."""
    one = stage.recommendation()
    stage.fix(one, stage.take(one, stage.dice.randint(2, 6)), stage.early())
    return one


def _no_rise(stage: Stage) -> bool:
    return stage.moved() <= SHOWN


def cancelled_out(stage: Stage) -> Told:
    """As much gets worse as gets better."""
    one, count = stage.recommendation(), stage.dice.randint(1, 5)
    two = one if stage.dice.random() < 0.5 else stage.partner(one)
    stage.fix(one, stage.take(one, count), stage.early())
    stage.fix(two, stage.take(two, count, healthy=True), stage.early(), undo=True)
    return Told(
        "the same recommendation" if one is two else "another one",
        ("cancelled_out",),
        also=("partially_fixed",),
        true=lambda: abs(stage.moved()) < SHOWN,
    )


def rounding(stage: Stage) -> Told:
    """One of very many resources is fixed."""
    one, estate = stage.recommendation(), stage.estate
    small = min(estate.controls.values(), key=lambda control: (control.maximum, control.name))
    small.maximum = 1
    for control in estate.controls.values():
        if one.key in control.listed:
            control.listed.remove(one.key)
    small.listed.append(one.key)
    count = ceil(100 / SHOWN / sum(control.maximum for control in estate.controls.values()))
    stage.take(one, ceil(count * stage.dice.uniform(1.2, 1.6)), healthy=True, word="st")
    (made,) = stage.take(one, 1, word="st")
    stage.fix(one, [made], stage.early())

    def true() -> bool:
        before, after = (stage.score(look) or 0.0 for look in (0, -1))
        return before < after and round(before, 2) == round(after, 2)

    return Told("one of very many", ("rounding",), one.key, made.id, true=true)


def yardstick_changed(stage: Stage) -> Told:
    """Microsoft asks for more while things are fixed."""
    _work(stage)
    added = stage.dice.random() < 0.6
    stage.at(stage.early(), lambda: _ask_more(stage) if added else _weigh(stage.estate))
    return Told("one more" if added else "other points", ("yardstick_changed",), true=lambda: _no_rise(stage))


def _ask_more(stage: Stage) -> None:
    estate = stage.estate
    words = tuple(sorted(estate.dice.sample(("vm", "sql", "st", "kv", "web", "vnet"), 3)))
    one = new_recommendation(estate, "A new threat should be met", words, estate.now)
    estate.faults |= {(resource, one.key) for resource in estate.resources if estate.dice.random() < 0.8}
    others = [name for name, control in estate.controls.items() if stage.own.isdisjoint(control.listed)]
    if not others:
        raise UnfitError
    estate.controls[estate.dice.choice(sorted(others))].listed.append(one.key)
    estate.version += 1
    deed = Deed("recommendation_added", one.key, estate.now, PLATFORM, remembered=True)
    pairs = [pair for account in estate.subscriptions.values() for pair in estate.pairs(account, one.key)]
    estate.touch(pairs, deed, 2 * HOUR)


def _weigh(estate: Estate) -> None:
    """The control that does worst is worth more."""
    counts = [account.counts.controls for account in estate.subscriptions.values() if account.counts is not None]

    def rate(name: str) -> float:
        own = [controls[name] for controls in counts if controls[name].counted]
        return sum(one.healthy for one in own) / sum(one.counted for one in own) if own else 1.0

    name = min(sorted(estate.controls), key=rate)
    estate.controls[name].maximum += estate.dice.randint(3, 6)
    for account in estate.scored():
        account.reweighted[name] = Deed("control_reweighted", name, estate.now, PLATFORM, remembered=True)


def estate_grew(stage: Stage) -> Told:
    """New resources come, and are unhealthy, while others are fixed."""
    _work(stage)
    stage.at(stage.early(), lambda: _grow(stage))
    return Told("new resources", ("estate_grew",), true=lambda: _no_rise(stage))


def _grow(stage: Stage) -> None:
    estate, dice, by = stage.estate, stage.dice, stage.someone()
    for _ in range(dice.randint(4, 14)):
        resource = new_resource(estate, stage.home, dice.choice(WORDS), dice.choice(stage.home.groups))
        resource.agent = True
        estate.resources[resource.id] = resource
        estate.faults |= {(resource.id, key) for key in estate.recommendations if dice.random() < 0.9}
        estate.faults -= {(resource.id, key) for key in stage.own}
        deed = Deed("resource_added", resource.id, estate.now, by)
        estate.arrivals[resource.id] = deed
        deed.heard = estate.write(resource, by)
        estate.touch(estate.pairs_of(resource), deed, HOUR)


def subscription_onboarded(stage: Stage) -> Told:
    """A subscription that does worse joins the tenant while another is worked on."""
    _work(stage)
    estate = stage.estate
    account = add_subscription(estate, stage.begin)
    stage.accounts.append(account)
    stage.clear(account)
    own = [one.id for one in estate.resources.values() if one.subscription == account.id]
    estate.faults |= {(one, key) for one in own for key in estate.recommendations if stage.dice.random() < 0.7}
    account.first_run = stage.begin + (stage.ran - 9 * HOUR - stage.begin) * stage.dice.uniform(0.05, 1)
    account.scoring = Deed("subscription_added", account.id, stage.begin, None)

    def true() -> bool:
        return stage.looks[-1][account.id] is not None and _no_rise(stage)

    return Told("it does worse", ("subscription_onboarded",), true=true)


def ceiling(stage: Stage) -> Told:
    """Everything that counts is healthy: for weeks, or since it was fixed. Comes after all other stories."""
    estate, dice = stage.estate, stage.dice
    lately = dice.random() < 0.5
    if lately:
        _work(stage)
    accounts = stage.accounts if stage.level == "all" else [stage.home]
    within = {account.id for account in accounts}
    estate.faults -= {
        pair
        for pair in estate.faults
        if pair[1] not in stage.own and pair[0].split("/")[2] in within
    }  # fmt: skip

    def true() -> bool:
        shown = [stage.looks[-1][account.id] for account in accounts]
        return all(one is not None and percent(one) > 100 - SHOWN for one in shown)

    return Told("since a look" if lately else "for weeks", ("ceiling",), also=("not_scoring",), true=true)

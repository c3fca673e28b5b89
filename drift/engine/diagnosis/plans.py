"""Reasons that lie in Defender plans: what one that is off does not assess, and that there is no score without one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from drift import ids
from drift.engine import wording
from drift.engine.diagnosis import stakes
from drift.engine.diagnosis.case import Answer, Case, Reason, Undecided
from drift.kinds import Kind
from drift.model import Longs, Plan

FILE = stakes.FILES["plans"]

_WORDS: Mapping[str, tuple[str, ...]] = {
    "virtualmachines": ("machine", "endpoint protection"),
    "sqlservers": ("sql",),
    "sqlservervirtualmachines": ("sql server on", "sql servers on"),
    "storageaccounts": ("storage account",),
    "appservices": ("app service", "web app", "function app"),
    "keyvaults": ("key vault",),
    "containers": ("container", "kubernetes", "registry"),
    "opensourcerelationaldatabases": ("postgresql", "mysql", "mariadb"),
    "cosmosdbs": ("cosmos",),
    "api": ("api management",),
    "ai": ("azure ai", "machine learning", "cognitive"),
    "arm": ("resource manager",),
    "dns": ("dns",),
}
"""Words in the title of a recommendation that tell which plan it comes with: its metadata does not."""


def plan_off(case: Case) -> Answer:
    """Resources whose Defender plan is off: what comes with it assesses none of them."""
    if case.context.plans is None:
        return Undecided("plan_off", FILE)
    asked = case.asked.recommendation is not None
    place = stakes.asked_recommendation(case)
    off = {name.lower(): plan for name, plan in case.context.plans.items() if not plan.on}
    there = _by_plan(case, off)
    if place is not None:
        there = {plan: places for plan, places in there.items() if plan not in _assessed(case, place)}
    if not there or (asked and (place is None or len(case.rows))):
        return None  # a recommendation that marks resources comes from somewhere
    if not asked and case.asked.resource is not None and len(case.unhealthy()):
        return None  # what is unhealthy there explains more
    went = {plan for plan in there if _took_marks(case, plan)}
    weight = stakes.lost(case, Kind.PLAN_DISABLED) if went else 0.0
    if asked and place is not None:
        title = stakes.recommendation(case, place).lower()
        likely = went or {plan for plan in there if any(word in title for word in _WORDS.get(plan, ()))}
        if case.asked.resource is not None:
            likely = set(there)
        there = {plan: there[plan] for plan in likely} or there
        weight = max(weight, *(stakes.unseen(case, [place], there[plan]) for plan in likely), 0.0)
    return _off(case, off, there, went, weight)


def _off(case: Case, off: Mapping[str, Plan], there: Mapping[str, Longs], went: set[str], weight: float) -> Reason:
    plans = sorted(there, key=lambda name: (name not in went, -len(there[name]), name))[: stakes.FEW]
    places = np.unique(np.concatenate([there[name] for name in there])).tolist()
    names = {name: wording.clean(off[name].name) for name in plans}
    evidence = [
        f"{FILE}: {names[name]} is Free, with {wording.count(len(there[name]), 'resource')} of its types"
        for name in plans
    ]
    evidence += [f"marks went when {names[name]} was switched off" for name in plans if name in went]
    if stakes.asks_one(case) and not went:
        evidence.append("which plan a recommendation comes with is not in its metadata: taken from what has no marks")
    which = ", ".join(names[name] for name in plans)
    return Reason(
        reason="plan_off",
        confidence="confirmed" if went else "inferred",
        title=f"Defender {'plan' if len(plans) == 1 else 'plans'} {which} off: what comes with "
        f"{'it' if len(plans) == 1 else 'them'} assesses none of {stakes.resources(case, places)}",
        weight=weight,
        evidence=tuple(evidence),
        action="Switch the plan on if you want what it finds, which costs money; until then nothing of it counts.",
        confirm=f"az security pricing show --name {stakes.shell(names[plans[0]])} {stakes.subscription(case)}",
        resources=stakes.named(case, places),
        count=len(places),
    )


def _by_plan(case: Case, off: Mapping[str, Plan]) -> dict[str, Longs]:
    """The resources that the question may be about, by which of the plans that are off would assess them."""
    found: dict[str, list[int]] = {}
    for place in stakes.about(case).tolist():
        plan = ids.plan_of(case.snapshot.resources[place])
        if plan is not None and plan in off:
            found.setdefault(plan, []).append(place)
    return {plan: np.array(places, np.int64) for plan, places in found.items()}


def _assessed(case: Case, recommendation: int) -> set[str | None]:
    """The plans of the resources that have marks of a recommendation: it does not come with these."""
    marks = case.snapshot.marks
    places = np.unique(marks.resource[marks.recommendation == recommendation]).tolist()
    return {ids.plan_of(case.snapshot.resources[place]) for place in places}


def _took_marks(case: Case, plan: str) -> bool:
    """Whether marks of what is asked about went when a plan was switched off, since the time asked about."""
    for delta in case.deltas:
        for change in delta.changes:
            if change.cause.kind is Kind.PLAN_DISABLED and change.cause.subject.lower() == plan:
                own = case.asked.resource
                if own is None or own in {one.lower() for one in change.resources}:
                    return True
    return False


def foundational_cspm_off(case: Case) -> Answer:
    """The free plan without which there is no score is off."""
    if case.context.plans is None:
        return Undecided("foundational_cspm_off", FILE) if case.snapshot.unscored is not None else None
    plan = next((one for name, one in case.context.plans.items() if name.lower() == ids.FOUNDATION), None)
    if plan is None or plan.on:
        return None
    last = next((delta.before.score for delta in reversed(case.deltas) if delta.before.score is not None), None)
    return Reason(
        reason="foundational_cspm_off",
        confidence="confirmed",
        title="Foundational CSPM is off: the subscription has no secure score",
        weight=0.0 if last is None else 100 * last,
        evidence=(f"{FILE}: {wording.clean(plan.name)} is Free",),
        action="Switch Foundational CSPM on: it is free. A first score can take 48 hours.",
        confirm=f"az security pricing show --name FoundationalCspm {stakes.subscription(case)}",
    )

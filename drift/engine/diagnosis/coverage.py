"""Reasons that lie in what is assessed at all: plans, agents, connectors, and the assignment of the benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from drift import ids
from drift.engine import wording
from drift.engine.auditing.silent import FEWEST as PAIR
from drift.engine.auditing.silent import silent
from drift.engine.diagnosis import stakes
from drift.engine.diagnosis.assigned import benchmark_unassigned, covered, policy_disabled
from drift.engine.diagnosis.case import Answer, Case, Reason, Undecided
from drift.engine.diagnosis.machines import FEWEST, NEARLY_ALL, Unassessed, machines, unassessed
from drift.engine.diagnosis.plans import foundational_cspm_off, plan_off
from drift.kinds import Kind
from drift.model import Flags, Health, Status

_ARC = "microsoft.hybridcompute/machines"

_INSTANCES = ("ec2-instance", "ec2instance", "compute-instance", "computeinstance", "vm-instance")
"""What is in the name of a machine of another cloud under a security connector."""


def not_assessed(case: Case) -> Answer:
    """Machines that lack marks which the others of their kind have."""
    if case.context.inventory is None:
        return Undecided("not_assessed", stakes.FILES["inventory"])
    found = _lacking(case)
    if not found:
        return None
    places = np.array([one.resource for one in found], np.int64)
    missing = sorted({place for one in found for place in one.missing})
    blank = sum(one.blank for one in found)
    expected = stakes.unseen(case, missing, places)
    evidence = [
        f"{stakes.resources(case, [one.resource])}: no mark of {_titles(case, one.missing)}, which at least "
        f"{one.others:,} others of its kind have"
        for one in found[: stakes.FEW]
    ]
    evidence += [f"{wording.count(blank, 'machine')} without any mark"] if blank else []
    evidence += [f"at most {expected:+.2f} pp if all that is missing proves healthy"] if expected else []
    first = case.snapshot.resources[found[0].resource]
    return Reason(
        reason="not_assessed",
        confidence="inferred",
        title=f"{stakes.resources(case, places.tolist())} not assessed by {_titles(case, missing)}, as others of the "
        "kind are: no agent or extension tells of it",
        weight=expected if stakes.asks_one(case) else stakes.lost(case, Kind.DATA_SOURCE_LOST),
        evidence=tuple(evidence),
        action="See that the machine runs and has the agent or extension that feeds these recommendations.",
        confirm=_extensions(case, first),
        resources=stakes.named(case, places.tolist()),
        count=len(places),
    )


def auto_provisioning_off(case: Case) -> Answer:
    """Nothing installs agents by itself, and there are machines without."""
    provisioning = case.context.provisioning
    off = sorted(wording.clean(name) for name, on in (provisioning or {}).items() if not on)[: stakes.FEW]
    if provisioning is not None and not off:
        return None
    found = not_assessed(case)
    if not isinstance(found, Reason):
        return None
    if provisioning is None:
        return Undecided("auto_provisioning_off", stakes.FILES["provisioning"])
    return replace(
        found,
        reason="auto_provisioning_off",
        title=f"auto provisioning ({', '.join(off)}) is off, and {wording.count(found.count, 'machine')} not assessed",
        evidence=(f"{stakes.FILES['provisioning']}: {', '.join(off)} is Off", *found.evidence),
        action="Switch auto provisioning on, or have a policy install the agent or extension on these machines.",
        confirm=f"az security auto-provisioning-setting show --name {stakes.shell(off[0])} {stakes.subscription(case)}",
    )


def _lacking(case: Case) -> list[Unassessed]:
    """The machines of the question that lack marks; the narrower the question, the fewer others must have them."""
    asked, place = case.asked, stakes.asked_recommendation(case)
    if asked.recommendation is not None and place is None:
        return []
    one, both = stakes.asks_one(case), None not in (asked.recommendation, asked.resource)
    nearly, fewest = (0.0, 1) if both else (0.5, FEWEST) if one else (NEARLY_ALL, FEWEST)
    every = {own.resource: own for own in unassessed(case.snapshot, nearly, fewest) or ()}
    for machine, missing in silent(case.snapshot, machines(case.snapshot)).items():
        every.setdefault(machine, Unassessed(machine, missing, PAIR, blank=False))
    found: list[Unassessed] = []
    reached = covered(case)
    for own in every.values():
        if not reached[own.resource]:
            continue  # it is the assignment that lacks
        if asked.resource is not None and case.snapshot.resources[own.resource].lower() != asked.resource:
            continue
        if place is not None and place not in own.missing:
            continue
        found.append(own if place is None else replace(own, missing=(place,)))
    return sorted(found, key=lambda own: (not own.blank, -len(own.missing), own.resource))


def _titles(case: Case, recommendations: Sequence[int]) -> str:
    if len(recommendations) == 1:
        return stakes.recommendation(case, recommendations[0])
    return wording.count(len(recommendations), "recommendation")


def _extensions(case: Case, machine: str) -> str:
    """The command that lists what is installed on a machine."""
    if ids.type_of(machine) == _ARC:
        return f'az resource list --resource-type {_ARC}/extensions {stakes.subscription(case)} --query "[].id"'
    if "scalesets" in ids.type_of(machine):
        inside = "properties.virtualMachineProfile.extensionProfile"  # `az vmss show` takes no id
        return f'az resource show --ids {stakes.shell(machine)} --query "{inside}"'
    return f"az vm extension list --ids {stakes.shell(machine)} --output table"


# Other clouds


def connector_unhealthy(case: Case) -> Answer:
    """A source of Defender's data says that it is not well."""
    if case.context.health is None:
        return Undecided("connector_unhealthy", stakes.FILES["health"]) if case.context.connectors else None
    bad: dict[str, tuple[Health, Flags]] = {}
    for identity, report in sorted(case.context.health.items()):
        if report.status.lower() == "nothealthy":
            reached = _reached(case, identity, report)
            if reached.any() or not stakes.asks_one(case):
                bad[identity] = report, reached
    if not bad:
        return None
    reached = np.logical_or.reduce([reached for _, reached in bad.values()])
    rows = case.unhealthy()
    rows = rows[reached[case.snapshot.marks.resource[rows]]]
    places = np.flatnonzero(reached).tolist()
    first = min(bad, key=lambda identity: (-int(bad[identity][1].sum()), identity))
    effect = stakes.gain(case, rows, Status.HEALTHY) if len(rows) else None
    evidence = [
        f"{stakes.FILES['health']}: {_source(identity)} is NotHealthy; plans: {_listed(report.plans)}; issues: "
        f"{_listed(report.issues)}"
        for identity, (report, _) in bad.items()
    ]
    return Reason(
        reason="connector_unhealthy",
        confidence="confirmed",
        title=f"{_source(first)} is not healthy ({_listed(bad[first][0].issues)}): what it feeds is not read anew",
        weight=max(
            stakes.worth(case, rows) if len(rows) and stakes.asks_one(case) else 0.0,
            stakes.lost(case, Kind.CONNECTOR_REMOVED),
        ),
        evidence=tuple(evidence[: stakes.FEW]),
        action="Repair what the issue names; what was fixed meanwhile shows within a day of that.",
        confirm="az rest --method get --url "
        + stakes.shell(f"https://management.azure.com{first}?api-version=2023-05-01-preview"),
        effect=effect,
        resources=stakes.named(case, places),
        count=len(places),
    )


def _reached(case: Case, identity: str, report: Health) -> Flags:
    """[resource] which of the question a report is about: in its scope, and of the plans that it names."""
    found = np.zeros(len(case.snapshot.resources), np.bool_)
    scope, plans = _scope(identity), {plan.lower() for plan in report.plans}
    all_plans = not plans or not plans <= {plan for _, plan in ids.PLAN_TYPES}
    whole = scope == case.root.lower()
    for place in stakes.about(case).tolist():
        name = case.snapshot.resources[place].lower()
        found[place] = ids.under(name, scope) and (not whole or all_plans or ids.plan_of(name) in plans)
    return found


def _scope(report: str) -> str:
    """What a health report is about, by its id."""
    return report.lower().rpartition("/providers/microsoft.security/healthreports/")[0]


def _source(report: str) -> str:
    scope = _scope(report)
    if "/securityconnectors/" in scope:
        return f"connector {wording.clean(ids.last(report[: len(scope)]))}"
    return f"a source of {wording.resource(report[: len(scope)])}" if scope else "a source of Defender's data"


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(wording.clean(text) for text in texts[: stakes.FEW]) or "none named"


def not_arc_connected(case: Case) -> Answer:
    """Machines of other clouds that no Arc machine stands for."""
    names, inventory = case.snapshot.resources, case.context.inventory
    asked = [place for place in stakes.about(case).tolist() if _is_instance(names[place].lower())]
    if not asked or (case.asked.recommendation is not None and len(case.rows)):
        return None  # what is asked about them is assessed without
    if inventory is None:
        return Undecided("not_arc_connected", stakes.FILES["inventory"])
    every = np.union1d(np.unique(case.snapshot.marks.resource), inventory.resource).tolist()
    instances = {place: ids.last(name) for place in every if _is_instance(name := names[place].lower())}
    listed = [names[place].lower() for place in inventory.resource.tolist()] if _ARC in inventory.types else []
    arc = {ids.last(name) for name in listed if ids.type_of(name) == _ARC}
    stands = {place: {one for one in arc if one in name} for place, name in instances.items()}
    alone = [place for place in asked if not stands.get(place)]
    spare = arc - set().union(*stands.values())  # named otherwise than the instances, they may stand for any
    least = len(alone) - len(spare)
    if least <= 0:
        return None
    some = f"{'at least ' if spare else ''}{wording.count(least, 'machine')}"
    return Reason(
        reason="not_arc_connected",
        confidence="inferred",
        title=f"{some} of other clouds without Azure Arc: what is inside is not assessed",
        weight=0.0,
        evidence=(
            f"{wording.count(len(instances), 'compute instance')} under security connectors, and "
            f"{wording.count(len(arc), 'Arc machine')} in {stakes.FILES['inventory']}",
            "Arc machines in other subscriptions are not seen here",
        ),
        action="Connect these machines to Azure Arc, or let the connector's auto provisioning do it.",
        confirm=f"az resource list --resource-type Microsoft.HybridCompute/machines {stakes.subscription(case)}",
        resources=stakes.named(case, alone),
        count=least,
    )


def _is_instance(name: str) -> bool:
    return "/securityconnectors/" in name and any(word in ids.last(name) for word in _INSTANCES)


RULES = (
    foundational_cspm_off,
    plan_off,
    not_assessed,
    auto_provisioning_off,
    connector_unhealthy,
    not_arc_connected,
    benchmark_unassigned,
    policy_disabled,
)

"""Stories of what is not assessed: plans, agents, connectors and assignments that are not there."""

from __future__ import annotations

from typing import Any

from benchmarks.labelled.cast import guid
from benchmarks.labelled.land import FOUNDATION, PLANS, Deed
from benchmarks.labelled.records import iso
from benchmarks.labelled.stuck.stage import HOUR, LONG_AGO, Stage
from benchmarks.labelled.stuck.told import Told

_SECURITY = "providers/Microsoft.Security"


def plan_off(stage: Stage) -> Told:
    """The Defender plan that a recommendation comes with is off here, and on elsewhere."""
    dice, estate, home = stage.dice, stage.estate, stage.home
    word = dice.choice(sorted(PLANS))
    one = stage.recommendation(word)
    one.words, one.plan = (word,), PLANS[word]
    made = stage.take(one, dice.randint(2, 5))
    for account in stage.others:
        account.plans[PLANS[word]] = stage.begin - LONG_AGO
        stage.take(one, dice.randint(2, 4), healthy=dice.random() < 0.5, account=account)
    by = stage.someone()

    def act() -> None:
        home.plans[PLANS[word]] = None
        estate.records.tell(estate.now, by, "write", home.plan(PLANS[word]))
        keys = [other.key for other in estate.recommendations.values() if other.plan == PLANS[word]]
        estate.touch(estate.pairs(home, *keys), Deed("plan_disabled", PLANS[word], estate.now, by), HOUR)

    lately = dice.random() < 0.3
    if lately:
        home.plans[PLANS[word]] = stage.begin - LONG_AGO
        stage.at(stage.early(), act)
    else:
        home.plans[PLANS[word]] = None
    return Told("lately" if lately else "since weeks", ("plan_off",), one.key, made[0].id)


def foundational_cspm_off(stage: Stage) -> Told:
    """The plan that the score comes with is off: there is none."""
    estate, home, by = stage.estate, stage.home, stage.someone()

    def act() -> None:
        home.plans[FOUNDATION] = None
        deed = Deed("subscription_removed", home.id, estate.now, by)
        deed.heard = estate.records.tell(estate.now, by, "write", home.plan(FOUNDATION))
        estate.unscore(home, deed)

    lately = stage.dice.random() < 0.5
    if lately:
        stage.at(stage.early(), act)
    else:
        home.plans[FOUNDATION] = None
        stage.unscored.add(home.id)
    return Told("lately" if lately else "since weeks", ("foundational_cspm_off",))


def not_assessed(stage: Stage) -> Told:
    """Machines have no agent: what is fixed in them nobody sees."""
    one, made = _silent(stage)
    if stage.dice.random() < 0.5:
        stage.patch("auto-provisioning-settings", [_provisioning(stage, "On")])
    return Told("without an agent", ("not_assessed",), one, made)


def auto_provisioning_off(stage: Stage) -> Told:
    """The same, and nothing installs agents."""
    one, made = _silent(stage)
    stage.patch("auto-provisioning-settings", [_provisioning(stage, "Off")])
    return Told("without an agent", ("auto_provisioning_off", "not_assessed"), one, made)


def _silent(stage: Stage) -> tuple[str, str]:
    """The recommendation, and one of the machines."""
    one = stage.recommendation("vm")
    one.agent = True
    for resource in stage.estate.resources.values():
        resource.agent |= resource.subscription == stage.home.id
    stage.take(one, stage.dice.randint(9, 14), healthy=True, word="vm")
    made = stage.take(one, stage.dice.randint(1, 2), healthy=True, word="vm")
    for resource in made:
        resource.agent = False
    return one.key, made[0].id


def _provisioning(stage: Stage, state: str) -> dict[str, Any]:
    kind = "Microsoft.Security/autoProvisioningSettings"
    identity = f"{stage.home.path}/{_SECURITY}/autoProvisioningSettings/default"
    return {"id": identity, "name": "default", "type": kind, "properties": {"autoProvision": state}}


# Other clouds


def connector_unhealthy(stage: Stage) -> Told:
    """Another cloud is no longer read: what is fixed there nobody sees."""
    one = stage.recommendation()
    one.words = (*one.words, "aws")
    made = stage.take(one, stage.dice.randint(2, 5), word="aws")
    stage.patch("health-reports", [report(stage, "NotHealthy")])
    return Told("not read", ("connector_unhealthy",), one.key, made[0].id)


def report(stage: Stage, code: str) -> dict[str, Any]:
    """What Defender says of the connector of the asked subscription."""
    connector, name = stage.connector(stage.home), guid(stage.dice)
    issue = {
        "issueKey": guid(stage.dice),
        "issueName": "The connector's role can't be assumed",
        "securityValues": ["The account is assessed"],
        "issueDescription": "The trust of the role was changed.",
        "remediationSteps": "Set it up again.",
    }
    p = {
        "resourceDetails": {"source": "Azure", "id": connector},
        "environmentDetails": {"subscriptionId": stage.home.id, "tenantId": stage.estate.tenant},
        "healthDataClassification": {"component": "Connectivity", "scenario": "CloudConnectors", "scope": "Connectors"},
        "status": {"code": code, "statusChangeDate": iso(stage.begin - LONG_AGO / 10)},
        "affectedDefendersPlans": ["CloudPosture"] if code == "NotHealthy" else [],
        "issues": [issue] if code == "NotHealthy" else [],
    }
    kind = "Microsoft.Security/healthReports"
    return {"id": f"{connector}/providers/{kind}/{name}", "name": name, "type": kind, "properties": p}


def not_arc_connected(stage: Stage) -> Told:
    """Machines in another cloud are known by their cloud's settings only: no Arc machine reports from within."""
    one = stage.recommendation("aws")
    where, beside = stage.connector(stage.home), stage.beside(one)
    names = [f"i-0{stage.dice.getrandbits(64):016x}" for _ in range(stage.dice.randint(2, 5))]
    made = [stage.add(stage.home, "aws", where, beside, f"aws-ec2-instance-{name}-eu-west-1") for name in names]
    if stage.dice.random() < 0.4:
        joined = f"i-0{stage.dice.getrandbits(64):016x}"
        stage.add(stage.home, "aws", where, beside, f"aws-ec2-instance-{joined}-eu-west-1")
        stage.patch("resources", [_joined(stage, joined)])
    return Told("machines of another cloud", ("not_arc_connected",), None, made[0].id)


def _joined(stage: Stage, name: str) -> dict[str, Any]:
    group = f"{stage.home.path}/resourceGroups/{stage.home.groups[0]}"
    at = iso(stage.begin - LONG_AGO)
    return {
        "id": f"{group}/providers/Microsoft.HybridCompute/machines/{name}",
        "name": name,
        "type": "Microsoft.HybridCompute/machines",
        "location": "westeurope",
        "tags": {},
        "createdTime": at,
        "changedTime": at,
    }


# The benchmark


def benchmark_unassigned(stage: Stage) -> Told:
    """Nothing assigns the benchmark to the subscription, or to the group of the resource."""
    estate, home = stage.estate, stage.home
    estate.shared.clear()
    for account in stage.accounts:
        stage.assign(account, account.path)
    if stage.level != "resource":
        home.assignments = {}
        stage.unscored.add(home.id)
        return Told("the subscription", ("benchmark_unassigned",))
    stage.assign(home, *(f"{home.path}/resourceGroups/{name}" for name in home.groups))
    one = stage.recommendation()
    made = stage.add(home, stage.dice.choice(one.words), f"rg-bare-{stage.dice.randrange(100)}", [])
    return Told("a group", ("benchmark_unassigned",), one.key, made.id)

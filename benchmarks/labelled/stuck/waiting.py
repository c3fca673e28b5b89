"""Stories of work that has not come, that was done elsewhere or in part, and of figures of something else."""

from __future__ import annotations

from datetime import datetime, timedelta

from benchmarks.labelled.chain import Delivered
from benchmarks.labelled.land import Recommendation, Resource
from benchmarks.labelled.records import iso
from benchmarks.labelled.stuck.exempting import exempt
from benchmarks.labelled.stuck.stage import Stage, UnfitError, groups
from benchmarks.labelled.stuck.told import Told, late, marks, waits

FIGURE_APART = 0.05
"""By how many pp a figure of something else differs from any score that was shown."""


def refresh_pending(stage: Stage) -> Told:
    """Things are fixed shortly before the last look; the counts, or even the marks, have not followed."""
    return stage.dice.choices((_uncounted, _unassessed, _unheard, _exempted), (9, 5, 3, 3))[0](stage)


def _uncounted(stage: Stage) -> Told:
    one = stage.recommendation()
    made = stage.take(one, stage.dice.randint(1, 5))
    at = stage.ran + (stage.end - stage.ran) * stage.dice.uniform(0.05, 0.5)
    stage.fix(one, made, at, within=(stage.end - at) * 0.95)
    return Told("counts behind marks", ("refresh_pending",), one.key, made[0].id, moving=marks(one, made))


def _unassessed(stage: Stage) -> Told:
    """Azure Policy has seen it, the marks have not followed."""
    one = stage.recommendation()
    made = stage.take(one, stage.dice.randint(1, 5))
    at = late(stage, one, made)
    stage.fix(one, made, at, within=None)
    for resource in made:
        _comply(stage, resource, one, at + (stage.end - at) * stage.dice.uniform(0.1, 0.9))
    pairs = marks(one, made)
    return Told(
        "marks behind policy", ("refresh_pending",), one.key, made[0].id, moving=pairs, true=waits(stage, pairs)
    )


def _comply(stage: Stage, resource: Resource, one: Recommendation, at: datetime) -> None:
    """Azure Policy finds that a resource complies, and says so."""
    account = stage.estate.subscriptions[resource.subscription]
    (assignment, *_) = stage.estate.assignments(account)
    data = {
        "timestamp": iso(at),
        "policyAssignmentId": assignment,
        "policyDefinitionId": f"/providers/Microsoft.Authorization/policyDefinitions/{one.policy}",
        "policyDefinitionReferenceId": one.reference,
        "complianceState": "Compliant",
        "complianceReasonCode": "",
        "subscriptionId": account.id,
    }
    event = {
        "id": f"{stage.dice.getrandbits(128):032x}",
        "topic": account.path,
        "subject": resource.id,
        "eventType": "Microsoft.PolicyInsights.PolicyStateChanged",
        "eventTime": iso(at + timedelta(seconds=9)),
        "data": data,
        "dataVersion": "1",
        "metadataVersion": "1",
    }
    stage.told.append(Delivered(at + timedelta(seconds=12), event))


def _unheard(stage: Stage) -> Told:
    """Nothing but the writes themselves tells of it."""
    one = stage.recommendation()
    made = stage.take(one, stage.dice.randint(1, 3))
    stage.fix(one, made, late(stage, one, made), within=None)
    pairs = marks(one, made)
    return Told(
        "marks behind a write", ("refresh_pending",), one.key, made[0].id, moving=pairs, true=waits(stage, pairs)
    )


def _exempted(stage: Stage) -> Told:
    one = stage.recommendation()
    made = stage.take(one, stage.dice.randint(1, 3))
    at = late(stage, one, made)
    for resource in made:
        exempt(stage, one, resource.id, at, within=None)
    pairs = marks(one, made)
    return Told(
        "marks behind an exemption", ("refresh_pending",), one.key, made[0].id, moving=pairs, true=waits(stage, pairs)
    )


def partially_fixed(stage: Stage) -> Told:
    """Some of the resources are fixed; or all are, and another recommendation keeps them unhealthy in the control."""
    one = stage.recommendation()
    if stage.level == "resource" or stage.dice.random() < 0.35:
        two = stage.partner(one)
        made = stage.take(one, stage.dice.randint(1, 4))
        stage.estate.faults |= set(marks(two, made))
        stage.fix(one, made, stage.early())
        return Told("one recommendation away", ("partially_fixed",), one.key, made[0].id)
    made = stage.take(one, stage.dice.randint(3, 9))
    stage.fix(one, made[: stage.dice.randint(1, len(made) - 1)], stage.early())
    return Told("some of the resources", ("partially_fixed",), one.key, made[-1].id)


def wrong_scope(stage: Stage) -> Told:
    """It is fixed in another subscription; or the figure is another scope's."""
    if stage.level != "resource" and (stage.level != "recommendation" or stage.dice.random() < 0.3):
        return Told("the figure of another scope", ("wrong_scope",), figure=lambda: _elsewhere(stage))
    one, other = stage.recommendation(), stage.dice.choice(stage.others)
    made = stage.take(one, stage.dice.randint(1, 5), account=other)
    stage.take(one, stage.dice.randint(1, 4))
    stage.fix(one, made, stage.early())
    return Told("fixed in another subscription", ("wrong_scope",), one.key, made[0].id)


def _elsewhere(stage: Stage) -> float:
    """What another scope shows, which is none that the asked one has shown."""
    names = {one.id for one in stage.accounts} | {"all"}
    if stage.dice.random() < 0.25:
        names = {name for one in stage.accounts for name in groups(one) if name.startswith("mg:")}
    shown = {name: score for name in sorted(names - {stage.scope}) if (score := stage.score(-1, name)) is not None}
    own = [score for look in range(len(stage.looks)) if (score := stage.score(look)) is not None]
    apart = [score for score in shown.values() if all(abs(score - one) > FIGURE_APART for one in own)]
    if not apart:
        raise UnfitError
    return round(stage.dice.choice(apart), 2)


def other_score(stage: Stage) -> Told:
    """The figure is Microsoft 365's, or the portal's by risk."""
    return Told("the figure of another score", ("other_score",), figure=lambda: _nobodys(stage))


def _nobodys(stage: Stage) -> float:
    names = {one.id for one in stage.accounts} | {"all"} | {name for one in stage.accounts for name in groups(one)}
    shown = [stage.score(look, name) for look in range(len(stage.looks)) for name in sorted(names)]
    for _ in range(100):
        figure = round(stage.dice.uniform(15, 95), 2)
        if all(one is None or abs(one - figure) > FIGURE_APART for one in shown):
            return figure
    raise UnfitError

"""Stories of exemptions, owners and dates: what shields a mark, and what was meant to."""

from __future__ import annotations

from datetime import datetime, timedelta

from benchmarks.labelled.cast import guid
from benchmarks.labelled.land import Assignment, Deed, Exemption, Governance, Recommendation, Resource, Written
from benchmarks.labelled.reality import covers, exempts
from benchmarks.labelled.records import iso
from benchmarks.labelled.stuck.stage import HOUR, Stage
from benchmarks.labelled.stuck.told import Told, marks

_AUTHORIZATION = "providers/Microsoft.Authorization"


def exempt(
    stage: Stage,
    one: Recommendation,
    scope: str,
    at: datetime | None = None,
    *,
    within: timedelta | None = HOUR,
    expires: datetime | None = None,
    mitigated: bool = False,
    assignment: str = "",
) -> Exemption:
    """Somebody exempts a scope of the asked subscription from a recommendation: weeks ago, or at a time.

    `within`: how soon the marks follow. `assignment`: by which another one is meant than the benchmark's.
    """
    estate, by, home = stage.estate, stage.someone(), stage.home
    made = at or stage.begin - timedelta(days=stage.dice.uniform(10, 40))
    above = assignment or next(
        (key for key, own in estate.assignments(home).items() if covers(own.scope, scope, home)), None
    )
    newer = one.newer and not assignment
    kind = "providers/Microsoft.Security/standardAssignments" if newer else f"{_AUTHORIZATION}/policyExemptions"
    found = Exemption(
        f"{scope}/{kind}/{guid(stage.dice)}", scope, one.key, mitigated, Written.new(by, made), expires,
        None if newer else above, "Accepted risk",
    )  # fmt: skip

    def act() -> None:
        estate.exemptions[found.id] = found
        deed = Deed("exemption_created", found.id, estate.now, by, remembered=True)
        estate.records.tell(made, by, "write", found.id)
        pairs = [pair for pair in estate.pairs(home, one.key) if pair[0] in estate.resources]
        estate.touch([p for p in pairs if exempts(estate, found, estate.resources[p[0]])], deed, within)

    if at is None:
        estate.exemptions[found.id] = found
    else:
        stage.at(at, act)
    return found


def exempted(stage: Stage) -> Told:
    """What people work on is exempt: for weeks, or since a look."""
    one = stage.recommendation()
    made = stage.take(one, stage.dice.randint(1, 4))
    at = stage.early() if stage.dice.random() < 0.3 else None
    mitigated = stage.dice.random() < 0.25
    for resource in made:
        exempt(stage, one, resource.id, at, mitigated=mitigated)
    if at is None and stage.dice.random() < 0.5:
        stage.fix(one, made, stage.early())  # which no mark shows
    return Told("since weeks" if at is None else "lately", ("exempted",), one.key, made[0].id)


def exemption_without_effect(stage: Stage) -> Told:
    """Somebody exempted it, but not what, where or for as long as was meant."""
    one, dice, home = stage.recommendation(), stage.dice, stage.home
    made = stage.take(one, dice.randint(1, 4))
    at = stage.early() if dice.random() < 0.5 else None
    ways = ["scope", "expired"] if one.newer else ["scope", "expired", "assignment", "reference"]
    way = dice.choice(ways)
    if way == "scope":
        exempt(stage, one, f"{home.path}/resourceGroups/rg-before-{dice.randrange(100)}", at)
    elif way == "expired":
        ended = stage.begin - timedelta(days=dice.uniform(3, 9))
        for resource in made:
            exempt(stage, one, resource.id, expires=ended)
    elif way == "assignment":
        for resource in made:
            exempt(stage, one, resource.id, at, assignment=_another(stage))
    else:
        stage.patch("policy-exemptions", [_misspelt(stage, resource) for resource in made])
    return Told(way, ("exemption_without_effect",), one.key, made[0].id)


def _another(stage: Stage) -> str:
    """An assignment of another initiative, which feeds no recommendation."""
    identity = f"{stage.home.path}/{_AUTHORIZATION}/policyAssignments/nist-{stage.dice.randrange(1000)}"
    p = {
        "displayName": "NIST SP 800-53",
        "scope": stage.home.path,
        "notScopes": [],
        "policyDefinitionId": f"/{_AUTHORIZATION}/policySetDefinitions/179d1daa-458f-4e47-8086-2a68d0d6c38f",
        "parameters": {},
    }
    row = {"id": identity, "name": identity.rpartition("/")[2], "type": "Microsoft.Authorization/policyAssignments"}
    stage.patch("policy-assignments", [row | {"properties": p}])
    return identity


def _misspelt(stage: Stage, resource: Resource) -> dict[str, object]:
    """A policy exemption of a policy that the initiative does not have."""
    identity = f"{resource.id}/{_AUTHORIZATION}/policyExemptions/{guid(stage.dice)[:13]}"
    (assignment, *_) = stage.estate.assignments(stage.home)
    p = {
        "displayName": "Accepted risk",
        "exemptionCategory": "Waiver",
        "policyAssignmentId": assignment,
        "policyDefinitionReferenceIds": [f"check{stage.dice.randrange(10**8):08}Monitorng"],
    }
    made = {"createdBy": stage.someone().address, "createdAt": iso(stage.begin - timedelta(days=9))}
    kind = "Microsoft.Authorization/policyExemptions"
    return {"id": identity, "name": identity.rpartition("/")[2], "type": kind, "properties": p, "systemData": made}


# Owners and dates


def governance_only(stage: Stage) -> Told:
    """Somebody is to fix it until a date, and has not."""
    one = stage.recommendation()
    made = stage.take(one, stage.dice.randint(1, 4))
    _govern(stage, one, made, stage.end + timedelta(days=stage.dice.uniform(-4, 30)), grace=False)
    return Told("an owner and a date", ("governance_only",), one.key, made[0].id)


def grace_period(stage: Stage) -> Told:
    """It does not count while its owner has time, so to fix it changes little."""
    one = stage.recommendation()
    made = stage.take(one, stage.dice.randint(1, 4))
    _govern(stage, one, made, stage.end + timedelta(days=stage.dice.uniform(5, 40)), grace=True)
    return Told("shielded", ("grace_period",), one.key, made[0].id, ("governance_only",))


def _govern(stage: Stage, one: Recommendation, made: list[Resource], due: datetime, *, grace: bool) -> None:
    owner = stage.dice.choice(stage.estate.cast.people).address
    for resource, pair in zip(made, marks(one, made), strict=True):
        above = f"{resource.id}/providers/Microsoft.Security/assessments/{one.key}"
        identity = f"{above}/governanceAssignments/{guid(stage.dice)}"
        stage.estate.governance[pair] = Governance(identity, owner, due, grace)


# Policy


def policy_disabled(stage: Stage) -> Told:
    """The policy that feeds the recommendation is set to Disabled: for weeks, or since a look."""
    one, estate, home = stage.recommendation(), stage.estate, stage.home
    made = stage.take(one, stage.dice.randint(2, 5))
    above = [own for own in estate.assignments(home).values() if covers(own.scope, home.path, home)]
    lately, by = stage.dice.random() < 0.4 and not estate.shared, stage.someone()

    def act() -> None:
        deed = Deed("policy_disabled", one.key, estate.now, by, remembered=True)
        for own in above:
            _off(own, one, Written(own.written.by, own.written.at, by, estate.now))
            estate.records.tell(estate.now, by, "write", own.id)
        estate.touch(estate.pairs(home, one.key), deed, HOUR)

    if lately:
        stage.at(stage.early(), act)
    else:
        for own in above:
            _off(own, one, own.written)
    return Told("lately" if lately else "since weeks", ("policy_disabled",), one.key, made[0].id)


def _off(own: Assignment, one: Recommendation, written: Written) -> None:
    own.off.add(one.key)
    own.written = written

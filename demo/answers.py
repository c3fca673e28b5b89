"""What Azure would answer about the world at this moment: raw ARM answers, as a mapping or as an evidence folder.

Shapes follow Microsoft's REST specifications, with their quirks: dates with seven digits, booleans as strings in plans,
a control's `current` rounded to 2 decimals and its `percentage` taken from that and kept to 4, a `score.max` of 0 where
nothing is counted, and a weight of one for each counted cell.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from demo.catalogue import (
    BENCHMARK,
    BY_REFERENCE,
    CONTROLS,
    KINDS,
    PLANS,
    RECOMMENDATIONS,
    Control,
    Recommendation,
)  # fmt: skip
from demo.estate import TENANT
from demo.world import Account, Count, Exemption, Mark, Resource, Subscription, World

Row = dict[str, Any]
Files = dict[str, Any]
SET = f"/providers/Microsoft.Authorization/policySetDefinitions/{BENCHMARK}"
CATEGORIES = {"mfa": "IdentityAndAccess", "access": "IdentityAndAccess", "logging": "Data", "transit": "Data"}
RELEASED = datetime(2023, 11, 15, tzinfo=UTC)  # of everything that is not in preview when the story begins


def files_of(world: World) -> Files:
    """The evidence folder of this moment as a mapping: path inside the folder to what the file's JSON says."""
    onboarded = list(world.accounts)
    files: Files = {
        "snapshot.json": {"takenAt": f"{world.now:%Y-%m-%dT%H:%M:%SZ}"},
        "subscriptions.json": _list(_subscription(s) for s in onboarded),
        "assessment-metadata.json": _list(_metadata(world, r) for r in RECOMMENDATIONS),
        "policy-set-definitions.json": _list([_initiative()]),
        "management-groups.json": [{"subscriptionId": s.id, "ancestors": list(s.ancestors)} for s in onboarded],
    }
    for subscription, account in world.accounts.items():
        files |= {f"{subscription.id}/{n}.json": _list(r) for n, r in _lists(world, subscription, account).items()}
    return files


def write_folder(world: World, folder: Path) -> None:
    """Writes the evidence folder of this moment; the folder must not exist."""
    folder.mkdir(parents=True)
    for name, content in files_of(world).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(_text(content))


def read_folder(folder: Path) -> Files:
    """An evidence folder as a mapping, whoever wrote it."""
    return {
        path.relative_to(folder).as_posix(): json.loads(path.read_bytes()) for path in sorted(folder.rglob("*.json"))
    }


def _lists(world: World, subscription: Subscription, account: Account) -> dict[str, Iterable[Row]]:
    own = [r for r in world.resources.values() if r.subscription == subscription]
    marks = sorted((p, m) for p, m in world.marks.items() if p[0].startswith(subscription.path))
    controls = [_control(subscription, CONTROLS[slug], count) for slug, count in account.counts.items()]
    files: dict[str, Iterable[Row]] = {
        "secure-scores": [_score(subscription, controls)] if controls else [],
        "secure-score-controls": controls,
        "assessments": (_assessment(id_, BY_REFERENCE[reference], mark) for (id_, reference), mark in marks),
        "resources": (_resource(r) for r in own if r.kind != "subscription"),
        "pricings": (_plan(subscription, p, account) for p in ("FoundationalCspm", *PLANS)),
        "policy-assignments": [_assignment(subscription, account)],
        "policy-exemptions": (_exemption(e) for e in world.exemptions if e.resource.subscription == subscription),
        "auto-provisioning-settings": [_provisioning(subscription, account)],
    }
    nothing = ("standard-assignments", "security-connectors", "governance-assignments", "health-reports")
    return files | dict.fromkeys(nothing, ())


def _list(rows: Iterable[Row]) -> Row:
    return {"value": list(rows)}


def _text(content: Any) -> str:
    """One answer, one record a line."""
    if isinstance(content, dict) and "value" in content:
        return '{"value": [' + ",".join(f"\n{json.dumps(r)}" for r in content["value"]) + "\n]}\n"
    return json.dumps(content) + "\n"


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S.%f}0Z"


def _record(type_: str, id_: str, properties: Row, **more: Any) -> Row:
    return {"id": id_, "name": id_.rsplit("/", 1)[1], "type": type_, "properties": properties, **more}


def _subscription(subscription: Subscription) -> Row:
    return {
        "id": subscription.path,
        "subscriptionId": subscription.id,
        "tenantId": TENANT,
        "displayName": subscription.name,
        "state": "Enabled",
        "tags": {"environment": subscription.environment, "owner": "team-platform"},
    }


def _metadata(world: World, recommendation: Recommendation) -> Row:
    preview, released = world.preview(recommendation), world.released.get(recommendation.reference, RELEASED)
    id_ = f"/providers/Microsoft.Security/assessmentMetadata/{recommendation.key}"
    dates = {"public": f"{RELEASED - timedelta(days=190):%m/%d/%Y}"}
    properties: Row = {
        "displayName": recommendation.name,
        "assessmentType": "BuiltIn",
        "policyDefinitionId": recommendation.policy,
        "description": f"Part of “{CONTROLS[recommendation.control].name}”.",
        "categories": [CATEGORIES.get(recommendation.control, "Compute")],
        "severity": recommendation.severity,
        "userImpact": "Low",
        "implementationEffort": "Low",
        "publishDates": dates if preview else dates | {"GA": f"{released:%m/%d/%Y}"},
    }
    return _record("Microsoft.Security/assessmentMetadata", id_, properties | ({"preview": True} if preview else {}))


def _initiative() -> Row:
    policies = [
        {
            "policyDefinitionReferenceId": f"{r.reference}Monitoring",
            "policyDefinitionId": r.policy,
            "parameters": {"effect": {"value": f"[parameters('{r.reference}MonitoringEffect')]"}},
        }
        for r in RECOMMENDATIONS
    ]
    properties = {"displayName": "Microsoft cloud security benchmark", "policyType": "BuiltIn", "version": "57.56.0"}
    return _record("Microsoft.Authorization/policySetDefinitions", SET, {**properties, "policyDefinitions": policies})


def _assignment(subscription: Subscription, account: Account) -> Row:
    properties = {
        "displayName": f"ASC Default (subscription: {subscription.id})",
        "policyDefinitionId": SET,
        "scope": subscription.path,
        "notScopes": [],
        "parameters": {f"{r}MonitoringEffect": {"value": "Disabled"} for r in sorted(account.off)},
        "enforcementMode": "Default",
    }
    data = {"createdBy": "Security Center", "createdByType": "Application", "createdAt": _time(account.onboarded)}
    return _record("Microsoft.Authorization/policyAssignments", subscription.assignment, properties, systemData=data)


def _exemption(exemption: Exemption) -> Row:
    properties = {
        "policyAssignmentId": exemption.resource.subscription.assignment,
        "policyDefinitionReferenceIds": [f"{exemption.recommendation.reference}Monitoring"],
        "exemptionCategory": exemption.category,
        "displayName": exemption.title,
    }
    if exemption.expires:
        properties["expiresOn"] = _time(exemption.expires)
    who, when = "priya@northwindretail.example", _time(exemption.created)
    return _record(
        "Microsoft.Authorization/policyExemptions",
        exemption.id,
        properties,
        systemData={
            "createdBy": who, "createdByType": "User", "createdAt": when,
            "lastModifiedBy": who, "lastModifiedByType": "User", "lastModifiedAt": when,
        },
    )  # fmt: skip


def _resource(resource: Resource) -> Row:
    return {
        "id": resource.id,
        "name": resource.name,
        "type": KINDS[resource.kind],
        "location": "westeurope",
        "tags": {
            "owner": resource.owner,
            "environment": resource.subscription.environment,
            "criticality": resource.criticality,
        },
        "createdTime": _time(resource.created),
        "provisioningState": "Succeeded",
    }


def _plan(subscription: Subscription, plan: str, account: Account) -> Row:
    enabled = account.onboarded if plan == "FoundationalCspm" else account.plans.get(plan)
    properties = {
        "pricingTier": "Standard" if enabled else "Free",
        "freeTrialRemainingTime": "PT0S",
        "enablementTime": _time(enabled) if enabled else None,
        "enforce": "False",
        "resourcesCoverageStatus": "FullyCovered" if enabled else "NotCovered",
    }
    return _record("Microsoft.Security/pricings", subscription.plan(plan), properties)


def _provisioning(subscription: Subscription, account: Account) -> Row:
    properties = {"autoProvision": "On" if account.provisioning else "Off"}
    return _record("Microsoft.Security/autoProvisioningSettings", subscription.provisioning, properties)


def _assessment(resource: str, recommendation: Recommendation, mark: Mark) -> Row:
    status: Row = {"code": mark.status.code}
    if mark.status.cause:
        status["cause"] = mark.status.cause
    status |= {"statusChangeDate": _time(mark.changed), "firstEvaluationDate": _time(mark.first)}
    blade = "portal.azure.com/#blade/Microsoft_Azure_Security/RecommendationsBlade"
    properties = {
        "displayName": recommendation.name,
        "resourceDetails": {"source": "Azure", "id": resource},
        "status": status,
        "links": {
            "azurePortalUri": f"{blade}/assessmentKey/{recommendation.key}/resourceId/{quote(resource, safe='')}"
        },
    }
    id_ = f"{resource}/providers/Microsoft.Security/assessments/{recommendation.key}"
    return _record("Microsoft.Security/assessments", id_, properties)


def _control(subscription: Subscription, control: Control, count: Count) -> Row:
    counted = count.healthy + count.unhealthy
    current = round(control.points * count.healthy / counted, 2) if counted else 0
    listed = [r.key for r in RECOMMENDATIONS if CONTROLS[r.control] == control]
    definition = {
        "displayName": control.name,
        "maxScore": control.points,
        "source": {"sourceType": "BuiltIn"},
        "assessmentDefinitions": [{"id": f"/providers/Microsoft.Security/assessmentMetadata/{key}"} for key in listed],
    }
    type_ = "Microsoft.Security/secureScoreControlDefinitions"
    properties = {
        "displayName": control.name,
        "healthyResourceCount": count.healthy,
        "unhealthyResourceCount": count.unhealthy,
        "notApplicableResourceCount": count.not_applicable,
        "score": {
            "max": control.points if counted else 0,
            "current": current,
            "percentage": round(current / control.points, 4) if control.points else 0,
        },
        "weight": counted,
        "definition": _record(type_, f"/providers/{type_}/{control.key}", definition),
    }
    score = f"{subscription.path}/providers/Microsoft.Security/secureScores/ascScore"
    return _record(
        "Microsoft.Security/secureScores/secureScoreControls", f"{score}/secureScoreControls/{control.key}", properties
    )


def _score(subscription: Subscription, controls: list[Row]) -> Row:
    scores = [c["properties"]["score"] for c in controls]
    most, current = sum(s["max"] for s in scores), round(sum(s["current"] for s in scores), 2)
    return _record(
        "Microsoft.Security/secureScores",
        f"{subscription.path}/providers/Microsoft.Security/secureScores/ascScore",
        {
            "displayName": "ASC score",
            "score": {"max": most, "current": current, "percentage": round(current / most, 4)},
            "weight": sum(c["properties"]["weight"] for c in controls),
        },
    )

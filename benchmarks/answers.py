"""Writes an estate's rows as ARM's list operations answer them."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks import changes
from benchmarks.catalogue import CONTROL_KEYS, CONTROLS, INITIATIVE, KINDS, RECOMMENDATIONS, guid
from benchmarks.changes import EXEMPT, HEALTHY, NOT_APPLICABLE, OFF_BY_POLICY, UNHEALTHY, Marks, Population, Side

TENANT = guid("tenant")
TEAMS = ("payments", "orders", "identity", "analytics", "logistics", "storefront", "platform", "claims")
STATUS = {
    HEALTHY: '"code":"Healthy"',
    UNHEALTHY: '"code":"Unhealthy"',
    NOT_APPLICABLE: '"code":"NotApplicable","description":"The assessment does not apply to this resource"',
    OFF_BY_POLICY: '"code":"NotApplicable","cause":"OffByPolicy","description":"The effective policy for the assessment'
    " was evaluated to off - use Microsoft.Authorization/policyAssignments to turn this assessment on"
    '"',
    EXEMPT: '"code":"NotApplicable","cause":"Exempt","description":"The resource is exempt from this assessment"',
}


def write(path: Path, value: object) -> None:
    path.write_bytes(msgspec.json.encode(value))


def _times(nanoseconds: Any) -> list[str]:
    """Seven digits of the second, as Azure prints them; the Z is the caller's."""
    times = np.asarray(nanoseconds, np.int64).astype("datetime64[ns]")
    return np.datetime_as_string(times, unit="ns").astype("U27").tolist()


def _group(subscription: str, number: int) -> str:
    team = TEAMS[number % len(TEAMS)]
    return f"/subscriptions/{subscription}/resourceGroups/rg-{team}-prod-westeurope-{number:03d}"


def names(subscription: str, people: Population) -> list[str]:
    """The ARM id of every resource."""
    ids = []
    for number, kind in enumerate(people.kinds):
        of = KINDS[kind]
        if not kind:
            ids.append(f"/subscriptions/{subscription}")
            continue
        team = TEAMS[number % 7]
        path = f"{_group(subscription, number // changes.RESOURCES_IN_A_GROUP)}/providers/"
        if of.child:
            parent, _, child = of.type.rpartition("/")
            ids.append(f"{path}{parent}/{of.child}-{team}-prod-weu-{number // 8:05d}/{child}/{of.short}-{number:05d}")
        elif of.short in ("st", "cr"):
            ids.append(f"{path}{of.type}/{of.short}{team}prodweu{number:05d}")
        else:
            ids.append(f"{path}{of.type}/{of.short}-{team}-prod-weu-{number:05d}")
    return ids


def assessments(path: Path, subscription: str, ids: list[str], marks: Marks) -> None:
    """As `GET .../assessments` answers: about 700 bytes a row."""
    workspace = (
        f'","additionalData":{{"linkedWorkspaceId":"{_group(subscription, 1)}'
        '/providers/Microsoft.OperationalInsights/workspaces/log-platform-prod-westeurope"}}}'
    )
    head = [
        f'/providers/Microsoft.Security/assessments/{r.key}","name":"{r.key}","type":"Microsoft.Security/assessments",'
        '"properties":{"resourceDetails":{"source":"Azure","id":"'
        for r in RECOMMENDATIONS
    ]
    middle = [f'"}},"displayName":"{r.name}","status":{{' for r in RECOMMENDATIONS]
    tail = [workspace.replace('","', '"},"', 1) if r.workspace else '"}}}' for r in RECOMMENDATIONS]
    columns = (marks.resource.tolist(), marks.recommendation.tolist(), marks.code.tolist())
    rows = zip(*columns, _times(marks.changed), _times(marks.first), strict=True)
    text = ",".join(
        f'{{"id":"{ids[x]}{head[r]}{ids[x]}{middle[r]}{STATUS[code]},"statusChangeDate":"{changed}Z",'
        f'"firstEvaluationDate":"{first}Z{tail[r]}'
        for x, r, code, changed, first in rows
    )
    path.write_text(f'{{"value":[{text}]}}')


def scores(folder: Path, subscription: str, cells: list[tuple[int, int, int]]) -> None:
    root = f"/subscriptions/{subscription}/providers/Microsoft.Security/secureScores/ascScore"
    rows = []
    for number, ((name, points), key, (h, u, rest)) in enumerate(zip(CONTROLS, CONTROL_KEYS, cells, strict=True)):
        top = points if h + u else 0
        current = round(top * h / (h + u), 2) if top else 0
        score = {"max": top, "current": current, "percentage": round(current / top, 4) if top else 0}
        base = "/providers/Microsoft.Security"
        listed = [r.key for r in RECOMMENDATIONS if number in r.controls]
        definition = {
            "id": f"{base}/secureScoreControlDefinitions/{key}",
            "name": key,
            "type": "Microsoft.Security/secureScoreControlDefinitions",
            "properties": {
                "displayName": name,
                "maxScore": points,
                "source": {"sourceType": "BuiltIn"},
                "assessmentDefinitions": [{"id": f"{base}/assessmentMetadata/{one}"} for one in listed],
            },
        }
        counts = {"healthyResourceCount": h, "unhealthyResourceCount": u, "notApplicableResourceCount": rest}
        properties = {"displayName": name, **counts, "score": score, "weight": h + u, "definition": definition}
        kind = "Microsoft.Security/secureScores/secureScoreControls"
        rows.append({"id": f"{root}/secureScoreControls/{key}", "name": key, "type": kind, "properties": properties})
    write(folder / "secure-score-controls.json", {"value": rows})
    top = sum(row["properties"]["score"]["max"] for row in rows)  # type: ignore[index]
    current = round(sum(row["properties"]["score"]["current"] for row in rows), 2)  # type: ignore[index]
    score = {"max": top, "current": current, "percentage": round(current / top, 4) if top else 0}
    properties = {"displayName": "ASC score", "score": score, "weight": sum(h + u for h, u, _ in cells)}
    row = {"id": root, "name": "ascScore", "type": "Microsoft.Security/secureScores", "properties": properties}
    write(folder / "secure-scores.json", {"value": [row]})


def policy(folder: Path, subscription: str, ids: list[str], side: Side) -> None:
    root = f"/subscriptions/{subscription}"
    assignment = f"{root}/providers/Microsoft.Authorization/policyAssignments/SecurityCenterBuiltIn"
    properties: dict[str, Any] = {
        "displayName": f"ASC Default (subscription: {subscription})",
        "enforcementMode": "Default",
        "scope": root,
        "parameters": {RECOMMENDATIONS[one].reference: {"value": "Disabled"} for one in side.off},
        "policyDefinitionId": INITIATIVE,
    }
    kind = "Microsoft.Authorization/policyAssignments"
    row = {"id": assignment, "name": "SecurityCenterBuiltIn", "type": kind, "properties": properties}
    write(folder / "policy-assignments.json", {"value": [row]})
    rows = []
    for one in side.exemptions:
        what = RECOMMENDATIONS[one.recommendation]
        scope = ids[one.resource] if one.resource >= 0 else _group(subscription, one.group)
        name = guid(subscription, "exemption", one.recommendation, one.group, one.resource)[:23].replace("-", "")
        properties = {
            "displayName": f"{what.name[:90]} - accepted",
            "description": "Accepted by the owner of the service until the next review",
            "exemptionCategory": "Mitigated" if one.mitigated else "Waiver",
            "policyAssignmentId": assignment,
            "policyDefinitionReferenceIds": [what.reference],
        }
        if one.expires:
            properties["expiresOn"] = _times([one.expires])[0] + "Z"
        who = {
            "createdBy": "owner@contoso.example",
            "createdByType": "User",
            "createdAt": _times([one.created])[0] + "Z",
        }
        kind = "Microsoft.Authorization/policyExemptions"
        path = f"{scope}/providers/{kind}/{name}"
        rows.append({"id": path, "name": name, "type": kind, "properties": properties, "systemData": who})
    write(folder / "policy-exemptions.json", {"value": rows})


def inventory(folder: Path, ids: list[str], people: Population, resources: set[int]) -> None:
    created = _times(people.created)
    rows = [
        f'{{"id":"{ids[x]}","name":"{ids[x].rpartition("/")[2]}","type":"{KINDS[people.kinds[x]].type}",'
        f'"location":"westeurope","tags":{{"owner":"team-{TEAMS[x % 8]}","costCenter":"CC-{x % 97:04d}"}},'
        f'"createdTime":"{created[x]}Z","provisioningState":"Succeeded"}}'
        for x in sorted(resources)
        if KINDS[people.kinds[x]].listed
    ]
    (folder / "resources.json").write_text(f'{{"value":[{",".join(rows)}]}}')


def tenant(folder: Path, taken: int, subscriptions: list[str]) -> None:
    """The files that are not about one subscription."""
    write(folder / "snapshot.json", {"takenAt": _times([taken])[0][:19] + "Z"})
    rows: list[dict[str, Any]] = []
    for number, one in enumerate(subscriptions):
        tags = {"environment": "dev" if number % 3 == 2 else "prod"}
        about = {"displayName": f"sub-{TEAMS[number % 8]}-{number:02d}", "state": "Enabled", "tenantId": TENANT}
        rows.append({"id": f"/subscriptions/{one}", "subscriptionId": one, **about, "tags": tags})
    write(folder / "subscriptions.json", {"value": rows})
    write(
        folder / "management-groups.json",
        [{"subscriptionId": s, "ancestors": ["contoso", TENANT]} for s in subscriptions],
    )
    rows = []
    for r in RECOMMENDATIONS:
        properties: dict[str, Any] = {"displayName": r.name, "policyDefinitionId": r.policy, "severity": "Medium"}
        properties |= {
            "description": f"{r.name}, so that an intruder finds less to work with.",
            "categories": ["Compute"],
        }
        properties |= {"userImpact": "Low", "implementationEffort": "Moderate", "assessmentType": "BuiltIn"}
        properties |= {
            "publishDates": {"public": "03/01/2024"} if r.preview else {"GA": "06/01/2024", "public": "03/01/2024"}
        }
        properties |= {"preview": True} if r.preview else {}
        kind = "Microsoft.Security/assessmentMetadata"
        rows.append({"id": f"/providers/{kind}/{r.key}", "name": r.key, "type": kind, "properties": properties})
    write(folder / "assessment-metadata.json", {"value": rows})
    refs = [{"policyDefinitionReferenceId": r.reference, "policyDefinitionId": r.policy} for r in RECOMMENDATIONS]
    properties = {
        "displayName": "Microsoft cloud security benchmark",
        "policyType": "BuiltIn",
        "policyDefinitions": refs,
    }
    name, kind = INITIATIVE.rpartition("/")[2], "Microsoft.Authorization/policySetDefinitions"
    row = {"id": INITIATIVE, "name": name, "type": kind, "properties": properties}
    write(folder / "policy-set-definitions.json", {"value": [row]})


def plans(folder: Path, subscription: str) -> None:
    plans = "VirtualMachines SqlServers AppServices StorageAccounts KeyVaults Containers OpenSourceRelationalDatabases"
    kind = "Microsoft.Security/pricings"
    rows = []
    for name in [*plans.split(), "CosmosDbs", "Arm", "AI", "CloudPosture", "FoundationalCspm"]:
        properties = {"pricingTier": "Standard", "freeTrialRemainingTime": "PT0S", "enforce": "False"}
        properties |= {"enablementTime": "2023-03-01T12:42:42.1921106Z", "resourcesCoverageStatus": "FullyCovered"}
        path = f"/subscriptions/{subscription}/providers/{kind}/{name}"
        rows.append({"id": path, "name": name, "type": kind, "properties": properties})
    write(folder / "pricings.json", {"value": rows})
    for empty in ("standard-assignments", "security-connectors", "governance-assignments"):
        write(folder / f"{empty}.json", {"value": []})

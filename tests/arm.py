"""A world of one subscription, and the raw ARM answers that Azure would give about it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

Folder = dict[str, Any]
SUB = "11111111-1111-1111-1111-111111111111"
BUILT_IN = "SecurityCenterBuiltIn"
T0 = datetime(2026, 3, 2, 6, tzinfo=UTC)
LONG_AGO = T0 - timedelta(days=30)
INITIATIVE = "/providers/Microsoft.Authorization/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
TYPES = {
    "vm": "Microsoft.Compute/virtualMachines",
    "sql": "Microsoft.Sql/servers",
    "st": "Microsoft.Storage/storageAccounts",
    "kv": "Microsoft.KeyVault/vaults",
    "web": "Microsoft.Web/sites",
    "vnet": "Microsoft.Network/virtualNetworks",
}


@dataclass(frozen=True)
class Mark:
    """`status`: Healthy, Unhealthy, NotApplicable, Exempt or OffByPolicy; `mitigated`: what its exemption says."""

    status: str
    changed: datetime | None = None
    first: datetime | None = None
    mitigated: bool = False


@dataclass
class World:
    """What one subscription is made of; see the fields' rendering below for the options of each entry."""

    subscription: str = SUB
    taken: datetime = T0
    tags: dict[str, str] = field(default_factory=dict)
    ancestors: list[str] | None = None  # management groups, nearest first
    record: bool = True  # a secure score record
    weight: float | None = None  # None: as many as resources count
    mitigated: str = "notApplicable"  # how this tenant counts a Mitigated exemption
    controls: dict[str, tuple[float, list[str]]] = field(default_factory=dict)
    marks: dict[tuple[str, str], Mark] = field(default_factory=dict)
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    # preview, GA, public, deprecated ("MM/YYYY"), description, remediation, assessment (a type), severity, effort,
    # impact; None: no metadata
    recommendations: dict[str, dict | None] = field(default_factory=dict)
    # createdTime, changedTime, tags, type; None: not in inventory
    resources: dict[str, dict | None] = field(default_factory=dict)
    plans: dict[str, str | dict] = field(default_factory=lambda: {"FoundationalCspm": "Standard"})
    exemptions: dict[str, dict] = field(default_factory=dict)  # of `exemption`
    standards: dict[str, dict] = field(default_factory=dict)  # of `standard_exemption`
    # scope, excluded, initiative, parameters (name to value), metadata, and the options of `_recorded`
    assignments: dict[str, dict] = field(default_factory=lambda: {BUILT_IN: {}})
    connectors: dict[str, dict] = field(default_factory=dict)  # the options of `_recorded`
    governance: dict[tuple[str, str], dict] = field(default_factory=dict)  # due, grace, owner
    switches: dict[str, str] = field(default_factory=dict)  # recommendation to the initiative's parameter for it
    version: str | None = None  # of the initiative
    without: tuple[str, ...] = ()  # files that are left out

    def id(self, name: str) -> str:
        return resource(name, self.subscription)

    def __deepcopy__(self, memo: dict[int, Any]) -> World:
        """One that can be changed apart: entries are replaced, never changed themselves."""
        return replace(self, **{name: dict(value) for name, value in vars(self).items() if isinstance(value, dict)})


# Names and times


def at(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


@cache
def guid(name: str) -> str:
    try:
        return str(UUID(name))
    except ValueError:
        return str(uuid5(NAMESPACE_URL, name))


def key(name: str) -> str:
    return guid(name) if len(name) == 36 else guid(f"recommendation {name}")


def control(name: str) -> str:
    return guid(name) if len(name) == 36 else guid(f"control {name}")


def resource(name: str, subscription: str = SUB) -> str:
    root = f"/subscriptions/{subscription}"
    if name.startswith("/"):
        return name
    if name == "sub":
        return root
    group = f"{root}/resourceGroups/rg"
    word = re.match("[a-z]*", name)[0]  # type: ignore[index]
    if name == "rg":
        return group
    if word == "subnet":
        return f"{group}/providers/{TYPES['vnet']}/net/subnets/{name}"
    if word == "aws":
        return f"{connector('conn', subscription)}/securityentitydata/{name}"
    return f"{group}/providers/{TYPES[word]}/{name}"


def connector(name: str = "conn", subscription: str = SUB) -> str:
    root = f"/subscriptions/{subscription}/resourceGroups/rg"
    return name if name.startswith("/") else f"{root}/providers/Microsoft.Security/securityConnectors/{name}"


def exemption(scope: str = "sub", recs: tuple[str, ...] = (), **options: Any) -> dict[str, Any]:
    """Options: category, expires, assignment (name or id), references (in place of `recs`), selectors, reason, and
    those of `_recorded`."""
    return {"scope": scope, "recs": recs, **options}


def standard_exemption(scope: str, rec: str, **options: Any) -> dict[str, Any]:
    """Options: category, expires, effect, reason, created, by, modified, modified_by."""
    return {"scope": scope, "rec": rec, **options}


def exemption_id(name: str, scope: str = "sub", subscription: str = SUB) -> str:
    return f"{_scope(scope, subscription)}/providers/Microsoft.Authorization/policyExemptions/{name}"


def standard_id(name: str, scope: str, subscription: str = SUB) -> str:
    return f"{_scope(scope, subscription)}/providers/Microsoft.Security/standardAssignments/{name}"


def assignment_id(name: str = BUILT_IN, scope: str = "sub", subscription: str = SUB) -> str:
    inner = "/providers/Microsoft.Authorization/policyAssignments/"
    return name if name.startswith("/") else f"{_scope(scope, subscription)}{inner}{name}"


def policy_id(rec: str) -> str:
    return f"/providers/Microsoft.Authorization/policyDefinitions/{guid(f'policy of {key(rec)}')}"


def reference(rec: str) -> str:
    return f"check{key(rec)[:8]}Monitoring"


def _scope(name: str, subscription: str) -> str:
    if name.startswith("mg:"):
        return f"/providers/Microsoft.Management/managementGroups/{name[3:]}"
    return resource(name, subscription)


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{moment.microsecond:06}0" if moment.microsecond else "") + "Z"


# Counting


def count(world: World) -> dict[str, tuple[int, int]]:
    """Healthy and counted resources of each control, as the marks have it."""
    return {name: (sum(c), len(c)) for name, c in ((n, list(_cells(world, n).values())) for n in world.controls)}


def weight(world: World) -> int:
    return len({r for name in world.controls for r in _cells(world, name)})


def _cells(world: World, name: str) -> dict[str, bool]:
    found: dict[str, bool] = {}
    listed = {key(rec) for rec in world.controls[name][1]}
    unseen = {key(r) for r, d in world.recommendations.items() if d is None or d.get("preview")}
    if "assessment-metadata.json" in world.without:
        unseen = set()
    for (res, rec), m in world.marks.items():
        if key(rec) not in listed or key(rec) in unseen:
            continue
        grace = world.governance.get((res, rec), {})
        shielded = bool(grace and grace.get("grace", True) and grace["due"] > world.taken)
        healthy = m.status == "Healthy" or (m.status == "Exempt" and m.mitigated and world.mitigated == "healthy")
        if healthy or (m.status == "Unhealthy" and not shielded):
            found[world.id(res)] = found.get(world.id(res), True) and healthy
    return found


# Rendering


def render(world: World) -> Folder:
    sub, root = world.subscription, f"/subscriptions/{world.subscription}"
    folder: Folder = {
        "snapshot.json": {"takenAt": iso(world.taken)},
        "subscriptions.json": _list([{
            "id": root, "subscriptionId": sub, "displayName": f"sub {sub[:4]}", "state": "Enabled", "tags": world.tags
        }]),
        "assessment-metadata.json": _list(_metadata(world)),
        "policy-set-definitions.json": _list([_initiative(world)]),
    }  # fmt: skip
    if world.ancestors is not None:
        folder["management-groups.json"] = [{"subscriptionId": sub, "ancestors": world.ancestors}]
    from_world: dict[str, Callable[[World], list[dict]]] = {
        "secure-scores": _scores,
        "secure-score-controls": _controls,
        "assessments": _assessments,
        "pricings": _pricings,
        "policy-exemptions": _exemptions,
        "standard-assignments": _standards,
        "policy-assignments": _assignments,
        "security-connectors": _connectors,
        "resources": _resources,
        "governance-assignments": _governance,
    }
    folder |= {f"{sub}/{name}.json": _list(rows(world)) for name, rows in from_world.items()}
    return {path: content for path, content in folder.items() if path.rpartition("/")[2] not in world.without}


def _list(rows: list[dict]) -> dict[str, Any]:
    return {"value": rows}


def _row(at: str, kind: str, properties: dict, **more: Any) -> dict[str, Any]:
    return {"id": at, "name": at.rpartition("/")[2], "type": kind, "properties": properties, **more}


def _recs(world: World) -> list[str]:
    named = [r for _, recs in world.controls.values() for r in recs] + [rec for _, rec in world.marks]
    return sorted({*named, *world.recommendations})


def _metadata(world: World) -> list[dict]:
    rows = []
    for rec in _recs(world):
        told = world.recommendations.get(rec, {})
        if told is not None:
            dates = {n: told[n].strftime("%m/%d/%Y %H:%M:%S") for n in ("GA", "public") if told.get(n)}
            p = {"displayName": f"Recommendation {rec}", "policyDefinitionId": policy_id(rec), "severity": "High"}
            kind = told.get("assessment", "BuiltIn")
            p |= {"assessmentType": kind, "preview": bool(told.get("preview")), "publishDates": dates}
            texts = {"deprecated": "plannedDeprecationDate", "description": "description"}
            texts |= {"remediation": "remediationDescription"}
            texts |= {"severity": "severity", "effort": "implementationEffort", "impact": "userImpact"}
            p |= {name: told[option] for option, name in texts.items() if told.get(option)}
            kind = "Microsoft.Security/assessmentMetadata"
            rows.append(_row(f"/providers/{kind}/{key(rec)}", kind, p))
    return rows


def _initiative(world: World) -> dict:
    policies: list[dict] = []
    for rec in _recs(world):
        policies.append({"policyDefinitionReferenceId": reference(rec), "policyDefinitionId": policy_id(rec)})
        if rec in world.switches:
            policies[-1]["parameters"] = {"effect": {"value": f"[parameters('{world.switches[rec]}')]"}}
    p: dict[str, Any] = {"displayName": "Microsoft cloud security benchmark", "policyDefinitions": policies}
    p |= {"version": world.version} if world.version else {}
    return _row(INITIATIVE, "Microsoft.Authorization/policySetDefinitions", p)


def _shown(world: World) -> dict[str, tuple[int, int]]:
    return {**count(world), **{c: n for c, n in world.counts.items() if c in world.controls}}


def _scores(world: World) -> list[dict]:
    if not world.record:
        return []
    counts = _shown(world)
    current = sum(world.controls[c][0] * h / n for c, (h, n) in counts.items() if n)
    maximum = sum(world.controls[c][0] for c, (_, n) in counts.items() if n)
    score = {"max": maximum, "current": round(current, 2), "percentage": round(current / maximum, 4) if maximum else 0}
    w = weight(world) if world.weight is None else world.weight
    p = {"displayName": "ASC score", "score": score, "weight": w}
    kind = "Microsoft.Security/secureScores"
    return [_row(f"/subscriptions/{world.subscription}/providers/{kind}/ascScore", kind, p)]


def _controls(world: World) -> list[dict]:
    rows, counts = [], _shown(world)
    for name, (maximum, recs) in world.controls.items():
        h, n = counts[name]
        marked = {res for res, rec in world.marks if rec in recs}
        current = round(maximum * h / n, 2) if n else 0.0
        listed = [{"id": f"/providers/Microsoft.Security/assessmentMetadata/{key(rec)}"} for rec in recs]
        definition = {"maxScore": maximum, "source": {"sourceType": "BuiltIn"}, "assessmentDefinitions": listed}
        p = {
            "displayName": f"Control {name}",
            "healthyResourceCount": h,
            "unhealthyResourceCount": n - h,
            "notApplicableResourceCount": max(0, len(marked) - n),
            "score": {
                "max": maximum if n else 0,
                "current": current,
                "percentage": round(current / maximum, 4) if maximum else 0,
            },
            "weight": n,
            "definition": {"name": control(name), "properties": definition},
        }
        kind = "Microsoft.Security/secureScores/secureScoreControls"
        at = f"/subscriptions/{world.subscription}/providers/Microsoft.Security/secureScores/ascScore"
        rows.append(_row(f"{at}/secureScoreControls/{control(name)}", kind, p))
    return rows


def _assessments(world: World) -> list[dict]:
    rows = []
    for (res, rec), m in world.marks.items():
        status: dict[str, Any] = {"code": m.status}
        if m.status in ("Exempt", "OffByPolicy"):
            status = {"code": "NotApplicable", "cause": m.status, "description": m.status}
        if m.first:
            status["firstEvaluationDate"] = iso(m.first)
        if m.changed:
            status["statusChangeDate"] = iso(m.changed)
        source = "Aws" if "/securityentitydata/" in world.id(res) else "Azure"
        p = {"displayName": f"Recommendation {rec}", "resourceDetails": {"source": source, "id": world.id(res)}}
        kind = "Microsoft.Security/assessments"
        rows.append(_row(f"{world.id(res)}/providers/{kind}/{key(rec)}", kind, p | {"status": status}))
    return rows


def _pricings(world: World) -> list[dict]:
    kind = "Microsoft.Security/pricings"
    root = f"/subscriptions/{world.subscription}/providers/{kind}"
    told = {name: {"tier": plan} if isinstance(plan, str) else plan for name, plan in world.plans.items()}
    return [
        _row(f"{root}/{name}", kind, {
            "pricingTier": plan["tier"], "enablementTime": iso(plan["since"]) if plan.get("since") else None
        })
        for name, plan in told.items()
    ]  # fmt: skip


def _recorded(option: dict) -> dict:
    """Options: created, by, by_type, modified, modified_by, modified_type."""
    made = {"createdBy": option.get("by", "ada@contoso.example"), "createdAt": iso(option.get("created") or LONG_AGO)}
    made |= {"createdByType": option["by_type"]} if option.get("by_type") else {}
    if option.get("modified"):
        made |= {"lastModifiedBy": option.get("modified_by", "bob@contoso.example")}
        made |= {"lastModifiedByType": option.get("modified_type", "User"), "lastModifiedAt": iso(option["modified"])}
    return {"systemData": made}


def _exemptions(world: World) -> list[dict]:
    rows = []
    for name, e in world.exemptions.items():
        p = {
            "exemptionCategory": e.get("category", "Waiver"),
            "policyAssignmentId": assignment_id(e.get("assignment", BUILT_IN), "sub", world.subscription),
            "policyDefinitionReferenceIds": list(e.get("references", [reference(r) for r in e["recs"]])),
        }
        p |= {"expiresOn": iso(e["expires"])} if e.get("expires") else {}
        p |= {"resourceSelectors": e["selectors"]} if e.get("selectors") else {}
        p |= {"description": e["reason"]} if e.get("reason") else {}
        row_id = exemption_id(name, e["scope"], world.subscription)
        rows.append(_row(row_id, "Microsoft.Authorization/policyExemptions", p, **_recorded(e)))
    return rows


def _standards(world: World) -> list[dict]:
    rows = []
    for name, e in world.standards.items():
        category, assessed = e.get("category", "Waiver"), {"assessmentKey": key(e["rec"])}
        data = {"exemptionCategory": category, "assignedAssessment": assessed}
        p = {"assignedStandard": None, "effect": e.get("effect", "Exempt"), "exemptionData": data}
        p |= {"expiresOn": iso(e["expires"])} if e.get("expires") else {}
        made = {"createdBy": e.get("by", "ada@contoso.example"), "createdOn": iso(e.get("created") or LONG_AGO)}
        if e.get("modified"):
            by = e.get("modified_by", "bob@contoso.example")
            made |= {"lastUpdatedBy": by, "lastUpdatedOn": iso(e["modified"])}
        p |= {"metadata": made}
        p |= {"description": e["reason"]} if e.get("reason") else {}
        row_id = standard_id(name, e["scope"], world.subscription)
        rows.append(_row(row_id, "Microsoft.Security/standardAssignments", p))
    return rows


def _assignments(world: World) -> list[dict]:
    rows = []
    for name, a in world.assignments.items():
        scope = a.get("scope", "sub")
        p = {"displayName": name, "scope": _scope(scope, world.subscription), "notScopes": a.get("excluded", [])}
        parameters = {name: {"value": value} for name, value in a.get("parameters", {}).items()}
        p |= {"policyDefinitionId": a.get("initiative", INITIATIVE), "parameters": parameters}
        p |= {"metadata": a["metadata"]} if a.get("metadata") else {}
        row_id = assignment_id(name, scope, world.subscription)
        rows.append(_row(row_id, "Microsoft.Authorization/policyAssignments", p, **_recorded(a)))
    return rows


def _connectors(world: World) -> list[dict]:
    kind = "Microsoft.Security/securityConnectors"
    p = {"hierarchyIdentifier": "123456789012", "environmentName": "AWS", "offerings": []}
    return [_row(connector(n, world.subscription), kind, p, **_recorded(c)) for n, c in world.connectors.items()]


def _resources(world: World) -> list[dict]:
    known: dict[str, dict | None] = {world.id(r): {} for r, _ in world.marks}
    known |= {world.id(r): told for r, told in world.resources.items()}
    rows = []
    for named, told in known.items():
        unlisted = "/providers/" not in named or "/subnets/" in named or "/securityentitydata/" in named
        if told is None or (unlisted and not told):
            continue
        parts = defaultdict(list, enumerate(named.rpartition("/providers/")[2].split("/")))
        row = {
            "id": named,
            "name": parts[2],
            "type": told.get("type", f"{parts[0]}/{parts[1]}"),
            "location": "westeurope",
        }
        row |= {"tags": told.get("tags", {})}
        row |= {name: iso(told[name]) for name in ("createdTime", "changedTime") if told.get(name)}
        rows.append(row)
    return rows


def _governance(world: World) -> list[dict]:
    kind = "Microsoft.Security/assessments/governanceAssignments"
    rows = []
    for (res, rec), g in world.governance.items():
        above = f"{world.id(res)}/providers/Microsoft.Security/assessments/{key(rec)}"
        row_id = f"{above}/governanceAssignments/{guid(res + rec)}"
        due = {"remediationDueDate": iso(g["due"]), "isGracePeriod": g.get("grace", True)}
        rows.append(_row(row_id, kind, {"owner": g.get("owner", "ada@contoso.example"), **due}))
    return rows

"""An estate as Azure Resource Manager answers about it: one evidence folder, raw.

Rows that have not changed since the last folder are the same objects: whoever reads them must not change them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from benchmarks.labelled.cast import Actor
from benchmarks.labelled.chain import Folder
from benchmarks.labelled.estate import Estate
from benchmarks.labelled.land import (
    INITIATIVE,
    TYPES,
    Exemption,
    Mark,
    Pair,
    Recommendation,
    Resource,
    Subscription,
    Written,
)
from benchmarks.labelled.reality import covers
from benchmarks.labelled.records import iso, type_of

Row = dict[str, Any]
_KINDS = {"user": "User", "application": "Application", "managedIdentity": "ManagedIdentity"}
_AGENT = "/extensions/AzureMonitorLinuxAgent"


class Answers:
    """Renders one estate again and again."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._marks: dict[Pair, tuple[Mark, Row]] = {}
        self._rows: dict[str, tuple[Any, Row]] = {}

    def folder(self) -> Folder:
        """Everything, as it is now."""
        estate = self._estate
        members = [one for one in estate.subscriptions.values() if one.member]
        found: Folder = {
            "snapshot.json": {"takenAt": iso(estate.now)},
            "subscriptions.json": _list([self._subscription(one) for one in members]),
            "management-groups.json": [{"subscriptionId": o.id, "ancestors": list(o.ancestors)} for o in members],
            "assessment-metadata.json": _list([_metadata(r) for r in estate.recommendations.values() if r.exists]),
            "policy-set-definitions.json": _list([self._initiative()]),
        }
        for one in members:
            if one.state == "Enabled":
                found |= {f"{one.id}/{name}.json": _list(rows) for name, rows in self._of(one).items()}
        return found

    def _of(self, account: Subscription) -> dict[str, list[Row]]:
        estate = self._estate
        exemptions = [one for one in estate.exemptions.values() if _seen(one.scope, account)]
        scored = estate.shown(account) is not None
        return {
            "secure-scores": self._score(account),
            "secure-score-controls": self._controls(account),
            "assessments": [self._mark(at, mark) for at, mark in account.marks.items()] if scored else [],
            "resources": self._resources(account),
            "pricings": [_plan(account, name, since) for name, since in account.plans.items()],
            "policy-exemptions": [self._exemption(one) for one in exemptions if one.assignment],
            "standard-assignments": [_standard(one) for one in exemptions if not one.assignment],
            "policy-assignments": self._assignments(account),
            "security-connectors": [_connector(at, one) for at, one in account.connectors.items()],
            "governance-assignments": self._governance(account),
        }

    def _subscription(self, account: Subscription) -> Row:
        return {
            "id": account.path,
            "subscriptionId": account.id,
            "displayName": account.name,
            "tenantId": self._estate.tenant,
            "state": account.state,
            "tags": account.tags,
        }

    def _initiative(self) -> Row:
        known = {one.policy: one for one in self._estate.recommendations.values()}
        policies = [
            {
                "policyDefinitionReferenceId": one.reference,
                "policyDefinitionId": _policy(one),
                "parameters": {"effect": {"value": f"[parameters('{one.switch}')]"}},
            }
            for one in known.values()
        ]
        version = f"57.{self._estate.version}.0"
        p = {"displayName": "Microsoft cloud security benchmark", "policyDefinitions": policies, "version": version}
        return _row(INITIATIVE, "Microsoft.Authorization/policySetDefinitions", p | {"metadata": {"version": version}})

    # Score

    def _score(self, account: Subscription) -> list[Row]:
        counts = self._estate.shown(account)
        if counts is None:
            return []
        live = [one for one in counts.controls.values() if one.counted]
        maximum = sum(one.maximum for one in live)
        current = sum(one.maximum * one.healthy / one.counted for one in live)
        score = {"max": maximum, "current": round(current, 2), "percentage": round(current / maximum, 4)}
        kind = "Microsoft.Security/secureScores"
        p = {"displayName": "ASC score", "score": score, "weight": counts.weight}
        return [_row(f"{account.path}/providers/{kind}/ascScore", kind, p)]

    def _controls(self, account: Subscription) -> list[Row]:
        counts, rows = self._estate.shown(account), []
        for name, control in self._estate.controls.items() if counts else ():
            assert counts is not None
            n, h = counts.controls[name].counted, counts.controls[name].healthy
            current = round(control.maximum * h / n, 2) if n else 0.0
            listed = [{"id": f"/providers/Microsoft.Security/assessmentMetadata/{key}"} for key in control.listed]
            source = {"sourceType": "BuiltIn"}
            definition = {"maxScore": control.maximum, "source": source, "assessmentDefinitions": listed}
            p = {
                "displayName": control.title,
                "healthyResourceCount": h,
                "unhealthyResourceCount": n - h,
                "notApplicableResourceCount": 0,
                "score": {
                    "max": control.maximum if n else 0,
                    "current": current,
                    "percentage": round(current / control.maximum, 4),
                },
                "weight": n,
                "definition": {"name": name, "properties": definition},
            }
            at = f"{account.path}/providers/Microsoft.Security/secureScores/ascScore/secureScoreControls/{name}"
            rows.append(_row(at, "Microsoft.Security/secureScores/secureScoreControls", p))
        return rows

    def _mark(self, at: Pair, mark: Mark) -> Row:
        known = self._marks.get(at)
        if known is None or known[0] is not mark:
            self._marks[at] = known = mark, self._assessment(at, mark)
        return known[1]

    def _assessment(self, at: Pair, mark: Mark) -> Row:
        resource, key = at
        status: Row = {"code": mark.status}
        if mark.status in ("Exempt", "Mitigated", "OffByPolicy"):
            cause = "OffByPolicy" if mark.status == "OffByPolicy" else "Exempt"
            status = {"code": "NotApplicable", "cause": cause, "description": cause}
        status |= {"firstEvaluationDate": iso(mark.first), "statusChangeDate": iso(mark.changed)}
        details = {"source": "Aws" if "/securityentitydata/" in resource else "Azure", "id": resource}
        p = {"displayName": self._estate.recommendations[key].title, "resourceDetails": details, "status": status}
        kind = "Microsoft.Security/assessments"
        return _row(f"{resource}/providers/{kind}/{key}", kind, p)

    # Context

    def _resources(self, account: Subscription) -> list[Row]:
        rows = []
        for one in self._estate.resources.values():
            if one.subscription != account.id or one.word in ("sub", "aws", "subnet"):
                continue
            state = one.changed, one.agent
            known = self._rows.get(one.id)
            if known is None or known[0] != state:
                self._rows[one.id] = known = state, _resource(one, "")
            rows.append(known[1])
            if one.agent:
                rows.append(_resource(one, _AGENT))
        return rows

    def _assignments(self, account: Subscription) -> list[Row]:
        rows = []
        for one in self._estate.assignments(account).values():
            off = [self._estate.recommendations[key].switch for key in sorted(one.off)]
            p = {
                "displayName": "Microsoft cloud security benchmark",
                "scope": one.scope,
                "notScopes": [],
                "policyDefinitionId": INITIATIVE,
                "parameters": {name: {"value": "Disabled"} for name in off},
            }
            rows.append(_row(one.id, "Microsoft.Authorization/policyAssignments", p, **_system(one.written)))
        return rows

    def _exemption(self, one: Exemption) -> Row:
        p: Row = {
            "displayName": one.title,
            "description": f"{one.title}, see the risk register",
            "exemptionCategory": "Mitigated" if one.mitigated else "Waiver",
            "policyAssignmentId": one.assignment,
            "policyDefinitionReferenceIds": [self._estate.recommendations[one.recommendation].reference],
        }
        p |= {"expiresOn": iso(one.expires)} if one.expires else {}
        return _row(one.id, "Microsoft.Authorization/policyExemptions", p, **_system(one.written))

    def _governance(self, account: Subscription) -> list[Row]:
        kind = "Microsoft.Security/assessments/governanceAssignments"
        return [
            _row(one.id, kind, {
                "owner": one.owner, "remediationDueDate": iso(one.due), "isGracePeriod": one.grace,
            })
            for at, one in self._estate.governance.items()
            if at[0].split("/")[2] == account.id and at[0] in self._estate.resources
        ]  # fmt: skip


def _list(rows: list[Row]) -> Row:
    return {"value": rows}


def _row(at: str, kind: str, properties: Row, **more: Any) -> Row:
    return {"id": at, "name": at.rpartition("/")[2], "type": kind, "properties": properties, **more}


def _seen(scope: str, account: Subscription) -> bool:
    """Whether a subscription's list shows what was made at a scope."""
    return covers(scope, account.path, account) or scope.startswith(account.path + "/")


def _policy(one: Recommendation) -> str:
    return f"/providers/Microsoft.Authorization/policyDefinitions/{one.policy}"


def _metadata(one: Recommendation) -> Row:
    dates = {"GA": one.general, "public": one.public}
    p: Row = {
        "displayName": one.title,
        "policyDefinitionId": _policy(one),
        "description": f"{one.title}. Edition {one.edition}.",
        "remediationDescription": "See the documentation.",
        "severity": "High",
        "assessmentType": "BuiltIn",
        "preview": one.preview,
        "publishDates": {name: f"{at:%m/%d/%Y %H:%M:%S}" for name, at in dates.items() if at is not None},
    }
    p |= {"plannedDeprecationDate": one.deprecated} if one.deprecated else {}
    return _row(f"/providers/Microsoft.Security/assessmentMetadata/{one.key}",
                "Microsoft.Security/assessmentMetadata", p)  # fmt: skip


def _resource(one: Resource, child: str) -> Row:
    row: Row = {"id": one.id + child, "name": one.id.rpartition("/")[2], "location": "westeurope"}
    row |= {"type": type_of(one.id + child) if child else TYPES[one.word]}
    row |= {"tags": {"owner": one.owner} if one.owner and not child else {}}
    return row if child else row | {"createdTime": iso(one.created), "changedTime": iso(one.changed)}


def _plan(account: Subscription, name: str, since: datetime | None) -> Row:
    p: Row = {"pricingTier": "Standard" if since else "Free", "enablementTime": iso(since) if since else None}
    return _row(account.plan(name), "Microsoft.Security/pricings", p)


def _named(actor: Actor) -> str:
    return actor.address or actor.id


def _system(written: Written) -> Row:
    return {
        "systemData": {
            "createdBy": _named(written.by),
            "createdByType": _KINDS[written.by.type],
            "createdAt": iso(written.at),
            "lastModifiedBy": _named(written.changed_by),
            "lastModifiedByType": _KINDS[written.changed_by.type],
            "lastModifiedAt": iso(written.changed_at),
        }
    }


def _standard(one: Exemption) -> Row:
    written = one.written
    p: Row = {
        "displayName": one.title,
        "description": f"{one.title}, see the risk register",
        "assignedStandard": None,
        "effect": "Exempt",
        "excludedScopes": [],
        "exemptionData": {
            "exemptionCategory": "Mitigated" if one.mitigated else "Waiver",
            "assignedAssessment": {"assessmentKey": one.recommendation},
        },
        "metadata": {
            "createdBy": _named(written.by),
            "createdOn": iso(written.at),
            "lastUpdatedBy": _named(written.changed_by),
            "lastUpdatedOn": iso(written.changed_at),
        },
    }
    p |= {"expiresOn": iso(one.expires)} if one.expires else {}
    return _row(one.id, "Microsoft.Security/standardAssignments", p)


def _connector(at: str, written: Written) -> Row:
    p = {"hierarchyIdentifier": "123456789012", "environmentName": "AWS", "offerings": []}
    return _row(at, "Microsoft.Security/securityConnectors", p, **_system(written))

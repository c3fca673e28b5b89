"""Snapshots back to an evidence folder, in the shape in which Azure Resource Manager answers.

What a snapshot keeps is written, and nothing else: reading the folder gives an equal snapshot. A folder appears whole,
under its name, or not at all.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from drift.errors import EvidenceError
from drift.model import (
    NEVER,
    Because,
    Context,
    Control,
    Evidence,
    Exemption,
    Health,
    Inventory,
    Json,
    Marks,
    Recommendation,
    Score,
    Snapshot,
    Status,
    Subscription,
    moment,
)
from drift.names import Names

_CODES = {Status.HEALTHY: "Healthy", Status.UNHEALTHY: "Unhealthy", Status.NOT_APPLICABLE: "NotApplicable"}
_CAUSES = {Because.EXEMPT: "Exempt", Because.OFF_BY_POLICY: "OffByPolicy"}
_SECURITY = "/providers/Microsoft.Security"


def write(folder: Path, snapshots: Iterable[Snapshot], taken_at: int | None = None) -> None:
    """Writes snapshots of one time to a new folder. Raises EvidenceError if it is there, or there is no snapshot.

    One snapshot is held at a time. The folder's time is `taken_at`, or that of the first snapshot.
    """
    if folder.exists():
        raise EvidenceError(f"{folder}: is there already")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        tenant = _Tenant(taken_at)
        for snapshot in snapshots:
            tenant.add(snapshot)
            if snapshot.score is not None or snapshot.subscription.live:
                _subscription(part / snapshot.subscription.id, snapshot)
        tenant.write(part)
        part.chmod(0o755)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part)
        raise


class _Tenant:
    """What is common to the snapshots seen: the files beside the subscriptions' folders."""

    def __init__(self, taken_at: int | None) -> None:
        self._taken_at = taken_at
        self._lists: dict[str, list[Json]] = {"subscriptions.json": []}
        self._above: list[Json] | None = []

    def add(self, snapshot: Snapshot) -> None:
        one, context, lists = snapshot.subscription, snapshot.context, self._lists
        self._taken_at = snapshot.taken_at if self._taken_at is None else self._taken_at
        lists["subscriptions.json"].append(_of_subscription(one))
        if context.recommendations is not None and "assessment-metadata.json" not in lists:
            known = context.recommendations.items()
            lists["assessment-metadata.json"] = [_metadata(snapshot.recommendations[at], what) for at, what in known]
        if context.initiatives is not None and "policy-set-definitions.json" not in lists:
            lists["policy-set-definitions.json"] = [_initiative(*item) for item in context.initiatives.items()]
        if context.ancestors is None:
            self._above = None  # one that is not known can't be left out: it would have none
        elif self._above is not None:
            self._above.append({"subscriptionId": one.id, "ancestors": context.ancestors})

    def write(self, folder: Path) -> None:
        if self._taken_at is None or not self._lists["subscriptions.json"]:
            raise EvidenceError("there is no subscription to write")
        (folder / "snapshot.json").write_bytes(msgspec.json.encode({"takenAt": date(self._taken_at)}))
        above = {} if self._above is None else {"management-groups.json": self._above}
        for name, rows in (self._lists | above).items():
            _list(folder / name, rows)


def _subscription(folder: Path, snapshot: Snapshot) -> None:
    folder.mkdir()
    root = f"/subscriptions/{snapshot.subscription.id}"
    _list(folder / "secure-scores.json", _score(root, snapshot.score))
    if snapshot.score is not None:
        keys = snapshot.recommendations
        _list(folder / "secure-score-controls.json", (_control(root, c, keys) for c in snapshot.controls))
        _list(folder / "assessments.json", _marks(snapshot.marks, snapshot.resources, keys))
    for name, rows in _context(root, snapshot.context, snapshot.resources, snapshot.recommendations):
        _list(folder / name, rows)


def _list(path: Path, rows: Iterable[Any]) -> None:
    """A list answer, a row at a time: it may be long."""
    with path.open("wb") as file:
        file.write(b'{"value":[')
        for number, row in enumerate(rows):
            file.write((b"," if number else b"") + msgspec.json.encode(row))
        file.write(b"]}")


def date(tick: int) -> str | None:
    """A tick as Azure writes dates, to 100 ns; None for NEVER."""
    if tick == NEVER:
        return None
    whole = moment(tick).replace(microsecond=0, tzinfo=None).isoformat()
    return f"{whole}.{tick % 10_000_000:07d}Z"


def _of_subscription(one: Subscription) -> Json:
    own = {"id": f"/subscriptions/{one.id}", "subscriptionId": one.id, "displayName": one.name, "state": one.state}
    return own | {"tenantId": one.tenant, "tags": one.tags}


def _score(root: str, score: Score | None) -> list[Json]:
    if score is None:
        return []
    inner = {"max": score.maximum, "current": score.current, "percentage": score.percentage}
    identity = {"id": f"{root}{_SECURITY}/secureScores/ascScore", "name": "ascScore"}
    return [identity | {"properties": {"score": inner, "weight": score.weight}}]


def _control(root: str, control: Control, keys: Names) -> Json:
    listed = [{"id": f"{_SECURITY}/assessmentMetadata/{keys[place]}"} for place in control.recommendations]
    return {
        "id": f"{root}{_SECURITY}/secureScores/ascScore/secureScoreControls/{control.name}",
        "name": control.name,
        "properties": {
            "displayName": control.title,
            "healthyResourceCount": control.healthy,
            "unhealthyResourceCount": control.unhealthy,
            "definition": {
                "name": control.name,
                "properties": {"maxScore": control.maximum, "assessmentDefinitions": listed},
            },
        },
    }


def _marks(marks: Marks, resources: Names, keys: Names) -> Iterator[Json]:
    columns = (marks.resource, marks.recommendation, marks.status, marks.because, marks.changed, marks.first)
    for place, key, code, because, changed, first in zip(*(c.tolist() for c in columns), strict=True):
        resource, name = resources[place], keys[key]
        status = {"code": _CODES[Status(code)], "statusChangeDate": date(changed), "firstEvaluationDate": date(first)}
        if because:
            status["cause"] = _CAUSES[Because(because)]
        yield {
            "id": f"{resource}{_SECURITY}/assessments/{name}",
            "name": name,
            "properties": {"resourceDetails": {"source": "Azure", "id": resource}, "status": status},
        }


def _metadata(key: str, one: Recommendation) -> Json:
    published = {"GA": _american(one.general), "public": _american(one.public)}
    return {
        "id": f"{_SECURITY}/assessmentMetadata/{key}",
        "name": key,
        "properties": {
            "displayName": one.title,
            "preview": one.preview,
            "policyDefinitionId": one.policy,
            "severity": one.severity,
            "publishDates": published,
        },
    }


def _american(tick: int) -> str | None:
    at = moment(tick) if tick != NEVER else None
    return None if at is None else f"{at:%m/%d/}{at.year:04d}{at: %H:%M:%S}"


def _initiative(identity: str, references: Any) -> Json:
    policies = [
        {"policyDefinitionReferenceId": reference, "policyDefinitionId": policy}
        for reference, policy in references.items()
    ]
    return {"id": identity, "properties": {"policyDefinitions": policies}}


def _context(root: str, context: Context, resources: Names, keys: Names) -> Iterator[tuple[str, Iterable[Json]]]:
    if context.inventory is not None:
        yield "resources.json", _inventory(context.inventory, resources)
    if context.plans is not None:
        yield (
            "pricings.json",
            (
                {
                    "id": f"{root}{_SECURITY}/pricings/{plan.name}",
                    "name": plan.name,
                    "properties": {
                        "pricingTier": "Standard" if plan.on else "Free",
                        "enablementTime": date(plan.enabled_at),
                    },
                }
                for plan in context.plans.values()
            ),
        )
    if context.connectors is not None:
        rows = ({"id": c.id, "name": c.name} | _made(c.made) for c in context.connectors.values())
        yield "security-connectors.json", rows
    if context.assignments is not None:
        yield (
            "policy-assignments.json",
            (
                {
                    "id": a.id,
                    "properties": {"scope": a.scope, "policyDefinitionId": a.definition, "notScopes": a.excluded},
                }
                | _made(a.made)
                for a in context.assignments.values()
            ),
        )
    if context.policy_exemptions is not None:
        yield "policy-exemptions.json", map(_policy_exemption, context.policy_exemptions.values())
    if context.standard_exemptions is not None:
        yield "standard-assignments.json", map(_standard_exemption, context.standard_exemptions.values())
    if context.provisioning is not None:
        yield "auto-provisioning-settings.json", (_provisioning(root, *item) for item in context.provisioning.items())
    if context.health is not None:
        yield "health-reports.json", (_health(*item) for item in context.health.items())
    if context.graces is not None:
        yield (
            "governance-assignments.json",
            (
                {
                    "id": f"{resources[g.resource]}{_SECURITY}/assessments/{keys[g.recommendation]}"
                    f"/governanceAssignments/grace-{number}",
                    "properties": {"isGracePeriod": True, "remediationDueDate": date(g.due)},
                }
                for number, g in enumerate(context.graces)
            ),
        )


def _provisioning(root: str, name: str, on: bool) -> Json:
    identity = {"id": f"{root}{_SECURITY}/autoProvisioningSettings/{name}", "name": name}
    return identity | {"properties": {"autoProvision": "On" if on else "Off"}}


def _health(identity: str, one: Health) -> Json:
    own = {"status": {"code": one.status}, "affectedDefendersPlans": one.plans}
    return {"id": identity, "properties": own | {"issues": [{"issueName": name} for name in one.issues]}}


def _inventory(inventory: Inventory, resources: Names) -> Iterator[Json]:
    columns = (inventory.resource, inventory.created, inventory.tags)
    for place, created, tags in zip(*(c.tolist() for c in columns), strict=True):
        yield {"id": resources[place], "createdTime": date(created), "tags": inventory.tag_sets[tags]}


def _made(made: Evidence) -> Json:
    record = {"createdBy": made.actor, "createdByType": made.actor_type, "createdAt": date(made.at)}
    return {"systemData": record} if made.source == "systemData" else {}


def _policy_exemption(one: Exemption) -> Json:
    own: Json = {
        "displayName": one.title,
        "exemptionCategory": "Mitigated" if one.mitigated else "Waiver",
        "expiresOn": date(one.expires),
        "policyAssignmentId": one.assignment,
        "policyDefinitionReferenceIds": one.references,
        "resourceSelectors": [{}] if one.selectors else [],
    }
    return {"id": one.id, "properties": own} | _made(one.made)


def _standard_exemption(one: Exemption) -> Json:
    own: Json = {
        "displayName": one.title,
        "effect": "Exempt",
        "expiresOn": date(one.expires),
        "excludedScopes": one.excluded,
        "exemptionData": {
            "exemptionCategory": "Mitigated" if one.mitigated else "Waiver",
            "assignedAssessment": {"assessmentKey": one.recommendation},
        },
    }
    if one.made.source == "metadata":
        own["metadata"] = {"createdBy": one.made.actor, "createdOn": date(one.made.at)}
    return {"id": one.id, "properties": own} | _made(one.made)

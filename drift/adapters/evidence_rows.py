"""What surrounds the marks, as rows in the shape in which Azure Resource Manager answers. See `evidence_writer`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from drift.actors import NOTHING, Evidence
from drift.adapters import dates
from drift.model import (
    NEVER,
    Assignment,
    Connector,
    Context,
    Exemption,
    Grace,
    Health,
    Inventory,
    Json,
    Plan,
    Recommendation,
    moment,
)
from drift.names import Names

SECURITY = "/providers/Microsoft.Security"


def metadata(key: str, one: Recommendation) -> Json:
    """A row of `assessment-metadata.json`. In place of the descriptions it has their digest, in `assessedBy`."""
    deprecated = f"{at:%m}/{at.year:04d}" if (at := _moment(one.deprecated)) else None
    return {
        "id": f"{SECURITY}/assessmentMetadata/{key}",
        "name": key,
        "properties": {
            "displayName": one.title,
            "preview": one.preview,
            "policyDefinitionId": one.policy,
            "severity": one.severity,
            "implementationEffort": one.effort,
            "userImpact": one.impact,
            "publishDates": {"GA": _american(one.general), "public": _american(one.public)},
            "plannedDeprecationDate": deprecated,
            "assessedBy": one.assessed_by or None,
        },
    }


def initiatives(context: Context) -> Iterator[Json]:
    """The rows of `policy-set-definitions.json`."""
    for identity, references in (context.initiatives or {}).items():
        switches = (context.switches or {}).get(identity, {})
        policies = [_policy(*item, switches.get(item[1])) for item in references.items()]
        own = {"policyDefinitions": policies, "version": (context.versions or {}).get(identity)}
        yield {"id": identity, "properties": own}


def around(root: str, context: Context, resources: Names, keys: Names) -> Iterator[tuple[str, Iterable[Json]]]:
    """The optional files of a subscription's folder with their rows; `root` is `/subscriptions/` and its id."""
    if context.inventory is not None:
        yield "resources.json", _inventory(context.inventory, resources)
    if context.plans is not None:
        yield "pricings.json", (_plan(root, one) for one in context.plans.values())
    if context.connectors is not None:
        yield "security-connectors.json", map(_connector, context.connectors.values())
    if context.assignments is not None:
        yield "policy-assignments.json", map(_assignment, context.assignments.values())
    if context.policy_exemptions is not None:
        yield "policy-exemptions.json", map(_policy_exemption, context.policy_exemptions.values())
    if context.standard_exemptions is not None:
        yield "standard-assignments.json", map(_standard_exemption, context.standard_exemptions.values())
    if context.provisioning is not None:
        yield "auto-provisioning-settings.json", (_provisioning(root, *item) for item in context.provisioning.items())
    if context.health is not None:
        yield "health-reports.json", (_health(*item) for item in context.health.items())
    if context.graces is not None or context.dues is not None:
        rows = [(one, True) for one in context.graces or ()] + [(one, False) for one in context.dues or ()]
        yield "governance-assignments.json", (_governance(one, shield, resources, keys) for one, shield in rows)


def _moment(tick: int) -> datetime | None:
    return moment(tick) if tick != NEVER else None


def _american(tick: int) -> str | None:
    at = _moment(tick)
    return None if at is None else f"{at:%m/%d/}{at.year:04d}{at: %H:%M:%S}"


def _policy(reference: str, definition: str, switch: str | None) -> Json:
    effect = {"parameters": {"effect": {"value": f"[parameters('{switch}')]"}}} if switch is not None else {}
    return {"policyDefinitionReferenceId": reference, "policyDefinitionId": definition, **effect}


def _plan(root: str, one: Plan) -> Json:
    own = {"pricingTier": "Standard" if one.on else "Free", "enablementTime": dates.written(one.enabled_at)}
    return {"id": f"{root}{SECURITY}/pricings/{one.name}", "name": one.name, "properties": own}


def _connector(one: Connector) -> Json:
    return _recorded({"id": one.id, "name": one.name, "properties": {}}, one.made, one.modified)


def _assignment(one: Assignment) -> Json:
    own = {
        "scope": one.scope,
        "policyDefinitionId": one.definition,
        "notScopes": one.excluded,
        "parameters": {name: {"value": value} for name, value in one.parameters.items()},
    }
    return _recorded({"id": one.id, "properties": own}, one.made, one.modified)


def _provisioning(root: str, name: str, on: bool) -> Json:
    identity = {"id": f"{root}{SECURITY}/autoProvisioningSettings/{name}", "name": name}
    return identity | {"properties": {"autoProvision": "On" if on else "Off"}}


def _health(identity: str, one: Health) -> Json:
    own = {"status": {"code": one.status}, "affectedDefendersPlans": one.plans}
    return {"id": identity, "properties": own | {"issues": [{"issueName": name} for name in one.issues]}}


def _inventory(inventory: Inventory, resources: Names) -> Iterator[Json]:
    written = inventory.written.tolist() if inventory.written is not None else [NEVER] * len(inventory.resource)
    columns = (column.tolist() for column in (inventory.resource, inventory.created, inventory.tags))
    for place, created, tags, changed in zip(*columns, written, strict=True):
        times = {"createdTime": dates.written(created), "changedTime": dates.written(changed)}
        yield {"id": resources[place], **times, "tags": inventory.tag_sets[tags]}


def _recorded(row: Json, made: Evidence, modified: Evidence) -> Json:
    """The row with who made and who changed it, each where it was read from."""
    system: Json = {}
    beside: Json = {}
    for one, verb, also in ((made, "created", "created"), (modified, "lastModified", "lastUpdated")):
        if one.source == "systemData":
            system |= {f"{verb}By": one.actor, f"{verb}ByType": one.actor_type, f"{verb}At": dates.written(one.at)}
        elif one != NOTHING:
            beside |= {f"{also}By": one.actor, f"{also}On": dates.written(one.at)}
    row |= {"systemData": system} if system else {}
    return row | ({"properties": row["properties"] | {"metadata": beside}} if beside else {})


def _policy_exemption(one: Exemption) -> Json:
    own: Json = {
        "displayName": one.title,
        "description": one.reason or None,
        "exemptionCategory": "Mitigated" if one.mitigated else "Waiver",
        "expiresOn": dates.written(one.expires),
        "policyAssignmentId": one.assignment,
        "policyDefinitionReferenceIds": one.references,
        "resourceSelectors": [{}] if one.selectors else [],
    }
    return _recorded({"id": one.id, "properties": own}, one.made, one.modified)


def _standard_exemption(one: Exemption) -> Json:
    own: Json = {
        "displayName": one.title,
        "description": one.reason or None,
        "effect": "Exempt",
        "expiresOn": dates.written(one.expires),
        "excludedScopes": one.excluded,
        "exemptionData": {
            "exemptionCategory": "Mitigated" if one.mitigated else "Waiver",
            "assignedAssessment": {"assessmentKey": one.recommendation},
        },
    }
    return _recorded({"id": one.id, "properties": own}, one.made, one.modified)


def _governance(one: Grace, shield: bool, resources: Names, keys: Names) -> Json:
    """There is one of each kind a mark at most."""
    under = f"{resources[one.resource]}{SECURITY}/assessments/{keys[one.recommendation]}/governanceAssignments"
    own = {"owner": one.owner, "remediationDueDate": dates.written(one.due), "isGracePeriod": shield}
    return {"id": f"{under}/{'grace' if shield else 'due'}", "properties": own}

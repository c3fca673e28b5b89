"""The short list answers of Azure into the values of the model.

Raw from Azure Resource Manager or as `az` prints it: `Fields` hides the difference. Ids keep the spelling they have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from drift.adapters import dates
from drift.adapters.fields import Fields, Source, unique
from drift.errors import EvidenceError
from drift.ids import is_guid, last
from drift.model import (
    NEVER,
    Assignment,
    Connector,
    Evidence,
    Exemption,
    Grace,
    Health,
    Plan,
    Recommendation,
    Subscription,
)
from drift.names import Names


def _before(identity: str, provider: str) -> str | None:
    """What an extension resource is about: its id up to the last `/providers/…` of its type."""
    at = identity.lower().rfind(f"/providers/{provider}/")
    return identity[:at] if at >= 0 else None


def _made(row: Fields) -> Evidence:
    record = row.object("systemData")
    if record is not None:
        actor, kind = record.text("createdBy"), record.text("createdByType")
        return Evidence("systemData", record.date("createdAt"), actor, kind)
    record = row.object("metadata")
    if record is not None:
        return Evidence("metadata", record.date("createdOn"), record.text("createdBy"))
    return Evidence("")


def subscriptions(path: Source, rows: list[Fields]) -> dict[str, Subscription]:
    """By id. From ARM, or from `az account list`, whose `id` is the GUID and whose `name` is the display name."""

    def one(row: Fields) -> tuple[str, Subscription]:
        identity = row.text("subscriptionId") or last(row.need("id"))
        if not is_guid(identity):
            raise row.fail(f"{identity[:60]!r} is not a subscription id")
        name = row.text("displayName") or row.text("name") or identity
        state = row.text("state") or "Enabled"
        return identity, Subscription(identity, name, row.text("tenantId"), state, dict(sorted(row.tags().items())))

    return unique(path, map(one, rows))


def metadata(path: Source, rows: list[Fields]) -> dict[str, Recommendation]:
    """Recommendations by name."""

    def one(row: Fields) -> tuple[str, Recommendation]:
        published = row.object("publishDates")
        policy = row.text("policyDefinitionId")
        return row.need("name"), Recommendation(
            row.text("displayName") or row.need("name"),
            row.flag("preview"),
            policy.lower() if policy else None,
            row.text("severity"),
            dates.american(published.text("public")) if published else NEVER,
            dates.american(published.text("GA")) if published else NEVER,
        )

    return unique(path, map(one, rows))


def placed(known: Mapping[str, Recommendation] | None, recommendations: Names) -> dict[int, Recommendation] | None:
    """The same by position."""
    return None if known is None else {recommendations.place(name): one for name, one in known.items()}


def initiatives(path: Source, rows: list[Fields]) -> dict[str, dict[str, str]]:
    """Initiative id to (reference to policy definition id), all in lower case."""

    def one(row: Fields) -> tuple[str, dict[str, str]]:
        references: dict[str, str] = {}
        for policy in row.objects("policyDefinitions"):
            definition = policy.need("policyDefinitionId").lower()
            reference = (policy.text("policyDefinitionReferenceId") or last(definition)).lower()
            if references.setdefault(reference, definition) != definition:
                raise row.fail(f"reference {reference[:60]} stands for two policies")
        return row.need("id"), dict(sorted(references.items()))

    return unique(path, map(one, rows))


def ancestors(path: Source, rows: list[Fields]) -> dict[str, tuple[str, ...]]:
    """Subscription id to the names of the management groups above it, nearest first, in lower case."""
    above = [(row.need("subscriptionId"), tuple(last(n).lower() for n in row.texts("ancestors"))) for row in rows]
    return unique(path, above)


def plans(path: Source, rows: list[Fields]) -> dict[str, Plan]:
    """By name. On is Standard, whatever the plan costs."""

    def one(row: Fields) -> tuple[str, Plan]:
        name, tier = row.need("name"), row.need("pricingTier").lower()
        if tier not in ("free", "standard"):
            raise row.fail(f"`pricingTier` is {tier!r}, neither Free nor Standard")
        return name, Plan(name, tier == "standard", row.date("enablementTime"))

    return unique(path, map(one, rows))


def provisioning(path: Source, rows: list[Fields]) -> dict[str, bool]:
    """Auto provisioning settings by name: whether each is on."""
    return unique(path, [(row.need("name"), row.need("autoProvision").lower() == "on") for row in rows])


def health(path: Source, rows: list[Fields]) -> dict[str, Health]:
    """Health reports by id."""

    def one(row: Fields) -> tuple[str, Health]:
        status = row.object("status")
        if status is None:
            raise row.fail("`status` is missing")
        issues = tuple(issue.text("issueName") or issue.need("issueKey") for issue in row.objects("issues"))
        return row.need("id"), Health(status.need("code"), row.texts("affectedDefendersPlans"), issues)

    return unique(path, map(one, rows))


def connectors(path: Source, rows: list[Fields]) -> dict[str, Connector]:
    """By id."""
    return unique(path, [(r.need("id"), Connector(r.need("id"), last(r.need("id")), _made(r))) for r in rows])


def assignments(path: Source, rows: list[Fields]) -> dict[str, Assignment]:
    """By id, inherited ones included."""

    def one(row: Fields) -> tuple[str, Assignment]:
        identity = row.need("id")
        scope = row.text("scope") or _before(identity, "microsoft.authorization/policyassignments") or ""
        excluded = tuple(sorted(s.lower() for s in row.texts("notScopes")))
        return identity, Assignment(
            identity, scope.lower(), (row.text("policyDefinitionId") or "").lower(), excluded, _made(row)
        )

    return unique(path, map(one, rows))


def policy_exemptions(path: Source, rows: list[Fields]) -> dict[str, Exemption]:
    """By id."""

    def one(row: Fields) -> tuple[str, Exemption]:
        identity = row.need("id")
        scope = _before(identity, "microsoft.authorization/policyexemptions")
        if scope is None:
            raise row.fail(f"{identity[:120]!r} is not the id of a policy exemption")
        return identity, Exemption(
            id=identity,
            scope=scope.lower(),
            title=row.text("displayName") or last(identity),
            mitigated=(row.text("exemptionCategory") or "").lower() == "mitigated",
            expires=row.date("expiresOn"),
            made=_made(row),
            assignment=row.need("policyAssignmentId").lower(),
            references=tuple(sorted(ref.lower() for ref in row.texts("policyDefinitionReferenceIds"))),
            selectors=bool(row.objects("resourceSelectors")),
        )

    return unique(path, map(one, rows))


def standard_exemptions(path: Source, rows: list[Fields]) -> dict[str, Exemption]:
    """By id: of the standard assignments those that exempt from a recommendation."""
    found: list[tuple[str, Exemption]] = []
    for row in rows:
        identity, data = row.need("id"), row.object("exemptionData")
        assessment = data.object("assignedAssessment") if data else None
        key = assessment.text("assessmentKey") if assessment else None
        if (row.text("effect") or "").lower() != "exempt" or data is None or not key:
            continue
        scope = _before(identity, "microsoft.security/standardassignments")
        if scope is None:
            raise row.fail(f"{identity[:120]!r} is not the id of a standard assignment")
        found.append(
            (
                identity,
                Exemption(
                    id=identity,
                    scope=scope.lower(),
                    title=row.text("displayName") or last(identity),
                    mitigated=(data.text("exemptionCategory") or "").lower() == "mitigated",
                    expires=row.date("expiresOn"),
                    made=_made(row),
                    recommendation=key.lower(),
                    excluded=tuple(sorted(s.lower() for s in row.texts("excludedScopes"))),
                ),
            )
        )
    return unique(path, found)


def _grace(row: Fields) -> tuple[str, tuple[str, bool, int]]:
    return row.need("id"), (row.need("id"), row.flag("isGracePeriod"), row.date("remediationDueDate"))


def graces(path: Source, rows: list[Fields], resources: Names, recommendations: Names) -> tuple[Grace, ...]:
    """The governance assignments with a grace period, the latest due date where one mark has several."""
    found: dict[tuple[int, int], int] = {}
    for identity, shield, due in unique(path, map(_grace, rows)).values():
        assessment = _before(identity, "microsoft.security/assessments")
        parts = re.search(r"/providers/microsoft\.security/assessments/([^/]+)/", identity, re.IGNORECASE)
        if assessment is None or parts is None:
            raise EvidenceError(f"{path}: {identity[:120]!r} is not the id of a governance assignment")
        if shield and due != NEVER:
            mark = resources.place(assessment), recommendations.place(parts[1])
            found[mark] = max(due, found.get(mark, NEVER))
    return tuple(Grace(*mark, due) for mark, due in found.items())

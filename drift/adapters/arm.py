"""The short list answers of Azure into the values of the model.

Raw from Azure Resource Manager or as `az` prints it: `Fields` hides the difference. Ids keep the spelling they have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from drift.adapters import dates
from drift.adapters.authorship import made, modified
from drift.adapters.fields import Fields, Source, unique
from drift.errors import EvidenceError
from drift.ids import is_guid, last
from drift.model import NEVER, Assignment, Connector, Exemption, Grace, Health, Plan, Recommendation, Subscription
from drift.names import Names


def _before(identity: str, provider: str) -> str | None:
    """What an extension resource is about: its id up to the last `/providers/…` of its type."""
    at = identity.lower().rfind(f"/providers/{provider}/")
    return identity[:at] if at >= 0 else None


_ASSESSED = ("description", "remediationDescription")
"""What Microsoft rewrites when it assesses something else under the same key."""

_SWITCH = re.compile(r"\[\s*parameters\(\s*'([^']+)'\s*\)\s*\]", re.IGNORECASE)
"""How an initiative hands one of its parameters on to a policy."""


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
            dates.month(row.text("plannedDeprecationDate")),
            row.line("assessedBy") or _assessed_by(row),
            row.text("implementationEffort"),
            row.text("userImpact"),
        )

    return unique(path, map(one, rows))


def _assessed_by(row: Fields) -> str:
    """A digest of what is assessed; "" where no description tells, as in a file that was shortened."""
    if not any(map(row.text, _ASSESSED)):
        return ""
    policy = (row.text("policyDefinitionId") or "").lower()
    told = [policy, *map(row.text, _ASSESSED), row.text("assessmentType")]
    return sha256("\0".join(text for text in told if text).encode()).hexdigest()[:16]


def placed(known: Mapping[str, Recommendation] | None, recommendations: Names) -> dict[int, Recommendation] | None:
    """The same by position."""
    return None if known is None else {recommendations.place(name): one for name, one in known.items()}


@dataclass(frozen=True, slots=True)
class Initiatives:
    """What initiatives say, by their id in lower case, as `Context` has it; None: the answer is not at hand."""

    references: Mapping[str, Mapping[str, str]] | None = None
    switches: Mapping[str, Mapping[str, str]] | None = None
    versions: Mapping[str, str] | None = None


def initiatives(path: Source, rows: list[Fields]) -> Initiatives:
    """What initiatives hold, which parameters switch it, and their versions."""

    def one(row: Fields) -> tuple[str, tuple[dict[str, str], dict[str, str], str | None]]:
        references: dict[str, str] = {}
        switches: dict[str, str] = {}
        for policy in row.objects("policyDefinitions"):
            definition = policy.need("policyDefinitionId").lower()
            reference = (policy.text("policyDefinitionReferenceId") or last(definition)).lower()
            if references.setdefault(reference, definition) != definition:
                raise row.fail(f"reference {reference[:60]} stands for two policies")
            effect = policy.members("parameters").get("effect")
            if effect is not None and (switch := _SWITCH.fullmatch(effect.value("value") or "")):
                name = switch[1].lower()
                switches[definition] = min(name, switches.get(definition, name))  # in whatever order they are listed
        inner = row.object("metadata")
        version = row.value("version") or (inner.value("version") if inner is not None else None)
        return row.need("id"), (dict(sorted(references.items())), dict(sorted(switches.items())), version)

    found = unique(path, map(one, rows))
    return Initiatives(
        {identity: references for identity, (references, _, _) in found.items()},
        {identity: switches for identity, (_, switches, _) in found.items()},
        {identity: version for identity, (_, _, version) in found.items() if version},
    )


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

    def one(row: Fields) -> tuple[str, Connector]:
        return row.need("id"), Connector(row.need("id"), last(row.need("id")), made(row), modified(row))

    return unique(path, map(one, rows))


def assignments(path: Source, rows: list[Fields]) -> dict[str, Assignment]:
    """By id, inherited ones included."""

    def one(row: Fields) -> tuple[str, Assignment]:
        identity = row.need("id")
        scope = row.text("scope") or _before(identity, "microsoft.authorization/policyassignments") or ""
        excluded = tuple(sorted(s.lower() for s in row.texts("notScopes")))
        parameters = {name: inner.value("value") for name, inner in row.members("parameters").items()}
        return identity, Assignment(
            identity,
            scope.lower(),
            (row.text("policyDefinitionId") or "").lower(),
            excluded,
            made(row),
            modified(row),
            {name: value for name, value in parameters.items() if value is not None},
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
            made=made(row),
            assignment=row.need("policyAssignmentId").lower(),
            references=tuple(sorted(ref.lower() for ref in row.texts("policyDefinitionReferenceIds"))),
            selectors=bool(row.objects("resourceSelectors")),
            modified=modified(row),
            reason=row.line("description") or "",
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
                    made=made(row),
                    recommendation=key.lower(),
                    excluded=tuple(sorted(s.lower() for s in row.texts("excludedScopes"))),
                    modified=modified(row),
                    reason=row.line("description") or "",
                ),
            )
        )
    return unique(path, found)


def governance(
    path: Source, rows: list[Fields], resources: Names, recommendations: Names
) -> tuple[tuple[Grace, ...], tuple[Grace, ...]]:
    """The governance assignments with a grace period, and those without; only what has a due date.

    The latest due date where one mark has several.
    """

    def one(row: Fields) -> tuple[str, tuple[str, bool, int, str | None]]:
        identity, due = row.need("id"), row.date("remediationDueDate")
        return identity, (identity, row.flag("isGracePeriod"), due, row.line("owner"))

    found: dict[tuple[bool, int, int], Grace] = {}
    for identity, shield, due, owner in unique(path, map(one, rows)).values():
        assessment = _before(identity, "microsoft.security/assessments")
        parts = re.search(r"/providers/microsoft\.security/assessments/([^/]+)/", identity, re.IGNORECASE)
        if assessment is None or parts is None:
            raise EvidenceError(f"{path}: {identity[:120]!r} is not the id of a governance assignment")
        if due != NEVER:
            grace = Grace(resources.place(assessment), recommendations.place(parts[1]), due, owner)
            known = found.setdefault((shield, grace.resource, grace.recommendation), grace)
            if due > known.due:
                found[shield, grace.resource, grace.recommendation] = grace
    return (
        tuple(grace for (shield, _, _), grace in found.items() if shield),
        tuple(grace for (shield, _, _), grace in found.items() if not shield),
    )

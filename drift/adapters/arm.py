"""The short list answers of Azure into the values of the model.

Raw from Azure Resource Manager or as `az` prints it: `Fields` hides the difference. Ids keep the spelling they have.
"""

from __future__ import annotations

import re
from pathlib import Path

from drift.adapters import dates
from drift.adapters.fields import Fields, unique
from drift.errors import EvidenceError
from drift.ids import last
from drift.model import (
    NEVER,
    Assignment,
    Connector,
    Control,
    Evidence,
    Exemption,
    Grace,
    Plan,
    Recommendation,
    Score,
    Subscription,
)
from drift.names import Names

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def is_subscription_id(text: str) -> bool:
    """Whether a text is a GUID."""
    return _GUID.fullmatch(text) is not None


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


def subscriptions(path: Path, rows: list[Fields]) -> dict[str, Subscription]:
    """By id. From ARM, or from `az account list`, whose `id` is the GUID and whose `name` is the display name."""

    def one(row: Fields) -> tuple[str, Subscription]:
        identity = row.text("subscriptionId") or last(row.need("id"))
        if not is_subscription_id(identity):
            raise row.fail(f"{identity[:60]!r} is not a subscription id")
        name = row.text("displayName") or row.text("name") or identity
        state = row.text("state") or "Enabled"
        return identity, Subscription(identity, name, row.text("tenantId"), state, dict(sorted(row.tags().items())))

    return unique(path, map(one, rows))


def score(path: Path, rows: list[Fields], subscription: str) -> Score | None:
    """The record `ascScore`, whatever other scores the list holds; None if there is none, or an empty one."""
    found = unique(path, [_score(row, subscription) for row in rows if row.need("name").lower() == "ascscore"])
    return next(iter(found.values()), None)


def _score(row: Fields, subscription: str) -> tuple[str, Score | None]:
    _belongs(row, subscription)
    inner = row.object("score") or row
    maximum, percentage = inner.number("max"), inner.number("percentage")
    if maximum is None or percentage is None:
        return "ascscore", None
    current = inner.number("current") or 0.0
    if percentage > 1:
        raise row.fail(f"`percentage` is {percentage}, and can't be above 1")
    if current > maximum + 0.005:
        raise row.fail(f"`current` is {current}, and can't be above `max` {maximum}")
    return "ascscore", Score(current, maximum, percentage, row.amount("weight"))


def _belongs(row: Fields, subscription: str) -> None:
    """Raises EvidenceError for a row of another subscription: it lies in the wrong folder."""
    owner = re.match(r"/subscriptions/([^/]+)/", row.text("id") or "", re.IGNORECASE)
    if owner and owner[1].lower() != subscription.lower():
        raise row.fail(f"belongs to subscription {owner[1][:60]}")


type Definitions = dict[str, tuple[float, tuple[int, ...]]]


def definitions(path: Path, rows: list[Fields], recommendations: Names) -> Definitions:
    """Control definitions by name: maximum and recommendations."""
    return unique(path, [(row.need("name"), _definition(row, recommendations)) for row in rows])


def _definition(row: Fields, recommendations: Names) -> tuple[float, tuple[int, ...]]:
    maximum = row.number("maxScore")
    if maximum is None:
        raise row.fail("the control's definition has no `maxScore`")
    keys = {recommendations.place(last(one.need("id"))) for one in row.objects("assessmentDefinitions")}
    return maximum, tuple(sorted(keys))


def controls(
    path: Path, rows: list[Fields], subscription: str, recommendations: Names, beside: Definitions | None
) -> tuple[Control, ...]:
    """The controls in order of name. `beside` are definitions for an answer read without `$expand=definition`."""

    def one(row: Fields) -> tuple[str, Control]:
        _belongs(row, subscription)
        name = row.need("name")
        inner = row.object("definition")
        if inner is not None and inner.number("maxScore") is not None:
            maximum, keys = _definition(inner, recommendations)
        elif beside and name.lower() in beside:
            maximum, keys = beside[name.lower()]
        else:
            raise row.fail(
                f"control {name} has no definition: read the list with $expand=definition, "
                "or put secure-score-control-definitions.json beside it"
            )
        healthy, unhealthy = row.count("healthyResourceCount"), row.count("unhealthyResourceCount")
        inner = row.object("score") or row
        current, reported = inner.number("current") or 0.0, inner.number("max") or 0.0
        if current > max(reported, maximum) + 0.005:
            raise row.fail(f"`current` is {current}, and can't be above the maximum {max(reported, maximum)}")
        return name, Control(name, row.text("displayName") or name, maximum, healthy, unhealthy, keys)

    return tuple(unique(path, map(one, rows)).values())


def metadata(path: Path, rows: list[Fields], recommendations: Names) -> dict[int, Recommendation]:
    """Recommendations by position."""

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

    return {recommendations.place(key): value for key, value in unique(path, map(one, rows)).items()}


def initiatives(path: Path, rows: list[Fields]) -> dict[str, dict[str, str]]:
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


def ancestors(path: Path, rows: list[Fields]) -> dict[str, tuple[str, ...]]:
    """Subscription id to the names of the management groups above it, nearest first, in lower case."""
    above = [(row.need("subscriptionId"), tuple(last(n).lower() for n in row.texts("ancestors"))) for row in rows]
    return unique(path, above)


def plans(path: Path, rows: list[Fields]) -> dict[str, Plan]:
    """By name. On is Standard, whatever the plan costs."""

    def one(row: Fields) -> tuple[str, Plan]:
        name, tier = row.need("name"), row.need("pricingTier").lower()
        if tier not in ("free", "standard"):
            raise row.fail(f"`pricingTier` is {tier!r}, neither Free nor Standard")
        return name, Plan(name, tier == "standard", row.date("enablementTime"))

    return unique(path, map(one, rows))


def connectors(path: Path, rows: list[Fields]) -> dict[str, Connector]:
    """By id."""
    return unique(path, [(r.need("id"), Connector(r.need("id"), last(r.need("id")), _made(r))) for r in rows])


def assignments(path: Path, rows: list[Fields]) -> dict[str, Assignment]:
    """By id, inherited ones included."""

    def one(row: Fields) -> tuple[str, Assignment]:
        identity = row.need("id")
        scope = row.text("scope") or _before(identity, "microsoft.authorization/policyassignments") or ""
        excluded = tuple(sorted(s.lower() for s in row.texts("notScopes")))
        return identity, Assignment(
            identity, scope.lower(), (row.text("policyDefinitionId") or "").lower(), excluded, _made(row)
        )

    return unique(path, map(one, rows))


def policy_exemptions(path: Path, rows: list[Fields]) -> dict[str, Exemption]:
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


def standard_exemptions(path: Path, rows: list[Fields]) -> dict[str, Exemption]:
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


def graces(path: Path, rows: list[Fields], resources: Names, recommendations: Names) -> tuple[Grace, ...]:
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

"""What the oracle knows of a folder: one `Sub` a subscription and moment, ids lower-cased, dates aware."""

from __future__ import annotations

import re
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Folder = dict[str, Any]
INITIATIVE = "/providers/microsoft.authorization/policysetdefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
GROUPS = "/providers/microsoft.management/managementgroups/"


@dataclass(frozen=True)
class Mark:
    code: str
    cause: str = ""
    changed: datetime | None = None
    first: datetime | None = None

    @property
    def exempt(self) -> bool:
        return self.code == "notapplicable" and self.cause == "exempt"

    @property
    def off(self) -> bool:
        return self.cause == "offbypolicy"


@dataclass(frozen=True)
class Exemption:
    id: str
    scope: str
    mitigated: bool
    expires: datetime | None
    created: datetime | None
    assignment: str | None  # of a policy exemption
    references: tuple[str, ...]
    key: str | None  # of a standard assignment

    def in_force(self, when: datetime) -> bool:
        return self.expires is None or self.expires > when


@dataclass
class Control:
    name: str
    maximum: float
    keys: frozenset[str]
    healthy: int = 0
    counted: int = 0


@dataclass
class Sub:
    """One subscription at one moment. None stands for a file that is not there."""

    id: str
    taken: datetime
    tags: dict[str, str]
    weight: float = 0.0
    recorded: bool = False
    controls: dict[str, Control] = field(default_factory=dict)
    marks: dict[tuple[str, str], Mark] = field(default_factory=dict)
    metadata: dict[str, dict[str, Any]] | None = None
    initiatives: frozenset[str] | None = None
    references: dict[str, str] | None = None
    ancestors: list[str] | None = None
    plans: dict[str, tuple[bool, datetime | None]] | None = None
    exemptions: dict[str, Exemption] | None = None
    standards: dict[str, Exemption] | None = None
    assignments: dict[str, dict[str, Any]] | None = None
    connectors: dict[str, datetime | None] | None = None
    inventory: dict[str, datetime | None] | None = None
    graces: dict[tuple[str, str], datetime] | None = None

    @property
    def maximum(self) -> float:
        return sum(c.maximum for c in self.controls.values() if c.counted)

    @property
    def scored(self) -> bool:
        return self.recorded and self.maximum > 0

    @property
    def percentage(self) -> float:
        points = sum(c.maximum * c.healthy / c.counted for c in self.controls.values() if c.counted)
        return 100 * points / self.maximum

    def exists(self, key: str) -> bool:
        return key in self.metadata if self.metadata is not None else self.listed(key)

    def preview(self, key: str) -> bool:
        return bool(self.metadata is not None and self.metadata.get(key, {}).get("preview"))

    def listed(self, key: str) -> bool:
        return any(key in c.keys for c in self.controls.values())

    def counts(self, key: str) -> bool:
        return self.exists(key) and not self.preview(key) and self.listed(key)

    def counts_in(self, control: str, key: str) -> bool:
        return self.counts(key) and control in self.controls and key in self.controls[control].keys

    def counts_elsewhere(self, control: str, key: str) -> bool:
        return any(self.counts_in(other, key) for other in self.controls if other != control)

    def shielded(self, resource: str, key: str, mark: Mark | None) -> bool:
        due = (self.graces or {}).get((resource, key))
        return mark is not None and mark.code == "unhealthy" and due is not None and due > self.taken


def is_under(resource: str, scope: str) -> bool:
    return resource == scope or resource.startswith(scope.rstrip("/") + "/")


def covers(scope: str, resource: str, sub: Sub) -> bool:
    """A management group covers what the tree says; a list of a subscription only holds groups above it."""
    if scope.startswith(GROUPS):
        return sub.ancestors is None or scope.removeprefix(GROUPS) in sub.ancestors
    return is_under(resource, scope)


def type_of(resource: str) -> str:
    if "/providers/" not in resource:
        return "microsoft.resources/subscriptions" if resource.count("/") == 2 else ""
    namespace, *rest = resource.rpartition("/providers/")[2].split("/")
    return "/".join([namespace, *rest[0::2]])


def when(text: str | None) -> datetime | None:
    """ISO with up to seven digits of a second, or MM/DD/YYYY with or without a time."""
    if not text:
        return None
    if "/" in text:
        month, day, year = text.split(" ")[0].split("/")
        clock = text.split(" ")[1] if " " in text else "00:00:00"
        text = f"{year}-{month:0>2}-{day:0>2}T{clock}"
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def both_known(before: Sub, after: Sub) -> tuple[Sub, Sub]:
    """A context file that is missing at one end is taken to be as at the other; an inventory needs both."""
    before, after = copy(before), copy(after)
    for name in (
        *("metadata", "initiatives", "references", "ancestors", "plans", "exemptions"),
        *("standards", "assignments", "connectors", "graces"),
    ):
        if getattr(before, name) is None:
            setattr(before, name, getattr(after, name))
        if getattr(after, name) is None:
            setattr(after, name, getattr(before, name))
    if before.inventory is None or after.inventory is None:
        before.inventory = after.inventory = None
    return before, after


class Spelling(dict[str, str]):
    """Ids as the data spells them."""

    def low(self, text: str) -> str:
        self[text.lower()] = text
        return text.lower()


def read(folder: Folder, spelling: Spelling) -> dict[str, Sub]:
    low = spelling.low
    taken = when(folder["snapshot.json"]["takenAt"])
    assert taken is not None
    metadata = initiatives = references = None
    if (rows := _rows(folder, "assessment-metadata.json")) is not None:
        metadata = {low(row["name"]): _definition(row["properties"]) for row in rows}
    if (rows := _rows(folder, "policy-set-definitions.json")) is not None:
        initiatives = frozenset(row["id"].lower() for row in rows)
        references = {
            d["policyDefinitionReferenceId"].lower(): d["policyDefinitionId"].lower()
            for row in rows
            for d in row["properties"]["policyDefinitions"]
        }
    trees = _rows(folder, "management-groups.json")
    subs = {}
    for row in _rows(folder, "subscriptions.json") or []:
        sub = Sub(low(row["subscriptionId"]), taken, row.get("tags") or {})
        sub.metadata, sub.initiatives, sub.references = metadata, initiatives, references
        for tree in trees or []:
            if tree["subscriptionId"].lower() == sub.id:
                sub.ancestors = [a.lower() for a in tree["ancestors"]]
        _read_score(sub, folder, row["subscriptionId"], spelling)
        _read_context(sub, folder, row["subscriptionId"], spelling)
        subs[sub.id] = sub
    return subs


def _rows(folder: Folder, path: str) -> list[dict[str, Any]] | None:
    content = folder.get(path)
    return content["value"] if isinstance(content, dict) else content


def _definition(p: dict[str, Any]) -> dict[str, Any]:
    dates = p.get("publishDates") or {}
    policy = (p.get("policyDefinitionId") or "").lower()
    preview = bool(p.get("preview"))
    published = {"ga": when(dates.get("GA")), "public": when(dates.get("public"))}
    return {"preview": preview, "policy": policy, "title": p.get("displayName") or "", **published}


def _read_score(sub: Sub, folder: Folder, name: str, spelling: Spelling) -> None:
    for row in _rows(folder, f"{name}/secure-scores.json") or []:
        if row["name"].lower() == "ascscore" and (row["properties"].get("score") or {}):
            sub.recorded, sub.weight = True, row["properties"].get("weight") or 0
    definitions = {}
    for row in _rows(folder, f"{name}/secure-score-control-definitions.json") or []:
        definitions[row["name"].lower()] = row["properties"]
    for row in _rows(folder, f"{name}/secure-score-controls.json") or []:
        p, control = row["properties"], spelling.low(row["name"])
        definitions[control] = (p.get("definition") or {}).get("properties") or definitions[control]
        h, n = p["healthyResourceCount"], p["healthyResourceCount"] + p["unhealthyResourceCount"]
        sub.controls[control] = Control(row["name"], 0, frozenset(), h, n)
    for control, p in definitions.items():
        entry = sub.controls.setdefault(control, Control(control, 0, frozenset()))
        entry.maximum = p["maxScore"]
        entry.keys = frozenset(d["id"].lower().rpartition("/")[2] for d in p.get("assessmentDefinitions") or [])
    for row in _rows(folder, f"{name}/assessments.json") or []:
        p = row["properties"]
        details = p.get("resourceDetails") or {}
        fallback = re.split("/providers/Microsoft.Security/assessments/", row["id"], flags=re.I)[0]
        resource = spelling.low(details.get("id") or details.get("Id") or fallback)
        status = p["status"]
        sub.marks[resource, spelling.low(row["name"])] = Mark(
            status["code"].lower(),
            (status.get("cause") or "").lower(),
            when(status.get("statusChangeDate")),
            when(status.get("firstEvaluationDate")),
        )


def _read_context(sub: Sub, folder: Folder, name: str, spelling: Spelling) -> None:
    low = spelling.low

    def rows(file: str) -> list[dict[str, Any]] | None:
        return _rows(folder, f"{name}/{file}.json")

    if (found := rows("pricings")) is not None:
        sub.plans = {
            low(r["name"]): (
                r["properties"]["pricingTier"].lower() == "standard",
                when(r["properties"].get("enablementTime")),
            )
            for r in found
        }
    if (found := rows("policy-exemptions")) is not None:
        sub.exemptions = {low(r["id"]): _policy_exemption(r) for r in found}
    if (found := rows("standard-assignments")) is not None:
        exempting = [r for r in found if r["properties"].get("effect", "").lower() == "exempt"]
        sub.standards = {low(r["id"]): _standard_exemption(r) for r in exempting}
    if (found := rows("policy-assignments")) is not None:
        sub.assignments = {low(r["id"]): _assignment(r) for r in found}
    if (found := rows("security-connectors")) is not None:
        sub.connectors = {low(r["id"]): _created(r) for r in found}
    if (found := rows("resources")) is not None:
        sub.inventory = {low(r["id"]): when(r.get("createdTime")) for r in found}
    if (found := rows("governance-assignments")) is not None:
        sub.graces = {}
        for r in found:
            due = when(r["properties"].get("remediationDueDate"))
            if r["properties"].get("isGracePeriod") and due:
                resource, _, rest = r["id"].lower().partition("/providers/microsoft.security/assessments/")
                at = resource, rest.split("/")[0]
                sub.graces[at] = max(due, sub.graces.get(at, due))


def _created(row: dict[str, Any]) -> datetime | None:
    return when((row.get("systemData") or {}).get("createdAt"))


def _assignment(row: dict[str, Any]) -> dict[str, Any]:
    p, inner = row["properties"], "/providers/microsoft.authorization/policyassignments/"
    return {
        "scope": (p.get("scope") or row["id"].lower().rpartition(inner)[0]).lower(),
        "excluded": [s.lower() for s in p.get("notScopes") or []],
        "initiative": p["policyDefinitionId"].lower(),
        "created": _created(row),
    }


def _policy_exemption(row: dict[str, Any]) -> Exemption:
    p = row["properties"]
    return Exemption(
        row["id"].lower(),
        row["id"].lower().rpartition("/providers/microsoft.authorization/policyexemptions/")[0],
        p["exemptionCategory"].lower() == "mitigated",
        when(p.get("expiresOn")),
        _created(row),
        p["policyAssignmentId"].lower(),
        tuple(r.lower() for r in p.get("policyDefinitionReferenceIds") or []),
        None,
    )


def _standard_exemption(row: dict[str, Any]) -> Exemption:
    p = row["properties"]
    data = p.get("exemptionData") or {}
    return Exemption(
        row["id"].lower(),
        row["id"].lower().rpartition("/providers/microsoft.security/standardassignments/")[0],
        (data.get("exemptionCategory") or "").lower() == "mitigated",
        when(p.get("expiresOn")),
        _created(row) or when((p.get("metadata") or {}).get("createdOn")),
        None,
        (),
        (data.get("assignedAssessment") or {}).get("assessmentKey", "").lower(),
    )

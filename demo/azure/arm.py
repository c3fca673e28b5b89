"""Azure Resource Manager as a collector sees it: reads, answered from an evidence folder held as a mapping.

The mapping is encoded once, into one run of bytes a list; a page is a slice of it. What is asked for in a way that this
does not know is an error, never an answer that ignores the question.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demo.azure.answers import Answer, Asked, Paging, Row, Rows, failed, paged, said

Files = Mapping[str, Any]

_LISTS = {
    "microsoft.security/securescores": "secure-scores",
    "microsoft.security/securescorecontrols": "secure-score-controls",
    "microsoft.security/assessments": "assessments",
    "microsoft.security/pricings": "pricings",
    "microsoft.security/securityconnectors": "security-connectors",
    "microsoft.security/standardassignments": "standard-assignments",
    "microsoft.security/autoprovisioningsettings": "auto-provisioning-settings",
    "microsoft.security/healthreports": "health-reports",
    "microsoft.security/governancerules": "governance-rules",
    "microsoft.authorization/policyexemptions": "policy-exemptions",
    "microsoft.authorization/policyassignments": "policy-assignments",
    "microsoft.resources/resources": "resources",
}
_TENANT = ("subscriptions", "assessment-metadata", "policy-set-definitions", "management-groups", "snapshot")
_OWN = frozenset((*_LISTS.values(), "governance-assignments"))
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview|-privatepreview|-beta)?")
_GOVERNED = re.compile(r"/assessments/([^/]+)/governanceassignments/", re.IGNORECASE)
_EXPANDED = {"resources": ("createdTime", "changedTime", "provisioningState"), "secure-score-controls": ("definition",)}
_GROUPS = "/providers/Microsoft.Management/managementGroups"
_ASKABLE = {"api-version", "$skiptoken", "$expand"}


@dataclass(frozen=True, slots=True)
class Condition:
    """What is the matter with a subscription."""

    unregistered: bool = False
    """Microsoft.Security isn't registered: its reads answer 409."""
    unscored: bool = False
    """Defender has not scored it yet: its score and controls answer 404."""
    gone: bool = False
    state: str | None = None
    """Disabled, Warned, PastDue …; None as the mapping says."""
    refused: tuple[str, ...] = ()
    """Lists that the identity may not read, by the last word of their type (assessments, resources); "*" all of it."""

    def refuses(self, kind: str) -> bool:
        return "*" in self.refused or kind.lower() in {name.lower() for name in self.refused}


class Tenant:
    """What one mapping says, as it was when this was made. Raises ValueError for what is no evidence folder."""

    def __init__(self, files: Files) -> None:
        self._lists: dict[tuple[str, str], Rows] = {}
        self._made: dict[tuple[str, ...], Rows] = {}  # what was made of lists since, on being asked for
        for path, content in files.items():
            owner, _, name = path.removesuffix(".json").lower().rpartition("/")
            if name not in (_OWN if owner else _TENANT):
                raise ValueError(f"{path}: no file of an evidence folder that Azure could answer from")
            if name != "snapshot":
                self._lists[owner, name] = Rows(_rows(path, content))
        self._subscriptions = {str(r["subscriptionId"]).lower(): r for r in self._list("", "subscriptions").decoded()}
        for owner, _ in self._lists:
            if owner and owner not in self._subscriptions:
                raise ValueError(f"{owner}: subscriptions.json does not list it")
        self._initiatives = {row["id"].lower(): row for row in self._list("", "policy-set-definitions").decoded()}

    def answer(self, asked: Asked, conditions: Mapping[str, Condition], paging: Paging) -> Answer:
        """The answer to one request; conditions are by lower-cased subscription ids."""
        parts = [part for part in asked.path.lower().split("/") if part]
        entities = parts == ["providers", "microsoft.management", "getentities"]
        if asked.method != ("POST" if entities else "GET"):
            return failed(405, "HttpMethodNotAllowed", f"{asked.method} is not for a monitor: it only reads.")
        if (bad := _malformed(asked)) is not None:
            return bad
        if entities:
            return self._entities(asked, conditions, paging)
        match parts:
            case ["subscriptions"]:
                known = (self._subscription(name, conditions) for name in self._subscriptions)
                return paged(Rows(row for row in known if row is not None), asked, paging)
            case ["subscriptions", name, *rest]:
                row = self._subscription(name, conditions)
                if row is None:
                    shown = asked.path.split("/")[2]
                    return failed(404, "SubscriptionNotFound", f"The subscription '{shown}' could not be found.")
                condition = conditions.get(name, Condition())
                if rest == ["resources"]:
                    rest = ["providers", "microsoft.resources", "resources"]
                if not rest:
                    refused = condition.refuses("subscriptions")
                    return _unauthorized(asked, "Microsoft.Resources/subscriptions") if refused else said(row)
                if len(rest) >= 3 and rest[0] == "providers":
                    return self._below(name, rest[1], rest[2:], condition, asked, paging)
            case ["providers", "microsoft.security", "assessmentmetadata"]:
                return paged(self._list("", "assessment-metadata"), asked, paging)
        return self._initiative(asked)

    def _below(
        self, name: str, namespace: str, path: list[str], condition: Condition, asked: Asked, paging: Paging
    ) -> Answer:
        """What is asked of a provider about one subscription: `path` is type, name, type …"""
        types, names = f"{namespace}/{'/'.join(path[::2])}", path[1::2]
        if condition.refuses(path[::2][-1]):
            return _unauthorized(asked, types)
        if namespace == "microsoft.security" and condition.unregistered:
            return _unregistered()
        if condition.unscored and types.startswith("microsoft.security/securescore"):
            return _unscored(asked)
        match types, names:
            case "microsoft.security/securescores", [score]:
                return self._score(name, score) or _unscored(asked)
            case "microsoft.security/securescores/securescorecontrols", [score]:
                if self._score(name, score) is None:
                    return _unscored(asked)
                return paged(self._expanded(name, "secure-score-controls", asked), asked, paging)
            case "microsoft.security/assessments/governanceassignments", [key]:
                return paged(self._governed(name, key), asked, paging)
            case "microsoft.security/assessmentmetadata", []:
                return paged(self._list("", "assessment-metadata"), asked, paging)
            case "microsoft.security/pricings", []:
                return self._list(name, "pricings").page()
            case _, [] if types in _LISTS:
                return paged(self._expanded(name, _LISTS[types], asked), asked, paging)
        return self._initiative(asked)

    def _score(self, owner: str, score: str) -> Answer | None:
        rows = self._list(owner, "secure-scores").decoded()
        return next((said(row) for row in rows if row["name"].lower() == score), None)

    def _governed(self, owner: str, key: str) -> Rows:
        """The governance assignments of one recommendation."""
        if (owner, "governance") not in self._made:
            by_key: defaultdict[str, list[Row]] = defaultdict(list)
            for row in self._list(owner, "governance-assignments").decoded():
                if (found := _GOVERNED.search(row["id"])) is not None:
                    by_key[found[1].lower()].append(row)
            self._made |= {(owner, "governance", key): Rows(rows) for key, rows in by_key.items()}
            self._made[owner, "governance"] = _NOTHING
        return self._made.get((owner, "governance", key), _NOTHING)

    def _expanded(self, owner: str, name: str, asked: Asked) -> Rows:
        """The list without what has to be asked for by $expand, and was not."""
        missing = [field for field in _EXPANDED.get(name, ()) if field.lower() not in asked.expand]
        if not missing:
            return self._list(owner, name)
        made = (owner, name, *missing)
        if made not in self._made:
            rows = self._list(owner, name).decoded()
            for row in rows:
                for field in missing:
                    row.pop(field, None)
                    row.get("properties", {}).pop(field, None)
            self._made[made] = Rows(rows)
        return self._made[made]

    def _initiative(self, asked: Asked) -> Answer:
        """A policy set definition by its id; there is no list of them."""
        if (row := self._initiatives.get(asked.path.lower())) is not None:
            return said(row)
        scope, _, name = asked.path.lower().rpartition("/policysetdefinitions/")
        if scope.endswith("/microsoft.authorization"):
            return failed(404, "PolicySetDefinitionNotFound", f"The policy set definition '{name}' could not be found.")
        return failed(404, "InvalidResourceType", f"The pretend Azure does not know {asked.path}.")

    def _entities(self, asked: Asked, conditions: Mapping[str, Condition], paging: Paging) -> Answer:
        """Management groups, and subscriptions, each with the chain above it from the root down."""
        if ("", "management-groups") not in self._lists:
            return _unauthorized(asked, "Microsoft.Management/managementGroups")
        groups: dict[str, Row] = {}
        below: list[Row] = []
        for row in self._list("", "management-groups").decoded():
            own = self._subscription(row["subscriptionId"].lower(), conditions)
            if own is None:
                continue
            chain = [*reversed(row["ancestors"])]
            for depth, group in enumerate(chain):
                id_, type_ = f"{_GROUPS}/{group}", "Microsoft.Management/managementGroups"
                groups[group] = _entity(id_, type_, group, chain[:depth], own)
            below.append(_entity(own["id"], "/subscriptions", own["displayName"], chain, own))
        return paged(Rows([*groups.values(), *below]), asked, paging)

    def _subscription(self, name: str, conditions: Mapping[str, Condition]) -> Row | None:
        condition, row = conditions.get(name, Condition()), self._subscriptions.get(name)
        if row is None or condition.gone:
            return None
        return row | {"state": condition.state} if condition.state else row

    def _list(self, owner: str, name: str) -> Rows:
        return self._lists.get((owner, name), _NOTHING)


def _rows(path: str, content: Any) -> list[Row]:
    rows = content.get("value") if isinstance(content, dict) else content if "/" not in path else None
    if path == "snapshot.json":
        return []
    if not isinstance(rows, list):
        raise ValueError(f"{path}: is not an answer of Azure: no `value` with rows")
    return rows


def _entity(id_: str, type_: str, title: str, chain: list[str], under: Row) -> Row:
    properties: Row = {
        "tenantId": under.get("tenantId"),
        "displayName": title,
        "parent": {"id": f"{_GROUPS}/{chain[-1]}" if chain else None},
        "permissions": "view",
        "inheritedPermissions": "view",
        "parentDisplayNameChain": chain,
        "parentNameChain": chain,
    }
    return {"id": id_, "type": type_, "name": id_.rpartition("/")[2], "properties": properties}


def _malformed(asked: Asked) -> Answer | None:
    version = asked.query.get("api-version")
    if not version:
        text = "The api-version query parameter (?api-version=) is required for all requests."
        return failed(400, "MissingApiVersionParameter", text)
    if not _VERSION.fullmatch(version):
        return failed(400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid.")
    unknown = sorted(asked.query.keys() - _ASKABLE)
    if unknown:
        return failed(400, "BadRequest", f"The pretend Azure does not know the query parameter {unknown[0]}.")
    return None


def _unauthorized(asked: Asked, types: str) -> Answer:
    text = (
        "The client 'pretend' with object id 'pretend' does not have authorization to perform action "
        f"'{types}/read' over scope '{asked.path}' or the scope is invalid. If access was recently granted, "
        "please refresh your credentials."
    )
    return failed(403, "AuthorizationFailed", text)


def _unregistered() -> Answer:
    text = (
        "The subscription is not registered to use namespace 'Microsoft.Security'. "
        "See https://aka.ms/rps-not-found for how to register subscriptions."
    )
    code = "MissingSubscriptionRegistration"
    return failed(409, code, text, details=[{"code": code, "target": "Microsoft.Security", "message": text}])


def _unscored(asked: Asked) -> Answer:
    scope = "/".join(asked.path.split("/")[:3])
    return failed(404, "ResourceNotFound", f"Secure score 'ascScore' does not exist in scope '{scope}'.")


_NOTHING = Rows(())

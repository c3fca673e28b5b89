"""What can be read off an ARM id. Ids are compared in lower case; these take them so."""

from __future__ import annotations

import re
from collections.abc import Iterator

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

_GROUPS = "/providers/microsoft.management/managementgroups/"

BENCHMARK = "/providers/microsoft.authorization/policysetdefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
"""The initiative behind the secure score: Microsoft cloud security benchmark."""

FOUNDATION = "foundationalcspm"
"""The Defender plan without which a subscription has no score; in lower case, as all ids here."""

PLAN_TYPES = (
    ("microsoft.compute/virtualmachines", "virtualmachines"),
    ("microsoft.compute/virtualmachinescalesets", "virtualmachines"),
    ("microsoft.hybridcompute/machines", "virtualmachines"),
    ("microsoft.sqlvirtualmachine", "sqlservervirtualmachines"),
    ("microsoft.sql", "sqlservers"),
    ("microsoft.storage", "storageaccounts"),
    ("microsoft.web", "appservices"),
    ("microsoft.keyvault", "keyvaults"),
    ("microsoft.containerservice", "containers"),
    ("microsoft.containerregistry", "containers"),
    ("microsoft.kubernetes", "containers"),
    ("microsoft.dbforpostgresql", "opensourcerelationaldatabases"),
    ("microsoft.dbformysql", "opensourcerelationaldatabases"),
    ("microsoft.dbformariadb", "opensourcerelationaldatabases"),
    ("microsoft.documentdb", "cosmosdbs"),
    ("microsoft.apimanagement", "api"),
    ("microsoft.cognitiveservices", "ai"),
    ("microsoft.machinelearningservices", "ai"),
    ("microsoft.resources/subscriptions", "arm"),
    ("microsoft.network/dnszones", "dns"),
)
"""Resource type prefix to the Defender plan that assesses it; longest prefix wins. Source: the plans' own pages."""


def is_guid(text: str) -> bool:
    """Whether a text is a GUID, which the id of a subscription is and the name of a group is not."""
    return _GUID.fullmatch(text) is not None


def type_of(resource: str) -> str:
    """The type of a resource: `microsoft.sql/servers/databases`; also of a subscription and of a resource group."""
    before, found, rest = resource.lower().rpartition("/providers/")
    if not found:
        level = "subscriptions" if before.count("/") + rest.strip("/").count("/") < 2 else "resourcegroups"
        return f"microsoft.resources/{level}"
    parts = rest.split("/")
    return "/".join([parts[0], *parts[1::2]])


def is_subscription(resource: str) -> bool:
    """Whether an id is that of a subscription: it is assessed, but is no resource."""
    return type_of(resource) == "microsoft.resources/subscriptions"


def plan_of(resource: str) -> str | None:
    """The Defender plan for a resource, in lower case; None if there is none."""
    kind = type_of(resource)
    fitting = [(len(prefix), plan) for prefix, plan in PLAN_TYPES if kind == prefix or kind.startswith(prefix + "/")]
    return max(fitting)[1] if fitting else None


def resource_group(resource: str) -> str | None:
    """The id of its resource group up to the name, or None if it is in none."""
    parts = resource.split("/")
    return "/".join(parts[:5]) if len(parts) > 5 and parts[3].lower() == "resourcegroups" else None


def last(identity: str) -> str:
    """The last segment of an id."""
    return identity.rstrip("/").rpartition("/")[2]


def scopes(resource: str) -> Iterator[str]:
    """A resource's id and what it lies under, nearest first: each prefix of it at a `/`."""
    while resource:
        yield resource
        resource = resource.rpartition("/")[0]


def under(resource: str, scope: str) -> bool:
    """Whether a resource is a scope or lies in it."""
    return resource == scope or resource.startswith(scope.rstrip("/") + "/")


def management_group(scope: str) -> str | None:
    """The name in the id of a management group; None if it is another scope."""
    return scope[len(_GROUPS) :] if scope.startswith(_GROUPS) else None


def covers(scope: str, resource: str, ancestors: tuple[str, ...] | None) -> bool:
    """Whether a scope (subscription, resource group, resource or management group) covers a resource.

    `ancestors` are the management groups above the resource's subscription. Not known (None), a management group that
    stands in the subscription's own list is above it: Azure lists no other.
    """
    group = management_group(scope)
    if group is not None:
        return ancestors is None or group in ancestors
    return under(resource, scope)


_ELSEWHERE = (
    "microsoft.compute/virtualmachines",
    "microsoft.compute/virtualmachinescalesets",
    "microsoft.hybridcompute",
    "microsoft.azurestackhci",
    "microsoft.connectedvmwarevsphere",
    "microsoft.sqlvirtualmachine",
    "microsoft.sql/servers/databases",
    "microsoft.sql/managedinstances/databases",
    "microsoft.synapse/workspaces/sqlpools",
    "microsoft.azurearcdata",
    "microsoft.containerservice",
    "microsoft.containerregistry",
    "microsoft.kubernetes",
    "microsoft.keyvault",
    "microsoft.machinelearningservices",
    "microsoft.security",
    "microsoft.resources",
)
"""Resource types that people change past Azure Resource Manager: patches, images, what runs in a cluster, rows and
permissions of a database, secrets and keys, other clouds (below connectors); and subscriptions, whose settings lie
beneath them. That nothing was written to one of these says nothing."""


def through_arm(resource: str) -> bool:
    """Whether what is assessed of a resource is changed through Azure Resource Manager only."""
    kind = type_of(resource)
    return not any(kind == one or kind.startswith(one + "/") for one in _ELSEWHERE)


def parent(resource: str) -> str | None:
    """The id of the resource that a nested one lies in; None if it lies in none."""
    above = resource.rpartition("/")[0].rpartition("/")[0]
    return above if "/providers/" in above and type_of(above).count("/") > 0 else None

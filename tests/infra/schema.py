"""Property names and enum values of resources, by the models of azure-mgmt-*, made from Azure's own contracts.

What is looked at is what is literal; a required property that is missing, and a type of value, are not found.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from difflib import get_close_matches
from enum import Enum
from functools import cache
from importlib import import_module
from typing import Any, ForwardRef, get_args, get_origin

from tests.infra.bicep import Body, Declared, Either

ON_TOP = {"name", "location", "tags", "scope", "parent", "dependsOn", "zones"}
"""What Bicep knows of every resource."""

_STORAGE = "Microsoft.Storage/storageAccounts"
_GRID = "Microsoft.EventGrid"
MODELS = {
    "Microsoft.Authorization/policyAssignments": "resource.policy:PolicyAssignment",
    "Microsoft.Authorization/policyDefinitions": "resource.policy:PolicyDefinition",
    "Microsoft.Authorization/roleAssignments": "authorization:RoleAssignmentCreateParameters",
    "Microsoft.Authorization/roleDefinitions": "authorization:RoleDefinition",
    f"{_GRID}/eventSubscriptions": "eventgrid:EventSubscription",
    f"{_GRID}/systemTopics": "eventgrid:SystemTopic",
    f"{_GRID}/systemTopics/eventSubscriptions": "eventgrid:EventSubscription",
    f"{_GRID}/topics": "eventgrid:Topic",
    "Microsoft.Insights/actionGroups": "monitor:ActionGroupResource",
    "Microsoft.Insights/components": "applicationinsights:ApplicationInsightsComponent",
    "Microsoft.Insights/metricAlerts": "monitor:MetricAlertResource",
    "Microsoft.Insights/scheduledQueryRules": "monitor:ScheduledQueryRuleResource",
    "Microsoft.Insights/workbooks": "applicationinsights:Workbook",
    "Microsoft.KeyVault/vaults": "keyvault:VaultCreateOrUpdateParameters",
    "Microsoft.KeyVault/vaults/secrets": "keyvault:SecretCreateOrUpdateParameters",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "msi:Identity",
    "Microsoft.Network/networkSecurityGroups": "network:NetworkSecurityGroup",
    "Microsoft.Network/privateDnsZones": "privatedns:PrivateZone",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": "privatedns:VirtualNetworkLink",
    "Microsoft.Network/privateEndpoints": "network:PrivateEndpoint",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": "network:PrivateDnsZoneGroup",
    "Microsoft.Network/virtualNetworks": "network:VirtualNetwork",
    "Microsoft.Network/virtualNetworks/subnets": "network:Subnet",
    "Microsoft.OperationalInsights/workspaces": "loganalytics:Workspace",
    _STORAGE: "storage:StorageAccountCreateParameters",
    f"{_STORAGE}/blobServices": "storage:BlobServiceProperties",
    f"{_STORAGE}/blobServices/containers": "storage:BlobContainer",
    f"{_STORAGE}/managementPolicies": "storage:ManagementPolicy",
    f"{_STORAGE}/queueServices": "storage:QueueServiceProperties",
    f"{_STORAGE}/queueServices/queues": "storage:StorageQueue",
    f"{_STORAGE}/tableServices": "storage:TableServiceProperties",
    f"{_STORAGE}/tableServices/tables": "storage:Table",
    "Microsoft.Web/serverfarms": "web:AppServicePlan",
    "Microsoft.Web/sites": "web:Site",
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": "web:CsmPublishingCredentialsPoliciesEntity",
    "Microsoft.Web/sites/config authsettingsV2": "web:SiteAuthSettingsV2",
    "Microsoft.Web/sites/config appsettings": "web:StringDictionary",
    "Microsoft.Web/sites/config web": "web:SiteConfigResource",
}
"""The model of each type; of `config`, by its name."""

UNCHECKED = {
    "Microsoft.Resources/resourceGroups": "it has a name, a location and tags, and nothing else",
    "Microsoft.Resources/deployments": "its template is a template of its own, checked as the file that it is",
    "Microsoft.Insights/diagnosticSettings": "azure-mgmt-monitor 7.0.0 has no model of it any more",
    "Microsoft.PolicyInsights/remediations": "no model is installed for it",
}
"""Types without a model, and why."""


def faults(one: Declared) -> list[str]:
    """What is wrong with a resource."""
    kind = one.kind
    if kind.endswith("/config"):
        kind = f"{kind} {one.body.get('name')}"
    if kind in UNCHECKED:
        return []
    if kind not in MODELS:
        return [f"line {one.line}: {kind} has no model to be checked by"]
    return list(_of_body(one.body, model(kind), kind, top=True))


def model(kind: str) -> Any:
    """The class of a type."""
    module, _, name = MODELS[kind].partition(":")
    return getattr(import_module(f"azure.mgmt.{module}.models"), name)


def _faults(value: Any, kind: Any, path: str) -> Iterator[str]:
    match value:
        case Either():
            for one in value.values:
                yield from _faults(one, kind, path)
        case list():
            if isinstance(kind, list):
                for one in value:
                    yield from _faults(one, kind[0], f"{path}[]")
        case Body():
            if isinstance(kind, dict) or _is_model(kind):
                yield from _of_body(value, kind, path)
        case str():
            if isinstance(kind, type) and issubclass(kind, Enum):
                known = [one.value for one in kind]
                if value.lower() not in {one.lower() for one in known}:
                    yield f"{path}: '{value}' is none of {', '.join(known)}"


def _of_body(body: Body, kind: Any, path: str, *, top: bool = False) -> Iterator[str]:
    if not isinstance(kind, dict):
        kind, wrong = _narrowed(body, kind)
        if wrong:
            yield f"{path}: {wrong}"
    known = kind if isinstance(kind, dict) else shape(kind)
    for name, value in body.properties.items():
        if top and name in ON_TOP:
            continue
        if name in known:
            yield from _faults(value, known[name], f"{path}.{name}")
            continue
        near = get_close_matches(name, known, 1)
        meant = f": {near[0]}?" if near else ""
        yield f"line {body.lines[name]}: {path} has no property {name}{meant}"


def _narrowed(body: Body, kind: Any) -> tuple[Any, str]:
    """The class that a discriminator of the body says, and what is wrong with that."""
    for name, known in _subtypes(kind).items():
        said = body.get(name)
        if isinstance(said, str):
            return (known[said], "") if said in known else (kind, f"{name} '{said}' is none of {', '.join(known)}")
    return kind, ""


def _subtypes(kind: Any) -> dict[str, dict[str, Any]]:
    """By the property that discriminates, the classes by its values."""
    if old := getattr(kind, "_subtype_map", None):
        module = sys.modules[kind.__module__]
        named = {kind._attribute_map[own]["key"].replace("\\.", "."): classes for own, classes in old.items()}
        return {own: {said: getattr(module, one) for said, one in classes.items()} for own, classes in named.items()}
    if mapping := vars(kind).get("__mapping__"):
        kind.__new__(kind)
        fields = kind._attr_to_rest_field.values()
        return {field._rest_name: dict(mapping) for field in fields if field._is_discriminator}
    return {}


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and any(one.__name__ == "Model" for one in kind.__mro__)


@cache
def shape(kind: Any) -> dict[str, Any]:
    """The properties of a model as JSON names them: each a model, an enum, a list of one, a dict of such, or Any."""
    return _shape_of_old(kind) if hasattr(kind, "_attribute_map") else _shape_of_new(kind)


def _shape_of_old(kind: Any) -> dict[str, Any]:
    """Of models with an attribute map, in which properties of properties are flattened."""
    found: dict[str, Any] = {}
    module = sys.modules[kind.__module__]
    for one in kind._attribute_map.values():
        *before, last = one["key"].replace("\\.", "\0").split(".")
        inner = found
        for name in before:
            inner = inner.setdefault(name, {})
        named = one["type"]
        item = getattr(module, named.strip("[]"), Any)
        inner[last.replace("\0", ".")] = Any if named.startswith("{") else [item] if named.startswith("[") else item
    return found


def _shape_of_new(kind: Any) -> dict[str, Any]:
    """Of models with annotated fields."""
    kind.__new__(kind)  # which collects the fields
    found: dict[str, Any] = {}
    for own, field in kind._attr_to_rest_field.items():
        owner = next(one for one in kind.__mro__ if own in vars(one).get("__annotations__", {}))
        found[field._rest_name] = _plain(_evaluated(owner.__annotations__[own], owner), owner)
    return found


def _evaluated(annotation: Any, owner: Any) -> Any:
    if isinstance(annotation, ForwardRef):
        annotation = annotation.__forward_arg__
    if not isinstance(annotation, str):
        return annotation
    module = import_module(owner.__module__)
    names = vars(module) | {"_models": import_module(module.__name__.rpartition(".")[0])}
    try:
        return eval(annotation, names)
    except (NameError, AttributeError):  # a name that only type checkers import
        return Any


def _plain(annotation: Any, owner: Any) -> Any:
    annotation = _evaluated(annotation, owner)
    origin, inner = get_origin(annotation), [one for one in get_args(annotation) if one is not type(None)]
    if origin is None:
        return annotation
    if origin is list:
        return [_plain(inner[0], owner)]
    if origin is dict:
        return Any
    found = [_plain(one, owner) for one in inner]
    enums = [one for one in found if isinstance(one, type) and issubclass(one, Enum)]
    return (enums or found)[0]

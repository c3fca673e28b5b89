"""Which operations of Azure Resource Manager move a score, and what they are about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from drift.actors import Category

type Verb = Literal["write", "delete", "action"]
"""What an event of Azure Resource Manager is of."""

_OURS: Mapping[str, Category] = {
    "microsoft.authorization/policyexemptions": "exemption",
    "microsoft.authorization/policyassignments": "assignment",
    "microsoft.authorization/policysetdefinitions": "initiative",
    "microsoft.authorization/policydefinitions": "initiative",
    "microsoft.security/pricings": "plan",
    "microsoft.security/standardassignments": "standard",
    "microsoft.security/securityconnectors": "connector",
    "microsoft.security/governancerules": "governance",
    "microsoft.security/governanceassignments": "governance",
    "microsoft.security/assessments/governanceassignments": "governance",
    "microsoft.security/autoprovisioningsettings": "provisioning",
    "microsoft.security/settings": "setting",
    "microsoft.security/workspacesettings": "setting",
    "microsoft.security/servervulnerabilityassessmentssettings": "setting",
    "microsoft.security/defenderforstoragesettings": "setting",
    "microsoft.security/register": "setting",
    "microsoft.security/unregister": "setting",
    "microsoft.resources/subscriptions/resourcegroups/moveresources": "resource",
}
"""What moves a score, by the operation up to its verb. Names: the list of resource provider operations."""

_GROUPS = "microsoft.resources/subscriptions/resourcegroups"
_NOISE = (
    "microsoft.advisor",
    "microsoft.alertsmanagement",
    "microsoft.authorization",  # locks, role assignments
    "microsoft.billing",
    "microsoft.consumption",
    "microsoft.costmanagement",
    "microsoft.features",
    "microsoft.insights/actiongroups",
    "microsoft.insights/activitylogalerts",
    "microsoft.insights/autoscalesettings",
    "microsoft.insights/metricalerts",
    "microsoft.insights/scheduledqueryrules",
    "microsoft.insights/workbooks",
    "microsoft.policyinsights",  # remediation tasks: what they deploy has events of its own
    "microsoft.portal",
    "microsoft.resourcehealth",
    "microsoft.resources",  # deployments, tags; all but the groups themselves
    "microsoft.security",  # assessments that are pushed, exports, alert rules
    "microsoft.support",
)
"""Writes that are frequent and change no resource that is assessed."""


def category(operation: str, verb: Verb) -> Category | None:
    """What an operation is about, by its name in any case; None if it can't move a score.

    A resource counts when it is written or deleted, not when it is started or its keys are listed.
    """
    path = operation.lower().rpartition("/")[0]
    for prefix, about in _OURS.items():
        if _under(path, prefix):
            return about
    if verb == "action" or not path:
        return None
    if path == _GROUPS:
        return "resource" if verb == "delete" else None
    return None if any(_under(path, noise) for noise in _NOISE) else "resource"


def deploys(operation: str) -> bool:
    """Whether an operation is a deployment: what it deploys has events of its own, unless it was refused."""
    return operation.lower().rpartition("/")[0] == "microsoft.resources/deployments"


def _under(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix + "/")

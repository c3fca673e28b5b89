"""Northwind Retail's estate: what there is, who owns it, and what is wrong with it at the start."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from demo.catalogue import RECOMMENDATIONS, guid
from demo.world import Resource, Subscription, World

TENANT = guid("tenant")
PROD = Subscription(guid("sub-prod"), "sub-prod", "prod", ("northwind-production", "northwind"))
DEV = Subscription(guid("sub-dev"), "sub-dev", "dev", ("northwind-sandbox", "northwind"))

# Resource group: its owner, its criticality, and how many of each kind it holds.
GROUPS = {
    PROD: (
        (
            "rg-shop",
            "team-storefront",
            "high",
            {"linux": 14, "web": 5, "storage": 3, "vault": 2, "vnet": 1, "cluster": 1},
        ),
        (
            "rg-orders",
            "team-orders",
            "high",
            {"linux": 4, "windows": 4, "sql": 2, "storage": 2, "vault": 1, "registry": 1},
        ),
        ("rg-stores", "team-stores", "medium", {"windows": 9, "web": 3, "storage": 2, "vnet": 1, "postgres": 1}),
        ("rg-hub", "team-platform", "high", {"linux": 1, "sql": 1, "storage": 1, "vault": 1, "vnet": 1, "cluster": 1}),
        ("rg-legacy", "team-stores", "low", {"web": 2, "postgres": 1, "vault": 1}),
    ),
    DEV: (
        (
            "rg-dev-shop",
            "team-storefront",
            "low",
            {"linux": 3, "web": 4, "storage": 2, "vault": 2, "cluster": 1, "sql": 1},
        ),
        (
            "rg-dev-data",
            "team-orders",
            "low",
            {"linux": 2, "windows": 1, "storage": 1, "sql": 1, "postgres": 2, "vnet": 1},
        ),
        ("rg-dev-lab", "team-platform", "low", {"windows": 2, "web": 2, "storage": 1, "vault": 1, "registry": 1}),
    ),
}
LOYALTY = ("rg-loyalty", "team-loyalty", "medium", {"web": 3, "vault": 1, "postgres": 1})
PREFIX = {
    "linux": "vm",
    "windows": "win",
    "storage": "st",
    "vault": "kv",
    "cluster": "aks",
    "registry": "cr",
    "postgres": "pg",
}
UNREACHED = {PROD: 16, DEV: 4}  # machines that no agent has reached

# How many resources each recommendation finds fault with, seen or not: in sub-prod, in sub-dev.
FAULTS = {
    "closedPorts": (6, 3),
    "justInTime": (9, 5),
    "updates": (18, 4),
    "periodic": (8, 2),
    "findings": (17, 0),
    "sqlFindings": (5, 0),
    "images": (1, 0),
    "linuxBaseline": (10, 3),
    "windowsBaseline": (7, 1),
    "fewOwners": (1, 1),
    "guestOwners": (0, 0),
    "publicBlobs": (2, 2),
    "sharedKeys": (2, 2),
    "clusterRbac": (0, 0),
    "hostEncryption": (11, 3),
    "dataEncryption": (1, 1),
    "secureTransfer": (2, 2),
    "httpsOnly": (2, 2),
    "ftps": (3, 3),
    "webTls": (2, 2),
    "postgresTls": (1, 1),
    "restrictedPorts": (7, 3),
    "guardedMachines": (3, 2),
    "forwarding": (0, 0),
    "storageNetwork": (3, 3),
    "sqlNetwork": (1, 1),
    "vaultFirewall": (2, 2),
    "ddosPlan": (2, 0),
    "edr": (5, 1),
    "edrIssues": (3, 1),
    "sqlAudit": (2, 1),
    "vaultLogs": (2, 2),
    "webLogs": (5, 3),
    "defenderSql": (1, 1),
    "subnets": (1, 1),
}


def resources(
    subscription: Subscription, group: tuple[str, str, str, dict[str, int]], created: datetime
) -> list[Resource]:
    return list(_resources(subscription, *group, created))


def _resources(
    subscription: Subscription, group: str, owner: str, criticality: str, kinds: dict[str, int], created: datetime
) -> Iterator[Resource]:
    for kind, count in kinds.items():
        for i in range(1, count + 1):
            stem = group.removeprefix("rg-")
            name = (
                f"st{stem.replace('-', '')}{i:02}" if kind == "storage" else f"{PREFIX.get(kind, kind)}-{stem}-{i:02}"
            )
            yield Resource(subscription, group, kind, name, owner, criticality, created)
            if kind == "sql":
                for database in ("main", "reporting"):
                    yield Resource(subscription, group, "database", f"{name}/{database}", owner, criticality, created)


def onboard(world: World, subscription: Subscription, plans: tuple[str, ...] = ()) -> None:
    """Brings a subscription into Defender for Cloud with everything that it has held for years."""
    created = world.now - timedelta(days=400)
    found = [
        resource
        for n, group in enumerate(GROUPS[subscription])
        for resource in resources(subscription, group, created + timedelta(days=37 * n, hours=5 * n))
    ]
    world.onboard(subscription, found, plans)
    own = [r for r in world.resources.values() if r.subscription == subscription]
    for recommendation in RECOMMENDATIONS:
        candidates = [r for r in own if r.kind in recommendation.kinds]
        count = FAULTS.get(recommendation.reference, (0, 0))[subscription is DEV]
        for r in Random(f"{world.seed}/{subscription.id}/{recommendation.reference}").sample(candidates, count):
            world.faults.add((r.id, recommendation.reference))
    machines = [r for r in own if r.kind in ("linux", "windows")]
    reached = len(machines) - UNREACHED[subscription]
    world.agents |= {r.id for r in Random(f"{world.seed}/{subscription.id}/agents").sample(machines, reached)}

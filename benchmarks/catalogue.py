"""What the pretend estate is made of: controls, recommendations and resource types, near those that Azure publishes.

Everything here is the same at every size and seed: 15 controls, 200 recommendations, 17 kinds of resource.
"""

from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

INITIATIVE = "/providers/Microsoft.Authorization/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"

# Display name and maximum points, in the order of the published list of controls.
CONTROLS = (
    ("Enable MFA", 10),
    ("Secure management ports", 8),
    ("Apply system updates", 6),
    ("Remediate vulnerabilities", 6),
    ("Remediate security configurations", 4),
    ("Manage access and permissions", 4),
    ("Enable encryption at rest", 4),
    ("Encrypt data in transit", 4),
    ("Restrict unauthorized network access", 4),
    ("Apply adaptive application control", 3),
    ("Protect applications against DDoS attacks", 2),
    ("Enable endpoint protection", 2),
    ("Enable auditing and logging", 1),
    ("Enable enhanced security features", 0),
    ("Implement security best practices", 0),
)

# What may be demanded of a resource, and the control (position above) that counts it.
DEMANDS = (
    ("should restrict network access to selected virtual networks", 8),
    ("should use private link", 8),
    ("should have resource logs enabled", 12),
    ("should use customer-managed keys to encrypt data at rest", 6),
    ("should be accessible only over secure transfer", 7),
    ("should use the latest TLS version", 7),
    ("should have local authentication methods disabled", 5),
    ("should use role-based access control instead of access policies", 5),
    ("should be configured securely to meet the security baseline", 4),
    ("should have vulnerability findings resolved", 3),
    ("should have a vulnerability assessment solution installed", 3),
    ("should have public network access disabled", 8),
    ("should have system updates installed", 2),
    ("should have the latest supported runtime version", 2),
    ("should have management ports closed", 1),
    ("should have just-in-time network access control applied to management ports", 1),
    ("should have endpoint protection health issues resolved", 11),
    ("should have Microsoft Defender enabled", 13),
    ("should have geo-redundant backup enabled", 14),
    ("should have soft delete and purge protection enabled", 14),
    ("should have DDoS protection enabled", 10),
    ("should allow only safe applications to run", 9),
    ("should use managed identity", 0),
    ("should have accounts with owner permissions protected by multifactor authentication", 0),
    ("should have guest accounts with write permissions removed", 5),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource type: how its ids are written, how common it is, how many recommendations assess it."""

    type: str
    label: str
    short: str
    child: str  # the short name before the child's own, where the type has two levels
    weight: float
    recommendations: int
    listed: bool = True  # by the inventory (Microsoft.Resources lists top-level and tracked resources, not subnets)


KINDS = (
    Kind("Microsoft.Resources/subscriptions", "Subscriptions", "sub", "", 0.0, 12, listed=False),
    Kind("Microsoft.Compute/virtualMachines", "Virtual machines", "vm", "", 0.16, 25),
    Kind("Microsoft.Compute/virtualMachineScaleSets", "Virtual machine scale sets", "vmss", "", 0.03, 18),
    Kind("Microsoft.HybridCompute/machines", "Azure Arc-enabled machines", "srv", "", 0.04, 14),
    Kind("Microsoft.Storage/storageAccounts", "Storage accounts", "st", "", 0.17, 14),
    Kind("Microsoft.Sql/servers", "SQL servers", "sql", "", 0.04, 12),
    Kind("Microsoft.Sql/servers/databases", "SQL databases", "sqldb", "sql", 0.08, 10),
    Kind("Microsoft.KeyVault/vaults", "Key vaults", "kv", "", 0.09, 11),
    Kind("Microsoft.Web/sites", "App Service apps", "app", "", 0.10, 17),
    Kind("Microsoft.ContainerService/managedClusters", "Kubernetes services", "aks", "", 0.02, 16),
    Kind("Microsoft.ContainerRegistry/registries", "Container registries", "cr", "", 0.02, 9),
    Kind("Microsoft.DocumentDB/databaseAccounts", "Azure Cosmos DB accounts", "cosmos", "", 0.02, 9),
    Kind("Microsoft.DBforPostgreSQL/flexibleServers", "PostgreSQL servers", "psql", "", 0.02, 9),
    Kind("Microsoft.CognitiveServices/accounts", "Azure AI services resources", "ais", "", 0.02, 8),
    Kind("Microsoft.Network/virtualNetworks", "Virtual networks", "vnet", "", 0.05, 4),
    Kind("Microsoft.Network/virtualNetworks/subnets", "Subnets", "snet", "vnet", 0.10, 6, listed=False),
    Kind("Microsoft.Network/networkInterfaces", "Network interfaces", "nic", "", 0.04, 6),
)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One assessment definition. `controls` are positions in CONTROLS: usually one, of a few two or none."""

    key: str
    kind: int
    name: str
    policy: str
    reference: str
    controls: tuple[int, ...]
    preview: bool
    workspace: bool  # its assessments carry additionalData that names a workspace


def guid(*parts: object) -> str:
    """The same GUID for the same parts, always."""
    return str(uuid5(NAMESPACE_URL, "benchmark/" + "/".join(map(str, parts))))


def _recommendations() -> tuple[Recommendation, ...]:
    made: list[Recommendation] = []
    for kind, of in enumerate(KINDS):
        for turn in range(of.recommendations):
            number = len(made)
            demand, control = DEMANDS[(turn + 3 * kind) % len(DEMANDS)]
            controls: tuple[int, ...] = (control,)
            if number % 67 == 5:
                controls = (control, (control + 1) % len(CONTROLS))
            if number % 50 == 49:
                controls = ()
            key = guid("recommendation", number)
            made.append(
                Recommendation(
                    key=key,
                    kind=kind,
                    name=f"{of.label} {demand}",
                    policy=f"/providers/Microsoft.Authorization/policyDefinitions/{guid('policy', number)}",
                    reference=f"{of.short}{key[:6]}MonitoringEffect",
                    controls=controls,
                    preview=number % 40 == 20,
                    workspace=number % 6 == 1,
                )
            )
    return tuple(made)


RECOMMENDATIONS = _recommendations()
CONTROL_KEYS = tuple(guid("control", name) for name, _ in CONTROLS)

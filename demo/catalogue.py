"""What Defender for Cloud measures here: controls, recommendations, plans and kinds of resources.

The controls are the classic ones with Microsoft's maximum points and, where Microsoft's own examples show it, the GUID
that names them. Every other id is derived from a name, so that it is the same on every run.
"""

from dataclasses import dataclass
from uuid import NAMESPACE_DNS, uuid5

BENCHMARK = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"  # Microsoft cloud security benchmark
AGENT = "agent"  # a feed: these recommendations are silent on a machine until its agent reports
_NAMES = uuid5(NAMESPACE_DNS, "northwindretail.example")


def guid(name: str) -> str:
    """The same GUID for the same name, always."""
    return str(uuid5(_NAMES, name))


@dataclass(frozen=True, slots=True)
class Control:
    key: str
    name: str
    points: int


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One check: on which kinds of resources, in which control, and fed by what.

    `feed` is empty (Azure sees it by itself), AGENT, or the Defender plan without which there is no mark.
    """

    reference: str
    control: str
    kinds: tuple[str, ...]
    severity: str
    feed: str
    name: str
    preview: bool = False

    @property
    def key(self) -> str:
        return guid(f"assessment/{self.reference}")

    @property
    def policy(self) -> str:
        return f"/providers/Microsoft.Authorization/policyDefinitions/{guid(f'policy/{self.reference}')}"


CONTROLS = {
    slug: Control(key or guid(f"control/{slug}"), name, points)
    for slug, key, name, points in (
        ("mfa", "34a42fb3-e6db-409c-b56b-7b1db6b8aee0", "Enable MFA", 10),
        ("ports", "", "Secure management ports", 8),
        ("updates", "61702b76-1fab-41f2-bcbc-50b7870dcf38", "Apply system updates", 6),
        ("vulnerabilities", "", "Remediate vulnerabilities", 6),
        ("configurations", "99fc8df2-e0f5-40f8-9415-a7f7ca948b5a", "Remediate security configurations", 4),
        ("access", "2d85f639-0bea-4a4a-b6c6-608952a1414a", "Manage access and permissions", 4),
        ("rest", "8fd574ec-43cf-426e-a439-a67cbaf2d564", "Enable encryption at rest", 4),
        ("transit", "0e55495e-034f-4abc-8293-767229250176", "Encrypt data in transit", 4),
        ("network", "f9d5432b-8f7b-45e9-b90c-e214a30f6a02", "Restrict unauthorized network access", 4),
        ("applications", "a000c66f-6da2-4f9d-826d-2364347d2588", "Apply adaptive application control", 3),
        ("ddos", "a9909064-42b4-4d34-8143-275477afe18b", "Protect applications against DDoS attacks", 2),
        ("endpoint", "12136bd9-dc24-44f2-9587-7be3af6aac14", "Enable endpoint protection", 2),
        ("logging", "27b24961-75ba-4fe4-8909-97286d5dd5ee", "Enable auditing and logging", 1),
        ("enhanced", "4db8d6cf-075b-4149-a813-da09ca2ae120", "Enable enhanced security features", 0),
        ("practices", "76763537-9feb-42d3-b4f4-78c01117be80", "Implement security best practices", 0),
    )
}

_SUBSCRIPTION = ("subscription",)
_VM = ("linux", "windows")
_WEB = ("web",)
_STORAGE = ("storage",)

# fmt: off
RECOMMENDATIONS = tuple(Recommendation(*row) for row in (
    ("ownerMfa", "mfa", _SUBSCRIPTION, "High", "",
     "Accounts with owner permissions on Azure resources should be MFA enabled"),
    ("writeMfa", "mfa", _SUBSCRIPTION, "High", "",
     "Accounts with write permissions on Azure resources should be MFA enabled"),
    ("readMfa", "mfa", _SUBSCRIPTION, "High", "",
     "Accounts with read permissions on Azure resources should be MFA enabled"),
    ("closedPorts", "ports", _VM, "Medium", "", "Management ports should be closed on your virtual machines"),
    ("justInTime", "ports", _VM, "High", "",
     "Management ports of virtual machines should be protected with just-in-time network access control"),
    ("updates", "updates", _VM, "High", AGENT,
     "System updates should be installed on your machines (powered by Azure Update Manager)"),
    ("periodic", "updates", _VM, "Low", AGENT,
     "Machines should be configured to periodically check for missing system updates"),
    ("findings", "vulnerabilities", _VM, "Low", "VirtualMachines",
     "Machines should have vulnerability findings resolved"),
    ("sqlFindings", "vulnerabilities", ("database",), "High", "SqlServers",
     "SQL databases should have vulnerability findings resolved"),
    ("images", "vulnerabilities", ("registry",), "High", "Containers",
     "Azure registry container images should have vulnerabilities resolved"),
    ("linuxBaseline", "configurations", ("linux",), "Low", AGENT,
     "Vulnerabilities in security configuration on your Linux machines should be remediated"),
    ("windowsBaseline", "configurations", ("windows",), "Low", AGENT,
     "Vulnerabilities in security configuration on your Windows machines should be remediated"),
    ("fewOwners", "access", _SUBSCRIPTION, "High", "", "A maximum of 3 owners should be designated for subscriptions"),
    ("guestOwners", "access", _SUBSCRIPTION, "High", "",
     "Guest accounts with owner permissions on Azure resources should be removed"),
    ("publicBlobs", "access", _STORAGE, "Medium", "", "Storage account public access should be disallowed"),
    ("sharedKeys", "access", _STORAGE, "Medium", "", "Storage accounts should prevent shared key access", True),
    ("clusterRbac", "access", ("cluster",), "High", "",
     "Role-Based Access Control should be used on Kubernetes Services"),
    ("hostEncryption", "rest", _VM, "High", "",
     "Virtual machines and virtual machine scale sets should have encryption at host enabled"),
    ("dataEncryption", "rest", ("database",), "Low", "",
     "Transparent Data Encryption on SQL databases should be enabled"),
    ("secureTransfer", "transit", _STORAGE, "High", "", "Secure transfer to storage accounts should be enabled"),
    ("httpsOnly", "transit", _WEB, "Medium", "", "Web Application should only be accessible over HTTPS"),
    ("ftps", "transit", _WEB, "High", "", "FTPS should be required in web apps"),
    ("webTls", "transit", _WEB, "High", "", "TLS should be updated to the latest version for web apps"),
    ("postgresTls", "transit", ("postgres",), "Medium", "",
     "Enforce SSL connection should be enabled for PostgreSQL database servers"),
    ("restrictedPorts", "network", _VM, "High", "",
     "All network ports should be restricted on network security groups associated to your virtual machine"),
    ("guardedMachines", "network", _VM, "High", "",
     "Internet-facing virtual machines should be protected with network security groups"),
    ("forwarding", "network", _VM, "Medium", "", "IP forwarding on your virtual machine should be disabled"),
    ("storageNetwork", "network", _STORAGE, "Medium", "",
     "Storage accounts should restrict network access using virtual network rules"),
    ("sqlNetwork", "network", ("sql",), "Medium", "",
     "Public network access on Azure SQL Database should be disabled"),
    ("vaultFirewall", "network", ("vault",), "Medium", "", "Firewall should be enabled on Key Vault"),
    ("allowedImages", "applications", ("scaleset",), "Medium", "",
     "Adaptive application controls for defining safe applications should be enabled"),
    ("ddosPlan", "ddos", ("vnet",), "Medium", "", "Azure DDoS Protection Standard should be enabled"),
    ("edr", "endpoint", _VM, "High", AGENT, "EDR solution should be installed on Virtual Machines"),
    ("edrIssues", "endpoint", _VM, "Low", AGENT, "EDR configuration issues should be resolved on virtual machines"),
    ("sqlAudit", "logging", ("sql",), "Low", "", "Auditing on SQL server should be enabled"),
    ("vaultLogs", "logging", ("vault",), "Low", "", "Diagnostic logs in Key Vault should be enabled"),
    ("webLogs", "logging", _WEB, "Medium", "", "Diagnostic logs in App Service should be enabled"),
    ("defenderSql", "enhanced", _SUBSCRIPTION, "High", "",
     "Microsoft Defender for Azure SQL Database servers should be enabled"),
    ("subnets", "practices", ("vnet",), "Low", "", "Subnets should be associated with a network security group"),
))
# fmt: on

BY_REFERENCE = {r.reference: r for r in RECOMMENDATIONS}
BY_KEY = {r.key: r for r in RECOMMENDATIONS}

PLANS = ("VirtualMachines", "SqlServers", "StorageAccounts", "AppServices", "KeyVaults", "Containers", "CloudPosture")

KINDS = {
    "linux": "Microsoft.Compute/virtualMachines",
    "windows": "Microsoft.Compute/virtualMachines",
    "storage": "Microsoft.Storage/storageAccounts",
    "sql": "Microsoft.Sql/servers",
    "database": "Microsoft.Sql/servers/databases",
    "web": "Microsoft.Web/sites",
    "vault": "Microsoft.KeyVault/vaults",
    "vnet": "Microsoft.Network/virtualNetworks",
    "cluster": "Microsoft.ContainerService/managedClusters",
    "registry": "Microsoft.ContainerRegistry/registries",
    "postgres": "Microsoft.DBforPostgreSQL/flexibleServers",
}

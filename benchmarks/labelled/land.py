"""What a tenant is made of: subscriptions, resources, recommendations, controls, and what is written about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from benchmarks.labelled.cast import Actor
from benchmarks.labelled.chain import Counts

TYPES = {
    "vm": "Microsoft.Compute/virtualMachines",
    "sql": "Microsoft.Sql/servers",
    "st": "Microsoft.Storage/storageAccounts",
    "kv": "Microsoft.KeyVault/vaults",
    "web": "Microsoft.Web/sites",
    "vnet": "Microsoft.Network/virtualNetworks",
    "subnet": "Microsoft.Network/virtualNetworks/subnets",
    "aws": "",
    "sub": "",
}
"""By the word for each kind of resource; what Azure Resource Manager does not know has no type."""

PLANS = {
    "vm": "VirtualMachines",
    "sql": "SqlServers",
    "st": "StorageAccounts",
    "kv": "KeyVaults",
    "web": "AppServices",
}
"""The Defender plan of each kind of resource."""

FOUNDATION = "FoundationalCspm"
INITIATIVE = "/providers/Microsoft.Authorization/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
ROOT = "mg-fabrikam"

type Pair = tuple[str, str]
"""A mark's place: resource id, recommendation key."""


@dataclass(slots=True)
class Written:
    """What Azure's own data remembers of who wrote an object."""

    by: Actor
    at: datetime
    changed_by: Actor
    changed_at: datetime

    @classmethod
    def new(cls, by: Actor, at: datetime) -> Written:
        """Made, and not changed since."""
        return cls(by, at, by, at)


@dataclass(slots=True)
class Recommendation:
    """An assessment definition. `words`: the kinds of resources that it assesses."""

    key: str
    title: str
    policy: str
    words: tuple[str, ...]
    phase: int
    """Minutes after a resource's own time of the day at which it is assessed."""
    plan: str | None = None
    agent: bool = False
    newer: bool = False
    """Exempted by standard assignments, not by policy exemptions."""
    preview: bool = False
    exists: bool = True
    public: datetime | None = None
    general: datetime | None = None
    deprecated: str | None = None
    edition: int = 1
    """Of its description."""

    @property
    def reference(self) -> str:
        """The name of its policy in the initiative."""
        return f"check{self.policy[:8]}Monitoring"

    @property
    def switch(self) -> str:
        """The parameter that sets the effect of its policy."""
        return f"{self.reference}Effect"


@dataclass(slots=True)
class Control:
    """A control, and the keys of the recommendations that it lists."""

    name: str
    title: str
    maximum: int
    listed: list[str]


@dataclass(slots=True)
class Resource:
    """What is assessed. `phase`: the minute of the day at which it is."""

    id: str
    subscription: str
    word: str
    phase: int
    created: datetime
    changed: datetime
    agent: bool = False
    owner: str = ""

    @property
    def group(self) -> str:
        """The id of what it lies in: its resource group, or the subscription."""
        return self.id.partition("/providers/")[0]

    @property
    def written(self) -> bool:
        """Whether its settings are written through Azure Resource Manager."""
        return self.word not in ("aws", "sub")


@dataclass(slots=True)
class Assignment:
    """A policy assignment of the initiative. `off`: recommendations whose policy it disables."""

    id: str
    scope: str
    written: Written
    off: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Exemption:
    """From one recommendation, in a scope. `assignment`: of a policy exemption; a standard assignment has none."""

    id: str
    scope: str
    recommendation: str
    mitigated: bool
    written: Written
    expires: datetime | None
    assignment: str | None
    title: str


@dataclass(slots=True)
class Governance:
    """Who has to act on a mark, and until when; in a grace period it does not count against the score."""

    id: str
    owner: str
    due: datetime
    grace: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """`status`: Healthy, Unhealthy, NotApplicable, OffByPolicy, Exempt, or Mitigated, which is a way to be exempt."""

    status: str
    changed: datetime
    first: datetime


@dataclass(eq=False, slots=True)
class Deed:
    """An act, as far as it makes marks of one cause change.

    `by`: who really did it; None is nobody with an account here (a process in a machine, a date in another cloud).
    `heard`: whether an event of it arrives. `remembered`: Azure's own data tells who, or, of the platform, what.
    """

    kind: str
    subject: str
    at: datetime
    by: Actor | None
    heard: bool = False
    remembered: bool = False
    written: bool = False
    """A write on the resource itself would be the record of it."""
    ambiguous: bool = False
    dated: bool = False
    """A date did it: it can't be put off until marks are free."""


@dataclass(frozen=True, slots=True)
class Move:
    """What a mark contributes to a control has changed between two runs of the counts."""

    was: str | None
    now: str | None
    deed: Deed
    at: datetime


type Place = tuple[str, str, str]
"""A mark's place in a control: control, resource, recommendation."""


@dataclass(slots=True)
class Subscription:
    """A subscription, with what its counts saw last."""

    id: str
    name: str
    tags: dict[str, str]
    ancestors: tuple[str, ...]
    phase: int
    """The minute within 8 hours at which it is counted."""
    groups: list[str]
    assignments: dict[str, Assignment]
    plans: dict[str, datetime | None] = field(default_factory=dict)
    """Since when each is on; None: it is off."""
    connectors: dict[str, Written] = field(default_factory=dict)
    marks: dict[Pair, Mark] = field(default_factory=dict)
    state: str = "Enabled"
    member: bool = True
    """Whether the tenant has it."""
    first_run: datetime | None = None
    """From when on it is counted; None: it is not."""
    seen: dict[Place, str] | None = None
    """What each mark contributed at the last run; None: there has been none."""
    counts: Counts | None = None
    unwatched: int = 0
    """Resources that no control looks at, and which the weight counts."""
    begun: bool = False
    """Whether a snapshot has shown it with a score."""
    moves: dict[Place, Move] = field(default_factory=dict)
    """Since the last snapshot."""
    reweighted: dict[str, Deed] = field(default_factory=dict)
    """Controls whose maximum changed since."""
    scoring: Deed | None = None
    """What last gave or took its score."""

    @property
    def path(self) -> str:
        """Its id as a scope."""
        return f"/subscriptions/{self.id}"

    def plan(self, name: str) -> str:
        """The id of a plan."""
        return f"{self.path}/providers/Microsoft.Security/pricings/{name}"


NOBODYS = Deed("", "", datetime(2000, 1, 1, tzinfo=UTC), None)
"""Of marks that were there before anything was done."""

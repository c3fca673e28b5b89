"""A small Defender for Cloud: what is so, what its assessments say, and what its controls count.

Three layers, each later than the one above it, as on a tenant:

- reality changes when an act happens, and so does the context that Azure shows at once (inventory, plans, exemptions,
  policy, metadata);
- a mark follows within 24 hours, each (resource, recommendation) at its own time of the day;
- the counts of a subscription's controls are taken from the marks every 8 hours, the first a day after onboarding.

The seed decides every time of the day, nothing else does: the same acts give the same world.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from random import Random

from demo.catalogue import AGENT, BY_REFERENCE, CONTROLS, KINDS, RECOMMENDATIONS, Recommendation, guid

DAY = timedelta(hours=24)
COUNTED_EVERY = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class Subscription:
    id: str
    name: str
    environment: str
    ancestors: tuple[str, ...]

    @property
    def path(self) -> str:
        return f"/subscriptions/{self.id}"

    @property
    def assignment(self) -> str:
        return f"{self.path}/providers/Microsoft.Authorization/policyAssignments/SecurityCenterBuiltIn"

    @property
    def provisioning(self) -> str:
        return f"{self.path}/providers/Microsoft.Security/autoProvisioningSettings/default"

    def plan(self, name: str) -> str:
        return f"{self.path}/providers/Microsoft.Security/pricings/{name}"


@dataclass(frozen=True, slots=True)
class Resource:
    subscription: Subscription
    group: str
    kind: str
    name: str
    owner: str
    criticality: str
    created: datetime

    @property
    def id(self) -> str:
        if self.kind == "subscription":
            return self.subscription.path
        provider, *types = KINDS[self.kind].split("/")
        path = "/".join(f"{t}/{n}" for t, n in zip(types, self.name.split("/"), strict=True))
        return f"{self.subscription.path}/resourceGroups/{self.group}/providers/{provider}/{path}"


@dataclass(frozen=True, slots=True)
class Exemption:
    resource: Resource
    recommendation: Recommendation
    category: str
    title: str
    created: datetime
    expires: datetime | None

    @property
    def id(self) -> str:
        name = guid(f"exemption/{self.resource.id}/{self.recommendation.reference}")
        return f"{self.resource.id}/providers/Microsoft.Authorization/policyExemptions/{name}"

    def in_force(self, now: datetime) -> bool:
        return self.expires is None or now < self.expires


@dataclass(frozen=True, slots=True)
class Event:
    """Something written or deleted through Azure Resource Manager, which Event Grid tells of."""

    at: datetime
    verb: str  # write or delete
    subject: str
    act: int  # what one act wrote shares its number


@dataclass(frozen=True, slots=True)
class Status:
    code: str
    cause: str = ""
    mitigated: bool = False  # the tenant of this demo counts such a mark as healthy


@dataclass(frozen=True, slots=True)
class Mark:
    status: Status
    first: datetime
    changed: datetime


@dataclass(frozen=True, slots=True)
class Count:
    healthy: int = 0
    unhealthy: int = 0
    not_applicable: int = 0


@dataclass(slots=True)
class Account:
    """What the world knows of one onboarded subscription."""

    onboarded: datetime
    plans: dict[str, datetime]
    provisioning: datetime | None = None
    off: set[str] = field(default_factory=set)  # references that the assignment's parameters disable
    counts: dict[str, Count] = field(default_factory=dict)  # by control slug; empty until the first run


HEALTHY, UNHEALTHY = Status("Healthy"), Status("Unhealthy")
Pair = tuple[str, str]  # resource id, reference


class World:
    def __init__(self, seed: int, start: datetime) -> None:
        self.seed = seed
        self.now = start
        self.accounts: dict[Subscription, Account] = {}
        self.resources: dict[str, Resource] = {}
        self.faults: set[Pair] = set()
        self.agents: set[str] = set()
        self.exemptions: list[Exemption] = []
        self.events: list[Event] = []  # in order of time
        self.released: dict[str, datetime] = {}
        self.marks: dict[Pair, Mark] = {}
        self._due: dict[Pair, datetime] = {}
        self._queue: list[tuple[datetime, int, Callable[[], None]]] = []
        self._planned = 0  # keeps what happens at one moment in the order in which it was planned

    # Acts

    def onboard(self, subscription: Subscription, resources: Iterable[Resource], plans: tuple[str, ...] = ()) -> None:
        self.accounts[subscription] = Account(self.now, dict.fromkeys(plans, self.now))
        own = Resource(subscription, "", "subscription", subscription.name, "", "", self.now)
        self.resources |= {r.id: r for r in (own, *resources)}  # they were there before: no event tells of them
        self._tell("write", subscription.assignment, *map(subscription.plan, ("FoundationalCspm", *plans)))
        first_run = self._next(self._time_of_day(subscription.id) / 3, COUNTED_EVERY) + DAY
        self._count_at(first_run, subscription)

    def add(self, *resources: Resource) -> None:
        self.resources |= {r.id: r for r in resources}
        self._tell("write", *(r.id for r in resources))

    def delete_group(self, group: str) -> None:
        gone = [r for r in self.resources.values() if r.group == group]
        paths = {f"{r.subscription.path}/resourceGroups/{group}": None for r in gone}
        self._tell("delete", *(r.id for r in gone), *paths)
        self.resources = {i: r for i, r in self.resources.items() if r.group != group}

    def fault(self, reference: str, *names: str) -> None:
        self.faults |= {(i, reference) for i, r in self.resources.items() if r.name in names}

    def fix(self, subscription: Subscription, reference: str, at_most: int = 10_000) -> None:
        """Mends what the recommendation finds or would find, at most so many, in order of their ids."""
        found = sorted(p for p in self.faults if p[1] == reference and p[0].startswith(subscription.path))
        self.faults -= set(found[:at_most])

    def enable_plan(self, subscription: Subscription, plan: str) -> None:
        self.accounts[subscription].plans[plan] = self.now
        self._tell("write", subscription.plan(plan))

    def auto_provision(self, subscription: Subscription, within: timedelta) -> None:
        """Turns automatic provisioning on: one machine after another gets its agent."""
        self.accounts[subscription].provisioning = self.now
        self._tell("write", subscription.provisioning)
        for id_, r in self.resources.items():
            if r.subscription == subscription and r.kind in ("linux", "windows") and id_ not in self.agents:
                delay = within * (self._time_of_day("agent", id_) / DAY)
                self.at(self.now + delay, partial(self.agents.add, id_))

    def exempt(self, name: str, reference: str, category: str, title: str, expires: datetime | None = None) -> None:
        resource = next(r for r in self.resources.values() if r.name == name)
        self.exemptions.append(Exemption(resource, BY_REFERENCE[reference], category, title, self.now, expires))
        self._tell("write", self.exemptions[-1].id)
        if expires:
            self.at(expires, lambda: None)  # nothing fires on a tenant; here it makes the marks look again

    def disable_policy(self, subscription: Subscription, reference: str) -> None:
        self.accounts[subscription].off.add(reference)
        self._tell("write", subscription.assignment)

    def release(self, reference: str) -> None:
        """Microsoft moves the recommendation out of preview."""
        self.released[reference] = self.now

    def _tell(self, verb: str, *subjects: str) -> None:
        act = self.events[-1].act + 1 if self.events else 1
        self.events += [Event(self.now, verb, subject, act) for subject in subjects]

    # Time

    def at(self, time: datetime, act: Callable[[], None]) -> None:
        """Plans an act; the marks that it concerns are due at their next time of the day."""

        def happen() -> None:
            act()
            self._look_again()

        self._plan(time, happen)

    def advance(self, to: datetime) -> None:
        while self._queue and self._queue[0][0] <= to:
            self.now, _, happen = heappop(self._queue)
            happen()
        self.now = to

    def preview(self, recommendation: Recommendation) -> bool:
        return recommendation.preview and recommendation.reference not in self.released

    def _plan(self, time: datetime, happen: Callable[[], None]) -> None:
        heappush(self._queue, (time, self._planned, happen))
        self._planned += 1

    def _time_of_day(self, *name: str) -> timedelta:
        dice = Random(f"{self.seed}/{'/'.join(name)}")
        return timedelta(microseconds=dice.randrange(DAY // timedelta(microseconds=1)))

    def _next(self, time_of_day: timedelta, every: timedelta = DAY) -> datetime:
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        return self.now + (midnight + time_of_day - self.now) % every

    # Marks

    def _reality(self, pair: Pair) -> Status | None:
        resource, recommendation = self.resources.get(pair[0]), BY_REFERENCE[pair[1]]
        if not resource:
            return None
        account = self.accounts[resource.subscription]
        if recommendation.reference in account.off:
            return Status("NotApplicable", "OffByPolicy")
        feed = recommendation.feed
        if feed and feed not in account.plans and not (feed == AGENT and resource.id in self.agents):
            return None
        for e in self.exemptions:
            if e.resource == resource and e.recommendation == recommendation and e.in_force(self.now):
                return Status("NotApplicable", "Exempt", e.category == "Mitigated")
        return UNHEALTHY if pair in self.faults else HEALTHY

    def _look_again(self) -> None:
        pairs = {(i, r.reference) for i, s in self.resources.items() for r in RECOMMENDATIONS if s.kind in r.kinds}
        for pair in sorted(pairs | self.marks.keys()):
            mark = self.marks.get(pair)
            if self._reality(pair) == (mark.status if mark else None):
                self._due.pop(pair, None)
            elif pair not in self._due:
                # A deleted resource is swept away whole, so its marks share one time.
                name = pair if pair[0] in self.resources else ("sweep", pair[0])
                self._due[pair] = self._next(self._time_of_day(*name))
                self._plan(self._due[pair], partial(self._assess, pair))

    def _assess(self, pair: Pair) -> None:
        if self._due.get(pair) != self.now:
            return  # the change was undone in time
        del self._due[pair]
        status, old = self._reality(pair), self.marks.pop(pair, None)
        if status:
            self.marks[pair] = Mark(status, old.first if old else self.now, self.now)

    # Counts

    def _count_at(self, time: datetime, subscription: Subscription) -> None:
        def count() -> None:
            self.accounts[subscription].counts = self.count(subscription)
            self._count_at(time + COUNTED_EVERY, subscription)

        self._plan(time, count)

    def count(self, subscription: Subscription) -> dict[str, Count]:
        """What the controls would count if they were recomputed now."""
        cells: dict[tuple[str, str], set[str]] = {}
        for (resource, reference), mark in self.marks.items():
            recommendation = BY_REFERENCE[reference]
            if resource.startswith(subscription.path) and not self.preview(recommendation):
                code = "Healthy" if mark.status.mitigated else mark.status.code
                cells.setdefault((recommendation.control, resource), set()).add(code)
        found: dict[str, list[str]] = {slug: [] for slug in CONTROLS}
        for (slug, _), codes in cells.items():
            found[slug].append(next(c for c in ("Unhealthy", "Healthy", "NotApplicable") if c in codes))
        return {s: Count(f.count("Healthy"), f.count("Unhealthy"), f.count("NotApplicable")) for s, f in found.items()}

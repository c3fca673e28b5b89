"""The estate that acts act on: a world for each subscription, and what assesses what in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from uuid import UUID

from tests.arm import TYPES, Mark, World

UNLISTED = ("subnet", "aws", "sub")
PLANS = {"vm": "VirtualMachines", "sql": "SqlServers", "st": "StorageAccounts", "kv": "KeyVaults", "web": "AppServices"}


@dataclass
class Rec:
    words: tuple[str, ...]  # the kinds of resources that it assesses
    needs_plan: bool = False


@dataclass
class Land:
    """The estate: a world for each subscription, what assesses what, and the interval that passes now."""

    rng: Random
    worlds: dict[str, World]
    recs: dict[str, Rec]
    active: set[str]
    start: datetime
    end: datetime
    mass: bool = False
    born: int = 0
    fixed: dict[str, int] = field(default_factory=dict)  # weights that do not follow from the resources

    def guid(self) -> str:
        return str(UUID(int=self.rng.getrandbits(128), version=4))

    def pick(self, options: list, most: int = 1) -> list:
        return self.rng.sample(options, min(len(options), self.rng.randint(1, most))) if options else []

    def world(self) -> World:
        return self.worlds[self.rng.choice(sorted(self.active))]

    def status(self) -> str:
        return self.rng.choices(["Healthy", "Unhealthy", "NotApplicable"], [50, 40, 10])[0]

    def assessed(self, world: World, resource: str, rec: str) -> bool:
        w = word(resource)
        on = world.plans.get(PLANS.get(w, ""), {}).get("tier") == "Standard"  # type: ignore[union-attr]
        return w in self.recs[rec].words and (on or not self.recs[rec].needs_plan)

    def new_id(self, world: World, w: str) -> str:
        self.born += 1
        root = f"/subscriptions/{world.subscription}"
        group = f"{root}/resourceGroups/rg-{self.rng.randrange(3)}"
        if w == "aws":
            return f"{self.rng.choice(sorted(world.connectors))}/securityentitydata/r{self.born}"
        if w == "subnet":
            return f"{group}/providers/{TYPES['vnet']}/net/subnets/r{self.born}"
        return root if w == "sub" else f"{group}/providers/{TYPES[w]}/r{self.born}"

    def register(self, world: World, resource: str, when: datetime) -> None:
        if word(resource) not in UNLISTED:
            world.resources[resource] = {"createdTime": when}

    def assess(self, world: World, resource: str, when: datetime) -> None:
        for rec in self.recs:
            if self.assessed(world, resource, rec) and (resource, rec) not in world.marks:
                mark(world, (resource, rec), self.status(), when)


def word(resource: str) -> str:
    if "/providers/" not in resource:
        return "sub"
    if "/subnets/" in resource:
        return "subnet"
    if "/securityentitydata/" in resource:
        return "aws"
    return next(w for w, t in TYPES.items() if f"/providers/{t}/" in resource)


def mark(world: World, at: tuple[str, str], status: str, when: datetime, mitigated: bool = False) -> None:
    was = world.marks.get(at)
    world.marks[at] = Mark(status, when, was.first if was else when, mitigated)


def resources(world: World) -> list[str]:
    return sorted({r for r, _ in world.marks})


def marked(world: World, *statuses: str) -> list[tuple[str, str]]:
    listed = {rec for _, recs in world.controls.values() for rec in recs}
    return sorted(at for at, m in world.marks.items() if m.status in statuses and at[1] in listed)


def nothing(*_: object) -> None:
    pass

"""Random estates that act and lag: `make(seed, kinds)` gives evidence folders and tells what was done between them.

Counts are those of the estate's own cells, so nothing is unexplained unless the counts lag or there is noise.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from tests.build import LONG_AGO, T0, TYPES, Estate, Folder, World, count, tenant, weight, write
from tests.estates_acts import ACTS, exempt, make_exemption, policy_disabled
from tests.estates_land import PLANS, Land, Rec, mark

__all__ = ["ACTS", "Act", "Story", "make", "write"]


@dataclass(frozen=True)
class Act:
    """`step`: it happened between folder step and step + 1. `shown`: the counts of every subscription show it.

    `marks`: the (subscription, (resource, recommendation)) that it changed.
    """

    kind: str
    step: int
    when: datetime
    shown: bool
    marks: frozenset[tuple[str, tuple[str, str]]] = frozenset()


class Story(list[Folder]):
    """The folders in order of time, with the acts between them."""

    def __init__(self, folders: list[Folder], acts: list[Act]) -> None:
        super().__init__(folders)
        self.acts = acts

    def __repr__(self) -> str:
        return f"Story({len(self)} folders, {[act.kind for act in self.acts]})"

    @property
    def can_be_told_apart(self) -> bool:
        """Whether no mark changed twice and no two acts came at the same time.

        Else counts that lag may show a moment in between, of which the folders tell nothing.
        """
        changed = [mark for act in self.acts for mark in act.marks]
        times = [(act.step, act.when) for act in self.acts]
        return len(changed) == len(set(changed)) and len(times) == len(set(times))


def make(
    seed: int,
    kinds: int = 3,
    lag: bool = False,
    steps: int = 2,
    *,
    ahead: bool = False,
    noise: bool = False,
    early: bool = False,
    mass: bool = False,
    subscriptions: int | None = None,
    only: tuple[str, ...] = (),
    hours: tuple[int, ...] = (4, 8, 16, 22),
    without: tuple[str, ...] = (),
) -> Story:
    """`steps` folders with `kinds` different acts (names of ACTS; of `only`, if given) between neighbours.

    lag: the counts tell an earlier moment of the interval. ahead: marks follow their context one folder later.
    noise: the counts of a control move for no visible reason. early: something happened in the hours before the first
    folder. mass: resources come and go by the hundred. without: files that are left out of every folder.
    """
    rng = Random(seed)
    names = list(only or ACTS)
    plan = [rng.sample(names, min(kinds, len(names))) for _ in range(steps - 1 + early)]
    gaps = [timedelta(hours=rng.choice(hours)) for _ in plan]
    first = T0 - (gaps[0] if early else timedelta(0))
    land = _found(rng, subscriptions or rng.randint(1, 3), first, mass)
    _prepare(land, plan, gaps, first)
    folders, acts, delayed = [_folder(land, first, {}, without)], [], []
    land.end = first
    for step, (chosen, gap) in enumerate(zip(plan, gaps, strict=True)):
        land.start, land.end = land.end, land.end + gap
        due, delayed = delayed, []
        todo = [(name, None) for name in chosen] + due
        rng.shuffle(todo)
        seconds = sorted(rng.randint(3600, int(gap.total_seconds()) - 60) for _ in todo)
        if len(seconds) > 1 and rng.random() < 0.2:
            seconds[1] = seconds[0]
        moments = [(land.start, deepcopy((land.worlds, land.fixed)))]
        done = []
        for (name, follow), second in zip(todo, seconds, strict=True):
            when = land.start + timedelta(seconds=second)
            made = (lambda: None, follow) if follow else ACTS[name](land)
            if not made:
                continue
            made[0]()
            if ahead and not follow:
                delayed.append((name, made[1]))
            else:
                made[1](when)
            moments.append((when, deepcopy((land.worlds, land.fixed))))
            done.append((name, when, _changed(*(worlds for _, (worlds, _) in moments[-2:]))))
        shown = {sub: rng.choice(moments) if lag else (land.end, (land.worlds, land.fixed)) for sub in land.worlds}
        acts += [Act(name, step, when, all(m >= when for m, _ in shown.values()), at) for name, when, at in done]
        folder = _folder(land, land.end, shown, without)
        if noise:
            _disturb(folder, rng)
        folders.append(folder)
    if early:
        acts = [replace(act, step=act.step - 1) for act in acts]
    return Story(folders[int(early) :], acts)


def _changed(before: dict[str, World], after: dict[str, World]) -> frozenset[tuple[str, tuple[str, str]]]:
    ends = [
        {(sub, at): mark for sub, world in end.items() for at, mark in world.marks.items()} for end in (before, after)
    ]
    return frozenset(at for at in {*ends[0], *ends[1]} if ends[0].get(at) != ends[1].get(at))


def _found(rng: Random, subscriptions: int, first: datetime, mass: bool) -> Land:
    land = Land(rng, {}, {}, set(), first, first, mass)
    controls = [land.guid() for _ in range(rng.randint(4, 8))]
    told: dict[str, dict | None] = {}
    members: dict[str, list[str]] = {c: [] for c in controls}
    for i in range(rng.randint(8, 14)):
        rec = land.guid()
        needs_plan = i < 3
        any_word = [*TYPES, "subnet", "aws", "sub"]
        words = rng.sample(list(PLANS), 1) if needs_plan else rng.sample(any_word, rng.randint(2, 5))
        land.recs[rec] = Rec(tuple(words), needs_plan)
        told[rec] = {"preview": True} if i in (3, 4) else {"GA": LONG_AGO, "public": LONG_AGO - timedelta(days=60)}
        for name in rng.sample(controls, 2 if i % 5 == 0 else 1):
            members[name].append(rec)
    points = {c: rng.choice([1, 2, 3, 4, 4, 6, 8, 10]) for c in controls}
    reading = rng.choice(["healthy", "notApplicable"])
    for i in range(subscriptions + 1):  # one more, that may be added
        sub = land.guid()
        world = World(subscription=sub, taken=first, mitigated=reading, recommendations=dict(told))
        world.controls = {c: (points[c], list(members[c])) for c in controls}
        world.tags = {"environment": rng.choice(["prod", "dev"]), "owner": f"team-{i}"}
        world.ancestors = [f"mg-{i % 2}", "mg-root"]
        world.plans = {name: {"tier": rng.choice(["Standard", "Free"])} for name in PLANS.values()}
        world.plans["FoundationalCspm"] = {"tier": "Standard"}
        land.worlds[sub] = world
        _populate(land, world)
        if i < subscriptions:
            land.active.add(sub)
    return land


def _populate(land: Land, world: World) -> None:
    rng, root = land.rng, f"/subscriptions/{world.subscription}"
    if rng.random() < 0.4:
        world.assignments = {f"rg-{i}": {"scope": f"{root}/resourceGroups/rg-{i}"} for i in range(rng.randint(2, 3))}
    conn = f"{root}/resourceGroups/rg-0/providers/Microsoft.Security/securityConnectors/aws"
    world.connectors = {conn: {}} if rng.random() < 0.6 else {}
    words = [w for w in (*TYPES, *TYPES, "subnet", "aws") if w != "aws" or world.connectors]
    for w in ["sub", *rng.choices(words, k=rng.randint(6, 20))]:
        new = land.new_id(world, w)
        land.register(world, new, LONG_AGO)
        land.assess(world, new, LONG_AGO + timedelta(seconds=rng.randrange(86400)))
    at = sorted(world.marks)
    for gone in rng.sample(at, len(at) // 10):
        del world.marks[gone]
    for name, options in {
        "decoy-other-assignment": {"assignment": "cost"},
        "decoy-long-expired": {"expires": LONG_AGO},
        "decoy-other-reference": {"references": ["anotherCheck"]},
    }.items():
        world.exemptions[name] = {"scope": "sub", "recs": (), "category": "Mitigated", **options}


def _prepare(land: Land, plan: list[list[str]], gaps: list[timedelta], first: datetime) -> None:
    """What the acts to come need to be there: exemptions of which some expire in time, graces, what is off."""
    land.start, end = first - timedelta(days=20), first
    for names, gap in zip(plan, gaps, strict=True):
        start, end = end, end + gap
        expires = [start + gap / 2] if "exemption_expired" in names else []
        for when in [*expires, *([None] if "exemption_removed" in names else [])]:
            if made := make_exemption(land, when):
                exempt(*made, LONG_AGO)
        if "policy_enabled" in names and (steps := policy_disabled(land)):
            steps[0]()
            steps[1](LONG_AGO)
        if "grace_period_ended" in names:
            world = land.world()
            unhealthy = sorted(at for at, m in world.marks.items() if m.status == "Unhealthy")
            for at in land.pick(unhealthy, 3):
                world.governance[at] = {"due": land.rng.choice([start + gap / 2, end + timedelta(days=20)])}
    for world in land.worlds.values():
        for at in land.pick(sorted(world.marks), 2):
            if world.marks[at].status in ("Healthy", "Unhealthy"):
                mark(world, at, "OffByPolicy", LONG_AGO)


def _folder(land: Land, taken: datetime, shown: dict, without: tuple[str, ...]) -> Folder:
    """`shown`: of each subscription the moment that its counts and its weight tell."""
    estates = []
    for sub in sorted(land.active):
        moment, (worlds, fixed) = shown.get(sub, (taken, (land.worlds, land.fixed)))
        world, then = deepcopy(land.worlds[sub]), deepcopy(worlds[sub])
        world.taken, then.taken = taken, moment
        world.counts = count(then)
        world.weight = fixed.get(sub, weight(then))
        world.without = without
        estates.append(Estate(world))
    return tenant(*estates)


def _disturb(folder: Folder, rng: Random) -> None:
    path = rng.choice(sorted(p for p in folder if p.endswith("/secure-score-controls.json")))
    p = rng.choice(folder[path]["value"])["properties"]
    p["healthyResourceCount"] = max(0, p["healthyResourceCount"] + rng.choice([-1, 1, 2]))
    p["unhealthyResourceCount"] = max(0, p["unhealthyResourceCount"] + rng.choice([-1, 0, 1]))

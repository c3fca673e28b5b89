"""What can happen in a random estate: each act is context first, then the marks that follow from it.

An act is told the estate, a random generator and the interval, and returns None where it cannot happen, else the two
steps; the second is given the time at which the marks change.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from tests.arm import TYPES, World, count, exemption, key, standard_exemption
from tests.estates_land import PLANS, UNLISTED, Land, Rec, mark, marked, nothing, resources, word

Steps = tuple[Callable[[], object], Callable[[datetime], object]]


def _flip(land: Land, was: str, becomes: str) -> Steps | None:
    world = land.world()
    found = marked(world, was)
    if not found:
        return None
    rec = land.rng.choice(found)[1]
    chosen = land.pick([at for at in found if at[1] == rec], 4)
    return nothing, lambda when: [mark(world, at, becomes, when) for at in chosen if at in world.marks]


def remediation(land: Land) -> Steps | None:
    return _flip(land, "Unhealthy", "Healthy")


def regression(land: Land) -> Steps | None:
    return _flip(land, "Healthy", "Unhealthy")


def applicability_changed(land: Land) -> Steps | None:
    """Marks of a recommendation become not applicable or return; now and then all of a small control."""
    world, way = land.world(), land.rng.random()
    if way < 0.3:
        return _flip(land, "NotApplicable", land.rng.choice(["Healthy", "Unhealthy"]))
    counts = {c: n for c, (_, n) in count(world).items() if n}
    if way < 0.6 and len(counts) > 2:
        recs = world.controls[min(counts, key=lambda c: counts[c])][1]
        chosen = [at for at in marked(world, "Healthy", "Unhealthy") if at[1] in recs]
        return nothing, lambda when: [mark(world, at, "NotApplicable", when) for at in chosen if at in world.marks]
    return _flip(land, land.rng.choice(["Healthy", "Unhealthy"]), "NotApplicable")


# Accounting


def make_exemption(land: Land, expires: datetime | None = None) -> tuple[World, list[tuple[str, str]], str] | None:
    """An exemption of either kind, at a resource, its group, the subscription or a management group above it."""
    world = land.world()
    found = marked(world, "Unhealthy", "Healthy")
    if not found:
        return None
    res, rec = land.rng.choice(found)
    root = f"/subscriptions/{world.subscription}"
    scopes = [res, res, res, root] + ([res.partition("/providers/")[0]] if "/providers/" in res else [])
    scope = land.rng.choice(scopes + (["mg:" + land.rng.choice(world.ancestors)] if world.ancestors else []))
    chosen = [at for at in found if at[1] == rec and (scope.startswith("mg:") or (at[0] + "/").startswith(scope + "/"))]
    name, category = f"ex-{land.guid()}", land.rng.choice(["Waiver", "Mitigated"])
    options = {"category": category, "expires": expires, "created": land.start + timedelta(minutes=5)}
    if land.rng.random() < 0.4:
        world.standards[name] = standard_exemption(scope, rec, **options)
    else:
        world.exemptions[name] = exemption(scope, (rec,), assignment=land.rng.choice(assignments(world)), **options)
    return world, chosen, name


def assignments(world: World) -> list[str]:
    """The ids of the assignments; they stay those of exemptions also where one is removed."""
    root = f"/subscriptions/{world.subscription}"
    scopes = {name: a.get("scope", root) for name, a in world.assignments.items()} or {"SecurityCenterBuiltIn": root}
    inner = "/providers/Microsoft.Authorization/policyAssignments/"
    return sorted(f"{root if scope == 'sub' else scope}{inner}{name}" for name, scope in scopes.items())


def told_of(world: World, name: str) -> dict:
    return world.exemptions.get(name) or world.standards.get(name) or {}


def exempt(world: World, chosen: list[tuple[str, str]], name: str, when: datetime) -> None:
    mitigated = told_of(world, name).get("category") == "Mitigated"
    for at in chosen:
        if at in world.marks and world.marks[at].status != "Exempt":
            mark(world, at, "Exempt", when, mitigated)


def exemption_created(land: Land) -> Steps | None:
    made = make_exemption(land)
    if not made:
        return None
    return nothing, lambda when: exempt(*made, when)


def _exempted(world: World, name: str) -> list[tuple[str, str]]:
    told = told_of(world, name)
    recs = {key(r) for r in told.get("recs", ())} or {key(told["rec"])}
    scope = told["scope"]
    inside = [at for at in marked(world, "Exempt") if key(at[1]) in recs]
    return [at for at in inside if scope.startswith("mg:") or (at[0] + "/").startswith(scope + "/")]


def _end(land: Land, world: World, chosen: list[tuple[str, str]], when: datetime) -> None:
    for at in chosen:
        if at in world.marks and world.marks[at].status == "Exempt":
            mark(world, at, land.rng.choice(["Unhealthy", "Unhealthy", "Healthy"]), when)


def exemption_removed(land: Land) -> Steps | None:
    world = land.world()
    names = [n for n in [*world.exemptions, *world.standards] if not n.startswith("decoy") and _exempted(world, n)]
    names = [n for n in names if not told_of(world, n).get("expires")]
    if not names:
        return None
    name = land.rng.choice(sorted(names))
    chosen = _exempted(world, name)

    def remove() -> None:
        world.exemptions.pop(name, None)
        world.standards.pop(name, None)

    return remove, lambda when: _end(land, world, chosen, when)


def exemption_expired(land: Land) -> Steps | None:
    """One that was made to expire in this interval does."""
    for world in (land.worlds[s] for s in sorted(land.active)):
        for name in sorted([*world.exemptions, *world.standards]):
            expires = told_of(world, name).get("expires")
            if expires and land.start < expires <= land.end and (chosen := _exempted(world, name)):
                return nothing, lambda when, e=expires, w=world, c=chosen: _end(land, w, c, max(when, e))
    return None


def grace_period_started(land: Land) -> Steps | None:
    world = land.world()
    chosen = land.pick([at for at in marked(world, "Unhealthy") if at not in world.governance], 3)
    due = land.end + timedelta(hours=land.rng.choice([6, 500, 500, 500]))
    grace = {"due": due, "grace": True}
    return (lambda: world.governance.update(dict.fromkeys(chosen, grace)), nothing) if chosen else None


def grace_period_ended(land: Land) -> Steps | None:
    world = land.world()
    chosen = land.pick([at for at, g in sorted(world.governance.items()) if g["due"] > land.start], 2)
    if not chosen:
        return None
    return lambda: [world.governance.pop(at, None) for at in chosen], nothing


# The estate


def resource_added(land: Land) -> Steps | None:
    world = land.world()
    words = [w for w in (*TYPES, "subnet", "aws") if w != "aws" or world.connectors]
    number = land.rng.randint(40, 160) if land.mass and land.rng.random() < 0.7 else land.rng.randint(1, 4)
    new = [land.new_id(world, w) for w in land.rng.choices(words, k=number)]
    created = land.start + timedelta(minutes=20)
    return (
        lambda: [land.register(world, r, created) for r in new],
        lambda when: [land.assess(world, r, when) for r in new],
    )


def resource_deleted(land: Land) -> Steps | None:
    world = land.world()
    there = [r for r in resources(world) if word(r) != "sub"]
    chosen = land.pick(there, len(there) - 2 if land.mass and land.rng.random() < 0.5 else 3) if len(there) > 4 else []
    return (lambda: _unlist(world, chosen), lambda _: _forget(world, chosen)) if chosen else None


def _unlist(world: World, chosen: list[str]) -> None:
    for resource in chosen:
        if word(resource) not in UNLISTED:
            world.resources[resource] = None


def _forget(world: World, chosen: list[str]) -> None:
    for at in [at for at in world.marks if at[0] in chosen]:
        del world.marks[at]
        world.governance.pop(at, None)


def connector_added(land: Land) -> Steps:
    world = land.world()
    root = f"/subscriptions/{world.subscription}/resourceGroups/rg-0/providers/Microsoft.Security/securityConnectors"
    conn = f"{root}/conn-{land.rng.getrandbits(16):x}"
    new = [f"{conn}/securityentitydata/r{land.rng.getrandbits(20):x}" for _ in range(land.rng.randint(1, 4))]
    created = {"created": land.start + timedelta(minutes=10)}
    return (
        lambda: world.connectors.update({conn: created}),
        lambda when: [land.assess(world, r, when) for r in new],
    )


def connector_removed(land: Land) -> Steps | None:
    world = land.world()
    if not world.connectors:
        return None
    conn = land.rng.choice(sorted(world.connectors))
    return (
        lambda: world.connectors.pop(conn, None),
        lambda _: _forget(world, [r for r in resources(world) if r.startswith(f"{conn}/")]),
    )


def subscription_added(land: Land) -> Steps | None:
    away = sorted(land.worlds.keys() - land.active)
    return (lambda: land.active.add(land.rng.choice(away)), nothing) if away else None


def subscription_removed(land: Land) -> Steps | None:
    if len(land.active) < 2:
        return None
    sub = land.rng.choice(sorted(land.active))
    return lambda: land.active.discard(sub), nothing


def subscription_unscored(land: Land) -> Steps | None:
    """Foundational CSPM goes off, or returns."""
    world = land.world()
    if world.record and sum(w.record for s, w in land.worlds.items() if s in land.active) < 2:
        return None

    def switch() -> None:
        world.record = not world.record
        world.plans["FoundationalCspm"] = {"tier": "Standard" if world.record else "Free"}

    return switch, nothing


def weight_changed(land: Land) -> Steps | None:
    world = land.world()
    others = [land.fixed.get(s, 1) for s in land.active if s != world.subscription]
    low = 0 if any(others) else 1
    weight = land.rng.choice([low, land.rng.randint(1, 60)])
    return lambda: land.fixed.update({world.subscription: weight}), nothing


def tags_changed(land: Land) -> Steps:
    world = land.world()
    other = "dev" if world.tags.get("environment") == "prod" else "prod"
    return lambda: world.tags.update({"environment": other}), nothing


# The yardstick


def _definitions(land: Land, rec: str, told: dict | None) -> None:
    for world in land.worlds.values():
        world.recommendations[rec] = told


def _list_in(land: Land, rec: str, names: list[str]) -> None:
    for world in land.worlds.values():
        for name, (maximum, recs) in world.controls.items():
            kept = [r for r in recs if r != rec] + ([rec] if name in names else [])
            world.controls[name] = (maximum, kept)


def _listed(land: Land, preview: bool = False) -> list[str]:
    world = next(iter(land.worlds.values()))
    listed = {r for _, recs in world.controls.values() for r in recs}
    told = world.recommendations
    return sorted(r for r in listed if told.get(r) is not None and bool(told[r].get("preview")) == preview)  # type: ignore[union-attr]


def _controls_of(land: Land, rec: str) -> list[str]:
    world = next(iter(land.worlds.values()))
    return sorted(c for c, (_, recs) in world.controls.items() if rec in recs)


def recommendation_added(land: Land) -> Steps:
    rec = land.guid()
    words = tuple(land.rng.sample([*TYPES, "subnet", "aws"], 3))
    names = land.rng.sample(sorted(next(iter(land.worlds.values())).controls), land.rng.choice([1, 1, 2]))

    def publish() -> None:
        land.recs[rec] = Rec(words)
        _definitions(land, rec, {"GA": land.start + timedelta(minutes=30)})
        _list_in(land, rec, names)

    def assess(when: datetime) -> None:
        for world in land.worlds.values():
            for resource in resources(world):
                if word(resource) in words:
                    mark(world, (resource, rec), land.status(), when)

    return publish, assess


def recommendation_left_preview(land: Land) -> Steps | None:
    if not (found := _listed(land, preview=True)):
        return None
    rec = land.rng.choice(found)
    told = {"GA": land.start + timedelta(minutes=40), "public": land.start - timedelta(days=90)}
    return lambda: _definitions(land, rec, told), nothing


def recommendation_retired(land: Land) -> Steps | None:
    if len(found := _listed(land)) < 4:
        return None
    rec, way = land.rng.choice(found), land.rng.randrange(3)
    if way == 2:
        return lambda: _list_in(land, rec, []), nothing
    return lambda: _definitions(land, rec, {"preview": True} if way else None), nothing


def recommendation_moved(land: Land) -> Steps | None:
    if not (found := _listed(land)):
        return None
    rec = land.rng.choice(found)
    was = _controls_of(land, rec)
    free = sorted(next(iter(land.worlds.values())).controls.keys() - set(was))
    return (lambda: _list_in(land, rec, [*was[1:], land.rng.choice(free)]), nothing) if free else None


def control_reweighted(land: Land) -> Steps:
    name = land.rng.choice(sorted(next(iter(land.worlds.values())).controls))
    maximum = land.rng.choice([1, 2, 3, 4, 6, 8, 10])

    def reweight() -> None:
        for world in land.worlds.values():
            world.controls[name] = (maximum, world.controls[name][1])

    return reweight, nothing


# Coverage


def _plan(land: Land, was: str, becomes: str) -> Steps | None:
    world = land.world()
    words = [w for w in PLANS if world.plans[PLANS[w]]["tier"] == was]  # type: ignore[index]
    if not words:
        return None
    w = land.rng.choice(words)
    fed = [rec for rec, told in land.recs.items() if told.needs_plan and w in told.words]
    there = [r for r in resources(world) if word(r) == w]
    since = land.start + timedelta(minutes=15) if becomes == "Standard" else None

    def follow(when: datetime) -> None:
        for at in [(r, rec) for r in there for rec in fed]:
            if becomes == "Free":
                world.marks.pop(at, None)
                world.governance.pop(at, None)
            elif at not in world.marks and (at[0] in resources(world)):
                mark(world, at, land.status(), when)

    return lambda: world.plans.update({PLANS[w]: {"tier": becomes, "since": since}}), follow


def plan_enabled(land: Land) -> Steps | None:
    return _plan(land, "Free", "Standard")


def plan_disabled(land: Land) -> Steps | None:
    return _plan(land, "Standard", "Free")


def policy_disabled(land: Land) -> Steps | None:
    """A parameter turns one recommendation off, or an assignment at a resource group goes."""
    world = land.world()
    if "SecurityCenterBuiltIn" not in world.assignments and world.assignments and land.rng.random() < 0.6:
        name = land.rng.choice(sorted(world.assignments))
        scope = world.assignments[name]["scope"] + "/"
        return (
            lambda: world.assignments.pop(name, None),
            lambda _: _forget(world, [r for r in resources(world) if r.startswith(scope)]),
        )
    if not (found := marked(world, "Healthy", "Unhealthy")):
        return None
    rec = land.rng.choice(found)[1]
    chosen = [at for at in found if at[1] == rec]
    return nothing, lambda when: [mark(world, at, "OffByPolicy", when) for at in chosen if at in world.marks]


def policy_enabled(land: Land) -> Steps | None:
    world = land.world()
    missing = [f"rg-{i}" for i in range(3) if f"rg-{i}" not in world.assignments]
    if "SecurityCenterBuiltIn" not in world.assignments and missing and land.rng.random() < 0.7:
        name = land.rng.choice(missing)
        scope = f"/subscriptions/{world.subscription}/resourceGroups/{name}"
        told = {"scope": scope, "created": land.start + timedelta(minutes=25)}
        there = [r for r, told in world.resources.items() if told is not None and r.startswith(f"{scope}/")]
        return (
            lambda: world.assignments.update({name: told}),
            lambda when: [land.assess(world, r, when) for r in there if world.resources.get(r) is not None],
        )
    if not (found := marked(world, "OffByPolicy")):
        return None
    rec = land.rng.choice(found)[1]
    chosen = [at for at in found if at[1] == rec]
    return nothing, lambda when: [mark(world, at, land.status(), when) for at in chosen if at in world.marks]


def data_source_lost(land: Land) -> Steps | None:
    world = land.world()
    if not (found := marked(world, "Healthy", "Unhealthy")):
        return None
    resource = land.rng.choice(found)[0]
    chosen = land.pick([at for at in found if at[0] == resource], 2)
    return nothing, lambda _: [world.marks.pop(at, None) for at in chosen]


def data_source_gained(land: Land) -> Steps | None:
    world = land.world()
    there = [r for r in resources(world) if r not in world.resources or world.resources[r] is not None]
    open_ = [(r, rec) for r in there for rec in land.recs if land.assessed(world, r, rec)]
    found = [at for at in open_ if at not in world.marks]
    if not found:
        return None
    resource = land.rng.choice(found)[0]
    return nothing, lambda when: [mark(world, at, land.status(), when) for at in found if at[0] == resource]


ACTS = {
    act.__name__: act
    for act in (
        *(remediation, regression, applicability_changed, exemption_created, exemption_removed, exemption_expired),
        *(grace_period_started, grace_period_ended, resource_added, resource_deleted, connector_added),
        *(connector_removed, subscription_added, subscription_removed, subscription_unscored, weight_changed),
        *(tags_changed, recommendation_added, recommendation_left_preview, recommendation_retired),
        *(recommendation_moved, control_reweighted, plan_enabled, plan_disabled, policy_disabled, policy_enabled),
        *(data_source_lost, data_source_gained),
    )
}

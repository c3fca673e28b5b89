"""What fixes are worth and a short way to a target, against the what-if of the engine and against brute force."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from random import Random
from typing import Any

import numpy as np
import pytest

from drift.adapters.evidence import open_folders
from drift.engine.ahead.supposing import Supposed, each, gain, stand
from drift.engine.effects import columns
from drift.engine.head import begin
from drift.engine.planning import Needs, Route, Wish, needs, of_controls, of_recommendations, of_resources, route
from drift.kinds import Kind
from drift.model import Cause, Status
from drift.names import Names
from tests.build import SUB, Estate, control, estate, guid, key, resource
from tests.engine.ahead.test_calendar import head
from tests.explained import written

UNITS = {"Low": 1, "Moderate": 3, "High": 9}
APART = {"one": (10, ["a", "b", "c"]), "two": (4, ["d", "e"]), "three": (3, ["f"])}
SHARED = {"one": (10, ["a", "b", "c"]), "two": (4, ["c", "d", "e"]), "three": (3, ["f", "a"])}
ALIKE = dict.fromkeys("abcdef", "Moderate")


def random_estate(
    seed: int, controls: dict[str, Any], efforts: dict[str, str] | None = None, *, most: int = 11
) -> Estate:
    """Few marks, some of which are Unhealthy; their efforts are drawn unless they are given."""
    rng = Random(seed)
    places = [(f"vm{at}", rec) for at in range(6) for rec in "abcdef"]
    statuses = {place: rng.choice(["Healthy", "Healthy", "Unhealthy", "Exempt", "OffByPolicy"]) for place in places}
    for place in rng.sample(places, len(places))[: max(0, list(statuses.values()).count("Unhealthy") - most)]:
        statuses[place] = "Healthy"
    bad = [place for place, status in statuses.items() if status == "Unhealthy"]
    for place in bad[most:]:
        statuses[place] = "Healthy"
    told = {rec: {"effort": (efforts or {}).get(rec, rng.choice(list(UNITS)))} for rec in "abcdef"}
    return estate(controls=controls, marks=statuses, recommendations=told)


def of(folder: Estate) -> Needs:
    found = needs(head(folder))
    assert found is not None
    return found


def planned(folder: Estate, target: float, **wish: Any) -> Route:
    return route([of(folder)], [1.0], Wish(target, **wish))


def unhealthy(folder: Estate) -> list[tuple[str, str]]:
    return sorted(place for place, mark in folder.world.marks.items() if mark.status == "Unhealthy")


def score(folder: Estate, fixed: Sequence[tuple[str, str]] = ()) -> float:
    """In percent, once some marks are fixed: by the definition, mark by mark."""
    done, got, full = set(fixed), 0.0, 0
    for points, recs in folder.world.controls.values():
        cells: dict[str, bool] = {}
        for (vm, rec), mark in folder.world.marks.items():
            if rec in recs and mark.status in ("Healthy", "Unhealthy"):
                cells[vm] = cells.get(vm, True) and (mark.status == "Healthy" or (vm, rec) in done)
        if cells:
            got, full = got + points * sum(cells.values()) / len(cells), full + points
    return 100 * got / full


def cost(folder: Estate, fixed: Sequence[tuple[str, str]]) -> int:
    return sum(UNITS[(folder.world.recommendations[rec] or {})["effort"]] for _, rec in fixed)


def cheapest(folder: Estate, target: float) -> int:
    """The least effort of all sets of fixes that reach a target."""
    every = unhealthy(folder)
    sets = (some for size in range(len(every) + 1) for some in combinations(every, size))
    return min(cost(folder, some) for some in sets if score(folder, some) >= target - 1e-9)


def fixes(folder: Estate, found: Route) -> Iterator[list[tuple[str, str]]]:
    """The marks that each step fixes."""
    names = {key(rec): rec for rec in "abcdef"}
    for step in found.steps:
        vms = [name.rpartition("/")[2] for name in step.resources]
        yield [(vm, names[check.key]) for vm in vms for check in step.checks]


# The route


@pytest.mark.parametrize("controls", [APART, SHARED])
@pytest.mark.parametrize("seed", range(30))
def test_no_set_of_fixes_takes_less_and_the_plan_knows_it(controls, seed):
    folder = random_estate(seed, controls, most=9)
    for part in (0.2, 0.5, 0.8, 1):
        target = score(folder) + part * (100 - score(folder))
        found = planned(folder, target)
        assert found.reachable
        assert found.least == sum(step.effort for step in found.steps) == cheapest(folder, target)


@pytest.mark.parametrize("seed", range(10))
def test_where_all_fixes_are_alike_the_fewest_are_taken(seed):
    folder = random_estate(seed, APART, ALIKE)
    target = (score(folder) + 100) / 2
    found = planned(folder, target)
    assert 3 * sum(step.fixes for step in found.steps) == cheapest(folder, target)


@pytest.mark.parametrize("controls", [APART, SHARED])
@pytest.mark.parametrize("by", ["effort", "risk"])
@pytest.mark.parametrize("seed", range(6))
def test_the_score_after_each_step_is_what_the_engine_supposes(controls, by, seed):
    folder = random_estate(seed, controls)
    chain = head(folder)
    here, names = stand(chain), chain.snapshot.recommendations
    rows = {
        (chain.snapshot.resources[r].rpartition("/")[2], names[k]): at
        for at, (r, k) in enumerate(
            zip(here.side.marks.resource.tolist(), here.side.marks.recommendation.tolist(), strict=True)
        )
    }
    found = planned(folder, 100, by=by)
    done: list[tuple[str, str]] = []
    before = found.start
    for step, more in zip(found.steps, fixes(folder, found), strict=True):
        done += more
        at = np.array([rows[vm, key(rec)] for vm, rec in done], np.int64)
        cause = Cause(Kind.REMEDIATION, "", SUB)
        (tally,) = each(here.side, [Supposed(cause, at, Status.HEALTHY)], chain.snapshot.resources)
        assert step.score == pytest.approx(found.start + gain(here, columns([tally], here.controls)), abs=1e-12)
        assert step.score == pytest.approx(score(folder, done), abs=1e-9)
        assert step.gain == pytest.approx(step.score - before, abs=1e-12)
        assert step.gain > 0
        before = step.score
    assert len(done) == len(set(done))
    assert before == pytest.approx(found.highest) == pytest.approx(100)


def test_steps_come_by_return_on_effort():
    found = planned(random_estate(3, APART), 100)
    returns = [step.gain / step.effort for step in found.steps]
    assert returns == pytest.approx(sorted(returns, reverse=True))


def test_a_resource_counts_only_once_all_that_it_lacks_in_a_control_is_fixed():
    folder = estate(
        controls=APART,
        marks={("vm1", "a"): "Unhealthy", ("vm1", "b"): "Unhealthy", ("vm2", "a"): "Healthy", ("vm2", "d"): "Healthy"},
    )
    (step,) = planned(folder, 100).steps
    assert [check.key for check in step.checks] == sorted([key("a"), key("b")])
    assert (step.resources, step.fixes, step.controls) == ((resource("vm1"),), 2, ("Control one",))


def test_a_step_takes_no_more_resources_than_are_needed():
    marks = {(f"vm{at}", "a"): "Unhealthy" if at < 8 else "Healthy" for at in range(10)}
    (step,) = planned(estate(controls=APART, marks=marks), 50).steps
    assert (len(step.resources), step.score) == (3, pytest.approx(50))


def test_of_equal_ways_the_one_with_the_fewest_steps_is_taken():
    marks = {(f"vm{at}", "a" if at < 3 else "b"): "Unhealthy" for at in range(8)}
    (step,) = planned(estate(controls=APART, marks={**marks, ("vm9", "a"): "Healthy"}), 50).steps
    assert [check.key for check in step.checks] == [key("b")]


def test_a_mark_in_two_controls_is_fixed_once_and_helps_in_both():
    folder = estate(
        controls=SHARED,
        marks={("vm1", "c"): "Unhealthy", ("vm2", "a"): "Healthy", ("vm2", "d"): "Healthy"},
    )
    (step,) = planned(folder, 100).steps
    assert (step.fixes, sorted(step.controls)) == (1, ["Control one", "Control two"])


@pytest.mark.parametrize("target", [0, 40, 50])
def test_a_target_that_is_reached_takes_nothing(target):
    marks = {("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy"}
    found = planned(estate(controls=APART, marks=marks), target)
    assert (found.steps, found.reachable, found.least) == ((), True, 0)


def test_exempt_not_applicable_and_shielded_marks_are_no_part_of_it():
    folder = estate(
        controls=APART,
        marks={
            ("vm1", "a"): "Exempt",
            ("vm2", "a"): "OffByPolicy",
            ("vm3", "a"): "Unhealthy",
            ("vm4", "a"): "Unhealthy",
            ("vm5", "p"): "Unhealthy",
            ("vm6", "a"): "Healthy",
        },
        governance={("vm3", "a"): {"due": estate().world.taken.replace(year=2030)}},
    )
    (step,) = planned(folder, 100).steps
    assert step.resources == (resource("vm4"),)


def test_a_control_without_points_is_on_no_way():
    folder = estate(
        controls={**APART, "zero": (0, ["z"])},
        marks={("vm1", "z"): "Unhealthy", ("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy"},
    )
    (step,) = planned(folder, 100).steps
    assert [check.key for check in step.checks] == [key("a")]
    (zero,) = (one for one in of_controls([of(folder)], [1.0]) if one.control == control("zero"))
    assert (zero.unhealthy, zero.alone, zero.together) == (1, 0, 0)


def test_without_a_score_there_is_nothing_to_plan():
    folder = estate(controls=APART, marks={("vm1", "a"): "Unhealthy"}, plans={"FoundationalCspm": "Free"})
    assert needs(head(folder)) is None


# Effort


def with_efforts(**told: str) -> Estate:
    marks = {(f"vm{at}", rec): "Unhealthy" for at, rec in enumerate("abd")} | {("vm0", "b"): "Unhealthy"}
    healthy = {("vm8", "a"): "Healthy", ("vm8", "d"): "Healthy"}
    return estate(controls=APART, marks=marks | healthy, recommendations={r: {"effort": e} for r, e in told.items()})


def test_what_takes_more_effort_is_left_out_with_what_depends_on_it():
    folder = with_efforts(a="Low", b="High", d="Low")
    found = planned(folder, 100, most="low")
    assert [[check.key for check in step.checks] for step in found.steps] == [[key("d")]]
    assert not found.reachable
    assert found.highest == pytest.approx(score(folder, [("vm2", "d")])) == found.steps[-1].score
    (left,) = found.left
    assert (left.control, left.unhealthy, left.too_much) == (control("one"), 2, 2)
    assert left.points == pytest.approx(100 - found.highest)
    assert planned(folder, 100).reachable


def test_what_is_not_rated_is_taken_as_moderate():
    folder = with_efforts(a="Low", d="Low")
    assert not planned(folder, 100, most="low").reachable
    assert planned(folder, 100, most="moderate").reachable
    assert sum(step.effort for step in planned(folder, 100).steps) == 1 + 3 + 3 + 1


# Risk


def test_points_never_outrank_a_critical_asset_where_risk_is_asked_for():
    folder = estate(
        controls={"one": (10, ["a"]), "small": (1, ["s"])},
        marks={("vm1", "a"): "Unhealthy", ("vm2", "s"): "Unhealthy", ("vm3", "a"): "Healthy", ("vm3", "s"): "Healthy"},
        recommendations={"s": {"severity": "Low", "effort": "High"}, "a": {"severity": "High", "effort": "Low"}},
        resources={"vm2": {"tags": {"Criticality": "Mission_Critical"}}},
    )
    assert [step.resources[0] for step in planned(folder, 100, by="risk").steps] == [resource("vm2"), resource("vm1")]
    assert [step.resources[0] for step in planned(folder, 100).steps] == [resource("vm1"), resource("vm2")]
    (one, *_) = planned(folder, score(folder) + 1, by="risk").steps
    assert (one.resources, one.critical) == ((resource("vm2"),), 3)


@pytest.mark.parametrize("seed", range(6))
def test_nothing_of_a_lower_risk_comes_before_all_of_a_higher_one_is_done(seed):
    rng = Random(seed)
    folder = random_estate(seed, SHARED)
    levels = {f"vm{at}": rng.choice(["critical", "high", "low", "whatever"]) for at in range(6)}
    severities = {rec: {"severity": rng.choice(["High", "Medium", "Low"]), "effort": "Low"} for rec in "abcdef"}
    tags = {vm: {"tags": {"criticality": level}} for vm, level in levels.items()}
    risky = folder.but(0, resources=tags, recommendations=severities)
    ranks = [(step.critical, step.severity) for step in planned(risky, 100, by="risk").steps]
    assert [critical for critical, _ in ranks] == sorted((critical for critical, _ in ranks), reverse=True)
    target = (score(risky) + 100) / 2
    found = planned(risky, target, by="risk")
    whole = planned(risky, 100, by="risk")
    lowest = min((step.critical for step in found.steps), default=0)
    above = [step for step in whole.steps if step.critical > lowest]
    assert {name for step in above for name in step.resources} <= {n for step in found.steps for n in step.resources}


@pytest.mark.parametrize(
    ("value", "level"),
    [("Mission-critical", 3), ("business unit critical", 3), ("HIGH", 2), ("Medium", 1), ("low", 0), ("?", 1), ("", 1)],
)
def test_what_a_criticality_tag_may_say(value, level):
    folder = estate(
        controls=APART, marks={("vm1", "a"): "Unhealthy"}, resources={"vm1": {"tags": {"criticality": value}}}
    )
    assert of(folder).critical.tolist() == [level]


def test_criticality_is_taken_from_the_resource_then_its_group_then_its_subscription():
    marks = {
        ("vm1", "a"): "Unhealthy",
        ("vm2", "a"): "Unhealthy",
        ("subnet1", "a"): "Unhealthy",
        ("sub", "a"): "Unhealthy",
    }
    told = {"vm1": {"tags": {"criticality": "low"}}, "rg": {"tags": {"criticality": "high"}, "type": "group"}}
    found = of(estate(controls=APART, marks=marks, resources=told, tags={"criticality": "critical"}))
    levels = dict(zip(found.resources, found.critical.tolist(), strict=True))
    assert [levels[resource(name)] for name in ("vm1", "vm2", "subnet1", "sub")] == [0, 2, 2, 3]


def test_owners_are_those_of_the_tags():
    marks = {
        ("vm1", "a"): "Unhealthy",
        ("vm2", "a"): "Unhealthy",
        ("vm3", "a"): "Unhealthy",
        ("subnet1", "a"): "Unhealthy",
    }
    told = {"vm1": {"tags": {"Owner": "ada"}}, "vm2": {"tags": {"owner": "ada"}}, "vnet": {"tags": {"owner": "net"}}}
    told["/subscriptions/" + SUB + "/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/net"] = told.pop(
        "vnet"
    )
    (step,) = planned(estate(controls=APART, marks=marks, resources=told), 100).steps
    assert step.owners == {"ada": 2, "": 1, "net": 1}


# What it is worth


@pytest.mark.parametrize("controls", [APART, SHARED])
@pytest.mark.parametrize("seed", range(8))
def test_each_alone_is_worth_what_fixing_it_alone_does(controls, seed):
    folder = random_estate(seed, controls)
    every, now, bad = [of(folder)], score(folder), unhealthy(folder)
    for row in of_recommendations(every, [1.0]):
        own = [place for place in bad if key(place[1]) == row.check.key]
        assert row.unhealthy == len(own)
        assert row.alone == pytest.approx(score(folder, own) - now, abs=1e-9)
    names = {control(name): recs for name, (_, recs) in controls.items()}
    for one in of_controls(every, [1.0]):
        own = [place for place in bad if place[1] in names[one.control]]
        assert one.unhealthy == len({vm for vm, _ in own})
        assert one.alone == pytest.approx(score(folder, own) - now, abs=1e-9)
    for asset in of_resources(every, [1.0], 20):
        own = [place for place in bad if resource(place[0]) == asset.resource]
        assert asset.fixes == len(own)
        assert asset.worth == pytest.approx(score(folder, own) - now, abs=1e-9)


@pytest.mark.parametrize("controls", [APART, SHARED])
@pytest.mark.parametrize("seed", range(8))
def test_together_nothing_is_added_up_twice(controls, seed):
    folder = random_estate(seed, controls)
    every, rest = [of(folder)], 100 - score(folder)
    for rows in (of_recommendations(every, [1.0]), of_controls(every, [1.0])):
        assert sum(row.together for row in rows) == pytest.approx(rest, abs=1e-9)
    assert sum(row.worth for row in of_resources(every, [1.0], 100)) == pytest.approx(rest, abs=1e-9)


def test_a_cell_is_divided_equally_among_what_is_unhealthy_in_it():
    marks = {("vm1", "a"): "Unhealthy", ("vm1", "b"): "Unhealthy", ("vm2", "a"): "Healthy", ("vm3", "b"): "Unhealthy"}
    found = {row.check.key: row for row in of_recommendations([of(estate(controls=APART, marks=marks))], [1.0])}
    assert (found[key("a")].alone, found[key("a")].together) == (0, pytest.approx(100 / 6))
    assert (found[key("b")].alone, found[key("b")].together) == (pytest.approx(100 / 3), pytest.approx(50))


# Counts that tell something else, and groups


def test_more_unhealthy_marks_than_the_counts_have_gain_no_more_than_these():
    marks = {(f"vm{at}", "a"): "Unhealthy" if at < 4 else "Healthy" for at in range(8)}
    folder = estate(controls=APART, marks=marks, counts={"one": (6, 8)})
    found = planned(folder, 100)
    assert found.steps[-1].score == pytest.approx(100) == pytest.approx(found.highest)
    assert found.least is not None
    assert found.least <= sum(step.effort for step in found.steps)
    (row,) = of_recommendations([of(folder)], [1.0])
    assert row.alone == pytest.approx(25) == pytest.approx(row.together)


def test_what_the_counts_have_and_no_mark_tells_can_not_be_reached():
    marks = {("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy"}
    found = planned(estate(controls=APART, marks=marks, counts={"one": (1, 4)}), 100)
    assert (found.reachable, found.highest) == (False, pytest.approx(50))
    (left,) = found.left
    assert (left.unhealthy, left.too_much, left.points) == (2, 0, pytest.approx(50))


def test_what_is_done_and_not_counted_yet_is_no_part_of_the_steps():
    before = estate(controls=APART, marks={(f"vm{at}", "a"): "Unhealthy" for at in range(4)})
    after = before.but(marks={("vm0", "a"): "Healthy"}, counts={"one": (0, 4)})
    found = planned(after, 50)
    assert (found.now, found.start) == (0, pytest.approx(25))
    assert [len(step.resources) for step in found.steps] == [1]


def group(weights: tuple[int, int]) -> tuple[list[Needs], list[float]]:
    marks = {("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy"}
    both = [estate(controls=APART, marks=marks), estate(subscription=guid("other"), controls=APART, marks=marks)]
    every = []
    for one in both:
        with written([one]) as (path,):
            (opened,) = open_folders([path])
            snapshot = opened.snapshot(one.world.subscription, Names(), opened.recommendations.copy())
        assert snapshot is not None
        every += [found] if (found := needs(begin(snapshot))) is not None else []
    return every, [weight / sum(weights) for weight in weights]


def test_a_fix_in_a_group_is_worth_what_its_subscription_weighs():
    every, parts = group((30, 10))
    (step,) = route(every, parts, Wish(80.0)).steps
    assert (step.resources, step.gain) == ((resource("vm1"),), pytest.approx(37.5))
    (row,) = of_recommendations(every, parts)
    assert (row.unhealthy, row.alone, row.together) == (2, pytest.approx(50), pytest.approx(50))


def test_the_same_fix_in_several_subscriptions_is_one_step():
    every, parts = group((10, 10))
    (step,) = route(every, parts, Wish(100.0)).steps
    assert (len(step.resources), step.subscriptions, step.score) == (2, 2, pytest.approx(100))


def test_the_order_of_subscriptions_does_not_matter():
    every, parts = group((30, 10))
    one, other = route(every, parts, Wish(90.0)), route(every[::-1], parts[::-1], Wish(90.0))
    assert [step.resources for step in one.steps] == [step.resources for step in other.steps]
    assert [step.score for step in one.steps] == pytest.approx([step.score for step in other.steps])

"""What is due, each entry against the folder in which it has come."""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

import pytest

from drift.adapters.evidence import open_folders
from drift.engine.ahead.calendar import Entry, calendar, told
from drift.engine.comparison import compare
from drift.engine.head import Head, begin
from drift.model import NEVER, ticks
from drift.names import Names
from tests.build import (
    SUB,
    Estate,
    at,
    estate,
    exemption,
    exemption_id,
    iso,
    key,
    mark,
)
from tests.explained import own, written

RECS = ("a", "b", "c", "d")
BASE = estate(
    controls={"one": (10, ["a", "b", "p"]), "two": (4, ["b", "c"]), "three": (6, ["d"])},
    marks={
        ("vm1", "a"): "Exempt",
        ("vm1", "b"): "Healthy",
        ("vm2", "a"): "Healthy",
        ("vm2", "b"): "Unhealthy",
        ("vm3", "b"): "Healthy",
        ("vm3", "p"): "Unhealthy",
        ("vm3", "q"): "Unhealthy",
        ("vm4", "d"): "Healthy",
    },
    recommendations={"p": {"preview": True}, "q": {"preview": True}},
    exemptions={"waived": exemption("vm1", ("a",), expires=at(48))},
)


def head(*folders: Estate) -> Head:
    with written(folders) as paths:
        opened = open_folders(paths)
        names = Names(), opened[0].recommendations.copy()
        snapshots = [folder.snapshot(SUB, *names) for folder in opened]
    assert snapshots[0] is not None
    found = begin(snapshots[0])
    for snapshot in snapshots if len(snapshots) == 1 else snapshots[1:]:
        assert snapshot is not None
        found, _ = compare(found, snapshot)
    return found


def due(*folders: Estate, kind: str) -> list[Entry]:
    return [one for one in calendar(head(*folders)) if one.kind == kind]


def moves(before: Estate, **changes: Any) -> float:
    movement = own([before, before.but(**changes)])["movement"]
    assert isinstance(movement, float)
    return movement


def retiring(folder: Estate, rec: str, month: str) -> Estate:
    new = deepcopy(folder)
    for row in new["assessment-metadata.json"]["value"]:
        if row["name"] == key(rec):
            row["properties"]["plannedDeprecationDate"] = month
    return new


def test_an_exemption_that_ends():
    (one,) = due(BASE, kind="exemption_ends")
    assert one == Entry(
        at=ticks(at(48)),
        kind="exemption_ends",
        subject=exemption_id("waived", "vm1"),
        title="exemption “waived” ends: virtual machine vm1 (Waiver)",
        share=pytest.approx(moves(BASE, marks={("vm1", "a"): "Unhealthy"})),
        marks=1,
        resources=1,
        owner="ada@contoso.example",
        reason="assumed Unhealthy, as before it was exempted",
    )
    assert one.share is not None
    assert one.share < -1


def test_a_mitigated_exemption_that_ends_takes_a_healthy_resource():
    before = estate(
        controls={"one": (10, ["a", "b"])},
        mitigated="healthy",
        marks={("vm1", "a"): mark("Exempt", at(-100), mitigated=True), ("vm2", "a"): "Unhealthy"},
        exemptions={"m": exemption("vm1", ("a",), category="Mitigated", expires=at(9))},
    )
    (one,) = due(before, kind="exemption_ends")
    assert one.share == pytest.approx(-50)
    assert "(Mitigated)" in one.title


def test_an_exemption_that_another_outlasts_costs_nothing():
    wide = {"wide": exemption("sub", ("a",), expires=at(90))}
    first, second = due(BASE.but(0, exemptions=wide), kind="exemption_ends")
    assert (first.share, first.marks, first.reason) == (0, 0, "no mark is exempt by it alone")
    assert second.subject == exemption_id("wide", "sub")
    short = {"wide": exemption("sub", ("a",), expires=at(20))}
    first, second = due(BASE.but(0, exemptions=short), kind="exemption_ends")
    assert (first.subject, first.share) == (exemption_id("wide", "sub"), 0)
    assert second.share == pytest.approx(moves(BASE, marks={("vm1", "a"): "Unhealthy"}))


def test_a_grace_period_that_outlasts_an_exemption_still_shields():
    for hours, marks in ((500, 0), (40, 1)):
        (one,) = due(BASE.but(0, governance={("vm1", "a"): {"due": at(hours)}}), kind="exemption_ends")
        assert (one.share != 0) == bool(marks)


def test_an_exemption_that_ran_out_is_listed_for_seven_days():
    for hours, listed in ((-6 * 24, True), (-8 * 24, False)):
        ran_out = {"waived": exemption("vm1", ("a",), expires=at(hours))}
        found = due(BASE.but(0, exemptions=ran_out), kind="exemption_ended")
        assert [(one.at, one.subject) for one in found] == [(ticks(at(hours)), exemption_id("waived", "vm1"))] * listed
        if found:
            assert found[0].share == pytest.approx(moves(BASE, marks={("vm1", "a"): "Unhealthy"}))


def test_an_exemption_that_ran_out_and_whose_marks_count_again_costs_no_more():
    ran_out = {"waived": exemption("vm1", ("a",), expires=at(6))}
    after = BASE.but(exemptions=ran_out, marks={("vm1", "a"): "Unhealthy"})
    (one,) = due(BASE, after, kind="exemption_ended")
    assert (one.share, one.marks) == (0, 0)


def test_an_exemption_that_was_removed_is_listed_while_the_chain_remembers_it():
    after = BASE.but(exemptions={"waived": None})
    (one,) = due(BASE, after, kind="exemption_ended")
    assert (one.at, one.title) == (ticks(at(8)), "exemption “waived” ended: virtual machine vm1 (Waiver)")
    assert one.share == pytest.approx(moves(BASE, marks={("vm1", "a"): "Unhealthy"}))


def test_a_grace_period_that_ends():
    graced = BASE.but(0, governance={("vm2", "b"): {"due": at(30)}, ("vm2", "a"): {"due": at(30)}})
    (one,) = due(graced, kind="grace_period_ends")
    assert (one.at, one.subject, one.marks, one.owner) == (ticks(at(30)), key("b"), 1, "ada@contoso.example")
    assert one.title == "“Recommendation b”: the grace period ends, on virtual machine vm2"
    assert one.share == pytest.approx(own([graced, graced.but(hours=31)])["movement"])


def test_a_due_date_without_a_grace_period_has_no_effect():
    (one,) = due(BASE.but(0, governance={("vm2", "b"): {"due": at(30), "grace": False}}), kind="remediation_due")
    assert (one.at, one.share, one.marks, one.owner) == (ticks(at(30)), 0, 1, "ada@contoso.example")
    past = BASE.but(0, governance={("vm2", "b"): {"due": at(-30), "grace": False}})
    assert due(past, kind="remediation_due") == []


def test_owners_of_one_date_are_named_together():
    governed = BASE.but(0, governance={(vm, "b"): {"due": at(30), "grace": False} for vm in ("vm2", "vm3", "vm1")})
    governed = governed.but(0, marks={("vm3", "b"): "Unhealthy", ("vm1", "b"): "Unhealthy"})
    for row, owner in zip(governed[f"{SUB}/governance-assignments.json"]["value"], "cba", strict=True):
        row["properties"]["owner"] = f"{owner}@contoso.example"
    (one,) = due(governed, kind="remediation_due")
    assert (one.marks, one.owner) == (3, "a@contoso.example, b@contoso.example, c@contoso.example")


def test_a_recommendation_that_is_planned_to_go():
    (one,) = due(retiring(BASE, "b", "05/2026"), kind="recommendation_deprecated")
    assert (told(one)["at"], one.subject, one.marks) == ("2026-05-01T00:00:00Z", key("b"), 3)
    assert one.share == pytest.approx(moves(BASE, controls={"one": (10, ["a", "p"]), "two": (4, ["c"])}))


def test_the_last_that_counts_takes_the_score_along():
    alone = estate(controls={"one": (10, ["a"])}, marks={("vm1", "a"): "Healthy"})
    (one,) = due(retiring(alone, "a", "05/2026"), kind="recommendation_deprecated")
    assert one.share is None


def test_a_preview_shows_what_it_would_cost_and_has_no_date():
    first, second = sorted(due(BASE, kind="recommendation_in_preview"), key=lambda one: one.subject != key("p"))
    assert (first.at, told(first)["at"], first.reason) == (NEVER, None, "if it counted as its marks stand")
    assert first.share == pytest.approx(moves(BASE, recommendations={"p": {}}))
    assert (second.share, second.marks) == (None, 1)
    assert second.reason == "no control lists it yet: nobody can tell where"


def test_what_is_pending_has_come_before_anything_is_due():
    waits = BASE.but(marks={("vm2", "b"): mark("Healthy", at(7))}, counts={"one": (2, 3), "two": (1, 2)})
    settled = BASE.but(marks={("vm2", "b"): "Healthy"})
    (one,) = due(BASE, waits, kind="exemption_ends")
    assert one.share == pytest.approx(moves(settled, marks={("vm1", "a"): "Unhealthy"}))


def test_entries_come_by_date_and_those_without_one_last():
    folder = retiring(BASE.but(0, governance={("vm2", "b"): {"due": at(30)}}), "c", "05/2026")
    found = calendar(head(folder))
    dates = [one.at for one in found if one.at != NEVER]
    assert dates == sorted(dates)
    assert [one.at for one in found][len(dates) :] == [NEVER, NEVER]
    upto = [one.kind for one in calendar(head(folder), ticks(at(47))) if one.at != NEVER]
    assert upto == ["grace_period_ends"]


def test_names_from_the_tenant_are_one_line():
    folder = deepcopy(BASE)
    folder[f"{SUB}/policy-exemptions.json"]["value"][0]["properties"]["displayName"] = "a\nb\u202e" + "x" * 200
    (one,) = due(folder, kind="exemption_ends")
    assert "\n" not in one.title
    assert "\u202e" not in one.title
    assert len(one.title) < 200


def random_estate(rng: Random) -> Estate:
    vms = [f"vm{at}" for at in range(1, 7)]
    exemptions: dict[str, Any] = {}
    for name in "efgh":
        until = rng.choice([None, at(rng.randint(1, 99)), at(rng.randint(1, 99))])
        exemptions[name] = exemption(
            rng.choice(["sub", *vms]), tuple(rng.sample(RECS, rng.randint(1, 2))), expires=until
        )
    marks = {}
    for vm in vms:
        for rec in (*RECS, "p"):
            covered = any(e["scope"] in ("sub", vm) and rec in e["recs"] for e in exemptions.values())
            status = rng.choice(["Healthy", "Unhealthy", "Unhealthy", *(["Exempt"] * 3 if covered else [])])
            if rng.random() < 0.8:
                marks[vm, rec] = status
    governance = {place: {"due": at(rng.randint(1, 9))} for place in marks if place[1] != "p" and rng.random() < 0.15}
    return estate(
        controls={"one": (10, ["a", "b", "p"]), "two": (4, ["b", "c"]), "three": (6, ["d", "p"])},
        marks=marks,
        recommendations={"p": {"preview": True}},
        exemptions=exemptions,
        governance=governance,
    )


def when_it_has_come(folder: Estate, one: Entry) -> Estate:
    """The folder at the same time, with that and nothing else."""
    world = folder.world
    if one.kind == "exemption_ends":
        name = one.subject.rpartition("/")[2]
        others = {n: e for n, e in world.exemptions.items() if n != name}
        until = world.exemptions[name]["expires"]
        others = {n: e for n, e in others.items() if e.get("expires") is None or e["expires"] > until}
        mine = world.exemptions[name]
        again = {}
        for (vm, rec), m in world.marks.items():
            nearest = nearest_of(world.exemptions, vm, rec)
            held = any(covers(e, vm, rec) for e in others.values())
            shielded = world.governance.get((vm, rec), {"due": until})["due"] > until
            if m.status == "Exempt" and nearest == name and covers(mine, vm, rec) and not held:
                again[vm, rec] = "OffByPolicy" if shielded else "Unhealthy"
        changes: dict[str, Any] = {
            "marks": again,
            "governance": {place: None for place, status in again.items() if status == "Unhealthy"},
        }
    elif one.kind == "grace_period_ends":
        gone = [
            place
            for place, g in world.governance.items()
            if key(place[1]) == one.subject and ticks(g["due"]) == one.at and world.marks[place].status == "Unhealthy"
        ]
        changes = {"governance": dict.fromkeys(gone)}
    else:
        changes = {"recommendations": {"p": {}}}
    return folder.but(hours=0.01, **changes)


def covers(mine: dict[str, Any], vm: str, rec: str) -> bool:
    return mine["scope"] in ("sub", vm) and rec in mine["recs"]


def nearest_of(exemptions: dict[str, Any], vm: str, rec: str) -> str | None:
    """The exemption that a mark is exempt by: the one with the nearest scope, of equal ones the first by id."""
    fitting = [
        (one["scope"] == "sub", exemption_id(name, one["scope"]).lower(), name)
        for name, one in exemptions.items()
        if covers(one, vm, rec)
    ]
    return min(fitting)[2] if fitting else None


@pytest.mark.parametrize("seed", range(12))
def test_each_entry_is_what_the_score_would_move_by(seed):
    folder = random_estate(Random(seed))
    found = calendar(head(folder))
    assert len(found) > 2
    for one in found:
        after = own([folder, when_it_has_come(folder, one)])
        assert one.share == pytest.approx(after["movement"], abs=1e-9), told(one)


def test_told_is_ready_for_json():
    (one,) = due(BASE, kind="exemption_ends")
    assert told(one) == {
        "at": iso(at(48)),
        "kind": "exemption_ends",
        "subject": exemption_id("waived", "vm1"),
        "title": one.title,
        "share": one.share,
        "marks": 1,
        "resources": 1,
        "owner": "ada@contoso.example",
        "reason": one.reason,
    }

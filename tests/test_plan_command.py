"""`drift plan`: what fixes are worth and a short way to a target, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from drift import plans
from drift.cli import main
from drift.engine.comparison import compare
from drift.engine.head import begin
from drift.names import Names
from tests.build import SUB, control, estate, guid, iso, key, resource, tenant, write
from tests.explained import own

ONE = estate(
    controls={"c": (10, ["a", "b"]), "d": (6, ["e"])},
    marks={
        ("vm1", "a"): "Unhealthy",
        ("vm2", "a"): "Unhealthy",
        ("vm2", "b"): "Unhealthy",
        ("vm3", "a"): "Healthy",
        ("vm4", "a"): "Healthy",
        ("vm1", "e"): "Unhealthy",
        ("vm3", "e"): "Healthy",
    },
    recommendations={
        "a": {"effort": "Low", "impact": "Moderate", "severity": "Medium"},
        "b": {"effort": "High"},
        "e": {"effort": "Moderate"},
    },
    resources={"vm1": {"tags": {"owner": "ada"}}, "vm2": {"tags": {"criticality": "high"}}},
    tags={"environment": "prod"},
    weight=30,
)
OTHER = estate(
    subscription=guid("other"),
    controls={"c": (10, ["a"])},
    marks={("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy"},
    recommendations={"a": {"effort": "Low", "impact": "Moderate", "severity": "Medium"}},
    weight=10,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tenant(ONE, OTHER), tmp_path / "folder")


def answer(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    assert main(["plan", *map(str, arguments), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_a_way_to_the_target_with_the_score_after_each_step(folder, capsys):
    found = answer(capsys, folder, "--target", "90", "--scope", SUB)
    assert (found["scope"], found["takenAt"], found["target"]) == (SUB, iso(ONE.world.taken), 90)
    assert found["now"] == pytest.approx(50)
    assert (found["pending"], found["reachable"], found["highest"]) == (0, True, pytest.approx(100))
    steps = [(one["recommendations"], one["resources"], one["fixes"], one["effort"]) for one in found["steps"]]
    assert steps == [
        ([key("a")], [resource("vm1")], 1, 1),
        ([key("e")], [resource("vm1")], 1, 3),
        (sorted([key("a"), key("b")]), [resource("vm2")], 2, 10),
    ]
    assert found["steps"][0]["recommendation"] == key("a")
    assert found["steps"][2]["recommendation"] is None
    assert found["total"] == {"fixes": 4, "effort": 14, "leastEffort": 14, "gain": pytest.approx(50)}
    fixed = ONE
    for step, (vm, recs) in zip(found["steps"], [("vm1", "a"), ("vm1", "e"), ("vm2", "ab")], strict=True):
        after = fixed.but(hours=0.1, marks={(vm, rec): "Healthy" for rec in recs})
        assert step["gain"] == pytest.approx(own([fixed, after])["movement"], abs=1e-9)
        fixed = after


def test_steps_are_told_with_all_that_people_ask_for(folder, capsys):
    (one, _, last) = answer(capsys, folder, "--target", "100", "--scope", SUB)["steps"]
    assert one["title"] == "“Recommendation a” on virtual machine vm1"
    assert (one["control"], one["controls"], one["count"]) == ("Control c", ["Control c"], 1)
    assert (one["severity"], one["hardest"], one["criticality"]) == ("Medium", "Low", "medium")
    assert (one["owner"], one["owners"]) == ("ada", [{"owner": "ada", "resources": 1}])
    assert last["title"].startswith("all that virtual machine vm2 still needs in “Control c”: ")
    assert (last["severity"], last["hardest"], last["criticality"]) == ("High", "High", "high")
    assert (last["owner"], last["owners"]) == (None, [])


def test_shares_are_of_the_scope(folder, capsys):
    whole = answer(capsys, folder, "--target", "100")
    assert whole["now"] == pytest.approx(0.75 * 50 + 0.25 * 50)
    assert sum(step["gain"] for step in whole["steps"]) == pytest.approx(50)
    assert whole["steps"][-1]["scoreAfter"] == pytest.approx(100)
    for scope, now in ((guid("other"), 50), ("tag:environment=prod", 50)):
        assert answer(capsys, folder, "--target", "100", "--scope", scope)["now"] == pytest.approx(now)
    (step,) = answer(capsys, folder, "--target", "100", "--scope", guid("other").upper())["steps"]
    assert step["gain"] == pytest.approx(50)


def test_what_things_are_worth(folder, capsys):
    found = answer(capsys, folder, "--target", "100", "--scope", SUB)
    (c, d) = sorted(found["controls"], key=lambda row: row["title"])
    assert (c["control"], c["unhealthy"], c["together"]) == (control("c"), 2, pytest.approx(100 * 10 / 16 / 2))
    assert (d["each"], d["alone"]) == (pytest.approx(100 * 6 / 16 / 2),) * 2
    (a,) = (row for row in found["recommendations"] if row["key"] == key("a"))
    assert (a["unhealthy"], a["effort"], a["impact"], a["severity"]) == (2, "Low", "Moderate", "Medium")
    assert (a["alone"], a["together"]) == (pytest.approx(15.625), pytest.approx(1.5 * 15.625))
    (first, second) = found["resources"]
    assert (first["resource"], first["fixes"], first["owner"]) == (resource("vm1"), 2, "ada")
    assert first["worth"] + second["worth"] == pytest.approx(50)


def test_what_can_not_be_reached_is_said_with_the_highest_score_that_can(folder, capsys):
    found = answer(capsys, folder, "--target", "90", "--scope", SUB, "--effort", "moderate")
    assert (found["reachable"], found["highest"]) == (False, pytest.approx(100 - 15.625))
    assert found["steps"][-1]["scoreAfter"] == pytest.approx(found["highest"])
    (left,) = found["left"]
    assert (left["control"], left["unhealthy"], left["tooMuchEffort"]) == (control("c"), 1, 1)
    assert left["points"] == pytest.approx(15.625)
    assert main(["plan", str(folder), "--target", "90", "--scope", SUB, "--effort", "moderate"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "The target can't be reached with moderate effort: 84.38 % is the highest" in shown
    assert "“Control c”: 1 resource (1 take more effort)" in shown


def test_by_risk_the_critical_asset_comes_first(folder, capsys):
    found = answer(capsys, folder, "--target", "90", "--scope", SUB, "--by", "risk")
    assert [step["criticality"] for step in found["steps"]] == ["high", "medium", "medium"]
    assert found["steps"][0]["resources"] == [resource("vm2")]


def test_a_subscription_without_a_score_is_said_to_have_none(tmp_path, capsys):
    both = write(tenant(ONE, OTHER.but(0, plans={"FoundationalCspm": "Free"})), tmp_path / "both")
    assert answer(capsys, both, "--target", "90")["notes"] == [
        "1 subscription has no score: what is fixed there moves nothing"
    ]
    alone = write(ONE.but(0, plans={"FoundationalCspm": "Free"}), tmp_path / "alone")
    found = answer(capsys, alone, "--target", "90")
    assert (found["now"], found["highest"], found["reachable"], found["steps"]) == (None, None, False, [])
    assert main(["plan", str(alone), "--target", "90"]) == 0
    assert "There is no score: nothing can be planned." in capsys.readouterr().out


def test_what_is_missing_or_not_rated_is_said(tmp_path, capsys):
    bare = ONE.but(0, without=("assessment-metadata.json", "resources.json"))
    assert answer(capsys, write(bare, tmp_path / "bare"), "--target", "90")["notes"] == [
        "assessment-metadata.json is missing in 1 subscription: what fixes take and how severe findings are is not "
        "known; each is taken as Moderate",
        "resources.json is missing in 1 subscription: owners and criticality of resources are not known",
    ]
    unrated = ONE.but(0, recommendations={"a": {}})
    assert answer(capsys, write(unrated, tmp_path / "unrated"), "--target", "90")["notes"] == [
        "1 recommendation has no rating of effort: taken as Moderate"
    ]


def test_from_where_chains_stand_it_is_the_same(folder, capsys):
    (opened,) = plans.open_folders([folder])
    heads = []
    for identity in sorted(opened.subscriptions):
        snapshot = opened.snapshot(identity, Names(), opened.recommendations.copy())
        assert snapshot is not None
        heads.append(compare(begin(snapshot), snapshot)[0])
    wanted = answer(capsys, folder, "--target", "90")
    assert json.loads(json.dumps(plans.plan(iter(heads), "all", 90.0))) == wanted
    assert [step["resources"] for step in plans.plan(heads, "all", 90.0, named=0)["steps"]] == [[], [], []]


def test_an_extracted_folder_has_the_same_plan(folder, tmp_path, capsys):
    assert main(["extract", str(folder), str(tmp_path / "new")]) == 0
    capsys.readouterr()
    assert answer(capsys, tmp_path / "new", "--target", "90") == answer(capsys, folder, "--target", "90")


def test_in_several_processes_it_is_the_same(folder, capsys, monkeypatch):
    wanted = answer(capsys, folder, "--target", "90")
    monkeypatch.setattr(plans, "LARGE", 0)
    assert answer(capsys, folder, "--target", "90") == wanted


def test_text_for_people(folder, capsys):
    assert main(["plan", str(folder), "--target", "90", "--scope", SUB, "--width", "100"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        f"Plan for {SUB}: 90 %",
        "2026-03-02 06:00",
        "",
        "Now 50.00 %. The target takes 3 steps, 4 fixes, effort 14; no way takes less.",
    ]
    assert lines[6] == "    65.62 %  +15.62        1  “Recommendation a” on virtual machine vm1"
    assert lines[7].strip() == "low effort; medium severity; owner: ada"
    assert "   +23.44  “Recommendation a” on 2 resources: +15.62 alone" in lines
    assert max(map(len, lines)) <= 100


def test_a_target_that_is_reached_takes_nothing(folder, capsys):
    assert main(["plan", str(folder), "--target", "50"]) == 0
    assert "Now 50.00 %. The target is reached: nothing is left to do for it." in capsys.readouterr().out


@pytest.mark.parametrize("width", ["40", "60", "120"])
def test_no_line_is_wider_than_the_terminal(folder, capsys, width):
    assert main(["plan", str(folder), "--target", "99", "--effort", "low", "--width", width, "--color", "never"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= int(width)


def test_more_steps_than_fit_are_counted(tmp_path, capsys):
    recs = [f"r{at}" for at in range(40)]
    many = estate(controls={"c": (10, recs)}, marks={(f"vm{at}", rec): "Unhealthy" for at, rec in enumerate(recs)})
    folder = str(write(many, tmp_path / "folder"))
    assert main(["plan", folder, "--target", "100"]) == 0
    assert "… and 10 steps more (--all)" in capsys.readouterr().out
    assert main(["plan", folder, "--target", "100", "--all"]) == 0
    assert "--all" not in capsys.readouterr().out


def test_names_from_the_tenant_do_nothing_to_the_terminal(tmp_path, capsys):
    hostile = tenant(ONE)
    hostile["assessment-metadata.json"]["value"][0]["properties"]["displayName"] = "a\x1b[31m\nb"
    for row in hostile[f"{SUB}/resources.json"]["value"]:
        row["tags"] = {"owner": "\x1b]0;x\x07\u202eowner", "criticality": "\x1b[2J"}
    for row in hostile[f"{SUB}/secure-score-controls.json"]["value"]:
        row["properties"]["displayName"] = "\x1b[2Jcontrol"
    folder = write(hostile, tmp_path / "folder")
    for arguments in ([], ["--format", "json"]):
        assert main(["plan", str(folder), "--target", "100", *arguments]) == 0
        shown = capsys.readouterr().out
        assert shown.replace("\n", "").isprintable()
        assert "owner" in shown


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nowhere", "--target", "75"], "nowhere: is not a folder"),
        (["{folder}", "--target", "101"], "--target 101: is not a percentage from 0 to 100"),
        (["{folder}", "--target=-1"], "--target -1: is not a percentage from 0 to 100"),
        (["{folder}", "--target", "75", "--scope", "tag:environment=none"], "no subscription of the folders belongs"),
        (["{folder}", "--target", "75", "--scope", "mg:root"], "management-groups.json: is missing"),
    ],
)
def test_what_can_not_be_used_ends_with_2_and_one_line(folder, capsys, arguments, why):
    assert main(["plan", *(one.format(folder=folder) for one in arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert why in captured.err
    assert captured.err.count("\n") == 1


def test_a_broken_part_is_never_dropped(folder, capsys):
    (folder / SUB / "resources.json").write_text("{")
    assert main(["plan", str(folder), "--target", "75"]) == 2
    assert "resources.json" in capsys.readouterr().err

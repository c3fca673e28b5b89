"""`drift exemptions` and `drift coverage`: what an evidence folder tells of them, as text and as JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from drift.adapters.evidence import open_folders
from drift.auditing import coverage, exemptions
from drift.cli import main
from drift.engine.auditing.audit import FLAGS
from drift.engine.head import Head, begin
from drift.names import Names
from tests.build import (
    SUB,
    at,
    estate,
    exemption,
    exemption_id,
    guid,
    iso,
    key,
    standard_exemption,
    standard_id,
    tenant,
    write,
)
from tests.explained import explained

OTHER = guid("other")
ABOVE = ["corp", "root"]
ONE = estate(
    controls={"c": (10, ["a", "b"])},
    marks={("vm1", "a"): "Exempt", ("vm1", "b"): "Healthy", ("vm2", "a"): "Healthy", ("vm3", "b"): "Unhealthy"},
    exemptions={
        "waived": exemption("vm1", ("a",), expires=at(240), reason="a firewall does it", modified=at(-400)),
        "idle": exemption("vm2", ("b",)),
    },
    tags={"environment": "prod"},
    plans={"FoundationalCspm": "Standard", "VirtualMachines": "Free"},
    ancestors=ABOVE,
    weight=30,
)
TWO = estate(
    subscription=OTHER,
    controls={"c": (10, ["a", "b", "d"])},
    marks={("vm1", "a"): "Exempt", ("vm1", "d"): "Healthy", ("vm2", "a"): "Healthy"},
    standards={"s": standard_exemption("vm1", "a", category="Mitigated")},
    plans={"FoundationalCspm": "Standard", "VirtualMachines": "Standard"},
    ancestors=ABOVE,
    weight=10,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tenant(ONE, TWO), tmp_path / "folder")


def answer(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    assert main([*map(str, arguments), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def shown(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> list[str]:
    assert main([*map(str, arguments), "--color", "never"]) == 0
    return capsys.readouterr().out.splitlines()


# Exemptions


def test_every_exemption_of_both_kinds_is_listed(folder, capsys):
    found = answer(capsys, "exemptions", folder)
    assert (found["scope"], found["takenAt"]) == ("all", iso(at(0)))
    assert [(one["id"], one["kind"], one["category"]) for one in found["value"]] == [
        (exemption_id("waived", "vm1"), "policyExemption", "Waiver"),
        (standard_id("s", "vm1", OTHER), "standardAssignment", "Mitigated"),
        (exemption_id("idle", "vm2"), "policyExemption", "Waiver"),
    ]


def test_all_that_is_known_of_one_is_told(folder, capsys):
    one = answer(capsys, "exemptions", folder, "--scope", SUB)["value"][0]
    assert one == {
        "id": exemption_id("waived", "vm1"),
        "kind": "policyExemption",
        "title": "waived",
        "category": "Waiver",
        "scope": {"kind": "resource", "id": ONE.world.id("vm1")},
        "made": {"by": "ada@contoso.example", "at": iso(at(-720))},
        "modified": {"by": "bob@contoso.example", "at": iso(at(-400))},
        "expires": iso(at(240)),
        "reason": "a firewall does it",
        "assignment": one["assignment"],
        "owner": "ada@contoso.example",
        "ownerFrom": "made",
        "hides": {
            "marks": 1,
            "counted": 1,
            "resources": 1,
            "recommendations": 1,
            "byRecommendation": [{"key": key("a"), "title": "Recommendation a", "marks": 1}],
            "byControl": [{"control": one["hides"]["byControl"][0]["control"], "title": "Control c", "marks": 1}],
        },
        "points": one["points"],
        "share": one["share"],
        "flags": [],
        "subscriptions": [{"id": SUB, "name": "sub 1111"}],
    }
    assert one["assignment"].endswith("/policyassignments/securitycenterbuiltin")


def test_the_score_stands_beside_the_score_without_them(folder, capsys):
    found = answer(capsys, "exemptions", folder)
    bare = tenant(
        ONE.but(marks={("vm1", "a"): "Unhealthy"}, exemptions={"waived": None}),
        TWO.but(marks={("vm1", "a"): "Unhealthy"}, standards={"s": None}),
    )
    movement = explained([tenant(ONE, TWO), bare])
    assert found["score"] == pytest.approx(movement["before"]["percentage"])
    assert found["scoreWithout"] == pytest.approx(movement["after"]["percentage"])
    assert found["difference"] == pytest.approx(-movement["movement"])
    assert sum(one["share"] for one in found["value"]) == pytest.approx(found["difference"])


def test_points_are_of_the_scope(folder, capsys):
    in_all = {one["id"]: one["points"] for one in answer(capsys, "exemptions", folder)["value"]}
    (one, _) = answer(capsys, "exemptions", folder, "--scope", SUB.upper())["value"]
    assert in_all[one["id"]] == pytest.approx(0.75 * one["points"])
    for scope in ("tag:environment=prod", SUB):
        assert answer(capsys, "exemptions", folder, "--scope", scope)["value"][0]["points"] == one["points"]
    assert answer(capsys, "exemptions", folder, "--scope", "mg:corp")["value"][0]["points"] == in_all[one["id"]]


def test_one_at_a_management_group_is_one_row_for_all_that_it_reaches(tmp_path, capsys):
    wide = {"wide": exemption("mg:corp", ("a",), reason="why", expires=at(900))}
    first = ONE.but(0, exemptions={"waived": None, "idle": None, **wide})
    second = TWO.but(0, exemptions=wide, standards={"s": None}, marks={("vm1", "a"): "Healthy"})
    for other, flags in ((second, ["at_management_group"]), (TWO.but(0, exemptions=wide), ["at_management_group"])):
        folder = write(tenant(first, other), tmp_path / str(other is second))
        found = answer(capsys, "exemptions", folder)
        (row,) = [one for one in found["value"] if one["title"] == "wide"]
        assert row["scope"] == {"kind": "managementGroup", "id": row["id"].partition("/providers/Microsoft.Auth")[0]}
        assert [one["id"] for one in row["subscriptions"]] == [SUB, OTHER]
        assert row["flags"] == flags
        assert row["hides"]["marks"] == (1 if other is second else 2)


def test_flags_are_counted(folder, capsys):
    found = answer(capsys, "exemptions", folder)
    assert {name: number for name, number in found["flags"].items() if number} == {
        "no_end": 2,
        "no_reason": 2,
        "matches_nothing": 1,
    }


def test_marks_that_no_exemption_explains_are_told(tmp_path, capsys):
    folder = write(ONE.but(0, exemptions={"waived": None}), tmp_path / "folder")
    found = answer(capsys, "exemptions", folder)
    assert found["unmatched"]["marks"] == 1
    assert found["unmatched"]["share"] == pytest.approx(found["difference"])
    assert any(
        "1 exempt mark that no listed exemption explains" in line for line in shown(capsys, "exemptions", folder)
    )


def test_an_unscored_subscription_has_exemptions_without_points(tmp_path, capsys):
    off = TWO.but(0, plans={"FoundationalCspm": "Free"})
    found = answer(capsys, "exemptions", write(tenant(ONE, off), tmp_path / "folder"))
    (row,) = [one for one in found["value"] if one["title"] == "s"]
    assert (row["points"], row["share"]) == (None, None)
    alone = answer(capsys, "exemptions", tmp_path / "folder", "--scope", SUB)
    assert found["score"] == pytest.approx(alone["score"])


def test_exemptions_as_text(folder, capsys):
    lines = shown(capsys, "exemptions", folder, "--width", "100")
    assert lines[0] == "Exemptions of all subscriptions"
    assert lines[3].startswith("Score 75.00 %, without exemptions 37.50 %: +37.50 pp by them all")
    text = "\n".join(lines)
    assert "“waived” (Waiver, until 2026-03-12) on virtual machine vm1" in text
    assert "hides 1 mark on 1 resource: Control c (1)" in text
    assert "sub 1111; made by ada@contoso.example, 2026-01-31 06:00; reason: a firewall does it" in text
    assert "! has no end; gives no reason; no mark is exempt by it" in text


def test_the_page_tells_of_every_flag_and_of_no_other():
    page = (Path(__file__).parent.parent / "docs" / "exemptions.md").read_text(encoding="utf-8")
    table = page.partition("| flag |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE) == list(FLAGS)


# Coverage


def test_coverage_is_told_by_subscription_and_in_all(folder, capsys):
    found = answer(capsys, "coverage", folder)
    assert [(one["id"], one["scored"]) for one in found["subscriptions"]] == [(SUB, True), (OTHER, True)]
    assert (found["total"]["subscriptions"], found["total"]["scored"]) == (2, 2)
    (plan,) = [one for one in found["total"]["plans"] if one["name"] == "VirtualMachines"]
    assert plan == {"name": "VirtualMachines", "on": 1, "off": 1, "resources": 2, "uncovered": 3}
    assert found["total"]["machines"] == {"assessed": 5, "notAssessed": 0}


def test_what_others_of_the_folder_have_is_absent_in_a_scope_of_one(folder, capsys):
    (row,) = answer(capsys, "coverage", folder, "--scope", SUB)["absent"]
    assert (row["recommendation"], row["plan"], row["resources"]) == (key("d"), "VirtualMachines", 3)
    assert [one["id"] for one in answer(capsys, "coverage", folder, "--scope", SUB)["subscriptions"]] == [SUB]
    assert answer(capsys, "coverage", folder, "--scope", OTHER)["absent"] == []


def test_coverage_as_text(tmp_path, capsys):
    off = TWO.but(0, plans={"FoundationalCspm": "Free"})
    third = TWO.but(0, subscription=guid("third"))
    lines = shown(capsys, "coverage", write(tenant(ONE, off, third), tmp_path / "folder"), "--width", "100")
    text = "\n".join(lines)
    assert lines[3] == "3 subscriptions, 2 with a score."
    assert f"  sub {OTHER[:4]}: no score: " in text
    assert "  VirtualMachines: on in 2, off in 1: 3 resources of its types without it" in text
    assert "“Recommendation d”: 3 resources of type microsoft.compute/virtualmachines" in text
    assert "Note: health-reports.json is missing in 3 subscriptions" in text


def heads(path: Path) -> list[Head]:
    """Where the chains of a folder stand that begin with it."""
    (folder,) = open_folders([path])
    found = [folder.snapshot(one, Names(), folder.recommendations.copy()) for one in (SUB, OTHER)]
    return [begin(snapshot) for snapshot in found if snapshot is not None]


def test_where_chains_stand_gives_the_same_as_a_folder(folder, capsys):
    assert exemptions(heads(folder), "all") == answer(capsys, "exemptions", folder)
    assert coverage(heads(folder), "all") == answer(capsys, "coverage", folder)
    one, other = heads(folder)
    assert len(coverage([one], SUB, [other])["absent"]) == 1
    assert coverage([one], SUB)["absent"] == []


# Both


@pytest.mark.parametrize("command", ["exemptions", "coverage"])
@pytest.mark.parametrize("width", ["40", "60", "120"])
def test_no_line_is_wider_than_the_terminal(folder, capsys, command, width):
    assert max(map(len, shown(capsys, command, folder, "--width", width))) <= int(width)


def test_nothing_to_list_is_said(tmp_path, capsys):
    bare = estate(controls={"c": (10, ["a"])}, marks={("vm1", "a"): "Healthy"})
    lines = shown(capsys, "exemptions", write(bare, tmp_path / "folder"))
    assert "There is no exemption." in lines


@pytest.mark.parametrize(
    ("command", "file", "note"),
    [
        ("exemptions", "policy-exemptions.json", "policy exemptions are not listed"),
        ("exemptions", "policy-assignments.json", "it is not known which policy assignments are the benchmark's"),
        ("coverage", "pricings.json", "it is not known which plans are on"),
        ("coverage", "resources.json", "machines that are not are not known"),
    ],
)
def test_what_can_not_be_told_is_said(tmp_path, capsys, command, file, note):
    folder = write(ONE.but(0, without=(file,)), tmp_path / "folder")
    notes = answer(capsys, command, folder)["notes"]
    assert any(f"{file} is missing in 1 subscription" in one and note in one for one in notes)
    assert main([command, str(folder)]) == 0


@pytest.mark.parametrize("command", ["exemptions", "coverage"])
def test_names_from_the_tenant_do_nothing_to_the_terminal(tmp_path, capsys, command):
    hostile = tenant(ONE, TWO.but(0, plans={"FoundationalCspm": "Free"}))
    hostile["subscriptions.json"]["value"][1]["displayName"] = "a\x1b[31m\nname"
    inner = hostile[f"{SUB}/policy-exemptions.json"]["value"][0]
    inner["properties"]["displayName"] = "\x1b]0;x\x07\u202ename"
    inner["properties"]["description"] = "\x1b[2Jwhy\u2028"
    inner["systemData"]["createdBy"] = "\x1b[2Jada"
    hostile["assessment-metadata.json"]["value"][0]["properties"]["displayName"] = "\x1b[31mname\u202e"
    hostile[f"{SUB}/pricings.json"]["value"][0]["name"] = "\x1b[31mplan"
    folder = write(hostile, tmp_path / "folder")
    for arguments in ([], ["--format", "json"]):
        assert main([command, str(folder), *arguments]) == 0
        out = capsys.readouterr().out
        assert out.replace("\n", "").isprintable()
        assert "name" in out


@pytest.mark.parametrize("command", ["exemptions", "coverage"])
@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nowhere"], "nowhere: is not a folder"),
        (["{folder}", "--scope", "tag:environment=none"], "no subscription of the folders belongs to it"),
    ],
)
def test_what_can_not_be_used_ends_with_2_and_one_line(folder, capsys, command, arguments, why):
    assert main([command, *(one.format(folder=folder) for one in arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert why in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("command", ["exemptions", "coverage"])
def test_a_broken_part_is_never_dropped(folder, capsys, command):
    (folder / SUB / "policy-exemptions.json").write_text("{")
    assert main([command, str(folder)]) == 2
    assert "policy-exemptions.json" in capsys.readouterr().err

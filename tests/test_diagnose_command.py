"""`drift diagnose`: why a score stands still, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from drift.cli import main
from tests.build import SUB, at, count, estate, guid, iso, key, policy_id, resource, tenant, write

BASE = estate(
    controls={"c": (10, ["a", "b"])},
    marks={("vm1", "a"): "Unhealthy", ("vm2", "a"): "Unhealthy", ("vm3", "a"): "Healthy"},
    tags={"environment": "prod"},
)
FIXED = BASE.but(marks={("vm1", "a"): "Healthy"}, counts=count(BASE.world))


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    return [str(write(one, tmp_path / name)) for one, name in ((BASE, "before"), (FIXED, "after"))]


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["diagnose", *arguments, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_the_answer_as_json(folders, capsys):
    found = answer(capsys, *folders, "--recommendation", key("a").upper(), "--scope", SUB)
    assert found["scope"] == SUB
    assert found["takenAt"] == iso(at(8))
    assert found["asked"] == {"recommendation": key("a"), "resource": None, "figure": None}
    first, second = found["reasons"][:2]
    assert (first["reason"], second["reason"]) == ("refresh_pending", "partially_fixed")
    assert first["movesBy"] == {"earliest": iso(at(8)), "latest": iso(at(15.25))}


def test_one_folder_is_enough(folders, capsys):
    assert answer(capsys, folders[1])["reasons"][0]["reason"] == "refresh_pending"


def test_a_resource_and_a_figure(folders, capsys):
    found = answer(capsys, folders[1], "--resource", resource("vm3").upper(), "--figure", "91.5")
    assert found["asked"] == {"recommendation": None, "resource": resource("vm3").lower(), "figure": 91.5}
    assert found["reasons"][0]["reason"] == "other_score"


def test_events_tell_what_is_fixed_already(tmp_path, folders, capsys):
    event = {
        "id": "1",
        "topic": f"/subscriptions/{SUB}",
        "subject": resource("vm2"),
        "eventType": "Microsoft.PolicyInsights.PolicyStateChanged",
        "eventTime": iso(at(7)),
        "data": {
            "timestamp": iso(at(7)),
            "policyAssignmentId": f"/subscriptions/{SUB}/providers/Microsoft.Authorization/policyAssignments/x",
            "policyDefinitionId": policy_id("a"),
            "policyDefinitionReferenceId": "",
            "complianceState": "Compliant",
            "subscriptionId": SUB,
            "complianceReasonCode": "",
        },
        "dataVersion": "1",
    }
    event["data"]["policyAssignmentId"] = event["data"]["policyAssignmentId"].replace("/x", "/SecurityCenterBuiltIn")
    (tmp_path / "events.json").write_text(json.dumps([event]))
    found = answer(capsys, *folders, "--events", str(tmp_path / "events.json"))["reasons"][0]
    assert (found["reason"], found["count"]) == ("refresh_pending", 2)


def test_text_for_people(folders, capsys):
    assert main(["diagnose", *folders, "--width", "100"]) == 0
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    assert lines[:3] == ["Why it stands still: all subscriptions", "2026-03-02 14:00", ""]
    assert lines[3].startswith(" 1. 1 change on virtual machine vm1 assessed and not counted yet")
    assert "the score moves between 2026-03-02 14:00 and" in shown
    assert "    → Nothing but to wait" in shown
    assert "    $ az security secure-score-controls list --subscription" in shown


@pytest.mark.parametrize("width", ["40", "60", "120"])
def test_no_line_but_a_command_is_wider_than_the_terminal(folders, capsys, width):
    assert main(["diagnose", *folders, "--width", width, "--color", "never"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines if not line.startswith("    $ ")) <= int(width)


def test_no_reason_found_is_said(tmp_path, capsys):
    assert main(["diagnose", str(write(BASE, tmp_path / "one")), "--scope", SUB]) == 0
    assert "No reason was found in what is at hand." in capsys.readouterr().out


def test_names_from_the_tenant_do_nothing_to_the_terminal(tmp_path, capsys):
    other = estate(subscription=guid("other"), controls={"c": (10, ["a"])}, marks={("vm1", "a"): "Unhealthy"})
    hostile = tenant(BASE.but(), other.but())
    for row in hostile["subscriptions.json"]["value"]:
        row["displayName"] = "a\x1b[31m\nb"
        row["tags"] = {"x\x1b]0;y\x07": "\u202ez"}
    for row in hostile["assessment-metadata.json"]["value"]:
        row["properties"]["displayName"] = "\x1b[2Jname`$(reboot)`"
    paths = [str(write(one, tmp_path / name)) for one, name in ((BASE, "before"), (hostile, "after"))]
    for arguments in (["--figure", "0"], ["--scope", SUB, "--figure", "0"], ["--recommendation", key("a")], []):
        for form in ("text", "json"):
            assert main(["diagnose", *paths, *arguments, "--format", form]) == 0
            shown = capsys.readouterr().out
            assert shown.replace("\n", "").isprintable()
            commands = [line for line in shown.splitlines() if line.startswith("    $ ")]
            assert not any("reboot" in line for line in commands)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nowhere"], "nowhere: is not a folder"),
        (["{folder}", "--scope", "tag:environment=none"], "belongs to it"),
        (["{folder}", "--scope", "mg:root"], "management-groups.json: is missing"),
        (["{folder}", "--recommendation", "install updates"], "is not the key of a recommendation"),
        (["{folder}", "--resource", "vm1"], "is not the id of a resource"),
        (["{folder}", "--events", "nowhere.json"], "nowhere.json"),
    ],
)
def test_what_can_not_be_used_ends_with_2_and_one_line(folders, capsys, arguments, why):
    assert main(["diagnose", *(one.format(folder=folders[0]) for one in arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert why in captured.err
    assert captured.err.count("\n") == 1


def test_folders_out_of_order_are_refused(folders, capsys):
    assert main(["diagnose", *reversed(folders)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("figure", ["much", "nan", "inf"])
def test_a_figure_is_a_number(folders, capsys, figure):
    with pytest.raises(SystemExit) as ended:
        main(["diagnose", folders[0], f"--figure={figure}"])
    assert ended.value.code == 2


def test_a_broken_part_is_never_dropped(folders, capsys):
    (Path(folders[1]) / SUB / "policy-exemptions.json").write_text("{")
    assert main(["diagnose", *folders]) == 2
    assert "policy-exemptions.json" in capsys.readouterr().err

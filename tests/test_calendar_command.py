"""`drift calendar`: what is due in an evidence folder, by date, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from drift.cli import main
from tests.build import SUB, at, estate, exemption, guid, iso, key, tenant, write
from tests.explained import own

ONE = estate(
    controls={"c": (10, ["a", "b", "p"])},
    marks={("vm1", "a"): "Exempt", ("vm2", "a"): "Healthy", ("vm3", "b"): "Unhealthy", ("vm2", "p"): "Unhealthy"},
    exemptions={"waived": exemption("vm1", ("a",), expires=at(240))},
    governance={("vm3", "b"): {"due": at(48)}},
    recommendations={"p": {"preview": True}},
    tags={"environment": "prod"},
    weight=30,
)
OTHER = estate(
    subscription=guid("other"),
    controls={"c": (10, ["a"])},
    marks={("vm1", "a"): "Exempt", ("vm2", "a"): "Healthy"},
    exemptions={"short": exemption("vm1", ("a",), expires=at(24))},
    weight=10,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tenant(ONE, OTHER), tmp_path / "folder")


def answer(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    assert main(["calendar", *map(str, arguments), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_everything_of_all_subscriptions_by_date(folder, capsys):
    found = answer(capsys, folder)
    assert (found["scope"], found["takenAt"]) == ("all", iso(at(0)))
    assert [(one["kind"], one["at"], one["subscription"]) for one in found["value"]] == [
        ("exemption_ends", iso(at(24)), f"sub {guid('other')[:4]}"),
        ("grace_period_ends", iso(at(48)), "sub 1111"),
        ("exemption_ends", iso(at(240)), "sub 1111"),
        ("recommendation_in_preview", None, "sub 1111"),
    ]


def test_shares_are_of_the_scope_and_of_the_subscription(folder, capsys):
    movement = own([ONE, ONE.but(hours=0.1, marks={("vm1", "a"): "Unhealthy"}, exemptions={"waived": None})])[
        "movement"
    ]
    (_, _, one, _) = answer(capsys, folder)["value"]
    assert one["ownShare"] == pytest.approx(movement)
    assert one["share"] == pytest.approx(0.75 * movement)
    for scope in (SUB, SUB.upper(), "tag:environment=prod"):
        alone = answer(capsys, folder, "--scope", scope)["value"]
        assert {entry["scope"] for entry in alone} == {SUB}
        assert alone[1]["share"] == pytest.approx(movement)


def test_only_so_many_days_ahead_and_what_has_no_date(folder, capsys):
    found = answer(capsys, folder, "--days", "3")["value"]
    assert [one["at"] for one in found] == [iso(at(24)), iso(at(48)), None]
    assert [one["at"] for one in answer(capsys, folder, "--days", "1")["value"]] == [iso(at(24)), None]


def test_a_share_that_is_not_known_is_null(tmp_path, capsys):
    unlisted = ONE.but(0, controls={"c": (10, ["a", "b"])})
    (*_, last) = answer(capsys, write(unlisted, tmp_path / "folder"))["value"]
    assert (last["subject"], last["share"], last["ownShare"]) == (key("p"), None, None)
    assert main(["calendar", str(tmp_path / "folder")]) == 0
    assert "no date           ?  “Recommendation p”" in capsys.readouterr().out


def test_an_unscored_subscription_has_nothing_due(tmp_path, capsys):
    folder = write(tenant(ONE, OTHER.but(0, plans={"FoundationalCspm": "Free"})), tmp_path / "folder")
    found = answer(capsys, folder)["value"]
    assert {one["scope"] for one in found} == {SUB}
    assert [one["share"] for one in found] == [one["ownShare"] for one in found]


def test_text_for_people(folder, capsys):
    assert main(["calendar", str(folder), "--width", "100"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["Due in all subscriptions (pp)", "2026-03-02 06:00", ""]
    assert lines[3].startswith("  2026-03-03   −12.50  exemption “short” ends: virtual machine vm1 (Waiver)")
    assert (
        lines[4].strip()
        == f"sub {guid('other')[:4]}; made by: ada@contoso.example; assumed Unhealthy, as before it was"
    )
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("width", ["40", "60", "120"])
def test_no_line_is_wider_than_the_terminal(folder, capsys, width):
    assert main(["calendar", str(folder), "--width", width, "--color", "never"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= int(width)


def test_nothing_due_is_said(tmp_path, capsys):
    bare = estate(controls={"c": (10, ["a"])}, marks={("vm1", "a"): "Healthy"})
    assert main(["calendar", str(write(bare, tmp_path / "folder"))]) == 0
    assert "Nothing is due." in capsys.readouterr().out


def test_what_can_not_be_listed_is_said(tmp_path, capsys):
    bare = ONE.but(0, without=("policy-exemptions.json", "governance-assignments.json"))
    assert answer(capsys, write(bare, tmp_path / "folder"))["notes"] == [
        "policy-exemptions.json is missing in 1 subscription: the ends of policy exemptions are not known",
        "governance-assignments.json is missing in 1 subscription: due dates are not known",
    ]


def test_names_from_the_tenant_do_nothing_to_the_terminal(tmp_path, capsys):
    hostile = tenant(ONE)
    hostile["subscriptions.json"]["value"][0]["displayName"] = "a\x1b[31m\nb"
    hostile[f"{SUB}/policy-exemptions.json"]["value"][0]["properties"]["displayName"] = "\x1b]0;x\x07\u202ename"
    hostile[f"{SUB}/governance-assignments.json"]["value"][0]["owner"] = "\x1b[2Jowner"
    folder = write(hostile, tmp_path / "folder")
    for arguments in ([], ["--format", "json"]):
        assert main(["calendar", str(folder), *arguments]) == 0
        shown = capsys.readouterr().out
        assert shown.replace("\n", "").isprintable()
        assert "name" in shown


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nowhere"], "nowhere: is not a folder"),
        (["{folder}", "--scope", "tag:environment=none"], "no subscription of the folders belongs to it"),
        (["{folder}", "--scope", "mg:root"], "management-groups.json: is missing"),
    ],
)
def test_what_can_not_be_used_ends_with_2_and_one_line(folder, capsys, arguments, why):
    assert main(["calendar", *(one.format(folder=folder) for one in arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert why in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("days", ["0", "-1", "x", "1.5", "9999999"])
def test_days_are_a_whole_number(folder, capsys, days):
    with pytest.raises(SystemExit) as ended:
        main(["calendar", str(folder), f"--days={days}"])
    assert ended.value.code == 2
    assert "is not a whole number" in capsys.readouterr().err


def test_a_broken_part_is_never_dropped(folder, capsys):
    (folder / SUB / "policy-exemptions.json").write_text("{")
    assert main(["calendar", str(folder)]) == 2
    assert "policy-exemptions.json" in capsys.readouterr().err

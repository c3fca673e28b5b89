"""The demo tells the story of six weeks; these tests hold it to that story."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from demo.catalogue import BY_KEY, BY_REFERENCE
from demo.estate import DEV, PROD
from demo.northwind import MOMENTS, STEPS, write
from drift.cli import main as drift

EXPLAINED: dict[tuple[str, ...], dict[str, Any]] = {}  # each movement is explained once for all tests


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("northwind")
    write(root)
    return root


@pytest.fixture
def explain(folders, capsys) -> Callable[..., dict[str, Any]]:
    def explained(*names: str, scope: str = "all") -> dict[str, Any]:
        if (*names, scope) not in EXPLAINED:
            paths = [str(folders / name) for name in names]
            assert drift(["explain", *paths, "--scope", scope, "--format", "json"]) == 0
            EXPLAINED[(*names, scope)] = json.loads(capsys.readouterr().out)
        return EXPLAINED[(*names, scope)]

    return explained


@pytest.fixture
def step(explain) -> Callable[[str, str, str], dict[str, Any]]:
    def told(first: str, last: str, scope: str = "all") -> dict[str, Any]:
        (found,) = [s for s in STEPS if (s.first, s.last, s.scope) == (first, last, scope)]
        return explain(*found.names, scope=found.scope)

    return told


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return json.loads((folder / f"{name}.json").read_text())["value"]


def percentage(folder: Path, *subscriptions: str) -> float:
    """The score as Azure reports it: one subscription's, or the mean by weight of several."""
    scores = [score["properties"] for s in subscriptions for score in rows(folder / s, "secure-scores")]
    return 100 * sum(s["score"]["percentage"] * s["weight"] for s in scores) / sum(s["weight"] for s in scores)


def resources(folder: Path) -> list[dict[str, Any]]:
    return [r for s in rows(folder, "subscriptions") for r in rows(folder / s["subscriptionId"], "resources")]


def leading(explained: dict[str, Any], n: int = 1) -> list[tuple[str, str, bool]]:
    """The kinds and subjects of the largest causes, and whether each lifted the score."""
    return [(c["kind"], c["subject"], c["share"] > 0) for c in explained["causes"][:n]]


def key(reference: str) -> str:
    return BY_REFERENCE[reference].key


@pytest.mark.parametrize(
    ("moment", "subscriptions", "expected"),
    [
        ("w1-mon", [PROD.id], 62),
        ("w1-fri", [PROD.id, DEV.id], 61),
        ("w2-mon", [PROD.id, DEV.id], 66),
        ("w2-mon", [PROD.id], 69),
        ("w5-fri", [PROD.id], 76),
        ("w6-mon", [PROD.id], 76),
        ("w6-fri", [PROD.id], 76),
    ],
)
def test_the_score_is_the_one_in_the_story(folders, moment, subscriptions, expected):
    assert round(percentage(folders / moment, *subscriptions)) == expected


def test_the_goal_is_reached_with_a_week_to_spare(folders):
    reached = [m.name for m in MOMENTS if percentage(folders / m.name, PROD.id) >= 75]
    assert reached == ["w5-fri", "w6-mon", "w6-fri"]
    assert next(m.at for m in MOMENTS if m.name == reached[0]) + timedelta(days=7) <= MOMENTS[-1].at


def test_the_estate_has_forty_machines_a_dozen_storage_accounts_and_a_handful_of_sql_servers(folders):
    types = Counter(r["type"] for r in resources(folders / "w1-fri"))
    assert types["Microsoft.Compute/virtualMachines"] == 40
    assert types["Microsoft.Storage/storageAccounts"] == 12
    assert types["Microsoft.Sql/servers"] == 5


def test_sub_dev_comes_in_on_wednesday_and_has_a_score_on_friday(folders):
    assert [s["displayName"] for s in rows(folders / "w1-mon", "subscriptions")] == ["sub-prod"]
    assert [s["displayName"] for s in rows(folders / "w1-wed", "subscriptions")] == ["sub-prod", "sub-dev"]
    assert rows(folders / "w1-wed" / DEV.id, "secure-scores") == []
    assert rows(folders / "w1-fri" / DEV.id, "secure-scores") != []


@pytest.mark.parametrize(("moment", "silent"), [("w1-fri", 20), ("w3-mon", 20), ("w3-fri", 0), ("w6-fri", 0)])
def test_twenty_of_the_forty_machines_are_not_assessed_until_the_agent_reaches_them(folders, moment, silent):
    fed = {key for key, recommendation in BY_KEY.items() if recommendation.feed == "agent"}
    machines = {r["id"] for r in resources(folders / moment) if r["type"] == "Microsoft.Compute/virtualMachines"}
    assessments = [a for s in (PROD, DEV) for a in rows(folders / moment / s.id, "assessments")]
    heard = {a["properties"]["resourceDetails"]["id"] for a in assessments if a["name"] in fed}
    assert len(machines - heard) == silent


def test_two_exemptions_are_mitigated_and_count_as_healthy(folders):
    exemptions = rows(folders / "w4-fri" / PROD.id, "policy-exemptions")
    mitigated = [e for e in exemptions if e["properties"]["exemptionCategory"] == "Mitigated"]
    assert len(mitigated) == 2
    assert not [e for e in rows(folders / "w4-mon" / PROD.id, "policy-exemptions") if e in mitigated]
    before, after = (
        next(c["properties"] for c in rows(folders / m / PROD.id, "secure-score-controls")
             if c["properties"]["displayName"] == "Enable encryption at rest")
        for m in ("w4-mon", "w4-fri")
    )  # fmt: skip
    assert after["healthyResourceCount"] == before["healthyResourceCount"] + 2
    assert after["notApplicableResourceCount"] == before["notApplicableResourceCount"]


def test_the_same_seed_writes_the_same_bytes(folders, tmp_path):
    write(tmp_path)
    files = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*.json"))
    assert files == sorted(p.relative_to(folders) for p in folders.rglob("*.json"))
    assert all((tmp_path / f).read_bytes() == (folders / f).read_bytes() for f in files)


def test_a_date_has_seven_digits_and_an_empty_control_no_points(folders):
    folder = folders / "w1-mon" / PROD.id
    assert all(len(a["properties"]["status"]["statusChangeDate"]) == 28 for a in rows(folder, "assessments"))
    controls = {c["properties"]["displayName"]: c["properties"] for c in rows(folder, "secure-score-controls")}
    empty = controls["Apply adaptive application control"]
    assert (empty["score"]["max"], empty["definition"]["properties"]["maxScore"]) == (0, 3)


def test_no_mark_is_newer_than_its_folder(folders):
    for moment in MOMENTS:
        for subscription in rows(folders / moment.name, "subscriptions"):
            for a in rows(folders / moment.name / subscription["subscriptionId"], "assessments"):
                assert a["properties"]["status"]["statusChangeDate"] <= f"{moment.at:%Y-%m-%dT%H:%M:%S}.0000000Z"


# What the product says of it


@pytest.mark.parametrize("told", STEPS, ids=lambda s: f"{s.first}..{s.last} {s.scope}")
def test_every_movement_is_explained_in_full(step, told):
    explained = step(told.first, told.last, told.scope)
    assert sum(c["share"] for c in explained["causes"]) == pytest.approx(explained["movement"], abs=1e-9)
    assert sum(explained["classes"].values()) == pytest.approx(explained["movement"], abs=1e-9)
    assert not [c for c in explained["causes"] if c["kind"] == "unexplained" and abs(c["share"]) > 1e-9]
    assert abs(explained["movement"]) > 0


def test_the_movements_add_up_over_the_six_weeks(explain):
    names = [m.name for m in MOMENTS]
    whole = explain(*names, scope=PROD.id)
    parts = [explain(a, b, scope=PROD.id)["movement"] for a, b in pairwise(names)]
    assert sum(parts) == pytest.approx(whole["movement"], abs=1e-9)


def test_on_friday_sub_dev_outweighs_the_one_fix_that_azure_has_noticed(step):
    friday = step("w1-mon", "w1-fri")
    assert leading(friday, 2) == [("subscription_added", DEV.id, False), ("remediation", key("secureTransfer"), True)]
    waiting = [p for p in friday["pending"] if p["kind"] == "remediation" and p["share"] > 0]
    assert waiting


def test_by_monday_the_other_ten_recommendations_have_come_in_and_nothing_else(step):
    monday = step("w1-fri", "w2-mon")
    assert {(c["kind"], c["scope"]) for c in monday["causes"]} == {("remediation", PROD.id)}
    assert len(monday["causes"]) == 10
    assert leading(monday) == [("remediation", key("publicBlobs"), True)]
    assert not monday["pending"]


def test_eleven_recommendations_were_fixed_in_sub_prod(step):
    fixed = step("w1-mon", "w2-mon", PROD.id)["causes"]
    assert {c["kind"] for c in fixed} == {"remediation"}
    assert len({c["subject"] for c in fixed}) == 11


def test_a_new_application_and_open_ports_cost_week_two(step):
    week = step("w2-mon", "w2-fri")
    assert leading(week) == [("regression", key("closedPorts"), False)]
    assert {c["kind"] for c in week["causes"]} == {"regression", "resource_added"}
    assert week["classes"]["estate"] < 0


def test_sub_dev_lifts_the_score_by_closing_its_ports(step):
    (cause,) = step("w2-fri", "w3-mon")["causes"]
    assert (cause["kind"], cause["subject"], cause["scope"]) == ("remediation", key("closedPorts"), DEV.id)


def test_the_agent_makes_twenty_machines_visible_and_not_each_is_a_gain(step):
    week = step("w3-mon", "w3-fri")
    assert [s["kind"] for s in week["summary"]][:1] == ["data_source_gained"]
    assert {c["kind"] for c in week["causes"]} == {"data_source_gained"}
    assert len({c["subject"].lower() for c in week["causes"]}) == 20
    assert {c["share"] > 0 for c in week["causes"]} == {True, False}


def test_the_end_of_a_preview_is_microsofts_doing(step):
    weekend = step("w3-fri", "w4-mon")
    assert leading(weekend) == [("recommendation_left_preview", key("sharedKeys"), False)]
    assert weekend["classes"]["yardstick"] == pytest.approx(weekend["movement"])


def test_a_plan_shows_more_and_two_mitigated_exemptions_help(step):
    week = step("w4-mon", "w4-fri")
    assert leading(week) == [("plan_enabled", "SqlServers", False)]
    exempted = [c for c in week["causes"] if c["kind"] == "exemption_created"]
    assert [c["share"] > 0 for c in exempted] == [True, True]
    assert any("Mitigated count as healthy" in note for note in week["notes"])


def test_updates_installed_on_friday_are_seen_on_monday(step):
    assert leading(step("w4-fri", "w5-mon")) == [("remediation", key("updates"), True)]


def test_closed_ports_bring_the_goal_and_a_policy_a_little(step):
    week = step("w5-mon", "w5-fri")
    assert leading(week) == [("remediation", key("closedPorts"), True)]
    assert ("policy_disabled", key("ftps"), True) in leading(week, 10)


def test_a_deleted_application_moves_the_score_without_anybody_earning_it(step):
    weekend = step("w5-fri", "w6-mon")
    assert {c["kind"] for c in weekend["causes"]} == {"resource_deleted"}
    assert len(weekend["causes"]) == 4
    assert weekend["classes"]["estate"] == pytest.approx(weekend["movement"])


def test_the_last_week_keeps_the_goal_although_a_waiver_ran_out(step):
    week = step("w6-mon", "w6-fri")
    kinds = [(kind, up) for kind, _, up in leading(week, 3)]
    assert kinds == [("remediation", True), ("regression", False), ("exemption_expired", False)]


def test_over_the_six_weeks_more_was_earned_than_the_number_shows(step):
    whole = step("w1-mon", "w6-fri", PROD.id)
    assert leading(whole) == [("remediation", key("closedPorts"), True)]
    assert whole["classes"]["earned"] > whole["movement"] > 13.5

"""Whatever wrote the answers of a folder, and however, the explanation is the same; what is missing is said."""

from __future__ import annotations

import json
import os
import re
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from drift.cli import main
from tests.build import SUB, T0, Estate, at, estate, exemption, standard_exemption, write

type Folder = dict[str, Any]
type Row = dict[str, Any]

CONTROLS = f"{SUB}/secure-score-controls.json"
DEFINITIONS = f"{SUB}/secure-score-control-definitions.json"
SCORES = f"{SUB}/secure-scores.json"
ASSESSMENTS = f"{SUB}/assessments.json"


def pair() -> tuple[Estate, Estate]:
    """Something of everything happens: a fix, an exemption, a plan, a new resource, a promotion, an AWS connector."""
    before = estate(
        controls={"c": (10, ["a", "b"]), "d": (6, ["p", "s"]), "e": (4, ["g"])},
        marks={
            ("vm1", "a"): "Unhealthy",
            ("vm2", "a"): "Healthy",
            ("vm2", "b"): "Unhealthy",
            ("vm3", "b"): "Unhealthy",
            ("subnet1", "b"): "Healthy",
            ("kv1", "p"): "Unhealthy",
            ("kv2", "g"): "Unhealthy",
            ("aws1", "b"): "Healthy",
        },
        recommendations={"p": {"preview": True}},
        plans={"SqlServers": "Free"},
        connectors={"conn": {}},
        ancestors=["mg-a", "mg-root"],
        tags={"environment": "prod"},
    )
    after = before.but(
        marks={
            ("vm1", "a"): "Healthy",
            ("vm2", "b"): "Exempt",
            ("vm3", "b"): "Exempt",
            ("sql1", "s"): "Unhealthy",
            ("vm9", "a"): "Unhealthy",
        },
        recommendations={"p": {"preview": False, "GA": at(5), "public": at(-999)}},
        plans={"SqlServers": {"tier": "Standard", "since": at(3)}},
        exemptions={"e": exemption("vm2", ("b",), created=at(2))},
        standards={"s": standard_exemption("vm3", "b", created=at(2))},
        governance={("kv2", "g"): {"due": at(900)}},
        resources={"sql1": {}, "vm9": {"createdTime": at(1)}},
    )
    return before, after


@pytest.fixture
def answer(tmp_path, capsys):
    """The bytes that explain prints for two folders."""

    def answered(before: Folder, after: Folder, *more: str) -> str:
        place = tmp_path / str(len(list(tmp_path.iterdir())))
        write(before, place / "before")
        write(after, place / "after")
        status = main(["explain", str(place / "before"), str(place / "after"), "--format", "json", *more])
        printed = capsys.readouterr()
        assert (status, printed.err) == (0, "")
        return printed.out

    return answered


@pytest.fixture
def plain(answer) -> str:
    said = answer(*pair())
    kinds = {cause["kind"] for cause in json.loads(said)["causes"]}
    assert kinds >= {
        "remediation",
        "exemption_created",
        "resource_added",
        "recommendation_left_preview",
        "grace_period_started",
    }
    return said


# How an answer may be written


def rows(content: Any) -> list[Row]:
    return content["value"] if isinstance(content, dict) else content


def each(folder: Folder, change, *files: str) -> Folder:
    """The folder with every row of its lists (or of these files) changed."""
    new: Folder = {}
    for path, content in deepcopy(dict(folder)).items():
        name = path.rpartition("/")[2]
        touched = name != "snapshot.json" and name != "management-groups.json" and (not files or name in files)
        new[path] = {"value": [change(row) for row in rows(content)]} if touched else content
    return new


def bare(folder: Folder) -> Folder:
    return {
        path: content.get("value", content) if isinstance(content, dict) else content
        for path, content in folder.items()
    }


def flattened(row: Row) -> Row:
    """As `az` prints what its SDK models flatten: what was in `properties` stands beside `id`; nothing stays inside."""
    inner = row.get("properties", {})
    return {**{name: value for name, value in row.items() if name != "properties"}, **_flat_definition(inner)}


def _flat_definition(inner: Row) -> Row:
    definition = inner.get("definition")
    return inner if definition is None else {**inner, "definition": flattened(definition)}


def snake(value: Any) -> Any:
    if isinstance(value, list):
        return [snake(one) for one in value]
    if isinstance(value, dict):
        return {re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", name).lower(): snake(one) for name, one in value.items()}
    return value


def as_dict(row: Row) -> Row:
    """As the SDK's `as_dict()` prints it. Tags are the tenant's own names and stay."""
    tags = row.get("tags")
    return {**snake(flattened(row)), **({} if tags is None else {"tags": tags})}


def flat_score(row: Row) -> Row:
    """`az security secure-scores list` flattens the score as well."""
    new = flattened(row)
    return {**new, **new.pop("score", {})}


def capital(row: Row) -> Row:
    new = deepcopy(row)
    if details := new.get("properties", {}).get("resourceDetails"):
        details["Id"] = details.pop("id")
    return new


def detailless(row: Row) -> Row:
    new = deepcopy(row)
    new["properties"].pop("resourceDetails", None)
    return new


def graph(row: Row) -> Row:
    """As Resource Graph has it, with more beside."""
    return {**capital(row), "tenantId": "t", "kind": "", "zones": None, "extendedLocation": {"a": [1]}}


def noisy(row: Row) -> Row:
    new = {"aaa": {"value": [{"id": "x"}]}, **deepcopy(row), "zzz": None, "etag": 'W/"1"'}
    if "properties" in new:
        new["properties"] = {"links": {"azurePortal": "x"}, **new["properties"], "additionalData": {"k": "},{"}}
    return new


def offset(value: Any) -> Any:
    if isinstance(value, list):
        return [offset(one) for one in value]
    if isinstance(value, dict):
        return {name: offset(one) for name, one in value.items()}
    return re.sub(r"^(\d{4}-\d\d-\d\dT[\d:.]+)Z$", r"\1+00:00", value) if isinstance(value, str) else value


def lower_ga(row: Row) -> Row:
    new = deepcopy(row)
    dates = new["properties"]["publishDates"]
    if "GA" in dates:
        dates["ga"] = dates.pop("GA")
    return new


def account(row: Row) -> Row:
    """As `az account list`: the id is the GUID, the name the display name."""
    return {
        "cloudName": "AzureCloud",
        "homeTenantId": "t",
        "id": row["subscriptionId"],
        "isDefault": True,
        "managedByTenants": [],
        "name": row["displayName"],
        "state": row["state"],
        "tenantId": None,
        "user": {"name": "ada@contoso.example", "type": "user"},
    }


def beside(folder: Folder) -> Folder:
    """As without `$expand`: `definition` is null, the definitions stand in a file of their own."""
    new = deepcopy(dict(folder))
    definitions = []
    for row in rows(new[CONTROLS]):
        definition = row["properties"]["definition"]
        definitions.append({"id": "/providers/Microsoft.Security/secureScoreControlDefinitions/x", **definition})
        row["properties"]["definition"] = None
    new[DEFINITIONS] = {"value": definitions}
    return new


FORMS = {
    "bare lists": bare,
    "az: flattened": lambda f: bare(each(f, flattened)),
    "az: flattened, scores too": lambda f: bare(
        each(each(f, flat_score, "secure-scores.json"), flattened, "assessments.json")
    ),
    "SDK: as_dict": lambda f: bare(each(f, as_dict)),
    "SDK: as_dict in value": lambda f: each(f, as_dict),
    "resourceDetails.Id": lambda f: each(f, capital, "assessments.json"),
    "no resourceDetails": lambda f: each(f, detailless, "assessments.json"),
    "flattened, no resourceDetails": lambda f: bare(each(each(f, detailless, "assessments.json"), flattened)),
    "Resource Graph": lambda f: each(f, graph),
    "unknown fields": lambda f: each(f, noisy),
    "dates with +00:00": lambda f: {path: offset(content) for path, content in f.items()},
    "publishDates.ga": lambda f: each(f, lower_ga, "assessment-metadata.json"),
    "definitions beside": beside,
    "definitions beside, flattened": lambda f: bare(each(beside(f), flattened)),
    "az account list": lambda f: bare(each(f, account, "subscriptions.json")),
    "rows twice": lambda f: {p: {"value": [*rows(c), *rows(c)]} if p.count("/") else c for p, c in f.items()},
    "rows backwards": lambda f: {p: {"value": rows(c)[::-1]} if p.count("/") else c for p, c in f.items()},
}


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_the_answers_makes_no_difference(form, answer, plain):
    before, after = map(FORMS[form], pair())
    assert answer(before, after) == plain


@pytest.mark.parametrize("end", ["before", "after"])
@pytest.mark.parametrize("form", ["az: flattened", "SDK: as_dict", "no resourceDetails", "dates with +00:00"])
def test_the_forms_may_differ_between_the_ends(form, end, answer, plain):
    before, after = pair()
    changed = (FORMS[form](before), after) if end == "before" else (before, FORMS[form](after))
    assert answer(*changed) == plain


@pytest.mark.parametrize("form", ["az: flattened", "SDK: as_dict"])
def test_dates_of_seven_digits_make_no_difference_between_z_and_offset(form, answer):
    before, after = (json.loads(re.sub(r"(T\d\d:\d\d:\d\d)Z", r"\1.1234567Z", json.dumps(folder))) for folder in pair())
    assert answer(before, offset(after)) == answer(before, after)


def test_pretty_printing_makes_no_difference(plain, tmp_path, capsys):
    paths = [tmp_path / "pretty" / name for name in ("before", "after")]
    for path, folder in zip(paths, pair(), strict=True):
        for name, content in folder.items():
            file = path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(json.dumps(content, indent=2, ensure_ascii=False).replace("\n", "\r\n").encode())
    assert main(["explain", *map(str, paths), "--format", "json"]) == 0
    assert capsys.readouterr().out == plain


@pytest.mark.parametrize("end", ["both", "before", "after"])
def test_ids_are_the_same_in_upper_and_lower_case(end, answer, plain):
    def raised(folder: Folder) -> Folder:
        def upper(value: Any, name: str = "") -> Any:
            if isinstance(value, list):
                return [upper(one, name) for one in value]
            if isinstance(value, dict):
                return {inner: upper(one, inner) for inner, one in value.items()}
            ids = ("id", "policyAssignmentId", "policyDefinitionId", "scope", "policyDefinitionReferenceIds", "name")
            return value.upper() if isinstance(value, str) and name in ids and "ascScore" not in value else value

        return {path: content if path == "snapshot.json" else upper(content) for path, content in folder.items()}

    before, after = pair()
    told = answer(raised(before) if end != "after" else before, raised(after) if end != "before" else after)

    def spelled(text: str) -> list[tuple[Any, ...]]:
        causes = json.loads(text)["causes"]
        return sorted((c["kind"], c["subject"].lower(), c["marks"], round(c["share"], 9)) for c in causes)

    found = json.loads(told)
    assert abs(sum(cause["share"] for cause in found["causes"]) - found["movement"]) < 1e-9
    assert spelled(told) == spelled(plain)


def test_a_mixed_case_of_one_id_in_one_file_is_one_thing(answer, plain):
    before, after = pair()
    changed = deepcopy(dict(after))
    double = [{**row, "id": row["id"].upper()} for row in changed[f"{SUB}/resources.json"]["value"]]
    changed[f"{SUB}/resources.json"]["value"] += double
    causes = [c["subject"].lower() for c in json.loads(answer(before, changed))["causes"]]
    assert sorted(causes) == sorted(c["subject"].lower() for c in json.loads(plain)["causes"])


def test_of_several_scores_the_asc_score_is_taken(answer, plain):
    def more(folder: Folder) -> Folder:
        new = deepcopy(dict(folder))
        other = deepcopy(new[SCORES]["value"][0])
        other["name"], other["id"] = "custom-standard", other["id"].replace("ascScore", "custom-standard")
        other["properties"] |= {"weight": 9999, "score": {"max": 1, "current": 1, "percentage": 1}}
        new[SCORES]["value"] = [other, *new[SCORES]["value"]]
        return new

    before, after = pair()
    assert answer(more(before), more(after)) == plain


def test_the_folder_of_a_subscription_may_be_in_capitals(answer, tmp_path):
    sub = "abcdefab-1111-2222-3333-abcdefabcdef"
    before = estate(subscription=sub, controls={"c": (10, ["a"])}, marks={("vm1", "a"): "Unhealthy"})
    after = before.but(marks={("vm1", "a"): "Healthy"})
    raised = {path.replace(sub, sub.upper()): content for path, content in after.items()}
    assert json.loads(answer(before, raised))["movement"] == json.loads(answer(before, after))["movement"] == 100


# Files that are not there

LOSSES = {
    "assessment-metadata.json": "no names",
    "resources.json": "told by their marks",
    "pricings.json": "plans",
    "security-connectors.json": "connectors",
    "policy-assignments.json": "exemption of another initiative",
    "policy-exemptions.json": "policy exemptions are not named",
    "standard-assignments.json": "newer recommendations",
    "governance-assignments.json": "grace periods",
    "policy-set-definitions.json": "single policy",
}


def without(folder: Folder, name: str) -> Folder:
    return {path: content for path, content in folder.items() if path.rpartition("/")[2] != name}


def test_nothing_is_said_to_be_missing_where_nothing_is(plain):
    assert [note for note in json.loads(plain)["notes"] if "missing" in note] == []


@pytest.mark.parametrize("end", ["both", "before", "after"])
@pytest.mark.parametrize("name", LOSSES)
def test_a_missing_file_is_named_with_what_is_lost(name, end, answer):
    before, after = pair()
    found = json.loads(
        answer(
            without(before, name) if end != "after" else before,
            without(after, name) if end != "before" else after,
        )
    )
    notes = [note for note in found["notes"] if "is missing" in note]
    assert len(notes) == 1
    assert notes[0].startswith(f"{name} is missing in 1 subscription: ")
    assert LOSSES[name] in notes[0]
    assert abs(sum(cause["share"] for cause in found["causes"]) - found["movement"]) < 1e-9


@pytest.mark.parametrize("end", ["before", "after"])
@pytest.mark.parametrize("name", [*LOSSES, "management-groups.json"])
def test_a_file_that_is_missing_at_one_end_tells_of_no_change(name, end, answer):
    """Nothing happens between the two folders but the fix of one finding, whatever file one of them lacks."""
    before = estate(
        controls={"c": (10, ["a", "b"])},
        marks={
            ("vm1", "a"): "Unhealthy",
            ("vm2", "a"): "Healthy",
            ("vm2", "b"): "Exempt",
            ("vm3", "b"): "Exempt",
            ("kv1", "b"): "Unhealthy",
            ("aws1", "b"): "Healthy",
            ("sql1", "a"): "Healthy",
        },
        exemptions={"e": exemption("vm2", ("b",))},
        standards={"s": standard_exemption("vm3", "b")},
        connectors={"conn": {}},
        plans={"SqlServers": "Standard", "VirtualMachines": "Standard"},
        governance={("kv1", "b"): {"due": at(900)}},
        ancestors=["mg"],
    )
    after = before.but(marks={("vm1", "a"): "Healthy"})
    lacking = (without(before, name), after) if end == "before" else (before, without(after, name))
    found = json.loads(answer(*lacking))
    assert [(cause["kind"], cause["resources"]) for cause in found["causes"]] == [("remediation", 1)]
    assert abs(found["causes"][0]["share"] - found["movement"]) < 1e-9
    assert found["pending"] == []


def test_an_empty_list_is_not_a_missing_one(answer):
    before, after = pair()
    emptied = deepcopy(dict(after))
    emptied[f"{SUB}/pricings.json"] = {"value": []}
    assert not [note for note in json.loads(answer(before, emptied))["notes"] if "pricings" in note]


# When a folder was taken


def test_a_folder_without_snapshot_json_was_taken_when_its_newest_file_was_written(tmp_path, capsys):
    paths = []
    for name, folder, moment in zip(("before", "after"), pair(), (T0, T0 + timedelta(hours=8)), strict=True):
        path = write(without(folder, "snapshot.json"), tmp_path / name)
        for place, file in enumerate(sorted(path.rglob("*.json"))):
            os.utime(file, (moment.timestamp() - 60 * place,) * 2)
        paths.append(str(path))
    assert main(["explain", *paths, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [step["takenAt"] for step in found["series"]] == ["2026-03-02T06:00:00Z", "2026-03-02T14:00:00Z"]


def test_folders_without_snapshot_json_must_be_in_order_too(tmp_path, capsys):
    paths = []
    for name, folder, moment in zip(("before", "after"), pair(), (T0, T0 - timedelta(hours=8)), strict=True):
        path = write(without(folder, "snapshot.json"), tmp_path / name)
        for file in path.rglob("*.json"):
            os.utime(file, (moment.timestamp(),) * 2)
        paths.append(str(path))
    assert main(["explain", *paths]) == 2
    assert "order of time" in capsys.readouterr().err


def test_a_foreign_file_in_the_folder_is_let_alone(answer, plain, tmp_path):
    before, after = pair()
    extra = {"README.txt": "x", "notes/a.json": "x", f"{SUB}/health-reports.json": {"value": []}}
    assert answer({**before, **extra}, {**after, **extra}) == plain


def test_a_subscription_that_is_disabled_needs_no_folder(answer):
    before, after = pair()
    changed = deepcopy(dict(after))
    changed["subscriptions.json"]["value"][0]["state"] = "Disabled"
    found = json.loads(answer(before, {path: c for path, c in changed.items() if not path.startswith(SUB)}))
    assert found["movement"] is None
    assert found["unscored"] == [
        {"subscription": SUB, "name": "sub 1111", "reason": "subscription is Disabled"},
    ]


def test_a_list_of_scores_that_is_empty_is_a_subscription_without_score(answer):
    before, after = pair()
    changed = {**without(without(after, "assessments.json"), "secure-score-controls.json"), SCORES: {"value": []}}
    found = json.loads(answer(before, changed))
    assert [one["reason"] for one in found["unscored"]] == ["Azure reports no score"]

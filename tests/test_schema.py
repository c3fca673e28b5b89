"""The JSON Schema that `drift schema` prints is true of what `drift explain --format json` prints."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from drift.cli import main
from drift.folders import explain_folders
from drift.kinds import Class, Kind
from tests import estates
from tests.build import at, estate, exemption, mark, write

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "drift" / "explanation.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=FormatChecker())
CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())


def folders(case: Path) -> list[Path]:
    found = sorted(path for path in case.iterdir() if path.is_dir())
    return found if found[0].name != "after" else found[::-1]


@pytest.fixture
def explain(capsys):
    def explained(*paths: Path, scope: str = "all") -> dict[str, Any]:
        assert main(["explain", *map(str, paths), "--scope", scope, "--format", "json"]) == 0
        return json.loads(capsys.readouterr().out)

    return explained


@pytest.fixture
def story(tmp_path, explain):
    def told(folders: list[dict[str, Any]], scope: str = "all") -> dict[str, Any]:
        return explain(*(write(folder, tmp_path / str(at)) for at, folder in enumerate(folders)), scope=scope)

    return told


@pytest.fixture(scope="module")
def answer(tmp_path_factory) -> dict[str, Any]:
    """One answer with something in each of its lists."""
    root = tmp_path_factory.mktemp("answer")
    before = estate(
        controls={"c": (10, ["a", "b"])},
        marks={("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy", ("vm3", "a"): "Unhealthy"},
        without=("pricings.json",),
    )
    after = before.but(
        marks={("vm1", "a"): "Healthy", ("vm4", "a"): mark("Unhealthy", at(3), at(3))},
        resources={"vm4": {"createdTime": at(2)}},
        exemptions={"e": exemption("vm2", ("a",), created=at(2))},
        counts={"c": (1, 4)},
    )
    paths = [write(before, root / "before"), write(after, root / "after")]
    found = explain_folders(paths, "all", lambda *_: None)
    assert found["causes"]
    assert found["pending"]
    assert found["foretold"]
    assert found["notes"]
    assert any(cause["evidence"] for cause in found["causes"])
    return json.loads(json.dumps(found))


def wrong(found: dict[str, Any]) -> list[str]:
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in VALIDATOR.iter_errors(found)]


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


def test_drift_schema_prints_it(capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA


def test_its_kinds_and_classes_are_those_of_the_model():
    assert SCHEMA["$defs"]["kind"]["enum"] == [kind.value for kind in Kind]
    assert SCHEMA["$defs"]["class"]["enum"] == [group.value for group in Class]
    assert list(SCHEMA["properties"]["classes"]["properties"]) == [group.value for group in Class]


def test_every_field_is_described():
    def undescribed(at: str, node: Any) -> list[str]:
        if not isinstance(node, dict):
            return []
        found = [f"{at}/{name}" for name, value in node.get("properties", {}).items() if not value.get("description")]
        children = {**node.get("properties", {}), **node.get("$defs", {})}
        return found + [one for name, child in children.items() for one in undescribed(f"{at}/{name}", child)]

    assert undescribed("", SCHEMA) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_answer_of_a_worked_case_is_valid(case, explain):
    found = explain(*folders(case))
    assert wrong(found) == []
    for inner in found["subscriptions"]:
        assert wrong(explain(*folders(case), scope=inner["scope"])) == []


@pytest.mark.parametrize(
    ("seed", "options"),
    [
        (1, {}),
        (2, {"lag": True}),
        (3, {"lag": True, "steps": 4, "ahead": True}),
        (4, {"noise": True, "steps": 3}),
        (5, {"early": True, "lag": True}),
        (6, {"only": ("subscription_added", "subscription_removed"), "steps": 3, "subscriptions": 3}),
        (7, {"kinds": 6, "without": ("assessment-metadata.json", "resources.json", "pricings.json")}),
        (8, {"kinds": 8, "steps": 5, "subscriptions": 2}),
        (9, {"mass": True}),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else " ".join(value) or "plain",
)
@pytest.mark.parametrize("scope", ["all", "tag:environment=prod", "mg:mg-root"])
def test_the_answer_of_a_random_story_is_valid(seed, options, scope, story):
    folders = estates.make(seed, **options)
    tags = {row["tags"]["environment"] for folder in folders for row in folder["subscriptions.json"]["value"]}
    if scope == "tag:environment=prod" and "prod" not in tags:
        scope = "tag:environment=dev"
    assert wrong(story(folders, scope)) == []


def test_the_answer_for_what_has_no_score_is_valid_and_explains_nothing(story):
    scored = estate(controls={"c": (10, ["a"])}, marks={("vm1", "a"): "Unhealthy"})
    found = story([scored, scored.but(plans={"FoundationalCspm": "Free"})])
    assert wrong(found) == []
    assert found["movement"] is None
    assert found["unscored"]


def test_the_answer_for_marks_without_dates_is_valid(story):
    before = estate(controls={"c": (10, ["a"])}, marks={("vm1", "a"): mark("Unhealthy"), ("vm2", "a"): mark("Healthy")})
    found = story([before, before.but(marks={("vm1", "a"): mark("Healthy")}, counts={"c": (1, 2)})])
    assert wrong(found) == []


def test_the_answer_to_break_is_valid(answer):
    assert wrong(answer) == []


def _first(name: str) -> Any:
    return lambda found: found[name][0]


def _root(found: dict[str, Any]) -> Any:
    return found


@pytest.mark.parametrize(
    ("of", "field", "value"),
    [
        (_root, "movement", "-1.02"),
        (_root, "movement", 250.0),
        (_root, "scope", None),
        (_root, "surprise", 1),
        (_root, "classes", {"luck": 1.0}),
        (_root, "notes", [1]),
        (_root, "series", []),
        (_root, "subscriptions", [{}]),
        (lambda found: found["before"], "percentage", 101.0),
        (lambda found: found["before"], "takenAt", "yesterday"),
        (lambda found: found["after"], "takenAt", "2026-03-02T06:00:00+01:00"),
        (_first("causes"), "kind", "bad_luck"),
        (_first("causes"), "class", "drift"),
        (_first("causes"), "confidence", "sure"),
        (_first("causes"), "share", None),
        (_first("causes"), "marks", 1.5),
        (_first("causes"), "resources", -1),
        (_first("causes"), "controls", {"c": "1"}),
        (_first("causes"), "evidence", [{"source": "systemData"}]),
        (_first("causes"), "actors", [{"actor": "Ana", "type": "user", "id": None}]),
        (_first("causes"), "actors", [{"actor": "Ana", "type": "robot", "id": None, "share": 1.0}]),
        (_first("causes"), "reason", None),
        (_first("actors"), "share", None),
        (_first("actors"), "address", 1),
        (_first("pending"), "actors", None),
        (_first("pending"), "share", None),
        (_first("foretold"), "share", "1"),
        (_first("foretold"), "reason", None),
        (_first("foretold"), "actors", [{"actor": "Ana"}]),
        (_first("summary"), "count", 0),
        (_first("pending"), "due", None),
        (_first("series"), "ownWork", None),
    ],
)
def test_a_broken_answer_is_not_valid(of, field, value, answer):
    broken = deepcopy(answer)
    of(broken)[field] = value
    assert wrong(broken)


def test_an_answer_whose_share_is_not_known_is_valid(answer):
    unknown = [one | {"share": None, "reason": "published nowhere"} for one in answer["foretold"]]
    assert wrong({**answer, "foretold": unknown}) == []


def test_a_record_of_an_event_is_valid(answer):
    event = {"source": "event", "time": "2026-03-02T06:00:00Z", "actor": "Ana", "actorType": "User", "actorId": "a"}
    event |= {"operation": "o", "subject": "s", "from": "203.0.113.7", "correlation": "c", "told": "t"}
    good, bad = deepcopy(answer), deepcopy(answer)
    good["causes"][0]["evidence"] = [event]
    bad["causes"][0]["evidence"] = [event | {"ip": "203.0.113.7"}]
    assert wrong(good) == []
    assert wrong(bad)


@pytest.mark.parametrize("scope", ["all", "mg:mg-root"])
def test_what_the_schema_says_of_actors_is_so(scope, story):
    found = story(estates.make(3, lag=True, steps=4, ahead=True), scope)
    assert len(found["causes"]) > 2
    for one in [found, *found["subscriptions"]]:
        assert sum(actor["share"] for actor in one["actors"]) == pytest.approx(one["movement"], abs=1e-9)
        for cause in one["causes"]:
            assert sum(actor["share"] for actor in cause["actors"]) == pytest.approx(cause["share"], abs=1e-9)


@pytest.mark.parametrize("field", SCHEMA["required"])
def test_an_answer_that_lacks_a_field_is_not_valid(field, answer):
    assert wrong({name: value for name, value in answer.items() if name != field})


def test_an_answer_is_broken_where_it_explains_a_movement_that_it_does_not_know(answer):
    assert wrong({**answer, "movement": None})


def test_a_broken_answer_inside_subscriptions_is_not_valid(answer):
    broken = deepcopy(answer)
    broken["subscriptions"][0]["causes"][0]["kind"] = "bad_luck"
    assert wrong(broken)

"""A request to its answer: what is asked wrongly is named, and nothing but JSON comes out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from jsonschema import Draft202012Validator, FormatChecker

from demo.estate import DEV, PROD
from drift.engine.segments import iso
from drift.engine.where import BY
from drift.errors import Refused, ServiceError
from drift.history import History
from drift.model import HOUR
from drift.web.api import ROUTES, Response, respond
from drift.web.openapi import document
from drift.web.parameters import PARAMETERS
from tests.build import SUB, at, estate, mark, write
from tests.filled import SCOPES, Filled, fill, happening
from tests.web.serving import served

LISTS = ("deltas", "scores", "changes", "forecasts")
STANDING = ("diagnosis", "plan", "exemptions", "coverage")
SCOPED = ("deltas", "explain", "scores", "changes", "pending", "forecasts", "calendar", *STANDING)
NEEDED = {"plan": {"target": "90"}}
"""What a route must be given."""

PATHS = {"health": "/health", "openapi": "/openapi.json"} | {name: route.path for name, route in ROUTES.items()}


def conforms(route: str, answer: Response) -> Any:
    """The body, once it is what the document says of this route and status."""
    whole = json.loads(json.dumps(document()))
    found = whole["paths"][PATHS[route]]["get"]["responses"][str(answer.status)]
    if "$ref" in found:
        found = whole["components"]["responses"][found["$ref"].rpartition("/")[2]]
    schema = found["content"][answer.content_type]["schema"] | {"components": whole["components"]}
    body = json.loads(answer.body)
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(body)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return body


def ask(filled: Filled, route: str, query: Mapping[str, str] | None = None, status: int = 200, **path: str) -> Any:
    answer = respond(lambda: filled.history, route, path, query or {})
    assert answer.status == status, answer.body
    assert answer.content_type == ("application/json" if status == 200 else "application/problem+json")
    return conforms(route, answer)


def never() -> History:
    raise AssertionError("there was nothing to ask the store for")


# Answers


@pytest.mark.parametrize("scope", [*SCOPES, "empty"])
def test_every_answer_is_what_the_document_says(filled: Filled, first_week: Filled, scope: str) -> None:
    whole = {"scope": scope, "from": "2026-01-01T00:00:00Z", "limit": "1000"}
    for some in (filled, first_week):
        for route in LISTS:
            page = ask(some, route, whole)
            assert page["value"] or (route, scope) in (("deltas", "empty"), ("changes", scope), ("forecasts", scope))
        for row in ask(some, "deltas", whole)["value"]:
            assert ask(some, "delta", id=row["id"])["movement"] == row["movement"]
        ask(some, "pending", {"scope": scope})
        ask(some, "calendar", {"scope": scope})
        for route in STANDING:
            assert ask(some, route, {"scope": scope} | NEEDED.get(route, {}))["scope"] == scope.lower()
        for by in BY:
            assert "parts" in ask(some, "explain", {"scope": scope, "from": whole["from"], "by": by})
        assert "parts" not in ask(some, "explain", {"scope": scope, "from": whole["from"]})
        assert ask(some, "status")["chains"]


def test_the_scope_is_the_tenant_unless_one_is_named(filled: Filled) -> None:
    for route in SCOPED:
        needed = NEEDED.get(route, {})
        expected = ask(filled, route, needed)
        assert [ask(filled, route, needed | {"scope": scope}) for scope in ("all", "ALL")] == [expected] * 2


def test_health_and_the_document_ask_nobody() -> None:
    assert conforms("health", respond(never, "health", {}, {})) == {"status": "ok"}
    assert conforms("openapi", respond(never, "openapi", {}, {}))["openapi"] == "3.1.0"


def test_a_diagnosis_is_of_what_is_asked_in_any_case(filled: Filled) -> None:
    (first, *_) = ask(filled, "plan", {"scope": PROD.id, "target": "100"})["steps"]
    query = {"scope": PROD.id, "recommendation": first["recommendations"][0], "resource": first["resources"][0]}
    asked = ask(filled, "diagnosis", query | {"figure": "61.19"})["asked"]
    assert asked == {
        "recommendation": query["recommendation"].lower(),
        "resource": query["resource"].lower(),
        "figure": 61.19,
    }
    assert ask(filled, "diagnosis", query) == ask(filled, "diagnosis", {k: v.upper() for k, v in query.items()})


def test_a_plan_is_by_effort_unless_it_is_to_be_by_risk(filled: Filled) -> None:
    query = {"scope": "all", "target": "100"}
    for order in ({}, {"by": "effort"}):
        assert ask(filled, "plan", query | order)["by"] == "effort"
    assert ask(filled, "plan", query | {"by": "risk"})["by"] == "risk"
    assert ask(filled, "plan", query | {"effort": "low"})["highest"] <= ask(filled, "plan", query)["highest"]


def test_times_with_any_offset_mean_the_same(filled: Filled) -> None:
    expected = ask(filled, "deltas", {"from": "2026-03-09T06:00:00Z", "to": "2026-03-30T06:00:00Z"})
    assert len(expected["value"]) == 6
    same = {"from": "2026-03-09T08:00:00.0000000+02:00", "to": "2026-03-30T01:30:00-04:30"}
    assert ask(filled, "deltas", same) == expected


def test_a_window_may_begin_before_there_was_time(filled: Filled) -> None:
    every = ask(filled, "deltas")
    assert ask(filled, "deltas", {"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59Z"}) == every
    assert ask(filled, "deltas", {"to": "0001-01-01T00:00:00Z"}) == {"value": []}
    assert ask(filled, "explain", {"from": "0001-01-01T00:00:00Z", "to": "0001-01-02T00:00:00Z"}, 404)["status"] == 404


def test_the_key_may_come_in_the_query(filled: Filled) -> None:
    assert ask(filled, "deltas", {"code": "any"}) == ask(filled, "deltas")
    assert respond(never, "health", {}, {"code": "any"}).status == 200


# What is asked wrongly

WRONG = [
    ("deltas", "kind", "fixed", "one of the kinds"),
    ("deltas", "kind", "Remediation", "one of the kinds"),
    ("deltas", "min", "-0.1", "from 0 to 100"),
    ("deltas", "min", "nan", "from 0 to 100"),
    ("deltas", "min", "inf", "from 0 to 100"),
    ("deltas", "min", "1_0", "from 0 to 100"),
    ("deltas", "min", "1 or true", "from 0 to 100"),
    ("deltas", "limit", "0", "from 1 to 1000"),
    ("deltas", "limit", "1001", "from 1 to 1000"),
    ("deltas", "limit", "ten", "from 1 to 1000"),
    ("deltas", "limit", "١", "from 1 to 1000"),
    ("scores", "limit", "", "from 1 to 1000"),
    ("explain", "by", "Owner", "one of owner, resourceGroup, resource, control"),
    ("explain", "from", "2026-03-02", "ISO 8601"),
    ("explain", "from", "2026-03-02T06:00:00", "has no offset: add Z"),
    ("explain", "from", "2026-03-02T06:00:00 01:00", "write + as %2B"),
    ("explain", "to", "2026-02-30T06:00:00Z", "no time of the calendar"),
    ("explain", "to", "yesterday", "ISO 8601"),
    ("explain", "to", "2026-03-02T06:00:00Z\n", "ISO 8601"),
    ("diagnosis", "recommendation", "Encrypt disks", "the key of a recommendation"),
    ("diagnosis", "recommendation", "00000000-0000-0000-0000-00000000000١", "the key of a recommendation"),
    ("diagnosis", "resource", "vm1", "the id of a resource"),
    ("diagnosis", "resource", "/subscriptions/", "the id of a resource"),
    ("diagnosis", "resource", "/subscriptions/a\nb", "the id of a resource"),
    ("diagnosis", "figure", "61,19", "a percentage from 0 to 100"),
    ("diagnosis", "figure", "100.01", "a percentage from 0 to 100"),
    ("diagnosis", "from", "last week", "ISO 8601"),
    ("plan", "target", "all", "a percentage from 0 to 100"),
    ("plan", "target", "", "a percentage from 0 to 100"),
    ("plan", "effort", "Low", "one of low, moderate, high"),
    ("plan", "by", "owner", "one of effort, risk"),
    ("pending", "scope", "", "the name of a group"),
    ("pending", "scope", "tag:environment=prod", "the name of a group"),
    ("pending", "scope", "all' or '1' eq '1", "the name of a group"),
    ("pending", "scope", "all\n", "the name of a group"),
    ("pending", "scope", "a/b", "the name of a group"),
    ("changes", "continuation", "../../", "not one that an answer gave"),
    ("changes", "continuation", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "not one that an answer to this question gave"),
    ("changes", "continuation", "AAAAAAAAAAAAA", "not one that an answer to this question gave"),
]


@pytest.mark.parametrize(("route", "parameter", "text", "why"), WRONG)
def test_a_malformed_parameter_is_named_with_what_it_must_be(route: str, parameter: str, text: str, why: str) -> None:
    found = conforms(route, respond(never, route, {}, {parameter: text}))
    assert (found["status"], found["parameter"]) == (400, parameter)
    assert f"`{parameter}`" in found["detail"]
    assert why in found["detail"]


def test_a_plan_needs_a_target() -> None:
    found = conforms("plan", respond(never, "plan", {}, {"effort": "low"}))
    assert (found["status"], found["parameter"], found["detail"]) == (400, "target", "`target` is needed")


@pytest.mark.parametrize("route", [*ROUTES, "openapi"])
def test_a_parameter_that_a_route_does_not_have_is_named(route: str) -> None:
    allowed = ROUTES[route].query if route in ROUTES else {}
    for name in {*PARAMETERS, "Scope", "$filter", "<script>alert(1)</script>\n\u202e"} - set(allowed):
        found = conforms(route, respond(never, route, {"id": "all.1"}, {name: "all"}))
        assert found["status"] == 400
        assert found["parameter"][:8] == name[:8]
        assert found["detail"].isprintable()


def test_a_window_must_not_end_before_it_begins() -> None:
    for begin, end in (
        ("2026-03-03T00:00:00Z", "2026-03-02T00:00:00Z"),
        ("2026-03-03T00:00:00Z", "2026-03-03T02:00:00+02:00"),
    ):
        found = conforms("scores", respond(never, "scores", {}, {"from": begin, "to": end}))
        assert (found["status"], found["parameter"]) == (400, "from")


@pytest.mark.parametrize("scope", ["nobody", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_scope_is_not_found(filled: Filled, scope: str) -> None:
    for route in SCOPED:
        found = ask(filled, route, {"scope": scope} | NEEDED.get(route, {}), 404)
        assert found["type"].endswith(":unknown-scope")


@pytest.mark.parametrize("identity", ["", "all.1", "nobody.1", "all", "' or '1' eq '1", "../all.1"])
def test_an_unknown_movement_is_not_found(filled: Filled, identity: str) -> None:
    assert ask(filled, "delta", status=404, id=identity)["type"].endswith(":unknown-delta")


def test_a_time_before_the_scope_was_watched_is_not_found(filled: Filled) -> None:
    query = {"scope": DEV.id, "to": "2026-03-03T00:00:00Z"}
    for route in ("explain", "scores"):
        found = ask(filled, route, query, 404)
        assert found["type"].endswith(":nothing-known")
        assert "watched since 2026-03-04T18:00:00Z" in found["detail"]


def test_a_route_that_is_none_is_not_found() -> None:
    assert respond(never, "secrets", {}, {}).status == 404


@pytest.mark.parametrize("error", [ServiceError, Refused])
def test_storage_that_does_not_answer_is_said_so_without_telling_more(error: type[ServiceError]) -> None:
    def down() -> History:
        raise error("query drift: storage answered 503 at account1.table.core.windows.net")

    for route in ROUTES:
        answer = respond(down, route, {"id": "all.1"}, NEEDED.get(route, {}))
        found = conforms(route, answer)
        assert found["status"] == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "account1" not in answer.body.decode()


# Lists


@pytest.mark.parametrize("route", LISTS)
def test_a_list_is_walked_through_with_its_continuation(filled: Filled, route: str) -> None:
    query = {"scope": "PROD", "from": "2026-03-05T00:00:00Z"}
    whole = ask(filled, route, query)["value"]
    assert len(whole) > 5
    found: list[Any] = []
    more: dict[str, str] = {"limit": "2"}
    while True:
        page = ask(filled, route, query | more)
        found += page["value"]
        if "continuation" not in page:
            break
        more = {"limit": "3", "continuation": page["continuation"]}
    assert found == whole


@pytest.mark.parametrize("route", LISTS)
def test_a_continuation_is_for_the_question_it_came_with(filled: Filled, route: str) -> None:
    query = {"scope": "all", "from": "2026-03-05T00:00:00Z", "limit": "1"}
    token = {"continuation": ask(filled, route, query)["continuation"]}
    assert ask(filled, route, query | token | {"code": "key", "limit": "5", "scope": "ALL"})["value"]
    for other in ({"scope": "prod"}, {"from": "2026-03-06T00:00:00Z"}, {"to": "2026-04-01T00:00:00Z"}):
        assert ask(filled, route, query | token | other, 400)["parameter"] == "continuation"
    for another in set(LISTS) - {route}:
        assert ask(filled, another, query | token, 400)["parameter"] == "continuation"
    sealed = token["continuation"]
    forged = {"continuation": ("B" if sealed[0] == "A" else "A") + sealed[1:]}
    assert ask(filled, route, query | forged, 400)["parameter"] == "continuation"


# Text of others


def test_hostile_names_come_out_as_text_of_json(storage: str, tmp_path: Path) -> None:
    name = '</script><script>alert("x")</script>\u202e\x00[a](https://evil.example)'
    marks = {("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy"}
    before = estate(controls={"c": (10, ["a"])}, marks=marks)
    after = before.but(marks={("vm1", "a"): mark("Healthy", at(3))})
    folders = []
    for number, one in enumerate((before, after)):
        one["subscriptions.json"]["value"][0]["displayName"] = name
        folders.append(write(one, tmp_path / str(number)))
    filled = fill(storage, folders, "")
    filled.store.record(happening(1, filled.times[1], SUB, actor=name, detail={"status": name}))
    with served(lambda: filled.history) as address:
        for path, scope in ((path, scope) for path in SCOPED for scope in ("all", SUB)):
            window = {"from": iso(filled.times[0] - HOUR)} if "from" in ROUTES[path].query else {}
            window |= NEEDED.get(path, {})
            query = urlencode({"scope": scope} | window)
            answer = requests.get(f"{address}/api/{path}?{query}", timeout=10)
            assert answer.status_code == 200
            assert answer.headers["Content-Type"] == "application/json"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.json() == json.loads(answer.content)
    shown = ask(filled, "deltas", {"scope": SUB})["value"][0]
    assert shown["name"].isprintable()
    assert shown["causes"][0]["subscription"].isprintable()
    assert ask(filled, "changes", {"scope": SUB})["value"][0]["actor"] == name


def test_the_key_is_asked_for_everywhere_but_at_health(filled: Filled) -> None:
    with served(lambda: filled.history, key="secret") as address:
        paths = [path.replace("{id}", "all.1") for path in PATHS.values()]
        answers = {path: requests.get(f"{address}/api{path}", timeout=10).status_code for path in paths}
        assert {path for path, status in answers.items() if status != 401} == {"/health"}
        assert requests.get(f"{address}/api/deltas?code=secret&scope={PROD.id}", timeout=10).status_code == 200

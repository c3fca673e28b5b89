"""The OpenAPI document is valid, and says what runs."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi import checks

from drift.engine.where import BY
from drift.kinds import Kind
from drift.web.api import ROUTES
from drift.web.openapi import document
from drift.web.parameters import ORDERS, of
from drift.web.planned import planned
from drift.web.standing import standing
from tests.filled import Filled
from tests.web.serving import served

ROOT = Path(__file__).parent.parent.parent
SCHEMA = schemathesis.openapi.from_dict(json.loads(json.dumps(document())))
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
EXAMPLES = 8


@pytest.fixture(scope="module")
def address(filled: Filled) -> Iterator[str]:
    with served(lambda: filled.history) as found:
        yield found + "/api"


def test_the_document_is_valid() -> None:
    OpenAPIV31SpecValidator(json.loads(json.dumps(document()))).validate()


def test_it_is_served(address: str) -> None:
    assert requests.get(f"{address}/openapi.json", timeout=10).json() == json.loads(json.dumps(document()))


def test_every_path_is_a_route_of_the_app() -> None:
    app = ast.parse((ROOT / "function_app.py").read_text(encoding="utf-8"))
    routes = {
        node.args[0].value
        for node in ast.walk(app)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "route"
        if isinstance(node.args[0], ast.Constant)
    }
    assert {path.removeprefix("/") for path in document()["paths"]} <= routes


def test_only_what_tells_nothing_is_for_anyone() -> None:
    operations = {path: own["get"] for path, own in document()["paths"].items()}
    assert [path for path, own in operations.items() if own.get("security") == []] == ["/health", "/page"]
    assert all("401" in own["responses"] for own in operations.values() if own.get("security") != [])


def test_parameters_are_those_that_are_read() -> None:
    known = document()["components"]["parameters"]
    for name, route in ROUTES.items():
        shown = document()["paths"][route.path]["get"].get("parameters", [])
        names = [one["$ref"].rpartition("/")[2] for one in shown if "$ref" in one]
        assert names == [of(name, one).argument for one in route.query]
        assert [known[one]["name"] for one in names] == list(route.query)


def test_a_name_means_on_a_route_what_that_reads(address: str) -> None:
    known = document()["components"]["parameters"]
    assert known["by"]["schema"]["enum"] == list(BY)
    assert known["order"]["schema"]["enum"] == list(ORDERS)
    for order in ORDERS:
        assert requests.get(f"{address}/plan?target=90&by={order}", timeout=10).json()["by"] == order


def test_what_can_be_chosen_is_what_there_is() -> None:
    whole = document()["components"]
    assert whole["schemas"]["Kind"]["enum"] == [kind.value for kind in Kind]
    assert whole["parameters"]["by"]["schema"]["enum"] == list(BY)


def test_no_shape_takes_the_name_of_another() -> None:
    explanation = json.loads((ROOT / "drift" / "explanation.schema.json").read_text(encoding="utf-8"))
    taken = {name[0].upper() + name[1:] for name in explanation["$defs"]}
    assert taken.isdisjoint(standing() | planned())
    assert standing().keys().isdisjoint(planned())


def test_every_reference_leads_somewhere() -> None:
    def references(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            yield from (value for key, value in part.items() if key == "$ref")
            for value in part.values():
                yield from references(value)
        elif isinstance(part, list):
            for value in part:
                yield from references(value)

    whole = document()
    for target in set(references(whole)):
        place: Any = whole
        for step in target.removeprefix("#/").split("/"):
            place = place[step]


@pytest.mark.parametrize("path", document()["paths"])
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
def test_what_is_answered_is_what_the_document_says(address: str, path: str, mode: GenerationMode) -> None:
    operation = SCHEMA[path]["GET"]
    if mode is GenerationMode.NEGATIVE and not any(operation.iter_parameters()):
        pytest.skip("there is nothing to get wrong")

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        response = case.call_and_validate(base_url=address, checks=CHECKS)
        if (
            mode is GenerationMode.POSITIVE and response.status_code == 400
        ):  # what no schema says: how they fit together
            assert response.json()["parameter"] in ("continuation", "from", "to")

    ask()

"""The filters of event subscriptions let through what the app reads, and as little else as they can."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from drift.adapters import operations
from tests.infra.bicep import INFRA, Body, Expression, File, deep, files, parsed, read, strings

READ = re.compile(
    r"microsoft\.(resources\.resource(write|delete|action)(success|failure|cancel)"
    r"|policyinsights\.policystate(created|changed|deleted))"
)
"""The types of events that the app reads."""

NEEDED = {f"microsoft.resources.resource{verb}success" for verb in ("write", "delete", "action")}
RESOURCES = (
    "microsoft.storage/storageaccounts/write",
    "microsoft.compute/virtualmachines/delete",
    "microsoft.insights/diagnosticsettings/write",
)
OURS = [
    f"{path}/{'action' if path.endswith(('register', 'moveresources')) else 'write'}" for path in operations._OURS
] + ["microsoft.resources/subscriptions/resourcegroups/delete", *RESOURCES]
"""An operation of every kind that moves a score."""


def filters(file: File) -> Iterator[tuple[set[str], list[Body]]]:
    """Of each event subscription, in a policy's template too, its types of events in lower case and its filters."""
    values = [*file.variables.values(), *(one.body for one in file.resources)]
    for body in (body for value in values for body in deep(value)):
        kinds = _literal(body.get("includedEventTypes"), file)
        if kinds is not None:
            own = _literal(body.get("advancedFilters"), file) or []
            yield {kind.lower() for kind in strings(kinds)}, [one for one in own if isinstance(one, Body)]


def _literal(value: Any, file: File) -> Any:
    if isinstance(value, Expression):
        value = file.variables.get(value.text)
    if isinstance(value, Expression) and (loaded := re.fullmatch(r"loadJsonContent\('([\w.]+)'\)", value.text)):
        return json.loads((file.path.parent / loaded[1]).read_text(encoding="utf-8"))
    return value


def passes(own: list[Body], operation: str, file: File) -> bool:
    """Whether an operation passes filters, as Event Grid does: any of the values, all of the filters, any case."""
    return all(_passes(one, operation, file) for one in own if one.get("key") == "data.operationName")


def _passes(one: Body, operation: str, file: File) -> bool:
    values = [value.lower() for value in strings(_literal(one.get("values"), file))]
    kind = str(one.get("operatorType")).lower()
    found = {
        "in": any(operation == value for value in values),
        "contains": any(value in operation for value in values),
        "beginswith": any(operation.startswith(value) for value in values),
        "endswith": any(operation.endswith(value) for value in values),
    }
    name = kind.removeprefix("string").removeprefix("not")
    return found[name] != kind.startswith("stringnot")


def wrong(file: File) -> list[str]:
    """What a file's filters let through that nobody reads, and hold back that moves a score."""
    every = list(filters(file))
    found: list[str] = []
    for kinds, own in every:
        found += [f"{kind} is not read" for kind in sorted(kinds) if not READ.fullmatch(kind)]
        if len(own) > 25 or sum(len(list(strings(_literal(one.get("values"), file)))) for one in own) > 25:
            found.append("there are more than 25 filters, or values of them together")
    changes = [(kinds, own) for kinds, own in every if kinds & NEEDED]
    seen = {kind for kinds, _ in changes for kind in kinds}
    found += [f"{kind} does not come" for kind in sorted(NEEDED - seen)]
    held = [one for one in OURS if not any(passes(own, one, file) for _, own in changes)]
    return found + [f"{operation} is held back" for operation in held]


def test_there_are_filters_for_one_subscription_and_for_the_estate():
    assert {path.name for path in files() if list(filters(read(path)))} == {"events.bicep", "estate.bicep"}


@pytest.mark.parametrize("name", ["events.bicep", "estate.bicep"])
def test_what_moves_a_score_comes_and_what_nobody_reads_does_not(name):
    assert wrong(read(INFRA / name)) == []


SOUND = """
var kinds = ['Microsoft.Resources.ResourceWriteSuccess', 'Microsoft.Resources.ResourceDeleteSuccess'
  'Microsoft.Resources.ResourceActionSuccess']
resource e 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  name: 'e'
  properties: { filter: { includedEventTypes: kinds, advancedFilters: [
    {
      operatorType: 'StringNotBeginsWith'
      key: 'data.operationName'
      values: ['Microsoft.Advisor/', 'Microsoft.Support/']
    }
  ] } }
}
"""


def test_what_is_held_back_as_noise_is_noise_to_the_app():
    for prefix in json.loads((INFRA / "noise.json").read_text(encoding="utf-8")):
        for verb in ("write", "delete"):
            assert operations.category(f"{prefix}x/{verb}", verb) is None, prefix


def test_filters_that_are_sound_are_let_pass():
    assert wrong(parsed(SOUND)) == []


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("'Microsoft.Resources.ResourceActionSuccess'", "", "resourceactionsuccess does not come"),
        ("ResourceActionSuccess", "ResourceActionSucces", "resourceactionsucces is not read"),
        ("'Microsoft.Support/'", "'Microsoft.Security/'", "microsoft.security/pricings/write is held back"),
        ("StringNotBeginsWith", "StringBeginsWith", "microsoft.storage/storageaccounts/write is held back"),
        ("'Microsoft.Support/'", ", ".join(f"'a{number}'" for number in range(25)), "more than 25"),
    ],
)
def test_a_filter_that_holds_back_or_lets_through_would_be_found(was, becomes, said):
    assert was in SOUND
    assert any(said in one for one in wrong(parsed(SOUND.replace(was, becomes, 1))))

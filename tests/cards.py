"""Strict checks of cards: the published schema, and Teams' typed models without their leniency for misspelt fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft6Validator, ValidationError
from markdown_it import MarkdownIt
from microsoft_teams.cards import core
from pydantic import BaseModel
from pydantic import ValidationError as Refused

_MODELS: dict[str, type[BaseModel]] = {
    field.default: model
    for model in vars(core).values()
    if isinstance(model, type)
    and issubclass(model, BaseModel)
    and (field := model.model_fields.get("type")) is not None
    and isinstance(field.default, str)
}
_PARTS: dict[str, type[BaseModel]] = {
    "columns": core.ColumnDefinition,
    "Chart.HorizontalBar.data": core.HorizontalBarChartDataValue,
    "Chart.Line.data": core.LineChartData,
    "values": core.LineChartValue,
    "msteams": core.TeamsCardProperties,
}
"""Objects without a `type`, by the field that holds them, where needed with the type that has it."""


def faults(content: dict[str, Any]) -> list[str]:
    """What is wrong with a card, by path: unknown types and fields, wrong values, an id used twice."""
    found = list(_faults(content, "$", None))
    ids = [element["id"] for element in objects(content) if "id" in element]
    return found + [f"id {one!r} twice" for one in {one for one in ids if ids.count(one) > 1}]


def _faults(value: Any, path: str, part: str | None) -> Iterator[str]:
    if isinstance(value, list):
        for at, one in enumerate(value):
            yield from _faults(one, f"{path}[{at}]", part)
    if not isinstance(value, dict):
        return
    model = _MODELS.get(value["type"]) if "type" in value else _PARTS.get(part or "")
    if model is None:
        yield f"{path}: no model for {value.get('type', part)!r}"
        return
    try:
        extra = model.model_validate(value).model_extra or {}
    except Refused as error:
        yield f"{path}: {error.errors()[0]['msg']}"
        return
    yield from (f"{path}: unknown field {name!r}" for name in extra if name != "$schema")
    for name, one in value.items():
        own = f"{value.get('type')}.{name}"
        yield from _faults(one, f"{path}.{name}", own if own in _PARTS else name)


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a card, outermost first."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for one in value if isinstance(value, list) else ():
        yield from objects(one)


def of_type(content: dict[str, Any], *types: str) -> list[dict[str, Any]]:
    """The elements of these types, in order."""
    return [one for one in objects(content) if one.get("type") in types]


def words(element: dict[str, Any]) -> str:
    """What a TextBlock or a RichTextBlock says."""
    return element["text"] if element["type"] == "TextBlock" else "".join(run["text"] for run in element["inlines"])


def columns(table: dict[str, Any]) -> list[list[str]]:
    """A table by column: what stands in each cell, the first line of it."""
    rows = [[words(cell["items"][0]) if cell["items"] else "" for cell in row["cells"]] for row in table["rows"]]
    return [list(column) for column in zip(*rows, strict=True)]


def scopes(card: dict[str, Any]) -> list[tuple[str, str]]:
    """The rows of a card's table of scopes: the name, and from what to what, which stands under it."""
    found = []
    for table in of_type(card, "Table"):
        if columns(table)[0][0] == "Scope":
            cells = [row["cells"][0]["items"] for row in table["rows"][1:]]
            found += [(words(name), words(under).partition(" · ")[0]) for name, under in cells]
    return found


def markup(text: str) -> list[str]:
    """What a client that knows all of markdown would make of a text, beside letters."""
    tokens = MarkdownIt("commonmark").enable(["linkify", "strikethrough"], True).parse(text)
    plain = {"paragraph_open", "paragraph_close", "inline"}
    inner = [child for token in tokens for child in token.children or ()]
    return [token.type for token in tokens if token.type not in plain] + [
        child.type for child in inner if child.type != "text"
    ]


def number(shown: str) -> float:
    """A figure as it is shown, without its unit."""
    return float(shown.removesuffix(" pp").replace("−", "-").replace("±", "").replace(",", ""))


# The published schema


@cache
def _schema() -> Draft6Validator:
    """Adaptive Cards 1.5, as Microsoft publishes it at adaptivecards.io/schemas/1.5.0/adaptive-card.json."""
    text = (files("adaptive_cards") / "schemas" / "schema-1.5.json").read_text(encoding="utf-8")
    return Draft6Validator(json.loads(text))


def against_schema(content: dict[str, Any]) -> list[str]:
    """What the published schema says against a card, as a client without charts reads it, by path."""
    shown = _without_charts(content)
    del shown["msteams"]  # Teams' own, which the schema does not know
    return [_deepest(error) for error in _schema().iter_errors(shown)]


def _deepest(error: ValidationError) -> str:
    """Of an error that is one in each of many alternatives, what is wrong innermost."""
    found = [error]
    for one in found:
        found += one.context or ()
    inner = max(found, key=lambda one: len(one.absolute_path))
    return f"{inner.json_path}: {inner.message[:120]}"


def _without_charts(value: Any) -> Any:
    """A card with the fallback of each chart in its place; the header of tables spelt as in the schema.

    There it is `firstRowAsHeader`, and in all clients and Teams' own models `firstRowAsHeaders`.
    """
    if isinstance(value, dict):
        spelt = {"firstRowAsHeaders": "firstRowAsHeader"}
        return {spelt.get(name, name): _without_charts(one) for name, one in value.items()}
    if not isinstance(value, list):
        return value
    found = [_fallback(one) for one in value]
    return [_without_charts(one) for one in found if one != "drop"]


def _fallback(one: Any) -> Any:
    is_chart = isinstance(one, dict) and str(one.get("type")).startswith("Chart.")
    return one["fallback"] if is_chart else one

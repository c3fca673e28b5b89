"""Bicep files as values: what is declared, and what is said literally. What is computed stays text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

ROOT = Path(__file__).parent.parent.parent
INFRA = ROOT / "infra"

UNWANTED = {
    "import_functionality": "an import",
    "user_defined_function": "a function of its own",
    "type_declaration": "a type of its own",
    "array_type": "a typed array, which checkov can't read",
    "nullable_type": "a nullable type, which checkov can't read",
    "union_type": "a union type, which checkov can't read",
}
"""What the checks could not see through, by its node."""


@dataclass(frozen=True, slots=True)
class Expression:
    """What is computed at deployment."""

    text: str


@dataclass(frozen=True, slots=True)
class Either:
    """One of these values, or all of them merged: `a ? b : c`, `union(b, c)`, `concat(b, c)`."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Body:
    """An object: its properties, and the line of each."""

    properties: dict[str, Any]
    lines: dict[str, int]

    def get(self, *path: str) -> Any:
        """What is at a path; None where there is nothing."""
        found: Any = self
        for name in path:
            found = found.properties.get(name) if isinstance(found, Body) else None
        return found


@dataclass(frozen=True, slots=True)
class Declared:
    """A resource, or a module. `kind` is the resource's whole type, or the module's path."""

    name: str
    kind: str
    version: str
    body: Body
    existing: bool
    line: int
    over: Any = None
    """Of a loop, what it goes over, and the name that its element has."""
    element: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """What a file declares. Variables and outputs by name."""

    path: Path
    text: str
    target: str
    parameters: dict[str, bool]
    """By name, whether there is a default."""
    described: frozenset[str]
    """The parameters that have a description."""
    secure: frozenset[str]
    variables: dict[str, Any]
    outputs: dict[str, Any]
    resources: tuple[Declared, ...]
    modules: tuple[Declared, ...]
    faults: tuple[str, ...]
    identifiers: tuple[str, ...]
    """All identifiers that are read, each as often as it is."""


def files() -> list[Path]:
    """The templates."""
    return sorted(INFRA.rglob("*.bicep"))


@cache
def read(path: Path) -> File:
    """A file of infra/."""
    return parsed(path.read_text(encoding="utf-8"), path)


def parsed(text: str, path: Path = Path("a.bicep")) -> File:
    """What a text declares; what is wrong with its syntax is in `faults`."""
    root = Parser(Language(tree_sitter_bicep.language())).parse(text.encode()).root_node
    parameters: dict[str, bool] = {}
    described, secure = set(), set()
    variables: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    resources: list[Declared] = []
    modules: list[Declared] = []
    decorators: list[str] = []
    target = "resourceGroup"
    for node in root.named_children:
        if node.type == "decorators":
            decorators += [_text(one) for one in node.named_children]
            continue
        name = _text(node.named_children[0]) if node.named_children else ""
        match node.type:
            case "target_scope_assignment":
                target = _text(node.named_children[-1]).strip("'")
            case "parameter_declaration":
                parameters[name] = any(child.type == "=" for child in node.children)
                described |= {name} if any("description(" in one for one in decorators) else set()
                secure |= {name} if any("secure(" in one for one in decorators) else set()
            case "variable_declaration":
                variables[name] = _value(node.named_children[-1])
            case "output_declaration":
                outputs[name] = _value(node.named_children[-1])
            case "resource_declaration":
                resources.append(_declared(node))
            case "module_declaration":
                modules.append(_declared(node))
        if node.type != "comment":
            decorators.clear()
    nodes = list(_all(root))
    return File(
        path,
        text,
        target,
        parameters,
        frozenset(described),
        frozenset(secure),
        variables,
        outputs,
        tuple(resources),
        tuple(modules),
        tuple(_faults(nodes)),
        tuple(_text(one) for one in nodes if one.type == "identifier" and not _names(one)),
    )


def deep(value: Any) -> Iterator[Body]:
    """All objects in a value, itself included."""
    match value:
        case Body():
            yield value
            for one in value.properties.values():
                yield from deep(one)
        case Either():
            for one in value.values:
                yield from deep(one)
        case list():
            for one in value:
                yield from deep(one)


def names(one: Declared, file: File) -> set[str]:
    """The names of a resource, of all elements of its loop; raises where they are computed."""
    name = one.body.get("name")
    if isinstance(name, Expression):
        over = one.over if name.text == one.element else name
        name = file.variables.get(over.text) if isinstance(over, Expression) else over
    found = set(strings(name))
    assert found, f"{file.path.name}: line {one.line}: the name of {one.name} is computed"
    return found


def strings(value: Any) -> Iterator[str]:
    """All literal strings in a value, without the names of properties."""
    match value:
        case str():
            yield value
        case Body():
            for one in value.properties.values():
                yield from strings(one)
        case Either():
            for one in value.values:
                yield from strings(one)
        case list():
            for one in value:
                yield from strings(one)


def _declared(node: Node) -> Declared:
    kind, _, version = next(_text(one)[1:-1] for one in node.named_children if one.type == "string").partition("@")
    given, over, element = node.named_children[-1], None, ""
    if given.type == "for_statement":
        source = [child for child in given.named_children if child.type != "comment"]
        over, element = _value(source[-2]), _text(source[0])
    body = _value(given)
    while isinstance(body, list):
        body = body[0] if body else None
    if not isinstance(body, Body):  # it could not be read, which the faults tell
        body = Body({}, {})
    existing = any(_text(one) == "existing" for one in node.children)
    return Declared(
        _text(node.named_children[0]), kind, version, body, existing, node.start_point[0] + 1, over, element
    )


def _value(node: Node) -> Any:
    inner = [child for child in node.named_children if child.type != "comment"]
    match node.type:
        case "object":
            pairs = [child for child in inner if child.type == "object_property"]
            keys = [_text(pair.named_children[0]).strip("'") for pair in pairs]
            lines = {key: pair.start_point[0] + 1 for key, pair in zip(keys, pairs, strict=True)}
            return Body({key: _value(pair.named_children[-1]) for key, pair in zip(keys, pairs, strict=True)}, lines)
        case "array":
            return [_value(child) for child in inner]
        case "string" if not any(child.type == "interpolation" for child in inner):
            return _text(node)[1:-1] if not _text(node).startswith("'''") else _text(node)[3:-3]
        case "boolean":
            return _text(node) == "true"
        case "number":
            return int(_text(node))
        case "null":
            return None
        case "for_statement":
            return [_value(inner[-1])]
        case "if_statement":
            return _value(inner[-1])
        case "parenthesized_expression" if len(inner) == 1:
            return _value(inner[0])
        case "ternary_expression":
            return Either((_value(inner[-2]), _value(inner[-1])))
        case "call_expression" if _text(inner[0]) in ("union", "concat", "shallowMerge", "flatten"):
            return Either(tuple(_value(one) for one in inner[1].named_children))
    return Expression(_text(node))


def _faults(nodes: list[Node]) -> Iterator[str]:
    for node in nodes:
        line = node.start_point[0] + 1
        if node.type == "ERROR" or node.is_missing:
            yield f"line {line}: can't be read: {_text(node)[:60]!r}"
        elif node.type == "!" and node.parent is not None and node.parent.type != "unary_expression":
            yield f"line {line}: has an assertion that something is not null"
        elif node.type in UNWANTED:
            yield f"line {line}: has {UNWANTED[node.type]}"
        elif node.type == "resource_declaration" and node.parent is not None and node.parent.type != "infrastructure":
            yield f"line {line}: has a resource in another: write it beside, with `parent:`"


def _all(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _all(child)


def _names(node: Node) -> bool:
    """Whether an identifier is where something gets its name."""
    parent = node.parent
    named = parent is not None and parent.type.endswith(("declaration", "object_property"))
    return named and parent.named_children[0] == node


def _text(node: Node) -> str:
    assert node.text is not None
    return node.text.decode()

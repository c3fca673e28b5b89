"""The pieces that shapes of answers are made of: JSON Schema."""

from __future__ import annotations

from drift.model import Json

PLACE = "#/components/schemas/"


def ref(name: str) -> Json:
    """Where a schema is."""
    return {"$ref": PLACE + name}


def listing(item: str, *, more: bool) -> Json:
    """A list of components; `more`: it goes on elsewhere."""
    token = {"type": "string", "description": "Where the list goes on; left out at its end."}
    return record({"value": {"type": "array", "items": ref(item)}}, {"continuation": token} if more else {})


def record(required: Json, optional: Json | None = None, description: str | None = None) -> Json:
    """An object with these properties, and none else."""
    found: Json = {"type": "object", "additionalProperties": False, "required": list(required)}
    found["properties"] = required | (optional or {})
    return found if description is None else found | {"description": description}


def text(description: str) -> Json:
    """Text."""
    return {"type": "string", "description": description}


def number(description: str) -> Json:
    """A number."""
    return {"type": "number", "description": description}


def natural(description: str) -> Json:
    """A whole number, 0 or more."""
    return {"type": "integer", "minimum": 0, "description": description}


def nullable(kind: str, description: str) -> Json:
    """A value of a type, or null."""
    return {"type": [kind, "null"], "description": description}


def time(description: str) -> Json:
    """A time, or null."""
    return {"description": description, "anyOf": [ref("Time"), {"type": "null"}]}


def percentage(description: str) -> Json:
    """A percentage, or null."""
    return nullable("number", description) | {"minimum": 0, "maximum": 100}


def classes() -> Json:
    """Shares by class."""
    return {"type": "object", "additionalProperties": {"type": "number"}, "description": "Shares by class, in pp."}


def truth(description: str) -> Json:
    """Yes or no."""
    return {"type": "boolean", "description": description}


def array(item: Json, description: str | None = None) -> Json:
    """A list of something."""
    found: Json = {"type": "array", "items": item}
    return found if description is None else found | {"description": description}


def optional(shape: Json, description: str) -> Json:
    """Something, or null."""
    return {"description": description, "anyOf": [shape, {"type": "null"}]}

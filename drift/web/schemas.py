"""The shapes of all answers, as JSON Schema: components of the OpenAPI document."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, get_args

import msgspec

from drift.engine.where import BY
from drift.model import Category, Json
from drift.web.problems import TYPES, urn

_PLACE = "#/components/schemas/"


def schemas() -> dict[str, Json]:
    """By name; an explanation is the schema that `drift schema` prints, with its parts as components."""
    explanation: Json = msgspec.json.decode(files("drift").joinpath("explanation.schema.json").read_bytes(), type=Json)
    parts: Json = {_named(name): _moved(part) for name, part in explanation.pop("$defs").items()}
    explanation.pop("$schema")
    whole: Json = _moved(explanation)
    return {**parts, "Explanation": whole, **_variants(whole), **_lists(parts), **_own()}


def ref(name: str) -> Json:
    """Where a schema is."""
    return {"$ref": _PLACE + name}


def _named(name: str) -> str:
    return name[0].upper() + name[1:]


def _moved(part: Any) -> Any:
    """The same with its references to where they are in the document."""
    if isinstance(part, list):
        return [_moved(one) for one in part]
    if not isinstance(part, dict):
        return part
    found = {key: _moved(value) for key, value in part.items()}
    if isinstance(target := part.get("$ref"), str):
        found["$ref"] = _PLACE + ("Explanation" if target == "#" else _named(target.rpartition("/")[2]))
    return found


def _variants(whole: Json) -> dict[str, Json]:
    """An explanation of one movement, and of a window."""
    delta = whole | {"title": "One movement whole", "required": [*whole["required"], "id"]}
    delta["properties"] = whole["properties"] | {"id": ref("DeltaId")}
    window = whole | {"title": "One explanation for a window: the sum of its movements"}
    parts = {"description": "The movement divided as `by` asks.", "type": "array", "items": ref("Part")}
    window["properties"] = whole["properties"] | {"parts": parts}
    return {"Delta": delta, "Window": window}


def _lists(parts: dict[str, Json]) -> dict[str, Json]:
    cause, pending = parts["Cause"], parts["Pending"]
    short = cause | {"description": "A cause, with the first records of it."}
    short["required"] = [name for name in cause["required"] if name != "controls"]
    short["properties"] = {name: one for name, one in cause["properties"].items() if name != "controls"}
    due = pending | {"required": [*pending["required"], "settled"]}
    due["properties"] = pending["properties"] | {"settled": {"const": False, "description": "It is still to come."}}
    names = {"Deltas": "Movement", "Scores": "ScoreAt", "Changes": "Happening"}
    return {
        "ShortCause": short,
        "PendingCause": due,
        **{name: _list(item, more=True) for name, item in names.items()},
        "PendingList": _list("PendingCause", more=False),
    }


def _list(item: str, *, more: bool) -> Json:
    token = {"type": "string", "description": "Where the list goes on; left out at its end."}
    return _object({"value": {"type": "array", "items": ref(item)}}, {"continuation": token} if more else {})


def _own() -> dict[str, Json]:
    return {
        "DeltaId": {"type": "string", "pattern": "^[A-Za-z0-9_-]+[.][0-9]+$", "description": "What names a movement."},
        "Movement": _movement(),
        "ScoreAt": _score(),
        "Happening": _happening(),
        "Part": _object(
            {
                "key": _nullable("string", "Owner, id of the resource group or resource, or name of the control."),
                "share": _number("Its share of the movement, in pp."),
                "classes": _classes(),
            },
            description=f"What fell to one {', '.join(BY)}; null holds what concerns none.",
        ),
        "Health": _object({"status": {"const": "ok"}}),
        "Status": _status(),
        "Problem": _problem(),
    }


def _movement() -> Json:
    return _object(
        {
            "id": ref("DeltaId"),
            "scope": _text("The id of the subscription, or the name of the group."),
            "name": _text("What to call it. One line of printable characters."),
            "from": ref("Time"),
            "to": ref("Time"),
            "before": _percentage("The score when it began, in percent; null where there was none."),
            "after": _percentage("The score when it ended."),
            "movement": _nullable("number", "After minus before, in pp; null into or out of a score."),
            "classes": _classes(),
            "causes": {"type": "array", "items": ref("ShortCause"), "description": "The largest."},
            "moreCauses": _whole("How many more causes there are."),
            "pendingShare": _number("What is still to come after it, in pp."),
        }
    )


def _score() -> Json:
    return _object(
        {
            "id": ref("DeltaId"),
            "takenAt": ref("Time"),
            "percentage": _percentage("The score, in percent, unrounded; null where there is none."),
            "ownWork": _number("What people achieved since the chain began: earned and lost, in pp."),
            "max": _nullable("number", "The points that can be reached; null for groups."),
            "weight": _nullable("number", "What it weighs in groups; of a group the sum of its subscriptions."),
        }
    )


def _happening() -> Json:
    texts = {"type": "object", "additionalProperties": {"type": "string"}, "description": "What else was told."}
    return _object(
        {
            "id": _text("The id of the event."),
            "time": ref("Time"),
            "subscription": _text("The id of the subscription."),
            "category": {"enum": list(get_args(Category.__value__)), "description": "What it is about."},
            "action": {"enum": ["write", "delete", "action", "state"], "description": "What was done to it."},
            "succeeded": {"type": "boolean", "description": "Whether Azure did it."},
            "operation": _text("The operation, as Azure wrote it."),
            "subject": _text("The id of what it was done to, as Azure wrote it."),
            "actor": _nullable("string", "Who did it, as Azure wrote it."),
            "actorType": _nullable("string", "What the actor is, for example `User` or `Application`."),
            "actorId": _nullable("string", "The object id of the actor."),
            "correlation": _nullable("string", "What joins the events of one operation."),
            "detail": texts,
        }
    )


def _status() -> Json:
    chain = _object(
        {
            "scope": _text("The id of the subscription, or the name of the group."),
            "name": _text("What to call it."),
            "movedAt": ref("Time"),
            "lookedAt": ref("Time"),
            "behind": _number("Seconds from its last look to the newest of all chains."),
            "age": _number("Seconds from its last look to now."),
        }
    )
    waiting = _object({"count": _whole("Movements that wait."), "since": ref("Time")})
    depths = {"type": "object", "additionalProperties": _whole("About how many messages.")}
    return _object(
        {
            "status": {"const": "ok"},
            "chains": {"type": "array", "items": chain},
            "queues": depths | {"description": "Messages that wait, by queue."},
            "poison": depths | {"description": "Messages that failed five times, by queue."},
            "waiting": {
                "type": "object",
                "additionalProperties": waiting,
                "description": "Movements that wait to be told, by destination.",
            },
        }
    )


def _problem() -> Json:
    return _object(
        {
            "type": {"enum": [urn(kind) for kind in TYPES]},
            "title": _text("What kind of problem it is."),
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": _text("What is wrong here, in words."),
        },
        {"parameter": _text("The parameter that is wrong.")},
        "A problem document by RFC 9457.",
    )


def _object(required: Json, optional: Json | None = None, description: str | None = None) -> Json:
    found: Json = {"type": "object", "additionalProperties": False, "required": list(required)}
    found["properties"] = required | (optional or {})
    return found if description is None else found | {"description": description}


def _text(description: str) -> Json:
    return {"type": "string", "description": description}


def _number(description: str) -> Json:
    return {"type": "number", "description": description}


def _whole(description: str) -> Json:
    return {"type": "integer", "minimum": 0, "description": description}


def _nullable(kind: str, description: str) -> Json:
    return {"type": [kind, "null"], "description": description}


def _percentage(description: str) -> Json:
    return _nullable("number", description) | {"minimum": 0, "maximum": 100}


def _classes() -> Json:
    return {"type": "object", "additionalProperties": {"type": "number"}, "description": "Shares by class, in pp."}

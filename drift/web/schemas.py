"""The shapes of all answers, as JSON Schema: components of the OpenAPI document."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, get_args

import msgspec

from drift.actors import Category
from drift.due import KINDS
from drift.engine.where import BY
from drift.model import Json
from drift.web.planned import planned
from drift.web.problems import TYPES, urn
from drift.web.shapes import (
    PLACE,
    array,
    classes,
    listing,
    natural,
    nullable,
    number,
    percentage,
    record,
    ref,
    text,
    time,
)
from drift.web.standing import standing


def schemas() -> dict[str, Json]:
    """By name; an explanation is the schema that `drift schema` prints, with its parts as components."""
    explanation: Json = msgspec.json.decode(files("drift").joinpath("explanation.schema.json").read_bytes(), type=Json)
    parts: Json = {_named(name): _moved(part) for name, part in explanation.pop("$defs").items()}
    explanation.pop("$schema")
    whole: Json = _moved(explanation)
    return {**parts, "Explanation": whole, **_variants(whole), **_lists(parts), **_own(), **standing(), **planned()}


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
        found["$ref"] = PLACE + ("Explanation" if target == "#" else _named(target.rpartition("/")[2]))
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
    short["properties"] |= {"moreActors": natural("How many more there are whose doing it was; left out where none.")}
    stage = {"enum": ["counts", "assessment"], "description": "Whether only the counts lag, or the assessments too."}
    due = pending | {"required": [*pending["required"], "settled", "stage"]}
    due["description"] = "A cause that is still to come."
    due["properties"] = pending["properties"] | {
        "share": parts["Foretold"]["properties"]["share"],
        "settled": {"const": False, "description": "It is still to come."},
        "stage": stage,
    }
    names = {"Deltas": "Movement", "Scores": "ScoreAt", "Changes": "Happening"}
    return {
        "ShortCause": short,
        "PendingCause": due,
        **{name: listing(item, more=True) for name, item in names.items()},
        "PendingList": listing("PendingCause", more=False),
        "Forecasts": _forecasts(listing("Forecast", more=True)),
        "Calendar": listing("Due", more=False),
    }


def _own() -> dict[str, Json]:
    return {
        "DeltaId": {"type": "string", "pattern": "^[A-Za-z0-9_-]+[.][0-9]+$", "description": "What names a movement."},
        "Movement": _movement(),
        "ScoreAt": _score(),
        "Happening": _happening(),
        "Forecast": _forecast(),
        "Due": _due(),
        "Part": record(
            {
                "key": nullable("string", "Owner, id of the resource group or resource, or name of the control."),
                "share": number("Its share of the movement, in pp."),
                "classes": classes(),
            },
            description=f"What fell to one {', '.join(BY)}; null holds what concerns none.",
        ),
        "Scopes": record(
            {
                "value": array(
                    record(
                        {
                            "scope": text("What to ask with."),
                            "name": text("What to call it."),
                            "kind": {"enum": ["group", "subscription"]},
                            "movedAt": nullable("string", "When it last moved; null before its first look."),
                            "lookedAt": nullable("string", "When it was last looked at."),
                        }
                    ),
                    "Groups first.",
                )
            }
        ),
        "Health": record({"status": {"const": "ok"}}),
        "Status": _status(),
        "Problem": _problem(),
    }


def _movement() -> Json:
    return record(
        {
            "id": ref("DeltaId"),
            "scope": text("The id of the subscription, or the name of the group."),
            "name": text("What to call it. One line of printable characters."),
            "from": ref("Time"),
            "to": ref("Time"),
            "before": percentage("The score when it began, in percent; null where there was none."),
            "after": percentage("The score when it ended."),
            "movement": nullable("number", "After minus before, in pp; null into or out of a score."),
            "classes": classes(),
            "actors": {"type": "array", "items": ref("Actor"), "description": "Whose doing it was: the largest."},
            "causes": {"type": "array", "items": ref("ShortCause"), "description": "The largest."},
            "moreCauses": natural("How many more causes there are."),
            "pendingShare": number("What is still to come after it, in pp."),
        }
    )


def _score() -> Json:
    return record(
        {
            "id": ref("DeltaId"),
            "takenAt": ref("Time"),
            "percentage": percentage("The score, in percent, unrounded; null where there is none."),
            "ownWork": number("What people achieved since the chain began: earned and lost, in pp."),
            "max": nullable("number", "The points that can be reached; null for groups."),
            "weight": nullable("number", "What it weighs in groups; of a group the sum of its subscriptions."),
        }
    )


def _happening() -> Json:
    texts = {"type": "object", "additionalProperties": {"type": "string"}, "description": "What else was told."}
    return record(
        {
            "id": text("The id of the event."),
            "time": ref("Time"),
            "subscription": text("The id of the subscription."),
            "category": {"enum": list(get_args(Category.__value__)), "description": "What it is about."},
            "action": {"enum": ["write", "delete", "action", "state"], "description": "What was done to it."},
            "succeeded": {"type": "boolean", "description": "Whether Azure did it."},
            "operation": text("The operation, as Azure wrote it."),
            "subject": text("The id of what it was done to, as Azure wrote it."),
            "actor": nullable("string", "Who did it, as Azure wrote it."),
            "actorType": nullable("string", "What the actor is, for example `User` or `Application`."),
            "actorId": nullable("string", "The object id of the actor."),
            "correlation": nullable("string", "What joins the events of one operation."),
            "detail": texts,
        }
    )


def _forecast() -> Json:
    return record(
        {
            "kind": ref("Kind"),
            "subject": text("To what it happens, as of a cause."),
            "scope": text("The id of the subscription."),
            "subscription": text("What to call it."),
            "title": text("One line that says it in words."),
            "actors": {"type": "array", "items": ref("Someone"), "description": "Whose doing it is."},
            "opened": ref("Time"),
            "due": ref("Time"),
            "expected": nullable("number", "Its share, in pp of the subscription's score; null where not known."),
            "realised": number("What of it the counts have shown so far, in pp."),
            "state": {
                "enum": ["open", "settled", "withdrawn"],
                "description": "Settled: it came. Withdrawn: it did not.",
            },
            "settledAt": time("When it was found so; null of open ones."),
            "overdue": {"type": "boolean", "description": "It did not come in time, whatever became of it."},
        }
    )


def _forecasts(shape: Json) -> Json:
    """The list with how well it was told."""
    share = nullable("number", "Share of what is settled that came in time, from 0 to 1; null where nothing is.")
    accuracy = record(
        {
            "settled": natural("How many came."),
            "meanAbsoluteError": nullable("number", "Of what is settled, in pp; null where nothing is."),
            "bias": nullable("number", "What came minus what was expected, on average, in pp; or null."),
            "inTime": share | {"minimum": 0, "maximum": 1},
            "withdrawn": natural("How many did not come."),
            "overdue": natural("How many did not come in time, whatever became of them."),
        },
        description="How well all of the window was told, whatever is listed.",
    )
    shape["required"] = [*shape["required"], "accuracy"]
    shape["properties"] = shape["properties"] | {"accuracy": accuracy}
    return shape


def _due() -> Json:
    return record(
        {
            "at": time("When it is due; null where no date is set."),
            "kind": {"enum": list(KINDS), "description": "What is due."},
            "subject": text("The id of the exemption, or the key of the recommendation."),
            "title": text("One line that says it in words."),
            "share": nullable("number", "What it alone will do to the score of the scope as it stands, in pp."),
            "marks": natural("How many marks it changes."),
            "resources": natural("How many resources these are on."),
            "owner": nullable("string", "Who has to act, where that is known."),
            "reason": text("What is assumed, in words; empty where nothing is."),
            "scope": text("The id of the subscription."),
            "subscription": text("What to call it."),
        }
    )


def _status() -> Json:
    chain = record(
        {
            "scope": text("The id of the subscription, or the name of the group."),
            "name": text("What to call it."),
            "movedAt": ref("Time"),
            "lookedAt": ref("Time"),
            "behind": number("Seconds from its last look to the newest of all chains."),
            "age": number("Seconds from its last look to now."),
        }
    )
    waiting = record({"count": natural("Movements that wait."), "since": ref("Time")})
    depths = {"type": "object", "additionalProperties": natural("About how many messages.")}
    return record(
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
    return record(
        {
            "type": {"enum": [urn(kind) for kind in TYPES]},
            "title": text("What kind of problem it is."),
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": text("What is wrong here, in words."),
        },
        {"parameter": text("The parameter that is wrong.")},
        "A problem document by RFC 9457.",
    )

"""The OpenAPI document of the routes, made from what runs: their table, parameters, and shapes of answers."""

from __future__ import annotations

from functools import cache

from drift.model import Json
from drift.web.api import ROUTES
from drift.web.parameters import OF_ROUTES, PARAMETERS, Parameter, of
from drift.web.problems import PROBLEM
from drift.web.schemas import schemas
from drift.web.shapes import ref

_MEANT = {
    "deltas": ("Recent movements", "Newest first, all that are kept unless `from` or `to` say less.", "Deltas"),
    "delta": ("One movement whole", "The object of `drift explain --format json`, with its id.", "Delta"),
    "explain": (
        "One explanation for a window",
        "The sum of the movements that ended in it. Without `to` it ends with the last look, without `from` it is the "
        "seven days before. Without movements it tells where the score stood.",
        "Window",
    ),
    "scores": (
        "The series",
        "Oldest first, from where the score stood when the window began. The window is as in /explain.",
        "Scores",
    ),
    "changes": (
        "The events seen",
        "What, who, when; newest first. A group's page may hold fewer than `limit` and go on.",
        "Changes",
    ),
    "pending": (
        "What is still to come",
        "Changes that the counts do not show yet, and what is expected of those that no assessment shows yet.",
        "PendingList",
    ),
    "forecasts": (
        "What was said to come, and what came",
        "Newest first, all that are kept unless `from` or `to` say less: a window holds what was opened in it. "
        "`accuracy` is of the whole window. The newest 20,000 are looked through.",
        "Forecasts",
    ),
    "calendar": (
        "What is due",
        "By date, what has none last: what it will do to the score as it stands, alone. Entries that have come are "
        "listed until the subscription is read anew.",
        "Calendar",
    ),
    "diagnosis": (
        "Why it stands still",
        "The object of `drift diagnose --format json`: reasons, those that explain most first. Without `from` of "
        "the seven days before the last look. Of a group the 500 heaviest subscriptions are looked at: `notes` say so.",
        "Diagnosis",
    ),
    "plan": (
        "What fixes are worth, and a way to a target",
        "The object of `drift plan --format json`: steps with the score after each. Of a group the 500 heaviest "
        "subscriptions are looked at: `notes` say so.",
        "Plan",
    ),
    "exemptions": (
        "What exemptions hide",
        "The object of `drift exemptions --format json`: every exemption, what it is worth and what is wrong with it.",
        "Exemptions",
    ),
    "coverage": (
        "What is assessed, and what is not",
        "The object of `drift coverage --format json`: plans, machines, connectors, subscriptions without a score, and "
        "recommendations that are absent because of it.",
        "Coverage",
    ),
    "report": (
        "The brief for a board",
        "Six figures of a window, groups apart, the trend, the decisions to take: HTML that prints. The window is as "
        "in /explain.",
        None,
    ),
    "evidence": (
        "The evidence behind it",
        "A zip of JSON from which `drift verify` derives the figures of the brief again.",
        None,
    ),
    "controls": (
        "Where each control stands",
        "By name, with the resources that Azure counts in it. Of a group the 500 heaviest subscriptions are looked at.",
        "Controls",
    ),
    "status": (
        "How it runs",
        "How old each chain is, what waits and what failed. Apart from /health, because a function that may be called "
        "without a key is not told whether one came.",
        "Status",
    ),
    "health": ("Alive", "For anyone: the worker answers. Nothing is read.", "Health"),
    "scopes": (
        "What can be asked about",
        "The tenant, the other groups, then the subscriptions by name, each with when it moved and was looked at.",
        "Scopes",
    ),
    "page": (
        "The page for people",
        "As HTML, the same for everyone: what it shows, its scripts ask the other routes for. `page/{name}` has its "
        "parts.",
        None,
    ),
    "openapi": ("This document", "OpenAPI 3.1.", None),
}

_PATHS = {"health": "/health", "page": "/page", "openapi": "/openapi.json"} | {
    name: route.path for name, route in ROUTES.items()
}

VERSION = "1.0.0"

_FILES: dict[str, Json] = {
    "report": {"text/html": {"schema": {"type": "string"}}},
    "evidence": {"application/zip": {"schema": {"type": "string", "contentEncoding": "binary"}}},
}
"""What is answered as something else than JSON."""


@cache
def document(role: str = "") -> Json:
    """The document: with an app role that may read, or function keys. Not to be changed by who reads it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Secure score drift",
            "version": VERSION,
            "summary": "Explains every movement of the Microsoft Defender for Cloud secure score.",
            "description": "Scores are percentages, movements and shares percentage points (pp), times ISO 8601 "
            "in UTC. All is answered from what is stored; Azure is not asked.",
        },
        "servers": [{"url": "/api"}],
        "security": [{scheme: [role] if role else []} for scheme in (_SIGN_IN if role else _KEYS)],
        "paths": {_PATHS[name]: {"get": _operation(name, signed_in=bool(role))} for name in _MEANT},
        "components": {
            "schemas": schemas(),
            "parameters": {one.argument: _parameter(one) for one in (*PARAMETERS.values(), *OF_ROUTES.values())},
            "responses": _problems(signed_in=bool(role)),
            "securitySchemes": _SIGN_IN if role else _KEYS,
        },
    }


def _operation(name: str, *, signed_in: bool) -> Json:
    title, description, shape = _MEANT[name]
    route = ROUTES.get(name)
    shown: list[Json] = [
        {"$ref": f"#/components/parameters/{of(name, one).argument}"} for one in (route.query if route else ())
    ]
    if route is not None and "{id}" in route.path:
        one = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
        shown.append(one | {"description": "The `id` of a movement."})
    content: Json = {"application/json": {"schema": ref(shape) if shape else {"type": "object"}}}
    if name in _FILES:
        content = _FILES[name]
    if name == "page":
        content = {"text/html": {"schema": {"type": "string"}}}
    answers: Json = {"200": {"description": title, "headers": _HEADERS, "content": content}}
    for_anyone = name == "health" or (name == "page" and not signed_in)
    if not for_anyone:
        answers |= {status: _answer(status) for status in ("400", "401", *(("403", "503") if signed_in else ()))}
    if route is not None:
        answers |= {"404": _answer("404")} if name != "status" else {}
        answers["503"] = _answer("503")
    found: Json = {"operationId": name, "summary": title, "description": description, "responses": answers}
    if shown:
        found["parameters"] = shown
    return found | {"security": []} if for_anyone else found


def _answer(status: str) -> Json:
    return {"$ref": f"#/components/responses/{status}"}


def _parameter(one: Parameter) -> Json:
    found: Json = {"name": one.name, "in": "query", "description": one.description, "schema": one.schema}
    if one.required:
        found["required"] = True
    return found if one.example is None else found | {"example": one.example}


_HEADERS: Json = {
    "Cache-Control": {"required": True, "schema": {"const": "no-store"}},
    "X-Content-Type-Options": {"required": True, "schema": {"const": "nosniff"}},
}


_KEYS: Json = {
    "header": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
    "query": {"type": "apiKey", "in": "query", "name": "code"},
}
_SIGN_IN: Json = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of Microsoft Entra ID for this app, with the role among its roles.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "AppServiceAuthSession",
        "description": "What App Service gives a browser after signing in at /.auth/login/aad.",
    },
}


def _problems(*, signed_in: bool) -> Json:
    body = {PROBLEM: {"schema": ref("Problem")}}
    retry = {"Retry-After": {"required": True, "schema": {"type": "integer"}, "description": "Seconds."}}
    found: Json = {
        "400": {"description": "A parameter is unknown or malformed.", "headers": _HEADERS, "content": body},
        "401": {"description": "The function key is missing or wrong. The host answers, without a body of ours."},
        "404": {
            "description": "The scope, the movement or the time is not known.",
            "headers": _HEADERS,
            "content": body,
        },
        "503": {"description": "Storage does not answer.", "headers": _HEADERS | retry, "content": body},
    }
    if signed_in:
        asks = {"WWW-Authenticate": {"required": True, "schema": {"const": "Bearer"}}}
        found["401"] = {
            "description": "Nobody is signed in. App Service may answer itself, without a body, or send a browser to "
            "sign in.",
            "headers": _HEADERS | asks,
            "content": body,
        }
        found["403"] = {"description": "The app role is missing.", "headers": _HEADERS, "content": body}
        found["503"]["description"] = "Storage does not answer, or App Service authentication is off."
    return found

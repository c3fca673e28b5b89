"""What is answered instead of an answer: problem documents by RFC 9457."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from drift.model import Json

PROBLEM = "application/problem+json"

TYPES = {
    "sign-in-off": (HTTPStatus.SERVICE_UNAVAILABLE, "Nobody can be signed in"),
    "not-signed-in": (HTTPStatus.UNAUTHORIZED, "Nobody is signed in"),
    "no-role": (HTTPStatus.FORBIDDEN, "The app role is missing"),
    "bad-parameter": (HTTPStatus.BAD_REQUEST, "A parameter can't be used"),
    "unknown-route": (HTTPStatus.NOT_FOUND, "There is nothing here"),
    "unknown-scope": (HTTPStatus.NOT_FOUND, "The scope is not known"),
    "unknown-delta": (HTTPStatus.NOT_FOUND, "The movement is not known"),
    "nothing-known": (HTTPStatus.NOT_FOUND, "Nothing is known of that time"),
    "unavailable": (HTTPStatus.SERVICE_UNAVAILABLE, "What is stored can't be read now"),
}
"""By the last part of their type: status and title."""

RETRY_AFTER = 30
"""Seconds after which it is worth asking again."""


_BESIDE: dict[HTTPStatus, Json] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": str(RETRY_AFTER)},
}


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, whatever serves it. `headers` are those beside the content type."""

    status: int
    body: bytes
    content_type: str
    headers: dict[str, str]


def urn(kind: str) -> str:
    """What names a type of problem to programs."""
    return f"urn:problem:secure-score-drift:{kind}"


def problem(kind: str, detail: str, parameter: str | None = None) -> Response:
    """The document of a problem; `detail` is for people, `parameter` names what is wrong with the request."""
    status, title = TYPES[kind]
    body: Json = {"type": urn(kind), "title": title, "status": int(status), "detail": detail}
    if parameter is not None:
        body["parameter"] = parameter
    return answer(body, status, PROBLEM, _BESIDE.get(status))


def content(body: bytes, content_type: str, policy: str, more: Json | None = None) -> Response:
    """What a browser shows or keeps, under a Content-Security-Policy: not cached, unless `more` headers say so."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(int(HTTPStatus.OK), body, content_type, headers | (more or {}))


def answer(
    body: Json, status: HTTPStatus = HTTPStatus.OK, content_type: str = "application/json", more: Json | None = None
) -> Response:
    """An object as the body: never cached, never taken for anything but what it says it is."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(more or {})}
    return Response(int(status), msgspec.json.encode(body), content_type, headers)

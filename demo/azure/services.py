"""What else the monitor talks to: a Teams webhook, an Event Grid topic, Microsoft Graph, and who hands out tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import time
from typing import Any

import msgspec

from demo.azure.answers import Answer, failed, said

MESSAGE_LIMIT = 28_672  # bytes that Teams takes for a message
_EVENTS_LIMIT = 1_048_576
_CARD = "application/vnd.microsoft.card.adaptive"
_KIND = re.compile(r"/v1\.0/(users|servicePrincipals)(?:/([^/]+)|\(appId='([^']+)'\))", re.IGNORECASE)
_FEED = re.compile(r"/v1\.0/users/([^/]+)/teamwork/sendActivityNotification", re.IGNORECASE)
_DEEP_LINK = "https://teams.microsoft.com/l/"
_LISTED, _QUOTED = re.compile(r"appId in \(('[^']+'(?:,'[^']+')*)\)"), re.compile(r"'([^']+)'")
_FILTER_LIMIT = 15  # values that `in` takes
_PRINCIPAL = "#microsoft.graph.servicePrincipal"
_OBJECT = {"users": "#microsoft.graph.user", "serviceprincipals": _PRINCIPAL}
_TOKEN_LIFETIME = 3600  # seconds

type Answers = list[int | None] | Callable[[str, Any], int | None]


@dataclass(frozen=True, slots=True)
class Sent:
    """One request: headers by lower-cased names, query by names."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


def teams(sent: Sent, answers: Answers, received: Callable[[dict[str, Any]], None]) -> Answer:
    """A Workflows webhook: 202 for a message with Adaptive Cards, whatever becomes of it later.

    `answers` may say otherwise: an error's status, or 200, with which the older connectors told of a failure in words.
    """
    if sent.method != "POST":
        return failed(405, "MethodNotAllowed", "The webhook takes a POST.")
    if len(sent.body) > MESSAGE_LIMIT:
        text = f"A message of {len(sent.body)} bytes is over the limit of {MESSAGE_LIMIT}."
        return failed(413, "RequestEntityTooLarge", text)
    body = _json(sent)
    if (wrong := _no_message(body)) is not None:
        return failed(400, "TriggerInputSchemaMismatch", f"The message is malformed: {wrong}.")
    status = _next(answers, sent.path, body)
    if status == 200:
        words = b"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429"
        return Answer(200, words, "text/plain; charset=utf-8")
    if status not in (None, 202):
        return failed(status, "WorkflowFailed", f"The webhook was told to answer {status}.")
    received(body)
    return Answer(202, b"")


def topic(sent: Sent, answers: Answers, key: str | None, received: Callable[[list[dict[str, Any]]], None]) -> Answer:
    """A custom topic for CloudEvents or Event Grid's own: takes a batch whole or not at all.

    With a key, the request needs that key; a signature or a token is taken for a good one.
    """
    if sent.method != "POST":
        return failed(405, "MethodNotAllowed", "The topic takes a POST.")
    signed = bool({"aeg-sas-token", "authorization"} & sent.headers.keys())
    if key is not None and key != sent.headers.get("aeg-sas-key") and not signed:
        return failed(401, "Unauthorized", "The request has no key, signature or token that is good for this topic.")
    if len(sent.body) > _EVENTS_LIMIT:
        return failed(
            413, "PayloadTooLarge", f"A batch of {len(sent.body)} bytes is over the limit of {_EVENTS_LIMIT}."
        )
    events = _json(sent)
    cloud = sent.headers.get("content-type", "").startswith("application/cloudevents")
    fields = ("id", "source", "type", "specversion") if cloud else ("id", "subject", "eventType", "eventTime", "data")
    if not isinstance(events, list) or not events:
        return failed(400, "BadRequest", "The body is not a batch of events.")
    for event in events:
        if not isinstance(event, dict) or (missing := [name for name in fields if not event.get(name)]):
            return failed(
                400, "BadRequest", f"An event has no {', '.join(missing) if isinstance(event, dict) else 'fields'}."
            )
    status = _next(answers, sent.path, events)
    if status not in (None, 200):
        return failed(status, "TopicFailed", f"The topic was told to answer {status}.")
    received(events)
    return Answer(200, b"")


def graph(
    sent: Sent, directory: Mapping[str, Mapping[str, Any]], notified: Callable[[str, dict[str, Any]], object]
) -> Answer:
    """Users and service principals by object id (users also by their address, principals by appId, alone or many).

    And the activity feed of Teams: `notified` takes the object id of a user, and what was sent.
    """
    path, everything = sent.path.lower(), list(directory.values())
    if (feed := _FEED.fullmatch(sent.path)) is not None and sent.method == "POST":
        return _activity(feed[1], sent, everything, notified)
    if path == "/v1.0/directoryobjects/getbyids" and sent.method == "POST":
        asked = _json(sent)
        ids = asked.get("ids") if isinstance(asked, dict) else None
        if not isinstance(ids, list) or len(ids) > 1000:
            return failed(400, "Request_BadRequest", "The body has no `ids`, or over 1,000 of them.")
        kinds = {f"#microsoft.graph.{kind}".lower() for kind in asked.get("types") or ()}
        found = [row for row in everything if row["id"] in ids]
        return said({"value": [row for row in found if not kinds or row["@odata.type"].lower() in kinds]})
    if path == "/v1.0/serviceprincipals" and sent.method == "GET":
        listed = _LISTED.fullmatch(sent.query.get("$filter", ""))
        these = _QUOTED.findall(listed[1]) if listed else []
        if not 0 < len(these) <= _FILTER_LIMIT:
            return failed(400, "Request_UnsupportedQuery", f"$filter is not `appId in ('…')`, up to {_FILTER_LIMIT}.")
        rows = [row for row in everything if row.get("appId") in these]
        return said({"value": [_selected(row, sent) for row in rows if row["@odata.type"] == _PRINCIPAL]})
    match = _KIND.fullmatch(sent.path)
    if match is None or sent.method != "GET":
        return failed(400, "BadRequest", f"The pretend Graph does not know {sent.method} {sent.path}.")
    kind, name, application = _OBJECT[match[1].lower()], match[2], match[3]
    for row in everything:
        names = (row.get("appId"),) if application else (row["id"], row.get("userPrincipalName"))
        if row["@odata.type"] == kind and (application or name).lower() in {str(n).lower() for n in names if n}:
            return said(_selected(row, sent))
    words = "does not exist or one of its queried reference-property objects are not present."
    return failed(404, "Request_ResourceNotFound", f"Resource '{application or name}' {words}")


def _activity(
    user: str, sent: Sent, everything: list[Mapping[str, Any]], notified: Callable[[str, dict[str, Any]], object]
) -> Answer:
    """A notification of the type that needs no template, with a topic of its own, as the documentation has it."""
    asked = _json(sent)
    asked = asked if isinstance(asked, dict) else {}
    topic, values = asked.get("topic") or {}, asked.get("templateParameters") or []
    right = (
        asked.get("activityType") == "systemDefault"
        and [one.get("name") for one in values] == ["systemDefaultText"]
        and topic.get("source") == "text"
        and str(topic.get("webUrl", "")).startswith(_DEEP_LINK)
        and isinstance(asked.get("chainId"), int)
        and 0 <= asked["chainId"] < 1 << 63
    )
    if not right:
        return failed(400, "BadRequest", "The body is no notification of the type systemDefault.")
    for row in everything:
        if user.lower() in {row["id"].lower(), str(row.get("userPrincipalName")).lower()}:
            notified(row["id"], asked)
            return Answer(204, b"")
    return failed(404, "NotFound", f"User '{user}' does not exist.")


def _selected(row: Mapping[str, Any], sent: Sent) -> dict[str, Any]:
    chosen = sent.query.get("$select")
    return {name: value for name, value in row.items() if chosen is None or name in chosen.split(",")}


def identity(sent: Sent, secret: str, token: str) -> Answer:
    """App Service's endpoint for managed identities."""
    if sent.headers.get("x-identity-header") != secret:
        return said({"statusCode": 401, "message": "The X-IDENTITY-HEADER is not this app's."}, 401)
    resource = sent.query.get("resource")
    if not resource or sent.query.get("api-version") != "2019-08-01":
        return said({"statusCode": 400, "message": "resource or api-version 2019-08-01 is missing."}, 400)
    until = str(int(time()) + _TOKEN_LIFETIME)
    more = {"resource": resource, "token_type": "Bearer", "client_id": "11111111-2222-3333-4444-555555555555"}
    return said({"access_token": token, "expires_on": until, **more})


def _json(sent: Sent) -> Any:
    """What the body says; None if it isn't said to be JSON, or isn't."""
    if "json" not in sent.headers.get("content-type", "").lower():
        return None
    try:
        return msgspec.json.decode(sent.body)
    except msgspec.DecodeError:
        return None


def _no_message(body: Any) -> str | None:
    """What keeps this from being a message that Teams shows; None if nothing does."""
    if not isinstance(body, dict):
        return "it is not an object of JSON"
    if body.get("type") != "message":
        return "`type` is not message"
    attachments = body.get("attachments")
    if not isinstance(attachments, list) or not attachments:
        return "`attachments` is not a list with a card"
    for one in attachments:
        if not isinstance(one, dict) or one.get("contentType") != _CARD:
            return f"an attachment's `contentType` is not {_CARD}"
        card = one.get("content")
        if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
            return "an attachment's `content` is not an AdaptiveCard"
        if not isinstance(card.get("version"), str) or not isinstance(card.get("body"), list):
            return "a card has no `version` or no `body`"
    return None


def _next(answers: Answers, path: str, body: Any) -> int | None:
    if callable(answers):
        return answers(path, body)
    return answers.pop(0) if answers else None

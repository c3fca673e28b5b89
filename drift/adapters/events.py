"""Event Grid events, of both schemas, to what happened in Azure; or to nothing where it can't move a score.

An event comes at least once and in any order: `key` names it. What it says of people is text from a token, and is kept
as such: one printable line, cut to length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec

from drift.actors import Happening
from drift.adapters import dates, operations, stream
from drift.adapters.fields import LONGEST as LONGEST
from drift.adapters.fields import line
from drift.adapters.operations import Verb
from drift.errors import EvidenceError
from drift.ids import is_guid
from drift.model import Json

if TYPE_CHECKING:
    import azure.functions as func

LONGEST_ID = 1024
"""Characters that are kept of an id; of another text LONGEST."""

LARGEST_MESSAGE = 45_000
"""Bytes of a message on a queue, which holds 64 KiB in base64."""


class EventError(Exception):
    """An event can't be read: says which, and why. Trying it again won't help."""


_ARM = re.compile(r"microsoft\.resources\.resource(write|delete|action)(success|failure|cancel)", re.IGNORECASE)
_POLICY = re.compile(r"microsoft\.policyinsights\.policystate(created|changed|deleted)", re.IGNORECASE)
_IN_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)(?:/|$)", re.IGNORECASE)

_OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
_SCOPE = "http://schemas.microsoft.com/identity/claims/scope"
_CLAIMS = ("name", _UPN, "upn", "appid", _OBJECT_ID, "oid", _SCOPE, "scp", "idtyp", "ipaddr")
_STATE = ("complianceState", "complianceReasonCode")
_STATE_IDS = ("policyAssignmentId", "policyDefinitionId", "policyDefinitionReferenceId")
_READ: Json = {
    **dict.fromkeys(("timestamp", "subscriptionId", *_STATE, *_STATE_IDS)),
    **dict.fromkeys(("resourceUri", "operationName", "status", "correlationId")),
    "authorization": {"action": None, "evidence": {"role": None, "principalType": None}},
    "claims": dict.fromkeys(_CLAIMS),
    "httpRequest": {"clientIpAddress": None},
}
"""What is read of an event's data."""


def written(event: func.EventGridEvent | func.CloudEvent) -> str:
    """An event as a message for a queue that `read` takes, in the schema in which it came.

    Of its data goes only what is read: a token's other claims are nobody's business, and a message holds 64 KiB.
    """
    from azure.functions import CloudEvent

    if isinstance(event, CloudEvent):
        time = event.time.isoformat() if event.time else None
        named = {"specversion": event.specversion, "source": event.source, "type": event.type, "time": time}
    else:
        time = event.event_time.isoformat() if event.event_time else None
        named = {"topic": event.topic, "eventType": event.event_type, "eventTime": time}
    whole = {"id": event.id, "subject": event.subject, **named, "data": event.get_json()}
    for longest in (LONGEST_ID, LONGEST_ID // 4):
        text = msgspec.json.encode(_kept(whole, dict.fromkeys(whole) | {"data": _READ}, longest))
        if len(text) <= LARGEST_MESSAGE:
            break
    return text.decode()


def _kept(value: Any, shape: Json | None, longest: int) -> Any:
    """Of an object what a shape names, of a text its beginning, and no object or list where the shape has none."""
    if isinstance(value, dict) and shape is not None:
        return {key: _kept(value[key], inner, longest) for key, inner in shape.items() if key in value}
    if isinstance(value, str):
        return value[:longest]
    return None if isinstance(value, dict | list) else value


def read(body: bytes | str) -> Happening | None:
    """What an event tells, or None when it is not about what moves a score. Raises EventError."""
    try:
        raw = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        raise EventError(f"an event can't be read: it is no JSON ({error})") from None
    return _told(raw)


def from_file(path: Path, report: Callable[[int, int], None] = lambda *_: None) -> list[Happening]:
    """What the events of a file tell, each once, in order of time: one event, a list of them, or one a line.

    Both schemas may be mixed, and a line may hold a list. `report` is told how many of the events are about what moves
    a score, and how many are not. Raises EvidenceError naming the file and the line, or the place in the list, of what
    can't be read.
    """
    found: dict[str, Happening] = {}
    others = 0
    for where, raw in _in_file(path):
        try:
            happening = _told(raw)
        except EventError as error:
            raise EvidenceError(f"{path}: {where}: {error}") from None
        if happening is None:
            others += 1
        else:
            found.setdefault(happening.key, happening)
    report(len(found), others)
    return sorted(found.values(), key=lambda one: (one.time, one.key))


def _in_file(path: Path) -> Iterator[tuple[str, Any]]:
    """The events of a file as they are, with where each stands."""
    content = stream.content(path)
    try:
        whole = msgspec.json.decode(content)
    except (ValueError, RecursionError) as error:
        lines = [(number, text) for number, text in enumerate(content.splitlines(), 1) if text.strip()]
        if len(lines) < 2:
            raise EvidenceError(f"{path}: is not valid JSON, or cut short ({error})") from None
        for number, text in lines:
            try:
                rows = msgspec.json.decode(text)
            except (ValueError, RecursionError) as wrong:
                raise EvidenceError(f"{path}: line {number}: is not JSON, whole on its line ({wrong})") from None
            yield from ((f"line {number}", row) for row in (rows if isinstance(rows, list) else [rows]))
    else:
        rows = whole if isinstance(whole, list) else [whole]
        yield from ((f"event {number}", row) for number, row in enumerate(rows, 1))


def _told(raw: Any) -> Happening | None:
    """What a decoded event tells."""
    if not isinstance(raw, dict):
        raise EventError(f"an event can't be read: it is {line(type(raw).__name__)}, and not one object")
    kind = raw.get("type" if "specversion" in raw else "eventType")
    if not isinstance(kind, str):
        raise EventError("an event can't be read: it has no type")
    changed, stated = _ARM.fullmatch(kind), _POLICY.fullmatch(kind)
    if changed is None and stated is None:
        return None
    event = _Event(raw)
    if changed is not None:
        return _changed(event, cast(Verb, changed[1].lower()), changed[2].lower() == "success")
    return _stated(event)


class _Event:
    """The envelope, whichever its schema, and the data."""

    def __init__(self, raw: Json) -> None:
        from azure.core.messaging import CloudEvent
        from azure.eventgrid import EventGridEvent

        cloud = "specversion" in raw
        kind, time = ("type", "time") if cloud else ("eventType", "eventTime")
        self.id: str = raw["id"] if isinstance(raw.get("id"), str) else ""
        # The models make up an id where there is none, print what is no text, and misread offsets such as +02:00.
        for name in ("id", time, *(["source"] if cloud else [])):
            if not isinstance(raw.get(name), str) or not raw[name]:
                raise self.fail(f"its `{name}` is missing, or no text")
        if not all(isinstance(raw.get(name), str | None) for name in ("subject", "topic")):
            raise self.fail("its `subject` or `topic` is no text")
        self.time = self.date(raw[time])
        try:
            if cloud:
                told = CloudEvent[Any].from_dict({k: v for k, v in raw.items() if k in _CLOUD and v is not None})
                self.source, self.subject, data = told.source, told.subject or "", told.data
            else:
                model = EventGridEvent.from_dict({k: v for k, v in raw.items() if k in _GRID})
                self.source, self.subject, data = model.topic or "", model.subject or "", model.data
        except (ValueError, TypeError, LookupError) as error:
            raise self.fail(str(error)) from None
        if not isinstance(data, dict):
            raise self.fail("its `data` is no object")
        self.data: Json = data
        self.type: str = raw[kind]

    def fail(self, why: str) -> EventError:
        return EventError(f"event {line(self.id, 80)} can't be read: {line(why, 200)}")

    def date(self, text: str) -> int:
        """The tick of a date."""
        try:
            tick = dates.one(text)
        except ValueError as error:
            raise self.fail(str(error)) from None
        if tick < 0:
            raise self.fail("its time is before 1970")
        return tick

    def key(self) -> str:
        named = f"{len(self.id)} {self.id} {self.source.lower()}"
        return sha256(named.encode()).hexdigest()[:40]

    def subscription(self) -> str:
        """Its id, from the data, else from where it says that the event comes from."""
        said = self.data.get("subscriptionId")
        found = [said] if isinstance(said, str) else []
        for text in (self.source, self.subject, self.data.get("resourceUri")):
            found += _IN_SUBSCRIPTION.findall(text) if isinstance(text, str) else []
        for identity in found:
            if is_guid(identity):
                return str(identity).lower()
        raise self.fail("it names no subscription")


_CLOUD = ("specversion", "id", "source", "type", "subject", "time", "data")
_GRID = ("id", "topic", "subject", "eventType", "eventTime", "dataVersion", "data")


def _changed(event: _Event, verb: Verb, succeeded: bool) -> Happening | None:
    """A write, a deletion or an action by way of Azure Resource Manager."""
    data = event.data
    authorization = _object(data, "authorization")
    operation = _text(data, "operationName") or _text(authorization, "action")
    if operation is None:
        raise event.fail("it names no operation")
    category = operations.category(operation, verb)
    if category is None and not succeeded and operations.deploys(operation):
        category = "resource"  # it moves nothing, and that is why
    if category is None:
        return None
    evidence, claims = _object(authorization, "evidence"), _object(data, "claims")
    actor_id = _text(claims, _OBJECT_ID) or _text(claims, "oid")
    user = _text(claims, _UPN) or _text(claims, "upn")
    detail = {"status": _text(data, "status"), "role": _text(evidence, "role")}
    return Happening(
        key=event.key(),
        id=line(event.id, LONGEST_ID),
        source=line(event.source, LONGEST_ID),
        time=event.time,
        operation=line(operation),
        category=category,
        action=verb,
        succeeded=succeeded,
        subscription=event.subscription(),
        subject=_text(data, "resourceUri", LONGEST_ID) or line(event.subject, LONGEST_ID),
        actor=_text(claims, "name") or user or _text(claims, "appid") or actor_id,
        actor_type=_actor_type(claims, evidence),
        actor_id=actor_id,
        address=user,
        ip=_text(claims, "ipaddr") or _text(_object(data, "httpRequest"), "clientIpAddress"),
        correlation=_text(data, "correlationId"),
        detail={name: text for name, text in detail.items() if text is not None},
    )


def _stated(event: _Event) -> Happening:
    """What policy thinks of a resource, as of when it was found: these events overtake each other."""
    data = event.data
    found = _text(data, "timestamp")
    detail = {name: _text(data, name) for name in _STATE}
    detail |= {name: _text(data, name, LONGEST_ID) for name in _STATE_IDS}
    return Happening(
        key=event.key(),
        id=line(event.id, LONGEST_ID),
        source=line(event.source, LONGEST_ID),
        time=event.time if found is None else event.date(found),
        operation=line(event.type),
        category="policy_state",
        action="state",
        succeeded=True,
        subscription=event.subscription(),
        subject=line(event.subject, LONGEST_ID),
        detail={name: text for name, text in detail.items() if text is not None},
    )


def _actor_type(claims: Mapping[str, Any], evidence: Mapping[str, Any]) -> Literal["User", "Application"] | None:
    """By the kind of token; a token that acts on behalf of somebody, or names a user, is a user's."""
    kind = _text(claims, "idtyp")
    if kind in ("user", "app"):
        return "User" if kind == "user" else "Application"
    if any(_text(claims, name) for name in ("name", "upn", "scp", _UPN, _SCOPE)):
        return "User"
    if _text(claims, "appid") or _text(evidence, "principalType") == "ServicePrincipal":
        return "Application"
    return None


def _object(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def _text(data: Mapping[str, Any], name: str, longest: int = LONGEST) -> str | None:
    value = data.get(name)
    return (line(value, longest) or None) if isinstance(value, str) else None

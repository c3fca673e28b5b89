"""The way to Teams: cards are posted to a Workflows webhook.

The address is a secret as a whole, its `sig` above all: it stands in no error, and nothing here logs. (`requests` and
`urllib3` log the path with its query, so neither is used.)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from drift.environment import on_loopback
from drift.errors import BusyError, Refused, ServiceError, SettingsError
from drift.model import Json

if TYPE_CHECKING:
    from http.client import HTTPMessage

CONNECT, READ = 10.0, 30.0
"""Seconds to wait for a connection, and for an answer."""

LONGEST = 1 << 16
"""Bytes of an answer that are looked at."""

_CHECK = {
    400: "the flow does not take this card: its trigger must be “When a Teams webhook request is received”",
    401: "the flow asks for a sign-in: who can trigger it must be “Anyone”",
    403: "the flow refuses the caller: who can trigger it must be “Anyone”, and the address be complete with its sig",
    404: "the flow was deleted or its URL changed: copy it anew from the flow's trigger",
    410: "the flow is gone, or the address is of a retired kind: copy it anew from the flow's trigger",
    413: "the card is too large for the flow",
}

_FAILED = re.compile(r"\b(error|fail(ed|ure)|bad payload|bad request|is required|throttled|too (large|many))\b", re.I)
"""What connectors wrote into the body of a 200 that delivered nothing."""


class Teams:
    """A Workflows webhook by its address, which must be https unless it is on loopback. Raises SettingsError."""

    def __init__(self, url: str, *, connect: float = CONNECT, read: float = READ) -> None:
        self._timeouts = connect, read
        self._secure, self._host, self._port, self._path = _parsed(url)

    def post(self, body: Json, message: str) -> None:
        """Returns when the message was accepted, else raises ServiceError (BusyError, Refused); it does not try again.

        `message` names it: a repeat carries the same. Accepted is not delivered: the flow posts later.
        """
        status, headers, answer = self._asked(msgspec.json.encode(body), message)
        if 200 <= status < 300:
            wrong = _wrong(answer)
            if wrong is None:
                return
            raise ServiceError(f"Teams: the webhook answered {status}, but {wrong}")
        code = _code(answer)
        words = f"Teams: the webhook answered {status}{f' {code}' if code else ''}"
        if status in _CHECK:
            raise (Refused if status in (401, 403) else ServiceError)(f"{words}: {_CHECK[status]}")
        if 300 <= status < 400:
            raise ServiceError(f"{words}: redirects are not followed, the address must be the webhook's own")
        if status in (429, 503):
            seconds = _seconds(headers)
            raise BusyError(f"{words}: {'later' if seconds is None else f'in {seconds:.0f} s'}", seconds)
        raise ServiceError(words)

    def _asked(self, data: bytes, message: str) -> tuple[int, HTTPMessage, bytes]:
        from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead

        connect, read = self._timeouts
        kind = HTTPSConnection if self._secure else HTTPConnection
        connection = kind(self._host, self._port, timeout=connect)
        try:
            connection.connect()
            connection.sock.settimeout(read)
            headers = {"Content-Type": "application/json", "x-ms-client-request-id": message}
            connection.request("POST", self._path, data, headers)
            response = connection.getresponse()
            answer = response.read(LONGEST)
            if response.length and len(answer) < LONGEST:  # what is still to come, and will not
                raise IncompleteRead(b"", response.length)
            return response.status, response.headers, answer
        except (OSError, HTTPException) as error:  # its words may hold the address: only its kind is told
            raise ServiceError(f"Teams: the webhook did not answer ({type(error).__name__})") from None
        finally:
            connection.close()


def _parsed(url: str) -> tuple[bool, str, int | None, str]:
    """Whether it is https, host, port, and path with query."""
    wrong = SettingsError("TEAMS_WEBHOOK_URL: must be an https address, as the flow's trigger shows it")
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise wrong
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None  # its words hold the address
    if not host or "@" in parts.netloc or parts.scheme not in ("https", "http"):
        raise wrong
    if parts.scheme == "http" and not on_loopback(url):
        raise wrong
    return parts.scheme == "https", host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _wrong(answer: bytes) -> str | None:
    """What is wrong with the body of a good answer; None for nothing, which is what Workflows answers."""
    words = answer.decode(errors="replace").strip()
    if words.startswith("<"):
        return "with a web page: the address is not the webhook's, or something stands in between"
    found = _json(answer)
    failed = "error" in found if isinstance(found, dict) else _FAILED.search(words) is not None
    return "with the text of an error: nothing was posted" if failed else None


def _code(answer: bytes) -> str:
    """`WorkflowTriggerIsNotEnabled`: the code of an error, nothing else of it."""
    found = _json(answer)
    error = found.get("error") if isinstance(found, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) and re.fullmatch(r"[A-Za-z]{1,60}", code) else ""


def _json(answer: bytes) -> Any:
    try:
        return msgspec.json.decode(answer)
    except msgspec.DecodeError:
        return None


def _seconds(headers: HTTPMessage) -> float | None:
    """`Retry-After` in seconds; a date is taken by the service's own clock."""
    from email.utils import parsedate_to_datetime

    said = (headers.get("Retry-After") or "").strip()
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        return max(
            0.0, (parsedate_to_datetime(said) - parsedate_to_datetime(headers.get("Date") or "")).total_seconds()
        )
    except (ValueError, TypeError):
        return None

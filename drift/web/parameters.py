"""What may be asked: every parameter with its meaning, its shape and how it is read. The OpenAPI lists them."""

from __future__ import annotations

import hashlib
import math
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from drift.adapters import dates
from drift.engine.where import BY
from drift.engine.wording import clean
from drift.forecast import STATES
from drift.kinds import KINDS, Kind
from drift.model import Json

LIMIT = 1000
"""Items in one answer, at the most."""

MOST = 100
"""pp: no movement is larger."""

_SCOPE = "^[A-Za-z0-9_-]{1,40}$"
_TIME = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,7})?)?(Z|[+-][0-9]{2}:[0-9]{2})$"
_TOKEN = "^[A-Za-z0-9_-]{12,200}$"
_SEAL = 8


class ParameterError(Exception):
    """A parameter can't be used: names it and says why."""

    def __init__(self, parameter: str, why: str) -> None:
        super().__init__(f"`{parameter}` {why}")
        self.parameter = parameter


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the query. `read` raises ValueError with what it must be."""

    name: str
    argument: str
    description: str
    schema: Json
    read: Callable[[str], Any]
    example: Any = None


def _scope(text: str) -> str:
    if re.fullmatch(_SCOPE, text) is None:
        raise ValueError("must be `all`, the id of a subscription, or the name of a group")
    return text


def _time(text: str) -> int:
    if re.fullmatch(_TIME, text) is None:
        naive = re.fullmatch(_TIME, text + "Z") is not None
        plus = re.fullmatch(_TIME, text.replace(" ", "+")) is not None
        why = " (it has no offset: add Z for UTC)" if naive else " (write + as %2B)" if plus else ""
        raise ValueError(f"must be a time in ISO 8601 with Z or an offset, such as 2026-03-02T06:00:00Z{why}")
    try:
        return dates.one(text)
    except ValueError:
        raise ValueError("is no time of the calendar") from None


def _kind(text: str) -> Kind:
    for kind in KINDS:
        if kind.value == text:
            return kind
    raise ValueError("must be one of the kinds of causes, such as remediation")


def _least(text: str) -> float:
    try:
        value = float(text) if re.fullmatch(r"[0-9eE.+-]{1,40}", text) else math.nan
    except ValueError:
        value = math.nan
    if not 0 <= value <= MOST:
        raise ValueError(f"must be a number of percentage points from 0 to {MOST}")
    return value


def _limit(text: str) -> int:
    if re.fullmatch("[0-9]{1,4}", text) is None or not 1 <= int(text) <= LIMIT:
        raise ValueError(f"must be a whole number from 1 to {LIMIT}")
    return int(text)


def _by(text: str) -> str:
    if text not in BY:
        raise ValueError(f"must be one of {', '.join(BY)}")
    return text


def _state(text: str) -> str:
    if text not in STATES:
        raise ValueError(f"must be one of {', '.join(STATES)}")
    return text


def _token(text: str) -> str:
    if re.fullmatch(_TOKEN, text) is None:
        raise ValueError("is not one that an answer gave")
    return text


_WHEN = {"type": "string", "format": "date-time", "pattern": _TIME}
_KINDS: Json = {"$ref": "#/components/schemas/Kind"}

PARAMETERS = {
    one.name: one
    for one in (
        Parameter(
            "scope",
            "scope",
            "`all`, the id of a subscription, or the name of a group, in any case.",
            {"type": "string", "pattern": _SCOPE, "default": "all"},
            _scope,
            "all",
        ),
        Parameter("from", "since", "Begin of the window, exclusive, by Azure's time.", _WHEN, _time),
        Parameter("to", "until", "End of the window, inclusive. Must be later than `from`.", _WHEN, _time),
        Parameter("kind", "kind", "Only movements in which a cause of this kind took part.", _KINDS, _kind),
        Parameter(
            "min",
            "least",
            "Only movements of at least so many percentage points, up or down, and those into or out of a score.",
            {"type": "number", "minimum": 0, "maximum": MOST},
            _least,
        ),
        Parameter(
            "by",
            "by",
            "Divides the movement also by owner, resource group, resource or control: `parts`.",
            {"type": "string", "enum": list(BY)},
            _by,
        ),
        Parameter(
            "state",
            "state",
            "Only forecasts that are so. `overdue`: that did not come in time, whatever became of them.",
            {"type": "string", "enum": list(STATES)},
            _state,
        ),
        Parameter(
            "limit",
            "limit",
            "How many items an answer holds at the most.",
            {"type": "integer", "minimum": 1, "maximum": LIMIT, "default": 100},
            _limit,
        ),
        Parameter(
            "continuation",
            "after",
            "The `continuation` of the answer before, to go on after it. All else must be as it was, but for `limit`.",
            {"type": "string", "pattern": _TOKEN},
            _token,
        ),
    )
}

KEY = "code"
"""The function key may come in the query: it is the host's, and not ours to refuse."""


def read(route: str, allowed: Mapping[str, str], query: Mapping[str, str]) -> Json:
    """The arguments that a query gives, by the names that History has for them.

    `allowed`: the parameters of the route, each with the pattern of what its continuation holds, where it is that.
    Raises ParameterError.
    """
    found: Json = {}
    for name, text in query.items():
        if name == KEY:
            continue
        if name not in allowed:
            some = f"; there are {', '.join(allowed)}" if allowed else ""
            raise ParameterError(clean(name, 40), f"is not a parameter of this route{some}")
        parameter = PARAMETERS[name]
        try:
            found[parameter.argument] = parameter.read(text)
        except ValueError as error:
            raise ParameterError(name, str(error)) from None
    if "since" in found and "until" in found and found["since"] >= found["until"]:
        raise ParameterError("from", "must be earlier than `to`")
    for name in found.keys() & {"since", "until"}:
        found[name] = max(0, found[name])  # nothing is older, and no key of the store
    if "scope" in allowed:
        found.setdefault("scope", "all")
    if "after" in found:
        found["after"] = _opened(found["after"], _seal(route, query), allowed["continuation"])
    return found


def sealed(route: str, query: Mapping[str, str], after: str) -> str:
    """Where a list goes on, as a token that fits this question and no other."""
    return urlsafe_b64encode(_seal(route, query) + after.encode()).decode().rstrip("=")


def _opened(token: str, seal: bytes, pattern: str) -> str:
    try:
        data = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        after = data[_SEAL:].decode("ascii")
    except (Error, ValueError):
        data, after = b"", ""
    if data[:_SEAL] != seal or re.fullmatch(pattern, after) is None:
        raise ParameterError("continuation", "is not one that an answer to this question gave")
    return after


def _seal(route: str, query: Mapping[str, str]) -> bytes:
    """Stands for a question: not a secret, but a token of another question does not open here."""
    asked = {name: text for name, text in query.items() if name not in (KEY, "limit", "continuation")}
    asked["scope"] = asked.get("scope", "all").lower()
    text = "\n".join([route, *(f"{name}={text}" for name, text in sorted(asked.items()))])
    return hashlib.blake2s(text.encode("utf-8", "replace"), digest_size=_SEAL).digest()

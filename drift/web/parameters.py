"""What may be asked: every parameter with its meaning, its shape and how it is read. The OpenAPI lists them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drift.adapters import dates
from drift.engine.planning.ways import EFFORTS
from drift.engine.where import BY
from drift.engine.wording import clean
from drift.forecast import STATES
from drift.kinds import KINDS, Kind
from drift.model import Json
from drift.web import tokens

LIMIT = 1000
"""Items in one answer, at the most."""

MOST = 100
"""pp: no movement is larger."""

ORDERS = ("effort", "risk")
"""What comes first in a plan."""

_SCOPE = "^[A-Za-z0-9_-]{1,40}$"
_TIME = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,7})?)?(Z|[+-][0-9]{2}:[0-9]{2})$"
_TOKEN = "^[A-Za-z0-9_-]{12,200}$"
_KEY = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_RESOURCE = "^/subscriptions/[^\\u0000-\\u001f\\u007f]{1,1900}$"


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
    required: bool = False


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
    return _hundred(text, f"must be a number of percentage points from 0 to {MOST}")


def _percent(text: str) -> float:
    return _hundred(text, "must be a percentage from 0 to 100, such as 75 or 61.19")


def _hundred(text: str, why: str) -> float:
    try:
        value = float(text) if re.fullmatch(r"[0-9eE.+-]{1,40}", text) else math.nan
    except ValueError:
        value = math.nan
    if not 0 <= value <= MOST:
        raise ValueError(why)
    return value


def _limit(text: str) -> int:
    if re.fullmatch("[0-9]{1,4}", text) is None or not 1 <= int(text) <= LIMIT:
        raise ValueError(f"must be a whole number from 1 to {LIMIT}")
    return int(text)


def _one_of(names: Sequence[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return text

    return read


def _recommendation(text: str) -> str:
    if re.fullmatch(_KEY, text) is None:
        raise ValueError("must be the key of a recommendation, a GUID: causes have it as their subject")
    return text.lower()


def _resource(text: str) -> str:
    if re.fullmatch(_RESOURCE, text, re.IGNORECASE) is None:
        raise ValueError("must be the id of a resource, such as /subscriptions/…/resourceGroups/…/providers/…")
    return text.lower().rstrip("/")


def _groups(text: str) -> list[str]:
    names = [one.strip() for one in text.split(",") if one.strip()]
    if len(names) > 10 or any(re.fullmatch(_SCOPE, one) is None for one in names):
        raise ValueError("must be names of groups, at most ten, with commas between")
    return names


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
        Parameter(
            "groups",
            "groups",
            "Groups that are told apart beside the scope, at most ten, with commas between. Without it `prod` and "
            "`dev`, where there are groups of that name.",
            {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,40}(,[A-Za-z0-9_-]{1,40}){0,9}$"},
            _groups,
            "prod,dev",
        ),
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
            _one_of(BY),
        ),
        Parameter(
            "state",
            "state",
            "Only forecasts that are so. `overdue`: that did not come in time, whatever became of them.",
            {"type": "string", "enum": list(STATES)},
            _one_of(STATES),
        ),
        Parameter(
            "recommendation",
            "recommendation",
            "The key of a recommendation, in any case: only why it does not move.",
            {"type": "string", "pattern": _KEY},
            _recommendation,
        ),
        Parameter(
            "resource",
            "resource",
            "The id of a resource, in any case: only why it does not move.",
            {"type": "string", "pattern": _RESOURCE},
            _resource,
        ),
        Parameter(
            "figure",
            "figure",
            "The percentage that somebody looks at: which score it is.",
            {"type": "number", "minimum": 0, "maximum": 100},
            _percent,
        ),
        Parameter(
            "target",
            "target",
            "The percentage that is to be reached.",
            {"type": "number", "minimum": 0, "maximum": 100},
            _percent,
            75,
            required=True,
        ),
        Parameter(
            "effort",
            "effort",
            "The most effort of a fix, as Microsoft rates it: what takes more is left out.",
            {"type": "string", "enum": list(EFFORTS)},
            _one_of(list(EFFORTS)),
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

OF_ROUTES = {
    ("plan", "by"): Parameter(
        "by",
        "order",
        "What comes first: the most for the least effort, or the largest risk.",
        {"type": "string", "enum": list(ORDERS), "default": "effort"},
        _one_of(ORDERS),
    )
}
"""What a route means by a name that means something else elsewhere."""

KEY = "code"
"""The function key may come in the query: it is the host's, and not ours to refuse."""


def of(route: str, name: str) -> Parameter:
    """What a route means by a name."""
    return OF_ROUTES.get((route, name)) or PARAMETERS[name]


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
        parameter = of(route, name)
        try:
            found[parameter.argument] = parameter.read(text)
        except ValueError as error:
            raise ParameterError(name, str(error)) from None
    for name in allowed:
        if of(route, name).required and name not in query:
            raise ParameterError(name, "is needed")
    if "since" in found and "until" in found and found["since"] >= found["until"]:
        raise ParameterError("from", "must be earlier than `to`")
    for name in found.keys() & {"since", "until"}:
        found[name] = max(0, found[name])  # nothing is older, and no key of the store
    if "scope" in allowed:
        found.setdefault("scope", "all")
    if "after" in found:
        after = tokens.opened(found["after"], route, _asked(query), allowed["continuation"])
        if after is None:
            raise ParameterError("continuation", "is not one that an answer to this question gave")
        found["after"] = after
    return found


def sealed(route: str, query: Mapping[str, str], after: str) -> str:
    """Where a list goes on, as a token that fits this question and no other."""
    return tokens.sealed(after, route, _asked(query))


def _asked(query: Mapping[str, str]) -> dict[str, str]:
    """The question, however much of its answer is wanted at a time."""
    asked = {name: text for name, text in query.items() if name not in (KEY, "limit", "continuation")}
    asked["scope"] = asked.get("scope", "all").lower()
    return asked

"""How the pretend Azure misbehaves: by chance that a seed decides, or by script.

A step says what happens to one request:

- None: it is answered properly
- a status, 429 or "429": an error with that status; 429 carries Retry-After
- "slow": answered properly, later
- "html": 200 with a page for people      - "{}": 200 with an empty object
- "cut": handled, but the answer breaks off halfway, though its full length was declared
- "reset": not handled, the connection is reset
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from demo.azure.answers import Answer, failed

type Step = int | str | None

_STATUSES = {
    400: "BadRequest",
    401: "AuthenticationFailed",
    403: "AuthorizationFailed",
    404: "ResourceNotFound",
    408: "RequestTimeout",
    409: "Conflict",
    412: "PreconditionFailed",
    429: "TooManyRequests",
    500: "InternalServerError",
    502: "BadGateway",
    503: "ServerTimeout",
    504: "GatewayTimeout",
}
_WORDS = ("slow", "html", "{}", "cut", "reset")
_PAGE = b"<!DOCTYPE html><html><head><title>Our services aren't available right now</title></head><body></body></html>"


@dataclass(frozen=True, slots=True)
class Faults:
    """One kind of bad weather, over requests whose path matches `paths` (a regular expression; case does not matter).

    Of the `first` of them (all, if None) each meets one of `kinds` with the chance `rate`. The number of a request
    among those that match and `seed` decide, so that the same requests in the same order have the same fate.
    """

    rate: float = 1.0
    kinds: Sequence[Step] = ("429", "500", "slow", "cut", "html", "{}", "reset")
    seed: int = 0
    paths: str = r"^/(subscriptions|providers)\b"
    first: int | None = None

    def __post_init__(self) -> None:
        for kind in self.kinds:
            check(kind)

    def step(self, number: int) -> Step:
        """What happens to the request of this number, counted from 0."""
        if self.first is not None and number >= self.first:
            return None
        dice = Random(f"{self.seed}/{number}")
        return dice.choice(self.kinds) if dice.random() < self.rate else None


class Weather:
    """Scripts and faults in force, and how far each has come. Scripts go first."""

    def __init__(self) -> None:
        self._faults: list[tuple[Faults, int]] = []
        self._scripts: list[tuple[re.Pattern[str], list[Step]]] = []

    def set(self, faults: Sequence[Faults]) -> None:
        """Puts these in the place of all faults there were; their counts start at 0."""
        self._faults = [(one, 0) for one in faults]

    def script(self, pattern: re.Pattern[str], steps: Sequence[Step]) -> None:
        """One step for each request that matches, until there are none left."""
        for step in steps:
            check(step)
        self._scripts.append((pattern, list(steps)))

    def step(self, path: str, query: str) -> Step:
        """What happens to the request that has come."""
        for pattern, steps in self._scripts:
            if steps and matches(pattern, path, query):
                return steps.pop(0)
        for place, (faults, number) in enumerate(self._faults):
            if matches(re.compile(faults.paths, re.IGNORECASE), path, query):
                self._faults[place] = (faults, number + 1)
                if (step := faults.step(number)) is not None:
                    return step
        return None


def matches(pattern: re.Pattern[str], path: str, query: str) -> bool:
    """Whether it is found in the path, or in the path with its query."""
    return bool(pattern.search(path) or (query and pattern.search(f"{path}?{query}")))


def check(step: Step) -> None:
    """Raises ValueError for what is not a step."""
    if step is not None and step not in _WORDS and status_of(step) is None:
        raise ValueError(f"{step!r} is not a fault: a status, None or one of {', '.join(_WORDS)}")


def status_of(step: Step) -> int | None:
    """The status that a step asks for, if it does."""
    if isinstance(step, int):
        return step
    return int(step) if step is not None and step.isdecimal() else None


def wrong(step: Step, retry_after: float) -> Answer | None:
    """The wrong answer that a step asks for; None where the right one is sent, whatever becomes of it."""
    if step == "html":
        return Answer(200, _PAGE, "text/html; charset=utf-8")
    if step == "{}":
        return Answer(200, b"{}")
    status = status_of(step)
    if status is None:
        return None
    error = failed(status, _STATUSES.get(status, "Error"), f"The pretend Azure was told to answer {status}.")
    if status == 429:
        return Answer(429, error.body, error.type, {"Retry-After": f"{retry_after:g}"})
    return error

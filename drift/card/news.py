"""What is told, and where more of it stands: the values that a card is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from drift.model import Json

PORTAL = (
    "Azure portal",
    "https://portal.azure.com/#view/Microsoft_Azure_Security/SecurityMenuBlade/~/SecureScore",
)

_OURS = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,79}")
"""Ids of subscriptions, names of groups, ids of movements. Nothing else comes into an address."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier movement that was told, and what this one is to it.

    `reverted`: this one takes it back. `refined`: this one says more of the same. `at` is when the earlier one ended
    (ISO 8601), `movement` its size in pp, None where a score came or went.
    """

    relation: Literal["reverted", "refined"]
    id: str
    at: str
    movement: float | None


@dataclass(frozen=True, slots=True)
class News:
    """One movement: the id of its delta, and its explanation, whole or shortened for lists and cards."""

    id: str
    explained: Json
    earlier: Earlier | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """Why several passes are on one card: beyond the cards of an hour, or in quiet hours.

    `since` and `until` (ISO 8601): when telling was put off, and until when. `cards`: how many there would have been.
    """

    reason: Literal["hour", "quiet"]
    since: str
    until: str
    cards: int


@dataclass(frozen=True, slots=True)
class Links:
    """Where the function app answers: an https address without a slash at its end. No address holds a key."""

    app: str

    def page(self, scope: str, delta: str | None = None, title: str = "") -> Iterator[tuple[str, str]]:
        """The page of a scope, open at a movement, and a title; nothing where an id is not one of ours."""
        asked = {"scope": scope} | ({} if delta is None else {"delta": delta})
        if all(map(_OURS.fullmatch, asked.values())):
            usual = "Where the score stands" if delta is None else "This movement, step by step"
            yield title or usual, f"{self.app}/api/page?{urlencode(asked)}"

    def delta(self, id: str) -> Iterator[tuple[str, str]]:  # noqa: A002 the word of the interface
        """The JSON of a movement; nothing where its id is not one of ours."""
        if _OURS.fullmatch(id):
            yield "As JSON", f"{self.app}/api/deltas/{id}"

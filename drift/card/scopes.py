"""Which scopes there are on a card, and which of them speaks first."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from drift.ids import is_guid
from drift.model import Json


def is_group(found: Json) -> bool:
    """Whether the scope is the tenant or a named group."""
    return not is_guid(found["scope"])


def place(found: Json) -> tuple[int, float, str]:
    """Groups first, the tenant before all; then by size; a score that came or went is larger than any movement."""
    rank = 0 if found["scope"] == "all" else 1 if is_group(found) else 2
    movement = found["movement"]
    return rank, -inf if movement is None else -abs(movement), found["scope"]


def widest(found: Sequence[Json]) -> Json:
    """Of movements in their places the one that speaks for all: all subscriptions, else the group that moved most."""
    return min(found, key=lambda one: (place(one)[0], one["movement"] is None))


def kind_of_scope(found: Json) -> str:
    """What stands before its name."""
    return "" if found["scope"] == "all" else "group " if is_group(found) else "subscription "


def in_a_word(found: Json) -> str:
    """In a word or two, what became of a score that is missing somewhere."""
    before, after = found["before"]["percentage"] is not None, found["after"]["percentage"] is not None
    if before and after:
        return "missing in between"
    return "lost" if before else "new" if after else "missing"

"""One row of a short list answer, read field by field whatever wrote it.

ARM nests most fields in `properties`; `az` prints some answers flattened, and in snake case what its SDK names so.
A field is asked for by ARM's name and found in any of these places. What is there and of the wrong type is an error
that names file, row and field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from drift.adapters import dates, stream
from drift.errors import EvidenceError
from drift.model import NEVER

type Source = Path | str
"""Where rows stand, for errors: a file, or what was asked of a service."""

LONGEST = 512
"""Characters that are kept of a text that people write."""

LARGEST, SMALLEST = 1e12, 1e-9
"""No count, maximum or weight of Azure comes near; beyond them arithmetic would be."""

_LONGEST_VALUE = 200
"""Characters that are kept of a value."""

_UPPER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@lru_cache
def _snake(name: str) -> str:
    return _UPPER.sub("_", name).lower()


class Fields:
    """A JSON object with where it stands, for errors."""

    __slots__ = ("_path", "_places", "_row")

    def __init__(self, row: dict[str, Any], path: Source, number: int | None = None) -> None:
        inner = row.get("properties")
        self._places = (inner, row) if isinstance(inner, dict) else (row,)
        self._path, self._row = path, number

    def _get(self, name: str) -> Any:
        for place in self._places:
            value = place.get(name)
            if value is None:
                value = place.get(_snake(name))
            if value is not None:
                return value
        return None

    def fail(self, what: str) -> EvidenceError:
        """The error that this row is wrong."""
        row = "" if self._row is None else f"row {self._row}: "
        return EvidenceError(f"{self._path}: {row}{what}")

    def _typed[T](self, name: str, kind: type[T], words: str) -> T | None:
        value = self._get(name)
        if value is not None and not isinstance(value, kind):
            raise self.fail(f"`{name}` is not {words}")
        return value

    def text(self, name: str) -> str | None:
        """A string, or None where there is none."""
        return self._typed(name, str, "a string")

    def need(self, name: str) -> str:
        """A string that must be there."""
        value = self.text(name)
        if not value:
            raise self.fail(f"`{name}` is missing")
        return value

    def line(self, name: str, longest: int = LONGEST) -> str | None:
        """A string that people wrote, as `line` makes it; None where there is none."""
        return line(self.text(name) or "", longest) or None

    def value(self, name: str) -> str | None:
        """A string, a number or a truth value as one line; None for anything else."""
        value = self._get(name)
        if isinstance(value, bool):
            return str(value).lower()
        return line(str(value), _LONGEST_VALUE) if isinstance(value, str | int | float) else None

    def number(self, name: str) -> float | None:
        """A number from 0 to LARGEST, or None."""
        value = self._get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.fail(f"`{name}` is not a number")
        if value < 0:
            raise self.fail(f"`{name}` is {_shown(value)}, and can't be negative")
        if value > LARGEST or 0 < value < SMALLEST:
            raise self.fail(f"`{name}` is {_shown(value)}, which can't be")
        return float(value)

    def amount(self, name: str) -> float:
        """A number that must be there."""
        value = self.number(name)
        if value is None:
            raise self.fail(f"`{name}` is missing")
        return value

    def count(self, name: str) -> int:
        """A whole number that must be there."""
        value = self.amount(name)
        if value != int(value):
            raise self.fail(f"`{name}` is {value}, not a whole number")
        return int(value)

    def flag(self, name: str) -> bool:
        """True for true and "True"."""
        value = self._get(name)
        return value is True or (isinstance(value, str) and value.lower() == "true")

    def date(self, name: str) -> int:
        """Ticks; NEVER where there is none."""
        value = self.text(name)
        if not value:
            return NEVER
        try:
            return dates.one(value)
        except ValueError as error:
            raise self.fail(f"`{name}`: {error}") from None

    def object(self, name: str) -> Fields | None:
        """An object inside, or None."""
        value: dict[str, Any] | None = self._typed(name, dict, "an object")
        return None if value is None else Fields(value, self._path, self._row)

    def objects(self, name: str) -> list[Fields]:
        """The objects of a list inside; none where there is no list."""
        rows: list[Any] = self._typed(name, list, "a list") or []
        if not all(isinstance(row, dict) for row in rows):
            raise self.fail(f"`{name}` holds something other than objects")
        return [Fields(row, self._path, self._row) for row in rows]

    def members(self, name: str) -> dict[str, Fields]:
        """The objects of an object inside, by their names in lower case, in order of name."""
        value: dict[str, Any] = self._typed(name, dict, "an object") or {}
        inner = {key.lower(): Fields(one, self._path, self._row) for key, one in value.items() if isinstance(one, dict)}
        return dict(sorted(inner.items()))

    def texts(self, name: str) -> tuple[str, ...]:
        """The strings of a list inside."""
        rows: list[Any] = self._typed(name, list, "a list") or []
        if not all(isinstance(row, str) for row in rows):
            raise self.fail(f"`{name}` holds something other than strings")
        return tuple(rows)

    def tags(self, name: str = "tags") -> dict[str, str]:
        """An object of strings, such as tags."""
        value: dict[str, Any] = self._typed(name, dict, "an object") or {}
        return {key: text for key, text in value.items() if isinstance(text, str)}


def line(text: str, longest: int = LONGEST) -> str:
    """A text as one line of printable characters, cut to length."""
    if not text.isprintable():
        text = "".join(" " if ch.isspace() else ch for ch in text if ch.isspace() or ch.isprintable())
    return " ".join(text.split())[:longest]


def _shown(value: float) -> str:
    text = str(value)
    return text if len(text) <= 24 else text[:23] + "…"


def read(path: Path) -> list[Fields]:
    """The rows of a short list answer."""
    found: list[Fields] = []
    for block in stream.rows(path, (dict[str, Any],)):
        found += [Fields(row, path, len(found) + at + 1) for at, row in enumerate(block)]
    return found


def numbered(path: Source, rows: Iterable[dict[str, Any]]) -> list[Fields]:
    """The rows of a short list answer that is at hand."""
    return [Fields(row, path, at + 1) for at, row in enumerate(rows)]


def unique[T](path: Source, items: Iterable[tuple[str, T]]) -> dict[str, T]:
    """Items by lower-case key, in order of key. Repeated ones that agree are one, others an EvidenceError."""
    found: dict[str, T] = {}
    for key, item in items:
        folded = key.lower()
        known = found.setdefault(folded, item)
        if known is not item:
            if repr(known).lower() != repr(item).lower():
                raise EvidenceError(f"{path}: {key} is there twice, and the two rows differ")
            found[folded] = min(known, item, key=repr)
    return dict(sorted(found.items()))


def object_at(path: Path) -> Fields:
    """A file that holds one JSON object."""
    try:
        value = msgspec.json.decode(stream.content(path))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EvidenceError(f"{path}: is not valid JSON, or cut short ({error})") from None
    except RecursionError:
        raise EvidenceError(f"{path}: is nested too deeply") from None
    if not isinstance(value, dict):
        raise EvidenceError(f"{path}: is not an object")
    return Fields(value, path)

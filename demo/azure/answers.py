"""What goes back over the wire: answers of JSON, errors, and pages of lists that are encoded once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over the wire."""

    status: int = 200
    body: bytes = b""
    type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


def said(content: Any, status: int = 200) -> Answer:
    """An answer of JSON."""
    return Answer(status, msgspec.json.encode(content))


def failed(status: int, code: str, message: str, **more: Any) -> Answer:
    """An error in the shape that Azure Resource Manager and Microsoft Graph share."""
    return said({"error": {"code": code, "message": message, **more}}, status)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: path as sent, query by lower-cased names, and where the next page is to be asked for."""

    method: str
    path: str
    query: Mapping[str, str]
    endpoint: str

    @property
    def expand(self) -> frozenset[str]:
        return frozenset(name.strip().lower() for name in self.query.get("$expand", "").split(",") if name.strip())


@dataclass(frozen=True, slots=True)
class Paging:
    """How many rows a page has, and whether every other page is preceded by one without rows."""

    size: int = 1000
    empty: bool = False


class Rows:
    """The rows of a list, encoded, one after another."""

    def __init__(self, rows: Iterable[Row]) -> None:
        encoded = [msgspec.json.encode(row) for row in rows]
        self._bytes = b",".join(encoded)
        self._ends = list(accumulate(len(row) + 1 for row in encoded))

    def __len__(self) -> int:
        return len(self._ends)

    def page(self, start: int = 0, stop: int | None = None, next_link: str = "") -> Answer:
        """An answer with the rows from `start` to `stop`, or all."""
        stop = len(self) if stop is None else stop
        first = self._ends[start - 1] if start else 0
        last = self._ends[stop - 1] - 1 if stop > start else first
        link = b',"nextLink":' + msgspec.json.encode(next_link) if next_link else b""
        return Answer(200, b"".join((b'{"value":[', memoryview(self._bytes)[first:last], b"]", link, b"}")))

    def decoded(self) -> list[Row]:
        rows: list[Row] = msgspec.json.decode(b"[" + self._bytes + b"]")
        return rows


def paged(rows: Rows, asked: Asked, paging: Paging) -> Answer:
    """A page from where $skiptoken says, with the link to the next one."""
    token = asked.query.get("$skiptoken", "e0" if paging.empty else "0")
    if not re.fullmatch(r"e?\d+", token):
        return failed(400, "InvalidSkipToken", "The $skiptoken is not one that was given out.")
    start = min(int(token.removeprefix("e")), len(rows))
    if token.startswith("e"):
        return rows.page(0, 0, _link(asked, str(start)))
    stop = min(start + paging.size, len(rows))
    if stop == len(rows):
        return rows.page(start, stop)
    empty = paging.empty and stop // paging.size % 2 == 0
    return rows.page(start, stop, _link(asked, f"e{stop}" if empty else str(stop)))


def _link(asked: Asked, token: str) -> str:
    query = {**asked.query, "$skiptoken": token}
    return f"{asked.endpoint}{quote(asked.path)}?{urlencode(query, safe='$')}"

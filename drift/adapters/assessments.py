"""`assessments.json` and `resources.json`, the two answers that grow large, into columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from drift.adapters import dates, stream
from drift.errors import EvidenceError
from drift.ids import type_of
from drift.model import DAY, NEVER, Because, Inventory, Longs, Marks, Status
from drift.names import Names

_Id = Annotated[str, msgspec.Meta(min_length=1)]
_Code = Literal["Healthy", "Unhealthy", "NotApplicable"]
_CODES = {  # as int: numpy takes an IntEnum far more slowly
    "Healthy": int(Status.HEALTHY),
    "Unhealthy": int(Status.UNHEALTHY),
    "NotApplicable": int(Status.NOT_APPLICABLE),
}
_UNDER = "/providers/microsoft.security/assessments"


class _Status(msgspec.Struct, gc=False):
    code: _Code
    cause: str | None = None
    changed: str | None = msgspec.field(name="statusChangeDate", default=None)
    first: str | None = msgspec.field(name="firstEvaluationDate", default=None)


class _FlatStatus(_Status, gc=False):
    snake_changed: str | None = msgspec.field(name="status_change_date", default=None)
    snake_first: str | None = msgspec.field(name="first_evaluation_date", default=None)

    def __post_init__(self) -> None:
        self.changed = self.changed or self.snake_changed
        self.first = self.first or self.snake_first


class _Small(msgspec.Struct, gc=False):
    id: _Id


class _Capital(msgspec.Struct, gc=False):
    id: _Id = msgspec.field(name="Id")


class _Any(msgspec.Struct, gc=False):
    small: str | None = msgspec.field(name="id", default=None)
    capital: str | None = msgspec.field(name="Id", default=None)


class _SmallProperties(msgspec.Struct, gc=False):
    status: _Status
    details: _Small = msgspec.field(name="resourceDetails")


class _CapitalProperties(msgspec.Struct, gc=False):
    status: _Status
    details: _Capital = msgspec.field(name="resourceDetails")


class _AnyProperties(msgspec.Struct, gc=False):
    status: _Status
    details: _Any | None = msgspec.field(name="resourceDetails", default=None)


class _SmallRow(msgspec.Struct, gc=False):
    """As ARM answers."""

    name: _Id
    properties: _SmallProperties


class _CapitalRow(msgspec.Struct, gc=False):
    """As Resource Graph, and ARM for some sources, capitalise it."""

    name: _Id
    properties: _CapitalProperties


class _NestedRow(msgspec.Struct, gc=False):
    """With either spelling, or neither: then the assessment's own id tells the resource."""

    name: _Id
    id: _Id
    properties: _AnyProperties


class _FlatRow(msgspec.Struct, gc=False):
    """As `az security assessment list` prints it, or in snake case, as the SDK's `as_dict()` does."""

    name: _Id
    id: _Id
    status: _FlatStatus
    details: _Any | None = msgspec.field(name="resourceDetails", default=None)
    snake_details: _Any | None = msgspec.field(name="resource_details", default=None)

    def __post_init__(self) -> None:
        self.details = self.details or self.snake_details


NESTED_SHAPES = (_SmallRow, _CapitalRow, _NestedRow)
"""As ARM answers. Narrowest first: what a shape does not ask for is not decoded."""

MARK_SHAPES = (*NESTED_SHAPES, _FlatRow)
"""Whatever wrote them."""


def _resource(row: _NestedRow | _FlatRow) -> str:
    details = row.properties.details if isinstance(row, _NestedRow) else row.details
    if details is not None and (named := details.small or details.capital):
        return named
    end = row.id.lower().rfind(_UNDER)
    if end <= 0:
        raise ValueError(f"{row.id[:120]!r} names no resource, and there is no `resourceDetails.id`")
    return row.id[:end]


def _parts(rows: Sequence[Any]) -> tuple[list[str], list[Any]]:
    """Resource ids and statuses of rows of one shape."""
    if isinstance(rows[0], _SmallRow | _CapitalRow):
        properties = [row.properties for row in rows]
        return [p.details.id for p in properties], [p.status for p in properties]
    if isinstance(rows[0], _NestedRow):
        return [_resource(row) for row in rows], [row.properties.status for row in rows]
    return [_resource(row) for row in rows], [row.status for row in rows]


class _Causes(dict[str | None, int]):
    def __missing__(self, cause: str | None) -> int:
        folded = (cause or "").lower()
        known = {"exempt": Because.EXEMPT, "offbypolicy": Because.OFF_BY_POLICY}
        self[cause] = int(known.get(folded, Because.OTHER))
        return self[cause]


def marks(path: str, blocks: stream.Blocks[Any], resources: Names, recommendations: Names, taken_at: int) -> Marks:
    """The marks in blocks of rows, in order, rows that repeat and agree as one.

    `firstEvaluationDate` is read of the marks that changed in the 24 hours up to `taken_at`: elsewhere nothing asks.
    Raises EvidenceError for a date that is none, a row that names no resource, and rows that contradict each other.
    """
    columns: list[tuple[Any, ...]] = []
    causes, count = _Causes(), 0
    for rows in blocks:
        if not rows:
            continue
        try:
            ids, statuses = _parts(rows)
            columns.append(
                (
                    resources.places(ids),
                    recommendations.places([row.name for row in rows]),
                    np.fromiter(map(_CODES.__getitem__, [s.code for s in statuses]), np.int8, len(rows)),
                    np.fromiter(map(causes.__getitem__, [s.cause for s in statuses]), np.int8, len(rows)),
                    changed := dates.column([s.changed or "" for s in statuses]),
                    _first(statuses, changed, taken_at),
                )
            )
        except ValueError:
            raise EvidenceError(f"{path}: {_wrong(rows, count)}") from None
        count += len(rows)
    if not columns:
        i, b, t = np.zeros(0, np.int32), np.zeros(0, np.int8), np.zeros(0, np.int64)
        return Marks(i, i, b, b, t, t)
    resource, recommendation, status, because, changed, first = (np.concatenate(c) for c in zip(*columns, strict=True))
    return _ordered(path, Marks(resource, recommendation, status, because, changed, first), resources, recommendations)


def _wrong(rows: Sequence[Any], before: int) -> str:
    """Which of the rows names no resource or has a date that is none, and why."""
    for number, row in enumerate(rows):
        try:
            _, (status,) = _parts([row])
            dates.column([status.changed or "", status.first or ""])
        except ValueError as error:
            return f"row {before + number + 1}: {error}"
    return "a row can't be read"


def _first(statuses: list[Any], changed: Longs, taken_at: int) -> Longs:
    column = np.full(len(statuses), NEVER, np.int64)
    rows = np.flatnonzero(changed > taken_at - DAY)
    column[rows] = dates.column([statuses[row].first or "" for row in rows])
    return column


def _ordered(path: str, rows: Marks, resources: Names, recommendations: Names) -> Marks:
    key = rows.resource.astype(np.int64) * (len(recommendations) + 1) + rows.recommendation
    order = np.argsort(key, kind="stable")
    key = key[order]
    ordered = _take(rows, order)
    repeated = np.flatnonzero(key[1:] == key[:-1])
    for name in ("status", "because", "changed", "first"):
        column = getattr(ordered, name)
        for at in repeated[column[repeated] != column[repeated + 1]]:
            raise EvidenceError(
                f"{path}: recommendation {recommendations[ordered.recommendation[at]]} on "
                f"{resources[ordered.resource[at]]} is there twice, and the two rows differ"
            )
    if not len(repeated):
        return ordered
    keep = np.ones(len(key), np.bool_)
    keep[repeated + 1] = False
    return _take(ordered, np.flatnonzero(keep))


def _take(marks: Marks, rows: Any) -> Marks:
    m = marks
    return Marks(
        m.resource[rows], m.recommendation[rows], m.status[rows], m.because[rows], m.changed[rows], m.first[rows]
    )


class _Resource(msgspec.Struct, gc=False):
    id: _Id
    type: str | None = None
    created: str | None = msgspec.field(name="createdTime", default=None)
    snake: str | None = msgspec.field(name="created_time", default=None)
    changed: str | None = msgspec.field(name="changedTime", default=None)
    snake_changed: str | None = msgspec.field(name="changed_time", default=None)
    tags: msgspec.Raw = msgspec.Raw(b"null")


def inventory(path: str, blocks: stream.Blocks[Any], resources: Names) -> Inventory:
    """The resources of a subscription; of rows that repeat the later `changedTime` counts.

    Raises EvidenceError for a date that is none, and for rows that contradict each other otherwise.
    """
    places: list[Any] = []
    created: list[Longs] = []
    changed: list[Longs] = []
    sets: list[Any] = []
    table: dict[bytes, int] = {b"null": 0, b"{}": 0}
    tag_sets: list[dict[str, str]] = [{}]
    types: set[str] = set()
    seen_types: set[str | None] = set()

    def tag_set(raw: bytes) -> int:
        decoded = msgspec.json.decode(raw)
        tags = {k: v for k, v in decoded.items() if isinstance(v, str)} if isinstance(decoded, dict) else {}
        canonical = msgspec.json.encode(tags, order="sorted")
        if canonical not in table:
            table[canonical] = len(tag_sets)
            tag_sets.append(tags)
        table[raw] = table[canonical]
        return table[raw]

    for rows in blocks:
        if not rows:
            continue
        created.append(_dates(path, "createdTime", [row.created or row.snake or "" for row in rows]))
        changed.append(_dates(path, "changedTime", [row.changed or row.snake_changed or "" for row in rows]))
        places.append(resources.places([row.id for row in rows]))
        raws = [bytes(row.tags) for row in rows]
        sets.append(np.array([table[raw] if raw in table else tag_set(raw) for raw in raws], np.int32))
        for row in rows:
            if row.type not in seen_types or row.type is None:
                seen_types.add(row.type)
                types.add((row.type or type_of(row.id)).lower())
    if not places:
        none = np.zeros(0, np.int32)
        return Inventory(none, none.astype(np.int64), none, tuple(tag_sets), frozenset())
    columns = [np.concatenate(column) for column in (places, created, changed, sets)]
    order = np.argsort(columns[0], kind="stable")
    resource, made, written, tags = (column[order] for column in columns)
    repeated = np.flatnonzero(resource[1:] == resource[:-1])
    for at in repeated[(made[repeated] != made[repeated + 1]) | (tags[repeated] != tags[repeated + 1])]:
        raise EvidenceError(f"{path}: {resources[int(resource[at])]} is there twice, and the two rows differ")
    keep = np.ones(len(resource), np.bool_)
    keep[repeated + 1] = False
    latest = np.maximum.reduceat(written, np.flatnonzero(keep)) if (written != NEVER).any() else None
    return Inventory(resource[keep], made[keep], tags[keep], tuple(tag_sets), frozenset(types), latest)


def _dates(path: str, field: str, texts: list[str]) -> Longs:
    try:
        return dates.column(texts)
    except ValueError as error:
        raise EvidenceError(f"{path}: `{field}`: {error}") from None


RESOURCE_SHAPES = (_Resource,)

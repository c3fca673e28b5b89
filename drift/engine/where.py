"""Where shares fell: by resource and its owner, kind by kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import fsum

import numpy as np

from drift import ids
from drift.engine.attribution import Rates
from drift.kinds import KINDS, Class, Kind
from drift.model import Delta, Floats, Ints, Json, Longs

BY = ("owner", "resourceGroup", "resource", "control")
"""What the shares of a window can be divided by."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where shares fell: a row for each (kind, resource), the share in pp.

    With what has no resource (`unexplained` and the like) these are all shares of a segment.
    """

    kind: Ints
    """`Kind.order`"""
    resource: Ints
    share: Floats
    resources: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()


def together(parts: Sequence[Where]) -> Where:
    """One table of several; a resource is shown as the last of them has it."""
    places: dict[str, int] = {}
    shown: dict[str, tuple[str, str]] = {}
    for part in parts:
        for resource, owner in zip(part.resources, part.owners, strict=True):
            places.setdefault(resource.lower(), len(places))
            shown[resource.lower()] = resource, owner
    if not shown:
        none = np.zeros(0, np.int32)
        return Where(none, none, np.zeros(0))
    some = [part for part in parts if len(part.share)]
    key: Longs = np.concatenate([_keys(part, places) for part in some] or [np.zeros(0, np.int64)])
    share: Floats = np.concatenate([part.share for part in some] or [np.zeros(0)])
    rows, of = np.unique(key, return_inverse=True)
    kind, place = rows // len(places), rows % len(places)
    resources, owners = zip(*shown.values(), strict=True)
    return Where(kind.astype(np.int32), place.astype(np.int32), np.bincount(of, share, len(rows)), resources, owners)


def _keys(part: Where, places: Mapping[str, int]) -> Longs:
    own = np.array([places[resource.lower()] for resource in part.resources], np.int64)
    return part.kind.astype(np.int64) * len(places) + own[part.resource]


def of_cells(delta: Delta, worth: Rates, gained: float) -> Floats:
    """The shares of a delta's cells, in pp, each with its part of the member's gain in weight."""
    cells = delta.cells
    share = worth.of_cells(delta.effects.controls, cells)
    if gained and len(share):
        total = sum((sum((c.came if gained > 0 else c.went).values(), Fraction(0)) for c in delta.changes), Fraction(0))
        brought = np.maximum(cells.counted if gained > 0 else -cells.counted, 0.0)
        share = share + (worth.weight * gained / float(total) * brought if total else 0.0)
    return share


def fell(delta: Delta, worth: Rates, gained: float) -> Where:
    """Where the shares of a delta fell."""
    cells, share = delta.cells, of_cells(delta, worth, gained)
    kinds = np.array([change.cause.kind.order for change in delta.changes], np.int32)
    return Where(
        kinds[cells.change] if len(share) else cells.change, cells.resource, share, cells.resources, cells.owners
    )


def divided_by(
    by: str,
    shares: Iterable[tuple[Kind, float, Mapping[str, Sequence[float]]]],
    where: Where,
    controls: Mapping[str, str],
) -> list[Json]:
    """The shares of a window by one of BY, the largest first; they sum to its movement.

    `shares`: of each cause its kind, its share, and that by control. What concerns no resource, or one that nobody
    owns, stands under the key null.
    """
    found: dict[str | None, dict[Class, list[float]]] = {}

    def add(key: str | None, kind: Kind, share: float) -> None:
        found.setdefault(key or None, {}).setdefault(kind.group, []).append(share)

    if by == "control":
        for kind, share, by_control in shares:
            for control, parts in by_control.items():
                add(controls.get(control, control), kind, fsum(parts))
            if not by_control:
                add(None, kind, share)
    else:
        keys = [_key(by, *one) for one in zip(where.resources, where.owners, strict=True)]
        for order, resource, share in zip(
            where.kind.tolist(), where.resource.tolist(), where.share.tolist(), strict=True
        ):
            add(keys[resource], KINDS[order], share)
        for kind, share, _ in shares:
            if kind in _OF_NO_RESOURCE:
                add(None, kind, share)
    rows: list[Json] = [
        {
            "key": key,
            "share": fsum(one for some in own.values() for one in some),
            "classes": {c.value: fsum(own[c]) for c in Class if c in own},
        }
        for key, own in found.items()
    ]
    return sorted(rows, key=lambda row: (-abs(row["share"]), row["key"] or ""))


def _key(by: str, resource: str, owner: str) -> str | None:
    if by == "owner":
        return owner
    return resource if by == "resource" else ids.resource_group(resource)


_OF_NO_RESOURCE = frozenset(
    {
        Kind.SUBSCRIPTION_ADDED,
        Kind.SUBSCRIPTION_REMOVED,
        Kind.CONTROL_REWEIGHTED,
        Kind.WEIGHT_CHANGED,
        Kind.UNEXPLAINED,
    }
)

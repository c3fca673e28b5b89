"""Machines that lack marks which the others of their kind have: no agent or extension feeds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from drift import ids
from drift.model import DAY, NEVER, Ints, Longs, Snapshot

KINDS = frozenset(
    {
        "microsoft.compute/virtualmachines",
        "microsoft.compute/virtualmachinescalesets",
        "microsoft.hybridcompute/machines",
    }
)
"""What counts as a machine, by type."""

NEARLY_ALL = 0.8
"""The part of the machines of a kind that must have a mark before another is said to lack it."""

FEWEST = 3
"""How many must."""


@dataclass(frozen=True, slots=True)
class Unassessed:
    """A machine, and the recommendations that it has no mark of, by position."""

    resource: int
    missing: tuple[int, ...]
    others: int
    """How many of its kind have marks of them, at least."""
    blank: bool
    """Whether it has no mark at all."""


def unassessed(snapshot: Snapshot, nearly: float = NEARLY_ALL, fewest: int = FEWEST) -> list[Unassessed] | None:
    """The machines that lack marks which so many of their kind have; None without an inventory.

    A machine that was created in the day before is still to be assessed. Not all machines need a mark of all: one that
    is for Windows alone is none of a Linux machine's, so that half of them having it says little.
    """
    if snapshot.context.inventory is None:
        return None
    return [one for places in _by_kind(snapshot) for one in _lacking(snapshot, places, nearly, fewest)]


def machines(snapshot: Snapshot) -> Ints:
    """The positions of all machines that the inventory lists and that are old enough to be assessed."""
    return np.concatenate([np.zeros(0, np.int32), *_by_kind(snapshot)])


def _by_kind(snapshot: Snapshot) -> Iterator[Ints]:
    inventory = snapshot.context.inventory
    if inventory is None or not inventory.types & KINDS:
        return
    old = (inventory.created == NEVER) | (inventory.created <= snapshot.taken_at - DAY)
    kinds: dict[str, list[int]] = {}
    for place in inventory.resource[old].tolist():
        kind = ids.type_of(snapshot.resources[place])
        if kind in KINDS:
            kinds.setdefault(kind, []).append(place)
    for _, places in sorted(kinds.items()):
        yield np.array(places, np.int32)


def _lacking(snapshot: Snapshot, places: Ints, nearly: float, fewest: int) -> Iterator[Unassessed]:
    marks = snapshot.marks
    row_of = np.full(len(snapshot.resources), -1, np.int64)
    row_of[places] = np.arange(len(places))
    own: Longs = np.flatnonzero(row_of[marks.resource] >= 0)
    recommendations, of = np.unique(marks.recommendation[own], return_inverse=True)
    present = np.zeros((len(places), len(recommendations)), np.bool_)
    present[row_of[marks.resource[own]], of] = True
    some = present.any(axis=1)
    having = present.sum(axis=0)
    usual = (having >= fewest) & (having >= nearly * np.count_nonzero(some))
    lacking = usual & ~present
    for at in np.flatnonzero(lacking.any(axis=1)).tolist():
        missing = np.flatnonzero(lacking[at])
        least = int(having[missing].min())
        yield Unassessed(int(places[at]), tuple(recommendations[missing].tolist()), least, blank=not bool(some[at]))

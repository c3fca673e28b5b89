"""Machines of which others of their kind tell more: no agent or extension feeds what these have and they have not.

Half of the machines can be without an agent, and a check for one system alone leaves no mark on another. So it is not
how many have a mark that tells, but that a machine has nothing that the others have not: its recommendations are a part
of theirs. A Linux machine and a Windows machine have something of their own each.
"""

from __future__ import annotations

import numpy as np

from drift import ids
from drift.model import Flags, Ints, Longs, Snapshot

FEWEST = 2
"""How many machines must have all that one has and more, and how many recommendations it must lack."""

PART = 0.25
"""What part of the machines of a kind must: a few have a database or containers, and are assessed for that as well."""

PATTERNS = 200
"""Sets of recommendations, the most usual first, that machines are compared with."""


def silent(snapshot: Snapshot, machines: Ints) -> dict[int, tuple[int, ...]]:
    """Of some machines, by position, those that lack what others of their kind have, with the recommendations."""
    kinds: dict[str, list[int]] = {}
    for place in machines.tolist():
        kinds.setdefault(ids.type_of(snapshot.resources[place]), []).append(place)
    found: dict[int, tuple[int, ...]] = {}
    for own in kinds.values():
        found |= _of_a_kind(snapshot, np.array(sorted(own), np.int32))
    return found


def _of_a_kind(snapshot: Snapshot, own: Ints) -> dict[int, tuple[int, ...]]:
    marks = snapshot.marks
    at = np.minimum(np.searchsorted(own, marks.resource), len(own) - 1)
    inside = own[at] == marks.resource
    keys, of = np.unique(marks.recommendation[inside], return_inverse=True)
    has: Flags = np.zeros((len(own), len(keys)), np.bool_)
    has[at[inside], of] = True
    patterns, which, count = np.unique(has, axis=0, return_inverse=True, return_counts=True)
    number: Longs = count.astype(np.int64)
    usual = np.sort(np.argsort(-number, kind="stable")[:PATTERNS])
    least = max(FEWEST, PART * len(own))
    lacks = [_lacks(pattern, patterns[usual], number[usual], least) for pattern in patterns]
    return {
        place: tuple(keys[lacks[pattern]].tolist())
        for place, pattern in zip(own.tolist(), which.reshape(-1).tolist(), strict=True)
        if np.count_nonzero(lacks[pattern]) >= FEWEST
    }


def _lacks(pattern: Flags, patterns: Flags, number: Longs, least: float) -> Flags:
    """[recommendation] what all those have that have all of the pattern and more; nothing where they are too few."""
    more = ~(pattern & ~patterns).any(axis=1) & (patterns & ~pattern).any(axis=1)
    if number[more].sum() < least:
        return np.zeros(len(pattern), np.bool_)
    return patterns[more].all(axis=0) & ~pattern

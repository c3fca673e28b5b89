"""What tags say of resources: who owns them, and how much depends on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from drift import ids
from drift.engine.owners import Owners
from drift.engine.wording import clean
from drift.model import Bytes, Inventory, Snapshot

TAG = "criticality"
"""The tag that tells how much depends on a resource; compared in any case, as Azure compares tag names."""

CRITICALITY = {
    "mission-critical": 3,
    "business-critical": 3,
    "unit-critical": 3,
    "business-unit-critical": 3,
    "critical": 3,
    "high": 2,
    "medium": 1,
    "low": 0,
    "unsupported": 0,
}
"""What the tag may say, and how much that is; spaces and underscores are as hyphens."""

UNTAGGED = CRITICALITY["medium"]
"""A resource of which nothing is said, or nothing that is known."""


def owners(snapshot: Snapshot, places: Sequence[int]) -> tuple[str, ...]:
    """Who owns each of some resources, in one line; "" for nobody."""
    inventory, names = snapshot.context.inventory, snapshot.resources
    known = Owners(names, inventory)
    sets = [clean(known.of(names[place])) for place in _examples(inventory)]
    of = zip(_tag_sets(inventory, places), places, strict=True)
    return tuple(sets[at] if at >= 0 else clean(known.of(names[place])) for at, place in of)


def _examples(inventory: Inventory | None) -> list[int]:
    """A resource of each set of tags: all that bear one have the same owner."""
    if inventory is None:
        return []
    used, first = np.unique(inventory.tags, return_index=True)
    found = [int(inventory.resource[0])] * len(inventory.tag_sets) if len(inventory.resource) else []
    for tags, at in zip(used.tolist(), first.tolist(), strict=True):
        found[tags] = int(inventory.resource[at])
    return found


def _tag_sets(inventory: Inventory | None, places: Sequence[int]) -> list[int]:
    """The set of tags that each resource bears; -1 where it is not in the inventory."""
    asked = np.array(places, np.int64)
    if inventory is None or not len(inventory.resource):
        return [-1] * len(asked)
    at = np.minimum(np.searchsorted(inventory.resource, asked), len(inventory.resource) - 1)
    return np.where(inventory.resource[at] == asked, inventory.tags[at], -1).tolist()


def critical(snapshot: Snapshot, places: Sequence[int]) -> Bytes:
    """How much depends on each of some resources, from 0 to 3.

    By its own tag, else that of the nearest thing that it lies under, else the subscription's.
    """
    inventory, names = snapshot.context.inventory, snapshot.resources
    own = _level(snapshot.subscription.tags)
    sets = [_level(tags) for tags in inventory.tag_sets] if inventory is not None else []
    if all(level is None for level in sets):
        return np.full(len(places), UNTAGGED if own is None else own, np.int8)
    tagged: dict[int, int] = {}
    if inventory is not None:
        for place, tags in zip(inventory.resource.tolist(), inventory.tags.tolist(), strict=True):
            if (level := sets[tags]) is not None:
                tagged[place] = level

    def of(place: int) -> int:
        for scope in ids.scopes(names[place].lower()):
            at = names.find(scope)
            if at is not None and at in tagged:
                return tagged[at]
        return UNTAGGED if own is None else own

    return np.array([tagged[place] if place in tagged else of(place) for place in places], np.int8)


def _level(tags: Mapping[str, str]) -> int | None:
    """How much tags say depends on what bears them; None where they do not say, or nothing that is known."""
    for name, value in sorted(tags.items()):
        if name.lower() == TAG:
            return CRITICALITY.get("-".join(value.lower().replace("_", " ").replace("-", " ").split()))
    return None

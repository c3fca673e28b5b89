"""Whether a subscription stands still: nothing moved, and nothing that the next comparison must know is new.

Azure promises no order, of the rows of a list or of the keys of an object, and a set has none: what is the same in
another order is the same. A head that is written over itself would cost three writes each hour.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drift.engine.head import Head
from drift.model import Ints, Inventory, Marks


def differs(before: Head, new: Head) -> bool:
    """Whether the next comparison needs to know more of `new` than its time. The two share their registers."""
    if (before.pending is None) != (new.pending is None) or before.healthy_reading != new.healthy_reading:
        return True
    known = {(one.kind, one.at, one.name, one.recommendation) for one in before.memory}
    if any((one.kind, one.at, one.name, one.recommendation) not in known for one in new.memory):
        return True
    old, now = before.snapshot, new.snapshot
    if (old.subscription, old.score, old.controls) != (now.subscription, now.score, now.controls):
        return True
    around = replace(old.context, inventory=None), replace(now.context, inventory=None)
    return (
        around[0] != around[1]
        or not _same_marks(old.marks, now.marks)
        or not _same_inventory(old.context.inventory, now.context.inventory)
    )


def _same_marks(old: Marks, new: Marks) -> bool:
    """Without `first`: it is kept of the last 24 hours only, so that it changes by the passing of time."""
    columns = ("resource", "recommendation", "status", "because", "changed")
    return all(np.array_equal(getattr(old, name), getattr(new, name)) for name in columns)


def _same_inventory(old: Inventory | None, new: Inventory | None) -> bool:
    """Without `written`: a comparison asks the newer snapshot for it, and the older one's need not be fresh."""
    if old is None or new is None:
        return old is new
    if old.types != new.types or not np.array_equal(old.resource, new.resource):
        return False
    numbers: dict[frozenset[tuple[str, str]], int] = {}
    return np.array_equal(old.created, new.created) and np.array_equal(_tags(old, numbers), _tags(new, numbers))


def _tags(inventory: Inventory, numbers: dict[frozenset[tuple[str, str]], int]) -> Ints:
    """The tags of each resource by a number that says what they are, whatever order their sets are in."""
    sets = [numbers.setdefault(frozenset(tags.items()), len(numbers)) for tags in inventory.tag_sets]
    return np.array(sets, np.int32)[inventory.tags]

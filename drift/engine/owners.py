"""Who owns a resource: what its tags said at the time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from drift import ids
from drift.model import Inventory
from drift.names import Names

TAG = "owner"
"""The tag that names who is responsible; compared in any case, as Azure compares tag names."""


class Owners:
    """The owner of any resource, by the later inventory, else by the earlier: what is gone had an owner too."""

    def __init__(self, resources: Names, *inventories: Inventory | None) -> None:
        self._resources = resources
        self._inventories = [one for one in inventories if one is not None]

    def of(self, resource: str) -> str:
        """Its own tag, else that of the nearest thing it lies under (a subnet's is its network's); "" for nobody."""
        for scope in ids.scopes(resource.lower()):
            place = self._resources.find(scope)
            if place is None:
                continue
            for inventory in self._inventories:
                at = int(np.searchsorted(inventory.resource, place))
                if at < len(inventory.resource) and inventory.resource[at] == place:
                    return _owner(inventory.tag_sets[int(inventory.tags[at])])
        return ""


def _owner(tags: Mapping[str, str]) -> str:
    return next((value for name, value in sorted(tags.items()) if name.lower() == TAG), "")

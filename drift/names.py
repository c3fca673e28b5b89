"""Ids by position: a million marks name their resource and recommendation by a number."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


class _Exact(dict[str, int]):
    """Exact spelling to position; a new spelling is looked up folded, once."""

    def __init__(self) -> None:
        self.folded: dict[str, int] = {}
        self.shown: list[str] = []

    def __missing__(self, name: str) -> int:
        place = self.folded.setdefault(name.lower(), len(self.shown))
        if place == len(self.shown):
            self.shown.append(name)
        elif name < self.shown[place]:
            self.shown[place] = name  # whichever order the spellings come in, the same one is shown
        self[name] = place
        return place


class Names:
    """Ids by position: compared without case, shown as Azure wrote them.

    Grows, never forgets: the snapshots of one chain share one, so that equal positions are equal ids.
    """

    __slots__ = ("_exact",)

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._exact = _Exact()
        for name in names:
            self.place(name)

    def __len__(self) -> int:
        return len(self._exact.shown)

    def __getitem__(self, place: int) -> str:
        return self._exact.shown[place]

    def place(self, name: str) -> int:
        """The position of an id, given one if it is new."""
        return self._exact[name]

    def copy(self) -> Names:
        """One that starts with the same ids at the same positions."""
        return Names(self._exact.shown)

    def places(self, names: list[str]) -> NDArray[np.int32]:
        """The positions of many."""
        return np.fromiter(map(self._exact.__getitem__, names), np.int32, len(names))

    def find(self, name: str) -> int | None:
        """The position of an id, or None if it was never seen."""
        return self._exact.folded.get(name.lower())

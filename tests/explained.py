"""The product's answer about folders that a test made: written to disk, explained, and summed up by cause."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drift.actors import Happening
from drift.folders import explain_folders
from tests.build import Folder, write

Answer = dict[str, Any]
Cause = tuple[str, str, str]  # kind, subject and scope; the latter two in lower case
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
UNSEEN = 1e-9
"""pp. What differs by less is rounding."""


@contextmanager
def written(folders: Sequence[Folder]) -> Iterator[list[Path]]:
    """The folders on disk, as long as the block runs."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as place:
        yield [write(folder, Path(place) / str(at)) for at, folder in enumerate(folders)]


def explained(folders: Sequence[Folder], scope: str = "all", events: Sequence[Happening] = ()) -> Answer:
    """The JSON object of the contract. Raises EvidenceError."""
    with written(folders) as paths:
        return explain_folders(paths, scope, lambda done, of, name: None, events)


def shares(answer: Answer, what: str = "causes", least: float = UNSEEN) -> dict[Cause, float]:
    """Shares by cause, those smaller than `least` left out. `what`: causes or pending."""
    total: Counter[Cause] = Counter()
    for row in answer[what]:
        total[row["kind"], row["subject"].lower(), row["scope"].lower()] += row["share"]
    return {cause: share for cause, share in total.items() if abs(share) >= least}


def by_subscription(answer: Answer) -> dict[str, Answer]:
    """The object of each subscription scored at both ends, by its id."""
    return {one["scope"].lower(): one for one in answer["subscriptions"]}


def own(folders: Sequence[Folder], *events: Happening) -> Answer:
    """The object of the only subscription."""
    (subscription,) = explained(folders, events=events)["subscriptions"]
    return subscription


def told(answer: Answer, what: str = "causes") -> set[tuple[str, str]]:
    """What happened to what, whatever its share."""
    return {(kind, subject) for kind, subject, _ in shares(answer, what, least=0)}


def only(answer: Answer, kind: str) -> dict[str, Any]:
    """The one cause of a kind."""
    (cause,) = [row for row in answer["causes"] if row["kind"] == kind]
    return cause

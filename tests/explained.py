"""The product's answer about folders that a test made: written to disk, explained, and summed up by cause."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drift.pipeline import explain_folders
from tests.build import Folder, write

Cause = tuple[str, str, str]  # kind, subject and scope, the latter two in lower case
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def explained(folders: Sequence[Folder], scope: str = "all") -> dict[str, Any]:
    """The JSON object of the contract. Raises EvidenceError."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as place:
        paths = [write(folder, Path(place) / str(at)) for at, folder in enumerate(folders)]
        return explain_folders(paths, scope, lambda done, of, name: None)


def shares(answer: dict[str, Any], what: str = "causes", least: float = 1e-9) -> dict[Cause, float]:
    """Shares by cause; those of no size are left out, also `least` = 0 keeps all."""
    total: Counter[Cause] = Counter()
    for row in answer[what]:
        total[row["kind"], row["subject"].lower(), row["scope"].lower()] += row["share"]
    return {cause: share for cause, share in total.items() if abs(share) >= least}


def own(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The object of each subscription scored at both ends, by its id."""
    return {one["scope"].lower(): one for one in answer["subscriptions"]}

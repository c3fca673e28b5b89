"""Asks the product why folders that a test made stand still."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drift.actors import Happening
from drift.diagnosing import asked_for, diagnose_folders
from tests.build import Folder, key, resource
from tests.explained import written


def why(
    *folders: Folder,
    scope: str = "all",
    rec: str | None = None,
    res: str | None = None,
    figure: float | None = None,
    events: Sequence[Happening] = (),
) -> dict[str, Any]:
    """The whole answer; recommendation and resource by their short names."""
    asked = asked_for(scope, rec and key(rec), res and resource(res), figure)
    with written(folders) as paths:
        return diagnose_folders(paths, asked, events=events)


def reasons(*folders: Folder, **asked: Any) -> dict[str, dict[str, Any]]:
    """The reasons by name, the first first."""
    return {one["reason"]: one for one in why(*folders, **asked)["reasons"]}

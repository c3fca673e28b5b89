"""What controls, recommendations and resources are worth: alone, and as a part of what all fixes bring together.

A cell becomes healthy once all its Unhealthy marks are fixed. Alone, a recommendation is worth the cells in which
nothing else is Unhealthy; together, each cell is divided equally among its Unhealthy marks, so that nothing is added up
twice and all of it is what all fixes bring. All figures are pp of the scope's score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import nlargest

import numpy as np

from drift.engine.planning.needs import Check, Needs
from drift.model import Floats


@dataclass(slots=True)
class OfControl:
    """A control in all subscriptions of the scope."""

    control: str
    title: str
    unhealthy: int = 0
    alone: float = 0.0
    """If all its Unhealthy marks are fixed: what is healthy by it in other controls as well counts too."""
    together: float = 0.0


@dataclass(slots=True)
class OfRecommendation:
    """A recommendation in all subscriptions of the scope."""

    check: Check
    unhealthy: int = 0
    alone: float = 0.0
    together: float = 0.0
    controls: set[str] = field(default_factory=set)
    """Titles."""


@dataclass(frozen=True, slots=True)
class OfResource:
    """A resource: its cells are its own, so that alone and together are the same."""

    resource: str
    owner: str
    critical: int
    fixes: int
    worth: float


def of_controls(every: Sequence[Needs], parts: Sequence[float]) -> list[OfControl]:
    """Those with Unhealthy cells, the largest first."""
    found: dict[str, OfControl] = {}
    for one, part in zip(every, parts, strict=True):
        alone = one.values @ np.minimum(_healed(one), one.room[:, None])
        together = one.values * np.minimum(one.open, one.room)
        for at in np.flatnonzero(one.open).tolist():
            row = found.setdefault(one.controls[at], OfControl(one.controls[at], one.titles[at]))
            row.unhealthy += int(one.open[at])
            row.alone += part * float(alone[at])
            row.together += part * float(together[at])
    return sorted(found.values(), key=lambda row: (-row.together, row.control))


def _healed(one: Needs) -> Floats:
    """[other control, control] Cells that become healthy if all marks in a control are fixed."""
    found = np.diag(one.open).astype(float)
    shared = one.listed.sum(axis=0) > 1
    numbers = np.bincount(one.knot_pattern, minlength=len(one.patterns)).tolist()
    for pattern, number in zip(one.patterns, numbers, strict=True):
        checks = list(pattern)
        if not shared[checks].any():
            continue
        lacks = one.listed[:, checks]
        for control in np.flatnonzero(lacks.any(axis=1)).tolist():
            whole = ~(lacks & ~lacks[control]).any(axis=1) & lacks.any(axis=1) & (one.values > 0)
            whole[control] = False
            found[whole, control] += number
    return found


def of_recommendations(every: Sequence[Needs], parts: Sequence[float]) -> list[OfRecommendation]:
    """Those with Unhealthy marks that count, the largest part first."""
    found: dict[str, OfRecommendation] = {}
    for one, part in zip(every, parts, strict=True):
        alone = np.minimum(one.lone, one.room) @ one.values
        share = np.divide(np.minimum(one.open, one.room), one.open, out=np.zeros(len(one.open)), where=one.open > 0)
        together = (one.parts * share) @ one.values
        for at, check in enumerate(one.checks):
            row = found.setdefault(check.key.lower(), OfRecommendation(check))
            row.unhealthy += int(one.marks[at])
            row.alone += part * float(alone[at])
            row.together += part * float(together[at])
            row.controls |= {one.titles[control] for control in np.flatnonzero(one.listed[:, at]).tolist()}
    return sorted(found.values(), key=lambda row: (-row.together, -row.alone, row.check.key.lower()))


def of_resources(every: Sequence[Needs], parts: Sequence[float], most: int) -> list[OfResource]:
    """The resources that are worth most, the largest first."""
    found: list[tuple[float, int, int, Needs]] = []
    for number, (one, part) in enumerate(zip(every, parts, strict=True)):
        worth = part * one.worth
        some = np.argsort(-worth, kind="stable")[:most].tolist()
        found += [(float(worth[at]), -number, -at, one) for at in some if worth[at] > 0]
    return [
        OfResource(one.resources[-at], one.owners[-at], int(one.critical[-at]), int(one.fixes[-at]), worth)
        for worth, _, at, one in nlargest(most, found, key=lambda row: row[:3])
    ]

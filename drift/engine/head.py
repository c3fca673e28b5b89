"""Where a chain of snapshots stands: the last of them, and what can't be seen in two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drift.engine.context import Happened
from drift.engine.scoring import Standing, membership
from drift.engine.units import Units
from drift.forecast import Forecast
from drift.model import Cause, Counts, Point, Snapshot, Status


@dataclass(frozen=True, slots=True)
class Pending:
    """Changed marks that the counts did not show yet, with the controls and causes that their columns point to."""

    units: Units
    controls: tuple[str, ...]
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """The last snapshot of a chain and what the chain remembers. `pending` is None if it has no predecessor."""

    snapshot: Snapshot
    at: Point
    """Where it stands."""
    pending: Pending | None = None
    memory: tuple[Happened, ...] = ()
    healthy_reading: bool = False
    """Whether a Mitigated exemption counts as healthy, as last measured."""
    forecasts: tuple[Forecast, ...] = ()
    """What was said to come: what is open, and what the last movement settled. Whoever keeps the chain moves it on."""


def point(snapshot: Snapshot) -> Point:
    """Where a snapshot stands."""
    order = [control.name.lower() for control in snapshot.controls]
    counts = membership(snapshot.controls, order, snapshot.context, len(snapshot.recommendations)).counts
    effective = Standing(snapshot.marks, counts, *2 * (np.zeros(len(snapshot.marks), np.bool_),)).effective(False)
    counted = effective != Status.NONE
    return Point(
        taken_at=snapshot.taken_at,
        subscription=snapshot.subscription,
        counts={c.name.lower(): Counts(c.maximum, c.healthy, c.counted) for c in snapshot.controls},
        weight=snapshot.score.weight if snapshot.score else 0.0,
        reported=snapshot.score,
        unscored=snapshot.unscored,
        ancestors=snapshot.context.ancestors,
        resources=len(np.unique(snapshot.marks.resource[counted])),
        marks=int(np.count_nonzero(counted)),
    )


def begin(snapshot: Snapshot, healthy_reading: bool = False) -> Head:
    """The head of a chain that starts with a snapshot."""
    return Head(snapshot, point(snapshot), healthy_reading=healthy_reading)

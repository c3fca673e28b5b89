"""Settling at size: as many groups and dates as a large estate has, in seconds where it could take minutes."""

from __future__ import annotations

from time import monotonic

import numpy as np
import pytest

from drift.engine.settling import settle
from drift.engine.units import Cells, Units
from drift.model import NEVER, Flags, Longs, Status

CONTROLS = 30
SECONDS = 20
"""Many times what it takes, and less than evaluating each choice as a whole would take."""


def fixes(time: Longs, cause: Longs) -> tuple[Units, Cells]:
    """One fixed mark a resource, by turns in each control."""
    size = len(time)
    place, nothing, no = np.arange(size, dtype=np.int32), np.zeros(size, np.int8), np.zeros(size, np.bool_)
    was, now = (np.full(size, status, np.int8) for status in (Status.UNHEALTHY, Status.HEALTHY))
    columns = (place % CONTROLS, place, place % CONTROLS, was, now, was, now, nothing, nothing, no, no, no, no)
    empty = np.zeros(size, np.int64)
    return Units(*columns, time, empty, cause), Cells(place % CONTROLS, place, empty + place, empty, empty)


def shown_of(units: Units, cells: Cells, shown: Flags) -> tuple[Flags, float]:
    start = monotonic()
    found, late = settle(units, cells, cells.change(units, shown, CONTROLS), NEVER)
    assert not late.any()
    return found, monotonic() - start


@pytest.mark.parametrize("every", [1, 2])
def test_ten_thousand_undated_groups_that_the_counts_do_not_show(every):
    """Of equals the first are settled: as many in each control as the counts show."""
    undated = np.full(10_000, NEVER)
    units, cells = fixes(undated, np.arange(10_000))
    shown = np.arange(10_000) // CONTROLS % every > 0
    found, seconds = shown_of(units, cells, shown)
    first = units.resource // CONTROLS < np.bincount(units.control[shown], minlength=CONTROLS)[units.control]
    assert (found == first).all()
    assert seconds < SECONDS


@pytest.mark.parametrize("dates", [500, 100_000])
def test_eight_undated_groups_beside_many_dates(dates):
    """The counts show the earlier half of the dates, and every second of eight causes: the choice fits them."""
    place = np.arange(100_000)
    of_cause = place < 8 * CONTROLS
    time, cause = np.where(of_cause, NEVER, 1 + place % dates), np.where(of_cause, place // CONTROLS, 8)
    units, cells = fixes(time, cause)
    shown = np.where(of_cause, cause % 2 == 0, time <= dates // 2)
    found, seconds = shown_of(units, cells, shown)
    assert (cells.change(units, found, CONTROLS) == cells.change(units, shown, CONTROLS)).all()
    assert seconds < SECONDS

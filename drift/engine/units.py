"""Changed marks, as columns: one row for each control in which a mark's contribution changed.

A recommendation that moves from one control to another contributes to each at one end only, so the unit of change is
(control, mark) and not the mark alone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from drift.model import Bytes, Flags, Ints, Longs, Status


@dataclass(frozen=True, slots=True)
class Units:
    """Each row: what the counts show of a mark in a control (from), and what the marks say now (to)."""

    control: Ints
    resource: Ints
    recommendation: Ints
    effective_from: Bytes
    effective_to: Bytes
    status_from: Bytes
    status_to: Bytes
    because_from: Bytes
    because_to: Bytes
    shielded_from: Flags
    shielded_to: Flags
    mitigated_from: Flags
    mitigated_to: Flags
    time: Longs
    """When the mark changed by its own date; NEVER where it has none (undated)."""
    since: Longs
    """When the change was first seen, or its own date: what waits longer than 24 hours is settled."""
    cause: Longs
    """Position in the list of causes; -1 before they are known."""

    def __len__(self) -> int:
        return len(self.control)

    def take(self, rows: Ints | Longs | Flags) -> Units:
        """Some of the rows."""
        return Units(*(getattr(self, f.name)[rows] for f in fields(Units)))

    def having(self, **columns: object) -> Units:
        """The same rows with some columns replaced."""
        return Units(*(columns.get(f.name, getattr(self, f.name)) for f in fields(Units)))  # type: ignore[arg-type]

    def key(self, recommendations: int, resources: int) -> Longs:
        """One number a row: the same (control, recommendation, resource) gives the same."""
        return (self.control.astype(np.int64) * (resources + 1) + self.resource) * (
            recommendations + 1
        ) + self.recommendation


def join(parts: list[Units]) -> Units:
    """Several tables as one."""
    if not parts:
        return none()
    return Units(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Units)))


def none() -> Units:
    """No rows."""
    i, b, f, t = np.zeros(0, np.int32), np.zeros(0, np.int8), np.zeros(0, np.bool_), np.zeros(0, np.int64)
    return Units(i, i, i, b, b, b, b, b, b, f, f, f, f, t, t, t)


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells that the units touch, with the marks in them that did not change."""

    control: Ints
    resource: Ints
    of: Longs
    """[unit] its cell"""
    unhealthy: Longs
    healthy: Longs
    """[cell] how many unchanged marks of either status"""

    def state(self, units: Units, arrived: Flags) -> tuple[Longs, Longs]:
        """(healthy, counted), 0 or 1 a cell, with the marked units as they are now, the others as the counts show."""
        value = np.where(arrived, units.effective_to, units.effective_from)
        size = len(self.control)
        bad = self.unhealthy + np.bincount(self.of[value == Status.UNHEALTHY], minlength=size)
        good = self.healthy + np.bincount(self.of[value == Status.HEALTHY], minlength=size)
        return ((bad == 0) & (good > 0)).astype(np.int64), ((bad > 0) | (good > 0)).astype(np.int64)

    def change(self, units: Units, arrived: Flags, controls: int) -> Longs:
        """[2 × control] the change of h, then of n, when the marked units arrive."""
        none_arrived = np.zeros(len(units), np.bool_)
        (h0, n0), (h1, n1) = self.state(units, none_arrived), self.state(units, arrived)
        moved = [np.bincount(self.control, weights=d, minlength=controls) for d in (h1 - h0, n1 - n0)]
        return np.concatenate(moved).astype(np.int64)

"""Marks to cells to counts: what a subscription's marks amount to under the contract's rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from drift.engine.exemptions import Exemptions
from drift.model import Because, Bytes, Context, Control, Flags, Ints, Longs, Marks, Snapshot, Status


@dataclass(frozen=True, slots=True)
class Membership:
    """Which recommendations count at one end, and in which controls; controls in the order given for both ends."""

    member: Flags
    """[control, recommendation]"""
    exists: Flags
    preview: Flags

    @property
    def listed(self) -> Flags:
        """In at least one control."""
        return self.member.any(axis=0)

    @property
    def counts(self) -> Flags:
        """Exists, is not in preview and is in a control."""
        return self.exists & ~self.preview & self.listed


def membership(controls: Sequence[Control], order: Sequence[str], context: Context, size: int) -> Membership:
    """The membership at one end. `order` are lower-case control names, `size` the number of recommendations."""
    place = {name: at for at, name in enumerate(order)}
    member = np.zeros((len(order), size), np.bool_)
    for control in controls:
        member[place[control.name.lower()], list(control.recommendations)] = True
    exists, preview = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    if context.recommendations is None:
        exists = member.any(axis=0)
    else:
        for at, recommendation in context.recommendations.items():
            exists[at] = True
            preview[at] = recommendation.preview
    return Membership(member, exists, preview)


@dataclass(frozen=True, slots=True)
class Standing:
    """The marks of one end with what decides whether each counts."""

    marks: Marks
    counts: Flags
    """[recommendation]"""
    graced: Flags
    """[mark] A governance grace period is running: it keeps an Unhealthy mark from counting."""
    mitigated: Flags
    """[mark] Exempt by an exemption of category Mitigated, of a recommendation that counts."""

    @property
    def shielded(self) -> Flags:
        """[mark] Only a grace period keeps it from counting."""
        return self.graced & (self.marks.status == Status.UNHEALTHY) & self.counts[self.marks.recommendation]

    def effective(self, healthy_reading: bool) -> Bytes:
        """What each mark contributes: HEALTHY, UNHEALTHY or NONE."""
        status = self.marks.status
        value = np.where(status == Status.NOT_APPLICABLE, np.int8(Status.NONE), status)
        value[self.shielded] = Status.NONE
        if healthy_reading:
            value[self.mitigated] = Status.HEALTHY
        value[~self.counts[self.marks.recommendation]] = Status.NONE
        return value


def standing(snapshot: Snapshot, context: Context, counts: Flags, exemptions: Exemptions) -> Standing:
    """A snapshot's marks, with grace periods and Mitigated exemptions looked up."""
    marks = snapshot.marks
    graced = np.zeros(len(marks), np.bool_)
    running = [grace for grace in context.graces or () if grace.due > snapshot.taken_at]
    if running:
        resource, recommendation = (
            np.array(c, np.int32) for c in zip(*((g.resource, g.recommendation) for g in running), strict=True)
        )
        rows = find(marks, resource, recommendation, len(counts))
        graced[rows[rows >= 0]] = True
    mitigated = np.zeros(len(marks), np.bool_)
    if exemptions.any_mitigated:
        for at in np.flatnonzero(exempt(marks.status, marks.because)):
            match = exemptions.match(int(marks.resource[at]), int(marks.recommendation[at]))
            mitigated[at] = match is not None and match.mitigated and counts[marks.recommendation[at]]
    return Standing(marks, counts, graced, mitigated)


def exempt(status: Bytes, because: Bytes) -> Flags:
    """Which marks are NotApplicable because Exempt."""
    return (status == Status.NOT_APPLICABLE) & (because == Because.EXEMPT)


def find(marks: Marks, resource: Ints, recommendation: Ints, recommendations: int) -> Longs:
    """The rows of some marks, -1 where there is none; `recommendations` is how many there are."""
    if not len(marks):
        return np.full(len(resource), -1, np.int64)
    own = marks.resource.astype(np.int64) * recommendations + marks.recommendation
    asked = resource.astype(np.int64) * recommendations + recommendation
    at = np.minimum(np.searchsorted(own, asked), len(own) - 1)
    return np.where(own[at] == asked, at, -1)


def layers(member: Flags) -> list[Ints]:
    """The controls of each recommendation, as columns: the first of each, the second of each, …; -1 for no more."""
    found: list[Ints] = []
    depth = member.cumsum(axis=0) * member
    for level in range(1, int(depth.max(initial=0)) + 1):
        here = depth == level
        found.append(np.where(here.any(axis=0), here.argmax(axis=0), -1).astype(np.int32))
    return found


def cells(marks: Marks, effective: Bytes, member: Flags, resources: int) -> tuple[Any, Any]:
    """Healthy and counted cells by control, from all marks."""
    seen = np.zeros((len(member), resources), np.bool_)
    bad = np.zeros((len(member), resources), np.bool_)
    live = np.flatnonzero(effective != Status.NONE)
    resource, recommendation = marks.resource[live], marks.recommendation[live]
    unhealthy = effective[live] == Status.UNHEALTHY
    for layer in layers(member):
        control = layer[recommendation]
        inside = control >= 0
        seen[control[inside], resource[inside]] = True
        inside &= unhealthy
        bad[control[inside], resource[inside]] = True
    counted = seen.sum(axis=1)
    return counted - bad.sum(axis=1), counted


def reported(controls: Sequence[Control], order: Sequence[str]) -> tuple[Any, Any]:
    """The reported h and n by control; 0 and 0 for one that is not in the answer."""
    healthy, counted = np.zeros(len(order), np.int64), np.zeros(len(order), np.int64)
    place = {name: at for at, name in enumerate(order)}
    for control in controls:
        healthy[place[control.name.lower()]] = control.healthy
        counted[place[control.name.lower()]] = control.counted
    return healthy, counted


def disagreement(counts: tuple[Any, Any], told: tuple[Any, Any]) -> int:
    """Σ over controls of |Δh| + |Δn| between two countings."""
    return int(abs(counts[0] - told[0]).sum() + abs(counts[1] - told[1]).sum())

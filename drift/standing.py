"""Where chains stand: each control as Azure counts it, and what governance wants fixed by a date that has passed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from drift.engine.head import Head
from drift.engine.segments import iso
from drift.engine.wording import clean
from drift.model import Json, Status

MOST = 200
"""Rows of what is overdue that are listed; all are counted."""


def controls(heads: Iterable[Head], scope: str) -> Json:
    """Controls by name, with the resources that Azure counts in them, of all subscriptions together."""
    titles: dict[str, tuple[str, str]] = {}
    counted: dict[str, list[int]] = {}
    for head in heads:
        for control in head.snapshot.controls:
            key = control.name.lower()
            titles.setdefault(key, (control.name, clean(control.title)))
            sums = counted.setdefault(key, [0, 0])
            sums[0] += control.healthy
            sums[1] += control.unhealthy
    value = [
        {"control": name, "title": title, "healthy": counted[key][0], "unhealthy": counted[key][1]}
        for key, (name, title) in sorted(titles.items())
    ]
    return {"scope": scope, "value": value}


def overdue(heads: Iterable[Head], scope: str) -> Json:
    """Marks Unhealthy past the due date of their governance assignment, the oldest first.

    `count` is null where no subscription's assignments could be read; `unread` says of how many they could not.
    """
    rows: list[Json] = []
    read = unread = 0
    for head in heads:
        if head.snapshot.context.dues is None and head.snapshot.context.graces is None:
            unread += 1
        else:
            read += 1
            rows += _late(head)
    rows.sort(key=lambda row: (row["due"], row["resource"], row["recommendation"]))
    return {"scope": scope, "count": len(rows) if read else None, "unread": unread, "value": rows[:MOST]}


def _late(head: Head) -> Iterator[Json]:
    snapshot, context, marks = head.snapshot, head.snapshot.context, head.snapshot.marks
    keys = marks.resource.astype(np.int64) << 32 | marks.recommendation
    for one in (*(context.dues or ()), *(context.graces or ())):
        if one.due > snapshot.taken_at:
            continue
        key = one.resource << 32 | one.recommendation
        at = int(np.searchsorted(keys, key))
        if at == len(keys) or keys[at] != key or marks.status[at] != Status.UNHEALTHY:
            continue
        known = (context.recommendations or {}).get(one.recommendation)
        yield {
            "due": iso(one.due),
            "resource": snapshot.resources[one.resource],
            "recommendation": snapshot.recommendations[one.recommendation],
            "title": clean(known.title) if known is not None else None,
            "owner": clean(one.owner) if one.owner else None,
            "subscription": snapshot.subscription.id,
        }

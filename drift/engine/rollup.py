"""From the chains of subscriptions to the movement of a group: what happened to each between two rollups, as one line.

A rollup looks at where every chain stands. From one rollup to the next each subscription moves along one straight line,
however many deltas its chain made in between: their effects add up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from drift.engine import wording
from drift.engine.accounts import Course
from drift.kinds import Kind
from drift.model import Cause, CellEffects, Change, Delta, Effects, Ints, Point, no_cells, no_effects


@dataclass(frozen=True, slots=True)
class Place:
    """Where one chain stands."""

    at: int
    """The tick of its last delta: what names it."""
    point: Point
    waiting: Delta | None = None
    """What is still to come: a delta with nothing but what is pending and foretold; None if nothing is."""


type Places = Mapping[str, Place]
"""By subscription id."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where all chains stand at one time, and what the group was that was rolled up there."""

    scope: str
    places: Places


def place(delta: Delta) -> Place:
    """Where a chain stands after a delta."""
    waiting = None
    if delta.pending or delta.foretold:
        waiting = replace(delta, before=delta.after, changes=(), effects=no_effects(), cells=no_cells())
    return Place(delta.after.taken_at, delta.after, waiting)


def courses(before: Places, after: Places, deltas: Mapping[str, Sequence[Delta]]) -> list[Course]:
    """The courses of all subscriptions from one cut to the next; `deltas` are those in between, in order.

    One that lost its score and got it back in between, or of which some deltas are no longer kept, is seen to leave and
    return: two courses of one end each.
    """
    found: list[Course] = []
    for identity in sorted({*before, *after}):
        old, new = before.get(identity), after.get(identity)
        points = old.point if old else None, new.point if new else None
        own = deltas.get(identity, ())
        waiting = new.waiting if new else None
        scored = [point is not None and point.score is not None for point in points]
        if not own or not all(scored):
            found.append(Course(identity, points, (None,), waiting))
        elif all(delta.after.score is not None for delta in own) and _same(old, own[0].before):
            found.append(Course(identity, points, (merged(own),), waiting))
        else:
            found += [
                Course(identity, (points[0], None), (None,)),
                Course(identity, (None, points[1]), (None,), waiting),
            ]
    return found


def _same(place: Place | None, point: Point) -> bool:
    """Whether a chain goes on where it stood."""
    return place is not None and replace(place.point, taken_at=0) == replace(point, taken_at=0)


def merged(deltas: Sequence[Delta]) -> Delta:
    """Consecutive deltas of one chain, scored throughout, as one."""
    first, last = deltas[0], deltas[-1]
    if len(deltas) == 1:
        return first
    names = sorted({name for delta in deltas for name in delta.effects.controls})
    changes = [change for delta in deltas for change in delta.changes]
    starts = list(accumulate((len(delta.changes) for delta in deltas), initial=0))
    controls = {key: shown for delta in deltas for key, shown in delta.controls.items()}
    return Delta(
        before=first.before,
        after=last.after,
        changes=(*changes, *_reweighted(first.before, last.after, changes, controls)),
        effects=_effects(deltas, starts, names),
        pending=last.pending,
        pending_effects=last.pending_effects,
        foretold=last.foretold,
        foretold_effects=last.foretold_effects,
        notes=tuple(dict.fromkeys(note for delta in deltas for note in delta.notes)),
        missing=tuple(dict.fromkeys(file for delta in deltas for file in delta.missing)),
        controls=controls,
        cells=_cells(deltas, starts, names),
    )


def _reweighted(before: Point, after: Point, changes: Sequence[Change], controls: Mapping[str, str]) -> list[Change]:
    """Controls whose maximum changed while nothing counted in them, and that count at both ends: no delta tells so."""
    told = {change.cause.subject.lower() for change in changes if change.cause.kind is Kind.CONTROL_REWEIGHTED}
    found: list[Change] = []
    for key, old in sorted(before.counts.items()):
        new = after.counts.get(key)
        if new is None or key in told or new.maximum == old.maximum or not (old.counted and new.counted):
            continue
        name = controls.get(key, key)
        cause = Cause(Kind.CONTROL_REWEIGHTED, name, after.subscription.id)
        title = wording.reweighted(name)
        found.append(Change(cause, title=title, numbers=(old.maximum, new.maximum)))
    return found


def _effects(deltas: Sequence[Delta], starts: Sequence[int], names: Sequence[str]) -> Effects:
    parts = [delta.effects for delta in deltas]
    return Effects(
        np.concatenate([part.change + start for part, start in zip(parts, starts, strict=False)]).astype(np.int32),
        np.concatenate([_renumbered(part.control, part.controls, names) for part in parts]),
        np.concatenate([part.healthy for part in parts]),
        np.concatenate([part.counted for part in parts]),
        tuple(names),
    )


def _cells(deltas: Sequence[Delta], starts: Sequence[int], names: Sequence[str]) -> CellEffects:
    parts = [delta.cells for delta in deltas]
    below = list(accumulate((len(part.resources) for part in parts), initial=0))
    return CellEffects(
        np.concatenate([part.change + start for part, start in zip(parts, starts, strict=False)]).astype(np.int32),
        np.concatenate([_renumbered(d.cells.control, d.effects.controls, names) for d in deltas]),
        np.concatenate([part.resource + start for part, start in zip(parts, below, strict=False)]).astype(np.int32),
        np.concatenate([part.healthy for part in parts]),
        np.concatenate([part.counted for part in parts]),
        tuple(resource for part in parts for resource in part.resources),
        tuple(owner for part in parts for owner in part.owners),
    )


def _renumbered(column: Ints, own: Sequence[str], names: Sequence[str]) -> Ints:
    place = {name: at for at, name in enumerate(names)}
    return np.array([place[name] for name in own], np.int32)[column] if len(column) else column

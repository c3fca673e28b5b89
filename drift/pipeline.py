"""The sentence of the product, as far as it needs no store: read snapshots whole, compare along chains, explain."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from collections.abc import Iterator

from drift.adapters.evidence import Folder
from drift.engine.comparison import Head, compare, point
from drift.engine.explanation import Course, explain
from drift.errors import EvidenceError
from drift.model import Delta, Json, Names, Point

type Progress = Callable[[int, int, str], None]
"""Told after each subscription: how many are done, of how many, and its name."""


def explain_folders(folders: Sequence[Folder], scope: str, progress: Progress) -> Json:
    """The explanation of a window of two or more evidence folders. Raises EvidenceError."""
    every = {s.id.lower(): s for folder in folders for s in folder.subscriptions.values()}
    courses = []
    with _no_collector():
        for at, (identity, subscription) in enumerate(sorted(every.items())):
            courses.append(_course(folders, identity))
            progress(at + 1, len(every), subscription.name)
    _known_scope(folders, courses, scope)
    return explain(courses, [folder.taken_at for folder in folders], scope)


def _course(folders: Sequence[Folder], identity: str) -> Course:
    """One subscription through all folders: two snapshots are held at a time."""
    resources = Names()
    points: list[Point | None] = []
    deltas: list[Delta | None] = []
    head: Head | None = None
    for folder in folders:
        snapshot = folder.snapshot(identity, resources)
        delta: Delta | None = None
        if snapshot is None:
            head = None
        elif head is None:
            head = Head(snapshot)
        else:
            head, delta = compare(head, snapshot)
        points.append(point(snapshot) if snapshot is not None else None)
        deltas.append(delta)
    names = [p.subscription.id for p in points if p is not None]
    return Course(names[-1], points, deltas[1:])


def _known_scope(folders: Sequence[Folder], courses: Sequence[Course], scope: str) -> None:
    """Raises EvidenceError for a scope that nothing belongs to."""
    from drift.model import belongs

    if scope.startswith("mg:") and not any(p and p.ancestors is not None for c in courses for p in c.points):
        raise EvidenceError(f"{folders[-1].path / 'management-groups.json'}: is missing, and --scope {scope} needs it")
    if not any(belongs(p, scope) for c in courses for p in c.points if p is not None):
        raise EvidenceError(f"--scope {scope}: no subscription of the folders belongs to it")


@contextmanager
def _no_collector() -> Iterator[None]:
    """Decoding makes millions of objects that point to no other: looking for cycles among them is a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()

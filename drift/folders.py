"""Evidence folders: read snapshots whole, compare along chains, explain; and write one again."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from drift.actors import Happening
from drift.adapters import evidence_writer
from drift.adapters.evidence import Folder, level_groups, open_folders
from drift.due import agenda, listed
from drift.engine.accounts import Course
from drift.engine.ahead.calendar import unlisted
from drift.engine.comparison import compare
from drift.engine.evidence.verdicts import judged
from drift.engine.explanation import alone, explain
from drift.engine.head import Head, begin
from drift.engine.scope import covers
from drift.engine.segments import iso
from drift.errors import EvidenceError
from drift.model import DAY, Delta, Json, Point
from drift.names import Names

type Progress = Callable[[int, int, str], None]
"""Told after each subscription: how many are done, of how many, and its name."""

LARGE = 64 << 20
"""Bytes of assessments from which a second process earns its start."""


def explain_folders(paths: Sequence[Path], scope: str, progress: Progress, events: Sequence[Happening] = ()) -> Json:
    """The explanation of a window of two or more evidence folders, with events of that time. Raises EvidenceError."""
    found = explain_encoded(paths, scope, progress, events)
    if "subscriptions" in found:
        found["subscriptions"] = [
            msgspec.json.decode(one) if isinstance(one, msgspec.Raw) else one for one in found["subscriptions"]
        ]
    return found


def explain_encoded(paths: Sequence[Path], scope: str, progress: Progress, events: Sequence[Happening] = ()) -> Json:
    """The same, with the subscriptions of large folders already encoded: for who encodes it all."""
    with no_collector():
        window = _window(paths, (scope,), progress, events)
        return explain(window.courses, window.times, scope, window.notes, window.known)


def divided_in(
    paths: Sequence[Path], scopes: Sequence[str], ways: Sequence[str], progress: Progress
) -> dict[str, list[Json]]:
    """By scope the explanations of a window, with its parts in each of these ways: the folders are read once.

    Without those of subscriptions, which are null. Raises EvidenceError.
    """
    with no_collector():
        window = _window(paths, scopes, progress)
        none = dict.fromkeys(course.id for course in window.courses)
        return {
            scope: [explain(window.courses, window.times, scope, window.notes, none, by) for by in ways]
            for scope in scopes
        }


@dataclass(frozen=True, slots=True)
class _Window:
    """What folders tell of the time between them: times in ticks, courses, some subscriptions already encoded."""

    times: list[int]
    notes: Sequence[str]
    courses: list[Course]
    known: dict[str, msgspec.Raw]


def _window(
    paths: Sequence[Path], scopes: Sequence[str], progress: Progress, events: Sequence[Happening] = ()
) -> _Window:
    folders = open_folders(paths)
    notes = level_groups(folders)
    for scope in scopes:
        known_scope(folders, scope)
    every = {s.id.lower(): s.name for folder in folders for s in folder.subscriptions.values()}
    courses: list[Course] = []
    known: dict[str, msgspec.Raw] = {}
    for course, encoded in _courses(folders, sorted(every), _by_subscription(events)):
        courses.append(course)
        if encoded is not None:
            known[course.id] = msgspec.Raw(encoded)
        progress(len(courses), len(every), every[course.id.lower()])
    times = [folder.taken_at for folder in folders]
    return _Window(times, notes, _with_verdicts(courses, known, events), known)


def _with_verdicts(
    courses: Sequence[Course], known: dict[str, msgspec.Raw], events: Sequence[Happening]
) -> list[Course]:
    """The courses with what the platform did; what was encoded of a subscription that this concerns is taken out."""
    deltas = {course.id: [delta for delta in course.deltas if delta is not None] for course in courses}
    found = judged(deltas, {event.subscription for event in events})
    told: list[Course] = []
    for course in courses:
        if any(one is not other for one, other in zip(deltas[course.id], found[course.id], strict=True)):
            known.pop(course.id, None)
            own = iter(found[course.id])
            course = replace(course, deltas=[delta and next(own) for delta in course.deltas])
        told.append(course)
    return told


def extract(path: Path, new: Path, scope: str) -> int:
    """Writes the subscriptions of a scope to a new evidence folder, with what an explanation reads and nothing else.

    How many they are. Raises EvidenceError.
    """
    (folder,) = open_folders([path])
    known_scope([folder], scope)
    with no_collector():
        names = folder.recommendations.copy()
        read = [folder.snapshot(identity, Names(), names) for identity in members_of(folder, scope)]
        evidence_writer.write(new, [snapshot for snapshot in read if snapshot is not None])
    return len(read)


def due_in(path: Path, scope: str, days: int | None, progress: Progress) -> Json:
    """What is due in the subscriptions of a scope, by date: in so many days, or at any time. Raises EvidenceError.

    `share` is pp of the scope's score as it is weighted now, `ownShare` of the subscription's own.
    """
    (folder,) = open_folders([path])
    known_scope([folder], scope)
    heads: dict[str, Head] = {}
    kept: dict[str, Json] = {}
    members = members_of(folder, scope)
    with no_collector():
        for done, identity in enumerate(members):
            snapshot = folder.snapshot(identity, Names(), folder.recommendations.copy())
            if snapshot is not None and snapshot.unscored is None:
                head, _ = compare(begin(snapshot), snapshot)  # measures how Mitigated counts, and what is pending
                calendar = agenda(head)
                entries = [entry | {"ownShare": entry["share"]} for entry in calendar["value"]]
                heads[identity], kept[identity] = head, calendar | {"value": entries}
            progress(done + 1, len(members), folder.subscriptions[identity].name)
    scored = {identity: head.at.weight for identity, head in heads.items() if head.at.score is not None}
    total = sum(scored.values())
    weights = {key: 1.0 if key == scope.lower() else w / total if total else 0.0 for key, w in scored.items()}
    until = None if days is None else folder.taken_at + days * DAY
    shown = {"scope": scope, "takenAt": iso(folder.taken_at), "value": listed(kept, weights, until)}
    return shown | {"notes": unlisted([head.snapshot.context for head in heads.values()])}


type Events = Mapping[str, Sequence[Happening]]
"""Events by the id of their subscription, in lower case."""


def _by_subscription(events: Sequence[Happening]) -> Events:
    found: dict[str, list[Happening]] = {}
    for event in events:
        found.setdefault(event.subscription, []).append(event)
    return found


def _courses(
    folders: Sequence[Folder], identities: Sequence[str], events: Events
) -> Iterator[tuple[Course, bytes | None]]:
    """The subscriptions through all folders, in order; large ones on all processors, a subscription at a time each.

    Where it is done elsewhere, with the subscription's own explanation encoded.
    """
    workers = min(os.cpu_count() or 1, len(identities))
    if workers < 2 or sum(folder.size for folder in folders) < LARGE:
        for identity in identities:
            yield _course(folders, identity, events.get(identity, ())), None
        return
    paths = [folder.path for folder in folders]
    with ProcessPoolExecutor(workers, initializer=_open_once, initargs=(paths, events)) as pool:
        yield from pool.map(_course_of, identities)


_opened: list[Folder] = []
_events: dict[str, Sequence[Happening]] = {}


def _open_once(paths: Sequence[Path], events: Events) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it all
    gc.disable()
    _opened[:] = open_folders(paths)
    _events.update(events)
    level_groups(_opened)


def _course_of(identity: str) -> tuple[Course, bytes]:
    course = _course(_opened, identity, _events.get(identity, ()))
    return course, msgspec.json.encode(alone(course, [folder.taken_at for folder in _opened]))


def _course(folders: Sequence[Folder], identity: str, events: Sequence[Happening]) -> Course:
    """One subscription through all folders: two snapshots are held at a time."""
    resources, recommendations = Names(), folders[0].recommendations.copy()
    points: list[Point | None] = []
    deltas: list[Delta | None] = []
    head: Head | None = None
    for folder in folders:
        snapshot = folder.snapshot(identity, resources, recommendations)
        delta: Delta | None = None
        if snapshot is None:
            head = None
        elif head is None:
            head = begin(snapshot)
        else:
            head, delta = compare(head, snapshot, cells=True, events=events)
        points.append(head.at if head is not None else None)
        deltas.append(delta)
    known = [at for at in points if at is not None]
    return Course(known[-1].subscription.id, points, deltas[1:])


def members_of(folder: Folder, scope: str) -> list[str]:
    """The ids of the subscriptions of a folder that belong to a scope."""
    above = folder.ancestors or {}
    return [key for key, one in sorted(folder.subscriptions.items()) if covers(scope, one, above.get(key))]


def known_scope(folders: Sequence[Folder], scope: str) -> None:
    """Raises EvidenceError for a scope that nothing belongs to."""
    if scope.startswith("mg:") and all(folder.ancestors is None for folder in folders):
        raise EvidenceError(f"{folders[-1].path / 'management-groups.json'}: is missing, and --scope {scope} needs it")
    if not any(members_of(folder, scope) for folder in folders):
        raise EvidenceError(f"--scope {scope}: no subscription of the folders belongs to it")


@contextmanager
def no_collector() -> Iterator[None]:
    """Decoding makes millions of objects that point to no other: to look for cycles is a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()

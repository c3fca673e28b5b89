"""The product on a chain, as the monitor would see it: what it says of every movement."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from benchmarks.labelled.chain import Chain, Movement, write_folders
from benchmarks.labelled.scoring import Guess, Prediction, Said
from benchmarks.labelled.truth import TENANT, key_of
from drift.actors import Happening
from drift.adapters import events
from drift.adapters.evidence import Folder, level_groups, open_folders
from drift.engine.accounts import Course
from drift.engine.comparison import compare
from drift.engine.evidence import verdicts, witnesses
from drift.engine.evidence.records import heard_between
from drift.engine.explanation import told
from drift.engine.head import Head, begin
from drift.engine.segments import segment
from drift.model import Delta, Json, Point, ticks
from drift.names import Names

IN_MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Heard:
    """An event, and the tick at which it came."""

    at: int
    happening: Happening


def predictions(chain: Chain) -> list[Prediction]:
    """What the product says of the movements of a chain, in their order."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as place:
        folders = open_folders(write_folders(chain, Path(place)))
        level_groups(folders)
        heard = _heard(chain)
        identities = sorted({identity for folder in folders for identity in folder.subscriptions})
        courses = [_course(folders, identity, heard) for identity in identities]
    courses = _judged(courses)
    times = [folder.taken_at for folder in folders]
    return [_prediction(chain, movement, courses, times) for movement in chain.movements]


def _heard(chain: Chain) -> list[Heard]:
    read = ((one.at, events.read(msgspec.json.encode(one.event))) for one in chain.events)
    return [Heard(ticks(at), happening) for at, happening in read if happening is not None]


def _course(folders: Sequence[Folder], identity: str, heard: Sequence[Heard]) -> Course:
    """One subscription from snapshot to snapshot, with what had been heard by then; what came later is added after."""
    resources, recommendations = Names(), folders[0].recommendations.copy()
    own = [one for one in heard if one.happening.subscription == identity.lower()]
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
            since, until = heard_between(head.snapshot.taken_at, snapshot.taken_at)
            held = [one for one in own if since < one.happening.time <= until]
            known = [one.happening for one in held if one.at <= folder.taken_at]
            head, delta = compare(head, snapshot, cells=True, events=known)
            if len(known) < len(held):
                delta = witnesses.amended(delta, [one.happening for one in held])
        points.append(head.at if head is not None else None)
        deltas.append(delta)
    return Course(identity, points, deltas[1:])


def _judged(courses: Sequence[Course]) -> list[Course]:
    """With verdicts that it was the platform, which all subscriptions together allow; each is listened to."""
    told = {one.id: [delta for delta in one.deltas if delta is not None] for one in courses}
    found = {key: iter(own) for key, own in verdicts.judged(told, {one.id.lower() for one in courses}).items()}
    return [
        replace(one, deltas=[None if delta is None else next(found[one.id]) for delta in one.deltas]) for one in courses
    ]


def _prediction(chain: Chain, movement: Movement, courses: Sequence[Course], times: Sequence[int]) -> Prediction:
    at = movement.step
    if movement.scope == TENANT:
        found = segment(courses, at, times, TENANT, TENANT, single=False)
    else:
        own = [course for course in courses if course.id.lower() == movement.scope.lower()]
        found = segment(own, at, times, movement.scope, movement.scope, single=True)
    return Prediction(*key_of(chain, movement), tuple(map(_guess, told([found])["causes"])))


def _guess(cause: Json) -> Guess:
    actors = tuple(Said(one["type"], one["actor"], one["id"]) for one in cause["actors"])
    return Guess(cause["kind"], cause["subject"], cause["scope"], cause["share"], actors)

"""What is stored of a chain says the same as the folders: heads, deltas and segments survive storage, and add up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from drift.adapters.evidence import Folder, open_folders
from drift.adapters.packing import pack, unpack
from drift.engine.accounts import Course
from drift.engine.compaction import compacted
from drift.engine.comparison import compare
from drift.engine.explanation import told
from drift.engine.head import Head, begin
from drift.engine.rollup import Place, courses, merged, place
from drift.engine.segments import Segment, segment
from drift.engine.where import BY
from drift.errors import ServiceError
from drift.folders import explain_folders
from drift.kinds import Kind
from drift.model import Counts, Delta, Effects, Point, Subscription
from drift.names import Names
from tests.estates import make
from tests.explained import shares, written

SEEDS = range(40)


def story(seed: int):
    rng = Random(seed)
    return make(seed, kinds=rng.randint(1, 8), lag=rng.random() < 0.5, steps=rng.choice([2, 3, 4]))


def chain(paths: list[Path], identity: str) -> list[Delta]:
    """The deltas of a subscription, its head through storage between any two."""
    head: Head | None = None
    deltas = []
    for path in paths:
        names = (head.snapshot.resources, head.snapshot.recommendations) if head else (Names(), Names())
        snapshot = Folder(path, names[1]).snapshot(identity, *names)
        if snapshot is None:
            head = None
        elif head is None:
            head = begin(snapshot)
        else:
            head, delta = compare(head, snapshot, cells=True)
            deltas.append(unpack(pack(delta), Delta))
        if head is not None:
            head = unpack(pack(compacted(head)), Head)
    return deltas


def own_segment(delta: Delta) -> Segment:
    identity, points = delta.after.subscription.id, (delta.before, delta.after)
    scored = None not in [point.score for point in points]
    line = Course(identity, points, (delta if scored else None,))
    times = [point.taken_at for point in points]
    return unpack(pack(segment([line], 0, times, identity, "sub", single=True)), Segment)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_chain_that_was_stored_in_between_explains_as_the_folders_do(seed):
    with written(story(seed)) as paths:
        wanted = explain_folders(paths, "all", lambda *_: None)
        for one in wanted["subscriptions"]:
            deltas = chain(paths, one["scope"])
            if len(deltas) < len(paths) - 1:
                continue  # it was away in between
            found = told([own_segment(delta) for delta in deltas])
            assert found["movement"] == (None if one["movement"] is None else pytest.approx(one["movement"], abs=1e-9))
            every = {*shares(one), *shares(found)}
            assert {c for c in every if abs(shares(one).get(c, 0) - shares(found).get(c, 0)) > 1e-9} == set()
            assert shares(found, "pending") == pytest.approx(shares(one, "pending"), abs=1e-9)
            assert [cause["title"] for cause in found["causes"]] == [cause["title"] for cause in one["causes"]]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_parts_by_owner_group_resource_and_control_sum_to_the_movement(seed):
    with written(story(seed)) as paths:
        chains = [chain(paths, identity) for identity in open_folders(paths)[0].subscriptions]
    for segments in ([own_segment(delta) for delta in deltas] for deltas in chains if deltas):
        for by in BY:
            found = told(segments, by=by)
            if found["movement"] is None:
                continue
            assert sum(part["share"] for part in found["parts"]) == pytest.approx(found["movement"], abs=1e-9)
            for part in found["parts"]:
                assert sum(part["classes"].values()) == pytest.approx(part["share"], abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_groups_segment_over_many_deltas_is_exact(seed):
    """However many deltas a chain made between two rollups, the shares sum to the group's movement."""
    with written(story(seed)) as paths:
        folders = open_folders(paths)
        before: dict[str, Place] = {}
        after: dict[str, Place] = {}
        deltas: dict[str, list[Delta]] = {}
        for identity in {key for folder in folders for key in folder.subscriptions}:
            own = chain(paths, identity)
            if own and len(own) == len(paths) - 1:
                before[identity] = place(replace(own[0], after=own[0].before, pending=()))
                after[identity], deltas[identity] = place(own[-1]), own
        if not after:
            pytest.skip("no subscription was there all the time")
        lines = unpack(pack(courses(before, after, deltas)), list[Course])
        times = folders[0].taken_at, folders[-1].taken_at
    whole = [segment(lines, 0, times, "all", "all", single=False)]
    for by in (None, *BY):
        found = told(whole, by=by)
        if found["movement"] is None:
            return
        assert sum(cause["share"] for cause in found["causes"]) == pytest.approx(found["movement"], abs=1e-9)
        if by is not None:
            assert sum(part["share"] for part in found["parts"]) == pytest.approx(found["movement"], abs=1e-9)


def point(at: int, score: str | None = "1/2", maximum: float = 4.0, **more: object) -> Point:
    healthy, counted = map(int, (score or "0/0").split("/"))
    own = Subscription("00000000-0000-0000-0000-000000000001", "sub")
    counts = {"a": Counts(10.0, 1, 2), "c": Counts(maximum, healthy, counted)}
    unscored = None if score else "Foundational CSPM is off"
    return Point(at, own, counts if score else {}, 10.0, None, unscored, **more)


def explained(before: Point, after: Point, *deltas: Delta) -> dict:
    identity = before.subscription.id
    lines = courses({identity: Place(0, before)}, {identity: Place(1, after)}, {identity: deltas})
    return told([segment(lines, 0, (0, 1), "all", "all", single=False)])


def test_a_maximum_that_changed_while_nothing_counted_is_told_of_the_merged_delta():
    first, gone, back = point(0), point(1, "0/0"), point(2, "1/2", maximum=6.0)
    found = explained(first, back, Delta(first, gone), Delta(gone, back))
    assert [cause["kind"] for cause in found["causes"]] == ["control_reweighted"]
    assert sum(cause["share"] for cause in found["causes"]) == pytest.approx(found["movement"], abs=1e-12)


def test_a_subscription_that_lost_its_score_in_between_leaves_and_returns():
    other = replace(point(0), subscription=Subscription("00000000-0000-0000-0000-000000000002", "other"))
    first, off, back = point(0, "0/2"), point(1, None), point(2, "2/2")
    identity = first.subscription.id
    cuts = [{identity: Place(at, one), "other": Place(0, other)} for at, one in ((0, first), (2, back))]
    lines = courses(*cuts, {identity: [Delta(first, off), Delta(off, back)]})
    found = told([segment(lines, 0, (0, 2), "all", "all", single=False)])
    assert {cause["kind"] for cause in found["causes"]} == {"subscription_added", "subscription_removed"}
    assert sum(cause["share"] for cause in found["causes"]) == pytest.approx(found["movement"], abs=1e-12)


def test_one_delta_is_itself_when_merged():
    delta = Delta(point(0), point(1))
    assert merged([delta]) is delta


def test_a_stored_register_forgets_what_the_head_does_not_speak_of():
    with written(story(3)) as paths:
        identity = next(iter(open_folders(paths)[0].subscriptions))
        resources, recommendations = Names(f"/gone/{number}" for number in range(1000)), Names()
        snapshot = Folder(paths[0], recommendations).snapshot(identity, resources, recommendations)
        assert snapshot is not None
        kept = compacted(begin(snapshot)).snapshot
        names = [kept.resources[at] for at in range(len(kept.resources))]
        assert names
        assert not [name for name in names if name.startswith("/gone/")]
        marks = [kept.resources[at] for at in kept.marks.resource.tolist()]
        assert marks == [snapshot.resources[at] for at in snapshot.marks.resource.tolist()]


@pytest.mark.parametrize("data", [b"", b"\x00abc", b"\x01abc", pack(["something else"]), pack(7)[:-2]])
def test_what_is_stored_and_can_not_be_read_is_told_apart_from_nothing(data):
    with pytest.raises(ServiceError, match="stored"):
        unpack(data, Delta)


def test_effects_survive_storage_to_the_last_bit():
    delta = Delta(point(0), point(1), effects=Effects(*_columns(), ("c",)))
    back = unpack(pack(delta), Delta)
    assert back.effects.healthy.tobytes() == delta.effects.healthy.tobytes()
    assert back.effects.controls == ("c",)
    assert Kind("remediation") is Kind.REMEDIATION


def _columns():
    import numpy as np

    return np.array([0], np.int32), np.array([0], np.int32), np.array([1 / 3]), np.array([-1 / 7])

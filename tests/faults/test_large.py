"""Much at once: a movement with 10,000 causes, and a change of the platform that moves hundreds of subscriptions."""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from drift.adapters.packing import FORM
from drift.card import text
from drift.model import Json
from drift.record import Record
from tests.build import SUB, T0, estate, guid, iso
from tests.faults.stage import Stage, get
from tests.watched import Watch

LARGEST_CARD = 22_000
MANY = 200
CAUSES = 10_000


def test_a_movement_with_ten_thousand_causes_is_stored_read_back_whole_and_told(stage: Stage) -> None:
    first = estate(controls={"c": (10, ["a"])}, marks={("vm0", "a"): "Unhealthy", ("vm1", "a"): "Healthy"})
    hour = T0.replace(hour=T0.hour + 1)
    new = [f"vm{at}" for at in range(2, CAUSES + 2)]
    then = first.but(
        taken=hour,
        marks={(name, "a"): ("Healthy", "Unhealthy")[at % 3 == 0] for at, name in enumerate(new)},
        resources={name: {"createdTime": hour} for name in new},
    )
    with stage.host() as host:
        for folder, now in ((first, T0), (then, hour)):
            stage.azure.serve(folder, now)
            stage.live(host)
        (row,) = stage.rows(SUB)
        found = get(f"{host.url}/api/deltas/{row.id}")
        listed = get(f"{host.url}/api/deltas?scope={SUB}")["value"]
    assert len(found["causes"]) == CAUSES
    assert {cause["kind"] for cause in found["causes"]} == {"resource_added"}
    assert len({cause["subject"] for cause in found["causes"]}) == CAUSES
    movement = found["after"]["percentage"] - found["before"]["percentage"]
    assert abs(sum(cause["share"] for cause in found["causes"]) - movement) < 1e-9
    assert (found["after"]["takenAt"], found["movement"]) == (iso(hour), row.movement)
    assert listed[0]["moreCauses"] + len(listed[0]["causes"]) == CAUSES
    ((_, card),) = stage.azure.cards["/teams/security"]
    assert len(msgspec.json.encode(card)) < LARGEST_CARD
    assert {event["subject"] for event in stage.azure.events} == {SUB, "all"}
    assert stage.store.waiting(SUB) == []


def test_a_change_of_the_platform_that_moves_hundreds_of_subscriptions_is_one_card(
    storage: str, tmp_path: Path
) -> None:
    """One subscription is looked at twice by the monitor, and the others are given what it stored of that one.

    The store, both rollups and the teller are real, and see what hundreds of messages would have left, but that all
    rows point to the blob of the one: what the topic is told of each is the movement of that one.
    """
    watch = Watch(storage, tmp_path)
    preview = {"preview": True}
    marks = {("vm1", "a"): "Healthy", ("vm2", "a"): "Unhealthy", ("vm1", "b"): "Unhealthy"}
    first = estate(controls={"c": (10, ["a", "b"])}, marks=marks, recommendations={"b": preview})
    then = first.but(recommendations={"b": {"preview": False, "GA": T0}})
    watch.see(first, roll_up=False)
    begun = watch.store.head(SUB)
    watch.see(then, roll_up=False)
    moved = watch.store.head(SUB)
    assert begun is not None
    assert moved is not None
    names = [SUB, *(guid(f"many {at}") for at in range(1, MANY))]
    entities = list(watch.storage.query("drift", "PartitionKey eq @scope", {"scope": SUB}, 100))
    copies = [[_copy(entity, name) for entity in entities] for name in names[1:]]
    with ThreadPoolExecutor(4) as pool:
        for done in pool.map(lambda own: watch.storage.transact("drift", [("create", one) for one in own]), copies):
            assert done
    marked = list(watch.storage.query("driftindex", "PartitionKey eq @kind", {"kind": "due"}, 10))
    known = list(watch.storage.query("driftindex", "PartitionKey eq @kind", {"kind": "chain"}, 10))
    (standing,) = known
    earlier = dict(standing) | {"at": standing["at"]._replace(value=begun.at)}
    _spread(watch, [earlier], names)
    watch.monitor.roll_up()  # as after the first pass
    _spread(watch, known, names)
    _spread(watch, marked, names)
    watch.monitor.roll_up()
    watch.teller.announce()

    ((message, body),) = watch.webhook.messages
    shown = text(body["attachments"][0]["content"])
    assert f"{MANY} subscriptions" in shown
    assert message in shown
    assert len(msgspec.json.encode(body)) < LARGEST_CARD
    (row,) = watch.rows("all")
    assert sorted(one for one, _ in watch.topic.events) == sorted([row.id, *(f"{name}.{moved.at}" for name in names)])
    (own,) = watch.rows(SUB)
    assert row.movement is not None
    assert own.movement is not None
    assert abs(row.movement - own.movement) < 1e-9  # they are all alike
    whole = watch.store.load(row.blob, Record).explained()
    assert {cause["kind"] for cause in whole["causes"]} == {"recommendation_left_preview"}
    assert len(whole["subscriptions"]) == MANY
    assert abs(sum(cause["share"] for cause in whole["causes"]) - row.movement) < 1e-9
    assert watch.store.due() == []
    assert all(watch.store.waiting(name) == [] for name in names[::50])


def _copy(entity: Any, name: str) -> Json:
    """What was stored of a subscription, as if it were another of the same size."""
    found = dict(entity)
    for key, value in found.items():
        if isinstance(value, bytes):
            form = value[:1] if value[:1] == FORM else b""
            plain = zlib.decompress(value.removeprefix(form))
            found[key] = form + zlib.compress(plain.replace(SUB.encode(), name.encode()), 1)
        elif isinstance(value, str) and key != "blob":
            found[key] = value.replace(SUB, name)
    return found


def _spread(watch: Watch, entities: list[Any], names: list[str]) -> None:
    """Writes rows of the index for all these subscriptions."""
    for entity in entities:
        for start in range(0, len(names), 100):
            rows = [("upsert", dict(entity) | {"RowKey": name}) for name in names[start : start + 100]]
            assert watch.storage.transact("driftindex", rows)

"""Azure Resource Manager on a bad day: a third of its answers are none, or wrong."""

from __future__ import annotations

import logging

import pytest

from demo.azure import Faults
from drift.engine.head import Head as ChainHead
from drift.record import Record
from tests.faults.stage import Stage, near
from tests.faults.town import Town

KINDS = ("429", "500", "slow", "cut", "html", "{}", "reset")


def test_in_bad_weather_everything_ends_up_right_and_nothing_is_stored_of_a_half_read_subscription(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "demo.host")
    town = Town(size=3)
    azure = stage.azure
    azure.slowness, azure.retry_after, azure.page_size, azure.empty_pages = 0.01, 0.01, 5, True
    azure.faults = Faults(rate=0.3, kinds=KINDS, seed=4)
    with stage.host() as host:
        for number in range(5):
            stage.serve(town if not number else town.step())
            if number == 3:  # and of one subscription nothing can be read whole at first: the queue gives it again
                azure.script(f"{town.ids[1]}/.*/assessments$", [None, *["500"] * 6, None, *["cut"] * 6])
            stage.live(host)
            assert [len(stage.rows(one)) for one in town.ids] == [number] * 3
            for one in town.ids:
                _is_whole(stage, town, one)
    assert any("snapshot_subscription failed" in line for line in caplog.messages), "the queue was never needed"
    assert stage.depth("snapshots-poison") == 0
    assert azure.writes == []
    stage.check(town)


def _is_whole(stage: Stage, town: Town, identity: str) -> None:
    """What was stored last of a subscription is all of it, and its movement was what happened in it."""
    row, head = stage.store.standing(identity, 10**18), stage.store.head(identity)
    assert row is not None
    assert head is not None
    assert row.told["after"]["percentage"] == near(town.score(identity))
    snapshot = stage.store.load(head.blob, ChainHead).snapshot
    assert len(snapshot.marks) == len(town.estates[identity].world.marks)
    assert snapshot.context.inventory is not None
    assert len(snapshot.context.inventory.resource) == len(town.estates[identity].world.marks)
    found = stage.store.load(row.blob, Record).explained()
    assert [cause["kind"] for cause in found["causes"]] == (["remediation"] if row.since else [])
    assert found["pending"] == []

"""Messages that can never succeed: they end with the poison, with their reason in the log, and stop no other."""

from __future__ import annotations

import base64
import json
import logging

import pytest

from tests.faults.stage import Stage, get
from tests.faults.town import Town


def test_what_can_never_succeed_ends_with_the_poison_with_its_reason_and_stops_no_other(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "demo.host")
    town = Town(size=3)
    shut = town.ids[1]
    event = json.dumps({"id": "e", "eventType": "Microsoft.Resources.ResourceWriteSuccess", "data": {}})
    with stage.host() as host:
        stage.serve(town)
        stage.azure.condition(shut, refused=("assessments",))
        stage.send("snapshots", "this is no message", '{"subscription": "all"}')
        stage.send("changes", "{", event)
        stage.live(host)
        stage.azure.condition(shut)
        assert sorted(stage.store.chains()) == sorted({*town.ids} - {shut})
        depths = get(f"{host.url}/api/status")["poison"]
        log = caplog.text
        caplog.clear()
        stage.live(host)  # once the reason is gone, the next pass looks at it
        for _ in range(2):
            stage.serve(town.step())
            stage.live(host)
    assert depths == {"snapshots": 3, "changes": 2}
    kept = [base64.b64decode(one.content).decode() for one in stage.queue("snapshots-poison").peek_messages(5)]
    assert {"this is no message", '{"subscription": "all"}'} < {*kept}
    assert [shut in one for one in kept].count(True) == 1
    assert "a message on the queue snapshots can't be read" in log
    assert "an event can't be read" in log
    assert f"{shut}/providers/Microsoft.Security/assessments: Azure answered 403 AuthorizationFailed" in log
    assert log.count("snapshot_subscription failed") == 3 * 5
    assert log.count("record_change failed") == 2 * 5
    assert "failed" not in caplog.text
    stage.check(town)

"""Queues and Event Grid deliver at least once and in any order: here each thing three times, shuffled."""

from __future__ import annotations

import json
from random import Random

from demo.host import Host
from tests.build import iso
from tests.faults.stage import Stage, get, post, ticked
from tests.faults.town import Town

TIMES = 3


def orders(town: Town) -> list[str]:
    return [json.dumps({"subscription": one}) for one in town.ids]


def events(town: Town, number: int) -> list[dict[str, object]]:
    """Exemptions written, one a subscription, in Event Grid's schema and that of CloudEvents in turn."""
    made: list[dict[str, object]] = []
    for place, one in enumerate(town.ids):
        operation, scope = "Microsoft.Authorization/policyExemptions/write", f"/subscriptions/{one}"
        subject = f"{scope}/providers/Microsoft.Authorization/policyExemptions/e{number}"
        data = {"subscriptionId": one, "operationName": operation, "resourceUri": subject, "status": "Succeeded"}
        kind, at, identity = "Microsoft.Resources.ResourceWriteSuccess", iso(town.now), f"event-{place}-{number}"
        if place % 2:
            made.append({
                "specversion": "1.0", "id": identity, "source": scope, "subject": subject, "type": kind, "time": at,
                "data": data,
            })  # fmt: skip
        else:
            made.append({
                "id": identity, "topic": scope, "subject": subject, "eventType": kind, "eventTime": at, "data": data,
                "dataVersion": "2", "metadataVersion": "1",
            })  # fmt: skip
    return made


def deliver(host: Host, event: dict[str, object]) -> None:
    url = f"{host.url}/runtime/webhooks/eventgrid?functionName=change_event"
    post(url, event if "specversion" in event else [event], **{"aeg-event-type": "Notification"})


def test_what_is_delivered_three_times_in_any_order_counts_once(stage: Stage) -> None:
    town, dice = Town(size=3), Random(8)
    sent: list[dict[str, object]] = []
    with stage.host() as host:
        stage.serve(town)
        stage.live(host)
        for number in range(4):
            stage.serve(town.step(*dice.sample(town.ids, 2)))
            stage.send("snapshots", *dice.sample(TIMES * orders(town), TIMES * len(town.ids)))
            found = events(town, number)
            sent += found
            for event in dice.sample(TIMES * found, TIMES * len(found)):
                deliver(host, event)
            host.idle()
            for _ in range(2):
                ticked(host, "rollup_timer")
                ticked(host, "announce_timer")
        waiting = stage.depth("snapshots")
        stored = get(f"{host.url}/api/changes?scope=all&from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z")["value"]
    assert sorted(one["id"] for one in stored) == sorted(str(one["id"]) for one in sent)
    assert waiting == len(town.ids), "each subscription is to be woken once"
    assert sum(len(stage.rows(one)) for one in town.ids) == 8
    assert len(stage.rows("all")) == 4
    stage.check(town)


def test_messages_of_an_event_that_are_handled_three_times_store_it_once(stage: Stage) -> None:
    from drift.adapters.events import read

    town, dice = Town(size=2), Random(3)
    found = [event for number in range(6) for event in events(town, number)]
    with stage.host() as host:
        stage.send("changes", *(json.dumps(one) for one in dice.sample(TIMES * found, TIMES * len(found))))
        host.idle()
    wanted = {change.key for one in found if (change := read(json.dumps(one)))}
    assert {one.key for one in stage.store.changes("all").items} == wanted
    for identity in town.ids:
        assert len(stage.store.changes(identity).items) == 6
    assert stage.depth("snapshots") == 2
    assert stage.depth("changes-poison") == 0

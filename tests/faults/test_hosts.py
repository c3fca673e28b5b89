"""Two processes of the app on one storage account, with messages for the same subscriptions at once."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

from drift.model import ticks
from tests.faults.stage import ROOT, Stage, post, until
from tests.faults.town import Town
from tests.services import host_process


def test_two_hosts_that_look_at_the_same_subscriptions_at_once_store_and_tell_once(stage: Stage) -> None:
    town = Town(size=3)
    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        started = [pool.submit(stack.enter_context, host_process(ROOT, stage.settings)) for _ in range(2)]
        hosts = [one.result() for one in started]
        for number in range(3):
            stage.serve(town if not number else town.step())
            orders = [json.dumps({"subscription": one}) for one in town.ids for _ in range(2 * len(hosts))]
            stage.send("snapshots", *orders)
            until(lambda: not stage.depth("snapshots"))
            for host in hosts:  # in Azure one of them: a timer is a singleton. Rollups must stand it even so
                post(f"{host.url}/admin/functions/rollup_timer", {})
            until(partial(_rolled_up, stage, town))
            until(partial(_told, stage, hosts[0].url))
    assert [len(stage.rows(one)) for one in town.ids] == [2, 2, 2]
    assert stage.depth("snapshots-poison") == 0
    stage.check(town)


def _rolled_up(stage: Stage, town: Town) -> bool:
    known = stage.store.chains(group=True)
    return all(name in known and known[name].at >= ticks(town.now) for name in ("all", "prod"))


def _told(stage: Stage, url: str) -> bool:
    """Whether all is told, of a rollup too that was late and took in a part of the next pass: a movement more."""
    post(f"{url}/admin/functions/announce_timer", {})
    time.sleep(0.3)
    return stage.store.due() == []

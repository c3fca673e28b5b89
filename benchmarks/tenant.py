"""Passes over a whole tenant through the local host: timer, queue, one message a subscription, rollup, cards."""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from subprocess import PIPE, Popen
from typing import Any
from urllib.request import Request, urlopen

import msgspec

from benchmarks.app import CHANGED, printed, settings, subscriptions
from benchmarks.looking import peak
from benchmarks.measure import ROOT, estate
from benchmarks.pretend import Pretend
from benchmarks.table import Row
from demo.azurite import Azurite

NEVER = "0 0 0 29 2 *"
LOOK = 0.5  # seconds between two looks at how far it is
PATIENCE = 900  # seconds


class PassError(Exception):
    """A pass did not end, or failed."""


def passes(marks: int, count: int) -> list[Row]:
    """The first pass over a tenant, and one that finds a part of the marks changed."""
    folder = estate(marks, CHANGED, count)
    timers = ("SNAPSHOT", "ROLLUP", "ANNOUNCE", "CALENDAR", "DIGEST")
    schedules = {f"DRIFT_{timer}_SCHEDULE": NEVER for timer in timers}
    with Pretend(folder) as azure, Azurite() as azurite:
        given = settings(azure, azurite, TEAMS_WEBHOOK_URL=f"{azure.endpoint}/teams/security", **schedules)
        with _host(given) as (url, process):
            first = _pass(url, azure.show("before"), count)
            floor = printed("benchmarks.reading", "floor", azure.endpoint, *subscriptions(folder))
            second = _pass(url, azure.show("after"), count)
            megabytes = peak(process)
    what = f"{count} subscriptions, {marks:,} assessments, through the local host: "
    other = "the bare download and decoding of these assessments"
    return [
        _row(f"{what}the first pass, against {other}", marks, first, floor),
        _row(f"the same: a pass that finds {CHANGED:.0%} changed, and tells it", marks, second, floor),
        Row("the same: peak memory of the host, which is one worker", f"{megabytes:.0f} MB"),
    ]


def _row(what: str, marks: int, seconds: float, floor: Any) -> Row:
    ours = f"{seconds:.0f} s, {marks / seconds:,.0f}/s"
    other = f"{floor['seconds']:.0f} s, {floor['rows'] / floor['seconds']:,.0f}/s"
    return Row(what, ours, other, f"{seconds / floor['seconds']:.1f}")


@contextmanager
def _host(given: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """The app in a host of its own process: its address and its process id."""
    command = [sys.executable, "-m", "demo.host", "--app", str(ROOT), "--port", "0"]
    with Popen(command, env=os.environ | given, cwd=ROOT, stdout=PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(r"listening on (http\S+)\n", line)
            if found is None:
                raise PassError(f"the host did not start: {line}")
            yield found[1], process.pid
        finally:
            process.terminate()


def _pass(url: str, now: str, count: int) -> float:
    """Seconds until all subscriptions were looked at, the tenant was rolled up and what moved was told."""
    start = time.perf_counter()
    _start(url, "snapshot_timer")
    _until(url, lambda status: _looked(status, now) >= count)
    _start(url, "rollup_timer")
    _until(url, lambda status: _looked(status, now) >= count + 1)
    _start(url, "announce_timer")
    _until(url, lambda status: not status["waiting"].get("teams"))
    return time.perf_counter() - start


def _looked(status: Any, now: str) -> int:
    return sum(chain["lookedAt"] >= now for chain in status["chains"])


def _start(url: str, timer: str) -> None:
    request = Request(f"{url}/admin/functions/{timer}", b'{"input":""}', {"Content-Type": "application/json"})
    urlopen(request).close()


def _until(url: str, reached: Callable[[Any], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        with urlopen(f"{url}/api/status") as answer:
            status = msgspec.json.decode(answer.read())
        if reached(status):
            return
        failed = {name: number for name, number in status["poison"].items() if number}
        if failed or time.monotonic() > end:
            raise PassError(f"a pass did not end: poison {failed}, queues {status['queues']}")
        time.sleep(LOOK)

"""Six weeks at Northwind Retail, through the whole path: real HTTP to a pretend Azure, Azurite, the real worker library.

What passes in six weeks happens in a minute: the time is that of the pretend Azure's `Date`, and the timers are started
by hand, each when it would tick.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import msgspec

from demo.answers import files_of
from demo.azure import Azure
from demo.azure_events import directory, events_of
from demo.azurite import Azurite
from demo.host import Host, wait_for_signal
from demo.northwind import MOMENTS, MONDAY, begin
from drift import card, text
from drift.terminal import Style

ROOT = Path(__file__).resolve().parent.parent
EVERY = timedelta(hours=12)
NEVER = "0 0 0 29 2 *"
"""A schedule that does not tick while the demo runs."""

HEADER = """\
Northwind Retail, six weeks from Monday, 2 March 2026: two subscriptions, sub-prod and, from the Wednesday of week 1,
sub-dev; 40 virtual machines, a dozen storage accounts, a handful of SQL servers. 62 % is to become 75 %.

Everything runs on this machine: a pretend Azure ({azure}), Azurite,
and the function app in Microsoft's worker library ({app}).
Azure is looked at every {hours} hours of its own time. What follows are the cards that Teams received.
"""

FOOTER = """\
── In the end

  {looks} looks at {scopes} chains, {events} events from Event Grid, {deltas} movements stored, {cards} cards and
  {published} CloudEvents received, {writes} writes to Azure. Took {seconds:.0f} seconds.

  {summary}

── Ask more{how}

  curl -s '{url}/api/explain?scope=prod&from=2026-03-02T00:00:00Z&to=2026-04-11T00:00:00Z&by=owner'
  curl -s '{url}/api/deltas?scope=all&kind=exemption_created'
  curl -s '{url}/api/scores?scope=dev&from=2026-03-02T00:00:00Z&to=2026-04-11T00:00:00Z'
  curl -s '{url}/api/pending?scope=prod'
"""


def tell(port: int, *, keep: bool) -> int:
    """Lives through the six weeks and prints what Teams received; with `keep` serves on until it is told to stop."""
    started = time.monotonic()
    with Azure() as azure, Azurite() as azurite:
        azure.directory = directory()
        settings = {
            "AzureWebJobsStorage": azurite.connection_string(),
            "DRIFT_STORAGE": "AzureWebJobsStorage",
            "DRIFT_ARM_ENDPOINT": azure.endpoint,
            "DRIFT_CREDENTIAL": "none",
            "DRIFT_SCOPES": "all",
            "DRIFT_GROUPS": "prod=tag:environment=prod;dev=tag:environment=dev",
            "DRIFT_ANNOUNCE_PP": "0.5",
            "DRIFT_RETENTION_MONTHS": "120",
            "DRIFT_TOPIC_ENDPOINT": azure.topic,
            "TEAMS_WEBHOOK_URL": azure.webhook("security"),
        }
        timers = ("SNAPSHOT", "ROLLUP", "ANNOUNCE", "CALENDAR", "DIGEST")
        settings |= {f"DRIFT_{timer}_SCHEDULE": NEVER for timer in timers}
        with Host(ROOT, port, settings) as host:
            print(HEADER.format(azure=azure.endpoint, app=host.url, hours=EVERY // timedelta(hours=1)), flush=True)
            weeks = Weeks(azure, host)
            for moment in _moments():
                weeks.live(moment)
            _sum_up(weeks, time.monotonic() - started, keep)
            if keep:
                wait_for_signal()
    return 0


def _moments() -> Iterator[datetime]:
    now = MOMENTS[0].at
    while now <= MOMENTS[-1].at:
        yield now
        now += EVERY


class Weeks:
    """The estate, and what came of looking at it."""

    def __init__(self, azure: Azure, host: Host) -> None:
        self.azure, self.host, self.world = azure, host, begin()
        self.looks = self.events = self.shown = 0
        self._style = Style(100, sys.stdout.isatty(), (sys.stdout.encoding or "").lower().startswith("utf"))

    def live(self, moment: datetime) -> None:
        """Everything until a moment happens; then the timers tick, and what Teams received is printed."""
        since = self.world.now
        self.world.advance(moment)
        for at, event in events_of(self.world, since):
            if at > since and self.looks:
                _post(f"{self.host.url}/runtime/webhooks/eventgrid?functionName=change_event", [event])
                self.events += 1
        self.azure.serve(files_of(self.world), moment)
        with self._progress(moment):
            for timer in ("snapshot_timer", "rollup_timer", "announce_timer"):
                self.host.run_timer(timer)
                self.host.idle()
            if moment.weekday() == 4 and moment.hour == 18:
                self.host.run_timer("digest_timer")
        self.looks += 1
        self._show(moment)

    @contextmanager
    def _progress(self, moment: datetime) -> Iterator[None]:
        shown = sys.stderr.isatty()
        if shown:
            sys.stderr.write(f"\r\x1b[K{_day(moment)}: looking …")
            sys.stderr.flush()
        yield
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _show(self, moment: datetime) -> None:
        cards = self.azure.cards.get("/teams/security", [])
        for _, body in cards[self.shown :]:
            print(self._style.signs(f"── {_day(moment)}\n"))
            content = body["attachments"][0]["content"]
            for line in card.text(content).splitlines():
                print(self._style.signs(f"  {line}".rstrip()))
            print(flush=True)
        self.shown = len(cards)


def _day(moment: datetime) -> str:
    week = (moment - MONDAY).days // 7 + 1
    return f"Week {week}, {moment:%A, %-d %B, %H:%M}"


def _sum_up(weeks: Weeks, seconds: float, keep: bool) -> None:
    url = weeks.host.url
    whole = _get(f"{url}/api/explain?scope=prod&from=2026-03-01T00:00:00Z&to=2026-04-30T00:00:00Z")
    stored = sum(
        len(_get(f"{url}/api/deltas?scope={scope}&limit=1000")["value"])
        for scope in ("all", "prod", "dev", *(account.id for account in weeks.world.accounts))
    )
    before, after = (whole[end]["percentage"] for end in ("before", "after"))
    earned = whole["classes"].get("earned", 0.0) + whole["classes"].get("lost", 0.0)
    print(
        weeks._style.signs(
            FOOTER.format(
                looks=weeks.looks,
                scopes=3 + len(weeks.world.accounts),
                events=weeks.events,
                deltas=stored,
                cards=weeks.shown,
                published=len(weeks.azure.events),
                writes=len(weeks.azure.writes),
                seconds=seconds,
                summary=f"sub-prod: {before:.2f} % → {after:.2f} %, {text.pp(after - before)} pp; people's own work is "
                f"{text.pp(earned)} pp of it, drift {text.pp(after - before - earned)} pp.",
                how="" if keep else ": `make demo KEEP=1` goes on serving, for example",
                url=url if keep else "http://127.0.0.1:7071",
            )
        ),
        flush=True,
    )


def _get(url: str) -> Any:
    with urlopen(url) as answer:
        return msgspec.json.decode(answer.read())


def _post(url: str, body: Any) -> None:
    request = Request(
        url, msgspec.json.encode(body), {"Content-Type": "application/json", "aeg-event-type": "Notification"}
    )
    urlopen(request).close()

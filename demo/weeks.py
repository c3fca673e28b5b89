"""Six weeks at Northwind Retail, through the whole path: HTTP to a pretend Azure, Azurite, the real worker library.

What passes in six weeks happens in a minute: the time is that of the pretend Azure's `Date`, and the timers are started
by hand, each when it would tick.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from math import fsum
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import msgspec

from demo.answers import files_of
from demo.azure import Azure
from demo.azurite import Azurite
from demo.events import directory, events_of
from demo.host import Host
from demo.northwind import MOMENTS, MONDAY, begin, on
from drift import card
from drift.engine.wording import clean, count
from drift.model import Json
from drift.people import People
from drift.terminal import Style
from drift.words import pp

ROOT = Path(__file__).resolve().parent.parent
EVERY = timedelta(hours=12)
END = on(6, "Fri", "18:00")
ACTORS = 6
NEVER = "0 0 0 29 2 *"
"""A schedule that does not tick while the demo runs."""

DIARY = (
    (on(1, "Tue", "09:00"), "secure transfer is required of all storage accounts in sub-prod"),
    (on(1, "Wed", "10:00"), "sub-dev is onboarded, with all that is wrong in it"),
    (on(1, "Fri", "07:00"), "six recommendations are put right in sub-prod, within the hour"),
    (on(1, "Fri", "13:00"), "four more in sub-prod"),
    (
        on(2, "Tue", "09:30"),
        "a new application comes to sub-prod: two of its web apps take HTTP, its vault is open",
    ),
    (on(2, "Wed", "11:00"), "management ports of three machines in sub-prod are opened for a supplier"),
    (on(2, "Fri", "15:00"), "sub-dev closes its management ports"),
    (on(3, "Mon", "09:00"), "both subscriptions switch on the agent: within 30 hours it reaches twenty machines"),
    (on(3, "Sat", "00:00"), "Microsoft ends the preview of a recommendation on shared keys"),
    (on(4, "Mon", "10:00"), "two machines in sub-prod are exempted as Mitigated"),
    (on(4, "Tue", "09:00"), "Defender for SQL is switched on in sub-prod"),
    (on(4, "Fri", "15:00"), "updates are installed on eleven machines in sub-prod"),
    (on(5, "Mon", "09:00"), "sub-prod checks for updates by itself, closes its management ports, gives up shared keys"),
    (on(5, "Wed", "10:00"), "sub-dev switches a recommendation on FTPS off by policy"),
    (on(5, "Sat", "15:00"), "an old application in sub-prod is deleted, with its resource group"),
    (on(6, "Tue", "12:00"), "the waiver for the router in sub-prod runs out"),
    (on(6, "Tue", "16:00"), "one web app in sub-prod takes HTTP again"),
    (on(6, "Wed", "09:00"), "web apps in sub-prod keep logs"),
)
"""What really happens, and when it begins: the acts of northwind.STORY in plain words."""

HEADER = """\
Northwind Retail, six weeks from Monday, 2 March 2026: two subscriptions, sub-prod and, from the Wednesday of week 1,
sub-dev; 40 virtual machines, a dozen storage accounts, a handful of SQL servers. 62 % is to become 75 %.

Everything runs on this machine: a pretend Azure ({azure}), Azurite,
and the function app in Microsoft's worker library ({app}).
Azure is looked at every {hours} hours of its own time. What follows is what really happened, as “·”, and the cards
that Teams received, without the reference and the link at their end.
"""

FOOTER = """\
── In the end

  {looks} looks at {chains} chains, {events} events from Event Grid, {deltas} movements stored, {cards} cards and
  {published} CloudEvents received, {writes} writes to Azure. Took {seconds:.0f} seconds.

  prod: {before:.2f} % → {after:.2f} %, {moved} pp in {number} movements, which add up to it.
  People's own work is {own} pp of it, drift {drift} pp. Whose doing it was:
{who}

── Ask more{how}

"""

QUESTIONS: tuple[tuple[str, dict[str, str]], ...] = (
    ("explain", {"scope": "prod", "from": "2026-03-02T00:00:00Z", "to": "2026-04-11T00:00:00Z", "by": "owner"}),
    ("deltas", {"scope": "all", "min": "0.5"}),
    ("scores", {"scope": "dev", "from": "2026-03-02T00:00:00Z", "to": "2026-04-11T00:00:00Z"}),
    ("changes", {"scope": "all", "from": "2026-03-02T00:00:00Z", "to": "2026-04-11T00:00:00Z"}),
    ("pending", {"scope": "prod"}),
)


class Weeks:
    """The estate, and what came of looking at it."""

    def __init__(self, azure: Azure, host: Host) -> None:
        self.azure, self.host, self.world = azure, host, begin()
        self.looks = self.events = self.shown = 0
        width = min(max(shutil.get_terminal_size((120, 50)).columns, 80), 120)
        self._style = Style(width, unicode=(sys.stdout.encoding or "").lower().startswith("utf"))
        self._told = MONDAY
        self._week = 0

    def live(self, moment: datetime) -> None:
        """Everything until a moment happens; then the timers tick, and what Teams received is printed."""
        since = self.world.now
        self.world.advance(moment)
        for at, event in events_of(self.world, since):
            if at > since and self.looks:
                _post(f"{self.host.url}/runtime/webhooks/eventgrid?functionName=change_event", [event])
                self.events += 1
        self.azure.serve(files_of(self.world), moment)
        self._head(moment)
        with _progress(moment):
            for timer in ("snapshot_timer", "rollup_timer", "announce_timer"):
                self.host.run_timer(timer)
                self.host.idle()
            if moment.weekday() == 4 and moment.hour == 18:
                self.host.run_timer("digest_timer")
        self.looks += 1
        self._show(moment)

    def get(self, question: str, **parameters: str) -> Json:
        """What the function app answers."""
        return _get(f"{self.host.url}/api/{question}?{urlencode(parameters)}")

    def listed(self, question: str, **parameters: str) -> list[Json]:
        """The whole of a list, page by page."""
        found: list[Json] = []
        page: Json = {"continuation": None}
        while "continuation" in page:
            more = {"continuation": page["continuation"]} if page["continuation"] else {}
            page = self.get(question, **parameters, **more)
            found += page["value"]
        return found

    def say(self, words: str = "") -> None:
        """Prints them with the signs that the terminal can show."""
        print(self._style.signs(words), flush=True)

    def _head(self, moment: datetime) -> None:
        week = (moment - MONDAY).days // 7 + 1
        if week > self._week:
            self._week = week
            self._tell(MONDAY + timedelta(weeks=week - 1))
            self.say(f"── Week {week}\n")

    def _show(self, moment: datetime) -> None:
        cards = self.azure.cards.get("/teams/security", [])
        for _, body in cards[self.shown :]:
            self._tell(moment, alone=False)
            self.say(f"  {moment:%A %H:%M}, in Teams:")
            for line in _compact(body["attachments"][0]["content"], self._style.width - 4):
                self.say(f"    {line}")
            self.say()
        self.shown = len(cards)

    def _tell(self, until: datetime, *, alone: bool = True) -> None:
        """What happened since it was last told; `alone` where no card follows."""
        happened = [(at, words) for at, words in DIARY if self._told < at <= until]
        for at, words in happened:
            for line in self._style.wrap(f"{at:%A %H:%M} {words}", "  · ", "    "):
                self.say(line)
        self._told = until
        if happened and alone:
            self.say()

    def sum_up(self, seconds: float, url: str | None) -> None:
        """What came of it, and what can be asked of the function app that serves at `url`, if it goes on."""
        self._tell(self.world.now)
        whole = self.get("explain", scope="prod", **{"from": _iso(MONDAY), "to": _iso(self.world.now)})
        scopes = ("all", "prod", "dev", *(account.id for account in self.world.accounts))
        stored = {scope: self.listed("deltas", scope=scope, limit="1000") for scope in scopes}
        before, after = whole["before"]["percentage"], whole["after"]["percentage"]
        moves = [one["movement"] for one in stored["prod"] if one["movement"] is not None]
        if abs(fsum(moves) - (after - before)) > 1e-6:
            raise AssertionError(f"the movements of prod are {fsum(moves)} pp, but {before} % became {after} %")
        own = whole["classes"].get("earned", 0.0) + whole["classes"].get("lost", 0.0)
        self.say(
            FOOTER.format(
                looks=self.looks,
                chains=len(scopes),
                events=self.events,
                deltas=sum(map(len, stored.values())),
                cards=self.shown,
                published=len(self.azure.events),
                writes=len(self.azure.writes),
                seconds=seconds,
                before=before,
                after=after,
                moved=pp(after - before),
                number=len(moves),
                own=pp(own),
                drift=pp(after - before - own),
                who="\n".join(self._who(whole)),
                how="; Ctrl-C ends it" if url else ": `make demo KEEP=1` goes on serving, then for example",
            ).rstrip("\n")
        )
        self.say()
        for question, parameters in QUESTIONS:
            self.say(f"  curl -s '{url or 'http://127.0.0.1:7071'}/api/{question}?{urlencode(parameters, safe=':')}'")

    def _who(self, whole: Json) -> Iterator[str]:
        people = People([whole], clean)
        for actor in whole["actors"][:ACTORS]:
            yield f"  {pp(actor['share']):>7}  {people.called(actor)}"
        if rest := [actor["share"] for actor in whole["actors"][ACTORS:]]:
            yield f"  {pp(fsum(rest)):>7}  {count(len(rest), 'other')}"


def tell(port: int, until: datetime = END, serving: Callable[[Weeks], object] | None = None) -> int:
    """Lives from the first Monday on and prints what Teams received; then serves for as long as `serving` takes."""
    started = time.monotonic()
    with Azure() as azure, Azurite() as azurite:
        azure.directory = directory()
        with Host(ROOT, port, _settings(azure, azurite)) as host:
            weeks = Weeks(azure, host)
            weeks.say(HEADER.format(azure=azure.endpoint, app=host.url, hours=EVERY // timedelta(hours=1)))
            for moment in moments(until):
                weeks.live(moment)
            weeks.sum_up(time.monotonic() - started, host.url if serving else None)
            if serving is not None:
                serving(weeks)
    return 0


def moments(until: datetime) -> Iterator[datetime]:
    """When Azure is looked at."""
    now = MOMENTS[0].at
    while now <= until:
        yield now
        now += EVERY


def _settings(azure: Azure, azurite: Azurite) -> dict[str, str]:
    timers = ("SNAPSHOT", "ROLLUP", "ANNOUNCE", "CALENDAR", "DIGEST")
    return {
        "AzureWebJobsStorage": azurite.connection_string(),
        "DRIFT_STORAGE": "AzureWebJobsStorage",
        "DRIFT_ARM_ENDPOINT": azure.endpoint,
        "DRIFT_CREDENTIAL": "none",
        "DRIFT_GRAPH_ENDPOINT": azure.endpoint,
        "DRIFT_SCOPES": "all",
        "DRIFT_GROUPS": "prod=tag:environment=prod;dev=tag:environment=dev",
        "DRIFT_ANNOUNCE_PP": "0.5",
        "DRIFT_APP_URL": "https://drift.northwind.example",
        "DRIFT_CARDS_PER_HOUR": "1000",
        "DRIFT_RETENTION_MONTHS": "120",
        "DRIFT_TOPIC_ENDPOINT": azure.topic,
        "TEAMS_WEBHOOK_URL": azure.webhook("security"),
        **{f"DRIFT_{timer}_SCHEDULE": NEVER for timer in timers},
    }


def _compact(content: Json, width: int) -> Iterator[str]:
    """What a card says, without blank lines, and without the reference and the link, which all cards have."""
    for line in card.text(content | {"actions": []}, width).splitlines():
        if line and not line.startswith("ref "):
            yield line


@contextmanager
def _progress(moment: datetime) -> Iterator[None]:
    """A line on a terminal while it works, which the next one overwrites."""
    shown = sys.stderr.isatty()
    if shown:
        sys.stderr.write(f"\r\x1b[K{_day(moment)}: looking …")
        sys.stderr.flush()
    yield
    if shown:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def _day(moment: datetime) -> str:
    return f"{moment:%A, %-d %B, %H:%M}"


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _get(url: str) -> Any:
    with urlopen(url) as answer:
        return msgspec.json.decode(answer.read())


def _post(url: str, body: Any) -> None:
    request = Request(
        url, msgspec.json.encode(body), {"Content-Type": "application/json", "aeg-event-type": "Notification"}
    )
    urlopen(request).close()

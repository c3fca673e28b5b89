"""The page in Chromium, over what is kept: what it shows is what the API says, whatever names are in it."""

from __future__ import annotations

import random
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from drift.adapters.entities import Row
from drift.engine.where import BY
from drift.history import History
from drift.words import day, hundredths, pp, signed
from tests.filled import Filled
from tests.web.serving import served

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test installs it")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt install chromium")

KEY = "sesame"
EVIL = '<a href="https://evil.example">x</a><img src=x onerror=alert(1)></script> \u202e'
WAYS = ("class", "cause", "subscription", *BY)
ALL = "window=12m"


@pytest.fixture(scope="module")
def address(filled: Filled) -> Iterator[str]:
    with served(lambda: filled.history, KEY) as found:
        yield f"{found}/api/page"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield running
        running.close()


class Tab:
    """A tab of its own, with all that its console said."""

    def __init__(self, browser: Any, **options: Any) -> None:
        self.page = browser.new_context(**options).new_page()
        self.page.set_default_timeout(20_000)
        self.said: list[str] = []
        self.page.on("console", lambda one: self.said.append(one.text))
        self.page.on("pageerror", lambda one: self.said.append(str(one)))

    def open(self, address: str, query: str = "") -> Any:
        """The page when its charts are drawn and its panel is filled."""
        self.page.goto(f"{address}?code={KEY}&{query}")
        self.drawn()
        return self.page

    def drawn(self) -> None:
        self.page.wait_for_selector("#course[data-drawn], #course[hidden]", state="attached")
        self.page.wait_for_selector("#waterfall[data-drawn]")
        self.page.wait_for_selector('#panel[aria-busy="false"]')


@pytest.fixture
def tab(browser: Any) -> Iterator[Tab]:
    found = Tab(browser)
    yield found
    found.page.context.close()


def figures(page: Any) -> list[tuple[str, str]]:
    """The rows of the table under the waterfall: pp, and of what; the last is the sum."""
    rows = page.locator("#divided [role=tabpanel] tbody tr, #divided [role=tabpanel] tfoot tr").all()
    cells = [row.locator("td").all_inner_texts() for row in rows]
    return [(one[0], one[1].split("\n")[0]) for one in cells]


def until(page: Any, condition: str) -> None:
    """Waits for a condition. (Playwright's own way to wait needs eval, which the page forbids.)"""
    end = time.monotonic() + 20
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.02)


def number(text: str) -> int:
    return round(100 * float(text.replace("−", "-").replace("±", "").replace("+", "")))


def test_the_list_of_movements_is_that_of_the_api(tab: Tab, address: str, filled: Filled) -> None:
    page = tab.open(address, f"scope=prod&{ALL}")
    rows = page.locator("#moved tbody tr").all()
    wanted = filled.history.deltas("prod", limit=100)["value"]
    assert len(rows) == len(wanted)
    for row, one in zip(rows, wanted, strict=True):
        cells = row.locator("td").all_inner_texts()
        own = one["classes"].get("earned", 0.0) + one["classes"].get("lost", 0.0)
        parts = own, one["movement"] - own
        work, drift = map(signed, hundredths(parts, one["movement"]), parts)
        assert cells[:6] == [
            day(one["to"]),
            f"{one['before']:.2f} %",
            f"{one['after']:.2f} %",
            pp(one["movement"]).strip(),
            work,
            drift,
        ]
    assert f"{wanted[0]['after']:.2f} % at the last look" in page.locator("#standing").inner_text()
    assert tab.said == []


def test_a_movement_is_divided_every_way_in_parts_that_add_up(tab: Tab, address: str, filled: Filled) -> None:
    largest = max(filled.history.deltas("all")["value"], key=lambda one: abs(one["movement"] or 0))
    page = tab.open(address, f"delta={largest['id']}&{ALL}")
    for way in WAYS:
        page.locator(f'#divided [data-name="{way}"]').click()
        page.wait_for_selector(f'#divided [data-name="{way}"][aria-selected=true]')
        tab.drawn()
        *parts, total = figures(page)
        assert sum(number(text) for text, _ in parts) == number(total[0]) == number(pp(largest["movement"])), way
        assert f"by={way}" in page.url
    whole = filled.history.delta(largest["id"])
    page.locator('#divided [data-name="class"]').click()
    tab.drawn()
    classes = sorted(whole["classes"].values(), key=lambda share: -abs(share))
    rounded = map(signed, hundredths(classes, whole["movement"]), classes)
    assert [text for text, _ in figures(page)[:-1]] == list(rounded)
    assert tab.said == []


def test_every_view_shows_something_and_the_console_stays_silent(tab: Tab, address: str) -> None:
    page = tab.open(address, ALL)
    for name in ("calendar", "diagnosis", "exemptions", "coverage", "plan", "coming"):
        page.locator(f'#tabs [data-name="{name}"]').click()
        page.wait_for_selector(f'#panel[data-shown="{name}"]')
        assert len(page.locator("#panel").inner_text()) > 20
    assert tab.said == []


def test_a_key_is_taken_out_of_the_address_and_stays_in_the_tab(tab: Tab, address: str) -> None:
    page = tab.open(address, "scope=prod")
    assert KEY not in page.url
    page.reload()
    tab.drawn()
    assert "Secure score of prod" in page.title()


def test_without_a_key_it_asks_for_one_and_says_when_it_is_wrong(tab: Tab, address: str) -> None:
    page = tab.page
    page.goto(f"{address}?scope=prod")
    page.wait_for_selector("#entry:not([hidden])")
    page.locator("#key").fill("wrong")
    page.keyboard.press("Enter")
    until(page, "document.getElementById('key-wrong').textContent !== ''")
    page.locator("#key").fill(KEY)
    page.keyboard.press("Enter")
    tab.drawn()
    assert page.locator("#entry").is_hidden()
    assert KEY not in page.content().replace(f'value="{KEY}"', "")


def test_the_address_holds_what_is_shown_and_back_goes_back(tab: Tab, address: str, filled: Filled) -> None:
    page = tab.open(address, ALL)
    page.locator("#scope").select_option("prod")
    until(page, "document.title.endsWith('prod')")
    tab.drawn()
    page.locator('#moved tr[data-delta^="prod."] button').first.click()
    page.wait_for_selector('#moved tr[aria-current="true"]')
    newest = filled.history.deltas("prod", limit=1)["value"][0]["id"]
    assert {f"delta={newest}", "scope=prod", ALL} <= set(page.url.partition("?")[2].split("&"))
    page.go_back()
    until(page, "!location.search.includes('delta')")
    until(page, "document.getElementById('movement-title').textContent === 'The whole window'")


def test_it_can_be_used_with_the_keyboard_alone(tab: Tab, address: str) -> None:
    page = tab.open(address, ALL)
    page.locator("#moved tbody button").first.focus()
    page.keyboard.press("Enter")
    until(page, "document.activeElement.id === 'movement'")
    tab.drawn()
    page.locator('#divided [aria-selected="true"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector('#divided [data-name="cause"][aria-selected="true"]')
    assert page.locator("main, header, h1, [role=status]").count() >= 4
    unnamed = page.locator("select, input").evaluate_all("all => all.filter(one => !one.labels.length).length")
    assert unnamed == 0


def test_the_focus_stays_on_what_was_chosen(tab: Tab, address: str) -> None:
    page = tab.open(address, ALL)
    for place, name in (("#divided", "cause"), ("#tabs", "calendar")):
        page.locator(f'{place} [aria-selected="true"]').focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        until(page, f"document.activeElement.matches('{place} [data-name={name}][aria-selected=true]')")
        tab.drawn()


def test_what_fails_leaves_nothing_of_another_window(tab: Tab, address: str) -> None:
    page = tab.open(address, ALL)
    page.evaluate("history.pushState(null, '', '?window=own&from=2020-01-01&to=2020-02-01')")
    page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")
    until(page, "document.getElementById('status').textContent.includes('nothing is known')")
    assert page.locator("#course").is_hidden()
    assert [page.locator(one).inner_text() for one in ("#standing", "#moved", "#divided")] == ["", "", ""]
    page.locator("#window").select_option("12m")
    until(page, "document.getElementById('status').textContent === ''")
    tab.drawn()
    assert page.locator("#moved tbody tr").count() > 0


@pytest.mark.parametrize(
    "query", ["delta=all.gone", "window=own&from=garbage", "window=own&from=2026-04-09&to=2026-03-09"]
)
def test_a_wrong_address_is_told_and_the_rest_is_shown(tab: Tab, address: str, query: str) -> None:
    page = tab.page
    page.goto(f"{address}?code={KEY}&{query}")
    page.wait_for_selector('#panel[aria-busy="false"]')
    assert "Reading" not in page.locator("#views").inner_text()
    assert "Invalid" not in page.locator("#status").inner_text()


def test_figures_are_rounded_as_everywhere_else(tab: Tab, address: str) -> None:
    draw = random.Random(7)
    amounts = (
        lambda: draw.uniform(-5, 5),
        lambda: draw.randrange(-80, 80) / 8,
        lambda: draw.randrange(-200, 200) / 1000,
    )
    cases = [[draw.choice(amounts)() for _ in range(draw.randrange(1, 9))] for _ in range(500)]
    page = tab.page
    page.goto(address)  # without a key: its words are for anyone
    shown = page.evaluate(
        """async cases => {
            const words = await import(`${location.pathname}/words.js`);
            const sum = one => one.reduce((all, part) => all + part, 0);
            const each = (one, how) => one.map(part => how(part));
            const percent = part => words.percent(Math.abs(part));
            return cases.map(one => [words.hundredths(one, sum(one)), each(one, words.pp), each(one, percent)]);
        }""",
        cases,
    )
    for case, (parts, moved, stands) in zip(cases, shown, strict=True):
        total = 0.0
        for part in case:
            total += part  # in the order of the script: the built-in sum is more exact
        assert parts == hundredths(case, total)
        assert moved == [pp(part).strip() for part in case]
        assert stands == [f"{abs(part):.2f} %" for part in case]


def test_events_are_marked_and_listed(tab: Tab, address: str, filled: Filled) -> None:
    page = tab.open(address, ALL)
    page.wait_for_selector("#events summary")
    page.locator("#events summary").click()
    wanted = filled.history.changes("all")["value"]
    cells = [row.locator("td").all_inner_texts() for row in page.locator("#events tbody tr").all()]
    assert [one[:2] for one in cells] == [[day(one["time"]), one["actor"]] for one in wanted]
    marks = "document.querySelectorAll('#course .xy2 .point').length"
    until(page, f"{marks} === {len(wanted)}")
    assert tab.said == []


def test_every_bar_of_the_waterfall_has_its_name(tab: Tab, address: str) -> None:
    page = tab.open(address, f"{ALL}&by=cause")
    bars = page.locator("#waterfall .waterfalllayer .point").count()
    assert bars > 10
    assert page.locator("#waterfall .xtick text").count() == bars
    names = page.locator("#waterfall .xtick text")
    hidden = names.evaluate_all("all => all.filter(one => !one.checkVisibility({opacityProperty: true})).length")
    assert hidden == 0


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone_in_any_light(browser: Any, address: str, dark: bool) -> None:
    phone = Tab(browser, viewport={"width": 360, "height": 740}, color_scheme="dark" if dark else "light")
    page = phone.open(address, f"{ALL}&by=cause&view=exemptions")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") is not dark
    page.emulate_media(media="print")
    assert page.locator("#pickers").is_hidden()
    assert phone.said == []
    page.context.close()


def test_hostile_names_stay_text(browser: Any, filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled.store
    movements = store.movements

    def hostile(found: Any) -> Any:
        if isinstance(found, dict):
            return {
                key: EVIL if key in ("title", "name", "subscription") else hostile(one) for key, one in found.items()
            }
        return [hostile(one) for one in found] if isinstance(found, list) else found

    def listed(*arguments: Any, **named: Any) -> Any:
        page = movements(*arguments, **named)
        return replace(page, items=[replace(row, told=hostile(row.told)) for row in page.items if isinstance(row, Row)])

    monkeypatch.setattr(store, "movements", listed)
    told = History.delta
    monkeypatch.setattr(History, "delta", lambda self, identity: hostile(told(self, identity)))
    with served(lambda: filled.history, KEY) as found:
        tab = Tab(browser)
        newest = filled.history.deltas("all", limit=1)["value"][0]["id"]
        page = tab.open(f"{found}/api/page", f"{ALL}&delta={newest}&by=cause")
        text = page.locator("#divided").inner_text()
        assert re.search(r'<a href="https://evil\.example">x</a><img', text)
        assert "\u202e" not in page.content()
        assert page.locator('a[href*="evil"], img').count() == 0
        assert "‹a href" in page.locator("#waterfall").inner_html()
        assert tab.said == []
        page.context.close()

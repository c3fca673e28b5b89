"""The page is a shell with parts, the same for everyone, under a policy that lets nothing else in."""

from __future__ import annotations

import gzip
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from drift.history import History
from drift.web import page
from drift.web.api import respond
from drift.web.entry import Entry
from drift.web.problems import Response

STATIC = Path(page.__file__).parent / "static"


def nobody() -> History:
    raise AssertionError("the page asks no history")


def get(route: str, asset: str = "", **headers: str) -> Response:
    return respond(nobody, route, {"asset": asset} if asset else {}, {}, headers=headers)


class Parts(HTMLParser):
    """What a document loads, and what in it would run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline = False
        self.open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        self.open = tag
        self.inline |= any(name.startswith("on") or name == "style" for name in own)
        if tag in ("script", "link", "img"):
            self.loaded.append(own.get("src") or own.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        self.open = ""

    def handle_data(self, data: str) -> None:
        self.inline |= self.open in ("script", "style") and bool(data.strip())


def test_the_shell_is_for_anyone_and_asks_nobody() -> None:
    answer = get("page")
    assert (answer.status, answer.content_type) == (200, "text/html; charset=utf-8")
    assert answer.headers["Content-Security-Policy"] == page.POLICY
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_policy_lets_in_nothing_inline_and_nothing_from_elsewhere() -> None:
    rules = dict(rule.split(" ", 1) for rule in page.POLICY.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert "unsafe" not in page.POLICY


def test_the_shell_loads_its_own_parts_and_has_nothing_inline() -> None:
    parts = Parts(get("page").body.decode())
    assert not parts.inline
    for address in parts.loaded:
        name = address.partition("?")[0].removeprefix("page/")
        assert address.startswith("data:,") or name in page.ASSETS, address


@pytest.mark.parametrize("name", page.ASSETS)
def test_a_part_is_served_once_and_then_known(name: str) -> None:
    answer = get("asset", name)
    assert (answer.status, answer.content_type) == (200, page.ASSETS[name])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = get("asset", name, **{"if-none-match": answer.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    packed = get("asset", name, **{"accept-encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == answer.body


def test_every_file_there_is_a_part_and_every_import_leads_to_one() -> None:
    own = {path.name for path in STATIC.iterdir()} - {"page.html"}
    assert own == set(page.ASSETS) - {"plotly.js"}
    for path in STATIC.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r'from "\./([\w.]+)"', text)) <= own
        assert "innerHTML" not in text
        assert "eval(" not in text


@pytest.mark.parametrize("name", ["nothing.js", "../page.py", "page.html", "", "PAGE.JS", "..%2f..%2fsettings.py"])
def test_a_name_leads_to_no_other_file(name: str) -> None:
    answer = respond(nobody, "asset", {"asset": name}, {})
    assert (answer.status, answer.content_type) == (404, "application/problem+json")


@pytest.mark.parametrize("route", ["page", "asset"])
def test_with_sign_in_it_is_for_who_has_the_role(route: str) -> None:
    entry = Entry(role="Posture.Read", authenticated=True)
    assert respond(nobody, route, {"asset": "page.js"}, {}, entry=entry).status == 401

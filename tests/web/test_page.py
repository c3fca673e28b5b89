"""The page shows what the API says, and nothing of a tenant's becomes markup."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from drift import answers
from drift.adapters.entities import Row
from drift.engine.wording import count
from drift.history import History
from drift.web.api import respond
from drift.words import pp
from tests.filled import SCOPES, Filled

EVIL = "<script>alert(1)</script>\" onload='x' [a](https://evil.example) \u202e"


PLAIN = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "nav", "a", "b", "p", "svg", "path", "small"}
PLAIN |= {"span", "div", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}
"""What the page is made of."""


class Seen(HTMLParser):
    """Elements with their attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def links(self) -> list[str]:
        return [attributes["href"] or "" for tag, attributes in self.elements if tag == "a"]


def page(filled: Filled, **query: str) -> Seen:
    answer = respond(lambda: filled.history, "page", {}, query)
    assert (answer.status, answer.content_type) == (200, "text/html; charset=utf-8")
    return Seen(answer.body.decode())


@pytest.mark.parametrize("scope", SCOPES)
def test_the_page_of_a_scope_shows_its_movements_as_the_api_does(filled: Filled, scope: str) -> None:
    seen = page(filled, scope=scope)
    moved = filled.history.deltas(scope, limit=50)["value"]
    assert [link for link in seen.links if link.startswith("deltas/")] == [f"deltas/{one['id']}" for one in moved]
    for one in moved:
        if one["movement"] is not None:
            assert f"{one['after']:.2f} %" in seen.text
    assert f"{filled.history.scores(scope)['value'][-1]['percentage']:.2f} %" in seen.text


def test_what_is_to_come_is_on_the_page(first_week: Filled) -> None:
    seen = page(first_week, scope="all")
    coming = first_week.history.pending("all")["value"]
    assert coming
    assert all(one["subscription"] in seen.text for one in coming)
    assert "Nothing is waiting" not in seen.text


def test_the_page_says_who_did_it_and_when(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    own = filled.store.movements
    who = {"actor": "Ana Lopez", "type": "user", "id": "aaaa", "share": 0.0}
    record = {"source": "event", "time": "2026-03-02T05:20:00Z", "actor": "Ana Lopez", "actorType": "User"}

    def known(*given: object, **more: object) -> object:
        found = own(*given, **more)  # type: ignore[arg-type]
        evidence = [record | {"from": "203.0.113.7"}]
        told = [
            row.told | {"causes": [one | {"actors": [who], "evidence": evidence} for one in row.told["causes"]]}
            for row in found.items
        ]
        return replace(found, items=[replace(row, told=one) for row, one in zip(found.items, told, strict=True)])

    monkeypatch.setattr(filled.store, "movements", known)
    seen = page(filled, scope="prod")
    assert "2026-03-02 05:20 UTC, by Ana Lopez" in seen.text
    assert "203.0.113.7" not in seen.text


def test_what_is_foretold_is_apart_with_what_is_assumed_and_whose_doing_it_is(
    first_week: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first, *_) = first_week.history.pending("all")["value"]
    first |= {"stage": "assessment", "actors": [{"actor": "<b>Ana", "type": "application", "id": None}]}
    some = [first | {"share": None, "reason": "who knows"}, first | {"share": 0.5, "reason": "assumed <i>so"}]
    monkeypatch.setattr(History, "pending", lambda *_: {"value": some})
    seen = page(first_week, scope="all")
    assert "Expected pp What Who In the score by (UTC) ? " in seen.text
    assert "share not known: who knows by <b>Ana (application)" in seen.text
    assert "assumed <i>so by" in seen.text
    assert {tag for tag, _ in seen.elements} <= PLAIN


@pytest.mark.parametrize("scope", SCOPES)
def test_the_page_says_why_it_stands_still_and_what_is_hidden(filled: Filled, scope: str) -> None:
    seen = page(filled, scope=scope)
    reasons = answers.diagnosis(filled.history, scope)["reasons"]
    assert all(one["title"] in seen.text for one in reasons[: answers.FIRST])
    assert all(one["title"] not in seen.text for one in reasons[answers.FIRST :])
    exempted = answers.exemptions(filled.history, scope)
    assert f"{count(len(exempted['value']), 'exemption')}, worth {pp(exempted['difference']).strip()}" in seen.text
    total = answers.coverage(filled.history, scope)["total"]
    assert f"{total['scored']} of {count(total['subscriptions'], 'subscription')} scored" in seen.text
    for route in ("diagnosis", "exemptions", "coverage"):
        assert f"{route}?scope={scope}" in seen.links


def test_hostile_reasons_stay_text(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    moves = {"earliest": "2026-03-02T05:20:00Z", "latest": "2026-03-03T05:20:00Z"}
    reason = {"title": EVIL, "action": EVIL, "movesBy": moves, "effect": 1.0, "confidence": "inferred"}
    found = {"reasons": [reason] * 4, "notes": [EVIL]}
    monkeypatch.setattr(answers, "diagnosis", lambda *_, **__: found)
    seen = page(filled, scope="prod")
    assert {tag for tag, _ in seen.elements} <= PLAIN
    assert not [name for _, attributes in seen.elements for name in attributes if name.startswith("on")]
    assert seen.text.count("<script>alert(1)</script>") == 3 * 2 + 1
    assert seen.text.count("moves by 2026-03-03 05:20 UTC; +1.00 pp once that is done; inferred") == 3


def test_of_a_large_group_the_page_looks_at_the_heaviest_and_says_so(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drift.web.page.LOOKED", 1)
    assert "only the 1 heaviest subscription is looked at: 1 more is not" in page(filled, scope="all").text


def test_every_scope_can_be_gone_to_and_the_key_goes_along(filled: Filled) -> None:
    seen = page(filled, scope="prod", code="k&y=1")
    assert all(link.endswith("code=k%26y%3D1") for link in seen.links)
    scopes = {match[1] for link in seen.links if (match := re.match(r"page\?scope=([^&]+)", link))}
    assert scopes == ({scope.lower() for scope in SCOPES} | {"empty"}) - {"prod"}


def test_a_page_has_no_scripts_and_forbids_them(filled: Filled) -> None:
    answer = respond(lambda: filled.history, "page", {}, {})
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "script" not in {tag for tag, _ in Seen(answer.body.decode()).elements}


def test_hostile_names_stay_text(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    own = filled.store.movements

    def hostile(*given: object, **more: object) -> object:
        found = own(*given, **more)  # type: ignore[arg-type]
        return replace(found, items=[_with_evil(row) for row in found.items])

    monkeypatch.setattr(filled.store, "movements", hostile)
    seen = page(filled, scope="prod")
    assert {tag for tag, _ in seen.elements} <= PLAIN
    assert not [name for _, attributes in seen.elements for name in attributes if name.startswith("on")]
    assert all(not link.startswith("http") for link in seen.links)
    assert "<script>alert(1)</script>" in seen.text
    assert "\u202e" not in seen.text


def _with_evil(row: Row) -> Row:
    who = {"actor": EVIL, "type": "user", "id": EVIL, "share": 0.0}
    causes = [one | {"title": EVIL, "actors": [who, who | {"id": "other"}]} for one in row.told["causes"]]
    return replace(row, told=row.told | {"causes": causes, "name": EVIL})


@pytest.mark.parametrize(("query", "status"), [({"scope": "nobody"}, 404), ({"scope": "<"}, 400), ({"x": "1"}, 400)])
def test_a_page_that_can_not_be_shown_is_a_problem_like_any_other(filled: Filled, query: dict, status: int) -> None:
    answer = respond(lambda: filled.history, "page", {}, query)
    assert (answer.status, answer.content_type) == (status, "application/problem+json")

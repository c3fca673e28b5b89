"""The brief: figures that follow from evidence alone, evidence that shows what was changed, a page without markup."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from demo.northwind import write
from drift.board import archive
from drift.board.evidence import of_folders, of_history, present
from drift.board.figures import figures
from drift.board.page import page
from drift.cli import main
from drift.errors import EvidenceError
from drift.standing import overdue
from drift.web.api import respond
from tests.build import at, estate
from tests.filled import Filled

Json = dict[str, Any]
APART = {"prod": "tag:environment=prod", "dev": "tag:environment=dev"}
EVIL = "<script>alert(1)</script> [a](https://evil.example) \u202e"


def explanation(**more: Any) -> Json:
    found = {
        "scope": "all",
        "name": "all",
        "before": {"takenAt": "2026-03-02T06:00:00Z", "percentage": 60.0},
        "after": {"takenAt": "2026-03-09T06:00:00Z", "percentage": 62.0},
        "movement": 2.0,
        "classes": {"earned": 4.0, "lost": -1.0, "estate": -1.0},
        "causes": [
            {"class": "earned", "share": 4.0, "title": "fixed", "scope": "s"},
            {"class": "lost", "share": -1.0, "title": "came back", "scope": "s"},
            {"class": "estate", "share": -1.0, "title": "added", "scope": "s"},
        ],
        "parts": [{"key": "ana", "share": 3.0}, {"key": None, "share": -1.0}],
        "series": [
            {"takenAt": "2026-03-02T06:00:00Z", "percentage": 60.0, "ownWork": 0.0},
            {"takenAt": "2026-03-09T06:00:00Z", "percentage": 62.0, "ownWork": 3.0},
        ],
    }
    return found | more


def recommendation(severity: str | None, unhealthy: int, *controls: str) -> Json:
    return {"severity": severity, "unhealthy": unhealthy, "controls": list(controls)}


def exemption(*flags: str, points: float | None = 0.5, owner: str | None = None) -> Json:
    return {"flags": list(flags), "points": points, "owner": owner}


def evidence(**more: Any) -> Json:
    """Of one part; `more` by file, without its end."""
    control = {"key": "c1", "share": 2.0, "classes": {"earned": 4.0, "lost": -1.0, "estate": -1.0}}
    files: Json = {
        "explanation": explanation(),
        "controls": {
            "value": [control],
            "standing": [{"control": "c1", "title": "Ports", "healthy": 4, "unhealthy": 0}],
        },
        "plan": {"controls": [], "recommendations": [], "steps": []},
        "exemptions": {"value": [], "difference": 0.0},
        "coverage": {
            "total": {"subscriptions": 2, "scored": 1, "plans": [], "machines": {"assessed": 3, "notAssessed": 1}}
        },
        "overdue": {"count": 0, "unread": 0, "value": []},
    }
    report = {"schema": 1, "scope": "all", "from": "2026-03-02T06:00:00Z", "to": "2026-03-09T06:00:00Z"}
    named = {f"all/{name}.json": found for name, found in (files | more).items()}
    return {"report.json": report | {"parts": [{"name": "all", "scope": "all"}]}, **named}


def of_all(**more: Any) -> Json:
    return figures(evidence(**more))["parts"]["all"]


# Figures


def test_earned_and_drift_add_up_to_the_movement() -> None:
    score = of_all()["score"]
    assert (score["movement"], score["earned"], score["drift"]) == (2.0, 3.0, -1.0)
    ends = {"movement": None, "after": {"takenAt": "2026-03-09T06:00:00Z", "percentage": None}}
    assert of_all(explanation=explanation(**ends))["score"]["earned"] is None


@pytest.mark.parametrize(
    ("recommendations", "count"),
    [
        ([recommendation("High", 1, "Ports")], 1),
        ([recommendation("High", 0, "Ports"), recommendation("Low", 2, "Ports")], 0),
        ([recommendation("High", 1, "Keys")], 0),
        ([recommendation(None, 1, "Ports")], None),
        ([recommendation(None, 0, "Ports")], 0),
    ],
    ids=["severe and open", "severe and healthy", "severe elsewhere", "nobody knows how severe", "nothing is open"],
)
def test_a_control_is_of_high_risk_by_a_severe_recommendation_that_is_open(recommendations, count) -> None:
    plan = {"controls": [{"title": "Ports", "unhealthy": 1}], "recommendations": recommendations, "steps": []}
    assert of_all(plan=plan)["highRisk"]["count"] == count


@pytest.mark.parametrize(
    ("standing", "earned", "count"),
    [((4, 0), 1.0, 1), ((4, 1), 1.0, 0), ((0, 0), 1.0, 0), ((4, 0), 0.0, 0)],
    ids=["fixed and done", "something is left", "nothing is counted", "healthy without a fix"],
)
def test_a_control_is_completed_by_fixes_and_nothing_left(standing, earned, count) -> None:
    healthy, unhealthy = standing
    controls = {
        "value": [{"key": "C1", "share": 2.0, "classes": {"earned": earned}}],
        "standing": [{"control": "c1", "title": "Ports", "healthy": healthy, "unhealthy": unhealthy}],
    }
    assert of_all(controls=controls)["completed"]["count"] == count


def test_an_exemption_counts_once_that_ended_and_is_nobodys() -> None:
    rows = [exemption("expired", "no_owner"), exemption("no_owner"), exemption("no_end", owner="ana")]
    found = of_all(exemptions={"value": rows, "difference": 1.5})["exemptions"]
    assert (found["count"], found["expired"], found["noOwner"], found["total"]) == (2, 1, 2, 3)


def test_what_is_not_known_is_said_and_never_nothing() -> None:
    found = evidence(overdue={"count": None, "unread": 2, "value": []})
    assert figures(found)["parts"]["all"]["overdue"]["count"] is None
    shown = page(found).decode()
    assert "not known" in shown
    assert "governance assignments could not be read" in shown


def test_decisions_are_three_those_of_known_worth_first() -> None:
    step = {"title": "ports", "gain": 0.2, "owners": [{"owner": "ana"}], "hardest": "Low"}
    found = figures(
        evidence(
            plan={"controls": [], "recommendations": [], "steps": [step]},
            exemptions={"value": [exemption("expired", points=0.4)], "difference": 0.4},
            overdue={"count": 1, "unread": 0, "value": [{"due": "2026-03-01T00:00:00Z", "owner": None}]},
        )
    )["decisions"]
    assert [(one["file"], one["worth"]) for one in found] == [("explanation", 1.0), ("exemptions", 0.4), ("plan", 0.2)]


def test_what_is_overdue_is_unhealthy_and_past_its_date() -> None:
    marks = {("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy", ("vm3", "a"): "Unhealthy"}
    due = {
        ("vm1", "a"): {"due": at(-24), "grace": False},
        ("vm2", "a"): {"due": at(-24), "grace": False},
        ("vm3", "a"): {"due": at(24), "grace": False},
    }
    whole = estate(controls={"c": (10, ["a"])}, marks=marks, governance=due)
    found = overdue([_head(whole)], "all")
    assert found["count"] == 1
    assert found["value"][0]["resource"].endswith("vm1")
    unread = overdue([_head(whole.but(0, without=("governance-assignments.json",)))], "all")
    assert (unread["count"], unread["unread"]) == (None, 1)


def _head(folder: Any) -> Any:
    from tests.engine.auditing.test_audit import head

    return head(folder)


# Evidence


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write(tmp_path_factory.mktemp("weeks"))[:3]


@pytest.fixture(scope="module")
def brief(folders: list[Path]) -> bytes:
    return archive.packed(of_folders(folders, "all", present(folders), lambda *_: None))


def changed(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The zip with its files changed, and a manifest that is right for them."""
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        files = {name: json.loads(old.read(name)) for name in old.namelist()}
    change(files)
    from hashlib import sha256

    encoded = {name: json.dumps(found).encode() for name, found in files.items() if name != "manifest.json"}
    digests = {name: sha256(content).hexdigest() for name, content in encoded.items()}
    encoded["manifest.json"] = json.dumps({"schema": 1, "sha256": digests}).encode()
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as new:
        for name, content in encoded.items():
            new.writestr(name, content)
    return held.getvalue()


def wrong(data: bytes) -> list[str]:
    return [one.what for one in archive.verified(data, "a.zip") if one.wrong]


def test_evidence_verifies_and_is_the_same_bytes_every_time(brief: bytes, folders: list[Path]) -> None:
    assert wrong(brief) == []
    again = of_folders(folders, "all", present(folders), lambda *_: None)
    assert archive.packed(again) == brief
    assert archive.evidence_of(brief, "a.zip").keys() == again.keys()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda f: f["figures.json"]["parts"]["all"]["score"].update(earned=9.0), "all: score"),
        (lambda f: f["figures.json"]["parts"]["all"]["highRisk"].update(count=0), "all: highRisk"),
        (lambda f: f["figures.json"]["decisions"].pop(), "decisions"),
        (lambda f: f["all/explanation.json"]["causes"].pop(0), "all: the movement by cause"),
        (lambda f: f["all/explanation.json"]["parts"].pop(0), "all: the movement by owner"),
        (lambda f: f["all/controls.json"]["value"].pop(0), "all: the movement by control"),
        (
            lambda f: f["all/explanation.json"]["after"].update(percentage=99.0),
            "all: the movement from before to after",
        ),
        (lambda f: f["all/overdue.json"].update(unread=7), "all: overdue"),
        (lambda f: f["all/coverage.json"]["total"].update(scored=0), "all: coverage"),
    ],
)
def test_what_was_changed_is_found(brief: bytes, change: Callable[[Json], None], found: str) -> None:
    assert wrong(changed(brief, lambda _: None)) == []
    assert found in wrong(changed(brief, change))


def test_a_changed_byte_is_found_by_the_manifest(brief: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(brief)) as old:
        files = {name: old.read(name) for name in old.namelist()}
    files["all/overdue.json"] += b" "
    del files["all/coverage.json"]
    files["more.json"] = b"{}"
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as new:
        for name, content in files.items():
            new.writestr(name, content)
    seen: list[tuple[str, str | None]] = []
    with pytest.raises(EvidenceError, match=r"all/coverage\.json"):
        seen.extend((one.what, one.wrong) for one in archive.verified(held.getvalue(), "a.zip"))
    assert ("all/overdue.json", "was changed") in seen
    assert ("all/coverage.json", "is missing") in seen
    assert ("more.json", "is not in the manifest") in seen


def _zip(*entries: tuple[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in entries:
            new.writestr(name, content)
    return held.getvalue()


GOOD = json.dumps({"schema": 1, "sha256": {}}).encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is no zip"),
        (b"PK\x03\x04 cut", "is no zip"),
        (_zip(("a.json", b"{}")), "manifest.json is missing"),
        (_zip(("manifest.json", b"[]")), "is no object"),
        (_zip(("manifest.json", b"{")), "is no JSON"),
        (_zip(("manifest.json", b'{"schema": 2, "sha256": {}}')), "of no form"),
        (_zip(("manifest.json", GOOD), ("report.json", b"{}")), "figures.json is missing"),
        (_zip(("manifest.json", GOOD), ("figures.json", b"{}")), "is no evidence"),
        (_zip(("manifest.json", GOOD), ("figures.json", b"NaN")), "is no JSON"),
        (_zip(*((f"{number}.json", b"{}") for number in range(300))), "larger than"),
        (_zip(("manifest.json", GOOD), ("bomb.json", b"0" * 210_000_000)), "larger than"),
        (_zip(("manifest.json", GOOD), ("../../etc/x.json", b"[")), "is no JSON"),
    ],
    ids=[
        *("empty", "cut", "no manifest", "a list", "half", "another form", "no figures", "figures alone", "no number"),
        *("many files", "a bomb", "a path out"),
    ],
)
def test_what_is_no_evidence_is_one_line(data: bytes, said: str, tmp_path: Path, capsys) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    assert main(["verify", str(path)]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert [child.name for child in tmp_path.iterdir()] == ["a.zip"]


# The page


class Seen(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on") or name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_no_name_becomes_markup() -> None:
    plain = Seen(page(evidence()).decode())
    step = {"title": EVIL, "gain": 0.2, "owners": [{"owner": EVIL}], "hardest": "Low"}
    causes = [cause | {"title": EVIL} for cause in explanation()["causes"]]
    hostile = evidence(
        explanation=explanation(causes=causes, parts=[{"key": EVIL, "share": 2.0}]),
        plan={
            "controls": [{"title": EVIL, "unhealthy": 1}],
            "recommendations": [recommendation("High", 1, EVIL)],
            "steps": [step],
        },
    )
    seen = Seen(page(hostile).decode())
    assert "script" not in seen.tags
    assert seen.tags <= plain.tags | {"br"}
    assert "\u202e" not in "".join(seen.words)
    assert "<script>alert(1)</script>" in " ".join(seen.words)


def test_the_page_is_whole_and_has_nothing_from_elsewhere(brief: bytes) -> None:
    text = page(archive.evidence_of(brief, "a.zip")).decode()
    assert "<html lang='en'>" in text
    assert re.search(r"<title>[^<]+</title>", text)
    assert 'http-equiv="Content-Security-Policy"' in text
    assert not re.search(r"https?://|<script|<link|<img", text)


# Over HTTP, and as a command


def test_the_brief_of_what_is_kept_has_the_figures_of_the_folders(filled: Filled) -> None:
    kept = of_history(filled.history, "all", filled.times[0])
    own = of_folders(filled.folders, "all", {"prod": APART["prod"]}, lambda *_: None)
    mine, theirs = figures(kept)["parts"], figures(own)["parts"]
    assert mine.keys() == theirs.keys() == {"all", "prod"}
    for part, found in mine.items():
        for figure in ("score", "highRisk", "overdue", "exemptions", "coverage", "completed"):
            assert archive.alike(found[figure], theirs[part][figure]), (part, figure)


def test_it_is_answered_as_html_and_as_a_zip(filled: Filled) -> None:
    query = {"scope": "prod", "from": "2026-03-02T06:00:00Z"}
    shown = respond(lambda: filled.history, "report", {}, query)
    assert (shown.status, shown.content_type) == (200, "text/html; charset=utf-8")
    assert "Content-Security-Policy" in shown.headers
    assert b"Secure score of prod" in shown.body
    packed = respond(lambda: filled.history, "evidence", {}, query)
    assert packed.content_type == "application/zip"
    assert wrong(packed.body) == []
    assert respond(lambda: filled.history, "report", {}, {"groups": "a b"}).status == 400
    assert respond(lambda: filled.history, "report", {}, {"groups": "nobody"}).status == 404


def test_the_command_writes_page_and_evidence_that_verifies(folders: list[Path], tmp_path: Path, capsys) -> None:
    out, zipped = tmp_path / "brief.html", tmp_path / "brief.zip"
    assert main(["report", *map(str, folders), "-o", str(out), "--evidence", str(zipped)]) == 0
    assert out.read_bytes().startswith(b"<!doctype html>")
    assert main(["verify", str(zipped)]) == 0
    assert "hold\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give evidence folders, or --url"),
        (["one", "--url", "https://a.example"], "give evidence folders, or --url"),
        (["one"], "two evidence folders or more"),
        (["one", "two", "--from", "2026-03-02T06:00:00Z"], "--from and --to go with --url"),
        (["one", "two", "--group", "prod"], "--group 'prod'"),
        (["--url", "http://a.example"], "must be https"),
        (["--url", "http://127.0.0.1:1"], "does not answer"),
    ],
)
def test_what_can_not_be_reported_is_one_line(arguments: list[str], said: str, capsys) -> None:
    assert main(["report", *arguments]) in (2, 4)
    printed = capsys.readouterr()
    assert said in printed.err
    assert (printed.out, printed.err.count("\n")) == ("", 1)

"""The text fits the terminal, says what the JSON says, and lets nothing of a tenant's names command the terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift import text
from drift.cli import main
from drift.folders import explain_folders
from drift.terminal import Style
from tests import estates
from tests.build import SUB, at, estate, exemption, resource, tenant, write

ROOT = Path(__file__).parent.parent
WIDTHS = (40, 60, 80, 120)
CASES = sorted(path for path in (ROOT / "tests" / "cases").iterdir() if path.is_dir())
STORIES: dict[str, dict[str, Any]] = {
    "plain": {"seed": 1},
    "lag": {"seed": 3, "lag": True, "steps": 4},
    "much": {"seed": 8, "kinds": 8, "steps": 4, "subscriptions": 3},
    "mass": {"seed": 9, "mass": True, "subscriptions": 2},
    "noise": {"seed": 4, "noise": True, "subscriptions": 2},
    "come and go": {"seed": 6, "only": ("subscription_added", "subscription_removed"), "steps": 3, "subscriptions": 3},
    "bare": {"seed": 7, "kinds": 6, "without": ("assessment-metadata.json", "resources.json", "pricings.json")},
}
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def explained(*folders: Path, scope: str = "all") -> dict[str, Any]:
    return explain_folders(folders, scope, lambda *_: None)


def ends(case: Path) -> list[Path]:
    found = sorted(path for path in case.iterdir() if path.is_dir())
    return found[::-1] if found[0].name == "after" else found


def named(name: str, folders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The folders with this as every display name, of subscriptions, recommendations, controls and exemptions."""

    def renamed(value: Any) -> Any:
        if isinstance(value, list):
            return [renamed(one) for one in value]
        if isinstance(value, dict):
            return {key: name if key in ("displayName", "createdBy") else renamed(one) for key, one in value.items()}
        return value

    return [renamed(folder) for folder in folders]


def foreseen() -> list[dict[str, Any]]:
    """An exemption that its mark does not know of yet, and a plan that went off: nothing has moved."""
    before = estate(
        controls={"c": (10, ["a"])},
        marks={("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy"},
        plans={"VirtualMachines": "Standard"},
    )
    made = exemption("vm1", ("a",), created=at(2), expires=at(999))
    return [before, before.but(exemptions={"e": made}, plans={"VirtualMachines": "Free"})]


def eventful() -> list[dict[str, Any]]:
    """A fix, an exemption with an author, a new resource, something unexplained, something pending, a plan off."""
    one = estate(
        controls={"c": (10, ["a", "b"]), "d": (5, ["s"])},
        marks={("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy", ("vm2", "b"): "Unhealthy", ("kv1", "s"): "Healthy"},
    )
    other = estate(
        subscription="22222222-2222-2222-2222-222222222222",
        controls={"c": (10, ["a"])},
        marks={("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy"},
    )
    gone = estate(
        subscription="33333333-3333-3333-3333-333333333333",
        controls={"c": (10, ["a"])},
        marks={("vm1", "a"): "Unhealthy"},
    )
    after = one.but(
        marks={("vm1", "a"): "Healthy", ("vm2", "b"): "Exempt", ("vm9", "a"): "Unhealthy"},
        resources={"vm9": {"createdTime": at(2)}},
        exemptions={"e": exemption("vm2", ("b",), created=at(2), expires=at(999))},
        counts={"d": (1, 3)},
    )
    late = other.but(marks={("vm1", "a"): "Healthy"}, counts={"c": (1, 2)})
    return [tenant(one, other, gone), tenant(after, late, gone.but(plans={"FoundationalCspm": "Free"}))]


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict[str, dict[str, Any]]:
    """Worked cases, random stories, very long names: every one explained once."""
    found = {case.name: explained(*ends(case)) for case in CASES}
    stories: dict[str, list[dict[str, Any]]] = {name: estates.make(**options) for name, options in STORIES.items()}
    stories["eventful"] = eventful()
    stories["foreseen"] = foreseen()
    stories["long names"] = named("Contoso Limited production landing zone, northern Europe, number " * 9, eventful())
    stories["long words"] = named("x" * 300, eventful())
    stories["wide letters"] = named("セキュリティ基準の定義と評価 " * 9, eventful())
    for name, folders in stories.items():
        root = tmp_path_factory.mktemp("story")
        found[name] = explained(*(write(folder, root / str(at)) for at, folder in enumerate(folders)))
    return found


NAMES = [case.name for case in CASES] + [*STORIES, "eventful", "foreseen", "long names", "long words", "wide letters"]


def columns(line: str) -> int:
    """How many columns a terminal gives a line."""
    return sum(
        0 if unicodedata.combining(ch) else 2 if unicodedata.east_asian_width(ch) in "WF" else 1
        for ch in ESCAPE.sub("", line)
    )


def every_object(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [found, *found.get("subscriptions", [])]


# Width and colour


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_wider_than_the_width(name, width, answers):
    for found in every_object(answers[name]):
        for every in (False, True):
            for unicode in (True, False):
                for color in (True, False):
                    style = Style(width=width, color=color, unicode=unicode)
                    lines = text.render(found, style, every=every).splitlines()
                    assert [line for line in lines if columns(line) > width] == []


@pytest.mark.parametrize("name", NAMES)
def test_colour_changes_nothing_but_colour(name, answers):
    for width in WIDTHS:
        plain = text.render(answers[name], Style(width=width))
        colored = text.render(answers[name], Style(width=width, color=True))
        assert "\x1b" not in plain
        assert "\x1b[" in colored
        assert ESCAPE.sub("", colored) == plain


@pytest.mark.parametrize("name", NAMES)
def test_every_colour_ends_on_its_line(name, answers):
    for line in text.render(answers[name], Style(color=True)).splitlines():
        assert [code == "\x1b[0m" for code in ESCAPE.findall(line)] == [False, True] * (len(ESCAPE.findall(line)) // 2)


@pytest.mark.parametrize(("asked", "shown"), [(10, 40), (40, 40), (97, 97), (5000, 120)])
def test_the_width_that_is_asked_for_is_used_within_reason(asked, shown, capsys):
    assert main(["explain", *map(str, ends(CASES[0])), "--width", str(asked)]) == 0
    widest = max(map(columns, capsys.readouterr().out.splitlines()))
    assert shown - 25 < widest <= shown


# Hostile names

HOSTILE = {
    "escape sequences": "\x1b[31mred\x1b]0;title\x07\x1b[2J",
    "C1 codes": "a\x9b31mb\x9d0;title\x9c\x85c",
    "lines": "one\ntwo\r\nthree\u2028four\u2029five\x0bsix\x0cseven",
    "direction": "abc\u202efdp.exe\u202c\u2066x\u2069\u200f",
    "zero width": "a\u200bb\u200c\u200dc\ufeffd\u00ade\u2060f",
    "braces": "{} {0} {name} {kind!r} {share:9999999999}",
    "percents": "%s %d %(name)s %n",
    "nul": "a\0b\0",
    "delete and backspace": "a\x7f\x08\x08b",
    "tags and private use": "a\U000e0041\ue000\ufff9b",
    "nothing": "\x1b\u200b\0",
}


def hidden(said: str) -> list[str]:
    """What a terminal would obey or hide."""
    return [repr(ch) for ch in said if ch != "\n" and unicodedata.category(ch) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")]


@pytest.mark.parametrize("color", [True, False])
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_name_never_reaches_the_terminal(kind, color, tmp_path):
    folders = named(HOSTILE[kind], eventful())
    paths = [write(folder, tmp_path / str(at)) for at, folder in enumerate(folders)]
    for scope in ("all", SUB):
        found = explained(*paths, scope=scope)
        for every in (True, False):
            said = text.render(found, Style(color=color), every=every)
            assert hidden(ESCAPE.sub("", said) if color else said) == []


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_id_never_reaches_the_terminal(kind, tmp_path):
    """Names of resources, exemptions, recommendations and plans are the last part of ids."""
    bad = HOSTILE[kind].replace("/", "")
    old, new = resource("vm0"), resource("vm0").replace("vm0", bad)
    before = estate(
        controls={"c": (10, ["a"])},
        marks={("vm1", "a"): "Unhealthy", (old, "a"): "Unhealthy"},
        plans={bad: "Free"},
    )
    after = before.but(
        marks={(old, "a"): None, (new, "a"): "Healthy", ("vm1", "a"): "Exempt"},
        exemptions={bad: exemption("vm1", ("a",))},
        plans={bad: "Standard"},
        without=("assessment-metadata.json",),
    )
    found = explained(write(before, tmp_path / "b"), write(after, tmp_path / "a"))
    assert len(found["causes"]) > 1
    assert hidden(text.render(found, Style(), every=True)) == []


@pytest.mark.parametrize("kind", ["braces", "percents"])
def test_a_name_with_format_marks_is_printed_as_it_is(kind, tmp_path):
    folders = named(HOSTILE[kind], eventful())
    found = explained(*(write(folder, tmp_path / str(at)) for at, folder in enumerate(folders)))
    assert " ".join(HOSTILE[kind].split()) in " ".join(text.render(found, Style(width=120), every=True).split())


@given(st.text())
def test_a_line_is_one_line_of_printable_letters(words):
    said = text.line(words)
    assert hidden(said) == []
    assert "\n" not in said


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=80))
def test_a_line_of_plain_letters_stays_as_it_is(words):
    assert text.line(words) == words


@pytest.mark.parametrize("kind", HOSTILE)
def test_an_error_about_a_hostile_name_is_one_harmless_line(kind, tmp_path, capsys):
    folders = named(HOSTILE[kind], eventful())
    paths = [write(folder, tmp_path / str(at)) for at, folder in enumerate(folders)]
    (tmp_path / "1" / SUB / "secure-scores.json").unlink()
    (tmp_path / "1" / SUB).rename(tmp_path / "elsewhere")
    assert main(["explain", *map(str, paths)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert hidden(said) == []


# Numbers


def number(shown: str) -> float:
    return float(shown.replace("−", "-").replace("±", "").replace(",", ""))


def near(shown: str, value: float) -> bool:
    return abs(number(shown) - value) <= 0.005 + 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_the_heading_says_what_the_json_says(name, answers):
    for found in every_object(answers[name]):
        said = text.render(found, Style(width=120))
        if found["movement"] is None:
            assert "pp " not in said.splitlines()[1]
            continue
        first, last, moved = re.search(r"^([\d.]+) % → ([\d.]+) %   (\S+|\s\S+) pp", said, re.MULTILINE).groups()
        assert near(first, found["before"]["percentage"])
        assert near(last, found["after"]["percentage"])
        assert near(moved, found["movement"])


@pytest.mark.parametrize("name", NAMES)
def test_the_classes_and_their_sum_are_those_of_the_json(name, answers):
    for found in every_object(answers[name]):
        said = text.render(found, Style(width=120))
        shown = dict(re.findall(r"^  (\S.*?) +([+−± ][\d.]+)(?:  █*)?$", said, re.MULTILINE))
        for group, share in found["classes"].items():
            assert near(shown[text.CLASS_WORDS[group]], share)
        if found["classes"]:
            assert near(shown["in all"], found["movement"])


@pytest.mark.parametrize("name", NAMES)
def test_all_causes_are_shown_with_their_shares_when_all_are_asked_for(name, answers):
    for found in every_object(answers[name]):
        said = text.render(found, Style(width=120), every=True)
        whole = said.partition("What moved it (pp)\n")[2].partition("\n\n")[0]
        shown = sorted(number(share) for share in re.findall(r"^ +([+−± ]?\d+\.\d\d)  \S", whole, re.MULTILINE))
        told = [entry["share"] for entry in found["summary"]]
        many = {entry["kind"] for entry in found["summary"] if entry["count"] > 1}
        told += [cause["share"] for cause in found["causes"] if cause["kind"] in many]
        assert len(shown) == len(told)
        assert all(abs(one - share) <= 0.005 + 1e-9 for one, share in zip(shown, sorted(told), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_listed_is_counted_with_its_share(name, answers):
    """Whatever is cut, the first level of the list still sums to the movement, and each kind to its line."""
    for found in every_object(answers[name]):
        said = text.render(found, Style(width=120))
        whole = said.partition("What moved it (pp)\n")[2].partition("\n\n")[0]
        first = [number(share) for share in re.findall(r"^ {2,6}([+−± ]?\d+\.\d\d)  \S", whole, re.MULTILINE)]
        if first:
            assert abs(sum(first) - found["movement"]) <= 0.005 * (len(first) + 1)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_pending_is_summed(name, answers):
    for found in every_object(answers[name]):
        said = text.render(found, Style(width=120))
        shown = re.search(r"Still to come: (\S+|\s\S+) pp", said)
        assert bool(shown) == bool(found["pending"])
        if shown:
            assert near(shown[1].strip(), sum(entry["share"] for entry in found["pending"]))


@pytest.mark.parametrize("name", NAMES)
def test_every_note_and_every_subscription_without_score_is_told(name, answers):
    for found in every_object(answers[name]):
        said = " ".join(text.render(found, Style(width=120)).split())
        assert said.count("Note: ") == len(found["notes"])
        for one in found["unscored"]:
            assert " ".join(one["reason"].split()) in said


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1.2, "+1.20"), (-0.04, "−0.04"), (0.0, " 0.00"), (0.001, "±0.00"), (-0.001, "±0.00"), (-100.0, "−100.00")],
)
def test_a_share_is_shown_with_its_sign(value, shown):
    assert text.pp(value) == shown


def test_the_same_moves_nothing(tmp_path):
    before = estate(controls={"c": (10, ["a"])}, marks={("vm1", "a"): "Unhealthy"})
    found = explained(write(before, tmp_path / "b"), write(before.but(), tmp_path / "a"))
    assert "Nothing moved the score." in text.render(found, Style())


# Whose doing it was

ANA = {"actor": "Ana Lopez", "type": "user", "id": "aaaaaaaa-1111-4000-8000-000000000000"}
BO = {"actor": "Bo Berg", "type": "user", "id": "bbbbbbbb-1111-4000-8000-000000000000"}
PIPELINE = {"actor": "northwind-deployments", "type": "application", "id": None}
PLATFORM = {"actor": None, "type": "platform", "id": None}
NOBODY = {"actor": None, "type": "notRecorded", "id": None}
EVENT = {"source": "event", "time": "2026-03-02T09:14:00Z", "actor": "Ana Lopez", "actorType": "User"}
EVENT |= {"actorId": ANA["id"], "from": "203.0.113.7"}


def done(answers: dict[str, dict[str, Any]], *actors: dict[str, Any], **fields: Any) -> str:
    """The text of a movement with one cause, which is these actors' doing."""
    found = json.loads(json.dumps(answers["foreseen"]))
    shared = [actor | {"share": 1.0 / (at + 1)} for at, actor in enumerate(actors)]
    share = sum(actor["share"] for actor in shared)
    line = {"kind": "remediation", "class": "earned", "title": "“a”: fixed on vm", "share": share}
    cause = line | {"subject": "a", "scope": SUB, "subscription": "s", "evidence": [], "reason": "", "actors": shared}
    found |= {"movement": share, "classes": {"earned": share}, "summary": [line | {"count": 1}]}
    found |= {"causes": [cause | fields], "actors": shared, "foretold": []}
    return text.render(found, Style(width=100))


@pytest.mark.parametrize(
    ("actors", "said"),
    [
        ([ANA], "by Ana Lopez"),
        ([ANA, BO], "by Ana Lopez and Bo Berg"),
        ([ANA, BO, PIPELINE], "by Ana Lopez and 2 others"),
        ([PIPELINE], "by northwind-deployments (application)"),
        ([PIPELINE | {"type": "managedIdentity"}], "by northwind-deployments (managed identity)"),
        ([PLATFORM], "by the platform"),
        ([NOBODY], "who is not recorded"),
        ([NOBODY, ANA], "by Ana Lopez, in part not recorded"),
        ([ANA, ANA | {"id": BO["id"]}], "by Ana Lopez (aaaaaaaa) and Ana Lopez (bbbbbbbb)"),
        ([ANA | {"actor": "the platform"}], "by the platform (aaaaaaaa)"),
    ],
)
def test_a_cause_says_who_did_it(actors, said, answers):
    assert f"\n{' ' * 11}{said}\n" in done(answers, *actors)


def test_a_cause_says_when_it_was_done_but_not_from_where(answers):
    said = done(answers, ANA, evidence=[EVENT | {"source": "systemData", "time": "2026-03-01T00:00:00Z"}, EVENT])
    assert f"\n{' ' * 11}2026-03-02 09:14 by Ana Lopez\n" in said
    assert "203.0.113.7" not in said


def test_of_several_who_may_have_done_it_none_is_named_and_no_time(answers):
    said = done(answers, NOBODY, evidence=[EVENT], reason="Ana Lopez and Bo Berg did such a thing in that time")
    assert "who is not recorded: Ana Lopez and Bo Berg did such a thing in that time\n" in said
    assert "09:14" not in said


@pytest.mark.parametrize(("actors", "shown"), [([PLATFORM], False), ([NOBODY], False), ([ANA], True)])
def test_who_has_a_section_if_anyone_is_named(actors, shown, answers):
    assert ("Who (pp)" in done(answers, *actors)) == shown


def test_who_has_a_section_if_there_are_several(answers):
    whole = done(answers, PLATFORM, NOBODY).partition("Who (pp)\n")[2]
    assert whole.startswith("    +1.00  the platform\n    +0.50  not recorded\n")


def test_many_actors_are_summed_up_unless_all_are_asked_for(answers):
    people = [ANA | {"actor": f"Person {at}", "id": None} for at in range(20)]
    said = done(answers, *people)
    assert "by Person 0 and 19 others" in said
    assert "  12 others: --all shows them\n" in said
    assert "Person 9" not in said


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_of_who_add_up_to_the_movement(name, answers):
    for found in every_object(answers[name]):
        whole = text.render(found, Style(width=120)).partition("Who (pp)\n")[2].partition("\n\n")[0]
        parts = [number(share) for share in re.findall(r"^ +([+−± ]?\d+\.\d\d)  \S", whole, re.MULTILINE)]
        if parts:
            assert abs(sum(parts) - found["movement"]) <= 0.005 * (len(parts) + 1)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_actor_never_reaches_the_terminal(kind, answers):
    bad = ANA | {"actor": HOSTILE[kind], "id": HOSTILE[kind]}
    said = done(answers, bad, bad | {"id": "b"}, evidence=[EVENT | {"actor": HOSTILE[kind]}], reason=HOSTILE[kind])
    assert hidden(said) == []
    assert hidden(done(answers, NOBODY, evidence=[EVENT], reason=HOSTILE[kind])) == []


# What is expected


def test_what_is_foretold_is_shown_apart_with_who_and_what_is_not_known(answers):
    found = json.loads(json.dumps(answers["foreseen"]))
    one = {
        "kind": "exemption_created",
        "subject": "e",
        "scope": SUB,
        "subscription": "s",
        "share": 0.4,
        "actors": [ANA],
    }
    one |= {"title": "exemption “e” was created: vm", "since": at(2), "due": "2026-03-03T06:00:00Z"}
    one["reason"] = ""
    plan = one | {"kind": "plan_disabled", "title": "plan p went off", "share": None, "reason": "published nowhere"}
    old = one | {"kind": "exemption_expired", "title": "exemption “f” ran out: vm", "reason": "assumed Unhealthy"}
    said = text.render(found | {"foretold": [one, old, plan]}, Style(width=120))
    assert "Expected: +0.80 pp, and what is not known, once Azure has assessed and counted again\n" in said
    assert "+0.40  exemption “e” was created: vm (in the score by 2026-03-03 06:00; by Ana Lopez)\n" in said
    assert "ran out: vm (in the score by 2026-03-03 06:00; by Ana Lopez; assumed Unhealthy)\n" in said
    assert "      ?  plan p went off (share not known: published nowhere; by Ana Lopez)\n" in said
    assert "Check that each new exemption has a reason, an owner and an end." in said
    assert "Expected, by how much is not known," in text.render(found | {"foretold": [plan]}, Style(width=120))


def test_what_surrounds_the_marks_is_foretold_before_they_follow(answers):
    said = text.render(answers["foreseen"], Style(width=120))
    assert "Nothing moved the score." in said
    assert re.search(r"^Expected: \+50\.00 pp", said, re.MULTILINE)
    assert "by ada@contoso.example" in said


# Streams


@pytest.fixture(scope="module")
def foreign(tmp_path_factory) -> list[Path]:
    root = tmp_path_factory.mktemp("foreign")
    return [write(f, root / str(at)) for at, f in enumerate(named("Größe “日本” — ✓", eventful()))]


def printed(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "PYTHONIOENCODING")}
    return subprocess.run(
        [sys.executable, "-m", "drift", *arguments],
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        timeout=60,
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_any_encoding_of_the_stream_will_do(form, encoding, foreign):
    ended = printed("explain", *map(str, foreign), "--format", form, PYTHONIOENCODING=encoding)
    assert ended.stderr == b""
    assert ended.returncode == 0
    said = ended.stdout.decode(encoding)
    if form == "json":
        assert json.loads(said) == json.loads(json.dumps(explained(*foreign)))
    else:
        assert said.startswith("Secure score of all subscriptions\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_stream_that_takes_no_signs_gets_plain_ones(encoding):
    ended = printed("explain", *map(str, ends(CASES[0])), PYTHONIOENCODING=encoding)
    assert (ended.returncode, ended.stderr) == (0, b"")
    said = ended.stdout.decode("ascii")
    assert " -> " in said
    assert "###" in said


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_error_can_be_told_in_any_encoding(encoding, tmp_path):
    ended = printed("explain", str(tmp_path / "日本"), str(tmp_path), PYTHONIOENCODING=encoding)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr.startswith(b"drift: ")


class Terminal:
    """Stands for a stdout that is a terminal."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.said = ""

    def isatty(self) -> bool:
        return True

    def write(self, words: str) -> None:
        self.said += words

    def flush(self) -> None: ...


@pytest.mark.parametrize(
    ("asked", "no_color", "colored"),
    [
        ("auto", None, True),
        ("auto", "", True),
        ("auto", "1", False),
        ("never", None, False),
        ("always", None, True),
        ("always", "1", True),
    ],
)
def test_colour_is_for_terminals_unless_it_is_not_wanted(asked, no_color, colored, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    assert main(["explain", *map(str, ends(CASES[0])), "--color", asked]) == 0
    assert ("\x1b[" in terminal.said) == colored


@pytest.mark.parametrize(("asked", "colored"), [("auto", False), ("never", False), ("always", True)])
def test_a_pipe_gets_colour_only_if_it_is_asked_for(asked, colored, capsys):
    assert main(["explain", *map(str, ends(CASES[0])), "--color", asked]) == 0
    assert ("\x1b[" in capsys.readouterr().out) == colored


def test_json_has_no_colour(capsys):
    assert main(["explain", *map(str, ends(CASES[0])), "--color", "always", "--format", "json"]) == 0
    assert "\x1b" not in capsys.readouterr().out

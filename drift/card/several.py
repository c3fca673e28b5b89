"""Of several movements: the widest speaks first, a table has a line for each scope, and a cause is told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from math import ceil, floor

from drift.card import coming, passages
from drift.card.elements import Cell, harmless, heading, line, line_chart, run, said, table
from drift.card.joining import Chapter, Common, chapters, common, is_told, keys, stood_still
from drift.card.passages import SMALL, Detail, between, called
from drift.card.scopes import in_a_word, is_group, kind_of_scope, widest
from drift.engine.wording import count
from drift.model import Json
from drift.people import People
from drift.words import KIND_WORDS, became, day, led, percent, pp, signed

DAYS = 14
"""Points of a line on a digest."""

FIGURES = ("pp", "Own work", "Drift")

_SCORES = {
    "new": "with a score now",
    "lost": "without a score now",
    "missing in between": "without a score in between",
    "missing": "still without a score",
}


def several(
    found: Sequence[Json], first: Json, detail: Detail, people: People, what: str = passages.WHAT
) -> Iterator[Json]:
    """One card for all; `first` speaks first, and its line begins with `what`."""
    yield coming.first_line(first, detail, what)
    ends = min(one["before"]["takenAt"] for one in found), max(one["after"]["takenAt"] for one in found)
    others = [one for one in found if one is not first]
    parts = [passages.of_the_platform(first), passages.of_exemptions(first)]
    words = [*parts, f"also {_scopes(others)}", f"{day(ends[0])} → {day(ends[1])} UTC"]
    yield said(" · ".join(filter(None, words)), isSubtle=True, spacing="Small")
    yield from _in_common(found, first, detail)
    told = chapters([first, *others], detail.told, detail.lines)
    yield from _table(("Scope", *FIGURES), found, detail, _ends, told)
    if what == passages.WHAT and first["movement"] is not None and len(first["classes"]) > 1:
        yield from passages.by_class(first, detail)
    yield from _chapters(told, detail, people)
    yield from passages.whose(first, detail, people)
    yield from coming.to_come([first, *others], detail)
    yield from coming.expected(found, detail, people)
    yield from passages.steps(found)


def _scopes(found: Sequence[Json], *, moved: bool = True) -> str:
    """`1 group and 2 subscriptions, between … and … pp`; only how many of what, unless they moved."""
    groups = sum(map(is_group, found))
    words = [count(groups, "group")] if groups else []
    words += [count(len(found) - groups, "subscription")] if len(found) > groups else []
    return f"{' and '.join(words)}{_spread(found) if moved else ''}"


def _spread(found: Sequence[Json]) -> str:
    """What `found` are said to have done: moved by so much, got or lost a score."""
    moved = [one["movement"] for one in found if one["movement"] is not None]
    words = f", {between(moved)}" if moved else ""
    for word, number in Counter(in_a_word(one) for one in found if one["movement"] is None).items():
        words += f"{'' if number == len(found) else f', {number:,}'} {_SCORES[word]}"
    return words


def _in_common(found: Sequence[Json], first: Json, detail: Detail) -> Iterator[Json]:
    """What subscriptions share. A group that speaks first has told its causes for all that are in it."""
    pool = [one for one in found if not is_group(one)]
    shared = common(pool)
    if is_group(first):
        known = keys(first) | {(entry["kind"], "") for entry in first["summary"]}
        shared = [one for one in shared if one.key not in known]
    rows = [_shared(one, len(pool), detail) for one in shared[:3]]
    if rows:
        yield table("3 r72 2", ("In common", "Moved", "Each"), rows) | {"spacing": "Medium"}


def _shared(one: Common, among: int, detail: Detail) -> list[Cell]:
    often = f"all {among:,}" if len(one.shares) == among else f"{len(one.shares):,} of {among:,}"
    return [[line(run(harmless(led(one.title), detail.title)))], [said(often)], [said(between(one.shares))]]


def _table(
    header: Sequence[str], found: Sequence[Json], detail: Detail, ends: Callable[[Json], str], told: Sequence[Chapter]
) -> Iterator[Json]:
    """A row for each of the first scopes, under its name where it stands and its main cause; what is said of the rest.

    Four columns, for a phone has no room for more.
    """
    names = Counter(called(one, detail) for one in found)
    rows: list[list[Cell]] = []
    for one in found[: detail.scopes]:
        name = called(one, detail)
        if names[name] > 1:  # equality never rests on a display name
            name += f" ({harmless(one['scope'][:8], 8)})"
        words = " · ".join(filter(None, (ends(one), _main(one, detail, told))))
        rows.append([[line(run(name)), line(run(words, **SMALL), spacing="None")], *_figures(one)])
    yield table("1 r64 r64 r64", header, rows) | {"spacing": "Medium"}
    rest = found[detail.scopes :]
    if rest:
        yield said(f"and {len(rest):,} more{_spread(rest)}", isSubtle=True)


def _ends(found: Json) -> str:
    """From what to what; of several movements with others in between only where they led."""
    after = percent(found["after"])
    return f"{after} afterwards" if "movements" in found else f"{percent(found['before'])} → {after}"


def _in_all(found: Json) -> str:
    return f"{percent(found['after'])} after {count(found['movements'], 'movement')}"


def _figures(found: Json) -> list[Cell]:
    if found["movement"] is None:
        return [[said("–")], [said("–")], [said("–")]]
    own, drift = passages.earned_and_drift(found)
    moved = said(pp(found["movement"]).strip(), **passages.color(found["movement"]))
    return [[moved], [said(signed(own))], [said(signed(drift))]]


def _main(found: Json, detail: Detail, told: Sequence[Chapter]) -> str:
    """The largest cause, its share first: in a few words if its names are told below. Of a missing score, why."""
    if found["movement"] is None:
        return harmless(became(found), detail.title)
    if passages.cancels(found):
        return "gains and losses cancel"
    if coming.only_foretells(found) and (words := coming.in_short(found)):
        return words
    if not found["summary"]:
        return ""
    entry = found["summary"][0]
    share = pp(entry["share"]).strip()
    if is_told(entry, found, told):
        words = KIND_WORDS[entry["kind"]]
        return words if len(found["summary"]) == 1 else f"{share} {words}"
    return f"{share} {harmless(led(entry['title']), detail.title)}"


def _chapters(told: Sequence[Chapter], detail: Detail, people: People) -> Iterator[Json]:
    """The causes of the first scope, and of others what the ones before did not tell."""
    for at, one in enumerate(told):
        if len(told) > 1:
            words = "Besides, " if at else ""
            where = run(f"{words}{kind_of_scope(one.found)}{called(one.found, detail)}", weight="Bolder")
            yield line(where, spacing="Medium")
        yield passages.causes(one.found, detail, people, one.entries) | ({} if len(told) > 1 else {"spacing": "Medium"})


# The digest


def summed(found: Sequence[Json], span: str, detail: Detail, people: People) -> Iterator[Json]:
    """The digest of movements that were joined by scope."""
    if not found:
        yield heading("Digest: nothing below the threshold", size="Large")
        yield said(span, isSubtle=True, spacing="Small")
        return
    moving = [one for one in found if not stood_still(one)] or list(found)
    first = widest(moving)
    yield passages.headline(first, detail, "Digest: secure score", size="Large", weight="Bolder")
    number = count(sum(one["movements"] for one in found), "movement")
    words = f"{number} below the threshold"
    if len(moving) > 1:
        words += f", also in {_scopes([one for one in moving if one is not first])}"
    if len(moving) < len(found):
        words += f"; {_scopes([one for one in found if one not in moving], moved=False)} did not move"
    yield said(f"{words} · {span}", isSubtle=True, spacing="Small")
    told = chapters([first, *(one for one in moving if one is not first)], detail.told, detail.lines)
    if len(moving) > 1:
        yield from _table(("Scope", *FIGURES), moving, detail, _in_all, told)
    yield from _course(first, detail)
    yield from _chapters(told, detail, people)
    yield from coming.to_come([first, *(one for one in found if one is not first)], detail)
    yield from passages.steps(found)


def _course(found: Json, detail: Detail) -> Iterator[Json]:
    """The score day by day through several movements, as a line; from three days on."""
    days = {at[:10]: value for at, value in found["course"]}  # the last of each day
    points = [(day, round(value, 2)) for day, value in days.items()][-DAYS:]
    if detail.chart and len(points) > 2:
        values = [value for _, value in points]
        yield heading("The score day by day, %")
        yield line_chart("The score day by day, %", points, (floor(min(values)), ceil(max(values))))

"""What is told in Teams: the movements of one pass on one card, the daily digest, and a test.

A card says first what moved, where, from what to what, and whether it was earned or drift: `earned` is people's own
work (the classes earned and lost), drift is all else. What it has no room for is left out by rule, and summed up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from drift.card import passages
from drift.card.elements import LIMIT, Cell, card, envelope, harmless, heading, line, run, said, size, table, text
from drift.card.joining import Common, common, joined
from drift.card.passages import Detail, between, called, is_group, place
from drift.engine.wording import count
from drift.model import Json
from drift.words import day, percent, pp, signed

__all__ = ["LIMIT", "News", "digest", "envelope", "movements", "test_card", "text"]

PORTAL = (
    "Secure score in the Azure portal",
    "https://portal.azure.com/#view/Microsoft_Azure_Security/SecurityMenuBlade/~/SecureScore",
)

ENDS = ("before", "after")

DETAILS = (
    Detail(scopes=15, told=3, lines=8, each=2, pending=5, notes=4, name=90, title=260),
    Detail(scopes=12, told=2, lines=6, each=2, pending=4, notes=3, name=90, title=200),
    Detail(scopes=12, told=1, lines=5, each=1, pending=3, notes=2, name=60, title=140),
    Detail(scopes=8, told=0, lines=4, each=0, pending=2, notes=1, name=40, title=80),
    Detail(scopes=3, told=0, lines=2, each=0, pending=1, notes=1, name=24, title=40, chart=False),
)
"""From plenty to little; the first that fits is taken. The last fits whatever the names are made of."""


MISSING = {
    "lost": "It has no score any more, so there is no movement to explain.",
    "new": "It had no score before; its movements are told from now on.",
    "missing in between": "It had no score in between, so there is no movement to explain.",
    "missing": "It has no score, before and after.",
}

UNEXPLAINED = "the movement is not explained: "


@dataclass(frozen=True, slots=True)
class News:
    """One movement: the id of its delta, and its explanation, whole or shortened for lists and cards."""

    id: str
    explained: Json


def movements(news: Sequence[News], message: str) -> Json:
    """One card for all movements of one pass, at least one: groups first, then subscriptions by size of movement.

    `message` names the message: a repeat carries the same, in small print and as the id of an element.
    """
    ordered = sorted(news, key=lambda one: place(one.explained))
    if len(ordered) > 1:
        return _fitting(lambda detail: _several(ordered, detail), message)
    return _fitting(lambda detail: _single(ordered[0].explained, detail), message, f" · movement {ordered[0].id}")


def digest(news: Sequence[News], since: str, until: str, message: str) -> Json:
    """One card for what stayed below the threshold from `since` to `until` (ISO 8601), summed by scope."""
    scopes: dict[str, list[Json]] = {}
    for one in news:
        scopes.setdefault(one.explained["scope"].lower(), []).append(one.explained)
    found = sorted((joined(own) for own in scopes.values()), key=place)
    return _fitting(lambda detail: _digest(found, f"{day(since)} → {day(until)} UTC", detail), message)


def test_card(message: str) -> Json:
    """A harmless card that shows that the way to Teams is open."""
    body = [
        heading("Secure score drift: a test", size="Large"),
        said("Nothing moved. This is where movements of the secure score will be told."),
    ]
    return card([*body, _small_print(message)])


def _fitting(body: Callable[[Detail], Iterator[Json]], message: str, more: str = "") -> Json:
    """The card with as much detail as a message holds."""
    shown: Json = {}
    for detail in DETAILS:
        shown = card([*body(detail), _small_print(message, more)], PORTAL)
        if size(envelope(shown)) <= LIMIT:
            break
    return shown


def _small_print(message: str, more: str = "") -> Json:
    words = harmless(f"ref {message}{more}", 300)
    return line(run(words, size="Small", isSubtle=True), id=harmless(message, 100), spacing="Medium")


# One movement


def _single(found: Json, detail: Detail) -> Iterator[Json]:
    yield passages.headline(found, detail, size="Large", weight="Bolder")
    yield passages.when(found)
    if found["movement"] is None:
        yield said(MISSING[passages.became(found)])
        if found["unscored"]:  # which says why: no need to note it, too
            found = found | {"notes": [note for note in found["notes"] if not note.startswith(UNEXPLAINED)]}
    else:
        yield from passages.by_class(found, detail)
        yield heading("What moved it")
        yield passages.causes(found, detail)
    yield from passages.pending(found, detail)
    yield from passages.steps([found])
    yield from passages.unscored(found, detail)
    yield from passages.notes(found, detail)


# Several


def _several(news: Sequence[News], detail: Detail) -> Iterator[Json]:
    found = [one.explained for one in news]
    groups = sum(map(is_group, found))
    scopes = [count(groups, "group")] if groups else []
    scopes += [count(len(found) - groups, "subscription")] if len(found) > groups else []
    yield heading(f"Secure score moved in {' and '.join(scopes)}{_spread(found)}", size="Large")
    ends = min(one["before"]["takenAt"] for one in found), max(one["after"]["takenAt"] for one in found)
    yield said(f"{day(ends[0])} → {day(ends[1])} UTC", isSubtle=True, spacing="Small")
    pool = [one for one in found if not is_group(one)]
    pool = pool if len(pool) > 1 else found  # what subscriptions share, a group of them has, too
    shared = common(pool)[:3]
    if shared:
        yield _in_common(shared, len(pool), detail)
    header = ("Scope", "Before", "After", "pp", "Earned", "Drift", "Main cause")
    yield from _table(header, found, detail, lambda one: [percent(one[end]) for end in ENDS], shared)
    for one in news[: detail.told]:
        yield from _told(one.explained, detail)
        yield line(run(f"movement {harmless(one.id, 100)}", size="Small", isSubtle=True), spacing="Small")
    yield from passages.steps(found)


def _spread(found: Sequence[Json]) -> str:
    moved = [one["movement"] for one in found if one["movement"] is not None]
    words = f", {between(moved)}" if moved else ""
    if len(moved) < len(found):
        words += f"; {len(found) - len(moved):,} without a score at one end"
    return words


def _in_common(shared: Sequence[Common], among: int, detail: Detail) -> Json:
    rows: list[list[Cell]] = []
    for one in shared:
        often = f"all {among:,}" if len(one.shares) == among else f"{len(one.shares):,} of {among:,}"
        rows.append([[line(run(harmless(one.title, detail.title)))], [said(often)], [said(between(one.shares))]])
    return table("6r2r4", ("In common", "Moved", "Each"), rows) | {"spacing": "Medium"}


def _table(
    header: Sequence[str],
    found: Sequence[Json],
    detail: Detail,
    ends: Callable[[Json], list[str]],
    shared: Sequence[Common] = (),
) -> Iterator[Json]:
    """A row for each of the first scopes, and what is said of the rest."""
    names = Counter(called(one, detail) for one in found)
    rows: list[list[Cell]] = []
    for one in found[: detail.scopes]:
        name = called(one, detail)
        if names[name] > 1:  # equality never rests on a display name
            name += f" ({harmless(one['scope'][:8], 8)})"
        main = _main(one, detail, shared)
        rows.append([[line(run(name))], *([said(words)] for words in ends(one)), *_figures(one), main])
    yield table("4r2r2r2r2r28", header, rows) | {"spacing": "Medium"}
    rest = found[detail.scopes :]
    if rest:
        yield said(f"and {len(rest):,} more{_spread(rest)}", isSubtle=True)


def _figures(found: Json) -> list[Cell]:
    if found["movement"] is None:
        return [[said(passages.became(found))], [said("–")], [said("–")]]
    own, drift = passages.earned_and_drift(found)
    moved = said(pp(found["movement"]).strip(), **passages.color(found["movement"]))
    return [[moved], [said(signed(own))], [said(signed(drift))]]


def _main(found: Json, detail: Detail, shared: Sequence[Common]) -> Cell:
    """The largest cause with its share; of a score that is missing, why."""
    if found["movement"] is None:
        reasons = [*(one["reason"] for one in found["unscored"]), *found["notes"], "the reason is not known"]
        return [line(run(harmless(reasons[0], detail.title)))]
    if not found["summary"]:
        return [said("–")]
    if shared and shared[0].leads(found):
        return [said(f"{pp(found['causes'][0]['share']).strip()} the cause in common")]
    entry = found["summary"][0]
    return [line(run(f"{pp(entry['share']).strip()} {harmless(entry['title'], detail.title)}"))]


def _told(found: Json, detail: Detail) -> Iterator[Json]:
    yield passages.headline(found, detail, weight="Bolder")
    if found["movement"] is not None and found["summary"]:
        yield passages.causes(found, detail)
    if found["pending"]:
        yield said(f"Still to come: {pp(passages.pending_total(found)).strip()} pp once Azure's counts catch up")


# The digest


def _digest(found: Sequence[Json], span: str, detail: Detail) -> Iterator[Json]:
    number = sum(one["movements"] for one in found)
    words = f"{count(number, 'movement')} below the threshold" if number else "nothing below the threshold"
    yield heading(f"Secure score, daily digest: {words}", size="Large")
    yield said(span, isSubtle=True, spacing="Small")
    if not found:
        return
    header = ("Scope", "Movements", "Now", "pp in all", "Earned", "Drift", "Main cause")
    yield from _table(header, found, detail, lambda one: [f"{one['movements']:,}", percent(one["after"])])
    for one in found[: detail.told]:
        if one["movement"] is not None:
            yield line(
                run("In all, by class: ", weight="Bolder"), run(called(one, detail), weight="Bolder"), spacing="Medium"
            )
            yield from passages.by_class(one, detail)
            yield passages.causes(one, detail) | {"spacing": "Medium"}
    yield from _to_come(found, detail)
    yield from passages.steps(found)


def _to_come(found: Sequence[Json], detail: Detail) -> Iterator[Json]:
    waiting = sorted((one for one in found if one["pending"]), key=lambda one: -abs(passages.pending_total(one)))
    rows: list[list[Cell]] = []
    for one in waiting[: detail.pending]:
        due = max(entry["due"] for entry in one["pending"])
        total = passages.pending_total(one)
        rows.append(
            [
                [line(run(called(one, detail)))],
                [said(pp(total).strip(), **passages.color(total))],
                [line(run(harmless(one["pending"][0]["title"], detail.title)))],
                [said(f"{day(due)} UTC")],
            ]
        )
    if rows:
        yield heading("Still to come, once Azure's counts catch up")
        yield table("4r26r4", ("Scope", "pp", "Largest", "All by"), rows)
    if len(waiting) > len(rows):
        yield said(f"and {len(waiting) - len(rows):,} more", isSubtle=True)

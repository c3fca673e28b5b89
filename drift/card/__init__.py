"""What is told in Teams: the movements of one pass on one card, the daily digest, and a test.

A card says first what moved, where, from what to what, and whether it was earned or drift: `earned` is people's own
work (the classes earned and lost), drift is all else. Of several scopes the widest speaks first; a cause is told once.
What a card has no room for is left out by rule, and summed up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from drift.card import passages
from drift.card.elements import LIMIT, Cell, card, envelope, harmless, heading, line, run, said, size, table, text
from drift.card.joining import Chapter, Common, chapters, common, is_told, joined, keys, stood_still
from drift.card.passages import Detail, between, called
from drift.card.scopes import in_a_word, is_group, kind_of_scope, place, widest
from drift.engine.wording import count
from drift.model import Json
from drift.words import KIND_WORDS, became, day, led, percent, pp, signed

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


_SCORES = {
    "new": "with a score now",
    "lost": "without a score now",
    "missing in between": "without a score in between",
    "missing": "still without a score",
}

UNEXPLAINED = "the movement is not explained: "


@dataclass(frozen=True, slots=True)
class News:
    """One movement: the id of its delta, and its explanation, whole or shortened for lists and cards."""

    id: str
    explained: Json


def movements(news: Sequence[News], message: str) -> Json:
    """One card for all movements of one pass, at least one: groups first, then subscriptions by size of movement.

    Several of one scope, as after days in which nothing could be told, are told as one, but for a score that came or
    went. `message` names the message: a repeat carries the same, in small print and as the id of an element.
    """
    ordered = sorted(_as_one(news), key=lambda one: place(one.explained))
    found = [one.explained for one in ordered]
    first = widest(found)
    (identity,) = (one.id for one in ordered if one.explained is first)
    if len(found) > 1:
        return _fitting(lambda detail: _several(found, first, detail), message, f" · movement {identity}")
    return _fitting(lambda detail: _single(first, detail), message, f" · movement {identity}")


def _as_one(news: Sequence[News]) -> Iterator[News]:
    """The news with movements of one scope joined, where they can be: under the name of the last of them."""
    scopes: dict[str, list[News]] = {}
    for one in sorted(news, key=lambda one: (one.explained["after"]["takenAt"], one.id)):
        scopes.setdefault(one.explained["scope"].lower(), []).append(one)
    for own in scopes.values():
        if len(own) > 1 and all(one.explained["movement"] is not None for one in own):
            last = own[-1]
            whole = joined([one.explained for one in own])
            del whole["movements"]  # as of a digest, which says how many there were
            yield News(last.id, whole)
        else:
            yield from own


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
        words = harmless(became(found), detail.title)
        yield line(run(words[0].upper() + words[1:]))
        if found["unscored"]:  # which says why: once is enough
            notes = [note for note in found["notes"] if not note.startswith(UNEXPLAINED)]
            found = found | {"notes": notes, "unscored": found["unscored"] if is_group(found) else []}
    else:
        yield from passages.by_class(found, detail)
        yield heading("What moved it")
        yield passages.causes(found, detail)
    yield from passages.pending(found, detail)
    yield from passages.steps([found])
    yield from passages.unscored(found, detail)
    yield from passages.notes(found, detail)


# Several


def _several(found: Sequence[Json], first: Json, detail: Detail) -> Iterator[Json]:
    yield passages.headline(first, detail, size="Large", weight="Bolder")
    ends = min(one["before"]["takenAt"] for one in found), max(one["after"]["takenAt"] for one in found)
    others = [one for one in found if one is not first]
    yield said(f"also {_scopes(others)} · {day(ends[0])} → {day(ends[1])} UTC", isSubtle=True, spacing="Small")
    yield from _in_common(found, first, detail)
    told = chapters([first, *others], detail.told, detail.lines)
    header = ("Scope", "Before", "After", "pp", "Own work", "Drift", "Main cause")
    yield from _table(header, found, detail, lambda one: [percent(one[end]) for end in ENDS], told)
    yield from _chapters(told, detail)
    yield from passages.to_come([first, *others], detail)
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
        yield table("6r2r4", ("In common", "Moved", "Each"), rows) | {"spacing": "Medium"}


def _shared(one: Common, among: int, detail: Detail) -> list[Cell]:
    often = f"all {among:,}" if len(one.shares) == among else f"{len(one.shares):,} of {among:,}"
    return [[line(run(harmless(led(one.title), detail.title)))], [said(often)], [said(between(one.shares))]]


def _table(
    header: Sequence[str],
    found: Sequence[Json],
    detail: Detail,
    ends: Callable[[Json], list[str]],
    told: Sequence[Chapter],
) -> Iterator[Json]:
    """A row for each of the first scopes, and what is said of the rest."""
    names = Counter(called(one, detail) for one in found)
    rows: list[list[Cell]] = []
    for one in found[: detail.scopes]:
        name = called(one, detail)
        if names[name] > 1:  # equality never rests on a display name
            name += f" ({harmless(one['scope'][:8], 8)})"
        main = [line(run(_main(one, detail, told)))]
        rows.append([[line(run(name))], *([said(words)] for words in ends(one)), *_figures(one), main])
    yield table("4r2r2r2r2r28", header, rows) | {"spacing": "Medium"}
    rest = found[detail.scopes :]
    if rest:
        yield said(f"and {len(rest):,} more{_spread(rest)}", isSubtle=True)


def _figures(found: Json) -> list[Cell]:
    if found["movement"] is None:
        return [[said(in_a_word(found))], [said("–")], [said("–")]]
    own, drift = passages.earned_and_drift(found)
    moved = said(pp(found["movement"]).strip(), **passages.color(found["movement"]))
    return [[moved], [said(signed(own))], [said(signed(drift))]]


def _main(found: Json, detail: Detail, told: Sequence[Chapter]) -> str:
    """The largest cause, its share first: in a few words if its names are told below. Of a missing score, why."""
    if found["movement"] is None:
        return harmless(became(found), detail.title)
    if passages.cancels(found):
        return "gains and losses cancel"
    if not found["summary"]:
        return "–"
    entry = found["summary"][0]
    share = pp(entry["share"]).strip()
    if is_told(entry, found, told):
        words = KIND_WORDS[entry["kind"]]
        return words if len(found["summary"]) == 1 else f"{share} {words}"
    return f"{share} {harmless(led(entry['title']), detail.title)}"


def _chapters(told: Sequence[Chapter], detail: Detail) -> Iterator[Json]:
    """The causes of the first scope, and of others what the ones before did not tell."""
    for at, one in enumerate(told):
        if len(told) > 1:
            words = "Besides, " if at else ""
            where = run(f"{words}{kind_of_scope(one.found)}{called(one.found, detail)}", weight="Bolder")
            yield line(where, spacing="Medium")
        yield passages.causes(one.found, detail, one.entries) | ({} if len(told) > 1 else {"spacing": "Medium"})


# The digest


def _digest(found: Sequence[Json], span: str, detail: Detail) -> Iterator[Json]:
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
        header = ("Scope", "Movements", "After", "pp in all", "Own work", "Drift", "Main cause")
        yield from _table(header, moving, detail, lambda one: [f"{one['movements']:,}", percent(one["after"])], told)
    yield from _chapters(told, detail)
    yield from passages.to_come([first, *(one for one in found if one is not first)], detail)
    yield from passages.steps(found)

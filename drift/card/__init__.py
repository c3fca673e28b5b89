"""What is told in Teams: the movements of one pass on one card, the daily digest, and a test.

A card says first what moved, where, from what to what, and whether it was earned or drift: `earned` is people's own
work (the classes earned and lost), drift is all else. Of several scopes the widest speaks first; a cause is told once.
What a card has no room for is left out by rule, and summed up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from drift.card import coming, passages
from drift.card.calendar import dated
from drift.card.elements import LIMIT, card, envelope, harmless, heading, line, run, said, size, text
from drift.card.joining import joined
from drift.card.passages import Detail
from drift.card.scopes import is_group, place, widest
from drift.card.several import several, summed
from drift.card.still import stands_still
from drift.model import Json
from drift.words import became, day

__all__ = ["LIMIT", "News", "digest", "envelope", "movements", "test_card", "text"]

PORTAL = (
    "Secure score in the Azure portal",
    "https://portal.azure.com/#view/Microsoft_Azure_Security/SecurityMenuBlade/~/SecureScore",
)

DETAILS = (
    Detail(scopes=15, told=3, lines=8, each=2, pending=5, notes=4, name=90, title=260, people=5),
    Detail(scopes=12, told=2, lines=6, each=2, pending=4, notes=3, name=90, title=200, people=4),
    Detail(scopes=12, told=1, lines=5, each=1, pending=3, notes=2, name=60, title=140, people=3),
    Detail(scopes=8, told=0, lines=4, each=0, pending=2, notes=1, name=40, title=80, people=2),
    Detail(scopes=3, told=0, lines=2, each=0, pending=1, notes=1, name=24, title=40, people=1, chart=False),
)
"""From plenty to little; the first that fits is taken. The last fits whatever the names are made of."""

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
    first = max(found, key=coming.most) if all(map(coming.only_foretells, found)) else widest(found)
    (identity,) = (one.id for one in ordered if one.explained is first)
    if len(found) > 1:
        return _fitting(lambda detail: several(found, first, detail), message, f" · movement {identity}")
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


def digest(
    news: Sequence[News],
    since: str,
    until: str,
    message: str,
    soon: Sequence[Json] = (),
    ended: Sequence[Json] = (),
    still: Sequence[Json] = (),
) -> Json:
    """One card for what stayed below the threshold from `since` to `until` (ISO 8601), summed by scope.

    `soon` and `ended`: entries of calendars, each with the name of its subscription, those with the largest shares
    first. `still`: reasons why the tenant's score stands still, the first ones, as a diagnosis has them.
    """
    scopes: dict[str, list[Json]] = {}
    for one in news:
        scopes.setdefault(one.explained["scope"].lower(), []).append(one.explained)
    found = sorted((joined(own) for own in scopes.values()), key=place)
    span = f"{day(since)} → {day(until)} UTC"

    def body(detail: Detail) -> Iterator[Json]:
        if found or not (soon or ended):
            yield from summed(found, span, detail)
        else:
            yield heading("Digest: what is due", size="Large")
            yield said(span, isSubtle=True, spacing="Small")
        yield from stands_still(still, detail)
        yield from dated(soon, ended, detail)

    return _fitting(body, message)


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
    people = passages.people([found], detail)
    yield coming.first_line(found, detail)
    if coming.only_foretells(found):
        yield coming.stands(found)
    elif found["movement"] is None:
        yield passages.when(found)
        words = harmless(became(found), detail.title)
        yield line(run(words[0].upper() + words[1:]))
        if found["unscored"]:  # which says why: once is enough
            notes = [note for note in found["notes"] if not note.startswith(UNEXPLAINED)]
            found = found | {"notes": notes, "unscored": found["unscored"] if is_group(found) else []}
    else:
        yield passages.when(found)
        yield from passages.by_class(found, detail)
        yield heading("What moved it")
        yield passages.causes(found, detail, people)
        yield from passages.whose(found, detail, people)
    yield from coming.pending(found, detail, people)
    yield from coming.expected([found], detail, people)
    yield from passages.steps([found])
    yield from passages.unscored(found, detail)
    yield from passages.notes(found, detail)

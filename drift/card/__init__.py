"""What is told in Teams: the movements of one pass on one card, the daily digest, and a test.

A card says first what moved, where, from what to what, and whether it was earned or drift: `earned` is people's own
work (the classes earned and lost), drift is all else. Of several scopes the widest speaks first; a cause is told once.
What a card has no room for is left out by rule, and summed up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from drift.card import again, coming, passages
from drift.card.calendar import dated
from drift.card.elements import LIMIT, card, envelope, harmless, heading, line, run, said, size, text
from drift.card.joining import joined
from drift.card.news import PORTAL, Earlier, Held, Links, News
from drift.card.passages import Detail
from drift.card.scopes import is_group, place, widest
from drift.card.several import several, summed
from drift.card.still import stands_still
from drift.model import Json
from drift.people import People
from drift.words import became, day

__all__ = [
    "LIMIT",
    "Earlier",
    "Held",
    "Links",
    "News",
    "digest",
    "envelope",
    "movements",
    "test_card",
    "text",
]

DETAILS = (
    Detail(scopes=15, told=3, lines=8, each=2, pending=5, notes=4, name=90, title=260, people=5),
    Detail(scopes=12, told=2, lines=6, each=2, pending=4, notes=3, name=90, title=200, people=4),
    Detail(scopes=12, told=1, lines=5, each=1, pending=3, notes=2, name=60, title=140, people=3),
    Detail(scopes=8, told=0, lines=4, each=0, pending=2, notes=1, name=40, title=80, people=2),
    Detail(scopes=3, told=0, lines=2, each=0, pending=1, notes=1, name=24, title=40, people=1, chart=False),
)
"""From plenty to little; the first that fits is taken. The last fits whatever the names are made of."""

UNEXPLAINED = "the movement is not explained: "


def movements(news: Sequence[News], message: str, links: Links | None = None, held: Held | None = None) -> Json:
    """One card for all movements of one pass, at least one: groups first, then subscriptions by size of movement.

    Several of one scope, as after days in which nothing could be told, are told as one, but for a score that came or
    went. `message` names the message: a repeat carries the same, in small print and as the id of an element. `held`
    says why several passes are on one card. What is refined was told before: it is never told as if it had moved.
    """
    fresh = [one for one in news if not again.is_refined(one)]
    refined = again.in_order([one for one in news if again.is_refined(one)])
    ordered = again.in_order(list(_as_one(fresh)) or refined[:1])
    found = [one.explained for one in ordered]
    first = max(found, key=coming.most) if all(map(coming.only_foretells, found)) else widest(found)
    (speaks,) = (one for one in ordered if one.explained is first)

    def body(detail: Detail) -> Iterator[Json]:
        people = passages.people([one.explained for one in (*ordered, *refined)], detail)
        if len(ordered) > 1:
            whole = several(found, first, detail, people, again.what(speaks))
        else:
            whole = _single(speaks, detail, people)
        yield next(whole)
        yield from again.put_off(held, len(news))
        yield from again.taken_back(fresh, detail)
        yield from whole
        yield from again.refined([one for one in refined if one is not speaks], detail, people)

    return _fitting(body, message, _around(speaks, links), f" · movement {speaks.id}")


def _around(one: News, links: Links | None) -> Iterator[tuple[str, str]]:
    """Where more of a movement stands."""
    if links is not None:
        yield from links.page(one.explained["scope"], one.id)
        if one.earlier is not None and one.earlier.id != one.id:
            yield from links.page(one.explained["scope"], one.earlier.id, "What was told before")
        yield from links.delta(one.id)


def _as_one(news: Sequence[News]) -> Iterator[News]:
    """The news with movements of one scope joined, where they can be: under the name of the last of them."""
    scopes: dict[str, list[News]] = {}
    for one in sorted(news, key=lambda one: (one.explained["after"]["takenAt"], one.id)):
        scopes.setdefault(one.explained["scope"].lower(), []).append(one)
    for own in scopes.values():
        if len(own) > 1 and all(one.explained["movement"] is not None for one in own):
            whole = joined([one.explained for one in own])
            ends = whole["after"]["percentage"] - whole["before"]["percentage"]
            if abs(ends - whole["movement"]) < 0.005:
                del whole["movements"]  # nothing lies between: it reads as one
            yield News(own[-1].id, whole)
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
    links: Links | None = None,
) -> Json:
    """One card for what stayed below the threshold from `since` to `until` (ISO 8601), summed by scope.

    `soon` and `ended`: entries of calendars, each with the name of its subscription, those with the largest shares
    first. `still`: reasons why the tenant's score stands still, the first ones, as a diagnosis has them.
    """
    scopes: dict[str, list[Json]] = {}
    fresh = [one for one in news if not again.is_refined(one)]
    refined = again.in_order([one for one in news if again.is_refined(one)])
    for one in fresh:
        scopes.setdefault(one.explained["scope"].lower(), []).append(one.explained)
    found = sorted((joined(own) for own in scopes.values()), key=place)
    more = links.page(found[0]["scope"] if found else "all") if links else iter(())
    span = f"{day(since)} → {day(until)} UTC"

    def body(detail: Detail) -> Iterator[Json]:
        people = passages.people([*found, *(one.explained for one in refined)], detail)
        if found or not (soon or ended or refined):
            whole = summed(found, span, detail, people)
            yield next(whole)
            yield from again.taken_back(fresh, detail)
            yield from whole
        else:
            what = "what is due" if soon or ended else "what is known better"
            yield heading(f"Digest: {what}", size="Large")
            yield said(span, isSubtle=True, spacing="Small")
        yield from again.refined(refined, detail, people)
        yield from stands_still(still, detail)
        yield from dated(soon, ended, detail)

    return _fitting(body, message, more)


def test_card(message: str) -> Json:
    """A harmless card that shows that the way to Teams is open."""
    body = [
        heading("Secure score drift: a test", size="Large"),
        said("Nothing moved. This is where movements of the secure score will be told."),
    ]
    return card([*body, _small_print(message)])


def _fitting(
    body: Callable[[Detail], Iterator[Json]], message: str, links: Iterator[tuple[str, str]], more: str = ""
) -> Json:
    """The card with as much detail as a message holds."""
    shown: Json = {}
    around = [*links, PORTAL]
    for detail in DETAILS:
        shown = card([*body(detail), _small_print(message, more)], around)
        if size(envelope(shown)) <= LIMIT:
            break
    return shown


def _small_print(message: str, more: str = "") -> Json:
    words = harmless(f"ref {message}{more}", 300)
    return line(run(words, size="Small", isSubtle=True), id=harmless(message, 100), spacing="Medium")


# One movement


def _single(one: News, detail: Detail, people: People) -> Iterator[Json]:
    """What is told again is told in short: its classes were on the card of the first time."""
    found = one.explained
    yield coming.first_line(found, detail, again.what(one))
    if again.is_refined(one):
        yield from again.says_more(one)
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
        if one.earlier is None:
            yield from passages.by_class(found, detail)
        yield heading("What moved it")
        yield passages.causes(found, detail, people)
        yield from passages.whose(found, detail, people)
    if again.is_refined(one):
        return  # all else was told
    yield from coming.pending(found, detail, people)
    yield from coming.expected([found], detail, people)
    yield from passages.steps([found])
    yield from passages.unscored(found, detail)
    yield from passages.notes(found, detail)

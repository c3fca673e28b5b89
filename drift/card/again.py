"""What is told again, and says so: what takes back or refines something told before, and what was put off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drift.card.elements import heading, line, run, said
from drift.card.news import Earlier, Held, News
from drift.card.passages import WHAT as NEW
from drift.card.passages import Detail, called, color
from drift.card.scopes import kind_of_scope, place
from drift.engine.wording import count
from drift.model import Json
from drift.people import People
from drift.words import day, pp

TOLD = {"reverted": "Secure score back:", "refined": "Known better: secure score"}
"""How a headline begins, in place of `Secure score`."""


def what(one: News) -> str:
    """How the headline of a movement begins."""
    return NEW if one.earlier is None else TOLD[one.earlier.relation]


def is_refined(one: News) -> bool:
    """Whether it is a movement that was told before, of which more is known now: it moved nothing anew."""
    return one.earlier is not None and one.earlier.relation == "refined"


def put_off(held: Held | None, number: int) -> Iterator[Json]:
    """Why telling waited, and how many movements (of scopes) came together by that."""
    if held is None:
        return
    often = count(held.cards, "card")
    words = {"hour": f"{often} of the last hour, in one", "quiet": f"{often} of quiet hours, in one"}[held.reason]
    span = f"{day(held.since)} → {day(held.until)} UTC"
    yield said(f"{words}: {count(number, 'movement')} · {span}", isSubtle=True, spacing="Small")


def taken_back(news: Sequence[News], detail: Detail) -> Iterator[Json]:
    """What of something told before movements take back, a line each; where there are several, of which scope."""
    found = [one for one in news if one.earlier is not None and not is_refined(one)]
    for one in found[: _lines(detail)]:
        assert one.earlier is not None
        where = [] if len(news) == 1 else _where(one.explained, detail)
        yield line(*_told_of(one.earlier, "Takes back what was told of"), *where, spacing="Small")
    yield from _more(found, detail)


def says_more(one: News) -> Iterator[Json]:
    """Under a headline of a movement that is told again: when it was told, and that it is no new one."""
    assert one.earlier is not None
    words = _told_of(one.earlier, "Says more of what was told of")
    yield line(*words, run("; nothing moved anew"), spacing="Small")


def refined(news: Sequence[News], detail: Detail, people: People) -> Iterator[Json]:
    """Movements that were told before, and by whom they are known to be now, a line each."""
    if not news:
        return
    yield heading("Known better since it was told")
    for one in news[: _lines(detail)]:
        assert one.earlier is not None
        by = people.by(one.explained.get("actors", ()), one.explained.get("left", {}).get("actors", 0))
        where = _where(one.explained, detail)
        told = run(f"{day(one.earlier.at)} UTC "), *_size(one.earlier)
        yield line(*told, *where, *([run(f", {by}")] if by else []), spacing="Small")
    yield from _more(news, detail)


def in_order(news: Sequence[News]) -> list[News]:
    """Groups first, then by size."""
    return sorted(news, key=lambda one: place(one.explained))


def _told_of(earlier: Earlier, words: str) -> Iterator[Json]:
    yield run(f"{words} {day(earlier.at)} UTC: ", weight="Bolder")
    yield from _size(earlier)


def _size(earlier: Earlier) -> list[Json]:
    if earlier.movement is None:
        return [run("a score that came or went")]
    return [run(f"{pp(earlier.movement).strip()} pp", **color(earlier.movement))]


def _where(found: Json, detail: Detail) -> list[Json]:
    return [run(f", {kind_of_scope(found)}"), run(called(found, detail))]


def _lines(detail: Detail) -> int:
    return detail.told + 1


def _more(found: Sequence[News], detail: Detail) -> Iterator[Json]:
    if len(found) > _lines(detail):
        yield said(f"and {len(found) - _lines(detail):,} more", isSubtle=True, spacing="Small")

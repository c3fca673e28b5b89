"""What is to come, on a card: what waits for Azure's counts, what is expected, and what was and has not come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import fsum

from drift.card.elements import Cell, harmless, heading, line, run, said, table
from drift.card.joining import stood_still
from drift.card.passages import SMALL, WHAT, Detail, called, color, figure, headline, in_all
from drift.card.scopes import is_group, kind_of_scope
from drift.model import Json
from drift.people import People
from drift.words import day, hundredths, led, percent, pp


def pending_total(found: Json) -> float:
    """What is still to come of a scope, in pp."""
    total: float = found.get("left", {}).get("pendingShare", fsum(entry["share"] for entry in found["pending"]))
    return total


def pending(found: Json, detail: Detail, people: People) -> Iterator[Json]:
    """What the assessments show already and the counts do not."""
    if not found["pending"]:
        return
    yield heading("Still to come, once Azure's counts catch up")
    total = pending_total(found)
    shown = found["pending"][: detail.pending]
    rest = total - fsum(entry["share"] for entry in shown)
    parts = hundredths([*(entry["share"] for entry in shown), rest], total)
    rows: list[list[Cell]] = []
    for entry, part in zip(shown, parts, strict=False):
        due = f"in the score by {day(entry['due'])} UTC"
        rows.append([figure(part, entry["share"]), _told(entry, detail, due, people.did(entry))])
    hidden = len(found["pending"]) + found.get("left", {}).get("pending", 0) - len(shown)
    if hidden > 0:
        rows.append([figure(parts[-1], rest), [said(f"and {hidden:,} more")]])
    yield table("r64 1", (), [*rows, in_all(total)] if len(rows) > 1 else rows)


def to_come(found: Sequence[Json], detail: Detail) -> Iterator[Json]:
    """Of several scopes in a line each what is pending, unless all of it was told of one before, or is expected."""
    told: set[tuple[str, str]] = set()
    number = 0
    for one in found:
        own = {(entry["kind"], entry["subject"].lower()) for entry in one["pending"]}
        if only_foretells(one):
            told |= {(entry["kind"], entry["subject"].lower()) for entry in forecasts(one, "opened")}
        if own <= told or number > detail.told:
            continue
        number += 1
        told |= own
        due = max(entry["due"] for entry in one["pending"])
        total = pending_total(one)
        words = f"Still to come by {day(due)} UTC, once Azure's counts catch up: ", f"{pp(total).strip()} pp"
        where = run(f", {kind_of_scope(one)}{called(one, detail)}")
        yield line(run(words[0]), run(words[1], **color(total)), where, spacing="Medium")


def _told(entry: Json, detail: Detail, *words: str) -> Cell:
    """A title, and small under it when it is due and whose doing it is."""
    small = ", ".join(word for word in words if word)
    return [line(run(harmless(led(entry["title"]), detail.title))), line(run(small, **SMALL), spacing="None")]


# What is expected


def forecasts(found: Json, sort: str) -> list[Json]:
    """The forecasts of a movement that were opened, or are overdue."""
    known: list[Json] = found.get("forecasts", {}).get(sort, [])
    return known


def only_foretells(found: Json) -> bool:
    """Whether nothing moved, and there is something to say of what will, or should have."""
    return stood_still(found) and any(forecasts(found, sort) for sort in ("opened", "overdue"))


def most(found: Json) -> float:
    """How much a movement that only foretells is about, in pp."""
    return max(abs(one["expected"] or 0.0) for sort in ("opened", "overdue") for one in forecasts(found, sort))


def first_line(found: Json, detail: Detail, what: str = WHAT) -> Json:
    """What moved, or where nothing did, what is expected."""
    if only_foretells(found):
        return _headline(found, detail, size="Large", weight="Bolder")
    return headline(found, detail, what, size="Large", weight="Bolder")


def _headline(found: Json, detail: Detail, **style: object) -> Json:
    where = run(f" in {kind_of_scope(found)}", **style), run(called(found, detail), **style)
    sort = "opened" if forecasts(found, "opened") else "overdue"
    shares = [one["expected"] for one in forecasts(found, sort) if one["expected"] is not None]
    words = f"{pp(fsum(shares)).strip()} pp" if shares else "a movement"
    if not shares:
        words += ", by how much is not known,"
    elif len(shares) < len(forecasts(found, sort)):
        words += ", and what is not known,"
    elif found["forecasts"].get("left", {}).get(sort, 0):
        words += " by the largest,"
    if sort == "opened":
        return line(run(f"Expected: {words}", **style, **color(fsum(shares))), *where, spacing="Medium")
    return line(run(f"Expected, and has not come: {words}", **style), *where, spacing="Medium")


def stands(found: Json) -> Json:
    """Where the score stands that did not move."""
    end = found["after"]
    return said(f"{percent(end)} now · {day(end['takenAt'])} UTC", isSubtle=True, spacing="Small")


def in_short(found: Json) -> str:
    """`expected +0.40 pp`, of what only foretells; else nothing."""
    shares = [one["expected"] for one in forecasts(found, "opened") if one["expected"] is not None]
    return f"expected {pp(fsum(shares)).strip()} pp" if shares else ""


def expected(found: Sequence[Json], detail: Detail, people: People) -> Iterator[Json]:
    """What is said to come, of one scope or several, and what was said to and has not; each thing once."""
    several = len(found) > 1
    yield from _listed(
        "Expected within 24 hours",
        found,
        [_new(one, several) for one in found],
        lambda entry: f"in the score by {day(entry['due'])} UTC",
        detail,
        people,
    )
    yield from _listed(
        "Expected, and has not come",
        found,
        [forecasts(one, "overdue") for one in found],
        lambda entry: f"was expected by {day(entry['due'])} UTC",
        detail,
        people,
    )


def _new(found: Json, several: bool) -> list[Json]:
    """The forecasts that were opened, but for what is told as still to come."""
    known = {(entry["kind"], entry["subject"].lower(), entry["scope"].lower()) for entry in found["pending"]}
    if several and only_foretells(found):
        known = set()
    return [
        one
        for one in forecasts(found, "opened")
        if (one["kind"], one["subject"].lower(), one["scope"].lower()) not in known
    ]


def _listed(
    title: str,
    found: Sequence[Json],
    entries: Sequence[Sequence[Json]],
    due: Callable[[Json], str],
    detail: Detail,
    people: People,
) -> Iterator[Json]:
    own: dict[tuple[str, str, str], Json] = {}
    for some in entries:
        for entry in some:
            own.setdefault((entry["kind"], entry["subject"].lower(), entry["scope"].lower()), entry)
    ordered = sorted(own.values(), key=lambda entry: -abs(entry["expected"] or 0.0))
    shown = ordered[: detail.pending]
    where = len(found) > 1 or is_group(found[0])
    rows: list[list[Cell]] = []
    for entry in shown:
        share = entry["expected"]
        number = figure(round(100 * round(share, 2)), share) if share is not None else [said("?")]
        place = f"in {harmless(entry['subscription'], detail.name)}" if where else ""
        unknown = "share not known" if share is None else ""
        rows.append([number, _told(entry, detail, due(entry), unknown, people.did(entry), place)])
    sort = "overdue" if title.endswith("come") else "opened"
    left = sum(one.get("forecasts", {}).get("left", {}).get(sort, 0) for one in found)
    hidden = len(ordered) - len(shown) + left
    if rows:
        yield heading(title)
        if hidden > 0:
            rows.append([[], [said(f"and {hidden:,} more")]])
        yield table("r64 1", (), rows)

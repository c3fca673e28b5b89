"""The passages of a card: headline, classes, causes, what is pending, what to do next.

Figures that stand in one column add up to what stands under them. Names come last in a line: letters that run from
right to left would turn the figures that follow them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import fsum, inf

from drift.card.elements import Cell, bars, harmless, heading, line, run, said, table
from drift.engine.wording import count
from drift.model import Json
from drift.words import CLASS_WORDS, MOST_STEPS, day, hundredths, next_steps, percent, pp, signed

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SMALL: dict[str, object] = {"size": "Small", "isSubtle": True}


@dataclass(frozen=True, slots=True)
class Detail:
    """How much of everything is shown, and how many letters of names and of titles."""

    scopes: int
    told: int
    lines: int
    each: int
    pending: int
    notes: int
    name: int
    title: int
    chart: bool = True


# Scopes


def is_group(found: Json) -> bool:
    """Whether the scope is the tenant or a named group."""
    return _GUID.fullmatch(found["scope"]) is None


def place(found: Json) -> tuple[int, float, str]:
    """Groups first, the tenant before all; then by size; a score that came or went is larger than any movement."""
    rank = 0 if found["scope"] == "all" else 1 if is_group(found) else 2
    movement = found["movement"]
    return rank, -inf if movement is None else -abs(movement), found["scope"]


def called(found: Json, detail: Detail) -> str:
    """The name of the scope, harmless."""
    return "all subscriptions" if found["scope"] == "all" else harmless(found["name"], detail.name)


def became(found: Json) -> str:
    """In a word or two, what became of a score that is missing somewhere."""
    before, after = found["before"]["percentage"] is not None, found["after"]["percentage"] is not None
    if before and after:
        return "missing in between"
    return "lost" if before else "new" if after else "missing"


def color(share: float) -> dict[str, str]:
    """Good or bad, as an element's style."""
    return {"color": "Good"} if share >= 0.005 else {"color": "Attention"} if share <= -0.005 else {}


# What moved


def classes(found: Json) -> dict[str, int]:
    """Hundredths of a pp by class, the largest first; they add up to the movement as it is shown."""
    own = dict(sorted(found["classes"].items(), key=lambda one: -abs(one[1])))
    return dict(zip(own, hundredths(list(own.values()), found["movement"]), strict=True))


def earned_and_drift(found: Json) -> tuple[int, int]:
    """People's own work (the classes earned and lost) and all else, in hundredths of a pp: in all, the movement."""
    own = sum(part for name, part in classes(found).items() if name in ("earned", "lost"))
    return own, hundredths([found["movement"]], found["movement"])[0] - own


def headline(found: Json, detail: Detail, **style: object) -> Json:
    """What moved, earned or drift, from what to what, where."""
    ends = f"{percent(found['before'])} → {percent(found['after'])}"
    kind = "" if found["scope"] == "all" else "group " if is_group(found) else "subscription "
    if found["movement"] is None:
        moved = run(f"Secure score {became(found)}", **style, color="Attention")
        verdict = ""
    else:
        moved = run(f"Secure score {pp(found['movement']).strip()} pp", **style, **color(found["movement"]))
        verdict = _verdict(found)
    where = run(f"{verdict}, {ends}: {kind}", **style), run(called(found, detail), **style)
    return line(moved, *where, spacing="Medium")


def _verdict(found: Json) -> str:
    own, drift = earned_and_drift(found)
    if own and drift:
        return f" (earned {signed(own)}, drift {signed(drift)})"
    if drift:
        return ", all of it drift"
    return ", all of it earned" if own > 0 else ", all of it lost: fixes came undone" if own else ""


def when(found: Json) -> Json:
    """Between which snapshots; and what Azure shows, where that is another figure."""
    ends = found["before"], found["after"]
    words = " → ".join(day(end["takenAt"]) for end in ends) + " UTC"
    if found["rounding"] is not None:
        reported = [f"{end['reported']:.2f} %" for end in ends]
        if reported != [percent(end) for end in ends]:
            words += f"; Azure shows {' → '.join(reported)}"
    return said(words, isSubtle=True, spacing="Small")


def by_class(found: Json, detail: Detail) -> Iterator[Json]:
    """The classes as a table, and as bars."""
    own = classes(found)
    if not own:
        return
    rows: list[list[Cell]] = [
        [[said(CLASS_WORDS[name])], _figure(part, found["classes"][name])] for name, part in own.items()
    ]
    yield table("4r1", ("By class", "pp"), [*rows, _total(found["movement"])[::-1]]) | {"spacing": "Medium"}
    if detail.chart:
        yield bars("By class, pp", [(f"{name} {signed(part)}", part / 100) for name, part in own.items()])


def causes(found: Json, detail: Detail) -> Json:
    """The causes by kind, the largest of each kind under it; in all, the movement."""
    summary = found["summary"][: detail.lines]
    rest = found["movement"] - fsum(entry["share"] for entry in summary)
    hidden = len(found["summary"]) + found.get("left", {}).get("summary", 0) - len(summary)
    own: dict[str, list[Json]] = {}
    for cause in found["causes"]:
        own.setdefault(cause["kind"], []).append(cause)
    several = is_group(found)
    parts = hundredths([*(entry["share"] for entry in summary), rest], found["movement"])
    rows: list[list[Cell]] = []
    for entry, part in zip(summary, parts, strict=False):
        under = _under(entry, part, entry.get("causes") or own.get(entry["kind"], []), several, detail)
        rows.append([_figure(part, entry["share"]), [_title(entry, detail), *under]])
    if hidden > 0 or parts[-1]:
        words = count(hidden, "more kind of cause", "more kinds of cause") if hidden > 0 else "all else"
        rows.append([_figure(parts[-1], rest), [said("all else" if "movements" in found else words)]])
    return table("r19", (), [*rows, _total(found["movement"])])


def _under(entry: Json, part: int, own: Sequence[Json], several: bool, detail: Detail) -> Iterator[Json]:
    """When, by whom and where, of the one cause; of several the largest, and how many more."""
    if entry["count"] == 1:
        if own and (record := _record(own[0], several, detail)):
            yield line(run(record, **_SMALL), spacing="None")
        return
    shown = own[: detail.each]
    rest = entry["share"] - fsum(cause["share"] for cause in shown)
    parts = hundredths([*(cause["share"] for cause in shown), rest], part / 100)
    for cause, one in zip(shown, parts, strict=False):
        words = f"{signed(one, cause['share'])} {harmless(cause['title'], detail.title)}"
        words += f"; {known}" if (known := _record(cause, several, detail)) else ""
        yield line(run(words, **_SMALL), spacing="None")
    if shown and entry["count"] > len(shown):
        yield said(f"{signed(parts[-1], rest)} and {entry['count'] - len(shown):,} more", **_SMALL, spacing="None")


def _record(cause: Json, several: bool, detail: Detail) -> str:
    """When it was done and by whom, as far as a record tells; of several subscriptions, in which."""
    records = sorted(cause["evidence"], key=lambda record: record["actor"] is None)
    words = [f"{day(records[0]['time'])} UTC"] if records else []
    if records and records[0]["actor"]:
        words.append(f"by {harmless(records[0]['actor'], detail.name)}")
    if several and cause["subscription"] not in cause["title"]:
        words.append(f"in {harmless(cause['subscription'], detail.name)}")
    return " ".join(words)


def _title(entry: Json, detail: Detail) -> Json:
    return line(run(harmless(entry["title"], detail.title)))


def _figure(part: int, value: float) -> Cell:
    return [said(signed(part, value), **color(part / 100))]


def _total(value: float) -> list[Cell]:
    return [[said(pp(value).strip(), weight="Bolder")], [said("in all", weight="Bolder")]]


# What is to come, and what to know


def pending_total(found: Json) -> float:
    """What is still to come of a scope, in pp."""
    total: float = found.get("left", {}).get("pendingShare", fsum(entry["share"] for entry in found["pending"]))
    return total


def pending(found: Json, detail: Detail) -> Iterator[Json]:
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
        due = said(f"in the score by {day(entry['due'])} UTC", **_SMALL, spacing="None")
        rows.append([_figure(part, entry["share"]), [_title(entry, detail), due]])
    hidden = len(found["pending"]) + found.get("left", {}).get("pending", 0) - len(shown)
    if hidden > 0:
        rows.append([_figure(parts[-1], rest), [said(f"and {hidden:,} more")]])
    yield table("r19", (), [*rows, _total(total)] if len(rows) > 1 else rows)


def unscored(found: Json, detail: Detail) -> Iterator[Json]:
    """Members without a score, and why."""
    yield from _listed(
        "Without a score",
        found["unscored"],
        lambda one: f"{harmless(one['name'], detail.name)}: {one['reason']}",
        detail.pending,
        detail,
    )


def notes(found: Json, detail: Detail) -> Iterator[Json]:
    """What a reader has to know beside."""
    yield from _listed("To know beside", found["notes"], str, detail.notes, detail)


def _listed[T](title: str, items: Sequence[T], words: Callable[[T], str], most: int, detail: Detail) -> Iterator[Json]:
    if items:
        yield heading(title)
    for one in items[:most]:
        yield line(run(harmless(words(one), 2 * detail.title)), spacing="Small")
    if len(items) > most:
        yield said(f"and {len(items) - most:,} more", isSubtle=True, spacing="Small")


def steps(found: Sequence[Json]) -> Iterator[Json]:
    """What to do next, for all of them."""
    every = list(dict.fromkeys(step for one in found for step in next_steps(one)))
    if every:
        yield heading("What to do next")
        for step in every[:MOST_STEPS]:
            yield said(step, spacing="Small")


def between(values: Sequence[float]) -> str:
    """`between −0.50 and −2.10 pp`, the smaller first."""
    small, large = (pp(end).strip() for end in sorted((min(values), max(values)), key=abs))
    return f"by {small} pp" if small == large else f"between {small} and {large} pp"

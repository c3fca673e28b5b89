"""The passages of a card: headline, classes, causes, what is pending, what to do next.

Figures that stand in one column add up to what stands under them. Names come last in a line: letters that run from
right to left would turn the figures that follow them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import fsum

from drift.card.elements import Cell, bars, harmless, heading, line, run, said, table
from drift.card.scopes import in_a_word, is_group, kind_of_scope
from drift.engine.wording import count
from drift.model import Json
from drift.words import CLASS_WORDS, MOST_STEPS, ON_A_CARD, day, hundredths, led, next_steps, percent, pp, signed

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


def called(found: Json, detail: Detail) -> str:
    """The name of the scope, harmless."""
    return "all subscriptions" if found["scope"] == "all" else harmless(found["name"], detail.name)


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


def cancels(found: Json) -> bool:
    """Whether causes that can be shown add up to nothing that can."""
    return abs(found["movement"]) < 0.005 and any(abs(cause["share"]) >= 0.005 for cause in found["causes"])


def headline(found: Json, detail: Detail, what: str = "Secure score", **style: object) -> Json:
    """What moved, earned or drift, from what to what, where."""
    ends = f"{percent(found['before'])} → {percent(found['after'])}"
    if "movements" in found:  # the digest: what was told apart lies between the ends
        ends = f"afterwards {percent(found['after'])}"
    if found["movement"] is None:
        moved = run(f"{what} {in_a_word(found)}", **style, color="Attention")
        verdict = ""
    else:
        moved = run(f"{what} {pp(found['movement']).strip()} pp", **style, **color(found["movement"]))
        verdict = _verdict(found)
    where = run(f"{verdict}: {ends}, {kind_of_scope(found)}", **style), run(called(found, detail), **style)
    return line(moved, *where, spacing="Medium")


def _verdict(found: Json) -> str:
    if cancels(found):
        return " (gains and losses cancel)"
    own, drift = earned_and_drift(found)
    if own and drift:
        return f" ({'earned' if own > 0 else 'lost'} {signed(own)}, drift {signed(drift)})"
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


def causes(found: Json, detail: Detail, entries: Sequence[Json] | None = None) -> Json:
    """The causes by kind, the largest of each kind under it; in all, the movement.

    `entries`: only these lines of the summary, where all others were told before.
    """
    first = found["summary"][: detail.lines]
    shown = first if entries is None else entries
    rest = found["movement"] - fsum(entry["share"] for entry in shown)
    hidden = len(found["summary"]) + found.get("left", {}).get("summary", 0) - len(first)
    own: dict[str, list[Json]] = {}
    for cause in found["causes"]:
        own.setdefault(cause["kind"], []).append(cause)
    parts = hundredths([*(entry["share"] for entry in shown), rest], found["movement"])
    rows = [
        [_figure(part, entry["share"]), list(_entry(entry, part, own.get(entry["kind"], []), found, detail))]
        for entry, part in zip(shown, parts, strict=False)
    ]
    words = count(hidden, "more kind of cause", "more kinds of cause") if hidden > 0 else "all else"
    if len(shown) < len(first):
        words = "as told above"
    if hidden > 0 or parts[-1]:
        rows.append([_figure(parts[-1], rest), [said(words)]])
    return table("r19", (), [*rows, _total(found["movement"])] if len(rows) > 1 else rows)


def _entry(entry: Json, part: int, own: Sequence[Json], found: Json, detail: Detail) -> Iterator[Json]:
    """What happened; of one cause when and by whom, of several the largest and how many more. Where, but only once."""
    whole = len(own) == entry["count"]
    places = {cause["subscription"] for cause in own} if is_group(found) else set()
    place = next(iter(places)) if whole and len(places) == 1 else None
    title = run(harmless(led(entry["title"]), detail.title))
    if place is not None and place not in entry["title"]:
        yield line(title, run(f", in {harmless(place, detail.name)}"))
    else:
        yield line(title)
    if entry["count"] == 1:
        if own and (record := _record(own[0], bool(places) and place is None, detail)):
            yield line(run(record, **_SMALL), spacing="None")
        return
    same = whole and len({cause["subject"].lower() for cause in own}) == 1
    shown = own[: detail.each]
    rest = entry["share"] - fsum(cause["share"] for cause in shown)
    parts = hundredths([*(cause["share"] for cause in shown), rest], part / 100)
    for cause, one in zip(shown, parts, strict=False):
        known = _record(cause, bool(places) and place is None, detail)
        told = [] if same and known else [harmless(led(cause["title"]), detail.title)]
        words = f"{signed(one, cause['share'])} {', '.join([*told, *([known] if known else [])])}"
        yield line(run(words, **_SMALL), spacing="None")
    if shown and entry["count"] > len(shown):
        words = f"and {entry['count'] - len(shown):,} more" if whole or "movements" not in found else "and others"
        yield said(f"{signed(parts[-1], rest)} {words}", **_SMALL, spacing="None")


def _record(cause: Json, where: bool, detail: Detail) -> str:
    """When it was done and by whom, as far as a record tells, and, if asked for, where."""
    records = sorted(cause["evidence"], key=lambda record: record["actor"] is None)
    words = [f"{day(records[0]['time'])} UTC"] if records else []
    if records and records[0]["actor"]:
        words.append(f"by {harmless(records[0]['actor'], detail.name)}")
    if where and cause["subscription"] not in cause["title"]:
        words.append(f"in {harmless(cause['subscription'], detail.name)}")
    return " ".join(words)


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
        rows.append([_figure(part, entry["share"]), [line(run(harmless(led(entry["title"]), detail.title))), due]])
    hidden = len(found["pending"]) + found.get("left", {}).get("pending", 0) - len(shown)
    if hidden > 0:
        rows.append([_figure(parts[-1], rest), [said(f"and {hidden:,} more")]])
    yield table("r19", (), [*rows, _total(total)] if len(rows) > 1 else rows)


def to_come(found: Sequence[Json], detail: Detail) -> Iterator[Json]:
    """Of several scopes in a line each what is pending, unless all of it was told of one before."""
    told: set[tuple[str, str]] = set()
    number = 0
    for one in found:
        own = {(entry["kind"], entry["subject"].lower()) for entry in one["pending"]}
        if own <= told or number > detail.told:
            continue
        number += 1
        told |= own
        due = max(entry["due"] for entry in one["pending"])
        total = pending_total(one)
        words = f"Still to come by {day(due)} UTC, once Azure's counts catch up: ", f"{pp(total).strip()} pp"
        where = run(f", {kind_of_scope(one)}{called(one, detail)}")
        yield line(run(words[0]), run(words[1], **color(total)), where, spacing="Medium")


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
    every = list(dict.fromkeys(step for one in found for step in next_steps(one, ON_A_CARD)))
    if len(every) == 1:
        yield line(run("What to do next: ", weight="Bolder"), run(every[0]), spacing="Medium")
    elif every:
        yield heading("What to do next")
        for step in every[:MOST_STEPS]:
            yield said(step, spacing="Small")


def between(values: Sequence[float]) -> str:
    """`between −0.50 and −2.10 pp`, the smaller first."""
    small, large = (pp(end).strip() for end in sorted((min(values), max(values)), key=abs))
    return f"by {small} pp" if small == large else f"between {small} and {large} pp"

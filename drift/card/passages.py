"""The passages of a card: headline, classes, causes, whose doing, what to do next.

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
from drift.people import UNKNOWN, People, done_at, named, platforms
from drift.words import CLASS_WORDS, MOST_STEPS, ON_A_CARD, day, hundredths, led, next_steps, percent, pp, signed

SMALL: dict[str, object] = {"size": "Small", "isSubtle": True}
"""The style of what stands under something."""


WHAT = "Secure score"


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
    people: int
    chart: bool = True


def called(found: Json, detail: Detail) -> str:
    """The name of the scope, harmless; of some owners' part in it, with their names."""
    name = "all subscriptions" if found["scope"] == "all" else harmless(found["name"], detail.name)
    if "part" in found:
        owners = [harmless(owner, detail.name) for owner in found["part"]["owners"]]
        name += f", the part of {', '.join(owners[:2])}{f' and {len(owners) - 2} more' if len(owners) > 2 else ''}"
    return name


def people(found: Sequence[Json], detail: Detail) -> People:
    """All who do something on a card, by harmless names."""
    return People(found, lambda words: harmless(words, detail.name))


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


def headline(found: Json, detail: Detail, what: str = WHAT, **style: object) -> Json:
    """What moved, earned or drift, from what to what, where."""
    ends = f"{percent(found['before'])} → {percent(found['after'])}"
    if "movements" in found:  # the digest: what was told apart lies between the ends
        ends = f"afterwards {percent(found['after'])}"
    if found["movement"] is None:
        moved = run(f"{what} {in_a_word(found)}", **style, color="Attention")
        verdict = ""
    else:
        of = f" of {pp(found['part']['movement']).strip()}" if "part" in found else ""
        moved = run(f"{what} {pp(found['movement']).strip()}{of} pp", **style, **color(found["movement"]))
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
    parts = filter(None, (of_the_platform(found), of_exemptions(found)))
    return said(" · ".join([*parts, words]), isSubtle=True, spacing="Small")


def of_the_platform(found: Json) -> str:
    """How much of the movement is the platform's, in words; "" where that is nothing, or not known."""
    share, alone = platforms(found), len(found.get("actors", ())) + found.get("left", {}).get("actors", 0) == 1
    if share is None or found["movement"] is None or abs(share) < 0.005:
        return ""
    return "all of it is the platform's" if alone else f"of it the platform's: {pp(share).strip()} pp"


def of_exemptions(found: Json) -> str:
    """How much of a rise new exemptions made, in words; "" where that is not more than what was earned."""
    made = fsum(entry["share"] for entry in found["summary"] if entry["kind"] == "exemption_created")
    rose = found["movement"] is not None and found["movement"] >= 0.005
    most = rose and made >= 0.005 and made > found["classes"].get("earned", 0.0)
    return f"of it by exemptions: {pp(made).strip()} pp" if most else ""


def by_class(found: Json, detail: Detail) -> Iterator[Json]:
    """The classes as a table, and where there are several as bars."""
    own = classes(found)
    if not own:
        return
    rows: list[list[Cell]] = [
        [[said(CLASS_WORDS[name])], figure(part, found["classes"][name])] for name, part in own.items()
    ]
    yield table("1 r64", ("By class", "pp"), [*rows, in_all(found["movement"])[::-1]]) | {"spacing": "Medium"}
    if detail.chart and len(own) > 1:
        yield bars("By class, pp", [(f"{name} {signed(part)}", part / 100) for name, part in own.items()])


def causes(found: Json, detail: Detail, people: People, entries: Sequence[Json] | None = None) -> Json:
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
        [figure(part, entry["share"]), list(_entry(entry, part, own.get(entry["kind"], []), found, detail, people))]
        for entry, part in zip(shown, parts, strict=False)
    ]
    words = count(hidden, "more kind of cause", "more kinds of cause") if hidden > 0 else "all else"
    if len(shown) < len(first):
        words = "as told above"
    if hidden > 0 or parts[-1]:
        rows.append([figure(parts[-1], rest), [said(words)]])
    return table("r64 1", (), [*rows, in_all(found["movement"])] if len(rows) > 1 else rows)


def _entry(entry: Json, part: int, own: Sequence[Json], found: Json, detail: Detail, people: People) -> Iterator[Json]:
    """What happened; of one cause when and by whom, of several the largest and how many more. Where, but only once."""
    whole = len(own) == entry["count"]
    places = {cause["subscription"] for cause in own} if is_group(found) else set()
    place = next(iter(places)) if whole and len(places) == 1 else None
    title = run(harmless(led(entry["title"]), detail.title))
    if place is not None and place not in entry["title"]:
        yield line(title, run(f", in {harmless(place, detail.name)}"))
    else:
        yield line(title)
    where = bool(places) and place is None
    if entry["count"] == 1:
        if own and (record := _record(own[0], _done(own[0], people), where, detail)):
            yield line(run(record, **SMALL), spacing="None")
        return
    done = [_done(cause, people) for cause in own]
    if own and len(set(done)) == 1 and (whole or done[0] == UNKNOWN):  # all by the same: that is said once
        if whole and done[0]:
            yield line(run(done[0], **SMALL), spacing="None")
        done = [""] * len(own)
    same = whole and len({cause["subject"].lower() for cause in own}) == 1
    shown = own[: detail.each]
    rest = entry["share"] - fsum(cause["share"] for cause in shown)
    parts = hundredths([*(cause["share"] for cause in shown), rest], part / 100)
    for cause, how, one in zip(shown, done, parts, strict=False):
        known = _record(cause, how, where, detail)
        told = [] if same and known else [harmless(led(cause["title"]), detail.title)]
        words = f"{signed(one, cause['share'])} {', '.join([*told, *([known] if known else [])])}"
        yield line(run(words, **SMALL), spacing="None")
    if shown and entry["count"] > len(shown):
        words = f"and {entry['count'] - len(shown):,} more" if whole or "movements" not in found else "and others"
        yield said(f"{signed(parts[-1], rest)} {words}", **SMALL, spacing="None")


def _done(cause: Json, people: People) -> str:
    """When it was done and by whom, as far as a record tells."""
    at, who = done_at(cause), people.did(cause)
    if at is None or not who:
        return who if at is None else f"{day(at)} UTC"
    return f"{day(at)} UTC{'' if who.startswith('by ') else ','} {who}"


def _record(cause: Json, done: str, where: bool, detail: Detail) -> str:
    """The same with where, if that is asked for."""
    if not where or cause["subscription"] in cause["title"]:
        return done
    place = f"in {harmless(cause['subscription'], detail.name)}"
    return f"{done}, {place}" if done else place


def whose(found: Json, detail: Detail, people: People) -> Iterator[Json]:
    """Who moved it, the largest share first, and in all the movement; where somebody is named."""
    actors = found.get("actors", ())
    hidden = len(actors) + found.get("left", {}).get("actors", 0) - detail.people
    if found["movement"] is None or not named(actors) or hidden + detail.people < 2:
        return
    shown = actors[: detail.people]
    rest = found["movement"] - fsum(actor["share"] for actor in shown)
    parts = hundredths([*(actor["share"] for actor in shown), rest], found["movement"])
    rows: list[list[Cell]] = [
        [figure(part, actor["share"]), [line(run(people.called(actor)))]]
        for actor, part in zip(shown, parts, strict=False)
    ]
    if hidden > 0 or parts[-1]:
        rows.append([figure(parts[-1], rest), [said(count(hidden, "other") if hidden > 0 else "others")]])
    yield heading("Whose doing it was")
    yield table("r64 1", (), [*rows, in_all(found["movement"])])


def figure(part: int, value: float) -> Cell:
    """A cell with a part in hundredths of a pp; `value` is what it was before it was rounded."""
    return [said(signed(part, value), **color(part / 100))]


def in_all(value: float) -> list[Cell]:
    """The last row of a column of figures: their sum."""
    return [[said(pp(value).strip(), weight="Bolder")], [said("in all", weight="Bolder")]]


# What to know, and to do


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

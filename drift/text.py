"""An explanation as text for people: the movement, classes as bars, causes, whose doing, what is to come, what to do.

Fits a terminal, wide or narrow, with and without colour; every number can be found in the JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drift.engine.wording import clean, count
from drift.model import Json
from drift.people import UNKNOWN, People, done_at, named
from drift.terminal import Style
from drift.words import CLASS_WORDS, day, next_steps, percent, pp

ROUNDING = 0.1
"""pp by which Azure's printed movement may differ from that of its counts: it rounds each control to 0.005 points."""

LARGEST = 8
"""Lines of summary and of pending that are shown unless all are asked for."""


def line(words: str) -> str:
    """Any text as one printable line."""
    return clean(words, 2000)


def render(found: Json, style: Style, *, every: bool = False) -> str:
    """The explanation as lines, each at most as wide as the style allows."""
    people = People([found], lambda words: clean(words) or "(no name)")
    lines = [*_heading(found, style), *_bars(found, style), *_causes(found, style, people, every)]
    lines += [*_actors(found, style, people, every), *_pending(found, style, people, every)]
    lines += [*_foretold(found, style, people, every), *_subscriptions(found, style)]
    lines += [*_unscored(found, style), *_steps(found, style), *_notes(found, style)]
    return "\n".join(lines).rstrip() + "\n"


def _heading(found: Json, style: Style) -> Iterator[str]:
    before, after, movement = found["before"], found["after"], found["movement"]
    name = "all subscriptions" if found["scope"] == "all" else clean(found["name"])
    yield from style.wrap(f"Secure score of {name}", color="bold")
    ends = f"{percent(before)} → {percent(after)}"
    if movement is None:
        yield from style.wrap(ends, color="bold")
    else:
        moved = f"{pp(movement)} pp"
        yield style.signs(f"{ends}   ") + style.paint(style.signs(moved), _color(movement) or "bold")
    yield from style.wrap(f"{day(before['takenAt'])} → {day(after['takenAt'])}", color="faint")
    if found["rounding"]:
        shown = " → ".join(f"{end['reported']:.2f} %" for end in (before, after))
        if abs(found["rounding"]) <= ROUNDING:
            rest = "the rest is its rounding"
        else:
            rest = f"{pp(found['rounding'])} pp more than its own counts give"
        yield from style.wrap(f"Azure shows {shown}; {rest}", color="faint")
    yield ""


def _color(share: float) -> str:
    return "" if pp(share)[0] not in "+−" else "up" if share > 0 else "down"


def _bars(found: Json, style: Style) -> Iterator[str]:
    classes = found["classes"]
    if not classes:
        return
    longest = max(abs(share) for share in classes.values())
    label = 31 if style.width >= 72 else 11
    room = style.width - label - 14
    for name, share in sorted(classes.items(), key=lambda item: -abs(item[1])):
        words = CLASS_WORDS[name] if label > 20 else name
        bar = style.signs("█") * round(room * abs(share) / longest) if longest else ""
        yield f"  {style.pad(words, label)}{style.signs(f'{pp(share):>8}')}  {style.paint(bar, _color(share))}".rstrip()
    total = style.signs(f"{pp(sum(classes.values())):>8}")
    yield style.paint(f"  {style.pad('in all', label)}{total}", "bold")
    yield ""


def _causes(found: Json, style: Style, people: People, every: bool) -> Iterator[str]:
    summary = found["summary"]
    if not summary:
        if found["movement"] is not None:
            yield "Nothing moved the score."
            yield ""
        return
    yield style.paint("What moved it (pp)", "bold")
    shown = summary if every else summary[:LARGEST]
    for entry in shown:
        yield from _entry(entry["share"], entry["title"], style)
        own = [cause for cause in found["causes"] if cause["kind"] == entry["kind"]]
        done = {_done(cause, people) for cause in own}
        if len(done) == 1 and (words := done.pop()):
            yield from style.wrap(words, " " * 11, " " * 11, "faint")
            done = set()
        if len(own) > 1:
            several = len({cause["scope"] for cause in own}) > 1
            yield from _each(own, style, people if done else None, every, several=several)
    if len(summary) > len(shown):
        rest = sum(entry["share"] for entry in summary[len(shown) :])
        more = count(len(summary) - len(shown), "more kind of cause", "more kinds of cause")
        yield from _entry(rest, f"{more}: --all shows them", style)
    yield ""


def _each(own: Sequence[Json], style: Style, people: People | None, every: bool, *, several: bool) -> Iterator[str]:
    """The causes of one kind, the largest first; named by subscription where there are several.

    `people`: if it is to be said of each who did it.
    """
    most = len(own) if every else 3
    for cause in own[:most]:
        where = f", in {cause['subscription']}" if several else ""
        done = f", {words}" if people and (words := _done(cause, people)) else ""
        yield from _entry(cause["share"], clean(cause["title"] + where, 400) + done, style, indent=4)
    if len(own) > most:
        rest = sum(cause["share"] for cause in own[most:])
        yield from _entry(rest, f"and {len(own) - most} more", style, indent=4)


def _done(cause: Json, people: People) -> str:
    """When and by whom: `2026-03-02 09:14 by Ana Lopez`."""
    at, who = done_at(cause), people.did(cause)
    if at is None or not who:
        return who if at is None else day(at)
    return f"{day(at)} {who}" if who.startswith("by ") else f"{day(at)}, {who}"


def _entry(share: float | None, title: str, style: Style, indent: int = 0) -> Iterator[str]:
    number = style.signs(f"{'?' if share is None else pp(share):>7}")
    before = " " * (2 + indent)
    lines = style.wrap(clean(title, 800), f"{before}{number}  ", " " * (len(before) + len(number) + 2))
    first = next(lines)
    yield before + style.paint(number, _color(share or 0.0) or "faint") + first[len(before) + len(number) :]
    yield from lines


def _actors(found: Json, style: Style, people: People, every: bool) -> Iterator[str]:
    """Whose doing the movement was, if more can be said than that it was the platform, or that nobody knows."""
    actors = found["actors"]
    if not named(actors) and len(actors) < 2:
        return
    yield style.paint("Who (pp)", "bold")
    shown = actors if every else actors[:LARGEST]
    for actor in shown:
        yield from _entry(actor["share"], people.called(actor), style)
    if len(actors) > len(shown):
        rest = sum(actor["share"] for actor in actors[len(shown) :])
        yield from _entry(rest, f"{count(len(actors) - len(shown), 'other')}: --all shows them", style)
    yield ""


def _pending(found: Json, style: Style, people: People, every: bool) -> Iterator[str]:
    pending = found["pending"]
    if pending:
        total = sum(entry["share"] for entry in pending)
        words = f"Still to come: {pp(total)} pp once Azure's counts catch up"
        yield from _coming(words, pending, style, people, every, assumed=False)


def _foretold(found: Json, style: Style, people: People, every: bool) -> Iterator[str]:
    foretold = found["foretold"]
    if foretold:
        known = [entry["share"] for entry in foretold if entry["share"] is not None]
        more = ", and what is not known," if len(known) < len(foretold) else ""
        words = f"Expected: {pp(sum(known)).strip()} pp{more}" if known else "Expected, by how much is not known,"
        heading = f"{words} once Azure has assessed and counted again"
        yield from _coming(heading, foretold, style, people, every, assumed=True)


def _coming(
    heading: str, entries: Sequence[Json], style: Style, people: People, every: bool, *, assumed: bool
) -> Iterator[str]:
    """What is to come, with its time and whose doing it is; `assumed`: their reasons say what is assumed."""
    yield from style.wrap(heading, rest="  ", color="bold")
    shown = entries if every else entries[:LARGEST]
    who = {people.did(entry) for entry in shown} != {UNKNOWN}  # of none: that needs not be said of each
    for entry in shown:
        facts = [f"in the score by {day(entry['due'])}", people.did(entry) if who else ""]
        if entry["share"] is None:
            facts[0] = f"share not known: {clean(entry['reason'], 200)}" if entry["reason"] else "share not known"
        elif assumed:
            facts.append(clean(entry["reason"], 200))
        title = clean(entry["title"], 400)
        yield from _entry(entry["share"], f"{title} ({'; '.join(filter(None, facts))})", style)
    if len(entries) > len(shown):
        rest = sum(entry["share"] or 0.0 for entry in entries[len(shown) :])
        yield from _entry(rest, f"and {len(entries) - len(shown)} more", style)
    yield ""


def _subscriptions(found: Json, style: Style) -> Iterator[str]:
    inner = found.get("subscriptions", ())
    if len(inner) < 2:
        return
    yield style.paint("Subscriptions, each by its own score", "bold")
    moved = sorted(inner, key=lambda one: -abs(one["movement"] or 0))
    for one in moved[:LARGEST]:
        shown = "no score in between" if one["movement"] is None else f"{pp(one['movement'])} pp"
        ends = f"{percent(one['before'])} → {percent(one['after'])}  {shown:>9}"
        if style.width >= 72:
            yield f"  {style.pad(clean(one['name']), style.width - 40)}{style.signs(f'{ends:>36}')}"
        else:
            yield from style.wrap(clean(one["name"]), "  ", "  ")
            yield from style.wrap(ends, "    ", "    ")
    if len(moved) > LARGEST:
        yield f"  and {len(moved) - LARGEST} more"
    yield ""


def _unscored(found: Json, style: Style) -> Iterator[str]:
    if found["unscored"]:
        yield style.paint("Without a score", "bold")
        for one in found["unscored"]:
            yield from style.wrap(f"{clean(one['name'])}: {clean(one['reason'])}", "  ", "    ")
        yield ""


def _steps(found: Json, style: Style) -> Iterator[str]:
    steps = next_steps(found)
    if steps:
        yield style.paint("What to do next", "bold")
        for step in steps:
            yield from style.wrap(step, "  ", "    ")
        yield ""


def _notes(found: Json, style: Style) -> Iterator[str]:
    for note in found["notes"]:
        yield from style.wrap(f"Note: {clean(note, 600)}", "  ", "    ", "faint")

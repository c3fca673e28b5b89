"""The calendar of a scope as text for people: a line for each date, with what it would do to the score."""

from __future__ import annotations

from collections.abc import Iterator

from drift.engine.wording import clean
from drift.model import Json
from drift.terminal import Style
from drift.words import day, pp

_NO_DATE = "no date"


def render(found: Json, style: Style) -> str:
    """What is due as lines, each at most as wide as the style allows."""
    name = "all subscriptions" if found["scope"] == "all" else clean(found["scope"])
    lines = [*style.wrap(f"Due in {name} (pp)", color="bold"), *style.wrap(day(found["takenAt"]), color="faint"), ""]
    several = len({entry["scope"] for entry in found["value"]}) > 1
    for entry in found["value"]:
        lines += _entry(entry, style, several=several)
    if not found["value"]:
        lines.append("Nothing is due.")
    notes = [line for note in found["notes"] for line in style.wrap(f"Note: {note}", "  ", "    ", "faint")]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _entry(entry: Json, style: Style, *, several: bool) -> Iterator[str]:
    date = entry["at"][:10] if entry["at"] else _NO_DATE
    number = style.signs(f"{'?' if entry['share'] is None else pp(entry['share']):>7}")
    before, under = f"  {date:<10}  ", " " * (len(number) + 16)
    lines = style.wrap(clean(entry["title"], 400), f"{before}{number}  ", under)
    first = next(lines)
    rest = first[len(before) + len(number) :]
    yield before + style.paint(number, _color(entry["share"])) + rest
    yield from lines
    more = [entry["subscription"]] if several else []
    more += [f"{_WHO.get(entry['kind'], 'owner')}: {entry['owner']}"] if entry["owner"] else []
    more += [entry["reason"]] if entry["reason"] else []
    if more:
        yield from style.wrap(clean("; ".join(more), 600), under, under, "faint")


_WHO = {"exemption_ends": "made by", "exemption_ended": "made by"}


def _color(share: float | None) -> str:
    sign = pp(share or 0.0)[0]
    return "up" if sign == "+" else "down" if sign == "−" else "faint"

"""A diagnosis as text for people: each reason with how it is known, what to do, and the command that shows it."""

from __future__ import annotations

from collections.abc import Iterator

from drift.engine.wording import clean
from drift.model import Json
from drift.terminal import Style
from drift.words import day, pp

CERTAIN = {"confirmed": "", "inferred": " (inferred)"}


def render(found: Json, style: Style) -> str:
    """The reasons as lines, each at most as wide as the style allows; commands are not broken."""
    name = "all subscriptions" if found["scope"] == "all" else clean(found["scope"])
    lines = [*style.wrap(f"Why it stands still: {name}", color="bold")]
    asked = [f"{what} {clean(str(value), 300)}" for what, value in found["asked"].items() if value is not None]
    lines += style.wrap("; ".join([*asked, day(found["takenAt"])]), color="faint")
    lines.append("")
    for number, reason in enumerate(found["reasons"], 1):
        lines += [*_reason(number, reason, style), ""]
    if not found["reasons"]:
        lines += ["No reason was found in what is at hand.", ""]
    if found["undecided"]:
        lines.append(style.paint("Could not be decided", "bold"))
        for one in found["undecided"]:
            lines += style.wrap(f"{clean(one['reason'])}: needs {clean(one['needs'], 300)}", "  ", "    ", "faint")
    return "\n".join(lines).rstrip() + "\n"


def _reason(number: int, reason: Json, style: Style) -> Iterator[str]:
    heading = f"{clean(reason['title'], 600)}{CERTAIN[reason['confidence']]}"
    yield from style.wrap(heading, f"{number:>2}. ", "    ", "bold")
    facts = [reason["reason"]]
    if reason["effect"]:
        facts.append(f"{pp(reason['effect'])} pp once that is done")
    if reason["movesBy"] is not None:
        facts.append(f"the score moves between {day(reason['movesBy']['earliest'])} and {_end(reason)}")
    yield from style.wrap("; ".join(facts), "    ", "    ", "faint")
    for line in reason["evidence"]:
        yield from style.wrap(clean(line, 600), "    - ", "      ")
    yield from style.wrap(f"→ {clean(reason['action'], 600)}", "    ", "      ")
    if reason["confirm"]:
        yield style.paint(f"    $ {clean(reason['confirm'], 2000)}", "faint")


def _end(reason: Json) -> str:
    return f"{day(reason['movesBy']['latest'])} UTC"

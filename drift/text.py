"""An explanation as text for people: the movement, classes as bars, causes with shares, what is pending, what to do.

Fits a terminal, wide or narrow, with and without colour; every number can be found in the JSON.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from drift.engine.wording import clean, count
from drift.model import Json

LARGEST = 8
"""Lines of summary and of pending that are shown unless all are asked for."""

_COLORS = {"up": "32", "down": "31", "faint": "2", "bold": "1"}
_PLAIN = str.maketrans({"█": "#", "▌": "#", "−": "-", "“": '"', "”": '"', "…": "...", "→": "->", "·": "-", "±": "+/-"})

CLASS_WORDS = {
    "earned": "earned: findings fixed",
    "lost": "lost: findings that came back",
    "estate": "the estate grew or shrank",
    "yardstick": "the yardstick moved",
    "coverage": "coverage: plans, agents, policy",
    "accounting": "accounting: exemptions, grace",
    "unexplained": "unexplained",
}

NEXT_STEPS = {
    "regression": "Look at what turned unhealthy: someone or something undid a fix.",
    "subscription_added": "Report the new subscription apart (--scope, its id or a tag): the others did not get worse.",
    "subscription_removed": "Check why the subscription has no score: its share left with it, good or bad.",
    "exemption_created": "Check that each new exemption has a reason, an owner and an end.",
    "exemption_expired": "Renew the exemptions that ran out, or fix what they hid.",
    "plan_disabled": "Check that the plan was switched off on purpose: its findings are hidden, not fixed.",
    "policy_disabled": "Check that the policy was switched off on purpose: its findings are hidden, not fixed.",
    "data_source_lost": "Check agents and extensions: resources without them are not assessed.",
    "recommendation_added": "Plan work for the recommendations that count now: the estate is as it was.",
    "recommendation_left_preview": "Plan work for the recommendations that count now: the estate is as it was.",
    "resource_added": "Check the templates that made the new resources: fix them once, at the source.",
    "unexplained": "Compare again after Azure's next recount (every 8 hours) before acting on what is unexplained.",
}


@dataclass(frozen=True, slots=True)
class Style:
    """How to print."""

    width: int = 100
    color: bool = False
    unicode: bool = True

    def paint(self, words: str, color: str) -> str:
        """The words in a colour, if there is colour."""
        return f"\x1b[{_COLORS[color]}m{words}\x1b[0m" if self.color and words else words


def line(words: str) -> str:
    """Any text as one printable line."""
    return clean(words, 2000)


def pp(value: float, digits: int = 2) -> str:
    """`+1.20`, `−0.04`; `±0.00` where it rounds to nothing."""
    shown = f"{abs(value):.{digits}f}"
    if not float(shown):
        return f"±{shown}" if value else f" {shown}"
    return ("+" if value > 0 else "−") + shown


def render(found: Json, style: Style, *, every: bool = False) -> str:
    """The explanation as lines, each at most as wide as the style allows."""
    lines = [
        *_heading(found, style),
        *_bars(found, style),
        *_causes(found, style, every),
        *_pending(found, style, every),
    ]
    lines += [*_subscriptions(found, style), *_unscored(found, style), *_steps(found, style), *_notes(found, style)]
    printed = "\n".join(lines).rstrip() + "\n"
    return printed if style.unicode else printed.translate(_PLAIN)


def _heading(found: Json, style: Style) -> Iterator[str]:
    before, after = found["before"], found["after"]
    name = "all subscriptions" if found["scope"] == "all" else found["name"]
    yield style.paint(f"Secure score of {clean(name)}", "bold")
    span = f"{_day(before['takenAt'])} → {_day(after['takenAt'])}"
    movement = found["movement"]
    if movement is None:
        yield f"{_percent(before)} → {_percent(after)}   {style.paint(span, 'faint')}"
        return
    color = "up" if movement > 0 else "down"
    moved = style.paint(f"{pp(movement)} pp", color if pp(movement)[0] in "+−" else "bold")
    yield f"{_percent(before)} → {_percent(after)}   {moved}   {style.paint(span, 'faint')}"
    reported = [end["reported"] for end in (before, after)]
    if None not in reported:
        shown = " → ".join(f"{value:.2f} %" for value in reported)
        yield style.paint(f"Azure shows {shown}; the rest is its rounding", "faint")
    yield ""


def _day(at: str) -> str:
    return f"{at[:10]} {at[11:16]}"


def _percent(end: Json) -> str:
    return "no score" if end["percentage"] is None else f"{end['percentage']:.2f} %"


def _bars(found: Json, style: Style) -> Iterator[str]:
    classes = found["classes"]
    if not classes:
        return
    longest = max(abs(share) for share in classes.values())
    label = 33 if style.width >= 72 else 12
    room = max(4, style.width - label - 12)
    for name, share in sorted(classes.items(), key=lambda item: -abs(item[1])):
        words = CLASS_WORDS[name] if label > 20 else name
        color = "up" if share > 0 else "down"
        bar = style.paint("█" * round(room * abs(share) / longest) if longest else "", color)
        yield f"  {words:<{label - 2}}{pp(share):>8}  {bar}"
    yield style.paint(f"  {'in all':<{label - 2}}{pp(sum(classes.values())):>8}", "bold")
    yield ""


def _causes(found: Json, style: Style, every: bool) -> Iterator[str]:
    summary = found["summary"]
    if found["movement"] is not None and not summary:
        yield "Nothing moved the score."
        yield ""
    if not summary:
        return
    yield style.paint("What moved it (pp)", "bold")
    shown = summary if every else summary[:LARGEST]
    for entry in shown:
        yield from _entry(entry["share"], entry["title"], style)
        own = [cause for cause in found["causes"] if cause["kind"] == entry["kind"]]
        if len(own) == 1 and (who := _who(own[0])):
            yield style.paint(f"            {who}", "faint")
        if len(own) > 1:
            yield from _each(own, style, every, several=len({cause["scope"] for cause in own}) > 1)
    if len(summary) > len(shown):
        rest = sum(entry["share"] for entry in summary[len(shown) :])
        yield from _entry(rest, f"{count(len(summary) - len(shown), 'more kind')} of cause: --all shows them", style)
    yield ""


def _each(own: Sequence[Json], style: Style, every: bool, *, several: bool) -> Iterator[str]:
    """The causes of one kind, the largest first; named by subscription where there are several."""
    most = len(own) if every else 3
    for cause in own[:most]:
        where = f", in {cause['subscription']}" if several else ""
        who = f", {known}" if (known := _who(cause)) else ""
        yield from _entry(cause["share"], cause["title"] + where + who, style, indent=4)
    if len(own) > most:
        rest = sum(cause["share"] for cause in own[most:])
        yield from _entry(rest, f"and {len(own) - most} more", style, indent=4)


def _who(cause: Json) -> str:
    actors = [evidence["actor"] for evidence in cause["evidence"] if evidence["actor"]]
    return f"by {clean(actors[0])}" if actors else ""


def _entry(share: float, title: str, style: Style, indent: int = 0) -> Iterator[str]:
    color = "up" if share > 0 else "down" if share < 0 else "faint"
    head = f"  {' ' * indent}{pp(share):>7}  "
    words = textwrap.wrap(clean(title, 400), max(20, style.width - len(head)), break_on_hyphens=False) or [""]
    yield f"  {' ' * indent}{style.paint(f'{pp(share):>7}', color)}  {words[0]}"
    for more in words[1:]:
        yield " " * len(head) + more


def _pending(found: Json, style: Style, every: bool) -> Iterator[str]:
    pending = found["pending"]
    if not pending:
        return
    total = sum(entry["share"] for entry in pending)
    yield style.paint(f"Still to come: {pp(total)} pp once Azure's counts catch up", "bold")
    shown = pending if every else pending[:LARGEST]
    for entry in shown:
        yield from _entry(entry["share"], f"{entry['title']}, by {_day(entry['due'])}", style)
    if len(pending) > len(shown):
        rest = sum(entry["share"] for entry in pending[len(shown) :])
        yield from _entry(rest, f"and {len(pending) - len(shown)} more", style)
    yield ""


def _subscriptions(found: Json, style: Style) -> Iterator[str]:
    inner = found.get("subscriptions", ())
    if len(inner) < 2:
        return
    yield style.paint("Subscriptions, each by its own score", "bold")
    moved = sorted(inner, key=lambda one: -abs(one["movement"] or 0))
    for one in moved[:LARGEST]:
        shown = "no score in between" if one["movement"] is None else f"{pp(one['movement'])} pp"
        room = max(10, style.width - 44)
        ends = f"{_percent(one['before']):>10} → {_percent(one['after']):>9}"
        yield f"  {clean(one['name'], room):<{room}}{ends}  {shown:>10}"
    if len(moved) > LARGEST:
        yield f"  and {len(moved) - LARGEST} more"
    yield ""


def _unscored(found: Json, style: Style) -> Iterator[str]:
    if found["unscored"]:
        yield style.paint("Without a score", "bold")
        for one in found["unscored"]:
            yield from _wrapped(f"{clean(one['name'])}: {clean(one['reason'])}", style)
        yield ""


def _steps(found: Json, style: Style) -> Iterator[str]:
    steps: dict[str, None] = {}
    if found["pending"]:
        steps["Wait before judging a fix: Azure recounts every 8 hours, and has 24 to assess again."] = None
    for entry in found["summary"]:
        kind = entry["kind"]
        if kind in NEXT_STEPS and (entry["share"] < 0 or kind == "exemption_created"):
            steps[NEXT_STEPS[kind]] = None
    if steps:
        yield style.paint("What to do next", "bold")
        for step in list(steps)[:5]:
            yield from _wrapped(step, style)
        yield ""


def _notes(found: Json, style: Style) -> Iterator[str]:
    for note in found["notes"]:
        for part in _wrapped(f"Note: {note}", style):
            yield style.paint(part, "faint")


def _wrapped(words: str, style: Style) -> Sequence[str]:
    return textwrap.wrap(clean(words, 600), style.width - 2, initial_indent="  ", subsequent_indent="    ")

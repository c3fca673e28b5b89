"""`drift plan`: the command, and its answer as text for people."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from drift import printed
from drift.engine.planning.ways import EFFORTS
from drift.engine.wording import clean, count, resource
from drift.errors import EvidenceError
from drift.model import Json
from drift.plans import plan_in
from drift.terminal import Style
from drift.words import day, pp

STEPS = 30
"""Steps that are shown unless all are asked for."""

LARGEST = 10
"""Controls, recommendations and resources that are shown by what they are worth."""


def add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    number: Callable[[str], float],
    whole: Callable[[str], int],
) -> None:
    """Adds the command; `number` and `whole` read numbers."""
    plan = commands.add_parser(
        "plan",
        help="what fixes are worth, and a short way to a target",
        description="Tells what each control, recommendation and resource is worth, alone and together, and which "
        "fixes reach a target for the least effort, with the score after each step.",
        epilog="docs/plan.md tells what is guaranteed.",
    )
    plan.add_argument("folder", type=Path, metavar="FOLDER", help="an evidence folder")
    plan.add_argument("--target", type=number, required=True, metavar="PERCENT", help="the score to be reached")
    plan.add_argument("--scope", default="all", help="as for explain", metavar="SCOPE")
    plan.add_argument("--effort", choices=tuple(EFFORTS), default="high", help="leave out fixes that take more")
    plan.add_argument(
        "--by",
        choices=("effort", "risk"),
        default="effort",
        help="what comes first: the most for the least effort (default), or what is most critical and most severe",
    )
    plan.add_argument("--all", action="store_true", help="text: every step, not only the first")
    printed.options(plan, whole)
    plan.set_defaults(run=_plan)


def _plan(options: argparse.Namespace) -> int:
    if not 0 <= options.target <= 100:
        raise EvidenceError(f"--target {options.target:g}: is not a percentage from 0 to 100")
    with printed.Progress(sys.stderr) as progress:
        read = partial(plan_in, options.folder, options.scope, options.target, progress.step)
        found = read(effort=options.effort, by=options.by)
    printed.answer(found, options, partial(render, every=options.all))
    return 0


def render(found: Json, style: Style, *, every: bool = False) -> str:
    """The plan as lines, each at most as wide as the style allows."""
    name = "all subscriptions" if found["scope"] == "all" else clean(found["scope"])
    lines = [*style.wrap(f"Plan for {name}: {found['target']:g} %", color="bold")]
    lines += style.wrap(day(found["takenAt"]), color="faint") if found["takenAt"] else []
    lines += ["", *style.wrap(_summary(found))]
    if found["steps"]:
        lines += ["", *_steps(found, style, None if every else STEPS)]
    if not found["reachable"] and found["left"]:
        lines += ["", *_left(found, style)]
    lines += _worth(found, style)
    notes = [line for note in found["notes"] for line in style.wrap(f"Note: {note}", "  ", "    ", "faint")]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _summary(found: Json) -> str:
    if found["now"] is None:
        return "There is no score: nothing can be planned."
    now = f"Now {found['now']:.2f} %"
    if found["pending"]:
        now += f", {pp(found['pending']).strip()} pp to come of what is done already"
    total = found["total"]
    fixes = f"{count(len(found['steps']), 'step')}, {count(total['fixes'], 'fix', 'fixes')}, effort {total['effort']:,}"
    if not found["reachable"]:
        allowed = "" if found["effort"] == "high" else f" with {found['effort']} effort"
        top = f"{now}. The target can't be reached{allowed}: {found['highest']:.2f} % is the highest"
        return f"{top}, by {fixes}." if found["steps"] else f"{top}."
    if not found["steps"]:
        return f"{now}. The target is reached: nothing is left to do for it."
    least = total["leastEffort"]
    if least is None:
        return f"{now}. The target takes {fixes}."
    proof = "no way takes less" if total["effort"] <= least else f"no way takes less than {least:,}"
    order = " in this order of risk" if found["by"] == "risk" else ""
    return f"{now}. The target takes {fixes}; {proof}{order}."


def _steps(found: Json, style: Style, most: int | None) -> Iterator[str]:
    yield style.paint(f"  {'score':>9}  {'gain':>6}  {'effort':>7}", "faint")
    shown = found["steps"][:most]
    for step in shown:
        before = f"  {step['scoreAfter']:>7.2f} %  "
        gain = style.signs(f"{pp(step['gain']):>6}")
        cost = f"  {step['effort']:>7,}  "
        under = " " * (len(before) + len(gain) + len(cost))
        lines = style.wrap(clean(step["title"], 1000), before + gain + cost, under)
        yield before + style.paint(gain, "up") + next(lines)[len(before) + len(gain) :]
        yield from lines
        yield from style.wrap(_about(step, found["by"]), under, under, "faint")
    if more := len(found["steps"]) - len(shown):
        yield from style.wrap(f"… and {count(more, 'step')} more (--all)", "  ", "  ", "faint")


def _about(step: Json, by: str) -> str:
    parts = [f"{step['hardest'].lower()} effort"]
    parts += [f"{step['severity'].lower()} severity"] if step["severity"] else []
    parts += [f"criticality {step['criticality']}"] if by == "risk" or step["criticality"] == "critical" else []
    if step["owners"]:
        first, *rest = (one["owner"] for one in step["owners"])
        parts.append(f"{'owner' if step['owner'] else 'owners'}: {first}{' and others' if rest else ''}")
    if step["subscriptions"] > 1:
        parts.append(f"in {count(step['subscriptions'], 'subscription')}")
    return clean("; ".join(parts), 400)


def _left(found: Json, style: Style) -> Iterator[str]:
    yield from style.wrap("What is left at the highest score (pp)", color="bold")
    for one in found["left"][:LARGEST]:
        why = [f"{one['tooMuchEffort']:,} take more effort"] if one["tooMuchEffort"] else []
        why += [f"of {one['notAssessed']:,} no assessment tells"] if one["notAssessed"] else []
        words = f"“{clean(one['title'])}”: {count(one['unhealthy'], 'resource')} ({', '.join(why)})"
        yield from style.wrap(words, f"  {pp(one['points']):>7}  ", " " * 11)


def _worth(found: Json, style: Style) -> Iterator[str]:
    """What is worth most, with what it is worth as a part of all."""
    for name, rows, told in (
        ("Controls", found["controls"], _control),
        ("Recommendations", found["recommendations"], _recommendation),
        ("Resources", found["resources"], _resource),
    ):
        if rows:
            yield ""
            yield from style.wrap(f"{name}, by what they are worth (pp)", color="bold")
        for one in rows[:LARGEST]:
            value = one["worth"] if "worth" in one else one["together"]
            yield from style.wrap(told(one), f"  {_fine(value):>7}  ", " " * 11)


def _fine(value: float) -> str:
    """A gain, with more digits where it is small."""
    return pp(value, 2 if value >= 0.1 else 4)


def _control(one: Json) -> str:
    each = f"{_fine(one['each']).strip()} each"
    return f"“{clean(one['title'])}”: {count(one['unhealthy'], 'resource')}, {each}"


def _recommendation(one: Json) -> str:
    alone = f"{_fine(one['alone']).strip()} alone" if one["alone"] else "nothing alone"
    return f"“{clean(one['title'])}” on {count(one['unhealthy'], 'resource')}: {alone}"


def _resource(one: Json) -> str:
    owner = f"; owner: {clean(one['owner'])}" if one["owner"] else ""
    return f"{resource(one['resource'])}: {count(one['fixes'], 'fix', 'fixes')}{owner}"

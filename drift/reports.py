"""Exemptions and coverage of a scope as text for people: see `drift.auditing`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from drift.engine import wording
from drift.engine.auditing.audit import FLAGS
from drift.engine.wording import clean, count
from drift.model import Json
from drift.terminal import Style
from drift.words import day, pp

MOST = 15
"""Lines of machines, of types and of what is absent."""

NAMES = 5
"""Machines in one line."""

_SHORT = {
    "expired": "ended and still there",
    "no_end": "without an end",
    "no_owner": "without an owner",
    "no_reason": "without a reason",
    "matches_nothing": "matching nothing",
    "new": "too new to show",
    "assignment_gone": "of an assignment that is gone",
    "not_of_benchmark": "not the benchmark's",
    "at_management_group": "at a management group",
    "selectors_not_evaluated": "with resource selectors",
}


def exemptions(found: Json, style: Style) -> str:
    """The exemptions as lines, each at most as wide as the style allows."""
    lines = [*_head("Exemptions of", found, style)]
    if found["difference"] is not None:
        scores = f"Score {found['score']:.2f} %, without exemptions {found['scoreWithout']:.2f} %"
        lines += style.wrap(f"{scores}: {pp(found['difference']).strip()} pp by them all ({found['assumes']}).")
    flagged = [f"{number:,} {_SHORT[name]}" for name, number in found["flags"].items() if number]
    words = count(len(found["value"]), "exemption") if found["value"] else "There is no exemption"
    lines += [*style.wrap(f"{words}{': ' if flagged else ''}{', '.join(flagged)}."), ""]
    several = len({one["id"] for row in found["value"] for one in row["subscriptions"]}) > 1
    for row in found["value"]:
        lines += _exemption(row, style, several=several)
    if found["unmatched"]["marks"]:
        share = found["unmatched"]["share"]
        number = style.signs(f"{'?' if share is None else pp(share):>7}")
        words = f"{count(found['unmatched']['marks'], 'exempt mark')} that no listed exemption explains"
        lines += style.wrap(words, f"  {number}  ", " " * 11)
    return _ended(lines, found, style)


def coverage(found: Json, style: Style) -> str:
    """What is looked at, and what not, as lines of the same kind."""
    total = found["total"]
    lines = [*_head("Coverage of", found, style)]
    lines += style.wrap(f"{count(total['subscriptions'], 'subscription')}, {total['scored']:,} with a score.")
    for one in found["subscriptions"]:
        if not one["scored"]:
            why = clean(one["reason"] or "its score counts nothing")
            lines += style.wrap(f"{clean(one['name'])}: no score: {why}", "  ", "    ")
    lines += ["", *_plans(total, style), *_machines(found, style), *_connectors(found, style), *_rest(found, style)]
    return _ended(lines, found, style)


def _head(what: str, found: Json, style: Style) -> Iterator[str]:
    name = "all subscriptions" if found["scope"] == "all" else clean(found["scope"])
    yield from style.wrap(f"{what} {name}", color="bold")
    if found["takenAt"]:
        yield from style.wrap(day(found["takenAt"]), color="faint")
    yield ""


def _ended(lines: list[str], found: Json, style: Style) -> str:
    notes = [line for note in found["notes"] for line in style.wrap(f"Note: {note}", "  ", "    ", "faint")]
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _exemption(row: Json, style: Style, *, several: bool) -> Iterator[str]:
    number = style.signs(f"{'?' if row['points'] is None else pp(row['points']):>7}")
    under = " " * (len(number) + 4)
    until = f"until {row['expires'][:10]}" if row["expires"] else "no end"
    title = f"“{clean(row['title'])}” ({row['category']}, {until}) on {_where(row['scope'])}"
    first, *rest = style.wrap(title, f"  {number}  ", under)
    yield f"  {style.paint(number, _color(row['points']))}{first[2 + len(number) :]}"
    yield from rest
    hides = row["hides"]
    controls = ", ".join(f"{clean(one['title'])} ({one['marks']:,})" for one in hides["byControl"][:3])
    more = f" and {len(hides['byControl']) - 3} more" if len(hides["byControl"]) > 3 else ""
    words = f"hides {count(hides['marks'], 'mark')} on {count(hides['resources'], 'resource')}"
    yield from style.wrap(f"{words}{': ' if controls else ''}{controls}{more}", under, under)
    made = row["made"] or {}
    who = f"made by {clean(made['by'])}" if made.get("by") else "who made it is not recorded"
    places = [clean(one["name"]) for one in row["subscriptions"]]
    told = [places[0] if len(places) == 1 else count(len(places), "subscription")] if several else []
    told += [f"{who}{f', {day(made["at"])}' if made.get('at') else ''}"]
    told += [f"owner: {clean(row['owner'])}"] if row["ownerFrom"] == "tag" else []
    told += [f"reason: {clean(row['reason'], 200)}"] if row["reason"] else []
    yield from style.wrap("; ".join(told), under, under, "faint")
    if row["flags"]:
        yield from style.wrap("; ".join(FLAGS[name] for name in row["flags"]), f"{under}! ", f"{under}  ", "down")


def _where(scope: Json) -> str:
    if scope["kind"] in ("managementGroup", "resourceGroup"):
        word = "management group" if scope["kind"] == "managementGroup" else "resource group"
        return f"{word} {clean(scope['id'].rpartition('/')[2])}"
    return wording.resource(scope["id"])


def _color(points: float | None) -> str:
    sign = pp(points or 0.0)[0]
    return "up" if sign == "+" else "down" if sign == "−" else "faint"


def _plans(total: Json, style: Style) -> Iterator[str]:
    if not total["plans"]:
        return
    yield from style.wrap("Defender plans", color="bold")
    for plan in sorted(total["plans"], key=lambda one: (-(one["uncovered"] or 0), -one["off"], one["name"])):
        words = f"on in {plan['on']:,}, off in {plan['off']:,}" if plan["on"] and plan["off"] else ""
        words = words or ("on" if plan["on"] else "off")
        uncovered = plan["uncovered"] or 0
        words += f": {count(uncovered, 'resource')} of its types without it" if uncovered else ""
        yield from style.wrap(f"{clean(plan['name'])}: {words}", "  ", "    ", "down" if uncovered else "")
    yield ""


def _machines(found: Json, style: Style) -> Iterator[str]:
    number = found["total"]["machines"]
    if not number["assessed"] and not number["notAssessed"]:
        return
    yield from style.wrap("Machines", color="bold")
    yield from style.wrap(f"{number['assessed']:,} assessed, {number['notAssessed']:,} not", "  ", "    ")
    alike: dict[tuple[bool, tuple[str, ...]], list[Json]] = {}
    for row in (one for sub in found["subscriptions"] for one in (sub["machines"] or {}).get("notAssessed", ())):
        alike.setdefault((row["noMark"], tuple(one["title"] for one in row["lacks"])), []).append(row)
    groups = sorted(alike.items(), key=lambda item: -len(item[1]))
    yield from _listed((_lacking(*key, rows) for key, rows in groups), len(groups), style)
    yield ""


def _lacking(no_mark: bool, titles: Sequence[str], rows: Sequence[Json]) -> str:
    """What some machines lack, and which they are."""
    lacks = ", ".join(f"“{clean(title)}”" for title in titles[:2])
    lacks += f" and {len(titles) - 2:,} more" if len(titles) > 2 else ""
    names = ", ".join(clean(row["id"].rpartition("/")[2]) for row in rows[:NAMES])
    names += f" and {len(rows) - NAMES:,} more" if len(rows) > NAMES else ""
    verb = ("has", "lacks") if len(rows) == 1 else ("have", "lack")
    what = f"{verb[0]} no mark at all" if no_mark else f"{verb[1]} {lacks}"
    return f"{count(len(rows), 'machine')} {what}: {names}"


def _connectors(found: Json, style: Style) -> Iterator[str]:
    every = [one for sub in found["subscriptions"] for one in sub["connectors"] or ()]
    sources = [one for sub in found["subscriptions"] for one in sub["sources"] or ()]
    off = [
        f"{clean(one['name'])} in {clean(sub['name'])}"
        for sub in found["subscriptions"]
        for one in sub["autoProvisioning"] or ()
        if not one["on"]
    ]
    if not every and not sources and not off:
        return
    yield from style.wrap("What feeds the assessments", color="bold")
    for one in every:
        health = clean(one["health"] or "health not known")
        yield from _source(f"connector {clean(one['name'])}: {health}", one, style)
    for one in sources:
        yield from _source(f"{clean(one['id'].rpartition('/')[2])}: {clean(one['health'])}", one, style)
    if off:
        yield from style.wrap(f"auto provisioning is off: {', '.join(off[:MOST])}", "  ", "    ")
        yield from style.wrap(f"and {len(off) - MOST:,} more", "    ") if len(off) > MOST else ()
    yield ""


def _source(words: str, one: Json, style: Style) -> Iterator[str]:
    about = [f"plans: {', '.join(map(clean, one['plans']))}"] if one["plans"] else []
    about += [f"issues: {', '.join(map(clean, one['issues']))}"] if one["issues"] else []
    bad = (one["health"] or "").lower() == "nothealthy"
    yield from style.wrap("; ".join([words, *about]), "  ", "    ", "down" if bad else "")


def _rest(found: Json, style: Style) -> Iterator[str]:
    if found["absent"]:
        yield from style.wrap("Absent where the plan is off (others with it have them)", color="bold")
        rows = (
            f"“{clean(one['title'])}”: {count(one['resources'], 'resource')} of type {clean(one['type'])}, "
            f"{clean(one['plan'])} off in {count(len(one['subscriptions']), 'subscription')}"
            for one in found["absent"]
        )
        yield from _listed(rows, len(found["absent"]), style)
        yield ""
    if found["unassessedTypes"]:
        yield from style.wrap("Types that no recommendation assesses", color="bold")
        types = (f"{clean(one['type'])}: {count(one['resources'], 'resource')}" for one in found["unassessedTypes"])
        yield from _listed(types, len(found["unassessedTypes"]), style)


def _listed(rows: Iterable[str], number: int, style: Style) -> Iterator[str]:
    for _, row in zip(range(MOST), rows, strict=False):
        yield from style.wrap(row, "  ", "    ")
    if number > MOST:
        yield f"  and {number - MOST:,} more"

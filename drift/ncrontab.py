"""NCRONTAB, the schedules of Azure's timers: second minute hour day month weekday."""

from __future__ import annotations

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 6, _DAYS),
)
_PART = re.compile(r"(?:\*|([a-z]+|\d+)(?:-([a-z]+|\d+))?)(?:/([1-9]\d{0,2}))?", re.ASCII)


def wrong(expression: str) -> str | None:
    """What is wrong with a schedule of six fields; None if nothing is."""
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        return f"has {len(fields)} fields; NCRONTAB has six, the first for seconds"
    for text, (what, lowest, highest, names) in zip(fields, _FIELDS, strict=True):
        if not all(_is_good(part.lower(), lowest, highest, names) for part in text.split(",")):
            return f"{text[:30]!r} is no {what}: {lowest} to {highest}, *, a range, steps or a list"
    return None


def _is_good(part: str, lowest: int, highest: int, names: tuple[str, ...]) -> bool:
    match = _PART.fullmatch(part)
    if match is None:
        return False
    ends = [_number(end, lowest, names) for end in match.group(1, 2) if end is not None]
    return ends == sorted(ends) and all(lowest <= end <= highest for end in ends)


def _number(end: str, lowest: int, names: tuple[str, ...]) -> int:
    """The number of a value, -1 for none: 4, `apr` or `April`."""
    if end.isdigit():
        return int(end) if len(end) < 4 else -1
    return names.index(end[:3]) + lowest if end[:3] in names else -1

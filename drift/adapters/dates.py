"""The dates that Azure writes, to ticks of 100 ns: millions at once, or one."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from drift.model import HOUR, NEVER, Longs, moment, ticks

_FRACTION = re.compile(r"(:\d\d)[.,](\d+)")
_SECOND = HOUR // 3600
_MONTH = re.compile(r"(\d\d)/(\d{4})", re.ASCII)
_SEPARATORS = {4: ord("-"), 7: ord("-"), 10: ord("T"), 13: ord(":"), 16: ord(":")}
_DIGITS = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]
_LAST_DAY = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.uint8)


def column(texts: list[str]) -> Longs:
    """ISO 8601 dates to ticks, in order; NEVER for an empty one. Raises ValueError naming the first that is no date.

    `2026-03-02T06:00:00.1234567Z` in all its lengths is read for the whole column at once; other forms one by one.
    """
    out = np.full(len(texts), NEVER, np.int64)
    of_length: dict[int, list[int]] = {}
    if len(set(map(len, texts))) > 1:
        for row, text in enumerate(texts):
            of_length.setdefault(len(text), []).append(row)
    elif texts:
        of_length[len(texts[0])] = list(range(len(texts)))
    for length, rows in of_length.items():
        if length == 0:
            continue
        chosen = texts if len(rows) == len(texts) else [texts[row] for row in rows]
        data = "".join(chosen).encode("ascii", "replace")
        parsed, good = _parse(np.frombuffer(data, np.uint8).reshape(len(rows), length))
        for place in np.flatnonzero(~good).tolist():
            parsed[place] = one(chosen[place])
        out[rows] = parsed
    return out


def _parse(text: NDArray[np.uint8]) -> tuple[Longs, NDArray[np.bool_]]:
    """Rows of equal length to ticks, and which of them had the common form."""
    rows, length = text.shape
    good = np.full(rows, 20 <= length <= 28 and length != 21)
    if not good.any():
        return np.zeros(rows, np.int64), good
    place = np.ascontiguousarray(text.T)  # a place of all rows side by side: each step below is one pass
    for at, byte in _SEPARATORS.items():
        good &= place[at] == byte
    good &= place[-1] == ord("Z")
    digit = place - np.uint8(ord("0"))  # what is no digit wraps to more than 9
    fraction = range(20, length - 1)
    good &= digit[[*_DIGITS, *fraction]].max(axis=0) <= 9
    if fraction:
        good &= place[19] == ord(".")

    def pair(at: int) -> NDArray[np.uint8]:
        return digit[at] * np.uint8(10) + digit[at + 1]

    month, day, hour, minute, second = (pair(at) for at in (5, 8, 11, 14, 17))
    year = pair(0).astype(np.int32) * 100 + pair(2)
    good &= (year >= 1) & (month <= 12) & (day >= 1) & (hour <= 23) & (minute <= 59) & (second <= 59)
    good &= day <= _LAST_DAY[np.minimum(month, 12)]  # 29 February goes to the careful reader, and month 0 nowhere
    seconds = _days(year, month.astype(np.int32), day.astype(np.int32)).astype(np.int64) * 86400
    seconds += hour.astype(np.int32) * 3600 + minute.astype(np.int32) * 60 + second
    return seconds * _SECOND + _fraction(digit, fraction), good


def _fraction(digit: NDArray[np.uint8], places: range) -> NDArray[np.int32] | int:
    """Seven places after the point as ticks; places that are not written are 0."""
    value: NDArray[np.int32] | int = 0
    for at in places:
        value = value * 10 + digit[at].astype(np.int32)
    return value * 10 ** (7 - len(places))


def _days(year: NDArray[np.int32], month: NDArray[np.int32], day: NDArray[np.int32]) -> NDArray[np.int32]:
    """Days from 1970-01-01 in the Gregorian calendar, counted in years that begin in March."""
    late = (month <= 2).astype(np.int32)
    year = year - late
    of_year = (153 * (month + 12 * late - 3) + 2) // 5 + day - 1
    return 365 * year + year // 4 - year // 100 + year // 400 + of_year - 719468


def one(text: str) -> int:
    """One ISO 8601 date to ticks; without an offset it is UTC. Raises ValueError if it is none."""
    fraction = _FRACTION.search(text)
    try:
        read = datetime.fromisoformat((_FRACTION.sub(r"\1", text) if fraction else text).strip())
        tick = ticks(read if read.tzinfo else read.replace(tzinfo=UTC))
        moment(tick)
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:40]!r} is not a date") from None
    return tick + (int(fraction[2][:7].ljust(7, "0")) if fraction else 0)


def perhaps(text: str | None) -> int:
    """One ISO 8601 date to ticks; NEVER for anything else: of a field in which people may write what they like."""
    try:
        return one(text or "")
    except ValueError:
        return NEVER


def month(text: str | None) -> int:
    """`MM/YYYY`, as `plannedDeprecationDate` has it: the first tick of the month; NEVER for anything else."""
    found = _MONTH.fullmatch(text or "")
    try:
        return NEVER if found is None else ticks(datetime(int(found[2]), int(found[1]), 1, tzinfo=UTC))
    except ValueError:
        return NEVER


def written(tick: int) -> str | None:
    """A tick as Azure writes dates, to 100 ns; None for NEVER."""
    if tick == NEVER:
        return None
    whole = moment(tick).replace(microsecond=0, tzinfo=None).isoformat()
    return f"{whole}.{tick % 10_000_000:07d}Z"


def american(text: str | None) -> int:
    """`MM/DD/YYYY`, with or without a time, as `publishDates` has it; NEVER for anything else."""
    for form in ("%m/%d/%Y", "%m/%d/%Y %H:%M:%S"):
        try:
            return ticks(datetime.strptime((text or "").strip(), form).replace(tzinfo=UTC))
        except ValueError:
            continue
    return NEVER

"""Six-field NCRONTAB expressions, as timer triggers have them: second minute hour day month weekday, in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(r"(?:(?P<all>\*)|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?")
_HORIZON = timedelta(days=366 * 9)  # the longest wait is for 29 February over a century without one: 8 years


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()

    def read(self, text: str) -> frozenset[int]:
        return frozenset(value for part in text.split(",") for value in self._part(part))

    def _part(self, text: str) -> range:
        match = _PART.fullmatch(text)
        if match is None:
            raise ValueError(f"{self.name} {text!r} is not *, a value, a range or a step")
        step = int(match["step"] or 1)
        if match["all"]:
            first, last = self.lowest, self.highest
        else:
            first = self._value(match["first"])
            # 5/15 is from 5 on in steps of 15, as * is from the lowest on
            last = self._value(match["last"]) if match["last"] else self.highest if match["step"] else first
        if step < 1 or first > last:
            raise ValueError(f"{self.name} {text!r} counts backwards or not at all")
        return range(first, last + 1, step)

    def _value(self, text: str) -> int:
        if self.names and not text.isdigit():
            for index, name in enumerate(self.names):
                if text.lower()[:3] == name:  # MON, Monday
                    return index + self.lowest
        if not text.isdecimal() or not self.lowest <= int(text) <= self.highest:
            raise ValueError(f"{self.name} {text!r} is not from {self.lowest} to {self.highest}")
        return int(text)


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 6, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a timer is due. Day and weekday must both match, as in NCRONTAB and unlike in cron."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @classmethod
    def read(cls, expression: str) -> Self:
        """Raises ValueError, naming the expression and the field that is wrong. Five fields are without seconds."""
        fields = expression.split()
        if len(fields) == len(_FIELDS) - 1:
            fields.insert(0, "0")
        if len(fields) != len(_FIELDS):
            raise ValueError(f"schedule {expression!r} has {len(fields)} fields, NCRONTAB has six")
        try:
            return cls(*(field.read(text) for field, text in zip(_FIELDS, fields, strict=True)))
        except ValueError as error:
            raise ValueError(f"schedule {expression!r}: {error}") from None

    def after(self, moment: datetime) -> datetime:
        """The first time strictly after `moment` (aware) that is due, in UTC; ValueError when there is none."""
        at = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        end = at + _HORIZON
        while at < end:
            if at.month not in self.months or at.day not in self.days or at.isoweekday() % 7 not in self.weekdays:
                at = at.replace(hour=0, minute=0, second=0) + timedelta(days=1)
            elif at.hour not in self.hours:
                at = at.replace(minute=0, second=0) + timedelta(hours=1)
            elif at.minute not in self.minutes:
                at = at.replace(second=0) + timedelta(minutes=1)
            elif at.second not in self.seconds:
                at += timedelta(seconds=1)
            else:
                return at
        raise ValueError(f"no day of this schedule comes before {end:%Y-%m-%d}")

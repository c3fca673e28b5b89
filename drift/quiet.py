"""Quiet hours: when nothing is posted to Teams. The topic knows no quiet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from drift.model import moment, ticks

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_NAMED = re.compile(rf"(?:{'|'.join(DAYS)})(?:,(?:{'|'.join(DAYS)}))*")
_LOOKED = 9
"""Days before and after a moment in which its edges are looked for: whole days can be quiet, at most six in a row."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of each day by the clocks of a zone, over midnight where they end before they begin, and whole days.

    `hours` is None where only days are quiet. Days are numbered from Monday, 0.
    """

    hours: tuple[time, time] | None
    days: frozenset[int]
    zone: ZoneInfo

    def holds(self, now: int) -> bool:
        """Whether it is quiet at a tick."""
        local = moment(now).astimezone(self.zone)
        if local.weekday() in self.days:
            return True
        if self.hours is None:
            return False
        (begin, end), clock = self.hours, local.time()
        return begin <= clock < end if begin < end else clock >= begin or clock < end

    def over(self, since: int, now: int) -> tuple[int, int] | None:
        """The last quiet time that ended in (since, now], from when until when; None if there was none."""
        edges = sorted(self._edges(now))
        ends = [at for at in edges if since < at <= now and not self.holds(at) and self.holds(at - 1)]
        if not ends:
            return None
        begins = [at for at in edges if at < ends[-1] and self.holds(at) and not self.holds(at - 1)]
        return (begins[-1] if begins else since, ends[-1])

    def _edges(self, now: int) -> Iterator[int]:
        """Where quiet can begin or end around a tick: at its hours, and at midnight."""
        today = moment(now).astimezone(self.zone).date()
        for day in range(-_LOOKED, 2):
            for clock in {time(0), *(self.hours or ())}:
                yield ticks(datetime.combine(today + timedelta(days=day), clock, self.zone))


def read(text: str) -> Quiet:
    """`20:00-07:00 Sat,Sun Europe/Berlin`: hours, days or both, and a zone, else UTC. Raises ValueError, saying why."""
    parts = text.split()
    hours, days = None, frozenset[int]()
    if parts and (found := _HOURS.fullmatch(parts[0])):
        begin, begins, end, ends = map(int, found.groups())
        hours = time(begin, begins), time(end, ends)
        if hours[0] == hours[1]:
            raise ValueError("the hours end as they begin")
        parts = parts[1:]
    if parts and _NAMED.fullmatch(parts[0].lower()):
        days = frozenset(DAYS.index(day) for day in parts[0].lower().split(","))
        parts = parts[1:]
    if (hours is None and not days) or len(parts) > 1:
        raise ValueError("is not like 20:00-07:00 Sat,Sun Europe/Berlin: hours, days or both, then a time zone")
    if len(days) == len(DAYS):
        raise ValueError("all days are quiet: nothing would ever be told")
    return Quiet(hours, days, _zone(parts[0] if parts else "UTC"))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, not a name at all, or a folder of names
        raise ValueError("there is no such time zone") from None

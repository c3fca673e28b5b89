"""NCRONTAB expressions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from demo.host.timers import Schedule


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        ("0 0 * * * *", "2026-03-02T10:00:00", "2026-03-02T11:00:00"),  # strictly after
        ("0 20 * * * *", "2026-03-02T10:19:59", "2026-03-02T10:20:00"),
        ("*/15 * * * * *", "2026-03-02T10:00:15", "2026-03-02T10:00:30"),
        ("0 5/20 * * * *", "2026-03-02T10:46:00", "2026-03-02T11:05:00"),  # 5, 25, 45
        ("0 10-30/10 * * * *", "2026-03-02T10:30:00", "2026-03-02T11:10:00"),
        ("0 0 6,18 * * *", "2026-03-02T06:00:00", "2026-03-02T18:00:00"),
        ("0 0 7 * * MON-FRI", "2026-03-06T07:00:00", "2026-03-09T07:00:00"),
        ("0 0 7 * * sunday", "2026-03-06T07:00:00", "2026-03-08T07:00:00"),
        ("0 0 7 * * 0", "2026-03-06T07:00:00", "2026-03-08T07:00:00"),
        ("0 0 0 1 JAN *", "2026-01-01T00:00:00", "2027-01-01T00:00:00"),
        ("0 0 0 29 FEB *", "2026-03-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 0 13 * FRI", "2026-03-13T00:00:00", "2026-11-13T00:00:00"),  # day and weekday: both
        ("59 59 23 31 12 *", "2026-12-31T23:59:58.999", "2026-12-31T23:59:59"),
        ("30 5 * * *", "2026-03-02T05:30:00", "2026-03-03T05:30:00"),  # five fields: no seconds
    ],
)
def test_a_schedule_is_next_due(expression: str, after: str, due: str) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert Schedule.read(expression).after(moment) == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_a_schedule_is_read_in_utc() -> None:
    here = datetime(2026, 3, 2, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert Schedule.read("0 0 0 * * *").after(here) == datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("0 0 * * *  * *", "has 7 fields"),
        ("01:00:00", "has 1 fields"),  # a TimeSpan, which only App Service plans take
        ("0 60 * * * *", "minute '60' is not from 0 to 59"),
        ("0 0 0 0 * *", "day '0'"),
        ("0 0 0 * * 7", "weekday '7'"),
        ("0 0 0 * FOO *", "month 'FOO'"),
        ("0 MON * * * *", "minute 'MON'"),
        ("0 */0 * * * *", "counts backwards or not at all"),
        ("0 30-10 * * * *", "counts backwards"),
        ("0 1,,2 * * * *", "minute ''"),
        ("", "has 0 fields"),
    ],
)
def test_a_wrong_schedule_is_named_with_its_field(expression: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Schedule.read(expression)


def test_a_day_that_never_comes_is_an_error() -> None:
    with pytest.raises(ValueError, match="no day of this schedule"):
        Schedule.read("0 0 0 30 FEB *").after(datetime(2026, 3, 2, tzinfo=UTC))

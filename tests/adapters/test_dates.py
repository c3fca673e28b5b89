"""Dates as Azure writes them, to ticks of 100 ns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.adapters import dates
from drift.model import DAY, HOUR, NEVER, ticks

SECOND = HOUR // 3600
NOON = ticks(datetime(2026, 3, 2, 12, tzinfo=UTC))


def told(text: str) -> int | str:
    """The tick, or that there is none."""
    try:
        return dates.one(text)
    except ValueError:
        return "no date"


def told_at_once(text: str) -> int | str:
    try:
        return int(dates.column([text])[0])
    except ValueError:
        return "no date"


MOMENTS = st.datetimes(timezones=st.just(UTC)).filter(lambda moment: 1 < moment.year < 9999)
FORMS = ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%S.%f0Z", "%Y-%m-%dT%H:%M:%S+00:00", "%Y-%m-%d"]


def written(moment: datetime, form: str) -> str:
    return moment.strftime(form.replace("%Y", f"{moment.year:04}"))


@given(st.lists(st.one_of(st.builds(written, MOMENTS, st.sampled_from(FORMS)), st.just(""))))
def test_a_column_equals_its_dates_one_by_one(texts):
    assert dates.column(texts).tolist() == [dates.one(text) if text else NEVER for text in texts]


@given(st.builds(written, MOMENTS, st.sampled_from(FORMS)), st.integers(0, 40), st.sampled_from("0123456789-:TZ. +é/"))
def test_a_date_with_one_wrong_letter_is_read_the_same_at_once_and_alone(text, place, letter):
    place %= len(text)
    changed = text[:place] + letter + text[place + 1 :]
    assert told_at_once(changed) == told(changed)


@given(MOMENTS)
def test_a_moment_comes_back_from_what_is_written(moment):
    assert dates.one(written(moment, FORMS[1])) == dates.column([written(moment, FORMS[1])])[0] == ticks(moment)


@pytest.mark.parametrize(
    ("fraction", "parts"),
    [("", 0), (".5", 5_000_000), (".12", 1_200_000), (".123456", 1_234_560), (".1234567", 1_234_567), (".0000001", 1)],
)
def test_a_column_keeps_seven_digits(fraction, parts):
    assert dates.column([f"2026-03-02T12:00:00{fraction}Z"])[0] == NOON + parts


@pytest.mark.parametrize("text", ["2026-03-02T12:00:00.1234567Z", "2026-03-02T12:00:00.0000001Z"])
def test_the_seventh_digit_is_the_same_whichever_way_the_date_is_read(text):
    """Azure writes `…7Z` and, after a detour through .NET, `…7+00:00`: the same moment."""
    assert dates.column([text.replace("Z", "+00:00")])[0] == dates.column([text])[0] == dates.one(text)


def test_a_leap_day_keeps_seven_digits_too():
    leap = ticks(datetime(2024, 2, 29, 12, tzinfo=UTC))
    assert dates.column(["2024-02-29T12:00:00.1234567Z"])[0] == leap + 1_234_567


@pytest.mark.parametrize("text", ["2024-02-29T00:00:00Z", "2000-02-29T00:00:00Z", "2024-12-31T23:59:59Z"])
def test_a_leap_day_is_a_day(text):
    assert dates.column([text, "2024-03-01T00:00:00Z"])[0] == ticks(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "2026",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-00-10T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-01-01T25:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00X",
        "2026-01-01T00:00:0éZ",
        "２０２６-01-01T00:00:00Z",
        "03/02/2026",
        "\0" * 20,
    ],
)
def test_what_is_no_date_is_named(text):
    for read in (dates.one, lambda bad: dates.column(["2026-01-01T00:00:00Z", bad, "2026-01-01T00:00:00Z"])):
        with pytest.raises(ValueError, match="is not a date") as raised:
            read(text)
        assert repr(text)[:12] in str(raised.value)


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00"])
def test_a_date_beyond_the_calendar_is_a_date_or_none_but_no_other_error(text):
    assert told(text) == told_at_once(text)


@pytest.mark.parametrize("hours", [-12, -7, 0, 1, 14])
def test_an_offset_is_reckoned_with(hours):
    zone = timezone(timedelta(hours=hours))
    text = datetime.fromtimestamp(1_772_452_800, zone).isoformat()
    assert text.endswith(":00")
    assert dates.column([text])[0] == dates.one(text) == NOON


def test_a_date_without_offset_is_utc():
    assert dates.column(["2026-03-02T12:00:00"])[0] == dates.one("2026-03-02 12:00:00") == NOON


def test_no_date_is_never():
    assert dates.column(["", "2026-03-02T12:00:00Z", ""]).tolist() == [NEVER, NOON, NEVER]
    assert dates.column([]).tolist() == []


@pytest.mark.parametrize(
    ("text", "tick"),
    [
        ("03/02/2026", NOON - DAY // 2),
        ("3/2/2026", NOON - DAY // 2),
        (" 03/02/2026 ", NOON - DAY // 2),
        ("03/02/2026 12:00:00", NOON),
        ("02/29/2024", ticks(datetime(2024, 2, 29, tzinfo=UTC))),
        ("02/29/2026", NEVER),
        ("30/12/2026", NEVER),
        ("Coming soon", NEVER),
        ("", NEVER),
        (None, NEVER),
    ],
)
def test_publish_dates_are_american(text, tick):
    assert dates.american(text) == tick


@pytest.mark.parametrize(
    ("text", "tick"),
    [
        ("03/2026", ticks(datetime(2026, 3, 1, tzinfo=UTC))),
        ("12/2030", ticks(datetime(2030, 12, 1, tzinfo=UTC))),
        ("3/2026", NEVER),
        ("13/2026", NEVER),
        ("00/2026", NEVER),
        ("01/0000", NEVER),
        ("03/01/2026", NEVER),
        ("2026-03-01", NEVER),
        ("\u0660\u0663/2026", NEVER),
        (" 03/2026\n", NEVER),
        ("", NEVER),
        (None, NEVER),
    ],
)
def test_a_planned_deprecation_is_the_first_of_its_month(text, tick):
    assert dates.month(text) == tick


@pytest.mark.parametrize("text", ["soon", "", None, "03/2026", "2026-13-01T00:00:00Z"])
def test_what_may_be_a_date_and_is_none_is_never(text):
    assert dates.perhaps(text) == NEVER
    assert dates.perhaps("2026-03-02T12:00:00Z") == NOON


def test_an_american_date_is_no_iso_date():
    with pytest.raises(ValueError, match="03/02/2026"):
        dates.one("03/02/2026")


def test_ticks_are_a_hundred_nanoseconds():
    assert dates.one("1970-01-01T00:00:01Z") == SECOND == 10_000_000
    assert dates.one("1969-12-31T23:59:59Z") == -SECOND

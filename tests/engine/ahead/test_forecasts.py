"""The register of what was said to come: opened once, followed, settled or withdrawn, late once."""

from __future__ import annotations

from typing import Any

import pytest

from drift.actors import NEVER, Actor
from drift.adapters.packing import pack, unpack
from drift.engine.accounts import Account
from drift.engine.ahead.forecasts import MOST, accuracy, advance, loud, news, told
from drift.engine.segments import Segment
from drift.engine.where import together
from drift.forecast import Forecast
from drift.kinds import Kind
from drift.model import DAY, HOUR, Cause

T = 1_000 * DAY
SUB = "11111111-1111-1111-1111-111111111111"
ANA = {"actor": "Ana Lopez", "type": "user", "id": "a-1"}


def entry(share: float | None = 1.0, subject: str = "Key", kind: str = "remediation") -> dict[str, Any]:
    """As a segment has it of what is pending or foretold."""
    title = f"“{subject}”: fixed"
    return {"kind": kind, "subject": subject, "scope": SUB, "subscription": "sub-prod", "title": title} | {
        "share": share,
        "actors": [ANA],
    }


def account(share: float, subject: str = "Key", kind: Kind = Kind.REMEDIATION, control: str = "c") -> Account:
    return Account(Cause(kind, subject, SUB), share=share, controls={control: [share]})


def segment(
    pending: list[Any] | None = None,
    foretold: list[Any] | None = None,
    accounts: tuple[Account, ...] = (),
    after: float | None = 50.0,
) -> Segment:
    ends = ({"percentage": 50.0}, {"percentage": after})
    nothing: dict[str, Any] = {"unscored": [], "remarks": {}, "missing": {}, "controls": {}, "names": {}}
    return Segment(
        SUB, "s", *ends, accounts, together([]), pending or [], reasons=("", ""), foretold=foretold or [], **nothing
    )


def step(known: tuple[Forecast, ...], at: int, least: float = 0.5, **now: Any) -> tuple[Any, Any]:
    return advance(known, segment(**now), at, least)


def test_what_is_foretold_opens_a_forecast_with_who_did_it_and_until_when():
    known, changed = step((), T, foretold=[entry(0.7)])
    (one,) = known
    assert changed == known
    assert (one.state, one.expected, one.opened, one.due, one.realised) == ("open", 0.7, T, T + DAY, 0)
    assert one.actors == (Actor("user", "Ana Lopez", "a-1"),)
    assert told(one)["actors"] == [ANA]


def test_pending_and_foretold_of_one_cause_are_one_forecast_of_both_shares():
    (one,), _ = step((), T, pending=[entry(0.25)], foretold=[entry(0.5)])
    assert one.expected == 0.75


def test_an_unknown_share_makes_the_expectation_unknown():
    (one,), changed = step((), T, least=0, foretold=[entry(None)])
    assert one.expected is None
    assert not loud(changed, T)


def test_what_stays_as_it_is_changes_nothing():
    known, _ = step((), T, foretold=[entry(0.7)])
    assert step(known, T + HOUR, foretold=[entry(0.7 + 1e-12)]) == (known, ())


def test_a_foretold_share_that_becomes_pending_is_the_same_forecast():
    known, _ = step((), T, foretold=[entry(0.7)])
    assert step(known, T + HOUR, pending=[entry(0.7)]) == (known, ())


def test_a_cause_is_the_same_in_any_case():
    known, _ = step((), T, foretold=[entry(0.7, "KEY")])
    assert step(known, T + HOUR, foretold=[entry(0.7, "KEY")])[1] == ()
    still, (one,) = step(known, T + HOUR, accounts=(account(0.7, "key"),))
    assert (still, one.state) == ((), "settled")


def test_what_comes_about_settles_with_what_came():
    known, _ = step((), T, foretold=[entry(0.7)])
    still, (one,) = step(known, T + HOUR, accounts=(account(0.6),))
    assert still == ()
    assert (one.state, one.realised, one.expected, one.settled_at) == ("settled", 0.6, 0.7, T + HOUR)


def test_what_comes_in_parts_is_summed_and_its_expectation_stays_what_it_was_before():
    known, _ = step((), T, foretold=[entry(0.9)])
    known, changed = step(known, T + HOUR, pending=[entry(0.4)], accounts=(account(0.5),))
    assert changed == ()
    assert (known[0].expected, known[0].realised) == (0.9, 0.5)
    _, (one,) = step(known, T + 2 * HOUR, accounts=(account(0.4),))
    assert (one.expected, one.realised) == (0.9, pytest.approx(0.9))


def test_the_expectation_is_the_last_before_anything_came():
    known, _ = step((), T, foretold=[entry(0.9)])
    known, _ = step(known, T + HOUR, foretold=[entry(0.5)])
    assert known[0].expected == 0.5


def test_what_is_no_longer_to_come_and_never_came_is_withdrawn():
    known, _ = step((), T, foretold=[entry(0.7)])
    still, (one,) = step(known, T + HOUR, accounts=(account(0.7, "another"),))
    assert (still, one.state, one.realised, one.late) == ((), "withdrawn", 0, False)


def test_what_was_to_move_nothing_and_came_is_settled():
    known, _ = step((), T, pending=[entry(0.0)])
    _, (one,) = step(known, T + HOUR, accounts=(account(0.0),))
    assert (one.state, one.realised) == ("settled", 0)


def test_what_has_not_come_in_time_is_late_once():
    known, _ = step((), T, foretold=[entry(0.7)])
    assert step(known, T + DAY, foretold=[entry(0.7)])[1] == ()
    known, changed = step(known, T + DAY + 1, foretold=[entry(0.7)])
    assert [(one.state, one.late) for one in changed] == [("open", True)]
    assert step(known, T + 2 * DAY, foretold=[entry(0.7)]) == (known, ())
    _, (one,) = step(known, T + 3 * DAY, accounts=(account(0.7),))
    assert (one.state, one.late) == ("settled", True)


def test_what_the_counts_never_showed_is_unexplained_and_not_realised():
    known, _ = step((), T, pending=[entry(0.7)])
    lack = account(-0.7, "c", Kind.UNEXPLAINED)
    _, (one,) = step(known, T + HOUR, accounts=(account(0.7), lack))
    assert (one.state, one.late) == ("withdrawn", True)
    assert one.realised == pytest.approx(0)
    assert news([one], T + HOUR)["overdue"] == [told(one)]


def test_what_the_counts_show_in_part_is_realised_in_part():
    known, _ = step((), T, pending=[entry(0.6), entry(0.3, "Other")])
    lack = account(-0.3, "c", Kind.UNEXPLAINED)
    _, changed = step(known, T + HOUR, accounts=(account(0.6), account(0.3, "Other"), lack))
    assert [one.realised for one in changed] == [pytest.approx(0.4), pytest.approx(0.2)]
    assert {one.state for one in changed} == {"settled"}


def test_what_is_unexplained_elsewhere_or_the_same_way_takes_nothing_from_what_came():
    known, _ = step((), T, pending=[entry(0.6)])
    others = account(-0.6, "d", Kind.UNEXPLAINED, "d"), account(0.6, "c", Kind.UNEXPLAINED)
    _, (one,) = step(known, T + HOUR, accounts=(account(0.6), *others))
    assert one.realised == 0.6


def test_a_plan_that_ends_the_score_has_come_when_the_score_is_gone():
    plan, other = entry(None, "FoundationalCspm", "plan_disabled"), entry(0.2)
    known, _ = step((), T, foretold=[plan, other])
    still, changed = step(known, T + HOUR, after=None)
    assert still == ()
    assert {one.subject: one.state for one in changed} == {"FoundationalCspm": "settled", "Key": "withdrawn"}


# What is announced


def test_a_large_expectation_is_announced_once():
    known, changed = step((), T, foretold=[entry(-0.5), entry(0.49, "Small")])
    assert loud(changed, T)
    assert [one.told_at for one in known] == [T, NEVER]
    _, again = step(known, T + HOUR, foretold=[entry(-0.5), entry(0.49, "Small")])
    assert not loud(again, T + HOUR)


def test_an_expectation_that_grows_is_announced_when_it_is_large():
    known, changed = step((), T, foretold=[entry(0.1)])
    assert not loud(changed, T)
    known, changed = step(known, T + HOUR, foretold=[entry(0.8)])
    assert loud(changed, T + HOUR)
    assert [one["expected"] for one in news(changed, T + HOUR)["opened"]] == [0.8]


def test_nothing_expected_is_never_announced():
    _, changed = step((), T, least=0, pending=[entry(0.0)])
    assert not loud(changed, T)


@pytest.mark.parametrize(("share", "expected"), [(0.7, True), (0.1, False)])
def test_what_is_late_is_announced_if_it_was_announced_before(share: float, expected: bool):
    known, _ = step((), T, foretold=[entry(share)])
    _, changed = step(known, T + DAY + 1, foretold=[entry(share)])
    assert loud(changed, T + DAY + 1) is expected


def test_news_name_the_largest_and_count_the_rest():
    entries = [entry(0.1 * number, f"k{number}") for number in range(1, 9)] + [entry(None, "unknown")]
    _, changed = step((), T, foretold=entries)
    found = news(changed, T)
    assert [one["subject"] for one in found["opened"]] == ["k8", "k7", "k6", "k5", "k4"]
    assert found["left"] == {"opened": 9 - MOST, "overdue": 0, "settled": 0}
    assert news(changed, T + 1)["opened"] == []


# How well it was told


def forecast(expected: float | None, realised: float, **more: Any) -> Forecast:
    known: dict[str, Any] = {"state": "settled", "settled_at": T + HOUR} | more
    return Forecast("remediation", "k", SUB, "s", "t", (), T, expected, realised, **known)


def test_accuracy_is_of_what_is_settled():
    found = accuracy(
        [
            forecast(1.0, 0.5),
            forecast(1.0, 1.25, settled_at=T + 2 * DAY, overdue_at=T + 2 * DAY),
            forecast(None, 3.0),
            forecast(9.0, 0.0, state="withdrawn"),
            forecast(9.0, 0.0, state="open", settled_at=NEVER),
        ]
    )
    assert found == {
        "settled": 3,
        "meanAbsoluteError": pytest.approx(0.375),
        "bias": pytest.approx(-0.125),
        "inTime": pytest.approx(2 / 3),
        "withdrawn": 1,
        "overdue": 1,
    }


def test_accuracy_of_nothing_is_null():
    found = accuracy([])
    assert found["meanAbsoluteError"] is found["bias"] is found["inTime"] is None


def test_a_forecast_is_read_as_it_was_stored():
    (one,), _ = step((), T, foretold=[entry(None)])
    assert unpack(pack(one), Forecast) == one

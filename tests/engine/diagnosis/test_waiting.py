"""What is done and not in the score yet, and when the score will move."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.build import SUB, Estate, at, count, estate, exemption, iso, key, mark, policy_id, resource
from tests.engine.diagnosis.asking import reasons, why
from tests.explained import own
from tests.happenings import event

BASE = estate(
    controls={"c": (10, ["a", "b"]), "d": (4, ["d"])},
    marks={
        **{(f"vm{n}", "a"): "Unhealthy" for n in range(1, 5)},
        **{(f"vm{n}", "a"): "Healthy" for n in range(5, 9)},
        **{(f"vm{n}", "d"): "Healthy" if n > 2 else "Unhealthy" for n in range(1, 9)},
    },
)


def uncounted(before: Estate, hours: float = 8, **changes: Any) -> Estate:
    """The next folder, with its counts as before."""
    return before.but(hours=hours, counts=before.world.counts or count(before.world), **changes)


FIXED = uncounted(BASE, marks={("vm1", "a"): "Healthy"})


def bounds(reason: dict[str, Any]) -> tuple[datetime, datetime]:
    return tuple(datetime.fromisoformat(reason["movesBy"][end]) for end in ("earliest", "latest"))  # type: ignore[return-value]


def state(name: str, rec: str, when: datetime, **options: Any):
    detail = {"complianceState": "Compliant", "policyDefinitionId": policy_id(rec).lower()}
    options = {"category": "policy_state", "action": "state", "detail": detail} | options
    return event(name, when, by=None, **options)


def test_what_is_assessed_and_not_counted_comes_first():
    (first, *_) = why(BASE, FIXED, rec="a")["reasons"]
    assert (first["reason"], first["confidence"], first["count"]) == ("refresh_pending", "confirmed", 1)
    assert first["subscriptions"] == [SUB]
    assert first["resources"] == [resource("vm1")]
    assert first["effect"] == pytest.approx(own([FIXED, FIXED.but(counts={"c": (5, 8), "d": (6, 8)})])["movement"])


def test_one_folder_is_enough():
    assert next(iter(reasons(FIXED))) == "refresh_pending"


@pytest.mark.parametrize("asked", [{"rec": "d"}, {"res": "vm2"}, {"rec": "a", "res": "vm2"}])
def test_what_is_under_way_elsewhere_is_no_reason(asked):
    assert "refresh_pending" in reasons(BASE, FIXED)
    assert "refresh_pending" not in reasons(BASE, FIXED, **asked)


def test_what_is_counted_is_no_reason():
    assert "refresh_pending" not in reasons(BASE, BASE.but(marks={("vm1", "a"): "Healthy"}), rec="a")


def test_what_is_to_fall_is_no_reason():
    assert "refresh_pending" not in reasons(BASE, uncounted(BASE, marks={("vm5", "a"): "Unhealthy"}))


def test_a_policy_state_that_the_marks_do_not_follow_yet():
    later = BASE.but()
    found = reasons(BASE, later, rec="a", events=[state("vm1", "a", at(6))])["refresh_pending"]
    fixed = own([later, later.but(marks={("vm1", "a"): "Healthy"})])["movement"]
    assert (found["effect"], found["confidence"]) == (pytest.approx(fixed), "inferred")
    assert "not assessed yet" in found["title"]
    assert key("a") in found["confirm"]
    assert "refresh_pending" not in reasons(BASE, later, rec="d", events=[state("vm1", "a", at(6))])


def test_an_exemption_that_the_marks_do_not_follow_yet():
    later = BASE.but(exemptions={"new": exemption("vm1", ("a",), created=at(6))})
    assert reasons(BASE, later, rec="a")["refresh_pending"]["count"] == 1
    assert "refresh_pending" not in reasons(BASE, later, rec="d")


def test_a_write_since_the_marks_were_assessed():
    found = reasons(BASE, BASE.but(), rec="a", events=[event("vm1", at(6))])["refresh_pending"]
    assert found["confidence"] == "inferred"
    assert found["effect"] > 0
    assert "written to and not assessed since" in found["title"]


@pytest.mark.parametrize(
    "one",
    [event("vm1", at(6), succeeded=False), event("vm5", at(6)), event("vm1", at(-20))],
    ids=["it failed", "of what is healthy", "long before"],
)
def test_writes_that_wait_for_nothing(one):
    later = BASE.but()
    assert "refresh_pending" not in reasons(BASE, later, rec="a", events=[one])


def test_a_write_before_the_mark_was_assessed_waits_for_nothing():
    later = BASE.but(marks={("vm1", "a"): mark("Unhealthy", at(7), at(-100))})
    assert "refresh_pending" not in reasons(BASE, later, rec="a", events=[event("vm1", at(6))])


def test_a_write_after_which_another_mark_of_the_resource_changed_is_assessed():
    later = BASE.but(marks={("vm1", "b"): mark("Healthy", at(7), at(-100))})
    assert "refresh_pending" not in reasons(BASE, later, rec="a", events=[event("vm1", at(6))])


# When the score moves


def test_counts_come_within_eight_hours_of_what_they_do_not_show():
    earliest, latest = bounds(reasons(BASE, FIXED)["refresh_pending"])
    assert (earliest, latest) == (at(8), at(7 + 8.25))  # fixed at 7


def chain(runs: float, looks: list[float], last: float) -> list[Estate]:
    """Looks at a subscription that is counted at `runs` + 8k hours; every look finds one more fixed, an hour ago."""
    names = [f"vm{n}" for n in range(100, 130)]
    start = estate(controls={"c": (10, ["a"])}, marks={(name, "a"): "Unhealthy" for name in names})
    found = [start]
    done: list[float] = []
    for look in [*looks, last]:
        done.append(look - 1)
        run = max((runs + 8 * k for k in range(-2, 20) if runs + 8 * k <= look), default=-1)
        shown = sum(when <= run for when in done)
        marks = {(names[n], "a"): mark("Healthy", at(when), at(-500)) for n, when in enumerate(done)}
        found.append(start.but(0, taken=at(look), marks=marks, counts={"c": (shown, len(names))}))
    return found


@pytest.mark.parametrize("runs", [0.5, 2, 3.5, 5, 6.5])
def test_the_rhythm_of_the_counts_narrows_it_down(runs):
    folders = chain(runs, [5, 10, 15, 21, 26, 31, 37, 42], 47)
    found = reasons(*folders)
    run = next(runs + 8 * k for k in range(20) if runs + 8 * k > 47)
    if "refresh_pending" not in found:
        assert run - 8 >= 46  # the last run has seen it
        return
    earliest, latest = bounds(found["refresh_pending"])
    assert earliest <= at(run) <= latest
    assert latest - earliest <= timedelta(hours=4)


def test_marks_that_are_still_to_follow_take_a_day_more():
    later = BASE.but()
    earliest, latest = bounds(reasons(BASE, later, rec="a", events=[state("vm1", "a", at(6))])["refresh_pending"])
    assert at(8) <= earliest < at(14)
    assert at(28) < latest <= at(6 + 24 + 8)
    assert latest - earliest <= timedelta(hours=26)


def test_the_answer_is_told_in_utc():
    found = reasons(BASE, FIXED)["refresh_pending"]["movesBy"]
    assert found == {"earliest": iso(at(8)), "latest": iso(at(15.25))}

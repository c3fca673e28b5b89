"""What the counts do not show yet: settled, pending, and never one thing now and its opposite later."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.build import at, connector, control, estate, exemption, guid, key, mark, resource, tenant
from tests.estates import make
from tests.explained import Answer, by_subscription, explained, own, shares, told

BASE = estate(
    controls={"c": (10, ["a", "b"])},
    marks={(f"vm{i}", "a"): "Unhealthy" for i in range(4)} | {("vm0", "b"): "Healthy"},
    resources={f"vm{i}": {} for i in range(4)},
)
FIX = {("vm1", "a"): "Healthy"}
LAGGING = BASE.but(marks=FIX, counts={"c": (0, 4)})
CAUGHT_UP = LAGGING.but(counts={"c": None})
FIXED = ("remediation", key("a"))


def causes(answer: Answer, what: str = "causes") -> dict[tuple[str, str], float]:
    return {(kind, subject): pytest.approx(share) for (kind, subject, _), share in shares(answer, what).items()}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


# One change


def test_what_the_counts_show_is_settled():
    answer = own([BASE, BASE.but(marks=FIX)])
    assert causes(answer) == {FIXED: 25}
    assert answer["pending"] == []


def test_what_the_counts_do_not_show_is_pending_with_the_share_it_will_have():
    answer = own([BASE, LAGGING])
    assert answer["movement"] == 0
    assert answer["causes"] == []
    assert causes(answer, "pending") == {FIXED: 25}
    (pending,) = answer["pending"]
    assert moment(pending["since"]) == LAGGING.world.marks["vm1", "a"].changed


def test_what_was_pending_is_settled_when_the_counts_show_it():
    answer = own([BASE, LAGGING, CAUGHT_UP])
    assert causes(answer) == {FIXED: 25}
    assert answer["pending"] == []


def test_a_groups_pending_shares_are_its_subscriptions_weighted():
    other = estate(subscription=guid("other"), controls={"c": (10, ["a"])}, marks={("vm1", "a"): "Healthy"})
    answer = explained([tenant(BASE, other), tenant(LAGGING, other.but())])
    assert causes(answer, "pending") == {FIXED: 25 * 4 / 5}
    assert causes(by_subscription(answer)[BASE.world.subscription], "pending") == {FIXED: 25}


def test_pending_keeps_its_cause_and_its_time():
    """The connector comes and goes while its mark waits; by the third folder alone it would be told otherwise."""
    came = BASE.but(connectors={"conn": {}}, marks={("aws1", "a"): "Healthy"}, counts={"c": (0, 4)})
    gone = came.but(connectors={"conn": None})
    added = {("connector_added", connector().lower())}
    first, later = own([BASE, came]), own([BASE, came, gone])
    assert told(first, "pending") == told(later, "pending") == added
    assert first["pending"][0]["since"] == later["pending"][0]["since"]
    assert told(own([BASE, came, gone, gone.but(counts={"c": None})])) == added


def test_a_change_without_a_date_is_pending_since_it_was_seen():
    vanished = BASE.but(marks={("vm3", "a"): None}, counts={"c": (0, 4)})
    (pending,) = own([BASE, vanished, vanished.but()])["pending"]
    assert moment(pending["since"]) == vanished.world.taken


def test_a_fix_that_is_undone_before_the_counts_show_it_leaves_nothing():
    undone = LAGGING.but(marks={("vm1", "a"): "Unhealthy"})
    answer = own([BASE, LAGGING, undone, undone.but()])
    assert answer["causes"] == answer["pending"] == []


def test_a_pending_mark_that_changes_again_is_told_from_what_the_counts_show():
    """Fixed, then exempt, before the counts moved: for them it was never healthy."""
    exempt = LAGGING.but(marks={("vm1", "a"): "Exempt"}, counts={"c": None})
    assert told(own([BASE, LAGGING, exempt])) == {("exemption_created", key("a"))}


# Too late


@pytest.mark.parametrize(("hours", "overdue"), [(8, False), (23, False), (24, True), (30, True)])
def test_what_is_pending_for_more_than_24_hours_is_settled_all_the_same(hours, overdue):
    """The mark changed an hour before the folder that showed it first."""
    answer = own([BASE, LAGGING, LAGGING.but(hours=hours)])
    lacking = {FIXED: 25, ("unexplained", control("c")): -25}
    assert causes(answer) == (lacking if overdue else {})
    assert causes(answer, "pending") == ({} if overdue else {FIXED: 25})
    assert bool([note for note in answer["notes"] if "24 hours" in note]) == overdue


def test_what_comes_later_still_is_unexplained_and_not_told_twice():
    late = LAGGING.but(hours=30)
    answer = own([BASE, LAGGING, late, late.but(counts={"c": None})])
    assert causes(answer) == {FIXED: 25}
    assert ("unexplained", control("c")) in told(answer)
    assert answer["pending"] == []


# Which of several


def dated(hours: float, status: str = "Healthy") -> object:
    return mark(status, at(hours), at(-900))


THREE = BASE.but(marks={("vm1", "a"): dated(1), ("vm2", "a"): dated(2), ("vm3", "a"): dated(3)})


@pytest.mark.parametrize("shown", [0, 1, 2, 3])
def test_the_counts_show_the_earliest_of_equal_changes(shown):
    """All are the same cause: what is pending is as old as the first that is not settled."""
    answer = own([BASE, THREE.but(0, counts={"c": (shown, 4)})])
    assert causes(answer) == ({FIXED: 25 * shown} if shown else {})
    assert [moment(row["since"]) for row in answer["pending"]] == ([at(shown + 1)] if shown < 3 else [])


def test_changes_of_one_time_are_settled_together():
    """Both or none: equally wrong, and of equals the most changed marks are taken."""
    together = BASE.but(marks={("vm1", "a"): dated(1), ("vm2", "a"): dated(1)})
    answer = own([BASE, together.but(0, counts={"c": (1, 4)})])
    assert causes(answer) == {FIXED: 50, ("unexplained", control("c")): -25}
    assert answer["pending"] == []


def test_a_date_after_the_snapshot_counts_as_its_time():
    ahead = BASE.but(marks={("vm1", "a"): dated(11), ("vm2", "a"): dated(10), ("vm3", "a"): dated(7)})
    answer = own([BASE, ahead.but(0, counts={"c": (1, 4)})])
    assert causes(answer) == {FIXED: 25}
    assert [moment(row["since"]) for row in answer["pending"]] == [at(8)]
    assert answer["pending"][0]["marks"] == 2


def test_any_of_the_undated_can_be_shown_whatever_the_dated():
    """vm3 lost its source, undated; the counts show that and not the earlier fix."""
    after = BASE.but(marks={("vm1", "a"): dated(1), ("vm3", "a"): None}, counts={"c": (0, 3)})
    answer = own([BASE, after])
    assert told(answer) == {("data_source_lost", resource("vm3").lower())}
    assert told(answer, "pending") == {FIXED}


@pytest.mark.parametrize("undated", [3, 8, 9, 14])
@pytest.mark.parametrize("late", [0, 1, 2])
def test_the_undated_that_the_counts_show_are_found_also_where_they_are_many(undated, late):
    """Each in a control of its own, so that only one choice fits; beyond eight no longer all subsets are tried."""
    names = [f"c{i}" for i in range(undated)]
    before = estate(
        controls={name: (i + 1, [f"a{i}"]) for i, name in enumerate(names)},
        marks={(f"vm{i}", f"a{i}"): "Healthy" for i in range(undated)}
        | {(f"kv{i}", f"a{i}"): "Unhealthy" for i in range(undated)},
        resources={f"kv{i}": {} for i in range(undated)},
    )
    lost = {(f"kv{i}", f"a{i}"): None for i in range(undated)}
    answer = own([before, before.but(marks=lost, counts=dict.fromkeys(names[:late], (1, 2)))])
    gone = [("data_source_lost", resource(f"kv{i}").lower()) for i in range(undated)]
    assert told(answer, "pending") == set(gone[:late])
    assert told(answer) == set(gone[late:])


def test_the_undated_left_out_is_the_last_of_equals():
    """Two vanished, the counts show one: of equal causes the later in order is pending."""
    after = BASE.but(marks={("vm2", "a"): None, ("vm3", "a"): None}, counts={"c": (0, 3)})
    answer = own([BASE, after])
    assert told(answer) == {("data_source_lost", resource("vm2").lower())}
    assert told(answer, "pending") == {("data_source_lost", resource("vm3").lower())}


# A chain's first snapshot

PENDING_AT_FIRST = {
    "a fix, from unhealthy": (mark("Healthy", at(-2), at(-900)), (0, 4), FIXED),
    "an exemption, from unhealthy": (mark("Exempt", at(-2), at(-900)), (0, 4), ("exemption_created", key("a"))),
    "a regression, from healthy": (mark("Unhealthy", at(-2), at(-900)), (1, 4), ("regression", key("a"))),
    "a new mark, from none": (
        mark("Unhealthy", at(-2), at(-2)),
        (0, 3),
        ("data_source_gained", resource("vm1").lower()),
    ),
}


@pytest.mark.parametrize(("one", "counts", "cause"), PENDING_AT_FIRST.values(), ids=PENDING_AT_FIRST)
def test_a_first_snapshot_whose_counts_are_behind_has_pending(one, counts, cause):
    first = BASE.but(0, marks={("vm1", "a"): one}, counts={"c": counts})
    second = first.but(counts={"c": None})
    assert told(own([first, second])) == {cause}
    still = own([first, first.but(counts={"c": counts})])
    assert told(still) == set()
    assert told(still, "pending") == {cause}
    assert moment(still["pending"][0]["since"]) == at(-2)


@pytest.mark.parametrize(("one", "counts", "cause"), PENDING_AT_FIRST.values(), ids=PENDING_AT_FIRST)
def test_a_first_snapshot_whose_counts_agree_has_nothing_pending(one, counts, cause):
    first = BASE.but(0, marks={("vm1", "a"): one})
    moved = own([first, first.but(marks={("vm2", "a"): "Healthy"})])
    assert told(moved) == {FIXED}
    assert moved["pending"] == []


def test_only_the_latest_of_a_first_snapshot_are_pending_as_many_as_that_takes():
    first = BASE.but(0, marks={(f"vm{i}", "a"): dated(-4 + i) for i in (1, 2, 3)}, counts={"c": (1, 4)})
    answer = own([first, first.but(counts={"c": (2, 4)})])
    assert causes(answer) == {FIXED: 25}
    assert [moment(row["since"]) for row in answer["pending"]] == [at(-1)]


def test_a_change_of_more_than_24_hours_before_the_first_snapshot_is_not_pending():
    first = BASE.but(0, marks={("vm1", "a"): dated(-25)}, counts={"c": (0, 4)})
    assert told(own([first, first.but(counts={"c": None})])) == {("unexplained", control("c"))}


def test_an_unlisted_resource_that_a_first_snapshot_has_pending_has_come():
    """Though one of its new marks does not count."""
    both = {("subnet1", "a"): mark("Healthy", at(-2), at(-2)), ("subnet1", "b"): mark("NotApplicable", at(-2), at(-2))}
    first = BASE.but(0, marks=both, counts={"c": (0, 4)})
    assert told(own([first, first.but(counts={"c": None})])) == {("resource_added", resource("subnet1").lower())}


def test_a_later_snapshot_has_no_such_guess():
    """Its marks are held against those before; one that only got a new date did not change."""
    first = BASE.but(-8, marks={("vm1", "a"): dated(-900)}, counts={"c": (0, 4)})
    second = first.but(marks={("vm1", "a"): dated(-2)})
    assert told(own([first, second, second.but(counts={"c": None})])) == {("unexplained", control("c"))}


# Marks that wait while their recommendation moves


def test_a_mitigated_mark_whose_recommendation_moves_while_the_counts_lag():
    """In the control that it moves to it counted nothing before, whatever its exemption says."""
    exempt = mark("Exempt", at(-900), at(-900), mitigated=True)
    before = estate(
        controls={"c": (10, ["a", "b", "m"]), "d": (5, ["e"])},
        marks={("vm0", "a"): exempt, ("vm1", "b"): "Healthy", ("vm2", "b"): "Unhealthy", ("vm3", "e"): "Healthy"}
        | {(f"vm{i}", "m"): exempt for i in range(4, 9)},
        exemptions={"it": exemption("sub", category="Mitigated")},
        mitigated="healthy",
    )
    lagging = before.but(controls={"c": (10, ["b", "m"]), "d": (5, ["e", "a"])}, counts={"c": (7, 8), "d": (1, 1)})
    assert told(own([before, lagging, lagging.but(counts={"c": None, "d": None})])) == {
        ("recommendation_moved", key("a"))
    }


# Over chains

MARKS_ONLY = (
    *("remediation", "regression", "applicability_changed", "policy_disabled", "resource_added", "resource_deleted"),
    *("connector_added", "connector_removed", "plan_enabled", "plan_disabled", "data_source_lost"),
    *("data_source_gained", "recommendation_added"),
)
"""Acts whose marks change with them; the others change what marks contribute without touching them."""
seeds = st.integers(0, 10**6)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=seeds, kinds=st.integers(1, 4), steps=st.integers(2, 4))
def test_counts_that_only_lag_leave_nothing_unexplained(seed, kinds, steps):
    story = make(seed, kinds, lag=True, steps=steps, only=MARKS_ONLY)
    assume(story.can_be_told_apart)
    for upto in range(2, steps + 1):
        answer = explained(story[:upto])
        for one in [answer, *answer["subscriptions"]]:
            assert "unexplained" not in {kind for kind, _ in told(one)}


@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=seeds, kinds=st.integers(1, 6))
def test_counts_that_do_not_lag_leave_nothing_pending(seed, kinds):
    answer = explained(make(seed, kinds, steps=3))
    for one in [answer, *answer["subscriptions"]]:
        assert one["pending"] == []
        assert "unexplained" not in {kind for kind, _ in told(one)}

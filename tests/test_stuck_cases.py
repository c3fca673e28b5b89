"""Labelled stuck cases: the stories come out as they are told, and the product is held against them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import msgspec
import pytest

from benchmarks.labelled.stuck.case import REASONS, WAITING, Case, Question, Truth, write
from benchmarks.labelled.stuck.generate import cases, made
from benchmarks.labelled.stuck.ours import answer
from benchmarks.labelled.stuck.plots import plots
from benchmarks.labelled.stuck.scoring import Answer, Said, Scores, scored, tables
from drift.adapters import events
from drift.adapters.evidence import open_folders
from drift.names import Names

SAMPLE = 52
END = datetime(2026, 3, 4, 12, tzinfo=UTC)


@cache
def sample() -> tuple[Case, ...]:
    return tuple(cases(SAMPLE))


def marks_of(case: Case, look: int = -1) -> dict[tuple[str, str], str]:
    """By resource and recommendation what the marks of the asked subscription say at a look."""
    rows = case.folders[look][f"{case.question.scope}/assessments.json"]["value"]
    status = {(row["properties"]["resourceDetails"]["id"], row["name"]): row["properties"]["status"] for row in rows}
    return {pair: own.get("cause") or own["code"] for pair, own in status.items()}


def told(reason: str, variant: str = "", level: str = "") -> list[Case]:
    """Cases of one reason alone."""
    found = []
    for number, plot in enumerate(plots(400)):
        if plot.reasons == (reason,) and level in ("", plot.level):
            case = made(number, plot)
            found += [case] if variant in case.truth.variant else []
            if len(found) == 2:
                break
    assert found, (reason, variant, level)
    return found


# What is in the set


def test_every_reason_is_acted_out_alone_and_with_others() -> None:
    plotted = list(plots(650))
    alone = Counter(plot.reasons[0] for plot in plotted if len(plot.reasons) == 1)
    paired = Counter(reason for plot in plotted if len(plot.reasons) == 2 for reason in plot.reasons)
    assert set(alone) == set(paired) == set(REASONS)
    assert min(alone.values()) >= 4
    pairs = {frozenset(plot.reasons) for plot in plotted if len(plot.reasons) == 2}
    assert len(pairs) > 200


def test_a_number_gives_the_same_case_every_time() -> None:
    number, plot = list(enumerate(plots(8)))[7]
    assert made(number, plot) == made(number, plot)
    assert made(number, plot) != made(number, plot, seed=2)


def test_cases_have_two_to_six_looks_and_events_of_before_the_last() -> None:
    for case in sample():
        assert 2 <= len(case.folders) == len(case.taken) <= 6
        assert case.taken == sorted(case.taken)
        assert all(
            (one.get("time") or one["eventTime"]) < f"{case.taken[-1]:%Y-%m-%dT%H:%M:%S}z" for one in case.events
        )


def test_folders_and_events_can_be_read(tmp_path: Path) -> None:
    for case in sample()[:20]:
        paths = write(case, tmp_path / case.name)
        for folder in open_folders(paths):
            for identity in folder.subscriptions:
                assert folder.snapshot(identity, Names(), folder.recommendations.copy()) is not None
        if case.events:
            assert events.from_file(tmp_path / case.name / "events.jsonl")
        assert msgspec.json.decode((tmp_path / case.name / "truth.json").read_bytes(), type=Truth) == case.truth


def test_the_score_moves_later_exactly_where_something_is_under_way() -> None:
    for case in sample():
        waiting = WAITING in case.truth.reasons
        assert (case.truth.moves is not None) is waiting is bool(case.truth.waits), case.truth.variant
        if case.truth.moves is not None:
            assert timedelta(0) < case.truth.moves - case.taken[-1] <= timedelta(hours=48)


# Stories, by what the folders show


@pytest.mark.parametrize(
    ("reason", "variant", "shown"),
    [
        ("refresh_pending", "counts behind marks", "Healthy"),
        ("refresh_pending", "marks behind policy", "Unhealthy"),
        ("refresh_pending", "marks behind a write", "Unhealthy"),
        ("exempted", "", "Exempt"),
        ("exemption_without_effect", "", "Unhealthy"),
        ("governance_only", "", "Unhealthy"),
        ("remediation_blocked", "", "Unhealthy"),
        ("fix_not_recognised", "", "Unhealthy"),
        ("ghost_resource", "", "Unhealthy"),
        ("policy_disabled", "", "OffByPolicy"),
    ],
)
def test_the_mark_that_is_asked_about_says_what_the_story_needs(reason: str, variant: str, shown: str) -> None:
    for case in told(reason, variant, "resource"):
        found = {key: one for (resource, key), one in marks_of(case).items() if resource == case.question.resource}
        if case.question.recommendation is None:
            assert shown in found.values()
        else:
            assert found[case.question.recommendation] == shown


@pytest.mark.parametrize("reason", ["plan_off", "not_assessed", "benchmark_unassigned"])
def test_what_nothing_assesses_has_no_mark(reason: str) -> None:
    for case in told(reason, level="resource"):
        if case.question.recommendation is not None:
            assert (case.question.resource, case.question.recommendation) not in marks_of(case)


def test_without_the_plan_or_an_assignment_there_is_no_score() -> None:
    for reason in ("foundational_cspm_off", "benchmark_unassigned"):
        for case in told(reason, level="scope"):
            assert not case.folders[-1][f"{case.question.scope}/secure-scores.json"]["value"]


def test_a_ghost_is_in_no_inventory() -> None:
    for case in told("ghost_resource", level="resource"):
        listed = case.folders[-1][f"{case.question.scope}/resources.json"]["value"]
        assert case.question.resource not in {row["id"] for row in listed}


def score(case: Case, look: int) -> float:
    (row,) = case.folders[look][f"{case.question.scope}/secure-scores.json"]["value"]
    own = row["properties"]["score"]
    return float(100 * own["current"] / own["max"])


def test_what_cancels_out_or_is_too_small_to_see_leaves_the_figure_as_it_was() -> None:
    for reason in ("cancelled_out", "rounding"):
        for case in told(reason, level="scope"):
            assert abs(score(case, 0) - score(case, -1)) < 0.05  # points are rounded
    for case in told("ceiling", level="scope"):
        assert score(case, -1) == pytest.approx(100, abs=0.01)


# Scoring


def a_case(*reasons: str, also: tuple[str, ...] = (), moves: datetime | None = None) -> Case:
    truth = Truth(list(reasons), "", list(also), moves, "counts behind marks" if moves else "")
    return Case(1, [], [END], [], Question("all"), truth)


def an_answer(*reasons: str, hours: tuple[float, float] | None = None) -> Answer:
    times = None if hours is None else (END + timedelta(hours=hours[0]), END + timedelta(hours=hours[1]))
    return Answer(tuple(Said(one, times) for one in reasons))


def test_the_first_reason_is_right_if_it_is_any_of_the_true_ones() -> None:
    found = scored(
        [
            (a_case("exempted", "ceiling"), an_answer("ceiling", "rounding")),
            (a_case("exempted"), an_answer("rounding", "exempted")),
            (a_case("exempted"), an_answer()),
        ]
    )
    assert found.first == {"pairs": 1}
    assert found.first_right == pytest.approx(1 / 3)
    assert found.headed == {("exempted", "rounding"): 1, ("exempted", "nothing"): 1}


def test_what_is_beside_the_point_is_neither_right_nor_wrong() -> None:
    found = scored([(a_case("exempted", also=("ceiling",)), an_answer("exempted", "ceiling", "rounding"))])
    assert (found.right["exempted"], found.wrong["ceiling"], found.wrong["rounding"]) == (1, 0, 1)
    assert found.missed.total() == 0


def test_a_move_is_held_by_the_times_of_the_reason_that_waits() -> None:
    moves = END + timedelta(hours=5)
    held = scored([(a_case(WAITING, moves=moves), an_answer(WAITING, hours=(1, 9)))]).moves
    early = scored([(a_case(WAITING, moves=moves), an_answer(WAITING, hours=(1, 4)))]).moves
    none = scored([(a_case(WAITING, moves=moves), an_answer(WAITING))]).moves
    assert (held.number, held.holds, held.width) == (1, 1.0, 8.0)
    assert (early.number, early.holds, early.width) == (1, 0.0, 3.0)
    assert (none.number, none.holds, none.widths) == (1, 0.0, [])


def test_scores_of_parts_add_up_to_those_of_the_whole() -> None:
    rows = [
        (a_case("exempted", "ceiling"), an_answer("ceiling")),
        (a_case(WAITING, moves=END), an_answer(WAITING, hours=(-1, 1))),
    ]
    whole, parts = scored(rows), Scores()
    for row in rows:
        parts.join(scored([row]))
    assert parts == whole
    assert tables(parts) == tables(whole)


# The product


def test_the_product_tells_the_true_reason_first() -> None:
    found = scored((case, answer(case)) for case in sample())
    assert found.first_right >= 0.95, "\n".join(found.failures)
    assert found.moves.holds >= 0.9, "\n".join(found.misses)
    assert found.moves.width <= 24

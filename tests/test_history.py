"""What is answered from the store is what `drift explain` says of the folders that it was filled from."""

from __future__ import annotations

from itertools import pairwise
from math import fsum
from pathlib import Path
from typing import Any

import pytest

from demo.estate import DEV, PROD
from drift.adapters.storage import Storage
from drift.engine.explanation import told as explanation
from drift.engine.owned import part
from drift.engine.segments import iso
from drift.engine.where import BY
from drift.folders import explain_folders
from drift.history import WINDOW, NothingKnownError, UnknownDeltaError, UnknownScopeError
from drift.kinds import Kind
from drift.model import DAY, HOUR
from drift.record import Record
from drift.retention import Retention
from drift.state import vitals
from tests.explained import by_subscription, shares
from tests.filled import SCOPES, Filled, fill

EXACT = 1e-9
WINDOWS = [(0, 12), (2, 3), (3, 7), (7, 8), (5, 12)]
SCORED_FROM = {"Sandbox": 2, DEV.id: 2}
"""The first moment at which a scope that was not there from the beginning has a score."""


def told(folders: list[Path], scope: str) -> dict[str, Any]:
    return explain_folders(folders, scope, lambda *_: None)


def walked(ask: Any, **arguments: Any) -> list[Any]:
    """All items of a list, page by page."""
    found: list[Any] = []
    page = ask(**arguments)
    while True:
        found += page["value"]
        if "continuation" not in page:
            return found
        assert len(page["value"]) <= arguments["limit"]
        page = ask(**arguments, after=page["continuation"])


# One explanation for a window


@pytest.mark.parametrize("scope", SCOPES)
def test_a_window_is_explained_as_its_folders_are(filled: Filled, scope: str) -> None:
    for first, last in WINDOWS:
        first = max(first, SCORED_FROM.get(scope, 0))
        expected = told(filled.folders[first : last + 1], SCOPES[scope])
        found = filled.history.explain(scope, filled.times[first], filled.times[last])
        assert found["movement"] == pytest.approx(expected["movement"], abs=EXACT)
        assert shares(found, least=0) == pytest.approx(shares(expected, least=0), abs=EXACT)
        assert found["classes"] == pytest.approx(expected["classes"], abs=EXACT)
        assert found["after"]["percentage"] == pytest.approx(expected["after"]["percentage"], abs=EXACT)
        assert found["before"]["percentage"] == pytest.approx(expected["before"]["percentage"], abs=EXACT)


@pytest.mark.parametrize("by", BY)
def test_the_parts_of_a_window_sum_to_its_movement(filled: Filled, by: str) -> None:
    for scope in SCOPES:
        found = filled.history.explain(scope, filled.times[2], filled.times[12], by)
        assert fsum(part["share"] for part in found["parts"]) == pytest.approx(found["movement"], abs=EXACT)
        assert len(found["parts"]) > 1


def test_an_owners_part_of_any_movement_is_what_the_division_says(filled: Filled) -> None:
    store = filled.store
    rows = [row for scope in ("all", PROD.id, DEV.id) for row in store.movements(scope).items]
    segments = [store.load(row.blob, Record).segment for row in rows]
    found = 0
    for segment in segments:
        whole = explanation([segment], by="owner")
        for row in whole["parts"]:
            own = part(segment, [row["key"].upper()]) if row["key"] is not None else None
            if own is None:
                assert row["key"] is None or row["share"] == pytest.approx(0, abs=EXACT)
                continue
            found += 1
            parts = own["classes"].values(), *([one["share"] for one in own[key]] for key in ("causes", "actors"))
            assert [fsum(some) for some in parts] == pytest.approx([own["movement"]] * 3, abs=EXACT)
            assert own["classes"] == pytest.approx(row["classes"], abs=EXACT)
            assert own["part"] == {"owners": [row["key"]], "movement": whole["movement"]}
            assert own["before"] == whole["before"]
    assert found > 20
    assert [part(segment, ["nobody at all"]) for segment in segments] == [None] * len(segments)


def test_a_window_in_which_nothing_moved_tells_where_the_score_stood(filled: Filled) -> None:
    between = filled.times[4] + HOUR, filled.times[4] + 2 * HOUR
    found = filled.history.explain("all", *between, "owner")
    stood = told(filled.folders[3:5], "all")["after"]["percentage"]
    assert found["before"] == found["after"]
    assert found["after"]["percentage"] == pytest.approx(stood, abs=EXACT)
    assert (found["movement"], found["causes"], found["parts"]) == (0, [], [])


def test_a_window_in_which_nothing_had_a_score_says_why_once(filled: Filled) -> None:
    found = filled.history.explain(DEV.id, filled.times[1] + HOUR, filled.times[1] + 2 * HOUR)
    assert found["movement"] is None
    (note,) = found["notes"]
    assert "Azure reports no score" in note


def test_a_window_before_the_chain_says_since_when_it_is_watched(filled: Filled) -> None:
    with pytest.raises(NothingKnownError, match="watched since 2026-03-04T18:00:00Z"):
        filled.history.explain(DEV.id, filled.times[0], filled.times[0] + HOUR)


def test_a_window_that_begins_before_the_chain_begins_with_the_chain_and_says_so(filled: Filled) -> None:
    found = filled.history.explain("all", filled.times[0] - DAY, filled.times[3])
    assert found["before"]["takenAt"] == iso(filled.times[0])
    assert found["notes"][0].startswith("the window begins at 2026-03-02T06:00:00Z")
    assert found["movement"] == pytest.approx(told(filled.folders[:4], "all")["movement"], abs=EXACT)


def test_a_window_that_holds_only_the_beginning_tells_where_the_score_stood(filled: Filled) -> None:
    found = filled.history.explain("all", filled.times[0] - DAY, filled.times[0])
    assert found["movement"] == 0
    assert found["before"]["percentage"] == pytest.approx(
        told(filled.folders[:2], "all")["before"]["percentage"], abs=EXACT
    )


def test_the_window_is_the_last_seven_days_before_the_last_look(filled: Filled) -> None:
    last = filled.times[-1]  # when nothing of sub-dev had moved for a week
    for scope in SCOPES:
        assert filled.history.explain(scope) == filled.history.explain(scope, last - WINDOW, last)
    assert filled.history.explain("all", filled.times[3]) == filled.history.explain("all", filled.times[3], last)
    ended = filled.history.explain("all", until=filled.times[5])
    assert ended == filled.history.explain("all", filled.times[5] - WINDOW, filled.times[5])


def test_what_is_pending_at_the_end_of_a_window_is_what_folders_have(filled: Filled, first_week: Filled) -> None:
    for scope in ("all", "prod", PROD.id):
        expected = told(filled.folders[:3], SCOPES[scope])["pending"]
        assert expected
        assert first_week.history.explain(scope, 0)["pending"] == expected
        assert filled.history.explain(scope, 0, filled.times[2])["pending"] == expected
        assert first_week.history.pending(scope) == {
            "value": [one | {"settled": False, "stage": "counts"} for one in expected]
        }
        assert filled.history.pending(scope) == {"value": []}


# Movements


@pytest.mark.parametrize("scope", SCOPES)
def test_movements_add_up_to_the_score_along_a_chain(filled: Filled, scope: str) -> None:
    rows = filled.history.deltas(scope)["value"][::-1]
    assert len(rows) > 4
    for earlier, later in pairwise(rows):
        assert later["before"] == pytest.approx(earlier["after"], abs=EXACT) or later["before"] is None
        assert later["from"] >= earlier["to"]
    scored = [row for row in rows if row["movement"] is not None]
    assert fsum(row["movement"] for row in scored) == pytest.approx(
        scored[-1]["after"] - scored[0]["before"], abs=EXACT
    )
    for row in scored:
        assert fsum(row["classes"].values()) == pytest.approx(row["movement"], abs=EXACT)


def test_movements_are_newest_first_and_those_that_ended_in_the_window(filled: Filled) -> None:
    rows = filled.history.deltas("all", filled.times[3], filled.times[7])["value"]
    assert [row["to"] for row in rows] == [iso(time) for time in filled.times[7:3:-1]]


def test_a_group_that_never_had_a_member_has_no_movements(filled: Filled) -> None:
    assert filled.history.deltas("empty") == {"value": []}


def test_only_movements_with_a_cause_of_the_kind_are_listed(filled: Filled) -> None:
    rows = filled.history.deltas("all", kind=Kind.EXEMPTION_CREATED)["value"]
    assert [row["to"] for row in rows] == [iso(filled.times[8])]


@pytest.mark.parametrize("least", [0.0, 1e-10, 0.5, 1.0, 3.0, 100.0])
def test_only_movements_of_at_least_so_much_are_listed(filled: Filled, least: float) -> None:
    every = filled.history.deltas("all")["value"]
    expected = [row for row in every if row["movement"] is None or abs(row["movement"]) >= least]
    assert filled.history.deltas("all", least=least)["value"] == expected


@pytest.mark.parametrize("scope", [*SCOPES])
def test_one_movement_whole_is_what_two_folders_give(filled: Filled, scope: str) -> None:
    row = filled.history.deltas(scope)["value"][0]
    found = filled.history.delta(row["id"])
    last = filled.times.index(next(time for time in filled.times if iso(time) == row["to"]))
    expected = told(filled.folders[last - 1 : last + 1], SCOPES[scope])
    assert shares(found, least=0) == pytest.approx(shares(expected, least=0), abs=EXACT)
    assert found["id"] == row["id"]
    if scope not in (PROD.id, DEV.id):
        own, every = by_subscription(found), by_subscription(expected)
        assert own
        assert {key for key, one in every.items() if one["causes"]} <= own.keys() <= every.keys()
        for key, one in own.items():  # those that moved
            assert shares(one, least=0) == pytest.approx(shares(every[key], least=0), abs=EXACT)


def test_a_movement_is_found_by_its_id_in_any_case(filled: Filled) -> None:
    identity = filled.history.deltas(PROD.id)["value"][0]["id"]
    assert filled.history.delta(identity.upper())["id"] == identity


@pytest.mark.parametrize(
    "identity",
    [
        "",
        "all",
        "all.",
        "all.1",
        "all.-1",
        f"{PROD.id}.17",
        "nobody.17",
        "a b.17",
        "all.1e3",
        "all.99999999999999999999",
    ],
)
def test_an_id_that_names_no_movement_is_unknown(filled: Filled, identity: str) -> None:
    with pytest.raises(UnknownDeltaError):
        filled.history.delta(identity)


# The series


@pytest.mark.parametrize("scope", SCOPES)
def test_the_series_is_the_score_at_every_movement(filled: Filled, scope: str) -> None:
    first = SCORED_FROM.get(scope, 0)
    expected = told(filled.folders[first:], SCOPES[scope])["series"]
    by_time = {step["takenAt"]: step for step in expected}
    found = filled.history.scores(scope, 0)["value"]
    assert len(found) >= 6
    assert [step["takenAt"] for step in found] == sorted(step["takenAt"] for step in found)
    for step in found[-5:]:
        assert step["percentage"] == pytest.approx(by_time[step["takenAt"]]["percentage"], abs=EXACT)
        assert step["ownWork"] == pytest.approx(by_time[step["takenAt"]]["ownWork"], abs=EXACT)
    assert all(step["weight"] > 0 for step in found if step["percentage"] is not None)


def test_the_series_begins_with_where_the_score_stood(filled: Filled) -> None:
    found = filled.history.scores("all", filled.times[4] + HOUR, filled.times[6])["value"]
    assert [step["takenAt"] for step in found] == [iso(time) for time in filled.times[4:7]]


def test_the_series_before_the_chain_is_not_empty_but_unknown(filled: Filled) -> None:
    with pytest.raises(NothingKnownError, match="watched since"):
        filled.history.scores(DEV.id, filled.times[0], filled.times[0] + HOUR)


# Events


def test_events_are_those_of_the_scope(filled: Filled) -> None:
    every = filled.history.changes("all")["value"]
    assert [one["id"] for one in every] == [f"event-{number}" for number in range(23, -1, -1)]
    assert filled.history.changes("prod")["value"] == filled.history.changes(PROD.id)["value"] == every[1::2]
    assert filled.history.changes("sandbox")["value"] == filled.history.changes(DEV.id)["value"] == every[::2]
    assert filled.history.changes("empty") == {"value": []}
    window = filled.times[3], filled.times[3] + 4 * HOUR
    assert [one["id"] for one in filled.history.changes("prod", *window)["value"]] == ["event-4", "event-2"]


def test_a_page_of_a_group_ends_where_enough_was_looked_through(filled: Filled) -> None:
    found: list[str] = []
    sizes: list[int] = []
    after = None
    while True:
        page = filled.store.changes("all", among={DEV.id}, limit=2, after=after, most=3)
        found += [one.id for one in page.items]
        sizes.append(len(page.items))
        if (after := page.after) is None:
            break
    assert found == [f"event-{number}" for number in range(23, -1, -2)]
    assert 1 in sizes


# Pages


@pytest.mark.parametrize("limit", [1, 2, 5, 1000])
def test_pages_walk_through_everything_once(filled: Filled, limit: int) -> None:
    history = filled.history
    for ask, more in (
        (history.deltas, {}),
        (history.deltas, {"kind": Kind.REMEDIATION}),
        (history.scores, {"since": 0}),
        (history.scores, {"since": filled.times[4] + HOUR}),
        (history.scores, {}),
        (history.changes, {}),
    ):
        for scope in ("all", "prod", PROD.id):
            whole = ask(scope, **more)["value"]
            assert len(whole) > 1
            assert walked(ask, scope=scope, limit=limit, **more) == whole


# Scopes


@pytest.mark.parametrize("scope", ["nobody", "00000000-0000-0000-0000-000000000000", "tag:environment=prod"])
def test_an_unknown_scope_is_said_to_be_unknown(filled: Filled, scope: str) -> None:
    history = filled.history
    for ask in (history.deltas, history.explain, history.scores, history.changes, history.pending):
        with pytest.raises(UnknownScopeError):
            ask(scope)


def test_a_scope_is_named_in_any_case(filled: Filled) -> None:
    for scope in SCOPES:
        assert filled.history.deltas(scope.upper()) == filled.history.deltas(scope.lower())
        assert filled.history.explain(scope.upper()) == filled.history.explain(scope.lower())


def test_a_group_that_was_not_rolled_up_yet_is_known_but_nothing_of_it(filled: Filled) -> None:
    later = type(filled.history)(filled.store, {**filled.settings.groups, "new": "tag:new=yes"})
    assert later.deltas("new") == {"value": []}
    for ask in (later.explain, later.scores, later.pending):
        with pytest.raises(NothingKnownError, match="not been rolled up"):
            ask("new")


# What is no longer kept


def test_a_window_that_begins_before_what_is_kept_says_so(storage: str, northwind: list[Path]) -> None:
    found = fill(storage, northwind[:4], "")
    assert (
        Retention(found.store, Storage(found.settings.storage), 25, lambda: 0).movements("all", found.times[1] + HOUR)
        == 2
    )
    told_now = found.history.explain("all", 0)
    assert told_now["notes"][0] == "the window begins at 2026-03-04T18:00:00Z: what was before is no longer kept"
    assert told_now["movement"] == pytest.approx(told(northwind[1:4], "all")["movement"], abs=EXACT)
    with pytest.raises(NothingKnownError, match="what is still kept begins at 2026-03-04T18:00:00Z"):
        found.history.explain("all", 0, found.times[1] - HOUR)


# How it runs


def test_a_window_that_begins_before_there_was_a_score_is_explained_from_where_it_began(filled: Filled) -> None:
    found = filled.history.explain(DEV.id, 0, by="owner")
    assert found["notes"][0].endswith("there was no score before")
    assert found["movement"] == pytest.approx(sum(one["share"] for one in found["causes"]), abs=1e-9)
    assert found["movement"] == pytest.approx(sum(one["share"] for one in found["parts"]), abs=1e-9)
    assert found["after"]["percentage"] == filled.history.scores(DEV.id, limit=1000)["value"][-1]["percentage"]


def test_the_status_tells_how_old_each_chain_is(filled: Filled) -> None:
    found = filled.history.status(filled.times[-1] + HOUR)
    assert {one["scope"] for one in found["chains"]} == {scope.lower() for scope in SCOPES} | {"empty"}
    assert {(one["behind"], one["age"]) for one in found["chains"]} == {(0, 3600)}
    assert {one["movedAt"] for one in found["chains"] if one["scope"] == DEV.id} == {iso(filled.times[10])}
    assert found["queues"] == found["poison"] == {"snapshots": 0, "changes": 0}
    assert found["waiting"] == {}


def test_the_vitals_are_what_is_worst_of_the_status(filled: Filled, first_week: Filled) -> None:
    found = vitals(filled.store, filled.settings.groups, filled.times[-1] + 2 * HOUR)
    assert found == {"oldestMinutes": 120, "waiting": 0, "queued": 0, "poison": 0}
    found = vitals(first_week.store, first_week.settings.groups, first_week.times[-1])
    assert found["waiting"] == first_week.history.status(first_week.times[-1])["waiting"]["teams"]["count"] > 0


def test_the_status_tells_what_waits_to_be_told(first_week: Filled) -> None:
    waiting = first_week.history.status(first_week.times[-1])["waiting"]
    scopes = [scope for group in (False, True) for scope in first_week.store.chains(group)]
    rows = [row for scope in scopes for row in first_week.store.movements(scope).items]
    told = [row for row in (one.told for one in rows) if _moved(row) or _announced(row)]
    assert waiting == {"teams": {"count": len(told), "since": iso(first_week.times[1])}}


def _moved(row: dict[str, Any]) -> bool:
    return row["before"]["percentage"] != row["after"]["percentage"] or bool(row["causes"])


def _announced(row: dict[str, Any]) -> bool:
    return any(one["expected"] for one in row.get("forecasts", {"opened": []})["opened"])

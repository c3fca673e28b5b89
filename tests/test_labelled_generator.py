"""The generator of the labelled set: its labels add up to its counts, and say no more than its records do."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import msgspec
import pytest

from benchmarks.labelled.chain import Chain, Counts, Moved, Movement, read, write, write_folders
from benchmarks.labelled.generate import SNAPSHOTS, generate, told
from benchmarks.labelled.records import Records
from drift.adapters import events
from drift.folders import explain_folders

SEEDS = range(1, 9)
KINDS = {
    *("subscription_added", "subscription_removed", "connector_added", "connector_removed"),
    *("resource_added", "resource_deleted", "recommendation_added", "recommendation_left_preview"),
    *("recommendation_retired", "recommendation_moved", "recommendation_replaced", "recommendation_reevaluated"),
    *("plan_enabled", "plan_disabled", "policy_disabled", "policy_enabled", "control_reweighted"),
    *("exemption_created", "exemption_expired", "exemption_removed", "grace_period_started", "grace_period_ended"),
    *("data_source_gained", "data_source_lost", "remediation", "regression", "applicability_changed"),
}
PEOPLE = ("user", "application", "managedIdentity")


@cache
def made(seed: int) -> tuple[Chain, Records]:
    return told(seed)


def chains() -> list[Chain]:
    return [made(seed)[0] for seed in SEEDS]


def test_a_seed_gives_the_same_chain_every_time() -> None:
    assert generate(3, 8) == generate(3, 8)
    assert generate(3, 8).events != generate(4, 8).events


def test_a_chain_that_was_written_is_read_again(tmp_path: Path) -> None:
    chain = generate(2, 6)
    write(chain, tmp_path / chain.name)
    again = read(tmp_path / chain.name)
    assert again.movements == chain.movements
    assert again.events == chain.events
    assert again.taken == chain.taken
    assert again.acts == chain.acts
    assert msgspec.to_builtins(again.folders) == msgspec.to_builtins(chain.folders)


def test_snapshots_are_4_to_12_hours_apart() -> None:
    for chain in chains():
        assert len(chain.folders) == len(chain.taken) == SNAPSHOTS
        gaps = [later - earlier for earlier, later in zip(chain.taken, chain.taken[1:], strict=False)]
        assert timedelta(hours=4) <= min(gaps)
        assert max(gaps) <= timedelta(hours=12)


# Labels and counts


@pytest.mark.parametrize("seed", SEEDS)
def test_the_moved_marks_lead_from_the_counts_before_to_the_counts_after(seed: int) -> None:
    for movement in made(seed)[0].movements:
        if movement.scope != "all":
            assert movement.before is not None
            assert recounted(movement) == plain(movement.after)


def recounted(movement: Movement) -> dict[str, tuple[int, int]]:
    """h and n after, from those before and the cells that moved."""
    counts = plain(movement.before)
    rest = {(one.control, one.resource): one for one in movement.around}
    cells: dict[tuple[str, str], list[Moved]] = defaultdict(list)
    for mark in movement.marks:
        cells[mark.control, mark.resource].append(mark)
    for cell, marks in cells.items():
        h, n = counts[cell[0]]
        for sign, says in ((-1, {m.was for m in marks}), (1, {m.now for m in marks})):
            bad, good = rest[cell].unhealthy or "Unhealthy" in says, rest[cell].healthy or "Healthy" in says
            h, n = h + sign * (good and not bad), n + sign * (good or bad)
        counts[cell[0]] = h, n
    return counts


def plain(counts: Counts | None) -> dict[str, tuple[int, int]]:
    assert counts is not None
    return {name: (one.healthy, one.counted) for name, one in counts.controls.items()}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_folders_show_the_counts_that_the_labels_tell(seed: int) -> None:
    chain = made(seed)[0]
    for movement in chain.movements:
        if movement.scope == "all":
            continue
        for counts, folder in ((movement.before, 0), (movement.after, 1)):
            assert counts is not None
            rows = chain.folders[movement.step + folder][f"{movement.scope}/secure-score-controls.json"]["value"]
            shown = {row["name"]: row["properties"] for row in rows}
            assert {name: (p["healthyResourceCount"], p["weight"]) for name, p in shown.items()} == plain(counts)
            maxima = {name: p["definition"]["properties"]["maxScore"] for name, p in shown.items()}
            assert maxima == {name: one.maximum for name, one in counts.controls.items()}


def test_counts_move_only_where_a_label_says_why() -> None:
    for chain in chains():
        labelled = {(one.scope, one.step) for one in chain.movements}
        for step, (old, new) in enumerate(zip(chain.folders, chain.folders[1:], strict=False)):
            for name in old.keys() & new.keys():
                scope, _, file = name.partition("/")
                if file == "secure-score-controls.json" and (scope, step) not in labelled:
                    ends = [[controls(row) for row in folder[name]["value"]] for folder in (old, new)]
                    assert not all(ends) or ends[0] == ends[1]


def controls(row: dict) -> tuple:
    p = row["properties"]
    counted = p["healthyResourceCount"], p["unhealthyResourceCount"]
    return (row["name"], *counted, p["definition"]["properties"]["maxScore"] if any(counted) else None)


def test_the_marks_of_a_label_changed_between_the_act_and_the_movement() -> None:
    for chain in chains():
        for movement in chain.movements:
            for mark in movement.marks:
                assert mark.was != mark.now
                assert timedelta(0) <= chain.taken[movement.step + 1] - mark.at <= timedelta(hours=8 + 20 + 12)


def test_the_tenant_moves_by_what_its_subscriptions_did() -> None:
    for chain in chains():
        for whole in chain.movements:
            if whole.scope == "all":
                parts = [one for one in chain.movements if one.step == whole.step and one.scope != "all"]
                named = {(c.kind, c.subject, c.scope) for one in parts for c in one.causes}
                own = {(c.kind, c.subject, c.scope) for c in whole.causes}
                assert {kind for kind, *_ in own - named} <= {"subscription_added", "subscription_removed"}
                assert named <= own
                assert len(whole.marks) == sum(len(one.marks) for one in parts)


def test_every_kind_occurs_in_the_first_seeds() -> None:
    assert {cause.kind for chain in chains() for one in chain.movements for cause in one.causes} == KINDS


def test_a_new_evaluation_flips_at_least_12_marks_the_same_way_in_two_subscriptions() -> None:
    found = 0
    for chain in chains():
        flips: dict[str, list[Moved]] = defaultdict(list)
        for movement in chain.movements:
            for mark in movement.marks:
                cause = movement.causes[mark.cause]
                if movement.scope != "all" and cause.kind == "recommendation_reevaluated":
                    assert [one.type for one in cause.actors] == ["platform"]
                    flips[f"{cause.subject} {mark.was}"].append(mark)
        for marks in flips.values():
            # Some never reach the counts: their subscription loses its score, or the chain ends.
            found += len({m.resource for m in marks}) >= 12 and len({m.resource.split("/")[2] for m in marks}) >= 2
    assert found


# Records


def test_what_comes_on_a_new_resource_comes_with_it() -> None:
    comings = ("resource_added", "connector_added")
    seen = 0
    for chain in chains():
        came: dict[str, datetime] = {}
        marks = [(one.causes[m.cause].kind, m) for one in chain.movements if one.scope != "all" for m in one.marks]
        for kind, mark in marks:
            if kind in comings:
                came[mark.resource] = min(mark.at, came.get(mark.resource, mark.at))
        for kind, mark in marks:
            if mark.was is None and kind not in comings and mark.resource in came:
                seen += 1
                assert mark.at - came[mark.resource] > timedelta(hours=48), (chain.seed, kind, mark)
    assert seen


def test_all_that_a_movement_shows_was_done() -> None:
    for chain in chains():
        done = {(one.kind, one.subject, one.scope) for one in chain.acts}
        for movement in chain.movements:
            for cause in (movement.causes[mark.cause] for mark in movement.marks):
                assert (cause.kind, cause.subject, cause.scope) in done


def test_events_are_lost_doubled_and_late() -> None:
    chain, records = made(1)
    assert min(records.lost, records.doubled, records.late) > 0
    assert max(Counter(one.event["id"] for one in chain.events).values()) == 2
    assert max(one.at - time_of(one.event) for one in chain.events) > timedelta(hours=1)
    assert [one.at for one in chain.events] == sorted(one.at for one in chain.events)
    times = [time_of(one.event) for one in chain.events]
    assert times != sorted(times)
    assert {"specversion" in one.event for one in chain.events} == {True, False}


def time_of(event: dict) -> datetime:
    return datetime.fromisoformat(event.get("time") or event["eventTime"])


def test_all_events_can_be_read() -> None:
    for chain in chains():
        for one in chain.events:
            events.read(msgspec.json.encode(one.event))


def test_whoever_is_named_is_named_by_an_event_or_by_azures_own_data() -> None:
    named = 0
    for chain in chains():
        heard = {event_actor(one.event) for one in chain.events}
        remembered = msgspec.json.encode(chain.folders).decode()
        for movement in chain.movements:
            for cause in movement.causes:
                for who in cause.actors:
                    if who.type in PEOPLE:
                        named += 1
                        assert who.id in heard or f'By":"{who.address or who.id}"' in remembered
                    else:
                        assert who.name is who.id is None
    assert named


def event_actor(event: dict) -> str:
    return event["data"]["claims"]["http://schemas.microsoft.com/identity/claims/objectidentifier"]


RULES = ("microsoft.security", "microsoft.authorization")
WRITTEN = ("remediation", "regression", "applicability_changed", "data_source_gained", "data_source_lost")


def test_only_where_the_label_says_so_did_somebody_else_write_the_resource_in_the_day_before() -> None:
    seen: Counter[bool] = Counter()
    for chain in chains():
        writes: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
        for one in chain.events:
            kind = (one.event.get("type") or one.event["eventType"]).lower()
            subject = one.event["data"]["resourceUri"].lower()
            about = subject.rpartition("/providers/")[2].split("/")[0]
            if kind.endswith(("writesuccess", "deletesuccess")) and about not in RULES:
                writes[parent(subject)].append((time_of(one.event), event_actor(one.event)))
        for movement in chain.movements:
            for mark in movement.marks if movement.scope != "all" else ():
                cause = movement.causes[mark.cause]
                own = {one.id for one in cause.actors if mark.resource in one.resources}
                written = writes[parent(mark.resource.lower())] if cause.kind in WRITTEN else []
                others = {who for at, who in written if mark.at - timedelta(hours=24) <= at <= mark.at} - own
                if others:
                    assert cause.ambiguous, (chain.seed, movement.step, cause.kind, mark)
                seen[cause.ambiguous] += bool(others)
    assert seen[True]


def parent(resource: str) -> str:
    """The resource that a child of it is part of."""
    before, found, path = resource.rpartition("/providers/")
    parts = path.split("/")
    return before + found + "/".join(parts if parts[1:2] == ["virtualnetworks"] else parts[:3])


def test_two_people_share_a_name_and_nothing_else() -> None:
    people = {
        (who.name, who.id, who.address)
        for chain in chains()
        for movement in chain.movements
        for cause in movement.causes
        for who in cause.actors
        if who.name == "Alex Kim"
    }
    per_chain = defaultdict(set)
    for name, _, address in people:
        per_chain[name].add(address)
    assert len(per_chain["Alex Kim"]) == 2


# Evidence


@pytest.mark.parametrize("seed", [1, 2, 5])
def test_the_folders_are_evidence(seed: int, tmp_path: Path) -> None:
    chain = made(seed)[0]
    found = explain_folders(write_folders(chain, tmp_path), "all", lambda *_: None)
    assert abs(found["movement"] - sum(cause["share"] for cause in found["causes"])) < 1e-9

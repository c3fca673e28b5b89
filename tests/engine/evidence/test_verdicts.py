"""Platform or tenant: what it takes to say that Microsoft assesses otherwise, and what must not pass for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import fsum
from random import Random
from typing import Any

import numpy as np
import pytest

from drift.actors import NOT_RECORDED, PLATFORM, Actor, By, Evidence
from drift.engine.accounts import Course, of_segment
from drift.engine.evidence.flips import KINDS
from drift.engine.evidence.parting import Part, parted
from drift.engine.evidence.verdicts import judged
from drift.kinds import Kind
from drift.model import (
    DAY,
    HOUR,
    Cause,
    CellEffects,
    Change,
    Counts,
    Delta,
    Effects,
    Flips,
    Point,
    Revision,
    Status,
    Subscription,
)
from tests.build import Estate, at, estate, resource, tenant
from tests.engine.test_segments import chain
from tests.estates import make
from tests.explained import by_subscription, explained, only, own, written

T = 20_000 * DAY
WAYS = {
    Kind.REMEDIATION: (Status.UNHEALTHY, Status.HEALTHY),
    Kind.REGRESSION: (Status.HEALTHY, Status.UNHEALTHY),
    Kind.APPLICABILITY_CHANGED: (Status.NOT_APPLICABLE, Status.UNHEALTHY),
}
ADA = Actor("user", "Ada", "id", "ada@example.com")
OWN = Revision(T - HOUR, T + HOUR, "the description of the check changed", own=True)
BENCHMARK = Revision(T - HOUR, T + HOUR, "the benchmark's version went from 1.0.0 to 1.1.0", own=False)


def names(sub: str, many: int, word: str = "st", first: int = 0) -> list[str]:
    return [resource(f"{word}{place}", sub) for place in range(first, first + many)]


def change(
    sub: str,
    resources: Iterable[str],
    kind: Kind = Kind.REMEDIATION,
    *,
    hours: Sequence[float] = (0, 1),
    stood: int | None = None,
    wrote: Iterable[str] = (),
    silent: Iterable[str] = (),
    revised: Sequence[Revision] = (),
    **more: Any,
) -> Change:
    """`hours`: when they flipped, by turns; `silent`: of those Azure does not tell when they were written."""
    times = {name: T + int(hours[at % len(hours)] * HOUR) for at, name in enumerate(resources)}
    known = frozenset(times) - {*wrote} - {*silent}
    flips = Flips(*WAYS[kind], times, stood or len(times), frozenset(wrote), known, tuple(revised))
    title = "“Check”: fixed on \0" if kind is Kind.REMEDIATION else "“Check”: turned unhealthy on \0"
    return Change(
        Cause(kind, "check", sub),
        marks=len(times),
        resources=frozenset(times),
        since=min(times.values()),
        title=title,
        flips=(flips,),
        **more,
    )


def delta(sub: str, *changes: Change, cells: bool = True) -> Delta:
    """A delta in which each resource of a change is a cell that got better by half."""
    every = sorted({name for one in changes for name in one.resources})
    rows = [(at, every.index(name)) for at, one in enumerate(changes) for name in sorted(one.resources)]
    owner, places = (np.array(column, np.int32) for column in zip(*rows, strict=True))
    sizes = [len(one.resources) for one in changes]
    counts = {"c": Counts(10, 100, 400)}
    point = Point(T - DAY, Subscription(sub, sub), counts, 1.0, None, None)
    moved = {"c": Counts(10, 100 + sum(sizes) // 2, 400)}
    half = np.full(len(rows), 0.5)
    zeros, nothing = np.zeros(len(rows), np.int32), np.zeros(len(rows))
    return Delta(
        point,
        replace(point, taken_at=T + DAY, counts=moved),
        changes,
        Effects(
            np.arange(len(changes), dtype=np.int32),
            np.zeros(len(changes), np.int32),
            np.array(sizes) / 2,
            np.zeros(len(changes)),
            ("c",),
        ),
        cells=CellEffects(
            owner, zeros, places, half, nothing, tuple(every), ("",) * len(every), places.astype(np.int64) + T
        )
        if cells
        else CellEffects(*(column[:0] for column in (owner, zeros, places, half, nothing))),
    )


type World = dict[str, list[Delta]]


def world(*changes: Change) -> World:
    found: World = {}
    for one in changes:
        found.setdefault(one.cause.scope, []).append(delta(one.cause.scope, one))
    return found


def platform(found: Mapping[str, Sequence[Delta]]) -> int:
    """How many marks were judged to be the platform's."""
    every = [one for own in found.values() for some in own for one in some.changes]
    return sum(one.marks for one in every if one.cause.kind is Kind.RECOMMENDATION_REEVALUATED)


def verdict(found: Mapping[str, Sequence[Delta]]) -> Change:
    every = [one for own in found.values() for some in own for one in some.changes]
    return next(one for one in every if one.cause.kind is Kind.RECOMMENDATION_REEVALUATED)


# Without a record of Microsoft's own


def both(first: int = 7, second: int = 3, **more: Any) -> World:
    return world(change("a", names("a", first), **more), change("b", names("b", second), **more))


@pytest.mark.parametrize("kind", WAYS)
def test_what_flips_everywhere_at_once_though_nobody_wrote_is_the_platforms(kind):
    found = judged(both(kind=kind))
    assert platform(found) == 10
    told = verdict(found)
    assert told.cause == Cause(Kind.RECOMMENDATION_REEVALUATED, "check", "a")
    assert (told.confidence, told.by) == ("inferred", (By(PLATFORM),))
    assert "no record" in told.reason
    assert told.evidence == (
        Evidence("verdict", T + HOUR, told="10 resources in 2 subscriptions flipped within 1 h, none was written"),
    )


def test_a_title_says_what_happened():
    assert verdict(judged(both())).title == "“Check”: Microsoft assesses it differently, on \0"


NOT_BARE: dict[str, World] = {
    "there are only nine resources": both(6, 3),
    "it is in one subscription": world(change("a", names("a", 30))),
    "there are only two in the second": both(20, 2),
    "less than 80 % of what could flipped": world(
        change("a", names("a", 20), stood=25), change("b", names("b", 19), stood=24)
    ),
    "what could before no longer stands": {
        "a": [delta("a", change("a", names("a", 4), stood=20)), delta("a", change("a", names("a", 4, first=4)))],
        "b": [delta("b", change("b", names("b", 5)))],
    },
    "more that could came in between": {
        "a": [
            delta("a", change("a", names("a", 4), stood=8)),
            delta("a", change("a", names("a", 4, first=4), stood=10)),
        ],
        "b": [delta("b", change("b", names("b", 5)))],
    },
    "it took more than a day": both(hours=(0, 24.1)),
    "as many as 5 % flipped back": {
        **both(20, 20),
        "d": [delta("d", change("d", names("d", 2), Kind.REGRESSION))],
    },
    "they are machines": world(
        change("a", names("a", 200, "vm")), change("b", names("b", 200, "vm")), change("d", names("d", 90, "vm"))
    ),
    "they are subscriptions": world(*(change(f"s{at}", [resource("sub", f"s{at}")]) for at in range(30))),
    "their secrets are changed past ARM": world(change("a", names("a", 20, "kv")), change("b", names("b", 20, "kv"))),
    "they lie under a connector": world(change("a", names("a", 20, "aws")), change("b", names("b", 20, "aws"))),
    "Azure does not tell when they were written": world(
        change("a", names("a", 20), silent=names("a", 20)), change("b", names("b", 20), silent=names("b", 20))
    ),
    "all were written": world(
        change("a", names("a", 20), wrote=names("a", 20)), change("b", names("b", 20), wrote=names("b", 20))
    ),
    "it is another recommendation's": {
        "a": [delta("a", change("a", names("a", 7)))],
        "b": [delta("b", replace(change("b", names("b", 7)), cause=Cause(Kind.REMEDIATION, "other", "b")))],
    },
    "they flip both ways": {
        "a": [delta("a", change("a", names("a", 7)))],
        "b": [delta("b", change("b", names("b", 7), Kind.REGRESSION))],
    },
}


@pytest.mark.parametrize("deltas", NOT_BARE.values(), ids=NOT_BARE)
def test_without_a_record_it_is_not_the_platforms_if(deltas):
    found = judged(deltas)
    assert platform(found) == 0
    assert all(one is other for sub in deltas for one, other in zip(deltas[sub], found[sub], strict=True))


BARE: dict[str, tuple[World, int]] = {
    "exactly 80 % of what could flipped": (
        world(change("a", names("a", 20), stood=24), change("b", names("b", 12), stood=16, hours=(2,))),
        32,
    ),
    "it took a day": (both(hours=(0, 24)), 10),
    "fewer than 5 % flipped back": (
        {**both(21, 20), "d": [delta("d", change("d", names("d", 2), Kind.REGRESSION))]},
        41,
    ),
    "flipping back was long after": (
        {**both(), "d": [delta("d", change("d", names("d", 9), Kind.REGRESSION, hours=(30,)))]},
        10,
    ),
    "a third one has fewer": ({**both(20, 20), "d": [delta("d", change("d", names("d", 1)))]}, 41),
    "the passes saw it one after another": (
        {
            "a": [delta("a", change("a", names("a", 4), stood=8)), delta("a", change("a", names("a", 4, first=4)))],
            "b": [delta("b", change("b", names("b", 5)))],
        },
        13,
    ),
}


@pytest.mark.parametrize(("deltas", "many"), BARE.values(), ids=BARE)
def test_without_a_record_it_still_is_if(deltas, many):
    assert platform(judged(deltas)) == many


def test_where_events_are_heard_silence_is_proof():
    silent = world(
        change("A", names("A", 20), silent=names("A", 20)), change("b", names("b", 20), silent=names("b", 20))
    )
    assert platform(judged(silent, {"a", "b"})) == 40
    assert platform(judged(silent, {"a"})) == 0  # then it is one subscription, and half of what could


def test_a_night_of_patching_is_peoples_work():
    """Hundreds of machines in many subscriptions, none of them written: with a new benchmark that same day, too."""
    night = [change(f"s{at}", names(f"s{at}", 60, "vm"), hours=(0, 1, 2, 5), revised=(BENCHMARK,)) for at in range(12)]
    deltas = world(*night)
    assert platform(judged(deltas, {one.cause.scope for one in night})) == 0


def by_event(name: str) -> Evidence:
    return Evidence("event", T - HOUR, "Ada", operation="Microsoft.Storage/storageAccounts/write", subject=name)


@pytest.mark.parametrize("kept", [2, 5, 30])
def test_a_mass_fix_of_which_events_were_lost_is_peoples_work(kept):
    """A script wrote 40 accounts; of some the event came: those that are silent are not the platform's."""
    a, b = names("a", 20), names("b", 20)
    evidence = tuple(by_event(name + "/blobServices/default") for name in (a + b)[:kept])
    deltas = world(change("a", a, silent=a, evidence=evidence), change("b", b, silent=b, evidence=evidence))
    assert platform(judged(deltas, {"a", "b"})) == 0


def test_one_that_somebody_wrote_that_day_stays_his():
    a, b = names("a", 30), names("b", 10)
    who = (By(ADA, frozenset(a[:1])), By(NOT_RECORDED))
    deltas = world(
        change("a", a, by=who, evidence=(by_event(a[0]),), reason="on 29 of 30 resources no event tells who"),
        change("b", b),
    )
    found = judged(deltas)
    assert platform(found) == 39
    rest, moved = found["a"][0].changes
    assert (rest.cause.kind, rest.resources, rest.marks) == (Kind.REMEDIATION, frozenset(a[:1]), 1)
    assert (rest.by, rest.confidence, rest.reason) == ((By(ADA),), "confirmed", "")
    assert rest.evidence == (by_event(a[0]),)
    assert (moved.cause.kind, moved.resources) == (Kind.RECOMMENDATION_REEVALUATED, frozenset(a[1:]))
    assert found["b"][0].changes[0].resources == frozenset(b)


def test_without_its_cells_a_change_is_judged_as_a_whole_or_not():
    a = names("a", 30)
    mixed = delta("a", change("a", a, wrote=a[:1]), cells=False)
    whole = delta("b", change("b", names("b", 10)), cells=False)
    found = judged({"a": [mixed], "b": [whole]})
    assert found["a"][0] is mixed
    assert found["b"][0].changes[0].cause.kind is Kind.RECOMMENDATION_REEVALUATED


# With one


@pytest.mark.parametrize("record", [OWN, BENCHMARK])
def test_with_a_record_less_will_do(record):
    found = judged(world(change("a", names("a", 5), stood=10, revised=(record,))))
    told = verdict(found)
    assert platform(found) == 5
    assert (told.confidence, told.reason) == ("confirmed", "")
    assert told.evidence[0].told == f"5 resources in 1 subscription flipped within 1 h, none was written; {record.told}"


def test_a_record_of_the_check_itself_does_for_machines():
    assert platform(judged(world(change("a", names("a", 5, "vm"), revised=(OWN,))))) == 5
    assert platform(judged(world(change("a", names("a", 50, "vm"), revised=(BENCHMARK,))))) == 0


def test_a_changed_check_may_flip_both_ways():
    deltas = {
        "a": [
            delta(
                "a",
                change("a", names("a", 8), revised=(OWN,)),
                change("a", names("a", 6, first=9), Kind.REGRESSION, revised=(OWN,)),
            )
        ]
    }
    assert platform(judged(deltas)) == 14


NOT_RECORDED_SO: dict[str, World] = {
    "there are only four": world(change("a", names("a", 4), revised=(OWN,))),
    "less than half of what could flipped": world(change("a", names("a", 5), stood=11, revised=(OWN,))),
    "it was two days before": world(
        change("a", names("a", 9), revised=(replace(OWN, since=T - 50 * HOUR, at=T - 49 * HOUR),))
    ),
    "it may have been two days before": world(
        change("a", names("a", 9), revised=(replace(OWN, since=T - 7 * DAY, at=T + HOUR),))
    ),
    "it was two days after": world(change("a", names("a", 9), revised=(replace(OWN, at=T + 49 * HOUR),))),
    "all were written": world(change("a", names("a", 9), wrote=names("a", 9), revised=(OWN,))),
    "a fifth was written": world(change("a", names("a", 10), wrote=names("a", 2), revised=(OWN,))),
    "Azure does not tell when they were written": world(
        change("a", names("a", 9), silent=names("a", 9), revised=(OWN,))
    ),
}


@pytest.mark.parametrize("deltas", NOT_RECORDED_SO.values(), ids=NOT_RECORDED_SO)
def test_with_a_record_it_is_not_the_platforms_if(deltas):
    assert platform(judged(deltas)) == 0


# Order, time and sums


def test_the_verdict_does_not_depend_on_any_order():
    changes = [change(f"s{at}", names(f"s{at}", 3 + at), hours=(at, at + 0.5)) for at in range(6)]
    one = judged(world(*changes))
    turned = [
        replace(c, flips=(replace(c.flips[0], times=dict(reversed(list(c.flips[0].times.items())))),))
        for c in reversed(changes)
    ]
    other = judged(world(*turned))
    told = [
        [(c.cause, c.resources, c.evidence) for d in found[sub] for c in d.changes]
        for found in (one, other)
        for sub in sorted(found)
    ]
    assert told[: len(changes)] == told[len(changes) :]
    assert platform(one) == sum(len(c.resources) for c in changes)


def test_two_rollouts_a_week_apart_are_two_verdicts():
    later = [7 * 24, 7 * 24 + 2]
    deltas = {
        sub: [delta(sub, change(sub, names(sub, 8))), delta(sub, change(sub, names(sub, 6, first=20), hours=later))]
        for sub in ("a", "b")
    }
    found = judged(deltas)
    assert platform(found) == 28
    assert [d.changes[0].evidence[0].told[:12] for d in found["a"]] == ["16 resources", "12 resources"]


def test_what_was_judged_is_not_judged_again():
    found = judged(both())
    again = judged(found)
    assert all(one is other for sub in found for one, other in zip(found[sub], again[sub], strict=True))


def parts_of(found: Delta, dice: Random) -> dict[int, list[Part]]:
    parts: dict[int, list[Part]] = {}
    for place, one in enumerate(found.changes):
        if one.cause.kind in KINDS and dice.random() < 0.8:
            some = sorted(one.resources)
            chosen = frozenset(dice.sample(some, dice.randint(1, len(some))))
            parts[place] = [Part(chosen, Evidence("verdict", found.after.taken_at), "confirmed", "")]
    return parts


def totals(one: Delta) -> dict[str, float]:
    """What the changes did, summed, by control and side."""
    rows = zip(one.effects.control.tolist(), one.effects.healthy.tolist(), one.effects.counted.tolist(), strict=True)
    sums: dict[str, list[float]] = {}
    for place, *moved in rows:
        for side, number in zip("hn", moved, strict=True):
            sums.setdefault(f"{one.effects.controls[place]} {side}", []).append(number)
    return {name: fsum(numbers) for name, numbers in sums.items()}


def brought(one: Delta, side: str) -> dict[str, Fraction]:
    found: dict[str, Fraction] = {}
    for c in one.changes:
        for name, number in getattr(c, side).items():
            found[name] = found.get(name, Fraction(0)) + number
    return found


def test_what_is_divided_sums_to_what_was_there():
    divided = 0
    acts = ("remediation", "regression", "applicability_changed", "exemption_created", "resource_deleted")
    for seed in range(40):
        dice = Random(seed)
        with written(make(seed, 5, lag=seed % 2 == 0, steps=3, only=acts, subscriptions=1)) as paths:
            deltas = chain(paths, sub) if (sub := own_subscription(paths)) else []
        for one in deltas:
            new = parted(one, parts_of(one, dice))
            divided += len(new.changes) > len(one.changes)
            assert totals(new) == pytest.approx(totals(one), abs=1e-12)
            assert (brought(new, "came"), brought(new, "went")) == (brought(one, "came"), brought(one, "went"))
            assert sum(c.marks for c in new.changes) == sum(c.marks for c in one.changes)
            assert np.lexsort((new.effects.control, new.effects.change)).tolist() == list(
                range(len(new.effects.change))
            )
            for position, c in enumerate(new.changes):
                rows = new.cells.change == position
                if not rows.any():
                    continue
                names = {new.cells.resources[place] for place in new.cells.resource[rows].tolist()}
                assert names <= c.resources
                own_rows = new.effects.change == position
                assert new.cells.healthy[rows].sum() == pytest.approx(new.effects.healthy[own_rows].sum(), abs=1e-9)
                assert new.cells.counted[rows].sum() == pytest.approx(new.effects.counted[own_rows].sum(), abs=1e-9)
                counted = new.cells.counted[rows]
                assert counted[counted > 0].sum() == pytest.approx(float(sum(c.came.values())), abs=1e-9)
                assert -counted[counted < 0].sum() == pytest.approx(float(sum(c.went.values())), abs=1e-9)
            same_shares(one, new)
    assert divided > 25


def own_subscription(paths: Sequence[Any]) -> str:
    return sorted(path.name for path in paths[0].iterdir() if path.is_dir())[0]


def same_shares(one: Delta, new: Delta) -> None:
    """The movement, the unexplained and whatever was not taken are as they were; what is taken is the platform's."""
    if one.before.score is None or one.after.score is None:
        return
    sums = []
    for some in (one, new):
        course = Course(some.after.subscription.id, (some.before, some.after), (some,))
        accounts, _ = of_segment([course], 0, course.id, single=False)
        for account in accounts.values():
            owed = fsum(part for _, parts in account.actors.values() for part in parts)
            assert owed == pytest.approx(account.share, abs=1e-9)
        sums.append(accounts)
    assert fsum(a.share for a in sums[1].values()) == pytest.approx(fsum(a.share for a in sums[0].values()), abs=1e-9)
    for key, account in sums[0].items():
        if account.cause.kind not in KINDS:
            assert sums[1][key].share == pytest.approx(account.share, abs=1e-9)


# From the answers of Azure

TWO = ("11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222")
OLD = at(-900)


def account(sub: str, many: int = 8, **more: Any) -> Estate:
    return estate(
        subscription=sub,
        controls={"c": (10, ["a", "b"])},
        marks={(f"st{at}", "a"): "Unhealthy" for at in range(many)} | {("vm1", "b"): "Healthy"},
        resources={f"st{at}": {"changedTime": OLD} for at in range(many)},
        version="57.55.0",
        **more,
    )


def flipped(before: Estate, many: int = 8, **more: Any) -> Estate:
    marks = {(f"st{at}", "a"): "Healthy" for at in range(many)}
    return before.but(**{"marks": marks, **more})


def tenants(*afters: dict[str, Any]) -> list[Any]:
    befores = [account(sub) for sub in TWO]
    return [tenant(*befores), tenant(*(flipped(one, **more) for one, more in zip(befores, afters, strict=True)))]


def kinds(answer: dict[str, Any]) -> set[str]:
    return {cause["kind"] for cause in answer["causes"]}


def test_folders_of_several_subscriptions_tell_of_the_platform():
    found = explained(tenants({}, {}))
    assert kinds(found) == {"recommendation_reevaluated"}
    assert sum(cause["share"] for cause in found["causes"]) == pytest.approx(found["movement"])
    assert found["causes"][0]["actors"][0]["type"] == "platform"
    assert "16 resources in 2 subscriptions" in found["causes"][0]["evidence"][0]["told"]
    assert {kind for one in by_subscription(found).values() for kind in kinds(one)} == {"recommendation_reevaluated"}
    assert kinds(explained(tenants({}, {}), TWO[0])) == {"recommendation_reevaluated"}


def test_of_folders_what_somebody_wrote_stays_with_its_part_of_shared_cells():
    """Each account is one cell of two checks that both flipped: of the one that was written its own eighth stays."""
    befores = [account(sub) for sub in TWO]
    befores = [one.but(0, marks={(f"st{place}", "b"): "Unhealthy" for place in range(8)}) for one in befores]
    befores += [account("33333333-3333-3333-3333-333333333333", many=12)]
    befores[2] = befores[2].but(0, marks={(f"st{place}", "b"): "Unhealthy" for place in range(12)})
    marks = {(f"st{place}", rec): "Healthy" for place in range(8) for rec in "ab"}
    more = {(f"st{place}", rec): "Healthy" for place in range(12) for rec in "ab"}
    afters = [befores[0].but(marks=marks, resources={"st3": {"changedTime": at(5)}})]
    afters += [befores[1].but(marks=marks), befores[2].but(marks=more)]
    one = by_subscription(explained([tenant(*befores), tenant(*afters)]))[TWO[0]]
    sums: dict[str, float] = {}
    for cause in one["causes"]:
        sums[cause["kind"]] = sums.get(cause["kind"], 0.0) + cause["share"]
        parts = [actor["share"] for actor in cause["actors"]]
        assert fsum(parts) == pytest.approx(cause["share"], abs=1e-12)
    assert sums["remediation"] == pytest.approx(one["movement"] / 8)
    assert sums["recommendation_reevaluated"] == pytest.approx(one["movement"] * 7 / 8)


def test_folders_that_are_read_in_other_processes_tell_the_same(monkeypatch):
    story = tenants({}, {})
    here = explained(story)
    monkeypatch.setattr("drift.folders.LARGE", 0)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert explained(story) == here


WRITES = {
    "the account was written a day before": {"resources": {f"st{at_}": {"changedTime": at(-12)} for at_ in range(8)}},
    "the parameters of the benchmark were changed": {
        "assignments": {"SecurityCenterBuiltIn": {"parameters": {"days": "30"}}}
    },
    "the assignment of the benchmark was written, who knows what for": {
        "assignments": {"SecurityCenterBuiltIn": {"modified": at(-5)}}
    },
    "the plan was switched on": {"plans": {"StorageAccounts": "Standard"}},
}


@pytest.mark.parametrize("more", WRITES.values(), ids=WRITES)
def test_folders_don_t_take_for_the_platforms_what_was_brought_about(more):
    befores = [account(sub, plans={"FoundationalCspm": "Standard", "StorageAccounts": "Free"}) for sub in TWO]
    found = explained([tenant(*befores), tenant(*(flipped(one, **more) for one in befores))])
    assert "recommendation_reevaluated" not in kinds(found)
    assert "remediation" in kinds(found)


def test_a_switched_policy_says_nothing_of_other_checks():
    more = {"assignments": {"SecurityCenterBuiltIn": {"parameters": {"effectOfB": "Disabled"}}}}
    befores = [account(sub, switches={"b": "effectOfB"}) for sub in TWO]
    found = explained([tenant(*befores), tenant(*(flipped(one, **more) for one in befores))])
    assert kinds(found) == {"recommendation_reevaluated"}


def test_a_changed_description_confirms_it():
    before = account(TWO[0], recommendations={"a": {"description": "It should be so."}})
    after = flipped(before, recommendations={"a": {"description": "It should be otherwise."}})
    cause = only(own([before, after]), "recommendation_reevaluated")
    assert cause["confidence"] == "confirmed"
    assert cause["evidence"][0]["told"].endswith("; the description of the check changed")


def test_a_changed_description_is_remembered():
    before = account(TWO[0], recommendations={"a": {"description": "It should be so."}})
    middle = before.but(recommendations={"a": {"description": "It should be otherwise."}})
    assert kinds(own([before, middle, flipped(middle)])) == {"recommendation_reevaluated"}
    assert kinds(own([before, middle, flipped(middle, hours=60)])) == {"remediation"}


def test_a_new_benchmark_is_evidence_of_what_it_brought():
    before = account(TWO[0], recommendations={"new": None})
    after = before.but(
        version="57.56.0",
        controls={"c": (10, ["a", "b", "new"])},
        recommendations={"new": {"GA": at(2), "public": at(2)}},
        marks={("st1", "new"): "Healthy", ("vm1", "new"): "Unhealthy"},
    )
    cause = only(own([before, after]), "recommendation_added")
    assert cause["confidence"] == "confirmed"
    assert [one["source"] for one in cause["evidence"]] == ["assessmentMetadata", "benchmark"]
    assert cause["evidence"][1]["told"] == "the benchmark's version went from 57.55.0 to 57.56.0"
    without = only(
        own([before, after.but(0, version="57.55.0", recommendations={"new": {"GA": at(-400)}})]),
        "recommendation_added",
    )
    assert (without["evidence"], without["confidence"]) == ([], "inferred")


def test_a_subnet_was_written_when_its_network_was():
    befores = [
        estate(
            subscription=sub,
            controls={"c": (10, ["a"])},
            marks={(f"subnet{place}", "a"): "Unhealthy" for place in range(8)},
            resources={resource("vnet", sub).replace("/vnet", "/net"): {"changedTime": OLD}},
        )
        for sub in TWO
    ]
    marks = {(f"subnet{place}", "a"): "Healthy" for place in range(8)}
    still = explained([tenant(*befores), tenant(*(one.but(marks=marks) for one in befores))])
    assert kinds(still) == {"recommendation_reevaluated"}
    wrote = [
        one.but(
            marks=marks,
            resources={resource("vnet", one.world.subscription).replace("/vnet", "/net"): {"changedTime": at(3)}},
        )
        for one in befores
    ]
    assert kinds(explained([tenant(*befores), tenant(*wrote)])) == {"remediation"}

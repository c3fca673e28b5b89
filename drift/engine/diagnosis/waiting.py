"""It is done and not in the score yet: what is under way, and when the score will move.

Azure assesses a resource anew within a day, and counts anew about every 8 hours, each subscription at times of its own.
When a subscription was counted can be told from its chain: counts that changed between two looks, and marks that they
do not show yet. Whatever is known of that narrows down when it is counted next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from drift.engine import wording
from drift.engine.ahead.coverage import Coverage
from drift.engine.ahead.supposing import ahead
from drift.engine.changes import touched
from drift.engine.diagnosis import stakes
from drift.engine.diagnosis.case import Answer, Case, Reason
from drift.engine.exemptions import listed
from drift.kinds import Kind
from drift.model import DAY, HOUR, NEVER, Effects, Flags, Floats, Ints, Longs, Point, Status

COUNTED = 8 * HOUR
"""How often a subscription's marks are counted."""

SLACK = HOUR // 4
"""By how much a count may be early or late."""

RECENT = 7 * DAY
"""How long ago a count tells when the next one comes."""

UNASKED = 0.25
"""How likely a write was a fix that raises the score, where nothing but a whole scope is asked about."""

MISSED = 0.03, 0.96
"""How much of what is likely lies before and after the times that are told, of marks that are still to follow."""


@dataclass(frozen=True, slots=True)
class Coming:
    """What is under way, at one stage."""

    stage: str
    """`counts`: assessed, not counted. `assessment`: Azure knows, not assessed. `write`: written, and that is all."""
    marks: int
    resources: tuple[int, ...]
    since: int
    """The first of it, in ticks."""
    last: int
    gain: float
    """pp"""
    row: int
    """One of the marks."""


def refresh_pending(case: Case) -> Answer:
    """What was fixed is seen in Azure's own data, and not in the score yet."""
    every = coming(case)
    if not every:
        return None
    first = next((one for one in every if one.gain > 0), every[0])
    number = sum(one.marks for one in every)
    gain = sum(one.gain for one in every)
    earliest, latest = moves(case, first)
    places = sorted({place for one in every for place in one.resources})
    subscription = stakes.shell(case.snapshot.subscription.id)
    if first.stage == "counts":
        confirm = f"az security secure-score-controls list --subscription {subscription} -o table"
    else:
        confirm = stakes.show_mark(case, first.row)
    return Reason(
        reason="refresh_pending",
        confidence="confirmed" if first.stage == "counts" else "inferred",
        title=_TITLES[first.stage].format(
            marks=wording.count(number, "change"),
            on=stakes.resources(case, places),
            until=stakes.at(latest),
        ),
        weight=max(0.0, sum(_likely(case, one) for one in every)),
        evidence=tuple(_evidence(one) for one in every),
        action=f"Nothing but to wait: look again after {stakes.at(latest)}. To fix it again changes nothing.",
        confirm=confirm,
        effect=gain,
        moves_by=(earliest, latest),
        resources=stakes.named(case, places),
        count=number,
    )


def _likely(case: Case, one: Coming) -> float:
    """What it answers: that a write was a fix is likely where the question is about what it was written to."""
    return one.gain if one.stage != "write" or stakes.asks_one(case) else one.gain * UNASKED


_TITLES = {
    "counts": "{marks} on {on} assessed and not counted yet: in the score by {until}",
    "assessment": "{marks} on {on} done and not assessed yet: in the score by {until}",
    "write": "{on}: written to and not assessed since, what that changed is in the score by {until}",
}


def _evidence(one: Coming) -> str:
    marks, when = wording.count(one.marks, "mark"), f"since {stakes.at(one.since)}"
    if one.stage == "counts":
        return f"{marks} changed {when}, and the controls count as before"
    if one.stage == "assessment":
        return f"Azure's own data has it {when}, and {marks} {'says' if one.marks == 1 else 'say'} still Unhealthy"
    return f"written {when}, and {marks} of it were last changed before that"


def coming(case: Case) -> list[Coming]:
    """What is under way of what is asked and would raise the score, the nearest to the score first."""
    if case.stand is None:
        return []
    found = [one for one in (_uncounted(case), _unassessed(case)) if one is not None]
    written = _written(case, {one.row for one in found if one.stage == "assessment"})
    return found if written is None else [*found, written]


def _uncounted(case: Case) -> Coming | None:
    pending, here = case.head.pending, case.stand
    if pending is None or here is None or not len(pending.units):
        return None
    place = np.array([here.controls.index(name) for name in pending.controls], np.int32)
    units = pending.units.having(control=place[pending.units.control])
    better = (units.effective_from == Status.UNHEALTHY) | (units.effective_to == Status.HEALTHY)
    chosen = better & _asked(case, units.resource, units.recommendation)
    if not chosen.any():
        return None
    moved = touched(units, here.side).change(units, chosen, len(here.controls)).reshape(2, -1).astype(float)
    every = np.arange(len(here.controls), dtype=np.int32)
    effects = Effects(np.zeros_like(every), every, moved[0], moved[1], here.controls)
    before = case.head.at.score
    after = replace(case.head.at, counts=ahead(case.head.at.counts, effects)).score
    some = units.take(chosen)
    rows = here.side.rows(some.resource, some.recommendation)
    return Coming(
        "counts",
        len(np.unique(some.resource.astype(np.int64) << 32 | some.recommendation)),
        tuple(np.unique(some.resource).tolist()),
        int(some.since.min()),
        int(some.since.max()),
        0.0 if before is None or after is None else 100 * (after - before),
        int(rows.max(initial=-1)),
    )


def _unassessed(case: Case) -> Coming | None:
    """What policy states, exemptions and the like tell that the marks do not say yet."""
    here, last = case.stand, case.deltas[-1] if case.deltas else None
    if here is None or last is None or not last.foretold:
        return None
    parts: list[tuple[Longs, Status, int]] = []
    unhealthy = case.unhealthy()
    taken = np.zeros(len(case.snapshot.marks), np.bool_)
    for change in last.foretold:
        if change.cause.kind not in _BETTER or case.now - change.since > 2 * DAY:
            continue
        known = [case.snapshot.resources.find(one) for one in change.resources]
        places = np.array([one for one in known if one is not None], np.int64)
        rows = unhealthy[np.isin(case.snapshot.marks.resource[unhealthy], places)]
        rows = rows[_about(case, change.cause.kind, change.cause.subject, rows) & ~taken[rows]]
        taken[rows] = True
        if len(rows):
            parts.append((rows, _BETTER[change.cause.kind], change.since))
    return _of_rows(case, "assessment", parts)


_BETTER = {
    Kind.REMEDIATION: Status.HEALTHY,
    Kind.EXEMPTION_CREATED: Status.NONE,
    Kind.POLICY_DISABLED: Status.NONE,
    Kind.RESOURCE_DELETED: Status.NONE,
}


def _about(case: Case, kind: Kind, subject: str, rows: Longs) -> Flags:
    """Which of some marks a foretold change is about, beside its resources."""
    recommendation = case.snapshot.marks.recommendation[rows]
    if kind is Kind.RESOURCE_DELETED:
        return np.ones(len(rows), np.bool_)
    if kind is Kind.EXEMPTION_CREATED and (exemption := listed(case.context).get(subject.lower())) is not None:
        coverage = Coverage(case.context, case.snapshot.resources, case.snapshot.recommendations)
        return coverage.named(exemption)[recommendation]
    place = case.snapshot.recommendations.find(subject)
    return recommendation == (-1 if place is None else place)


def _written(case: Case, known: set[int]) -> Coming | None:
    """Resources that were written to in the last day and of which no mark has changed since, with those Unhealthy."""
    marks, rows = case.snapshot.marks, case.unhealthy()
    latest = np.full(len(case.snapshot.resources), NEVER, np.int64)
    np.maximum.at(latest, marks.resource, marks.changed)
    written = {place: [at for at in times if case.now - at < DAY] for place, times in stakes.writes(case).items()}
    last = {place: times[-1] for place, times in written.items() if times}
    rows = rows[np.isin(marks.resource[rows], np.array(sorted(last), np.int64))]
    times = np.array([last[place] for place in marks.resource[rows].tolist()], np.int64)
    new = latest[marks.resource[rows]] < times
    rows, times = rows[new], times[new]
    parts = [(rows[times == at], Status.HEALTHY, at) for at in np.unique(times).tolist()]
    found = _of_rows(case, "write", [part for part in parts if known.isdisjoint(part[0].tolist())])
    if found is None or stakes.asks_one(case):
        return found
    return replace(found, gain=found.gain * len(found.resources) / found.marks)  # as if each write fixed one thing


def _of_rows(case: Case, stage: str, parts: list[tuple[Longs, Status, int]]) -> Coming | None:
    if not parts:
        return None
    rows = np.concatenate([own for own, _, _ in parts])
    kinds = {status: np.concatenate([own for own, to, _ in parts if to is status]) for _, status, _ in parts}
    gained = [gain for gain in stakes.gains(case, [(own, to) for to, own in kinds.items()]) if gain is not None]
    times = [at for _, _, at in parts]
    places = np.unique(case.snapshot.marks.resource[rows]).tolist()
    return Coming(stage, len(rows), tuple(places), min(times), max(times), sum(gained), int(rows[0]))


def _asked(case: Case, resource: Ints, recommendation: Ints) -> Flags:
    """Which of some marks the question is about, whether they are still there or not."""
    found = np.ones(len(resource), np.bool_)
    for name, names, column in (
        (case.asked.recommendation, case.snapshot.recommendations, recommendation),
        (case.asked.resource, case.snapshot.resources, resource),
    ):
        if name is not None:
            place = names.find(name)
            found &= column == (-1 if place is None else place)
    return found


# When the score moves


def moves(case: Case, one: Coming) -> tuple[int, int]:
    """When the score begins to move with what is under way: not before, and not after, in ticks."""
    low, high = next_count(case)
    if one.stage == "counts":
        return max(case.now, low - SLACK), high + SLACK
    room = max(one.last + DAY - case.now, 2 * HOUR)
    steps: Floats = (np.arange(200) + 0.5) / 200
    alike = min(one.marks, 2)  # of several the first counts, but they are often assessed together
    follows = case.now + room * (1 - (1 - steps) ** (1 / alike))
    counted = low + (high - low) * steps
    waits = np.maximum(0, np.ceil((follows[:, None] - counted[None, :]) / COUNTED))
    early, late = np.quantile(counted[None, :] + waits * COUNTED, MISSED)
    return max(case.now, int(early) - SLACK), int(late) + SLACK


def next_count(case: Case) -> tuple[int, int]:
    """Between which ticks the subscription is counted next, by the rhythm of its counts."""
    now, pending = case.now, case.head.pending
    last = now + COUNTED
    dated = pending.units.time[pending.units.time != NEVER] if pending is not None else np.zeros(0, np.int64)
    if len(dated) and now - COUNTED < (waiting := int(dated.min())) <= now:
        last = waiting + COUNTED  # not counted since: the counts would show it
    pieces = [(now, last)]
    for low, high in _counts(case):
        inside = [
            (max(first, low + at * COUNTED), min(last, high + at * COUNTED))
            for first, last in pieces
            for at in range((first - high) // COUNTED, (last - low) // COUNTED + 2)
        ]
        pieces = [piece for piece in inside if piece[0] < piece[1]] or pieces  # counts are not always on time
    return min(low for low, _ in pieces), max(high for _, high in pieces)


def _counts(case: Case) -> Iterator[tuple[int, int]]:
    """Between which looks it was counted, the latest first.

    Which marks a count has seen would narrow it down further, and mislead where marks make no difference to it.
    """
    for delta in reversed(case.deltas):
        if case.now - delta.after.taken_at > RECENT:
            return
        if _tallied(delta.before) != _tallied(delta.after):
            yield delta.before.taken_at, delta.after.taken_at


def _tallied(point: Point) -> dict[str, tuple[int, int]]:
    return {name: (one.healthy, one.counted) for name, one in point.counts.items()}


RULES = (refresh_pending,)

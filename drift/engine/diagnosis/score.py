"""Reasons that lie in how the score is made: a control pays in proportion, a resource as a whole, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from drift.engine import wording
from drift.engine.ahead.supposing import cells_of
from drift.engine.diagnosis import stakes
from drift.engine.diagnosis.case import Answer, Case, Reason
from drift.engine.diagnosis.movement import SHOWN
from drift.engine.diagnosis.question import WHOLE, accounts, fixed, fixes
from drift.engine.diagnosis.waiting import coming
from drift.engine.scoring import layers
from drift.ids import is_guid
from drift.model import Longs, Status


def partially_fixed(case: Case) -> Answer:
    """Part of what is asked is fixed: the rest is not, or other recommendations keep the same resources unhealthy."""
    if case.stand is None:
        return None
    done = fixed(case)
    effective, marks = case.stand.side.effective, case.snapshot.marks
    about = case.rows if stakes.asks_one(case) else _of_recommendations(case, done)
    rest = about[effective[about] == Status.UNHEALTHY]
    healthy = about[effective[about] == Status.HEALTHY]
    held, blockers = _blocked(case, healthy if stakes.asks_one(case) else done)
    if not len(healthy) or not (len(rest) or len(held)):
        return None
    fresh = np.intersect1d(held, done)
    _, fresh_blockers = _blocked(case, fresh)
    every = np.union1d(rest, blockers)
    of_rest, of_all, of_fresh = (
        gain or 0.0 for gain in stakes.gains(case, [(rows, Status.HEALTHY) for rows in (rest, every, fresh_blockers)])
    )
    brought = sum(account.share for account in accounts(case) if fixes(account, case.asked))
    weight = of_fresh
    if stakes.asks_one(case) and len(done) and not 0 < brought < SHOWN:  # else it is too little to be seen: `rounding`
        weight += of_rest
    if any(one.gain > 0 for one in coming(case)):  # what is under way answers first
        weight = 0.0
    return Reason(
        reason="partially_fixed",
        confidence="confirmed",
        title=_part(case, about, rest, held, blockers),
        weight=max(0.0, weight),
        evidence=tuple(_left(case, rest, held, blockers, of_rest)),
        action="Fix what is left: a control pays a resource when all its recommendations there are healthy.",
        confirm=stakes.show_mark(case, int(every[0])) if len(every) == 1 else _list_unhealthy(case, every),
        effect=of_all,
        resources=stakes.named(case, np.unique(marks.resource[every]).tolist()),
        count=len(np.unique(marks.resource[every])),
    )


def _of_recommendations(case: Case, done: Longs) -> Longs:
    """Of a question that names nothing, the marks of what was worked on."""
    recommendation = case.snapshot.marks.recommendation
    return case.rows[np.isin(recommendation[case.rows], recommendation[done])]


def _blocked(case: Case, healthy: Longs) -> tuple[Longs, Longs]:
    """Of some healthy marks those whose cell another mark keeps Unhealthy, and the marks that do."""
    none = np.zeros(0, np.int64)
    if case.stand is None or not len(healthy):
        return none, none
    side, marks, size = case.stand.side, case.snapshot.marks, len(case.snapshot.resources)
    near = np.zeros(size, np.bool_)
    near[marks.resource[healthy]] = True
    bad = np.flatnonzero((side.effective == Status.UNHEALTHY) & near[marks.resource])
    columns = layers(side.member)
    ours, theirs = (cells_of(columns, marks, rows, size) for rows in (healthy, bad))
    held = np.isin(ours[1], theirs[1])
    blocking = np.isin(theirs[1], ours[1])
    return np.unique(ours[0][held]), np.unique(theirs[0][blocking])


def _part(case: Case, about: Longs, rest: Longs, held: Longs, blockers: Longs) -> str:
    resources, effective = case.snapshot.marks.resource, case.stand.side.effective if case.stand else None
    assert effective is not None
    if len(rest):
        counted = about[effective[about] != Status.NONE]
        if case.asked.resource is not None and case.asked.recommendation is None:
            many = f"{len(rest):,} of {wording.count(len(counted), 'recommendation')}"
            return f"{many} on {stakes.resources(case, resources[rest].tolist())} are still unhealthy"
        places = np.unique(case.snapshot.marks.recommendation[rest])
        which = stakes.recommendation(case, int(places[0])) if len(places) == 1 else "what was worked on"
        left, every = (len(np.unique(resources[rows])) for rows in (rest, counted))
        return f"{which}: {left:,} of {wording.count(every, 'resource')} {'is' if left == 1 else 'are'} still unhealthy"
    verb = "keeps" if len(np.unique(case.snapshot.marks.recommendation[blockers])) == 1 else "keep"
    return f"{stakes.where(case, held)}: fixed, but {_what(case, blockers)} {verb} the same control unhealthy there"


def _what(case: Case, rows: Longs) -> str:
    places = np.unique(case.snapshot.marks.recommendation[rows]).tolist()
    if len(places) == 1:
        return stakes.recommendation(case, places[0])
    return wording.count(len(places), "other recommendation")


def _left(case: Case, rest: Longs, held: Longs, blockers: Longs, worth: float) -> Iterator[str]:
    if len(rest):
        yield f"still Unhealthy: {stakes.where(case, rest)}, worth {worth:.2f} pp"
    recommendation = case.snapshot.marks.recommendation
    for place in np.unique(recommendation[blockers]).tolist()[: stakes.FEW]:
        rows = blockers[recommendation[blockers] == place]
        yield f"fixed, but held back by {stakes.where(case, rows)}"
    if len(held):
        places = case.snapshot.marks.resource[held].tolist()
        yield f"{stakes.resources(case, places)} healthy in it, and unhealthy in the control"


def ceiling(case: Case) -> Answer:
    """Nothing is left that counts as unhealthy: no fix can raise the score."""
    if case.stand is None or len(case.unhealthy()) or (stakes.asks_one(case) and not len(case.rows)):
        return None
    score, marks = case.head.at.score, case.snapshot.marks
    rows, status = case.rows, marks.status[case.rows]
    healthy, apart = (int(np.count_nonzero(status == value)) for value in (Status.HEALTHY, Status.NOT_APPLICABLE))
    uncounted = int(np.count_nonzero(status == Status.UNHEALTHY))
    off = sorted(wording.clean(plan.name) for plan in (case.context.plans or {}).values() if not plan.on)
    if stakes.asks_one(case):
        held, _ = _blocked(case, rows)
        if not healthy or uncounted or len(held):  # it does not count, or not yet: other reasons say why
            return None
        title = f"{stakes.where(case, rows)}: nothing is unhealthy there, it has brought all it can"
    else:
        title = "nothing that counts is unhealthy: with what is assessed now, the score can't rise"
    evidence = [f"{wording.count(healthy, 'mark')} Healthy, none Unhealthy that counts"]
    evidence += [f"{wording.count(apart, 'mark')} not applicable: outside the score"] if apart else []
    evidence += [f"{wording.count(uncounted, 'mark')} Unhealthy and outside the score"] if uncounted else []
    evidence += [f"plans that are off, and bring no recommendations: {', '.join(off)}"] if off else []
    full = score is not None and score > 1 - 1e-9 and not stakes.asks_one(case)
    return Reason(
        reason="ceiling",
        confidence="confirmed",
        title=title,
        weight=WHOLE if full else 0.0,
        evidence=tuple(evidence),
        action="Nothing to fix here. More is assessed only with more plans, agents or connectors: see the coverage.",
        confirm=_list_unhealthy(case, rows),
        count=len(rows),
    )


def _list_unhealthy(case: Case, rows: Longs) -> str:
    """The command that lists what is unhealthy, of the one recommendation that some marks are of."""
    places = np.unique(case.snapshot.marks.recommendation[rows]).tolist()
    key = case.snapshot.recommendations[places[0]] if len(places) == 1 else ""
    which = f" && name=='{key}'" if is_guid(key) else ""
    query = f"[?status.code=='Unhealthy'{which}].{{name:displayName, id:id}}"
    return f'az security assessment list --subscription {stakes.shell(case.snapshot.subscription.id)} --query "{query}"'


RULES = (partially_fixed, ceiling)

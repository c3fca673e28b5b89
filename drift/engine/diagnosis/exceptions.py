"""Reasons that lie in exceptions: what is exempt, shielded or does not count, and what is only planned."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from drift.engine import wording
from drift.engine.diagnosis import stakes
from drift.engine.diagnosis.case import Answer, Case, Reason, Undecided
from drift.engine.diagnosis.ineffective import exemption_without_effect
from drift.engine.diagnosis.question import WHOLE
from drift.engine.scoring import exempt
from drift.kinds import Kind
from drift.model import NEVER, Because, Exemption, Flags, Grace, Longs, Status

_EXEMPTIONS = ("policy_exemptions", "standard_exemptions")


def exempted(case: Case) -> Answer:
    """What is asked about is exempt: to fix it moves nothing."""
    here, marks = case.stand, case.snapshot.marks
    if here is None:
        return None
    rows = case.rows[exempt(marks.status[case.rows], marks.because[case.rows])]
    rows = rows[here.standing.counts[marks.recommendation[rows]]]
    if not len(rows):
        return None
    by: dict[str, tuple[Exemption | None, list[int]]] = {}
    for row in rows.tolist():
        found = here.exemptions.match(int(marks.resource[row]), int(marks.recommendation[row]))
        by.setdefault(found.id.lower() if found else "", (found, []))[1].append(row)
    ranked = sorted(by.items(), key=lambda item: (item[0] == "", -len(item[1][1]), item[0]))
    first = ranked[0][1][0]
    evidence = [
        f"{wording.count(len(own), 'mark')} Exempt"
        + (f" by {stakes.exemption(one)}" if one else "; no exemption in the files matches")
        for _, (one, own) in ranked[: stakes.FEW]
    ]
    missing = [stakes.FILES[name] for name in _EXEMPTIONS if getattr(case.context, name) is None]
    if first is None and missing:
        evidence.append(f"by which exemption, {' and '.join(missing)} would tell")
    effect = stakes.gain(case, rows, Status.UNHEALTHY)
    evidence.append("the effect is that of removing the exemption, if all of it proves Unhealthy again")
    name = f" by {stakes.exemption(first)}" if first else ""
    more = f" and {len(ranked) - 1} more" if len(ranked) > 1 and first else ""
    return Reason(
        reason="exempted",
        confidence="confirmed" if first else "inferred",
        title=f"{stakes.where(case, rows)} exempt{name}{more}: fixing it does not move the score",
        weight=stakes.worth(case, rows if stakes.asks_one(case) else _worked_on(case, rows, by.values())),
        evidence=tuple(evidence),
        action="Nothing, if the exemption is meant; else remove it, and the next assessment counts again.",
        confirm=stakes.show_exemption(first) if first else stakes.show_mark(case, int(rows[0])),
        effect=effect,
        resources=stakes.named(case, np.unique(marks.resource[rows]).tolist()),
        count=len(np.unique(marks.resource[rows])),
    )


def _worked_on(case: Case, rows: Longs, by: Iterable[tuple[Exemption | None, list[int]]]) -> Longs:
    """Of some exempt marks those that somebody was at work on lately, or made exempt."""
    made = [own for one, own in by if one is not None and one.made.at >= stakes.began(case)]
    new = np.array(sorted(row for own in made for row in own), np.int64)
    return np.union1d(new, rows[_written(case, rows)]).astype(np.int64)


def _written(case: Case, rows: Longs) -> Flags:
    """Of which of some marks the resource was written lately."""
    places = np.array(sorted(stakes.writes(case)), np.int64)
    return np.isin(case.snapshot.marks.resource[rows], places)


def governance_only(case: Case) -> Answer:
    """It has an owner and a date, and nothing of it is fixed."""
    if case.context.dues is None or case.context.graces is None:
        return Undecided("governance_only", stakes.FILES["graces"])
    rows, own = _governed(case, (*case.context.dues, *case.context.graces))
    left = (case.snapshot.marks.status[rows] == Status.UNHEALTHY) & ~_fixed(case)[
        case.snapshot.marks.recommendation[rows]
    ]
    rows, own = rows[left], [one for one, kept in zip(own, left.tolist(), strict=True) if kept]
    if not len(rows):
        return None
    effect = stakes.gain(case, rows, Status.HEALTHY)
    owners = sorted({wording.clean(one.owner) for one in own if one.owner})
    dues = sorted({one.due for one in own})
    late = sum(one.due <= case.now for one in own)
    who = ", ".join(owners[: stakes.FEW]) or "nobody by name"
    until = stakes.day(dues[0]) if len(dues) == 1 else f"{stakes.day(dues[0])} to {stakes.day(dues[-1])}"
    evidence = [f"{wording.count(len(rows), 'mark')} Unhealthy with an owner and a due date: {who}; due {until}"]
    evidence += [f"{wording.count(late, 'due date')} passed"] if late else []
    evidence.append("no fix of it in the time looked at")
    return Reason(
        reason="governance_only",
        confidence="confirmed",
        title=f"{stakes.where(case, rows)}: {who} is to fix it by {until}, and nothing is fixed; a date moves no score",
        weight=max(0.0, effect or 0.0) if stakes.asks_one(case) else 0.0,
        evidence=tuple(evidence),
        action="Fix it, or ask its owner: a governance rule only assigns it.",
        confirm=_show_governance(case, int(rows[0])),
        effect=effect,
        resources=stakes.named(case, np.unique(case.snapshot.marks.resource[rows]).tolist()),
        count=len(np.unique(case.snapshot.marks.resource[rows])),
    )


def _fixed(case: Case) -> Flags:
    """[recommendation] of which something was fixed in the time asked about, or is on its way."""
    found = np.zeros(len(case.snapshot.recommendations), np.bool_)
    for delta in case.deltas:
        for change in (*delta.changes, *delta.pending, *delta.foretold):
            place = case.snapshot.recommendations.find(change.cause.subject)
            on = case.asked.resource is None or case.asked.resource in {one.lower() for one in change.resources}
            if change.cause.kind is Kind.REMEDIATION and place is not None and on:
                found[place] = True
    return found


def grace_period(case: Case) -> Answer:
    """A governance grace period shields it: it does not count as Unhealthy, so a fix brings little now."""
    if case.context.graces is None:
        return Undecided("grace_period", stakes.FILES["graces"])
    here, marks = case.stand, case.snapshot.marks
    if here is None:
        return None
    rows = case.rows[here.standing.shielded[case.rows]]
    if not len(rows):
        return None
    running = [one for one in case.context.graces if one.due > case.now]
    _, own = _governed(case, running)
    until = sorted({one.due for one in own})
    fixed, ended = stakes.gains(case, [(rows, Status.HEALTHY), (rows, Status.UNHEALTHY)])
    chosen = rows if stakes.asks_one(case) else rows[_written(case, rows)]
    spared = stakes.gain(case, chosen, Status.UNHEALTHY) if len(chosen) else None
    last = stakes.day(until[0]) if until else "a date that is not known"
    evidence = [f"{wording.count(len(rows), 'mark')} Unhealthy in a grace period, the first until {last}"]
    evidence += [f"to fix all of it now moves the score by {fixed:+.2f} pp"] if fixed is not None else []
    evidence += [f"unfixed, {ended:+.2f} pp when the grace periods end"] if ended is not None else []
    return Reason(
        reason="grace_period",
        confidence="confirmed",
        title=f"{stakes.where(case, rows)} in a grace period until {last}: it does not count yet, nor does its fix",
        weight=max(0.0, -(spared or 0.0)),
        evidence=tuple(evidence),
        action="Fix it before the grace period ends, so that the score does not fall then.",
        confirm=_show_governance(case, int(rows[0])),
        effect=fixed,
        resources=stakes.named(case, np.unique(marks.resource[rows]).tolist()),
        count=len(np.unique(marks.resource[rows])),
    )


def _governed(case: Case, every: Iterable[Grace]) -> tuple[Longs, list[Grace]]:
    """The marks of the question that governance assignments are about, each once, with the assignment."""
    given = list(every)
    if case.stand is None or not given:
        return np.zeros(0, np.int64), []
    columns = [one.resource for one in given], [one.recommendation for one in given]
    rows = case.stand.side.rows(*(np.array(column, np.int32) for column in columns))
    found = dict(zip(rows.tolist(), given, strict=True))
    kept = np.intersect1d(case.rows, rows[rows >= 0]).astype(np.int64)
    return kept, [found[row] for row in kept.tolist()]


def _show_governance(case: Case, row: int) -> str:
    marks, snapshot = case.snapshot.marks, case.snapshot
    key, resource = snapshot.recommendations[marks.recommendation[row]], snapshot.resources[marks.resource[row]]
    path = f"{resource}/providers/Microsoft.Security/assessments/{key}/governanceAssignments"
    return "az rest --method get --url " + stakes.shell(
        f"https://management.azure.com{path}?api-version=2022-01-01-preview"
    )


def not_scoring(case: Case) -> Answer:
    """What is asked about does not count in the score, fixed or not."""
    here, marks = case.stand, case.snapshot.marks
    if here is None:
        return None
    place = stakes.asked_recommendation(case)
    of = np.unique(marks.recommendation[case.rows]).tolist() or ([] if place is None else [place])
    silent = {at: why for at in of if (why := _uncounted(case, at)) is not None}
    moot = (marks.status == Status.NOT_APPLICABLE) & (marks.because == Because.OTHER)
    apart = np.isin(marks.recommendation[case.rows], sorted(silent))
    none = apart | moot[case.rows]
    whole = stakes.asks_one(case) and (bool(none.all()) if len(case.rows) else bool(silent))
    unhealthy = marks.recommendation[case.unhealthy()]
    if whole or (
        case.asked.recommendation is None and case.asked.resource and np.isin(unhealthy, sorted(silent)).all()
    ):
        rows = case.rows[none]  # of a resource, nothing else is left to fix
    else:
        rows = _fixed_lately(case, case.rows[apart])
    if not whole and not len(rows):
        return None
    told: dict[str, int] = {}
    for at in marks.recommendation[rows].tolist() or of:
        why = silent.get(at, "not applicable there")
        told[why] = told.get(why, 0) + 1
    first = max(told, key=lambda why: (told[why], why))
    fixed = _fixed_lately(case, rows)
    verb = "do" if len(np.unique(marks.recommendation[rows])) > 1 else "does"
    key = case.snapshot.recommendations[int(marks.recommendation[rows[0]]) if len(rows) else of[0]]
    where = stakes.where(case, rows) if len(rows) else stakes.recommendation(case, of[0])
    weight = stakes.worth(case, fixed) if len(fixed) else 0.0
    return Reason(
        reason="not_scoring",
        confidence="confirmed",
        title=f"{where} {verb} not count in the score: {first}",
        weight=WHOLE if whole else weight,
        evidence=tuple(f"{wording.count(number, 'mark')}: {why}" for why, number in sorted(told.items())),
        action="Fix it for what it is worth, and look elsewhere for what moves the score.",
        confirm=f"az security assessment-metadata show --name {stakes.shell(key)}"
        if first in silent.values()
        else stakes.show_mark(case, int(rows[0])),
        effect=0.0,
        resources=stakes.named(case, np.unique(marks.resource[rows]).tolist()),
        count=len(np.unique(marks.resource[rows])),
    )


def _uncounted(case: Case, recommendation: int) -> str | None:
    """Why a recommendation does not count; None if it does."""
    here, known = case.stand, case.context.recommendations
    if here is None:
        return None
    if known is not None and recommendation in known and known[recommendation].preview:
        return "it is in preview"
    listing = np.flatnonzero(here.side.member[:, recommendation]).tolist()
    if not listing:
        return "no control of the score lists it: it is custom, or of another standard"
    if known is not None and recommendation not in known:
        return "it is not among Microsoft's recommendations any more"
    maxima = {one.name.lower(): one.maximum for one in case.snapshot.controls}
    if all(maxima.get(here.controls[at], 0.0) == 0 for at in listing):
        return "its control is worth no points"
    return None


def _fixed_lately(case: Case, rows: Longs) -> Longs:
    """Of some marks those that turned Healthy lately."""
    marks = case.snapshot.marks
    dated = (marks.changed[rows] != NEVER) & (marks.changed[rows] >= stakes.began(case))
    return rows[dated & (marks.status[rows] == Status.HEALTHY)]


RULES = (exempted, exemption_without_effect, governance_only, grace_period, not_scoring)

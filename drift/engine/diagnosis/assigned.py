"""Reasons that lie in the assignment of the benchmark: what it does not reach, and what its parameters switch off."""

from __future__ import annotations

import numpy as np

from drift import ids
from drift.engine import wording
from drift.engine.ahead.coverage import Coverage
from drift.engine.diagnosis import stakes
from drift.engine.diagnosis.case import Answer, Case, Reason, Undecided
from drift.engine.exemptions import initiative
from drift.kinds import Kind
from drift.model import Assignment, Because, Flags, Longs, Status

FILE = stakes.FILES["assignments"]


def benchmark_unassigned(case: Case) -> Answer:
    """No assignment of the benchmark reaches the subscription, or some of what is asked about."""
    if case.context.assignments is None:
        return Undecided("benchmark_unassigned", FILE)
    place = stakes.asked_recommendation(case)
    if place is not None and not _of_policy(case)[place]:
        return None  # what no policy feeds needs no assignment
    own = _assignments(case)
    outside = stakes.about(case)
    outside = outside[~covered(case)[outside]]
    weight = stakes.lost(case, Kind.POLICY_DISABLED)
    if own:
        outside = _bare(case, outside)
        if not len(outside):
            return None
        title = f"no assignment of the benchmark covers {stakes.resources(case, outside.tolist())}"
        if place is not None:
            weight = max(weight, stakes.unseen(case, [place], outside))
    else:
        title = "the benchmark is not assigned to this subscription: its policies assess nothing"
        weight = max(weight, stakes.worth(case, case.unhealthy()) if len(case.unhealthy()) else 0.0)
    evidence = [f"{FILE}: {wording.count(len(own), 'assignment')} of the benchmark, inherited ones included"]
    evidence += [
        f"{wording.clean(one.id, 200)} applies to {wording.clean(one.scope, 200)}"
        + (f", without {wording.count(len(one.excluded), 'excluded scope')}" if one.excluded else "")
        for one in own[: stakes.FEW]
    ]
    return Reason(
        reason="benchmark_unassigned",
        confidence="confirmed",
        title=title,
        weight=weight,
        evidence=tuple(evidence),
        action="Assign the Microsoft cloud security benchmark there"
        + (", or take the scope out of the exclusions." if any(one.excluded for one in own) else "."),
        confirm=_show_assignments(case),
        resources=stakes.named(case, outside.tolist()),
        count=len(outside),
    )


def _show_assignments(case: Case) -> str:
    """The command that lists them, inherited ones included: `az policy assignment list` leaves these out."""
    url = f"https://management.azure.com{case.root}/providers/Microsoft.Authorization/policyAssignments"
    return f"az rest --method get --url {stakes.shell(url + '?api-version=2022-06-01')}"


def _bare(case: Case, outside: Longs) -> Longs:
    """Of some resources those that no policy has marked, and of whose type it has marked others, or that are asked for.

    What bears marks is assessed, whatever the list of assignments says.
    """
    snapshot = case.snapshot
    fed = _of_policy(case)[snapshot.marks.recommendation]
    marked = np.unique(snapshot.marks.resource[fed])
    bare = np.setdiff1d(outside, marked)
    if case.asked.resource is not None or not len(bare):
        return bare
    types = {ids.type_of(snapshot.resources[place]) for place in marked.tolist()}
    return bare[np.array([ids.type_of(snapshot.resources[place]) in types for place in bare.tolist()], np.bool_)]


def policy_disabled(case: Case) -> Answer:
    """The policy of a recommendation is switched off by a parameter of the assignment."""
    marks = case.snapshot.marks
    rows = case.rows[
        (marks.status[case.rows] == Status.NOT_APPLICABLE) & (marks.because[case.rows] == Because.OFF_BY_POLICY)
    ]
    place = stakes.asked_recommendation(case)
    of = np.unique(marks.recommendation[rows]).tolist()
    if not len(rows):
        if place is None or len(case.rows):
            return None
        of = [place]
    by = _switched_off(case, of)
    if not len(rows) and not by:
        return None
    counting = rows if case.stand is None else rows[case.stand.standing.counts[marks.recommendation[rows]]]
    weight = stakes.lost(case, Kind.POLICY_DISABLED)
    if stakes.asks_one(case):
        seen = stakes.worth(case, counting) if len(counting) else stakes.unseen(case, of, stakes.about(case))
        weight = max(weight, seen)
    evidence = [f"{wording.count(len(rows), 'mark')} NotApplicable, because OffByPolicy"] if len(rows) else []
    evidence += [
        f"assignment {wording.clean(one.id, 200)} sets {wording.clean(_parameter(case, one, at))} to Disabled"
        for one, at in by[: stakes.FEW]
    ]
    if not by:
        evidence.append(f"by which parameter, {FILE} and {stakes.FILES['initiatives']} would tell")
    effect = stakes.gain(case, counting, Status.UNHEALTHY) if len(counting) else None
    if effect is not None:
        evidence.append("the effect is that of the policy switched on again, if all of it proves Unhealthy")
    what = stakes.where(case, rows) if len(rows) else stakes.recommendation(case, of[0])
    name, scope = (by[0][0].id, by[0][0].scope) if by else ("", "")
    return Reason(
        reason="policy_disabled",
        confidence="confirmed",
        title=f"{what}: switched off by policy, so that it does not count",
        weight=weight,
        evidence=tuple(evidence),
        action="Set the parameter to AuditIfNotExists if you want the check; until then no fix of it counts.",
        confirm=f"az policy assignment show --name {stakes.shell(ids.last(name))} --scope {stakes.shell(scope)}"
        if by
        else stakes.show_mark(case, int(rows[0])),
        effect=effect,
        resources=stakes.named(case, np.unique(marks.resource[rows]).tolist()),
        count=len(np.unique(marks.resource[rows])),
    )


def _switched_off(case: Case, recommendations: list[int]) -> list[tuple[Assignment, int]]:
    """The assignments that switch some recommendations off, each with the recommendation."""
    coverage = Coverage(case.context, case.snapshot.resources, case.snapshot.recommendations)
    return [(one, at) for one in _assignments(case) for at in recommendations if coverage.off(one, at)]


def _assignments(case: Case) -> list[Assignment]:
    """Those of the benchmark, by id."""
    known = case.context.assignments or {}
    return [one for _, one in sorted(known.items()) if initiative(case.context, one.definition)]


def covered(case: Case) -> Flags:
    """[resource] what any assignment of the benchmark applies to; all of it where none is known."""
    if case.context.assignments is None:
        return np.ones(len(case.snapshot.resources), np.bool_)
    coverage = Coverage(case.context, case.snapshot.resources, case.snapshot.recommendations)
    found = np.zeros(len(case.snapshot.resources), np.bool_)
    for one in _assignments(case):
        found |= coverage.reach(one)
    return found


def _of_policy(case: Case) -> Flags:
    """[recommendation] whether a policy feeds it; taken to be so where there is no metadata."""
    known = case.context.recommendations
    found = np.full(len(case.snapshot.recommendations), known is None, np.bool_)
    for place, one in (known or {}).items():
        found[place] = one.policy is not None
    return found


def _parameter(case: Case, assignment: Assignment, recommendation: int) -> str:
    """The parameter that switches the policy of a recommendation."""
    known = (case.context.recommendations or {}).get(recommendation)
    switches = (case.context.switches or {}).get(assignment.definition, {})
    return switches.get((known.policy if known else None) or "", "a parameter")

"""Exemptions that exempt nothing though they were meant to: and what is wrong with each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from drift import ids
from drift.actors import Confidence
from drift.engine import wording
from drift.engine.ahead.coverage import Coverage
from drift.engine.diagnosis import stakes
from drift.engine.diagnosis.case import Answer, Case, Reason, Undecided
from drift.engine.exemptions import in_force, initiative, listed
from drift.engine.scoring import exempt
from drift.model import DAY, NEVER, Exemption, Flags, Longs, Status

READER = "Microsoft Azure Security Resource Provider"
"""Who must be Reader of a management group before an exemption there has an effect."""


@dataclass(frozen=True, slots=True)
class _Flaw:
    """An exemption, why it has no effect, and the marks that it was meant for."""

    exemption: Exemption
    why: str
    action: str
    rows: Longs
    confidence: Confidence = "confirmed"


def exemption_without_effect(case: Case) -> Answer:
    """An exemption is there, and what it was meant for counts all the same."""
    missing = [
        stakes.FILES[name]
        for name in ("policy_exemptions", "standard_exemptions")
        if getattr(case.context, name) is None
    ]
    flaws = list(_Flaws(case).all()) if case.stand is not None and listed(case.context) else []
    if not flaws:
        return Undecided("exemption_without_effect", " and ".join(missing)) if missing else None
    rows = np.unique(np.concatenate([flaw.rows for flaw in flaws]))
    gains = stakes.gains(case, [(flaw.rows, _to(case, flaw.exemption)) for flaw in flaws])
    ranked = sorted(range(len(flaws)), key=lambda at: (-abs(gains[at] or 0.0), flaws[at].exemption.id.lower()))
    first = flaws[ranked[0]]
    counted = [flaw for flaw in flaws if stakes.asks_one(case) or _lately(case, flaw.exemption)]
    meant = np.unique(np.concatenate([np.zeros(0, np.int64), *(flaw.rows for flaw in counted)]))
    mitigated = _to(case, first.exemption)
    effect = stakes.gain(case, rows, mitigated) if len(rows) else None
    weight = stakes.gain(case, meant, mitigated) if len(meant) else None
    more = f"; and {wording.count(len(flaws) - 1, 'more exemption')}" if len(flaws) > 1 else ""
    return Reason(
        reason="exemption_without_effect",
        confidence=first.confidence,
        title=f"exemption “{wording.clean(first.exemption.title)}” has no effect: {first.why}{more}",
        weight=abs(weight or 0.0),
        evidence=tuple(
            f"{stakes.exemption(flaws[at].exemption)}: {flaws[at].why}; {wording.count(len(flaws[at].rows), 'mark')} "
            "that it was meant for not Exempt"
            for at in ranked[: stakes.FEW]
        ),
        action=first.action,
        confirm=stakes.show_exemption(first.exemption),
        effect=effect,
        resources=stakes.named(case, np.unique(case.snapshot.marks.resource[rows]).tolist()),
        count=len(flaws),
    )


def _to(case: Case, exemption: Exemption) -> Status:
    """What a mark contributes once it is exempt by it."""
    return Status.HEALTHY if exemption.mitigated and case.head.healthy_reading else Status.NONE


def _lately(case: Case, exemption: Exemption) -> bool:
    """Whether it was made or changed, or ran out, in the time asked about."""
    ended = exemption.expires if exemption.expires <= case.now else NEVER
    return max(exemption.made.at, exemption.modified.at, ended) >= stakes.began(case)


class _Flaws:
    def __init__(self, case: Case) -> None:
        self.case, self.context, self.marks = case, case.context, case.snapshot.marks
        self.names = case.snapshot.resources, case.snapshot.recommendations
        self.coverage = Coverage(case.context, *self.names)
        self.place = stakes.asked_recommendation(case)
        self.exempt: Flags = exempt(self.marks.status, self.marks.because)
        assert case.stand is not None
        self.effective, self.counts = case.stand.side.effective, case.stand.standing.counts
        self.unhealthy = case.unhealthy()
        self.open: Flags = np.zeros(len(self.marks), np.bool_)
        self.open[self.unhealthy] = True
        self._on: dict[str, Longs] = {}

    def all(self) -> Iterator[_Flaw]:
        """What is wrong with each exemption that bears on the question; those without a flaw are left out."""
        unknown = self.case.asked.recommendation is not None and self.place is None
        for _, one in sorted(listed(self.context).items()):
            flaw = None if unknown else self._flaw(one)
            if flaw is not None:
                yield flaw

    def _flaw(self, one: Exemption) -> _Flaw | None:
        named = self.coverage.named(one)
        around = self._in_scope(one.scope)
        inside = around[named[self.marks.recommendation[around]] & self.counts[self.marks.recommendation[around]]]
        names_it = self.place is None or bool(named[self.place])
        open_marks = inside[self.open[inside]]
        if (why := self._assignment(one)) is not None:
            rows = around[self.open[around]]
            rows = rows[named[self.marks.recommendation[rows]]] if named.any() else rows
            return _Flaw(one, why, "Make it for the assignment of the benchmark.", rows) if self._bears(rows) else None
        if self._names_nothing(one, named):
            rows = around[self.open[around]]
            why = "the benchmark has none of the policies that it names"
            return _Flaw(one, why, "Give it the references of the benchmark.", rows) if self._bears(rows) else None
        if not names_it:
            return None
        if not in_force(one, self.case.now):
            why = f"it ran out on {stakes.day(one.expires)}"
            return (
                _Flaw(one, why, "Prolong it, if it still holds, or fix what it covered.", open_marks)
                if len(open_marks)
                else None
            )
        excluded = inside[:0]
        if one.excluded:
            out = np.array([self._excluded(one, place) for place in self.marks.resource[inside].tolist()], np.bool_)
            excluded, inside = inside[out], inside[~out]
            open_marks = inside[self.open[inside]]
        if not len(inside):
            return self._out_of_place(one, named, excluded)
        if self.exempt[inside].any() or not len(open_marks):
            return None
        if max(one.made.at, one.modified.at) > self.case.now - DAY:
            return None  # it takes a day to show
        return self._unapplied(one, open_marks)

    def _in_scope(self, scope: str) -> Longs:
        """The rows of the marks on what lies in a scope."""
        if scope not in self._on:
            places = np.sort(self.coverage.inside(scope))
            first, last = (np.searchsorted(self.marks.resource, places, side) for side in ("left", "right"))
            number = last - first
            self._on[scope] = (
                np.repeat(first, number) + np.arange(int(number.sum())) - np.repeat(number.cumsum() - number, number)
            )
        return self._on[scope]

    def _bears(self, rows: Longs) -> bool:
        """Whether some marks make a flaw a matter of the question."""
        return len(rows) > 0 or not stakes.asks_one(self.case)

    def _assignment(self, one: Exemption) -> str | None:
        """What is wrong with the assignment that it is for."""
        known = self.context.assignments
        if one.assignment is None or known is None:
            return None
        assignment = known.get(one.assignment)
        if assignment is None:
            return "the policy assignment that it is for is not there"
        if not initiative(self.context, assignment.definition):
            return "it is for an assignment of another initiative than the benchmark"
        return None

    def _names_nothing(self, one: Exemption, named: Flags) -> bool:
        """Whether none of what it exempts from is known."""
        if one.recommendation is not None:
            return self.context.recommendations is not None and not named.any()
        return bool(one.references) and self.context.initiatives is not None and not self._resolved(one)

    def _resolved(self, one: Exemption) -> bool:
        return any(
            reference in known for known in (self.context.initiatives or {}).values() for reference in one.references
        )

    def _excluded(self, one: Exemption, place: int) -> bool:
        return any(ids.under(self.names[0][place].lower(), scope) for scope in one.excluded)

    def _out_of_place(self, one: Exemption, named: Flags, excluded: Longs) -> _Flaw | None:
        """It covers nothing that is assessed by what it exempts from."""
        rows = self.unhealthy[named[self.marks.recommendation[self.unhealthy]]]
        if not stakes.asks_one(self.case):
            rows = rows[:0]
        elif not len(rows) or not (one.references or one.recommendation):
            return None  # of what names everything, nobody knows that this was meant
        if len(excluded):
            return _Flaw(one, "all that it covers is among its excluded scopes", "Take out the excluded scopes.", rows)
        why = f"nothing in its scope {_shown(one.scope)} is assessed by what it exempts from"
        return _Flaw(one, why, "Make it at the resource, its group or the subscription that is meant.", rows)

    def _unapplied(self, one: Exemption, rows: Longs) -> _Flaw:
        if one.selectors:
            why = "its resource selectors, which are not evaluated here, may leave out what it was meant for"
            return _Flaw(one, why, "Look whether its resource selectors select these resources.", rows, "inferred")
        if ids.management_group(one.scope) is not None:
            why = f"it is at a management group, and “{READER}” may not be Reader there"
            action = f"Make “{READER}” Reader of the management group."
            return _Flaw(one, why, action, rows, "inferred")
        since = max(one.made.at, one.modified.at)
        when = f" since {stakes.day(since)}" if since != NEVER else ""
        why = f"Azure has not applied it{when}, and nothing in the files shows why"
        return _Flaw(one, why, "Save the exemption once more, or remove it and make it anew.", rows, "inferred")


def _shown(scope: str) -> str:
    group = ids.management_group(scope)
    return wording.clean(scope if group is None else f"management group {group}", 160)

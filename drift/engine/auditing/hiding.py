"""Which exempt marks an exemption matches: all of them, and those that are exempt by it before all others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drift import ids
from drift.engine.ahead.coverage import Coverage
from drift.engine.exemptions import in_force, initiative
from drift.engine.scoring import exempt
from drift.model import Exemption, Flags, Longs, Snapshot


class Hiding:
    """Which exempt marks each exemption matches; found once for all that are alike."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot, self.context, self.marks = snapshot, snapshot.context, snapshot.marks
        self.keys = snapshot.recommendations
        self.coverage = Coverage(self.context, snapshot.resources, self.keys)
        self.exempt = np.flatnonzero(exempt(self.marks.status, self.marks.because))
        self._rows: dict[tuple[object, ...], Longs] = {}
        self._inside: dict[str, Longs] = {}

    def precedence(self, one: Exemption) -> tuple[object, ...]:
        """Of several that match a mark it is exempt by the first: in force, the most specific scope, the newest."""
        group, above = ids.management_group(one.scope), self.context.ancestors or ()
        near = (0, -len(one.scope)) if group is None else (1, above.index(group) if group in above else len(above))
        return not in_force(one, self.snapshot.taken_at), near, -one.made.at, one.id.lower()

    def rows(self, one: Exemption) -> Longs:
        """The rows of the exempt marks that it matches, whatever else matches them."""
        if of_another(self.snapshot, one):
            return self.exempt[:0]
        assignment = (self.context.assignments or {}).get(one.assignment or "")
        definition = None if assignment is None else assignment.definition
        key = (one.scope, one.recommendation, one.references, definition, one.excluded)
        if key not in self._rows:
            rows = self._in_scope(one.scope)
            if len(rows):
                rows = rows[self._named(one, definition)[self.marks.recommendation[rows]]]
            for scope in one.excluded:
                rows = rows[~self.coverage.under(scope)[self.marks.resource[rows]]]
            self._rows[key] = rows
        return self._rows[key]

    def matched(self, every: Sequence[Exemption], rows: Sequence[Longs]) -> tuple[Longs, Longs]:
        """[mark] by which of the exemptions, in order of precedence, each is exempt; and by which if not by that one.

        -1 for none. One that has ended can still be why a mark is exempt, but keeps none so.
        """
        first = np.full(len(self.marks), -1, np.int64)
        second = first.copy()
        for at, (one, own) in enumerate(zip(every, rows, strict=True)):
            free = first[own] < 0
            first[own[free]] = at
            if in_force(one, self.snapshot.taken_at):
                taken = own[~free]
                second[taken[second[taken] < 0]] = at
        return first, second

    def _in_scope(self, scope: str) -> Longs:
        """The rows of the exempt marks on resources in a scope."""
        if scope not in self._inside:
            inside, column = self.coverage.inside(scope), self.marks.resource[self.exempt]
            first, last = (np.searchsorted(column, inside, side) for side in ("left", "right"))
            number = last - first
            within = np.arange(int(number.sum())) - np.repeat(number.cumsum() - number, number)
            self._inside[scope] = self.exempt[np.repeat(first, number) + within]
        return self._inside[scope]

    def _named(self, one: Exemption, definition: str | None) -> Flags:
        """[recommendation] which it exempts from."""
        found = np.zeros(len(self.keys), np.bool_)
        if one.recommendation is not None:
            place = self.keys.find(one.recommendation)
            found[[] if place is None else [place]] = True
        elif not one.references:
            found[:] = True
        elif self.context.initiatives is None:  # only a reference that is the policy's own name can be told
            known = (self.context.recommendations or {}).items()
            found[[at for at, told in known if told.policy and ids.last(told.policy) in one.references]] = True
        else:
            maps = self.context.initiatives
            chosen = maps.values() if definition is None else [maps.get(definition, {})]
            policies = {own[reference] for own in chosen for reference in one.references if reference in own}
            found[self.coverage.recommendations(policies)] = True
        return found


def of_another(snapshot: Snapshot, one: Exemption) -> str:
    """Why a policy exemption is not of the initiative behind the score, as far as is known: a flag; "" if it is."""
    known = snapshot.context.assignments
    if one.assignment is None or known is None:
        return ""
    if one.assignment not in known:
        return "assignment_gone"
    return "" if initiative(snapshot.context, known[one.assignment].definition) else "not_of_benchmark"

"""What the marks are expected to do: what surrounds them has changed, and they have not followed yet.

Azure assesses a resource anew within a day, and an exemption takes up to a day to show. Until then the score stands on
marks that are about to move. Only what follows from something new is foretold: what has been without effect for 48
hours has none. What is foretold is never attributed; once the marks move, the table owns them as it always does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from drift import ids
from drift.actors import Happening
from drift.engine import wording
from drift.engine.ahead.coverage import switched
from drift.engine.ahead.outlook import Outlook
from drift.engine.ahead.supposing import Supposed, together
from drift.engine.ahead.unmeasured import unmeasured
from drift.engine.context import MEMORY, Happened
from drift.engine.effects import Tally, columns
from drift.engine.exemptions import in_force, listed
from drift.engine.scoring import exempt
from drift.kinds import Kind
from drift.model import NEVER, Bytes, Change, Effects, Exemption, Ints, Longs, Snapshot, Status

AGAIN = "assumed Unhealthy, as before it was exempted"
"""What is exempted nearly always is; what the marks will say is not known."""


def noticed(before: Snapshot, after: Snapshot) -> list[Happened]:
    """What changed between two snapshots that foretells and that no row of the table asks for, contexts level.

    Exemptions that are new, in force again or exempt something else, and policies that an assignment of the initiative
    switched off or on (`name`: the assignment's id).
    """
    at, since, known = after.taken_at, before.taken_at, listed(before.context)
    found = [
        Happened(Kind.EXEMPTION_CREATED, at, exemption=one, since=since)
        for identity, one in listed(after.context).items()
        if in_force(one, after.taken_at)
        and ((was := known.get(identity)) is None or not in_force(was, before.taken_at) or _what(was) != _what(one))
    ]
    for kind, assignment, places in switched(before.context, after.context):
        seen = Happened(kind, at, name=assignment.id, since=since, record=assignment.modified)
        found += [replace(seen, recommendation=place) for place in places]
    return found


def foretell(
    view: Outlook, tell: Callable[[Change, Tally], Change], order: tuple[str, ...]
) -> tuple[tuple[Change, ...], Effects]:
    """What is expected, and what it does to the controls in `order`, from the cells as the marks are now.

    `tell` gives a change its title. What has no share comes last, and does nothing to a control.
    """
    if not view.around and not view.events and not listed(view.snapshot.context):
        return (), columns([], order)
    expected = [one for one in _Expected(view).all() if len(one.rows)]
    tallies = [tally for tally in together(view.side, expected, view.snapshot.resources) if _moves(tally)]
    changes = [tell(tally.change(order), tally) for tally in tallies]
    changes = [replace(one, reason=AGAIN) if one.cause.kind in _ENDS else one for one in changes]
    return (*changes, *(_without_share(one, tell) for one in unmeasured(view))), columns(tallies, order)


def _without_share(change: Change, tell: Callable[[Change, Tally], Change]) -> Change:
    told = tell(change, Tally(change.cause))
    title = told.title if change.resources else told.title.removesuffix(f": {wording.WHERE}")
    return replace(told, title=change.title or title, reason=change.reason)


class _Expected:
    def __init__(self, view: Outlook) -> None:
        self.view, self.snapshot, self.context = view, view.snapshot, view.snapshot.context
        self.marks, self.now, self.coverage = view.side.marks, view.snapshot.taken_at, view.coverage

    def all(self) -> Iterator[Supposed]:
        """From the outside in, as the table has it: the first that names a mark owns what it will do."""
        yield from self._connectors()
        yield from self._resources()
        yield from self._policies()
        yield from self._new_exemptions()
        yield from self._ended_exemptions()
        yield from self._states()

    def _by_recommendation(self, kind: Kind, rows: Longs, since: int) -> Iterator[Supposed]:
        keys = self.marks.recommendation[rows]
        for place in np.unique(keys).tolist():
            yield Supposed(
                self.view.cause(kind, self.snapshot.recommendations[place]), rows[keys == place], Status.NONE, since
            )

    def _connectors(self) -> Iterator[Supposed]:
        for one in self.view.happened(Kind.CONNECTOR_REMOVED):
            if one.name.lower() not in (self.context.connectors or {}):
                inside = self.coverage.under(one.name.lower())[self.marks.resource[self.view.live]]
                yield Supposed(self.view.cause(one.kind, one.name), self.view.live[inside], Status.NONE, one.at)

    def _resources(self) -> Iterator[Supposed]:
        inventory = self.context.inventory
        if inventory is None:
            return
        for one in self.view.happened(Kind.RESOURCE_DELETED):
            if one.resources is None or one.since == NEVER:  # told by its marks: they are gone, or it is back
                continue
            gone = np.setdiff1d(one.resources, inventory.resource)
            rows = self.view.live[np.isin(self.marks.resource[self.view.live], gone)]
            starts = np.flatnonzero(np.diff(self.marks.resource[rows], prepend=-1))
            for own in np.split(rows, starts[1:]) if len(rows) else ():
                name = self.snapshot.resources[int(self.marks.resource[own[0]])]
                if not ids.is_subscription(name):
                    yield Supposed(self.view.cause(one.kind, name), own, Status.NONE, one.at)

    def _policies(self) -> Iterator[Supposed]:
        assignments = self.context.assignments or {}
        for one in self.view.happened(Kind.POLICY_DISABLED):
            rows = self.view.live
            if one.assignment is not None and one.assignment.id.lower() not in assignments:
                covered = self.coverage.of([one.assignment], self.marks, rows)
            elif one.recommendation >= 0 and (assignment := assignments.get(one.name.lower())) is not None:
                rows = rows[self.marks.recommendation[rows] == one.recommendation]
                covered = self.coverage.reach(assignment)[self.marks.resource[rows]]
                if not self.coverage.off(assignment, one.recommendation):
                    continue
            else:
                continue
            rows = rows[covered]
            others = self.coverage.of(list(assignments.values()), self.marks, rows)
            yield from self._by_recommendation(Kind.POLICY_DISABLED, rows[~others], one.at)

    def _new_exemptions(self) -> Iterator[Supposed]:
        seen = {one.exemption.id.lower(): one.at for one in self.view.happened(Kind.EXEMPTION_CREATED) if one.exemption}
        new: dict[str, tuple[Exemption, int]] = {}
        for identity, exemption in listed(self.context).items():
            since = self.view.date(exemption.made.at, seen.get(identity, NEVER))
            if since != NEVER and in_force(exemption, self.now):
                new[identity] = exemption, since
        status = self.marks.status
        may = (status == Status.HEALTHY) | (status == Status.UNHEALTHY)
        may &= self.view.standing.counts[self.marks.recommendation]
        chosen = np.zeros(len(self.marks), np.bool_)
        for exemption, _ in new.values():
            rows = self._on(self.coverage.inside(exemption.scope))
            chosen[rows[self.coverage.named(exemption)[self.marks.recommendation[rows]]]] = True
        chosen &= may
        for identity, rows in self._matched(np.flatnonzero(chosen)).items():
            if identity in new:
                exemption, since = new[identity]
                to = Status.HEALTHY if exemption.mitigated and self.view.healthy_reading else Status.NONE
                yield Supposed(self.view.cause(Kind.EXEMPTION_CREATED, exemption.id), rows, to, since)

    def _on(self, resources: Ints) -> Longs:
        """The rows of the marks on some resources."""
        first, last = (np.searchsorted(self.marks.resource, resources, side) for side in ("left", "right"))
        number = last - first
        within = np.arange(int(number.sum())) - np.repeat(number.cumsum() - number, number)
        return np.repeat(first, number) + within

    def _ended_exemptions(self) -> Iterator[Supposed]:
        ended: dict[str, tuple[Exemption, Kind, int]] = {}
        standing = listed(self.context)
        for one in self.view.happened(Kind.EXEMPTION_REMOVED):
            exemption = one.exemption
            if exemption is None:
                continue
            identity = exemption.id.lower()
            if identity in standing and in_force(standing[identity], self.now):
                continue
            if exemption.expires != NEVER and exemption.expires <= self.now:
                ended[identity] = exemption, Kind.EXEMPTION_EXPIRED, self.view.date(exemption.expires, one.at)
            else:
                ended[identity] = exemption, Kind.EXEMPTION_REMOVED, one.at
        if not ended:
            return
        counts = self.view.standing.counts[self.marks.recommendation]
        rows = np.flatnonzero(exempt(self.marks.status, self.marks.because) & counts)
        for identity, own in self._matched(rows).items():
            if identity in ended:
                exemption, kind, since = ended[identity]
                yield Supposed(self.view.cause(kind, exemption.id), own, self._if_unhealthy(own), since)

    def _matched(self, rows: Longs) -> dict[str, Longs]:
        """Rows by the exemption that matches them, by its id in lower case."""
        found: dict[str, list[int]] = {}
        for row in rows.tolist():
            match = self.view.exemptions.match(int(self.marks.resource[row]), int(self.marks.recommendation[row]))
            if match is not None:
                found.setdefault(match.id.lower(), []).append(row)
        return {identity: np.array(own, np.int64) for identity, own in sorted(found.items())}

    def _if_unhealthy(self, rows: Longs) -> Bytes:
        """What marks that count contribute once they are Unhealthy: nothing while a grace period runs."""
        return np.where(self.view.standing.graced[rows], np.int8(Status.NONE), np.int8(Status.UNHEALTHY))

    def _states(self) -> Iterator[Supposed]:
        """What Azure Policy has found since the marks were last assessed."""
        names, latest = self.snapshot.resources, _latest(self.view.events, self.now - MEMORY)
        by_policy = {policy: self.coverage.recommendations({policy}) for _, policy in latest}
        for (subject, policy), event in sorted(latest.items()):
            place, keys = names.find(subject), by_policy[policy]
            if place is None or not len(keys) or not self.coverage.trusted(event.detail.get("policyAssignmentId", "")):
                continue
            rows = self.view.side.rows(np.full(len(keys), place, np.int32), keys)
            rows = rows[rows >= 0]
            rows = rows[self.view.standing.counts[self.marks.recommendation[rows]]]
            rows = rows[(self.marks.changed[rows] == NEVER) | (self.marks.changed[rows] < event.time)]
            fixed = event.detail["complianceState"].lower() == "compliant"
            kind, was = (Kind.REMEDIATION, Status.UNHEALTHY) if fixed else (Kind.REGRESSION, Status.HEALTHY)
            for row in rows[self.marks.status[rows] == was].tolist():
                own = np.array([row], np.int64)
                key = self.snapshot.recommendations[int(self.marks.recommendation[row])]
                to = Status.HEALTHY if fixed else self._if_unhealthy(own)
                yield Supposed(self.view.cause(kind, key), own, to, min(event.time, self.now))


_ENDS = {Kind.EXEMPTION_EXPIRED, Kind.EXEMPTION_REMOVED}


def _moves(tally: Tally) -> bool:
    return any(healthy or counted for healthy, counted in tally.effects.values())


def _what(exemption: Exemption) -> tuple[object, ...]:
    """What an exemption exempts."""
    own = exemption
    return own.scope, own.mitigated, own.assignment, own.references, own.recommendation, own.excluded


def _latest(events: Iterable[Happening], since: int) -> Mapping[tuple[str, str], Happening]:
    """The last policy state of each resource and policy, by their ids in lower case, of those not before a time."""
    found: dict[tuple[str, str], Happening] = {}
    for event in events:
        state, policy = (event.detail.get(name, "").lower() for name in ("complianceState", "policyDefinitionId"))
        if event.category == "policy_state" and event.time >= since and policy and state in _STATES:
            at = event.subject.lower(), policy
            if at not in found or (found[at].time, found[at].key) < (event.time, event.key):
                found[at] = event
    return found


_STATES = {"compliant", "noncompliant"}

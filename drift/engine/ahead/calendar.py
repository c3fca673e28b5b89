"""What is due: dates that are known today and move the score when they come, each with what it would do alone.

Nothing fires in Azure when an exemption or a grace period runs out. Each entry is supposed from where the subscription
stands once what is pending has come, all else as it is: its share is what the score would move by, exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from drift import ids
from drift.engine import wording
from drift.engine.ahead.coverage import Coverage
from drift.engine.ahead.foretelling import AGAIN
from drift.engine.ahead.supposing import Stand, Supposed, each, gain, stand
from drift.engine.context import Happened
from drift.engine.effects import columns
from drift.engine.exemptions import Exemptions, in_force, initiative, listed
from drift.engine.head import Head
from drift.engine.scoring import exempt
from drift.engine.segments import iso
from drift.kinds import Kind
from drift.model import DAY, NEVER, Bytes, Cause, Context, Exemption, Grace, Ints, Json, Longs, Status

PAST = 7 * DAY
"""How long an exemption that ended is listed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that is due in a subscription."""

    at: int
    """When, in ticks; NEVER where there is no date."""
    kind: str
    """`exemption_ends`, `exemption_ended`, `grace_period_ends`, `remediation_due`, `recommendation_deprecated` or
    `recommendation_in_preview`."""
    subject: str
    """The exemption's id, else the recommendation's key."""
    title: str
    share: float | None
    """What it would do to the subscription's own score, in pp; None where that is not known."""
    marks: int
    resources: int
    """How many are concerned."""
    owner: str | None = None
    """Who has to act; of an exemption who made it."""
    reason: str = ""
    """What the share assumes, or why there is none."""


def calendar(head: Head, upto: int | None = None) -> list[Entry]:
    """What is due in a subscription that has a score: by date, the largest share first, what has no date last.

    `upto`: only what is due by then, in ticks, and what has no date.
    """
    here = stand(head)
    every = _Calendar(head, here).all()
    due = [one for one in every if upto is None or one.entry.at == NEVER or one.entry.at <= upto]
    supposed = [Supposed(_cause(one.entry, head), one.rows, one.to) for one in due]
    found: list[Entry] = []
    for one, tally in zip(due, each(here.side, supposed, head.snapshot.resources), strict=True):
        share = gain(here, columns([tally], here.controls)) if one.known else None
        found.append(replace(one.entry, share=share))
    return sorted(found, key=lambda one: (one.at == NEVER, one.at, -abs(one.share or 0.0), one.kind, one.subject))


def told(entry: Entry) -> Json:
    """An entry, ready for JSON; its time in ISO 8601, null where there is none."""
    return {
        "at": None if entry.at == NEVER else iso(entry.at),
        "kind": entry.kind,
        "subject": entry.subject,
        "title": entry.title,
        "share": entry.share,
        "marks": entry.marks,
        "resources": entry.resources,
        "owner": entry.owner,
        "reason": entry.reason,
    }


def unlisted(contexts: Sequence[Context]) -> list[str]:
    """What could not be listed, for want of an optional answer, in so many subscriptions."""
    found: list[str] = []
    for name, what in _LISTED.items():
        number = sum(getattr(context, name) is None for context in contexts)
        if number:
            found.append(f"{wording.FILES[name]} is missing in {wording.count(number, 'subscription')}: {what}")
    return found


_LISTED = {
    "recommendations": "recommendations that are to go or in preview are not known",
    "policy_exemptions": "the ends of policy exemptions are not known",
    "standard_exemptions": "the ends of exemptions of newer recommendations are not known",
    "graces": "due dates are not known",
}


@dataclass(frozen=True, slots=True)
class _Due:
    """An entry without its share, and the marks that make it."""

    entry: Entry
    rows: Longs
    to: Bytes | Status = Status.NONE
    known: bool = True
    """Whether it can be told what it does."""


class _Calendar:
    def __init__(self, head: Head, here: Stand) -> None:
        self.snapshot, self.here, self.context = head.snapshot, here, head.snapshot.context
        self.now, self.marks, self.counts = head.snapshot.taken_at, here.side.marks, here.standing.counts
        self.names = head.snapshot.resources, head.snapshot.recommendations
        self.facts = wording.Facts(head.snapshot, head.snapshot, {})
        self.coverage = Coverage(self.context, *self.names)
        self.standing = {
            identity: one
            for identity, one in listed(self.context).items()
            if in_force(one, self.now) and self._of_benchmark(one)
        }
        self.ended = self._ended(head.memory)
        self.later: dict[int, Exemptions] = {}

    def all(self) -> Iterator[_Due]:
        """Everything, in no order."""
        yield from self._exemptions()
        yield from self._governed(self.context.graces or (), shields=True)
        yield from self._governed(self.context.dues or (), shields=False)
        for place, known in (self.context.recommendations or {}).items():
            if known.deprecated != NEVER and self.counts[place]:
                yield from self._deprecated(place, known.deprecated)
            elif known.preview:
                yield from self._preview(place)

    def _entry(self, at: int, kind: str, subject: str, words: str, rows: Longs, **more: str | None) -> Entry:
        places = np.unique(self.marks.resource[rows]).tolist()
        title = wording.filled(words, [self.names[0][place] for place in places], None)
        owner, reason = more.get("owner"), more.get("reason") or ""
        return Entry(at, kind, subject, title, None, len(rows), len(places), owner, reason)

    def _of_benchmark(self, exemption: Exemption) -> bool:
        if exemption.assignment is None or self.context.assignments is None:
            return True
        assignment = self.context.assignments.get(exemption.assignment)
        return assignment is not None and initiative(self.context, assignment.definition)

    def _ended(self, memory: Iterable[Happened]) -> dict[str, tuple[Exemption, int]]:
        """The exemptions that ended these days, and when: ran out, or removed as the chain remembers it."""
        removed = [(h.exemption, h.at) for h in memory if h.exemption and h.kind is Kind.EXEMPTION_REMOVED]
        ran_out = [(e, e.expires) for e in listed(self.context).values() if e.expires != NEVER]
        found = {e.id.lower(): (e, e.expires if e.expires != NEVER and e.expires < at else at) for e, at in removed}
        found |= {e.id.lower(): (e, at) for e, at in ran_out}
        return {
            identity: (one, at)
            for identity, (one, at) in found.items()
            if self.now - PAST < at <= self.now and identity not in self.standing and self._of_benchmark(one)
        }

    def _exemptions(self) -> Iterator[_Due]:
        matched = self._matched()
        nothing = np.zeros(0, np.int64)
        for identity, one in self.standing.items():
            if one.expires != NEVER:
                rows = matched.get(identity, nothing)
                rows = rows[[not self._also(row, one) for row in rows.tolist()]]
                yield self._exemption(one, one.expires, "exemption_ends", "ends", rows)
        for identity, (one, at) in self.ended.items():
            yield self._exemption(one, at, "exemption_ended", "ended", matched.get(identity, nothing))

    def _exemption(self, one: Exemption, at: int, kind: str, verb: str, rows: Longs) -> _Due:
        category = "Mitigated" if one.mitigated else "Waiver"
        words = f"exemption “{wording.clean(one.title)}” {verb}: {wording.WHERE} ({category})"
        reason = AGAIN if len(rows) else "no mark is exempt by it alone"
        entry = self._entry(at, kind, one.id, words, rows, owner=_clean(one.made.actor), reason=reason)
        shielded = self.shielded_until[rows] > max(at, self.now)
        return _Due(entry, rows, np.where(shielded, np.int8(Status.NONE), np.int8(Status.UNHEALTHY)))

    def _matched(self) -> dict[str, Longs]:
        """The exempt marks that would count, by the exemption that they are exempt by."""
        exemptions = Exemptions(self.context, self.now, [one for one, _ in self.ended.values()], *self.names)
        found: dict[str, list[int]] = {}
        rows = exempt(self.marks.status, self.marks.because) & self.counts[self.marks.recommendation]
        for row in np.flatnonzero(rows).tolist():
            match = exemptions.match(int(self.marks.resource[row]), int(self.marks.recommendation[row]))
            if match is not None:
                found.setdefault(match.id.lower(), []).append(row)
        return {identity: np.array(own, np.int64) for identity, own in found.items()}

    def _also(self, row: int, exemption: Exemption) -> bool:
        """Whether a mark stays exempt, by another exemption, when one ends."""
        resource, recommendation = int(self.marks.resource[row]), int(self.marks.recommendation[row])
        name = self.names[0][resource].lower()
        groups = [scope for scope in self.named if ids.management_group(scope) is not None]
        scopes = [scope for scope in (*ids.scopes(name), *groups) if scope in self.named]
        if sum(int(self.named[scope][recommendation]) for scope in scopes) < 2:  # nearly always
            return False
        at = exemption.expires
        if at not in self.later:
            self.later[at] = Exemptions(self.context, at, (), *self.names)
        return self.later[at].match(resource, recommendation) is not None

    @cached_property
    def named(self) -> dict[str, Ints]:
        """By scope: [recommendation] how many of the exemptions in force there may name it."""
        found: dict[str, Ints] = {}
        for one in self.standing.values():
            found[one.scope] = found.get(one.scope, 0) + self.coverage.named(one).astype(np.int32)
        return found

    @cached_property
    def shielded_until(self) -> Longs:
        """[mark] when its grace period ends; NEVER where there is none."""
        until = np.full(len(self.marks), NEVER, np.int64)
        rows, graces = self._rows(self.context.graces or ())
        np.maximum.at(until, rows, np.array([one.due for one in graces], np.int64))
        return until

    def _rows(self, graces: Iterable[Grace]) -> tuple[Longs, list[Grace]]:
        """The rows of the marks that governance assignments are about, of those that are there."""
        every = list(graces)
        columns = ([one.resource for one in every], [one.recommendation for one in every])
        rows = self.here.side.rows(*(np.array(column, np.int32) for column in columns))
        there = [(row, one) for row, one in zip(rows.tolist(), every, strict=True) if row >= 0]
        return np.array([row for row, _ in there], np.int64), [one for _, one in there]

    def _governed(self, graces: Iterable[Grace], *, shields: bool) -> Iterator[_Due]:
        """Due dates that are ahead, of marks that are Unhealthy, one entry for a recommendation and a date."""
        groups: dict[tuple[int, int], list[tuple[int, str | None]]] = {}
        waits = self.here.standing.shielded if shields else self.marks.status == Status.UNHEALTHY
        for row, one in zip(*self._rows(one for one in graces if one.due > self.now), strict=True):
            if waits[row]:
                groups.setdefault((one.due, one.recommendation), []).append((int(row), one.owner))
        kind = "grace_period_ends" if shields else "remediation_due"
        words = "the grace period ends" if shields else "is to be fixed"
        reason = "" if shields else "a due date without a grace period has no effect on the score"
        for (due, place), own in groups.items():
            rows, key = np.array([row for row, _ in own], np.int64), self.names[1][place]
            title = f"{self.facts.recommendation(key)}: {words}, on {wording.WHERE}"
            entry = self._entry(due, kind, key, title, rows, owner=_owners(who for _, who in own), reason=reason)
            yield _Due(entry, rows, Status.UNHEALTHY) if shields else _Due(entry, rows[:0])

    def _deprecated(self, place: int, at: int) -> Iterator[_Due]:
        rows = np.flatnonzero((self.marks.recommendation == place) & (self.here.side.effective != Status.NONE))
        if len(rows):
            key = self.names[1][place]
            words = f"{self.facts.recommendation(key)}: Microsoft plans to retire it, on {wording.WHERE}"
            yield _Due(self._entry(at, "recommendation_deprecated", key, words, rows), rows)

    def _preview(self, place: int) -> Iterator[_Due]:
        status = self.marks.status
        rows = np.flatnonzero(self.marks.recommendation == place)
        rows = rows[(status[rows] == Status.HEALTHY) | (status[rows] == Status.UNHEALTHY)]
        if len(rows):
            key, known = self.names[1][place], bool(self.here.side.member[:, place].any())
            words = f"{self.facts.recommendation(key)}: in preview, it does not count yet, on {wording.WHERE}"
            reason = "if it counted as its marks stand" if known else "no control lists it yet: nobody can tell where"
            entry = self._entry(NEVER, "recommendation_in_preview", key, words, rows, reason=reason)
            shielded = self.here.standing.graced[rows] & (status[rows] == Status.UNHEALTHY)
            yield _Due(entry, rows, np.where(shielded, np.int8(Status.NONE), status[rows]), known)


def _cause(entry: Entry, head: Head) -> Cause:
    return Cause(_KINDS[entry.kind], entry.subject, head.snapshot.subscription.id)


_KINDS = {
    "exemption_ends": Kind.EXEMPTION_EXPIRED,
    "exemption_ended": Kind.EXEMPTION_EXPIRED,
    "grace_period_ends": Kind.GRACE_PERIOD_ENDED,
    "remediation_due": Kind.GRACE_PERIOD_ENDED,
    "recommendation_deprecated": Kind.RECOMMENDATION_RETIRED,
    "recommendation_in_preview": Kind.RECOMMENDATION_LEFT_PREVIEW,
}


def _clean(name: str | None) -> str | None:
    return wording.clean(name) if name else None


def _owners(names: Iterable[str | None]) -> str | None:
    """The owners of several things: each once, the first three by name."""
    known = sorted({wording.clean(name) for name in names if name})
    more = f" and {len(known) - 3} more" if len(known) > 3 else ""
    return ", ".join(known[:3]) + more if known else None

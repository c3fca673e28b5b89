"""A tenant that acts are done to, and which assesses, lags and counts by itself.

Three layers, each later than the one above it. Reality, and what Azure shows of it at once (inventory, plans, policy,
exemptions, metadata), changes when an act is done. A mark follows in up to 20 hours, each resource at its own time of
the day, some within the hour. The counts are taken from the marks every 8 hours.

The act is carried along: a mark remembers which act made it change, and the run of the counts that first sees the
change makes it part of a movement. Until a snapshot was taken after that run the mark is not free: no other act may
touch it, so that every change has one cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from random import Random

from benchmarks.labelled.apart import Apart
from benchmarks.labelled.cast import Actor, Cast, minute_of
from benchmarks.labelled.chain import Count, Counts
from benchmarks.labelled.land import (
    Assignment,
    Control,
    Deed,
    Exemption,
    Governance,
    Mark,
    Move,
    Pair,
    Recommendation,
    Resource,
    Subscription,
)
from benchmarks.labelled.reality import contributions, counts, reality
from benchmarks.labelled.records import Records

RUN_EVERY = timedelta(hours=8)
LONGEST_LAG = 20 * 60
"""Minutes until a resource is assessed again."""

COMING, GOING = ("resource_added", "connector_added"), ("resource_deleted", "connector_removed")
CLOSE = timedelta(hours=48)
"""In this time before a date does something to a mark, and after somebody wrote a resource, others keep off it."""


class Estate:
    """See above. `dice` decides everything: the same dice give the same estate."""

    def __init__(self, dice: Random, start: datetime, tenant: str, cast: Cast, *, ragged: bool = False) -> None:
        self.dice, self.now, self.tenant, self.cast = dice, start, tenant, cast
        self.ragged = ragged
        """Whether what one act makes vanish goes resource by resource, and not in one sweep."""
        self.records = Records(dice, tenant)
        self.apart = Apart()
        self.subscriptions: dict[str, Subscription] = {}
        self.resources: dict[str, Resource] = {}
        self.recommendations: dict[str, Recommendation] = {}
        self.controls: dict[str, Control] = {}
        self.shared: dict[str, Assignment] = {}
        """Assignments at a management group above all subscriptions."""
        self.exemptions: dict[str, Exemption] = {}
        self.governance: dict[Pair, Governance] = {}
        self.faults: set[Pair] = set()
        self.moot: set[Pair] = set()
        """What does not apply to a resource."""
        self.mitigated_counts = False
        self.version = 50
        """Of the benchmark; the middle number."""
        self.born = 0
        self.fresh: set[str] = set()
        """Objects that were written since the last snapshot: Azure remembers the last writer only."""
        self.reserved: list[str] = []
        """Recommendations that small acts leave alone for a while, so that all their marks come to rest."""
        self.deeds: dict[Pair, Deed] = {}
        self.arrivals: dict[str, Deed] = {}
        """By resource: how it came."""
        self.done: list[tuple[Deed, str, str]] = []
        """Deeds that changed marks, with the subscription and the resource."""
        self._open: Counter[str] = Counter()
        self._when: dict[Pair, datetime] = {}
        self.due: dict[Pair, datetime] = {}
        """When marks that were touched will follow."""
        self._landed: set[Pair] = set()
        self._counted: set[Pair] = set()
        self._touched: dict[str, list[datetime]] = {}
        self._queue: list[tuple[datetime, int, Callable[[], object]]] = []
        self._planned = 0

    # Time

    def plan(self, at: datetime, happen: Callable[[], object]) -> None:
        """Something happens later."""
        heappush(self._queue, (at, self._planned, happen))
        self._planned += 1

    def advance(self, to: datetime) -> None:
        """Lets happen what is planned up to a time."""
        while self._queue and self._queue[0][0] <= to:
            self.now, _, happen = heappop(self._queue)
            happen()
        self.now = to

    # Who may be touched

    def scored(self) -> list[Subscription]:
        """The subscriptions that have a score, and had one in a snapshot: what was before that nobody has seen."""
        return [one for one in self.subscriptions.values() if one.begun]

    def free(self, pair: Pair) -> bool:
        """Whether an act may touch a mark: the last change of it has been told, and no date is about to change it."""
        account = self.subscriptions[pair[0].split("/")[2]]
        if pair in self.deeds or (account.seen is not None and not account.begun):
            return False
        grace = self.governance.get(pair)
        return grace is None or not (grace.grace and self.now <= grace.due < self.now + CLOSE)

    def loose(self, pair: Pair) -> bool:
        """Whether a small act may touch a mark."""
        if pair[1] in self.reserved or self.apart.lately(self.now, "check flips", pair[1], within=CLOSE):
            return False
        return self.free(pair)

    def idle(self, pair: Pair, *passing: str) -> bool:
        """Whether an act on many marks may include this one: it is free, or passed over as it comes or goes.

        `passing`: the kinds of coming and going that do; all, if none is given.
        """
        return self.free(pair) or self._passing(pair, passing or COMING + GOING)

    def _passing(self, pair: Pair, kinds: tuple[str, ...]) -> bool:
        return pair in self.due and self.deeds[pair].kind in kinds

    def settled(self, resource: str) -> bool:
        """Whether all marks of a resource are free."""
        return not self._open[resource] and all(self.free((resource, key)) for key in self.recommendations)

    def quiet(self, resource: Resource) -> bool:
        """Whether a write on a resource, or that there is none, would tell who did an act."""
        if any(self.now - at < CLOSE for at in self._touched.get(resource.id, ())):
            return False
        if not self._open[resource.id]:
            return True
        known = (self.deeds.get(pair) for pair in self.pairs_of(resource))
        return all(deed is None or not deed.written for deed in known)

    def write(
        self, resource: Resource, by: Actor, child: str = "", *, verb: str = "write", sure: bool = False, act: str = ""
    ) -> bool:
        """Somebody writes a resource, or writes or deletes a child of it; whether the event arrives."""
        if not child:
            resource.changed = self.now
        self._touched.setdefault(resource.id, []).append(self.now)
        return self.records.tell(self.now, by, verb, resource.id + child, sure=sure, correlation=act or None)

    # Marks

    def assignments(self, account: Subscription) -> dict[str, Assignment]:
        """Those of a subscription, inherited ones included."""
        return self.shared | account.assignments

    def pairs(self, account: Subscription, *keys: str) -> list[Pair]:
        """The places of marks of some recommendations in a subscription, with a mark or not, in order."""
        known = [one.id for one in self.resources.values() if one.subscription == account.id]
        return sorted({(one, key) for one in known for key in keys} | {p for p in account.marks if p[1] in keys})

    def pairs_of(self, resource: Resource) -> list[Pair]:
        """The places of the marks of a resource."""
        return [(resource.id, key) for key in self.recommendations]

    def touch(
        self, pairs: Iterable[Pair], deed: Deed, within: timedelta | None = None, *, defined: bool = False
    ) -> None:
        """An act was done that may change marks: those whose reality differs follow in time.

        `within`: at the latest then. `defined`: what counts has changed itself, so the marks matter as they are.
        """
        for pair in pairs:
            self._touch(pair, deed, within, defined)

    def _touch(self, pair: Pair, deed: Deed, within: timedelta | None, defined: bool) -> None:
        account = self.subscriptions[pair[0].split("/")[2]]
        mark = account.marks.get(pair)
        becomes = self._becomes(pair)
        if account.seen is None:
            self._set(account, pair, becomes)
            return
        same = becomes == (mark.status if mark else None)
        if same and not (defined and mark):
            return
        if self._passing(pair, COMING + GOING):
            return
        if pair in self.deeds:
            assert deed.dated, f"{pair} is not free for {deed.kind}"
            self.plan(self.now + timedelta(hours=2), lambda: self._touch(pair, deed, within, defined))
            return
        lands = self.now if same else self._lands(pair, deed, within, gone=becomes is None)
        came = self.arrivals.get(pair[0])
        if mark is None and came is not None and lands - came.at <= CLOSE:
            deed = came  # what came anew is its coming's doing, whatever assesses it
        self.deeds[pair] = deed
        self.done.append((deed, account.id, pair[0]))
        self._open[pair[0]] += 1
        if defined:
            self._when[pair] = deed.at
        if same:
            self._landed.add(pair)
        else:
            self.due[pair] = lands
            self.plan(self.due[pair], lambda: self._land(pair, deed))

    def _becomes(self, pair: Pair) -> str | None:
        resource = self.resources.get(pair[0])
        return None if resource is None else reality(self, resource, self.recommendations[pair[1]])

    def _lands(self, pair: Pair, deed: Deed, within: timedelta | None, *, gone: bool) -> datetime:
        """When a mark follows: at the resource's own time of the day; what an act makes vanish goes in one sweep."""
        if within is not None:
            return self.now + within * self.dice.uniform(0.05, 1)
        if gone and not self.ragged:
            wait = minute_of(f"{deed.kind} {deed.at}") % LONGEST_LAG
            return self.now + timedelta(minutes=wait, seconds=30)
        resource = self.resources.get(pair[0])
        own = resource.phase + self.recommendations[pair[1]].phase if resource else minute_of(pair[0])
        wait = (own - self.now.hour * 60 - self.now.minute) % 1440
        if wait > LONGEST_LAG or minute_of(f"{pair[0]} {deed.at}") % 10 == 0:
            wait = self.dice.randint(2, 45)
        return self.now + timedelta(minutes=wait, microseconds=self.dice.randrange(60_000_000))

    def _land(self, pair: Pair, deed: Deed) -> None:
        if self.deeds.get(pair) is not deed:
            return  # the subscription lost its score meanwhile
        self._set(self.subscriptions[pair[0].split("/")[2]], pair, self._becomes(pair))
        self._when.setdefault(pair, self.now)
        self._landed.add(pair)
        del self.due[pair]

    def _set(self, account: Subscription, pair: Pair, status: str | None) -> None:
        old = account.marks.pop(pair, None)
        if status is not None:
            changed = self.now if old is None or old.status != status else old.changed
            account.marks[pair] = Mark(status, changed, old.first if old else self.now)

    # Counts

    def count_from(self, account: Subscription, at: datetime) -> None:
        """Plans the runs of a subscription's counts."""
        self.plan(at, lambda: self._run(account, at))

    def _run(self, account: Subscription, at: datetime) -> None:
        self.count_from(account, at + RUN_EVERY)
        if account.first_run is not None and at >= account.first_run:
            self.count(account)

    def count(self, account: Subscription) -> None:
        """A run: what changed since the last one has its deed, and is part of the movement from here on."""
        new = contributions(self, account)
        if account.seen is not None:
            for place in sorted(p for p in new.keys() | account.seen.keys() if new.get(p) != account.seen.get(p)):
                deed = self.deeds[place[1:]]
                at = self._when.get(place[1:], deed.at)
                assert place not in account.moves, f"{place} moved twice"
                account.moves[place] = Move(account.seen.get(place), new.get(place), deed, at)
        account.seen, account.counts = new, counts(self, new, account.unwatched)
        self._counted |= {pair for pair in self._landed if pair[0].split("/")[2] == account.id}

    def shown(self, account: Subscription) -> Counts | None:
        """The counts as Azure shows them now: of the last run, with the maxima of today."""
        if account.counts is None:
            return None
        now = {n: Count(self.controls[n].maximum, c.healthy, c.counted) for n, c in account.counts.controls.items()}
        return Counts(now, account.counts.weight)

    def unscore(self, account: Subscription, deed: Deed) -> None:
        """It has no score from now on: what is under way there never reaches a movement."""
        account.seen = account.counts = account.first_run = None
        account.moves, account.reweighted, account.scoring, account.begun = {}, {}, deed, False
        for pair in [pair for pair in self.deeds if pair[0].split("/")[2] == account.id]:
            self._close(pair)
        for pair in self.pairs(account, *self.recommendations):
            self._set(account, pair, self._becomes(pair))

    def score_from(self, account: Subscription, deed: Deed) -> None:
        """It is counted again, the first time a day from now."""
        account.first_run, account.scoring = self.now + timedelta(hours=24), deed

    def _close(self, pair: Pair) -> None:
        del self.deeds[pair]
        self._when.pop(pair, None)
        self.due.pop(pair, None)
        self._landed.discard(pair)
        self._counted.discard(pair)
        self._open[pair[0]] -= 1

    def settle(self) -> None:
        """A snapshot was taken: what the counts have seen is told, and its marks are free."""
        for pair in list(self._counted):
            self._close(pair)
        self.fresh.clear()
        for account in self.subscriptions.values():
            account.moves, account.reweighted = {}, {}
            account.begun = account.seen is not None

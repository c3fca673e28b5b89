"""Where a case is acted out: an estate whose every other reason to stand still is out of the way.

Acts are done to it at times that are known beforehand: `begin` and `end` are the first look and the last, `ran` is the
last run of the counts before the end. What is set before the first look has been so for weeks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Literal

from benchmarks.labelled.answers import Answers
from benchmarks.labelled.cast import Actor
from benchmarks.labelled.chain import Counts, Delivered, Folder
from benchmarks.labelled.estate import RUN_EVERY, Estate
from benchmarks.labelled.founding import found, new_recommendation, new_resource
from benchmarks.labelled.land import (
    FOUNDATION,
    NOBODYS,
    Assignment,
    Deed,
    Mark,
    Pair,
    Recommendation,
    Resource,
    Subscription,
    Written,
)

type Level = Literal["resource", "recommendation", "scope", "all"]
"""What is asked about: a resource, a recommendation in a subscription, a subscription, or the tenant."""

HOUR = timedelta(hours=1)
WORDS = ("st", "web", "sql", "vm")
"""What most stories are about: it is written through Azure Resource Manager, and the inventory lists it."""
LONG_AGO = timedelta(days=100)
_FIRST = datetime(2026, 3, 2, 6, tzinfo=UTC)


class UnfitError(Exception):
    """The dice fell so that a story can't be told: try others."""


class Stage:
    """See above. `tidy`: nothing but the stories is a reason, in the whole tenant; else for what is asked about."""

    def __init__(self, dice: Random, level: Level, *, tidy: bool) -> None:
        self.dice, self.level, self.tidy = dice, level, tidy
        begin = _FIRST + timedelta(days=dice.randrange(200), minutes=dice.randrange(1440))
        self.estate: Estate = found(dice.choice((1, 2, 3, 4)), dice, begin)
        self.answers = Answers(self.estate)
        self.accounts = list(self.estate.subscriptions.values())
        self.home, *self.others = self.accounts
        self.scope = "all" if level == "all" else self.home.id
        self.begin = begin
        total = timedelta(hours=dice.uniform(30, 66))
        first = begin.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(minutes=self.home.phase)
        runs = (begin + total - first) // RUN_EVERY
        self.ran = first + runs * RUN_EVERY
        self.end = self.ran + timedelta(hours=dice.uniform(1, 7))
        self.times = self._times(dice.choice((2, 2, 3, 3, 4, 5, 6)))
        self.told: list[Delivered] = []
        """Events that are not of Azure Resource Manager."""
        self.patches: list[Callable[[Folder], None]] = []
        """What is added to the answers, look by look."""
        self.after: list[Callable[[], object]] = []
        """What is done between the weeks before and the first look."""
        self.unscored: set[str] = set()
        """Subscriptions that have no score from the start."""
        self.key = ""
        """The recommendation that is asked about, where one is."""
        self.own: set[str] = set()
        """The recommendations that stories are about: what is made is healthy by them, but for what a story says."""
        self.looks: list[dict[str, Counts | None]] = []
        """What each look showed of each subscription."""
        for one in self.estate.recommendations.values():
            one.deprecated = None
            if tidy:
                one.preview, one.general = False, one.public
        for account in self.accounts:
            self.clear(account)

    def _times(self, count: int) -> list[datetime]:
        """When it is looked at: first at the begin, last at the end, never twice within two hours."""
        room = (self.end - self.begin) / (count - 1)
        inner = [self.begin + room * (at + self.dice.uniform(-0.3, 0.3)) for at in range(1, count - 1)]
        return [self.begin, *inner, self.end]

    # The estate before the first look

    def clear(self, account: Subscription) -> None:
        """Takes out of the way what would be a reason by itself: everywhere, or only what no question may bear."""
        long_ago = self.begin - LONG_AGO
        account.plans[FOUNDATION] = long_ago
        if not self.estate.shared:
            self.assign(account, account.path)
        if self.tidy:
            account.plans = dict.fromkeys(account.plans, long_ago)
        for resource in self.estate.resources.values():
            resource.agent |= self.tidy

    def assign(self, account: Subscription, *scopes: str) -> None:
        """The benchmark is assigned at these scopes of a subscription, and nowhere else in it."""
        written = Written.new(self.someone(), self.begin - LONG_AGO)
        ids = {
            f"{scope}/providers/Microsoft.Authorization/policyAssignments/SecurityCenterBuiltIn": scope
            for scope in scopes
        }
        account.assignments = {one: Assignment(one, scope, written) for one, scope in ids.items()}

    def recommendation(self, *words: str) -> Recommendation:
        """One that only a story is about: healthy wherever it is, in a control with other recommendations.

        The one that is asked about, where one is and that is not taken.
        """
        estate, dice = self.estate, self.dice
        if self.key:
            return estate.recommendations[self.key]
        one = new_recommendation(estate, dice.choice(_TITLES), words or WORDS, self.begin - 4 * LONG_AGO)
        one.newer = dice.random() < 0.4
        self.own.add(one.key)
        control = estate.controls[dice.choice(sorted(estate.controls))]
        control.listed.append(one.key)
        for account in self.accounts:  # so that there are some wherever it is asked for
            for word in dice.sample(one.words, min(2, len(one.words))):
                self._make(account, word, dice.randint(3, 5), [])
        return one

    def partner(self, one: Recommendation) -> Recommendation:
        """Another recommendation on the same resources in the same control, healthy so far."""
        estate = self.estate
        two = new_recommendation(estate, "A second check of the same resources", one.words, self.begin - 4 * LONG_AGO)
        self.own.add(two.key)
        for control in estate.controls.values():
            if one.key in control.listed:
                control.listed.append(two.key)
        return two

    def take(
        self,
        one: Recommendation,
        count: int,
        *,
        healthy: bool = False,
        word: str = "",
        account: Subscription | None = None,
    ) -> list[Resource]:
        """New resources, which only one story is about: Unhealthy, or healthy, by a recommendation and by no other in
        its controls."""
        account = account or self.home
        made = self._make(account, word or self.dice.choice(one.words), count, self.beside(one))
        if not healthy:
            self.estate.faults |= {(resource.id, one.key) for resource in made}
        return made

    def beside(self, one: Recommendation) -> list[str]:
        """The recommendations that share cells with one, itself included."""
        controls = [control.listed for control in self.estate.controls.values() if one.key in control.listed]
        return sorted({one.key, *(key for listed in controls for key in listed)})

    def _make(self, account: Subscription, word: str, count: int, clean: Sequence[str]) -> list[Resource]:
        places = [self.connector(account)] if word == "aws" else account.groups
        return [self.add(account, word, self.dice.choice(places), clean) for _ in range(count)]

    def add(self, account: Subscription, word: str, where: str, clean: Sequence[str], name: str = "") -> Resource:
        """A resource that has been there for weeks, and is healthy by some recommendations."""
        estate = self.estate
        resource = new_resource(estate, account, word, where)
        if name:
            resource.id = f"{resource.id.rpartition('/')[0]}/{name}"
        resource.agent = True
        resource.created = resource.changed = self.begin - timedelta(days=self.dice.uniform(30, 90))
        for pair in [(resource.id, key) for key in (*clean, *self.own)]:
            estate.faults.discard(pair)
            estate.moot.discard(pair)
        estate.resources[resource.id] = resource
        return resource

    def connector(self, account: Subscription) -> str:
        """A security connector of a subscription."""
        if not account.connectors:
            where = f"{account.path}/resourceGroups/{account.groups[0]}/providers/Microsoft.Security/securityConnectors"
            account.connectors[f"{where}/aws-{len(self.estate.resources)}"] = Written.new(
                self.someone(), self.begin - LONG_AGO
            )
        return sorted(account.connectors)[0]

    def score(self, look: int, scope: str = "") -> float | None:
        """What a page showed at a look, in percent: of a subscription, of `all`, or of a group; else of what
        is asked about."""
        scope = scope or self.scope
        within = [one for one in self.estate.subscriptions.values() if scope in ("all", one.id) or scope in groups(one)]
        known = [counts for one in within if (counts := self.looks[look].get(one.id)) is not None]
        weight = sum(counts.weight for counts in known)
        return sum(counts.weight * percent(counts) for counts in known) / weight if weight else None

    def moved(self) -> float:
        """By how many pp what is asked about did, from the first look to the last."""
        before, after = self.score(0), self.score(-1)
        if before is None or after is None:
            raise UnfitError
        return after - before

    def open(self) -> None:
        """The stories are set: everything has been assessed and counted as it is now for weeks."""
        estate, dice = self.estate, self.dice
        self._part()
        for account in self.accounts:
            account.seen = account.counts = None
            account.marks.clear()
            estate.touch(estate.pairs(account, *estate.recommendations), NOBODYS)
            for pair, mark in account.marks.items():
                changed = self.begin - timedelta(days=dice.uniform(4, 60))
                account.marks[pair] = Mark(mark.status, changed, changed - timedelta(days=dice.uniform(0, 100)))
            if account.id in self.unscored:
                account.first_run = None
            elif account.first_run is None or account.first_run <= self.begin:
                estate.count(account)
        for act in self.after:
            act()

    def _part(self) -> None:
        """What stories are about shares its cells with no other finding but theirs."""
        known = self.estate.recommendations
        for key in sorted(self.own):
            others = set(self.beside(known[key])) - self.own
            inside = {one.id for one in self.estate.resources.values() if one.word in known[key].words}
            self.estate.faults -= {pair for pair in self.estate.faults if pair[1] in others and pair[0] in inside}

    # Acts

    def someone(self) -> Actor:
        """A person or a pipeline."""
        return self.dice.choice(self.estate.cast.people + self.estate.cast.pipelines)

    def early(self) -> datetime:
        """A time at which an act is done that the counts show at the last look."""
        latest = self.ran - 3 * HOUR
        return self.begin + HOUR + (latest - self.begin - HOUR) * self.dice.random()

    def fix(self, one: Recommendation, resources: Sequence[Resource], at: datetime, *, within: timedelta | None = HOUR,
            undo: bool = False) -> None:  # fmt: skip
        """Somebody does what a recommendation asks for, or undoes it, and the marks follow."""
        by = self.someone()

        def act() -> None:
            for resource in resources:
                pair = resource.id, one.key
                (self.estate.faults.add if undo else self.estate.faults.discard)(pair)
                deed = Deed("regression" if undo else "remediation", one.key, self.estate.now, by, written=True)
                if resource.written:
                    deed.heard = self.estate.write(resource, by)
                self.estate.touch([pair], deed, within)

        self.estate.plan(at, act)

    def at(self, moment: datetime, act: Callable[[], object]) -> None:
        """Something is done at a time, which may be before the first look."""
        if moment > self.begin:
            self.estate.plan(moment, act)
        else:
            self.after.append(act)

    def unfinished(self, pairs: Sequence[Pair]) -> bool:
        """Whether none of some marks has followed at the end."""
        return all(pair in self.estate.due for pair in pairs)

    def patch(self, file: str, rows: Sequence[dict[str, Any]], account: Subscription | None = None) -> None:
        """Adds rows to an answer about a subscription, at every look."""
        name = f"{(account or self.home).id}/{file}.json"

        def add(folder: Folder) -> None:
            folder[name] = {"value": [*folder.get(name, {"value": []})["value"], *rows]}

        self.patches.append(add)


def groups(account: Subscription) -> set[str]:
    """The groups that a subscription is in, as scopes: by management group, and by tag."""
    return {f"mg:{name}" for name in account.ancestors} | {
        f"tag:{name}={value}" for name, value in account.tags.items()
    }


def percent(counts: Counts) -> float:
    """The score that counts make."""
    live = [one for one in counts.controls.values() if one.counted]
    whole = sum(one.maximum for one in live)
    return 100 * sum(one.maximum * one.healthy / one.counted for one in live) / whole if whole else 0.0


_TITLES = (
    "Public access should be switched off",
    "Traffic should be encrypted",
    "Keys should be rotated",
    "Logs should be kept for a year",
    "Minimum version of the protocol should be set",
)

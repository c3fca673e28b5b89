"""Platform or tenant: flips that Microsoft brought about by assessing something differently.

    judged(deltas of all subscriptions in a stretch of time)

Nobody tells when Microsoft changes a check, so it has to be shown: the same recommendation flips the same way, on
nearly all that could, in several subscriptions, within a day, and nothing was written to any of the resources. Or
Microsoft's own records say so, then less will do. Whatever falls short stays what it looks like.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from drift import ids
from drift.actors import Confidence, Evidence
from drift.engine import wording
from drift.engine.context import MEMORY
from drift.engine.evidence.flips import KINDS
from drift.engine.evidence.parting import Part, parted
from drift.model import DAY, HOUR, Change, Delta, Flips, Revision

PERIOD = DAY
"""Within what time the flips of one verdict lie: everything is assessed once in 24 hours."""


@dataclass(frozen=True, slots=True)
class Bar:
    """What it takes."""

    resources: int
    subscriptions: int
    each: int
    """Resources in each of so many subscriptions."""
    share: int
    """Percent of the marks that could have flipped so."""
    written: int
    """Percent of those that flipped that were written: with so many, people were at work on it."""
    back: int | None
    """Percent that flipped the other way, by those that flipped so: with so many, it was no change of the check."""


BARE = Bar(resources=10, subscriptions=2, each=3, share=80, written=5, back=5)
"""Without a record of Microsoft's own."""

RECORDED = Bar(resources=5, subscriptions=1, each=1, share=50, written=20, back=None)
"""With one. What is assessed by other means may flip both ways."""

MOST = 64
"""Windows of one recommendation that are looked at closely."""


@dataclass(frozen=True, slots=True)
class _Flip:
    at: int
    subscription: str
    delta: int
    change: int
    resource: str
    written: bool
    free: bool
    """Known not to be written."""
    plain: bool
    """Of a type that is changed through Azure Resource Manager only."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    flips: Sequence[_Flip]
    evidence: Evidence
    confidence: Confidence
    reason: str


def judged(deltas: Mapping[str, Sequence[Delta]], heard: Container[str] = ()) -> dict[str, list[Delta]]:
    """The deltas, by subscription id, with what the platform did as `recommendation_reevaluated`.

    `deltas`: consecutive ones of each subscription, oldest first. `heard`: subscriptions, in lower case, whose events
    are all at hand. Deltas of which nothing is said come back as they are, the same object. A change is only divided
    if its delta has its cells. What was judged once is not judged again.
    """
    parts = shown(deltas, heard)
    return {
        subscription: [
            parted(delta, parts[subscription, at]) if (subscription, at) in parts else delta
            for at, delta in enumerate(own)
        ]
        for subscription, own in deltas.items()
    }


type Parts = dict[int, list[Part]]
"""What the platform did of the changes of a delta, by their position."""


def shown(deltas: Mapping[str, Sequence[Delta]], heard: Container[str] = ()) -> dict[tuple[str, int], Parts]:
    """What the platform is shown to have done, by subscription and position of its delta: see `judged`."""
    marks = _gathered(deltas, heard)
    parts: dict[tuple[str, int], Parts] = {}
    for (key, before, after), own in sorted(marks.items()):
        against = sorted(flip.at for flip in marks.get((key, after, before), ()))
        for verdict in _verdicts(own, against, deltas):
            for (subscription, delta, change), resources in _by_change(verdict.flips).items():
                part = Part(resources, verdict.evidence, verdict.confidence, verdict.reason)
                parts.setdefault((subscription, delta), {}).setdefault(change, []).append(part)
    return parts


type _Way = tuple[str, int, int]
"""A recommendation, by its key in lower case, and the status before and after."""


def _gathered(deltas: Mapping[str, Sequence[Delta]], heard: Container[str]) -> dict[_Way, list[_Flip]]:
    """All flips, of ways that enough marks went, in order."""
    every = [
        (subscription, at, place, change, flips)
        for subscription, own in deltas.items()
        for at, delta in enumerate(own)
        for place, change in enumerate(delta.changes)
        if change.flips and change.cause.kind in KINDS
        for flips in change.flips
    ]
    sizes: Counter[_Way] = Counter()
    for _, _, _, change, flips in every:
        sizes[_way(change, flips)] += len(flips.times)
    enough = {way for way, size in sizes.items() if size >= RECORDED.resources}
    enough |= {(key, after, before) for key, before, after in enough}
    found: dict[_Way, list[_Flip]] = {}
    for subscription, at, place, change, flips in every:
        if (way := _way(change, flips)) in enough:
            touched = _touched(change)
            is_heard = subscription.lower() in heard
            own_flips = found.setdefault(way, [])
            for resource, time in flips.times.items():
                written = resource in flips.written or resource in touched or resource.lower() in touched
                free = not written and (is_heard or resource in flips.unwritten)
                plain = ids.through_arm(resource)
                own_flips.append(_Flip(time, subscription, at, place, resource, written, free, plain))
    return {
        way: sorted(own, key=lambda flip: (flip.at, flip.subscription, flip.resource)) for way, own in found.items()
    }


def _way(change: Change, flips: Flips) -> _Way:
    return change.cause.subject.lower(), int(flips.before), int(flips.after)


def _touched(change: Change) -> set[str]:
    """The resources that events tell were written, or that are somebody's doing: as given, and in lower case."""
    found = {
        resource for one in change.by if _is_somebody(one.actor.type) for resource in one.resources or change.resources
    }
    for one in change.evidence:
        if one.source == "event" and one.subject is not None:
            for scope in ids.scopes(one.subject.lower().rstrip("/")):
                if ids.resource_group(scope) in (None, scope):
                    break
                found.add(scope)
    return found


def _is_somebody(kind: str) -> bool:
    return kind not in ("platform", "notRecorded")


def _by_change(flips: Iterable[_Flip]) -> dict[tuple[str, int, int], frozenset[str]]:
    found: dict[tuple[str, int, int], set[str]] = {}
    for flip in flips:
        found.setdefault((flip.subscription, flip.delta, flip.change), set()).add(flip.resource)
    return {key: frozenset(own) for key, own in found.items()}


def _verdicts(flips: Sequence[_Flip], against: Sequence[int], deltas: Mapping[str, Sequence[Delta]]) -> list[_Verdict]:
    """What is judged of the flips of one recommendation one way, in order of time; `against`: when others flipped back.

    The time in which most flipped is asked first; then what is left before it and after it.
    """
    for first, end in _windows(flips):
        own = flips[first:end]
        back = bisect_right(against, own[-1].at) - bisect_left(against, own[0].at)
        verdict = _verdict(own, back, deltas)
        if verdict is not None:
            rest = (flips[:first], flips[end:])
            return [verdict, *(one for some in rest for one in _verdicts(some, against, deltas))]
    return []


def _windows(flips: Sequence[_Flip]) -> list[tuple[int, int]]:
    """The largest stretches of flips within the time of a verdict, those with most that may count first."""
    times = [flip.at for flip in flips]
    free = [0, *accumulate(flip.free for flip in flips)]
    found: list[tuple[int, int]] = []
    for first in range(len(flips)):
        end = bisect_right(times, times[first] + PERIOD)
        if (not found or end > found[-1][1]) and free[end] - free[first] >= RECORDED.resources:
            found.append((first, end))
    return sorted(found, key=lambda window: (free[window[0]] - free[window[1]], window))[:MOST]


def _verdict(flips: Sequence[_Flip], back: int, deltas: Mapping[str, Sequence[Delta]]) -> _Verdict | None:
    """What can be said of flips within the time of one verdict."""
    could = _could(flips, deltas)
    record = _record(flips, deltas)
    if record is not None:
        # a new version of the benchmark is about no check in particular: what is no proof by itself is none with it
        counted = [flip for flip in flips if flip.free and (record.own or flip.plain)]
        if _meets(RECORDED, counted, flips, back, could):
            return _Verdict(counted, _evidence(counted, record.told), "confirmed", "")
    counted = [flip for flip in flips if flip.free and flip.plain]
    if _meets(BARE, counted, flips, back, could):
        return _Verdict(counted, _evidence(counted, ""), "inferred", _REASON)
    return None


_REASON = "Microsoft keeps no record of it: so many flipped alike within a day, and none was written"


def _meets(bar: Bar, counted: Sequence[_Flip], flips: Sequence[_Flip], back: int, could: int) -> bool:
    size = len(counted)
    if size < bar.resources or 100 * size < bar.share * could:
        return False
    if back and bar.back is not None and 100 * back >= bar.back * size:
        return False
    written = sum(flip.written for flip in flips)
    if written and 100 * written >= bar.written * (size + written):
        return False
    each = Counter(flip.subscription.lower() for flip in counted)
    return sum(number >= bar.each for number in each.values()) >= bar.subscriptions


def _could(flips: Sequence[_Flip], deltas: Mapping[str, Sequence[Delta]]) -> int:
    """How many marks stood where these did, in the subscriptions in which any flipped."""
    by_subscription: dict[str, dict[int, dict[int, Flips]]] = {}
    for (subscription, delta, change), resources in _by_change(flips).items():
        for one in deltas[subscription][delta].changes[change].flips:
            if not resources.isdisjoint(one.times):
                by_subscription.setdefault(subscription, {}).setdefault(delta, {})[change] = one
    total = 0
    for own in by_subscription.values():
        gone = most = 0
        for _, some in sorted(own.items()):
            most = max(most, gone + max(one.stood for one in some.values()))
            gone += sum(len(one.times) for one in some.values())
        total += max(most, gone)
    return total


def _record(flips: Sequence[_Flip], deltas: Mapping[str, Sequence[Delta]]) -> Revision | None:
    """What Microsoft's own records say of that time: of the check itself, else of the benchmark."""
    low, high = flips[0].at, flips[-1].at
    found = {
        revision
        for subscription, delta, change in _by_change(flips)
        for one in deltas[subscription][delta].changes[change].flips
        for revision in one.revised
        if high - MEMORY <= revision.since and revision.at <= low + MEMORY
    }
    return min(found, key=lambda one: (not one.own, one.at, one.told), default=None)


def _evidence(flips: Sequence[_Flip], record: str) -> Evidence:
    subscriptions = wording.count(len({flip.subscription.lower() for flip in flips}), "subscription")
    hours = -(-(flips[-1].at - flips[0].at) // HOUR) or 1
    told = f"{wording.count(len(flips), 'resource')} in {subscriptions} flipped within {hours} h, none was written"
    return Evidence("verdict", flips[-1].at, told=f"{told}; {record}" if record else told)

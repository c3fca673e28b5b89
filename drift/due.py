"""What is due: the calendar of a subscription as it is kept, of a group as it is answered, and what of it is news."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2s

from drift.adapters import dates
from drift.engine.ahead.calendar import PAST, calendar, told
from drift.engine.head import Head
from drift.engine.rollup import Cut
from drift.engine.scope import belongs
from drift.engine.segments import iso
from drift.engine.wording import clean
from drift.model import DAY, Json

AHEAD, AFTER = 7 * DAY, 7 * DAY
"""How long before it comes an entry is told, and how long after it has come."""

REMEMBERED = 90 * DAY
"""How long it is known that an entry was told: far longer than anybody tells it."""

KINDS = (
    "exemption_ends",
    "exemption_ended",
    "grace_period_ends",
    "remediation_due",
    "recommendation_deprecated",
    "recommendation_in_preview",
)
"""What can be due."""

DIGESTED = {
    "exemption_ends": "exemption",
    "exemption_ended": "exemption",
    "grace_period_ends": "grace",
    "recommendation_deprecated": "deprecation",
}
"""The kinds that a digest tells, with what they are whether they are still to come or have come."""


def agenda(head: Head) -> Json:
    """What is due in a subscription, as it is kept. Without a score nothing is."""
    subscription = head.at.subscription
    entries = [told(one) for one in calendar(head)] if head.at.score is not None else []
    return {"takenAt": iso(head.at.taken_at), "name": clean(subscription.name), "value": entries}


def listed(
    calendars: Mapping[str, Json],
    weights: Mapping[str, float],
    until: int | None,
    looked: Mapping[str, int] | None = None,
) -> list[Json]:
    """The entries of subscriptions by date, those without a date last; of equal ones the largest share first.

    `weights`: by subscription what part of the scope's score it is. `until`: only what comes up to that time.
    `looked`: by subscription when it was last looked at, where that was after its calendar was kept.
    """
    looked = looked or {}
    found = [
        {
            **entry,
            "share": None if entry["share"] is None else entry["share"] * weights.get(scope, 0.0),
            "scope": scope,
            "subscription": kept["name"],
        }
        for scope, kept in calendars.items()
        for entry in _passed(kept["value"], looked.get(scope, dates.one(kept["takenAt"])))
        if until is None or entry["at"] is None or dates.one(entry["at"]) <= until
    ]
    found.sort(key=lambda one: (-abs(one["share"] or 0.0), one["subject"], one["scope"]))
    return sorted(found, key=lambda one: (one["at"] is None, one["at"] or ""))


def _passed(entries: Sequence[Json], now: int) -> Iterator[Json]:
    """The entries as they are at a time: what has come since they were written has ended, and goes a week later."""
    for entry in entries:
        at = None if entry["at"] is None else dates.one(entry["at"])
        if at is None or at > now or entry["kind"] not in _PASSING:
            yield entry
        elif entry["kind"] in ("exemption_ends", "exemption_ended") and at > now - PAST:
            yield entry if entry["kind"] == "exemption_ended" else _ended(entry)


def _ended(entry: Json) -> Json:
    """The end of an exemption, once it has come."""
    named, ends, where = entry["title"].rpartition("” ends: ")  # its name may say so too
    title = f"{named}” ended: {where}" if ends else where
    return entry | {"kind": "exemption_ended", "title": title}


_PASSING = ("exemption_ends", "exemption_ended", "grace_period_ends", "remediation_due")
"""The kinds that are over on their date; what is to be retired waits until it is."""


def parts(cut: Cut) -> dict[str, float]:
    """What part of a group's score that of each of its scored subscriptions is; they sum to 1."""
    points = {scope: place.point for scope, place in cut.places.items()}
    own = {key: one.weight for key, one in points.items() if one.score is not None and belongs(one, cut.scope)}
    total = sum(own.values())
    return {key: weight / total for key, weight in own.items()} if total > 0 else {}


@dataclass(frozen=True, slots=True)
class News:
    """An entry of a calendar that is to be told: it comes soon, or has come."""

    scope: str
    key: str
    """Names the entry, and whether it comes or has come."""
    ended: bool
    entry: Json
    """As it is kept, with `subscription`, its name."""


def news(calendars: Mapping[str, Json], agenda: Mapping[str, Mapping[str, int]], now: int) -> list[News]:
    """What is to be told and was not, those with the largest shares first."""
    every = (one for one in _current(calendars, now) if one.key not in agenda.get(one.scope, {}))
    return sorted(every, key=lambda one: (-abs(one.entry["share"] or 0.0), one.scope, one.key))


def again(calendars: Mapping[str, Json], asked: Sequence[Collection[str]]) -> list[News]:
    """The same entries by their scopes and keys, as far as they still stand there."""
    wanted = {(scope, key) for scope, key in asked}
    found = [one for one in _every(calendars) if (one.scope, one.key) in wanted]
    return sorted(found, key=lambda one: (-abs(one.entry["share"] or 0.0), one.scope, one.key))


def noted(
    agenda: Mapping[str, Mapping[str, int]], asked: Sequence[Collection[str]], now: int
) -> dict[str, dict[str, int]]:
    """What was told of the subscriptions concerned, once these were; what is long past is forgotten."""
    found: dict[str, dict[str, int]] = {}
    for scope, key in asked:
        if scope not in found:
            found[scope] = {name: at for name, at in agenda.get(scope, {}).items() if at > now - REMEMBERED}
        found[scope][key] = now
    return found


def _current(calendars: Mapping[str, Json], now: int) -> Iterator[News]:
    for one in _every(calendars):
        at = dates.one(one.entry["at"])
        if (now - AFTER < at <= now) if one.ended else (now < at <= now + AHEAD):
            yield one


def _every(calendars: Mapping[str, Json]) -> Iterator[News]:
    """Each entry that a digest can tell, as one that comes and as one that has come."""
    for scope, kept in calendars.items():
        for entry in kept["value"]:
            if entry["kind"] not in DIGESTED or entry["at"] is None:
                continue
            named = "\0".join([DIGESTED[entry["kind"]], entry["subject"].lower(), entry["at"]])
            key = blake2s(named.encode(), digest_size=8).hexdigest()
            for ended in (False, True):
                yield News(scope, f"{'-' if ended else '+'}{key}", ended, entry | {"subscription": kept["name"]})

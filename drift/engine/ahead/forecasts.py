"""The register of what was said to come: opened when it is first seen, settled against what came of it.

    open, changed = advance(open, segment, at, least)

A cause that a segment has as pending or foretold opens a forecast; the share of it in the accounts of later segments
is what came about. Shares are pp of the subscription's own score, times are ticks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum

from drift import ids
from drift.actors import NEVER, Actor
from drift.engine.accounts import shown
from drift.engine.segments import Segment, iso
from drift.forecast import LATE, Forecast, Key, key
from drift.model import Json

MOST = 5
"""Forecasts of a sort that a row names."""

TINY = 1e-9
"""pp: less is the rounding of another order of the same sums."""


def advance(
    known: Sequence[Forecast], segment: Segment, at: int, least: float
) -> tuple[tuple[Forecast, ...], tuple[Forecast, ...]]:
    """What is open after a segment of a subscription that ends at `at`, and of it and what was open what is new.

    New is what was opened, announced, found late, settled or withdrawn. Settled is what came about, withdrawn what is
    no longer to come. `least`: the smallest expectation that is announced, in pp; each is once.
    """
    coming, came = _coming(segment), _came(segment)
    left = segment.after["percentage"] is None
    opened, changed = [], []
    for one in known:
        now = _after(one, coming.pop(one.key, None), came.get(one.key), at)
        if left and one.state == "open" and now.state == "withdrawn" and _ends_the_score(one):
            now = replace(now, state="settled", came=True)
        now = _announced(now, at, least)
        if now.state == "open":
            opened.append(now)
        if (now.state, now.told_at, now.overdue_at) != (one.state, one.told_at, one.overdue_at):
            changed.append(now)
    for entries in coming.values():
        first = entries[0]
        now = _announced(
            Forecast(
                kind=first["kind"],
                subject=first["subject"],
                scope=first["scope"],
                name=first["subscription"],
                title=first["title"],
                actors=_actors(entries),
                opened=at,
                expected=_expected(entries),
            ),
            at,
            least,
        )
        opened.append(now)
        changed.append(now)
    return tuple(opened), tuple(changed)


def news(changed: Sequence[Forecast], at: int) -> Json:
    """For lists and cards: the largest of what was opened, is late or was settled at a time, and how many more."""
    found: dict[str, list[Forecast]] = {
        "opened": [one for one in changed if one.state == "open" and at in (one.opened, one.told_at)],
        "overdue": [one for one in changed if one.overdue_at == at],
        "settled": [one for one in changed if one.state == "settled" and one.settled_at == at],
    }
    ordered = {name: sorted(own, key=lambda one: -abs(one.expected or 0.0)) for name, own in found.items()}
    shown: Json = {name: [told(one) for one in own[:MOST]] for name, own in ordered.items()}
    return shown | {"left": {name: max(0, len(own) - MOST) for name, own in ordered.items()}}


def loud(changed: Iterable[Forecast], at: int) -> bool:
    """Whether something is to be announced: a large one, or that one that was announced did not come in time."""
    return any(one.told_at == at or (one.overdue_at == at and one.told_at != NEVER) for one in changed)


def told(one: Forecast) -> Json:
    """A forecast, ready for JSON."""
    return {
        "kind": one.kind,
        "subject": one.subject,
        "scope": one.scope,
        "subscription": one.name,
        "title": one.title,
        "actors": [shown(actor) for actor in one.actors],
        "opened": iso(one.opened),
        "due": iso(one.due),
        "expected": one.expected,
        "realised": one.realised,
        "state": one.state,
        "settledAt": None if one.settled_at == NEVER else iso(one.settled_at),
        "overdue": one.late,
    }


def answered(found: Iterable[tuple[str, Forecast]], state: str | None, limit: int, after: str | None) -> Json:
    """A page of forecasts, each under the key of its row, and how well all of them did.

    `state`: one of STATES, only those. `after`: the `continuation` of an earlier page.
    """
    every = list(found)
    asked = [
        (row, one)
        for row, one in every
        if (after is None or row > after) and (state is None or state == one.state or (state == LATE and one.late))
    ]
    page: Json = {"value": [told(one) for _, one in asked[:limit]], "accuracy": accuracy(one for _, one in every)}
    return page if len(asked) <= limit else page | {"continuation": asked[limit - 1][0]}


def accuracy(forecasts: Iterable[Forecast]) -> Json:
    """How well forecasts did: the error is what came minus what was expected, of what is settled, in pp.

    Null where nothing is settled; a forecast without a known share has no error.
    """
    counted = list(forecasts)
    settled = [one for one in counted if one.state == "settled"]
    errors = [one.realised - one.expected for one in settled if one.expected is not None]
    return {
        "settled": len(settled),
        "meanAbsoluteError": fsum(map(abs, errors)) / len(errors) if errors else None,
        "bias": fsum(errors) / len(errors) if errors else None,
        "inTime": sum(one.settled_at <= one.due for one in settled) / len(settled) if settled else None,
        "withdrawn": sum(one.state == "withdrawn" for one in counted),
        "overdue": sum(one.late for one in counted),
    }


def _after(one: Forecast, coming: list[Json] | None, came: _Share | None, at: int) -> Forecast:
    """A forecast after a segment."""
    now = one
    if came is not None:
        now = replace(now, came=True, realised=fsum((one.realised, came.shown)))
    if coming is not None:
        now = replace(now, title=coming[0]["title"], actors=_actors(coming))
        if not now.came:
            now = replace(now, expected=_steady(one.expected, _expected(coming)))
        return replace(now, overdue_at=at) if at > now.due and not now.late else now
    nothing = not now.came or (abs(now.realised) <= TINY and came is not None and abs(came.said) > TINY)
    if not nothing:
        return replace(now, state="settled", settled_at=at)
    if now.came and not now.late:  # its time is up, and the counts never showed it: that is unexplained
        now = replace(now, overdue_at=at)
    return replace(now, state="withdrawn", settled_at=at)


def _announced(one: Forecast, at: int, least: float) -> Forecast:
    large = bool(one.expected) and abs(one.expected or 0.0) >= least
    return replace(one, told_at=at) if large and one.state == "open" and one.told_at == NEVER else one


def _ends_the_score(one: Forecast) -> bool:
    return one.kind == "plan_disabled" and one.subject.lower() == ids.FOUNDATION


@dataclass(frozen=True, slots=True)
class _Share:
    """What a cause has in the accounts of a segment, and what of it the counts show."""

    said: float
    shown: float


def _came(segment: Segment) -> Mapping[Key, _Share]:
    """By cause; what is unexplained the other way in the same control is what the counts lack of it."""
    lacking: dict[str, float] = {}
    parts: dict[tuple[str, bool], float] = {}
    for account in segment.accounts:
        for control, own in account.controls.items():
            if account.cause.kind.value == "unexplained":
                lacking[control] = lacking.get(control, 0.0) + fsum(own)
            else:
                side = control, fsum(own) > 0
                parts[side] = parts.get(side, 0.0) + fsum(own)
    found: dict[Key, _Share] = {}
    for account in segment.accounts:
        cause, lacks = account.cause, 0.0
        for control, own in account.controls.items():
            part, gap = fsum(own), lacking.get(control, 0.0)
            if part * gap < 0:
                lacks += part * min(1.0, abs(gap / parts[control, part > 0]))
        found[key(cause.kind.value, cause.subject, cause.scope)] = _Share(account.share, account.share - lacks)
    return found


def _coming(segment: Segment) -> dict[Key, list[Json]]:
    """By cause what is pending and what is foretold of it."""
    found: dict[Key, list[Json]] = {}
    for entry in (*segment.pending, *segment.foretold):
        found.setdefault(key(entry["kind"], entry["subject"], entry["scope"]), []).append(entry)
    return found


def _expected(entries: Sequence[Json]) -> float | None:
    shares = [entry["share"] for entry in entries]
    return None if None in shares else fsum(shares)


def _steady(before: float | None, now: float | None) -> float | None:
    return before if before is not None and now is not None and abs(before - now) <= TINY else now


def _actors(entries: Sequence[Json]) -> tuple[Actor, ...]:
    rows = [actor for entry in entries for actor in entry["actors"]]
    return tuple(dict.fromkeys(Actor(row["type"], row["actor"], row["id"], row.get("address")) for row in rows))

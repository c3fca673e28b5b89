"""Whose doing each change was: the events that explain it, and what Azure's own records say.

A name is only given where the records leave no choice. An event explains a change if it is of the right kind, on the
right thing, in the right time, and succeeded; where several people did such a thing, all of it is shown as evidence and
nobody is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from drift import ids
from drift.actors import NOT_RECORDED, PLATFORM, Actor, By, Confidence, Evidence, Happening, alike
from drift.engine.accounts import nobody
from drift.engine.evidence.records import Asked, Found, Records, Times
from drift.kinds import Class, Kind
from drift.model import NEVER, Cause, Change, Delta, Snapshot

_ENDED_BY_DATE = {"expiresOn", "remediationDueDate"}
"""Records that show that a thing ended by a date set long before."""


def amended(delta: Delta, events: Iterable[Happening]) -> Delta:
    """The delta with whose doing each change was, by all that is known now: its own records, and these events.

    `events`: of its subscription, from 73 hours before its begin to its end. Shares don't change. What events said of
    the delta before is said anew.
    """
    records = Records(events)
    ends = delta.before.taken_at, delta.after.taken_at

    def told(changes: Sequence[Change], times: Sequence[Times] = ()) -> tuple[Change, ...]:
        known = times or [{}] * len(changes)
        return tuple(_attributed(records, Asked(one, at, *ends)) for one, at in zip(changes, known, strict=True))

    foretold = [replace(new, reason=old.reason) for old, new in zip(delta.foretold, told(delta.foretold), strict=True)]
    changes = told(delta.changes, _times(delta) if records else ())
    return replace(delta, changes=changes, pending=told(delta.pending), foretold=tuple(foretold))


def scoring(after: Snapshot, events: Iterable[Happening], since: int) -> Change:
    """Who switched on, or off, the plan that the score comes with, since a time; as a change of that plan."""
    identity, on = after.subscription.id, after.unscored is None
    cause = Cause(Kind.PLAN_ENABLED if on else Kind.PLAN_DISABLED, ids.FOUNDATION, identity)
    subject = f"/subscriptions/{identity}/providers/microsoft.security/pricings/{ids.FOUNDATION}".lower()
    plan = (after.context.plans or {}).get(ids.FOUNDATION)
    dated = on and plan is not None and plan.enabled_at != NEVER
    made = (Evidence("enablementTime", plan.enabled_at),) if dated and plan else ()  # not who had switched it off
    change = Change(cause, about=(subject,), between=(since, after.taken_at), evidence=made)
    return _attributed(Records(events), Asked(change, {}, since, after.taken_at))


def named(delta: Delta, people: Mapping[str, Actor]) -> Delta:
    """The delta with names for those whom records only give by id; `people` by id in lower case."""
    if not people:
        return delta
    changes, pending, foretold = (
        tuple(_named(change, people) for change in some) for some in (delta.changes, delta.pending, delta.foretold)
    )
    return replace(delta, changes=changes, pending=pending, foretold=foretold)


def nameless(delta: Delta) -> set[str]:
    """The ids of those whom records only give by id."""
    some = (*delta.changes, *delta.pending, *delta.foretold)
    return {by.actor.id.lower() for change in some for by in change.by if by.actor.id and not by.actor.name}


def _times(delta: Delta) -> list[Times]:
    """For each change when the marks changed on each resource of which it moved a cell; if of none, on all of them."""
    found: list[dict[str, int]] = [{} for _ in delta.changes]
    cells = delta.cells
    columns = cells.times.tolist() if cells.times is not None else [NEVER] * len(cells.change)
    for change, place, at in zip(cells.change.tolist(), cells.resource.tolist(), columns, strict=True):
        resource = cells.resources[place].lower()
        found[change][resource] = max(found[change].get(resource, NEVER), at)
    for change, own in zip(delta.changes, found, strict=True):
        if not own:
            own.update((name.lower(), at) for one in change.flips for name, at in one.times.items())
    return list(found)


def _attributed(records: Records, asked: Asked) -> Change:
    own = tuple(one for one in asked.change.evidence if one.source != "event")
    if len(own) < len(asked.change.evidence):
        asked = replace(asked, change=replace(asked.change, evidence=own))
    change = asked.change
    if change.cause.kind.group in (Class.YARDSTICK, Class.UNEXPLAINED):
        return _of_nobody(change)
    if any(one.source in _ENDED_BY_DATE for one in own):
        return replace(change, by=(By(PLATFORM),), confidence="confirmed", reason="")
    found = records.of(asked)
    if not found:
        return _by_records(change)
    told = {event.key: event for some in found.values() for event in some}
    events = tuple(_evidence(event) for event in sorted(told.values(), key=lambda one: (one.time, one.key)))
    change = replace(change, evidence=(*events, *own))
    if None in found:
        actors = _actors(found[None])
        if actors == [NOT_RECORDED]:
            return _by_records(change)
        if len(actors) > 1:
            return replace(change, by=(By(NOT_RECORDED),), confidence="inferred", reason=_several(actors))
        return replace(change, by=(By(actors[0]),), confidence="confirmed", reason="")
    return _by_resource(change, found, asked.times)


def _by_resource(change: Change, found: Found, times: Times) -> Change:
    """Each resource's part is whose events are on it; what several people wrote to is nobody's."""
    shown = {resource.lower(): resource for resource in change.resources}
    named: dict[str, tuple[Actor, list[str]]] = {}
    several: list[Actor] = []
    for resource, events in sorted(found.items(), key=lambda one: one[0] or ""):
        actors = _actors(events)
        if len(actors) > 1:
            several = several or actors
        elif resource is not None and actors != [NOT_RECORDED]:
            named.setdefault(actors[0].key, (actors[0], []))[1].append(shown.get(resource, resource))
    clear = sum(len(own) for _, own in named.values())
    open_ = len(times or shown) - clear
    reason = _several(several) if several else ""
    if open_ and not several:
        reason = _NOBODY if not clear else f"on {open_} of {open_ + clear} resources no event tells who"
    sure = not open_ and all(ids.through_arm(one) for _, own in named.values() for one in own)
    if not sure and not reason:
        reason = _FROM_WITHIN
    by = [By(actor, frozenset(own)) for actor, own in named.values()]
    if len(named) == 1 and not open_:
        by = [By(one.actor) for one in by]
    rest = [By(NOT_RECORDED)] if open_ else []
    return replace(change, by=(*by, *rest), confidence="confirmed" if sure else "inferred", reason=reason)


def _by_records(change: Change) -> Change:
    """Where no event tells, Azure's own record of who made or changed a thing."""
    actors = _each(actor for one in change.evidence if (actor := _recorded(one)) is not None)
    if len(actors) == 1:
        return replace(change, by=(By(actors[0]),), confidence="confirmed", reason="")
    if actors:
        return replace(change, by=(By(NOT_RECORDED),), confidence="inferred", reason=_several(actors))
    return _of_nobody(change)


def _of_nobody(change: Change) -> Change:
    actor = nobody(change.cause.kind)
    reason = "" if change.evidence else _UNDATED if actor is PLATFORM else _NOBODY
    if change.cause.kind is Kind.UNEXPLAINED:
        reason = "no mark shows why the counts moved"
    elif change.evidence and actor is NOT_RECORDED:
        reason = "the records tell when, not who"
    known = [one for one in change.evidence if one.source != "event"]
    confidence: Confidence = "confirmed" if known else "inferred"
    return replace(change, by=(By(actor),), confidence=confidence, reason=reason)


_FROM_WITHIN = "they wrote to it in the day before; what is assessed of such a resource can also change from within"
_NOBODY = "no event and no record of Azure's tells who"
_UNDATED = "the lists differ, and Azure keeps no record of when that came about"


def _several(actors: Sequence[Actor]) -> str:
    names = sorted(actor.name or actor.id or "somebody whom the event does not name" for actor in actors)
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"{' and '.join(names[:2]) if not more else ', '.join(names[:2]) + more} did such a thing in that time"


def _actors(events: Iterable[Happening]) -> list[Actor]:
    """Who did these, each once; an event that names nobody leaves it open."""
    found = [_actor(event.actor, event.actor_type, event.actor_id, event.address) for event in events]
    return _each(actor or NOT_RECORDED for actor in found)


def _each(actors: Iterable[Actor]) -> list[Actor]:
    return list({one.key: one for one in alike(actors).values()}.values())


def _recorded(one: Evidence) -> Actor | None:
    return _actor(one.actor, one.actor_type, one.actor_id, one.address)


def _actor(name: str | None, kind: str | None, identity: str | None, address: str | None) -> Actor | None:
    shown = name if name and not ids.is_guid(name) else None
    identity = identity or (name if name and shown is None else None)
    if not (shown or identity or address):
        return None
    if kind == "ManagedIdentity":
        return Actor("managedIdentity", shown, identity, address)
    if kind == "User" or (kind is None and (address or shown)):
        return Actor("user", shown or address, identity, address)
    return Actor("application", shown, identity, address)


def _evidence(event: Happening) -> Evidence:
    return Evidence(
        "event",
        event.time,
        event.actor,
        event.actor_type,
        event.actor_id,
        event.address,
        event.operation,
        event.subject,
        event.ip,
        event.correlation,
    )


def _named(change: Change, people: Mapping[str, Actor]) -> Change:
    def known(actor: Actor) -> Actor:
        found = people.get((actor.id or "").lower()) if not actor.name else None
        return actor if found is None else replace(found, id=actor.id)

    by = tuple(replace(one, actor=known(one.actor)) for one in change.by)
    return change if by == change.by else replace(change, by=by)

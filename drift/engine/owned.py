"""The part of some owners in a movement: the shares of their resources, told as a movement of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from math import fsum

import numpy as np

from drift import ids
from drift.actors import NOT_RECORDED, Actor
from drift.engine import wording
from drift.engine.accounts import Account
from drift.engine.explanation import told
from drift.engine.segments import Segment
from drift.kinds import KINDS, Kind
from drift.model import Cause, Change, Json

SEVERAL = "several had a part in it, and who did which of these is told with the whole movement"


def part(segment: Segment, owners: Collection[str], changes: Sequence[Change] = ()) -> Json | None:
    """What resources of these owners (in any case) moved, as an explanation; None where they have no share in it.

    `movement` is the sum of their shares, in pp of the scope's score, and what `explain` divided by owner says of them.
    The ends are those of the scope, and `part` has the owners and the whole movement. Nothing is pending in it.
    `changes`: those of a subscription's movement, which know resource by resource whose doing it was.
    """
    if segment.before["percentage"] is None or segment.after["percentage"] is None:
        return None
    accounts = _accounts(segment, {owner.casefold() for owner in owners}, {one.cause.key: one for one in changes})
    if not accounts:
        return None
    names = sorted({one for one in segment.where.owners if one.casefold() in {own.casefold() for own in owners}})
    alone = replace(segment, accounts=accounts, pending=[], foretold=[], unscored=[], remarks={}, missing={})
    found = told([alone])
    whole: float = found["movement"]
    movement = fsum(account.share for account in accounts)
    return found | {"movement": movement, "rounding": None, "part": {"owners": names, "movement": whole}}


type _Changes = Mapping[tuple[int, str, int, str], Change]


def _accounts(segment: Segment, owners: Collection[str], changes: _Changes) -> tuple[Account, ...]:
    """An account for each kind of cause in each subscription that touched their resources."""
    where = segment.where
    mine = np.array([owner.casefold() in owners for owner in where.owners], bool)
    rows = np.flatnonzero(mine[where.resource]) if len(where.resource) else where.resource
    shares: dict[tuple[Kind, str], list[float]] = {}
    touched: dict[tuple[Kind, str], dict[str, str]] = {}
    for row in rows.tolist():
        resource, share = where.resources[int(where.resource[row])], float(where.share[row])
        key = KINDS[int(where.kind[row])], _subscription(resource)
        shares.setdefault(key, []).append(share)
        touched.setdefault(key, {})[resource.lower()] = resource
    whole = {key: [one for one in segment.accounts if _is_of(one, *key)] for key in shares}
    found = [_account(whole[key], touched[key], fsum(own), changes) for key, own in shares.items() if whole[key]]
    return tuple(account for account in found if account.share)


def _account(own: Sequence[Account], resources: dict[str, str], share: float, changes: _Changes) -> Account:
    """The part of `share` pp in accounts of one kind, by these resources: as the one that touched them, or as all."""
    own = [one for one in own if not resources.keys().isdisjoint(one.resources)] or own
    first = own[0]
    if len(own) == 1:
        account = Account(first.cause, first.title, first.numbers, evidence=first.evidence)
    else:
        kind, groups = first.cause.kind, {group for one in resources if (group := ids.resource_group(one)) is not None}
        subjects = len({one.cause.subject.lower() for one in own})
        title = wording.summary(kind, subjects, len(resources), len(groups), 1)
        account = Account(Cause(kind, "", first.cause.scope), title)
    account.share, account.shares, account.resources = share, [share], resources
    account.confidence, account.reason = first.confidence, first.reason
    actors = {actor.key: actor for one in own for actor in _actors(one, resources, changes.get(one.cause.key))}
    account.owe(next(iter(actors.values())) if len(actors) == 1 else NOT_RECORDED, share)
    if len(actors) > 1:
        account.reason = SEVERAL
    account.marks = len(resources)
    return account


def _actors(account: Account, resources: Collection[str], change: Change | None) -> Iterable[Actor]:
    """Whose doing an account is, as far as these resources are concerned, if its change knows that."""
    whole = [actor for actor, _ in account.actors.values()]
    if change is None or len(whole) < 2:
        return whole
    named = {resource.lower(): by.actor for by in change.by for resource in by.resources}
    others = next((by.actor for by in change.by if not by.resources), NOT_RECORDED)
    return [named.get(resource, others) for resource in resources if resource in account.resources]


def _is_of(account: Account, kind: Kind, subscription: str) -> bool:
    return account.cause.kind is kind and subscription in ("", account.cause.scope.lower())


def _subscription(resource: str) -> str:
    """The id of the subscription that a resource lies in, in lower case; "" where its id does not say."""
    parts = resource.lower().split("/")
    return parts[2] if len(parts) > 2 and parts[1] == "subscriptions" else ""

"""What is told again, and says so: a movement that takes back one that was told, or one of which more became known.

What was told at once keeps with it to whom. A movement that is told at once looks back through the last week of its
chain for one that it takes back, when it is kept. Of one that was told at once, what becomes known later puts it into
the outbox once more, for the digest.
"""

from __future__ import annotations

from collections.abc import Collection

from drift.adapters.entities import Head, Waiting
from drift.adapters.store import Store
from drift.model import DAY, Json
from drift.routes import is_digest

BACK = 7 * DAY
"""How long ago a movement can be that another takes back."""

LOOKED_THROUGH = 50
"""Movements that are at least as large, the newest of that time."""

CLOSE = 0.01
"""In pp, how far from opposite two shares may be: each is told to a hundredth."""


def told_at_once(store: Store, head: Head, explained: Json, destinations: Collection[str]) -> Json:
    """What a row keeps of a movement that is told at once: to whom (`to`), and what it takes back (`earlier`).

    Raises ServiceError.
    """
    to = sorted(one for one in destinations if one.startswith("teams"))
    if not to:
        return {}
    earlier = _taken_back(store, head, explained)
    return {"to": to} | ({} if earlier is None else {"earlier": earlier})


def _taken_back(store: Store, head: Head, explained: Json) -> Json | None:
    """The last movement that was told at once and that this one takes back; not one that another took back."""
    if explained["movement"] is None or abs(explained["movement"]) <= CLOSE:
        return None
    least = abs(explained["movement"]) - CLOSE
    page = store.movements(head.scope, head.at - BACK, head.at - 1, least=least, limit=LOOKED_THROUGH)
    gone = set[str]()
    for row in page.items:
        if "earlier" in row.told:
            gone.add(row.told["earlier"]["id"])
        if row.id not in gone and row.told.get("to") and takes_back(explained, row.told):
            return {"id": row.id, "at": row.at, "to": row.told["to"]}
    return None


def takes_back(now: Json, then: Json) -> bool:
    """Whether a movement is the opposite of another: of the same things, with opposite shares, to a hundredth.

    Of a movement of which only the largest causes are at hand, those.
    """
    if then["movement"] is None or abs(now["movement"] + then["movement"]) > CLOSE:
        return False
    shares, others = _by_subject(now), _by_subject(then)
    smallest = min(map(abs, others.values()), default=0.0) if then.get("left", {}).get("causes") else 0.0
    return all(
        abs(shares.get(key, 0.0) + others.get(key, 0.0)) <= CLOSE
        or (key not in others and abs(shares[key]) <= smallest)
        for key in shares.keys() | others.keys()
    )


def _by_subject(told: Json) -> dict[tuple[str, str], float]:
    """The shares of a movement by what they are of: a fix and its undoing are causes of two kinds."""
    found: dict[tuple[str, str], float] = {}
    for cause in told["causes"]:
        key = cause["subject"].lower(), cause["scope"].lower()
        found[key] = found.get(key, 0.0) + cause["share"]
    return found


# What became known later


def known_better(store: Store, scope: str, at: int, now: int) -> None:
    """Has the digest tell that more is known of a movement, if it was told at once and is not still to be.

    It is put there before what became known is noted: who is killed in between does both again. Raises ServiceError.
    """
    row = store.movement(scope, at)
    to = [] if row is None else row.told.get("to", ())
    digests = frozenset("digest" + one.removeprefix("teams") for one in to)
    if digests:
        store.again(Waiting(scope, at, digests, now), unless=to)


def is_known_better(told: Json, destination: str) -> bool:
    """Whether what waits for a digest was told at once there."""
    return is_digest(destination) and "teams" + destination.removeprefix("digest") in told.get("to", ())

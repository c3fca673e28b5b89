"""How it runs: how old each chain is, what waits to be told, what waits in queues and what failed."""

from __future__ import annotations

from collections.abc import Collection

from drift.adapters.store import Store
from drift.engine.segments import iso
from drift.model import HOUR, Json

SECOND = HOUR // 3600


def status(store: Store, groups: Collection[str], now: int) -> Json:
    """The state of the store. `groups`: the names of those that are asked for. `now`: our own clock."""
    rolled = {name: known for name, known in store.chains(group=True).items() if name in groups}
    chains = rolled | {name: known for name, known in store.chains().items() if not known.retired}
    newest = max((known.looked_at for known in chains.values()), default=now)
    depths = store.depths()
    return {
        "status": "ok",
        "chains": [
            {
                "scope": scope,
                "name": known.name,
                "movedAt": iso(known.at),
                "lookedAt": iso(known.looked_at),
                "behind": (newest - known.looked_at) / SECOND,
                "age": (now - known.looked_at) / SECOND,
            }
            for scope, known in chains.items()
        ],
        "queues": {name: depth or 0 for name, depth in depths.items() if not name.endswith("-poison")},
        "poison": {name.removesuffix("-poison"): depth or 0 for name, depth in depths.items() if "-poison" in name},
        "waiting": _waiting(store),
    }


def vitals(store: Store, groups: Collection[str], now: int) -> dict[str, int]:
    """What the alerts look at: the age of the oldest chain in minutes, movements that wait, messages, poison."""
    found = status(store, groups, now)
    ages = [chain["age"] for chain in found["chains"]]
    return {
        "oldestMinutes": round(max(ages, default=0) / 60),
        "waiting": sum(one["count"] for one in found["waiting"].values()),
        "queued": sum(found["queues"].values()),
        "poison": sum(found["poison"].values()),
    }


def _waiting(store: Store) -> dict[str, Json]:
    """By destination how many movements wait for it, and since when the oldest does."""
    marked = {mark.scope for digest in (False, True) for mark in store.due(digest=digest)}
    since: dict[str, list[int]] = {}
    for scope in sorted(marked):
        for one in store.waiting(scope):
            for destination in one.destinations:
                since.setdefault(destination, []).append(one.written)
    return {name: {"count": len(times), "since": iso(min(times))} for name, times in sorted(since.items())}

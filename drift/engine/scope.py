"""Scopes: `all`, a subscription id, `tag:NAME=VALUE` or `mg:NAME`."""

from __future__ import annotations

from drift.model import Point, Subscription


def belongs(point: Point, scope: str) -> bool:
    """Whether a subscription, as it was at that point, belongs to a scope."""
    return covers(scope, point.subscription, point.ancestors)


def covers(scope: str, subscription: Subscription, ancestors: tuple[str, ...] | None) -> bool:
    """Whether a scope covers a subscription below these management groups. Tag names compare in any case."""
    if scope == "all":
        return True
    if scope.startswith("tag:"):
        name, _, value = scope[4:].partition("=")
        return any(n.lower() == name.lower() and v == value for n, v in subscription.tags.items())
    if scope.startswith("mg:"):
        return scope[3:].lower() in (ancestors or ())
    return subscription.id.lower() == scope.lower()

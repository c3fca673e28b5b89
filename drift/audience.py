"""What each webhook beside the default one gets of a movement."""

from __future__ import annotations

from drift.engine.owned import part
from drift.engine.scope import belongs
from drift.model import Json
from drift.record import Record
from drift.routes import Route


def told(route: Route, record: Record, explained: Json) -> Json | None:
    """What goes along a route: `explained`, which is all of the movement, or the owners' part; None for nothing.

    A group's webhook gets the group, and the subscriptions that are in it at either end. An owner's gets the tenant and
    the subscriptions.
    """
    if _concerns(route, record):
        return explained
    if route.owners and (record.delta is not None or record.segment.scope == "all"):
        return part(record.segment, route.owners, () if record.delta is None else record.delta.changes)
    return None


def _concerns(route: Route, record: Record) -> bool:
    """Whether it is of one of the route's groups, or of a subscription in one."""
    if record.delta is None:
        return record.segment.scope in route.groups
    ends = record.delta.before, record.delta.after
    return any(belongs(end, scope) for end in ends for scope in route.groups.values())

"""What lists show: a row or an event as an item, ready for JSON."""

from __future__ import annotations

from drift.actors import Happening
from drift.adapters.entities import Row
from drift.engine.segments import iso
from drift.model import Json


def movement(row: Row) -> Json:
    """A movement, with the largest of its causes."""
    shown = row.told
    return {
        "id": row.id,
        "scope": shown["scope"],
        "name": shown["name"],
        "from": shown["before"]["takenAt"],
        "to": shown["after"]["takenAt"],
        "before": shown["before"]["percentage"],
        "after": shown["after"]["percentage"],
        "movement": row.movement,
        "classes": shown["classes"],
        "actors": shown.get("actors", []),
        "causes": [{key: value for key, value in one.items() if key != "controls"} for one in shown["causes"]],
        "moreCauses": shown["left"]["causes"],
        "pendingShare": shown["left"]["pendingShare"],
    }


def step(row: Row) -> Json:
    """Where a score stood after a movement."""
    end = row.told["after"]
    return {
        "takenAt": end["takenAt"],
        "percentage": end["percentage"],
        "ownWork": row.own_work,
        "max": row.maximum,
        "weight": row.weight,
        "id": row.id,
    }


def happened(one: Happening) -> Json:
    """An event: what, who, when. Not from where: an address says nothing of a score."""
    return {
        "id": one.id,
        "time": iso(one.time),
        "subscription": one.subscription,
        "category": one.category,
        "action": one.action,
        "succeeded": one.succeeded,
        "operation": one.operation,
        "subject": one.subject,
        "actor": one.actor,
        "actorType": one.actor_type,
        "actorId": one.actor_id,
        "correlation": one.correlation,
        "detail": dict(one.detail),
    }

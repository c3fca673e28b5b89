"""What an object itself remembers of who made it, who changed it last, and when."""

from __future__ import annotations

from collections.abc import Mapping

from drift.actors import NEVER, NOTHING, Evidence
from drift.adapters import dates
from drift.adapters.fields import Fields
from drift.ids import is_guid


def made(row: Fields) -> Evidence:
    """Who made it; NOTHING where it does not say. Raises EvidenceError for system data that can't be."""
    return _record(row, "createdBy", "createdAt", {"createdBy": "createdOn"})


def modified(row: Fields) -> Evidence:
    """Who changed it last, which may be who made it; else the same."""
    beside = {"lastUpdatedBy": "lastUpdatedOn", "updatedBy": "updatedOn"}
    return _record(row, "lastModifiedBy", "lastModifiedAt", beside)


def _record(row: Fields, who: str, when: str, beside: Mapping[str, str]) -> Evidence:
    """What the system data says, which Azure writes; else the metadata, in which people may write what they like."""
    system = row.object("systemData")
    if system is not None:
        found = _evidence("systemData", system.date(when), system.line(who), system.line(f"{who}Type"))
        if found != NOTHING:
            return found
    metadata = row.object("metadata")
    if metadata is not None:
        for by, on in beside.items():
            found = _evidence("metadata", dates.perhaps(metadata.value(on)), metadata.value(by))
            if found != NOTHING:
                return found
    return NOTHING


def _evidence(source: str, at: int, actor: str | None, kind: str | None = None) -> Evidence:
    actor = actor or None
    if at == NEVER and actor is None:
        return NOTHING
    identity = actor if actor is not None and is_guid(actor) else None
    return Evidence(source, at, actor, kind, identity, actor if actor is not None and "@" in actor else None)

"""Events for tests: what happened, of which a test says only what matters.

event("vm1/extensions/MDE.Linux", at(3), by=ANA)      a write by Ana on an extension of vm1
event(plan("SqlServers"), at(2), by=PIPELINE)         subjects as in tests/build.py, or any id
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

from drift.actors import Happening
from drift.model import ticks
from tests.arm import SUB, guid, resource

_NUMBERS = count()


@dataclass(frozen=True)
class Person:
    """Whom a token names. An application has no address."""

    name: str
    address: str | None = None

    @property
    def id(self) -> str:
        return guid(f"person {self.name} {self.address}")


ANA = Person("Ana Lopez", "ana@contoso.example")
BEN = Person("Ben Ito", "ben@contoso.example")
OTHER_ANA = Person("Ana Lopez", "ana.lopez@contoso.example")
PIPELINE = Person("deployments")


def event(subject: str, when: datetime, verb: str = "write", by: Person | None = ANA, **options: Any) -> Happening:
    """Options: any field of Happening."""
    name, _, rest = subject.partition("/")
    whole = subject if subject.startswith("/") else resource(name) + (f"/{rest}" if rest else "")
    parts = whole.rpartition("/providers/")[2].split("/")
    kind = "/".join([parts[0], *parts[1::2]])
    fields: dict[str, Any] = {
        "key": f"event{next(_NUMBERS)}",
        "id": "1",
        "source": f"/subscriptions/{SUB}",
        "time": ticks(when),
        "operation": f"{kind}/{verb}",
        "category": _category(kind.lower()),
        "action": verb,
        "succeeded": True,
        "subscription": SUB,
        "subject": whole,
        "ip": "203.0.113.7",
        "correlation": guid("correlation"),
    }
    if by is not None:
        fields |= {"actor": by.name, "actor_type": "User" if by.address else "Application"}
        fields |= {"actor_id": by.id, "address": by.address}
    return Happening(**fields | options)


def plan(name: str, subscription: str = SUB) -> str:
    return f"/subscriptions/{subscription}/providers/Microsoft.Security/pricings/{name}"


def _category(kind: str) -> str:
    for ending, category in (
        ("policyexemptions", "exemption"),
        ("policyassignments", "assignment"),
        ("pricings", "plan"),
        ("standardassignments", "standard"),
        ("securityconnectors", "connector"),
        ("governanceassignments", "governance"),
    ):
        if kind.endswith(ending):
            return category
    return "resource"

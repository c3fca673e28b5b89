"""Who did something, and how that is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

NEVER = -(2**63)
"""The tick of a date that is not there."""

type ActorType = Literal["user", "application", "managedIdentity", "platform", "notRecorded"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Whose doing something is: somebody's, the platform's, or nobody knows."""

    type: ActorType
    name: str | None = None
    """As people know them; one printable line."""
    id: str | None = None
    """The object id in Microsoft Entra ID."""
    address: str | None = None
    """The user principal name."""

    @property
    def key(self) -> str:
        """The same for the same actor where records give the same of it: by id, else address, else name, else type."""
        for kind, value in (("id", self.id), ("address", self.address), (f"name {self.type}", self.name)):
            if value:
                return f"{kind} {value.lower()}"
        return self.type


PLATFORM = Actor("platform")
"""Microsoft, or a date that was set long before: no act of anybody in the time that is looked at."""

NOT_RECORDED = Actor("notRecorded")
"""There is no event and no system data that says who."""


def alike(actors: Iterable[Actor]) -> dict[str, Actor]:
    """Each actor by the key of every record of it: one record gives a user's address, the next an id, a third both."""
    found = list(actors)
    whole = {one.address.lower(): one for one in found if one.address and one.id}
    return {one.key: whole.get((one.address or "").lower(), one) if not one.id else one for one in found}


@dataclass(frozen=True, slots=True)
class Evidence:
    """A record that tells of an act: an event, or an object's own memory of who made it and when."""

    source: str
    """`event`, or the field that it was read from: `systemData`, `expiresOn`, `enablementTime`, …; "" for none."""
    at: int = NEVER
    actor: str | None = None
    """Who, by the best name that the record has."""
    actor_type: str | None = None
    """As the record spells it: `User`, `Application`, `ManagedIdentity`, `Key`."""
    actor_id: str | None = None
    address: str | None = None
    operation: str | None = None
    """Of an event: what was done, as Azure wrote it."""
    subject: str | None = None
    """Of an event: the id of what it was done to."""
    ip: str | None = None
    correlation: str | None = None
    told: str = ""
    """What else the record says, in plain words: `the benchmark's version went from 57.55.0 to 57.56.0`."""


NOTHING = Evidence("")
"""No record."""

type Confidence = Literal["confirmed", "inferred"]
"""`confirmed`: a record and the state agree. `inferred`: the state alone."""


@dataclass(frozen=True, slots=True)
class By:
    """Whose doing a change was, on some of its resources."""

    actor: Actor
    resources: frozenset[str] = frozenset()
    """Ids as Azure wrote them; empty: all that no other names."""


type Category = Literal[
    "exemption",
    "assignment",
    "initiative",
    "plan",
    "standard",
    "connector",
    "governance",
    "provisioning",
    "setting",
    "resource",
    "policy_state",
]
"""What an event is about."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened in Azure, as an event told it. All text is one printable line."""

    key: str
    """Names the event by its id and source, however often it is delivered; a valid part of a Table key."""
    id: str
    source: str
    time: int
    operation: str
    """As Azure wrote it: `Microsoft.Security/pricings/write`; of policy states the type of the event."""
    category: Category
    action: Literal["write", "delete", "action", "state"]
    succeeded: bool
    subscription: str
    """Its id in lower case."""
    subject: str
    """The id of the resource, as given."""
    actor: str | None = None
    """Who did it, by name, else by user name, else by application id, else by object id."""
    actor_type: Literal["User", "Application"] | None = None
    actor_id: str | None = None
    """The object id in Microsoft Entra ID."""
    address: str | None = None
    """The user principal name."""
    ip: str | None = None
    correlation: str | None = None
    detail: Mapping[str, str] = field(default_factory=dict)
    """What else was told: `complianceState`, `policyAssignmentId`, `status`, `role` …"""

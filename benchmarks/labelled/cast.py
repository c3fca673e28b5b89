"""Who acts: people, two of whom share a name, service principals and managed identities."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from uuid import UUID

_PEOPLE = (
    ("Alex Kim", "alex.kim"),
    ("Alex Kim", "akim2"),
    ("Chen Wei", "chen.wei"),
    ("Dana Novak", "dana.novak"),
    ("Ines Duarte", "ines.duarte"),
    ("Jonas Weber", "jonas.weber"),
    ("Mara O'Neill", "mara.oneill"),
    ("Samira Haddad", "samira.haddad"),
)
_PIPELINES = ("landing-zone-deploy", "app-release", "terraform-prod")
_IDENTITIES = ("policy-remediation", "guest-config")


@dataclass(frozen=True, slots=True)
class Actor:
    """`type`: user, application, managedIdentity or platform. The last has no id."""

    type: str
    name: str = ""
    id: str = ""
    """The object id."""
    address: str = ""
    """Of a person."""
    application: str = ""
    """The application id."""


PLATFORM = Actor("platform")


@dataclass(frozen=True, slots=True)
class Cast:
    """The actors of a tenant by what they are."""

    people: tuple[Actor, ...]
    pipelines: tuple[Actor, ...]
    identities: tuple[Actor, ...]

    @property
    def everybody(self) -> tuple[Actor, ...]:
        """All of them."""
        return self.people + self.pipelines + self.identities


def guid(dice: Random) -> str:
    """A random GUID, the same for the same dice."""
    return str(UUID(int=dice.getrandbits(128), version=4))


def cast(dice: Random) -> Cast:
    """A tenant's actors."""
    portal = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c"
    people = [Actor("user", name, guid(dice), f"{box}@fabrikam.example", portal) for name, box in _PEOPLE]
    pipelines = [Actor("application", name, guid(dice), "", guid(dice)) for name in _PIPELINES]
    identities = [Actor("managedIdentity", name, guid(dice), "", guid(dice)) for name in _IDENTITIES]
    return Cast(tuple(people), tuple(pipelines), tuple(identities))


def minute_of(text: str) -> int:
    """A minute of the day, from a text."""
    return sum(ord(letter) * (place + 7) for place, letter in enumerate(text)) % 1440

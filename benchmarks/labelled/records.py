"""What Event Grid tells of the acts: late, twice, out of order, in either schema and any case, or not at all."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from benchmarks.labelled.cast import Actor, guid
from benchmarks.labelled.chain import Delivered

LOST, DOUBLED, LATE = 0.05, 0.05, 0.05
"""Parts of the events."""

_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_IDENTITY = "http://schemas.microsoft.com/identity/claims"
_GROUPS = "Microsoft.Resources/subscriptions/resourceGroups"


def iso(at: datetime) -> str:
    """A time as Azure writes it."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06}0Z"


def type_of(identity: str) -> str:
    """The resource type that an id names, of a resource group as well."""
    _, found, path = identity.rpartition("/providers/")
    if not found:
        return _GROUPS
    provider, *parts = path.split("/")
    return "/".join((provider, *parts[::2]))


class Records:
    """The events of a tenant."""

    def __init__(self, dice: Random, tenant: str) -> None:
        self._dice, self._tenant = dice, tenant
        self._delivered: list[Delivered] = []
        self.lost = self.doubled = self.late = 0
        """How many events were."""

    def delivered(self) -> list[Delivered]:
        """All of them, in order of delivery."""
        return sorted(self._delivered, key=lambda one: (one.at, one.event["id"]))

    def correlation(self) -> str:
        """What the events of one act have in common."""
        return guid(self._dice)

    def tell(
        self,
        at: datetime,
        actor: Actor,
        verb: str,
        subject: str,
        *,
        correlation: str | None = None,
        outcome: str = "Success",
        operation: str | None = None,
        sure: bool = False,
    ) -> bool:
        """Something was written or deleted (`verb`), or tried; whether the event arrives. `sure`: in time, and once."""
        dice = self._dice
        event = self._event(at, actor, verb, subject, correlation or guid(dice), outcome, operation)
        lot = 1.0 if sure else dice.random()
        if lot < LOST:
            self.lost += 1
            return False
        late = LOST <= lot < LOST + LATE
        delay = timedelta(hours=dice.uniform(1, 20)) if late else timedelta(seconds=min(dice.expovariate(1 / 60), 1800))
        self.late += late
        self._delivered.append(Delivered(at + timedelta(seconds=2) + delay, event))
        if not sure and dice.random() < DOUBLED:
            self.doubled += 1
            again = timedelta(seconds=dice.choice((10, 30, 300, 3600)))
            self._delivered.append(Delivered(self._delivered[-1].at + again, event))
        return True

    def _event(
        self,
        at: datetime,
        actor: Actor,
        verb: str,
        subject: str,
        correlation: str,
        outcome: str,
        operation: str | None,
    ) -> dict[str, Any]:
        dice = self._dice
        operation = operation or f"{type_of(subject)}/{verb}"
        subscription = subject.split("/")[2]
        data: dict[str, Any] = {
            "authorization": {
                "scope": subject,
                "action": operation,
                "evidence": {
                    "role": dice.choice(("Contributor", "Owner", "Security Admin")),
                    "principalId": actor.id.replace("-", ""),
                    "principalType": "User" if actor.type == "user" else "ServicePrincipal",
                },
            },
            "claims": self._claims(actor, at, subscription),
            "correlationId": correlation,
            "resourceProvider": operation.split("/")[0],
            "resourceUri": _odd(subject, dice),
            "operationName": operation.upper() if dice.random() < 0.15 else operation,
            "status": {"Success": "Succeeded", "Failure": "Failed"}[outcome],
            "subscriptionId": subscription,
            "tenantId": self._tenant,
        }
        kind = f"Microsoft.Resources.Resource{verb.title()}{outcome}"
        about = {"id": guid(dice), "subject": _odd(subject, dice)}
        source = f"/subscriptions/{subscription}"
        if dice.random() < 0.4:
            return {**about, "source": source, "type": kind, "time": iso(at), "specversion": "1.0", "data": data}
        named = {"topic": source, "eventType": kind, "eventTime": iso(at)}
        return {**about, **named, "data": data, "dataVersion": "2", "metadataVersion": "1"}

    def _claims(self, actor: Actor, at: datetime, subscription: str) -> dict[str, str]:
        claims = {
            "aud": "https://management.core.windows.net/",
            "iss": f"https://sts.windows.net/{self._tenant}/",
            "iat": str(int(at.timestamp()) - 300),
            "appid": actor.application,
            f"{_IDENTITY}/objectidentifier": actor.id,
            f"{_IDENTITY}/tenantid": self._tenant,
        }
        if actor.type == "user":
            more = {"name": actor.name, f"{_CLAIMS}/name": actor.address, f"{_CLAIMS}/upn": actor.address}
            return claims | more | {f"{_IDENTITY}/scope": "user_impersonation", "ipaddr": "203.0.113.7"}
        if actor.type == "managedIdentity":
            path = "providers/Microsoft.ManagedIdentity/userAssignedIdentities"
            claims["xms_mirid"] = f"/subscriptions/{subscription}/resourcegroups/rg-identity/{path}/{actor.name}"
        return claims | {"idtyp": "app"}


def _odd(identity: str, dice: Random) -> str:
    """An id in the case that some part of Azure prefers."""
    lot = dice.random()
    if lot < 0.1:
        return identity.lower()
    if lot < 0.15:
        return identity.upper()
    return identity.replace("/resourceGroups/", "/resourcegroups/") if lot < 0.5 else identity

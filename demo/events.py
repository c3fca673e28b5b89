"""What Event Grid tells of Northwind's acts, and who Microsoft Graph says was behind them.

The shape is that of the system topic Microsoft.Resources.Subscriptions in Event Grid's own schema, with its quirks: a
subject in another case than the topic, no request in the event of something new, no name for who is not a person.
Nothing tells of what happens on the data plane or inside a machine, of an exemption that ends, or of what Microsoft
does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from demo.catalogue import guid
from demo.estate import DEV, TENANT
from demo.world import Event, World

Row = dict[str, Any]
_SCHEMAS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_IDENTITY = "http://schemas.microsoft.com/identity/claims"
_PORTAL = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c"  # the Azure portal's own application id


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, or, without an address, an application."""

    name: str
    address: str = ""

    @property
    def object_id(self) -> str:
        return guid(f"actor/{self.name}")

    @property
    def application(self) -> str:
        return _PORTAL if self.address else guid(f"application/{self.name}")


PRIYA = Actor("Priya Raman", "priya@northwindretail.example")
LENA = Actor("Lena Vogt", "lena@northwindretail.example")
PIPELINE = Actor("northwind-deployments")


def events_of(world: World, since: datetime | None = None) -> list[tuple[datetime, Row]]:
    """Every event up to now, from `since` on, with its time, in order; ids are the same on every run."""
    return [(event.at, _told(event)) for event in world.events if since is None or event.at >= since]


def directory() -> dict[str, Row]:
    """Whom the events name, as Microsoft Graph's objects by their object ids."""
    found = {}
    for actor in (PRIYA, LENA, PIPELINE):
        kind = "user" if actor.address else "servicePrincipal"
        row = {"@odata.type": f"#microsoft.graph.{kind}", "id": actor.object_id, "displayName": actor.name}
        more = {"userPrincipalName": actor.address} if actor.address else {"appId": actor.application}
        found[actor.object_id] = row | more
    return found


def _told(event: Event) -> Row:
    _, _, subscription, *rest = event.subject.split("/")
    group = f"/resourceGroups/{rest[1]}" if rest[0].lower() == "resourcegroups" else ""
    type_ = _type(event.subject)
    operation, actor = f"{type_}/{event.verb}", _actor(event)
    data: Row = {
        "authorization": {
            "scope": event.subject,
            "action": operation,
            "evidence": {"role": "Contributor", "principalId": actor.object_id.replace("-", "")},
        },
        "claims": _claims(actor, event.at),
        "correlationId": guid(f"correlation/{event.at}/{event.act}"),
        "resourceProvider": type_.split("/")[0],
        "resourceUri": event.subject,
        "operationName": operation,
        "status": "Succeeded",
        "subscriptionId": subscription,
        "tenantId": TENANT,
    }
    if event.verb == "delete":
        data["httpRequest"] = {
            "clientRequestId": guid(f"request/{event.at}/{event.subject}"),
            "clientIpAddress": "203.0.113.7",
            "method": "DELETE",
            "url": f"https://management.azure.com{event.subject}?api-version=2024-03-01",
        }
    return {
        "subject": event.subject.replace("/resourceGroups/", "/resourcegroups/"),
        "eventType": f"Microsoft.Resources.Resource{event.verb.title()}Success",
        "eventTime": f"{event.at:%Y-%m-%dT%H:%M:%S.%f}0Z",
        "id": guid(f"event/{event.at}/{operation}/{event.subject}"),
        "data": data,
        "dataVersion": "2",
        "metadataVersion": "1",
        "topic": f"/subscriptions/{subscription}{group}",
    }


def _type(id_: str) -> str:
    """The resource type that an id names."""
    _, found, path = id_.rpartition("/providers/")
    if not found:
        return "Microsoft.Resources/subscriptions/resourceGroups"
    provider, *names = path.split("/")
    return "/".join((provider, *names[::2]))


def _actor(event: Event) -> Actor:
    """Resources come and go by the pipeline; the rest is Priya's, in sub-dev Lena's."""
    if "/microsoft.security/" in event.subject.lower() or "/microsoft.authorization/" in event.subject.lower():
        return LENA if event.subject.startswith(DEV.path) else PRIYA
    return PIPELINE


def _claims(actor: Actor, at: datetime) -> Mapping[str, str]:
    issued = int(at.timestamp()) - 300
    claims = {
        "aud": "https://management.core.windows.net/",
        "iss": f"https://sts.windows.net/{TENANT}/",
        "iat": str(issued),
        "nbf": str(issued),
        "exp": str(issued + 3900),
        "appid": actor.application,
        f"{_IDENTITY}/objectidentifier": actor.object_id,
        f"{_IDENTITY}/tenantid": TENANT,
        "ver": "1.0",
    }
    if not actor.address:
        return claims | {"appidacr": "2", "idtyp": "app", f"{_SCHEMAS}/nameidentifier": actor.object_id}
    given, _, family = actor.name.partition(" ")
    return claims | {
        "appidacr": "0",
        "ipaddr": "203.0.113.7",
        "name": actor.name,
        f"{_SCHEMAS}/givenname": given,
        f"{_SCHEMAS}/surname": family,
        f"{_SCHEMAS}/name": actor.address,
        f"{_SCHEMAS}/upn": actor.address,
        f"{_IDENTITY}/scope": "user_impersonation",
    }

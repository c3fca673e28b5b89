"""Microsoft Graph, as far as it is asked: who is behind ids.

msgraph-sdk builds and sends the requests. Its client belongs to an event loop, so that each asking has one of its own.
What is answered is decoded here, strictly: the SDK's models take anything for an empty list, and are slow to load.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from itertools import batched
from typing import TYPE_CHECKING, Any

import msgspec

from drift.actors import Actor, ActorType
from drift.adapters.origins import Origin, endpoint_origin, printable
from drift.errors import Refused, ServiceError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from httpx import AsyncClient
    from msgraph.graph_service_client import GraphServiceClient

AT_ONCE, APPLICATIONS_AT_ONCE = 1000, 15
"""Ids in one request: what getByIds takes, and what a filter takes."""

APPLICATIONS = 150
"""Ids of one asking, at the most, that are tried as those of applications: nearly all ids are object ids."""

_USERS, _PRINCIPALS = ("user", "agentuser"), ("serviceprincipal", "agentidentity", "agentidentityblueprintprincipal")
_FIELDS = ["id", "appId", "displayName", "servicePrincipalType"]

type Found = Mapping[str, Actor | None]
"""Who is behind an id; None: Graph does not know it, or does not say its name."""


class _Object(msgspec.Struct):
    id: str
    type: str = msgspec.field(name="@odata.type", default="")
    name: str | None = msgspec.field(name="displayName", default=None)
    address: str | None = msgspec.field(name="userPrincipalName", default=None)
    application: str | None = msgspec.field(name="appId", default=None)
    principal: str | None = msgspec.field(name="servicePrincipalType", default=None)


class _Page(msgspec.Struct):
    value: list[_Object]
    next: str | None = msgspec.field(name="@odata.nextLink", default=None)


class _Problem(msgspec.Struct):
    code: str = ""


class _Wrapped(msgspec.Struct):
    error: _Problem


_PAGE, _ERROR = msgspec.json.Decoder(_Page), msgspec.json.Decoder(_Wrapped)


class Graph:
    """Graph at one endpoint, `patience` in seconds. Made at no cost: the SDK is loaded when it is first asked."""

    def __init__(self, endpoint: str, credential: TokenCredential | None, patience: float) -> None:
        """Without a credential no token is sent, which is for a loopback endpoint only.

        Raises ValueError for an endpoint that is none, for http elsewhere than on loopback, and for a missing
        credential there.
        """
        whole = endpoint_origin(endpoint)
        if whole is None or not (whole.secure or whole.loopback):
            raise ValueError(f"{printable(endpoint)!r} is not an endpoint such as https://graph.microsoft.com")
        if credential is None and not whole.loopback:
            raise ValueError(f"{whole.text}: only a loopback endpoint may be asked without a credential")
        self._origin, self._credential, self._patience = whole, credential, patience

    def who(self, identities: Sequence[str]) -> tuple[Found, str | None]:
        """What Graph says of GUIDs in lower case, as far as it came, and what went wrong, in one line.

        The ids are those of objects or of applications. It takes no longer than our patience.
        """
        parts: list[Found] = []
        ended: Future[None] = Future()

        def run() -> None:
            try:
                asyncio.run(_look_up(self._origin, self._credential, identities, self._patience, parts.append))
            except (ServiceError, TimeoutError) as error:
                ended.set_exception(error)
            except BaseException as error:  # That Graph can't be asked, for whatever reason, fails no look.
                ended.set_exception(ServiceError(f"Microsoft Graph does not answer ({type(error).__name__})"))
            else:
                ended.set_result(None)

        # A thread that nobody waits for after our patience: a credential or a name server may hang.
        threading.Thread(target=run, name="graph", daemon=True).start()
        failure = None
        try:
            ended.result(self._patience)
        except TimeoutError:
            failure = f"Microsoft Graph did not answer within {self._patience:g} s"
        except ServiceError as error:
            failure = str(error)
        return {identity: actor for part in list(parts) for identity, actor in part.items()}, failure


async def _look_up(
    origin: Origin,
    credential: TokenCredential | None,
    identities: Sequence[str],
    patience: float,
    tell: Callable[[Found], object],
) -> None:
    """Asks Graph about ids and tells what it says, request by request. Raises ServiceError, TimeoutError."""
    from kiota_abstractions.base_request_configuration import RequestConfiguration
    from msgraph.generated.directory_objects.get_by_ids.get_by_ids_post_request_body import GetByIdsPostRequestBody
    from msgraph.generated.service_principals.service_principals_request_builder import (
        ServicePrincipalsRequestBuilder as Principals,
    )

    graph, raw, http = opened(origin, credential, again=True)
    try:
        async with asyncio.timeout(patience):
            strangers: list[str] = []
            for some in batched(identities, AT_ONCE, strict=False):
                body = GetByIdsPostRequestBody(ids=list(some), types=["user", "servicePrincipal"])
                objects = graph.directory_objects.get_by_ids.post(body, RequestConfiguration(options=raw))
                rows = await _rows("read directory objects", objects)
                known = {row.id.lower(): _actor(row) for row in rows}
                tell({one: known[one] for one in some if one in known})
                strangers += [one for one in some if one not in known]
            for some in batched(strangers[:APPLICATIONS], APPLICATIONS_AT_ONCE, strict=False):
                these = ",".join(f"'{one}'" for one in some)  # GUIDs, as `names` sees to
                query = Principals.ServicePrincipalsRequestBuilderGetQueryParameters(
                    filter=f"appId in ({these})", select=_FIELDS
                )
                principals = graph.service_principals.get(RequestConfiguration(options=raw, query_parameters=query))
                rows = await _rows("read applications", principals)
                known = {row.application.lower(): _actor(row, _PRINCIPALS[0]) for row in rows if row.application}
                tell({one: known.get(one) for one in some})
    finally:
        await http.aclose()


def opened(
    origin: Origin, credential: TokenCredential | None, *, again: bool
) -> tuple[GraphServiceClient, list[Any], AsyncClient]:
    """A client of Graph for one event loop, the options by which it answers as it got it, and what is to be closed.

    `again`: whether it tries again by itself where Graph is busy.
    """
    from kiota_abstractions.native_response_handler import NativeResponseHandler
    from kiota_http.middleware.options import RedirectHandlerOption, ResponseHandlerOption, RetryHandlerOption
    from msgraph.graph_request_adapter import GraphRequestAdapter, options
    from msgraph.graph_service_client import GraphServiceClient
    from msgraph_core import GraphClientFactory

    http = GraphClientFactory.create_with_default_middleware(
        options={
            **options,
            RedirectHandlerOption.get_key(): RedirectHandlerOption(should_redirect=False),
            RetryHandlerOption.get_key(): RetryHandlerOption(delay=1, should_retry=again),
        }
    )
    adapter = GraphRequestAdapter(_authentication(origin, credential), http)
    adapter.base_url = f"{origin.text}/v1.0"
    return GraphServiceClient(request_adapter=adapter), [ResponseHandlerOption(NativeResponseHandler())], http


def _authentication(origin: Origin, credential: TokenCredential | None) -> Any:
    from kiota_abstractions.authentication import AnonymousAuthenticationProvider
    from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider

    if credential is None:
        return AnonymousAuthenticationProvider()
    scopes, hosts = [f"{origin.text}/.default"], [origin.host.strip("[]")]
    return AzureIdentityAuthenticationProvider(credential, scopes=scopes, allowed_hosts=hosts)


async def _rows(operation: str, asked: Awaitable[Any]) -> list[_Object]:
    status, content = await answered(operation, asked)
    if status != 200:
        kind = Refused if status in (401, 403) else ServiceError
        raise kind(f"{operation}: Microsoft Graph answered {status} {code(content)}".rstrip())
    try:
        page = _PAGE.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ServiceError(f"{operation}: came something else than a list: {printable(str(error))}") from error
    if page.next is not None:
        raise ServiceError(f"{operation}: came a part of the list")
    return page.value


async def answered(operation: str, asked: Awaitable[Any]) -> tuple[int, bytes]:
    """The status and the body of an answer, whatever it says. Raises ServiceError where none came."""
    from azure.core.exceptions import AzureError
    from httpx import HTTPError
    from kiota_authentication_azure._exceptions import KiotaAuthenticationError

    try:
        response = await asked
    except HTTPError as error:
        raise ServiceError(f"{operation}: no answer came ({type(error).__name__})") from error
    except (AzureError, KiotaAuthenticationError) as error:
        raise ServiceError(f"{operation}: there is no token ({type(error).__name__})") from error
    return response.status_code, response.content


def code(content: bytes) -> str:
    """`Forbidden`: the code of an error, printable; "" where there is none."""
    try:
        return printable(_ERROR.decode(content).error.code)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _actor(row: _Object, otherwise: str = "") -> Actor | None:
    """Who a directory object is; None for a group, and where its name is not ours to read.

    `otherwise` is the type of an object that does not tell its own, as those of one type do not.
    """
    name, kind = _line(row.name), row.type.rpartition(".")[2].lower() or otherwise
    if not name or kind not in (*_USERS, *_PRINCIPALS):
        return None
    if kind in _USERS:
        return Actor("user", name, row.id.lower(), _line(row.address))
    of: ActorType = "managedIdentity" if (row.principal or "").lower() == "managedidentity" else "application"
    return Actor(of, name, row.id.lower())


def _line(text: str | None) -> str | None:
    """A tenant's text as one printable line; None where nothing is left of it."""
    return " ".join(printable(text or "").split()) or None

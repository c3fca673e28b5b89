"""The HTTP side of a local host: functions' routes, the admin endpoint and the Event Grid webhook."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from demo.host.settings import HostError
from demo.host.worker import Function, Outcome, Payload, event_payload, http_payload, queue_payload

MASTER = "_master"
"""The name of the key that opens everything."""
EVENT_GRID = "eventgrid_extension"
"""The name of the system key of the Event Grid webhook."""
_LARGEST_BODY = 100 * 1024 * 1024  # bytes, Azure's own limit
_TOKEN = re.compile(r"\{(?P<all>\*{1,2})?(?P<name>\w+)(?::(?P<kind>[^}?]*))?(?P<optional>\?)?\}")
_KINDS = {None: "[^/]+", "int": r"-?\d+", "guid": "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"}
_OWN_HEADERS = frozenset({"content-length", "transfer-encoding", "connection"})


@dataclass(frozen=True, slots=True)
class Services:
    """What the HTTP side needs of its host. `keys` None checks none, as Core Tools do; else keys by name."""

    functions: Mapping[str, Function]
    invoke: Callable[[Function, Payload], Awaitable[Outcome]]
    run_timer: Callable[[str], Awaitable[Outcome]]
    spawn: Callable[[Coroutine[Any, Any, Any]], object]
    prefix: str
    keys: Mapping[str, str] | None


def application(services: Services) -> web.Application:
    """Serves the functions. Raises HostError for a route that is not understood."""
    site = _Site(services)
    app = web.Application(client_max_size=_LARGEST_BODY)
    app.router.add_route("*", "/{path:.*}", site.answer)
    return app


@dataclass(frozen=True, slots=True)
class _Route:
    function: Function
    pattern: re.Pattern[str]
    methods: frozenset[str]  # empty: all
    order: tuple[int, ...]  # literal before parameter before the rest, a segment at a time


class _Site:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._named = {name.lower(): function for name, function in services.functions.items()}
        routes = (_route(services.prefix, function) for function in services.functions.values() if _is_http(function))
        self._routes = sorted(routes, key=lambda route: route.order)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = _decoded(request.rel_url.raw_path)
        if path.lower() == "/runtime/webhooks/eventgrid":
            return await self._event_grid(request)
        if admin := re.fullmatch("/admin/functions/([^/]+)", path, re.IGNORECASE):
            return await self._admin(request, admin[1])
        found = [(route, match) for route in self._routes if (match := route.pattern.fullmatch(path))]
        if not found:
            return web.Response(status=404)
        for route, match in found:
            if not route.methods or request.method in route.methods:
                return await self._function(request, route.function, match.groupdict())
        allowed = {method for route, _ in found for method in route.methods}
        raise web.HTTPMethodNotAllowed(request.method, allowed)

    async def _function(
        self, request: web.Request, function: Function, route: Mapping[str, str | None]
    ) -> web.StreamResponse:
        level = str(function.trigger.get("authLevel") or "FUNCTION").upper()
        if level != "ANONYMOUS" and not self._opens(request, (MASTER,) if level == "ADMIN" else None):
            return web.Response(status=401)
        payload = http_payload(
            request.method,
            str(request.url),
            {name.lower(): ",".join(request.headers.getall(name)) for name in request.headers},
            {name: value for name, value in route.items() if value is not None},
            {name: ",".join(request.query.getall(name)) for name in request.query},
            await request.read(),
        )
        return _response(await self._services.invoke(function, payload))

    async def _admin(self, request: web.Request, name: str) -> web.StreamResponse:
        if not self._opens(request, (MASTER,)):
            return web.Response(status=401)
        if request.method != "POST":
            raise web.HTTPMethodNotAllowed(request.method, ["POST"])
        function = self._named.get(name.lower())
        if function is None:
            return web.Response(status=404)
        try:
            given = json.loads(await request.read() or b"{}")
            self._services.spawn(self._start(function, given.get("input")))
        except (ValueError, AttributeError) as error:
            return web.Response(status=400, text=f"{function.name} can't be started: {error}")
        return web.Response(status=202)

    def _start(self, function: Function, given: Any) -> Coroutine[Any, Any, Any]:
        """One run with `input`; ValueError when the function doesn't take it."""
        kind = function.trigger["type"]
        if kind == "timerTrigger":
            return _awaited(self._services.run_timer(function.name))
        if kind == "queueTrigger":
            body = given if isinstance(given, str) else json.dumps(given)
            return _awaited(self._services.invoke(function, queue_payload(body.encode(), now=datetime.now(UTC))))
        if kind == "eventGridTrigger":
            event = json.loads(given) if isinstance(given, str) else given
            if not isinstance(event, dict):
                raise ValueError("its input must be an event")
            return _awaited(self._services.invoke(function, event_payload(event)))
        raise ValueError("it is called by its route")

    async def _event_grid(self, request: web.Request) -> web.StreamResponse:
        if not self._opens(request, (EVENT_GRID, MASTER)):
            return web.Response(status=401)
        names = {name.lower(): value for name, value in request.query.items()}
        function = self._named.get(names.get("functionname", "").lower())
        if function is None or function.trigger["type"] != "eventGridTrigger":
            return web.Response(status=404)
        if request.method == "OPTIONS":  # the handshake of CloudEvents
            origin = request.headers.get("WebHook-Request-Origin")
            allowed = {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"} if origin else {}
            return web.Response(status=200 if origin else 400, headers=allowed)
        if request.method != "POST":
            raise web.HTTPMethodNotAllowed(request.method, ["POST", "OPTIONS"])
        try:
            body = json.loads(await request.read())
        except ValueError:
            return web.Response(status=400, text="the body is not JSON")
        events = body if isinstance(body, list) else [body]
        if not all(isinstance(event, dict) for event in events):
            return web.Response(status=400, text="the body is not events")
        kind = request.headers.get("aeg-event-type", "Notification").lower()
        if kind == "unsubscribe":
            return web.Response(status=202)
        if kind == "subscriptionvalidation":  # the handshake of the Event Grid schema
            try:
                return web.json_response({"validationResponse": events[0]["data"]["validationCode"]})
            except (IndexError, KeyError, TypeError):
                return web.Response(status=400, text="no validation code")
        runs = [self._services.invoke(function, event_payload(event)) for event in events]
        outcomes = await asyncio.gather(*runs)
        return web.Response(status=500 if any(outcome.error is not None for outcome in outcomes) else 202)

    def _opens(self, request: web.Request, names: Iterable[str] | None) -> bool:
        """Whether the request brings one of the named keys, or any when `names` is None."""
        keys = self._services.keys
        if keys is None:
            return True
        given = request.headers.get("x-functions-key") or request.query.get("code") or ""
        accepted = [keys[name] for name in (keys if names is None else names) if keys.get(name)]
        return any(hmac.compare_digest(given.encode(), key.encode()) for key in accepted)


async def _awaited(run: Awaitable[Outcome]) -> None:
    await run


def _is_http(function: Function) -> bool:
    return function.trigger["type"] == "httpTrigger"


def _route(prefix: str, function: Function) -> _Route:
    text = function.trigger.get("route")
    segments = [part for part in f"{prefix}/{function.name if text is None else text}".split("/") if part]
    methods = frozenset(str(method).upper() for method in function.trigger.get("methods") or ())
    pattern, order = "", []
    for segment in segments:
        token = _TOKEN.fullmatch(segment)
        if token and (token["all"] or token["optional"]):
            rest = f"(?P<{token['name']}>{'.*' if token['all'] else _kind(function, token)})"
            pattern += f"(?:/{rest})?"
            order.append(3 if token["all"] else 2)
        else:
            pattern += "/" + _segment(function, segment)
            order.append(1 if "{" in segment else 0)
    return _Route(function, re.compile((pattern or "") + "/?", re.IGNORECASE), methods, tuple(order))


def _segment(function: Function, segment: str) -> str:
    pattern, at = "", 0
    for token in _TOKEN.finditer(segment):
        pattern += re.escape(segment[at : token.start()]) + f"(?P<{token['name']}>{_kind(function, token)})"
        at = token.end()
    if "{" in segment[at:]:
        raise HostError(f"{function.name}: route segment {segment} is not understood")
    return pattern + re.escape(segment[at:])


def _kind(function: Function, token: re.Match[str]) -> str:
    if token["kind"] not in _KINDS:
        raise HostError(f"{function.name}: route constraint {token['kind']} is not served here")
    return _KINDS[token["kind"]]


def _decoded(path: str) -> str:
    """As ASP.NET reads a path: everything decoded but an encoded slash, which would make another segment."""
    return unquote(re.sub("%2f", "%252F", path, flags=re.IGNORECASE))


def _response(outcome: Outcome) -> web.Response:
    """What the function answered, its cookies excepted. A failure says nothing of itself to the caller, as in Azure."""
    if outcome.error is not None:
        return web.Response(status=500)
    answer = outcome.value
    if answer is None:
        return web.Response(status=204)
    if isinstance(answer, str):
        return web.Response(text=answer)
    body = answer.body
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in _OWN_HEADERS}
    return web.Response(status=int(answer.status_code), headers=headers, body=body.bytes or body.string or b"")

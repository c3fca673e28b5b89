"""A pretend Azure on loopback: Resource Manager, Teams, Event Grid, Microsoft Graph and tokens, behind one port.

    with Azure() as azure:
        azure.serve(files, now)           # an evidence folder as a mapping, at an aware time
        azure.faults = Faults(rate=0.3)   # Azure has a bad day
        ... azure.endpoint, azure.webhook("security"), azure.topic, azure.graph, azure.environment ...
        assert not azure.writes

It answers in a thread of its own. What was asked and sent is on its attributes as soon as the answer is there.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from email.utils import format_datetime
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiohttp import web

from demo.azure import services
from demo.azure.answers import Answer, Asked, Paging, failed
from demo.azure.arm import Condition, Files, Tenant
from demo.azure.faults import Faults, Step, Weather, matches, wrong
from demo.azure.services import Answers, Sent

__all__ = ["Azure", "Condition", "Faults", "Request"]

_REMEMBERED = 100_000  # requests
_GOODBYE = 0.1  # seconds that requests under way are given at the end
_ARM = re.compile(r"^/(subscriptions|providers)(/|$)", re.IGNORECASE)


class Request(NamedTuple):
    """One request and how it was answered: status 0 is not at all. The path is as sent, without its query."""

    method: str
    path: str
    status: int


class Azure:
    """A running pretend Azure between `with` and the end of the block, on `port` of 127.0.0.1; 0 takes a free one.

    An error inside it (a callback's, for example) answers 500 and is raised at the end of the block.
    """

    def __init__(self, port: int = 0) -> None:
        self.page_size = 1000
        self.empty_pages = False
        """Whether lists have pages without rows but with a link: before the first page, the third and so on."""
        self.retry_after = 0.05
        """Seconds that a 429 asks for. (Azure says whole seconds.)"""
        self.slowness = 0.2
        """Seconds that `slow` takes."""
        self.tokens: Sequence[str] = ()
        """The tokens that Resource Manager and Graph take; none: no token is needed."""
        self.directory: Mapping[str, Mapping[str, Any]] = {}
        """Graph's objects by their ids, each with `@odata.type` and `id`."""
        self.topic_key: str | None = None
        """The key that the topic wants of who has no signature or token; None: it wants nothing."""
        self.teams_answers: Answers = []
        """Statuses that webhooks answer with, one a request; or a function of path and body. None and 202: taken."""
        self.topic_answers: Answers = []
        self.cards: defaultdict[str, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
        """What Teams took, by the path of the webhook: its number among all cards, and the message."""
        self.events: list[dict[str, Any]] = []
        """What the topic took."""
        self.notified: list[tuple[str, dict[str, Any]]] = []
        """What came into activity feeds of Teams: the object id of a user, and what was sent."""
        self.requests: deque[Request] = deque(maxlen=_REMEMBERED)
        self.writes: list[tuple[str, str]] = []
        """Methods and paths of what was no read of Resource Manager; each was answered 405."""
        self.now = datetime.now(UTC)
        """What the Date of every answer says."""
        self._port = port
        self._faults: Faults | Sequence[Faults] | None = None
        self._weather = Weather()
        self._acts: list[tuple[re.Pattern[str], Callable[[str], object]]] = []
        self._tenant = Tenant({"subscriptions.json": {"value": []}})
        self._conditions: dict[str, Condition] = {}
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._end: Callable[[], object] = lambda: None

    # Life

    def __enter__(self) -> Self:
        started: Future[int] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(started)), name="azure", daemon=True)
        self._thread.start()
        self._port = started.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        assert self._thread is not None
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error

    async def _run(self, started: Future[int]) -> None:
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=_GOODBYE)
        loop, end = asyncio.get_running_loop(), asyncio.Event()
        self._end = lambda: loop.call_soon_threadsafe(end.set)
        try:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", self._port, reuse_address=True).start()
        except OSError as error:
            started.set_exception(error)
            return
        started.set_result(runner.addresses[0][1])
        await end.wait()
        await runner.cleanup()

    # Where it is

    @property
    def endpoint(self) -> str:
        """Of Resource Manager."""
        return f"http://127.0.0.1:{self._port}"

    def webhook(self, name: str) -> str:
        return f"{self.endpoint}/teams/{name}"

    @property
    def topic(self) -> str:
        return f"{self.endpoint}/topic/api/events"

    @property
    def graph(self) -> str:
        return f"{self.endpoint}/v1.0"

    @property
    def environment(self) -> dict[str, str]:
        """What tells an app in App Service where it gets tokens from: the first of `tokens`, if there are any."""
        return {"IDENTITY_ENDPOINT": f"{self.endpoint}/msi/token", "IDENTITY_HEADER": "pretend-identity-header"}

    # What it says, and how badly

    def serve(self, files: Files, now: datetime) -> None:
        """From now on, this is the world. A request is answered from the mapping of the moment, which is copied.

        Raises ValueError where it is no evidence folder.
        """
        tenant = Tenant(files)
        self._tenant, self.now = tenant, now

    def condition(self, subscription: str, **condition: Any) -> None:
        """What is the matter with a subscription from now on: the fields of Condition, or nothing if there are none."""
        self._conditions[subscription.lower()] = Condition(**condition)

    @property
    def faults(self) -> Faults | Sequence[Faults] | None:
        """What goes wrong by chance. Setting it starts its counts anew."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults | Sequence[Faults] | None) -> None:
        self._faults = faults
        self._weather.set([faults] if isinstance(faults, Faults) else faults or ())

    def script(self, paths: str, steps: Sequence[Step]) -> None:
        """Steps for the next requests whose path matches the regular expression, one for each."""
        self._weather.script(re.compile(paths, re.IGNORECASE), steps)

    def on(self, paths: str, act: Callable[[str], object]) -> None:
        """Calls `act` with the path, in a thread, when a matching request has come, before anything is made of it.

        It may change what is served, or hold that request by not returning.
        """
        self._acts.append((re.compile(paths, re.IGNORECASE), act))

    # Requests

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        step: Step = None
        try:
            for pattern, act in tuple(self._acts):
                if matches(pattern, request.path, request.query_string):
                    await _in_thread(act, request.path)
            step = self._weather.step(request.path, request.query_string)
            if step == "slow":
                await asyncio.sleep(self.slowness)
            if step == "reset":
                return self._reset(request)
            body = await request.read()
            answer = wrong(step, self.retry_after) or self._answer(request, body)
        except web.HTTPRequestEntityTooLarge:
            answer = failed(413, "RequestEntityTooLarge", "The body is over 1 MiB.")
        except Exception as error:
            self._error = self._error or error
            answer = failed(500, "InternalServerError", f"The pretend Azure failed: {error!r}")
        self.requests.append(Request(request.method, request.path, answer.status))
        headers = {"Date": format_datetime(self.now.astimezone(UTC), usegmt=True), "Content-Type": answer.type}
        if step == "cut":
            return await _cut(request, answer, headers)
        return web.Response(status=answer.status, body=answer.body, headers=headers | answer.headers)

    def _answer(self, request: web.BaseRequest, body: bytes) -> Answer:
        path, method = request.path, request.method
        headers = {name.lower(): value for name, value in request.headers.items()}
        sent = Sent(method, path, dict(request.query), headers, body)
        if path.startswith("/teams/"):
            return self._throttled(services.teams(sent, self.teams_answers, lambda card: self._take(path, card)))
        if path == "/topic/api/events":
            taken = self.events.extend
            return self._throttled(services.topic(sent, self.topic_answers, self.topic_key, taken))
        if path == "/msi/token":
            token = self.tokens[0] if self.tokens else "pretend-token"
            return services.identity(sent, self.environment["IDENTITY_HEADER"], token)
        arm = _ARM.match(path) is not None
        if not arm and not path.startswith("/v1.0/"):
            return failed(404, "NotFound", f"The pretend Azure has nothing at {path}.")
        if arm and method != "GET" and not path.lower().endswith("/getentities"):
            self.writes.append((method, path))
        if self.tokens and headers.get("authorization") not in {f"Bearer {token}" for token in self.tokens}:
            return _unauthenticated()
        if not arm:
            return services.graph(sent, self.directory, lambda user, what: self.notified.append((user, what)))
        query = {name.lower(): value for name, value in request.query.items()}
        asked = Asked(method, path.rstrip("/"), query, self.endpoint)
        return self._tenant.answer(asked, self._conditions, Paging(self.page_size, self.empty_pages))

    def _take(self, path: str, card: dict[str, Any]) -> None:
        self.cards[path].append((sum(map(len, self.cards.values())) + 1, card))

    def _throttled(self, answer: Answer) -> Answer:
        return (wrong(429, self.retry_after) or answer) if answer.status == 429 else answer

    def _reset(self, request: web.BaseRequest) -> web.Response:
        self.requests.append(Request(request.method, request.path, 0))
        assert request.transport is not None
        # A linger of 0 s makes closing send RST, not FIN.
        connection: socket.socket = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
        return web.Response()


async def _cut(request: web.BaseRequest, answer: Answer, headers: dict[str, str]) -> web.StreamResponse:
    """Half an answer under the length of a whole one; of an answer without a body, nothing."""
    assert request.transport is not None
    response = web.StreamResponse(status=answer.status, headers=headers | {"Content-Length": str(len(answer.body))})
    if answer.body:
        await response.prepare(request)
        await response.write(answer.body[: len(answer.body) // 2])
    request.transport.close()
    return response


async def _in_thread(act: Callable[[str], object], path: str) -> None:
    """Runs it beside the server. The thread is no pool's: what never returns must not keep the process alive."""
    done: Future[None] = Future()

    def run() -> None:
        try:
            act(path)
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    threading.Thread(target=run, name="azure-act", daemon=True).start()
    await asyncio.wrap_future(done)


def _unauthenticated() -> Answer:
    answer = failed(
        401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing or wrong."
    )
    challenge = 'Bearer authorization_uri="https://login.windows.net/", error="invalid_token"'
    return Answer(401, answer.body, answer.type, {"WWW-Authenticate": challenge})

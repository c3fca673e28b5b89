"""Azure Resource Manager as lists: every page of them, or an error that names what was asked and what came.

One pipeline for all of it, raw requests and those of azure-mgmt-security: tokens go to the endpoint and nowhere else,
what is throttled or fails is tried again for some minutes, and nothing is written. The time is ARM's own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from drift.adapters.origins import endpoint_origin, printable
from drift.errors import Refused, ServiceError
from drift.model import Json

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.pipeline import Pipeline
    from azure.core.pipeline.transport import RequestsTransport
    from azure.mgmt.security import SecurityCenter

PATIENCE = 300
"""Seconds after which a call is given up, all its tries and pauses included: the queue tries again later."""

CONNECT, READ = 20, 100
"""Seconds to connect, and without a byte; ARM itself answers within a minute, or says 504."""


BLOCK = 1 << 18
"""Bytes of a body that are taken at a time: with azure-core's 4 KiB, or with megabytes, it takes half as long again."""


class AnswerError(ServiceError):
    """Azure answered with an error. `status` is that of HTTP, `code` Azure's word for it in lower case, or empty."""

    def __init__(self, message: str, status: int, code: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class _Page[Row](msgspec.Struct):
    value: list[Row]
    next: str | None = msgspec.field(name="nextLink", default=None)


class _Problem(msgspec.Struct):
    code: str = ""
    message: str = ""


class _Wrapped(msgspec.Struct):
    error: _Problem


class Arm:
    """Azure Resource Manager at one endpoint. Made at no cost: it connects when it is first asked."""

    def __init__(
        self, endpoint: str, credential: TokenCredential | None, *, backoff: float = 0.8, patience: float = PATIENCE
    ) -> None:
        """Without a credential no token is sent, which is for a loopback endpoint only.

        `backoff` is the factor in seconds of the exponential pauses between tries. Raises ValueError for an endpoint
        that is none, for http elsewhere than on loopback, and for a missing credential there.
        """
        whole = endpoint_origin(endpoint)
        if whole is None:
            raise ValueError(f"{printable(endpoint)!r} is not an endpoint such as https://management.azure.com")
        if not whole.secure and not whole.loopback:
            raise ValueError(f"{whole.text}: only a loopback endpoint may be http")
        if credential is None and not whole.loopback:
            raise ValueError(f"{whole.text}: only a loopback endpoint may be asked without a credential")
        self._origin, self._credential = whole, credential
        self._backoff, self._patience = backoff, patience
        self._clock = threading.local()

    def now(self) -> int:
        """The tick of ARM's clock at the last answer that this thread had. Raises ServiceError if it had none."""
        at: int | None = getattr(self._clock, "at", None)
        if at is None:
            raise ServiceError(f"{self._origin.text} has not answered yet, so its time is not known")
        return at

    def _tell(self, at: int) -> None:
        self._clock.at = at

    # Raw

    def pages[Row](self, path: str, shapes: tuple[type[Row], ...], method: str = "GET") -> Iterator[list[Row]]:
        """The pages of a list, each decoded as the first of the shapes that fits all its rows.

        `path` begins with `/` and has the api-version. Raises Refused, AnswerError where Azure answers with an error,
        and ServiceError for everything else that is not the next page of the list.
        """
        operation = f"{method} {path.partition('?')[0]}"
        url: str | None = self._origin.text + path
        seen: set[str] = set()
        number = 0
        while url:
            number += 1
            if url in seen:
                raise ServiceError(f"{operation}: page {number} is one that was read before (nextLink)")
            seen.add(url)
            page = _decoded(f"{operation}: page {number}", self._body(operation, method, url), shapes)
            yield page.value
            url = page.next

    def one(self, path: str) -> Json:
        """A single object. Raises as `pages` does."""
        operation = f"GET {path.partition('?')[0]}"
        body = self._body(operation, "GET", self._origin.text + path)
        try:
            return msgspec.json.decode(body, type=Json)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ServiceError(f"{operation}: came something else than an object: {printable(str(error))}") from error

    def _body(self, operation: str, method: str, url: str) -> bytes:
        from azure.core.rest import HttpRequest

        with translated(operation):
            response = self._pipeline.run(HttpRequest(method, url), stream=True).http_response
            body: bytes = response.content
        if response.status_code != 200:
            raise _refusal(operation, response.status_code, body)
        return body

    # azure-mgmt-security

    def listed(self, operation: str, ask: Callable[[], Any]) -> list[Json]:
        """The rows of a list of azure-mgmt-security, in the shape in which ARM answers. Raises as `pages` does.

        `operation` says what is asked, for errors. The models cut dates to microseconds.
        """
        with translated(operation):
            try:
                answer = ask()
                if not hasattr(answer, "by_page"):
                    return [row.serialize(keep_readonly=True) for row in answer.value]
                rows: list[Json] = []
                pages, seen = answer.by_page(), set()
                for page in pages:
                    rows += [row.serialize(keep_readonly=True) for row in page]
                    if pages.continuation_token in seen:
                        raise ServiceError("a page is one that was read before (nextLink)")
                    seen.add(pages.continuation_token)
                return rows
            except (AttributeError, LookupError, TypeError, RecursionError) as error:  # models made of something else
                raise ServiceError(f"is not the list that was asked for ({type(error).__name__})") from error

    def security(self, subscription: str) -> SecurityCenter:
        """The client of azure-mgmt-security for one subscription, through the same policies and connections."""
        from azure.core.pipeline.policies import SansIOHTTPPolicy
        from azure.mgmt.security import SecurityCenter

        return SecurityCenter(
            _Unasked(),
            subscription,
            base_url=self._origin.text,
            authentication_policy=SansIOHTTPPolicy(),
            policies=self.policies(decode=True),
            transport=self._transport,
        )

    def policies(self, decode: bool) -> list[Any]:
        """The policies of a pipeline; with `decode` for one whose answers models of azure-mgmt are made of."""
        from drift.adapters.policies import chain

        return chain(self._origin, self._credential, self._tell, self._backoff, self._patience, decode)

    @cached_property
    def _transport(self) -> RequestsTransport:
        from azure.core.pipeline.transport import RequestsTransport

        return RequestsTransport(connection_timeout=CONNECT, read_timeout=READ, connection_data_block_size=BLOCK)

    @cached_property
    def _pipeline(self) -> Pipeline[Any, Any]:
        from azure.core.pipeline import Pipeline

        return Pipeline(self._transport, self.policies(decode=False))


class _Unasked:
    """In place of a credential: SecurityCenter wants one, and asks it nothing where policies are given."""

    def get_token(self, *_: str, **__: Any) -> Any:
        raise ServiceError("a token was asked for beside the pipeline")


@lru_cache
def _decoders(shapes: tuple[Any, ...]) -> list[msgspec.json.Decoder[Any]]:
    return [msgspec.json.Decoder(_Page[shape]) for shape in shapes]  # type: ignore[valid-type]


def _decoded(what: str, body: bytes, shapes: tuple[type[Any], ...]) -> _Page[Any]:
    reason: Exception | None = None
    try:
        for decoder in _decoders(shapes):
            try:
                page: _Page[Any] = decoder.decode(body)
                return page
            except msgspec.ValidationError as error:
                reason = error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = error
    raise ServiceError(f"{what}: is not a page of the list: {printable(str(reason))}") from reason


@contextmanager
def translated(operation: str) -> Iterator[None]:
    """Errors of azure-core as ours, which name the operation."""
    from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

    from drift.adapters.policies import GarbledError

    try:
        yield
    except ServiceError as error:
        raise ServiceError(f"{operation}: {error}") from error
    except GarbledError as error:
        raise ServiceError(f"{operation}: came something else than a list: {error.message}") from error
    except HttpResponseError as error:
        response: Any = error.response
        if response is not None and response.status_code != 200:
            raise _refusal(operation, response.status_code, response.body()) from error
        if isinstance(error, ClientAuthenticationError):
            first = error.message.partition("\n")[0]
            raise ServiceError(
                f"{operation}: no token was given (here: az login; in Azure: a managed identity): {printable(first)}"
            ) from error
        raise ServiceError(f"{operation}: the answer can't be read ({type(error).__name__})") from error
    except AzureError as error:
        cause = type(error.inner_exception or error).__name__
        raise ServiceError(f"{operation}: no answer came ({type(error).__name__}, {cause})") from error


def _refusal(operation: str, status: int, body: bytes) -> ServiceError:
    problem = _problem(body)
    message = f"{operation}: Azure answered {status} {printable(problem.code)}".rstrip()
    if problem.message:
        message += f": {printable(problem.message)}"
    if status in (401, 403):
        return Refused(message)
    return AnswerError(message, status, problem.code.lower())


def _problem(body: bytes) -> _Problem:
    try:
        return msgspec.json.decode(body, type=_Wrapped).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Problem()

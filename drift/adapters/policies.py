"""The policies through which every request to Azure Resource Manager goes, in order.

There is no automatic registration of resource providers, which azure-mgmt-core adds by itself: that would be a write.
There is no following of redirects either: an answer that is one is an error. This module imports azure-core; import it
on first use.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import (
    BearerTokenCredentialPolicy,
    ContentDecodePolicy,
    HeadersPolicy,
    RequestIdPolicy,
    RetryPolicy,
    SansIOHTTPPolicy,
    UserAgentPolicy,
)

from drift.adapters.origins import Origin, origin, printable
from drift.errors import ServiceError
from drift.model import Json, ticks

TRIES = 6
"""How often a request is sent at most."""

LONGEST_PAUSE = 60
"""Seconds between two tries, unless Azure asks for more."""

_EXCERPT = 480


class GarbledError(ServiceResponseError):
    """An answer with status 200 that can't be one: it is asked for again, as one that was cut short."""


class _Origin(SansIOHTTPPolicy[Any, Any]):
    """Lets nothing through to another host: a token goes only where it belongs. Before the policy that adds it."""

    def __init__(self, allowed: Origin, tokens: bool) -> None:
        self._allowed, self._plain_tokens = allowed, tokens and not allowed.secure

    def on_request(self, request: PipelineRequest[Any]) -> None:
        url = request.http_request.url
        if origin(url) != self._allowed:
            raise ServiceError(f"Azure names a page outside {self._allowed.text}, which is not asked: {printable(url)}")
        if self._plain_tokens:  # on loopback only, see `Arm`
            request.context.options.setdefault("enforce_https", False)


class _List(msgspec.Struct):
    value: list[Json]
    next: str | None = msgspec.field(name="nextLink", default=None)


class _Answer(SansIOHTTPPolicy[Any, Any]):
    """Tells the time of each answer, and asks again where an answer is no JSON object: a page of a proxy, `{}`.

    With `lists` every answer must be a list: models of azure-mgmt take an object, a text or numbers in its place for
    an empty one.
    """

    def __init__(self, tell: Callable[[int], None], lists: bool) -> None:
        self._tell, self._lists = tell, lists

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        del request
        answer = response.http_response
        at = _date(answer.headers.get("Date") or "")
        # Read here, below the policy that tries again: a body that breaks off is asked for again.
        body = answer.body() if self._lists else answer.read()
        if answer.status_code == 200:
            inner = body.strip()
            if inner[:1] != b"{" or inner[-1:] != b"}" or not inner[1:_EXCERPT].strip(b" \t\r\n}"):
                raise GarbledError(printable(body[:_EXCERPT].decode("utf-8", "replace").strip()) or "an empty answer")
            if self._lists:
                try:
                    msgspec.json.decode(body, type=_List)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                    raise GarbledError(printable(str(error))) from None
            if at is None:
                raise GarbledError("an answer without a date")
        if at is not None:
            self._tell(at)


def _date(text: str) -> int | None:
    try:
        at = parsedate_to_datetime(text)
        return ticks(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


class _Retry(RetryPolicy[Any, Any]):
    """azure-core's, which honours Retry-After, but never waits past the end of our patience."""

    def __init__(self, backoff: float, patience: float) -> None:
        counts = dict.fromkeys(("retry_total", "retry_connect", "retry_read", "retry_status"), TRIES - 1)
        super().__init__(
            **counts, retry_backoff_factor=backoff, retry_backoff_max=LONGEST_PAUSE, timeout=max(patience, 0.1)
        )

    def get_retry_after(self, response: PipelineResponse[Any, Any]) -> float | None:
        try:
            return super().get_retry_after(response)
        except (ValueError, TypeError, OverflowError):
            return None

    def configure_retries(self, options: dict[str, Any]) -> dict[str, Any]:
        settings = super().configure_retries(options)
        settings["methods"] = settings["methods"] | {"POST"}  # the one that is sent reads
        settings["end"] = time.monotonic() + settings["timeout"]
        return settings

    def increment(self, settings: dict[str, Any], response: Any = None, error: Exception | None = None) -> bool:
        if not super().increment(settings, response, error):
            return False
        asked = self.get_retry_after(response) if error is None and response is not None else None
        return time.monotonic() + (asked or self.get_backoff_time(settings)) < settings["end"]


def chain(
    allowed: Origin,
    credential: TokenCredential | None,
    tell: Callable[[int], None],
    backoff: float,
    patience: float,
    decode: bool,
) -> list[Any]:
    """A list of policies of its own for one pipeline: a pipeline links its policies to each other.

    With `decode` for a client of azure-mgmt, which asks for lists only.
    """
    token = [] if credential is None else [BearerTokenCredentialPolicy(credential, f"{allowed.text}/.default")]
    return [
        RequestIdPolicy(),
        HeadersPolicy({"Accept": "application/json"}),
        UserAgentPolicy("secure-score-drift"),
        *([ContentDecodePolicy()] if decode else []),
        _Retry(backoff, patience),
        _Origin(allowed, credential is not None),
        *token,
        _Answer(tell, decode),
    ]

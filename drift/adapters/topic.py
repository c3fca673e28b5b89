"""Explained movements to an Event Grid custom topic, as CloudEvents.

A movement that is published again carries the same id: receivers know it by that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from drift.environment import on_loopback
from drift.errors import Refused, ServiceError
from drift.model import Json

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.eventgrid._legacy import EventGridPublisherClient

TYPE = "SecureScoreDrift.MovementExplained"

LARGEST = 1_000_000
"""Bytes of an event and of a batch: Event Grid takes 1 MB (1,048,576), and something surrounds them."""

MOST = 1000
"""Events of a batch; Event Grid takes 5,000."""

_ADDRESS = "from"
"""Of a record, from where it was done: that is for who asks, not for whoever receives events."""

LISTS = {"summary": 20, "actors": 20, "causes": 50, "pending": 20, "foretold": 20}
"""How much of each an event tells, the largest first."""

CONNECT, READ = 10, 30
"""Seconds that are waited for a connection, and for an answer."""

_SHORTER = (50, 20, 5, 1, 0)
_LONGEST_NAME = 256


class Topic:
    """A custom topic. On loopback no token is sent; elsewhere a credential is needed (else ValueError)."""

    def __init__(self, endpoint: str, credential: TokenCredential | None) -> None:
        if credential is None and not on_loopback(endpoint):
            raise ValueError("a topic that is not on loopback needs a credential")
        self._endpoint, self._credential = endpoint, credential

    def publish(self, explained: Sequence[tuple[str, Json]]) -> None:
        """Publishes movements, by id; returns when all of them were accepted.

        Raises ServiceError (Refused) otherwise. Some may have been accepted then; all are to be published again.
        """
        from azure.core.exceptions import AzureError, HttpResponseError
        from azure.core.messaging import CloudEvent

        for batch in _batches([event(identity, one) for identity, one in explained]):
            try:
                self._client.send([CloudEvent[Json].from_dict(one) for one in batch])
            except HttpResponseError as error:
                if error.status_code is None:
                    raise ServiceError(f"publish to the topic: there is no token ({type(error).__name__})") from error
                kind = Refused if error.status_code in (401, 403) else ServiceError
                raise kind(f"publish to the topic: Event Grid answered {error.status_code}") from error
            except AzureError as error:
                raise ServiceError(f"publish to the topic: no answer ({type(error).__name__})") from error

    @cached_property
    def _client(self) -> EventGridPublisherClient:
        from azure.core.credentials import AzureKeyCredential

        # Not azure.eventgrid's own class of that name: that one wraps this, and drops the options (4.22.1).
        from azure.eventgrid._legacy import EventGridPublisherClient

        known = self._credential
        return EventGridPublisherClient(
            self._endpoint,
            AzureKeyCredential("local") if known is None or on_loopback(self._endpoint) else known,
            connection_timeout=CONNECT,
            read_timeout=READ,
            retry_total=0,  # the sweep tries again; here a Retry-After would be slept out, whatever its length
            permit_redirects=False,
        )


def event(identity: str, explained: Json) -> Json:
    """A movement as a CloudEvent in JSON, of at most LARGEST bytes.

    `truncated` says that lists are shorter than the explanation's, or that those already were.
    """
    scope = explained["scope"]
    left = explained.get("left", {})
    for most in _SHORTER:
        lists = {name: [_told(one) for one in explained[name][: min(most, n)]] for name, n in LISTS.items()}
        cut = any(len(lists[name]) < len(explained[name]) or left.get(name) for name in LISTS)
        found = {
            "specversion": "1.0",
            "type": TYPE,
            "source": f"/secure-score-drift/{quote(scope, safe='')}",
            "subject": scope,
            "id": identity,
            "time": explained["after"]["takenAt"],
            "datacontenttype": "application/json",
            "data": {
                "id": identity,
                "scope": scope,
                "name": explained["name"][:_LONGEST_NAME],
                **{name: explained[name] for name in ("before", "after", "movement", "classes")},
                **lists,
                "truncated": bool(cut),
            },
        }
        if size(found) <= LARGEST:
            break
    return found


def _told(one: Json) -> Json:
    """A row of a list, its records without the address that they came from."""
    if "evidence" not in one:
        return one
    records = [{key: value for key, value in record.items() if key != _ADDRESS} for record in one["evidence"]]
    return one | {"evidence": records}


def size(value: Any) -> int:
    """At most how many bytes the SDK sends for a value: it writes JSON in ASCII, with a space after `,` and `:`."""
    text = msgspec.json.encode(value).decode()
    plain = len(text.encode("ascii", "ignore"))
    escaped = len(text.encode("utf-16-le")) // 2 - plain
    return plain + 6 * escaped + 6 * text.count("\x7f") + text.count(",") + text.count(":")


def _batches(events: Sequence[Json]) -> Iterator[list[Json]]:
    batch: list[Json] = []
    filled = 0
    for one in events:
        own = size(one) + 2
        if batch and (filled + own > LARGEST or len(batch) == MOST):
            yield batch
            batch, filled = [], 0
        batch.append(one)
        filled += own
    if batch:
        yield batch

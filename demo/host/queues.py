"""Queue triggers and outputs over Storage queues: tries, the wait between them, and poison queues."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from demo.host.settings import HostError, Queues
from demo.host.worker import Payload, queue_payload

if TYPE_CHECKING:
    from azure.storage.queue import QueueMessage
    from azure.storage.queue.aio import QueueClient, QueueServiceClient

log = logging.getLogger("demo.host")
LEASE = timedelta(minutes=10)
"""How long a message stays with a host that died: the Functions host's own. It is renewed at half of it."""
_BUSY, _IDLE = 0.02, 0.5  # seconds between looks at an empty queue, doubling from one to the other
_DEVELOPMENT = "UseDevelopmentStorage=true"


def queue_service(name: str, environment: Mapping[str, str]) -> QueueServiceClient:
    """The client of a connection, by name: a connection string in `name`, or `name__queueServiceUri` or
    `name__accountName` with azure-identity's default credential. As in Azure, AzureWebJobs`name` goes first.
    Raises HostError without any.
    """
    from azure.storage.queue.aio import QueueServiceClient

    # A host looks again by itself; a retry of the client would only make it deaf meanwhile.
    quick: dict[str, Any] = {"retry_total": 0}
    for prefix in (f"AzureWebJobs{name}", name):
        connection = environment.get(prefix)
        if connection:
            if connection.strip().rstrip(";") == _DEVELOPMENT:
                from demo.azurite import DEVELOPMENT_CONNECTION

                connection = DEVELOPMENT_CONNECTION
            return QueueServiceClient.from_connection_string(connection, **quick)
        address = environment.get(f"{prefix}__queueServiceUri")
        if not address and environment.get(f"{prefix}__accountName"):
            address = f"https://{environment[f'{prefix}__accountName']}.queue.core.windows.net"
        if address:
            from azure.identity.aio import DefaultAzureCredential

            return QueueServiceClient(address, credential=DefaultAzureCredential(), **quick)
    raise HostError(f"connection {name} is missing: a connection string, or {name}__queueServiceUri")


async def send(service: QueueServiceClient, queue: str, value: Any, options: Queues) -> None:
    """Puts what an output binding holds on its queue, which is made when it isn't there. A list is many messages."""
    from azure.core.exceptions import ResourceNotFoundError

    client = service.get_queue_client(queue)
    for item in value if isinstance(value, list) else [value]:
        content = item["body"] if isinstance(item, dict) and item.keys() == {"id", "body"} else item
        raw = content if isinstance(content, bytes) else content if isinstance(content, str) else json.dumps(content)
        body = raw if isinstance(raw, bytes) else raw.encode()
        encoded = base64.b64encode(body).decode() if options.base64 else body.decode()
        try:
            await client.send_message(encoded)
        except ResourceNotFoundError:
            await _create(client)
            await client.send_message(encoded)


@dataclass(slots=True)
class _Held:
    """A received message while it is ours: each renewal gives it another receipt."""

    message: QueueMessage
    receipt: str


class Pump:
    """Takes the messages of one queue to one function, as the Functions host does.

    `run` makes one try and says whether it succeeded; `spawn` starts a task that outlives the pump's own loop.
    """

    def __init__(
        self,
        service: QueueServiceClient,
        queue: str,
        options: Queues,
        lease: timedelta,
        run: Callable[[Payload], Awaitable[bool]],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self.queue = queue
        self._client: QueueClient = service.get_queue_client(queue)
        # As in Azure: a poison queue has none of its own, what fails there is tried again.
        self._poison = None if queue.endswith("-poison") else service.get_queue_client(f"{queue}-poison")
        self._options = options
        self._lease = lease
        self._run = run
        self._spawn = spawn
        self._handling: set[asyncio.Task[None]] = set()
        self._taking = asyncio.Lock()
        self._wake = asyncio.Event()
        self._stopped = False
        self._away = False

    def stop(self) -> None:
        """Has `work` end after the batch it is asking for, which would else be lost to everyone for a lease."""
        self._stopped = True
        self._wake.set()

    async def work(self) -> None:
        """Until stopped. A batch is asked for whenever no more than the threshold are being handled."""
        pause = _BUSY
        while not self._stopped:
            if len(self._handling) > self._options.threshold:
                await asyncio.wait(self._handling, timeout=_IDLE, return_when=asyncio.FIRST_COMPLETED)
                continue
            async with self._taking:
                messages = await self._take()
                for message in messages:
                    task = self._spawn(self._handle(message))
                    self._handling.add(task)
                    task.add_done_callback(self._handling.discard)
            if messages:
                pause = _BUSY
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)
            self._wake.clear()
            pause = min(2 * pause, _IDLE)

    async def is_empty(self) -> bool:
        """Whether no message is visible or in hand; delayed ones don't count. What is visible is then taken at once."""
        from azure.core.exceptions import ResourceNotFoundError

        async with self._taking:  # what is on its way from the queue is neither visible nor in hand
            try:
                visible = await self._client.peek_messages(max_messages=1)
            except ResourceNotFoundError:
                visible = []
        if visible:
            self._wake.set()
        return not visible and not self._handling

    async def _take(self) -> list[QueueMessage]:
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        wanted = self._options.batch
        try:
            pages = self._client.receive_messages(
                messages_per_page=wanted, max_messages=wanted, visibility_timeout=_seconds(self._lease)
            )
            messages = [message async for message in pages]
        except ResourceNotFoundError:  # nobody has made the queue yet
            messages = []
        except AzureError as error:
            if not self._away:
                log.warning("queue %s can't be read: %s", self.queue, error)
            self._away = True
            return []
        self._away = False
        return messages

    async def _handle(self, message: QueueMessage) -> None:
        tries = message.dequeue_count or 1
        spent = tries > self._options.tries  # each earlier try ended with its host
        async with self._kept(message) as held:
            succeeded = not spent and await self._try(message, tries)
        from azure.core.exceptions import AzureError

        try:
            if succeeded:
                await self._client.delete_message(held.message.id, held.receipt)
            elif self._poison is not None and tries >= self._options.tries:
                log.info("queue %s: a message goes to %s-poison after %d tries", self.queue, self.queue, tries)
                await _create(self._poison)
                await self._poison.send_message(message.content)
                await self._client.delete_message(held.message.id, held.receipt)
            else:
                wait = _seconds(self._options.retry_after)
                await self._client.update_message(held.message.id, held.receipt, visibility_timeout=wait)
        except AzureError as error:  # it comes again when its time is over
            log.warning("queue %s: a message could not be settled: %s", self.queue, error)

    async def _try(self, message: QueueMessage, tries: int) -> bool:
        try:
            body = (
                base64.b64decode(message.content, validate=True) if self._options.base64 else message.content.encode()
            )
        except (binascii.Error, ValueError):
            log.warning("queue %s: a message is not base64", self.queue)
            return False
        payload = queue_payload(
            body,
            now=datetime.now(UTC),
            message=message.id or "",
            tries=tries,
            receipt=message.pop_receipt or "",
            inserted=message.inserted_on,
        )
        return await self._run(payload)

    @contextlib.asynccontextmanager
    async def _kept(self, message: QueueMessage) -> AsyncIterator[_Held]:
        held = _Held(message, message.pop_receipt or "")
        done = asyncio.Event()
        renewing = asyncio.create_task(self._renew(held, done))
        try:
            yield held
        finally:
            done.set()  # not cancelled: a renewal under way would leave us with a receipt that no longer counts
            await renewing

    async def _renew(self, held: _Held, done: asyncio.Event) -> None:
        from azure.core.exceptions import AzureError

        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), self._lease.total_seconds() / 2)
                return
            try:
                renewed = await self._client.update_message(
                    held.message.id, held.receipt, visibility_timeout=_seconds(self._lease)
                )
            except AzureError as error:
                log.warning("queue %s: a message could not be kept: %s", self.queue, error)
            else:
                held.receipt = renewed.pop_receipt or held.receipt


async def close(service: QueueServiceClient) -> None:
    """Closes its connections, and those of its credential where that has any."""
    await service.close()
    if hasattr(service.credential, "close"):
        await service.credential.close()


async def _create(client: QueueClient) -> None:
    from azure.core.exceptions import ResourceExistsError

    with contextlib.suppress(ResourceExistsError):
        await client.create_queue()


def _seconds(span: timedelta) -> int:
    return max(0, round(span.total_seconds()))  # the service counts whole seconds

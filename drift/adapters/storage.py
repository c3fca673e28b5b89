"""The storage account: tables, blobs and queues as plain operations.

Clients are made on first use, once a worker; tables, queues and the container where they are missing. A service that
fails raises ServiceError; what is not there is None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from drift.errors import Refused, ServiceError
from drift.model import Json, ticks

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.data.tables import TableClient, TableServiceClient
    from azure.storage.blob import ContainerClient
    from azure.storage.queue import QueueServiceClient

    from drift.settings import Connection

QUEUES = ("snapshots", "changes")
CONTAINER = "drift"
TABLES = ("drift", "driftindex", "driftchanges", "driftforecasts")

_EMULATOR = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    # The emulator's key, which is the same everywhere and published: no secret.
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
    "TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;"
)
"""What UseDevelopmentStorage=true stands for: the Functions host knows it, the SDKs do not."""


@contextmanager
def translated(operation: str) -> Iterator[None]:
    """Azure's errors as ours, which name the operation and not the account."""
    from azure.core.exceptions import AzureError, HttpResponseError

    try:
        yield
    except HttpResponseError as error:
        code = getattr(error, "error_code", None)
        kind = Refused if error.status_code in (401, 403) else ServiceError
        raise kind(
            f"{operation}: storage answered {error.status_code} {getattr(code, 'value', code) or ''}".rstrip()
        ) from error
    except AzureError as error:
        raise ServiceError(f"{operation}: storage did not answer ({type(error).__name__})") from error


class Storage:
    """One storage account, by its connection. A call that fails is tried again `tries` times, as the SDK does."""

    def __init__(self, connection: Connection, credential: TokenCredential | None = None, tries: int = 3) -> None:
        self._connection, self._credential = connection, credential
        self._string = _EMULATOR if connection.string == "UseDevelopmentStorage=true" else connection.string
        self._options: Any = {"retry_total": tries}
        self._tables: dict[str, TableClient] = {}

    # Tables

    def get(self, table: str, partition: str, row: str) -> Any:
        """An entity with its metadata, or None."""
        from azure.core.exceptions import ResourceNotFoundError

        with translated(f"read {table}"):
            try:
                return self._table(table).get_entity(partition, row)
            except ResourceNotFoundError:
                return None

    def query(
        self, table: str, condition: str, values: Mapping[str, Any], page: int, select: Sequence[str] | None = None
    ) -> Iterator[Any]:
        """The entities that meet a condition with @parameters, in order of their keys, read in pages."""
        with translated(f"query {table}"):
            yield from self._table(table).query_entities(
                condition,
                parameters=dict(values),
                select=list(select) if select else None,
                results_per_page=min(page, 1000),
            )

    def put(self, table: str, entity: Json) -> None:
        """Writes an entity, over what was there."""
        from azure.data.tables import UpdateMode

        with translated(f"write {table}"):
            self._table(table).upsert_entity(entity, mode=UpdateMode.REPLACE)

    def replace(self, table: str, entity: Json, etag: str) -> str | None:
        """Writes an entity over one that is unchanged; its new ETag, or None where that was changed or is gone."""
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
        from azure.data.tables import UpdateMode

        with translated(f"write {table}"):
            try:
                written = self._table(table).update_entity(
                    entity, mode=UpdateMode.REPLACE, etag=etag, match_condition=MatchConditions.IfNotModified
                )
            except (ResourceNotFoundError, ResourceModifiedError):
                return None
        found: str = written["etag"]
        return found

    def delete(self, table: str, partition: str, row: str, etag: str | None = None) -> bool:
        """Removes an entity, if it is there. False where it is there and another than an ETag that is given."""
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

        more: Any = {} if etag is None else {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        with translated(f"delete from {table}"):
            try:
                self._table(table).delete_entity(partition, row, **more)
            except ResourceNotFoundError:
                return True
            except ResourceModifiedError:
                return False
        return True

    def transact(self, table: str, operations: Sequence[tuple[Any, ...]]) -> bool:
        """Operations on one partition, all or none. False where one was refused for what it found there.

        An update carries the ETag that it expects.
        """
        from azure.core import MatchConditions
        from azure.data.tables import TableTransactionError

        prepared: list[Any] = [
            (*operation[:2], operation[2] | {"match_condition": MatchConditions.IfNotModified})
            if len(operation) > 2
            else operation
            for operation in operations
        ]
        with translated(f"commit to {table}"):
            try:
                self._table(table).submit_transaction(prepared)
            except TableTransactionError as error:
                if error.status_code in (404, 409, 412):
                    return False
                raise
        return True

    def _table(self, name: str) -> TableClient:
        if name not in self._tables:
            self._tables[name] = self._table_service.create_table_if_not_exists(name)
        return self._tables[name]

    @cached_property
    def _table_service(self) -> TableServiceClient:
        from azure.data.tables import TableServiceClient

        one = self._connection
        if self._string is not None:
            return TableServiceClient.from_connection_string(self._string, **self._options)
        return TableServiceClient(one.table or "", credential=self._credential, **self._options)

    # Blobs

    def upload(self, name: str, data: bytes) -> None:
        """Writes a blob, over what was there."""
        with translated("write a blob"):
            self._container.upload_blob(name, data, overwrite=True)

    def download(self, name: str) -> bytes:
        """A blob. Raises ServiceError where it is not there."""
        with translated("read a blob"):
            return self._container.download_blob(name).readall()

    def remove(self, name: str) -> None:
        """Removes a blob, if it is there."""
        from azure.core.exceptions import ResourceNotFoundError

        with translated("delete a blob"):
            try:
                self._container.delete_blob(name)
            except ResourceNotFoundError:
                return

    def names(self) -> Iterator[tuple[str, int]]:
        """All blobs, with the tick at which each was written."""
        with translated("list blobs"):
            for blob in self._container.list_blobs():
                yield blob.name, ticks(blob.last_modified)

    @cached_property
    def _container(self) -> ContainerClient:
        from azure.core.exceptions import ResourceExistsError
        from azure.storage.blob import BlobServiceClient

        one = self._connection
        if self._string is not None:
            service = BlobServiceClient.from_connection_string(self._string, **self._options)
        else:
            service = BlobServiceClient(one.blob or "", credential=self._credential, **self._options)
        container = service.get_container_client(CONTAINER)
        with suppress(ResourceExistsError):
            container.create_container()
        return container

    # Queues

    def send(self, queue: str, text: str, delay: int = 0) -> None:
        """Puts a message on a queue, seen after so many seconds."""
        with translated(f"send to {queue}"):
            self._queue(queue).send_message(text, visibility_timeout=delay)

    def depth(self, queue: str) -> int | None:
        """About how many messages a queue holds; None where there is no such queue."""
        from azure.core.exceptions import ResourceNotFoundError

        with translated(f"look at {queue}"):
            try:
                found = self._queue_service.get_queue_client(queue).get_queue_properties().approximate_message_count
            except ResourceNotFoundError:
                return None
        return found or 0

    def _queue(self, name: str) -> Any:
        from azure.core.exceptions import ResourceExistsError
        from azure.storage.queue import TextBase64EncodePolicy

        if name not in self._queues:
            client = self._queue_service.get_queue_client(name, message_encode_policy=TextBase64EncodePolicy())
            with suppress(ResourceExistsError):
                client.create_queue()
            self._queues[name] = client
        return self._queues[name]

    @cached_property
    def _queues(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _queue_service(self) -> QueueServiceClient:
        from azure.storage.queue import QueueServiceClient

        one = self._connection
        if self._string is not None:
            return QueueServiceClient.from_connection_string(self._string, **self._options)
        return QueueServiceClient(one.queue or "", credential=self._credential, **self._options)

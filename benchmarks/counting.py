"""One pass of the monitor in a worker, function by function as the host calls them; prints what each asked, as JSON:

    python -m benchmarks.counting NAME=VALUE ...

with the app's settings. Of each function: how often it ran, how long in all, and its requests by service and price
class. The worker is a warm one: tables, queues and the container have been found before anything is counted. What the
host itself asks of storage, its polling and its locks, is not in it.
"""

import json
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

STORAGE = "AzureWebJobsStorage"


class Counted:
    """What the functions asked for, as it is sent."""

    def __init__(self, services: Mapping[str, str]) -> None:
        self._services = services
        self._now: Counter[str] | None = None
        self.functions: dict[str, Counter[str]] = {}
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def function(self, name: str) -> Iterator[None]:
        """What is asked in the block is asked by one run of this function."""
        self._now = self.functions.setdefault(name, Counter())
        self._now["executions"] += 1
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - start
            self._now = None

    def sent(self, method: str, url: str) -> None:
        """One request."""
        if self._now is None:
            return
        service = next((name for name, start in self._services.items() if url.startswith(start)), "other")
        self._now[priced(service, method, url)] += 1


def priced(service: str, method: str, url: str) -> str:
    """The class by which a request is paid for. Azure Resource Manager and deletes of blobs are free."""
    if service != "blob":
        return service
    if method == "GET":
        return "blob list" if "comp=list" in url else "blob read"
    return {"PUT": "blob write", "DELETE": "blob delete"}.get(method, "blob other")


def main(settings: list[str]) -> None:
    os.environ.update(setting.partition("=")[::2] for setting in settings)
    from azure.core.pipeline.transport import RequestsTransport

    from drift import bootstrap
    from drift.adapters.storage import QUEUES, TABLES

    services = {"arm": os.environ["DRIFT_ARM_ENDPOINT"]} | _endpoints(os.environ[STORAGE])
    counted, send = Counted(services), RequestsTransport.send

    def noticed(self: Any, request: Any, **more: Any) -> Any:
        counted.sent(request.method, request.url)
        return send(self, request, **more)

    RequestsTransport.send = noticed
    storage = bootstrap.storage()
    for table in TABLES:
        storage.get(table, "none", "none")
    next(iter(storage.names()), None)
    for queue in QUEUES:
        storage.send(queue, "warm")
    _received("snapshots")
    _pass(counted, bootstrap)
    bodies = {
        "tables": sum(_bytes(entity) for table in TABLES for entity in _entities(storage, table)),
        "blobs": sum(len(storage.download(name)) for name, _ in storage.names()),
    }
    found = {name: dict(one) | {"seconds": counted.seconds[name]} for name, one in counted.functions.items()}
    print(json.dumps({"functions": found, "bytes": bodies}))


def _pass(counted: Counted, bootstrap: Any) -> None:
    run: dict[str, Callable[[], Any]] = {
        "snapshot_timer": bootstrap.monitor().start_pass,
        "rollup_timer": bootstrap.monitor().roll_up,
        "announce_timer": bootstrap.teller().announce,
        "digest_timer": bootstrap.teller().digest,
        "calendar_timer": bootstrap.retention().expire,
    }
    with counted.function("snapshot_timer"):
        run.pop("snapshot_timer")()
    for message in _received("snapshots"):
        with counted.function("snapshot_subscription"):
            bootstrap.monitor().snapshot(message)
    for name, call in run.items():
        with counted.function(name):
            call()
    with counted.function("announce_timer, nothing due"):
        bootstrap.teller().announce()


def _received(queue: str) -> list[bytes]:
    """All that waits in a queue, taken off it as the host does."""
    from azure.storage.queue import QueueClient, TextBase64DecodePolicy

    client = QueueClient.from_connection_string(
        os.environ[STORAGE], queue, message_decode_policy=TextBase64DecodePolicy()
    )
    found = []
    for message in client.receive_messages(messages_per_page=32):
        found.append(message.content.encode())
        client.delete_message(message)
    return found


def _endpoints(connection: str) -> dict[str, str]:
    parts = dict(part.split("=", 1) for part in connection.split(";") if part)
    return {name: parts[f"{name.title()}Endpoint"] for name in ("table", "blob", "queue")}


def _entities(storage: Any, table: str) -> Any:
    return storage.query(table, "PartitionKey ge @low", {"low": ""}, 1000)


def _bytes(entity: Mapping[str, Any]) -> int:
    """About what an entity takes: its names and values, and what Table Storage adds to each."""
    return 4 + sum(8 + 2 * len(name) + _size(value) for name, value in entity.items())


def _size(value: Any) -> int:
    match value:
        case str():
            return 4 + 2 * len(value)
        case bytes():
            return 4 + len(value)
    return 8


if __name__ == "__main__":
    main(sys.argv[1:])

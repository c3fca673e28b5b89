"""Azurite as tests and the demo start it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from demo.azurite import Azurite, AzuriteError

_ROOT = Path(__file__).resolve().parent.parent


def test_an_account_has_tables_blobs_and_queues(storage: str) -> None:
    TableServiceClient.from_connection_string(storage).create_table("rows").create_entity(
        {"PartitionKey": "p", "RowKey": "r"}
    )
    BlobServiceClient.from_connection_string(storage).create_container("things").upload_blob("thing", b"content")
    QueueServiceClient.from_connection_string(storage).create_queue("waiting").send_message("message")
    assert BlobServiceClient.from_connection_string(storage).get_blob_client("things", "thing").exists()


def test_accounts_do_not_see_each_other(azurite: Azurite) -> None:
    first, last = azurite.accounts[-2], azurite.accounts[-1]
    QueueServiceClient.from_connection_string(azurite.connection_string(first)).create_queue("mine")
    service = QueueServiceClient.from_connection_string(azurite.connection_string(last))
    assert list(service.list_queues()) == []


def test_an_account_that_was_not_asked_for_has_no_connection_string(azurite: Azurite) -> None:
    with pytest.raises(ValueError, match="no account elsewhere"):
        azurite.connection_string("elsewhere")


def test_what_is_kept_in_a_folder_is_there_the_next_time(tmp_path: Path) -> None:
    with Azurite(tmp_path) as first:
        QueueServiceClient.from_connection_string(first.connection_string()).create_queue("kept")
    with Azurite(tmp_path) as second:
        service = QueueServiceClient.from_connection_string(second.connection_string())
        assert [queue.name for queue in service.list_queues()] == ["kept"]


def test_it_ends_with_the_process_that_started_it_however_that_ends() -> None:
    program = (
        "from demo.azurite import Azurite\nimport time\n"
        "with Azurite() as azurite: print(azurite.connection_string(), flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=_ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        connection = parent.stdout.readline().strip()
        service = QueueServiceClient.from_connection_string(connection, retry_total=0)
        assert list(service.list_queues()) == []
        os.kill(parent.pid, signal.SIGKILL)
    until = time.monotonic() + 5
    while _answers(service):
        assert time.monotonic() < until, "Azurite outlived its parent"
        time.sleep(0.05)


def test_a_port_that_is_taken_is_told(azurite: Azurite) -> None:
    taken = int(azurite.connection_string().partition("QueueEndpoint=http://127.0.0.1:")[2].partition("/")[0])
    with pytest.raises(AzuriteError, match="EADDRINUSE"), Azurite(ports=(0, taken, 0)):
        pass


def test_without_an_installation_it_says_what_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(AzuriteError, match=r"make \.venv/azurite"), Azurite():
        pass


def _answers(service: QueueServiceClient) -> bool:
    from azure.core.exceptions import ServiceRequestError, ServiceResponseError

    try:
        list(service.list_queues())
    except (ServiceRequestError, ServiceResponseError):
        return False
    return True

"""A store filled the way it fills in life: Northwind's six weeks, snapshot by snapshot, through the real pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.azurite import Azurite
from demo.estate import DEV, PROD
from demo.northwind import write
from drift.actors import Happening
from drift.adapters.evidence import Folder
from drift.adapters.storage import Storage
from drift.adapters.store import Store
from drift.history import History
from drift.importing import FolderSource
from drift.model import HOUR
from drift.names import Names
from drift.pipeline import Monitor, Order
from drift.settings import Settings, read

GROUPS = "prod=tag:environment=prod;northwind=mg:northwind;Sandbox=mg:northwind-sandbox;empty=tag:environment=none"
SCOPES = {
    "all": "all",
    "prod": "tag:environment=prod",
    "northwind": "mg:northwind",
    "Sandbox": "mg:northwind-sandbox",
    PROD.id: PROD.id,
    DEV.id: DEV.id,
}
"""The scopes of the API that have a score, each with that of `drift explain`."""


@dataclass(frozen=True, slots=True)
class Filled:
    """The store, what answers from it, and the folders that it was filled from, in order of time."""

    store: Store
    history: History
    folders: list[Path]
    times: list[int]
    """The ticks at which they were taken."""
    settings: Settings


def fill(connection: str, folders: Sequence[Path], groups: str = GROUPS, **environment: str) -> Filled:
    """Looks at every subscription of each folder, then rolls up, as the timers do; our clock is Azure's."""
    settings = read({"AzureWebJobsStorage": connection, "DRIFT_GROUPS": groups, **environment})
    store = Store(Storage(settings.storage))
    times = [Folder(path, Names()).taken_at for path in folders]
    for path, at in zip(folders, times, strict=True):
        source = FolderSource(path)
        monitor = Monitor(settings, source, store, lambda *_: None, lambda at=at: at)
        above = source.ancestors()
        for subscription in source.subscriptions():
            monitor.look(Order(subscription.id, above.get(subscription.id.lower())))
        monitor.roll_up()
    return Filled(store, History(store, settings.groups), list(folders), times, settings)


def happening(number: int, time: int, subscription: str = PROD.id, **other: object) -> Happening:
    """An exemption written: event `number`."""
    known = {"actor": "ada@northwind.example", "actor_type": "User"} | other
    return Happening(
        key=f"{number:032x}",
        id=f"event-{number}",
        source=f"/subscriptions/{subscription}",
        time=time,
        operation="Microsoft.Authorization/policyExemptions/write",
        category="exemption",
        action="write",
        succeeded=True,
        subscription=subscription.lower(),
        subject=f"/subscriptions/{subscription}/providers/Microsoft.Authorization/policyExemptions/e{number}",
        **known,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="session")
def northwind(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The folders of the six weeks, in order of time."""
    return write(tmp_path_factory.mktemp("northwind"))


@pytest.fixture(scope="session")
def filled(azurite: Azurite, unused_accounts: Iterator[str], northwind: list[Path]) -> Filled:
    """All six weeks, and 12 events of sub-prod and 12 of sub-dev, an hour apart in turn. To be read, not changed."""
    found = fill(azurite.connection_string(next(unused_accounts)), northwind)
    for number in range(24):
        found.store.record(happening(number, found.times[3] + number * HOUR, (PROD.id, DEV.id)[number % 2]))
    return found


@pytest.fixture(scope="session")
def first_week(azurite: Azurite, unused_accounts: Iterator[str], northwind: list[Path]) -> Filled:
    """The first three moments, up to the Friday when much is pending; its movements wait for Teams. To be read."""
    webhook = {"TEAMS_WEBHOOK_URL": "https://teams.example/webhook", "DRIFT_ANNOUNCE_PP": "0"}
    return fill(azurite.connection_string(next(unused_accounts)), northwind[:3], **webhook)

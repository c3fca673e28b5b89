"""Picks the parts that the settings ask for. Each is made on first use, once a worker."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import azure.functions as func
    from azure.core.credentials import TokenCredential

    from drift.adapters.activity import Activity
    from drift.adapters.defender import Defender
    from drift.adapters.directory import Directory
    from drift.adapters.storage import Storage
    from drift.adapters.store import Store
    from drift.history import History
    from drift.pipeline import Monitor
    from drift.retention import Retention
    from drift.settings import Settings
    from drift.telling import Teller
    from drift.web.entry import Entry
    from drift.web.problems import Response


def connection_name(environment: Mapping[str, str]) -> str:
    """The name of the storage connection that triggers use: DRIFT_STORAGE where it is set, else the host's own."""
    named = environment.get("DRIFT_STORAGE", "")
    if named and "=" not in named:
        return named  # the name of another connection
    own = named or any(name.startswith("DRIFT_STORAGE__") and value for name, value in environment.items())
    return "DRIFT_STORAGE" if own else "AzureWebJobsStorage"


@cache
def settings() -> Settings:
    """The settings of this worker. Raises SettingsError, which names all that is wrong."""
    from drift.settings import read

    return read(os.environ)


@cache
def settings_without_storage() -> Settings:
    """The same for a command that stores nothing: that no storage is set does not matter to it."""
    from drift.settings import read

    return read({**os.environ, "DRIFT_STORAGE": "UseDevelopmentStorage=true"})


@cache
def credential() -> TokenCredential | None:
    """Who we are to Azure; None on loopback without tokens."""
    if settings().credential == "none":
        return None
    from azure.identity import DefaultAzureCredential

    client = settings().storage.client_id
    return DefaultAzureCredential(managed_identity_client_id=client) if client else DefaultAzureCredential()


@cache
def storage() -> Storage:
    """The storage account."""
    from drift.adapters.storage import Storage

    connection = settings().storage
    return Storage(connection, credential() if connection.string is None else None)


@cache
def store() -> Store:
    """What is kept."""
    from drift.adapters.store import Store

    return Store(storage())


@cache
def defender() -> Defender:
    """Azure, as far as it is read."""
    from drift.adapters.defender import Defender

    return Defender(settings().arm_endpoint, credential())


@cache
def reader() -> Defender:
    """The same, for who reads a tenant by hand: with the credentials of `az login`, or whatever is at hand."""
    from drift.adapters.defender import Defender

    asked = settings_without_storage()
    if asked.credential == "none":
        return Defender(asked.arm_endpoint, None)
    from azure.identity import DefaultAzureCredential

    return Defender(asked.arm_endpoint, DefaultAzureCredential())


@cache
def directory() -> Directory | None:
    """Who knows the names behind ids; None where Microsoft Graph is switched off."""
    from drift.adapters.directory import Directory

    endpoint = settings().graph_endpoint
    return None if endpoint is None else Directory(endpoint, credential(), storage(), _clock)


@cache
def monitor() -> Monitor:
    """What watches."""
    from drift.pipeline import Monitor

    known = directory()
    return Monitor(
        settings(), defender(), store(), storage().send, _clock, **({} if known is None else {"names": known.names})
    )


@cache
def retention() -> Retention:
    """What removes."""
    from drift.retention import Retention

    return Retention(store(), storage(), settings().retention_months, _clock)


@cache
def teller() -> Teller:
    """What tells."""
    from drift.adapters.teams import Teams
    from drift.adapters.topic import Topic
    from drift.card import Links
    from drift.pace import Pace
    from drift.telling import Teller

    asked = settings()
    webhook, topic = asked.teams_webhook_url, asked.topic_endpoint
    return Teller(
        store(),
        Teams(webhook) if webhook else None,
        Topic(topic, credential()) if topic else None,
        _clock,
        [(route, Teams(route.url)) for route in asked.teams_routes],
        notifier(),
        Links(asked.app_url) if asked.app_url else None,
        Pace(store(), asked.cards_per_hour, asked.quiet),
    )


@cache
def notifier() -> Activity | None:
    """Who notifies people; None where nobody is to be."""
    from drift.adapters.activity import Activity

    asked = settings()
    if asked.notified is None or asked.graph_endpoint is None:
        return None
    return Activity(asked.graph_endpoint, credential(), asked.notified.users, asked.notified.link)


@cache
def history() -> History:
    """What answers."""
    from drift.history import History

    return History(store(), settings().groups)


@cache
def entry() -> Entry:
    """Who may read."""
    from drift.web.entry import read

    return read(os.environ)


def respond(
    route: str, parameters: Mapping[str, str], query: Mapping[str, str], headers: Mapping[str, str]
) -> Response:
    """The answer to a request, if it may have one. `headers` are asked by names in lower case."""
    from drift.web.api import respond

    return respond(history, route, parameters, query, headers=headers, entry=entry())


def report_vitals() -> None:
    """Logs how the app is, as one line that the alerts of infra/alerts.bicep read."""
    import logging

    import msgspec

    from drift.state import vitals

    found = vitals(store(), settings().groups, _clock())
    logging.getLogger("drift").info("vitals %s", msgspec.json.encode(found).decode())


def accept(event: func.EventGridEvent) -> None:
    """Puts an event on the queue `changes`, as it came."""
    from drift.adapters.events import written

    storage().send("changes", written(event), 0)


def record(message: bytes) -> None:
    """Stores what an event tells. One that is not ours is let go; one that can't be read raises EventError."""
    from drift.adapters.events import read

    change = read(message)
    if change is not None:
        monitor().record(change)


def _clock() -> int:
    from datetime import UTC, datetime

    from drift.model import ticks

    return ticks(datetime.now(UTC))

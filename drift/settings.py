"""The settings: the environment read once into values, or one error that names all that is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from drift import ncrontab, quiet, routes, schedules
from drift.environment import SUFFIXES, Environment, shown
from drift.environment import Connection as Connection
from drift.environment import on_loopback as on_loopback
from drift.errors import SettingsError
from drift.ids import is_guid


@dataclass(frozen=True, slots=True)
class Scopes:
    """What to watch: all that the identity sees, or these. Ids and names are in lower case."""

    all: bool
    subscriptions: frozenset[str] = frozenset()
    management_groups: frozenset[str] = frozenset()


EVERYTHING = Scopes(all=True)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the app settings say. The timers' schedules and the role that may read are only checked here: who binds the
    functions reads them.
    """

    scopes: Scopes
    groups: Mapping[str, str]
    """Names to scopes as `drift.engine.scope.covers` takes them; `all`, the tenant, is the first."""
    storage: Connection
    arm_endpoint: str
    """Scheme and host, and port if it has one."""
    credential: Literal["default", "none"]
    graph_endpoint: str | None
    """Of Microsoft Graph; None: it is not asked."""
    teams_webhook_url: str | None = field(repr=False)
    teams_routes: tuple[routes.Route, ...]
    """Webhooks beside that one."""
    announce_pp: float
    quiet: quiet.Quiet | None
    cards_per_hour: int
    """To one webhook, at the most."""
    app_url: str | None
    """Where this app answers, without a slash at the end; None where nobody knows."""
    notified: routes.Notified | None
    """Who gets a notification of what is announced at once."""
    topic_endpoint: str | None
    retention_months: int


@dataclass(frozen=True, slots=True)
class Setting:
    """What a setting means, and what counts where it is not set."""

    meaning: str
    default: str = ""


_TIMERS = {
    "DRIFT_SNAPSHOT_SCHEDULE": "all subscriptions are looked at",
    "DRIFT_ROLLUP_SCHEDULE": "groups are summed up",
    "DRIFT_ANNOUNCE_SCHEDULE": "what is due is announced",
    "DRIFT_CALENDAR_SCHEDULE": "what is too old is removed",
    "DRIFT_DIGEST_SCHEDULE": "the digest is sent",
}

SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        "DRIFT_SCOPES": Setting(
            "what to watch: `all` that the identity sees, or subscription ids and management groups, comma separated",
            "all",
        ),
        "DRIFT_GROUPS": Setting(
            "groups to sum up beside the tenant: `prod=tag:environment=prod;eu=mg:contoso-eu;one=SUBSCRIPTION_ID`"
        ),
        **{
            name: Setting(f"when {what}: six-field NCRONTAB, in UTC", schedules.DEFAULTS[name])
            for name, what in _TIMERS.items()
        },
        "DRIFT_STORAGE": Setting(
            "name of the storage connection: the app setting with a connection string or, for an identity, the prefix "
            "of `NAME__tableServiceUri`, `NAME__queueServiceUri`, `NAME__blobServiceUri` (or `NAME__accountName`), and "
            "of `NAME__clientId` if it is user-assigned",
            "AzureWebJobsStorage",
        ),
        "DRIFT_ARM_ENDPOINT": Setting("Azure Resource Manager, for sovereign clouds", "https://management.azure.com"),
        "DRIFT_CREDENTIAL": Setting(
            "`default`, azure-identity's DefaultAzureCredential, or `none`: no token, with all endpoints on loopback",
            "default",
        ),
        "DRIFT_GRAPH_ENDPOINT": Setting(
            "Microsoft Graph, for the names of whom Azure tells by id alone; another for sovereign clouds, or `none`",
            "https://graph.microsoft.com",
        ),
        "TEAMS_WEBHOOK_URL": Setting("Workflows webhook of a Teams channel; in Azure a Key Vault reference"),
        "DRIFT_ANNOUNCE_PP": Setting(
            "smallest movement that is announced at once, in percentage points; the rest is in the digest", "0.5"
        ),
        "DRIFT_TEAMS_ROUTES": Setting(
            "webhooks beside that one, by group or by the tag `owner` of the resources: "
            "`prod=TEAMS_WEBHOOK_PROD;owner:payments=TEAMS_WEBHOOK_PAYMENTS`; on the right app settings with an address"
        ),
        "DRIFT_QUIET_HOURS": Setting(
            "when nothing is posted to Teams: hours, days or both, then a time zone, else UTC: "
            "`20:00-07:00 Sat,Sun Europe/Berlin`"
        ),
        "DRIFT_CARDS_PER_HOUR": Setting(
            "most cards to one webhook within an hour, 1 to 1000; the rest is summed up", "6"
        ),
        "DRIFT_APP_URL": Setting(
            "where this app answers, for the links on cards; without it `https://` and the platform's "
            "`WEBSITE_HOSTNAME`"
        ),
        "DRIFT_NOTIFY": Setting(
            "users who get a notification in Teams of what is announced at once: object ids or addresses, comma "
            "separated, at most 20"
        ),
        "DRIFT_NOTIFY_LINK": Setting(
            "what a click on it opens: the link to a channel or a tab, as Teams copies it; needed with `DRIFT_NOTIFY`"
        ),
        "DRIFT_TOPIC_ENDPOINT": Setting("Event Grid custom topic that gets explained movements"),
        "DRIFT_SIGN_IN_ROLE": Setting(
            "app role of Microsoft Entra ID that may read over HTTP, with App Service authentication on; without it, "
            "function keys"
        ),
        "DRIFT_RETENTION_MONTHS": Setting("how long movements are kept, 1 to 120", "25"),
    }
)
"""Every setting, by name."""

_APP_ROLE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,119}")
_GROUP_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_MANAGEMENT_GROUP = re.compile(r"[\w().-]{1,90}", re.ASCII)
_MANAGEMENT_GROUPS, _SUBSCRIPTIONS = "/providers/microsoft.management/managementgroups/", "/subscriptions/"
_LONGEST_SCOPE = 800
"""A tag's name has up to 512 characters, its value 256."""


def read(values: Mapping[str, str]) -> Settings:
    """The settings of an environment; empty ones count as not set. Raises one SettingsError for all that is wrong."""
    asked = Environment(values)
    asked.refuse_unknown("DRIFT_", [*SETTINGS, *(f"DRIFT_STORAGE__{suffix}" for suffix in SUFFIXES)])
    for name in _TIMERS:
        schedule = _get(asked, name)
        why = ncrontab.wrong(schedule)
        if why is not None:
            asked.refuse(name, f"{shown(schedule)} is no schedule: {why}")
    role = _get(asked, "DRIFT_SIGN_IN_ROLE")
    if role and not _APP_ROLE.fullmatch(role):
        asked.refuse("DRIFT_SIGN_IN_ROLE", f"{shown(role)} is no app role: up to 120 letters, digits, . - and _")
    credential = _credential(asked)
    groups, graph = _groups(asked), _graph_endpoint(asked, credential)
    settings = Settings(
        scopes=_scopes(asked),
        groups=groups,
        storage=asked.storage("DRIFT_STORAGE", SETTINGS["DRIFT_STORAGE"].default),
        arm_endpoint=_arm_endpoint(asked),
        credential=credential,
        graph_endpoint=graph,
        teams_webhook_url=asked.url("TEAMS_WEBHOOK_URL", query=True),
        teams_routes=routes.read(asked, _get(asked, "DRIFT_TEAMS_ROUTES"), groups),
        announce_pp=_points(asked),
        quiet=_quiet(asked),
        cards_per_hour=_whole(asked, "DRIFT_CARDS_PER_HOUR", 1000),
        app_url=routes.app_url(asked),
        notified=routes.notified(asked, graph),
        topic_endpoint=asked.url("DRIFT_TOPIC_ENDPOINT"),
        retention_months=_whole(asked, "DRIFT_RETENTION_MONTHS", 120),
    )
    if settings.credential == "none" and asked.remote:
        asked.refuse("DRIFT_CREDENTIAL", f"`none` is only for loopback, and not there: {', '.join(asked.remote)}")
    if asked.wrong:
        raise SettingsError("; ".join(asked.wrong))
    return settings


def _get(asked: Environment, name: str) -> str:
    return asked.get(name, SETTINGS[name].default)


def _scopes(asked: Environment) -> Scopes:
    parts = [part.strip().lower() for part in _get(asked, "DRIFT_SCOPES").split(",") if part.strip()]
    if parts == ["all"]:
        return EVERYTHING
    subscriptions: set[str] = set()
    groups: set[str] = set()
    for part in parts:
        identity, group = part.removeprefix(_SUBSCRIPTIONS), part.removeprefix(_MANAGEMENT_GROUPS)
        if part == "all":
            asked.refuse("DRIFT_SCOPES", "`all` leaves nothing to name beside it")
        elif is_guid(identity):
            subscriptions.add(identity)  # a management group whose name is a GUID has to be given by its id
        elif _MANAGEMENT_GROUP.fullmatch(group):
            groups.add(group)
        else:
            asked.refuse("DRIFT_SCOPES", f"{shown(part)} is neither a subscription id nor a management group")
    if not parts:
        asked.refuse("DRIFT_SCOPES", "names nothing to watch")
    return Scopes(all=False, subscriptions=frozenset(subscriptions), management_groups=frozenset(groups))


def _groups(asked: Environment) -> Mapping[str, str]:
    found, taken = {"all": "all"}, {"all"}
    for part in _get(asked, "DRIFT_GROUPS").split(";"):
        name, equals, scope = (text.strip() for text in part.partition("="))
        if not part.strip():
            continue
        if not equals:
            why = f"{shown(part)} is not NAME=SCOPE"
        elif not _GROUP_NAME.fullmatch(name) or is_guid(name):
            why = f"{shown(name)} is no name: up to 40 letters, digits, - and _, and not a GUID"
        elif name.lower() in taken:
            why = (
                f"{shown(name)} is there twice"
                if name.lower() != "all"
                else "`all` is the tenant, and can't be another"
            )
        elif not _is_scope(scope):
            why = f"the scope of {shown(name)} is not tag:NAME=VALUE, mg:NAME or a subscription id"
        else:
            found[name.lower()] = scope
            taken.add(name.lower())
            continue
        asked.refuse("DRIFT_GROUPS", why)
    return MappingProxyType(found)


def _is_scope(text: str) -> bool:
    kind, _, rest = text.partition(":")
    if kind == "tag":
        tag, equals, _ = rest.partition("=")
        return bool(tag and equals) and text.isprintable() and len(text) <= _LONGEST_SCOPE
    if kind == "mg":
        return _MANAGEMENT_GROUP.fullmatch(rest) is not None
    return is_guid(text)


def _arm_endpoint(asked: Environment) -> str:
    default = SETTINGS["DRIFT_ARM_ENDPOINT"].default
    return (asked.url("DRIFT_ARM_ENDPOINT", default, path=False) or default).rstrip("/")


def _graph_endpoint(asked: Environment, credential: Literal["default", "none"]) -> str | None:
    """Where there is no token there is no Graph either, unless its endpoint is given."""
    default = SETTINGS["DRIFT_GRAPH_ENDPOINT"].default if credential == "default" else "none"
    url = asked.url("DRIFT_GRAPH_ENDPOINT", default, path=False, off="none")
    return None if url is None else url.rstrip("/")


def _credential(asked: Environment) -> Literal["default", "none"]:
    text = _get(asked, "DRIFT_CREDENTIAL")
    if text.lower() not in ("default", "none"):
        asked.refuse("DRIFT_CREDENTIAL", f"{shown(text)} is neither default nor none")
    return "none" if text.lower() == "none" else "default"


def _points(asked: Environment) -> float:
    text = _get(asked, "DRIFT_ANNOUNCE_PP")
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII) is None:
        asked.refuse("DRIFT_ANNOUNCE_PP", f"{shown(text)} is no number of 0 or more, like 0.5")
        return 0.0
    return float(text)


def _whole(asked: Environment, name: str, most: int) -> int:
    text = _get(asked, name)
    if re.fullmatch(r"\d{1,4}", text, re.ASCII) is None or not 1 <= int(text) <= most:
        asked.refuse(name, f"{shown(text)} is no whole number from 1 to {most}")
        return 1
    return int(text)


def _quiet(asked: Environment) -> quiet.Quiet | None:
    text = _get(asked, "DRIFT_QUIET_HOURS")
    try:
        return quiet.read(text) if text else None
    except ValueError as error:
        asked.refuse("DRIFT_QUIET_HOURS", f"{shown(text)}: {error}")
        return None

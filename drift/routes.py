"""Where news goes beside the default webhook, and where it leads: read from the settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from drift.environment import Environment, shown, wrong_url
from drift.ids import is_guid

SETTING, DEFAULT = "DRIFT_TEAMS_ROUTES", "TEAMS_WEBHOOK_URL"

_PREFIX, _OWNER = "TEAMS_WEBHOOK_", "owner:"
_NAME = re.compile(rf"{_PREFIX}[A-Z0-9_]{{1,60}}", re.ASCII)
_LONGEST_VALUE = 256
"""Characters of a tag's value."""
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.ASCII | re.IGNORECASE)
_ADDRESS = re.compile(r"[\w.'+!^~-]{1,64}@[a-z0-9.-]{1,48}", re.ASCII)
"""A user principal name, as far as it comes into a path unescaped."""
_TEAMS = "https://teams.microsoft.com/l/"
_MOST_USERS, _LONGEST_LINK = 20, 1024
"""Graph refuses longer links, though its pages don't say so (Teams developers' forum, “WebUrl Length Limit”)."""


@dataclass(frozen=True, slots=True)
class Route:
    """A webhook, by the app setting that holds its address, and what it gets: of groups all, of owners their part."""

    setting: str
    url: str = field(repr=False)
    groups: Mapping[str, str] = field(default_factory=dict)
    """Names to scopes."""
    owners: frozenset[str] = frozenset()
    """Values of the tag `owner`; they are the same in any case."""

    @property
    def teams(self) -> str:
        """What names it as a destination of what is announced at once."""
        return f"teams:{self.setting.removeprefix(_PREFIX)}"

    @property
    def digest(self) -> str:
        """What names it as a destination of the digest."""
        return f"digest:{self.setting.removeprefix(_PREFIX)}"


@dataclass(frozen=True, slots=True)
class Notified:
    """Users, by object id or address in lower case, and the link that a notification opens."""

    users: tuple[str, ...]
    link: str


def read(asked: Environment, text: str, groups: Mapping[str, str]) -> tuple[Route, ...]:
    """The routes of `prod=TEAMS_WEBHOOK_PROD;owner:payments=TEAMS_WEBHOOK_PAYMENTS`, a webhook each, by name.

    What is wrong is noted with what was asked.
    """
    found: dict[str, Route] = {}
    for what, setting in _pairs(asked, text, groups):
        if setting not in found:
            url = asked.url(setting, query=True)
            if url is None:
                if not any(one.startswith(f"{setting}: ") for one in asked.wrong):
                    asked.refuse(setting, f"is not set, and {SETTING} sends something there")
                continue
            found[setting] = Route(setting, url)
        known = found[setting]
        if what.lower().startswith(_OWNER):
            owners = known.owners | {what[len(_OWNER) :].strip().casefold()}
            found[setting] = Route(setting, known.url, known.groups, owners)
        else:
            name = what.lower()
            found[setting] = Route(setting, known.url, {**known.groups, name: groups[name]}, known.owners)
    return tuple(route for _, route in sorted(found.items()))


def _pairs(asked: Environment, text: str, groups: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What goes where, as far as both are right."""
    for rule in text.split(";"):
        what, equals, setting = (part.strip() for part in rule.rpartition("="))  # a tag's value may hold a =
        if not rule.strip():
            continue
        if "://" in rule:  # of which not a word is told
            why: str | None = "has an address in it: it goes into an app setting of its own, which is named here"
        elif not equals:
            why = f"{shown(rule)} is not NAME=SETTING or owner:VALUE=SETTING"
        else:
            why = _wrong(what, setting, groups)
        if why is None:
            yield what, setting
        else:
            asked.refuse(SETTING, why)


def _wrong(what: str, setting: str, groups: Mapping[str, str]) -> str | None:
    owner = what[len(_OWNER) :].strip() if what.lower().startswith(_OWNER) else None
    if owner is None and what.lower() not in groups:
        return f"{shown(what.partition('=')[0])} is neither a group of DRIFT_GROUPS nor owner:VALUE"
    if owner is not None and not (owner and owner.isprintable() and len(owner) <= _LONGEST_VALUE):
        return f"{shown(what)} names no owner"
    if setting == DEFAULT:
        return f"{DEFAULT} gets everything: {shown(what)} needs a webhook of its own"
    if not _NAME.fullmatch(setting):
        return f"what {shown(what)} goes to must be the name of an app setting like {_PREFIX}PROD"
    return None


def is_digest(destination: str) -> bool:
    """Whether a destination is told once a day."""
    return destination.partition(":")[0] == "digest"


def app_url(asked: Environment) -> str | None:
    """Where this app answers, without a slash at the end. Nothing is sent there: who reads a card goes there."""
    text = asked.get("DRIFT_APP_URL")
    if not text:
        host = asked.get("WEBSITE_HOSTNAME")
        return f"https://{host}" if _HOST.fullmatch(host) else None
    why = wrong_url(text, path=True, query=False)
    if why is not None:
        asked.refuse("DRIFT_APP_URL", why)
    return text.rstrip("/").removesuffix("/api")


def notified(asked: Environment, graph: str | None) -> Notified | None:
    """Who is notified, if anybody; `graph` is the endpoint of Microsoft Graph."""
    users = [one.strip().lower() for one in asked.get("DRIFT_NOTIFY").split(",") if one.strip()]
    link = asked.get("DRIFT_NOTIFY_LINK")
    for one in users:
        if not is_guid(one) and not _ADDRESS.fullmatch(one):
            asked.refuse("DRIFT_NOTIFY", f"{shown(one)} is neither the object id nor the address of a user")
    if len(users) > _MOST_USERS:
        asked.refuse("DRIFT_NOTIFY", f"names {len(users)} users, and {_MOST_USERS} is the most")
    if users and graph is None:
        asked.refuse("DRIFT_NOTIFY", "Microsoft Graph, which would notify, is switched off by DRIFT_GRAPH_ENDPOINT")
    if users and not link:
        asked.refuse("DRIFT_NOTIFY_LINK", "is not set, and a notification has to lead somewhere")
    elif link and (wrong_url(link, path=True, query=True) or not link.startswith(_TEAMS) or len(link) > _LONGEST_LINK):
        asked.refuse("DRIFT_NOTIFY_LINK", f"is no link into Teams of at most {_LONGEST_LINK} characters: {_TEAMS}…")
    return Notified(tuple(dict.fromkeys(users)), link) if users else None

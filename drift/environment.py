"""The environment, asked setting by setting: what is wrong is gathered, to be told all at once.

No URL and no connection string stands in what is told: they may be secret, or hold a secret by mistake.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

SUFFIXES = ("tableServiceUri", "queueServiceUri", "blobServiceUri", "accountName", "clientId", "credential")
"""What may follow the name of a storage connection and `__`; `credential` is for the Functions host."""

_SERVICES = ("table", "queue", "blob")
_CONNECTION = re.compile(r"[A-Za-z][\w.-]*", re.ASCII)
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_NO_URL = frozenset(' "\\<>^`{|}')


@dataclass(frozen=True, slots=True)
class Connection:
    """A storage account: a connection string, or three service URIs for an identity.

    `name` is the app setting, or the prefix of app settings, that it was read from; triggers name it too.
    `client_id` is that of a user-assigned identity.
    """

    name: str
    string: str | None = field(default=None, repr=False)
    table: str | None = None
    queue: str | None = None
    blob: str | None = None
    client_id: str | None = None


def on_loopback(url: str) -> bool:
    """Whether a URL leads to this machine itself."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def shown(text: str) -> str:
    """A value in an error: cut, and in quotes that escape what is not printable."""
    return repr(text.strip()[:40])


class Environment:
    """What is set. `wrong`: what is wrong with what was asked so far; `remote`: settings that lead off this machine."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.wrong: list[str] = []
        self.remote: list[str] = []

    def get(self, name: str, default: str = "") -> str:
        """A value; the default where there is none or an empty one, or one that the platform should have replaced."""
        text = self._values.get(name, "").strip()
        if text.lower().startswith("@microsoft.keyvault("):
            self.refuse(name, "its Key Vault reference was not resolved")
            return default
        return text or default

    def refuse(self, name: str, why: str) -> None:
        """Notes what is wrong with a setting."""
        self.wrong.append(f"{name}: {why}")

    def refuse_unknown(self, prefix: str, known: Collection[str]) -> None:
        """Notes names that begin like ours and are not: a misspelt name must not be silent."""
        upper = {name.upper(): name for name in known}
        for name, value in sorted(self._values.items()):
            if name.upper().startswith(prefix) and value.strip() and name not in known:
                near = difflib.get_close_matches(name.upper(), upper, 1)
                meant = f": is {upper[near[0]]} meant?" if near else ""
                self.refuse(shown(name), f"there is no such setting{meant}")

    def url(self, name: str, default: str = "", *, path: bool = True, query: bool = False, off: str = "") -> str | None:
        """A URL, https or on loopback; None where there is none, or the word `off` in its place."""
        text = self.get(name, default)
        return self._checked(name, text, path=path, query=query) if text and text.lower() != off else None

    def _checked(self, name: str, text: str, *, path: bool = True, query: bool = False) -> str | None:
        why = wrong_url(text, path=path, query=query)
        if why is not None:
            self.refuse(name, why)
            return None
        if not on_loopback(text):
            self.remote.append(name)
        return text

    def storage(self, setting: str, default: str) -> Connection:
        """The connection that a setting names or, being a connection string or the prefix of URIs, is."""
        given = self._values.get(setting, "").strip()
        prefix = any(self._values.get(f"{setting}__{suffix}", "").strip() for suffix in SUFFIXES)
        name = setting if "=" in given or (prefix and not given) else given or default
        if not _CONNECTION.fullmatch(name):
            self.refuse(setting, "is neither the name of a connection nor a connection string")
            return Connection("")
        before = len(self.wrong)
        string = self.get(name)
        if string:
            return Connection(name, self._connection_string(name, string))
        return self._by_identity(name) if len(self.wrong) == before else Connection(name)

    def _connection_string(self, name: str, text: str) -> str:
        pairs = [part.partition("=") for part in text.split(";") if part.strip()]
        values = {key.strip().lower(): value.strip() for key, _, value in pairs}
        if list(values) == ["usedevelopmentstorage"] and text.lower().rstrip(" ;").endswith("=true"):
            return "UseDevelopmentStorage=true"  # in the one spelling that all SDKs take
        endpoints = {service: values.get(f"{service}endpoint", "") for service in _SERVICES}
        if not ({"accountname", "accountkey"} <= values.keys() or "sharedaccesssignature" in values):
            why = "is no connection string: it has no AccountName and AccountKey, nor a SharedAccessSignature"
            self.refuse(name, why)
        elif not all(endpoints.values()) and "accountname" not in values:
            why = "its connection string has no AccountName, and not the endpoints of table, queue and blob"
            self.refuse(name, why)
        elif not all(endpoints.values()):
            self.remote.append(name)
            if values.get("defaultendpointsprotocol", "https").lower() != "https":
                self.refuse(name, "DefaultEndpointsProtocol must be https")
        for service, endpoint in endpoints.items():
            if endpoint:
                self._checked(f"{name} ({service.title()}Endpoint)", endpoint)
        return text

    def _by_identity(self, name: str) -> Connection:
        account = self.get(f"{name}__accountName")
        own = {service: self.get(f"{name}__{service}ServiceUri") for service in _SERVICES}
        if account and not _ACCOUNT.fullmatch(account):
            self.refuse(f"{name}__accountName", "is not the name of a storage account")
            return Connection(name)
        if not account and not any(own.values()):
            uris = ", ".join(f"{name}__{service}ServiceUri" for service in _SERVICES)
            self.refuse(name, f"there is no such storage connection: set it to a connection string, or set {uris}")
            return Connection(name)
        found: dict[str, str | None] = {}
        for service, uri in own.items():
            text = uri or (f"https://{account}.{service}.core.windows.net" if account else "")
            if not text:
                self.refuse(f"{name}__{service}ServiceUri", "is missing beside the others")
            found[service] = self._checked(f"{name}__{service}ServiceUri", text) if text else None
        client = self.get(f"{name}__clientId") or None
        return Connection(name, table=found["table"], queue=found["queue"], blob=found["blob"], client_id=client)


def wrong_url(text: str, *, path: bool, query: bool) -> str | None:
    """What is wrong with a URL, without a word of it; None if nothing is."""
    if not text.isascii() or not text.isprintable() or not _NO_URL.isdisjoint(text):
        return "is no URL: it has a character that no URL has"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no URL"
    if parts.scheme not in ("https", "http") or not host:
        return "is no https URL"
    if parts.scheme == "http" and not on_loopback(text):
        return "must be https"
    if "@" in parts.netloc:
        return "must not name a user"
    if "#" in text:
        return "must have no fragment"
    if "?" in text and not query:
        return "must have no query"
    if not path and parts.path not in ("", "/"):
        return "must have no path"
    return None

"""Whom an address belongs to, so that nothing is sent to anyone else; and text from outside as one line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

LONGEST = 120
"""Characters shown of what came."""

_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?(?=[/?#]|\Z)", re.IGNORECASE)
"""No user, no backslash, nothing that two parsers could read in two ways."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom an address belongs to: scheme, host and port."""

    scheme: str
    host: str
    port: int

    @property
    def secure(self) -> bool:
        """Whether it is https."""
        return self.scheme == "https"

    @property
    def loopback(self) -> bool:
        """Whether it is on this machine."""
        try:
            return self.host == "localhost" or ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def text(self) -> str:
        """The address, with the port only where it is not the usual one."""
        usual = self.port == (443 if self.secure else 80)
        return f"{self.scheme}://{self.host}" + ("" if usual else f":{self.port}")


def origin(url: str) -> Origin | None:
    """The origin of an address; None if there is any doubt about it."""
    found = _ORIGIN.match(url)
    if found is None:
        return None
    scheme = found[1].lower()
    return Origin(scheme, found[2].lower(), int(found[3] or (443 if scheme == "https" else 80)))


def endpoint_origin(endpoint: str) -> Origin | None:
    """The origin of an endpoint; None if it is anything but an origin, with a slash behind it or not."""
    return origin(endpoint) if _ORIGIN.fullmatch(endpoint.removesuffix("/")) else None


def printable(text: str, longest: int = LONGEST) -> str:
    """One line of a text that came from outside."""
    text = "".join(ch if ch.isprintable() else " " for ch in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"

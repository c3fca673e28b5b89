"""Who may read: whoever has a function key, or whoever App Service signed in with an app role.

With function keys the host has refused everyone else before a request comes here. With sign-in, App Service
authentication validates the session or token, takes these headers out of what comes from outside, and says who it is
in its own: https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

PRINCIPAL = "x-ms-client-principal"
"""The header in which App Service says who is signed in, as Base64 of JSON."""

_ENTRA = "aad"
_ROLE_CLAIMS = frozenset({"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"})
"""The claim as it stands in a token, and as App Service names it where it maps claims."""
_LONGEST = 64 * 1024
"""Characters of the header. Entra ID keeps a token below that: beyond 200 groups it leaves them out."""


@dataclass(frozen=True, slots=True)
class _Claim:
    typ: str
    val: str


@dataclass(frozen=True, slots=True)
class _Principal:
    """The header's JSON, as far as it matters here."""

    auth_typ: str
    claims: list[_Claim]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered: a problem of `drift.web.problems`, and what is missing. It names nobody."""

    problem: str
    detail: str


@dataclass(frozen=True, slots=True)
class Entry:
    """`role`: the app role that may read, empty with function keys. `authenticated`: App Service says it signs in."""

    role: str = ""
    authenticated: bool = False

    def refusal(self, headers: Mapping[str, str]) -> Refusal | None:
        """None if the request may be answered. `headers` are asked by a name in lower case.

        Without App Service authentication anybody can send its header, so that nothing is answered at all.
        """
        if not self.role:
            return None
        if not self.authenticated:
            return Refusal("sign-in-off", "sign-in is asked for, and App Service authentication is off")
        roles = _roles(headers.get(PRINCIPAL) or "")
        if roles is None:
            return Refusal("not-signed-in", "sign in with Microsoft Entra ID, or send a token of it")
        if self.role not in roles:
            return Refusal("no-role", f"reading needs the app role {self.role}, and this sign-in is without it")
        return None


def read(environment: Mapping[str, str]) -> Entry:
    """What the app settings ask for. Never raises: a role that can't be is asked for too, and nobody has it."""
    return Entry(
        role=environment.get("DRIFT_SIGN_IN_ROLE", "").strip(),
        authenticated=environment.get("WEBSITE_AUTH_ENABLED", "").strip().lower() == "true",
    )


def _roles(header: str) -> frozenset[str] | None:
    """The app roles in a principal of Entra ID; None where it is none, or can't be read."""
    if not header or len(header) > _LONGEST:
        return None
    import msgspec  # on first use: the app asks this module at its import whether people sign in

    try:
        found = msgspec.json.decode(base64.b64decode(header, validate=True), type=_Principal)
    except (ValueError, RecursionError, msgspec.DecodeError):
        return None
    if found.auth_typ != _ENTRA:
        return None
    return frozenset(one.val for one in found.claims if one.typ in _ROLE_CLAIMS)

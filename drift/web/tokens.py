"""Continuations: where a list goes on, as a token that fits the question that it came with and no other."""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Mapping

_SEAL = 8


def sealed(after: str, route: str, asked: Mapping[str, str]) -> str:
    """The token of a place in the answer to a question."""
    return urlsafe_b64encode(_seal(route, asked) + after.encode()).decode().rstrip("=")


def opened(token: str, route: str, asked: Mapping[str, str], pattern: str) -> str | None:
    """The place that a token stands for; None if it is of another question, or no such place."""
    try:
        data = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        after = data[_SEAL:].decode("ascii")
    except (Error, ValueError):
        return None
    return after if data[:_SEAL] == _seal(route, asked) and re.fullmatch(pattern, after) else None


def _seal(route: str, asked: Mapping[str, str]) -> bytes:
    """Stands for a question: not a secret, but a token of another question does not open here."""
    text = "\n".join([route, *(f"{name}={text}" for name, text in sorted(asked.items()))])
    return hashlib.blake2s(text.encode("utf-8", "replace"), digest_size=_SEAL).digest()

"""The page for people: a shell, its style and scripts, and the chart library, all of them the same for everyone.

Nothing of a tenant is in them: the scripts ask the other routes, which refuse who has no key. So the page's address can
be sent, and holds no key. https://developer.mozilla.org/docs/Web/HTTP/CSP has what the policy says.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from drift.web.problems import Response, content, problem

_STATIC = Path(__file__).parent / "static"
_SCRIPT, _STYLE = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
_CHARTS = "plotly.js"
ASSETS = {
    "page.css": _STYLE,
    **dict.fromkeys(("page.js", "api.js", "charts.js", "divided.js", "parts.js", "standing.js", "words.js"), _SCRIPT),
    _CHARTS: _SCRIPT,
}
"""What the page is made of, by name with its type. A name is looked up here, and never leads to another file."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


def shell() -> Response:
    """The page itself."""
    text = (_STATIC / "page.html").read_text(encoding="utf-8").replace("{plotly}", _digest(_CHARTS))
    return content(text.encode(), "text/html; charset=utf-8", POLICY)


def asset(name: str, headers: Mapping[str, str]) -> Response:
    """A part of the page, or a problem. A browser that has it already gets a 304."""
    if name not in ASSETS:
        return problem("unknown-route", "there is no such part of the page")
    tag = f'"{_digest(name)}"'
    age = "public, max-age=31536000, immutable" if name == _CHARTS else "no-cache"
    kept = {"Cache-Control": age, "ETag": tag, "Vary": "Accept-Encoding"}
    if headers.get("if-none-match") == tag:
        return replace(content(b"", ASSETS[name], POLICY, kept), status=304)
    if "gzip" in (headers.get("accept-encoding") or ""):
        return content(_packed(name), ASSETS[name], POLICY, kept | {"Content-Encoding": "gzip"})
    return content(_file(name), ASSETS[name], POLICY, kept)


@cache
def _file(name: str) -> bytes:
    if name != _CHARTS:
        return (_STATIC / name).read_bytes()
    spec = find_spec("plotly")  # found, and not imported: it is Python for other things
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return (Path(spec.submodule_search_locations[0]) / "package_data" / "plotly.min.js").read_bytes()


@cache
def _packed(name: str) -> bytes:
    return gzip.compress(_file(name), 6, mtime=0)


@cache
def _digest(name: str) -> str:
    return sha256(_file(name)).hexdigest()[:16]

"""`respond` behind a real HTTP server on loopback, with the paths that the Functions host gives it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from drift.history import History
from drift.web.api import ROUTES, respond

_OWN = {"/health": "health", "/page": "page", "/page/{asset}": "asset", "/openapi.json": "openapi"}
_ANONYMOUS = ("health", "page", "asset")
_PATHS = _OWN | {one.path: name for name, one in ROUTES.items()}
_PATTERNS = [
    (re.compile("/api" + re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))), name)
    for path, name in _PATHS.items()
]


@contextmanager
def served(history: Callable[[], History], key: str | None = None) -> Iterator[str]:
    """The address of the API while the block runs. With a `key`, most routes ask for it, as the host does."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            query = dict(parse_qsl(asked.query, keep_blank_values=True))
            for pattern, name in _PATTERNS:
                if (found := pattern.fullmatch(asked.path)) is None:
                    continue
                given = query.get("code"), self.headers.get("x-functions-key")
                if key and name not in _ANONYMOUS and key not in given:
                    return self._send(401, b"", {})
                path = {part: unquote(value) for part, value in found.groupdict().items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = respond(history, name, path, query, headers=headers)
                return self._send(answer.status, answer.body, answer.headers | {"Content-Type": answer.content_type})
            return self._send(404, b"", {})

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()

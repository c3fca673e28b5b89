"""A line to Azurite's tables that can be bad: what is asked may be refused, or carried out and its answer lost."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import urlsplit

type Fate = Literal["refused", "refused after", "cut after"] | None
"""`refused`: 503 and nothing happened. `refused after`: it was carried out, and still 503 is the answer, which the SDK
takes for a reason to ask again. `cut after`: it was carried out, and the connection ends without an answer."""


class Asked(NamedTuple):
    method: str
    path: str
    body: bytes

    @property
    def writes(self) -> bool:
        """Whether it changes a table, other than by making it."""
        return self.method != "GET" and not self.path.rstrip("/").endswith("/Tables")

    @property
    def commits(self) -> bool:
        """Whether it is a transaction."""
        return self.path.endswith("$batch")


class Line:
    """A proxy in front of the tables of an account. `fate` decides what becomes of each request; None: nothing bad.

    `fate` runs in the thread of the request: it may also do something itself, such as end the process that asks.
    """

    def __init__(self, connection: str) -> None:
        self._table = re.search("TableEndpoint=([^;]+)", connection)[1]  # type: ignore[index]
        self._connection_string = connection
        self.fate: Callable[[Asked], Fate] = lambda _: None
        self.met: list[tuple[Asked, Fate]] = []
        """The writes that met something bad."""

    @property
    def connection(self) -> str:
        """The connection string that leads through here."""
        parts = urlsplit(self._table)
        here = f"http://127.0.0.1:{self._server.server_address[1]}{parts.path}"
        return self._connection_string.replace(self._table, here)

    def __enter__(self) -> Self:
        line, target = self, urlsplit(self._table).netloc

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):  # whatever the method
                    return self._pass_on
                raise AttributeError(name)

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked = Asked(self.command, self.path, body)
                fate = line.fate(asked)
                if fate is not None:
                    line.met.append((asked, fate))
                if fate == "refused":
                    return self._answer(503, b"", {})
                connection = HTTPConnection(target, timeout=30)
                try:
                    connection.request(self.command, self.path, body or None, dict(self.headers.items()))
                    answer = connection.getresponse()
                    content, headers = answer.read(), dict(answer.getheaders())
                finally:
                    connection.close()
                if fate == "cut after":
                    self.close_connection = True
                    return None
                if fate == "refused after":
                    return self._answer(503, b"", {})
                return self._answer(answer.status, content, headers)

            def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
                self.send_response_only(status)
                for name, value in headers.items():
                    if name.lower() not in ("transfer-encoding", "connection", "content-length", "keep-alive"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Who asked may be dead: nobody is told."""

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

"""Azure Resource Manager on loopback: answers from an evidence folder in memory, and fails where a test says so."""

from __future__ import annotations

import json
import re
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SO_LINGER, SOL_SOCKET
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.build import T0, Folder

LISTS = {
    "microsoft.security/securescores": "secure-scores.json",
    "microsoft.security/securescorecontrols": "secure-score-controls.json",
    "microsoft.security/assessments": "assessments.json",
    "microsoft.security/pricings": "pricings.json",
    "microsoft.security/securityconnectors": "security-connectors.json",
    "microsoft.security/standardassignments": "standard-assignments.json",
    "microsoft.security/governancerules": "governance-rules.json",
    "microsoft.security/autoprovisioningsettings": "auto-provisioning-settings.json",
    "microsoft.security/healthreports": "health-reports.json",
    "microsoft.authorization/policyassignments": "policy-assignments.json",
    "microsoft.authorization/policyexemptions": "policy-exemptions.json",
}

CUT, RESET, HTML, EMPTY = "cut", "reset", "html", "{}"
"""A body that breaks off, a connection that does, the page of a proxy, and an object without anything."""


class Answer:
    """What is answered in place of the world: a status with a code, a fault or a body, `times` times."""

    def __init__(
        self, what: int | str | bytes, code: str = "Oops", times: float = float("inf"), **headers: str
    ) -> None:
        self.what, self.code, self.left = what, code, times
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Azure(ThreadingHTTPServer):
    """`folder` and `date` are the world; `pages` rows a page; `answers` by a pattern of the path come first."""

    daemon_threads = True

    def __init__(self, folder: Folder, date: datetime = T0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.date = dict(folder), date
        self.pages, self.empty_pages = 1000, False
        self.answers: list[tuple[str, Answer]] = []
        self.before: Callable[[str], None] = lambda path: None
        self.seen: list[tuple[str, str, str]] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def on(self, pattern: str, what: int | str | bytes, code: str = "Oops", **more: Any) -> None:
        self.answers.append((pattern, Answer(what, code, **more)))

    def asked(self, pattern: str) -> int:
        return sum(re.search(pattern, path, re.IGNORECASE) is not None for _, path, _ in self.seen)

    def rows(self, path: str) -> list[Any] | dict[str, Any] | None:
        """The list, or the object, at a path in lower case; None if there is none."""
        if path == "/subscriptions":
            return self._file("subscriptions.json")
        if path == "/providers/microsoft.security/assessmentmetadata":
            return self._file("assessment-metadata.json")
        if path.startswith("/providers/microsoft.authorization/policysetdefinitions/"):
            return next((row for row in self._file("policy-set-definitions.json") if row["id"].lower() == path), None)
        if path == "/providers/microsoft.management/getentities":
            return list(map(_entity, self._file("management-groups.json")))
        parts = path.split("/")
        known = {row["subscriptionId"].lower(): row for row in self._file("subscriptions.json")}
        if len(parts) < 3 or parts[1] != "subscriptions" or parts[2] not in known:
            return None
        if len(parts) == 3:
            return known[parts[2]]
        inner = "/".join(parts[3:])
        if inner == "resources":
            return self._file("resources.json", parts[2])
        if one := re.fullmatch(r"providers/microsoft.security/assessments/([^/]+)/governanceassignments", inner):
            rows = self._file("governance-assignments.json", parts[2])
            return [row for row in rows if f"/assessments/{one[1]}/" in row["id"].lower()]
        return self._file(LISTS[inner.removeprefix("providers/")], parts[2])

    def _file(self, name: str, subscription: str = "") -> list[Any]:
        wanted = f"{subscription}/{name}" if subscription else name
        content = next((c for path, c in self.folder.items() if path.lower() == wanted), [])
        return content["value"] if isinstance(content, dict) else content


def _entity(row: dict[str, Any]) -> dict[str, Any]:
    chain = list(reversed(row["ancestors"]))
    own = {"name": row["subscriptionId"], "id": f"/subscriptions/{row['subscriptionId']}", "type": "/subscriptions"}
    return own | {"properties": {"displayName": "x", "parentNameChain": chain}}


class _Handler(BaseHTTPRequestHandler):
    server: Azure
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        path, query = unquote(address.path).lower(), parse_qs(address.query)
        self.server.seen.append((self.command, self.path, self.headers.get("Authorization", "")))
        self.server.before(path)
        for pattern, answer in self.server.answers:
            if answer.left > 0 and re.search(pattern, path, re.IGNORECASE):
                answer.left -= 1
                self._instead(answer)
                return
        self._world(path, query)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def _world(self, path: str, query: dict[str, list[str]]) -> None:
        if "api-version" not in query:
            self._error(400, "MissingApiVersionParameter")
            return
        found = self.server.rows(path)
        if found is None:
            self._error(404, "SubscriptionNotFound" if path.startswith("/subscriptions") else "NotFound")
            return
        if isinstance(found, dict):
            self._send(200, json.dumps(found).encode())
            return
        if path.endswith("/securescorecontrols") and query.get("$expand") != ["definition"]:
            found = [row | {"properties": {**row["properties"], "definition": None}} for row in found]
        if path.endswith("/resources"):
            asked = query.get("$expand", [""])[0].split(",")
            missing = {"createdTime", "changedTime", "provisioningState"}.difference(asked)
            found = [{k: v for k, v in row.items() if k not in missing} for row in found]
        at = int(query.get("$skiptoken", ["0"])[0])
        size = self.server.pages
        page: dict[str, Any] = {"value": found[at // 2 * size : (at // 2 + 1) * size]}
        step = 2
        if self.server.empty_pages:  # each page with rows comes after one without
            step = 1
            if at % 2 == 0:
                page["value"] = []
        more = (at + step) // 2 * size < len(found) or (step == 1 and at % 2 == 0)
        if more and not path.endswith("/pricings"):
            kept = "&".join(f"{name}={value[0]}" for name, value in query.items() if name != "$skiptoken")
            page["nextLink"] = f"{self.server.endpoint}{urlsplit(self.path).path}?{kept}&$skiptoken={at + step}"
        if path.endswith("/pricings"):
            page["value"] = found
        self._send(200, json.dumps(page).encode())

    def _instead(self, answer: Answer) -> None:
        match answer.what:
            case int(status):
                self._error(status, answer.code, **answer.headers)
            case "cut":
                self._send(200, b'{"value": [', length=1000)
                self.close_connection = True
            case "reset":
                self.connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
            case "html":
                self._send(200, b"<html><h1>Please log in</h1></html>", kind="text/html")
            case str(text):
                self._send(200, text.encode(), **answer.headers)
            case bytes(body):
                self._send(200, body, **answer.headers)

    def _error(self, status: int, code: str, **headers: str) -> None:
        body = json.dumps({"error": {"code": code, "message": f"{code} it is"}}).encode()
        self._send(status, body, **headers)

    def _send(
        self, status: int, body: bytes, kind: str = "application/json", length: int | None = None, **headers: str
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(self.server.date, usegmt=True)

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            return


@contextmanager
def azure(folder: Folder, date: datetime = T0) -> Iterator[Azure]:
    """Serves until the block ends."""
    server = Azure(folder, date)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

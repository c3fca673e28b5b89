"""A card is accepted, or an error says what to check; the address stays secret. Over real HTTP on loopback."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from drift import card
from drift.adapters.teams import BusyError, Teams
from drift.errors import Refused, ServiceError, SettingsError

SECRET = "s3cr3t-signature"
PATH = f"/powerautomate/workflows/abc/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers&sv=1.0&sig={SECRET}"


@dataclass
class Webhook:
    """Answers as it is told, and keeps what it was asked."""

    status: int = 202
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    short: bool = False
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    told = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            told.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(data)))
            time.sleep(told.wait)
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(told.body) + (10 if told.short else 0)))
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    told.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


def post(webhook: Webhook, **options: Any) -> None:
    Teams(webhook.url, **options).post(card.envelope(card.test_card("m1")), "m1")


def failure(webhook: Webhook, **options: Any) -> ServiceError:
    """The error of a post, which tells nothing of the address to whoever prints all of it."""
    with pytest.raises(ServiceError) as caught:
        post(webhook, **options)
    printed = "".join(traceback.format_exception(caught.value))
    assert SECRET not in printed + repr(caught.value)
    assert "sig=" not in printed + repr(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


# Accepted


def test_a_card_is_posted_whole_to_the_address_with_its_query_and_the_id_of_the_message(webhook):
    post(webhook)
    ((path, headers, body),) = webhook.asked
    assert path == PATH
    assert headers["x-ms-client-request-id"] == "m1"
    assert headers["content-type"] == "application/json"
    assert body == card.envelope(card.test_card("m1"))


@pytest.mark.parametrize(
    ("status", "body"), [(202, b""), (200, b""), (200, b"1"), (204, b""), (200, b'{"id": "x"}'), (200, b"Accepted")]
)
def test_a_good_status_without_the_text_of_an_error_is_accepted(status, body, webhook):
    webhook.status, webhook.body = status, body
    post(webhook)
    assert len(webhook.asked) == 1


# Not accepted


@pytest.mark.parametrize(
    "body",
    [
        b"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429",
        b"Bad payload received by generic incoming webhook.",
        b"Summary or Text is required.",
        b'{"error": {"code": "TriggerInputSchemaMismatch"}}',
        b"<!doctype html><title>Sign in</title>",
    ],
)
def test_a_good_status_with_the_text_of_an_error_is_not_accepted(body, webhook):
    webhook.status, webhook.body = 200, body
    assert "the webhook answered 200, but with" in str(failure(webhook))


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "When a Teams webhook request is received"),
        (401, "who can trigger it must be “Anyone”"),
        (403, "the address be complete with its sig"),
        (404, "the flow was deleted or its URL changed"),
        (410, "the flow is gone"),
        (413, "too large"),
    ],
)
def test_a_refusal_says_what_to_check(status, said, webhook):
    webhook.status = status
    error = failure(webhook)
    assert said in str(error)
    assert isinstance(error, Refused) == (status in (401, 403))


def test_the_code_of_an_error_is_told_and_nothing_else_of_the_answer(webhook):
    webhook.status = 400
    webhook.body = json.dumps({"error": {"code": "WorkflowNotEnabled", "message": f"at {webhook.url}"}}).encode()
    assert "answered 400 WorkflowNotEnabled: " in str(failure(webhook))


@pytest.mark.parametrize(
    "body", [b"[1]", b'{"error": "x"}', b'{"error": {"code": 7}}', b'{"error": {"code": "a b?sig="}}']
)
def test_an_answer_of_another_shape_is_an_error_all_the_same(body, webhook):
    webhook.status, webhook.body = 500, body
    assert str(failure(webhook)) == "Teams: the webhook answered 500"


def test_a_redirect_is_not_followed(webhook):
    webhook.status, webhook.headers = 307, {"Location": webhook.url}
    assert "redirects are not followed" in str(failure(webhook))
    assert len(webhook.asked) == 1


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"Retry-After": "17"}, 17.0),
        (503, {"Retry-After": "2"}, 2.0),
        (429, {}, None),
        (429, {"Retry-After": "soon"}, None),
        (429, {"Retry-After": "-5"}, None),
    ],
)
def test_a_busy_service_says_when_to_come_back_and_is_not_asked_again(status, headers, seconds, webhook):
    webhook.status, webhook.headers = status, headers
    error = failure(webhook)
    assert isinstance(error, BusyError)
    assert error.retry_after == seconds
    assert len(webhook.asked) == 1


def test_a_date_to_come_back_at_is_taken_by_the_clock_of_the_service(webhook):
    webhook.status = 429
    webhook.headers = {"Retry-After": "Fri, 31 Dec 2999 23:59:59 GMT"}
    error = failure(webhook)
    assert isinstance(error, BusyError)
    assert error.retry_after is not None
    assert error.retry_after > 1e9


# No answer


def test_nobody_there_is_an_error():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = Webhook(port=free.getsockname()[1])
    assert str(failure(gone)) == "Teams: the webhook did not answer (ConnectionRefusedError)"


def test_silence_is_an_error_after_the_time_to_read(webhook):
    webhook.wait = 0.5
    started = time.monotonic()
    assert "did not answer (TimeoutError)" in str(failure(webhook, read=0.1))
    assert time.monotonic() - started < 0.45


def test_an_answer_that_is_cut_short_is_no_acceptance(webhook):
    webhook.status, webhook.body, webhook.short = 200, b"1", True
    assert "did not answer (IncompleteRead)" in str(failure(webhook, read=2))


def test_an_answer_that_is_not_http_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert "did not answer (" in str(failure(Webhook(port=server.getsockname()[1])))
        thread.join()


# The address


@pytest.mark.parametrize(
    "url",
    [
        f"http://prod.logic.azure.com{PATH}",
        f"http://10.0.0.1{PATH}",
        f"ftp://127.0.0.1{PATH}",
        f"https://user:pass@prod.logic.azure.com{PATH}",
        f"https://prod.logic.azure.com:99999{PATH}",
        f"https://prod.logic.azure.com{PATH}\r\nX: y",
        f"https://prod.logic.azure.com{PATH} x",
        f"https://prod.logic.azure.com/é{PATH}",
        f"https://[::1{PATH}",
        f"https://{PATH}",
        PATH,
        "",
    ],
)
def test_an_address_that_is_not_https_is_refused_without_being_told(url):
    with pytest.raises(SettingsError) as caught:
        Teams(url)
    printed = "".join(traceback.format_exception(caught.value))
    assert "TEAMS_WEBHOOK_URL: must be an https address" in printed
    assert SECRET not in printed


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:1", "[::1]:1", "127.8.8.8"])
def test_loopback_needs_no_https(host):
    assert SECRET not in repr(Teams(f"http://{host}{PATH}"))


def test_an_address_of_a_workflow_is_taken():
    host = "default1.environment.api.powerplatform.com:443"
    assert SECRET not in repr(Teams(f"https://{host}{PATH}"))


def test_nothing_of_the_address_is_logged(webhook, caplog):
    with caplog.at_level(logging.DEBUG):
        post(webhook)
        webhook.status = 404
        failure(webhook)
    assert "sig" not in caplog.text

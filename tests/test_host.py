"""The local Functions host, over real HTTP and a real Azurite, with the app of tests/sample_app."""

from __future__ import annotations

import base64
import http.client
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient

from demo.azurite import Azurite
from demo.host import FunctionError, Host, HostError, IndexingError
from tests.services import host_process

APP = Path(__file__).parent / "sample_app"
KEYS = {"_master": "open-all", "default": "open-functions", "eventgrid_extension": "open-events"}
VALIDATION = {
    "id": "1",
    "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
    "data": {"validationCode": "42"},
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class App:
    """The sample app while it is served, and its queues."""

    url: str
    storage: QueueServiceClient
    host: Host | None = None

    def ask(self, path: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=20)
        content = body.encode() if isinstance(body, str) else body if body is None else json.dumps(body)
        connection.request(method, path, content, dict(headers or {}))
        answer = connection.getresponse()
        found = Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        connection.close()
        return found

    def seen(self, function: str) -> list[dict[str, Any]]:
        return [run for run in self.ask("/api/seen").json["seen"] if run["function"] == function]

    def most(self, function: str) -> int:
        return self.ask("/api/seen").json["most"].get(function, 0)

    def queue(self, name: str) -> QueueClient:
        client = self.storage.get_queue_client(name)
        if name not in {queue.name for queue in self.storage.list_queues()}:
            client.create_queue()
        return client

    def send(self, body: str, **options: Any) -> None:
        self.queue("work").send_message(base64.b64encode(body.encode()).decode(), **options)

    def messages(self, name: str) -> list[str]:
        return [base64.b64decode(message.content).decode() for message in self.peek(name)]

    def peek(self, name: str) -> list[QueueMessage]:
        return self.queue(name).peek_messages(max_messages=32)

    def idle(self) -> None:
        assert self.host is not None
        self.host.idle(10)


def settings(storage: str, **more: str) -> dict[str, str]:
    return {"SAMPLE_STORAGE": storage, "SAMPLE_QUEUE": "work", "SAMPLE_SCHEDULE": "0 0 0 29 FEB *", **more}


def served(storage: str, folder: Path = APP, **options: Any) -> Host:
    return Host(folder, settings=settings(storage, **options.pop("more", {})), **options)


@pytest.fixture
def app(storage: str) -> Iterator[App]:
    """A host of the test's own, with empty queues."""
    with served(storage) as host:
        yield App(host.url, QueueServiceClient.from_connection_string(storage), host)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sample app in a folder that may be changed."""
    return Path(shutil.copytree(APP, tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__")))


# HTTP


def test_a_function_gets_the_request_and_its_answer_is_sent(app: App) -> None:
    answer = app.ask("/api/echo/a%20b/c%2Fd?x=1&y=&x=2", "POST", "bödy", {"X-Test": "t", "Content-Type": "text/plain"})
    assert answer.status == 201
    assert answer.headers["x-answer"] == "yes"
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "method": "POST",
        "url": f"{app.url}/api/echo/a%20b/c%2Fd?x=1&y=&x=2",
        "route": {"name": "a b", "more": "c%2Fd"},
        "query": {"x": "1,2", "y": ""},
        "x-test": "t",
        "body": "bödy",
    }


def test_an_optional_parameter_may_be_missing(app: App) -> None:
    assert app.ask("/api/echo/alone").json["route"] == {"name": "alone"}


def test_a_literal_route_goes_before_a_parameter(app: App) -> None:
    answer = app.ask("/API/Echo/Fixed")
    assert (answer.status, answer.body.decode()) == (200, "fixed, ünchanged")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert app.ask("/api/echo/fixed", "POST").json["method"] == "POST"  # the literal route has no POST


def test_bytes_are_answered_as_they_are(app: App) -> None:
    assert app.ask("/api/files/7/a/b.txt").body == b'{"number": "7", "path": "a/b.txt"}\x00\xff'


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/api/echo", "/echo/x", "/api/files/seven/a", "/", "/admin/host/keys"]
)
def test_an_unknown_path_is_404(app: App, path: str) -> None:
    assert app.ask(path).status == 404


def test_another_method_is_405_and_names_the_right_ones(app: App) -> None:
    answer = app.ask("/api/echo/x", "PUT")
    assert (answer.status, answer.headers["allow"]) == (405, "GET,POST")


def test_a_function_that_raises_is_500_and_tells_the_caller_nothing(app: App) -> None:
    answer = app.ask("/api/fails")
    assert answer.status == 500
    assert b"secret" not in answer.body


def test_a_slow_synchronous_function_blocks_nobody(app: App) -> None:
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(app.ask, "/api/slow?seconds=0.4") for _ in range(2)]
        time.sleep(0.1)
        began = time.monotonic()
        assert app.ask("/api/echo/fixed").status == 200
        assert time.monotonic() - began < 0.25
        assert [answer.result().body for answer in slow] == [b"slept", b"slept"]
    assert app.most("slow") == 2


def test_without_keys_nothing_is_locked(app: App) -> None:
    assert app.ask("/api/fixed", "DELETE").status == 204


def test_keys_open_what_their_level_allows(storage: str) -> None:
    with served(storage, keys=KEYS) as host:
        app = App(host.url, QueueServiceClient.from_connection_string(storage), host)

        def status(path: str, method: str, key: str | None) -> int:
            return app.ask(path, method, headers={"x-functions-key": key} if key else {}).status

        assert [status("/api/seen", "GET", key) for key in (None, "wrong")] == [200, 200]
        assert [status("/api/echo/x", "GET", key) for key in (None, "wrong")] == [401, 401]
        assert [status("/api/echo/x", "GET", key) for key in ("open-functions", "open-all")] == [201, 201]
        assert app.ask("/api/echo/x?code=open-functions").status == 201
        assert [status("/api/fixed", "DELETE", key) for key in (None, "open-functions")] == [401, 401]
        assert status("/api/fixed", "DELETE", "open-all") == 204
        timer = "/admin/functions/at_start"
        assert [status(timer, "POST", key) for key in (None, "open-functions", "open-all")] == [401, 401, 202]
        events = "/runtime/webhooks/eventgrid?functionName=on_event"
        assert app.ask(events, "POST", [], {}).status == 401
        assert app.ask(f"{events}&code=open-events", "POST", [], {}).status == 202


# Queues


def test_a_message_runs_its_function_once_and_its_output_is_sent(app: App) -> None:
    app.send("hällo")
    app.idle()
    assert [(run["body"], run["tries"]) for run in app.seen("work")] == [("hällo", 1)]
    assert app.messages("results") == ["done hällo"]
    assert app.messages("work") == []


def test_a_failed_message_is_tried_again(app: App) -> None:
    app.send("fail 2")
    app.idle()
    assert [run["tries"] for run in app.seen("work")] == [1, 2, 3]
    assert len({run["id"] for run in app.seen("work")}) == 1
    assert app.messages("results") == ["done fail 2"]
    assert app.messages("work-poison") == []


def test_after_its_tries_a_message_is_on_the_poison_queue_as_it_was(app: App) -> None:
    app.send("fail")
    app.idle()
    assert [run["tries"] for run in app.seen("work")] == [1, 2, 3]
    assert [message.content for message in app.peek("work-poison")] == [base64.b64encode(b"fail").decode()]
    assert app.messages("work") == []


def test_a_message_that_is_not_base64_becomes_poison_unread(app: App) -> None:
    app.queue("work").send_message("{not base64}")
    app.idle()
    assert [message.content for message in app.peek("work-poison")] == ["{not base64}"]
    assert app.seen("work") == []


def test_no_more_than_batch_and_threshold_are_handled_at_once(storage: str) -> None:
    wide = {"batchSize": "2", "newBatchThreshold": "1"}
    more = {f"AzureFunctionsJobHost__extensions__queues__{name}": value for name, value in wide.items()}
    queues = QueueServiceClient.from_connection_string(storage)
    for seconds in ("0.05", "0.4", "0.2", "0.2", "0"):  # the second still runs when the first ends: two more are taken
        App("", queues).send(f"sleep {seconds}")
    with served(storage, more=more) as host:
        app = App(host.url, queues, host)
        app.idle()
        assert (app.most("work"), len(app.seen("work"))) == (3, 5)


def test_a_retry_waits_for_the_visibility_timeout_and_idle_does_not(storage: str) -> None:
    with served(storage, more={"AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01"}) as host:
        app = App(host.url, QueueServiceClient.from_connection_string(storage), host)
        app.send("fail 1")
        began = time.monotonic()
        app.idle()
        assert time.monotonic() - began < 0.9
        assert [run["tries"] for run in app.seen("work")] == [1]
        _until(lambda: len(app.seen("work")) == 2)
        assert time.monotonic() - began > 0.9


def test_a_message_stays_with_a_run_that_is_longer_than_its_lease(storage: str) -> None:
    with served(storage, lease=timedelta(seconds=1)) as host:
        app = App(host.url, QueueServiceClient.from_connection_string(storage), host)
        app.send("sleep 2.2")
        app.idle()
        assert [run["tries"] for run in app.seen("work")] == [1]
        assert app.messages("work") == []


def test_a_delayed_message_comes_when_its_time_has_come(app: App) -> None:
    app.send("later", visibility_timeout=1)
    app.idle()
    assert app.seen("work") == []
    _until(lambda: len(app.seen("work")) == 1)


def test_idle_says_what_is_not(app: App) -> None:
    assert app.host is not None
    app.send("sleep 0.5")
    with pytest.raises(TimeoutError, match=r"after 0\.2 s: work"):
        app.host.idle(0.2)


def test_storage_that_is_away_for_a_while_is_not_the_end(caplog: pytest.LogCaptureFixture) -> None:
    with Azurite() as azurite:
        storage = azurite.connection_string()
        ports = tuple(int(part.split(":")[2].split("/")[0]) for part in storage.split(";") if "Endpoint=" in part)
    with served(storage) as host:
        _until(lambda: "queue work can't be read" in caplog.text)
        with Azurite(ports=(ports[0], ports[1], ports[2])):
            app = App(host.url, QueueServiceClient.from_connection_string(storage), host)
            app.send("there again")
            app.idle()
            assert app.messages("results") == ["done there again"]


# Timers


def test_a_timer_runs_by_its_schedule_and_never_over_itself(storage: str) -> None:
    with served(storage, more={"SAMPLE_SCHEDULE": "* * * * * *"}) as host:
        app = App(host.url, QueueServiceClient.from_connection_string(storage), host)
        for _ in range(2):
            threading.Thread(target=host.run_timer, args=["tick"]).start()
            assert app.ask("/admin/functions/tick", "POST", {"input": None}).status == 202
        _until(lambda: len(app.seen("tick")) >= 5)
        host.idle()
        assert app.most("tick") == 1
        assert app.seen("tick")[0]["past_due"] is False


def test_run_on_startup_runs_at_the_start(app: App) -> None:
    app.idle()
    assert len(app.seen("at_start")) == 1


def test_a_timer_started_by_hand_is_waited_for_and_tells_its_failure(app: App) -> None:
    assert app.host is not None
    before = len(app.seen("at_start"))
    app.host.run_timer("at_start")
    assert len(app.seen("at_start")) == before + 1
    with pytest.raises(FunctionError, match=r"broken_timer: ValueError: out of order\n.*Traceback"):
        app.host.run_timer("broken_timer")
    with pytest.raises(KeyError):
        app.host.run_timer("no_timer")


# Starting by hand


def test_the_admin_endpoint_starts_what_is_not_http(app: App) -> None:
    event = {
        "id": "7",
        "eventType": "Happened",
        "subject": "/it",
        "eventTime": "2026-03-02T10:00:00Z",
        "data": {"a": 1},
    }
    inputs = {"at_start": "", "work": "by hand", "on_event": json.dumps(event), "ON_EVENT": event}
    for name, given in inputs.items():
        assert app.ask(f"/admin/functions/{name}", "POST", {"input": given}).status == 202
    app.idle()
    assert [run["body"] for run in app.seen("work")] == ["by hand"]
    assert [run["data"] for run in app.seen("on_event")] == [{"a": 1}, {"a": 1}]
    assert len(app.seen("at_start")) == 2


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("no_such", {}, 404),
        ("echo", {}, 400),
        ("work", "{", 400),
        ("on_event", {"input": "text"}, 400),
        ("work", [], 400),
    ],
)
def test_the_admin_endpoint_refuses_what_it_cannot_start(app: App, name: str, body: Any, status: int) -> None:
    assert app.ask(f"/admin/functions/{name}", "POST", body).status == status


# Event Grid


def hook(function: str) -> str:
    return f"/runtime/webhooks/eventgrid?functionName={function}"


def test_events_of_the_event_grid_schema_come_one_by_one(app: App) -> None:
    events = [
        {
            "id": n,
            "eventType": "Happened",
            "subject": "/it",
            "topic": "t",
            "eventTime": "2026-03-02T10:00:00Z",
            "data": {},
        }
        for n in "12"
    ]
    assert app.ask(hook("on_event"), "POST", events, {"aeg-event-type": "Notification"}).status == 202
    assert sorted(run["id"] for run in app.seen("on_event")) == ["1", "2"]
    assert app.seen("on_event")[0]["subject"] == "/it"


def test_one_event_that_fails_fails_the_delivery(app: App) -> None:
    events = [{"id": n, "eventType": n, "data": {}, "eventTime": "2026-03-02T10:00:00Z"} for n in ("Fine", "Fail")]
    assert app.ask(hook("on_event"), "POST", events).status == 500


def test_cloud_events_come_alone_or_in_batches(app: App) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "Happened", "data": {"a": 1}}
    one = app.ask(
        "/Runtime/WebHooks/EventGrid?functionname=ON_CLOUD_EVENT",
        "POST",
        event,
        {"Content-Type": "application/cloudevents+json"},
    )
    batch = app.ask(
        hook("on_cloud_event"), "POST", [event, event], {"Content-Type": "application/cloudevents-batch+json"}
    )
    assert (one.status, batch.status) == (202, 202)
    assert [(run["source"], run["data"]) for run in app.seen("on_cloud_event")] == [("/s", {"a": 1})] * 3


def test_both_handshakes_are_answered(app: App) -> None:
    answer = app.ask(hook("on_event"), "POST", [VALIDATION], {"aeg-event-type": "SubscriptionValidation"})
    assert (answer.status, answer.json) == (200, {"validationResponse": "42"})
    options = app.ask(hook("on_event"), "OPTIONS", headers={"WebHook-Request-Origin": "eventgrid.azure.net"})
    assert (options.status, options.headers["webhook-allowed-origin"]) == (200, "eventgrid.azure.net")


@pytest.mark.parametrize(
    ("function", "body", "status"),
    [("no_such", [], 404), ("work", [], 404), ("on_event", "[", 400), ("on_event", [1], 400)],
)
def test_a_delivery_that_is_none_is_refused(app: App, function: str, body: Any, status: int) -> None:
    assert app.ask(hook(function), "POST", body).status == status


# The app and its settings


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "import no_such_module",
            "No module named 'no_such_module'. Cannot find module. Please check the requirements",
        ),
        ("@app.route('x')\ndef twice(request: str): ...", "cannot load the twice function: the following parameters"),
        ("app2 = func.FunctionApp()", "More than one FunctionApp"),
        ("@app.route('x')\ndef echo(req: func.HttpRequest): ...", "does not have a unique function name"),
    ],
)
def test_an_app_that_cannot_be_indexed_fails_with_the_words_of_azure(
    copy: Path, storage: str, line: str, message: str
) -> None:
    source = copy / "function_app.py"
    source.write_text(f"{source.read_text()}\n\n{line}\n")
    with pytest.raises(IndexingError, match=message), served(storage, copy):
        pass


def test_a_folder_without_functions_is_an_error(copy: Path, storage: str) -> None:
    (copy / "function_app.py").unlink()
    with pytest.raises(IndexingError, match=r"has no function_app\.py"), served(storage, copy):
        pass


def test_every_wrong_binding_is_named_at_once(copy: Path, storage: str) -> None:
    source = copy / "function_app.py"
    more = '@app.blob_trigger("blob", "path/{name}", "X")\ndef on_blob(blob: func.InputStream) -> None: ...'
    source.write_text(f"{source.read_text()}\n\n{more}\n")
    given = {"SAMPLE_STORAGE": storage, "SAMPLE_SCHEDULE": "every day"}
    with pytest.raises(HostError) as error, Host(copy, settings=given):
        pass
    assert "work: setting SAMPLE_QUEUE is missing" in str(error.value)
    assert "tick: schedule 'every day' has 2 fields" in str(error.value)
    assert "on_blob: a local host does not serve binding blob of type blobTrigger" in str(error.value)


def test_a_connection_that_is_not_there_is_named() -> None:
    given = {"SAMPLE_QUEUE": "work", "SAMPLE_SCHEDULE": "0 0 * * * *"}
    with pytest.raises(HostError, match="work: connection SAMPLE_STORAGE is missing"), Host(APP, settings=given):
        pass


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "host.json"),
        ('{"version": "3"}', '"version" must be "2.0"'),
        ('{"version": "2.0", "extensions": {"queues": {"batchSize": 33}}}', "batchSize 33 is not from 1 to 32"),
        ('{"version": "2.0", "extensions": {"queues": {"visibilityTimeout": "30"}}}', "visibilityTimeout '30'"),
        ('{"version": "2.0", "extensions": {"queues": {"bachSize": 1}}}', "no option bachsize"),
        ('{"version": "2.0", "extensions": {"queues": {"messageEncoding": "utf8"}}}', "messageEncoding 'utf8'"),
    ],
)
def test_a_wrong_host_json_is_named(copy: Path, storage: str, content: str, message: str) -> None:
    (copy / "host.json").write_text(content)
    with pytest.raises(HostError, match=message), served(storage, copy):
        pass


def test_messages_are_plain_and_routes_bare_where_host_json_says_so(copy: Path, storage: str) -> None:
    options = {"queues": {"messageEncoding": "none"}, "http": {"routePrefix": ""}}
    (copy / "host.json").write_text(json.dumps({"version": "2.0", "extensions": options}))
    service = QueueServiceClient.from_connection_string(storage)
    with served(storage, copy) as host:
        app = App(host.url, service, host)
        app.queue("work").send_message("plain")
        app.idle()
        assert [message.content for message in app.peek("results")] == ["done plain"]
        assert app.ask("/echo/fixed").status == 200


def test_the_environment_goes_over_local_settings_and_given_settings_over_both(
    copy: Path, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"FROM_FILE": "file", "FROM_BOTH": "file", "FROM_ALL": "file"}
    (copy / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": values}))
    monkeypatch.setenv("FROM_BOTH", "environment")
    monkeypatch.setenv("FROM_ALL", "environment")
    with served(storage, copy, more={"FROM_ALL": "given"}):
        assert [os.environ[name] for name in values] == ["file", "environment", "given"]
    assert "FROM_FILE" not in os.environ
    assert os.environ["FROM_ALL"] == "environment"


def test_a_function_can_be_disabled_as_in_azure(storage: str) -> None:
    with served(storage, more={"AzureWebJobs.work.Disabled": "true", "AzureWebJobs.echo.Disabled": "1"}) as host:
        app = App(host.url, QueueServiceClient.from_connection_string(storage), host)
        app.send("waits")
        app.idle()
        assert app.messages("work") == ["waits"]
        assert app.ask("/api/echo/x").status == 404


def test_each_run_is_one_line(app: App, caplog: pytest.LogCaptureFixture) -> None:
    app.idle()
    caplog.set_level(logging.INFO, "demo.host")
    app.ask("/api/echo/x")
    app.ask("/api/fails")
    lines = [record.getMessage() for record in caplog.records if record.name == "demo.host"]
    assert len(lines) == 2
    assert lines[0].startswith("echo ok, 0.")
    assert lines[1].startswith("fails failed, 0.")
    assert lines[1].endswith("ValueError: the secret of the function")


def test_the_app_of_this_repository_has_a_host_json_that_is_understood() -> None:
    from demo.host.settings import host_file

    found = host_file(Path(__file__).parent.parent, {})
    assert found.route_prefix == "api"
    assert (found.queues.batch, found.queues.threshold, found.queues.tries) == (1, 0, 5)  # memory is bounded by this


def test_a_second_host_in_a_process_is_refused(app: App, storage: str) -> None:
    with pytest.raises(RuntimeError, match="one host a process"), served(storage):
        pass
    assert app.ask("/api/echo/x").status == 201


# A process of its own


def test_what_a_killed_host_had_in_hand_is_done_by_the_next(storage: str) -> None:
    queues = QueueServiceClient.from_connection_string(storage)
    with host_process(APP, settings(storage), lease=1) as first:
        app = App(first.url, queues)
        app.send("sleep 20")
        _until(lambda: len(app.seen("work")) == 1)
        first.kill()
    with host_process(APP, settings(storage), lease=1) as second:
        app = App(second.url, queues)
        _until(lambda: [run["tries"] for run in app.seen("work")] == [2])


def test_a_host_that_is_told_to_stop_ends_what_it_does_first(storage: str) -> None:
    queues = QueueServiceClient.from_connection_string(storage)
    with host_process(APP, settings(storage)) as running:
        app = App(running.url, queues)
        app.send("sleep 0.5")
        _until(lambda: len(app.seen("work")) == 1)
        assert running.stop() == 0
    assert app.messages("results") == ["done sleep 0.5"]


def _until(holds: Callable[[], bool], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come to be"
        time.sleep(0.02)

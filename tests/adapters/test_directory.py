"""People and applications get their names from Graph, over real HTTP, once; without Graph they go without."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from demo.azure import Azure
from drift.actors import Actor
from drift.adapters.directory import Directory
from drift.adapters.storage import Storage
from drift.errors import ServiceError
from drift.model import DAY, HOUR
from drift.settings import Connection

ROOT = Path(__file__).parent.parent.parent
USER, APP, OWN, GROUP, NOBODY = (str(UUID(int=number)) for number in range(1, 6))
APP_ID = str(UUID(int=0xABCDEF))
PRIYA = Actor("user", "Priya Raman", USER, "priya@contoso.example")
PIPELINE = Actor("application", "deployments", APP)
BY_IDS, BY_APP = r"/getByIds$", r"/servicePrincipals\?"


def user(id_: str, name: str | None = "Priya Raman", address: str | None = "priya@contoso.example"):
    return {"@odata.type": "#microsoft.graph.user", "id": id_, "displayName": name, "userPrincipalName": address}


def principal(id_: str, name: str = "deployments", kind: str = "Application", application: str = APP_ID):
    own = {"id": id_, "appId": application, "displayName": name, "servicePrincipalType": kind}
    return {"@odata.type": "#microsoft.graph.servicePrincipal", **own}


@pytest.fixture
def azure() -> Iterator[Azure]:
    with Azure() as running:
        running.directory = {
            USER: user(USER),
            APP: principal(APP),
            OWN: principal(OWN, "vm-backup", "ManagedIdentity", str(UUID(int=99))),
            GROUP: {"@odata.type": "#microsoft.graph.group", "id": GROUP, "displayName": "Admins"},
        }
        yield running


class World:
    """Graph, storage and a clock that stands still."""

    def __init__(self, azure: Azure, storage: str) -> None:
        self.azure, self.storage = azure, Storage(Connection("test", storage))
        self.now = 10**17

    def directory(self, credential=None, patience: float = 20.0, endpoint: str = "") -> Directory:
        return Directory(endpoint or self.azure.endpoint, credential, self.storage, lambda: self.now, patience)

    @property
    def requests(self) -> int:
        return len(self.azure.requests)

    def rows(self) -> set[str]:
        found = self.storage.query("driftindex", "PartitionKey eq @p", {"p": "person"}, 1000)
        return {row["RowKey"] for row in found}


@pytest.fixture
def world(azure, storage) -> World:
    return World(azure, storage)


def warnings(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@contextmanager
def graph_that_answers(status: int, headers: dict[str, str], body: bytes = b"") -> Iterator[tuple[str, list[str]]]:
    """Answers every request so; gives where it is, and the paths that it was asked."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}", seen
        http.shutdown()


class Token:
    """A credential with one token, or an error; remembers for what it was asked."""

    def __init__(self, token: str = "right", error: Exception | None = None) -> None:
        self.token, self.error, self.scopes = token, error, []

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        self.scopes += scopes
        if self.error is not None:
            raise self.error
        return AccessToken(self.token, 2**40)


# Names


def test_people_applications_and_managed_identities_are_named_by_object_id(world):
    assert world.directory().names([USER, APP, OWN]) == {
        USER: PRIYA,
        APP: PIPELINE,
        OWN: Actor("managedIdentity", "vm-backup", OWN),
    }
    assert world.requests == 1


def test_an_application_is_named_by_its_application_id_too(world):
    assert world.directory().names([APP_ID, USER]) == {APP_ID: PIPELINE, USER: PRIYA}


def test_an_id_is_the_same_in_any_case(world):
    big = str(UUID(int=0xFEDCBA))
    world.azure.directory = {big: user(big)}
    assert world.directory().names([big.upper(), big]) == {big: Actor("user", PRIYA.name, big, PRIYA.address)}
    assert world.directory().names([APP_ID.upper()]) == {}


def test_groups_and_strangers_are_left_out(world):
    assert world.directory().names([GROUP, NOBODY, USER]) == {USER: PRIYA}


@pytest.mark.parametrize("text", ["priya@contoso.example", "", "deployments", f"{USER}'", f"{{{USER}}}", f"{USER}\n"])
def test_what_is_no_guid_is_not_asked_for(world, text):
    assert world.directory().names([text]) == {}
    assert (world.requests, world.rows()) == (0, set())


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a\r\nb\tc", "a b c"),
        ("\x1b[31mred\x07", "[31mred"),
        ("admin\u202egnp.exe", "admin gnp.exe"),
        ("z\u200bero", "z ero"),
        ("x" * 5000, "x" * 119 + "…"),
        ("[mail](https://evil.example)", "[mail](https://evil.example)"),
    ],
)
def test_a_name_becomes_one_printable_line(world, hostile, shown):
    world.azure.directory = {USER: user(USER, hostile, hostile)}
    for directory in (world.directory(), world.directory()):  # from Graph, and from what is remembered
        assert directory.names([USER]) == {USER: Actor("user", shown, USER, shown)}


@pytest.mark.parametrize("name", [None, "", " ", "\u202e\n"])
def test_who_has_no_name_that_we_may_read_is_a_stranger(world, name):
    world.azure.directory = {USER: user(USER, name, None)}
    directory = world.directory()
    assert directory.names([USER]) == directory.names([USER]) == {}
    assert [request.path for request in world.azure.requests] == ["/v1.0/directoryObjects/getByIds"]


def test_over_a_thousand_ids_take_several_requests(world):
    many = [str(UUID(int=number)) for number in range(10_000, 11_001)]
    world.azure.directory = {one: user(one, f"Person {one}") for one in many}
    found = world.directory().names(many)
    assert {one: actor.name for one, actor in found.items()} == {one: f"Person {one}" for one in many}
    assert world.requests == 2
    assert world.directory().names(many) == found
    assert world.requests == 2


def test_of_many_strangers_some_are_tried_as_applications_later(world):
    many = [str(UUID(int=number)) for number in range(10_000, 10_160)]
    directory = world.directory()
    directory.names(many)
    assert (world.requests, len(world.rows())) == (11, 150)
    directory.names(many)
    assert (world.requests, len(world.rows())) == (13, 160)
    directory.names(many)
    assert world.requests == 13


# What is remembered


def test_a_name_is_asked_for_once(world):
    directory = world.directory()
    first = directory.names([USER, NOBODY])
    asked = world.requests
    assert directory.names([USER]) == directory.names([USER, NOBODY]) == first
    assert world.directory().names([USER, NOBODY]) == first
    assert world.requests == asked


def test_only_what_is_not_known_is_asked_for(world):
    directory = world.directory()
    directory.names([USER])
    world.azure.directory = {APP: principal(APP)}
    assert directory.names([USER, APP]) == {USER: PRIYA, APP: PIPELINE}


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize(("identity", "days"), [(USER, 30), (NOBODY, 7)])
def test_a_name_is_kept_for_a_month_and_that_there_is_none_for_a_week(world, identity, days, fresh):
    directory = world.directory()
    directory.names([identity])
    world.azure.directory = {identity: user(identity, "New Name")}
    asked = world.requests
    world.now += days * DAY - 1
    later = world.directory() if fresh else directory
    later.names([identity])
    assert world.requests == asked
    world.now += 1
    assert later.names([identity])[identity].name == "New Name"


def test_what_is_too_old_is_removed(world):
    world.directory().names([USER])
    world.now += 30 * DAY
    world.directory().names([APP])
    assert world.rows() == {APP}


def test_storage_that_fails_is_an_error(azure):
    away = "http://127.0.0.1:9/a"
    string = f"AccountName=a;AccountKey=aaaa;TableEndpoint={away};QueueEndpoint={away};BlobEndpoint={away}"
    storage = Storage(Connection("away", string), tries=0)
    with pytest.raises(ServiceError, match="storage did not answer"):
        Directory(azure.endpoint, None, storage, lambda: 0).names([USER])


# Threads


def test_two_threads_that_ask_for_the_same_cost_one_request(world):
    directory, both = world.directory(), threading.Barrier(2)

    def ask(_: int) -> dict[str, Actor]:
        both.wait(5)
        return directory.names([USER])

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(ask, range(2))) == [{USER: PRIYA}] * 2
    assert world.requests == 1


def test_threads_and_calls_that_follow_each_other_all_get_an_answer(world):
    directory = world.directory()
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda one: directory.names([one]), [USER, APP, OWN]))
    assert [list(one) for one in found] == [[USER], [APP], [OWN]]
    assert directory.names([NOBODY]) == {}
    assert world.requests == 5


def test_it_works_where_an_event_loop_runs(world):
    import asyncio

    async def ask() -> dict[str, Actor]:
        return world.directory().names([USER])

    assert asyncio.run(ask()) == {USER: PRIYA}


# Without Graph


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (401, "answered 401 AuthenticationFailed"),
        (403, "answered 403 AuthorizationFailed"),
        (404, "answered 404 ResourceNotFound"),
        (302, "answered 302"),
        (500, "answered 500 InternalServerError"),
        ("html", "something else than a list"),
        ("{}", "something else than a list"),
        ("cut", "no answer came"),
        ("reset", "no answer came"),
    ],
)
def test_graph_that_fails_is_told_once_and_left_alone_for_an_hour(world, caplog, step, told):
    directory = world.directory()
    directory.names([USER])
    asked = world.requests
    world.azure.script("/v1.0/", [step])
    assert directory.names([USER, APP]) == {USER: PRIYA}
    world.now += HOUR - 1
    assert directory.names([USER, APP, OWN]) == {USER: PRIYA}
    assert world.requests == asked + 1
    (line,) = warnings(caplog)
    assert told in line
    assert "\n" not in line
    world.now += 1
    assert directory.names([USER, APP]) == {USER: PRIYA, APP: PIPELINE}
    assert len(warnings(caplog)) == 1


def test_a_failure_is_remembered_of_nobody(world):
    world.azure.script(BY_IDS, [500])
    assert world.directory().names([USER]) == {}
    assert world.rows() == set()
    assert world.directory().names([USER]) == {USER: PRIYA}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"value": [], "@odata.nextLink": "http://127.0.0.1:9/"}', "a part of the list"),
        (b'{"value": null}', "something else than a list"),
        (b'{"value": {}}', "something else than a list"),
        (b'{"value": [{"displayName": "x"}]}', "something else than a list"),
        (b'{"value": [' + b"[" * 100_000, "something else than a list"),
        (b'\xff{"value": []}', "something else than a list"),
        (b"", "something else than a list"),
    ],
)
def test_what_is_not_a_whole_list_makes_strangers_of_nobody(world, caplog, body, told):
    with graph_that_answers(200, {"Content-Type": "application/json"}, body) as (endpoint, _):
        assert world.directory(endpoint=endpoint).names([USER]) == {}
    assert told in warnings(caplog)[0]
    assert world.rows() == set()


def test_what_graph_said_before_it_failed_counts(world, caplog):
    many = [str(UUID(int=number)) for number in range(10_000, 11_001)]
    world.azure.directory = {one: user(one) for one in many}
    world.azure.script(BY_IDS, [None, 500])
    assert len(world.directory().names(many)) == len(world.rows()) == 1000
    assert len(warnings(caplog)) == 1


def test_who_may_read_people_and_not_applications_still_gets_people(world, caplog):
    world.azure.script(BY_APP, [403])
    assert world.directory().names([USER, APP_ID]) == {USER: PRIYA}
    assert world.rows() == {USER}
    assert "read applications: Microsoft Graph answered 403" in warnings(caplog)[0]


def test_a_throttled_request_is_sent_again(world, caplog):
    world.azure.retry_after = 1
    world.azure.script(BY_IDS, [429])
    assert world.directory().names([USER]) == {USER: PRIYA}
    assert [request.status for request in world.azure.requests] == [429, 200]
    assert warnings(caplog) == []


def test_graph_that_asks_for_too_long_a_pause_is_given_up(world, caplog):
    world.azure.retry_after = 60
    world.azure.script(BY_IDS, [429])
    begun = time.monotonic()
    assert world.directory(patience=1).names([USER]) == {}
    assert time.monotonic() - begun < 5
    assert "did not answer within 1 s" in warnings(caplog)[0]


def test_a_slow_graph_is_given_up(world, caplog):
    world.azure.slowness = 3
    world.azure.script(BY_IDS, ["slow"])
    begun = time.monotonic()
    assert world.directory(patience=0.5).names([USER]) == {}
    assert time.monotonic() - begun < 2.5
    assert "did not answer within 0.5 s" in warnings(caplog)[0]


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "https://graph.invalid"])
def test_graph_that_is_not_there_is_no_failure(world, caplog, endpoint):
    assert world.directory(Token(), endpoint=endpoint).names([USER]) == {}
    assert "no answer came" in warnings(caplog)[0]


# Tokens


def test_a_token_for_graph_is_asked_for_and_sent(world):
    world.azure.tokens, token = ("right",), Token()
    assert world.directory(token).names([USER]) == {USER: PRIYA}
    assert token.scopes == [f"{world.azure.endpoint}/.default"]


def test_a_token_that_graph_does_not_take_stands_in_no_warning(world, caplog):
    world.azure.tokens = ("right",)
    assert world.directory(Token("s3cr3t")).names([USER]) == {}
    assert "answered 401" in warnings(caplog)[0]
    assert "s3cr3t" not in caplog.text


def test_an_identity_without_a_token_is_no_failure(world, caplog):
    assert world.directory(Token(error=ClientAuthenticationError("tenant-1 has none"))).names([USER]) == {}
    assert "there is no token" in warnings(caplog)[0]
    assert "tenant-1" not in warnings(caplog)[0]
    assert world.requests == 0


@pytest.mark.parametrize("error", [ImportError("secret part"), SystemExit(3), OverflowError("secret")])
def test_whatever_else_goes_wrong_with_graph_is_no_failure(world, caplog, error):
    """The SDK, a proxy, a credential's own parts: what they raise is theirs, and by its type alone is told."""
    assert world.directory(Token(error=error)).names([USER]) == {}
    (warning,) = warnings(caplog)
    assert f"does not answer ({type(error).__name__})" in warning
    assert "secret" not in warning


def test_a_credential_that_hangs_is_given_up(world, caplog):
    released = threading.Event()

    class Hanging(Token):
        def get_token(self, *scopes: str, **more: object) -> AccessToken:
            released.wait(10)
            return super().get_token(*scopes, **more)

    begun = time.monotonic()
    assert world.directory(Hanging(), patience=0.5).names([USER]) == {}
    assert time.monotonic() - begun < 5
    assert "did not answer" in warnings(caplog)[0]
    released.set()


def test_a_token_does_not_follow_a_redirect(world, caplog):
    away = {"Location": f"{world.azure.endpoint}/v1.0/directoryObjects/getByIds"}
    with graph_that_answers(307, away) as (endpoint, seen):
        assert world.directory(Token(), endpoint=endpoint).names([USER]) == {}
    assert (len(seen), world.requests) == (1, 0)
    assert "answered 307" in warnings(caplog)[0]


@pytest.mark.parametrize(
    ("endpoint", "credential"),
    [
        ("https://graph.microsoft.com", None),
        ("http://graph.microsoft.com", Token()),
        ("https://graph.microsoft.com/v1.0", Token()),
        ("graph", Token()),
    ],
)
def test_an_endpoint_that_may_not_be_asked_is_refused(endpoint, credential):
    with pytest.raises(ValueError, match=r"endpoint"):
        Directory(endpoint, credential, Storage(Connection("none")), lambda: 0)


# What it costs


def test_the_sdk_is_loaded_when_there_is_somebody_to_ask_for():
    code = """
import sys
import function_app, drift.bootstrap
from drift.adapters.directory import Directory
from drift.adapters.storage import Storage
from drift.settings import Connection
directory = Directory("http://127.0.0.1:9", None, Storage(Connection("none")), lambda: 0)
directory.names([]), directory.names(["priya@contoso.example"])
print([name for name in sys.modules if name.startswith(("msgraph", "kiota", "httpx", "opentelemetry", "azure.data"))])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

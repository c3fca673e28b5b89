"""Explained movements reach a topic over real HTTP as CloudEvents that are small enough, or an error says why not."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.core.messaging import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from drift.adapters import topic
from drift.adapters.topic import LARGEST, Topic, event, size
from drift.errors import Refused, ServiceError

MEGABYTE = 1024 * 1024


@dataclass
class Server:
    """A topic on loopback: what it got, and what it answers (a status, or None to hang up)."""

    answers: list[int | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    url: str = ""
    location: str = ""
    pause: float = 0

    @property
    def events(self) -> list[dict]:
        return [one for body in self.bodies for one in json.loads(body)]


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state.paths.append(self.path)
            state.headers.append({name.lower(): value for name, value in self.headers.items()})
            state.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            time.sleep(state.pause)
            answer = state.answers.pop(0) if state.answers else 200
            if answer is None:
                self.connection.close()
                return
            self.send_response(answer)
            if state.location:
                self.send_header("Location", state.location)
            self.send_header("Retry-After", "3600")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{http.server_port}/topic/api/events"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield state
    http.shutdown()
    http.server_close()
    thread.join()


class Token:
    """A credential with one token; counts how often it was asked, and for what."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        self.scopes += scopes
        return AccessToken("token-1", int(time.time()) + 3600)


def explained(scope: str = "all", causes: int = 3, text: str = "x", **over: object) -> dict:
    """An explanation in the shape of `drift explain --format json`."""
    cause = {"kind": "remediation", "class": "earned", "subject": "r", "scope": scope, "title": text, "share": 0.1}
    end = {"reported": 62.08, "current": 28.0, "max": 45.0}
    return {
        "scope": scope,
        "name": "contoso",
        "before": {"takenAt": "2026-03-02T06:00:00Z", "percentage": 62.1, **end},
        "after": {"takenAt": "2026-03-02T07:00:00.1234Z", "percentage": 61.08, **end},
        "movement": -1.02,
        "rounding": 0.0,
        "classes": {"earned": 2.9, "estate": -3.92},
        "summary": [cause | {"count": 1}] * min(causes, 27),
        "causes": [cause | {"subject": f"r{at}"} for at in range(causes)],
        "pending": [cause] * min(causes, 30),
        "foretold": [cause | {"title": "x"}] * min(causes, 30),
        "actors": [
            {"actor": f"person {at}", "type": "user", "id": None, "share": 0.1} for at in range(min(causes, 30))
        ],
        "unscored": [],
        "notes": ["a note"],
        "series": [],
        **over,
    }


# What is told


def test_a_movement_is_a_cloud_event(server):
    Topic(server.url, None).publish([("all.7", explained("all"))])
    (found,) = server.events
    told = explained("all")
    assert found == {
        "specversion": "1.0",
        "type": "SecureScoreDrift.MovementExplained",
        "source": "/secure-score-drift/all",
        "subject": "all",
        "id": "all.7",
        "time": "2026-03-02T07:00:00.1234Z",
        "datacontenttype": "application/json",
        "data": {
            "id": "all.7",
            **{name: told[name] for name in ("scope", "name", "before", "after", "movement", "classes")},
            **{name: told[name] for name in ("summary", "actors", "causes", "pending", "foretold")},
            "truncated": False,
        },
    }
    assert CloudEvent.from_dict(found).subject == "all"
    assert server.headers[0]["content-type"].startswith("application/cloudevents-batch+json")
    assert server.paths == ["/topic/api/events?api-version=2018-01-01"]


def test_a_movement_into_or_out_of_a_score_is_told_as_none(server):
    Topic(server.url, None).publish([("all.7", explained(movement=None, classes={}))])
    assert server.events[0]["data"]["movement"] is None


def test_a_repeat_carries_the_same_id_and_content(server):
    for _ in range(2):
        Topic(server.url, None).publish([("all.7", explained())])
    assert server.events[0] == server.events[1]


def test_the_source_is_a_uri_reference_whatever_the_scope():
    assert event("x", explained("tag:env=a/b ü"))["source"] == "/secure-score-drift/tag%3Aenv%3Da%2Fb%20%C3%BC"


def test_no_address_that_somebody_acted_from_is_told():
    record = {"source": "event", "actor": "Ana Lopez", "from": "203.0.113.7", "correlation": "c"}
    rows = [{"kind": "remediation", "share": 0.1, "evidence": [record]}]
    whole = explained(causes=1, foretold=rows, pending=rows) | {"causes": rows}
    told = event("all.7", whole)["data"]
    for name in ("causes", "pending", "foretold"):
        assert told[name][0]["evidence"] == [{"source": "event", "actor": "Ana Lopez", "correlation": "c"}]
    assert record["from"] == "203.0.113.7"


def test_only_the_largest_are_told_and_that_there_are_more_is_said():
    data = event("x", explained(causes=120))["data"]
    assert [len(data[name]) for name in ("summary", "actors", "causes", "pending", "foretold")] == [20, 20, 50, 20, 20]
    assert [cause["subject"] for cause in data["causes"]] == [f"r{at}" for at in range(50)]
    assert data["truncated"] is True


@pytest.mark.parametrize(
    ("left", "truncated"),
    [({"causes": 0, "summary": 0, "pending": 0, "pendingShare": 1.5}, False), ({"causes": 4}, True), ({}, False)],
)
def test_what_was_shortened_before_is_said_to_be(left, truncated):
    assert event("x", explained(left=left))["data"]["truncated"] is truncated


# How large


def test_nothing_to_publish_asks_nobody(server):
    Topic(server.url, None).publish([])
    assert server.bodies == []


@pytest.mark.parametrize("text", ["x" * 60_000, "\U0001f600" * 20_000, "\x7f" * 40_000, '"\\' * 40_000, "ü, " * 20_000])
def test_an_event_is_shortened_until_it_is_below_a_megabyte_as_it_is_sent(server, text):
    Topic(server.url, None).publish([("all.7", explained(causes=50, text=text))])
    assert len(server.bodies[0]) < MEGABYTE
    data = server.events[0]["data"]
    assert data["truncated"] is True
    assert 0 < len(data["causes"]) < 50
    assert data["causes"] == explained(causes=50, text=text)["causes"][: len(data["causes"])]


def test_an_event_of_which_no_list_fits_is_told_without_lists(server):
    long = "\U0001f600" * 200_000
    Topic(server.url, None).publish([("all.7", explained(text=long, name=long))])
    data = server.events[0]["data"]
    assert [data[name] for name in ("summary", "actors", "causes", "pending", "foretold")] == [[]] * 5
    assert (data["movement"], data["truncated"], len(data["name"])) == (-1.02, True, 256)
    assert len(server.bodies[0]) < MEGABYTE


def test_many_events_go_in_batches_below_a_megabyte_in_order(server):
    many = [(f"all.{at}", explained(causes=20, text="é" * 900)) for at in range(60)]
    Topic(server.url, None).publish(many)
    assert [one["id"] for one in server.events] == [identity for identity, _ in many]
    assert all(len(body) < MEGABYTE for body in server.bodies)
    assert min(map(len, server.bodies[:-1])) > MEGABYTE / 2
    assert len(server.bodies) > 3


def test_a_batch_has_at_most_a_thousand_events(server, monkeypatch):
    monkeypatch.setattr(topic, "MOST", 10)
    Topic(server.url, None).publish([(f"all.{at}", explained(causes=0)) for at in range(25)])
    assert [len(json.loads(body)) for body in server.bodies] == [10, 10, 5]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), TEXTS),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(TEXTS, inner)),
)


@given(VALUES)
def test_the_size_is_never_less_than_what_is_sent(value):
    assert size(value) >= len(json.dumps(value))


def test_the_limit_leaves_a_margin():
    assert LARGEST < MEGABYTE - 40_000


# Who publishes


def test_a_token_for_event_grid_is_asked_for():
    token = Token()
    with pytest.raises(ServiceError, match="no answer"):
        Topic("https://topic.invalid/api/events", token).publish([("all.7", explained())])
    assert token.scopes == ["https://eventgrid.azure.net/.default"]


@pytest.mark.parametrize("with_credential", [True, False])
def test_no_token_goes_to_loopback(server, with_credential):
    token = Token()
    Topic(server.url, token if with_credential else None).publish([("all.7", explained())])
    assert "authorization" not in server.headers[0]
    assert token.scopes == []


@pytest.mark.parametrize("url", ["https://t.example.com/api/events", "http://127.0.0.1.example.com/api/events"])
def test_a_topic_elsewhere_needs_a_credential(url):
    with pytest.raises(ValueError, match="needs a credential"):
        Topic(url, None)


def test_a_token_is_not_sent_in_the_clear_to_another_machine():
    token = Token()
    with pytest.raises(ServiceError):
        Topic("http://topic.invalid/api/events", token).publish([("all.7", explained())])
    assert token.scopes == []


def test_nothing_is_worth_a_warning(server, caplog):
    Topic(server.url, None).publish([("all.7", explained()), ("all.8", explained())])
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


# What fails


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, Refused) for status in (401, 403)),
        *((status, ServiceError) for status in (202, 204, 400, 404, 408, 409, 413, 429, 500, 503)),
    ],
)
def test_what_is_not_accepted_is_an_error_at_once(server, status, error):
    server.answers = [status]
    begun = time.monotonic()
    with pytest.raises(ServiceError, match=f"Event Grid answered {status}") as caught:
        Topic(server.url, None).publish([("all.7", explained())])
    assert type(caught.value) is error
    assert len(server.bodies) == 1
    assert time.monotonic() - begun < 3


def test_a_topic_that_hangs_up_is_an_error(server):
    server.answers = [None]
    with pytest.raises(ServiceError, match="no answer"):
        Topic(server.url, None).publish([("all.7", explained())])
    assert len(server.bodies) == 1


def test_a_topic_that_is_not_there_is_an_error():
    with pytest.raises(ServiceError, match="no answer"):
        Topic("http://127.0.0.1:9/api/events", None).publish([("all.7", explained())])


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(server, status):
    server.answers, server.location = [status], server.url + "/elsewhere"
    with pytest.raises(ServiceError):
        Topic(server.url, None).publish([("all.7", explained())])
    assert len(server.bodies) == 1


def test_a_topic_that_does_not_answer_in_time_is_an_error(server, monkeypatch):
    monkeypatch.setattr(topic, "READ", 0.2)
    server.pause = 0.6
    with pytest.raises(ServiceError, match="no answer"):
        Topic(server.url, None).publish([("all.7", explained())])


def test_after_a_failed_batch_nothing_more_is_sent(server, monkeypatch):
    monkeypatch.setattr(topic, "MOST", 1)
    server.answers = [200, 500]
    with pytest.raises(ServiceError):
        Topic(server.url, None).publish([(f"all.{at}", explained()) for at in range(3)])
    assert [one["id"] for one in server.events] == ["all.0", "all.1"]


def test_an_identity_without_a_token_is_an_error():
    class Nobody:
        def get_token(self, *_: str, **__: object) -> AccessToken:
            raise ClientAuthenticationError("tenant-1 has no such identity")

    with pytest.raises(ServiceError, match="there is no token") as caught:
        Topic("https://topic.invalid/api/events", Nobody()).publish([("all.7", explained())])
    assert "tenant-1" not in str(caught.value)

"""Azure Resource Manager: every page or an error, tokens to the endpoint only, and patience that ends."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from drift.adapters.client import AnswerError, Arm
from drift.adapters.origins import origin
from drift.errors import Refused, ServiceError
from drift.model import ticks
from tests.adapters.loopback import CUT, EMPTY, HTML, RESET, azure
from tests.build import SUB, T0, at, estate

PRICINGS = f"/subscriptions/{SUB}/providers/Microsoft.Security/pricings"
EXEMPTIONS = f"/subscriptions/{SUB}/providers/Microsoft.Authorization/policyExemptions"
PATH = f"{EXEMPTIONS}?api-version=2022-07-01-preview"
SHAPES: tuple[type[dict[str, Any]]] = (dict[str, Any],)


class Credential:
    """Gives one token, and remembers for what."""

    def __init__(self, token: str = "secret-token") -> None:
        self.token, self.scopes = token, []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes += scopes
        return AccessToken(self.token, int(time.time()) + 3600)


@pytest.fixture
def server():
    with azure({**estate(), f"{SUB}/policy-exemptions.json": {"value": [{"id": str(n)} for n in range(7)]}}) as server:
        yield server


def arm(server, credential: Any = None, **more: Any) -> Arm:
    return Arm(server.endpoint, credential, **{"backoff": 0.001, **more})


def read(client: Arm) -> list[str]:
    return [row["id"] for page in client.pages(PATH, SHAPES) for row in page]


ALL = [str(n) for n in range(7)]


# Pages


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8])
def test_every_page_is_read(server, size):
    server.pages = size
    assert read(arm(server)) == ALL


def test_an_empty_page_with_a_next_one_is_not_the_end(server):
    server.pages, server.empty_pages = 3, True
    pages = [[row["id"] for row in page] for page in arm(server).pages(PATH, SHAPES)]
    assert pages == [[], ALL[:3], [], ALL[3:6], [], ALL[6:]]


def test_a_next_page_on_another_host_is_not_asked(server):
    with azure({}) as other:
        server.on("exemptions", f'{{"value": [], "nextLink": "{other.endpoint}{PATH}"}}')
        with pytest.raises(ServiceError, match=f"{EXEMPTIONS}: Azure names a page outside {server.endpoint}"):
            read(arm(server, Credential()))
        assert other.seen == []
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "foreign",
    [
        "//evil.example/x",
        "https://evil.example\\@{host}/x",
        "http://{host}@evil.example/x",
        "http://{host}.evil.example/x",
        "https://{host}/x",
        "http://{name}:1/x",
        "http://localhost:{port}/x",
        "/subscriptions",
        "file:///etc/passwd",
    ],
)
def test_a_next_page_that_is_not_surely_of_the_endpoint_is_not_asked(server, foreign):
    name, port = server.endpoint.removeprefix("http://").split(":")
    link = foreign.format(host=f"{name}:{port}", name=name, port=port).replace("\\", "\\\\")
    server.on("exemptions", f'{{"value": [], "nextLink": "{link}"}}')
    with pytest.raises(ServiceError, match="outside"):
        read(arm(server))
    assert len(server.seen) == 1


def test_a_redirect_to_another_host_is_not_followed(server):
    with azure({}) as other:
        server.on("exemptions", 302, Location=f"{other.endpoint}{PATH}")
        with pytest.raises(AnswerError, match="answered 302"):
            read(arm(server, Credential()))
        assert other.seen == []


def test_the_models_of_the_sdk_follow_no_page_to_another_host_either(server):
    with azure({}) as other:
        link = f"{other.endpoint}/subscriptions?api-version=1"
        server.on("secureScores", f'{{"value": [], "nextLink": "{link}"}}')
        client = arm(server, Credential())
        with pytest.raises(ServiceError, match="scores: Azure names a page outside"):
            client.listed("scores", client.security(SUB).secure_scores.list)
        assert other.seen == []


def test_pages_that_lead_to_each_other_are_an_error(server):
    server.on("exemptions", f'{{"value": [], "nextLink": "{server.endpoint}{PATH}"}}')
    with pytest.raises(ServiceError, match="page 2 is one that was read before"):
        read(arm(server))


def test_pages_of_the_sdk_that_lead_to_each_other_are_an_error(server):
    link = f"{server.endpoint}/subscriptions/{SUB}/providers/Microsoft.Security/secureScores?x=1"
    server.on("secureScores", f'{{"value": [], "nextLink": "{link}"}}')
    client = arm(server)
    with pytest.raises(ServiceError, match="read before"):
        client.listed("scores", client.security(SUB).secure_scores.list)
    assert len(server.seen) == 2


# What is no page

GARBLED = [
    '{"values": []}',
    '{"value": null}',
    '{"value": {}}',
    '{"value": "none"}',
    '{"value": [1]}',
    '{"value": [null]}',
    '{"value": [{"id": "1"}, "x"]}',
    '{"value": [], "nextLink": 7}',
    '{"value": [{"id": "1"}}',
    '{"value": [{"id": "1"},]}',
    '{"error": {"code": "X"}}',
    "[]",
    "[{}]",
    "null",
    "",
    " ",
    '"x"',
    "{ }",
    b'{"value": [{"id": "\xff"}]}',
    b"\xff\xfe{\x00}\x00",
    "{" + '"a":{' * 3000 + "}" * 3001,
]


@pytest.mark.parametrize("body", GARBLED, ids=range(len(GARBLED)))
def test_what_is_no_page_of_the_list_is_an_error(server, body):
    server.on("exemptions", body)
    with pytest.raises(ServiceError, match=EXEMPTIONS):
        read(arm(server))


@pytest.mark.parametrize("body", GARBLED, ids=range(len(GARBLED)))
@pytest.mark.parametrize("name", ["secure_scores", "security_connectors"])
def test_what_is_no_page_is_none_of_the_sdk_either(server, name, body):
    server.on("secureScores|securityConnectors", body)
    client = arm(server)
    with pytest.raises(ServiceError, match="the list"):
        client.listed("the list", getattr(client.security(SUB), name).list)


@pytest.mark.parametrize("body", GARBLED, ids=range(len(GARBLED)))
def test_a_list_of_plans_that_is_none_is_an_error(server, body):
    server.on("pricings", body)
    client = arm(server)
    with pytest.raises(ServiceError, match="the plans"):
        client.listed("the plans", lambda: client.security(SUB).pricings.list(f"subscriptions/{SUB}"))


def test_a_page_is_told_with_what_came(server):
    server.on("exemptions", HTML)
    with pytest.raises(ServiceError, match=f"GET {EXEMPTIONS}: came something else than a list: <html><h1>Please log"):
        read(arm(server))


def test_what_came_is_shown_as_one_short_line(server):
    server.on("exemptions", "<p>\n\x1b[31m\u202ered" + "x" * 1000)
    with pytest.raises(ServiceError) as caught:
        read(arm(server))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 320


def test_the_query_is_not_told(server):
    server.on("exemptions", RESET)
    with pytest.raises(ServiceError) as caught:
        read(arm(server))
    assert "api-version" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


# Patience


@pytest.mark.parametrize("fault", [429, 500, 502, 503, 504, 408, CUT, RESET, HTML, EMPTY])
@pytest.mark.parametrize("times", [1, 3])
def test_what_fails_for_a_while_is_asked_again(server, fault, times):
    server.on("exemptions", fault, times=times)
    assert read(arm(server)) == ALL
    assert len(server.seen) == times + 1


@pytest.mark.parametrize("fault", [429, 500, CUT, RESET, HTML, EMPTY])
def test_the_sdk_asks_again_too(server, fault):
    server.on("pricings", fault, times=2)
    client = arm(server)
    rows = client.listed("plans", lambda: client.security(SUB).pricings.list(f"subscriptions/{SUB}"))
    assert [row["name"] for row in rows] == ["FoundationalCspm"]


@pytest.mark.parametrize("fault", [429, 500, CUT, RESET, HTML, EMPTY])
def test_what_fails_for_ever_is_an_error_in_the_end(server, fault):
    server.on("exemptions", fault)
    with pytest.raises(ServiceError, match=f"GET {EXEMPTIONS}: ") as caught:
        read(arm(server))
    assert len(server.seen) == 6
    assert not isinstance(caught.value, Refused)


def test_a_failure_on_a_later_page_fails_the_list(server):
    server.pages = 3
    pages = arm(server).pages(PATH, SHAPES)
    assert len(next(pages)) == 3
    server.on("exemptions", 500)
    with pytest.raises(AnswerError, match="answered 500 Oops: Oops it is"):
        list(pages)


def test_retry_after_is_honoured(server):
    server.on("exemptions", 429, times=1, Retry_After="1")
    began = time.monotonic()
    assert read(arm(server)) == ALL
    assert 1 <= time.monotonic() - began < 1.5


def test_a_wait_beyond_all_patience_is_not_begun(server):
    server.on("exemptions", 429, code="TooManyRequests", Retry_After="3600")
    began = time.monotonic()
    with pytest.raises(AnswerError, match="429 TooManyRequests") as caught:
        read(arm(server))
    assert (caught.value.status, caught.value.code) == (429, "toomanyrequests")
    assert time.monotonic() - began < 1
    assert len(server.seen) == 1


def test_patience_ends(server):
    server.on("exemptions", 503)
    began = time.monotonic()
    with pytest.raises(ServiceError):
        read(arm(server, backoff=0.2, patience=0.5))
    assert time.monotonic() - began < 0.7
    assert len(server.seen) == 3


@pytest.mark.parametrize("asked", ["soon", "-3", "nan", "Mon, 99 Foo"])
def test_a_retry_after_that_says_nothing_is_let_be(server, asked):
    server.on("exemptions", 429, times=1, Retry_After=asked)
    assert read(arm(server)) == ALL


def test_nobody_at_the_endpoint_is_an_error():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = Arm(f"http://127.0.0.1:{taken.getsockname()[1]}", None, backoff=0.001)
        with pytest.raises(ServiceError, match="no answer came"):
            read(client)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_told_apart_and_not_repeated(server, status):
    server.on("exemptions", status, code="AuthorizationFailed")
    with pytest.raises(Refused, match=f"answered {status} AuthorizationFailed: AuthorizationFailed it is"):
        read(arm(server))
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [400, 404, 409, 410, 204, 201, 304])
def test_any_other_status_is_an_error(server, status):
    server.on("exemptions", status)
    with pytest.raises(AnswerError, match=f"answered {status}"):
        read(arm(server))


# Whom the token goes to


def test_the_token_is_of_the_endpoint_and_goes_to_it(server):
    credential = Credential()
    client = arm(server, credential)
    read(client)
    client.listed("scores", client.security(SUB).secure_scores.list)
    assert set(credential.scopes) == {f"{server.endpoint}/.default"}
    assert {sent for _, _, sent in server.seen} == {"Bearer secret-token"}


def test_without_a_credential_no_token_is_sent(server):
    client = arm(server)
    read(client)
    client.listed("scores", client.security(SUB).secure_scores.list)
    assert {sent for _, _, sent in server.seen} == {""}


def test_a_token_that_is_not_given_is_an_error_and_no_refusal(server):
    class Nobody:
        def get_token(self, *_: str, **__: Any) -> AccessToken:
            raise ClientAuthenticationError("no identity\nis assigned")

    with pytest.raises(ServiceError, match=r"no token was given .*az login.*: no identity") as caught:
        read(arm(server, Nobody()))
    assert not isinstance(caught.value, Refused)
    assert server.seen == []


def test_a_managed_identity_of_azure_gives_the_token(server, monkeypatch):
    from azure.identity import ManagedIdentityCredential

    expires = int(time.time()) + 3600
    token = f'{{"access_token": "of-the-identity", "expires_on": "{expires}", "resource": "x", "token_type": "Bearer"}}'
    with azure({}) as identity:
        identity.on("msi", token)
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{identity.endpoint}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "header")
        assert read(arm(server, ManagedIdentityCredential())) == ALL
        assert identity.seen
    assert {sent for _, _, sent in server.seen} == {"Bearer of-the-identity"}


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://management.azure.com",
        "management.azure.com",
        "",
        "ftp://127.0.0.1",
        "https://user@management.azure.com",
        "https://management.azure.com/path",
        "https://management.azure.com?x=1",
        "https://management.azure.com\n",
        "https://management.azure.com\\@127.0.0.1",
    ],
)
def test_an_endpoint_that_is_none_is_refused(endpoint):
    with pytest.raises(ValueError, match="endpoint"):
        Arm(endpoint, Credential())


def test_without_a_credential_only_loopback_is_asked():
    with pytest.raises(ValueError, match="without a credential"):
        Arm("https://management.azure.com", None)


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        ("https://management.usgovcloudapi.net/", "https://management.usgovcloudapi.net"),
        ("HTTPS://Management.Azure.com:443", "https://management.azure.com"),
        ("http://localhost:80", "http://localhost"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ],
)
def test_an_origin_is_written_in_one_way(endpoint, text):
    found = origin(endpoint)
    assert found is not None
    assert found.text == text


# What is never done


def test_no_policy_registers_a_provider_or_follows_a_redirect(server):
    names = {type(policy).__name__ for policy in arm(server, Credential()).policies(decode=True)}
    assert not [name for name in names if "Registration" in name or "Redirect" in name]


def test_a_provider_that_is_not_registered_is_not_registered(server):
    server.on("secureScores", 409, code="MissingSubscriptionRegistration")
    client = arm(server)
    with pytest.raises(AnswerError) as caught:
        client.listed("scores", client.security(SUB).secure_scores.list)
    assert (caught.value.status, caught.value.code) == (409, "missingsubscriptionregistration")
    assert [method for method, _, _ in server.seen] == ["GET"]


# Whose clock


def test_the_time_is_azures(server):
    client = arm(server)
    with pytest.raises(ServiceError, match="has not answered yet"):
        client.now()
    server.date = at(5)
    read(client)
    assert client.now() == ticks(at(5))
    server.on("exemptions", 404)
    server.date = at(6)
    with pytest.raises(AnswerError):
        read(client)
    assert client.now() == ticks(at(6))
    assert server.date != T0

"""Who may read: with a role asked for, only whom App Service signed in with it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from drift.history import History
from drift.web.api import ROUTES, respond
from drift.web.entry import PRINCIPAL, Entry, read
from drift.web.openapi import document

ROOT = Path(__file__).parent.parent.parent
ROLE = "Posture.Read"
ENTRY = Entry(ROLE, authenticated=True)
MAPPED = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
WHO = ("ada@contoso.example", "a7c4c5a0-0000-4000-8000-000000000001")


def claim(kind: Any, value: Any) -> dict[str, Any]:
    return {"typ": kind, "val": value}


PERSON = [claim("name", WHO[0]), claim("http://schemas.microsoft.com/identity/claims/objectidentifier", WHO[1])]


def encoded(principal: Any) -> dict[str, str]:
    """The header as App Service sends it."""
    return {PRINCIPAL: base64.b64encode(json.dumps(principal).encode()).decode()}


def principal(*claims: Any, provider: str = "aad") -> dict[str, str]:
    name = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"
    return encoded({"auth_typ": provider, "claims": [*PERSON, *claims], "name_typ": name, "role_typ": MAPPED})


def never() -> History:
    raise AssertionError("a request that is refused asks the store for nothing")


def refused(headers: dict[str, str], entry: Entry = ENTRY, route: str = "scores") -> tuple[int, dict[str, Any]]:
    """Status and document of a refusal, which is what the OpenAPI document says and names nobody."""
    answer = respond(never, route, {}, {}, headers=headers, entry=entry)
    whole = json.loads(json.dumps(document(ROLE)))
    found = whole["components"]["responses"][str(answer.status)]
    assert answer.content_type in found["content"]
    schema = found["content"][answer.content_type]["schema"] | {"components": whole["components"]}
    body = json.loads(answer.body)
    Draft202012Validator(schema).validate(body)
    assert found["headers"].keys() <= answer.headers.keys()
    assert not any(name in str(answer) for name in WHO)
    return answer.status, body


def answered(headers: dict[str, str], entry: Entry = ENTRY) -> bool:
    return respond(never, "openapi", {}, {}, headers=headers, entry=entry).status == 200


# Who is let in


@pytest.mark.parametrize("kind", ["roles", MAPPED])
def test_who_has_the_role_may_read(kind: str) -> None:
    assert answered(principal(claim(kind, "Other"), claim(kind, ROLE)))


def test_a_role_that_is_there_twice_counts_once() -> None:
    assert answered(principal(claim("roles", ROLE), claim(MAPPED, ROLE)))


def test_without_a_role_to_ask_for_the_host_asks_for_keys_and_nobody_is_refused() -> None:
    assert answered({}, read({}))
    assert answered({}, read({"DRIFT_SIGN_IN_ROLE": " "}))


def test_health_is_for_anyone() -> None:
    assert respond(never, "health", {}, {}, entry=Entry(ROLE, authenticated=False)).status == 200


# Who is not


@pytest.mark.parametrize("route", [*ROUTES, "page", "openapi", "what/is/not/there"])
def test_nothing_but_health_answers_a_stranger(route: str) -> None:
    status, body = refused({}, route=route)
    assert (status, body["type"]) == (401, "urn:problem:secure-score-drift:not-signed-in")


@pytest.mark.parametrize(
    "claims",
    [
        [],
        [claim("roles", "Other")],
        [claim("roles", ROLE.lower())],
        [claim("roles", ROLE + " ")],
        [claim("roles", f"Other,{ROLE}")],
        [claim("name", ROLE)],
        [claim("groups", ROLE)],
    ],
)
def test_a_sign_in_without_the_role_is_told_which_one_is_missing(claims: list[Any]) -> None:
    status, body = refused(principal(*claims))
    assert (status, body["type"]) == (403, "urn:problem:secure-score-drift:no-role")
    assert ROLE in body["detail"]


VALID = principal(claim("roles", ROLE))[PRINCIPAL]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "!",
        VALID[:-1],
        f"{VALID},{VALID}",  # the host joins what is there twice
        f"Bearer {VALID}",
        "é" + VALID,
        base64.b64encode(b"\xff\xfe").decode(),
        base64.b64encode(b'{"auth_typ":"aad","claims":[],"x":' + b"[" * 40_000).decode(),
        f"{VALID[:8]}!{VALID[8:]}",
        base64.b64encode(b'{"auth_typ":"aad","claims":[' + b"9" * 5_000 + b"]}").decode(),
        base64.b64encode(json.dumps(["aad"]).encode()).decode(),
        encoded({"auth_typ": "aad"})[PRINCIPAL],
        encoded({"auth_typ": "aad", "claims": {"roles": ROLE}})[PRINCIPAL],
        encoded({"claims": [claim("roles", ROLE)]})[PRINCIPAL],
        *(principal(odd)[PRINCIPAL] for odd in (claim("roles", [ROLE]), claim(["roles"], ROLE), "roles", None, 7)),
        principal(claim("roles", ROLE), claim("x", "y" * 70_000))[PRINCIPAL],
    ],
    ids=lambda header: header[:12],
)
def test_a_header_that_can_not_be_read_signs_nobody_in(header: str) -> None:
    assert refused({PRINCIPAL: header})[0] == 401


@pytest.mark.parametrize("provider", ["github", "facebook", "AAD", "", "contoso-oidc"])
def test_another_provider_signs_nobody_in(provider: str) -> None:
    assert refused(principal(claim("roles", ROLE), provider=provider))[0] == 401


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["aad", "roles", MAPPED]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["typ", "val", "x"]), inner),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(st.fixed_dictionaries({"auth_typ": st.just("aad") | _JSON, "claims": st.lists(_JSON, max_size=4) | _JSON}))
def test_nothing_that_is_not_the_role_lets_anybody_in(found: dict[str, Any]) -> None:
    assert refused(encoded(found))[0] in (401, 403)


@pytest.mark.parametrize("environment", [{}, {"WEBSITE_AUTH_ENABLED": "False"}, {"WEBSITE_AUTH_ENABLED": "1"}])
def test_where_app_service_does_not_sign_in_its_header_proves_nothing(environment: dict[str, str]) -> None:
    forged = principal(claim("roles", ROLE))
    status, body = refused(forged, read({"DRIFT_SIGN_IN_ROLE": ROLE, **environment}))
    assert status == 503
    assert body["detail"] == "sign-in is asked for, and App Service authentication is off"


@pytest.mark.parametrize("role", ["may read", "@Microsoft.KeyVault(SecretUri=x)", "-"])
def test_a_role_that_can_not_be_keeps_everybody_out(role: str) -> None:
    asked = read({"DRIFT_SIGN_IN_ROLE": role, "WEBSITE_AUTH_ENABLED": "True"})
    assert not answered(principal(claim("roles", ROLE)), asked)


# The document


def test_the_document_says_how_to_be_let_in() -> None:
    keys, signed_in = (json.loads(json.dumps(document(role))) for role in ("", ROLE))
    OpenAPIV31SpecValidator(signed_in).validate()
    for whole in (keys, signed_in):
        named = {scheme for one in whole["security"] for scheme in one}
        assert named == whole["components"]["securitySchemes"].keys()
    assert {scheme["type"] for scheme in keys["components"]["securitySchemes"].values()} == {"apiKey"}
    assert all(roles == [ROLE] for one in signed_in["security"] for roles in one.values())
    operations = {path: own["get"] for path, own in signed_in["paths"].items()}
    assert [path for path, own in operations.items() if own.get("security") == []] == ["/health"]
    assert all(
        {"401", "403", "503"} <= own["responses"].keys() for path, own in operations.items() if path != "/health"
    )


# The app

_ASK = """
import json, sys, azure.functions as func, function_app
found = {one.get_function_name(): one for one in function_app.app.get_functions()}
levels = {n: str(f.get_trigger().get_dict_repr()["authLevel"]) for n, f in found.items() if f.is_http_function()}
def ask(headers):
    request = func.HttpRequest("GET", "/api/openapi.json", headers=headers, body=b"")
    return found["openapi"].get_user_function()(request).status_code
print(json.dumps([levels, [ask(headers) for headers in json.load(sys.stdin)]]))
"""


def test_the_app_asks_for_no_key_where_people_sign_in_and_lets_only_the_role_in() -> None:
    asked = [{}, principal(), principal(claim("roles", ROLE)), {"X-MS-CLIENT-PRINCIPAL": VALID}]
    done = subprocess.run(
        [sys.executable, "-c", _ASK],
        cwd=ROOT,
        env={"PATH": "", "DRIFT_SIGN_IN_ROLE": ROLE, "WEBSITE_AUTH_ENABLED": "True"},
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    levels, statuses = json.loads(done.stdout)
    assert "scores" in levels
    assert all("ANONYMOUS" in level for level in levels.values())
    assert statuses == [401, 403, 200, 200]

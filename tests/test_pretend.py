"""The pretend Azure answers like Azure, over real HTTP and to Microsoft's own clients."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from demo.answers import files_of, read_folder, write_folder
from demo.azure import Azure, Faults
from demo.estate import DEV, PROD
from demo.events import LENA, PIPELINE, PRIYA, directory, events_of
from demo.northwind import MONDAY, begin, on
from tests.build import SUB, estate, exemption, key, tenant, write

NOW = datetime(2026, 3, 6, 16, 0, 30, tzinfo=UTC)
OTHER = "22222222-2222-2222-2222-222222222222"
SECURITY = f"/subscriptions/{SUB}/providers/Microsoft.Security"
POLICY = f"/subscriptions/{SUB}/providers/Microsoft.Authorization"
MACHINES = [f"vm{n}" for n in range(1, 6)]
ESTATE = estate(
    controls={"c": (10, ["a", "b"])},
    marks={(vm, rec): "Healthy" if vm == "vm1" else "Unhealthy" for vm in MACHINES for rec in "ab"},
    resources={vm: {"createdTime": NOW} for vm in MACHINES},
    governance={("vm2", "a"): {"due": NOW}},
    exemptions={"e": exemption("sub", ("a",))},
    connectors={"conn": {}},
    ancestors=["near", "root"],
)
CARD = {"type": "AdaptiveCard", "version": "1.5", "body": []}
ONLY = {"contentType": "application/vnd.microsoft.card.adaptive", "content": CARD}
MESSAGE = {"type": "message", "attachments": [ONLY]}
EVENT = {"id": "1", "source": "/x", "type": "Drift.Explained", "specversion": "1.0", "data": {}}


@pytest.fixture(scope="module")
def shared() -> Iterator[Azure]:
    with Azure() as azure:
        yield azure


@pytest.fixture
def azure() -> Iterator[Azure]:
    with Azure() as azure:
        azure.serve(ESTATE, NOW)
        azure.retry_after = 0.01
        azure.slowness = 0.05
        yield azure


def get(azure: Azure, path: str, method: str = "GET", **query: str) -> requests.Response:
    url = path if path.startswith("http") else azure.endpoint + path
    params = {} if "api-version" in path else {"api-version": "2024-01-01"}
    return requests.request(method, url, params=params | query, timeout=10)


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def rows(azure: Azure, path: str, **query: str) -> list[dict[str, Any]]:
    found, link = [], path
    while link:
        answer = get(azure, link, **query).json()
        found, link, query = [*found, *answer["value"]], answer.get("nextLink"), {}
    return found


def without_definition(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"properties": {k: v for k, v in row["properties"].items() if k != "definition"}}


# Resource Manager


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/subscriptions", "subscriptions.json"),
        (f"{SECURITY}/secureScores", f"{SUB}/secure-scores.json"),
        (f"{SECURITY}/assessments", f"{SUB}/assessments.json"),
        (f"{SECURITY}/pricings", f"{SUB}/pricings.json"),
        (f"{SECURITY}/securityConnectors", f"{SUB}/security-connectors.json"),
        (f"{SECURITY}/standardAssignments", f"{SUB}/standard-assignments.json"),
        (f"{SECURITY}/assessments/{key('a')}/governanceAssignments", f"{SUB}/governance-assignments.json"),
        (f"{POLICY}/policyExemptions", f"{SUB}/policy-exemptions.json"),
        (f"{POLICY}/policyAssignments", f"{SUB}/policy-assignments.json"),
        ("/providers/Microsoft.Security/assessmentMetadata", "assessment-metadata.json"),
        (f"{SECURITY}/assessmentMetadata", "assessment-metadata.json"),
    ],
)
def test_a_list_is_the_file_of_the_folder(azure, path, file):
    assert ESTATE[file]["value"] or "standard" in file
    assert rows(azure, path) == rows(azure, path.upper()) == ESTATE[file]["value"]


@pytest.mark.parametrize("name", ["autoProvisioningSettings", "healthReports", "governanceRules"])
def test_a_list_without_a_file_is_empty(azure, name):
    assert rows(azure, f"{SECURITY}/{name}") == []


def test_another_recommendation_has_no_governance(azure):
    assert rows(azure, f"{SECURITY}/assessments/{key('b')}/governanceAssignments") == []


def test_controls_have_a_definition_only_if_it_is_asked_for(azure):
    whole = ESTATE[f"{SUB}/secure-score-controls.json"]["value"]
    for path in (f"{SECURITY}/secureScoreControls", f"{SECURITY}/secureScores/ascScore/secureScoreControls"):
        assert rows(azure, path, **{"$expand": "definition"}) == whole
        assert rows(azure, path) == [without_definition(row) for row in whole]


def test_resources_have_a_creation_time_only_if_it_is_asked_for(azure):
    path = f"/subscriptions/{SUB}/resources"
    assert rows(azure, path, **{"$expand": "createdTime"}) == ESTATE[f"{SUB}/resources.json"]["value"]
    assert not any("createdTime" in row for row in rows(azure, path))


def test_single_objects_are_answered_by_their_names(azure):
    assert get(azure, f"/subscriptions/{SUB}").json() == ESTATE["subscriptions.json"]["value"][0]
    assert get(azure, f"{SECURITY}/secureScores/ascScore").json() == ESTATE[f"{SUB}/secure-scores.json"]["value"][0]
    (initiative,) = ESTATE["policy-set-definitions.json"]["value"]
    assert get(azure, initiative["id"].lower()).json() == initiative
    assert code(get(azure, initiative["id"] + "x")) == (404, "PolicySetDefinitionNotFound")


def test_entities_tell_the_chain_from_the_root_down(azure):
    answer = get(azure, "/providers/Microsoft.Management/getEntities", "POST").json()["value"]
    chains = {row["name"]: (row["type"], row["properties"]["parentNameChain"]) for row in answer}
    group = "Microsoft.Management/managementGroups"
    assert chains == {"root": (group, []), "near": (group, ["root"]), SUB: ("/subscriptions", ["root", "near"])}
    azure.serve(estate(), NOW)  # says nothing of management groups
    assert code(get(azure, "/providers/Microsoft.Management/getEntities", "POST")) == (403, "AuthorizationFailed")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"/subscriptions/{OTHER}", (404, "SubscriptionNotFound")),
        (f"/subscriptions/{OTHER}/providers/Microsoft.Security/assessments", (404, "SubscriptionNotFound")),
        (f"{SECURITY}/secureScores/other", (404, "ResourceNotFound")),
        (f"{SECURITY}/somethingElse", (404, "InvalidResourceType")),
        (f"{SECURITY}/assessments?api-version=", (400, "MissingApiVersionParameter")),
        (f"{SECURITY}/assessments?api-version=latest", (400, "InvalidApiVersionParameter")),
        (f"{SECURITY}/assessments?api-version=2021-06-01&$filter=x", (400, "BadRequest")),
        (f"{SECURITY}/assessments?api-version=2021-06-01&$skiptoken=x", (400, "InvalidSkipToken")),
    ],
)
def test_what_is_not_there_or_not_asked_rightly_is_an_error_in_azures_shape(azure, path, expected):
    assert code(get(azure, path)) == expected


def test_pages_are_linked_and_some_are_empty(azure):
    azure.page_size = 3
    path = f"{SECURITY}/secureScoreControls?api-version=2020-01-01&$expand=definition"
    first = get(azure, f"{SECURITY}/assessments").json()
    assert len(first["value"]) == 3
    assert first["nextLink"].startswith(f"{azure.endpoint}{SECURITY}/assessments?api-version=2024-01-01&$skiptoken=")
    azure.empty_pages = True
    assert get(azure, f"{SECURITY}/assessments").json()["value"] == []
    assert rows(azure, f"{SECURITY}/assessments") == ESTATE[f"{SUB}/assessments.json"]["value"]
    assert rows(azure, path) == ESTATE[f"{SUB}/secure-score-controls.json"]["value"]  # the link keeps the question
    assert "nextLink" not in get(azure, f"{SECURITY}/pricings").json()


def test_a_subscription_can_be_in_a_bad_condition(azure):
    everything = [f"{SECURITY}/{name}" for name in ("secureScores", "assessments", "pricings")]
    azure.condition(SUB, unregistered=True)
    assert {code(get(azure, path)) for path in everything} == {(409, "MissingSubscriptionRegistration")}
    assert rows(azure, f"{POLICY}/policyExemptions")
    azure.condition(SUB, unscored=True)
    scores = ("secureScores", "secureScores/ascScore", "secureScoreControls")
    assert {code(get(azure, f"{SECURITY}/{path}")) for path in scores} == {(404, "ResourceNotFound")}
    assert rows(azure, f"{SECURITY}/assessments")
    azure.condition(SUB, refused=("assessments",))
    assert code(get(azure, f"{SECURITY}/assessments")) == (403, "AuthorizationFailed")
    assert rows(azure, f"{SECURITY}/secureScores")
    azure.condition(SUB, refused=("*",))
    assert {code(get(azure, path))[0] for path in (f"/subscriptions/{SUB}", *everything)} == {403}
    azure.condition(SUB, state="Disabled")
    assert [row["state"] for row in rows(azure, "/subscriptions")] == ["Disabled"]
    azure.condition(SUB, gone=True)
    assert rows(azure, "/subscriptions") == []
    assert code(get(azure, f"{SECURITY}/assessments")) == (404, "SubscriptionNotFound")
    azure.condition(SUB.upper())
    assert [row["state"] for row in rows(azure, "/subscriptions")] == ["Enabled"]


def test_an_empty_list_of_scores_is_no_error_but_the_score_is_not_found(azure):
    azure.serve(estate(record=False), NOW)
    assert rows(azure, f"{SECURITY}/secureScores") == []
    assert code(get(azure, f"{SECURITY}/secureScores/ascScore")) == (404, "ResourceNotFound")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "DELETE"])
def test_a_write_is_refused_and_remembered(azure, method):
    path = f"/subscriptions/{SUB}/providers/Microsoft.Security/register"
    assert code(get(azure, path, method)) == (405, "HttpMethodNotAllowed")
    assert azure.writes == [(method, path)]


def test_reads_leave_no_writes_and_a_log(azure):
    get(azure, "/subscriptions")
    get(azure, "/providers/Microsoft.Management/getEntities", "POST")
    get(azure, f"/subscriptions/{OTHER}")
    assert not azure.writes
    assert list(azure.requests) == [
        ("GET", "/subscriptions", 200),
        ("POST", "/providers/Microsoft.Management/getEntities", 200),
        ("GET", f"/subscriptions/{OTHER}", 404),
    ]


def test_a_token_is_needed_where_tokens_are_set(azure):
    azure.tokens = ("right",)
    url = f"{azure.endpoint}/subscriptions?api-version=2022-12-01"
    assert code(requests.get(url, timeout=10)) == (401, "AuthenticationFailed")
    assert requests.get(url, headers={"Authorization": "Bearer wrong"}, timeout=10).status_code == 401
    assert requests.get(url, headers={"Authorization": "Bearer right"}, timeout=10).status_code == 200


def test_every_answer_carries_the_time_that_was_set(azure):
    assert get(azure, "/subscriptions").headers["Date"] == "Fri, 06 Mar 2026 16:00:30 GMT"
    azure.now = NOW.replace(hour=17)
    assert get(azure, "/nowhere").headers["Date"] == "Fri, 06 Mar 2026 17:00:30 GMT"


def test_what_is_served_is_copied_and_swapped_whole(azure):
    files = dict(estate(marks={("vm1", "a"): "Healthy"}))
    azure.serve(files, NOW)
    files[f"{SUB}/assessments.json"]["value"].clear()
    assert len(rows(azure, f"{SECURITY}/assessments")) == 1
    azure.serve(files, NOW)
    assert rows(azure, f"{SECURITY}/assessments") == []


@pytest.mark.parametrize(
    "files",
    [
        {"subscriptions.json": {"value": []}, "assesments.json": {"value": []}},
        {"subscriptions.json": {"value": []}, f"{SUB}/assessments.json": {"value": []}},
        {"subscriptions.json": {"error": {}}},
        {"subscriptions.json": ESTATE["subscriptions.json"], f"{SUB}/assessments.json": []},
    ],
)
def test_what_is_no_evidence_folder_is_not_served(shared, files):
    with pytest.raises(ValueError, match=r"json|lists? it"):
        shared.serve(files, NOW)


def test_many_assessments_are_served_fast(shared):
    """20 pages of a thousand in a second of processor time for each 100 MB at most, the reader's included."""
    row = ESTATE[f"{SUB}/assessments.json"]["value"][0]
    row = row | {"properties": row["properties"] | {"additionalData": {"padding": "x" * 1000}}}
    shared.serve({**ESTATE, f"{SUB}/assessments.json": {"value": [row] * 20_000}}, NOW)
    url = f"{shared.endpoint}{SECURITY}/assessments?api-version=2021-06-01"
    with requests.Session() as session:
        began = time.process_time()  # what else the machine does is not counted
        size = sum(len(session.get(f"{url}&$skiptoken={n}000", timeout=10).content) for n in range(20))
        took = time.process_time() - began
    assert size > 20_000_000
    assert size / took > 100e6


# Faults


def fate(azure: Azure, path: str = "/subscriptions") -> str:
    try:
        answer = get(azure, path)
        return f"{answer.status_code} {answer.headers['Content-Type'].split(';')[0]} {answer.text[:12]}"
    except requests.exceptions.ChunkedEncodingError:
        return "cut"
    except requests.exceptions.ConnectionError:
        return "reset"


def test_a_script_decides_one_request_after_another(azure):
    azure.script("^/subscriptions$", [429, "500", "html", "{}", "cut", "reset", None])
    assert [fate(azure) for _ in range(8)] == [
        '429 application/json {"error":{"c',
        '500 application/json {"error":{"c',
        "200 text/html <!DOCTYPE ht",
        "200 application/json {}",
        "cut",
        "reset",
        *['200 application/json {"value":[{"'] * 2,
    ]
    assert [status for _, _, status in azure.requests] == [429, 500, 200, 200, 200, 0, 200, 200]


def test_a_script_leaves_other_paths_alone(azure):
    azure.script("/assessments", [500])
    assert get(azure, "/subscriptions").status_code == 200
    assert get(azure, f"{SECURITY}/assessments").status_code == 500
    with pytest.raises(ValueError, match="'slwo' is not a fault"):
        azure.script("/assessments", ["slwo"])


def test_throttling_says_when_to_come_again(azure):
    azure.retry_after = 2
    azure.script("/subscriptions", [429])
    answer = get(azure, "/subscriptions")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")


def test_a_slow_answer_is_the_right_one_later(azure):
    azure.script("/subscriptions", ["slow"])
    began = time.perf_counter()
    assert get(azure, "/subscriptions").json()["value"]
    assert time.perf_counter() - began >= azure.slowness


def test_the_same_seed_brings_the_same_faults(azure):
    def weather(seed: int) -> list[str]:
        azure.faults = Faults(rate=0.5, kinds=("429", "500", "cut"), seed=seed)
        return [fate(azure) for _ in range(20)]

    one, again, other = weather(7), weather(7), weather(8)
    assert one == again != other
    assert {"cut"} < set(one)


def test_faults_can_be_only_the_first_of_some_paths(azure):
    azure.faults = (Faults(kinds=("500",), paths="/assessments", first=2), Faults(kinds=("429",), paths="^/teams/"))
    assert [get(azure, f"{SECURITY}/assessments").status_code for _ in range(3)] == [500, 500, 200]
    assert get(azure, "/subscriptions").status_code == 200
    assert requests.post(azure.webhook("x"), json=MESSAGE, timeout=10).status_code == 429
    azure.faults = None
    assert requests.post(azure.webhook("x"), json=MESSAGE, timeout=10).status_code == 202


def test_the_world_can_change_in_the_middle_of_a_read(azure):
    azure.page_size = 4
    azure.on(r"skiptoken=4", lambda _: azure.serve(estate(), NOW))
    assert len(rows(azure, f"{SECURITY}/assessments")) == 4


def test_a_request_can_be_held(azure):
    held, go = threading.Event(), threading.Event()
    azure.on("/assessments", lambda _: (held.set(), go.wait(10)))
    answers: list[int] = []
    reader = threading.Thread(target=lambda: answers.append(get(azure, f"{SECURITY}/assessments").status_code))
    reader.start()
    assert held.wait(10)
    assert get(azure, "/subscriptions").status_code == 200
    assert not answers
    go.set()
    reader.join()
    assert answers == [200]


def test_an_error_in_a_callback_is_raised_at_the_end():
    def broken(path: str) -> None:
        raise LookupError(path)

    azure = Azure()
    azure.on("/subscriptions", broken)
    azure.__enter__()
    assert get(azure, "/subscriptions").status_code == 500
    with pytest.raises(LookupError, match="/subscriptions"):
        azure.__exit__(None, None, None)


def test_a_request_that_is_never_released_does_not_keep_it_from_ending():
    with Azure() as azure:
        azure.on("/subscriptions", lambda _: threading.Event().wait())
        with pytest.raises(requests.exceptions.ReadTimeout):
            requests.get(f"{azure.endpoint}/subscriptions", timeout=0.1)


def test_a_port_that_is_taken_is_an_error(azure):
    with pytest.raises(OSError, match="in use"):
        Azure(int(azure.endpoint.rpartition(":")[2])).__enter__()


# Teams


def post(url: str, body: Any) -> int:
    return requests.post(url, json=body, timeout=10).status_code


def test_teams_takes_a_card_as_often_as_it_is_sent(azure):
    other = {**MESSAGE, "attachments": [ONLY, ONLY]}
    assert [post(azure.webhook(n), m) for n, m in (("a", MESSAGE), ("b", other), ("a", MESSAGE))] == [202] * 3
    assert azure.cards == {"/teams/a": [(1, MESSAGE), (3, MESSAGE)], "/teams/b": [(2, other)]}
    answer = requests.post(azure.webhook("a") + "?api-version=1&sig=secret", json=MESSAGE, timeout=10)
    assert (answer.status_code, answer.content) == (202, b"")


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"type": "message"},
        {"type": "message", "attachments": []},
        {"attachments": [ONLY]},
        {"type": "message", "attachments": [{**ONLY, "contentType": "application/json"}]},
        {"type": "message", "attachments": [{**ONLY, "content": None}]},
        {"type": "message", "attachments": [{**ONLY, "content": {"type": "AdaptiveCard"}}]},
    ],
)
def test_teams_refuses_what_is_no_message_with_cards(azure, body):
    assert post(azure.webhook("a"), body) == 400
    assert not azure.cards


def test_teams_refuses_what_is_too_long_and_what_is_not_json(azure):
    padding = 28_672 - len(requests.Request("POST", "http://x", json={**MESSAGE, "x": ""}).prepare().body)
    assert post(azure.webhook("a"), {**MESSAGE, "x": " " * padding}) == 202
    assert post(azure.webhook("a"), {**MESSAGE, "x": " " * (padding + 1)}) == 413
    assert (
        requests.post(
            azure.webhook("a"), data="{", headers={"Content-Type": "application/json"}, timeout=10
        ).status_code
        == 400
    )


def test_teams_answers_as_it_is_told(azure):
    azure.teams_answers = [429, 500, 400, 200, None]
    answers = [requests.post(azure.webhook("a"), json=MESSAGE, timeout=10) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [429, 500, 400, 200, 202, 202]
    assert answers[0].headers["Retry-After"] == "0.01"
    assert "failed" in answers[3].text
    assert len(azure.cards["/teams/a"]) == 2
    azure.teams_answers = lambda path, body: 500 if path.endswith("down") and body == MESSAGE else None
    assert [post(azure.webhook(name), MESSAGE) for name in ("down", "up")] == [500, 202]


def test_a_cut_answer_of_teams_has_posted_the_card_and_a_reset_connection_has_not(azure):
    azure.script("/teams/", ["cut", "reset"])
    for posted in (1, 1):
        with pytest.raises(requests.exceptions.ConnectionError):
            post(azure.webhook("a"), MESSAGE)
        assert len(azure.cards["/teams/a"]) == posted


# Event Grid, Graph, identity


def test_the_topic_takes_what_microsofts_client_publishes(azure):
    from azure.core.credentials import AzureKeyCredential
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
    from azure.core.messaging import CloudEvent
    from azure.eventgrid import EventGridEvent, EventGridPublisherClient

    azure.topic_key = "right"
    client = EventGridPublisherClient(azure.topic, AzureKeyCredential("right"))
    client.send([CloudEvent(source="/drift", type="Drift.Explained", data={"n": n}) for n in (1, 2)])
    client.send(EventGridEvent("s", "Drift.Explained", {"n": 3}, "1"))
    assert [event["data"]["n"] for event in azure.events] == [1, 2, 3]
    azure.topic_answers = [503]
    with pytest.raises(HttpResponseError):
        client.send(CloudEvent(source="/drift", type="Drift.Explained", data={}), retry_total=0)
    with pytest.raises(ClientAuthenticationError):
        EventGridPublisherClient(azure.topic, AzureKeyCredential("wrong")).send(EventGridEvent("s", "t", {}, "1"))
    assert len(azure.events) == 3


@pytest.mark.parametrize("batch", [[], {}, [{**EVENT, "source": ""}], ["x"]])
def test_the_topic_refuses_a_malformed_batch(azure, batch):
    headers = {"Content-Type": "application/cloudevents-batch+json", "aeg-sas-key": "any"}
    assert requests.post(azure.topic, json=batch, headers=headers, timeout=10).status_code == 400
    assert requests.post(azure.topic, json=[EVENT], headers=headers, timeout=10).status_code == 200
    assert azure.events == [EVENT]


def test_graph_knows_people_and_applications(azure):
    azure.directory = directory()
    user = get(azure, f"{azure.graph}/users/{PRIYA.object_id}").json()
    assert user["displayName"] == "Priya Raman"
    assert get(azure, f"{azure.graph}/users/{PRIYA.address}", **{"$select": "id"}).json() == {"id": PRIYA.object_id}
    principal = get(azure, f"{azure.graph}/servicePrincipals/{PIPELINE.object_id}").json()
    assert get(azure, f"{azure.graph}/servicePrincipals(appId='{PIPELINE.application}')").json() == principal
    for stranger in (f"servicePrincipals/{PRIYA.object_id}", f"users/{OTHER}"):
        assert code(get(azure, f"{azure.graph}/{stranger}")) == (404, "Request_ResourceNotFound")
    wanted = {"ids": [PRIYA.object_id, PIPELINE.object_id, OTHER], "types": ["user"]}
    answer = requests.post(f"{azure.graph}/directoryObjects/getByIds", json=wanted, timeout=10)
    assert answer.json() == {"value": [user]}
    azure.tokens = ("right",)
    assert get(azure, f"{azure.graph}/users/{PRIYA.object_id}").status_code == 401


def test_microsofts_managed_identity_gets_its_token_here(azure, monkeypatch):
    from azure.core.exceptions import ClientAuthenticationError
    from azure.identity import ManagedIdentityCredential

    azure.tokens = ("right",)
    for name, value in azure.environment.items():
        monkeypatch.setenv(name, value)
    token = ManagedIdentityCredential().get_token("https://management.azure.com/.default")
    assert token.token == "right"
    assert 3000 < token.expires_on - time.time() <= 3600
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    with pytest.raises(ClientAuthenticationError):
        ManagedIdentityCredential().get_token("https://management.azure.com/.default")


def test_microsofts_security_client_reads_it(azure):
    from azure.core.credentials import AccessToken
    from azure.core.pipeline.policies import SansIOHTTPPolicy
    from azure.mgmt.security import SecurityCenter

    class Nobody:
        def get_token(self, *scopes: str, **more: Any) -> AccessToken:
            return AccessToken("", 0)

    azure.page_size, azure.empty_pages = 3, True
    client = SecurityCenter(
        Nobody(), SUB, base_url=azure.endpoint, credential_scopes=["x"], authentication_policy=SansIOHTTPPolicy()
    )
    (score,) = client.secure_scores.list()
    assert (score.max, score.current, score.percentage) == (10, 2.0, 0.2)
    (control,) = client.secure_score_controls.list(expand="definition")
    assert (control.healthy_resource_count, control.unhealthy_resource_count) == (1, 4)
    assert len(control.definition.assessment_definitions) == 2
    assert len(list(client.assessments.list(f"subscriptions/{SUB}"))) == 10
    assert [plan.name for plan in client.pricings.list(f"subscriptions/{SUB}").value] == ["FoundationalCspm"]
    assert [connector.name for connector in client.security_connectors.list()] == ["conn"]
    assert len(list(client.governance_assignments.list(f"subscriptions/{SUB}", key("a")))) == 1
    assert list(client.governance_rules.list(f"subscriptions/{SUB}")) == []
    assert list(client.auto_provisioning_settings.list()) == []
    assert not azure.writes


# Northwind


def test_a_world_is_the_same_as_a_mapping_and_as_a_folder(tmp_path, shared):
    world = begin()
    world.advance(MONDAY)
    write_folder(world, tmp_path / "folder")
    assert read_folder(tmp_path / "folder") == files_of(world)
    shared.serve(files_of(world), world.now)
    assert [row["displayName"] for row in rows(shared, "/subscriptions")] == ["sub-prod"]
    assert rows(shared, f"{PROD.path}/providers/Microsoft.Security/autoProvisioningSettings")


def test_several_subscriptions_are_served_from_one_folder(tmp_path, shared):
    folder = write(tenant(ESTATE, estate(subscription=OTHER)), tmp_path / "folder")
    shared.serve(read_folder(folder), NOW)
    assert [row["subscriptionId"] for row in rows(shared, "/subscriptions")] == [SUB, OTHER]
    assert rows(shared, f"/subscriptions/{OTHER}/providers/Microsoft.Security/assessments") == []


@pytest.fixture(scope="module")
def told() -> list[tuple[datetime, dict[str, Any]]]:
    world = begin()
    world.advance(on(6, "Fri", "16:00"))
    return events_of(world, MONDAY)


def test_the_acts_of_the_story_are_told_as_azure_tells_them(told):
    acts = Counter((at, event["data"]["operationName"]) for at, event in told)
    assert acts[on(3, "Mon", "09:00"), "Microsoft.Security/autoProvisioningSettings/write"] == 1
    assert acts[on(4, "Mon", "10:00"), "Microsoft.Authorization/policyExemptions/write"] == 1
    assert acts[on(4, "Tue", "09:00"), "Microsoft.Security/pricings/write"] == 1
    assert acts[on(5, "Wed", "10:00"), "Microsoft.Authorization/policyAssignments/write"] == 1
    assert acts[on(2, "Tue", "09:30"), "Microsoft.Web/sites/write"] == 3
    deleted = [event for _, event in told if event["eventType"].endswith("DeleteSuccess")]
    assert len({event["data"]["correlationId"] for event in deleted}) == 1
    assert deleted[-1]["data"]["operationName"] == "Microsoft.Resources/subscriptions/resourceGroups/delete"
    assert deleted[-1]["data"]["httpRequest"]["method"] == "DELETE"
    assert len(deleted) == 5


def test_an_event_says_who_what_where_and_when(told):
    at, event = next((at, e) for at, e in told if "policyExemptions" in e["subject"])
    assert at == on(4, "Mon", "10:00")
    assert event["eventTime"] == "2026-03-23T10:00:00.0000000Z"
    assert event["eventType"] == "Microsoft.Resources.ResourceWriteSuccess"
    assert event["topic"] == f"/subscriptions/{PROD.id}/resourceGroups/rg-shop"
    data = event["data"]
    assert data["resourceUri"].lower() == event["subject"].lower()
    assert data["resourceUri"] != event["subject"]  # their case differs, as in Azure
    assert (data["claims"]["name"], data["status"]) == (PRIYA.name, "Succeeded")
    assert "httpRequest" not in data
    by_dev = next(e for at, e in told if at == on(5, "Wed", "10:00"))
    assert (by_dev["data"]["subscriptionId"], by_dev["data"]["claims"]["name"]) == (DEV.id, LENA.name)
    assert "name" not in next(e for _, e in told if "web-loyalty" in e["subject"])["data"]["claims"]


def test_an_exemption_in_an_event_is_the_one_in_the_list(told):
    world = begin()
    world.advance(on(4, "Fri", "16:00"))
    listed = {row["id"] for row in files_of(world)[f"{PROD.id}/policy-exemptions.json"]["value"]}
    assert {e["data"]["resourceUri"] for _, e in told if "policyExemptions" in e["subject"]} < listed


def test_events_are_in_order_unique_and_the_same_on_every_run(told):
    times, ids = [at for at, _ in told], [event["id"] for _, event in told]
    assert times == sorted(times)
    assert len(set(ids)) == len(ids) > 15
    world = begin()
    world.advance(on(6, "Fri", "16:00"))
    assert events_of(world, MONDAY) == told

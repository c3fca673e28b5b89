"""What is read from Azure is what an evidence folder with the same answers holds: a subscription whole, or an error."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from drift.adapters.defender import Defender, export
from drift.adapters.evidence import Folder as Evidence
from drift.adapters.evidence import open_folders
from drift.errors import EvidenceError, Refused, ServiceError
from drift.folders import explain_folders
from drift.model import NEVER, Context, Snapshot, Status, Subscription, moment, ticks
from drift.names import Names
from tests.adapters.loopback import CUT, EMPTY, HTML, RESET, Azure, azure
from tests.build import (
    BUILT_IN,
    SUB,
    T0,
    Estate,
    Folder,
    at,
    estate,
    exemption,
    guid,
    iso,
    key,
    mark,
    standard_exemption,
    tenant,
    write,
)
from tests.estates import make

OTHER = "22222222-2222-2222-2222-222222222222"
RULES = {"value": [{"id": "r", "name": "r", "properties": {"displayName": "a rule", "isGracePeriod": True}}]}
PROVISIONING = {
    "value": [
        {"id": f"/subscriptions/{SUB}/x/{name}", "name": name, "properties": {"autoProvision": setting}}
        for name, setting in (("default", "On"), ("mma", "Off"))
    ]
}
HEALTH = {
    "value": [
        {
            "id": f"/subscriptions/{SUB}/providers/Microsoft.Security/healthReports/1",
            "name": "1",
            "properties": {
                "resourceDetails": {"source": "Azure", "id": f"/subscriptions/{SUB}"},
                "status": {"code": "NotHealthy", "cause": "AgentMissing"},
                "affectedDefendersPlans": ["VirtualMachines"],
                "issues": [{"issueKey": "k", "issueName": "no agent", "remediationSteps": "install it"}],
            },
        }
    ]
}


def rich() -> Estate:
    """Something of everything that surrounds the marks."""
    return estate(
        controls={"c": (10, ["a", "b"]), "d": (6, ["p", "s"]), "e": (4, ["g"])},
        marks={
            ("vm1", "a"): "Unhealthy",
            ("vm2", "a"): mark("Healthy", at(-3), at(-20)),
            ("vm2", "b"): "Exempt",
            ("vm3", "b"): mark("Unhealthy", at(-1), at(-2)),
            ("subnet1", "b"): "Healthy",
            ("kv1", "p"): "OffByPolicy",
            ("kv2", "g"): "Unhealthy",
            ("kv3", "g"): "Unhealthy",
            ("aws1", "b"): "Healthy",
            ("sub", "s"): "Unhealthy",
        },
        recommendations={
            "p": {"preview": True, "deprecated": "05/2026"},
            "a": {"GA": at(-500), "public": at(-900), "description": "Who may log in", "remediation": "<p>Do.</p>"},
        },
        switches={"a": "aMonitoringEffect", "p": "pMonitoringEffect"},
        version="57.56.0",
        assignments={
            BUILT_IN: {
                "modified": at(-7),
                "parameters": {"aMonitoringEffect": "AuditIfNotExists", "days": 30, "on": True},
            },
            "old": {"metadata": {"updatedBy": guid("bob"), "updatedOn": iso(at(-9))}},
        },
        plans={"FoundationalCspm": "Standard", "SqlServers": {"tier": "Standard", "since": at(-3)}, "Arm": "Free"},
        connectors={"conn": {"created": at(-40), "by": guid("pipeline"), "by_type": "Application", "modified": at(-4)}},
        exemptions={
            "e": exemption("vm2", ("b",), created=at(-2), expires=at(500), modified=at(-1), reason="On its way out"),
            "m": exemption("mg:mg-a", ("p",)),
        },
        standards={"s": standard_exemption("vm3", "b", category="mitigated", by=guid("ada"), modified=at(-5))},
        governance={("kv2", "g"): {"due": at(900)}, ("kv3", "g"): {"due": at(900), "grace": False, "owner": "bob"}},
        resources={
            "sql1": {"createdTime": at(-1), "changedTime": at(-0.5), "tags": {"owner": "ada"}},
            "web1": {"type": "Other/things"},
        },
        ancestors=["mg-a", "mg-root"],
        tags={"environment": "prod"},
    )


def with_all(folder: Folder) -> Folder:
    """The folder with the lists that `estate` does not make."""
    more = {"governance-rules": RULES, "auto-provisioning-settings": PROVISIONING, "health-reports": HEALTH}
    return {**folder, **{f"{SUB}/{name}.json": content for name, content in more.items()}}


def defender(server: Azure, **more: Any) -> Defender:
    return Defender(server.endpoint, None, **{"backoff": 0.001, **more})


def collected(server: Azure, identity: str = SUB) -> Snapshot:
    source = defender(server)
    subscription = source.subscription(identity)
    assert subscription is not None
    above = source.ancestors().get(identity) if "management-groups.json" in server.folder else None
    return source.snapshot(subscription, Names(), Names(), above)


def from_folder(
    folder: Folder, path: Any, identity: str = SUB, registers: tuple[Names, Names] | None = None
) -> Snapshot:
    resources, recommendations = registers or (Names(), Names())
    evidence = Evidence(write(folder, path), recommendations)
    snapshot = evidence.snapshot(identity, resources, evidence.recommendations.copy())
    assert snapshot is not None
    return snapshot


def told(snapshot: Snapshot) -> dict[str, Any]:
    """All that a snapshot says, with names for positions."""
    resources, keys, context = snapshot.resources, snapshot.recommendations, snapshot.context
    columns = (snapshot.marks.status, snapshot.marks.because, snapshot.marks.changed, snapshot.marks.first)
    told_of = zip(*(column.tolist() for column in columns), strict=True)
    pairs = zip(snapshot.marks.resource.tolist(), snapshot.marks.recommendation.tolist(), strict=True)
    around: dict[str, Any] = {field.name: getattr(context, field.name) for field in fields(Context)}
    if context.recommendations is not None:
        around["recommendations"] = {keys[place]: one for place, one in context.recommendations.items()}
    for name in ("graces", "dues"):
        if (rows := getattr(context, name)) is not None:
            around[name] = {(resources[g.resource], keys[g.recommendation], g.due, g.owner) for g in rows}
    if (inventory := context.inventory) is not None:
        written = [NEVER] * len(inventory.resource) if inventory.written is None else inventory.written.tolist()
        columns = (column.tolist() for column in (inventory.resource, inventory.created, inventory.tags))
        listed = zip(*columns, written, strict=True)
        made = {resources[place]: (created, inventory.tag_sets[tags], at) for place, created, tags, at in listed}
        around["inventory"] = (made, inventory.types)
    return {
        "subscription": snapshot.subscription,
        "taken at": snapshot.taken_at,
        "score": (snapshot.score, snapshot.unscored),
        "controls": [
            replace(c, recommendations=tuple(sorted(keys[place] for place in c.recommendations)))  # type: ignore[type-var]
            for c in snapshot.controls
        ],
        "marks": {(resources[r], keys[k]): row for (r, k), row in zip(pairs, told_of, strict=True)},
        "context": around,
    }


def changed(folder: Folder, name: str, change: Any) -> Folder:
    """The folder with one list changed in place."""
    new = deepcopy(dict(folder))
    change(new[name]["value"])
    return new


@pytest.fixture
def server():
    with azure(with_all(rich())) as server:
        yield server


# The same as a folder


@pytest.mark.parametrize("pages", [1000, 2, 1])
def test_what_is_read_is_what_a_folder_of_the_same_answers_holds(server, tmp_path, pages):
    server.pages, server.empty_pages = pages, pages < 1000
    found, known = collected(server), from_folder(with_all(rich()), tmp_path)
    assert told(found) == told(known)
    context = found.context
    assert len(found.marks) == 10
    assert context.graces
    assert context.health
    assert context.provisioning == {"default": True, "mma": False}
    assert None not in [getattr(context, field.name) for field in fields(Context)]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_an_estate_does_is_read_as_from_its_folder(seed, tmp_path):
    for number, folder in enumerate(make(seed, 6, lag=seed % 2 == 0, steps=3)):
        whole = {**folder}
        for path in folder:
            if path.endswith("/secure-scores.json"):
                whole[path.replace("secure-scores", "governance-rules")] = RULES
                whole.setdefault(path.replace("secure-scores", "auto-provisioning-settings"), {"value": []})
                whole.setdefault(path.replace("secure-scores", "health-reports"), {"value": []})
        identities = [path.partition("/")[0] for path in folder if path.endswith("/secure-scores.json")]
        taken = Evidence(write(whole, tmp_path / str(number)), Names())
        with azure(whole, moment(taken.taken_at)) as server:
            server.pages = 7
            for identity in identities:
                known = taken.snapshot(identity, Names(), taken.recommendations.copy())
                assert known is not None
                assert told(collected(server, identity)) == asked_for(told(known))


def asked_for(said: dict[str, Any]) -> dict[str, Any]:
    """Without the governance of no Unhealthy mark: Azure is asked for that of recommendations that are Unhealthy."""
    unhealthy = {name for (_, name), row in said["marks"].items() if row[0] == Status.UNHEALTHY}
    asked = {name: {one for one in said["context"][name] or () if one[1] in unhealthy} for name in ("graces", "dues")}
    return said | {"context": said["context"] | asked}


def test_positions_are_those_of_the_chain(server):
    source, resources, recommendations = defender(server), Names(["/gone"]), Names([key("b"), "gone"])
    subscription = source.subscriptions()[0]
    first = source.snapshot(subscription, resources, recommendations)
    second = source.snapshot(subscription, resources, recommendations)
    assert first.resources is second.resources is resources
    assert np.array_equal(first.marks.resource, second.marks.resource)
    assert first.context.recommendations == second.context.recommendations
    assert 0 in first.context.recommendations
    assert told(first) == told(second)


def test_ids_come_in_any_case(server, tmp_path):
    def louder(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["id"] = row["id"].upper()
            row["properties"]["resourceDetails"]["id"] = row["properties"]["resourceDetails"]["id"].upper()
            row["name"] = row["name"].upper()

    loud = changed(with_all(rich()), f"{SUB}/assessments.json", louder)
    server.folder = dict(loud)
    found, known = collected(server), from_folder(loud, tmp_path)
    assert told(found) == told(known)
    assert {one.lower() for one, _ in told(found)["marks"]} == {one.lower() for one, _ in told(known)["marks"]}
    assert found.context.graces


def test_assessments_that_spell_details_in_capitals_are_read_too(server, tmp_path):
    def capital(rows: list[dict[str, Any]]) -> None:
        for row in rows[::2]:
            row["properties"]["resourceDetails"] = {"Source": "Aws", "Id": row["properties"]["resourceDetails"]["id"]}
        del rows[1]["properties"]["resourceDetails"]

    folder = changed(with_all(rich()), f"{SUB}/assessments.json", capital)
    server.folder = dict(folder)
    for server.pages in (1000, 1):
        assert told(collected(server)) == told(from_folder(folder, tmp_path / str(server.pages)))


def test_of_several_scores_it_is_ascscore(server):
    def more(rows: list[dict[str, Any]]) -> None:
        other = deepcopy(rows[0]) | {"name": "other", "id": rows[0]["id"].replace("ascScore", "other")}
        other["properties"]["score"] = {"max": 1, "current": 1, "percentage": 1}
        rows.insert(0, other)

    before = collected(server).score
    server.folder = dict(changed(server.folder, f"{SUB}/secure-scores.json", more))
    assert collected(server).score == before


# When


def test_a_snapshot_is_taken_when_its_counts_were_last_answered(server):
    clock = {"securescorecontrols": at(1), "assessments": at(2), "resources": at(9)}

    def tick(path: str) -> None:
        now = clock.get(path.rpartition("/")[2])
        if path.endswith("securescorecontrols") and server.date >= at(2):
            now = at(3)
        server.date = now or server.date

    server.before = tick
    assert collected(server).taken_at == ticks(at(3))


def test_the_first_evaluation_is_kept_of_the_day_before_the_snapshot_and_no_other():
    one = estate(
        controls={"c": (10, ["a"])},
        marks={("vm1", "a"): mark("Unhealthy", at(-22), at(-30)), ("vm2", "a"): mark("Healthy", at(-20), at(-25))},
    )
    with azure(one) as server:

        def tick(path: str) -> None:
            server.date = at(3) if path.endswith("assessments") else server.date

        server.before = tick
        found = told(collected(server))
    assert found["taken at"] == ticks(at(3))
    firsts = {name.rpartition("/")[2]: row[3] for (name, _), row in found["marks"].items()}
    assert firsts == {"vm1": NEVER, "vm2": ticks(at(-25))}


def test_counts_that_change_meanwhile_are_read_again_with_the_marks(server, tmp_path):
    after = with_all(rich().but(hours=0, marks={("vm1", "a"): "Healthy"}))

    def change(path: str) -> None:
        if path.endswith("/assessments") and server.asked("/assessments\\?") == 1:
            server.folder = dict(after)

    server.before = change
    found = collected(server)
    assert told(found) == told(from_folder(after, tmp_path))
    assert server.asked("/assessments\\?") == 2


def test_counts_that_change_all_the_time_are_an_error(server):
    worlds = [with_all(rich()), with_all(rich().but(hours=0, marks={("vm1", "a"): "Healthy"}))]

    def change(path: str) -> None:
        if path.endswith("/assessments"):
            server.folder = dict(worlds[server.asked("/assessments\\?") % 2])

    server.before = change
    with pytest.raises(ServiceError, match=f"{SUB}: its counts changed during each of 3 readings"):
        collected(server)
    assert server.asked("/assessments\\?") == 3


def test_a_score_that_vanishes_meanwhile_is_no_score(server):
    def change(path: str) -> None:
        if path.endswith("/assessments"):
            server.folder[f"{SUB}/secure-scores.json"] = {"value": []}

    server.before = change
    assert collected(server).unscored == "Azure reports no score"


# Subscriptions without a score


def nothing(snapshot: Snapshot) -> bool:
    return snapshot.score is None and not snapshot.controls and not len(snapshot.marks)


def test_a_subscription_that_is_not_in_use_is_not_read_further(server):
    server.folder = dict(changed(server.folder, "subscriptions.json", lambda rows: rows[0].update(state="Disabled")))
    found = collected(server)
    assert found.unscored == "subscription is Disabled"
    assert nothing(found)
    assert found.taken_at == ticks(T0)
    assert server.asked("Microsoft.Security") == 0
    assert found.context == Context(ancestors=("mg-a", "mg-root"))


@pytest.mark.parametrize("status", [404, 409])
def test_a_subscription_whose_provider_is_not_registered_has_no_score(server, status):
    server.on("Microsoft.Security", status, code="MissingSubscriptionRegistration")
    found = collected(server)
    assert found.unscored == "Microsoft.Security is not registered in the subscription"
    assert nothing(found)


def test_a_score_that_does_not_exist_is_no_score(server, tmp_path):
    server.on("secureScores$", 404, code="ResourceNotFound")
    found = collected(server)
    assert found.unscored == "Azure reports no score"
    assert nothing(found)
    folder = with_all(rich()) | {f"{SUB}/secure-scores.json": {"value": []}}
    del folder[f"{SUB}/governance-assignments.json"]
    expected = from_folder(folder, tmp_path)
    expected = replace(expected, context=replace(expected.context, graces=(), dues=()))
    assert told(found) == told(expected)


@pytest.mark.parametrize("rows", [[], [{"id": "x", "name": "ascScore", "properties": {"score": {}, "weight": 0}}]])
def test_an_empty_list_or_record_is_no_score(server, rows):
    server.folder[f"{SUB}/secure-scores.json"] = {"value": rows}
    found = collected(server)
    assert found.unscored == "Azure reports no score"
    assert nothing(found)
    assert server.asked("/assessments\\?") == 0


def test_where_foundational_cspm_is_off_there_is_no_score(server):
    def off(rows: list[dict[str, Any]]) -> None:
        rows[0]["properties"]["pricingTier"] = "Free"

    server.folder = dict(changed(server.folder, f"{SUB}/pricings.json", off))
    found = collected(server)
    assert found.unscored == "Foundational CSPM is off"
    assert nothing(found)


def test_where_nothing_counts_there_is_no_score(tmp_path):
    one = estate(controls={"c": (10, ["a"])}, marks={("vm1", "a"): "OffByPolicy"})
    with azure(one) as server:
        found = collected(server)
    assert found.unscored == "no control has a counted resource"
    assert told(found)["marks"] == told(from_folder(one, tmp_path))["marks"]


def test_of_two_subscriptions_one_lacks_registration():
    with azure(tenant(rich(), rich().but(subscription=OTHER))) as server:
        server.on(f"{OTHER}.*Microsoft.Security", 409, code="MissingSubscriptionRegistration")
        source = defender(server)
        reasons = {one.id: source.snapshot(one, Names(), Names()).unscored for one in source.subscriptions()}
    assert reasons == {SUB: None, OTHER: "Microsoft.Security is not registered in the subscription"}


@pytest.mark.parametrize(
    ("what", "code"),
    [(404, "NotFound"), (404, "SubscriptionNotFound"), (403, "AuthorizationFailed"), (500, "X"), (409, "Conflict")],
)
@pytest.mark.parametrize("name", ["secureScores$", "secureScoreControls$", "/assessments$"])
def test_what_must_be_read_and_is_not_is_an_error(server, name, what, code):
    server.on(name, what, code=code)
    with pytest.raises(ServiceError, match=f"answered {what} {code}"):
        collected(server)


@pytest.mark.parametrize("name", ["secureScoreControls$", "/assessments$"])
def test_only_a_score_may_not_exist(server, name):
    server.on(name, 404, code="ResourceNotFound")
    with pytest.raises(ServiceError, match="404 ResourceNotFound"):
        collected(server)


def test_a_score_without_controls_is_an_error(server):
    server.folder[f"{SUB}/secure-score-controls.json"] = {"value": []}
    with pytest.raises(ServiceError, match="has no controls, though"):
        collected(server)


# What may be missing

OPTIONAL = {
    "plans": "/pricings$",
    "recommendations": "/assessmentMetadata$",
    "initiatives": "/policySetDefinitions/",
    "inventory": "/resources$",
    "connectors": "/securityConnectors$",
    "assignments": "/policyAssignments$",
    "policy_exemptions": "/policyExemptions$",
    "standard_exemptions": "/standardAssignments$",
    "graces": "/governanceAssignments$",
    "provisioning": "/autoProvisioningSettings$",
    "health": "/healthReports$",
}
WITH = {"initiatives": ("switches", "versions"), "graces": ("dues",)}
"""What the same answer tells."""


def test_every_field_that_surrounds_the_marks_may_be_missing():
    assert {*OPTIONAL, *sum(WITH.values(), ())} == {field.name for field in fields(Context)} - {"ancestors"}


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "AuthorizationFailed"), (401, "X"), (404, "InvalidResourceType"), (400, "NoRegisteredProviderFound")],
)
@pytest.mark.parametrize("name", OPTIONAL)
def test_what_is_refused_or_does_not_exist_here_is_not_at_hand(server, name, status, code):
    whole = told(collected(server))
    server.on(OPTIONAL[name], status, code=code)
    found = told(collected(server))
    for field in (name, *WITH.get(name, ())):
        assert found["context"].pop(field) is None
        assert whole["context"].pop(field) is not None
    assert found == whole


@pytest.mark.parametrize("what", [429, 500, 404, CUT, RESET, HTML, '{"value": 1}', '{"value": [{}]}'])
@pytest.mark.parametrize("name", OPTIONAL)
def test_what_fails_is_an_error_and_never_missing_or_empty(server, name, what):
    server.on(OPTIONAL[name], what)
    with pytest.raises(ServiceError, match=r"(GET|POST) /"):
        collected(server)


def test_an_optional_list_that_fails_once_is_read_again(server):
    whole = told(collected(server))
    for pattern, fault in zip(OPTIONAL.values(), [429, 500, CUT, RESET, HTML, EMPTY] * 2, strict=False):
        server.on(pattern, fault, times=2)
    assert told(collected(server)) == whole


def test_without_the_definition_of_the_benchmark_references_are_not_at_hand(server):
    server.on("policySetDefinitions", 404, code="PolicySetDefinitionNotFound")
    assert collected(server).context.initiatives is None


def test_without_rules_nobody_asks_for_grace_periods(server):
    server.folder[f"{SUB}/governance-rules.json"] = {"value": []}
    context = collected(server).context
    assert context.graces == context.dues == ()
    assert server.asked("governanceAssignments") == 0


def test_grace_periods_are_asked_for_what_is_unhealthy(server):
    collected(server)
    assert server.asked("governanceAssignments") == 4
    assert server.asked(f"{key('p')}/governanceAssignments") == 0


# Rows that can't be


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("assessments", lambda rows: rows[3]["properties"]["status"].update(code="Fine"), "Invalid enum value"),
        ("assessments", lambda rows: rows[3]["properties"]["status"].update(statusChangeDate="x"), "row 4"),
        ("assessments", lambda rows: rows.append(rows[0] | {"properties": rows[1]["properties"]}), "POSTGRES"),
        ("secure-scores", lambda rows: rows[0]["properties"]["score"].update(percentage=1.5), "`percentage`"),
        ("secure-score-controls", lambda rows: rows[0]["properties"].pop("definition"), "definition"),
        ("secure-score-controls", lambda rows: rows[0]["properties"].pop("healthyResourceCount"), "is missing"),
        ("pricings", lambda rows: rows[0]["properties"].update(pricingTier="Gold"), "pricingTier"),
        ("policy-exemptions", lambda rows: rows[0].update(id="/x"), "not the id of a policy exemption"),
        ("resources", lambda rows: rows.append(rows[0] | {"tags": {"a": "b"}}), "is there twice"),
    ],
)
def test_a_row_that_cannot_be_is_an_error_with_what_was_asked(server, name, change, said):
    server.folder = dict(changed(server.folder, f"{SUB}/{name}.json", change))
    if said == "POSTGRES":
        assert len(collected(server).marks) == 10  # the same assessment under another name is the same
        return
    with pytest.raises(ServiceError, match=said) as caught:
        collected(server)
    assert f"GET /subscriptions/{SUB}/" in str(caught.value)
    assert str(caught.value).isprintable()


# Subscriptions and what is above them


def test_subscriptions_are_read_with_state_and_tags(server):
    server.folder = dict(tenant(rich(), rich().but(subscription=OTHER, tags={"environment": "test"})))
    server.pages = 1
    found = defender(server).subscriptions()
    assert found == [
        Subscription(SUB, "sub 1111", None, "Enabled", {"environment": "prod"}),
        Subscription(OTHER, "sub 2222", None, "Enabled", {"environment": "test"}),
    ]
    assert defender(server).subscription(OTHER.upper()) == found[1]


def test_a_subscription_that_azure_does_not_know_is_none_at_a_known_time(server):
    source = defender(server)
    assert source.subscription(OTHER) is None
    assert source.now() == ticks(T0)


@pytest.mark.parametrize("identity", ["", "x", "../providers", f"{SUB}/resources", f"{SUB}?x=", "all"])
def test_what_is_no_id_is_not_asked(server, identity):
    assert defender(server).subscription(identity) is None
    assert server.seen == []


def test_a_subscription_that_is_refused_is_not_gone(server):
    server.on("subscriptions", 403)
    with pytest.raises(Refused):
        defender(server).subscription(SUB)


@pytest.mark.parametrize("body", [HTML, "{}", f'{{"subscriptionId": "{OTHER}", "displayName": "x"}}', '{"id": "x"}'])
def test_an_answer_about_something_else_is_an_error(server, body):
    server.on("subscriptions", body)
    with pytest.raises(ServiceError):
        defender(server).subscription(SUB)


def test_management_groups_are_told_nearest_first(server):
    server.folder = dict(tenant(rich(), rich().but(subscription=OTHER.upper(), ancestors=["B", "mg-Root"])))
    server.pages = 1
    assert defender(server).ancestors() == {SUB: ("mg-a", "mg-root"), OTHER: ("b", "mg-root")}


def test_management_groups_that_are_refused_are_said_to_be(server):
    server.on("getEntities", 403)
    with pytest.raises(Refused):
        defender(server).ancestors()


# How often, and what


def test_what_is_the_same_for_all_is_asked_once_in_ten_minutes(server):
    server.folder = dict(tenant(rich(), rich().but(subscription=OTHER)))
    source = defender(server)
    first, second = (source.snapshot(one, Names(), Names()) for one in source.subscriptions())
    assert told(first)["context"]["recommendations"] == told(second)["context"]["recommendations"]
    assert server.asked("assessmentMetadata") == server.asked("policySetDefinitions") == 1
    server.date = at(1)
    source.snapshot(source.subscriptions()[0], Names(), Names())
    assert server.asked("assessmentMetadata") == server.asked("policySetDefinitions") == 2


def test_nothing_is_ever_written(server, tmp_path):
    collected(server)
    server.on(f"{OTHER}.*Microsoft.Security", 409, code="MissingSubscriptionRegistration")
    server.folder = dict(tenant(rich(), rich().but(subscription=OTHER)))
    export(defender(server), tmp_path / "out", None, lambda *_: None, groups=True)
    writes = {(method, path.partition("?")[0]) for method, path, _ in server.seen if method != "GET"}
    assert writes == {("POST", "/providers/Microsoft.Management/getEntities")}
    assert len(server.seen) > 40


# Export


def test_a_tenant_is_exported_to_a_folder_that_says_the_same(server, tmp_path):
    server.folder = dict(tenant(with_all(rich()), rich().but(subscription=OTHER)))
    steps: list[tuple[int, int, str]] = []
    source = defender(server)
    number = export(source, tmp_path / "out", None, lambda *step: steps.append(step), groups=True)
    assert number == 2
    assert steps == [(1, 2, "sub 1111"), (2, 2, "sub 2222")]
    (folder,) = open_folders([tmp_path / "out"])
    assert folder.taken_at == ticks(T0)
    above = source.ancestors()
    for identity in (SUB, OTHER):
        known = folder.snapshot(identity, Names(), folder.recommendations.copy())
        assert known is not None
        live = source.snapshot(folder.subscriptions[identity], Names(), Names(), above[identity])
        assert _written(told(known)) == _written(told(live))


def _written(said: dict[str, Any]) -> dict[str, Any]:
    """Without what a folder cannot say: which types have no resource."""
    made, _ = said["context"]["inventory"]
    return said | {"context": said["context"] | {"inventory": made}}


def test_exports_are_explained_as_folders_are(tmp_path):
    before, after = rich(), rich().but(marks={("vm1", "a"): "Healthy", ("vm3", "b"): "Exempt"})
    folders = []
    for name, one in (("before", before), ("after", after)):
        with azure(with_all(one), one.world.taken) as server:
            export(defender(server), tmp_path / name, None, lambda *_: None, groups=True)
        folders.append(write(with_all(one), tmp_path / "known" / name))
    exported = explain_folders([tmp_path / "before", tmp_path / "after"], "all", lambda *_: None)
    known = explain_folders(folders, "all", lambda *_: None)
    assert exported["causes"] == known["causes"]
    assert exported["movement"] == known["movement"] > 0


def test_only_some_subscriptions_are_exported(server, tmp_path):
    server.folder = dict(tenant(rich(), rich().but(subscription=OTHER)))
    assert export(defender(server), tmp_path / "out", {OTHER.upper()}, lambda *_: None) == 1
    assert [path.name for path in (tmp_path / "out").iterdir() if path.is_dir()] == [OTHER]
    assert not (tmp_path / "out" / "management-groups.json").exists()
    assert server.asked(SUB) == 0


def test_a_subscription_that_is_not_seen_is_not_exported(server, tmp_path):
    with pytest.raises(ServiceError, match=f"{OTHER}: no such subscription"):
        export(defender(server), tmp_path / "out", {OTHER}, lambda *_: None)
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_fails_leaves_nothing_behind(server, tmp_path):
    server.folder = dict(tenant(rich(), rich().but(subscription=OTHER)))
    server.on(f"{OTHER}.*assessments", 500)
    with pytest.raises(ServiceError, match=OTHER):
        export(defender(server), tmp_path / "out", None, lambda *_: None)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_exported_over_a_folder_that_is_there(server, tmp_path):
    with pytest.raises(EvidenceError, match="is there already"):
        export(defender(server), tmp_path, None, lambda *_: None)


def test_a_tenant_without_subscriptions_is_not_exported(server, tmp_path):
    server.folder["subscriptions.json"] = {"value": []}
    with pytest.raises(EvidenceError, match="there is no subscription"):
        export(defender(server), tmp_path / "out", None, lambda *_: None)
    assert list(tmp_path.iterdir()) == []


def test_subscriptions_without_a_score_are_exported_as_such(server, tmp_path):
    server.folder = dict(tenant(rich(), rich().but(subscription=OTHER)))
    server.on(f"{OTHER}.*Microsoft.Security", 409, code="MissingSubscriptionRegistration")
    export(defender(server), tmp_path / "out", None, lambda *_: None)
    (folder,) = open_folders([tmp_path / "out"])
    found = folder.snapshot(OTHER, Names(), Names())
    assert found is not None
    assert found.unscored == "Azure reports no score"

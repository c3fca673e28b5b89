"""Event Grid events become what happened, or nothing, or an error that says why they can't be read."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import azure.functions as func
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.actors import Happening
from drift.adapters import dates, operations
from drift.adapters.events import LARGEST_MESSAGE, LONGEST, LONGEST_ID, EventError, from_file, read, written
from drift.errors import EvidenceError
from drift.model import moment

SUB = "11111111-1111-1111-1111-11111111111a"
SCOPE = f"/subscriptions/{SUB}/resourceGroups/rg-web"
EXEMPTION = f"/subscriptions/{SUB}/resourcegroups/rg-web/providers/Microsoft.Authorization/policyExemptions/waive-it"
UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
OID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
CLAIMS = {
    "name": "Ann Ex",
    UPN: "ann@contoso.com",
    "appid": "app-1",
    OID: "oid-1",
    "ipaddr": "203.0.113.7",
    "aio": "tok",
}


def changed(**over: Any) -> dict:
    """An Azure Resource Manager event in the Event Grid schema; `data` is merged, None takes a field away."""
    data: dict[str, Any] = {
        "authorization": {
            "scope": EXEMPTION,
            "action": "Microsoft.Authorization/policyExemptions/write",
            "evidence": {"role": "Owner", "principalType": "User"},
        },
        "claims": CLAIMS,
        "correlationId": "corr-1",
        "resourceProvider": "Microsoft.Authorization",
        "resourceUri": EXEMPTION,
        "operationName": "Microsoft.Authorization/policyExemptions/write",
        "status": "Succeeded",
        "subscriptionId": SUB,
        "tenantId": "tenant-1",
        "httpRequest": {
            "clientIpAddress": "198.51.100.1",
            "method": "PUT",
            "url": "https://management.azure.com/?sig=1",
        },
    }
    return merged(
        {
            "id": "event-1",
            "topic": SCOPE,
            "subject": EXEMPTION.lower(),
            "eventType": "Microsoft.Resources.ResourceWriteSuccess",
            "eventTime": "2026-03-02T06:00:00.1234567Z",
            "data": data,
            "dataVersion": "2",
            "metadataVersion": "1",
        },
        over,
    )


def merged(event: dict, over: dict) -> dict:
    event = copy.deepcopy(event)
    for name, value in over.items():
        target, key = (event["data"], name) if name in DATA else (event, name)
        if value is None:
            target.pop(key, None)
        else:
            target[key] = value
    return event


DATA = {"authorization", "claims", "correlationId", "resourceUri", "operationName", "status", "subscriptionId"}
DATA |= {"httpRequest", "timestamp", "complianceState", "policyAssignmentId"}


def stated(**over: Any) -> dict:
    """A policy state event in the Event Grid schema."""
    data = {
        "timestamp": "2026-03-02T05:59:59.7654321Z",
        "policyAssignmentId": f"/subscriptions/{SUB}/providers/microsoft.authorization/policyassignments/bench",
        "policyDefinitionId": "/providers/microsoft.authorization/policydefinitions/d1",
        "policyDefinitionReferenceId": "",
        "complianceState": "NonCompliant",
        "subscriptionId": SUB,
        "complianceReasonCode": "",
    }
    whole = {
        "id": "5829794FCB50",
        "topic": f"/subscriptions/{SUB}",
        "subject": f"{SCOPE}/providers/Microsoft.Storage/storageAccounts/st1".lower(),
        "eventType": "Microsoft.PolicyInsights.PolicyStateChanged",
        "eventTime": "2026-03-02T06:14:00Z",
        "data": data,
        "dataVersion": "1",
    }
    return merged(whole, over)


def cloud(event: dict) -> dict:
    """The same in the CloudEvents schema."""
    names = {"topic": "source", "eventType": "type", "eventTime": "time"}
    known = {names.get(key, key): value for key, value in event.items() if "Version" not in key}
    return known | {"specversion": "1.0"}


def told(event: dict) -> Happening:
    found = read(json.dumps(event))
    assert found is not None
    return found


def why(event: object) -> str:
    with pytest.raises(EventError) as caught:
        read(event if isinstance(event, bytes | str) else json.dumps(event))
    return str(caught.value)


# What an event tells


def test_a_change_tells_what_was_done_to_what_by_whom_and_when():
    found = told(changed())
    assert found == Happening(
        key=found.key,
        id="event-1",
        source=SCOPE,
        time=dates.one("2026-03-02T06:00:00.1234567Z"),
        operation="Microsoft.Authorization/policyExemptions/write",
        category="exemption",
        action="write",
        succeeded=True,
        subscription=SUB,
        subject=EXEMPTION,
        actor="Ann Ex",
        actor_type="User",
        actor_id="oid-1",
        address="ann@contoso.com",
        ip="203.0.113.7",
        correlation="corr-1",
        detail={"status": "Succeeded", "role": "Owner"},
    )


def test_a_policy_state_tells_what_policy_thinks_and_not_why():
    event = stated()
    found = told(event)
    assert found == Happening(
        key=found.key,
        id="5829794FCB50",
        source=f"/subscriptions/{SUB}",
        time=dates.one("2026-03-02T05:59:59.7654321Z"),
        operation="Microsoft.PolicyInsights.PolicyStateChanged",
        category="policy_state",
        action="state",
        succeeded=True,
        subscription=SUB,
        subject=event["subject"],
        detail={
            "complianceState": "NonCompliant",
            "policyAssignmentId": event["data"]["policyAssignmentId"],
            "policyDefinitionId": event["data"]["policyDefinitionId"],
        },
    )


@pytest.mark.parametrize("event", [changed(), stated()], ids=["changed", "stated"])
def test_both_schemas_tell_the_same(event):
    assert told(cloud(event)) == told(event)


@pytest.mark.parametrize("event", [changed(), cloud(stated())], ids=["changed", "stated"])
def test_bytes_and_text_tell_the_same(event):
    assert read(json.dumps(event).encode()) == read(json.dumps(event, ensure_ascii=False, indent=1))


@pytest.mark.parametrize("event", [changed(), stated()], ids=["changed", "stated"])
def test_what_happened_can_be_stored_and_read_back(event):
    found = told(event)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Happening) == found


@pytest.mark.parametrize("kind", ["Created", "Changed", "Deleted"])
def test_policy_states_come_and_go(kind):
    assert told(stated(eventType=f"Microsoft.PolicyInsights.PolicyState{kind}")).operation.endswith(kind)


def test_a_policy_state_without_a_timestamp_has_the_time_of_its_event():
    assert told(stated(timestamp=None)).time == dates.one("2026-03-02T06:14:00Z")


@pytest.mark.parametrize(
    ("end", "succeeded"), [("Success", True), ("Failure", False), ("Cancel", False), ("success", True)]
)
@pytest.mark.parametrize("verb", ["Write", "Delete", "Action"])
def test_what_failed_is_told_as_failed(verb, end, succeeded):
    found = told(changed(eventType=f"Microsoft.Resources.Resource{verb}{end}"))
    assert (found.action, found.succeeded) == (verb.lower(), succeeded)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-03-02T06:00:00Z", (6, 0)),
        ("2026-03-02T06:00:00.5Z", (6, 0)),
        ("2026-03-02T06:00:00+02:00", (4, 0)),
        ("2026-03-02T06:00:00-05:30", (11, 30)),
        ("2026-03-02T06:00:00+00:00", (6, 0)),
    ],
)
@pytest.mark.parametrize("schema", [dict, cloud])
def test_a_time_with_an_offset_is_read_as_it_is(schema, text, utc):
    found = moment(told(schema(changed(eventTime=text))).time)
    assert (found.hour, found.minute) == utc


# Whose event


@pytest.mark.parametrize(
    "over",
    [
        {"subscriptionId": SUB.upper()},
        {"subscriptionId": None},
        {"subscriptionId": "", "topic": "/tenants/t/providers/Microsoft.Management/managementGroups/mg"},
        {"subscriptionId": None, "topic": None, "subject": "/x"},
        {"subscriptionId": "../x", "topic": f"/SUBSCRIPTIONS/{SUB.upper()}"},
    ],
)
def test_a_subscription_is_found_in_the_data_else_in_the_ids(over):
    assert told(changed(**over)).subscription == SUB


def test_a_management_groups_event_is_of_the_subscription_that_it_names():
    group = "/tenants/t/providers/Microsoft.Management/managementGroups/contoso"
    assert told(stated(topic=group, subject="/x")).subscription == SUB


@pytest.mark.parametrize("said", [None, "", "x", f"{SUB}/..", 5])
def test_an_event_of_no_subscription_is_an_error(said):
    assert "names no subscription" in why(stated(subscriptionId=said, topic="/subscriptions/x", subject="/x"))


# Who did it


@pytest.mark.parametrize(
    ("claims", "actor", "kind"),
    [
        (CLAIMS, "Ann Ex", "User"),
        ({UPN: "ann@contoso.com", "appid": "app-1"}, "ann@contoso.com", "User"),
        ({"upn": "ann@contoso.com"}, "ann@contoso.com", "User"),
        ({"appid": "app-1", OID: "oid-1"}, "app-1", "Application"),
        (
            {"appid": "app-1", "http://schemas.microsoft.com/identity/claims/scope": "user_impersonation"},
            "app-1",
            "User",
        ),
        ({"appid": "app-1", "name": "Deploy", "idtyp": "app"}, "Deploy", "Application"),
        ({"appid": "app-1", "idtyp": "user"}, "app-1", "User"),
        ({OID: "oid-1"}, "oid-1", None),
        ({"name": " \n", "appid": 7, OID: ["x"]}, None, None),
        ({}, None, None),
        ("none", None, None),
    ],
)
def test_the_actor_is_a_name_else_a_user_name_else_an_application_else_an_object(claims, actor, kind):
    found = told(changed(claims=claims))
    assert (found.actor, found.actor_type) == (actor, kind)


def test_a_service_principal_is_known_by_its_evidence():
    authorization = {"evidence": {"principalType": "ServicePrincipal"}}
    found = told(changed(claims={OID: "oid-1"}, authorization=authorization))
    assert (found.actor_type, found.actor_id) == ("Application", "oid-1")


def test_an_event_without_claims_has_no_actor():
    found = told(changed(claims=None, httpRequest=None))
    assert (found.actor, found.actor_type, found.actor_id, found.ip) == (None, None, None, None)


def test_the_address_is_that_of_the_token_else_that_of_the_request():
    assert told(changed(claims={})).ip == "198.51.100.1"


HOSTILE = st.text(st.characters(exclude_categories=["Cs"]), max_size=700)


@given(HOSTILE)
def test_hostile_claims_are_one_printable_line_of_at_most_512_characters(text):
    found = told(changed(claims={"name": text, OID: text}, correlationId=text, status=text))
    for shown in (found.actor, found.actor_id, found.correlation, found.detail.get("status")):
        assert shown is None or (shown.isprintable() and 0 < len(shown) <= LONGEST and "  " not in shown)
    kept = "".join(ch for ch in text if ch.isprintable() and not ch.isspace())
    assert (found.actor or "").replace(" ", "") in kept


def test_a_name_loses_what_turns_or_hides_it_and_nothing_else():
    assert told(changed(claims={"name": "An\u202en\n\x00 Éx\t[a](b) \U0001f600"})).actor == "Ann Éx [a](b) \U0001f600"


# Whether it is ours


@pytest.mark.parametrize(
    ("operation", "verb", "category"),
    [
        ("Microsoft.Authorization/policyExemptions/write", "write", "exemption"),
        ("MICROSOFT.AUTHORIZATION/POLICYEXEMPTIONS/DELETE", "delete", "exemption"),
        ("Microsoft.Authorization/policyAssignments/write", "write", "assignment"),
        ("Microsoft.Authorization/policySetDefinitions/delete", "delete", "initiative"),
        ("Microsoft.Authorization/policyDefinitions/write", "write", "initiative"),
        ("Microsoft.Security/pricings/write", "write", "plan"),
        ("Microsoft.Security/pricings/securityOperators/write", "write", "plan"),
        ("Microsoft.Security/standardAssignments/write", "write", "standard"),
        ("Microsoft.Security/securityConnectors/delete", "delete", "connector"),
        ("Microsoft.Security/governanceRules/write", "write", "governance"),
        ("Microsoft.Security/governanceRules/execute/action", "action", "governance"),
        ("Microsoft.Security/assessments/governanceAssignments/write", "write", "governance"),
        ("Microsoft.Security/autoProvisioningSettings/write", "write", "provisioning"),
        ("Microsoft.Security/settings/write", "write", "setting"),
        ("Microsoft.Security/register/action", "action", "setting"),
        ("Microsoft.Compute/virtualMachines/write", "write", "resource"),
        ("microsoft.compute/virtualmachines/extensions/delete", "delete", "resource"),
        ("Microsoft.Insights/diagnosticSettings/write", "write", "resource"),
        ("Microsoft.Resources/subscriptions/resourceGroups/delete", "delete", "resource"),
        ("Microsoft.Resources/subscriptions/resourcegroups/moveResources/action", "action", "resource"),
    ],
)
def test_what_moves_a_score_is_ours(operation, verb, category):
    assert operations.category(operation, verb) == category
    found = told(changed(operationName=operation, eventType=f"Microsoft.Resources.Resource{verb.title()}Success"))
    assert (found.category, found.action, found.operation) == (category, verb, operation)


@pytest.mark.parametrize(
    ("operation", "verb"),
    [
        ("Microsoft.Resources/deployments/write", "write"),
        ("Microsoft.Resources/tags/write", "write"),
        ("Microsoft.Resources/subscriptions/resourceGroups/write", "write"),
        ("Microsoft.Resources/subscriptions/resourceGroups/validateMoveResources/action", "action"),
        ("Microsoft.Authorization/locks/write", "write"),
        ("MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/WRITE", "write"),
        ("Microsoft.Security/assessments/write", "write"),
        ("Microsoft.Security/automations/write", "write"),
        ("Microsoft.PolicyInsights/remediations/write", "write"),
        ("Microsoft.Insights/metricAlerts/write", "write"),
        ("Microsoft.EventHub/namespaces/AuthorizationRules/listKeys/action", "action"),
        ("Microsoft.Compute/virtualMachines/start/action", "action"),
        ("nonsense", "write"),
    ],
)
def test_what_moves_no_score_is_let_go(operation, verb):
    event = changed(operationName=operation, eventType=f"Microsoft.Resources.Resource{verb.title()}Success")
    assert read(json.dumps(event)) is None


@pytest.mark.parametrize(("end", "kept"), [("Success", False), ("Failure", True), ("Cancel", True)])
def test_a_deployment_is_told_of_only_where_it_failed(end, kept):
    name = "Microsoft.Resources/deployments/write"
    event = changed(operationName=name, eventType=f"Microsoft.Resources.ResourceWrite{end}", status="Failed")
    found = read(json.dumps(event))
    assert (found is not None) == kept
    if found is not None:
        assert (found.category, found.succeeded, found.detail["status"]) == ("resource", False, "Failed")


@pytest.mark.parametrize(
    "name",
    ["Microsoft.Securities/pricings/write", "Microsoft.ResourcesX/deployments/write", "Microsoft.Advise/x/write"],
)
def test_a_provider_whose_name_begins_alike_is_another(name):
    assert operations.category(name, "write") == "resource"


def test_the_operation_is_that_of_the_authorization_where_it_is_not_told_apart():
    assert told(changed(operationName=None)).category == "exemption"


@pytest.mark.parametrize(
    "kind",
    [
        "Microsoft.EventGrid.SubscriptionValidationEvent",
        "Microsoft.Storage.BlobCreated",
        "Microsoft.Resources.ResourceWriteSuccess2",
        "Microsoft.PolicyInsights.PolicyStateChanged\n",
        "",
    ],
)
@pytest.mark.parametrize("schema", [dict, cloud])
def test_another_events_type_is_let_go_whatever_else_it_holds(schema, kind):
    assert read(json.dumps(schema(changed(eventType=kind)))) is None
    assert read(json.dumps({"specversion": 1, "type": kind} if schema is cloud else {"eventType": kind})) is None


# What can't be read


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "no JSON"),
        (b"\xff", "no JSON"),
        (b'{"id": ', "no JSON"),
        ('{"id": "\ud800"}', "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "not one object"),
        (json.dumps([changed()]), "not one object"),
        (b'"x"', "not one object"),
        (b"null", "not one object"),
        (b"{}", "no type"),
        (b'{"eventType": 5}', "no type"),
        (json.dumps(cloud(changed())).replace('"type"', '"eventType"'), "no type"),
    ],
)
def test_what_is_no_event_is_an_error(body, reason):
    assert reason in why(body)


@pytest.mark.parametrize(
    ("over", "reason"),
    [
        ({"id": None}, "`id`"),
        ({"id": ""}, "`id`"),
        ({"id": 5}, "`id`"),
        ({"eventTime": None}, "ime`"),
        ({"eventTime": 5}, "ime`"),
        ({"eventTime": "yesterday"}, "event event-1 can't be read"),
        ({"eventTime": "1969-12-31T00:00:00Z"}, "before 1970"),
        ({"subject": 5}, "`subject`"),
        ({"data": None}, "`data`"),
        ({"data": "text"}, "`data`"),
        ({"data": []}, "`data`"),
        ({"operationName": None, "authorization": None}, "no operation"),
        ({"operationName": " ", "authorization": "x"}, "no operation"),
    ],
)
@pytest.mark.parametrize("schema", [dict, cloud])
def test_an_event_of_ours_that_lacks_something_is_an_error_that_names_it(schema, over, reason):
    assert reason in why(schema(changed(**over)))


@pytest.mark.parametrize(("over", "reason"), [({"source": None}, "`source`"), ({"source": 5}, "`source`")])
def test_a_cloud_event_has_a_source(over, reason):
    assert reason in why(merged(cloud(changed()), over))


def test_a_policy_state_of_no_time_is_an_error():
    assert "is not a date" in why(stated(timestamp="soon"))


def test_an_error_is_one_short_line_whatever_the_event_says():
    told_of = why(changed(id="\u202e\n" + "x" * 9000, eventTime="<b>\n" + "y" * 9000))
    assert told_of.isprintable()
    assert len(told_of) < 400


# Its name


def test_an_event_delivered_again_has_the_same_key():
    assert told(changed()).key == told(changed(topic=SCOPE.upper(), eventTime="2026-03-02T06:00:01Z")).key


@pytest.mark.parametrize("over", [{"id": "event-2"}, {"id": "EVENT-1"}, {"topic": f"/subscriptions/{SUB}"}])
def test_another_id_or_source_is_another_key(over):
    assert told(changed(**over)).key != told(changed()).key


@given(HOSTILE.filter(bool))
def test_a_key_is_a_valid_part_of_a_table_key(identity):
    found = told(changed(id=identity))
    assert set(found.key) <= set("0123456789abcdef")
    assert len(found.key) == 40
    assert len(found.id) <= LONGEST_ID


# By way of the Functions host and a queue


def decoded(event: dict) -> func.EventGridEvent:
    """The event as the worker library hands it to a function."""
    from azure.functions import eventgrid, meta

    data = meta.Datum(json.dumps(event), "json")
    return eventgrid.EventGridEventInConverter.decode(data, trigger_metadata={})


@pytest.mark.parametrize("event", [changed(), stated()], ids=["changed", "stated"])
@pytest.mark.parametrize("schema", [dict, cloud])
def test_an_event_that_went_through_the_host_and_a_queue_tells_the_same(schema, event):
    event = schema(event)
    message = json.dumps(event).replace(".1234567Z", ".123456Z")  # the worker library cuts to microseconds
    assert read(written(decoded(event))) == read(message)


def test_a_message_holds_of_a_token_only_what_is_read():
    message = written(decoded(changed()))
    assert "Ann Ex" in message
    assert not any(secret in message for secret in ("tok", "sig=1", "tenant-1"))


def test_a_message_fits_into_a_queue_whatever_the_event_holds():
    astral = "\U0001f600" * 20_000
    claims = dict.fromkeys(CLAIMS, astral) | {"idtyp": {"deep": [astral]}}
    event = changed(claims=claims, correlationId=astral, status=astral, resourceUri=astral, subject=astral, id=astral)
    message = written(decoded(event | {"topic": astral}))
    assert len(message.encode()) <= LARGEST_MESSAGE
    assert told(json.loads(message)).subscription == SUB


@pytest.mark.parametrize("data", ["text", None, [1]])
@pytest.mark.parametrize("schema", [dict, cloud])
def test_an_event_without_data_reaches_the_queue_and_is_an_error_there(schema, data):
    event = schema(changed()) | {"data": data}
    assert "`data`" in why(written(decoded(event)))


def test_an_event_without_a_time_reaches_the_queue_and_is_an_error_there():
    assert "Time`" in why(written(decoded(changed(eventTime=None))))


def test_the_time_of_the_host_is_kept():
    event = func.EventGridEvent(
        id="1",
        topic=SCOPE,
        subject="/x",
        event_type="Microsoft.Resources.ResourceWriteSuccess",
        event_time=datetime(2026, 3, 2, 6, tzinfo=UTC),
        data=changed()["data"],
        data_version="1",
    )
    assert moment(told(json.loads(written(event))).time) == datetime(2026, 3, 2, 6, tzinfo=UTC)


# Out of a file


EVENTS = [
    changed(id="late", eventTime="2026-03-02T09:00:00Z"),
    cloud(changed(id="early", eventTime="2026-03-02T07:00:00Z")),
    cloud(stated()),
    changed(id="not ours", operationName="Microsoft.Resources/deployments/write"),
    {"id": "hello", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {}},
    changed(id="late", eventTime="2026-03-02T09:00:00Z"),
]
LINES = [json.dumps(event) for event in EVENTS]
FORMS = {
    "a list": json.dumps(EVENTS),
    "a list over many lines": json.dumps(EVENTS, indent=2),
    "one a line": "\n".join(LINES),
    "one a line, blank lines between": "\n\n  \n" + "\r\n\r\n".join(LINES) + "\n\n",
    "a list of one a line": "\n".join(f"[{line}]" for line in LINES),
    "a list of several a line": f"[{', '.join(LINES[:4])}]\n[{', '.join(LINES[4:])}]\n[]\n",
    "with a byte order mark": "\ufeff" + "\n".join(LINES),
}


def file_of(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("form", FORMS)
def test_a_file_of_events_tells_each_of_ours_once_in_order_of_time(form, tmp_path):
    said: list[tuple[int, int]] = []
    found = from_file(file_of(tmp_path, FORMS[form]), lambda *counts: said.append(counts))
    assert found == [told(EVENTS[2]), told(EVENTS[1]), told(EVENTS[0])]
    assert said == [(3, 2)]


@pytest.mark.parametrize("event", [changed(), cloud(changed()), [changed()]])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_file_may_hold_one_event(event, indent, tmp_path):
    assert from_file(file_of(tmp_path, json.dumps(event, indent=indent))) == [told(changed())]


@pytest.mark.parametrize("schema", [dict, cloud])
def test_a_dead_letter_file_tells_what_was_not_delivered(schema, tmp_path):
    lost = {"deadLetterReason": "MaxDeliveryAttemptsExceeded", "deliveryAttempts": 30, "lastHttpStatusCode": None}
    assert from_file(file_of(tmp_path, json.dumps([schema(changed()) | lost]))) == [told(changed())]


def test_a_file_without_events_tells_nothing(tmp_path):
    assert from_file(file_of(tmp_path, "[]")) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not valid JSON"),
        ("[{", "is not valid JSON, or cut short"),
        (b'{"id": "\xff"}', "is not valid JSON"),
        (f"{LINES[0]}\n\n{LINES[1][:-9]}\n{LINES[2]}", "line 3: is not JSON, whole on its line"),
        (json.dumps(EVENTS, indent=2)[:-20], "line 1: is not JSON, whole on its line"),
        ("[" * 100_000, "is not valid JSON"),
        (f"{LINES[0]}\n{'[' * 100_000}", "line 2: is not JSON"),
        (f"{LINES[0]}\n{json.dumps(changed(eventTime='soon'))}", "line 2: event event-1 can't be read: 'soon'"),
        (json.dumps([changed(), changed(data=None)]), "event 2: event event-1 can't be read: its `data`"),
        (json.dumps([changed(), 7]), "event 2: an event can't be read: it is int"),
        (json.dumps([[changed()]]), "event 1: an event can't be read: it is list"),
        ('{"value": []}', "event 1: an event can't be read: it has no type"),
        (f"{LINES[0]}\nnull", "line 2: an event can't be read"),
        ("[]".encode("utf-16"), "UTF-16"),
    ],
)
def test_what_cannot_be_read_in_a_file_is_named_with_its_place(text, reason, tmp_path):
    path = file_of(tmp_path, text)
    with pytest.raises(EvidenceError) as caught:
        from_file(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert reason in str(caught.value)


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path):
    with pytest.raises(EvidenceError, match=r"events\.json: can't be read: no such file"):
        from_file(tmp_path / "events.json")

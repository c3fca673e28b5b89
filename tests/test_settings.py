"""The environment becomes values, or one error that names all that is wrong and tells no secret."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift import ncrontab, schedules
from drift.engine.scope import covers
from drift.errors import SettingsError
from drift.model import Subscription
from drift.routes import Notified, Route
from drift.settings import EVERYTHING, SETTINGS, Connection, Scopes, on_loopback, read

ROOT = Path(__file__).parent.parent
SUB, OTHER = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-2222222222aB"
KEY = "c2VjcmV0LWtleS1vZi1hbi1hY2NvdW50"
STRING = f"DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey={KEY};EndpointSuffix=core.windows.net"
LOCAL = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}
REMOTE = {"AzureWebJobsStorage": STRING}
CHANNEL = "https://teams.microsoft.com/l/channel/19%3Aabc%40thread.tacv2/General?groupId=1&tenantId=2"
HOOK = "https://prod-1.example.com:443/workflows/abc/invoke?api-version=1&sp=%2Ftriggers&sig=s3cr3t-sig"


def settings(**values: str):
    return read(LOCAL | values)


def wrong(*, base: dict[str, str] = LOCAL, **values: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(base | values)
    return str(caught.value)


# What there is where nothing is set


def test_nothing_but_storage_has_to_be_set():
    found = read(REMOTE)
    assert found.scopes == EVERYTHING
    assert found.groups == {"all": "all"}
    assert found.storage == Connection("AzureWebJobsStorage", STRING)
    assert found.arm_endpoint == "https://management.azure.com"
    assert (found.credential, found.teams_webhook_url, found.topic_endpoint) == ("default", None, None)
    assert found.graph_endpoint == "https://graph.microsoft.com"
    assert (found.announce_pp, found.retention_months) == (0.5, 25)


@given(st.sets(st.sampled_from(sorted(SETTINGS))), st.sampled_from(["", " ", "\n"]))
def test_an_empty_setting_is_one_that_is_not_set(names, empty):
    assert read(LOCAL | dict.fromkeys(names, empty)) == read(LOCAL)


def test_the_defaults_are_what_counts_where_nothing_is_set():
    assert read(LOCAL | {name: one.default for name, one in SETTINGS.items()}) == read(LOCAL)


# All at once


def test_one_error_names_everything_that_is_wrong():
    told = wrong(
        base={},
        DRIFT_SCOPES="all,x",
        DRIFT_GROUPS="prod",
        DRIFT_DIGEST_SCHEDULE="daily",
        DRIFT_ARM_ENDPOINT="http://arm.example.com",
        DRIFT_CREDENTIAL="nobody",
        DRIFT_GRAPH_ENDPOINT="graph",
        TEAMS_WEBHOOK_URL="teams",
        DRIFT_ANNOUNCE_PP="much",
        DRIFT_TEAMS_ROUTES="prod",
        DRIFT_QUIET_HOURS="at night",
        DRIFT_CARDS_PER_HOUR="0",
        DRIFT_APP_URL="app",
        DRIFT_NOTIFY="somebody",
        DRIFT_NOTIFY_LINK="https://example.com",
        DRIFT_TOPIC_ENDPOINT="//topic",
        DRIFT_SIGN_IN_ROLE="may read",
        DRIFT_RETENTION_MONTHS="0",
        DRIFT_SCOPE="all",
    )
    named = [*(name for name in SETTINGS if name in told), "AzureWebJobsStorage", "'DRIFT_SCOPE'"]
    not_wrong = {"DRIFT_SNAPSHOT_SCHEDULE", "DRIFT_ROLLUP_SCHEDULE", "DRIFT_ANNOUNCE_SCHEDULE"}
    not_wrong |= {"DRIFT_CALENDAR_SCHEDULE", "DRIFT_STORAGE"}
    assert set(named) == {*SETTINGS, "AzureWebJobsStorage", "'DRIFT_SCOPE'"} - not_wrong
    assert all(f"{name}: " in told for name in named)
    assert "\n" not in told


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DRIFT_SCOPE", "DRIFT_SCOPES"),
        ("DRIFT_ANOUNCE_PP", "DRIFT_ANNOUNCE_PP"),
        ("drift_groups", "DRIFT_GROUPS"),
        ("DRIFT_STORAGE__tableServiceUrl", "DRIFT_STORAGE__tableServiceUri"),
        ("DRIFT_RETENTION", "DRIFT_RETENTION_MONTHS"),
    ],
)
def test_a_misspelt_name_is_an_error_that_says_which_was_meant(name, meant):
    assert f"'{name}': there is no such setting: is {meant} meant?" in wrong(**{name: "1"})


def test_a_name_like_none_of_ours_is_an_error_without_a_guess():
    assert wrong(DRIFT_ZZZ="1") == "'DRIFT_ZZZ': there is no such setting"


def test_names_that_are_not_ours_and_empty_ones_are_let_be():
    assert settings(DRIFTWOOD="1", PATH="/bin", DRIFT_SCOPE="", APPSETTING_DRIFT_SCOPE="x") == settings()


# Scopes


@pytest.mark.parametrize(
    ("text", "subscriptions", "groups"),
    [
        (SUB, {SUB}, set()),
        (f" {SUB} ,{OTHER},", {SUB, OTHER.lower()}, set()),
        (f"/subscriptions/{OTHER}", {OTHER.lower()}, set()),
        (f"Contoso-EU,{SUB}", {SUB}, {"contoso-eu"}),
        ("/providers/Microsoft.Management/managementGroups/Contoso_(eu).1", set(), {"contoso_(eu).1"}),
        (f"/providers/microsoft.management/managementgroups/{OTHER}", set(), {OTHER.lower()}),
    ],
)
def test_subscriptions_and_management_groups_are_told_apart(text, subscriptions, groups):
    assert settings(DRIFT_SCOPES=text).scopes == Scopes(False, frozenset(subscriptions), frozenset(groups))


@pytest.mark.parametrize("text", ["all", "ALL", " all ,"])
def test_all_is_everything(text):
    assert settings(DRIFT_SCOPES=text).scopes == EVERYTHING


@pytest.mark.parametrize("text", [f"all,{SUB}", "a b", "mg:x", "/subscriptions/x", ",", "x" * 91, "grüppe", "a/b", "*"])
def test_what_is_no_scope_is_refused(text):
    assert "DRIFT_SCOPES: " in wrong(DRIFT_SCOPES=text)


# Groups


def test_groups_keep_their_order_behind_the_tenant():
    found = settings(DRIFT_GROUPS=f" prod = tag:environment=prod ;dev=tag:env=a=b;; eu=mg:Contoso-EU;one={SUB}").groups
    expected = {"all": "all", "prod": "tag:environment=prod", "dev": "tag:env=a=b", "eu": "mg:Contoso-EU", "one": SUB}
    assert list(found.items()) == list(expected.items())


def test_the_groups_are_what_the_engine_takes_for_scopes():
    found = settings(DRIFT_GROUPS=f"prod=tag:Env=a=b;eu=mg:Contoso-EU;one={OTHER}").groups
    inside = Subscription(OTHER.lower(), "one", tags={"env": "a=b"})
    outside = Subscription(SUB, "other", tags={"env": "a"})
    assert all(covers(scope, inside, ("contoso-eu",)) for scope in found.values())
    assert [name for name, scope in found.items() if covers(scope, outside, ("contoso",))] == ["all"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("prod", "NAME=SCOPE"),
        ("=tag:a=b", "is no name"),
        ("a b=tag:a=b", "is no name"),
        ("a.b=tag:a=b", "is no name"),
        ("ü=tag:a=b", "is no name"),
        (f"{'x' * 41}=tag:a=b", "is no name"),
        (f"{SUB}=tag:a=b", "not a GUID"),
        ("all=tag:a=b", "`all` is the tenant"),
        ("All=tag:a=b", "`all` is the tenant"),
        ("prod=tag:a=b;PROD=tag:a=c", "there twice"),
        ("prod=", "tag:NAME=VALUE"),
        ("prod=all", "tag:NAME=VALUE"),
        ("prod=environment=prod", "tag:NAME=VALUE"),
        ("prod=tag:environment", "tag:NAME=VALUE"),
        ("prod=tag:=prod", "tag:NAME=VALUE"),
        ("prod=mg:", "tag:NAME=VALUE"),
        ("prod=mg:a b", "tag:NAME=VALUE"),
        ("prod=tag:a=\u202eb", "tag:NAME=VALUE"),
        (f"prod=tag:a={'b' * 800}", "tag:NAME=VALUE"),
    ],
)
def test_what_is_no_group_is_refused(text, why):
    told = wrong(DRIFT_GROUPS=text)
    assert told.startswith("DRIFT_GROUPS: ")
    assert why in told


# Storage


def test_another_connection_can_be_named():
    found = read(REMOTE | {"DRIFT_STORAGE": "History", "History": STRING.replace("contoso", "history")})
    assert found.storage == Connection("History", STRING.replace("contoso", "history"))


def test_the_setting_can_itself_be_the_connection_string():
    assert settings(DRIFT_STORAGE=STRING).storage == Connection("DRIFT_STORAGE", STRING)


@pytest.mark.parametrize("text", ["UseDevelopmentStorage=true", "usedevelopmentstorage=True;"])
def test_the_emulator_is_told_in_the_spelling_that_all_sdks_take(text):
    from azure.data.tables import TableServiceClient
    from azure.storage.blob import BlobServiceClient
    from azure.storage.queue import QueueServiceClient

    string = read({"AzureWebJobsStorage": text}).storage.string
    clients = [kind.from_connection_string(string) for kind in (BlobServiceClient, QueueServiceClient)]
    urls = [client.url.rstrip("/") for client in (*clients, TableServiceClient.from_connection_string(string))]
    assert urls == [f"http://127.0.0.1:1000{port}/devstoreaccount1" for port in range(3)]


URIS = {f"X__{one}ServiceUri": f"https://contoso.{one}.core.windows.net" for one in ("table", "queue", "blob")}
BY_IDENTITY = Connection("X", None, *URIS.values())


def test_an_identity_goes_by_three_uris():
    assert read({"DRIFT_STORAGE": "X"} | URIS).storage == BY_IDENTITY


def test_the_name_of_an_account_stands_for_the_three_uris_of_the_public_cloud():
    assert read({"DRIFT_STORAGE": "X", "X__accountName": "contoso"}).storage == BY_IDENTITY


def test_an_own_uri_goes_before_that_of_the_account_and_an_identity_has_a_client_id():
    own = {
        "X__blobServiceUri": "https://other.blob.example.com",
        "X__clientId": SUB,
        "X__credential": "managedidentity",
    }
    found = read({"DRIFT_STORAGE": "X", "X__accountName": "contoso"} | own).storage
    assert (found.table, found.blob) == (BY_IDENTITY.table, "https://other.blob.example.com")
    assert found.client_id == SUB


def test_the_setting_can_itself_be_the_prefix():
    own = {name.replace("X__", "DRIFT_STORAGE__"): uri for name, uri in URIS.items()}
    assert read(LOCAL | own).storage == Connection("DRIFT_STORAGE", None, *URIS.values())


def test_a_connection_that_is_not_there_is_named_with_what_would_make_it():
    told = wrong(base={}, DRIFT_STORAGE="History")
    assert told.startswith("History: there is no such storage connection")
    assert "History__tableServiceUri, History__queueServiceUri, History__blobServiceUri" in told


def test_a_missing_uri_is_named():
    told = wrong(base={}, DRIFT_STORAGE="X", **{name: uri for name, uri in URIS.items() if "queue" not in name})
    assert told == "X__queueServiceUri: is missing beside the others"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("contoso", "no AccountName and AccountKey"),
        ("AccountName=contoso", "no AccountName and AccountKey"),
        (f"AccountKey={KEY}", "no AccountName and AccountKey"),
        ("SharedAccessSignature=sv", "no AccountName, and not the endpoints"),
        ("SharedAccessSignature=sv;TableEndpoint=https://a.example.com", "no AccountName, and not the endpoints"),
        (STRING.replace("=https", "=http"), "must be https"),
        (STRING + ";BlobEndpoint=http://blob.example.com", "(BlobEndpoint): must be https"),
        ("UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://azurite", "no AccountName"),
        ("UseDevelopmentStorage=false", "no AccountName"),
    ],
)
def test_what_is_no_connection_string_is_refused(text, why):
    told = wrong(base={"AzureWebJobsStorage": text})
    assert why in told
    assert KEY not in told


@pytest.mark.parametrize("name", ["a b", "/x", "1", "https://contoso.table.core.windows.net"])
def test_what_can_be_no_name_of_a_connection_is_refused(name):
    assert wrong(DRIFT_STORAGE=name) == "DRIFT_STORAGE: is neither the name of a connection nor a connection string"


def test_what_is_no_account_is_refused():
    assert "X__accountName: " in wrong(DRIFT_STORAGE="X", X__accountName="contoso.evil.example.com/")


# URLs


@pytest.mark.parametrize("url", ["https://management.usgovcloudapi.net", "https://management.usgovcloudapi.net/"])
def test_the_endpoint_of_another_cloud_is_taken_without_a_slash(url):
    assert settings(DRIFT_ARM_ENDPOINT=url).arm_endpoint == "https://management.usgovcloudapi.net"


@pytest.mark.parametrize("word", ["none", "None", " NONE "])
def test_graph_can_be_switched_off(word):
    assert settings(DRIFT_GRAPH_ENDPOINT=word).graph_endpoint is None


@pytest.mark.parametrize("url", ["https://graph.microsoft.us", "https://graph.microsoft.us/"])
def test_graph_of_another_cloud_is_taken_without_a_slash(url):
    assert settings(DRIFT_GRAPH_ENDPOINT=url).graph_endpoint == "https://graph.microsoft.us"


@pytest.mark.parametrize("name", ["DRIFT_ARM_ENDPOINT", "DRIFT_TOPIC_ENDPOINT", "TEAMS_WEBHOOK_URL"])
def test_only_graph_is_switched_off_by_a_word(name):
    assert name in wrong(**{name: "none"})


@pytest.mark.parametrize(
    "name", ["DRIFT_ARM_ENDPOINT", "DRIFT_GRAPH_ENDPOINT", "DRIFT_TOPIC_ENDPOINT", "TEAMS_WEBHOOK_URL"]
)
@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "http://127.0.0.1\\@example.com",
        "http://localhost.",
        "http://2130706433",
        "https://user:word@example.com",
        "https://@example.com",
        "https://example.com#x",
        "https://example.com#",
        "https://",
        "https:///x",
        "https://[::1",
        "https://example.com:x",
        "https://exa mple.com",
        "https://example.com\t",
        "https://exämple.com",
        "ftp://example.com",
        "example.com",
        "javascript:alert(1)",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_url_to_be_asked_is_refused_and_not_repeated(name, url):
    if url.strip() != url:
        url += "x"
    told = wrong(**{name: url})
    assert told.startswith(f"{name}: ")
    assert url not in told


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DRIFT_ARM_ENDPOINT", "https://management.azure.com/subscriptions"),
        ("DRIFT_ARM_ENDPOINT", "https://management.azure.com?x=1"),
        ("DRIFT_GRAPH_ENDPOINT", "https://graph.microsoft.com/v1.0"),
        ("DRIFT_GRAPH_ENDPOINT", "https://graph.microsoft.com?x=1"),
        ("DRIFT_TOPIC_ENDPOINT", "https://t.westeurope-1.eventgrid.azure.net/api/events?api-version=1"),
    ],
)
def test_an_endpoint_has_no_query_and_those_of_arm_and_graph_no_path(name, url):
    assert re.fullmatch(rf"{name}: must have no (path|query)", wrong(**{name: url}))


def test_a_topic_has_a_path_and_a_webhook_a_query():
    topic = "https://t.westeurope-1.eventgrid.azure.net/api/events"
    found = settings(DRIFT_TOPIC_ENDPOINT=topic, TEAMS_WEBHOOK_URL=HOOK)
    assert (found.topic_endpoint, found.teams_webhook_url) == (topic, HOOK)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_loopback_is_this_machine_and_may_be_plain_http(host):
    url = f"http://{host}:8080"
    assert on_loopback(url)
    assert settings(DRIFT_ARM_ENDPOINT=url).arm_endpoint == url


# No token


EVERY = {
    "DRIFT_CREDENTIAL": "none",
    "DRIFT_ARM_ENDPOINT": "http://127.0.0.1:1",
    "DRIFT_GRAPH_ENDPOINT": "http://127.0.0.1:1",
    "DRIFT_TOPIC_ENDPOINT": "http://127.0.0.1:1/topic/api/events",
    "TEAMS_WEBHOOK_URL": "http://localhost:1/teams/x?sig=1",
    "AzureWebJobsStorage": "AccountName=a;AccountKey=b;BlobEndpoint=http://127.0.0.1:1/a;QueueEndpoint=http://127.0.0.1:2/a;"
    "TableEndpoint=http://[::1]:3/a",
}


@pytest.mark.parametrize("storage", ["UseDevelopmentStorage=true", EVERY["AzureWebJobsStorage"]])
def test_no_token_is_sent_where_everything_is_on_loopback(storage):
    assert read(EVERY | {"AzureWebJobsStorage": storage}).credential == "none"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DRIFT_ARM_ENDPOINT", ""),
        ("DRIFT_ARM_ENDPOINT", "https://arm.example.com"),
        ("DRIFT_GRAPH_ENDPOINT", "https://graph.microsoft.com"),
        ("DRIFT_TOPIC_ENDPOINT", "https://topic.example.com/api/events"),
        ("TEAMS_WEBHOOK_URL", HOOK),
        ("AzureWebJobsStorage", STRING),
        ("AzureWebJobsStorage", EVERY["AzureWebJobsStorage"].replace("http://[::1]:3", "https://t.example.com")),
        ("AzureWebJobsStorage", EVERY["AzureWebJobsStorage"].replace("QueueEndpoint", "QueueSecondaryEndpoint")),
    ],
)
def test_sending_no_token_is_refused_with_any_endpoint_elsewhere(name, value):
    told = wrong(base=EVERY, **{name: value})
    assert told.startswith("DRIFT_CREDENTIAL: ")
    assert name in told


@pytest.mark.parametrize(("url", "found"), [("", None), ("none", None), ("http://localhost:1/", "http://localhost:1")])
def test_without_a_token_graph_is_off_unless_it_is_given(url, found):
    assert read(EVERY | {"DRIFT_GRAPH_ENDPOINT": url}).graph_endpoint == found


def test_sending_no_token_is_refused_with_an_identity_elsewhere():
    told = wrong(base=EVERY | URIS, DRIFT_STORAGE="X")
    assert told.startswith("DRIFT_CREDENTIAL: ")
    assert all(name in told for name in URIS)


# Secrets


def test_secrets_stand_in_no_repr():
    shown = repr(read({"AzureWebJobsStorage": STRING, "TEAMS_WEBHOOK_URL": HOOK}))
    assert "retention_months=25" in shown
    assert KEY not in shown
    assert "s3cr3t" not in shown
    assert "prod-1" not in shown


@pytest.mark.parametrize("name", [*SETTINGS, "AzureWebJobsStorage"])
@pytest.mark.parametrize("secret", [HOOK + "#", STRING.replace("=https", "=http") + ";BlobEndpoint=http://x"])
def test_a_secret_in_any_setting_stands_in_no_error(name, secret):
    told = wrong(**{name: secret})
    assert KEY not in told
    assert "s3cr3t" not in told


@pytest.mark.parametrize(
    "name", ["TEAMS_WEBHOOK_URL", "AzureWebJobsStorage", "DRIFT_STORAGE", "DRIFT_TOPIC_ENDPOINT", "DRIFT_SCOPES"]
)
def test_a_key_vault_reference_that_was_not_resolved_is_named_as_such(name):
    told = wrong(**{name: "@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/hook)"})
    assert told == f"{name}: its Key Vault reference was not resolved"


# Numbers


@pytest.mark.parametrize(("text", "value"), [("0", 0.0), ("0.5", 0.5), (" 12.25 ", 12.25), ("100", 100.0)])
def test_a_threshold_is_a_number(text, value):
    assert settings(DRIFT_ANNOUNCE_PP=text).announce_pp == value


@pytest.mark.parametrize("text", ["-0.5", "nan", "inf", "1e400", "0,5", "½", "0.5pp", "+1", "1_0", "."])
def test_what_is_no_threshold_is_refused(text):
    assert "DRIFT_ANNOUNCE_PP: " in wrong(DRIFT_ANNOUNCE_PP=text)


@pytest.mark.parametrize("months", [1, 25, 120])
def test_movements_are_kept_for_months(months):
    assert settings(DRIFT_RETENTION_MONTHS=str(months)).retention_months == months


@pytest.mark.parametrize("text", ["0", "121", "-1", "2.5", "x", "٣", "1000"])
def test_what_is_no_number_of_months_is_refused(text):
    assert "DRIFT_RETENTION_MONTHS: " in wrong(DRIFT_RETENTION_MONTHS=text)


@pytest.mark.parametrize("text", ["managed", "None of it"])
def test_what_is_no_credential_is_refused(text):
    assert "DRIFT_CREDENTIAL: " in wrong(DRIFT_CREDENTIAL=text)


# What Teams gets


GROUPS = {"DRIFT_GROUPS": "Prod=tag:environment=prod;eu=mg:contoso-eu"}
PROD, EU = HOOK + "1", HOOK + "2"


def test_a_route_is_a_webhook_with_all_that_goes_there():
    rules = "prod=TEAMS_WEBHOOK_PROD; owner:Pay=ments=TEAMS_WEBHOOK_PROD;EU=TEAMS_WEBHOOK_EU;"
    found = settings(**GROUPS, DRIFT_TEAMS_ROUTES=rules, TEAMS_WEBHOOK_PROD=PROD, TEAMS_WEBHOOK_EU=EU)
    assert found.teams_routes == (
        Route("TEAMS_WEBHOOK_EU", EU, {"eu": "mg:contoso-eu"}),
        Route("TEAMS_WEBHOOK_PROD", PROD, {"prod": "tag:environment=prod"}, frozenset({"pay=ments"})),
    )
    assert "s3cr3t" not in repr(found)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("dev=TEAMS_WEBHOOK_PROD", "'dev' is neither a group of DRIFT_GROUPS nor owner:VALUE"),
        ("owner:=TEAMS_WEBHOOK_PROD", "'owner:' names no owner"),
        ("prod", "'prod' is not NAME=SETTING or owner:VALUE=SETTING"),
        ("prod=MY_WEBHOOK", "what 'prod' goes to must be the name of an app setting like TEAMS_WEBHOOK_PROD"),
        ("prod=TEAMS_WEBHOOK_URL", "TEAMS_WEBHOOK_URL gets everything: 'prod' needs a webhook of its own"),
        (f"prod={HOOK}", "has an address in it: it goes into an app setting of its own, which is named here"),
    ],
)
def test_what_is_no_route_is_refused_in_one_line(rule, told):
    assert wrong(**GROUPS, DRIFT_TEAMS_ROUTES=rule, TEAMS_WEBHOOK_PROD=PROD) == f"DRIFT_TEAMS_ROUTES: {told}"


def test_a_route_to_a_setting_that_is_missing_or_no_address_names_the_setting():
    told = wrong(**GROUPS, DRIFT_TEAMS_ROUTES="prod=TEAMS_WEBHOOK_PROD")
    assert told == "TEAMS_WEBHOOK_PROD: is not set, and DRIFT_TEAMS_ROUTES sends something there"
    told = wrong(**GROUPS, DRIFT_TEAMS_ROUTES="prod=TEAMS_WEBHOOK_PROD", TEAMS_WEBHOOK_PROD="hook s3cr3t")
    assert told == "TEAMS_WEBHOOK_PROD: is no URL: it has a character that no URL has"


def test_no_token_means_no_webhook_elsewhere_on_a_route_either():
    told = wrong(base=EVERY, **GROUPS, DRIFT_TEAMS_ROUTES="prod=TEAMS_WEBHOOK_PROD", TEAMS_WEBHOOK_PROD=PROD)
    assert told == "DRIFT_CREDENTIAL: `none` is only for loopback, and not there: TEAMS_WEBHOOK_PROD"


@pytest.mark.parametrize("text", ["20:00", "25:00-07:00", "07:00-07:00", "Europe/Berlin", "sat Mars/Base", "sat sun"])
def test_what_are_no_quiet_hours_is_refused(text):
    assert wrong(DRIFT_QUIET_HOURS=text).startswith(f"DRIFT_QUIET_HOURS: '{text}': ")


def test_days_that_are_all_quiet_are_refused():
    assert "nothing would ever be told" in wrong(DRIFT_QUIET_HOURS="Mon,Tue,Wed,Thu,Fri,Sat,Sun")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, None),
        ({"WEBSITE_HOSTNAME": "drift-1.azurewebsites.net"}, "https://drift-1.azurewebsites.net"),
        ({"WEBSITE_HOSTNAME": "localhost:7071"}, None),
        ({"WEBSITE_HOSTNAME": "a.b/c?d"}, None),
        ({"WEBSITE_HOSTNAME": "a.b", "DRIFT_APP_URL": "https://drift.contoso.com/"}, "https://drift.contoso.com"),
        ({"DRIFT_APP_URL": "https://drift.contoso.com/api/"}, "https://drift.contoso.com"),
    ],
)
def test_links_lead_to_where_the_app_answers(given, found):
    assert settings(**given).app_url == found


def test_an_app_url_holds_no_key():
    assert wrong(DRIFT_APP_URL="https://a.b/?code=s3cr3t") == "DRIFT_APP_URL: must have no query"


def test_users_are_named_by_object_id_or_address():
    found = settings(DRIFT_NOTIFY=f"{OTHER}, Priya@contoso.example,", DRIFT_NOTIFY_LINK=CHANNEL)
    assert found.notified == Notified((OTHER.lower(), "priya@contoso.example"), CHANNEL)


@pytest.mark.parametrize("user", ["priya", "a/b@c.example", "a@c.example?x", "a@b@c", f"{SUB}/x"])
def test_what_names_no_user_is_refused(user):
    assert "DRIFT_NOTIFY: " in wrong(DRIFT_NOTIFY=user, DRIFT_NOTIFY_LINK=CHANNEL)


def test_a_notification_needs_a_link_into_teams_and_graph():
    told = wrong(DRIFT_NOTIFY=SUB, DRIFT_GRAPH_ENDPOINT="none")
    assert "DRIFT_NOTIFY: Microsoft Graph, which would notify, is switched off" in told
    assert "DRIFT_NOTIFY_LINK: is not set" in told
    assert "DRIFT_NOTIFY_LINK: is no link" in wrong(DRIFT_NOTIFY=SUB, DRIFT_NOTIFY_LINK="https://teams.example/l/x")


# Schedules


@pytest.mark.parametrize(
    "text",
    [
        *schedules.DEFAULTS.values(),
        "0 */5 * * * *",
        "0 5/15 8-18 * * MON-FRI",
        "30,45 0 0 1,15 jan,Jul sun",
        "0 0 0 31 12 6",
        "0 0 12 * February 1-5/2",
        "59 59 23 31 12 0",
    ],
)
def test_a_schedule_is_six_fields(text):
    assert ncrontab.wrong(text) is None
    settings(DRIFT_DIGEST_SCHEDULE=text)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("0 * * * *", "5 fields"),
        ("0 0 0 1 1 * 2026", "7 fields"),
        ("01:00:00", "1 fields"),
        ("60 * * * * *", "second"),
        ("0 60 * * * *", "minute"),
        ("0 0 24 * * *", "hour"),
        ("0 0 0 0 * *", "day"),
        ("0 0 0 32 * *", "day"),
        ("0 0 0 * 13 *", "month"),
        ("0 0 0 * mon *", "month"),
        ("0 0 0 * * 7", "weekday"),
        ("0 0 0 * * jan", "weekday"),
        ("0 5-1 * * * *", "minute"),
        ("0 */0 * * * *", "minute"),
        ("0 1,,2 * * * *", "minute"),
        ("0 *5 * * * *", "minute"),
        ("0 -5 * * * *", "minute"),
        ("0 ? * * * *", "minute"),
        ("0 ٣ * * * *", "minute"),
        ("0 99999 * * * *", "minute"),
    ],
)
def test_what_is_no_schedule_is_refused_by_its_field(text, field):
    told = wrong(DRIFT_ROLLUP_SCHEDULE=text)
    assert told.startswith("DRIFT_ROLLUP_SCHEDULE: ")
    assert field in told


# What lists the settings


def test_the_sample_holds_every_setting_and_works():
    sample = json.loads((ROOT / "local.settings.sample.json").read_text(encoding="utf-8"))
    host = {"FUNCTIONS_WORKER_RUNTIME": "python", "AzureWebJobsStorage": "UseDevelopmentStorage=true"}
    assert sample == {"IsEncrypted": False, "Values": host | {name: one.default for name, one in SETTINGS.items()}}
    assert read(sample["Values"]) == read(LOCAL)


def test_the_page_lists_exactly_the_settings():
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*) \| (.*) \| (.*) \|$", page, re.MULTILINE)
    assert rows == [
        (f"`{name}`", one.meaning, f"`{one.default}`" if one.default else "none") for name, one in SETTINGS.items()
    ]


def test_every_schedule_is_a_setting_with_the_default_that_the_functions_have():
    named = {name: one.default for name, one in SETTINGS.items() if name.endswith("_SCHEDULE")}
    assert named == schedules.DEFAULTS

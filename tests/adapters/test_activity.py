"""Named users get a notification in Teams through Graph, over real HTTP; what it refuses for good is not repeated."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from uuid import UUID

import pytest

from demo.azure import Azure
from drift.adapters.activity import Activity
from drift.errors import ServiceError
from tests.adapters.test_directory import Token, user

USER, SECOND = str(UUID(int=1)), str(UUID(int=2))
LINK = "https://teams.microsoft.com/l/channel/19%3Aabc%40thread.tacv2/General?groupId=1&tenantId=2"
MESSAGE = "ffeeddccbbaa99887766554433221100"
FEEDS = r"/sendActivityNotification$"


@pytest.fixture
def azure() -> Iterator[Azure]:
    with Azure() as running:
        running.directory = {USER: user(USER), SECOND: user(SECOND, "Ben Ito", "ben@contoso.example")}
        yield running


def activity(azure: Azure, *users: str, credential=None) -> Activity:
    return Activity(azure.endpoint, credential, users or (USER,), LINK)


def test_each_user_is_notified_by_id_or_address_in_plain_words_that_lead_somewhere(azure):
    azure.tokens = ["right"]
    token = Token()
    activity(azure, USER, "ben@contoso.example", credential=token).notify("Secure score −1.33 pp", MESSAGE)
    assert [one for one, _ in azure.notified] == [USER, SECOND]
    (sent,) = {str(what) for _, what in azure.notified}
    assert azure.notified[0][1] == {
        "activityType": "systemDefault",
        "chainId": int(MESSAGE[:15], 16),
        "previewText": {"content": "Secure score −1.33 pp"},
        "templateParameters": [{"name": "systemDefaultText", "value": "Secure score −1.33 pp"}],
        "topic": {"source": "text", "value": "Secure score", "webUrl": LINK},
    }, sent
    assert set(token.scopes) == {f"{azure.endpoint}/.default"}


def test_words_are_one_printable_line_of_150_characters(azure):
    activity(azure).notify("a\u202e\n" + "b" * 300, MESSAGE)
    ((_, sent),) = azure.notified
    words = sent["previewText"]["content"]
    assert len(words) == 150
    assert words.startswith("a b")
    assert words.endswith("…")
    assert words.isprintable()


@pytest.mark.parametrize("status", [400, 403, 409])
def test_what_graph_refuses_for_good_is_logged_and_over_and_stops_no_other_user(azure, caplog, status):
    azure.script(FEEDS, [status])
    activity(azure, USER, SECOND).notify("words", MESSAGE)
    assert [one for one, _ in azure.notified] == [SECOND]
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert f"answered {status}" in record.getMessage()
    assert "user 1 of DRIFT_NOTIFY" in record.getMessage()
    assert USER not in record.getMessage()


def test_a_user_that_is_not_there_is_no_failure(azure, caplog):
    activity(azure, str(UUID(int=9))).notify("words", MESSAGE)
    assert "no such user" in caplog.text


@pytest.mark.parametrize("step", [429, 500, 503, "reset"])
def test_where_trying_again_may_help_it_fails_after_all_users_were_asked(azure, step):
    azure.script(rf"{USER}/teamwork{FEEDS}", [step])
    with pytest.raises(ServiceError, match="notify a user: "):
        activity(azure, USER, SECOND).notify("words", MESSAGE)
    assert [one for one, _ in azure.notified] == [SECOND]


def test_without_a_token_nobody_is_notified_and_it_fails(azure):
    from azure.core.exceptions import ClientAuthenticationError

    with pytest.raises(ServiceError, match="there is no token"):
        activity(azure, credential=Token(error=ClientAuthenticationError("secret"))).notify("words", MESSAGE)


@pytest.mark.parametrize("endpoint", ["http://graph.example", "graph", "https://graph.microsoft.com"])
def test_no_request_goes_elsewhere_without_a_credential(endpoint):
    with pytest.raises(ValueError, match="is not an endpoint"):
        Activity(endpoint, None, (USER,), LINK)

"""Notifications in the activity feed of Teams, through Microsoft Graph, of the type that takes free words.

What Graph refuses for good (a permission, a user, an app that is not installed) is a mistake in the configuration: it
is logged, and not tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from drift.adapters.graph import answered, code, opened
from drift.adapters.origins import Origin, endpoint_origin, printable
from drift.errors import ServiceError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

PATIENCE = 60.0
"""Seconds for all users of one message."""

LONGEST = 150
"""Characters that Teams shows (learn.microsoft.com, `userteamwork-sendactivitynotification`)."""

TOPIC = "Secure score"

log = logging.getLogger("drift")

_OPERATION = "notify a user"
_CHECK = {
    400: "the link or the text is not taken: is DRIFT_NOTIFY_LINK a link into Teams?",
    401: "the identity is not known to Graph",
    403: "the identity has no TeamsActivity.Send, or no Teams app of its own is installed for the user",
    404: "there is no such user, or no Teams app is installed for them",
    409: "several Teams apps that are installed for the user have the same application id",
}


class Activity:
    """Notifies users, by object id or address, at one endpoint of Graph. Made at no cost, as `Graph` is."""

    def __init__(self, endpoint: str, credential: TokenCredential | None, users: Sequence[str], link: str) -> None:
        """`link`: what a click opens, a link into Teams. Raises ValueError for an endpoint that is none."""
        origin = endpoint_origin(endpoint)
        if origin is None or not (origin.secure or origin.loopback) or (credential is None and not origin.loopback):
            raise ValueError(f"{printable(endpoint)!r} is not an endpoint that may be asked")
        self._origin, self._credential, self._users, self._link = origin, credential, users, link

    def notify(self, words: str, message: str) -> None:
        """Returns when each user was notified or can't be. A repeat of a message takes the place of the first.

        Raises ServiceError where trying again may help; the others were notified then.
        """
        try:
            failed = asyncio.run(self._notify(self._origin, _cut(words), message))
        except TimeoutError:
            raise ServiceError(f"{_OPERATION}: Microsoft Graph did not answer within {PATIENCE:g} s") from None
        if failed:
            raise ServiceError(failed[0])

    async def _notify(self, origin: Origin, words: str, message: str) -> list[str]:
        from kiota_abstractions.base_request_configuration import RequestConfiguration
        from msgraph.generated.models.item_body import ItemBody
        from msgraph.generated.models.key_value_pair import KeyValuePair
        from msgraph.generated.models.teamwork_activity_topic import TeamworkActivityTopic
        from msgraph.generated.models.teamwork_activity_topic_source import TeamworkActivityTopicSource
        from msgraph.generated.users.item.teamwork.send_activity_notification import (
            send_activity_notification_post_request_body as sent,
        )

        body = sent.SendActivityNotificationPostRequestBody(
            activity_type="systemDefault",
            chain_id=int(message[:15], 16),
            preview_text=ItemBody(content=words),
            template_parameters=[KeyValuePair(name="systemDefaultText", value=words)],
            topic=TeamworkActivityTopic(source=TeamworkActivityTopicSource.Text, value=TOPIC, web_url=self._link),
        )
        graph, raw, http = opened(origin, self._credential, again=False)
        failed: list[str] = []
        try:
            async with asyncio.timeout(PATIENCE):
                for number, user in enumerate(self._users, 1):
                    feed = graph.users.by_user_id(user).teamwork.send_activity_notification
                    try:
                        found = await answered(_OPERATION, feed.post(body, RequestConfiguration(options=raw)))
                    except ServiceError as error:
                        failed.append(str(error))
                        continue
                    failed += _wrong(number, *found)
        finally:
            await http.aclose()
        return failed


def _wrong(number: int, status: int, content: bytes) -> list[str]:
    """What is wrong with an answer and may be right another time; what will not be is logged."""
    if 200 <= status < 300:
        return []
    words = f"{_OPERATION}: Microsoft Graph answered {status} {code(content)}".rstrip()
    if status in (408, 429) or status >= 500:
        return [words]
    why = _CHECK.get(status, "it will not be tried again")
    log.error("%s for user %d of DRIFT_NOTIFY: %s", words, number, why)
    return []


def _cut(words: str) -> str:
    line = " ".join(printable(words, 1000).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"

"""The built-in roles that the template may assign, and why the app needs each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Role:
    """A built-in role of Azure: its name, where it is given, and what for."""

    name: str
    where: str
    reason: str


WATCHED = "what is watched"

ROLES: Mapping[str, Role] = MappingProxyType(
    {
        "39bc4728-0917-49c7-9d2c-d95423bc2eb4": Role("Security Reader", WATCHED, "scores, assessments, plans"),
        "acdd72a7-3385-48ef-bd42-f606fba81ae7": Role("Reader", WATCHED, "the inventory with its tags"),
        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": Role(
            "Storage Blob Data Owner", "its storage", "blobs; the host's locks"
        ),
        "974c5e8b-45b9-4653-ba55-5f855dd0fb88": Role("Storage Queue Data Contributor", "its storage", "its queues"),
        "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": Role("Storage Table Data Contributor", "its storage", "its tables"),
        "4633458b-17de-408a-b874-0445c86b69e6": Role("Key Vault Secrets User", "its vault", "webhooks"),
        "3913510d-42f4-4e42-8a64-420c390055eb": Role("Monitoring Metrics Publisher", "its telemetry", "logs"),
        "d5a91429-5739-47e2-a06b-3470a27159e7": Role("EventGrid Data Sender", "its topic", "explained movements"),
    }
)
"""By definition id. The app's own identity has these, and no other."""

OTHERS: Mapping[str, Role] = MappingProxyType(
    {
        "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a": Role(
            "Storage Queue Data Message Sender", "its storage", "Event Grid's identity: events to the queue"
        ),
        "1e241071-0855-49ea-94dc-649edcd759de": Role(
            "EventGrid Contributor", WATCHED, "the policy's identity: topics and subscriptions"
        ),
    }
)
"""What may be given to other identities, if the template has them."""

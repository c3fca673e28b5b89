"""Azure, as far as it is read: what a pass asks of a tenant."""

from __future__ import annotations

from typing import Protocol

from drift.model import Snapshot, Subscription
from drift.names import Names


class Source(Protocol):
    """Azure, as far as it is read. Each raises ServiceError where Azure does not answer."""

    def subscriptions(self) -> list[Subscription]:
        """All that the identity sees."""

    def subscription(self, identity: str) -> Subscription | None:
        """One of them; None if Azure does not know it."""

    def ancestors(self) -> dict[str, tuple[str, ...]]:
        """Management groups above each subscription, nearest first."""

    def snapshot(
        self,
        subscription: Subscription,
        resources: Names,
        recommendations: Names,
        ancestors: tuple[str, ...] | None = None,
    ) -> Snapshot:
        """A subscription whole."""

    def now(self) -> int:
        """The tick of Azure's clock at its last answer."""

"""What was done lately, so that acts keep apart of which nobody could tell whose a mark is.

A resource that came, a recommendation that began to count, a plan or an assignment that was switched: hours later marks
follow it. Where two such acts meet on one mark, both are true, and which of them a tool names is a convention. The set
has no conventions to teach, so such acts are days apart.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from benchmarks.labelled.land import Pair, Subscription

if TYPE_CHECKING:
    from benchmarks.labelled.estate import Estate

LONG = timedelta(hours=76)
"""Marks may follow an act, and be taken for its doing, for two days and the time between snapshots at either end."""


class Apart:
    """When things were last done. A thing is named by words: `("plan", subscription, kind of resources)`."""

    def __init__(self) -> None:
        self._at: dict[tuple[str, ...], datetime] = {}

    def note(self, now: datetime, *what: str) -> None:
        """It is done now."""
        self._at[what] = now

    def lately(self, now: datetime, *what: str, within: timedelta = LONG) -> bool:
        """Whether it was done not long ago."""
        at = self._at.get(what)
        return at is not None and now - at < within


def young(estate: Estate, resource: str) -> bool:
    """Whether a resource came not long ago."""
    known = estate.arrivals.get(resource)
    return known is not None and estate.now - known.at < LONG


def assessed(estate: Estate, pair: Pair) -> bool:
    """Whether there is a resource at a mark's place, of a kind that the recommendation assesses."""
    resource = estate.resources.get(pair[0])
    return resource is not None and resource.word in estate.recommendations[pair[1]].words


def calm(estate: Estate, pair: Pair) -> bool:
    """Whether a mark that comes or goes here would be nobody's doing but the act's that makes it."""
    if not assessed(estate, pair):
        return True
    resource = estate.resources[pair[0]]
    around = ("check", pair[1]), ("plan", resource.subscription, resource.word), ("assignment", resource.subscription)
    return not young(estate, resource.id) and not any(estate.apart.lately(estate.now, *what) for what in around)


def disturbed(estate: Estate, account: Subscription) -> bool:
    """Whether many marks of a subscription flipped lately, or its machines were told to be watched or not."""
    return any(estate.apart.lately(estate.now, what, account.id) for what in ("flips", "agents"))


def running_out(estate: Estate, key: str) -> bool:
    """Whether an exemption from a recommendation, or a grace period, will run out in the days to come."""
    ends = [one.expires for one in estate.exemptions.values() if one.recommendation == key and one.expires]
    ends += [one.due for pair, one in estate.governance.items() if pair[1] == key and one.grace]
    return any(estate.now <= end < estate.now + LONG for end in ends)


def under_way(estate: Estate, account: Subscription, kind: str, subject: str) -> bool:
    """Whether marks of a cause are still to be told: undated, a part of them could not be told from the rest."""
    return any(
        deed.kind == kind and deed.subject == subject and pair[0].split("/")[2] == account.id
        for pair, deed in estate.deeds.items()
    )

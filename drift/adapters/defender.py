"""Azure as it is now: subscriptions, and each of them whole.

Everything here reads: each request is a GET, or the one POST that lists management groups. What Azure does not answer
raises ServiceError; an empty list is one only where Azure says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from drift.adapters import arm, evidence_writer, scores
from drift.adapters.client import PATIENCE, AnswerError, Arm
from drift.adapters.fields import Fields, numbered, unique
from drift.adapters.origins import printable
from drift.adapters.reading import POLICY, SECURITY, Reading, optional, rows, understood
from drift.errors import ServiceError
from drift.ids import BENCHMARK, is_guid, last
from drift.model import HOUR, Context, Recommendation, Snapshot, Subscription
from drift.names import Names

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

KEPT = HOUR // 6
"""How long what is the same for all subscriptions is not asked for again, by ARM's time."""


class Defender:
    """Microsoft Defender for Cloud, behind one endpoint of Azure Resource Manager."""

    def __init__(
        self,
        endpoint: str,
        credential: TokenCredential | None,
        *,
        backoff: float = 0.8,
        patience: float = PATIENCE,
    ) -> None:
        """The arguments are those of `Arm`, which raises ValueError for an endpoint that may not be asked so."""
        self._arm = Arm(endpoint, credential, backoff=backoff, patience=patience)
        self._metadata = _Kept[dict[str, Recommendation]]()
        self._initiatives = _Kept[arm.Initiatives]()

    def now(self) -> int:
        """The tick of Azure's clock at the last answer that this thread had. Raises ServiceError if it had none."""
        return self._arm.now()

    def subscriptions(self) -> list[Subscription]:
        """All subscriptions that the identity sees, in order of id. Raises ServiceError."""
        with understood():
            found = arm.subscriptions(*rows(self._arm, "/subscriptions?api-version=2022-12-01"))
        return list(found.values())

    def subscription(self, identity: str) -> Subscription | None:
        """One of them; None if Azure says that there is none. Raises Refused, ServiceError."""
        if not is_guid(identity):
            return None
        try:
            row = self._arm.one(f"/subscriptions/{identity}?api-version=2022-12-01")
        except AnswerError as error:
            if error.status == 404 and error.code:  # without a code it is not Azure that does not know it
                return None
            raise
        label = f"GET /subscriptions/{identity}"
        with understood():
            (found,) = arm.subscriptions(label, numbered(label, [row])).values()
        if found.id.lower() != identity.lower():
            raise ServiceError(f"{label}: came subscription {found.id}")
        return found

    def ancestors(self) -> dict[str, tuple[str, ...]]:
        """Subscription id to the names of the management groups above it, nearest first; all in lower case.

        Raises Refused, ServiceError.
        """
        path = "/providers/Microsoft.Management/getEntities?api-version=2020-05-01"
        with understood():
            label, found = rows(self._arm, path, "POST")
            above = [_above(row) for row in found if (row.text("type") or "").lower().endswith("/subscriptions")]
            return unique(label, above)

    def snapshot(
        self,
        subscription: Subscription,
        resources: Names,
        recommendations: Names,
        ancestors: tuple[str, ...] | None = None,
    ) -> Snapshot:
        """A subscription whole, at the time of the last answer with its counts. Raises ServiceError.

        Scores, controls and assessments must be readable; of the rest, what the identity may not read or Azure does
        not have here is None in the context.
        """
        names = resources, recommendations
        minimal = Context(ancestors=ancestors)
        if not subscription.live:
            return scores.unscored(subscription, self.now(), scores.not_live(subscription), minimal, *names)
        with understood():
            reading = Reading(self._arm, subscription, *names)
            try:
                counts = reading.counts()
            except AnswerError as error:
                if error.code != "missingsubscriptionregistration":
                    raise
                return scores.unscored(subscription, self.now(), scores.NOT_REGISTERED, minimal, *names)
            plans = optional(reading.plans)
            marks = scores.no_marks()
            unscored = scores.reason(subscription, counts.score, plans)
            if unscored is None:
                counts, marks = reading.settled(counts)
                unscored = scores.reason(subscription, counts.score, plans)
            initiatives = self._known_initiatives() or arm.Initiatives()
            graces, dues = optional(lambda: reading.governance(marks)) or (None, None)
            context = replace(
                minimal,
                plans=plans,
                recommendations=arm.placed(self._known_metadata(), recommendations),
                initiatives=initiatives.references,
                switches=initiatives.switches,
                versions=initiatives.versions,
                inventory=optional(reading.inventory),
                connectors=optional(reading.connectors),
                assignments=optional(reading.assignments),
                policy_exemptions=optional(reading.policy_exemptions),
                standard_exemptions=optional(reading.standard_exemptions),
                graces=graces,
                dues=dues,
                provisioning=optional(reading.provisioning),
                health=optional(reading.health),
            )
        if unscored is not None:
            return scores.unscored(subscription, counts.at, unscored, context, *names)
        return scores.scored(subscription, counts.at, counts.score, counts.controls, marks, context, *names)

    def _known_metadata(self) -> Mapping[str, Recommendation] | None:
        def read() -> dict[str, Recommendation]:
            return arm.metadata(*rows(self._arm, f"/{SECURITY}/assessmentMetadata?api-version=2021-06-01"))

        return optional(lambda: self._metadata.get(self.now(), read))

    def _known_initiatives(self) -> arm.Initiatives | None:
        path = f"/{POLICY}/policySetDefinitions/{last(BENCHMARK)}?api-version=2023-04-01"

        def read() -> arm.Initiatives:
            label = f"GET {path.partition('?')[0]}"
            return arm.initiatives(label, numbered(label, [self._arm.one(path)]))

        return optional(lambda: self._initiatives.get(self.now(), read), {"policysetdefinitionnotfound"})


def _above(row: Fields) -> tuple[str, tuple[str, ...]]:
    """A subscription and what is above it: Azure lists it from the root down."""
    return last(row.need("id")), tuple(last(name).lower() for name in reversed(row.texts("parentNameChain")))


class _Kept[T]:
    """What was read, for some time."""

    def __init__(self) -> None:
        self._known: tuple[int, T] | None = None

    def get(self, now: int, read: Callable[[], T]) -> T:
        known = self._known
        if known is None or not 0 <= now - known[0] < KEPT:
            known = self._known = (now, read())
        return known[1]


def export(
    defender: Defender,
    folder: Path,
    identities: Collection[str] | None,
    progress: Callable[[int, int, str], None],
    groups: bool = False,
) -> int:
    """Reads subscriptions, all or these, into a new evidence folder, with `groups` what is above them too; how many.

    One snapshot is held at a time. The folder's time is ARM's when the reading began. Raises EvidenceError if the
    folder is there, ServiceError for what can't be read or a subscription that is not seen: then none is written.
    """
    seen = {one.id.lower(): one for one in defender.subscriptions()}
    began = defender.now()
    wanted = sorted(seen) if identities is None else sorted({one.lower() for one in identities})
    for identity in wanted:
        if identity not in seen:
            raise ServiceError(f"{printable(identity)}: no such subscription, or none that the identity sees")
    above = defender.ancestors() if groups else None

    def read() -> Iterator[Snapshot]:
        for number, identity in enumerate(wanted, 1):
            one = seen[identity]
            groups_above = None if above is None else above.get(identity, ())
            yield defender.snapshot(one, Names(), Names(), groups_above)
            progress(number, len(wanted), one.name)

    evidence_writer.write(folder, read(), began)
    return len(wanted)

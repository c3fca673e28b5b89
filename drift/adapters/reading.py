"""The lists of one subscription, as Azure answers them now. See `drift.adapters.defender`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from drift.adapters import arm, assessments, scores
from drift.adapters.client import AnswerError, Arm
from drift.adapters.fields import Fields, numbered
from drift.adapters.origins import printable
from drift.errors import EvidenceError, Refused, ServiceError
from drift.model import (
    DAY,
    NEVER,
    Assignment,
    Connector,
    Control,
    Exemption,
    Grace,
    Health,
    Inventory,
    Marks,
    Plan,
    Score,
    Status,
    Subscription,
)
from drift.names import Names

if TYPE_CHECKING:
    from azure.mgmt.security import SecurityCenter

SECURITY, POLICY = "providers/Microsoft.Security", "providers/Microsoft.Authorization"

TRIES = 3
"""How often a subscription is read whose score Azure computes anew meanwhile: that is every eight hours."""

_ABSENT = {"invalidresourcetype", "noregisteredproviderfound"}
"""What ARM says of an API that a cloud or a region does not have."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Score and controls, and when they were read."""

    score: Score | None
    controls: tuple[Control, ...]
    at: int = field(compare=False)


class Reading:
    """The lists of one subscription."""

    def __init__(self, client: Arm, subscription: Subscription, resources: Names, recommendations: Names) -> None:
        self._arm, self._id = client, subscription.id
        self._resources, self._recommendations = resources, recommendations
        self._scope = f"/subscriptions/{subscription.id}"
        self._security: SecurityCenter = client.security(subscription.id)

    def counts(self) -> Counts:
        """Score and controls; no score where Azure says that there is none. Raises AnswerError for its other errors."""
        try:
            label, rows = self._listed("secureScores", lambda: self._security.secure_scores.list())
            score = scores.score(label, rows, self._id)
        except AnswerError as error:
            if (error.status, error.code) != (404, "resourcenotfound"):
                raise
            score = None
        if score is None:
            return Counts(None, (), self._arm.now())
        ask = self._security.secure_score_controls.list
        label, rows = self._listed("secureScoreControls", lambda: ask(expand="definition"))
        controls = scores.controls(label, rows, self._id, score, self._recommendations)
        return Counts(score, controls, self._arm.now())

    def settled(self, before: Counts) -> tuple[Counts, Marks]:
        """Marks between two equal readings of the counts: they are of one moment."""
        for _ in range(TRIES):
            marks = self._marks(before.at)
            after = self.counts()
            if after == before:
                return after, _first_of_a_day(marks, after.at)
            before = after
        raise ServiceError(f"{self._scope}: its counts changed during each of {TRIES} readings of its assessments")

    def _marks(self, taken_at: int) -> Marks:
        path = f"{self._scope}/{SECURITY}/assessments?api-version=2021-06-01"
        pages = self._arm.pages(path, assessments.NESTED_SHAPES)
        return assessments.marks(_label(path), pages, self._resources, self._recommendations, taken_at)

    def inventory(self) -> Inventory:
        path = f"{self._scope}/resources?api-version=2021-04-01&$expand=createdTime,changedTime"
        pages = self._arm.pages(path, assessments.RESOURCE_SHAPES)
        return assessments.inventory(_label(path), pages, self._resources)

    def plans(self) -> Mapping[str, Plan]:
        return arm.plans(*self._listed("pricings", lambda: self._security.pricings.list(self._scope[1:])))

    def connectors(self) -> Mapping[str, Connector]:
        return arm.connectors(*self._listed("securityConnectors", lambda: self._security.security_connectors.list()))

    def provisioning(self) -> Mapping[str, bool]:
        ask = self._security.auto_provisioning_settings.list
        return arm.provisioning(*self._listed("autoProvisioningSettings", lambda: ask()))

    def health(self) -> Mapping[str, Health]:
        ask = self._security.health_reports.list
        return arm.health(*self._listed("healthReports", lambda: ask(self._scope[1:])))

    def assignments(self) -> Mapping[str, Assignment]:
        return arm.assignments(*self._raw(f"{POLICY}/policyAssignments?api-version=2022-06-01"))

    def policy_exemptions(self) -> Mapping[str, Exemption]:
        return arm.policy_exemptions(*self._raw(f"{POLICY}/policyExemptions?api-version=2022-07-01-preview"))

    def standard_exemptions(self) -> Mapping[str, Exemption]:
        return arm.standard_exemptions(*self._raw(f"{SECURITY}/standardAssignments?api-version=2024-08-01"))

    def governance(self, marks: Marks) -> tuple[tuple[Grace, ...], tuple[Grace, ...]]:
        """The grace periods and the due dates of Unhealthy marks, where the subscription has governance rules.

        There is no list of them for a subscription: it is a request for each recommendation.
        """
        ask = self._security.governance_rules.list
        label, rules = self._listed("governanceRules", lambda: ask(self._scope[1:]))
        if not rules:
            return (), ()
        unhealthy = np.unique(marks.recommendation[marks.status == Status.UNHEALTHY]).tolist()
        found: list[Fields] = []
        for key in sorted(self._recommendations[place] for place in unhealthy):
            inner = f"assessments/{quote(key, safe='')}/governanceAssignments"
            found += self._raw(f"{SECURITY}/{inner}?api-version=2022-01-01-preview")[1]
        return arm.governance(label, found, self._resources, self._recommendations)

    def _listed(self, name: str, ask: Callable[[], Any]) -> tuple[str, list[Fields]]:
        label = f"GET {self._scope}/{SECURITY}/{name}"
        return label, numbered(label, self._arm.listed(label, ask))

    def _raw(self, path: str) -> tuple[str, list[Fields]]:
        return rows(self._arm, f"{self._scope}/{path}")


def rows(client: Arm, path: str, method: str = "GET") -> tuple[str, list[Fields]]:
    """A short list, with what was asked."""
    label = _label(path, method)
    return label, numbered(label, [row for page in client.pages(path, (dict[str, Any],), method) for row in page])


def _label(path: str, method: str = "GET") -> str:
    return f"{method} {path.partition('?')[0]}"


def _first_of_a_day(marks: Marks, taken_at: int) -> Marks:
    """Only `first` of the day before the snapshot: the marks were read when its time was not known yet."""
    return replace(marks, first=np.where(marks.changed > taken_at - DAY, marks.first, NEVER))


def optional[T](read: Callable[[], T], also: Collection[str] = ()) -> T | None:
    """What may not be read, or is not there to be read, is None; what fails is an error."""
    try:
        return read()
    except Refused:
        return None
    except AnswerError as error:
        if error.status in (400, 404) and (error.code in _ABSENT or error.code in also):
            return None
        raise


@contextmanager
def understood() -> Iterator[None]:
    """Rows that can't be as Azure says it, as an error of the service."""
    try:
        yield
    except EvidenceError as error:
        raise ServiceError(printable(str(error), 400)) from error

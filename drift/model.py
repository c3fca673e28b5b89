"""The vocabulary: what a snapshot holds, what a cause is, what a comparison gives.

Values only, frozen. What there are a million of is a column (a numpy array), what there are few of is a dataclass.
Times inside the engine are ticks: whole 100 ns since 1970-01-01 UTC, the resolution in which Azure writes dates.
Shares and movements are in percentage points (pp).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drift.actors import NEVER as NEVER
from drift.actors import NOTHING, By, Confidence, Evidence
from drift.kinds import Kind
from drift.names import Names

Ints = NDArray[np.int32]
Bytes = NDArray[np.int8]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

HOUR = 36_000_000_000
DAY = 24 * HOUR
type Exact = int | Fraction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ticks(moment: datetime) -> int:
    """The tick of an aware time."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 10


def moment(tick: int) -> datetime:
    """The time of a tick, in UTC; what is finer than a microsecond is cut."""
    return _EPOCH + timedelta(microseconds=tick // 10)


class Status(IntEnum):
    """What a mark says. 0 is: there is no mark, or it counts for nothing."""

    NONE = 0
    HEALTHY = 1
    UNHEALTHY = 2
    NOT_APPLICABLE = 3


class Because(IntEnum):
    """`status.cause`, as far as it decides anything."""

    OTHER = 0
    EXEMPT = 1
    OFF_BY_POLICY = 2


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of a subscription, one a row, in order of (resource, recommendation), no pair twice."""

    resource: Ints
    recommendation: Ints
    status: Bytes
    because: Bytes
    changed: Longs
    first: Longs
    """`statusChangeDate` and `firstEvaluationDate` in ticks, NEVER where Azure gives none.

    `first` is kept of the marks that changed in the 24 hours up to the snapshot: only there it decides.
    """

    def __len__(self) -> int:
        return len(self.status)


@dataclass(frozen=True, slots=True)
class Control:
    """One control as reported: its maximum M, and the counts that are the truth for h and n."""

    name: str
    title: str
    maximum: float
    healthy: int
    unhealthy: int
    recommendations: tuple[int, ...]

    @property
    def counted(self) -> int:
        """n: healthy and unhealthy resources."""
        return self.healthy + self.unhealthy


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What the metadata says of a recommendation."""

    title: str
    preview: bool = False
    policy: str | None = None
    severity: str | None = None
    public: int = NEVER
    general: int = NEVER
    deprecated: int = NEVER
    """The first tick of the month in which it is planned to go (`plannedDeprecationDate`)."""
    assessed_by: str = ""
    """Changes when Microsoft changes what is assessed: a digest of policy, descriptions and assessment type."""
    effort: str | None = None
    """What a fix takes, as Azure rates it (`implementationEffort`): Low, Moderate or High."""
    impact: str | None = None
    """What a fix does to users (`userImpact`): Low, Moderate or High."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A Defender plan: on is `Standard`."""

    name: str
    on: bool
    enabled_at: int = NEVER


@dataclass(frozen=True, slots=True)
class Connector:
    """A security connector (AWS, GCP, GitHub …)."""

    id: str
    name: str
    made: Evidence
    modified: Evidence = NOTHING


@dataclass(frozen=True, slots=True)
class Assignment:
    """A policy assignment: what it assigns, where, and where not."""

    id: str
    scope: str
    definition: str
    excluded: tuple[str, ...]
    made: Evidence
    modified: Evidence = NOTHING
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Values that it sets, as text, by the parameter's name in lower case."""


@dataclass(frozen=True, slots=True)
class Exemption:
    """A policy exemption, or a standard assignment with effect Exempt (`recommendation` is set)."""

    id: str
    scope: str
    title: str
    mitigated: bool
    expires: int
    made: Evidence
    assignment: str | None = None
    references: tuple[str, ...] = ()
    recommendation: str | None = None
    excluded: tuple[str, ...] = ()
    selectors: bool = False
    modified: Evidence = NOTHING
    reason: str = ""
    """Its description, cut to length."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """The resources of a subscription: positions in order, when created, which of `tag_sets` each bears."""

    resource: Ints
    created: Longs
    tags: Ints
    tag_sets: tuple[Mapping[str, str], ...]
    types: frozenset[str]
    """The types it lists, in lower case."""
    written: Longs | None = None
    """When each was last written through Azure Resource Manager (`changedTime`), NEVER where that is not told."""


@dataclass(frozen=True, slots=True)
class Grace:
    """A governance assignment with a grace period: it shields an Unhealthy mark until it is due."""

    resource: int
    recommendation: int
    due: int
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """A health report of Defender: how a source of its data does."""

    status: str
    """As Azure spells it: Healthy, NotHealthy, NotApplicable."""
    plans: tuple[str, ...] = ()
    """The Defender plans that it affects."""
    issues: tuple[str, ...] = ()
    """The names of what is wrong."""


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds the marks. None: that answer is not at hand, which tells of no change."""

    recommendations: Mapping[int, Recommendation] | None = None
    inventory: Inventory | None = None
    plans: Mapping[str, Plan] | None = None
    connectors: Mapping[str, Connector] | None = None
    assignments: Mapping[str, Assignment] | None = None
    policy_exemptions: Mapping[str, Exemption] | None = None
    standard_exemptions: Mapping[str, Exemption] | None = None
    graces: tuple[Grace, ...] | None = None
    initiatives: Mapping[str, Mapping[str, str]] | None = None
    """Initiative id to (reference to policy definition id); all in lower case, as all keys here are."""
    switches: Mapping[str, Mapping[str, str]] | None = None
    """Initiative id to (policy definition id to the parameter that sets its effect); all in lower case."""
    versions: Mapping[str, str] | None = None
    """Initiative id to its version, where it tells one."""
    dues: tuple[Grace, ...] | None = None
    """Governance assignments without a grace period: who has to act, and until when."""
    ancestors: tuple[str, ...] | None = None
    """Management group names above the subscription, nearest first, in lower case."""
    provisioning: Mapping[str, bool] | None = None
    """Auto provisioning setting to whether it is on."""
    health: Mapping[str, Health] | None = None
    """Health reports by id."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who it is."""

    id: str
    name: str
    tenant: str | None = None
    state: str = "Enabled"
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        """Whether it is in use: then it must have answers, if only that there is no score."""
        return self.state.lower() in ("enabled", "warned", "pastdue")


@dataclass(frozen=True, slots=True)
class Score:
    """The score record as Azure printed it; `percentage` is a fraction of 1."""

    current: float
    maximum: float
    percentage: float
    weight: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One subscription at one time, whole."""

    subscription: Subscription
    taken_at: int
    score: Score | None
    unscored: str | None
    """Why it has no score; None if it has one."""
    controls: tuple[Control, ...]
    marks: Marks
    context: Context
    resources: Names
    recommendations: Names


@dataclass(frozen=True, slots=True)
class Cause:
    """What happened, to what, in which subscription."""

    kind: Kind
    subject: str
    scope: str

    @property
    def key(self) -> tuple[int, str, int, str]:
        """Orders causes the same way whatever order the data came in: by row of the table, then subject."""
        return (self.kind.row, self.subject.lower(), self.kind.order, self.scope.lower())


@dataclass(frozen=True, slots=True)
class Revision:
    """Microsoft changed a check, or the benchmark, between two looks; in plain words."""

    since: int
    at: int
    told: str
    own: bool
    """Whether it is of this very recommendation."""


@dataclass(frozen=True, slots=True)
class Flips:
    """Marks of one recommendation that went from one status to another, and what is known of their resources.

    What it takes to judge whether the platform did it: see `drift.engine.evidence.verdicts`.
    """

    before: Status
    after: Status
    times: Mapping[str, int]
    """Resource id to when: the mark's own date, else when it was first seen."""
    stood: int
    """How many marks stood as these did before, these among them."""
    written: frozenset[str] = frozenset()
    """Resources that were written through Azure Resource Manager in the day before, or are in reach of what was: their
    plan, the parameters of the benchmark."""
    unwritten: frozenset[str] = frozenset()
    """Resources that Azure says were not; of the others it does not tell."""
    revised: tuple[Revision, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A cause with what it did in one comparison, before any share is computed."""

    cause: Cause
    came: Mapping[str, Fraction] = field(default_factory=dict)
    went: Mapping[str, Fraction] = field(default_factory=dict)
    """Counted cells it brought, and took, by control: how a change of the subscription's weight is divided. Exact:
    parts of cells are fractions, and no residue of rounding may own a weight."""
    marks: int = 0
    resources: frozenset[str] = frozenset()
    """Ids of the resources concerned."""
    since: int = NEVER
    title: str = ""
    """In plain words, with marks where figures and resources stand: see `wording.filled`."""
    numbers: tuple[float, float] | None = None
    """The figures of the title, if it tells any."""
    evidence: tuple[Evidence, ...] = ()
    by: tuple[By, ...] = ()
    """Whose doing it was; empty: as the kind says (`witnesses.nobody`)."""
    confidence: Confidence = "inferred"
    reason: str = ""
    """Why no more is known than that; of what is foretold, why its share is not known."""
    about: tuple[str, ...] = ()
    """Ids, in lower case, of what had to be written or deleted for it, beside its resources: a plan, assignments, …"""
    between: tuple[int, int] | None = None
    """The looks between which what surrounds the marks was changed, where that is what happened."""
    flips: tuple[Flips, ...] = ()
    """Of what nothing but the marks themselves explains, how they flipped."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What changes did to the counts of controls, a row for each pair, in order of (change, control)."""

    change: Ints
    """Position in the list of changes."""
    control: Ints
    """Position in `controls`."""
    healthy: Floats
    counted: Floats
    """Δh and Δn; parts of cells are fractions, rounded here once."""
    controls: tuple[str, ...] = ()


def no_effects() -> Effects:
    """No rows."""
    i, f = np.zeros(0, np.int32), np.zeros(0)
    return Effects(i, i, f, f)


@dataclass(frozen=True, slots=True)
class CellEffects:
    """The same, cell by cell: a row for each (change, control, resource) that a change moved."""

    change: Ints
    control: Ints
    """Position in the `controls` of the effects."""
    resource: Ints
    """Position in `resources`."""
    healthy: Floats
    counted: Floats
    resources: tuple[str, ...] = ()
    """Ids as Azure wrote them."""
    owners: tuple[str, ...] = ()
    """Who owned each of them at the time, by its tag `owner` or that of what it lies under; "" for nobody."""
    times: Longs | None = None
    """When the marks of each row changed, by the latest of their own dates; NEVER where they have none."""


def no_cells() -> CellEffects:
    """No rows."""
    i, f = np.zeros(0, np.int32), np.zeros(0)
    return CellEffects(i, i, i, f, f)


@dataclass(frozen=True, slots=True)
class Counts:
    """The primitives of one control: M, h, n."""

    maximum: float
    healthy: int
    counted: int


@dataclass(frozen=True, slots=True)
class Point:
    """Where a subscription stands at one time."""

    taken_at: int
    subscription: Subscription
    counts: Mapping[str, Counts]
    weight: float
    reported: Score | None
    unscored: str | None
    ancestors: tuple[str, ...] | None = None
    resources: int = 0
    marks: int = 0
    """How many resources and marks count."""
    turned: Change | None = None
    """Whose doing it was that it has a score, or none, where that changed while it was watched."""

    @property
    def score(self) -> float | None:
        """P = Σ M·h/n ÷ Σ M over controls with n > 0, as a fraction of 1; None if unscored."""
        if self.unscored is not None:
            return None
        live = [c for _, c in sorted(self.counts.items()) if c.counted > 0]
        maximum = sum(c.maximum for c in live)
        return sum(c.maximum * c.healthy / c.counted for c in live) / maximum if maximum > 0 else None


@dataclass(frozen=True, slots=True)
class Delta:
    """One comparison of one subscription: two points and all that lies between them."""

    before: Point
    after: Point
    changes: tuple[Change, ...] = ()
    effects: Effects = field(default_factory=no_effects)
    pending: tuple[Change, ...] = ()
    pending_effects: Effects = field(default_factory=no_effects)
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """The optional files that were not at hand at one end or the other."""
    controls: Mapping[str, str] = field(default_factory=dict)
    """Control names as Azure writes them, by their lower case: the key of counts and effects."""
    cells: CellEffects = field(default_factory=no_cells)
    """The effects cell by cell, where they were asked for."""
    foretold: tuple[Change, ...] = ()
    """What surrounds the marks has changed and the marks have not followed yet: what they are expected to do."""
    foretold_effects: Effects = field(default_factory=no_effects)
    """On top of what is pending."""


Json = dict[str, Any]

"""A subscription's marks as columns, and what happened to them between the two snapshots."""

from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from benchmarks.catalogue import KINDS, RECOMMENDATIONS

type Ints = npt.NDArray[np.int64]

HEALTHY, UNHEALTHY, NOT_APPLICABLE, OFF_BY_POLICY, EXEMPT = range(5)
BEFORE = int(np.datetime64("2026-03-02T06:00:00", "ns").astype(np.int64))
AFTER = int(np.datetime64("2026-03-03T06:00:00", "ns").astype(np.int64))
YEAR = 365 * 86_400 * 1_000_000_000
RESOURCES_IN_A_GROUP = 40

_COUNTS = np.array([kind.recommendations for kind in KINDS])
_FIRST = np.concatenate(([0], np.cumsum(_COUNTS)[:-1]))
_WEIGHTS = np.array([kind.weight for kind in KINDS])


@dataclass(slots=True)
class Marks:
    """One row a mark; times are nanoseconds since 1970."""

    resource: Ints
    recommendation: Ints
    code: Ints
    changed: Ints
    first: Ints

    def only(self, chosen: npt.NDArray[np.bool_] | Ints) -> "Marks":
        return Marks(*(getattr(self, name)[chosen] for name in self.__slots__))

    def and_(self, other: "Marks") -> "Marks":
        return Marks(*(np.concatenate((getattr(self, n), getattr(other, n))) for n in self.__slots__))


@dataclass(frozen=True, slots=True)
class Exemption:
    """Of one recommendation in one resource group, or on one resource where `resource` is not negative."""

    recommendation: int
    group: int
    resource: int = -1
    created: int = BEFORE - YEAR // 2
    expires: int = 0
    mitigated: bool = False


@dataclass(slots=True)
class Side:
    """A subscription at one end."""

    marks: Marks
    resources: set[int]
    off: list[int]  # recommendations that the assignment's parameters switch off
    exemptions: list[Exemption]


@dataclass(slots=True)
class Population:
    """The resources of a subscription, those to come included: the kind of each, and when it was created."""

    kinds: list[int] = field(default_factory=list)
    created: list[int] = field(default_factory=list)


def _populate(
    rng: np.random.Generator, people: Population, count: int, since: int, until: int
) -> tuple[Marks, Ints, Ints]:
    """`count` marks of new resources, and the (resource, recommendation) pairs that have none."""
    offset = len(people.kinds)
    size = count // 9 + 40
    kinds = rng.choice(len(KINDS), size, p=_WEIGHTS)
    if not offset:
        kinds[0] = 0  # the subscription itself is assessed too
    each = _COUNTS[kinds]
    resource = np.repeat(np.arange(size), each)
    turn = np.arange(len(resource)) - np.repeat(np.cumsum(each) - each, each)
    recommendation = _FIRST[kinds[resource]] + turn
    there = rng.random(len(resource)) < 0.92
    last = int(np.searchsorted(np.cumsum(there), count)) + 1
    resource, recommendation, there = resource[:last], recommendation[:last], there[:last]
    absent = ~there
    people.kinds += kinds[: resource[-1] + 1].tolist()
    middle = (since + until) // 2
    people.created += rng.integers(since, middle, int(resource[-1]) + 1).tolist()
    resource = resource + offset
    healthy = np.random.default_rng(7).beta(3, 1, len(RECOMMENDATIONS))[recommendation[there]]
    draw = rng.random(count)
    code = np.where(draw < 0.08, NOT_APPLICABLE, np.where(draw < 0.08 + 0.92 * healthy, HEALTHY, UNHEALTHY))
    changed = rng.integers(middle, until, count)
    first = np.minimum(changed, rng.integers(middle, until, count))
    marks = Marks(resource[there], recommendation[there], code.astype(np.int64), changed, first)
    return marks, resource[absent], recommendation[absent]


def _exempt_groups(rng: np.random.Generator, marks: Marks, target: int) -> list[Exemption]:
    """Exempt whole (resource group, recommendation) pairs until about `target` marks are."""
    group = marks.resource // RESOURCES_IN_A_GROUP
    pair = group * len(RECOMMENDATIONS) + marks.recommendation
    pairs, sizes = np.unique(pair[marks.resource > 0], return_counts=True)
    order = rng.permutation(len(pairs))
    enough = int(np.searchsorted(np.cumsum(sizes[order]), target)) + 1
    chosen = pairs[order[:enough]]
    marks.code[np.isin(pair, chosen) & (marks.resource > 0)] = EXEMPT
    return [
        Exemption(int(p) % len(RECOMMENDATIONS), int(p) // len(RECOMMENDATIONS), mitigated=turn % 5 == 0)
        for turn, p in enumerate(chosen.tolist())
    ]


def before(rng: np.random.Generator, people: Population, count: int) -> tuple[Side, Ints, Ints]:
    """A subscription with `count` marks; also its pairs without a mark, where a data source is missing."""
    marks, bare_resource, bare_recommendation = _populate(rng, people, count, BEFORE - 2 * YEAR, BEFORE)
    exemptions = _exempt_groups(rng, marks, count // 60)
    off = rng.choice(len(RECOMMENDATIONS), 2, replace=False).tolist()
    silent = np.isin(marks.recommendation, off)
    marks.code[silent] = OFF_BY_POLICY
    return Side(marks, set(range(len(people.kinds))), off, exemptions), bare_resource, bare_recommendation


def after(
    rng: np.random.Generator, people: Population, was: Side, bare: tuple[Ints, Ints], changed: int
) -> tuple[Side, dict[str, int]]:
    """The other end, with about `changed` marks changed, and how many were changed by which kind of cause."""
    marks = was.marks.only(np.arange(len(was.marks.code)))
    size = len(marks.code)
    free = np.ones(size, bool)
    free[marks.resource == marks.resource[-1]] = False
    told: dict[str, int] = defaultdict(int)

    def some(share: float, *codes: int) -> Ints:
        """Take that share of the changes from marks that have one of the codes and are not taken yet."""
        pool = np.flatnonzero(free & np.isin(marks.code, codes))
        taken = rng.choice(pool, min(len(pool), round(share * changed)), replace=False)
        free[taken] = False
        return taken

    def set_code(kind: str, taken: Ints, code: int | Ints) -> None:
        free[taken] = False
        marks.code[taken] = code
        marks.changed[taken] = rng.integers(BEFORE + 1, AFTER, len(taken))
        told[kind] += len(taken)

    # Resources deleted: all their marks go with them.
    order = rng.permutation(np.unique(marks.resource[free & (marks.resource > 0)]))
    sizes = np.bincount(marks.resource, minlength=len(people.kinds))[order]
    deleted = order[: int(np.searchsorted(np.cumsum(sizes), 0.08 * changed)) + 1] if changed >= 50 else order[:0]
    gone = np.isin(marks.resource, deleted)
    free[gone] = False
    told["resource_deleted"] = int(gone.sum())

    # One more recommendation switched off, if one is small enough not to drown the rest.
    off = list(was.off)
    usual = np.bincount(marks.recommendation[free & (marks.code <= UNHEALTHY)], minlength=len(RECOMMENDATIONS))
    small = np.flatnonzero((usual > 0) & (usual <= 0.1 * changed))
    if len(small):
        off.append(int(rng.choice(small)))
        set_code("policy_disabled", np.flatnonzero(free & (marks.recommendation == off[-1])), OFF_BY_POLICY)

    # Exemptions of resource groups that end: half are removed, half expire and stay in the list.
    group = marks.resource // RESOURCES_IN_A_GROUP
    exemptions: list[Exemption] = []
    for turn, old in enumerate(was.exemptions):
        ended = told["exemption_expired"] + told["exemption_removed"] < 0.04 * changed
        inside = (
            np.flatnonzero(
                free & (marks.code == EXEMPT) & (marks.recommendation == old.recommendation) & (group == old.group)
            )
            if ended
            else np.empty(0, np.int64)
        )
        if not ended or not len(inside):
            exemptions.append(old)
            continue
        kind = "exemption_expired" if turn % 2 else "exemption_removed"
        set_code(kind, inside, rng.choice((HEALTHY, UNHEALTHY), len(inside), p=(0.2, 0.8)))
        if turn % 2:
            expiring = replace(old, expires=int(rng.integers(BEFORE + 1, AFTER)))
            was.exemptions[turn] = expiring
            exemptions.append(expiring)

    exempted = some(0.10, UNHEALTHY)
    set_code("exemption_created", exempted, EXEMPT)
    for row in exempted.tolist():
        resource, recommendation = int(marks.resource[row]), int(marks.recommendation[row])
        since = int(marks.changed[row]) - 1_000_000_000
        exemptions.append(Exemption(recommendation, resource // RESOURCES_IN_A_GROUP, resource, since))
    set_code("remediation", some(0.38, UNHEALTHY), HEALTHY)
    set_code("regression", some(0.18, HEALTHY), UNHEALTHY)
    set_code("applicability_changed", some(0.03, HEALTHY, UNHEALTHY), NOT_APPLICABLE)
    set_code("applicability_changed", some(0.03, NOT_APPLICABLE), HEALTHY)
    lost = some(0.04, HEALTHY, UNHEALTHY)
    told["data_source_lost"] = len(lost)
    gone[lost] = True

    survivors = marks.only(~gone)
    live = np.flatnonzero(~np.isin(bare[0], deleted) & ~np.isin(bare[1], off))
    gained = rng.choice(live, min(len(live), round(0.04 * changed)), replace=False)
    told["data_source_gained"] = len(gained)
    times = rng.integers(BEFORE + 1, AFTER, len(gained))
    codes = rng.choice((HEALTHY, UNHEALTHY), len(gained), p=(0.6, 0.4))
    fresh = Marks(bare[0][gained], bare[1][gained], codes.astype(np.int64), times, times)

    offset = len(people.kinds)
    told["resource_added"] = round(0.08 * changed)
    if told["resource_added"]:
        added, _, _ = _populate(rng, people, told["resource_added"], BEFORE + 1, AFTER)
        added.code[np.isin(added.recommendation, off)] = OFF_BY_POLICY
        fresh = fresh.and_(added)
    merged = survivors.and_(fresh)

    # The service promises no order: the resources come in another one than before.
    place = rng.permutation(len(people.kinds))[merged.resource]
    merged = merged.only(np.argsort(place, kind="stable"))
    resources = was.resources - set(deleted.tolist()) | set(range(offset, len(people.kinds)))
    return Side(merged, resources, off, exemptions), dict(told)

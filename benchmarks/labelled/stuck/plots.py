"""Which stories there are, what can be asked about each, and which can be told together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from random import Random

from benchmarks.labelled.stuck import balance, doing, exempting, sources, waiting
from benchmarks.labelled.stuck.case import REASONS, WAITING
from benchmarks.labelled.stuck.stage import Level
from benchmarks.labelled.stuck.told import Story

_ONE: tuple[Level, ...] = ("resource", "recommendation", "scope")
_SCOPES: tuple[Level, ...] = ("scope", "all")

STORIES: dict[str, tuple[Story, tuple[Level, ...]]] = {
    "refresh_pending": (waiting.refresh_pending, (*_ONE, "all")),
    "wrong_scope": (waiting.wrong_scope, (*_ONE, "all")),
    "other_score": (waiting.other_score, ("recommendation", *_SCOPES)),
    "partially_fixed": (waiting.partially_fixed, ("resource", "recommendation")),
    "plan_off": (sources.plan_off, _ONE),
    "foundational_cspm_off": (sources.foundational_cspm_off, ("scope",)),
    "not_assessed": (sources.not_assessed, _ONE),
    "auto_provisioning_off": (sources.auto_provisioning_off, _ONE),
    "remediation_blocked": (doing.remediation_blocked, (*_ONE, "all")),
    "subscription_onboarded": (balance.subscription_onboarded, ("all",)),
    "yardstick_changed": (balance.yardstick_changed, _SCOPES),
    "estate_grew": (balance.estate_grew, _SCOPES),
    "exempted": (exempting.exempted, (*_ONE, "all")),
    "exemption_without_effect": (exempting.exemption_without_effect, _ONE),
    "governance_only": (exempting.governance_only, _ONE),
    "grace_period": (exempting.grace_period, _ONE),
    "connector_unhealthy": (sources.connector_unhealthy, _ONE),
    "not_arc_connected": (sources.not_arc_connected, ("resource", "scope")),
    "policy_disabled": (exempting.policy_disabled, _ONE),
    "benchmark_unassigned": (sources.benchmark_unassigned, ("resource", "scope")),
    "not_scoring": (doing.not_scoring, ("resource", "recommendation")),
    "ceiling": (balance.ceiling, _SCOPES),
    "cancelled_out": (balance.cancelled_out, _SCOPES),
    "rounding": (balance.rounding, ("recommendation", *_SCOPES)),
    "ghost_resource": (doing.ghost_resource, (*_ONE, "all")),
    "fix_not_recognised": (doing.fix_not_recognised, ("resource", "recommendation")),
}
assert tuple(STORIES) == REASONS

_BARE = {"plan_off", "policy_disabled", "benchmark_unassigned", "foundational_cspm_off"}
"""After these nothing of the recommendation that is asked about has a mark, or nothing of the subscription."""

_FIGURES = {"wrong_scope", "other_score"}
_UNSCORED = {"benchmark_unassigned", "foundational_cspm_off"}
_SHIFTING = {"subscription_onboarded", "yardstick_changed", "estate_grew", "cancelled_out", "rounding", "ceiling"}
"""What each of these says of the score another of them would undo."""

_WHOLE = {"exempted", "plan_off", "not_assessed", "auto_provisioning_off", "policy_disabled", "grace_period"}
"""What may be so where everything that counts is healthy."""


@dataclass(frozen=True, slots=True)
class Plot:
    """The reasons that are acted out, in the order in which the stage is set, and what is asked about."""

    reasons: tuple[str, ...]
    level: Level


def _alone() -> list[Plot]:
    return [Plot((reason,), level) for reason, (_, levels) in STORIES.items() for level in levels]


def _together(one: str, two: str, level: Level) -> bool:
    """Whether both stories are true where both are told."""
    both = {one, two}
    if both <= _SHIFTING and both != {"yardstick_changed", "estate_grew"}:
        return False
    if both in ({"not_assessed", "auto_provisioning_off"}, _FIGURES):
        return False
    if both & _UNSCORED:
        return both <= _UNSCORED | _FIGURES
    if "ceiling" in both:
        return bool(both & (_FIGURES | _WHOLE)) and (level, both) != ("all", {"wrong_scope", "ceiling"})
    if level == "recommendation":
        if both & _BARE:
            return bool(both & _FIGURES)
        if "not_scoring" in both:
            return not both & {"refresh_pending", "rounding"}  # nothing of it is in the counts
        return True
    return not (both & {"cancelled_out", "rounding"} and both & {"refresh_pending"})


def _pairs() -> list[Plot]:
    found = []
    for one, two in combinations(STORIES, 2):
        common = [level for level in STORIES[one][1] if level in STORIES[two][1] and level != "resource"]
        found += [Plot((one, two), level) for level in common if _together(one, two, level)]
    return found


def plots(count: int) -> Iterator[Plot]:
    """So many, half of them of one reason and half of two; the first of each half are of as many reasons as can be."""
    dice = Random("plots")
    alone = _varied(dice, _alone() + 2 * [plot for plot in _alone() if plot.reasons == (WAITING,)])
    pairs = _varied(dice, _pairs())
    for number in range(count):
        rows = alone if number % 2 == 0 else pairs
        plot = rows[number // 2 % len(rows)]
        yield Plot(tuple(sorted(plot.reasons, key=lambda reason: reason == "ceiling")), plot.level)


def _varied(dice: Random, rows: list[Plot]) -> list[Plot]:
    """In any order, but each set of reasons once before any comes again."""
    dice.shuffle(rows)
    seen: set[tuple[str, ...]] = set()
    first: list[Plot] = []
    again: list[Plot] = []
    for plot in rows:
        (again if plot.reasons in seen else first).append(plot)
        seen.add(plot.reasons)
    return first + again

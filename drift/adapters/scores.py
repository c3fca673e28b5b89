"""Scores and controls into the values of the model, and what a subscription without a score is.

The same for answers of Azure Resource Manager and for the files of an evidence folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from drift.adapters.fields import Fields, Source, unique
from drift.errors import EvidenceError
from drift.ids import FOUNDATION, last
from drift.model import Context, Control, Marks, Plan, Score, Snapshot, Subscription
from drift.names import Names

NO_SCORE = "Azure reports no score"
NOT_REGISTERED = "Microsoft.Security is not registered in the subscription"
FOUNDATION_OFF = "Foundational CSPM is off"
NOTHING_COUNTED = "no control has a counted resource"


def reason(subscription: Subscription, score: Score | None, plans: Mapping[str, Plan] | None) -> str | None:
    """Why a subscription has no score; None if it has one, as far as the score and its plans tell."""
    plan = (plans or {}).get(FOUNDATION)
    if plan is not None and not plan.on:
        return FOUNDATION_OFF
    if score is None:
        return NO_SCORE if subscription.live else not_live(subscription)
    return None


def not_live(subscription: Subscription) -> str:
    """The reason of a subscription that is not in use."""
    return f"subscription is {subscription.state}"


def unscored(
    subscription: Subscription, taken_at: int, reason: str, context: Context, resources: Names, recommendations: Names
) -> Snapshot:
    """A subscription without a score: nothing of it counts, and nothing of it went to zero."""
    return Snapshot(subscription, taken_at, None, reason, (), no_marks(), context, resources, recommendations)


def no_marks() -> Marks:
    """No rows."""
    i, b, t = np.zeros(0, np.int32), np.zeros(0, np.int8), np.zeros(0, np.int64)
    return Marks(i, i, b, b, t, t)


def scored(
    subscription: Subscription,
    taken_at: int,
    score: Score | None,
    controls: tuple[Control, ...],
    marks: Marks,
    context: Context,
    resources: Names,
    recommendations: Names,
) -> Snapshot:
    """A subscription with a score, unless no control of it counts anything."""
    counts = any(control.counted and control.maximum for control in controls)
    reason = None if counts else NOTHING_COUNTED
    return Snapshot(subscription, taken_at, score, reason, controls, marks, context, resources, recommendations)


def score(path: Source, rows: list[Fields], subscription: str) -> Score | None:
    """The record `ascScore`, whatever other scores the list holds; None if there is none, or an empty one."""
    found = unique(path, [_score(row, subscription) for row in rows if row.need("name").lower() == "ascscore"])
    return next(iter(found.values()), None)


def _score(row: Fields, subscription: str) -> tuple[str, Score | None]:
    _belongs(row, subscription)
    inner = row.object("score") or row
    maximum, percentage = inner.number("max"), inner.number("percentage")
    if maximum is None or percentage is None:
        return "ascscore", None
    current = inner.number("current") or 0.0
    if percentage > 1:
        raise row.fail(f"`percentage` is {percentage}, and can't be above 1")
    if current > maximum + 0.005:
        raise row.fail(f"`current` is {current}, and can't be above `max` {maximum}")
    return "ascscore", Score(current, maximum, percentage, row.amount("weight"))


def _belongs(row: Fields, subscription: str) -> None:
    """Raises EvidenceError for a row of another subscription: it lies in the wrong folder."""
    owner = re.match(r"/subscriptions/([^/]+)/", row.text("id") or "", re.IGNORECASE)
    if owner and owner[1].lower() != subscription.lower():
        raise row.fail(f"belongs to subscription {owner[1][:60]}")


type Definitions = dict[str, tuple[float, tuple[int, ...]]]


def definitions(path: Source, rows: list[Fields], recommendations: Names) -> Definitions:
    """Control definitions by name: maximum and recommendations."""
    return unique(path, [(row.need("name"), _definition(row, recommendations)) for row in rows])


def _definition(row: Fields, recommendations: Names) -> tuple[float, tuple[int, ...]]:
    maximum = row.number("maxScore")
    if maximum is None:
        raise row.fail("the control's definition has no `maxScore`")
    keys = {recommendations.place(last(one.need("id"))) for one in row.objects("assessmentDefinitions")}
    return maximum, tuple(sorted(keys))


def controls(
    path: Source,
    rows: list[Fields],
    subscription: str,
    score: Score | None,
    recommendations: Names,
    beside: Definitions | None = None,
) -> tuple[Control, ...]:
    """The controls in order of name. `beside` are definitions for an answer read without `$expand=definition`.

    Raises EvidenceError also if there are none, though there is a score.
    """

    def one(row: Fields) -> tuple[str, Control]:
        _belongs(row, subscription)
        name = row.need("name")
        inner = row.object("definition")
        if inner is not None and inner.number("maxScore") is not None:
            maximum, keys = _definition(inner, recommendations)
        elif beside and name.lower() in beside:
            maximum, keys = beside[name.lower()]
        else:
            raise row.fail(
                f"control {name} has no definition: read the list with $expand=definition, "
                "or put secure-score-control-definitions.json beside it"
            )
        healthy, unhealthy = row.count("healthyResourceCount"), row.count("unhealthyResourceCount")
        inner = row.object("score") or row
        current, reported = inner.number("current") or 0.0, inner.number("max") or 0.0
        if current > max(reported, maximum) + 0.005:
            raise row.fail(f"`current` is {current}, and can't be above the maximum {max(reported, maximum)}")
        return name, Control(name, row.text("displayName") or name, maximum, healthy, unhealthy, keys)

    found = tuple(unique(path, map(one, rows)).values())
    if not found and score is not None and score.maximum > 0:
        raise EvidenceError(f"{path}: has no controls, though the subscription has a score")
    return found

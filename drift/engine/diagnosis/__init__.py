"""Why a score stands still, or moved the wrong way: the reasons that hold, those that explain most first.

    diagnose(cases, asked)

Each rule is a small function of a `Case`, or of the whole question. It says that its reason holds, that what is at hand
can't decide it, or nothing. docs/reasons.md has all reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import fsum

from drift.engine import wording
from drift.engine.diagnosis import coverage, elsewhere, estate, exceptions, movement, score, waiting
from drift.engine.diagnosis.case import Answer, Asked, Case, Reason, Undecided
from drift.engine.diagnosis.elsewhere import within
from drift.engine.diagnosis.question import Member, Question, Said, member
from drift.engine.scope import belongs
from drift.engine.segments import iso
from drift.model import Json, Point

type Rule = Callable[[Case], Answer]

RULES: tuple[Rule, ...] = (
    *waiting.RULES,
    *score.RULES,
    *exceptions.RULES,
    *coverage.RULES,
    *estate.RULES,
)
"""What is asked of each subscription."""

QUESTIONS: tuple[Callable[[Question], Said], ...] = (*elsewhere.QUESTIONS, *movement.QUESTIONS)
"""What is asked of all of them together."""

PRECEDENCE = (
    "wrong_scope",
    "other_score",
    "refresh_pending",
    "remediation_blocked",
    "fix_not_recognised",
    "partially_fixed",
    "exempted",
    "exemption_without_effect",
    "grace_period",
    "governance_only",
    "foundational_cspm_off",
    "plan_off",
    "not_assessed",
    "auto_provisioning_off",
    "connector_unhealthy",
    "not_arc_connected",
    "benchmark_unassigned",
    "policy_disabled",
    "not_scoring",
    "subscription_onboarded",
    "yardstick_changed",
    "estate_grew",
    "cancelled_out",
    "rounding",
    "ghost_resource",
    "ceiling",
)
"""Which of two reasons that explain as much comes first: what is checked first, and costs least to check."""

MOST = 5
"""Lines of evidence, and resources, of one reason."""


type _Found = tuple[float, str, Reason]
"""A reason that holds in a subscription, with what part of the scope's score that one's is."""


def diagnose(cases: Iterable[Case], asked: Asked, rules: Sequence[Rule] = RULES) -> Json:
    """Why the score of a scope, or what is asked of it, does not move.

    `cases`: the subscriptions of the scope; those that do not belong to it (by id, tag or management group) are only
    looked at to find that the work was done there. Where none belongs, all are the scope: it has a name of its own.
    They are looked at one by one, and none is kept. At least one.
    """
    answers: list[tuple[Member, list[Answer]]] = []
    others: dict[str, Point] = {}
    for case in cases:
        asked_of = [rule(case) for rule in rules] if _concerned(case, asked) else []
        answers.append((member(case, movement.effects(case)), asked_of))
        others |= case.others
    inside = [entry for entry in answers if belongs(entry[0].point, asked.scope)] or answers
    members = [one for one, _ in inside]
    known = {one.id for one in members}
    points = others | {one.id: one.point for one, _ in answers}
    question = Question(
        asked=asked,
        members=members,
        outside=[one for one, _ in answers if one.id not in known],
        points=points,
        parts=_parts(members, points, asked.scope),
    )
    rows: dict[str, list[_Found]] = {}
    undecided: dict[tuple[str, str], None] = {}
    for one, own in inside:
        for answer in own:
            if isinstance(answer, Undecided):
                undecided[answer.reason, answer.needs] = None
            elif answer is not None:
                rows.setdefault(answer.reason, []).append((question.part(one), one.id, answer))
    shown = {key: point.subscription.id for key, point in points.items()}
    reasons = []
    for found in rows.values():
        found.sort(key=lambda one: (-one[0] * one[2].weight, -one[2].count, one[1]))  # where it explains most
        reasons.append(_told(found, [one for _, one, _ in found], shown))
    for ask in QUESTIONS:
        said = ask(question)
        if said is not None:
            reasons.append(_told([(1.0, "", said[0])], said[1], shown))
    reasons.sort(key=_order)
    return {
        "scope": asked.scope,
        "takenAt": iso(max(one.point.taken_at for one in members)),
        "asked": {"recommendation": asked.recommendation, "resource": asked.resource, "figure": asked.figure},
        "reasons": [{key: value for key, value in reason.items() if key != "weight"} for reason in reasons],
        "undecided": [{"reason": reason, "needs": needs} for reason, needs in undecided],
    }


def _concerned(case: Case, asked: Asked) -> bool:
    """Whether the question is about a subscription: it names no resource, or one of its own."""
    root = case.root.lower()
    return asked.resource is None or asked.resource == root or asked.resource.startswith(f"{root}/")


def _parts(members: list[Member], points: dict[str, Point], scope: str) -> dict[str, float]:
    """What part of the scope's score that of each subscription is."""
    own = {one.id: one.point for one in members if one.point.score is not None}
    if scope.lower() in points:
        return dict.fromkeys(own, 1.0)
    weights = {key: one.weight for key, one in (within(points, scope) or own).items() if one.score is not None}
    total = fsum(weights.values())
    return {key: weights.get(key, 0.0) / total if total > 0 else 0.0 for key in own}


def _told(found: Sequence[_Found], subscriptions: Sequence[str], shown: Mapping[str, str]) -> Json:
    """A reason ready for JSON, with its weight: what it is worth in all subscriptions, told as where it is most."""
    reason = _joined([(part, one) for part, _, one in found])
    moves = reason.moves_by
    return {
        "reason": reason.reason,
        "confidence": reason.confidence,
        "title": reason.title,
        "evidence": list(reason.evidence),
        "action": reason.action,
        "confirm": reason.confirm,
        "effect": reason.effect,
        "movesBy": None if moves is None else {"earliest": iso(moves[0]), "latest": iso(moves[1])},
        "subscriptions": [shown.get(one, one) for one in subscriptions],
        "resources": list(reason.resources),
        "count": reason.count,
        "weight": reason.weight,
    }


def _joined(found: list[tuple[float, Reason]]) -> Reason:
    """One reason of several subscriptions as one, the first of them speaking for all."""
    part, first = found[0]
    effects = [own * one.effect for own, one in found if one.effect is not None]
    weight = fsum(own * one.weight for own, one in found)
    effect = fsum(effects) if effects else None
    if len(found) == 1:
        return replace(first, weight=part * first.weight, effect=effect)
    moves = [one.moves_by for _, one in found if one.moves_by is not None]
    return replace(
        first,
        confidence="confirmed" if all(one.confidence == "confirmed" for _, one in found) else "inferred",
        title=f"{first.title}; and in {wording.count(len(found) - 1, 'more subscription')}",
        weight=weight,
        evidence=tuple(line for _, one in found for line in one.evidence)[:MOST],
        effect=effect,
        moves_by=(min(low for low, _ in moves), min(high for _, high in moves)) if moves else None,
        resources=tuple(name for _, one in found for name in one.resources)[:MOST],
        count=sum(one.count for _, one in found),
    )


def _order(reason: Json) -> tuple[float, int, str]:
    name = reason["reason"]
    place = PRECEDENCE.index(name) if name in PRECEDENCE else len(PRECEDENCE)
    return -round(reason["weight"], 9), place, name

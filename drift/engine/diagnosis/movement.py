"""Reasons that lie in what else moved the score: what was earned is there, and something ate it, or it is too little.

They are about a whole scope: what moved in each of its subscriptions, weighted as they are now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import fsum

import numpy as np

from drift.engine import wording
from drift.engine.accounts import Account
from drift.engine.diagnosis import stakes
from drift.engine.diagnosis.case import Case, Reason
from drift.engine.diagnosis.question import Member, Question, Said, accounts, group_score
from drift.kinds import Class, Kind
from drift.model import Longs, Status

SHOWN = 0.005
"""pp. Less is not seen in a percentage of two decimals."""

EQUAL = 0.2
"""By what part of the smaller side gains and losses may differ and still cancel out."""

_GROWTH = (Kind.RESOURCE_ADDED, Kind.CONNECTOR_ADDED)

type _Moved = tuple[Member, Account, float]


def yardstick_changed(question: Question) -> Said:
    """Microsoft changed what counts, and the score fell by it."""
    return _lost(
        question,
        "yardstick_changed",
        lambda account: account.cause.kind.group is Class.YARDSTICK,
        "Microsoft changed what counts: {lost} pp{earned}",
        "Nothing got worse. Plan work for the recommendations that count now.",
        _show_change,
    )


def estate_grew(question: Question) -> Said:
    """Resources came that are less healthy than what was there."""
    return _lost(
        question,
        "estate_grew",
        lambda account: account.cause.kind in _GROWTH,
        "{resources} came that are less healthy than what was there: {lost} pp{earned}",
        "Fix the templates that made them: once, at the source. Then the resources.",
        lambda one: f"az resource show --ids {stakes.shell(one.cause.subject)}",
    )


def _show_change(account: Account) -> str:
    if account.cause.kind is Kind.CONTROL_REWEIGHTED:
        return "az security secure-score-control-definitions list -o table"
    return f"az security assessment-metadata show --name {stakes.shell(account.cause.subject)}"


def _lost(
    question: Question,
    reason: str,
    counts: Callable[[Account], bool],
    title: str,
    action: str,
    confirm: Callable[[Account], str],
) -> Said:
    own = [one for one in question.shares() if counts(one[1])]
    lost = fsum(share for *_, share in own)
    if lost > -SHOWN:
        return None
    earned = question.earned()
    down = sorted((one for one in own if one[2] < 0), key=lambda one: (one[2], one[1].cause.key))
    resources = {key: shown for _, one, _ in down for key, shown in one.resources.items()}
    first = down[0][1]
    found = Reason(
        reason=reason,
        confidence="confirmed" if all(one.confidence == "confirmed" for _, one, _ in down) else "inferred",
        title=title.format(
            lost=_pp(lost),
            earned=f", against {_pp(earned)} pp earned" if earned >= SHOWN else "",
            resources=wording.count(len(resources), "resource"),
        ),
        weight=_weight(question, -lost, earned),
        evidence=tuple(_told(question, one) for one in down[: stakes.FEW]),
        action=action,
        confirm=confirm(first),
        effect=_effect(question, reason),
        resources=tuple(sorted(resources.values())[: stakes.FEW]),
        count=len(down) if reason == "yardstick_changed" else len(resources),
    )
    return found, _of(down)


def subscription_onboarded(question: Question) -> Said:
    """A subscription came into the group, and is less healthy than the others."""
    if not question.group or question.asked.recommendation or question.asked.resource:
        return None
    lost: list[tuple[float, Member]] = []
    for one in question.members:
        rest = group_score(other.point for other in question.members if other is not one)
        if one.came and one.point.score is not None and rest is not None:
            lost.append((question.part(one) * (rest - 100 * one.point.score), one))
    lost = sorted((entry for entry in lost if entry[0] >= SHOWN), key=lambda entry: (-entry[0], entry[1].id))
    if not lost:
        return None
    total = fsum(share for share, _ in lost)
    old = [one.point for one in question.members if not one.came]
    without = group_score(old)
    names = ", ".join(one.name for _, one in lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
    found = Reason(
        reason="subscription_onboarded",
        confidence="confirmed",
        title=f"{names} came into the score: {_pp(-total)} pp",
        weight=total,
        evidence=(
            *(
                f"{one.name}: {wording.count(one.point.resources, 'resource')}, {100 * (one.point.score or 0):.2f} %, "
                f"{_pp(-share)} pp"
                for share, one in lost[: stakes.FEW]
            ),
            *([] if without is None else [f"without what came, the score is {without:.2f} %"]),
        ),
        action="Report what came apart: the others did not get worse.",
        confirm=f"az security secure-scores show --name ascScore --subscription {stakes.shell(lost[0][1].id)}",
        count=len(lost),
    )
    return found, [one.id for _, one in lost]


def cancelled_out(question: Question) -> Said:
    """Gains and losses of about equal size."""
    shares = [(one.cause.kind, share) for _, one, share in question.shares()]
    earned = question.earned()
    asked = question.asked.recommendation is not None or question.asked.resource is not None
    gains = earned if asked else fsum(share for _, share in shares if share > 0)
    losses = -fsum(share for _, share in shares if share < 0)
    if min(gains, losses) < 2 * SHOWN or abs(gains - losses) > max(2 * SHOWN, EQUAL * min(gains, losses)):
        return None
    others = -fsum(s for kind, s in shares if s < 0 and kind.group is not Class.YARDSTICK and kind not in _GROWTH)
    if others < EQUAL * losses:  # the reasons that name what was lost say it better
        return None
    classes = {group: fsum(share for kind, share in shares if kind.group is group) for group in Class}
    lost = sorted((one for one in question.shares() if one[2] < 0), key=lambda one: (one[2], one[1].cause.key))
    found = Reason(
        reason="cancelled_out",
        confidence="confirmed",
        title=f"gains and losses cancel out: {_pp(gains)} pp and {_pp(-losses)} pp",
        weight=min(gains, others),
        evidence=(
            ", ".join(f"{group.value} {_pp(share)} pp" for group, share in classes.items() if abs(share) >= SHOWN),
            *(_told(question, one) for one in lost[:3]),
        ),
        action="Look at what was lost: it is as large as what was gained.",
        confirm=f"az security secure-score-controls list --subscription {stakes.shell(lost[0][0].id)} -o table",
        resources=tuple(sorted({shown for _, one, _ in lost for shown in one.resources.values()})[: stakes.FEW]),
        count=len(lost),
    )
    return found, _of(question.shares())


def rounding(question: Question) -> Said:
    """It moved, by less than is shown."""
    earned, now = question.earned(), question.score()
    if not 0 < earned < 2 * SHOWN or now is None:
        return None
    moved = fsum(share for *_, share in question.shares())
    asked = question.asked.recommendation is not None or question.asked.resource is not None
    same = f"{now:.2f}" == f"{now - moved:.2f}" or _points(question)
    if not (same and abs(moved) < 2 * SHOWN) and not (asked and earned < SHOWN):
        return None
    first = max(question.members, key=question.part)
    found = Reason(
        reason="rounding",
        confidence="confirmed",
        title=f"what was fixed brought {earned:.4f} pp: less than two decimals show",
        weight=earned,
        evidence=(f"{now - moved:.5f} % became {now:.5f} %",),
        action="Fix more of it: each resource of a large control is worth little, all of them its points.",
        confirm=f"az security secure-scores show --name ascScore --subscription {stakes.shell(first.id)}",
        effect=0.0,
        count=len([one for _, one, share in question.shares() if share and one.cause.kind is Kind.REMEDIATION]),
    )
    return found, _of(question.shares())


def _of(moved: Iterable[_Moved]) -> list[str]:
    """The subscriptions in which something moved."""
    return sorted({member.id for member, _, share in moved if share})


def _points(question: Question) -> bool:
    """Whether the one subscription shows the same points as before, to two decimals."""
    looks = [look for one in question.members for look in one.looks if look.reported is not None]
    if question.group or not looks:
        return False
    shown = {f"{look.reported.current:.2f}" for look in looks if look.reported is not None}
    return len(shown) == 1


def _weight(question: Question, lost: float, earned: float) -> float:
    """What was lost; of a question about one thing, no more than it brought: the rest is not its answer."""
    asked = question.asked.recommendation is not None or question.asked.resource is not None
    return min(lost, max(0.0, earned)) if asked else lost


def _effect(question: Question, reason: str) -> float | None:
    own = [question.part(one) * one.effects[reason] for one in question.members if reason in one.effects]
    return fsum(own) if own else None


def _told(question: Question, moved: _Moved) -> str:
    member, account, share = moved
    title = wording.filled(account.title, list(account.resources.values()), account.numbers)
    where = f", in {member.name}" if len(question.members) > 1 else ""
    return f"{_pp(share)} pp: {wording.clean(title + where, 300)}"


def _pp(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def effects(case: Case) -> dict[str, float]:
    """What it would bring a subscription to fix what came with new recommendations, and with new resources."""
    if case.stand is None:
        return {}
    snapshot, live = case.snapshot, case.stand.side.effective == Status.UNHEALTHY
    wanted: dict[str, set[int]] = {"yardstick_changed": set(), "estate_grew": set()}
    for account in accounts(case):
        if account.share >= 0:
            continue
        if account.cause.kind.group is Class.YARDSTICK:
            wanted["yardstick_changed"].add(_place(snapshot.recommendations.find(account.cause.subject)))
        elif account.cause.kind in _GROWTH:
            wanted["estate_grew"] |= {_place(snapshot.resources.find(one)) for one in account.resources}
    rows = {
        reason: np.isin(column, sorted(places)) & live
        for reason, places, column in (
            ("yardstick_changed", wanted["yardstick_changed"], snapshot.marks.recommendation),
            ("estate_grew", wanted["estate_grew"], snapshot.marks.resource),
        )
    }
    found = {reason: flags.nonzero()[0] for reason, flags in rows.items() if wanted[reason]}
    supposed: Sequence[tuple[Longs, Status]] = [(own, Status.HEALTHY) for own in found.values()]
    gained = stakes.gains(case, supposed) if supposed else []
    return {reason: gain for reason, gain in zip(found, gained, strict=True) if gain is not None}


def _place(found: int | None) -> int:
    return -1 if found is None else found


QUESTIONS = (subscription_onboarded, yardstick_changed, estate_grew, cancelled_out, rounding)

"""Which score it is: what is fixed lies elsewhere, or the figure in hand is another scope's, or another product's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from drift.engine import wording
from drift.engine.diagnosis import stakes
from drift.engine.diagnosis.case import Reason
from drift.engine.diagnosis.question import WHOLE, Member, Question, Said, fixes, group_score
from drift.engine.scope import belongs
from drift.model import Point

NEAR = 0.05
"""pp. A figure that is as near to some score is not said to be none of them: each place rounds in its own way."""


def wrong_scope(question: Question) -> Said:
    """What was fixed lies elsewhere than what is looked at, or the figure is the score of another scope."""
    return _resource_elsewhere(question) or _fixed_elsewhere(question) or _figure_elsewhere(question)


def _resource_elsewhere(question: Question) -> Said:
    resource = question.asked.resource
    parts = (resource or "").split("/")
    if len(parts) < 3 or parts[1] != "subscriptions" or any(one.id == parts[2] for one in question.members):
        return None
    point = question.points.get(parts[2])
    where = _subscription(point, parts[2])
    found = Reason(
        reason="wrong_scope",
        confidence="confirmed",
        title=f"{wording.resource(resource or '')} lies in {where}, which is not part of what is looked at",
        weight=WHOLE,
        evidence=(f"its id names subscription {wording.clean(parts[2])}",),
        action="Look at the score of that subscription, or of a group that holds it.",
        confirm=_show(parts[2]),
        resources=(wording.clean(resource or "", 1024),),
        count=1,
    )
    return found, [parts[2]]


def _fixed_elsewhere(question: Question) -> Said:
    if question.asked.recommendation is None or any(one.at_work for one in question.members):
        return None
    found = [(one, one.earned(question.asked)) for one in question.outside if _did(one, question)]
    if not found:
        return None
    first, brought = max(found, key=lambda one: (one[1], one[0].id))
    where = _subscription(first.point, first.id)
    fixed_there = {key for one, _ in found for account in one.accounts if fixes(account, question.asked)
                   for key in account.resources.values()}  # fmt: skip
    reason = Reason(
        reason="wrong_scope",
        confidence="inferred",
        title=f"{_named(first, question)} was fixed in {where}, which is not part of what is looked at",
        weight=max(0.0, brought),
        evidence=tuple(
            f"{one.name}: fixed there, {share:+.2f} pp of its own score" for one, share in found[: stakes.FEW]
        ),
        action="Look at the score of that subscription, or fix it here too.",
        confirm=_show(first.id),
        resources=tuple(sorted(fixed_there)[: stakes.FEW]),
        count=len(fixed_there),
    )
    return reason, [one.id for one, _ in found]


def _named(one: Member, question: Question) -> str:
    """The title of the recommendation, as an account of its fixes has it."""
    title = next(account.title for account in one.accounts if fixes(account, question.asked))
    name, mark, _ = title.rpartition("”: ")
    return f"{name}”" if mark else "it"


def _did(one: Member, question: Question) -> bool:
    return any(fixes(account, question.asked) for account in one.accounts)


def _figure_elsewhere(question: Question) -> Said:
    figure, own = question.asked.figure, question.score()
    if figure is None or own is None or _is_own(question, figure):
        return None
    names, known = scopes(question.points), scores(question.points)
    fitting = [scope for scope, some in known.items() if _equals(figure, some)]
    mine = {one.id for one in question.members}
    fitting = [scope for scope in fitting if set(within(question.points, scope)) != mine]
    if not fitting:
        return None
    found = Reason(
        reason="wrong_scope",
        confidence="confirmed" if len(fitting) == 1 and _decimals(figure) > 1 else "inferred",
        title=f"{figure:g} % is the score of {names[fitting[0]]}; of what is asked about it is {own:.2f} %",
        weight=WHOLE,
        evidence=tuple(f"{names[scope]}: {known[scope][0]:.2f} %" for scope in fitting[: stakes.FEW]),
        action="Check which subscriptions are chosen where the figure was read.",
        confirm=_show(fitting[0] if fitting[0] in question.points else question.members[0].id),
        count=len(fitting),
    )
    return found, sorted(within(question.points, fitting[0]))


def other_score(question: Question) -> Said:
    """The figure is the score of nothing here: then it is another product's."""
    figure, own = question.asked.figure, question.score()
    if figure is None or own is None:
        return None
    if _is_own(question, figure) or any(
        abs(figure - one) <= NEAR or _equals(figure, (one,)) for one in _ever(question)
    ):
        return None
    found = Reason(
        reason="other_score",
        confidence="inferred",
        title=f"{figure:g} % is not the score of this, nor of any other scope that is known here: it is {own:.2f} %",
        weight=WHOLE,
        evidence=(
            f"compared with {wording.count(len(scores(question.points)), 'score')} of subscriptions and groups, at "
            f"{wording.count(sum(1 for _ in question.looks()), 'look')}",
        ),
        action="See where the figure is from: Microsoft 365's secure score and the risk-based score of the Defender "
        "portal count other things, and move at other times.",
        confirm=_show(question.members[0].id),
    )
    return found, [one.id for one in question.members]


def _ever(question: Question) -> Iterator[float]:
    """The scores of all known scopes at the times that are looked at, and those of each subscription at all."""
    for points in question.looks():
        for some in scores(points).values():
            yield from some
    for one in (*question.members, *question.outside):
        for point in one.looks:
            yield from _own_scores(point)


def _own_scores(point: Point) -> tuple[float, ...]:
    """The score of a subscription, and the one that Azure printed, in percent."""
    if point.score is None:
        return ()
    return (100 * point.score,) if point.reported is None else (100 * point.score, 100 * point.reported.percentage)


def _is_own(question: Question, figure: float) -> bool:
    """Whether a figure is, or was, what the scope that is asked about shows."""
    now = question.score()
    found = [] if now is None else [now]
    if len(question.members) == 1:
        (only,) = question.members
        return _equals(figure, [*found, *(score for point in only.looks for score in _own_scores(point))])
    for points in question.looks():
        score = group_score(points[one.id] for one in question.members if one.id in points)
        found += [] if score is None else [score]
    return _equals(figure, found)


def _equals(figure: float, some: Iterable[float]) -> bool:
    """To as many decimals as the figure has, at most two."""
    digits = min(2, _decimals(figure))
    return any(abs(figure - one) <= 0.5 * 10**-digits + 1e-9 for one in some)


def _decimals(figure: float) -> int:
    return len(f"{figure:.6f}".rstrip("0").partition(".")[2])


def _subscription(point: Point | None, identity: str) -> str:
    return f"subscription {wording.clean(identity if point is None else point.subscription.name)}"


def _show(subscription: str) -> str:
    return f"az security secure-scores show --name ascScore --subscription {stakes.shell(subscription)}"


# Scopes and their scores


def within(points: Mapping[str, Point], scope: str) -> dict[str, Point]:
    """The subscriptions of a scope."""
    return {key: point for key, point in points.items() if belongs(point, scope)}


def scopes(points: Mapping[str, Point]) -> dict[str, str]:
    """All scopes that some subscriptions make up, with what to call them: each one, groups, tag values, all."""
    found = {key: f"subscription {wording.clean(one.subscription.name)}" for key, one in sorted(points.items())}
    for point in points.values():
        found |= {f"mg:{name}": f"management group {wording.clean(name)}" for name in point.ancestors or ()}
        tags = point.subscription.tags.items()
        found |= {f"tag:{n}={v}": f"subscriptions with {wording.clean(n)}={wording.clean(v)}" for n, v in tags}
    if len(points) > 1:
        found["all"] = "all subscriptions together"
    return found


def scores(points: Mapping[str, Point]) -> dict[str, tuple[float, ...]]:
    """By scope its score, and of one subscription the one that Azure printed as well, in percent."""
    found: dict[str, tuple[float, ...]] = {}
    together = _together(points)
    for scope in scopes(points):
        if (one := points.get(scope)) is not None:
            own = _own_scores(one)
        else:
            score = group_score(together[_folded(scope)])
            own = () if score is None else (score,)
        if own:
            found[scope] = own
    return found


def _together(points: Mapping[str, Point]) -> dict[str, list[Point]]:
    """The subscriptions of each group, by its folded scope: as `within` tells, all groups at once."""
    found: dict[str, list[Point]] = {"all": list(points.values())}
    for point in points.values():
        tags = point.subscription.tags.items()
        for scope in {*(f"mg:{name}" for name in point.ancestors or ()), *(_folded(f"tag:{n}={v}") for n, v in tags)}:
            found.setdefault(scope, []).append(point)
    return found


def _folded(scope: str) -> str:
    """A scope as others that hold the same write it: tag names compare in any case."""
    name, equals, value = scope.partition("=")
    return name.lower() + equals + value if scope.startswith("tag:") else scope


QUESTIONS = (wrong_scope, other_score)

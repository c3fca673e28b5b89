"""The product's arithmetic on the true causes: a rule beside the others, judged as they are."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from benchmarks.labelled.game import NOTHING, Cause, Flip, Game, Member, Part, by_cell, coming
from benchmarks.labelled.rules import Board
from drift import model
from drift.engine.accounts import Course, of_segment
from drift.engine.effects import Tally, columns
from drift.engine.shapley import Player, divide
from drift.kinds import Kind

_UNSCORED = "no score"


def product(board: Board) -> dict[Cause, float]:
    """Each player's share as the engine gives it."""
    game = board.game
    numbers = {cause: at for at, cause in enumerate(board.players)}
    own: dict[str, dict[str, dict[Cause, list[Part]]]] = {name: {} for name in game.members}
    for cell, flips in by_cell(game).items():
        here = own[cell.subscription].setdefault(cell.control, {})
        causes = sorted({flip.cause for flip in flips})
        rest = game.rest.get(cell, frozenset())
        players = tuple(_player([flip for flip in flips if flip.cause == cause]) for cause in causes)
        for cause, part in zip(causes, divide("Unhealthy" in rest, "Healthy" in rest, players), strict=True):
            here.setdefault(cause, []).append(part)
    courses = [_course(name, member, own[name], numbers, game) for name, member in sorted(game.members.items())]
    accounts, _ = of_segment(courses, 0, "all", single=game.single)
    found = dict.fromkeys(board.players, 0.0)
    for account in accounts.values():
        found[_named(account.cause, board)] += account.share
    return found


def _player(flips: list[Flip]) -> Player:
    was, now = {flip.was for flip in flips}, {flip.now for flip in flips}
    return "Unhealthy" in was, "Healthy" in was, "Unhealthy" in now, "Healthy" in now


def _course(
    name: str,
    member: Member,
    own: Mapping[str, Mapping[Cause, list[Part]]],
    numbers: Mapping[Cause, int],
    game: Game,
) -> Course:
    """A subscription's line, with causes that are numbers: what they are called changes nothing."""
    points = _point(name, member, 0, game.single), _point(name, member, 1, game.single)
    if member.before is None or member.after is None:
        return Course(name, points, (None,))
    controls = tuple(member.controls())
    tallies: dict[Cause, Tally] = {}
    for at, (control, (old, new)) in enumerate(member.controls().items()):
        left = Fraction(new.healthy - old.healthy), Fraction(new.counted - old.counted)
        parts = dict(own.get(control, {}))
        for some in parts.values():
            left = left[0] - sum(part[0] for part in some), left[1] - sum(part[1] for part in some)
        if left != NOTHING:
            parts[Cause("unexplained", control, name)] = [left]
        for cause, some in parts.items():
            known = tallies.setdefault(cause, Tally(model.Cause(Kind.APPLICABILITY_CHANGED, str(numbers[cause]), name)))
            for part in some:
                known.add(at, *part)
        weightier = Cause("control_reweighted", control, name)
        if old.counted and new.counted and old.maximum != new.maximum:
            tallies[weightier] = Tally(model.Cause(Kind.CONTROL_REWEIGHTED, control, name))
    listed = list(tallies.values())
    changes = tuple(tally.change(controls) for tally in listed)
    return Course(name, points, (model.Delta(points[0], points[1], changes, columns(listed, controls)),))


def _point(name: str, member: Member, end: int, single: bool) -> model.Point:
    counts = (member.before, member.after)[end]
    return model.Point(
        taken_at=end,
        subscription=model.Subscription(name, name),
        counts={key: model.Counts(one.maximum, one.healthy, one.counted) for key, one in (counts or {}).items()},
        weight=1.0 if single else member.weights[end],
        reported=None,
        unscored=None if counts is not None else _UNSCORED,
    )


def _named(cause: model.Cause, board: Board) -> Cause:
    if cause.kind is Kind.APPLICABILITY_CHANGED:
        return board.players[int(cause.subject)]
    if cause.kind in (Kind.SUBSCRIPTION_ADDED, Kind.SUBSCRIPTION_REMOVED):
        return coming(cause.scope, board.game.members[cause.scope])
    return Cause(cause.kind.value, cause.subject, cause.scope)

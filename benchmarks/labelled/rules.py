"""What other tools do with a movement: their arithmetic, given the true causes and what each changed.

Each rule gives every player of a game a share in pp. They are judged by the arithmetic alone: none has to find out
what happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.labelled.game import (
    NOTHING,
    Cause,
    Cell,
    Flip,
    Game,
    Member,
    Owned,
    by_cell,
    coming,
    owned,
    reweighted,
    still,
)

type Floats = NDArray[np.float64]
type Worlds = NDArray[np.bool_]
"""[world, player]: who has happened."""

MOST_PLAYERS = 10
"""Of the rule that looks at every subset."""


class Board:
    """The score of a game in any world."""

    def __init__(self, game: Game, own: Owned | None = None) -> None:
        self.game, self.own = game, own or owned(game)
        self.players = self.own.players
        self._place = {cause: at for at, cause in enumerate(self.players)}
        self._cells: dict[str, list[tuple[Cell, list[Flip]]]] = {name: [] for name in game.members}
        for cell, flips in by_cell(game).items():
            self._cells[cell.subscription].append((cell, flips))

    def scores(self, worlds: Worlds) -> Floats:
        """In percent, world by world; NaN where nothing is scored."""
        N, W = np.zeros(len(worlds)), np.zeros(len(worlds))
        for name, member in self.game.members.items():
            if member.before is not None and member.after is not None:
                P = self._score(name, member, worlds)
                w = np.full(len(worlds), 1.0 if self.game.single else member.weights[0])
                for cause, change in self.own.weights.get(name, {}).items():
                    w = w + change * self._happened(cause, worlds)
            elif self.game.single:
                return np.full(len(worlds), np.nan)
            else:
                there = self._happened(coming(name, member), worlds)
                P = np.full(len(worlds), still(member))
                w = member.weights[1] * there if member.before is None else member.weights[0] * ~there
            N, W = N + np.where(w > 0, w * P, 0.0), W + w
        return 100 * np.divide(N, W, out=np.full(len(worlds), np.nan), where=W > 0)

    def first(self) -> dict[Cause, float]:
        """When the first mark of each player changed; those without one come last."""
        found = dict.fromkeys(self.players, np.inf)
        for flip in self.game.flips:
            found[flip.cause] = min(found[flip.cause], flip.at)
        return found

    def _happened(self, cause: Cause, worlds: Worlds) -> Worlds:
        return worlds[:, self._place[cause]]

    def _score(self, name: str, member: Member, worlds: Worlds) -> Floats:
        """P of a subscription scored at both ends."""
        controls = member.controls()
        h: dict[str, Any] = {}
        n: dict[str, Any] = {}
        for control, (old, _) in controls.items():
            rest = Cause("unexplained", control, name)
            left = self.own.parts.get((name, control), {}).get(rest, NOTHING)
            here = self._happened(rest, worlds) if left != NOTHING else np.zeros(len(worlds))
            h[control], n[control] = old.healthy + here * float(left[0]), old.counted + here * float(left[1])
        for cell, flips in self._cells[name]:
            healthy, counted = self._cell(cell, flips, worlds)
            was_healthy, was_counted = _before(self.game, cell, flips)
            h[cell.control] = h[cell.control] + healthy - was_healthy
            n[cell.control] = n[cell.control] + counted - was_counted
        S, X = np.zeros(len(worlds)), np.zeros(len(worlds))
        for control, (old, new) in controls.items():
            M: Any = old.maximum if old.counted else new.maximum
            if reweighted(old, new):
                changed = self._happened(Cause("control_reweighted", control, name), worlds)
                M = np.where(changed, new.maximum, old.maximum)
            live = n[control] > 0
            S = S + np.divide(M * h[control], n[control], out=np.zeros(len(worlds)), where=live)
            X = X + M * live
        return np.divide(S, X, out=np.full(len(worlds), np.nan), where=X > 0)

    def _cell(self, cell: Cell, flips: Sequence[Flip], worlds: Worlds) -> tuple[Any, Any]:
        """(h, n) of a cell in every world."""
        rest = self.game.rest.get(cell, frozenset())
        bad, good = (np.full(len(worlds), word in rest) for word in ("Unhealthy", "Healthy"))
        for flip in flips:
            now = self._happened(flip.cause, worlds)
            bad = bad | np.where(now, flip.now == "Unhealthy", flip.was == "Unhealthy")
            good = good | np.where(now, flip.now == "Healthy", flip.was == "Healthy")
        return (good & ~bad).astype(int), (good | bad).astype(int)


def _before(game: Game, cell: Cell, flips: Sequence[Flip]) -> tuple[int, int]:
    marks = game.rest.get(cell, frozenset()) | {flip.was for flip in flips}
    bad, good = "Unhealthy" in marks, "Healthy" in marks
    return int(good and not bad), int(good or bad)


type Rule = Callable[[Board], dict[Cause, float] | None]
"""A share for every player; None for a movement that the rule can't do."""


def whole(board: Board) -> dict[Cause, float]:
    """The whole difference beside each row that changed."""
    none, all_ = board.scores(_ends(board)).tolist()
    return dict.fromkeys(board.players, all_ - none)


def only(board: Board) -> dict[Cause, float]:
    """One change at a time: the movement if nothing else had happened."""
    k = len(board.players)
    scores = board.scores(np.vstack([np.zeros((1, k), np.bool_), np.eye(k, dtype=np.bool_)]))
    return dict(zip(board.players, (scores[1:] - scores[0]).tolist(), strict=True))


def all_but(board: Board) -> dict[Cause, float]:
    """One change taken back: the movement less what it would have been without it."""
    k = len(board.players)
    scores = board.scores(np.vstack([np.ones((1, k), np.bool_), ~np.eye(k, dtype=np.bool_)]))
    return dict(zip(board.players, (scores[0] - scores[1:]).tolist(), strict=True))


def waterfall(board: Board) -> dict[Cause, float]:
    """One change after another in order of time, each given what the score did at its turn."""
    first = board.first()
    order = sorted(range(len(board.players)), key=lambda at: (first[board.players[at]], at))
    worlds = np.zeros((len(order) + 1, len(order)), np.bool_)
    for turn, at in enumerate(order):
        worlds[turn + 1 :, at] = True
    steps = np.diff(board.scores(worlds)).tolist()
    return {board.players[at]: step for at, step in zip(order, steps, strict=True)}


def shapley(board: Board) -> dict[Cause, float] | None:
    """The Shapley value over causes, by every subset: what SHAP computes with the state before as background."""
    k = len(board.players)
    if k > MOST_PLAYERS:
        return None
    subsets = np.arange(1 << k)
    worlds: Worlds = (subsets[:, None] >> np.arange(k) & 1).astype(np.bool_)
    scores, size = board.scores(worlds), worlds.sum(axis=1)
    weight = np.array([factorial(s) * factorial(k - s - 1) / factorial(k) for s in range(k)])
    found = {}
    for at, cause in enumerate(board.players):
        without = subsets[~worlds[:, at]]
        found[cause] = float(weight[size[without]] @ (scores[without | 1 << at] - scores[without]))
    return found


RULES: Mapping[str, Rule] = {
    "the whole difference beside each changed row": whole,
    "one change at a time": only,
    "all but one change": all_but,
    "a waterfall in order of time": waterfall,
    f"Shapley over causes (SHAP), at most {MOST_PLAYERS}": shapley,
}


@dataclass(slots=True)
class Errors:
    """How far a rule is from the truth, over movements of at least two causes."""

    shares: list[float] = field(default_factory=list)
    """|share − truth| of every player, in pp."""
    gaps: list[float] = field(default_factory=list)
    """|sum of the shares − movement|, one a movement, in pp."""
    wrong_signs: int = 0
    undone: int = 0
    """Movements that the rule can't do."""

    def add(self, given: Mapping[Cause, float] | None, truth: Mapping[Cause, float]) -> None:
        """One movement."""
        if given is None or not all(map(np.isfinite, given.values())):
            self.undone += 1
            return
        self.shares += [abs(given[cause] - share) for cause, share in truth.items()]
        self.gaps.append(abs(sum(given.values()) - sum(truth.values())))
        self.wrong_signs += sum(
            given[cause] * share < 0 and min(abs(given[cause]), abs(share)) > 1e-9 for cause, share in truth.items()
        )

    def join(self, other: Errors) -> None:
        """Those of other movements."""
        self.shares += other.shares
        self.gaps += other.gaps
        self.wrong_signs += other.wrong_signs
        self.undone += other.undone


def split(game: Game) -> tuple[Cause, Game] | None:
    """The game with its widest cause told as two, one half of its resources each, that share no cell; and which it was.

    None where no cause has cells of two resources.
    """
    resources: dict[Cause, set[tuple[str, str]]] = {}
    for flip in game.flips:
        resources.setdefault(flip.cause, set()).add((flip.cell.subscription, flip.cell.resource))
    cause, own = max(resources.items(), key=lambda item: (len(item[1]), item[0]), default=(None, set()))
    if cause is None or len(own) < 2:
        return None
    half = set(sorted(own)[: len(own) // 2])
    other = Cause(cause.kind, f"{cause.subject} (the other half)", cause.scope)
    flips = [
        flip
        if flip.cause != cause or (flip.cell.subscription, flip.cell.resource) in half
        else Flip(other, flip.cell, flip.was, flip.now, flip.at)
        for flip in game.flips
    ]
    return cause, Game(game.members, flips, game.rest, (*game.causes, other), game.single)


def _ends(board: Board) -> Any:
    k = len(board.players)
    return np.vstack([np.zeros((1, k), np.bool_), np.ones((1, k), np.bool_)])

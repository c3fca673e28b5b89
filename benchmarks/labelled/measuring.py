"""What is measured on the labelled set: the product's answers, and every rule's arithmetic on the true causes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.labelled.arithmetic import product
from benchmarks.labelled.chain import Chain
from benchmarks.labelled.game import Cause, Game
from benchmarks.labelled.rules import RULES, Board, Errors, Rule, shapley, split
from benchmarks.labelled.scoring import Prediction, Scores, Truth, scored
from benchmarks.labelled.shares import shares
from benchmarks.labelled.truth import acts_of, game_of, truth_of

PRODUCT = "this product's arithmetic"

ARITHMETIC: dict[str, Rule] = {PRODUCT: product, **RULES}


@dataclass(slots=True)
class Measured:
    """What adds up over chains."""

    movements: int = 0
    causes: int = 0
    chains: int = 0
    rest: float = 0.0
    """Absolute points that the labels do not account for, in pp."""
    scores: Scores = field(default_factory=Scores)
    rules: dict[str, Errors] = field(default_factory=lambda: {name: Errors() for name in ARITHMETIC})
    apart: dict[str, list[float]] = field(default_factory=lambda: {"product": [], "shapley": []})
    """By how much at most the shares of others change when one cause is told as two, one figure a movement, in pp."""

    def join(self, other: Measured) -> None:
        """Those of other chains."""
        self.movements += other.movements
        self.causes += other.causes
        self.chains += other.chains
        self.rest += other.rest
        self.scores.join(other.scores)
        for name, errors in other.rules.items():
            self.rules[name].join(errors)
        for name, found in other.apart.items():
            self.apart[name] += found


def truths(chain: Chain) -> list[Truth]:
    """What an answer is held against, movement by movement."""
    return [truth_of(chain, one, game_of(one)) for one in chain.movements]


def measured(chain: Chain, tool: Callable[[Chain], Sequence[Prediction]]) -> Measured:
    """One chain: its rules, and a tool's answers."""
    found = Measured(movements=len(chain.movements), chains=1)
    known = []
    for movement in chain.movements:
        game = game_of(movement)
        board = Board(game)
        truth = truth_of(chain, movement, game, shares(game, board.own))
        known.append(truth)
        found.causes += len(movement.causes)
        found.rest += sum(abs(share) for cause, share in truth.shares.items() if cause.kind == "unexplained")
        if len(truth.shares) < 2:
            continue
        for name, rule in ARITHMETIC.items():
            found.rules[name].add(rule(board), truth.shares)
        _split(game, board, found)
    found.scores = scored(known, tool(chain), acts_of(chain))
    return found


def _split(game: Game, board: Board, found: Measured) -> None:
    """Tells the widest cause as two and looks what that does to the others."""
    parted = split(game)
    if parted is None:
        return
    cause, halves = parted
    others = [one for one in board.players if one != cause]
    both = Board(halves)
    ours = product(board), product(both)
    found.apart["product"].append(_change(others, *ours))
    first, second = shapley(board), shapley(both)
    if first is not None and second is not None:
        found.apart["shapley"].append(_change(others, first, second))


def _change(others: Sequence[Cause], first: dict[Cause, float], second: dict[Cause, float]) -> float:
    return max((abs(first[one] - second[one]) for one in others), default=0.0)

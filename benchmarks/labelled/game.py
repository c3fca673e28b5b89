"""What truly happened in a movement, as a game: its causes are the players, and any of them may have happened or not.

Everything that divides a movement among its true causes starts from here: the truth itself (`shares`), and what other
tools do (`rules`). Nothing of the product is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from itertools import combinations
from math import factorial

type Part = tuple[Fraction, Fraction]
"""A change of h and of n."""

type Mark = str | None
"""What a mark contributes: `Healthy`, `Unhealthy` or nothing."""

NOTHING: Part = (Fraction(0), Fraction(0))


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """What happened, to what, in which subscription; subject and scope in lower case."""

    kind: str
    subject: str
    scope: str


@dataclass(frozen=True, slots=True)
class Primitives:
    """M, h and n of a control."""

    maximum: float
    healthy: int
    counted: int


@dataclass(frozen=True, slots=True)
class Member:
    """A subscription at both ends; None where it has no score or does not belong."""

    before: Mapping[str, Primitives] | None
    after: Mapping[str, Primitives] | None
    weights: tuple[float, float] = (1.0, 1.0)

    def controls(self) -> dict[str, tuple[Primitives, Primitives]]:
        """Both ends of each control of one that is scored at both; what an answer leaves out has no cells there."""
        if self.before is None or self.after is None:
            return {}
        found = {}
        for name in sorted({*self.before, *self.after}):
            old, new = self.before.get(name), self.after.get(name)
            known = old or new
            assert known is not None
            found[name] = (old or Primitives(known.maximum, 0, 0), new or Primitives(known.maximum, 0, 0))
        return found


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One resource in one control."""

    subscription: str
    control: str
    resource: str


@dataclass(frozen=True, slots=True)
class Flip:
    """A mark of a cell that changed, and whose doing it was."""

    cause: Cause
    cell: Cell
    was: Mark
    now: Mark
    at: float = 0.0
    """When, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Game:
    """A movement."""

    members: Mapping[str, Member]
    flips: Sequence[Flip]
    rest: Mapping[Cell, frozenset[str]] = field(default_factory=dict)
    """What the unchanged marks of a cell contribute; nothing where it is not listed."""
    causes: Sequence[Cause] = ()
    """All that are labelled, also those without a mark."""
    single: bool = True
    """By the one subscription's own score, and not that of a group."""


@dataclass(frozen=True, slots=True)
class Owned:
    """What each cause owns of the changes of the primitives."""

    parts: Mapping[tuple[str, str], Mapping[Cause, Part]]
    """Of h and n, by (subscription, control)."""
    weights: Mapping[str, Mapping[Cause, float]]
    """Of the weight, by subscription; of a group only."""
    players: tuple[Cause, ...]
    """All that own something or are labelled, in order."""


def owned(game: Game) -> Owned:
    """What each cause owns: of every cell the Shapley value over its causes; the rest of a control is `unexplained`."""
    cells = divided(game)
    parts: dict[tuple[str, str], dict[Cause, Part]] = {}
    brought: dict[str, list[tuple[Cause, Fraction]]] = {name: [] for name in game.members}
    for cell, own in cells.items():
        control = parts.setdefault((cell.subscription, cell.control), {})
        for cause, part in own.items():
            control[cause] = _sum(control.get(cause, NOTHING), part)
            brought[cell.subscription].append((cause, part[1]))
    players = set(game.causes)
    for name, member in game.members.items():
        if not game.single and (member.before is None or member.after is None):
            players.add(coming(name, member))
        for key, (old, new) in member.controls().items():
            if reweighted(old, new):
                players.add(Cause("control_reweighted", key, name))
            h, n = (sum((part[of] for part in parts.get((name, key), {}).values()), Fraction(0)) for of in (0, 1))
            left = new.healthy - old.healthy - h, new.counted - old.counted - n
            if left != NOTHING:
                rest = Cause("unexplained", key, name)
                parts.setdefault((name, key), {})[rest] = left
                brought[name].append((rest, left[1]))
    weights: dict[str, dict[Cause, float]] = {}
    if not game.single:
        weights = {name: _weights(name, member, brought[name]) for name, member in game.members.items()}
    players.update(*parts.values(), *weights.values())
    return Owned(parts, weights, tuple(sorted(players)))


def by_cell(game: Game) -> dict[Cell, list[Flip]]:
    """The changed marks of each cell, where the subscription is scored at both ends."""
    found: dict[Cell, list[Flip]] = {}
    for flip in game.flips:
        member = game.members[flip.cell.subscription]
        if member.before is not None and member.after is not None:
            found.setdefault(flip.cell, []).append(flip)
    return found


def divided(game: Game) -> dict[Cell, dict[Cause, Part]]:
    """Each cause's part of the change of each cell."""
    found = {}
    for cell, flips in by_cell(game).items():
        causes = sorted({flip.cause for flip in flips})
        marks = tuple(tuple((flip.was, flip.now) for flip in flips if flip.cause == cause) for cause in causes)
        found[cell] = dict(zip(causes, shapley(game.rest.get(cell, frozenset()), marks), strict=True))
    return found


def coming(name: str, member: Member) -> Cause:
    """The cause that a subscription scored at one end only came or went."""
    return Cause("subscription_removed" if member.after is None else "subscription_added", name, name)


def still(member: Member) -> float:
    """P of a subscription that is scored at one end only, as a fraction of 1."""
    live = [one for one in (member.after or member.before or {}).values() if one.counted]
    return sum(one.maximum * one.healthy / one.counted for one in live) / sum(one.maximum for one in live)


def reweighted(old: Primitives, new: Primitives) -> bool:
    """Whether M changed of a control that counts at both ends."""
    return bool(old.counted and new.counted and old.maximum != new.maximum)


@lru_cache(maxsize=1 << 16)
def shapley(rest: frozenset[str], players: tuple[tuple[tuple[Mark, Mark], ...], ...]) -> tuple[Part, ...]:
    """Each player's part of the change of a cell. `players`: of each the marks that it changed, as (was, now)."""
    worth: dict[frozenset[int], tuple[int, int]] = {}
    for size in range(len(players) + 1):
        for chosen in map(frozenset, combinations(range(len(players)), size)):
            marks = {mark[at in chosen] for at, own in enumerate(players) for mark in own} | rest
            worth[chosen] = (0, 1) if "Unhealthy" in marks else (1, 1) if "Healthy" in marks else (0, 0)
    parts = []
    for player in range(len(players)):
        total = [Fraction(0), Fraction(0)]
        for without in (chosen for chosen in worth if player not in chosen):
            orders = factorial(len(without)) * factorial(len(players) - len(without) - 1)
            weight = Fraction(orders, factorial(len(players)))
            for of in (0, 1):
                total[of] += weight * (worth[without | {player}][of] - worth[without][of])
        parts.append((total[0], total[1]))
    return tuple(parts)


def _sum(first: Part, second: Part) -> Part:
    return first[0] + second[0], first[1] + second[1]


def _weights(name: str, member: Member, brought: Sequence[tuple[Cause, Fraction]]) -> dict[Cause, float]:
    """A change of weight belongs to those who brought, or took, counted cells; without any to `weight_changed`."""
    change = member.weights[1] - member.weights[0]
    if member.before is None or member.after is None or not change:
        return {}
    alike = [(cause, number) for cause, number in brought if number * (1 if change > 0 else -1) > 0]
    if not alike:
        return {Cause("weight_changed", name, name): change}
    total = sum((number for _, number in alike), Fraction(0))
    found: dict[Cause, Fraction] = {}
    for cause, number in alike:
        found[cause] = found.get(cause, Fraction(0)) + number / total
    return {cause: change * float(part) for cause, part in found.items()}

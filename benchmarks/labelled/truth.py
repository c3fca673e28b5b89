"""From the labels of a movement to its game, and to what a tool's answer is held against."""

from __future__ import annotations

from collections.abc import Mapping
from math import fsum

from benchmarks.labelled.chain import Chain, Counts, Movement, Who
from benchmarks.labelled.game import NOTHING, Cause, Cell, Flip, Game, Member, Primitives, coming
from benchmarks.labelled.game import divided as cells
from benchmarks.labelled.scoring import Acts, Key, Truth
from benchmarks.labelled.shares import shares

TENANT = "all"


def game_of(movement: Movement) -> Game:
    """What happened in a movement, in terms of its causes and what each changed."""
    single = movement.scope != TENANT
    if single:
        name = movement.scope.lower()
        members = {name: Member(_counts(movement.before), _counts(movement.after))}
    else:
        members = {
            one.subscription.lower(): Member(
                _counts(one.before),
                _counts(one.after),
                (one.before.weight if one.before else 0.0, one.after.weight if one.after else 0.0),
            )
            for one in movement.members
        }
        members = {name: one for name, one in members.items() if one.before is not None or one.after is not None}
    causes = causes_of(movement)
    places = [Cell(causes[m.cause].scope, m.control.lower(), m.resource.lower()) for m in movement.marks]
    flips = [
        Flip(causes[mark.cause], place, mark.was, mark.now, mark.at.timestamp())
        for mark, place in zip(movement.marks, places, strict=True)
    ]
    around = {
        (one.control.lower(), one.resource.lower()): frozenset(
            word for word, there in (("Unhealthy", one.unhealthy), ("Healthy", one.healthy)) if there
        )
        for one in movement.around
    }
    rest = {place: around.get((place.control, place.resource), frozenset()) for place in places}
    return Game(members, flips, rest, _owning(causes, members), single)


def causes_of(movement: Movement) -> list[Cause]:
    """The labelled causes, in their order."""
    return [Cause(one.kind, one.subject.lower(), one.scope.lower()) for one in movement.causes]


def key_of(chain: Chain, movement: Movement) -> Key:
    """What names a movement in a prediction."""
    return chain.name, movement.scope.lower(), chain.taken[movement.step], chain.taken[movement.step + 1]


def acts_of(chain: Chain) -> Acts:
    """All that was done in a chain, and by whom."""
    found: dict[Cause, list[Who]] = {}
    for one in chain.acts:
        found.setdefault(Cause(one.kind, one.subject.lower(), one.scope.lower()), []).extend(one.actors)
    return {chain.name: found}


def truth_of(chain: Chain, movement: Movement, game: Game, divided: Mapping[Cause, float] | None = None) -> Truth:
    """What a prediction of this movement is held against. `divided`: its shares, where they are known."""
    found = shares(game) if divided is None else divided
    causes = causes_of(movement)
    moved = {
        (cause, cell.resource) for cell, own in cells(game).items() for cause, part in own.items() if part != NOTHING
    }
    idle = frozenset(
        (cause, at)
        for cause, one in zip(causes, movement.causes, strict=True)
        for at, who in enumerate(one.actors)
        if who.resources and not any((cause, resource.lower()) in moved for resource in who.resources)
    )
    return Truth(
        key=key_of(chain, movement),
        movement=fsum(found.values()),
        shares=found,
        actors={cause: one.actors for cause, one in zip(causes, movement.causes, strict=True)},
        idle=idle,
        ambiguous=frozenset(cause for cause, one in zip(causes, movement.causes, strict=True) if one.ambiguous),
    )


def _owning(causes: list[Cause], members: Mapping[str, Member]) -> tuple[Cause, ...]:
    """Without those that say only of a subscription that it came or went, which the game finds by itself."""
    arrivals = {coming(name, one) for name, one in members.items() if one.before is None or one.after is None}
    return tuple(cause for cause in causes if cause not in arrivals)


def _counts(counts: Counts | None) -> dict[str, Primitives] | None:
    if counts is None:
        return None
    return {name.lower(): Primitives(one.maximum, one.healthy, one.counted) for name, one in counts.controls.items()}

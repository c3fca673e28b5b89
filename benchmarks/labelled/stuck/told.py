"""What a story leaves behind: what it was about, and what has to be so at the end for it to be true."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from benchmarks.labelled.estate import LONGEST_LAG
from benchmarks.labelled.land import Pair, Recommendation, Resource
from benchmarks.labelled.stuck.stage import HOUR, Stage


@dataclass(frozen=True, slots=True)
class Told:
    """One story. A story that is about nothing in particular has no key and no resource."""

    variant: str
    reasons: tuple[str, ...]
    key: str | None = None
    resource: str | None = None
    also: tuple[str, ...] = ()
    figure: Callable[[], float] | None = None
    """What somebody read, once the looks have been taken."""
    moving: list[Pair] = field(default_factory=list)
    """Marks that the counts will follow after the last look."""
    true: Callable[[], bool] = lambda: True
    """Whether it came out as meant, once the looks have been taken."""


type Story = Callable[[Stage], Told]
"""Sets the stage, before it is opened. May raise `UnfitError`."""


def marks(one: Recommendation, resources: Sequence[Resource]) -> list[Pair]:
    """The marks of some resources."""
    return [(resource.id, one.key) for resource in resources]


def waits(stage: Stage, pairs: Sequence[Pair]) -> Callable[[], bool]:
    """True if none of some marks has followed at the last look."""
    return lambda: stage.unfinished(pairs)


def late(stage: Stage, one: Recommendation, resources: Sequence[Resource]) -> datetime:
    """A time shortly before the last look, after the one before it; the resources are assessed after the last."""
    at = stage.end - stage.dice.random() * min(6 * HOUR, stage.end - stage.times[-2] - HOUR)
    left = (stage.end - at) // timedelta(minutes=1)
    for resource in resources:
        wait = stage.dice.randint(left + 20, LONGEST_LAG - 1)
        resource.phase = (at.hour * 60 + at.minute + wait - one.phase) % 1440
    return at

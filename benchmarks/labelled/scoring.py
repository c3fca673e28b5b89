"""How well a tool explained the movements of the set: which kinds, which shares, whose doing.

A tool's answer is a line of JSON for each movement, `Prediction`. Nothing here asks which tool it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

from benchmarks.labelled.chain import Who
from benchmarks.labelled.game import Cause

LEAST = 1e-6
"""pp: a cause below it moved nothing."""

NOBODY = "unexplained"
"""The kind that names no cause."""

PEOPLE = ("user", "application", "managedIdentity")

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class PredictionError(Exception):
    """A prediction can't be scored: says which and why."""


class Said(msgspec.Struct, frozen=True, rename="camel"):
    """Who a tool says did it."""

    type: str
    name: str | None = None
    id: str | None = None
    address: str | None = None


class Guess(msgspec.Struct, frozen=True, rename="camel"):
    """A cause that a tool tells of; the share in pp of the scope's own score."""

    kind: str
    subject: str
    scope: str
    share: float
    actors: tuple[Said, ...] = ()

    @property
    def cause(self) -> Cause:
        """As causes are compared."""
        return Cause(self.kind, self.subject.lower(), self.scope.lower())


class Prediction(msgspec.Struct, frozen=True, rename={"begins": "from", "ends": "to"}):
    """What a tool says of one movement: `{"chain", "scope", "from", "to", "causes"}`."""

    chain: str
    scope: str
    begins: Moment
    ends: Moment
    causes: tuple[Guess, ...] = ()

    @property
    def key(self) -> Key:
        """The movement that it is about."""
        return self.chain, self.scope.lower(), self.begins, self.ends


type Key = tuple[str, str, datetime, datetime]
"""Chain, scope, and `takenAt` of both snapshots."""


type Acts = Mapping[str, Mapping[Cause, Sequence[Who]]]
"""By chain: all that was done, and by whom."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What happened in one movement."""

    key: Key
    movement: float
    shares: Mapping[Cause, float]
    """In pp, `unexplained` and what follows from the counts alone included."""
    actors: Mapping[Cause, Sequence[Who]] = field(default_factory=dict)
    """Of every labelled cause."""
    ambiguous: frozenset[Cause] = frozenset()
    """Causes of which the records can't tell which of several it was."""
    idle: frozenset[tuple[Cause, int]] = frozenset()
    """Positions in `actors` of those who moved no cell: they may be named, and need not be."""


@dataclass(slots=True)
class Scores:
    """What adds up over movements."""

    movements: int = 0
    unanswered: int = 0
    right: Counter[str] = field(default_factory=Counter)
    """Movements in which a kind is told and true, by kind."""
    told: Counter[str] = field(default_factory=Counter)
    true: Counter[str] = field(default_factory=Counter)
    points: float = 0.0
    """Absolute points that moved: Σ|true share|, in pp."""
    unexplained: float = 0.0
    """Of these what the tool calls unexplained, or what its shares lack of the movement."""
    errors: list[float] = field(default_factory=list)
    """|share − truth| of the causes that it found, in pp."""
    overlooked: float = 0.0
    """Σ|true share| of causes that it did not find, in pp."""
    invented: float = 0.0
    """Σ|share| of causes that are not there, in pp."""
    elsewhere: float = 0.0
    """Of these those that are true in another movement of the same scope and chain."""
    actors: Counter[str] = field(default_factory=Counter)
    """`ACTORS`, counted."""

    def join(self, other: Scores) -> None:
        """Those of other movements."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    @property
    def kinds(self) -> list[str]:
        """Every kind that is true or told."""
        return sorted({*self.true, *self.told})

    def precision(self, kind: str) -> float | None:
        """Of the movements in which it is told, the part in which it is true; None where it is never told."""
        return self.right[kind] / self.told[kind] if self.told[kind] else None

    def recall(self, kind: str) -> float | None:
        """Of the movements in which it is true, the part in which it is told; None where it is never true."""
        return self.right[kind] / self.true[kind] if self.true[kind] else None

    def f1(self, kind: str) -> float:
        """2·right ÷ (told + true)."""
        return 2 * self.right[kind] / (self.told[kind] + self.true[kind])

    @property
    def macro_f1(self) -> float:
        """The mean over kinds, each alike; a kind that is told and never true counts 0."""
        kinds = self.kinds
        return sum(map(self.f1, kinds)) / len(kinds) if kinds else 0.0


ACTORS = {
    "named": "somebody did it, and is named",
    "notRecorded": "no record says who, and it is said so",
    "platform": "the platform did it, and it is said so",
    "missed": "none of these: nothing is said, or less, or the cause was not found",
    "wrong": "a name that is none of theirs, on a true cause",
    "accused": "the platform, where it was not",
    "elsewhere": "a name that is right for this cause at another time",
    "misplaced": "a name on a cause that is never true",
    "ambiguousNamed": "ambiguous: who did it is named",
    "ambiguousOpen": "ambiguous: it is left open",
    "ambiguousWrong": "ambiguous: somebody else is named",
}
"""What is counted of actors. The first four are all (cause, actor) pairs that are true; the others are told."""


def scored(truths: Iterable[Truth], predictions: Iterable[Prediction], acts: Acts | None = None) -> Scores:
    """Scores of a tool on these movements. Raises PredictionError for one that is not there, or told of twice.

    `acts`: what was done beside, whether a movement shows it or not.
    """
    known = {truth.key: truth for truth in truths}
    found: dict[Key, Prediction] = {}
    unknown = []
    for one in predictions:
        if one.key not in known:
            unknown.append(one.key)
        elif one.key in found:
            raise PredictionError(f"the movement {_shown(one.key)} is predicted twice")
        else:
            found[one.key] = one
    if unknown:
        raise PredictionError(_unknown(unknown, {key[0] for key in known}))
    scores = Scores()
    ever: dict[tuple[str, str], dict[Cause, list[Who]]] = {}
    for key, truth in known.items():
        own = ever.setdefault(key[:2], {})
        for cause in truth.shares:
            own.setdefault(cause, []).extend(truth.actors.get(cause, ()))
    for (chain, _), own in ever.items():
        for cause, whos in (acts or {}).get(chain, {}).items():
            own.setdefault(cause, []).extend(whos)
    for key, truth in known.items():
        scores.movements += 1
        scores.unanswered += key not in found
        _one(scores, truth, found[key].causes if key in found else (), ever[key[:2]])
    return scores


def read(path: Path) -> list[Prediction]:
    """Predictions from a file of JSON lines. Raises PredictionError naming file and line."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise PredictionError(f"{path}: can't be read: {(error.strerror or str(error)).lower()}") from None
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(msgspec.json.decode(line, type=Prediction))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise PredictionError(f"{path}: line {number}: {error}") from None
    return found


def _one(scores: Scores, truth: Truth, guesses: Sequence[Guess], ever: Mapping[Cause, Sequence[Who]]) -> None:
    """`ever`: all true causes of the scope in this chain, and who did them."""
    told: dict[Cause, float] = {}
    actors: dict[Cause, tuple[Said, ...]] = {}
    for guess in guesses:
        told[guess.cause] = told.get(guess.cause, 0.0) + guess.share
        actors[guess.cause] = (*actors.get(guess.cause, ()), *guess.actors)
    shares = {cause: share for cause, share in truth.shares.items() if cause.kind != NOBODY}
    named = {cause: share for cause, share in told.items() if cause.kind != NOBODY}
    true_kinds = {cause.kind for cause, share in shares.items() if abs(share) > LEAST}
    told_kinds = {cause.kind for cause, share in named.items() if abs(share) > LEAST}
    scores.true.update(true_kinds)
    scores.told.update(told_kinds)
    scores.right.update(true_kinds & told_kinds)
    scores.points += sum(map(abs, truth.shares.values()))
    rest = sum(abs(share) for cause, share in told.items() if cause.kind == NOBODY)
    lacking = abs(truth.movement - sum(told.values()))
    scores.unexplained += rest + (lacking if lacking > LEAST else 0.0)
    scores.errors += [abs(named[cause] - share) for cause, share in shares.items() if cause in named]
    scores.overlooked += sum(abs(share) for cause, share in shares.items() if cause not in named)
    strange = {cause: share for cause, share in named.items() if cause not in shares}
    scores.invented += sum(map(abs, strange.values()))
    scores.elsewhere += sum(abs(share) for cause, share in strange.items() if cause in ever)
    for cause, whos in truth.actors.items():
        said = actors.get(cause, ())
        if cause in truth.ambiguous:
            scores.actors.update(_open(whos, said, ever.get(cause, ())))
        else:
            asked = [who for at, who in enumerate(whos) if (cause, at) not in truth.idle]
            scores.actors.update(_named(asked, whos, said, ever.get(cause, ())))
    for cause, share in strange.items():
        if abs(share) <= LEAST and cause not in ever:
            continue
        people = [one for one in actors[cause] if one.type in PEOPLE]
        right = sum(any(_is(who, one) for who in ever.get(cause, ())) for one in people)
        scores.actors["elsewhere"] += right
        scores.actors["wrong" if cause in ever else "misplaced"] += len(people) - right


def _named(asked: Sequence[Who], whos: Sequence[Who], said: Sequence[Said], ever: Sequence[Who]) -> Counter[str]:
    """What becomes of those who did it, as far as it is asked, and of those who are said to have."""
    found: Counter[str] = Counter()
    for who in asked:
        outcome = "named" if who.type in PEOPLE else who.type
        found[outcome if any(_is(who, one) for one in said) else "missed"] += 1
    for one in said:
        if not any(_is(who, one) for who in whos):
            found["accused"] += one.type == "platform"
            if one.type in PEOPLE:
                found["elsewhere" if any(_is(who, one) for who in ever) else "wrong"] += 1
    return found


def _open(whos: Sequence[Who], said: Sequence[Said], ever: Sequence[Who]) -> Counter[str]:
    """The same where nobody can tell which of several it was."""
    people = [one for one in said if one.type in PEOPLE]
    if any(not any(_is(who, one) for who in (*whos, *ever)) for one in people):
        return Counter(ambiguousWrong=1)
    return Counter(ambiguousNamed=1) if people else Counter(ambiguousOpen=1)


def _is(who: Who, said: Said) -> bool:
    """Whether a tool means this one: by the object id where both have it, else by address, else by name."""
    if who.type not in PEOPLE or said.type not in PEOPLE:
        return who.type == said.type
    if who.id and said.id:
        return who.id.lower() == said.id.lower()
    if who.address and said.address:
        return who.address.lower() == said.address.lower()
    known = {one.lower() for one in (who.name, who.address, who.id) if one}
    return any(one.lower() in known for one in (said.address, said.name, said.id) if one)


def _shown(key: Key) -> str:
    return f"{key[0]}, {key[1]}, {key[2].isoformat()} to {key[3].isoformat()}"


def _unknown(keys: Sequence[Key], chains: set[str]) -> str:
    strange = sorted({key[0] for key in keys if key[0] not in chains})
    if strange:
        others = f" and {len(strange) - 5} more" if strange[5:] else ""
        return f"the set has no chain {', '.join(strange[:5])}{others}"
    more = f" (and {len(keys) - 1} more)" if keys[1:] else ""
    return f"the set has no movement {_shown(keys[0])}{more}"

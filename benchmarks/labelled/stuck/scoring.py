"""How right answers are: the first reason, every reason, and the time at which the score is said to move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from benchmarks.labelled.stuck.case import REASONS, WAITING, Case


@dataclass(frozen=True, slots=True)
class Said:
    """A reason that was told, and between which times it says that the score moves."""

    reason: str
    moves_by: tuple[datetime, datetime] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The reasons, most likely first."""

    reasons: tuple[Said, ...]


@dataclass(slots=True)
class Replays:
    """Cases that were acted on until the counts had moved, and when they were said to."""

    number: int = 0
    held: int = 0
    """How often the real move lay within the times told."""
    widths: list[float] = field(default_factory=list)
    """Of the times told, in hours."""

    @property
    def holds(self) -> float:
        """The part that was held."""
        return self.held / max(1, self.number)

    @property
    def width(self) -> float:
        """The median, in hours; 0 where no times were told."""
        return median(self.widths) if self.widths else 0.0

    def join(self, other: Replays) -> None:
        """Those of other cases."""
        self.number += other.number
        self.held += other.held
        self.widths += other.widths


@dataclass(slots=True)
class Scores:
    """What adds up over cases."""

    cases: Counter[str] = field(default_factory=Counter)
    """By how many reasons they have: `alone`, `pairs`."""
    first: Counter[str] = field(default_factory=Counter)
    """Those of them whose first reason is a true one."""
    right: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    """By reason: told and true, true and not told, told and neither true nor beside the point."""
    headed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(true reason, what was told first instead)."""
    replays: dict[str, Replays] = field(default_factory=dict)
    """By how far what was done has come."""
    failures: list[str] = field(default_factory=list)
    """The cases whose first reason is none of theirs, for who looks into them."""
    others: list[str] = field(default_factory=list)
    """What was told wrong, or missed, behind the first reason too."""
    misses: list[str] = field(default_factory=list)
    """The cases whose real move lay outside."""

    def add(self, case: Case, answer: Answer) -> None:
        """One case."""
        truth, told = case.truth, [one.reason for one in answer.reasons]
        group = "alone" if len(truth.reasons) == 1 else "pairs"
        self.cases[group] += 1
        if told and told[0] in truth.reasons:
            self.first[group] += 1
        else:
            first = told[0] if told else "nothing"
            for reason in truth.reasons:
                self.headed[reason, first] += 1
            self.failures.append(f"{case.name} {truth.variant}: {', '.join(told) or 'nothing'}")
        for reason in dict.fromkeys([*truth.reasons, *told]):
            known, said = reason in truth.reasons, reason in told
            self.right[reason] += known and said
            self.missed[reason] += known and not said
            wrong = said and not known and reason not in truth.also
            self.wrong[reason] += wrong
            if wrong or (known and not said):
                what = "wrongly told" if wrong else "not told"
                self.others.append(f"{case.name} {truth.variant}: {reason} {what}")
        if truth.moves is not None:
            self._replay(case, answer, truth.moves)

    def _replay(self, case: Case, answer: Answer, moves: datetime) -> None:
        known = self.replays.setdefault(case.truth.waits, Replays())
        known.number += 1
        times = next((one.moves_by for one in answer.reasons if one.reason == WAITING and one.moves_by), None)
        if times is None:
            self.misses.append(f"{case.name} {case.truth.variant}: no time")
            return
        known.widths.append((times[1] - times[0]).total_seconds() / 3600)
        if times[0] <= moves <= times[1]:
            known.held += 1
        else:
            end = case.taken[-1]
            told = [f"{(at - end).total_seconds() / 3600:.1f}" for at in (*times, moves)]
            self.misses.append(f"{case.name} {case.truth.variant}: {told[0]} to {told[1]} h, moved after {told[2]} h")

    def join(self, other: Scores) -> None:
        """Those of other cases."""
        for name in ("cases", "first", "right", "missed", "wrong", "headed"):
            getattr(self, name).update(getattr(other, name))
        for name, own in other.replays.items():
            self.replays.setdefault(name, Replays()).join(own)
        self.failures += other.failures
        self.others += other.others
        self.misses += other.misses

    @property
    def first_right(self) -> float:
        """The part of all cases whose first reason is a true one."""
        return self.first.total() / max(1, self.cases.total())

    @property
    def moves(self) -> Replays:
        """All replays."""
        found = Replays()
        for own in self.replays.values():
            found.join(own)
        return found


def scored(cases: Iterable[tuple[Case, Answer]]) -> Scores:
    """All of them."""
    found = Scores()
    for case, answer in cases:
        found.add(case, answer)
    return found


def tables(scores: Scores) -> str:
    """For people, in Markdown."""
    lines = ["| cases | number | first reason right |", "| --- | --: | --: |"]
    lines += [
        f"| {name} | {scores.cases[name]:,} | {scores.first[name] / max(1, scores.cases[name]):.1%} |"
        for name in ("alone", "pairs")
    ]
    lines += [f"| all | {scores.cases.total():,} | {scores.first_right:.1%} |", ""]
    lines += ["| reason | cases | precision | recall | told first instead |", "| --- | --: | --: | --: | --- |"]
    for reason in REASONS:
        right, missed, wrong = scores.right[reason], scores.missed[reason], scores.wrong[reason]
        told, true = right + wrong, right + missed
        instead = [f"{name} {n}" for (own, name), n in scores.headed.most_common() if own == reason]
        rates = [f"{right / whole:.0%}" if whole else "–" for whole in (told, true)]
        lines.append(f"| `{reason}` | {true} | {rates[0]} | {rates[1]} | {', '.join(instead[:3])} |")
    lines += ["", "| what waits | replays | move within the times told | median width |", "| --- | --: | --: | --: |"]
    for name, own in [*sorted(scores.replays.items()), ("all", scores.moves)]:
        lines.append(f"| {name} | {own.number} | {own.holds:.1%} | {own.width:.1f} h |")
    return "\n".join(lines)

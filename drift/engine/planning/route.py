"""A short way to a target: which fixes, in which steps, and the score after each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum

import numpy as np

from drift.engine.planning.choosing import NOTHING, Choice, Lot, enough, everything
from drift.engine.planning.needs import Check, Needs
from drift.engine.planning.ways import CELLS, EFFORTS, Way, Ways, healed, severity
from drift.model import Counts, Longs

_ROUNDS = 20
"""How often a choice is made anew, with a higher aim, where the counts have less room than the marks tell."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted."""

    target: float
    """In percent."""
    most: str = "high"
    """The most effort of one fix: `low`, `moderate` or `high`."""
    by: str = "effort"
    """What comes first: `effort`, the most for the least; `risk`, what is most critical, then what is most severe."""


@dataclass(frozen=True, slots=True)
class Step:
    """Fixes that belong together: the same recommendations on some resources, all that these still need there."""

    checks: tuple[Check, ...]
    controls: tuple[str, ...]
    """Titles of those in which the resources become healthy."""
    resources: tuple[str, ...]
    """Ids, the most critical first."""
    owners: Mapping[str, int]
    """How many of them each owns; "" is nobody."""
    subscriptions: int
    fixes: int
    effort: int
    severity: int
    critical: int
    """The most critical of them."""
    gain: float
    score: float
    """In percent, after it."""


@dataclass(slots=True)
class Left:
    """What stays Unhealthy in a control when all is fixed that is not left out."""

    control: str
    title: str
    unhealthy: int = 0
    """Cells, by the counts."""
    too_much: int = 0
    """Of them those that take more effort than is allowed; of the others no assessment tells."""
    points: float = 0.0
    """What they would bring, in pp of the scope's score."""


@dataclass(frozen=True, slots=True)
class Route:
    """The steps, and what can be reached. Scores are in percent."""

    now: float
    start: float
    """Once what is pending has come: where the steps begin."""
    highest: float
    """With all fixes that are not left out."""
    reachable: bool
    steps: tuple[Step, ...]
    least: int | None
    """No choice of fixes that gets there, in this order of risk, takes less effort; None where that is not known."""
    left: tuple[Left, ...]
    """At the highest score, the largest first."""


def route(every: Sequence[Needs], parts: Sequence[float], wish: Wish) -> Route:
    """A way to a target for subscriptions whose scores make up these parts of the scope's."""
    return _Planned(every, parts, wish).route()


@dataclass(frozen=True, slots=True)
class _Bundle:
    """Knots of one subscription that lack the same and are alike in risk."""

    of: int
    """The subscription."""
    knots: Longs
    ways: tuple[Way, ...]
    keys: tuple[str, ...]
    """Of all that is Unhealthy in each."""
    tier: tuple[int, int]
    """How critical, how severe; the largest comes first."""


class _Planned:
    def __init__(self, every: Sequence[Needs], parts: Sequence[float], wish: Wish) -> None:
        self.every, self.parts, self.wish = every, parts, wish
        self.ways = [Ways(one, EFFORTS[wish.most]) for one in every]

    def route(self) -> Route:
        scores = _Scores(self.every, self.parts)
        start = scores.total
        now = 100 * fsum(part * one.now for part, one in zip(self.parts, self.every, strict=True))
        most = [healed(one, ways) for one, ways in zip(self.every, self.ways, strict=True)]
        for at, more in enumerate(most):
            scores.add(at, more)
        highest, aim = scores.total, min(self.wish.target, scores.total)
        bundles = list(self._bundles()) if start < aim - NOTHING else []
        need, least = aim - start, None
        for again in range(_ROUNDS + 1):
            chosen, effort = self._chosen(bundles, need if again < _ROUNDS else float("inf"))
            least = effort if not again else least  # a higher aim is no bound
            steps = self._steps(bundles, chosen)
            reached = steps[-1].score if steps else start
            if reached >= aim - 2 * NOTHING:
                break
            need += aim - reached
        return Route(now, start, highest, highest >= self.wish.target - NOTHING, tuple(steps), least, self._left(most))

    def _left(self, most: Sequence[Longs]) -> tuple[Left, ...]:
        found: dict[str, Left] = {}
        for one, part, healthy in zip(self.every, self.parts, most, strict=True):
            rest = np.where(one.values > 0, one.room - np.minimum(healthy, one.room), 0)
            for at in np.flatnonzero(rest).tolist():
                row = found.setdefault(one.controls[at], Left(one.controls[at], one.titles[at]))
                row.unhealthy += int(rest[at])
                row.too_much += int(min(rest[at], one.open[at] - healthy[at]))
                row.points += part * float(one.values[at] * rest[at])
        return tuple(sorted(found.values(), key=lambda row: (-row.points, row.control)))

    def _bundles(self) -> Iterator[_Bundle]:
        by_risk = self.wish.by == "risk"
        for at, (one, ways, part) in enumerate(zip(self.every, self.ways, self.parts, strict=True)):
            if not part:
                continue
            critical = one.critical[one.knot_resource].astype(np.int64)
            apart = one.knot_pattern * 4 + (3 - critical if by_risk else 0)
            order = np.lexsort((one.knot_resource, -critical, apart))
            starts = np.flatnonzero(np.diff(apart[order], prepend=-1))
            severities = [severity(check) for check in one.checks]
            for knots in np.split(order, starts[1:]) if len(order) else ():
                pattern = one.patterns[int(one.knot_pattern[knots[0]])]
                own = ways.of(pattern)
                if own:
                    level = max(severities[check] for check in own[-1].checks)
                    tier = (int(critical[knots[0]]), level) if by_risk else (0, 0)
                    yield _Bundle(at, knots, own, tuple(one.checks[check].key.lower() for check in pattern), tier)

    def _chosen(self, bundles: Sequence[_Bundle], need: float) -> tuple[dict[int, tuple[int, ...]], int | None]:
        """How many knots of each bundle are dealt with in each way, and the least effort that it takes.

        What ranks higher in risk is done with before anything lower is begun.
        """
        total = Counter[tuple[str, ...]]()
        for one in bundles:
            total[one.keys] += len(one.knots)
        found: dict[int, tuple[int, ...]] = {}
        least: int | None = 0
        for tier in sorted({one.tier for one in bundles}, reverse=True):
            own = [at for at, one in enumerate(bundles) if one.tier == tier]
            lots = [self._lot(bundles[at], total[bundles[at].keys]) for at in own]
            brings = fsum(lot.number * lot.gains[-1] for lot in lots)
            choice: Choice = everything(lots) if brings <= need - NOTHING else enough(lots, need)
            found |= dict(zip(own, choice.taken, strict=True))
            least = None if least is None or choice.least is None else least + choice.least
            need -= brings
            if need <= NOTHING:
                break
        return found, least

    def _lot(self, one: _Bundle, favour: int) -> Lot:
        part = self.parts[one.of]
        return Lot(
            number=len(one.knots),
            costs=tuple(way.cost for way in one.ways),
            gains=tuple(part * way.gain for way in one.ways),
            favour=float(favour),
            whole=len(one.ways[-1].controls) <= CELLS,
        )

    def _steps(self, bundles: Sequence[_Bundle], chosen: Mapping[int, tuple[int, ...]]) -> list[Step]:
        """What is chosen, as steps: in order of risk, where that is asked for, then of return on effort."""
        drafts: dict[tuple[object, ...], _Draft] = {}
        for at, taken in chosen.items():
            bundle, done = bundles[at], 0
            one = self.every[bundle.of]
            for way, number in zip(bundle.ways, taken, strict=True):
                if not number:
                    continue
                keys = tuple(one.checks[check].key.lower() for check in way.checks)
                controls = tuple(one.controls[control] for control in way.controls)
                draft = drafts.setdefault((bundle.tier, keys, controls), _Draft(bundle.tier, []))
                draft.parts.append((bundle.of, way, bundle.knots[done : done + number]))
                done += number
        scores = _Scores(self.every, self.parts)
        found: list[Step] = []
        for _, draft in sorted(drafts.items(), key=lambda item: (item[1].rank(self), item[0])):
            before = scores.total
            for of, way, knots in draft.parts:
                more = np.zeros(len(self.every[of].controls), np.int64)
                more[list(way.controls)] = len(knots)
                scores.add(of, more)
            if scores.total > before:  # else the counts have no more room
                found.append(draft.step(self, scores.total - before, scores.total))
        return found


@dataclass(frozen=True, slots=True)
class _Draft:
    """A step that is being put together: knots of subscriptions, and the way in which they are dealt with."""

    tier: tuple[int, int]
    parts: list[tuple[int, Way, Longs]]

    def rank(self, planned: _Planned) -> tuple[float, ...]:
        """Smaller comes first."""
        gain = fsum(planned.parts[of] * way.gain * len(knots) for of, way, knots in self.parts)
        cost = sum(way.cost * len(knots) for _, way, knots in self.parts)
        return (-self.tier[0], -self.tier[1], -gain / cost, -gain)

    def step(self, planned: _Planned, gain: float, score: float) -> Step:
        owners = Counter[str]()
        places: list[tuple[int, str]] = []
        for of, _, knots in self.parts:
            one = planned.every[of]
            for place in one.knot_resource[knots].tolist():
                owners[one.owners[place]] += 1
                places.append((-int(one.critical[place]), one.resources[place]))
        of, way, _ = self.parts[0]
        one = planned.every[of]
        checks = tuple(one.checks[check] for check in way.checks)
        places.sort()
        return Step(
            checks=checks,
            controls=tuple(one.titles[control] for control in way.controls),
            resources=tuple(name for _, name in places),
            owners=dict(sorted(owners.items(), key=lambda item: (-item[1], item[0]))),
            subscriptions=len({of for of, _, _ in self.parts}),
            fixes=len(checks) * len(places),
            effort=sum(way.cost * len(knots) for _, way, knots in self.parts),
            severity=max(severity(check) for check in checks),
            critical=-places[0][0],
            gain=gain,
            score=score,
        )


class _Scores:
    """The score of the scope while cells become healthy: as the engine has it, by the counts, never beyond them."""

    def __init__(self, every: Sequence[Needs], parts: Sequence[float]) -> None:
        self._every, self._parts = every, parts
        self._more = [np.zeros(len(one.controls), np.int64) for one in every]
        self._own = [one.point.score or 0.0 for one in every]

    @property
    def total(self) -> float:
        """In percent."""
        return 100 * fsum(part * own for part, own in zip(self._parts, self._own, strict=True))

    def add(self, at: int, more: Longs) -> None:
        """So many more cells of a subscription become healthy, by control."""
        one = self._every[at]
        self._more[at] = self._more[at] + more
        counts = dict(one.point.counts)
        for name, number in zip(one.controls, self._more[at].tolist(), strict=True):
            if number and name in counts:
                own = counts[name]
                counts[name] = Counts(own.maximum, min(own.healthy + number, own.counted), own.counted)
        self._own[at] = replace(one.point, counts=counts).score or 0.0

"""A case from its number: a plot is acted out, looked at, asked about, and acted on until the counts have moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, cast

from benchmarks.labelled import acts_estate, acts_marks
from benchmarks.labelled.chain import Folder
from benchmarks.labelled.estate import RUN_EVERY, Estate
from benchmarks.labelled.land import Pair, Subscription
from benchmarks.labelled.reality import contribution
from benchmarks.labelled.stuck.case import Case, Question, Truth
from benchmarks.labelled.stuck.plots import STORIES, Plot, plots
from benchmarks.labelled.stuck.sources import report
from benchmarks.labelled.stuck.stage import Stage, UnfitError
from benchmarks.labelled.stuck.told import Told

TRIES = 200
_RUNS = 6
"""After the last look: two days."""

_ELSEWHERE = (acts_marks.remediation, acts_marks.regression, acts_estate.resource_added, acts_marks.data_source_lost)


def cases(count: int, seed: int = 1) -> Iterator[Case]:
    """So many cases. Another seed makes others of the same plots."""
    for number, plot in enumerate(plots(count)):
        yield made(number, plot, seed)


def made(number: int, plot: Plot, seed: int = 1) -> Case:
    """The case of a plot. The dice are thrown until the story comes out as it is meant."""
    for attempt in range(TRIES):
        try:
            return _acted(number, plot, Random(f"stuck {seed} {number} {attempt}"))
        except UnfitError:
            continue
    raise AssertionError(f"case {number}: {plot} does not come out")


def _acted(number: int, plot: Plot, dice: Random) -> Case:
    keyed = plot.level == "recommendation" or (plot.level == "resource" and dice.random() < 0.6)
    stage = Stage(dice, plot.level, tidy=not keyed or dice.random() < 0.5)
    if plot.level == "recommendation":
        stage.key = stage.recommendation().key
    told = [STORIES[reason][0](stage) for reason in plot.reasons]
    if plot.level != "all" and dice.random() < 0.5:
        _stir(stage)
    if dice.random() < 0.3 and "connector_unhealthy" not in plot.reasons and stage.home.connectors:
        stage.patch("health-reports", [report(stage, "Healthy")])
    if stage.level == "resource" and not keyed:  # else its other findings would be an answer too
        about = {one.resource for one in told}
        stage.estate.faults -= {one for one in stage.estate.faults if one[0] in about and one[1] not in stage.own}
    stage.open()
    folders = [_look(stage, at) for at in stage.times]
    if not all(one.true() for one in told):
        raise UnfitError
    question = _question(stage, told, keyed=keyed)
    shown = [one for one in [*stage.estate.records.delivered(), *stage.told] if one.at <= stage.end]
    events = [one.event for one in sorted(shown, key=lambda one: one.at)]
    beside = _beside(stage, question)
    moves = _moves(stage, [pair for one in told for pair in one.moving])
    reasons = list(dict.fromkeys(reason for one in told for reason in one.reasons))
    also = [reason for reason in (*(reason for one in told for reason in one.also), *beside) if reason not in reasons]
    variant = "; ".join(f"{reason}: {one.variant}" for reason, one in zip(plot.reasons, told, strict=True))
    waits = next((one.variant for one in told if one.moving), "")
    truth = Truth(reasons, f"{plot.level}; {variant}", list(dict.fromkeys(also)), moves, waits)
    return Case(number, folders, stage.times, events, question, truth)


def _look(stage: Stage, at: datetime) -> Folder:
    stage.estate.advance(at)
    folder = stage.answers.folder()
    for patch in stage.patches:
        patch(folder)
    stage.looks.append({one.id: stage.estate.shown(one) for one in stage.estate.subscriptions.values()})
    stage.estate.settle()
    return folder


def _question(stage: Stage, told: Sequence[Told], *, keyed: bool) -> Question:
    key = stage.key or (next((one.key for one in told if one.key), None) if keyed else None)
    resource = next((one.resource for one in told if one.resource), None) if stage.level == "resource" else None
    figures = [one.figure() for one in told if one.figure is not None]
    if not figures and stage.dice.random() < 0.2 and (score := stage.score(-1)) is not None:
        figures = [round(score, 2)]  # which is right, and so no reason
    return Question(stage.scope, key, resource, figures[0] if figures else None)


def _beside(stage: Stage, question: Question) -> list[str]:
    """What is so of the marks asked about, whatever was done: some are Unhealthy, or none that counts is."""
    if question.recommendation is None and question.resource is None:
        return []
    within = [one for one in stage.accounts if question.scope in ("all", one.id)]
    marks = [(pair, mark) for account in within for pair, mark in account.marks.items()]
    if any(
        mark.status == "Unhealthy"
        and question.recommendation in (None, pair[1])
        and question.resource in (None, pair[0])
        and contribution(stage.estate, pair, mark) == "Unhealthy"
        for pair, mark in marks
    ):
        return ["partially_fixed"]
    return ["ceiling"]


def _moves(stage: Stage, pairs: Sequence[Pair]) -> datetime | None:
    """When the counts that some marks are in move after the last look, whatever else they do."""
    if not pairs:
        return None
    estate, at = stage.estate, stage.ran
    account = estate.subscriptions[pairs[0][0].split("/")[2]]
    concerned = set(pairs)
    for _ in range(_RUNS):
        at += RUN_EVERY
        before, seen = account.counts, account.seen or {}
        estate.advance(at)
        now = account.seen or {}
        followed = any(
            place[1:] in concerned and now.get(place) != seen.get(place) for place in now.keys() | seen.keys()
        )
        if followed and account.counts != before:
            return at
        estate.settle()
    raise UnfitError


# What goes on elsewhere


class _Elsewhere:
    """The estate, for acts that keep out of the subscription that is asked about."""

    def __init__(self, estate: Estate, home: Subscription) -> None:
        object.__setattr__(self, "_of", (estate, home))

    def scored(self) -> list[Subscription]:
        """All but one."""
        estate, home = self._of
        return [one for one in estate.scored() if one is not home]

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_of")[0], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._of[0], name, value)


def _stir(stage: Stage) -> None:
    """People and pipelines are at work in the other subscriptions, on what nobody asks about."""
    estate, dice = stage.estate, stage.dice
    estate.reserved.extend(sorted(stage.own))
    elsewhere = cast(Estate, _Elsewhere(estate, stage.home))

    def act() -> None:
        if elsewhere.scored():
            dice.choice(_ELSEWHERE)(elsewhere)

    for _ in range(dice.randint(1, 6)):
        estate.plan(stage.begin + timedelta(minutes=5) + (stage.end - stage.begin) * 0.95 * dice.random(), act)

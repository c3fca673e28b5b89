"""Storage on a bad day: what is written is refused, or carried out and its answer lost."""

from __future__ import annotations

from random import Random

import pytest

from tests.faults.proxy import Asked, Fate, Line
from tests.faults.stage import TIMERS, Stage, ticked
from tests.faults.town import Town

FATES: tuple[Fate, ...] = ("refused", "refused after", "cut after")


@pytest.mark.parametrize("fate", FATES)
def test_a_transaction_that_is_refused_or_whose_answer_is_lost_moves_a_chain_once(stage: Stage, fate: Fate) -> None:
    """Each commit of a pass in turn: of a subscription, of each group, and each that notes who was told."""
    town = Town(size=1, machines=8)
    with Line(stage.connection) as line, stage.host(AzureWebJobsStorage=line.connection) as host:
        stage.serve(town)
        stage.live(host)
        for number in range(1, 4):
            line.fate = _Nth(number, fate)
            stage.serve(town.step())
            failures = 0
            for timer in TIMERS:
                failures += ticked(host, timer)
                host.idle()
            line.fate = lambda _: None
            stage.live(host)
        assert [met for _, met in line.met] == [fate] * 3
    assert [len(stage.rows(scope)) for scope in (*town.ids, "all", "prod")] == [3, 3, 3]
    assert stage.depth("snapshots-poison") == 0
    stage.check(town)


def test_whatever_storage_does_to_a_third_of_the_writes_nothing_is_lost_or_doubled(stage: Stage) -> None:
    town, dice = Town(size=2), Random(5)
    fates = dict.fromkeys(FATES, 0)

    spared: set[Asked] = set()

    def fate(asked: Asked) -> Fate:
        if not asked.writes or asked in spared or dice.random() > 0.3:
            return None
        spared.add(asked)  # when it is asked again, that is: the SDK would pause for seconds
        found = dice.choice(FATES)
        fates[found] += 1
        return found

    interrupted = 0
    with Line(stage.connection) as line, stage.host(AzureWebJobsStorage=line.connection) as host:
        stage.serve(town)
        stage.live(host)
        for _ in range(6):
            stage.serve(town.step())
            line.fate = fate
            for timer in TIMERS:
                failed = ticked(host, timer, 20)
                interrupted += failed if timer == "announce_timer" else 0
                host.idle()
            line.fate = lambda _: None
            stage.live(host)
    assert min(fates.values()) > 10
    stage.check(town, repeats=interrupted)


class _Nth:
    """A fate for the commit of this number, counted from 1."""

    def __init__(self, number: int, fate: Fate) -> None:
        self._left, self._fate = number, fate

    def __call__(self, asked: Asked) -> Fate:
        self._left -= asked.commits
        return self._fate if asked.commits and self._left == 0 else None

"""Teams is down for a day."""

from __future__ import annotations

from itertools import cycle

import pytest

from demo.host import FunctionError
from tests.faults.stage import Stage
from tests.faults.town import Town


def test_movements_of_hours_without_teams_are_told_afterwards_in_order(stage: Stage) -> None:
    town = Town(size=1, machines=14)
    statuses = cycle((429, 500, 400, 503, 200))
    with stage.host() as host:
        stage.serve(town)
        stage.live(host)
        stage.answer = lambda: next(statuses)
        for hour in range(10):
            stage.serve(town.step())
            for timer in ("snapshot_timer", "rollup_timer"):
                host.run_timer(timer)
                host.idle()
            with pytest.raises(FunctionError, match="Teams"):
                host.run_timer("announce_timer")
            assert len(stage.azure.events) == 3 * (hour + 1)  # the topic goes on
        assert stage.sent == []
        stage.answer = lambda: None
        host.run_timer("announce_timer")
    stage.check(town)

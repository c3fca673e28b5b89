"""kill -9 of the app's process in the middle of its work: what was being done is done again, and once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from demo.azure import Azure
from drift.model import ticks
from tests.faults.proxy import Asked, Fate, Line
from tests.faults.stage import ROOT, Stage, once, post, until
from tests.faults.town import Town
from tests.services import HostProcess, host_process


class App:
    """The app in a process of its own, and another in its place when that was killed."""

    def __init__(self, stage: Stage, connection: str) -> None:
        self._stage, self._settings = stage, stage.settings | {"AzureWebJobsStorage": connection}
        self.process: HostProcess

    @contextmanager
    def running(self) -> Iterator[None]:
        with host_process(ROOT, self._settings, lease=1.0) as self.process:
            yield

    def start(self, timer: str) -> None:
        post(f"{self.process.url}/admin/functions/{timer}", {})

    def kill(self) -> None:
        self.process.kill()

    @property
    def dead(self) -> bool:
        return self.process.process.poll() is not None


def test_a_process_killed_in_a_snapshot_a_rollup_and_an_announcement_loses_and_doubles_nothing(
    stage: Stage, azure: Azure
) -> None:
    town = Town(size=2)
    with Line(stage.connection) as line:
        app = App(stage, line.connection)

        def looked() -> bool:
            return {known.at for known in stage.store.chains().values()} == {ticks(town.now)} and not stage.depth(
                "snapshots"
            )

        def rolled_up() -> bool:
            known = stage.store.chains(group=True)
            return all(name in known and known[name].at >= ticks(town.now) for name in ("all", "prod"))

        def told() -> bool:
            return stage.store.due() == []

        # Calm, until the movements begin; then in the middle of reading a subscription.
        with app.running():
            stage.serve(town)
            app.start("snapshot_timer")
            until(looked)
            app.start("rollup_timer")
            until(rolled_up)
            stage.serve(town.step())
            azure.on(f"{town.ids[1]}/.*/assessments$", once(app.kill))
            app.start("snapshot_timer")
            until(lambda: app.dead)

        # The message comes back after its lease. Then in the middle of a rollup: the first group is moved on, not
        # indexed, and the next not begun.
        with app.running():
            until(looked)
            assert [len(stage.rows(one)) for one in town.ids] == [1, 1]
            line.fate = _Commit("prod", app.kill)
            app.start("rollup_timer")
            until(lambda: app.dead)
            line.fate = lambda _: None
            assert [len(stage.rows(one)) for one in ("prod", "all")] == [1, 0]

        # Then in the middle of an announcement: Teams has taken the card, and we were not told so.
        with app.running():
            app.start("rollup_timer")
            until(rolled_up)
            stage.answer = app.kill
            app.start("announce_timer")
            until(lambda: app.dead)
            stage.answer = lambda: None
            assert len(stage.sent) == 1

        with app.running():
            app.start("announce_timer")
            until(told)
            stage.serve(town.step())
            app.start("snapshot_timer")
            until(looked)
            app.start("rollup_timer")
            until(rolled_up)
            app.start("announce_timer")
            until(told)
    assert [message for message, _ in stage.sent].count(stage.sent[0][0]) == 2
    assert len(stage.sent) == 3
    assert [len(stage.rows(scope)) for scope in (*town.ids, "all", "prod")] == [2, 2, 2, 2]
    stage.check(town, repeats=1)


class _Commit:
    """Kills when the commit of a chain has been carried out, at what comes next: its index."""

    def __init__(self, scope: str, kill: Callable[[], object]) -> None:
        self._scope, self._kill, self._committed = scope, kill, False

    def __call__(self, asked: Asked) -> Fate:
        if self._committed:
            self._kill()
            return "refused"
        if asked.commits and f'"PartitionKey": "{self._scope}"'.encode() in asked.body:
            self._committed = True
        return None

"""What `func start` does, over Microsoft's own worker library: timers, queues, HTTP and Event Grid on this machine.

python -m demo.host --app DIR --port N      serves until SIGTERM or Ctrl-C
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from demo.host.core import Core
from demo.host.queues import LEASE
from demo.host.settings import HostError, local_values
from demo.host.worker import Function, IndexingError, Outcome

log = logging.getLogger("demo.host")
_ONLY = threading.Lock()


class FunctionError(Exception):
    """A function that was started by hand failed: its message, with its traceback below."""


class Host:
    """Serves the app of `folder` in a thread between `with` and the end of the block.

    The settings are local.settings.json, the environment over it, `settings` over both; os.environ has them meanwhile.
    `port` 0 takes a free one. `keys` are named as in Azure (`_master`, `default`, `eventgrid_extension`); without them
    nothing is locked, as with Core Tools. `lease` is how long a message stays with a host that was killed.

    The worker library is one a process: hosts one after the other, or a process each.
    Raises IndexingError (Azure's words) and HostError (all that is wrong with bindings, settings, host.json).
    """

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        settings: Mapping[str, str] | None = None,
        keys: Mapping[str, str] | None = None,
        lease: timedelta = LEASE,
    ) -> None:
        self._folder = Path(folder)
        self._settings = dict(settings or {})
        self._before: dict[str, str | None] = {}
        self._core = Core(self._folder, port, keys, lease)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return f"http://127.0.0.1:{self._core.port}"

    @property
    def functions(self) -> Mapping[str, Function]:
        return self._core.worker.functions

    def run_timer(self, name: str) -> None:
        """Runs a timer function now and returns at its end; waits for a run of it that is under way.

        Raises FunctionError when it fails, KeyError when there is no such timer.
        """
        outcome: Outcome = self._ask(self._core.run_timer(name)).result()
        if outcome.error is not None:
            raise FunctionError(f"{name}: {outcome.error}\n{outcome.trace}")

    def idle(self, timeout: float = 30.0) -> None:
        """Returns when no queue has a visible message and nothing runs; messages that are delayed don't count.

        Raises TimeoutError after `timeout` seconds, naming what is not idle.
        """
        self._ask(self._core.idle(timeout)).result()

    def __enter__(self) -> Self:
        if not _ONLY.acquire(blocking=False):
            raise RuntimeError("one host a process: another is running, and the worker library keeps one app")
        try:
            self._start()
        except BaseException:
            _ONLY.release()
            raise
        return self

    def _start(self) -> None:
        self._set_environment()
        started: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), name="host", daemon=True)
        self._thread.start()
        try:
            started.result()
        except BaseException:
            self._thread.join()
            self._restore_environment()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None
        assert self._end is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._restore_environment()
        _ONLY.release()

    async def _serve(self, started: concurrent.futures.Future[None]) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        try:
            await self._core.start()
        except BaseException as error:
            await self._core.stop()
            started.set_exception(error)
            return
        started.set_result(None)
        await self._end.wait()
        await self._core.stop()

    def _ask[T](self, question: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        if self._loop is None or self._thread is None or not self._thread.is_alive():
            question.close()
            raise RuntimeError("the host is not running")
        return asyncio.run_coroutine_threadsafe(question, self._loop)

    def _set_environment(self) -> None:
        values = {name: value for name, value in local_values(self._folder).items() if name not in os.environ}
        values |= self._settings
        self._before = {name: os.environ.get(name) for name in values}
        os.environ.update(values)

    def _restore_environment(self) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def wait_for_signal() -> None:
    """Blocks the main thread until SIGTERM or SIGINT. A second one ends the process at once."""
    told = threading.Event()

    def stop(number: int, _: object) -> None:
        if told.is_set():
            os._exit(128 + number)
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    while not told.wait(1.0):  # in steps: a signal's handler runs between two of them
        pass


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo.host", description="Serve a function app on 127.0.0.1.")
    parser.add_argument("--app", type=Path, default=Path.cwd(), metavar="DIR", help="where function_app.py is")
    parser.add_argument("--port", type=int, default=7071, metavar="N", help="0 takes a free one")
    parser.add_argument("--lease", type=float, default=LEASE.total_seconds(), metavar="SECONDS", help="of a message")
    parser.add_argument("--verbose", action="store_true", help="a line for each run")
    options = parser.parse_args(arguments)
    if options.verbose:
        logging.basicConfig(format="%(asctime)s %(message)s", stream=sys.stderr)
        log.setLevel(logging.INFO)
    try:
        with Host(options.app, options.port, lease=timedelta(seconds=options.lease)) as host:
            with contextlib.suppress(BrokenPipeError):
                print(f"listening on {host.url}", flush=True)
            wait_for_signal()
    except (HostError, IndexingError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0

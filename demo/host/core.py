"""The host inside its event loop: binds functions to timers, queues and routes, and runs them."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from demo.host.http import Services, application
from demo.host.queues import Pump, close, queue_service, send
from demo.host.settings import HostError, HostFile, host_file, substituted
from demo.host.timers import Schedule
from demo.host.worker import Function, Outcome, Payload, Worker, timer_payload

if TYPE_CHECKING:
    from azure.storage.queue.aio import QueueServiceClient

log = logging.getLogger("demo.host")
_TRIGGERS = frozenset({"httpTrigger", "queueTrigger", "timerTrigger", "eventGridTrigger"})
_OUTPUTS = frozenset({"http", "queue"})
_GRACE = timedelta(seconds=10)  # for what runs when the host is told to stop
type _Loop = Callable[[], Coroutine[Any, Any, None]]


class Core:
    """Runs inside one event loop; `start` first, `stop` last, also when `start` failed."""

    def __init__(self, folder: Path, port: int, keys: Mapping[str, str] | None, lease: timedelta) -> None:
        self.worker = Worker(folder)
        self.port = port
        self._folder = folder
        self._keys = keys
        self._lease = lease
        self._pumps: list[Pump] = []
        self._outputs: dict[tuple[str, str], tuple[str, str]] = {}  # function, binding: connection, queue
        self._services: dict[str, QueueServiceClient] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._pumping: list[asyncio.Task[None]] = []
        self._timing: list[asyncio.Task[None]] = []
        self._under_way: set[asyncio.Task[Any]] = set()
        self._running: dict[str, int] = {}
        self._started = 0
        self._file: HostFile
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        self._file = host_file(self._folder, os.environ)
        await self.worker.start()
        timers = self._bind(self.worker.functions)
        services = Services(
            functions={name: found for name, found in self.worker.functions.items() if not _disabled(name)},
            invoke=self.invoke,
            run_timer=self.run_timer,
            spawn=self._spawn,
            prefix=self._file.route_prefix,
            keys=self._keys,
        )
        self._runner = web.AppRunner(
            application(services), access_log=None, shutdown_timeout=_GRACE.total_seconds(), handle_signals=False
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._pumping = [asyncio.create_task(pump.work()) for pump in self._pumps]
        self._timing = [asyncio.create_task(timer()) for timer in timers]

    async def stop(self) -> None:
        """Takes nothing new, and lets what runs end within the grace; a synchronous function can't be stopped."""
        for pump in self._pumps:
            pump.stop()
        for timer in self._timing:
            timer.cancel()
        for waited in (self._timing, self._pumping):
            if waited:
                await asyncio.wait(waited, timeout=_GRACE.total_seconds())
        if self._runner is not None:
            await self._runner.cleanup()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_GRACE.total_seconds())
        for service in self._services.values():
            await close(service)
        self.worker.stop()

    async def invoke(self, function: Function, payload: Payload) -> Outcome:
        """One run, with what it put on its outputs sent; an output that can't be sent fails it."""
        began = time.monotonic()
        self._started += 1
        self._running[function.name] = self._running.get(function.name, 0) + 1
        try:
            outcome = await self._sent(function, await self.worker.run(function, payload))
        finally:
            self._running[function.name] -= 1
        took = time.monotonic() - began
        if outcome.error is None:
            log.info("%s ok, %.3f s", function.name, took)
        else:
            log.info("%s failed, %.3f s: %s", function.name, took, outcome.error)
            log.debug("%s", outcome.trace)
        return outcome

    async def run_timer(self, name: str) -> Outcome:
        schedule = Schedule.read(substituted(self.worker.functions[name].trigger["schedule"], os.environ))
        async with self._locks.setdefault(name, asyncio.Lock()):
            now = datetime.now(UTC)
            return await self.invoke(self.worker.functions[name], timer_payload(now, schedule.after(now)))

    async def idle(self, timeout: float) -> None:
        until = time.monotonic() + timeout
        while busy := await self._busy():
            if time.monotonic() > until:
                raise TimeoutError(f"not idle after {timeout:g} s: {', '.join(busy)}")
            await asyncio.sleep(0.02)

    async def _busy(self) -> list[str]:
        """What is not idle. Nothing may have started while the queues were looked at one after the other."""
        for task in self._pumping:
            if task.done():
                task.result()  # a pump that broke would keep its queue from ever being empty
        if runs := self._runs():
            return runs
        started = self._started
        queues = [pump.queue for pump in self._pumps if not await pump.is_empty()]
        rest = ["something just ended"] if self._under_way or self._started != started else []
        return [f"queue {name}" for name in queues] or self._runs() or rest

    def _runs(self) -> list[str]:
        return [name for name, count in self._running.items() if count]

    async def _sent(self, function: Function, outcome: Outcome) -> Outcome:
        from azure.core.exceptions import AzureError

        values = {**outcome.outputs, "$return": outcome.value}
        for (name, binding), (connection, queue) in self._outputs.items():
            value = values.get(binding)
            if name != function.name or value is None or outcome.error is not None:
                continue
            try:
                await send(self._service(connection), queue, value, self._file.queues)
            except AzureError as error:
                return Outcome(f"output {binding} could not be sent to queue {queue}: {error}", "", None, {})
        return outcome

    def _bind(self, functions: Mapping[str, Function]) -> list[_Loop]:
        """Looks at every binding, and tells all that is wrong in one HostError. Returns what is to run from then on."""
        wrong: list[str] = []
        loops: list[_Loop] = []
        for function in functions.values():
            for binding in function.bindings:
                try:
                    loop = self._bound(function, binding)
                except (HostError, ValueError) as error:
                    wrong.append(f"{function.name}: {error}")
                else:
                    loops += [loop] if loop else []
        if wrong:
            raise HostError("; ".join(wrong))
        return loops

    def _bound(self, function: Function, binding: Mapping[str, Any]) -> _Loop | None:
        kind, outward = binding["type"], str(binding["direction"]).upper() == "OUT"
        if kind not in (_OUTPUTS if outward else _TRIGGERS):
            raise HostError(f"a local host does not serve binding {binding['name']} of type {kind}")
        if kind == "timerTrigger":
            schedule = Schedule.read(substituted(binding["schedule"], os.environ))
            schedule.after(datetime.now(UTC))
            if not _disabled(function.name):
                return lambda: self._keep_time(function.name, schedule, bool(binding.get("runOnStartup")))
        if kind in ("queueTrigger", "queue"):
            connection = substituted(binding.get("connection") or "AzureWebJobsStorage", os.environ)
            queue = substituted(binding["queueName"], os.environ)
            service = self._service(connection)
            if outward:
                self._outputs[function.name, binding["name"]] = connection, queue
            elif not _disabled(function.name):
                run = self._tries(function)
                self._pumps.append(Pump(service, queue, self._file.queues, self._lease, run, self._spawn))
        return None

    def _tries(self, function: Function) -> Callable[[Payload], Awaitable[bool]]:
        async def once(payload: Payload) -> bool:
            return (await self.invoke(function, payload)).error is None

        return once

    def _service(self, connection: str) -> QueueServiceClient:
        if connection not in self._services:
            self._services[connection] = queue_service(connection, os.environ)
        return self._services[connection]

    async def _keep_time(self, name: str, schedule: Schedule, at_once: bool) -> None:
        """Runs a timer by its schedule. What falls due while it runs is left out, as in Azure."""
        if at_once:
            await asyncio.shield(self._spawn(self.run_timer(name)))
        while True:
            due = schedule.after(datetime.now(UTC))
            # Not in one sleep: a clock that is set, or a machine that slept, would make it late.
            while (wait := (due - datetime.now(UTC)).total_seconds()) > 0:
                await asyncio.sleep(min(wait, 30.0))
            await asyncio.shield(self._spawn(self.run_timer(name)))  # stopping ends the waiting, not the run

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task


def _disabled(name: str) -> bool:
    return os.environ.get(f"AzureWebJobs.{name}.Disabled", "").lower() in ("true", "1")

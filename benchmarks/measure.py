"""Whole processes, timed from outside."""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Run:
    """Wall time in seconds and the largest resident size in MB (1 MB = 1,000,000 bytes)."""

    seconds: float
    megabytes: float


class ProcessError(Exception):
    """A process that is measured ended with another status than 0."""


def python(*arguments: str | Path, output: Path | None = None) -> Run:
    """Run this interpreter with the arguments; what it prints goes to the file, or nowhere.

    The peak is what the kernel counted for the process and the processes that it waited for (`ru_maxrss`). It starts
    from the size of the parent, which is why nothing big is imported here.
    """
    command = [sys.executable, *map(str, arguments)]
    target = os.open(output or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    start = time.perf_counter()
    child = os.posix_spawn(sys.executable, command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, target, 1)])
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - start
    os.close(target)
    if status:
        raise ProcessError(f"{' '.join(command)}: exit status {os.waitstatus_to_exitcode(status)}")
    return Run(seconds, usage.ru_maxrss * 1024 / 1_000_000)


def middle(runs: Sequence[Run]) -> Run:
    """The median time, and the largest peak: a limit on memory is kept by every run or not at all."""
    return Run(median(run.seconds for run in runs), max(run.megabytes for run in runs))

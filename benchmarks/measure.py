"""Whole processes, timed from outside, and the estates that they are given."""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
BENCH = ROOT / ".bench"

POLL = 0.1
"""Seconds between two looks at the memory of the processes of a run."""


@dataclass(frozen=True, slots=True)
class Run:
    """Wall time in seconds and the largest resident size in MB (1 MB = 1,000,000 bytes), all its processes together."""

    seconds: float
    megabytes: float


class ProcessError(Exception):
    """A process that is measured ended with another status than 0."""


def python(*arguments: str | Path, output: Path | None = None) -> Run:
    """Run this interpreter with the arguments; what it prints goes to the file, or nowhere.

    The peak is the larger of what the kernel counted for any one process (`ru_maxrss`, which starts from that of the
    parent: nothing big is imported here) and the sum over all processes of the run, looked at while they ran. In that
    sum pages that they share count for each: it is an upper bound.
    """
    command = [sys.executable, *map(str, arguments)]
    target = os.open(output or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    start = time.perf_counter()
    child = os.posix_spawn(sys.executable, command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, target, 1)])
    together = 0
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            break
        together = max(together, _resident(child))
        time.sleep(POLL)
    seconds = time.perf_counter() - start
    os.close(target)
    if status:
        raise ProcessError(f"{' '.join(command)}: exit status {os.waitstatus_to_exitcode(status)}")
    return Run(seconds, max(usage.ru_maxrss * 1024, together) / 1_000_000)


def _resident(process: int) -> int:
    """Bytes in memory of a process and all below it; 0 for one that has just ended."""
    proc = Path("/proc") / str(process)
    try:
        pages = int((proc / "statm").read_text().split()[1])
        below = (proc / "task" / str(process) / "children").read_text().split()
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(_resident(int(one)) for one in below)


def estate(marks: int, changed: float, subscriptions: int) -> Path:
    """The folder of an estate, made if it is not there. By a process of its own: nothing big is imported here."""
    folder = BENCH / f"{marks}-{changed}-{subscriptions}"
    size = ["--marks", str(marks), "--changed", str(changed), "--subscriptions", str(subscriptions)]
    python("-m", "benchmarks.estate", folder, *size)
    return folder


def middle(runs: Sequence[Run]) -> Run:
    """The median time, and the largest peak: a limit on memory is kept by every run or not at all."""
    return Run(median(run.seconds for run in runs), max(run.megabytes for run in runs))

"""Real services for tests: an Azurite a test run, a storage account a test, and a host in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.azurite import Azurite
from drift import bootstrap

_ROOT = Path(__file__).resolve().parent.parent
_ACCOUNTS = tuple(f"account{number}" for number in range(1000))  # as many cost Azurite nothing; each test takes one


def forget_the_app() -> None:
    """Drops the parts that an app in this process has made: the next one has other settings."""
    for part in vars(bootstrap).values():
        if hasattr(part, "cache_clear"):
            part.cache_clear()


@pytest.fixture(scope="module", autouse=True)
def no_app_of_before() -> None:
    """No module of tests finds the parts of another's app, in whatever order they run."""
    forget_the_app()


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One for the whole run (for each worker of pytest-xdist)."""
    with Azurite(accounts=_ACCOUNTS) as running:
        yield running


@pytest.fixture(scope="session")
def unused_accounts() -> Iterator[str]:
    """The names of accounts that no test has used."""
    return iter(_ACCOUNTS)


@pytest.fixture
def storage(azurite: Azurite, unused_accounts: Iterator[str]) -> str:
    """The connection string of an empty storage account of the test's own."""
    return azurite.connection_string(next(unused_accounts))


@dataclass(frozen=True, slots=True)
class HostProcess:
    """`python -m demo.host` while it serves. `kill` is kill -9; `stop` is SIGTERM and gives the exit status."""

    url: str
    process: subprocess.Popen[str]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(30)


@contextmanager
def host_process(folder: Path, settings: Mapping[str, str], lease: float = 2.0) -> Iterator[HostProcess]:
    """A host in a process of its own, serving; killed at the end. `lease` is in seconds, a message's after a kill."""
    command = [sys.executable, "-m", "demo.host", "--app", str(folder), "--port", "0", "--lease", str(lease)]
    with subprocess.Popen(
        command, cwd=_ROOT, env=os.environ | dict(settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            if not line.startswith("listening on "):
                raise AssertionError(f"the host did not start: {line}{process.stderr.read()}")
            yield HostProcess(line.split()[-1], process)
        finally:
            process.kill()

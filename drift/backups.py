"""The commands that copy the history out of its store and back: `drift backup` and `drift restore`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from drift import text
from drift.engine.wording import count
from drift.printed import Progress

if TYPE_CHECKING:
    from drift.adapters.backup import Backup


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the commands."""
    backup = commands.add_parser(
        "backup",
        help="copy the monitor's history to a folder",
        description="Copies every table and blob of the monitor's store to a folder. The function app may run "
        "meanwhile. Interrupted, it goes on with the same folder.",
        epilog="The storage account is the one of the setting DRIFT_STORAGE, as for the function app.",
    )
    backup.add_argument("folder", type=Path, metavar="FOLDER", help="a folder that is not there yet, or interrupted")
    backup.set_defaults(run=_backup)
    restore = commands.add_parser(
        "restore",
        help="put a backup into an empty store",
        description="Puts what `drift backup` wrote into a store that holds nothing. Stop the function app before. "
        "Interrupted, it goes on with the same folder.",
        epilog="The storage account is the one of the setting DRIFT_STORAGE, as for the function app.",
    )
    restore.add_argument("folder", type=Path, metavar="FOLDER", help="what `drift backup` wrote")
    restore.set_defaults(run=_restore)


def _backup(options: argparse.Namespace) -> int:
    from drift import bootstrap
    from drift.adapters import backup

    with Progress(sys.stderr, "blobs copied") as progress:
        found = backup.write(options.folder, bootstrap.storage(), progress.step)
    print(f"{_told(found)} copied to {text.line(str(options.folder))}")
    return 0


def _restore(options: argparse.Namespace) -> int:
    from drift import bootstrap
    from drift.adapters import backup

    with Progress(sys.stderr, "blobs restored") as progress:
        found = backup.restore(options.folder, bootstrap.storage(), progress.step)
    print(f"{_told(found)} restored from {text.line(str(options.folder))}")
    return 0


def _told(found: Backup) -> str:
    rows = sum(lines for lines, _ in found.tables.values())
    return f"{count(rows, 'row')} and {count(len(found.blobs), 'blob')}"

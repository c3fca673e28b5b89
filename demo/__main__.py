"""The monitor on embedded parts: a pretend Azure, Azurite, and Microsoft's worker library on this machine.

python -m demo                 Northwind's six weeks through the whole path, card by card
python -m demo serve           serves function_app.py with the settings of local.settings.json
python -m demo folders DIR     writes the six weeks as evidence folders
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(metavar="COMMAND")
    weeks = commands.add_parser("weeks", help="six weeks of an estate through the whole path (the default)")
    weeks.add_argument("--weeks", type=int, default=6, choices=range(1, 7), metavar="N", help="only the first N weeks")
    weeks.add_argument("--keep", action="store_true", help="go on serving at the end, until Ctrl-C")
    weeks.add_argument("--port", type=int, default=0, metavar="N", help="of the function app; 0 takes a free one")
    weeks.set_defaults(run=_weeks)
    serve = commands.add_parser("serve", help="serve the function app on 127.0.0.1")
    serve.add_argument("--port", type=int, default=7071, metavar="N", help="0 takes a free one")
    serve.set_defaults(run=_serve)
    folders = commands.add_parser("folders", help="write the six weeks as evidence folders")
    folders.add_argument("folder", type=Path, metavar="DIR", help="a folder that is new or empty")
    folders.set_defaults(run=_folders)
    options = parser.parse_args(arguments or ["weeks"])
    try:
        return int(options.run(options))
    except BrokenPipeError:  # the reader has had enough: `make demo | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _weeks(options: argparse.Namespace) -> int:
    from demo.azurite import AzuriteError
    from demo.host import HostError, IndexingError, wait_for_signal
    from demo.northwind import on
    from demo.weeks import tell

    serving = (lambda _: wait_for_signal()) if options.keep else None
    try:
        return tell(options.port, on(options.weeks, "Fri", "18:00"), serving)
    except (HostError, IndexingError, AzuriteError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        print(error, file=sys.stderr)
        return 1


def _serve(options: argparse.Namespace) -> int:
    from demo.serving import serve

    return serve(options.port)


def _folders(options: argparse.Namespace) -> int:
    from demo.northwind import write

    folder: Path = options.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        print(f"{folder} is not an empty folder", file=sys.stderr)
        return 2
    for path in write(folder):
        print(path)
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # threads of the worker library would be waited for

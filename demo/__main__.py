"""python -m demo [--keep DIR]: six weeks of Northwind Retail as evidence folders, each movement explained."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from demo.northwind import MOMENTS, STEPS, write
from drift.cli import main as drift

ROOT = Path(__file__).resolve().parent.parent
HEADER = """\
Northwind Retail, six weeks from Monday, 2 March 2026. Two subscriptions, sub-prod and, from the Wednesday of week 1,
sub-dev: 40 virtual machines, a dozen storage accounts, a handful of SQL servers. 62 % is to become 75 %.
What Azure answered at 13 moments is in {folder}/; nothing here has asked Azure.
"""

FOOTER = """\
── Ask more, for example:

  .venv/bin/python -m drift explain {first} {last} --scope tag:environment=prod --all
  .venv/bin/python -m drift explain {first} {last} --format json
"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description="Six weeks of an estate, explained.")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="write to this new or empty folder, not to .demo")
    keep: Path | None = parser.parse_args(arguments).keep
    if keep is not None and keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        parser.error(f"{keep} is not an empty folder")
    folder = keep or ROOT / ".demo"
    if keep is None and folder.exists():
        shutil.rmtree(folder)
    write(folder)
    print(HEADER.format(folder=keep or ".demo"))
    try:
        return _tell(folder)
    except BrokenPipeError:  # the reader has had enough: `make demo | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _tell(folder: Path) -> int:
    for step in STEPS:
        print(f"── {step.text}\n", flush=True)
        status = drift(["explain", *(str(folder / name) for name in step.names), "--scope", step.scope])
        if status:
            return status
        print(flush=True)
    print(FOOTER.format(first=_shown(folder / MOMENTS[0].name), last=_shown(folder / MOMENTS[-1].name)), flush=True)
    return 0


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    raise SystemExit(main())

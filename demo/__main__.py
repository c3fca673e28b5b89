"""python -m demo [--keep DIR]: six weeks of Northwind Retail as evidence folders, each movement explained."""

import argparse
import shutil
from pathlib import Path

from demo.northwind import STEPS, write
from drift.cli import main as drift

ROOT = Path(__file__).resolve().parent.parent
HEADER = """\
Northwind Retail, six weeks from Monday, 2 March 2026. Two subscriptions, sub-prod and, from the Wednesday of week 1,
sub-dev: 40 virtual machines, a dozen storage accounts, a handful of SQL servers. 62 % is to become 75 %.
What Azure answered at 13 moments is in {folder}/; nothing here has asked Azure.
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
    for step in STEPS:
        print(f"── {step.text}\n", flush=True)
        status = drift(["explain", *(str(folder / name) for name in step.names), "--scope", step.scope])
        if status:
            return status
        print(flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

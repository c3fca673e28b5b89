"""Labelled stuck cases: measure the product on them, or write them to disk.

    python -m benchmarks.labelled.stuck run [--cases N] [--seed S] [--failures] [--json]
    python -m benchmarks.labelled.stuck write FOLDER [--cases N] [--seed S]

Half of the cases have one reason and half have two. Nothing of them is random but by the seed.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from benchmarks.labelled.stuck.case import write
from benchmarks.labelled.stuck.generate import cases, made
from benchmarks.labelled.stuck.ours import answer
from benchmarks.labelled.stuck.plots import Plot, plots
from benchmarks.labelled.stuck.scoring import Scores, scored, tables

CASES = 650
PROCESSES = 2


@dataclass(frozen=True, slots=True)
class Summary:
    """What `run --json` prints."""

    cases: int
    first_right: float
    replays: int
    holds: float
    width: float
    """The median, in hours."""


def run(count: int, seed: int) -> Scores:
    """The product on so many cases."""
    total = Scores()
    with ProcessPoolExecutor(min(PROCESSES, os.cpu_count() or 1)) as pool:
        for one in pool.map(partial(_measured, seed), enumerate(plots(count)), chunksize=8):
            total.join(one)
    return total


def _measured(seed: int, plotted: tuple[int, Plot]) -> Scores:
    case = made(*plotted, seed)
    return scored([(case, answer(case))])


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.labelled.stuck", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    parts = {verb: verbs.add_parser(verb) for verb in ("run", "write")}
    parts["write"].add_argument("folder", type=Path)
    for part in parts.values():
        part.add_argument("--cases", type=int, default=CASES, metavar="N")
        part.add_argument("--seed", type=int, default=1, metavar="S")
    parts["run"].add_argument("--failures", action="store_true", help="tell which cases were answered wrong")
    parts["run"].add_argument("--json", action="store_true", help="one line with the figures that are judged")
    asked = parser.parse_args()
    if asked.verb == "write":
        for case in cases(asked.cases, asked.seed):
            write(case, asked.folder / case.name)
        print(f"{asked.cases:,} cases in {asked.folder}")
        return 0
    found = run(asked.cases, asked.seed)
    if asked.json:
        moves = found.moves
        summary = Summary(found.cases.total(), found.first_right, moves.number, moves.holds, moves.width)
        print(msgspec.json.encode(summary).decode())
        return 0
    print(tables(found))
    if asked.failures:
        told = ("First reason:", found.failures), ("Other reasons:", found.others), ("Moves:", found.misses)
        for title, lines in told:
            print("", title, *lines, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

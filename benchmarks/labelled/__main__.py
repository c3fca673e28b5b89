"""The labelled set: measure the product and other rules on it, write it to disk, or score another tool.

    python -m benchmarks.labelled run [--movements N] [--seed S] [--ragged] [--json]
    python -m benchmarks.labelled write FOLDER [--movements N] [--seed S] [--ragged]
    python -m benchmarks.labelled score FOLDER PREDICTIONS

A run makes whole chains, from seed S on, until they have N movements. Nothing of it is random but by the seed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import msgspec

from benchmarks.labelled import tables
from benchmarks.labelled.chain import Who
from benchmarks.labelled.chain import read as read_chain
from benchmarks.labelled.chain import write as write_chain
from benchmarks.labelled.game import Cause
from benchmarks.labelled.generate import generate
from benchmarks.labelled.measuring import Measured, measured, truths
from benchmarks.labelled.ours import predictions
from benchmarks.labelled.scoring import PredictionError, Truth, scored
from benchmarks.labelled.scoring import read as read_predictions
from benchmarks.labelled.truth import acts_of

PROCESSES = 2
BATCH = 4
"""Chains that are made before it is looked whether they are enough."""
MOVEMENTS = 1_000


@dataclass(frozen=True, slots=True)
class Summary:
    """What `run --json` prints."""

    movements: int
    macro_f1: float
    unexplained: float
    """Of the absolute points."""
    error: float
    """Mean, in pp."""
    wrong: int
    """Names that are none of theirs."""


def of_seeds[T](work: Callable[[int], tuple[int, T]], seed: int, movements: int) -> Iterator[T]:
    """What `work` gives for one seed after another, until they have so many movements; it says how many each has."""
    made = 0
    with ProcessPoolExecutor(min(PROCESSES, os.cpu_count() or 1)) as pool:
        for first in count(seed, BATCH):
            for number, found in pool.map(work, range(first, first + BATCH)):
                yield found
                made += number
            if made >= movements:
                return


@dataclass(frozen=True, slots=True)
class _Measurer:
    """Measures the chain of a seed."""

    ragged: bool

    def __call__(self, seed: int) -> tuple[int, Measured]:
        chain = generate(seed, ragged=self.ragged)
        return len(chain.movements), measured(chain, predictions)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the chain of a seed to a folder."""

    folder: Path
    ragged: bool

    def __call__(self, seed: int) -> tuple[int, tuple[str, int]]:
        chain = generate(seed, ragged=self.ragged)
        write_chain(chain, self.folder / chain.name)
        return len(chain.movements), (chain.name, len(chain.movements))


def run(seed: int, movements: int, ragged: bool) -> Measured:
    """The whole measurement."""
    total = Measured()
    for one in of_seeds(_Measurer(ragged), seed, movements):
        total.join(one)
    return total


def score(folder: Path, file: Path) -> str:
    """The tables of a tool's predictions."""
    chains = sorted(path.parent for path in folder.glob("*/chain.json"))
    if not chains:
        raise PredictionError(f"{folder}: holds no chain")
    known: list[Truth] = []
    acts: dict[str, Mapping[Cause, Sequence[Who]]] = {}
    for one in map(read_chain, chains):
        known += truths(one)
        acts |= acts_of(one)
    return tables.of_scores(scored(known, read_predictions(file), acts))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.labelled", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    parts = {verb: verbs.add_parser(verb) for verb in ("run", "write", "score")}
    for verb in ("write", "score"):
        parts[verb].add_argument("folder", type=Path)
    parts["score"].add_argument("predictions", type=Path)
    for verb in ("run", "write"):
        parts[verb].add_argument("--movements", type=int, default=MOVEMENTS, metavar="N")
        parts[verb].add_argument("--seed", type=int, default=1, metavar="S")
        parts[verb].add_argument("--ragged", action="store_true", help="what vanishes goes resource by resource")
    parts["run"].add_argument("--json", action="store_true", help="one line with the figures that are judged")
    asked = parser.parse_args()
    try:
        if asked.verb == "run":
            found = run(asked.seed, asked.movements, asked.ragged)
            print(msgspec.json.encode(_summary(found)).decode() if asked.json else tables.of_run(found))
        elif asked.verb == "write":
            written = list(of_seeds(_Writer(asked.folder, asked.ragged), asked.seed, asked.movements))
            print(f"{sum(number for _, number in written):,} movements of {len(written):,} chains in {asked.folder}")
        else:
            print(score(asked.folder, asked.predictions))
    except PredictionError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _summary(found: Measured) -> Summary:
    scores = found.scores
    mean = sum(scores.errors) / max(1, len(scores.errors))
    return Summary(
        found.movements, scores.macro_f1, scores.unexplained / (scores.points or 1.0), mean, scores.actors["wrong"]
    )


if __name__ == "__main__":
    sys.exit(main())

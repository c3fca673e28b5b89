"""Writes two evidence folders of a big estate, the same for the same parameters:

    python -m benchmarks.estate DIR --marks 1000000 --changed 0.001

gives DIR/before and DIR/after, ten subscriptions, with the rows that ARM sends and counts that agree with them: nothing
of the movement is unexplained. DIR/parameters.json is written last; a folder that has the same one is left alone.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks import answers, changes
from benchmarks.catalogue import CONTROLS, RECOMMENDATIONS, guid
from benchmarks.changes import HEALTHY, UNHEALTHY, Marks, Population

VERSION = 1  # of what is written: a folder of another version is written anew
# Of each control, whether each recommendation counts in it. Those in preview never do.
COUNTED = np.array([[c in r.controls and not r.preview for r in RECOMMENDATIONS] for c in range(len(CONTROLS))])


def _cells(marks: Marks, resources: int) -> list[tuple[int, int, int]]:
    """Healthy, unhealthy and not applicable resources of every control."""
    counts = []
    for counted in COUNTED:
        inside = counted[marks.recommendation]
        resource, code = marks.resource[inside], marks.code[inside]
        bad, good, any_ = (np.zeros(resources, bool) for _ in range(3))
        bad[resource[code == UNHEALTHY]] = True
        good[resource[code == HEALTHY]] = True
        any_[resource] = True
        counts.append((int((good & ~bad).sum()), int(bad.sum()), int((any_ & ~good & ~bad).sum())))
    return counts


def write(folder: Path, marks: int, changed: float, subscriptions: int = 10, seed: int = 1) -> dict[str, int]:
    """The number of changed marks by what happened to them. Does nothing if the folder holds the same estate."""
    asked = {"version": VERSION, "marks": marks, "changed": changed, "subscriptions": subscriptions, "seed": seed}
    stamp = folder / "parameters.json"
    if stamp.exists():
        there = msgspec.json.decode(stamp.read_bytes(), type=dict[str, Any])
        if there["asked"] == asked:
            return dict(there["told"])
    shutil.rmtree(folder, ignore_errors=True)
    names = [guid("subscription", seed, number) for number in range(subscriptions)]
    ends = ((folder / "before", changes.BEFORE), (folder / "after", changes.AFTER))
    for end, taken in ends:
        end.mkdir(parents=True)
        answers.tenant(end, taken, names)
    told: dict[str, int] = {}
    each = marks // subscriptions
    for number, name in enumerate(names):
        people = Population()
        was, *bare = changes.before(np.random.default_rng((seed, number, 0)), people, each)
        rng = np.random.default_rng((seed, number, 1))
        now, kinds = changes.after(rng, people, was, (bare[0], bare[1]), round(each * changed))
        told = {kind: told.get(kind, 0) + count for kind, count in kinds.items()}
        ids = answers.names(name, people)
        for (end, _), side in zip(ends, (was, now), strict=True):
            place = end / name
            place.mkdir()
            answers.assessments(place / "assessments.json", name, ids, side.marks)
            answers.scores(place, name, _cells(side.marks, len(ids)))
            answers.policy(place, name, ids, side)
            answers.inventory(place, ids, people, side.resources)
            answers.plans(place, name)
    answers.write(stamp, {"asked": asked, "told": told})
    return told


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estate", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--marks", type=int, default=1_000_000, help="of all subscriptions together, a side")
    parser.add_argument("--changed", type=float, default=0.001, help="the fraction of marks that changes")
    parser.add_argument("--subscriptions", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    told = write(asked.folder, asked.marks, asked.changed, asked.subscriptions, asked.seed)
    print("\n".join(f"{count:>8,} {kind}" for kind, count in told.items()))


if __name__ == "__main__":
    main()

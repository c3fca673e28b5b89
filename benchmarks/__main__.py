"""Speed and memory, as ratios measured in one run; the exit status is 1 where a target is missed.

    python -m benchmarks [--quick]

Each ratio compares whole processes that take turns (the floor, ours, the floor, ours, ...), so that a slow minute of
the machine hits both. `--quick` is a twentieth of the size, for trying out: its figures are mostly start-up, and they
are not judged.
"""

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.measure import ProcessError, Run, middle, python

ROOT = Path(__file__).parent.parent
BENCH = ROOT / ".bench"
VARIANTS = (0.001, 0.05)  # of the marks changed: an hour or a day of an estate, and a week with a campaign in it
FLOOR_RATIO = 1.5
MEGABYTES = 700
SDK_RATIO = 20
CAUSES_RATIO = 1.03
INTEGRAL_PP = 1e-7  # each share within this of the integral


class AnswerError(Exception):
    """The answer is not what the estate was built to give, so that its time means nothing."""


class Answer(msgspec.Struct):
    """What is looked at of the object that `drift explain --format json` prints."""

    movement: float
    classes: dict[str, float]


class Causes(msgspec.Struct):
    """What `benchmarks.causes` prints."""

    few: float
    many: float
    ratio: float
    difference: float


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    ours: str
    reference: str
    ratio: str
    target: str
    met: bool


def estate(marks: int, changed: float, subscriptions: int) -> Path:
    """The folder of an estate, made if it is not there. By a process of its own: see `measure.python` on memory."""
    folder = BENCH / f"{marks}-{changed}-{subscriptions}"
    size = ["--marks", str(marks), "--changed", str(changed), "--subscriptions", str(subscriptions)]
    python("-m", "benchmarks.estate", folder, *size)
    return folder


def explain(folder: Path) -> Run:
    """The product on both sides of an estate, from files to JSON."""
    output = BENCH / "answer.json"
    run = python("-m", "drift", "explain", folder / "before", folder / "after", "--format", "json", output=output)
    answer = msgspec.json.decode(output.read_bytes(), type=Answer)
    rest = answer.classes.get("unexplained", 0.0)
    if abs(rest) > 1e-9 or not answer.movement:
        raise AnswerError(f"{folder.name}: movement {answer.movement} pp, unexplained {rest} pp; expected some, and 0")
    return run


def turns(folder: Path, other: str, rounds: int) -> tuple[Run, Run]:
    """Ours and the other, in turns."""
    sides = (folder / "before", folder / "after")
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(python("-m", other, *sides))
        ours.append(explain(folder))
    return middle(ours), middle(theirs)


def against_floor(marks: int, changed: float, rounds: int) -> list[Row]:
    folder = estate(marks, changed, 10)
    python("-m", "benchmarks.floor", folder / "before", folder / "after")  # the files into the page cache
    ours, floor = turns(folder, "benchmarks.floor", rounds)
    ratio = ours.seconds / floor.seconds
    what = f"{marks:,} marks a side, {changed:.1%} changed"
    return [
        Row(
            f"`drift explain`, {what}: time, against decoding the assessments and nothing else",
            f"{ours.seconds:.2f} s",
            f"{floor.seconds:.2f} s",
            f"{ratio:.2f}",
            f"at most {FLOOR_RATIO}",
            ratio <= FLOOR_RATIO,
        ),
        Row(
            "the same: peak memory",
            f"{ours.megabytes:.0f} MB",
            f"{floor.megabytes:.0f} MB",
            "",
            f"at most {MEGABYTES} MB",
            ours.megabytes <= MEGABYTES,
        ),
    ]


def against_sdk(marks: int, rounds: int) -> Row:
    folder = estate(marks, VARIANTS[0], 1)
    ours, theirs = turns(folder, "benchmarks.sdk_pandas", rounds)
    ratio = theirs.seconds / ours.seconds
    return Row(
        f"one subscription of {marks:,} marks a side (both on this sample): azure-mgmt-security's models and a join in"
        " pandas, which find what changed but not why, against `drift explain`",
        f"{ours.seconds:.2f} s, {ours.megabytes:.0f} MB",
        f"{theirs.seconds:.2f} s, {theirs.megabytes:.0f} MB",
        f"{ratio:.0f}",
        f"at least {SDK_RATIO}",
        ratio >= SDK_RATIO,
    )


def causes() -> list[Row]:
    output = BENCH / "causes.json"
    python("-m", "benchmarks.causes", output=output)
    found = msgspec.json.decode(output.read_bytes(), type=Causes)
    return [
        Row(
            "the engine: 1,000 simultaneous causes over 50 controls, against 10 causes of the same movement",
            f"{found.many * 1000:.2f} ms",
            f"{found.few * 1000:.2f} ms",
            f"{found.ratio:.3f}",
            f"at most {CAUSES_RATIO}",
            found.ratio <= CAUSES_RATIO,
        ),
        Row(
            "the engine: largest difference of a share from numeric integration with 10,000 steps",
            f"{found.difference:.1e} pp",
            "",
            "",
            f"at most {INTEGRAL_PP:.0e} pp",
            found.difference <= INTEGRAL_PP,
        ),
    ]


def table(rows: list[Row], judged: bool) -> str:
    lines = ["| what | ours | the other | ratio | target | |", "| --- | --: | --: | --: | --- | --- |"]
    for row in rows:
        verdict = ("met" if row.met else "**missed**") if judged else "not judged"
        lines.append(f"| {row.what} | {row.ours} | {row.reference} | {row.ratio} | {row.target} | {verdict} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a twentieth of the size, not judged")
    quick = parser.parse_args().quick
    os.chdir(ROOT)  # `python -m drift` is this checkout's
    BENCH.mkdir(exist_ok=True)
    scale, rounds = (20, 3) if quick else (1, 5)
    try:
        rows = [row for changed in VARIANTS for row in against_floor(1_000_000 // scale, changed, rounds)]
        rows.append(against_sdk(100_000 // scale, 3))
        rows += causes()
    except (ProcessError, AnswerError) as error:
        print(error, file=sys.stderr)
        return 1
    cores = os.cpu_count()
    print(f"Medians of {rounds} runs in turns (3 with pandas), whole processes, on {cores} processors.")
    print("Memory is the peak of all processes of a run together, the largest of the runs.\n")
    print(table(rows, not quick))
    return 0 if quick or all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Speed and memory, as ratios measured in one run; the exit status is 1 where a target is missed.

    python -m benchmarks [--quick] [PART ...]

Each ratio compares whole processes that take turns (the floor, ours, the floor, ours, ...), so that a slow minute of
the machine hits both. `--quick` is a twentieth of the size, for trying out: its figures are mostly start-up, and they
are not judged.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks import app, tenant
from benchmarks.measure import BENCH, ROOT, ProcessError, Run, estate, middle, python
from benchmarks.pretend import PretendError
from benchmarks.table import Row, table
from demo.azurite import AzuriteError

VARIANTS = (0.001, 0.05)  # of the marks changed: an hour or a day of an estate, and a week with a campaign in it
FLOOR_RATIO = 1.5
MEGABYTES = 700
SDK_RATIO = 20
PLAN_RATIO = 2
CAUSES_RATIO = 1.03
INTEGRAL_PP = 1e-7  # each share within this of the integral


class AnswerError(Exception):
    """The answer is not what the estate was built to give, so that its time means nothing."""


class Answer(msgspec.Struct):
    """What is looked at of the object that `drift explain --format json` prints."""

    movement: float
    classes: dict[str, float]


class Step(msgspec.Struct):
    """What is looked at of one of its steps."""

    score: float = msgspec.field(name="scoreAfter")


class Plan(msgspec.Struct):
    """What is looked at of the object that `drift plan --format json` prints."""

    target: float
    steps: list[Step]


class Causes(msgspec.Struct):
    """What `benchmarks.causes` prints."""

    few: float
    many: float
    ratio: float
    difference: float


class Labelled(msgspec.Struct):
    """What `benchmarks.labelled run --json` prints."""

    movements: int
    macro_f1: float
    unexplained: float
    error: float
    wrong: int


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


def plan(marks: int, rounds: int) -> Row:
    """The way to a target, from files to JSON, against reading as much to explain it."""
    folder, output = estate(marks, VARIANTS[0], 10), BENCH / "plan.json"
    ours, explained = [], []
    for _ in range(rounds):
        explained.append(explain(folder))
        arguments = ("plan", folder / "before", "--target", "75", "--format", "json")
        ours.append(python("-m", "drift", *arguments, output=output))
    answer = msgspec.json.decode(output.read_bytes(), type=Plan)
    if not answer.steps or answer.steps[-1].score < answer.target - 1e-6:
        raise AnswerError(f"{folder.name}: the plan does not reach {answer.target} %")
    mine, theirs = middle(ours), middle(explained)
    ratio = mine.seconds / (theirs.seconds / 2)
    return Row(
        f"`drift plan --target 75`, {marks:,} marks: time, against half of what `drift explain` takes on two sides",
        f"{mine.seconds:.2f} s, {mine.megabytes:.0f} MB",
        f"{theirs.seconds / 2:.2f} s",
        f"{ratio:.2f}",
        f"at most {PLAN_RATIO}",
        ratio <= PLAN_RATIO,
    )


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


def labelled(movements: int) -> Row:
    """The product on movements of which it is known who did what."""
    output = BENCH / "labelled.json"
    python("-m", "benchmarks.labelled", "run", "--movements", str(movements), "--json", output=output)
    found = msgspec.json.decode(output.read_bytes(), type=Labelled)
    return Row(
        f"{found.movements:,} labelled movements (`benchmarks/labelled`): macro F1 over the kinds of causes, what is"
        " unexplained of the points, mean error of a share, wrong names",
        f"{found.macro_f1:.3f}, {found.unexplained:.2%}, {found.error:.1e} pp, {found.wrong}",
        target="no wrong name",
        met=found.wrong == 0,
    )


PARTS: dict[str, Callable[[int, int], list[Row]]] = {
    "explain": lambda scale, rounds: [
        row for changed in VARIANTS for row in against_floor(1_000_000 // scale, changed, rounds)
    ],
    "plan": lambda scale, rounds: [plan(1_000_000 // scale, rounds)],
    "sdk": lambda scale, _: [against_sdk(100_000 // scale, 3)],
    "causes": lambda *_: causes(),
    "collector": lambda scale, rounds: app.collector(50_000 // scale, 2 * rounds - 1),
    "worker": lambda scale, _: app.worker(200_000 // scale),
    "tenant": lambda scale, _: tenant.passes(1_000_000 // scale, 100 // scale),
    "start": lambda _, rounds: [app.start(3 * rounds)],
    "page": lambda scale, rounds: [app.page(100_000 // scale, 10 * rounds)],
    "labelled": lambda scale, _: [labelled(2_000 // scale)],
}
"""What is measured, by name, in order: each takes what sizes are divided by, and how many rounds there are."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a twentieth of the size, not judged")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these: {', '.join(PARTS)}")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    os.chdir(ROOT)  # `python -m drift` is this checkout's
    BENCH.mkdir(exist_ok=True)
    scale, rounds = (20, 3) if asked.quick else (1, 5)
    rows: list[Row] = []
    try:
        for name, part in PARTS.items():
            if not asked.parts or name in asked.parts:
                rows += part(scale, rounds)
    except (ProcessError, AnswerError, PretendError, AzuriteError, tenant.PassError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Medians of runs in turns, at least {min(rounds, 3)} of each, on {os.cpu_count()} processors.")
    print("Memory is the peak of all processes of a run together, the largest of the runs.\n")
    print(table(rows, not asked.quick))
    return 0 if asked.quick or all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

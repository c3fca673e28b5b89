"""What a month costs, from what passes over a tenant asked for:

    python -m benchmarks.cost [--measure | --quick]

prints the tables of docs/cost.md, from `counts.json` beside it. `--measure` counts passes over 10 and 100 subscriptions
and writes that file again; 1,000 follow from what each subscription more asked for. `--quick` is for trying out.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.app import CHANGED, printed, settings
from benchmarks.measure import BENCH, ROOT, estate
from benchmarks.pretend import Pretend
from demo.azurite import Azurite

ASSESSMENTS = 10_000  # of each subscription
HOURS = 730  # in a month
MINUTES = 60 * HOURS
DAYS = 30
MOVES = 60  # looks of a month that find something changed, in each subscription: two a day
LATENCY = 0.2  # seconds that Azure Resource Manager takes for a page, which loopback does not
INSTANCE = 2.0  # GB of memory
LOG_BYTES = 2_000  # of telemetry for each execution: a request, what it logged
POLL = 2.0  # seconds between two looks of the host at an empty queue


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for so many, after so many that are free. Examples: see docs/cost.md on where they come from."""

    usd: float
    per: float
    free: float = 0.0

    def of(self, amount: float) -> float:
        return max(0.0, amount - self.free) / self.per * self.usd


GB = 1e9
COUNTS = Path(__file__).with_name("counts.json")
PRICES: Mapping[str, Price] = {
    "executions": Price(0.40, 1e6, 250_000),
    "GB-seconds": Price(0.000026, 1, 100_000),
    "table": Price(0.00036, 10_000),
    "queue": Price(0.0004, 10_000),
    "blob write": Price(0.065, 10_000),
    "blob list": Price(0.065, 10_000),
    "blob read": Price(0.005, 10_000),
    "table bytes": Price(0.045, GB),
    "blob bytes": Price(0.018, GB),
    "log bytes": Price(2.30, GB, 5 * GB),
}
COUNTED = ("executions", "seconds", "arm", "table", "queue", "blob write", "blob list", "blob read", "blob delete")


@dataclass(frozen=True, slots=True)
class Look:
    """What one pass over all subscriptions asked for, by function, and the bytes that were stored after it."""

    functions: dict[str, dict[str, float]]
    stored: dict[str, float]

    def all(self, *names: str) -> dict[str, float]:
        """What these functions asked for together."""
        found: dict[str, float] = defaultdict(float)
        for name in names:
            for kind, amount in self.functions[name].items():
                found[kind] += amount
        return found


@dataclass(frozen=True, slots=True)
class Measured:
    """Passes over a tenant of so many subscriptions: one that finds changes in all of them, and one that finds none."""

    subscriptions: int
    first: Look
    moved: Look
    still: Look


@dataclass(frozen=True, slots=True)
class Month:
    """Amounts of a month, by what is counted; bytes are those at the end of the first month."""

    subscriptions: int
    amounts: Mapping[str, float]

    def usd(self) -> dict[str, float]:
        return {name: price.of(self.amounts[name]) for name, price in PRICES.items()}


def measure(count: int, assessments: int = ASSESSMENTS) -> Measured:
    """The passes, each in a worker of its own, against a pretend Azure and Azurite."""
    folder = estate(count * assessments, CHANGED, count)
    with Pretend(folder) as azure, Azurite() as azurite:
        given = settings(azure, azurite, TEAMS_WEBHOOK_URL=f"{azure.endpoint}/teams/security")
        pairs = [f"{name}={value}" for name, value in given.items()]

        def look() -> Look:
            found: Any = printed("benchmarks.counting", *pairs)
            return Look(found["functions"], found["bytes"])

        azure.show("before")
        first = look()
        azure.show("after")
        moved = look()
        azure.later()
        return Measured(count, first, moved, look())


def known() -> tuple[Measured, Measured]:
    """What was measured last, over 10 and over 100 subscriptions."""
    return msgspec.json.decode(COUNTS.read_bytes(), type=tuple[Measured, Measured])


def month(one: Measured) -> Month:
    """A month of passes, one an hour. A pass in which some subscriptions moved is counted as its parts: what each
    subscription asked that moved, and what each asked that did not.
    """
    amounts: dict[str, float] = defaultdict(float)

    def add(what: Mapping[str, float], times: float) -> None:
        for name, amount in what.items():
            amounts[name] += amount * times

    add(one.moved.all("snapshot_subscription"), MOVES)
    add(one.still.all("snapshot_subscription"), HOURS - MOVES)
    # With many subscriptions nearly every pass finds one that moved, and is rolled up and told.
    passes = min(HOURS, MOVES * one.subscriptions)
    add(one.moved.all("rollup_timer", "announce_timer"), passes)
    add(one.still.all("rollup_timer"), HOURS - passes)
    add(one.still.all("snapshot_timer"), HOURS)
    add(one.still.all("announce_timer, nothing due"), MINUTES - passes)
    add(one.moved.all("digest_timer", "calendar_timer"), DAYS)
    # The host's own, not measured: each message taken and removed; at the most, two queues polled all the time.
    amounts["queue"] += 2 * HOURS * one.subscriptions + 2 * HOURS * 3600 / POLL
    amounts["GB-seconds"] = INSTANCE * (amounts["seconds"] + LATENCY * amounts["arm"])
    for kind in ("table", "blob"):
        grown = one.moved.stored[f"{kind}s"] - one.first.stored[f"{kind}s"]
        amounts[f"{kind} bytes"] = one.first.stored[f"{kind}s"] + grown * MOVES
    amounts["log bytes"] = LOG_BYTES * amounts["executions"]
    return Month(one.subscriptions, amounts)


def larger(small: Measured, large: Measured, count: int) -> Measured:
    """A tenant of more subscriptions: each one more asks for what each one more did between two that were measured."""
    by = (count - large.subscriptions) / (large.subscriptions - small.subscriptions)

    def on(less: Mapping[str, float], more: Mapping[str, float]) -> dict[str, float]:
        return {name: more[name] + by * (more[name] - less.get(name, 0)) for name in more}

    def look(less: Look, more: Look) -> Look:
        functions = {name: on(less.functions[name], own) for name, own in more.functions.items()}
        return Look(functions, on(less.stored, more.stored))

    looks = (look(getattr(small, name), getattr(large, name)) for name in ("first", "moved", "still"))
    return Measured(count, *looks)


def looks(one: Measured) -> str:
    """What one look at one subscription asked for, as Markdown."""
    lines = [
        "| a look at one subscription | " + " | ".join(COUNTED[1:]) + " |",
        "| --- |" + " --: |" * len(COUNTED[1:]),
    ]
    for name, look in (("the first", one.first), ("finds changes", one.moved), ("finds nothing new", one.still)):
        found = look.all("snapshot_subscription")
        lines.append(f"| {name} | {' | '.join(f'{found[kind] / one.subscriptions:.2f}' for kind in COUNTED[1:])} |")
    return "\n".join(lines)


def table(months: list[Month]) -> str:
    """Amounts and dollars of a month, as Markdown."""
    head = "| a month | " + " | ".join(f"{one.subscriptions:,} subscriptions" for one in months) + " |"
    lines = [head, "| --- |" + " --: |" * len(months)]
    for name in ("arm", *PRICES):
        shown = [_amount(name, one) for one in months]
        lines.append(f"| {_NAMES[name]} | {' | '.join(shown)} |")
    totals = [f"**${sum(one.usd().values()):.2f}**" for one in months]
    return "\n".join([*lines, f"| **all of it** | {' | '.join(totals)} |"])


_NAMES = {
    "arm": "calls to Azure Resource Manager",
    "executions": "executions of functions",
    "GB-seconds": "GB-seconds",
    "table": "requests to tables",
    "queue": "requests to queues, polling at its most",
    "blob write": "blobs written",
    "blob list": "pages of blobs listed",
    "blob read": "blobs read",
    "table bytes": "in tables after it",
    "blob bytes": "in blobs after it",
    "log bytes": "telemetry, assumed",
}


def _amount(name: str, one: Month) -> str:
    amount = one.amounts[name]
    said = f"{amount / GB:,.3f} GB" if name.endswith("bytes") else f"{amount:,.0f}"
    return f"{said}, free" if name == "arm" else f"{said}, ${one.usd()[name]:.2f}"


def printed_tables(small: Measured, large: Measured, count: int) -> str:
    """Both tables, with a third column of so many subscriptions that were not measured."""
    return f"{looks(large)}\n\n{table([month(one) for one in (small, large, larger(small, large, count))])}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--measure", action="store_true", help="count again")
    how.add_argument("--quick", action="store_true", help="count 2 and 4 subscriptions of 500 assessments")
    asked = parser.parse_args()
    os.chdir(ROOT)
    BENCH.mkdir(exist_ok=True)
    if asked.quick:
        print(printed_tables(measure(2, 500), measure(4, 500), 8))
        return
    if asked.measure:
        counts = [measure(10), measure(100)]
        COUNTS.write_bytes(msgspec.json.format(msgspec.json.encode(counts), indent=1) + b"\n")
    small, large = known()
    print(printed_tables(small, large, 1_000))


if __name__ == "__main__":
    main()

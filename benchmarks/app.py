"""The function app, measured: its collector, its worker, a pass over a tenant, its start and its lists.

Azure and storage are processes of their own. Nothing big is imported here: see `measure.python` on memory.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from benchmarks.measure import BENCH, estate, python
from benchmarks.pretend import Pretend
from benchmarks.table import Row
from demo.azurite import Azurite

SDK_RATIO = 12
FLOOR_RATIO = 1.3
WRITES = 1
MEGABYTES = 512
IMPORT_RATIO = 2
PAGE_RATIO = 1.5
CHANGED = 0.01  # of the marks of a subscription, from one look to the next


def printed(module: str, *arguments: str | Path) -> Any:
    """What a module prints as JSON, run in a process of its own."""
    output = BENCH / "printed.json"
    python("-m", module, *arguments, output=output)
    return msgspec.json.decode(output.read_bytes())


def settings(azure: Pretend, azurite: Azurite, **more: str) -> dict[str, str]:
    """What the app is told: Azure and storage on this machine, and to look at everything."""
    storage = {"AzureWebJobsStorage": azurite.connection_string(), "DRIFT_STORAGE": "AzureWebJobsStorage"}
    return storage | {"DRIFT_ARM_ENDPOINT": azure.endpoint, "DRIFT_CREDENTIAL": "none", "DRIFT_SCOPES": "all"} | more


def subscriptions(folder: Path) -> list[str]:
    """The subscriptions of an estate."""
    return sorted(path.name for path in (folder / "before").iterdir() if path.is_dir())


def collector(marks: int, rounds: int) -> list[Row]:
    """Reading the assessments of one subscription over HTTP."""
    folder = estate(marks, CHANGED, 1)
    ways = ["floor", "ours", "whole"] * rounds
    for number in range(min(3, rounds)):
        ways.insert(number * 4, "sdk")  # between the others: it takes ten times as long
    times: dict[str, list[float]] = {}
    with Pretend(folder, wide=True) as azure:
        azure.show("before")
        for way in ways:
            found = printed("benchmarks.reading", way, azure.endpoint, *subscriptions(folder))
            assert found["rows"] == marks, found
            times.setdefault(way, []).append(found["seconds"])
    ours, whole, floor, sdk = (median(times[way]) for way in ("ours", "whole", "floor", "sdk"))
    return [
        Row(
            f"the collector: {marks:,} assessments of 1.7 KB in pages of 1,000, against azure-mgmt-security's"
            " `assessments.list` iterated",
            f"{ours:.2f} s",
            f"{sdk:.2f} s",
            f"{sdk / ours:.0f}",
            f"at least {SDK_RATIO}",
            sdk / ours >= SDK_RATIO,
        ),
        Row(
            "the same, against the bare download with requests and msgspec's typed decoding",
            f"{ours:.2f} s",
            f"{floor:.2f} s",
            f"{ours / floor:.2f}",
            f"at most {FLOOR_RATIO}",
            ours / floor <= FLOOR_RATIO,
        ),
        Row(
            "the whole snapshot of that subscription, all its other lists included, against the same download",
            f"{whole:.2f} s",
            f"{floor:.2f} s",
            f"{whole / floor:.2f}",
        ),
    ]


def worker(marks: int) -> list[Row]:
    """One subscription in a worker: what its memory is at most, and what a look costs that finds nothing new."""
    folder = estate(marks, CHANGED, 1)
    with Pretend(folder, wide=True) as azure, Azurite() as azurite:
        given = [f"{name}={value}" for name, value in settings(azure, azurite).items()]

        def look(turn: Callable[[], str]) -> Any:
            turn()
            return printed("benchmarks.looking", *subscriptions(folder), *given)

        first, second = look(lambda: azure.show("before")), look(lambda: azure.show("after"))
        still = look(azure.later)
    assert first["at"] < second["at"] == still["at"], (first, second, still)
    peak = max(first["megabytes"], second["megabytes"])
    return [
        Row(
            f"a worker on a subscription of {marks:,} assessments: peak memory at the first look, and at one that"
            f" finds {CHANGED:.0%} of its marks changed",
            f"{first['megabytes']:.0f} MB, {second['megabytes']:.0f} MB",
            target=f"at most {MEGABYTES} MB",
            met=peak <= MEGABYTES,
        ),
        Row("the same: time", f"{first['seconds']:.1f} s, {second['seconds']:.1f} s"),
        Row(
            "a look that finds nothing new: writes that storage carried out",
            f"{still['writes']}",
            target=f"at most {WRITES}",
            met=still["writes"] <= WRITES,
        ),
    ]


def start(rounds: int) -> Row:
    """Importing and indexing the app."""
    times: dict[str, list[float]] = {"floor": [], "ours": []}
    for number in range(rounds + 1):
        for way, found in times.items():
            seconds = printed("benchmarks.importing", way)["seconds"]
            if number:  # the first brings the files into the page cache
                found.append(seconds)
    ours, floor = median(times["ours"]), median(times["floor"])
    return Row(
        "a cold start: importing `function_app` and indexing it, against importing `azure.functions`",
        f"{ours * 1000:.0f} ms",
        f"{floor * 1000:.0f} ms",
        f"{ours / floor:.2f}",
        f"at most {IMPORT_RATIO}",
        ours / floor <= IMPORT_RATIO,
    )


def page(deltas: int, rounds: int) -> Row:
    """The newest 100 deltas of a chain that has many."""
    folder, explanation = BENCH / "deltas", BENCH / "explanation.json"
    shutil.rmtree(folder, ignore_errors=True)
    ends = estate(50_000, 0.001, 1)
    python("-m", "drift", "explain", ends / "before", ends / "after", "--format", "json", output=explanation)
    with Azurite(folder) as azurite:
        python("-m", "benchmarks.listing", "fill", azurite.connection_string(), explanation)
    python("-m", "benchmarks.listing", "multiply", folder, str(deltas))
    with Azurite(folder) as azurite:
        found = printed("benchmarks.listing", "ask", azurite.connection_string(), str(rounds))
    shutil.rmtree(folder)
    ours, floor = found["ours"], found["floor"]
    return Row(
        f"`GET /deltas`, 100 of {deltas:,} in one partition, against the bare query for these entities",
        f"{ours * 1000:.0f} ms",
        f"{floor * 1000:.0f} ms",
        f"{ours / floor:.2f}",
        f"at most {PAGE_RATIO}",
        ours / floor <= PAGE_RATIO,
    )

"""A page of recent deltas out of many in one partition:

    python -m benchmarks.listing fill CONNECTION EXPLANATION
    python -m benchmarks.listing multiply FOLDER COUNT
    python -m benchmarks.listing ask CONNECTION ROUNDS

`fill` stores a hundred movements as the product does, each with this explanation (JSON as `drift explain` prints it).
`multiply` makes so many of them in the folder that an Azurite which was stopped had kept them in: it takes a second to
look through what it has for each 200 that come to a partition of 20,000, so that it would be an hour at it.
`ask` prints medians in seconds, as JSON: of the answer to a request, and of the bare query for the same entities.
"""

import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from azure.data.tables import TableServiceClient

from drift.adapters.entities import SHOWN, Row, row_entity, row_key
from drift.history import History
from drift.kinds import BY_NAME
from drift.model import HOUR
from drift.record import shortened
from drift.retention import BATCH
from drift.settings import Connection
from drift.web.api import respond

SCOPE = "00000000-0000-4000-8000-000000000001"
FIRST = 17_724_312_000_000_000  # 2 March 2026; each ends an hour after the last
BODY = 500  # bytes of a packed delta: lists must not read it
LIMIT = 100


def fill(connection: str, explanation: Path) -> None:
    told = shortened(json.loads(explanation.read_bytes()))
    kinds = frozenset(BY_NAME[cause["kind"]] for cause in told["causes"])
    table = TableServiceClient.from_connection_string(connection).create_table_if_not_exists("drift")
    rows: list[Any] = []
    for number in range(BATCH):
        at = FIRST + number * HOUR
        movement = told["movement"] * (number - 50) / 50
        row = Row(SCOPE, at, at - HOUR, movement, 0.1 * number, 60.0, 1000.0, told, _blob(at), kinds, bytes(BODY))
        rows.append(("create", row_entity(row)))
    table.submit_transaction(rows)


def multiply(folder: Path, count: int) -> None:
    path = folder / "__azurite_db_table__.json"
    content = json.loads(path.read_bytes())
    (kept,) = (one for one in content["collections"] if one["name"].endswith("$drift"))
    first = kept["data"]
    kept["data"] = [_later(first[number % len(first)], number) for number in range(count)]
    kept["maxId"] = count
    kept["binaryIndices"]["PartitionKey"]["values"] = list(range(count))
    kept["binaryIndices"]["RowKey"]["values"] = list(reversed(range(count)))  # keys run from new to old
    path.write_bytes(msgspec.json.encode(content))


def _later(entity: dict[str, Any], number: int) -> dict[str, Any]:
    at = FIRST + number * HOUR
    key = {"RowKey": row_key(at)}
    times = {"at": str(at), "since": str(at - HOUR), "blob": _blob(at), "own": 0.1 * number}
    return {**entity, **key, "$loki": number + 1, "properties": {**entity["properties"], **key, **times}}


def _blob(at: int) -> str:
    return f"deltas/{SCOPE}/{at}-{at:032x}"


def ask(connection: str, rounds: int) -> None:
    from drift.adapters.storage import Storage
    from drift.adapters.store import Store

    history = History(Store(Storage(Connection("AzureWebJobsStorage", string=connection))), {"all": "all"})
    table = TableServiceClient.from_connection_string(connection).get_table_client("drift")
    condition = "PartitionKey eq @p and RowKey ge @low and RowKey lt @high"
    values = {"p": SCOPE, "low": "d", "high": "e"}

    def page() -> int:
        answer = respond(lambda: history, "deltas", {}, {"scope": SCOPE, "limit": str(LIMIT)})
        assert answer.status == 200, answer.body
        return len(json.loads(answer.body)["value"])

    def bare() -> int:
        found = table.query_entities(condition, parameters=values, select=SHOWN, results_per_page=LIMIT)
        return len(list(next(found.by_page())))

    times: dict[str, list[float]] = {"ours": [], "floor": []}
    for number in range(rounds + 2):  # the first two make connections
        for name, way in (("floor", bare), ("ours", page)):
            start = time.perf_counter()
            assert way() == LIMIT
            if number > 1:
                times[name].append(time.perf_counter() - start)
    print(json.dumps({name: median(found) for name, found in times.items()}))


if __name__ == "__main__":
    order, where, *rest = sys.argv[1:]
    if order == "fill":
        fill(where, Path(rest[0]))
    elif order == "multiply":
        multiply(Path(where), int(rest[0]))
    else:
        ask(where, int(rest[0]))

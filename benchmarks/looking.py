"""One look at a subscription in a worker that has just started, as the function does it; prints what it took, as JSON:

    python -m benchmarks.looking SUBSCRIPTION NAME=VALUE ...

with the app's settings. Writes are requests, other than to read, that storage carried out: a table that is there
already, which a cold worker asks to create, is none.
"""

import json
import os
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any


def main(subscription: str, settings: list[str]) -> None:
    for setting in settings:
        name, _, value = setting.partition("=")
        os.environ[name] = value
    from azure.core.pipeline.transport import RequestsTransport

    import function_app  # noqa: F401 - what a worker has in memory before its first message
    from drift import bootstrap

    writes: Counter[str] = Counter()
    send = RequestsTransport.send

    def counted(self: Any, request: Any, **more: Any) -> Any:
        response = send(self, request, **more)
        if request.method not in ("GET", "HEAD") and response.status_code < 400:
            writes[request.method] += 1
        return response

    RequestsTransport.send = counted
    start = time.perf_counter()
    bootstrap.monitor().snapshot(json.dumps({"subscription": subscription}).encode())
    seconds = time.perf_counter() - start
    head = bootstrap.store().head(subscription)
    found = {"seconds": seconds, "megabytes": peak(), "writes": sum(writes.values()), "at": head.at if head else 0}
    print(json.dumps(found))


def peak(process: int | str = "self") -> float:
    """The most memory that a process had, in MB: of the program that it runs, not of what was there before exec."""
    text = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    assert found is not None
    return int(found[1]) * 1024 / 1_000_000


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

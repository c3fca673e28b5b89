"""Imports, and prints how long that took in a process that has just started, as JSON:

    python -m benchmarks.importing (ours | floor)

ours: `function_app`, and what the worker library asks it for to index it. floor: `azure.functions` alone.
"""

import json
import sys
import time


def main(way: str) -> None:
    start = time.perf_counter()
    if way == "floor":
        import azure.functions  # noqa: F401

        functions = 0
    else:
        import function_app

        functions = len(function_app.app.get_functions())
    print(json.dumps({"seconds": time.perf_counter() - start, "functions": functions}))


if __name__ == "__main__":
    main(sys.argv[1])

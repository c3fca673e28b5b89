"""Draws docs/pictures anew: python -m tests.pictures [card] [page] [report]; without a name all of them."""

from __future__ import annotations

import sys
from importlib import import_module

WHICH = ("card", "page", "report")


def main(asked: list[str]) -> int:
    """Draws what is asked for; 2 where that is not known."""
    if unknown := sorted(set(asked) - set(WHICH)):
        print(f"no picture is called {unknown[0]}: {', '.join(WHICH)}", file=sys.stderr)
        return 2
    for name in asked or WHICH:
        for path in import_module(f"tests.pictures.{name}").draw():
            print(f"{path} ({path.stat().st_size / 1000:.0f} kB)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

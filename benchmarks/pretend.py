"""A pretend Azure in a process of its own, that answers from an estate's folder.

    with Pretend(folder) as azure:
        azure.show("before")
        ... azure.endpoint ...

It is a process because its work must not count as that of a client, nor take turns with it under one lock.
"""

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE, Popen
from types import TracebackType
from typing import Any, Self

import msgspec

ROW = 1680
"""Bytes of a row of assessments as they are told of large estates: 50,000 are 84 MB. Our folders have 700 a row."""

PAGE = 1000


class PretendError(Exception):
    """The pretend Azure did not do as it was told."""


class Pretend:
    """A running one, between `with` and the end of the block. `wide` makes its assessments ROW bytes each."""

    def __init__(self, folder: Path, *, wide: bool = False) -> None:
        self._command = [sys.executable, "-m", "benchmarks.pretend", str(folder), *(["--wide"] if wide else [])]
        self.endpoint = ""

    def __enter__(self) -> Self:
        self._process = Popen(self._command, stdin=PIPE, stdout=PIPE, text=True)  # it ends when its input does
        self.endpoint = self._answer()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def show(self, end: str) -> str:
        """From now on it is `before` or `after`; the time that it is then, as ISO 8601 says it."""
        return self._tell(end)

    def later(self) -> str:
        """An hour passes, and nothing else; the time that it is then."""
        return self._tell("later")

    def _tell(self, order: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{order}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            raise PretendError("the pretend Azure has ended")
        return line


class Folder(Mapping[str, Any]):
    """An evidence folder as a mapping that reads a file when it is asked for, so that one is held at a time."""

    def __init__(self, folder: Path, wide: bool) -> None:
        self._folder, self._wide = folder, wide

    def __getitem__(self, name: str) -> Any:
        content = msgspec.json.decode((self._folder / name).read_bytes())
        if self._wide and name.endswith("/assessments.json"):
            for row in content["value"]:
                widen(row)
        return content

    def __iter__(self) -> Iterator[str]:
        return (path.relative_to(self._folder).as_posix() for path in sorted(self._folder.rglob("*.json")))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def widen(row: dict[str, Any]) -> None:
    """Adds what the service adds of a resource, a link, and what an assessment found, up to ROW bytes."""
    properties = row["properties"]
    details = properties["resourceDetails"]
    kind, _, name = details["id"].rpartition("/")
    details |= {"resourceName": name, "resourceType": kind.rpartition("/")[2], "resourceProvider": "Microsoft"}
    blade = "portal.azure.com/#blade/Microsoft_Azure_Security/RecommendationsBlade/assessmentKey"
    properties["links"] = {"azurePortal": f"{blade}/{row['name']}"}
    found = properties.setdefault("additionalData", {})
    for number in range(100):
        rest = ROW - len(msgspec.json.encode(row))
        if rest < 40:
            break
        found[f"finding-{number:02d}"] = ("The configuration differs from the baseline: rule is not met. " * 3)[:rest]


def _serve(folder: Path, wide: bool) -> None:
    import gc

    from demo.azure import Azure

    gc.disable()  # of millions of rows none is garbage before its reference count says so
    with Azure() as azure:
        azure.page_size = PAGE
        print(azure.endpoint, flush=True)
        for order in sys.stdin:
            if order.strip() == "later":
                azure.now += timedelta(hours=1)
            else:
                files = Folder(folder / order.strip(), wide)
                azure.serve(files, datetime.fromisoformat(files["snapshot.json"]["takenAt"]))
            print(azure.now.astimezone(UTC).isoformat().replace("+00:00", "Z"), flush=True)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), "--wide" in sys.argv[2:])

"""A chain: one small tenant through a row of snapshots, with what really happened. On disk and in memory.

In memory (`Chain`) the folders are raw answers of Azure by path. On disk a chain is a folder:

    chain-0001/chain.json      {"seed": 1}
    chain-0001/01/ …           evidence folders, as docs/evidence.md describes them
    chain-0001/events.jsonl    {"deliveredAt": time, "event": {…}}, in order of delivery
    chain-0001/labels.jsonl    one `Movement` a row
    chain-0001/acts.jsonl      one `Label` a row: all that was done, whether the counts came to show it or not
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

type Folder = dict[str, Any]
"""Raw answers by path: `subscriptions.json`, `<subscription id>/assessments.json`, …"""

type Counted = Literal["Healthy", "Unhealthy"] | None
"""What a mark contributes to a cell; None: nothing."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """An event of Event Grid, in either of its schemas, at the time at which it came."""

    at: datetime
    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Who:
    """Who did something, as far as a delivered event or Azure's own data names them.

    `type`: user, application, managedIdentity, platform, or notRecorded, which has no name.
    """

    type: str
    name: str | None = None
    id: str | None = None
    """The object id."""
    address: str | None = None
    """The user principal name of a person."""
    resources: list[str] = field(default_factory=list)
    """What they did it to, as far as the movement is concerned; empty where no mark is (`control_reweighted`)."""


@dataclass(frozen=True, slots=True)
class Label:
    """A true cause."""

    kind: str
    subject: str
    scope: str
    """The subscription."""
    actors: list[Who]
    recorded: bool
    """Whether there is a record of who it was for all of it; of the platform's doing, whether Azure's answers show it
    (a date, another text, another version)."""
    ambiguous: bool
    """Whether on some resource somebody else wrote too in the day before its mark changed: records leave it open."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A mark whose change reached the counts, once for each control that lists it."""

    cause: int
    """Position in the movement's causes."""
    control: str
    resource: str
    recommendation: str
    was: Counted
    now: Counted
    at: datetime
    """When it changed."""


@dataclass(frozen=True, slots=True)
class Around:
    """Of a cell with moved marks: whether others of its marks, which did not move, are Unhealthy, and Healthy."""

    control: str
    resource: str
    unhealthy: bool
    healthy: bool


@dataclass(frozen=True, slots=True)
class Count:
    """M, h and n of a control."""

    maximum: float
    healthy: int
    counted: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What a subscription reports."""

    controls: dict[str, Count]
    weight: float


@dataclass(frozen=True, slots=True)
class Member:
    """A subscription at both ends of a movement of the tenant; None where it has no score."""

    subscription: str
    before: Counts | None
    after: Counts | None


@dataclass(frozen=True, slots=True)
class Movement:
    """From folders[step] to folders[step + 1], of a subscription that has a score at both ends, or of the tenant."""

    scope: str
    """A subscription id, or `all`."""
    step: int
    causes: list[Label]
    marks: list[Moved]
    """Of the tenant: those of all subscriptions with a score at both ends."""
    around: list[Around]
    before: Counts | None = None
    after: Counts | None = None
    """Of a subscription; None for the tenant, which has `members`."""
    members: list[Member] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Chain:
    """`taken[i]` is the time of `folders[i]`."""

    seed: int
    folders: list[Folder]
    taken: list[datetime]
    events: list[Delivered]
    movements: list[Movement]
    acts: list[Label] = field(default_factory=list)
    """All that was done and who is on record for it, whether the counts came to show it or not."""

    @property
    def name(self) -> str:
        """The name of its folder, by which predictions refer to it."""
        return name_of(self.seed)


class _Row(msgspec.Struct, rename="camel"):
    delivered_at: datetime
    event: dict[str, Any]


class _About(msgspec.Struct):
    seed: int


class _Taken(msgspec.Struct, rename="camel"):
    taken_at: datetime


def name_of(seed: int) -> str:
    """The name of the folder of a chain."""
    return f"chain-{seed:04}"


def write(chain: Chain, folder: Path) -> None:
    """Writes a chain to a folder of its own, which need not exist."""
    write_folders(chain, folder)
    (folder / "chain.json").write_bytes(msgspec.json.encode(_About(chain.seed)))
    told = [_Row(one.at, one.event) for one in chain.events]
    (folder / "events.jsonl").write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in told))
    (folder / "labels.jsonl").write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in chain.movements))
    (folder / "acts.jsonl").write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in chain.acts))


def write_folders(chain: Chain, folder: Path) -> list[Path]:
    """Writes the evidence folders alone; where they are, in order of time."""
    paths = [folder / f"{number:02}" for number in range(1, len(chain.folders) + 1)]
    for path, answers in zip(paths, chain.folders, strict=True):
        for name, answer in answers.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(msgspec.json.encode(answer))
    return paths


def read(folder: Path) -> Chain:
    """The chain that was written to a folder. Raises OSError or msgspec.MsgspecError for what is none."""
    paths = sorted(path for path in folder.iterdir() if path.is_dir())
    rows = (folder / "events.jsonl").read_bytes().splitlines()
    told = [msgspec.json.decode(row, type=_Row) for row in rows]
    labels, acts = ((folder / name).read_bytes().splitlines() for name in ("labels.jsonl", "acts.jsonl"))
    return Chain(
        seed=msgspec.json.decode((folder / "chain.json").read_bytes(), type=_About).seed,
        folders=[
            {str(one.relative_to(path)): msgspec.json.decode(one.read_bytes()) for one in sorted(path.rglob("*.json"))}
            for path in paths
        ],
        taken=[msgspec.json.decode((p / "snapshot.json").read_bytes(), type=_Taken).taken_at for p in paths],
        events=[Delivered(row.delivered_at, row.event) for row in told],
        movements=[msgspec.json.decode(row, type=Movement) for row in labels],
        acts=[msgspec.json.decode(row, type=Label) for row in acts],
    )

"""A case: what is at hand, the question, and the truth. In memory and on disk.

On disk a case is a folder, and a set is a folder of them:

    case-0001/01/ …           evidence folders, as docs/evidence.md describes them
    case-0001/events.jsonl    one event a line, as Event Grid delivered it
    case-0001/question.json   {"scope", "recommendation", "resource", "figure"}
    case-0001/truth.json      {"reasons", "also", "moves", …}: see `Truth`
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.labelled.chain import Chain, Folder, write_folders

REASONS = (
    "refresh_pending",
    "wrong_scope",
    "other_score",
    "partially_fixed",
    "plan_off",
    "foundational_cspm_off",
    "not_assessed",
    "auto_provisioning_off",
    "remediation_blocked",
    "subscription_onboarded",
    "yardstick_changed",
    "estate_grew",
    "exempted",
    "exemption_without_effect",
    "governance_only",
    "grace_period",
    "connector_unhealthy",
    "not_arc_connected",
    "policy_disabled",
    "benchmark_unassigned",
    "not_scoring",
    "ceiling",
    "cancelled_out",
    "rounding",
    "ghost_resource",
    "fix_not_recognised",
)
"""Why a score stands still."""

WAITING = "refresh_pending"
"""The one that goes away by itself within days: when, can be told."""


@dataclass(frozen=True, slots=True)
class Question:
    """Why does this not move?"""

    scope: str
    """`all`, or a subscription id."""
    recommendation: str | None = None
    resource: str | None = None
    figure: float | None = None
    """In percent, as somebody read it off a page."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What was done, and so why it stands still."""

    reasons: list[str]
    """Each was acted out. Any of them is right as the first answer."""
    variant: str
    """The ways in which they were, for who looks into a case."""
    also: list[str] = field(default_factory=list)
    """What is true beside these and nobody's point: neither right nor wrong to say."""
    moves: datetime | None = None
    """When the counts of what is asked about first moved after the last look; None: nothing is under way."""
    waits: str = ""
    """How far what is under way has come."""


@dataclass(frozen=True, slots=True)
class Case:
    """`taken[i]` is the time of `folders[i]`; the question is about the last."""

    number: int
    folders: list[Folder]
    taken: list[datetime]
    events: list[dict[str, Any]]
    """In order of delivery, none from after the last look."""
    question: Question
    truth: Truth

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"case-{self.number:04}"


def write(case: Case, folder: Path) -> list[Path]:
    """Writes a case to a folder of its own; where its evidence folders are, in order of time."""
    paths = write_folders(Chain(case.number, case.folders, case.taken, [], []), folder)
    lines = [msgspec.json.encode(event) + b"\n" for event in case.events]
    (folder / "events.jsonl").write_bytes(b"".join(lines))
    (folder / "question.json").write_bytes(msgspec.json.encode(case.question))
    (folder / "truth.json").write_bytes(msgspec.json.encode(case.truth))
    return paths

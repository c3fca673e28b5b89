"""The product on a case, as somebody asks it: evidence folders, a file of events, a question."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from benchmarks.labelled.ours import IN_MEMORY
from benchmarks.labelled.stuck.case import Case, write
from benchmarks.labelled.stuck.scoring import Answer, Said
from drift.adapters import events
from drift.diagnosing import asked_for, diagnose_folders
from drift.model import Json


def answer(case: Case) -> Answer:
    """What `drift diagnose` says."""
    found = diagnosis(case)
    reasons = []
    for one in found["reasons"]:
        moves = one["movesBy"]
        when = None if moves is None else (_time(moves["earliest"]), _time(moves["latest"]))
        reasons.append(Said(one["reason"], when))
    return Answer(tuple(reasons))


def diagnosis(case: Case) -> Json:
    """The same, as it says it."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as place:
        paths = write(case, Path(place))
        heard = events.from_file(Path(place) / "events.jsonl") if case.events else []
        asked = case.question
        wanted = asked_for(asked.scope, asked.recommendation, asked.resource, asked.figure)
        return diagnose_folders(paths, wanted, events=heard)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))

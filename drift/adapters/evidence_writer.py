"""Snapshots back to an evidence folder, in the shape in which Azure Resource Manager answers.

What a snapshot keeps is written, and nothing else: reading the folder gives an equal snapshot. A folder appears whole,
under its name, or not at all.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from drift.adapters import dates, evidence_rows
from drift.adapters.evidence_rows import SECURITY
from drift.errors import EvidenceError
from drift.model import Because, Control, Json, Marks, Score, Snapshot, Status, Subscription
from drift.names import Names

_CODES = {Status.HEALTHY: "Healthy", Status.UNHEALTHY: "Unhealthy", Status.NOT_APPLICABLE: "NotApplicable"}
_CAUSES = {Because.EXEMPT: "Exempt", Because.OFF_BY_POLICY: "OffByPolicy"}


def write(folder: Path, snapshots: Iterable[Snapshot], taken_at: int | None = None) -> None:
    """Writes snapshots of one time to a new folder. Raises EvidenceError if it is there, or there is no snapshot.

    One snapshot is held at a time. The folder's time is `taken_at`, or that of the first snapshot.
    """
    if folder.exists():
        raise EvidenceError(f"{folder}: is there already")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        tenant = _Tenant(taken_at)
        for snapshot in snapshots:
            tenant.add(snapshot)
            if snapshot.score is not None or snapshot.subscription.live:
                _subscription(part / snapshot.subscription.id, snapshot)
        tenant.write(part)
        part.chmod(0o755)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part)
        raise


class _Tenant:
    """What is common to the snapshots seen: the files beside the subscriptions' folders."""

    def __init__(self, taken_at: int | None) -> None:
        self._taken_at = taken_at
        self._lists: dict[str, list[Json]] = {"subscriptions.json": []}
        self._above: list[Json] | None = []

    def add(self, snapshot: Snapshot) -> None:
        own, context, lists = snapshot.subscription, snapshot.context, self._lists
        self._taken_at = snapshot.taken_at if self._taken_at is None else self._taken_at
        lists["subscriptions.json"].append(_of_subscription(own))
        if context.recommendations is not None and "assessment-metadata.json" not in lists:
            keys, known = snapshot.recommendations, context.recommendations.items()
            lists["assessment-metadata.json"] = [evidence_rows.metadata(keys[place], one) for place, one in known]
        if context.initiatives is not None and "policy-set-definitions.json" not in lists:
            lists["policy-set-definitions.json"] = list(evidence_rows.initiatives(context))
        if context.ancestors is None:
            self._above = None  # one that is not known can't be left out: it would have none
        elif self._above is not None:
            self._above.append({"subscriptionId": own.id, "ancestors": context.ancestors})

    def write(self, folder: Path) -> None:
        if self._taken_at is None or not self._lists["subscriptions.json"]:
            raise EvidenceError("there is no subscription to write")
        (folder / "snapshot.json").write_bytes(msgspec.json.encode({"takenAt": dates.written(self._taken_at)}))
        above = {} if self._above is None else {"management-groups.json": self._above}
        for name, rows in (self._lists | above).items():
            _list(folder / name, rows)


def _subscription(folder: Path, snapshot: Snapshot) -> None:
    folder.mkdir()
    root = f"/subscriptions/{snapshot.subscription.id}"
    _list(folder / "secure-scores.json", _score(root, snapshot.score))
    if snapshot.score is not None:
        keys = snapshot.recommendations
        _list(folder / "secure-score-controls.json", (_control(root, c, keys) for c in snapshot.controls))
        _list(folder / "assessments.json", _marks(snapshot.marks, snapshot.resources, keys))
    for name, rows in evidence_rows.around(root, snapshot.context, snapshot.resources, snapshot.recommendations):
        _list(folder / name, rows)


def _list(path: Path, rows: Iterable[Any]) -> None:
    """A list answer, a row at a time: it may be long."""
    with path.open("wb") as file:
        file.write(b'{"value":[')
        for number, row in enumerate(rows):
            file.write((b"," if number else b"") + msgspec.json.encode(row))
        file.write(b"]}")


def _of_subscription(one: Subscription) -> Json:
    own = {"id": f"/subscriptions/{one.id}", "subscriptionId": one.id, "displayName": one.name, "state": one.state}
    return own | {"tenantId": one.tenant, "tags": one.tags}


def _score(root: str, score: Score | None) -> list[Json]:
    if score is None:
        return []
    inner = {"max": score.maximum, "current": score.current, "percentage": score.percentage}
    identity = {"id": f"{root}{SECURITY}/secureScores/ascScore", "name": "ascScore"}
    return [identity | {"properties": {"score": inner, "weight": score.weight}}]


def _control(root: str, control: Control, keys: Names) -> Json:
    listed = [{"id": f"{SECURITY}/assessmentMetadata/{keys[place]}"} for place in control.recommendations]
    return {
        "id": f"{root}{SECURITY}/secureScores/ascScore/secureScoreControls/{control.name}",
        "name": control.name,
        "properties": {
            "displayName": control.title,
            "healthyResourceCount": control.healthy,
            "unhealthyResourceCount": control.unhealthy,
            "definition": {
                "name": control.name,
                "properties": {"maxScore": control.maximum, "assessmentDefinitions": listed},
            },
        },
    }


def _marks(marks: Marks, resources: Names, keys: Names) -> Iterator[Json]:
    columns = (marks.resource, marks.recommendation, marks.status, marks.because, marks.changed, marks.first)
    for place, key, code, because, changed, first in zip(*(c.tolist() for c in columns), strict=True):
        resource, name = resources[place], keys[key]
        status = {
            "code": _CODES[Status(code)],
            "statusChangeDate": dates.written(changed),
            "firstEvaluationDate": dates.written(first),
        }
        if because:
            status["cause"] = _CAUSES[Because(because)]
        yield {
            "id": f"{resource}{SECURITY}/assessments/{name}",
            "name": name,
            "properties": {"resourceDetails": {"source": "Azure", "id": resource}, "status": status},
        }

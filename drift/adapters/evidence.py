"""Evidence folders: one file a list answer, read whole or not at all.

The format is in docs/evidence.md. Only subscriptions, scores, controls and assessments are needed. What is wrong with
a folder is one EvidenceError that names the file and the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from drift.adapters import arm, assessments, dates, fields, stream
from drift.errors import EvidenceError
from drift.model import Context, Control, Score, Snapshot, Subscription, ticks
from drift.names import Names


class Folder:
    """One evidence folder, with what is common to its subscriptions already read.

    `recommendations` is one register for all folders that are compared. A subscription is read with a copy of it, so
    that no other subscription's spelling shows in its answer.
    """

    def __init__(self, path: Path, recommendations: Names) -> None:
        if not path.is_dir():
            raise EvidenceError(f"{path}: is not a folder")
        self.path = path
        self.recommendations = recommendations
        self.subscriptions = arm.subscriptions(path / "subscriptions.json", self._required(path / "subscriptions.json"))
        self.taken_at = self._taken_at()
        self._folders = self._match_folders()
        self._metadata = self._optional(path / "assessment-metadata.json", arm.metadata, recommendations)
        self._initiatives = self._optional(path / "policy-set-definitions.json", arm.initiatives)
        self._ancestors = self._read_ancestors()

    @property
    def size(self) -> int:
        """Bytes of its assessments."""
        files = (folder / "assessments.json" for folder in self._folders.values())
        return sum(file.stat().st_size for file in files if file.exists())

    def snapshot(self, identity: str, resources: Names, recommendations: Names) -> Snapshot | None:
        """One subscription of the folder, or None if it is not in it. Raises EvidenceError.

        The registers are those of its chain; `recommendations` started as a copy of the folder's.
        """
        subscription = self.subscriptions.get(identity.lower())
        if subscription is None:
            return None
        folder = self._folders.get(identity.lower())
        if folder is None:
            context = Context(ancestors=self._above(identity))
            names = (resources, recommendations)
            return self._unscored(subscription, f"subscription is {subscription.state}", context, *names)
        context = self._context(folder, resources, recommendations, identity)
        scores = folder / "secure-scores.json"
        score = arm.score(scores, self._required(scores), subscription.id)
        reason = _unscored(score is None, context, subscription)
        if reason:
            return self._unscored(subscription, reason, context, resources, recommendations)
        controls = self._controls(folder, subscription.id, recommendations, score)
        read = self._stream(folder / "assessments.json", assessments.MARK_SHAPES)
        marks = assessments.marks(str(folder / "assessments.json"), read, resources, recommendations, self.taken_at)
        if not any(control.counted and control.maximum for control in controls):
            reason = "no control has a counted resource"
        return Snapshot(
            subscription, self.taken_at, score, reason, controls, marks, context, resources, recommendations
        )

    def _unscored(
        self, subscription: Subscription, reason: str, context: Context, resources: Names, recommendations: Names
    ) -> Snapshot:
        empty = assessments.marks("", iter(()), resources, recommendations, self.taken_at)
        return Snapshot(subscription, self.taken_at, None, reason, (), empty, context, resources, recommendations)

    def _taken_at(self) -> int:
        path = self.path / "snapshot.json"
        if _there(path):
            at = fields.object_at(path).text("takenAt")
            if not at:
                raise EvidenceError(f"{path}: `takenAt` is missing")
            try:
                return dates.one(at)
            except ValueError as error:
                raise EvidenceError(f"{path}: `takenAt`: {error}") from None
        newest = max(file.stat().st_mtime for file in self.path.rglob("*.json") if file.is_file())
        return ticks(datetime.fromtimestamp(newest, UTC))

    def _match_folders(self) -> dict[str, Path]:
        folders: dict[str, Path] = {}
        for child in sorted(self.path.iterdir()):
            if not child.is_dir() or not arm.is_subscription_id(child.name):
                continue
            if child.name.lower() not in self.subscriptions:
                raise EvidenceError(f"{child}: subscriptions.json does not list this subscription")
            if child.name.lower() in folders:
                raise EvidenceError(f"{child}: the subscription has two folders")
            folders[child.name.lower()] = child
        for identity, subscription in self.subscriptions.items():
            if identity not in folders and subscription.live:
                raise EvidenceError(
                    f"{self.path / subscription.id / 'secure-scores.json'}: is missing, "
                    f"and subscriptions.json lists {_shown(subscription.name)}"
                )
        return folders

    def _controls(
        self, folder: Path, subscription: str, recommendations: Names, score: Score | None
    ) -> tuple[Control, ...]:
        beside = folder / "secure-score-control-definitions.json"
        definitions = None
        if _there(beside):
            definitions = arm.definitions(beside, fields.read(beside), recommendations)
        path = folder / "secure-score-controls.json"
        controls = arm.controls(path, self._required(path), subscription, recommendations, definitions)
        if not controls and score is not None and score.maximum > 0:
            raise EvidenceError(f"{path}: has no controls, though the subscription has a score")
        return controls

    def _context(self, folder: Path, resources: Names, recommendations: Names, identity: str) -> Context:
        inventory = None
        if _there(path := folder / "resources.json"):
            read = stream.rows(path, assessments.RESOURCE_SHAPES)
            inventory = assessments.inventory(str(path), read, resources)
        return Context(
            recommendations=self._metadata,
            inventory=inventory,
            plans=self._optional(folder / "pricings.json", arm.plans),
            connectors=self._optional(folder / "security-connectors.json", arm.connectors),
            assignments=self._optional(folder / "policy-assignments.json", arm.assignments),
            policy_exemptions=self._optional(folder / "policy-exemptions.json", arm.policy_exemptions),
            standard_exemptions=self._optional(folder / "standard-assignments.json", arm.standard_exemptions),
            graces=self._optional(folder / "governance-assignments.json", arm.graces, resources, recommendations),
            initiatives=self._initiatives,
            ancestors=self._above(identity),
        )

    @property
    def ancestors(self) -> Mapping[str, tuple[str, ...]] | None:
        """The management groups above each subscription, nearest first; None where there is no such file."""
        return self._ancestors

    def take_ancestors(self, other: Folder) -> None:
        """Takes the management groups of a neighbour in time: a file that is missing at one end tells of no change."""
        self._ancestors = other._ancestors

    def _above(self, identity: str) -> tuple[str, ...] | None:
        return None if self._ancestors is None else self._ancestors.get(identity.lower())

    def _read_ancestors(self) -> dict[str, tuple[str, ...]] | None:
        path = self.path / "management-groups.json"
        return self._optional(path, arm.ancestors)

    @staticmethod
    def _required(path: Path) -> list[fields.Fields]:
        if not _there(path):
            raise EvidenceError(f"{path}: is missing")
        return fields.read(path)

    @staticmethod
    def _stream(path: Path, shapes: tuple[type[Any], ...]) -> stream.Blocks[Any]:
        if not _there(path):
            raise EvidenceError(f"{path}: is missing")
        return stream.rows(path, shapes)

    @staticmethod
    def _optional[T](path: Path, reader: Callable[..., T], *more: Names) -> T | None:
        return reader(path, fields.read(path), *more) if _there(path) else None


def _there(path: Path) -> bool:
    """Whether a file is there; a link that leads nowhere is, and reading it will say so."""
    return path.exists() or path.is_symlink()


def _unscored(no_score: bool, context: Context, subscription: Subscription) -> str | None:
    plan = (context.plans or {}).get("foundationalcspm")
    if plan is not None and not plan.on:
        return "Foundational CSPM is off"
    if no_score:
        return "Azure reports no score" if subscription.live else f"subscription is {subscription.state}"
    return None


def open_folders(paths: Sequence[Path]) -> list[Folder]:
    """The folders, which must be of one tenant and in order of time."""
    recommendations = Names()
    folders = [Folder(path, recommendations) for path in paths]
    for earlier, later in pairwise(folders):
        if later.taken_at < earlier.taken_at:
            raise EvidenceError(f"{later.path}: was taken before {earlier.path}: give the folders in order of time")
        tenants = [{s.tenant for s in f.subscriptions.values() if s.tenant} for f in (earlier, later)]
        if all(tenants) and not tenants[0] & tenants[1]:
            raise EvidenceError(f"{later.path}: is of another tenant than {earlier.path}")
        for identity, subscription in later.subscriptions.items():
            known = earlier.subscriptions.get(identity)
            if known and known.tenant and subscription.tenant and known.tenant != subscription.tenant:
                raise EvidenceError(f"{later.path}: {identity} is of another tenant than in {earlier.path}")
    return folders


def level_groups(folders: Sequence[Folder]) -> list[str]:
    """Where management-groups.json is missing in some of the folders, takes the nearest other one, and says so."""
    having = [at for at, folder in enumerate(folders) if folder.ancestors is not None]
    told: list[str] = []
    for at, folder in enumerate(folders if having else ()):
        if at not in having:
            near = folders[min(having, key=lambda other: (abs(other - at), other))]
            folder.take_ancestors(near)
            told.append(f"management-groups.json is missing in {folder.path.name}: taken as in {near.path.name}")
    return told


def _shown(text: str) -> str:
    return "".join(ch if ch.isprintable() else " " for ch in text)[:80]

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

from drift.adapters import arm, assessments, dates, fields, scores, stream
from drift.errors import EvidenceError
from drift.ids import is_guid
from drift.model import Context, Control, Score, Snapshot, ticks
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
        known = self._optional(path / "assessment-metadata.json", arm.metadata)
        self._metadata = arm.placed(known, recommendations)
        initiatives = self._optional(path / "policy-set-definitions.json", arm.initiatives)
        self._initiatives = initiatives or arm.Initiatives()
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
        names = (resources, recommendations)
        folder = self._folders.get(identity.lower())
        if folder is None:
            context = Context(ancestors=self._above(identity))
            return scores.unscored(subscription, self.taken_at, scores.not_live(subscription), context, *names)
        context = self._context(folder, resources, recommendations, identity)
        path = folder / "secure-scores.json"
        score = scores.score(path, self._required(path), subscription.id)
        reason = scores.reason(subscription, score, context.plans)
        if reason:
            return scores.unscored(subscription, self.taken_at, reason, context, *names)
        controls = self._controls(folder, subscription.id, score, recommendations)
        read = self._stream(folder / "assessments.json", assessments.MARK_SHAPES)
        marks = assessments.marks(str(folder / "assessments.json"), read, resources, recommendations, self.taken_at)
        return scores.scored(subscription, self.taken_at, score, controls, marks, context, *names)

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
            if not child.is_dir() or not is_guid(child.name):
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
        self, folder: Path, subscription: str, score: Score | None, recommendations: Names
    ) -> tuple[Control, ...]:
        beside = folder / "secure-score-control-definitions.json"
        definitions = None
        if _there(beside):
            definitions = scores.definitions(beside, fields.read(beside), recommendations)
        path = folder / "secure-score-controls.json"
        return scores.controls(path, self._required(path), subscription, score, recommendations, definitions)

    def _context(self, folder: Path, resources: Names, recommendations: Names, identity: str) -> Context:
        inventory = None
        if _there(path := folder / "resources.json"):
            read = stream.rows(path, assessments.RESOURCE_SHAPES)
            inventory = assessments.inventory(str(path), read, resources)
        path = folder / "governance-assignments.json"
        graces, dues = self._optional(path, arm.governance, resources, recommendations) or (None, None)
        return Context(
            recommendations=self._metadata,
            inventory=inventory,
            plans=self._optional(folder / "pricings.json", arm.plans),
            connectors=self._optional(folder / "security-connectors.json", arm.connectors),
            assignments=self._optional(folder / "policy-assignments.json", arm.assignments),
            policy_exemptions=self._optional(folder / "policy-exemptions.json", arm.policy_exemptions),
            standard_exemptions=self._optional(folder / "standard-assignments.json", arm.standard_exemptions),
            graces=graces,
            dues=dues,
            initiatives=self._initiatives.references,
            switches=self._initiatives.switches,
            versions=self._initiatives.versions,
            ancestors=self._above(identity),
            provisioning=self._optional(folder / "auto-provisioning-settings.json", arm.provisioning),
            health=self._optional(folder / "health-reports.json", arm.health),
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

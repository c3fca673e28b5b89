"""Evidence folders into the store, so that history may begin before the monitor was there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from drift.adapters.entities import Known
from drift.adapters.evidence import Folder, open_folders
from drift.adapters.store import Store
from drift.engine.rollup import Cut
from drift.engine.segments import iso
from drift.engine.wording import count
from drift.errors import EvidenceError
from drift.groups import TENANT
from drift.model import Snapshot, Subscription
from drift.names import Names
from drift.pipeline import Monitor, Order
from drift.settings import EVERYTHING, Settings


class FolderSource:
    """An evidence folder in Azure's place: a tenant as it was when the folder was taken."""

    def __init__(self, path: Path) -> None:
        self._folder = Folder(path, Names())

    def subscriptions(self) -> list[Subscription]:
        """Those that the folder lists."""
        return list(self._folder.subscriptions.values())

    def subscription(self, identity: str) -> Subscription | None:
        """One of them."""
        return self._folder.subscriptions.get(identity.lower())

    def ancestors(self) -> dict[str, tuple[str, ...]]:
        """What management-groups.json tells; nothing where it is missing."""
        return dict(self._folder.ancestors or {})

    def snapshot(
        self,
        subscription: Subscription,
        resources: Names,
        recommendations: Names,
        ancestors: tuple[str, ...] | None = None,
    ) -> Snapshot:
        """One subscription, read with its chain's registers. Raises EvidenceError."""
        found = Folder(self._folder.path, recommendations).snapshot(subscription.id, resources, recommendations)
        if found is None:
            raise EvidenceError(f"{self._folder.path}: has no subscription {subscription.id}")
        if found.context.ancestors is None and ancestors is not None:
            return replace(found, context=replace(found.context, ancestors=ancestors))
        return found

    def now(self) -> int:
        """When the folder was taken."""
        return self._folder.taken_at


def import_folders(
    paths: Sequence[Path], settings: Settings, store: Store, progress: Callable[[int, int, str], None]
) -> int:
    """Stores what happened from folder to folder; how many snapshots that were. Nothing of it is told to anyone.

    The folders must be in order of time, and later than what is stored of their subscriptions. All are read before
    anything is stored. Raises EvidenceError or ServiceError.
    """
    folders = open_folders(paths)
    for earlier, later in pairwise(folders):
        if later.taken_at == earlier.taken_at:
            raise EvidenceError(f"{later.path}: was taken at the same time as {earlier.path}")
    total = sum(len(folder.subscriptions) for folder in folders)
    known = store.chains()
    own = {identity for folder in folders for identity in folder.subscriptions}
    _refuse_beside(known, own, store)
    done = 0
    for folder in folders:
        for identity, subscription in folder.subscriptions.items():
            if identity in known and known[identity].looked_at > folder.taken_at:
                raise EvidenceError(
                    f"{folder.path}: was taken before {iso(known[identity].looked_at)}, when the stored history of "
                    f"{identity} was last looked at: only what is later can be added"
                )
            Folder(folder.path, Names()).snapshot(identity, Names(), Names())
            progress(done := done + 1, 2 * total, f"{subscription.name} (read)")
    silent = replace(settings, scopes=EVERYTHING, teams_webhook_url=None, topic_endpoint=None)
    for folder in folders:
        source = FolderSource(folder.path)
        above = source.ancestors()
        monitor = Monitor(silent, source, store, _no_queue, source.now)
        for identity in sorted(own & {*folder.subscriptions, *store.chains()}):
            monitor.look(Order(identity, above.get(identity)))
            progress(done := min(done + 1, 2 * total), 2 * total, f"{identity} (stored)")
        monitor.roll_up()
    return total


def _refuse_beside(known: Mapping[str, Known], own: Collection[str], store: Store) -> None:
    """Raises EvidenceError where the store is somebody else's too: an import would speak for what it does not hold."""
    others = sorted(one for one, chain in known.items() if one not in own and not chain.retired)
    if others:
        raise EvidenceError(
            f"the store holds {count(len(others), 'subscription')} that the folders do not list, {others[0]} among "
            "them: import folders of the whole tenant"
        )
    head = store.head(TENANT)
    places = store.load(head.blob, Cut).places if head is not None else {}
    if any(one not in places or places[one].at < chain.at for one, chain in known.items()):
        raise EvidenceError("the store holds movements that are not rolled up yet: let the monitor do that first")


def _no_queue(*_: object) -> None:
    """Nothing of an import is left to a queue."""

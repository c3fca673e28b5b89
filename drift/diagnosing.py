"""From evidence folders, or from where chains stand, to the cases of a diagnosis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from drift.actors import Happening
from drift.adapters.evidence import Folder, level_groups, open_folders
from drift.engine.ahead.supposing import stand
from drift.engine.comparison import compare
from drift.engine.diagnosis import diagnose
from drift.engine.diagnosis.case import Asked, Case
from drift.engine.evidence.verdicts import judged
from drift.engine.head import Head, begin
from drift.errors import EvidenceError
from drift.folders import Progress, members_of, no_collector
from drift.ids import is_guid
from drift.model import DAY, Delta, Json, Point
from drift.names import Names
from drift.record import recorded

HEARD = 3 * DAY
"""How long before the time asked about events are looked at."""


def case(
    head: Head,
    deltas: Sequence[Delta],
    events: Sequence[Happening],
    since: int,
    asked: Asked,
    others: Mapping[str, Point],
) -> Case:
    """The case of one subscription, from where its chain stands and how it came there.

    `deltas`: oldest first, up to the one that led to the head: that one also where nothing has moved since `since`.
    `events`: those that are not of the time are left out. `others`: where other subscriptions stand, by id.
    """
    heard = [one for one in events if since - HEARD < one.time <= head.snapshot.taken_at]
    return Case(
        head=head,
        stand=stand(head) if head.at.score is not None else None,
        deltas=tuple(deltas),
        segments=tuple(recorded(delta).segment for delta in deltas),
        events=tuple(heard),
        since=since,
        asked=asked,
        others=others,
    )


def asked_for(
    scope: str, recommendation: str | None = None, resource: str | None = None, figure: float | None = None
) -> Asked:
    """A question. Raises EvidenceError for a key or an id that is none."""
    if recommendation is not None and not is_guid(recommendation):
        raise EvidenceError(f"--recommendation {recommendation[:60]}: is not the key of a recommendation")
    if resource is not None and not resource.lower().startswith("/subscriptions/"):
        raise EvidenceError(f"--resource {resource[:60]}: is not the id of a resource")
    key = None if recommendation is None else recommendation.lower()
    return Asked(scope, key, None if resource is None else resource.lower().rstrip("/"), figure)


def diagnose_folders(
    paths: Sequence[Path], asked: Asked, progress: Progress = lambda *_: None, events: Sequence[Happening] = ()
) -> Json:
    """Why what is asked does not move, by one or more evidence folders in order of time. Raises EvidenceError.

    The question is about the last folder; those before it tell how it came there.
    """
    with no_collector():
        folders = open_folders(paths)
        level_groups(folders)
        inside = members_of(folders[-1], asked.scope)
        _known(folders[-1], asked.scope, inside)
        wanted = [key for key in sorted(folders[-1].subscriptions) if key in inside or _may_tell(key, asked)]
        chains: dict[str, _Chain] = {}
        for done, key in enumerate(wanted):
            chain = _chain(folders, key, [event for event in events if event.subscription == key])
            if chain is not None:
                chains[key] = chain
            progress(done + 1, len(wanted), folders[-1].subscriptions[key].name)
        deltas = judged({key: one.deltas for key, one in chains.items()}, {event.subscription for event in events})
        return diagnose(_cases(chains, deltas, folders[0].taken_at, asked), asked)


@dataclass(frozen=True, slots=True)
class _Chain:
    head: Head
    deltas: Sequence[Delta]
    events: Sequence[Happening]


def _cases(
    chains: Mapping[str, _Chain], deltas: Mapping[str, Sequence[Delta]], since: int, asked: Asked
) -> Iterator[Case]:
    points = {key: chain.head.at for key, chain in chains.items()}
    for key, chain in chains.items():
        others = {other: point for other, point in points.items() if other != key}
        yield case(chain.head, deltas[key], chain.events, since, asked, others)


def _chain(folders: Sequence[Folder], identity: str, events: Sequence[Happening]) -> _Chain | None:
    """One subscription through all folders; None if the last does not have it.

    Where there is one look, it is compared with itself: that tells what is pending, how Mitigated exemptions count,
    and what dates and events foretell.
    """
    resources, recommendations = Names(), folders[0].recommendations.copy()
    head: Head | None = None
    deltas: list[Delta] = []
    looks = 0
    for folder in folders:
        snapshot = folder.snapshot(identity, resources, recommendations)
        if snapshot is None:
            head, deltas, looks = None, [], 0
            continue
        looks += 1
        if head is None:
            head = begin(snapshot)
        else:
            head, delta = compare(head, snapshot, cells=True, events=events)
            deltas.append(delta)
    if head is None:
        return None
    if looks == 1:
        head, delta = compare(head, head.snapshot, cells=True, events=events)
        deltas.append(delta)
    return _Chain(head, deltas, events)


def _may_tell(identity: str, asked: Asked) -> bool:
    """Whether a subscription outside the scope may be where the answer lies."""
    if asked.recommendation is not None or asked.figure is not None:
        return True
    return asked.resource is not None and asked.resource.split("/")[2] == identity


def _known(folder: Folder, scope: str, inside: Sequence[str]) -> None:
    """Raises EvidenceError for a scope that nothing belongs to."""
    if scope.startswith("mg:") and folder.ancestors is None:
        raise EvidenceError(f"{folder.path / 'management-groups.json'}: is missing, and --scope {scope} needs it")
    if not inside:
        raise EvidenceError(f"--scope {scope}: no subscription of {folder.path} belongs to it")

"""The labels: what brought about the movements between two snapshots, from the acts that the changed marks remember."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.labelled.cast import Actor
from benchmarks.labelled.chain import Around, Counts, Label, Member, Moved, Movement, Who
from benchmarks.labelled.estate import Estate
from benchmarks.labelled.land import Deed, Place, Subscription

type Ends = Mapping[str, Counts | None]
"""Of each subscription what it shows; None if it has no score."""

type _Key = tuple[str, str, str]


class _Causes:
    """Deeds as causes: those of one kind, subject and subscription are one."""

    def __init__(self) -> None:
        self.deeds: dict[_Key, list[tuple[Deed, str | None]]] = {}

    def add(self, deed: Deed, scope: str, resource: str | None) -> None:
        self.deeds.setdefault((deed.kind, deed.subject, scope), []).append((deed, resource))

    def position(self, deed: Deed, scope: str) -> int:
        return list(self.deeds).index((deed.kind, deed.subject, scope))

    def labels(self) -> list[Label]:
        return [_label(key, deeds) for key, deeds in self.deeds.items()]


def done(deeds: Iterable[tuple[Deed, str, str]]) -> list[Label]:
    """What was done: deeds, each with its subscription and a resource that it was done to."""
    causes = _Causes()
    for deed, scope, resource in deeds:
        causes.add(deed, scope, resource)
    return causes.labels()


def _label(key: _Key, deeds: Sequence[tuple[Deed, str | None]]) -> Label:
    whos: dict[tuple[str, str | None], tuple[Actor | None, dict[str, None]]] = {}
    for deed, resource in deeds:
        by = _known(deed)
        _, resources = whos.setdefault((by.type, by.id) if by else ("notRecorded", None), (by, {}))
        if resource is not None:
            resources[resource] = None
    actors = [_who(by, list(resources)) for by, resources in whos.values()]
    recorded = all(deed.remembered or (deed.by is not None and deed.heard) for deed, _ in deeds)
    return Label(*key, actors, recorded, any(deed.ambiguous for deed, _ in deeds))


def _known(deed: Deed) -> Actor | None:
    """Who did it, if there is a record of it; of what the platform did there need be none."""
    if deed.by is None or deed.by.type == "platform":
        return deed.by
    return deed.by if deed.heard or deed.remembered else None


def _who(by: Actor | None, resources: list[str]) -> Who:
    if by is None:
        return Who("notRecorded", resources=resources)
    return Who(by.type, by.name or None, by.id or None, by.address or None, resources)


def movements(estate: Estate, step: int, before: Ends, after: Ends) -> list[Movement]:
    """Of each subscription that moved, and of the tenant where it has several."""
    found: list[Movement] = []
    whole = _Causes()
    marks: list[Moved] = []
    around: list[Around] = []
    for account in estate.subscriptions.values():
        old, new = before.get(account.id), after.get(account.id)
        if old is not None and new is not None:
            one = _movement(account, step, old, new, whole, marks)
            around += one.around
            found += [one] if one.causes else []
        elif (old is None) is not (new is None):
            assert account.scoring is not None
            whole.add(account.scoring, account.id, None)
    several = len(before) > 1 or len(after) > 1
    weighed = any(old != new for old, new in ((_weight(before, one), _weight(after, one)) for one in after))
    if several and (whole.deeds or weighed):
        members = [Member(one, before.get(one), after.get(one)) for one in after if before.get(one) or after.get(one)]
        found.append(Movement("all", step, whole.labels(), marks, around, members=members))
    return found


def _weight(ends: Ends, account: str) -> float:
    counts = ends.get(account)
    return counts.weight if counts is not None else 0.0


def _movement(
    account: Subscription, step: int, old: Counts, new: Counts, whole: _Causes, all_marks: list[Moved]
) -> Movement:
    causes = _Causes()
    for place, move in sorted(account.moves.items()):
        for known in (causes, whole):
            known.add(move.deed, account.id, place[1])
    for name, deed in account.reweighted.items():
        if old.controls[name].counted and new.controls[name].counted:
            causes.add(deed, account.id, None)
            whole.add(deed, account.id, None)
    marks = [_moved(causes, account, place) for place in sorted(account.moves)]
    all_marks += [_moved(whole, account, place) for place in sorted(account.moves)]
    return Movement(account.id, step, causes.labels(), marks, _around(account), old, new)


def _moved(causes: _Causes, account: Subscription, place: Place) -> Moved:
    move = account.moves[place]
    return Moved(causes.position(move.deed, account.id), *place, move.was, move.now, move.at)  # type: ignore[arg-type]


def _around(account: Subscription) -> list[Around]:
    cells = {place[:2]: set[str]() for place in sorted(account.moves)}
    for place, says in (account.seen or {}).items():
        if place[:2] in cells and place not in account.moves:
            cells[place[:2]].add(says)
    return [Around(*cell, "Unhealthy" in says, "Healthy" in says) for cell, says in cells.items()]

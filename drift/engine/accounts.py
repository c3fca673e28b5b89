"""What each cause amounts to over a window, for one scope: shares added up over segments and subscriptions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import fsum

from drift.actors import NOT_RECORDED, PLATFORM, Actor, Confidence, Evidence
from drift.engine import wording
from drift.engine.attribution import End, Rates, rates
from drift.engine.scope import belongs
from drift.engine.where import Where, fell, of_cells, together
from drift.kinds import Class, Kind
from drift.model import Cause, Change, Delta, Floats, Json, Point


@dataclass(frozen=True, slots=True)
class Course:
    """One subscription through a window: where it stood at each snapshot, and the delta of each segment.

    None where the subscription was not there, or nothing of it changed. `deltas` is one shorter than `points`.
    """

    id: str
    points: Sequence[Point | None]
    deltas: Sequence[Delta | None]
    last: Delta | None = None
    """The delta whose pending is in force at the end, where that is not the last of `deltas`."""

    @property
    def waiting(self) -> Delta | None:
        """The delta that knows what is still to come at the end."""
        return self.deltas[-1] or self.last


@dataclass(slots=True)
class Account:
    """What one cause amounts to."""

    cause: Cause
    title: str = ""
    numbers: tuple[float, float] | None = None
    """What the title tells in figures: of the unexplained the sums, of others the first and the last value."""
    shares: list[float] = field(default_factory=list)
    controls: dict[str, list[float]] = field(default_factory=dict)
    """Parts of the share by control, in lower case. They sum to it, but for a weight that no cell explains."""
    marks: int = 0
    resources: dict[str, str] = field(default_factory=dict)
    """Ids by their lower case."""
    counted: int = 0
    """How many resources, of a cause that does not name them."""
    evidence: tuple[Evidence, ...] = ()
    confidence: Confidence = "confirmed"
    """Of all that is in it."""
    reason: str = ""
    """Why it is not confirmed, or nobody is named."""
    actors: dict[str, tuple[Actor, list[float]]] = field(default_factory=dict)
    """Parts of the share by whose doing they are, by `Actor.key`. They sum to it."""

    share: float = 0.0
    """In pp: the sum of the shares, once all are in."""

    def add(self, change: Change) -> None:
        """What the change says of itself; its share is added apart."""
        self.title = change.title
        self.marks += change.marks
        self.resources |= {identity.lower(): identity for identity in change.resources}
        self._know(change.evidence, change.confidence, change.reason)
        self.numbers = joined(self.cause.kind, self.numbers, change.numbers)

    def part(self, control: str, share: float) -> None:
        """One more part of the share."""
        self.controls.setdefault(control, []).append(share)

    def owe(self, actor: Actor, *parts: float) -> None:
        """Parts of the share that are an actor's."""
        self.actors.setdefault(actor.key, (actor, []))[1].extend(parts)

    def _know(self, evidence: Iterable[Evidence], confidence: Confidence, reason: str) -> None:
        self.evidence = tuple(dict.fromkeys((*self.evidence, *evidence)))
        self.confidence = confidence if self.confidence == "confirmed" else self.confidence
        self.reason = reason or self.reason

    def join(self, later: Account) -> None:
        """What the same cause did in a later segment."""
        self.title = later.title
        self.numbers = joined(self.cause.kind, self.numbers, later.numbers)
        self.shares += later.shares
        for control, parts in later.controls.items():
            self.controls.setdefault(control, []).extend(parts)
        self.marks += later.marks
        self.resources |= later.resources
        self.counted = later.counted
        self._know(later.evidence, later.confidence, later.reason)
        for actor, parts in later.actors.values():
            self.owe(actor, *parts)


def joined(
    kind: Kind, first: tuple[float, float] | None, second: tuple[float, float] | None
) -> tuple[float, float] | None:
    """The figures of a title that speaks for two changes."""
    if first is None or second is None:
        return first or second
    if kind is Kind.UNEXPLAINED:
        return first[0] + second[0], first[1] + second[1]
    return first[0], second[1]


def nobody(kind: Kind) -> Actor:
    """Whose doing something is that no record tells of: by its kind the platform's, else nobody knows."""
    return PLATFORM if kind.group is Class.YARDSTICK or kind is Kind.EXEMPTION_EXPIRED else NOT_RECORDED


def shown(actor: Actor) -> Json:
    """An actor as an answer has it."""
    found = {"actor": actor.name, "type": actor.type, "id": actor.id}
    return found | {"address": actor.address} if actor.address else found


type Accounts = dict[tuple[int, str, int, str], Account]


def inside(point: Point | None, scope: str) -> Point | None:
    """The point if it is scored and belongs to the scope."""
    return point if point is not None and point.score is not None and belongs(point, scope) else None


def score(courses: Sequence[Course], at: int, scope: str, *, single: bool) -> float | None:
    """The scope's score at a snapshot, in percent; None if nothing in it is scored or weighs."""
    points = [point for course in courses if (point := inside(course.points[at], scope)) is not None]
    weights = [1.0 if single else point.weight for point in points]
    if not fsum(weights) > 0:
        return None
    return 100 * fsum(w * (point.score or 0.0) for w, point in zip(weights, points, strict=True)) / fsum(weights)


def own_work(accounts: Iterable[Account]) -> float:
    """Earned and lost, in pp."""
    return fsum(a.share for a in accounts if a.cause.kind.group in (Class.EARNED, Class.LOST))


def of_segment(
    courses: Sequence[Course], at: int, scope: str, *, single: bool, was: str | None = None
) -> tuple[Accounts, Where]:
    """The accounts of the segment from one snapshot to the next, and where the shares fell.

    `was`: the scope at the first end, where it was another. There must be a score at both ends.
    """
    accounts: Accounts = {}
    where: list[Where] = []
    first = was or scope
    members = [(course, inside(course.points[at], first), inside(course.points[at + 1], scope)) for course in courses]
    members = [member for member in members if member[1] is not None or member[2] is not None]
    lines = [(_end(before, single), _end(after, single)) for _, before, after in members]
    for (course, before, after), worth in zip(members, rates(lines), strict=True):
        delta = course.deltas[at]
        if before is None or after is None:
            _add_coming(course, at, before, after, worth, accounts)
        elif delta is not None:
            gained = 0.0 if single else after.weight - before.weight
            _add_delta(delta, worth, gained, accounts)
            where.append(fell(delta, worth, gained))
    for account in accounts.values():
        account.share = fsum(account.shares)
    return accounts, together(where)


def _end(point: Point | None, single: bool) -> End | None:
    return End(point.counts, 1.0 if single else point.weight) if point is not None else None


def _account(accounts: Accounts, change: Change) -> Account:
    account = accounts.setdefault(change.cause.key, Account(change.cause))
    account.add(change)
    return account


def _add_coming(
    course: Course, at: int, before: Point | None, after: Point | None, worth: Rates, accounts: Accounts
) -> None:
    """A member that came or left: its whole share is its own."""
    if after is not None:
        kind, there = Kind.SUBSCRIPTION_ADDED, after
        title = wording.arrived(after, 100 * (after.score or 0.0), _earlier(course, at))
    elif before is not None:
        kind, there = Kind.SUBSCRIPTION_REMOVED, before
        title = wording.departed(before, 100 * (before.score or 0.0), course.points[at + 1])
    change = Change(Cause(kind, course.id, course.id), marks=there.marks, title=title)
    turned = _turned(course, at)
    if turned is not None:
        change = replace(change, evidence=turned.evidence, by=turned.by, reason=turned.reason)
        change = replace(change, confidence=turned.confidence)
    account = _account(accounts, change)
    account.counted = there.resources
    account.shares.append(worth.weight)
    account.owe(change.by[0].actor if change.by else nobody(kind), worth.weight)
    for control, column in worth.controls.items():
        account.part(control, float(worth.coming[column]))


def _turned(course: Course, at: int) -> Change | None:
    """Who gave a subscription its score, or took it, where it was watched before and after."""
    old, new = course.points[at], course.points[at + 1]
    if old is None or new is None or (old.unscored is None) == (new.unscored is None):
        return None  # it came, went, joined or left a group
    return new.turned


def _earlier(course: Course, at: int) -> Point | None:
    """How a subscription that came stood before: None if in this window it was not there, or not yet scored."""
    so_far = course.points[: at + 1]
    new = any(point is None for point in so_far) and all(point is None or point.unscored for point in so_far)
    return None if new else course.points[at]


def _add_delta(delta: Delta, worth: Rates, gained: float, accounts: Accounts) -> None:
    """The changes of a delta: their cells' shares, and their parts of the member's gain in weight."""
    own = [_account(accounts, change) for change in delta.changes]
    owed: list[list[float]] = [[] for _ in own]
    parts, effects = worth.parts(delta.effects), delta.effects
    for change, control, part in zip(effects.change.tolist(), effects.control.tolist(), parts.tolist(), strict=True):
        own[change].part(effects.controls[control], part)
    for at, share in enumerate(worth.shares(effects, len(own)).tolist()):
        owed[at].append(share)
    reweighted = {id(own[at]): at for at, one in enumerate(own) if one.cause.kind is Kind.CONTROL_REWEIGHTED}
    for at in reweighted.values():
        name = own[at].cause.subject.lower()
        if name in worth.controls:  # else it counts at neither end
            owed[at].append(float(worth.reweighted[worth.controls[name]]))
            own[at].part(name, owed[at][-1])
    if gained:
        _add_weight(delta, worth.weight * gained, gained > 0, own, owed, accounts)
    for account, shares in zip(own, owed, strict=True):
        account.shares += shares
    _owe(delta, own, owed, worth, gained)


def _owe(delta: Delta, own: Sequence[Account], owed: Sequence[Sequence[float]], worth: Rates, gained: float) -> None:
    """Gives each change's share to whose doing it was: of several, each resource's cells to who is named for it."""
    cells: Floats | None = None
    for at, (change, account, shares) in enumerate(zip(delta.changes, own, owed, strict=True)):
        if len(change.by) < 2:
            account.owe(change.by[0].actor if change.by else nobody(change.cause.kind), *shares)
            continue
        if cells is None:
            cells = of_cells(delta, worth, gained)
        named = {resource.lower(): by.actor for by in change.by for resource in by.resources}
        others = next((by.actor for by in change.by if not by.resources), NOT_RECORDED)
        rows = delta.cells.change == at
        for place, share in zip(delta.cells.resource[rows].tolist(), cells[rows].tolist(), strict=True):
            account.owe(named.get(delta.cells.resources[place].lower(), others), share)


def _add_weight(
    delta: Delta, share: float, rose: bool, own: Sequence[Account], owed: Sequence[list[float]], accounts: Accounts
) -> None:
    """Divides the share of a change of weight among those who brought, or took, counted cells."""
    cells = [change.came if rose else change.went for change in delta.changes]
    total = sum((Fraction(number) for one in cells for number in one.values()), Fraction(0))
    for account, shares, by_control in zip(own, owed, cells, strict=True):
        for control, number in by_control.items():
            shares.append(share * float(number / total))
            account.part(control, shares[-1])
    if not total:
        identity, numbers = delta.after.subscription.id, (delta.before.weight, delta.after.weight)
        change = Change(
            Cause(Kind.WEIGHT_CHANGED, identity, identity), title=wording.reweighed(delta.after), numbers=numbers
        )
        account = _account(accounts, change)
        account.shares.append(share)
        account.owe(NOT_RECORDED, share)

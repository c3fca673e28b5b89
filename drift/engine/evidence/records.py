"""The events of a subscription, and which of them explain a change: the right kind of act, on the right thing, in time.

Times that a change of a mark is looked back from are its own date's: see `LOOK_BACK`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from drift import ids
from drift.actors import Evidence, Happening
from drift.engine.context import MEMORY
from drift.kinds import Kind
from drift.model import DAY, HOUR, NEVER, Change

LOOK_BACK = DAY + HOUR
"""How long before a mark changes its cause can lie: everything is assessed once in 24 hours, and that takes a while."""

SLACK = HOUR // 12
"""By how much two of Azure's clocks may differ: five minutes."""

CLOCKS = HOUR // 60
"""By how much a mark may bear an earlier date than the event of what changed it."""

MAKING = HOUR // 4
"""How long it takes to make most resources: the event comes when it is done. A later write may be another's."""

HEARD = MEMORY + LOOK_BACK
"""How long before a comparison begins an event can lie that tells of it."""

type Times = Mapping[str, int]
"""Resource id in lower case to when its mark changed; NEVER where that is not known."""

_AGENTS = frozenset(
    {
        "azuremonitorlinuxagent",
        "azuremonitorwindowsagent",
        "azurepolicyforlinux",
        "azurepolicyforwindows",
        "configurationforlinux",
        "configurationforwindows",
        "dependencyagentlinux",
        "dependencyagentwindows",
        "iaasantimalware",
        "mde.linux",
        "mde.windows",
        "microsoftmonitoringagent",
        "omsagentforlinux",
        "windowsagent.azuresecuritycenter",
        "linuxagent.azuresecuritycenter",
    }
)
"""Extensions that feed assessments, by the names that their installers give them."""


def heard_between(begin: int, end: int) -> tuple[int, int]:
    """The time, after the first tick and up to the second, of events that can tell of what a comparison finds.

    `begin` and `end` are its looks. Azure's clocks differ a little: an event may bear a later time than the look that
    shows what it tells of.
    """
    return begin - HEARD, end + SLACK


@dataclass(frozen=True, slots=True)
class Asked:
    """A change that is to be explained, in a comparison of two times."""

    change: Change
    times: Times
    since: int
    until: int

    @property
    def between(self) -> tuple[int, int]:
        """When what surrounds the marks was changed: between two looks, else in the time that is remembered.

        A look takes a while: it may show what was done after it began, and not miss what was done before.
        """
        low, high = self.change.between or (self.since - 2 * DAY, self.until)
        return low, high + SLACK

    def before_flip(self, resource: str) -> tuple[int, int]:
        """When the mark of a resource can have been brought to change."""
        at = self.times.get(resource, NEVER)
        return (at - LOOK_BACK, at + CLOCKS) if at != NEVER else (self.since - LOOK_BACK, self.until)


type Found = dict[str | None, list[Happening]]
"""Events, oldest first, by resource in lower case; under None those that speak of all resources of a change."""


class Records:
    """The events of one subscription, found by what they were done to."""

    def __init__(self, events: Iterable[Happening]) -> None:
        self._at: dict[str, list[Happening]] = {}
        self._beneath: dict[str, list[Happening]] = {}
        known: set[str] = set()
        for event in sorted(events, key=lambda one: (one.time, one.key)):
            if not event.succeeded or event.action == "state" or event.key in known:
                continue
            known.add(event.key)
            subject = event.subject.lower().rstrip("/")
            self._at.setdefault(subject, []).append(event)
            for scope in ids.scopes(subject):
                if ids.resource_group(scope) in (None, scope):
                    break  # what is done to a group or a subscription is not done to all that lies in it
                self._beneath.setdefault(scope, []).append(event)

    def __bool__(self) -> bool:
        return bool(self._at)

    def of(self, asked: Asked) -> Found:
        """The events that explain a change."""
        rule = _RULES.get(asked.change.cause.kind)
        return {} if rule is None or not self else {key: some for key, some in rule(self, asked).items() if some}

    def _on(self, subjects: Iterable[str], verbs: tuple[str, ...], low: int, high: int) -> list[Happening]:
        """Events on these very things, in a time."""
        found = [e for one in subjects for e in self._at.get(one, ()) if e.action in verbs and low <= e.time <= high]
        return sorted(found, key=lambda one: (one.time, one.key))

    def _last(self, subjects: Iterable[str], low: int, high: int) -> list[Happening]:
        """The last deletion of these very things in a time, unless they were written after it: then another came."""
        found = self._on(subjects, ("write", "delete"), low, high)[-1:]
        return [event for event in found if event.action == "delete"]

    # What explains a change, kind by kind

    def of_object(self, asked: Asked) -> Found:
        """Something that was made: of its writes the one that made it, where a record tells when that was."""
        low, high = asked.between
        found = self._on(asked.change.about, ("write",), low, high)
        made = [one for one in asked.change.evidence if one.source in _MADE and one.at != NEVER]
        near = [e for e in found if any(abs(e.time - one.at) <= SLACK for one in made)]
        by = [one for one in made if one.actor]
        if by:  # who wrote to it a minute later did not make it
            near = [e for e in near if any(_same(e, one) for one in by)]
        return {None: near if made else found}

    def of_end(self, asked: Asked) -> Found:
        """Something that was taken away: its deletion; of what is still there, and of plans, that it was written."""
        low, high = asked.between
        there = any(one.source == "lastModified" for one in asked.change.evidence)
        if there or asked.change.cause.kind is Kind.PLAN_DISABLED:
            return {None: self._on(asked.change.about, ("write", "delete"), low, high)}
        return {None: self._last(asked.change.about, low, high)}

    def of_policy(self, asked: Asked) -> Found:
        """Assignments that were written before the marks changed, or taken away, or added.

        Each that was seen to switch it is to be heard of: of two, one may be somebody else's doing.
        """
        if asked.change.between is not None:
            low, high = asked.between
            each = [self._on((one,), ("write", "delete"), low, high) for one in asked.change.about]
            return {None: [event for own in each for event in own] if all(each) else []}
        known = [at for at in asked.times.values() if at != NEVER] or [asked.until]
        low, high = min(known) - LOOK_BACK, max(known)
        return {None: self._on(asked.change.about, ("write", "delete"), low, high)}

    def of_new(self, asked: Asked) -> Found:
        """The first write of a resource since it is there: within the time that making one takes, if it has a date.

        What the inventory does not list has none, but was made before it was assessed.
        """
        low, high = asked.between
        if asked.change.between is None and asked.change.since != NEVER:
            high = min(high, asked.change.since)
        for one in asked.change.evidence:
            if one.source == "createdTime" and one.at != NEVER:
                low, high = max(low, one.at - SLACK), min(high, one.at + MAKING)
        return {None: self._on([asked.change.cause.subject.lower()], ("write",), low, high)[:1]}

    def of_gone(self, asked: Asked) -> Found:
        """The deletion of a resource, else of the nearest thing that it lay in.

        That something was moved out of its group does not say what: it may have been this, or another.
        """
        low, high = asked.between
        subject = asked.change.cause.subject.lower()
        scopes = [scope for scope in ids.scopes(subject) if scope.count("/") > 2 and not _is_connector(scope)]
        return {None: next((found for scope in scopes if (found := self._last((scope,), low, high))), [])}

    def of_agent(self, asked: Asked) -> Found:
        """An extension that feeds assessments, installed or removed."""
        verb = "write" if asked.change.cause.kind is Kind.DATA_SOURCE_GAINED else "delete"
        subject = asked.change.cause.subject.lower()
        low, high = asked.before_flip(subject)
        return {
            None: [
                event
                for event in self._beneath.get(subject, ())
                if event.action == verb and low <= event.time <= high and _is_agent(event.subject.lower())
            ]
        }

    def of_flips(self, asked: Asked) -> Found:
        """What was written to each resource, or to what lies in it, in the day before its mark changed."""
        found: Found = {}
        for resource in asked.times or {one.lower() for one in asked.change.resources}:
            low, high = asked.before_flip(resource)
            own = [
                event
                for event in self._beneath.get(resource, ())
                if event.category == "resource" and low <= event.time <= high
            ]
            if own:
                found[resource] = sorted([*own, *self._above(resource, low, high)], key=lambda one: (one.time, one.key))
        return found

    def _above(self, resource: str, low: int, high: int) -> list[Happening]:
        """What was done to the resource that a nested one lies in, but for its other children of that kind.

        A database's finding may be mended by a setting of its server: of two who wrote, either may have done it.
        """
        above = ids.parent(resource)
        if above is None:
            return []
        alike = resource.rpartition("/")[0] + "/"
        return [
            event
            for event in self._beneath.get(above, ())
            if event.category == "resource"
            and low <= event.time <= high
            and not (event.subject.lower() + "/").startswith(alike)
        ]

    def of_grace(self, asked: Asked) -> Found:
        """Governance assignments of the recommendation that were written; at an end, taken away, else written.

        The counts show it hours later: what an earlier look saw was done in the day before that look. A write of that
        day may as well have been the start of what ended.
        """
        inner = f"/providers/microsoft.security/assessments/{asked.change.cause.subject.lower()}/governanceassignments/"
        low, high = asked.since - SLACK, asked.until + SLACK
        first = asked.change.since - LOOK_BACK if NEVER < asked.change.since <= asked.since else low
        ended = asked.change.cause.kind is Kind.GRACE_PERIOD_ENDED
        found: Found = {}
        for resource in asked.times or {one.lower() for one in asked.change.resources}:
            own = [
                event
                for event in self._beneath.get(resource, ()) or self._at_prefix(resource + inner)
                if event.category == "governance" and inner in event.subject.lower() and first <= event.time <= high
            ]
            writes = [event for event in own if event.action == "write"]
            if ended:
                late = [event for event in writes if event.time >= low] if first == low else []
                own = [event for event in own if event.action == "delete"][-1:] or late
            else:
                own = writes
            if own:
                found[resource] = own
        return found

    def _at_prefix(self, prefix: str) -> list[Happening]:
        """Events on things below a prefix that is no resource's: the subscription's own."""
        return [event for subject, own in self._at.items() if subject.startswith(prefix) for event in own]


_RULES: Mapping[Kind, Callable[[Records, Asked], Found]] = {
    **dict.fromkeys((Kind.EXEMPTION_CREATED, Kind.CONNECTOR_ADDED, Kind.PLAN_ENABLED), Records.of_object),
    **dict.fromkeys(
        (Kind.EXEMPTION_EXPIRED, Kind.EXEMPTION_REMOVED, Kind.CONNECTOR_REMOVED, Kind.PLAN_DISABLED), Records.of_end
    ),
    **dict.fromkeys((Kind.POLICY_DISABLED, Kind.POLICY_ENABLED), Records.of_policy),
    Kind.RESOURCE_ADDED: Records.of_new,
    Kind.RESOURCE_DELETED: Records.of_gone,
    **dict.fromkeys((Kind.DATA_SOURCE_GAINED, Kind.DATA_SOURCE_LOST), Records.of_agent),
    **dict.fromkeys((Kind.REMEDIATION, Kind.REGRESSION, Kind.APPLICABILITY_CHANGED), Records.of_flips),
    **dict.fromkeys((Kind.GRACE_PERIOD_STARTED, Kind.GRACE_PERIOD_ENDED), Records.of_grace),
}

_MADE = {"systemData", "metadata", "enablementTime"}
"""Records that date the making of a thing."""


def _is_connector(scope: str) -> bool:
    """What lies in one goes with it as `connector_removed`: what went for itself did not go with it."""
    return ids.type_of(scope) == "microsoft.security/securityconnectors"


def _same(event: Happening, record: Evidence) -> bool:
    """Whether an event is of the actor that a record names."""
    names = {value.lower() for value in (event.actor, event.actor_id, event.address) if value}
    return any(value.lower() in names for value in (record.actor, record.actor_id, record.address) if value)


def _is_agent(subject: str) -> bool:
    return ids.last(subject.rpartition("/")[0]) == "extensions" and ids.last(subject) in _AGENTS

"""The events of a subscription, and which of them explain a change: the right kind of act, on the right thing, in time.

Times that a change of a mark is looked back from are its own date's: see `LOOK_BACK`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from drift import ids
from drift.actors import Happening
from drift.kinds import Kind
from drift.model import DAY, HOUR, NEVER, Change

LOOK_BACK = DAY + HOUR
"""How long before a mark changes its cause can lie: everything is assessed once in 24 hours, and that takes a while."""

SLACK = HOUR // 12
"""By how much two of Azure's clocks may differ: five minutes."""

MAKING = HOUR
"""How long it takes at most to make a resource: its event comes when it is done."""

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


@dataclass(frozen=True, slots=True)
class Asked:
    """A change that is to be explained, in a comparison of two times."""

    change: Change
    times: Times
    since: int
    until: int

    @property
    def between(self) -> tuple[int, int]:
        """When what surrounds the marks was changed: between two looks, else in the time that is remembered."""
        low, high = self.change.between or (self.since - 2 * DAY, self.until)
        return low - SLACK, high + SLACK

    def before_flip(self, resource: str) -> tuple[int, int]:
        """When the mark of a resource can have been brought to change."""
        at = self.times.get(resource, NEVER)
        return (at - LOOK_BACK, at) if at != NEVER else (self.since - LOOK_BACK, self.until)


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

    # What explains a change, kind by kind

    def of_object(self, asked: Asked) -> Found:
        """Something that was made: of its writes the one that made it, where a record tells when that was."""
        low, high = asked.between
        found = self._on(asked.change.about, ("write",), low, high)
        made = [one.at for one in asked.change.evidence if one.source in _MADE and one.at != NEVER]
        near = [e for e in found if any(abs(e.time - at) <= SLACK for at in made)]
        return {None: near if made else found}

    def of_end(self, asked: Asked) -> Found:
        """Something that was taken away: its deletion; else that it was written."""
        low, high = asked.between
        found = self._on(asked.change.about, ("delete",), low, high)[-1:]
        return {None: found or self._on(asked.change.about, ("write",), low, high)}

    def of_policy(self, asked: Asked) -> Found:
        """Assignments that were written before the marks changed, or taken away, or added."""
        if asked.change.between is not None:
            low, high = asked.between
        else:
            known = [at for at in asked.times.values() if at != NEVER] or [asked.until]
            low, high = min(known) - LOOK_BACK, max(known)
        return {None: self._on(asked.change.about, ("write", "delete"), low, high)}

    def of_new(self, asked: Asked) -> Found:
        """The first write of a resource since it is there: within the time that making one takes, if it has a date."""
        low, high = asked.between
        for one in asked.change.evidence:
            if one.source == "createdTime" and one.at != NEVER:
                low, high = max(low, one.at - SLACK), min(high, one.at + MAKING)
        return {None: self._on([asked.change.cause.subject.lower()], ("write",), low, high)[:1]}

    def of_gone(self, asked: Asked) -> Found:
        """The deletion of a resource, or of what it lay in; else that its group's resources were moved away."""
        low, high = asked.between
        scopes = [scope for scope in ids.scopes(asked.change.cause.subject.lower()) if scope.count("/") > 2]
        found = self._on(scopes, ("delete",), low, high)
        return {None: found[-1:] or self._on(scopes, ("action",), low, high)[-1:]}

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
                found[resource] = own
        return found

    def of_grace(self, asked: Asked) -> Found:
        """Governance assignments of the recommendation that were written, or taken away."""
        inner = f"/providers/microsoft.security/assessments/{asked.change.cause.subject.lower()}/governanceassignments/"
        low, high = asked.since - SLACK, asked.until + SLACK
        found: Found = {}
        for resource in asked.times or {one.lower() for one in asked.change.resources}:
            own = [
                event
                for event in self._beneath.get(resource, ()) or self._at_prefix(resource + inner)
                if event.category == "governance" and inner in event.subject.lower() and low <= event.time <= high
            ]
            if own:
                found[resource] = own
        return found

    def _at_prefix(self, prefix: str) -> list[Happening]:
        """Events on things below a prefix that is no resource's: the subscription's own."""
        return [event for subject, own in self._at.items() if subject.startswith(prefix) for event in own]


_RULES: Mapping[Kind, Callable[[Records, Asked], Found]] = {
    **dict.fromkeys((Kind.EXEMPTION_CREATED, Kind.CONNECTOR_ADDED, Kind.PLAN_ENABLED), Records.of_object),
    **dict.fromkeys((Kind.EXEMPTION_REMOVED, Kind.CONNECTOR_REMOVED, Kind.PLAN_DISABLED), Records.of_end),
    **dict.fromkeys((Kind.POLICY_DISABLED, Kind.POLICY_ENABLED), Records.of_policy),
    Kind.RESOURCE_ADDED: Records.of_new,
    Kind.RESOURCE_DELETED: Records.of_gone,
    **dict.fromkeys((Kind.DATA_SOURCE_GAINED, Kind.DATA_SOURCE_LOST), Records.of_agent),
    **dict.fromkeys((Kind.REMEDIATION, Kind.REGRESSION, Kind.APPLICABILITY_CHANGED), Records.of_flips),
    **dict.fromkeys((Kind.GRACE_PERIOD_STARTED, Kind.GRACE_PERIOD_ENDED), Records.of_grace),
}

_MADE = {"systemData", "metadata", "enablementTime"}
"""Records that date the making of a thing."""


def _is_agent(subject: str) -> bool:
    return ids.last(subject.rpartition("/")[0]) == "extensions" and ids.last(subject) in _AGENTS

"""What is said of a cause, in plain words. Names from the tenant are text: cleaned, and cut to length."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from drift import ids
from drift.engine.effects import Tally
from drift.engine.scoring import Standing
from drift.kinds import Kind
from drift.model import NEVER, Change, Exemption, Point, Snapshot, moment

GONE = "it is no longer among the subscriptions"
UNWATCHED = "it is no longer watched"
"""Why a subscription that had a score has none, where Azure does not say."""

LONGEST = 90
"""Characters of one name in a title."""

WHERE, FIRST, SECOND = "\0", "\1", "\2"
"""Stand in a title for the resources concerned and for two figures, until it is known what a window has of them."""


def clean(text: str, longest: int = LONGEST) -> str:
    """A tenant's text as one line of printable characters, nothing that turns the direction or hides, cut to length."""
    if not text.isprintable():  # which is: a control or format character, or a space other than " "
        text = "".join(" " if ch.isspace() else ch for ch in text if ch.isspace() or ch.isprintable())
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 resource`, `1,204 resources`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


_TYPES = {
    "microsoft.compute/virtualmachines": "virtual machine",
    "microsoft.compute/virtualmachinescalesets": "scale set",
    "microsoft.hybridcompute/machines": "Arc machine",
    "microsoft.storage/storageaccounts": "storage account",
    "microsoft.sql/servers": "SQL server",
    "microsoft.sql/servers/databases": "SQL database",
    "microsoft.web/sites": "web app",
    "microsoft.keyvault/vaults": "key vault",
    "microsoft.network/virtualnetworks": "virtual network",
    "microsoft.network/virtualnetworks/subnets": "subnet",
    "microsoft.network/publicipaddresses": "public IP address",
    "microsoft.network/networksecuritygroups": "network security group",
    "microsoft.containerservice/managedclusters": "Kubernetes cluster",
    "microsoft.containerregistry/registries": "container registry",
    "microsoft.dbforpostgresql/flexibleservers": "PostgreSQL server",
    "microsoft.dbformysql/flexibleservers": "MySQL server",
    "microsoft.documentdb/databaseaccounts": "Cosmos DB account",
    "microsoft.resources/resourcegroups": "resource group",
}


@lru_cache(maxsize=1 << 16)
def resource(identity: str) -> str:
    """`virtual machine vm-7`."""
    if ids.is_subscription(identity):
        return "the subscription itself"
    kind = ids.type_of(identity)
    return f"{_TYPES.get(kind, kind.rpartition('/')[2])} {clean(ids.last(identity))}"


def filled(title: str, resources: Collection[str], numbers: tuple[float, float] | None) -> str:
    """A title with its resources (the name of the one, or how many) and its figures."""
    if WHERE in title:
        one = resource(next(iter(resources))) if len(resources) == 1 else count(len(resources), "resource")
        title = title.replace(WHERE, one)
    if numbers is not None:
        signed = "moved" in title
        for mark, number in zip((FIRST, SECOND), numbers, strict=True):
            title = title.replace(mark, f"{number:+g}" if signed else f"{number:g}")
    return title


class Facts:
    """What titles of one comparison are made from."""

    def __init__(self, before: Snapshot, after: Snapshot, exemptions: Mapping[str, Exemption]) -> None:
        self.before, self.after, self.exemptions = before, after, exemptions
        self.controls = {c.name.lower(): c.title for c in (*before.controls, *after.controls)}

    def told(self, change: Change, tally: Tally) -> Change:
        """The change with its title and the figures in it."""
        numbers = self._numbers(tally)
        return replace(change, title=self._title(change), numbers=numbers)

    def _numbers(self, tally: Tally) -> tuple[float, float] | None:
        if tally.cause.kind is Kind.UNEXPLAINED:
            ((healthy, counted),) = tally.effects.values()
            return float(healthy), float(counted)
        if tally.cause.kind is Kind.CONTROL_REWEIGHTED:
            ends = [{c.name.lower(): c.maximum for c in end.controls} for end in (self.before, self.after)]
            return ends[0][tally.cause.subject.lower()], ends[1][tally.cause.subject.lower()]
        return None

    def _title(self, change: Change) -> str:
        kind, subject = change.cause.kind, change.cause.subject
        exemption = self.exemptions.get(subject.lower())
        if kind in _OF_EXEMPTIONS and exemption is not None:
            words = _OF_EXEMPTIONS[kind].format(name=clean(exemption.title))
            return f"{words}: {WHERE}{self._category(exemption)}"
        if kind in _OF_CONTROLS:
            return _OF_CONTROLS[kind].format(name=clean(self.controls.get(subject.lower(), subject)))
        if kind in _OF_RESOURCES:
            return _OF_RESOURCES[kind].format(name=resource(subject))
        if kind in _OF_NAMES:
            return f"{_OF_NAMES[kind].format(name=clean(ids.last(subject)))}: {WHERE}"
        return f"{self.recommendation(subject)}: {_OF_RECOMMENDATIONS[kind]} {WHERE}"

    def recommendation(self, key: str) -> str:
        """Its display name; its key where there is no metadata."""
        place = self.after.recommendations.find(key)
        for end in (self.after, self.before):
            known = (end.context.recommendations or {}).get(-1 if place is None else place)
            if known is not None:
                return f"“{clean(known.title)}”"
        return f"recommendation {clean(key)}"

    @staticmethod
    def _category(exemption: Exemption) -> str:
        parts = ["Mitigated" if exemption.mitigated else "Waiver"]
        if exemption.expires != NEVER:
            parts.append(f"until {moment(exemption.expires).date().isoformat()}")
        if exemption.selectors:
            parts.append("its resource selectors could not be evaluated")
        return f" ({', '.join(parts)})"


_OF_EXEMPTIONS = {
    Kind.EXEMPTION_CREATED: "exemption “{name}” was created",
    Kind.EXEMPTION_EXPIRED: "exemption “{name}” ran out",
    Kind.EXEMPTION_REMOVED: "exemption “{name}” was removed",
}
_OF_CONTROLS = {
    Kind.CONTROL_REWEIGHTED: f"“{{name}}” is worth {SECOND} points instead of {FIRST}",
    Kind.UNEXPLAINED: f"“{{name}}”: the counts moved by {FIRST} healthy and {SECOND} counted more than the assessments "
    "show",
}
_OF_RESOURCES = {
    Kind.RESOURCE_ADDED: "{name} was added",
    Kind.RESOURCE_DELETED: "{name} was deleted",
    Kind.DATA_SOURCE_GAINED: "{name} is assessed now: its agent or extension reports",
    Kind.DATA_SOURCE_LOST: "{name} is no longer assessed: its agent or extension is silent",
}
_OF_NAMES = {
    Kind.CONNECTOR_ADDED: "connector {name} was added",
    Kind.CONNECTOR_REMOVED: "connector {name} was removed",
    Kind.PLAN_ENABLED: "Defender plan {name} was switched on",
    Kind.PLAN_DISABLED: "Defender plan {name} was switched off",
}
_OF_RECOMMENDATIONS = {
    Kind.RECOMMENDATION_REPLACED: "replaced an older check of the same thing, on",
    Kind.RECOMMENDATION_ADDED: "Microsoft made it count, on",
    Kind.RECOMMENDATION_LEFT_PREVIEW: "left preview and counts, on",
    Kind.RECOMMENDATION_RETIRED: "no longer counts, on",
    Kind.RECOMMENDATION_MOVED: "moved to another control, on",
    Kind.POLICY_DISABLED: "switched off by policy, on",
    Kind.POLICY_ENABLED: "switched on by policy, on",
    Kind.EXEMPTION_CREATED: "exempted (no matching exemption was found), on",
    Kind.EXEMPTION_EXPIRED: "an exemption ran out, on",
    Kind.EXEMPTION_REMOVED: "no longer exempt (the exemption is gone), on",
    Kind.GRACE_PERIOD_STARTED: "a governance grace period shields",
    Kind.GRACE_PERIOD_ENDED: "the governance grace period ended, on",
    Kind.RECOMMENDATION_REEVALUATED: "Microsoft assesses it differently, on",
    Kind.REMEDIATION: "fixed on",
    Kind.REGRESSION: "turned unhealthy on",
    Kind.APPLICABILITY_CHANGED: "became applicable, or no longer, on",
}


def reassessed(title: str, kind: Kind) -> str:
    """The title of a change of some kind of a recommendation, said of Microsoft's assessing it differently."""
    name = title.removesuffix(f"{_OF_RECOMMENDATIONS[kind]} {WHERE}")
    return f"{name}{_OF_RECOMMENDATIONS[Kind.RECOMMENDATION_REEVALUATED]} {WHERE}"


def arrived(point: Point, percentage: float, earlier: Point | None) -> str:
    """Of a subscription that came, and from where: `earlier` is how it stood before, None if it was not there."""
    if earlier is None:
        how = "was onboarded"
    elif earlier.unscored is not None:
        how = f"is scored now (before: {clean(earlier.unscored)}),"
    else:
        how = "joined the group"
    return (
        f"{clean(point.subscription.name)} {how} with {count(point.resources, 'resource')}, {percentage:.0f}% healthy"
    )


def departed(point: Point, percentage: float, later: Point | None) -> str:
    """Of a subscription that left, and why: `later` is how it stands after, None if it is gone."""
    if later is None:
        why = GONE
    elif later.unscored is not None:
        why = clean(later.unscored)
    else:
        why = "it is no longer in the group"
    had = f"{count(point.resources, 'resource')}, {percentage:.0f}% healthy"
    return f"{clean(point.subscription.name)} left the score with {had}: {why}"


def reweighted(control: str) -> str:
    """Of a control that is worth something else; its figures are the maxima."""
    return _OF_CONTROLS[Kind.CONTROL_REWEIGHTED].format(name=clean(control))


def reweighed(point: Point) -> str:
    """Of a subscription whose weight changed though no cell did; its figures are the weights."""
    return f"{clean(point.subscription.name)} weighs {SECOND} instead of {FIRST}, and no change of its cells shows why"


FILES = {
    "recommendations": "assessment-metadata.json",
    "inventory": "resources.json",
    "plans": "pricings.json",
    "connectors": "security-connectors.json",
    "assignments": "policy-assignments.json",
    "policy_exemptions": "policy-exemptions.json",
    "standard_exemptions": "standard-assignments.json",
    "graces": "governance-assignments.json",
    "initiatives": "policy-set-definitions.json",
}
"""The optional files, by the field of the context that holds them."""

_LOST = {
    "assessment-metadata.json": "all recommendations that a control lists are taken to count, and have no names",
    "resources.json": "added and deleted resources are told by their marks",
    "pricings.json": "plans that were switched on or off can't be told from agents that came or went",
    "security-connectors.json": "connectors that were added or removed can't be told from their resources",
    "policy-assignments.json": "an exemption of another initiative can't be told from one of the benchmark",
    "policy-exemptions.json": "policy exemptions are not named, and Mitigated ones not known",
    "standard-assignments.json": "exemptions of newer recommendations are not named",
    "governance-assignments.json": "grace periods are not known",
    "policy-set-definitions.json": "an exemption of a single policy matches only by the policy's own name",
}


def missing(files: Mapping[str, int]) -> list[str]:
    """What is lost by files that are missing in so many subscriptions."""
    return [
        f"{file} is missing in {count(files[file], 'subscription')}: {lost}"
        for file, lost in _LOST.items()
        if file in files
    ]


def notes(standings: Sequence[Standing], healthy_reading: bool, *, overdue: bool) -> tuple[str, ...]:
    """What a reader has to know of a comparison beside its causes."""
    found: list[str] = []
    if any(s.mitigated.any() for s in standings):
        reading = "count as healthy" if healthy_reading else "leave the score, as a Waiver does"
        found.append(f"exemptions of category Mitigated {reading}: measured against the reported counts")
    if overdue:
        found.append("changes older than 24 hours are settled though the counts do not show them: see unexplained")
    return tuple(found)


SUMMARIES: dict[Kind, tuple[str, str]] = {
    Kind.SUBSCRIPTION_ADDED: ("{causes} {was} onboarded", "subscription"),
    Kind.SUBSCRIPTION_REMOVED: ("{causes} left the score", "subscription"),
    Kind.CONNECTOR_ADDED: ("{causes} {was} added with {resources}", "connector"),
    Kind.CONNECTOR_REMOVED: ("{causes} {was} removed with {resources}", "connector"),
    Kind.RESOURCE_ADDED: ("{causes} {was} added{groups}", "resource"),
    Kind.RESOURCE_DELETED: ("{causes} {was} deleted{groups}", "resource"),
    Kind.RECOMMENDATION_REPLACED: (
        "{causes} replaced older checks of the same thing, on {resources}",
        "recommendation",
    ),
    Kind.RECOMMENDATION_ADDED: ("Microsoft made {causes} count, on {resources}", "recommendation"),
    Kind.RECOMMENDATION_LEFT_PREVIEW: ("{causes} left preview and {counts}, on {resources}", "recommendation"),
    Kind.RECOMMENDATION_RETIRED: ("{causes} no longer {counts}, on {resources}", "recommendation"),
    Kind.RECOMMENDATION_MOVED: ("{causes} moved to another control, on {resources}", "recommendation"),
    Kind.PLAN_ENABLED: ("{causes} {was} switched on, on {resources}", "Defender plan"),
    Kind.PLAN_DISABLED: ("{causes} {was} switched off, on {resources}", "Defender plan"),
    Kind.POLICY_DISABLED: ("{causes} {was} switched off by policy, on {resources}", "recommendation"),
    Kind.POLICY_ENABLED: ("{causes} {was} switched on by policy, on {resources}", "recommendation"),
    Kind.EXEMPTION_CREATED: ("{causes} {was} created, for {resources}", "exemption"),
    Kind.EXEMPTION_EXPIRED: ("{causes} ran out, on {resources}", "exemption"),
    Kind.EXEMPTION_REMOVED: ("{causes} {was} removed, on {resources}", "exemption"),
    Kind.GRACE_PERIOD_STARTED: ("grace periods shield {resources} ({causes})", "recommendation"),
    Kind.GRACE_PERIOD_ENDED: ("grace periods ended on {resources} ({causes})", "recommendation"),
    Kind.DATA_SOURCE_GAINED: ("{causes}{groups} {was} newly assessed: agents or extensions report", "resource"),
    Kind.DATA_SOURCE_LOST: ("{causes}{groups} {was} no longer assessed: agents or extensions are silent", "resource"),
    Kind.RECOMMENDATION_REEVALUATED: ("Microsoft assesses {causes} differently, on {resources}", "recommendation"),
    Kind.REMEDIATION: ("{causes} fixed on {resources}", "recommendation"),
    Kind.REGRESSION: ("{causes} turned unhealthy on {resources}", "recommendation"),
    Kind.APPLICABILITY_CHANGED: ("{causes} became applicable, or no longer, on {resources}", "recommendation"),
    Kind.CONTROL_REWEIGHTED: ("{causes} {was} given another maximum", "control"),
    Kind.WEIGHT_CHANGED: ("{causes} changed weight", "subscription"),
    Kind.UNEXPLAINED: ("the counts of {causes} moved more than the assessments show", "control"),
}


def summary(kind: Kind, causes: int, resources: int, groups: int, subscriptions: int) -> str:
    """One line for all causes of a kind."""
    template, noun = SUMMARIES[kind]
    where = f" in {count(groups, 'resource group')}" if groups else ""
    text = template.format(
        causes=count(causes, noun),
        was="was" if causes == 1 else "were",
        counts="counts" if causes == 1 else "count",
        resources=count(resources, "resource"),
        groups=where,
    )
    return text + across(subscriptions)


def across(subscriptions: int) -> str:
    """`, in 2 subscriptions`; of one it need not be said."""
    return f", in {count(subscriptions, 'subscription')}" if subscriptions > 1 else ""

"""What Microsoft's own records say of a change to the yardstick: metadata of checks, the version of the benchmark."""

from __future__ import annotations

from collections.abc import Iterable

from drift.actors import NEVER, Evidence
from drift.engine.context import Happened
from drift.engine.exemptions import initiative
from drift.engine.wording import clean
from drift.kinds import Class, Kind
from drift.model import Cause, Context, Recommendation

_REWRITTEN = "the description of the check changed"


def revised(before: Context, after: Context, since: int, at: int) -> list[Happened]:
    """The checks that are described otherwise, by place, and a new version of the benchmark, which has no place.

    The contexts are level; they were taken at `since` and `at`.
    """
    found: list[Happened] = []
    for place, new in (after.recommendations or {}).items():
        old = (before.recommendations or {}).get(place)
        if old is not None and old.assessed_by and new.assessed_by and old.assessed_by != new.assessed_by:
            found.append(
                Happened(Kind.RECOMMENDATION_REEVALUATED, at, name=_REWRITTEN, recommendation=place, since=since)
            )
    for identity, version in sorted((after.versions or {}).items()):
        known = (before.versions or {}).get(identity)
        if known is not None and known != version and initiative(after, identity):
            told = f"the benchmark's version went from {clean(known, 20)} to {clean(version, 20)}"
            found.append(Happened(Kind.RECOMMENDATION_REEVALUATED, at, name=told, since=since))
    return found


def records(cause: Cause, known: Recommendation | None, around: Iterable[Happened]) -> list[Evidence]:
    """What is on record of a change to the yardstick; nothing of other causes.

    `known`: what the metadata says of the recommendation. `around`: what changed in the time that is looked at.
    """
    if cause.kind.group is not Class.YARDSTICK:
        return []
    dates = {
        Kind.RECOMMENDATION_RETIRED: ("deprecated",),
        Kind.RECOMMENDATION_LEFT_PREVIEW: ("general",),
        Kind.RECOMMENDATION_ADDED: ("general", "public"),
        Kind.RECOMMENDATION_REPLACED: ("general", "public"),
    }.get(cause.kind, ())
    published = {getattr(known, name) for name in dates} - {NEVER} if known is not None else set()
    versions = [one for one in around if one.kind is Kind.RECOMMENDATION_REEVALUATED and one.recommendation < 0]
    return [
        *(Evidence("assessmentMetadata", at) for at in sorted(published)),
        *(Evidence("benchmark", one.at, told=one.name) for one in versions),
    ]

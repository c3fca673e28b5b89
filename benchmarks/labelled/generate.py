"""A chain from a seed: acts at random on an estate, snapshots of it, and for every movement what brought it about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from benchmarks.labelled import acts_estate, acts_grace, acts_marks, acts_rules, acts_waves, acts_yardstick
from benchmarks.labelled.answers import Answers
from benchmarks.labelled.chain import Chain, Counts, Folder
from benchmarks.labelled.estate import Estate
from benchmarks.labelled.founding import found
from benchmarks.labelled.labels import done, movements
from benchmarks.labelled.records import Records

SNAPSHOTS = 25
_BEGIN = datetime(2026, 3, 2, 6, tzinfo=UTC)

type Act = Callable[[Estate], bool]

SMALL: dict[Act, float] = {
    acts_marks.remediation: 22,
    acts_marks.regression: 14,
    acts_marks.applicability_changed: 5,
    acts_marks.data_source_gained: 4,
    acts_marks.data_source_lost: 4,
    acts_estate.resource_added: 5,
    acts_estate.cloud_resource_added: 1,
    acts_estate.resource_deleted: 4,
    acts_estate.connector_added: 0.7,
    acts_estate.weight_changed: 1.5,
    acts_rules.exemption_created: 9,
    acts_grace.grace_period_started: 4,
    acts_grace.grace_period_ended: 2,
    acts_yardstick.control_reweighted: 1,
    acts_yardstick.benchmark_published: 0.7,
    acts_estate.subscription_onboarded: 0.5,
    acts_estate.subscription_removed: 0.2,
    acts_estate.foundation_disabled: 0.3,
}
"""Acts that find something to do at nearly any time, and how often they are chosen."""

WIDE: dict[Act, float] = {
    acts_estate.resource_group_deleted: 3,
    acts_estate.connector_removed: 1,
    acts_estate.plan_enabled: 2,
    acts_estate.plan_disabled: 2,
    acts_rules.exemption_removed: 4,
    acts_rules.policy_disabled: 3,
    acts_rules.policy_enabled: 3,
    acts_rules.assignment_removed: 2,
    acts_rules.assignment_added: 2,
    acts_yardstick.recommendation_added: 1.5,
    acts_yardstick.recommendation_left_preview: 1.5,
    acts_yardstick.recommendation_retired: 1.2,
    acts_yardstick.recommendation_moved: 1.5,
    acts_yardstick.recommendation_replaced: 1.5,
    acts_waves.recommendation_reevaluated: 2.5,
    acts_waves.patch_night: 0.7,
}
"""Acts on many marks, which wait for an hour in which all of these are at rest."""

_PATIENCE = timedelta(hours=72)


def generate(seed: int, snapshots: int = SNAPSHOTS, *, ragged: bool = False) -> Chain:
    """The chain of a seed: the same for the same seed. `ragged`: see `Estate`."""
    return told(seed, snapshots, ragged=ragged)[0]


def told(seed: int, snapshots: int = SNAPSHOTS, *, ragged: bool = False) -> tuple[Chain, Records]:
    """The same, with what became of its events."""
    dice = Random(f"labelled {seed}")
    estate = found(seed, dice, _BEGIN + timedelta(days=seed % 200, minutes=dice.randrange(1440)))
    estate.ragged = ragged
    answers = Answers(estate)
    folders: list[Folder] = [answers.folder()]
    taken, labelled = [estate.now], []
    shown = _shown(estate)
    estate.settle()
    for step in range(snapshots - 1):
        start, end = estate.now, estate.now + timedelta(minutes=dice.randint(4 * 60, 12 * 60))
        _rotate(estate)
        for _ in range(dice.randint(1, 10)):
            estate.plan(start + (end - start) * dice.random(), lambda: _act(estate))
        estate.advance(end)
        folders.append(answers.folder())
        taken.append(end)
        before, shown = shown, _shown(estate)
        labelled += movements(estate, step, before, shown)
        estate.settle()
    return Chain(seed, folders, taken, estate.records.delivered(), labelled, done(estate.done)), estate.records


def _shown(estate: Estate) -> dict[str, Counts | None]:
    return {one.id: estate.shown(one) for one in estate.subscriptions.values()}


def _rotate(estate: Estate) -> None:
    """Lets one reserved recommendation go, and reserves another."""
    listed = Counter(key for control in estate.controls.values() for key in control.listed)
    known = sorted(key for key in listed if key not in estate.reserved)
    if known:
        estate.reserved.append(estate.dice.choice(known))
    del estate.reserved[: max(0, len(estate.reserved) - max(4, len(listed) // 2))]


def _act(estate: Estate) -> None:
    dice = estate.dice
    if dice.random() < 0.3:
        act = dice.choices(list(WIDE), list(WIDE.values()))[0]
        _wish(estate, act, estate.now + _PATIENCE)
        return
    for act in dice.choices(list(SMALL), list(SMALL.values()), k=5):
        if act(estate):
            return


def _wish(estate: Estate, act: Act, until: datetime) -> None:
    if not act(estate) and estate.now < until:
        estate.plan(estate.now + timedelta(minutes=50), lambda: _wish(estate, act, until))

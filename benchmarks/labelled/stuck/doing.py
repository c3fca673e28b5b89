"""Stories of work that nothing shows: refused, beside the point, on what does not count, on what is gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from benchmarks.labelled.chain import Folder
from benchmarks.labelled.land import Control, Deed, Recommendation
from benchmarks.labelled.stuck.stage import HOUR, Stage
from benchmarks.labelled.stuck.told import Told, marks, waits


def remediation_blocked(stage: Stage) -> Told:
    """Writes and deployments are refused."""
    one, dice, estate = stage.recommendation(), stage.dice, stage.estate
    made = stage.take(one, dice.randint(1, 4))
    by, first = stage.someone(), stage.end - (stage.end - stage.begin) * dice.uniform(0.02, 0.9)
    deployed = dice.random() < 0.3
    for resource in made:
        for again in range(dice.randint(1, 2)):
            at = first + timedelta(minutes=again * dice.randint(2, 20), seconds=dice.randrange(60))
            act = estate.records.correlation()
            estate.records.tell(at, by, "write", resource.id, correlation=act, outcome="Failure", sure=True)
            if deployed:
                where = f"{resource.group}/providers/Microsoft.Resources/deployments/remediate-{dice.randrange(1000)}"
                estate.records.tell(at, by, "write", where, correlation=act, outcome="Failure", sure=True)
    variant = "deployments" if deployed else "writes"
    return Told(variant, ("remediation_blocked",), one.key, made[0].id)


def fix_not_recognised(stage: Stage) -> Told:
    """Somebody wrote the resources more than a day ago, and not what the check looks at."""
    one, dice, estate = stage.recommendation(), stage.dice, stage.estate
    made = stage.take(one, 1 if stage.level == "resource" else dice.randint(2, 4))
    by, at = stage.someone(), stage.end - timedelta(hours=dice.uniform(26, 60))

    def act() -> None:
        for resource in made:
            resource.changed = at
            estate.records.tell(at, by, "write", resource.id)

    stage.at(at, act)
    return Told("a write beside the point", ("fix_not_recognised",), one.key, made[0].id)


def ghost_resource(stage: Stage) -> Told:
    """Resources are deleted, and their marks stay; or have not gone yet."""
    one, dice, estate = stage.recommendation(), stage.dice, stage.estate
    made = stage.take(one, dice.randint(1, 3))
    fresh, by = dice.random() < 0.25, stage.someone()
    ago = timedelta(hours=dice.uniform(1, 6) if fresh else dice.uniform(50, 120))
    if fresh and stage.end - stage.times[-2] < 2 * HOUR + ago:
        fresh, ago = False, timedelta(hours=dice.uniform(50, 120))
    at = stage.end - ago
    pairs = marks(one, made)

    def act() -> None:
        deed = Deed("resource_deleted", made[0].id, estate.now, by)
        for resource in made:
            del estate.resources[resource.id]
            estate.records.tell(at, by, "delete", resource.id)
        if fresh:
            estate.touch([pair for resource in made for pair in estate.pairs_of(resource)], deed)

    stage.at(at, act)
    if fresh:
        reasons = ("ghost_resource", "refresh_pending")
        return Told("gone lately", reasons, one.key, made[0].id, moving=pairs, true=waits(stage, pairs))
    return Told("gone for days", ("ghost_resource",), one.key, made[0].id)


# What does not count


def not_scoring(stage: Stage) -> Told:
    """What does not count is fixed."""
    one, dice, estate = stage.recommendation(), stage.dice, stage.estate
    made = stage.take(one, dice.randint(1, 5))
    way = dice.choice(("preview", "preview", "unlisted", "custom", "no points", "not applicable"))
    if way == "not applicable" and stage.level != "resource":
        way = "preview"
    if way == "preview":
        one.preview, one.general = True, None
    elif way == "not applicable":
        estate.moot |= set(marks(one, made))
    else:
        for control in estate.controls.values():
            if one.key in control.listed:
                control.listed.remove(one.key)
    if way == "custom":
        stage.patches.append(_custom(one))
    elif way == "no points":
        stage.patches.append(_worthless(_alone(stage, one)))
    if stage.level == "resource" or dice.random() < 0.7:
        stage.fix(one, made, stage.early())
    return Told(way, ("not_scoring",), one.key, made[0].id)


def _custom(one: Recommendation) -> Callable[[Folder], None]:
    def patch(folder: Folder) -> None:
        for row in folder["assessment-metadata.json"]["value"]:
            if row["name"] == one.key:
                row["properties"]["assessmentType"] = "CustomPolicy"

    return patch


def _alone(stage: Stage, one: Recommendation) -> Control:
    """A control of its own, with next to no points."""
    control = Control(one.key[::-1], "Implement security best practices", 1, [one.key])
    control.maximum = 1e-9  # type: ignore[assignment]  # the estate divides by it
    stage.estate.controls[control.name] = control
    return control


def _worthless(own: Control) -> Callable[[Folder], None]:
    """A control has no points at all."""

    def patch(folder: Folder) -> None:
        for name in [name for name in folder if name.endswith("/secure-score-controls.json")]:
            for row in folder[name]["value"]:
                p = row["properties"]
                if p["definition"]["name"] == own.name:
                    p["score"]["max"] = p["definition"]["properties"]["maxScore"] = 0
            for row in folder[name.replace("secure-score-controls", "secure-scores")]["value"]:
                row["properties"]["score"]["max"] = round(row["properties"]["score"]["max"])

    return patch

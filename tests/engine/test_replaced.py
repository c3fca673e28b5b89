"""Row 4, first half: an assessment key that is replaced by another is one cause, not a retirement and an addition."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from drift.engine.replaced import Check, partners
from drift.model import Recommendation
from tests.build import Estate, Folder, estate, key, policy_id
from tests.engine.test_against_oracle import agree
from tests.explained import own, told

REPLACED = {("recommendation_replaced", key("new"))}
APART = {("recommendation_retired", key("old")), ("recommendation_added", key("new"))}
PREVIEW = {"preview": True}


def base(**more: Any) -> Estate:
    return estate(
        controls={"c": (10, ["a", "old"]), "d": (5, ["e"])},
        recommendations={"new": None, "other": None},
        marks={("vm1", "a"): "Healthy", ("vm2", "a"): "Healthy", ("vm3", "e"): "Healthy"}
        | {("vm1", "old"): "Unhealthy", ("vm2", "old"): "Healthy"},
        **more,
    )


def follow(before: Estate, hours: float = 8, **more: Any) -> Estate:
    """The old one no longer exists, the new one is on the same resources, and one is fixed by it."""
    new = {
        "controls": {"c": (10, ["a", "new"])},
        "recommendations": {"old": None, "new": {}},
        "marks": {("vm1", "new"): "Healthy", ("vm2", "new"): "Healthy", ("vm1", "old"): None, ("vm2", "old"): None},
    }
    return before.but(hours, **(new | more))


def described(folder: Folder, **recs: dict[str, str]) -> Folder:
    """The folder with other metadata: by recommendation its `displayName`, and `policy`, a recommendation's name."""
    by_key = {key(name): told for name, told in recs.items()}
    for row in folder["assessment-metadata.json"]["value"]:
        given = dict(by_key.get(row["name"], {}))
        if "policy" in given:
            row["properties"]["policyDefinitionId"] = policy_id(given.pop("policy"))
        row["properties"] |= given
    return folder


def causes(*folders: Folder) -> set[tuple[str, str]]:
    return told(own(folders))


SAME = {
    "the policy is the same": {"old": {"policy": "x"}, "new": {"policy": "x"}},
    "the title is the same": {"old": {"displayName": "Do it"}, "new": {"displayName": "Do it"}},
    "the title differs by case and space": {"old": {"displayName": "Do  it "}, "new": {"displayName": "do It"}},
    "the title names another tool": {
        "old": {"displayName": "Do it (powered by Qualys)"},
        "new": {"displayName": "Do it (powered by Microsoft Defender Vulnerability Management)"},
    },
    "the title was a preview's": {"old": {"displayName": "Do it"}, "new": {"displayName": "[Preview]: Do it"}},
    "the title says that it goes": {"old": {"displayName": "[Deprecated] Do it"}, "new": {"displayName": "Do it"}},
}


@pytest.mark.parametrize("metadata", SAME.values(), ids=SAME)
def test_one_recommendation_replaced_another_if(metadata):
    before, after = base(), follow(base())
    assert causes(described(before, **metadata), described(after, **metadata)) == REPLACED


OTHERS = {
    "policy and title are others": {},
    "only the words in brackets that tell machines apart are others": {
        "old": {"displayName": "Do it (Linux)"},
        "new": {"displayName": "Do it (Windows)"},
    },
    "neither has a policy": {"old": {"policyDefinitionId": ""}, "new": {"policyDefinitionId": ""}},
}


@pytest.mark.parametrize("metadata", OTHERS.values(), ids=OTHERS)
def test_one_went_and_another_came_if(metadata):
    before, after = base(), follow(base())
    assert causes(described(before, **metadata), described(after, **metadata)) == APART


POLICY = SAME["the policy is the same"]


def test_one_in_another_control_is_another():
    after = follow(base(), controls={"c": (10, ["a"]), "d": (5, ["e", "new"])})
    assert causes(described(base(), **POLICY), described(after, **POLICY)) == APART


def test_of_two_that_came_neither_is_the_one():
    both = POLICY | {"other": {"policy": "x"}}
    after = follow(base(), controls={"c": (10, ["a", "new", "other"])})
    after = after.but(0, recommendations={"other": {}}, marks={("vm1", "other"): "Unhealthy"})
    found = causes(described(base(), **both), described(after, **both))
    assert found == APART | {("recommendation_added", key("other"))}


def test_of_two_that_went_neither_is_the_one():
    both = POLICY | {"other": {"policy": "x"}}
    before = base().but(0, controls={"c": (10, ["a", "old", "other"])}, recommendations={"other": {}})
    before = before.but(0, marks={("vm3", "other"): "Unhealthy"})
    after = follow(before, recommendations={"old": None, "other": None, "new": {}})
    found = causes(described(before, **both), described(after, **both))
    assert found == APART | {("recommendation_retired", key("other"))}


def test_one_that_still_counts_was_not_replaced():
    after = follow(base(), controls={"c": (10, ["a", "old", "new"])}, recommendations={"new": {}})
    after = after.but(0, marks={("vm1", "old"): "Unhealthy", ("vm2", "old"): "Healthy"})
    found = causes(described(base(), **POLICY), described(after, **POLICY))
    assert ("recommendation_added", key("new")) in found
    assert not found & REPLACED


def test_without_metadata_nothing_is_known_to_be_the_same():
    bare = ("assessment-metadata.json",)
    assert causes(base(without=bare), follow(base(without=bare))) == APART


def test_marks_that_come_a_folder_later_belong_to_the_replacement():
    before = base()
    middle = follow(before, marks={("vm1", "old"): None, ("vm2", "old"): None})
    late = middle.but(marks={("vm1", "new"): "Healthy", ("vm2", "new"): "Unhealthy"})
    story = [described(one, **POLICY) for one in (before, middle, late)]
    assert causes(*story) == REPLACED
    assert causes(*story[:2]) == REPLACED


@pytest.mark.parametrize(("hours", "kind"), [(40, "recommendation_replaced"), (49, "recommendation_added")])
def test_one_that_went_is_remembered_for_48_hours(hours, kind):
    before = base()
    gone = {"marks": {("vm1", "old"): None, ("vm2", "old"): None}, "recommendations": {"old": None}}
    middle = before.but(**gone, controls={"c": (10, ["a"])})
    still = middle.but(hours)
    late = follow(still)
    story = [described(one, **POLICY) for one in (before, middle, still, late)]
    assert causes(*story) == {("recommendation_retired", key("old")), (kind, key("new"))}


def test_one_that_came_first_is_remembered_when_the_old_one_goes():
    before = base()
    middle = before.but(
        controls={"c": (10, ["a", "old", "new"])}, recommendations={"new": {}}, marks={("vm1", "new"): "Unhealthy"}
    )
    late = follow(middle)
    story = [described(one, **POLICY) for one in (before, middle, late)]
    assert causes(*story[:2]) == {("recommendation_added", key("new"))}
    assert ("recommendation_replaced", key("new")) in causes(*story)
    assert ("recommendation_retired", key("old")) not in causes(*story)


def test_both_sets_of_marks_are_told_as_one():
    before, after = base(), follow(base())
    found = own([described(before, **POLICY), described(after, **POLICY)])
    (cause,) = found["causes"]
    assert cause["title"] == "“Recommendation new”: replaced an older check of the same thing, on 2 resources"
    assert (cause["marks"], cause["class"], cause["share"]) == (4, "yardstick", pytest.approx(found["movement"]))


def test_partners_don_t_depend_on_the_order():
    checks = {place: Check(Recommendation(f"check {place % 4}"), ("c",)) for place in range(8)}
    gone, came = ({p: checks[p] for p in some} for some in ((0, 1, 2, 3), (4, 5, 6, 7)))
    assert partners(gone, came) == {0: 4, 1: 5, 2: 6, 3: 7}
    turned = partners(dict(reversed(gone.items())), dict(reversed(came.items())))
    assert turned == partners(gone, came)


def shuffled(seed: int) -> list[Folder]:
    """Some folders in which recommendations come and go, some of them the same checks."""
    dice = Random(seed)
    names = ["old", "new", "other", "more"]
    metadata: dict[str, dict[str, str]] = {name: {} for name in names}
    for name in names:
        if dice.random() < 0.7:
            metadata[name]["policy"] = dice.choice("xy")
        if dice.random() < 0.5:
            metadata[name]["displayName"] = dice.choice(["Do it", "[Preview]: do it", "Do that"])
    world = estate(
        controls={"c": (10, ["a", "old"]), "d": (5, ["e"])},
        recommendations=dict.fromkeys(names[1:]),
        marks={(f"vm{i}", rec): "Healthy" for i in range(3) for rec in ("a", "e")} | {("vm1", "old"): "Unhealthy"},
    )
    story: list[Folder] = [described(world, **metadata)]
    stage = dict.fromkeys(names, 0) | {"old": 2}  # nowhere, in preview, counts, gone: none comes back
    for _ in range(dice.randint(1, 3)):
        stage = {
            name: min(3, at + dice.choice([0, 0, 1, 2])) if at else dice.choice([0, 0, 1, 2])
            for name, at in stage.items()
        }
        there = [name for name in names if 0 < stage[name] < 3]
        listed = {"c": ["a"], "d": ["e"]}
        for name in there:
            listed["c" if ord(name[0]) % 3 or dice.random() < 0.9 else "d"].append(name)
        world = world.but(
            dice.choice([4, 8, 20, 30]),
            controls={"c": (10, listed["c"]), "d": (5, listed["d"])},
            recommendations={name: {"preview": stage[name] == 1} if name in there else None for name in names},
            marks={
                (f"vm{i}", name): dice.choice(["Healthy", "Unhealthy"])
                if dice.random() < 0.7 and name in there
                else None
                for i in range(3)
                for name in names
            },
        )
        story.append(described(world, **metadata))
    return story


def test_replacements_agree_with_brute_force():
    seen = 0
    for seed in range(40):
        story = shuffled(seed)
        print(f"shuffled({seed})")
        agree(story)  # type: ignore[arg-type]
        seen += "recommendation_replaced" in {kind for kind, _ in causes(*story)}
    assert seen > 6

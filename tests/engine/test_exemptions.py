"""Which exemption a mark is exempt by, why it is no longer, and what Mitigated means in a tenant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.build import (
    BUILT_IN,
    SUB,
    Estate,
    at,
    estate,
    exemption,
    exemption_id,
    key,
    policy_id,
    reference,
    standard_exemption,
    standard_id,
)
from tests.explained import own, told

BASE = estate(
    controls={"c": (10, ["a", "b"])},
    marks={("vm1", "a"): "Unhealthy", ("vm11", "a"): "Unhealthy", ("vm2", "a"): "Healthy"},
    ancestors=["near", "far"],
)


def created(res: str = "vm1", **context: Any) -> str:
    """The subject of the exemption of a mark that became exempt: an exemption's id, or the recommendation's key."""
    ((kind, subject),) = told(own([BASE, BASE.but(marks={(res, "a"): "Exempt"}, **context)]))
    assert kind == "exemption_created"
    return subject


MATCHING = {
    "its scope is the resource": exemption("vm1", ("a",)),
    "its scope is the resource group": exemption("rg", ("a",)),
    "its scope is the subscription": exemption("sub", ("a",)),
    "its scope is the management group": exemption("mg:near", ("a",)),
    "its scope is a management group further up": exemption("mg:far", ("a",)),
    "it exempts from all of the initiative": exemption("vm1"),
    "it exempts from several policies, this among them": exemption("vm1", ("b", "a")),
    "it expires later": exemption("vm1", ("a",), expires=at(8.01)),
    "it was made for a healthy tenant's sake": exemption("vm1", ("a",), category="Mitigated"),
}
NOT_MATCHING = {
    "it is of another assignment": exemption("vm1", ("a",), assignment="cost"),
    "it expired long ago": exemption("vm1", ("a",), expires=at(-900)),
    "it expires the moment that the snapshot is taken": exemption("vm1", ("a",), expires=at(8)),
    "its scope is another resource": exemption("vm2", ("a",)),
    "its scope is a resource whose id only begins like it": exemption("vm11", ("a",)),
    "its scope is another resource group": exemption(f"/subscriptions/{SUB}/resourceGroups/r", ("a",)),
    "its reference is another policy's": exemption("vm1", ("b",)),
    "its reference is nobody's": exemption("vm1", references=["nobody"]),
    "its management group is not above": exemption("mg:elsewhere", ("a",)),
}


@pytest.mark.parametrize("one", MATCHING.values(), ids=MATCHING)
def test_an_exemption_matches_if(one):
    assert created(exemptions={"it": one}) == exemption_id("it", one["scope"]).lower()


@pytest.mark.parametrize("one", NOT_MATCHING.values(), ids=NOT_MATCHING)
def test_an_exemption_does_not_match_if(one):
    assert created(exemptions={"it": one}) == key("a")


def test_a_prefix_of_an_id_is_no_scope_of_it():
    assert created("vm11", exemptions={"it": exemption("vm1", ("a",))}) == key("a")


def test_a_standard_assignment_matches_by_the_key_of_the_recommendation():
    assert created(standards={"it": standard_exemption("vm1", "a")}) == standard_id("it", "vm1").lower()


NO_STANDARD = {
    "it names another": standard_exemption("vm1", "b"),
    "it does not exempt": standard_exemption("vm1", "a", effect="Attest"),
    "it is another resource's": standard_exemption("vm2", "a"),
    "it has expired": standard_exemption("vm1", "a", expires=at(-900)),
}


@pytest.mark.parametrize("one", NO_STANDARD.values(), ids=NO_STANDARD)
def test_a_standard_assignment_does_not_match_if(one):
    assert created(standards={"it": one}) == key("a")


def test_a_match_through_resource_selectors_is_said_to_be_one():
    selectors = [{"name": "eu", "selectors": [{"kind": "resourceLocation", "in": ["westeurope"]}]}]

    def title(**options: Any) -> str:
        after = BASE.but(marks={("vm1", "a"): "Exempt"}, exemptions={"it": exemption("vm1", ("a",), **options)})
        (cause,) = own([BASE, after])["causes"]
        return cause["title"]

    assert "selector" in title(selectors=selectors)
    assert "selector" not in title()


SCOPES = ["vm1", "rg", "sub", "mg:near", "mg:far"]


@pytest.mark.parametrize("wins", range(len(SCOPES)), ids=SCOPES)
def test_the_most_specific_scope_wins_though_others_are_newer(wins):
    several = {f"e{i}": exemption(SCOPES[i], ("a",), created=at(i - 90)) for i in range(wins, len(SCOPES))}
    assert created(exemptions=several) == exemption_id(f"e{wins}", SCOPES[wins]).lower()


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
def test_of_one_scope_the_newest_wins(order):
    age = {"old": at(-90), "new": at(-80)}
    assert created(exemptions={n: exemption("rg", ("a",), created=age[n]) for n in order}).endswith("/new")


def test_of_both_sorts_the_newest_wins():
    policy = {"policy": exemption("vm1", ("a",), created=at(-90))}
    assert created(exemptions=policy, standards={"s": standard_exemption("vm1", "a", created=at(-80))}).endswith("/s")
    older = {"s": standard_exemption("vm1", "a", created=at(-99))}
    assert created(exemptions=policy, standards=older).endswith("/policy")


@pytest.mark.parametrize(
    ("references", "matches"),
    [
        pytest.param([policy_id("a").rpartition("/")[2]], True, id="the policy's own name"),
        pytest.param([reference("a")], False, id="the initiative's name for it"),
        pytest.param([], True, id="none: all of the initiative"),
    ],
)
def test_without_the_initiatives_definition_a_reference_matches_if_it_is(references, matches):
    bare = BASE.but(0, without=("policy-set-definitions.json",))
    it = {"it": exemption("vm1", references=references)}
    ((_, subject),) = told(own([bare, bare.but(marks={("vm1", "a"): "Exempt"}, exemptions=it)]))
    assert subject == (exemption_id("it", "vm1").lower() if matches else key("a"))


def test_an_exemption_of_a_mark_that_was_healthy():
    after = BASE.but(marks={("vm2", "a"): "Exempt"}, exemptions={"it": exemption("vm2", ("a",))})
    assert told(own([BASE, after])) == {("exemption_created", exemption_id("it", "vm2").lower())}


# No longer exempt


def ended(exemptions_before: dict, exemptions_after: dict, now: str | None = "Unhealthy") -> set[tuple[str, str]]:
    before = BASE.but(marks={("vm1", "a"): "Exempt"}, exemptions=exemptions_before)
    return told(own([before, before.but(marks={("vm1", "a"): now}, exemptions=exemptions_after)]))


IT = exemption_id("it", "vm1").lower()


@pytest.mark.parametrize("now", ["Unhealthy", "Healthy"])
def test_an_exemption_that_is_gone_was_removed(now):
    assert ended({"it": exemption("vm1", ("a",))}, {"it": None}, now) == {("exemption_removed", IT)}


@pytest.mark.parametrize("left", [True, False], ids=["the object stays", "the object is gone too"])
@pytest.mark.parametrize("hours", [8.01, 12, 16])
def test_an_exemption_whose_time_is_up_expired(left, hours):
    it = {"it": exemption("vm1", ("a",), expires=at(hours))}
    assert ended(it, it if left else {"it": None}) == {("exemption_expired", IT)}


def test_an_exemption_that_is_gone_before_its_time_was_removed():
    assert ended({"it": exemption("vm1", ("a",), expires=at(16.01))}, {"it": None}) == {("exemption_removed", IT)}


def test_a_mark_that_is_exempt_no_more_though_nothing_matches_is_told_by_its_recommendation():
    other = {"it": exemption("vm2", ("a",))}
    assert ended(other, {"it": None}) == {("exemption_removed", key("a"))}


def test_the_exemption_that_mattered_is_told_where_a_wider_one_ends_too():
    both = {"it": exemption("vm1", ("a",)), "wide": exemption("sub", ("a",))}
    assert ended(both, {"it": None, "wide": None}) == {("exemption_removed", IT)}


def test_an_exempt_mark_that_vanishes_changes_nothing():
    assert ended({"it": exemption("vm1", ("a",))}, {"it": None}, now=None) == set()


def test_an_exempt_mark_that_turns_not_applicable_changes_nothing():
    assert ended({"it": exemption("vm1", ("a",))}, {"it": None}, now="NotApplicable") == set()


def test_an_exemption_outlives_its_assignment_as_long_as_that_is_remembered():
    it = {"it": exemption("vm1", ("a",), expires=at(20))}
    exempt = BASE.but(marks={("vm1", "a"): "Exempt"}, exemptions=it)
    folders = [exempt, exempt.but(assignments={BUILT_IN: None})]
    folders.append(folders[-1].but(marks={("vm1", "a"): "Unhealthy"}))
    assert told(own(folders)) == {("exemption_expired", IT)}


# Mitigated


def tenant_that_counts(reading: str, category: str = "Mitigated", **counts: Any) -> Estate:
    return estate(
        controls={"c": (10, ["a"]), "d": (5, ["e"])},
        marks={(f"vm{i}", "a"): "Unhealthy" for i in range(4)} | {("vm0", "e"): "Healthy", ("vm1", "e"): "Unhealthy"},
        mitigated=reading,
    ).but(0, exemptions={"it": exemption("vm0", ("a",), category=category)}, **counts)


def exempted(before: Estate) -> Estate:
    m = before.world.marks["vm0", "a"]
    mitigated = before.world.exemptions["it"]["category"] == "Mitigated"
    return before.but(marks={("vm0", "a"): type(m)("Exempt", at(5), m.first, mitigated)})


@pytest.mark.parametrize("reading", ["healthy", "notApplicable"])
def test_mitigated_is_read_as_the_counts_have_it(reading):
    """Healthy: 1 of 4 resources. Not applicable: 0 of 3, as before 0 of 4."""
    before = tenant_that_counts(reading)
    answer = own([before, exempted(before)])
    ((cause),) = answer["causes"]
    assert (cause["kind"], cause["subject"].lower()) == ("exemption_created", exemption_id("it", "vm0").lower())
    assert answer["movement"] == pytest.approx(100 * 2.5 / 15 if reading == "healthy" else 0)
    assert cause["share"] == pytest.approx(answer["movement"], abs=1e-9)
    note = next(note for note in answer["notes"] if "Mitigated" in note)
    assert ("healthy" in note) == (reading == "healthy")


def test_a_waiver_never_counts_as_healthy():
    before = tenant_that_counts("healthy", category="Waiver")
    answer = own([before, exempted(before)])
    assert answer["movement"] == pytest.approx(0)
    assert not [note for note in answer["notes"] if "Mitigated" in note]


def test_on_a_tie_mitigated_leaves_the_score():
    """Of four resources the counts show one healthy of three, half way between both readings."""
    before = tenant_that_counts("notApplicable")
    after = exempted(before).but(0, counts={"c": (1, 3)})
    note = next(note for note in own([before, after])["notes"] if "Mitigated" in note)
    assert "healthy" not in note


def test_on_a_tie_the_reading_in_force_stays():
    before = tenant_that_counts("healthy")
    clear = exempted(before)
    unclear = clear.but(counts={"c": (1, 3)})
    (note,) = [note for note in own([before, clear, unclear, unclear.but()])["notes"] if "Mitigated" in note]
    assert "healthy" in note


def test_a_mitigated_mark_stays_what_it_was_where_its_exemptions_assignment_has_gone():
    """It counts as healthy in every comparison that sees it, so that it comes and goes once."""
    before = tenant_that_counts("healthy")
    there = exempted(before).but(assignments={BUILT_IN: None})
    still = there.but()
    fixed = still.but(marks={("vm0", "a"): "Healthy"})
    answer = own([before, exempted(before), there, still, fixed])
    assert told(answer) == {("exemption_created", exemption_id("it", "vm0").lower())}
    assert told(answer, "pending") == set()

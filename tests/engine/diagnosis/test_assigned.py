"""Reasons in the assignment of the benchmark: what it does not reach, what it switches off."""

from __future__ import annotations

from typing import Any

import pytest

from tests.build import SUB, Estate, assignment_id, resource
from tests.engine.diagnosis.asking import reasons
from tests.engine.diagnosis.test_coverage import BASE, VMS, WITHOUT_VM6, undecided, without
from tests.explained import own

# benchmark_unassigned


def test_no_assignment_of_the_benchmark():
    none = BASE.but(0, assignments={"SecurityCenterBuiltIn": None})
    found = reasons(none)["benchmark_unassigned"]
    assert found["title"] == "the benchmark is not assigned to this subscription: its policies assess nothing"
    listed = f"/subscriptions/{SUB}/providers/Microsoft.Authorization/policyAssignments?api-version=2022-06-01"
    assert found["confirm"] == f'az rest --method get --url "https://management.azure.com{listed}"'
    other = BASE.but(0, assignments={"SecurityCenterBuiltIn": {"initiative": "/providers/x/policySetDefinitions/nist"}})
    assert "benchmark_unassigned" in reasons(other)


def test_an_assignment_above_or_at_a_part_of_it():
    above = BASE.but(0, assignments={"SecurityCenterBuiltIn": None, "mcsb": {"scope": "mg:root"}}, ancestors=["root"])
    assert "benchmark_unassigned" not in reasons(above)
    assert "benchmark_unassigned" not in reasons(BASE)
    part = without(BASE, ("vm6", "a"), ("vm6", "b")).but(0, assignments=WITHOUT_VM6)
    assert reasons(part)["benchmark_unassigned"]["resources"] == [resource("vm6")]
    assert "benchmark_unassigned" not in reasons(part, res="vm1")


def test_what_bears_marks_is_assessed_whatever_the_list_says():
    excluded = BASE.but(0, assignments=WITHOUT_VM6)
    assert "benchmark_unassigned" not in reasons(excluded)
    assert undecided(BASE.but(0, without=("policy-assignments.json",)))["benchmark_unassigned"]


# policy_disabled


def off(**options: Any) -> Estate:
    return BASE.but(
        0,
        switches={"b": "bEffect"},
        version="57.1.0",
        marks={(vm, "b"): "OffByPolicy" for vm in VMS},
        assignments={"SecurityCenterBuiltIn": {"parameters": {"bEffect": "Disabled"}}},
        **options,
    )


def test_a_policy_that_a_parameter_switches_off():
    found = reasons(off(), rec="b")["policy_disabled"]
    assert found["title"] == "“Recommendation b” on 6 resources: switched off by policy, so that it does not count"
    assert f"assignment {assignment_id()} sets beffect to Disabled" in found["evidence"]
    assert found["effect"] == pytest.approx(
        own([off(), off().but(marks={(vm, "b"): "Unhealthy" for vm in VMS})])["movement"]
    )
    assert "az policy assignment show --name" in found["confirm"]
    assert "policy_disabled" not in reasons(off(), rec="a")
    assert "policy_disabled" not in reasons(BASE, rec="b")


def test_a_policy_whose_marks_are_gone_is_switched_off_all_the_same():
    gone = off().but(0, marks={(vm, "b"): None for vm in VMS})
    assert "policy_disabled" in reasons(gone, rec="b")
    assert "policy_disabled" not in reasons(gone, rec="a")


def test_without_the_assignments_the_marks_tell_it():
    found = reasons(off(without=("policy-assignments.json",)), rec="b")["policy_disabled"]
    assert any("would tell" in line for line in found["evidence"])
    assert "az security assessment show" in found["confirm"]

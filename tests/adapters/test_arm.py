"""What Azure's lists say of who made what and who changed it, whatever printed them; and it is written out again."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from drift.actors import NEVER, NOTHING, Evidence
from drift.adapters import arm, assessments, evidence_writer
from drift.adapters.authorship import made, modified
from drift.adapters.evidence import open_folders
from drift.adapters.fields import LONGEST, Fields, numbered
from drift.errors import EvidenceError
from drift.model import Grace, Inventory, Snapshot, ticks
from drift.names import Names
from tests.adapters.test_defender import from_folder, rich, told, with_all
from tests.adapters.test_evidence import FORMS, as_dict, bare, each, flattened
from tests.build import INITIATIVE, SUB, assignment_id, at, connector, exemption_id, guid, iso, key, policy_id, resource

HOSTILE = "An\u202en\n\x00  <b>\tx</b>"
ONE_LINE = "Ann <b> x</b>"


def rows(*of: dict[str, Any]) -> list[Fields]:
    return numbered("file.json", of)


def record(**system: Any) -> Fields:
    return rows({"id": "x", "systemData": system})[0]


def beside(**metadata: Any) -> Fields:
    return rows({"id": "x", "properties": {"metadata": metadata}})[0]


# Who


def test_system_data_tells_who_made_and_who_changed_it_last():
    row = record(
        createdBy="ada@contoso.example",
        createdByType="User",
        createdAt=iso(at(-3)),
        lastModifiedBy=guid("pipeline"),
        lastModifiedByType="Application",
        lastModifiedAt=iso(at(-1)),
    )
    assert made(row) == Evidence(
        "systemData", ticks(at(-3)), "ada@contoso.example", "User", address="ada@contoso.example"
    )
    assert modified(row) == Evidence(
        "systemData", ticks(at(-1)), guid("pipeline"), "Application", actor_id=guid("pipeline")
    )


@pytest.mark.parametrize(("by", "on"), [("lastUpdatedBy", "lastUpdatedOn"), ("updatedBy", "updatedOn")])
def test_metadata_tells_it_where_there_is_no_system_data(by, on):
    row = beside(createdBy=guid("ada"), createdOn=iso(at(-3)), **{by: guid("bob"), on: iso(at(-1))})
    assert made(row) == Evidence("metadata", ticks(at(-3)), guid("ada"), actor_id=guid("ada"))
    assert modified(row) == Evidence("metadata", ticks(at(-1)), guid("bob"), actor_id=guid("bob"))


def test_of_both_the_system_data_is_taken_and_each_fills_what_the_other_lacks():
    row = rows(
        {
            "id": "x",
            "systemData": {"createdBy": "ada@contoso.example", "createdAt": iso(at(-3))},
            "properties": {"metadata": {"createdBy": guid("eve"), "updatedBy": "Bob", "updatedOn": iso(at(-1))}},
        }
    )[0]
    assert made(row).address == "ada@contoso.example"
    assert modified(row) == Evidence("metadata", ticks(at(-1)), "Bob")


@pytest.mark.parametrize(
    "row",
    [
        {"id": "x"},
        {"id": "x", "systemData": None},
        {"id": "x", "systemData": {}, "properties": {"metadata": None}},
        {"id": "x", "systemData": {"createdBy": None, "createdAt": None, "lastModifiedBy": ""}},
        {"id": "x", "properties": {"metadata": {"createdBy": None, "createdOn": None, "updatedBy": None}}},
        {"id": "x", "properties": {"metadata": {"createdBy": {}, "createdOn": [1], "updatedOn": "soon"}}},
    ],
)
def test_what_says_nothing_of_people_is_no_evidence(row):
    assert made(rows(row)[0]) == modified(rows(row)[0]) == NOTHING


def test_a_date_that_is_none_is_an_error_in_system_data_and_not_in_what_people_write():
    with pytest.raises(EvidenceError, match=r"file\.json: row 1: `lastModifiedAt`: 'soon' is not a date"):
        modified(record(lastModifiedAt="soon"))
    assert modified(beside(updatedBy="Bob", updatedOn="soon")) == Evidence("metadata", NEVER, "Bob")


def test_what_is_told_of_people_is_one_printable_line_cut_to_length():
    assert made(record(createdBy=HOSTILE)).actor == ONE_LINE
    assert len(made(record(createdBy="x" * 9000 + "@")).actor or "") == LONGEST
    assert made(beside(createdBy=HOSTILE)).actor == ONE_LINE
    assert made(record(createdBy=" \n", createdAt=iso(at(0)))).actor is None


# Whatever printed it


def snake(row: dict[str, Any]) -> dict[str, Any]:
    """As `as_dict`; the names of parameters are a tenant's own and stay."""
    parameters = row.get("properties", {}).get("parameters")
    return {**as_dict(row), **({} if parameters is None else {"parameters": parameters})}


PRINTED = {
    **{name: FORMS[name] for name in ("bare lists", "az: flattened", "unknown fields", "rows twice", "rows backwards")},
    "SDK: as_dict": lambda folder: bare(each(folder, snake)),
}


@pytest.fixture
def raw(tmp_path) -> dict[str, Any]:
    return told(from_folder(with_all(rich()), tmp_path / "raw"))


@pytest.mark.parametrize("form", PRINTED)
def test_who_and_when_are_told_whatever_printed_the_answer(form, raw, tmp_path):
    assert told(from_folder(PRINTED[form](with_all(rich())), tmp_path / "other")) == raw


def test_a_folder_tells_all_that_is_known_of_people_and_times(raw):
    context = raw["context"]
    assignments, exemptions = context["assignments"], context["policy_exemptions"]
    (standard,) = context["standard_exemptions"].values()
    built_in = assignments[assignment_id().lower()]
    assert built_in.parameters == {"amonitoringeffect": "AuditIfNotExists", "days": "30", "on": "true"}
    assert (built_in.modified.address, built_in.modified.at) == ("bob@contoso.example", ticks(at(-7)))
    assert assignments[assignment_id("old").lower()].modified.actor_id == guid("bob")
    assert exemptions[exemption_id("e", "vm2").lower()].reason == "On its way out"
    assert exemptions[exemption_id("e", "vm2").lower()].modified.at == ticks(at(-1))
    assert (standard.made.actor_id, standard.modified.at) == (guid("ada"), ticks(at(-5)))
    found = context["connectors"][connector().lower()]
    assert (found.made.actor_type, found.made.actor_id) == ("Application", guid("pipeline"))
    assert found.modified.at == ticks(at(-4))
    assert context["switches"] == {
        INITIATIVE.lower(): {policy_id("a").lower(): "amonitoringeffect", policy_id("p").lower(): "pmonitoringeffect"}
    }
    assert context["versions"] == {INITIATIVE.lower(): "57.56.0"}
    assert context["graces"] == {(resource("kv2"), key("g"), ticks(at(900)), "ada@contoso.example")}
    assert context["dues"] == {(resource("kv3"), key("g"), ticks(at(900)), "bob")}
    made_of, _ = context["inventory"]
    assert {at for _, _, at in made_of.values()} == {NEVER, ticks(at(-0.5))}
    assert context["recommendations"][key("p")].deprecated == ticks(at(0).replace(month=5, day=1, hour=0))
    assert context["recommendations"][key("p")].assessed_by == ""
    assert len(context["recommendations"][key("a")].assessed_by) == 16


def test_what_is_written_out_is_read_as_it_was(raw, tmp_path):
    snapshot = from_folder(with_all(rich()), tmp_path / "first")
    evidence_writer.write(tmp_path / "second", [snapshot])
    (folder,) = open_folders([tmp_path / "second"])
    again = folder.snapshot(SUB, Names(), folder.recommendations.copy())
    assert again is not None
    assert unlisted(told(again)) == unlisted(raw)


def unlisted(said: dict[str, Any]) -> dict[str, Any]:
    """Without what a folder cannot say: which types have no resource."""
    return said | {"context": said["context"] | {"inventory": said["context"]["inventory"][0]}}


@pytest.mark.parametrize("name", ["graces", "dues"])
def test_governance_is_written_where_half_of_it_is_at_hand(name, raw, tmp_path):
    snapshot = from_folder(with_all(rich()), tmp_path / "first")
    evidence_writer.write(tmp_path / "second", [replace(snapshot, context=replace(snapshot.context, **{name: None}))])
    (folder,) = open_folders([tmp_path / "second"])
    again: Snapshot | None = folder.snapshot(SUB, Names(), folder.recommendations.copy())
    assert again is not None
    assert told(again)["context"] | {"inventory": None} == raw["context"] | {"inventory": None, name: set()}


# What is assessed, and with which parameter


def digest(**told_of: Any) -> str:
    (found,) = arm.metadata("file.json", rows({"name": "k", "properties": {"displayName": "x", **told_of}})).values()
    return found.assessed_by


WHOLE = {
    "policyDefinitionId": "/policy/1",
    "description": "d",
    "remediationDescription": "r",
    "assessmentType": "BuiltIn",
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_assessed_is_another_where_any_of_it_is(name):
    assert digest(**WHOLE | {name: "other"}) != digest(**WHOLE)
    assert digest(**WHOLE | {"severity": "Low", "preview": True, "userImpact": "High"}) == digest(**WHOLE)


def test_what_is_assessed_is_not_told_by_a_file_without_descriptions():
    assert digest(policyDefinitionId="/policy/1", assessmentType="BuiltIn", description="") == ""


def test_a_policy_is_the_same_in_any_case():
    assert digest(**WHOLE | {"policyDefinitionId": "/POLICY/1"}) == digest(**WHOLE)


def initiative(*policies: dict[str, Any], **more: Any) -> arm.Initiatives:
    return arm.initiatives("file.json", rows({"id": "/I", "properties": {"policyDefinitions": [*policies], **more}}))


def policy(name: str, effect: Any, reference: str | None = None) -> dict[str, Any]:
    own = {"policyDefinitionId": f"/P/{name}", "policyDefinitionReferenceId": reference or name}
    return own | {"parameters": {"Effect": {"value": effect}, "days": {"value": "[parameters('days')]"}}}


@pytest.mark.parametrize("effect", ["Audit", "[concat(parameters('x'))]", "[parameters('x')", 5, None, ["x"], {}])
def test_an_effect_that_is_no_parameter_has_no_switch(effect):
    assert initiative(policy("a", effect)).switches == {"/i": {}}


def test_the_switch_of_a_policy_is_the_parameter_that_sets_its_effect():
    found = initiative(policy("a", "[parameters('aEffect')]"), policy("b", "[ Parameters( 'b Effect' ) ]"))
    assert found.switches == {"/i": {"/p/a": "aeffect", "/p/b": "b effect"}}


@pytest.mark.parametrize("order", [1, -1])
def test_a_policy_that_two_parameters_switch_has_the_same_in_any_order(order):
    twice = [policy("a", "[parameters('x')]"), policy("a", "[parameters('w')]", "again")][::order]
    assert initiative(*twice).switches == {"/i": {"/p/a": "w"}}


@pytest.mark.parametrize(
    ("more", "version"),
    [
        ({"version": "57.56.0", "metadata": {"version": "1"}}, {"/i": "57.56.0"}),
        ({"metadata": {"version": "57.56.0"}}, {"/i": "57.56.0"}),
        ({"metadata": {"version": 2}}, {"/i": "2"}),
        ({"metadata": {"version": {"a": 1}}}, {}),
        ({"version": ""}, {}),
        ({}, {}),
    ],
)
def test_an_initiative_tells_its_version_or_none(more, version):
    assert initiative(**more).versions == version


def test_parameters_are_told_where_they_are_one_value():
    given = {
        "Effect": {"value": "Disabled"},
        "none": {"value": None},
        "list": {"value": ["a"]},
        "object": {"value": {"a": 1}},
        "long": {"value": "x" * 900},
        "lines": {"value": "a\n\u202eb"},
        "number": {"value": 1.5},
        "off": {"value": False},
        "bare": "value",
    }
    (found,) = arm.assignments("f", rows({"id": assignment_id(), "properties": {"parameters": given}})).values()
    assert found.parameters == {
        "effect": "Disabled",
        "lines": "a b",
        "long": "x" * 200,
        "number": "1.5",
        "off": "false",
    }


def test_the_reason_of_an_exemption_is_one_line_cut_to_length():
    own = {"policyAssignmentId": "/a", "description": HOSTILE + "x" * 900}
    (found,) = arm.policy_exemptions("f", rows({"id": exemption_id("e"), "properties": own})).values()
    assert found.reason.startswith(ONE_LINE)
    assert len(found.reason) == LONGEST


# Governance


def governed(name: str, due: str | None, owner: str | None = None, shield: bool = False) -> dict[str, Any]:
    under = f"/sub/vm/providers/Microsoft.Security/assessments/K/governanceAssignments/{name}"
    return {"id": under, "properties": {"remediationDueDate": due, "owner": owner, "isGracePeriod": shield}}


def test_of_several_due_dates_of_a_mark_the_latest_counts_with_its_owner():
    given = [
        governed("a", iso(at(1)), "ada"),
        governed("b", iso(at(3)), HOSTILE),
        governed("c", iso(at(2)), "eve"),
        governed("d", iso(at(5)), "bob", shield=True),
        governed("e", iso(at(4)), "eve", shield=True),
        governed("f", None, "nobody"),
        governed("g", None, "nobody", shield=True),
    ]
    for order in (1, -1):
        graces, dues = arm.governance("f", rows(*given[::order]), Names(), Names())
        assert graces == (Grace(0, 0, ticks(at(5)), "bob"),)
        assert dues == (Grace(0, 0, ticks(at(3)), ONE_LINE),)


def test_an_assignment_without_a_due_date_names_no_resource():
    resources = Names()
    assert arm.governance("f", rows(governed("a", None)), resources, Names()) == ((), ())
    assert len(resources) == 0


# When resources were written


def inventory(*given: dict[str, Any]) -> tuple[Inventory, Names]:
    names = Names()
    listed = [assessments._Resource(**one) for one in given]
    return assessments.inventory("resources.json", iter([listed[:2], listed[2:]]), names), names


def test_of_rows_that_repeat_the_later_write_counts():
    found, names = inventory(
        {"id": "/b", "changed": iso(at(3))},
        {"id": "/a"},
        {"id": "/B", "changed": iso(at(5))},
        {"id": "/b", "snake_changed": iso(at(4))},
    )
    assert found.written is not None
    written = zip((names[place].lower() for place in found.resource.tolist()), found.written.tolist(), strict=True)
    assert dict(written) == {"/b": ticks(at(5)), "/a": NEVER}


def test_a_list_that_tells_of_no_write_has_no_such_column():
    assert inventory({"id": "/a"}, {"id": "/b"})[0].written is None
    assert inventory()[0].written is None


def test_a_write_at_no_time_is_an_error_that_names_the_field():
    with pytest.raises(EvidenceError, match=r"resources\.json: `changedTime`: 'soon' is not a date"):
        inventory({"id": "/a", "changed": "soon"})


def test_an_az_listing_in_snake_case_tells_when_a_resource_was_written(tmp_path):
    folder = deepcopy(dict(with_all(rich())))
    name = f"{SUB}/resources.json"
    folder[name] = [as_dict(flattened(row)) for row in folder[name]["value"]]
    assert any("changed_time" in row for row in folder[name])
    written = from_folder(folder, tmp_path).context.inventory.written  # type: ignore[union-attr]
    assert written is not None
    assert written.max() == ticks(at(-0.5))

"""The command line: what it prints, how it ends, and that bad input ends in one line that names the file."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from drift import folders as folders_module
from drift.cli import main
from tests.build import (
    SUB,
    T0,
    Estate,
    at,
    estate,
    exemption,
    iso,
    resource,
    standard_exemption,
    tenant,
    write,
)

type Folder = dict[str, Any]
type Breaking = Callable[[Folder], None]

ROOT = Path(__file__).parent.parent
OTHER = "22222222-2222-2222-2222-222222222222"
SCORES, CONTROLS, ASSESSMENTS, RESOURCES, EXEMPTIONS, STANDARDS, PRICINGS, POLICIES, CONNECTORS, GRACES = (
    f"{SUB}/{name}.json"
    for name in (
        "secure-scores",
        "secure-score-controls",
        "assessments",
        "resources",
        "policy-exemptions",
        "standard-assignments",
        "pricings",
        "policy-assignments",
        "security-connectors",
        "governance-assignments",
    )
)


def pair() -> tuple[Estate, Estate]:
    before = estate(
        controls={"c": (10, ["a", "b"])},
        marks={("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy", ("vm2", "b"): "Exempt", ("vm3", "b"): "Exempt"},
        exemptions={"e": exemption("vm2", ("b",))},
        standards={"s": standard_exemption("vm3", "b")},
        connectors={"conn": {}},
        governance={("vm1", "a"): {"due": at(900), "grace": False}},
        ancestors=["mg-a"],
        tags={"environment": "prod"},
    )
    return before, before.but(marks={("vm1", "a"): "Healthy"})


FILES = sorted(pair()[0])


@pytest.fixture
def folders(tmp_path, monkeypatch) -> tuple[Path, Path]:
    """Two good folders, named as one would type them; what is broken in a test is in `after`."""
    monkeypatch.chdir(tmp_path)
    before, after = pair()
    return write(before, Path("before")), write(after, Path("after"))


@pytest.fixture
def fails(capsys):
    """Runs drift on what it can't use, and gives the one line that it says."""

    def failed(*arguments: str, names: str = "") -> str:
        assert main(["explain", *arguments]) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.count("\n") == 1
        assert printed.err.endswith("\n")
        assert printed.err[:-1].isprintable()
        assert printed.err.startswith(f"drift: {names}")
        return printed.err.removeprefix("drift: ").removeprefix(names)

    return failed


def rewrite(file: str, breaking: Breaking, folder: str = "after") -> None:
    path = Path(folder, file)
    content = json.loads(path.read_text())
    breaking(content)
    path.write_text(json.dumps(content))


def run(*arguments: str, text: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "drift", *arguments],
        env=environment,
        capture_output=True,
        text=text,
        timeout=60,
        **options,
    )


# What is wrong with a file, whatever it should hold


@pytest.mark.parametrize("folder", ["before", "after"])
@pytest.mark.parametrize("file", FILES)
def test_a_file_cut_short_is_named(file, folder, folders, fails):
    whole = Path(folder, file).read_bytes()
    for part in (0.1, 0.5, 0.99):
        Path(folder, file).write_bytes(whole[: max(1, int(part * len(whole)))])
        assert "cut short" in fails("before", "after", names=f"{folder}/{file}: ")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", ""),
        (b"\x7fELF\x02\x01\x01\x00", "not valid JSON"),
        (b"\x1f\x8b\x08\x00", "not valid JSON"),
        (b"\xff\xfe[\x00]\x00", ""),
        (b"42", ""),
        (b'"text"', ""),
        (b"null", ""),
        (b"[1, 2]", ""),
        (b"[null]", ""),
        (b'[{"name": "\xff"}]', ""),
        (b"{}", ""),
        (b'{"value": {"a": 1}}', ""),
        (b'{"value": null}', ""),
        (b'{"error": {"code": "AuthorizationFailed", "message": "no"}}', ""),
        (b"<html></html>", "not valid JSON"),
        (b"[NaN]", ""),
        (b"[" * 100_000, ""),
        (b'{"value": ' + b"[" * 100_000, ""),
        (b'[{"a": ' + b'{"a": ' * 100_000, ""),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else "",
)
@pytest.mark.parametrize("file", ["snapshot.json", "subscriptions.json", CONTROLS, ASSESSMENTS, RESOURCES, EXEMPTIONS])
def test_a_file_of_something_else_is_named(file, data, words, folders, fails):
    Path("after", file).write_bytes(data)
    assert words in fails("before", "after", names=f"after/{file}: ")


@pytest.mark.parametrize("file", [name for name in FILES if name != "snapshot.json"])
def test_an_error_body_and_a_page_of_several_are_named_for_what_they_are(file, folders, fails):
    Path("after", file).write_text('{"error": {"code": "AuthorizationFailed", "message": "no"}}')
    assert "AuthorizationFailed" in fails("before", "after", names=f"after/{file}: ")
    Path("after", file).write_text('{"value": [], "nextLink": "https://management.azure.com/x"}')
    assert "nextLink" in fails("before", "after", names=f"after/{file}: ")


@pytest.mark.parametrize("file", FILES)
def test_a_folder_where_a_file_should_be_is_named(file, folders, fails):
    Path("after", file).unlink()
    Path("after", file).mkdir()
    fails("before", "after", names=f"after/{file}: ")


@pytest.mark.parametrize("target", ["itself", "nothing"])
@pytest.mark.parametrize("file", FILES)
def test_a_link_that_leads_nowhere_is_named_not_taken_for_a_file_that_was_left_out(file, target, folders, fails):
    path = Path("after", file)
    path.unlink()
    path.symlink_to(path.name if target == "itself" else "/nonexistent/file")
    fails("before", "after", names=f"after/{file}: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("file", FILES)
def test_a_file_that_may_not_be_read_is_named(file, folders, fails):
    Path("after", file).chmod(0)
    fails("before", "after", names=f"after/{file}: ")


def test_a_file_that_fails_while_it_is_read_is_named(folders, fails):
    """/proc/self/mem opens, and fails at the first read, as a disk or a share may."""
    path = Path("after", ASSESSMENTS)
    path.unlink()
    path.symlink_to("/proc/self/mem")
    fails("before", "after", names=f"after/{ASSESSMENTS}: ")


# What is wrong inside


def of(file: str, **fields: Any) -> Breaking:
    """Changes fields of the first row's properties; a dotted name (`score__max`) goes further in."""

    def breaking(content: Any) -> None:
        for name, value in fields.items():
            place, *path = content["value"][0]["properties"], *name.split("__")
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = value

    return breaking


def row(**fields: Any) -> Breaking:
    return lambda content: content["value"][0].update(fields)


def again(**fields: Any) -> Breaking:
    """Repeats the first row with other properties."""

    def breaking(content: Any) -> None:
        copy = deepcopy(content["value"][0])
        copy.setdefault("properties", {}).update(fields)
        content["value"].append(copy)

    return breaking


def again_beside(**fields: Any) -> Breaking:
    def breaking(content: Any) -> None:
        content["value"].append({**deepcopy(content["value"][0]), **fields})

    return breaking


def lacking(*path: str) -> Breaking:
    def breaking(content: Any) -> None:
        place = content["value"][0]
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return breaking


HUGE = 10**400
WRONG: dict[str, tuple[str, Breaking, tuple[str, ...]]] = {
    "unknown status code": (ASSESSMENTS, of(ASSESSMENTS, status__code="Sick"), ("row 1", "Sick")),
    "no status": (ASSESSMENTS, lacking("properties", "status"), ("row 1", "status")),
    "no name": (ASSESSMENTS, lacking("name"), ("row 1", "name")),
    "a bad date of a mark": (ASSESSMENTS, of(ASSESSMENTS, status__statusChangeDate="soon"), ("soon", "not a date")),
    "marks that disagree": (ASSESSMENTS, again(status={"code": "Unhealthy"}), ("twice", "differ")),
    "marks that disagree in date": (
        ASSESSMENTS,
        again(status={"code": "Healthy", "statusChangeDate": "2026-01-01T00:00:00Z"}),
        ("twice", "differ"),
    ),
    "no resource": (
        ASSESSMENTS,
        lambda c: c["value"][0].update(id="x", properties={"status": {"code": "Healthy"}}),
        ("names no resource",),
    ),
    "negative count": (CONTROLS, of(CONTROLS, healthyResourceCount=-1), ("row 1", "healthyResourceCount", "negative")),
    "negative unhealthy count": (
        CONTROLS,
        of(CONTROLS, unhealthyResourceCount=-3),
        ("unhealthyResourceCount", "negative"),
    ),
    "fractional count": (
        CONTROLS,
        of(CONTROLS, healthyResourceCount=1.5),
        ("healthyResourceCount", "1.5", "whole number"),
    ),
    "count in words": (CONTROLS, of(CONTROLS, healthyResourceCount="2"), ("healthyResourceCount", "not a number")),
    "count of true": (CONTROLS, of(CONTROLS, unhealthyResourceCount=True), ("unhealthyResourceCount", "not a number")),
    "count beyond all numbers": (CONTROLS, of(CONTROLS, healthyResourceCount=HUGE), ("healthyResourceCount",)),
    "count of 30 digits": (CONTROLS, of(CONTROLS, healthyResourceCount=10**30), ("healthyResourceCount",)),
    "count that is infinite": (CONTROLS, of(CONTROLS, healthyResourceCount="1e999"), ("healthyResourceCount",)),
    "no healthy count": (CONTROLS, lacking("properties", "healthyResourceCount"), ("healthyResourceCount",)),
    "no unhealthy count": (CONTROLS, of(CONTROLS, unhealthyResourceCount=None), ("unhealthyResourceCount",)),
    "control above its maximum": (CONTROLS, of(CONTROLS, score__current=10.5), ("current", "above")),
    "negative maximum": (CONTROLS, of(CONTROLS, definition__properties__maxScore=-1), ("maxScore", "negative")),
    "maximum beyond all numbers": (CONTROLS, of(CONTROLS, definition__properties__maxScore=HUGE), ("maxScore",)),
    "control without definition": (CONTROLS, of(CONTROLS, definition=None), ("definition", "expand=definition")),
    "control without name": (CONTROLS, row(name=None), ("row 1", "name")),
    "controls that disagree": (CONTROLS, again(healthyResourceCount=0), ("twice", "differ")),
    "no controls": (CONTROLS, lambda c: c.update(value=[]), ("no controls",)),
    "definition that is a text": (CONTROLS, of(CONTROLS, definition="x"), ("definition", "object")),
    "percentage above 1": (SCORES, of(SCORES, score__percentage=66.7), ("percentage", "66.7", "above 1")),
    "negative percentage": (SCORES, of(SCORES, score__percentage=-0.1), ("percentage", "negative")),
    "current above max": (SCORES, of(SCORES, score__current=11), ("current", "max")),
    "negative weight": (SCORES, of(SCORES, weight=-1), ("weight", "negative")),
    "weight beyond all numbers": (SCORES, of(SCORES, weight=HUGE), ("weight",)),
    "percentage beyond all numbers": (SCORES, of(SCORES, score__percentage=HUGE), ("percentage",)),
    "no weight": (SCORES, lacking("properties", "weight"), ("weight",)),
    "scores that disagree": (SCORES, again(weight=77), ("twice", "differ")),
    "score of another subscription": (
        SCORES,
        lambda c: c["value"][0].update(id=c["value"][0]["id"].replace(SUB, OTHER)),
        ("row 1", OTHER),
    ),
    "controls of another subscription": (
        CONTROLS,
        lambda c: c["value"][0].update(id=c["value"][0]["id"].replace(SUB, OTHER)),
        (OTHER,),
    ),
    "resources that disagree": (RESOURCES, again_beside(tags={"a": "b"}), ("twice", "differ")),
    "resources that disagree in date": (RESOURCES, again_beside(createdTime=iso(T0)), ("twice", "differ")),
    "resource without id": (RESOURCES, row(id=""), ("row 1", "id")),
    "bad date of a resource": (RESOURCES, row(createdTime="soon"), ("createdTime", "soon")),
    "exemptions that disagree": (EXEMPTIONS, again(exemptionCategory="Mitigated"), ("twice", "differ")),
    "exemption of nothing": (EXEMPTIONS, row(id="/x"), ("row 1", "policy exemption")),
    "exemption without assignment": (
        EXEMPTIONS,
        of(EXEMPTIONS, policyAssignmentId=None),
        ("row 1", "policyAssignmentId"),
    ),
    "bad end of an exemption": (EXEMPTIONS, of(EXEMPTIONS, expiresOn="soon"), ("row 1", "expiresOn", "soon")),
    "references that are no list": (
        EXEMPTIONS,
        of(EXEMPTIONS, policyDefinitionReferenceIds="x"),
        ("policyDefinitionReferenceIds",),
    ),
    "bad maker of an exemption": (EXEMPTIONS, row(systemData={"createdAt": "soon"}), ("createdAt", "soon")),
    "standard exemptions that disagree": (STANDARDS, again(expiresOn=iso(at(900))), ("twice", "differ")),
    "plan of another tier": (PRICINGS, of(PRICINGS, pricingTier="Gold"), ("row 1", "pricingTier", "gold")),
    "plan without tier": (PRICINGS, of(PRICINGS, pricingTier=None), ("row 1", "pricingTier")),
    "plans that disagree": (PRICINGS, again(pricingTier="Free"), ("twice", "differ")),
    "bad date of a plan": (PRICINGS, of(PRICINGS, enablementTime="soon"), ("enablementTime", "soon")),
    "assignments that disagree": (POLICIES, again(notScopes=["/x"]), ("twice", "differ")),
    "connector without id": (CONNECTORS, row(id=None), ("row 1", "id")),
    "governance of nothing": (GRACES, row(id="/x"), ("governance assignment",)),
    "bad due date": (GRACES, of(GRACES, remediationDueDate="soon"), ("remediationDueDate", "soon")),
    "subscription that is no GUID": ("subscriptions.json", row(subscriptionId="x"), ("row 1", "subscription id")),
    "subscriptions that disagree": ("subscriptions.json", again_beside(displayName="another"), ("twice", "differ")),
    "metadata that disagree": ("assessment-metadata.json", again(preview=True), ("twice", "differ")),
    "metadata without name": ("assessment-metadata.json", row(name=None), ("row 1", "name")),
    "initiative without id": ("policy-set-definitions.json", row(id=None), ("row 1", "id")),
    "takenAt missing": ("snapshot.json", lambda c: c.clear(), ("takenAt", "missing")),
    "takenAt a number": ("snapshot.json", lambda c: c.update(takenAt=7), ("takenAt",)),
    "takenAt no date": ("snapshot.json", lambda c: c.update(takenAt="soon"), ("takenAt", "soon", "not a date")),
    "takenAt a day that is none": (
        "snapshot.json",
        lambda c: c.update(takenAt="2026-02-30T00:00:00Z"),
        ("takenAt", "not a date"),
    ),
    "takenAt after all time": ("snapshot.json", lambda c: c.update(takenAt="9999-12-31T23:59:59-23:00"), ("takenAt",)),
    "groups that disagree": (
        "management-groups.json",
        lambda c: c.append({"subscriptionId": SUB, "ancestors": ["z"]}),
        ("twice", "differ"),
    ),
    "group without subscription": (
        "management-groups.json",
        lambda c: c[0].pop("subscriptionId"),
        ("row 1", "subscriptionId"),
    ),
    "ancestors that are no names": (
        "management-groups.json",
        lambda c: c[0].update(ancestors=[1]),
        ("row 1", "ancestors"),
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_in_a_file_is_said_with_its_name(what, folders, fails):
    file, breaking, words = WRONG[what]
    rewrite(file, breaking)
    said = fails("before", "after", names=f"after/{file}: ")
    assert [word for word in words if word not in said] == []


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e308", "1e30", "0x10", "1_000"]
)
@pytest.mark.parametrize("field", ["healthyResourceCount", "unhealthyResourceCount"])
def test_a_count_that_is_no_count_is_named(field, number, folders, fails):
    path = Path("after", CONTROLS)
    path.write_text(re.sub(rf'"{field}": \d+', f'"{field}": {number}', path.read_text()))
    fails("before", "after", names=f"after/{CONTROLS}: ")


@pytest.mark.parametrize("number", ["1e-320", "1e-300", "1e300", "1e308"])
@pytest.mark.parametrize(("file", "field"), [(SCORES, "weight"), (CONTROLS, "maxScore")])
def test_an_absurd_number_is_refused_or_divided_exactly(file, field, number, folders, capsys, recwarn):
    path = Path("after", file)
    path.write_text(re.sub(rf'"{field}": [\d.]+', f'"{field}": {number}', path.read_text()))
    status = main(["explain", "before", "after", "--format", "json"])
    printed = capsys.readouterr()
    assert [str(warning.message) for warning in recwarn] == []
    if status == 0:
        found = json.loads(printed.out)
        assert abs(sum(cause["share"] for cause in found["causes"]) - found["movement"]) < 1e-9
    else:
        assert status == 2
        assert printed.err.startswith(f"drift: after/{file}: ")


@pytest.mark.parametrize(
    "file", [name for name in FILES if name != "snapshot.json" and name != "management-groups.json"]
)
def test_rows_that_repeat_and_agree_are_one(file, folders, capsys):
    main(["explain", "before", "after", "--format", "json"])
    once = capsys.readouterr().out
    rewrite(file, lambda content: content["value"].extend(deepcopy(content["value"])))
    assert main(["explain", "before", "after", "--format", "json"]) == 0
    assert capsys.readouterr().out == once


def test_a_key_that_a_row_has_twice_is_read_the_same_by_all_or_refused(folders, capsys):
    path = Path("after", CONTROLS)
    path.write_text(
        path.read_text().replace('"healthyResourceCount"', '"healthyResourceCount": 0, "healthyResourceCount"')
    )
    assert main(["explain", "before", "after"]) in (0, 2)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("file", ["subscriptions.json", RESOURCES, CONNECTORS])
def test_an_id_of_ten_megabytes_is_no_reason_to_hang_or_to_shout(file, folders, capsys):
    long = "/" + "x" * 10_000_000
    rewrite(file, lambda content: content["value"][0].update(id=long))
    start = time.monotonic()
    assert main(["explain", "before", "after"]) in (0, 2)
    assert time.monotonic() - start < 10
    printed = capsys.readouterr()
    assert len(printed.out) < 20_000
    assert len(printed.err) < 3_000


# What is wrong with the folders


def test_a_subscription_without_scores_file_is_named(folders, fails):
    Path("after", SCORES).unlink()
    assert "missing" in fails("before", "after", names=f"after/{SCORES}: ")


def test_a_subscription_without_folder_is_named(folders, fails):
    path = Path("after", SUB)
    path.rename("elsewhere")
    said = fails("before", "after", names=f"after/{SCORES}: ")
    assert "missing" in said
    assert "sub 1111" in said


@pytest.mark.parametrize("file", [CONTROLS, ASSESSMENTS])
def test_a_scored_subscription_without_controls_or_assessments_is_named(file, folders, fails):
    Path("after", file).unlink()
    assert "missing" in fails("before", "after", names=f"after/{file}: ")


def test_a_folder_that_the_list_does_not_tell_of_is_named(folders, fails):
    Path("after", SUB).rename(Path("after", OTHER))
    assert "subscriptions.json" in fails("before", "after", names=f"after/{OTHER}: ")


def test_two_folders_of_one_subscription_are_named(tmp_path, monkeypatch, fails):
    monkeypatch.chdir(tmp_path)
    sub = "abcdefab-1111-2222-3333-abcdefabcdef"
    before = estate(subscription=sub, controls={"c": (10, ["a"])}, marks={("vm1", "a"): "Unhealthy"})
    write(before, Path("before"))
    write({**before.but(), **{path.replace(sub, sub.upper()): c for path, c in before.but().items()}}, Path("after"))
    assert "two folders" in fails("before", "after", names="after/")


def test_folders_of_two_tenants_are_named(folders, fails):
    for folder in ("before", "after"):
        rewrite("subscriptions.json", row(tenantId=folder), folder)
    assert "tenant" in fails("before", "after", names="after: ")


def test_a_subscription_that_changed_tenant_is_named(tmp_path, monkeypatch, fails):
    monkeypatch.chdir(tmp_path)
    one, other = (
        estate(subscription=sub, controls={"c": (10, ["a"])}, marks={("vm1", "a"): "Unhealthy"}) for sub in (SUB, OTHER)
    )
    for folder, tenants in (("before", ("t1", "t2")), ("after", ("t1", "t1"))):
        whole = tenant(one, other)
        for row_, tenant_id in zip(whole["subscriptions.json"]["value"], tenants, strict=True):
            row_["tenantId"] = tenant_id
        write(whole, Path(folder))
    said = fails("before", "after", names="after: ")
    assert "tenant" in said
    assert OTHER in said


def test_folders_in_the_wrong_order_are_named(folders, fails):
    assert "order of time" in fails("after", "before", names="before: ")


def test_of_three_folders_the_one_out_of_order_is_named(folders, fails):
    assert "order of time" in fails("before", "after", "before", names="before: ")


@pytest.mark.parametrize("names", [("before", "nowhere"), ("nowhere", "after"), ("before", "after", "nowhere")])
def test_a_missing_folder_is_named(names, folders, fails):
    fails(*names, names="nowhere: ")


def test_a_file_instead_of_a_folder_is_named(folders, fails):
    assert "not a folder" in fails("before", "after/snapshot.json", names="after/snapshot.json: ")


def test_an_empty_folder_is_named(folders, fails):
    Path("empty").mkdir()
    assert "missing" in fails("before", "empty", names="empty/subscriptions.json: ")


def test_one_folder_is_not_enough(folders, fails):
    assert "two" in fails("before")


@pytest.mark.parametrize(
    "scope",
    ["", "nobody", OTHER, "tag:environment=dev", "tag:environment", "tag:", "mg:", "mg:mg-b", "ALL", "a\nb\x1b[31m"],
)
def test_a_scope_that_nothing_belongs_to_is_named(scope, folders, fails):
    said = fails("before", "after", "--scope", scope)
    assert "--scope" in said
    assert re.sub(r"\s|\x1b", "", scope) in re.sub(r"\s", "", said)


def test_a_group_scope_names_the_file_that_it_needs(folders, fails):
    for folder in ("before", "after"):
        Path(folder, "management-groups.json").unlink()
    said = fails("before", "after", "--scope", "mg:mg-a", names="after/management-groups.json: ")
    assert "missing" in said


@pytest.mark.parametrize("name", ["a\x1b[31m", "a\nb", "é日", "x" * 200, "%s{}"])
def test_a_folder_with_a_strange_name_is_named_on_one_line(name, folders, fails):
    assert "not a folder" in fails("before", name)


def test_an_unused_file_with_rubbish_is_no_error(folders, capsys):
    Path("after", SUB, "something-else.json").write_text("rubbish")
    assert main(["explain", "before", "after"]) == 0
    assert capsys.readouterr().err == ""


# In a process of its own


@pytest.mark.parametrize(
    "breaking",
    [
        lambda: Path("after", ASSESSMENTS).write_text('{"value": [{'),
        lambda: Path("after", CONTROLS).write_bytes(b"[" * 100_000 + b"]" * 100_000),
        lambda: Path("after", SUB).rename("gone"),
        lambda: Path("after").rename("gone"),
        lambda: rewrite(CONTROLS, of(CONTROLS, healthyResourceCount=HUGE)),
    ],
    ids=["cut short", "nested", "no folder of a subscription", "no folder", "huge"],
)
def test_a_process_ends_with_2_and_one_line(breaking, folders):
    breaking()
    ended = run("explain", "before", "after")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("drift: after")
    assert ended.stderr.count("\n") == 1


def test_a_folder_name_that_is_no_text_is_one_line_too(folders):
    ended = run("explain", "before", b"a\xff")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("drift: ")
    assert ended.stderr.count("\n") == 1


def test_an_argument_that_is_none_ends_with_2(folders):
    for arguments in ([], ["explode"], ["explain", "before", "after", "--format", "xml"], ["explain"]):
        ended = run(*arguments)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("value", ["x", "nan", "inf", "-inf", ""])
def test_fail_under_wants_a_number(value, folders):
    ended = run("explain", "before", "after", f"--fail-under={value}")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--fail-under" in ended.stderr
    assert "_number" not in ended.stderr


# On several processors


@pytest.fixture
def several(tmp_path, monkeypatch) -> list[str]:
    """Three folders of three subscriptions, taken for large: a process reads each subscription."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(folders_module, "LARGE", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    subs = [f"{digit * 8}-1111-1111-1111-111111111111" for digit in "cab"]
    first = [estate(subscription=sub, controls={"c": (10, ["a"])}, marks={("vm1", "a"): "Unhealthy"}) for sub in subs]
    second = [one.but(marks={("vm2", "a"): "Healthy"}) for one in first]
    third = [one.but(marks={("vm1", "a"): "Healthy"}) for one in second[:2]]
    for name, estates in zip("123", (first, second, third), strict=True):
        write(tenant(*estates), Path(name))
    return ["1", "2", "3"]


def test_several_processes_give_the_same_answer_as_one(several, capsys, monkeypatch):
    assert main(["explain", *several, "--format", "json"]) == 0
    printed = capsys.readouterr()
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert main(["explain", *several, "--format", "json"]) == 0
    assert capsys.readouterr() == printed
    assert json.loads(printed.out)["causes"]


def test_bad_input_is_one_line_whichever_process_finds_it(several, fails):
    path = next(Path("2").glob("b*/assessments.json"))
    path.write_text('{"value": [{')
    assert "cut short" in fails(*several, names=f"{path}: ")


def test_an_interrupt_is_no_traceback(folders):
    path = Path("after", ASSESSMENTS)
    path.unlink()
    os.mkfifo(path)  # nobody writes: the reader waits until it is interrupted
    process = subprocess.Popen(
        [sys.executable, "-m", "drift", "explain", "before", "after"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(1.5)
    if process.poll() is None:  # else it refused the pipe, which is as good
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode != 0
    assert out == ""
    assert "Traceback" not in err


# What it prints


def test_json_is_one_object(folders, capsys):
    assert main(["explain", "before", "after", "--format", "json"]) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert printed.err == ""
    assert printed.out.endswith("}\n")
    assert (found["scope"], found["movement"]) == ("all", 50.0)
    assert [(cause["kind"], cause["share"]) for cause in found["causes"]] == [("remediation", 50.0)]


def test_text_is_what_is_printed_otherwise(folders, capsys):
    assert main(["explain", "before", "after"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Secure score of all subscriptions\n50.00 % → 100.00 %   +50.00 pp")


@pytest.mark.parametrize(
    "scope", ["all", SUB, SUB.upper(), "tag:environment=prod", "tag:Environment=prod", "mg:mg-a", "mg:MG-A"]
)
def test_a_scope_explains_those_who_belong_to_it(scope, folders, capsys):
    assert main(["explain", "before", "after", "--scope", scope, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["movement"] == 50.0
    assert ("subscriptions" in found) == (scope.lower() != SUB)


@pytest.mark.parametrize(
    ("order", "limit", "status"),
    [
        ("up", "-1", 0),
        ("up", "0", 0),
        ("up", "50", 0),
        ("up", "50.001", 3),
        ("down", "-1", 3),
        ("down", "0", 3),
        ("down", "-50", 0),
        ("down", "-49.999", 3),
        ("still", "0", 0),
        ("still", "0.001", 3),
    ],
)
@pytest.mark.parametrize("form", ["json", "text"])
def test_fail_under_ends_with_3_when_the_movement_is_below(order, limit, status, form, tmp_path, capsys):
    low = estate(controls={"c": (10, ["a"])}, marks={("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy"})
    high = estate(controls={"c": (10, ["a"])}, marks={("vm1", "a"): "Healthy", ("vm2", "a"): "Healthy"})
    first, marks = {"up": (low, "Healthy"), "down": (high, "Unhealthy"), "still": (low, "Unhealthy")}[order]
    paths = [write(first, tmp_path / "b"), write(first.but(marks={("vm1", "a"): marks}), tmp_path / "a")]
    assert main(["explain", *map(str, paths), f"--fail-under={limit}", "--format", form]) == status
    printed = capsys.readouterr()
    assert printed.out
    assert printed.err == ""


def test_no_movement_is_not_below(tmp_path, capsys):
    before, _ = pair()
    paths = [write(before, tmp_path / "b"), write(before.but(plans={"FoundationalCspm": "Free"}), tmp_path / "a")]
    assert main(["explain", *map(str, paths), "--fail-under", "0"]) == 0
    assert "no score" in capsys.readouterr().out


def test_bad_input_is_2_whatever_fail_under_says(folders, fails):
    assert "missing" not in fails("after", "before", "--fail-under", "99")


@pytest.mark.parametrize("arguments", [["--help"], ["explain", "--help"], ["schema", "--help"]])
def test_help_is_printed(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("usage: drift")
    assert printed.err == ""


def test_help_tells_of_every_option(capsys):
    with pytest.raises(SystemExit):
        main(["explain", "--help"])
    said = capsys.readouterr().out
    for word in ("FOLDER", "--scope", "--format", "--fail-under", "tag:NAME=VALUE", "mg:NAME"):
        assert word in said, word


# Terminals and pipes


def on_terminal(*arguments: str) -> tuple[str, str]:
    """What a process prints to stdout (a pipe) and to stderr (a terminal)."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "drift", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=follower,
    )
    os.close(follower)
    out, _ = process.communicate(timeout=60)
    shown = b""
    while select.select([leader], [], [], 0.2)[0]:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(leader)
    assert process.returncode == 0
    return out.decode(), shown.decode()


def test_progress_is_shown_on_a_terminal_and_wiped_away(folders):
    out, shown = on_terminal("explain", "before", "after", "--format", "json")
    assert json.loads(out)["movement"] == 50.0
    assert "1 of 1" in shown
    assert "sub 1111" in shown
    assert shown.endswith("\r\x1b[K")
    assert "\n" not in shown


def test_progress_with_a_hostile_name_does_not_command_the_terminal(folders):
    for folder in ("before", "after"):
        rewrite("subscriptions.json", row(displayName="a\x1b]0;title\x07\x9b31m\nb" + "日" * 200), folder)
    _, shown = on_terminal("explain", "before", "after", "--format", "json")
    assert "1 of 1" in shown
    assert re.findall(r"[\x00-\x1f\x7f-\x9f]", shown.replace("\r\x1b[K", "")) == []


def test_no_progress_where_stderr_is_no_terminal(folders):
    ended = run("explain", "before", "after")
    assert ended.returncode == 0
    assert ended.stderr == ""


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_reader_that_has_had_enough_is_no_error(form, folders):
    command = (
        f"{sys.executable} -m drift explain before after --format {form} | head -1 >/dev/null; exit ${{PIPESTATUS[0]}}"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for ending in ("head -1", "true"):
        ended = subprocess.run(
            ["bash", "-c", command.replace("head -1", ending)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("form", ["json", "text"])
def test_a_full_disk_is_said_and_is_not_success(form, folders):
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "drift", "explain", "before", "after", "--format", form],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert ended.returncode not in (0, 3)
    assert "Traceback" not in ended.stderr


def test_a_good_pair_of_folders_is_good(folders, capsys):
    """What the other tests break is whole to begin with: every file is read, nothing is noted."""
    assert main(["explain", "before", "after", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == []
    assert resource("vm1").startswith(f"/subscriptions/{SUB}/")

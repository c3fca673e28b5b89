"""The workflows for GitHub: they parse, ask for little, hold no secret, and run what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.bicep import INFRA, ROOT, read

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TRUSTED = ("actions/", "azure/")


def each(path: Path) -> str:
    return path.name


def faults(workflow: Any) -> list[str]:
    """What a workflow should not do."""
    found = []
    if workflow.get("permissions") != {"contents": "read"}:
        found.append("the workflow may do more than read")
    for name, job in workflow["jobs"].items():
        permissions = job.get("permissions", {})
        if set(permissions) - {"contents", "id-token"} or permissions.get("contents", "read") != "read":
            found.append(f"{name}: may do more than read and log in")
        if "timeout-minutes" not in job:
            found.append(f"{name}: may run for hours")
        for step in job["steps"]:
            uses = step.get("uses", "")
            if uses and not (uses.startswith(TRUSTED) and re.fullmatch(r"[\w/-]+@(v\d+|[0-9a-f]{40})", uses)):
                found.append(f"{name}: {uses} is not of GitHub or Azure by its major version or a hash")
            if "${{" in step.get("run", ""):
                found.append(f"{name}: a script takes an expression for code: give it in env")
    return found


def test_there_are_workflows():
    assert {path.name for path in WORKFLOWS} == {"ci.yml", "deploy.yml", "infra.yml"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=each)
def test_a_workflow_asks_for_little(path):
    text = path.read_text(encoding="utf-8")
    assert faults(yaml.safe_load(text)) == []
    assert "secrets." not in text
    assert "pull_request_target" not in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"permissions": "write-all"}, "more than read"),
        ({"jobs": {"a": {"timeout-minutes": 1, "permissions": {"contents": "write"}, "steps": []}}}, "log in"),
        ({"jobs": {"a": {"steps": []}}}, "for hours"),
        ({"jobs": {"a": {"timeout-minutes": 1, "steps": [{"uses": "someone/thing@v1"}]}}}, "someone/thing"),
        ({"jobs": {"a": {"timeout-minutes": 1, "steps": [{"uses": "actions/checkout@main"}]}}}, "checkout@main"),
        ({"jobs": {"a": {"timeout-minutes": 1, "steps": [{"run": "echo ${{ github.head_ref }}"}]}}}, "for code"),
    ],
)
def test_a_workflow_that_asks_for_more_would_be_found(change, said):
    (found,) = faults({"permissions": {"contents": "read"}, "jobs": {}} | change)
    assert said in found


@pytest.mark.parametrize("path", WORKFLOWS, ids=each)
def test_a_workflow_runs_what_make_can_on_files_that_are_there(path):
    text = path.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", text)) <= targets
    for file in re.findall(r"--template-file (\S+)", text):
        assert (ROOT / file).is_file()


def test_what_if_gives_the_template_its_parameters():
    text = (ROOT / ".github" / "workflows" / "infra.yml").read_text(encoding="utf-8")
    given = set(re.findall(r"(\w+)=\"\$", text.partition("--parameters")[2]))
    parameters = read(INFRA / "main.bicep").parameters
    assert given <= set(parameters)
    assert {name for name, default in parameters.items() if not default} <= given

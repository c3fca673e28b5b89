"""Where the project lists things, the lists are true; and the engine stays pure."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from drift.engine import wording

ROOT = Path(__file__).parent.parent
ENGINE = sorted((ROOT / "drift" / "engine").rglob("*.py"))
REQUIREMENTS = [*sorted(ROOT.glob("requirements*.txt")), ROOT / "benchmarks" / "requirements.txt"]

VOCABULARY = ("actors", "forecast", "ids", "kinds", "model", "names")
"""What the engine speaks in."""

PURE = {
    "__future__",
    "bisect",
    "collections",
    "collections.abc",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "heapq",
    "itertools",
    "math",
    "operator",
    "re",
    "shlex",
    "string",
    "types",
    "typing",
    "unicodedata",
}
"""What of the standard library the engine may use: nothing that reads a clock, a file, the network, the environment."""

IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "__import__", "now", "utcnow", "today"}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(path: Path) -> set[str]:
    """Every module that a file imports; `from drift import ids` is `drift.ids`."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found |= (
                {f"{module}.{alias.name}" for alias in node.names} if module in ("drift", "drift.engine") else {module}
            )
    return found


def calls(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            name = node.func
            found.add(name.id if isinstance(name, ast.Name) else name.attr if isinstance(name, ast.Attribute) else "")
    return found


def is_pure(module: str) -> bool:
    ours = ("drift.engine", *(f"drift.{name}" for name in VOCABULARY))
    return module in PURE or module == "numpy" or module == "numpy.typing" or module.startswith(ours)


# The engine


INSIDE = [*ENGINE, *(ROOT / "drift" / f"{name}.py" for name in VOCABULARY)]


@pytest.mark.parametrize("path", INSIDE, ids=lambda path: str(path.relative_to(ROOT / "drift")))
def test_the_engine_imports_nothing_that_reaches_outside(path):
    assert sorted(module for module in imported(path) if not is_pure(module)) == []


@pytest.mark.parametrize("path", INSIDE, ids=lambda path: str(path.relative_to(ROOT / "drift")))
def test_the_engine_calls_nothing_that_reaches_outside(path):
    assert sorted(calls(path) & IMPURE_CALLS) == []


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("import os", True),
        ("from pathlib import Path", True),
        ("import urllib.request", True),
        ("from drift import cli", True),
        ("from drift.adapters import stream", True),
        ("def f():\n    import logging", True),
        ("from drift import ids", False),
        ("from drift.engine import wording", False),
        ("import numpy as np", False),
    ],
)
def test_an_import_that_reaches_outside_would_be_found(source, wrong, tmp_path):
    path = tmp_path / "a.py"
    path.write_text(source)
    assert any(not is_pure(module) for module in imported(path)) == wrong


@pytest.mark.parametrize("source", ["datetime.now(UTC)", "open('x')", "date.today()", "print(1)"])
def test_a_call_that_reaches_outside_would_be_found(source, tmp_path):
    path = tmp_path / "a.py"
    path.write_text(source)
    assert calls(path) & IMPURE_CALLS


def test_there_is_an_engine_to_look_at():
    assert {path.stem for path in ENGINE} >= {"attribution", "explanation", "wording"}


@pytest.mark.parametrize("path", sorted((ROOT / "drift" / "adapters").glob("*.py")), ids=lambda path: path.stem)
def test_the_adapters_do_not_know_the_engine_or_the_command_line(path):
    assert [
        m for m in imported(path) if m.startswith(("drift.engine", "drift.cli", "drift.text", "drift.pipeline"))
    ] == []


# The page on evidence folders


def files_told() -> list[str]:
    """The files of the table `What each file is for`."""
    page = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    table = page.partition("## 4.")[2].partition("## 5.")[0]
    return re.findall(r"^\| `([a-z-]+\.json)` \|", table, re.MULTILINE)


def files_read() -> set[str]:
    """The names of files that the adapters ask for; a backup is no evidence."""
    found: set[str] = set()
    for path in {*(ROOT / "drift" / "adapters").glob("*.py")} - {ROOT / "drift" / "adapters" / "backup.py"}:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {node.value} if re.fullmatch(r"[a-z-]+\.json", node.value) else set()
    return found


def test_the_page_tells_of_every_file_that_is_read():
    beside = "secure-score-control-definitions.json"
    assert files_read() - set(files_told()) - {beside} == set()
    assert beside in (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")


def test_the_page_tells_of_no_file_that_is_not_read():
    assert set(files_told()) - files_read() == set()
    assert len(files_told()) == len(set(files_told())) == 17


def test_the_page_makes_every_file_that_it_tells_of():
    page = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    commands = "\n".join(re.findall(r"```bash\n(.*?)```", page, re.DOTALL))
    assert [name for name in files_told() if f"/{name}" not in commands] == []


def test_the_files_without_which_nothing_works_are_those_that_are_required():
    page = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    needed = set(re.findall(r"^\| `([a-z-]+\.json)` \|[^|]*\| nothing works", page, re.MULTILINE))
    assert needed == {"subscriptions.json", "secure-scores.json", "secure-score-controls.json", "assessments.json"}
    assert needed & set(wording.FILES.values()) == set()


def test_what_is_lost_is_told_of_every_optional_file():
    files = set(wording.FILES.values())
    lost = wording.missing(dict.fromkeys(files, 2))
    assert {line.partition(" is missing in 2 subscriptions: ")[0] for line in lost} == files


# Commands, settings, versions


def targets() -> set[str]:
    """The targets of the Makefile that are typed."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.search(r"^\.PHONY:(.*)$", makefile, re.MULTILINE)[1].split())


def test_every_make_target_that_the_readme_names_exists():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", readme, re.MULTILINE))
    assert named
    assert named - targets() == set()


def test_every_phony_target_has_a_rule():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [name for name in targets() if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


def test_the_continuous_integration_runs_what_make_can():
    scripts = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / ".ci").iterdir())
    named = set(re.findall(r"\bmake ([a-z-]+)", scripts))
    assert named
    assert named - targets() == set()


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_requirement_is_pinned(path):
    lines = [line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    wanted = [line for line in lines if line and not line.startswith("-r ")]
    assert wanted
    assert [
        line for line in wanted if not re.fullmatch(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[0-9][A-Za-z0-9.]*", line)
    ] == []


MODULES = {
    "azure-core": "azure.core",
    "azure-data-tables": "azure.data.tables",
    "azure-eventgrid": "azure.eventgrid",
    "azure-functions": "azure.functions",
    "azure-identity": "azure.identity",
    "azure-mgmt-security": "azure.mgmt.security",
    "azure-storage-blob": "azure.storage.blob",
    "azure-storage-queue": "azure.storage.queue",
    "httpx": "httpx",
    "microsoft-kiota-abstractions": "kiota_abstractions",
    "microsoft-kiota-authentication-azure": "kiota_authentication_azure",
    "microsoft-kiota-http": "kiota_http",
    "msgraph-core": "msgraph_core",
    "msgraph-sdk": "msgraph",
    "msgspec": "msgspec",
    "numpy": "numpy",
}
"""What is required, and the module that it brings."""

BELOW = {"azure-functions-runtime", "azure-mgmt-core", "plotly", "tzdata"}
"""Nothing imports them: what Azure's worker runs the app with, what azure-mgmt-security stands on, pinned, what
zoneinfo reads where the system has no time zones, and whose script the page's charts are drawn with.
"""


def test_what_runs_needs_what_is_required_and_nothing_else():
    required = {
        line.partition("==")[0]
        for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    }
    files = [*(ROOT / "drift").rglob("*.py"), ROOT / "function_app.py"]
    used = {module for path in files for module in imported(path)}
    needed = {
        name for name, own in MODULES.items() if any(module == own or module.startswith(own + ".") for module in used)
    }
    assert needed | BELOW == required
    ours = ("drift", "__future__", *MODULES.values())
    foreign = {m.partition(".")[0] for m in used if not m.startswith(ours)} - set(sys.stdlib_module_names)
    assert foreign == set()


def test_the_package_carries_the_schema():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (pattern,) = project["tool"]["setuptools"]["package-data"]["drift"]
    assert [path.name for path in (ROOT / "drift").glob(pattern)] == ["explanation.schema.json"]
    packages = {str(path.parent.relative_to(ROOT)).replace("/", ".") for path in (ROOT / "drift").rglob("__init__.py")}
    assert packages == set(project["tool"]["setuptools"]["packages"])


def test_the_python_version_is_one_everywhere():
    version = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    short = ".".join(version.split(".")[:2])
    assert project["project"]["requires-python"] == f">={short}"
    assert project["tool"]["ruff"]["target-version"] == "py" + short.replace(".", "")
    assert project["tool"]["mypy"]["python_version"] == short

"""The pages on deploying and operating name what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drift.adapters.storage import TABLES
from tests.infra.bicep import INFRA, ROOT, read
from tests.infra.roles import ROLES

DEPLOY, OPERATE = ((ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("deploy", "operate"))


@pytest.mark.parametrize("page", [DEPLOY, OPERATE], ids=["deploy", "operate"])
def test_files_that_a_page_names_are_there(page):
    named = set(re.findall(r"(?:infra|tests|\.github|drift)/[\w/.-]+\.(?:bicep|sh|py|yml)", page))
    assert named
    assert {path for path in named if not (ROOT / path).is_file()} == set()


@pytest.mark.parametrize("page", [DEPLOY, OPERATE], ids=["deploy", "operate"])
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([\w/.-]+\.\w+)(?:#([\w-]+))?\)", page):
        path = (ROOT / "docs" / target).resolve()
        assert path.is_file(), target
        titles = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
        assert not anchor or anchor in anchors, f"{target}#{anchor}"


def test_the_page_has_every_role_with_its_reason():
    rows = {f"| {role.name} | {role.where} | {role.reason} |" for role in ROLES.values()}
    table = DEPLOY.partition("## What the monitor may do")[2].partition("\n## ")[0]
    assert {line for line in table.splitlines() if line.startswith("| ")} - rows == {
        "| role | where | what for |",
        "| --- | --- | --- |",
    }
    assert rows <= set(table.splitlines())


def test_the_page_names_what_azd_reads_from_its_environment():
    given = (INFRA / "main.parameters.json").read_text(encoding="utf-8")
    names = {name for name in re.findall(r"\$\{(\w+)", given) if not name.startswith("AZURE_")}
    assert {name for name in names if f"`{name}`" not in DEPLOY} == set()


def test_the_page_tells_of_every_alert_and_of_no_other():
    alerts, events = read(INFRA / "alerts.bicep"), read(INFRA / "events.bicep")
    rules = {str(rule.get("name")) for rule in alerts.variables["rules"]}
    metrics = {f"events-{metric}" for metric in events.variables["lost"]}
    assert set(re.findall(r"^\| `([\w-]+)` \|", OPERATE, re.MULTILINE)) == rules | metrics


def test_the_page_names_the_tables_that_a_restore_needs_empty():
    assert all(f"`{table}`" in OPERATE for table in TABLES)


def test_commands_of_ours_that_a_page_types_exist():
    source = "".join((ROOT / "drift" / name).read_text(encoding="utf-8") for name in ("cli.py", "backups.py"))
    typed = set(re.findall(r"^\$ (?:\S+=\S+ )?drift ([\w-]+)", OPERATE + DEPLOY, re.MULTILINE))
    assert typed == {"backup", "restore"}
    assert all(f'"{name}"' in source for name in typed)


def test_the_pages_are_reached_from_the_first():
    readme = Path(ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"(docs/{name}.md)" in readme for name in ("deploy", "operate", "cost", "access"))

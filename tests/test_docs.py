"""The pages for people: each cause and each reason has one, links lead somewhere, figures and commands hold."""

from __future__ import annotations

import ast
import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from drift.engine.diagnosis import PRECEDENCE
from drift.kinds import KINDS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
CAUSES = {kind.value: DOCS / "causes" / f"{kind.value}.md" for kind in KINDS}
REASONS = {name: DOCS / "reasons" / f"{name}.md" for name in PRECEDENCE}
SUBJECTS = [*CAUSES.values(), *REASONS.values()]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]

SECTIONS = ["What it means", "How it is told", "Confirm it", "What to do", "Not to be confused with"]

COMMANDS = {
    "az account list",
    "az monitor activity-log list",
    "az policy assignment show",
    "az policy exemption show",
    "az resource list",
    "az resource show",
    "az rest",
    "az security assessment list",
    "az security assessment show",
    "az security assessment-metadata show",
    "az security auto-provisioning-setting show",
    "az security pricing show",
    "az security secure-score-control-definitions list",
    "az security secure-score-controls list",
    "az security secure-scores list",
    "az security secure-scores show",
    "az security security-connector list",
    "az vm extension list",
    "az vm get-instance-view",
}
"""What the pages may tell people to type: all of it only reads. Azure CLI 2.91.0 takes each with its options there."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def section(path: Path, title: str) -> str:
    """What stands below a heading, up to the next."""
    return text_of(path).partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def commands(text: str) -> list[str]:
    """The lines of a text's blocks of shell."""
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def head(command: str) -> str:
    """A command up to its first option: `az security pricing show`."""
    return re.split(r" -| *$", command, maxsplit=1)[0]


# A page for each cause and each reason


@pytest.mark.parametrize(("folder", "wanted"), [("causes", CAUSES), ("reasons", REASONS)])
def test_each_cause_and_each_reason_has_a_page_and_nothing_else_has(folder, wanted):
    assert {path.stem for path in (DOCS / folder).iterdir()} == set(wanted)


@pytest.mark.parametrize(("folder", "wanted"), [("causes", CAUSES), ("reasons", REASONS)])
def test_the_index_links_each_page_once(folder, wanted):
    linked = re.findall(rf"\[`(\w+)`\]\({folder}/(\w+)\.md\)", text_of(DOCS / f"{folder}.md"))
    assert sorted(linked) == sorted((name, name) for name in wanted)


def test_the_index_has_the_class_and_the_row_of_each_cause():
    rows = re.findall(r"^\| (\d+|–) \| (.*?) \|.*\| ([a-z, ]+) \|$", text_of(DOCS / "causes.md"), re.MULTILINE)
    told = {name: (number, classes) for number, kinds, classes in rows for name in re.findall(r"`(\w+)`", kinds)}
    wanted = {kind.value: (str(kind.row) if kind.row < 17 else "–", kind.group.value) for kind in KINDS}
    pair = dict.fromkeys(("remediation", "regression"), ("15", "earned, lost"))
    assert told == wanted | pair


def test_the_index_has_the_reasons_in_the_order_in_which_equal_ones_come():
    assert re.findall(r"^\| \[`(\w+)`\]", text_of(DOCS / "reasons.md"), re.MULTILINE) == list(PRECEDENCE)


@pytest.mark.parametrize("path", SUBJECTS, ids=name_of)
def test_a_page_has_its_name_its_sections_in_order_and_something_in_each(path):
    assert text_of(path).startswith(f"# `{path.stem}`\n")
    assert re.findall(r"^## (.*)$", text_of(path), re.MULTILINE) == SECTIONS
    assert [title for title in SECTIONS if len(section(path, title).split()) < 3] == []
    assert len(text_of(path).splitlines()) <= 45


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.value)
def test_the_page_of_a_cause_names_its_class_and_has_an_example(kind):
    assert f"Class *{kind.group.value}*" in text_of(CAUSES[kind.value])
    assert "Example" in section(CAUSES[kind.value], "What it means")


# Figures


def false_figures(text: str) -> list[str]:
    """What is not so of `12 of 20 is 60.00 %`, `(…) ÷ … = … %`, and `… %, which is … pp` since the first figure."""
    text, wrong = " ".join(text.split()), []
    for healthy, counted, shown in re.findall(r"(\d+) of (\d+) is ([\d.]+) %", text):
        if f"{100 * int(healthy) / int(counted):.2f}" != shown:
            wrong.append(f"{healthy} of {counted} is {shown} %")
    for sum_, divisor, shown in re.findall(r"\(([\d·/ +]+)\) ÷ (\d+) = ([\d.]+) %", text):
        terms = [[float(one) for one in re.split(r"[·/]", term)] for term in sum_.split(" + ")]
        total = sum(one[0] * one[1] * (100 / one[2] if len(one) == 3 else 1) for one in terms)
        if f"{total / int(divisor):.2f}" != shown:
            wrong.append(f"({sum_}) ÷ {divisor} = {shown} %")
    for before in re.finditer(r"([\d.]+) %, which is ([+−][\d.]+) pp", text):
        first = re.search(r"([\d.]+) %", text[text.rindex("Example", 0, before.start()) :])
        moved = float(before[1]) - float(first[1])
        if abs(moved - float(before[2].replace("−", "-"))) > 0.0051:
            wrong.append(before[0])
    return wrong


@pytest.mark.parametrize("path", SUBJECTS, ids=name_of)
def test_the_figures_of_an_example_are_right(path):
    assert false_figures(section(path, "What it means")) == []


@pytest.mark.parametrize(
    "text",
    [
        "Example: 12 of 20 is 61.00 %.",
        "Example: (60·100 + 30·50) ÷ 150 = 51.00 %.",
        "Example: (10·12/20 + 5·5/5) ÷ 15 = 73.34 %.",
        "Example: 12 of 20 is 60.00 %. Then 10 of 20 is 50.00 %, which is −11.00 pp.",
        "Example: 12 of 20 is 60.00 %. Then 10 of 20 is 50.00 %, which is +10.00 pp.",
    ],
)
def test_a_figure_that_is_wrong_would_be_found(text):
    assert len(false_figures(text)) == 1


def test_how_it_adds_up_is_ten_lines():
    lines = text_of(DOCS / "how-it-adds-up.md").splitlines()
    numbered = [at for at, line in enumerate(lines) if re.match(r"\d+\. ", line)]
    assert numbered == list(range(numbered[0], numbered[0] + 10))
    assert [line for at, line in enumerate(lines) if at in numbered and len(line) > 130] == []


# Commands


@pytest.mark.parametrize("path", SUBJECTS, ids=name_of)
def test_the_commands_of_a_page_are_of_those_that_are_known_and_can_be_typed(path):
    found = commands(text_of(path))
    assert found
    assert {head(command) for command in found} <= COMMANDS
    for command in found:
        words = shlex.split(command)
        assert command.count('"') % 2 == 0
        assert all(word.startswith("--") or word == "-o" for word in words if word.startswith("-"))
        assert all("api-version=" in word for word in words if word.startswith("https://"))
        assert "--method" not in words or words[words.index("--method") + 1] == "get"


@cache
def functions() -> dict[str, tuple[set[str], set[str]]]:
    """The functions of the diagnosis by name, each with the texts in it and the names that it mentions."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for path in (ROOT / "drift" / "engine" / "diagnosis").glob("*.py"):
        for node in ast.walk(ast.parse(text_of(path))):
            if isinstance(node, ast.FunctionDef):
                inner = list(ast.walk(node))
                texts = {one.value for one in inner if isinstance(one, ast.Constant) and isinstance(one.value, str)}
                names = {one.id for one in inner if isinstance(one, ast.Name)}
                found[node.name] = texts, names | {one.attr for one in inner if isinstance(one, ast.Attribute)}
    return found


def printed_for(reason: str) -> set[str]:
    """The heads of the commands that the product can print for a reason: those of all that its rule reaches."""
    waiting = [name for name, (texts, _) in functions().items() if reason in texts]
    reached = set(waiting)
    while waiting:
        new = functions().keys() & functions()[waiting.pop()][1] - reached
        reached |= new
        waiting += new
    return {head(text) for name in reached for text in functions()[name][0] if text.startswith("az ")}


@pytest.mark.parametrize("reason", PRECEDENCE)
def test_the_page_of_a_reason_has_every_command_that_the_product_prints_for_it(reason):
    printed = printed_for(reason)
    assert printed
    assert printed <= {head(command) for command in commands(section(REASONS[reason], "Confirm it"))}


# Links


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings."""
    titles = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text_of(path), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_link_within_the_project_leads_somewhere(path):
    prose = re.sub(r"```.*?```", "", text_of(path), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if link.startswith(("https://", "http://")):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link

"""The templates: they can be read, say what Azure knows, fit together, and give what the app needs and nothing else."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from drift.adapters.storage import CONTAINER, QUEUES, TABLES
from drift.environment import SUFFIXES
from drift.settings import SETTINGS
from drift.state import vitals
from tests.infra import schema
from tests.infra.bicep import INFRA, ROOT, Declared, Either, Expression, File, deep, files, names, parsed, read, strings
from tests.infra.roles import OTHERS, ROLES

FILES = files()
PLATFORM = re.compile(
    r"AzureWebJobsStorage__\w+|APPLICATIONINSIGHTS_(CONNECTION_STRING|AUTHENTICATION_STRING)|AZURE_CLIENT_ID"
    r"|OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID|WEBSITE_AUTH_AAD_ALLOWED_TENANTS|TEAMS_WEBHOOK_\w+"
)
"""App settings that the platform reads, and the webhooks that DRIFT_TEAMS_ROUTES names."""

GUID = re.compile(r"'([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'")


def each(path: Path) -> str:
    return path.relative_to(INFRA).as_posix()


def test_there_are_templates():
    assert {"main.bicep", "estate.bicep", "rights.bicep"} <= {path.name for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=each)
def test_a_file_can_be_read_whole(path):
    assert read(path).faults == ()


@pytest.mark.parametrize("path", FILES, ids=each)
def test_azure_knows_every_property_and_value(path):
    file = read(path)
    assert [fault for one in file.resources if not one.existing for fault in schema.faults(one)] == []


@pytest.mark.parametrize("path", FILES, ids=each)
def test_api_versions_are_dates_and_not_previews(path):
    for one in read(path).resources:
        assert re.fullmatch(r"20\d\d-[01]\d-[0-3]\d", one.version), f"line {one.line}: {one.kind}@{one.version}"


# The files together


def unused(file: File) -> set[str]:
    """Parameters and variables that nothing reads."""
    return {name for name in (*file.parameters, *file.variables) if file.identifiers.count(name) == 0}


def misfits(file: File, module: Declared, inner: File) -> list[str]:
    """What a module is given that it does not take, and what it needs and is not given."""
    given = module.body.get("params")
    passed = set(given.properties) if given is not None else set()
    unknown = sorted(passed - set(inner.parameters))
    missing = sorted(name for name, default in inner.parameters.items() if not default and name not in passed)
    where = f"{file.path.name}: line {module.line}"
    return [f"{where}: {name} is no parameter" for name in unknown] + [
        f"{where}: {name} is missing" for name in missing
    ]


@pytest.mark.parametrize("path", FILES, ids=each)
def test_whatever_is_declared_is_used(path):
    assert unused(read(path)) == set()


@pytest.mark.parametrize("path", FILES, ids=each)
def test_modules_are_there_and_get_what_they_take(path):
    file = read(path)
    for module in file.modules:
        inner = path.parent / module.kind
        assert inner.is_file(), f"line {module.line}: {module.kind}"
        assert misfits(file, module, read(inner)) == []


@pytest.mark.parametrize("path", FILES, ids=each)
def test_what_is_read_of_a_module_is_one_of_its_outputs(path):
    file = read(path)
    for module in file.modules:
        outputs = read(path.parent / module.kind).outputs
        asked = set(re.findall(rf"\b{module.name}(?:\[[^\]]*\])?[!?]?\.outputs\.(\w+)", file.text))
        assert asked <= set(outputs), f"line {module.line}: {module.kind} has no {asked - set(outputs)}"


@pytest.mark.parametrize("path", FILES, ids=each)
def test_every_parameter_says_what_it_is(path):
    file = read(path)
    assert set(file.parameters) - file.described == set()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("param a string\n", "a"),
        ("param a string\nvar b = a\n", "b"),
        ("param a string\noutput b string = a\n", None),
        ("param a object\nresource x 'A.B/c@2024-01-01' = { name: 'a', b: a.c }\n", None),
        ("param name string\nresource x 'A.B/c@2024-01-01' = { name: 'a' }\n", "name"),
    ],
)
def test_what_nothing_reads_would_be_found(text, said):
    assert unused(parsed(text)) == ({said} if said else set())


def test_a_parameter_that_is_misspelt_or_missing_would_be_found():
    outer = parsed("module m 'm.bicep' = {\n name: 'm'\n params: { a: 1, bb: 2 }\n}\n")
    inner = parsed("param a int\nparam b int\nparam c int = 3\n")
    assert misfits(outer, outer.modules[0], inner) == [
        "a.bicep: line 1: bb is no parameter",
        "a.bicep: line 1: b is missing",
    ]


# What the app needs


def app_settings(all_files: list[File]) -> set[str]:
    """The names of app settings: those of objects, and the `name` of `{ name:, value: }`."""
    found: set[str] = set()
    for file in all_files:
        values = [*file.variables.values(), *(one.body for one in file.resources)]
        for body in (body for value in values for body in deep(value)):
            named = {*body.properties, *strings(body.get("name"))}
            found |= {name for name in named if re.match(r"DRIFT_|TEAMS_|AzureWebJobs|APPLICATIONINSIGHTS_", name)}
    return found


def wrong_settings(found: set[str]) -> tuple[set[str], set[str]]:
    """The settings that are missing, and those that nobody reads. The name of the storage connection may stay."""
    own = set(SETTINGS) | {f"DRIFT_STORAGE__{suffix}" for suffix in SUFFIXES}
    missing = set(SETTINGS) - {"DRIFT_STORAGE", "DRIFT_CREDENTIAL"} - found
    return missing, {name for name in found - own if not PLATFORM.fullmatch(name)}


def test_every_setting_is_in_the_template_and_none_that_nobody_reads():
    assert wrong_settings(app_settings([read(path) for path in FILES])) == (set(), set())


def test_a_setting_that_is_missing_or_misspelt_would_be_found():
    right = {*SETTINGS, "AzureWebJobsStorage__accountName", "DRIFT_STORAGE__clientId"}
    assert wrong_settings(right) == (set(), set())
    assert wrong_settings(right - {"DRIFT_SCOPES"} | {"DRIFT_SCOPE"}) == ({"DRIFT_SCOPES"}, {"DRIFT_SCOPE"})


def made(kind: str) -> set[str]:
    """The names of all resources of a type."""
    every = [(one, read(path)) for path in FILES for one in read(path).resources]
    return {name for one, file in every if one.kind == kind and not one.existing for name in names(one, file)}


_ACCOUNT = "Microsoft.Storage/storageAccounts"


def test_the_queues_are_those_that_triggers_read_and_where_the_host_puts_what_failed():
    triggers = set(re.findall(r'@app\.queue_trigger\("\w+", "([\w-]+)"', (ROOT / "function_app.py").read_text("utf-8")))
    assert triggers == set(QUEUES)
    assert made(f"{_ACCOUNT}/queueServices/queues") == triggers | {f"{name}-poison" for name in triggers}


def test_the_tables_are_those_that_the_app_uses():
    assert made(f"{_ACCOUNT}/tableServices/tables") == set(TABLES)


def test_the_containers_are_that_of_the_app_of_its_package_and_of_dead_letters():
    found = made(f"{_ACCOUNT}/blobServices/containers")
    assert {CONTAINER, "deadletters"} < found
    assert len(found) == 3


def test_names_of_a_loop_are_read_and_computed_ones_are_refused():
    file = parsed("var q = ['a', 'b']\nresource x 'A.B/c@2024-01-01' = [for one in q: { name: one }]\n")
    assert names(file.resources[0], file) == {"a", "b"}
    file = parsed("param q array\nresource x 'A.B/c@2024-01-01' = [for one in q: { name: one }]\n")
    with pytest.raises(AssertionError, match="computed"):
        names(file.resources[0], file)


def only(kind: str) -> Declared:
    """The one resource of a type."""
    (found,) = (one for path in FILES for one in read(path).resources if one.kind == kind and not one.existing)
    return found


def test_the_runtime_is_the_python_of_the_project_with_the_memory_that_is_promised():
    version = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
    config = only("Microsoft.Web/sites").body.get("properties", "functionAppConfig")
    assert config.get("runtime", "name") == "python"
    assert config.get("runtime", "version") == ".".join(version.split(".")[:2])
    assert config.get("scaleAndConcurrency", "instanceMemoryMB") == 2048
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["requires-python"].endswith(config.get("runtime", "version"))


def test_storage_takes_no_keys_and_shows_nothing_in_public():
    own = only(_ACCOUNT).body.get("properties")
    assert own.get("allowSharedKeyAccess") is False
    assert own.get("allowBlobPublicAccess") is False
    assert own.get("supportsHttpsTrafficOnly") is True
    assert own.get("minimumTlsVersion") in ("TLS1_2", "TLS1_3")


def test_what_azure_functions_is_asked_for_is_a_function_of_the_app():
    functions = set(re.findall(r"^def (\w+)\(", (ROOT / "function_app.py").read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for path in FILES for name in re.findall(r"(?<!sites)/functions/(\w+)'", read(path).text)}
    assert named == {"change_event"}
    assert named <= functions


def test_alerts_and_workbook_read_what_the_app_writes_of_its_health():
    """`bootstrap.report_vitals` logs it, and nothing else begins like it."""

    class Nothing:
        def chains(self, group: bool = False) -> dict[str, Any]:
            return {}

        def depths(self) -> dict[str, int]:
            return {}

        def due(self, digest: bool) -> list[Any]:
            return []

    written = set(vitals(cast(Any, Nothing()), (), 0))
    for name in ("alerts.bicep", "workbook.json"):
        text = (INFRA / name).read_text(encoding="utf-8")
        asked = set(re.findall(r"\bvitals\.(\w+)", text))
        assert asked
        assert asked <= written
        assert '"vitals ' in text.replace("\\", "")
    assert 'info("vitals %s"' in (ROOT / "drift" / "bootstrap.py").read_text(encoding="utf-8")
    msgspec.json.decode((INFRA / "workbook.json").read_bytes())


# Rights


def unexplained(file: File) -> list[str]:
    """Role definitions that are not in the table, or whose line or the one before does not say the role's name."""
    found = []
    lines = file.text.splitlines()
    for number, line in enumerate(lines):
        for guid in GUID.findall(line):
            near = " ".join(lines[max(0, number - 2) : number + 1]).lower()
            role = {**ROLES, **OTHERS}.get(guid)
            if role is None:
                found.append(f"{file.path.name}: line {number + 1}: {guid} is no role that the app needs")
            elif role.name.lower().replace(" ", "") not in re.sub(r"[\s_]", "", near):
                found.append(f"{file.path.name}: line {number + 1}: {guid} is {role.name}")
    return found


def test_every_role_is_one_that_the_app_needs_and_called_by_its_name():
    assert [wrong for path in FILES for wrong in unexplained(read(path))] == []


def test_no_role_that_the_app_needs_is_missing():
    given = {guid for path in FILES for guid in GUID.findall(read(path).text)}
    assert set(ROLES) - given == set()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("var reader = 'acdd72a7-3385-48ef-bd42-f606fba81ae7' // Reader", None),
        ("var reader = 'b24988ac-6180-42a0-ab88-20f7382dd24c' // Contributor", "is no role that the app needs"),
        ("var writer = '39bc4728-0917-49c7-9d2c-d95423bc2eb4' // Contributor", "is Security Reader"),
    ],
)
def test_a_role_that_is_not_needed_or_misnamed_would_be_found(line, said):
    found = unexplained(parsed(line + "\n"))
    assert (said is None and found == []) or (said is not None and said in found[0])


# What azd reads


def test_azd_finds_the_app_and_its_parameters():
    text = (ROOT / "azure.yaml").read_text(encoding="utf-8")
    assert re.search(r"^\s+language: python$", text, re.MULTILINE)
    assert re.search(r"^\s+host: function$", text, re.MULTILINE)
    (service,) = re.findall(r"^services:\n\s+(\w+):$", text, re.MULTILINE)
    tags = [text for path in FILES for text in re.findall(r"'azd-service-name': '(\w+)'", read(path).text)]
    assert tags == [service]
    given = msgspec.json.decode((INFRA / "main.parameters.json").read_bytes())["parameters"]
    main = read(INFRA / "main.bicep")
    assert set(given) <= set(main.parameters)
    assert {name for name, default in main.parameters.items() if not default} <= set(given)


def test_no_secret_has_a_value_in_the_templates():
    for path in FILES:
        file = read(path)
        assert all(name in file.secure for name in file.parameters if "webhook" in name.lower() and "Url" in name)
        assert not re.search(r"listKeys|SharedAccessKey|AccountKey=", file.text)
    for output in (value for path in FILES for value in read(path).outputs.values()):
        assert not isinstance(output, Expression | Either) or "webhookUrl" not in str(output)

"""The function app as Azure sees it: what it indexes is what the design fixes, and it loads nothing before it must."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from drift import bootstrap, schedules
from drift.settings import SETTINGS
from drift.web.openapi import document

ROOT = Path(__file__).parent.parent

TIMERS = {
    "snapshot_timer": "DRIFT_SNAPSHOT_SCHEDULE",
    "rollup_timer": "DRIFT_ROLLUP_SCHEDULE",
    "announce_timer": "DRIFT_ANNOUNCE_SCHEDULE",
    "calendar_timer": "DRIFT_CALENDAR_SCHEDULE",
    "digest_timer": "DRIFT_DIGEST_SCHEDULE",
}
QUEUES = {"snapshot_subscription": "snapshots", "record_change": "changes"}
LISTS = {"deltas", "explain", "scores", "changes", "pending", "forecasts", "calendar"}
LISTS |= {"diagnosis", "plan", "exemptions", "coverage"}
LISTS |= {"scopes", "controls", "report", "report/evidence"}
SHELL = {"page", "page/{asset}"}
"""Nothing of a tenant is in these."""
ROUTES = LISTS | SHELL | {"deltas/{id}", "status", "health", "openapi.json"}


def indexed(**environment: str) -> dict[str, dict]:
    """Name of each function to its trigger, as the worker indexes them in a process with this environment."""
    code = (
        "import json, function_app as f;"
        "print(json.dumps({x.get_function_name(): x.get_trigger().get_dict_repr() for x in f.app.get_functions()},"
        " default=str))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": "", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def functions() -> dict[str, dict]:
    return indexed()


def test_timers_run_by_their_schedules(functions):
    found = {name: trigger["schedule"] for name, trigger in functions.items() if trigger["type"] == "timerTrigger"}
    assert found == {name: schedules.DEFAULTS[setting] for name, setting in TIMERS.items()}


def test_a_schedule_can_be_set(functions):
    found = indexed(DRIFT_DIGEST_SCHEDULE="0 0 9 * * MON", DRIFT_ROLLUP_SCHEDULE=" ")
    assert found["digest_timer"]["schedule"] == "0 0 9 * * MON"
    assert found["rollup_timer"]["schedule"] == functions["rollup_timer"]["schedule"]


def test_queues_are_those_that_are_sent_to(functions):
    found = {name: t for name, t in functions.items() if t["type"] == "queueTrigger"}
    assert {name: trigger["queueName"] for name, trigger in found.items()} == QUEUES
    assert {trigger["connection"] for trigger in found.values()} == {"AzureWebJobsStorage"}


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({}, "AzureWebJobsStorage"),
        ({"DRIFT_STORAGE": ""}, "AzureWebJobsStorage"),
        ({"DRIFT_STORAGE": "AzureWebJobsStorage"}, "AzureWebJobsStorage"),
        ({"DRIFT_STORAGE": "MyStorage"}, "MyStorage"),
        ({"DRIFT_STORAGE": "UseDevelopmentStorage=true"}, "DRIFT_STORAGE"),
        ({"DRIFT_STORAGE__tableServiceUri": "https://a.table.core.windows.net"}, "DRIFT_STORAGE"),
    ],
)
def test_triggers_use_the_storage_that_the_app_uses(environment, name):
    assert bootstrap.connection_name(environment) == name


def test_events_are_taken_by_an_event_grid_trigger(functions):
    assert functions["change_event"]["type"] == "eventGridTrigger"


def test_every_route_wants_a_function_key_but_those_that_tell_nothing(functions):
    found = {t["route"]: t for t in functions.values() if t["type"] == "httpTrigger"}
    assert set(found) == ROUTES
    assert {route for route, trigger in found.items() if "ANONYMOUS" in str(trigger["authLevel"]).upper()} == {
        "health",
        *SHELL,
    }
    assert all([str(method).upper().endswith("GET") for method in t["methods"]] == [True] for t in found.values())


def test_the_document_describes_every_route(functions):
    found = {"/" + t["route"] for t in functions.values() if t["type"] == "httpTrigger"}
    assert set(document()["paths"]) | {"/page/{asset}"} == found


def test_there_is_no_function_that_the_design_does_not_name(functions):
    others = {name for name, t in functions.items() if t["type"] != "httpTrigger"}
    assert others == {*TIMERS, *QUEUES, "change_event"}


def test_importing_the_app_loads_none_of_azures_sdks():
    code = "import sys, function_app; print([m for m in sys.modules if m.startswith(('azure.', 'numpy', 'msgspec'))])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = re.findall(r"'([a-z_.]+)'", done.stdout)
    assert {name for name in loaded if not name.startswith("azure.functions")} == set()


def test_host_json_bounds_a_worker_to_one_message_at_a_time():
    queues = json.loads((ROOT / "host.json").read_text())["extensions"]["queues"]
    assert (queues["batchSize"], queues["newBatchThreshold"], queues["maxDequeueCount"]) == (1, 0, 5)


def test_the_sample_holds_every_setting():
    values = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    assert set(SETTINGS) - set(values) == set()

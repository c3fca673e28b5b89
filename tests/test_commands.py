"""`drift export`, `import` and `teams-test`, over real HTTP and a real store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from demo.azure import Azure
from demo.northwind import MOMENTS, write
from drift.adapters.storage import Storage
from drift.adapters.store import Store
from drift.settings import Connection
from tests.build import SUB, T0, estate, guid, tenant
from tests.build import write as write_folder
from tests.explained import shares
from tests.test_pipeline import CONTROLS, MARKS

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def azure():
    with Azure() as running:
        yield running


def drift(*arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """The command as a user runs it; no setting of this machine reaches it."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("DRIFT_", "TEAMS_", "Azure"))
    }
    command = [sys.executable, "-m", "drift", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment | settings, capture_output=True, text=True, check=False)


def on_loopback(azure: Azure, **more: str) -> dict[str, str]:
    return {"DRIFT_ARM_ENDPOINT": azure.endpoint, "DRIFT_CREDENTIAL": "none"} | more


def story() -> tuple[dict, dict]:
    first = tenant(
        estate(controls=CONTROLS, marks=MARKS), estate(subscription=guid("other"), controls=CONTROLS, marks=MARKS)
    )
    second = tenant(
        estate(controls=CONTROLS, marks=MARKS).but(marks={("vm1", "a"): "Healthy"}),
        estate(subscription=guid("other"), controls=CONTROLS, marks=MARKS).but(marks={("vm2", "a"): "Healthy"}),
    )
    return first, second


def test_an_exported_tenant_explains_as_its_own_evidence_does(azure, tmp_path):
    paths = []
    for name, folder, hours in zip(("one", "two"), story(), (0, 8), strict=True):
        azure.serve(folder, T0 + timedelta(hours=hours))
        done = drift("export", tmp_path / name, **on_loopback(azure))
        assert (done.returncode, done.stderr) == (0, "")
        assert "2 subscriptions read" in done.stdout
        paths.append(write_folder(folder, tmp_path / f"own-{name}"))
    live = drift("explain", tmp_path / "one", tmp_path / "two", "--format", "json")
    own = drift("explain", *paths, "--format", "json")
    assert shares(json.loads(live.stdout)) == pytest.approx(shares(json.loads(own.stdout)), abs=1e-12)
    assert azure.writes == []


def test_one_subscription_can_be_exported_alone(azure, tmp_path):
    azure.serve(story()[0], T0)
    done = drift("export", tmp_path / "one", "--subscription", SUB, **on_loopback(azure))
    assert done.returncode == 0
    assert [child.name for child in (tmp_path / "one").iterdir() if child.is_dir()] == [SUB]


def test_an_export_that_fails_leaves_no_folder_and_one_line(azure, tmp_path):
    azure.serve(story()[0], T0)
    azure.condition(SUB, refused=("assessments",))
    done = drift("export", tmp_path / "one", **on_loopback(azure))
    azure.condition(SUB)
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
    assert "assessments" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (["--subscription", "x"], {}, "--subscription x: is not a subscription id"),
        ([], {"DRIFT_ARM_ENDPOINT": "http://example.org"}, "DRIFT_ARM_ENDPOINT"),
        ([], {"DRIFT_CREDENTIAL": "none", "DRIFT_ARM_ENDPOINT": "https://management.azure.com"}, "DRIFT_CREDENTIAL"),
    ],
)
def test_what_can_not_be_exported_is_said_in_one_line(tmp_path, arguments, settings, said):
    done = drift("export", tmp_path / "one", *arguments, **settings)
    assert done.returncode == 2
    assert done.stderr.startswith("drift: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


# Import


def stored(connection: str) -> Store:
    return Store(Storage(Connection("AzureWebJobsStorage", string=connection)))


def test_imported_folders_are_the_beginning_of_the_history(storage, tmp_path):
    folders = write(tmp_path / "weeks")
    done = drift("import", *folders, AzureWebJobsStorage=storage, DRIFT_GROUPS="prod=tag:environment=prod")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(MOMENTS)} folders" in done.stdout
    store = stored(storage)
    wanted = json.loads(drift("explain", *folders, "--format", "json").stdout)
    own = store.movements("all", limit=1000).items
    assert sum(row.movement for row in own) == pytest.approx(wanted["movement"], abs=1e-9)
    assert store.due(digest=True) == []
    assert all(store.waiting(scope) == [] for scope in (*store.chains(), "all", "prod"))


def test_folders_can_be_added_later_and_what_is_older_is_refused(storage, tmp_path):
    first, second = (write_folder(one, tmp_path / str(at)) for at, one in enumerate(story()))
    assert drift("import", first, AzureWebJobsStorage=storage).returncode == 0
    assert drift("import", second, AzureWebJobsStorage=storage).returncode == 0
    assert len(stored(storage).movements("all").items) == 1
    done = drift("import", first, AzureWebJobsStorage=storage)
    assert done.returncode == 2
    assert "only what is later can be added" in done.stderr
    assert drift("import", second, AzureWebJobsStorage=storage).returncode == 0  # again: nothing to do
    assert len(stored(storage).movements("all").items) == 1


def test_a_folder_that_can_not_be_read_is_found_before_anything_is_stored(storage, tmp_path):
    first, second = (write_folder(one, tmp_path / str(at)) for at, one in enumerate(story()))
    (second / SUB / "assessments.json").write_text('{"value": [')
    done = drift("import", first, second, AzureWebJobsStorage=storage)
    assert done.returncode == 2
    assert "assessments.json" in done.stderr
    assert stored(storage).chains() == {}


def test_folders_of_a_part_of_the_tenant_are_not_imported_beside_the_rest(storage, tmp_path):
    first, second = (write_folder(one, tmp_path / str(at)) for at, one in enumerate(story()))
    assert drift("import", first, AzureWebJobsStorage=storage).returncode == 0
    assert drift("extract", second, tmp_path / "part", "--scope", SUB).returncode == 0
    done = drift("import", tmp_path / "part", AzureWebJobsStorage=storage)
    assert done.returncode == 2
    assert f"{guid('other')}" in done.stderr
    assert stored(storage).movements("all").items == []


def test_an_import_without_storage_says_which_setting_is_missing(tmp_path):
    first = write_folder(story()[0], tmp_path / "one")
    done = drift("import", first)
    assert done.returncode == 2
    assert "AzureWebJobsStorage" in done.stderr


# Teams


def test_a_harmless_card_is_posted_to_try_a_webhook(azure):
    done = drift("teams-test", **on_loopback(azure, TEAMS_WEBHOOK_URL=azure.webhook("trial") + "?sig=secret"))
    assert (done.returncode, done.stderr) == (0, "")
    ((_, body),) = azure.cards["/teams/trial"]
    assert body["attachments"][0]["content"]["type"] == "AdaptiveCard"
    assert "secret" not in done.stdout


ROUTED = {"DRIFT_GROUPS": "prod=tag:environment=prod", "DRIFT_TEAMS_ROUTES": "prod=TEAMS_WEBHOOK_PROD"}


def test_all_webhooks_are_tried_or_the_one_that_is_named(azure):
    hooks = {"TEAMS_WEBHOOK_URL": azure.webhook("every"), "TEAMS_WEBHOOK_PROD": azure.webhook("prod")}
    given = on_loopback(azure, **ROUTED, **hooks)
    assert drift("teams-test", **given).returncode == 0
    assert [len(azure.cards[f"/teams/{name}"]) for name in ("every", "prod")] == [1, 1]
    done = drift("teams-test", "--route", "TEAMS_WEBHOOK_PROD", **given)
    assert done.stdout.startswith("The webhook in TEAMS_WEBHOOK_PROD accepted the card")
    assert [len(azure.cards[f"/teams/{name}"]) for name in ("every", "prod")] == [1, 2]
    azure.teams_answers = [404, None]
    done = drift("teams-test", **given)
    assert done.returncode == 4
    assert done.stderr.startswith("drift: TEAMS_WEBHOOK_URL: Teams: the webhook answered 404")
    assert len(azure.cards["/teams/prod"]) == 3, "one that refuses does not stop the others"
    done = drift("teams-test", "--route", "prod", **given)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "names no webhook that is set" in done.stderr


def test_a_webhook_that_refuses_is_told_in_one_line_without_its_secret(azure):
    azure.teams_answers = [400]
    done = drift("teams-test", **on_loopback(azure, TEAMS_WEBHOOK_URL=azure.webhook("trial") + "?sig=secret"))
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
    assert "400" in done.stderr
    assert "secret" not in done.stderr


def test_without_a_webhook_there_is_nothing_to_try():
    done = drift("teams-test")
    assert (done.returncode, done.stderr) == (2, "drift: TEAMS_WEBHOOK_URL is not set: there is no webhook to try\n")

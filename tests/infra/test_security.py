"""checkov's rules on the templates. `make check-infra` installs it; `make check` needs it, `make test` does without."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep import INFRA, ROOT

CHECKOV = ROOT / ".venv" / "checkov" / "bin" / "checkov"

pytestmark = pytest.mark.skipif(not CHECKOV.exists(), reason="checkov is not installed: make check-infra")


UNSAFE = """resource store 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: 'store'
  location: 'westeurope'
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: { allowBlobPublicAccess: true, minimumTlsVersion: 'TLS1_0' }
}
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What checkov finds in the templates, and beside them in a file that is unsafe and in one that it can't read.

    In one run: it is slow to start. It exits with 0 where it could not read a file.
    """
    root = tmp_path_factory.mktemp("checkov")
    shutil.copytree(INFRA, root / "infra")
    (root / "seeded").mkdir()
    (root / "seeded" / "unsafe.bicep").write_text(UNSAFE)
    (root / "seeded" / "unread.bicep").write_text(UNSAFE + "param names string[] = [\n")
    command = [CHECKOV, "--framework", "bicep", "--skip-download", "--compact", "-d", root, "-o", "json"]
    environment = os.environ | {"LOG_LEVEL": "ERROR", "ANSI_COLORS_DISABLED": "1"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    return json.loads(done.stdout)["results"]


def of(folder: str, checks: Any) -> Any:
    return [one for one in checks if one["file_path"].startswith(f"/{folder}/")]


def test_checkov_reads_every_template(found):
    assert [Path(one).name for one in found["parsing_errors"]] == ["unread.bicep"]
    assert len(of("infra", found["passed_checks"])) > 20


def test_checkov_finds_nothing_in_the_templates(found):
    failed = of("infra", found["failed_checks"])
    assert [(one["check_id"], one["resource"], one["file_path"]) for one in failed] == []


def test_what_checkov_is_told_to_skip_has_a_reason(found):
    for one in found["skipped_checks"]:
        assert len(one["check_result"]["suppress_comment"]) > 20, f"{one['check_id']} is skipped without a reason"


def test_checkov_finds_what_is_unsafe(found):
    assert {one["check_id"] for one in of("seeded", found["failed_checks"])} >= {"CKV_AZURE_44"}

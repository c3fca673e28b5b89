"""The worked cases of the contract come out as expected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from drift.folders import explain_folders
from tests.explained import Answer, by_subscription

CASES = sorted(path for path in (Path(__file__).parents[1] / "cases").iterdir() if path.is_dir())


@pytest.fixture(scope="module", params=CASES, ids=lambda path: path.name)
def case(request: pytest.FixtureRequest) -> tuple[dict[str, Any], Answer]:
    """What is expected, and the answer."""
    folders = [path for path in request.param.iterdir() if path.is_dir()]
    folders.sort(key=lambda folder: json.loads((folder / "snapshot.json").read_text())["takenAt"])
    expected = json.loads((request.param / "expected.json").read_text())
    return expected, explain_folders(folders, "all", lambda done, of, name: None)


def close(rows: list[dict[str, Any]]) -> dict[tuple[str, str], Any]:
    """Shares by kind and subject, within 1e-6 pp; a cause that had no effect is as good as not told."""
    total: dict[tuple[str, str], float] = {}
    for row in rows:
        cause = row["kind"], row["subject"].lower()
        total[cause] = total.get(cause, 0.0) + row["share"]
    return {cause: pytest.approx(share, abs=1e-6) for cause, share in total.items() if abs(share) > 1e-9}


def test_the_tenant(case):
    expected, answer = case
    assert answer["movement"] == pytest.approx(expected["movement"], abs=1e-6)
    assert close(answer["causes"]) == close(expected["causes"])


def test_each_subscription(case):
    expected, answer = case
    found = by_subscription(answer)
    assert found.keys() == {one["scope"].lower() for one in expected["subscriptions"]}
    for one in expected["subscriptions"]:
        its = found[one["scope"].lower()]
        assert its["movement"] == pytest.approx(one["movement"], abs=1e-6)
        assert close(its["causes"]) == close(one["causes"])


def test_what_is_pending(case):
    expected, answer = case
    found = by_subscription(answer)
    for one in expected["subscriptions"]:
        assert close(found[one["scope"].lower()]["pending"]) == close(one.get("pending", []))

"""A stage for each test: a pretend Azure of its own, and an empty storage account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from demo.azure import Azure
from tests.faults.stage import Stage


@pytest.fixture
def azure() -> Iterator[Azure]:
    with Azure() as running:
        yield running


@pytest.fixture
def stage(azure: Azure, storage: str) -> Stage:
    return Stage(azure, storage)

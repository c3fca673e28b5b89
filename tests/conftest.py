"""Fixtures that any test may ask for."""

from __future__ import annotations

from tests.filled import filled, first_week, northwind
from tests.services import azurite, no_app_of_before, storage, unused_accounts

__all__ = ["azurite", "filled", "first_week", "no_app_of_before", "northwind", "storage", "unused_accounts"]

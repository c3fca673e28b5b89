"""Fixtures that any test may ask for."""

from __future__ import annotations

from tests.services import accounts, azurite, storage

__all__ = ["accounts", "azurite", "storage"]

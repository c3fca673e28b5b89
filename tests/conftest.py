"""Fixtures that any test may ask for."""

from __future__ import annotations

from tests.services import azurite, storage, unused_accounts

__all__ = ["azurite", "storage", "unused_accounts"]

"""What can go wrong outside, said in one line."""

from __future__ import annotations


class EvidenceError(Exception):
    """The evidence can't be used: names the file (or folder) and what is wrong with it."""


class SettingsError(Exception):
    """The settings can't be used: names every one that is wrong, and why."""


class ServiceError(Exception):
    """A service did not answer, or not with what it promises: names the operation and what came instead.

    What was asked of it is to be tried again later; it is never an empty answer.
    """


class Refused(ServiceError):  # noqa: N818 - what it is, not that it is an error, is said where it is caught
    """A service answered that the identity may not do this (401, 403): trying again alone won't help."""


class BusyError(ServiceError):
    """A service asks to come back later: after `retry_after` seconds, where it says."""

    def __init__(self, message: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after

"""What can be wrong with the input, said in one line."""

from __future__ import annotations


class EvidenceError(Exception):
    """The evidence can't be used: names the file (or folder) and what is wrong with it."""

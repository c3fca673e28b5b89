"""Why the score stands still though people worked, on the digest: the first reasons, and what to do about each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drift.card.elements import harmless, heading, line, run
from drift.card.passages import SMALL, Detail
from drift.model import Json
from drift.words import day, pp


def stands_still(reasons: Sequence[Json], detail: Detail) -> Iterator[Json]:
    """Reasons of a diagnosis, those that explain most first."""
    if not reasons:
        return
    yield heading("Why it stands still")
    for number, one in enumerate(reasons, 1):
        title = harmless(one["title"], detail.title)
        yield line(run(f"{number}. {title}", weight="Bolder"), spacing="Small")
        yield line(run(" · ".join([*_when(one), harmless(one["action"], detail.title)]), **SMALL), spacing="None")


def _when(one: Json) -> Iterator[str]:
    """What comes of it, and when."""
    if one["movesBy"] is not None:
        yield f"moves by {day(one['movesBy']['latest'])} UTC"
    if one["effect"]:
        yield f"{pp(one['effect']).strip()} pp once that is done"
    if one["confidence"] == "inferred":
        yield "inferred"

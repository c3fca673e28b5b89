"""What is due, on the digest: what ends in the next days, and what has ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drift.card.elements import Cell, harmless, heading, line, run, said, table
from drift.card.passages import Detail, color
from drift.model import Json
from drift.words import day, led, pp


def dated(soon: Sequence[Json], ended: Sequence[Json], detail: Detail) -> Iterator[Json]:
    """Entries of calendars that come in the next 7 days, and that have come; each list by size."""
    yield from _listed("In the next 7 days", "on", soon, detail)
    yield from _listed("Ended", "since", ended, detail)


def _listed(title: str, when: str, entries: Sequence[Json], detail: Detail) -> Iterator[Json]:
    if not entries:
        return
    shown = entries[: 2 * detail.pending]
    rows: list[list[Cell]] = [[_share(one), [*_entry(one, when, detail)]] for one in shown]
    if len(entries) > len(shown):
        rows.append([[], [said(f"and {len(entries) - len(shown):,} more")]])
    yield heading(title)
    yield table("r64 1", ("pp", "of the subscription's own score"), rows)


def _share(entry: Json) -> Cell:
    """What it does to the score of its subscription."""
    share = entry["share"]
    return [said("–")] if share is None else [said(pp(share).strip(), **color(share))]


def _entry(entry: Json, when: str, detail: Detail) -> Iterator[Json]:
    yield line(run(harmless(led(entry["title"]), detail.title)))
    owner = f", {harmless(entry['owner'], detail.name)}" if entry["owner"] else ""
    words = f"{when} {day(entry['at'])} UTC{owner}, in {harmless(entry['subscription'], detail.name)}"
    yield line(run(words, size="Small", isSubtle=True), spacing="None")

"""What a measurement says, as a row of the table that is printed."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside another, and what was promised of them. Without a `target` it is only told."""

    what: str
    ours: str
    reference: str = ""
    ratio: str = ""
    target: str = ""
    met: bool = True


def table(rows: Iterable[Row], judged: bool) -> str:
    """The rows as Markdown."""
    lines = ["| what | ours | the other | ratio | target | |", "| --- | --: | --: | --: | --- | --- |"]
    for row in rows:
        verdict = ("met" if row.met else "**missed**") if judged else "not judged"
        cells = (row.what, row.ours, row.reference, row.ratio, row.target, verdict if row.target else "")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)

"""Movements taken together: several of one scope as one, and what many scopes have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

from drift.model import Json

_JOINTS = ("on", "for", "with", "of", "in")
"""Words that lead to a figure; a title does not end with one."""


def joined(found: Sequence[Json]) -> Json:
    """Movements of one scope, at least one, as if they were one: from the first to the last, with the sum of all.

    What became of the score between them is not in it: `before` and `after` need not differ by `movement`. `summary` is
    of causes, not of kinds; `movements` says how many there were.
    """
    found = sorted(found, key=lambda one: one["after"]["takenAt"])
    moved = [one for one in found if one["movement"] is not None]
    classes: dict[str, list[float]] = {}
    for one in moved:
        for name, share in one["classes"].items():
            classes.setdefault(name, []).append(share)
    causes: dict[tuple[str, str, str], list[Json]] = {}
    for one in moved:
        for cause in one["causes"]:
            causes.setdefault((cause["kind"], cause["subject"].lower(), cause["scope"].lower()), []).append(cause)
    listed = sorted((_cause(own) for own in causes.values()), key=lambda cause: -abs(cause["share"]))
    last = found[-1]
    return {
        **{key: last[key] for key in ("scope", "name", "after", "pending", "unscored")},
        **({"left": last["left"] | {"causes": 0, "summary": 0}} if "left" in last else {}),
        "before": found[0]["before"],
        "movement": fsum(one["movement"] for one in moved) if moved else None,
        "rounding": None,
        "classes": {name: fsum(shares) for name, shares in classes.items()},
        "summary": [cause | {"count": 1, "causes": [cause]} for cause in listed],
        "causes": listed,
        "notes": list(dict.fromkeys(note for one in found for note in one["notes"])),
        "movements": len(found),
    }


def _cause(own: Sequence[Json]) -> Json:
    evidence = [record for cause in own for record in cause["evidence"]]
    return own[-1] | {
        "share": fsum(cause["share"] for cause in own),
        "title": beginning([cause["title"] for cause in own]),
        "evidence": evidence,
    }


@dataclass(frozen=True, slots=True)
class Common:
    """A cause that moved several scopes: in each by so many pp. `subject` is empty for all causes of a kind."""

    kind: str
    subject: str
    title: str
    shares: tuple[float, ...]

    def leads(self, found: Json) -> bool:
        """Whether it is the largest cause of a movement."""
        first = found["causes"][0] if found["causes"] else {"kind": "", "subject": ""}
        return (self.kind, self.subject) == (first["kind"], first["subject"].lower())


def common(found: Sequence[Json]) -> list[Common]:
    """What more than one scope has in common, the most widespread first: causes of one subject, else kinds of cause."""
    for by_subject in (True, False):
        titles: dict[tuple[str, str], list[str]] = {}
        shares: dict[tuple[str, str], list[float]] = {}
        for one in found:
            own: dict[tuple[str, str], list[Json]] = {}
            for entry in one["causes"] if by_subject else one["summary"]:
                own.setdefault((entry["kind"], entry["subject"].lower() if by_subject else ""), []).append(entry)
            for key, entries in own.items():
                titles.setdefault(key, []).extend(entry["title"] for entry in entries)
                shares.setdefault(key, []).append(fsum(entry["share"] for entry in entries))
        shared = [
            Common(*key, beginning(titles[key]) if by_subject else key[0].replace("_", " "), tuple(own))
            for key, own in shares.items()
            if len(own) > 1
        ]
        if shared:
            return sorted(shared, key=lambda one: (-len(one.shares), -fsum(map(abs, one.shares))))
    return []


def beginning(titles: Sequence[str]) -> str:
    """What titles have in common from their first word on, so that no figure stays that is true of one alone."""
    first = titles[0].split()
    length = len(first)
    for title in titles[1:]:
        words = title.split()
        same = (at for at, word in enumerate(first[:length]) if at >= len(words) or words[at] != word)
        length = next(same, length)
    kept = first[:length]
    while length < len(first) and kept and kept[-1].lower().strip(",:") in _JOINTS:
        kept.pop()
    return " ".join(kept).rstrip(",:") if kept else titles[0]

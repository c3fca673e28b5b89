"""Movements taken together: several of one scope as one, and what many scopes have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import fsum

from drift.engine.wording import SUMMARIES, across, count
from drift.model import Json
from drift.people import actors_of
from drift.words import KIND_WORDS

type Key = tuple[str, str]
"""A cause wherever it happened: its kind, and its subject in lower case."""

_NOUNS = {kind.value: noun for kind, (_, noun) in SUMMARIES.items()}

_JOINTS = ("on", "for", "with", "of", "in")
"""Words that lead to a figure; a title does not end with one."""


def joined(found: Sequence[Json]) -> Json:
    """Movements of one scope, at least one, as if they were one: from the first to the last, with the sum of all.

    What became of the score between them is not in it: `before` and `after` need not differ by `movement`.
    `movements` says how many there were, `course` where the score stood at their ends, as pairs of time and percentage.
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
            causes.setdefault(_about(cause), []).append(cause)
    listed = sorted((_cause(own) for own in causes.values()), key=lambda cause: -abs(cause["share"]))
    last = found[-1]
    return {
        **{key: last[key] for key in ("scope", "name", "after", "pending", "unscored")},
        **({"left": last["left"] | {"causes": 0, "summary": 0, "actors": 0}} if "left" in last else {}),
        **({"forecasts": _forecasts(found)} if any("forecasts" in one for one in found) else {}),
        **({"part": _part(found)} if "part" in last else {}),
        "before": found[0]["before"],
        "movement": fsum(one["movement"] for one in moved) if moved else None,
        "rounding": None,
        "classes": {name: fsum(shares) for name, shares in classes.items()},
        "summary": _summary(moved, listed),
        "actors": _actors([one.get("actors", ()) for one in moved]),
        "causes": listed,
        "notes": list(dict.fromkeys(note for one in found for note in one["notes"])),
        "movements": len(found),
        "course": [
            (end["takenAt"], end["percentage"])
            for one in found
            for end in (one["before"], one["after"])
            if end["percentage"] is not None
        ],
    }


def _part(found: Sequence[Json]) -> Json:
    """Whose part it is, and of how much."""
    parts = [one["part"] for one in found if "part" in one]
    owners = sorted({owner for part in parts for owner in part["owners"]})
    return {"owners": owners, "movement": fsum(part["movement"] for part in parts)}


def _cause(own: Sequence[Json]) -> Json:
    evidence = [record for cause in own for record in cause["evidence"]]
    return own[-1] | {
        "share": fsum(cause["share"] for cause in own),
        "title": beginning([cause["title"] for cause in own]),
        "actors": _actors([actors_of(cause) for cause in own]),
        "evidence": evidence,
    }


def _actors(lists: Sequence[Sequence[Json]]) -> list[Json]:
    """Whose doing several things were, the largest share first."""
    found: dict[tuple[str, str], list[Json]] = {}
    for actor in chain.from_iterable(lists):
        found.setdefault((actor["type"], (actor["id"] or actor["actor"] or "").lower()), []).append(actor)
    rows = [own[-1] | {"share": fsum(actor.get("share", 0.0) for actor in own)} for own in found.values()]
    return sorted(rows, key=lambda row: -abs(row["share"]))


def _forecasts(found: Sequence[Json]) -> Json:
    """What was said to come, each once, as it was last said, but for what has come since."""
    known = [one.get("forecasts", {}) for one in found]
    gone = {_about(one) for own in known for one in own.get("settled", ())}
    shown: Json = {}
    for sort in ("opened", "overdue"):
        latest = {_about(one): one for own in known for one in own.get(sort, ())}
        shown[sort] = [one for about, one in latest.items() if about not in gone]
    left = [own.get("left", {}) for own in known]
    return shown | {"left": {sort: max(own.get(sort, 0) for own in left) for sort in shown}}


def _about(entry: Json) -> tuple[str, str, str]:
    return entry["kind"], entry["subject"].lower(), entry["scope"].lower()


def _summary(moved: Sequence[Json], causes: Sequence[Json]) -> list[Json]:
    """A line for each kind of cause, by all movements; `causes` are those that they list, joined."""
    lines: dict[str, list[Json]] = {}
    whole: dict[str, bool] = {}
    for one in moved:
        for entry in one["summary"]:
            listed = sum(cause["kind"] == entry["kind"] for cause in one["causes"])
            lines.setdefault(entry["kind"], []).append(entry)
            whole[entry["kind"]] = whole.get(entry["kind"], True) and listed == entry["count"]
    summary = []
    for kind, entries in lines.items():
        own = [cause for cause in causes if cause["kind"] == kind]
        number = len(own) if whole[kind] else max([len(own) + 1, *(entry["count"] for entry in entries)])
        summary.append(
            entries[-1]
            | {"share": fsum(entry["share"] for entry in entries), "count": number}
            | {"title": _line(kind, own, whole=whole[kind])}
        )
    return sorted(summary, key=lambda entry: -abs(entry["share"]))


def _line(kind: str, own: Sequence[Json], *, whole: bool) -> str:
    subjects = {cause["subject"].lower() for cause in own}
    if whole and len(subjects) == 1:
        return beginning([cause["title"] for cause in own]) + across(len(own))
    number = count(max(1, len(subjects)), _NOUNS[kind])
    return f"{KIND_WORDS[kind]}: {number if whole else f'at least {number}'}"


def stood_still(found: Json) -> bool:
    """Whether neither a scope nor any cause in it moved by as much as can be shown."""
    shares = [found["movement"], *(cause["share"] for cause in found["causes"])]
    return found["movement"] is not None and not any(abs(share) >= 0.005 for share in shares)


# What is told of several scopes, each thing once


@dataclass(frozen=True, slots=True)
class Chapter:
    """What one scope has to tell: lines of its summary, that none before it has told."""

    found: Json
    entries: Sequence[Json]
    keys: frozenset[Key] = frozenset()
    kinds: frozenset[str] = field(default_factory=frozenset)
    """Kinds of which it tells all there is, though it does not name each."""


def chapters(found: Sequence[Json], most: int, lines: int) -> list[Chapter]:
    """At most so many chapters, each of at most so many lines; the first is of the first scope that has causes."""
    told: list[Chapter] = []
    for one in found:
        if len(told) == most:
            break
        if one["movement"] is None:
            continue
        shown = [entry for entry in one["summary"][:lines] if not told or abs(entry["share"]) >= 0.005]
        new = [entry for entry in shown if not is_told(entry, one, told)]
        if new:
            kinds = {entry["kind"] for entry in new if one["scope"] == "all" and len(_own(entry, one)) < entry["count"]}
            told.append(Chapter(one, new, frozenset(keys(one)), frozenset(kinds)))
    return told


def is_told(entry: Json, found: Json, told: Sequence[Chapter]) -> bool:
    """Whether chapters tell all that is known of a line of a scope's summary."""
    if any(entry["kind"] in one.kinds for one in told):
        return True
    own = {key(cause) for cause in _own(entry, found)}
    return bool(own) and own <= {one for chapter in told for one in chapter.keys}


def _own(entry: Json, found: Json) -> list[Json]:
    return [cause for cause in found["causes"] if cause["kind"] == entry["kind"]]


def key(cause: Json) -> Key:
    """What makes it the same cause in another scope."""
    return cause["kind"], cause["subject"].lower()


def keys(found: Json) -> set[Key]:
    """Of all causes that a movement lists."""
    return {key(cause) for cause in found["causes"]}


@dataclass(frozen=True, slots=True)
class Common:
    """A cause that moved several scopes: in each by so many pp. `subject` is empty for all causes of a kind."""

    kind: str
    subject: str
    title: str
    shares: tuple[float, ...]

    @property
    def key(self) -> Key:
        """As of a cause."""
        return self.kind, self.subject


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
            Common(*key, beginning(titles[key]) if by_subject else KIND_WORDS[key[0]], tuple(own))
            for key, own in shares.items()
            if len(own) > 1
        ]
        if shared:
            return sorted(shared, key=lambda one: (-len(one.shares), -fsum(map(abs, one.shares))))
    return []


def beginning(titles: Sequence[str]) -> str:
    """What titles have in common from their first word on, so that no figure and no name stays that is one's alone."""
    first = titles[0].split()
    length = len(first)
    for title in titles[1:]:
        words = title.split()
        same = (at for at, word in enumerate(first[:length]) if at >= len(words) or words[at] != word)
        length = next(same, length)
    kept = first[:length]
    if length < len(first) and kept:
        quoted = max((at for at, word in enumerate(kept) if word.endswith(("”", "”:"))), default=-1)
        ends = [at for at, word in enumerate(kept) if at > quoted and _leads(word, quoted, first[0])]
        if ends:  # to what is told of one alone, of which a part may be the same
            kept = kept[: ends[-1] + kept[ends[-1]].endswith(":")]
    return " ".join(kept).rstrip(",:") if kept else titles[0]


def _leads(word: str, quoted: int, first: str) -> bool:
    """Whether a word leads to where it happened: a colon, or in titles that begin with a quoted name a joint."""
    return word.endswith(":") or (first.startswith("“") and quoted >= 0 and word.lower().rstrip(",") in _JOINTS)

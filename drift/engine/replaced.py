"""Which recommendation took the place of another: an assessment key that is replaced is one cause, not two."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drift.model import Recommendation


@dataclass(frozen=True, slots=True)
class Check:
    """A recommendation that began, or ceased, to count."""

    known: Recommendation | None
    """What its metadata says; None: nothing is known."""
    controls: Sequence[str]
    """The controls that it counts, or counted, in."""


def partners(gone: Mapping[int, Check], came: Mapping[int, Check]) -> dict[int, int]:
    """What came for what went, by place; only where each of the two has no other partner."""
    fitting = {old: [new for new in came if new != old and _same(one, came[new])] for old, one in gone.items()}
    single = {old: new[0] for old, new in fitting.items() if len(new) == 1}
    chosen = [new for some in fitting.values() for new in some]
    return {old: new for old, new in single.items() if chosen.count(new) == 1}


def _same(one: Check, other: Check) -> bool:
    """Whether two check the same thing, by policy or by title, and count in the same control."""
    if one.known is None or other.known is None or not {*one.controls} & {*other.controls}:
        return False
    policy, title = one.known.policy, _plain(one.known.title)
    return (policy is not None and policy == other.known.policy) or (title != "" and title == _plain(other.known.title))


def _plain(title: str) -> str:
    """A title without what tells of its state or of the tool behind it."""
    plain = " ".join(title.casefold().split())
    while (shorter := _AROUND.sub("", plain).strip()) != plain:
        plain = shorter
    return plain.rstrip(".")


_STATES = r"(preview|deprecated|enable if required|new|legacy)"
_AROUND = re.compile(rf"^\[{_STATES}\]:?|^\({_STATES}\):?|^{_STATES}:|\(powered by [^()]*\)$|[\[(]{_STATES}[\])]$")

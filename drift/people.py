"""Whose doing something was, in a few words: the same in the terminal, on a card and on the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from drift.engine.wording import count
from drift.model import Json

_NOBODY = {"platform": "the platform", "notRecorded": "not recorded"}
_SORTS = {"user": "", "application": " (application)", "managedIdentity": " (managed identity)"}
_UNNAMED = {"user": "a user", "application": "an application", "managedIdentity": "a managed identity"}

UNKNOWN = "who is not recorded"

NAMELESS = frozenset({"unexplained", "weight_changed"})
"""Kinds of cause of which it makes no sense to say who did them."""

START = 8
"""Letters of an id that tell two of one name apart."""


class People:
    """All who do something in some explanations, by names that tell them apart.

    `text` makes a tenant's words harmless, and cuts them, for where they are to stand. Of several who then look the
    same, or like words of ours, the start of the id or the address stands behind the name.
    """

    def __init__(self, found: Iterable[Json], text: Callable[[str], str]) -> None:
        self._text = text
        self._alike: dict[str, set[tuple[str, str]]] = {}
        for actor in _everyone(found):
            if actor["type"] not in _NOBODY:
                known = self._alike.setdefault(self._look(actor).casefold(), set())
                known |= {(part, actor[part].lower()) for part in ("type", "id", "address") if actor.get(part)}

    def called(self, actor: Json) -> str:
        """`Ana Lopez`, `northwind-deployments (application)`, `the platform`, `not recorded`."""
        if actor["type"] in _NOBODY:
            return _NOBODY[actor["type"]]
        look = self._look(actor)
        if not (actor["actor"] or actor.get("address")):
            return look
        parts = [part for part, _ in self._alike.get(look.casefold(), ())]
        if len(set(parts)) == len(parts) and look.casefold() not in _NOBODY.values():
            return look
        apart = (actor["id"] or "")[:START] or actor.get("address") or actor["type"]
        return f"{look} ({self._text(apart)})"

    def by(self, actors: Sequence[Json], more: int = 0) -> str:
        """`by Ana Lopez`, `by Ana Lopez and 2 others`, `by the platform`, `who is not recorded`.

        `actors` are in order of importance; `more` is how many others there are.
        """
        known = _known(actors)
        if not known:
            return UNKNOWN if actors else ""
        others = len(known) - 1 + more
        words = f"by {self.called(known[0])}"
        if others == 1 and len(known) == 2:
            words += f" and {self.called(known[1])}"
        elif others:
            words += f" and {count(others, 'other')}"
        return words if len(known) == len(actors) else f"{words}, in part not recorded"

    def did(self, cause: Json) -> str:
        """The same of a cause, or of what is to come; "" where it makes no sense to say."""
        if cause["kind"] in NAMELESS:
            return ""
        actors = actors_of(cause)
        words = self.by(actors, cause.get("moreActors", 0))
        if actors and not _known(actors) and any(record["source"] == "event" for record in cause.get("evidence", ())):
            words += f": {self._text(cause['reason'])}"  # as where several people did such a thing
        return words

    def _look(self, actor: Json) -> str:
        """The name as it is shown, if nobody else looks like it."""
        if name := actor["actor"] or actor.get("address"):
            return self._text(name) + _SORTS[actor["type"]]
        start = f" ({self._text(actor['id'][:START])})" if actor["id"] else ""
        return f"{_UNNAMED[actor['type']]} without a name{start}"


def actors_of(cause: Json) -> Sequence[Json]:
    """Whose doing a cause is, the largest share first. What was kept before there were actors has a record at most."""
    if "actors" in cause:
        actors: Sequence[Json] = cause["actors"]
        return actors
    names = [record["actor"] for record in cause.get("evidence", ()) if record["actor"]]
    return [{"actor": name, "type": "user", "id": None} for name in names[:1]]


def records(cause: Json) -> list[Json]:
    """The evidence of a cause, first what tells of who did most of it, of that events first."""
    known = _known(actors_of(cause))
    first = {known[0]["actor"], known[0]["id"]} - {None} if known else set()

    def worse(record: Json) -> tuple[bool, bool, bool]:
        theirs = not first.isdisjoint((record["actor"], record.get("actorId")))
        return not theirs, record["source"] != "event", record["actor"] is None

    return sorted(cause.get("evidence", ()), key=worse)


def done_at(cause: Json) -> str | None:
    """The time (ISO 8601) of the record that tells best of a cause.

    None where there is none, or events tell of several acts and not which of them it was.
    """
    known = _known(actors_of(cause))
    times = [record["time"] for record in records(cause) if known or record["source"] != "event"]
    return times[0] if times else None


def _known(actors: Iterable[Json]) -> list[Json]:
    return [actor for actor in actors if actor["type"] != "notRecorded"]


def named(actors: Iterable[Json]) -> bool:
    """Whether anybody is named among them."""
    return any(actor["type"] not in _NOBODY for actor in actors)


def platforms(found: Json) -> float | None:
    """How much of a movement is the platform's, in pp; None where that is not known, or nothing."""
    shares = [actor["share"] for actor in found.get("actors", ()) if actor["type"] == "platform"]
    return shares[0] if shares else None


def _everyone(found: Iterable[Json]) -> Iterator[Json]:
    for one in found:
        yield from one.get("actors", ())
        for name in ("causes", "pending", "foretold"):
            for cause in one.get(name, ()):
                yield from actors_of(cause)
        for name in ("opened", "overdue"):
            for forecast in one.get("forecasts", {}).get(name, ()):
                yield from forecast.get("actors", ())

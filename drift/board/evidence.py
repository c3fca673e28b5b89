"""The evidence of a brief: of evidence folders, or of what is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from drift import answers, auditing, plans, standing
from drift.adapters.evidence import open_folders
from drift.folders import Progress, divided_in, members_of
from drift.history import History, NothingKnownError, Tick
from drift.model import Json

SCHEMA = 1
HIGHEST = 100.0
"""The plan goes all the way: what is open is what it fixes."""


APART = ("prod", "dev")
"""Groups that are told apart where nobody says otherwise."""


def present(paths: Sequence[Path], groups: Mapping[str, str]) -> dict[str, str]:
    """Of named scopes those that something in the folders belongs to. Raises EvidenceError."""
    folders = open_folders(paths)
    return {name: scope for name, scope in groups.items() if any(members_of(folder, scope) for folder in folders)}


def of_folders(paths: Sequence[Path], scope: str, groups: Mapping[str, str], progress: Progress) -> dict[str, Json]:
    """From two or more folders, the period. `groups`: names to scopes, told apart. Raises EvidenceError."""
    last = paths[-1]

    def ask(part: str) -> dict[str, Json]:
        explained, controls = divided_in(paths, part, progress)
        stood = standing.controls(auditing.heads_in(last, part, progress), part)["value"]
        return {
            "explanation": explained,
            "controls": {"value": controls, "standing": stood},
            "plan": plans.plan_in(last, part, HIGHEST, progress),
            "exemptions": auditing.exemptions_in(last, part, progress),
            "coverage": auditing.coverage_in(last, part, progress),
            "overdue": standing.overdue(auditing.heads_in(last, part, progress), part),
        }

    return _put_together(scope, {"all" if scope == "all" else "scope": scope, **groups}, ask)


def of_history(
    history: History, scope: str, since: Tick = None, until: Tick = None, groups: Sequence[str] | None = None
) -> dict[str, Json]:
    """From what is kept, of a window. `groups`: without any those of APART that something is known of.

    Raises what History raises.
    """
    chain = history.chain(scope)
    begin, end = history.window(chain, since, until)

    def ask(part: str) -> dict[str, Json]:
        members = answers.reach(history, part).members
        controls = history.explain(part, begin, end, by="control").get("parts", [])
        return {
            "explanation": history.explain(part, begin, end, by="owner"),
            "controls": {"value": controls, "standing": answers.controls(history, part)["value"]},
            "plan": answers.plan(history, part, HIGHEST),
            "exemptions": answers.exemptions(history, part),
            "coverage": answers.coverage(history, part),
            "overdue": standing.overdue(answers.heads(history.store, members), part),
        }

    if groups is None:
        groups = [one for one in APART if one in history.groups and one != chain and _known(history, one, begin, end)]
    return _put_together(scope, {chain: scope, **{history.chain(one): one for one in groups}}, ask)


def _known(history: History, scope: str, begin: int, end: int) -> bool:
    try:
        history.explain(scope, begin, end)
    except NothingKnownError:
        return False
    return True


def _put_together(scope: str, parts: Mapping[str, str], ask: Callable[[str], dict[str, Json]]) -> dict[str, Json]:
    evidence: dict[str, Json] = {}
    for name, part in parts.items():
        for file, found in ask(part).items():
            evidence[f"{name}/{file}.json"] = _without_subscriptions(found) if file == "explanation" else found
    first = evidence[f"{next(iter(parts))}/explanation.json"]
    evidence["report.json"] = {
        "schema": SCHEMA,
        "scope": scope,
        "from": first["before"]["takenAt"],
        "to": first["after"]["takenAt"],
        "parts": [{"name": name, "scope": part} for name, part in parts.items()],
    }
    return evidence


def _without_subscriptions(explained: Json) -> Json:
    """Each cause says in which subscription it lies; their own explanations would be a book."""
    return {key: value for key, value in explained.items() if key != "subscriptions"}

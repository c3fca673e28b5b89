"""The evidence of a brief: of evidence folders, or of what is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from drift import answers, auditing, plans, standing
from drift.adapters.evidence import open_folders
from drift.folders import Progress, divided_in, members_of
from drift.history import History, NothingKnownError, Tick
from drift.model import Json

SCHEMA = 1
HIGHEST = 100.0
"""The plan goes all the way: what is open is what it fixes."""

APART = {"prod": "tag:environment=prod", "dev": "tag:environment=dev"}
"""What is told apart where nobody says otherwise: groups of these names in the app, these scopes in folders."""

WAYS = ("owner", "control")
"""How the movement is divided."""


def present(paths: Sequence[Path]) -> dict[str, str]:
    """Of APART the scopes that something in the folders belongs to. Raises EvidenceError."""
    folders = open_folders(paths)
    return {name: scope for name, scope in APART.items() if any(members_of(folder, scope) for folder in folders)}


def of_folders(paths: Sequence[Path], scope: str, groups: Mapping[str, str], progress: Progress) -> dict[str, Json]:
    """From two or more folders, the period. `groups`: names to scopes, told apart. Raises EvidenceError."""
    last, parts = paths[-1], {"all" if scope == "all" else "scope": scope, **groups}
    divided = divided_in(paths, list(dict.fromkeys(parts.values())), WAYS, progress)

    def ask(part: str) -> dict[str, Json]:
        by_owner, by_control = divided[part]
        stood = standing.controls(auditing.heads_in(last, part, progress), part)["value"]
        return {
            "explanation": by_owner,
            "controls": {"value": by_control.get("parts", []), "standing": stood},
            "plan": plans.plan_in(last, part, HIGHEST, progress),
            "exemptions": auditing.exemptions_in(last, part, progress),
            "coverage": auditing.coverage_in(last, part, progress),
            "overdue": standing.overdue(auditing.heads_in(last, part, progress), part),
        }

    return _put_together(scope, parts, {name: ask(part) for name, part in parts.items()})


def of_history(
    history: History, scope: str, since: Tick = None, until: Tick = None, groups: Sequence[str] | None = None
) -> dict[str, Json]:
    """From what is kept, of a window. `groups`: without any those of APART that something is known of.

    Raises what History raises.
    """
    chain = history.chain(scope)
    begin, end = history.window(chain, since, until)

    def ask(part: str) -> dict[str, Json]:
        by_owner, by_control = history.divided(part, begin, end, WAYS)
        return {
            "explanation": by_owner,
            "controls": {
                "value": by_control.get("parts", []),
                "standing": answers.controls(history, part)["value"],
            },
            "plan": answers.plan(history, part, HIGHEST),
            "exemptions": answers.exemptions(history, part),
            "coverage": answers.coverage(history, part),
            "overdue": answers.overdue(history, part),
        }

    asked = [one for one in APART if one in history.groups] if groups is None else groups
    parts = {chain: scope, **{history.chain(one): one for one in asked}}
    found: dict[str, dict[str, Json]] = {}
    for name, part in parts.items():
        try:
            found[name] = ask(part)
        except NothingKnownError:
            if groups is not None or name == chain:
                raise
    return _put_together(scope, parts, found)


def _put_together(scope: str, parts: Mapping[str, str], own: Mapping[str, Mapping[str, Json]]) -> dict[str, Json]:
    """`own`: of those parts of which something is known, what is found."""
    evidence: dict[str, Json] = {}
    for name, files in own.items():
        for file, found in files.items():
            evidence[f"{name}/{file}.json"] = _without_subscriptions(found) if file == "explanation" else found
    first = evidence[f"{next(iter(own))}/explanation.json"]
    evidence["report.json"] = {
        "schema": SCHEMA,
        "scope": scope,
        "from": first["before"]["takenAt"],
        "to": first["after"]["takenAt"],
        "parts": [{"name": name, "scope": parts[name]} for name in own],
    }
    return evidence


def _without_subscriptions(explained: Json) -> Json:
    """Each cause says in which subscription it lies; their own explanations would be a book."""
    return {key: value for key, value in explained.items() if key != "subscriptions"}

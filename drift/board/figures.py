"""The figures of a brief, from its evidence alone: who has the evidence derives the same ones.

Evidence is JSON by file name: `report.json` names the parts (the whole scope first), and of each part there are
`NAME/explanation.json` (of the period, with the shares by owner), `NAME/controls.json` (the shares by control, and
where each stands), `NAME/plan.json`, `NAME/exemptions.json`, `NAME/coverage.json` and `NAME/overdue.json` (of its end).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import fsum

from drift.engine.wording import count
from drift.model import Json

type Evidence = Mapping[str, Json]

FILES = ("explanation", "controls", "plan", "exemptions", "coverage", "overdue")
"""Of each part."""

MEANT = {
    "score": "The score at both ends of the period. Earned is people's own work: findings fixed, less those that came "
    "back. Drift is all else: the estate, the yardstick, coverage, exemptions. Together they are the movement.",
    "highRisk": "Controls in which a resource is unhealthy by a recommendation of severity High.",
    "overdue": "Findings still unhealthy after the due date of their governance assignment.",
    "exemptions": "Exemptions that have ended and are still there, or that nobody owns.",
    "coverage": "Subscriptions with a score; machines that are assessed; resources that no Defender plan covers.",
    "completed": "Controls in which fixes counted in the period and Azure counts nothing unhealthy at its end.",
}
"""What each figure says, in a sentence or two."""

CHECKED = {
    "score": ("explanation", ("movement", "classes")),
    "highRisk": ("plan", ("controls[].unhealthy", "recommendations[].severity")),
    "overdue": ("overdue", ("count",)),
    "exemptions": ("exemptions", ("value[].flags",)),
    "coverage": ("coverage", ("total",)),
    "completed": ("controls", ("value[].classes.earned", "standing[].unhealthy")),
}
"""Where each is checked: the file, and what in it."""

DECISIONS = 3


def figures(evidence: Evidence) -> Json:
    """All figures, by part, and the decisions to take. Raises KeyError or TypeError for what is no evidence."""
    parts = evidence["report.json"]["parts"]
    found = {part["name"]: _part({one: evidence[f"{part['name']}/{one}.json"] for one in FILES}) for part in parts}
    whole = parts[0]["name"]
    return {"parts": found, "decisions": _decisions({one: evidence[f"{whole}/{one}.json"] for one in FILES})}


def _part(own: Mapping[str, Json]) -> Json:
    explained = own["explanation"]
    return {
        "score": _score(explained),
        "highRisk": _high_risk(own["plan"]),
        "overdue": {"count": own["overdue"]["count"], "unread": own["overdue"]["unread"], "oldest": _oldest(own)},
        "exemptions": _exemptions(own["exemptions"]),
        "coverage": _coverage(own["coverage"]["total"]),
        "completed": _completed(own["controls"]),
        "owners": [{"owner": one["key"], "share": one["share"]} for one in explained.get("parts", ())],
    }


def _score(explained: Json) -> Json:
    movement, classes = explained["movement"], explained["classes"]
    earned = fsum((classes.get("earned", 0.0), classes.get("lost", 0.0)))
    return {
        "before": explained["before"]["percentage"],
        "after": explained["after"]["percentage"],
        "movement": movement,
        "earned": None if movement is None else earned,
        "drift": None if movement is None else movement - earned,
    }


def _high_risk(plan: Json) -> Json:
    """Not known where nothing tells how severe the unhealthy ones are."""
    left = [one for one in plan["recommendations"] if one["unhealthy"]]
    if left and all(one["severity"] is None for one in left):
        return {"count": None, "controls": []}
    severe = {title for one in left if one["severity"] == "High" for title in one["controls"]}
    titles = sorted(one["title"] for one in plan["controls"] if one["unhealthy"] and one["title"] in severe)
    return {"count": len(titles), "controls": titles}


def _oldest(own: Mapping[str, Json]) -> str | None:
    return own["overdue"]["value"][0]["due"] if own["overdue"]["value"] else None


def _exemptions(found: Json) -> Json:
    flags = [set(one["flags"]) for one in found["value"]]
    return {
        "count": sum(bool(one & {"expired", "no_owner"}) for one in flags),
        "expired": sum("expired" in one for one in flags),
        "noOwner": sum("no_owner" in one for one in flags),
        "total": len(flags),
        "worth": found["difference"],
    }


def _coverage(total: Json) -> Json:
    machines = total["machines"]
    return {
        "subscriptions": total["subscriptions"],
        "scored": total["scored"],
        "machines": machines["assessed"] + machines["notAssessed"],
        "assessed": machines["assessed"],
        "uncovered": sum(one["uncovered"] or 0 for one in total["plans"]),
    }


def _completed(controls: Json) -> Json:
    earned = {
        one["key"].lower() for one in controls["value"] if one["key"] and one["classes"].get("earned", 0.0) > 1e-9
    }
    done = [one for one in controls["standing"] if one["control"].lower() in earned]
    titles = sorted(one["title"] for one in done if one["healthy"] and not one["unhealthy"])
    return {"count": len(titles), "controls": titles}


# Decisions


def _decisions(own: Mapping[str, Json]) -> list[Json]:
    """The few that move most, each with what it is worth in pp, or null where nobody can say.

    Those with a worth come first, the largest first.
    """
    every = sorted(_candidates(own), key=lambda one: (one["worth"] is None, -abs(one["worth"] or 0.0)))
    return every[:DECISIONS]


def _candidates(own: Mapping[str, Json]) -> Iterator[Json]:
    if own["plan"]["steps"]:
        step = max(own["plan"]["steps"], key=lambda one: one["gain"])
        owners = [one["owner"] for one in step["owners"]]
        yield _decision("Fix", step["title"], step["gain"], owners, "plan", f"effort of one fix: {step['hardest']}")
    lost = [one for one in own["explanation"]["causes"] if one["class"] == "lost"]
    if lost:
        worst = min(lost, key=lambda one: one["share"])
        yield _decision("Find out why it came back", worst["title"], -worst["share"], [], "explanation", "")
    flagged = [one for one in own["exemptions"]["value"] if {"expired", "no_owner"} & set(one["flags"])]
    if flagged:
        points = [one["points"] for one in flagged if one["points"] is not None]
        owners = sorted({one["owner"] for one in flagged if one["owner"]})
        title = f"{count(len(flagged), 'exemption')} that ended or that nobody owns"
        yield _decision("Renew, own or remove", title, fsum(points) if points else None, owners, "exemptions", "")
    late = own["overdue"]
    if late["count"]:
        owners = sorted({one["owner"] for one in late["value"] if one["owner"]})
        since = late["value"][0]["due"][:10]
        title = f"{count(late['count'], 'fix', 'fixes')} past the due date, the oldest of {since}"
        yield _decision("Insist, or set another date", title, None, owners, "overdue", "")
    bare = [one for one in own["coverage"]["total"]["plans"] if one["uncovered"]]
    if bare:
        most = max(bare, key=lambda one: one["uncovered"])
        title = f"{count(most['uncovered'], 'resource')} that the plan {most['name']} does not cover"
        yield _decision("Switch on, or accept", title, None, [], "coverage", "what it will find is not known: inferred")


def _decision(verb: str, title: str, worth: float | None, owners: list[str], file: str, note: str) -> Json:
    return {"verb": verb, "title": title, "worth": worth, "owners": owners, "file": file, "note": note}

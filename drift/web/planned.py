"""The shape of a plan: what fixes are worth, and a way to a target."""

from __future__ import annotations

from drift.model import Json
from drift.plans import CRITICALITIES, SEVERITIES
from drift.web.shapes import array, natural, nullable, number, percentage, record, ref, text, truth

_CRITICALITY = {"enum": list(CRITICALITIES), "description": "How much depends on it, by its tag `criticality`."}


def planned() -> dict[str, Json]:
    """By name."""
    return {"Plan": _plan(), "PlanStep": _step()}


def _plan() -> Json:
    total = record(
        {
            "fixes": natural("How many marks are fixed."),
            "effort": natural("What they take, in units of effort."),
            "leastEffort": nullable("integer", "No choice of fixes that gets as far takes less; null where not known."),
            "gain": number("What they bring, in pp."),
        },
        description="All steps together.",
    )
    return record(
        {
            "scope": text("What was asked about: `all`, the id of a subscription, or the name of a group."),
            "takenAt": ref("Time"),
            "now": percentage("The score; null where there is none."),
            "pending": nullable("number", "What is still to come of what was done, in pp: steps begin after it."),
            "target": percentage("The percentage that is to be reached."),
            "effort": text("The most effort of one fix."),
            "by": text("What comes first."),
            "reachable": truth("Whether the target can be reached."),
            "highest": percentage("The highest score that can."),
            "total": total,
            "steps": array(ref("PlanStep"), "In order."),
            "left": array(_left(), "What stays Unhealthy at the highest score."),
            "controls": array(_control(), "What each is worth, the most first."),
            "recommendations": array(_recommendation(), "What each is worth, the most first."),
            "resources": array(_resource(), "Those that are worth most."),
            "notes": array(text("A line."), "What could not be told, and what was left out."),
        }
    )


def _step() -> Json:
    owner = record({"owner": text("Who."), "resources": natural("How many resources.")})
    return record(
        {
            "recommendation": nullable("string", "Its key; null where there are several."),
            "recommendations": array(text("The key of a recommendation.")),
            "title": text("What to do, in one line."),
            "control": text("The title of the first of the controls."),
            "controls": array(text("A title."), "Those in which resources become healthy."),
            "resources": array(text("The id of a resource."), "The most critical first; not all of very many."),
            "count": natural("How many resources there are."),
            "subscriptions": natural("How many subscriptions these lie in."),
            "fixes": natural("How many marks are fixed."),
            "effort": natural("What they take, in units of effort."),
            "hardest": text("The most effort of one fix."),
            "severity": {"enum": list(SEVERITIES), "description": "The worst; null where it is not told."},
            "criticality": _CRITICALITY,
            "owner": nullable("string", "Who owns all of the resources, as far as tags tell."),
            "owners": array(owner, "The largest."),
            "gain": number("What it brings, in pp."),
            "scoreAfter": percentage("The score after it."),
        },
        description="Fixes that belong together.",
    )


def _left() -> Json:
    return record(
        {
            "control": text("Its name."),
            "title": text("What to call it."),
            "unhealthy": natural("How many of its resources stay Unhealthy."),
            "tooMuchEffort": natural("How many of them take more effort than is wanted."),
            "notAssessed": natural("Of how many no assessment tells what they need."),
            "points": number("What they keep from the score, in pp."),
        }
    )


def _worth() -> Json:
    return {
        "alone": number("What it is worth if nothing else is fixed, in pp."),
        "together": number("Its part if all is fixed, in pp: these add up."),
    }


def _control() -> Json:
    own = {"control": text("Its name."), "title": text("What to call it.")}
    unhealthy = natural("How many of its resources are Unhealthy.")
    return record(own | {"unhealthy": unhealthy, **_worth(), "each": number("What one of them is worth, in pp.")})


def _recommendation() -> Json:
    return record(
        {
            "key": text("Its key."),
            "title": text("What to call it."),
            "severity": nullable("string", "As Azure rates it."),
            "effort": nullable("string", "What a fix takes, as Azure rates it."),
            "impact": nullable("string", "What users feel of a fix, as Azure rates it."),
            "unhealthy": natural("How many of its marks are Unhealthy."),
            **_worth(),
            "controls": array(text("The title of a control.")),
        }
    )


def _resource() -> Json:
    return record(
        {
            "resource": text("Its id."),
            "owner": nullable("string", "Who owns it, as far as tags tell."),
            "criticality": _CRITICALITY,
            "fixes": natural("How many of its marks are Unhealthy."),
            "worth": number("What it brings if all of them are fixed, in pp."),
        }
    )

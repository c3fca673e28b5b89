"""The shapes of what is answered about where a scope stands: why it stands still, what is hidden, what is not seen."""

from __future__ import annotations

from drift.engine.auditing.audit import FLAGS
from drift.model import Json
from drift.web.shapes import array, natural, nullable, optional, percentage, record, ref, text, time, truth


def standing() -> dict[str, Json]:
    """By name."""
    return {
        "Diagnosis": _diagnosis(),
        "Reason": _reason(),
        "Exemptions": _exemptions(),
        "Exemption": _exemption(),
        "Coverage": _coverage(),
        "Covered": _covered(),
        "Absent": _absent(),
        "Controls": record(
            {
                "scope": _SCOPE,
                "takenAt": ref("Time"),
                "value": array(
                    record(
                        {
                            "control": text("Its name."),
                            "title": text("What to call it."),
                            "healthy": natural("How many resources Azure counts as healthy."),
                            "unhealthy": natural("How many as unhealthy."),
                        }
                    )
                ),
                "notes": _NOTES,
            }
        ),
        "Named": record({"id": text("The id of the subscription."), "name": text("What to call it.")}),
    }


_SCOPE = text("What was asked about: `all`, the id of a subscription, or the name of a group.")
_NOTES = array(text("A line."), "What could not be told, and what was left out.")


def _diagnosis() -> Json:
    asked = record(
        {
            "recommendation": nullable("string", "The key of the recommendation that was asked about."),
            "resource": nullable("string", "The id of the resource that was asked about."),
            "figure": percentage("The percentage that was asked about."),
        }
    )
    undecided = record(
        {"reason": text("Its name, as in docs/reasons.md."), "needs": text("The file, permission or setting.")},
        description="A reason that what is at hand can't decide, and what would.",
    )
    return record(
        {
            "scope": _SCOPE,
            "takenAt": ref("Time"),
            "asked": asked,
            "reasons": array(ref("Reason"), "Those that hold, those that explain most first."),
            "undecided": array(undecided, "Those that could not be decided."),
            "notes": _NOTES,
        }
    )


def _reason() -> Json:
    moves = record({"earliest": ref("Time"), "latest": ref("Time")})
    return record(
        {
            "reason": text("Its name, as in docs/reasons.md."),
            "confidence": {"enum": ["confirmed", "inferred"]},
            "title": text("One line in plain words."),
            "evidence": array(text("A line."), "How it is known."),
            "action": text("What to do, or that there is nothing to do but wait."),
            "confirm": text("A command that shows it; empty where there is none."),
            "effect": nullable("number", "What the score will do once it is done or has come, in pp; or null."),
            "movesBy": optional(moves, "Between which times the score moves; null where nobody can say."),
            "subscriptions": array(text("The id of a subscription."), "Where it holds."),
            "resources": array(text("The id of a resource."), "The largest few that it is about."),
            "count": natural("How many there are."),
        },
        description="Why it stands still, or moved the wrong way.",
    )


def _exemptions() -> Json:
    flags = {name: natural(f"How many of them: {words}.") for name, words in FLAGS.items()}
    unmatched = record(
        {
            "marks": natural("How many."),
            "share": nullable("number", "What they are worth, in pp."),
        },
        description="Exempt marks that no exemption that can be listed explains.",
    )
    return record(
        {
            "scope": _SCOPE,
            "takenAt": ref("Time"),
            "score": percentage("The score, in percent."),
            "scoreWithout": percentage("The score if there were no exemption."),
            "difference": nullable("number", "The one less the other, in pp."),
            "assumes": text("What is assumed of marks that are exempt."),
            "value": array(ref("Exemption"), "Those that carry most points first."),
            "unmatched": unmatched,
            "flags": record(flags, description="How many there are of what is wrong with them."),
            "notes": _NOTES,
        }
    )


def _exemption() -> Json:
    made = record({"by": nullable("string", "Who."), "at": time("When.")})
    counted = {"title": text("What to call it."), "marks": natural("How many marks of it are exempt.")}
    hides = record(
        {
            "marks": natural("How many marks it matches."),
            "counted": natural("How many of them would count."),
            "resources": natural("How many resources these are on."),
            "recommendations": natural("Of how many recommendations they are."),
            "byRecommendation": array(record({"key": text("Its key."), **counted}), "The largest few."),
            "byControl": array(record({"control": text("Its name."), **counted}), "Those that would count."),
        }
    )
    scope = record(
        {
            "kind": {"enum": ["managementGroup", "subscription", "resourceGroup", "resource"]},
            "id": text("Its id."),
        }
    )
    return record(
        {
            "id": text("Its id."),
            "kind": {"enum": ["policyExemption", "standardAssignment"]},
            "title": text("What it is called."),
            "category": {"enum": ["Mitigated", "Waiver"]},
            "scope": scope,
            "made": optional(made, "Who made it and when; null where that is not told."),
            "modified": optional(made, "Who changed it last and when."),
            "expires": time("Until when; null where it has no end."),
            "reason": text("The reason that is given; empty where none is."),
            "assignment": nullable("string", "The id of the policy assignment that it exempts from."),
            "owner": nullable("string", "Who owns it, as far as is known."),
            "ownerFrom": {"enum": ["tag", "made", None], "description": "Whether a tag says so, or who made it."},
            "hides": hides,
            "points": nullable("number", "What it alone is worth, in pp of the scope's score."),
            "share": nullable("number", "Its part of what all are worth together, in pp of the scope's score."),
            "flags": array({"enum": list(FLAGS)}, "What is wrong with it, or has to be known of it."),
            "subscriptions": array(ref("Named"), "In which it is listed."),
        },
        description="An exemption of either kind.",
    )


def _coverage() -> Json:
    plan = record(
        {
            "name": text("The plan."),
            "on": natural("In how many subscriptions it is on."),
            "off": natural("In how many it is off."),
            "resources": nullable("integer", "How many resources of its types it covers; null where it has none."),
            "uncovered": nullable("integer", "How many there are where it is off."),
        }
    )
    total = record(
        {
            "subscriptions": natural("How many subscriptions."),
            "scored": natural("How many of them have a score."),
            "plans": array(plan, "By name."),
            "machines": record({"assessed": natural("How many are."), "notAssessed": natural("How many are not.")}),
            "connectors": record(
                {
                    "number": natural("How many there are."),
                    "notHealthy": natural("How many report that they are not well."),
                    "unknown": natural("Of how many nothing is known."),
                }
            ),
            "sources": natural("How many other sources report that they are not well."),
        }
    )
    return record(
        {
            "scope": _SCOPE,
            "takenAt": ref("Time"),
            "total": total,
            "subscriptions": array(ref("Covered"), "By id."),
            "absent": array(ref("Absent"), "Recommendations that are absent because plans are off."),
            "unassessedTypes": array(record(_type()), "Types of resources of which none is assessed."),
            "notes": _NOTES,
        }
    )


def _type() -> Json:
    return {"type": text("The type, in lower case."), "resources": natural("How many resources there are of it.")}


def _covered() -> Json:
    plan = record(
        {
            "name": text("The plan."),
            "on": truth("Whether it is on."),
            "since": time("Since when it is on."),
            "resources": nullable("integer", "How many resources of its types there are."),
        }
    )
    check = record({"key": text("The key of a recommendation."), "title": text("What to call it.")})
    machine = record(
        {
            "id": text("Its id."),
            "noMark": truth("Whether it has no mark at all."),
            "lacks": array(check, "Recommendations that nearly all others of its kind have marks of."),
        }
    )
    machines = record(
        {
            "assessed": natural("How many are."),
            "notAssessed": array(machine, "The worst first."),
            "more": natural("How many more are not."),
        }
    )
    source = {
        "id": text("Its id."),
        "health": nullable("string", "How it does, as Azure spells it."),
        "plans": array(text("A plan."), "The plans that this concerns."),
        "issues": array(text("An issue."), "What is wrong."),
    }
    connector = source | {"name": text("What to call it."), "resources": natural("How many of its are assessed.")}
    provisioning = record({"name": text("What is provisioned."), "on": truth("Whether it is on.")})
    kind = _type() | {"plan": nullable("string", "The plan that assesses it, if there is one.")}
    return record(
        {
            "id": text("The id of the subscription."),
            "name": text("What to call it."),
            "scored": truth("Whether it has a score."),
            "reason": nullable("string", "Why it has none."),
            "plans": optional(array(plan), "By name; null where not known."),
            "machines": optional(machines, "null where not known."),
            "connectors": optional(array(record(connector)), "null where not known."),
            "sources": optional(array(record(source)), "What else is not well; null where not known."),
            "autoProvisioning": optional(array(provisioning), "null where not known."),
            "unassessedTypes": array(record(kind), "Types of which no resource is assessed."),
        }
    )


def _absent() -> Json:
    where = record({"id": text("The id of the subscription."), "resources": natural("How many resources there.")})
    return record(
        {
            "recommendation": text("Its key."),
            "title": text("What to call it."),
            "type": text("The type of resource that it is about."),
            "plan": text("The plan that is off."),
            "resources": natural("How many resources are not looked at."),
            "subscriptions": array(where, "Where."),
        }
    )

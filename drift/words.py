"""The words and figures in which an explanation is told to people, the same in the terminal and on a card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drift.engine.wording import count
from drift.model import Json

CLASS_WORDS = {
    "earned": "earned: findings fixed",
    "lost": "lost: findings that came back",
    "estate": "the estate grew or shrank",
    "yardstick": "the yardstick moved",
    "coverage": "coverage: plans, agents, policy",
    "accounting": "accounting: exemptions, grace",
    "unexplained": "unexplained",
}

NEXT_STEPS = {
    "regression": "Look at what turned unhealthy: someone or something undid a fix.",
    "subscription_added": "Report the new subscription apart (--scope, its id or a tag): the others did not get worse.",
    "subscription_removed": "Check why the subscription has no score: its share left with it, good or bad.",
    "exemption_created": "Check that each new exemption has a reason, an owner and an end.",
    "exemption_expired": "Renew the exemptions that ran out, or fix what they hid.",
    "plan_disabled": "Check that the plan was switched off on purpose: its findings are hidden, not fixed.",
    "policy_disabled": "Check that the policy was switched off on purpose: its findings are hidden, not fixed.",
    "data_source_lost": "Check agents and extensions: resources without them are not assessed.",
    "recommendation_added": "Plan work for the recommendations that count now: the estate is as it was.",
    "recommendation_left_preview": "Plan work for the recommendations that count now: the estate is as it was.",
    "resource_added": "Check the templates that made the new resources: fix them once, at the source.",
    "unexplained": "Compare again after Azure's next recount (every 8 hours) before acting on what is unexplained.",
}

ON_A_CARD = {
    **NEXT_STEPS,
    "subscription_added": "Look at the new subscription apart: the others did not get worse.",
}
"""The same for who reads it in Teams, where there is no command line."""

KIND_WORDS = {
    "subscription_added": "subscription added",
    "subscription_removed": "subscription left",
    "connector_added": "connector added",
    "connector_removed": "connector removed",
    "resource_added": "added",
    "resource_deleted": "deleted",
    "recommendation_replaced": "replaced an older check",
    "recommendation_added": "counts now, by Microsoft",
    "recommendation_left_preview": "left preview",
    "recommendation_retired": "no longer counts, by Microsoft",
    "recommendation_moved": "moved to another control",
    "plan_enabled": "plan switched on",
    "plan_disabled": "plan switched off",
    "policy_disabled": "switched off by policy",
    "policy_enabled": "switched on by policy",
    "exemption_created": "exempted",
    "exemption_expired": "exemption ran out",
    "exemption_removed": "exemption removed",
    "grace_period_started": "grace period began",
    "grace_period_ended": "grace period ended",
    "data_source_gained": "newly assessed",
    "data_source_lost": "no longer assessed",
    "recommendation_reevaluated": "assessed differently by Microsoft",
    "remediation": "fixed",
    "regression": "turned unhealthy",
    "applicability_changed": "became applicable, or no longer",
    "control_reweighted": "worth more or fewer points",
    "weight_changed": "weight changed",
    "unexplained": "unexplained",
}
"""A kind of cause in a few words, where there is no room for names."""

WAIT = "Wait before judging a fix: Azure recounts every 8 hours, and has 24 to assess again."

MOST_STEPS = 5


def pp(value: float, digits: int = 2) -> str:
    """`+1.20`, `−0.04`; `±0.00` where it rounds to nothing."""
    shown = f"{abs(value):.{digits}f}"
    if not float(shown):
        return f"±{shown}" if value else f" {shown}"
    return ("+" if value > 0 else "−") + shown


def percent(end: Json) -> str:
    """`61.19 %` of an end of a window, or `no score`."""
    return "no score" if end["percentage"] is None else f"{end['percentage']:.2f} %"


def day(at: str) -> str:
    """An ISO time to the minute: `2026-09-11 06:00`."""
    return f"{at[:10]} {at[11:16]}"


def became(found: Json) -> str:
    """In plain words, what became of a score that is missing somewhere."""
    before, after = found["before"], found["after"]
    reasons = list(dict.fromkeys(one["reason"] for one in found["unscored"]))
    why = f": {', '.join(reasons)}" if reasons else ""
    if after["percentage"] is None:
        return (f"still no score{why}" if before["percentage"] is None else f"no score any more{why}").rstrip(".")
    if before["percentage"] is not None:
        return "a score again, after none in between"
    many = after.get("resources")
    had = f"{count(many, 'resource')}, " if many is not None else ""
    return f"has a score now: {had}{after['percentage']:.0f} % healthy"


def led(title: str) -> str:
    """A title with what happened before the name of the recommendation: `fixed on vm vm-1: “Install updates”`."""
    name, mark, rest = title.rpartition("”: ")
    return f"{rest}: {name}”" if mark and title.startswith("“") else title


def next_steps(found: Json, steps: Mapping[str, str] = NEXT_STEPS) -> list[str]:
    """What to do next, the most urgent first, at most `MOST_STEPS`; `steps` are the words by kind of cause."""
    chosen: dict[str, None] = {}
    if any(entry["kind"] == "remediation" for entry in found["pending"]):
        chosen[WAIT] = None
    shares = [(entry["kind"], entry["share"]) for entry in found["summary"]]
    if "forecasts" in found:  # a movement that was kept: only what is new in it
        shares += [(entry["kind"], entry["expected"]) for entry in found["forecasts"]["opened"]]
    else:
        shares += [(entry["kind"], entry["share"]) for entry in found.get("foretold", ())]
    for kind, share in shares:
        if kind in steps and (share is None or share < 0 or kind == "exemption_created"):
            chosen[steps[kind]] = None
    return list(chosen)[:MOST_STEPS]


def hundredths(parts: Sequence[float], total: float) -> list[int]:
    """Parts of a total in hundredths, which add up to the rounded total: each at most one from its own rounding."""
    shown = [round(100 * round(part, 2)) for part in parts]
    missing = round(100 * round(total, 2)) - sum(shown)
    sign = 1 if missing > 0 else -1
    nearest = sorted(range(len(parts)), key=lambda at: sign * (shown[at] - 100 * parts[at]))
    for at in nearest[: abs(missing)]:
        shown[at] += sign
    return shown


def signed(part: int, value: float = 0.0) -> str:
    """A part in hundredths of a pp as `pp` shows it; `value` is what it was before it was rounded."""
    return pp(part / 100) if part else "±0.00" if value else "0.00"

"""Cards say what the explanations say, in figures that add up; they fit; and no name in them does anything."""

from __future__ import annotations

import copy
import json
import re
import string
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drift import card
from drift.card import elements, joining
from drift.folders import explain_folders
from drift.record import shortened
from drift.words import hundredths, led, signed
from tests.cards import columns, faults, markup, number, objects, of_type, words

Json = dict[str, Any]
CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())
CLASS_OF = {
    "remediation": "earned",
    "regression": "lost",
    "recommendation_left_preview": "yardstick",
    "resource_added": "estate",
    "exemption_created": "accounting",
}
PETRA = {"source": "systemData", "time": "2026-09-07T05:12:00Z", "actor": "petra@contoso.example", "actorType": "User"}


# Builders


def guid(at: int) -> str:
    return f"{at:08x}-0000-4000-8000-000000000000"


def cause(kind: str, share: float, subject: str = "r1", **fields: Any) -> Json:
    """One cause with defaults for all that a test does not look at."""
    made = {"scope": guid(1), "subscription": "Production", "title": f"“{subject}”: {kind}, on 3 resources"}
    made |= {"marks": 3, "resources": 3, "controls": {}, "evidence": [], "confidence": "inferred", "reason": ""}
    found = {"kind": kind, "class": CLASS_OF[kind], "subject": subject, "share": share} | made | fields
    if "actors" not in found:
        names = [record["actor"] for record in found["evidence"] if record["actor"]]
        found["actors"] = [somebody(names[0], share) if names else NOBODY | {"share": share}]
    return found


def somebody(name: str | None, share: float = 0.0, **fields: Any) -> Json:
    return {"actor": name, "type": "user", "id": None, "share": share} | fields


NOBODY = somebody(None, type="notRecorded")
PLATFORM = somebody(None, type="platform")


def waiting(share: float, **fields: Any) -> Json:
    times = {"since": "2026-09-07T03:00:00Z", "due": "2026-09-08T03:00:00Z"}
    return cause("remediation", share) | times | {"title": "“r9”: fixed on 2 resources"} | fields


def movement(causes: list[Json], scope: str = guid(1), before: float | None = 60.0, **fields: Any) -> Json:
    """An explanation of a movement by these causes."""
    moved = sum(one["share"] for one in causes)
    causes = sorted(causes, key=lambda one: -abs(one["share"]))
    classes: dict[str, float] = {}
    kinds: dict[str, list[Json]] = {}
    for one in causes:
        classes[one["class"]] = classes.get(one["class"], 0.0) + one["share"]
        kinds.setdefault(one["kind"], []).append(one)
    summary = [
        {"kind": kind, "class": CLASS_OF[kind], "count": len(own), "share": sum(one["share"] for one in own)}
        | {"title": own[0]["title"] if len(own) == 1 else f"{len(own)} of kind {kind}"}
        for kind, own in kinds.items()
    ]
    actors: dict[tuple[str, ...], Json] = {}
    for actor in [actor for one in causes for actor in one["actors"]]:
        own = actors.setdefault((actor["type"], actor["id"] or "", actor["actor"] or ""), actor | {"share": 0.0})
        own["share"] += actor["share"]
    end = {"reported": None, "current": None, "max": None}
    found = {
        "scope": scope,
        "name": "Production" if scope == guid(1) else scope,
        "before": end | {"takenAt": "2026-09-07T04:00:00Z", "percentage": before},
        "after": end | {"takenAt": "2026-09-07T06:00:00Z", "percentage": None if before is None else before + moved},
        "movement": None if before is None else moved,
        "rounding": None,
        "classes": classes,
        "summary": sorted(summary, key=lambda one: -abs(one["share"])),
        "actors": sorted(actors.values(), key=lambda one: -abs(one["share"])),
        "causes": causes,
        "pending": [],
        "foretold": [],
        "unscored": [],
        "notes": [],
        "series": [],
    }
    return found | fields


def lost(scope: str = guid(1), reason: str = "Defender for Cloud is off", **ends: float | None) -> Json:
    """An explanation of a score that is missing at an end."""
    found = movement([], scope)
    before, after = ends.get("before", 60.0), ends.get("after")
    found["before"]["percentage"], found["after"]["percentage"] = before, after
    unscored = [] if after is not None else [{"subscription": scope, "name": found["name"], "reason": reason}]
    note = f"the movement is not explained: there is no score at 2026-09-07T06:00:00Z ({reason})"
    return found | {"movement": None, "classes": {}, "unscored": unscored, "notes": [note]}


def news(*found: Json) -> list[card.News]:
    return [card.News(f"{one['scope']}.{at}", one) for at, one in enumerate(found)]


def shown(*found: Json, message: str = "m1") -> Json:
    """The card of these movements, checked."""
    return checked(card.movements(news(*found), message))


def checked(content: Json) -> Json:
    """The card, if it is one: by the models, by its size however it is encoded, and by where names stand."""
    assert faults(content) == []
    body = card.envelope(content)
    assert len(json.dumps(body).encode()) <= card.LIMIT
    assert len(json.dumps(body, ensure_ascii=False).encode()) <= card.LIMIT
    assert [words(one) for one in of_type(content, "TextBlock") if markup(words(one))] == []
    return content


def first(content: Json) -> str:
    return words(of_type(content, "TextBlock", "RichTextBlock")[0])


def rows(content: Json) -> list[list[str]]:
    """The table of scopes without its header: name, what stands under it, pp, own work, drift."""
    found = next(one for one in of_type(content, "Table") if columns(one)[0][0] == "Scope")["rows"][1:]
    return [[words(item) for cell in row["cells"] for item in cell["items"]] for row in found]


def told(content: Json) -> str:
    """What the card says, as one line."""
    return " ".join(card.text(content).split())


ONE = movement(
    [
        cause("recommendation_left_preview", -1.0, "preview"),
        cause("remediation", 0.2, "r1", evidence=[PETRA]),
        cause("resource_added", -0.1, "vm1"),
    ]
)


# One movement


def test_the_first_line_says_what_moved_where_from_what_to_what_and_whether_it_was_earned():
    said = "Secure score −0.90 pp (earned +0.20, drift −1.10): 60.00 % → 59.10 %, subscription Production"
    assert first(shown(ONE)) == said


@pytest.mark.parametrize(
    ("kind", "share", "said"),
    [
        ("remediation", 0.3, ", all of it earned:"),
        ("regression", -0.3, ", all of it lost: fixes came undone:"),
        ("resource_added", -0.3, ", all of it drift:"),
    ],
)
def test_the_first_line_says_so_if_all_of_it_is_of_one_sort(kind, share, said):
    assert said in first(shown(movement([cause(kind, share)])))


@pytest.mark.parametrize(
    ("scope", "said"),
    [("all", ", all subscriptions"), ("prod", ", group prod"), (guid(1), ", subscription Production")],
)
def test_a_scope_is_called_what_it_is(scope, said):
    assert first(shown(movement([cause("resource_added", -1)], scope))).endswith(said)


def test_a_subscription_cannot_pass_for_the_tenant():
    assert first(shown(ONE | {"name": "all subscriptions"})).endswith(", subscription all subscriptions")


def test_who_did_it_when_and_where_stands_under_the_cause():
    found = movement([cause("exemption_created", 0.5, evidence=[PETRA])], "all")
    said = told(shown(found))
    assert "“r1”, in Production 2026-09-07 05:12 UTC by petra@contoso.example" in said


def test_a_record_that_names_somebody_goes_before_one_that_does_not():
    found = movement([cause("exemption_created", 0.5, evidence=[PETRA | {"actor": None}, PETRA])])
    assert "by petra@contoso.example" in told(shown(found))


def test_what_is_pending_is_told_with_its_sum_and_when_it_is_due():
    said = told(shown(ONE | {"pending": [waiting(0.3), waiting(0.2)]}))
    assert "Still to come, once Azure's counts catch up +0.30 fixed on 2 resources: “r9”" in said
    assert "in the score by 2026-09-08 03:00 UTC" in said
    assert "+0.50 in all" in said
    assert "Wait before judging a fix" in said


def test_what_to_do_next_is_told():
    assert "Plan work for the recommendations that count now" in told(shown(ONE))


def test_notes_and_members_without_a_score_are_told():
    member = {"subscription": guid(2), "name": "Legacy", "reason": "Defender for Cloud is off"}
    said = told(shown(ONE | {"notes": ["pricings.json is missing"], "unscored": [member]}))
    assert "Legacy: Defender for Cloud is off" in said
    assert "pricings.json is missing" in said


def test_what_azure_shows_is_told_where_it_is_another_figure():
    found = copy.deepcopy(ONE) | {"rounding": 0.01}
    found["before"]["reported"], found["after"]["reported"] = 60.0, 59.11
    assert "Azure shows 60.00 % → 59.11 %" in told(shown(found))
    found["after"]["reported"] = 59.1
    assert "Azure shows" not in told(shown(found))


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ({}, "Secure score lost: 60.00 % → no score, subscription Production"),
        ({"before": None, "after": 61.0}, "Secure score new: no score → 61.00 %, subscription Production"),
        ({"after": 61.0}, "Secure score missing in between: 60.00 % → 61.00 %, subscription Production"),
        ({"before": None}, "Secure score missing: no score → no score, subscription Production"),
    ],
)
def test_a_score_that_came_or_went_is_told_with_the_reason(ends, said):
    content = shown(lost(**ends))
    assert first(content) == said
    assert told(content).count("Defender for Cloud is off") == 1


def test_the_id_of_the_message_and_of_the_movement_are_in_small_print():
    content = shown(ONE, message="4f1c")
    (print_,) = [one for one in objects(content) if one.get("id") == "4f1c"]
    assert words(print_) == f"ref 4f1c · movement {guid(1)}.0"
    assert print_["inlines"][0]["size"] == "Small"


def test_the_same_message_is_the_same_card():
    assert shown(ONE) == shown(copy.deepcopy(ONE))


# Whose doing it was

ANA = {"actor": "Ana Lopez", "type": "user", "id": "aaaaaaaa-1111-4000-8000-000000000000"}
PIPELINE = {"actor": "northwind-deployments", "type": "application", "id": "dddddddd-1111-4000-8000-000000000000"}
EVENT = {"source": "event", "time": "2026-09-07T05:20:00Z", "actor": "Ana Lopez", "actorType": "User"}
EVENT |= {"actorId": ANA["id"], "operation": "Microsoft.Storage/storageAccounts/write", "from": "203.0.113.7"}


def by(*parts: tuple[Json, float], kind: str = "remediation", subject: str = "r1", **fields: Any) -> Json:
    """A cause that is somebody's doing, in these parts."""
    share = sum(part for _, part in parts)
    return cause(kind, share, subject, actors=[actor | {"share": part} for actor, part in parts], **fields)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([(ANA, 0.5)], "by Ana Lopez"),
        ([(PIPELINE, 0.5)], "by northwind-deployments (application)"),
        ([({**PIPELINE, "type": "managedIdentity"}, 0.5)], "by northwind-deployments (managed identity)"),
        ([(PLATFORM, 0.5)], "by the platform"),
        ([(NOBODY, 0.5)], "who is not recorded"),
        ([(ANA, 0.5), (PIPELINE, 0.2)], "by Ana Lopez and northwind-deployments (application)"),
        ([(ANA, 0.5), (PIPELINE, 0.2), (PLATFORM, 0.1)], "by Ana Lopez and 2 others"),
        ([(NOBODY, 0.5), (ANA, 0.2)], "by Ana Lopez, in part not recorded"),
        ([(ANA | {"actor": None}, 0.5)], "by a user without a name (aaaaaaaa)"),
        ([(ANA | {"actor": None, "id": None}, 0.5)], "by a user without a name"),
    ],
)
def test_a_cause_says_by_whom(parts, said):
    assert f"“r1”, in Production {said} " in told(shown(movement([by(*parts)], "all"))) + " "


def test_a_cause_says_when_by_the_event_of_who_did_it():
    record = PETRA | {"time": "2026-09-06T01:00:00Z"}
    said = told(shown(movement([by((ANA, 0.5), evidence=[record, EVENT])])))
    assert "2026-09-07 05:20 UTC by Ana Lopez" in said


def test_of_several_who_may_have_done_it_none_is_named_and_no_time():
    reason = "Ana Lopez and Bo Berg did such a thing in that time"
    said = told(shown(movement([by((NOBODY, 0.5), evidence=[EVENT], reason=reason)])))
    assert f"who is not recorded: {reason}" in said
    assert "05:20" not in said


def test_what_the_same_did_is_said_once():
    said = told(shown(movement([by((ANA, 0.5), subject="r1"), by((ANA, 0.3), subject="r2")])))
    assert "+0.80 2 of kind remediation by Ana Lopez +0.50" in said
    assert said.count("Ana Lopez") == 1


def test_no_address_of_a_machine_is_on_a_card():
    assert "203.0.113.7" not in json.dumps(shown(movement([by((ANA, 0.5), evidence=[EVENT])])))


def test_whose_doing_it_was_is_told_in_parts_that_add_up():
    found = movement([by((PLATFORM, -1.2)), by((ANA, 0.3), (NOBODY, -0.05), subject="r2")])
    said = told(shown(found))
    assert "of it the platform's: −1.20 pp · 2026-09-07 04:00" in said
    assert "Whose doing it was −1.20 the platform +0.30 Ana Lopez −0.05 not recorded −0.95 in all" in said


def test_more_than_can_be_listed_are_counted_with_their_share():
    people = [(somebody(f"Person {at}", id=guid(at)), 0.1) for at in range(12)]
    for found in (movement([by(*people)]), shortened(movement([by(*people)]))):
        said = told(shown(found))
        assert "+0.10 Person 4 +0.70 7 others +1.20 in all" in said
        assert "by Person 0 and 11 others" in said


def test_the_platforms_part_is_told_though_a_row_keeps_only_the_largest():
    people = [(somebody(f"Person {at}", id=guid(at)), 0.1) for at in range(12)]
    found = shortened(movement([by(*people), by((PLATFORM, -0.02), subject="r2")]))
    assert "of it the platform's: −0.02 pp" in told(shown(found))


def test_a_movement_that_is_all_the_platforms_says_so_and_needs_no_list():
    said = told(shown(movement([by((PLATFORM, -1.2), kind="recommendation_left_preview")]), left_preview(3)))
    assert "all of it is the platform's · also 1 subscription" in said
    assert "Whose doing" not in said


def test_where_nobody_is_known_there_is_no_list():
    assert "Whose doing" not in told(shown(movement([cause("remediation", 0.2)])))


@pytest.mark.parametrize(
    ("other", "names"),
    [
        ({"id": "bbbbbbbb-2222-4000-8000-000000000000"}, ["Ana Lopez (aaaaaaaa)", "Ana Lopez (bbbbbbbb)"]),
        ({"id": None, "address": "ana@other.example"}, ["Ana Lopez (aaaaaaaa)", "Ana Lopez (ana@other.example)"]),
    ],
)
def test_two_people_of_one_name_are_told_apart(other, names):
    first = ANA | {"address": "ana@contoso.example"}
    said = told(shown(movement([by((first, 0.5)), by((ANA | other, 0.2), subject="r2")])))
    assert f"+0.50 {names[0]} +0.20 {names[1]} +0.70 in all" in said
    assert f"by {names[0]}" in said


def test_names_that_look_alike_once_they_are_cut_are_told_apart():
    people = [(somebody("x" * 300 + str(at), id=guid(at)), 0.1) for at in range(2)]
    said = told(shown(movement([by(*people)])))
    assert "(00000000)" in said
    assert "(00000001)" in said


def test_one_person_whom_not_every_record_gives_an_id_is_one():
    said = told(shown(movement([by((ANA, 0.5)), by((ANA | {"id": None}, 0.2), subject="r2")])))
    assert "(aaaaaaaa)" not in said


@pytest.mark.parametrize("name", ["the platform", "The Platform", "not recorded"])
def test_nobody_passes_for_the_platform(name):
    said = told(shown(movement([by((ANA | {"actor": name}, 0.5)), by((PLATFORM, 0.2), subject="r2")])))
    assert f"by {name} (aaaaaaaa)" in said
    assert "of it the platform's: +0.20 pp" in said


def test_a_user_does_not_pass_for_an_application():
    user = ANA | {"actor": "northwind-deployments (application)"}
    said = told(shown(movement([by((PIPELINE, 0.5)), by((user, 0.2), subject="r2")])))
    assert "+0.50 northwind-deployments (application) (dddddddd)" in said
    assert "+0.20 northwind-deployments (application) (aaaaaaaa)" in said


def test_what_was_kept_before_there_were_actors_names_the_maker_of_a_record():
    found = movement([cause("exemption_created", 0.5, evidence=[PETRA])])
    del found["actors"], found["causes"][0]["actors"]
    content = told(shown(found, movement([cause("remediation", 0.6)], guid(2))))
    assert "2026-09-07 05:12 UTC by petra@contoso.example" in content


# What is expected


def forecast(expected: float | None, subject: str = "e1", **fields: Any) -> Json:
    made = {"kind": "exemption_created", "subject": subject, "scope": guid(1), "subscription": "Production"}
    made |= {"title": f"exemption “{subject}” was created: 3 resources", "actors": [ANA], "expected": expected}
    return made | {"opened": "2026-09-07T06:00:00Z", "due": "2026-09-08T06:00:00Z", "realised": 0.0} | fields


def foreseen(found: Json, *opened: Json, overdue: tuple[Json, ...] = (), **left: int) -> Json:
    known = {"opened": list(opened), "overdue": list(overdue), "settled": [], "left": left}
    return found | {"forecasts": known}


def test_what_is_expected_is_told_with_its_time_and_whose_doing_it_is():
    said = told(shown(foreseen(ONE, forecast(0.4))))
    heading = "Expected within 24 hours +0.40 exemption “e1” was created: 3 resources"
    assert f"{heading} in the score by 2026-09-08 06:00 UTC, by Ana Lopez" in said
    assert first(shown(foreseen(ONE, forecast(0.4)))).startswith("Secure score −0.90 pp")
    assert "Check that each new exemption has a reason" in said


def test_what_is_expected_of_unknown_size_is_told():
    said = told(shown(foreseen(ONE, forecast(None))))
    assert "? exemption “e1” was created: 3 resources in the score by 2026-09-08 06:00 UTC, share not known, by" in said


def test_what_was_expected_and_has_not_come_is_told():
    said = told(shown(foreseen(ONE, overdue=(forecast(0.4),))))
    assert "Expected, and has not come +0.40 exemption “e1”" in said
    assert "was expected by 2026-09-08 06:00 UTC, by Ana Lopez" in said


STILL = movement([])


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (foreseen(STILL, forecast(0.3), forecast(0.1, "e2")), "Expected: +0.40 pp in subscription Production"),
        (
            foreseen(STILL, forecast(0.3), forecast(None, "e2")),
            "Expected: +0.30 pp, and what is not known, in subscription",
        ),
        (foreseen(STILL, forecast(0.3), opened=2), "Expected: +0.30 pp by the largest, in subscription Production"),
        (foreseen(STILL, forecast(None)), "Expected: a movement, by how much is not known, in subscription"),
        (foreseen(STILL, overdue=(forecast(0.4),)), "Expected, and has not come: +0.40 pp in subscription"),
    ],
)
def test_a_card_that_only_foretells_begins_with_what_is_expected(found, line):
    content = shown(found)
    assert first(content).startswith(line)
    said = told(content)
    assert "60.00 % now · 2026-09-07 06:00 UTC" in said
    assert "0.00 pp" not in said
    assert "What moved it" not in said
    assert "exemption “e1”" in said


def test_what_waits_for_counts_is_not_told_twice():
    both = waiting(0.5) | {"subject": "e1"}
    known = forecast(0.5, kind="remediation", title=both["title"])
    said = told(shown(foreseen(STILL | {"pending": [both]}, known)))
    assert said.startswith("Expected: +0.50 pp in subscription Production")
    assert said.count("“r9”") == 1
    several = told(shown(foreseen(STILL | {"pending": [both]}, known), movement([cause("remediation", 1)], "all")))
    assert several.count("“r9”") == 1
    assert "Still to come" not in several


def test_of_several_that_only_foretell_the_largest_speaks_first():
    small = foreseen(STILL | {"scope": guid(2), "name": "Small"}, forecast(0.2, scope=guid(2), subscription="Small"))
    content = shown(small, foreseen(STILL, forecast(-0.7)))
    assert first(content) == "Expected: −0.70 pp in subscription Production"
    assert [row[1].split(" · ")[1] for row in rows(content)] == ["expected −0.70 pp", "expected +0.20 pp"]
    assert "in the score by 2026-09-08 06:00 UTC, by Ana Lopez, in Small" in told(content)


def test_the_expectation_of_a_subscription_stands_on_the_card_of_the_tenant():
    content = shown(movement([cause("remediation", 0.9)], "all"), foreseen(STILL, forecast(0.4)))
    assert first(content).startswith("Secure score +0.90 pp")
    assert "+0.40 exemption “e1” was created: 3 resources in the score by" in told(content)
    assert "by Ana Lopez, in Production" in told(content)


def test_several_movements_of_one_scope_tell_what_is_still_expected_of_them():
    early = later(foreseen(ONE, forecast(0.4), forecast(0.3, "e2")), 7)
    late = later(foreseen(ONE, forecast(0.2, "e3")), 8)
    late["forecasts"]["settled"] = [forecast(0.3, "e2")]
    said = told(shown(early, late))
    assert "“e1”" in said
    assert "“e2”" not in said
    assert "“e3”" in said


def test_more_than_can_be_expected_on_a_card_is_counted():
    many = [forecast(0.1, f"e{at}") for at in range(5)]
    assert "and 4 more" in told(shown(foreseen(STILL, *many, opened=4)))


# By exemptions


def test_a_rise_that_exemptions_made_is_said_to_be_one():
    found = movement([cause("exemption_created", 0.4, "e1"), cause("remediation", 0.1)])
    assert "of it by exemptions: +0.40 pp · 2026-09-07 04:00" in told(shown(found))
    both = movement([cause("exemption_created", 0.4, "e1"), cause("exemption_created", 0.3, "e2")])
    assert "of it by exemptions: +0.70 pp · also 1 subscription" in told(shown(both, movement([], guid(2))))


def test_the_platforms_part_stands_before_that_of_exemptions():
    found = movement([cause("exemption_created", 0.4, "e1"), cause("recommendation_left_preview", -0.1, actors=[])])
    found["actors"] = [somebody("ana", 0.4), PLATFORM | {"share": -0.1}]
    assert "of it the platform's: −0.10 pp · of it by exemptions: +0.40 pp" in told(shown(found))


@pytest.mark.parametrize(
    "causes",
    [
        [cause("exemption_created", 0.4, "e1"), cause("remediation", 0.4)],
        [cause("exemption_created", 0.4, "e1"), cause("remediation", 2.0)],
        [cause("exemption_created", 0.4, "e1"), cause("regression", -2.0)],
        [cause("exemption_created", -0.4, "e1"), cause("remediation", 2.0)],
        [cause("exemption_created", 0.001, "e1"), cause("resource_added", 1.0)],
        [cause("resource_added", 1.0)],
    ],
)
def test_a_movement_that_exemptions_did_not_make_is_not_said_to_be_theirs(causes):
    assert "by exemptions" not in told(shown(movement(causes)))


# Figures


def by_class(content: Json) -> Json:
    return of_type(content, "Table")[0]


def test_the_classes_stand_in_a_table_with_their_sum_and_figures_to_the_right():
    table = by_class(shown(ONE))
    assert columns(table)[1] == ["pp", "−1.00", "+0.20", "−0.10", "−0.90"]
    assert columns(table)[0][-1] == "in all"
    assert table["columns"][1]["horizontalCellContentAlignment"] == "Right"


def test_every_figure_of_the_chart_stands_in_the_table():
    content = shown(ONE)
    (chart,) = of_type(content, "Chart.HorizontalBar")
    table = columns(by_class(content))[1]
    for bar in chart["data"]:
        assert bar["x"].rpartition(" ")[2] in table
        assert bar["y"] == abs(number(bar["x"].rpartition(" ")[2]))
        assert bar["color"] == ("good" if number(bar["x"].rpartition(" ")[2]) > 0 else "attention")
    assert chart["fallback"] == "drop"


@given(st.lists(st.floats(-50, 50), max_size=30))
def test_rounded_parts_add_up_to_the_rounded_total(parts):
    found = hundredths(parts, sum(parts))
    assert sum(found) == round(100 * round(sum(parts), 2)) or not parts
    assert all(abs(one - 100 * part) <= 1 + 1e-6 for one, part in zip(found, parts, strict=True))


@pytest.mark.parametrize(
    ("part", "value", "said"), [(52, 0.5, "+0.52"), (-9, 0, "−0.09"), (0, 0.001, "±0.00"), (0, 0, "0.00")]
)
def test_a_part_is_shown_with_its_sign(part, value, said):
    assert signed(part, value) == said


def shares(many: int = 40) -> st.SearchStrategy[list[Json]]:
    one = st.builds(
        lambda kind, share, at: cause(kind, share, f"r{at}"),
        st.sampled_from(sorted(CLASS_OF)),
        st.floats(-3, 3).map(lambda share: round(share, 4)),
        st.integers(0, 60),
    )
    return st.lists(one, min_size=1, max_size=many)


@settings(max_examples=25, deadline=None)
@given(shares(), st.booleans())
def test_every_column_adds_up_to_what_stands_under_it(causes, short):
    found = movement(causes, "all", pending=[waiting(one["share"] / 3) for one in causes])
    content = shown(shortened(found) if short else found)
    sums = 0
    for table in of_type(content, "Table"):
        for names, figures in (columns(table), columns(table)[::-1]):
            if names[-1] == "in all":
                sums += 1
                head = 1 if figures[0] == "pp" else 0
                total = round(sum(number(one) for one in figures[head:-1]), 2)
                assert total == number(figures[-1])
    assert sums >= (1 if len(found["summary"]) == 1 else 2)


@settings(max_examples=20, deadline=None)
@given(shares())
def test_earned_and_drift_add_up_to_the_movement(causes):
    found = movement(causes, "all")
    content = shown(found, movement([cause("resource_added", 0.5)]))
    for moved, own, drift in [row[2:] for row in rows(content)]:
        assert round(number(own) + number(drift), 2) == number(moved)
    own = sum(one["share"] for one in causes if one["class"] in ("earned", "lost"))
    assert abs(number(rows(content)[0][3]) - own) <= 0.02 + 1e-9


def test_what_is_not_listed_is_counted_with_its_share():
    causes = [cause("remediation", 0.1, f"r{at}") for at in range(1000)]
    said = told(shown(movement(causes, before=0.0)))
    assert "+100.00 1000 of kind remediation" in said
    assert "+99.80 and 998 more" in said


def test_a_shortened_explanation_tells_of_all_that_was_left_out():
    causes = [cause("remediation", 0.1, f"r{at}") for at in range(20)]
    found = movement(causes, pending=[waiting(0.1) for _ in range(30)])
    said = told(shown(shortened(found)))
    assert "+1.80 and 18 more" in said
    assert "+2.50 and 25 more" in said
    assert "+3.00 in all" in said


# Several movements


def left_preview(at: int) -> Json:
    share = -(0.5 + 1.6 * at / 999)
    return movement(
        [
            cause(
                "recommendation_left_preview",
                share,
                "key",
                title=f"“MFA”: left preview and counts, on {at + 1} resources",
            )
        ],
        guid(at),
        name=f"Landing zone {at}",
    )


def scopes(content: Json) -> list[str]:
    table = next(one for one in of_type(content, "Table") if columns(one)[0][0] == "Scope")
    return columns(table)[0][1:]


def test_groups_come_first_and_then_subscriptions_by_size():
    small, large = movement([cause("resource_added", -0.6)], guid(2)), movement([cause("remediation", 0.9)], guid(3))
    group, tenant = movement([cause("resource_added", -0.1)], "prod"), movement([cause("resource_added", -0.2)], "all")
    gone = lost(guid(4))
    content = shown(small, large, group, gone, tenant)
    assert scopes(content) == ["all subscriptions", "prod", guid(4), guid(3), guid(2)]


def test_the_widest_scope_speaks_first_and_the_others_are_counted():
    small, large = movement([cause("resource_added", -0.6)], guid(2)), movement([cause("remediation", 0.9)], guid(3))
    group, tenant = movement([cause("resource_added", -0.1)], "prod"), movement([cause("resource_added", -0.2)], "all")
    content = shown(small, large, group, lost(guid(4)), tenant)
    assert first(content) == "Secure score −0.20 pp, all of it drift: 60.00 % → 59.80 %, all subscriptions"
    assert "also 1 group and 3 subscriptions, between −0.60 and +0.90 pp, 1 without a score now · 2026" in told(content)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([("all", 0.1), ("prod", 0.6), (guid(2), 0.9)], "all subscriptions"),
        ([("prod", 0.6), ("dev", -0.7), (guid(2), 0.9)], "group dev"),
        ([(guid(2), 0.6), (guid(3), -0.7)], f"subscription {guid(3)}"),
    ],
)
def test_the_widest_is_the_tenant_else_the_group_that_moved_most_else_the_subscription(found, said):
    content = shown(*(movement([cause("remediation", share)], scope) for scope, share in found))
    assert first(content).endswith(f" %, {said}")


def test_a_score_that_came_does_not_speak_for_a_group_that_moved():
    came = lost("dev", before=None, after=61.0)
    assert first(shown(came, movement([cause("remediation", 0.6)], "prod"))).endswith("group prod")


def test_the_id_of_the_movement_that_speaks_first_is_in_small_print():
    content = shown(movement([cause("remediation", 0.6)], guid(2)), movement([cause("remediation", 0.4)], "all"))
    assert told(content).count("ref m1 · movement all.1 ") == 1


def counted(content: Json, words: str) -> int:
    return told(content).count(words)


def test_a_cause_is_told_once_however_many_scopes_it_moved():
    found = [movement([cause("remediation", 0.9)], scope) for scope in ("all", "prod", guid(2))]
    content = shown(*found)
    assert counted(content, "remediation, on 3 resources: “r1”") == 1
    assert [row[1] for row in rows(content)] == ["60.00 % → 60.90 % · fixed"] * 3


def test_of_narrower_scopes_only_that_is_told_which_is_new():
    shared, own = cause("remediation", 0.5), cause("resource_added", -0.2, "vm1", title="vm1 was added")
    content = shown(movement([shared], "prod"), movement([shared, own], "dev"), movement([shared], guid(2)))
    assert counted(content, "“r1”") == 1
    said = "Besides, group dev −0.20 vm1 was added, in Production who is not recorded +0.50 as told above +0.30 in all"
    assert said in told(content)


def test_a_scope_whose_causes_are_others_is_told_whole():
    other = movement([cause("resource_added", -0.4, "vm1", title="vm1 was added")], "dev")
    content = shown(movement([cause("remediation", 0.5)], "prod"), other)
    assert "Besides, group dev −0.40 vm1 was added" in told(content)
    assert "as told above" not in told(content)


def test_where_a_scope_has_no_part_of_its_own_its_row_names_its_main_cause():
    found = [movement([cause("remediation", 0.9 - at / 10, f"r{at}")], guid(at)) for at in range(1, 8)]
    assert [row[1].split(" · ")[1] for row in rows(shown(*found))] == ["fixed", "fixed", "fixed"] + [
        f"+{0.9 - at / 10:.2f} remediation, on 3 resources: “r{at}”" for at in (4, 5, 6, 7)
    ]


def test_all_subscriptions_tell_a_kind_for_all_that_are_in_them_though_its_row_names_ten():
    every = [cause("remediation", 0.01, f"r{at:03}") for at in range(100)]
    tenant, inner = movement(every, "all"), movement(every[80:], guid(2))
    content = shown(shortened(tenant), shortened(inner))
    assert "+1.00 100 of kind remediation" in told(content)
    assert "Besides" not in told(content)


def test_what_happened_comes_before_the_name_of_the_recommendation():
    found = movement([cause("remediation", 0.9, title="“Close ports”: fixed on virtual machine vm-1")])
    assert "+0.90 fixed on virtual machine vm-1: “Close ports”" in told(shown(found))


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("“a”: fixed on vm-1", "fixed on vm-1: “a”"),
        ("“a”: “b”: counts, on 3 resources", "counts, on 3 resources: “a”: “b”"),
        ("vm-1 was added", "vm-1 was added"),
        ("exemption “a”: was created", "exemption “a”: was created"),
        ("“a” is worth 4 points instead of 6", "“a” is worth 4 points instead of 6"),
    ],
)
def test_only_titles_that_begin_with_a_recommendation_are_turned(title, said):
    assert led(title) == said


def test_where_it_was_is_said_once_if_it_was_one_subscription():
    one = [cause("remediation", 0.3, f"r{at}") for at in range(3)]
    assert counted(shown(movement(one, "all")), "in Production") == 1
    two = [*one, cause("remediation", 0.4, "r9", subscription="Sandbox", scope=guid(2))]
    said = told(shown(movement(two, "all")))
    assert "+0.40 remediation, on 3 resources: “r9”, in Sandbox" in said
    assert "+0.30 remediation, on 3 resources: “r0”, in Production" in said


def test_one_recommendation_in_two_subscriptions_is_named_once():
    two = [cause("remediation", 0.3), cause("remediation", 0.4, subscription="Sandbox", scope=guid(2))]
    said = told(shown(movement(two, "all")))
    assert "+0.40 in Sandbox +0.30 in Production" in said


def test_what_is_to_come_is_told_once():
    found = [
        movement([cause("remediation", 0.9)], scope, pending=[waiting(0.3), waiting(0.2)])
        for scope in ("all", "prod", guid(2))
    ]
    said = told(shown(*found))
    assert said.count("Still to come") == 1
    assert "by 2026-09-08 03:00 UTC, once Azure's counts catch up: +0.50 pp, all subscriptions" in said


def test_no_command_line_is_told_on_a_card():
    found = movement([cause("resource_added", -0.6)])
    found["causes"][0]["kind"] = found["summary"][0]["kind"] = "subscription_added"
    said = told(shown(found))
    assert "the others did not get worse" in said
    assert "--" not in said


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ({"before": None, "after": 55.6}, "has a score now: 32 resources, 56 % healthy"),
        ({}, "no score any more: Defender for Cloud is off"),
        ({"after": 61.0}, "a score again, after none in between"),
        ({"before": None}, "still no score: Defender for Cloud is off"),
    ],
)
def test_a_row_says_in_plain_words_what_became_of_a_score(ends, said):
    found = lost(guid(2), **ends)
    found["after"]["resources"] = 32
    content = shown(found, movement([cause("remediation", 0.9)], "all"))
    assert rows(content)[1][1].endswith(f" · {said}")
    assert rows(content)[1][2:] == ["–", "–", "–"]


def test_the_order_in_which_movements_come_does_not_matter():
    found = news(*(left_preview(at) for at in range(20)), ONE, movement([cause("resource_added", -0.2)], "all"))
    assert card.movements(found, "m") == card.movements(found[::-1], "m")


def test_a_platform_change_that_moves_a_thousand_subscriptions_is_one_card_that_names_it():
    content = shown(*(left_preview(at) for at in range(1000)))
    assert first(content).startswith("Secure score −2.10 pp, all of it drift: 60.00 % → 57.90 %, subscription Landing")
    assert "also 999 subscriptions, between −0.50 and −2.10 pp" in told(content)
    table = of_type(content, "Table")[0]
    assert [column[1] for column in columns(table)] == [
        "left preview and counts: “MFA”",
        "all 1,000",
        "between −0.50 and −2.10 pp",
    ]
    listed = scopes(content)
    assert len(listed) >= 10
    assert rows(content)[0][1] == "60.00 % → 57.90 % · left preview"
    rest = re.search(r"and ([\d,]+) more, between −0\.50 and −2\.\d\d pp", told(content))
    assert rest is not None
    assert int(rest[1]) == 1000 - len(listed)


def test_what_is_not_listed_of_scores_that_came_or_went_is_told():
    content = shown(*(lost(guid(at)) for at in range(100)))
    assert re.search(r"and \d+ more without a score now", told(content))


def test_scopes_of_one_name_are_told_apart():
    content = shown(*(movement([cause("resource_added", -1)], guid(at), name="Production") for at in (7, 8)))
    assert scopes(content) == ["Production (00000007)", "Production (00000008)"]


def test_where_no_subject_is_shared_the_kind_is():
    found = [movement([cause("remediation", at, f"r{at}")], guid(at)) for at in (1, 2, 3)]
    table = of_type(shown(*found), "Table")[0]
    assert [column[1] for column in columns(table)] == ["fixed", "all 3", "between +1.00 and +3.00 pp"]


@pytest.mark.parametrize(
    ("titles", "kept"),
    [
        (["“a”: fixed on 3 resources", "“a”: fixed on 13 resources"], "“a”: fixed"),
        (["“a”: fixed on 3 resources", "“a”: fixed on 3 resources"], "“a”: fixed on 3 resources"),
        (["“a”: counts, on 1 resource", "“a”: counts, on 2 resources"], "“a”: counts"),
        (["vm1 was added"], "vm1 was added"),
        (["one", "two"], "one"),
        (["“a” left", "“a” left it"], "“a” left"),
        (["“a on b”: fixed on vm x", "“a on b”: fixed on vm y"], "“a on b”: fixed"),
        (["plan p was switched on: vm x", "plan p was switched on: 3 resources"], "plan p was switched on"),
        (["exemption “a” was created: vm x (Waiver)", "exemption “a” was created: vm y"], "exemption “a” was created"),
        (["Bank of c weighs 5", "Bank of c weighs 4"], "Bank of c weighs"),
    ],
)
def test_what_titles_share_is_whole_words(titles, kept):
    assert joining.beginning(titles) == kept


# The digest


def later(found: Json, day: int) -> Json:
    found = copy.deepcopy(found)
    found["before"]["takenAt"], found["after"]["takenAt"] = f"2026-09-{day:02}T04:00:00Z", f"2026-09-{day:02}T06:00:00Z"
    return found


def test_the_digest_sums_movements_by_scope():
    found = [
        later(movement([cause("remediation", 0.2, title="“r1”: fixed on 2 resources")]), 7),
        later(movement([cause("remediation", 0.1, title="“r1”: fixed on 5 resources")], before=60.2), 8),
        later(movement([cause("resource_added", -0.1, "vm1")], before=60.3), 9),
        later(movement([cause("resource_added", -0.4, "vm2")], guid(2)), 8),
    ]
    content = checked(card.digest(news(*found), "2026-09-07T00:00:00Z", "2026-09-10T00:00:00Z", "m1"))
    assert (
        first(content) == f"Digest: secure score −0.40 pp, all of it drift: afterwards 59.60 %, subscription {guid(2)}"
    )
    assert "4 movements below the threshold, also in 1 subscription, by +0.20 pp · 2026-09-07 00:00" in told(content)
    assert rows(content) == [
        [guid(2), "59.60 % after 1 movement · added", "−0.40", "0.00", "−0.40"],
        ["Production", "60.20 % after 3 movements · +0.30 fixed", "+0.20", "+0.30", "−0.10"],
    ]
    assert "+0.30 fixed: “r1”" in told(content)
    assert "2026-09-07 00:00 → 2026-09-10 00:00 UTC" in told(content)


def test_the_digest_tells_a_cause_once_for_all_scopes_and_causes_of_a_kind_in_one_line():
    moved = [cause("remediation", 0.1, f"r{at}", title=f"“r{at}”: fixed on vm-{at}") for at in range(4)]
    found = [later(movement(moved[:2], scope), 7) for scope in ("all", "prod", guid(2))]
    found += [later(movement(moved[1:], scope), 8) for scope in ("all", "prod", guid(2))]
    content = checked(card.digest(news(*found), "2026-09-07T00:00:00Z", "2026-09-10T00:00:00Z", "m1"))
    said = "+0.50 fixed: 4 recommendations, in Production who is not recorded +0.20 fixed on vm-1: “r1” +0.10 fixed"
    assert said in told(content)
    assert counted(content, "“r1”") == 1


def test_the_digest_says_at_least_where_rows_keep_only_the_largest_causes():
    moved = [cause("remediation", 0.01, f"r{at:02}") for at in range(30)]
    found = later(shortened(movement(moved, "all")), 7)
    content = checked(card.digest(news(found), "2026-09-07T00:00:00Z", "2026-09-10T00:00:00Z", "m1"))
    assert "+0.30 fixed: at least 10 recommendations" in told(content)
    assert "+0.28 and others" in told(content)


def test_the_digest_leaves_out_what_did_not_move_where_others_did():
    still = later(movement([cause("remediation", 0.001)], "dev"), 7)
    found = [later(movement([cause("remediation", 0.2)], "all"), 7), still]
    said = told(checked(card.digest(news(*found), "2026-09-07T00:00:00Z", "2026-09-10T00:00:00Z", "m1")))
    assert "2 movements below the threshold; 1 group did not move" in said
    assert "Scope" not in said
    assert "±0.00 pp" in told(checked(card.digest(news(still), "2026-09-07T00:00:00Z", "2026-09-08T00:00:00Z", "m1")))


def test_gains_and_losses_that_cancel_are_said_to():
    found = later(movement([cause("remediation", 0.2), cause("resource_added", -0.2, "vm1")], "dev"), 7)
    other = later(movement([cause("remediation", 0.4)], "prod"), 7)
    when = "2026-09-07T00:00:00Z", "2026-09-08T00:00:00Z"
    alone = checked(card.digest(news(found), *when, "m1"))
    assert first(alone) == "Digest: secure score 0.00 pp (gains and losses cancel): afterwards 60.00 %, group dev"
    both = checked(card.digest(news(found, other), *when, "m1"))
    assert [row[1].split(" · ")[1] for row in rows(both)] == ["fixed", "gains and losses cancel"]


def test_the_digest_tells_what_is_still_to_come_of_the_latest():
    early, late = later(ONE, 7) | {"pending": [waiting(0.9)]}, later(ONE, 8) | {"pending": [waiting(0.3), waiting(0.2)]}
    content = checked(card.digest(news(late, early), "2026-09-07T00:00:00Z", "2026-09-09T00:00:00Z", "m1"))
    assert "by 2026-09-08 03:00 UTC, once Azure's counts catch up: +0.50 pp, subscription Production" in told(content)


def test_a_digest_of_nothing_says_so():
    content = checked(card.digest([], "2026-09-07T00:00:00Z", "2026-09-08T00:00:00Z", "m1"))
    assert "nothing below the threshold" in told(content)


def test_a_digest_of_scores_that_came_and_went_is_a_card():
    found = [later(lost(), 7), later(lost(before=None, after=61.0), 8)]
    content = checked(card.digest(news(*found), "2026-09-07T00:00:00Z", "2026-09-09T00:00:00Z", "m1"))
    assert "2 movements" in told(content)


# The test card, the envelope, the text


def test_the_test_card_says_that_nothing_moved():
    content = checked(card.test_card("m1"))
    assert "Nothing moved." in told(content)
    assert "ref m1" in told(content)


def test_the_envelope_is_what_a_workflow_takes():
    content = card.test_card("m1")
    (attachment,) = card.envelope(content)["attachments"]
    assert card.envelope(content)["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["content"] == content
    assert (content["type"], content["version"], content["msteams"]) == ("AdaptiveCard", "1.5", {"width": "full"})


def test_the_only_link_is_ours():
    links = [one["url"] for one in objects(shown(ONE | {"name": "https://evil.example"})) if "url" in one]
    assert links == ["https://portal.azure.com/#view/Microsoft_Azure_Security/SecurityMenuBlade/~/SecureScore"]


def test_the_text_says_all_that_the_card_says():
    content = shown(ONE | {"pending": [waiting(0.3)], "notes": ["a note"]}, left_preview(3))
    said = told(content)
    for element in of_type(content, "TextBlock", "RichTextBlock"):
        assert all(word in said for word in words(element).split())


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_text_is_no_wider_than_asked(width):
    content = shown(movement([cause("remediation", 0.2, "x" * 300)], name="w" * 200))
    lines = [line for line in card.text(content, width).splitlines() if "https://" not in line]
    assert max(map(len, lines)) <= width


def test_an_element_that_is_not_text_is_told_by_its_fallback():
    chart = elements.bars("t", [("a", 1.0)]) | {"fallback": elements.said("instead")}
    assert card.text(elements.card([chart])) == "instead\n"


def test_columns_of_the_text_are_aligned():
    lines = [line for line in card.text(shown(ONE)).splitlines() if re.search(r"(−|\+)\d\.\d\d$", line)]
    assert len({len(line) for line in lines}) == 1


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_worked_cases_make_cards(case):
    folders = sorted(path for path in case.iterdir() if path.is_dir())
    folders = folders[::-1] if folders[0].name == "after" else folders
    found = explain_folders(folders, "all", lambda *_: None)
    every = [found, *found["subscriptions"]]
    for one in every:
        content = shown(one)
        if one["movement"] is not None:
            moved = re.match(r"Secure score (\S+) pp", first(content))
            assert moved is not None
            assert abs(number(moved[1]) - one["movement"]) <= 0.005 + 1e-9
    shown(*every)
    checked(card.digest(news(*every), "2026-09-07T00:00:00Z", "2026-09-08T00:00:00Z", "m1"))


# Hostile names

MARKUP = (
    *("@everyone", "[x](http://evil.example)"),
    *("[click](https://evil.example)", "![x](https://evil.example/p.png)", "**bold**", "_it_", "# head", "> quote"),
    *("`code`", "- item", "1. item", "<at>Everyone</at>", "{{DATE(2026-01-01T00:00:00Z,SHORT)}}", "{{TIME(x)}}"),
    *("${$root.secret}", "www.evil.example", "<script>alert(1)</script>", "\x1b[31mred", "a\u202egnp.exe", "\u2066x"),
    *("line\nbreak\r\n- item", "\u200b\ufeff", "\ud800", "עברית 12.34", "مرحبا", "😀" * 50, "𝕏" * 300, '"\\"\\', "\0"),
)
hostile = st.one_of(
    st.sampled_from(MARKUP),
    st.text(max_size=60),
    st.lists(st.sampled_from(MARKUP), min_size=1, max_size=4).map(" ".join),
    st.text(st.sampled_from("[]()*_#>`{}<at/>$:.-1 w"), max_size=40),
)


def everywhere(name: str) -> Json:
    """A movement in which every text that a tenant can choose is this."""
    record = PETRA | {"actor": name}
    who = somebody(name, 0.2, id=name, address=name)
    causes = [
        cause("exemption_created", 0.4, name or "s", title=f"exemption “{name}” was created", evidence=[record]),
        cause("remediation", 0.2, "r", title=name, subscription=name, evidence=[record], actors=[who], reason=name),
        cause("remediation", 0.1, "q", title=name, subscription=name),
        by((who | {"id": guid(5)}, 0.2), (who | {"type": "application"}, 0.1), subject="p", reason=name),
        by((NOBODY, 0.2), subject="o", evidence=[EVENT], reason=name),
    ]
    member = {"subscription": guid(9), "name": name, "reason": name}
    coming = [waiting(0.1, title=name, actors=[who])]
    found = movement(causes, name=name, notes=[name], unscored=[member], pending=coming)
    known = [forecast(0.1, name, title=name, subscription=name, actors=[who]), forecast(None, name * 2, title=name)]
    return foreseen(found, *known, overdue=tuple(known), opened=3)


def only_expected(name: str) -> Json:
    return foreseen(STILL | {"name": name}, *everywhere(name)["forecasts"]["opened"])


def every_card(name: str) -> list[Json]:
    one, other = everywhere(name), everywhere(name) | {"scope": guid(2)}
    group = everywhere(name) | {"scope": f"tag:x={name}"}
    when = "2026-09-07T00:00:00Z", "2026-09-08T00:00:00Z"
    several = [shown(one, other, group), shown(only_expected(name), only_expected(name) | {"scope": guid(2)})]
    return [
        shown(one),
        shown(only_expected(name)),
        *several,
        checked(card.digest(news(one, other, group), *when, "m1")),
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hostile)
def test_no_name_does_anything(name):
    for content in every_card(name):
        for run in [one["text"] for one in of_type(content, "TextRun")]:
            assert not re.search(r"\{\{|\$\{|<|>|\]\(|://|(?i:\bwww\.\S)", run)
            assert all(unicodedata.category(ch) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for ch in run)
        assert [url for url in re.findall(r"https?://\S+", json.dumps(content)) if "evil" in url] == []
        said = card.text(content).replace("\n", "")
        assert said.isprintable()


def test_no_name_stands_where_markdown_is_read():
    for content in every_card("Zanzibar"):
        assert any("Zanzibar" in words(one) for one in of_type(content, "RichTextBlock"))
        others = json.dumps(
            [one for one in objects(content) if one.get("type") in ("TextBlock", "Chart.HorizontalBar", "Chart.Line")]
        )
        assert "Zanzibar" not in others


def test_a_name_comes_last_in_a_line_of_figures():
    """Letters that run from right to left turn the figures that follow them."""
    assert first(shown(ONE | {"name": "שלום"})).endswith("60.00 % → 59.10 %, subscription שלום")


@given(st.text(string.ascii_letters + string.digits + " -_.*#@()&'+,!?", min_size=1, max_size=80))
def test_a_plain_name_stays_readable(name):
    readable = elements.harmless(name, 90)
    if name.strip() and "www." not in name.lower():
        assert readable == " ".join(name.split())


def test_a_name_of_nothing_is_called_so():
    assert elements.harmless("\u200b\0", 90) == "(no name)"


# Sizes


@pytest.mark.parametrize("letter", ["x", "é", "漢", "😀", "𝕏", '"', "\\", "{", "ש", "e\u0301"])
@pytest.mark.parametrize("length", [200, 1 << 13])
def test_names_of_any_length_and_letters_fit(letter, length):
    name = letter * length
    every_card(name)
    shown(*(everywhere(name) | {"scope": guid(at)} for at in range(40)))


def test_ten_thousand_causes_fit():
    causes = [cause(sorted(CLASS_OF)[at % 5], 0.001, f"r{at}", evidence=[PETRA]) for at in range(10_000)]
    content = shown(movement(causes, "all", pending=[waiting(0.001) for _ in range(10_000)], notes=["n"] * 10_000))
    assert "and 1,998 more" in told(content)
    assert "and 9,995 more" in told(content)
    assert "+10.00 in all" in told(content)


def test_a_thousand_scopes_with_every_name_hostile_fit():
    name = "😀" * 5000
    content = shown(*(everywhere(name) | {"scope": guid(at)} for at in range(1000)))
    assert re.search(r"and 9\d\d more", told(content))


def test_the_fullest_card_of_the_longest_letters_fits_and_is_not_empty():
    name = "😀" * 1000
    causes = [
        cause(kind, 0.1, f"{kind}{at}", title=name, evidence=[PETRA | {"actor": name}])
        for kind in CLASS_OF
        for at in (1, 2, 3)
    ]
    member = {"subscription": guid(9), "name": name, "reason": name}
    found = movement(causes, "all", pending=[waiting(0.1, title=name)] * 9, unscored=[member] * 9, notes=[name] * 9)
    assert len(of_type(shown(found), "TextRun")) > 10


def test_no_figure_is_cut():
    name = "😀" * 5000
    content = shown(*(everywhere(name) | {"scope": guid(at)} for at in range(1000)))
    for row in rows(content):
        assert all(re.fullmatch(r"[+−]?\d+\.\d\d", one) for one in row[2:])


ENCODABLE = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x7f"))


@given(
    st.recursive(
        ENCODABLE | st.integers(-9, 9) | st.booleans(),
        lambda inner: st.lists(inner) | st.dictionaries(ENCODABLE, inner),
    )
)
def test_the_size_is_that_of_the_longest_encoding(value):
    assert elements.size({"a": value}) == len(json.dumps({"a": value}))


# The check itself


def test_a_misspelt_field_would_be_found():
    content = elements.card([elements.said("a", colour="Good"), elements.run("b") | {"type": "TextRunn"}])
    assert len(faults(content)) == 2
    assert faults(elements.card([elements.said("a", color="Green")])) != []
    assert faults(elements.card([elements.said("a", id="x"), elements.said("b", id="x")])) == ["id 'x' twice"]


def test_markup_would_be_found():
    assert all(markup(text) for text in ("[a](b)", "**a**", "_a_", "# a", "> a", "`a`", "- a", "1. a"))
    assert markup("+0.20 and 3 more") == []

"""What is told again says so; links lead to what is ours; the charts hold the same figures as the words beside them."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from drift import card
from drift.card import elements
from tests.cards import against_schema, faults, of_type, words
from tests.test_card import (
    MARKUP,
    ONE,
    STILL,
    cause,
    checked,
    every_card,
    everywhere,
    first,
    forecast,
    foreseen,
    guid,
    later,
    movement,
    news,
    shown,
    told,
    waiting,
)

Json = dict[str, Any]
LINKS = card.Links("https://drift.example.net")
PORTAL = "https://portal.azure.com/#view/Microsoft_Azure_Security/SecurityMenuBlade/~/SecureScore"
SPAN = "2026-09-07T00:00:00Z", "2026-09-12T00:00:00Z"
BEFORE = "2026-09-05T06:00:00Z"


def reverted(found: Json, was: float | None = 0.9, identity: str = "earlier.1") -> card.News:
    return card.News("this.2", found, card.Earlier("reverted", identity, BEFORE, was))


def refined(found: Json) -> card.News:
    return card.News("this.2", found, card.Earlier("refined", "this.2", BEFORE, found["movement"]))


def again(*found: card.News, **given: Any) -> Json:
    return checked(card.movements(found, "m", **given))


def links(content: Json) -> list[str]:
    return [one["url"] for one in content["actions"]]


def lines(content: Json) -> list[str]:
    return [words(one) for one in of_type(content, "TextBlock", "RichTextBlock")]


# Links


def test_a_movement_leads_to_its_page_its_json_and_the_portal():
    content = again(card.News("prod.177", movement([cause("remediation", 0.2)], "prod")), links=LINKS)
    page = "https://drift.example.net/api/page?scope=prod&delta=prod.177"
    assert links(content) == [page, "https://drift.example.net/api/deltas/prod.177", PORTAL]


def test_of_several_movements_the_links_are_those_of_the_one_that_speaks_first():
    found = [card.News("s.1", movement([cause("remediation", 0.9)])), card.News("all.1", movement([], "all"))]
    assert links(again(*found, links=LINKS))[1] == "https://drift.example.net/api/deltas/all.1"


def test_a_digest_leads_to_the_page_of_its_widest_scope():
    found = news(movement([cause("remediation", 0.2)]), movement([cause("remediation", 0.2)], "all"))
    content = checked(card.digest(found, *SPAN, "m", links=LINKS))
    assert links(content) == ["https://drift.example.net/api/page?scope=all", PORTAL]
    nothing = checked(card.digest([], *SPAN, "m", links=LINKS))
    assert links(nothing) == ["https://drift.example.net/api/page?scope=all", PORTAL]


@pytest.mark.parametrize("scope", ["tag:x=y", "a b", "../status", "prod&code=1", "x" * 81, "é", "", "a\nb"])
def test_what_is_no_id_or_name_of_ours_comes_into_no_address(scope):
    content = again(card.News(f"{scope}.1", movement([cause("remediation", 0.2)], scope)), links=LINKS)
    assert links(content) == [PORTAL]


# Taken back


def test_a_movement_that_takes_back_one_that_was_told_says_so_and_is_not_told_as_new():
    content = again(reverted(ONE), links=LINKS)
    where = "60.00 % → 59.10 %, subscription Production"
    assert first(content) == f"Secure score back: −0.90 pp (earned +0.20, drift −1.10): {where}"
    assert lines(content)[1] == "Takes back what was told of 2026-09-05 06:00 UTC: +0.90 pp"
    assert "By class" not in told(content)
    assert "−1.00 recommendation_left_preview, on 3 resources: “preview”" in told(content)
    assert links(content)[1] == f"https://drift.example.net/api/page?scope={guid(1)}&delta=earlier.1"


def test_of_several_scopes_each_that_takes_something_back_is_named():
    found = reverted(movement([cause("remediation", 0.9)], "prod"), -0.9)
    content = again(found, card.News("x.1", movement([cause("remediation", 0.4)], "dev")))
    assert first(content).startswith("Secure score back: +0.90 pp")
    assert lines(content)[1] == "Takes back what was told of 2026-09-05 06:00 UTC: −0.90 pp, group prod"


def test_a_digest_says_what_takes_something_back():
    content = checked(card.digest([reverted(ONE)], *SPAN, "m"))
    assert "Takes back what was told of 2026-09-05 06:00 UTC: +0.90 pp" in told(content)


def test_a_score_that_came_or_went_can_be_taken_back():
    content = again(reverted(ONE, None))
    assert lines(content)[1] == "Takes back what was told of 2026-09-05 06:00 UTC: a score that came or went"


# Known better


def test_a_movement_of_which_more_is_known_is_told_in_short_and_not_as_new():
    content = again(refined(ONE | {"pending": [waiting(0.3)], "notes": ["a note"]}))
    assert first(content).startswith("Known better: secure score −0.90 pp")
    assert lines(content)[1] == "Says more of what was told of 2026-09-05 06:00 UTC: −0.90 pp; nothing moved anew"
    assert "by petra@contoso.example" in told(content)
    assert not re.search("By class|What to do next|Still to come|a note", told(content))


def test_what_moved_speaks_before_what_is_known_better_however_large_that_is():
    small = movement([cause("remediation", 0.1)], guid(2), name="Small")
    content = again(refined(ONE), card.News("s.1", small))
    assert first(content).endswith("subscription Small")
    assert "Known better since it was told 2026-09-05 06:00 UTC −0.90 pp, subscription Production, by" in told(content)


def test_what_is_known_better_is_in_no_sum_of_a_digest():
    other = movement([cause("remediation", 0.2)])
    content = checked(card.digest([refined(ONE), card.News("s.1", other)], *SPAN, "m"))
    assert first(content).startswith("Digest: secure score +0.20 pp")
    assert "1 movement below the threshold" in told(content)
    assert "Known better since it was told" in told(content)


def test_a_digest_of_what_is_known_better_alone_says_so():
    content = checked(card.digest([refined(ONE)], *SPAN, "m"))
    assert first(content) == "Digest: what is known better"


# Put off


@pytest.mark.parametrize(("reason", "said"), [("hour", "of the last hour"), ("quiet", "of quiet hours")])
def test_what_was_put_off_is_told_with_the_reason(reason, said):
    held = card.Held(reason, "2026-09-07T20:00:00Z", "2026-09-08T07:00:00Z", 4)
    content = again(*news(ONE, later(ONE, 8)), held=held)
    expected = f"4 cards {said}, in one: 2 movements · 2026-09-07 20:00 → 2026-09-08 07:00 UTC"
    assert lines(content)[1] == expected


def test_movements_of_one_scope_with_others_in_between_do_not_read_as_one():
    found = [
        later(movement([cause("remediation", 0.6)]), 7),
        later(movement([cause("remediation", 0.6)], before=61), 8),
    ]
    assert first(again(*news(*found))).startswith("Secure score +1.20 pp, all of it earned: afterwards 61.60 %")
    found[1] = later(movement([cause("remediation", 0.6)], before=60.6), 8)
    assert first(again(*news(*found))).startswith("Secure score +1.20 pp, all of it earned: 60.00 % → 61.20 %")


# Charts


def test_a_movement_of_one_class_needs_no_chart():
    assert of_type(shown(movement([cause("remediation", 0.2)])), "Chart.HorizontalBar") == []


def test_the_classes_of_the_widest_scope_are_shown_where_several_moved():
    content = shown(ONE | {"scope": "all"}, movement([cause("remediation", 0.2)]))
    (chart,) = of_type(content, "Chart.HorizontalBar")
    assert [one["x"] for one in chart["data"]] == ["yardstick −1.00", "earned +0.20", "estate −0.10"]


def days(many: int) -> list[Json]:
    moved = [movement([cause("remediation", 0.125)], "all", 60 + at / 8) for at in range(many)]
    return [later(one, 7 + at) for at, one in enumerate(moved)]


def test_a_digest_draws_the_score_day_by_day_and_says_the_same_where_nothing_is_drawn():
    (chart,) = of_type(checked(card.digest(news(*days(4)), *SPAN, "m")), "Chart.Line")
    points = [(one["x"], one["y"]) for one in chart["data"][0]["values"]]
    assert points == [("2026-09-07", 60.12), ("2026-09-08", 60.25), ("2026-09-09", 60.38), ("2026-09-10", 60.5)]
    assert words(chart["fallback"]) == " · ".join(f"{day} {value:.2f} %" for day, value in points)
    assert chart["yMin"] <= 60.12 <= 60.5 <= chart["yMax"]


def test_two_days_make_no_line():
    assert of_type(checked(card.digest(news(*days(2)), *SPAN, "m")), "Chart.Line") == []


def test_figures_have_pixels_of_their_own_and_words_the_rest():
    for table in of_type(shown(ONE | {"scope": "all"}, ONE), "Table"):
        right = [one["width"] for one in table["columns"] if "horizontalCellContentAlignment" in one]
        assert set(right) <= {"64px", "72px"}
        assert sum(int(width[:-2]) for width in right) <= 200  # of the 300 of a phone


# Whatever it is made of


def every_kind(name: str) -> list[Json]:
    """The cards that say something again, with every text that a tenant can choose as this."""
    found = everywhere(name)
    held = card.Held("quiet", *SPAN, 9)
    pass_ = [reverted(found), refined(found), *(refined(found | {"scope": guid(at)}) for at in range(9))]
    return [
        again(reverted(found), links=LINKS, held=held),
        again(refined(found), links=LINKS),
        again(*pass_, *(reverted(found | {"scope": guid(at)}) for at in range(20, 40)), links=LINKS, held=held),
        checked(card.digest([*pass_, *news(*(found | later(found, 7 + at) for at in range(9)))], *SPAN, "m")),
    ]


@pytest.mark.parametrize("name", [" ".join(MARKUP), "😀" * 5000, "ש" * 10_000])
def test_names_do_nothing_where_something_is_told_again_and_it_fits(name):
    for content in every_kind(name):
        for run in [one["text"] for one in of_type(content, "TextRun")]:
            assert not re.search(r"\{\{|\$\{|<|>|\]\(|://|(?i:\bwww\.\S)", run)
        assert "evil" not in " ".join(links(content))


# The checks


def test_cards_are_cards_by_the_published_schema():
    found = [*every_card("Zanzibar"), *every_kind("Zanzibar"), card.test_card("m")]
    found.append(shown(foreseen(STILL, forecast(0.4))))
    assert [fault for content in found for fault in against_schema(content)] == []


MISTAKES: dict[str, Any] = {
    "a misspelt field": lambda found: found["body"][0].update(colour="Good"),
    "a misspelt field of a table": lambda found: of_type(found, "Table")[0].update(showGridlines=False),
    "a colour that is none": lambda found: of_type(found, "TextRun")[0].update(color="Green"),
    "an element that is none": lambda found: found["body"][0].update(type="RichText"),
    "an element without its text": lambda found: of_type(found, "TextBlock")[0].pop("text"),
    "a link without an address": lambda found: found["actions"][0].pop("url"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_would_be_found_by_the_schema(mistake):
    content = copy.deepcopy(shown(ONE))
    assert against_schema(content) == []
    MISTAKES[mistake](content)
    assert against_schema(content) != []


def test_a_mistake_in_a_chart_would_be_found_by_the_models():
    chart = elements.line_chart("t", [("2026-09-07", 60.0)], (59, 61))
    assert faults(elements.card([chart])) == []
    for wrong in ({"yMinimum": 1}, {"data": [{"legends": "x"}]}, {"data": [{"values": [{"x": "a", "why": 1}]}]}):
        assert faults(elements.card([chart | wrong])) != []
    assert json.dumps(chart)

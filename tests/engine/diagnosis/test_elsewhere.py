"""Which score a figure is: the scores of all scopes, of many subscriptions that were looked at many times."""

from __future__ import annotations

from dataclasses import replace

from drift.engine.diagnosis import elsewhere
from drift.engine.diagnosis.case import Asked
from drift.engine.diagnosis.elsewhere import scores, within
from drift.engine.diagnosis.question import LOOKS, Member, Question, group_score
from drift.model import HOUR, Counts, Point
from tests.build import estate, guid
from tests.engine.ahead.test_calendar import head

BASE = head(estate(controls={"c": (10, ["a"])}, marks={("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy"})).at


def point(number: int, healthy: int, at: int = 0, **tags: str) -> Point:
    subscription = replace(BASE.subscription, id=guid(f"sub {number}"), name=f"sub {number}", tags=tags)
    counts = {name: Counts(one.maximum, healthy, 1000) for name, one in BASE.counts.items()}
    above = ("root", f"mg{number % 3}")
    return replace(BASE, subscription=subscription, counts=counts, taken_at=BASE.taken_at + at * HOUR, ancestors=above)


def member(*looks: Point) -> Member:
    return Member(looks[-1], looks, (), None, came=False, at_work=False)


def question(*members: Member, figure: float) -> Question:
    points = {one.id: one.point for one in members}
    parts = dict.fromkeys(points, 1 / len(points))
    return Question(Asked("all", figure=figure), members, (), points, parts)


def test_groups_have_the_score_of_those_that_belong_to_them():
    tags = [{"env": "prod"}, {"Env": "prod"}, {"ENV": "Prod", "env ": "prod"}, {"a=b": "c"}, {}]
    points = {guid(f"sub {at}"): point(at, 100 * at, **own) for at, own in enumerate(tags)}
    groups = {scope: some for scope, some in scores(points).items() if scope not in points}
    assert {"all", "mg:root", "mg:mg1", "tag:env=prod", "tag:Env=prod"} <= groups.keys()
    for scope, (score,) in groups.items():
        expected = group_score(within(points, scope).values())
        assert expected is None or score == expected


def test_of_thousands_of_looks_so_many_are_looked_at_and_the_first_is_where_all_stand():
    every = [member(*(point(one, one + at, at * 7 + one) for at in range(300))) for one in range(4)]
    looks = list(question(*every, figure=50.0).looks())
    assert 0.8 * LOOKS < len(looks) <= LOOKS
    assert looks[0] == {one.id: one.point for one in every}


def test_a_figure_that_a_subscription_showed_at_any_look_is_no_other_products():
    looks = [point(1, 2 * at, at) for at in range(3 * LOOKS)]
    for at in range(0, len(looks), 37):
        figure = 100 * (looks[at].score or 0.0)
        assert elsewhere.other_score(question(member(*looks), figure=figure)) is None
        assert elsewhere.other_score(question(member(*looks), member(point(2, 0)), figure=figure)) is None
    assert elsewhere.other_score(question(member(*looks), figure=99.9)) is not None

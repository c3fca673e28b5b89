"""The arithmetic of the labelled set, and how a tool's answers are scored, on examples worked by hand."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from math import fsum, isclose, log

import msgspec
import pytest

from benchmarks.labelled.__main__ import main, of_seeds, score
from benchmarks.labelled.arithmetic import product
from benchmarks.labelled.chain import Around, Chain, Count, Counts, Label, Moved, Movement, Who, write
from benchmarks.labelled.chain import Member as Both
from benchmarks.labelled.chain import read as read_chain
from benchmarks.labelled.game import Cause, Cell, Flip, Game, Member, Primitives, owned
from benchmarks.labelled.generate import generate
from benchmarks.labelled.measuring import PRODUCT, Measured, measured, truths
from benchmarks.labelled.rules import Board, Errors, all_but, only, shapley, split, waterfall, whole
from benchmarks.labelled.scoring import Guess, Prediction, PredictionError, Said, Truth, read, scored
from benchmarks.labelled.shares import shares
from benchmarks.labelled.tables import of_run
from benchmarks.labelled.truth import game_of, truth_of

SUB, OTHER = "sub-1", "sub-2"
UP = Cause("remediation", "mfa", SUB)
NEW = Cause("resource_added", "vm-5", SUB)


def flip(cause, resource, was, now, control="c1", at=0.0, sub=SUB):
    return Flip(cause, Cell(sub, control, resource), was, now, at)


def member(before, after, weights=(1.0, 1.0)):
    """Controls as {name: (M, h, n)} at both ends."""
    ends = (None if end is None else {k: Primitives(*v) for k, v in end.items()} for end in (before, after))
    return Member(*ends, weights)


def two_causes(late=UP):
    """2 of 4 healthy; one resource is remediated, one unhealthy resource comes: 50 % to 60 %."""
    flips = [
        flip(UP, "vm-1", "Unhealthy", "Healthy", at=2.0 if late == UP else 1.0),
        flip(NEW, "vm-5", None, "Unhealthy", at=2.0 if late == NEW else 1.0),
    ]
    return Game({SUB: member({"c1": (10.0, 2, 4)}, {"c1": (10.0, 3, 5)})}, flips, {}, (UP, NEW))


def near(found, wanted):
    assert found.keys() == wanted.keys()
    for cause, share in wanted.items():
        assert found[cause] == pytest.approx(share, abs=1e-8)


# The truth


def test_the_true_shares_are_the_integral_along_the_line():
    up = 100 * log(5 / 4)
    near(shares(two_causes()), {UP: up, NEW: 10 - up})


def test_a_cell_that_two_causes_changed_is_divided_between_them():
    exempt = Cause("exemption_created", "e", SUB)
    both = [flip(UP, "vm-1", "Unhealthy", "Healthy"), flip(exempt, "vm-1", "Unhealthy", None)]
    one = [flip(UP, "vm-1", "Unhealthy", "Healthy"), flip(exempt, "vm-1", "Healthy", None)]
    line = {SUB: member({"c1": (10.0, 2, 4)}, {"c1": (10.0, 3, 4)})}
    near(shares(Game(line, both)), {UP: 12.5, exempt: 12.5})
    near(shares(Game(line, one)), {UP: 25.0, exempt: 0.0})


def test_a_mark_changes_nothing_where_another_of_its_cell_stays_unhealthy():
    line = {SUB: member({"c1": (10.0, 2, 4)}, {"c1": (10.0, 2, 4)})}
    game = Game(line, [flip(UP, "vm-1", "Unhealthy", "Healthy")], {Cell(SUB, "c1", "vm-1"): frozenset({"Unhealthy"})})
    near(shares(game), {UP: 0.0})


def test_what_the_labels_do_not_account_for_is_unexplained():
    line = {SUB: member({"c1": (10.0, 2, 4)}, {"c1": (10.0, 4, 4)})}
    rest = Cause("unexplained", "c1", SUB)
    near(shares(Game(line, [flip(UP, "vm-1", "Unhealthy", "Healthy")])), {UP: 25.0, rest: 25.0})


def test_a_control_that_enters_is_ramped_in_as_a_whole():
    line = {SUB: member({"c1": (10.0, 5, 10), "c2": (10.0, 0, 0)}, {"c1": (10.0, 5, 10), "c2": (10.0, 1, 1)})}
    game = Game(line, [flip(NEW, "vm-5", None, "Healthy", "c2")])
    near(shares(game), {NEW: 25.0})


def test_a_control_that_is_reweighted_owns_what_its_weight_moves():
    line = {SUB: member({"c1": (10.0, 5, 10), "c2": (10.0, 10, 10)}, {"c1": (10.0, 5, 10), "c2": (30.0, 10, 10)})}
    near(shares(Game(line, [])), {Cause("control_reweighted", "c2", SUB): 12.5})


def test_without_a_score_at_both_ends_there_is_nothing_to_share():
    assert shares(Game({SUB: member(None, {"c1": (10.0, 1, 2)})}, [])) == {}


def test_a_subscription_that_joins_a_tenant_owns_what_it_moves():
    lines = {
        SUB: member({"c1": (10.0, 5, 10)}, {"c1": (10.0, 5, 10)}, (10.0, 10.0)),
        OTHER: member(None, {"c1": (10.0, 10, 10)}, (0.0, 10.0)),
    }
    near(shares(Game(lines, [], single=False)), {Cause("subscription_added", OTHER, OTHER): 25.0})


def test_a_change_of_weight_belongs_to_who_brought_cells_and_else_to_itself():
    still = member({"c1": (10.0, 0, 10)}, {"c1": (10.0, 0, 10)}, (10.0, 10.0))
    same = member({"c1": (10.0, 10, 10)}, {"c1": (10.0, 10, 10)}, (10.0, 30.0))
    alone = Cause("weight_changed", SUB, SUB)
    near(shares(Game({SUB: same, OTHER: still}, [], single=False)), {alone: 25.0})
    grown = member({"c1": (10.0, 10, 10)}, {"c1": (10.0, 11, 11)}, (10.0, 30.0))
    game = Game({SUB: grown, OTHER: still}, [flip(NEW, "vm-5", None, "Healthy")], single=False)
    near(shares(game), {NEW: 25.0})


def random_game(seed, single):
    """A movement of one or two subscriptions with cells that causes share, controls that come, and a rest."""
    rng = random.Random(seed)
    members, flips, rest = {}, [], {}
    for sub in (SUB,) if single else (SUB, OTHER):
        causes = [Cause("remediation", f"k{at}", sub) for at in range(rng.randint(2, 4))]
        before, after = {}, {}
        for control in ("c1", "c2", "c3"):
            h, n = (0, 0) if control == "c3" and rng.random() < 0.5 else (rng.randint(5, 9), rng.randint(10, 90))
            dh = dn = 0
            for resource in range(rng.randint(1, 4)):
                cell = Cell(sub, control, f"vm-{resource}")
                others = frozenset(rng.sample(["Healthy", "Unhealthy"], rng.choice([0, 0, 1])))
                marks = [rng.sample(["Healthy", "Unhealthy", None], 2) for _ in range(rng.randint(1, 3))]
                if n == 0:
                    others, marks = frozenset(), [(None, rng.choice(["Healthy", "Unhealthy"]))]
                rest[cell] = others
                flips += [Flip(rng.choice(causes), cell, *pair, rng.random()) for pair in marks]
                ends = [others | {pair[end] for pair in marks} for end in (0, 1)]
                counted = [bool(end - {None}) for end in ends]
                healthy = [bool(end - {None}) and "Unhealthy" not in end for end in ends]
                dh, dn = dh + healthy[1] - healthy[0], dn + counted[1] - counted[0]
            extra = rng.choice([0, 0, 1]) if n else 0
            before[control] = (10.0, h, n)
            after[control] = (rng.choice([10.0, 15.0]), max(0, h + dh), n + dn + extra)
        members[sub] = member(before, after, (float(rng.randint(5, 9)), float(rng.randint(5, 9))))
    if not single:
        members["sub-3"] = member({"c1": (10.0, 1, 3)}, None, (4.0, 0.0))
    return Game(members, flips, rest, single=single)


@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_shares_sum_to_the_movement_and_the_products_arithmetic_gives_the_same(seed, single):
    game = random_game(seed, single)
    board, truth = Board(game), shares(game)
    assert isclose(fsum(truth.values()), next(iter(whole(board).values())), abs_tol=1e-9)
    near(product(board), truth)


@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_rules_that_take_all_causes_one_after_another_sum_to_the_movement(seed, single):
    game = random_game(seed, single)
    board, movement = Board(game), fsum(shares(game).values())
    assert isclose(fsum(waterfall(board).values()), movement, abs_tol=1e-9)
    given = shapley(board)
    assert (given is None) == (len(board.players) > 10)
    if given is not None:
        assert isclose(fsum(given.values()), movement, abs_tol=1e-9)


# The rules of others


def test_the_whole_difference_stands_beside_every_row():
    near(whole(Board(two_causes())), {UP: 10.0, NEW: 10.0})


def test_one_change_at_a_time_does_not_sum_to_the_movement():
    near(only(Board(two_causes())), {UP: 25.0, NEW: -10.0})


def test_one_change_taken_back_does_not_either():
    near(all_but(Board(two_causes())), {UP: 20.0, NEW: -15.0})


def test_a_waterfall_depends_on_who_comes_first():
    near(waterfall(Board(two_causes(late=NEW))), {UP: 25.0, NEW: -15.0})
    near(waterfall(Board(two_causes(late=UP))), {UP: 20.0, NEW: -10.0})


def test_shapley_over_causes_is_the_mean_of_both_orders():
    near(shapley(Board(two_causes())), {UP: 22.5, NEW: -12.5})


def test_shapley_over_causes_gives_up_where_there_are_too_many():
    causes = [Cause("remediation", f"k{at:02d}", SUB) for at in range(11)]
    flips = [flip(cause, f"vm-{at}", "Unhealthy", "Healthy") for at, cause in enumerate(causes)]
    game = Game({SUB: member({"c1": (10.0, 2, 20)}, {"c1": (10.0, 13, 20)})}, flips)
    assert shapley(Board(game)) is None


def test_a_cause_told_as_two_changes_others_under_shapley_and_not_under_the_integral():
    flips = [flip(UP, "vm-1", "Unhealthy", "Healthy"), *(flip(NEW, f"vm-{at}", None, "Unhealthy") for at in (5, 6))]
    game = Game({SUB: member({"c1": (10.0, 2, 4)}, {"c1": (10.0, 3, 6)})}, flips)
    widest, halves = split(game)
    assert widest == NEW
    assert shares(halves)[UP] == pytest.approx(shares(game)[UP], abs=1e-9)
    # As one: (1/4 + 1/6) / 2. As two: alone 1/4 and 1/6 a third of the time each, in between 1/5.
    assert shapley(Board(game))[UP] == pytest.approx(100 * (1 / 4 + 1 / 6) / 2)
    assert shapley(Board(halves))[UP] == pytest.approx(100 * (1 / 4 + 1 / 5 + 1 / 6) / 3)


def test_a_cause_with_one_resource_is_not_told_as_two():
    assert split(two_causes()) is None


def test_errors_of_a_rule_are_told_against_the_truth():
    errors = Errors()
    errors.add({UP: 10.0, NEW: 10.0}, {UP: 22.0, NEW: -12.0})
    errors.add(None, {UP: 1.0})
    assert (sorted(errors.shares), errors.gaps, errors.wrong_signs, errors.undone) == ([12.0, 22.0], [10.0], 1, 1)


def test_a_world_without_a_score_is_a_movement_that_the_rule_cannot_do():
    gone = Cause("resource_deleted", "vm-1", SUB)
    came = Cause("resource_added", "vm-2", SUB)
    flips = [flip(gone, "vm-1", "Healthy", None), flip(came, "vm-2", None, "Healthy")]
    game = Game({SUB: member({"c1": (10.0, 1, 1)}, {"c1": (10.0, 1, 1)})}, flips)
    errors = Errors()
    errors.add(only(Board(game)), shares(game))
    assert errors.undone == 1


# Scoring

ALEX, KIM, BOT = (
    Who("user", "Alex Kim", "id-1", "alex@x"),
    Who("user", "Alex Kim", "id-2", "kim@x"),
    Who("application", "bot", "id-3"),
)
KEY = ("chain-0001", SUB, datetime(2026, 3, 1, 0, tzinfo=UTC), datetime(2026, 3, 1, 8, tzinfo=UTC))


def truth(found=None, actors=None, ambiguous=(), key=KEY):
    found = {UP: 3.0, NEW: -1.0} if found is None else found
    actors = {UP: [ALEX], NEW: [Who("notRecorded")]} if actors is None else actors
    return Truth(key, sum(found.values()), found, actors, frozenset(ambiguous))


def guess(cause, share, *actors):
    return Guess(cause.kind, cause.subject, cause.scope, share, actors)


def answer(*causes, key=KEY):
    return Prediction(*key, causes)


def said(who):
    return Said(who.type, who.name, who.id, who.address)


def test_the_right_answer_scores_full():
    found = scored([truth()], [answer(guess(UP, 3.0, said(ALEX)), guess(NEW, -1.0, Said("notRecorded")))])
    assert (found.macro_f1, found.unexplained, max(found.errors)) == (1.0, 0.0, 0.0)
    assert (found.points, found.overlooked, found.invented, found.unanswered) == (4.0, 0.0, 0.0, 0)
    assert +found.actors == {"named": 1, "notRecorded": 1}


def test_causes_match_in_any_case():
    found = scored([truth({UP: 3.0})], [answer(Guess("remediation", "MFA", "Sub-1", 2.5))])
    assert found.errors == [0.5]


def test_a_kind_is_scored_movement_by_movement():
    later = (*KEY[:2], KEY[3], datetime(2026, 3, 1, 16, tzinfo=UTC))
    answers = [answer(guess(UP, 3.0), guess(NEW, -1.0)), answer(guess(UP, 1.0), guess(NEW, 1.0), key=later)]
    found = scored([truth(), truth({UP: 2.0}, {}, key=later)], answers)
    assert (found.precision("remediation"), found.recall("remediation")) == (1.0, 1.0)
    assert (found.precision("resource_added"), found.recall("resource_added")) == (0.5, 1.0)
    assert found.macro_f1 == pytest.approx((1 + 2 / 3) / 2)


def test_a_cause_that_moved_nothing_is_no_kind_of_the_movement():
    found = scored([truth({UP: 3.0, NEW: 0.0}, {})], [answer(guess(UP, 3.0), guess(NEW, 5e-7))])
    assert found.kinds == ["remediation"]


def test_a_movement_without_an_answer_is_overlooked_whole():
    found = scored([truth()], [])
    assert (found.unanswered, found.macro_f1, found.overlooked, found.unexplained) == (1, 0.0, 4.0, 2.0)
    assert +found.actors == {"missed": 2}


def test_what_is_called_unexplained_or_lacking_counts_as_unexplained():
    rest = Cause("unexplained", "c1", SUB)
    found = scored([truth()], [answer(guess(UP, 1.5), guess(rest, -1.0))])
    assert found.unexplained == pytest.approx(1.0 + 1.5)
    assert (found.overlooked, found.errors) == (1.0, [1.5])


def test_a_cause_that_is_not_there_is_invented_and_so_is_who_did_it():
    other = Cause("regression", "mfa", SUB)
    found = scored([truth({UP: 3.0})], [answer(guess(UP, 3.5), guess(other, -0.5, said(KIM)))])
    assert (found.invented, found.actors["misplaced"], found.actors["wrong"]) == (0.5, 1, 0)


def test_a_cause_of_another_movement_is_not_there_but_true_elsewhere():
    later = (*KEY[:2], KEY[3], datetime(2026, 3, 1, 16, tzinfo=UTC))
    truths = [truth({UP: 3.0}, {UP: [ALEX]}), truth({NEW: 1.0}, {NEW: [BOT]}, key=later)]
    answers = [answer(guess(UP, 3.0, said(ALEX)), guess(NEW, 1.0, said(BOT), said(KIM)))]
    found = scored(truths, answers)
    assert (found.invented, found.elsewhere, found.overlooked) == (1.0, 1.0, 1.0)
    assert +found.actors == {"named": 1, "elsewhere": 1, "wrong": 1, "missed": 1}


def test_a_name_that_is_right_for_the_cause_in_another_movement_is_not_wrong_but_early():
    later = (*KEY[:2], KEY[3], datetime(2026, 3, 1, 16, tzinfo=UTC))
    truths = [truth({UP: 3.0}, {UP: [ALEX]}), truth({UP: 1.0}, {UP: [BOT]}, key=later)]
    found = scored(truths, [answer(guess(UP, 4.0, said(ALEX), said(BOT))), answer(key=later)])
    assert +found.actors == {"named": 1, "elsewhere": 1, "missed": 1}


def test_two_people_of_one_name_are_told_apart_by_id_or_address():
    for wrong in (said(KIM), Said("user", "Alex Kim", None, "kim@x"), Said("user", "kim@x")):
        found = scored([truth({UP: 3.0}, {UP: [ALEX]})], [answer(guess(UP, 3.0, wrong))])
        assert +found.actors == {"missed": 1, "wrong": 1}
    for right in (
        said(ALEX),
        Said("user", "Alex Kim", None, "ALEX@x"),
        Said("user", "alex@x"),
        Said("user", "Alex Kim"),
    ):
        found = scored([truth({UP: 3.0}, {UP: [ALEX]})], [answer(guess(UP, 3.0, right))])
        assert +found.actors == {"named": 1}


def test_of_several_who_did_it_each_counts():
    found = scored([truth({UP: 3.0}, {UP: [ALEX, BOT]})], [answer(guess(UP, 3.0, said(BOT), said(KIM)))])
    assert +found.actors == {"named": 1, "missed": 1, "wrong": 1}


def test_to_name_somebody_where_no_record_does_is_wrong():
    found = scored([truth({UP: 3.0}, {UP: [Who("notRecorded")]})], [answer(guess(UP, 3.0, said(ALEX)))])
    assert +found.actors == {"missed": 1, "wrong": 1}


def test_the_platform_is_right_where_it_was_and_accused_where_not():
    found = scored(
        [truth({UP: 3.0, NEW: 1.0}, {UP: [Who("platform")], NEW: [ALEX]})],
        [answer(guess(UP, 3.0, Said("platform")), guess(NEW, 1.0, Said("platform")))],
    )
    assert +found.actors == {"platform": 1, "missed": 1, "accused": 1}


@pytest.mark.parametrize(
    ("actors", "outcome"),
    [
        ((), "ambiguousOpen"),
        ((Said("notRecorded"),), "ambiguousOpen"),
        ((said(ALEX),), "ambiguousNamed"),
        ((said(KIM),), "ambiguousWrong"),
    ],
)
def test_where_nobody_can_tell_it_may_be_left_open(actors, outcome):
    found = scored([truth({UP: 3.0}, {UP: [ALEX]}, [UP])], [answer(guess(UP, 3.0, *actors))])
    assert +found.actors == {outcome: 1}


def test_scores_of_parts_add_up():
    later = (*KEY[:2], KEY[3], datetime(2026, 3, 1, 16, tzinfo=UTC))
    truths = [truth(), truth({UP: 2.0}, key=later)]
    answers = [answer(guess(UP, 3.0)), answer(guess(UP, 1.0), key=later)]
    together = scored(truths, answers)
    first = scored(truths[:1], answers[:1])
    first.join(scored(truths[1:], answers[1:]))
    assert first == together


def test_a_prediction_of_an_unknown_chain_names_it():
    with pytest.raises(PredictionError, match=r"the set has no chain chain-0009$"):
        scored([truth()], [answer(key=("chain-0009", *KEY[1:]))])


def test_a_prediction_of_an_unknown_movement_names_it():
    with pytest.raises(PredictionError, match=r"no movement chain-0001, sub-9, 2026-03-01T00:00:00\+00:00 to"):
        scored([truth()], [answer(key=(KEY[0], "sub-9", *KEY[2:]))])


def test_a_movement_predicted_twice_is_an_error():
    with pytest.raises(PredictionError, match="predicted twice"):
        scored([truth()], [answer(), answer()])


def test_predictions_are_read_from_lines_of_json(tmp_path):
    path = tmp_path / "p.jsonl"
    who = {"type": "user", "name": "A"}
    cause = {"kind": "remediation", "subject": "mfa", "scope": SUB, "share": 3.0, "actors": [who]}
    about = {"chain": KEY[0], "scope": SUB, "from": "2026-03-01T00:00:00Z", "to": "2026-03-01T08:00:00Z"}
    path.write_text(json.dumps(about | {"causes": [cause]}) + "\n\n")
    assert read(path) == [answer(guess(UP, 3.0, Said("user", "A")))]


@pytest.mark.parametrize("line", ['{"chain": "a"}', "{", '{"chain": 1, "scope": "s", "from": "f", "to": "t"}'])
def test_a_broken_line_is_named(tmp_path, line):
    path = tmp_path / "p.jsonl"
    path.write_text(f"\n{line}\n")
    with pytest.raises(PredictionError, match=r"p\.jsonl: line 2: "):
        read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PredictionError, match=r"nothing\.jsonl: can't be read"):
        read(tmp_path / "nothing.jsonl")


def test_labelled_causes_without_marks_are_players_too():
    game = Game({SUB: member({"c1": (10.0, 2, 4)}, {"c1": (10.0, 2, 4)})}, [], causes=(UP,))
    assert owned(game).players == (UP,)
    near(shares(game), {UP: 0.0})


# From labels

AT = datetime(2026, 3, 1, 4, tzinfo=UTC)


def label(cause, *actors, ambiguous=False):
    return Label(cause.kind, cause.subject.upper(), cause.scope.upper(), list(actors), True, ambiguous)


def counts(weight, **controls):
    return Counts({name.upper(): Count(*value) for name, value in controls.items()}, weight)


def moved(cause, resource, was, now):
    return Moved(cause, "C1", resource.upper(), "key", was, now, AT)


LABELS = [label(UP, ALEX), label(NEW, Who("notRecorded"), ambiguous=True)]
MARKS = [moved(0, "vm-1", "Unhealthy", "Healthy"), moved(1, "vm-5", None, "Unhealthy")]
AROUND = [Around("C1", "VM-1", False, True), Around("C1", "VM-5", False, False)]
ENDS = counts(4.0, c1=(10.0, 2, 4)), counts(5.0, c1=(10.0, 3, 5))
OF_SUB = Movement(SUB.upper(), 0, LABELS, MARKS, AROUND, *ENDS)


def small_chain(*movements):
    return Chain(1, [{}, {}], [KEY[2], KEY[3]], [], list(movements))


def test_a_movement_of_a_subscription_becomes_a_game_in_lower_case():
    game = game_of(OF_SUB)
    assert (game.members, game.single, game.causes) == (two_causes().members, True, (UP, NEW))
    assert [(one.cause, one.cell, one.was, one.now) for one in game.flips] == [
        (one.cause, one.cell, one.was, one.now) for one in two_causes().flips
    ]
    assert game.rest[Cell(SUB, "c1", "vm-1")] == frozenset({"Healthy"})
    near(shares(game), shares(two_causes()))


def test_a_movement_of_the_tenant_becomes_a_game_of_its_members():
    came = Cause("subscription_added", OTHER, OTHER)
    members = [
        Both(SUB, *ENDS),
        Both(OTHER, None, counts(5.0, c1=(10.0, 5, 5))),
        Both("sub-3", None, None),
    ]
    game = game_of(Movement("all", 0, [*LABELS, label(came, ALEX)], MARKS, AROUND, members=members))
    assert (sorted(game.members), game.single) == ([SUB, OTHER], False)
    found = shares(game)
    assert found.keys() == {UP, NEW, came}
    assert fsum(found.values()) == pytest.approx(80.0 - 50.0)


def test_a_truth_knows_who_did_it_and_what_nobody_can_tell():
    chain = small_chain(OF_SUB)
    found = truth_of(chain, OF_SUB, game_of(OF_SUB))
    assert (found.key, found.movement) == (KEY, pytest.approx(10.0))
    assert (found.actors[UP], found.ambiguous) == ([ALEX], {NEW})


def test_a_chain_is_measured_by_every_rule_and_by_a_tools_answers():
    up = 100 * log(5 / 4)
    found = measured(small_chain(OF_SUB), lambda _: [answer(guess(UP, up, said(ALEX)), guess(NEW, 10 - up))])
    assert (found.movements, found.causes, found.scores.macro_f1, found.scores.actors["named"]) == (1, 2, 1.0, 1)
    assert max(found.rules[PRODUCT].shares) < 1e-9
    assert found.rules["one change at a time"].gaps == [pytest.approx(5.0)]
    total = Measured()
    total.join(found)
    total.join(found)
    assert (total.movements, len(total.rules[PRODUCT].gaps)) == (2, 2)


def test_the_tables_say_what_was_measured():
    found = of_run(measured(small_chain(OF_SUB), lambda _: [answer(guess(UP, 22.0))]))
    assert "| macro F1 over the kinds of causes | 0.5000 |" in found
    assert "| `resource_added` | 1 | – | 0.000 | 0.000 |" in found
    assert "| one change at a time | 1 | " in found
    assert all(line.count("|") > 2 for line in found.splitlines() if line.startswith("|"))


# The set on disk


def test_another_tools_predictions_are_scored_from_disk(tmp_path, capsys, monkeypatch):
    write(small_chain_on_disk(), tmp_path / "set" / "chain-0001")
    file = tmp_path / "p.jsonl"
    file.write_bytes(msgspec.json.encode(answer(guess(UP, 22.0))))
    monkeypatch.setattr("sys.argv", ["labelled", "score", str(tmp_path / "set"), str(file)])
    assert main() == 0
    assert "| macro F1 over the kinds of causes | 0.5000 |" in capsys.readouterr().out
    file.write_bytes(msgspec.json.encode(answer(key=("chain-0002", *KEY[1:]))))
    assert main() == 2
    assert capsys.readouterr().err == "the set has no chain chain-0002\n"


def test_a_folder_without_chains_is_an_error(tmp_path):
    with pytest.raises(PredictionError, match=r"holds no chain"):
        score(tmp_path, tmp_path / "p.jsonl")


def forty(seed):
    return 40, seed


def test_chains_are_made_until_they_have_enough_movements():
    assert list(of_seeds(forty, 3, 200)) == list(range(3, 11))  # whole batches of four


def test_a_written_set_is_whole(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["labelled", "write", str(tmp_path), "--movements", "1"])
    assert main() == 0
    chains = [read_chain(path) for path in sorted(tmp_path.iterdir())]
    assert [one.name for one in chains] == [path.name for path in sorted(tmp_path.iterdir())]
    said = f"{sum(len(one.movements) for one in chains)} movements of {len(chains)} chains in {tmp_path}"
    assert capsys.readouterr().out.strip() == said


def test_the_labels_of_a_generated_chain_account_for_every_count():
    chain = generate(1)
    for truth, movement in zip(truths(chain), chain.movements, strict=True):
        assert [cause for cause in truth.shares if cause.kind == "unexplained"] == []
        assert len(truth.actors) == len(movement.causes)


def small_chain_on_disk():
    folders = [{"snapshot.json": {"takenAt": at.isoformat()}} for at in (KEY[2], KEY[3])]
    return Chain(1, folders, [KEY[2], KEY[3]], [], [OF_SUB])

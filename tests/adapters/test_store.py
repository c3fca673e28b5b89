"""The store's contract, on the real services: Azurite's tables and blobs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drift.actors import Happening
from drift.adapters.entities import INLINE, Head, Row, Waiting
from drift.adapters.storage import Storage
from drift.adapters.store import ConflictError, Store
from drift.errors import ServiceError
from drift.kinds import Kind
from drift.model import DAY, HOUR
from drift.retention import Retention
from drift.settings import Connection

SUB = "00000000-0000-0000-0000-00000000000a"
T0 = 17_700_000_000_000_000


@pytest.fixture
def store(storage: str) -> Store:
    return Store(Storage(Connection("AzureWebJobsStorage", string=storage)))


def head(at: int = T0, scope: str = SUB, **more: object) -> Head:
    return Head(scope, "sub-prod", at, at, f"heads/{scope}/0-x", **more)


def row(at: int = T0, movement: float | None = 1.0, scope: str = SUB, **more: object) -> Row:
    own = {"since": at - HOUR, "own_work": 0.5, "maximum": 40.0, "weight": 67.0, "blob": "b", "told": {"a": [1]}}
    return Row(**{"scope": scope, "at": at, "movement": movement} | own | more)


def filled(store: Store, number: int, **more: object) -> list[int]:
    """A chain with so many movements, an hour apart; their ticks."""
    known = None
    ticks = [T0 + HOUR * at for at in range(number)]
    for at in ticks:
        store.commit(head(at), known, row(at, **more), None)
        known = store.head(SUB)
    return ticks


def test_a_chain_that_has_not_begun_has_no_head(store):
    assert store.head(SUB) is None
    assert store.chains() == {}


def test_a_commit_is_read_back_as_it_was_written(store):
    wanted = row(kinds=frozenset({Kind.REMEDIATION}), body=b"\x00\xff")
    store.commit(head(own_work=0.25), None, wanted, Waiting(SUB, T0, frozenset({"teams", "topic"}), 7))
    found = store.head(SUB)
    assert found is not None
    assert replace(found, etag="") == head(own_work=0.25)
    assert store.movement(SUB, T0) == replace(wanted, kinds=frozenset())
    (waiting,) = store.waiting(SUB)
    assert (waiting.at, waiting.destinations, waiting.written) == (T0, {"teams", "topic"}, 7)


def test_who_loses_a_race_is_told_and_leaves_nothing(store):
    store.commit(head(), None, row(), None)
    known = store.head(SUB)
    store.commit(head(T0 + 1), known, row(T0 + 1), None)
    with pytest.raises(ConflictError):
        store.commit(head(T0 + 2), known, row(T0 + 2), Waiting(SUB, T0 + 2, frozenset({"teams"}), 0))
    assert store.movement(SUB, T0 + 2) is None
    assert store.waiting(SUB) == []
    assert store.head(SUB).at == T0 + 1


def test_a_chain_begins_once(store):
    store.commit(head(), None, row(), None)
    with pytest.raises(ConflictError):
        store.commit(head(T0 + 1), None, row(T0 + 1), None)


def test_a_movement_is_stored_with_its_head_or_not_at_all(store):
    store.commit(head(), None, row(), None)
    with pytest.raises(ConflictError):
        store.commit(head(T0 + 5), store.head(SUB), row(T0), None)  # that delta is there already
    assert store.head(SUB).at == T0


def test_movements_come_newest_first_and_a_page_at_a_time(store):
    ticks = filled(store, 7)
    seen, after = [], None
    while True:
        page = store.movements(SUB, limit=3, after=after)
        seen += [one.at for one in page.items]
        after = page.after
        if after is None:
            break
        assert len(page.items) == 3
    assert seen == ticks[::-1]


def test_a_window_has_what_ends_in_it(store):
    ticks = filled(store, 5)
    assert [one.at for one in store.movements(SUB, ticks[1], ticks[3]).items] == [ticks[3], ticks[2]]
    assert [one.at for one in store.between(SUB, ticks[1], ticks[3])] == [ticks[2], ticks[3]]
    assert store.standing(SUB, ticks[2] + 1).at == ticks[2]
    assert store.standing(SUB, ticks[0] - 1) is None


def test_movements_can_be_asked_for_by_kind_and_by_size(store):
    for at, movement, kind in ((1, 0.1, Kind.REMEDIATION), (2, -2.0, Kind.REGRESSION), (3, None, Kind.REMEDIATION)):
        known = store.head(SUB)
        store.commit(head(T0 + at), known, row(T0 + at, movement, kinds=frozenset({kind})), None)
    assert [one.movement for one in store.movements(SUB, kind=Kind.REGRESSION).items] == [-2.0]
    assert [one.movement for one in store.movements(SUB, least=0.5).items] == [None, -2.0]


def test_the_first_row_of_a_chain_is_no_movement(store):
    store.commit(head(), None, row(since=None), None)
    assert store.movements(SUB).items == []
    assert store.standing(SUB, T0).at == T0


@pytest.mark.parametrize("scope", ["prod", "a-b_c", "eu-1"])
def test_groups_have_chains_of_their_own(store, scope):
    store.commit(head(scope=scope), None, row(scope=scope), None)
    store.index(head(scope=scope), T0)
    assert list(store.chains(group=True)) == [scope]
    assert store.chains() == {}
    assert store.movement(scope, T0).id == f"{scope}.{T0}"


def test_an_index_says_where_a_chain_stands_and_when_it_was_looked_at(store):
    store.index(head(), T0 + 5)
    store.index(head(), T0 + 9)
    assert (store.looked(SUB).at, store.looked(SUB).looked_at) == (T0, T0 + 9)


def test_a_row_goes_when_all_destinations_have_it(store):
    store.commit(head(), None, row(), Waiting(SUB, T0, frozenset({"teams", "topic"}), 7))
    (one,) = store.waiting(SUB)
    left = store.told(one, "teams")
    assert [left] == store.waiting(SUB)
    assert left.destinations == {"topic"}
    assert store.told(left, "teams") == left  # told again after a kill: nothing to do
    assert store.told(left, "topic") is None
    assert store.waiting(SUB) == []
    assert store.told(left, "topic") is None


def test_two_sweeps_that_tell_two_destinations_of_one_movement_do_not_undo_each_other(store):
    store.commit(head(), None, row(), Waiting(SUB, T0, frozenset({"digest", "topic"}), 7))
    (one,) = store.waiting(SUB)  # as both read it
    assert store.told(one, "topic").destinations == {"digest"}
    assert store.told(one, "digest") is None
    assert store.waiting(SUB) == []


def test_a_mark_that_was_renewed_is_not_taken_away(store):
    store.expect(SUB, T0, digest=False)
    (mark,) = store.due()
    store.expect(SUB, T0 + 1, digest=True)
    store.settle(mark)
    (newer,) = store.due()
    assert newer.at == T0 + 1
    store.settle(newer)
    assert store.due() == []
    assert [one.at for one in store.due(digest=True)] == [T0 + 1]


def test_notes_are_kept_by_kind_and_key(store):
    assert store.note("sending", "teams") is None
    store.remember("sending", "teams", {"rows": [["a", 1]] * 2000})
    store.remember("wake", "teams", {"until": 3})
    assert len(store.note("sending", "teams")["rows"]) == 2000
    store.forget("sending", "teams")
    store.forget("sending", "teams")
    assert store.note("sending", "teams") is None
    assert store.note("wake", "teams") == {"until": 3}


def test_two_thousand_names_of_movements_fit_into_a_note(store):
    from uuid import UUID

    from drift.telling import MOST

    rows = [[str(UUID(int=0xDEADBEEF**4 * (at + 7) % 2**128)), T0 + at * 7919] for at in range(MOST)]
    store.remember("sending", "teams", {"id": "x" * 32, "rows": rows})
    assert store.note("sending", "teams")["rows"] == rows


def test_a_body_that_is_too_large_for_an_entity_is_only_in_the_blob(store):
    store.commit(head(), None, row(body=b"x" * (INLINE + 1)), None)
    assert store.movement(SUB, T0).body is None


def change(key: str = "k", time: int = T0, sub: str = SUB) -> Happening:
    return Happening(
        id=f"id-{key}",
        source="/subscriptions/x",
        key=key,
        time=time,
        operation="Microsoft.Security/pricings/write",
        category="plan",
        action="write",
        succeeded=True,
        subscription=sub,
        subject="/subscriptions/x/providers/Microsoft.Security/pricings/VirtualMachines",
    )


def test_an_event_is_stored_once_however_often_it_comes(store):
    for _ in range(3):
        store.record(change())
    assert store.changes(SUB).items == [change()]
    assert store.changes("all").items == [change()]


def test_events_come_newest_first_within_a_window(store):
    for at in range(5):
        store.record(change(f"k{at}", T0 + at * HOUR))
    found = store.changes("all", T0, T0 + 3 * HOUR)
    assert [one.key for one in found.items] == ["k3", "k2", "k1"]
    page = store.changes(SUB, limit=2)
    assert [one.key for one in store.changes(SUB, limit=2, after=page.after).items] == ["k2", "k1"]


def retention(store: Store) -> Retention:
    return Retention(store, store._storage, 25, lambda: 0)


def test_old_movements_go_with_their_blobs_but_never_the_last(store):
    ticks = filled(store, 4)
    assert retention(store).movements(SUB, ticks[-1] + DAY) == 3
    assert [one.at for one in store.movements(SUB).items] == [ticks[-1]]


def test_blobs_that_nothing_refers_to_are_swept(store):
    kept = store.keep({"a": 1}, f"heads/{SUB}/0")
    store.commit(replace(head(), blob=kept), None, row(blob=store.keep([1], f"deltas/{SUB}/{T0}")), None)
    store.index(head(), T0)
    for folder in (f"heads/{SUB}/0", f"deltas/{SUB}/{T0}", f"deltas/{SUB}/{T0 + 7}"):
        store.keep("left by a killed worker", folder)
    assert retention(store).blobs(T0 * 2) == 0  # too old to be worth a look
    from datetime import UTC, datetime

    from drift.model import ticks as tick

    assert retention(store).blobs(tick(datetime.now(UTC)) + HOUR) == 3
    assert store.load(kept, dict) == {"a": 1}


def test_what_is_not_there_can_not_be_loaded(store):
    with pytest.raises(ServiceError, match="blob"):
        store.load("heads/none", dict)


def test_a_storage_account_that_does_not_answer_is_an_error_and_not_an_empty_store():
    gone = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;"
    gone += "".join(f"{name}Endpoint=http://127.0.0.1:9/a;" for name in ("Table", "Blob", "Queue"))
    store = Store(Storage(Connection("AzureWebJobsStorage", string=gone), tries=0))
    with pytest.raises(ServiceError, match="did not answer"):
        store.head(SUB)
    with pytest.raises(ServiceError, match="did not answer"):
        store.load("heads/x", dict)

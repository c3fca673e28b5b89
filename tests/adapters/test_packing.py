"""What was stored is read again, also by a version that knows more than the one that wrote it."""

from __future__ import annotations

import zlib
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import pytest

from drift.actors import NOT_RECORDED, NOTHING, PLATFORM, Actor, By, Evidence
from drift.adapters.packing import FORM, digest, pack, unpack
from drift.engine.compaction import compacted
from drift.engine.comparison import compare
from drift.engine.head import Head, begin
from drift.kinds import Kind
from drift.model import (
    NEVER,
    Assignment,
    Cause,
    Change,
    Connector,
    Context,
    Delta,
    Effects,
    Exemption,
    Grace,
    Inventory,
    Recommendation,
    Snapshot,
    no_effects,
)
from drift.names import Names
from tests.adapters.test_defender import from_folder, rich, told, with_all

LATER = {
    Recommendation: {"deprecated": NEVER, "assessed_by": ""},
    Connector: {"modified": NOTHING},
    Assignment: {"modified": NOTHING, "parameters": {}},
    Exemption: {"modified": NOTHING, "reason": ""},
    Inventory: {"written": None},
    Grace: {"owner": None},
    Context: {"switches": None, "versions": None, "dues": None},
    Change: {"by": (), "confidence": "inferred", "reason": ""},
    Delta: {"foretold": (), "foretold_effects": no_effects()},
    Evidence: dict.fromkeys(("actor_id", "address", "operation", "subject", "ip", "correlation")) | {"told": ""},
}
"""Fields that came later, with what they are where nothing was stored."""


@pytest.fixture
def snapshot(tmp_path) -> Snapshot:
    return from_folder(with_all(rich()), tmp_path)


def delta(snapshot: Snapshot) -> Delta:
    who = (By(Actor("user", "Ada", "id", "ada@contoso.example"), frozenset({"/vm1"})), By(PLATFORM), By(NOT_RECORDED))
    evidence = (
        Evidence("event", 5, "Ada", "User", "id", "ada@contoso.example", "x/write", "/vm1", "::1", "c", "told"),
    )
    change = Change(
        Cause(Kind.REMEDIATION, "a", "s"),
        came={"c": Fraction(1, 3)},
        evidence=evidence,
        by=who,
        confidence="confirmed",
        reason="seen",
    )
    place = begin(snapshot).at
    ones = np.ones(1)
    effects = Effects(np.zeros(1, np.int32), np.zeros(1, np.int32), ones, ones, ("c",))
    return Delta(place, place, (change,), foretold=(change,), foretold_effects=effects)


def test_a_head_is_read_as_it_was_written(snapshot):
    head = begin(snapshot)
    found = unpack(pack(head), Head)
    assert told(found.snapshot) == told(snapshot)
    assert found.at == head.at


def test_a_delta_is_read_as_it_was_written(snapshot):
    known = delta(snapshot)
    found = unpack(pack(known), Delta)
    assert found.foretold == found.changes == known.changes
    assert found.foretold_effects.healthy.tolist() == [1.0]
    assert digest(found) == digest(known)


def earlier(value: Any) -> Any:
    """What is stored, without the fields that came later."""
    if isinstance(value, dict):
        kinds = [later for kind, later in LATER.items() if value.keys() == {field.name for field in fields(kind)}]
        return {name: earlier(inner) for name, inner in value.items() if not any(name in later for later in kinds)}
    return [earlier(inner) for inner in value] if isinstance(value, list) else value


def stored_earlier(value: Any) -> bytes:
    plain = msgspec.msgpack.decode(zlib.decompress(pack(value)[1:]), strict=False)
    return FORM + zlib.compress(msgspec.msgpack.encode(earlier(plain)))


def without_later(value: Any) -> Any:
    """The value with the fields that came later as where nothing was stored."""
    return replace(value, **LATER[type(value)])


def test_a_head_that_an_earlier_version_stored_is_read_and_compared_with(snapshot, tmp_path):
    data = stored_earlier(begin(snapshot))
    assert len(data) < len(pack(begin(snapshot)))
    found = unpack(data, Head)
    context, known = found.snapshot.context, snapshot.context
    assert known.recommendations is not None
    assert context.recommendations == {place: without_later(one) for place, one in known.recommendations.items()}
    assert (context.switches, context.versions, context.dues) == (None, None, None)
    assert context.inventory is not None
    assert context.inventory.written is None
    assert {one.modified for one in (context.policy_exemptions or {}).values()} == {NOTHING}
    names = found.snapshot.resources, found.snapshot.recommendations
    again = from_folder(with_all(rich().but(hours=8)), tmp_path / "later", registers=names)
    head, moved = compare(found, again)
    assert moved.changes == moved.pending == ()
    assert head.snapshot.context.dues


def test_a_delta_that_an_earlier_version_stored_is_read(snapshot):
    known = delta(snapshot)
    found = unpack(stored_earlier(known), Delta)
    change = without_later(known.changes[0])
    assert found.changes == (replace(change, evidence=tuple(map(without_later, change.evidence))),)
    assert found.foretold == ()
    assert len(found.foretold_effects.change) == 0


def test_the_fields_that_came_later_are_fields():
    for kind, later in LATER.items():
        assert later.keys() <= {field.name for field in fields(kind)}


def test_a_compacted_head_keeps_what_is_told_of_its_resources(snapshot):
    assert told(compacted(begin(snapshot)).snapshot) == told(snapshot)


def test_a_compacted_head_drops_the_names_of_what_is_gone(tmp_path):
    resources = Names(f"/gone/{number}" for number in range(5))
    snapshot = from_folder(with_all(rich()), tmp_path, registers=(resources, Names()))
    found = compacted(begin(snapshot)).snapshot
    assert told(found) == told(snapshot)
    assert len(found.resources) == len(snapshot.resources) - 5
    assert found.context.dues != snapshot.context.dues

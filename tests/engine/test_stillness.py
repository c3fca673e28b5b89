"""Whether a subscription stands still does not depend on the order in which Azure lists it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from drift.adapters.packing import pack, unpack
from drift.engine.compaction import compacted
from drift.engine.comparison import compare
from drift.engine.head import Head, begin
from drift.engine.stillness import differs
from drift.importing import FolderSource
from drift.names import Names
from tests.build import SUB, Estate, Folder, at, estate, exemption, write

MARKS = {("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy", ("st1", "b"): "Healthy", ("kv1", "b"): "Exempt"}
LATER = {"vm1": {"tags": {"owner": "ada", "stage": "prod"}, "changedTime": at(1)}}
TAGS = {"vm1": {"tags": {"owner": "ada", "stage": "prod"}}, "vm2": {"tags": {"owner": "bob"}}, "st1": {"tags": {}}}


def before() -> Estate:
    return estate(
        controls={"c": (10, ["a"]), "d": (4, ["b", "a"])},
        marks=MARKS,
        resources=TAGS,
        plans={"FoundationalCspm": "Standard", "VirtualMachines": "Standard"},
        exemptions={"e": exemption("kv1", ("b",))},
        tags={"environment": "prod", "owner": "ada"},
    )


def backwards(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: backwards(content[name]) for name in reversed(content)}
    return [backwards(one) for one in reversed(content)] if isinstance(content, list) else content


@pytest.fixture
def look(tmp_path: Path):
    """Looks at three folders one after the other: whether the third differs from the second, as it lay in storage."""

    def looked(*folders: Folder) -> bool:
        head: Head | None = None
        known: Head | None = None
        for number, folder in enumerate(folders):
            source = FolderSource(write(folder, tmp_path / str(number)))
            subscription = source.subscription(SUB)
            assert subscription is not None
            known = unpack(pack(compacted(head)), Head) if head else None
            names = (known.snapshot.resources, known.snapshot.recommendations) if known else (Names(), Names())
            snapshot = source.snapshot(subscription, *names)
            head = compare(known, snapshot)[0] if known else begin(snapshot)
        assert head is not None
        assert known is not None
        return differs(known, head)

    return looked


def test_what_is_read_again_is_the_same(look):
    folder = before()
    assert not look(folder, folder.but(hours=1), folder.but(hours=2))


def test_what_is_listed_the_other_way_round_is_the_same(look):
    folder = before()
    turned = {
        name: content if name == "management-groups.json" else backwards(content)
        for name, content in folder.but(hours=2).items()
    }
    assert turned != folder.but(hours=2)
    assert not look(folder, folder.but(hours=1), turned)


def test_a_write_on_a_resource_that_changed_nothing_else_is_not_kept(look):
    folder = before()
    assert not look(folder, folder.but(hours=1), folder.but(hours=2, resources=LATER))


@pytest.mark.parametrize(
    "change",
    [
        {"resources": {"vm2": {"tags": {"owner": "eve"}}}},
        {"resources": {"vm9": {}}},
        {"plans": {"VirtualMachines": "Free"}},
        {"exemptions": {"e": None}},
        {"exemptions": {"f": exemption("st1", ("b",))}},
        {"tags": {"environment": "dev"}},
        {"ancestors": ["contoso"]},
        {"connectors": {"conn": {}}},
        {"governance": {("vm1", "a"): {"due": at(900), "grace": False}}},
        {"switches": {"a": "aEffect"}},
        {"version": "57.56.0"},
        {"recommendations": {"a": {"description": "Told otherwise"}}},
        {"assignments": {"SecurityCenterBuiltIn": {"parameters": {"aEffect": "Disabled"}}}},
    ],
    ids=lambda change: " ".join(f"{name}:{','.join(map(str, value))}" for name, value in change.items()),
)
def test_what_surrounds_the_marks_and_changed_is_kept(look, change):
    folder = before()
    assert look(folder, folder.but(hours=1), folder.but(hours=2, **change))

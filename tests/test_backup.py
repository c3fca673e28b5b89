"""The history to a folder and back, on a real store."""

from __future__ import annotations

import ast
import gzip
import json
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from drift.adapters import backup
from drift.adapters.storage import CONTAINER, TABLES, Storage
from drift.adapters.store import Store
from drift.errors import EvidenceError, ServiceError
from drift.settings import Connection
from tests.build import estate, guid, tenant
from tests.test_commands import drift
from tests.test_pipeline import CONTROLS, MARKS
from tests.watched import KilledError, Watch, Watched

ADAPTERS = Path(backup.__file__).parent


def story(*, back: bool = False) -> list:
    """Two subscriptions, and in one of them a finding that is fixed; or what comes after: it is back."""
    first = estate(controls=CONTROLS, marks=MARKS)
    second = first.but(marks={("vm1", "a"): "Healthy"})
    own = [second.but(marks={("vm1", "a"): "Unhealthy"})] if back else [first, second]
    beside = [estate(subscription=guid("other"), controls=CONTROLS, marks=MARKS).but(hours=at * 8) for at in range(3)]
    return [tenant(*both) for both in zip(own, beside[2:] if back else beside[:2], strict=True)]


def silent(*_: object) -> None:
    """Nobody watches the progress."""


def account(connection: str) -> Storage:
    return Storage(Connection("AzureWebJobsStorage", string=connection))


@pytest.fixture
def other(azurite, unused_accounts) -> str:
    """The connection string of a second empty account."""
    return azurite.connection_string(next(unused_accounts))


@pytest.fixture
def watch(storage, tmp_path) -> Watch:
    """A monitor that has seen a movement, of which nothing was told yet."""
    found = Watch(storage, tmp_path / "seen")
    for one in story():
        found.see(one)
    return found


def contents(storage: Storage) -> dict[str, list[str]]:
    """All entities, and all blobs, as text that can be compared."""
    found = {
        table: [repr(sorted(one.items())) for one in storage.query(table, "PartitionKey ge @p", {"p": ""}, 1000)]
        for table in TABLES
    }
    named = sorted(name for name, _ in storage.names())
    return found | {CONTAINER: [f"{name} {storage.download(name).hex()}" for name in named]}


def test_a_restored_store_is_what_was_backed_up_and_goes_on(watch, other, tmp_path):
    told = backup.write(tmp_path / "copy", watch.storage, silent)
    again = backup.restore(tmp_path / "copy", account(other), silent)
    assert again == told
    assert contents(account(other)) == contents(watch.storage)
    assert all(contents(watch.storage)[table] for table in ("drift", "driftindex", CONTAINER))
    later = Watch(other, tmp_path / "later")
    later.time = watch.time
    later.see(story(back=True)[0])
    assert len(later.rows("all")) == len(watch.rows("all")) + 1
    assert later.explained("all")["movement"] == pytest.approx(0, abs=1e-9)
    later.teller.announce()
    assert {movement for movement, _ in later.topic.events} >= {row.id for row in watch.rows("all")}


def test_the_commands_copy_the_store_of_the_settings(watch, other, tmp_path):
    done = drift("backup", tmp_path / "copy", AzureWebJobsStorage=watch.settings.storage.string)
    assert (done.returncode, done.stderr) == (0, "")
    assert "rows and" in done.stdout
    done = drift("restore", tmp_path / "copy", AzureWebJobsStorage=other)
    assert (done.returncode, done.stderr) == (0, "")
    assert contents(account(other)) == contents(watch.storage)
    with pytest.raises(EvidenceError, match="the store is not empty"):
        backup.restore(tmp_path / "copy", account(other), silent)


def test_a_restore_that_was_killed_at_any_write_is_finished_by_another(
    watch, azurite, unused_accounts, tmp_path, monkeypatch
):
    monkeypatch.setattr(backup, "AT_ONCE", 1)
    backup.write(tmp_path / "copy", watch.storage, silent)
    for number in count(2, 7):  # every seventh
        fresh = Watched(Connection("AzureWebJobsStorage", string=azurite.connection_string(next(unused_accounts))))
        fresh.die_at, fresh.after = number, number % 2 == 0  # whether the write went through
        try:
            backup.restore(tmp_path / "copy", fresh, silent)
            break
        except KilledError:
            fresh.die_at = None
        if backup.MARK in {name for name, _ in fresh.names()} or not fresh.after:
            backup.restore(tmp_path / "copy", fresh, silent)
        assert contents(fresh) == contents(watch.storage)
    assert number > 12


def test_a_half_restored_store_takes_no_other_backup(watch, other, tmp_path):
    backup.write(tmp_path / "one", watch.storage, silent)
    watch.see(story(back=True)[0])
    backup.write(tmp_path / "two", watch.storage, silent)
    half = Watched(Connection("AzureWebJobsStorage", string=other))
    half.die_at = 4
    with pytest.raises(KilledError):
        backup.restore(tmp_path / "one", half, silent)
    with pytest.raises(EvidenceError, match="not empty"):
        backup.restore(tmp_path / "two", account(other), silent)


class Moving(Storage):
    """A store in which a chain moves while it is read: at the last download of the first round."""

    def __init__(self, connection: Connection, at: int, move: Callable[[], None]) -> None:
        super().__init__(connection)
        self.at, self.move = at, move
        self.downloads: Counter[str] = Counter()

    def download(self, name: str) -> bytes:
        found = super().download(name)
        self.downloads[name] += 1
        if self.downloads.total() == self.at:
            self.move()
        return found


def test_a_chain_that_moves_meanwhile_is_read_again_and_the_rest_is_not(watch, storage, tmp_path, monkeypatch):
    monkeypatch.setattr(backup, "AT_ONCE", 1)
    number = len(contents(watch.storage)[CONTAINER])
    connection = Connection("AzureWebJobsStorage", string=storage)
    moving = Moving(connection, number, lambda: watch.see(story(back=True)[0]))
    told = backup.write(tmp_path / "copy", moving, silent)
    assert {one.blob for one in watch.rows("all")} <= set(told.blobs)
    assert len(told.blobs) > number - 4
    blobs = tmp_path / "copy" / "blobs"
    assert {path.relative_to(blobs).as_posix() for path in blobs.rglob("*") if path.is_file()} == set(told.blobs)
    assert set(moving.downloads) > set(told.blobs)
    assert set(moving.downloads.values()) == {1}


class Busy(Storage):
    """A store to which somebody else writes while it is restored."""

    def transact(self, table: str, operations: Sequence[tuple[Any, ...]]) -> bool:
        self.put(table, {"PartitionKey": "somebody", "RowKey": "else"})
        return super().transact(table, operations)


def test_a_store_that_somebody_writes_to_is_not_told_to_be_restored(watch, other, tmp_path):
    backup.write(tmp_path / "copy", watch.storage, silent)
    with pytest.raises(ServiceError, match="something else writes to it"):
        backup.restore(tmp_path / "copy", Busy(Connection("AzureWebJobsStorage", string=other)), silent)


def test_a_store_that_never_rests_is_told_and_the_folder_stays_usable(watch, storage, tmp_path, monkeypatch):
    ticks = count()
    monkeypatch.setattr(backup, "_heads", lambda store: {"all": (next(ticks), "")})
    with pytest.raises(ServiceError, match="stop the function app"):
        backup.write(tmp_path / "copy", account(storage), silent)
    monkeypatch.undo()
    with pytest.raises(EvidenceError, match=r"no backup\.json"):
        backup.read(tmp_path / "copy")
    backup.write(tmp_path / "copy", account(storage), silent)
    backup.read(tmp_path / "copy")


@pytest.fixture(scope="module")
def copied(azurite, unused_accounts, tmp_path_factory) -> dict[str, bytes]:
    """The files of a backup."""
    root = tmp_path_factory.mktemp("copied")
    seen = Watch(azurite.connection_string(next(unused_accounts)), root / "seen")
    for one in story():
        seen.see(one)
    backup.write(root / "copy", seen.storage, silent)
    return {
        path.relative_to(root / "copy").as_posix(): path.read_bytes()
        for path in (root / "copy").rglob("*")
        if path.is_file()
    }


def cut(files: dict) -> None:
    files["tables/drift.jsonl.gz"] = files["tables/drift.jsonl.gz"][:-20]


def changed(files: dict) -> None:
    lines = gzip.decompress(files["tables/drift.jsonl.gz"]).replace(b"d", b"e", 1)
    files["tables/drift.jsonl.gz"] = gzip.compress(lines)


def turned(files: dict) -> None:
    name = next(name for name in files if name.startswith("blobs/deltas/"))
    files[name] = bytes([files[name][0] ^ 1]) + files[name][1:]


def told(**more) -> object:
    def change(files: dict) -> None:
        files["backup.json"] = json.dumps(json.loads(files["backup.json"]) | more).encode()

    return change


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut, r"drift\.jsonl\.gz: is not whole"),
        (changed, r"drift\.jsonl\.gz: is not what was written"),
        (turned, r"blobs/deltas/.*: is missing, or not what was written"),
        (lambda files: files.pop("tables/driftindex.jsonl.gz"), r"driftindex\.jsonl\.gz: is missing"),
        (lambda files: files.pop("backup.json"), "holds no whole backup"),
        (lambda files: files.update({"backup.json": b"{"}), r"backup\.json: "),
        (told(form=2), "is of form 2"),
        (told(blobs={"../../etc/passwd": ""}), "is no name of a blob of ours"),
        (told(tables={"others": [0, ""]}), "a table that is not ours: others"),
    ],
)
def test_a_damaged_backup_is_found_before_anything_is_restored(damage, said, copied, storage, tmp_path):
    files = dict(copied)
    damage(files)
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    with pytest.raises(EvidenceError, match=said):
        backup.restore(tmp_path, account(storage), silent)
    assert not any(contents(account(storage)).values())


def test_a_backup_is_written_over_nothing(storage, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(EvidenceError, match="is not empty"):
        backup.write(tmp_path, account(storage), silent)
    (tmp_path / "mine.txt").rename(tmp_path / "backup.json")
    with pytest.raises(EvidenceError, match="holds a backup already"):
        backup.write(tmp_path, account(storage), silent)


def test_what_the_app_writes_is_in_a_table_that_is_copied():
    called = ("get", "query", "put", "replace", "delete", "transact")
    for path in [*ADAPTERS.glob("*.py"), *ADAPTERS.parent.glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr=name), args=[ast.Constant(value=str(table)), _, *_]):
                    assert name not in called or not table.startswith("drift") or table in TABLES, f"{path}: {table}"


def test_a_restored_store_has_no_mark_left(watch, other, tmp_path):
    backup.write(tmp_path / "copy", watch.storage, silent)
    backup.restore(tmp_path / "copy", account(other), silent)
    assert backup.MARK not in {name for name, _ in account(other).names()}
    assert set(Store(account(other)).chains()) == set(watch.store.chains())

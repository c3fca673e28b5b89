"""The history to a folder and back: every table and every blob that they refer to. What waits in queues is not history.

A backup is a folder:

    backup.json          what is in it, with a digest of everything; written last, so that half a backup has none
    tables/NAME.jsonl.gz the entities of a table, one a line, in order of their keys
    blobs/NAME           the blobs

It is of one moment: no chain moved while the tables were read. Blobs never change under their name (but the few that
`ledger.py` writes over), so what was read before a chain moved need not be read again, nor what an interrupted backup
has read. Raises EvidenceError where a folder can't be used, ServiceError where storage does not answer.
"""

from __future__ import annotations

import gzip
import re
import tempfile
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import msgspec

from drift.adapters.entities import long
from drift.adapters.storage import TABLES, Storage
from drift.adapters.store import Store
from drift.errors import EvidenceError, ServiceError
from drift.model import Json

FORM = 1
"""The form of what is written now. A reader of a later form must still read this one."""

ROUNDS = 5
AT_ONCE = 8  # blobs; each is some MB at the most

BATCH, BATCH_BYTES = 100, 2 << 20
"""Entities in a transaction and about their bytes, at the most: the service takes 4 MiB, encoded."""

MARK = "restoring/all/0"
"""The blob that tells which backup is about to be restored; it goes when all of it is there."""

_BLOB = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)+")

type Step = Callable[[int, int, str], None]
"""Told how many blobs of how many are done."""


class Backup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What backup.json says: lines and digest of each table, the digest of each blob. Digests are SHA-256, of a table
    that of its lines with their ends.
    """

    form: int
    tables: dict[str, tuple[int, str]]
    blobs: dict[str, str]


# Writing


def write(folder: Path, storage: Storage, step: Step) -> Backup:
    """Writes all that is kept to a folder: a new one, or one in which a backup was interrupted."""
    if (folder / "backup.json").exists():
        raise EvidenceError(f"{folder}: holds a backup already")
    if folder.exists() and {path.name for path in folder.iterdir()} - {"tables", "blobs"}:
        raise EvidenceError(f"{folder}: is not empty, and holds no interrupted backup")
    for inner in ("tables", "blobs"):
        (folder / inner).mkdir(parents=True, exist_ok=True)
    found = _of_one_moment(folder, storage, step)
    _drop_others(folder / "blobs", found.blobs)
    _put(folder / "backup.json", msgspec.json.format(msgspec.json.encode(found), indent=1))
    return found


def _of_one_moment(folder: Path, storage: Storage, step: Step) -> Backup:
    store = Store(storage)
    for _ in range(ROUNDS):
        before = _heads(store)
        try:
            named: set[str] = set()
            tables = {table: _write_table(folder, storage, table, named) for table in TABLES}
            blobs = _fetch(folder / "blobs", storage, sorted(named), step)
        except ServiceError:
            if _heads(store) == before:
                raise
            continue  # a blob that went because its chain moved on
        if _heads(store) == before:
            return Backup(FORM, tables, blobs)
    raise ServiceError(
        f"the history moved each of {ROUNDS} times that it was read: stop the function app, and go on with this folder"
    )


def _heads(store: Store) -> dict[str, tuple[int, str]]:
    """Where every chain stands."""
    scopes = [scope for group in (False, True) for scope in store.chains(group)]
    return {scope: (head.at, head.blob) for scope in scopes if (head := store.head(scope)) is not None}


def _write_table(folder: Path, storage: Storage, table: str, named: set[str]) -> tuple[int, str]:
    """Its lines and their digest; the blobs that its entities name are added to `named`."""
    count, digest, path = 0, sha256(), folder / "tables" / f"{table}.jsonl.gz"
    with gzip.GzipFile(path, "wb", compresslevel=1, mtime=0) as file:  # bodies are compressed already
        for entity in _entities(storage, table):
            if "blob" in entity:
                named.add(_checked(entity["blob"], table))
            line = msgspec.json.encode(_plain(entity)) + b"\n"
            file.write(line)
            digest.update(line)
            count += 1
    return count, digest.hexdigest()


def _entities(storage: Storage, table: str) -> Iterator[Any]:
    return storage.query(table, "PartitionKey ge @low", {"low": ""}, 1000)


def _fetch(folder: Path, storage: Storage, names: list[str], step: Step) -> dict[str, str]:
    """Brings blobs that are not there yet, or may have changed; the digests of all."""

    def one(name: str) -> str:
        path = folder / name
        if not path.exists() or not name.startswith(("heads/", "deltas/")):
            path.parent.mkdir(parents=True, exist_ok=True)
            _put(path, storage.download(name))
        return _digest(path)

    found: dict[str, str] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for done, (name, digest) in enumerate(zip(names, pool.map(one, names), strict=True)):
                found[name] = digest
                step(done + 1, len(names), name)
        finally:
            pool.shutdown(cancel_futures=True)
    return found


def _drop_others(folder: Path, wanted: Iterable[str]) -> None:
    """Removes what an earlier round read of chains that have moved on since."""
    keep = {folder / name for name in wanted}
    for path in [path for path in folder.rglob("*") if path.is_file() and path not in keep]:
        path.unlink()


def _put(path: Path, data: bytes) -> None:
    """A file appears whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as part:
        part.write(data)
    Path(part.name).replace(path)


# Reading


def read(folder: Path) -> Backup:
    """What a folder holds, every table and blob compared with its digest. Raises EvidenceError."""
    try:
        found = msgspec.json.decode((folder / "backup.json").read_bytes(), type=Backup)
    except FileNotFoundError:
        raise EvidenceError(f"{folder}: has no backup.json, so it holds no whole backup") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EvidenceError(f"{folder / 'backup.json'}: {error}") from error
    if found.form != FORM:
        raise EvidenceError(f"{folder / 'backup.json'}: is of form {found.form}, and this version reads {FORM}")
    if unknown := set(found.tables) - set(TABLES):
        raise EvidenceError(f"{folder / 'backup.json'}: tells of a table that is not ours: {min(unknown)}")
    for table, told in found.tables.items():
        path = _table(folder, table)
        count, digest = 0, sha256()
        for line in _lines(path):
            count += 1
            digest.update(line)
        if (count, digest.hexdigest()) != told:
            raise EvidenceError(f"{path}: is not what was written")
    for name, told_digest in found.blobs.items():
        path = folder / "blobs" / _checked(name, "backup.json")
        if not path.is_file() or _digest(path) != told_digest:
            raise EvidenceError(f"{path}: is missing, or not what was written")
    return found


def restore(folder: Path, storage: Storage, step: Step) -> Backup:
    """Puts a backup into an empty store, or goes on where that was interrupted; reads the tables again at the end."""
    found = read(folder)
    name = _digest(folder / "backup.json").encode()
    begun = _begun(storage)
    if begun is None:
        storage.upload(MARK, name)
    elif begun != name:
        raise EvidenceError("the store is not empty: a backup is restored into an empty one only")

    def upload(blob: str) -> None:
        storage.upload(blob, (folder / "blobs" / blob).read_bytes())

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done, (blob, _) in enumerate(zip(found.blobs, pool.map(upload, found.blobs), strict=True)):
            step(done + 1, len(found.blobs), blob)
    for table in found.tables:
        _restore_table(_table(folder, table), storage, table)
        again = sha256()
        for entity in _entities(storage, table):
            again.update(msgspec.json.encode(_plain(entity)) + b"\n")
        if again.hexdigest() != found.tables[table][1]:
            raise ServiceError(f"table {table} is not as it was: something else writes to it. Stop the function app")
    storage.remove(MARK)
    return found


def _begun(storage: Storage) -> bytes | None:
    """The digest of the backup that is half restored, b"" for a store with a history, None for an empty one."""
    names = [name for name, _ in storage.names()]
    if MARK in names:
        return storage.download(MARK)
    return b"" if names or any(next(_entities(storage, table), None) for table in TABLES) else None


def _restore_table(path: Path, storage: Storage, table: str) -> None:
    """Over what is there: doing it again changes nothing."""
    some: list[tuple[str, Json]] = []
    size = 0
    for line in _lines(path):
        entity = {name: _rich(value) for name, value in msgspec.json.decode(line).items()}
        full = len(some) == BATCH or size + len(line) > BATCH_BYTES
        if some and (full or some[0][1]["PartitionKey"] != entity["PartitionKey"]):
            storage.transact(table, some)
            some, size = [], 0
        some.append(("upsert", entity))
        size += len(line)
    if some:
        storage.transact(table, some)


def _table(folder: Path, table: str) -> Path:
    return folder / "tables" / f"{table}.jsonl.gz"


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) as file:
            yield from file
    except FileNotFoundError:
        raise EvidenceError(f"{path}: is missing") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise EvidenceError(f"{path}: is not whole: {error}") from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _checked(name: Any, where: str) -> str:
    """A blob's name as this app makes them: nothing that could leave the folder."""
    if not isinstance(name, str) or not _BLOB.fullmatch(name):
        raise EvidenceError(f"{where}: {str(name)[:80]!r} is no name of a blob of ours")
    return name


# Properties


def _plain(entity: Any) -> Json:
    """An entity as JSON: what JSON has no type for is an object that names it."""
    return {name: _written(value) for name, value in sorted(entity.items())}


def _written(value: Any) -> Any:
    match value:
        case str() | bool() | int() | float():
            return value
        case bytes():
            return {"bytes": b64encode(value).decode()}
        case datetime():
            return {"time": value.isoformat()}
    if getattr(getattr(value, "edm_type", None), "value", "") == "Edm.Int64":
        return {"long": str(value.value)}
    raise ServiceError(f"a table holds a {type(value).__name__}, which this app does not write")


def _rich(value: Any) -> Any:
    match value:
        case {"bytes": str(text)}:
            return b64decode(text)
        case {"time": str(text)}:
            return datetime.fromisoformat(text)
        case {"long": str(text)}:
            return long(int(text))
    return value

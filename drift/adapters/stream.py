"""Large list answers, read in blocks of whole rows.

A file of a million assessments is never whole in memory, neither as bytes nor as rows: it is cut at row boundaries
into blocks of a megabyte, and each block is decoded into typed rows and dropped before the next.

Where to cut is found without a parser of our own. A cut is tried where one row seems to end and another to begin
(`}`, a comma, and the bytes with which the first row of the file begins). The block up to there, in brackets, is then
valid JSON only if the cut was right: inside a nested value or a string, brackets or quotes would be left open.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Buffer, Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

import msgspec

from drift.errors import EvidenceError

BLOCK = 1 << 20
"""Bytes decoded at a time: large enough that its overhead is nothing, small enough to stay near the cache."""

_TRIES = 4
"""Places where a cut is tried before the rest is read whole: with rows that look alike the first is right."""

_NEAR = 8192
"""Bytes at the end of a block in which a row most likely ends: to look through all of it for each cut takes long."""

_OPENING = re.compile(rb'\s*(?:\{\s*"value"\s*:\s*)?(\[\s*)')
_ROW = re.compile(rb'\{\s*"[^"]*"')


class _Envelope(msgspec.Struct):
    value: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    next_link: str | None = msgspec.field(name="nextLink", default=None)


_ENVELOPE = msgspec.json.Decoder(_Envelope)


type Blocks[Row] = Iterator[list[Row]]


def rows[Row](path: Path, shapes: tuple[type[Row], ...]) -> Blocks[Row]:
    """The rows of a list answer, in blocks, each decoded as the first of the shapes that fits all its rows.

    The file is a bare list or an object with `value`. Raises EvidenceError for anything else: no list, an error body,
    a page that has a next one, a row that fits no shape, a file that is cut short, not text, or can't be read.
    """
    decoders = [msgspec.json.Decoder(list[shape]) for shape in shapes]  # type: ignore[valid-type]

    def decode(block: Buffer) -> list[Row]:
        for decoder in decoders:
            try:
                found = decoder.decode(block)
            except msgspec.ValidationError:
                continue
            if decoder is not decoders[0]:  # the shape that fits is tried first from now on
                decoders.remove(decoder)
                decoders.insert(0, decoder)
            return found
        raise EvidenceError(f"{path}: {_misfit(bytes(block), shapes, done)}")

    done = 0
    try:
        for block in _blocks(path, decode):
            done += len(block)
            yield block
    except UnicodeDecodeError:
        raise EvidenceError(f"{path}: is not UTF-8 text") from None
    except msgspec.DecodeError as error:
        raise EvidenceError(f"{path}: is not valid JSON, or cut short ({error})") from None
    except RecursionError:
        raise EvidenceError(f"{path}: is nested too deeply") from None
    except OSError as error:
        raise EvidenceError(f"{path}: can't be read: {(error.strerror or str(error)).lower()}") from None


def content(path: Path) -> bytes:
    """The bytes of a file without a byte order mark. Raises EvidenceError if they can't be read."""
    try:
        with _open(path) as file:
            return _text(path, file.read())
    except OSError as error:
        raise EvidenceError(f"{path}: can't be read: {(error.strerror or str(error)).lower()}") from None


def _open(path: Path) -> BufferedReader:
    if path.exists() and not path.is_file():  # a folder can't be read, and a pipe would wait for ever
        raise EvidenceError(f"{path}: is not a file")
    return path.open("rb")


def _text(path: Path, start: bytes) -> bytes:
    """The start of a file without the byte order mark that PowerShell writes."""
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise EvidenceError(f"{path}: is UTF-16 text, as PowerShell's > writes it: save it as UTF-8")
    return start.removeprefix(codecs.BOM_UTF8)


def _blocks[Row](path: Path, decode: Callable[[Buffer], list[Row]]) -> Blocks[Row]:
    with _open(path) as file:
        head = file.read(BLOCK)
        whole = len(head) < BLOCK
        head = _text(path, head)
        opening = _OPENING.match(head)
        first = _ROW.match(head, opening.end()) if opening else None
        if opening is None or first is None or whole:
            yield decode(_list(path, head + file.read()))
            return
        before_list = head[: opening.start(1)]
        boundary = re.compile(rb"\}\s*(,)\s*" + re.escape(first.group()))
        held = bytearray(2 * BLOCK)  # b"[", then rows; what a block leaves over is moved to the front
        size = 1 + len(head) - opening.end()
        held[:size] = b"[" + head[opening.end() :]
        while True:
            for comma in _cuts(boundary, held, size):
                held[comma] = ord("]")
                try:
                    found = decode(memoryview(held)[: comma + 1])
                except msgspec.DecodeError:
                    held[comma] = ord(",")
                else:
                    yield found
                    held[1 : size - comma] = held[comma + 1 : size]
                    size -= comma
                    break
            if size > BLOCK + 1:  # rows too unlike each other to be cut, or a row larger than a block
                break
            with memoryview(held) as view:
                got = file.readinto(view[size : size + BLOCK - 1])
            if not got:
                break
            size += got
        # What is left, mostly a few rows and the end of the answer, is behind what stood before the list an answer too.
        yield decode(_list(path, before_list + held[:size] + file.read()))


def _cuts(boundary: re.Pattern[bytes], held: bytearray, size: int) -> list[int]:
    """Where a row may end and another begin: the places of the last few commas, the last first."""
    for start in (max(0, size - _NEAR), 0):
        if found := list(boundary.finditer(held, start, size)):
            break
    return [match.start(1) for match in found[: -1 - _TRIES : -1]]


def _list(path: Path, data: bytes) -> Buffer:
    """The list inside an answer."""
    if data.lstrip()[:1] == b"[":
        return data
    if not data.strip():
        raise EvidenceError(f"{path}: is empty")
    try:
        envelope = _ENVELOPE.decode(data)
    except msgspec.ValidationError:
        raise EvidenceError(f"{path}: is not a list, nor an object with a list in `value`") from None
    if (error := bytes(envelope.error)) not in (b"", b"null"):
        raise EvidenceError(f"{path}: is an error answer, not a list: {_excerpt(error)}")
    if bytes(memoryview(envelope.value)[:1]) != b"[":
        raise EvidenceError(f"{path}: is not a list, nor an object with a list in `value`")
    if envelope.next_link:
        raise EvidenceError(f"{path}: is one page of several (`nextLink` is set): join all pages into one list")
    return envelope.value


def _misfit(block: bytes, shapes: tuple[type[Any], ...], done: int) -> str:
    """What is wrong with the first row that fits no shape, by the widest shape of its kind.

    Raises msgspec.DecodeError if the block is no list at all: then it was cut in the wrong place.
    """
    for number, raw in enumerate(msgspec.json.decode(block, type=list[msgspec.Raw])):
        if any(_error(raw, shape) is None for shape in shapes):
            continue
        row = msgspec.json.decode(raw)
        nested = isinstance(row, dict) and "properties" in row
        alike = [s for s in shapes if nested == ("properties" in getattr(s, "__struct_fields__", ()))]
        what, _, where = str(_error(raw, (alike or list(shapes))[-1])).partition(" - at ")
        field = where.strip("`").removeprefix("$").removeprefix(".")
        return f"row {done + number + 1}: {what}" + (f" at `{field}`" if field else "")
    return "its rows are not of one kind: some are as Azure answers, some as `az` prints"


def _error(raw: msgspec.Raw, shape: type[Any]) -> msgspec.ValidationError | None:
    try:
        msgspec.json.decode(raw, type=shape)
    except msgspec.ValidationError as error:
        return error
    return None


def _excerpt(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    text = "".join(ch if ch.isprintable() else " " for ch in text)
    return text if len(text) <= 120 else text[:117] + "..."

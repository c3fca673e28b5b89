"""Large list answers, read in blocks of whole rows.

A file of a million assessments is never whole in memory, neither as bytes nor as rows: it is cut at row boundaries
into blocks of a few MB, and each block is decoded into typed rows and dropped before the next.

Where to cut is found without a parser of our own. A cut is tried where one row seems to end and another to begin
(`}`, a comma, and the bytes with which the first row of the file begins). The block up to there, in brackets, is then
valid JSON only if the cut was right: inside a nested value or a string, brackets or quotes would be left open.
"""

from __future__ import annotations

import re
from collections.abc import Buffer, Callable, Iterator
from pathlib import Path

import msgspec

from drift.errors import EvidenceError

BLOCK = 1 << 20
"""Bytes decoded at a time: large enough that its overhead is nothing, small enough to stay near the cache."""

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
    a page that has a next one, a row that fits no shape, a file that is cut short or not text.
    """
    decoders = [msgspec.json.Decoder(list[shape]) for shape in shapes]  # type: ignore[valid-type]

    def decode(block: Buffer) -> list[Row]:
        errors: list[msgspec.ValidationError] = []
        for decoder in decoders:
            try:
                found = decoder.decode(block)
            except msgspec.ValidationError as error:
                errors.append(error)
                continue
            if errors:  # the shape that fits is tried first from now on
                decoders.remove(decoder)
                decoders.insert(0, decoder)
            return found
        raise max(errors, key=_reach)

    done = 0
    try:
        for block in _blocks(path, decode):
            done += len(block)
            yield block
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EvidenceError(f"{path}: {_plain(error, done)}") from None


def _blocks[Row](path: Path, decode: Callable[[Buffer], list[Row]]) -> Blocks[Row]:
    with path.open("rb") as file:
        head = file.read(BLOCK)
        opening = _OPENING.match(head)
        first = _ROW.match(head, opening.end()) if opening else None
        if opening is None or first is None or len(head) < BLOCK:
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
                except msgspec.ValidationError:
                    raise
                except msgspec.DecodeError:
                    held[comma] = ord(",")
                else:
                    yield found
                    held[1 : size - comma] = held[comma + 1 : size]
                    size -= comma
                    break
            if len(held) - size < BLOCK:
                held += bytes(BLOCK)
            with memoryview(held) as view:
                got = file.readinto(view[size:])
            if not got:
                break
            size += got
        # What is left is the end of the answer: behind what stood before the list, it is a small answer of its own.
        yield decode(_list(path, before_list + held[:size]))


def _cuts(boundary: re.Pattern[bytes], held: bytearray, size: int) -> Iterator[int]:
    """Where a row may end and another begin, the last first: the places of the commas."""
    upper = size
    while upper > 0:
        lower = max(0, upper - 65536)
        yield from reversed([m.start(1) for m in boundary.finditer(held, lower, size) if m.start() < upper])
        upper = lower


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
    if error := bytes(envelope.error):
        raise EvidenceError(f"{path}: is an error answer, not a list: {_excerpt(error)}")
    if bytes(memoryview(envelope.value)[:1]) != b"[":
        raise EvidenceError(f"{path}: is not a list, nor an object with a list in `value`")
    if envelope.next_link:
        raise EvidenceError(f"{path}: is one page of several (`nextLink` is set): join all pages into one list")
    return envelope.value


def _reach(error: msgspec.ValidationError) -> tuple[int, int]:
    """How far a decoder got before it gave up: the row, and how deep in it."""
    found = re.search(r"\$\[(\d+)\]([^`]*)", str(error))
    return (int(found[1]), found[2].count(".")) if found else (-1, 0)


def _plain(error: Exception, done: int) -> str:
    """A decoding error in words, with the row counted from the start of the file."""
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8 text"
    if not isinstance(error, msgspec.ValidationError):
        return f"is not valid JSON, or cut short ({error})"
    what, _, where = str(error).partition(" - at ")
    found = re.search(r"\$\[(\d+)\]\.?([^`]*)", where)
    if not found:
        return what
    return f"row {int(found[1]) + done + 1}: {what}" + (f" at `{found[2]}`" if found[2] else "")


def _excerpt(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    text = "".join(ch if ch.isprintable() else " " for ch in text)
    return text if len(text) <= 120 else text[:117] + "..."

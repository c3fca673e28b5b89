"""What a command prints: JSON that a terminal may show, text as wide and as coloured as it can, progress."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from collections.abc import Callable
from typing import TextIO

import msgspec

from drift import text
from drift.model import Json
from drift.terminal import NARROWEST, WIDEST, Style

_UNPRINTED = "[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
"""What a terminal would act on and JSON lets through: controls, direction, and what hides."""


def encoded(found: Json, stream: TextIO) -> str:
    """One object, indented; in a stream that is not UTF-8 with other letters escaped."""
    shown = msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"
    utf8 = (stream.encoding or "utf-8").lower().replace("-", "") == "utf8"
    if utf8 and shown.replace("\n", "").isprintable():  # nearly always, and found out far faster
        return shown
    return re.sub(_UNPRINTED if utf8 else "[^\0-\x7e]", _escaped, shown)


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def options(command: argparse.ArgumentParser, whole: Callable[[str], int]) -> None:
    """Adds to a command what `answer` goes by; `whole` reads a whole number."""
    command.add_argument("--format", choices=("text", "json"), default="text", help="as for explain")
    command.add_argument("--width", type=whole, metavar="COLUMNS", help="as for explain")
    command.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="as for explain")


def answer(found: Json, asked: argparse.Namespace, render: Callable[[Json, Style], str]) -> None:
    """Prints an answer as it was asked for: as JSON, or as text in the style of the terminal."""
    if asked.format == "json":
        sys.stdout.write(encoded(found, sys.stdout))
    else:
        sys.stdout.write(fitting(render(found, style(asked.width, asked.color, sys.stdout)), sys.stdout))
    sys.stdout.flush()


def style(width: int | None, color: str, stream: TextIO) -> Style:
    """How to print to a stream: in so many columns or the terminal's, and in colour: `auto`, `always` or `never`."""
    width = width or shutil.get_terminal_size((100, 24)).columns
    auto = stream.isatty() and not os.environ.get("NO_COLOR")
    colored = auto if color == "auto" else color == "always"
    return Style(max(NARROWEST, min(width, WIDEST)), colored, _takes("█−“…→", stream))


def _takes(signs: str, stream: TextIO) -> bool:
    try:
        signs.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def fitting(shown: str, stream: TextIO) -> str:
    """Text with what the stream can't write replaced."""
    return shown.encode(stream.encoding or "utf-8", "replace").decode(stream.encoding or "utf-8")


class Progress:
    """How far it is, on a terminal's stderr only; the line is gone when the work is done."""

    def __init__(self, stream: TextIO, what: str = "subscriptions compared") -> None:
        self._stream, self._shown, self._what = stream, stream.isatty(), what

    def __enter__(self) -> Progress:
        return self

    def step(self, done: int, total: int, name: str) -> None:
        """One more is done."""
        if self._shown:
            shown = text.line(f"{done} of {total} {self._what}: {name}")
            columns = shutil.get_terminal_size().columns
            self._stream.write("\r\x1b[K" + shown[: columns - 1])
            self._stream.flush()

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

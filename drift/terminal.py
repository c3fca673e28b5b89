"""Laying text out on a terminal: by the columns it takes, with and without colour, with and without special signs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

NARROWEST, WIDEST = 40, 120

_COLORS = {"up": "32", "down": "31", "faint": "2", "bold": "1"}
_PLAIN = {"█": "#", "−": "-", "“": '"', "”": '"', "…": "...", "→": "->", "±": "+/-", "─": "-"}


def columns(words: str) -> int:
    """How many columns a terminal gives a text: two for wide letters, none for accents that combine."""
    if words.isascii():
        return len(words)
    return sum(0 if unicodedata.combining(ch) else 2 if unicodedata.east_asian_width(ch) in "WF" else 1 for ch in words)


def cut(words: str, width: int) -> str:
    """The text, or as much of it as fits with a sign that there was more."""
    if columns(words) <= width:
        return words
    kept = ""
    for ch in words:
        if columns(kept + ch) > width - 1:
            break
        kept += ch
    return kept + "…"


@dataclass(frozen=True, slots=True)
class Style:
    """How to print: never wider than `width` columns."""

    width: int = 100
    color: bool = False
    unicode: bool = True

    def signs(self, words: str) -> str:
        """The words with signs that the terminal can show."""
        return words if self.unicode else re.sub("|".join(_PLAIN), lambda found: _PLAIN[found[0]], words)

    def paint(self, words: str, color: str) -> str:
        """The words in a colour, if there is colour."""
        return f"\x1b[{_COLORS[color]}m{words}\x1b[0m" if self.color and words and color else words

    def pad(self, words: str, width: int) -> str:
        """The text in just so many columns, cut or filled."""
        words = cut(self.signs(words), width)
        words = words if self.unicode else self.signs(words.replace("…", "."))
        return words + " " * (width - columns(words))

    def wrap(self, words: str, first: str = "", rest: str = "", color: str = "") -> Iterator[str]:
        """Lines of whole words, broken only where one is longer than a line; `first` and `rest` stand before them."""
        first, rest = self.signs(first), self.signs(rest)
        head, line = first, ""
        for word in self._words(words, self.width - max(columns(first), columns(rest))):
            if line and columns(head) + columns(line) + 1 + columns(word) > self.width:
                yield head + self.paint(line, color)
                head, line = rest, word
            else:
                line = f"{line} {word}" if line else word
        yield head + self.paint(line, color)

    def _words(self, words: str, room: int) -> Iterator[str]:
        for word in self.signs(words).split():
            piece = ""
            for ch in word:
                if columns(piece + ch) > room:
                    yield piece
                    piece = ""
                piece += ch
            yield piece

"""Adaptive Cards as Teams shows them: the few elements that are used, how large they are, and what they say as text.

Teams reads markdown in a TextBlock, and escapes with a backslash show on phones (microsoft/AdaptiveCards#5590). So
what a tenant wrote stands in a RichTextBlock only, which knows no markdown; a TextBlock holds our words and figures.
https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from drift.engine.wording import clean
from drift.model import Json
from drift.terminal import Style, columns

LIMIT = 22_000
"""Bytes of a message. Teams takes 28 KB after it has expanded it: 24,453 were too many (msteams-docs#11274)."""

_RAISED = [
    (re.compile(r"\{(?=[{])"), "{ "),  # {{DATE(…)}} and {{TIME(…)}} are functions, in a TextRun too
    (re.compile(r"\$(?=\{)"), "$ "),  # ${…} is a template's
    (re.compile(r"<"), "‹"),  # <at>…</at> is a mention
    (re.compile(r">"), "›"),
    (re.compile(r"\](?=\()"), "] "),  # [x](y) is a link where a client does know markdown
    (re.compile(r":(?=//)"), ": "),  # phones make links of addresses
    (re.compile(r"\b(www)\.(?=\S)", re.IGNORECASE), r"\1. "),
]

type Cell = list[Json]
"""What stands in a cell of a table, one under the other."""


def harmless(words: str, longest: int) -> str:
    """A tenant's text as one readable line that is no markup, function, mention or link to any client."""
    words = clean(words[: 20 * longest], longest)  # the rest of 64 KiB would be cut anyway
    for sign, plain in _RAISED:
        words = sign.sub(plain, words)
    return words or "(no name)"


def said(words: str, **style: object) -> Json:
    """Our own words and figures. Never a tenant's: Teams reads markdown here."""
    return {"type": "TextBlock", "text": words, "wrap": True, **style}


def heading(words: str, **style: object) -> Json:
    """Our own words over what follows."""
    return said(words, **{"style": "heading", "weight": "Bolder", "spacing": "Medium"} | style)


def run(words: str, **style: object) -> Json:
    """A part of a line, as it is; a tenant's words are made `harmless` first."""
    return {"type": "TextRun", "text": words, **style}


def line(*runs: Json, **style: object) -> Json:
    """A line that may hold a tenant's words: no markdown is read in it."""
    return {"type": "RichTextBlock", "inlines": list(runs), **style}


def table(widths: str, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Json:
    """A table. Of each column in `widths` its weight, of text, or `r` and its pixels, of figures, aligned right.

    Figures have pixels of their own since Teams breaks a number that has no room, on phones and in narrow channels.
    """
    heads = [[said(words, weight="Bolder")] if words else [] for words in header]
    return {
        "type": "Table",
        "columns": [_column(width) for width in widths.split()],
        "firstRowAsHeaders": bool(header),
        "showGridLines": False,
        "rows": [
            {"type": "TableRow", "cells": [{"type": "TableCell", "items": cell} for cell in cells]}
            for cells in ([heads] if header else []) + [list(row) for row in rows]
        ],
    }


def _column(width: str) -> Json:
    if width.startswith("r"):
        return {"width": f"{width[1:]}px", "horizontalCellContentAlignment": "Right"}
    return {"width": int(width)}


def bars(title: str, sizes: Sequence[tuple[str, float]]) -> Json:
    """A chart of sizes with signs, which are told by label and colour: Teams draws no bar below zero.

    Not every client draws charts, nor says so: the same figures stand in a table beside, and the fallback is nothing.
    """
    return {
        "type": "Chart.HorizontalBar",
        "title": title,
        "data": [
            {"x": label, "y": abs(size), "color": "good" if size > 0 else "attention" if size < 0 else "neutral"}
            for label, size in sizes
        ],
        "fallback": "drop",
    }


def line_chart(title: str, points: Sequence[tuple[str, float]], bounds: tuple[float, float]) -> Json:
    """A line through values at days (ISO), drawn between `bounds`; without charts the same in words."""
    words = " · ".join(f"{day} {value:.2f} %" for day, value in points)
    return {
        "type": "Chart.Line",
        "title": title,
        "yMin": bounds[0],
        "yMax": bounds[1],
        "data": [{"legend": "%", "color": "categoricalBlue", "values": [{"x": day, "y": y} for day, y in points]}],
        "fallback": said(words, spacing="Small"),
    }


def card(body: Sequence[Json], links: Sequence[tuple[str, str]] = ()) -> Json:
    """The card; `links` are titles and addresses, our own and fixed ones."""
    actions = [{"type": "Action.OpenUrl", "title": title, "url": url} for title, url in links]
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.5",
        "msteams": {"width": "full"},  # as Microsoft's own models spell it
        "body": list(body),
        **({"actions": actions} if actions else {}),
    }


def envelope(content: Json) -> Json:
    """The card as a Workflows webhook takes it."""
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": content}]}


def size(body: Json) -> int:
    """Bytes of a message in its longest usual encoding: letters beyond ASCII escaped, spaces after separators.

    It is sent shorter, as UTF-8; what passes it on may well escape it.
    """
    encoded = msgspec.json.format(msgspec.json.encode(body), indent=0).decode()
    plain = len(encoded.encode("ascii", "ignore"))
    return plain + 6 * (len(encoded.encode("utf-16-le")) // 2 - plain)


# As text


def text(content: Json, width: int = 100) -> str:
    """What the card says, for a terminal: lines at most `width` columns wide, nothing left out."""
    style = Style(width)
    lines = [shown for element in content["body"] for shown in _shown(element, style)]
    lines += [f"[{action['title']}] {action['url']}" for action in content.get("actions", ())]
    return "\n".join(lines).strip("\n") + "\n"


def _shown(element: Json, style: Style) -> Iterator[str]:
    kind = element["type"]
    if element.get("spacing") in ("Medium", "Large") or element.get("separator"):
        yield ""
    if kind == "Container":
        for inner in element["items"]:
            yield from _shown(inner, style)
    elif kind == "Table":
        yield from _columns(element, style)
    elif kind in ("TextBlock", "RichTextBlock"):
        yield from style.wrap(_words(element))
    elif isinstance(element.get("fallback"), dict):
        yield from _shown(element["fallback"], style)


def _words(element: Json) -> str:
    return element["text"] if element["type"] == "TextBlock" else "".join(one["text"] for one in element["inlines"])


def _columns(element: Json, style: Style) -> Iterator[str]:
    rows = [[[_words(item) for item in cell["items"]] for cell in row["cells"]] for row in element["rows"]]
    right = ["horizontalCellContentAlignment" in column for column in element["columns"]]
    widths = [max(columns(words) for row in rows for words in row[at] or [""]) for at in range(len(right))]
    texts = [at for at, aligned in enumerate(right) if not aligned]
    while sum(widths) + 2 * len(widths) > style.width and max(widths[at] for at in texts) > 8:
        widths[max(texts, key=lambda at: widths[at])] -= 1
    for row in rows:
        cells = [
            [part for words in cell for part in (Style(room).wrap(words) if room else [""])]
            for cell, room in zip(row, widths, strict=True)
        ]
        for at in range(max(map(len, cells))):
            parts = [(cell[at] if at < len(cell) else "", room) for cell, room in zip(cells, widths, strict=True)]
            gaps = [" " * (room - columns(part)) for part, room in parts]
            shown = [
                gap + part if aligned else part + gap
                for (part, _), gap, aligned in zip(parts, gaps, right, strict=True)
            ]
            yield ("  " + "  ".join(shown)).rstrip()

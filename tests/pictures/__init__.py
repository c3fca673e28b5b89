"""Pictures for the documentation, of what the project really shows. They need Chromium; nothing here is a test."""

from __future__ import annotations

import shutil
from io import BytesIO
from pathlib import Path

COLOURS = 96
"""A card and a page have few; the rest are the edges of letters."""


def saved(path: Path, shot: bytes) -> Path:
    """Writes a screenshot as a small PNG, of few colours."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    few = (
        Image.open(BytesIO(shot))
        .convert("RGB")
        .quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    )
    few.save(path, optimize=True)
    return path


def chromium() -> str:
    """Where Chromium is. Raises SystemExit with one line where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    raise SystemExit("pictures need Chromium, and none was found: install it (for example: apt install chromium)")

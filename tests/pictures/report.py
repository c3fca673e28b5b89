"""The brief of the demo's six weeks, as a screen shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from demo.northwind import write
from drift.board.evidence import of_folders, present
from drift.board.page import page
from tests.pictures import chromium, saved

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "pictures" / "report.png"


def draw() -> Iterator[Path]:
    """Draws it."""
    from playwright.sync_api import sync_playwright

    with TemporaryDirectory() as folder, sync_playwright() as driver:
        weeks = write(Path(folder))
        evidence = of_folders(weeks, "all", present(weeks), lambda *_: None)
        shown = Path(folder) / "brief.html"
        shown.write_bytes(page(evidence))
        browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport={"width": 1000, "height": 1200})
        tab.goto(shown.as_uri())
        yield saved(PICTURE, tab.screenshot(full_page=True))
        browser.close()

"""The page over the demo's six weeks: light, dark, on a phone, and one movement divided."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from demo.azurite import Azurite
from demo.northwind import write
from tests.filled import fill
from tests.pictures import chromium, saved
from tests.web.serving import served

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
WINDOW = "window=90d"
DESK: Any = {"viewport": {"width": 1180, "height": 1180}}
PHONE: Any = {"viewport": {"width": 390, "height": 1180}}


def draw() -> Iterator[Path]:
    """Draws them."""
    from playwright.sync_api import sync_playwright

    with TemporaryDirectory() as folder, Azurite() as azurite, sync_playwright() as driver:
        filled = fill(azurite.connection_string(), write(Path(folder)))
        largest = max(filled.history.deltas("all")["value"], key=lambda one: abs(one["movement"] or 0))["id"]
        browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        with served(lambda: filled.history) as address:
            shots: tuple[tuple[str, str, str, Any], ...] = (
                ("page-light", WINDOW, "body", DESK),
                ("page-dark", WINDOW, "body", DESK | {"color_scheme": "dark"}),
                ("page-movement", f"{WINDOW}&delta={largest}&by=owner", "#movement", DESK),
                ("page-stands", f"{WINDOW}&view=diagnosis", "section:has(#panel)", DESK),
                ("page-phone", f"{WINDOW}&by=class", "body", PHONE),
            )
            for name, query, part, options in shots:
                tab = browser.new_context(**options).new_page()
                tab.goto(f"{address}/api/page?{query}")
                tab.wait_for_selector("#waterfall[data-drawn]")
                tab.wait_for_selector('#panel[aria-busy="false"]')
                whole = part == "body"
                shot = tab.screenshot() if whole else tab.locator(part).screenshot()
                yield saved(PICTURES / f"{name}.png", shot)
                tab.context.close()
        browser.close()

"""The page on what a month costs says what was counted, and the arithmetic is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import cost, counting
from benchmarks.cost import Look, Measured, Price

PAGE = (Path(__file__).parent.parent / "docs" / "cost.md").read_text(encoding="utf-8")
FUNCTIONS = (
    "snapshot_timer",
    "snapshot_subscription",
    "rollup_timer",
    "announce_timer",
    "announce_timer, nothing due",
    "digest_timer",
    "calendar_timer",
)


def look(subscriptions: int, stored: float, **each: float) -> Look:
    """A pass whose subscriptions ask for so much each, and whose timers run once and ask for nothing."""
    functions = {name: {"executions": 1.0} for name in FUNCTIONS}
    own = {kind.replace("_", " "): amount * subscriptions for kind, amount in each.items()}
    functions["snapshot_subscription"] = {"executions": float(subscriptions)} | own
    return Look(functions, {"tables": stored, "blobs": 10 * stored})


def measured(subscriptions: int) -> Measured:
    return Measured(
        subscriptions,
        look(subscriptions, 100.0 * subscriptions),
        look(subscriptions, 103.0 * subscriptions, seconds=2, arm=10, blob_write=2),
        look(subscriptions, 103.0 * subscriptions, seconds=1, arm=10),
    )


def test_the_page_has_the_tables_of_the_counts():
    small, large = cost.known()
    assert (small.subscriptions, large.subscriptions) == (10, 100)
    for table in cost.printed_tables(small, large, 1_000).split("\n\n"):
        assert table in PAGE


def test_the_page_has_the_prices_of_the_arithmetic():
    for price in cost.PRICES.values():
        assert f"${price.usd:f}".rstrip("0") in PAGE or f"${price.usd:.2f}" in PAGE


def test_a_look_that_finds_changes_is_counted_as_often_as_there_are_some():
    found = cost.month(measured(10)).amounts
    assert found["blob write"] == 10 * 2 * cost.MOVES
    assert found["arm"] == 10 * 10 * cost.HOURS
    seconds = 10 * (2 * cost.MOVES + 1 * (cost.HOURS - cost.MOVES))
    assert found["GB-seconds"] == pytest.approx(2 * (seconds + cost.LATENCY * found["arm"]))
    assert found["table bytes"] == 10 * (100 + 3 * cost.MOVES)


def test_every_function_is_counted_as_often_as_its_timer_starts_it():
    runs = cost.month(measured(10)).amounts["executions"]
    assert runs == 10 * cost.HOURS + cost.HOURS + cost.HOURS + cost.MINUTES + 2 * cost.DAYS


def test_more_subscriptions_ask_for_more_in_a_straight_line():
    assert cost.larger(measured(10), measured(100), 1_000) == measured(1_000)


@pytest.mark.parametrize(("amount", "usd"), [(0, 0), (250_000, 0), (1_250_000, 0.4), (2_250_000, 0.8)])
def test_what_is_free_is_not_paid(amount, usd):
    assert Price(0.40, 1e6, 250_000).of(amount) == pytest.approx(usd)


@pytest.mark.parametrize(
    ("service", "method", "url", "kind"),
    [
        ("arm", "GET", "http://azure/subscriptions", "arm"),
        ("table", "POST", "http://tables/$batch", "table"),
        ("blob", "GET", "http://blobs/drift?restype=container&comp=list", "blob list"),
        ("blob", "GET", "http://blobs/drift/heads/a/0", "blob read"),
        ("blob", "PUT", "http://blobs/drift/heads/a/0", "blob write"),
        ("blob", "DELETE", "http://blobs/drift/heads/a/0", "blob delete"),
    ],
)
def test_a_request_is_counted_in_its_price_class(service, method, url, kind):
    assert counting.priced(service, method, url) == kind

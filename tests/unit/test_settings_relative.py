"""What is written relative to a paper world's start means what the world then has."""

from __future__ import annotations

from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.app.exchange import START_AT, build_world
from hedger.app.transport import why_at_port
from hedger.model.spans import DAY_MS
from hedger.settings.paper_rules import coins_of, option_expiry, option_symbol
from hedger.settings.relative import PAPER_PRICES, PAPER_START_AT, instant_of, price_of
from hedger.sim.listings import COINS, from_symbol
from hedger.sim.nouns import OptionListing
from tests.support.configurations import GOOD, load

OPTIONS = """
[paper]
contracts = ["BTC/USD:BTC", "BTC/USDT:USDT-260327"]
coin_collateral = { BTC = 0.5 }
volatility = 0.8

[[paper.options]]
asset = "BTC"
option = "call"
strike = "105%"
expiry = "30 days"
quantity = -1

[[paper.options]]
asset = "ETH"
option = "put"
strike = 2800
expiry = "2026-03-27T08:00Z"
quantity = 2
settle = "inverse"
"""


def test_a_paper_world_starts_when_and_where_the_settings_say() -> None:
    assert {coin: terms.price for coin, terms in COINS.items()} == PAPER_PRICES
    assert START_AT == PAPER_START_AT


@pytest.mark.parametrize(
    ("text", "price"), [("105%", "63000"), ("97.5%", "58500"), ("61234.5", "61234.5"), ("61000", "61000")]
)
def test_a_price_is_itself_or_a_share_of_the_start(text: str, price: str) -> None:
    assert price_of(text, D(60_000)) == D(price)


@pytest.mark.parametrize(
    ("text", "after_ms"),
    [("1 day", DAY_MS), ("90 minutes", 5_400_000), ("2026-01-01T08:00Z", 1_200_000), ("2 hours", 7_200_000)],
)
def test_an_instant_is_itself_or_so_long_after_the_start(text: str, after_ms: int) -> None:
    assert instant_of(text, PAPER_START_AT) == PAPER_START_AT + after_ms


def test_an_option_that_is_held_ends_at_eight_and_is_called_as_the_exchange_calls_it(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD + OPTIONS)
    symbols = [option_symbol(option) for option in settings.paper.options]
    assert symbols == ["BTC/USDT:USDT-260131-63000-C", "ETH/USD:ETH-260327-2800-P"]
    for option, symbol in zip(settings.paper.options, symbols, strict=True):
        listing = from_symbol(symbol)
        assert isinstance(listing, OptionListing)
        assert (listing.expiry_at, listing.option_type) == (option_expiry(option), option.option)


def test_a_paper_world_has_what_its_settings_name(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD + OPTIONS)
    assert why_at_port(settings) is not None
    assert why_at_port(load(tmp_path)) is None
    assert coins_of(settings) == ("BTC", "ETH")
    exchange = build_world(settings, START_AT, None).exchange
    truth = exchange.truth("main")
    assert truth.options == {"BTCUSDT-260131-63000-C": D(-1), "ETHUSD-260327-2800-P": D(2)}
    assert truth.wallets["BTC"] == D("0.5")
    assert {symbol for _, symbol in exchange.listings} >= {"BTCUSD_PERP", "BTCUSDT_260327"}
    marks = {listing.symbol: float(mark.sigma) for listing, _, mark in exchange.options("main")}
    assert all(0.75 < sigma < 0.85 for sigma in marks.values())
    call, put = (D(repr(mark.delta)) for _, _, mark in exchange.options("main"))
    assert abs(truth.deltas["BTC"] - (D("1.7") - call)) < D("1e-9")
    assert put < 0 < call

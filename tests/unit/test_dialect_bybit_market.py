"""What Bybit tells anybody: rules of everything that is listed, prices, greeks, bars, settled funding."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from hedger.errors import GiveUp
from hedger.model.instrument import Payoff
from hedger.sim.dialects.bybit.listings import bybit_contract, from_unified
from hedger.sim.dialects.bybit.names import name_of, option_name_of
from hedger.sim.dialects.mishaps import Mishap
from hedger.sim.nouns import Listing, OptionListing
from tests.support.bybit_bench import CALL, HOURLY_MS, NEXT, Desk, desk, furnished_exchange

D = Decimal
INFO = "/v5/market/instruments-info"


def told(stand: Desk, path: str, **params: Any) -> list[Any]:
    """The list of an answer."""
    answer = stand.get(path, **params)
    assert answer["retCode"] == 0, answer
    found: list[Any] = answer["result"]["list"]
    return found


def test_each_category_lists_its_own_by_bybits_names() -> None:
    stand = desk()
    names = {
        category: [row["symbol"] for row in told(stand, INFO, category=category)]
        for category in ("spot", "linear", "inverse", "option")
    }
    assert names == {
        "spot": ["BTCUSDT"],
        "linear": ["BTCUSDT", "BTCUSDT-26JUN26", "BTCUSDT-25SEP26", "BTCPERP"],
        "inverse": ["BTCUSD", "BTCUSDM26", "BTCUSDU26"],
        "option": ["BTC-26JUN26-80000-C-USDT"],
    }


def test_the_rules_of_a_contract_are_complete() -> None:
    (row,) = told(desk(), INFO, category="linear", symbol="BTCUSDT")
    assert (row["contractType"], row["status"], row["settleCoin"]) == ("LinearPerpetual", "Trading", "USDT")
    assert row["leverageFilter"] == {"minLeverage": "1", "maxLeverage": "125.00", "leverageStep": "0.01"}
    assert (row["priceFilter"]["tickSize"], row["priceScale"]) == ("0.1", "1")
    lots = row["lotSizeFilter"]
    assert (lots["qtyStep"], lots["minOrderQty"], lots["minNotionalValue"]) == ("0.001", "0.001", "5")
    assert lots["maxOrderQty"] == lots["postOnlyMaxOrderQty"] == "1000.000"
    assert (row["deliveryTime"], row["fundingInterval"]) == ("0", 480)
    (dated,) = told(desk(), INFO, category="inverse", symbol="BTCUSDM26")
    assert (dated["contractType"], dated["deliveryTime"], dated["settleCoin"]) == ("InverseFutures", str(NEXT), "BTC")


def test_rules_come_in_pages_that_end() -> None:
    stand = desk()
    first = stand.get(INFO, category="linear", limit="3")["result"]
    second = stand.get(INFO, category="linear", limit="3", cursor=first["nextPageCursor"])["result"]
    assert [len(first["list"]), len(second["list"])] == [3, 1]
    assert second["nextPageCursor"] == ""


def test_what_is_closed_is_told_by_name_or_status_only() -> None:
    stand = desk()
    stand.board.notices.announce("BTCUSDT", "Closed")
    assert "BTCUSDT" not in [row["symbol"] for row in told(stand, INFO, category="linear")]
    assert [row["status"] for row in told(stand, INFO, category="linear", symbol="BTCUSDT")] == ["Closed"]
    assert [row["symbol"] for row in told(stand, INFO, category="linear", status="Closed")] == ["BTCUSDT"]
    stand.board.notices.announce("BTCUSDT", "Delivering")
    assert "BTCUSDT" in [row["symbol"] for row in told(stand, INFO, category="linear")]
    stand.board.notices.announce("BTCUSDT", "")
    assert stand.get(INFO, category="linear", symbol="BTCUSDT")["retCode"] == 10001


def test_no_contract_is_told_before_its_launch() -> None:
    assert told(desk(), INFO, category="linear", status="PreLaunch") == []


def test_tickers_tell_the_mark_the_index_and_the_funding() -> None:
    stand = desk()
    (row,) = told(stand, "/v5/market/tickers", category="linear", symbol="BTCUSDT")
    premium = stand.exchange.premium("BTCUSDT")
    assert (D(row["markPrice"]), D(row["indexPrice"])) == (premium.mark_price, premium.index_price)
    assert (D(row["fundingRate"]), row["nextFundingTime"]) == (premium.funding_rate, str(premium.next_funding_at))
    assert (row["bid1Price"], row["ask1Price"], row["bid1Size"]) == ("60000.0", "60000.1", "3.000")
    (dated,) = told(stand, "/v5/market/tickers", category="linear", symbol="BTCUSDT-26JUN26")
    assert (dated["fundingRate"], dated["nextFundingTime"], dated["deliveryTime"]) == ("", "0", str(NEXT))
    (spot,) = told(stand, "/v5/market/tickers", category="spot", symbol="BTCUSDT")
    assert D(spot["usdIndexPrice"]) == D("60000.05")
    assert stand.get("/v5/market/tickers", category="linear", symbol="NOUSDT")["retMsg"] == "Not supported symbols"


def test_an_option_is_quoted_with_greeks_though_nobody_trades_it() -> None:
    stand = desk()
    (row,) = told(stand, "/v5/market/tickers", category="option", baseCoin="BTC", expDate="26JUN26")
    mark = stand.exchange.floor.options.mark(CALL)
    assert row["symbol"] == option_name_of(CALL)
    assert (D(row["markPrice"]), D(row["markIv"]), D(row["underlyingPrice"])) == (
        mark.price,
        mark.sigma,
        mark.forward_price,
    )
    assert D(row["delta"]) == pytest.approx(D(mark.greeks.delta or 0), abs=D("1e-8"))
    assert told(stand, "/v5/market/tickers", category="option", baseCoin="ETH") == []
    assert stand.get("/v5/market/tickers", category="option")["retCode"] == 10001


def test_the_order_book_is_as_deep_as_asked() -> None:
    book = desk().get("/v5/market/orderbook", category="linear", symbol="BTCUSDT", limit="2")["result"]
    assert book["b"] == [["60000.0", "3.000"], ["59999.9", "3.000"]]
    assert [level[0] for level in book["a"]] == ["60000.1", "60000.2"]


def test_tiers_are_those_by_which_the_exchange_takes_margin() -> None:
    stand = desk()
    rows = told(stand, "/v5/market/risk-limit", category="linear", symbol="BTCUSDT")
    tiers = next(x for x in stand.exchange.listings.values() if x.symbol == "BTCUSDT" and x.tiers).tiers
    assert [(D(r["riskLimitValue"]), D(r["maintenanceMargin"]), D(r["mmDeduction"])) for r in rows] == [
        (t.notional_cap, t.maintenance_rate, t.cum) for t in tiers
    ]
    assert (rows[0]["isLowestRisk"], rows[1]["isLowestRisk"], rows[0]["maxLeverage"]) == (1, 0, "125.00")


def test_bars_come_newest_first_in_the_price_of_a_contract() -> None:
    stand = desk()
    stand.exchange.set_index("BTC", D(61_000))
    stand.exchange.advance(stand.exchange.now + 600_000)
    asked = {"category": "linear", "symbol": "BTCUSDT", "interval": "5"}
    rows = told(stand, "/v5/market/index-price-kline", **asked)
    assert int(rows[0][0]) > int(rows[-1][0])
    assert (rows[0][4], rows[-1][1]) == ("61000.0", "60000.0")
    assert len(told(stand, "/v5/market/kline", **asked, limit="2")) == 2
    assert len(told(stand, "/v5/market/kline", **asked)[0]) == 7
    assert stand.get("/v5/market/kline", category="linear", symbol="BTCUSDT", interval="7")["retCode"] == 10001


def test_settled_funding_is_told_newest_first() -> None:
    stand = desk(furnished_exchange(beat_ms=HOURLY_MS))
    for rate in ("0.0001", "0.0002"):
        stand.exchange.set_funding_rate("BTCUSDT", D(rate))
        stand.exchange.advance(stand.exchange.premium("BTCUSDT").next_funding_at)
    rows = told(stand, "/v5/market/funding/history", category="linear", symbol="BTCUSDT")
    assert [row["fundingRate"] for row in rows] == ["0.0002", "0.0001"]
    alone = stand.get("/v5/market/funding/history", category="linear", symbol="BTCUSDT", startTime="1")
    assert alone["retCode"] == 10001


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("BTC/USDT:USDT", "BTCUSDT"),
        ("BTC/USDC:USDC", "BTCPERP"),
        ("BTC/USDT:USDT-260606", "BTCUSDT-06JUN26"),
        ("BTC/USDC:USDC-260626", "BTC-26JUN26"),
        ("ETH/USD:ETH", "ETHUSD"),
        ("BTC/USD:BTC-260925", "BTCUSDU26"),
        ("BTC/USDT:USDT-260626-80000-C", "BTC-26JUN26-80000-C-USDT"),
        ("BTC/USD:USDC-260626-80000-P", "BTC-26JUN26-80000-P"),
    ],
)
def test_every_unified_symbol_has_its_name_on_bybit(symbol: str, name: str) -> None:
    found = from_unified(symbol)
    assert (name_of(found) if isinstance(found, Listing) else option_name_of(found)) == name
    assert isinstance(found, OptionListing) is (symbol[-2:] in ("-C", "-P"))


def test_bybit_has_no_options_that_settle_in_coins() -> None:
    with pytest.raises(GiveUp):
        from_unified("BTC/USD:BTC-260626-80000-C")


def test_an_inverse_contract_is_one_dollar_and_a_linear_one_is_one_coin() -> None:
    inverse = bybit_contract("BTC", quote="USD")
    assert (inverse.payoff, inverse.contract_multiplier, inverse.lot_size) == (Payoff.INVERSE, D(1), D(1))
    assert bybit_contract("BTC").contract_multiplier == 1


@pytest.mark.parametrize(
    ("mishap", "code", "text"),
    [(Mishap.UNKNOWN_STATUS, 10000, "Server Timeout"), (Mishap.OVERLOADED, 10016, "Internal server error.")],
)
def test_mishaps_are_worded_under_http_200(mishap: Mishap, code: int, text: str) -> None:
    answer = desk().board.worded(mishap)
    body = json.loads(answer.body)
    assert (answer.status, body["retCode"], body["retMsg"]) == (200, code, text)

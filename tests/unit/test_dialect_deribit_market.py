"""What Deribit lists, what it is worth, and what it was: names, tickers, bars and funding rates."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from hedger.errors import GiveUp
from hedger.model.option import OptionType
from hedger.sim.dialects.deribit.board import DeribitBoard
from hedger.sim.dialects.deribit.catalogue import NEVER
from hedger.sim.dialects.deribit.figures import figure
from hedger.sim.dialects.deribit.listings import coin_option, from_unified, inverse, linear, spot
from hedger.sim.dialects.deribit.naming import name_of
from hedger.sim.exchange import Exchange
from hedger.sim.listings import default_listings
from hedger.sim.past import Origin
from hedger.sim.world import paper_world
from tests.support.deribit_bench import EXPIRY, START, call_option, furnished_board, furnished_exchange, refusal, result

PERPETUAL, CALL = "BTC-PERPETUAL", "BTC-27MAR26-80000-C"
HOUR = 3_600_000


@pytest.fixture(scope="module")
def board() -> DeribitBoard:
    return furnished_board()


@pytest.fixture(scope="module")
def aged() -> DeribitBoard:
    """Seventeen hours on, two settlements later."""
    board = furnished_board(furnished_exchange(beat_ms=60_000))
    board.exchange.set_funding_rate("BTCUSD_PERP", D("0.0008"))
    board.exchange.advance(START + 9 * HOUR)
    board.exchange.set_funding_rate("BTCUSD_PERP", D("0.0016"))
    board.exchange.advance(START + 17 * HOUR)
    return board


def instrument(board: DeribitBoard, name: str) -> Any:
    return result(board, "public/get_instrument", instrument_name=name)


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("BTC/USDC", "BTC_USDC"),
        ("BTC/USDC:USDC", "BTC_USDC-PERPETUAL"),
        ("BTC/USD:BTC", "BTC-PERPETUAL"),
        ("ETH/USD:ETH", "ETH-PERPETUAL"),
        ("BTC/USD:BTC-260626", "BTC-26JUN26"),
        ("BTC/USD:BTC-260703", "BTC-3JUL26"),
        ("BTC/USD:BTC-260626-80000-C", "BTC-26JUN26-80000-C"),
        ("BTC/USD:BTC-260626-80000-P", "BTC-26JUN26-80000-P"),
    ],
)
def test_ccxts_symbol_and_deribits_name_are_one_instrument(symbol: str, name: str) -> None:
    assert name_of(from_unified(symbol)) == name


@pytest.mark.parametrize("symbol", ["BTC/USDT:USDT", "SOL/USD:SOL", "DOGE/USDC", "BTC/USD"])
def test_what_deribit_does_not_list_has_no_rules(symbol: str) -> None:
    with pytest.raises(GiveUp):
        from_unified(symbol)


def test_a_strike_with_a_fraction_is_written_with_a_d() -> None:
    assert name_of(coin_option("BTC", D("0.45"), OptionType.PUT, expiry_at=EXPIRY)) == "BTC-27MAR26-0d45-P"


def test_numbers_are_written_as_json_numbers_that_say_the_same() -> None:
    assert [figure(D(x)) for x in ("10.0", "0.5", "-0", "1E-8")] == [10, 0.5, 0, 1e-08]
    assert isinstance(figure(D("10.0")), int)


# --- instruments ------------------------------------------------------------------------------------------------------


def test_an_inverse_perpetual_is_described_as_deribit_does(board: DeribitBoard) -> None:
    row = instrument(board, PERPETUAL)
    told = [row[key] for key in ("kind", "instrument_type", "settlement_currency", "settlement_period", "price_index")]
    assert told == ["future", "reversed", "BTC", "perpetual", "btc_usd"]
    grid = [row[key] for key in ("contract_size", "min_trade_amount", "tick_size", "tick_size_steps", "max_leverage")]
    assert grid == [10, 10, 0.5, [], 50]
    assert (row["maker_commission"], row["taker_commission"], row["expiration_timestamp"]) == (0, 0.0005, NEVER)


def test_linear_dated_and_spot_instruments_are_told_apart(board: DeribitBoard) -> None:
    rows = {row["instrument_name"]: row for row in result(board, "public/get_instruments")}
    assert (rows["BTC_USDC-PERPETUAL"]["instrument_type"], rows["BTC_USDC-PERPETUAL"]["settlement_currency"]) == (
        "linear",
        "USDC",
    )
    dated = rows["BTC-27MAR26"]
    assert (dated["expiration_timestamp"], dated["settlement_period"], dated["is_active"]) == (EXPIRY, "month", True)
    assert rows["BTC_USDC"]["kind"] == "spot"
    assert "settlement_currency" not in rows["BTC_USDC"]
    assert len({row["instrument_id"] for row in rows.values()}) == len(rows)


def test_an_option_is_priced_in_steps_of_its_coin(board: DeribitBoard) -> None:
    row = instrument(board, CALL)
    assert (row["strike"], row["option_type"], row["expiration_timestamp"]) == (80_000, "call", EXPIRY)
    assert (row["quote_currency"], row["counter_currency"], row["contract_size"]) == ("BTC", "USD", 1)
    assert (row["tick_size"], row["tick_size_steps"]) == (0.0001, [{"above_price": 0.005, "tick_size": 0.0005}])


def test_options_are_those_that_are_held_and_those_that_were_listed_beside(board: DeribitBoard) -> None:
    names = [row["instrument_name"] for row in result(board, "public/get_instruments", currency="BTC", kind="option")]
    assert names == [CALL, "BTC-27MAR26-90000-C"]


def test_instruments_are_asked_for_by_currency_and_kind(board: DeribitBoard) -> None:
    assert len(result(board, "public/get_instruments", currency="USDC")) == 2
    assert [row["instrument_name"] for row in result(board, "public/get_instruments", currency="BTC", kind="spot")] == [
        "BTC_USDC"
    ]
    assert refusal(board, "public/get_instruments", kind="gossip")["code"] == -32602


def test_contracts_in_usdt_are_not_deribits() -> None:
    listings = (*default_listings(("BTC",)), inverse("BTC"), linear("BTC"))
    exchange = Exchange(listings=listings, start_at=START, users=("main",))
    names = {
        row["instrument_name"] for row in result(furnished_board(exchange), "public/get_instruments", kind="future")
    }
    assert names == {PERPETUAL, "BTC_USDC-PERPETUAL"}


def test_currencies_time_and_status_are_told(board: DeribitBoard) -> None:
    assert [row["currency"] for row in result(board, "public/get_currencies")] == ["BTC", "USDC"]
    assert result(board, "public/get_time") == board.exchange.now
    assert result(board, "public/status")["locked"] == "false"


# --- prices -----------------------------------------------------------------------------------------------------------


def test_the_middle_of_the_spot_pair_is_the_index_of_its_coin(board: DeribitBoard) -> None:
    assert result(board, "public/get_index_price", index_name="btc_usd")["index_price"] == 60_000.25
    assert result(board, "public/get_index_price", index_name="btc_usdc")["index_price"] == 60_000.25
    assert refusal(board, "public/get_index_price", index_name="doge_usd")["code"] == -32602


def test_a_perpetuals_ticker_has_its_amounts_in_dollars_and_its_funding(board: DeribitBoard) -> None:
    told = result(board, "public/ticker", instrument_name=PERPETUAL)
    assert (told["best_bid_amount"], told["mark_price"], told["state"]) == (500_000, 60_000.25, "open")
    assert {"current_funding", "funding_8h"} <= told.keys()
    assert "current_funding" not in result(board, "public/ticker", instrument_name="BTC-27MAR26")


def test_an_options_ticker_has_greeks_and_volatility_in_per_cent(board: DeribitBoard) -> None:
    told = result(board, "public/ticker", instrument_name=CALL)
    mark = board.exchange.floor.options.mark(call_option())
    assert told["mark_iv"] == pytest.approx(float(mark.sigma) * 100, abs=1e-4)
    assert 5 < told["mark_iv"] < 500
    assert told["greeks"]["delta"] == pytest.approx(mark.greeks.delta, abs=1e-8)
    assert (told["underlying_price"], told["underlying_index"]) == (float(mark.forward_price), "BTC-27MAR26")
    assert (told["best_bid_price"], told["best_bid_amount"]) == (0, 0)


def test_a_book_is_as_deep_as_was_asked_for(board: DeribitBoard) -> None:
    book = result(board, "public/get_order_book", instrument_name="BTC_USDC", depth=5)
    assert book["bids"][:2] == [[60_000, 3], [59_999.5, 3]]
    assert len(result(board, "public/get_order_book", instrument_name="BTC_USDC", depth=1)["asks"]) == 1


def test_summaries_are_of_everything_in_a_currency(board: DeribitBoard) -> None:
    rows = result(board, "public/get_book_summary_by_currency", currency="BTC", kind="option")
    assert [(row["instrument_name"], row["bid_price"]) for row in rows] == [(CALL, None), ("BTC-27MAR26-90000-C", None)]
    (one,) = result(board, "public/get_book_summary_by_instrument", instrument_name=PERPETUAL)
    assert (one["mid_price"], one["mark_price"]) == (60_000.25, 60_000.25)


# --- the past ---------------------------------------------------------------------------------------------------------


def chart(board: DeribitBoard, resolution: str) -> Any:
    span = {"start_timestamp": START, "end_timestamp": board.exchange.now}
    return result(board, "public/get_tradingview_chart_data", instrument_name=PERPETUAL, resolution=resolution, **span)


@pytest.mark.parametrize(("resolution", "hours"), [("60", 1), ("180", 3), ("360", 6), ("1D", 24)])
def test_bars_are_of_the_length_that_was_asked_for(aged: DeribitBoard, resolution: str, hours: int) -> None:
    told = chart(aged, resolution)
    assert told["status"] == "ok"
    assert told["ticks"] == [START + n * hours * HOUR for n in range(17 // hours + 1)]
    assert {len(told[key]) for key in ("open", "high", "low", "close", "volume")} == {len(told["ticks"])}


def test_bars_of_a_minute_are_not_kept(aged: DeribitBoard) -> None:
    assert chart(aged, "1")["status"] == "no_data"


def test_hourly_rates_come_to_what_each_settlement_paid(aged: DeribitBoard) -> None:
    span = {"start_timestamp": START, "end_timestamp": aged.exchange.now}
    rows = result(aged, "public/get_funding_rate_history", instrument_name=PERPETUAL, **span)
    by_hour = {(row["timestamp"] - START) // HOUR: row for row in rows}
    assert sorted(by_hour) == list(range(1, 17))
    assert by_hour[8]["interest_8h"] == pytest.approx(0.0008)
    assert by_hour[16]["interest_8h"] == pytest.approx(0.0016)
    assert by_hour[12]["interest_8h"] == pytest.approx(0.0012), "half of either"
    whole = result(aged, "public/get_funding_rate_value", instrument_name=PERPETUAL, **span)
    assert whole == pytest.approx(0.0024) == sum(row["interest_1h"] for row in rows)


def test_a_ticker_tells_the_running_rate_and_the_last_one_apart(aged: DeribitBoard) -> None:
    aged.exchange.set_funding_rate("BTCUSD_PERP", D("0.0001"))
    told = result(aged, "public/ticker", instrument_name=PERPETUAL)
    assert (told["current_funding"], told["funding_8h"]) == (0.0001, 0.0016)


def test_only_a_perpetual_has_funding_rates(board: DeribitBoard) -> None:
    span = {"start_timestamp": START, "end_timestamp": START + HOUR}
    assert refusal(board, "public/get_funding_rate_value", instrument_name="BTC_USDC", **span)["code"] == -32602


# --- other worlds -----------------------------------------------------------------------------------------------------


def test_a_coins_index_follows_its_first_spot_pair_in_whatever_quote() -> None:
    both = Exchange(
        listings=(*default_listings(("BTC",)), spot("BTC")), start_at=START, origin=Origin(seed=1, volatility={})
    )
    assert both.floor.spots["BTC"].listing.symbol == "BTCUSDT"
    alone = Exchange(listings=(spot("BTC"),), start_at=START)
    assert alone.floor.spots["BTC"].listing.symbol == "BTCUSDC"


def test_a_living_world_can_be_served_as_deribit() -> None:
    world = paper_world(3, START, contracts=(inverse("BTC"), inverse("BTC", expiry_at=EXPIRY)), still=True)
    board = furnished_board(world.exchange)
    world.exchange.advance(START + 60_000)
    told = result(board, "public/ticker", instrument_name=PERPETUAL)
    assert 0 < told["best_bid_price"] < told["best_ask_price"]
    balances = {row["currency"]: row["balance"] for row in result(board, "private/get_account_summaries")["summaries"]}
    assert balances["BTC"] == 1.2, "coins of the spot wallet are margin"

"""Accounts at Deribit: summaries that add up, signed positions, and one balance of each currency."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from hedger.model.order import Side
from hedger.sim.dialects.deribit.board import DeribitBoard
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Refused, Wallet
from tests.support.deribit_bench import call_option, furnished_board, furnished_exchange, quote_around, refusal, result

PERPETUAL, LINEAR, CALL = "BTC-PERPETUAL", "BTC_USDC-PERPETUAL", "BTC-27MAR26-80000-C"


@pytest.fixture
def board() -> DeribitBoard:
    return furnished_board()


def trade(board: DeribitBoard, side: str, name: str, amount: object) -> None:
    result(board, f"private/{side}", instrument_name=name, amount=amount, type="market")


def position(board: DeribitBoard, name: str) -> Any:
    return result(board, "private/get_position", instrument_name=name)


def summary(board: DeribitBoard, currency: str = "BTC") -> Any:
    return result(board, "private/get_account_summary", currency=currency)


def move_marks(exchange: Exchange, bid: D) -> None:
    """The crowd goes to another price, everywhere."""
    for listing in list(exchange.listings.values()):
        for side in Side:
            for price, _ in exchange.depth(listing.wallet, listing.symbol, 10)[0 if side is Side.BUY else 1]:
                exchange.set_crowd(listing.wallet, listing.symbol, side, price, D(0))
        quote_around(exchange, listing, bid)
    exchange.advance(exchange.now + 300_000)


# --- positions --------------------------------------------------------------------------------------------------------


def test_an_inverse_position_is_in_dollars_with_its_sign_and_in_coins_beside(board: DeribitBoard) -> None:
    trade(board, "sell", PERPETUAL, 6000)
    held = position(board, PERPETUAL)
    assert (held["size"], held["direction"], held["kind"], held["leverage"]) == (-6000, "sell", "future", 50)
    assert held["size_currency"] == held["delta"] == pytest.approx(-6000 / held["mark_price"])
    assert held["average_price"] == pytest.approx(60000, abs=0.01)
    assert held["initial_margin"] == pytest.approx(0.1 / 50, rel=1e-4)
    assert held["maintenance_margin"] == pytest.approx(0.1 / 100, rel=1e-4)


def test_a_linear_position_is_in_coins(board: DeribitBoard) -> None:
    trade(board, "buy", LINEAR, "0.5")
    held = position(board, LINEAR)
    assert (held["size"], held["size_currency"], held["delta"], held["direction"]) == (0.5, 0.5, 0.5, "buy")


def test_an_option_position_tells_the_greeks_of_the_whole_of_it(board: DeribitBoard) -> None:
    board.exchange.grant_option("main", call_option(), D(-2))
    held, ticker = position(board, CALL), result(board, "public/ticker", instrument_name=CALL)
    assert (held["size"], held["direction"], held["kind"]) == (-3, "sell", "option")
    for greek in ("delta", "gamma", "vega", "theta"):
        assert held[greek] == pytest.approx(-3 * ticker["greeks"][greek], abs=1e-7), greek
    assert held["delta"] < 0 < held["theta"]


def test_what_is_not_held_is_an_explicit_zero(board: DeribitBoard) -> None:
    held = position(board, PERPETUAL)
    assert (held["size"], held["direction"], held["average_price"], held["estimated_liquidation_price"]) == (
        0,
        "zero",
        0,
        0,
    )


def test_positions_are_those_held_and_zero_rows_of_those_that_were_traded(board: DeribitBoard) -> None:
    trade(board, "buy", PERPETUAL, 1000)
    trade(board, "sell", PERPETUAL, 1000)
    trade(board, "buy", LINEAR, "0.1")
    rows = {row["instrument_name"]: row["size"] for row in result(board, "private/get_positions")}
    assert rows == {PERPETUAL: 0, LINEAR: 0.1, CALL: -1}
    options = result(board, "private/get_positions", currency="BTC", kind="option")
    assert [row["instrument_name"] for row in options] == [CALL]
    assert [row["instrument_name"] for row in result(board, "private/get_positions", currency="USDC")] == [LINEAR]


def test_a_spot_pair_has_no_position(board: DeribitBoard) -> None:
    assert refusal(board, "private/get_position", instrument_name="BTC_USDC")["code"] == -32602


# --- summaries --------------------------------------------------------------------------------------------------------


def test_a_summary_adds_up_as_deribits_does(board: DeribitBoard) -> None:
    trade(board, "sell", PERPETUAL, 30_000)
    move_marks(board.exchange, D(61_000))
    told = summary(board)
    assert told["futures_session_upl"] < 0
    assert told["margin_balance"] == pytest.approx(told["balance"] + told["session_rpl"] + told["futures_session_upl"])
    assert told["equity"] == pytest.approx(told["margin_balance"] + told["options_value"])
    assert told["available_funds"] == pytest.approx(told["margin_balance"] - told["initial_margin"])
    assert 0 < told["maintenance_margin"] < told["initial_margin"]
    assert (told["margin_model"], told["cross_collateral_enabled"]) == ("segregated_sm", False)


def test_the_deltas_of_a_summary_are_those_of_its_positions(board: DeribitBoard) -> None:
    trade(board, "sell", PERPETUAL, 30_000)
    trade(board, "buy", "BTC-27MAR26", 6_000)
    told = summary(board)
    rows = result(board, "private/get_positions", currency="BTC")
    worth = sum(row["size"] * row["mark_price"] for row in rows if row["kind"] == "option")
    assert worth
    whole = sum(row["delta"] for row in rows)
    assert told["delta_total"] == pytest.approx(whole - worth, abs=1e-7)
    assert told["delta_total_map"] == {"btc_usd": pytest.approx(whole, abs=1e-7)}
    assert told["options_delta"] == pytest.approx(position(board, CALL)["delta"])
    assert told["options_value"] == pytest.approx(-position(board, CALL)["mark_price"])
    assert told["options_gamma_map"] == {"btc_usd": told["options_gamma"]}


def test_a_short_option_that_coins_do_not_cover_asks_for_margin(board: DeribitBoard) -> None:
    assert summary(board)["initial_margin"] == 0, "one call is covered by two coins"
    board.exchange.grant_option("main", call_option(), D(-3))
    assert summary(board)["initial_margin"] > summary(board)["maintenance_margin"] > 0


def test_every_currency_has_a_summary_even_an_empty_one(board: DeribitBoard) -> None:
    told = result(board, "private/get_account_summaries", extended=True)
    assert {row["currency"]: row["balance"] for row in told["summaries"]} == {"BTC": 2, "USDC": 100_000}
    assert (told["type"], told["username"]) == ("main", "main")
    assert all({"fees", "limits"} <= row.keys() for row in told["summaries"])
    assert summary(board, "USDC")["limits"]["matching_engine"]["trading"]["total"] == {"burst": 20, "rate": 5}
    assert refusal(board, "private/get_account_summary", currency="DOGE")["code"] == -32602


def test_working_orders_take_margin_from_what_is_available(board: DeribitBoard) -> None:
    result(board, "private/buy", instrument_name=PERPETUAL, amount=60_000, price=50_000)
    told = summary(board)
    assert told["available_funds"] == pytest.approx(2 - told["initial_margin"])
    assert told["initial_margin"] == pytest.approx(60_000 / 50_000 / 50)


# --- one purse --------------------------------------------------------------------------------------------------------


def test_coins_that_lie_in_the_spot_wallet_become_margin() -> None:
    exchange = furnished_exchange()
    exchange.deposit("main", Wallet.SPOT, "BTC", D(3))
    board = furnished_board(exchange)
    assert exchange.derivatives("main")["BTC"].wallet_balance == 5
    assert summary(board)["available_funds"] == 5
    exchange.deposit("main", Wallet.SPOT, "BTC", D(1))
    assert exchange.derivatives("main")["BTC"].wallet_balance == 6
    assert summary(board)["balance"] == 6


def test_accounts_without_a_key_keep_their_wallets_apart() -> None:
    exchange = furnished_exchange()
    exchange.deposit("other", Wallet.SPOT, "BTC", D(3))
    furnished_board(exchange)
    assert exchange.spot_balances("other")["BTC"] == (D(3), D(0))


def test_coins_that_back_a_position_cannot_be_sold(board: DeribitBoard) -> None:
    trade(board, "buy", PERPETUAL, 3_000_000)  # a margin of one coin
    with pytest.raises(Refused):
        board.exchange.transfer("main", "BTC", D("1.5"), to=Wallet.SPOT)
    error = refusal(board, "private/sell", instrument_name="BTC_USDC", amount="1.5", price=61_000)
    assert error["code"] == 10009


# --- what the exchange does to a position -----------------------------------------------------------------------------


def test_a_deleveraging_is_told_as_a_trade_without_a_label(board: DeribitBoard) -> None:
    trade(board, "sell", PERPETUAL, 6000)
    board.exchange.deleverage("main", "BTCUSD_PERP", D(300))
    assert position(board, PERPETUAL)["size"] == -3000
    told = result(board, "private/get_user_trades_by_instrument", instrument_name=PERPETUAL)["trades"]
    assert (told[0]["direction"], told[0]["label"], told[0]["api"], told[0]["fee"]) == ("buy", "", False, 0)


def test_a_liquidation_is_told_as_one(board: DeribitBoard) -> None:
    trade(board, "sell", PERPETUAL, 500_000)
    trade(board, "sell", PERPETUAL, 400_000)
    board.exchange.deposit("main", Wallet.INVERSE, "BTC", -D("1.6"))
    move_marks(board.exchange, D(62_500))
    assert board.exchange.truth("main").liquidations > 0
    (forced, *_) = result(board, "private/get_user_trades_by_instrument", instrument_name=PERPETUAL)["trades"]
    assert (forced["liquidation"], forced["label"], forced["direction"]) == ("T", "", "buy")
    order = result(board, "private/get_order_state", order_id=forced["order_id"])
    assert (order["is_liquidation"], order["order_type"]) == (True, "market")

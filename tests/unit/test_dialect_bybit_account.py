"""The unified account: one wallet out of several, margins that are true, positions, modes, fees and transfers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from hedger.model.order import Side
from hedger.sim.nouns import Wallet
from tests.support.bybit_bench import ASK, BID, CALL, Desk, desk

D = Decimal


def wallet(stand: Desk, **params: Any) -> dict[str, Any]:
    """The account."""
    (found,) = stand.get("/v5/account/wallet-balance", accountType="UNIFIED", **params)["result"]["list"]
    assert isinstance(found, dict)
    return found


def coins(stand: Desk, **params: Any) -> dict[str, dict[str, Any]]:
    """Its coins."""
    return {row["coin"]: row for row in wallet(stand, **params)["coin"]}


def position(stand: Desk, category: str = "linear", symbol: str = "BTCUSDT") -> dict[str, Any]:
    """One position."""
    answer = stand.get("/v5/position/list", category=category, symbol=symbol)
    (row,) = answer["result"]["list"]
    assert isinstance(row, dict)
    return row


def take(stand: Desk, side: str, quantity: str, **more: Any) -> None:
    """Trade at the market."""
    answer = stand.order(side=side, qty=quantity, orderType="Market", timeInForce="IOC", **more)
    assert answer["retCode"] == 0, answer


# --- the wallet -------------------------------------------------------------------------------------------------------


def test_a_balance_is_the_sum_of_the_exchanges_wallets() -> None:
    told = coins(desk())
    assert (D(told["BTC"]["walletBalance"]), D(told["USDT"]["walletBalance"])) == (D(3), D(150_000))
    assert set(told) == {"BTC", "USDT"}


def test_named_coins_are_told_even_where_there_is_nothing() -> None:
    told = coins(desk(), coin="USDC,BTC")
    assert set(told) == {"USDC", "BTC"}
    assert (told["USDC"]["walletBalance"], told["USDC"]["equity"]) == ("0", "0")


def test_a_coin_that_lies_in_the_spot_wallet_only_is_not_collateral() -> None:
    stand = desk()
    assert coins(stand)["BTC"]["collateralSwitch"] is True
    stand.exchange.transfer("main", "BTC", D(1), to=Wallet.SPOT)
    stand.exchange.transfer("main", "USDT", D(50_000), to=Wallet.SPOT)
    told = wallet(stand)
    assert {row["coin"]: row["collateralSwitch"] for row in told["coin"]} == {"USDT": False, "BTC": False}
    assert (D(told["totalMarginBalance"]), D(told["totalAvailableBalance"])) == (D(0), D(0))


def test_totals_in_dollars_are_those_of_the_derivatives_wallets() -> None:
    stand = desk()
    take(stand, "Buy", "1")
    take(stand, "Sell", "6000", category="inverse", symbol="BTCUSD")
    told, exchange = wallet(stand), stand.exchange
    usdt, btc = (exchange.derivatives("main")[coin] for coin in ("USDT", "BTC"))
    price = exchange.floor.index_in("BTC", "USD")
    assert price is not None
    assert D(told["totalMarginBalance"]) == pytest.approx(usdt.equity + btc.equity * price)
    assert D(told["totalMaintenanceMargin"]) == pytest.approx(usdt.maintenance_margin + btc.maintenance_margin * price)
    assert D(told["totalInitialMargin"]) == pytest.approx(usdt.initial_margin + btc.initial_margin * price)
    assert D(told["totalPerpUPL"]) == pytest.approx(usdt.unrealized_pnl + btc.unrealized_pnl * price, abs=D("1e-7"))
    worst = max(usdt.maintenance_margin / usdt.equity, btc.maintenance_margin / btc.equity)
    assert D(told["accountMMRate"]) == pytest.approx(worst, abs=D("1e-8"))


def test_coins_that_back_nothing_are_not_in_the_margin_balance_while_money_backs_positions() -> None:
    stand = desk()
    everything = D(wallet(stand)["totalMarginBalance"])
    assert everything == D(wallet(stand)["totalEquity"]) + stand.exchange.floor.options.mark(CALL).price
    take(stand, "Buy", "1")
    told, usdt = wallet(stand), stand.exchange.linear_account("main")
    assert D(told["totalMarginBalance"]) == usdt.equity < everything
    assert D(told["totalAvailableBalance"]) == usdt.available
    assert D(told["accountMMRate"]) == pytest.approx(usdt.maintenance_margin / usdt.equity, abs=D("1e-8"))
    assert D(told["totalWalletBalance"]) > usdt.wallet_balance


def test_a_perpetual_in_usdc_has_a_wallet_of_its_own() -> None:
    stand = desk()
    stand.exchange.deposit("main", Wallet.INVERSE, "USDC", D(10_000))
    take(stand, "Buy", "0.1", symbol="BTCPERP")
    row = coins(stand)["USDC"]
    account = stand.exchange.derivatives("main")["USDC"]
    assert D(row["walletBalance"]) == account.wallet_balance == 10_000 - D("3.3000055")
    assert D(row["totalPositionIM"]) == account.initial_margin > 0
    (held,) = stand.get("/v5/position/list", category="linear", settleCoin="USDC")["result"]["list"]
    assert (held["symbol"], held["size"]) == ("BTCPERP", "0.100")
    assert "USDC" not in stand.exchange.truth("main").deltas


def test_the_rate_of_the_account_reaches_one_where_the_exchange_liquidates() -> None:
    stand = desk()
    exchange = stand.exchange
    exchange.transfer("main", "BTC", D(1), to=Wallet.SPOT)
    exchange.transfer("main", "USDT", D(47_000), to=Wallet.SPOT)
    take(stand, "Buy", "0.9")
    rate = D(0)
    for side in Side:  # without a book the mark follows the index
        for level in range(5):
            price_at = BID - D(level) / 10 if side is Side.BUY else ASK + D(level) / 10
            exchange.set_crowd(Wallet.LINEAR, "BTCUSDT", side, price_at, D(0))
    for price in range(60_000, 50_000, -20):
        exchange.set_index("BTC", D(price))
        exchange.refresh_marks()
        if exchange.truth("main").liquidations:
            break
        rate = D(wallet(stand)["accountMMRate"])
        stand.exchange.advance(stand.exchange.now + 1_000)
    assert exchange.truth("main").liquidations > 0
    assert D("0.9") < rate < 1


def test_what_options_are_worth_is_in_the_equity_and_not_in_the_margin_balance() -> None:
    stand = desk()
    told = wallet(stand)
    worth = D(told["totalEquity"]) - D(told["totalMarginBalance"])
    mark = stand.exchange.floor.options.mark(CALL)
    assert worth == pytest.approx(-mark.price, abs=D("1e-6"))
    row = coins(stand)["USDT"]
    assert D(row["equity"]) == D(row["walletBalance"]) + D(row["unrealisedPnl"]) - mark.price


def test_locked_coins_and_margins_of_orders_are_told() -> None:
    stand = desk()
    stand.order(category="spot", qty="0.5")
    stand.order(qty="2")
    row = coins(stand)["USDT"]
    assert D(row["locked"]) == 29_500
    assert D(row["totalOrderIM"]) == stand.exchange.linear_account("main").open_order_margin > 0


def test_isolated_margin_leaves_the_rates_of_the_account_empty() -> None:
    stand = desk()
    answer = stand.post("/v5/account/set-margin-mode", setMarginMode="ISOLATED_MARGIN")
    assert (answer["retCode"], answer["result"]) == (0, {"reasons": []})
    assert stand.get("/v5/account/info")["result"]["marginMode"] == "ISOLATED_MARGIN"
    told = wallet(stand)
    assert (told["accountMMRate"], told["totalMarginBalance"], told["totalAvailableBalance"]) == ("", "", "")
    assert D(told["totalEquity"]) > 0
    take(stand, "Buy", "1")
    assert D(position(stand)["liqPrice"]) > 0


def test_the_margin_mode_does_not_change_with_a_position() -> None:
    stand = desk()
    take(stand, "Buy", "0.1")
    answer = stand.post("/v5/account/set-margin-mode", setMarginMode="ISOLATED_MARGIN")
    assert answer["retCode"] == 3400045
    assert answer["result"]["reasons"][0]["reasonMsg"]
    assert stand.post("/v5/account/set-margin-mode", setMarginMode="PORTFOLIO_MARGIN")["retCode"] == 3400045
    assert stand.post("/v5/account/set-margin-mode", setMarginMode="REGULAR_MARGIN")["retCode"] == 0


# --- positions --------------------------------------------------------------------------------------------------------


def test_a_flat_position_is_told_when_it_is_named() -> None:
    row = position(desk())
    assert (row["side"], row["size"], row["avgPrice"], row["positionIdx"]) == ("", "0", "0", 0)
    assert (row["liqPrice"], row["positionMM"], row["unrealisedPnl"]) == ("", "", "")


def test_open_positions_of_a_coin_are_told_and_flat_ones_are_not() -> None:
    stand = desk()
    take(stand, "Sell", "0.5")
    answer = stand.get("/v5/position/list", category="linear", settleCoin="USDT")
    (row,) = answer["result"]["list"]
    assert (row["symbol"], row["side"], row["size"]) == ("BTCUSDT", "Sell", "0.500")
    assert (D(row["avgPrice"]), D(row["positionValue"])) == (D(60_000), D(30_000))
    held = stand.exchange.floor.board.position(stand.exchange.floor.account("main"), "BTCUSDT")
    assert (D(row["positionMM"]), D(row["positionIM"])) == (held.maintenance_margin, held.initial_margin)
    assert stand.get("/v5/position/list", category="linear", settleCoin="USDC")["result"]["list"] == []
    assert stand.get("/v5/position/list", category="linear")["retCode"] == 10001


@pytest.mark.parametrize("side", ["Buy", "Sell"])
@pytest.mark.parametrize(("contract", "quantity"), [({}, "5"), ({"category": "inverse", "symbol": "BTCUSD"}, "400000")])
def test_in_cross_margin_a_liquidation_price_is_told_as_an_estimate(
    side: str, contract: dict[str, str], quantity: str
) -> None:
    stand = desk()
    take(stand, side, quantity, **contract)
    named = {"category": "linear", "symbol": "BTCUSDT"} | contract
    (row,) = stand.get("/v5/position/list", **named)["result"]["list"]
    symbol = "BTCUSD_PERP" if contract else "BTCUSDT"
    estimate = stand.exchange.floor.board.liquidation_price(stand.exchange.floor.account("main"), symbol)
    assert estimate is not None
    assert abs(D(row["liqPrice"]) - estimate) < 1
    assert (D(row["liqPrice"]) < 60_000) is (side == "Buy")


def test_where_no_price_of_the_contract_liquidates_none_is_told() -> None:
    stand = desk()
    take(stand, "Buy", "0.1")
    take(stand, "Sell", "600", category="inverse", symbol="BTCUSD")
    rows = [stand.get("/v5/position/list", category="inverse")["result"]["list"][0], position(stand)]
    assert [row["liqPrice"] for row in rows] == ["", ""]


def test_an_inverse_position_is_in_dollars_and_valued_in_coins() -> None:
    stand = desk()
    take(stand, "Sell", "6000", category="inverse", symbol="BTCUSD")
    (row,) = stand.get("/v5/position/list", category="inverse")["result"]["list"]
    assert (row["symbol"], row["side"], row["size"]) == ("BTCUSD", "Sell", "6000")
    assert D(row["positionValue"]) == D("0.1")


def test_positions_come_in_pages() -> None:
    stand = desk()
    for symbol in ("BTCUSDT", "BTCUSDT-26JUN26", "BTCUSDT-25SEP26"):
        take(stand, "Buy", "0.01", symbol=symbol)
    asked: dict[str, Any] = {"category": "linear", "settleCoin": "USDT", "limit": "2"}
    first = stand.get("/v5/position/list", **asked)["result"]
    second = stand.get("/v5/position/list", **asked, cursor=first["nextPageCursor"])["result"]
    told = [row["symbol"] for page in (first, second) for row in page["list"]]
    assert told == ["BTCUSDT", "BTCUSDT-26JUN26", "BTCUSDT-25SEP26"]


def test_an_option_position_is_told_with_its_greeks() -> None:
    stand = desk()
    (row,) = stand.get("/v5/position/list", category="option")["result"]["list"]
    assert (row["symbol"], row["side"], row["size"]) == ("BTC-26JUN26-80000-C-USDT", "Sell", "1")
    assert -1 < D(row["delta"]) < 0
    assert D(row["markPrice"]) == stand.exchange.floor.options.mark(CALL).price


def test_leverage_is_changed_and_the_same_one_is_refused() -> None:
    stand = desk()
    asked = {"category": "linear", "symbol": "BTCUSDT", "buyLeverage": "5", "sellLeverage": "5"}
    assert stand.post("/v5/position/set-leverage", **asked)["retCode"] == 0
    assert stand.post("/v5/position/set-leverage", **asked)["retCode"] == 110043
    assert position(stand)["leverage"] == "5"
    far = asked | {"buyLeverage": "200", "sellLeverage": "200"}
    assert stand.post("/v5/position/set-leverage", **far)["retCode"] == 110013
    uneven = asked | {"buyLeverage": "6"}
    assert stand.post("/v5/position/set-leverage", **uneven)["retCode"] == 10001


def test_the_position_mode_is_changed_when_flat_and_without_orders_only() -> None:
    stand = desk()
    asked: dict[str, Any] = {"category": "linear", "coin": "USDT"}
    assert stand.post("/v5/position/switch-mode", **asked, mode=0)["retCode"] == 110025
    stand.order(orderLinkId="h1")
    assert stand.post("/v5/position/switch-mode", **asked, mode=3)["retCode"] == 110028
    stand.post("/v5/order/cancel", category="linear", symbol="BTCUSDT", orderLinkId="h1")
    assert stand.post("/v5/position/switch-mode", **asked, mode=3)["retCode"] == 0
    assert stand.order()["retCode"] == 10001
    assert stand.post("/v5/position/switch-mode", **asked, mode=0)["retCode"] == 0
    take(stand, "Buy", "0.01")
    assert stand.post("/v5/position/switch-mode", **asked, mode=3)["retCode"] == 110024


# --- the rest ---------------------------------------------------------------------------------------------------------


def test_fees_are_told_by_symbol() -> None:
    (row,) = desk().get("/v5/account/fee-rate", category="linear", symbol="BTCUSDT")["result"]["list"]
    assert (row["symbol"], row["makerFeeRate"], row["takerFeeRate"]) == ("BTCUSDT", "0.0002", "0.00055")


def test_money_moves_to_the_funding_wallet_and_back() -> None:
    stand = desk()
    asked = {"transferId": "t1", "coin": "USDT", "amount": "1000"}
    out = asked | {"fromAccountType": "UNIFIED", "toAccountType": "FUND"}
    back = asked | {"fromAccountType": "FUND", "toAccountType": "UNIFIED"}
    path = "/v5/asset/transfer/inter-transfer"
    assert stand.post(path, **back)["retCode"] == 131212
    stand.exchange.advance(stand.exchange.now + 1_000)
    assert stand.post(path, **out)["result"] == {"transferId": "t1", "status": "SUCCESS"}
    assert D(coins(stand)["USDT"]["walletBalance"]) == 149_000
    stand.exchange.advance(stand.exchange.now + 1_000)
    assert stand.post(path, **back)["retCode"] == 0
    assert D(coins(stand)["USDT"]["walletBalance"]) == 150_000
    stand.exchange.advance(stand.exchange.now + 1_000)
    assert stand.post(path, **(out | {"amount": "1000000"}))["retCode"] == 131212

"""Orders as Bybit has them: accepted and then canceled, known by two ids, refused by codes, listed in pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from hedger.model.order import Side
from hedger.model.spans import DAY_MS
from hedger.sim.dialects.bybit.signing import Credential
from hedger.sim.nouns import Wallet
from tests.support.bybit_bench import HOURLY_MS, Desk, desk, furnished_exchange


def rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The list of an answer."""
    assert answer["retCode"] == 0, answer
    found: list[dict[str, Any]] = answer["result"]["list"]
    return found


def closed(stand: Desk, link_id: str) -> dict[str, Any]:
    """An order that has ended, by its own id."""
    (row,) = rows(stand.get("/v5/order/realtime", category="linear", symbol="BTCUSDT", orderLinkId=link_id))
    return row


def test_a_create_answers_with_ids_only() -> None:
    answer = desk().order(orderLinkId="h1")
    assert answer["retCode"] == 0
    assert set(answer["result"]) == {"orderId", "orderLinkId"}
    assert answer["result"]["orderLinkId"] == "h1"


def test_a_post_only_order_that_would_take_is_accepted_and_then_canceled() -> None:
    stand = desk()
    answer = stand.order(orderLinkId="h1", price="60000.1")
    assert (answer["retCode"], answer["result"]["orderLinkId"]) == (0, "h1")
    row = closed(stand, "h1")
    assert (row["orderStatus"], row["rejectReason"]) == ("Cancelled", "EC_PostOnlyWillTakeLiquidity")
    assert (row["orderId"], row["timeInForce"]) == (answer["result"]["orderId"], "PostOnly")
    assert (row["leavesQty"], row["cumExecQty"]) == ("0.000", "0.000")
    assert rows(stand.get("/v5/order/history", category="linear"))[0]["orderLinkId"] == "h1"
    assert rows(stand.get("/v5/order/realtime", category="linear", symbol="BTCUSDT")) == []
    assert rows(stand.get("/v5/execution/list", category="linear")) == []


def test_on_spot_an_order_that_would_take_is_refused_at_once() -> None:
    stand = desk()
    answer = stand.order(category="spot", symbol="BTCUSDT", qty="0.01", price="60000.1")
    assert (answer["status"], answer["retCode"]) == (200, 170218)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"qty": "100"}, 110007),
        ({"side": "Sell", "price": "61000", "reduceOnly": True}, 110017),
        ({"qty": "0.0005"}, 10001),
        ({"qty": "0.0015"}, 10001),
        ({"qty": "100000"}, 10001),
        ({"price": "59000.05"}, 10001),
        ({"symbol": "ABCUSDT"}, 10001),
        ({"category": "none"}, 10001),
        ({"side": "buy"}, 10001),
        ({"qty": 0.1}, 10001),
        ({"orderLinkId": "x" * 37}, 10001),
        ({"orderLinkId": "a b"}, 10001),
        ({"positionIdx": 1}, 10001),
        ({"timeInForce": "GTX"}, 10001),
        ({"price": ""}, 10001),
        ({"triggerPrice": "58000"}, 10001),
        ({"category": "option", "symbol": "BTC-26JUN26-80000-C-USDT"}, 110066),
        ({"category": "spot", "qty": "10"}, 170131),
        ({"category": "spot", "qty": "0.00002"}, 170140),
        ({"category": "spot", "price": "59000.001"}, 170134),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_each_refusal_has_its_code_under_http_200(changes: dict[str, Any], code: int) -> None:
    stand = desk()
    answer = stand.order(**changes)
    assert (answer["status"], answer["retCode"]) == (200, code), answer["retMsg"]
    assert stand.exchange.floor.account("main").working == {}


@pytest.mark.parametrize(
    ("side", "asked", "taken"), [("Buy", "70000", "66000.0"), ("Sell", "50000", "54000.1"), ("Buy", "65000", "65000.0")]
)
def test_a_price_that_reaches_too_far_is_moved_to_the_furthest_that_is_allowed(
    side: str, asked: str, taken: str
) -> None:
    stand = desk()
    assert stand.order(side=side, qty="0.1", price=asked, timeInForce="GTC", orderLinkId="h1")["retCode"] == 0
    assert stand.order(side=side, price=asked, orderLinkId="h2")["retCode"] == 0
    through, turned_away = closed(stand, "h1"), closed(stand, "h2")
    assert (through["price"], through["orderStatus"]) == (taken, "Filled")
    assert (turned_away["price"], turned_away["rejectReason"]) == (taken, "EC_PostOnlyWillTakeLiquidity")
    assert stand.order(side=side, price=f"{asked}.05", timeInForce="GTC")["retCode"] == 10001


def test_an_order_below_the_least_value_is_refused_with_its_own_code() -> None:
    stand = desk()
    stand.exchange.set_crowd(Wallet.LINEAR, "BTCUSDT", Side.BUY, Decimal("4000"), Decimal(1))
    answer = stand.order(qty="0.001", price="4000")
    assert answer["retCode"] == 110094


def test_a_leverage_that_is_too_high_for_a_position_has_its_code() -> None:
    stand = desk()
    stand.exchange.deposit("main", Wallet.LINEAR, "USDT", Decimal(10_000_000))
    assert stand.post("/v5/position/set-leverage", **LEVERAGE)["retCode"] == 0
    assert stand.order(qty="20")["retCode"] == 110090


LEVERAGE = {"category": "linear", "symbol": "BTCUSDT", "buyLeverage": "125", "sellLeverage": "125"}


def test_an_own_id_is_never_taken_twice_whatever_became_of_the_first_order() -> None:
    stand = desk()
    assert stand.order(orderLinkId="h1")["retCode"] == 0
    assert stand.order(orderLinkId="h1")["retCode"] == 110072
    cancel = {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": "h1"}
    assert stand.post("/v5/order/cancel", **cancel)["retCode"] == 0
    assert stand.order(orderLinkId="h1")["retCode"] == 110072
    assert stand.order(orderLinkId="h2", price="60001")["retCode"] == 0
    assert stand.order(orderLinkId="h2")["retCode"] == 110072
    assert stand.exchange.truth("main").duplicate_client_ids == 3
    assert stand.order(category="spot", orderLinkId="h1", qty="0.01")["retCode"] == 0


def test_a_refused_order_leaves_its_id_free() -> None:
    stand = desk()
    assert stand.order(orderLinkId="h1", qty="100")["retCode"] == 110007
    assert stand.order(orderLinkId="h1")["retCode"] == 0


def test_an_order_is_canceled_by_either_id_and_only_once() -> None:
    stand = desk()
    by_id = stand.order(orderLinkId="h1")["result"]["orderId"]
    stand.order(orderLinkId="h2")
    first = stand.post("/v5/order/cancel", category="linear", symbol="BTCUSDT", orderId=by_id)
    assert first["result"] == {"orderId": by_id, "orderLinkId": "h1"}
    assert stand.post("/v5/order/cancel", category="linear", symbol="BTCUSDT", orderLinkId="h2")["retCode"] == 0
    again = stand.post("/v5/order/cancel", category="linear", symbol="BTCUSDT", orderLinkId="h2")
    assert again["retCode"] == 110001
    assert stand.post("/v5/order/cancel", category="linear", symbol="BTCUSDT")["retCode"] == 10001
    spot = stand.post("/v5/order/cancel", category="spot", symbol="BTCUSDT", orderLinkId="h2")
    assert spot["retCode"] == 170213
    row = closed(stand, "h1")
    assert (row["orderStatus"], row["cancelType"], row["rejectReason"]) == ("Cancelled", "CancelByUser", "EC_NoError")


def test_another_users_order_is_not_found() -> None:
    stand = desk()
    order_id = stand.order(orderLinkId="h1")["result"]["orderId"]
    stand.exchange.open_account("other")
    stand.keys["o"] = Credential(secret="o", user="other")
    stand.key = stand.secret = "o"
    asked = {"category": "linear", "symbol": "BTCUSDT"}
    assert stand.post("/v5/order/cancel", **asked, orderId=order_id)["retCode"] == 110001
    assert stand.post("/v5/order/cancel", **asked, orderLinkId="h1")["retCode"] == 110001
    assert rows(stand.get("/v5/order/realtime", **asked, openOnly="1")) == []


def test_all_orders_of_a_coin_are_canceled_and_no_others() -> None:
    stand = desk()
    for link_id in ("h1", "h2"):
        stand.order(orderLinkId=link_id)
    stand.order(category="inverse", symbol="BTCUSD", qty="1000", orderLinkId="i1")
    assert stand.post("/v5/order/cancel-all", category="linear")["retCode"] == 10001
    gone = rows(stand.post("/v5/order/cancel-all", category="linear", settleCoin="USDT"))
    assert [row["orderLinkId"] for row in gone] == ["h2", "h1"]
    assert [o.client_order_id for o in stand.exchange.truth("main").open_orders] == ["i1"]


def test_a_market_order_fills_and_tells_its_average() -> None:
    stand = desk()
    stand.order(orderType="Market", timeInForce="IOC", qty="4", orderLinkId="m1")
    row = closed(stand, "m1")
    assert (row["orderStatus"], row["orderType"], row["timeInForce"]) == ("Filled", "Market", "IOC")
    assert (row["cumExecQty"], row["avgPrice"]) == ("4.000", "60000.1")
    assert Decimal(row["cumExecValue"]) == Decimal("240000.5")
    assert row["cumFeeDetail"] == {"USDT": row["cumExecFee"]}


def test_an_order_that_must_fill_at_once_keeps_nothing_in_the_book() -> None:
    stand = desk()
    stand.order(timeInForce="IOC", qty="4", price="60000.1", orderLinkId="i1")
    part = closed(stand, "i1")
    assert (part["orderStatus"], part["cumExecQty"]) == ("Cancelled", "3.000")
    stand.order(timeInForce="FOK", qty="20", price="60000.5", orderLinkId="f1")
    none = closed(stand, "f1")
    assert (none["orderStatus"], none["cumExecQty"]) == ("Cancelled", "0.000")
    assert none["rejectReason"] == "EC_NoImmediateQtyToFill"
    assert stand.exchange.truth("main").open_orders == []


def test_a_spot_market_buy_is_in_quote_unless_it_says_otherwise() -> None:
    stand = desk()
    market = {"category": "spot", "orderType": "Market", "timeInForce": "IOC"}
    stand.order(**market, qty="6000.01", orderLinkId="q")
    stand.order(**market, qty="0.2", marketUnit="baseCoin", orderLinkId="b")
    stand.order(**market, side="Sell", qty="0.3", orderLinkId="s")
    trades = rows(stand.get("/v5/execution/list", category="spot"))
    assert [row["execQty"] for row in trades] == ["0.30000", "0.20000", "0.10000"]


def test_an_inverse_order_is_in_dollars_and_its_value_in_coins() -> None:
    stand = desk()
    stand.order(category="inverse", symbol="BTCUSD", orderType="Market", side="Sell", qty="6000", orderLinkId="i1")
    (row,) = rows(stand.get("/v5/order/history", category="inverse"))
    assert (row["qty"], row["avgPrice"], row["cumExecValue"]) == ("6000", "60000.0", "0.1")
    assert set(row["cumFeeDetail"]) == {"BTC"}


def test_a_contract_row_speaks_of_take_profit_and_a_spot_row_does_not() -> None:
    stand = desk()
    stand.order()
    stand.order(category="spot", qty="0.01")
    (linear,) = rows(stand.get("/v5/order/realtime", category="linear", settleCoin="USDT"))
    (spot,) = rows(stand.get("/v5/order/realtime", category="spot"))
    assert "tpslMode" in linear
    assert "tpslMode" not in spot
    assert linear["orderLinkId"] == ""  # the client sent none


def test_open_orders_of_linear_need_a_symbol_or_a_coin() -> None:
    assert desk().get("/v5/order/realtime", category="linear")["retCode"] == 10001


def test_ended_orders_are_found_among_the_recent_when_asked_for() -> None:
    stand = desk()
    stand.order(orderLinkId="h1", price="61000")
    stand.order(orderLinkId="h2")
    usual = rows(stand.get("/v5/order/realtime", category="linear", symbol="BTCUSDT"))
    both = rows(stand.get("/v5/order/realtime", category="linear", symbol="BTCUSDT", openOnly="1"))
    assert [row["orderLinkId"] for row in usual] == ["h2"]
    assert [row["orderLinkId"] for row in both] == ["h2", "h1"]


def test_canceled_orders_are_forgotten_after_a_day_and_filled_ones_are_not() -> None:
    stand = desk(furnished_exchange(beat_ms=HOURLY_MS))
    stand.order(orderLinkId="h1", price="61000")
    stand.order(orderLinkId="m1", orderType="Market", timeInForce="IOC")
    stand.exchange.advance(stand.exchange.now + DAY_MS + 1)
    kept = rows(stand.get("/v5/order/history", category="linear"))
    assert [row["orderLinkId"] for row in kept] == ["m1"]
    stand.exchange.advance(stand.exchange.now + 7 * DAY_MS)
    assert rows(stand.get("/v5/order/history", category="linear")) == []


def test_pages_of_orders_lose_none_though_one_is_canceled_in_between() -> None:
    stand = desk()
    for number in range(5):
        stand.order(orderLinkId=f"h{number}")
    asked = {"category": "linear", "settleCoin": "USDT", "limit": "2"}
    first = stand.get("/v5/order/realtime", **asked)
    stand.post("/v5/order/cancel", category="linear", symbol="BTCUSDT", orderLinkId="h4")
    second = stand.get("/v5/order/realtime", **asked, cursor=first["result"]["nextPageCursor"])
    third = stand.get("/v5/order/realtime", **asked, cursor=second["result"]["nextPageCursor"])
    last = stand.get("/v5/order/realtime", **asked, cursor=third["result"]["nextPageCursor"])
    told = [row["orderLinkId"] for page in (first, second, third) for row in rows(page)]
    assert told == ["h4", "h3", "h2", "h1", "h0"]
    assert (rows(last), last["result"]["nextPageCursor"]) == ([], "")
    assert stand.get("/v5/order/realtime", **asked, cursor="nonsense")["retCode"] == 10001


def test_a_contract_that_is_announced_as_closed_takes_no_orders() -> None:
    stand = desk()
    stand.board.notices.announce("BTCUSDT", "Closed")
    assert stand.order()["retCode"] == 110074
    stand.board.notices.announce("BTCUSDT", "")
    assert stand.order()["retCode"] == 10001
    stand.board.notices.announce("BTCUSDT", "Trading")
    assert stand.order()["retCode"] == 0


def test_a_reduce_only_order_that_may_no_longer_reduce_is_canceled_by_bybit() -> None:
    stand = desk()
    stand.order(orderType="Market", timeInForce="IOC", qty="1")
    stand.order(side="Sell", price="61000", qty="1", reduceOnly=True, orderLinkId="r1")
    stand.order(side="Sell", orderType="Market", timeInForce="IOC", qty="1", reduceOnly=False)
    row = closed(stand, "r1")
    assert (row["orderStatus"], row["cancelType"]) == ("Cancelled", "CancelByReduceOnly")

"""Bybit's WebSockets without a network: signing in, topics, frames, and what happens when the last socket goes."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest

from hedger.model.order import Side
from hedger.sim.dialects.board import Session
from hedger.sim.dialects.bybit.hosts import PRIVATE_PATH, REST, STREAM
from hedger.sim.dialects.requests import Body
from hedger.sim.nouns import Wallet
from tests.support.bybit_bench import ASK, BID, KEY, SECRET, Desk, desk

D = Decimal


@dataclass(slots=True, eq=False)
class Ear:
    """A reader that keeps what it is told, and its session."""

    frames: list[Body] = field(default_factory=list)
    session: Session | None = None

    def tell(self, stream: str, body: Body) -> None:
        """Keep a frame."""
        self.frames.append(body)

    def ask(self, op: str, *args: str) -> dict[str, Any]:
        """The reply to a request."""
        assert self.session is not None
        reply = self.session.answer(json.dumps({"op": op, "req_id": "7", "args": list(args)}))
        assert reply is not None
        return reply

    def of(self, topic: str) -> list[Any]:
        """The data of what was told of a topic."""
        return [frame["data"] for frame in self.frames if frame["topic"] == topic]

    def close(self) -> None:
        """Be gone."""
        assert self.session is not None
        self.session.close()


def private(stand: Desk, *topics: str, secret: str = SECRET) -> Ear:
    """A private socket that has signed in."""
    ear = Ear()
    ear.session = stand.board.connect(STREAM, PRIVATE_PATH, "", ear)
    expires = str(stand.exchange.now + 10_000)
    sign = hmac.new(secret.encode(), f"GET/realtime{expires}".encode(), sha256).hexdigest()
    ear.ask("auth", KEY, expires, sign)
    if topics:
        assert ear.ask("subscribe", *topics)["success"]
    return ear


def public(stand: Desk, category: str, *topics: str) -> Ear:
    """A public socket."""
    ear = Ear()
    ear.session = stand.board.connect(STREAM, f"/v5/public/{category}", "", ear)
    assert ear.ask("subscribe", *topics)["success"]
    return ear


# --- signing in -------------------------------------------------------------------------------------------------------


def test_only_the_stream_host_has_sockets_and_only_at_their_addresses() -> None:
    board = desk().board
    assert board.wrap(STREAM, PRIVATE_PATH) is not None
    assert board.wrap(STREAM, "/v5/public/linear") is not None
    assert board.wrap(STREAM, "/v5/public/other") is None
    assert board.wrap(REST, PRIVATE_PATH) is None


def test_nothing_is_told_to_who_has_not_signed_in() -> None:
    stand = desk()
    ear = private(stand, secret="wrong")
    refused = ear.ask("subscribe", "order")
    assert (refused["success"], refused["ret_msg"]) == (False, "Request not authorized")
    stand.order()
    assert ear.frames == []


def test_a_signature_that_has_expired_is_refused() -> None:
    stand = desk()
    ear = Ear()
    ear.session = stand.board.connect(STREAM, PRIVATE_PATH, "", ear)
    expires = str(stand.exchange.now)
    sign = hmac.new(SECRET.encode(), f"GET/realtime{expires}".encode(), sha256).hexdigest()
    assert ear.ask("auth", KEY, expires, sign)["success"] is False


def test_a_ping_is_answered_on_every_socket() -> None:
    stand = desk()
    assert private(stand).ask("ping")["op"] == "pong"
    assert public(stand, "linear", "tickers.BTCUSDT").ask("ping")["ret_msg"] == "pong"
    assert public(stand, "option", "tickers.BTC-26JUN26-80000-C-USDT").ask("ping")["op"] == "pong"


def test_an_unknown_topic_is_refused_with_its_request() -> None:
    ear = private(desk())
    answer = ear.ask("subscribe", "order", "nothing")
    assert (answer["success"], answer["req_id"]) == (False, "7")
    assert "nothing" in answer["ret_msg"]


# --- private topics ---------------------------------------------------------------------------------------------------


def test_an_order_that_would_take_is_told_as_canceled_once() -> None:
    stand = desk()
    ear = private(stand, "order", "execution")
    stand.order(orderLinkId="h1", price="60000.1")
    ((row,),) = ear.of("order")
    assert (row["orderLinkId"], row["orderStatus"]) == ("h1", "Cancelled")
    assert (row["rejectReason"], row["category"], row["tpslMode"]) == ("EC_PostOnlyWillTakeLiquidity", "linear", "")
    assert ear.of("execution") == []


def test_an_orders_life_is_told_in_its_order() -> None:
    stand = desk()
    ear = private(stand, "order", "execution", "position")
    stand.order(orderLinkId="h1", qty="0.5", price=str(BID))
    stand.exchange.crowd_takes(Wallet.LINEAR, "BTCUSDT", Side.SELL, D("3.2"))
    stand.post("/v5/order/cancel", category="linear", symbol="BTCUSDT", orderLinkId="h1")
    told = [(row["orderStatus"], row["cumExecQty"]) for (row,) in ear.of("order")]
    assert told == [("New", "0.000"), ("PartiallyFilled", "0.200"), ("Cancelled", "0.200")]
    ((fill,),) = ear.of("execution")
    assert (fill["execQty"], fill["leavesQty"], fill["execType"], fill["isMaker"]) == ("0.200", "0.300", "Trade", True)
    assert [(row["side"], row["size"]) for (row,) in ear.of("position")] == [
        ("", "0"),
        ("Buy", "0.200"),
        ("Buy", "0.200"),
    ]
    assert "entryPrice" in ear.of("position")[1][0]


def test_a_topic_of_one_category_tells_nothing_of_another() -> None:
    stand = desk()
    ear = private(stand, "order.inverse")
    stand.order()
    assert ear.frames == []
    stand.order(category="inverse", symbol="BTCUSD", qty="100")
    assert [row["symbol"] for (row,) in ear.of("order.inverse")] == ["BTCUSD"]


def test_a_changed_balance_is_told_with_the_whole_account() -> None:
    stand = desk()
    ear = private(stand, "wallet")
    stand.exchange.deposit("main", Wallet.LINEAR, "USDT", D(1))
    ((account,),) = ear.of("wallet")
    assert account["accountType"] == "UNIFIED"
    assert {row["coin"]: row["walletBalance"] for row in account["coin"]}["USDT"] == "150001"


def test_after_unsubscribing_nothing_more_is_told() -> None:
    stand = desk()
    ear = private(stand, "order")
    assert ear.ask("unsubscribe", "order")["success"]
    stand.order()
    assert ear.frames == []


# --- public topics ----------------------------------------------------------------------------------------------------


def test_a_ticker_begins_with_all_and_goes_on_with_what_has_changed() -> None:
    stand = desk()
    ear = public(stand, "linear", "tickers.BTCUSDT")
    stand.board.flush()
    stand.exchange.set_crowd(Wallet.LINEAR, "BTCUSDT", Side.BUY, BID, D("1.25"))
    stand.exchange.publish(Wallet.LINEAR, "BTCUSDT")
    stand.board.flush()
    first, second = ear.frames
    assert (first["type"], second["type"]) == ("snapshot", "delta")
    whole, change = ear.of("tickers.BTCUSDT")
    assert (whole["ask1Price"], "markPrice" in whole, "fundingRate" in whole) == (str(ASK), True, True)
    assert change == {"symbol": "BTCUSDT", "bid1Size": "1.250"}


def test_who_joins_later_is_told_the_whole_ticker() -> None:
    stand = desk()
    public(stand, "linear", "tickers.BTCUSDT")
    stand.board.flush()
    late = public(stand, "linear", "tickers.BTCUSDT")
    stand.board.flush()
    assert [frame["type"] for frame in late.frames] == ["snapshot"]


def test_a_book_is_told_as_a_snapshot_of_the_depth_that_was_asked() -> None:
    stand = desk()
    ear = public(stand, "spot", "orderbook.1.BTCUSDT", "orderbook.50.BTCUSDT")
    stand.board.flush()
    (best,), (deep,) = ear.of("orderbook.1.BTCUSDT"), ear.of("orderbook.50.BTCUSDT")
    assert (best["b"], len(deep["b"]), best["s"]) == ([["60000.00", "3.00000"]], 5, "BTCUSDT")


def test_a_users_trade_is_told_once_with_the_takers_side() -> None:
    stand = desk()
    ear = public(stand, "linear", "publicTrade.BTCUSDT")
    stand.order(orderType="Market", timeInForce="IOC", side="Sell", qty="0.1")
    stand.board.flush()
    ((row,),) = ear.of("publicTrade.BTCUSDT")
    assert (row["S"], row["p"], row["v"]) == ("Sell", "60000.0", "0.100")


def test_an_option_ticker_has_the_words_of_its_stream() -> None:
    stand = desk()
    ear = public(stand, "option", "tickers.BTC-26JUN26-80000-C-USDT")
    stand.board.flush()
    (row,) = ear.of("tickers.BTC-26JUN26-80000-C-USDT")
    assert {"bidPrice", "askPrice", "bidIv", "askIv", "markPriceIv", "delta"} <= set(row)


# --- disconnect protection --------------------------------------------------------------------------------------------


def protected(window_s: int = 15) -> tuple[Desk, Ear]:
    """A desk with a resting order in each category, and a socket that watches derivatives."""
    stand = desk()
    answer = stand.post("/v5/order/disconnected-cancel-all", product="DERIVATIVES", timeWindow=window_s)
    assert (answer["retCode"], answer["retMsg"]) == (0, "success")
    ear = private(stand, "dcp.future")
    stand.order(orderLinkId="linear")
    stand.order(category="inverse", symbol="BTCUSD", qty="100", orderLinkId="inverse")
    stand.order(category="spot", qty="0.01", orderLinkId="spot")
    return stand, ear


def left(stand: Desk) -> set[str]:
    """What still works."""
    return {order.client_order_id for order in stand.exchange.truth("main").open_orders}


def test_orders_are_canceled_when_the_last_socket_has_been_gone_for_the_window() -> None:
    stand, ear = protected()
    stand.exchange.advance(stand.exchange.now + 60_000)
    assert left(stand) == {"linear", "inverse", "spot"}
    ear.close()
    stand.exchange.advance(stand.exchange.now + 14_999)
    assert left(stand) == {"linear", "inverse", "spot"}
    stand.exchange.advance(stand.exchange.now + 1)
    assert left(stand) == {"spot"}
    row = stand.get("/v5/order/realtime", category="linear", symbol="BTCUSDT", openOnly="1")["result"]["list"][0]
    assert (row["cancelType"], stand.board.protection.fired) == ("CancelByDCP", 1)


def test_who_comes_back_within_the_window_keeps_the_orders() -> None:
    stand, ear = protected()
    ear.close()
    stand.exchange.advance(stand.exchange.now + 10_000)
    back = private(stand, "dcp.future")
    stand.exchange.advance(stand.exchange.now + 60_000)
    assert left(stand) == {"linear", "inverse", "spot"}
    back.close()
    stand.exchange.advance(stand.exchange.now + 15_000)
    assert left(stand) == {"spot"}


def test_one_of_two_sockets_is_enough() -> None:
    stand, ear = protected()
    second = private(stand, "dcp.future")
    ear.close()
    stand.exchange.advance(stand.exchange.now + 60_000)
    assert left(stand) == {"linear", "inverse", "spot"}
    second.ask("unsubscribe", "dcp.future")
    stand.exchange.advance(stand.exchange.now + 15_000)
    assert left(stand) == {"spot"}


def test_a_socket_that_did_not_ask_protects_nothing() -> None:
    stand = desk()
    stand.post("/v5/order/disconnected-cancel-all", product="DERIVATIVES", timeWindow=10)
    ear = private(stand, "order")
    stand.order(orderLinkId="linear")
    ear.close()
    stand.exchange.advance(stand.exchange.now + 60_000)
    assert left(stand) == {"linear"}


@pytest.mark.parametrize("window_s", [2, 301, 0])
def test_a_window_out_of_range_is_refused(window_s: int) -> None:
    stand = desk()
    answer = stand.post("/v5/order/disconnected-cancel-all", product="DERIVATIVES", timeWindow=window_s)
    assert answer["retCode"] == 10001
    (told, *_) = stand.get("/v5/account/query-dcp-info")["result"]["dcpInfos"]
    assert (told["product"], told["timeWindow"]) == ("DERIVATIVES", "10")

"""Channels of Deribit's WebSocket, and what becomes of a connection: heartbeats, goodbyes, cancel on disconnect."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from hedger.model.order import Side
from hedger.sim.dialects.deribit.board import DeribitBoard
from hedger.sim.dialects.mishaps import Mishap
from hedger.sim.nouns import OrderKind, Wallet
from tests.support.deribit_bench import (
    CLIENT,
    EXPIRY,
    SECRET,
    Socket,
    furnished_board,
    furnished_exchange,
    refusal,
    result,
)

PERPETUAL, SYMBOL = "BTC-PERPETUAL", "BTCUSD_PERP"
QUIET = {"instrument_name": PERPETUAL, "amount": 1000, "price": 59_000, "post_only": True, "reject_post_only": True}


@pytest.fixture
def board() -> DeribitBoard:
    return furnished_board()


@pytest.fixture
def socket(board: DeribitBoard) -> Socket:
    return Socket(board, signed_in=True)


def stir(board: DeribitBoard, bid_amount: int = 100, *, after_ms: int = 0) -> None:
    """The crowd changes the best bid; what is due is told."""
    board.exchange.advance(board.exchange.now + after_ms)
    board.exchange.set_crowd(Wallet.INVERSE, SYMBOL, Side.BUY, D(60_000), D(bid_amount))
    board.exchange.publish(Wallet.INVERSE, SYMBOL)
    board.flush()


def fill(board: DeribitBoard, contracts: int) -> None:
    """The crowd sells as much as takes everything at the best bid, and so many contracts below it."""
    board.exchange.crowd_takes(Wallet.INVERSE, SYMBOL, Side.SELL, D(contracts))


def open_labels(board: DeribitBoard) -> list[str]:
    return sorted(order["label"] for order in result(board, "private/get_open_orders"))


# --- frames -----------------------------------------------------------------------------------------------------------


def test_what_is_no_call_is_answered_by_an_error(board: DeribitBoard) -> None:
    session = board.connect("www.deribit.com", "/ws/api/v2", "", Socket(board).ear)
    for text, code in (("{", -32700), ("[]", -32600), ('{"method":"public/test","params":[1]}', -32602)):
        reply = session.answer(text)
        assert reply is not None
        assert reply["error"]["code"] == code  # type: ignore[index]


def test_only_the_address_of_the_api_is_a_websocket(board: DeribitBoard) -> None:
    assert board.wrap("www.deribit.com", "/ws/api/v2") is not None
    assert board.wrap("www.deribit.com", "/ws/api/v1") is None


def test_orders_can_be_placed_and_canceled_over_the_websocket(board: DeribitBoard, socket: Socket) -> None:
    order = socket.result("private/buy", **QUIET, label="ws")["order"]
    assert open_labels(board) == ["ws"]
    assert socket.call("private/sell", **QUIET)["error"]["code"] == 11054
    assert socket.result("private/cancel", order_id=order["order_id"])["order_state"] == "cancelled"


@pytest.mark.parametrize(
    ("mishap", "placed", "code", "cut_off"),
    [
        (Mishap.LOSE_REQUEST, 0, None, True),
        (Mishap.LOSE_ANSWER, 1, None, True),
        (Mishap.HOLD_ANSWER, 1, None, False),
        (Mishap.OVERLOADED, 0, 10047, False),
        (Mishap.UNKNOWN_STATUS, 1, 13028, False),
    ],
)
def test_a_call_over_the_websocket_can_suffer_what_a_request_can(
    board: DeribitBoard, socket: Socket, mishap: Mishap, placed: int, code: int | None, cut_off: bool
) -> None:
    board.fates.plan("WS", "private/buy", mishap)
    reply = socket.call("private/buy", **QUIET, label="ws")
    assert len(result(board, "private/get_open_orders")) == placed
    assert (reply["error"]["code"] if reply is not None else None) == code
    assert socket.ear.gone is cut_off


# --- market channels --------------------------------------------------------------------------------------------------


def test_channels_that_there_are_not_are_left_out_of_the_reply(board: DeribitBoard) -> None:
    asked = ["ticker.BTC-PERPETUAL.100ms", "ticker.DOGE-PERPETUAL.100ms", "gossip", "user.orders.any.any.raw"]
    assert Socket(board).result("public/subscribe", channels=asked) == ["ticker.BTC-PERPETUAL.100ms"]


def test_raw_channels_are_for_those_who_have_signed_in(board: DeribitBoard, socket: Socket) -> None:
    raw = {"channels": ["ticker.BTC-PERPETUAL.raw"]}
    assert Socket(board).call("public/subscribe", **raw)["error"]["code"] == 13778
    assert socket.result("public/subscribe", **raw) == raw["channels"]


def test_a_ticker_is_told_at_once_and_then_no_more_often_than_its_name_says(
    board: DeribitBoard, socket: Socket
) -> None:
    name = "ticker.BTC-PERPETUAL.100ms"
    (first,) = socket.subscribe(name)
    assert (first["best_bid_price"], first["best_ask_price"], first["instrument_name"]) == (60_000, 60_000.5, PERPETUAL)
    stir(board, 90)
    stir(board, 80, after_ms=99)
    assert len(socket.ear.data(name)) == 1
    stir(board, 70, after_ms=1)
    assert [frame["best_bid_amount"] for frame in socket.ear.data(name)] == [500_000, 700]


def test_quotes_follow_every_change_of_the_best_prices(board: DeribitBoard, socket: Socket) -> None:
    name = "quote.BTC-PERPETUAL"
    socket.subscribe(name)
    stir(board, 90)
    stir(board, 80)
    assert [quote["best_bid_amount"] for quote in socket.ear.data(name)] == [500_000, 900, 800]


def test_a_book_is_a_snapshot_and_then_a_chain_of_changes(board: DeribitBoard, socket: Socket) -> None:
    name = "book.BTC-PERPETUAL.raw"
    (snapshot,) = socket.subscribe(name)
    assert (snapshot["type"], len(snapshot["bids"]), snapshot["bids"][0]) == ("snapshot", 5, ["new", 60_000, 500_000])
    stir(board, 90)
    stir(board, 0)
    one, two = socket.ear.data(name)[1:]
    assert (one["type"], one["prev_change_id"], one["bids"]) == (
        "change",
        snapshot["change_id"],
        [["change", 60_000, 900]],
    )
    assert (two["prev_change_id"], two["bids"], two["asks"]) == (one["change_id"], [["delete", 60_000, 0]], [])


def test_a_grouped_book_is_whole_in_every_frame(board: DeribitBoard, socket: Socket) -> None:
    (book,) = socket.subscribe("book.BTC-PERPETUAL.none.1.100ms")
    assert (book["bids"], book["asks"]) == ([[60_000, 500_000]], [[60_000.5, 500_000]])


def test_an_index_is_told_when_it_moves_and_options_move_with_it(board: DeribitBoard, socket: Socket) -> None:
    index, call = "deribit_price_index.btc_usd", "ticker.BTC-27MAR26-80000-C.raw"
    socket.subscribe(index, call)
    board.exchange.set_index("BTC", D(66_000))
    board.exchange.refresh_marks()
    board.flush()
    assert [frame["price"] for frame in socket.ear.data(index)] == [60_000.25, 66_000]
    before, after = (frame["greeks"]["delta"] for frame in socket.ear.data(call))
    assert after > before


def test_trades_are_told_once_with_the_takers_direction(board: DeribitBoard, socket: Socket) -> None:
    name = "trades.BTC-PERPETUAL.raw"
    assert socket.subscribe(name) == []
    result(board, "private/buy", instrument_name=PERPETUAL, amount=1000, type="market")
    board.flush()
    ((trade,),) = socket.ear.data(name)
    assert (trade["direction"], trade["amount"], trade["price"]) == ("buy", 1000, 60_000.5)


def test_nothing_is_told_of_what_was_left(board: DeribitBoard, socket: Socket) -> None:
    name = "quote.BTC-PERPETUAL"
    socket.subscribe(name)
    assert socket.result("public/unsubscribe", channels=[name, "gossip"]) == [name]
    stir(board, 90)
    assert len(socket.ear.data(name)) == 1
    socket.subscribe(name, "user.orders.any.any.raw")
    assert socket.result("private/unsubscribe_all") == "ok"
    stir(board, 80)
    assert len(socket.ear.data(name)) == 2


# --- a user's channels ------------------------------------------------------------------------------------------------


def test_orders_and_trades_of_a_user_are_told_as_they_happen(board: DeribitBoard, socket: Socket) -> None:
    orders, trades = "user.orders.any.any.raw", "user.trades.future.BTC.raw"
    socket.subscribe(orders, trades)
    result(board, "private/buy", **(QUIET | {"price": 60_000}), label="seen")
    fill(board, 50_040)
    result(board, "private/cancel_all")
    told = [(o["order_state"], o["filled_amount"], o["label"]) for o in socket.ear.data(orders)]
    assert told == [("open", 0, "seen"), ("open", 400, "seen"), ("cancelled", 400, "seen")]
    assert [[t["amount"] for t in frame] for frame in socket.ear.data(trades)] == [[400]]


def test_a_users_channel_hears_its_own_kind_and_currency_only(board: DeribitBoard, socket: Socket) -> None:
    names = ("user.orders.BTC-27MAR26.raw", "user.orders.future.USDC.raw", "user.orders.spot.any.raw")
    socket.subscribe(*names)
    for name in ("BTC-27MAR26", "BTC_USDC-PERPETUAL", "BTC_USDC"):
        result(board, "private/buy", instrument_name=name, amount=10 if name == "BTC-27MAR26" else "0.1", price=50_000)
    assert [len(socket.ear.data(name)) for name in names] == [1, 1, 1]


def test_changes_gather_orders_trades_and_the_position(board: DeribitBoard, socket: Socket) -> None:
    name = "user.changes.BTC-PERPETUAL.100ms"
    socket.subscribe(name)
    result(board, "private/buy", instrument_name=PERPETUAL, amount=1000, type="market")
    board.flush()
    (changes,) = socket.ear.data(name)
    assert [order["order_state"] for order in changes["orders"]] == ["open", "filled"]
    assert (len(changes["trades"]), changes["positions"][0]["size"]) == (1, 1000)


def test_a_portfolio_is_told_at_once_and_whenever_a_balance_moves(board: DeribitBoard, socket: Socket) -> None:
    name = "user.portfolio.btc"
    (first,) = socket.subscribe(name)
    assert (first["currency"], first["balance"]) == ("BTC", 2)
    board.exchange.deposit("main", Wallet.INVERSE, "BTC", D(1))
    board.flush()
    assert [frame["balance"] for frame in socket.ear.data(name)] == [2, 3]


def test_nobody_hears_of_another_users_orders(board: DeribitBoard, socket: Socket) -> None:
    socket.subscribe("user.orders.any.any.raw")
    board.exchange.deposit("other", Wallet.INVERSE, "BTC", D(1))
    board.exchange.place(
        "other",
        Wallet.INVERSE,
        SYMBOL,
        side=Side.BUY,
        kind=OrderKind.LIMIT,
        quantity=D(1),
        price=D(50_000),
        reduce_only=False,
        client_order_id="theirs",
    )
    assert socket.ear.data("user.orders.any.any.raw") == []


def test_a_delivery_is_news_of_no_order() -> None:
    ending = furnished_board(furnished_exchange(start_at=EXPIRY - 3_600_000, beat_ms=600_000))
    socket = Socket(ending, signed_in=True)
    result(ending, "private/buy", instrument_name="BTC-27MAR26", amount=6000, type="market")
    names = ("user.orders.any.any.raw", "user.trades.any.any.raw", "user.portfolio.btc")
    socket.subscribe(*names)
    ending.exchange.advance(EXPIRY)
    ending.flush()
    assert [len(socket.ear.data(name)) for name in names] == [0, 0, 2]
    assert result(ending, "private/get_positions", kind="future") == []


# --- heartbeats -------------------------------------------------------------------------------------------------------


def beats(socket: Socket) -> int:
    return sum(frame.get("method") == "heartbeat" for frame in socket.ear.frames)


def test_who_answers_test_requests_stays_connected(board: DeribitBoard, socket: Socket) -> None:
    assert socket.result("public/set_heartbeat", interval=10) == "ok"
    for expected in (1, 2, 3):
        board.exchange.advance(board.exchange.now + 10_000)
        assert beats(socket) == expected
        socket.result("public/test")
    assert not socket.ear.gone


def test_who_answers_no_test_request_is_cut_off(board: DeribitBoard, socket: Socket) -> None:
    socket.result("public/set_heartbeat", interval=10)
    board.exchange.advance(board.exchange.now + 10_000)
    assert not socket.ear.gone
    board.exchange.advance(board.exchange.now + 10_000)
    assert socket.ear.gone


def test_heartbeats_stop_when_they_are_not_wanted(board: DeribitBoard, socket: Socket) -> None:
    assert socket.call("public/set_heartbeat", interval=9)["error"]["code"] == -32602
    socket.result("public/set_heartbeat", interval=10)
    socket.result("public/disable_heartbeat")
    board.exchange.advance(board.exchange.now + 60_000)
    assert (beats(socket), socket.ear.gone) == (0, False)


# --- cancel on disconnect ---------------------------------------------------------------------------------------------


def place_three(board: DeribitBoard, socket: Socket, other: Socket) -> None:
    """One order over each of two sockets, and one over HTTP."""
    socket.result("private/buy", **QUIET, label="ours")
    other.result("private/buy", **QUIET, label="theirs")
    result(board, "private/buy", **QUIET, label="http")


def test_only_the_orders_of_a_lost_connection_are_canceled(board: DeribitBoard, socket: Socket) -> None:
    place_three(board, socket, Socket(board, signed_in=True))
    assert socket.result("private/enable_cancel_on_disconnect") == "ok"
    socket.close()
    assert open_labels(board) == ["http", "theirs"]
    assert board.protection.fired == 1


def test_without_the_switch_orders_outlive_their_connection(board: DeribitBoard, socket: Socket) -> None:
    place_three(board, socket, Socket(board, signed_in=True))
    socket.result("private/enable_cancel_on_disconnect")
    socket.result("private/disable_cancel_on_disconnect")
    socket.close()
    assert len(open_labels(board)) == 3


def test_a_logout_keeps_the_orders_and_has_no_answer(board: DeribitBoard, socket: Socket) -> None:
    socket.result("private/buy", **QUIET, label="ours")
    socket.result("private/enable_cancel_on_disconnect")
    assert socket.call("private/logout") is None
    assert socket.ear.gone
    socket.close()
    assert open_labels(board) == ["ours"]


def test_with_the_accounts_switch_every_new_connection_is_protected(board: DeribitBoard, socket: Socket) -> None:
    socket.result("private/enable_cancel_on_disconnect", scope="account")
    later = Socket(board, signed_in=True)
    told = later.result("private/get_cancel_on_disconnect", scope="connection")
    assert told == {"scope": "connection", "enabled": True}
    later.result("private/buy", **QUIET, label="later")
    later.close()
    assert open_labels(board) == []


def test_the_switch_is_for_websockets_only(board: DeribitBoard) -> None:
    for scope in ("connection", "account"):
        assert refusal(board, "private/enable_cancel_on_disconnect", scope=scope)["code"] == 10030
    assert refusal(board, "public/subscribe", channels='["quote.BTC-PERPETUAL"]')["code"] == 10030


def test_orders_that_were_filled_or_canceled_are_no_concern_of_the_switch(board: DeribitBoard, socket: Socket) -> None:
    filled: Any = socket.result("private/buy", instrument_name=PERPETUAL, amount=10, type="market")["order"]
    socket.result("private/enable_cancel_on_disconnect")
    socket.close()
    assert result(board, "private/get_order_state", order_id=filled["order_id"])["order_state"] == "filled"


def test_a_second_sign_in_opens_the_same_account_again(board: DeribitBoard, socket: Socket) -> None:
    socket.result("public/auth", grant_type="client_credentials", client_id=CLIENT, client_secret=SECRET)
    assert socket.result("private/get_account_summaries")["username"] == "main"

"""Orders at Deribit: what is accepted, moved or refused, and how orders are found again by id and by label."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.model.order import Side
from hedger.sim.dialects.deribit.board import DeribitBoard
from hedger.sim.dialects.deribit.listings import inverse
from hedger.sim.dialects.deribit.orders import KEPT_MS
from hedger.sim.dialects.deribit.refusals import Trouble
from hedger.sim.dialects.mishaps import Mishap
from hedger.sim.nouns import OrderKind, Wallet
from tests.support.deribit_bench import EXPIRY, furnished_board, refusal, result

PERPETUAL = "BTC-PERPETUAL"
Create = Callable[..., Any]


@pytest.fixture
def board() -> DeribitBoard:
    return furnished_board()


@pytest.fixture
def buy(board: DeribitBoard) -> Create:
    """A post-only buy that rests below the best bid, unless told otherwise; its order."""

    def create(**changes: object) -> Any:
        asked: dict[str, object] = {"instrument_name": PERPETUAL, "amount": 1000, "price": "59999.5", "type": "limit"}
        asked |= {"post_only": True, "reject_post_only": True}
        return result(board, "private/buy", **(asked | changes))["order"]

    return create


def refused(board: DeribitBoard, **changes: object) -> Any:
    asked: dict[str, object] = {"instrument_name": PERPETUAL, "amount": 1000, "price": "59999.5", "type": "limit"}
    return refusal(board, "private/buy", **(asked | changes))


# --- creating ---------------------------------------------------------------------------------------------------------


def test_an_order_tells_its_label_its_flags_and_its_amount_in_dollars(buy: Create) -> None:
    order = buy(label="hedge-1", reduce_only=False)
    assert order["order_id"].startswith("BTC-")
    assert order["order_id"].removeprefix("BTC-").isdigit()
    assert (order["label"], order["order_state"], order["direction"]) == ("hedge-1", "open", "buy")
    assert (order["amount"], order["contracts"], order["filled_amount"], order["price"]) == (1000, 100, 0, 59999.5)
    assert order["post_only"]
    assert order["reject_post_only"]
    assert not order["reduce_only"]


def test_post_only_that_would_cross_is_refused_where_that_was_asked_for(board: DeribitBoard) -> None:
    error = refused(board, price="60000.5", post_only=True, reject_post_only=True)
    assert (error["code"], error["message"]) == (11054, "post_only_reject")
    assert result(board, "private/get_open_orders") == []


def test_post_only_that_would_cross_is_otherwise_moved_off_the_spread(board: DeribitBoard, buy: Create) -> None:
    assert buy(price="60010", reject_post_only=False)["price"] == 60000
    asked = {"instrument_name": PERPETUAL, "amount": 1000, "price": "59000", "type": "limit", "post_only": True}
    sold = result(board, "private/sell", **asked)
    assert (sold["order"]["price"], sold["order"]["order_state"], sold["trades"]) == (60000.5, "open", [])


def test_an_order_whose_valid_until_has_passed_is_not_placed(board: DeribitBoard, buy: Create) -> None:
    assert refused(board, valid_until=board.exchange.now)["code"] == 13888
    assert buy(valid_until=board.exchange.now + 1)["order_state"] == "open"
    assert len(result(board, "private/get_open_orders")) == 1


def test_a_limit_order_that_crosses_takes_and_tells_its_trades(board: DeribitBoard) -> None:
    bought = result(board, "private/buy", instrument_name=PERPETUAL, amount=1000, price="60000.5", label="t")
    (trade,) = bought["trades"]
    assert (bought["order"]["order_state"], bought["order"]["average_price"]) == ("filled", 60000.5)
    assert (trade["liquidity"], trade["label"], trade["amount"], trade["fee_currency"]) == ("T", "t", 1000, "BTC")
    assert trade["fee"] == pytest.approx(1000 / 60000.5 * 0.0005)


@pytest.mark.parametrize(("side", "asked"), [("buy", 70_000), ("sell", 50_000), ("buy", 60_500)])
def test_a_price_beyond_the_highest_or_the_lowest_is_moved_to_it(board: DeribitBoard, side: str, asked: int) -> None:
    ticker = result(board, "public/ticker", instrument_name=PERPETUAL)
    asked_for = {"instrument_name": PERPETUAL, "amount": 1000, "price": asked}
    order = result(board, f"private/{side}", **asked_for)["order"]
    assert order["order_state"] == "filled"
    nearest = min(asked, ticker["max_price"]) if side == "buy" else max(asked, ticker["min_price"])
    assert abs(order["price"] - nearest) < 0.5
    assert ticker["min_price"] <= order["price"] <= ticker["max_price"]
    assert refusal(board, f"private/{side}", **(asked_for | {"price": asked + 0.3}))["data"]["param"] == "price"


def test_immediate_or_cancel_leaves_nothing_resting(board: DeribitBoard, buy: Create) -> None:
    order = buy(post_only=False, time_in_force="immediate_or_cancel")
    assert (order["order_state"], order["time_in_force"]) == ("cancelled", "immediate_or_cancel")
    assert refused(board, time_in_force="fill_or_kill")["data"]["param"] == "time_in_force"


def test_contracts_say_the_same_as_the_amount_or_are_refused(board: DeribitBoard, buy: Create) -> None:
    assert buy(contracts=100)["amount"] == 1000
    assert refused(board, contracts=7)["data"]["param"] == "amount"


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"price": "59999.7"}, -32602, "price"),
        ({"price": ""}, -32602, "price"),
        ({"amount": 1003}, -32602, "amount"),
        ({"amount": 5}, 10002, None),
        ({"label": "x" * 65}, -32602, "label"),
        ({"type": "stop_limit"}, -32602, "type"),
        ({"amount": 10_000_000}, 10009, None),
        ({"reduce_only": True}, 11030, None),
        ({"instrument_name": "BTC-27MAR26-80000-C", "amount": 1, "price": "0.01"}, 11030, None),
        ({"instrument_name": "DOGE-PERPETUAL"}, 13020, None),
        ({"instrument_name": "not a name"}, -32602, "instrument_name"),
    ],
)
def test_what_cannot_be_placed_is_refused_in_deribits_words(
    board: DeribitBoard, change: dict[str, object], code: int, param: str | None
) -> None:
    error = refused(board, **change)
    assert (error["code"], error.get("data", {}).get("param")) == (code, param)
    assert result(board, "private/get_open_orders") == []


def test_a_reduce_only_order_may_close_what_is_held(board: DeribitBoard) -> None:
    result(board, "private/buy", instrument_name=PERPETUAL, amount=1000, type="market")
    sold = result(board, "private/sell", instrument_name=PERPETUAL, amount=1000, type="market", reduce_only=True)
    assert sold["order"]["order_state"] == "filled"
    assert sold["order"]["reduce_only"]


@pytest.mark.parametrize("trouble", list(Trouble))
def test_a_venue_in_trouble_takes_no_order_and_says_why(board: DeribitBoard, trouble: Trouble) -> None:
    board.trouble = trouble
    error = refused(board)
    board.trouble = None
    assert (error["code"], error["message"]) == trouble.value
    assert result(board, "private/get_open_orders") == []


def test_a_settlement_keeps_orders_out_but_not_questions(board: DeribitBoard) -> None:
    board.trouble = Trouble.SETTLEMENT
    assert result(board, "private/get_open_orders") == []
    board.trouble = Trouble.MAINTENANCE
    assert refusal(board, "private/get_open_orders")["code"] == 11051
    assert result(board, "public/get_time") == board.exchange.now


def test_fates_that_are_answers_are_worded_as_deribit_does(board: DeribitBoard) -> None:
    assert "matching_engine_queue_full" in board.worded(Mishap.OVERLOADED).body
    assert "temporarily_unavailable" in board.worded(Mishap.UNKNOWN_STATUS).body


# --- labels -----------------------------------------------------------------------------------------------------------


def test_the_same_label_twice_makes_two_orders(board: DeribitBoard, buy: Create) -> None:
    first, second = buy(label="twin"), buy(label="twin")
    assert first["order_id"] != second["order_id"]
    found = result(board, "private/get_open_orders_by_label", currency="BTC", label="twin")
    assert {order["order_id"] for order in found} == {first["order_id"], second["order_id"]}
    assert board.exchange.truth("main").duplicate_client_ids == 1, "the exchange's own count sees it"


def test_orders_are_found_by_label_whatever_their_state(board: DeribitBoard, buy: Create) -> None:
    order = buy(label="mine")
    buy(label="")
    result(board, "private/cancel", order_id=order["order_id"])
    (found,) = result(board, "private/get_order_state_by_label", currency="BTC", label="mine")
    assert (found["order_id"], found["order_state"]) == (order["order_id"], "cancelled")
    assert result(board, "private/get_order_state_by_label", currency="USDC", label="mine") == []
    assert result(board, "private/get_open_orders_by_label", currency="BTC", label="mine") == []


def test_a_label_that_was_never_used_is_found_nowhere(board: DeribitBoard) -> None:
    assert result(board, "private/get_order_state_by_label", currency="BTC", label="nobody") == []


def test_canceling_by_label_tells_how_many_went(board: DeribitBoard, buy: Create) -> None:
    for label in ("twin", "twin", "other"):
        buy(label=label)
    assert result(board, "private/cancel_by_label", label="twin", currency="BTC") == 2
    assert result(board, "private/cancel_by_label", label="twin", currency="BTC") == 0
    assert [order["label"] for order in result(board, "private/get_open_orders")] == ["other"]


def test_orders_placed_at_another_door_bear_their_client_id_as_label(board: DeribitBoard) -> None:
    board.exchange.place(
        "main",
        Wallet.INVERSE,
        "BTCUSD_PERP",
        side=Side.BUY,
        kind=OrderKind.LIMIT,
        quantity=D(1),
        price=D(50_000),
        reduce_only=False,
        client_order_id="elsewhere",
    )
    (order,) = result(board, "private/get_open_orders")
    assert order["label"] == "elsewhere"


# --- canceling and looking up -----------------------------------------------------------------------------------------


def test_an_order_that_is_final_cannot_be_canceled_again(board: DeribitBoard, buy: Create) -> None:
    order = buy()
    assert result(board, "private/cancel", order_id=order["order_id"])["order_state"] == "cancelled"
    assert refusal(board, "private/cancel", order_id=order["order_id"])["code"] == 11044


@pytest.mark.parametrize(("order_id", "code"), [("BTC-9", 10004), ("ETH-1000001", 10004), ("none", 10025)])
def test_an_order_that_is_not_there_is_not_found(board: DeribitBoard, buy: Create, order_id: str, code: int) -> None:
    buy()
    assert refusal(board, "private/get_order_state", order_id=order_id)["code"] == code
    assert refusal(board, "private/cancel", order_id=order_id)["code"] == code


def test_final_orders_are_forgotten_after_half_an_hour(board: DeribitBoard, buy: Create) -> None:
    order = buy(label="old")
    result(board, "private/cancel", order_id=order["order_id"])
    board.exchange.advance(board.exchange.now + KEPT_MS)
    assert result(board, "private/get_order_state", order_id=order["order_id"])["order_state"] == "cancelled"
    board.exchange.advance(board.exchange.now + 1)
    assert refusal(board, "private/get_order_state", order_id=order["order_id"])["code"] == 10004
    assert result(board, "private/get_order_state_by_label", currency="BTC", label="old") == []


def test_orders_are_canceled_by_instrument_currency_and_all_at_once(board: DeribitBoard, buy: Create) -> None:
    linear = {"instrument_name": "BTC_USDC-PERPETUAL", "amount": "0.01", "price": "59999.5"}
    for change in ({}, {"instrument_name": "BTC-27MAR26"}, linear):
        buy(**change)
    assert len(result(board, "private/get_open_orders_by_currency", currency="BTC")) == 2
    assert len(result(board, "private/get_open_orders_by_instrument", instrument_name="BTC-27MAR26")) == 1
    assert result(board, "private/cancel_all_by_instrument", instrument_name="BTC-27MAR26") == 1
    assert result(board, "private/cancel_all_by_currency", currency="BTC", kind="future") == 1
    assert result(board, "private/cancel_all") == 1


def test_margins_of_an_order_are_told_before_it_is_placed(board: DeribitBoard) -> None:
    margins = result(board, "private/get_margins", instrument_name=PERPETUAL, amount=6000, price=60000)
    assert margins["buy"] == margins["sell"] == pytest.approx(0.1 / 50)
    assert margins["min_price"] < 60000 < margins["max_price"]


# --- spot -------------------------------------------------------------------------------------------------------------


def test_a_spot_order_is_paid_from_the_one_balance_of_its_currency(board: DeribitBoard) -> None:
    asked = {"instrument_name": "BTC_USDC", "amount": "1.5", "price": "61000", "label": "out"}
    order = result(board, "private/sell", **asked)["order"]
    assert order["order_id"].startswith("BTC_USDC-")
    summary = result(board, "private/get_account_summary", currency="BTC")
    assert (summary["balance"], summary["spot_reserve"], summary["available_funds"]) == (2, 1.5, 0.5)
    assert refusal(board, "private/sell", **asked)["code"] == 10009, "the rest is not enough"
    result(board, "private/cancel_by_label", label="out")
    assert result(board, "private/get_account_summary", currency="BTC")["available_funds"] == 2


def test_coins_that_were_bought_are_margin_at_once(board: DeribitBoard) -> None:
    result(board, "private/buy", instrument_name="BTC_USDC", amount=1, type="market")
    assert board.exchange.derivatives("main")["BTC"].wallet_balance == 3
    assert result(board, "private/get_account_summary", currency="USDC")["balance"] == pytest.approx(39_999.5)


def test_a_refused_spot_order_locks_nothing(board: DeribitBoard) -> None:
    asked = {"instrument_name": "BTC_USDC", "amount": "1", "price": "60000.001"}
    assert refusal(board, "private/buy", **asked)["data"]["param"] == "price"
    assert board.exchange.spot_balances("main")["USDC"] == (D(0), D(0))


def test_the_next_quarter_is_lent_as_freely_as_the_last_one(board: DeribitBoard) -> None:
    board.exchange.enlist(inverse("BTC", expiry_at=EXPIRY + 13 * 7 * 86_400_000))
    position = result(board, "private/get_position", instrument_name="BTC-26JUN26")
    assert (position["leverage"], position["size"], position["direction"]) == (50, 0, "zero")

"""The past at Deribit: trades in pages, orders that are kept, settlements, deliveries and the transaction log."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from hedger.model.order import Side
from hedger.model.spans import DAY_MS
from hedger.sim.dialects.deribit.board import DeribitBoard
from hedger.sim.dialects.deribit.history import INDEXED_MS
from hedger.sim.dialects.deribit.orders import KEPT_MS
from hedger.sim.nouns import Wallet
from tests.support.deribit_bench import EXPIRY, START, furnished_board, furnished_exchange, refusal, result

PERPETUAL, CALL, DATED = "BTC-PERPETUAL", "BTC-27MAR26-80000-C", "BTC-27MAR26"
EIGHT_HOURS = 8 * 3_600_000


@pytest.fixture
def board() -> DeribitBoard:
    return furnished_board(furnished_exchange(beat_ms=600_000))


@pytest.fixture
def ending() -> DeribitBoard:
    """Two hours before the quarter ends."""
    return furnished_board(furnished_exchange(start_at=EXPIRY - 2 * 3_600_000, beat_ms=600_000))


def trades(board: DeribitBoard, **asked: object) -> Any:
    return result(board, "private/get_user_trades_by_instrument", instrument_name=PERPETUAL, **asked)


def buy(board: DeribitBoard, times: int = 1, name: str = PERPETUAL, amount: object = 1000) -> None:
    for _ in range(times):
        result(board, "private/buy", instrument_name=name, amount=amount, type="market")
        board.exchange.advance(board.exchange.now + 1_000)


def log(board: DeribitBoard, currency: str = "BTC", **asked: object) -> Any:
    span = {"start_timestamp": 0, "end_timestamp": board.exchange.now}
    return result(board, "private/get_transaction_log", currency=currency, **span, **asked)


# --- trades -----------------------------------------------------------------------------------------------------------


def test_trades_come_newest_first_and_say_whether_there_are_more(board: DeribitBoard) -> None:
    buy(board, 3)
    page = trades(board, count=2)
    ids = [trade["trade_seq"] for trade in page["trades"]]
    assert (page["has_more"], len(ids), ids) == (True, 2, sorted(ids, reverse=True))
    rest = trades(board, count=2, end_seq=ids[-1] - 1)
    assert (rest["has_more"], len(rest["trades"])) == (False, 1)


def test_trades_are_read_forward_from_an_instant_page_by_page(board: DeribitBoard) -> None:
    buy(board, 5)
    seen: list[int] = []
    method, span = "private/get_user_trades_by_instrument_and_time", {"start_timestamp": START + 3_000}
    while True:
        first = {"start_seq": seen[-1] + 1} if seen else {}
        asked = {"instrument_name": PERPETUAL, "count": 2, "sorting": "asc", **span, **first}
        page = result(board, method, **asked)
        seen += [trade["trade_seq"] for trade in page["trades"]]
        if not page["has_more"]:
            break
    assert len(seen) == len(set(seen)) == 4
    assert seen == sorted(seen)


def test_trades_by_currency_are_of_every_instrument_of_it(board: DeribitBoard) -> None:
    buy(board)
    buy(board, name="BTC_USDC-PERPETUAL", amount="0.1")
    by_btc = result(board, "private/get_user_trades_by_currency", currency="BTC")
    assert [trade["instrument_name"] for trade in by_btc["trades"]] == [PERPETUAL]
    by_usdc = result(board, "private/get_user_trades_by_currency_and_time", currency="USDC", start_timestamp=0)
    assert [trade["fee_currency"] for trade in by_usdc["trades"]] == ["USDC"]


def test_trades_older_than_a_day_are_told_only_as_history(board: DeribitBoard) -> None:
    buy(board)
    assert trades(board, historical=True)["trades"] == [], "what is fresh is not history yet"
    board.exchange.advance(board.exchange.now + INDEXED_MS)
    assert len(trades(board, historical=True)["trades"]) == 1
    board.exchange.advance(board.exchange.now + DAY_MS)
    assert trades(board)["trades"] == trades(board, include_old=True)["trades"] == []
    assert len(trades(board, historical=True)["trades"]) == 1


def test_the_trades_of_one_order_are_a_bare_list(board: DeribitBoard) -> None:
    buy(board)
    order_id = trades(board)["trades"][0]["order_id"]
    (trade,) = result(board, "private/get_user_trades_by_order", order_id=order_id)
    assert trade["order_id"] == order_id
    assert refusal(board, "private/get_user_trades_by_order", order_id="BTC-1")["code"] == 10004


def test_a_trade_tells_the_mark_of_its_own_moment(board: DeribitBoard) -> None:
    buy(board)
    before = trades(board)["trades"][0]["mark_price"]
    board.exchange.set_index("BTC", D(50_000))
    board.exchange.refresh_marks()
    assert trades(board)["trades"][0]["mark_price"] == before == 60_000.25


def test_a_maker_pays_nothing_and_is_told_as_one(board: DeribitBoard) -> None:
    asked = {"instrument_name": PERPETUAL, "amount": 1000, "price": 60_000, "post_only": True, "label": "m"}
    result(board, "private/buy", **asked)
    board.exchange.crowd_takes(Wallet.INVERSE, "BTCUSD_PERP", Side.SELL, D(50_040))
    (trade,) = trades(board)["trades"]
    assert (trade["liquidity"], trade["fee"], trade["label"], trade["amount"]) == ("M", 0, "m", 400)
    assert (trade["state"], trade["post_only"]) == ("open", True)


# --- orders -----------------------------------------------------------------------------------------------------------


def test_order_history_leaves_out_what_never_filled_unless_it_is_asked_for(board: DeribitBoard) -> None:
    buy(board)
    order = result(board, "private/buy", instrument_name=PERPETUAL, amount=1000, price=50_000)["order"]
    method = "private/get_order_history_by_instrument"
    result(board, "private/cancel", order_id=order["order_id"])
    assert [o["order_state"] for o in result(board, method, instrument_name=PERPETUAL)] == ["filled"]
    every = result(board, method, instrument_name=PERPETUAL, include_unfilled=True)
    assert [o["order_state"] for o in every] == ["cancelled", "filled"]
    assert len(result(board, method, instrument_name=PERPETUAL, include_unfilled=True, offset=1)) == 1


def test_order_history_is_of_half_an_hour_or_all_that_was(board: DeribitBoard) -> None:
    buy(board)
    board.exchange.advance(board.exchange.now + KEPT_MS + 1)
    method = "private/get_order_history_by_currency"
    assert result(board, method, currency="BTC") == []
    assert len(result(board, method, currency="BTC", historical=True)) == 1


# --- settlements and the log ------------------------------------------------------------------------------------------


def test_funding_is_a_settlement_of_the_perpetual(board: DeribitBoard) -> None:
    board.exchange.set_funding_rate("BTCUSD_PERP", D("0.0002"))
    buy(board, amount=6000)
    board.exchange.advance(START + EIGHT_HOURS)
    asked = {"instrument_name": PERPETUAL, "type": "settlement"}
    (row,) = result(board, "private/get_settlement_history_by_instrument", **asked)["settlements"]
    paid = board.exchange.truth("main").funding[0].amount
    assert (row["timestamp"], row["position"], row["funding"]) == (START + EIGHT_HOURS, 6000, float(paid))
    assert row["funding"] == pytest.approx(-6000 / row["mark_price"] * 0.0002)
    by_currency = result(board, "private/get_settlement_history_by_currency", currency="BTC")
    assert by_currency["settlements"] == [row]


def test_settlements_come_in_pages_that_continue(board: DeribitBoard) -> None:
    buy(board)
    board.exchange.advance(START + 5 * EIGHT_HOURS)
    seen: list[int] = []
    asked: dict[str, object] = {"instrument_name": PERPETUAL, "count": 2}
    while True:
        page = result(board, "private/get_settlement_history_by_instrument", **asked)
        seen += [row["timestamp"] for row in page["settlements"]]
        if page["continuation"] == "none":
            break
        asked["continuation"] = page["continuation"]
    assert seen == [START + n * EIGHT_HOURS for n in (5, 4, 3, 2, 1)]


def test_the_log_has_a_row_for_all_that_moved_a_balance(board: DeribitBoard) -> None:
    board.exchange.deposit("main", Wallet.INVERSE, "BTC", D("0.5"))
    buy(board, amount=60_000)
    buy(board, name="BTC_USDC", amount="0.1")
    board.exchange.advance(START + EIGHT_HOURS)
    rows = log(board)["logs"]
    assert [row["type"] for row in rows] == ["settlement", "trade", "trade", "deposit"]
    assert sum(row["change"] for row in rows) == pytest.approx(
        float(board.exchange.derivatives("main")["BTC"].wallet_balance) - 2
    )
    newest, (fee,) = (
        rows[0],
        [row["commission"] for row in rows if row["instrument_name"] == PERPETUAL and row["trade_id"]],
    )
    assert (newest["interest_pl"], newest["side"]) == (newest["change"], "long")
    assert fee == pytest.approx(60_000 / 60_000.5 * 0.0005)
    (bought,) = log(board, "USDC")["logs"]
    assert (bought["change"], bought["instrument_name"]) == (pytest.approx(-6_000.05), "BTC_USDC")


def test_the_log_is_read_in_pages_and_by_type(board: DeribitBoard) -> None:
    buy(board, 3)
    board.exchange.advance(START + EIGHT_HOURS)
    first = log(board, count=2)
    second = log(board, count=2, continuation=first["continuation"])
    ids = [row["id"] for row in first["logs"] + second["logs"]]
    assert (len(set(ids)), ids, second["continuation"]) == (4, sorted(ids, reverse=True), None)
    assert [row["type"] for row in log(board, query="settlement")["logs"]] == ["settlement"]


def test_the_purse_writes_nothing_into_the_log(board: DeribitBoard) -> None:
    asked = {"instrument_name": "BTC_USDC", "amount": 1, "price": 61_000, "label": "s"}
    result(board, "private/sell", **asked)
    result(board, "private/cancel_by_label", label="s")
    assert log(board)["logs"] == []


def test_a_future_and_an_option_are_delivered_not_traded(ending: DeribitBoard) -> None:
    buy(ending, name=DATED, amount=6000)
    ending.exchange.set_index("BTC", D(90_000))
    ending.exchange.advance(EXPIRY)
    told = result(ending, "private/get_user_trades_by_currency", currency="BTC")["trades"]
    assert len(told) == 1, "the order's own trade, not the delivery"
    rows = result(ending, "private/get_settlement_history_by_currency", currency="BTC", type="delivery")["settlements"]
    by_name = {row["instrument_name"]: row for row in rows}
    assert by_name.keys() == {DATED, CALL}
    assert (by_name[DATED]["position"], by_name[DATED]["mark_price"]) == (6000, 90_000)
    assert by_name[DATED]["profit_loss"] == pytest.approx(6000 / 60_000.5 - 6000 / 90_000 * 1.00025)
    assert (by_name[CALL]["position"], by_name[CALL]["profit_loss"]) == (-1, pytest.approx(-10_000 / 90_000 - 0.00015))
    prices = result(ending, "public/get_delivery_prices", index_name="btc_usd")
    assert prices == {"data": [{"date": "2026-03-27", "delivery_price": 90_000}], "records_total": 1}


def test_what_has_been_settled_is_an_expired_instrument(ending: DeribitBoard) -> None:
    ending.exchange.advance(EXPIRY)
    names = {x["instrument_name"] for x in result(ending, "public/get_instruments", currency="BTC", kind="future")}
    assert names == {PERPETUAL, "BTC-26JUN26"}
    (gone,) = result(ending, "public/get_instruments", currency="BTC", kind="future", expired=True)
    assert (gone["instrument_name"], gone["is_active"]) == (DATED, False)
    assert refusal(ending, "public/ticker", instrument_name=DATED)["code"] == 13020
    assert refusal(ending, "private/get_position", instrument_name=CALL)["code"] == 13020

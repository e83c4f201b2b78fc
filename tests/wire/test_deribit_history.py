"""What happened on Deribit: every fill and payment to the last page, prices, bars and rates that are whole."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal as D
from itertools import pairwise
from typing import Any, TypeVar

import pytest
from aiohttp import web

from hedger.errors import AskAgain, GiveUp
from hedger.model.account import FundingPayment
from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.order import Fill, FillCause, Side
from hedger.model.spans import HOUR_MS
from hedger.venues.abilities import Ability
from hedger.venues.deribit.parse import FUNDING_INTERVAL_MS
from tests.support.stand import OUR_ID, proves
from tests.support.stands.deribit import (
    AT,
    DATED,
    LINEAR,
    PAIR,
    PERPETUAL,
    STAND,
    chart,
    hours,
    named,
    path,
    settlement,
    ticker,
    told,
    trade,
    trades,
)
from tests.support.wire_server import Seen
from tests.support.wire_venue import Desk, WireClock, opened

T = TypeVar("T")
TRADES = "private/get_user_trades_by_instrument_and_time"
SETTLED = "private/get_settlement_history_by_instrument"
BTC, DAY, USDC, SPOT = (InstrumentId("main", symbol) for symbol in (PERPETUAL, DATED, LINEAR, PAIR))


def ask(question: Callable[[Desk], Awaitable[T]], *symbols: str, **answers: Any) -> tuple[T, list[Seen]]:
    async def scenario() -> tuple[T, list[Seen]]:
        async with opened(symbols or (PERPETUAL,), stand=STAND) as desk:
            desk.fake.answers |= {path(method.replace("__", "/")): answer for method, answer in answers.items()}
            return await question(desk), list(desk.fake.seen)

    return asyncio.run(scenario())


def answering(answer: Callable[[dict[str, Any]], Any]) -> Any:
    """An answer made of what was asked."""

    async def respond(_request: web.Request, seen: Seen) -> web.StreamResponse:
        return web.json_response(answer(seen.params))

    return respond


# --- fills ------------------------------------------------------------------------------------------------------------


def fills(answer: Any, since_at: int = AT) -> tuple[tuple[Fill, ...], list[Seen]]:
    return ask(lambda desk: desk.venue.read_fills(BTC, since_at), **{TRADES.replace("/", "__"): answer})


@proves(Ability.FILLS)
def test_a_recorded_trade_is_a_fill_with_its_fee_and_our_id() -> None:
    (fill,), _ = fills(trades(trade(1)))
    assert (fill.trade_id, fill.venue_order_id, fill.client_order_id) == ("219381311", "46108941243", OUR_ID)
    assert (fill.side, fill.quantity, fill.price, fill.maker) == (Side.BUY, D(10), D("20236.5"), True)
    assert (fill.fee, fill.fee_asset, fill.exchange_at) == (D("-2.5e-7"), "BTC", AT + 1)


@proves(Ability.FILLS)
def test_fills_are_read_page_after_page_to_the_end() -> None:
    """Two hundred milliseconds with eleven trades each, told a thousand at a time."""
    every = [trade(number, timestamp=AT + number // 11) for number in range(2_200)]

    def page(params: dict[str, Any]) -> Any:
        assert params["sorting"] == "asc"
        left = [row for row in every if row["timestamp"] >= int(params["start_timestamp"])]
        return trades(*left[: int(params["count"])], has_more=len(left) > int(params["count"]))

    found, _ = fills(answering(page))
    assert [fill.trade_id for fill in found] == [row["trade_id"] for row in every]


@proves(Ability.FILLS)
def test_what_is_older_than_a_day_is_read_from_the_venues_history_too() -> None:
    now = WireClock().now_ms()
    old, both, new = (trade(n, timestamp=now - hours * HOUR_MS) for n, hours in ((1, 50), (2, 23), (3, 1)))

    def page(params: dict[str, Any]) -> Any:
        return trades(old, both) if params["historical"] == "true" else trades(both, new)

    found, seen = fills(answering(page), now - 60 * HOUR_MS)
    assert [fill.trade_id for fill in found] == [row["trade_id"] for row in (old, both, new)]
    assert sorted(one.params["historical"] for one in seen) == ["false", "true"]
    _, seen = fills(answering(page), now - 3 * HOUR_MS)
    assert [one.params["historical"] for one in seen] == ["false"]


@pytest.mark.parametrize(
    "answer",
    [
        trades(trade(1), has_more=True),
        trades(has_more=True),
        trades(*(trade(1) for _ in range(1_000))),
        trades(trade(1, instrument_name="ETH-PERPETUAL")),
        trades(trade(1, timestamp=AT // 1000)),
        trades(trade(1, amount=-10)),
        trades(trade(1, price="NaN")),
        trades(trade(1, fee=None)),
        told({"trades": []}),
        told([]),
    ],
)
def test_a_part_of_the_fills_is_never_taken_for_the_whole(answer: Any) -> None:
    with pytest.raises(AskAgain):
        fills(answer)


@proves(Ability.FORCED)
@pytest.mark.parametrize(
    ("liquidity", "sides", "cause"),
    [
        ("T", "T", FillCause.LIQUIDATION),
        ("M", "MT", FillCause.LIQUIDATION),
        ("M", "T", FillCause.ORDER),
        ("T", None, FillCause.ORDER),
    ],
)
def test_a_liquidation_is_ours_only_where_our_side_was_liquidated(
    liquidity: str, sides: str | None, cause: FillCause
) -> None:
    (fill,), _ = fills(trades(trade(1, liquidity=liquidity, liquidation=sides)))
    assert fill.cause is cause


# --- funding ----------------------------------------------------------------------------------------------------------


def payments(answer: Any, *symbols: str, since_at: int = AT) -> tuple[FundingPayment, ...]:
    return ask(lambda desk: desk.venue.read_funding(since_at), *symbols, **{SETTLED.replace("/", "__"): answer})[0]


@proves(Ability.FUNDING_PAYMENTS)
def test_the_funding_of_a_settlement_is_a_payment_in_what_the_contract_settles_in() -> None:
    answer = named(lambda name: {"settlements": [settlement(instrument_name=name)], "continuation": "none"})
    coin, money = sorted(payments(answer, PERPETUAL, LINEAR, DATED), key=lambda payment: payment.asset)
    assert (coin.id, coin.amount, coin.asset) == (BTC, D("-0.000002511"), "BTC")
    assert (money.id, money.asset, money.exchange_at) == (USDC, "USDC", AT)
    assert coin.payment_id != money.payment_id


@proves(Ability.FUNDING_PAYMENTS)
def test_payments_are_read_until_one_is_older_than_what_is_asked_for() -> None:
    day = 24 * HOUR_MS
    rows = [settlement(AT - number * day, funding=number / 1e6) for number in range(10)]

    def page(params: dict[str, Any]) -> Any:
        at = int(params.get("continuation", 0))
        further = str(at + 3) if at + 3 < len(rows) else "none"
        return told({"settlements": rows[at : at + 3], "continuation": further})

    found = payments(answering(page), since_at=AT - 7 * day)
    assert [payment.exchange_at for payment in found] == [AT - number * day for number in range(7, -1, -1)]
    assert [payment.amount for payment in found] == [D(number) / 1_000_000 for number in range(7, -1, -1)]
    assert len(payments(answering(page), since_at=AT - 90 * day)) == 10


@pytest.mark.parametrize(
    "result",
    [
        {"settlements": [], "continuation": "again"},
        {"settlements": [settlement(instrument_name="ETH-PERPETUAL")], "continuation": "none"},
        {"settlements": [settlement(funding="NaN")], "continuation": "none"},
        {"settlements": [settlement(timestamp=1)], "continuation": "none"},
        {"continuation": "none"},
    ],
)
def test_a_part_of_the_payments_is_never_taken_for_the_whole(result: dict[str, Any]) -> None:
    with pytest.raises(AskAgain):
        payments(told(result))


def test_a_settlement_of_a_perpetual_tells_its_funding_and_a_delivery_has_none() -> None:
    unfunded, delivery = settlement(), settlement(type="delivery")
    del unfunded["funding"], delivery["funding"]
    assert payments(told({"settlements": [delivery], "continuation": None})) == ()
    with pytest.raises(AskAgain, match="without its funding"):
        payments(told({"settlements": [unfunded], "continuation": None}))


# --- prices -----------------------------------------------------------------------------------------------------------


def prices(id: InstrumentId, answer: Any) -> tuple[Quote | Mark, ...]:
    return ask(lambda desk: desk.venue.read_prices([id]), id.symbol, public__ticker=answer)[0]


@proves(Ability.PRICES, Ability.FUNDING_RATE)
def test_one_ticker_tells_best_prices_mark_index_and_funding() -> None:
    quote, mark = prices(BTC, named(ticker))
    assert isinstance(quote, Quote)
    assert isinstance(mark, Mark)
    assert (quote.bid, quote.bid_quantity, quote.ask, quote.ask_quantity) == (
        D(7750),
        D(19470),
        D("7750.5"),
        D(343280),
    )
    assert (mark.mark_price, mark.index_price, mark.funding_rate) == (D("7750.02"), D("7748.01"), D("0.0000026"))
    assert mark.funding_interval_ms == 8 * HOUR_MS
    assert 0 < mark.next_funding_at - 1583778859480 <= 8 * HOUR_MS
    assert mark.next_funding_at % (8 * HOUR_MS) == 0


def test_a_dated_contract_has_no_funding_and_a_pair_no_mark() -> None:
    unfunded = ticker("BTC-26MAR27")
    del unfunded["funding_8h"]
    _, mark = prices(DAY, told(unfunded))
    assert isinstance(mark, Mark)
    assert (mark.funding_rate, mark.next_funding_at) == (D(0), 0)
    assert [type(price) for price in prices(SPOT, named(ticker))] == [Quote]


@pytest.mark.parametrize(
    "change",
    [
        {"best_bid_price": 7751},
        {"best_ask_price": 0},
        {"best_bid_price": None},
        {"mark_price": "NaN"},
        {"index_price": 0},
        {"funding_8h": None},
        {"funding_8h": 1.5},
        {"timestamp": 1583778859},
        {"instrument_name": "ETH-PERPETUAL"},
    ],
)
def test_a_ticker_that_cannot_be_is_no_price(change: dict[str, Any]) -> None:
    with pytest.raises(AskAgain):
        prices(BTC, told(ticker() | change))


# --- the past ---------------------------------------------------------------------------------------------------------


@proves(Ability.PAST)
@pytest.mark.parametrize(
    ("minutes", "resolution", "parts"), [(1, "1", 1), (5, "5", 1), (60, "60", 1), (240, "120", 2), (480, "120", 4)]
)
def test_closed_bars_are_read_in_one_request_and_put_together(minutes: int, resolution: str, parts: int) -> None:
    length = minutes * 60_000
    bars, (seen,) = ask(lambda desk: desk.venue.read_candles(DAY, length, 30), DATED)
    now = WireClock().now_ms()
    assert [bar.opened_at for bar in bars] == list(range(bars[0].opened_at, bars[-1].opened_at + 1, length))
    assert now - length - 5_000 <= bars[-1].opened_at + length <= now
    assert (bars[0].open, bars[0].high, bars[0].low, bars[0].close) == (D(7834), D("7839.5"), D("7832.5"), D("7833.5"))
    assert (seen.params["instrument_name"], seen.params["resolution"]) == ("BTC-PERPETUAL", resolution)
    told_bars = (int(seen.params["end_timestamp"]) + 1 - int(seen.params["start_timestamp"])) // (length // parts)
    assert told_bars == 30 * parts


@pytest.mark.parametrize(("interval_ms", "count"), [(90_001, 10), (60_000, 5_001), (0, 1), (60_000, 0)])
def test_bars_that_cannot_be_had_are_given_up(interval_ms: int, count: int) -> None:
    with pytest.raises(GiveUp):
        ask(lambda desk: desk.venue.read_candles(BTC, interval_ms, count))


@pytest.mark.parametrize(
    "broken",
    [
        lambda columns: {"ticks": columns["ticks"][:-1]},
        lambda columns: {name: column[:-1] for name, column in columns.items() if name != "status"},
        lambda columns: {"high": [1, *columns["high"][1:]]},
        lambda columns: {"close": [0, *columns["close"][1:]]},
        lambda columns: {"ticks": columns["ticks"][::-1]},
        lambda columns: {"status": "error"},
        lambda columns: {"open": ["NaN", *columns["open"][1:]]},
    ],
)
def test_bars_that_are_not_whole_are_asked_for_again(broken: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    async def answer(request: web.Request, seen: Seen) -> web.StreamResponse:
        good = await chart(request, seen)
        assert isinstance(good, web.Response)
        assert good.text is not None
        columns = json.loads(good.text)["result"]
        return web.json_response(told(columns | broken(columns)))

    with pytest.raises(AskAgain):
        ask(lambda desk: desk.venue.read_candles(BTC, 60_000, 10), public__get_tradingview_chart_data=answer)


@proves(Ability.PAST)
def test_past_rates_are_those_of_eight_hours_at_their_ends() -> None:
    rates, (seen,) = ask(lambda desk: desk.venue.read_funding_rates(BTC, 20))
    assert seen.params["instrument_name"] == "BTC-PERPETUAL"
    assert len(rates) == 20
    assert all(rate.settled_at % FUNDING_INTERVAL_MS == 0 for rate in rates)
    assert all(rate.interval_ms == FUNDING_INTERVAL_MS for rate in rates)
    assert [b.settled_at - a.settled_at for a, b in pairwise(rates)] == [FUNDING_INTERVAL_MS] * 19
    assert rates[-1].rate == D(rates[-1].settled_at // HOUR_MS) / 1_000_000_000
    assert len(ask(lambda desk: desk.venue.read_funding_rates(BTC, 100))[0]) == 92


@pytest.mark.parametrize(
    "broken",
    [
        lambda rows: rows[:-9],
        lambda rows: rows[:3] + rows[4:],
        lambda rows: [rows[0], *rows],
        lambda rows: rows[::-1],
        lambda rows: [{**row, "interest_8h": 2} for row in rows],
        lambda rows: [{**row, "timestamp": row["timestamp"] + 1_000_000} for row in rows],
        lambda rows: [],
    ],
)
def test_rates_that_are_not_whole_are_asked_for_again(broken: Callable[[list[Any]], list[Any]]) -> None:
    async def answer(request: web.Request, seen: Seen) -> web.StreamResponse:
        good = await hours(request, seen)
        assert isinstance(good, web.Response)
        assert good.text is not None
        return web.json_response(told(broken(json.loads(good.text)["result"])))

    with pytest.raises(AskAgain):
        ask(lambda desk: desk.venue.read_funding_rates(BTC, 5), public__get_funding_rate_history=answer)

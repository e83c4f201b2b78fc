"""Prices, fills, funding and the past on Bybit: whole or not at all."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from hedger.errors import AskAgain, GiveUp
from hedger.model.market import Mark, Quote
from hedger.model.order import FillCause, Side
from hedger.model.spans import HOUR_MS
from hedger.venues.abilities import Ability
from tests.support.stand import OUR_ID, proves
from tests.support.stands.bybit import (
    AT,
    BARS,
    DATED,
    EXECUTIONS,
    INVERSE,
    LEDGER,
    LINEAR,
    PAIR,
    PAIR_BARS,
    RATES,
    STAND,
    TICKERS,
    execution,
    listed,
    settlement,
    ticker,
    told,
)
from tests.support.wire_server import Seen
from tests.support.wire_venue import Desk, opened

WEEK_MS = 7 * 24 * HOUR_MS
Body = Callable[[Mapping[str, Any]], Any]


def asked(ask: Callable[[Desk], Awaitable[Any]], **bodies: Body) -> tuple[Any, list[Seen]]:
    """What a question came to and its requests; `bodies` are by the last word of a path."""
    paths = {
        path.rpartition("/")[2].replace("-", "_"): path
        for path in (EXECUTIONS, LEDGER, TICKERS, BARS, PAIR_BARS, RATES)
    }
    paths = {**paths, "fills": EXECUTIONS, "ledger": LEDGER, "rates": RATES}

    async def scenario() -> tuple[Any, list[Seen]]:
        symbols = [LINEAR.symbol, DATED.symbol, INVERSE.symbol, PAIR.symbol]
        async with opened(symbols, stand=STAND) as desk:
            for name, body in bodies.items():
                desk.fake.answers["GET", paths[name]] = answering(body)
            return await ask(desk), list(desk.fake.seen)

    return asyncio.run(scenario())


def answering(body: Body) -> Any:
    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        return web.json_response(body(seen.params))

    return answer


def now() -> int:
    return int(told({})["time"])


# --- fills ---------------------------------------------------------------------------------------------------------


@proves(Ability.FILLS)
def test_fills_are_read_to_the_last_page_of_each_week() -> None:
    since_at = now() - 2 * WEEK_MS - 1_000
    starts: list[int] = []

    def body(params: Mapping[str, Any]) -> Any:
        start, cursor = int(params["startTime"]), params.get("cursor")
        assert int(params["endTime"]) - start < WEEK_MS
        if cursor is None:
            starts.append(start)
            # The newest comes first.
            rows = [execution(n, execId=f"{start}-{n}", execTime=str(start + n)) for n in (4, 3)]
            return listed(*rows, cursor=f"{start}a")
        if cursor.endswith("a"):
            rows = [execution(n, execId=f"{start}-{n}", execTime=str(start + n)) for n in (2, 1)]
            return listed(*rows, cursor=f"{start}b")
        return listed(cursor="")

    fills, seen = asked(lambda desk: desk.venue.read_fills(LINEAR, since_at), fills=body)
    assert len(starts) == 3
    assert [fill.exchange_at for fill in fills] == [start + n for start in starts for n in (1, 2, 3, 4)]
    assert [seen[0].params[name] for name in ("category", "symbol", "limit")] == ["linear", "BTCUSDT", "100"]
    assert starts[0] == since_at
    assert all(after - before == WEEK_MS for before, after in itertools.pairwise(starts))


@proves(Ability.FILLS)
def test_a_recorded_execution_is_a_fill_of_our_order() -> None:
    (fill,), _ = asked(lambda desk: desk.venue.read_fills(LINEAR, AT), fills=lambda _: listed(execution(1)))
    assert (fill.client_order_id, fill.side, fill.quantity) == (OUR_ID, Side.SELL, Decimal("0.002"))
    assert (fill.fee, fill.fee_asset, fill.maker) == (Decimal("0.024"), "USDT", True)
    assert fill.cause is FillCause.ORDER


@proves(Ability.FORCED)
@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("BustTrade", FillCause.LIQUIDATION),
        ("AdlTrade", FillCause.DELEVERAGING),
        ("Delivery", FillCause.SETTLEMENT),
        ("Settle", FillCause.SETTLEMENT),
    ],
)
def test_what_the_venue_did_by_its_own_hand_is_told_as_such(kind: str, cause: FillCause) -> None:
    row = execution(1, execType=kind, orderLinkId="")
    (fill,), _ = asked(lambda desk: desk.venue.read_fills(LINEAR, AT), fills=lambda _: listed(row))
    assert (fill.cause, fill.client_order_id) == (cause, None)


def test_a_funding_payment_among_the_executions_is_no_fill() -> None:
    rows = [execution(1, execType="Funding"), execution(2)]
    fills, _ = asked(lambda desk: desk.venue.read_fills(LINEAR, AT), fills=lambda _: listed(*rows))
    assert len(fills) == 1


@pytest.mark.parametrize(
    "row",
    [
        execution(1, execType="Confiscation"),
        execution(1, symbol="ETHUSDT"),
        execution(1, execQty="NaN"),
        execution(1, execQty="0"),
        execution(1, side=""),
        execution(1, execTime="1790000000"),
        execution(1, execId=""),
    ],
    ids=["a kind that nobody knows", "another contract", "NaN", "nothing", "no side", "seconds", "no id"],
)
def test_fills_that_are_not_understood_are_asked_for_again(row: dict[str, Any]) -> None:
    with pytest.raises(AskAgain):
        asked(lambda desk: desk.venue.read_fills(LINEAR, AT), fills=lambda _: listed(row))


def test_a_list_of_fills_whose_cursor_repeats_is_not_whole() -> None:
    with pytest.raises(AskAgain, match="a cursor repeats"):
        asked(
            lambda desk: desk.venue.read_fills(LINEAR, now() - 1_000),
            fills=lambda _: listed(execution(1), cursor="again"),
        )


# --- funding -------------------------------------------------------------------------------------------------------


@proves(Ability.FUNDING_PAYMENTS)
def test_funding_is_read_to_the_last_page_and_signed_by_who_paid() -> None:
    since_at = now() - HOUR_MS

    def body(params: Mapping[str, Any]) -> Any:
        at = str(since_at + 5)
        if "cursor" not in params:
            paid = settlement(2, funding="-0.375", transactionTime=at)
            return listed(paid, settlement(3, symbol="ETHUSDT", funding="NaN"), cursor="a")
        if params["cursor"] == "a":
            received = settlement(1, funding="0.25", transactionTime=str(since_at + 1))
            return listed(received, settlement(4, symbol="BTCUSD", currency="BTC", transactionTime=at), cursor="b")
        return listed()

    payments, seen = asked(lambda desk: desk.venue.read_funding(since_at), ledger=body)
    assert [(row.id, row.amount, row.asset) for row in payments] == [
        (LINEAR, Decimal("0.25"), "USDT"),
        (LINEAR, Decimal("-0.375"), "USDT"),
        (INVERSE, Decimal("-0.375"), "BTC"),
    ]
    assert [seen[0].params[name] for name in ("accountType", "type")] == ["UNIFIED", "SETTLEMENT"]


def test_a_settlement_of_profit_without_funding_is_no_payment() -> None:
    payments, _ = asked(
        lambda desk: desk.venue.read_funding(AT),
        ledger=lambda _: listed(settlement(1, funding="", cashFlow="7", currency="USDC")),
    )
    assert payments == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"funding": "NaN"},
        {"funding": ""},
        {"symbol": None},
        {"type": None},
        {"id": "", "tradeId": ""},
        {"transactionTime": "1790000000"},
    ],
)
def test_a_payment_of_ours_that_is_odd_is_asked_for_again(changes: dict[str, Any]) -> None:
    with pytest.raises(AskAgain):
        asked(lambda desk: desk.venue.read_funding(AT), ledger=lambda _: listed(settlement(1, **changes)))


# --- prices --------------------------------------------------------------------------------------------------------


@proves(Ability.PRICES, Ability.FUNDING_RATE)
def test_one_answer_has_the_best_prices_the_mark_and_the_funding() -> None:
    rows = ticker("BTCUSDT", fundingIntervalHour="4")
    (quote, mark), seen = asked(lambda desk: desk.venue.read_prices([LINEAR]), tickers=lambda _: told({"list": [rows]}))
    assert isinstance(quote, Quote)
    assert isinstance(mark, Mark)
    assert (quote.bid, quote.bid_quantity, quote.ask, quote.ask_quantity) == (
        Decimal("60000.1"), Decimal("1.5"), Decimal("60000.2"), Decimal(2),
    )  # fmt: skip
    assert (mark.mark_price, mark.index_price) == (Decimal("60100.50"), Decimal("60099.1"))
    assert (mark.funding_rate, mark.funding_interval_ms) == (Decimal("0.00038246"), 4 * HOUR_MS)
    assert mark.next_funding_at == AT + 6_400_000
    assert len(seen) == 1


@proves(Ability.FUNDING_RATE)
def test_an_interval_that_the_prices_do_not_tell_is_that_of_the_listing() -> None:
    rows = ticker("BTCUSDT", fundingIntervalHour="")
    (_, mark), _ = asked(lambda desk: desk.venue.read_prices([LINEAR]), tickers=lambda _: told({"list": [rows]}))
    assert mark.funding_interval_ms == 8 * HOUR_MS


def test_a_dated_contract_pays_no_funding_and_a_pair_has_no_mark() -> None:
    def body(params: Mapping[str, Any]) -> Any:
        empty = {"fundingRate": "", "nextFundingTime": "0", "fundingIntervalHour": ""}
        return told({"list": [ticker(params["symbol"], **empty)]})

    prices, _ = asked(lambda desk: desk.venue.read_prices([DATED, PAIR]), tickers=body)
    assert [(type(price), price.id) for price in prices] == [(Quote, DATED), (Mark, DATED), (Quote, PAIR)]
    assert prices[1].funding_rate == 0


@pytest.mark.parametrize(
    "row",
    [
        ticker("ETHUSDT"),
        ticker("BTCUSDT", bid1Price="60000.3"),
        ticker("BTCUSDT", bid1Price=""),
        ticker("BTCUSDT", markPrice="NaN"),
        ticker("BTCUSDT", markPrice="0"),
        ticker("BTCUSDT", fundingRate=""),
        ticker("BTCUSDT", nextFundingTime="1790000000"),
    ],
    ids=["another contract", "crossed", "one side", "NaN", "no mark", "no rate", "seconds"],
)
def test_prices_that_are_odd_are_asked_for_again(row: dict[str, Any]) -> None:
    with pytest.raises(AskAgain):
        asked(lambda desk: desk.venue.read_prices([LINEAR]), tickers=lambda _: told({"list": [row]}))


# --- the past ------------------------------------------------------------------------------------------------------


def bars(count: int, interval_ms: int, *, skip: int | None = None) -> list[list[str]]:
    """Bars up to the one that runs, the newest first."""
    running = now() // interval_ms * interval_ms
    opened_at = [running - n * interval_ms for n in range(count)]
    return [[str(at), "60000", "60010", "59990", "60005"] for n, at in enumerate(opened_at) if n != skip]


@proves(Ability.PAST)
def test_closed_bars_of_the_index_are_whole_and_the_oldest_comes_first() -> None:
    candles, (request,) = asked(
        lambda desk: desk.venue.read_candles(INVERSE, HOUR_MS, 3),
        index_price_kline=lambda params: told({"symbol": "BTCUSD", "list": bars(5, HOUR_MS)}),
    )
    assert [b.opened_at - a.opened_at for a, b in itertools.pairwise(candles)] == [HOUR_MS] * 2
    assert (candles[0].low, candles[0].high) == (59_990, 60_010)
    sent = {"category": "inverse", "symbol": "BTCUSD", "interval": "60", "limit": "5"}
    assert (request.path, request.params) == (BARS, sent)


@proves(Ability.PAST)
def test_a_pair_has_the_bars_of_its_own_trades() -> None:
    rows = [[*row, "12.5", "750000"] for row in bars(5, HOUR_MS)]
    candles, (request,) = asked(
        lambda desk: desk.venue.read_candles(PAIR, HOUR_MS, 2),
        kline=lambda params: told({"symbol": "BTCUSDT", "list": rows}),
    )
    assert (len(candles), request.path) == (2, PAIR_BARS)


@pytest.mark.parametrize(
    "body",
    [
        lambda: {"symbol": "BTCUSDT", "list": bars(5, HOUR_MS, skip=2)},
        lambda: {"symbol": "BTCUSDT", "list": bars(5, HOUR_MS)[::-1]},
        lambda: {"symbol": "ETHUSDT", "list": bars(5, HOUR_MS)},
        lambda: {"symbol": "BTCUSDT", "list": []},
        lambda: {"symbol": "BTCUSDT", "list": [[*row[:2], "1", *row[3:]] for row in bars(5, HOUR_MS)]},
    ],
    ids=["a gap", "upside down", "another contract", "none", "a high below the low"],
)
def test_bars_that_are_not_whole_are_asked_for_again(body: Callable[[], Any]) -> None:
    with pytest.raises(AskAgain):
        asked(lambda desk: desk.venue.read_candles(LINEAR, HOUR_MS, 3), index_price_kline=lambda _: told(body()))


def test_bars_that_the_venue_does_not_have_are_given_up() -> None:
    with pytest.raises(GiveUp):
        asked(lambda desk: desk.venue.read_candles(LINEAR, 8 * HOUR_MS, 3))


def settled(last_at: int, count: int) -> list[dict[str, str]]:
    """Settlements up to a moment, eight hours apart, the newest first."""
    return [
        {"symbol": "BTCUSDT", "fundingRate": f"0.000{n % 9}", "fundingRateTimestamp": str(last_at - 8 * HOUR_MS * n)}
        for n in range(count)
    ]


@proves(Ability.PAST)
def test_more_settlements_than_a_page_has_are_read_from_several() -> None:
    newest_at = now() // (8 * HOUR_MS) * 8 * HOUR_MS

    def body(params: Mapping[str, Any]) -> Any:
        last_at = newest_at
        if "endTime" in params:
            last_at = int(params["endTime"]) // (8 * HOUR_MS) * 8 * HOUR_MS
        return told({"category": "linear", "list": settled(last_at, 200)})

    rates, seen = asked(lambda desk: desk.venue.read_funding_rates(LINEAR, 250), rates=body)
    assert (len(rates), len(seen)) == (250, 2)
    assert rates[-1].settled_at == newest_at
    assert {rate.interval_ms for rate in rates} == {8 * HOUR_MS}


@pytest.mark.parametrize("age_h", [30, -9], ids=["the newest is missing", "from the future"])
def test_settlements_that_cannot_be_the_last_are_asked_for_again(age_h: int) -> None:
    newest_at = now() // (8 * HOUR_MS) * 8 * HOUR_MS - age_h // 8 * 8 * HOUR_MS
    with pytest.raises(AskAgain):
        asked(
            lambda desk: desk.venue.read_funding_rates(LINEAR, 5),
            rates=lambda _: told({"list": settled(newest_at, 6)}),
        )

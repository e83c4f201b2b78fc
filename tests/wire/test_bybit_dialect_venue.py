"""The hedger's Bybit client and the simulated exchange's Bybit understand each other, event for event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

from hedger.errors import GiveUp
from hedger.model.account import MarginMode
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.market import Mark, Quote
from hedger.model.message import (
    CancelAnswered,
    CancelOrder,
    OrderAccepted,
    OrderOutcomeUnknown,
    OrderRejected,
    PlaceOrder,
)
from hedger.model.order import Fill, FillCause, OrderReport, RejectReason, ReportStatus, Side
from hedger.model.spans import HOUR_MS
from hedger.runtime.ports import Hint, Venue
from hedger.sim.dialects.bybit.hosts import HOSTS
from hedger.sim.dialects.mishaps import Mishap
from hedger.sim.network import paper_network
from hedger.sim.nouns import OrderKind, Wallet
from hedger.sim.past import Origin
from hedger.venues.client import Credentials
from hedger.venues.factory import open_venue
from hedger.venues.network import Network
from tests.support.bare_exchange import set_mark
from tests.support.bybit_bench import INVERSE, KEY, PAIR, PERPETUAL, SECRET, START, Bench, served
from tests.support.dialect_bench import streams_up
from tests.support.leave import let_go

BTC = InstrumentId("main", PERPETUAL)
COIN = InstrumentId("main", INVERSE)
DATED = InstrumentId("main", "BTC/USDT:USDT-260626")
USDC = InstrumentId("main", "BTC/USDC:USDC")
ALL = (PERPETUAL, INVERSE, DATED.symbol, USDC.symbol, PAIR)


class ExchangeClock:
    """The time of an exchange that a test moves by hand."""

    speed = 1.0

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def now_ms(self) -> int:
        return self._bench.exchange.now

    def span(self, seconds: float) -> float:
        return seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))


@asynccontextmanager
async def opened(*symbols: str) -> AsyncIterator[tuple[Bench, Venue]]:
    async with served() as bench:
        paper = paper_network(bench.port, bench.ca, HOSTS)
        venue = open_venue(
            account="main",
            venue="bybit",
            environment="paper",
            clock=ExchangeClock(bench),
            credentials=Credentials(api_key=KEY, secret=SECRET),
            network=Network(resolver=paper.resolver, ssl_context=paper.ssl_context),
        )
        try:
            await venue.open(symbols or (PERPETUAL, PAIR))
            yield bench, venue
        finally:
            await venue.close()


def order(number: int, price: str = "59000.0", side: Side = Side.BUY, id: InstrumentId = BTC) -> PlaceOrder:
    return PlaceOrder(
        id=id,
        client_order_id=f"h{number}",
        side=side,
        quantity=Decimal("0.010") if id != COIN else Decimal(600),
        price=Decimal(price),
        reduce_only=False,
        ttl_ms=5_000,
        decision_id=number,
    )


async def first(hints: AsyncIterator[Hint], matches: Callable[[Hint], bool]) -> Hint:
    async for hint in hints:
        if matches(hint):
            return hint
    raise AssertionError("the stream ended")


def test_an_account_is_configured_and_read_whole() -> None:
    async def run() -> None:
        async with opened(*ALL) as (_, venue):
            symbols = [PERPETUAL, INVERSE, DATED.symbol]
            await venue.configure(symbols, leverage=3, margin_mode=MarginMode.CROSS)
            reading = await venue.read_account()
            assert (reading.collateral["USDT"], reading.spot["BTC"]) == (Decimal(150_000), Decimal(3))
            assert reading.equity("BTC") == 0
            assert {row.id.symbol for row in reading.positions} == set(ALL) - {PAIR}
            assert all(row.quantity == 0 for row in reading.positions)
            assert {row.id: row.leverage for row in reading.positions}[DATED] == 3
            assert reading.margin.equity > 0
            assert reading.coin_margins["BTC"].available > 0
            (option,) = reading.options
            assert (option.quantity, option.strike, option.underlying) == (Decimal(-1), Decimal(80_000), "BTC")
            assert option.mark_sigma is not None
            assert reading.one_way

    asyncio.run(run())


def test_a_margin_mode_in_which_the_account_cannot_be_read_is_refused() -> None:
    async def run() -> str:
        async with opened() as (_, venue):
            try:
                await venue.configure([PERPETUAL], leverage=1, margin_mode=MarginMode.ISOLATED)
            except GiveUp as problem:
                return str(problem)
        return ""

    assert "cross" in asyncio.run(run())


def test_an_order_is_accepted_rested_found_and_canceled() -> None:
    async def run() -> None:
        async with opened() as (bench, venue):
            accepted = await venue.place(order(1), let_go)
            assert isinstance(accepted, OrderAccepted)
            found = await venue.find_order(BTC, "h1")
            assert found is not None
            assert (found.status, found.venue_order_id) == (ReportStatus.WORKING, accepted.venue_order_id)
            (told,) = (await venue.read_account()).open_orders
            assert told == found
            noted = await venue.cancel(CancelOrder(id=BTC, client_order_id="h1", venue_order_id=None))
            assert isinstance(noted, CancelAnswered)
            assert noted.known is True
            ended = await venue.find_order(BTC, "h1")
            assert ended is not None
            assert (ended.status, ended.ended_because) == (ReportStatus.CANCELED, None)
            again = await venue.cancel(CancelOrder(id=BTC, client_order_id="h1", venue_order_id=None))
            assert isinstance(again, CancelAnswered)
            assert again.known is False
            assert bench.exchange.open_orders("main", Wallet.LINEAR) == []

    asyncio.run(run())


def test_an_order_that_nobody_sent_is_found_nowhere() -> None:
    async def run() -> None:
        async with opened() as (_, venue):
            assert await venue.find_order(BTC, "h9") is None

    asyncio.run(run())


def test_an_order_that_would_cross_is_taken_off_and_its_record_and_the_stream_say_why() -> None:
    async def run() -> None:
        async with opened() as (bench, venue):
            hints = venue.hints()
            await streams_up(hints)
            ended = asyncio.create_task(
                first(hints, lambda h: isinstance(h, OrderReport) and h.client_order_id == "h1")
            )
            assert isinstance(await venue.place(order(1, "60000.1"), let_go), OrderAccepted)
            report = await venue.find_order(BTC, "h1")
            assert report is not None
            assert report.status is ReportStatus.CANCELED
            assert report.ended_because is RejectReason.POST_ONLY_WOULD_CROSS
            streamed = await asyncio.wait_for(ended, 60)
            assert isinstance(streamed, OrderReport)
            assert streamed.ended_because is RejectReason.POST_ONLY_WOULD_CROSS
            assert bench.exchange.truth("main").trades == []

    asyncio.run(run())


def test_an_order_whose_answer_is_lost_is_unknown_and_then_found() -> None:
    async def run() -> None:
        async with opened() as (bench, venue):
            bench.server.mishaps.plan("POST", "/v5/order/create", Mishap.LOSE_ANSWER)
            assert isinstance(await venue.place(order(1), let_go), OrderOutcomeUnknown)
            report = await venue.find_order(BTC, "h1")
            assert report is not None
            assert report.status is ReportStatus.WORKING
            assert isinstance(await venue.place(order(1), let_go), OrderOutcomeUnknown)  # its id exists

    asyncio.run(run())


def test_fills_are_streamed_and_read_alike() -> None:
    async def run() -> None:
        async with opened() as (bench, venue):
            hints = venue.hints()
            await streams_up(hints)
            fill = asyncio.create_task(first(hints, lambda h: isinstance(h, Fill)))
            await venue.place(order(1, "60000.0"), let_go)
            bench.exchange.crowd_takes(Wallet.LINEAR, "BTCUSDT", Side.SELL, Decimal("3.010"))
            streamed = await asyncio.wait_for(fill, 60)
            assert isinstance(streamed, Fill)
            assert (streamed.client_order_id, streamed.maker) == ("h1", True)
            (read,) = await venue.read_fills(BTC, START)
            assert streamed == read
            reading = await venue.read_account()
            (held,) = [row for row in reading.positions if row.id == BTC]
            assert held.quantity == Decimal("0.010")

    asyncio.run(run())


def test_prices_are_streamed_and_read_alike() -> None:
    async def run() -> None:
        async with opened(*ALL) as (_, venue):
            ids = [InstrumentId("main", symbol) for symbol in ALL]
            read = await venue.read_prices(ids)
            found: dict[tuple[type[Hint], InstrumentId], Quote | Mark] = {}
            async with asyncio.timeout(60):
                async for hint in venue.hints():
                    if isinstance(hint, Quote | Mark):
                        found[type(hint), hint.id] = hint
                    if len(found) == len(read):
                        break
            assert {key: replace(hint, exchange_at=0) for key, hint in found.items()} == {
                (type(price), price.id): replace(price, exchange_at=0) for price in read
            }

    asyncio.run(run())


def test_an_inverse_position_is_in_dollars_and_its_coins_are_counted_once() -> None:
    async def run() -> None:
        async with opened(INVERSE) as (bench, venue):
            assert isinstance(await venue.place(order(1, "60000.1", Side.SELL, COIN), let_go), OrderAccepted)
            bench.exchange.crowd_takes(Wallet.INVERSE, "BTCUSD_PERP", Side.BUY, Decimal(180_600))
            reading = await venue.read_account()
            (held,) = [row for row in reading.positions if row.id == COIN]
            assert (held.quantity, held.payoff) == (Decimal(-600), Payoff.INVERSE)
            truth = bench.exchange.derivatives("main")["BTC"]
            assert round(reading.spot["BTC"] - truth.wallet_balance, 15) == 2
            assert round(reading.unrealized["BTC"] - truth.unrealized_pnl, 12) == 0

    asyncio.run(run())


def test_funding_is_read_as_the_exchange_paid_it() -> None:
    async def run() -> None:
        async with opened() as (bench, venue):
            await venue.place(order(1, "60000.0"), let_go)
            bench.exchange.crowd_takes(Wallet.LINEAR, "BTCUSDT", Side.SELL, Decimal("3.010"))
            bench.exchange.advance(bench.exchange.now + 4 * HOUR_MS)
            payments = await venue.read_funding(START)
            truth = bench.exchange.funding("main", since_at=START, limit=10)
            assert [(row.id, row.amount) for row in payments] == [(BTC, record.amount) for record in truth]
            assert payments

    asyncio.run(run())


def test_bars_and_past_rates_are_read_from_the_exchange() -> None:
    async def run() -> None:
        async with opened() as (bench, venue):
            bench.exchange.past.origin = Origin(seed=1, volatility={"BTC": 0.5})
            candles = await venue.read_candles(BTC, HOUR_MS, 24)
            rates = await venue.read_funding_rates(BTC, 6)
            assert (len(candles), len(rates)) == (24, 6)
            assert {rate.interval_ms for rate in rates} == {8 * HOUR_MS}

    asyncio.run(run())


def test_a_liquidation_is_streamed_with_its_cause() -> None:
    async def run() -> None:
        async with opened() as (bench, venue):
            exchange = bench.exchange
            hints = venue.hints()
            await streams_up(hints)
            streamed = asyncio.create_task(
                first(hints, lambda h: isinstance(h, Fill) and h.cause is not FillCause.ORDER)
            )
            exchange.place(
                "main",
                Wallet.LINEAR,
                "BTCUSDT",
                side=Side.SELL,
                kind=OrderKind.MARKET,
                quantity=Decimal(1),
                price=None,
                reduce_only=False,
                client_order_id="by-hand",
            )
            exchange.deposit("main", Wallet.LINEAR, "USDT", Decimal(-45_000))
            set_mark(exchange, "70000")
            fill = await asyncio.wait_for(streamed, 60)
            assert isinstance(fill, Fill)
            assert fill.cause is FillCause.LIQUIDATION
            forced = [one for one in await venue.read_fills(BTC, START) if one.cause is not FillCause.ORDER]
            assert forced[0] == fill

    asyncio.run(run())


def test_rules_that_the_exchange_changes_and_contracts_that_it_closes_are_read_anew() -> None:
    async def run() -> None:
        async with opened() as (bench, venue):
            exchange = bench.exchange
            exchange.relist(replace(exchange.listings[Wallet.LINEAR, "BTCUSDT"], tick_size=Decimal("0.5")))
            (rules,) = await venue.read_instruments([PERPETUAL])
            assert rules.tick_size == Decimal("0.5")
            bench.board.notices.announce("BTCUSDT", "Closed")
            refused = await venue.place(order(1), let_go)
            assert isinstance(refused, OrderRejected)
            assert await venue.read_instruments([PERPETUAL]) == ()

    asyncio.run(run())

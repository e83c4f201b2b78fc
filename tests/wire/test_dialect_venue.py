"""The hedger's own venue client and the simulated exchange understand each other, event for event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

from hedger.model.account import MarginMode
from hedger.model.instrument import InstrumentId
from hedger.model.message import CancelOrder, OrderAccepted, OrderOutcomeUnknown, OrderRejected, PlaceOrder
from hedger.model.order import Fill, FillCause, OrderReport, RejectReason, ReportStatus, Side
from hedger.runtime.ports import Hint, Venue
from hedger.sim.dialects.mishaps import Mishap
from hedger.sim.network import paper_network
from hedger.sim.nouns import OrderKind, Wallet
from hedger.venues.client import Credentials
from hedger.venues.factory import open_venue
from hedger.venues.network import Network
from tests.support.bare_exchange import set_mark
from tests.support.dialect_bench import KEY, PERPETUAL, SECRET, START, Bench, served, streams_up
from tests.support.leave import let_go

BTC = InstrumentId("main", PERPETUAL)


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
async def opened() -> AsyncIterator[tuple[Bench, Venue]]:
    async with served() as bench:
        paper = paper_network(bench.port, bench.ca)
        venue = open_venue(
            account="main",
            venue="binance",
            environment="paper",
            clock=ExchangeClock(bench),
            credentials=Credentials(api_key=KEY, secret=SECRET),
            network=Network(resolver=paper.resolver, ssl_context=paper.ssl_context),
        )
        try:
            await venue.open([PERPETUAL, "BTC/USDT"])
            yield bench, venue
        finally:
            await venue.close()


def order(number: int, price: str = "59000.0", side: Side = Side.BUY) -> PlaceOrder:
    return PlaceOrder(
        id=BTC,
        client_order_id=f"h{number}",
        side=side,
        quantity=Decimal("0.010"),
        price=Decimal(price),
        reduce_only=False,
        ttl_ms=5_000,
        decision_id=number,
    )


async def first(hints: AsyncIterator[Hint], kind: type[Hint]) -> Hint:
    async for hint in hints:
        if isinstance(hint, kind):
            return hint
    raise AssertionError("the stream ended")


def test_an_account_is_configured_and_read_whole() -> None:
    async def run() -> None:
        async with opened() as (_, venue):
            await venue.configure([PERPETUAL], leverage=3, margin_mode=MarginMode.CROSS)
            reading = await venue.read_account()
            assert (reading.collateral["USDT"], reading.spot["BTC"]) == (Decimal(50_000), Decimal(2))
            assert {p.id.symbol: p.quantity for p in reading.positions}[PERPETUAL] == 0
            assert reading.one_way

    asyncio.run(run())


def test_an_order_is_accepted_rested_and_canceled() -> None:
    async def run() -> None:
        async with opened() as (bench, venue):
            accepted = await venue.place(order(1), let_go)
            assert isinstance(accepted, OrderAccepted)
            (resting,) = bench.exchange.open_orders("main", Wallet.LINEAR)
            assert str(resting.order_id) == accepted.venue_order_id
            report = await venue.cancel(CancelOrder(id=BTC, client_order_id="h1", venue_order_id=None))
            assert isinstance(report, OrderReport)
            assert report.status is ReportStatus.CANCELED

    asyncio.run(run())


def test_an_order_that_would_cross_is_rejected_as_such() -> None:
    async def run() -> None:
        async with opened() as (bench, venue):
            rejected = await venue.place(order(1, "60000.1"), let_go)
            assert isinstance(rejected, OrderRejected)
            assert rejected.reason is RejectReason.POST_ONLY_WOULD_CROSS
            assert bench.exchange.truth("main").trades == []

    asyncio.run(run())


def test_an_order_whose_answer_is_lost_is_unknown_and_then_found() -> None:
    async def run() -> None:
        async with opened() as (bench, venue):
            bench.server.mishaps.plan("POST", "/fapi/v1/order", Mishap.LOSE_ANSWER)
            assert isinstance(await venue.place(order(1), let_go), OrderOutcomeUnknown)
            report = await venue.find_order(BTC, "h1")
            assert report is not None
            assert report.status is ReportStatus.WORKING

    asyncio.run(run())


def test_fills_are_streamed_and_read_alike() -> None:
    async def run() -> None:
        async with opened() as (bench, venue):
            hints = venue.hints()
            await streams_up(hints)
            fill = asyncio.create_task(first(hints, Fill))
            await venue.place(order(1, "60000.0"), let_go)
            bench.exchange.crowd_takes(Wallet.LINEAR, "BTCUSDT", Side.SELL, Decimal("3.010"))
            streamed = await asyncio.wait_for(fill, 60)
            assert isinstance(streamed, Fill)
            assert streamed.maker
            (read,) = await venue.read_fills(BTC, START)
            assert streamed == read  # Binance's list of trades has no client ids, but we have seen the order

    asyncio.run(run())


# --- the exchange's own hand, and its announcements ---------------------------------------------------------------


async def forced_fill(bench: Bench, venue: Venue, *, deleveraged: bool) -> tuple[Fill, Fill]:
    """The execution of an order that the exchange sent for us, as streamed and as read."""
    hints = venue.hints()
    await streams_up(hints)
    streamed = asyncio.create_task(forced(hints))
    exchange = bench.exchange
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
    if deleveraged:
        exchange.deleverage("main", "BTCUSDT", Decimal("0.4"), None)
    else:
        exchange.deposit("main", Wallet.LINEAR, "USDT", Decimal(-45_000))
        set_mark(exchange, "70000")
    fill = await asyncio.wait_for(streamed, 60)
    (read,) = [fill for fill in await venue.read_fills(BTC, START) if fill.cause is not FillCause.ORDER][:1]
    return fill, read


async def forced(hints: AsyncIterator[Hint]) -> Fill:
    async for hint in hints:
        if isinstance(hint, Fill) and hint.cause is not FillCause.ORDER:
            return hint
    raise AssertionError("the stream ended")


def test_a_deleveraging_is_streamed_with_its_cause_and_its_name() -> None:
    async def run() -> None:
        async with opened() as (bench, venue):
            streamed, read = await forced_fill(bench, venue, deleveraged=True)
            assert (streamed.cause, streamed.client_order_id) == (FillCause.DELEVERAGING, "adl_autoclose")
            assert read == streamed

    asyncio.run(run())


def test_a_liquidation_is_streamed_with_its_cause_and_its_name() -> None:
    async def run() -> None:
        async with opened() as (bench, venue):
            streamed, read = await forced_fill(bench, venue, deleveraged=False)
            assert streamed.cause is FillCause.LIQUIDATION
            assert (streamed.client_order_id or "").startswith("autoclose-")
            assert read.cause is FillCause.LIQUIDATION

    asyncio.run(run())


def test_a_deleveraging_that_nobody_streamed_is_found_by_asking_for_forced_orders() -> None:
    async def run() -> None:
        async with opened() as (bench, venue):
            await venue.place(order(1, "60000.1", Side.SELL), let_go)
            bench.exchange.crowd_takes(Wallet.LINEAR, "BTCUSDT", Side.BUY, Decimal("3.010"))
            bench.exchange.deleverage("main", "BTCUSDT", Decimal("0.004"), None)
            fills = await venue.read_fills(BTC, START)
            assert [(fill.cause, fill.client_order_id) for fill in fills] == [
                (FillCause.ORDER, "h1"),
                (FillCause.DELEVERAGING, "adl_autoclose"),
            ]

    asyncio.run(run())


def test_rules_that_the_exchange_changes_and_contracts_that_it_closes_are_read_anew() -> None:
    async def run() -> None:
        async with opened() as (bench, venue):
            exchange = bench.exchange
            exchange.relist(replace(exchange.listings[Wallet.LINEAR, "BTCUSDT"], tick_size=Decimal("0.5")))
            (rules,) = await venue.read_instruments([PERPETUAL])
            assert rules.tick_size == Decimal("0.5")
            bench.board.notices.announce("BTCUSDT", "SETTLING")
            refused = await venue.place(order(1), let_go)
            assert isinstance(refused, OrderRejected)
            assert refused.reason is RejectReason.UNAVAILABLE
            assert await venue.read_instruments([PERPETUAL]) == ()

    asyncio.run(run())


def test_a_countdown_that_is_extended_ends_our_orders_when_nobody_extends_it_again() -> None:
    async def run() -> None:
        async with opened() as (bench, venue):
            await venue.place(order(1), let_go)
            await venue.extend_switch([PERPETUAL, "BTC/USDT"], 60_000)
            bench.exchange.advance(bench.exchange.now + 59_000)
            assert len(bench.exchange.open_orders("main", Wallet.LINEAR)) == 1
            bench.exchange.advance(bench.exchange.now + 2_000)
            assert bench.exchange.open_orders("main", Wallet.LINEAR) == []

    asyncio.run(run())

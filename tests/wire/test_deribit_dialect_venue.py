"""The hedger's Deribit and the simulated exchange that speaks as Deribit understand each other, event for event."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.formulas.overlay import overlay
from hedger.errors import AskAgain
from hedger.model.account import MarginMode
from hedger.model.instrument import InstrumentId, Kind, Payoff
from hedger.model.market import Mark, Quote
from hedger.model.message import (
    CancelAnswered,
    CancelOrder,
    OrderAccepted,
    OrderOutcomeUnknown,
    OrderRejected,
    PlaceOrder,
    StreamChanged,
)
from hedger.model.order import Fill, FillCause, OrderReport, RejectReason, ReportStatus, Side
from hedger.model.spans import HOUR_MS
from hedger.runtime.ports import Hint, Venue
from hedger.sim.dialects.deribit.hosts import HOSTS
from hedger.sim.dialects.deribit.refusals import Trouble
from hedger.sim.network import paper_network
from hedger.sim.nouns import OrderKind, Wallet
from hedger.venues.client import Credentials
from hedger.venues.factory import open_venue
from hedger.venues.network import Network
from tests.support.deribit_bench import CLIENT, DATED, INVERSE, LINEAR, PAIR, SECRET, Bench, result, served
from tests.support.leave import let_go

BTC, DAY, USDC = (InstrumentId("main", symbol) for symbol in (INVERSE, DATED, LINEAR))
Test = Callable[[Bench, Venue], Awaitable[None]]


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
            venue="deribit",
            environment="paper",
            clock=ExchangeClock(bench),
            credentials=Credentials(api_key=CLIENT, secret=SECRET),
            network=Network(resolver=paper.resolver, ssl_context=paper.ssl_context),
        )
        try:
            await venue.open(symbols or (INVERSE, DATED, LINEAR, PAIR))
            yield bench, venue
        finally:
            await venue.close()


def at_the_wire(test: Test, *symbols: str) -> None:
    async def run() -> None:
        async with opened(*symbols) as (bench, venue):
            await test(bench, venue)

    asyncio.run(run())


def order(number: int, price: str = "59000.0", side: Side = Side.BUY, **changes: object) -> PlaceOrder:
    made = PlaceOrder(
        id=BTC,
        client_order_id=f"h{number}",
        side=side,
        quantity=D(500),
        price=D(price),
        reduce_only=False,
        ttl_ms=5_000,
        decision_id=number,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def cancel(number: int) -> CancelOrder:
    return CancelOrder(id=BTC, client_order_id=f"h{number}", venue_order_id=None)


async def fill_of_ours(bench: Bench, venue: Venue, number: int = 1) -> OrderAccepted:
    """An order of ours at a new best bid, into which another sells all of it."""
    accepted = await venue.place(order(number, "60000.0"), let_go)
    assert isinstance(accepted, OrderAccepted)
    exchange = bench.exchange
    (resting,) = exchange.open_orders("main", Wallet.INVERSE)
    exchange.deposit("other", Wallet.INVERSE, "BTC", D(50))
    exchange.place(
        "other",
        Wallet.INVERSE,
        resting.symbol,
        side=Side.SELL,
        kind=OrderKind.LIMIT,
        quantity=D(50_100),
        price=D("60000.0"),
        reduce_only=False,
        client_order_id="sells",
    )
    return accepted


def test_an_account_with_options_is_read_whole_and_its_delta_is_the_exchanges() -> None:
    async def test(bench: Bench, venue: Venue) -> None:
        await venue.configure([INVERSE], leverage=1, margin_mode=MarginMode.CROSS)
        reading = await venue.read_account()
        assert (reading.spot["BTC"], reading.collateral["USDC"]) == (D(2), D(100_000))
        assert {row.id: row.quantity for row in reading.positions} == {BTC: 0, DAY: 0, USDC: 0}
        assert (reading.coin_margins["BTC"].equity, reading.margin.equity) == (D(2), D(100_000))
        (call,) = reading.options
        assert (call.id.symbol, call.quantity, call.payoff) == ("BTC/USD:BTC-260327-80000-C", D(-1), Payoff.INVERSE)
        ours = overlay(reading.options, call.index_price, bench.exchange.now)
        assert ours.flaw is None
        theirs = result(bench.board, "private/get_account_summary", currency="BTC")
        assert float(ours.delta) == pytest.approx(theirs["options_delta"], abs=1e-4)
        net = theirs["options_delta"] - theirs["options_value"]
        assert theirs["delta_total"] == pytest.approx(net, abs=1e-7)
        # What the venue says of the dollars' delta, equity + delta_total, is what we add up another way.
        whole = reading.spot["BTC"] + reading.equity("BTC") + ours.delta
        assert float(whole) == pytest.approx(theirs["equity"] + theirs["delta_total"], abs=1e-4)

    at_the_wire(test)


def test_the_rules_are_those_of_the_listing_and_the_fees_those_of_the_account() -> None:
    async def test(bench: Bench, venue: Venue) -> None:
        rules = {rules.id: rules for rules in await venue.read_instruments([INVERSE, DATED, LINEAR, PAIR])}
        assert [rules[id].kind for id in (BTC, DAY, USDC)] == [Kind.PERPETUAL, Kind.FUTURE, Kind.PERPETUAL]
        assert (rules[BTC].lot_size, rules[BTC].taker_fee) == (D(10), D("0.0005"))
        assert rules[DAY].expiry_at == 1_774_598_400_000

    at_the_wire(test)


def test_an_order_is_accepted_found_by_its_label_and_canceled() -> None:
    async def test(bench: Bench, venue: Venue) -> None:
        accepted = await venue.place(order(1), let_go)
        assert isinstance(accepted, OrderAccepted)
        (resting,) = bench.exchange.open_orders("main", Wallet.INVERSE)
        assert resting.quantity == 50  # contracts of ten dollars
        found = await venue.find_order(BTC, "h1")
        assert found is not None
        assert (found.venue_order_id, found.quantity) == (accepted.venue_order_id, D(500))
        assert (await venue.read_account()).open_orders == (found,)
        noted = await venue.cancel(cancel(1))
        assert isinstance(noted, CancelAnswered)
        assert noted.known is True
        found = await venue.find_order(BTC, "h1")
        assert found is not None
        assert found.status is ReportStatus.CANCELED
        again = await venue.cancel(cancel(1))
        assert isinstance(again, CancelAnswered)
        assert again.known is False
        assert await venue.find_order(BTC, "h2") is None

    at_the_wire(test)


def test_an_order_that_ended_an_hour_ago_is_found_in_the_history() -> None:
    async def test(bench: Bench, venue: Venue) -> None:
        await venue.place(order(1), let_go)
        await venue.cancel(cancel(1))
        bench.exchange.advance(bench.exchange.now + HOUR_MS)
        found = await venue.find_order(BTC, "h1")
        assert found is not None
        assert (found.status, found.filled) == (ReportStatus.CANCELED, D(0))

    at_the_wire(test)


def test_an_order_that_would_cross_is_rejected_as_such_and_trades_nothing() -> None:
    async def test(bench: Bench, venue: Venue) -> None:
        rejected = await venue.place(order(1, "60000.5"), let_go)
        assert isinstance(rejected, OrderRejected)
        assert rejected.reason is RejectReason.POST_ONLY_WOULD_CROSS
        assert bench.exchange.truth("main").trades == []

    at_the_wire(test)


def test_two_orders_of_one_label_are_an_alarm_and_never_one_of_them() -> None:
    async def test(bench: Bench, venue: Venue) -> None:
        await venue.place(order(1), let_go)
        await venue.place(order(1, "58000"), let_go)
        with pytest.raises(AskAgain, match="2 orders bear the label h1"):
            await venue.find_order(BTC, "h1")
        outcome = await venue.cancel(cancel(1))
        assert isinstance(outcome, CancelAnswered)
        assert outcome.known is None
        assert bench.exchange.open_orders("main", Wallet.INVERSE) == []

    at_the_wire(test)


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (Trouble.SETTLEMENT, RejectReason.UNAVAILABLE),
        (Trouble.MAINTENANCE, RejectReason.UNAVAILABLE),
        (Trouble.QUEUE_FULL, RejectReason.RATE_LIMITED),
        (Trouble.RETRY, None),
        (Trouble.UNAVAILABLE, None),
    ],
)
def test_a_venue_in_trouble_proves_what_its_code_says_and_no_more(
    trouble: Trouble, reason: RejectReason | None
) -> None:
    async def test(bench: Bench, venue: Venue) -> None:
        bench.board.trouble = trouble
        outcome = await venue.place(order(1), let_go)
        if reason is None:
            assert isinstance(outcome, OrderOutcomeUnknown)
        else:
            assert isinstance(outcome, OrderRejected)
            assert outcome.reason is reason

    at_the_wire(test, INVERSE)


def test_a_fill_is_read_once_with_our_label_and_moves_the_position_in_dollars() -> None:
    async def test(bench: Bench, venue: Venue) -> None:
        since_at = bench.exchange.now
        accepted = await fill_of_ours(bench, venue)
        (fill,) = await venue.read_fills(BTC, since_at)
        assert (fill.client_order_id, fill.venue_order_id) == ("h1", accepted.venue_order_id)
        assert (fill.quantity, fill.price, fill.side, fill.maker) == (D(500), D("60000.0"), Side.BUY, True)
        assert (fill.fee_asset, fill.cause) == ("BTC", FillCause.ORDER)
        held = {row.id: row for row in (await venue.read_account()).positions}[BTC]
        assert held.quantity == 500
        assert held.delta == pytest.approx(D(500) / held.mark_price)

    at_the_wire(test)


def test_coins_are_counted_once_when_a_position_has_profit() -> None:
    async def test(bench: Bench, venue: Venue) -> None:
        await fill_of_ours(bench, venue)
        reading = await venue.read_account()
        theirs = result(bench.board, "private/get_account_summary", currency="BTC")
        assert reading.unrealized["BTC"] != 0
        whole = reading.spot["BTC"] + reading.equity("BTC")
        assert float(whole) == pytest.approx(theirs["equity"] - theirs["options_value"], abs=1e-8)
        assert float(whole) == pytest.approx(theirs["margin_balance"], abs=1e-8)

    at_the_wire(test)


def test_funding_is_read_as_it_was_settled() -> None:
    async def test(bench: Bench, venue: Venue) -> None:
        since_at = bench.exchange.now
        await fill_of_ours(bench, venue)
        bench.exchange.advance(since_at + 9 * HOUR_MS)
        (payment,) = await venue.read_funding(since_at)
        assert (payment.id, payment.asset) == (BTC, "BTC")
        (truth,) = bench.exchange.funding("main", since_at=since_at, limit=10)
        assert payment.amount == pytest.approx(truth.amount)
        (rate,) = await venue.read_funding_rates(BTC, 3)
        assert rate.interval_ms == 8 * HOUR_MS

    at_the_wire(test)


def test_prices_are_those_of_the_books_and_marks() -> None:
    async def test(bench: Bench, venue: Venue) -> None:
        prices = await venue.read_prices([BTC, DAY, USDC, InstrumentId("main", PAIR)])
        assert [(price.bid, price.ask) for price in prices if isinstance(price, Quote)] == [
            (D(60_000), D("60000.5"))
        ] * 4
        marks = {price.id: price for price in prices if isinstance(price, Mark)}
        assert marks.keys() == {BTC, DAY, USDC}
        assert marks[DAY].funding_rate == 0
        assert marks[BTC].next_funding_at > bench.exchange.now

    at_the_wire(test)


def test_streams_tell_prices_orders_and_fills() -> None:
    async def test(bench: Bench, venue: Venue) -> None:
        heard: list[Hint] = []
        up = asyncio.Event()

        async def listen() -> None:
            async for hint in venue.hints():
                heard.append(hint)
                if isinstance(hint, StreamChanged) and hint.up:
                    up.set()

        task = asyncio.create_task(listen())
        async with asyncio.timeout(60):
            await up.wait()
            await fill_of_ours(bench, venue)
            kinds: set[type[Hint]] = set()
            while not {Fill, OrderReport, Quote, Mark} <= kinds:
                bench.exchange.advance(bench.exchange.now + 200)
                await asyncio.sleep(0.02)
                kinds = {type(hint) for hint in heard}
        task.cancel()
        fill = next(hint for hint in heard if isinstance(hint, Fill))
        assert (fill.client_order_id, fill.quantity) == ("h1", D(500))
        (read,) = await venue.read_fills(BTC, fill.exchange_at)
        assert read == fill
        reports = [hint for hint in heard if isinstance(hint, OrderReport)]
        assert reports[-1].status is ReportStatus.FILLED

    at_the_wire(test, INVERSE)

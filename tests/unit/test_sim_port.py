"""The simulated venue behind the port: what the runtime sees of the exchange, and when."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from hedger.errors import AskAgain, GiveUp
from hedger.model.account import MarginMode
from hedger.model.instrument import InstrumentId, Kind
from hedger.model.market import Mark, Quote
from hedger.model.message import (
    CancelOrder,
    OrderAccepted,
    OrderOutcomeUnknown,
    OrderRejected,
    PlaceOrder,
    StreamChanged,
)
from hedger.model.order import Fill, OrderReport, RejectReason, ReportStatus, Side
from hedger.runtime.ports import Hint, Venue
from hedger.sim.exchange import Exchange
from hedger.sim.listings import default_listings
from hedger.sim.port import SimVenue, SteadyLink, drive
from hedger.sim.virtual_time import VirtualClock, run_virtual
from hedger.sim.world import paper_world
from tests.support.bare_exchange import LINEAR, SPOT, START, SYMBOL
from tests.support.leave import let_go

D = Decimal
PERPETUAL, PAIR = "BTC/USDT:USDT", "BTC/USDT"
ID = InstrumentId("paper", PERPETUAL)


class Desk:
    """A venue that is open, its exchange, and the hints that came."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.world = paper_world(1, START, still=True)
        self.exchange: Exchange = self.world.exchange
        self.venue = SimVenue(self.exchange, self.clock, SteadyLink(self.clock, 1))
        self.hints: list[tuple[int, Hint]] = []

    async def listen(self) -> None:
        async for hint in self.venue.hints():
            self.hints.append((self.clock.now_ms(), hint))

    def order(self, name: str, side: Side, price: Decimal, quantity: str = "0.1", ttl_ms: int = 1000) -> PlaceOrder:
        return PlaceOrder(
            id=ID,
            client_order_id=name,
            side=side,
            quantity=D(quantity),
            price=price,
            reduce_only=False,
            ttl_ms=ttl_ms,
            decision_id=1,
        )


class LosingLink:
    """Loses everything on one leg."""

    def __init__(self, leg: str) -> None:
        self.leg = leg

    async def request(self, what: str) -> None:
        if self.leg == "request":
            raise AskAgain(f"The request {what} was lost.")

    async def response(self, what: str) -> None:
        if self.leg == "response":
            raise AskAgain(f"The answer to {what} was lost.")

    def news_ms(self) -> int:
        return 5


def at_a_desk(story: Callable[[Desk], Awaitable[None]]) -> None:
    async def run() -> None:
        desk = Desk()
        tasks = [asyncio.create_task(drive(desk.exchange, desk.clock)), asyncio.create_task(desk.listen())]
        await desk.venue.open([PERPETUAL, PAIR])
        await story(desk)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await desk.venue.close()

    run_virtual(run(), START)


def test_opening_gives_the_rules_of_each_symbol_with_our_fees() -> None:
    async def story(desk: Desk) -> None:
        venue: Venue = desk.venue
        perpetual, pair = await venue.open([PERPETUAL, PAIR])
        assert (perpetual.kind, perpetual.lot_size, perpetual.maker_fee) == (
            Kind.PERPETUAL,
            D("0.001"),
            D("0.0002"),
        )
        assert (pair.kind, pair.settle, pair.taker_fee) == (Kind.SPOT, "USDT", D("0.001"))
        with pytest.raises(GiveUp):
            await venue.open(["DOGE/USDT:USDT"])

    at_a_desk(story)


def test_a_configured_account_reads_back_what_was_set() -> None:
    async def story(desk: Desk) -> None:
        for _ in range(2):
            await desk.venue.configure([PERPETUAL], leverage=3, margin_mode=MarginMode.ISOLATED)
        reading = await desk.venue.read_account()
        (row,) = reading.positions
        assert (row.leverage, row.margin_mode, row.quantity) == (D(3), MarginMode.ISOLATED, D(0))
        assert reading.one_way
        assert reading.spot == {"BTC": D("1.2"), "USDT": D(20_000)}
        assert reading.margin.available == 150_000

    at_a_desk(story)


def test_every_listed_coin_has_a_balance_also_where_it_is_zero() -> None:
    async def run() -> None:
        clock = VirtualClock()
        exchange = Exchange(listings=default_listings(("BTC", "ETH")), start_at=START, users=("main",))
        reading = await SimVenue(exchange, clock, SteadyLink(clock, 1)).read_account()
        assert {"BTC": 0, "ETH": 0}.items() <= reading.spot.items()

    run_virtual(run(), START)


def test_a_call_takes_both_legs_of_its_latency_and_acts_between_them() -> None:
    async def story(desk: Desk) -> None:
        asked_at = desk.clock.now_ms()
        reading = await desk.venue.read_account()
        answered_at = desk.clock.now_ms()
        assert asked_at < reading.exchange_at < answered_at
        assert answered_at - asked_at <= 40

    at_a_desk(story)


def test_an_order_is_accepted_reported_filled_and_read_back() -> None:
    async def story(desk: Desk) -> None:
        quote, mark = await desk.venue.read_prices([ID])
        assert isinstance(quote, Quote)
        assert isinstance(mark, Mark)
        answer = await desk.venue.place(desk.order("x1", Side.SELL, quote.ask), let_go)
        assert isinstance(answer, OrderAccepted)
        desk.exchange.crowd_takes(LINEAR, SYMBOL, Side.BUY, D(1000), quote.ask)
        await desk.clock.sleep(1)
        reported = [hint for _, hint in desk.hints if isinstance(hint, OrderReport)]
        assert next(r.status for r in reported) is ReportStatus.WORKING
        assert reported[-1].status is ReportStatus.FILLED
        fills = await desk.venue.read_fills(ID, 0)
        assert fills == tuple(hint for _, hint in desk.hints if isinstance(hint, Fill))
        assert (await desk.venue.read_account()).positions[0].quantity == D("-0.1")
        found = await desk.venue.find_order(ID, "x1")
        assert found is not None
        assert found.filled == D("0.1")
        assert await desk.venue.find_order(ID, "never") is None

    at_a_desk(story)


def test_refusals_come_back_as_reasons_from_the_closed_list() -> None:
    async def story(desk: Desk) -> None:
        (quote, _) = await desk.venue.read_prices([ID])
        assert isinstance(quote, Quote)
        far = quote.bid + 100
        crossing = await desk.venue.place(desk.order("a", Side.BUY, far), let_go)
        late = await desk.venue.place(desk.order("b", Side.BUY, D(59_000), ttl_ms=0), let_go)
        broke = await desk.venue.place(desk.order("c", Side.BUY, D(59_000), quantity="900"), let_go)
        odd = await desk.venue.place(desk.order("d", Side.BUY, D("59000.05")), let_go)
        answers = (crossing, late, broke, odd)
        assert [a.reason for a in answers if isinstance(a, OrderRejected)] == [
            RejectReason.POST_ONLY_WOULD_CROSS,
            RejectReason.CLOCK,
            RejectReason.INSUFFICIENT_MARGIN,
            RejectReason.INVALID_ORDER,
        ]
        assert desk.exchange.open_orders("main", LINEAR) == []

    at_a_desk(story)


@pytest.mark.parametrize(("leg", "exists"), [("request", False), ("response", True)])
def test_an_answer_that_is_lost_leaves_the_outcome_unknown(leg: str, exists: bool) -> None:
    async def story(desk: Desk) -> None:
        venue = SimVenue(desk.exchange, desk.clock, LosingLink(leg))
        await desk.venue.place(desk.order("b", Side.BUY, D(58_000)), let_go)
        assert isinstance(await venue.place(desk.order("a", Side.BUY, D(59_000)), let_go), OrderOutcomeUnknown)
        assert (await desk.venue.find_order(ID, "a") is not None) is exists
        await venue.cancel(CancelOrder(id=ID, client_order_id="b", venue_order_id=None))
        found = await desk.venue.find_order(ID, "b")
        assert found is not None
        assert (found.status is ReportStatus.CANCELED) is exists
        with pytest.raises(AskAgain):
            await venue.read_account()

    at_a_desk(story)


def test_a_duplicate_id_means_that_an_order_with_it_exists() -> None:
    async def story(desk: Desk) -> None:
        assert isinstance(await desk.venue.place(desk.order("a", Side.BUY, D(59_000)), let_go), OrderAccepted)
        assert isinstance(await desk.venue.place(desk.order("a", Side.BUY, D(59_000)), let_go), OrderOutcomeUnknown)
        assert len(desk.exchange.open_orders("main", LINEAR)) == 1

    at_a_desk(story)


def test_a_cancel_is_answered_and_the_report_follows_on_the_stream() -> None:
    async def story(desk: Desk) -> None:
        await desk.venue.place(desk.order("a", Side.BUY, D(59_000)), let_go)
        cancel = CancelOrder(id=ID, client_order_id="a", venue_order_id=None)
        assert (await desk.venue.cancel(cancel)).known
        assert not (await desk.venue.cancel(cancel)).known
        await desk.clock.sleep(0.1)
        reports = [hint for _, hint in desk.hints if isinstance(hint, OrderReport)]
        assert reports[-1].status is ReportStatus.CANCELED
        assert (await desk.venue.read_account()).open_orders == ()

    at_a_desk(story)


def test_price_hints_are_the_latest_and_come_once_per_interval() -> None:
    async def story(desk: Desk) -> None:
        await desk.clock.sleep(30)
        (first_at, opened), *rest = desk.hints
        assert opened == StreamChanged(account="paper", up=True, text="open")
        quotes = [at for at, hint in rest if isinstance(hint, Quote) and hint.id == ID]
        assert len(quotes) >= 20
        assert all(b - a >= 1_000 for a, b in itertools.pairwise(quotes))
        assert {type(hint) for _, hint in rest} == {Quote, Mark}
        assert first_at <= quotes[0]

    at_a_desk(story)


def test_a_deposit_is_seen_by_the_next_reading() -> None:
    async def story(desk: Desk) -> None:
        desk.exchange.deposit("main", SPOT, "BTC", D("0.3"))
        assert (await desk.venue.read_account()).spot["BTC"] == D("1.5")

    at_a_desk(story)


def test_a_run_on_virtual_time_is_repeated_exactly() -> None:
    runs: list[list[tuple[int, Hint]]] = []

    async def story(desk: Desk) -> None:
        await desk.venue.place(desk.order("a", Side.SELL, D(60_050)), let_go)
        await desk.clock.sleep(120)
        runs.append(desk.hints)

    at_a_desk(story)
    at_a_desk(story)
    assert runs[0] == runs[1]

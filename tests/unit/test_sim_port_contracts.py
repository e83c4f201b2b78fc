"""What the venue port says of inverse and dated contracts and of options."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from hedger.errors import GiveUp
from hedger.model.account import MarginMode
from hedger.model.instrument import InstrumentId, Kind, Payoff
from hedger.model.market import Mark, Quote
from hedger.model.message import CancelOrder, OrderAccepted, PlaceOrder
from hedger.model.order import Fill, FillCause, ReportStatus, Side
from hedger.runtime.ports import Hint
from hedger.sim import translation as words
from hedger.sim.exchange import Exchange
from hedger.sim.listings import contract, default_listings, from_symbol
from hedger.sim.naming import quarters
from hedger.sim.nouns import Listing
from hedger.sim.port import SimVenue, SteadyLink, drive
from hedger.sim.virtual_time import VirtualClock, run_virtual
from hedger.sim.world import Funds, World, paper_world
from tests.support.bare_exchange import START
from tests.support.contract_exchange import DATED, EXPIRY, INVERSE_DATED, INVERSE_PERP
from tests.support.leave import let_go

D = Decimal
DAY = "231115"
LINEAR, COIN = "BTC/USDT:USDT", "BTC/USD:BTC"
DATED_LINEAR, DATED_COIN = f"{LINEAR}-{DAY}", f"{COIN}-{DAY}"
ALL = (LINEAR, COIN, DATED_LINEAR, DATED_COIN)
CALL, PUT = f"{COIN}-231229-40000-C", f"{LINEAR}-231229-30000-P"


def world() -> World:
    funds = Funds(spot={"BTC": D(1)}, linear=D(100_000), coins={"BTC": D(2)}, options={CALL: D(-1), PUT: D("0.5")})
    contracts = (INVERSE_PERP, DATED, INVERSE_DATED)
    return paper_world(1, START, still=True, users={"main": funds}, contracts=contracts)


def on_stage(act: Callable[[SimVenue, Exchange, VirtualClock], Awaitable[None]]) -> None:
    """Play against an open venue in that world."""

    async def whole() -> None:
        made, clock = world(), VirtualClock()
        venue = SimVenue(made.exchange, clock, SteadyLink(clock, 1), user="main")
        driving = asyncio.create_task(drive(made.exchange, clock))
        await venue.open(ALL)
        await act(venue, made.exchange, clock)
        await venue.close()
        driving.cancel()

    run_virtual(whole(), START)


def id_of(symbol: str) -> InstrumentId:
    return InstrumentId("paper", symbol)


def create(symbol: str, side: Side, quantity: str, price: Decimal, name: str = "mine") -> PlaceOrder:
    return PlaceOrder(
        id=id_of(symbol),
        client_order_id=name,
        side=side,
        quantity=D(quantity),
        price=price,
        reduce_only=False,
        ttl_ms=1_000,
        decision_id=1,
    )


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("BTC/USDT:USDT", "BTCUSDT"),
        ("BTC/USD:BTC", "BTCUSD_PERP"),
        ("ETH/USDT:USDT-261225", "ETHUSDT_261225"),
        ("BTC/USD:BTC-261225", "BTCUSD_261225"),
    ],
)
def test_a_contract_is_called_by_one_name_both_ways(symbol: str, name: str) -> None:
    listing = from_symbol(symbol)
    assert isinstance(listing, Listing)
    assert listing.symbol == name
    assert words.parse_symbol(symbol) == (listing.wallet, name)
    assert words.unified_symbol(listing) == symbol


@pytest.mark.parametrize(
    "symbol", ["BTCUSDT", "BTC/USD:ETH", "BTC/USDT:USDT-26122", "BTC/USD:BTC-261332", "btc/usd:btc"]
)
def test_a_name_that_is_none_is_refused(symbol: str) -> None:
    with pytest.raises(GiveUp):
        words.parse_symbol(symbol)


def test_quarters_end_on_last_fridays_at_eight() -> None:
    days = [words.unified_symbol(contract("BTC", expiry_at=at))[-6:] for at in quarters(1_767_268_800_000, 5)]
    assert days == ["260327", "260626", "260925", "261225", "270326"]
    first = quarters(1_767_268_800_000, 1)[0]
    assert quarters(first - 1, 1) == (first,)
    assert quarters(first, 1) > (first,)


# --- reading ---------------------------------------------------------------------------------------------------------


def test_the_rules_of_each_contract_say_what_it_is() -> None:
    async def act(venue: SimVenue, exchange: Exchange, clock: VirtualClock) -> None:
        linear, coin, dated, dated_coin = await venue.read_instruments(ALL)
        assert (linear.kind, linear.payoff, linear.expiry_at, linear.settle) == (
            Kind.PERPETUAL,
            Payoff.LINEAR,
            None,
            "USDT",
        )
        assert (coin.kind, coin.payoff, coin.settle, coin.contract_multiplier) == (
            Kind.PERPETUAL,
            Payoff.INVERSE,
            "BTC",
            D(100),
        )
        assert (dated.kind, dated.expiry_at, dated.settlement_ms) == (Kind.FUTURE, EXPIRY, 1_800_000)
        assert (dated_coin.payoff, dated_coin.quote, dated_coin.underlying) == (Payoff.INVERSE, "USD", "BTC")

    on_stage(act)


def test_a_reading_has_every_wallet_contract_and_option() -> None:
    async def act(venue: SimVenue, exchange: Exchange, clock: VirtualClock) -> None:
        reading = await venue.read_account()
        truth = exchange.truth("main")
        assert reading.collateral == {"USDT": 100_000, "BTC": 2} == truth.wallets
        assert reading.unrealized == truth.unrealized
        assert set(reading.coin_margins) == {"BTC"}
        assert reading.margin.equity == 100_000
        assert reading.coin_margins["BTC"].equity == 2
        rows = {position.id.symbol: position for position in reading.positions}
        assert set(rows) == set(ALL)
        assert rows[DATED_COIN].expiry_at == EXPIRY
        assert rows[COIN].payoff is Payoff.INVERSE
        assert rows[COIN].index_price == exchange.premium("BTCUSD_PERP").index_price
        call, put = reading.options
        assert (call.id.symbol, call.quantity, call.settle, call.payoff) == (CALL, D(-1), "BTC", Payoff.INVERSE)
        assert (put.id.symbol, put.coins, put.settle) == (PUT, D("0.5"), "USDT")
        assert call.mark_price is not None
        assert 0 < call.mark_price < 1

    on_stage(act)


def test_an_inverse_position_is_read_with_its_coins_and_its_profit() -> None:
    async def act(venue: SimVenue, exchange: Exchange, clock: VirtualClock) -> None:
        bid = exchange.best(INVERSE_PERP.wallet, "BTCUSD_PERP").bid
        assert bid is not None
        answer = await venue.place(create(COIN, Side.SELL, "500", bid + 50), let_go)
        assert isinstance(answer, OrderAccepted)
        exchange.set_index("BTC", bid + 200)
        exchange.crowd_takes(INVERSE_PERP.wallet, "BTCUSD_PERP", Side.BUY, D(100_000), bid + 50)
        reading = await venue.read_account()
        row = next(p for p in reading.positions if p.id.symbol == COIN)
        assert row.quantity == -500
        assert row.delta == -D(50_000) / row.mark_price
        expected = D(50_000) * (1 / row.mark_price - 1 / row.entry_price)
        assert abs(reading.unrealized["BTC"] - expected) < D("1e-9")
        assert abs(sum((reading.equity("BTC"), row.delta)) - exchange.truth("main").deltas["BTC"]) < 2
        fills = await venue.read_fills(id_of(COIN), 0)
        assert [(fill.fee_asset, fill.side) for fill in fills[:1]] == [("BTC", Side.SELL)]

    on_stage(act)


def test_prices_of_dated_contracts_have_no_funding() -> None:
    async def act(venue: SimVenue, exchange: Exchange, clock: VirtualClock) -> None:
        quote, mark = await venue.read_prices([id_of(DATED_COIN)])
        assert isinstance(quote, Quote)
        assert isinstance(mark, Mark)
        assert (mark.funding_rate, mark.next_funding_at) == (D(0), EXPIRY)
        assert quote.bid < quote.ask

    on_stage(act)


def test_orders_and_settings_of_coin_contracts_go_through_the_port() -> None:
    async def act(venue: SimVenue, exchange: Exchange, clock: VirtualClock) -> None:
        await venue.configure(ALL, leverage=3, margin_mode=MarginMode.ISOLATED)
        assert all(row.leverage == 3 for row in exchange.positions("main"))
        price = (exchange.premium("BTCUSD_PERP").index_price - 5_000).quantize(D(1))
        await venue.place(create(COIN, Side.BUY, "10", price), let_go)
        (resting,) = (await venue.read_account()).open_orders
        assert resting.id == id_of(COIN)
        found = await venue.find_order(id_of(COIN), "mine")
        assert found is not None
        assert found.status is ReportStatus.WORKING
        cancel = CancelOrder(id=id_of(COIN), client_order_id="mine", venue_order_id=resting.venue_order_id)
        answer = await venue.cancel(cancel)
        assert answer.known

    on_stage(act)


def test_the_switch_of_a_coin_contract_cancels_its_orders() -> None:
    async def act(venue: SimVenue, exchange: Exchange, clock: VirtualClock) -> None:
        price = (exchange.premium("BTCUSD_PERP").index_price - 5_000).quantize(D(1))
        await venue.place(create(COIN, Side.BUY, "10", price), let_go)
        await venue.extend_switch([COIN], 5_000)
        await clock.sleep(6)
        assert exchange.truth("main").open_orders == []

    on_stage(act)


# --- the end of a contract -------------------------------------------------------------------------------------------


def test_a_settled_contract_is_gone_from_rules_reading_and_prices_but_not_from_executions() -> None:
    async def act(venue: SimVenue, exchange: Exchange, clock: VirtualClock) -> None:
        bid = exchange.best(DATED.wallet, DATED.symbol).bid
        assert bid is not None
        await venue.place(create(DATED_LINEAR, Side.SELL, "0.5", bid + 20), let_go)
        exchange.crowd_takes(DATED.wallet, DATED.symbol, Side.BUY, D(10_000), bid + 20)
        assert any(p.quantity for p in (await venue.read_account()).positions)
        await clock.sleep((EXPIRY - clock.now_ms()) / 1000 + 5)
        reading = await venue.read_account()
        assert {p.id.symbol for p in reading.positions} == {LINEAR, COIN}
        assert [i.id.symbol for i in await venue.read_instruments(ALL)] == [LINEAR, COIN]
        assert await venue.read_prices([id_of(DATED_LINEAR)]) == ()
        fills = await venue.read_fills(id_of(DATED_LINEAR), 0)
        assert fills[-1].cause is FillCause.SETTLEMENT
        assert sum(fill.side.sign * fill.quantity for fill in fills) == 0
        assert await venue.open([DATED_LINEAR]) == (), "a start after its end does without it"

    on_stage(act)


def test_the_stream_tells_of_the_settlement() -> None:
    heard: list[Hint] = []

    async def act(venue: SimVenue, exchange: Exchange, clock: VirtualClock) -> None:
        bid = exchange.best(INVERSE_DATED.wallet, INVERSE_DATED.symbol).bid
        assert bid is not None
        await venue.place(create(DATED_COIN, Side.SELL, "50", bid + 20), let_go)
        exchange.crowd_takes(INVERSE_DATED.wallet, INVERSE_DATED.symbol, Side.BUY, D(100_000), bid + 20)
        await clock.sleep((EXPIRY - clock.now_ms()) / 1000 + 5)
        hints = venue.hints()
        while True:
            hint = await anext(hints)
            heard.append(hint)
            if isinstance(hint, Fill) and hint.cause is FillCause.SETTLEMENT:
                return

    on_stage(act)
    assert heard


def test_the_stream_has_the_marks_of_every_contract() -> None:
    async def act(venue: SimVenue, exchange: Exchange, clock: VirtualClock) -> None:
        await clock.sleep(5)
        hints, marked = venue.hints(), set[str]()
        while marked != set(ALL):
            hint = await asyncio.wait_for(anext(hints), 5)
            if isinstance(hint, Mark):
                marked.add(hint.id.symbol)

    on_stage(act)


def test_listing_more_changes_nothing_in_the_books_that_were_there() -> None:
    plain, more = (
        paper_world(7, START, still=True, contracts=contracts).exchange
        for contracts in ((), (INVERSE_PERP, DATED, INVERSE_DATED))
    )
    for exchange in (plain, more):
        exchange.advance(START + 600_000)
    for listing in default_listings(("BTC",)):
        sides = [exchange.depth(listing.wallet, listing.symbol, 100) for exchange in (plain, more)]
        assert sides[0] == sides[1]
    assert plain.premium("BTCUSDT") == more.premium("BTCUSDT")

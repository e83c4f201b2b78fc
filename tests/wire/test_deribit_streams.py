"""Deribit's one stream: signed in, granted whole, its fractions exact, and over when something of ours is unclear."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import pytest
from aiohttp import web

from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.message import StreamChanged
from hedger.model.order import Fill, FillCause, OrderReport, ReportStatus
from hedger.model.spans import HOUR_MS
from hedger.runtime.ports import Hint
from hedger.venues.abilities import Ability
from hedger.venues.deribit.names import raw_of
from hedger.venues.deribit.payloads import as_text
from tests.support.stand import OUR_ID, proves
from tests.support.stands.deribit import (
    DATED,
    PAIR,
    PERPETUAL,
    STAND,
    dated,
    error,
    fake_deribit,
    future,
    notification,
    order,
    path,
    talk,
    ticker,
    trade,
)
from tests.support.wire_server import FakeVenue
from tests.support.wire_venue import Desk, WireClock, opened

BTC, DAY, SPOT = (InstrumentId("main", symbol) for symbol in (PERPETUAL, DATED, PAIR))
CHANNELS = [
    "quote.BTC-PERPETUAL",
    "quote.BTC-26MAR27",
    "quote.BTC_USDC",
    "ticker.BTC-PERPETUAL.100ms",
    "ticker.BTC-26MAR27.100ms",
    "user.orders.any.any.raw",
    "user.trades.any.any.raw",
]
ORDERS, TRADES = "user.orders.any.any.raw", "user.trades.any.any.raw"
QUOTE = {  # recorded
    "best_bid_amount": 0.026,
    "best_ask_amount": 0.026,
    "best_bid_price": 63908,
    "best_ask_price": 63940,
    "instrument_name": "BTC_USDC",
    "timestamp": 1727765131750,
}


class Ear:
    """Reads hints in the background and waits for those that a test expects."""

    def __init__(self, desk: Desk) -> None:
        self.hints: list[Hint] = []
        self._news = asyncio.Condition()
        self._task = asyncio.create_task(self._read(desk))

    async def _read(self, desk: Desk) -> None:
        async for hint in desk.venue.hints():
            async with self._news:
                self.hints.append(hint)
                self._news.notify_all()

    async def until(self, kind: type[Any], count: int = 1, **fields: Any) -> Any:
        def found() -> list[Any]:
            same = [hint for hint in self.hints if isinstance(hint, kind)]
            return [hint for hint in same if all(getattr(hint, name) == value for name, value in fields.items())]

        async with asyncio.timeout(60), self._news:
            await self._news.wait_for(lambda: len(found()) >= count)
        return found()[count - 1]

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@asynccontextmanager
async def listening(
    *symbols: str, fake: FakeVenue | None = None, clock: WireClock | None = None
) -> AsyncIterator[tuple[Desk, Ear]]:
    clock, fake = clock or WireClock(speed=10), fake or fake_deribit()
    fake.clock_ms = clock.now_ms
    async with opened(symbols or (PERPETUAL,), stand=STAND, fake=fake, clock=clock) as desk:
        ear = Ear(desk)
        yield desk, ear
        await ear.stop()


def told(channel: str, data: Any, kind: type[Any]) -> Any:
    """The hint that a notification becomes."""

    async def scenario() -> Any:
        async with listening(PERPETUAL, DATED, PAIR) as (desk, ear):
            await ear.until(StreamChanged, up=True)
            await desk.fake.push("/ws/api/v2", notification(channel, data))
            return await ear.until(kind)

    return asyncio.run(scenario())


@proves(Ability.STREAMS)
def test_everything_is_subscribed_at_once_on_one_connection_that_has_signed_in() -> None:
    async def scenario() -> None:
        async with listening(PERPETUAL, DATED, PAIR) as (desk, ear):
            change = await ear.until(StreamChanged, up=True)
            assert change.private
            assert desk.fake.subscriptions == [CHANNELS]
            assert [(host.split(":")[0], place) for host, place, _ in desk.fake.sockets] == [
                ("www.deribit.com", "/ws/api/v2")
            ]

    asyncio.run(scenario())


@proves(Ability.STREAMS)
def test_recorded_quotes_and_tickers_become_prices() -> None:
    quote = told("quote.BTC_USDC", QUOTE, Quote)
    assert (quote.id, quote.bid, quote.ask, quote.bid_quantity) == (SPOT, D(63908), D(63940), D("0.026"))
    frame = ticker(mark_price=21109.4757, index_price=21122.3937, funding_8h=-0.00022427, timestamp=1655393724752)
    mark = told("ticker.BTC-PERPETUAL.100ms", frame, Mark)
    assert (mark.id, mark.mark_price, mark.index_price) == (BTC, D("21109.4757"), D("21122.3937"))
    assert (mark.funding_rate, mark.exchange_at) == (D("-0.00022427"), 1655393724752)
    unfunded = ticker("BTC-26MAR27")
    del unfunded["funding_8h"]
    assert told("ticker.BTC-26MAR27.100ms", unfunded, Mark).funding_rate == 0


@proves(Ability.STREAMS)
def test_an_order_and_its_trades_are_told_as_they_happen() -> None:
    report = told(ORDERS, order(filled_amount=10), OrderReport)
    assert (report.client_order_id, report.filled, report.status) == (OUR_ID, D(10), ReportStatus.WORKING)
    fill = told(TRADES, [trade(1, fee=-2.5e-7, liquidation="M")], Fill)
    assert (fill.trade_id, fill.fee, fill.cause) == ("219381311", D("-2.5E-7"), FillCause.LIQUIDATION)


def test_what_others_do_there_is_not_told_and_breaks_nothing() -> None:
    async def scenario() -> list[Hint]:
        async with listening() as (desk, ear):
            await ear.until(StreamChanged, up=True)
            for channel, data in (
                (ORDERS, order(instrument_name="BTC-26MAR27-40000-C", price="odd")),
                (ORDERS, order(order_type="stop_market", price="market_price")),
                (TRADES, [trade(1, instrument_name="ETH-PERPETUAL", fee="odd")]),
                ("deribit_price_index.btc_usd", {"price": 1}),
            ):
                await desk.fake.push("/ws/api/v2", notification(channel, data))
            await desk.fake.push("/ws/api/v2", notification(ORDERS, order()))
            await ear.until(OrderReport)
            return ear.hints

    assert [type(hint) for hint in asyncio.run(scenario())] == [StreamChanged, OrderReport]


@pytest.mark.parametrize(
    ("channel", "data"),
    [
        (ORDERS, order(price="NaN")),
        (ORDERS, order(filled_amount=100)),
        (ORDERS, [None]),
        (TRADES, [trade(1, amount=0)]),
        (TRADES, [trade(1, timestamp=1)]),
    ],
)
def test_news_of_ours_that_is_not_understood_is_told_and_begins_the_stream_anew(channel: str, data: Any) -> None:
    async def scenario() -> None:
        async with listening() as (desk, ear):
            await ear.until(StreamChanged, up=True)
            await desk.fake.push("/ws/api/v2", notification(channel, data))
            await ear.until(StreamChanged, up=False)
            await ear.until(StreamChanged, 2, up=True)
            assert len(desk.watcher.ignored) == 1
            assert not any(isinstance(hint, OrderReport | Fill | Mark | Quote) for hint in ear.hints)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("channel", "data"),
    [
        ("ticker.BTC-PERPETUAL.100ms", ticker(mark_price=0)),
        ("ticker.BTC-PERPETUAL.100ms", ticker(funding_8h=None)),
        ("quote.BTC-PERPETUAL", QUOTE | {"best_bid_price": 70_000}),
        ("quote.BTC-PERPETUAL", None),
    ],
)
def test_an_odd_price_is_told_and_does_not_take_our_orders_news_from_us(channel: str, data: Any) -> None:
    async def scenario() -> None:
        async with listening(PERPETUAL, PAIR) as (desk, ear):
            await ear.until(StreamChanged, up=True)
            await desk.fake.push("/ws/api/v2", notification(channel, data))
            await desk.fake.push("/ws/api/v2", notification(ORDERS, order()))
            await ear.until(OrderReport)
            assert [type(hint) for hint in ear.hints] == [StreamChanged, OrderReport]
            assert len(desk.watcher.ignored) == 1

    asyncio.run(scenario())


Talk = Callable[[FakeVenue, web.WebSocketResponse, str], Awaitable[None]]


def refusing(once: list[int]) -> Talk:
    """A venue that refuses the first sign-in."""

    async def answer(fake: FakeVenue, connection: web.WebSocketResponse, text: str) -> None:
        if once:
            once.pop()
            await connection.send_json({"id": json.loads(text)["id"], **error(13004, "invalid_credentials")})
        else:
            await talk(fake, connection, text)

    return answer


def forgetful(once: list[int]) -> Talk:
    """A venue that silently leaves a channel out at first, as it may where a right is missing."""

    async def answer(fake: FakeVenue, connection: web.WebSocketResponse, text: str) -> None:
        asked = json.loads(text)
        if asked["method"] == "private/subscribe" and once:
            once.pop()
            await connection.send_json({"id": asked["id"], "result": asked["params"]["channels"][:-1]})
        else:
            await talk(fake, connection, text)

    return answer


@proves(Ability.STREAMS)
@pytest.mark.parametrize(("talks", "word"), [(refusing, "13004"), (forgetful, "left out a channel")])
def test_a_stream_is_up_only_when_every_channel_was_granted(talks: Callable[[list[int]], Talk], word: str) -> None:
    async def scenario() -> None:
        fake = fake_deribit()
        fake.talk = talks([1])
        async with listening(fake=fake) as (_, ear):
            down = await ear.until(StreamChanged, up=False)
            assert word in down.text
            await ear.until(StreamChanged, up=True)
            assert ear.hints.index(down) == 0

    asyncio.run(scenario())


def test_a_connection_that_breaks_is_told_and_begun_again() -> None:
    async def scenario() -> None:
        async with listening() as (desk, ear):
            await ear.until(StreamChanged, up=True)
            await desk.fake.sockets[0][2].close()
            await ear.until(StreamChanged, up=False)
            await ear.until(StreamChanged, 2, up=True)
            assert len(desk.fake.subscriptions) == 2

    asyncio.run(scenario())


async def without_the_day(fake: FakeVenue, connection: web.WebSocketResponse, text: str) -> None:
    """A venue that knows no channel of the dated contract any more, and leaves it out as documented."""
    asked = json.loads(text)
    if asked["method"] != "private/subscribe":
        return await talk(fake, connection, text)
    fake.subscriptions.append(asked["params"]["channels"])
    left = [channel for channel in asked["params"]["channels"] if "PERPETUAL" in channel or "user." in channel]
    return await connection.send_json({"id": asked["id"], "result": left})


def test_a_contract_that_trades_no_more_does_not_keep_the_stream_of_the_others_down() -> None:
    async def scenario() -> None:
        async with listening(PERPETUAL, DATED) as (desk, ear):
            await ear.until(StreamChanged, up=True)
            rows = {"jsonrpc": "2.0", "result": [future("BTC-PERPETUAL"), dated(state="delivered")]}
            desk.fake.answers[path("public/get_instruments")] = rows
            await desk.venue.read_instruments([PERPETUAL, DATED])
            desk.fake.talk = without_the_day
            await desk.fake.sockets[0][2].close()
            await ear.until(StreamChanged, 2, up=True)

    asyncio.run(scenario())


def test_a_contract_whose_end_has_come_is_not_subscribed_again() -> None:
    """The list of what trades is read each hour only."""

    async def scenario() -> None:
        fake, clock = fake_deribit(), WireClock(speed=10)
        ends_at = WireClock().now_ms() + HOUR_MS
        symbol = f"{PERPETUAL}-{datetime.fromtimestamp(ends_at / 1000, UTC):%y%m%d}"
        rows = {"jsonrpc": "2.0", "result": [future("BTC-PERPETUAL"), dated(raw_of(symbol), ends_at)]}
        fake.answers[path("public/get_instruments")] = rows
        async with listening(PERPETUAL, symbol, fake=fake, clock=clock) as (_, ear):
            await ear.until(StreamChanged, up=True)
            fake.talk = without_the_day
            clock.stand_still(-HOUR_MS)
            await ear.until(StreamChanged, 2, up=True)
            before, after = fake.subscriptions
            name = raw_of(symbol)
            assert [one for one in before if one not in after] == [f"quote.{name}", f"ticker.{name}.100ms"]

    asyncio.run(scenario())


@pytest.mark.parametrize("text", ["2.5e-7", "-0.00022427", "21109.4757", "100000000.5", "0.1", "343280", "-1E-8"])
def test_a_fraction_that_the_client_decoded_is_again_what_was_sent(text: str) -> None:
    (exact,) = as_text(json.loads(f"[{text}]"))
    assert D(exact) == D(text)

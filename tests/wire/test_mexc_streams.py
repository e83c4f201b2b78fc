"""Streams and the watchdog's way on MEXC: frames are read exactly, a refused login is told, an order is over only
when its record says so."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from hedger.model.market import Mark, Quote
from hedger.model.message import StreamChanged
from hedger.model.order import Fill, FillCause, OrderReport, RejectReason, ReportStatus, Side
from hedger.runtime.lifeline import LiveOrder
from hedger.runtime.ports import Hint
from hedger.venues.abilities import Ability
from hedger.venues.emergency import EmergencyAccount, EmergencyExit
from hedger.venues.light import load_exchange_class
from hedger.venues.mexc.answers import as_text
from hedger.venues.mexc.emergency import raw_name
from hedger.venues.network import Network
from tests.support.leave import let_go
from tests.support.stand import OUR_ID, proves
from tests.support.stands.mexc import AT, BTC, CANCEL, CREATE, FIND, OPEN, STAND, fake, ok, record, said, ticker
from tests.support.wire_certificates import contexts
from tests.support.wire_server import Answer, FakeVenue, Loopback, Seen
from tests.support.wire_venue import Desk, WireClock, opened

STREAM = "contract.mexc.com/edge"
# Frames as other programs and the documentation have them.
DEPTH = {
    "symbol": "BTC_USDT",
    "data": {
        "asks": [[80468.7, 3446, 2], [80469.1, 1239, 1]],
        "bids": [[80468.6, 31288, 7]],
        "version": 41925002140,
    },
    "channel": "push.depth.full",
    "ts": AT,
}
TICKER = {"channel": "push.ticker", "data": ticker(), "symbol": "BTC_USDT", "ts": AT}
ORDER = {
    "channel": "push.personal.order",
    "data": {
        "orderId": 123456789,
        "symbol": "BTC_USDT",
        "positionId": 987654321,
        "price": 45000.5,
        "vol": 10,
        "leverage": 1,
        "side": 3,
        "category": 1,
        "orderType": 2,
        "dealAvgPrice": 45000.0,
        "dealVol": 5,
        "state": 2,
        "errorCode": 0,
        "externalOid": OUR_ID,
        "createTime": AT,
        "updateTime": AT,
        "remainVol": 5,
        "positionMode": 2,
        "reduceOnly": False,
    },
    "ts": AT,
}
DEAL = {
    "channel": "push.personal.order.deal",
    "data": {
        "id": 987654321,
        "symbol": "BTC_USDT",
        "side": 1,
        "vol": 10,
        "price": 45000.5,
        "feeCurrency": "USDT",
        "fee": 0.225,
        "timestamp": AT,
        "profit": 0,
        "isTaker": True,
        "category": 1,
        "orderId": 123456789,
        "isSelf": False,
        "externalOid": "ext_001",
        "positionMode": 1,
        "reduceOnly": False,
    },
    "ts": AT,
}


def about(frame: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A frame whose data are otherwise."""
    return frame | {"data": frame["data"] | changes}


class Reader:
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
        """The `count`-th hint of a kind with these fields."""

        def found() -> list[Any]:
            same = [hint for hint in self.hints if isinstance(hint, kind)]
            return [hint for hint in same if all(getattr(hint, name) == value for name, value in fields.items())]

        async with asyncio.timeout(60), self._news:
            await self._news.wait_for(lambda: len(found()) >= count)
        return found()[count - 1]

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@asynccontextmanager
async def streaming(venue: FakeVenue | None = None) -> AsyncIterator[tuple[Desk, Reader]]:
    """An account whose streams are begun."""
    clock = WireClock(speed=20.0)
    venue = venue or fake()
    venue.clock_ms, venue.judges_age = clock.now_ms, False
    async with opened(stand=STAND, fake=venue, clock=clock) as desk:
        reader = Reader(desk)
        try:
            yield desk, reader
        finally:
            await reader.end()


@proves(Ability.STREAMS)
def test_frames_become_hints_in_coins_with_every_digit() -> None:
    async def scenario() -> None:
        async with streaming() as (desk, reader):
            await reader.until(StreamChanged, up=True)
            asked = {tuple(one) for one in desk.fake.subscriptions}
            assert asked >= {("login", ""), ("sub.depth.full", "BTC_USDT"), ("sub.ticker", "BTC_USDT")}
            await desk.fake.push(STREAM, DEPTH)
            quote = await reader.until(Quote)
            assert (quote.bid, quote.bid_quantity) == (Decimal("80468.6"), Decimal("3.1288"))
            assert (quote.ask, quote.ask_quantity) == (Decimal("80468.7"), Decimal("0.3446"))
            await desk.fake.push(STREAM, ORDER)
            report = await reader.until(OrderReport)
            assert (report.client_order_id, report.side, report.price) == (OUR_ID, Side.SELL, Decimal("45000.5"))
            assert (report.quantity, report.filled) == (Decimal("0.0010"), Decimal("0.0005"))
            await desk.fake.push(STREAM, DEAL)
            fill = await reader.until(Fill)
            assert (fill.quantity, fill.fee, fill.maker) == (Decimal("0.0010"), Decimal("0.225"), False)

    asyncio.run(scenario())


def test_a_mark_is_streamed_once_its_funding_is_known() -> None:
    async def scenario() -> None:
        async with streaming() as (desk, reader):
            await reader.until(StreamChanged, up=True)
            await desk.fake.push(STREAM, TICKER)
            await desk.fake.push(STREAM, DEPTH)
            await reader.until(Quote)
            assert not [hint for hint in reader.hints if isinstance(hint, Mark)]

    asyncio.run(scenario())


def test_an_order_that_crossed_is_told_by_its_frame_and_a_forced_one_by_its_category() -> None:
    async def scenario() -> None:
        async with streaming() as (desk, reader):
            await reader.until(StreamChanged, up=True)
            await desk.fake.push(STREAM, about(ORDER, state=4, dealVol=0))
            report = await reader.until(OrderReport, status=ReportStatus.CANCELED)
            assert report.ended_because is RejectReason.POST_ONLY_WOULD_CROSS
            await desk.fake.push(STREAM, about(DEAL, category=4))
            assert (await reader.until(Fill)).cause is FillCause.DELEVERAGING

    asyncio.run(scenario())


def test_a_trade_that_the_stream_tells_of_decides_what_the_next_order_does() -> None:
    async def scenario() -> int:
        async with streaming() as (desk, reader):
            await reader.until(StreamChanged, up=True)
            bought = about(DEAL, vol=5020, side=2, timestamp=desk.fake.clock_ms())
            await desk.fake.push(STREAM, bought)
            await reader.until(Fill)
            await desk.venue.place(STAND.order(), let_go)
            return int(desk.fake.requests("POST", CREATE)[0].params["side"])

    assert asyncio.run(scenario()) == 4, "5,000 were short, and 5,020 were bought: a sell of 20 closes a long position"


@pytest.mark.parametrize(
    "frame", [about(ORDER, vol=-1), about(ORDER, side=7), about(DEAL, price=0), about(DEAL, fee=None)]
)
def test_an_unclear_frame_of_our_orders_ends_the_stream_and_an_odd_price_does_not(frame: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with streaming() as (desk, reader):
            await reader.until(StreamChanged, up=True)
            await desk.fake.push(STREAM, DEPTH | {"data": {"bids": [], "asks": [], "version": 1}})
            await desk.fake.push(STREAM, DEPTH)
            await reader.until(Quote)
            assert desk.watcher.ignored, "the odd book was passed over"
            await desk.fake.push(STREAM, frame)
            told = await reader.until(StreamChanged, up=False)
            assert "not understood" in told.text
            await reader.until(StreamChanged, 2, up=True)

    asyncio.run(scenario())


def test_a_refused_login_is_told_and_no_price_before_it_makes_the_stream_count_as_up() -> None:
    async def talk(venue: FakeVenue, connection: Any, text: str) -> None:
        await connection.send_json(DEPTH)
        await connection.send_json({"channel": "rs.error", "data": "login failed", "ts": AT})

    async def scenario() -> None:
        venue = fake()
        venue.talk = talk
        async with streaming(venue) as (_, reader):
            told = await reader.until(StreamChanged, up=False)
            assert "refused" in told.text
            assert not [hint for hint in reader.hints if isinstance(hint, Quote)]
            assert not [hint for hint in reader.hints if isinstance(hint, StreamChanged) and hint.up]

    asyncio.run(scenario())


def test_a_connection_that_breaks_is_told_and_made_again_with_a_new_login() -> None:
    async def scenario() -> int:
        async with streaming() as (desk, reader):
            await reader.until(StreamChanged, up=True)
            for _, _, connection in desk.fake.sockets:
                await connection.close()
            await reader.until(StreamChanged, up=False)
            await reader.until(StreamChanged, 2, up=True)
            return sum(one[0] == "login" for one in desk.fake.subscriptions)

    assert asyncio.run(scenario()) == 2


def test_fractions_of_a_frame_are_the_digits_that_were_sent() -> None:
    assert as_text({"a": [0.1, 60000.1, 1e-05, 3, None, True]}) == {"a": ["0.1", "60000.1", "1e-05", 3, None, True]}
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    with pytest.raises(ValueError, match="within"):
        as_text(deep)


# --- the watchdog's way -------------------------------------------------------------------------------------------

OURS = LiveOrder(account="main", symbol=BTC.symbol, client_order_id=OUR_ID)


def leave(
    answers: dict[tuple[str, str], Answer], orders: Sequence[LiveOrder] = (OURS,)
) -> tuple[list[str], list[Seen]]:
    """What is left after the exit was used, and what it asked."""

    async def scenario() -> tuple[list[str], list[Seen]]:
        venue = await fake().start()
        venue.answers |= {("GET", OPEN): ok([]), **answers}
        account = EmergencyAccount(
            venue="mexc",
            environment="live",
            credentials=STAND.credentials,
            network=Network(resolver=Loopback(venue.port), ssl_context=contexts()[1]),
        )
        try:
            left = await asyncio.to_thread(EmergencyExit({"main": account}, WireClock(), pause_s=0.01), orders)
        finally:
            await venue.stop()
        assert venue.faults == []
        return list(left), venue.seen

    return asyncio.run(scenario())


def test_the_watchdog_cancels_by_our_id_and_believes_the_record_only() -> None:
    left, seen = leave({("GET", FIND): ok(record(state="4"))})
    assert left == []
    orders = [(one.method, one.path) for one in seen if "/order/" in one.path]
    assert orders == [("POST", CANCEL), ("GET", OPEN), ("GET", FIND)]
    assert leave({})[0] == [OUR_ID], "a cancel that was taken note of is no end"
    assert leave({("GET", FIND): ok(record(state="4", externalOid="hbot000100000777"))})[0] == [OUR_ID]
    assert leave({("GET", FIND): ok(record(state="9"))})[0] == [OUR_ID]


def test_the_watchdog_takes_an_order_for_absent_when_the_venue_says_so_often_enough() -> None:
    assert leave({("GET", FIND): {"success": True, "code": 0}})[0] == []
    assert leave({("GET", FIND): said(2040, "order not exist")})[0] == []
    assert leave({("GET", FIND): said(500, "System internal error!")})[0] == [OUR_ID]


@pytest.mark.parametrize(
    ("symbol", "raw"),
    [("BTC/USDT:USDT", "BTC_USDT"), ("BSV/USDT:USDT", "BSV_USDT"), ("GMT/USDT:USDT", "STEPN_USDT")],
)
def test_the_watchdog_names_a_contract_as_the_venue_does(symbol: str, raw: str) -> None:
    assert raw_name(load_exchange_class("mexc")(), symbol) == raw

"""Bybit's streams: what frames become, and what is no news of ours."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from hedger.model.market import Mark, Quote
from hedger.model.message import StreamChanged
from hedger.model.order import Fill, FillCause, OrderReport, RejectReason, ReportStatus
from hedger.runtime.ports import Hint
from hedger.venues.abilities import Ability
from tests.support.stand import OUR_ID, proves
from tests.support.stands.bybit import (
    AT,
    DATED,
    INVERSE,
    LINEAR,
    PAIR,
    STAND,
    execution,
    make_fake,
    order,
    talk,
    ticker,
)
from tests.support.wire_server import FakeVenue
from tests.support.wire_venue import Desk, WireClock, opened

PUBLIC, INVERSES, PAIRS, PRIVATE = "/v5/public/linear", "/v5/public/inverse", "/v5/public/spot", "/v5/private"


def book(raw: str = "BTCUSDT", kind: str = "snapshot", **changes: Any) -> dict[str, Any]:
    data = {"s": raw, "b": [["60000.1", "1.5"]], "a": [["60000.2", "2"]], "u": 18521288, "seq": 7961638724}
    return {"topic": f"orderbook.1.{raw}", "type": kind, "ts": AT, "data": data | changes, "cts": AT - 2}


def prices(kind: str = "snapshot", **changes: Any) -> dict[str, Any]:
    whole = ticker("BTCUSDT") if kind == "snapshot" else {"symbol": "BTCUSDT"}
    return {"topic": "tickers.BTCUSDT", "type": kind, "ts": AT, "data": whole | changes, "cs": 24987956059}


def news(topic: str, *rows: dict[str, Any]) -> dict[str, Any]:
    return {"id": "5923240c6880ab-c59f", "topic": topic, "creationTime": AT, "data": list(rows)}


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

    def of(self, kind: type[Hint]) -> list[Any]:
        return [hint for hint in self.hints if isinstance(hint, kind)]

    async def until(self, kind: type[Hint], count: int = 1) -> list[Any]:
        async with asyncio.timeout(60), self._news:
            await self._news.wait_for(lambda: len(self.of(kind)) >= count)
        return self.of(kind)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@asynccontextmanager
async def watched(
    *symbols: str, fake: FakeVenue | None = None, clock: WireClock | None = None
) -> AsyncIterator[tuple[Desk, Reader]]:
    """A desk and its reader, once every stream stands."""
    symbols = symbols or (LINEAR.symbol,)
    async with opened(symbols, stand=STAND, fake=fake, clock=clock) as desk:
        reader = Reader(desk)
        try:
            changes = await reader.until(StreamChanged)
            assert changes[0].up
            yield desk, reader
        finally:
            await reader.stop()


@proves(Ability.STREAMS)
def test_each_category_has_a_connection_and_ours_is_signed() -> None:
    async def scenario() -> tuple[list[tuple[str, str]], list[list[str]]]:
        async with watched(LINEAR.symbol, DATED.symbol, INVERSE.symbol, PAIR.symbol) as (desk, _):
            assert desk.fake.seen == [], "the client asks nothing of the account before it streams"
            return [(host, path) for host, path, _ in desk.fake.sockets], desk.fake.subscriptions

    sockets, topics = asyncio.run(scenario())
    assert {host for host, _ in sockets} == {"stream.bybit.com"}
    assert sorted(path for _, path in sockets) == [PRIVATE, INVERSES, PUBLIC, PAIRS]
    assert sorted(topics) == [
        ["order", "execution"],
        ["orderbook.1.BTCUSD", "tickers.BTCUSD"],
        ["orderbook.1.BTCUSDT"],
        ["orderbook.1.BTCUSDT", "tickers.BTCUSDT", "orderbook.1.BTCUSDT-25DEC26", "tickers.BTCUSDT-25DEC26"],
    ]


@proves(Ability.STREAMS)
def test_a_book_is_told_whole_and_then_by_what_changed() -> None:
    async def scenario() -> list[Quote]:
        async with watched() as (desk, reader):
            await desk.fake.push(PUBLIC, book())
            await reader.until(Quote)
            await desk.fake.push(PUBLIC, book(kind="delta", b=[["60000.1", "0"], ["60000.0", "4"]], a=[]))
            return await reader.until(Quote, 2)

    first, second = asyncio.run(scenario())
    assert (first.id, first.bid, first.bid_quantity, first.ask) == (
        LINEAR, Decimal("60000.1"), Decimal("1.5"), Decimal("60000.2"),
    )  # fmt: skip
    assert (second.bid, second.bid_quantity, second.ask_quantity) == (Decimal("60000.0"), Decimal(4), Decimal(2))


@proves(Ability.STREAMS)
def test_a_ticker_is_told_whole_and_then_by_what_changed() -> None:
    async def scenario() -> list[Mark]:
        async with watched() as (desk, reader):
            await desk.fake.push(PUBLIC, prices(kind="delta", markPrice="1"))  # of a whole that never came
            await desk.fake.push(PUBLIC, prices())
            await reader.until(Mark)
            await desk.fake.push(PUBLIC, prices(kind="delta", markPrice="60200.5"))
            return await reader.until(Mark, 2)

    first, second = asyncio.run(scenario())
    assert (first.mark_price, first.index_price) == (Decimal("60100.50"), Decimal("60099.1"))
    assert (second.mark_price, second.index_price) == (Decimal("60200.5"), Decimal("60099.1"))
    assert second.funding_rate == Decimal("0.00038246")


def test_a_pair_is_no_contract_though_it_has_its_name() -> None:
    async def scenario() -> list[Quote]:
        async with watched(LINEAR.symbol, PAIR.symbol) as (desk, reader):
            await desk.fake.push(PAIRS, book())
            return await reader.until(Quote)

    assert [quote.id for quote in asyncio.run(scenario())] == [PAIR]


@proves(Ability.STREAMS, Ability.WOULD_CROSS)
def test_orders_and_executions_of_ours_are_told_and_those_of_others_passed_over() -> None:
    async def scenario() -> list[Hint]:
        async with watched() as (desk, reader):
            rejected = {"orderStatus": "Cancelled", "rejectReason": "EC_PostOnlyWillTakeLiquidity"}
            await desk.fake.push(
                PRIVATE,
                news(
                    "order",
                    order(category="spot", qty="NaN"),
                    order(category="linear", symbol="ETHUSDT", qty="NaN"),
                    order(category="linear", **rejected),
                ),
            )
            await desk.fake.push(
                PRIVATE,
                news(
                    "execution",
                    execution(1, category="spot"),
                    execution(2, category="linear", feeCoin="USDT"),
                    execution(3, category="linear", execType="Funding"),
                    execution(4, category="linear", execType="AdlTrade", orderLinkId=""),
                ),
            )
            await reader.until(Fill, 2)
            return [hint for hint in reader.hints if not isinstance(hint, StreamChanged)]

    report, fill, forced = asyncio.run(scenario())
    assert isinstance(report, OrderReport)
    assert (report.status, report.client_order_id) == (ReportStatus.CANCELED, OUR_ID)
    assert report.ended_because is RejectReason.POST_ONLY_WOULD_CROSS
    assert isinstance(fill, Fill)
    assert (fill.client_order_id, fill.fee_asset, fill.cause) == (OUR_ID, "USDT", FillCause.ORDER)
    assert isinstance(forced, Fill)
    assert forced.cause is FillCause.DELEVERAGING


@pytest.mark.parametrize(
    ("part", "frame"),
    [
        (PUBLIC, book(b=[["NaN", "1"]])),
        (PUBLIC, book(b=[["70000", "1"]])),
        (PUBLIC, book(s="ETHUSDT")),
        (PUBLIC, book() | {"ts": AT // 1000}),
        (PUBLIC, book() | {"topic": 7}),
        (PUBLIC, prices(markPrice="NaN")),
        (PUBLIC, prices(symbol="ETHUSDT")),
        (PUBLIC, book() | {"data": []}),
        (PRIVATE, {"topic": "order", "data": {}}),
    ],
    ids=["NaN", "crossed", "another", "seconds", "a number", "no mark", "another ticker", "a list", "no rows"],
)
def test_a_frame_that_is_odd_is_no_hint_and_is_counted(part: str, frame: dict[str, Any]) -> None:
    async def scenario() -> tuple[list[Hint], list[str]]:
        async with watched(LINEAR.symbol, INVERSE.symbol) as (desk, reader):
            await desk.fake.push(part, frame)
            await asyncio.sleep(0.05)
            await desk.fake.push(INVERSES, book("BTCUSD"))
            await reader.until(Quote)
            return [hint for hint in reader.hints if not isinstance(hint, StreamChanged)], desk.watcher.ignored

    hints, ignored = asyncio.run(scenario())
    assert [hint.id for hint in hints if isinstance(hint, Quote)] == [INVERSE]
    assert len(hints) == len(ignored) == 1


def test_a_book_that_lacks_a_side_and_a_topic_that_nobody_asked_for_are_no_hints() -> None:
    async def scenario() -> tuple[list[Quote], list[str]]:
        async with watched() as (desk, reader):
            await desk.fake.push(PUBLIC, book(a=[]))
            await desk.fake.push(PUBLIC, {"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": AT, "data": {}})
            await desk.fake.push(PUBLIC, book())
            return await reader.until(Quote), desk.watcher.ignored

    quotes, ignored = asyncio.run(scenario())
    assert len(quotes) == 1
    assert ignored == []


def test_a_change_of_a_ticker_that_is_odd_does_not_spoil_those_after_it() -> None:
    async def scenario() -> tuple[list[Mark], list[str]]:
        async with watched() as (desk, reader):
            await desk.fake.push(PUBLIC, prices())
            await desk.fake.push(PUBLIC, prices(kind="delta", fundingRate="NaN"))
            await desk.fake.push(PUBLIC, prices(kind="delta", markPrice="60200.5"))
            return await reader.until(Mark, 2), desk.watcher.ignored

    (_, second), ignored = asyncio.run(scenario())
    assert (second.mark_price, second.funding_rate) == (Decimal("60200.5"), Decimal("0.00038246"))
    assert len(ignored) == 1


def test_what_changes_after_a_whole_ticker_that_is_odd_is_not_told_on_top_of_an_older_one() -> None:
    async def scenario() -> tuple[list[Mark], list[str]]:
        async with watched() as (desk, reader):
            await desk.fake.push(PUBLIC, prices())
            await reader.until(Mark)
            await desk.fake.push(PUBLIC, prices(markPrice="70000", fundingRate="NaN"))
            await desk.fake.push(PUBLIC, prices(kind="delta", fundingRate="0.0001"))
            await desk.fake.push(PUBLIC, prices(markPrice="60200.5"))
            return await reader.until(Mark, 2), desk.watcher.ignored

    (_, second), ignored = asyncio.run(scenario())
    assert (second.mark_price, second.funding_rate) == (Decimal("60200.5"), Decimal("0.00038246"))
    assert len(ignored) == 1


@pytest.mark.parametrize("category", [["linear"], {"linear": 1}, None])
def test_a_row_of_our_orders_whose_category_is_odd_does_not_end_the_reading(category: Any) -> None:
    async def scenario() -> tuple[list[OrderReport], list[str]]:
        async with watched() as (desk, reader):
            await desk.fake.push(PRIVATE, news("order", order(category=category), order(category="linear")))
            return await reader.until(OrderReport), desk.watcher.ignored

    reports, ignored = asyncio.run(scenario())
    assert [report.client_order_id for report in reports] == [OUR_ID]
    assert ignored == []


@dataclass
class Clumsy:
    """Frames that stumble on the first one in a way that nobody foresaw."""

    frames: Any
    stumbles: int = 1

    def use(self, name: str, message: Any, queue: Any) -> str | None:
        self.stumbles -= 1
        if self.stumbles >= 0:
            raise TypeError("unhashable type: 'list'")
        found: str | None = self.frames.use(name, message, queue)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.frames, name)


def test_a_frame_that_its_reader_stumbles_on_does_not_end_the_reading_of_the_next() -> None:
    async def scenario() -> tuple[list[Quote], list[str]]:
        async with watched() as (desk, reader):
            account: Any = desk.venue
            account._streams._frames = Clumsy(account._streams._frames)
            await desk.fake.push(PUBLIC, book())
            await desk.fake.push(PUBLIC, book())
            return await reader.until(Quote), desk.watcher.ignored

    quotes, ignored = asyncio.run(scenario())
    assert (len(quotes), len(ignored)) == (1, 1)


def test_an_order_update_of_ours_that_is_odd_begins_the_stream_anew() -> None:
    async def scenario() -> list[StreamChanged]:
        async with watched(clock=WireClock(speed=20)) as (desk, reader):
            await desk.fake.push(PRIVATE, news("order", order(category="linear", qty="NaN")))
            return await reader.until(StreamChanged, 3)

    changes = asyncio.run(scenario())
    assert [change.up for change in changes[:3]] == [True, False, True]
    assert changes[1].private
    assert "not understood" in changes[1].text


def test_a_refused_subscription_is_told_as_a_stream_that_is_down() -> None:
    async def refuse(fake: FakeVenue, connection: web.WebSocketResponse, text: str) -> None:
        asked = json.loads(text)
        if asked["op"] != "subscribe" or "order" not in asked["args"]:
            return await talk(fake, connection, text)
        answer = {"success": False, "ret_msg": "error:handler not found,topic:order", "req_id": asked["req_id"]}
        return await connection.send_json(answer | {"conn_id": "x", "op": "subscribe"})

    async def scenario() -> list[StreamChanged]:
        fake = make_fake(talk=refuse)
        async with opened([LINEAR.symbol], stand=STAND, fake=fake, clock=WireClock(speed=20)) as desk:
            reader = Reader(desk)
            try:
                return await reader.until(StreamChanged)
            finally:
                await reader.stop()

    first = asyncio.run(scenario())[0]
    assert not first.up
    assert first.private


def test_a_pong_keeps_a_stream_alive_whatever_the_venues_clock_says() -> None:
    """The client notes a pong by the venue's time, and misses it by the machine's."""

    async def scenario() -> float:
        clock = WireClock(behind_ms=90 * 24 * 3_600_000)
        fake = make_fake(clock_ms=clock.now_ms)
        async with watched(fake=fake, clock=clock) as (desk, _):
            await desk.fake.push(PRIVATE, {"req_id": "2", "op": "pong", "args": ["1757405570352"], "conn_id": "x"})
            await asyncio.sleep(0.1)
            connections = vars(desk.venue)["_link"].client.clients
            noted: float = connections["wss://stream.bybit.com/v5/private"].lastPong
            return noted

    assert abs(asyncio.run(scenario()) - time.time() * 1000) < 5_000

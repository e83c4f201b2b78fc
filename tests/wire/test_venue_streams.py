"""Streams on the wire: what frames become, and that a break is told and mended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from hedger.model.market import Mark, Quote
from hedger.model.message import StreamChanged
from hedger.model.order import Fill, OrderReport, ReportStatus
from hedger.model.spans import DAY_MS
from hedger.runtime.ports import Hint
from hedger.venues.abilities import Ability
from tests.support.dialect_bench import streams_up
from tests.support.stand import proves
from tests.support.wire_bodies import AT
from tests.support.wire_server import KEY, hanging_answer, plain_answer
from tests.support.wire_venue import BTC, OUR_ID, SPOT, Desk, WireClock, opened

BOOK = {
    "e": "bookTicker",
    "u": 1,
    "E": AT,
    "T": AT,
    "s": "BTCUSDT",
    "b": "60000.1",
    "B": "1.5",
    "a": "60000.2",
    "A": "2",
}
SPOT_BOOK = {"u": 1, "s": "BTCUSDT", "b": "60001.1", "B": "1.5", "a": "60001.2", "A": "2"}
MARK = {"e": "markPriceUpdate", "E": AT, "s": "BTCUSDT", "p": "60100.5", "i": "60099.1", "r": "0.00038", "T": AT + 1}
EXPIRED = {"e": "listenKeyExpired", "E": AT, "listenKey": "LK1"}


def order_frame(**changes: Any) -> dict[str, Any]:
    order = {
        "s": "BTCUSDT", "c": OUR_ID, "S": "SELL", "o": "LIMIT", "f": "GTX", "q": "0.002", "p": "60000.1", "sp": "0",
        "x": "NEW", "X": "NEW", "i": 283194212, "l": "0", "z": "0", "L": "0", "T": AT, "t": 0, "m": False, "R": False,
        "ot": "LIMIT", "ps": "BOTH", "rp": "0",
    }  # fmt: skip
    return {"e": "ORDER_TRADE_UPDATE", "E": AT, "T": AT, "o": order | changes}


TRADE = order_frame(
    x="TRADE", X="PARTIALLY_FILLED", l="0.001", z="0.001", L="60000.1", t=77, m=True, n="0.012", N="USDT"
)
STRANGE: list[object] = [
    BOOK | {"b": "NaN"},
    BOOK | {"b": "70000"},
    BOOK | {"s": 1},
    [1, 2],
    "7",
    {"e": 7},
    {"x": {}},
]


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

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@proves(Ability.STREAMS)
@asynccontextmanager
async def streaming(symbols: tuple[str, ...] = (BTC.symbol,), clock: WireClock | None = None) -> AsyncIterator[Any]:
    """An open venue whose streams are up, and a reader of its hints."""
    async with opened(symbols, clock=clock) as desk:
        reader = Reader(desk)
        await reader.until(StreamChanged, up=True)
        yield desk, reader
        await reader.stop()


def test_books_marks_and_our_orders_are_subscribed_and_told() -> None:
    async def scenario() -> None:
        async with streaming((BTC.symbol, SPOT.symbol)) as (desk, reader):
            assert sorted(map(sorted, desk.fake.subscriptions)) == [
                ["btcusdt@bookTicker"],
                ["btcusdt@bookTicker"],
                ["btcusdt@markPrice@1s"],
            ]
            await desk.fake.push("/public/", BOOK)
            await desk.fake.push("/market/", MARK)
            await desk.fake.push("stream.binance.com:9443", SPOT_BOOK)
            quote = await reader.until(Quote, id=BTC)
            assert (quote.bid, quote.ask, quote.exchange_at) == (Decimal("60000.1"), Decimal("60000.2"), AT)
            assert (await reader.until(Quote, id=SPOT)).bid == Decimal("60001.1")
            mark = await reader.until(Mark, id=BTC)
            assert (mark.mark_price, mark.funding_rate) == (Decimal("60100.5"), Decimal("0.00038"))
            assert mark.next_funding_at == AT + 1

    asyncio.run(scenario())


def test_a_trade_of_ours_is_a_fill_and_then_a_report() -> None:
    async def scenario() -> None:
        async with streaming() as (desk, reader):
            await desk.fake.push("listenKey", TRADE)
            report = await reader.until(OrderReport)
            fill = await reader.until(Fill)
            assert reader.hints.index(fill) < reader.hints.index(report)
            assert (fill.trade_id, fill.client_order_id, fill.quantity) == ("77", OUR_ID, Decimal("0.001"))
            assert (fill.fee, fill.fee_asset, fill.maker) == (Decimal("0.012"), "USDT", True)
            assert (report.status, report.filled) == (ReportStatus.WORKING, Decimal("0.001"))

    asyncio.run(scenario())


def test_the_stream_of_our_orders_names_in_its_address_what_it_is_to_tell() -> None:
    """Since April 2026 the venue sends nothing, and keeps the connection up, where nothing is named."""

    async def scenario() -> list[str]:
        async with streaming() as (desk, _):
            return [path for _, path, _ in desk.fake.sockets if "listenKey" in path]

    (path,) = asyncio.run(scenario())
    assert path == "/private/ws?listenKey=LK1&events=ORDER_TRADE_UPDATE/listenKeyExpired"


def test_the_client_renews_no_listen_key_by_itself_within_a_year() -> None:
    """It would do so without a turn in a lane, in a ban too, and end the stream where it fails: we renew them."""

    async def scenario() -> int:
        async with opened() as desk:
            return int(vars(desk.venue)["_link"].client.options["listenKeyRefreshRate"])

    rate_ms = asyncio.run(scenario())
    assert rate_ms > 365 * DAY_MS
    assert rate_ms < AT, "and it asks for a key where it has none: its last was in 1970, it reckons"


def test_prices_that_wait_are_conflated_and_the_latest_wins() -> None:
    async def scenario() -> None:
        async with opened() as desk:
            hints = desk.venue.hints()
            await streams_up(hints)
            for cents in range(1, 200):
                await desk.fake.push("/public/", BOOK | {"b": f"59000.{cents:03}"})
            await asyncio.sleep(0.3)
            bids = [Decimal(0)]
            while bids[-1] != Decimal("59000.199"):
                hint = await anext(hints)
                bids += [hint.bid] if isinstance(hint, Quote) else []
            assert len(bids) < 100, "alone it is one; on a busy machine frames still come while we read"
            await hints.aclose()  # type: ignore[attr-defined]

    asyncio.run(scenario())


def test_an_expired_listen_key_is_told_and_a_new_one_asked_for() -> None:
    async def scenario() -> None:
        async with streaming() as (desk, reader):
            await desk.fake.push("listenKey", EXPIRED)
            down = await reader.until(StreamChanged, up=False)
            assert "listenKeyExpired" in down.text
            await reader.until(StreamChanged, count=2, up=True)
            assert len(desk.fake.requests("POST", "/fapi/v1/listenKey")) == 2
            await desk.fake.push("listenKey", TRADE)
            await reader.until(Fill)

    asyncio.run(scenario())


def test_every_lost_connection_is_told_and_mended() -> None:
    async def scenario() -> None:
        async with streaming() as (desk, reader):
            for part in ("/public/", "/market/", "listenKey"):
                ups = sum(isinstance(hint, StreamChanged) and hint.up for hint in reader.hints)
                downs = sum(isinstance(hint, StreamChanged) and not hint.up for hint in reader.hints)
                for host, path, connection in list(desk.fake.sockets):
                    if part in host + path and not connection.closed:
                        await connection.close(code=1001)
                await reader.until(StreamChanged, count=downs + 1, up=False)
                await reader.until(StreamChanged, count=ups + 1, up=True)
            await desk.fake.push("/public/", BOOK)
            await desk.fake.push("listenKey", TRADE)
            await reader.until(Quote)
            await reader.until(Fill)

    asyncio.run(scenario())


def test_a_stream_that_falls_silent_is_begun_again() -> None:
    """Forty times faster: ten seconds without a mark pass in a quarter of one."""

    async def scenario() -> None:
        clock = WireClock(speed=40)
        async with opened(clock=clock, ready=False) as desk:
            desk.fake.clock_ms = clock.now_ms
            await desk.venue.open([BTC.symbol])
            reader = Reader(desk)
            down = await reader.until(StreamChanged, up=False)
            assert "silent" in down.text
            await reader.stop()

    asyncio.run(scenario())


def test_the_listen_key_is_renewed_on_our_clock() -> None:
    async def scenario() -> int:
        clock = WireClock(speed=3000)
        async with opened(clock=clock, ready=False) as desk:
            desk.fake.judges_age = False
            desk.fake.clock_ms = clock.now_ms
            await desk.venue.open([BTC.symbol])
            reader = Reader(desk)
            async with asyncio.timeout(60):
                while not desk.fake.requests("PUT", "/fapi/v1/listenKey"):
                    desk.fake.asked.clear()
                    await desk.fake.asked.wait()
            await reader.stop()
            return len(desk.fake.requests("PUT", "/fapi/v1/listenKey"))

    assert asyncio.run(scenario()) >= 1


def test_an_order_update_that_is_not_understood_is_a_gap_and_not_ignored() -> None:
    async def scenario() -> None:
        async with streaming() as (desk, reader):
            await desk.fake.push("listenKey", order_frame(z="a lot"))
            down = await reader.until(StreamChanged, up=False)
            assert "not understood" in down.text
            await reader.until(StreamChanged, count=2, up=True)
            assert not any(isinstance(hint, OrderReport) for hint in reader.hints)

    asyncio.run(scenario())


@pytest.mark.parametrize("text", ['{"e":', "[" * 100_000, '{"a":1' + "0" * 5_000 + "}"], ids=["cut", "deep", "long"])
def test_a_frame_that_is_no_json_ends_no_stream_of_prices_and_begins_that_of_orders_again(text: str) -> None:
    async def scenario() -> None:
        async with streaming() as (desk, reader):
            await desk.fake.push("/public/", text)
            await desk.fake.push("/public/", BOOK)
            assert (await reader.until(Quote)).bid == Decimal("60000.1")
            await desk.fake.push("listenKey", text)
            down = await reader.until(StreamChanged, up=False)
            assert "not understood" in down.text
            assert len(desk.watcher.ignored) == 2

    asyncio.run(scenario())


def test_strange_frames_are_counted_and_the_next_good_one_is_used() -> None:
    async def scenario() -> None:
        async with streaming() as (desk, reader):
            for strange in STRANGE:
                await desk.fake.push("/public/", strange)
            await desk.fake.push("/public/", BOOK)
            quote = await reader.until(Quote)
            assert quote.bid == Decimal("60000.1")
            assert len(desk.watcher.ignored) == 3

    asyncio.run(scenario())


def test_streams_that_cannot_be_opened_are_tried_again_without_a_secret_in_the_text() -> None:
    async def scenario() -> None:
        async with opened() as desk:
            good = desk.fake.answers["POST", "/fapi/v1/listenKey"]
            refused = plain_answer(401, f'{{"code":-2014,"msg":"Invalid {KEY}"}}')
            desk.fake.answers["POST", "/fapi/v1/listenKey"] = refused
            reader = Reader(desk)
            down = await reader.until(StreamChanged, up=False)
            assert KEY not in down.text
            desk.fake.answers["POST", "/fapi/v1/listenKey"] = good
            await reader.until(StreamChanged, up=True)
            await reader.stop()

    asyncio.run(scenario())


def test_an_error_on_the_stream_of_orders_does_not_say_that_it_is_up() -> None:
    async def scenario() -> list[bool]:
        async with opened() as desk:
            frames: Any = vars(desk.venue)["_parts"].frames
            return [frames.is_up("orders", message) for message in (None, {"result": None}, {"error": {"code": 2}})]

    assert asyncio.run(scenario()) == [True, True, False]


def test_a_stream_that_is_given_up_while_its_key_is_asked_for_comes_back() -> None:
    """The client remembers that somebody asks for a key, and has whoever comes next wait for that answer."""

    async def scenario() -> None:
        clock = WireClock(speed=40)
        async with opened(clock=clock, ready=False) as desk:
            desk.fake.clock_ms = clock.now_ms
            await desk.venue.open([BTC.symbol])
            good = desk.fake.answers["POST", "/fapi/v1/listenKey"]
            desk.fake.answers["POST", "/fapi/v1/listenKey"] = hanging_answer()
            reader = Reader(desk)
            await reader.until(StreamChanged, up=False, private=True)
            desk.fake.answers["POST", "/fapi/v1/listenKey"] = good
            async with asyncio.timeout(10):
                while len(desk.fake.requests("POST", "/fapi/v1/listenKey")) < 2:
                    desk.fake.asked.clear()
                    await desk.fake.asked.wait()
            await reader.stop()

    asyncio.run(scenario())

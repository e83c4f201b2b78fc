"""BingX's streams on the wire: packed frames, pings answered, and what updates of orders become."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from hedger.errors import AskAgain
from hedger.model.market import Quote
from hedger.model.message import StreamChanged
from hedger.model.order import Fill, FillCause, OrderReport, ReportStatus
from hedger.runtime.ports import Hint
from hedger.venues.abilities import Ability
from tests.support.stand import OUR_ID, proves
from tests.support.stands.bingx import AT, BTC, COIN, LISTEN, LISTEN_KEY, STAND, SWAP, ok, quick, said
from tests.support.wire_server import plain_answer
from tests.support.wire_venue import Desk, opened

SYMBOLS = (BTC.symbol, COIN.symbol, "BTC/USDT")
SWAP_BOOK = {
    "code": 0,
    "dataType": "BTC-USDT@bookTicker",
    "data": {
        "e": "bookTicker", "u": 836521754, "E": AT, "T": AT, "s": "BTC-USDT", "b": "60000.1", "B": "1.7829",
        "a": "60000.2", "A": "2.0826",
    },
}  # fmt: skip
COIN_BOOK = {
    "code": 0,
    "dataType": "SOL-USD@depth5",
    "data": {
        "symbol": "SOL-USD",
        "bids": [{"p": "158.39", "a": "2.97", "v": "2485.0"}, {"p": "158.38", "a": "1.59", "v": "1328.0"}],
        "asks": [{"p": "158.45", "a": "0.34", "v": "304.0"}, {"p": "158.40", "a": "0.04", "v": "40.0"}],
        "aggPrecision": "0.1",
        "timestamp": AT,
    },
}


def order_frame(**changes: Any) -> dict[str, Any]:
    order = {
        "s": "BTC-USDT", "c": OUR_ID, "i": "1736012449498123456", "S": "SELL", "o": "LIMIT", "q": "0.00200000",
        "p": "60000.10000000", "ap": "0.00000000", "x": "NEW", "X": "NEW", "N": "USDT", "n": "0.00000000", "T": 0,
        "wt": "MARK_PRICE", "ps": "BOTH", "rp": "0.00000000", "z": "0.00000000",
    }  # fmt: skip
    return {"e": "ORDER_TRADE_UPDATE", "E": AT, "T": AT, "o": order | changes}


TRADE = order_frame(
    x="TRADE", X="PARTIALLY_FILLED", z="0.00100000", l="0.00100000", L="60000.10000000", t=77, m=True, T=AT,
    n="-0.01200000",
)  # fmt: skip


class Reader:
    """Reads hints in the background and waits for those that a test expects."""

    def __init__(self, desk: Desk) -> None:
        self.hints: list[Hint] = []
        self._venue = desk.venue

    async def run(self) -> None:
        async for hint in self._venue.hints():
            self.hints.append(hint)

    async def until(self, kind: type[Any], count: int = 1) -> list[Any]:
        async with asyncio.timeout(60):
            while len(found := [hint for hint in self.hints if isinstance(hint, kind)]) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        return found


@asynccontextmanager
async def reading(**how: Any) -> AsyncIterator[tuple[Desk, Reader]]:
    """An open venue whose streams are up, and a reader of its hints."""
    async with opened(SYMBOLS, stand=STAND, **how) as desk:
        reader = Reader(desk)
        task = asyncio.create_task(reader.run())
        async with asyncio.timeout(60):
            while len(desk.fake.sockets) < 4 or len(desk.fake.subscriptions) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        try:
            yield desk, reader
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def push(desk: Desk, part: str, frame: object, *, private: bool = False) -> None:
    """Send a frame as the venue does: packed."""
    data = gzip.compress((frame if isinstance(frame, str) else json.dumps(frame)).encode())
    for host, path, connection in desk.fake.sockets:
        if part in host + path and ("listenKey" in path) == private and not connection.closed:
            await connection.send_bytes(data)


@proves(Ability.STREAMS)
def test_each_book_is_watched_at_its_own_host_and_becomes_its_best_prices() -> None:
    async def scenario() -> tuple[list[Quote], list[str], set[str]]:
        async with reading() as (desk, reader):
            await push(desk, "open-api-swap", SWAP_BOOK)
            await push(desk, "open-api-cswap", COIN_BOOK)
            pair = {**SWAP_BOOK, "data": {**SWAP_BOOK["data"], "b": "60001.1", "a": "60001.2"}}  # type: ignore[dict-item]
            await push(desk, "open-api-ws", pair)
            quotes = await reader.until(Quote, 3)
            topics = sorted(topic for (topic,) in desk.fake.subscriptions)
            return quotes, topics, {host.partition(":")[0] for host, _, _ in desk.fake.sockets}

    quotes, topics, hosts = asyncio.run(scenario())
    assert topics == ["BTC-USDT@bookTicker", "BTC-USDT@bookTicker", "SOL-USD@depth5"]
    assert hosts == {"open-api-swap.bingx.com", "open-api-cswap-ws.bingx.com", "open-api-ws.bingx.com"}
    told = {quote.id.symbol: (quote.bid, quote.ask, quote.ask_quantity, quote.exchange_at) for quote in quotes}
    assert told[BTC.symbol] == (Decimal("60000.1"), Decimal("60000.2"), Decimal("2.0826"), AT)
    assert told[COIN.symbol] == (Decimal("158.39"), Decimal("158.40"), Decimal("40.0"), AT)
    assert told["BTC/USDT"][0] == Decimal("60001.1")


@proves(Ability.STREAMS)
def test_pings_are_answered_as_text_and_are_no_news() -> None:
    async def scenario() -> tuple[list[list[str]], list[str]]:
        async with reading() as (desk, _):
            await push(desk, "open-api-swap", "Ping")
            await push(desk, "open-api-swap", "Ping", private=True)
            async with asyncio.timeout(60):
                while desk.fake.subscriptions.count(["Pong"]) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            return desk.fake.subscriptions, desk.watcher.ignored

    pongs, ignored = asyncio.run(scenario())
    assert pongs.count(["Pong"]) == 2
    assert ignored == []


@proves(Ability.STREAMS)
def test_an_update_with_a_trades_figures_is_a_fill_and_a_record() -> None:
    async def scenario() -> tuple[Fill, list[OrderReport]]:
        async with reading() as (desk, reader):
            await push(desk, "", order_frame(), private=True)
            await push(desk, "", TRADE, private=True)
            (fill,) = await reader.until(Fill)
            return fill, await reader.until(OrderReport, 2)

    fill, (new, partly) = asyncio.run(scenario())
    assert (fill.trade_id, fill.quantity, fill.price, fill.fee) == (
        "77",
        Decimal("0.001"),
        Decimal("60000.1"),
        Decimal("0.012"),
    )
    assert (fill.maker, fill.cause, fill.client_order_id) == (True, FillCause.ORDER, OUR_ID)
    assert (new.status, new.quantity, new.client_order_id) == (ReportStatus.WORKING, Decimal("0.002"), OUR_ID)
    assert partly.filled == Decimal("0.001")


@proves(Ability.STREAMS)
def test_the_recorded_update_without_a_trades_figures_tells_the_order_and_invents_no_fill() -> None:
    recorded = order_frame(x="TRADE", X="FILLED", z="0.00200000", ap="60000.1", n="-0.00321800")

    async def scenario() -> tuple[list[OrderReport], list[Hint]]:
        async with reading() as (desk, reader):
            await push(desk, "", recorded, private=True)
            for without in ({"t": 0}, {"m": None}, {"T": 0}, {"l": "0"}):
                await push(desk, "", {**TRADE, "o": {**TRADE["o"], **without}}, private=True)
            return await reader.until(OrderReport, 5), reader.hints

    reports, hints = asyncio.run(scenario())
    assert reports[0].status is ReportStatus.FILLED
    assert not any(isinstance(hint, Fill) for hint in hints)


@proves(Ability.FORCED)
def test_an_update_of_the_venues_own_order_names_its_cause() -> None:
    async def scenario() -> Fill:
        async with reading() as (desk, reader):
            body: dict[str, Any] = TRADE["o"]
            await push(desk, "", {**TRADE, "o": {**body, "o": "LIQUIDATION", "c": ""}}, private=True)
            (fill,) = await reader.until(Fill)
            assert isinstance(fill, Fill)
            return fill

    assert asyncio.run(scenario()).cause is FillCause.LIQUIDATION


@pytest.mark.parametrize(
    "frame",
    [
        {"e": "listenKeyExpired", "E": AT, "listenKey": LISTEN_KEY},
        order_frame(q="NaN"),
        order_frame(z="5"),
        order_frame(i=None),
        {"code": 100500, "msg": "", "timestamp": AT},
    ],
    ids=["expired", "no number", "filled beyond", "no order", "refused"],
)
def test_a_stream_of_orders_that_ends_or_is_not_understood_is_begun_again(frame: Any) -> None:
    async def scenario() -> list[StreamChanged]:
        async with reading(**quick()) as (desk, reader):
            before = len(desk.fake.requests("POST", LISTEN))
            await push(desk, "", frame, private=True)
            async with asyncio.timeout(60):
                while len(desk.fake.requests("POST", LISTEN)) == before:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            return [hint for hint in reader.hints if isinstance(hint, StreamChanged)]

    changes = asyncio.run(scenario())
    assert [change.up for change in changes][:2] == [True, False]


def test_a_book_that_is_not_understood_is_left_out_and_counted() -> None:
    async def scenario() -> tuple[list[Hint], list[str]]:
        async with reading() as (desk, reader):
            for changes in ({"b": "NaN"}, {"b": "70000"}, {"s": 7}, {"A": "-1"}):
                data: Any = {**SWAP_BOOK["data"], **changes}  # type: ignore[dict-item]
                await push(desk, "open-api-swap", {**SWAP_BOOK, "data": data})
            await push(desk, "open-api-swap", SWAP_BOOK)
            await reader.until(Quote)
            return [hint for hint in reader.hints if isinstance(hint, Quote)], desk.watcher.ignored

    quotes, ignored = asyncio.run(scenario())
    assert [quote.bid for quote in quotes if isinstance(quote, Quote)] == [Decimal("60000.1")]
    assert len(ignored) == 4


def test_a_frame_without_a_book_does_not_end_the_hearing_of_those_that_follow() -> None:
    async def scenario() -> tuple[list[Any], list[str]]:
        async with reading() as (desk, reader):
            await push(desk, "open-api-swap", {"e": "bookTicker", "dataType": "BTC-USDT@bookTicker"})
            await push(desk, "open-api-cswap", {"e": "depth", "data": None})
            await push(desk, "open-api-swap", SWAP_BOOK)
            await push(desk, "open-api-cswap", COIN_BOOK)
            return await reader.until(Quote, 2), desk.watcher.ignored

    quotes, ignored = asyncio.run(scenario())
    assert {quote.id for quote in quotes} == {BTC, COIN}
    assert len(ignored) == 2


def test_frames_that_are_cut_or_unpack_without_end_are_left_out_and_those_that_follow_are_heard() -> None:
    endless = gzip.compress(b" " * 32 * 1024 * 1024)

    async def scenario() -> tuple[list[Any], list[str]]:
        async with reading() as (desk, reader):
            swap = next(
                socket for host, path, socket in desk.fake.sockets if "swap" in host and "listenKey" not in path
            )
            for bad in (endless, endless[:100], b"no gzip"):
                await swap.send_bytes(bad)
            await push(desk, "open-api-swap", SWAP_BOOK)
            return await reader.until(Quote), desk.watcher.ignored

    quotes, ignored = asyncio.run(scenario())
    assert [quote.id for quote in quotes] == [BTC]
    assert len(ignored) == 3


@proves(Ability.STREAMS, Ability.TEST_ENVIRONMENT)
def test_the_books_of_simulated_trading_come_from_its_own_host() -> None:
    async def scenario() -> tuple[list[Any], set[str]]:
        async with opened([BTC.symbol], stand=STAND, environment="testnet", **quick()) as desk:
            reader = Reader(desk)
            task = asyncio.create_task(reader.run())
            async with asyncio.timeout(60):
                while len(desk.fake.sockets) < 2 or not desk.fake.subscriptions:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            await push(desk, "vst-open-api-ws", SWAP_BOOK)
            quotes = await reader.until(Quote)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return quotes, {host.partition(":")[0] for host, _, _ in desk.fake.sockets}

    quotes, hosts = asyncio.run(scenario())
    assert [quote.id for quote in quotes] == [BTC]
    assert hosts == {"vst-open-api-ws.bingx.com"}


@proves(Ability.STREAMS)
def test_the_listen_key_is_renewed_and_a_refused_renewal_begins_again() -> None:
    async def scenario() -> tuple[str, int]:
        async with opened([BTC.symbol], stand=STAND, **quick(2000.0)) as desk:
            desk.fake.answers["PUT", LISTEN] = plain_answer(200, "")
            reader = Reader(desk)
            task = asyncio.create_task(reader.run())
            async with asyncio.timeout(60):
                while not desk.fake.requests("PUT", LISTEN):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                key = desk.fake.requests("PUT", LISTEN)[0].params["listenKey"]
                keys = len(desk.fake.requests("POST", LISTEN))
                desk.fake.answers["PUT", LISTEN] = said(100400, "listenKey not found")
                while len(desk.fake.requests("POST", LISTEN)) == keys:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return key, keys

    assert asyncio.run(scenario())[0] == LISTEN_KEY


def test_an_interval_of_funding_that_was_told_may_not_go_missing_or_be_no_number() -> None:
    path = f"{SWAP}/v2/quote/premiumIndex"

    async def scenario() -> None:
        async with opened([BTC.symbol], stand=STAND, **quick()) as desk:
            await work(desk)

    async def work(desk: Desk) -> None:
        good = desk.fake.answers["GET", path]["data"]
        lacking = {name: value for name, value in good.items() if name != "fundingIntervalHours"}
        for odd in (lacking, good | {"fundingIntervalHours": True}, good | {"fundingIntervalHours": None}):
            await desk.venue.read_prices([BTC])
            desk.fake.answers["GET", path] = ok(odd)
            with pytest.raises(AskAgain):
                await desk.venue.read_prices([BTC])
            desk.fake.answers["GET", path] = ok(good)

    asyncio.run(scenario())

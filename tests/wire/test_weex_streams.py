"""WEEX's streams: a book that misses no change, our orders and fills, and a break where a frame is not understood."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from hedger.model.market import Quote
from hedger.model.message import OrderRejected, StreamChanged
from hedger.model.order import Fill, FillCause, OrderReport, RejectReason, ReportStatus, Side
from hedger.runtime.ports import Hint
from hedger.venues.abilities import Ability
from tests.support.leave import let_go
from tests.support.stand import OUR_ID, proves
from tests.support.stands.weex import AT, BTC, ORDER_ID, PAIR, STAND
from tests.support.wire_venue import Desk, opened

PUBLIC, PRIVATE = "ws-contract.weex.com/v3/ws/public", "ws-contract.weex.com/v3/ws/private"


def depth(before: int, last: int, kind: str = "depth", **changes: Any) -> dict[str, Any]:
    frame = {
        "e": kind,
        "E": AT,
        "s": "BTCUSDT",
        "U": before,
        "u": last,
        "l": 15,
        "d": "CHANGED",
        "b": [["60000.1", "2"]],
        "a": [["60000.2", "3"]],
    }
    return frame | changes


def order(**changes: Any) -> dict[str, Any]:
    row = {
        "id": ORDER_ID,
        "coin": "USDT",
        "symbol": "BTCUSDT",
        "marginMode": "CROSSED",
        "separatedMode": "COMBINED",
        "separatedOpenOrderId": "0",
        "positionSide": "SHORT",
        "orderSide": "SELL",
        "price": "60000.1",
        "size": "0.0020",
        "clientOrderId": OUR_ID,
        "type": "LIMIT",
        "timeInForce": "POST_ONLY",
        "reduceOnly": False,
        "triggerPrice": "0",
        "orderSource": "API",
        "leverage": "1",
        "status": "NEW",
        "cancelReason": "UNKNOWN_ORDER_CANCEL_REASON",
        "cumFillSize": "0",
        "cumFillValue": "0",
        "createdTime": str(AT),
        "updatedTime": str(AT),
    }
    return {"e": "orders", "E": AT, "v": 153, "msgEvent": "OrderUpdate", "d": [row | changes]}


def fill(**changes: Any) -> dict[str, Any]:
    row = {
        "id": "738957755401896296",
        "coin": "USDT",
        "symbol": "BTCUSDT",
        "orderId": ORDER_ID,
        "marginMode": "CROSSED",
        "positionSide": "SHORT",
        "orderSide": "SELL",
        "fillSize": "0.0020",
        "fillValue": "120.00020",
        "fillFee": "0.0240",
        "liquidateFee": "0",
        "realizePnl": "0",
        "direction": "MAKER",
        "createdTime": str(AT),
        "updatedTime": str(AT),
    }
    return {"e": "fill", "E": AT, "v": 154, "msgEvent": "OrderUpdate", "d": [row | changes]}


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
async def streaming() -> AsyncIterator[tuple[Desk, Reader]]:
    async with opened(stand=STAND) as desk:
        reader = Reader(desk)
        await reader.until(StreamChanged, up=True)
        yield desk, reader
        await reader.stop()


def run(scenario: Callable[[Desk, Reader], Awaitable[None]]) -> None:
    async def inside() -> None:
        async with streaming() as (desk, reader):
            await scenario(desk, reader)

    asyncio.run(inside())


@proves(Ability.STREAMS)
def test_a_book_is_a_snapshot_and_its_changes_and_a_deleted_level_is_gone() -> None:
    async def scenario(desk: Desk, reader: Reader) -> None:
        assert sorted(map(sorted, desk.fake.subscriptions)) == [
            ["BTCUSDT@bookTicker"],
            ["BTCUSDT@depth15"],
            ["fill"],
            ["orders"],
        ]
        await desk.fake.push(PUBLIC, depth(90, 100, "depthSnapshot", d="SNAPSHOT"))
        await desk.fake.push(PUBLIC, depth(100, 101, b=[["60000.1", "0"], ["60000.0", "7"]], a=[]))
        quote = await reader.until(Quote, id=BTC, bid=Decimal("60000.0"))
        assert (quote.bid_quantity, quote.ask, quote.exchange_at) == (Decimal(7), Decimal("60000.2"), AT)

    run(scenario)


@proves(Ability.STREAMS)
def test_a_level_that_fell_out_of_the_fifteen_is_not_the_best_price_later() -> None:
    """Nothing is told of a level while it is not among them: it may be gone since."""

    async def scenario(desk: Desk, reader: Reader) -> None:
        levels = [[f"{60000 - n}", "1"] for n in range(15)]
        await desk.fake.push(PUBLIC, depth(90, 100, "depthSnapshot", b=levels))
        await desk.fake.push(PUBLIC, depth(100, 101, b=[["60000.1", "2"]], a=[]))
        gone = [[price, "0"] for price, _ in [*levels[:14], ["60000.1", "2"]]]
        await desk.fake.push(PUBLIC, depth(101, 102, b=[*gone, ["59000.0", "7"]], a=[]))
        await reader.until(Quote, id=BTC, bid=Decimal("59000.0"))

    run(scenario)


@proves(Ability.STREAMS)
def test_a_missing_change_ends_the_stream_which_begins_again_with_a_snapshot() -> None:
    async def scenario(desk: Desk, reader: Reader) -> None:
        await desk.fake.push(PUBLIC, depth(90, 100, "depthSnapshot"))
        await reader.until(Quote, id=BTC)
        await desk.fake.push(PUBLIC, depth(101, 102, b=[["59000.0", "1"]], a=[]))
        told = await reader.until(StreamChanged, up=False)
        assert "a change of the book of BTCUSDT is missing" in told.text
        await reader.until(StreamChanged, count=2, up=True)
        assert desk.fake.subscriptions.count(["BTCUSDT@depth15"]) == 2

    run(scenario)


@proves(Ability.STREAMS)
def test_pairs_pings_and_frames_that_are_nobodys_do_no_harm() -> None:
    async def scenario(desk: Desk, reader: Reader) -> None:
        pair = {"e": "bookTicker", "E": AT, "s": "BTCUSDT", "u": 1, "b": "60001.1", "B": "1", "a": "60001.2", "A": "2"}
        await desk.fake.push("ws-spot.weex.com", pair)
        await reader.until(Quote, id=PAIR)
        # As seen by others: a frame of positions whose fields are null.
        nobody: dict[str, Any] = {
            "e": "positions",
            "E": AT,
            "v": 1,
            "msgEvent": "OrderUpdate",
            "d": [{"coinId": 2, "symbol": None}],
        }
        await desk.fake.push(PRIVATE, nobody)
        await desk.fake.push(PRIVATE, {"e": "account", "d": None})
        pings: tuple[tuple[str, dict[str, Any]], ...]
        pings = ((PRIVATE, {"type": "ping", "time": str(AT)}), (PUBLIC, {"event": "ping", "time": str(AT)}))
        for count, (stream, frame) in enumerate(pings, 1):
            desk.fake.asked.clear()
            await desk.fake.push(stream, frame)
            async with asyncio.timeout(60):
                await desk.fake.asked.wait()
            assert desk.fake.subscriptions.count(["PONG"]) == count
        assert not [hint for hint in reader.hints if isinstance(hint, StreamChanged) and not hint.up]

    run(scenario)


@proves(Ability.STREAMS)
def test_our_orders_and_fills_are_told_with_our_id_and_who_was_maker() -> None:
    async def scenario(desk: Desk, reader: Reader) -> None:
        await desk.fake.push(PRIVATE, order())
        report = await reader.until(OrderReport)
        assert (report.client_order_id, report.status, report.quantity) == (
            OUR_ID,
            ReportStatus.WORKING,
            Decimal("0.0020"),
        )
        await desk.fake.push(PRIVATE, fill())
        assert await reader.until(Fill) == Fill(
            id=BTC,
            trade_id="738957755401896296",
            venue_order_id=ORDER_ID,
            client_order_id=OUR_ID,
            side=Side.SELL,
            quantity=Decimal("0.0020"),
            price=Decimal("60000.1"),
            fee=Decimal("0.024"),
            fee_asset="USDT",
            maker=True,
            exchange_at=AT,
        )
        await desk.fake.push(PRIVATE, fill(id="7", direction="TAKER", liquidateFee="1"))
        taken = await reader.until(Fill, trade_id="7")
        assert (taken.maker, taken.cause) == (False, FillCause.LIQUIDATION)

    run(scenario)


@proves(Ability.POST_ONLY)
def test_an_update_of_ours_that_is_not_post_only_ends_the_stream_and_all_creates() -> None:
    async def scenario(desk: Desk, reader: Reader) -> None:
        await desk.venue.read_account()
        await desk.fake.push(PRIVATE, order(timeInForce="GTC"))
        await reader.until(StreamChanged, up=False, private=True)
        outcome = await desk.venue.place(STAND.order(), let_go)
        assert isinstance(outcome, OrderRejected)
        assert outcome.reason is RejectReason.NOT_SENT
        assert "not as POST_ONLY" in outcome.text

    run(scenario)


@pytest.mark.parametrize(
    "frame",
    [
        fill(direction="UNKNOWN"),
        fill(direction=None),
        fill(fillSize="0"),
        order(cumFillSize="0.0021"),
        order(size="NaN"),
        order(updatedTime=str(AT // 1000)),
        {"e": "orders", "d": None},
    ],
    ids=["no role", "null role", "no size", "overfilled", "NaN", "seconds", "no list"],
)
def test_an_update_that_is_not_understood_breaks_the_private_stream_and_tells_no_fill(frame: dict[str, Any]) -> None:
    async def scenario(desk: Desk, reader: Reader) -> None:
        await desk.fake.push(PRIVATE, frame)
        await reader.until(StreamChanged, up=False, private=True)
        assert not [hint for hint in reader.hints if isinstance(hint, Fill | OrderReport)]

    run(scenario)

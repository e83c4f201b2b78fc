"""Streams on OKX: what frames become, and that a break, a refused login and an unclear frame are told."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hedger.model.market import Mark, Quote
from hedger.model.message import StreamChanged
from hedger.model.order import Fill, FillCause, OrderReport, RejectReason, ReportStatus
from hedger.model.spans import HOUR_MS
from hedger.runtime.ports import Hint
from hedger.venues.abilities import Ability
from tests.support.stand import OUR_ID, proves
from tests.support.stands.okx import (
    AT,
    BTC,
    INSTRUMENTS,
    INVERSE,
    PASSPHRASE,
    SPOT,
    STAND,
    answering,
    fake_okx,
    future,
    order,
    swap,
    told,
)
from tests.support.wire_server import FakeVenue
from tests.support.wire_venue import Desk, WireClock, opened

# Recorded frames, with the numbers of this account.
BOOK = {
    "arg": {"channel": "bbo-tbt", "instId": "BTC-USDT-SWAP"},
    "data": [
        {"asks": [["60000.2", "200", "0", "17"]], "bids": [["60000.1", "150", "0", "2"]], "ts": str(AT), "seqId": 7}
    ],
}
MARK = {
    "arg": {"channel": "mark-price", "instId": "BTC-USDT-SWAP"},
    "data": [{"instType": "SWAP", "instId": "BTC-USDT-SWAP", "markPx": "60100.5", "ts": str(AT + 5)}],
}
INDEX = {
    "arg": {"channel": "index-tickers", "instId": "BTC-USDT"},
    "data": [{"instId": "BTC-USDT", "idxPx": "60050", "high24h": "0.5", "ts": str(AT + 4)}],
}
FUNDING = {
    "arg": {"channel": "funding-rate", "instId": "BTC-USDT-SWAP"},
    "data": [
        {"instId": "BTC-USDT-SWAP", "fundingRate": "-0.0002", "nextFundingRate": "", "ts": str(AT),
         "fundingTime": str(AT + HOUR_MS), "nextFundingTime": str(AT + 5 * HOUR_MS)}
    ],
}  # fmt: skip


def about(frame: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A frame whose row is otherwise."""
    return frame | {"data": [frame["data"][0] | changes]}


def order_frame(**changes: Any) -> dict[str, Any]:
    """A frame of the stream of orders, with its fields of an execution."""
    execution = {"fillFee": "0", "fillFeeCcy": "", "fillPnl": "0", "execType": "", "code": "0", "msg": "", "reqId": ""}
    row = order(clOrdId=OUR_ID) | execution | changes
    return {"arg": {"channel": "orders", "instType": "ANY", "uid": "614488474791936"}, "data": [row]}


TRADE = order_frame(
    state="partially_filled", accFillSz="1", tradeId="242589207", fillSz="1", fillPx="60000.1", fillFee="-0.012",
    fillFeeCcy="USDT", fillTime=str(AT + 9), execType="M",
)  # fmt: skip


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


@asynccontextmanager
async def streaming(
    symbols: Sequence[str] = (BTC.symbol,), clock: WireClock | None = None, fake: FakeVenue | None = None
) -> AsyncIterator[tuple[Desk, Reader]]:
    async with opened(symbols, stand=STAND, clock=clock, fake=fake) as desk:
        reader = Reader(desk)
        await reader.until(StreamChanged, up=True)
        yield desk, reader
        await reader.stop()


@proves(Ability.STREAMS)
def test_prices_share_a_connection_and_our_orders_have_one_after_a_login() -> None:
    async def scenario() -> None:
        async with streaming((BTC.symbol, INVERSE.symbol, SPOT.symbol, "BTC/USDT:USDT-271231")) as (desk, _):
            assert sorted(path for _, path, _ in desk.fake.sockets) == ["/ws/v5/private", "/ws/v5/public"]
            asked: list[Any] = desk.fake.subscriptions
            topics = next(topics for topics in asked if topics[0].get("channel") == "bbo-tbt")
            assert {(topic["channel"], topic["instId"]) for topic in topics} == {
                *(("bbo-tbt", name) for name in ("BTC-USDT-SWAP", "BTC-USD-SWAP", "BTC-USDT", "BTC-USDT-271231")),
                *(("mark-price", name) for name in ("BTC-USDT-SWAP", "BTC-USD-SWAP", "BTC-USDT-271231")),
                *(("funding-rate", name) for name in ("BTC-USDT-SWAP", "BTC-USD-SWAP")),
                *(("index-tickers", name) for name in ("BTC-USDT", "BTC-USD")),
            }
            assert [{"channel": "orders", "instType": "ANY"}] in asked
            assert any(topics[0].get("passphrase") == PASSPHRASE for topics in asked)

    asyncio.run(scenario())


def test_the_login_is_stamped_with_the_venue_s_time() -> None:
    async def scenario() -> None:
        async with streaming(clock=WireClock(behind_ms=300_000)) as (desk, _):
            asked: list[Any] = desk.fake.subscriptions
            (stamp,) = (int(topics[0]["timestamp"]) for topics in asked if "timestamp" in topics[0])
            assert abs(stamp - desk.fake.clock_ms() // 1000) < 5

    asyncio.run(scenario())


def test_books_are_in_our_units_and_a_mark_has_the_newest_index_and_funding() -> None:
    async def scenario() -> None:
        async with streaming((BTC.symbol, SPOT.symbol)) as (desk, reader):
            await desk.fake.push("/public", BOOK)
            quote = await reader.until(Quote, id=BTC)
            assert (quote.bid, quote.bid_quantity, quote.ask_quantity) == (Decimal("60000.1"), Decimal("1.5"), 2)
            assert quote.exchange_at == AT
            await desk.fake.push("/public", BOOK | {"arg": {"channel": "bbo-tbt", "instId": "BTC-USDT"}})
            assert (await reader.until(Quote, id=SPOT)).bid_quantity == 150
            for frame in (INDEX, FUNDING, MARK):
                await desk.fake.push("/public", frame)
            mark = await reader.until(Mark, id=BTC)
            assert (mark.mark_price, mark.index_price, mark.exchange_at) == (Decimal("60100.5"), 60_050, AT + 5)
            assert (mark.funding_rate, mark.funding_interval_ms) == (Decimal("-0.0002"), 4 * HOUR_MS)
            assert mark.next_funding_at == AT + HOUR_MS

    asyncio.run(scenario())


def test_a_mark_whose_index_stands_still_for_too_long_is_not_told() -> None:
    async def scenario() -> None:
        async with streaming() as (desk, reader):
            await desk.fake.push("/public", INDEX)
            await desk.fake.push("/public", about(MARK, ts=str(AT + 75_000)))
            await desk.fake.push("/public", BOOK)
            await reader.until(Quote)
            assert not any(isinstance(hint, Mark) for hint in reader.hints)
            await desk.fake.push("/public", about(INDEX, ts=str(AT + 75_000)))
            await desk.fake.push("/public", about(MARK, ts=str(AT + 76_000)))
            await reader.until(Mark)

    asyncio.run(scenario())


def test_a_trade_of_ours_is_a_fill_and_then_a_report() -> None:
    async def scenario() -> None:
        async with streaming() as (desk, reader):
            await desk.fake.push("/private", TRADE)
            report = await reader.until(OrderReport)
            fill = await reader.until(Fill)
            assert reader.hints.index(fill) < reader.hints.index(report)
            assert (fill.trade_id, fill.client_order_id, fill.quantity) == ("242589207", OUR_ID, Decimal("0.01"))
            assert (fill.fee, fill.fee_asset, fill.maker) == (Decimal("0.012"), "USDT", True)
            assert fill.exchange_at == AT + 9
            assert (report.status, report.filled) == (ReportStatus.WORKING, Decimal("0.01"))

    asyncio.run(scenario())


def test_an_order_that_would_have_taken_and_a_liquidation_say_so() -> None:
    async def scenario() -> None:
        async with streaming() as (desk, reader):
            await desk.fake.push("/private", order_frame(state="canceled", cancelSource="31"))
            report = await reader.until(OrderReport)
            assert report.ended_because is RejectReason.POST_ONLY_WOULD_CROSS
            forced = TRADE["data"][0] | {"category": "full_liquidation", "clOrdId": "", "ordType": "market", "px": ""}
            await desk.fake.push("/private", TRADE | {"data": [forced]})
            fill = await reader.until(Fill)
            assert (fill.cause, fill.client_order_id) == (FillCause.LIQUIDATION, None)

    asyncio.run(scenario())


def test_an_execution_whose_fee_is_not_told_is_left_to_the_list_of_fills() -> None:
    async def scenario() -> None:
        async with streaming() as (desk, reader):
            row = dict(TRADE["data"][0])
            del row["fillFee"]
            await desk.fake.push("/private", TRADE | {"data": [row]})
            assert (await reader.until(OrderReport)).filled == Decimal("0.01")
            assert not any(isinstance(hint, Fill) for hint in reader.hints)

    asyncio.run(scenario())


def test_an_order_update_that_is_not_understood_is_a_gap_and_not_ignored() -> None:
    async def scenario() -> None:
        async with streaming() as (desk, reader):
            await desk.fake.push("/private", order_frame(accFillSz="a lot"))
            down = await reader.until(StreamChanged, up=False)
            assert "not understood" in down.text
            await reader.until(StreamChanged, count=2, up=True)
            await desk.fake.push("/private", TRADE)
            await reader.until(Fill)

    asyncio.run(scenario())


def test_strange_frames_are_counted_and_the_next_good_one_is_used() -> None:
    strange: list[object] = [
        about(BOOK, bids=[["NaN", "1", "0", "1"]]),
        about(BOOK, bids=[["70000", "1", "0", "1"]]),
        about(MARK, markPx="0"),
        about(INDEX, ts="1790000000"),
        about(FUNDING, nextFundingTime=str(AT)),
        BOOK | {"data": [7]},
        [1, 2],
        "7",
        {"x": {}},
        {"arg": {"channel": "news"}, "data": [{}]},
        about(BOOK, bids=[]),
    ]

    async def scenario() -> None:
        async with streaming() as (desk, reader):
            for frame in strange:
                await desk.fake.push("/public", frame)
            await desk.fake.push("/public", BOOK)
            assert (await reader.until(Quote)).bid == Decimal("60000.1")
            assert len(desk.watcher.ignored) == 6
            assert not any(isinstance(hint, StreamChanged) and not hint.up for hint in reader.hints)

    asyncio.run(scenario())


def test_every_lost_connection_is_told_and_mended() -> None:
    async def scenario() -> None:
        async with streaming() as (desk, reader):
            for part in ("/public", "/private"):
                ups = sum(isinstance(hint, StreamChanged) and hint.up for hint in reader.hints)
                downs = sum(isinstance(hint, StreamChanged) and not hint.up for hint in reader.hints)
                for _, path, connection in list(desk.fake.sockets):
                    if part in path and not connection.closed:
                        await connection.close(code=1001)
                await reader.until(StreamChanged, count=downs + 1, up=False)
                await reader.until(StreamChanged, count=ups + 1, up=True)
            await desk.fake.push("/private", TRADE)
            await reader.until(Fill)

    asyncio.run(scenario())


def test_a_contract_whose_delivery_has_come_does_not_keep_the_prices_of_the_others_down() -> None:
    """The list of what trades is read each hour only, and the venue refuses a topic about what it lists no more."""

    async def scenario() -> None:
        clock, fake = WireClock(speed=10), fake_okx()
        fake.clock_ms, good = clock.now_ms, fake.talk
        delivered_at = clock.now_ms() + HOUR_MS
        day = f"{datetime.fromtimestamp(delivered_at / 1000, UTC):%y%m%d}"
        rows = {"SWAP": [swap()], "FUTURES": [future(day, delivered_at)]}
        fake.answers["GET", INSTRUMENTS] = answering(lambda seen: told(*rows[seen.params["instType"]]))

        async def without_the_day(fake: Any, connection: Any, text: str) -> None:
            if day in text:
                await connection.send_json({"event": "error", "code": "60018", "msg": "doesn't exist"})
                return
            await good(fake, connection, text)

        async with streaming((BTC.symbol, f"{BTC.symbol}-{day}"), clock=clock, fake=fake) as (_, reader):
            fake.talk = without_the_day
            clock.stand_still(-HOUR_MS)
            await reader.until(StreamChanged, 2, up=True)

    asyncio.run(scenario())


def test_a_stream_of_orders_that_the_venue_grants_and_ends_is_told_and_begun_again() -> None:
    """As documented where a channel has more connections than an account may have."""

    async def scenario() -> None:
        async with opened(stand=STAND, clock=WireClock(speed=10)) as desk:
            good, ended = desk.fake.talk, 0

            async def end_once(fake: Any, connection: Any, text: str) -> None:
                nonlocal ended
                await good(fake, connection, text)
                if '"channel":"orders"' in text.replace(" ", "") and not ended:
                    ended += 1
                    row = {"channel": "orders", "connCount": "30", "connId": "a4d3ae55"}
                    await connection.send_json({"event": "channel-conn-count-error", **row})

            desk.fake.talk = end_once
            reader = Reader(desk)
            down = await reader.until(StreamChanged, up=False)
            assert "too many connections" in down.text
            await reader.until(StreamChanged, up=True)
            await reader.stop()

    asyncio.run(scenario())


def test_prices_that_fall_silent_are_begun_again() -> None:
    async def scenario() -> None:
        fake = fake_okx()
        fake.judges_age = False
        async with streaming(clock=WireClock(speed=80), fake=fake) as (_, reader):
            down = await reader.until(StreamChanged, up=False)
            assert "silent" in down.text

    asyncio.run(scenario())


def test_a_subscription_that_is_refused_is_not_up() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            good = desk.fake.talk

            async def refuse(fake: Any, connection: Any, text: str) -> None:
                if "bbo-tbt" in text:
                    await connection.send_json({"event": "error", "code": "60018", "msg": "doesn't exist"})
                    return
                await good(fake, connection, text)

            desk.fake.talk = refuse
            reader = Reader(desk)
            await reader.until(StreamChanged, count=2, up=False)
            assert not any(isinstance(hint, StreamChanged) and hint.up for hint in reader.hints)
            await reader.stop()

    asyncio.run(scenario())


def test_a_login_that_is_refused_is_told_and_tried_again_without_a_secret_in_the_text() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            good, refusals = desk.fake.talk, 1

            async def refuse_once(fake: Any, connection: Any, text: str) -> None:
                nonlocal refusals
                if '"login"' in text and refusals:
                    refusals -= 1
                    await connection.send_json({"event": "error", "code": "60009", "msg": f"Login failed {PASSPHRASE}"})
                    return
                await good(fake, connection, text)

            desk.fake.talk = refuse_once
            reader = Reader(desk)
            down = await reader.until(StreamChanged, up=False)
            assert PASSPHRASE not in down.text
            await reader.until(StreamChanged, up=True)
            await reader.stop()

    asyncio.run(scenario())

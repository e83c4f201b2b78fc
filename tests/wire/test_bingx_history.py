"""BingX's past on the wire: fills, payments, prices and bars, each list whole or not believed."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from aiohttp import web

from hedger.errors import AskAgain, GiveUp
from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.order import Fill, FillCause, Side
from hedger.model.spans import DAY_MS, HOUR_MS
from hedger.venues.abilities import Ability
from hedger.venues.bingx.windows import WEEK_MS
from tests.support.stand import proves
from tests.support.stands.bingx import AT, BTC, COIN, COINS, SPOT, STAND, SWAP, coin_record, ok, quick
from tests.support.wire_server import Seen
from tests.support.wire_venue import Desk, opened

FILLS, INCOME = f"{SWAP}/v2/trade/fillHistory", f"{SWAP}/v2/user/income"
NAMES = ("startTime", "endTime")
COIN_ORDERS, COIN_FILLS = f"{COINS}/trade/orderHistory", f"{COINS}/trade/allFillOrders"
PAIR = InstrumentId("main", "BTC/USDT")
T = TypeVar("T")
Rows = Sequence[Mapping[str, Any]]


def on_desk(work: Callable[[Desk], Awaitable[T]], *symbols: str) -> T:
    async def scenario() -> T:
        async with opened(symbols or (BTC.symbol,), stand=STAND, **quick()) as desk:
            return await work(desk)

    return asyncio.run(scenario())


def fill(number: int, at: int, **changes: Any) -> dict[str, Any]:
    told = datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}+0000"
    row = {
        "filledTm": "", "volume": "0.0010", "price": "60000.1", "qty": "0.0010", "quoteQty": "60.0001",
        "commission": "-0.0120", "commissionAsset": "USDT", "orderId": "1736012449498123456", "tradeId": str(number),
        "filledTime": told, "symbol": "BTC-USDT", "role": "maker", "side": "SELL", "positionSide": "BOTH",
    }  # fmt: skip
    return row | changes


def between(rows: Rows, key: Callable[[Mapping[str, Any]], int], names: tuple[str, str], wrap: Any) -> Any:
    """The rows within the times that are asked for, newest first and cut at the page."""

    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        start, end = (int(seen.params[name]) for name in names)
        if end - start > 7 * DAY_MS:
            return web.json_response({"code": 109400, "msg": "the query range must not exceed 7 days", "data": {}})
        inside = sorted((row for row in rows if start < key(row) < end), key=key, reverse=True)
        page = int(seen.params.get("pageSize") or seen.params["limit"])
        return web.json_response(ok(wrap(inside[:page])))

    return answer


def fills(rows: Rows, since_back_ms: int = HOUR_MS) -> tuple[list[Fill], int]:
    """The fills that are read of these, and how often the list was asked for."""

    async def work(desk: Desk) -> tuple[list[Fill], int]:
        def key(row: Mapping[str, Any]) -> int:
            return int(datetime.fromisoformat(row["filledTime"]).timestamp() * 1000)

        wrap = lambda found: {"fill_history_orders": found, "total": len(found)}  # noqa: E731
        desk.fake.answers["GET", FILLS] = between(rows, key, ("startTs", "endTs"), wrap)
        found = await desk.venue.read_fills(BTC, desk.fake.clock_ms() - since_back_ms)
        return list(found), len(desk.fake.requests("GET", FILLS))

    return on_desk(work)


def now_ms() -> int:
    return int(time.time() * 1000)


@proves(Ability.FILLS)
def test_a_fill_has_its_role_its_fee_and_its_moment() -> None:
    at = now_ms() - 60_000
    ((one, other), asked) = fills([fill(8, at + 1, role="taker", commission="0.01"), fill(7, at)])
    assert (one.trade_id, one.quantity, one.price, one.side) == ("7", Decimal("0.0010"), Decimal("60000.1"), Side.SELL)
    assert (one.fee, one.fee_asset, one.maker, one.exchange_at) == (Decimal("0.0120"), "USDT", True, at)
    assert (other.fee, other.maker) == (Decimal("-0.01"), False), "a rebate, and a taker"
    assert asked == 1


@proves(Ability.FILLS)
def test_full_pages_are_halved_until_every_fill_is_told_once() -> None:
    at = now_ms() - HOUR_MS + 20_000
    found, asked = fills([fill(number, at + number * 1000) for number in range(2_300)])
    assert [int(one.trade_id) for one in found] == list(range(2_300))
    assert asked > 2


def test_a_long_time_is_asked_for_week_by_week() -> None:
    at = now_ms() - 20 * DAY_MS + 60_000
    found, asked = fills([fill(1, at), fill(2, at + 8 * DAY_MS), fill(3, at + 19 * DAY_MS)], 20 * DAY_MS)
    assert [one.trade_id for one in found] == ["1", "2", "3"]
    assert asked == 3


def test_a_fill_of_the_moment_at_which_two_weeks_meet_is_told_once_and_no_question_spans_more_than_seven_days() -> None:
    """The venue refuses a longer span whole: after a rest of a week no fill would ever be told again."""
    begun = now_ms()
    edges = range(begun - 20 * DAY_MS + 2 * WEEK_MS - 3, begun - 20 * DAY_MS + 2 * WEEK_MS + 1_500)
    found, _ = fills([fill(number, at) for number, at in enumerate(edges) if number < 900], 20 * DAY_MS)
    assert [int(one.trade_id) for one in found] == list(range(900))


def test_more_fills_of_one_moment_than_a_page_are_not_told_as_the_whole() -> None:
    at = now_ms() - 60_000
    with pytest.raises(AskAgain, match="of one moment"):
        fills([fill(number, at) for number in range(1_000)])


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "both"},
        {"symbol": "ETH-USDT"},
        {"qty": "NaN"},
        {"qty": "0"},
        {"side": "UP"},
        {"tradeId": None},
        {"commission": ""},
    ],
    ids=str,
)
def test_a_fill_that_is_not_understood_is_not_left_out(changes: dict[str, Any]) -> None:
    with pytest.raises(AskAgain):
        fills([fill(1, now_ms() - 60_000), fill(2, now_ms() - 50_000, **changes)])


def test_what_a_contract_in_another_money_traded_is_asked_for_in_that_money() -> None:
    other = InstrumentId("main", "BTC/USDC:USDC")

    def asked_in(id: InstrumentId) -> list[str | None]:
        async def work(desk: Desk) -> list[str | None]:
            row = fill(7, now_ms() - 1_000, symbol=id.symbol.partition(":")[0].replace("/", "-"))
            desk.fake.answers["GET", FILLS] = ok({"fill_history_orders": [row], "total": 1})
            assert len(await desk.venue.read_fills(id, now_ms() - HOUR_MS)) == 1
            seen = [*desk.fake.requests("GET", FILLS), *desk.fake.requests("GET", f"{SWAP}/v2/trade/forceOrders")]
            return [one.params.get("currency") for one in seen]

        return on_desk(work, id.symbol)

    assert asked_in(other) == ["USDC"] * 3
    assert asked_in(BTC) == [None] * 3


def test_a_list_of_fills_that_is_nothing_is_empty_only_where_the_count_beside_it_says_so() -> None:
    async def work(desk: Desk) -> None:
        since_at = desk.fake.clock_ms() - HOUR_MS
        desk.fake.answers["GET", FILLS] = ok({"fill_history_orders": None, "total": 0})
        assert await desk.venue.read_fills(BTC, since_at) == ()
        for told in ({"fill_history_orders": None}, {"fill_history_orders": None, "total": 3}, {"total": None}, None):
            desk.fake.answers["GET", FILLS] = ok(told)
            with pytest.raises(AskAgain):
                await desk.venue.read_fills(BTC, since_at)

    on_desk(work)


def test_a_time_without_a_zone_or_in_the_future_is_not_believed() -> None:
    async def work(desk: Desk) -> None:
        ahead = fill(1, now_ms() + 2 * HOUR_MS)["filledTime"]
        for told in ("2026-09-21T12:00:00.000", ahead):
            desk.fake.answers["GET", FILLS] = ok({"fill_history_orders": [fill(1, AT, filledTime=told)]})
            with pytest.raises(AskAgain):
                await desk.venue.read_fills(BTC, AT - 1)
        desk.fake.answers["GET", FILLS] = ok({"fill_history_orders": None})
        with pytest.raises(AskAgain):
            await desk.venue.read_fills(BTC, desk.fake.clock_ms() - HOUR_MS)

    on_desk(work)


@proves(Ability.FORCED)
def test_fills_of_the_venues_own_orders_are_named_so() -> None:
    at = now_ms() - 600_000

    async def work(desk: Desk) -> list[FillCause]:
        rows = [fill(1, at, orderId="11"), fill(2, at + 1, orderId="12"), fill(3, at + 2, orderId="13")]
        desk.fake.answers["GET", FILLS] = ok({"fill_orders": rows})

        async def forced(_request: web.Request, seen: Seen) -> web.StreamResponse:
            number = 11 if seen.params["autoCloseType"] == "LIQUIDATION" else 12
            return web.json_response(ok({"orders": [{"orderId": number, "symbol": "BTC-USDT"}]}))

        desk.fake.answers["GET", f"{SWAP}/v2/trade/forceOrders"] = forced
        return [one.cause for one in await desk.venue.read_fills(BTC, at - 1)]

    assert on_desk(work) == [FillCause.LIQUIDATION, FillCause.DELEVERAGING, FillCause.ORDER]


def coin_fill(number: int, at: int, **changes: Any) -> dict[str, Any]:
    row = {
        "orderId": "1817441228670648320", "symbol": "SOL-USD", "type": "LIMIT", "side": "BUY", "positionSide": "BOTH",
        "tradeId": str(number), "volume": "2", "tradePrice": "182.652", "amount": "20.00000000",
        "realizedPnl": "0.00000000", "commission": "-0.00005475", "currency": "SOL", "buyer": True, "maker": True,
        "tradeTime": at,
    }  # fmt: skip
    return row | changes


def coin_order(at: int, number: int = 1817441228670648320, **changes: Any) -> dict[str, Any]:
    """An order of two contracts that filled at a moment."""
    told = {"orderId": str(number), "executedQty": "2", "status": "Filled", "time": at, "updateTime": at}
    return coin_record(**(told | changes))


@proves(Ability.FILLS)
def test_fills_of_a_coin_contract_are_read_order_by_order_in_contracts() -> None:
    at = now_ms() - 60_000

    async def work(desk: Desk) -> list[Fill]:
        ended = coin_order(at, quantity=3_000, executedQty="3000")
        idle = coin_record(orderId="2", status="Cancelled", updateTime=at)
        desk.fake.answers["GET", COIN_ORDERS] = ok({"orders": [ended, idle]})

        async def pages(_request: web.Request, seen: Seen) -> web.StreamResponse:
            assert seen.params["orderId"] == "1817441228670648320"
            rows = [coin_fill(number, at + number) for number in range(1_500)]
            start = (int(seen.params["pageIndex"]) - 1) * 1_000
            return web.json_response(ok(rows[start : start + 1_000]))

        desk.fake.answers["GET", COIN_FILLS] = pages
        return list(await desk.venue.read_fills(COIN, at - 1))

    found = on_desk(work, COIN.symbol)
    assert [int(one.trade_id) for one in found] == list(range(1_500))
    assert (found[0].quantity, found[0].price, found[0].fee) == (Decimal(2), Decimal("182.652"), Decimal("0.00005475"))
    assert (found[0].fee_asset, found[0].maker, found[0].exchange_at) == ("SOL", True, at)


def test_a_page_of_an_orders_fills_that_repeats_is_not_the_whole() -> None:
    at = now_ms() - 60_000

    async def work(desk: Desk) -> None:
        ended = coin_order(at)
        desk.fake.answers["GET", COIN_ORDERS] = ok({"orders": [ended]})
        desk.fake.answers["GET", COIN_FILLS] = ok([coin_fill(number, at) for number in range(1_000)])
        with pytest.raises(AskAgain, match="a page repeats"):
            await desk.venue.read_fills(COIN, at - 1)
        desk.fake.answers["GET", COIN_FILLS] = ok([coin_fill(1, at, orderId="77")])
        with pytest.raises(AskAgain):
            await desk.venue.read_fills(COIN, at - 1)

    on_desk(work, COIN.symbol)


def test_the_fills_of_a_coin_order_are_asked_for_once_unhurried_and_only_where_it_changed_since() -> None:
    at, numbers = now_ms() - 60_000, (11, 12, 13, 14)

    async def scenario() -> tuple[list[str], float, int, list[str]]:
        fast = quick(1.0)
        async with opened([COIN.symbol], stand=STAND, **fast) as desk:
            old = coin_order(at - 10 * 60_000, 9)
            rows = [old, *(coin_order(at, number) for number in numbers)]
            desk.fake.answers["GET", COIN_ORDERS] = ok({"orders": rows})

            async def fills(_request: web.Request, seen: Seen) -> web.StreamResponse:
                number = seen.params["orderId"]
                return web.json_response(ok([coin_fill(int(number), at, orderId=number)]))

            desk.fake.answers["GET", COIN_FILLS] = fills
            begun = time.monotonic()
            await desk.venue.read_fills(COIN, at - 1)
            took = time.monotonic() - begun
            asked = [seen.params["orderId"] for seen in desk.fake.requests("GET", COIN_FILLS)]
            again = len(await desk.venue.read_fills(COIN, at - 1))
            rows[-1] |= {"quantity": 4, "executedQty": "4"}
            with pytest.raises(AskAgain, match="traded more than they tell"):
                await desk.venue.read_fills(COIN, at - 1)
            more = [seen.params["orderId"] for seen in desk.fake.requests("GET", COIN_FILLS)]
            return asked, took, again, more[len(asked) :]

    asked, took, again, more = asyncio.run(scenario())
    assert asked == ["11", "12", "13", "14"]
    assert took >= 4 / 5
    assert again == 4
    assert more == ["14"]


@proves(Ability.FUNDING_PAYMENTS)
def test_every_payment_of_our_contracts_is_told_once_with_its_sign() -> None:
    at = now_ms() - 10 * DAY_MS

    def paid(number: int, **changes: Any) -> dict[str, Any]:
        row = {
            "symbol": "BTC-USDT", "incomeType": "FUNDING_FEE", "income": "-0.0292", "asset": "USDT",
            "info": "Funding Fee", "time": at + number * 60_000, "tranId": f"170{number}", "tradeId": "",
        }  # fmt: skip
        return row | changes

    async def work(desk: Desk) -> Any:
        rows = [*(paid(number) for number in range(1_200)), paid(5, symbol="LDO-USDT", tranId="x")]
        key = lambda row: int(row["time"])  # noqa: E731
        desk.fake.answers["GET", INCOME] = between(rows, key, ("startTime", "endTime"), list)
        found = await desk.venue.read_funding(at)
        assert all(seen.params["incomeType"] == "FUNDING_FEE" for seen in desk.fake.requests("GET", INCOME))
        return found

    found = on_desk(work)
    assert len(found) == 1_200
    assert (found[0].amount, found[0].asset, found[0].exchange_at) == (Decimal("-0.0292"), "USDT", at)


@proves(Ability.FUNDING_PAYMENTS)
def test_a_week_without_payments_of_which_the_venue_tells_nothing_at_all_hides_no_other_week() -> None:
    at = now_ms() - 10 * DAY_MS
    row = {
        "symbol": "BTC-USDT",
        "incomeType": "FUNDING_FEE",
        "income": "1.5",
        "asset": "USDT",
        "time": at,
        "tranId": "1",
    }

    async def work(desk: Desk) -> Any:
        desk.fake.answers["GET", INCOME] = between([row], lambda r: int(r["time"]), NAMES, lambda found: found or None)
        assert await desk.venue.read_funding(at + 1) == ()
        return await desk.venue.read_funding(at)

    (paid,) = on_desk(work)
    assert paid.amount == Decimal("1.5")


@pytest.mark.parametrize("data", [{}, "", 0, {"orders": []}])
def test_payments_in_another_shape_are_not_taken_for_none(data: Any) -> None:
    async def work(desk: Desk) -> None:
        desk.fake.answers["GET", INCOME] = ok(data)
        with pytest.raises(AskAgain):
            await desk.venue.read_funding(desk.fake.clock_ms() - HOUR_MS)

    on_desk(work)


@proves(Ability.FUNDING_PAYMENTS)
def test_an_account_with_a_coin_contract_says_that_its_payments_cannot_be_told() -> None:
    async def work(desk: Desk) -> None:
        with pytest.raises(GiveUp, match="does not tell by API what funding"):
            await desk.venue.read_funding(desk.fake.clock_ms() - HOUR_MS)
        assert desk.fake.seen == []

    on_desk(work, BTC.symbol, COIN.symbol)


@proves(Ability.PRICES, Ability.FUNDING_RATE)
def test_prices_are_the_best_of_each_book_in_whatever_order_it_comes() -> None:
    async def work(desk: Desk) -> Any:
        return await desk.venue.read_prices([BTC, COIN, PAIR])

    linear, coin, pair, mark, coin_mark = on_desk(work, BTC.symbol, COIN.symbol, PAIR.symbol)
    for quote in (linear, coin, pair):
        assert isinstance(quote, Quote)
        assert (quote.bid_quantity, quote.ask_quantity, quote.exchange_at) == (Decimal("1.5"), Decimal("2.5"), AT)
    assert (linear.bid, linear.ask) == (Decimal("60000.1"), Decimal("60000.2"))
    assert (coin.bid, coin.ask) == (Decimal("158.39"), Decimal("158.41"))
    assert (pair.bid, pair.ask) == (Decimal("60001.11"), Decimal("60001.12"))
    assert isinstance(mark, Mark)
    assert (mark.mark_price, mark.index_price) == (Decimal("60100.5"), Decimal("60099.1"))
    assert (mark.funding_rate, mark.funding_interval_ms) == (Decimal("0.00038"), 4 * HOUR_MS)
    assert mark.next_funding_at == AT + HOUR_MS
    assert (coin_mark.mark_price, coin_mark.funding_interval_ms) == (Decimal("158.40"), 8 * HOUR_MS)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (f"{SWAP}/v2/quote/depth", {"T": AT, "bids": [["2", "1"]], "asks": [["1", "1"]]}),
        (f"{SWAP}/v2/quote/depth", {"bids": [["1", "1"]], "asks": [["2", "1"]]}),
        (f"{SWAP}/v2/quote/depth", {"T": AT, "bids": [], "asks": [["1", "1"]]}),
        (f"{SWAP}/v2/quote/depth", {"T": AT // 1000, "bids": [["1", "1"]], "asks": [["2", "1"]]}),
        (f"{SWAP}/v2/quote/depth", {"T": AT, "bids": [["0", "1"]], "asks": [["2", "1"]]}),
        (f"{SWAP}/v2/quote/premiumIndex", {"symbol": "ETH-USDT", "markPrice": "1", "indexPrice": "1"}),
        (f"{SWAP}/v2/quote/premiumIndex", []),
    ],
)
def test_a_book_or_a_mark_that_cannot_be_is_not_believed(path: str, data: Any) -> None:
    async def work(desk: Desk) -> None:
        desk.fake.answers["GET", path] = ok(data)
        with pytest.raises(AskAgain):
            await desk.venue.read_prices([BTC])

    on_desk(work)


def bars(newest_at: int, count: int) -> list[dict[str, Any]]:
    """As recorded: the newest first, and the time of closing is that of opening."""
    times = [newest_at - number * 60_000 for number in range(count)]
    names = ("open", "close", "high", "low")
    prices = dict(zip(names, ("42191.7", "42189.5", "42196.5", "42189.5"), strict=True))
    return [{**prices, "volume": "0.00", "openTime": at, "closeTime": at} for at in times]


@proves(Ability.PAST)
def test_bars_are_of_the_mark_price_closed_and_without_a_gap() -> None:
    async def work(desk: Desk) -> None:
        newest_at = desk.fake.clock_ms() // 60_000 * 60_000
        path = f"{SWAP}/v1/market/markPriceKlines"
        desk.fake.answers["GET", path] = ok(bars(newest_at, 7))
        found = await desk.venue.read_candles(BTC, 60_000, 4)
        assert [one.opened_at for one in found][-1] in (newest_at, newest_at - 60_000, newest_at - 120_000)
        assert len(found) == 4
        assert (found[0].open, found[0].close) == (Decimal("42191.7"), Decimal("42189.5"))
        rows = bars(newest_at, 7)
        del rows[3]
        desk.fake.answers["GET", path] = ok(rows)
        with pytest.raises(AskAgain):
            await desk.venue.read_candles(BTC, 60_000, 4)
        with pytest.raises(GiveUp):
            await desk.venue.read_candles(BTC, 61_000, 4)

    on_desk(work)


@proves(Ability.PAST)
def test_bars_of_a_pair_are_rows_of_columns_and_begin_at_midnight_of_utc() -> None:
    async def work(desk: Desk) -> None:
        newest_at = desk.fake.clock_ms() // HOUR_MS * HOUR_MS
        rows = [[newest_at - n * HOUR_MS, 29093.61, 29093.93, 29087.73, 29093.24, 0.59, 0, 17.07] for n in range(5)]
        desk.fake.answers["GET", f"{SPOT}/market/kline"] = ok(rows)
        found = await desk.venue.read_candles(PAIR, HOUR_MS, 2)
        assert found[0].close == Decimal("29093.24")
        assert desk.fake.seen[0].params["timeZone"] == "0"

    on_desk(work, BTC.symbol, PAIR.symbol)


@proves(Ability.PAST)
def test_past_rates_follow_each_other_and_coin_contracts_have_none() -> None:
    async def work(desk: Desk) -> None:
        last = desk.fake.clock_ms() // (8 * HOUR_MS) * 8 * HOUR_MS
        rows = [
            {"symbol": "BTC-USDT", "fundingRate": "0.0001", "fundingTime": last - n * 8 * HOUR_MS} for n in range(4)
        ]
        path = f"{SWAP}/v2/quote/fundingRate"
        desk.fake.answers["GET", path] = ok(rows)
        found = await desk.venue.read_funding_rates(BTC, 3)
        assert [one.settled_at for one in found] == [last - 16 * HOUR_MS, last - 8 * HOUR_MS, last]
        assert {one.interval_ms for one in found} == {8 * HOUR_MS}
        for broken in (rows[:1] + rows[2:3] + rows[3:], rows[2:], [{**rows[0], "symbol": "ETH-USDT"}, *rows[1:]]):
            desk.fake.answers["GET", path] = ok(broken)
            with pytest.raises(AskAgain):
                await desk.venue.read_funding_rates(BTC, 3)
        with pytest.raises(GiveUp):
            await desk.venue.read_funding_rates(COIN, 3)

    on_desk(work, BTC.symbol, COIN.symbol)

"""What happened on MEXC: every page of fills and funding, prices, and a past that is proven whole."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from hedger.errors import AskAgain, GiveUp
from hedger.model.account import FundingPayment
from hedger.model.market import Candle, FundingRate, Mark, Quote
from hedger.model.order import Fill, FillCause, Side
from hedger.model.spans import HOUR_MS
from hedger.venues.abilities import Ability
from tests.support.stand import OUR_ID, proves
from tests.support.stands.mexc import (
    AT,
    BARS,
    BTC,
    CONTRACT,
    DEALS,
    DEPTH,
    FUNDING,
    RATES,
    RECORDS,
    SPOT,
    SPOT_DEPTH,
    STAND,
    TICKER,
    V3,
    answering,
    deal,
    funding_record,
    ok,
    paged,
    quick,
    ticker,
)
from tests.support.wire_server import Answer, Seen
from tests.support.wire_venue import Desk, WireClock, opened

Answers = Mapping[str, Answer]
MINUTE = 60_000


async def told(desk: Desk, answers: Answers) -> None:
    desk.fake.answers |= {("GET", path): answer for path, answer in answers.items()}


def near(at: int, speed: float = 1.0) -> dict[str, Any]:
    """A venue and a clock at a moment, so that recorded times are of now."""
    return quick(speed=speed, behind_ms=WireClock().now_ms() - at)


def believed(
    odd: Sequence[Any], ask: Callable[[Desk], Awaitable[object]], at: int, path: str | None = None
) -> list[int]:
    """Which of these answers (all to `path`, or each with its own paths) were believed, asked of one account."""

    async def scenario() -> list[int]:
        found = []
        async with opened((BTC.symbol, SPOT.symbol), stand=STAND, **near(at, speed=20.0)) as desk:
            good = dict(desk.fake.answers)
            for number, answers in enumerate(odd):
                own = {path: answers} if path is not None else answers
                desk.fake.answers = good | {("GET", where): answer for where, answer in own.items()}
                try:
                    await ask(desk)
                except AskAgain as problem:
                    if "lane" not in str(problem):  # It was asked, and what came was not believed.
                        continue
                found.append(number)
        return found

    return asyncio.run(scenario())


def fills(rows: Answer, since_at: int = AT) -> tuple[Fill, ...]:
    async def scenario() -> tuple[Fill, ...]:
        async with opened(stand=STAND, **near(AT + HOUR_MS)) as desk:
            await told(desk, {DEALS: rows})
            return await desk.venue.read_fills(BTC, since_at)

    return asyncio.run(scenario())


def pages(rows: list[Any], *, wrapped: bool = True) -> Answer:
    def part(seen: Seen) -> Any:
        start = (int(seen.params["page_num"]) - 1) * int(seen.params["page_size"])
        found = rows[start : start + int(seen.params["page_size"])]
        return paged(found, len(rows)) if wrapped else ok(found)

    return answering(part)


@proves(Ability.FILLS, Ability.FORCED)
def test_a_fill_is_in_coins_with_its_fee_and_its_cause() -> None:
    (fill,) = fills(paged([deal()]))
    assert (fill.side, fill.quantity, fill.price) == (Side.SELL, Decimal("0.0020"), Decimal("60000.1"))
    assert (fill.fee, fill.fee_asset, fill.maker) == (Decimal("0.0120"), "USDT", True), "a positive fee was paid"
    assert (fill.trade_id, fill.exchange_at, fill.cause) == ("299444586", AT + 1, FillCause.ORDER)
    causes = {2: FillCause.LIQUIDATION, 3: FillCause.LIQUIDATION, 4: FillCause.DELEVERAGING, 5: FillCause.SETTLEMENT}
    for category, cause in causes.items():
        assert [one.cause for one in fills(paged([deal(category=category, side=2)]))] == [cause]
    rebate = fills(ok([deal(fee=-0.001, taker=None, isTaker=True, externalOid=OUR_ID)]))[0]
    assert (rebate.fee, rebate.maker, rebate.client_order_id) == (Decimal("-0.001"), False, OUR_ID)


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("count", [0, 1, 100, 101, 350])
def test_every_page_of_fills_is_read_the_newest_first_and_told_the_oldest_first(count: int, wrapped: bool) -> None:
    rows = [deal(number) for number in range(count, 0, -1)]
    found = fills(pages(rows, wrapped=wrapped))
    assert [fill.exchange_at for fill in found] == [AT + number for number in range(1, count + 1)]


ODD_FILLS = (
    paged([deal(number) for number in range(100)]),
    paged([deal()], 7),
    paged([deal(symbol="ETH_USDT")]),
    paged([deal(taker=None)]),
    paged([deal(isTaker=True)]),
    paged([deal(vol="NaN")]),
    paged([deal(vol=0)]),
    paged([deal(timestamp=AT // 1000)]),
    paged([deal(timestamp=AT + 3 * HOUR_MS)]),
    paged([deal(fee=None)]),
    ok(None),
    ok({}),
    {"success": True, "code": 0},
)


def test_a_list_of_fills_that_repeats_is_cut_or_odd_is_never_taken_for_the_whole() -> None:
    async def ask(desk: Desk) -> object:
        return await desk.venue.read_fills(BTC, AT)

    assert believed(ODD_FILLS, ask, AT + HOUR_MS, DEALS) == [], "the numbers of those that were believed"


def test_fills_are_asked_for_by_contract_and_time_and_older_ones_than_are_kept_are_refused() -> None:
    async def scenario() -> dict[str, Any]:
        async with opened(stand=STAND, **near(AT + HOUR_MS)) as desk:
            await desk.venue.read_fills(BTC, AT)
            with pytest.raises(GiveUp, match="older than ninety days"):
                await desk.venue.read_fills(BTC, AT - 100 * 24 * HOUR_MS)
            return desk.fake.requests("GET", DEALS)[0].params

    params = asyncio.run(scenario())
    assert (params["symbol"], params["start_time"], params["page_size"]) == ("BTC_USDT", str(AT - 1), "100")
    assert fills(paged([deal(5), deal(1)]), AT + 3)[0].exchange_at == AT + 5, "none from before"


# --- funding ------------------------------------------------------------------------------------------------------


def payments(rows: Answer) -> tuple[FundingPayment, ...]:
    async def scenario() -> tuple[FundingPayment, ...]:
        async with opened(stand=STAND, **near(AT + 200 * HOUR_MS)) as desk:
            await told(desk, {RECORDS: rows})
            found = await desk.venue.read_funding(AT)
            asked = {seen.params["position_type"] for seen in desk.fake.requests("GET", RECORDS)}
            assert asked == {"1", "2"}
            return found

    return asyncio.run(scenario())


@proves(Ability.FUNDING_PAYMENTS)
def test_a_long_position_at_a_negative_rate_received_what_was_recorded() -> None:
    (payment,) = payments(paged([funding_record()]))
    assert (payment.amount, payment.asset) == (Decimal("0.00076180624"), "USDT")
    assert (payment.payment_id, payment.exchange_at) == ("7423910", AT)


def test_every_page_of_funding_is_read_once_until_it_is_older_than_asked_for() -> None:
    rows = [funding_record(number) for number in range(150, -1, -1)]
    assert len(payments(pages(rows))) == 151, "what both directions tell is counted once"
    older = rows + [funding_record(-number) for number in range(1, 200)]
    assert len(payments(pages(older))) == 151
    with pytest.raises(AskAgain, match="a page repeats"):
        payments(paged(rows[:100], 151))


def test_funding_that_is_told_the_oldest_first_is_read_to_its_end() -> None:
    rows = [funding_record(number) for number in range(-120, 151)]
    assert len(payments(pages(rows))) == 151


# --- prices -------------------------------------------------------------------------------------------------------


def prices(answers: Answers, at: int = AT) -> tuple[Quote | Mark, ...]:
    async def scenario() -> tuple[Quote | Mark, ...]:
        async with opened((BTC.symbol, SPOT.symbol), stand=STAND, **near(at)) as desk:
            await told(desk, answers)
            return await desk.venue.read_prices([BTC, SPOT])

    return asyncio.run(scenario())


@proves(Ability.PRICES, Ability.FUNDING_RATE)
def test_prices_have_both_books_in_coins_and_a_mark_with_its_funding() -> None:
    quote, spot, mark = prices({})
    assert isinstance(quote, Quote)
    assert (quote.bid, quote.bid_quantity, quote.ask, quote.ask_quantity) == (
        Decimal("60100.1"), Decimal("0.15"), Decimal("60100.2"), Decimal("0.324"),
    )  # fmt: skip
    assert isinstance(spot, Quote)
    assert (spot.bid, spot.bid_quantity) == (Decimal("60099.50"), Decimal("0.387864"))
    assert isinstance(mark, Mark)
    assert (mark.mark_price, mark.index_price, mark.exchange_at) == (Decimal("60100.3"), Decimal("60099.1"), AT)
    assert (mark.funding_rate, mark.funding_interval_ms) == (Decimal("0.000018"), 4 * HOUR_MS)
    assert mark.next_funding_at == AT + 4 * HOUR_MS


def test_funding_is_asked_for_once_a_minute_and_anew_when_it_was_settled() -> None:
    async def scenario(passes_ms: int) -> int:
        venue = near(AT + 4 * HOUR_MS - 30_000)
        async with opened(stand=STAND, **venue) as desk:
            await desk.venue.read_prices([BTC])
            venue["clock"].stand_still(-passes_ms)
            await desk.venue.read_prices([BTC])
            return len(desk.fake.requests("GET", FUNDING))

    assert [asyncio.run(scenario(passes)) for passes in (20_000, 40_000)] == [1, 2]


ODD_PRICES: tuple[Answers, ...] = (
    # Those of funding first: what was told well is kept for a minute.
    {FUNDING: ok({"symbol": "BTC_USDT", "fundingRate": 0, "collectCycle": 0, "nextSettleTime": AT})},
    {FUNDING: ok({"symbol": "ETH_USDT", "fundingRate": 0, "collectCycle": 8, "nextSettleTime": AT})},
    {DEPTH: ok({"bids": [], "asks": [[2, 1, 1]], "timestamp": AT})},
    {DEPTH: ok({"bids": [[2, 1, 1]], "asks": [[1, 1, 1]], "timestamp": AT})},
    {DEPTH: ok({"bids": [[1]], "asks": [[2, 1, 1]], "timestamp": AT})},
    {DEPTH: ok({"bids": [["NaN", 1, 1]], "asks": [[2, 1, 1]], "timestamp": AT})},
    {DEPTH: ok({"bids": [[1, 0, 0]], "asks": [[2, 1, 1]], "timestamp": AT})},
    {DEPTH: ok({"bids": [[1, 1, 1]], "asks": [[2, 1, 1]], "timestamp": AT // 1000})},
    {SPOT_DEPTH: {"bids": [], "asks": []}},
    {TICKER: ok(ticker("ETH_USDT"))},
    {TICKER: ok(ticker(fairPrice="NaN"))},
    {TICKER: ok(ticker(indexPrice=0))},
)


def test_an_odd_or_empty_price_is_no_price() -> None:
    async def ask(desk: Desk) -> object:
        return await desk.venue.read_prices([BTC, SPOT])

    assert believed(ODD_PRICES, ask, AT) == [], "the numbers of those that were believed"


# --- the past -----------------------------------------------------------------------------------------------------


def bars(count: int, *, last_at: int, **changes: Any) -> Any:
    times = [(last_at - MINUTE * (count - 1 - number)) // 1000 for number in range(count)]
    columns = {"open": 100.5, "close": 101, "high": 102.5, "low": 99}
    return ok({"time": times} | {name: [value] * count for name, value in (columns | changes).items()})


def candles(answer: Answer, count: int = 3) -> tuple[Candle, ...]:
    async def scenario() -> tuple[Candle, ...]:
        async with opened(stand=STAND, **near(AT)) as desk:
            await told(desk, {BARS: answer})
            return await desk.venue.read_candles(BTC, MINUTE, count)

    return asyncio.run(scenario())


OPENS = AT // MINUTE * MINUTE  # the bar that still runs


@proves(Ability.PAST)
def test_bars_are_of_the_index_and_only_those_that_have_closed() -> None:
    found = candles(bars(5, last_at=OPENS))
    assert [bar.opened_at for bar in found] == [OPENS - 3 * MINUTE, OPENS - 2 * MINUTE, OPENS - MINUTE]
    assert (found[0].open, found[0].high, found[0].low, found[0].close) == (
        Decimal("100.5"), Decimal("102.5"), Decimal(99), Decimal(101),
    )  # fmt: skip


ODD_BARS = (
    bars(2, last_at=OPENS),
    bars(5, last_at=OPENS - 2 * MINUTE),
    bars(5, last_at=OPENS, high=100),
    bars(5, last_at=OPENS, low=0),
    ok({"time": [OPENS // 1000], "open": [1], "high": [1], "low": [1], "close": []}),
    ok([]),
)


def test_bars_that_miss_one_or_cannot_be_are_not_believed() -> None:
    async def ask(desk: Desk) -> object:
        return await desk.venue.read_candles(BTC, MINUTE, 3)

    assert believed(ODD_BARS, ask, AT, BARS) == [], "the numbers of those that were believed"


def test_bars_of_a_spot_pair_are_of_its_trades_and_eight_hours_it_has_none() -> None:
    async def scenario() -> tuple[Candle, ...]:
        async with opened((BTC.symbol, SPOT.symbol), stand=STAND, **near(AT)) as desk:
            rows = [[OPENS - n * MINUTE, "1", "3", "0.5", "2", "7", OPENS, "9"] for n in range(4, -1, -1)]
            await told(desk, {f"{V3}/klines": answering(lambda _: rows)})
            with pytest.raises(GiveUp):
                await desk.venue.read_candles(SPOT, 8 * HOUR_MS, 3)
            with pytest.raises(GiveUp):
                await desk.venue.read_candles(BTC, 7 * MINUTE, 3)
            return await desk.venue.read_candles(SPOT, MINUTE, 3)

    assert [bar.close for bar in asyncio.run(scenario())] == [Decimal(2)] * 3


def rates(answer: Answer, count: int, at: int = AT) -> tuple[FundingRate, ...]:
    async def scenario() -> tuple[FundingRate, ...]:
        async with opened(stand=STAND, **near(at)) as desk:
            await told(desk, {RATES: answer})
            return await desk.venue.read_funding_rates(BTC, count)

    return asyncio.run(scenario())


SETTLED = AT // (8 * HOUR_MS) * 8 * HOUR_MS


def settled(count: int, **changes: Any) -> list[dict[str, Any]]:
    row = {"symbol": "BTC_USDT", "fundingRate": 0.000266}
    return [row | {"settleTime": SETTLED - n * 8 * HOUR_MS} | changes for n in range(count)]


def test_past_rates_are_read_page_by_page_each_for_the_time_since_the_one_before() -> None:
    found = rates(pages(settled(300)), 150)
    assert len(found) == 150
    assert found[-1] == FundingRate(rate=Decimal("0.000266"), interval_ms=8 * HOUR_MS, settled_at=SETTLED)
    assert len(rates(pages(settled(30)), 150)) == 29, "a young contract has fewer"


ODD_RATES = (
    paged(settled(1)),
    paged(settled(3)[1:]),
    paged([settled(3)[0], settled(4)[3]]),
    paged(settled(3, symbol="ETH_USDT")),
    paged(settled(3, fundingRate=1.5)),
    paged(settled(100), 300),
    ok([]),
)


def test_past_rates_that_miss_one_or_cannot_be_are_not_believed() -> None:
    async def ask(desk: Desk) -> object:
        return await desk.venue.read_funding_rates(BTC, 150)

    assert believed(ODD_RATES, ask, SETTLED + 8 * HOUR_MS + 20 * MINUTE, RATES) == [], (
        "the numbers of those that were believed"
    )


def test_the_paths_of_the_past_are_those_of_the_contract() -> None:
    assert BARS.startswith(CONTRACT)
    assert BARS.endswith("index_price/BTC_USDT")

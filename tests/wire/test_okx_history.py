"""What happened on OKX: prices, fills and funding paged to their end, and the past of indexes and rates."""

import asyncio
import time
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from hedger.errors import AskAgain, GiveUp
from hedger.model.market import Candle, FundingRate, Mark, Quote
from hedger.model.order import FillCause, Side
from hedger.model.spans import DAY_MS, HOUR_MS
from hedger.venues.abilities import Ability
from tests.support.stand import proves
from tests.support.stands.okx import (
    API,
    AT,
    BILLS,
    BTC,
    FILLS,
    INVERSE,
    OLD_BILLS,
    OLD_FILLS,
    SPOT,
    STAND,
    answering,
    bill,
    fill,
    funding,
    hurried,
    refused,
    told,
)
from tests.support.wire_server import Answer, Seen
from tests.support.wire_venue import Desk, WireClock, opened

TICKER, MARK, INDEX, FUNDING = (
    f"{API}/market/ticker",
    f"{API}/public/mark-price",
    f"{API}/market/index-tickers",
    f"{API}/public/funding-rate",
)
RATES, BARS, OLD_BARS = (
    f"{API}/public/funding-rate-history",
    f"{API}/market/index-candles",
    f"{API}/market/history-index-candles",
)


def now() -> int:
    return int(time.time() * 1000)


def paged(rows: list[dict[str, Any]]) -> Answer:
    """Rows as the venue pages them: newest first, each page older than a bill."""

    def page(seen: Seen) -> Any:
        after, begin = int(seen.params.get("after", 10**18)), int(seen.params["begin"])
        left = [row for row in rows if int(row["billId"]) < after and int(row["ts"]) >= begin]
        return told(*sorted(left, key=lambda row: -int(row["billId"]))[: int(seen.params["limit"])])

    return answering(page)


@proves(Ability.FILLS)
def test_every_fill_is_read_to_the_end_of_its_pages_in_our_units_and_our_sign_of_fees() -> None:
    async def scenario() -> None:
        async with opened([BTC.symbol, INVERSE.symbol], stand=STAND) as desk:
            desk.fake.answers["GET", OLD_FILLS] = paged([fill(number) for number in range(1, 231)])
            fills = await desk.venue.read_fills(BTC, AT + 5)
            asked = desk.fake.requests("GET", OLD_FILLS)
            assert [seen.params.get("after") for seen in asked] == [None, "131", "31"]
            assert [seen.params["begin"] for seen in asked] == [str(AT + 4)] * 3
            assert asked[0].params["instId"] == "BTC-USDT-SWAP"
            assert [one.trade_id for one in fills] == [str(1_000 + number) for number in range(5, 231)]
            first = fills[0]
            assert (first.quantity, first.price, first.side) == (Decimal("0.02"), Decimal("60000.1"), Side.SELL)
            assert (first.fee, first.fee_asset, first.maker) == (Decimal("0.024"), "USDT", True), "a fee that we paid"
            rebate = fill(1, instId="BTC-USD-SWAP", fee="0.00000012", feeCcy="BTC", execType="T", fillSz="3")
            desk.fake.answers["GET", OLD_FILLS] = told(rebate)
            (inverse,) = await desk.venue.read_fills(INVERSE, AT)
            assert (inverse.quantity, inverse.fee, inverse.maker) == (Decimal(3), Decimal("-0.00000012"), False)

    asyncio.run(scenario())


def test_the_last_days_are_read_from_the_quick_list_and_older_ones_from_the_long_one() -> None:
    async def scenario() -> list[str]:
        async with opened(stand=STAND) as desk:
            desk.fake.answers["GET", FILLS] = told()
            for days in (1, 3):
                await desk.venue.read_fills(BTC, now() - days * DAY_MS)
            desk.fake.answers["GET", BILLS] = told()
            for days in (5, 7):
                await desk.venue.read_funding(now() - days * DAY_MS)
            return [seen.path for seen in desk.fake.seen]

    assert asyncio.run(scenario()) == [FILLS, OLD_FILLS, BILLS, OLD_BILLS]


@proves(Ability.FORCED)
def test_liquidation_deleveraging_and_delivery_are_told_by_the_kind_of_an_execution() -> None:
    kinds = {
        "1": FillCause.ORDER, "102": FillCause.LIQUIDATION, "107": FillCause.LIQUIDATION, "127": FillCause.DELEVERAGING,
        "113": FillCause.SETTLEMENT, "204": FillCause.ORDER, "": FillCause.LIQUIDATION,
    }  # fmt: skip

    async def scenario() -> list[FillCause]:
        async with opened(stand=STAND) as desk:
            rows = [fill(number, subType=kind) for number, kind in enumerate(kinds, 1)]
            rows[-1] |= {"tradeId": "-17"}  # below zero is a forced one, whatever its kind
            rows[-3] |= {"tradeId": "", "ordId": ""}
            for row in (rows[1], rows[3], rows[-3], rows[-1]):
                row["execType"] = ""  # nobody made or took what the venue does by itself
            desk.fake.answers["GET", OLD_FILLS] = told(*rows)
            fills = await desk.venue.read_fills(BTC, AT)
            assert fills[-3].trade_id == "5", "the bill stands for a trade without a number"
            return [one.cause for one in fills]

    assert asyncio.run(scenario()) == list(kinds.values())


@pytest.mark.parametrize(
    "odd",
    [
        {"fillSz": "0"}, {"fillSz": "NaN"}, {"fillPx": ""}, {"fee": "x"}, {"feeCcy": ""}, {"billId": ""},
        {"instId": "ETH-USDT-SWAP"}, {"ts": "1790000000"}, {"side": ""}, {"tradeId": ""}, {"execType": ""},
    ],
)  # fmt: skip
def test_a_fill_that_is_not_understood_is_no_list(odd: dict[str, str]) -> None:
    async def scenario() -> None:
        async with hurried() as desk:
            desk.fake.answers["GET", OLD_FILLS] = told(fill(1), fill(2, **odd))
            with pytest.raises(AskAgain):
                await desk.venue.read_fills(BTC, AT)

    asyncio.run(scenario())


def test_pages_of_what_is_limited_by_itself_are_asked_for_slowly() -> None:
    """Bills five times in two seconds and old fills ten times: a burst of pages would be answered with quiet."""

    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            desk.fake.answers["GET", OLD_BILLS] = paged([bill(number) for number in range(1, 202)])
            desk.fake.answers["GET", OLD_FILLS] = paged([fill(number) for number in range(1, 202)])
            for least_s, read in ((0.9, desk.venue.read_funding(AT)), (0.5, desk.venue.read_fills(BTC, AT))):
                begun = time.monotonic()
                assert len(await read) == 201
                assert time.monotonic() - begun >= least_s

    asyncio.run(scenario())


def test_a_page_of_fills_that_repeats_is_never_the_whole() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            desk.fake.answers["GET", OLD_FILLS] = told(*[fill(number) for number in range(1, 101)])
            with pytest.raises(AskAgain, match="comes twice"):
                await desk.venue.read_fills(BTC, AT)

    asyncio.run(scenario())


@proves(Ability.FUNDING_PAYMENTS)
def test_funding_payments_are_paged_and_keep_the_sign_of_their_kind() -> None:
    """The inverse one was recorded: income of 0.000014875271224 ETH."""

    async def scenario() -> None:
        async with hurried([BTC.symbol, INVERSE.symbol]) as desk:
            rows = [bill(number) for number in range(1, 151)]
            rows[0] = bill(
                1, instId="BTC-USD-SWAP", ccy="BTC", subType="174", pnl="0.000014875271224", balChg="0.0000148752712240"
            )
            rows[1] |= {"instId": "DOGE-USDT-SWAP"}
            rows[2] |= {"pnl": "0", "balChg": "0", "posBalChg": "-0.5"}
            desk.fake.answers["GET", OLD_BILLS] = paged(rows)
            payments = await desk.venue.read_funding(AT)
            assert len(payments) == 149
            assert (payments[0].id, payments[0].amount, payments[0].asset) == (
                INVERSE,
                Decimal("0.000014875271224"),
                "BTC",
            )
            assert (payments[1].amount, payments[2].amount) == (Decimal("-0.5"), Decimal("-0.375"))
            assert {seen.params["type"] for seen in desk.fake.seen} == {"8"}
            for odd in ({"subType": "174"}, {"pnl": "0.375"}, {"type": "2"}, {"pnl": "NaN"}):
                desk.fake.answers["GET", OLD_BILLS] = told(bill(1, **odd))
                with pytest.raises(AskAgain):
                    await desk.venue.read_funding(AT)

    asyncio.run(scenario())


@proves(Ability.PRICES, Ability.FUNDING_RATE)
def test_best_prices_are_in_our_units_and_marks_have_their_index_and_funding() -> None:
    async def scenario() -> None:
        async with opened([BTC.symbol, SPOT.symbol, "BTC/USDT:USDT-271231"], stand=STAND) as desk:
            dated = BTC._replace(symbol="BTC/USDT:USDT-271231")
            quote, spot, mark = await desk.venue.read_prices([BTC, SPOT])
            _, future = await desk.venue.read_prices([dated])
            assert isinstance(quote, Quote)
            assert isinstance(spot, Quote)
            assert (quote.bid_quantity, quote.ask_quantity) == (Decimal("1.5"), Decimal(2)), "150 contracts of 0.01"
            assert (spot.bid_quantity, spot.exchange_at) == (Decimal(150), AT)
            assert isinstance(mark, Mark)
            assert isinstance(future, Mark)
            assert (mark.mark_price, mark.index_price) == (Decimal("60100.5"), Decimal("60099.1"))
            assert (mark.funding_rate, mark.funding_interval_ms) == (Decimal("0.00038246"), 8 * HOUR_MS)
            assert mark.next_funding_at == AT + HOUR_MS
            assert (future.funding_rate, future.next_funding_at) == (Decimal(0), 0)

    asyncio.run(scenario())


def test_funding_every_hour_is_told_by_the_times_of_two_settlements() -> None:
    async def scenario() -> None:
        async with hurried() as desk:
            row = funding(Seen("GET", "", "", {"instId": "BTC-USDT-SWAP"}, "", {}))["data"][0]
            passed = {"fundingTime": str(AT - 1), "nextFundingTime": str(AT - 1 + HOUR_MS)}
            desk.fake.answers["GET", FUNDING] = told(row | passed)
            _, mark = await desk.venue.read_prices([BTC])
            assert isinstance(mark, Mark)
            assert (mark.funding_interval_ms, mark.next_funding_at) == (HOUR_MS, AT - 1 + HOUR_MS)
            odd = [{"nextFundingTime": ""}, {"nextFundingTime": str(AT)}, {"fundingRate": "1.5"}, {"fundingRate": ""}]
            for change in odd:
                desk.fake.answers["GET", FUNDING] = told(row | change)
                with pytest.raises(AskAgain):
                    await desk.venue.read_prices([BTC])

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("path", "odd"),
    [
        (TICKER, {"bidPx": "60000.3"}), (TICKER, {"bidPx": ""}), (TICKER, {"instId": "ETH-USDT-SWAP"}),
        (TICKER, {"askSz": "-1"}), (MARK, {"markPx": "0"}), (MARK, {"instId": "ETH-USDT-SWAP"}),
        (INDEX, {"idxPx": "NaN"}), (INDEX, {"instId": "BTC-USD"}), (TICKER, {"ts": "1790000000"}),
    ],
)  # fmt: skip
def test_a_price_that_cannot_be_is_asked_for_again(path: str, odd: dict[str, str]) -> None:
    async def scenario() -> None:
        async with hurried() as desk:
            good: dict[str, dict[str, str]] = {
                TICKER: {"bidPx": "60000.1", "bidSz": "1", "askPx": "60000.2", "askSz": "1"},
                MARK: {"markPx": "60100.5"},
                INDEX: {"idxPx": "60099.1"},
            }
            name = "BTC-USDT" if path == INDEX else "BTC-USDT-SWAP"
            desk.fake.answers["GET", path] = told(good[path] | {"instId": name, "ts": str(AT)} | odd)
            with pytest.raises(AskAgain):
                await desk.venue.read_prices([BTC])

    asyncio.run(scenario())


def candles(step: int, closed_only: bool = False) -> Answer:
    """Bars before `after`, newest first, as many as asked for."""

    def bars(seen: Seen) -> Any:
        after = min(int(seen.params["after"]), now() // step * step + (0 if closed_only else step))
        times = [after - step * (number + 1) for number in range(int(seen.params["limit"]))]
        return told(*[[str(at), "100", "110", "90", str(100 + at // step % 7), "1"] for at in times])

    return answering(bars)


@proves(Ability.PAST)
def test_closed_bars_of_the_index_are_read_in_pages_and_proven_whole() -> None:
    async def scenario() -> tuple[Candle, ...]:
        async with opened(stand=STAND) as desk:
            for path in (BARS, OLD_BARS):
                desk.fake.answers["GET", path] = candles(HOUR_MS)
            found = await desk.venue.read_candles(BTC, HOUR_MS, 250)
            assert [seen.path for seen in desk.fake.seen] == [BARS, OLD_BARS, OLD_BARS]
            assert {(seen.params["instId"], seen.params["bar"]) for seen in desk.fake.seen} == {("BTC-USDT", "1H")}
            with pytest.raises(GiveUp):
                await desk.venue.read_candles(BTC, 8 * HOUR_MS, 10)
            for hours, bar in ((6, "6Hutc"), (12, "12Hutc"), (24, "1Dutc")):
                desk.fake.answers["GET", BARS] = candles(hours * HOUR_MS)
                await desk.venue.read_candles(BTC, hours * HOUR_MS, 5)
                assert desk.fake.seen[-1].params["bar"] == bar, "not of midnight in Hong Kong"
            desk.fake.answers["GET", BARS] = candles(2 * HOUR_MS)
            with pytest.raises(AskAgain, match="missing"):
                await desk.venue.read_candles(BTC, HOUR_MS, 10)
            return found

    found = asyncio.run(scenario())
    assert len(found) == 250
    assert {after.opened_at - before.opened_at for before, after in pairwise(found)} == {HOUR_MS}
    assert 0 <= now() - found[-1].opened_at - HOUR_MS < HOUR_MS + 60_000, "the newest that is closed"


class Remembering(WireClock):
    """A clock that remembers how long it was asked to wait, and does not."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        await super().sleep(0)


def test_pages_of_old_bars_are_asked_for_no_faster_than_the_venue_allows() -> None:
    """Ten times in two seconds, for an address: the usual month of hours is eight pages for each coin."""

    async def scenario() -> list[float]:
        clock = Remembering()
        async with opened(stand=STAND, clock=clock) as desk:
            for path in (BARS, OLD_BARS):
                desk.fake.answers["GET", path] = candles(HOUR_MS)
            clock.waited.clear()
            await desk.venue.read_candles(BTC, HOUR_MS, 720)
            assert len(desk.fake.requests("GET", OLD_BARS)) == 7
            return clock.waited

    waited = asyncio.run(scenario())
    assert len(waited) == 7
    assert min(waited) >= 0.4, "two accounts may read at once"


def rates(count: int, newest: int, step: int = 8 * HOUR_MS, **changes: str) -> dict[str, Any]:
    row = {"fundingRate": "0.9", "instId": "BTC-USDT-SWAP", "instType": "SWAP", "realizedRate": "0.0001"} | changes
    return told(*[row | {"fundingTime": str(newest - number * step)} for number in range(count)])


def test_past_rates_are_those_that_were_paid_and_none_is_missing() -> None:
    async def scenario() -> tuple[FundingRate, ...]:
        async with hurried() as desk:
            newest = now() // (8 * HOUR_MS) * 8 * HOUR_MS
            desk.fake.answers["GET", RATES] = rates(4, newest)
            found = await desk.venue.read_funding_rates(BTC, 3)
            assert desk.fake.seen[-1].params == {"instId": "BTC-USDT-SWAP", "limit": "4"}
            wrong = [
                rates(4, newest - 3 * DAY_MS),
                rates(4, newest, 3 * HOUR_MS),
                rates(4, newest + 20 * 60_000),
                rates(4, newest, instId="ETH-USDT-SWAP"),
                rates(4, newest, realizedRate="1.5"),
                rates(1, newest),
                told(),
            ]
            for answer in wrong:
                desk.fake.answers["GET", RATES] = answer
                with pytest.raises(AskAgain):
                    await desk.venue.read_funding_rates(BTC, 3)
            return found

    found = asyncio.run(scenario())
    assert [(rate.rate, rate.interval_ms) for rate in found] == [(Decimal("0.0001"), 8 * HOUR_MS)] * 3
    assert found[0].settled_at < found[-1].settled_at


@proves(Ability.LIMITS)
def test_a_venue_that_asks_for_fewer_requests_under_200_is_left_alone() -> None:
    async def scenario(desk: Desk) -> None:
        desk.fake.answers["GET", TICKER] = refused("50011", "Rate limit reached.")
        with pytest.raises(AskAgain):
            await desk.venue.read_prices([BTC])
        assert desk.watcher.closed, "told once"
        sent = len(desk.fake.seen)
        with pytest.raises(AskAgain, match="quiet"):
            await desk.venue.read_account()
        assert len(desk.fake.seen) == sent

    async def run() -> None:
        async with opened(stand=STAND) as desk:
            await scenario(desk)

    asyncio.run(run())

"""The past on the wire: bars and funding rates in one request each, and no list that has a hole is ever believed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.formulas.volatility import Bars, VolatilityRule, bars_of, measure
from hedger.errors import AskAgain, GiveUp
from hedger.model.instrument import InstrumentId
from hedger.model.market import Candle, FundingRate
from hedger.model.spans import HOUR_MS
from hedger.sim.dialects.mishaps import Mishap
from hedger.sim.past import Origin
from hedger.venues.abilities import Ability
from tests.support.dialect_bench import START, at_the_wire
from tests.support.dialect_bench import Bench as DialectBench
from tests.support.stand import proves
from tests.support.wire_server import Answer, FakeVenue, cut_answer, plain_answer, reset_answer
from tests.support.wire_venue import BTC, SPOT, Desk, WireClock, opened
from tests.wire.test_dialect_venue import opened as dialect

EIGHT_HOURS_MS = 8 * HOUR_MS
BARS, RATES = "/fapi/v1/indexPriceKlines", "/fapi/v1/fundingRate"
ORIGIN = Origin(seed=1, volatility={"BTC": 0.6, "ETH": 0.8})
Rows = list[Any]
# In the middle of an hour, whenever the tests are run.
CLOCK = WireClock(behind_ms=WireClock().now_ms() % HOUR_MS - HOUR_MS // 2)


# --- against the simulated exchange -----------------------------------------------------------------------------------


def test_a_month_of_bars_is_read_in_one_request_and_has_the_volatility_of_the_market() -> None:
    async def run() -> tuple[tuple[Candle, ...], int]:
        async with dialect() as (bench, venue):
            bench.exchange.past.origin = ORIGIN
            before = bench.server.requests
            return await venue.read_candles(BTC, HOUR_MS, 720), bench.server.requests - before

    candles, requests = asyncio.run(run())
    assert requests == 1
    assert len(candles) == 720
    assert candles[-1].opened_at + HOUR_MS <= START < candles[-1].opened_at + 2 * HOUR_MS
    bars = bars_of(candles, HOUR_MS)
    assert isinstance(bars, Bars)
    found = measure(bars, VolatilityRule(), at=0, fresh_until=0, implied=None)
    assert found.realized == pytest.approx(0.6, rel=0.1)


def test_a_month_of_funding_is_read_in_one_request_with_its_intervals() -> None:
    async def run() -> tuple[tuple[FundingRate, ...], int]:
        async with dialect() as (bench, venue):
            bench.exchange.past.origin = ORIGIN
            before = bench.server.requests
            return await venue.read_funding_rates(BTC, 100), bench.server.requests - before

    rates, requests = asyncio.run(run())
    assert (requests, len(rates)) == (1, 100)
    assert {rate.interval_ms for rate in rates} == {EIGHT_HOURS_MS}
    assert rates[-1].settled_at <= START < rates[-1].settled_at + EIGHT_HOURS_MS


def test_what_the_exchange_lives_through_is_in_its_bars_and_rates() -> None:
    """An hour with one leap in it, and the settlement of that hour."""

    async def run() -> tuple[Candle, FundingRate]:
        async with dialect() as (bench, venue):
            exchange = bench.exchange
            exchange.past.origin = ORIGIN
            exchange.set_index("BTC", D(60_000))
            hour_at = (START // EIGHT_HOURS_MS + 1) * EIGHT_HOURS_MS - HOUR_MS
            exchange.advance(hour_at + 1_000)
            exchange.set_index("BTC", D(61_000))
            exchange.advance(hour_at + 60_000)
            exchange.set_index("BTC", D(59_500))
            exchange.set_funding_rate("BTCUSDT", D("0.0007"))
            exchange.advance(hour_at + HOUR_MS + 5_000)
            return (await venue.read_candles(BTC, HOUR_MS, 24))[-1], (await venue.read_funding_rates(BTC, 3))[-1]

    bar, rate = asyncio.run(run())
    assert (bar.open, bar.high, bar.low, bar.close) == (D(60_000), D(61_000), D(59_500), D(59_500))
    assert (rate.rate, rate.interval_ms, rate.settled_at) == (D("0.0007"), EIGHT_HOURS_MS, bar.opened_at + HOUR_MS)


def test_a_bar_counts_as_closed_only_once_it_has_been_over_for_two_seconds() -> None:
    """Its last price may still be computed; and until then the one before it is the newest."""

    async def run() -> list[int]:
        async with dialect() as (bench, venue):
            bench.exchange.past.origin = ORIGIN
            closes_at, newest = (START // HOUR_MS + 1) * HOUR_MS, []
            for at in (closes_at - 1_000, closes_at + 1_000, closes_at + 3_000):
                bench.exchange.advance(at)
                newest.append((await venue.read_candles(BTC, HOUR_MS, 5))[-1].opened_at + HOUR_MS - closes_at)
            return newest

    assert asyncio.run(run()) == [-HOUR_MS, -HOUR_MS, 0]


def test_an_exchange_without_a_past_has_too_few_bars_and_says_so() -> None:
    async def run() -> None:
        async with dialect() as (_, venue):
            with pytest.raises(AskAgain, match="a bar is missing"):
                await venue.read_candles(BTC, HOUR_MS, 24)
            with pytest.raises(AskAgain, match="settlements are missing"):
                await venue.read_funding_rates(BTC, 3)

    asyncio.run(run())


def test_a_lost_answer_is_asked_for_again_and_then_whole() -> None:
    async def run() -> int:
        async with dialect() as (bench, venue):
            bench.exchange.past.origin = ORIGIN
            bench.server.mishaps.plan("GET", BARS, Mishap.LOSE_ANSWER)
            bench.server.mishaps.plan("GET", RATES, Mishap.BAD_GATEWAY)
            assert len(await venue.read_funding_rates(BTC, 9)) == 9
            return len(await venue.read_candles(BTC, HOUR_MS, 48))

    assert asyncio.run(run()) == 48


async def a_page_is_as_long_as_documented(bench: DialectBench) -> None:
    client, bench.exchange.past.origin = await bench.client(), ORIGIN
    told = {"pair": "BTCUSDT", "interval": "1h"}
    assert len(await client.fapipublic_get_indexpriceklines(told)) == 500
    assert len(await client.fapipublic_get_indexpriceklines({**told, "limit": 2_000})) == 1_500
    assert len((await client.fapipublic_get_indexpriceklines({**told, "limit": 2}))[0]) == 12
    assert len(await client.public_get_klines({"symbol": "BTCUSDT", "interval": "1h", "limit": 2_000})) == 1_000
    assert len(await client.fapipublic_get_fundingrate({"symbol": "BTCUSDT"})) == 100
    ended = {"symbol": "BTCUSDT", "endTime": START - 24 * HOUR_MS, "limit": 1}
    assert (
        START - 33 * HOUR_MS < (await client.fapipublic_get_fundingrate(ended))[0]["fundingTime"] < START - 24 * HOUR_MS
    )
    candles = await client.fetch_ohlcv("BTC/USDT:USDT", "1h", limit=5, params={"price": "index"})
    assert len(candles) == 5


def test_the_exchange_pages_the_past_as_binance_does() -> None:
    at_the_wire(a_page_is_as_long_as_documented)


# --- against canned answers -------------------------------------------------------------------------------------------


def klines(now: int, count: int = 12) -> Rows:
    """As Binance answers at `now`: closed bars, and at the end the one that still runs."""
    running_at = now // HOUR_MS * HOUR_MS
    return [kline(running_at - (count - 1 - place) * HOUR_MS) for place in range(count)]


def kline(at: int) -> list[Any]:
    prices = ["60000.10000001", "60100.5", "59900.5", "60050.0"]
    return [at, *prices, "0", at + HOUR_MS - 1, "0", 3600, "0", "0", "0"]


def settled(now: int, count: int = 6, every_ms: int = EIGHT_HOURS_MS) -> Rows:
    """Settlements as Binance tells them, a few milliseconds late."""
    newest_at = now // every_ms * every_ms
    return [
        {
            "symbol": "BTCUSDT",
            "fundingTime": newest_at - (count - 1 - place) * every_ms + place % 7,
            "fundingRate": f"0.0000{place + 1}000",
            "markPrice": "60000.1",
        }
        for place in range(count)
    ]


def ask(path: str, answer: Answer, read: Callable[[Desk], Any]) -> tuple[Any, list[dict[str, str]]]:
    """What a reading comes to, and the parameters of the requests that it took."""

    async def scenario() -> tuple[Any, list[dict[str, str]]]:
        fake = FakeVenue(clock_ms=CLOCK.now_ms)
        async with opened([BTC.symbol, SPOT.symbol], clock=CLOCK, fake=fake) as desk:
            desk.fake.answers["GET", path] = answer
            found = await read(desk)
            return found, [seen.params for seen in desk.fake.requests("GET", path)]

    return asyncio.run(scenario())


@proves(Ability.PAST)
def test_closed_bars_are_read_in_exact_numbers_and_the_running_one_is_left_out() -> None:
    now = CLOCK.now_ms()
    candles, asked = ask(BARS, klines(now), lambda desk: desk.venue.read_candles(BTC, HOUR_MS, 10))
    assert asked == [{"pair": "BTCUSDT", "interval": "1h", "limit": "12"}]
    assert len(candles) == 10
    assert candles[-1].opened_at + HOUR_MS <= now
    assert candles[0].open == D("60000.10000001")


def test_a_spot_pair_has_the_bars_of_its_own_trades() -> None:
    now = CLOCK.now_ms()
    candles, asked = ask("/api/v3/klines", klines(now), lambda desk: desk.venue.read_candles(SPOT, HOUR_MS, 10))
    assert asked == [{"symbol": "BTCUSDT", "interval": "1h", "limit": "12"}]
    assert len(candles) == 10


def without(place: int) -> Callable[[Rows], Rows]:
    return lambda rows: [row for index, row in enumerate(rows) if index != place]


def changed(place: int, column: Any, value: Any) -> Callable[[Rows], Rows]:
    def change(rows: Rows) -> Rows:
        rows[place][column] = value
        return rows

    return change


BAD_BARS: dict[str, Callable[[Rows], Rows]] = {
    "none": lambda rows: [],
    "a bar is missing": without(4),
    "the oldest is missing": lambda rows: rows[2:],
    "the newest closed one is missing": without(10),
    "the list is hours old": lambda rows: [
        [row[0] - 2 * HOUR_MS, *row[1:6], row[6] - 2 * HOUR_MS, *row[7:]] for row in rows
    ],
    "a bar comes twice": lambda rows: [*rows[:5], *rows[4:]],
    "out of order": lambda rows: [*rows[:4], rows[5], rows[4], *rows[6:]],
    "newest first": lambda rows: rows[::-1],
    "a bar is null": lambda rows: [*rows[:4], None, *rows[5:]],
    "a price is null": changed(4, 2, None),
    "a price is not a number": changed(4, 2, "NaN"),
    "a price is nought": changed(4, 3, "0"),
    "a price is negative": changed(4, 3, "-1"),
    "the high is below the low": changed(4, 2, "59000"),
    "the close is outside of the range": changed(4, 4, "61000"),
    "the time is in seconds": changed(4, 0, 1_790_000_000),
    "a bar is shorter than the others": changed(4, 6, 1_790_000_000_000),
    "a bar has no end": changed(4, slice(6, None), []),
}


@pytest.mark.parametrize("row", BAD_BARS)
def test_bars_with_a_hole_or_a_price_that_cannot_be_are_asked_for_again(row: str) -> None:
    now = CLOCK.now_ms()
    with pytest.raises(AskAgain):
        ask(BARS, BAD_BARS[row](klines(now)), lambda desk: desk.venue.read_candles(BTC, HOUR_MS, 10))


@pytest.mark.parametrize(("interval_ms", "count"), [(HOUR_MS + 1, 10), (HOUR_MS, 0), (HOUR_MS, 1_400)])
def test_bars_that_no_single_request_has_are_given_up_unasked(interval_ms: int, count: int) -> None:
    async def scenario() -> int:
        async with opened() as desk:
            with pytest.raises(GiveUp):
                await desk.venue.read_candles(BTC, interval_ms, count)
            return len(desk.fake.seen)

    assert asyncio.run(scenario()) == 0


def test_funding_rates_are_read_exactly_with_the_interval_that_each_paid_for() -> None:
    rates, asked = ask(RATES, settled(CLOCK.now_ms()), lambda desk: desk.venue.read_funding_rates(BTC, 5))
    assert asked == [{"symbol": "BTCUSDT", "limit": "6"}]
    assert [rate.rate for rate in rates] == [D(f"0.0000{n}000") for n in range(2, 7)]
    assert {rate.interval_ms for rate in rates} == {EIGHT_HOURS_MS}
    assert all(rate.settled_at % EIGHT_HOURS_MS == 0 for rate in rates)


def test_an_interval_that_changed_is_seen_in_the_rates() -> None:
    """Eight-hourly until the last day, hourly since: the venue does so when funding is at its cap."""
    now = CLOCK.now_ms()
    hourly = settled(now, 5, HOUR_MS)
    eight = (hourly[0]["fundingTime"] // EIGHT_HOURS_MS) * EIGHT_HOURS_MS
    rows = [row for row in settled(eight + 1, 3) if row["fundingTime"] < hourly[0]["fundingTime"] // HOUR_MS * HOUR_MS]
    gap_ms = hourly[0]["fundingTime"] - rows[-1]["fundingTime"]
    while gap_ms > 1.5 * HOUR_MS:  # fill up to the first of the hourly ones
        hourly.insert(0, {**hourly[0], "fundingTime": hourly[0]["fundingTime"] - HOUR_MS})
        gap_ms -= HOUR_MS
    rates, _ = ask(RATES, [*rows, *hourly], lambda desk: desk.venue.read_funding_rates(BTC, 20))
    assert {rate.interval_ms for rate in rates} == {EIGHT_HOURS_MS, HOUR_MS}


BAD_RATES: dict[str, Callable[[Rows], Rows]] = {
    "none": lambda rows: [],
    "one": lambda rows: rows[-1:],
    "one is missing": without(2),
    "the newest are missing": lambda rows: rows[:-2],
    "twice": lambda rows: [*rows[:3], *rows[2:]],
    "out of order": lambda rows: [*rows[:2], rows[3], rows[2], *rows[4:]],
    "newest first": lambda rows: rows[::-1],
    "a row is null": lambda rows: [*rows[:2], None, *rows[3:]],
    "a rate is null": changed(2, "fundingRate", None),
    "a rate is empty": changed(2, "fundingRate", ""),
    "a rate is no rate": changed(2, "fundingRate", "12"),
    "another contract": changed(2, "symbol", "ETHUSDT"),
    "at no full hour": changed(2, "fundingTime", 1_790_000_123_456),
}


@pytest.mark.parametrize("row", BAD_RATES)
def test_funding_rates_with_a_hole_are_asked_for_again(row: str) -> None:
    rows = BAD_RATES[row](settled(CLOCK.now_ms()))
    with pytest.raises(AskAgain):
        ask(RATES, rows, lambda desk: desk.venue.read_funding_rates(BTC, 5))


BROKEN: dict[str, Answer] = {
    "HTML under 200": plain_answer(200, "<html>busy</html>"),
    "an empty body": plain_answer(200, ""),
    "null": plain_answer(200, "null"),
    "truncated JSON": plain_answer(200, '[[1790000000000,"1",'),
    "a cut body": cut_answer(b"["),
    "a reset": reset_answer(),
    "503": plain_answer(503, ""),
}


@pytest.mark.parametrize("path", [BARS, RATES])
@pytest.mark.parametrize("row", BROKEN)
def test_a_broken_answer_about_the_past_is_asked_for_again_and_never_empty(row: str, path: str) -> None:
    def read(desk: Desk) -> Any:
        return desk.venue.read_candles(BTC, HOUR_MS, 10) if path == BARS else desk.venue.read_funding_rates(BTC, 5)

    with pytest.raises(AskAgain):
        ask(path, BROKEN[row], read)


def test_the_index_of_an_instrument_is_asked_for_by_its_pair() -> None:
    pepe = InstrumentId("main", "1000PEPE/USDT:USDT")

    async def scenario() -> list[dict[str, str]]:
        async with opened([pepe.symbol], clock=CLOCK, fake=FakeVenue(clock_ms=CLOCK.now_ms)) as desk:
            desk.fake.answers["GET", BARS] = klines(CLOCK.now_ms())
            await desk.venue.read_candles(pepe, HOUR_MS, 10)
            return [seen.params for seen in desk.fake.requests("GET", BARS)]

    assert [params["pair"] for params in asyncio.run(scenario())] == ["1000PEPEUSDT"]

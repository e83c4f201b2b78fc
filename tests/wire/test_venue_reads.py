"""Reads on the wire: what a whole answer becomes, and that no broken one is ever read as empty or flat."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from hedger.errors import AskAgain, CredentialsError, GiveUp
from hedger.model.account import AccountReading, MarginMode
from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.order import ReportStatus, Side
from hedger.runtime.ports import Venue
from hedger.venues.abilities import Ability
from tests.support.leaping import StandingClock, in_leaps
from tests.support.stand import proves
from tests.support.wire_bodies import (
    AT,
    futures_account,
    held,
    income,
    order_record,
    risk,
    settings,
    trade,
)
from tests.support.wire_server import (
    KEY,
    SECRET,
    Answer,
    FakeVenue,
    Seen,
    cut_answer,
    hanging_answer,
    plain_answer,
    refusal,
    reset_answer,
)
from tests.support.wire_venue import BTC, SPOT, Desk, WireClock, opened

ACCOUNT_PATHS = (
    "/api/v3/account",
    "/fapi/v3/account",
    "/fapi/v3/positionRisk",
    "/fapi/v1/openOrders",
    "/fapi/v1/accountConfig",
    "/fapi/v1/symbolConfig",
)
BROKEN: dict[str, Answer] = {
    "HTML under 200": plain_answer(200, "<html>busy</html>"),
    "an empty body": plain_answer(200, ""),
    "null": plain_answer(200, "null"),
    "truncated JSON": plain_answer(200, '[{"symbol":"BTCUSDT",'),
    "a list of nulls": plain_answer(200, "[null]"),
    "a cut body": cut_answer(b"["),
    "a reset": reset_answer(),
    "no answer": hanging_answer(),
    "503": plain_answer(503, ""),
    "524": plain_answer(524, "<html>"),
    "an error under 200": plain_answer(200, '{"code":-1001,"msg":"Internal error"}'),
}


@proves(
    Ability.SPOT_BALANCES, Ability.POSITIONS, Ability.EQUITY_AND_MARGIN, Ability.LIQUIDATION_PRICE, Ability.OPEN_ORDERS
)
def test_an_account_is_read_whole_in_exact_numbers() -> None:
    async def scenario() -> tuple[AccountReading, list[str]]:
        async with opened(["BTC/USDT:USDT", "1000PEPE/USDT:USDT"]) as desk:
            desk.fake.answers["GET", "/fapi/v1/openOrders"] = orders_of_bitcoin
            return await desk.venue.read_account(), [seen.path for seen in desk.fake.seen]

    reading, paths = asyncio.run(scenario())
    assert sorted(set(paths)) == sorted(ACCOUNT_PATHS)
    assert reading.spot["BTC"] == Decimal("1.50000001")
    assert reading.spot["SATS"] == 5000, "1000SATS is counted in the coin"
    assert reading.collateral == {"USDT": Decimal("1000.25")}
    assert reading.margin.margin_ratio == Decimal("120.2") / Decimal("1002")
    assert reading.one_way
    held_position, flat = reading.positions
    assert (held_position.quantity, held_position.liquidation_price) == (Decimal("-0.500"), Decimal("90000.1"))
    assert (held_position.leverage, held_position.margin_mode) == (Decimal(3), MarginMode.CROSS)
    assert (flat.id.symbol, flat.quantity, flat.underlying) == ("1000PEPE/USDT:USDT", Decimal(0), "PEPE")
    assert [(o.client_order_id, o.status, o.side) for o in reading.open_orders] == [
        ("h1", ReportStatus.WORKING, Side.SELL)
    ]


def test_a_reading_is_as_old_as_its_first_request_by_the_venues_clock() -> None:
    async def scenario() -> tuple[int, AccountReading, int]:
        ahead = WireClock(behind_ms=-5000)
        async with opened(clock=WireClock(), ready=False) as desk:
            desk.fake.clock_ms = ahead.now_ms
            await desk.venue.open([BTC.symbol])
            before = ahead.now_ms()
            return before, await desk.venue.read_account(), ahead.now_ms()

    before, reading, after = asyncio.run(scenario())
    assert before - 100 <= reading.exchange_at <= after


@proves(Ability.POSITIONS)
def test_flat_is_told_as_zero_only_when_both_lists_agree() -> None:
    async def scenario() -> AccountReading:
        async with opened() as desk:
            desk.fake.answers["GET", "/fapi/v3/positionRisk"] = []
            desk.fake.answers["GET", "/fapi/v3/account"] = futures_account()
            return await desk.venue.read_account()

    reading = asyncio.run(scenario())
    assert [(position.id, position.quantity) for position in reading.positions] == [(BTC, Decimal(0))]


def test_a_position_in_another_listed_contract_is_told_too() -> None:
    async def scenario() -> AccountReading:
        async with opened() as desk:
            desk.fake.answers["GET", "/fapi/v3/positionRisk"] = [risk("BTCUSDT", "-0.5"), risk("ETHUSDT", "2")]
            desk.fake.answers["GET", "/fapi/v3/account"] = futures_account(
                held("BTCUSDT", "-0.5"), held("ETHUSDT", "2")
            )
            return await desk.venue.read_account()

    reading = asyncio.run(scenario())
    assert {(p.id.symbol, p.quantity) for p in reading.positions} == {
        ("BTC/USDT:USDT", Decimal("-0.5")),
        ("ETH/USDT:USDT", Decimal(2)),
    }


DISAGREEING: dict[str, dict[str, Any]] = {
    "the risk list is empty": {"/fapi/v3/positionRisk": []},
    "the account list is empty": {"/fapi/v3/account": futures_account()},
    "the quantities differ": {"/fapi/v3/account": futures_account(held("BTCUSDT", "-0.4"))},
    "margin is held for nothing": {
        "/fapi/v3/positionRisk": [],
        "/fapi/v3/account": futures_account(totalMaintMargin="120.2"),
    },
    "a row comes twice": {"/fapi/v3/positionRisk": [risk("BTCUSDT", "-0.5"), risk("BTCUSDT", "-0.5")]},
    "a position in a contract that nobody listed": {
        "/fapi/v3/positionRisk": [risk("BTCUSDT", "-0.5"), risk("NEWUSDT", "1")],
        "/fapi/v3/account": futures_account(held("BTCUSDT", "-0.5"), held("NEWUSDT", "1")),
    },
    "leverage is missing": {"/fapi/v1/symbolConfig": [settings("ETHUSDT")]},
    "an order of another contract": {"/fapi/v1/openOrders": [order_record(symbol="ETHUSDT")]},
    "a quantity is not a number": {"/fapi/v3/positionRisk": [risk("BTCUSDT", "NaN")]},
    "a quantity is a float": {"/fapi/v3/positionRisk": [risk("BTCUSDT", "0.1") | {"positionAmt": True}]},
    "a field is missing": {"/fapi/v3/positionRisk": [{"symbol": "BTCUSDT", "positionAmt": "-0.5"}]},
    "an absurd number": {"/fapi/v3/account": futures_account(held("BTCUSDT", "1E+40"))},
    "the spot wallet is empty": {"/api/v3/account": {"balances": []}},
    "a balance is negative": {"/api/v3/account": {"balances": [{"asset": "BTC", "free": "-1", "locked": "0"}]}},
    "the futures wallet is empty": {"/fapi/v3/account": futures_account(held("BTCUSDT", "-0.5"), assets=[])},
}


@pytest.mark.parametrize("row", DISAGREEING)
def test_an_account_whose_parts_disagree_is_asked_again(row: str) -> None:
    async def scenario() -> None:
        async with opened() as desk:
            desk.fake.answers.update({("GET", path): body for path, body in DISAGREEING[row].items()})
            with pytest.raises(AskAgain) as problem:
                await desk.venue.read_account()
            assert_presentable(problem.value)

    asyncio.run(scenario())


def test_a_coin_that_was_held_does_not_vanish_by_a_missing_row() -> None:
    async def scenario() -> None:
        async with opened() as desk:
            await desk.venue.read_account()
            desk.fake.answers["GET", "/api/v3/account"] = {"balances": [{"asset": "USDT", "free": "5", "locked": "0"}]}
            with pytest.raises(AskAgain, match="does not list"):
                await desk.venue.read_account()

    asyncio.run(scenario())


def in_derivatives(*assets: tuple[str, str]) -> dict[str, Any]:
    """The account with these balances in its derivatives wallet, as in multi-assets mode."""
    rows = [{"asset": name, "walletBalance": balance} for name, balance in assets]
    return futures_account(held("BTCUSDT", "-0.5"), assets=rows)


def test_a_coin_that_was_collateral_does_not_vanish_by_a_missing_row() -> None:
    """Two coins less to hedge would be bought back at once."""

    async def scenario() -> tuple[Decimal, AccountReading]:
        clock = WireClock()
        async with opened(clock=clock) as desk:
            desk.fake.clock_ms = clock.now_ms
            desk.fake.answers["GET", "/fapi/v3/account"] = in_derivatives(("USDT", "1000"), ("BTC", "2"))
            before = (await desk.venue.read_account()).collateral["BTC"]
            desk.fake.answers["GET", "/fapi/v3/account"] = in_derivatives(("USDT", "1000"))
            with pytest.raises(AskAgain, match="held BTC and does not list it"):
                await desk.venue.read_account()
            clock.stand_still(-31_000)
            return before, await desk.venue.read_account()

    before, after = asyncio.run(scenario())
    assert before == Decimal("2")
    assert "BTC" not in after.collateral, "half a minute later it was moved elsewhere"


def test_several_assets_that_go_missing_together_are_believed_gone_together_and_a_debt_like_a_holding() -> None:
    """In multi-assets mode the money of a book is often owed: without that row there is more equity than is true."""

    async def scenario() -> Mapping[str, Decimal]:
        clock = WireClock()
        async with opened(clock=clock) as desk:
            desk.fake.clock_ms = clock.now_ms
            owed = ("USDT", "-1000"), ("BTC", "2"), ("BNB", "1")
            desk.fake.answers["GET", "/fapi/v3/account"] = in_derivatives(*owed)
            await desk.venue.read_account()
            for gone in ("USDT", "BTC"):
                left = in_derivatives(*[row for row in owed if row[0] != gone])
                desk.fake.answers["GET", "/fapi/v3/account"] = left
                with pytest.raises(AskAgain, match=f"held {gone} and does not list it"):
                    await desk.venue.read_account()
            desk.fake.answers["GET", "/fapi/v3/account"] = in_derivatives(owed[2])
            with pytest.raises(AskAgain, match="does not list it"):
                await desk.venue.read_account()
            clock.stand_still(-31_000)
            return (await desk.venue.read_account()).collateral

    assert asyncio.run(scenario()) == {"BNB": Decimal(1)}


def test_a_coin_that_the_derivatives_wallet_tells_twice_is_not_believed() -> None:
    async def scenario() -> None:
        async with opened() as desk:
            desk.fake.answers["GET", "/fapi/v3/account"] = in_derivatives(("USDT", "1"), ("BTC", "2"), ("BTC", "0"))
            with pytest.raises(AskAgain, match="BTC twice"):
                await desk.venue.read_account()

    asyncio.run(scenario())


def test_a_fill_between_two_requests_is_read_again_and_then_believed() -> None:
    async def scenario() -> AccountReading:
        async with opened() as desk:
            late = iter([[risk("BTCUSDT", "-0.4")]])

            async def catching_up(_request: web.Request, _seen: Seen) -> web.StreamResponse:
                return web.json_response(next(late, [risk("BTCUSDT", "-0.500")]))

            desk.fake.answers["GET", "/fapi/v3/positionRisk"] = catching_up
            return await desk.venue.read_account()

    assert asyncio.run(scenario()).positions[0].quantity == Decimal("-0.500")


@pytest.mark.parametrize("path", ACCOUNT_PATHS)
@pytest.mark.parametrize("row", BROKEN)
def test_a_broken_part_of_the_account_is_never_a_reading(row: str, path: str) -> None:
    async def scenario() -> None:
        async with opened() as desk:
            desk.fake.answers["GET", path] = BROKEN[row]
            with pytest.raises(AskAgain) as problem:
                await desk.venue.read_account()
            assert_presentable(problem.value)

    in_leaps(scenario())


READS: dict[str, tuple[str, Callable[[Venue], Awaitable[Any]]]] = {
    "fills": ("/fapi/v1/userTrades", lambda venue: venue.read_fills(BTC, AT)),
    "funding": ("/fapi/v1/income", lambda venue: venue.read_funding(AT)),
    "marks": ("/fapi/v1/premiumIndex", lambda venue: venue.read_prices([BTC])),
    "quotes": ("/fapi/v1/ticker/bookTicker", lambda venue: venue.read_prices([BTC])),
    "spot quotes": ("/api/v3/ticker/bookTicker", lambda venue: venue.read_prices([SPOT])),
    "the clock": ("/fapi/v1/time", lambda venue: venue.measure_clock()),
}


@pytest.mark.parametrize("what", READS)
@pytest.mark.parametrize("row", [row for row in BROKEN if row != "no answer"])
def test_any_other_broken_read_is_asked_again_and_never_empty(row: str, what: str) -> None:
    path, read = READS[what]

    async def scenario() -> None:
        async with opened([BTC.symbol, SPOT.symbol]) as desk:
            desk.fake.answers["GET", path] = BROKEN[row]
            with pytest.raises(AskAgain) as problem:
                await read(desk.venue)
            assert_presentable(problem.value)
            assert len(desk.fake.requests("GET", path)) <= 3

    asyncio.run(scenario())


def test_a_read_that_fails_once_is_read_again_without_a_word() -> None:
    async def scenario() -> int:
        async with opened() as desk:
            good, faults = desk.fake.answers["GET", "/fapi/v3/account"], iter([plain_answer(503, "")])

            async def recovering(request: web.Request, seen: Seen) -> web.StreamResponse:
                fault: Any = next(faults, None)
                return await fault(request, seen) if fault else web.json_response(good)

            desk.fake.answers["GET", "/fapi/v3/account"] = recovering
            await desk.venue.read_account()
            return len(desk.fake.requests("GET", "/fapi/v3/account"))

    assert asyncio.run(scenario()) == 2


def test_an_answer_is_read_as_every_venue_writes_whatever_decoder_it_names() -> None:
    """A body of some megabytes that calls itself punycode would hold the loop for hours."""
    odd = plain_answer(200, json.dumps({"serverTime": AT}), Content_Type="application/json; charset=punycode")

    async def scenario() -> int:
        async with opened() as desk:
            desk.fake.answers["GET", "/fapi/v1/time"] = odd
            return await desk.venue.measure_clock()

    assert isinstance(asyncio.run(scenario()), int)


def test_refused_keys_are_not_tried_again() -> None:
    async def scenario() -> int:
        async with opened() as desk:
            desk.fake.answers["GET", "/fapi/v3/account"] = refusal(401, -2014, "API-key format invalid.")
            with pytest.raises(CredentialsError):
                await desk.venue.read_account()
            return len(desk.fake.requests("GET", "/fapi/v3/account"))

    assert asyncio.run(scenario()) == 1


def test_a_question_that_the_venue_calls_wrong_is_given_up() -> None:
    async def scenario() -> None:
        async with opened() as desk:
            desk.fake.answers["GET", "/fapi/v1/userTrades"] = refusal(400, -1121, "Invalid symbol.")
            with pytest.raises(GiveUp):
                await desk.venue.read_fills(BTC, AT)

    asyncio.run(scenario())


@proves(Ability.LIMITS)
@pytest.mark.parametrize("status", [429, 418, 400])
def test_after_being_told_to_be_quiet_nothing_is_read_until_it_is_over(status: int) -> None:
    async def scenario() -> None:
        clock = StandingClock()
        async with opened(clock=clock, fake=FakeVenue(clock_ms=clock.now_ms)) as desk:
            good = desk.fake.answers["GET", "/fapi/v1/premiumIndex"]
            desk.fake.answers["GET", "/fapi/v1/premiumIndex"] = refusal(status, -1003, Retry_After="2")
            with pytest.raises(AskAgain):
                await desk.venue.read_prices([BTC])
            sent = len(desk.fake.seen)
            with pytest.raises(AskAgain, match="quiet"):
                await desk.venue.read_account()
            assert len(desk.fake.seen) == sent
            desk.fake.answers["GET", "/fapi/v1/premiumIndex"] = good
            await clock.sleep(2.1)
            assert await desk.venue.read_prices([BTC])

    asyncio.run(scenario())


def test_the_weight_that_the_venue_counts_stops_reads_before_its_limit() -> None:
    async def scenario() -> Desk:
        async with opened() as desk:
            desk.fake.headers["X-MBX-USED-WEIGHT-1M"] = "2000"
            with pytest.raises(AskAgain, match="request weight"):
                await desk.venue.measure_clock()
            assert len(desk.fake.seen) == 1
            return desk

    assert ("fapi.binance.com", 2000, 2400) in asyncio.run(scenario()).watcher.weights


# --- prices and history ---------------------------------------------------------------------------------------------


@proves(Ability.PRICES, Ability.FUNDING_RATE)
def test_prices_are_quotes_for_all_and_marks_for_perpetuals() -> None:
    async def scenario() -> tuple[Quote | Mark, ...]:
        async with opened([BTC.symbol, SPOT.symbol]) as desk:
            return await desk.venue.read_prices([BTC, SPOT])

    quotes = [price for price in asyncio.run(scenario()) if isinstance(price, Quote)]
    marks = [price for price in asyncio.run(scenario()) if isinstance(price, Mark)]
    assert [(quote.id, quote.bid) for quote in quotes] == [(BTC, Decimal("60000.1")), (SPOT, Decimal("60001.1"))]
    assert [(mark.id, mark.funding_rate, mark.funding_interval_ms) for mark in marks] == [
        (BTC, Decimal("0.00038246"), 8 * 3_600_000)
    ]


@proves(Ability.FILLS)
@pytest.mark.parametrize("book", [{"bidPrice": "0"}, {"askPrice": "60000.0"}, {"symbol": "ETHUSDT"}, {"bidQty": "-1"}])
def test_a_book_that_cannot_be_is_asked_for_again(book: dict[str, str]) -> None:
    async def scenario() -> None:
        async with opened() as desk:
            desk.fake.answers["GET", "/fapi/v1/ticker/bookTicker"] |= book
            with pytest.raises(AskAgain):
                await desk.venue.read_prices([BTC])

    asyncio.run(scenario())


def test_fills_are_paged_by_trade_id_to_their_end() -> None:
    async def scenario() -> tuple[int, list[dict[str, str]]]:
        async with opened() as desk:
            desk.fake.answers["GET", "/fapi/v1/userTrades"] = paged_trades(2500)
            fills = await desk.venue.read_fills(BTC, AT)
            assert len({fill.trade_id for fill in fills}) == len(fills)
            return len(fills), [seen.params for seen in desk.fake.requests("GET", "/fapi/v1/userTrades")]

    count, asked = asyncio.run(scenario())
    assert count == 2500
    assert "fromId" not in asked[0]
    assert [params["fromId"] for params in asked if "fromId" in params] == ["1001", "2001"]
    assert not any("startTime" in params for params in asked if "fromId" in params)


def test_a_full_page_of_the_newest_fills_is_not_taken_for_the_oldest() -> None:
    rows = [trade(id) for id in range(1, 1002)]

    async def newest(_request: web.Request, seen: Seen) -> web.StreamResponse:
        ends_at = int(seen.params.get("endTime", 4 * AT))
        found = [row for row in rows if int(seen.params["startTime"]) <= row["time"] <= ends_at]
        return web.json_response(found[-int(seen.params["limit"]) :])

    async def scenario() -> None:
        async with opened() as desk:
            desk.fake.answers["GET", "/fapi/v1/userTrades"] = newest
            with pytest.raises(AskAgain, match="before the first of a full page"):
                await desk.venue.read_fills(BTC, AT)

    asyncio.run(scenario())


def test_a_fill_says_what_it_cost_and_whether_it_made() -> None:
    async def scenario() -> object:
        async with opened() as desk:
            return (await desk.venue.read_fills(BTC, AT))[0]

    fill = asyncio.run(scenario())
    assert (fill.fee, fill.fee_asset, fill.maker, fill.side) == (Decimal("0.024"), "USDT", True, Side.SELL)  # type: ignore[attr-defined]


@proves(Ability.FUNDING_PAYMENTS)
def test_funding_payments_are_paged_and_each_is_told_once() -> None:
    async def scenario() -> tuple[list[str], set[InstrumentId]]:
        async with opened() as desk:
            desk.fake.answers["GET", "/fapi/v1/income"] = paged_incomes(1500)
            payments = await desk.venue.read_funding(AT)
            return [payment.payment_id for payment in payments], {payment.id for payment in payments}

    ids, instruments = asyncio.run(scenario())
    assert len(ids) == len(set(ids)) == 1500
    assert instruments == {BTC}


def test_funding_pages_that_repeat_are_not_taken_for_the_whole() -> None:
    async def scenario() -> None:
        async with opened() as desk:
            desk.fake.answers["GET", "/fapi/v1/income"] = [income(id, time=AT) for id in range(1000)]
            with pytest.raises(AskAgain, match="repeats"):
                await desk.venue.read_funding(AT)

    asyncio.run(scenario())


# --- what the fake answers ------------------------------------------------------------------------------------------


async def orders_of_bitcoin(_request: web.Request, seen: Seen) -> web.StreamResponse:
    return web.json_response([order_record()] if seen.params["symbol"] == "BTCUSDT" else [])


def paged_trades(count: int) -> Answer:
    rows = [trade(id) for id in range(1, count + 1)]

    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        start, first = int(seen.params.get("startTime", 0)), int(seen.params.get("fromId", 0))
        end = int(seen.params.get("endTime", 4 * AT))
        found = [row for row in rows if row["id"] >= first and start <= row["time"] <= end]
        return web.json_response(found[: int(seen.params["limit"])])

    return answer


def paged_incomes(count: int) -> Answer:
    rows = [income(id) for id in range(1, count + 1)]

    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        found = [row for row in rows if row["time"] >= int(seen.params["startTime"])]
        return web.json_response(found[: int(seen.params["limit"])])

    return answer


def assert_presentable(problem: Exception) -> None:
    text = str(problem)
    assert not any(secret in text for secret in (KEY, SECRET, "signature=", "https://"))
    assert len(text) < 400

"""Dated futures on Binance: their day, prices without funding, positions."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from hedger.model.account import Position
from hedger.model.instrument import Instrument, InstrumentId, Kind, Payoff
from hedger.model.market import Mark, Quote
from hedger.model.order import Fill
from hedger.venues.binance.parse import dated_mark_of_frame
from hedger.venues.binance.payloads import DatedMarkFrame
from hedger.venues.listing import Listing
from hedger.venues.wire import reader
from tests.support.wire_bodies import AT, futures_account, futures_symbol, held, income, risk, settings, trade
from tests.support.wire_venue import BTC, opened

# What has ended is left out, so no day of the calendar would do for ever.
DUE = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=30)
NAME, SYMBOL, DAY = f"BTCUSDT_{DUE:%y%m%d}", f"BTC/USDT:USDT-{DUE:%y%m%d}", int(DUE.timestamp() * 1000)
DATED = InstrumentId("main", SYMBOL)


def dated_symbol(**changes: Any) -> dict[str, Any]:
    return futures_symbol("BTC") | {
        "symbol": NAME,
        "contractType": "CURRENT_QUARTER",
        "deliveryDate": DAY,
        **changes,
    }


def listing() -> dict[str, Any]:
    return {"symbols": [futures_symbol("BTC"), futures_symbol("ETH"), futures_symbol("1000PEPE"), dated_symbol()]}


async def prices_by_symbol(request: web.Request, _seen: Any) -> web.StreamResponse:
    """What the venue tells of a dated contract: no funding rate, and never a next one."""
    assert request.query["symbol"] == NAME
    body = {"symbol": NAME, "markPrice": "61200.5", "indexPrice": "60099.1", "time": AT}
    return web.json_response(body | {"lastFundingRate": "", "interestRate": "", "nextFundingTime": 0})


async def book_by_symbol(request: web.Request, _seen: Any) -> web.StreamResponse:
    book = {"bidPrice": "61200.1", "bidQty": "1.5", "askPrice": "61200.2", "askQty": "2", "time": AT}
    return web.json_response(book | {"symbol": request.query["symbol"]})


def with_dated(play: Any) -> Any:
    async def scenario() -> Any:
        async with opened(ready=False) as desk:
            answers = desk.fake.answers
            answers["GET", "/fapi/v1/exchangeInfo"] = listing()
            answers["GET", "/fapi/v1/symbolConfig"] = [settings("BTCUSDT"), settings(NAME)]
            answers["GET", "/fapi/v1/premiumIndex"] = prices_by_symbol
            answers["GET", "/fapi/v1/ticker/bookTicker"] = book_by_symbol
            answers["GET", "/fapi/v3/account"] = futures_account(held(NAME, "-0.500"))
            answers["GET", "/fapi/v3/positionRisk"] = [risk(NAME, "-0.500")]
            answers["GET", "/fapi/v1/userTrades"] = [trade(1, symbol=NAME)]
            answers["GET", "/fapi/v1/income"] = [income(1)]
            return await play(desk.venue, await desk.venue.open([SYMBOL]))

    return asyncio.run(scenario())


def test_a_dated_contract_that_is_being_delivered_is_still_one() -> None:
    async def scenario() -> Instrument:
        async with opened(ready=False) as desk:
            told = [*listing()["symbols"][:3], dated_symbol(contractType="CURRENT_QUARTER DELIVERING")]
            desk.fake.answers["GET", "/fapi/v1/exchangeInfo"] = {"symbols": told}
            desk.fake.answers["GET", "/fapi/v1/symbolConfig"] = [settings("BTCUSDT"), settings(NAME)]
            return (await desk.venue.open([SYMBOL]))[0]

    rules = asyncio.run(scenario())
    assert (rules.kind, rules.expiry_at) == (Kind.FUTURE, DAY)


def test_a_dated_contract_is_listed_with_its_day_and_its_settlement_average() -> None:
    async def play(_venue: Any, instruments: tuple[Instrument, ...]) -> Instrument:
        return instruments[0]

    rules = with_dated(play)
    assert (rules.id, rules.kind, rules.payoff, rules.settle) == (DATED, Kind.FUTURE, Payoff.LINEAR, "USDT")
    assert (rules.expiry_at, rules.settlement_ms) == (DAY, 30 * 60_000)
    assert rules.post_only


def test_its_prices_have_an_index_and_no_funding() -> None:
    async def play(venue: Any, _instruments: Any) -> tuple[Quote | Mark, ...]:
        return tuple(await venue.read_prices([DATED]))

    quote, mark = with_dated(play)
    assert isinstance(quote, Quote)
    assert (mark.id, mark.mark_price, mark.index_price) == (DATED, Decimal("61200.5"), Decimal("60099.1"))
    assert mark.funding_rate == 0


def test_its_position_carries_its_day_and_its_fills_are_read() -> None:
    async def play(venue: Any, _instruments: Any) -> tuple[tuple[Position, ...], tuple[Fill, ...]]:
        return (await venue.read_account()).positions, await venue.read_fills(DATED, AT - 10_000)

    positions, fills = with_dated(play)
    ((row,), (fill,)) = positions, fills
    assert (row.id, row.quantity, row.expiry_at) == (DATED, Decimal("-0.5"), DAY)
    assert fill.id == DATED


def test_a_dated_contract_without_a_day_is_not_understood() -> None:
    async def scenario() -> None:
        async with opened(ready=False) as desk:
            desk.fake.answers["GET", "/fapi/v1/exchangeInfo"] = {"symbols": [dated_symbol(deliveryDate=0)]}
            with pytest.raises(Exception, match=r"delivery|lists no"):
                await desk.venue.open([SYMBOL])

    asyncio.run(scenario())


def test_a_streamed_mark_of_a_dated_contract_needs_no_funding_rate() -> None:
    frame = {"e": "markPriceUpdate", "E": AT, "s": NAME, "p": "61200.5", "i": "60099.1", "P": "0", "r": "", "T": 0}
    mark = dated_mark_of_frame(reader(DatedMarkFrame)(frame), DATED)
    assert (mark.mark_price, mark.funding_rate, mark.exchange_at) == (Decimal("61200.5"), Decimal(0), AT)


def test_a_contract_is_found_by_its_name_whatever_its_kind() -> None:
    found = Listing(
        account="main",
        derivatives={},
        raw={BTC: "BTCUSDT", DATED: NAME},
        ids={("BTCUSDT", Kind.PERPETUAL): BTC, (NAME, Kind.FUTURE): DATED},
        instruments={},
    )
    assert (found.contract("BTCUSDT"), found.contract(NAME), found.pair("BTCUSDT")) == (BTC, DATED, None)

"""Rules that change while we run: read anew by the same code, heeded at once, and never guessed."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from hedger.errors import AskAgain, Bug
from hedger.model.instrument import Instrument
from hedger.model.market import Mark
from hedger.model.message import OrderAccepted, OrderRejected
from hedger.model.order import RejectReason
from tests.support.leave import let_go
from tests.support.wire_bodies import futures_symbol, spot_symbol
from tests.support.wire_server import Seen, plain_answer
from tests.support.wire_venue import BTC, SPOT, Desk, opened, place_order

LISTING, SPOT_LISTING = "/fapi/v1/exchangeInfo", "/api/v3/exchangeInfo"
PEPE, ETH_SPOT = "1000PEPE/USDT:USDT", "ETH/USDT"


def listed(*symbols: dict[str, Any]) -> dict[str, Any]:
    return {"symbols": list(symbols)}


def by_symbol(instruments: tuple[Instrument, ...]) -> dict[str, Instrument]:
    return {rules.id.symbol: rules for rules in instruments}


def test_a_changed_tick_lot_and_least_notional_come_through_with_the_fees() -> None:
    async def scenario() -> tuple[Instrument, Instrument]:
        async with opened([BTC.symbol, SPOT.symbol]) as desk:
            symbol = futures_symbol("BTC", tick="0.50", lot="0.005")
            symbol["filters"][-1]["notional"] = "250"
            desk.fake.answers["GET", LISTING] = listed(symbol)
            found = by_symbol(await desk.venue.read_instruments([BTC.symbol, SPOT.symbol]))
            assert found[SPOT.symbol] in desk.instruments, "the other is as it was"
            return desk.instruments[0], found[BTC.symbol]

    before, after = asyncio.run(scenario())
    assert (before.tick_size, before.lot_size, before.min_notional) == (Decimal("0.1"), Decimal("0.001"), Decimal(100))
    assert (after.tick_size, after.lot_size, after.min_notional) == (Decimal("0.5"), Decimal("0.005"), Decimal(250))
    assert after.maker_fee == Decimal("0.0002")


def test_a_contract_that_comes_to_pay_funding_more_often_is_known_to_with_the_next_rules() -> None:
    async def scenario() -> list[int]:
        async with opened() as desk:
            hours = []
            for told in ([], [{"symbol": "BTCUSDT", "fundingIntervalHours": 1}], []):
                desk.fake.answers["GET", "/fapi/v1/fundingInfo"] = told
                await desk.venue.read_instruments([BTC.symbol])
                marks = [price for price in await desk.venue.read_prices([BTC]) if isinstance(price, Mark)]
                hours.append(marks[0].funding_interval_ms // 3_600_000)
            return hours

    assert asyncio.run(scenario()) == [8, 1, 8]


@pytest.mark.parametrize("listing", [[], [futures_symbol("BTC", status="SETTLING")]], ids=["gone", "settling"])
def test_what_does_not_trade_any_more_is_left_out_and_the_account_is_still_read(listing: list[Any]) -> None:
    async def scenario() -> tuple[tuple[Instrument, ...], int]:
        async with opened([BTC.symbol, PEPE]) as desk:
            desk.fake.answers["GET", LISTING] = listed(futures_symbol("1000PEPE"), *listing)
            found = await desk.venue.read_instruments([BTC.symbol, PEPE])

            async def orders(_request: web.Request, seen: Seen) -> web.StreamResponse:
                if seen.params["symbol"] == "BTCUSDT":
                    return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)
                return web.json_response([])

            desk.fake.answers["GET", "/fapi/v1/openOrders"] = orders
            reading = await desk.venue.read_account()
            return found, len(reading.positions)

    found, positions = asyncio.run(scenario())
    assert [rules.id.symbol for rules in found] == [PEPE]
    assert positions == 2, "what is left of it still counts"


def test_of_several_spot_pairs_one_that_is_not_listed_does_not_hide_the_others() -> None:
    async def scenario() -> tuple[Instrument, ...]:
        async with opened([SPOT.symbol, BTC.symbol]) as desk:

            async def pairs(_request: web.Request, seen: Seen) -> web.StreamResponse:
                if "ETHUSDT" in seen.params["symbols"]:
                    return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)
                return web.json_response(listed(spot_symbol("BTC")))

            desk.fake.answers["GET", SPOT_LISTING] = pairs
            return await desk.venue.read_instruments([SPOT.symbol, ETH_SPOT])

    assert [rules.id.symbol for rules in asyncio.run(scenario())] == [SPOT.symbol]


@pytest.mark.parametrize(
    "body",
    [
        "<html>",
        '{"symbols":[]}',
        "null",
        '{"symbols":[{"symbol":"BTCUSDT"}]}',
        '{"symbols":[{"symbol":"BTCUSDT","status":null}]}',
    ],
)
def test_a_broken_listing_says_nothing_of_what_trades(body: str) -> None:
    async def scenario() -> None:
        async with opened() as desk:
            desk.fake.answers["GET", LISTING] = plain_answer(200, body)
            with pytest.raises(AskAgain):
                await desk.venue.read_instruments([BTC.symbol])
            assert isinstance(await desk.venue.place(place_order(), let_go), OrderAccepted), "nothing has changed"

    asyncio.run(scenario())


def test_a_status_that_is_missing_is_no_proof_that_a_contract_is_gone() -> None:
    async def scenario() -> None:
        async with opened() as desk:
            symbol = futures_symbol("BTC")
            del symbol["status"]
            desk.fake.answers["GET", LISTING] = listed(symbol)
            with pytest.raises(AskAgain):
                await desk.venue.read_instruments([BTC.symbol])

    asyncio.run(scenario())


async def changed_to(desk: Desk, *symbols: dict[str, Any]) -> None:
    desk.fake.answers["GET", LISTING] = listed(futures_symbol("ETH", "0.01"), *symbols)
    await desk.venue.read_instruments([BTC.symbol])
    desk.fake.seen.clear()


def test_an_order_decided_by_the_rules_of_a_moment_ago_is_refused_and_not_sent() -> None:
    async def scenario() -> tuple[object, object, int]:
        async with opened() as desk:
            await changed_to(desk, futures_symbol("BTC", tick="0.50"))
            off = await desk.venue.place(place_order(), let_go)
            await changed_to(desk)
            gone = await desk.venue.place(place_order(price=Decimal("60000.50")), let_go)
            return off, gone, len(desk.fake.seen)

    off, gone, sent = asyncio.run(scenario())
    for outcome, why in ((off, "changed the rules"), (gone, "does not trade")):
        assert isinstance(outcome, OrderRejected)
        assert outcome.reason is RejectReason.NOT_SENT
        assert why in outcome.text
    assert sent == 0


def test_after_a_change_orders_leave_in_the_new_steps_exactly() -> None:
    """ccxt rounds by what it was told of the market: it must be told again."""

    async def scenario() -> tuple[object, dict[str, str]]:
        async with opened() as desk:
            await changed_to(desk, futures_symbol("BTC", tick="0.01", lot="0.0001"))
            order = place_order(price=Decimal("60000.07"), quantity=Decimal("0.0023"))
            outcome = await desk.venue.place(order, let_go)
            return outcome, desk.fake.seen[0].params

    outcome, params = asyncio.run(scenario())
    assert isinstance(outcome, OrderAccepted), outcome
    assert (params["price"], params["quantity"]) == ("60000.07", "0.0023")


def test_an_order_off_every_grid_that_was_ever_told_is_a_bug() -> None:
    async def scenario() -> None:
        async with opened() as desk:
            await changed_to(desk, futures_symbol("BTC", tick="0.50"))
            with pytest.raises(Bug, match="off the grid"):
                await desk.venue.place(place_order(price=Decimal("60000.03")), let_go)

    asyncio.run(scenario())

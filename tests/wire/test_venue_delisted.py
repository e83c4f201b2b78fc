"""A contract that the venue takes away: what is refused there costs the other contracts neither switch nor reading."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from hedger.errors import AskAgain
from hedger.model.account import AccountReading
from hedger.model.message import InstrumentsLoaded, OrderAccepted, OrderRejected
from hedger.runtime.ports import Hint
from tests.support.leave import let_go
from tests.support.wire_bodies import echo_countdown, futures_account, futures_symbol, held, risk, settings
from tests.support.wire_server import Seen
from tests.support.wire_venue import BTC, Desk, opened, place_order

LISTING, OPEN, CONFIG = "/fapi/v1/exchangeInfo", "/fapi/v1/openOrders", "/fapi/v1/symbolConfig"
RISK, ACCOUNT, COUNTDOWN = "/fapi/v3/positionRisk", "/fapi/v3/account", "/fapi/v1/countdownCancelAll"
ETH = "ETH/USDT:USDT"
BOTH = [BTC.symbol, ETH]


def own_both(desk: Desk) -> None:
    wallet = {"balances": [{"asset": coin, "free": "1", "locked": "0"} for coin in ("BTC", "ETH")]}
    desk.fake.answers["GET", "/api/v3/account"] = wallet


def delist(desk: Desk) -> None:
    desk.fake.answers["GET", LISTING] = {"symbols": [futures_symbol("BTC")]}


def refuse(desk: Desk, method: str, path: str, usual: Any, code: int = -1121) -> None:
    """Refuse every question about ETH; `usual` answers the others."""

    async def answer(request: web.Request, seen: Seen) -> web.StreamResponse:
        if seen.params["symbol"] == "ETHUSDT":
            return web.json_response({"code": code, "msg": "Invalid symbol."}, status=400)
        return await usual(request, seen) if callable(usual) else web.json_response(usual)

    desk.fake.answers[method, path] = answer


async def rules_told(desk: Desk) -> set[str]:
    async def first() -> Hint:
        hints = desk.venue.hints()
        while not isinstance(hint := await anext(hints), InstrumentsLoaded):
            pass
        return hint

    told = await asyncio.wait_for(first(), 60)
    assert isinstance(told, InstrumentsLoaded)
    return {rules.id.symbol for rules in told.instruments}


@pytest.mark.parametrize("code", [-1121, -4108, -4141])
def test_a_countdown_refused_for_a_delisted_contract_leaves_the_others_their_switch(code: int) -> None:
    async def scenario() -> set[str]:
        async with opened(BOTH) as desk:
            refuse(desk, "POST", COUNTDOWN, echo_countdown, code)
            delist(desk)
            await desk.venue.extend_switch(BOTH, 60_000)
            assert isinstance(await desk.venue.place(place_order(), let_go), OrderAccepted)
            return await rules_told(desk)

    assert asyncio.run(scenario()) == {BTC.symbol}, "and the engine hears at once what trades still"


def test_nothing_is_created_on_a_contract_whose_countdown_is_refused_until_it_is_confirmed() -> None:
    """The listing still calls it trading: nobody knows who is right, and no order goes where no switch is."""

    async def scenario() -> list[object]:
        async with opened(BOTH) as desk:
            order = place_order(id=BTC._replace(symbol=ETH), price=Decimal("3000.10"))
            refuse(desk, "POST", COUNTDOWN, echo_countdown)
            await desk.venue.extend_switch(BOTH, 60_000)
            without = await desk.venue.place(order, let_go)
            desk.fake.answers["POST", COUNTDOWN] = echo_countdown
            await desk.venue.extend_switch(BOTH, 60_000)
            return [without, await desk.venue.place(order, let_go)]

    without, guarded = asyncio.run(scenario())
    assert isinstance(without, OrderRejected)
    assert "dead man's switch" in without.text
    assert isinstance(guarded, OrderAccepted)


def test_where_every_countdown_is_refused_none_is_confirmed() -> None:
    async def scenario() -> None:
        async with opened([ETH]) as desk:
            refuse(desk, "POST", COUNTDOWN, echo_countdown)
            with pytest.raises(AskAgain, match="1 of 1 countdowns"):
                await desk.venue.extend_switch([ETH], 60_000)

    asyncio.run(scenario())


async def read_with(desk: Desk, listed: bool) -> AccountReading:
    own_both(desk)
    refuse(desk, "GET", OPEN, [])
    if not listed:
        delist(desk)
    return await desk.venue.read_account()


def test_open_orders_of_a_delisted_contract_do_not_keep_the_account_from_being_read() -> None:
    async def scenario() -> tuple[AccountReading, set[str]]:
        async with opened(BOTH) as desk:
            return await read_with(desk, listed=False), await rules_told(desk)

    reading, told = asyncio.run(scenario())
    assert reading.open_orders == ()
    assert told == {BTC.symbol}


def test_open_orders_that_are_refused_for_a_listed_contract_are_not_none() -> None:
    async def scenario() -> int:
        async with opened(BOTH) as desk:
            for _ in range(3):
                with pytest.raises(AskAgain, match="ETHUSDT"):
                    await read_with(desk, listed=True)
            return len(desk.fake.requests("GET", LISTING))

    assert asyncio.run(scenario()) == 1, "the listing is not asked for each time"


def test_a_delisted_contract_without_settings_is_read_and_a_listed_one_not() -> None:
    async def scenario() -> AccountReading:
        async with opened(BOTH) as desk:
            desk.fake.answers["GET", CONFIG] = [settings("BTCUSDT")]
            own_both(desk)
            desk.fake.answers["GET", RISK] = [risk("BTCUSDT", "-0.5"), risk("ETHUSDT", "2")]
            desk.fake.answers["GET", ACCOUNT] = futures_account(held("BTCUSDT", "-0.5"), held("ETHUSDT", "2"))
            delist(desk)
            return await desk.venue.read_account()

    assert {p.id.symbol: p.quantity for p in asyncio.run(scenario()).positions} == {
        BTC.symbol: Decimal("-0.5"),
        ETH: Decimal(2),
    }

    async def listed() -> None:
        async with opened(BOTH) as desk:
            own_both(desk)
            desk.fake.answers["GET", CONFIG] = [settings("BTCUSDT")]
            with pytest.raises(AskAgain, match="leverage of ETHUSDT"):
                await desk.venue.read_account()

    asyncio.run(listed())

"""The dead man's switch on the wire: one request a contract, confirmed word for word, or not at all."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from hedger.errors import AskAgain, GiveUp
from hedger.venues.abilities import Ability
from tests.support.leaping import PATIENCE_S, in_leaps
from tests.support.stand import proves
from tests.support.wire_bodies import echo_countdown, futures_symbol
from tests.support.wire_server import Seen, hanging_answer, plain_answer, refusal
from tests.support.wire_venue import BTC, SPOT, Desk, opened

COUNTDOWN = "/fapi/v1/countdownCancelAll"
ETH = "ETH/USDT:USDT"


@proves(Ability.SWITCH)
def test_each_contract_is_extended_by_one_signed_request_and_spot_by_none() -> None:
    async def scenario() -> list[tuple[str, str, str]]:
        async with opened([BTC.symbol, ETH, SPOT.symbol]) as desk:
            await desk.venue.extend_switch([BTC.symbol, ETH, SPOT.symbol], 60_000)
            assert {seen.path for seen in desk.fake.seen} == {COUNTDOWN}
            return sorted((s.method, s.params["symbol"], s.params["countdownTime"]) for s in desk.fake.seen)

    assert asyncio.run(scenario()) == [("POST", "BTCUSDT", "60000"), ("POST", "ETHUSDT", "60000")]


def test_one_contract_that_is_not_confirmed_fails_the_whole_and_the_others_are_extended() -> None:
    async def scenario() -> list[str]:
        async def only_bitcoin(request: web.Request, seen: Seen) -> web.StreamResponse:
            if seen.params["symbol"] != "BTCUSDT":
                return web.json_response({"code": -4109, "msg": "This account is inactive."}, status=400)
            return await echo_countdown(request, seen)

        async with opened([BTC.symbol, ETH]) as desk:
            desk.fake.answers["POST", COUNTDOWN] = only_bitcoin
            with pytest.raises(AskAgain, match=r"1 of 2 countdowns.*ETHUSDT"):
                await desk.venue.extend_switch([ETH, BTC.symbol], 60_000)
            return sorted(seen.params["symbol"] for seen in desk.fake.seen)

    assert asyncio.run(scenario()) == ["BTCUSDT", "ETHUSDT"]


@pytest.mark.parametrize(
    "answer",
    [refusal(401, -2014), refusal(400, -1121), plain_answer(200, "<html>"), hanging_answer(), {"symbol": "BTCUSDT"}],
    ids=["keys", "hopeless", "HTML", "silence", "no period"],
)
def test_whatever_is_not_a_confirmation_may_be_asked_again_within_a_bounded_time(answer: Any) -> None:
    async def scenario() -> float:
        async with opened() as desk:
            desk.fake.answers["POST", COUNTDOWN] = answer
            loop = asyncio.get_running_loop()
            begun = loop.time()
            with pytest.raises(AskAgain):
                await desk.venue.extend_switch([BTC.symbol], 60_000)
            assert len(desk.fake.requests("POST", COUNTDOWN)) == 1
            return loop.time() - begun

    assert in_leaps(scenario()) < 4 * PATIENCE_S


def test_where_we_only_watch_no_countdown_is_touched() -> None:
    async def scenario() -> int:
        async with opened(environment="shadow") as desk:
            with pytest.raises(GiveUp, match="only watched"):
                await desk.venue.extend_switch([BTC.symbol], 60_000)
            return len(desk.fake.seen)

    assert asyncio.run(scenario()) == 0


def test_a_contract_that_does_not_trade_any_more_does_not_keep_the_others_from_their_switch() -> None:
    async def scenario() -> list[str]:
        async with opened([BTC.symbol, ETH]) as desk:
            await delist(desk, ETH)
            await desk.venue.extend_switch([BTC.symbol, ETH], 60_000)
            return [seen.params["symbol"] for seen in desk.fake.requests("POST", COUNTDOWN)]

    assert asyncio.run(scenario()) == ["BTCUSDT"]


async def delist(desk: Desk, symbol: str) -> None:
    desk.fake.answers["GET", "/fapi/v1/exchangeInfo"] = {"symbols": [futures_symbol("BTC")]}
    assert symbol not in {rules.id.symbol for rules in await desk.venue.read_instruments([symbol])}

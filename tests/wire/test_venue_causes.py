"""Why an execution happened: told by names where there are any, asked for where there are none, and not asked twice."""

import asyncio
import time
from typing import Any

import pytest
from aiohttp import web

from hedger.model.order import Fill, FillCause
from hedger.venues.abilities import Ability
from tests.support.leave import let_go
from tests.support.stand import proves
from tests.support.wire_bodies import AT, order_record, trade
from tests.support.wire_server import Answer, Seen, plain_answer, refusal
from tests.support.wire_venue import BTC, Desk, opened, place_order

FORCED, TRADES = "/fapi/v1/forceOrders", "/fapi/v1/userTrades"


def forced(**of: list[dict[str, Any]]) -> Answer:
    """Forced orders by the kind that is asked for."""

    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        return web.json_response(of.get(seen.params["autoCloseType"], []))

    return answer


def told(fills: tuple[Fill, ...]) -> list[tuple[str, str | None, FillCause]]:
    return [(fill.trade_id, fill.client_order_id, fill.cause) for fill in fills]


def asked(desk: Desk) -> list[str]:
    return [seen.params["autoCloseType"] for seen in desk.fake.requests("GET", FORCED)]


def test_fills_of_orders_that_we_sent_cost_no_further_question() -> None:
    async def scenario() -> tuple[list[Any], list[str]]:
        async with opened() as desk:
            await desk.venue.place(place_order(), let_go)
            desk.fake.answers["GET", TRADES] = [trade(1, orderId=283194212), trade(2, orderId=283194212)]
            return told(await desk.venue.read_fills(BTC, AT)), asked(desk)

    fills, questions = asyncio.run(scenario())
    assert fills == [(n, place_order().client_order_id, FillCause.ORDER) for n in ("1", "2")]
    assert questions == []


@proves(Ability.FORCED)
def test_an_unheard_of_order_is_asked_about_and_named_as_the_venue_names_it() -> None:
    async def scenario() -> list[Any]:
        async with opened() as desk:
            rows = [order_record(orderId=7, clientOrderId="autoclose-1596107620040000020")]
            deleveraged = [order_record(orderId=8, clientOrderId="adl_autoclose")]
            desk.fake.answers["GET", FORCED] = forced(LIQUIDATION=rows, ADL=deleveraged)
            desk.fake.answers["GET", TRADES] = [trade(1, orderId=7), trade(2, orderId=8), trade(3, orderId=9)]
            fills = told(await desk.venue.read_fills(BTC, AT))
            assert sorted(asked(desk)) == ["ADL", "LIQUIDATION"]
            assert told(await desk.venue.read_fills(BTC, AT)) == fills
            assert len(asked(desk)) == 2, "what was learned is kept"
            return fills

    assert asyncio.run(scenario()) == [
        ("1", "autoclose-1596107620040000020", FillCause.LIQUIDATION),
        ("2", "adl_autoclose", FillCause.DELEVERAGING),
        ("3", None, FillCause.ORDER),
    ]


def test_a_fresh_trade_that_is_not_listed_as_forced_yet_is_asked_about_again() -> None:
    async def scenario() -> list[FillCause]:
        async with opened() as desk:
            now = int(time.time() * 1000)
            desk.fake.answers["GET", TRADES] = [trade(1, orderId=8, time=now - 1_000)]
            before = await desk.venue.read_fills(BTC, now - 60_000)
            desk.fake.answers["GET", FORCED] = forced(ADL=[order_record(orderId=8, clientOrderId="adl_autoclose")])
            after = await desk.venue.read_fills(BTC, now - 60_000)
            return [before[0].cause, after[0].cause]

    assert asyncio.run(scenario()) == [FillCause.ORDER, FillCause.DELEVERAGING]


@pytest.mark.parametrize(
    "answer",
    [
        plain_answer(200, "<html>"),
        plain_answer(503, ""),
        plain_answer(404, ""),
        refusal(400, -1121),
        [order_record(symbol="ETHUSDT")],
        [{"orderId": "x"}],
    ],
    ids=["HTML", "503", "404", "never", "another contract", "broken"],
)
def test_fills_count_also_where_the_venue_does_not_tell_their_cause(answer: Answer) -> None:
    """A question about the cause must not keep a fill of ours out of the ledger; it is asked again with the next."""

    async def scenario() -> list[FillCause]:
        async with opened() as desk:
            desk.fake.answers["GET", FORCED] = answer
            return [fill.cause for fill in await desk.venue.read_fills(BTC, AT)]

    assert asyncio.run(scenario()) == [FillCause.ORDER]


def frame(name: str, **changes: Any) -> dict[str, Any]:
    order = {
        "s": "BTCUSDT", "c": name, "S": "BUY", "q": "0.5", "p": "0", "z": "0.2", "x": "CALCULATED", "X": "NEW", "i": 77,
        "R": True, "T": AT, "l": "0.2", "L": "60000.1", "t": 9, "m": False, "n": "0.1", "N": "USDT",
    }  # fmt: skip
    return {"e": "ORDER_TRADE_UPDATE", "E": AT, "T": AT, "o": order | changes}


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("autoclose-1596107620040000020", FillCause.LIQUIDATION),
        ("adl_autoclose", FillCause.DELEVERAGING),
        ("settlement_autoclose-77", FillCause.SETTLEMENT),
        ("somebody-by-hand", FillCause.ORDER),
    ],
)
def test_the_stream_passes_on_whosever_fill_with_its_cause(name: str, cause: FillCause) -> None:
    async def scenario() -> tuple[Fill, Fill]:
        async with opened() as desk:
            hints = desk.venue.hints()
            waiting = asyncio.ensure_future(next_fill(hints))
            while not any("listenKey" in path for _, path, _ in desk.fake.sockets):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await desk.fake.push("listenKey", frame(name, x="CALCULATED", t=0))
            await desk.fake.push("listenKey", frame(name))
            streamed = await asyncio.wait_for(waiting, 60)
            desk.fake.answers["GET", TRADES] = [
                trade(9, orderId=77, side="BUY", qty="0.2", commission="0.1", maker=False, time=AT)
            ]
            (read,) = await desk.venue.read_fills(BTC, AT)
            assert asked(desk) == [], "the stream had told of the order"
            return streamed, read

    streamed, read = asyncio.run(scenario())
    assert (streamed.client_order_id, streamed.cause, streamed.trade_id) == (name, cause, "9")
    assert read == streamed


async def next_fill(hints: Any) -> Fill:
    async for hint in hints:
        if isinstance(hint, Fill):
            return hint
    raise AssertionError("the stream ended")

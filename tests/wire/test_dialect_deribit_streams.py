"""An unmodified ccxt.pro on Deribit's WebSocket: prices, books, orders, fills, balances, and a lost connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from decimal import Decimal as D
from typing import Any

import aiohttp

from hedger.model.order import Side
from hedger.sim.nouns import Wallet
from tests.support.deribit_bench import CLIENT, INVERSE, SECRET, Bench, at_the_wire

SYMBOL = "BTCUSD_PERP"
STREAM = "wss://www.deribit.com/ws/api/v2"


async def soon(awaited: Awaitable[Any]) -> Any:
    """What must come within a moment."""
    return await asyncio.wait_for(awaited, 60)


def stir(bench: Bench, contracts: int) -> None:
    """The crowd changes the best bid of the perpetual, a while later."""
    bench.exchange.advance(bench.exchange.now + 200)
    bench.exchange.set_crowd(Wallet.INVERSE, SYMBOL, Side.BUY, D(60_000), D(contracts))
    bench.exchange.publish(Wallet.INVERSE, SYMBOL)


async def later(bench: Bench, watched: Any, contracts: int) -> Any:
    """What a watch tells after the crowd has moved."""
    waiting = asyncio.ensure_future(watched)
    await asyncio.sleep(0.02)
    stir(bench, contracts)
    return await soon(waiting)


def test_tickers_quotes_and_books_are_streamed() -> None:
    async def check(bench: Bench) -> None:
        client = await bench.client()
        assert (await soon(client.watch_ticker(INVERSE)))["bid"] == "60000"
        assert (await later(bench, client.watch_ticker(INVERSE), 90))["bidVolume"] == "900"
        quote = (await soon(client.watch_bids_asks([INVERSE])))[INVERSE]
        assert (quote["bid"], quote["bidVolume"]) == ("60000", "900")
        book = await soon(client.watch_order_book(INVERSE))
        assert [float(x) for x in book["bids"][0][:2]] == [60_000, 900]
        book = await later(bench, client.watch_order_book(INVERSE), 0)
        assert float(book["bids"][0][0]) == 59_999.5

    at_the_wire(check)


def test_orders_and_fills_are_streamed_with_their_label() -> None:
    async def check(bench: Bench) -> None:
        client = await bench.client()
        watched = asyncio.ensure_future(client.watch_orders(INVERSE))
        fills = asyncio.ensure_future(client.watch_my_trades(INVERSE))
        await asyncio.sleep(0.1)
        params = {"postOnly": True, "label": "hedge-1"}
        await client.create_order(INVERSE, "limit", "buy", "1000", "60000", params)
        (order,) = await soon(watched)
        assert (order["status"], order["info"]["label"]) == ("open", "hedge-1")
        watched = asyncio.ensure_future(client.watch_orders(INVERSE))
        await asyncio.sleep(0.02)
        bench.exchange.crowd_takes(Wallet.INVERSE, SYMBOL, Side.SELL, D(50_100))
        (fill,) = await soon(fills)
        assert (fill["amount"], fill["takerOrMaker"], fill["info"]["label"]) == ("1000", "maker", "hedge-1")
        (final,) = await soon(watched)
        assert (final["status"], final["filled"]) == ("closed", "1000")

    at_the_wire(check)


def test_balances_are_streamed_when_they_move() -> None:
    async def check(bench: Bench) -> None:
        client = await bench.client(options={"currencies": ["BTC"]})
        assert (await soon(client.watch_balance()))["BTC"]["BTC"]["free"] == "2"
        waiting = asyncio.ensure_future(client.watch_balance())
        await asyncio.sleep(0.02)
        bench.exchange.deposit("main", Wallet.INVERSE, "BTC", D(1))
        assert (await soon(waiting))["BTC"]["BTC"]["free"] == "3"

    at_the_wire(check)


class Raw:
    """Calls over a WebSocket of one's own."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def call(self, method: str, **params: Any) -> Any:
        """The reply to a call."""
        await self.socket.send_str(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
        return json.loads((await soon(self.socket.receive())).data)

    async def sign_in(self, secret: str = SECRET) -> Any:
        """As the account's owner; the reply."""
        grant = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": secret}
        return await self.call("public/auth", **grant)


async def orders_left(bench: Bench, client: Any, count: int) -> Any:
    """The open orders, once there are so many."""
    for _ in range(100):
        orders = await client.fetch_open_orders(INVERSE)
        if len(orders) == count:
            return orders
        bench.exchange.advance(bench.exchange.now + 1_000)  # credits come back
    raise AssertionError("the orders did not come to that many")


def test_a_websocket_with_another_secret_opens_nothing() -> None:
    async def check(bench: Bench) -> None:
        async with bench.session() as session:
            raw = Raw(await session.ws_connect(STREAM))
            assert (await raw.sign_in("another"))["error"]["code"] == 13004
            assert (await raw.call("private/get_positions"))["error"]["code"] == 10000
            assert (await raw.sign_in())["result"]["token_type"] == "bearer"

    at_the_wire(check)


def test_a_lost_connection_takes_its_own_orders_with_it() -> None:
    async def check(bench: Bench) -> None:
        client = await bench.client()
        async with bench.session() as session:
            raw = Raw(await session.ws_connect(STREAM))
            await raw.sign_in()
            assert (await raw.call("private/enable_cancel_on_disconnect"))["result"] == "ok"
            order = {"instrument_name": "BTC-PERPETUAL", "amount": 1000, "price": 59_000, "post_only": True}
            placed = await raw.call("private/buy", **order, reject_post_only=True, label="ws")
            assert placed["result"]["order"]["order_state"] == "open"
            await client.create_order(INVERSE, "limit", "buy", "1000", "59000", {"postOnly": True, "label": "http"})
            await orders_left(bench, client, 2)
            bench.server.drop_streams()
            (left,) = await orders_left(bench, client, 1)
        assert left["info"]["label"] == "http"

    at_the_wire(check)


def test_a_logout_closes_the_connection_and_leaves_the_orders() -> None:
    async def check(bench: Bench) -> None:
        async with bench.session() as session:
            raw = Raw(await session.ws_connect(STREAM))
            await raw.sign_in()
            await raw.call("private/enable_cancel_on_disconnect")
            await raw.call("private/buy", instrument_name="BTC-PERPETUAL", amount=1000, price=59_000)
            await raw.socket.send_str(json.dumps({"jsonrpc": "2.0", "id": 2, "method": "private/logout", "params": {}}))
            assert (await soon(raw.socket.receive())).type is aiohttp.WSMsgType.CLOSE
        await asyncio.sleep(0.05)
        assert len(bench.exchange.open_orders("main", Wallet.INVERSE)) == 1

    at_the_wire(check)


def test_who_does_not_answer_test_requests_is_cut_off_at_the_wire() -> None:
    async def check(bench: Bench) -> None:
        async with bench.session() as session:
            raw = Raw(await session.ws_connect(STREAM))
            assert (await raw.call("public/set_heartbeat", interval=10))["result"] == "ok"
            bench.exchange.advance(bench.exchange.now + 10_000)
            asked = json.loads((await soon(raw.socket.receive())).data)
            assert (asked["method"], asked["params"]) == ("heartbeat", {"type": "test_request"})
            bench.exchange.advance(bench.exchange.now + 10_000)
            assert (await soon(raw.socket.receive())).type is aiohttp.WSMsgType.CLOSE

    at_the_wire(check)

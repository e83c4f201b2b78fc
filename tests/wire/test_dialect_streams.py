"""Streams, heard by an unmodified ccxt and by a bare WebSocket at Binance's own addresses."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import aiohttp

from hedger.model.order import Side
from hedger.model.spans import HOUR_MS
from hedger.sim.nouns import Wallet
from tests.support.dialect_bench import PAIR, PERPETUAL, SECRET, Bench, at_the_wire


async def frame(socket: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The next frame of a kind (`e`)."""
    while True:
        body: dict[str, Any] = json.loads(await socket.receive_str(timeout=60))
        if body.get("e") == kind:
            return body


def test_quotes_are_streamed_on_both_apis() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        for symbol, wallet in ((PERPETUAL, Wallet.LINEAR), (PAIR, Wallet.SPOT)):
            await client.watch_bids_asks([symbol])
            waiting = asyncio.create_task(client.watch_bids_asks([symbol]))
            await asyncio.sleep(0.01)
            bench.exchange.set_crowd(wallet, "BTCUSDT", Side.BUY, Decimal("60000.0"), Decimal("1.25"))
            bench.exchange.publish(wallet, "BTCUSDT")
            ticker = (await waiting)[symbol]
            assert (Decimal(ticker["bid"]), Decimal(ticker["bidVolume"])) == (Decimal("60000.0"), Decimal("1.25"))

    at_the_wire(run)


def test_marks_are_streamed_once_a_second() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        await client.watch_mark_price(PERPETUAL)
        waiting = asyncio.create_task(client.watch_mark_price(PERPETUAL))
        await asyncio.sleep(0.01)
        bench.exchange.advance(bench.exchange.now + 1_000)
        mark = await waiting
        assert Decimal(mark["markPrice"]) == bench.exchange.premium("BTCUSDT").mark_price
        assert mark["timestamp"] == bench.exchange.now
        assert int(mark["info"]["T"]) == bench.exchange.premium("BTCUSDT").next_funding_at

    at_the_wire(run)


def test_differences_continue_the_depth_snapshot() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        for symbol, wallet in ((PERPETUAL, Wallet.LINEAR), (PAIR, Wallet.SPOT)):
            book = await client.watch_order_book(symbol)
            assert book["bids"][0] == [60000.0, 3.0]
            for quantity in ("2", "1", "0.5"):
                waiting = asyncio.create_task(client.watch_order_book(symbol))
                await asyncio.sleep(0.01)
                bench.exchange.advance(bench.exchange.now + 100)
                bench.exchange.set_crowd(wallet, "BTCUSDT", Side.BUY, Decimal("60000.0"), Decimal(quantity))
                bench.exchange.publish(wallet, "BTCUSDT")
                book = await asyncio.wait_for(waiting, 60)
            assert book["bids"][0] == [60000.0, 0.5]

    at_the_wire(run)


def test_executions_are_streamed_as_trades() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        waiting = asyncio.create_task(client.watch_trades(PERPETUAL))
        await asyncio.sleep(0.1)
        await client.create_order(PERPETUAL, "market", "sell", "0.01")
        (trade,) = await waiting
        assert (trade["side"], Decimal(trade["amount"])) == ("sell", Decimal("0.01"))

    at_the_wire(run)


def test_a_linear_users_orders_fills_and_positions_are_streamed() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        orders = asyncio.create_task(client.watch_orders(PERPETUAL))
        positions = asyncio.create_task(client.watch_positions([PERPETUAL]))
        trades = asyncio.create_task(client.watch_my_trades(PERPETUAL))
        await asyncio.sleep(0.2)
        await client.create_order(
            PERPETUAL, "limit", "buy", "0.01", "60000.0", {"postOnly": True, "clientOrderId": "h1"}
        )
        (order,) = await orders
        assert (order["clientOrderId"], order["status"]) == ("h1", "open")
        bench.exchange.crowd_takes(Wallet.LINEAR, "BTCUSDT", Side.SELL, Decimal("3.01"))
        (trade,) = await trades
        assert (Decimal(trade["amount"]), trade["takerOrMaker"]) == (Decimal("0.01"), "maker")
        (position,) = await positions
        assert (Decimal(position["contracts"]), position["side"]) == (Decimal("0.01"), "long")

    at_the_wire(run)


def test_a_spot_users_orders_and_balances_are_streamed() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        orders = asyncio.create_task(client.watch_orders(PAIR))
        balance = asyncio.create_task(client.watch_balance())
        await asyncio.sleep(0.2)
        await client.create_order(PAIR, "limit", "sell", "0.5", "61000", {"postOnly": True, "clientOrderId": "h2"})
        (order,) = await orders
        assert (order["clientOrderId"], order["status"], order["price"]) == ("h2", "open", "61000.00000000")
        assert Decimal((await balance)["BTC"]["used"]) == Decimal("0.5")
        orders = asyncio.create_task(client.watch_orders(PAIR))
        await asyncio.sleep(0)
        await client.cancel_order(None, PAIR, {"clientOrderId": "h2"})
        canceled = (await orders)[-1]
        assert (canceled["clientOrderId"], canceled["status"]) == ("h2", "canceled")

    at_the_wire(run)


def test_a_deposit_and_a_funding_payment_are_account_updates() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        key = (await client.fapiPrivatePostListenKey())["listenKey"]
        await client.create_order(PERPETUAL, "market", "sell", "0.5")
        async with (
            bench.session() as session,
            session.ws_connect(f"wss://fstream.binance.com/ws/{key}") as socket,
        ):
            await asyncio.sleep(0.05)
            bench.exchange.deposit("main", Wallet.LINEAR, "USDT", Decimal(7))
            deposit = (await frame(socket, "ACCOUNT_UPDATE"))["a"]
            assert (deposit["m"], deposit["B"][0]["bc"]) == ("DEPOSIT", "7.00000000")
            bench.exchange.set_funding_rate("BTCUSDT", Decimal("0.0001"))
            at = bench.exchange.premium("BTCUSDT").next_funding_at
            while bench.exchange.now < at + 1_000:
                bench.exchange.advance(min(at + 1_000, bench.exchange.now + HOUR_MS // 2))
                await client.fapiPrivatePutListenKey()
            funding = (await frame(socket, "ACCOUNT_UPDATE"))["a"]
            assert funding["m"] == "FUNDING_FEE"
            assert Decimal(funding["B"][0]["bc"]) == bench.exchange.truth("main").funding[0].amount

    at_the_wire(run)


def test_a_listen_key_expires_unless_it_is_kept_alive() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        key = (await client.fapiPrivatePostListenKey())["listenKey"]
        assert (await client.fapiPrivatePostListenKey())["listenKey"] == key
        async with (
            bench.session() as session,
            session.ws_connect(f"wss://fstream.binance.com/private/ws?listenKey={key}") as socket,
        ):
            await asyncio.sleep(0.05)
            bench.exchange.advance(bench.exchange.now + HOUR_MS - 1_000)
            await client.fapiPrivatePutListenKey()
            bench.exchange.advance(bench.exchange.now + HOUR_MS - 1_000)
            await client.create_order(PERPETUAL, "limit", "buy", "0.01", "59000")
            assert (await frame(socket, "ORDER_TRADE_UPDATE"))["o"]["x"] == "NEW"
            bench.exchange.advance(bench.exchange.now + HOUR_MS)
            assert (await frame(socket, "listenKeyExpired"))["listenKey"] == key
        assert (await client.fapiPrivatePostListenKey())["listenKey"] != key

    at_the_wire(run)


def test_a_stream_of_an_unknown_key_stays_silent() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        async with (
            bench.session() as session,
            session.ws_connect("wss://fstream.binance.com/private/ws?listenKey=" + "x" * 64) as socket,
        ):
            await client.create_order(PERPETUAL, "limit", "buy", "0.01", "59000")
            await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
            assert json.loads(await socket.receive_str(timeout=60)) == {"result": ["x" * 64], "id": 1}

    at_the_wire(run)


def test_streams_of_another_category_stay_silent() -> None:
    async def run(bench: Bench) -> None:
        async with (
            bench.session() as session,
            session.ws_connect("wss://fstream.binance.com/market/ws") as socket,
        ):
            names = ["btcusdt@bookTicker", "btcusdt@markPrice@1s"]
            await socket.send_json({"method": "SUBSCRIBE", "params": names, "id": 1})
            assert json.loads(await socket.receive_str(timeout=60)) == {"result": None, "id": 1}
            assert json.loads(await socket.receive_str(timeout=60))["e"] == "markPriceUpdate"

    at_the_wire(run)


def test_combined_streams_name_their_stream() -> None:
    async def run(bench: Bench) -> None:
        async with (
            bench.session() as session,
            session.ws_connect("wss://stream.binance.com:9443/stream?streams=btcusdt@bookTicker") as socket,
        ):
            body = json.loads(await socket.receive_str(timeout=60))
            assert (body["stream"], body["data"]["s"]) == ("btcusdt@bookTicker", "BTCUSDT")

    at_the_wire(run)


def test_an_unsigned_subscription_to_user_data_is_refused() -> None:
    async def run(bench: Bench) -> None:
        async with (
            bench.session() as session,
            session.ws_connect("wss://ws-api.binance.com:443/ws-api/v3") as socket,
        ):
            params = {"apiKey": "k" * 64, "timestamp": bench.exchange.now, "signature": SECRET}
            await socket.send_json({"id": "1", "method": "userDataStream.subscribe.signature", "params": params})
            body = json.loads(await socket.receive_str(timeout=60))
            assert (body["status"], body["error"]["code"]) == (400, -1022)

    at_the_wire(run)


def test_who_does_not_read_is_dropped_and_nobody_waits() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        key = (await client.fapiPrivatePostListenKey())["listenKey"]
        async with (
            bench.session() as session,
            session.ws_connect(f"wss://fstream.binance.com/private/ws?listenKey={key}") as socket,
        ):
            await asyncio.sleep(0.05)
            for _ in range(6_000):
                bench.exchange.deposit("main", Wallet.LINEAR, "USDT", Decimal(1))
            await asyncio.sleep(0.3)
            assert bench.server.connections == 0
            assert not socket.closed

    at_the_wire(run)


def test_a_connection_is_closed_after_a_day() -> None:
    async def run(bench: Bench) -> None:
        async with (
            bench.session() as session,
            session.ws_connect("wss://fstream.binance.com/market/ws") as socket,
        ):
            await asyncio.sleep(0.05)
            bench.exchange.advance(bench.exchange.now + 24 * HOUR_MS)
            message = await socket.receive(timeout=60)
            assert message.type is aiohttp.WSMsgType.CLOSE

    at_the_wire(run)


def test_what_was_before_a_stream_began_is_not_a_change() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        key = (await client.fapiPrivatePostListenKey())["listenKey"]
        async with (
            bench.session() as session,
            session.ws_connect(f"wss://fstream.binance.com/private/ws?listenKey={key}") as socket,
        ):
            await asyncio.sleep(0.05)
            bench.exchange.deposit("main", Wallet.LINEAR, "USDT", Decimal(7))
            deposit = (await frame(socket, "ACCOUNT_UPDATE"))["a"]
            assert (deposit["B"][0]["bc"], deposit["B"][0]["wb"], deposit["P"]) == ("7.00000000", "50007.00000000", [])

    at_the_wire(run)


def test_a_malformed_frame_is_answered_and_the_stream_goes_on() -> None:
    async def run(bench: Bench) -> None:
        for url in ("wss://fstream.binance.com/market/ws", "wss://ws-api.binance.com:443/ws-api/v3"):
            async with bench.session() as session, session.ws_connect(url) as socket:
                for text in ("{", "[]", '{"method":"SUBSCRIBE","params":5,"id":1}', '{"method":"dance","id":2}'):
                    await socket.send_str(text)
                    assert "error" in json.loads(await socket.receive_str(timeout=60))

    at_the_wire(run)

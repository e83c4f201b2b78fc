"""Bybit's streams, heard by an unmodified ccxt over TLS, and the protection of who is cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from hedger.model.order import Side
from hedger.sim.nouns import Wallet
from tests.support.bybit_bench import INVERSE, PAIR, PERPETUAL, Bench, at_the_wire

D = Decimal
POST_ONLY = {"postOnly": True}


async def until(true: Callable[[], bool]) -> None:
    """Wait a little for something to become true."""
    for _ in range(1_000):
        if true():
            return
        await asyncio.sleep(0.005)
    pytest.fail("it has not become true")


async def during(watching: Awaitable[Any], happens: Callable[[], Awaitable[Any]] | Callable[[], None]) -> Any:
    """What is told of something that happens while it is watched."""
    waiting = asyncio.ensure_future(watching)
    await asyncio.sleep(0.05)
    result = happens()
    if result is not None:
        await result
    return await asyncio.wait_for(waiting, 60)


def test_quotes_and_marks_are_streamed_in_every_category() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        for symbol, wallet, name in (
            (PERPETUAL, Wallet.LINEAR, "BTCUSDT"),
            (INVERSE, Wallet.INVERSE, "BTCUSD_PERP"),
            (PAIR, Wallet.SPOT, "BTCUSDT"),
        ):
            first = (await client.watch_bids_asks([symbol]))[symbol]
            assert D(first["bid"]) == 60_000

            def move(wallet: Wallet = wallet, name: str = name) -> None:
                bench.exchange.set_crowd(wallet, name, Side.BUY, D("60000.0"), D(7))
                bench.exchange.publish(wallet, name)

            ticker = (await during(client.watch_bids_asks([symbol]), move))[symbol]
            assert D(ticker["bidVolume"]) == 7
        mark = await client.watch_ticker(PERPETUAL)
        assert D(mark["markPrice"]) == bench.exchange.premium("BTCUSDT").mark_price
        bench.exchange.set_funding_rate("BTCUSDT", D("0.0007"))
        later = await during(client.watch_ticker(PERPETUAL), lambda: bench.exchange.advance(bench.exchange.now + 1_000))
        assert (later["info"]["fundingRate"], D(later["bid"])) == ("0.0007", D(60_000))

    at_the_wire(run)


def test_an_order_and_its_fill_and_its_position_are_streamed() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()

        async def place() -> None:
            await client.create_order(PERPETUAL, "limit", "buy", 0.5, 60000.0, POST_ONLY | {"clientOrderId": "h1"})

        (order,) = await during(client.watch_orders(PERPETUAL), place)
        assert (order["clientOrderId"], order["status"], order["timeInForce"]) == ("h1", "open", "PO")

        def fill() -> None:
            bench.exchange.crowd_takes(Wallet.LINEAR, "BTCUSDT", Side.SELL, D("3.2"))

        trades = asyncio.create_task(client.watch_my_trades(PERPETUAL))
        positions = asyncio.create_task(client.watch_positions([PERPETUAL]))
        await asyncio.sleep(0.1)
        (filled,) = await during(client.watch_orders(PERPETUAL), fill)
        assert (D(filled["filled"]), D(filled["remaining"])) == (D("0.2"), D("0.3"))
        (trade,) = await asyncio.wait_for(trades, 60)
        assert (trade["takerOrMaker"], D(trade["amount"]), trade["order"]) == ("maker", D("0.2"), order["id"])
        (position,) = await asyncio.wait_for(positions, 60)
        assert (position["side"], D(position["contracts"])) == ("long", D("0.2"))

    at_the_wire(run)


def test_an_order_that_would_take_is_streamed_as_canceled_with_its_reason() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()

        async def place() -> None:
            await client.create_order(PERPETUAL, "limit", "buy", 0.5, 61000, POST_ONLY | {"clientOrderId": "x1"})

        (order,) = await during(client.watch_orders(PERPETUAL), place)
        assert (order["clientOrderId"], order["status"]) == ("x1", "canceled")
        assert order["info"]["rejectReason"] == "EC_PostOnlyWillTakeLiquidity"

    at_the_wire(run)


def test_a_spot_order_is_streamed_as_one_of_spot() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()

        async def place() -> None:
            await client.create_order(PAIR, "limit", "buy", 0.01, 59000, {"clientOrderId": "s1"})

        (order,) = await during(client.watch_orders(PAIR), place)
        assert (order["symbol"], order["clientOrderId"]) == (PAIR, "s1")

    at_the_wire(run)


def test_a_changed_balance_is_streamed() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()

        def deposit() -> None:
            bench.exchange.deposit("main", Wallet.LINEAR, "USDT", D(5))

        balance = await during(client.watch_balance(), deposit)
        # ccxt takes the equity of a streamed coin for its total, the sold call included.
        (account,) = balance["info"]
        assert {row["coin"]: row["walletBalance"] for row in account["coin"]}["USDT"] == "150005"

    at_the_wire(run)


def test_trades_of_users_are_streamed_to_everybody() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()

        async def trade() -> None:
            await client.create_order(PERPETUAL, "market", "sell", 0.1)

        (told,) = await during(client.watch_trades(PERPETUAL), trade)
        assert (told["side"], D(told["amount"])) == ("sell", D("0.1"))

    at_the_wire(run)


def test_a_wrong_secret_does_not_sign_in() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        await client.isUnifiedEnabled()
        client.secret = "wrong"
        with pytest.raises(ccxt.BaseError):
            await asyncio.wait_for(client.watch_orders(PERPETUAL), 60)

    at_the_wire(run)


def test_orders_are_canceled_when_the_protected_socket_breaks_and_stays_away() -> None:
    async def run(bench: Bench) -> None:
        client = await bench.client()
        await client.cancel_all_orders_after(10_000)

        async def place() -> None:
            await client.create_order(PERPETUAL, "limit", "buy", 0.1, 59000, POST_ONLY | {"clientOrderId": "h1"})

        await during(client.watch_orders(PERPETUAL), place)
        socket = client.clients["wss://stream.bybit.com/v5/private"]
        await socket.send({"op": "subscribe", "req_id": "dcp", "args": ["dcp.future"]})
        await until(lambda: bench.board.protection.watched("main", "DERIVATIVES"))
        bench.exchange.advance(bench.exchange.now + 30_000)
        assert len(bench.exchange.truth("main").open_orders) == 1
        bench.server.drop_streams()
        await until(lambda: not bench.board.protection.watched("main", "DERIVATIVES"))
        bench.exchange.advance(bench.exchange.now + 9_999)
        assert len(bench.exchange.truth("main").open_orders) == 1
        bench.exchange.advance(bench.exchange.now + 1)
        assert bench.exchange.truth("main").open_orders == []

    at_the_wire(run)

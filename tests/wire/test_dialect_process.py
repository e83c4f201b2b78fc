"""The exchange as a process: found, asked, moved by its own clock, outliving its parent, and ended cleanly."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import aiohttp
import ccxt.pro
import pytest

from hedger.errors import GiveUp
from hedger.sim.attach import NOTE, Attached, find_running, start_exchange_process
from hedger.sim.network import paper_connector
from hedger.sim.nouns import OrderState, Wallet

PROGRAM = ("-m", "tests.support.exchange_process")


@asynccontextmanager
async def started(directory: Path, *arguments: str) -> AsyncIterator[Attached]:
    attached = await start_exchange_process(arguments, directory=directory, program=PROGRAM)
    try:
        yield attached
    finally:
        await attached.stop()


@asynccontextmanager
async def client_of(attached: Attached) -> AsyncIterator[ccxt.pro.binance]:
    network = attached.network()
    session = aiohttp.ClientSession(connector=paper_connector(network))
    config = {
        "apiKey": attached.note.api_key,
        "secret": attached.note.api_secret,
        "enableRateLimit": False,
        "number": str,
        "session": session,
        "ssl_context": network.ssl_context,
        "options": {"fetchMarkets": {"types": ["linear"]}, "fetchCurrencies": False, "fetchMargins": False},
    }
    client = ccxt.pro.binance(config)
    client.timeout_on_exit = 0
    client.milliseconds = attached.clock.now_ms
    try:
        await client.load_markets()
        yield client
    finally:
        await client.close()
        await session.close()


def test_a_client_trades_on_the_shared_clock_and_the_truth_tells_of_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path, "--speed", "20") as attached, client_of(attached) as client:
            before = attached.clock.now_ms()
            assert before - 1_000 < await client.fetch_time() <= attached.clock.now_ms()
            await client.create_order("BTC/USDT:USDT", "limit", "buy", "0.01", "59000", {"clientOrderId": "h1"})
            await client.create_order("BTC/USDT:USDT", "market", "sell", "0.02")
            truth = await attached.truth()
            (order,) = truth.open_orders
            assert (order.client_order_id, order.state, order.wallet) == ("h1", OrderState.NEW, Wallet.LINEAR)
            assert truth.positions == {"BTCUSDT": Decimal("-0.02")}
            assert truth.trades[0].fee > 0

    asyncio.run(run())


def test_its_time_runs_at_its_speed_without_being_asked(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path, "--speed", "100") as attached:
            before = await attached.status()
            await attached.clock.sleep(50)
            after = await attached.status()
            assert int(str(after["now"])) - int(str(before["now"])) >= 50_000
            assert int(str(after["lag_ms"])) < 10_000

    asyncio.run(run())


def test_a_person_can_bring_things_about(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path) as attached:
            await attached.scenario("deposit", wallet="spot", asset="BTC", quantity="1.5")
            await attached.scenario("place", wallet="spot", symbol="BTCUSDT", side="sell", quantity="0.5")
            assert (await attached.truth()).spot["BTC"] == Decimal("1.0")
            await attached.scenario("set_leverage", symbol="BTCUSDT", leverage=3)
            await attached.scenario("hedge_mode", on=True)
            with pytest.raises(GiveUp, match="insufficient_balance"):
                await attached.scenario("deposit", wallet="spot", asset="BTC", quantity="-9")
            with pytest.raises(GiveUp, match="the action is one of"):
                await attached.scenario("wish")

    asyncio.run(run())


def test_a_running_exchange_is_found_and_a_stopped_one_is_not(tmp_path: Path) -> None:
    async def run() -> None:
        assert await find_running(tmp_path) is None
        async with started(tmp_path) as attached:
            found = await find_running(tmp_path)
            assert found is not None
            assert found.note == attached.note
        assert await find_running(tmp_path) is None
        assert not (tmp_path / NOTE).exists()

    asyncio.run(run())


def test_its_files_are_for_its_owner_only(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path / "exchange") as attached:
            files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "exchange").iterdir()}
            assert {files[name] for name in (NOTE, "ca.pem", "server.pem", "admin.sock")} == {0o600}
            assert stat.S_IMODE((tmp_path / "exchange").stat().st_mode) == 0o700
            assert attached.note.api_secret not in repr(attached)

    asyncio.run(run())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    async def run() -> None:
        async with started(tmp_path) as attached:
            assert attached.process is not None
            os.kill(attached.note.pid, number)
            assert await asyncio.to_thread(attached.process.wait, 60) == 0
            assert not (tmp_path / NOTE).exists()

    asyncio.run(run())


def test_it_outlives_its_parent_while_it_is_asked_and_then_goes(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path, "--linger", "0.5") as attached:
            assert attached.process is not None
            assert attached.process.stdin is not None
            attached.process.stdin.close()
            found = await find_running(tmp_path)
            assert found is not None
            left_at = time.monotonic()
            async with client_of(found) as client:
                for _ in range(10):
                    left_at = time.monotonic()
                    await client.fetch_time()
                    await asyncio.sleep(0.1)
            assert await asyncio.to_thread(attached.process.wait, 60) == 0
            assert time.monotonic() - left_at >= 0.3

    asyncio.run(run())


def test_what_it_said_is_told_when_it_does_not_start(tmp_path: Path) -> None:
    async def run() -> None:
        with pytest.raises(GiveUp, match="no-such-option"):
            await start_exchange_process(["--no-such-option"], directory=tmp_path, program=PROGRAM)

    asyncio.run(run())


def test_a_long_directory_name_does_not_matter(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path / ("long" * 30)) as attached:
            assert (await attached.truth()).open_orders == []

    asyncio.run(run())

"""What is recorded through ccxt and TLS is what the exchange did, and can be hedged on."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from hedger.app.paper import run_at_port
from hedger.app.recording import record_streams, replay_seconds
from hedger.errors import AskAgain, ConfigError
from hedger.model.order import Side
from hedger.settings.load import load_settings
from hedger.sim.attach import Attached, start_exchange_process
from hedger.sim.dialects.binance.hosts import LINEAR_REST, SPOT_REST
from hedger.sim.network import OnlyTheseHosts
from hedger.sim.nouns import USDT_WALLETS, BestPrices, Wallet
from hedger.sim.recorded import recorded_world
from hedger.sim.recording import Recording, Touch, Trade
from hedger.venues.binance.raw import raw_binance
from hedger.venues.network import Network
from tests.support.dialect_bench import served
from tests.support.recorded_exchange import NAME, START, Stage, Witness, network_of, recorded_while, snapshots
from tests.support.wire_certificates import contexts
from tests.support.wire_venue import WireClock

Prices = tuple[Decimal | None, Decimal, Decimal | None, Decimal]
SETTLED_MS = 450  # the synthetic market changes its books every half second


def prices(best: BestPrices) -> Prices:
    return best.bid, best.bid_quantity, best.ask, best.ask_quantity


def last(witness: Witness, wallet: Wallet) -> Prices:
    return prices([best for (place, _), best in witness.bests.items() if place is wallet][-1])


def test_every_recorded_best_price_and_trade_is_one_of_the_exchange_and_the_replay_ends_as_it_did(
    tmp_path: Path,
) -> None:
    async def script(stage: Stage) -> None:
        await stage.until_snapshots(1)
        for i in range(10):
            stage.take(Wallet.SPOT if i % 2 else Wallet.LINEAR, Side.SELL if i % 3 else Side.BUY, f"0.0{i + 1}")
            await stage.live(2)
        await stage.live(10)

    witness = asyncio.run(recorded_while(tmp_path, 10.0, script))
    told: Counter[Wallet] = Counter()
    trades: dict[Wallet, list[tuple[Side, Decimal, Decimal]]] = {wallet: [] for wallet in USDT_WALLETS}
    for _, wallet, message in Recording(tmp_path).events():
        if isinstance(message, Touch):
            assert message[:4] == prices(witness.bests[wallet, message.update_id])
            told[wallet] += 1
        elif isinstance(message, Trade):
            trades[wallet].append((message.side, message.price, message.quantity))
    for wallet in USDT_WALLETS:
        assert told[wallet] >= 20
        assert trades[wallet] == [(t.side, t.price, t.quantity) for t in witness.trades if t.wallet is wallet]
        assert len(trades[wallet]) >= 5
    assert_replay_follows(witness, tmp_path)


def assert_replay_follows(witness: Witness, directory: Path) -> None:
    """The replay's futures book at many times, and both books at its end, are the exchange's."""
    world = recorded_world(directory, seed=1, start_at=START, still=True)
    shift_ms, agreed = world.market.shift_us / 1_000, Counter[bool]()
    bests = [best for (wallet, _), best in witness.bests.items() if wallet is Wallet.LINEAR]
    for best, following in pairwise(bests):
        looked_at = int(best.at + SETTLED_MS + shift_ms)
        if world.exchange.now <= looked_at < world.market.ends_at and following.at > best.at + SETTLED_MS + 10:
            world.exchange.advance(looked_at)
            agreed[prices(world.exchange.best(Wallet.LINEAR, NAME)) == prices(best)] += 1
    # Where a machine pauses, the server rightly tells only the latest of several changes.
    assert agreed[True] >= 20
    assert agreed[True] >= 9 * agreed[False]
    world.exchange.advance(world.market.ends_at)
    for wallet in USDT_WALLETS:
        assert prices(world.exchange.best(wallet, NAME)) == last(witness, wallet)


def test_a_broken_connection_is_taken_up_again_with_a_new_snapshot(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        await stage.until_snapshots(1)
        stage.server.drop_streams()
        await stage.until_snapshots(2)
        await stage.live(5)

    witness = asyncio.run(recorded_while(tmp_path, 10.0, script))
    assert [snapshots(path) for path in tmp_path.iterdir()] == [2, 2]
    world = recorded_world(tmp_path, seed=1, start_at=START, still=True)
    world.exchange.advance(world.market.ends_at)
    for wallet in USDT_WALLETS:
        assert prices(world.exchange.best(wallet, NAME)) == last(witness, wallet)


# --- the command ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def paper_exchange(state: Path, speed: str) -> AsyncIterator[Attached]:
    attached = await start_exchange_process(["--speed", speed, "--seed", "3"], directory=state / "paper")
    try:
        yield attached
    finally:
        await attached.stop()


def start_recording(directory: Path, state: Path, seconds: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "hedger", "record", str(directory), "--paper", str(state), "--seconds", seconds]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end_of(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    said, complained = process.communicate(timeout=60)
    return process.returncode, said, complained


def test_a_recorded_paper_exchange_can_be_hedged_on_by_makers_only(tmp_path: Path) -> None:
    async def run() -> None:
        async with paper_exchange(tmp_path / "state", "40"):
            recording = start_recording(tmp_path / "recorded", tmp_path / "state", "150")
            code, said, complained = await asyncio.to_thread(end_of, recording)
            assert (code, complained) == (0, "")
            assert said.startswith("recorded ")

    asyncio.run(run())
    seconds = replay_seconds(tmp_path / "recorded", None)
    assert 130 <= seconds <= 150
    settings = load_settings(None, {"mode": "paper"}, {})
    summary = run_at_port(settings, seconds=seconds, replay=tmp_path / "recorded", directory=None, json=True)
    assert summary.hedged
    assert summary.truth_matches
    assert summary.fills > 0
    assert summary.taker_fills == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_recording_with_files_that_replay(tmp_path: Path, number: signal.Signals) -> None:
    directory = tmp_path / "recorded"

    async def run() -> None:
        async with paper_exchange(tmp_path / "state", "20"):
            recording = start_recording(directory, tmp_path / "state", "100000")
            until = time.monotonic() + 30
            while len(written := list(directory.glob("*.gz"))) < 2 or not all(p.stat().st_size for p in written):
                assert time.monotonic() < until
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.5)
            os.kill(recording.pid, number)
            code, said, complained = await asyncio.to_thread(end_of, recording)
            assert (code, complained) == (0, "")
            assert said.startswith("recorded ")

    asyncio.run(run())
    assert replay_seconds(directory, None) >= 5


# --- what cannot be recorded ------------------------------------------------------------------------------------------


def test_a_venue_that_is_not_reached_is_told_with_the_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        network = Network(resolver=OnlyTheseHosts(taken.getsockname()[1]), ssl_context=contexts()[1])
        with pytest.raises(AskAgain, match=r"BTC/USDT: its book could not be read .*: check the network"):
            asyncio.run(first_frame(network, "BTC/USDT"))


def test_streams_that_do_not_begin_are_told_with_the_remedy() -> None:
    async def run() -> None:
        async with served() as bench:
            without_streams = OnlyTheseHosts(bench.port, (SPOT_REST, LINEAR_REST))
            await first_frame(replace(network_of(bench), resolver=without_streams), "BTC/USDT:USDT")

    with pytest.raises(AskAgain, match=r"BTC/USDT:USDT: its stream did not begin .*: check the network"):
        asyncio.run(run())


def test_a_symbol_that_is_not_listed_is_refused() -> None:
    async def run() -> None:
        async with served() as bench:
            await first_frame(network_of(bench), "DOGE/USDT:USDT")

    with pytest.raises(ConfigError, match="DOGE/USDT:USDT is not listed"):
        asyncio.run(run())


async def first_frame(network: Network, symbol: str) -> None:
    async with raw_binance(network, WireClock()) as streams:
        async for _ in streams.raw_frames(symbol):
            return


def test_a_symbol_that_no_replay_plays_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    for symbol in ("BTCUSDT", "BTC/USDT:USDT", "DOGE/USDT", "BTC/USDC"):
        with pytest.raises(ConfigError, match="a replay plays BTC/USDT"):
            record_streams(tmp_path / "new", symbol=symbol, seconds=1)
    assert not (tmp_path / "new").exists()


def test_a_directory_with_a_recording_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "usdm_btcusdt.gz").touch()
    with pytest.raises(ConfigError, match=r"already holds a recording \(usdm_btcusdt.gz\)"):
        record_streams(tmp_path, symbol="BTC/USDT", seconds=1)


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"file.* cannot be written"):
        record_streams(tmp_path / "file", symbol="BTC/USDT", seconds=1)


def test_without_a_running_paper_exchange_it_says_how_to_start_one_and_leaves_no_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="start `hedger paper --state-dir"):
        record_streams(tmp_path / "new", symbol="BTC/USDT", seconds=1, paper=tmp_path / "state")
    assert not (tmp_path / "new").exists()

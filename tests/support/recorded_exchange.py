"""A synthetic exchange that lives by a fast clock while its streams are recorded, and a witness of what it did."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from hedger.model.order import Side
from hedger.sim.dialects.server import DialectServer
from hedger.sim.exchange import Exchange
from hedger.sim.network import OnlyTheseHosts
from hedger.sim.nouns import USDT_WALLETS, BestPrices, BookNews, News, OrderKind, OrderNews, UserTrade, Wallet
from hedger.sim.recorder import Frame, record
from hedger.sim.scaled_time import SharedClock
from hedger.sim.world import paper_world
from hedger.venues.binance.raw import RawBinance, raw_binance
from hedger.venues.network import Network
from tests.support.dialect_bench import Bench, served

START = 1_700_000_000_000
SYMBOLS = ("BTC/USDT", "BTC/USDT:USDT")
NAME = "BTCUSDT"
DELIVERY_S = 0.3
PATIENCE_S = 120.0


def snapshots(path: Path) -> int:
    """How many depth snapshots a recorded file holds."""
    return gzip.decompress(path.read_bytes()).count(b'{"lastUpdateId"')


@dataclass
class Witness:
    """What really happened: every best price by its update id, and every trade, in order."""

    bests: dict[tuple[Wallet, int], BestPrices] = field(default_factory=dict)
    trades: list[UserTrade] = field(default_factory=list)

    def hear(self, news: News) -> None:
        match news:
            case BookNews():
                self.bests[news.wallet, news.best.update_id] = news.best
            case OrderNews(trade=UserTrade() as trade):
                self.trades.append(trade)
            case _:
                pass


@dataclass
class Stage:
    """What a script holds: the exchange, its server and its clock, and where it is recorded."""

    exchange: Exchange
    server: DialectServer
    clock: SharedClock
    directory: Path

    async def until_snapshots(self, count: int) -> None:
        """Let the market go on until both books were recorded whole for that many times."""
        async with asyncio.timeout(PATIENCE_S):
            while [snapshots(path) for path in self.directory.glob("*.gz")] != [count] * 2:
                await self.live(1)

    async def live(self, seconds: float) -> None:
        """Let the market go on for so long, of the exchange's time."""
        until = self.clock.now_ms() + seconds * 1_000
        while self.clock.now_ms() < until:
            self.exchange.advance(max(self.clock.now_ms(), self.exchange.now))
            await asyncio.sleep(0.005)

    def take(self, wallet: Wallet, side: Side, quantity: str) -> None:
        """Somebody buys or sells at the market."""
        self.exchange.place(
            "main",
            wallet,
            NAME,
            side=side,
            kind=OrderKind.MARKET,
            quantity=Decimal(quantity),
            price=None,
            reduce_only=False,
            client_order_id="",
        )


class Frames:
    """The venue's frames as the recorder takes them."""

    def __init__(self, streams: RawBinance) -> None:
        self._streams = streams

    async def raw_frames(self, symbol: str) -> AsyncIterator[Frame]:
        async for frame in self._streams.raw_frames(symbol):
            yield Frame(*frame)


def network_of(bench: Bench) -> Network:
    """A network in which only the bench's exchange exists."""
    context = ssl.create_default_context(cafile=bench.ca)
    return Network(resolver=OnlyTheseHosts(bench.port), ssl_context=context, loopback_only=True)


async def recorded_while(directory: Path, speed: float, script: Callable[[Stage], Awaitable[None]]) -> Witness:
    """Record while a script goes on; then the market holds still until all is delivered, and the recording ends."""
    exchange, witness = paper_world(5, START, still=True).exchange, Witness()
    for wallet in USDT_WALLETS:
        best = exchange.best(wallet, NAME)
        witness.bests[wallet, best.update_id] = best
    exchange.subscribe(witness.hear)
    clock = SharedClock(start_at=START, monotonic0=time.monotonic(), speed=speed)
    async with served(exchange) as bench, raw_binance(network_of(bench), clock) as streams:
        recording = asyncio.create_task(record(Frames(streams), SYMBOLS, directory, 10_000.0, clock))
        await script(Stage(exchange, bench.server, clock, directory))
        await asyncio.sleep(DELIVERY_S)
        recording.cancel()
        await asyncio.gather(recording, return_exceptions=True)
    return witness

"""An unmodified ccxt at Binance's real addresses, in front of a simulated exchange that a test moves by hand."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import ccxt.pro

from hedger.model.message import StreamChanged
from hedger.model.order import Side
from hedger.runtime.ports import Hint
from hedger.sim.dialects.binance.hosts import HOSTS
from hedger.sim.dialects.binance.signing import Credential
from hedger.sim.dialects.binance.switchboard import Switchboard
from hedger.sim.dialects.server import DialectServer
from hedger.sim.exchange import Exchange
from hedger.sim.listings import default_listings
from hedger.sim.network import paper_connector, paper_network
from hedger.sim.nouns import USDT_WALLETS, Wallet
from hedger.sim.tls import make_certificates

KEY, SECRET = "k" * 64, "s" * 64
START = 1_700_000_000_000
PERPETUAL, PAIR = "BTC/USDT:USDT", "BTC/USDT"
BID, ASK = Decimal("60000.0"), Decimal("60000.1")


def furnished_exchange(*, coins: tuple[str, ...] = ("BTC", "ETH")) -> Exchange:
    """BTC at 60000.0 / 60000.1 and ETH at 3000.0 / 3000.1 in both wallets; `main` has coins and collateral."""
    exchange = Exchange(listings=default_listings(coins), start_at=START, users=("main",))
    exchange.deposit("main", Wallet.SPOT, "BTC", Decimal(2))
    exchange.deposit("main", Wallet.SPOT, "USDT", Decimal(100_000))
    exchange.deposit("main", Wallet.LINEAR, "USDT", Decimal(50_000))
    for coin in coins:
        bid = BID if coin == "BTC" else Decimal("3000.0")
        for wallet in USDT_WALLETS:
            symbol = f"{coin}USDT"
            for level in range(5):
                step = Decimal(level) / 10
                exchange.set_crowd(wallet, symbol, Side.BUY, bid - step, Decimal(3))
                exchange.set_crowd(wallet, symbol, Side.SELL, bid + Decimal("0.1") + step, Decimal(3))
            exchange.publish(wallet, symbol)
    exchange.advance(START + 2_000)
    return exchange


@dataclass(slots=True, kw_only=True)
class Bench:
    """A served exchange and the clients that were opened to it."""

    exchange: Exchange
    server: DialectServer
    board: Switchboard
    port: int
    ca: Path
    clients: list[Any] = field(default_factory=list)

    def session(self) -> aiohttp.ClientSession:
        """A session that reaches the exchange only, without silent retries."""
        session = aiohttp.ClientSession(connector=paper_connector(paper_network(self.port, self.ca)))
        session._retry_connection = False
        return session

    async def client(self, *, key: str = KEY, secret: str = SECRET, **config: Any) -> Any:
        """ccxt's binance, living by the exchange's clock, markets loaded."""
        options = {
            "fetchMarkets": {"types": ["spot", "linear"]},
            "fetchCurrencies": False,
            "fetchMargins": False,
            "watchPositions": {"fetchPositionsSnapshot": False},
            **config.pop("options", {}),
        }
        session = self.session()
        client = ccxt.pro.binance(
            {
                "apiKey": key,
                "secret": secret,
                "enableRateLimit": False,
                "number": str,
                "session": session,
                "ssl_context": paper_network(self.port, self.ca).ssl_context,
                "options": options,
                **config,
            }
        )
        client.timeout_on_exit = 0
        client.milliseconds = lambda: self.exchange.now
        self.clients.append((client, session))
        await client.load_markets()
        return client


@asynccontextmanager
async def served(exchange: Exchange | None = None, **credential: Any) -> AsyncIterator[Bench]:
    """Serve an exchange on loopback for the length of a test."""
    exchange = exchange or furnished_exchange()
    keys = {KEY: Credential(secret=SECRET, user="main", **credential)}
    board = Switchboard(exchange, keys=keys)
    server = DialectServer([board])
    with tempfile.TemporaryDirectory() as name:
        certificates = make_certificates(Path(name), HOSTS)
        bench = Bench(
            exchange=exchange,
            server=server,
            board=board,
            port=await server.start(certificates.chain),
            ca=certificates.authority,
        )
        try:
            yield bench
        finally:
            for client, session in bench.clients:
                await client.close()
                await session.close()
            await server.stop()


def at_the_wire(test: Callable[[Bench], Awaitable[None]]) -> None:
    """Run a test against a served exchange."""

    async def run() -> None:
        async with served() as bench:
            await test(bench)

    asyncio.run(run())


async def streams_up(hints: AsyncIterator[Hint]) -> None:
    """Wait until a venue says that all of its streams are up."""
    async with asyncio.timeout(60):
        async for hint in hints:
            if isinstance(hint, StreamChanged) and hint.up:
                return

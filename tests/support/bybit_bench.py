"""An unmodified ccxt at Bybit's real addresses, in front of a simulated exchange that a test moves by hand."""

from __future__ import annotations

import asyncio
import hmac
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import ccxt.pro

from hedger.model.option import OptionType
from hedger.model.order import Side
from hedger.sim.dialects.bybit.board import BybitBoard
from hedger.sim.dialects.bybit.hosts import HOSTS, REST
from hedger.sim.dialects.bybit.listings import BYBIT_FEES, bybit_listings, bybit_option
from hedger.sim.dialects.bybit.signing import Credential
from hedger.sim.dialects.requests import Request
from hedger.sim.dialects.server import DialectServer
from hedger.sim.exchange import Exchange
from hedger.sim.naming import quarters
from hedger.sim.network import paper_connector, paper_network
from hedger.sim.nouns import Listing, OptionListing, Wallet
from hedger.sim.tls import make_certificates

KEY, SECRET = "k" * 18, "s" * 36
START = 1_780_000_000_000  # May 2026
NEXT = quarters(START)[0]  # 26 June 2026
PERPETUAL, INVERSE, PAIR = "BTC/USDT:USDT", "BTC/USD:BTC", "BTC/USDT"
BID, ASK = Decimal("60000.0"), Decimal("60000.1")
CALL = bybit_option("BTC", strike=Decimal(80_000), expiry_at=NEXT, option_type=OptionType.CALL)


HOURLY_MS = 3_600_000  # beats for a test of days


def furnished_exchange(*, beat_ms: int = 1_000) -> Exchange:
    """BTC at 60000.0 / 60000.1 in every book; `main` has coins, collateral in USDT and in coins, and one sold call."""
    listings = bybit_listings(("BTC",), START, usdc=True)
    exchange = Exchange(listings=listings, start_at=START, users=("main",), fee_table=BYBIT_FEES, beat_ms=beat_ms)
    exchange.deposit("main", Wallet.SPOT, "BTC", Decimal(2))
    exchange.deposit("main", Wallet.SPOT, "USDT", Decimal(100_000))
    exchange.deposit("main", Wallet.LINEAR, "USDT", Decimal(50_000))
    exchange.deposit("main", Wallet.INVERSE, "BTC", Decimal(1))
    for listing in listings:
        lay_book(exchange, listing)
    exchange.refresh_marks()
    exchange.advance(START + 2_000)
    exchange.grant_option("main", CALL, Decimal(-1))
    return exchange


def lay_book(exchange: Exchange, listing: Listing, bid: Decimal = BID) -> None:
    """Three coins (or their worth in dollars) on each of five levels."""
    size = Decimal(180_000) if listing.wallet is Wallet.INVERSE else Decimal(3)
    for level in range(5):
        step = Decimal(level) / 10
        exchange.set_crowd(listing.wallet, listing.symbol, Side.BUY, bid - step, size)
        exchange.set_crowd(listing.wallet, listing.symbol, Side.SELL, bid + Decimal("0.1") + step, size)
    exchange.publish(listing.wallet, listing.symbol)


@dataclass(slots=True, kw_only=True)
class Desk:
    """A board without a network: signed requests and their answers."""

    exchange: Exchange
    board: BybitBoard
    keys: dict[str, Credential]
    key: str = KEY
    secret: str = SECRET
    window: str = "5000"
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """The answer to a GET."""
        return self._ask("GET", path, urlencode(params), "")

    def post(self, path: str, **params: Any) -> dict[str, Any]:
        """The answer to a POST."""
        return self._ask("POST", path, "", json.dumps(params))

    def order(self, **more: Any) -> dict[str, Any]:
        """The answer to a create: a resting post-only bid unless told otherwise."""
        usual = {
            "category": "linear",
            "symbol": "BTCUSDT",
            "side": "Buy",
            "orderType": "Limit",
            "qty": "0.1",
            "price": "59000",
            "timeInForce": "PostOnly",
        }
        return self.post("/v5/order/create", **(usual | more))

    def signed(self, payload: str, at: int | None = None) -> dict[str, str]:
        """The headers of a request."""
        stamp = str(self.exchange.now if at is None else at)
        text = f"{stamp}{self.key}{self.window}{payload}"
        return {
            "x-bapi-api-key": self.key,
            "x-bapi-timestamp": stamp,
            "x-bapi-recv-window": self.window,
            "x-bapi-sign": hmac.new(self.secret.encode(), text.encode(), sha256).hexdigest(),
        }

    def raw(self, request: Request) -> dict[str, Any]:
        """The answer to any request; its headers are kept."""
        answer = self.board.answer(REST, request)
        self.headers = dict(answer.headers)
        body: dict[str, Any] = json.loads(answer.body) if answer.content_type == "application/json" else {}
        return body | {"status": answer.status}

    def _ask(self, method: str, path: str, query: str, body: str) -> dict[str, Any]:
        headers = self.signed(body if method == "POST" else query)
        return self.raw(Request(method=method, path=path, query=query, body=body, headers=headers))


def desk(exchange: Exchange | None = None, *, chain: tuple[OptionListing, ...] = (CALL,), **credential: Any) -> Desk:
    """A board in front of an exchange, for `main`."""
    exchange = exchange or furnished_exchange()
    keys = {KEY: Credential(secret=SECRET, user="main", **credential)}
    return Desk(exchange=exchange, board=BybitBoard(exchange, keys=keys, chain=chain), keys=keys)


@dataclass(slots=True, kw_only=True)
class Bench:
    """A served exchange and the clients that were opened to it."""

    exchange: Exchange
    server: DialectServer
    board: BybitBoard
    port: int
    ca: Path
    clients: list[Any] = field(default_factory=list)

    def session(self) -> aiohttp.ClientSession:
        """A session that reaches the exchange only, without silent retries."""
        session = aiohttp.ClientSession(connector=paper_connector(paper_network(self.port, self.ca, HOSTS)))
        session._retry_connection = False
        return session

    async def client(self, *, key: str = KEY, secret: str = SECRET, **config: Any) -> Any:
        """ccxt's bybit, living by the exchange's clock, markets loaded."""
        options: Mapping[str, Any] = {
            "fetchMarkets": {"types": ["spot", "linear", "inverse", "option"], "options": ["BTC"]},
            "watchPositions": {"fetchPositionsSnapshot": False},
            **config.pop("options", {}),
        }
        session = self.session()
        client = ccxt.pro.bybit(
            {
                "apiKey": key,
                "secret": secret,
                "enableRateLimit": False,
                "number": str,
                "session": session,
                "ssl_context": paper_network(self.port, self.ca, HOSTS).ssl_context,
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
    board = BybitBoard(exchange, keys=keys, chain=(CALL,))
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

"""Deribit in front of a simulated exchange that a test moves by hand: its board alone, or ccxt at its address."""

from __future__ import annotations

import asyncio
import hmac
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal as D
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import ccxt.pro

from hedger.model.option import OptionType
from hedger.model.order import Side
from hedger.sim.dialects.deribit.board import DeribitBoard
from hedger.sim.dialects.deribit.hosts import HOST, HOSTS, STREAM_PATH
from hedger.sim.dialects.deribit.keys import Credential
from hedger.sim.dialects.deribit.listings import FEES, coin_option, deribit_listings
from hedger.sim.dialects.requests import Answer, Body, Request
from hedger.sim.dialects.server import DialectServer
from hedger.sim.exchange import Exchange
from hedger.sim.network import paper_connector, paper_network
from hedger.sim.nouns import Listing, OptionListing, Wallet
from hedger.sim.tls import make_certificates

CLIENT, SECRET = "paperKey", "s" * 43
START = 1_767_225_600_000  # 1 January 2026, midnight UTC: BTC-27MAR26 is the next quarterly future
INVERSE, LINEAR, PAIR, DATED = "BTC/USD:BTC", "BTC/USDC:USDC", "BTC/USDC", "BTC/USD:BTC-260327"
EXPIRY = 1_774_598_400_000  # 27 March 2026, 08:00 UTC
BID, ASK = D("60000.0"), D("60000.5")
SIZES = {Wallet.INVERSE: D(50_000), Wallet.LINEAR: D(3), Wallet.SPOT: D(3)}


def call_option(strike: int = 80_000) -> OptionListing:
    """BTC-27MAR26-80000-C and its sisters."""
    return coin_option("BTC", D(strike), OptionType.CALL, expiry_at=EXPIRY)


def quote_around(exchange: Exchange, listing: Listing, bid: D) -> None:
    """Five levels of the crowd on each side, from `bid` down and from half a dollar above it up."""
    for level in range(5):
        away = D(level) / 2
        size = SIZES[listing.wallet]
        exchange.set_crowd(listing.wallet, listing.symbol, Side.BUY, bid - away, size)
        exchange.set_crowd(listing.wallet, listing.symbol, Side.SELL, bid + D("0.5") + away, size)
    exchange.publish(listing.wallet, listing.symbol)


def furnished_exchange(*, coins: tuple[str, ...] = ("BTC",), start_at: int = START, beat_ms: int = 1_000) -> Exchange:
    """BTC at 60000.0 / 60000.5 everywhere (others at 3000); `main` has 2 BTC, 100 000 USDC and a short call.

    A test that lets hours pass is cheaper with a slower beat.
    """
    exchange = Exchange(
        listings=deribit_listings(coins, start_at),
        start_at=start_at,
        users=("main", "other"),
        fee_table=FEES,
        beat_ms=beat_ms,
    )
    for listing in exchange.listings.values():
        quote_around(exchange, listing, BID if listing.base == "BTC" else D(3000))
    exchange.deposit("main", Wallet.INVERSE, "BTC", D(2))
    exchange.deposit("main", Wallet.INVERSE, "USDC", D(100_000))
    exchange.refresh_marks()
    exchange.advance(start_at + 2_000)
    exchange.grant_option("main", call_option(), D(-1))
    return exchange


def furnished_board(exchange: Exchange | None = None, **credential: Any) -> DeribitBoard:
    """A board in front of that exchange, which also lists a call that nobody holds."""
    keys = {CLIENT: Credential(secret=SECRET, user="main", **credential)}
    return DeribitBoard(exchange or furnished_exchange(), keys=keys, options=(call_option(90_000),))


# --- without a network --------------------------------------------------------------------------------------


def signed(method: str, params: dict[str, object], *, at: int, client: str = CLIENT, secret: str = SECRET) -> Request:
    """A GET as ccxt signs it; `at` is its timestamp (ms)."""
    path, query = f"/api/v2/{method}", urlencode(params)
    uri = path + (f"?{query}" if query else "")
    text = f"{at}\n{at}\nGET\n{uri}\n\n"
    signature = hmac.new(secret.encode(), text.encode(), sha256).hexdigest()
    header = f"deri-hmac-sha256 id={client},ts={at},sig={signature},nonce={at}"
    return Request(method="GET", path=path, query=query, headers={"authorization": header})


def ask(board: DeribitBoard, method: str, **params: object) -> Answer:
    """The answer to a GET: signed if the method is private."""
    if method.startswith("private/"):
        return board.answer(HOST, signed(method, params, at=board.exchange.now))
    return board.answer(HOST, Request(method="GET", path=f"/api/v2/{method}", query=urlencode(params)))


def result(board: DeribitBoard, method: str, **params: object) -> Any:
    """The result of a call that must go well."""
    answer = ask(board, method, **params)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)["result"]


def refusal(board: DeribitBoard, method: str, **params: object) -> Any:
    """The error of a call that must not."""
    answer = ask(board, method, **params)
    assert answer.status in (400, 429), answer.body
    return json.loads(answer.body)["error"]


@dataclass(slots=True)
class Ear:
    """A reader that remembers what it was told, and that it was hung up."""

    frames: list[Body] = field(default_factory=list)
    gone: bool = False

    def tell(self, stream: str, body: Body) -> None:
        """Take a frame."""
        self.frames.append(json.loads(json.dumps(body)))

    def hang_up(self) -> None:
        """The board wants to be rid of us."""
        self.gone = True

    def data(self, channel: str) -> list[Any]:
        """What one channel has told."""
        told = [frame["params"] for frame in self.frames if frame.get("method") == "subscription"]
        return [params["data"] for params in told if params["channel"] == channel]  # type: ignore[index]


class Socket:
    """A WebSocket to a board, without one."""

    def __init__(self, board: DeribitBoard, *, signed_in: bool = False) -> None:
        self.ear = Ear()
        self._board = board
        self._session = board.connect(HOST, STREAM_PATH, "", self.ear)
        if signed_in:
            self.result("public/auth", grant_type="client_credentials", client_id=CLIENT, client_secret=SECRET)

    def call(self, method: str, **params: object) -> Any:
        """The reply to a call; None where there is none."""
        frame = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        return json.loads(json.dumps(self._session.answer(json.dumps(frame))))

    def result(self, method: str, **params: object) -> Any:
        """The result of a call that must go well."""
        reply = self.call(method, **params)
        assert "result" in reply, reply
        return reply["result"]

    def subscribe(self, *channels: str) -> list[Any]:
        """Join channels and let what they have to say be told; what the first of them has told."""
        self.result("private/subscribe", channels=list(channels))
        self._board.flush()
        return self.ear.data(channels[0])

    def close(self) -> None:
        """Go without a word."""
        self._session.close()


# --- at the wire --------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Bench:
    """A served exchange and the clients that were opened to it."""

    exchange: Exchange
    server: DialectServer
    board: DeribitBoard
    port: int
    ca: Path
    clients: list[Any] = field(default_factory=list)

    def session(self) -> aiohttp.ClientSession:
        """A session that reaches the exchange only, without silent retries."""
        session = aiohttp.ClientSession(connector=paper_connector(paper_network(self.port, self.ca, HOSTS)))
        session._retry_connection = False
        return session

    async def client(self, *, key: str = CLIENT, secret: str = SECRET, **config: Any) -> Any:
        """ccxt's deribit, living by the exchange's clock, markets loaded."""
        session = self.session()
        client = ccxt.pro.deribit(
            {
                "apiKey": key,
                "secret": secret,
                "enableRateLimit": False,
                "number": str,
                "session": session,
                "ssl_context": paper_network(self.port, self.ca, HOSTS).ssl_context,
                **config,
            }
        )
        client.timeout_on_exit = 0
        client.milliseconds = lambda: self.exchange.now
        self.clients.append((client, session))
        await client.load_markets()
        return client

    async def close_clients(self) -> None:
        """Let every client go, as the end of a test does."""
        for client, session in self.clients:
            await client.close()
            await session.close()
        self.clients.clear()


@asynccontextmanager
async def served(exchange: Exchange | None = None, **credential: Any) -> AsyncIterator[Bench]:
    """Serve an exchange on loopback for the length of a test."""
    board = furnished_board(exchange, **credential)
    server = DialectServer([board])
    with tempfile.TemporaryDirectory() as name:
        certificates = make_certificates(Path(name), HOSTS)
        bench = Bench(
            exchange=board.exchange,
            server=server,
            board=board,
            port=await server.start(certificates.chain),
            ca=certificates.authority,
        )
        try:
            yield bench
        finally:
            await bench.close_clients()
            await server.stop()


def at_the_wire(test: Callable[[Bench], Awaitable[None]], exchange: Exchange | None = None) -> None:
    """Run a test against a served exchange."""

    async def run() -> None:
        async with served(exchange) as bench:
            await test(bench)

    asyncio.run(run())

"""The whole daemon, with real ccxt over TLS, and the exchange that it trades on, in one process: one clock stamps all.

A book too wide to trade on holds an order back; the exchange narrows it, and the `bookTicker` frame that says so makes
the order due in the same step. The order fills, the owner's coins grow, and it begins again. The exchange's clock runs
fast, so that the waits between orders are short and its weight limits hold; the stamps are real time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hedger.app.daemon import Daemon, Parts, forever
from hedger.engine.decision.facts import Facts, gather
from hedger.engine.known.policy import BandRule, Policy
from hedger.engine.known.state import State
from hedger.engine.step import Result
from hedger.model.market import Quote
from hedger.model.message import Event, PlaceOrder, Stamped
from hedger.model.order import Side
from hedger.runtime.journal import Journal
from hedger.runtime.pollers import Polling
from hedger.settings.load import load_settings
from hedger.settings.policy import to_policy
from hedger.sim.dialects import server as serving
from hedger.sim.dialects.binance.signing import Credential
from hedger.sim.dialects.binance.switchboard import Switchboard
from hedger.sim.dialects.line import Line
from hedger.sim.dialects.requests import Answer, Body, Request
from hedger.sim.dialects.server import DialectServer
from hedger.sim.exchange import Exchange
from hedger.sim.listings import default_listings
from hedger.sim.network import paper_network
from hedger.sim.nouns import USDT_WALLETS, Wallet
from hedger.sim.scaled_time import SharedClock
from hedger.sim.tls import Certificates
from hedger.venues import account
from hedger.venues import client as clients
from hedger.venues.client import Credentials
from hedger.venues.factory import open_venue
from hedger.venues.network import Network

PLACE = "/fapi/v1/order"
STATIONS = ("told", "heard", "decided", "signed", "received")
SPEED = 10.0
PATIENCE_S = 20.0
START_AT = 1_767_268_800_000
SYMBOL = "BTCUSDT"
BID, ASK = Decimal("60000.0"), Decimal("60000.1")
FAR = Decimal("60180.0")  # thirty basis points: the spread guard lets twenty pass
COINS = Decimal("0.1")
KEY, SECRET = "k" * 64, "s" * 64
POLLING = Polling(account_s=10.0, prices_s=600.0, funding_s=3600.0, clock_s=3600.0, tick_s=0.5, flush_s=60.0)

Stamps = dict[str, float]


class Stage:
    """A served exchange, a daemon on it, and the stamps of the order that is under way."""

    def __init__(self, exchange: Exchange, policy: Policy) -> None:
        self.exchange = exchange
        self.policy = policy
        self.daemon: Daemon | None = None
        self.running: asyncio.Task[None] | None = None
        self.commits: list[float] = []
        self._commit_s = 0.0
        self._stamps: Stamps = {}

    # --- stations -----------------------------------------------------------------------------------------------------

    def stamp(self, station: str) -> bool:
        """Note the time, once, if all stations before it were passed."""
        reached = len(self._stamps) == STATIONS.index(station)
        if reached:
            self._stamps[station] = time.perf_counter()
        return reached

    def observe(self, before: State, stamped: Stamped, result: Result, seconds: float) -> None:
        """A step is over and on disk."""
        places = any(isinstance(command, PlaceOrder) for command in result.commands)
        if places and self.stamp("decided"):
            self.commits.append(self._commit_s)

    def timed(self, stage: str, account: str, seconds: float, outcome: str) -> None:
        """Of the shell's measurements, only that of the last commit is kept."""
        if stage == "commit":
            self._commit_s = seconds

    def queued(self, events: int) -> None:
        """Not measured here."""

    # --- one order ----------------------------------------------------------------------------------------------------

    async def order(self) -> Stamps:
        """One round: the owner's coins grow, the narrowing book makes the order due, it comes, it fills."""
        daemon = self._daemon
        self._set_ask(Decimal(0))
        self.exchange.deposit("main", Wallet.SPOT, "BTC", COINS)
        asked_at = self.exchange.now
        daemon.loop.wake["main"].set()
        await self._until(lambda: self._due(asked_at), "only the width of the book is against an order")
        self._stamps = {}
        self._set_ask(Decimal(3))
        await self._until(lambda: bool(self.exchange.open_orders("main", Wallet.LINEAR)), "the order rests")
        stamps = self._stamps
        self.exchange.crowd_takes(Wallet.LINEAR, SYMBOL, Side.BUY, Decimal(4), ASK)
        await self._until(self._hedged, "it has filled")
        return stamps

    def _set_ask(self, quantity: Decimal) -> None:
        self.exchange.set_crowd(Wallet.LINEAR, SYMBOL, Side.SELL, ASK, quantity)
        self.exchange.publish(Wallet.LINEAR, SYMBOL)

    def _due(self, asked_at: int) -> bool:
        state, facts = self._daemon.state, self._facts()
        wide = facts is not None and facts.quote.ask == FAR
        return wide and state.accounts["main"].believed_at >= asked_at and self._quiet(inside=False)

    def _hedged(self) -> bool:
        return self._quiet(inside=True)

    def _quiet(self, *, inside: bool) -> bool:
        """Whether all is read, nothing works or rests, and the delta is where `inside` says."""
        state, facts = self._daemon.state, self._facts()
        resting = state.hedges[self.policy.hedges[0].name].rest_until > state.now
        working = any(order.live for order in state.orders.values())
        read = state.accounts["main"].settled and state.accounts["main"].doubted is None
        return read and not resting and not working and facts is not None and facts.inside is inside

    def _facts(self) -> Facts | None:
        return gather(self._daemon.state, self.policy.hedges[0])

    @property
    def _daemon(self) -> Daemon:
        assert self.daemon is not None, "the daemon runs"
        return self.daemon

    async def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            if self.running is not None and self.running.done():
                self.running.result()
            if time.monotonic() > deadline:
                decision = self._daemon.state.hedges[self.policy.hedges[0].name].decision
                raise AssertionError(f"within {PATIENCE_S:.0f} s not true: {what}; the last decision: {decision}")
            await asyncio.sleep(0.002)


@asynccontextmanager
async def staged(directory: Path, certificates: Certificates) -> AsyncIterator[Stage]:
    """An exchange and a daemon that trades on it, stamped at every station."""
    stage = Stage(_furnished(), _policy())
    clock = SharedClock(start_at=START_AT, monotonic0=time.monotonic(), speed=SPEED)
    with _stamped(stage), closing(Journal.open(directory)) as journal:
        board = Switchboard(stage.exchange, keys={KEY: Credential(secret=SECRET, user="main")})
        server = DialectServer([board], now=clock.now_ms)
        with patch.object(board, "answer", _stamping(stage, board.answer)):
            port = await server.start(certificates.chain)
            network = paper_network(port, certificates.authority)
            venue = open_venue(
                account="main",
                venue="binance",
                environment="paper",
                clock=clock,
                credentials=Credentials(api_key=KEY, secret=SECRET),
                network=Network(resolver=network.resolver, ssl_context=network.ssl_context),
            )
            daemon = stage.daemon = Daemon(
                Parts(
                    policy=stage.policy,
                    venues={"main": venue},
                    clock=clock,
                    journal=journal,
                    polling=POLLING,
                    observer=stage,
                    start_record={},
                )
            )
            keeping = asyncio.create_task(_keep_time(server))
            stage.running = asyncio.create_task(daemon.run(forever))
            try:
                with _hearing(stage, daemon):
                    yield stage
                daemon.drain("the measurement is over")
                await stage.running
            finally:
                for task in (keeping, stage.running):
                    task.cancel()
                await asyncio.gather(keeping, stage.running, return_exceptions=True)
                await server.stop()


async def _keep_time(server: DialectServer) -> None:
    while True:
        server.catch_up()
        await asyncio.sleep(0.02)


def _furnished() -> Exchange:
    """One book of BTC with a far ask, half a coin in the spot wallet, and collateral."""
    exchange = Exchange(listings=default_listings(("BTC",)), start_at=START_AT, users=("main",))
    exchange.deposit("main", Wallet.SPOT, "BTC", Decimal("0.5"))
    exchange.deposit("main", Wallet.LINEAR, "USDT", Decimal(10_000_000))
    for wallet in USDT_WALLETS:
        exchange.set_crowd(wallet, SYMBOL, Side.BUY, BID, Decimal(3))
        exchange.set_crowd(wallet, SYMBOL, Side.SELL, FAR, Decimal(3))
        exchange.publish(wallet, SYMBOL)
    exchange.set_index("BTC", BID)
    exchange.set_funding_rate(SYMBOL, Decimal(0))
    exchange.refresh_marks()
    return exchange


def _policy() -> Policy:
    """The built-in hedge without a rest between orders, and without limits on how many and how large they are."""
    policy = to_policy(load_settings(None, {}, {}))
    hedge, many = policy.hedges[0], 1_000_000
    hedge = replace(
        hedge,
        static_quantity=Decimal(0),
        band=replace(hedge.band, rule=BandRule.COINS, upper=COINS / 10, lower=COINS / 10),
        execution=replace(hedge.execution, cooldown_ms=0, max_attempts=1, attempts_cooldown_ms=0),
        guards=replace(
            hedge.guards,
            orders_per_minute=many,
            orders_per_day=many,
            order_notional=Decimal(10**12),
            daily_notional=Decimal(10**12),
            daily_cost=Decimal(10**12),
            position=Decimal(many),
        ),
    )
    return replace(policy, hedges=(hedge,), delta_jump_bands=Decimal(many), settle_ms=200)


# --- stamping ---------------------------------------------------------------------------------------------------------


@contextmanager
def _stamped(stage: Stage) -> Iterator[None]:
    """Stamp where the exchange tells a book, and where ccxt has signed an order."""

    class StampedLine(Line):
        def tell(self, stream: str, body: Body) -> None:
            if stream == "btcusdt@bookTicker" and Decimal(str(body["a"])) == ASK:
                stage.stamp("told")
            super().tell(stream, body)

    build = clients.build_client

    def build_stamped(*names: Any, **options: Any) -> Any:
        client = build(*names, **options)
        sign = client.sign

        def signed(path: str, *rest: Any, **more: Any) -> Any:
            made = sign(path, *rest, **more)
            if path == "order":
                stage.stamp("signed")
            return made

        client.sign = signed
        return client

    with patch.object(serving, "Line", StampedLine), patch.object(account, build.__name__, build_stamped):
        yield


@contextmanager
def _hearing(stage: Stage, daemon: Daemon) -> Iterator[None]:
    """Stamp where the news comes into the inbox."""
    put = daemon.loop.inbox.put

    def heard(event: Event) -> None:
        if isinstance(event, Quote) and event.ask == ASK:
            stage.stamp("heard")
        put(event)

    with patch.object(daemon.loop.inbox, "put", heard):
        yield


def _stamping(stage: Stage, answer: Callable[[str, Request], Answer]) -> Callable[[str, Request], Answer]:
    """Stamp where the exchange has the whole request of a create."""

    def stamped(host: str, asked: Request) -> Answer:
        if asked.method == "POST" and asked.path == PLACE:
            stage.stamp("received")
        return answer(host, asked)

    return stamped

"""Six minutes of a real market, replayed: the books are the recorded ones, and our orders wait their turn in them."""

import resource
import time
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from heapq import nlargest, nsmallest
from pathlib import Path

import pytest

from hedger.model.order import Side
from hedger.sim.exchange import Exchange
from hedger.sim.listings import default_listings
from hedger.sim.nouns import USDT_WALLETS, OrderKind, OrderState, SimOrder, Wallet
from hedger.sim.recorded import Crowd, RecordedWorld, recorded_world
from hedger.sim.recording import Depth, Message, Recording, Touch, Trade
from hedger.sim.world import MAIN

DATA = Path(__file__).parents[2].parent / "shared" / "data"
START = 1_700_000_000_000
SYMBOL = "BTCUSDT"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the recorded streams are not at {DATA}")

RECORDED_TRADES = {Wallet.SPOT: 9_757, Wallet.LINEAR: 21_313}
RECORDED_QUOTES = {Wallet.SPOT: 28_040, Wallet.LINEAR: 66_089}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    order: SimOrder
    joined_at: int


def test_a_whole_replay_applies_every_message_within_twenty_seconds_of_work() -> None:
    began_s, memory_kb = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    world = recorded_world(DATA, seed=1, start_at=START, still=True)
    loaded_s = time.process_time()
    world.exchange.advance(world.market.ends_at)
    ended_s = time.process_time()
    for wallet in USDT_WALLETS:
        assert world.market.applied[wallet, Trade] == RECORDED_TRADES[wallet]
        assert world.market.applied[wallet, Touch] == RECORDED_QUOTES[wallet]
    assert sum(world.market.stale.values()) <= 20
    assert 344_000 < world.market.ends_at - START < 346_000
    assert loaded_s - began_s < 3
    assert ended_s - loaded_s < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_kb < 100_000


def test_the_books_are_the_recorded_books_at_every_quote_and_every_tenth_depth_message() -> None:
    """Quotes must be met exactly; levels are compared with a book of depth messages alone, twenty on each side."""
    exchange = Exchange(listings=default_listings(["BTC"]), start_at=START)
    crowds = {wallet: Crowd(exchange.floor, wallet, SYMBOL) for wallet in USDT_WALLETS}
    oracles = {wallet: Oracle() for wallet in USDT_WALLETS}
    agreed: Counter[tuple[Wallet, type, bool]] = Counter()
    for _, wallet, message in Recording(DATA).events():
        fresh = crowds[wallet].follow(message)
        if isinstance(message, Touch):
            best = exchange.best(wallet, SYMBOL)
            seen = (best.bid, best.bid_quantity, best.ask, best.ask_quantity)
            agreed[wallet, Touch, seen == message[:4]] += 1
        elif isinstance(message, Depth):
            oracles[wallet].change(message)
            if fresh and oracles[wallet].changes % 10 == 5:
                agreed[wallet, Depth, exchange.depth(wallet, SYMBOL, 20) == oracles[wallet].levels(20)] += 1
    for wallet in USDT_WALLETS:
        assert agreed[wallet, Touch, False] <= agreed[wallet, Touch, True] * 0.001
        assert agreed[wallet, Depth, False] <= agreed[wallet, Depth, True] * 0.01
        assert agreed[wallet, Depth, True] > 300


def test_sells_joined_at_the_best_ask_are_filled_by_the_recorded_flow_in_their_turn() -> None:
    users = {f"seller-{i}": MAIN for i in range(12)}
    world = recorded_world(DATA, seed=1, start_at=START, users=users, still=True)
    waits = [join_the_ask(world, user, START + 2_000 + 25_000 * i) for i, user in enumerate(users)]
    world.exchange.advance(world.market.ends_at)
    filled = [wait for wait in waits if wait.order.state is OrderState.FILLED]
    assert len(filled) >= 4
    for wait in filled:
        trades = world.exchange.truth(wait.order.user).trades
        assert all(trade.maker and trade.price == wait.order.price for trade in trades)
        assert sum(trade.quantity for trade in trades) == wait.order.quantity
    delays = sorted(wait.order.updated_at - wait.joined_at for wait in filled)
    assert delays[0] > 0
    assert delays[len(delays) // 2] > 500
    assert_recorded_flow_explains(filled, world.market.shift_us)


def assert_recorded_flow_explains(waits: list[Wait], shift_us: int) -> None:
    """While an order waited, buyers took as much at its price or beyond, or bids came to its price."""
    taken: Counter[int] = Counter()
    for at_us, wallet, message in Recording(DATA).events():
        at = (at_us + shift_us) // 1000
        for wait in waits:
            if wallet is Wallet.LINEAR and wait.joined_at < at <= wait.order.updated_at:
                taken[wait.order.order_id] += reaching(message, wait.order.price)
    assert all(taken[wait.order.order_id] >= wait.order.quantity for wait in waits)


def reaching(message: Message, price: Decimal):
    """The quantity that buyers took, or bid for, at `price` or above."""
    match message:
        case Trade(side=Side.BUY) if message.price >= price:
            return message.quantity
        case Touch() if message.bid >= price:
            return message.bid_quantity
        case _:
            return 0


def join_the_ask(world: RecordedWorld, user: str, at: int) -> Wait:
    world.exchange.advance(at)
    price = world.exchange.best(Wallet.LINEAR, SYMBOL).ask
    order = world.exchange.place(
        user,
        Wallet.LINEAR,
        SYMBOL,
        side=Side.SELL,
        kind=OrderKind.POST_ONLY,
        quantity=Decimal("0.05"),
        price=price,
        reduce_only=False,
        client_order_id="ours",
    )
    return Wait(order=order, joined_at=at)


class Oracle:
    """A book made of the snapshot and depth messages alone, in the way that the exchange's manual tells."""

    def __init__(self) -> None:
        self.changes = 0
        self._whole = False
        self._sides: tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]] = ({}, {})
        self._early: list[Depth] = []

    def change(self, depth: Depth) -> None:
        self.changes += 1
        if depth.whole:
            self._whole = True
            self._set(depth)
            for early in self._early:
                if early.update_id > depth.update_id:
                    self._set(early)
        elif self._whole:
            self._set(depth)
        else:
            self._early.append(depth)

    def _set(self, depth: Depth) -> None:
        for side, levels in zip(self._sides, (depth.bids, depth.asks), strict=True):
            for price, quantity in levels:
                if quantity:
                    side[price] = quantity
                else:
                    side.pop(price, None)

    def levels(self, limit: int):
        bids, asks = self._sides
        return nlargest(limit, bids.items()), nsmallest(limit, asks.items())

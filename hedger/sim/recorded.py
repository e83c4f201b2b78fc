"""A market that really was: recorded streams rebuild the books, and our orders queue in them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random

from hedger.errors import ConfigError
from hedger.model.numeric import ZERO
from hedger.model.order import Side
from hedger.sim.book import Match
from hedger.sim.exchange import Exchange
from hedger.sim.floor import Floor
from hedger.sim.ledger import COLLATERAL
from hedger.sim.listings import COINS, default_listings
from hedger.sim.nouns import USDT_WALLETS, Wallet
from hedger.sim.recording import Depth, Event, Level, Message, Recording, Touch, Trade
from hedger.sim.scenario import Scenario, ScenarioConfig
from hedger.sim.world import MAIN, Funds, furnish

RECENT_CHANGES = 200  # depth messages that a snapshot, which may come late, is brought up to date with
MINUTES = ScenarioConfig(first_s=(10.0, 20.0), every_s=(20.0, 60.0))  # recordings are short: more happens in less


class RecordedMarket:
    """Plays a recording into an exchange's books, from the exchange's present time on, inside `Exchange.advance`.

    The recording begins when both of its books show both sides. It ends at `ends_at` (ms): then books stay as
    they are. `shift_us` is how far simulated time is ahead of recorded time (microseconds). `applied` and `stale`
    count messages by market and kind; a stale one was older than the book.
    """

    def __init__(self, exchange: Exchange, recording: Recording) -> None:
        self.applied: Counter[tuple[Wallet, type[Message]]] = Counter()
        self.stale: Counter[tuple[Wallet, type[Message]]] = Counter()
        self._exchange = exchange
        self._base = recording.symbol.removesuffix(COLLATERAL)
        self._crowds = {wallet: Crowd(exchange.floor, wallet, recording.symbol) for wallet in USDT_WALLETS}
        self._events = recording.events()
        self._next: Event | None = None
        self.shift_us = self._begin()
        self.ends_at = self._at(recording.ends_us)
        self._publish(USDT_WALLETS)
        exchange.refresh_marks()
        self._await_next()

    def _begin(self) -> int:
        """Apply messages until both books show both sides; how far simulated time is ahead of recorded time."""
        for event in self._events:
            self._apply(event)
            if all(crowd.shown for crowd in self._crowds.values()):
                return self._exchange.now * 1000 - event.at_us
        raise ConfigError("The recording ends before both of its books have a bid and an ask: record for longer.")

    def _at(self, recorded_us: int) -> int:
        return (recorded_us + self.shift_us) // 1000

    def _await_next(self) -> None:
        self._next = next(self._events, None)
        if self._next is not None:
            self._exchange.schedule(self._at(self._next.at_us), self._flow)

    def _flow(self) -> None:
        """Apply all that happened in this millisecond."""
        event, wallets = self._next, set[Wallet]()
        while event is not None and self._at(event.at_us) <= self._exchange.now:
            self._apply(event)
            wallets.add(event.wallet)
            event = next(self._events, None)
        self._publish(wallets)
        self._next = event
        if event is not None:
            self._exchange.schedule(self._at(event.at_us), self._flow)

    def _apply(self, event: Event) -> None:
        fresh = self._crowds[event.wallet].follow(event.message)
        (self.applied if fresh else self.stale)[event.wallet, type(event.message)] += 1

    def _publish(self, wallets: Container[Wallet]) -> None:
        for wallet, crowd in self._crowds.items():
            if wallet in wallets:
                crowd.publish()
        touch = self._crowds[Wallet.SPOT].touch
        if Wallet.SPOT in wallets and touch is not None and touch.bid and touch.ask:
            self._exchange.set_index(self._base, (touch.bid + touch.ask) / 2)


class Crowd:
    """The crowd of one book: always what was last recorded of it, whatever our own orders did meanwhile."""

    def __init__(self, floor: Floor, wallet: Wallet, symbol: str) -> None:
        self.touch: Touch | None = None
        self._floor, self._pit = floor, floor.pit(wallet, symbol)
        self._book = self._pit.book
        self._changed_id = 0
        self._changes: deque[Depth] = deque(maxlen=RECENT_CHANGES)
        self._eaten: dict[tuple[Side, Decimal], Decimal] = {}

    @property
    def shown(self) -> bool:
        """Whether the book has a bid and an ask."""
        return self._book.best(Side.BUY) is not None and self._book.best(Side.SELL) is not None

    def follow(self, message: Message) -> bool:
        """Do what a message says; False if it is older than what the book already shows."""
        match message:
            case Trade():
                self._execute(message)
                return True
            case Touch():
                return self._correct(message)
            case Depth():
                return self._learn(message) if message.whole else self._change(message)

    def publish(self) -> None:
        """Publish the best prices if they have changed."""
        self._floor.publish_book(self._pit)

    # --- messages ----------------------------------------------------------------------------------------------

    def _execute(self, trade: Trade) -> None:
        """An aggressor takes the queue at its price from the front; before that, ours at better prices.

        The crowd at better prices stays: it has come since, or other messages will say that it has gone.
        """
        side = Side.SELL if trade.side is Side.BUY else Side.BUY
        matches, left = [], trade.quantity
        for price in [*self._better(side, trade.price), trade.price]:
            for order in self._book.queue(side, price):
                if left and (order.owner is not None or price == trade.price):
                    traded = min(left, order.remaining)
                    left -= traded
                    self._book.reduce(order.order_id, traded)
                    matches.append(Match(maker=order, taker_id=0, taker_owner=None, quantity=traded))
        self._floor.settle(self._pit, matches)

    def _correct(self, touch: Touch) -> bool:
        if touch.update_id < self._changed_id:
            return False
        self.touch, self._changed_id = touch, touch.update_id
        best = ((Side.BUY, touch.bid, touch.bid_quantity), (Side.SELL, touch.ask, touch.ask_quantity))
        for side, price, _ in best:
            for better in self._better(side, price):
                self._set(side, better, ZERO)
        for side, price, quantity in best:
            self._set(side, price, quantity)
        return True

    def _change(self, depth: Depth) -> bool:
        """Changed levels; what a newer message has said of the best prices stands."""
        self._changes.append(depth)
        fresh = depth.update_id >= self._changed_id
        self._changed_id = max(self._changed_id, depth.update_id)
        self._lay(depth.bids, depth.asks, None if fresh else self.touch)
        return fresh

    def _learn(self, snapshot: Depth) -> bool:
        """The whole book as it was, brought up to date with the changes that came before its late arrival."""
        bids, asks = self._unless_listed(Side.BUY, snapshot.bids), self._unless_listed(Side.SELL, snapshot.asks)
        bids.update(snapshot.bids)
        asks.update(snapshot.asks)
        for change in self._changes:
            if change.update_id > snapshot.update_id:
                bids.update(change.bids)
                asks.update(change.asks)
        newer = self.touch is not None and self.touch.update_id > snapshot.update_id
        self._lay(bids.items(), asks.items(), self.touch if newer else None)
        self._changed_id = max(self._changed_id, snapshot.update_id)
        return True

    def _unless_listed(self, side: Side, known: Sequence[Level]) -> dict[Decimal, Decimal]:
        """Nothing at each present level that a snapshot would have if it existed."""
        if not known:
            return {}
        last, prices = known[-1][0], self._book.prices(side)
        return {p: ZERO for p in prices if (p >= last if side is Side.BUY else p <= last)}

    # --- levels ------------------------------------------------------------------------------------------------

    def _lay(self, bids: Iterable[Level], asks: Iterable[Level], touch: Touch | None) -> None:
        """Set levels; with a `touch`, only those behind it."""
        for price, quantity in bids:
            if touch is None or price < touch.bid:
                self._set(Side.BUY, price, quantity)
        for price, quantity in asks:
            if touch is None or price > touch.ask:
                self._set(Side.SELL, price, quantity)

    def _better(self, side: Side, price: Decimal) -> list[Decimal]:
        """The prices of levels that are better than `price`, best first."""
        prices = self._book.prices(side)
        if side is Side.BUY:
            return prices[bisect_right(prices, price) :][::-1]
        return prices[: bisect_left(prices, price)]

    def _set(self, side: Side, price: Decimal, quantity: Decimal) -> None:
        """Make the crowd at a level what was recorded, less what our orders, which it crossed, took of it."""
        if self._eaten:
            quantity = self._left(side, price, quantity)
        matches = self._book.set_crowd(side, price, quantity)
        if matches:
            eaten = self._eaten.get((side, price), ZERO)
            self._eaten[side, price] = sum((match.quantity for match in matches), eaten)
            self._floor.settle(self._pit, matches)

    def _left(self, side: Side, price: Decimal, quantity: Decimal) -> Decimal:
        eaten = min(self._eaten.pop((side, price), ZERO), quantity)
        if eaten:
            self._eaten[side, price] = eaten
        return quantity - eaten


# --- the world of a recording --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedWorld:
    """The exchange and what moves it. `scenario` is None if the owner's holding does not change by itself."""

    exchange: Exchange
    market: RecordedMarket
    scenario: Scenario | None


def recorded_world(
    directory: Path,
    *,
    seed: int,
    start_at: int,
    users: Mapping[str, Funds] | None = None,
    owner: str = "main",
    scenario: ScenarioConfig = MINUTES,
    still: bool = False,
) -> RecordedWorld:
    """The recorded counterpart of `paper_world`; the seed is the scenario's. Raises ConfigError.

    `start_at` (ms since 1970) is when the recording begins; after `market.ends_at` nothing trades any more.
    """
    recording = Recording(directory)
    coin = _coin(recording)
    users = users if users is not None else {owner: _funds(coin)}
    exchange = Exchange(listings=default_listings([coin]), start_at=start_at, users=users)
    market = RecordedMarket(exchange, recording)
    for user, funds in users.items():
        furnish(exchange, user, funds)
    moving = None if still else Scenario(exchange, Random(f"{seed}/scenario"), owner, [coin], scenario)
    return RecordedWorld(exchange=exchange, market=market, scenario=moving)


def _coin(recording: Recording) -> str:
    coin = recording.symbol.removesuffix(COLLATERAL)
    if coin not in COINS or coin == recording.symbol:
        known = ", ".join(f"{each}{COLLATERAL}" for each in COINS)
        raise ConfigError(f"The recording is of {recording.symbol}, but the paper exchange lists only {known}.")
    return coin


def _funds(coin: str) -> Funds:
    """What the owner of the synthetic world has, in a holding of another coin that is worth as much."""
    worth = MAIN.spot["BTC"] * COINS["BTC"].price
    holding = (worth / COINS[coin].price).quantize(COINS[coin].spot_lot)
    return Funds(spot={coin: holding, COLLATERAL: MAIN.spot[COLLATERAL]}, linear=MAIN.linear)

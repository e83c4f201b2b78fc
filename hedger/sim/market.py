"""The anonymous crowd: it keeps books around fair prices, and now and then takes what rests in them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from hedger.model.order import Side
from hedger.sim.exchange import Exchange
from hedger.sim.fair import FairPrices
from hedger.sim.floor import Floor, Pit
from hedger.sim.nouns import Wallet

FLOW_MS = 500
SLACK = 0.00003  # how far the fair price strays before the crowd quotes anew, as a fraction of the price
MOVE_CHANCE = 0.15  # of the fair price at each beat: between moves the queue is what matters
LEVELS = 10
MOST_LEVELS = 18
LEVEL_NOTIONAL = 60_000.0  # USDT, on average at a level
TAKER_NOTIONAL = 4_000.0  # USDT, the median of an aggressive order
TAKER_SPREAD = 1.2  # the deviation of its logarithm
TAKERS_PER_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowConfig:
    """How busy the crowd is. Notionals in USDT; `takers_per_s` counts both sides of one book."""

    flow_ms: int = FLOW_MS
    move_chance: float = MOVE_CHANCE
    takers_per_s: float = TAKERS_PER_S
    taker_notional: float = TAKER_NOTIONAL
    level_notional: float = LEVEL_NOTIONAL


class SyntheticMarket:
    """Keeps the books of `coins`, spot and perpetual, alive inside `Exchange.advance`."""

    def __init__(
        self,
        exchange: Exchange,
        rng: Random,
        fair: FairPrices,
        coins: Sequence[str],
        config: FlowConfig | None = None,
    ) -> None:
        self.fair = fair
        self._rng = rng
        self._exchange = exchange
        self._config = config or FlowConfig()
        self._moved_at = exchange.now
        self._crowds = [
            (coin, wallet, _Crowd(exchange.floor, exchange.floor.pit(wallet, f"{coin}USDT"), rng, self._config))
            for coin in coins
            for wallet in (Wallet.SPOT, Wallet.LINEAR)
        ]
        self._quote(exchange.now)
        exchange.schedule(exchange.now + self._config.flow_ms, self._flow)

    def _flow(self) -> None:
        now = self._exchange.now
        if self._rng.random() < self._config.move_chance:
            self.fair.step((now - self._moved_at) / 1000)
            self._moved_at = now
        self._quote(now)
        self._exchange.schedule(now + self._config.flow_ms, self._flow)

    def _quote(self, now: int) -> None:
        for coin, wallet, crowd in self._crowds:
            price = self.fair.price(coin)
            crowd.live(now, price if wallet is Wallet.SPOT else price * (1 + self.fair.basis(coin)))


class _Crowd:
    """The crowd of one book. Prices in whole ticks and quantities in whole lots inside."""

    def __init__(self, floor: Floor, pit: Pit, rng: Random, config: FlowConfig) -> None:
        self._floor, self._pit, self._book, self._rng = floor, pit, pit.book, rng
        self._tick, self._lot = pit.listing.tick_size, pit.listing.lot_size
        self._tick_f, self._lot_f = float(self._tick), float(self._lot)
        self._config = config
        self._next_taker_ms = 0.0
        self._bid = self._ask = 0
        self._bids: set[int] = set()
        self._asks: set[int] = set()
        self._lean = 0.5

    def live(self, now: int, fair: float) -> None:
        """One beat: quote anew if the price has strayed, stir a level, and let takers take."""
        mid = (self._bid + self._ask) * self._tick_f / 2
        if abs(fair - mid) > SLACK * fair:
            self._lean = 0.62 if fair > mid else 0.38
            self._requote(fair)
        else:
            self._stir()
        self._take(now, fair)
        self._floor.publish_book(self._pit)

    # --- quoting -----------------------------------------------------------------------------------------------

    def _requote(self, fair: float) -> None:
        ticks = fair / self._tick_f
        bid = math.floor(ticks - self._rng.random())
        ask = bid + 1 + int(self._rng.random() * 3)
        step = max(1, round(SLACK * ticks))
        rising = bid + ask > self._bid + self._ask
        self._bid, self._ask = bid, ask
        sides = ((Side.BUY, bid, -step), (Side.SELL, ask, step))
        for side, best, away in sides if rising else sides[::-1]:
            self._lay(side, best, away)

    def _lay(self, side: Side, best: int, away: int) -> None:
        """Make the levels of one side: the best, then every `away` ticks on a grid; levels too far go."""
        present = self._bids if side is Side.BUY else self._asks
        for tick in [t for t in present if (t - best) * away < 0]:
            present.discard(tick)
            self._set(side, tick, 0)
        grid = (best // away + 1) * away
        wanted = [best, *range(grid, grid + away * (LEVELS - 1), away)]
        for depth, tick in enumerate(wanted):
            if tick not in present:
                present.add(tick)
                self._set(side, tick, self._size(depth, tick))
        if len(present) > MOST_LEVELS:
            for tick in sorted(present, reverse=side is Side.BUY)[LEVELS:]:
                present.discard(tick)
                self._set(side, tick, 0)

    def _stir(self) -> None:
        """Somebody joins or leaves the best level; what a taker emptied comes back."""
        side = Side.BUY if self._rng.random() < 0.5 else Side.SELL
        best = self._bid if side is Side.BUY else self._ask
        self._set(side, best, self._size(0, best))

    def _size(self, depth: int, tick: int) -> int:
        mean = self._config.level_notional / (tick * self._tick_f * self._lot_f) if tick > 0 else 1.0
        return max(1, int(mean * (0.3 + 1.4 * self._rng.random()) * (1 + depth * 0.2)))

    def _set(self, side: Side, tick: int, lots: int) -> None:
        if tick > 0:
            matches = self._book.set_crowd(side, self._tick * tick, self._lot * lots)
            if matches:
                self._floor.settle(self._pit, matches)

    # --- taking ------------------------------------------------------------------------------------------------

    def _take(self, now: int, fair: float) -> None:
        rng, config = self._rng, self._config
        if not self._next_taker_ms:
            self._next_taker_ms = now + rng.expovariate(config.takers_per_s) * 1000
        while self._next_taker_ms <= now:
            self._next_taker_ms += rng.expovariate(config.takers_per_s) * 1000
            notional = config.taker_notional * math.exp(rng.gauss(0.0, TAKER_SPREAD))
            lots = max(1, int(notional / (fair * self._lot_f)))
            side = Side.BUY if rng.random() < self._lean else Side.SELL
            matches = self._book.take(side, self._lot * lots, self._reach(side, fair), taker_id=0, owner=None)
            self._floor.settle(self._pit, matches)

    def _reach(self, side: Side, fair: float) -> Decimal:
        """The worst price that a taker accepts: a tenth of a per cent away."""
        ticks = fair / self._tick_f
        return self._tick * (int(ticks * 1.001) + 1 if side is Side.BUY else max(1, int(ticks * 0.999)))

"""The anonymous crowd: it keeps books around fair prices, and now and then takes what rests in them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from hedger.model.instrument import Payoff
from hedger.model.order import Side
from hedger.sim.average import ending_of
from hedger.sim.carry import Carry
from hedger.sim.exchange import Exchange
from hedger.sim.fair import FairPrices
from hedger.sim.floor import Floor
from hedger.sim.nouns import USDT_WALLETS, Listing, Wallet
from hedger.sim.pit import Pit

FLOW_MS = 500
SURFACE_MS = 10_000
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
    """Keeps the books of `coins` alive inside `Exchange.advance`: spot and USDT perpetual from one stream of chance.

    With a `carry` every further contract that is listed, now or later, has a crowd too. Each of those has a stream of
    its own (from `seed`), so that what else is listed changes nothing in the other books. One fair price of each coin
    drives all of them.
    """

    def __init__(
        self,
        exchange: Exchange,
        rng: Random,
        fair: FairPrices,
        coins: Sequence[str],
        config: FlowConfig | None = None,
        *,
        carry: Carry | None = None,
        seed: int = 0,
        moves: Random | None = None,
    ) -> None:
        """`moves` says when the fair price moves; without it the chance of the crowd does, which a shock of the books
        (another basis, another lot) can shift."""
        self.fair, self.carry = fair, carry
        self._rng, self._moves, self._seed = rng, moves if moves is not None else rng, seed
        self._surface_rng = Random(f"{seed}/surface")
        self._exchange = exchange
        self._config = config or FlowConfig()
        self._moved_at = self._surfaced_at = exchange.now
        self._pairs = tuple((wallet, f"{coin}USDT") for coin in coins for wallet in USDT_WALLETS)
        self._crowds = [self._crowd(exchange.floor.pit(*pair), rng) for pair in self._pairs]
        self._others: dict[str, _Crowd] = {}
        self._edition = -1
        if carry is not None:
            exchange.floor.carries = carry.rates
        self._quote(exchange.now)
        exchange.schedule(exchange.now + self._config.flow_ms, self._flow)

    def _crowd(self, pit: Pit, rng: Random) -> _Crowd:
        return _Crowd(self._exchange.floor, pit, rng, self._config)

    def _flow(self) -> None:
        now = self._exchange.now
        if self._moves.random() < self._config.move_chance:
            elapsed_s = (now - self._moved_at) / 1000
            self.fair.step(elapsed_s)
            if self.carry is not None:
                self.carry.step(elapsed_s)
            self._moved_at = now
        self._move_surfaces(now)
        self._quote(now)
        self._exchange.schedule(now + self._config.flow_ms, self._flow)

    def _move_surfaces(self, now: int) -> None:
        """Volatilities move where there are options."""
        elapsed_ms, surfaces = now - self._surfaced_at, self._exchange.floor.options.surfaces
        if surfaces and elapsed_ms >= SURFACE_MS:
            self._surfaced_at = now
            for surface in surfaces.values():
                surface.move(self._surface_rng, elapsed_ms / 1000)

    def _quote(self, now: int) -> None:
        for crowd in self._crowds:
            crowd.live(now, self._fair_of(crowd.listing, now))
        if self.carry is not None:
            if self._edition != self._exchange.floor.editions:
                self._edition = self._exchange.floor.editions
                self._others = {pit.listing.symbol: self._known(pit) for pit in self._further()}
            for crowd in self._others.values():
                crowd.live(now, self._fair_of(crowd.listing, now))

    def _further(self) -> list[Pit]:
        pits = self._exchange.floor.contracts.values()
        return [pit for pit in pits if (pit.listing.wallet, pit.listing.symbol) not in self._pairs]

    def _known(self, pit: Pit) -> _Crowd:
        known = self._others.get(pit.listing.symbol)
        return known if known is not None else self._crowd(pit, Random(f"{self._seed}/flow/{pit.listing.symbol}"))

    def _fair_of(self, listing: Listing, now: int) -> float:
        """The fair price of a pair or contract, in its own terms."""
        price = self.fair.price(listing.base)
        if listing.wallet is Wallet.SPOT:
            return price
        if listing.quote == "USD":
            price *= float(self._exchange.floor.usdt_price)
        if listing.payoff is not Payoff.INVERSE and listing.contract_multiplier != 1:
            price *= float(listing.contract_multiplier)
        if listing.expiry_at is None or self.carry is None:
            return price * (1 + self.fair.basis(listing.base))
        ending = ending_of(listing)
        average = self._exchange.floor.averages.get(ending) if ending is not None else None
        if average is not None:
            return float(average.expected(Decimal(price)))
        return price * self.carry.premium(listing, now)


class _Crowd:
    """The crowd of one book. Prices in whole ticks and quantities in whole lots inside."""

    def __init__(self, floor: Floor, pit: Pit, rng: Random, config: FlowConfig) -> None:
        self._floor, self._pit, self._book, self._rng = floor, pit, pit.book, rng
        self._tick, self._lot = pit.listing.tick_size, pit.listing.lot_size
        self._tick_f, self._lot_f = float(self._tick), float(self._lot)
        self._config, self.listing = config, pit.listing
        inverse = pit.listing.payoff is Payoff.INVERSE
        self._lot_worth = float(pit.listing.contract_multiplier) * self._lot_f if inverse else None
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
        mean = self._config.level_notional / self._worth(tick * self._tick_f) if tick > 0 else 1.0
        return max(1, int(mean * (0.3 + 1.4 * self._rng.random()) * (1 + depth * 0.2)))

    def _worth(self, price: float) -> float:
        """What a lot is worth in quote."""
        return price * self._lot_f if self._lot_worth is None else self._lot_worth

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
            lots = max(1, int(notional / self._worth(fair)))
            side = Side.BUY if rng.random() < self._lean else Side.SELL
            matches = self._book.take(side, self._lot * lots, self._reach(side, fair), taker_id=0, owner=None)
            self._floor.settle(self._pit, matches)

    def _reach(self, side: Side, fair: float) -> Decimal:
        """The worst price that a taker accepts: a tenth of a per cent away."""
        ticks = fair / self._tick_f
        return self._tick * (int(ticks * 1.001) + 1 if side is Side.BUY else max(1, int(ticks * 0.999)))

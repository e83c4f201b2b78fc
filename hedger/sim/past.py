"""What the exchange remembers of prices: bars of each coin's index and settled funding rates, with a seeded past.

Bars of a few lengths are kept as they come. A market that is made up also has a past, made up from the same seed and
with the volatility of its own weathers; a recorded one knows nothing from before it began.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import NamedTuple

from hedger.model.spans import HOUR_MS, MINUTE_MS
from hedger.sim.fair import BETAS, CORRELATION, Weather
from hedger.sim.nouns import INTEREST

YEAR_S = 365 * 86_400
LENGTHS_MS = (5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS, 24 * HOUR_MS)
MOST_BARS = 1_500
MOST_SETTLEMENTS = 1_000
PAST_SETTLEMENTS = 200
STEPS = 4  # of the price in one bar of the past; between them its extremes are drawn from a Brownian bridge
PRICE_GRID = Decimal("0.00000001")
RATE_DEVIATION, RATE_GRID = 0.00005, Decimal("0.00000001")


class Bar(NamedTuple):
    """One bar of an index price; the last of a list may still run."""

    opened_at: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal

    def with_price(self, price: Decimal) -> Bar:
        """The bar after one more price."""
        return Bar(self.opened_at, self.open, max(self.high, price), min(self.low, price), price)


class Settlement(NamedTuple):
    """What one settlement of a perpetual paid."""

    settled_at: int
    rate: Decimal
    mark_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a past is made up from: a seed, and the volatility of each coin a year (0.5 is 50 %)."""

    seed: int
    volatility: Mapping[str, float]


@dataclass(slots=True)
class Past:
    """The memory of one exchange. Without an `origin` it begins with the first price that it sees."""

    origin: Origin | None = None
    _bars: dict[str, dict[int, deque[Bar]]] = field(default_factory=dict)
    _lived: dict[str, tuple[int, Decimal]] = field(default_factory=dict)
    _made_up: dict[tuple[str, int], tuple[list[Bar], Iterator[Bar]]] = field(default_factory=dict)
    _settled: dict[str, deque[Settlement]] = field(default_factory=dict)

    def observe(self, coin: str, now: int, price: Decimal) -> None:
        """A coin's index price at `now` (ms), once a beat."""
        if coin not in self._bars:
            self._bars[coin] = {length: deque(maxlen=MOST_BARS) for length in LENGTHS_MS}
            self._lived[coin] = (now, price)
        shortest = self._bars[coin][LENGTHS_MS[0]]
        if shortest and shortest[-1].close == price and now < shortest[-1].opened_at + LENGTHS_MS[0]:
            return  # seen already, as most beats are, or told by another contract on the same coin
        for length, bars in self._bars[coin].items():
            opened_at = now - now % length
            if bars and bars[-1].opened_at >= opened_at:
                bars[-1] = bars[-1].with_price(price)
            else:
                _fill(bars, opened_at, length)
                before = bars[-1].close if bars else price
                bars.append(Bar(opened_at, before, before, before, before).with_price(price))

    def settle(self, symbol: str, settlement: Settlement) -> None:
        """A perpetual's funding was settled."""
        self._settled.setdefault(symbol, deque(maxlen=MOST_SETTLEMENTS)).append(settlement)

    def bars(self, coin: str, length_ms: int, count: int) -> list[Bar]:
        """The last `count` bars of a coin's index, oldest first, fewer where there are no more; the last one may still
        run. None of a length that is not kept."""
        lived = self._bars.get(coin, {}).get(length_ms)
        if not lived:
            return []
        missing = count - len(lived) + 1
        if self.origin is None or coin not in self.origin.volatility or missing <= 0 or len(lived) == MOST_BARS:
            return list(lived)[-count:]
        before = self._before(coin, length_ms, missing)
        first, *rest = lived
        if before[-1].opened_at == first.opened_at:  # the bar in which the exchange began
            high, low = max(before[-1].high, first.high), min(before[-1].low, first.low)
            return [*before[:-1], Bar(first.opened_at, before[-1].open, high, low, first.close), *rest][-count:]
        return [*before, first, *rest][-count:]

    def settlements(self, symbol: str, interval_ms: int, now: int, interest: Decimal = INTEREST) -> list[Settlement]:
        """What a perpetual has paid, oldest first; what is made up of it lies around its `interest`."""
        lived = list(self._settled.get(symbol, ()))
        if self.origin is None:
            return lived
        first_at = lived[0].settled_at if lived else (now // interval_ms + 1) * interval_ms
        rng = Random(f"{self.origin.seed}/past/{symbol}/rates")
        usual = float(interest)
        rates = (Decimal(repr(rng.gauss(usual, RATE_DEVIATION))) for _ in range(PAST_SETTLEMENTS))
        price = lived[0].mark_price if lived else Decimal(0)
        made_up = [
            Settlement(first_at - back * interval_ms, rate.quantize(RATE_GRID), price)
            for back, rate in enumerate(rates, start=1)
        ]
        return [*made_up[::-1], *lived][-MOST_SETTLEMENTS:]

    def _before(self, coin: str, length_ms: int, count: int) -> list[Bar]:
        """At least `count` bars of the past before the exchange's first price, which they meet."""
        assert self.origin is not None, "only a market that is made up has a past"
        key = (coin, length_ms)
        if key not in self._made_up:
            began_at, price = self._lived[coin]
            shocks = _shocks(f"{self.origin.seed}/past", coin, length_ms)
            rng = Random(f"{self.origin.seed}/past/{coin}/{length_ms}/extremes")
            path = _backwards(shocks, rng, self.origin.volatility[coin], began_at, price, length_ms)
            self._made_up[key] = ([], path)
        known, more = self._made_up[key]
        known += itertools.islice(more, max(0, count - len(known)))
        return known[::-1]


def long_run_volatility(coin: str, weathers: Sequence[Weather]) -> float:
    """What the prices of a synthetic market come to in the long run (a year): the mean variance of its weathers, jumps
    included; drift and pull pass."""
    variances = (w.volatility**2 + w.jumps * w.jump_size**2 * YEAR_S / 3_600 for w in weathers)
    return BETAS.get(coin, 1.0) * math.sqrt(math.fsum(variances) / len(weathers))


def _shocks(seed: str, coin: str, length_ms: int) -> Iterator[float]:
    """Standard normal shocks of one coin, correlated with those of the others as the market's own are."""
    common, own = Random(f"{seed}/{length_ms}"), Random(f"{seed}/{coin}/{length_ms}")
    rest = math.sqrt(1 - CORRELATION**2)
    while True:
        yield CORRELATION * common.gauss(0.0, 1.0) + rest * own.gauss(0.0, 1.0)


def _backwards(
    shocks: Iterator[float], rng: Random, volatility: float, began_at: int, price: Decimal, length_ms: int
) -> Iterator[Bar]:
    """Bars from the one in which the exchange began back into the past; a path has no direction without a drift."""
    log_price, opened_at, until = math.log(price), began_at - began_at % length_ms, began_at
    for place in itertools.count():
        close, high, low = log_price, log_price, log_price
        step_s = (until - opened_at) / 1_000 / STEPS
        deviation = volatility * math.sqrt(step_s / YEAR_S)
        for _ in range(STEPS):
            after = log_price + next(shocks) * deviation
            up, down = _bridge(rng, log_price, after, deviation), _bridge(rng, -log_price, -after, deviation)
            high, low, log_price = max(high, up), min(low, -down), after
        if place or until > opened_at:
            yield Bar(opened_at, *(_price(value) for value in (log_price, high, low, close)))
        until, opened_at = opened_at, opened_at - length_ms


def _bridge(rng: Random, start: float, end: float, deviation: float) -> float:
    """The highest point between two that are `deviation` apart in time."""
    return (start + end + math.sqrt((end - start) ** 2 - 2 * deviation**2 * math.log(1.0 - rng.random()))) / 2


def _price(log_price: float) -> Decimal:
    return Decimal(repr(math.exp(log_price))).quantize(PRICE_GRID)


def _fill(bars: deque[Bar], until: int, length: int) -> None:
    """Flat bars where nothing was seen for longer than a bar."""
    while bars and bars[-1].opened_at + length < until:
        last = bars[-1]
        bars.append(Bar(last.opened_at + length, last.close, last.close, last.close, last.close))

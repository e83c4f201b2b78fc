"""What coins are worth: correlated prices that drift, return, jump and change their weather, from one seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

YEAR_S = 365 * 86_400
MEAN_WEATHER_S = 1_200.0
CORRELATION = 0.8
BASIS_MEAN_LIFE_S = 1_800.0
BASIS_DEVIATION = 0.0004


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How prices move for a while.

    `volatility` a year (0.5 is 50 %), `drift` a year in logarithm, `pull` back to where the weather began per
    second, `jumps` an hour with a deviation of `jump_size` (a fraction of the price).
    """

    name: str
    volatility: float
    drift: float = 0.0
    pull: float = 0.0
    jumps: float = 0.0
    jump_size: float = 0.0


CALM = Weather(name="calm", volatility=0.25)
RANGING = Weather(name="ranging", volatility=0.45, pull=1 / 240)
RISING = Weather(name="rising", volatility=0.5, drift=60.0)
FALLING = Weather(name="falling", volatility=0.55, drift=-60.0)
STORMY = Weather(name="stormy", volatility=1.0, jumps=2.0, jump_size=0.004)
WEATHERS: tuple[Weather, ...] = (CALM, RANGING, RANGING, RISING, FALLING, STORMY)
BETAS: Mapping[str, float] = {"BTC": 1.0, "ETH": 1.2, "SOL": 1.5, "XRP": 1.3}


@dataclass(slots=True, kw_only=True)
class _Coin:
    log_price: float
    anchor: float
    beta: float
    basis: float = 0.0


class FairPrices:
    """Latent fair prices of coins (USDT), and the basis of their perpetuals (a fraction of the price)."""

    def __init__(self, rng: Random, prices: Mapping[str, float], weathers: Sequence[Weather] = WEATHERS) -> None:
        self._rng = rng
        self._weathers = weathers
        self._coins = {
            name: _Coin(log_price=math.log(price), anchor=math.log(price), beta=BETAS.get(name, 1.0))
            for name, price in prices.items()
        }
        self.extra_basis = 0.0  # what a shock adds to every coin's basis, as a fraction of the price
        self._left_s = 0.0
        self._basis_mean = 0.0
        self.weather = weathers[0]
        self._change_weather()

    def price(self, coin: str) -> float:
        """The fair spot price."""
        return math.exp(self._coins[coin].log_price)

    def basis(self, coin: str) -> float:
        """The perpetual's fair premium over spot."""
        return self._coins[coin].basis + self.extra_basis

    def jump(self, coin: str, fraction: float) -> None:
        """Move a coin's price at once: 0.01 is up by one per cent."""
        self._coins[coin].log_price += math.log1p(fraction)
        self._coins[coin].anchor += math.log1p(fraction)

    def set_weather(self, weather: Weather, for_s: float) -> None:
        """Let this weather hold for a while (seconds)."""
        self.weather, self._left_s = weather, for_s
        self._basis_mean = self._rng.gauss(BASIS_DEVIATION / 4, BASIS_DEVIATION)
        for coin in self._coins.values():
            coin.anchor = coin.log_price

    def step(self, elapsed_s: float) -> None:
        """Let prices move for that many seconds."""
        self._left_s -= elapsed_s
        if self._left_s <= 0:
            self._change_weather()
        weather, gauss = self.weather, self._rng.gauss
        deviation = weather.volatility * math.sqrt(elapsed_s / YEAR_S)
        drift = weather.drift * elapsed_s / YEAR_S
        common = gauss(0.0, 1.0) * CORRELATION
        own = math.sqrt(1 - CORRELATION**2)
        jump = self._common_jump(elapsed_s)
        noise = BASIS_DEVIATION * math.sqrt(2 * elapsed_s / BASIS_MEAN_LIFE_S)
        for coin in self._coins.values():
            shock = drift + deviation * (common + own * gauss(0.0, 1.0)) + jump
            pull = weather.pull * elapsed_s * (coin.anchor - coin.log_price)
            coin.log_price += coin.beta * shock + pull
            coin.basis += (self._basis_mean - coin.basis) * elapsed_s / BASIS_MEAN_LIFE_S + gauss(0.0, noise)

    def _common_jump(self, elapsed_s: float) -> float:
        weather = self.weather
        if weather.jumps and self._rng.random() < weather.jumps * elapsed_s / 3_600:
            return self._rng.gauss(0.0, weather.jump_size)
        return 0.0

    def _change_weather(self) -> None:
        self.set_weather(self._rng.choice(self._weathers), self._rng.expovariate(1 / MEAN_WEATHER_S))

"""What dated contracts are worth beside the index: a carry a year that wanders, and each book's own small noise."""

from __future__ import annotations

import math
from collections.abc import Iterable
from random import Random

from hedger.sim.nouns import Listing

YEAR_S = 365 * 86_400.0
MEAN, DEVIATION = 0.05, 0.02  # a year
MEAN_LIFE_S = 5 * 86_400.0
NOISE, NOISE_MEAN_LIFE_S = 0.0002, 1_800.0  # of the price


class Carry:
    """The carry of each coin, a year (0.05 is 5 %), and the noise of each dated contract, each from a seed of its own.

    `rates` is a live view; the fair forward is index·exp(rate·τ)·(1 + noise), and both fade towards expiry.
    """

    def __init__(self, seed: int, coins: Iterable[str]) -> None:
        self._seed = seed
        self._rngs = {coin: Random(f"{seed}/carry/{coin}") for coin in coins}
        self.rates = {coin: rng.gauss(MEAN, DEVIATION) for coin, rng in self._rngs.items()}
        self._noise: dict[str, tuple[Random, float]] = {}

    def step(self, elapsed_s: float) -> None:
        """Let rates and noises move for that many seconds."""
        for coin, rng in self._rngs.items():
            spread = DEVIATION * math.sqrt(2 * elapsed_s / MEAN_LIFE_S)
            rate = self.rates[coin]
            self.rates[coin] = rate + (MEAN - rate) * elapsed_s / MEAN_LIFE_S + rng.gauss(0.0, spread)
        share = min(1.0, elapsed_s / NOISE_MEAN_LIFE_S)
        for symbol, (rng, noise) in self._noise.items():
            spread = NOISE * math.sqrt(2 * share)
            self._noise[symbol] = (rng, noise * (1 - share) + rng.gauss(0.0, spread))

    def premium(self, listing: Listing, now: int) -> float:
        """What a dated contract is worth over its index, as a factor near 1."""
        assert listing.expiry_at is not None, "a perpetual has no carry"
        if listing.symbol not in self._noise:
            self._noise[listing.symbol] = (Random(f"{self._seed}/noise/{listing.symbol}"), 0.0)
        years = max(0.0, (listing.expiry_at - now) / 1000 / YEAR_S)
        fade = min(1.0, years * 365)  # the noise goes on the last day
        return math.exp(self.rates.get(listing.base, 0.0) * years) * (1 + self._noise[listing.symbol][1] * fade)

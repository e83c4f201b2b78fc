"""An option that the owner does not hold, made by trading its delta: Black-76 at the live index, without carry."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import erfc, exp, log, pi, sqrt

from hedger.model.numeric import ZERO
from hedger.model.option import OptionType
from hedger.model.spans import YEAR_MS

LEAST_MS = 3_600_000  # of life that is reckoned with: nearer the end the delta would jump from all to nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthetic:
    """A put or a call on the coin, as if it had been bought (`long`) or sold.

    It is on `coins` coins where that is given, else on the share `ratio` of the holding. `volatility` is a year's (0.5
    is 50 %): it sets how fast the delta turns, and what the option would have cost. It ends at `expiry_at` (ms since
    1970).
    """

    option_type: OptionType
    long: bool
    strike: Decimal
    expiry_at: int
    volatility: Decimal
    ratio: Decimal = ZERO
    coins: Decimal | None = None

    def size(self, holding: Decimal) -> Decimal:
        """On how many coins the option is: bought is positive, sold negative. A holding below zero counts as none."""
        coins = self.coins if self.coins is not None else self.ratio * max(holding, ZERO)
        return coins if self.long else -coins

    def delta(self, price: Decimal, now: int) -> Decimal:
        """The delta of the option on one coin, bought: between 0 and 1 for a call, −1 and 0 for a put."""
        sign = self.option_type.sign
        return Decimal(repr(sign * _below(sign * self._d1(price, now))))

    def gamma(self, price: Decimal, now: int) -> float:
        """How much that delta rises per unit of price: never negative, the same for a put and a call."""
        d1 = self._d1(price, now)
        return exp(-d1 * d1 / 2) / sqrt(2 * pi) / (float(price) * self._spread(now))

    def value(self, price: Decimal, now: int) -> float:
        """What the option on one coin would be worth, in quote."""
        sign, d1 = self.option_type.sign, self._d1(price, now)
        d2 = d1 - self._spread(now)
        return sign * (float(price) * _below(sign * d1) - float(self.strike) * _below(sign * d2))

    def expired(self, now: int) -> bool:
        """Whether it has ended: then nothing is replicated any more."""
        return now >= self.expiry_at

    def _spread(self, now: int) -> float:
        """The deviation of the logarithm of the price until expiry, σ√τ."""
        return float(self.volatility) * sqrt(max(self.expiry_at - now, LEAST_MS) / YEAR_MS)

    def _d1(self, price: Decimal, now: int) -> float:
        spread = self._spread(now)
        return log(float(price) / float(self.strike)) / spread + spread / 2


def _below(x: float) -> float:
    """The standard normal distribution; right to the last digit in the tails too."""
    return erfc(-x / sqrt(2)) / 2

"""A contract's mark price, and a perpetual's funding rate, from the premium over the index."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.model.order import Side
from hedger.sim.book import Book
from hedger.sim.nouns import DAMPER, INTEREST, Premium

PRICE_GRID = Decimal("0.00000001")
RATE_GRID = Decimal("0.00000001")
SMOOTHING = Decimal("0.0328")  # 1 − e^(−1/30): a mean life of thirty seconds, once a second
CAP = Decimal("0.003")  # three quarters of the first tier's maintenance rate
IMPACT_NOTIONAL = Decimal(25_000)  # USDT
EIGHT_HOURS_MS = 8 * 3_600_000
SAMPLE_MS = 5_000


@dataclass(slots=True, kw_only=True)
class PremiumTracker:
    """The premium of one contract: smoothed for its mark price, averaged over the interval for its funding.

    The average weighs the k-th sample of the interval by k, as Binance does. A dated contract pays no funding, and
    waits for its expiry instead; while its last average is taken, `settling` is what that comes to at the present
    index, and its mark. `inverse_multiplier` is what one unit of an inverse contract is worth in quote; `interest` and
    `damper` are its listing's.
    """

    interval_ms: int
    next_funding_at: int
    index_price: Decimal = ZERO
    mark_price: Decimal = ZERO
    smoothed: Decimal | None = None
    weighted: Decimal = ZERO
    samples: int = 0
    sampled_at: int = 0
    forced_rate: Decimal | None = None
    dated: bool = False
    settling: Decimal | None = None
    inverse_multiplier: Decimal | None = None
    interest: Decimal = INTEREST
    damper: Decimal = DAMPER

    def observe(self, now: int, index: Decimal, book: Book) -> None:
        """Take in the book and the index, once a second."""
        bid, ask = book.best(Side.BUY), book.best(Side.SELL)
        if bid and ask:
            premium = (bid[0] + ask[0]) / 2 - index
            self.smoothed = premium if self.smoothed is None else self.smoothed + SMOOTHING * (premium - self.smoothed)
        self.index_price = index
        marked = index + (self.smoothed or ZERO) if self.settling is None else self.settling
        self.mark_price = marked.quantize(PRICE_GRID)
        if self.dated:
            return
        if now - self.sampled_at >= SAMPLE_MS:
            self.sampled_at = now
            self.samples += 1
            self.weighted += self.samples * premium_index(book, index, self.inverse_multiplier)

    @property
    def rate(self) -> Decimal:
        """The funding rate that would settle now, for one interval; positive = longs pay shorts."""
        if self.dated:
            return ZERO
        if self.forced_rate is not None:
            return self.forced_rate
        average = 2 * self.weighted / (self.samples * (self.samples + 1)) if self.samples else ZERO
        return funding_rate(average, self.interval_ms, self.interest, self.damper)

    def settle(self) -> Decimal:
        """The rate of the interval that ends now; the next begins."""
        rate = self.rate
        self.next_funding_at += self.interval_ms
        self.weighted, self.samples = ZERO, 0
        return rate

    def view(self, now: int) -> Premium:
        """What the exchange publishes."""
        return Premium(
            mark_price=self.mark_price,
            index_price=self.index_price,
            funding_rate=self.rate,
            next_funding_at=self.next_funding_at,
            at=now,
        )


def funding_rate(premium: Decimal, interval_ms: int, interest: Decimal = INTEREST, damper: Decimal = DAMPER) -> Decimal:
    """P + clamp(I − P, ±damper) for eight hours, scaled to the interval and capped.

    Without an interest that is max(damper, P) + min(−damper, P): nothing while the premium is within the damper.
    """
    eight_hourly = premium + max(-damper, min(damper, interest - premium))
    rate = eight_hourly * interval_ms / EIGHT_HOURS_MS
    return max(-CAP, min(CAP, rate)).quantize(RATE_GRID)


def premium_index(book: Book, index: Decimal, inverse_multiplier: Decimal | None = None) -> Decimal:
    """[max(0, impact bid − index) − max(0, index − impact ask)] / index; a side too thin counts as 0."""
    if index <= 0:
        return ZERO
    bid, ask = (impact_price(book, side, inverse_multiplier) for side in (Side.BUY, Side.SELL))
    over = max(ZERO, bid - index) if bid is not None else ZERO
    under = max(ZERO, index - ask) if ask is not None else ZERO
    return (over - under) / index


def impact_price(book: Book, side: Side, inverse_multiplier: Decimal | None = None) -> Decimal | None:
    """The average price at which IMPACT_NOTIONAL trades against a side; None if the side does not hold it."""
    left, quantity = IMPACT_NOTIONAL, ZERO
    for price, units in book.levels(side, 20):
        available = units if inverse_multiplier is None else units * inverse_multiplier / price
        notional = price * available
        if notional >= left:
            return IMPACT_NOTIONAL / (quantity + left / price)
        left -= notional
        quantity += available
    return None


def next_settlement(now: int, interval_ms: int) -> int:
    """The first multiple of the interval after `now`."""
    return (now // interval_ms + 1) * interval_ms

"""What each band would come to for one book: its width, how much it trades, what that costs, what risk it leaves.

All rules leave the same residual where theory can set them so, that of the configured band: then the cost decides.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import sqrt
from typing import NamedTuple

from hedger.engine.formulas.optimal import (
    band_residual,
    budget_width,
    clock_for,
    clock_residual,
    clock_turnover,
    turnover,
)
from hedger.engine.known.policy import COMPUTED, Band, BandRule, RebalanceTo
from hedger.engine.wanted.band import Conditions, trigger_of, variance_of, widths
from hedger.model.spans import YEAR_MS

DAYS = 365


class Book(NamedTuple):
    """What is hedged: `holding` in coins, `gamma` in coins per unit of price, `years` to expiry; the `price` of a coin,
    the volatility a year, the `fee` per unit of notional and the smallest order in coins."""

    price: float
    sigma: float
    holding: float
    gamma: float
    fee: float
    smallest: float
    years: float = 30 / DAYS


class Outlook(NamedTuple):
    """One rule: where a trade begins (`trigger`) and ends (`reset`) in coins, or its move (a ratio) or its clock (s).

    `turnover` in coins and `trades` a day, `cost` and `residual` in quote a year. `turnover` is None where nothing is
    known to move the delta.
    """

    rule: BandRule
    configured: bool
    trigger: float | None
    reset: float
    move: float | None
    every_s: float | None
    turnover: float | None
    trades: float | None
    cost: float | None
    residual: float


def outlooks(band: Band, book: Book) -> tuple[Outlook, ...]:
    """The outlook of every rule; those that are not configured leave the residual that the configured band does."""
    own = outlook(band, book, configured=True)
    return tuple(
        own if rule is band.rule else outlook(_alike(band, rule, own.residual, book), book) for rule in BandRule
    )


def outlook(band: Band, book: Book, *, configured: bool = False) -> Outlook:
    """What one band comes to."""
    variance = variance_of(band, book.gamma, book.sigma, book.price)
    if band.rule in (BandRule.CLOCK, BandRule.LELAND):
        return _by_clock(band, book, variance, configured)
    trigger, reset = _edges(band, book)
    move = float(band.inputs.move) if band.rule is BandRule.PRICE_MOVE else None
    traded = turnover(variance, trigger, reset) if variance and trigger else None
    size = max(trigger - reset, book.smallest)
    cost = None if traded is None else _cost(band, book, traded, traded / size)
    return Outlook(
        rule=band.rule,
        configured=configured,
        trigger=trigger,
        reset=reset,
        move=move,
        every_s=None,
        turnover=None if traded is None else traded / DAYS,
        trades=None if traded is None else traded / size / DAYS,
        cost=cost,
        residual=band_residual(trigger, reset, book.sigma, book.price),
    )


def _by_clock(band: Band, book: Book, variance: float, configured: bool) -> Outlook:
    years = band.inputs.every_ms / YEAR_MS
    traded = clock_turnover(variance, years) if variance and years else None
    trades = 1 / years if traded is not None else None
    return Outlook(
        rule=band.rule,
        configured=configured,
        trigger=None,
        reset=0.0,
        move=None,
        every_s=band.inputs.every_ms / 1000,
        turnover=None if traded is None else traded / DAYS,
        trades=None if trades is None else trades / DAYS,
        cost=None if traded is None or trades is None else _cost(band, book, traded, trades),
        residual=clock_residual(variance, book.sigma, book.price, years),
    )


def _cost(band: Band, book: Book, traded: float, trades: float) -> float:
    """The cost a year of coins traded and of orders, in quote."""
    return book.fee * book.price * traded + float(band.inputs.fixed_cost) * trades


def _edges(band: Band, book: Book) -> tuple[float, float]:
    """The trigger and the reset as theory sees them: unwatched, but never under the smallest order."""
    now = Conditions(book.sigma, book.gamma, book.fee, book.fee, book.years, Decimal(repr(book.smallest)))
    if band.rule is BandRule.PRICE_MOVE:
        moved = abs(book.gamma) * book.price * float(band.inputs.move)
        return (moved or float(band.upper + band.lower) / 2), 0.0
    if band.rule in COMPUTED:
        unwatched = replace(band, inputs=replace(band.inputs, watch_ms=0))
        trigger, reset = trigger_of(unwatched, abs(book.holding), book.price, now)
        trigger = max(trigger, book.smallest)
        return trigger, min(reset, trigger)
    edges = widths(band, Decimal(repr(book.holding)), Decimal(repr(book.price)), now)
    return float(edges.upper + edges.lower) / 2, float(edges.reset_upper + edges.reset_lower) / 2


def _alike(band: Band, rule: BandRule, residual: float, book: Book) -> Band:
    """A band by another rule that leaves as much residual, as far as theory can set it."""
    half = budget_width(residual, book.sigma, book.price)
    variance = variance_of(band, book.gamma, book.sigma, book.price)
    inputs = replace(band.inputs, residual=Decimal(0), residual_quote=Decimal(repr(residual)), typical_gamma=Decimal(0))
    if rule is BandRule.PRICE_MOVE and book.gamma:
        inputs = replace(inputs, move=Decimal(repr(sqrt(2) * half / (abs(book.gamma) * book.price))))
    if variance:
        inputs = replace(inputs, every_ms=max(1, round(clock_for(half, variance) * YEAR_MS)))
    side = Decimal(repr(half * _unit(rule, book)))
    floor = side if rule is BandRule.RELATIVE and not book.holding else Decimal(0)
    return Band(rule=rule, upper=side, lower=side, floor=floor, rebalance_to=RebalanceTo.EDGE, inputs=inputs)


def _unit(rule: BandRule, book: Book) -> float:
    """What a coin is in the unit of a rule's width; a computed band gets no limit from it."""
    if rule in COMPUTED:
        return 0.0
    if rule is BandRule.QUOTE:
        return book.price
    return 1 / abs(book.holding) if rule is BandRule.RELATIVE and book.holding else 1.0

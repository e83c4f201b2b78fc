"""What a band is computed from now: volatility, gamma, what trading costs, and whether its time has come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from math import isfinite

from hedger.engine.formulas.optimal import aversion_of, budget_width, leland_variance, zakamouline, zakamouline_variance
from hedger.engine.formulas.overlay import overlay
from hedger.engine.held.dated_marks import curve_of
from hedger.engine.held.exposure import coins_for
from hedger.engine.held.history import fresh_volatility, stale_volatility
from hedger.engine.known.policy import COMPUTED, OCCASIONAL, BandRule, Hedge
from hedger.engine.known.state import Exposure, HedgeState, State
from hedger.engine.wanted.band import PLAIN, Conditions, residual_of, variance_of
from hedger.engine.wanted.target import hedge_gamma, hedged_share
from hedger.model.instrument import Instrument
from hedger.model.numeric import ONE, ZERO, ceil_to
from hedger.model.option import OptionPosition
from hedger.model.spans import YEAR_MS

WITH_INPUTS = COMPUTED | OCCASIONAL
HIGHEST_SIGMA = 10.0
ENOUGH_FILLS = 50
SHORTEST_YEARS = 1 / 365 / 24


def conditions(state: State, hedge: Hedge, held: Exposure, price: Decimal) -> Conditions:
    """What the band of a hedge is computed from, at a price of the coin in quote (> 0); a plain one needs nothing."""
    band, memory = hedge.band, state.hedges[hedge.name]
    if band.rule not in WITH_INPUTS:
        return PLAIN
    instrument = next((state.instruments[id] for id in hedge.instruments if id in state.instruments), None)
    gamma = -hedge_gamma(hedge, held, price, state.now)
    now = PLAIN._replace(
        gamma=gamma,
        years=_years(state, hedge, held),
        smallest=smallest_order(state, hedge),
        due=is_due(state, hedge, memory, price),
    )
    if instrument is not None:
        fee = float(instrument.maker_fee)
        now = now._replace(fee=fee, cost=fee - kept_spread(state, hedge))
    if band.rule in (BandRule.PRICE_MOVE, BandRule.CLOCK):
        return now
    sigma, flaw = _sigma(state, hedge)
    if not isfinite(gamma):
        flaw = "the gamma of the book is not a number"
    if flaw is not None:
        return now._replace(gamma=0.0 if not isfinite(gamma) else gamma, flaw=flaw)
    return _leaning(state, hedge, held, price, now._replace(sigma=sigma))


def _sigma(state: State, hedge: Hedge) -> tuple[float, str | None]:
    """The volatility to compute with, and what is wrong with it."""
    if hedge.band.inputs.sigma is not None:
        return float(hedge.band.inputs.sigma), None
    sigma = fresh_volatility(state, hedge.underlying)
    if sigma is None:
        return 0.0, f"{stale_volatility(state, hedge.underlying)}; band.sigma would stand in for it"
    if not 0 < sigma <= HIGHEST_SIGMA:
        return 0.0, f"the volatility of {hedge.underlying} is said to be {sigma:.6g}, which cannot be"
    return sigma, None


def kept_spread(state: State, hedge: Hedge) -> float:
    """What our fills earned against the mid ten seconds later, per unit of notional: spread captured less adverse
    moves. 0 until there are enough of them to say."""
    ledger = state.ledgers[hedge.name]
    if ledger.fills < ENOUGH_FILLS or ledger.notional <= 0:
        return 0.0
    return float(ledger.realised_spread / ledger.notional)


def smallest_order(state: State, hedge: Hedge) -> Decimal:
    """The smallest order in coins of whichever of the hedge's instruments has the largest."""
    known = (state.instruments[id] for id in hedge.instruments if id in state.instruments)
    return max((_smallest(state, hedge, instrument) for instrument in known), default=ZERO)


def _smallest(state: State, hedge: Hedge, instrument: Instrument) -> Decimal:
    mark = state.marks.get(instrument.id)
    units = max(instrument.min_quantity, instrument.lot_size)
    if mark is not None:
        units = max(units, instrument.min_notional / abs(instrument.notional(ONE, mark[0].mark_price)))
    return abs(coins_for(state, hedge, instrument, ceil_to(units, instrument.lot_size)))


def is_due(state: State, hedge: Hedge, memory: HedgeState, price: Decimal) -> bool:
    """Whether a rule without a width of its own hedges now: since it last was on its target, enough has passed."""
    inputs = hedge.band.inputs
    match hedge.band.rule:
        case BandRule.PRICE_MOVE:
            return not memory.hedged_price or abs(price - memory.hedged_price) >= inputs.move * memory.hedged_price
        case BandRule.CLOCK | BandRule.LELAND:
            return not memory.hedged_at or state.now - memory.hedged_at >= inputs.every_ms
        case _:
            return False


def _years(state: State, hedge: Hedge, held: Exposure) -> float:
    """To expiry, the options weighted by their gamma; without options that of the target, or else the horizon."""
    left = [(abs(bucket.gamma), (bucket.expiry_at - state.now) / YEAR_MS) for bucket in held.options.buckets]
    weight = sum(gamma for gamma, _ in left)
    if weight:
        return max(SHORTEST_YEARS, sum(gamma * years for gamma, years in left) / weight)
    synthetic = hedge.target.synthetic
    end = synthetic.expiry_at - state.now if synthetic is not None else hedge.band.inputs.horizon_ms
    return max(SHORTEST_YEARS, end / YEAR_MS)


# --- rules that hedge with another volatility than the options have ---------------------------------------------------


def _leaning(state: State, hedge: Hedge, held: Exposure, price: Decimal, now: Conditions) -> Conditions:
    """The conditions with the lean of the target that Leland and Zakamouline ask for: the delta that the options have
    less the delta that they would have with the other volatility, as far as that is hedged. One whose volatility the
    venue does not say, and one that the owner only replicates, keep their own."""
    if hedge.band.rule not in (BandRule.LELAND, BandRule.ZAKAMOULINE) or not held.options.gamma:
        return now
    factor = _variance_factor(hedge, held, price, now)
    if factor <= 0:
        return now._replace(flaw="the clock is too fast: at these costs no long option is worth hedging so often")
    root, curve = Decimal(repr(factor)).sqrt(), curve_of(state, hedge)
    options = [option for option in _options(state, hedge) if option.mark_sigma is not None]
    other = [replace(option, mark_sigma=(option.mark_sigma or ZERO) * root) for option in options]
    usual = overlay(options, price, state.now, curve=curve)
    lean = usual.delta - overlay(other, price, state.now, curve=curve).delta
    return now._replace(lean=lean * hedged_share(hedge.target, price))


def _variance_factor(hedge: Hedge, held: Exposure, price: Decimal, now: Conditions) -> float:
    """σ_m²/σ² by the sign of the options' gamma."""
    band, spot, long = hedge.band, float(price), held.options.gamma > 0
    if band.rule is BandRule.LELAND:
        return leland_variance(max(now.cost, 0.0), now.sigma, band.inputs.every_ms / YEAR_MS, long=long)
    width = budget_width(residual_of(band, float(size_of(held)), spot), now.sigma, spot)
    variance = variance_of(band, now.gamma, now.sigma, spot)
    if width <= 0 or now.cost <= 0 or variance <= 0:
        return 1.0
    aversion = aversion_of(width, now.cost, variance, now.sigma, spot)
    _, steepness = zakamouline(now.cost, held.options.gamma, now.sigma, spot, now.years, aversion)
    return max(0.0, zakamouline_variance(steepness, long=long))


def _options(state: State, hedge: Hedge) -> Iterator[OptionPosition]:
    for account in state.accounts_of_hedge[hedge.name]:
        reading = state.accounts[account].reading
        if reading is not None:
            yield from (o for o in reading.options if o.underlying == hedge.underlying and o.quantity)


def size_of(held: Exposure) -> Decimal:
    """How many coins the budget is a ratio of: what is held, or the delta of it and its options where that is more."""
    return max(abs(held.holding), abs(held.unhedged))

"""How far the delta may stray, and how much to trade when it has strayed too far."""

from __future__ import annotations

from decimal import Decimal
from math import sqrt
from typing import NamedTuple

from hedger.engine.formulas.optimal import (
    aversion_of,
    budget_width,
    fixed_cost_width,
    no_diffusion,
    overstep,
    target_variance,
    traded,
    trigger_and_reset,
    whalley_wilmott,
    zakamouline,
)
from hedger.engine.known.policy import COMPUTED, OCCASIONAL, Band, BandRule, RebalanceTo
from hedger.engine.known.widths import Widths
from hedger.model.numeric import ZERO
from hedger.model.spans import YEAR_MS

BUDGETS = 2.0  # a band is never wider than so many times what the budget alone allows, whatever costs and gamma say
STEADY = Decimal("0.1")
TINY = 1e-15
STILL = 1e-60


class Conditions(NamedTuple):
    """What a band is computed from now, beside its settings.

    `sigma` a year; `gamma` that of the book less that of its target, in coins per unit of price; `cost` what trading
    costs per unit of notional with what was measured, `fee` without; `years` to expiry; `smallest` the smallest order
    in coins; `due` whether a rule that hedges on occasion has one now. `lean` is how far, in coins, a rule that hedges
    with another volatility moves the target. With a `flaw`, for a person, nothing may be traded.
    """

    sigma: float = 0.0
    gamma: float = 0.0
    cost: float = 0.0
    fee: float = 0.0
    years: float = 1.0
    smallest: Decimal = ZERO
    due: bool = False
    lean: Decimal = ZERO
    flaw: str | None = None


PLAIN = Conditions()


def widths(band: Band, holding: Decimal, price: Decimal, now: Conditions = PLAIN) -> Widths:
    """The band's widths in coins, given the size of what is hedged in coins and the price of a coin in quote (> 0)."""
    if band.rule in COMPUTED:
        return _computed(band, holding, price, now)
    if band.rule in OCCASIONAL:
        least = max(band.floor, now.smallest)
        return Widths(min(least, band.upper), min(least, band.lower)) if now.due else Widths(band.upper, band.lower)
    if band.rule is BandRule.RELATIVE:
        size = abs(holding)
        upper, lower = max(band.upper * size, band.floor), max(band.lower * size, band.floor)
    elif band.rule is BandRule.QUOTE:
        upper, lower = band.upper / price, band.lower / price
    else:
        upper, lower = band.upper, band.lower
    return Widths(upper, lower) if band.rebalance_to is RebalanceTo.TARGET else Widths(upper, lower, upper, lower)


def _computed(band: Band, holding: Decimal, price: Decimal, now: Conditions) -> Widths:
    """The widths from a trigger and a reset, never under the smallest order: less could not be corrected."""
    trigger, reset = (0.0, 0.0) if now.flaw is not None else trigger_of(band, abs(float(holding)), float(price), now)
    least = max(band.floor, now.smallest)
    upper = max(min(_coins(trigger), band.upper or _coins(trigger)), least)
    lower = max(min(_coins(trigger), band.lower or _coins(trigger)), least)
    return Widths(upper, lower, min(upper, _coins(reset)), min(lower, _coins(reset)))


def trigger_of(band: Band, size: float, spot: float, now: Conditions) -> tuple[float, float]:
    """Where a computed band is left (A) and where a rebalance ends (B), in coins, before lots and limits.

    The budget gives the half width at the listed fee and at the typical gamma, or at that of now. From there the risk
    aversion follows, and with it what other costs and another gamma do to the width. `size` is in coins, `spot` in
    quote.
    """
    if not now.sigma:
        return 0.0, 0.0
    budget = budget_width(residual_of(band, size, spot), now.sigma, spot)
    past = overstep(now.gamma, now.sigma, spot, band.inputs.watch_ms / YEAR_MS)
    kappa = _fixed_cost(band, spot, now) if band.rule is BandRule.FIXED_COST else 0.0
    if budget <= 0 or (now.cost <= 0 and kappa <= 0):
        return min(past, BUDGETS * budget), 0.0
    trigger, reset = _theory(band, budget, spot, now, kappa)
    trigger = max(0.0, min(trigger, BUDGETS * budget) - past)
    return trigger, min(reset, trigger)


def _fixed_cost(band: Band, spot: float, now: Conditions) -> float:
    """What an order costs beside its fee, in quote; unless stated, as much as the fee of the smallest order."""
    return float(band.inputs.fixed_cost) or max(now.fee, now.cost, 0.0) * spot * float(now.smallest)


def residual_of(band: Band, size: float, spot: float) -> float:
    """The budget in quote per √year."""
    return float(band.inputs.residual_quote) or float(band.inputs.residual) * size * spot


def _theory(band: Band, budget: float, spot: float, now: Conditions, kappa: float) -> tuple[float, float]:
    """The trigger and the reset by the band's formula; at the listed fee and the typical gamma they meet the budget."""
    cost, fee = max(now.cost, 0.0), now.fee if now.fee > 0 else max(now.cost, 0.0)
    variance, typical = variance_of(band, now.gamma, now.sigma, spot), _typical_variance(band, spot, now)
    if not fee:  # nothing but the order itself costs: back to the target
        return sqrt(2) * budget * (variance / typical if typical > STILL else 1.0) ** 0.25, 0.0
    width = fixed_cost_width(budget, kappa / (fee * spot))
    if typical < STILL:  # nothing moves the target: H₀, which goes with the cost
        return _with_fixed(width * cost / fee, cost, spot, kappa)
    aversion = aversion_of(width, fee, typical, now.sigma, spot)
    if not cost:
        return (12 * kappa * variance / (aversion * now.sigma**2 * spot**2)) ** 0.25, 0.0
    if band.rule is BandRule.ZAKAMOULINE:
        half = zakamouline(cost, now.gamma, now.sigma, spot, now.years, aversion)[0]
        return half, half
    half = whalley_wilmott(cost, variance, now.sigma, spot, aversion)
    if variance < typical:
        half = max(half, min(width, no_diffusion(cost, now.sigma, spot, now.years, aversion)))
    return _with_fixed(half, cost, spot, kappa)


def _with_fixed(half: float, cost: float, spot: float, kappa: float) -> tuple[float, float]:
    return trigger_and_reset(half, kappa / (cost * spot)) if kappa and cost and half > TINY else (half, half)


def variance_of(band: Band, gamma: float, sigma: float, spot: float) -> float:
    """The variance rate of the frictionless target: what gamma makes of the price's, and the deposits."""
    return target_variance(gamma, sigma, spot, float(band.inputs.deposits), float(band.inputs.deposit_quantity))


def _typical_variance(band: Band, spot: float, now: Conditions) -> float:
    stated = float(band.inputs.typical_gamma) * 100 / spot
    return variance_of(band, stated or now.gamma, now.sigma, spot)


def _coins(value: float) -> Decimal:
    return Decimal(repr(round(value, 12)))


def steady(kept: Widths | None, fresh: Widths) -> Widths:
    """The widths that were used last, until one of them should be a tenth wider or narrower: gamma and volatility
    move with every price, and a band that follows each of them is left and regained by its own trembling."""
    if kept is None or any(abs(new - old) > STEADY * old for old, new in zip(kept, fresh, strict=True)):
        return fresh
    return kept


def rebalance(edges: Widths, low: Decimal, high: Decimal) -> Decimal:
    """The signed quantity in coins to trade, when the deviation may be anywhere in [low, high].

    Only when the whole interval is outside the band on one side is anything traded, and then only what its near
    end needs: no outcome of the orders that make the interval can carry the book past where it should end.
    """
    return traded(low, high, (edges.upper, edges.lower), (edges.reset_upper, edges.reset_lower)) or ZERO

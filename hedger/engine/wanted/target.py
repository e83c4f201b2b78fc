"""Where the net delta should be, and how it moves with the price: the gamma that the owner has chosen to trade."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never

from hedger.engine.formulas.profile import Profile
from hedger.engine.formulas.synthetic import Synthetic
from hedger.engine.known.policy import Hedge, Numeraire, Target, TargetKind
from hedger.engine.known.state import Exposure
from hedger.model.numeric import ONE, ZERO


def target_delta(hedge: Hedge, held: Exposure, price: Decimal, now: int) -> Decimal:
    """The wanted net delta in coins, given what is held, the price of a coin in quote (> 0) and the time (ms).

    A hedge ratio of 0 leaves holding and options alone, 1 is neutral, 1.5 is half as much short again. Whoever counts
    in coins is neutral with as many coins at risk as the book is worth: the holding and the options' premium.

    What futures have made in coins is the hedge's and no holding: a share of it would be traded at every price, and a
    half of the coins that an inverse contract hedges would not stand still.
    """
    if hedge.numeraire is not Numeraire.COIN and hedge.target.kind is TargetKind.NEUTRAL:
        return ZERO
    return _owned(hedge, held) + _wanted(hedge.target, held, _at_risk(hedge, held), price, now)


def target_gamma(hedge: Hedge, held: Exposure, price: Decimal, now: int) -> float:
    """How the wanted net delta moves with the price, Γ_eff = dy*/dS in coins per unit of price.

    Positive, the target rises with the price: convex. What the futures have to follow is `hedge_gamma`.
    """
    spot = float(price)
    owned = 0.0
    if hedge.numeraire is Numeraire.COIN:  # the options' premium in coins is V/S, and dV/dS their delta
        owned = (float(held.options.delta) - held.options.premium) / spot
    rest = float(_at_risk(hedge, held))
    return owned + _slope(hedge.target, held, rest, held.options.gamma - owned, price, now)


def hedge_gamma(hedge: Hedge, held: Exposure, price: Decimal, now: int) -> float:
    """How the futures position that the target asks for moves with the price, in coins per unit of price.

    Positive, the hedge buys as the price rises and sells as it falls: it pays for every oscillation. Negative, it
    sells high and buys low, and earns from it. Options that are held take their own gamma off: a long one is hedged
    by selling as the price rises.
    """
    return target_gamma(hedge, held, price, now) - held.options.gamma


def target_ended(target: Target, now: int) -> str | None:
    """Why a target means nothing any more, for a person; None while it does."""
    synthetic = target.synthetic
    if target.kind is not TargetKind.SYNTHETIC or synthetic is None or not synthetic.expired(now):
        return None
    return f"the synthetic {synthetic.option_type} has expired: its hedge is held as it stands until the target is set"


def hedged_share(target: Target, price: Decimal) -> Decimal:
    """How much of a change in the options' delta the futures take up: all of it, but for a ratio and a profile."""
    match target.kind:
        case TargetKind.RATIO:
            return target.value
        case TargetKind.PROFILE:
            return _profile(target).ratio(price)
        case _:
            return ONE


def _owned(hedge: Hedge, held: Exposure) -> Decimal:
    if hedge.numeraire is not Numeraire.COIN:
        return ZERO
    return held.holding + Decimal(repr(held.options.premium))


def _at_risk(hedge: Hedge, held: Exposure) -> Decimal:
    """The delta that a target shapes: without any futures, and without what they have made."""
    if hedge.numeraire is Numeraire.COIN:
        return held.unhedged - _owned(hedge, held)
    return held.unhedged - held.profit


def _wanted(target: Target, held: Exposure, unhedged: Decimal, price: Decimal, now: int) -> Decimal:
    """The wanted delta of what is at risk; `unhedged` is that delta without any futures."""
    match target.kind:
        case TargetKind.NEUTRAL:
            return ZERO
        case TargetKind.RATIO:
            return unhedged * (ONE - target.value)
        case TargetKind.COINS:
            return target.value
        case TargetKind.QUOTE:
            return target.value / price
        case TargetKind.PROFILE:
            return unhedged * (ONE - _profile(target).ratio(price))
        case TargetKind.SYNTHETIC:
            synthetic = _synthetic(target)
            return unhedged + synthetic.size(held.holding - held.profit) * synthetic.delta(price, now)
        case _:
            assert_never(target.kind)


def _slope(target: Target, held: Exposure, unhedged: float, gamma: float, price: Decimal, now: int) -> float:
    """The derivative of `_wanted` by the price, where `unhedged` itself moves by `gamma`."""
    match target.kind:
        case TargetKind.NEUTRAL | TargetKind.COINS:
            return 0.0
        case TargetKind.RATIO:
            return gamma * float(ONE - target.value)
        case TargetKind.QUOTE:
            return -float(target.value / (price * price))
        case TargetKind.PROFILE:
            profile = _profile(target)
            return gamma * float(ONE - profile.ratio(price)) - unhedged * float(profile.slope(price))
        case TargetKind.SYNTHETIC:
            synthetic = _synthetic(target)
            return gamma + float(synthetic.size(held.holding - held.profit)) * synthetic.gamma(price, now)
        case _:
            assert_never(target.kind)


def _profile(target: Target) -> Profile:
    assert target.profile is not None, "a profile target without its points was refused"
    return target.profile


def _synthetic(target: Target) -> Synthetic:
    assert target.synthetic is not None, "a synthetic target without its option was refused"
    return target.synthetic

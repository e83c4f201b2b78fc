"""Where the owner wants the delta, by the judge's arithmetic and not the engine's."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from hedger.engine.known.policy import Hedge, Numeraire, Target, TargetKind
from hedger.model.numeric import ZERO
from hedger.model.spans import HOUR_MS, YEAR_MS
from hedger.sim.surface import black76


class Held(NamedTuple):
    """What a target is reckoned from, in coins: what is owned, the delta of the options and what they are worth, and
    what of the coins that are owned contracts have made that are still held."""

    holding: Decimal
    options: Decimal = ZERO
    premium: Decimal = ZERO
    profit: Decimal = ZERO


def wanted(hedge: Hedge, held: Held, price: Decimal, now: int) -> Decimal:
    """The wanted net delta in coins. Who counts in coins is neutral with as many at risk as the book is worth."""
    owned = held.holding + held.premium if hedge.numeraire is Numeraire.COIN else held.profit
    at_risk, own = held.holding + held.options - owned, held.holding - held.profit
    owned = owned if hedge.numeraire is Numeraire.COIN else ZERO
    match hedge.target.kind:
        case TargetKind.NEUTRAL:
            return owned
        case TargetKind.RATIO:
            return owned + at_risk * (1 - hedge.target.value)
        case TargetKind.COINS:
            return owned + hedge.target.value
        case TargetKind.QUOTE:
            return owned + hedge.target.value / price
        case TargetKind.PROFILE:
            return owned + shaped(hedge.target, at_risk, price, now)
        case TargetKind.SYNTHETIC:
            return owned + at_risk - own + shaped(hedge.target, own, price, now)


def shaped(target: Target, holding: Decimal, price: Decimal, now: int) -> Decimal:
    """The wanted delta in coins of a profile or a synthetic on `holding` coins, at a price in quote and a time (ms)."""
    if target.kind is TargetKind.PROFILE and target.profile is not None:
        return holding * (1 - _ratio([(point.price, point.ratio) for point in target.profile.points], price))
    option = target.synthetic
    if option is None:
        return holding
    years = max(option.expiry_at - now, HOUR_MS) / YEAR_MS
    sign = option.option_type.sign
    delta = black76(float(price), float(option.strike), years, float(option.volatility), sign).delta
    coins = option.coins if option.coins is not None else option.ratio * max(holding, Decimal(0))
    return holding + Decimal(delta) * (coins if option.long else -coins)


def _ratio(points: list[tuple[Decimal, Decimal]], price: Decimal) -> Decimal:
    """From the highest point down: the first that lies at or below the price begins the line that it is on."""
    above: tuple[Decimal, Decimal] | None = None
    for at, ratio in reversed(points):
        if price >= at:
            return ratio if above is None else ratio + (above[1] - ratio) * (price - at) / (above[0] - at)
        above = at, ratio
    return points[0][1]

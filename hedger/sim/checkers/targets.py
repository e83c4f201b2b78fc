"""Where a target with a gamma of its own wants the delta, by the judge's arithmetic and not the engine's."""

from __future__ import annotations

from decimal import Decimal

from hedger.engine.policy import Target, TargetKind
from hedger.sim.surface import YEAR_MS, black76

HOUR_MS = 3_600_000


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

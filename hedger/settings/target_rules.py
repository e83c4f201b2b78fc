"""What a target's settings mean, and the contradictions in them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from hedger.engine.formulas.profile import Profile, ProfilePoint
from hedger.engine.formulas.synthetic import Synthetic
from hedger.engine.known.policy import Target, TargetKind
from hedger.settings.relative import (
    PAPER_PRICES,
    PAPER_START_AT,
    instant_is_relative,
    instant_of,
    price_is_relative,
    price_of,
)
from hedger.settings.sentences import Problem
from hedger.settings.shape import Path
from hedger.settings.targets import OptionSide, SyntheticSettings, TargetSettings

_LARGEST_RATIO = Decimal("1.5")
_VALUED = (TargetKind.RATIO, TargetKind.COINS, TargetKind.QUOTE)


def to_target(target: TargetSettings, underlying: str) -> Target:
    """The target that settings describe; what is relative counts from the start of a paper world."""
    return Target(
        kind=target.kind,
        value=Decimal(0) if target.value is None else target.value,
        profile=_profile(target) if target.profile else None,
        synthetic=None if target.synthetic is None else _synthetic(target.synthetic, underlying),
    )


def _profile(target: TargetSettings) -> Profile:
    return Profile(points=tuple(ProfilePoint(point.price, point.ratio) for point in target.profile))


def _synthetic(option: SyntheticSettings, underlying: str) -> Synthetic:
    return Synthetic(
        option_type=option.option,
        long=option.side is OptionSide.LONG,
        strike=price_of(option.strike, PAPER_PRICES.get(underlying, Decimal(0))),
        expiry_at=instant_of(option.expiry, PAPER_START_AT),
        volatility=option.volatility,
        ratio=option.ratio or Decimal(0),
        coins=option.coins,
    )


def least_position(target: TargetSettings, holding: Decimal) -> Decimal:
    """The position that a target needs for the coins which no API sees, in coins: the limit must allow it."""
    value = target.value or Decimal(0)
    match target.kind:
        case TargetKind.NEUTRAL:
            return holding
        case TargetKind.RATIO:
            return holding * value
        case TargetKind.COINS:
            return max(holding - value, Decimal(0))
        case TargetKind.QUOTE:
            return Decimal(0)
        case TargetKind.PROFILE:
            return holding * max((point.ratio for point in target.profile), default=Decimal(0))
        case TargetKind.SYNTHETIC:
            option = target.synthetic
            if option is None:
                return Decimal(0)
            return option.coins if option.coins is not None else holding * (option.ratio or Decimal(0))


# --- contradictions -------------------------------------------------------------------------------------------------


def problems_of_target(at: Path, target: TargetSettings) -> Iterator[Problem]:
    """Every contradiction within one target."""
    yield from _value((*at, "value"), target)
    if target.kind is TargetKind.PROFILE:
        yield from _points((*at, "profile"), target)
    elif target.profile:
        yield Problem((*at, "profile"), f'belongs to kind = "profile", and this target is {target.kind}')
    if target.kind is not TargetKind.SYNTHETIC:
        if target.synthetic is not None:
            yield Problem((*at, "synthetic"), f'belongs to kind = "synthetic", and this target is {target.kind}')
    elif target.synthetic is None:
        yield Problem((*at, "synthetic"), "is missing: a target of kind synthetic needs an option")
    else:
        yield from _option((*at, "synthetic"), target.synthetic)


def _value(path: Path, target: TargetSettings) -> Iterator[Problem]:
    value = target.value
    if target.kind not in _VALUED:
        if value is not None:
            yield Problem(path, f"has no meaning for a {target.kind} target: remove it, or say another kind")
    elif value is None:
        yield Problem(path, f"is missing: a target of kind {target.kind} needs one")
    elif target.kind is TargetKind.RATIO and value > _LARGEST_RATIO:
        yield Problem(path, f"is {value}, and a ratio is at most 1.5 (1 hedges the whole holding)")
    elif target.kind is TargetKind.QUOTE and 0 < value < 1:
        yield Problem(path, f'is {value} in quote, less than one unit of money; did you mean kind = "coins"?')


def _points(path: Path, target: TargetSettings) -> Iterator[Problem]:
    points = target.profile
    if len(points) < 2:
        yield Problem(path, 'needs at least two points: one ratio for every price is kind = "ratio"')
    for index, (before, after) in enumerate(pairwise(points), 1):
        if before.price >= after.price:
            text = f"is {after.price} and must be more than the one before it, which is {before.price}"
            yield Problem((*path, index, "price"), text)


def _option(path: Path, option: SyntheticSettings) -> Iterator[Problem]:
    if (option.ratio is None) == (option.coins is None):
        yield Problem(path, "needs either `ratio` (of the holding) or `coins`, and not both")
    if price_of(option.strike, Decimal(1)) <= 0:
        yield Problem((*path, "strike"), "must be more than 0")
    try:
        instant_of(option.expiry, PAPER_START_AT)
    except ValueError:
        yield Problem((*path, "expiry"), f"is no day of the calendar: {option.expiry}")


def is_relative(target: TargetSettings) -> bool:
    """Whether a target's strike is a share of the price that a paper world starts with."""
    return target.synthetic is not None and price_is_relative(target.synthetic.strike)


def problems_of_relative(at: Path, target: TargetSettings, underlying: str, *, paper: bool) -> Iterator[Problem]:
    """Relative prices and instants need a start that is always the same one, which only paper has."""
    option = target.synthetic
    if option is None:
        return
    path = (*at, "synthetic")
    if price_is_relative(option.strike) and (not paper or underlying not in PAPER_PRICES):
        text = f"is {option.strike} of a starting price, which only paper has: write the price itself"
        yield Problem((*path, "strike"), text)
    if instant_is_relative(option.expiry) and not paper:
        text = f"is {option.expiry} after a start, and each restart would move it: write the instant itself"
        yield Problem((*path, "expiry"), text)

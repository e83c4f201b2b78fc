"""Contradictions within one hedge: its instruments, target, band, execution and guards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from hedger.engine.policy import BandRule, RebalanceTo, TargetKind
from hedger.settings.hedges import BandSettings, GuardSettings, HedgeSettings, TargetSettings
from hedger.settings.sentences import Problem, did_you_mean
from hedger.settings.shape import Path
from hedger.settings.symbols import STABLECOINS, fault_of, parse_swap

_LARGEST_RATIO = Decimal("1.5")
_LARGEST_RELATIVE_WIDTH = Decimal("0.5")


def underlying_of(name: str, hedge: HedgeSettings) -> str:
    """The coin of a hedge: what it says, or else its name."""
    return hedge.underlying or name


def problems_of_hedge(name: str, hedge: HedgeSettings, accounts: Sequence[str], holding: Decimal) -> Iterator[Problem]:
    """Every contradiction within one hedge, given the account names and the coins held outside them."""
    at: Path = ("hedges", name)
    yield from _underlying(at, underlying_of(name, hedge))
    yield from _instruments(at, hedge, underlying_of(name, hedge), accounts)
    yield from _spot_accounts(at, hedge, accounts)
    yield from _target((*at, "target"), hedge.target)
    yield from _band((*at, "band"), hedge.band)
    yield from _execution(at, hedge)
    yield from _guards((*at, "guards"), hedge.guards)
    yield from _levels((*at, "guards"), hedge.guards)
    yield from _position(at, hedge, holding)


def _underlying(at: Path, underlying: str) -> Iterator[Problem]:
    if underlying in STABLECOINS:
        yield Problem(at, f"hedges {underlying}, which is money here and not a coin with a price to hedge")


def _instruments(at: Path, hedge: HedgeSettings, underlying: str, accounts: Sequence[str]) -> Iterator[Problem]:
    for index, text in enumerate(hedge.instruments):
        path = (*at, "instruments", index)
        fault = fault_of(text, underlying)
        swap = parse_swap(text)
        if fault is not None:
            yield Problem(path, f"({text}) {fault}")
        elif swap is not None and swap.id.account not in accounts:
            yield Problem(path, _no_account(swap.id.account, accounts))
        elif text in hedge.instruments[:index]:
            yield Problem(path, f"({text}) is listed twice")


def _spot_accounts(at: Path, hedge: HedgeSettings, accounts: Sequence[str]) -> Iterator[Problem]:
    named = hedge.spot_accounts or ()
    for index, account in enumerate(named):
        path = (*at, "spot_accounts", index)
        if account not in accounts:
            yield Problem(path, _no_account(account, accounts))
        elif account in named[:index]:
            yield Problem(path, f"({account}) is listed twice: its balance would count twice")


def _no_account(name: str, accounts: Sequence[str]) -> str:
    return f"names the account {name}, and there is no accounts.{name}{did_you_mean(name, accounts)}"


def _target(at: Path, target: TargetSettings) -> Iterator[Problem]:
    path, value = (*at, "value"), target.value
    if target.kind is TargetKind.NEUTRAL:
        if value is not None:
            yield Problem(path, "has no meaning for a neutral target: remove it, or say another kind")
    elif value is None:
        yield Problem(path, f"is missing: a target of kind {target.kind} needs one")
    elif target.kind is TargetKind.RATIO and value > _LARGEST_RATIO:
        yield Problem(path, f"is {value}, and a ratio is at most 1.5 (1 hedges the whole holding)")
    elif target.kind is TargetKind.QUOTE and 0 < value < 1:
        yield Problem(path, f'is {value} in quote, less than one unit of money; did you mean kind = "coins"?')


def _band(at: Path, band: BandSettings) -> Iterator[Problem]:
    sides = (band.upper, band.lower)
    if band.width is not None and sides != (None, None):
        yield Problem((*at, "width"), "is given together with upper or lower: keep the one or the two")
    elif band.width is None and None in sides:
        yield Problem(at, "needs a width, or else both upper and lower")
    for key in ("width", "upper", "lower"):
        width = getattr(band, key)
        if width is not None:
            yield from _band_width((*at, key), band.rule, width)
    if band.floor and band.rule is not BandRule.RELATIVE:
        yield Problem((*at, "floor"), f"belongs to relative bands, and this one is in {band.rule}")


def _band_width(path: Path, rule: BandRule, width: Decimal) -> Iterator[Problem]:
    if rule is BandRule.RELATIVE and width > _LARGEST_RELATIVE_WIDTH:
        guess = f"did you mean {width / 100} ({width} %), or another unit?"
        yield Problem(path, f"is {width} of the holding, which is {width * 100:f} %; {guess}")
    if rule is BandRule.QUOTE and width < 1:
        guess = 'did you mean rule = "coins" or "relative"?'
        yield Problem(path, f"is {width} in quote, less than one unit of money; {guess}")


def _execution(at: Path, hedge: HedgeSettings) -> Iterator[Problem]:
    execution, spans = hedge.execution, (*at, "execution")
    for lower, upper in (("ttl_s", "deadline_s"), ("reprice_s", "linger_s"), ("linger_s", "deadline_s")):
        least, most = getattr(execution, lower), getattr(execution, upper)
        if least >= most:
            yield Problem((*spans, lower), f"is {least} s and must be shorter than {upper}, which is {most} s")
    for key in ("deadline_s", "cooldown_s", "attempts_cooldown_s"):
        if getattr(execution, key) >= hedge.unhedged_after_s:
            text = f"must be shorter than unhedged_after_s, which is {hedge.unhedged_after_s} s"
            yield Problem((*spans, key), f"is {getattr(execution, key)} s and {text}")
    if hedge.band.rebalance_to is RebalanceTo.EDGE and not execution.cooldown_s:
        text = "is 0 and the band rebalances to its edge, so that every tick would bring an order: let it rest"
        yield Problem((*spans, "cooldown_s"), text)


def _guards(at: Path, guards: GuardSettings) -> Iterator[Problem]:
    pairs = (
        ("mark_collar_bps", "index_collar_bps"),
        ("order_notional", "daily_notional"),
        ("orders_per_minute", "orders_per_day"),
    )
    for lower, upper in pairs:
        least, most = getattr(guards, lower), getattr(guards, upper)
        if least > most:
            yield Problem((*at, lower), f"is {least} and must not be more than {upper}, which is {most}")
    if guards.spread_bps > 2 * guards.mark_collar_bps:
        text = f"so wide a spread puts the best price outside mark_collar_bps, which is {guards.mark_collar_bps}"
        yield Problem((*at, "spread_bps"), f"is {guards.spread_bps}: {text}")
    if guards.leverage * guards.liquidation_distance.clear >= 1:
        text = (
            f"is {guards.leverage}, which liquidates a position after a move of about 1/{guards.leverage}, and "
            f"liquidation_distance.clear is {guards.liquidation_distance.clear}: the guard could never clear"
        )
        yield Problem((*at, "leverage"), text)


def _levels(at: Path, guards: GuardSettings) -> Iterator[Problem]:
    """Each level must be worse than the one before: higher for the margin ratio, lower for the distance."""
    steps = (("clear", "warn"), ("warn", "stop"), ("stop", "reduce"))
    for better, worse in steps:
        low, high = getattr(guards.margin_ratio, better), getattr(guards.margin_ratio, worse)
        if low >= high:
            yield Problem((*at, "margin_ratio", worse), f"is {high} and must be more than {better}, which is {low}")
    for better, worse in steps:
        high, low = (getattr(guards.liquidation_distance, level) for level in (better, worse))
        if low >= high:
            text = f"is {low} and must be less than {better}, which is {high}"
            yield Problem((*at, "liquidation_distance", worse), text)


def _position(at: Path, hedge: HedgeSettings, holding: Decimal) -> Iterator[Problem]:
    """The position limit must allow what the holdings alone need, and be wider than the band and a slice."""
    limit, path = hedge.guards.position, (*at, "guards", "position")
    needed = _least_position(hedge.target, holding)
    if needed > limit:
        yield Problem(path, f"is {limit} coins, but the holdings alone need a position of {needed}")
    widths = (hedge.band.width, hedge.band.upper, hedge.band.lower)
    if hedge.band.rule is BandRule.COINS and any(width is not None and width > limit for width in widths):
        yield Problem(path, f"is {limit} coins, less than the width of the band: nothing would ever be hedged")
    slice_quantity = hedge.execution.slice_quantity
    if slice_quantity is not None and slice_quantity > limit:
        text = f"is {slice_quantity} coins, more than guards.position, which is {limit}"
        yield Problem((*at, "execution", "slice_quantity"), text)


def _least_position(target: TargetSettings, holding: Decimal) -> Decimal:
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

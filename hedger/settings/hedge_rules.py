"""Contradictions within one hedge: its instruments, target, band, execution and guards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from hedger.engine.known.policy import COMPUTED, OCCASIONAL, BandRule, RebalanceTo
from hedger.settings.band_rules import problems_of_band, rule_of
from hedger.settings.carry_rules import problems_of_carry
from hedger.settings.cross_rules import fault_across, problems_of_cross
from hedger.settings.hedges import GuardSettings, HedgeSettings
from hedger.settings.money import MONEY
from hedger.settings.money_rules import problems_of_numeraire
from hedger.settings.sentences import Problem, did_you_mean
from hedger.settings.shape import Path
from hedger.settings.share_rules import problems_of_shares
from hedger.settings.symbols import fault_of, parse_contract
from hedger.settings.target_rules import least_position, problems_of_target


def underlying_of(name: str, hedge: HedgeSettings) -> str:
    """The coin of a hedge: what it says, or else its name."""
    return hedge.underlying or name


def problems_of_hedge(name: str, hedge: HedgeSettings, accounts: Sequence[str], holding: Decimal) -> Iterator[Problem]:
    """Every contradiction within one hedge, given the account names and the coins held outside them."""
    at: Path = ("hedges", name)
    yield from _underlying(at, underlying_of(name, hedge))
    yield from _instruments(at, hedge, underlying_of(name, hedge), accounts)
    yield from _spot_accounts(at, hedge, accounts)
    yield from problems_of_numeraire(at, hedge, accounts)
    yield from problems_of_target((*at, "target"), hedge.target)
    yield from problems_of_band((*at, "band"), hedge.band)
    yield from _execution(at, hedge)
    yield from _guards((*at, "guards"), hedge.guards)
    yield from _levels((*at, "guards"), hedge.guards)
    yield from problems_of_cross(at, hedge, underlying_of(name, hedge), accounts)
    yield from problems_of_carry((*at, "carry"), hedge.carry, len(hedge.instruments), hedge.guards.expiring_s)
    yield from problems_of_shares(at, hedge, accounts)
    yield from _position(at, hedge, holding)


def _underlying(at: Path, underlying: str) -> Iterator[Problem]:
    if underlying in MONEY:
        yield Problem(at, f"hedges {underlying}, which is money here and not a coin with a price to hedge")


def _instruments(at: Path, hedge: HedgeSettings, underlying: str, accounts: Sequence[str]) -> Iterator[Problem]:
    for index, text in enumerate(hedge.instruments):
        path = (*at, "instruments", index)
        fault = fault_of(text, underlying) if hedge.cross is None else fault_across(text, underlying)
        contract = parse_contract(text)
        if fault is not None:
            yield Problem(path, f"({text}) {fault}")
        elif contract is not None and contract.id.account not in accounts:
            yield Problem(path, _no_account(contract.id.account, accounts))
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
    to_edge = hedge.band.rebalance_to is RebalanceTo.EDGE or rule_of(hedge.band) in COMPUTED
    if to_edge and not execution.cooldown_s:
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
    needed = least_position(hedge.target, holding)
    if needed > limit:
        yield Problem(path, f"is {limit} coins, but the holdings alone need a position of {needed}")
    widths = (hedge.band.width, hedge.band.upper, hedge.band.lower)
    in_coins = {BandRule.COINS, *OCCASIONAL}
    if hedge.band.rule in in_coins and any(width is not None and width > limit for width in widths):
        yield Problem(path, f"is {limit} coins, less than the width of the band: nothing would ever be hedged")
    slice_quantity = hedge.execution.slice_quantity
    if slice_quantity is not None and slice_quantity > limit:
        text = f"is {slice_quantity} coins, more than guards.position, which is {limit}"
        yield Problem((*at, "execution", "slice_quantity"), text)

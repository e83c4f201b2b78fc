"""Whether there is something to hedge, and whether limits, margin and the day's caps allow to hedge it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from hedger.app.findings import Finding
from hedger.engine.guards.margin import backing
from hedger.engine.known.policy import Hedge, Numeraire, Policy, TargetKind
from hedger.model.account import AccountReading
from hedger.model.instrument import Instrument, InstrumentId, Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.ops.figures import coins, money
from hedger.settings.money import MONEY

_OF_THE_HOLDING = (TargetKind.NEUTRAL, TargetKind.RATIO)
Prices = Mapping[InstrumentId, Decimal]


def holding_rows(
    policy: Policy,
    readings: Mapping[str, AccountReading],
    instruments: Mapping[InstrumentId, Instrument],
    prices: Prices,
) -> Iterator[Finding]:
    """Rows for each hedge, when all its accounts were read, and one for coins that no hedge covers. `prices` are in
    quote per unit of the instrument."""
    for hedge in policy.hedges:
        yield from _of_hedge(hedge, readings, instruments, prices)
    covered = {coin for hedge in policy.hedges for coin in hedge.coins}
    for name, reading in readings.items():
        yield _uncovered(name, reading, covered)


def paper_rows(policy: Policy, wallets: Mapping[str, Mapping[str, Decimal]], optioned: frozenset[str]) -> list[Finding]:
    """The first of them for a paper world, whose wallets are settings; `optioned` are coins with options."""
    rows = []
    for hedge in policy.hedges:
        there = sum((wallets.get(name, {}).get(hedge.underlying, ZERO) for name in hedge.spot_accounts), ZERO)
        rows.append(_something(hedge, there, ZERO, hedge.underlying in optioned, "give paper.spot some of it"))
    return rows


def _of_hedge(
    hedge: Hedge,
    readings: Mapping[str, AccountReading],
    instruments: Mapping[InstrumentId, Instrument],
    prices: Prices,
) -> Iterator[Finding]:
    coin = hedge.underlying
    there = sum((_coins_on(readings[name], coin) for name in hedge.spot_accounts if name in readings), ZERO)
    held = [p for reading in readings.values() for p in reading.positions if p.underlying == coin]
    position = sum((p.delta for p in held), ZERO)
    optioned = any(option.underlying == coin for reading in readings.values() for option in reading.options)
    remedy = "check the account and its wallet, deposit the coins, or declare those held elsewhere in [[holdings]]"
    yield _something(hedge, there, position, optioned, remedy)
    id = next((id for id in hedge.instruments if id in instruments and id in prices), None)
    apart = hedge.cross is not None or hedge.numeraire is Numeraire.COIN
    if apart or hedge.target.kind not in _OF_THE_HOLDING or id is None:
        return
    ratio = hedge.target.value if hedge.target.kind is TargetKind.RATIO else ONE
    wanted = abs(there + hedge.static_quantity) * ratio
    yield _limit(hedge, wanted)
    due = max(ZERO, wanted - abs(position))
    rules = instruments[id]
    worth = due * rules.coin_price(prices[id])
    if id.account in readings:
        yield from _margin(hedge, readings[id.account], rules, due, worth)
    yield _fees(hedge, rules, due, worth)
    yield _day(hedge, due, worth)


def _coins_on(reading: AccountReading, coin: str) -> Decimal:
    return reading.spot.get(coin, ZERO) + reading.equity(coin)


def _something(hedge: Hedge, there: Decimal, position: Decimal, optioned: bool, remedy: str) -> Finding:
    coin, static = hedge.underlying, hedge.static_quantity
    found = f"{coins(there)} {coin} on {', '.join(hedge.spot_accounts)}, {coins(static)} held elsewhere"
    if position:
        found += f", {coins(position, signed=True)} in futures"
    found += ", and options" if optioned else ""
    if there + static or position or optioned:
        return Finding(True, f"{hedge.name}: holding", found)
    return Finding(False, f"{hedge.name}: holding", f"nothing to hedge: {found}", remedy)


def _limit(hedge: Hedge, wanted: Decimal) -> Finding:
    most, coin = hedge.guards.position, hedge.underlying
    found = f"{coins(wanted)} {coin} are wanted, guards.position allows {coins(most)}"
    return Finding(wanted <= most, f"{hedge.name}: position limit", found, "raise guards.position, or hold less")


def _margin(
    hedge: Hedge, reading: AccountReading, rules: Instrument, due: Decimal, worth: Decimal
) -> Iterator[Finding]:
    check, leverage = f"{hedge.name}: free margin", hedge.guards.leverage
    margin = backing(reading, rules)
    if margin is None:
        return
    free = margin.available
    if rules.payoff is Payoff.INVERSE:
        needed, unit = due / leverage, rules.underlying
        found = f"the hedge needs about {coins(needed)} {unit}, {coins(free)} are free"
    else:
        needed, unit = worth / leverage, rules.settle
        found = f"the hedge needs about {money(needed)} {unit}, {money(free)} are free"
    remedy = "it would stop part-way: move collateral into the derivatives wallet, or hold less"
    yield Finding(needed <= free, check, found, remedy)


def _fees(hedge: Hedge, rules: Instrument, due: Decimal, worth: Decimal) -> Finding:
    cost, most = max(ZERO, worth * rules.maker_fee), hedge.guards.daily_cost
    told = (
        f"hedging {coins(due)} {hedge.underlying} costs about {money(cost)} in fees; guards.daily_cost is {money(most)}"
    )
    return Finding(cost <= most, f"{hedge.name}: first hedge", told, "raise guards.daily_cost for the first day")


def _day(hedge: Hedge, due: Decimal, worth: Decimal) -> Finding:
    most = hedge.guards.daily_notional
    traded = f"hedging {coins(due)} {hedge.underlying} trades about {money(worth)}"
    found = f"{traded}; guards.daily_notional is {money(most)}"
    remedy = "it would stop part-way until midnight UTC: raise guards.daily_notional, or hold less"
    return Finding(worth <= most, f"{hedge.name}: first day", found, remedy)


def _uncovered(name: str, reading: AccountReading, covered: set[str]) -> Finding:
    amounts = {
        asset: reading.spot.get(asset, ZERO) + reading.equity(asset) for asset in {*reading.spot, *reading.collateral}
    }
    left = [f"{coins(n)} {asset}" for asset, n in sorted(amounts.items()) if n and asset not in covered | MONEY]
    found = f"{', '.join(left)}: no hedge covers them" if left else "every coin on it is hedged"
    return Finding(True, f"{name}: coins without a hedge", found)

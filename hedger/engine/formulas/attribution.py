"""Where a change of an account's value came from: what happened between two readings of it, in parts that add up.

Everything is valued in dollars. A balance and the unrealised profit that settles in it are one equity E at a price p,
and Δ(pE) = E₀Δp + p₁ΔE: the first term is the move of the coin (or of the money), the second is explained by what was
traded, paid and received in between. What is not explained is named, never spread over the parts.
See docs/attribution.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from hedger.engine.formulas.option_moves import moves
from hedger.model.instrument import Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.model.option import OptionPosition

TOLERANCE = Decimal("1e-9")


class Component(StrEnum):
    """What profit and loss come from: the closed list of rows, metrics and docs."""

    SPOT = "spot"
    FUTURES_INDEX = "futures_index"
    FUTURES_BASIS = "futures_basis"
    FUNDING = "funding"
    FEES = "fees"
    EXECUTION_EDGE = "execution_edge"
    DELAY = "delay"
    DELTA = "delta"
    GAMMA = "gamma"
    THETA = "theta"
    VEGA = "vega"
    RESIDUAL = "residual"
    INTEREST = "interest"
    STABLECOIN = "stablecoin"


OPTION_PARTS = (Component.DELTA, Component.GAMMA, Component.THETA, Component.VEGA)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One future as it stood: signed `quantity` in units, its mark and index in quote as the instrument is priced."""

    symbol: str
    hedge: str
    settle: str
    payoff: Payoff
    quantity: Decimal
    multiplier: Decimal
    mark_price: Decimal
    index_price: Decimal
    expiry_at: int | None = None

    def worth(self, price: Decimal) -> Decimal:
        """A unit's worth at a price, in what it settles in and but for a constant: P, or −multiplier/P if inverse."""
        return -self.multiplier / price if self.payoff is Payoff.INVERSE else price


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An account at one reading: all that its value is made of.

    `equity` is, per priced asset, the balance and the unrealised profit that settles in it; `prices` are in dollars, as
    they were last seen. `owners` names the hedge that each coin belongs to, `overlays` that of the options on it; what
    belongs to none goes to "". `money` are the assets whose own move is `stablecoin`. `net_value` is the value in
    dollars, reckoned from the reading alone.
    """

    at: int
    exchange_at: int
    equity: Mapping[str, Decimal]
    prices: Mapping[str, Decimal]
    owners: Mapping[str, str]
    overlays: Mapping[str, str]
    money: tuple[str, ...]
    legs: tuple[Leg, ...]
    options: tuple[OptionPosition, ...]
    net_value: Decimal

    def leg(self, symbol: str) -> Leg | None:
        """The future of that symbol, None where there is no row of it."""
        return next((leg for leg in self.legs if leg.symbol == symbol), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """Our fills on one future since a reading, in sum; all but `quantity` in what it settles in.

    `opened` = Σ signed quantity · worth(mid at decision): the position is counted from there. `indexed` is the same at
    the index. `delay` = Σ signed quantity · (worth(mid at decision) − worth(mid at fill)), `edge` = Σ signed quantity ·
    (worth(mid at fill) − worth(price)).
    """

    quantity: Decimal = ZERO
    opened: Decimal = ZERO
    indexed: Decimal = ZERO
    delay: Decimal = ZERO
    edge: Decimal = ZERO


NO_TRADE = Traded()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cash:
    """Money or coins that were booked since a reading: a fee is negative, what was received positive."""

    hedge: str
    component: Component
    asset: str
    amount: Decimal


@dataclass(slots=True)
class Interval:
    """What happened between two readings. `parts` and `flows` are in dollars, by hedge; `coins_in` in coins.

    `coins_value` is what those were worth. `unexplained` is what an asset's equity gained and nothing explains, in that
    asset; `moved` what a position gained beyond our fills, in units. `option_rest` is what of an option's move its
    greeks leave over.
    """

    parts: dict[tuple[str, Component], Decimal] = field(default_factory=dict)
    flows: dict[str, Decimal] = field(default_factory=dict)
    coins_in: dict[str, Decimal] = field(default_factory=dict)
    coins_value: dict[str, Decimal] = field(default_factory=dict)
    unexplained: dict[str, Decimal] = field(default_factory=dict)
    moved: dict[str, Decimal] = field(default_factory=dict)
    option_rest: dict[str, Decimal] = field(default_factory=dict)

    def add(self, hedge: str, component: Component, amount: Decimal) -> None:
        """Book dollars to a component of a hedge."""
        if amount:
            self.parts[hedge, component] = self.parts.get((hedge, component), ZERO) + amount

    def flow(self, hedge: str, amount: Decimal) -> None:
        """Book dollars that came in from outside, or went there: no profit."""
        if amount:
            self.flows[hedge] = self.flows.get(hedge, ZERO) + amount

    def total(self) -> Decimal:
        """Everything that is explained, in dollars."""
        return sum(self.parts.values(), ZERO) + sum(self.flows.values(), ZERO)


def attribute(start: Standing, end: Standing, traded: Mapping[str, Traded], cash: Iterable[Cash]) -> Interval:
    """What the account's value did between two standings, given our own fills and bookings in between.

    An asset that was priced for the first time comes in as a flow. Raises AssertionError where the parts do not add up
    to the change of the net value: that is a bug, and nothing is believed of it.
    """
    interval, earned = Interval(), dict.fromkeys(start.prices, ZERO)
    old = {leg.symbol: leg for leg in start.legs}
    for leg in end.legs:
        _trade(interval, earned, old.get(leg.symbol), end, leg, traded.get(leg.symbol, NO_TRADE))
    for entry in cash:
        if entry.asset in earned:
            earned[entry.asset] += entry.amount
            interval.add(entry.hedge, entry.component, entry.amount * end.prices[entry.asset])
    _hold_options(interval, earned, start, end)
    for asset, price in end.prices.items():
        _hold(interval, earned, start, end, asset, price)
    left = sum((gap * end.prices[asset] for asset, gap in interval.unexplained.items()), ZERO)
    apart = abs(interval.total() + left - (end.net_value - start.net_value))
    values = (start.net_value, end.net_value, left, ONE, *interval.parts.values(), *interval.flows.values())
    assert apart <= TOLERANCE * max(map(abs, values)), f"the parts are {apart} dollars off"
    return interval


def _trade(
    interval: Interval, earned: dict[str, Decimal], held: Leg | None, end: Standing, leg: Leg, fills: Traded
) -> None:
    """A future: what was held at the start moved from its old prices to its new ones, what was filled from its own."""
    before = held.quantity if held is not None else ZERO
    interval.moved[leg.symbol] = leg.quantity - before - fills.quantity
    if leg.settle not in earned:
        return
    at_mark, at_index = leg.worth(leg.mark_price), leg.worth(leg.index_price)
    total, index = fills.quantity * at_mark - fills.opened, fills.quantity * at_index - fills.indexed
    if held is not None and before:
        total += before * (at_mark - held.worth(held.mark_price))
        index += before * (at_index - held.worth(held.index_price))
    price = end.prices[leg.settle]
    interval.add(leg.hedge, Component.FUTURES_INDEX, index * price)
    interval.add(leg.hedge, Component.FUTURES_BASIS, (total - index) * price)
    interval.add(leg.hedge, Component.DELAY, fills.delay * price)
    interval.add(leg.hedge, Component.EXECUTION_EDGE, fills.edge * price)
    earned[leg.settle] += total + fills.delay + fills.edge


def _hold(
    interval: Interval, earned: Mapping[str, Decimal], start: Standing, end: Standing, asset: str, price: Decimal
) -> None:
    """An asset: what was owned at the start moved with its price; of what came, that which is not earned is open."""
    owner, after = end.owners.get(asset, ""), end.equity.get(asset, ZERO)
    if asset not in earned:
        interval.flow(owner, after * price)
        if asset not in end.money:
            interval.coins_in[owner] = interval.coins_in.get(owner, ZERO) + after
            interval.coins_value[owner] = interval.coins_value.get(owner, ZERO) + after * price
        return
    before = start.equity.get(asset, ZERO)
    component = Component.STABLECOIN if asset in end.money else Component.SPOT
    interval.add(owner, component, before * (price - start.prices[asset]))
    interval.unexplained[asset] = after - before - earned[asset]


def _hold_options(interval: Interval, earned: dict[str, Decimal], start: Standing, end: Standing) -> None:
    """Options: what was held moved by its greeks at the start; what was bought or sold came in, or went, at its mark.

    `end` has a row for each option of `start`. One that expired was paid out: that is earned, and no flow.
    """
    before, kept, came, rest = start.options, end.options, list[OptionPosition](), dict[str, Decimal]()
    if [option.id for option in before] != [option.id for option in kept]:
        old = {option.id: option for option in before}
        kept = tuple(option for option in end.options if option.id in old)
        before = tuple(old[option.id] for option in kept)
        came = [option for option in end.options if option.id not in old]
    for was, now in zip(before, kept, strict=True):
        owner, value = end.overlays.get(now.underlying, ""), option_value(now, end.prices)
        rest[owner] = rest.get(owner, ZERO) + was.quantity * (value - option_value(was, start.prices))
        if now.quantity == was.quantity:
            continue
        if not now.quantity and now.expiry_at <= end.at and now.settle in earned:
            earned[now.settle] += was.quantity * now.contract_multiplier * (now.mark_price or ZERO)
        else:
            interval.flow(owner, (now.quantity - was.quantity) * value)
    for option in came:
        interval.flow(end.overlays.get(option.underlying, ""), option.quantity * option_value(option, end.prices))
    for (underlying, quote), made in moves(before, kept, start.at, end.at).items():
        owner, price = end.overlays.get(underlying, ""), start.prices.get(quote, ONE)
        for component, amount in zip(OPTION_PARTS, made, strict=True):
            interval.add(owner, component, amount * price)
            rest[owner] -= amount * price
    for owner, left in rest.items():
        interval.add(owner, Component.RESIDUAL, left)
        interval.option_rest[owner] = left


def option_value(option: OptionPosition, prices: Mapping[str, Decimal]) -> Decimal:
    """What one contract is worth at its mark, in dollars; nothing where a mark or a price is missing."""
    mark = option.mark_price if option.mark_price is not None else ZERO
    return option.contract_multiplier * mark * prices.get(option.settle, ZERO)

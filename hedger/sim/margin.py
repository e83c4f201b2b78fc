"""Maintenance margin by tiers, and the prices at which a position is liquidated or bankrupt, linear and inverse."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from hedger.model.numeric import ZERO
from hedger.sim.nouns import Tier

CENT = Decimal("0.01")
FINE = Decimal("0.00000001")


def tiers(rows: Sequence[tuple[str, int, str]]) -> tuple[Tier, ...]:
    """Tiers from (notional cap, leverage cap, maintenance rate) rows, ascending.

    The amounts `cum` make the maintenance margin continuous: cum_n = floor_n·(m_n − m_{n−1}) + cum_{n−1}.
    """
    made: list[Tier] = []
    floor = cum = rate = ZERO
    for cap, leverage, text in rows:
        next_rate = Decimal(text)
        cum += floor * (next_rate - rate) if made else ZERO
        rate = next_rate
        made.append(
            Tier(
                notional_floor=floor,
                notional_cap=Decimal(cap),
                leverage_cap=leverage,
                maintenance_rate=rate,
                cum=cum,
            )
        )
        floor = Decimal(cap)
    return tuple(made)


def tier_of(tiers: Sequence[Tier], notional: Decimal) -> Tier:
    """The tier of a notional (unsigned, in what the contract settles in); beyond the last cap it is the last."""
    for tier in tiers:
        if notional <= tier.notional_cap:
            return tier
    return tiers[-1]


def maintenance(tiers: Sequence[Tier], notional: Decimal) -> Decimal:
    """The maintenance margin of a notional, both in what the contract settles in."""
    tier = tier_of(tiers, notional)
    return notional * tier.maintenance_rate - tier.cum


def liquidation_price(quantity: Decimal, cost: Decimal, balance: Decimal, tiers: Sequence[Tier]) -> Decimal | None:
    """The mark price at which equity equals maintenance margin; None if there is none above zero.

    `quantity` is signed, `cost` = quantity × entry price. `balance` is the wallet behind the position, less
    the maintenance margin and plus the unrealized profit of the other positions that it backs. From
    balance + quantity·LP − cost = m·|quantity|·LP − cum, with the tier that holds at LP itself.
    """
    if not quantity:
        return None
    for tier in tiers:
        slope = abs(quantity) * tier.maintenance_rate - quantity
        if not slope:
            continue
        price = (balance + tier.cum - cost) / slope
        if price > 0 and tier_of(tiers, abs(quantity) * price) is tier:
            return price.quantize(CENT, ROUND_CEILING if quantity > 0 else ROUND_FLOOR)
    return None


def inverse_liquidation_price(
    quantity: Decimal, cost: Decimal, balance: Decimal, tiers: Sequence[Tier], multiplier: Decimal
) -> Decimal | None:
    """The same for an inverse contract, where `cost` (= −N/entry, N signed), `balance` and the tiers are in coins.

    From balance − N/LP − cost = m·|N|/LP − cum. There is none where the balance covers whatever the price may do, as
    behind a short of no more dollars than the coins were worth at its entry.
    """
    signed = quantity * multiplier
    for tier in tiers:
        left = balance + tier.cum - cost
        needed = abs(signed) * tier.maintenance_rate + signed
        if not left or not needed or needed / left <= 0:
            continue
        price = needed / left
        if tier_of(tiers, abs(signed) / price) is tier:
            return price.quantize(FINE, ROUND_CEILING if quantity > 0 else ROUND_FLOOR)
    return None


def bankruptcy_price(quantity: Decimal, mark: Decimal, equity: Decimal) -> Decimal:
    """The price, not below 0, at which closing `quantity` (signed) uses up `equity` (USDT at `mark`)."""
    return max(ZERO, mark - equity / quantity)


def inverse_bankruptcy_price(signed: Decimal, mark: Decimal, equity: Decimal) -> Decimal | None:
    """The price at which closing a signed quote notional N uses up `equity` (coins at `mark`): 1/P = 1/mark + equity/N.
    None where no price does."""
    reciprocal = 1 / mark + equity / signed
    return 1 / reciprocal if reciprocal > 0 else None

"""Where a position is liquidated: the identities of linear and inverse contracts, a cross-check of the venue's price.

Sign s is +1 for a long and −1 for a short. Maintenance of a tier is rate × notional − cum, in the margin's own asset.
Sources: the venues' documentation of maintenance amounts, and the definitions of the two payoffs.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from hedger.model.account import Margin, MarginMode, Position
from hedger.model.instrument import Payoff
from hedger.model.numeric import ONE, ZERO


class Tier(NamedTuple):
    """From `floor` (notional: quote of a linear contract, coins of an inverse one), maintenance is rate·notional − cum.

    `cum` makes it continuous: cum_n = floor_n·(rate_n − rate_{n−1}) + cum_{n−1}.
    """

    floor: Decimal
    rate: Decimal
    cum: Decimal


def tiers_of(steps: Sequence[tuple[Decimal, Decimal]]) -> tuple[Tier, ...]:
    """Tiers from (floor, rate), the lowest floor (0) first and rates rising."""
    tiers: list[Tier] = []
    for floor, rate in steps:
        cum = tiers[-1].cum + floor * (rate - tiers[-1].rate) if tiers else ZERO
        tiers.append(Tier(floor, rate, cum))
    return tuple(tiers)


def liquidation_price(
    *,
    payoff: Payoff,
    size: Decimal,
    entry_price: Decimal,
    wallet: Decimal,
    tiers: Sequence[Tier],
) -> Decimal | None:
    """The price at which the equity is as small as the maintenance margin, None where there is no such price.

    `size` is signed: coins of a linear contract, quote notional of an inverse one. `wallet` is the balance behind it
    without unrealised profit, net of what other positions need, in quote or in coins. The tier is that at the price.
    """
    prices = (_at(payoff, size, entry_price, wallet, tier) for tier in tiers)
    for index, (tier, price) in enumerate(zip(tiers, prices, strict=True)):
        if price is None:
            continue
        notional = abs(size) / price if payoff is Payoff.INVERSE else abs(size) * price
        ceiling = tiers[index + 1].floor if index + 1 < len(tiers) else None
        if notional >= tier.floor and (ceiling is None or notional < ceiling):
            return price
    return None


def _at(payoff: Payoff, size: Decimal, entry: Decimal, wallet: Decimal, tier: Tier) -> Decimal | None:
    """Linear: (W + cum − s·q·EP)/(q(m − s)). Inverse: N(m + s)/(W + cum + s·N/EP). None if not positive."""
    sign, held = (ONE if size > 0 else -ONE), abs(size)
    if payoff is Payoff.INVERSE:
        above, below = held * (tier.rate + sign), wallet + tier.cum + sign * held / entry
    else:
        above, below = wallet + tier.cum - sign * held * entry, held * (tier.rate - sign)
    return above / below if below and above / below > 0 else None


def distance_by_equity(position: Position, margin: Margin, beside: Decimal = ZERO) -> Decimal | None:
    """How far the mark may go, as a ratio, until equity is as small as maintenance: for venues that name no price.

    It takes the whole margin account for this position's, and for that of what else is held on its coin, `beside`
    (signed, as `notional_of`) where that makes it worse: what others need counts as if it moved with this price where
    that makes it worse. None where no move is far enough, where nothing is held, and for a position with a margin of
    its own, which the account's equity does not back.
    """
    if not position.quantity or position.mark_price <= 0 or position.margin_mode is MarginMode.ISOLATED:
        return None
    own, spare, needed = notional_of(position), margin.equity - margin.maintenance_margin, margin.maintenance_margin
    size = abs(own + beside) if own * beside > 0 else abs(own)
    if spare <= 0:
        return ZERO
    short = position.quantity < 0
    if position.payoff is not Payoff.INVERSE:
        if short:
            return spare / (size + needed)
        return spare / size if spare < size else None
    if short:  # E − size·(1 − u) = needed·u with u = 1/(1 + g)
        free = size - margin.equity
        return (size - needed) / free - ONE if free > 0 and size > needed else None
    return ONE - (size + needed) / (margin.equity + size)  # E − size·(u − 1) = needed·u with u = 1/(1 − g)


def notional_of(position: Position) -> Decimal:
    """What is held, in the asset that its margin is in: quote of a linear contract, coins of an inverse one."""
    if position.payoff is Payoff.INVERSE:
        return position.delta
    return position.quantity * position.mark_price

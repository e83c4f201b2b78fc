"""Maintenance margin on MEXC, which its account does not tell: reckoned by us from the risk levels of its listing.

A position's level is that of its whole size, and the rate of its level counts for all of it, which is never less than a
reckoning level by level would give [V].
"""

from __future__ import annotations

from decimal import Decimal

from hedger.model.instrument import Payoff
from hedger.venues.mexc.listing import Known
from hedger.venues.mexc.payloads import Contract, Tier


def tiers_of(row: Contract) -> list[Tier]:
    """The levels of a contract, the smallest first: a table of its own, or a first one and steps from there."""
    if row.riskLimitCustom:
        return sorted(row.riskLimitCustom, key=lambda tier: tier.maxVol)
    levels = range(max(row.riskLevelLimit, 1))
    return [
        Tier(
            maxVol=max(row.riskBaseVol + level * row.riskIncrVol, Decimal(1)),
            mmr=min(row.maintenanceMarginRate + level * row.riskIncrMmr, Decimal("0.999")),
        )
        for level in levels
    ]


def maintenance_of(known: Known, vol: Decimal, mark: Decimal) -> Decimal:
    """What a position of `vol` contracts needs at a mark, in what the contract settles in. Beyond the last level the
    last one counts, and so it does where long and short have levels of their own, which the listing does not tell."""
    units = known.units(vol)
    value = units * mark if known.payoff is Payoff.LINEAR else units * known.multiplier / mark
    tiers = tiers_of(known.row)
    size = value if known.row.riskLimitType == "BY_VALUE" else vol
    fitting = [tier.mmr for tier in tiers if size <= tier.maxVol]
    apart = known.row.riskLongShortSwitch != 0
    return value * (max(tier.mmr for tier in tiers) if apart or not fitting else fitting[0])

"""Maintenance margin on BingX, which its account does not tell: reckoned by us from the venue's own table of tiers.

A wallet's `riskRate`, which its positions tell, is its maintenance margin over its equity, as recorded figures show
[V]; where that says more than the table, it counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from hedger.errors import GiveUp
from hedger.model.account import Margin
from hedger.model.numeric import ZERO
from hedger.venues.asking import Understand
from hedger.venues.bingx.answers import answered
from hedger.venues.bingx.codes import API
from hedger.venues.bingx.payloads import PositionRow, Tier, Wallet
from hedger.venues.link import Link
from hedger.venues.listing import Listed

KEPT_MS = 3_600_000
# What a COIN-M position needs at least, of its value: a risk rate is cut to a few places and may be told as 0 [V].
LEAST_COIN_RATE = Decimal("0.005")
_read_tiers: Understand[list[Tier]] = answered(list[Tier])


class Tiers:
    """The venue's tables of tiers, each kept for an hour."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._tables: dict[str, tuple[int, list[Tier]]] = {}

    async def have(self, raw: str) -> bool:
        """Whether there is a table of a contract; of one that it does not list any more, the venue has none."""
        now = self._link.clock.now_ms()
        if raw not in self._tables or now - self._tables[raw][0] >= KEPT_MS:
            try:
                self._tables[raw] = now, await self._read(raw)
            except GiveUp:
                self._tables[raw] = now, []
        return bool(self._tables[raw][1])

    async def _read(self, raw: str) -> list[Tier]:
        def understand(payload: Any) -> list[Tier]:
            rows = _read_tiers(payload)
            if not rows or any(row.symbol != raw for row in rows):
                raise ValueError(f"no tiers of {raw}")
            # What a tier takes off cannot be more than it asks where it begins: nothing would be needed there.
            if any(row.maintAmount > row.minPositionVal * row.maintMarginRatio for row in rows):
                raise ValueError(f"the tiers of {raw} do not follow each other")
            return sorted(rows, key=lambda row: row.minPositionVal)

        method = self._link.client.swap_v1_private_get_maintmarginratio
        call = partial(method, {"symbol": raw})
        return await self._link.asker.need("tiers", call, understand, host=self._link.hosts[API])

    def maintenance(self, raw: str, value: Decimal) -> Decimal:
        """What a position of this value in quote needs by its table, if there is one; beyond the last tier the last one
        counts."""
        _, rows = self._tables[raw]
        if not rows:
            return ZERO
        tier = next((row for row in reversed(rows) if row.minPositionVal <= value), rows[0])
        return max(ZERO, value * tier.maintMarginRatio - tier.maintAmount)


def margin_of(wallet: Wallet, maintenance: Decimal) -> Margin:
    """A wallet's margin, in its asset."""
    return Margin(
        equity=wallet.equity,
        maintenance_margin=maintenance,
        initial_margin=wallet.usedMargin + wallet.freezedMargin,
        available=wallet.availableMargin,
    )


def linear_maintenance(wallet: Wallet, rows: Sequence[PositionRow], tiers: Tiers, *, odd: bool) -> Decimal:
    """What the positions in one money need. Where a row of others is not understood, or a position has no table, no
    less than the whole margin in use, of which maintenance is a part."""
    by_table = sum((tiers.maintenance(row.symbol, abs(row.positionAmt) * row.markPrice) for row in rows), ZERO)
    rates = [row.riskRate for row in rows if row.riskRate is not None and not row.isolated]
    by_rate = max(rates, default=ZERO) * max(wallet.equity, ZERO)
    return max(by_table, by_rate, wallet.usedMargin if odd else ZERO)


def inverse_maintenance(wallet: Wallet, rows: Sequence[PositionRow], listed: Mapping[str, Listed]) -> Decimal:
    """What the positions in one coin need; there is no table of their tiers. ValueError where the venue tells no risk
    rate, or no mark, of what is held."""
    total = ZERO
    for row in rows:
        if not row.positionAmt:
            continue
        if row.riskRate is None or row.riskRate < 0:
            raise ValueError(f"the position in {row.symbol} has no risk rate")
        if not row.markPrice:
            raise ValueError(f"the position in {row.symbol} has no mark price")
        value = abs(row.positionAmt) * listed[row.symbol].contract_multiplier / row.markPrice
        told = row.riskRate * (row.initialMargin if row.isolated else max(wallet.equity, ZERO))
        total += max(told, value * LEAST_COIN_RATE)
    return total

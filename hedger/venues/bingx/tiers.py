"""Maintenance margin on BingX, which its account does not tell: reckoned by us from the venue's own table of tiers.

A wallet's `riskRate`, which its positions tell, is its maintenance margin over its equity, as recorded figures show
[V]; where that says more than the table, it counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from hedger.model.account import Margin
from hedger.model.numeric import ZERO
from hedger.venues.asking import Understand
from hedger.venues.bingx.answers import answered
from hedger.venues.bingx.codes import API
from hedger.venues.bingx.payloads import PositionRow, Tier, Wallet
from hedger.venues.link import Link

KEPT_MS = 3_600_000
_read_tiers: Understand[list[Tier]] = answered(list[Tier])


class Tiers:
    """The venue's tables of tiers, each kept for an hour."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._tables: dict[str, tuple[int, list[Tier]]] = {}

    async def need(self, raws: Iterable[str]) -> None:
        """Have the tables of these contracts."""
        for raw in raws:
            now = self._link.clock.now_ms()
            if raw not in self._tables or now - self._tables[raw][0] >= KEPT_MS:
                self._tables[raw] = now, await self._read(raw)

    async def _read(self, raw: str) -> list[Tier]:
        def understand(payload: Any) -> list[Tier]:
            rows = _read_tiers(payload)
            if not rows or any(row.symbol != raw for row in rows):
                raise ValueError(f"no tiers of {raw}")
            return sorted(rows, key=lambda row: row.minPositionVal)

        method = self._link.client.swap_v1_private_get_maintmarginratio
        call = partial(method, {"symbol": raw})
        return await self._link.asker.need("tiers", call, understand, host=self._link.hosts[API])

    def maintenance(self, raw: str, value: Decimal) -> Decimal:
        """What a position of this value in quote needs; beyond the last tier the last one counts."""
        _, rows = self._tables[raw]
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
    """What the positions in one money need. Where a row of others is not understood, no less than the whole margin in
    use, of which maintenance is a part."""
    by_table = sum((tiers.maintenance(row.symbol, abs(row.positionAmt) * row.markPrice) for row in rows), ZERO)
    rates = [row.riskRate for row in rows if row.riskRate is not None and not row.isolated]
    by_rate = max(rates, default=ZERO) * max(wallet.equity, ZERO)
    return max(by_table, by_rate, wallet.usedMargin if odd else ZERO)


def inverse_maintenance(wallet: Wallet, rows: Sequence[PositionRow]) -> Decimal:
    """What the positions in one coin need; there is no table of their tiers. ValueError where the venue tells no risk
    rate of what is held."""
    total = ZERO
    for row in rows:
        if not row.positionAmt:
            continue
        if row.riskRate is None or row.riskRate < 0:
            raise ValueError(f"the position in {row.symbol} has no risk rate")
        total += row.riskRate * (row.initialMargin if row.isolated else max(wallet.equity, ZERO))
    return total

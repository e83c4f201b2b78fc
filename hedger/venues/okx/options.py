"""Option positions on OKX: their terms from the listing, volatility, forward and greeks from one question a family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ZERO
from hedger.model.option import OptionPosition, VenueGreeks
from hedger.venues.asking import Understand, together
from hedger.venues.link import Link
from hedger.venues.okx.codes import REST
from hedger.venues.okx.contracts import Contracts, family_of
from hedger.venues.okx.listing import SETTLEMENT_MS
from hedger.venues.okx.payloads import NamedRow, OptionSummary, PositionRow, rows_as
from hedger.venues.wire import reader

_read_names: Understand[list[NamedRow]] = rows_as(NamedRow)
_read_summary: Understand[OptionSummary] = reader(OptionSummary)


class OptionReader:
    """Reads what options are worth, where there are any."""

    def __init__(self, link: Link, contracts: Contracts) -> None:
        self._link = link
        self._contracts = contracts

    async def read(self, rows: Sequence[PositionRow]) -> tuple[OptionPosition, ...]:
        """The positions of `rows`; ValueError for one that is not in the venue's listing or has no index.

        What the venue has no volatility for (it fits none where nobody quotes) is told without.
        """
        families = sorted({family_of(row.instId) for row in rows})
        lists = await together(*(self._summaries(family) for family in families))
        summaries = {name: row for found in lists for name, row in found.items()}
        return tuple(self._option(row, summaries) for row in rows)

    async def _summaries(self, family: str) -> dict[str, NamedRow]:
        method = partial(self._link.client.public_get_public_opt_summary, {"instFamily": family})
        rows: list[NamedRow] = await self._link.asker.need(
            "option market data", method, _read_names, host=self._link.hosts[REST]
        )
        return {row.instId: row for row in rows}

    def _option(self, row: PositionRow, summaries: Mapping[str, NamedRow]) -> OptionPosition:
        terms = self._contracts.options.get(row.instId)
        if terms is None:
            raise ValueError(f"{row.instId}, of which there is a position, is not in the venue's listing")
        if row.idxPx is None or row.idxPx <= 0 or row.posSide == "short":
            raise ValueError(f"the venue's row of the position in {row.instId} is not understood")
        told = summaries.get(row.instId)
        summary = _read_summary(told.model_dump()) if told is not None else OptionSummary(instId=row.instId)
        return OptionPosition(
            id=InstrumentId(self._link.account, terms.symbol),
            underlying=terms.underlying,
            option_type=terms.option_type,
            strike=terms.strike,
            expiry_at=terms.expiry_at,
            settlement_ms=SETTLEMENT_MS,
            payoff=terms.payoff,
            settle=terms.settle,
            quantity=row.pos,
            contract_multiplier=terms.multiplier,
            mark_price=row.markPx,
            mark_sigma=_above_zero(summary.markVol),
            forward_price=_above_zero(summary.fwdPx),
            index_price=row.idxPx,
            greeks=_greeks(summary),
        )


def _above_zero(value: Decimal | None) -> Decimal | None:
    return value if value is not None and value > ZERO else None


def _greeks(summary: OptionSummary) -> VenueGreeks | None:
    """The Black-Scholes ones of one coin in dollars: those without BS are adjusted by the premium, in coins. A position
    row has them too, in units that depend on a setting of the account."""
    if summary.deltaBS is None:
        return None
    told: list[Any] = [summary.deltaBS, summary.gammaBS, summary.vegaBS, summary.thetaBS]
    delta, gamma, vega, theta = (float(value) if value is not None else None for value in told)
    return VenueGreeks(delta=delta, gamma=gamma, vega=vega, theta=theta)

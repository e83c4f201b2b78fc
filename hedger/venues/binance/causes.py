"""Why an execution happened on Binance: by somebody's order, or by the venue's own hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hedger.errors import AskAgain, GiveUp
from hedger.model.instrument import InstrumentId
from hedger.model.order import Fill, FillCause
from hedger.venues.asking import Understand
from hedger.venues.binance.doors import host_of, private
from hedger.venues.binance.names import api_of
from hedger.venues.binance.payloads import ForcedOrder
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.wire import reader

PAGE = 100
# How long the list of forced orders may lag behind the list of trades [V].
LAG_MS = 60_000
_FORCED = {"LIQUIDATION": FillCause.LIQUIDATION, "ADL": FillCause.DELEVERAGING}
_read_forced: Understand[list[ForcedOrder]] = reader(list[ForcedOrder])


class Causes:
    """Names the cause of fills that the venue's list of trades tells without. It asks only about unheard-of orders."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing

    async def told(self, id: InstrumentId, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        """The fills of one instrument with their orders' ids and causes, as far as the venue tells them."""
        unheard = [fill for fill in fills if self._link.seen.of(fill) is None]
        if unheard:
            await self._learn(id, unheard)
        return tuple(self._named(fill) for fill in fills)

    def _named(self, fill: Fill) -> Fill:
        client_order_id, cause = self._link.seen.of(fill) or (fill.client_order_id, fill.cause)
        return replace(fill, client_order_id=client_order_id, cause=cause)

    async def _learn(self, id: InstrumentId, fills: Sequence[Fill]) -> None:
        """Read the forced orders since the first of these fills; who is in neither list traded by an order."""
        since_at, seen = min(fill.exchange_at for fill in fills) - LAG_MS, self._link.seen
        whole = True
        try:
            for kind, cause in _FORCED.items():
                rows = await self._forced(id, kind, since_at)
                whole = whole and len(rows) < PAGE
                for row in rows:
                    seen.remember(id, str(row.orderId), row.clientOrderId or None, cause)
        except (AskAgain, GiveUp):
            return  # The venue does not tell, now or ever: the fills count all the same.
        settled_at = self._link.venue_now() - LAG_MS
        for fill in fills:
            if whole and fill.exchange_at < settled_at and seen.of(fill) is None:
                seen.remember(id, fill.venue_order_id, None, FillCause.ORDER)

    async def _forced(self, id: InstrumentId, kind: str, since_at: int) -> list[ForcedOrder]:
        link, raw = self._link, self._listing.raw[id]
        params = {"symbol": raw, "autoCloseType": kind, "startTime": since_at, "limit": PAGE}

        def understand(payload: Any) -> list[ForcedOrder]:
            rows = _read_forced(payload)
            if any(row.symbol != raw for row in rows):
                raise ValueError(f"another contract's came as an answer about {raw}")
            return rows

        api = api_of(id.symbol)
        method, host = private(link, api, "get_forceorders"), host_of(link, api)
        return await link.asker.need("forced orders", lambda: method(params), understand, host=host)

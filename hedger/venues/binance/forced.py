"""The orders that Binance made by its own hand: liquidations and deleveragings."""

from __future__ import annotations

from typing import Any

from hedger.model.instrument import InstrumentId
from hedger.model.order import FillCause
from hedger.venues.asking import Understand
from hedger.venues.binance.doors import host_of, private
from hedger.venues.binance.names import api_of
from hedger.venues.binance.payloads import ForcedOrder
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.wire import reader

FORCED_PAGE = 100
_WORDS = {FillCause.LIQUIDATION: "LIQUIDATION", FillCause.DELEVERAGING: "ADL"}
_read_forced: Understand[list[ForcedOrder]] = reader(list[ForcedOrder])


async def forced_orders(
    link: Link, listing: Listing, id: InstrumentId, cause: FillCause, since_at: int
) -> list[tuple[str, str | None]]:
    """One page of a contract's forced orders since a time (ms): the venue's id of each, and the client's."""
    raw, api = listing.raw[id], api_of(id.symbol)
    params = {"symbol": raw, "autoCloseType": _WORDS[cause], "startTime": since_at, "limit": FORCED_PAGE}

    def understand(payload: Any) -> list[tuple[str, str | None]]:
        rows = _read_forced(payload)
        if any(row.symbol != raw for row in rows):
            raise ValueError(f"another contract's came as an answer about {raw}")
        return [(str(row.orderId), row.clientOrderId or None) for row in rows]

    method, host = private(link, api, "get_forceorders"), host_of(link, api)
    return await link.asker.need("forced orders", lambda: method(params), understand, host=host)

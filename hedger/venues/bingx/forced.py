"""The orders that BingX made by its own hand: liquidations and deleveragings."""

from __future__ import annotations

from typing import Any

from hedger.model.instrument import Instrument, InstrumentId, Payoff
from hedger.model.order import FillCause
from hedger.venues.asking import Understand
from hedger.venues.bingx.answers import answered
from hedger.venues.bingx.books import BOOKS, INVERSE
from hedger.venues.bingx.codes import API
from hedger.venues.bingx.payloads import ForcedOrder, ForcedOrders
from hedger.venues.link import Link
from hedger.venues.listing import Listing

FORCED_PAGE = 100
_WORDS = {FillCause.LIQUIDATION: "LIQUIDATION", FillCause.DELEVERAGING: "ADL"}
_read_linear: Understand[ForcedOrders] = answered(ForcedOrders)
_read_inverse: Understand[list[ForcedOrder]] = answered(list[ForcedOrder])


def in_money(rules: Instrument) -> dict[str, str]:
    """What names the money of a contract where it is not the usual one: whether a symbol alone tells it, is not
    documented."""
    return {"currency": rules.settle} if rules.payoff is Payoff.LINEAR and rules.settle != "USDT" else {}


async def forced_orders(
    link: Link, listing: Listing, id: InstrumentId, cause: FillCause, since_at: int
) -> list[tuple[str, str | None]]:
    """One page of a contract's forced orders since a time (ms): the venue's id of each; it names no client's."""
    raw, book = listing.raw[id], BOOKS[listing.instruments[id].payoff]
    params = {"symbol": raw, "autoCloseType": _WORDS[cause], "startTime": since_at, "limit": FORCED_PAGE}
    params |= in_money(listing.instruments[id])

    def understand(payload: Any) -> list[tuple[str, str | None]]:
        rows = _read_inverse(payload) if book is INVERSE else _read_linear(payload).orders
        if any(row.symbol != raw for row in rows):
            raise ValueError(f"another contract's came as an answer about {raw}")
        return [(row.orderId, None) for row in rows]

    method = getattr(link.client, book.forced)
    return await link.asker.need("forced orders", lambda: method(params), understand, host=link.hosts[API])

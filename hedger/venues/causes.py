"""Why executions happened, where the list of them does not say: what the venue forced stands in a list of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from hedger.errors import AskAgain, GiveUp
from hedger.model.instrument import InstrumentId
from hedger.model.order import Fill, FillCause
from hedger.venues.link import Link

# How long the list of forced orders may lag behind the list of fills [V].
LAG_MS = 60_000
# One page of an instrument's forced orders of a cause since a time (ms): each by the venue's id and by the client's.
Forced = Callable[[InstrumentId, FillCause, int], Awaitable[list[tuple[str, str | None]]]]


class Causes:
    """Names the cause of fills that the venue's list of them tells without. It asks only about unheard-of orders.

    `forced` reads at most `page` orders: what fills a page may not be all of them.
    """

    def __init__(self, link: Link, forced: Forced, *, page: int) -> None:
        self._link = link
        self._forced = forced
        self._page = page

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
        since_at, seen, whole = min(fill.exchange_at for fill in fills) - LAG_MS, self._link.seen, True
        try:
            for cause in (FillCause.LIQUIDATION, FillCause.DELEVERAGING):
                rows = await self._forced(id, cause, since_at)
                whole = whole and len(rows) < self._page
                for venue_order_id, client_order_id in rows:
                    seen.remember(id, venue_order_id, client_order_id, cause)
        except (AskAgain, GiveUp):
            return  # The venue does not tell, now or ever: the fills count all the same.
        settled_at = self._link.venue_now() - LAG_MS
        for fill in fills:
            if whole and fill.exchange_at < settled_at and seen.of(fill) is None:
                seen.remember(id, fill.venue_order_id, None, FillCause.ORDER)

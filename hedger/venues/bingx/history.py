"""What happened on BingX: prices now, and fills and funding payments, each list whole."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from hedger.errors import AskAgain, GiveUp
from hedger.model.account import FundingPayment
from hedger.model.instrument import InstrumentId, Kind, Payoff
from hedger.model.market import Mark, Quote
from hedger.model.numeric import ZERO
from hedger.model.order import Fill
from hedger.venues.asking import Understand, together
from hedger.venues.bingx.answers import answered
from hedger.venues.bingx.books import BOOKS
from hedger.venues.bingx.codes import API
from hedger.venues.bingx.forced import FORCED_PAGE, forced_orders, in_money
from hedger.venues.bingx.parse import inverse_fill_of, linear_fill_of, mark_of, payment_of, quote_of
from hedger.venues.bingx.payloads import (
    Depth,
    Income,
    InverseFill,
    LinearFill,
    LinearFills,
    OrderRecord,
    Orders,
    Premium,
)
from hedger.venues.bingx.windows import PACE_S, whole
from hedger.venues.causes import Causes
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.wire import reader

PAGE = 1_000
LEVELS = 5
MOST_PAGES = 50
# An order that was filled since a moment may be older than it: ours live for minutes.
OLDER_MS = 24 * 3_600_000
# An order's record may be older than its last fill by so much [V].
LATE_MS = 60_000
MOST_KNOWN = 5_000
# A fill cannot lie further ahead than this: its zone would be read wrongly.
AHEAD_MS = 60_000

_read_depth: Understand[Depth] = answered(Depth)
_read_premium: Understand[Premium] = answered(Premium)
_read_premiums: Understand[list[Premium]] = answered(list[Premium])
_read_fills: Understand[LinearFills] = answered(LinearFills)
_read_coin_fills: Understand[list[InverseFill]] = answered(list[InverseFill])
_read_incomes: Understand[list[Income] | None] = answered(list[Income] | None)
_read_orders: Understand[Orders] = answered(Orders)
_read_order: Understand[OrderRecord] = reader(OrderRecord)


class HistoryReader:
    """Reads prices, fills and funding."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing
        self._causes = Causes(link, partial(forced_orders, link, listing), page=FORCED_PAGE)
        # What COIN-M orders traded, by their numbers, the newest few thousand.
        self._known: dict[str, list[Fill]] = {}
        # The contracts of which the interval of funding is told.
        self._tell_interval: set[str] = set()

    async def prices(self, ids: Sequence[InstrumentId]) -> tuple[Quote | Mark, ...]:
        """The best prices of `ids`, and the marks of those that are contracts."""
        reads = [self._quote(id) for id in ids]
        marks = [self.mark(id) for id in ids if self._listing.instruments[id].kind is not Kind.SPOT]
        return tuple(await together(*reads, *marks))

    async def _quote(self, id: InstrumentId) -> Quote:
        client, rules = self._link.client, self._listing.instruments[id]
        if rules.kind is Kind.SPOT:
            method = client.spot_v1_public_get_market_depth
        elif rules.payoff is Payoff.INVERSE:
            method = client.cswap_v1_public_get_market_depth
        else:
            method = client.swap_v2_public_get_quote_depth
        asked_at = self._link.venue_now()
        quote: Quote = await self._ask(
            "best prices",
            method,
            {"symbol": self._listing.raw[id], "limit": LEVELS},
            lambda payload: quote_of(_read_depth(payload), id, asked_at, rules.payoff),
            Lane.DATA,
        )
        return quote

    async def mark(self, id: InstrumentId) -> Mark:
        """Mark, index and funding of a contract."""
        raw, asked_at = self._listing.raw[id], self._link.venue_now()
        book = BOOKS[self._listing.instruments[id].payoff]

        def understand(payload: Any) -> Mark:
            told = payload.get("data") if isinstance(payload, dict) else None
            rows = _read_premiums(payload) if isinstance(told, list) else [_read_premium(payload)]
            if [row.symbol for row in rows] != [raw]:
                raise ValueError(f"another contract's mark came as an answer about {raw}")
            if rows[0].fundingIntervalHours is not None:
                self._tell_interval.add(raw)
            elif raw in self._tell_interval:
                raise ValueError("the interval of funding, which was told before, is missing")
            return mark_of(rows[0], id, asked_at)

        method = getattr(self._link.client, book.premium)
        mark: Mark = await self._ask("mark price", method, {"symbol": raw}, understand, Lane.DATA)
        return mark

    async def fills(self, id: InstrumentId, since_at: int) -> tuple[Fill, ...]:
        """Every fill since `since_at`. Of COIN-M contracts the venue tells them only order by order."""
        inverse = self._listing.instruments[id].payoff is Payoff.INVERSE
        found = await (self._coin_fills(id, since_at) if inverse else self._linear_fills(id, since_at))
        latest = self._link.venue_now() + AHEAD_MS
        if any(fill.exchange_at > latest for fill in found):
            raise AskAgain(f"bingx: fills: one of {id.symbol} lies in the future.")
        once = {(fill.trade_id, fill.venue_order_id): fill for fill in found if fill.exchange_at >= since_at}
        ordered = sorted(once.values(), key=lambda fill: (fill.exchange_at, fill.trade_id))
        return await self._causes.told(id, ordered)

    async def _linear_fills(self, id: InstrumentId, since_at: int) -> list[Fill]:
        raw = self._listing.raw[id]

        def understand(payload: Any) -> list[LinearFill]:
            return _all_of(_read_fills(payload).rows, raw)

        async def ask(start: int, end: int) -> list[LinearFill]:
            # A moment is left out at either end of the venue's own window [V], so it is asked for a little more.
            params = {"symbol": raw, "startTs": start - 1, "endTs": end + 1, "pageIndex": 1, "pageSize": PAGE}
            params |= in_money(self._listing.instruments[id])
            method = self._link.client.swap_v2_private_get_trade_fillhistory
            rows: list[LinearFill] = await self._ask("fills", method, params, understand)
            return rows

        rows = await whole("fills", since_at, self._link.venue_now(), PAGE, ask, self._link.clock.sleep)
        return [linear_fill_of(row, id) for row in rows]

    async def _coin_fills(self, id: InstrumentId, since_at: int) -> list[Fill]:
        raw = self._listing.raw[id]
        orders = [*await self._ended(raw, since_at), *await self._open(raw)]
        # What an order traded changed it: one that did not change since has no fill since.
        changed = [order for order in orders if order.executedQty > 0 and order.updateTime >= since_at - LATE_MS]
        filled: dict[str, Decimal] = {}
        for order in changed:
            filled[order.orderId] = max(order.executedQty, filled.get(order.orderId, ZERO))
        return [fill for order_id in sorted(filled) for fill in await self._fills_of(id, order_id, filled[order_id])]

    async def _fills_of(self, id: InstrumentId, order_id: str, filled: Decimal) -> list[Fill]:
        """What one order traded, asked for once as long as it trades no more; AskAgain where it is not all told yet."""
        known = self._known.get(order_id)
        if known is None or sum((fill.quantity for fill in known), ZERO) < filled:
            await self._link.clock.sleep(PACE_S)
            known = [inverse_fill_of(row, id) for row in await self._of_order(self._listing.raw[id], order_id)]
            if sum((fill.quantity for fill in known), ZERO) < filled:
                raise AskAgain(f"bingx: fills of an order: {id.symbol} traded more than they tell.")
            self._known[order_id] = known
            if len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]
        return known

    async def _ended(self, raw: str, since_at: int) -> list[OrderRecord]:
        async def ask(start: int, end: int) -> list[OrderRecord]:
            params = {"symbol": raw, "startTime": start - 1, "endTime": end + 1, "limit": PAGE}
            method = self._link.client.cswap_v1_private_get_trade_orderhistory
            return await self._orders("orders", method, params, raw)

        return await whole("orders", since_at - OLDER_MS, self._link.venue_now(), PAGE, ask, self._link.clock.sleep)

    async def _open(self, raw: str) -> list[OrderRecord]:
        method = self._link.client.cswap_v1_private_get_trade_openorders
        return await self._orders("open orders", method, {"symbol": raw}, raw)

    async def _orders(self, what: str, method: Any, params: dict[str, Any], raw: str) -> list[OrderRecord]:
        def understand(payload: Any) -> list[OrderRecord]:
            return _all_of([_read_order(row.model_dump()) for row in _read_orders(payload).orders], raw)

        found: list[OrderRecord] = await self._ask(what, method, params, understand)
        return found

    async def _of_order(self, raw: str, order_id: str) -> list[InverseFill]:
        """The fills of one order, page by page; AskAgain where a page repeats."""

        def understand(payload: Any) -> list[InverseFill]:
            rows = _all_of(_read_coin_fills(payload), raw)
            if any(row.orderId != order_id for row in rows):
                raise ValueError("the fills of another order came")
            return rows

        method = self._link.client.cswap_v1_private_get_trade_allfillorders
        found: dict[str, InverseFill] = {}
        for page in range(1, MOST_PAGES + 1):
            params = {"orderId": order_id, "pageIndex": page, "pageSize": PAGE}
            rows: list[InverseFill] = await self._ask("fills of an order", method, params, understand)
            new = {row.tradeId: row for row in rows if row.tradeId not in found}
            found |= new
            if len(rows) < PAGE:
                return list(found.values())
            if not new:
                raise AskAgain("bingx: fills of an order: a page repeats, so the list may be cut.")
        raise AskAgain(f"bingx: fills of an order: more than {MOST_PAGES} pages.")

    async def funding(self, since_at: int) -> tuple[FundingPayment, ...]:
        """Every funding payment of the configured perpetuals since `since_at`; GiveUp where one settles in a coin, for
        of those the venue tells none, and a part is not the whole."""
        inverse = next((id for id in self._listing.contracts if self._is_inverse(id)), None)
        if inverse is not None:
            raise GiveUp(f"BingX does not tell by API what funding {inverse.symbol} paid or received.")

        async def ask(start: int, end: int) -> list[Income]:
            params = {"incomeType": "FUNDING_FEE", "startTime": start - 1, "endTime": end + 1, "limit": PAGE}
            method = self._link.client.swap_v2_private_get_user_income
            rows: list[Income] = await self._ask("funding", method, params, _payments_in)
            return rows

        rows = await whole("funding", since_at, self._link.venue_now(), PAGE, ask, self._link.clock.sleep)
        once = {(row.tranId, row.symbol): row for row in rows if row.incomeType == "FUNDING_FEE"}
        payments = []
        for row in sorted(once.values(), key=lambda row: (row.time, row.tranId)):
            id = self._listing.contract(row.symbol)
            if id is not None and row.time >= since_at:
                payments.append(payment_of(row, id))
        return tuple(payments)

    def _is_inverse(self, id: InstrumentId) -> bool:
        return self._listing.instruments[id].payoff is Payoff.INVERSE

    async def _ask(
        self, what: str, method: Any, params: dict[str, Any], understand: Understand[Any], lane: Lane = Lane.RECONCILE
    ) -> Any:
        call = partial(method, params)
        return await self._link.asker.need(what, call, understand, host=self._link.hosts[API], lane=lane)


def _payments_in(payload: Any) -> list[Income]:
    """The payments of an answer; of a time without any the venue tells nothing (`null`), and no empty list."""
    return _read_incomes(payload) or []


def _all_of(rows: list[Any], raw: str) -> list[Any]:
    """The rows, if each is about the symbol that was asked for."""
    if any(row.symbol != raw for row in rows):
        raise ValueError(f"another contract's rows came as an answer about {raw}")
    return rows

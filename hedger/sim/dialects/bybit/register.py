"""Every order as Bybit tells it: the exchange's record, with why it was canceled, and orders that only Bybit accepts.

A post-only order that would take is refused by the exchange at once. Bybit accepts it, gives it an id, and cancels it:
such an order is known here only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count

from hedger.model.numeric import ZERO
from hedger.sim.dialects.bybit.names import CATEGORIES, Category, name_of
from hedger.sim.exchange import Exchange
from hedger.sim.liquidation import ADL_AUTOCLOSE, AUTOCLOSE, SETTLEMENT
from hedger.sim.nouns import Listing, News, OrderKind, OrderNews, OrderState, SimOrder, Wallet

FIRST_TURNED_AWAY = 900_000_000_000  # numbers beyond any of the exchange's own orders
FORCED = {AUTOCLOSE: "CreateByLiq", ADL_AUTOCLOSE: "CreateByAdl_PassThrough", SETTLEMENT: "CreateBySettle"}
WOULD_TAKE = "EC_PostOnlyWillTakeLiquidity"
NOTHING_TO_TAKE = "EC_NoImmediateQtyToFill"
IN_FORCE = {OrderKind.LIMIT: "GTC", OrderKind.POST_ONLY: "PostOnly", OrderKind.MARKET: "IOC"}
MOST_ENDED = 500  # orders of a category that are found among the open ones
DEAD = frozenset({OrderState.CANCELED, OrderState.EXPIRED})


@dataclass(slots=True, kw_only=True)
class Record:
    """One order and what Bybit says of it. `value` is what was executed, in what the contract settles in; `sequence`
    counts orders as they came."""

    sequence: int
    order: SimOrder
    listing: Listing
    in_force: str
    price_before: Decimal | None
    created_by: str = "CreateByUser"
    rejected: str = "EC_NoError"
    canceled: str = "UNKNOWN"
    value: Decimal = ZERO
    fees: dict[str, Decimal] = field(default_factory=dict)

    @property
    def category(self) -> Category:
        """The product type."""
        return CATEGORIES[self.listing.wallet]

    @property
    def name(self) -> str:
        """Bybit's name of what is traded."""
        return name_of(self.listing)

    @property
    def open(self) -> bool:
        """Whether it works still."""
        return self.order.state in (OrderState.NEW, OrderState.PARTIALLY_FILLED)

    @property
    def link_id(self) -> str:
        """The client's own id, empty where it sent none or the exchange itself placed the order."""
        link = self.order.client_order_id
        given = self.created_by != "CreateByUser" or link == f"auto-{self.order.order_id}"
        return "" if given else link


Told = Callable[[Record, OrderNews], None]


class Register:
    """All orders by user. Listeners in `told` hear of each change after it is recorded."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._records: dict[str, dict[int, Record]] = {}
        self._open: dict[str, dict[int, Record]] = {}
        self._ended: dict[tuple[str, Category], deque[Record]] = {}
        self._links: dict[tuple[str, Wallet, str], int] = {}
        self._turned_away, self._sequence = count(FIRST_TURNED_AWAY), count(1)
        self.told: list[Told] = []
        # What the order that is placed next says, and why orders are canceled just now.
        self.in_force: str | None = None
        self.cause = "UNKNOWN"
        exchange.subscribe(self._hear)

    # --- lookups --------------------------------------------------------------------------------------------

    def of(self, user: str, category: Category) -> list[Record]:
        """A user's orders of a category, the newest first."""
        return [r for r in reversed(self._records.get(user, {}).values()) if r.category is category]

    def working(self, user: str, category: Category) -> list[Record]:
        """Those that are open, the newest first."""
        return [r for r in reversed(self._open.get(user, {}).values()) if r.category is category]

    def recent(self, user: str, category: Category) -> list[Record]:
        """Those that are open and the last 500 that have ended, the newest first."""
        found = [*self.working(user, category), *self._ended.get((user, category), ())]
        return sorted(found, key=lambda r: r.sequence, reverse=True)

    def find(self, user: str, number: int | None) -> Record | None:
        """An order by the exchange's number."""
        return None if number is None else self._records.get(user, {}).get(number)

    def linked(self, user: str, wallet: Wallet, link_id: str) -> Record | None:
        """An order by the client's own id."""
        return self.find(user, self._links.get((user, wallet, link_id)))

    # --- news -----------------------------------------------------------------------------------------------

    def turn_away(self, draft: SimOrder, listing: Listing, in_force: str, reason: str) -> Record:
        """Accept an order and cancel it at once for a reason; it never was in a book."""
        draft.order_id = next(self._turned_away)
        draft.state = OrderState.CANCELED
        draft.client_order_id = draft.client_order_id or f"auto-{draft.order_id}"
        record = Record(
            sequence=next(self._sequence),
            order=draft,
            listing=listing,
            in_force=in_force,
            price_before=self._price(listing),
            rejected=reason,
        )
        self._keep(record)
        for told in tuple(self.told):
            told(record, OrderNews(order=draft, trade=None, at=self._exchange.now))
        return record

    def _hear(self, news: News) -> None:
        if not isinstance(news, OrderNews):
            return
        record = self.find(news.order.user, news.order.order_id) or self._enter(news)
        if news.trade is not None:
            trade = news.trade
            record.value += record.listing.notional(trade.quantity, trade.price)
            record.fees[trade.fee_asset] = record.fees.get(trade.fee_asset, ZERO) + trade.fee
        elif news.order.state in DEAD:
            self._say_why(record)
        if not record.open:
            self._end(record)
        for told in tuple(self.told):
            told(record, news)

    def _enter(self, news: OrderNews) -> Record:
        order = self._exchange.floor.account(news.order.user).orders[news.order.order_id]
        listing = self._exchange.rules_of(order.wallet, order.symbol)
        created_by = next((by for name, by in FORCED.items() if order.client_order_id.startswith(name)), "CreateByUser")
        in_force, self.in_force = self.in_force or IN_FORCE[order.kind], None
        record = Record(
            sequence=next(self._sequence),
            order=order,
            listing=listing,
            in_force=in_force,
            price_before=self._price(listing),
            created_by=created_by,
        )
        self._keep(record)
        return record

    def _say_why(self, record: Record) -> None:
        """The exchange itself cancels orders that may no longer reduce, and what a taker could not fill."""
        record.canceled = self.cause
        expiry_at = record.listing.expiry_at
        if expiry_at is not None and expiry_at <= self._exchange.now:
            record.canceled = "CancelBySettle"
        if record.order.state is OrderState.EXPIRED and record.order.reduce_only:
            record.canceled = "CancelByReduceOnly"
        elif record.order.state is OrderState.EXPIRED or record.in_force in ("IOC", "FOK"):
            record.rejected = NOTHING_TO_TAKE

    def _keep(self, record: Record) -> None:
        order = record.order
        self._records.setdefault(order.user, {})[order.order_id] = record
        self._open.setdefault(order.user, {})[order.order_id] = record
        if not record.open:
            self._end(record)
        if record.link_id:
            self._links[order.user, order.wallet, order.client_order_id] = order.order_id

    def _end(self, record: Record) -> None:
        """An order works no more; told twice, it counts once."""
        order = record.order
        if self._open.get(order.user, {}).pop(order.order_id, None) is not None:
            self._ended.setdefault((order.user, record.category), deque(maxlen=MOST_ENDED)).append(record)

    def _price(self, listing: Listing) -> Decimal | None:
        best = self._exchange.best(listing.wallet, listing.symbol)
        return best.bid

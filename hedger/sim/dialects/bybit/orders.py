"""The endpoints that create, cancel and find orders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.model.order import Side
from hedger.sim.dialects.bybit.desk import Call, Route, Routes
from hedger.sim.dialects.bybit.ids import Ids
from hedger.sim.dialects.bybit.names import WALLETS, Category, Directory
from hedger.sim.dialects.bybit.notices import Notices
from hedger.sim.dialects.bybit.order_entry import Entry, read_order, within_limits
from hedger.sim.dialects.bybit.order_payloads import order_row, status_of
from hedger.sim.dialects.bybit.pages import page
from hedger.sim.dialects.bybit.params import Params
from hedger.sim.dialects.bybit.refusals import CONTRACTS, SPOT, ApiError, translate
from hedger.sim.dialects.bybit.register import NOTHING_TO_TAKE, WOULD_TAKE, Record, Register
from hedger.sim.dialects.bybit.spans import span
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Listing, Refusal, Refused, SimOrder, Wallet

MOST_OPEN_ORDERS = 500
CANCELED_KEPT_MS = 24 * 3_600_000
DEEP = 1_000


class OrderApi:
    """Orders in front of an exchange."""

    def __init__(
        self, exchange: Exchange, directory: Directory, register: Register, ids: Ids, notices: Notices
    ) -> None:
        self._exchange, self._directory, self._register = exchange, directory, register
        self._ids, self._notices = ids, notices

    def routes(self) -> Routes:
        """(method, path) → route. The limits are those of an account without a VIP level [V]."""
        return {
            ("POST", "/v5/order/create"): Route(handler=self._create, per_second=20),
            ("POST", "/v5/order/cancel"): Route(handler=self._cancel, per_second=20),
            ("POST", "/v5/order/cancel-all"): Route(handler=self._cancel_all, per_second=10),
            ("GET", "/v5/order/realtime"): Route(handler=self._realtime, per_second=50),
            ("GET", "/v5/order/history"): Route(handler=self._history, per_second=50),
        }

    # --- placing --------------------------------------------------------------------------------------------

    def _create(self, call: Call) -> Mapping[str, object]:
        category, name = call.params.category(), call.params.text("symbol")
        if category is Category.OPTION:
            self._directory.find_option(name)
            raise ApiError(110066, "Trading is currently not allowed.")
        listing = self._directory.find(category, name)
        self._check_open(name, category)
        best = self._exchange.best(listing.wallet, listing.symbol)
        entry = read_order(call.params, category, listing, best)
        if category is not Category.SPOT:
            entry = within_limits(entry, listing, self._exchange.premium(listing.symbol).mark_price)
        self._check_link_id(call.user, listing.wallet, entry.link_id)
        if len(self._exchange.open_orders(call.user, listing.wallet, listing.symbol)) >= MOST_OPEN_ORDERS:
            raise ApiError(110020, f"You can not have more than {MOST_OPEN_ORDERS} active orders.")
        record = self._accept(call.user, listing, entry)
        return {"orderId": self._ids.order(category, record.order.order_id), "orderLinkId": record.link_id}

    def _check_open(self, name: str, category: Category) -> None:
        status = self._notices.status(name) if category is not Category.SPOT else "Trading"
        if not status:
            raise ApiError(10001, f"params error: symbol invalid {name}")
        if status != "Trading":
            raise ApiError(110074, "This contract is not live")  # [V]

    def _check_link_id(self, user: str, wallet: Wallet, link_id: str) -> None:
        """A client's own id is unique for ever, not among open orders only."""
        if link_id and self._register.linked(user, wallet, link_id) is not None:
            self._exchange.floor.account(user).duplicate_client_ids += 1
            raise translate(Refused(Refusal.DUPLICATE_CLIENT_ID), SPOT if wallet is Wallet.SPOT else CONTRACTS)

    def _accept(self, user: str, listing: Listing, entry: Entry) -> Record:
        """Place the order; one that Bybit accepts and cancels at once becomes a record of that."""
        if entry.in_force == "FOK" and self._reachable(listing, entry) < entry.quantity:
            return self._turn_away(user, listing, entry, NOTHING_TO_TAKE)
        self._register.in_force = entry.in_force
        try:
            order = self._place(user, listing, entry)
        except Refused as refused:
            if refused.refusal is Refusal.WOULD_CROSS and listing.wallet is not Wallet.SPOT:
                return self._turn_away(user, listing, entry, WOULD_TAKE)
            raise self._worded(refused, listing, entry) from refused
        finally:
            self._register.in_force = None
        record = self._register.find(user, order.order_id)
        assert record is not None, "the register has heard of every order"
        if record.open and entry.in_force in ("IOC", "FOK"):
            self._exchange.cancel(user, listing.wallet, listing.symbol, order_id=order.order_id)
        return record

    def _place(self, user: str, listing: Listing, entry: Entry) -> SimOrder:
        return self._exchange.place(
            user,
            listing.wallet,
            listing.symbol,
            side=entry.side,
            kind=entry.kind,
            quantity=entry.quantity,
            price=entry.price,
            reduce_only=entry.reduce_only,
            client_order_id=entry.link_id,
        )

    def _reachable(self, listing: Listing, entry: Entry) -> Decimal:
        """How much of the book an order could take at once."""
        bids, asks = self._exchange.depth(listing.wallet, listing.symbol, DEEP)
        if entry.side is Side.BUY:
            return sum((q for p, q in asks if entry.price is None or p <= entry.price), ZERO)
        return sum((q for p, q in bids if entry.price is None or p >= entry.price), ZERO)

    def _turn_away(self, user: str, listing: Listing, entry: Entry, reason: str) -> Record:
        now = self._exchange.now
        draft = SimOrder(
            user=user,
            wallet=listing.wallet,
            symbol=listing.symbol,
            order_id=0,
            client_order_id=entry.link_id,
            side=entry.side,
            kind=entry.kind,
            quantity=entry.quantity,
            price=entry.price or ZERO,
            reduce_only=entry.reduce_only,
            created_at=now,
            updated_at=now,
        )
        return self._register.turn_away(draft, listing, entry.in_force, reason)

    def _worded(self, refused: Refused, listing: Listing, entry: Entry) -> ApiError:
        words = SPOT if listing.wallet is Wallet.SPOT else CONTRACTS
        detail: object = ""
        if refused.refusal is Refusal.NOTIONAL:
            detail = f"{listing.min_notional}{listing.quote}"
        elif refused.refusal is Refusal.QUANTITY:
            detail = "too small" if entry.quantity < listing.min_quantity else "too large"
        return translate(refused, words, detail)

    # --- canceling ------------------------------------------------------------------------------------------

    def _cancel(self, call: Call) -> Mapping[str, object]:
        category = call.params.category()
        record = self._named(call, category)
        if record is None or not record.open or record.name != call.params.text("symbol"):
            words = SPOT if category is Category.SPOT else CONTRACTS
            raise translate(Refused(Refusal.UNKNOWN_ORDER), words)
        self._end(record)
        return self._ids_of(record)

    def _named(self, call: Call, category: Category) -> Record | None:
        """The order that `orderId` names, else `orderLinkId`; one of them is mandatory."""
        params = call.params
        order_id, link_id = params.optional("orderId"), params.optional("orderLinkId")
        if order_id is None and link_id is None:
            raise ApiError(10001, "params error: orderId or orderLinkId is required")
        if category is Category.OPTION:
            return None
        return self._sought(call.user, category, order_id, link_id)

    def _sought(self, user: str, category: Category, order_id: str | None, link_id: str | None) -> Record | None:
        if order_id is not None:
            found = self._register.find(user, self._ids.order_number(order_id))
            return found if found is not None and found.category is category else None
        return self._register.linked(user, WALLETS[category], link_id or "")

    def _cancel_all(self, call: Call) -> Mapping[str, object]:
        category = call.params.category()
        if category is Category.LINEAR:
            _demand_scope(call.params)
        canceled = list(filter(_within(call.params), self._register.working(call.user, category)))
        for record in canceled:
            self._end(record)
        return {"list": [self._ids_of(record) for record in canceled], "success": "1"}

    def _end(self, record: Record) -> None:
        order = record.order
        self._register.cause = "CancelByUser"
        try:
            self._exchange.cancel(order.user, order.wallet, order.symbol, order_id=order.order_id)
        finally:
            self._register.cause = "UNKNOWN"

    def _ids_of(self, record: Record) -> Mapping[str, object]:
        return {"orderId": self._ids.order(record.category, record.order.order_id), "orderLinkId": record.link_id}

    # --- finding --------------------------------------------------------------------------------------------

    def _realtime(self, call: Call) -> Mapping[str, object]:
        """Open orders; with `openOnly` 1, or where an order is named, also those of the last 500 that have ended."""
        category, params = call.params.category(), call.params
        order_id, link_id = params.optional("orderId"), params.optional("orderLinkId")
        if category is Category.LINEAR:
            _demand_scope(params)
        ended = (params.integer("openOnly") or 0) != 0
        if order_id is not None or link_id is not None:
            found = self._sought(call.user, category, order_id, link_id) if category is not Category.OPTION else None
            records = [record for record in self._register.recent(call.user, category) if record is found]
        else:
            register = self._register
            records = register.recent(call.user, category) if ended else register.working(call.user, category)
        return self._listed(category, list(filter(_within(params), records)), params)

    def _history(self, call: Call) -> Mapping[str, object]:
        """Orders that have ended, of seven days; canceled ones without a fill are kept for a day."""
        category, params, now = call.params.category(), call.params, self._exchange.now
        since_at, until_at = span(params, now)
        rows = [r for r in self._register.of(call.user, category) if not r.open]
        rows = [r for r in filter(_within(params), rows) if since_at <= r.order.created_at <= until_at]
        rows = [r for r in rows if r.order.filled or now - r.order.updated_at <= CANCELED_KEPT_MS]
        order_id, link_id, status = (params.optional(name) for name in ("orderId", "orderLinkId", "orderStatus"))
        if order_id is not None or link_id is not None:
            found = self._sought(call.user, category, order_id, link_id) if category is not Category.OPTION else None
            rows = [record for record in rows if record is found]
        return self._listed(category, [r for r in rows if status in (None, status_of(r))], params)

    def _listed(self, category: Category, records: list[Record], params: Params) -> Mapping[str, object]:
        records, cursor = page(records, lambda r: r.sequence, params.limit(20, 50), params.optional("cursor"))
        rows = [order_row(record, self._ids) for record in records]
        return {"nextPageCursor": cursor, "category": category.value, "list": rows}


def _demand_scope(params: Params) -> None:
    if not any(params.optional(name) for name in ("symbol", "settleCoin", "baseCoin")):
        text = "Missing some parameters that must be filled in, symbol or settleCoin or baseCoin"
        raise ApiError(10001, text)


def _within(params: Params) -> Callable[[Record], bool]:
    """Whether an order is of what was asked for."""
    symbol, settle, coin = (params.optional(name) for name in ("symbol", "settleCoin", "baseCoin"))
    return lambda record: (
        (symbol is None or symbol == record.name)
        and (settle is None or settle == record.listing.settle)
        and (coin is None or coin == record.listing.base)
    )

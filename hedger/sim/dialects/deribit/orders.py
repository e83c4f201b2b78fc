"""Deribit's trading methods: buy, sell, and all ways to cancel and to look up. Labels may repeat: none is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hedger.model.order import Side
from hedger.sim.dialects.deribit.figures import figure
from hedger.sim.dialects.deribit.naming import KINDS, Catalogue, belongs, quantity_of
from hedger.sim.dialects.deribit.notes import Notes, is_delivery, number_of, order_id_of
from hedger.sim.dialects.deribit.order_entry import Entry, read_entry
from hedger.sim.dialects.deribit.order_payloads import OrderPayloads
from hedger.sim.dialects.deribit.purse import Purse
from hedger.sim.dialects.deribit.quotes import FURTHEST, MARK_GRID, Quotes
from hedger.sim.dialects.deribit.refusals import RpcError, invalid
from hedger.sim.dialects.deribit.rpc import Call, Method, Methods
from hedger.sim.dialects.reach import within_reach
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Listing, SimOrder, Wallet

KEPT_MS = 30 * 60_000  # how long a final order is found without asking for history
READ, WRITE = ("trade", "read"), ("trade", "read_write")


class OrdersApi:
    """Orders of who has signed in."""

    def __init__(
        self,
        exchange: Exchange,
        catalogue: Catalogue,
        quotes: Quotes,
        notes: Notes,
        purse: Purse,
        payloads: OrderPayloads,
    ) -> None:
        self._exchange, self._catalogue, self._quotes = exchange, catalogue, quotes
        self._notes, self._purse, self._payloads = notes, purse, payloads

    def methods(self) -> Methods:
        """By name."""
        writing = {
            "private/buy": lambda call: self._create(call, Side.BUY),
            "private/sell": lambda call: self._create(call, Side.SELL),
            "private/cancel": self._cancel,
            "private/cancel_all": self._cancel_all,
            "private/cancel_all_by_currency": self._cancel_by_currency,
            "private/cancel_all_by_instrument": self._cancel_by_instrument,
            "private/cancel_by_label": self._cancel_by_label,
        }
        reading = {
            "private/get_open_orders": self._open,
            "private/get_open_orders_by_currency": self._open_by_currency,
            "private/get_open_orders_by_instrument": self._open_by_instrument,
            "private/get_open_orders_by_label": self._open_by_label,
            "private/get_order_state": self._state,
            "private/get_order_state_by_label": self._state_by_label,
            "private/get_margins": self._margins,
        }
        return {name: Method(handler=handler, scope=WRITE, engine=True) for name, handler in writing.items()} | {
            name: Method(handler=handler, scope=READ) for name, handler in reading.items()
        }

    # --- creating -------------------------------------------------------------------------------------------

    def _create(self, call: Call, side: Side) -> object:
        listing = self._catalogue.find_listing(call.params.text("instrument_name"))
        entry = read_entry(call.params, listing, self._exchange.now)
        entry = self._off_the_spread(self._within_limits(entry, listing, side), listing, side)
        order = self._place(call.user, listing, side, entry)
        if call.connection is not None:
            call.connection.orders.add(order.order_id)
        if entry.note.immediate and self._is_working(order):
            self._exchange.cancel(call.user, order.wallet, order.symbol, order_id=order.order_id)
        trades = [self._payloads.trade(trade) for trade in self._payloads.trades_of(order)]
        return {"order": self._payloads.order(order), "trades": trades}

    def _place(self, user: str, listing: Listing, side: Side, entry: Entry) -> SimOrder:
        spot = listing.wallet is Wallet.SPOT
        if spot:
            self._purse.lay_out(user, listing, side, entry.quantity, entry.price)
        try:
            return self._exchange.place(
                user,
                listing.wallet,
                listing.symbol,
                side=side,
                kind=entry.kind,
                quantity=entry.quantity,
                price=entry.price,
                reduce_only=entry.reduce_only,
                client_order_id=self._notes.write(user, listing.wallet, entry.note),
            )
        finally:
            if spot:
                self._purse.gather(user)

    def _within_limits(self, entry: Entry, listing: Listing, side: Side) -> Entry:
        """A price of a future beyond `max_price` or `min_price` is moved there, without a word."""
        if entry.price is None or listing.wallet is Wallet.SPOT:
            return entry
        price = within_reach(entry.price, side, listing, self._quotes.mark(listing), FURTHEST)
        return replace(entry, price=price)

    def _off_the_spread(self, entry: Entry, listing: Listing, side: Side) -> Entry:
        """Post-only that would take is moved to the best price that does not, unless it is to be refused."""
        best = self._exchange.best(listing.wallet, listing.symbol)
        opposite = best.ask if side is Side.BUY else best.bid
        if not entry.repriced or entry.price is None or opposite is None:
            return entry
        if side.sign * (entry.price - opposite) < 0:
            return entry
        return replace(entry, price=opposite - side.sign * listing.tick_size)

    # --- canceling ------------------------------------------------------------------------------------------

    def _cancel(self, call: Call) -> object:
        order = self._found(call)
        if not self._is_working(order):
            raise RpcError(11044, "not_open_order")
        self._exchange.cancel(call.user, order.wallet, order.symbol, order_id=order.order_id)
        return self._payloads.order(order)

    def _cancel_all(self, call: Call) -> object:
        return self._cancel_each(self._working(call.user))

    def _cancel_by_currency(self, call: Call) -> object:
        return self._cancel_each(self._working_in(call))

    def _cancel_by_instrument(self, call: Call) -> object:
        listing = self._catalogue.find_listing(call.params.text("instrument_name"))
        return self._cancel_each(self._exchange.open_orders(call.user, listing.wallet, listing.symbol))

    def _cancel_by_label(self, call: Call) -> object:
        return self._cancel_each(filter(self._is_working, self._labelled(call)))

    def _cancel_each(self, orders: Iterable[SimOrder]) -> int:
        """How many orders went."""
        going = list(orders)
        for order in going:
            self._exchange.cancel(order.user, order.wallet, order.symbol, order_id=order.order_id)
        return len(going)

    # --- looking up -----------------------------------------------------------------------------------------

    def _open(self, call: Call) -> object:
        return [self._payloads.order(order) for order in self._working(call.user)]

    def _open_by_currency(self, call: Call) -> object:
        return [self._payloads.order(order) for order in self._working_in(call)]

    def _open_by_instrument(self, call: Call) -> object:
        listing = self._catalogue.find(call.params.text("instrument_name"))
        orders = self._exchange.open_orders(call.user, listing.wallet, listing.symbol)
        return [self._payloads.order(order) for order in orders]

    def _open_by_label(self, call: Call) -> object:
        return [self._payloads.order(order) for order in filter(self._is_working, self._labelled(call))]

    def _state(self, call: Call) -> object:
        return self._payloads.order(self._found(call))

    def _state_by_label(self, call: Call) -> object:
        """Every order that bears the label, working or final, while it is kept."""
        return [self._payloads.order(order) for order in filter(self._is_kept, self._labelled(call))]

    def _margins(self, call: Call) -> object:
        listing = self._catalogue.find_listing(call.params.text("instrument_name"))
        amount, price = call.params.decimal("amount"), call.params.decimal("price")
        if amount is None or price is None or price <= 0:
            raise invalid("price" if amount is not None else "amount", "is required")
        worth = listing.notional(quantity_of(listing, amount), price)
        leverage = self._exchange.floor.account(call.user).leverage_of(listing.symbol)
        margin, mark = figure(worth / leverage), self._quotes.mark(listing)
        low, high = ((mark * factor).quantize(MARK_GRID) for factor in (1 - FURTHEST, 1 + FURTHEST))
        return {"buy": margin, "sell": margin, "min_price": figure(low), "max_price": figure(high)}

    def _found(self, call: Call) -> SimOrder:
        """The order of `order_id`; raises 10004."""
        asked = call.params.text("order_id")
        order = self._exchange.floor.account(call.user).orders.get(number_of(asked))
        if order is None or is_delivery(order) or not self._is_kept(order):
            raise RpcError(10004, "order_not_found")
        if order_id_of(self._catalogue.of(order.wallet, order.symbol), order.order_id) != asked:
            raise RpcError(10004, "order_not_found")
        return order

    def _is_working(self, order: SimOrder) -> bool:
        return order.order_id in self._exchange.floor.account(order.user).working

    def _is_kept(self, order: SimOrder) -> bool:
        return self._is_working(order) or self._exchange.now - order.updated_at <= KEPT_MS

    def _working(self, user: str) -> list[SimOrder]:
        return list(self._exchange.floor.account(user).working.values())

    def _working_in(self, call: Call) -> list[SimOrder]:
        currency = self._catalogue.currency(call.params.text("currency"))
        kind = call.params.choice("kind", KINDS, "any")
        return [o for o in self._working(call.user) if belongs(self._listing(o), currency, kind)]

    def _labelled(self, call: Call) -> list[SimOrder]:
        label, currency = call.params.text("label"), call.params.optional("currency") or "any"
        if currency != "any":
            self._catalogue.currency(currency)
        return [o for o in self._notes.labelled(call.user, label) if belongs(self._listing(o), currency)]

    def _listing(self, order: SimOrder) -> Listing:
        return self._catalogue.of(order.wallet, order.symbol)

"""Orders and trades as Deribit tells them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hedger.model.instrument import Payoff
from hedger.model.numeric import ZERO
from hedger.sim.dialects.deribit.catalogue import contract_size
from hedger.sim.dialects.deribit.figures import figure
from hedger.sim.dialects.deribit.naming import Catalogue, amount_of, name_of
from hedger.sim.dialects.deribit.notes import FORCED, Notes, filled_of, is_liquidation, order_id_of, prefix_of
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Listing, OrderKind, OrderState, SimOrder, UserTrade

STATES = {
    OrderState.NEW: "open",
    OrderState.PARTIALLY_FILLED: "open",
    OrderState.FILLED: "filled",
    OrderState.CANCELED: "cancelled",
    OrderState.EXPIRED: "cancelled",
}
ALL = 1_000_000


class OrderPayloads:
    """Makes the bodies; everything is as of now but what an order's own record says."""

    def __init__(self, exchange: Exchange, catalogue: Catalogue, notes: Notes) -> None:
        self._exchange, self._catalogue, self._notes = exchange, catalogue, notes

    def order(self, order: SimOrder) -> Body:
        """One order."""
        listing, note = self._catalogue.of(order.wallet, order.symbol), self._notes.of(order)
        trades = self.trades_of(order)
        market = order.kind is OrderKind.MARKET
        body: Body = {
            "order_id": order_id_of(listing, order.order_id),
            "instrument_name": name_of(listing),
            "label": note.label,
            "direction": order.side.value,
            "order_state": STATES[order.state],
            "order_type": "market" if market else "limit",
            "time_in_force": "immediate_or_cancel" if note.immediate else "good_til_cancelled",
            "price": "market_price" if market else figure(order.price),
            "amount": figure(amount_of(listing, order.quantity)),
            "contracts": figure(amount_of(listing, order.quantity) / contract_size(listing)),
            "max_show": figure(amount_of(listing, order.quantity)),
            "filled_amount": figure(filled_of(listing, order)),
            "average_price": figure(average_price(listing, trades)),
            "post_only": order.kind is OrderKind.POST_ONLY,
            "reduce_only": order.reduce_only,
            "creation_timestamp": order.created_at,
            "last_update_timestamp": order.updated_at,
            "commission": figure(sum((trade.fee for trade in trades), ZERO)),
            "profit_loss": figure(sum((trade.realized_pnl for trade in trades), ZERO)),
            "is_liquidation": is_liquidation(order),
            "is_rebalance": False,
            "replaced": False,
            "risk_reducing": False,
            "mmp": False,
            "web": False,
            "api": not order.client_order_id.startswith(FORCED),
        }
        if order.kind is OrderKind.POST_ONLY:
            body["reject_post_only"] = note.reject_post_only
        if order.state is OrderState.CANCELED:
            body["cancel_reason"] = "user_request"
        elif order.state is OrderState.EXPIRED:
            body["cancel_reason"] = "reduce_only" if order.reduce_only else "immediate_or_cancel"
        return body

    def trade(self, trade: UserTrade) -> Body:
        """One execution."""
        listing = self._catalogue.of(trade.wallet, trade.symbol)
        order = self._exchange.find_order(trade.user, trade.wallet, trade.symbol, order_id=trade.order_id)
        moment = self._notes.moment(trade)
        body: Body = {
            "trade_id": f"{prefix_of(listing)}-{trade.trade_id}",
            "trade_seq": trade.trade_id,
            "timestamp": trade.at,
            "instrument_name": name_of(listing),
            "order_id": order_id_of(listing, trade.order_id),
            "label": self._notes.of(order).label,
            "direction": trade.side.value,
            "price": figure(trade.price),
            "amount": figure(amount_of(listing, trade.quantity)),
            "contracts": figure(amount_of(listing, trade.quantity) / contract_size(listing)),
            "fee": figure(trade.fee),
            "fee_currency": trade.fee_asset,
            "liquidity": "M" if trade.maker else "T",
            "profit_loss": figure(trade.realized_pnl),
            "order_type": "market" if order.kind is OrderKind.MARKET else "limit",
            "state": STATES[order.state],
            "post_only": order.kind is OrderKind.POST_ONLY,
            "reduce_only": order.reduce_only,
            "mark_price": figure(moment.mark_price),
            "index_price": figure(moment.index_price),
            "matching_id": None,
            "self_trade": False,
            "tick_direction": 0,
            "risk_reducing": False,
            "mmp": False,
            "api": not order.client_order_id.startswith(FORCED),
        }
        return body | ({"liquidation": "T"} if is_liquidation(trade) else {})

    def trades_of(self, order: SimOrder) -> list[UserTrade]:
        """The executions of one order, oldest first."""
        if not order.filled:
            return []
        found = self._exchange.trades(order.user, order.wallet, order.symbol, since_at=order.created_at, limit=ALL)
        return [trade for trade in found if trade.order_id == order.order_id]


def average_price(listing: Listing, trades: Sequence[UserTrade]) -> Decimal:
    """The average price of executions, harmonic for an inverse contract; 0 of none."""
    quantity = sum((trade.quantity for trade in trades), ZERO)
    if not quantity:
        return ZERO
    if listing.payoff is Payoff.INVERSE:
        return quantity / sum((trade.quantity / trade.price for trade in trades), ZERO)
    return sum((trade.quantity * trade.price for trade in trades), ZERO) / quantity

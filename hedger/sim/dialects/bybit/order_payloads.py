"""Orders in Bybit's form: the row of REST lists and of the private stream."""

from __future__ import annotations

from decimal import Decimal

from hedger.model.order import Side
from hedger.sim.dialects.bybit.digits import on_grid, plain
from hedger.sim.dialects.bybit.ids import Ids
from hedger.sim.dialects.bybit.names import Category
from hedger.sim.dialects.bybit.register import DEAD, Record
from hedger.sim.dialects.requests import Body
from hedger.sim.nouns import OrderKind, OrderState

SIDES = {Side.BUY: "Buy", Side.SELL: "Sell"}
STATUSES = {
    OrderState.NEW: "New",
    OrderState.PARTIALLY_FILLED: "PartiallyFilled",
    OrderState.FILLED: "Filled",
    OrderState.CANCELED: "Cancelled",
    OrderState.EXPIRED: "Cancelled",
}


def order_row(record: Record, ids: Ids) -> Body:
    """One order. A spot order has neither a position index nor the words of take-profit orders."""
    order, listing = record.order, record.listing
    price, lot = listing.tick_size, listing.lot_size
    row: Body = {
        "symbol": record.name,
        "orderType": "Market" if order.kind is OrderKind.MARKET else "Limit",
        "orderLinkId": record.link_id,
        "slLimitPrice": "0",
        "orderId": ids.order(record.category, order.order_id),
        "cancelType": record.canceled,
        "avgPrice": on_grid(_average(record), price) if order.filled else "",
        "stopOrderType": "",
        "lastPriceOnCreated": on_grid(record.price_before, price) if record.price_before is not None else "",
        "orderStatus": status_of(record),
        "createType": record.created_by,
        "takeProfit": "",
        "cumExecValue": plain(record.value),
        "smpType": "None",
        "triggerDirection": 0,
        "blockTradeId": "",
        "cumFeeDetail": {asset: plain(fee) for asset, fee in record.fees.items()},
        "rejectReason": record.rejected,
        "isLeverage": "0" if record.category is Category.SPOT else "",
        "price": on_grid(order.price, price),
        "orderIv": "",
        "createdTime": str(order.created_at),
        "tpTriggerBy": "",
        "positionIdx": 0,
        "timeInForce": record.in_force,
        "leavesValue": plain(_left(record) * order.price),
        "updatedTime": str(order.updated_at),
        "side": SIDES[order.side],
        "smpGroup": 0,
        "triggerPrice": "",
        "tpLimitPrice": "0",
        "cumExecFee": plain(sum(record.fees.values(), Decimal(0))),
        "slTriggerBy": "",
        "leavesQty": on_grid(_left(record), lot),
        "closeOnTrigger": False,
        "slippageToleranceType": "UNKNOWN",
        "placeType": "",
        "cumExecQty": on_grid(order.filled, lot),
        "reduceOnly": order.reduce_only,
        "qty": on_grid(order.quantity, lot),
        "stopLoss": "",
        "smpOrderId": "",
        "slippageTolerance": "0",
        "triggerBy": "",
        "extraFees": "",
    }
    if record.category is Category.SPOT:
        return row | {"marketUnit": "baseCoin" if order.kind is OrderKind.MARKET else "", "ocoTriggerBy": ""}
    return row | {"tpslMode": ""}


def order_frame(record: Record, ids: Ids) -> Body:
    """The same as the private stream tells it."""
    fee_coin = next(iter(record.fees), "")
    return {"category": record.category.value, **order_row(record, ids), "closedPnl": "0", "feeCurrency": fee_coin}


def status_of(record: Record) -> str:
    """Bybit's word; on spot a canceled order that was partly filled has one of its own."""
    order = record.order
    if record.category is Category.SPOT and order.state in DEAD and order.filled:
        return "PartiallyFilledCanceled"
    return STATUSES[order.state]


def _left(record: Record) -> Decimal:
    """What is still to be executed: nothing of an order that has ended."""
    return record.order.quantity - record.order.filled if record.open else Decimal(0)


def _average(record: Record) -> Decimal:
    """The average price of what was executed."""
    order, listing = record.order, record.listing
    if record.category is Category.INVERSE:
        return order.filled * listing.contract_multiplier / record.value
    return record.value / order.filled

"""Executions, funding payments and lines of the transaction log in Bybit's form."""

from __future__ import annotations

from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.sim.dialects.bybit.digits import on_grid, plain
from hedger.sim.dialects.bybit.ids import Ids
from hedger.sim.dialects.bybit.journal import Execution, Move, given_coin
from hedger.sim.dialects.bybit.names import Category
from hedger.sim.dialects.bybit.order_payloads import SIDES
from hedger.sim.dialects.requests import Body
from hedger.sim.nouns import OrderKind, UserTrade

LOG_WORDS = {"BustTrade": "LIQUIDATION", "AdlTrade": "ADL", "Delivery": "DELIVERY", "Settle": "DELIVERY"}


def execution_row(execution: Execution, ids: Ids) -> Body:
    """One execution. Of a funding payment `execFee` is what was paid, negative for what was received."""
    if execution.funding is not None:
        return _funding_row(execution, ids)
    trade, record, listing = execution.trade, execution.record, execution.listing
    assert trade is not None, "what is not funding is a trade"
    assert record is not None, "a trade has an order"
    price, lot, order = listing.tick_size, listing.lot_size, record.order
    return {
        "symbol": execution.name,
        "orderType": "Market" if order.kind is OrderKind.MARKET else "Limit",
        "underlyingPrice": "",
        "orderLinkId": record.link_id,
        "orderId": ids.order(execution.category, trade.order_id),
        "stopOrderType": "UNKNOWN",
        "execTime": str(trade.at),
        "feeCurrency": trade.fee_asset,
        "createType": record.created_by,
        "feeRate": plain(fee_rate(execution, trade)),
        "tradeIv": "",
        "blockTradeId": "",
        "markPrice": on_grid(execution.mark, price) if execution.mark is not None else "",
        "execPrice": plain(trade.price),
        "markIv": "",
        "orderQty": on_grid(order.quantity, lot),
        "orderPrice": on_grid(order.price, price),
        "execValue": plain(listing.notional(trade.quantity, trade.price)),
        "closedSize": on_grid(_closed(execution, trade), lot),
        "execType": execution.kind,
        "seq": execution.sequence,
        "side": SIDES[trade.side],
        "indexPrice": "",
        "leavesQty": on_grid(execution.left, lot),
        "isMaker": trade.maker,
        "execFee": plain(trade.fee),
        "execFeeV2": "",
        "execId": ids.execution(execution.category, trade.trade_id),
        "marketUnit": "",
        "execQty": on_grid(trade.quantity, lot),
        "extraFees": "",
    }


def execution_frame(execution: Execution, ids: Ids) -> Body:
    """The same as the private stream tells it."""
    trade = execution.trade
    assert trade is not None, "funding is not streamed as an execution of an order"
    row = execution_row(execution, ids)
    more = {"isLeverage": "0", "execPnl": plain(trade.realized_pnl), "feeCoin": trade.fee_asset, "extraFees": []}
    return {"category": execution.category.value, **row, **more}


def fee_rate(execution: Execution, trade: UserTrade) -> Decimal:
    """What a trade cost, as a fraction of its value or, on spot, of what was received."""
    worth = execution.listing.notional(trade.quantity, trade.price)
    if execution.category is Category.SPOT and trade.fee_asset == execution.listing.base:
        worth = trade.quantity
    return (trade.fee / worth).quantize(Decimal("0.000001")) if worth else ZERO


def _closed(execution: Execution, trade: UserTrade) -> Decimal:
    """How much of a trade reduced the position that was held."""
    reduces = execution.held * trade.side.sign < 0
    return min(abs(execution.held), trade.quantity) if reduces else ZERO


def _funding_row(execution: Execution, ids: Ids) -> Body:
    record, listing = execution.funding, execution.listing
    assert record is not None, "only a payment has such a row"
    assert execution.mark is not None, "a payment is of a perpetual"
    lot, tick, quantity = listing.lot_size, listing.tick_size, abs(execution.held)
    return {
        "symbol": execution.name,
        "orderType": "UNKNOWN",
        "underlyingPrice": "",
        "orderLinkId": "",
        "orderId": ids.other(record.payment_id),
        "stopOrderType": "UNKNOWN",
        "execTime": str(record.at),
        "feeCurrency": "",
        "createType": "",
        "feeRate": plain(record.rate),
        "tradeIv": "",
        "blockTradeId": "",
        "markPrice": on_grid(execution.mark, tick),
        "execPrice": on_grid(execution.mark, tick),
        "markIv": "",
        "orderQty": "0",
        "orderPrice": "0",
        "execValue": plain(listing.notional(quantity, execution.mark)),
        "closedSize": "0",
        "execType": "Funding",
        "seq": execution.sequence,
        "side": "Buy" if execution.held > 0 else "Sell",
        "indexPrice": "",
        "leavesQty": "0",
        "isMaker": False,
        "execFee": plain(-record.amount),
        "execFeeV2": "",
        "execId": ids.other(record.payment_id),
        "marketUnit": "",
        "execQty": on_grid(quantity, lot),
        "extraFees": "",
    }


def log_row(execution: Execution, ids: Ids) -> Body:
    """A line of the transaction log: `change` = `cashFlow` + `funding` − `fee`. Received funding is positive; of a spot
    trade it is the line of the coin that was received."""
    trade, paid, record = execution.trade, execution.funding, execution.record
    lot = execution.listing.lot_size
    line = _line(ids.other(execution.sequence), execution.at) | {
        "symbol": execution.name,
        "category": execution.category.value,
        "cashBalance": plain(execution.balance),
    }
    if paid is not None:
        return line | {
            "id": ids.other(paid.payment_id),
            "side": "Buy" if execution.held > 0 else "Sell",
            "type": "SETTLEMENT",
            "qty": on_grid(abs(execution.held), lot),
            "size": on_grid(execution.held, lot),
            "currency": paid.asset,
            "tradePrice": plain(execution.mark or ZERO),
            "funding": plain(paid.amount),
            "change": plain(paid.amount),
            "feeRate": plain(paid.rate),
            "tradeId": ids.other(paid.payment_id),
        }
    assert trade is not None, "what is not funding is a trade"
    assert record is not None, "a trade has an order"
    line |= {
        "side": SIDES[trade.side],
        "type": LOG_WORDS.get(execution.kind, "TRADE"),
        "tradePrice": plain(trade.price),
        "tradeId": ids.execution(execution.category, trade.trade_id),
        "orderId": ids.order(execution.category, trade.order_id),
        "orderLinkId": record.link_id,
    }
    if execution.category is Category.SPOT:
        received = _received(execution, trade)
        return line | _change(trade.fee_asset, received, trade.fee) | {"qty": plain(received), "size": "0"}
    return line | {
        **_change(execution.listing.settle, trade.realized_pnl, trade.fee),
        "qty": on_grid(trade.quantity, lot),
        "size": on_grid(execution.held + trade.side.sign * trade.quantity, lot),
        "feeRate": plain(fee_rate(execution, trade)),
    }


def given_row(execution: Execution, ids: Ids) -> Body:
    """The other line of a spot trade: the coin that was given away, without a fee."""
    trade, listing = execution.trade, execution.listing
    assert trade is not None, "spot pays no funding"
    worth = listing.notional(trade.quantity, trade.price)
    given = worth if trade.fee_asset == listing.base else trade.quantity
    return log_row(execution, ids) | {
        "id": f"{ids.other(execution.sequence)}-1",
        **_change(given_coin(listing, trade), -given, ZERO),
        "qty": plain(-given),
        "cashBalance": plain(execution.balance_given),
    }


def _change(coin: str, flow: Decimal, fee: Decimal) -> Body:
    return {"currency": coin, "cashFlow": plain(flow), "fee": plain(fee), "change": plain(flow - fee)}


def _received(execution: Execution, trade: UserTrade) -> Decimal:
    """What came in of the coin that the fee was taken from."""
    bought = trade.fee_asset == execution.listing.base
    return trade.quantity if bought else execution.listing.notional(trade.quantity, trade.price)


def move_row(move: Move, ids: Ids) -> Body:
    """A line for money that came or went."""
    return _line(ids.other(move.sequence), move.at) | {
        "type": move.kind,
        "currency": move.coin,
        "cashFlow": plain(move.change),
        "change": plain(move.change),
        "cashBalance": plain(move.balance),
    }


def _line(id: str, at: int) -> Body:
    return {
        "id": id,
        "symbol": "",
        "category": "",
        "side": "None",
        "transactionTime": str(at),
        "type": "",
        "transSubType": "",
        "qty": "0",
        "size": "0",
        "currency": "",
        "tradePrice": "0",
        "funding": "",
        "fee": "0",
        "cashFlow": "0",
        "change": "0",
        "cashBalance": "0",
        "feeRate": "",
        "bonusChange": "",
        "tradeId": "",
        "orderId": "",
        "orderLinkId": "",
        "extraFees": "",
    }

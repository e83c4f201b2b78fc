"""What an order says: the parameters of a create, checked as Bybit checks them before the exchange sees them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal

from hedger.model.numeric import floor_to
from hedger.model.order import Side
from hedger.sim.dialects.bybit.names import Category
from hedger.sim.dialects.bybit.params import Params
from hedger.sim.dialects.bybit.refusals import ApiError
from hedger.sim.dialects.reach import within_reach
from hedger.sim.nouns import BestPrices, Listing, OrderKind

SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}
TYPES = {"Limit": OrderKind.LIMIT, "Market": OrderKind.MARKET}
IN_FORCE = ("GTC", "IOC", "FOK", "PostOnly")
PRICE_LIMIT = Decimal("0.1")  # how far beyond the mark a limit order may reach
_LINK_ID = re.compile(r"[0-9A-Za-z_-]{1,36}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An order that is well formed. Quantities are in units of the listing; a market order has no price."""

    side: Side
    kind: OrderKind
    quantity: Decimal
    price: Decimal | None
    in_force: str
    reduce_only: bool
    link_id: str


def read_order(params: Params, category: Category, listing: Listing, best: BestPrices) -> Entry:
    """The order of a create; raises 10001 and its kind."""
    side, kind = SIDES[params.choice("side", SIDES)], TYPES[params.choice("orderType", TYPES)]
    _refuse_what_is_not_modelled(params)
    if category is not Category.SPOT and (params.integer("positionIdx") or 0) != 0:
        raise ApiError(10001, "position idx not match position mode")
    link_id = params.optional("orderLinkId") or ""
    if link_id and not _LINK_ID.fullmatch(link_id):
        raise ApiError(10001, "params error: orderLinkId invalid")
    in_force = params.optional("timeInForce") or ("IOC" if kind is OrderKind.MARKET else "GTC")
    if in_force not in IN_FORCE:
        raise ApiError(10001, "params error: timeInForce invalid")
    price = params.decimal("price") if kind is OrderKind.LIMIT else None
    if kind is OrderKind.LIMIT and not price:
        raise ApiError(10001, "params error: price is required")
    return Entry(
        side=side,
        kind=OrderKind.POST_ONLY if kind is OrderKind.LIMIT and in_force == "PostOnly" else kind,
        quantity=_quantity(params, category, kind, side, listing, best),
        price=price,
        in_force="IOC" if kind is OrderKind.MARKET else in_force,
        reduce_only=params.boolean("reduceOnly"),
        link_id=link_id,
    )


def within_limits(entry: Entry, listing: Listing, mark: Decimal) -> Entry:
    """The order of a contract with a price that reaches no further through the market than Bybit allows: of an account
    that is not set otherwise a price beyond is moved, not refused."""
    if entry.price is None:
        return entry
    return replace(entry, price=within_reach(entry.price, entry.side, listing, mark, PRICE_LIMIT))


def _refuse_what_is_not_modelled(params: Params) -> None:
    for name in ("triggerPrice", "takeProfit", "stopLoss", "trailingStop"):
        if params.optional(name) not in (None, "0"):
            raise ApiError(10001, f"params error: {name} is not supported by this exchange")


def _quantity(
    params: Params, category: Category, kind: OrderKind, side: Side, listing: Listing, best: BestPrices
) -> Decimal:
    """The quantity in units; what a spot market buy says is in quote unless it says otherwise."""
    quantity = params.decimal("qty")
    if not quantity:
        raise ApiError(10001, "params error: qty is required")
    if category is Category.SPOT and kind is OrderKind.MARKET:
        unit = params.optional("marketUnit") or ("quoteCoin" if side is Side.BUY else "baseCoin")
        price = best.ask if side is Side.BUY else best.bid
        if unit == "quoteCoin" and price:
            return floor_to(quantity / price, listing.lot_size)
    return quantity

"""Reading a create: what Binance checks in the parameters of an order before the exchange sees it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from hedger.model.order import Side
from hedger.sim.dialects.binance.digits import places
from hedger.sim.dialects.binance.params import Params
from hedger.sim.dialects.binance.refusals import ApiError, either_missing, missing
from hedger.sim.dialects.binance.rules import (
    FURTHEST_PERCENT_LINEAR,
    FURTHEST_PERCENT_SPOT,
    HIGHEST_PRICE_LINEAR,
    HIGHEST_PRICE_SPOT,
    price_places,
)
from hedger.sim.nouns import Listing, OrderKind, Wallet

_CLIENT_ID = re.compile(r"[\.A-Z\:/a-z0-9_-]{1,36}")
_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
_LINEAR_TIMES = {"GTC": OrderKind.LIMIT, "GTX": OrderKind.POST_ONLY}
SPOT_KNOWS = frozenset(
    {
        "newClientOrderId",
        "newOrderRespType",
        "price",
        "quantity",
        "recvWindow",
        "selfTradePreventionMode",
        "side",
        "signature",
        "symbol",
        "timeInForce",
        "timestamp",
        "type",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A create as it was asked for. `client_order_id` is empty where the exchange is to make one."""

    side: Side
    kind: OrderKind
    quantity: Decimal
    price: Decimal | None
    reduce_only: bool
    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """Which order a query or a cancel means."""

    order_id: int | None
    client_order_id: str | None


def read_lookup(params: Params) -> Lookup:
    """`orderId` or `origClientOrderId`; raises -1102 without either. The first outranks the second."""
    order_id, client_order_id = params.integer("orderId"), params.optional("origClientOrderId")
    if order_id is None and client_order_id is None:
        raise either_missing("origClientOrderId", "orderId")
    return Lookup(order_id=order_id, client_order_id=client_order_id if order_id is None else None)


def read_spot(params: Params, reference: Decimal) -> Entry:
    """A spot create; `reference` is the price by which PERCENT_PRICE_BY_SIDE judges (0: not known)."""
    params.unread(SPOT_KNOWS)
    side = _SIDES[params.choice("side", _SIDES, code=-1117, what="side")]
    name = params.choice("type", ("LIMIT", "LIMIT_MAKER", "MARKET"), code=-1116, what="orderType")
    quantity = _number(params, "quantity", 8, "Parameter 'quantity' has too much precision.")
    price = None
    if name == "LIMIT":
        params.choice("timeInForce", ("GTC",), code=-1115, what="timeInForce")
    elif "timeInForce" in params:
        raise ApiError(-1106, "Parameter 'timeInForce' sent when not required.")
    if name != "MARKET":
        price = _number(params, "price", 8, "Parameter 'price' has too much precision.")
        if price > HIGHEST_PRICE_SPOT:
            raise ApiError(-1013, "Filter failure: PRICE_FILTER")
        low, high = (Decimal(x) * reference for x in FURTHEST_PERCENT_SPOT)
        if reference and not low <= price <= high:
            raise ApiError(-1013, "Filter failure: PERCENT_PRICE_BY_SIDE")
    kind = {"LIMIT": OrderKind.LIMIT, "LIMIT_MAKER": OrderKind.POST_ONLY, "MARKET": OrderKind.MARKET}[name]
    return Entry(
        side=side,
        kind=kind,
        quantity=quantity,
        price=price,
        reduce_only=False,
        client_order_id=_client_id(params, Wallet.SPOT),
    )


def read_linear(params: Params, listing: Listing, mark: Decimal) -> Entry:
    """A USDⓈ-M create; `mark` is the price by which PERCENT_PRICE judges (0: not known)."""
    side = _SIDES[params.choice("side", _SIDES, code=-1117, what="side")]
    name = params.choice("type", ("LIMIT", "MARKET"), code=-1116, what="orderType")
    kind, price = OrderKind.MARKET, None
    over = "Precision is over the maximum defined for this asset."
    if name == "LIMIT":
        kind = _LINEAR_TIMES[params.choice("timeInForce", _LINEAR_TIMES, code=-1115, what="timeInForce")]
    quantity = _number(params, "quantity", places(listing.lot_size), over)
    if name == "LIMIT":
        price = _number(params, "price", price_places(listing), over)
        if price > HIGHEST_PRICE_LINEAR:
            raise ApiError(-4002, "Price greater than max price.")
        _check_percent(side, price, mark)
    if params.optional("positionSide") not in (None, "BOTH"):
        raise ApiError(-4061, "Order's position side does not match user's setting.")
    _check_size(quantity, listing)
    return Entry(
        side=side,
        kind=kind,
        quantity=quantity,
        price=price,
        reduce_only=params.boolean("reduceOnly", False),
        client_order_id=_client_id(params, Wallet.LINEAR),
    )


def _number(params: Params, name: str, most_places: int, too_precise: str) -> Decimal:
    value = params.decimal(name)
    if value is None:
        raise missing(name)
    if places(value) > most_places:
        raise ApiError(-1111, too_precise)
    return value


def _check_percent(side: Side, price: Decimal, mark: Decimal) -> None:
    """A buy may not be far above the mark, a sell not far below."""
    low, high = (Decimal(x) * mark for x in FURTHEST_PERCENT_LINEAR)
    if mark and side is Side.BUY and price > high:
        raise ApiError(-4016, f"Limit price can't be higher than {high:.2f}.")
    if mark and side is Side.SELL and price < low:
        raise ApiError(-4024, f"Limit price can't be lower than {low:.2f}.")


def _check_size(quantity: Decimal, listing: Listing) -> None:
    if quantity <= 0:
        raise ApiError(-4003, "Quantity less than or equal to zero.")
    if quantity < listing.min_quantity:
        raise ApiError(-4004, "Quantity less than min quantity.")


def _client_id(params: Params, wallet: Wallet) -> str:
    value = params.optional("newClientOrderId") or ""
    if wallet is Wallet.LINEAR and len(value) > 36:
        raise ApiError(-4015, "Client order id length should be less than 36 chars")
    if value and not _CLIENT_ID.fullmatch(value):
        legal = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"
        raise ApiError(-1100, f"Illegal characters found in parameter 'newClientOrderId'; legal range is '{legal}'.")
    return value

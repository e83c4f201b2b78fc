"""Which orders the exchange accepts: its filters, the funds, and what reduce-only means."""

from __future__ import annotations

from decimal import Decimal

from hedger.model.numeric import ZERO, is_multiple
from hedger.model.order import Side
from hedger.sim.book import Book
from hedger.sim.ledger import Account, Listings
from hedger.sim.margin import tier_of
from hedger.sim.nouns import Listing, OrderKind, Refusal, Refused, SimOrder, Wallet
from hedger.sim.standing import Board


def check_filters(listing: Listing, order: SimOrder, reference: Decimal) -> None:
    """Refuse what is off the grid or out of size; a market order's notional is judged at `reference`."""
    if order.kind is not OrderKind.MARKET and (order.price <= 0 or not is_multiple(order.price, listing.tick_size)):
        raise Refused(Refusal.TICK, f"price {order.price} is not a multiple of {listing.tick_size}")
    if not listing.min_quantity <= order.quantity <= listing.max_quantity:
        raise Refused(Refusal.QUANTITY, f"quantity {order.quantity} is out of range")
    if not is_multiple(order.quantity, listing.lot_size):
        raise Refused(Refusal.LOT, f"quantity {order.quantity} is not a multiple of {listing.lot_size}")
    price = reference if order.kind is OrderKind.MARKET else order.price
    if listing.in_quote(order.quantity, price) < listing.min_notional and not order.reduce_only:
        raise Refused(Refusal.NOTIONAL, f"notional must be at least {listing.min_notional}")


def check_client_id(account: Account, order: SimOrder) -> None:
    """Refuse an id that a working order bears; any second use of an id is counted."""
    key = (order.wallet, order.client_order_id)
    if key in account.used_ids:
        account.duplicate_client_ids += 1
    account.used_ids.add(key)
    if any(key == (o.wallet, o.client_order_id) for o in account.working.values()):
        raise Refused(Refusal.DUPLICATE_CLIENT_ID, f"a working order has the id {order.client_order_id}")


def check_reduce_only(account: Account, order: SimOrder) -> None:
    """Refuse a reduce-only order that could, with the others of its kind, do more than close the position."""
    if not order.reduce_only:
        return
    if order.wallet is Wallet.SPOT:
        raise Refused(Refusal.REDUCE_ONLY, "there is nothing to reduce in spot")
    others = sum((o.quantity - o.filled for o in reducing(account, order.symbol, order.side)), ZERO)
    if order.quantity + others > reducible(account, order.symbol, order.side):
        raise Refused(Refusal.REDUCE_ONLY, "the order would do more than reduce the position")


def check_funds(account: Account, listings: Listings, order: SimOrder, board: Board, book: Book) -> None:
    """Refuse what the account cannot pay for."""
    if order.wallet is Wallet.SPOT:
        _check_spot(account, listings, order, book)
    elif not order.reduce_only:
        _check_margin(account, order, board, _worst_price(order, book) or board.marks[order.symbol])


def check_crossing(order: SimOrder, book: Book) -> None:
    """Refuse a post-only order that would take."""
    if order.kind is OrderKind.POST_ONLY and book.crosses(order.side, order.price):
        raise Refused(Refusal.WOULD_CROSS, "the order would immediately match and take")


def check_lower_leverage(account: Account, listing: Listing, leverage: int, board: Board) -> None:
    """Refuse less leverage than now for a position in isolated margin, or that is more than what is available bears."""
    symbol, before = listing.symbol, account.leverage_of(listing.symbol)
    if not 1 <= leverage < before:
        return
    holding = account.holding(symbol)
    if symbol in account.isolated and holding.quantity:
        raise Refused(Refusal.POSITION_OPEN, "leverage is not lowered in isolated margin with a position")
    used = board.initial_margin(account, symbol, holding) + board.order_margin(account, symbol)
    if used * before / leverage - used > board.available(account, listing.settle):
        raise Refused(Refusal.INSUFFICIENT_MARGIN, "margin is insufficient for that leverage")


def reducible(account: Account, symbol: str, side: Side) -> Decimal:
    """How much an order of `side` could close."""
    return max(ZERO, -side.sign * account.holding(symbol).quantity)


def reducing(account: Account, symbol: str, side: Side) -> list[SimOrder]:
    """Working reduce-only orders of a side, oldest first."""
    return [o for o in account.working.values() if o.reduce_only and o.symbol == symbol and o.side is side]


def _check_spot(account: Account, listings: Listings, order: SimOrder, book: Book) -> None:
    listing = listings[order.wallet, order.symbol]
    if order.side is Side.SELL:
        asset, needed = listing.base, order.quantity
    else:
        price = order.price if order.kind is not OrderKind.MARKET else (_worst_price(order, book) or ZERO)
        asset, needed = listing.quote, order.quantity * price
    if account.free(asset, listings) < needed:
        raise Refused(Refusal.INSUFFICIENT_BALANCE, f"not enough free {asset}")


def _check_margin(account: Account, order: SimOrder, board: Board, price: Decimal) -> None:
    symbol, listing = order.symbol, board.contracts[order.symbol]
    before = board.order_margin(account, symbol)
    after = board.order_margin(account, symbol, side=order.side, more=order.quantity, price=price)
    if after > before and after - before > board.available(account, listing.settle):
        raise Refused(Refusal.INSUFFICIENT_MARGIN, "margin is insufficient")
    held = account.holding(symbol).quantity
    grown = abs(held + order.side.sign * order.quantity)
    notional = listing.notional(grown, price)
    tier = tier_of(listing.tiers, notional)
    if grown > abs(held) and (account.leverage_of(symbol) > tier.leverage_cap or notional > tier.notional_cap):
        raise Refused(Refusal.LEVERAGE, "the position would exceed what its leverage allows")


def _worst_price(order: SimOrder, book: Book) -> Decimal | None:
    """The limit price, or for a market order the last price that it would reach."""
    if order.kind is not OrderKind.MARKET:
        return order.price
    left, worst = order.quantity, None
    for price, quantity in book.levels(Side.SELL if order.side is Side.BUY else Side.BUY, 1_000):
        worst = price
        left -= quantity
        if left <= 0:
            break
    return worst

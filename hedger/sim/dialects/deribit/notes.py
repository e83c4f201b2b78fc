"""What Deribit remembers of orders and trades beyond the exchange: labels, flags, and the prices of a trade's moment.

Labels need not be unique. The exchange's client ids are: every order has one of its own, the label if it is new.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from hedger.sim.dialects.deribit.naming import amount_of, settlement_of
from hedger.sim.dialects.deribit.quotes import Quotes
from hedger.sim.dialects.deribit.refusals import RpcError
from hedger.sim.exchange import Exchange
from hedger.sim.liquidation import ADL_AUTOCLOSE, AUTOCLOSE, SETTLEMENT
from hedger.sim.nouns import Listing, News, OrderNews, SimOrder, UserTrade, Wallet

LONGEST_LABEL = 64
FORCED = (AUTOCLOSE, ADL_AUTOCLOSE)
Key = tuple[str, Wallet, str]  # user, wallet, client id


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """How an order was asked for."""

    label: str = ""
    reject_post_only: bool = False
    immediate: bool = False


class Moment(NamedTuple):
    """Mark and index when a trade happened."""

    mark_price: Decimal
    index_price: Decimal


class Notes:
    """Notes by the exchange's client ids, and moments by trade ids."""

    def __init__(self, exchange: Exchange, quotes: Quotes) -> None:
        self._exchange, self._quotes = exchange, quotes
        self._notes: dict[Key, Note] = {}
        self._used: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._moments: dict[int, Moment] = {}
        self._labelled: defaultdict[tuple[str, str], list[SimOrder]] = defaultdict(list)
        self._newest = 0
        for account in exchange.floor.ledger.accounts.values():
            for order in account.orders.values():
                self._index(order.user, order.order_id)
        exchange.subscribe(self._hear)

    def write(self, user: str, wallet: Wallet, note: Note) -> str:
        """Note an order that is about to be placed; the client id for it. A label's second use is counted."""
        self._used[user, note.label] += 1
        times = self._used[user, note.label]
        if note.label and times > 1:
            self._exchange.floor.account(user).duplicate_client_ids += 1
        client_id = note.label if note.label and times == 1 else f"{note.label}~{times}"
        self._notes[user, wallet, client_id] = note
        return client_id

    def of(self, order: SimOrder) -> Note:
        """The note of an order; one that was not placed here has its client id as label."""
        note = self._notes.get((order.user, order.wallet, order.client_order_id))
        if note is not None:
            return note
        made_up = order.client_order_id.startswith(("auto-", SETTLEMENT, *FORCED))
        return Note(label="" if made_up else order.client_order_id)

    def labelled(self, user: str, label: str) -> list[SimOrder]:
        """Every order of a user that bears a label, oldest first."""
        return [order for order in self._labelled.get((user, label), ()) if not is_delivery(order)]

    def moment(self, trade: UserTrade) -> Moment:
        """The prices of a trade's moment; its own price where nobody looked."""
        return self._moments.get(trade.trade_id, Moment(trade.price, trade.price))

    def _index(self, user: str, order_id: int) -> None:
        """Know an order by its label: the exchange's own record, which changes."""
        order = self._exchange.floor.account(user).orders[order_id]
        self._labelled[user, self.of(order).label].append(order)
        self._newest = max(self._newest, order_id)

    def _hear(self, news: News) -> None:
        if isinstance(news, OrderNews) and news.order.order_id > self._newest:
            self._index(news.order.user, news.order.order_id)
        if isinstance(news, OrderNews) and news.trade is not None and not is_delivery(news.order):
            listing = self._exchange.rules_of(news.order.wallet, news.order.symbol)
            self._moments[news.trade.trade_id] = Moment(self._quotes.mark(listing), self._quotes.index(listing))


def is_delivery(order: SimOrder | UserTrade) -> bool:
    """Whether the exchange closed a position at its expiry: on Deribit that is neither an order nor a trade."""
    return order.client_order_id.startswith(SETTLEMENT)


def is_liquidation(order: SimOrder | UserTrade) -> bool:
    """Whether the exchange closed a position for want of margin."""
    return order.client_order_id.startswith(AUTOCLOSE)


def prefix_of(listing: Listing) -> str:
    """What ids of orders and trades begin with: `BTC`, `USDC`, `BTC_USDC`."""
    return f"{listing.base}_{listing.quote}" if listing.wallet is Wallet.SPOT else settlement_of(listing)


def order_id_of(listing: Listing, order_id: int) -> str:
    """`BTC-1000001`."""
    return f"{prefix_of(listing)}-{order_id}"


def number_of(order_id: str) -> int:
    """The exchange's number of an order id; raises 10025 for what is none."""
    number = order_id.rpartition("-")[2]
    if not number.isdigit():
        raise RpcError(10025, "invalid_order_id")
    return int(number)


def filled_of(listing: Listing, order: SimOrder) -> Decimal:
    """The filled amount of an order."""
    return amount_of(listing, order.filled)

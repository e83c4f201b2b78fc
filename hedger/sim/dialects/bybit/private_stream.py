"""Private streams: what happens to a user's orders, executions, positions and wallet, told to who listens for them.

`order`, `execution`, `position` and `wallet` tell all categories; `order.linear` and its like tell one. An order that
changes also brings a message of its position, whether that has changed or not, as on Bybit.
"""

from __future__ import annotations

from itertools import count

from hedger.sim.dialects.board import Reader
from hedger.sim.dialects.bybit.execution_payloads import execution_frame
from hedger.sim.dialects.bybit.ids import Ids
from hedger.sim.dialects.bybit.journal import Journal
from hedger.sim.dialects.bybit.names import Category
from hedger.sim.dialects.bybit.order_payloads import order_frame
from hedger.sim.dialects.bybit.positions import PositionApi, position_frame
from hedger.sim.dialects.bybit.register import Record, Register
from hedger.sim.dialects.bybit.unified import UnifiedAccount
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import BalanceNews, Listing, News, OrderNews

KINDS = ("order", "execution", "position")
TOPICS = frozenset({*KINDS, "execution.fast", "wallet"}) | {
    f"{kind}.{category.value}"
    for kind in (*KINDS, "execution.fast")
    for category in Category
    if not (kind == "position" and category is Category.SPOT)
}
FAST = ("category", "symbol", "execId", "execPrice", "execQty", "orderId", "isMaker", "orderLinkId", "side", "execTime")


class PrivateStreams:
    """Readers by user and topic."""

    def __init__(
        self,
        exchange: Exchange,
        register: Register,
        journal: Journal,
        account: UnifiedAccount,
        positions: PositionApi,
        ids: Ids,
    ) -> None:
        self._exchange, self._journal, self._account = exchange, journal, account
        self._positions, self._ids = positions, ids
        self._readers: dict[tuple[str, str], list[Reader]] = {}
        self._message = count(1)
        register.told.append(self._hear_order)
        exchange.subscribe(self._hear)

    def join(self, user: str, topic: str, reader: Reader) -> None:
        """Let a reader listen to a user's topic."""
        readers = self._readers.setdefault((user, topic), [])
        if reader not in readers:
            readers.append(reader)

    def leave(self, user: str, topic: str, reader: Reader) -> None:
        """Let a reader go."""
        readers = self._readers.get((user, topic), [])
        if reader in readers:
            readers.remove(reader)
        if not readers:
            self._readers.pop((user, topic), None)

    # --- news -----------------------------------------------------------------------------------------------

    def _hear_order(self, record: Record, news: OrderNews) -> None:
        user, category = news.order.user, record.category
        if not self._readers:
            return
        if self._heard(user, "order", category):
            self._tell(user, "order", category, order_frame(record, self._ids))
        if news.trade is not None and self._heard(user, "execution", category):
            self._tell(user, "execution", category, execution_frame(self._journal.last(user), self._ids))
        if news.trade is not None and self._heard(user, "execution.fast", category):
            frame = execution_frame(self._journal.last(user), self._ids)
            self._tell(user, "execution.fast", category, {key: frame[key] for key in (*FAST, "seq")})
        if category is not Category.SPOT:
            self.tell_position(user, record.listing)

    def tell_position(self, user: str, listing: Listing) -> None:
        """Tell of a contract's position as it is."""
        category = Category(listing.wallet.value)
        if self._heard(user, "position", category):
            row = self._positions.row(user, listing)
            self._tell(user, "position", category, position_frame(row, listing))

    def _hear(self, news: News) -> None:
        if isinstance(news, BalanceNews) and (news.user, "wallet") in self._readers:
            body = self._account.wallet(news.user, None, self._journal.realised(news.user))
            self._send(news.user, "wallet", body)

    # --- telling --------------------------------------------------------------------------------------------

    def _heard(self, user: str, kind: str, category: Category) -> bool:
        return (user, kind) in self._readers or (user, f"{kind}.{category.value}") in self._readers

    def _tell(self, user: str, kind: str, category: Category, body: Body) -> None:
        self._send(user, kind, body)
        self._send(user, f"{kind}.{category.value}", body)

    def _send(self, user: str, topic: str, body: Body) -> None:
        readers = self._readers.get((user, topic))
        if not readers:
            return
        frame: Body = {
            "id": self._ids.other(next(self._message)),
            "topic": topic,
            "creationTime": self._exchange.now,
            "data": [body],
        }
        for reader in tuple(readers):
            reader.tell(topic, frame)

"""A user's channels: orders, trades, changes and portfolios, told as they happen or gathered for a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hedger.sim.dialects.board import Reader
from hedger.sim.dialects.deribit.account import AccountApi
from hedger.sim.dialects.deribit.channels import Channel
from hedger.sim.dialects.deribit.market_stream import notification
from hedger.sim.dialects.deribit.naming import Catalogue, name_of
from hedger.sim.dialects.deribit.notes import is_delivery
from hedger.sim.dialects.deribit.order_payloads import OrderPayloads
from hedger.sim.dialects.deribit.positions import Positions
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import BalanceNews, Listing, News, OrderNews, Wallet

Parts = tuple[list[Body], list[Body]]  # orders, trades


@dataclass(slots=True, kw_only=True, eq=False)
class Listener:
    """One reader of one channel of one user, and what it is to be told."""

    channel: Channel
    reader: Reader
    user: str
    told_at: int = 0
    waiting: dict[str, Parts] = field(default_factory=dict)


class UserStreams:
    """Raw channels are told at once. `wake` is called when there is something to flush."""

    def __init__(
        self,
        exchange: Exchange,
        catalogue: Catalogue,
        payloads: OrderPayloads,
        positions: Positions,
        account: AccountApi,
        wake: Callable[[], None],
    ) -> None:
        self._exchange, self._catalogue = exchange, catalogue
        self._payloads, self._positions, self._account, self._wake = payloads, positions, account, wake
        self._listeners: list[Listener] = []
        self._portfolios: list[Listener] = []
        self._moved: set[str] = set()
        exchange.subscribe(self._hear)

    def join(self, channel: Channel, reader: Reader, user: str) -> None:
        """Let a reader listen; a portfolio is told at the next flush."""
        place = self._portfolios if channel.topic == "user.portfolio" else self._listeners
        place.append(Listener(channel=channel, reader=reader, user=user))
        if place is self._portfolios:
            self._moved.add(user)
            self._wake()

    def leave(self, name: str, reader: Reader) -> None:
        """Let a reader of a channel go."""
        for place in (self._listeners, self._portfolios):
            place[:] = [x for x in place if not (x.reader is reader and x.channel.name == name)]

    # --- news -----------------------------------------------------------------------------------------------

    def _hear(self, news: News) -> None:
        match news:
            case OrderNews() if not is_delivery(news.order):
                self._hear_order(news)
            case BalanceNews() if news.reason != "transfer" and any(x.user == news.user for x in self._portfolios):
                self._moved.add(news.user)
                self._wake()
            case _:
                pass

    def _hear_order(self, news: OrderNews) -> None:
        listing = self._catalogue.of(news.order.wallet, news.order.symbol)
        concerned = [x for x in self._listeners if x.user == news.order.user and x.channel.concerns(listing)]
        if not concerned:
            return
        order = self._payloads.order(news.order)
        trades = [self._payloads.trade(news.trade)] if news.trade is not None else []
        for listener in concerned:
            orders, executed = listener.waiting.setdefault(name_of(listing), ([], []))
            orders.append(order)
            executed.extend(trades)
            if listener.channel.every_ms:
                self._wake()
            else:
                self._tell(listener)

    # --- telling --------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Tell what was gathered."""
        now = self._exchange.now
        for listener in [x for x in self._listeners if x.waiting]:
            next_at = listener.told_at + listener.channel.every_ms
            if now < next_at:
                self._exchange.schedule(next_at, self._wake)
            else:
                self._tell(listener)
        moved, self._moved = self._moved, set()
        for listener in self._portfolios:
            if listener.user in moved:
                self._tell_portfolio(listener)

    def _tell(self, listener: Listener) -> None:
        listener.told_at = self._exchange.now
        waiting, listener.waiting = listener.waiting, {}
        for instrument_name, (orders, trades) in waiting.items():
            match listener.channel.topic:
                case "user.orders" if listener.channel.every_ms:
                    self._send(listener, orders)
                case "user.orders":
                    for order in orders:
                        self._send(listener, order)
                case "user.trades":
                    if trades:
                        self._send(listener, trades)
                case _:
                    self._send(listener, self._changes(listener.user, instrument_name, orders, trades))

    def _changes(self, user: str, instrument_name: str, orders: list[Body], trades: list[Body]) -> Body:
        positions: list[Body] = []
        instrument = self._catalogue.find_past(instrument_name)
        listed = isinstance(instrument, Listing) and (instrument.wallet, instrument.symbol) in self._exchange.listings
        if trades and listed and instrument.wallet is not Wallet.SPOT:
            positions.append(self._positions.row(user, instrument))
        return {"instrument_name": instrument_name, "orders": orders, "trades": trades, "positions": positions}

    def _tell_portfolio(self, listener: Listener) -> None:
        currency = listener.channel.currency
        for each in self._catalogue.currencies() if currency == "any" else [currency]:
            self._send(listener, self._account.summary(listener.user, each))

    def _send(self, listener: Listener, data: object) -> None:
        listener.reader.tell(listener.channel.name, notification(listener.channel.name, data))

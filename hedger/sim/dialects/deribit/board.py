"""Deribit in front of one exchange, without a network: one host, and who answers on it.

    exchange = Exchange(listings=deribit_listings(("BTC",), start_at), fee_table=FEES, start_at=start_at, users=(...))
    board = DeribitBoard(exchange, keys={client_id: Credential(secret=..., user="main")}, seed=1, options=(...,))

`Credential` is that of `deribit.keys`, listings and fees are those of `deribit.listings`. Users must be open, and have
one balance of each currency from then on (see `deribit.purse`). `options` are listed beside those that users hold.
`board.trouble` makes the whole venue refuse; `board.protection.fired` counts connections whose orders were canceled.
Calls over a WebSocket suffer what `board.fates.plan("WS", "private/buy", mishap)` plans, as requests the server's.

What is simpler than Deribit: there is no daily settlement of profit, funding is paid at the end of intervals and by the
premium of the book instead of the mark's, options are held but not traded, every account has the greatest leverage, and
there is neither `edit` nor any order type beyond limit and market.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from hedger.sim.dialects.board import Reader
from hedger.sim.dialects.deribit.account import AccountApi
from hedger.sim.dialects.deribit.catalogue import CatalogueApi
from hedger.sim.dialects.deribit.connection import Connection
from hedger.sim.dialects.deribit.history import HistoryApi
from hedger.sim.dialects.deribit.hosts import HOSTS, STREAM_PATH
from hedger.sim.dialects.deribit.keys import Keyring
from hedger.sim.dialects.deribit.market import MarketApi
from hedger.sim.dialects.deribit.market_stream import MarketStreams
from hedger.sim.dialects.deribit.naming import Catalogue
from hedger.sim.dialects.deribit.notes import Notes
from hedger.sim.dialects.deribit.order_payloads import OrderPayloads
from hedger.sim.dialects.deribit.orders import OrdersApi
from hedger.sim.dialects.deribit.past import PastApi
from hedger.sim.dialects.deribit.positions import Positions
from hedger.sim.dialects.deribit.protection import Protection
from hedger.sim.dialects.deribit.purse import Purse
from hedger.sim.dialects.deribit.quotes import Quotes
from hedger.sim.dialects.deribit.refusals import Trouble
from hedger.sim.dialects.deribit.rest import Rest
from hedger.sim.dialects.deribit.rpc import Desk, refused_as
from hedger.sim.dialects.deribit.session import WORDED, ChannelsApi, Session
from hedger.sim.dialects.deribit.sign_in import SignIn
from hedger.sim.dialects.deribit.statements import Statements
from hedger.sim.dialects.deribit.user_stream import UserStreams
from hedger.sim.dialects.line import Wrap
from hedger.sim.dialects.mishaps import Mishap, Mishaps
from hedger.sim.dialects.requests import Answer, Body, Request, encode
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Listing, ListingNews, News, OptionListing


class DeribitBoard:
    """Deribit, sans I/O."""

    hosts: Sequence[str] = HOSTS

    def __init__(
        self, exchange: Exchange, *, keys: Keyring, seed: int = 0, options: Sequence[OptionListing] = ()
    ) -> None:
        self.exchange = exchange
        self.wake: Callable[[], None] = lambda: None
        self.fates = Mishaps()
        self.protection = Protection(exchange)
        self._sign_in = SignIn(exchange, keys, self.protection, Random(seed))
        self._connections = 0
        users = self._owners = sorted({credential.user for credential in keys.values()})
        self.catalogue = Catalogue(exchange, options)
        self._lend_freely(self.catalogue.listings(), users)
        exchange.subscribe(self._hear)
        quotes = Quotes(exchange, self.catalogue)
        statements = Statements(exchange, self.catalogue, quotes)  # hears before the purse moves anything
        purse = Purse(exchange, users)
        notes = Notes(exchange, quotes)
        payloads = OrderPayloads(exchange, self.catalogue, notes)
        positions = Positions(exchange, self.catalogue, quotes)
        account = AccountApi(exchange, self.catalogue, quotes, positions, purse, keys)
        self._market = MarketStreams(exchange, quotes, self._wake)
        self._users = UserStreams(exchange, self.catalogue, payloads, positions, account, self._wake)
        self._channels = ChannelsApi(exchange, self.catalogue, self._market, self._users)
        apis = (
            CatalogueApi(exchange, self.catalogue),
            MarketApi(self.catalogue, quotes),
            PastApi(exchange, self.catalogue),
            OrdersApi(exchange, self.catalogue, quotes, notes, purse, payloads),
            HistoryApi(exchange, self.catalogue, payloads, statements),
            account,
            positions,
            self.protection,
            self._sign_in,
            self._channels,
        )
        methods = {name: method for api in apis for name, method in api.methods().items()}
        self._desk = Desk(methods=methods, now=lambda: exchange.now)
        self._rest = Rest(self._desk, self._sign_in)

    @property
    def trouble(self) -> Trouble | None:
        """What is the matter with the whole venue; None: nothing."""
        return self._desk.trouble

    @trouble.setter
    def trouble(self, trouble: Trouble | None) -> None:
        self._desk.trouble = trouble

    def answer(self, host: str, request: Request) -> Answer:
        """Answer a REST request to a host."""
        return self._rest.answer(request)

    def flush(self) -> None:
        """Tell stream readers what has happened."""
        self._market.flush()
        self._users.flush()

    def wrap(self, host: str, path: str) -> Wrap | None:
        """Frames are whole already; None if there is no such address."""
        return _bare if path.rstrip("/") == STREAM_PATH else None

    def connect(self, host: str, path: str, query: str, reader: Reader) -> Session:
        """The session behind a WebSocket address that `wrap` knows."""
        self._connections += 1
        connection = Connection(number=self._connections, reader=reader)
        return Session(connection, self._desk, self._sign_in, self.protection, self._channels, self.fates)

    def worded(self, mishap: Mishap) -> Answer:
        """Deribit's words for a fate of a request."""
        trouble = WORDED.get(mishap, Trouble.UNAVAILABLE)
        return Answer(status=400, body=encode(refused_as(None, trouble.error, self.exchange.now)))

    def _lend_freely(self, listings: Sequence[Listing], users: Sequence[str]) -> None:
        """Deribit has no leverage to set: margin follows from what is held."""
        for listing in listings:
            for user in users if listing.tiers else ():
                self.exchange.set_leverage(user, listing.symbol, listing.tiers[0].leverage_cap)

    def _hear(self, news: News) -> None:
        if isinstance(news, ListingNews) and news.settled_at_price is None:
            self._lend_freely((self.catalogue.of(news.wallet, news.symbol),), self._owners)

    def _wake(self) -> None:
        self.wake()


def _bare(stream: str, body: Body) -> Body:
    """A frame as it is."""
    return body

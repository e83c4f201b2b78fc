"""Bybit v5 in front of one exchange, without a network.

How to construct it, one board for one exchange:

    exchange = Exchange(listings=bybit_listings(("BTC", "ETH"), start_at), start_at=start_at, fee_table=BYBIT_FEES)
    board = BybitBoard(exchange, keys={api_key: Credential(secret=secret, user="main")}, seed=0)
    server = DialectServer([board])                      hosts: BybitBoard.hosts, or `hosts.HOSTS`

`Credential` is that of `bybit.signing` (also `read_only`, `withdrawals`, `addresses`); the listings and the fees are
in `bybit.listings`. An exchange with the default listings works as well: names are translated from any listing, and
inverse contracts of another size than one dollar are told in units, which Bybit does not have. Construct the board
before users trade: its order records and its logs begin with it. `chain` are options that are quoted though nobody
holds them. `board.notices.announce("BTCUSDT", "Closed")` announces the end of a contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import count

from hedger.sim.dialects.board import Reader, Session
from hedger.sim.dialects.bybit.account import AccountApi
from hedger.sim.dialects.bybit.dcp import DisconnectProtection
from hedger.sim.dialects.bybit.desk import Desk, envelope
from hedger.sim.dialects.bybit.executions import ExecutionApi
from hedger.sim.dialects.bybit.hosts import HOSTS, PRIVATE_PATH, PUBLIC_PATHS, REST, STREAM
from hedger.sim.dialects.bybit.ids import Ids
from hedger.sim.dialects.bybit.journal import Journal
from hedger.sim.dialects.bybit.limits import Limits
from hedger.sim.dialects.bybit.market import MarketApi
from hedger.sim.dialects.bybit.names import Category, Directory
from hedger.sim.dialects.bybit.notices import Notices
from hedger.sim.dialects.bybit.orders import OrderApi
from hedger.sim.dialects.bybit.past import PastApi
from hedger.sim.dialects.bybit.positions import PositionApi
from hedger.sim.dialects.bybit.private_stream import PrivateStreams
from hedger.sim.dialects.bybit.public_stream import PublicStreams
from hedger.sim.dialects.bybit.quotes import Quotes
from hedger.sim.dialects.bybit.register import Register
from hedger.sim.dialects.bybit.sessions import PrivateSession, PublicSession
from hedger.sim.dialects.bybit.signing import Keyring
from hedger.sim.dialects.bybit.unified import UnifiedAccount
from hedger.sim.dialects.line import Wrap
from hedger.sim.dialects.mishaps import Mishap
from hedger.sim.dialects.requests import Answer, Body, Request, encode
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import OptionListing

WORDS = {Mishap.OVERLOADED: (10016, "Internal server error."), Mishap.UNKNOWN_STATUS: (10000, "Server Timeout")}


class BybitBoard:
    """Bybit, sans I/O."""

    hosts: Sequence[str] = HOSTS

    def __init__(
        self, exchange: Exchange, *, keys: Keyring, seed: int = 0, chain: Iterable[OptionListing] = ()
    ) -> None:
        self.exchange = exchange
        self.wake: Callable[[], None] = lambda: None
        self.notices = Notices()
        self._keys, self._ids, self._connections = keys, Ids(seed), count(1)
        directory, quotes = Directory(exchange, chain), Quotes(exchange)
        register = Register(exchange)
        account = UnifiedAccount(exchange, quotes)
        journal = Journal(exchange, register, account)
        self.protection = DisconnectProtection(exchange, register)
        positions = PositionApi(exchange, directory, journal)
        self._private = PrivateStreams(exchange, register, journal, account, positions, self._ids)
        self._public = {
            category: PublicStreams(exchange, category, directory, quotes, self._ids, self._wake)
            for category in Category
        }
        routes = {
            **MarketApi(exchange, directory, quotes, self.notices).routes(),
            **PastApi(exchange, directory).routes(),
            **OrderApi(exchange, directory, register, self._ids, self.notices).routes(),
            **ExecutionApi(exchange, journal, self._ids).routes(),
            **positions.routes(),
            **AccountApi(exchange, directory, account, journal, self.protection).routes(),
        }
        self._desk = Desk(routes=routes, limits=Limits(), keys=keys, now=self._now)

    def answer(self, host: str, request: Request) -> Answer:
        """Answer a REST request to a host."""
        if host != REST:
            return Answer(status=404, body="404 page not found", content_type="text/plain")
        return self._desk.answer(request)

    def flush(self) -> None:
        """Tell stream readers what has happened."""
        for streams in self._public.values():
            streams.flush()

    def wrap(self, host: str, path: str) -> Wrap | None:
        """The form of the frames at a WebSocket address; None if there is no such address."""
        return _bare if host == STREAM and (path in PUBLIC_PATHS or path == PRIVATE_PATH) else None

    def connect(self, host: str, path: str, query: str, reader: Reader) -> Session:
        """The session behind a WebSocket address that `wrap` knows."""
        connection = self._ids.other(next(self._connections))
        if path == PRIVATE_PATH:
            return PrivateSession(
                streams=self._private,
                protection=self.protection,
                keys=self._keys,
                reader=reader,
                connection=connection,
                now=self._now,
            )
        category = Category(PUBLIC_PATHS[path])
        return PublicSession(
            streams=self._public[category], category=category, reader=reader, connection=connection, now=self._now
        )

    def worded(self, mishap: Mishap) -> Answer:
        """Bybit's words for a fate of a request; both come with HTTP 200."""
        code, text = WORDS.get(mishap, WORDS[Mishap.UNKNOWN_STATUS])
        return Answer(status=200, body=encode(envelope(code, text, {}, self.exchange.now)))

    def _wake(self) -> None:
        self.wake()

    def _now(self) -> int:
        return self.exchange.now


def _bare(stream: str, body: Body) -> Body:
    return body

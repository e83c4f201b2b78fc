"""Binance spot and USDⓈ-M futures as one `ports.Venue`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import aiohttp

from hedger.errors import AskAgain, Bug
from hedger.model.account import AccountReading, FundingPayment, MarginMode
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.market import Candle, FundingRate, Mark, Quote
from hedger.model.message import CancelOrder, ClockMeasured, PlaceOrder
from hedger.model.order import Fill, OrderReport
from hedger.runtime.ports import CancelOutcome, Clock, Hint, LeaveTaken, PlaceOutcome, QuietTold
from hedger.venues.asking import Asker
from hedger.venues.binance_account import AccountReader
from hedger.venues.binance_clock import ClockWatch
from hedger.venues.binance_codes import (
    BUDGETS,
    HOPELESS_CODES,
    KEY_CODES,
    OPTIONS,
    PASSING_CODES,
    SHUT_OUT,
    TOO_MANY_REQUESTS,
    WEIGHT_LIMITS,
    WRONG_TIME,
    Environment,
    allowed_hosts,
    rest_hosts,
)
from hedger.venues.binance_history import HistoryReader
from hedger.venues.binance_link import Link
from hedger.venues.binance_listing import Listing
from hedger.venues.binance_orders import OrderDesk
from hedger.venues.binance_past import PastReader
from hedger.venues.binance_positions import PositionReader
from hedger.venues.binance_setup import (
    MOST_OFFSET_MS,
    check_key,
    configure,
    load_derivatives,
    load_listing,
    measure_clock,
    reload_rules,
)
from hedger.venues.binance_stream import Streams
from hedger.venues.binance_suspicion import Suspicion
from hedger.venues.binance_switch import Switch
from hedger.venues.client import MAX_RECV_WINDOW_MS, Credentials, assert_safe, build_client, parse_json
from hedger.venues.hints import HintQueue
from hedger.venues.lanes import Lanes
from hedger.venues.network import Network, open_session
from hedger.venues.outcome import Scrub
from hedger.venues.quiet import Quiet
from hedger.venues.watching import VenueObserver

READ_WINDOW_MS = 10_000


class BinanceVenue:
    """One Binance account. Construct it, then `open` it in the event loop that uses it, and `close` it there."""

    transport = "rest+ws"

    def __init__(
        self,
        *,
        account: str,
        environment: Environment,
        credentials: Credentials,
        network: Network,
        clock: Clock,
        observer: VenueObserver,
    ) -> None:
        self.account = account
        self._environment = environment
        self._credentials = credentials
        self._network = network
        self._clock = clock
        self._observer = observer
        self._queue = HintQueue(account)
        self._told: QuietTold = lambda _: None
        self._quiet = Quiet(account, clock, observer, lambda asked: self._told(asked))
        # The hosts where the keys have worked since the start.
        self._served: set[str] = set()
        # Whether the keys work from given addresses only, as the venue said; None where it was not asked.
        self.keys_bound: bool | None = None
        self._session: aiohttp.ClientSession | None = None
        self._link: Link | None = None
        self._watch: ClockWatch | None = None
        self._parts: _Parts | None = None

    async def open(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """Connect, prove the client safe, measure the clock, check the keys, and load the rules and fees of `symbols`.

        While the venue wants quiet, whether it said so to an earlier start or now, this waits, until it is canceled.
        A dated contract that has ended is left out. Raises ConfigError for another symbol that is not listed,
        CredentialsError for keys that are refused or may withdraw.
        """
        if self._link is not None:
            raise Bug(f"the venue of account {self.account} is opened twice.")
        while True:
            await self._quiet.over()
            try:
                return await self._open_all(symbols)
            except AskAgain:
                if not self._quiet.asked:
                    raise
            finally:
                if self._parts is None:
                    await self.close()

    async def _open_all(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        link = self._link = self._connect()
        assert_safe(link.client, self._clock)
        await measure_clock(link, most_ms=MOST_OFFSET_MS)
        self._watch = ClockWatch(link, self._clock_measured)
        if self._environment in (Environment.LIVE, Environment.SHADOW):
            self.keys_bound = await check_key(link)
        listing = await load_listing(link, list(dict.fromkeys(symbols)))
        history = HistoryReader(link, listing)
        if listing.contracts:
            await history.load_intervals()
        positions = PositionReader(link, listing, partial(load_derivatives, link))
        symbols = [id.symbol for id in listing.instruments]
        suspicion = Suspicion(link, listing, partial(reload_rules, link, listing, symbols), self._queue.put)
        self._parts = _Parts(
            link=link,
            reader=AccountReader(link, listing, positions, suspicion),
            history=history,
            past=PastReader(link, listing),
            desk=OrderDesk(link, listing),
            switch=Switch(link, listing, suspicion),
            suspicion=suspicion,
            streams=Streams(link, listing, history, self._queue),
            listing=listing,
        )
        return tuple(listing.instruments.values())

    def _clock_measured(self, offset_ms: int) -> None:
        """Out of turn, so that ages are judged by it at once."""
        self._queue.put(ClockMeasured(account=self.account, offset_ms=offset_ms))

    def _connect(self) -> Link:
        """The session, the client and the lanes, nothing sent yet."""
        hosts = rest_hosts(self._environment)
        session = self._session = open_session(self._network, allowed_hosts(self._environment))
        limits = {hosts[api]: limit for api, limit in WEIGHT_LIMITS.items()}
        scrub = Scrub(self._credentials.api_key, self._credentials.secret)
        lanes = Lanes(
            account=self.account,
            clock=self._clock,
            budgets=BUDGETS,
            weight_limits=limits,
            observer=self._observer,
            quiet=self._quiet,
        )
        client = build_client(
            "binance",
            credentials=self._credentials,
            session=session,
            clock=self._clock,
            answer_s=self._network.answer_s,
            options={**OPTIONS, "recvWindow": int(min(READ_WINDOW_MS * self._clock.speed, MAX_RECV_WINDOW_MS))},
            answered=partial(self._answered, lanes),
        )
        if self._environment is Environment.TESTNET:
            client.enable_demo_trading(True)
        asker = Asker(
            venue="binance",
            lanes=lanes,
            clock=self._clock,
            scrub=scrub,
            answer_s=self._network.answer_s,
            hopeless=HOPELESS_CODES,
            keys=KEY_CODES,
            passing=PASSING_CODES,
            doubted=self._doubted,
        )
        return Link(
            account=self.account,
            environment=self._environment,
            client=client,
            asker=asker,
            lanes=lanes,
            clock=self._clock,
            hosts=hosts,
            scrub=scrub,
            observer=self._observer,
            answer_s=self._network.answer_s,
            doubted=self._doubted,
        )

    def _doubted(self, host: str, code: int) -> bool:
        """Whether a refusal of the keys is taken for a ban, because they have worked there."""
        return code in SHUT_OUT and host in self._served

    def _answered(self, lanes: Lanes, url: str, status: int, headers: Mapping[str, str], body: str) -> None:
        """Heed what any answer says of our pace and of our time, whoever asked."""
        code, host = _code(body) if status >= 400 else None, _host(url)
        if status == 200 and "signature=" in url:
            self._served.add(host)
        firewall = status == 403 and code is None
        shut_out = firewall or (code is not None and self._doubted(host, code))
        lanes.answered(host, status, headers, body, too_many=code in TOO_MANY_REQUESTS, shut_out=shut_out)
        if self._watch is not None and code in WRONG_TIME:
            self._watch.doubt()

    @property
    def _open(self) -> _Parts:
        if self._parts is None:
            raise Bug(f"the venue of account {self.account} is used before it is open.")
        return self._parts

    async def read_instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """Read the rules of `symbols` anew; one that does not trade any more is left out."""
        parts = self._open
        return await reload_rules(parts.link, parts.listing, symbols)

    async def configure(self, symbols: Sequence[str], *, leverage: int, margin_mode: MarginMode) -> None:
        """Set one-way mode, margin mode and leverage where they differ, confirmed by reading. GiveUp when refused."""
        parts = self._open
        raws = [parts.listing.raw[InstrumentId(self.account, symbol)] for symbol in symbols]
        await configure(parts.link, raws, leverage=leverage, margin_mode=margin_mode)

    async def measure_clock(self) -> int:
        """The venue's clock less ours in milliseconds; requests are stamped with it from now on."""
        return await measure_clock(self._open.link)

    async def read_account(self) -> AccountReading:
        """One complete reading of the account."""
        return await self._open.reader.read()

    async def read_prices(self, ids: Sequence[InstrumentId]) -> tuple[Quote | Mark, ...]:
        """Best prices of `ids`, and marks of perpetuals."""
        return await self._open.history.prices(ids)

    async def read_fills(self, id: InstrumentId, since_at: int) -> tuple[Fill, ...]:
        """Every fill of ours since `since_at`, oldest first."""
        return await self._open.history.fills(id, since_at)

    async def read_funding(self, since_at: int) -> tuple[FundingPayment, ...]:
        """Every funding payment of the configured perpetuals since `since_at`, oldest first."""
        return await self._open.history.funding(since_at)

    async def read_candles(self, id: InstrumentId, interval_ms: int, count: int) -> tuple[Candle, ...]:
        """The last `count` closed bars of the index, oldest first."""
        return await self._open.past.candles(id, interval_ms, count)

    async def read_funding_rates(self, id: InstrumentId, count: int) -> tuple[FundingRate, ...]:
        """What the last `count` settlements of a perpetual paid, oldest first."""
        return await self._open.past.funding_rates(id, count)

    async def find_order(self, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        """The venue's record of an order by our id, None when it says that it knows none."""
        return await self._open.desk.find(id, client_order_id)

    async def place(self, order: PlaceOrder, leave: LeaveTaken) -> PlaceOutcome:
        """Send one post-only create, exactly once. Raises only Bug, for an order that we decided wrongly."""
        return await self._open.desk.place(order, leave)

    async def cancel(self, order: CancelOrder) -> CancelOutcome:
        """Ask the venue to cancel an order by our id, once."""
        return await self._open.desk.cancel(order)

    async def extend_switch(self, symbols: Sequence[str], timeout_ms: int) -> None:
        """Start each symbol's countdown anew: at its end every order there is canceled, whoever sent it."""
        await self._open.switch.extend(symbols, timeout_ms)

    def keep_quiet(self, until_at: int, *, banned: bool) -> None:
        """Heed what the venue asked of an earlier start: `open` waits until its end."""
        self._quiet.keep(until_at, banned=banned)

    def on_quiet(self, told: QuietTold) -> None:
        """Tell from now on each quiet that the venue asks for, in the moment in which its answer is read."""
        self._told = told

    async def hints(self) -> AsyncIterator[Hint]:
        """Streamed news for one reader. The streams go on between readers and end with `close`."""
        streams = self._open.streams
        streams.start()
        while True:
            yield await self._queue.get()

    async def close(self) -> None:
        """Let creates under way end, then close every connection. Orders are not touched."""
        if self._parts is not None:
            await self._parts.desk.finish()
            await self._parts.suspicion.stop()
            await self._parts.streams.stop()
        if self._watch is not None:
            await self._watch.stop()
        if self._link is not None:
            await self._link.client.close()
        if self._session is not None:
            await self._session.close()
        self._parts = self._link = self._session = self._watch = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What exists once the venue is open."""

    link: Link
    reader: AccountReader
    history: HistoryReader
    past: PastReader
    desk: OrderDesk
    switch: Switch
    suspicion: Suspicion
    streams: Streams
    listing: Listing


def _host(url: str) -> str:
    return url.split("/", 3)[2]


def _code(body: str) -> int | None:
    """The venue's own code in the body of an error."""
    try:
        told = parse_json(body)
    except RecursionError:
        return None
    code = told.get("code") if isinstance(told, dict) else None
    return code if isinstance(code, int) else None

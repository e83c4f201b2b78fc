"""One account on a venue as a `ports.Venue`: whatever the venue, its profile tells what is particular to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import TypeVar

import aiohttp

from hedger.errors import AskAgain, Bug, ConfigError, CredentialsError, GiveUp
from hedger.model.account import AccountReading, FundingPayment, MarginMode
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.market import Candle, FundingRate, Mark, Quote
from hedger.model.message import CancelOrder, ClockMeasured, PlaceOrder
from hedger.model.order import Fill, OrderReport
from hedger.runtime.ports import CancelOutcome, Clock, Hint, LeaveTaken, PlaceOutcome, QuietTold
from hedger.venues.asking import Asker, explain
from hedger.venues.client import MAX_RECV_WINDOW_MS, Credentials, assert_safe, build_client
from hedger.venues.clock_watch import MOST_OFFSET_MS, ClockWatch, measure_clock
from hedger.venues.desk import OrderDesk
from hedger.venues.hints import HintQueue
from hedger.venues.lanes import Lanes
from hedger.venues.link import Environment, Link
from hedger.venues.modes import configure
from hedger.venues.network import Network, open_session
from hedger.venues.outcome import Scrub
from hedger.venues.profile import Parts, Profile
from hedger.venues.quiet import Quiet
from hedger.venues.speech import Code, heard
from hedger.venues.streams import Streams
from hedger.venues.watching import VenueObserver

T = TypeVar("T")
READ_WINDOW_MS = 10_000
TRIES = 3


class VenueAccount:
    """One account. Construct it, then `open` it in the event loop that uses it, and `close` it there."""

    transport = "rest+ws"

    def __init__(
        self,
        *,
        profile: Profile,
        account: str,
        environment: Environment,
        credentials: Credentials,
        network: Network,
        clock: Clock,
        observer: VenueObserver,
    ) -> None:
        self.account = account
        self._profile = profile
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
        # When the venue ends the keys (ms), where it says so.
        self.keys_expire_at: int | None = None
        # What the account may hold and the keys may not read, in words.
        self.unseen = ""
        # Whether the venue has no leverage to set: what is configured is remembered here.
        self.keeps_leverage = profile.keeps_leverage
        self._session: aiohttp.ClientSession | None = None
        self._link: Link | None = None
        self._watch: ClockWatch | None = None
        self._parts: Parts | None = None
        self._desk: OrderDesk | None = None
        self._streams: Streams | None = None

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
        link, profile = self._connect(), self._profile
        self._link = link
        assert_safe(link.client, self._clock)
        await measure_clock(link, profile.clock, most_ms=MOST_OFFSET_MS)
        self._watch = ClockWatch(link, profile.clock, self._clock_measured)
        if self._environment in profile.tells_rights:
            await self._check_key(link)
        parts = await profile.assemble(link, list(dict.fromkeys(symbols)), self._queue)
        self._assert_named_alike(link, parts)
        self._desk = OrderDesk(link, parts.listing, parts.wire)
        self._streams = Streams(link, parts.frames, self._queue)
        self._parts = parts
        return tuple(parts.listing.instruments.values())

    def _assert_named_alike(self, link: Link, parts: Parts) -> None:
        """Refuse a contract that the watchdog, which knows our symbols alone, would ask for by another name: to its
        cancel the venue would say that it knows no such order. Raises ConfigError."""
        for id in parts.listing.contracts:
            name, listed = self._profile.emergency.name(link.client, id.symbol), parts.listing.raw[id]
            if name != listed:
                raise ConfigError(
                    f"{id.symbol} is {listed} on {self._profile.title}, and the watchdog would take it for {name}: "
                    "it is not traded here. Take another contract."
                )

    async def _check_key(self, link: Link) -> None:
        """Refuse keys that may withdraw, or may not read or trade; remember whether they are bound to addresses."""
        rights, name = await self._profile.check_key(link), self._profile.name
        if rights.may_withdraw:
            raise CredentialsError(f"{name}: the API key may withdraw: take that right from it, then start again.")
        if rights.may_read is False or rights.may_trade is False:
            raise CredentialsError(f"{name}: the API key may not read and trade futures: give it both rights.")
        self.keys_bound, self.keys_expire_at, self.unseen = rights.bound, rights.expire_at, rights.unseen

    def _clock_measured(self, offset_ms: int) -> None:
        """Out of turn, so that ages are judged by it at once."""
        self._queue.put(ClockMeasured(account=self.account, offset_ms=offset_ms))

    def _connect(self) -> Link:
        """The session, the client and the lanes, nothing sent yet."""
        profile, places = self._profile, self._profile.places(self._environment)
        session = self._session = open_session(self._network, places.hosts)
        scrub = Scrub(self._credentials.api_key, self._credentials.secret, self._credentials.passphrase)
        lanes = Lanes(
            account=self.account,
            clock=self._clock,
            budgets=profile.budgets,
            weight_limits={places.rest[api]: n for api, n in profile.weight_limits.items() if api in places.rest},
            observer=self._observer,
            quiet=self._quiet,
            weight_of=profile.weight_of,
            pools={places.rest[api]: places.rest[other] for api, other in profile.weight_pools.items()},
        )
        client = build_client(
            profile.name,
            credentials=self._credentials,
            session=session,
            clock=self._clock,
            answer_s=self._network.answer_s,
            options={**profile.options, "recvWindow": int(min(READ_WINDOW_MS * self._clock.speed, MAX_RECV_WINDOW_MS))},
            answered=partial(self._answered, lanes),
        )
        profile.prepare(client, self._environment)
        asker = Asker(
            venue=profile.name,
            lanes=lanes,
            clock=self._clock,
            scrub=scrub,
            answer_s=self._network.answer_s,
            hear=profile.hear,
            codes=profile.codes,
            doubted=self._doubted,
        )
        link = Link(
            venue=profile.name,
            account=self.account,
            environment=self._environment,
            client=client,
            asker=asker,
            lanes=lanes,
            clock=self._clock,
            hosts=places.rest,
            scrub=scrub,
            observer=self._observer,
            answer_s=self._network.answer_s,
            hear=profile.hear,
            codes=profile.codes,
            doubted=self._doubted,
        )
        client.milliseconds = link.venue_now
        return link

    def _doubted(self, host: str, code: Code) -> bool:
        """Whether a refusal of the keys is taken for a ban, because they have worked there."""
        return code in self._profile.codes.shut_out and host in self._served

    def _answered(self, lanes: Lanes, url: str, status: int, headers: Mapping[str, str], body: str) -> None:
        """Heed what any answer says of our pace and of our time, whoever asked."""
        code, host, codes = heard(self._profile.hear, status, body).code, _host(url), self._profile.codes
        if status == 200 and code is None and self._profile.is_private(url):
            self._served.add(host)
        firewall = status == 403 and code is None
        shut_out = firewall or code in codes.banned or (code is not None and self._doubted(host, code))
        lanes.answered(host, status, headers, body, too_many=code in codes.too_many, shut_out=shut_out)
        if self._watch is not None and code in codes.wrong_time:
            self._watch.doubt()

    @property
    def _open(self) -> Parts:
        if self._parts is None:
            raise Bug(f"the venue of account {self.account} is used before it is open.")
        return self._parts

    async def read_instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """Read the rules of `symbols` anew; one that does not trade any more is left out."""
        return await self._believed("rules", self._open.reload(symbols))

    async def configure(self, symbols: Sequence[str], *, leverage: int, margin_mode: MarginMode) -> None:
        """Set one-way mode, margin mode and leverage where they differ, confirmed by reading. GiveUp when refused."""
        parts, ids = self._open, [InstrumentId(self.account, symbol) for symbol in symbols]
        await configure(self._linked, lambda: parts.differences(ids, leverage, margin_mode))

    async def measure_clock(self) -> int:
        """The venue's clock less ours in milliseconds; requests are stamped with it from now on."""
        return await measure_clock(self._linked, self._profile.clock)

    async def read_account(self) -> AccountReading:
        """One complete reading of the account; AskAgain where a part is missing or two parts disagree."""
        reader = self._open.reader
        for trial in range(TRIES):
            try:
                return await reader.read()
            except (ValueError, ArithmeticError) as problem:
                # A fill between two of the requests makes them differ once; a fault makes them differ again.
                if trial == TRIES - 1:
                    raise AskAgain(f"{self._profile.name}: account: {explain(problem)}.") from None
        raise Bug("no try was made.")

    async def _believed(self, what: str, reading: Awaitable[T]) -> T:
        """A reading; AskAgain for one whose parts were understood each, and make no sense together."""
        try:
            return await reading
        except (ValueError, ArithmeticError) as problem:
            raise AskAgain(f"{self._profile.name}: {what}: {explain(problem)}.") from None

    async def read_prices(self, ids: Sequence[InstrumentId]) -> tuple[Quote | Mark, ...]:
        """Best prices of `ids`, and marks of perpetuals."""
        return await self._believed("prices", self._open.prices.prices(ids))

    async def read_fills(self, id: InstrumentId, since_at: int) -> tuple[Fill, ...]:
        """Every fill of ours since `since_at`, oldest first."""
        return await self._believed("fills", self._open.history.fills(id, since_at))

    async def read_funding(self, since_at: int) -> tuple[FundingPayment, ...]:
        """Every funding payment of the configured perpetuals since `since_at`, oldest first."""
        return await self._believed("funding", self._open.history.funding(since_at))

    async def read_candles(self, id: InstrumentId, interval_ms: int, count: int) -> tuple[Candle, ...]:
        """The last `count` closed bars of the index, oldest first."""
        return await self._believed("candles", self._open.past.candles(id, interval_ms, count))

    async def read_funding_rates(self, id: InstrumentId, count: int) -> tuple[FundingRate, ...]:
        """What the last `count` settlements of a perpetual paid, oldest first."""
        return await self._believed("funding rates", self._open.past.funding_rates(id, count))

    async def find_order(self, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        """The venue's record of an order by our id, None when it says that it knows none."""
        return await self._believed("order by our id", self._orders.find(id, client_order_id))

    async def place(self, order: PlaceOrder, leave: LeaveTaken) -> PlaceOutcome:
        """Send one post-only create, exactly once. Raises only Bug, for an order that we decided wrongly."""
        return await self._orders.place(order, leave)

    async def cancel(self, order: CancelOrder) -> CancelOutcome:
        """Ask the venue to cancel an order by our id, once."""
        return await self._orders.cancel(order)

    async def extend_switch(self, symbols: Sequence[str], timeout_ms: int) -> None:
        """Have the venue cancel our orders unless it hears of us. Raises GiveUp where it has no such switch."""
        switch = self._open.switch
        if switch is None:
            raise GiveUp(f"{self._profile.title} has no dead man's switch that we can use.")
        await switch.extend(symbols, timeout_ms)

    async def transfer(self, asset: str, quantity: Decimal, *, to_contracts: bool) -> None:
        """Move an asset between the wallets of the account: to that which backs contracts, or away from it.

        Raises GiveUp where the venue has one wallet for both, or refuses.
        """
        transfer = self._open.transfer
        if transfer is None:
            raise GiveUp(
                f"{self._profile.title} keeps coins and contracts in one wallet: there is nothing to transfer."
            )
        await transfer(asset, quantity, to_contracts)

    @property
    def switch_reach(self) -> str:
        """What the dead man's switch takes, in words, where that is more than the contracts named to it; else empty."""
        return self._profile.switch_reach

    def keep_quiet(self, until_at: int, *, banned: bool) -> None:
        """Heed what the venue asked of an earlier start: `open` waits until its end."""
        self._quiet.keep(until_at, banned=banned)

    def on_quiet(self, told: QuietTold) -> None:
        """Tell from now on each quiet that the venue asks for, in the moment in which its answer is read."""
        self._told = told

    async def hints(self) -> AsyncIterator[Hint]:
        """Streamed news for one reader. The streams go on between readers and end with `close`."""
        if self._streams is None:
            raise Bug(f"the streams of account {self.account} are read before it is open.")
        self._streams.start()
        while True:
            yield await self._queue.get()

    async def close(self) -> None:
        """Let creates under way end, then close every connection. Orders are not touched."""
        if self._desk is not None:
            await self._desk.finish()
        for doubts in self._parts.stop if self._parts is not None else ():
            await doubts.stop()
        if self._streams is not None:
            await self._streams.stop()
        if self._watch is not None:
            await self._watch.stop()
        if self._link is not None:
            await self._link.client.close()
        if self._session is not None:
            await self._session.close()
        self._parts = self._desk = self._streams = self._link = self._session = self._watch = None

    @property
    def _orders(self) -> OrderDesk:
        if self._desk is None:
            raise Bug(f"the venue of account {self.account} is used before it is open.")
        return self._desk

    @property
    def _linked(self) -> Link:
        if self._link is None:
            raise Bug(f"the venue of account {self.account} is used before it is open.")
        return self._link


def _host(url: str) -> str:
    return url.split("/", 3)[2]

"""The simulated exchange behind the venue port: no bytes, but latency, and answers that come after news."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from functools import partial
from random import Random
from typing import Protocol, TypeVar

from hedger.errors import AskAgain, GiveUp
from hedger.model.account import AccountReading, FundingPayment, MarginMode, Position
from hedger.model.expiry_day import day_has_come
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.market import Candle, FundingRate, Mark, Quote
from hedger.model.message import (
    CancelAnswered,
    CancelOrder,
    OrderAccepted,
    OrderOutcomeUnknown,
    OrderRejected,
    PlaceOrder,
)
from hedger.model.numeric import ZERO
from hedger.model.order import Fill, OrderReport, RejectReason
from hedger.runtime.ports import Clock, Hint, LeaveTaken, PlaceOutcome, QuietTold
from hedger.sim import past_words
from hedger.sim import translation as words
from hedger.sim.dead_man import CONTRACTS, DeadManSwitch
from hedger.sim.exchange import Exchange
from hedger.sim.ledger import COLLATERAL
from hedger.sim.nouns import Listing, OrderKind, Refusal, Refused, Wallet
from hedger.sim.streams import Streams

T = TypeVar("T")
HINT_INTERVAL_MS = 1_000
ALL = 1_000_000


class TurnedAway(AskAgain):
    """The exchange's door refused a request, for a reason that proves that nothing behind it was touched."""

    def __init__(self, reason: RejectReason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Link(Protocol):
    """The way to the exchange and back: where latency lives, and where faults may be put.

    A leg that loses what it carries raises AskAgain: a lost request never happened, a lost response did. A request
    leg may raise TurnedAway.
    """

    async def request(self, what: str) -> None:
        """Carry a request to the exchange."""

    async def response(self, what: str) -> None:
        """Carry its answer back."""

    def news_ms(self) -> int:
        """How long a piece of streamed news travels."""


class SteadyLink:
    """A link that is never worse than slow: each leg takes between `least_ms` and `most_ms`, from a seed."""

    def __init__(self, clock: Clock, seed: int, *, least_ms: int = 3, most_ms: int = 20) -> None:
        self._clock, self._least, self._most = clock, least_ms, most_ms
        self._rng = Random(f"{seed}/link")

    async def request(self, what: str) -> None:
        """Carry a request to the exchange."""
        await self._clock.sleep(self.news_ms() / 1000)

    async def response(self, what: str) -> None:
        """Carry its answer back."""
        await self._clock.sleep(self.news_ms() / 1000)

    def news_ms(self) -> int:
        """How long a piece of streamed news travels."""
        return self._rng.randint(self._least, self._most)


class SimVenue:
    """One user's account on an `Exchange`, as the runtime's `Venue`."""

    transport = "port"

    def __init__(
        self,
        exchange: Exchange,
        clock: Clock,
        link: Link,
        *,
        account: str = "paper",
        user: str = "main",
        hint_interval_ms: int = HINT_INTERVAL_MS,
        switch: DeadManSwitch | None = None,
    ) -> None:
        """`switch`: the countdowns that are set; the exchange's own where none are given."""
        self.account = account
        self._exchange, self._clock, self._link, self._user = exchange, clock, link, user
        self._ids: dict[tuple[Wallet, str], InstrumentId] = {}
        self._streams = Streams(exchange, clock, link.news_ms, self._ids, user, account, hint_interval_ms)
        self._switch = switch if switch is not None else exchange.dead_man

    def reroute(self, link: Link) -> None:
        """Send every further request another way. What streams carry is not concerned."""
        self._link = link

    @property
    def exchange(self) -> Exchange:
        """The exchange behind the port."""
        return self._exchange

    @property
    def user(self) -> str:
        """What the account is called on the exchange."""
        return self._user

    @property
    def link(self) -> Link:
        """The way that requests take."""
        return self._link

    # --- connecting --------------------------------------------------------------------------------------------

    async def open(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """Load the rules of `symbols` and begin to stream. A dated contract that has ended is left out; another symbol
        that is not listed raises GiveUp."""
        instruments = await self._call(
            "open", lambda: tuple(self._instrument(s) for s in symbols if not self._has_ended(s))
        )
        self._streams.start()
        return instruments

    async def read_instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """Read the rules of `symbols` anew; one that is not listed any more is left out."""
        listed = [s for s in symbols if words.parse_symbol(s) in self._exchange.listings]
        return await self._call("instruments", lambda: tuple(self._instrument(s) for s in listed))

    async def configure(self, symbols: Sequence[str], *, leverage: int, margin_mode: MarginMode) -> None:
        """Set one-way mode, margin mode and leverage on `symbols`."""
        await self._call("configure", lambda: self._configure(symbols, leverage, margin_mode))

    async def close(self) -> None:
        """Stop streaming. Orders are not touched."""
        await self._streams.stop()

    def _has_ended(self, symbol: str) -> bool:
        listed = words.parse_symbol(symbol) in self._exchange.listings
        return not listed and day_has_come(symbol, self._exchange.now)

    def _instrument(self, symbol: str) -> Instrument:
        wallet, name = words.parse_symbol(symbol)
        listing = self._exchange.listings.get((wallet, name))
        if listing is None:
            raise GiveUp(f"{symbol} is not listed on the paper exchange.")
        id = InstrumentId(self.account, symbol)
        self._ids[wallet, name] = id
        return words.instrument(id, listing, self._exchange.fees(self._user, wallet))

    def _configure(self, symbols: Sequence[str], leverage: int, margin_mode: MarginMode) -> None:
        exchange, user = self._exchange, self._user
        isolated = margin_mode is MarginMode.ISOLATED
        try:
            _unless_unchanged(partial(exchange.set_hedge_mode, user, False))
            for symbol in symbols:
                _, name = words.parse_symbol(symbol)
                _unless_unchanged(partial(exchange.set_isolated, user, name, isolated))
                exchange.set_leverage(user, name, leverage)
        except Refused as refused:
            raise GiveUp(f"The paper exchange refused a setting: {refused}.") from refused

    # --- reading -----------------------------------------------------------------------------------------------

    async def measure_clock(self) -> int:
        """How far the exchange's clock is ahead of ours, as one request can tell."""
        return await self._call("clock", lambda: self._exchange.now - self._clock.now_ms())

    async def read_account(self) -> AccountReading:
        """Read balances, positions, margin, open orders and modes at one moment."""
        return await self._call("account", self._reading)

    async def read_prices(self, ids: Sequence[InstrumentId]) -> tuple[Quote | Mark, ...]:
        """Read quotes, and for derivatives also marks; raises AskAgain while a book has one side only."""
        return await self._call("prices", lambda: tuple(p for id in ids for p in self._prices(id)))

    async def read_fills(self, id: InstrumentId, since_at: int) -> tuple[Fill, ...]:
        """Read every fill of ours on an instrument since `since_at`."""
        wallet, name = words.parse_symbol(id.symbol)
        return await self._call(
            "fills",
            lambda: tuple(
                words.fill(id, trade)
                for trade in self._exchange.trades(self._user, wallet, name, since_at=since_at, limit=ALL)
            ),
        )

    async def read_funding(self, since_at: int) -> tuple[FundingPayment, ...]:
        """Read every funding payment of the configured derivatives since `since_at`."""
        return await self._call(
            "funding",
            lambda: tuple(
                words.payment(id, record)
                for record in self._exchange.funding(self._user, since_at=since_at, limit=ALL)
                if (id := self._contract_id(record.symbol)) is not None
            ),
        )

    async def read_candles(self, id: InstrumentId, interval_ms: int, count: int) -> tuple[Candle, ...]:
        """Read the last closed bars of the index; raises AskAgain where the exchange does not know as many."""
        return await self._call("candles", lambda: past_words.candles(self._exchange, id, interval_ms, count))

    async def read_funding_rates(self, id: InstrumentId, count: int) -> tuple[FundingRate, ...]:
        """Read what a perpetual paid; raises AskAgain before it has paid anything."""
        return await self._call("funding_rates", lambda: past_words.funding_rates(self._exchange, id, count))

    async def find_order(self, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        """The exchange's record of an order by our id; None when it knows none."""
        return await self._call("find_order", lambda: self._find(id, client_order_id))

    def _reading(self) -> AccountReading:
        exchange, user, wallets = self._exchange, self._user, self._exchange.derivatives(self._user)
        return AccountReading(
            account=self.account,
            spot=self._coins(),
            collateral={asset: wallet.wallet_balance for asset, wallet in wallets.items()},
            positions=self._positions(),
            margin=words.margin(wallets[COLLATERAL]),
            open_orders=tuple(
                words.report(self._id(order.wallet, order.symbol), order)
                for wallet in CONTRACTS
                for order in exchange.open_orders(user, wallet)
            ),
            one_way=not exchange.hedge_mode(user),
            exchange_at=exchange.now,
            options=tuple(words.option(self.account, *held) for held in exchange.options(user)),
            unrealized={asset: wallet.unrealized_pnl for asset, wallet in wallets.items()},
            coin_margins={a: words.margin(wallet) for a, wallet in wallets.items() if a != COLLATERAL},
        )

    def _positions(self) -> tuple[Position, ...]:
        """A row of each contract that was opened and is still listed, and of any other that is held."""
        held = ((self._listing(row.symbol), row) for row in self._exchange.positions(self._user))
        return tuple(
            words.position(self._id(listing.wallet, row.symbol), listing, row)
            for listing, row in held
            if row.quantity or (listing.wallet, row.symbol) in self._ids
        )

    def _coins(self) -> dict[str, Decimal]:
        """What the spot wallet holds, and an explicit zero for every other coin that is listed."""
        listed = {listing.base: ZERO for listing in self._exchange.listings.values()}
        balances = self._exchange.spot_balances(self._user)
        return listed | {asset: free + locked for asset, (free, locked) in balances.items()}

    def _prices(self, id: InstrumentId) -> tuple[Quote | Mark, ...]:
        wallet, name = words.parse_symbol(id.symbol)
        if (wallet, name) in self._exchange.expiries.settled:
            return ()
        quote = words.quote(id, self._exchange.best(wallet, name), self._exchange.now)
        if quote is None:
            raise AskAgain(f"The book of {id} has no two sides; it is asked again.")
        return (quote,) if wallet is Wallet.SPOT else (quote, self._mark(id, name))

    def _mark(self, id: InstrumentId, name: str) -> Mark:
        interval_ms = self._listing(name).funding_interval_ms
        return words.mark(id, self._exchange.premium(name), interval_ms)

    def _find(self, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        wallet, name = words.parse_symbol(id.symbol)
        try:
            order = self._exchange.find_order(self._user, wallet, name, client_order_id=client_order_id)
        except Refused:
            return None
        return words.report(id, order)

    def _contract_id(self, name: str) -> InstrumentId | None:
        """A contract that was opened; no two share a name."""
        return next((self._ids[wallet, name] for wallet in CONTRACTS if (wallet, name) in self._ids), None)

    def _id(self, wallet: Wallet, name: str) -> InstrumentId:
        return self._streams.id_of(wallet, name)

    def _listing(self, symbol: str) -> Listing:
        return self._exchange.floor.contract(symbol).listing

    # --- orders ------------------------------------------------------------------------------------------------

    async def place(self, order: PlaceOrder, leave: LeaveTaken) -> PlaceOutcome:
        """Send one post-only create, exactly once; it is refused if it travels longer than its time to live."""
        if (why := leave()) is not None:
            return OrderRejected(client_order_id=order.client_order_id, reason=RejectReason.NOT_SENT, text=why)
        sent_at = self._clock.now_ms()
        try:
            return await self._call("place", lambda: self._place(order, sent_at))
        except TurnedAway as refused:
            return OrderRejected(client_order_id=order.client_order_id, reason=refused.reason, text=str(refused))
        except AskAgain as lost:
            return OrderOutcomeUnknown(client_order_id=order.client_order_id, text=str(lost))

    async def cancel(self, order: CancelOrder) -> CancelAnswered:
        """Ask the exchange to cancel an order by our id."""
        try:
            return await self._call("cancel", lambda: self._cancel(order))
        except AskAgain as lost:
            return CancelAnswered(client_order_id=order.client_order_id, known=None, text=str(lost))

    def _place(self, order: PlaceOrder, sent_at: int) -> PlaceOutcome:
        name = order.client_order_id
        if self._exchange.now - sent_at > order.ttl_ms:
            return OrderRejected(client_order_id=name, reason=RejectReason.CLOCK, text="arrived too late")
        wallet, symbol = words.parse_symbol(order.id.symbol)
        try:
            placed = self._exchange.place(
                self._user,
                wallet,
                symbol,
                side=order.side,
                kind=OrderKind.POST_ONLY,
                quantity=order.quantity,
                price=order.price,
                reduce_only=order.reduce_only,
                client_order_id=name,
            )
        except Refused as refused:
            if refused.refusal is Refusal.DUPLICATE_CLIENT_ID:
                return OrderOutcomeUnknown(client_order_id=name, text=str(refused))
            return OrderRejected(client_order_id=name, reason=words.reject_reason(refused.refusal), text=str(refused))
        return OrderAccepted(client_order_id=name, venue_order_id=str(placed.order_id))

    def _cancel(self, order: CancelOrder) -> CancelAnswered:
        wallet, symbol = words.parse_symbol(order.id.symbol)
        name, known, text = order.client_order_id, True, ""
        try:
            self._exchange.cancel(self._user, wallet, symbol, client_order_id=name)
        except Refused as refused:
            known, text = False, str(refused)
        return CancelAnswered(client_order_id=name, known=known, text=text)

    async def _call(self, what: str, act: Callable[[], T]) -> T:
        """Request leg, then act at the exchange's time, then response leg."""
        await self._link.request(what)
        self._exchange.advance(self._clock.now_ms())
        answer = act()
        await self._link.response(what)
        return answer

    # --- protection --------------------------------------------------------------------------------------------

    async def extend_switch(self, symbols: Sequence[str], timeout_ms: int) -> None:
        """Start the exchange's countdown of each symbol anew."""
        names = [words.parse_symbol(symbol)[1] for symbol in symbols]

        def extend() -> None:
            for name in names:
                self._switch.set(self._user, name, timeout_ms)

        await self._call("switch", extend)

    def keep_quiet(self, until_at: int, *, banned: bool) -> None:
        """Nothing asks for quiet here."""

    def on_quiet(self, told: QuietTold) -> None:
        """Nothing asks for quiet here."""

    # --- hints -------------------------------------------------------------------------------------------------

    async def hints(self) -> AsyncIterator[Hint]:
        """Order news as it travels; of prices the latest of each instrument, once per hint interval."""
        while True:
            yield await self._streams.queue.get()


async def drive(exchange: Exchange, clock: Clock, *, step_ms: int = 500) -> None:
    """Keep the exchange at the clock's time, step by step, for ever: run it as a task."""
    while True:
        exchange.advance(clock.now_ms())
        await clock.sleep(step_ms / 1000)


def _unless_unchanged(change: Callable[[], None]) -> None:
    """Ask for a setting; that it is so already is no refusal."""
    try:
        change()
    except Refused as refused:
        if refused.refusal is not Refusal.NO_CHANGE:
            raise

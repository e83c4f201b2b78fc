"""A venue that misbehaves as planned, in front of the simulated one: the port that the daemon is tested against."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Coroutine, Sequence
from typing import Any, TypeVar

from hedger.errors import AskAgain, CredentialsError
from hedger.model.account import AccountReading, FundingPayment, MarginMode
from hedger.model.instrument import Instrument, InstrumentId, Kind
from hedger.model.market import Candle, FundingRate, Mark, Quote
from hedger.model.message import (
    CancelAnswered,
    CancelOrder,
    ClockMeasured,
    OrderOutcomeUnknown,
    OrderRejected,
    PlaceOrder,
    VenueQuieted,
)
from hedger.model.order import Fill, OrderReport, RejectReason
from hedger.runtime.ports import CancelOutcome, Clock, Hint, LeaveTaken, PlaceOutcome, QuietTold
from hedger.sim.faults.desk import Desk
from hedger.sim.faults.house import CONTROL, House, Quieting
from hedger.sim.faults.link import TIMEOUT_S, FaultyLink
from hedger.sim.faults.plan import Plan
from hedger.sim.faults.prices import Prices
from hedger.sim.faults.readings import Readings
from hedger.sim.faults.stream import FaultyStream
from hedger.sim.happenings import Sent, Tell
from hedger.sim.port import SimVenue, TurnedAway

T = TypeVar("T")
RESYNC_MS = 5_000


class FaultyVenue:
    """One process's connection to a `SimVenue` through a plan's faults; implements `runtime.ports.Venue`.

    `clock` is the true time. `own` is the daemon's clock where that is another (a wall clock that was wrong when the
    process began). `house` is what the exchange itself remembers of the account: pass the one of the process before,
    so that a ban and a forgotten order outlive a restart. What has left goes on when the process is gone.
    """

    transport = "port"

    def __init__(
        self,
        inner: SimVenue,
        plan: Plan,
        clock: Clock,
        tell: Tell,
        *,
        house: House | None = None,
        own: Clock | None = None,
    ) -> None:
        self.account = inner.account
        self.house = house or House(inner.exchange, clock, plan, tell, account=inner.account, user=inner.user)
        self._inner, self._clock, self._own, self._tell = inner, clock, own or clock, tell
        self._strikes = self.house.strikes
        self._link = FaultyLink(inner.link, self.house, clock, self._quieted)
        self._link.doubt = self._doubt
        inner.reroute(self._link)
        self._desk = Desk(inner, self.house, self._link, clock)
        self._stream = FaultyStream(inner.hints, self.house, clock)
        self._prices, self._readings = Prices(self._strikes), Readings(self.house)
        self._quiet_until = self._banned_until = 0
        self._told: QuietTold = lambda _: None
        self._synced_at = 0
        self._wires: set[asyncio.Task[Any]] = set()

    # --- connecting -----------------------------------------------------------------------------------------

    async def open(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """Connect and load the rules of `symbols`; while the venue wants quiet, this waits, as the real client does."""
        while True:
            await self._quiet_over()
            try:
                instruments = await self._ask("open", self._inner.open(symbols))
            except AskAgain:
                if self._clock.now_ms() >= self._quiet_until:
                    raise
            else:
                self._stream.start()
                return instruments

    async def _quiet_over(self) -> None:
        while (left_ms := self._quiet_until - self._clock.now_ms()) > 0:
            await self._clock.sleep(left_ms / 1000)

    async def read_instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """Read the rules of `symbols` anew; a perpetual that is suspended is left out."""
        instruments = await self._ask("instruments", self._inner.read_instruments(symbols))
        if not self.house.suspended():
            return instruments
        self._strikes.tell("V31", "perpetuals are not listed")
        return tuple(i for i in instruments if i.kind is Kind.SPOT)

    async def configure(self, symbols: Sequence[str], *, leverage: int, margin_mode: MarginMode) -> None:
        """Set modes and leverage."""
        await self._ask("configure", self._inner.configure(symbols, leverage=leverage, margin_mode=margin_mode))

    async def measure_clock(self) -> int:
        """How far the venue's clock is ahead of the daemon's."""
        offset_ms = await self._ask("clock", self._inner.measure_clock())
        return offset_ms + self._synced()

    def _synced(self) -> int:
        """From now on requests are stamped with the venue's time; its error plus the daemon's own."""
        self._link.measured_ms = self.house.clock_error_ms()
        self._synced_at = self._clock.now_ms()
        return self._link.measured_ms + self._clock.now_ms() - self._own.now_ms()

    def _doubt(self) -> None:
        """A request was refused for its stamp: the client measures the clock anew, unless it just did."""
        if self._clock.now_ms() - self._synced_at >= RESYNC_MS:
            self._stream.offer(ClockMeasured(account=self.account, offset_ms=self._synced()))

    async def close(self) -> None:
        """Close connections. Orders are not touched, and what has left is on its way: its answer reaches nobody."""
        self._told = lambda _: None
        await self._stream.stop()
        await self._inner.close()

    # --- reading --------------------------------------------------------------------------------------------

    async def read_account(self) -> AccountReading:
        """Read the account, as the plan bends it."""
        return self._readings.account(await self._ask("account", self._inner.read_account()))

    async def read_prices(self, ids: Sequence[InstrumentId]) -> tuple[Quote | Mark, ...]:
        """Read quotes and marks, as the plan bends them."""
        prices = await self._ask("prices", self._inner.read_prices(ids))
        return tuple(self._readings.by_venue_clock(self._prices.bend(price)) for price in prices)

    async def read_fills(self, id: InstrumentId, since_at: int) -> tuple[Fill, ...]:
        """Read fills, as the plan bends them."""
        since_at -= self.house.clock_error_ms()
        return self._readings.fills(await self._ask("fills", self._inner.read_fills(id, since_at)))

    async def read_funding(self, since_at: int) -> tuple[FundingPayment, ...]:
        """Read funding payments."""
        return await self._ask("funding", self._inner.read_funding(since_at))

    async def read_candles(self, id: InstrumentId, interval_ms: int, count: int) -> tuple[Candle, ...]:
        """Read closed bars of an index."""
        return await self._ask("candles", self._inner.read_candles(id, interval_ms, count))

    async def read_funding_rates(self, id: InstrumentId, count: int) -> tuple[FundingRate, ...]:
        """Read what a perpetual paid."""
        return await self._ask("funding_rates", self._inner.read_funding_rates(id, count))

    async def find_order(self, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        """Query an order by our id."""
        found = await self._ask("find_order", self._inner.find_order(id, client_order_id))
        return self._readings.found(client_order_id, found)

    async def _ask(self, what: str, call: Coroutine[Any, Any, T]) -> T:
        """One read or setting: raises AskAgain, or CredentialsError for a key that is refused."""
        try:
            self._enter(what, None)
        except AskAgain:
            call.close()
            raise
        try:
            return await self._wired(what, call)
        except TurnedAway as turned:
            if turned.reason is RejectReason.NOT_AUTHORISED:
                raise CredentialsError(f"{what}: {turned}; check the keys.") from None
            raise

    # --- orders ---------------------------------------------------------------------------------------------

    async def place(self, order: PlaceOrder, leave: LeaveTaken) -> PlaceOutcome:
        """Send one create, exactly once, if `leave` lets it go."""
        name = order.client_order_id
        if self._strikes.active("V28"):
            await self._clock.sleep(self._strikes.draw("V28").uniform(0, 3))  # the lane waits for its turn
        if (why := leave()) is not None:
            return OrderRejected(client_order_id=name, reason=RejectReason.NOT_SENT, text=why)
        try:
            self._enter("place", order)
        except AskAgain as barred:
            return OrderRejected(client_order_id=name, reason=RejectReason.NOT_SENT, text=str(barred))
        try:
            outcome = await self._wired("place", self._desk.place(order))
        except AskAgain as lost:
            return OrderOutcomeUnknown(client_order_id=name, text=str(lost))
        if self._readings.endings.loses(order.id):
            return OrderOutcomeUnknown(client_order_id=name, text="the answer was lost around an expiry")
        return outcome

    async def cancel(self, order: CancelOrder) -> CancelOutcome:
        """Ask for a cancel by our id."""
        try:
            self._enter("cancel", order)
            answer = await self._wired("cancel", self._desk.cancel(order))
        except AskAgain as lost:
            return CancelAnswered(client_order_id=order.client_order_id, known=None, text=str(lost))
        if self._readings.endings.loses(order.id):
            return CancelAnswered(client_order_id=order.client_order_id, known=None, text="lost around an expiry")
        return answer

    async def extend_switch(self, symbols: Sequence[str], timeout_ms: int) -> None:
        """Extend the dead man's switch; raises AskAgain when nobody knows whether that was done."""
        lost = self._strikes.hits("V29", "the switch cannot be extended")
        await self._ask("switch", self._inner.extend_switch(symbols, timeout_ms))
        if lost:
            raise AskAgain("switch: the connection was lost.")

    # --- what leaves ----------------------------------------------------------------------------------------

    def keep_quiet(self, until_at: int, *, banned: bool) -> None:
        """Heed what the venue asked of an earlier start (the daemon's clock)."""
        until_at += self._clock.now_ms() - self._own.now_ms()
        self._quiet_until = max(self._quiet_until, until_at)
        if banned:
            self._banned_until = max(self._banned_until, until_at)

    @property
    def heeds_until(self) -> int:
        """Until when (true ms) it knows that the venue wants quiet."""
        return self._quiet_until

    def on_quiet(self, told: QuietTold) -> None:
        """Tell from now on each quiet that the venue asks for."""
        self._told = told

    def _quieted(self, quieting: Quieting) -> None:
        self._quiet_until = max(self._quiet_until, quieting.until_at)
        if quieting.banned:
            self._banned_until = max(self._banned_until, quieting.until_at)
        until_at = quieting.until_at - self._clock.now_ms() + self._own.now_ms()
        self._told(VenueQuieted(account=self.account, until_at=until_at, banned=quieting.banned, text=str(quieting)))

    def _enter(self, what: str, order: PlaceOrder | CancelOrder | None) -> None:
        """A lane: raises AskAgain while the venue asked for quiet; what passes has left."""
        now, control = self._clock.now_ms(), what in CONTROL
        until = self._banned_until if control else max(self._quiet_until, self._banned_until)
        if now < until:
            raise AskAgain(f"the venue asked for quiet: nothing is sent for another {(until - now) / 1000:.1f} s.")
        self.house.leaves(what, control=control, heard_until=self._link.heard_until)
        self._tell(Sent(at=now, account=self.account, what=what, order=order))

    async def _wired(self, what: str, call: Coroutine[Any, Any, T]) -> T:
        """A request that has left goes on without whoever waits for it, be it for a time limit or its death."""
        wire = asyncio.get_running_loop().create_task(call)
        self._wires.add(wire)
        wire.add_done_callback(self._arrived)
        return await _within(what, wire)

    def _arrived(self, wire: asyncio.Task[Any]) -> None:
        self._wires.discard(wire)
        if not wire.cancelled():
            wire.exception()  # whoever waited has it; nobody may wait any more

    async def hints(self) -> AsyncIterator[Hint]:
        """Streamed news, as the plan brings it."""
        while True:
            yield await self._stream.queue.get()


async def _within(what: str, wire: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await asyncio.shield(wire)
    except TimeoutError:
        raise AskAgain(f"{what}: no answer within {TIMEOUT_S:.0f} s.") from None

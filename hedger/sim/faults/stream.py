"""Streamed news as a bad socket brings it: not at all, frozen, late, twice, out of order, with messages lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine

from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.message import StreamChanged
from hedger.model.order import Fill, OrderReport
from hedger.runtime.ports import Clock, Hint
from hedger.sim.faults.house import House
from hedger.sim.faults.plan import Window
from hedger.sim.faults.prices import Prices
from hedger.sim.faults.readings import Readings

# After how long a broken stream is noticed, in seconds.
NOTICED_S = {"N01": 15.0, "N04": 0.2, "V25": 2.0}
Key = tuple[type, InstrumentId]


class FaultyStream:
    """One process's stream of one account: takes hints from `source`, gives them on as `queue` has them."""

    def __init__(self, source: Callable[[], AsyncIterator[Hint]], house: House, clock: Clock) -> None:
        self.queue: asyncio.Queue[Hint] = asyncio.Queue()
        self._source, self._house, self._clock = source, house, clock
        self._strikes = house.strikes
        self._prices, self._readings = Prices(house.strikes), Readings(house)
        self._frozen: dict[Key, Quote | Mark] = {}
        self._tasks: dict[asyncio.Task[None], None] = {}  # in the order of their making

    def start(self) -> None:
        """Begin to listen, once, and plan the interruptions to come."""
        if self._tasks:
            return
        self.spawn(self._pump())
        plan = self._strikes.plan
        for code, after_s in NOTICED_S.items():
            for window in plan.doses[code].windows if code in plan.doses else ():
                if window.end_at > self._clock.now_ms():
                    self.spawn(self._interrupt(code, window, after_s))

    async def stop(self) -> None:
        """Listen no more."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Do something beside, until the stream stops."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    def offer(self, hint: Hint) -> None:
        """Give a hint on as it is."""
        self.queue.put_nowait(hint)

    async def _pump(self) -> None:
        async for hint in self._source():
            self._pass(hint)

    async def _interrupt(self, code: str, window: Window, after_s: float) -> None:
        """The connection breaks, which is noticed after a while, and is there again at the window's end."""
        now = self._clock.now_ms()
        await self._clock.sleep(max(0.0, (window.start_at - now) / 1000) + after_s)
        if self._clock.now_ms() < window.end_at:
            self._strikes.tell_once(code, "the stream broke")
            self.offer(StreamChanged(account=self._house.account, up=False, text=f"closed by {code}"))
        await self._clock.sleep(max(0.0, (window.end_at - self._clock.now_ms()) / 1000) + 0.1)
        self.offer(StreamChanged(account=self._house.account, up=True, text="open again"))

    # --- each hint ------------------------------------------------------------------------------------------

    def _pass(self, hint: Hint) -> None:
        if isinstance(hint, Quote | Mark):
            self._pass_price(hint)
        elif isinstance(hint, Fill | OrderReport):
            self._pass_order(hint)
        else:
            self.offer(hint)

    def _broken(self) -> bool:
        """Whether nothing at all comes through."""
        strikes = self._strikes
        if strikes.active("N03") and strikes.variant("N03", 2) == 0:
            strikes.tell_once("N03", "the stream is silent")
            return True
        return strikes.active("N01") or strikes.active("V25")

    def _pass_price(self, price: Quote | Mark) -> None:
        if self._broken():
            return
        key = (type(price), price.id)
        if self._strikes.active("N03"):
            self._strikes.tell_once("N03", "prices tick on with a frozen time")
            self.offer(self._readings.by_venue_clock(self._frozen.setdefault(key, price)))
            return
        self._frozen.pop(key, None)
        self.offer(self._readings.by_venue_clock(self._prices.bend(price)))

    def _pass_order(self, hint: Fill | OrderReport) -> None:
        strikes = self._strikes
        if self._broken():
            return
        if strikes.active("N04"):
            strikes.tell("N04", f"lost: {type(hint).__name__} of {hint.client_order_id}")
            return
        if isinstance(hint, OrderReport) and (twin := self._readings.twin(hint)) is not None:
            self._later(twin, 0.05)
        told = self._readings.fill(hint) if isinstance(hint, Fill) else self._readings.report(hint)
        wait_s = self._lateness(hint)
        if wait_s:
            self._later(told, wait_s)
        else:
            self.offer(told)

    def _lateness(self, hint: Fill | OrderReport) -> float:
        """How late news of an order is, in seconds; a fill may also come twice."""
        strikes = self._strikes
        if isinstance(hint, Fill) and strikes.hits("V10", f"a fill of {hint.client_order_id} is told late"):
            return strikes.draw("V10").uniform(0.5, 5.0)
        if not strikes.hits("V11", f"{type(hint).__name__} of {hint.client_order_id} out of order"):
            return 0.0
        if isinstance(hint, Fill):
            self._later(self._readings.fill(hint), strikes.draw("V11").uniform(0.0, 3.0))
        return strikes.draw("V11").uniform(0.0, 2.0)

    def _later(self, hint: Hint, wait_s: float) -> None:
        self.spawn(self._offer_after(hint, wait_s))

    async def _offer_after(self, hint: Hint, wait_s: float) -> None:
        await self._clock.sleep(wait_s)
        self.offer(hint)

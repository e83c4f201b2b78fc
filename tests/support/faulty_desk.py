"""A desk at a venue that misbehaves: one faulty venue on a still world, its hints, and what was told."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal

from hedger.model.instrument import InstrumentId
from hedger.model.message import CancelOrder, PlaceOrder
from hedger.model.order import Side
from hedger.runtime.ports import Hint, PlaceOutcome
from hedger.sim.faults.plan import Plan, constant_plan
from hedger.sim.faults.venue import FaultyVenue
from hedger.sim.faults.world import WorldFaults
from hedger.sim.happenings import Accepted, Happening, Sent, Struck
from hedger.sim.nouns import SimOrder, Wallet
from hedger.sim.port import SimVenue, SteadyLink, drive
from hedger.sim.virtual_time import VirtualClock, run_virtual
from hedger.sim.world import paper_world
from tests.support.bare_exchange import START
from tests.support.leave import let_go

D = Decimal
PERPETUAL, PAIR = "BTC/USDT:USDT", "BTC/USDT"
ID = InstrumentId("paper", PERPETUAL)
SPOT_ID = InstrumentId("paper", PAIR)


class FaultyDesk:
    """What a story has to do with: the venue, the exchange's truth, the hints that came and what was told."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.clock = VirtualClock()
        self.world = paper_world(1, START, still=True)
        self.exchange = self.world.exchange
        self.told: list[Happening] = []
        self.hits: Counter[str] = Counter()
        self.venue = self.connect()
        self.hints: list[tuple[int, Hint]] = []
        self._names = itertools.count(1)

    def connect(self, before: FaultyVenue | None = None) -> FaultyVenue:
        """Another process's venue, at the house of the one before."""
        inner = SimVenue(self.exchange, self.clock, SteadyLink(self.clock, 1))
        return FaultyVenue(inner, self.plan, self.clock, self.tell, house=before.house if before else None)

    def tell(self, happening: Happening) -> None:
        self.told.append(happening)
        if isinstance(happening, Struck):
            self.hits[happening.code] += 1

    def struck(self, code: str) -> list[str]:
        return [h.detail for h in self.told if isinstance(h, Struck) and h.code == code]

    def sent(self, what: str) -> list[Sent]:
        return [h for h in self.told if isinstance(h, Sent) and h.what == what]

    def accepted(self) -> list[str]:
        return [h.order.client_order_id for h in self.told if isinstance(h, Accepted)]

    def working(self) -> list[SimOrder]:
        return self.exchange.open_orders("main", Wallet.LINEAR)

    async def listen(self) -> None:
        async for hint in self.venue.hints():
            self.hints.append((self.clock.now_ms(), hint))

    def order(self, side: Side = Side.BUY, price: str = "59000", **changes: object) -> PlaceOrder:
        values: dict[str, object] = {
            "id": ID,
            "client_order_id": f"order{next(self._names)}",
            "side": side,
            "quantity": D("0.1"),
            "price": D(price),
            "reduce_only": False,
            "ttl_ms": 2_000,
            "decision_id": 1,
        }
        return PlaceOrder(**{**values, **changes})  # type: ignore[arg-type]

    async def place(self, order: PlaceOrder | None = None) -> PlaceOutcome:
        return await self.venue.place(order or self.order(), let_go)

    async def placed(self) -> str:
        """An order that rests; its id."""
        order = self.order()
        await self.venue.place(order, let_go)
        return order.client_order_id


def cancel_of(name: str) -> CancelOrder:
    return CancelOrder(id=ID, client_order_id=name, venue_order_id=None)


def constant(*codes: str, seconds: float = 600, after: float = 0, seed: int = 1, chance: float = 1.0) -> Plan:
    """Faults that strike at every opportunity for so many seconds, from so many seconds after the start."""
    begin = START + int(after * 1000)
    return constant_plan(codes, begin, begin + int(seconds * 1000), seed=seed, chance=chance)


def with_form(code: str, of: int, form: int, *, seconds: float = 600) -> Plan:
    """A plan in which a fault has this one of its forms."""
    plans = (constant(code, seconds=seconds, seed=seed) for seed in itertools.count())
    return next(plan for plan in plans if plan.variant(code, START, of) == form)


def at_a_faulty_desk(
    plan: Plan,
    story: Callable[[FaultyDesk], Awaitable[None]],
    *,
    open_first: bool = True,
    users: Mapping[str, str] = {},
) -> FaultyDesk:
    async def run() -> FaultyDesk:
        desk = FaultyDesk(plan)
        WorldFaults(world=desk.world, plan=plan, tell=desk.tell, users=users or {"paper": "main"}).begin()
        tasks = [asyncio.create_task(drive(desk.exchange, desk.clock)), asyncio.create_task(desk.listen())]
        if open_first:
            await desk.venue.open([PERPETUAL, PAIR])
        await story(desk)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await desk.venue.close()
        return desk

    return run_virtual(run(), START)

"""How fast requests leave, and over how many connections: never beyond what a venue takes at once, at a kill too."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aiohttp import web

from hedger.runtime.lifeline import LiveOrder
from hedger.venues.abilities import Ability
from hedger.venues.emergency import EmergencyAccount, EmergencyExit
from hedger.venues.network import Network
from tests.support.leave import let_go
from tests.support.stand import Stand, proves
from tests.support.stands import bingx, deribit
from tests.support.wire_certificates import contexts
from tests.support.wire_server import FakeVenue, Loopback, Seen
from tests.support.wire_venue import Desk, WireClock, opened

# Of Deribit: what its matching engine takes at once, and how many connections one address may have.
AT_ONCE, CONNECTIONS = 20, 32
# Of BingX: orders, or cancels, of an account in any second.
IN_A_SECOND = 5
Work = list[asyncio.Future[Any]]


class Counting:
    """Answers every request, `after_s` later, and notes when each came and how many there were at once."""

    def __init__(self, after_s: float = 0.0) -> None:
        self.came: list[float] = []
        self.most = self._now = 0
        self._after_s = after_s

    async def answer(self, _request: web.Request, _seen: Seen) -> web.StreamResponse:
        self.came.append(time.monotonic())
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(self._after_s)
        self._now -= 1
        return web.json_response({})


def ids(count: int) -> list[str]:
    return [f"hpace{number:011d}" for number in range(count)]


def cancels(stand: Stand, desk: Desk, count: int) -> Work:
    wanted = [replace(stand.cancel(), client_order_id=id) for id in ids(count)]
    return [asyncio.ensure_future(desk.venue.cancel(order)) for order in wanted]


async def dropped(*work: asyncio.Future[Any]) -> None:
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)


@proves(Ability.LIMITS)
def test_cancels_of_many_orders_at_once_never_leave_faster_than_bingx_allows_in_any_second() -> None:
    """Who asks for more is shut out for minutes: the orders whose cancels came last would stay."""

    async def scenario() -> list[float]:
        """When each came, in seconds since all were asked for."""
        async with opened(stand=bingx.STAND) as desk:
            method, path, _ = bingx.STAND.routes["cancel"]
            counting = Counting()
            desk.fake.answers[method, path] = counting.answer
            begun = time.monotonic()
            await asyncio.gather(*cancels(bingx.STAND, desk, 12))
            return [at - begun for at in counting.came]

    came = asyncio.run(scenario())
    assert len(came) == 12, "and each leaves, in its turn"
    assert came[IN_A_SECOND] >= 1
    assert came[2 * IN_A_SECOND] >= 2


async def watched(prepare: Callable[[FakeVenue], None], count: int) -> list[str]:
    """Which of so many orders on BingX the watchdog leaves."""
    fake = await bingx.STAND.fake().start()
    prepare(fake)
    network = Network(resolver=Loopback(fake.port), ssl_context=contexts()[1])
    account = EmergencyAccount(venue="bingx", environment="live", credentials=bingx.STAND.credentials, network=network)
    leave = EmergencyExit({"main": account}, WireClock(), pause_s=0.01)
    symbol = bingx.STAND.contract.symbol
    orders = [LiveOrder(account="main", symbol=symbol, client_order_id=id) for id in ids(count)]
    try:
        return list(await asyncio.to_thread(leave, orders))
    finally:
        await fake.stop()


@proves(Ability.LIMITS)
def test_the_watchdogs_cancels_of_many_orders_leave_no_faster_than_bingx_allows_and_end_them_all() -> None:
    counting, asked_at = Counting(), []

    def prepare(fake: FakeVenue) -> None:
        clock_ms = fake.clock_ms

        def timed() -> int:
            """The venue's time, which is asked for before the first cancel leaves."""
            asked_at.append(time.monotonic())
            return clock_ms()

        async def canceled(request: web.Request, seen: Seen) -> web.StreamResponse:
            await counting.answer(request, seen)
            ended = bingx.record(clientOrderId=seen.params["clientOrderId"], status="CANCELLED")
            return web.json_response(bingx.ok({"order": ended}))

        method, path, _ = bingx.STAND.routes["cancel"]
        fake.answers[method, path], fake.clock_ms = canceled, timed

    assert asyncio.run(watched(prepare, 12)) == []
    came = [at - asked_at[0] for at in counting.came]
    assert len(came) == 12
    assert came[IN_A_SECOND] >= 1
    assert came[2 * IN_A_SECOND] >= 2


def test_a_ban_that_the_watchdog_meets_keeps_back_the_cancels_that_wait_for_their_turn() -> None:
    """Whatever is sent during a ban makes it longer."""
    came: list[Seen] = []

    def prepare(fake: FakeVenue) -> None:
        async def banned(_request: web.Request, seen: Seen) -> web.StreamResponse:
            came.append(seen)
            return web.json_response({}, status=418)

        method, path, _ = bingx.STAND.routes["cancel"]
        fake.answers[method, path] = banned

    left = asyncio.run(watched(prepare, IN_A_SECOND + 2))
    assert [id.partition(" ")[0] for id in left] == ids(IN_A_SECOND + 2)
    assert all("banned" in id for id in left)
    assert len(came) <= IN_A_SECOND


@proves(Ability.LIMITS)
def test_orders_and_cancels_together_are_no_more_than_deribits_matching_engine_takes_at_once() -> None:
    async def scenario() -> int:
        async with opened(stand=deribit.STAND) as desk:
            orders = [replace(deribit.STAND.order(), client_order_id=f"hmore{n:011d}") for n in range(AT_ONCE)]
            work: Work = [asyncio.ensure_future(desk.venue.place(order, let_go)) for order in orders]
            work += cancels(deribit.STAND, desk, AT_ONCE)
            await asyncio.sleep(0.8)
            await dropped(*work)
            engine = ("/private/sell", "/private/buy", "/private/cancel_by_label")
            return sum(seen.path.endswith(engine) for seen in desk.fake.seen)

    assert 12 < asyncio.run(scenario()) <= AT_ONCE


@proves(Ability.LIMITS)
def test_a_slow_deribit_is_never_asked_over_more_connections_than_an_address_may_have() -> None:
    """The connection too many is refused, and it may be that of a cancel."""

    async def scenario() -> int:
        async with opened(stand=deribit.STAND) as desk:
            counting = Counting(after_s=1.0)
            for name in (
                "private/sell",
                "private/cancel_by_label",
                "private/get_order_state_by_label",
                "public/ticker",
            ):
                desk.fake.answers[deribit.path(name)] = counting.answer
            venue, order = desk.venue, deribit.STAND.order()
            orders = [replace(order, client_order_id=f"hmore{n:011d}") for n in range(20)]
            work: Work = [asyncio.ensure_future(venue.place(order, let_go)) for order in orders]
            work += cancels(deribit.STAND, desk, 20)
            work += [asyncio.ensure_future(venue.find_order(order.id, id)) for id in ids(30)]
            work += [asyncio.ensure_future(venue.read_prices([order.id])) for _ in range(30)]
            await asyncio.sleep(0.8)
            await dropped(*work)
            return counting.most

    most = asyncio.run(scenario())
    assert 16 <= most <= CONNECTIONS - 6, "there was a backlog, and room for streams, the watchdog and people"

"""The venue's clock on the wire: a limit at the start, and afterwards measured again whenever the venue complains."""

import asyncio

import pytest
from aiohttp import web

from hedger.errors import AskAgain
from hedger.model.message import CancelAnswered, OrderAccepted, OrderRejected
from hedger.model.order import OrderReport, RejectReason
from tests.support.leave import let_go
from tests.support.wire_bodies import order_record
from tests.support.wire_server import UNSIGNED, Answer, FakeVenue, Seen, refusal
from tests.support.wire_venue import BTC, OUR_ID, Desk, WireClock, cancel_order, opened, place_order

TIME = "/fapi/v1/time"
SLEPT_MS = 11 * 60_000


def test_a_machine_whose_clock_is_far_off_does_not_start() -> None:
    async def scenario() -> None:
        async with opened(clock=WireClock(behind_ms=SLEPT_MS), ready=False) as desk:
            with pytest.raises(AskAgain, match="set this machine's"):
                await desk.venue.open([BTC.symbol])

    asyncio.run(scenario())


def test_a_machine_that_slept_for_long_measures_its_clock_and_goes_on() -> None:
    async def scenario() -> None:
        clock = WireClock()
        async with opened(clock=clock) as desk:
            clock.stand_still(SLEPT_MS)
            assert abs(await desk.venue.measure_clock() - SLEPT_MS) < 1000
            assert isinstance(await desk.venue.place(place_order(), let_go), OrderAccepted)
            await desk.venue.read_account()

    asyncio.run(scenario())


def test_a_read_that_the_venue_finds_too_old_has_the_clock_measured_soon() -> None:
    async def scenario() -> None:
        clock = WireClock()
        async with opened(clock=clock) as desk:
            mind_the_time(desk.fake)
            clock.stand_still(SLEPT_MS)
            try:
                await desk.venue.read_account()
            except AskAgain:
                await measured(desk)
                await desk.venue.read_account()
            assert desk.fake.requests("GET", TIME)

    asyncio.run(scenario())


def test_a_cancel_that_the_venue_finds_too_old_has_the_clock_measured_soon() -> None:
    async def scenario() -> None:
        clock = WireClock()
        async with opened(clock=clock) as desk:
            desk.fake.answers["DELETE", "/fapi/v1/order"] = order_record(clientOrderId=OUR_ID, status="CANCELED")
            mind_the_time(desk.fake)
            clock.stand_still(SLEPT_MS)
            refused = await desk.venue.cancel(cancel_order())
            assert isinstance(refused, CancelAnswered)
            assert refused.known is None
            await measured(desk)
            assert isinstance(await desk.venue.cancel(cancel_order()), OrderReport)

    asyncio.run(scenario())


def test_also_while_the_venue_asks_for_quiet_for_a_cancel_still_passes() -> None:
    async def scenario() -> None:
        clock = WireClock()
        async with opened(clock=clock) as desk:
            desk.fake.answers["DELETE", "/fapi/v1/order"] = order_record(clientOrderId=OUR_ID, status="CANCELED")
            mind_the_time(desk.fake)
            desk.fake.answers["GET", "/fapi/v1/premiumIndex"] = refusal(429, -1003, Retry_After="60")
            with pytest.raises(AskAgain):
                await desk.venue.read_prices([BTC])
            clock.stand_still(SLEPT_MS)
            await desk.venue.cancel(cancel_order())
            await measured(desk)
            assert isinstance(await desk.venue.cancel(cancel_order()), OrderReport)

    asyncio.run(scenario())


def test_complaints_without_end_do_not_become_measurements_without_end() -> None:
    async def scenario() -> int:
        async with opened() as desk:
            desk.fake.answers["POST", "/fapi/v1/order"] = refusal(400, -1021)
            for _ in range(20):
                outcome = await desk.venue.place(place_order(), let_go)
                assert isinstance(outcome, OrderRejected)
                assert outcome.reason is RejectReason.CLOCK
            await measured(desk)
            return len(desk.fake.requests("GET", TIME))

    assert asyncio.run(scenario()) == 3


async def measured(desk: Desk) -> None:
    """Wait until the venue was asked for its time, and a moment for its answers."""
    async with asyncio.timeout(60):
        while len(desk.fake.requests("GET", TIME)) < 3:
            desk.fake.asked.clear()
            await desk.fake.asked.wait()
    await asyncio.sleep(0.1)


def mind_the_time(fake: FakeVenue) -> None:
    """Refuse every signed request that is not stamped with the time."""
    fake.judges_age = False
    for (method, path), answer in list(fake.answers.items()):
        if not path.endswith(UNSIGNED):
            fake.answers[method, path] = minding_the_time(fake, answer)


def minding_the_time(fake: FakeVenue, good: Answer) -> Answer:
    complain = refusal(400, -1021, "Timestamp for this request is outside of the recvWindow.")

    async def answer(request: web.Request, seen: Seen) -> web.StreamResponse:
        age = fake.clock_ms() - int(seen.params["timestamp"])
        if not -1000 <= age <= int(seen.params["recvWindow"]):
            response: web.StreamResponse = await complain(request, seen)
        else:
            response = await good(request, seen) if callable(good) else web.json_response(good)
        return response

    return answer

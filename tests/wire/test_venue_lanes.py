"""Cancels and the switch never wait behind polls: not for their turn, not for a connection, however slow the polls."""

import asyncio
import time

import pytest

from tests.support.wire_bodies import order_record
from tests.support.wire_server import Answer, hanging_answer
from tests.support.wire_venue import BTC, OUR_ID, cancel_order, opened

POLLS = 500
# The bound is a quarter of a second and the bench measures it; here the venue and others share the processor with us.
# Behind polls that hang, a cancel without a seat of its own would wait for half a minute and more.
GENEROUS_S = 10.0
PATHS = {("DELETE", "/fapi/v1/order"), ("POST", "/fapi/v1/countdownCancelAll")}


@pytest.mark.parametrize(
    "answer", [order_record(clientOrderId=OUR_ID), hanging_answer()], ids=["quick polls", "polls that hang"]
)
def test_a_cancel_and_the_switch_reach_the_venue_past_five_hundred_polls(answer: Answer) -> None:
    async def scenario() -> tuple[dict[str, float], int]:
        async with opened(answer_s=30.0) as desk:
            desk.fake.answers["GET", "/fapi/v1/order"] = answer
            desk.fake.answers["GET", "/fapi/v1/premiumIndex"] = answer
            polls: list[asyncio.Future[object]] = []
            for _ in range(POLLS // 2):
                polls.append(asyncio.ensure_future(desk.venue.find_order(BTC, OUR_ID)))
                polls.append(asyncio.ensure_future(desk.venue.read_prices([BTC])))
            await asyncio.sleep(0.5)
            begun = time.monotonic()
            cancel = asyncio.ensure_future(desk.venue.cancel(cancel_order()))
            switch = asyncio.ensure_future(desk.venue.extend_switch([BTC.symbol], 60_000))
            took: dict[str, float] = {}
            while len(took) < len(PATHS):
                await asyncio.sleep(0.002)
                now = time.monotonic() - begun
                assert now < 60, f"only {sorted(took)} arrived"
                for seen in desk.fake.seen:
                    if (seen.method, seen.path) in PATHS:
                        took.setdefault(seen.path, now)
            waiting = sum(not poll.done() for poll in polls)
            for poll in polls:
                poll.cancel()
            await asyncio.gather(*polls, cancel, switch, return_exceptions=True)
            return took, waiting

    took, waiting = asyncio.run(scenario())
    assert waiting > 50, "there was a backlog"
    assert all(seconds <= GENEROUS_S for seconds in took.values()), took

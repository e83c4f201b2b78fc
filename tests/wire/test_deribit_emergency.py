"""The watchdog's own way to Deribit: our labels are canceled, and their records read, by a client of its own."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from hedger.runtime.lifeline import LiveOrder
from hedger.venues.abilities import Ability
from hedger.venues.emergency import EmergencyAccount, EmergencyExit
from hedger.venues.network import Network
from tests.support.stand import OUR_ID, proves
from tests.support.stands.deribit import LINEAR, PERPETUAL, STAND, error, fake_deribit, order, path, told
from tests.support.wire_certificates import contexts
from tests.support.wire_server import FakeVenue, Loopback, Seen, plain_answer
from tests.support.wire_venue import WireClock

OURS = LiveOrder(account="main", symbol=PERPETUAL, client_order_id=OUR_ID)
CANCEL, FIND = path("private/cancel_by_label"), path("private/get_order_state_by_label")


def leave(prepare: Callable[[FakeVenue], None], ours: LiveOrder = OURS) -> tuple[list[str], list[Seen]]:
    """What is left after the exit was used in a thread while this loop serves, and what it asked."""

    async def scenario() -> tuple[list[str], list[Seen]]:
        fake = fake_deribit()
        prepare(fake)
        await fake.start()
        account = EmergencyAccount(
            venue="deribit",
            environment="live",
            credentials=STAND.credentials,
            network=Network(resolver=Loopback(fake.port), ssl_context=contexts()[1]),
        )
        way_out = EmergencyExit({"main": account}, WireClock(behind_ms=5_000), pause_s=0.01)
        try:
            left = await asyncio.to_thread(way_out, [ours])
        finally:
            await fake.stop()
        assert fake.faults == []
        return list(left), fake.seen

    return asyncio.run(scenario())


def answering(cancel: Any, find: Any) -> Callable[[FakeVenue], None]:
    def prepare(fake: FakeVenue) -> None:
        fake.answers |= {CANCEL: cancel, FIND: find}

    return prepare


@proves(Ability.CANCEL)
def test_an_order_is_over_when_its_own_record_says_so() -> None:
    left, seen = leave(answering(told(1), told([order(order_state="cancelled")])))
    assert left == []
    assert [one.path for one in seen] == ["/api/v2/public/get_time", CANCEL[1], FIND[1]]
    assert all(one.params == {"currency": "BTC", "label": OUR_ID} for one in seen[1:])


def test_a_count_is_no_proof_and_an_order_that_works_on_is_left() -> None:
    left, seen = leave(answering(told(1), told([order()])))
    assert left == [OUR_ID]
    assert len([one for one in seen if one.path == CANCEL[1]]) > 1


def test_an_order_that_the_venue_does_not_know_is_over_once_it_cannot_arrive_any_more() -> None:
    assert leave(answering(told(0), told([])))[0] == []
    until = WireClock(behind_ms=5_000).now_ms() + 300
    coming = LiveOrder(account="main", symbol=LINEAR, client_order_id=OUR_ID, arrives_until=until)
    left, seen = leave(answering(told(0), told([])), coming)
    assert left == []
    assert len([one for one in seen if one.path == FIND[1]]) > 4
    assert {one.params["currency"] for one in seen if "label" in one.params} == {"USDC"}


@pytest.mark.parametrize("answer", [plain_answer(200, "<html>"), plain_answer(400, "{}"), error(10001), told(None)])
def test_whatever_else_is_answered_leaves_the_order(answer: Any) -> None:
    assert leave(answering(answer, answer))[0] == [OUR_ID]

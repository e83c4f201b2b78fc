"""The watchdog's own way to WEEX: our orders canceled by our id, and proven off the book by two lists."""

import asyncio
from typing import Any

import pytest

from hedger.runtime.lifeline import LiveOrder
from hedger.venues.abilities import Ability
from hedger.venues.emergency import EmergencyAccount, EmergencyExit
from hedger.venues.network import Network
from tests.support.stand import OUR_ID, proves
from tests.support.stands.weex import BTC, HISTORY, OPEN, ORDER, STAND, TIME, fake, record, refusal
from tests.support.wire_certificates import contexts
from tests.support.wire_server import Loopback, Seen, plain_answer
from tests.support.wire_venue import WireClock

OURS = LiveOrder(account="main", symbol=BTC.symbol, client_order_id=OUR_ID)
OTHERS = [record(orderId=n, clientOrderId=f"web-{n}") for n in range(1, 101)]


def left_after(answers: dict[tuple[str, str], Any]) -> tuple[list[str], list[Seen]]:
    """What is left after the exit was used in a thread while this loop serves, and the requests that it took."""

    async def scenario() -> tuple[list[str], list[Seen]]:
        venue = await fake().start()
        venue.answers |= answers
        account = EmergencyAccount(
            venue="weex",
            environment="live",
            credentials=STAND.credentials,
            network=Network(resolver=Loopback(venue.port), ssl_context=contexts()[1]),
        )
        leave = EmergencyExit({"main": account}, WireClock(), pause_s=0.01)
        try:
            left = await asyncio.to_thread(leave, [OURS])
        finally:
            await venue.stop()
        assert venue.faults == []
        return list(left), venue.seen

    return asyncio.run(scenario())


@proves(Ability.CANCEL)
def test_an_order_that_the_history_shows_canceled_is_off_and_nothing_else_was_asked() -> None:
    left, seen = left_after({("GET", OPEN): [], ("GET", HISTORY): [*OTHERS, record(status="CANCELED")]})
    assert left == []
    assert {one.path for one in seen} == {TIME, ORDER, OPEN, HISTORY}
    assert [one.query for one in seen if one.method == "DELETE"] == [f"origClientOrderId={OUR_ID}"]
    assert {one.params["symbol"] for one in seen if one.method == "GET" and one.path != TIME} == {"BTCUSDT"}


@pytest.mark.parametrize(
    "answers",
    [
        {("GET", OPEN): [record()]},
        {("GET", OPEN): OTHERS},
        {("GET", OPEN): {"code": "-1000"}},
        {("GET", OPEN): plain_answer(500, "")},
        {("GET", OPEN): [], ("GET", HISTORY): plain_answer(400, str(refusal(-1000, "?")).replace("'", '"'))},
        {("GET", OPEN): [], ("GET", HISTORY): [record(status="PARTIAL_FILL")]},
        {("GET", OPEN): [], ("GET", HISTORY): [record(status="CANCELED", symbol="ETHUSDT")]},
    ],
    ids=["still open", "a full page", "no list", "a failure", "no history", "partly filled", "another contract's"],
)
def test_an_order_counts_as_left_unless_it_is_proven_to_be_off(answers: dict[tuple[str, str], Any]) -> None:
    assert left_after(answers)[0] == [OUR_ID]


def test_an_order_that_neither_list_knows_is_off_once_no_late_create_can_arrive() -> None:
    left, _ = left_after({("DELETE", ORDER): plain_answer(400, '{"code":-3200,"msg":"?"}'), ("GET", OPEN): []})
    assert left == []

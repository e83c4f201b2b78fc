"""The watchdog's own way to MEXC, where the word that there is no such order is believed only if it is not listed."""

import asyncio
from typing import Any

import pytest

from hedger.runtime.lifeline import LiveOrder
from hedger.venues.emergency import EmergencyAccount, EmergencyExit
from hedger.venues.network import Network
from tests.support.stand import OUR_ID
from tests.support.stands.mexc import BTC, CANCEL, FIND, OPEN, STAND, fake, ok, record, said
from tests.support.wire_certificates import contexts
from tests.support.wire_server import Loopback, plain_answer
from tests.support.wire_venue import WireClock

OTHERS = [record(orderId=str(n), externalOid=f"web-{n}") for n in range(1, 101)]
NONE = {"success": True, "code": 0}


def left_after(find: Any, listed: Any) -> list[str]:
    """The ids that are left where the venue answers so about our order and about all that are open."""

    async def scenario() -> list[str]:
        venue = await fake().start()
        venue.answers |= {("POST", CANCEL): said(2040, "?"), ("GET", FIND): find, ("GET", OPEN): listed}
        account = EmergencyAccount(
            venue="mexc",
            environment="live",
            credentials=STAND.credentials,
            network=Network(resolver=Loopback(venue.port), ssl_context=contexts()[1]),
        )
        leave = EmergencyExit({"main": account}, WireClock(), pause_s=0.01)
        try:
            ours = LiveOrder(account="main", symbol=BTC.symbol, client_order_id=OUR_ID)
            return list(await asyncio.to_thread(leave, [ours]))
        finally:
            await venue.stop()
            assert venue.faults == []

    return asyncio.run(scenario())


@pytest.mark.parametrize("none", [NONE, said(2040, "order not exist")])
def test_an_order_of_which_it_knows_nothing_is_gone_only_where_it_is_not_listed_as_open(none: Any) -> None:
    assert left_after(none, ok(OTHERS[:3])) == []
    assert left_after(none, ok([*OTHERS[:3], record(externalOid=OUR_ID)])) == [OUR_ID]


CUT = ok({"resultList": OTHERS[:3], "totalCount": 4, "pageSize": 100, "currentPage": 1, "totalPage": 1})


@pytest.mark.parametrize("listed", [ok(OTHERS), CUT, NONE, plain_answer(500, ""), ok(None), said(500, "busy")])
def test_a_list_that_is_not_whole_or_not_understood_proves_nothing(listed: Any) -> None:
    assert left_after(NONE, listed) == [OUR_ID]


@pytest.mark.parametrize(("state", "left"), [(2, [OUR_ID]), (3, []), (4, []), (5, []), (1, [OUR_ID]), (9, [OUR_ID])])
def test_its_record_proves_an_end_by_the_states_that_are_ends(state: int, left: list[str]) -> None:
    assert left_after(ok(record(externalOid=OUR_ID, state=state)), ok([])) == left

"""The watchdog's own way to OKX: a bare client, which ends our orders by their ids and knows their end by a record."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from hedger.runtime.lifeline import LiveOrder
from hedger.venues.emergency import EmergencyAccount, EmergencyExit
from hedger.venues.network import Network
from tests.support.stand import OUR_ID
from tests.support.stands.okx import CANCEL, ORDER, STAND, answering, fake_okx, order, refused, told
from tests.support.wire_certificates import contexts
from tests.support.wire_server import Loopback, Seen
from tests.support.wire_venue import WireClock

OURS = LiveOrder(account="main", symbol="BTC/USDT:USDT", client_order_id=OUR_ID)


def leave(
    answers: dict[tuple[str, str], Any], orders: Sequence[LiveOrder] = (OURS,), *, environment: str = "live"
) -> tuple[list[str], list[Seen], list[str]]:
    """What is left after the exit was used: ids, requests, the fake's complaints."""

    async def scenario() -> tuple[list[str], list[Seen], list[str]]:
        fake = await fake_okx(demo=environment == "testnet").start()
        fake.answers |= answers
        account = EmergencyAccount(
            venue="okx",
            environment=environment,
            credentials=STAND.credentials,
            network=Network(resolver=Loopback(fake.port), ssl_context=contexts()[1]),
        )
        way_out = EmergencyExit({"main": account}, WireClock(), pause_s=0.01)
        try:
            left = await asyncio.to_thread(way_out, orders)
        finally:
            await fake.stop()
        return list(left), fake.seen, fake.faults

    return asyncio.run(scenario())


def ended(seen: Seen) -> Any:
    return told(order(clOrdId=seen.params["clOrdId"], instId=seen.params["instId"], state="canceled"))


@pytest.mark.parametrize("environment", ["live", "testnet"])
def test_a_noted_cancel_is_proven_by_the_order_s_record(environment: str) -> None:
    left, seen, faults = leave({("GET", ORDER): answering(ended)}, environment=environment)
    assert (left, faults) == ([], [])
    assert [(one.method, one.path) for one in seen if one.path in (CANCEL, ORDER)] == [("POST", CANCEL), ("GET", ORDER)]
    cancel = next(one for one in seen if one.path == CANCEL)
    assert cancel.params == {"instId": "BTC-USDT-SWAP", "clOrdId": OUR_ID}


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("BTC/USD:BTC", "BTC-USD-SWAP"),
        ("BTC/USDT:USDT-261225", "BTC-USDT-261225"),
        ("BTC/USD:BTC-261225", "BTC-USD-261225"),
    ],
)
def test_every_kind_of_contract_is_named_as_the_venue_names_it(symbol: str, name: str) -> None:
    left, seen, _ = leave({("GET", ORDER): answering(ended)}, [_of(symbol)])
    assert left == []
    assert {one.params["instId"] for one in seen if one.path == CANCEL} == {name}


def _of(symbol: str) -> LiveOrder:
    return LiveOrder(account="main", symbol=symbol, client_order_id=OUR_ID)


def test_an_order_that_is_still_live_or_another_s_record_is_not_over() -> None:
    others = [
        told(order(clOrdId=OUR_ID)),
        told(order(clOrdId="h2", state="canceled")),
        told(order(clOrdId=OUR_ID, state=["canceled"])),
        told(order(clOrdId=OUR_ID, state=None)),
        told(None),
        told(order(clOrdId=OUR_ID, instId="ETH-USDT-SWAP", state="canceled")),
        told(),
        refused("50026"),
    ]
    for answer in others:
        left, _, _ = leave({("GET", ORDER): answer})
        assert left == [OUR_ID], answer


def test_an_order_that_the_venue_says_twice_it_does_not_know_is_over() -> None:
    left, seen, _ = leave(
        {("GET", ORDER): refused("51603", "Order does not exist"), ("POST", CANCEL): refused("51400")}
    )
    assert left == []
    assert len([one for one in seen if one.path == ORDER]) == 2

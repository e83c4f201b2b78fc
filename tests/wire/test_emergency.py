"""The watchdog's own way to Binance: a client in a thread, which ends our orders by their ids and no others."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from hedger.runtime.lifeline import LiveOrder
from hedger.runtime.watchdog import LONGEST_CANCEL_S
from hedger.venues.client import Credentials
from hedger.venues.emergency import LONGEST_S, ROUNDS, EmergencyAccount, EmergencyExit
from hedger.venues.network import Network
from tests.support.wire_bodies import order_record
from tests.support.wire_certificates import contexts
from tests.support.wire_server import KEY, SECRET, FakeVenue, Loopback, Seen, plain_answer, refusal, reset_answer
from tests.support.wire_venue import OUR_ID, WireClock

ORDER = "/fapi/v1/order"
SPARE_S = 3.0  # to make clients and to close them
OTHER_ID = "hbot000100000297"
OURS = LiveOrder(account="main", symbol="BTC/USDT:USDT", client_order_id=OUR_ID)
OTHER = LiveOrder(account="main", symbol="ETH/USDT:USDT", client_order_id=OTHER_ID)


def cancel(
    prepare: Callable[[FakeVenue], None],
    orders: Sequence[LiveOrder] = (OURS,),
    *,
    environment: str = "live",
    behind_ms: int = 0,
) -> tuple[list[str], list[Seen], list[str]]:
    """What is left after the exit was used in a thread while this loop serves: ids, requests, the fake's complaints."""

    async def scenario() -> tuple[list[str], list[Seen], list[str]]:
        fake = await FakeVenue().start()
        prepare(fake)
        account = EmergencyAccount(
            venue="binance",
            environment=environment,
            credentials=Credentials(api_key=KEY, secret=SECRET),
            network=Network(resolver=Loopback(fake.port), ssl_context=contexts()[1]),
        )
        leave = EmergencyExit({"main": account}, WireClock(behind_ms=behind_ms), pause_s=0.01)
        try:
            left = await asyncio.to_thread(leave, orders)
        finally:
            await fake.stop()
        return list(left), fake.seen, fake.faults

    return asyncio.run(scenario())


def answering(**answers: object) -> Callable[[FakeVenue], None]:
    """Answers to DELETE and GET of an order."""

    def prepare(fake: FakeVenue) -> None:
        fake.answers |= {(method, ORDER): answer for method, answer in answers.items()}

    return prepare


def canceled_record(id: str = OUR_ID) -> dict[str, object]:
    return order_record(status="CANCELED", clientOrderId=id)


def test_a_cancel_that_is_confirmed_by_the_order_s_record_is_enough() -> None:
    left, seen, faults = cancel(answering(DELETE=canceled_record()))
    assert left == []
    assert faults == []
    deletes = [one for one in seen if one.method == "DELETE"]
    assert [(one.host, one.path) for one in deletes] == [("fapi.binance.com", ORDER)]
    assert {key: deletes[0].params[key] for key in ("symbol", "origClientOrderId")} == {
        "symbol": "BTCUSDT",
        "origClientOrderId": OUR_ID,
    }
    assert {one.method for one in seen} == {"DELETE", "GET"}


def test_it_asks_for_nothing_but_the_time_and_our_own_orders() -> None:
    _, seen, _ = cancel(answering(DELETE=canceled_record()), [OURS, OTHER])
    assert {one.path for one in seen} == {"/fapi/v1/time", ORDER}
    asked = {one.params["origClientOrderId"] for one in seen if one.path == ORDER}
    assert asked == {OUR_ID, OTHER_ID}
    assert {one.params["symbol"] for one in seen if one.params.get("origClientOrderId") == OTHER_ID} == {"ETHUSDT"}


def test_an_order_that_had_ended_before_is_proven_by_its_record() -> None:
    left, _, _ = cancel(answering(DELETE=refusal(400, -2011), GET=order_record(status="FILLED", clientOrderId=OUR_ID)))
    assert left == []


def test_a_record_of_another_order_proves_nothing() -> None:
    wrong = answering(DELETE=canceled_record(OTHER_ID), GET=order_record(status="NEW", clientOrderId=OUR_ID))
    assert cancel(wrong)[0] == [OUR_ID]


@pytest.mark.parametrize("status", [["CANCELED"], {"CANCELED": 1}, None, 7])
def test_a_record_of_an_odd_form_neither_ends_an_order_nor_the_way_out_of_others(status: object) -> None:
    odd = answering(DELETE=order_record(status=status, clientOrderId=OUR_ID), GET=refusal(400, -2013))
    assert cancel(odd, [OURS, OTHER])[0] == []


def test_an_order_that_the_venue_does_not_know_is_asked_about_twice() -> None:
    left, seen, _ = cancel(answering(DELETE=refusal(400, -2011), GET=refusal(400, -2013)))
    assert left == []
    assert len([one for one in seen if one.method == "GET" and one.path == ORDER]) == 2
    assert len([one for one in seen if one.method == "DELETE"]) == 2


def test_an_order_whose_create_may_still_arrive_is_canceled_until_it_does() -> None:
    """The venue does not know it for longer than all rounds take, and then it arrives: an early "no such order" proves
    nothing, however often it is said."""
    cancels = 0

    async def late(request: web.Request, seen: Seen) -> object:
        nonlocal cancels
        cancels += seen.method == "DELETE"
        if cancels <= ROUNDS:
            return await refusal(400, -2011 if seen.method == "DELETE" else -2013)(request, seen)
        return web.json_response(canceled_record())

    def prepare(fake: FakeVenue) -> None:
        fake.answers |= {("DELETE", ORDER): late, ("GET", ORDER): late}

    left, seen, _ = cancel(prepare, [replace(OURS, arrives_until=int(time.time() * 1000) + 60_000)])
    assert left == []
    assert len([one for one in seen if one.method == "DELETE"]) == ROUNDS + 1


def test_an_order_that_never_arrived_is_gone_once_it_cannot_any_more() -> None:
    until = int(time.time() * 1000) + 400
    left, _, _ = cancel(
        answering(DELETE=refusal(400, -2011), GET=refusal(400, -2013)), [replace(OURS, arrives_until=until)]
    )
    assert left == []
    assert time.time() * 1000 > until


def test_during_a_ban_nothing_is_sent_and_that_is_said() -> None:
    banned = replace(OURS, banned_until=int(time.time() * 1000) + 60_000)
    left, seen, _ = cancel(answering(DELETE=canceled_record()), [banned])
    assert (len(left), seen) == (1, [])
    assert left[0].startswith(OUR_ID)
    assert "banned" in left[0]
    over = replace(OURS, banned_until=int(time.time() * 1000) - 1)
    assert cancel(answering(DELETE=canceled_record()), [over])[0] == []


def test_a_ban_that_is_met_ends_the_rounds_at_once() -> None:
    left, seen, _ = cancel(answering(DELETE=refusal(418, -1003), GET=refusal(418, -1003)))
    assert "banned" in left[0]
    assert len([one for one in seen if one.path == ORDER]) == 1


@pytest.mark.parametrize("answer", [plain_answer(403, "<html>"), refusal(418, -1003)])
def test_whatever_is_a_ban_to_the_desk_ends_the_rounds(answer: object) -> None:
    left, seen, _ = cancel(answering(DELETE=answer, GET=answer), [OURS, OTHER])
    assert all("banned" in text for text in left)
    assert len([one for one in seen if one.method == "DELETE"]) <= 2


@pytest.mark.parametrize(
    "answers",
    [
        {"DELETE": reset_answer(), "GET": reset_answer()},
        {"DELETE": plain_answer(200, "<html>"), "GET": plain_answer(503, "")},
        {"DELETE": refusal(400, -2011), "GET": order_record(status="NEW", clientOrderId=OUR_ID)},
        {"DELETE": refusal(401, -2015), "GET": refusal(401, -2015)},
        {"DELETE": {}, "GET": {}},
    ],
)
def test_without_the_venue_s_word_an_order_counts_as_left(answers: dict[str, object]) -> None:
    assert cancel(answering(**answers))[0] == [OUR_ID]


def test_a_cancel_that_failed_once_is_tried_again() -> None:
    async def second_time(request: object, seen: Seen) -> object:
        tried.append(seen)
        answer = reset_answer() if len(tried) == 1 else plain_answer(200, json.dumps(canceled_record()))
        return await answer(request, seen)

    tried: list[Seen] = []
    left, _, _ = cancel(answering(DELETE=second_time, GET=order_record(status="NEW", clientOrderId=OUR_ID)))
    assert left == []
    assert len(tried) == 2


def test_a_clock_that_is_off_by_minutes_does_not_keep_it_from_canceling() -> None:
    left, _, faults = cancel(answering(DELETE=canceled_record()), behind_ms=180_000)
    assert (left, faults) == ([], [])


class _Hanging(AbstractResolver):
    """Looks a name up for as long as it is let, in a thread that nobody can end, as the system's resolver does."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        await asyncio.get_running_loop().run_in_executor(None, self.let_go.wait, 60)
        raise OSError(f"{host} has no address")

    async def close(self) -> None:
        """Nothing is open."""


async def never(_request: web.Request, _seen: Seen) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response()


def left_by_two(prepare: Callable[[FakeVenue], None], longest_s: float) -> tuple[list[str], float, list[Seen]]:
    """What is left of an order on each of two accounts, of which one's names cannot be looked up, after how long."""

    async def scenario() -> tuple[list[str], float, list[Seen]]:
        fake, hanging = await FakeVenue().start(), _Hanging()
        prepare(fake)
        keys, context = Credentials(api_key=KEY, secret=SECRET), contexts()[1]
        accounts = {
            name: EmergencyAccount(
                venue="binance",
                environment="live",
                credentials=keys,
                network=Network(resolver=resolver, ssl_context=context),
            )
            for name, resolver in (("main", Loopback(fake.port)), ("other", hanging))
        }
        leave = EmergencyExit(accounts, WireClock(), pause_s=0.01, longest_s=longest_s)
        begun_at = time.monotonic()
        try:
            left = await asyncio.to_thread(leave, [OURS, replace(OTHER, account="other")])
        finally:
            hanging.let_go.set()
            await fake.stop()
        return list(left), time.monotonic() - begun_at, fake.seen

    return asyncio.run(scenario())


def test_a_venue_whose_name_cannot_be_looked_up_takes_no_proof_from_the_others() -> None:
    left, took_s, _ = left_by_two(answering(DELETE=canceled_record()), longest_s=1.0)
    assert left == [OTHER_ID]
    assert took_s < 1.0 + SPARE_S


def test_a_venue_that_never_answers_is_left_in_time_and_has_been_asked() -> None:
    left, took_s, seen = left_by_two(answering(DELETE=never, GET=never), longest_s=1.0)
    assert left == [OUR_ID, OTHER_ID]
    assert took_s < 1.0 + SPARE_S
    assert "DELETE" in {one.method for one in seen}


def test_the_watchdog_waits_for_longer_than_the_way_out_takes() -> None:
    assert LONGEST_S + SPARE_S < LONGEST_CANCEL_S


def test_a_run_that_only_watches_sends_nothing() -> None:
    left, seen, _ = cancel(answering(), environment="shadow")
    assert (left, seen) == ([OUR_ID], [])


def test_the_text_of_an_account_shows_no_key() -> None:
    account = EmergencyAccount(
        venue="binance",
        environment="live",
        credentials=Credentials(api_key=KEY, secret=SECRET),
        network=Network(),
    )
    assert KEY not in repr(account)
    assert SECRET not in repr(account)

"""Orders on the wire: their exact bytes, their one request, and what the venue's records become."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from aiohttp import web

from hedger.errors import AskAgain, Bug
from hedger.model.message import CancelAnswered, OrderAccepted, OrderOutcomeUnknown, OrderRejected
from hedger.model.order import OrderReport, RejectReason, ReportStatus, Side
from hedger.venues.abilities import Ability
from tests.support.leaping import in_leaps
from tests.support.leave import let_go
from tests.support.stand import proves
from tests.support.wire_bodies import echo_order, order_record
from tests.support.wire_server import Seen, hanging_answer, plain_answer, refusal, reset_answer
from tests.support.wire_venue import BTC, OUR_ID, SPOT, WireClock, cancel_order, opened, place_order

ORDER = "/fapi/v1/order"


@proves(Ability.POST_ONLY, Ability.OUR_ID, Ability.TIME_TO_LIVE, Ability.REDUCE_ONLY)
def test_a_create_carries_our_id_post_only_the_window_and_exact_numbers() -> None:
    async def scenario() -> dict[str, str]:
        async with opened() as desk:
            await desk.venue.place(place_order(reduce_only=True, ttl_ms=2500), let_go)
            return desk.fake.requests("POST", ORDER)[0].params

    params = asyncio.run(scenario())
    window = int(params.pop("recvWindow"))
    del params["timestamp"], params["signature"]
    assert params == {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "newClientOrderId": OUR_ID,
        "newOrderRespType": "RESULT",
        "type": "LIMIT",
        "quantity": "0.002",
        "price": "60000.1",
        "timeInForce": "GTX",
        "reduceOnly": "true",
    }
    assert 2400 < window <= 2500, "waiting in the lane comes off the time-to-live, never on top"


def test_a_create_that_does_not_reduce_says_nothing_of_reducing() -> None:
    async def scenario() -> dict[str, str]:
        async with opened() as desk:
            await desk.venue.place(place_order(side=Side.BUY), let_go)
            return desk.fake.requests("POST", ORDER)[0].params

    params = asyncio.run(scenario())
    assert params["side"] == "BUY"
    assert "reduceOnly" not in params


def test_numbers_of_more_digits_than_a_float_has_reach_the_venue_whole() -> None:
    async def scenario() -> dict[str, str]:
        async with opened() as desk:
            long = place_order(quantity=Decimal("90071992547409.931"), price=Decimal("36028797018963968.1"))
            await desk.venue.place(long, let_go)
            return desk.fake.requests("POST", ORDER)[0].params

    params = asyncio.run(scenario())
    assert (params["quantity"], params["price"]) == ("90071992547409.931", "36028797018963968.1")


class Strides(WireClock):
    """A clock that goes on by `stride_ms` whenever it is looked at: time that a request spends in line."""

    stride_ms = 0

    def now_ms(self) -> int:
        self.stand_still(-self.stride_ms)
        return super().now_ms()


@pytest.mark.parametrize(("stride_ms", "least", "most"), [(100, 1_000, 2_700), (1_500, 0, 0)])
def test_the_time_to_live_counts_from_when_we_were_asked(stride_ms: int, least: int, most: int) -> None:
    async def scenario() -> tuple[object, list[Seen]]:
        clock = Strides()
        async with opened(clock=clock) as desk:
            clock.stride_ms = stride_ms
            outcome = await desk.venue.place(place_order(ttl_ms=3_000), let_go)
            clock.stride_ms = 0
            return outcome, desk.fake.requests("POST", ORDER)

    outcome, seen = asyncio.run(scenario())
    if most:
        assert least <= int(seen[0].params["recvWindow"]) <= most
    else:
        assert not seen
        assert isinstance(outcome, OrderRejected)
        assert outcome.reason is RejectReason.NOT_SENT


def test_an_order_that_may_not_leave_when_its_turn_has_come_is_not_sent() -> None:
    async def scenario() -> tuple[object, int]:
        async with opened() as desk:
            outcome = await desk.venue.place(place_order(), lambda: "the mode is another by now")
            return outcome, len(desk.fake.seen)

    outcome, seen = asyncio.run(scenario())
    assert outcome == OrderRejected(
        client_order_id=OUR_ID, reason=RejectReason.NOT_SENT, text="the mode is another by now"
    )
    assert seen == 0


def test_an_order_that_may_not_leave_any_more_once_its_connection_stands_is_not_sent() -> None:
    """To connect may take seconds: a kill that comes meanwhile still holds it back."""

    async def scenario() -> tuple[object, int]:
        async with opened() as desk:
            said = iter([None, "the kill file is there"])
            outcome = await desk.venue.place(place_order(), lambda: next(said))
            return outcome, len(desk.fake.seen)

    outcome, seen = asyncio.run(scenario())
    assert outcome == OrderRejected(client_order_id=OUR_ID, reason=RejectReason.NOT_SENT, text="the kill file is there")
    assert seen == 0


def test_a_scaled_clock_stamps_its_own_time_with_the_measured_offset() -> None:
    """At ten times the speed the server shares the clock; ours is 4 s behind it and the measurement knows."""

    async def scenario() -> tuple[int, object]:
        server = WireClock(speed=10)
        async with opened(clock=WireClock(speed=10, behind_ms=4000), ready=False) as desk:
            desk.fake.clock_ms = server.now_ms
            await desk.venue.open([BTC.symbol])
            return await desk.venue.measure_clock(), await desk.venue.place(place_order(ttl_ms=3000), let_go)

    offset_ms, outcome = asyncio.run(scenario())
    assert abs(offset_ms - 4000) < 200
    assert isinstance(outcome, OrderAccepted)


@pytest.mark.parametrize(
    "changes", [{"quantity": Decimal("0.0025")}, {"price": Decimal("60000.15")}, {"id": SPOT}, {"quantity": Decimal(0)}]
)
def test_an_order_off_the_grid_or_for_another_instrument_is_a_bug_and_not_sent(changes: dict[str, object]) -> None:
    async def scenario() -> None:
        async with opened([BTC.symbol, SPOT.symbol]) as desk:
            with pytest.raises(Bug):
                await desk.venue.place(place_order(**changes), let_go)
            assert desk.fake.seen == []

    asyncio.run(scenario())


def test_an_order_whose_connection_is_refused_was_provably_not_sent() -> None:
    async def scenario() -> object:
        async with opened() as desk:
            await desk.fake.stop()
            return await desk.venue.place(place_order(), let_go)

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, OrderRejected)
    assert outcome.reason is RejectReason.NOT_SENT


def test_a_shadow_venue_sends_no_create_and_no_cancel() -> None:
    async def scenario() -> None:
        async with opened(environment="shadow") as desk:
            outcome = await desk.venue.place(place_order(), let_go)
            assert isinstance(outcome, OrderRejected)
            assert outcome.reason is RejectReason.NOT_SENT
            assert isinstance(await desk.venue.cancel(cancel_order()), CancelAnswered)
            assert desk.fake.seen == []

    asyncio.run(scenario())


def test_a_canceled_caller_neither_cuts_the_create_nor_hides_it() -> None:
    async def scenario() -> None:
        async with opened() as desk:
            desk.fake.answers["POST", ORDER] = hanging_answer(0.3)
            desk.fake.asked.clear()
            task = asyncio.create_task(desk.venue.place(place_order(), let_go))
            await asyncio.wait_for(desk.fake.asked.wait(), 60)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert [outcome.client_order_id for outcome in desk.watcher.abandoned] == [OUR_ID]
            assert len(desk.fake.requests("POST", ORDER)) == 1

    asyncio.run(scenario())


def test_a_cancel_does_not_overtake_its_own_create() -> None:
    async def scenario() -> list[str]:
        async with opened() as desk:
            answered = []

            async def slow(request: web.Request, seen: Seen) -> web.StreamResponse:
                await asyncio.sleep(0.3)
                answered.append("create")
                return await echo_order(request, seen)

            async def cancels(_request: web.Request, _seen: Seen) -> web.StreamResponse:
                answered.append("cancel")
                return web.json_response(order_record(clientOrderId=OUR_ID, status="CANCELED"))

            desk.fake.answers.update({("POST", ORDER): slow, ("DELETE", ORDER): cancels})
            desk.fake.asked.clear()
            task = asyncio.create_task(desk.venue.place(place_order(), let_go))
            await asyncio.wait_for(desk.fake.asked.wait(), 60)
            task.cancel()
            assert isinstance(
                await desk.venue.cancel(replace(cancel_order(), client_order_id="another")), CancelAnswered
            )
            assert isinstance(await desk.venue.cancel(cancel_order()), OrderReport)
            return answered

    assert asyncio.run(scenario()) == ["cancel", "create", "cancel"]


def test_a_create_that_is_never_answered_holds_its_cancel_up_for_a_bounded_while() -> None:
    async def scenario() -> None:
        async with opened() as desk:
            desk.fake.answers["POST", ORDER] = hanging_answer()
            desk.fake.answers["DELETE", ORDER] = order_record(clientOrderId=OUR_ID, status="CANCELED")
            desk.fake.asked.clear()
            task = asyncio.create_task(desk.venue.place(place_order(), let_go))
            await asyncio.wait_for(desk.fake.asked.wait(), 60)
            assert isinstance(await desk.venue.cancel(cancel_order()), OrderReport)
            assert isinstance(await task, OrderOutcomeUnknown)

    in_leaps(scenario())


def test_the_order_lane_sends_at_once_or_not_at_all() -> None:
    """What it does not send says nothing of the venue: a dozen hedges that are due together must not open a breaker."""

    async def scenario() -> list[object]:
        async with opened() as desk:
            return [await desk.venue.place(place_order(), let_go) for _ in range(42)]

    outcomes = asyncio.run(scenario())
    assert sum(isinstance(outcome, OrderAccepted) for outcome in outcomes) == 40
    late = outcomes[-1]
    assert isinstance(late, OrderRejected)
    assert late.reason is RejectReason.NOT_SENT


# --- cancels and queries -------------------------------------------------------------------------------------------


@proves(Ability.CANCEL)
def test_a_cancel_goes_by_our_id_and_its_record_is_the_report() -> None:
    async def scenario() -> tuple[dict[str, str], object]:
        async with opened() as desk:
            desk.fake.answers["DELETE", ORDER] = order_record(
                clientOrderId=OUR_ID, status="CANCELED", executedQty="0.001"
            )
            outcome = await desk.venue.cancel(cancel_order())
            return desk.fake.requests("DELETE", ORDER)[0].params, outcome

    params, outcome = asyncio.run(scenario())
    assert (params["symbol"], params["origClientOrderId"]) == ("BTCUSDT", OUR_ID)
    assert isinstance(outcome, OrderReport)
    assert (outcome.status, outcome.filled) == (ReportStatus.CANCELED, Decimal("0.001"))


def test_a_cancel_of_an_unknown_order_is_told_as_unknown_and_ends_nothing() -> None:
    async def scenario() -> object:
        async with opened() as desk:
            desk.fake.answers["DELETE", ORDER] = refusal(400, -2011, "Unknown order sent.")
            return await desk.venue.cancel(cancel_order())

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, CancelAnswered)
    assert outcome.known is False


@proves(Ability.FIND)
@pytest.mark.parametrize(
    "answer", [plain_answer(200, "<html>"), plain_answer(200, "{}"), reset_answer(), plain_answer(503, "")]
)
def test_a_cancel_with_a_broken_answer_is_only_an_answer_after_one_request(answer: object) -> None:
    async def scenario() -> object:
        async with opened() as desk:
            desk.fake.answers["DELETE", ORDER] = answer
            outcome = await desk.venue.cancel(cancel_order())
            assert len(desk.fake.requests("DELETE", ORDER)) == 1
            return outcome

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, CancelAnswered)
    assert outcome.known is None, "nobody heard what became of the order"


def test_an_order_is_found_by_our_id_with_what_filled() -> None:
    async def scenario() -> object:
        async with opened() as desk:
            desk.fake.answers["GET", ORDER] = order_record(
                clientOrderId=OUR_ID, status="PARTIALLY_FILLED", executedQty="0.001"
            )
            found = await desk.venue.find_order(BTC, OUR_ID)
            assert desk.fake.requests("GET", ORDER)[0].params["origClientOrderId"] == OUR_ID
            return found

    found = asyncio.run(scenario())
    assert isinstance(found, OrderReport)
    assert (found.status, found.filled, found.quantity) == (ReportStatus.WORKING, Decimal("0.001"), Decimal("0.002"))


def test_an_order_that_the_venue_does_not_know_is_none() -> None:
    async def scenario() -> object:
        async with opened() as desk:
            desk.fake.answers["GET", ORDER] = refusal(400, -2013, "Order does not exist.")
            return await desk.venue.find_order(BTC, OUR_ID)

    assert asyncio.run(scenario()) is None


@pytest.mark.parametrize(
    "answer",
    [plain_answer(200, "<html>"), plain_answer(200, "{}"), order_record(clientOrderId="other"), plain_answer(502, "")],
)
def test_a_broken_record_of_an_order_is_asked_for_again_and_never_none(answer: object) -> None:
    async def scenario() -> None:
        async with opened() as desk:
            desk.fake.answers["GET", ORDER] = answer
            with pytest.raises(AskAgain):
                await desk.venue.find_order(BTC, OUR_ID)

    asyncio.run(scenario())


def test_an_unknown_status_of_an_order_is_never_read_as_final() -> None:
    async def scenario() -> object:
        async with opened() as desk:
            desk.fake.answers["GET", ORDER] = order_record(clientOrderId=OUR_ID, status="HIBERNATING")
            return await desk.venue.find_order(BTC, OUR_ID)

    found = asyncio.run(scenario())
    assert isinstance(found, OrderReport)
    assert found.status is ReportStatus.UNRECOGNISED

"""Orders on Bybit: what is on the wire, exactly once, and what its answers and records are taken for."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from hedger.errors import AskAgain, Bug
from hedger.model.message import CancelAnswered, CancelOrder, OrderAccepted, OrderOutcomeUnknown, OrderRejected
from hedger.model.order import OrderReport, RejectReason, ReportStatus, Side
from hedger.venues.abilities import Ability
from tests.support.leave import let_go
from tests.support.stand import OUR_ID, proves
from tests.support.stands.bybit import (
    CANCEL,
    CREATE,
    HISTORY,
    INVERSE,
    LINEAR,
    OPEN,
    STAND,
    WALLET,
    good,
    listed,
    order,
    refusal,
    told,
)
from tests.support.wire_server import Seen, hanging_answer
from tests.support.wire_venue import Desk, opened

Asked = Callable[[Desk], Awaitable[Any]]


def asked(ask: Asked, *symbols: str, answers: dict[tuple[str, str], Any] | None = None) -> tuple[Any, list[Seen]]:
    """What a question came to, and the requests that it took."""

    async def scenario() -> tuple[Any, list[Seen]]:
        async with opened(symbols or None, stand=STAND) as desk:
            desk.fake.answers |= answers or {}
            return await ask(desk), list(desk.fake.seen)

    return asyncio.run(scenario())


# Orders, and cancels, that the venue takes of an account in any second, on all contracts together.
IN_A_SECOND = 10


def placed(**changes: Any) -> Asked:
    return lambda desk: desk.venue.place(STAND.order(**changes), let_go)


@proves(Ability.POST_ONLY, Ability.OUR_ID)
def test_a_create_is_one_post_only_request_with_our_id_and_digits_that_were_meant() -> None:
    outcome, seen = asked(placed())
    assert outcome == OrderAccepted(client_order_id=OUR_ID, venue_order_id="1321003749386327552")
    (request,) = seen  # nothing is asked of the account beside it
    assert (request.method, request.host, request.path) == ("POST", "api.bybit.com", CREATE)
    assert json.loads(request.body) == {
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Sell",
        "orderType": "Limit",
        "qty": "0.002",
        "price": "60000.1",
        "timeInForce": "PostOnly",
        "orderLinkId": OUR_ID,
        "positionIdx": 0,
        "reduceOnly": False,
    }


@proves(Ability.REDUCE_ONLY)
def test_a_reducing_buy_says_so_on_the_wire() -> None:
    _, (request,) = asked(placed(reduce_only=True, side=Side.BUY))
    assert request.params["reduceOnly"] is True
    assert (request.params["side"], request.params["positionIdx"]) == ("Buy", 0)


def test_an_inverse_contract_is_ordered_in_dollars_in_its_own_category() -> None:
    order_of = placed(id=INVERSE, quantity=Decimal(30_000), price=Decimal("60000.10"))
    outcome, (request,) = asked(order_of, INVERSE.symbol)
    assert isinstance(outcome, OrderAccepted)
    sent = (request.params["category"], request.params["symbol"], request.params["qty"])
    assert sent == ("inverse", "BTCUSD", "30000")


@proves(Ability.TIME_TO_LIVE)
def test_a_create_carries_its_time_to_live_and_what_is_asked_beside_it_keeps_the_usual_window() -> None:
    async def together(desk: Desk) -> None:
        desk.fake.answers["POST", CREATE] = hanging_answer(0.2)
        reads = [desk.venue.read_account() for _ in range(3)]
        await asyncio.gather(desk.venue.place(STAND.order(ttl_ms=1_500), let_go), *reads)
        await desk.venue.measure_clock()
        await desk.venue.cancel(STAND.cancel())

    _, seen = asked(together)
    windows = {request.path: request.headers.get("X-BAPI-RECV-WINDOW") for request in seen}
    assert 1_000 < int(windows.pop(CREATE) or 0) <= 1_500
    assert windows.pop("/v5/market/time") is None
    assert set(windows.values()) == {"10000"}
    assert {WALLET, CANCEL} <= windows.keys()


def test_two_creates_at_once_carry_the_window_of_each() -> None:
    async def both(desk: Desk) -> None:
        orders = [STAND.order(client_order_id=f"{OUR_ID[:-1]}{n}", ttl_ms=n * 10_000) for n in (1, 2, 3)]
        await asyncio.gather(*(desk.venue.place(one, let_go) for one in orders))

    _, seen = asked(both)
    windows = {request.params["orderLinkId"][-1]: int(request.headers["X-BAPI-RECV-WINDOW"]) for request in seen}
    assert {number: round(window, -4) for number, window in windows.items()} == {"1": 10_000, "2": 20_000, "3": 30_000}


@proves(Ability.OUR_ID)
def test_a_second_use_of_an_id_is_unknown_and_never_a_refusal() -> None:
    answers = {("POST", CREATE): refusal(110072, "OrderLinkedID is duplicate")}
    outcome, seen = asked(placed(), answers=answers)
    assert isinstance(outcome, OrderOutcomeUnknown)
    assert len(seen) == 1


@pytest.mark.parametrize(
    "result",
    [
        {"orderId": "7", "orderLinkId": "somebody-else"},
        {"orderId": "", "orderLinkId": OUR_ID},
        {"orderId": 7, "orderLinkId": OUR_ID},
        {"orderLinkId": OUR_ID},
        {},
        None,
    ],
    ids=["another id", "no id", "a number", "missing", "nothing", "null"],
)
def test_an_acknowledgement_that_is_not_of_our_order_is_unknown(result: Any) -> None:
    outcome, seen = asked(placed(), answers={("POST", CREATE): told(result)})
    assert isinstance(outcome, OrderOutcomeUnknown)
    assert len(seen) == 1


@proves(Ability.WOULD_CROSS)
def test_an_order_that_would_have_crossed_is_accepted_and_its_record_says_why_it_ended() -> None:
    canceled = order(orderStatus="Cancelled", rejectReason="EC_PostOnlyWillTakeLiquidity", leavesQty="0")
    report, _ = asked(found, answers={("GET", OPEN): listed(canceled)})
    assert report.status is ReportStatus.CANCELED
    assert report.ended_because is RejectReason.POST_ONLY_WOULD_CROSS


def test_an_order_that_somebody_canceled_ended_for_no_reason_of_the_venues() -> None:
    report, _ = asked(found, answers={("GET", OPEN): listed(order(orderStatus="Cancelled"))})
    assert (report.status, report.ended_because) == (ReportStatus.CANCELED, None)


def found(desk: Desk) -> Awaitable[OrderReport | None]:
    return desk.venue.find_order(LINEAR, OUR_ID)


@proves(Ability.FIND)
def test_an_order_is_found_by_our_id_among_the_open_ones() -> None:
    report, seen = asked(found)
    assert (report.client_order_id, report.status, report.quantity) == (OUR_ID, ReportStatus.WORKING, Decimal("0.002"))
    assert [(request.path, request.params) for request in seen] == [
        (OPEN, {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": OUR_ID})
    ]


@proves(Ability.FIND)
def test_an_order_that_is_open_no_more_is_found_in_the_history() -> None:
    ended = order(orderStatus="Filled", cumExecQty="0.002")
    answers = {("GET", OPEN): listed(), ("GET", HISTORY): listed(ended)}
    report, seen = asked(found, answers=answers)
    assert (report.status, report.filled) == (ReportStatus.FILLED, Decimal("0.002"))
    assert [request.path for request in seen] == [OPEN, HISTORY]


@proves(Ability.FIND)
def test_an_order_is_absent_only_where_neither_list_has_it() -> None:
    answers = {("GET", OPEN): listed(), ("GET", HISTORY): listed()}
    report, seen = asked(found, answers=answers)
    assert report is None
    assert [request.path for request in seen] == [OPEN, HISTORY]


@pytest.mark.parametrize(
    "row",
    [
        {"orderLinkId": "somebody-else"},
        {"symbol": "ETHUSDT"},
        {"qty": "NaN"},
        {"cumExecQty": "0.003"},
        {"side": "None"},
        {"updatedTime": "1790000000"},
        {"orderId": ""},
    ],
    ids=["another id", "another contract", "NaN", "overfilled", "no side", "seconds", "no id"],
)
def test_a_record_that_cannot_be_ours_is_asked_again_and_is_no_absence(row: dict[str, Any]) -> None:
    with pytest.raises(AskAgain):
        asked(found, answers={("GET", OPEN): listed(order(**row))})


def test_a_status_that_nobody_knows_is_not_final() -> None:
    report, _ = asked(found, answers={("GET", OPEN): listed(order(orderStatus="Hibernating"))})
    assert report.status is ReportStatus.UNRECOGNISED


@proves(Ability.CANCEL)
def test_a_cancel_by_our_id_is_only_noted_by_the_venue() -> None:
    outcome, (request,) = asked(lambda desk: desk.venue.cancel(STAND.cancel()))
    assert (request.path, request.params) == (
        CANCEL,
        {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": OUR_ID},
    )
    assert isinstance(outcome, CancelAnswered)
    assert outcome.known is True


@proves(Ability.CANCEL)
@pytest.mark.parametrize(
    ("body", "known"),
    [
        (refusal(110001, "order not exists or too late to cancel"), False),
        (refusal(110010), False),
        (refusal(10001), None),
        (refusal(10016), None),
        (told({"orderId": "7", "orderLinkId": "somebody-else"}), None),
        (told({}), None),
    ],
    ids=["not known", "canceled before", "a parameter", "the server", "another order", "nothing"],
)
def test_what_a_cancel_is_answered_proves_no_more_than_it_says(body: Any, known: bool | None) -> None:
    cancel = CancelOrder(id=LINEAR, client_order_id=OUR_ID, venue_order_id=None)
    outcome, seen = asked(lambda desk: desk.venue.cancel(cancel), answers={("POST", CANCEL): body})
    assert outcome.known is known
    assert len(seen) == 1


def test_a_refusal_under_200_refuses() -> None:
    answers = {("POST", CREATE): refusal(110007, "ab not enough for new order")}
    outcome, _ = asked(placed(), answers=answers)
    assert isinstance(outcome, OrderRejected)
    assert outcome.reason is RejectReason.INSUFFICIENT_MARGIN


def test_an_order_off_the_grid_of_the_contract_is_a_mistake_of_ours() -> None:
    async def place(desk: Desk) -> None:
        with pytest.raises(Bug):
            await placed(quantity=Decimal("0.0005"))(desk)

    _, seen = asked(place)
    assert seen == []


def arrivals(path: str, ask: Callable[[Desk, str], Awaitable[Any]]) -> tuple[list[float], list[Any]]:
    """When each of a dozen requests came, in seconds since all were asked for at once, and what they came to."""

    async def scenario() -> tuple[list[float], list[Any]]:
        async with opened(stand=STAND) as desk:
            came: list[float] = []

            async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
                came.append(time.monotonic())
                return web.json_response(good(seen))

            desk.fake.answers["POST", path] = answer
            begun = time.monotonic()
            outcomes = await asyncio.gather(*(ask(desk, f"hpace{number:011d}") for number in range(12)))
            return [at - begun for at in came], outcomes

    return asyncio.run(scenario())


@proves(Ability.LIMITS)
def test_cancels_of_many_orders_at_once_never_leave_faster_than_the_venue_allows_in_any_second() -> None:
    """Who asks for more is told to be quiet for a minute: what became of the others is then not even read."""
    came, _ = arrivals(CANCEL, lambda desk, id: desk.venue.cancel(replace(STAND.cancel(), client_order_id=id)))
    assert len(came) == 12, "and each leaves, in its turn"
    assert came[IN_A_SECOND] >= 1


@proves(Ability.LIMITS)
def test_of_many_orders_at_once_no_more_leave_than_the_venue_takes_in_a_second() -> None:
    came, outcomes = arrivals(CREATE, lambda desk, id: desk.venue.place(STAND.order(client_order_id=id), let_go))
    refused = [outcome for outcome in outcomes if isinstance(outcome, OrderRejected)]
    assert len(came) < IN_A_SECOND, "one is left to whoever trades by hand"
    assert len(came) + len(refused) == 12
    assert {outcome.reason for outcome in refused} == {RejectReason.NOT_SENT}, "which no breaker counts"

"""Orders on WEEX: post-only by the raw request, the right leg or none, once, and what its records are taken for."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from hedger.errors import AskAgain
from hedger.model.message import CancelAnswered, CancelOrder, OrderAccepted, OrderOutcomeUnknown, OrderRejected
from hedger.model.order import OrderReport, RejectReason, ReportStatus, Side
from hedger.venues.abilities import Ability
from hedger.venues.weex.sides import Leg, Legs, Sides
from tests.support.leave import let_go
from tests.support.stand import OUR_ID, proves
from tests.support.stands.weex import (
    AT,
    BALANCE,
    BTC,
    HISTORY,
    OPEN,
    ORDER,
    ORDER_ID,
    POSITION,
    POSITIONS,
    STAND,
    position,
    record,
    refusal,
    unsuccessful,
    wallet,
)
from tests.support.wire_server import Seen, hanging_answer, plain_answer
from tests.support.wire_venue import Desk, opened

Asked = Callable[[Desk], Awaitable[Any]]
OTHER_ID = "hbot000100000288"
FLAT = {
    ("GET", POSITIONS): [],
    ("GET", BALANCE): [wallet(unrealizePnl="0")],
    ("GET", OPEN): [],
}
LONG = {
    ("GET", POSITIONS): [position(side="LONG", unrealizePnl="50.0000")],
    ("GET", BALANCE): [wallet(unrealizePnl="50.0000")],
    ("GET", OPEN): [],
}


def asked(
    ask: Asked, answers: dict[tuple[str, str], Any] | None = None, read: bool = True, first: bool = False
) -> tuple[Any, list[Seen]]:
    """What a question came to after a reading of the account, and the requests that it took; with `first`, the account
    is so from the start."""

    async def scenario() -> tuple[Any, list[Seen]]:
        fake = STAND.fake()
        if first:
            fake.answers |= answers or {}
        async with opened([BTC.symbol], stand=STAND, fake=fake) as desk:
            desk.fake.answers |= answers or {}
            if read:
                await desk.venue.read_account()
            desk.fake.seen.clear()
            return await ask(desk), list(desk.fake.seen)

    return asyncio.run(scenario())


def placed(**changes: Any) -> Asked:
    return lambda desk: desk.venue.place(STAND.order(**changes), let_go)


def found(client_order_id: str = OUR_ID) -> Asked:
    return lambda desk: desk.venue.find_order(BTC, client_order_id)


def report(client_order_id: str, filled: str) -> OrderReport:
    """A sell that opened a short, and is filled."""
    return OrderReport(
        id=BTC,
        client_order_id=client_order_id,
        venue_order_id=ORDER_ID,
        side=Side.SELL,
        quantity=Decimal("0.0020"),
        filled=Decimal(filled),
        price=Decimal("60000.1"),
        status=ReportStatus.FILLED,
        reduce_only=False,
        exchange_at=AT,
        ended_because=None,
    )


def paged(pages: list[list[Any]]) -> Any:
    """A list that the venue tells by pages."""

    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        number = int(seen.params["page"])
        return web.json_response(pages[number] if number < len(pages) else [])

    return answer


def rows(start: int, count: int, **changes: Any) -> list[Any]:
    return [record(orderId=start + n, clientOrderId=f"web-{start + n}", **changes) for n in range(count)]


@proves(Ability.POST_ONLY, Ability.OUR_ID)
def test_a_create_is_one_post_only_request_in_coins_with_our_bare_id_and_nothing_besides() -> None:
    outcome, seen = asked(placed())
    assert outcome == OrderAccepted(client_order_id=OUR_ID, venue_order_id=ORDER_ID)
    (request,) = seen  # nothing is asked of the account beside it
    assert (request.method, request.host, request.path) == ("POST", "api-contract.weex.com", ORDER)
    assert json.loads(request.body) == {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "positionSide": "SHORT",
        "type": "LIMIT",
        "timeInForce": "POST_ONLY",
        "quantity": "0.002",
        "price": "60000.1",
        "newClientOrderId": OUR_ID,
    }


@proves(Ability.REDUCE_ONLY)
@pytest.mark.parametrize(
    ("side", "answers", "leg"),
    [
        (Side.SELL, {}, "SHORT"),
        (Side.BUY, {("GET", OPEN): []}, "SHORT"),
        (Side.BUY, LONG, "LONG"),
        (Side.SELL, LONG, "LONG"),
        (Side.SELL, FLAT, "SHORT"),
        (Side.BUY, FLAT, "LONG"),
    ],
    ids=["adds to a short", "reduces a short", "adds to a long", "reduces a long", "opens a short", "opens a long"],
)
def test_an_order_is_for_the_leg_that_is_held_whether_it_is_marked_reduce_only_or_not(
    side: Side, answers: dict[tuple[str, str], Any], leg: str
) -> None:
    outcome, (request,) = asked(placed(side=side), answers, first=True)
    assert isinstance(outcome, OrderAccepted)
    assert (request.params["side"], request.params["positionSide"]) == (side.value.upper(), leg)
    if answers != FLAT and ((side is Side.BUY) == (leg == "SHORT")):
        _, (marked,) = asked(placed(side=side, reduce_only=True), answers)
        assert marked.params == request.params


@proves(Ability.REDUCE_ONLY)
@pytest.mark.parametrize(
    ("changes", "answers", "words"),
    [
        ({"side": Side.BUY, "quantity": Decimal("0.5001")}, {}, "would pass through zero"),
        ({"side": Side.SELL, "quantity": Decimal("0.5001")}, LONG, "would pass through zero"),
        ({"side": Side.SELL, "reduce_only": True}, {}, "nothing is held in BTC/USDT:USDT that a sell would reduce"),
        ({"side": Side.BUY, "reduce_only": True}, FLAT, "nothing is held"),
        (
            {"side": Side.BUY},
            FLAT | {("GET", OPEN): [record()]},
            "an order that opens SHORT in BTC/USDT:USDT may still trade",
        ),
        (
            {"side": Side.SELL},
            {
                ("GET", POSITIONS): [position(), position(side="LONG", unrealizePnl="50.0")],
                ("GET", BALANCE): [wallet(unrealizePnl="0")],
            },
            "held long and short at once",
        ),
    ],
)
def test_an_order_that_could_open_the_second_leg_is_not_sent_and_says_why(
    changes: dict[str, Any], answers: dict[tuple[str, str], Any], words: str
) -> None:
    outcome, seen = asked(placed(**changes), answers)
    assert isinstance(outcome, OrderRejected)
    assert outcome.reason is RejectReason.NOT_SENT
    assert words in outcome.text
    assert seen == []


@proves(Ability.REDUCE_ONLY)
def test_while_an_order_that_opens_a_leg_may_still_arrive_none_opens_the_other() -> None:
    """A lost answer: the venue believes the request for half a minute, whatever a reading says meanwhile."""

    async def scenario(desk: Desk) -> Any:
        desk.fake.answers["POST", ORDER] = plain_answer(502, "")
        lost = await desk.venue.place(STAND.order(), let_go)
        assert isinstance(lost, OrderOutcomeUnknown)
        await desk.venue.read_account()
        return await desk.venue.place(STAND.order(side=Side.BUY, client_order_id=OTHER_ID), let_go)

    outcome, seen = asked(scenario, FLAT)
    assert isinstance(outcome, OrderRejected)
    assert "opens SHORT" in outcome.text
    assert len([one for one in seen if one.method == "POST"]) == 1


@proves(Ability.REDUCE_ONLY)
def test_a_reading_right_after_an_order_that_opens_a_leg_is_gone_does_not_let_the_other_leg_be_opened() -> None:
    """The list of positions may lag: what is flat there may be the leg that the order has just opened."""

    async def scenario(desk: Desk) -> Any:
        desk.fake.answers |= FLAT | {("GET", OPEN): [record()]}
        await desk.venue.read_account()
        desk.fake.answers["GET", OPEN] = []
        await desk.venue.read_account()
        early = await desk.venue.place(STAND.order(side=Side.BUY, client_order_id=OTHER_ID), let_go)
        return early, await desk.venue.place(STAND.order(client_order_id=OTHER_ID), let_go)

    (early, same), _ = asked(scenario, FLAT)
    assert isinstance(early, OrderRejected)
    assert "an order that opens SHORT in BTC/USDT:USDT ended as it was read" in early.text
    assert isinstance(same, OrderAccepted)


@proves(Ability.REDUCE_ONLY)
@pytest.mark.parametrize(
    ("is_sent", "heard_ms", "shut_ms"),
    [(True, 100, 2_100), (False, 100, 2_100), (True, None, 32_000)],
    ids=["of this session", "of an earlier start", "never heard of again"],
)
def test_an_order_that_opened_a_leg_keeps_the_other_shut_until_two_seconds_after_its_end(
    is_sent: bool, heard_ms: int | None, shut_ms: int
) -> None:
    sides, at = Sides(), 1_000_000
    flat = {Leg.LONG: Decimal(0), Leg.SHORT: Decimal(0)}
    sides.learn(BTC, Legs(held=flat, opening=frozenset(), read_at=at))
    if is_sent:
        sides.send(STAND.order(), at)
    if heard_ms is not None:
        sides.hear(report(OUR_ID, "0.0020"), at + heard_ms)
    buy = STAND.order(side=Side.BUY, client_order_id=OTHER_ID)
    for read_at, is_fit in ((at + 200, False), (at + shut_ms, False), (at + shut_ms + 1, True)):
        sides.learn(BTC, Legs(held=flat, opening=frozenset(), read_at=read_at))
        assert (sides.unfit(buy, read_at) is None) is is_fit
    assert sides.unfit(STAND.order(client_order_id=OTHER_ID), at + shut_ms + 1) is None


@proves(Ability.REDUCE_ONLY)
def test_a_reading_that_comes_late_changes_nothing_of_a_newer_one() -> None:
    sides, at = Sides(), 1_000_000
    for read_at, leg in ((at, Leg.SHORT), (at - 1, Leg.LONG)):
        held = {Leg.LONG: Decimal(0), Leg.SHORT: Decimal(0), leg: Decimal(1)}
        sides.learn(BTC, Legs(held=held, opening=frozenset(), read_at=read_at))
    assert sides.send(STAND.order(side=Side.BUY), at) is Leg.SHORT


@proves(Ability.REDUCE_ONLY)
def test_after_a_trade_nothing_is_sent_until_the_account_was_read_again() -> None:
    async def scenario(desk: Desk) -> Any:
        desk.fake.answers["GET", OPEN] = [record(executedQty="0.001", status="PARTIALLY_FILLED")]
        report = await desk.venue.find_order(BTC, OUR_ID)
        assert report is not None
        assert report.filled == Decimal("0.001")
        early = await desk.venue.place(STAND.order(client_order_id=OTHER_ID), let_go)
        await asyncio.sleep(0.01)
        await desk.venue.read_account()
        return early, await desk.venue.place(STAND.order(client_order_id=OTHER_ID), let_go)

    (early, later), _ = asked(scenario)
    assert isinstance(early, OrderRejected)
    assert "traded in BTC/USDT:USDT since it was read" in early.text
    assert isinstance(later, OrderAccepted)


@proves(Ability.POST_ONLY)
@pytest.mark.parametrize("told", ["GTC", "IOC", "FOK"])
def test_an_order_of_ours_that_rests_as_another_kind_is_not_believed_and_ends_all_creates(told: str) -> None:
    async def scenario(desk: Desk) -> Any:
        desk.fake.answers["GET", OPEN] = [record(timeInForce=told)]
        with pytest.raises(AskAgain, match=f"stands there as {told} and not as POST_ONLY"):
            await desk.venue.read_account()
        with pytest.raises(AskAgain, match="nothing more is created in this session"):
            await desk.venue.find_order(BTC, OUR_ID)
        assert isinstance(await desk.venue.cancel(STAND.cancel()), CancelAnswered)  # it can still be taken off
        desk.fake.answers["GET", OPEN] = []
        await desk.venue.read_account()
        return await desk.venue.place(STAND.order(client_order_id=OTHER_ID), let_go)

    outcome, seen = asked(scenario)
    assert isinstance(outcome, OrderRejected)
    assert outcome.reason is RejectReason.NOT_SENT
    assert "not as POST_ONLY" in outcome.text
    assert [one for one in seen if one.method == "POST"] == []


def test_orders_that_people_place_may_be_of_any_kind() -> None:
    async def scenario(desk: Desk) -> Any:
        desk.fake.answers["GET", OPEN] = [record(clientOrderId="1747203186927FPIZRP", timeInForce="GTC")]
        await desk.venue.read_account()
        return await desk.venue.place(STAND.order(), let_go)

    outcome, _ = asked(scenario)
    assert isinstance(outcome, OrderAccepted)


def test_an_ended_order_of_another_kind_is_told_so_that_it_can_be_settled() -> None:
    answers = {("GET", OPEN): [], ("GET", HISTORY): [record(timeInForce="GTC", status="CANCELED")]}
    report, _ = asked(found(), answers)
    assert report.status is ReportStatus.CANCELED
    assert report.ended_because is None


@proves(Ability.WOULD_CROSS)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"updateTime": AT + 20}, RejectReason.POST_ONLY_WOULD_CROSS),
        ({"updateTime": AT + 501}, None),
        ({"updateTime": AT + 20, "executedQty": "0.0010"}, None),
        ({"updateTime": AT + 20, "clientOrderId": "web"}, None),
    ],
    ids=["at once", "later", "after a trade", "another's"],
)
def test_an_order_that_ended_as_it_came_would_have_crossed(
    changes: dict[str, Any], reason: RejectReason | None
) -> None:
    row = record(status="CANCELED") | changes
    report, _ = asked(found(row["clientOrderId"]), {("GET", OPEN): [], ("GET", HISTORY): [row]})
    assert (report.status, report.ended_because) == (ReportStatus.CANCELED, reason)


@proves(Ability.WOULD_CROSS)
def test_an_order_that_we_withdrew_at_once_did_not_cross() -> None:
    async def scenario(desk: Desk) -> Any:
        await desk.venue.cancel(STAND.cancel())
        return await desk.venue.find_order(BTC, OUR_ID)

    row = record(status="CANCELED", updateTime=AT + 20)
    report, _ = asked(scenario, {("GET", OPEN): [], ("GET", HISTORY): [row]})
    assert report.ended_because is None


@proves(Ability.OUR_ID)
@pytest.mark.parametrize(
    "answer",
    [
        plain_answer(400, json.dumps(refusal(-1145, "clientOid already exists"))),
        plain_answer(200, json.dumps(unsuccessful("", "clientOid already exists"))),
        plain_answer(200, json.dumps({"orderId": ORDER_ID, "clientOrderId": OTHER_ID, "success": True})),
        plain_answer(200, json.dumps({"orderId": ORDER_ID, "clientOrderId": OUR_ID})),
        plain_answer(200, json.dumps({"orderId": None, "clientOrderId": OUR_ID, "success": True})),
    ],
    ids=["a second use", "a refusal without a code", "another id", "no success", "no order"],
)
def test_what_is_neither_ours_nor_a_known_refusal_is_unknown(answer: Any) -> None:
    outcome, seen = asked(placed(), {("POST", ORDER): answer})
    assert isinstance(outcome, OrderOutcomeUnknown)
    assert len(seen) == 1


@proves(Ability.CANCEL)
def test_a_cancel_is_one_request_by_our_id_and_its_answer_is_no_end() -> None:
    outcome, (request,) = asked(lambda desk: desk.venue.cancel(STAND.cancel()))
    assert (request.method, request.path, request.query) == ("DELETE", ORDER, f"origClientOrderId={OUR_ID}")
    assert outcome == CancelAnswered(client_order_id=OUR_ID, known=True, text="the venue took note of it")


@proves(Ability.CANCEL)
@pytest.mark.parametrize(
    ("answer", "known"),
    [
        (plain_answer(400, json.dumps(refusal(-3200, "Order does not exist."))), False),
        (plain_answer(200, json.dumps(unsuccessful("FAILED_ORDER_NOT_FOUND", "?"))), False),
        (plain_answer(400, json.dumps(refusal(-1054, "System error, please retry later."))), None),
        (plain_answer(200, json.dumps({"orderId": "5", "origClientOrderId": OTHER_ID, "success": True})), None),
    ],
)
def test_only_the_venues_own_word_says_that_there_was_no_order_to_cancel(answer: Any, known: bool | None) -> None:
    outcome, _ = asked(
        lambda desk: desk.venue.cancel(CancelOrder(id=BTC, client_order_id=OUR_ID, venue_order_id=None)),
        {("DELETE", ORDER): answer},
    )
    assert isinstance(outcome, CancelAnswered)
    assert outcome.known is known


@proves(Ability.FIND)
def test_an_order_that_was_not_acknowledged_is_looked_for_in_both_lists_page_by_page() -> None:
    ours = record(status="FILLED", executedQty="0.0020", orderId=5)
    answers = {
        ("GET", OPEN): paged([rows(1000, 100), rows(2000, 3)]),
        ("GET", HISTORY): paged([rows(3000, 500), [*rows(4000, 2), ours]]),
    }
    report, seen = asked(found(), answers, read=False)
    assert isinstance(report, OrderReport)
    assert (report.status, report.filled, report.venue_order_id) == (ReportStatus.FILLED, Decimal("0.0020"), "5")
    pages = [(one.path, one.params["page"], one.params["limit"]) for one in seen]
    twice = [(OPEN, "0", "100"), (OPEN, "1", "100")] * 2
    assert pages == [*twice, (HISTORY, "0", "500"), (HISTORY, "1", "500")]
    assert {one.params["symbol"] for one in seen} == {"BTCUSDT"}


@proves(Ability.OPEN_ORDERS)
def test_an_open_order_that_slips_between_two_pages_is_not_taken_for_absent() -> None:
    """One that ended while the pages were read has moved ours from the second page to the first, which was read."""
    before, asked_for = [*rows(1000, 100), record()], 0

    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        nonlocal asked_for
        listed, asked_for = before[min(asked_for, 1) :], asked_for + 1
        return web.json_response(listed[100 * int(seen.params["page"]) :][:100])

    with pytest.raises(AskAgain, match="changed while their pages were read"):
        asked(found(), {("GET", OPEN): answer, ("GET", HISTORY): []}, read=False)


@proves(Ability.FIND)
def test_an_order_is_unknown_there_only_when_two_whole_lists_are_without_it() -> None:
    report, seen = asked(found(OTHER_ID), {("GET", OPEN): [record()], ("GET", HISTORY): rows(1, 3)})
    assert report is None
    assert [one.path for one in seen] == [OPEN, HISTORY]
    with pytest.raises(AskAgain, match="an order is listed twice"):
        asked(found(OTHER_ID), {("GET", HISTORY): rows(1, 500)})  # each page is the same one
    with pytest.raises(AskAgain):
        asked(found(OTHER_ID), {("GET", HISTORY): plain_answer(500, "")})


@proves(Ability.FIND)
def test_an_acknowledged_order_that_is_not_open_is_asked_for_by_the_venues_id() -> None:
    async def scenario(desk: Desk) -> Any:
        await desk.venue.place(STAND.order(), let_go)
        desk.fake.answers |= {("GET", OPEN): [], ("GET", ORDER): record(status="FILLED", executedQty="0.0020")}
        desk.fake.seen.clear()
        report = await desk.venue.find_order(BTC, OUR_ID)
        return report, list(desk.fake.seen)

    (report, seen), _ = asked(scenario)
    assert report.status is ReportStatus.FILLED
    assert [(one.path, one.query) for one in seen][1:] == [(ORDER, f"orderId={ORDER_ID}")]


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "ETHUSDT"},
        {"executedQty": "0.0030"},
        {"status": "FILLED", "executedQty": "0.0010"},
        {"origQty": "NaN"},
        {"price": -1},
        {"updateTime": AT // 1000},
        {"timeInForce": None},
        {"side": "SHORT"},
    ],
)
def test_a_record_that_cannot_be_is_not_believed(changes: dict[str, Any]) -> None:
    with pytest.raises(AskAgain):
        asked(found(), {("GET", OPEN): [record(**changes)]}, read=False)


def test_a_partly_filled_order_has_not_ended_and_an_unknown_word_is_no_end() -> None:
    for told in ("PARTIAL_FILL", "PARTIALLY_FILLED", "CANCELING"):
        report, _ = asked(found(), {("GET", OPEN): [record(status=told, executedQty="0.0010")]})
        assert report.status is ReportStatus.WORKING
    report, _ = asked(found(), {("GET", OPEN): [record(status="SOMETHING_NEW")]})
    assert report.status is ReportStatus.UNRECOGNISED


@proves(Ability.TIME_TO_LIVE)
def test_a_late_create_counts_as_on_its_way_for_as_long_as_the_venue_believes_it() -> None:
    async def scenario(desk: Desk) -> Any:
        desk.fake.answers["POST", ORDER] = hanging_answer(0.1)
        await desk.venue.place(STAND.order(ttl_ms=1_500), let_go)
        stamped_at = int(desk.fake.seen[-1].headers["ACCESS-TIMESTAMP"])
        return desk.instruments[0].transit_ms, abs(desk.fake.clock_ms() - stamped_at)

    (transit_ms, age_ms), _ = asked(scenario)
    assert transit_ms == 30_000
    assert age_ms < 5_000


def test_what_is_held_decides_even_before_the_first_reading_and_is_asked_once_at_the_start() -> None:
    outcome, (request,) = asked(placed(side=Side.BUY), read=False)
    assert isinstance(outcome, OrderAccepted)
    assert request.params["positionSide"] == "SHORT"


def test_a_flat_contract_that_a_second_question_finds_held_is_not_believed() -> None:
    with pytest.raises(AskAgain, match="flat in one list of positions"):
        asked(placed(), FLAT | {("GET", POSITION): [position(unrealizePnl="0")]})

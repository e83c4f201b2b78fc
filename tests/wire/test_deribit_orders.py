"""Orders on Deribit's wire: GET requests that leave once, labels that the venue does not keep apart, and their end."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal as D
from typing import Any, TypeVar

import pytest
from aiohttp import web

from hedger.errors import AskAgain
from hedger.model.identity import OrderIdentity, format_order_id
from hedger.model.instrument import InstrumentId
from hedger.model.message import CancelAnswered, OrderAccepted, OrderOutcomeUnknown, OrderRejected, PlaceOrder
from hedger.model.order import OrderReport, RejectReason, ReportStatus, Side
from hedger.runtime.lifeline import LiveOrder
from hedger.venues.abilities import Ability
from hedger.venues.deribit.emergency import DeribitEmergency
from tests.support.leave import let_go
from tests.support.stand import OUR_ID, proves
from tests.support.stands.deribit import AT, DATED, LINEAR, PERPETUAL, STAND, echoed, error, order, path, told
from tests.support.wire_server import Seen, plain_answer, reset_answer
from tests.support.wire_venue import Desk, WireClock, opened

BUY, SELL, CANCEL = "/api/v2/private/buy", "/api/v2/private/sell", "/api/v2/private/cancel_by_label"
FIND, PAST = "/api/v2/private/get_order_state_by_label", "/api/v2/private/get_order_history_by_instrument"
T = TypeVar("T")


def ask(
    question: Callable[[Desk], Awaitable[T]], *symbols: str, clock: Any = None, **answers: Any
) -> tuple[T, list[Seen]]:
    """What a question came to, and what was on the wire. `answers` by the last part of a path."""

    async def scenario() -> tuple[T, list[Seen]]:
        async with opened(symbols or (PERPETUAL,), stand=STAND, clock=clock) as desk:
            if clock is not None:
                desk.fake.clock_ms = lambda: WireClock().now_ms()
            for name, answer in answers.items():
                desk.fake.answers[path(f"private/{name}")] = answer
            return await question(desk), list(desk.fake.seen)

    return asyncio.run(scenario())


def placed(order: PlaceOrder | None = None, *symbols: str, **answers: Any) -> tuple[Any, list[Seen]]:
    return ask(lambda desk: desk.venue.place(order or STAND.order(), let_go), *symbols, **answers)


def changed(side: str, **changes: Any) -> Any:
    """An acknowledgement that says another order back."""

    async def answer(_request: Any, seen: Seen) -> Any:
        return web.json_response(echoed(side, seen.params, **changes))

    return answer


@proves(Ability.POST_ONLY, Ability.OUR_ID)
def test_a_create_is_post_only_and_rejecting_and_has_our_id_as_its_label() -> None:
    outcome, (seen,) = placed()
    assert isinstance(outcome, OrderAccepted)
    assert outcome.venue_order_id == "46108941243"
    assert (seen.method, seen.path) == ("GET", SELL)
    assert {name: value for name, value in seen.params.items() if name != "valid_until"} == {
        "instrument_name": "BTC-PERPETUAL",
        "amount": "20",
        "type": "limit",
        "price": "60000.5",
        "label": OUR_ID,
        "time_in_force": "good_til_cancelled",
        "post_only": "true",
        "reject_post_only": "true",
    }


@proves(Ability.TIME_TO_LIVE)
def test_a_create_has_its_end_in_the_venues_time_and_so_has_its_signature() -> None:
    """Our clock is 20 s behind the venue's, which ccxt would not have heeded."""
    outcome, (seen,) = ask(
        lambda desk: desk.venue.place(STAND.order(ttl_ms=2_000), let_go), clock=WireClock(behind_ms=20_000)
    )
    assert isinstance(outcome, OrderAccepted)
    now = WireClock().now_ms()
    assert 0 <= now + 2_000 - int(seen.params["valid_until"]) < 2_500
    signed_at = int(seen.headers["Authorization"].partition("ts=")[2].partition(",")[0])
    assert abs(now - signed_at) < 2_500


@proves(Ability.REDUCE_ONLY)
def test_reduce_only_is_on_the_wire_and_must_be_said_back() -> None:
    wanted = STAND.order(reduce_only=True, side=Side.BUY)
    outcome, (seen,) = placed(wanted)
    assert isinstance(outcome, OrderAccepted)
    assert (seen.path, seen.params["reduce_only"]) == (BUY, "true")
    outcome, _ = placed(wanted, buy=changed("buy", reduce_only=False))
    assert isinstance(outcome, OrderOutcomeUnknown)
    assert "reduce-only" in outcome.text


def test_an_amount_of_a_linear_contract_is_in_coins() -> None:
    coins = STAND.order(id=InstrumentId("main", LINEAR), quantity=D("0.0210"), price=D("60000.1"))
    outcome, (seen,) = placed(coins, LINEAR)
    assert isinstance(outcome, OrderAccepted)
    assert (seen.params["instrument_name"], seen.params["amount"]) == ("BTC_USDC-PERPETUAL", "0.021")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"label": "another"}, "id"),
        ({"instrument_name": "ETH-PERPETUAL"}, "symbol"),
        ({"direction": "buy"}, "side"),
        ({"amount": 200}, "quantity"),
        ({"price": 60001}, "price"),
        ({"post_only": False}, "post-only"),
        ({"reject_post_only": False}, "post-only"),
        ({"order_type": "market"}, "type"),
        ({"order_state": "pending"}, "status"),
    ],
)
def test_an_acknowledgement_of_another_order_is_no_acknowledgement(change: dict[str, Any], word: str) -> None:
    outcome, _ = placed(sell=changed("sell", **change))
    assert isinstance(outcome, OrderOutcomeUnknown)
    assert word in outcome.text


@pytest.mark.parametrize(
    "change", [{"amount": "NaN"}, {"price": "market_price"}, {"filled_amount": 30}, {"order_id": ""}]
)
def test_an_acknowledgement_with_an_odd_number_is_none(change: dict[str, Any]) -> None:
    outcome, sent = placed(sell=changed("sell", **change))
    assert isinstance(outcome, OrderOutcomeUnknown)
    assert len(sent) == 1


@proves(Ability.WOULD_CROSS)
def test_an_order_that_would_cross_is_refused_at_once() -> None:
    outcome, sent = placed(sell=plain_answer(400, '{"error": {"code": 11054, "message": "post_only_reject"}}'))
    assert isinstance(outcome, OrderRejected)
    assert outcome.reason is RejectReason.POST_ONLY_WOULD_CROSS
    assert len(sent) == 1


def test_a_record_that_was_rejected_is_a_refusal() -> None:
    outcome, _ = placed(sell=changed("sell", order_state="rejected"))
    assert isinstance(outcome, OrderRejected)
    assert outcome.reason is RejectReason.INVALID_ORDER


@proves(Ability.OUR_ID)
def test_a_create_whose_connection_drops_is_on_the_wire_once_though_it_is_a_get() -> None:
    outcome, sent = placed(sell=reset_answer())
    assert isinstance(outcome, OrderOutcomeUnknown)
    assert [seen.path for seen in sent] == [SELL]


def test_a_create_that_timed_out_there_is_looked_up_rather_than_believed() -> None:
    outcome, _ = placed(sell=plain_answer(400, '{"error": {"code": 13888, "message": "timed_out"}}'))
    assert isinstance(outcome, OrderOutcomeUnknown)


@proves(Ability.TIME_TO_LIVE)
def test_a_create_that_timed_out_there_has_the_clock_measured_for_ours_may_be_behind() -> None:
    async def question(desk: Desk) -> None:
        await desk.venue.place(STAND.order(), let_go)
        for _ in range(100):
            if desk.fake.requests(*path("public/get_time")):
                return
            await asyncio.sleep(0.01)
        raise AssertionError("nobody asked for the time")

    ask(question, sell=plain_answer(400, '{"error": {"code": 13888, "message": "timed_out"}}'))


# --- the end of an order ----------------------------------------------------------------------------------------------


@proves(Ability.CANCEL)
@pytest.mark.parametrize(
    ("answer", "known"),
    [
        (told(1), True),
        (told(0), False),
        (told(2), None),
        (told(-1), None),
        (told("1"), None),
        (told(True), None),
        ({}, None),
        (error(10001), None),
    ],
)
def test_a_cancel_is_believed_when_exactly_one_order_went(answer: Any, known: bool | None) -> None:
    outcome, (seen,) = ask(lambda desk: desk.venue.cancel(STAND.cancel()), cancel_by_label=answer)
    assert isinstance(outcome, CancelAnswered)
    assert outcome.known is known
    assert (seen.path, seen.params) == (CANCEL, {"currency": "BTC", "label": OUR_ID})


def find(*symbols: str, **answers: Any) -> tuple[OrderReport | None, list[Seen]]:
    id = InstrumentId("main", symbols[0]) if symbols else STAND.contract
    return ask(lambda desk: desk.venue.find_order(id, OUR_ID), *symbols, **answers)


@proves(Ability.FIND)
def test_an_order_is_found_by_its_label() -> None:
    report, (seen,) = find(get_order_state_by_label=told([order(filled_amount=10, order_state="cancelled")]))
    assert report is not None
    assert (report.status, report.filled, report.quantity) == (ReportStatus.CANCELED, D(10), D(20))
    assert (report.price, report.side, report.client_order_id) == (D("60000.5"), Side.SELL, OUR_ID)
    assert (seen.path, seen.params) == (FIND, {"currency": "BTC", "label": OUR_ID})


@pytest.mark.parametrize(
    ("state", "status"),
    [("open", "working"), ("filled", "filled"), ("rejected", "rejected"), ("archive", "unrecognised")],
)
def test_each_state_of_an_order_is_what_it_says_and_no_unknown_one_is_final(state: str, status: str) -> None:
    report, _ = find(get_order_state_by_label=told([order(order_state=state)]))
    assert report is not None
    assert report.status == status


@proves(Ability.FIND, Ability.OUR_ID)
def test_two_orders_of_one_label_are_never_taken_for_one() -> None:
    with pytest.raises(AskAgain, match="2 orders bear the label"):
        find(get_order_state_by_label=told([order(), order(order_id="8", order_state="filled", filled_amount=20)]))


@proves(Ability.FIND)
def test_an_order_that_ended_long_ago_is_found_in_the_history_read_to_its_end() -> None:
    others = [order(order_id=str(number), label="") for number in range(1_000)]
    pages = {"0": told(others), "1000": told([order(order_id="7", label="", price="odd"), order(order_state="filled")])}

    async def history(_request: Any, seen: Seen) -> Any:
        return web.json_response(pages[seen.params["offset"]])

    report, seen = find(get_order_state_by_label=told([]), get_order_history_by_instrument=history)
    assert report is not None
    assert report.status is ReportStatus.FILLED
    asked = [one.params for one in seen if one.path == PAST]
    assert [params["offset"] for params in asked] == ["0", "1000"]
    assert all((p["historical"], p["include_unfilled"]) == ("true", "true") for p in asked)


@proves(Ability.FIND)
def test_no_order_is_found_only_where_neither_list_has_it_to_the_end() -> None:
    report, seen = find(get_order_state_by_label=told([]))
    assert report is None
    assert [one.path for one in seen] == [FIND, PAST]
    with pytest.raises(AskAgain, match="repeats"):
        find(
            get_order_state_by_label=told([]),
            get_order_history_by_instrument=told([order(order_id="7", label="") for _ in range(1_000)]),
        )


def numbered(epoch: int, sequence: int) -> str:
    return format_order_id(OrderIdentity(bot="bot", epoch=epoch, sequence=sequence))


def endless(every_ms: int, ours: str, at: int) -> Any:
    """A history of orders with numbers before ours, newest first, that has no end; the one at `at` is ours."""

    async def page(_request: Any, seen: Seen) -> Any:
        rows = []
        for number in range(int(seen.params["offset"]), int(seen.params["offset"]) + 1_000):
            label, sent_at = numbered(1, 1_000_000 - number), AT - number * every_ms
            moments = {"creation_timestamp": sent_at, "last_update_timestamp": sent_at + every_ms // 2}
            row = order(order_id=str(number), order_state="cancelled", label=ours if number == at else label)
            rows.append(row | moments)
        return web.json_response(told(rows))

    return page


def looked_for(history: Any, label: str) -> tuple[OrderReport | None, int]:
    """What a search by a label found, and how many pages of the history it read."""
    answers = {"get_order_state_by_label": told([]), "get_order_history_by_instrument": history}
    report, seen = ask(lambda desk: desk.venue.find_order(STAND.contract, label), **answers)
    return report, sum(one.path == PAST for one in seen)


@proves(Ability.FIND)
def test_an_order_that_never_arrived_is_not_looked_for_in_a_history_of_years() -> None:
    """Whatever has a number before it was sent before it: nothing that ended long before that can be it."""
    assert looked_for(endless(1_000, "", -1), numbered(2, 1)) == (None, 1)
    with pytest.raises(AskAgain, match="more than 10 pages"):
        looked_for(endless(1_000, "", -1), numbered(0, 1))


@proves(Ability.FIND)
def test_an_order_that_others_overtook_is_still_found_behind_them() -> None:
    ours = numbered(2, 1)
    report, pages = looked_for(endless(100, ours, 2_500), ours)
    assert (report is not None, pages) == (True, 3)


@pytest.mark.parametrize(
    "rows", [[order(label="another")], [order(instrument_name="BTC-26MAR27")], [order(filled_amount=21)], None, {}]
)
def test_a_record_of_another_order_is_none_of_ours(rows: Any) -> None:
    with pytest.raises(AskAgain):
        find(get_order_state_by_label=told(rows))


def test_the_currency_of_a_label_is_what_its_contract_settles_in() -> None:
    for symbol, currency, raw in ((LINEAR, "USDC", "BTC_USDC-PERPETUAL"), (DATED, "BTC", "BTC-26MAR27")):
        report, (seen,) = find(symbol, get_order_state_by_label=told([order(instrument_name=raw)]))
        assert report is not None
        assert seen.params["currency"] == currency


# --- the watchdog's own questions -------------------------------------------------------------------------------------


def live(symbol: str = PERPETUAL) -> LiveOrder:
    return LiveOrder(account="main", symbol=symbol, client_order_id=OUR_ID, arrives_until=0, banned_until=0)


def test_the_watchdog_believes_records_of_this_order_only_and_no_count() -> None:
    wire, ended = DeribitEmergency(), order(order_state="cancelled")
    assert wire.is_over(told([ended]), live())
    assert not wire.is_over(told([ended]), live(DATED))
    for answer in (told(1), told([]), told([order()]), told([ended, order(order_id="8")]), None, {}, told([None])):
        assert not wire.is_over(answer, live())
    assert wire.is_absent(told([]), None)
    for answer, code in ((told([ended]), None), (told([]), 10001), (None, None), ({}, None)):
        assert not wire.is_absent(answer, code)
    assert wire.time_of(told(1_790_000_000_000)) == 1_790_000_000_000
    assert wire.time_of({"result": "soon"}) is None

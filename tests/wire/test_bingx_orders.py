"""BingX's orders on the wire: the exact bytes of a create, what its answers prove, and orders found by our own id."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from hedger.errors import AskAgain
from hedger.model.message import CancelAnswered, CancelOrder, OrderAccepted, OrderOutcomeUnknown, OrderRejected
from hedger.model.order import OrderReport, RejectReason, ReportStatus, Side
from hedger.runtime.lifeline import LiveOrder
from hedger.venues.abilities import Ability
from hedger.venues.bingx.listing import raw_name
from hedger.venues.emergency import EmergencyAccount, EmergencyExit
from hedger.venues.light import load_exchange_class
from hedger.venues.network import Network
from tests.support.leave import let_go
from tests.support.stand import OUR_ID, proves
from tests.support.stands.bingx import (
    AT,
    BTC,
    COIN,
    COINS,
    CREATE,
    FIND,
    STAND,
    SWAP,
    coin_record,
    fake,
    ok,
    quick,
    record,
    said,
)
from tests.support.wire_certificates import contexts
from tests.support.wire_server import Loopback, plain_answer
from tests.support.wire_venue import Desk, WireClock, opened

COIN_CREATE, COIN_CANCEL = f"{COINS}/trade/order", f"{COINS}/trade/cancelOrder"
OTHER_ID = "hbot000100000200"
SYMBOLS = (BTC.symbol, COIN.symbol)
T = TypeVar("T")


def on_desk(work: Callable[[Desk], Awaitable[T]], symbols: tuple[str, ...] = SYMBOLS, *, hurried: bool = False) -> T:
    async def scenario() -> T:
        async with opened(symbols, stand=STAND, **(quick() if hurried else {})) as desk:
            return await work(desk)

    return asyncio.run(scenario())


def coin_order(**changes: Any) -> Any:
    values = {"id": COIN, "side": Side.BUY, "quantity": Decimal(2), "price": Decimal("150.00")}
    return STAND.order(**(values | changes))


def placed(answer: Any, path: str = CREATE, **changes: Any) -> Any:
    """What a create comes to with this answer; it is on the wire once, whatever comes back."""

    async def work(desk: Desk) -> Any:
        desk.fake.answers["POST", path] = answer
        order = coin_order(**changes) if path == COIN_CREATE else STAND.order(**changes)
        outcome = await desk.venue.place(order, let_go)
        assert len(desk.fake.requests("POST", path)) == len(desk.fake.seen) == 1
        return outcome

    return on_desk(work)


@proves(Ability.POST_ONLY, Ability.OUR_ID, Ability.REDUCE_ONLY, Ability.TIME_TO_LIVE)
def test_a_create_says_exactly_what_was_decided_and_nothing_in_floats() -> None:
    async def work(desk: Desk) -> tuple[Any, Mapping[str, str]]:
        outcome = await desk.venue.place(STAND.order(reduce_only=True, ttl_ms=2500), let_go)
        (seen,) = desk.fake.seen
        assert seen.body == ""
        return outcome, seen.params

    outcome, params = on_desk(work)
    assert outcome == OrderAccepted(client_order_id=OUR_ID, venue_order_id="1736012449498123456")
    timed = {name: params[name] for name in ("timestamp", "signature")}
    assert 2400 <= int(params["recvWindow"]) <= 2500
    assert params == {
        "symbol": "BTC-USDT",
        "type": "LIMIT",
        "side": "SELL",
        "positionSide": "BOTH",
        "quantity": "0.002",
        "price": "60000.1",
        "timeInForce": "PostOnly",
        "clientOrderID": OUR_ID,
        "clientOrderId": OUR_ID,
        "reduceOnly": "true",
        "recvWindow": params["recvWindow"],
        **timed,
    }


@proves(Ability.TIME_TO_LIVE)
def test_no_window_is_longer_than_the_venue_believes_and_the_rules_say_how_late_an_order_may_arrive() -> None:
    async def work(desk: Desk) -> tuple[str, set[int]]:
        await desk.venue.place(STAND.order(ttl_ms=20_000), let_go)
        return desk.fake.seen[0].params["recvWindow"], {rules.transit_ms for rules in desk.instruments}

    assert on_desk(work) == ("5000", {5000})


def test_small_prices_are_written_without_an_exponent() -> None:
    async def work(desk: Desk) -> tuple[str, str]:
        id = desk.instruments[0].id
        await desk.venue.place(STAND.order(id=id, quantity=Decimal(1000), price=Decimal("0.0000123")), let_go)
        return desk.fake.seen[0].params["price"], desk.fake.seen[0].params["quantity"]

    assert on_desk(work, ("1000PEPE/USDT:USDT",)) == ("0.0000123", "1000")


@proves(Ability.POST_ONLY, Ability.REDUCE_ONLY)
def test_an_order_on_a_coin_contract_counts_contracts() -> None:
    async def work(desk: Desk) -> tuple[Any, Mapping[str, str]]:
        outcome = await desk.venue.place(coin_order(reduce_only=True), let_go)
        (seen,) = desk.fake.requests("POST", COIN_CREATE)
        return outcome, seen.params

    outcome, params = on_desk(work)
    assert isinstance(outcome, OrderAccepted)
    wanted = {
        "symbol": "SOL-USD", "quantity": "2", "price": "150", "side": "BUY", "positionSide": "BOTH",
        "timeInForce": "PostOnly", "reduceOnly": "true",
    }  # fmt: skip
    assert {name: params[name] for name in wanted} == wanted


def test_requests_bear_the_venues_time_and_not_our_clocks() -> None:
    async def scenario() -> int:
        clock = WireClock(behind_ms=4_000)
        async with opened(stand=STAND, clock=clock) as desk:
            await desk.venue.place(STAND.order(), let_go)
            return int(desk.fake.seen[0].params["timestamp"]) - clock.now_ms()

    assert 3_500 <= asyncio.run(scenario()) <= 4_500


def test_an_answer_that_finds_fault_with_the_time_has_the_clock_measured_again() -> None:
    async def work(desk: Desk) -> None:
        desk.fake.answers["POST", CREATE] = said(100421, "Null timestamp or timestamp mismatch")
        outcome = await desk.venue.place(STAND.order(), let_go)
        assert isinstance(outcome, OrderRejected)
        assert outcome.reason is RejectReason.CLOCK
        async with asyncio.timeout(60):
            while not desk.fake.requests("GET", f"{SWAP}/v2/server/time"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    on_desk(work)


@proves(Ability.WOULD_CROSS)
def test_an_order_that_would_cross_is_told_so_whether_it_is_refused_or_taken_off() -> None:
    refused = placed(said(101215, "The Maker (Post Only) order ... will be canceled."))
    assert isinstance(refused, OrderRejected)
    assert refused.reason is RejectReason.POST_ONLY_WOULD_CROSS
    untold = record(clientOrderID=OUR_ID, status="CANCELLED", timeInForce="PostOnly", executedQty="")
    assert isinstance(placed(ok({"order": untold})), OrderAccepted), "nobody says that nothing was filled"
    ended = placed(ok({"order": record(clientOrderID=OUR_ID, status="CANCELLED", timeInForce="PostOnly")}))
    assert isinstance(ended, OrderRejected)
    assert ended.reason is RejectReason.POST_ONLY_WOULD_CROSS


def found(answer: Any, *, canceled_first: bool = False) -> OrderReport | None:
    async def work(desk: Desk) -> OrderReport | None:
        if canceled_first:
            await desk.venue.cancel(STAND.cancel())
        desk.fake.answers["GET", CREATE] = answer
        return await desk.venue.find_order(BTC, OUR_ID)

    return on_desk(work, hurried=True)


@proves(Ability.WOULD_CROSS)
def test_a_record_that_ended_as_it_came_and_that_nobody_canceled_would_have_crossed() -> None:
    gone = ok({"order": record(status="CANCELLED", updateTime=AT + 40)})
    report = found(gone)
    assert report is not None
    assert (report.status, report.ended_because) == (ReportStatus.CANCELED, RejectReason.POST_ONLY_WOULD_CROSS)
    later = ok({"order": record(status="CANCELLED", updateTime=AT + 60_000)})
    partly = ok({"order": record(status="CANCELLED", updateTime=AT + 40, executedQty="0.0010")})
    for answer, first in ((later, False), (partly, False), (gone, True)):
        other = found(answer, canceled_first=first)
        assert other is not None
        assert other.ended_because is None


@proves(Ability.OUR_ID)
@pytest.mark.parametrize("code", [101481, 109201])
def test_a_second_use_of_an_id_is_unknown_and_no_refusal(code: int) -> None:
    assert isinstance(placed(said(code, "The clientOrderID has already been used")), OrderOutcomeUnknown)


ECHOES: Mapping[str, Mapping[str, Any]] = {
    "another id": {"clientOrderID": "hbot000100000200"},
    "no id": {"clientOrderID": ""},
    "two ids": {"clientOrderId": "hbot000100000200"},
    "another symbol": {"symbol": "ETH-USDT"},
    "the other side": {"side": "BUY"},
    "another price": {"price": "60000.2"},
    "another quantity": {"quantity": "0.02"},
    "good till canceled": {"timeInForce": "GTC"},
    "a side of a hedge": {"positionSide": "SHORT"},
    "reduce-only": {"reduceOnly": True},
    "a market order": {"type": "MARKET"},
    "no number": {"orderId": 0},
}


@pytest.mark.parametrize("name", ECHOES)
def test_an_acknowledgement_that_says_another_order_is_no_acknowledgement(name: str) -> None:
    told = {
        "symbol": "BTC-USDT", "orderId": 1736012449498123456, "side": "SELL", "positionSide": "BOTH", "type": "LIMIT",
        "clientOrderID": OUR_ID, "workingType": "MARK_PRICE",
    }  # fmt: skip
    assert isinstance(placed(ok({"order": told})), OrderAccepted), "as it was recorded"
    assert isinstance(placed(ok({"order": {**told, **ECHOES[name]}})), OrderOutcomeUnknown)


def test_the_answer_of_a_coin_contract_may_leave_out_our_id_but_not_say_another() -> None:
    told = {
        "orderId": 1809841379603398656, "symbol": "SOL-USD", "positionSide": "BOTH", "side": "BUY", "type": "LIMIT",
        "price": 150, "quantity": 2, "stopPrice": 0, "workingType": "", "timeInForce": "",
    }  # fmt: skip
    assert isinstance(placed(told, COIN_CREATE), OrderAccepted), "as it was recorded, without a frame"
    assert isinstance(placed(ok(told), COIN_CREATE), OrderAccepted)
    assert isinstance(placed(ok({**told, "quantity": 3}), COIN_CREATE), OrderOutcomeUnknown)
    assert isinstance(placed(ok({**told, "clientOrderId": "other"}), COIN_CREATE), OrderOutcomeUnknown)


@proves(Ability.FIND)
def test_an_order_is_found_by_our_id_in_its_own_book() -> None:
    async def work(desk: Desk) -> tuple[OrderReport | None, OrderReport | None, list[tuple[str, str]]]:
        linear = await desk.venue.find_order(BTC, OUR_ID)
        coin = await desk.venue.find_order(COIN, OUR_ID)
        asked = [
            (seen.path, f"{seen.params['clientOrderId']} {seen.params['clientOrderID']}") for seen in desk.fake.seen
        ]
        return linear, coin, asked

    linear, coin, asked = on_desk(work)
    assert asked == [(CREATE, f"{OUR_ID} {OUR_ID}"), (FIND, f"{OUR_ID} {OUR_ID}")]
    assert linear is not None
    assert coin is not None
    assert (linear.quantity, linear.venue_order_id) == (Decimal("0.0020"), "1736012449498123456")
    assert (coin.quantity, coin.status, coin.side) == (Decimal(2), ReportStatus.WORKING, Side.BUY)


@proves(Ability.FIND)
def test_only_the_venues_own_word_says_that_there_is_no_order() -> None:
    assert found(said(80016, "order does not exist")) is None
    assert found(said(109421, "The specified order does not exist")) is None
    assert found(said(80001, "order not exist")) is None
    others = (
        said(80001, "service has some errors"),
        said(109414, "Request failed"),
        ok({}),
        ok({"order": {}}),
        ok({"order": None}),
        ok({"order": record(clientOrderId="other")}),
        ok({"order": record(symbol="ETH-USDT")}),
        ok({"order": record(orderId=None)}),
    )
    for answer in others:
        with pytest.raises(AskAgain):
            found(answer)


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("NEW", ReportStatus.WORKING),
        ("PENDING", ReportStatus.WORKING),
        ("PartiallyFilled", ReportStatus.WORKING),
        ("PARTIALLY_FILLED", ReportStatus.WORKING),
        ("FILLED", ReportStatus.FILLED),
        ("CANCELED", ReportStatus.CANCELED),
        ("EXPIRED", ReportStatus.EXPIRED),
        ("FAILED", ReportStatus.REJECTED),
        ("SOMETHING", ReportStatus.UNRECOGNISED),
    ],
)
def test_statuses_are_known_in_either_spelling_and_others_are_never_final(told: str, status: ReportStatus) -> None:
    report = found(ok({"order": record(status=told)}))
    assert report is not None
    assert report.status is status


@proves(Ability.CANCEL)
def test_a_cancel_by_our_id_gives_the_record_or_is_noted() -> None:
    async def work(desk: Desk) -> tuple[Any, Any]:
        linear = await desk.venue.cancel(STAND.cancel())
        coin = await desk.venue.cancel(CancelOrder(id=COIN, client_order_id=OUR_ID, venue_order_id=None))
        assert [seen.path for seen in desk.fake.seen] == [CREATE, COIN_CANCEL]
        assert all(seen.params["clientOrderId"] == OUR_ID for seen in desk.fake.seen)
        return linear, coin

    linear, coin = on_desk(work)
    assert isinstance(linear, OrderReport)
    assert linear.status is ReportStatus.CANCELED
    assert isinstance(coin, CancelAnswered)
    assert coin.known is True


@proves(Ability.CANCEL)
def test_a_cancel_that_is_refused_says_whether_the_venue_knows_the_order() -> None:
    def known(answer: Any) -> bool | None:
        async def work(desk: Desk) -> bool | None:
            desk.fake.answers["DELETE", CREATE] = answer
            told = await desk.venue.cancel(STAND.cancel())
            assert isinstance(told, CancelAnswered)
            assert len(desk.fake.requests("DELETE", CREATE)) == 1
            return told.known

        return on_desk(work)

    assert known(said(80018, "order is already filled, The order doesn't exist")) is False
    assert known(said(80001, "service has some errors, The order doesn't exist")) is None
    assert known(said(80001, "service has some errors, order not exist")) is None
    assert known(said(80001, "order not exist")) is False
    assert known(ok({"order": record(clientOrderId="other", status="CANCELLED")})) is None
    assert known(ok({"order": record(symbol="ETH-USDT", status="CANCELLED")})) is None
    assert known(ok({"order": record(clientOrderId="", status="CANCELLED")})) is True
    assert known(plain_answer(200, "<html>")) is None


@proves(Ability.LIMITS)
@pytest.mark.parametrize(
    "words",
    [
        "The endpoint trigger frequency limit rule is currently disabled and will be unblocked after {}",
        "over 20 error code:100202 requests within 480000 ms for this api, can retry after time: {}",
    ],
)
def test_the_moment_until_which_the_venue_wants_no_more_is_heeded(words: str) -> None:
    async def scenario() -> tuple[Any, Any, int]:
        async with opened(stand=STAND) as desk:
            until_at = desk.fake.clock_ms() + 240_000
            desk.fake.answers["POST", CREATE] = said(100410, words.format(until_at))
            first = await desk.venue.place(STAND.order(), let_go)
            second = await desk.venue.place(STAND.order(), let_go)
            assert len(desk.fake.requests("POST", CREATE)) == 1
            return first, second, desk.watcher.closed[0] - until_at

    first, second, off = asyncio.run(scenario())
    assert (first.reason, second.reason) == (RejectReason.RATE_LIMITED, RejectReason.RATE_LIMITED)
    assert off == 0


def leave(answer: Any = None) -> tuple[list[str], list[tuple[str, str, str | None]]]:
    """What the emergency exit leaves, and what it asked."""

    async def serve() -> tuple[list[str], list[tuple[str, str, str | None]]]:
        venue = await fake().start()
        if answer is not None:
            venue.answers["DELETE", CREATE] = venue.answers["GET", CREATE] = answer
        network = Network(resolver=Loopback(venue.port), ssl_context=contexts()[1])
        account = EmergencyAccount(venue="bingx", environment="live", credentials=STAND.credentials, network=network)
        live = [
            LiveOrder(account="main", symbol=BTC.symbol, client_order_id=OUR_ID),
            LiveOrder(account="main", symbol=COIN.symbol, client_order_id=OTHER_ID),
        ]
        exit = EmergencyExit({"main": account}, WireClock(), pause_s=0.01)
        coin = coin_record(clientOrderId=OTHER_ID, status="Cancelled")
        venue.answers["GET", FIND] = ok({"order": coin})
        try:
            left = await asyncio.to_thread(exit, live)
        finally:
            await venue.stop()
        assert venue.faults == []
        return list(left), [(seen.method, seen.path, seen.params.get("symbol")) for seen in venue.seen]

    return asyncio.run(serve())


def test_the_emergency_exit_ends_orders_in_both_books_by_our_id() -> None:
    left, asked = leave()
    assert left == []
    wanted = {("DELETE", CREATE, "BTC-USDT"), ("DELETE", COIN_CANCEL, "SOL-USD"), ("GET", FIND, "SOL-USD")}
    assert wanted <= set(asked)


def test_the_emergency_exit_does_not_take_a_strange_record_for_the_end() -> None:
    left, _ = leave(ok({"order": record(clientOrderId="other", status="CANCELLED")}))
    assert left == [OUR_ID]


@pytest.mark.parametrize(
    ("symbol", "raw"),
    [
        ("BTC/USDT:USDT", "BTC-USDT"),  # that any venue's XBT is BTC, the client says of all of them
        ("BTC/USD:BTC", "BTC-USD"),
        ("BSV/USDT:USDT", "BSV-USDT"),
        ("TRUMP/USDT:USDT", "TRUMPSOL-USDT"),
        ("TRUMPMAGA/USDT:USDT", "TRUMP-USDT"),
        ("OmniCat/USDT:USDT", "OMNI-USDT"),
    ],
)
def test_a_coin_that_the_client_renames_has_the_venues_own_name(symbol: str, raw: str) -> None:
    assert raw_name(load_exchange_class("bingx")(), symbol) == raw

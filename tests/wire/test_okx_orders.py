"""Orders on OKX: one plain request each, counted in contracts, with a deadline, and found again by our own id."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from hedger.errors import AskAgain, Bug, GiveUp
from hedger.model.account import MarginMode
from hedger.model.message import CancelAnswered, OrderAccepted, OrderOutcomeUnknown, OrderRejected
from hedger.model.order import FillCause, OrderReport, RejectReason, ReportStatus, Side
from hedger.venues.abilities import Ability
from hedger.venues.okx.listing import contract_of, read_instrument
from tests.support.leave import let_go
from tests.support.stand import OUR_ID, proves
from tests.support.stands.okx import (
    BTC,
    CANCEL,
    CREATE,
    HISTORY,
    INVERSE,
    LEVERAGE,
    ORDER,
    STAND,
    acknowledged,
    answering,
    config,
    failed,
    hurried,
    leverages,
    order,
    refused,
    swap,
    told,
)
from tests.support.wire_server import plain_answer
from tests.support.wire_venue import Desk, WireClock, opened

BOTH = (BTC.symbol, INVERSE.symbol)


async def created(desk: Desk, **changes: Any) -> dict[str, Any]:
    """What was on the wire for an order."""
    desk.fake.seen.clear()
    assert isinstance(await desk.venue.place(STAND.order(**changes), let_go), OrderAccepted)
    assert [(seen.method, seen.path) for seen in desk.fake.seen] == [("POST", CREATE)], "and nothing else"
    return desk.fake.seen[0].params


@proves(Ability.POST_ONLY, Ability.REDUCE_ONLY, Ability.OUR_ID)
def test_an_order_is_one_plain_post_only_request_in_contracts_without_a_mark_of_a_broker() -> None:
    async def scenario() -> None:
        async with opened(BOTH, stand=STAND) as desk:
            assert await created(desk) == {
                "instId": "BTC-USDT-SWAP",
                "tdMode": "cross",
                "clOrdId": OUR_ID,
                "side": "sell",
                "posSide": "net",
                "ordType": "post_only",
                "px": "60000.1",
                "sz": "2",
            }
            buy = await created(desk, side=Side.BUY, reduce_only=True, quantity=Decimal("0.0105"))
            assert (buy["side"], buy["sz"], buy["reduceOnly"]) == ("buy", "1.05", True)
            inverse = await created(desk, id=INVERSE, quantity=Decimal(3))
            assert (inverse["instId"], inverse["sz"]) == ("BTC-USD-SWAP", "3"), "three contracts of 100 dollars"

    asyncio.run(scenario())


@proves(Ability.TIME_TO_LIVE)
def test_the_time_to_live_is_a_deadline_by_the_venue_s_clock_in_the_request_s_head() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND, clock=WireClock(behind_ms=5_000)) as desk:
            await created(desk, ttl_ms=2_500)
            head, now = desk.fake.seen[0].headers, desk.fake.clock_ms()
            assert -1_500 < int(head["expTime"]) - now - 2_500 <= 100
            desk.fake.answers["POST", CREATE] = refused("50036", "The expTime can't be earlier than the system time.")
            late = await desk.venue.place(STAND.order(), let_go)
            assert isinstance(late, OrderRejected)
            assert late.reason is RejectReason.CLOCK
            await desk.venue.cancel(STAND.cancel())
            assert "expTime" not in desk.fake.seen[-1].headers, "a cancel may arrive at any time"

    asyncio.run(scenario())


@pytest.mark.parametrize("size", ["0.01", "0.1", "1", "10", "1000", "10000000", "0.001", "3", "0.0625"])
def test_quantities_are_the_same_in_contracts_and_back_whatever_a_contract_is(size: str) -> None:
    contract = contract_of(read_instrument(swap(ctVal=size)))
    for lots in (1, 7, 99, 123_456):
        contracts = lots * Decimal("0.01")
        assert contract.contracts(contract.units(contracts)) == contracts
    with pytest.raises(ValueError, match="no exact number"):
        contract_of(read_instrument(swap(ctVal="3"))).contracts(Decimal(1))


def test_an_order_off_the_grid_of_contracts_never_leaves() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            with pytest.raises(Bug):
                await desk.venue.place(STAND.order(quantity=Decimal("0.00005")), let_go)
            assert desk.fake.seen == []

    asyncio.run(scenario())


def test_an_acknowledgement_of_another_order_or_of_none_is_unknown() -> None:
    answers: list[Any] = [
        answering(lambda seen: told(acknowledged(seen, clOrdId="hbot000100000200"))),
        answering(lambda seen: told(acknowledged(seen, ordId=""))),
        answering(lambda seen: told(acknowledged(seen, ordId=12))),
        answering(lambda seen: told(acknowledged(seen, sCode=""))),
        answering(lambda seen: told(acknowledged(seen), acknowledged(seen))),
        told(),
        {},
        {"code": "0", "msg": "", "data": None},
        {"code": "0", "msg": "", "data": {}},
        {"code": 0, "msg": "", "data": []},
    ]

    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            for answer in answers:
                desk.fake.seen.clear()
                desk.fake.answers["POST", CREATE] = answer
                outcome = await desk.venue.place(STAND.order(), let_go)
                assert isinstance(outcome, OrderOutcomeUnknown), answer
                assert len(desk.fake.requests("POST", CREATE)) == 1

    asyncio.run(scenario())


def test_a_limit_of_positions_or_of_collateral_is_a_refusal_and_no_unknown_fate() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            for code in ("54024", "54030", "54031", "54035", "54072"):
                desk.fake.answers["POST", CREATE] = refused(code, "Order failed.")
                outcome = await desk.venue.place(STAND.order(), let_go)
                assert isinstance(outcome, OrderRejected), code
                assert outcome.reason is RejectReason.RESTRICTED

    asyncio.run(scenario())


@proves(Ability.WOULD_CROSS)
def test_an_order_that_would_cross_is_accepted_and_its_record_says_why_it_was_taken_off() -> None:
    """State and code of a recorded frame: canceled, by 31."""

    async def scenario() -> OrderReport | None:
        async with opened(stand=STAND) as desk:
            assert isinstance(await desk.venue.place(STAND.order(), let_go), OrderAccepted)
            taken_off = order(clOrdId=OUR_ID, state="canceled", cancelSource="31")
            desk.fake.answers["GET", ORDER] = told(taken_off)
            found = await desk.venue.find_order(BTC, OUR_ID)
            desk.fake.answers["GET", ORDER] = told(taken_off | {"cancelSource": "1"})
            by_us = await desk.venue.find_order(BTC, OUR_ID)
            assert by_us is not None
            assert by_us.ended_because is None, "canceled by a user"
            return found

    found = asyncio.run(scenario())
    assert found is not None
    assert (found.status, found.filled) == (ReportStatus.CANCELED, Decimal(0))
    assert found.ended_because is RejectReason.POST_ONLY_WOULD_CROSS


@proves(Ability.CANCEL)
def test_a_cancel_is_asked_by_our_id_and_only_noted() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            noted = await desk.venue.cancel(STAND.cancel())
            assert isinstance(noted, CancelAnswered)
            assert noted.known is True
            assert [seen.params for seen in desk.fake.seen] == [{"instId": "BTC-USDT-SWAP", "clOrdId": OUR_ID}]
            cases: dict[str, bool | None] = {
                "51400": False,
                "51401": False,
                "51402": False,
                "51410": None,
                "50001": None,
            }
            for code, known in cases.items():
                desk.fake.answers["POST", CANCEL] = failed(code)
                answered = await desk.venue.cancel(STAND.cancel())
                assert isinstance(answered, CancelAnswered)
                assert answered.known is known, code
            other = answering(lambda seen: told(acknowledged(seen, clOrdId="hbot000100000200")))
            desk.fake.answers["POST", CANCEL] = other
            answered = await desk.venue.cancel(STAND.cancel())
            assert isinstance(answered, CancelAnswered)
            assert answered.known is None

    asyncio.run(scenario())


@proves(Ability.FIND)
def test_an_order_is_found_by_our_id_in_the_record_and_then_in_the_history() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            found = await desk.venue.find_order(BTC, OUR_ID)
            assert found is not None
            assert (found.quantity, found.price) == (Decimal("0.02"), Decimal("60000.1"))
            assert desk.fake.seen[0].params == {"instId": "BTC-USDT-SWAP", "clOrdId": OUR_ID}
            for status in (200, 400):
                desk.fake.answers["GET", ORDER] = plain_answer(status, '{"code":"51603","msg":"no","data":[]}')
                desk.fake.answers["GET", HISTORY] = told()
                assert await desk.venue.find_order(BTC, OUR_ID) is None
                old = [
                    order(ordId="7", clOrdId=OUR_ID, state="canceled"),
                    order(ordId="9", clOrdId="h2", state="filled", accFillSz="2"),
                ]
                newer = order(ordId="8", clOrdId=OUR_ID, state="filled", accFillSz="2")
                desk.fake.answers["GET", HISTORY] = told(*old, newer)
                ended = await desk.venue.find_order(BTC, OUR_ID)
                assert ended is not None
                assert (ended.status, ended.venue_order_id) == (ReportStatus.FILLED, "8"), "the newest of that id"
            desk.fake.answers["GET", ORDER] = refused("51001", "Instrument ID does not exist")
            with pytest.raises(GiveUp):  # it says nothing of the order
                await desk.venue.find_order(BTC, OUR_ID)

    asyncio.run(scenario())


def test_a_record_that_is_of_another_order_or_cannot_be_is_asked_for_again() -> None:
    wrong = [
        {"clOrdId": "hbot000100000200"},
        {"instId": "ETH-USDT-SWAP"},
        {"accFillSz": "3"},
        {"accFillSz": "-1"},
        {"accFillSz": ""},
        {"accFillSz": "0", "state": "filled"},
        {"sz": "NaN"},
        {"sz": "1e400"},
        {"side": "both"},
        {"uTime": "1790000000"},
        {"ordId": ""},
        {"reduceOnly": "perhaps"},
    ]

    async def scenario() -> None:
        async with hurried() as desk:
            for changes in wrong:
                desk.fake.answers["GET", ORDER] = told(order(clOrdId=OUR_ID) | changes)
                with pytest.raises(AskAgain):
                    await desk.venue.find_order(BTC, OUR_ID)

    asyncio.run(scenario())


def test_a_state_that_nobody_knows_is_never_final() -> None:
    async def scenario() -> OrderReport | None:
        async with opened(stand=STAND) as desk:
            desk.fake.answers["GET", ORDER] = told(order(clOrdId=OUR_ID, state="frozen"))
            return await desk.venue.find_order(BTC, OUR_ID)

    found = asyncio.run(scenario())
    assert found is not None
    assert found.status is ReportStatus.UNRECOGNISED


def test_the_venue_s_own_orders_are_known_by_their_category() -> None:
    async def scenario() -> list[FillCause]:
        causes = []
        async with opened(stand=STAND) as desk:
            for category in ("normal", "full_liquidation", "partial_liquidation", "adl", "delivery"):
                desk.fake.answers["GET", ORDER] = told(order(clOrdId=OUR_ID, category=category))
                report = await desk.venue.find_order(BTC, OUR_ID)
                assert report is not None
                link = vars(desk.venue)["_link"]
                causes.append(link.seen._orders[BTC, report.venue_order_id][1])
        return causes

    forced = [FillCause.LIQUIDATION, FillCause.LIQUIDATION, FillCause.DELEVERAGING, FillCause.SETTLEMENT]
    assert asyncio.run(scenario()) == [FillCause.ORDER, *forced]


def test_isolated_margin_is_said_by_each_order_once_it_is_configured() -> None:
    async def scenario() -> None:
        async with opened(stand=STAND) as desk:
            desk.fake.answers["GET", LEVERAGE] = answering(lambda seen: leverages(seen, "1"))
            await desk.venue.configure([BTC.symbol], leverage=1, margin_mode=MarginMode.ISOLATED)
            assert (await created(desk))["tdMode"] == "isolated"
            await desk.venue.configure([BTC.symbol], leverage=1, margin_mode=MarginMode.CROSS)
            assert (await created(desk))["tdMode"] == "cross"

    asyncio.run(scenario())
    assert config()["posMode"] == "net_mode"
